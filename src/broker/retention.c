// SPDX-License-Identifier: Apache-2.0
#include "broker/retention.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/dynamic.h"
#include "broker/partition.h"
#include "broker/topics.h"

enum {
    AFTER_ROLL_MS = 1000, // what was closed for its age goes soon, not an interval later
    SLICE_PARTITIONS = 256,
    SLICE_PAUSE_MS = 1
};

static void arm(struct shard *shard, int64_t wait_ms)
{
    int64_t interval_ms = config_get_long(shard->broker->config, "log.retention.check.interval.ms");
    if (wait_ms > interval_ms) wait_ms = interval_ms;
    env_timer_after_ms(shard->env, &shard->retention_timer, wait_ms < INT32_MAX ? wait_ms : INT32_MAX);
}

struct retaining {
    struct plog_retain_op round;
    struct partition *partition;
};

static void report(struct plog *plog, const struct partition *partition, const struct plog_retain_op *round)
{
    struct shard *shard = partition->shard;
    if (round->op.result != OK) return; // closing, truncated or failed: the next round asks again
    if (round->removed_segments > 0) {
        shard->checkpoints_stale = true;
        log_info(shard->log, "broker", "partition=%s-%d retention removed %lld segment(s), log start %lld",
                 partition->topic, partition->index, (long long)round->removed_segments,
                 (long long)plog_log_start(plog));
    }
    if (round->has_rolled && !shard->stopping) arm(shard, AFTER_ROLL_MS);
}

static void retained(struct plog *plog, struct plog_op *op)
{
    struct retaining *retaining = CONTAINER_OF(op, struct retaining, round.op);
    retaining->partition->is_retaining = false;
    report(plog, retaining->partition, &retaining->round);
    mem_free(retaining);
}

static void visit(struct partition *partition, int64_t wall_ms, int64_t producer_expiration_ms)
{
    const struct topic *topic = topic_by_id(partition->shard, partition->topic_id);
    if (partition->state != PARTITION_ONLINE || partition->is_retaining || topic == NULL) return;
    plog_expire_producers(partition->plog, wall_ms, producer_expiration_ms);
    plog_cool(partition->plog);
    if (plog_size_bytes(partition->plog) == 0 && plog_segment_count(partition->plog) == 1) return; // nothing to remove
    bool may_delete = topic->config.cleanup_delete;
    partition->is_retaining = true;
    struct retaining *retaining = MEM_NEW(struct retaining);
    retaining->partition = partition;
    retaining->round = (struct plog_retain_op){
        .op = {.done = retained},
        .retention_ms = may_delete ? topic->config.retention_ms : -1,
        .retention_bytes = may_delete ? topic->config.retention_bytes : -1,
        .wall_ms = wall_ms,
    };
    plog_retain(partition->plog, &retaining->round);
}

// A round over all partitions, some in each turn: fifty thousand at once would be felt by clients.
struct retention_round {
    size_t count;
    size_t next;
    struct {
        struct uuid topic_id;
        int32_t index;
    } keys[];
};

static void end_round(struct shard *shard)
{
    mem_free(shard->retention_round);
    shard->retention_round = NULL;
}

static void go_on(struct env *env, struct env_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, retention_slice);
    struct retention_round *round = shard->retention_round;
    int64_t wall_ms = env_wall_ms(env);
    int64_t expiration_ms = dynamic_int(shard, "producer.id.expiration.ms");
    for (size_t i = 0; i < SLICE_PARTITIONS && round->next < round->count; i++, round->next++) {
        struct partition *partition =
            partition_find(shard, round->keys[round->next].topic_id, round->keys[round->next].index);
        if (partition != NULL) visit(partition, wall_ms, expiration_ms);
    }
    if (round->next == round->count)
        end_round(shard);
    else
        env_timer_after_ms(env, timer, SLICE_PAUSE_MS);
}

static void begin_round(struct env *env, struct env_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, retention_timer);
    arm(shard, INT64_MAX);
    if (shard->retention_round != NULL) return; // the one before has not come to its end
    struct retention_round *round = mem_alloc(sizeof(*round) + shard->partitions.count * sizeof(round->keys[0]));
    round->count = round->next = 0;
    MAP_EACH (link, &shard->partitions) {
        const struct partition *partition = MAP_ITEM(link, struct partition, in_shard);
        round->keys[round->count].topic_id = partition->topic_id;
        round->keys[round->count++].index = partition->index;
    }
    shard->retention_round = round;
    go_on(env, &shard->retention_slice);
}

void retention_start(struct shard *shard)
{
    shard->retention_timer = (struct env_timer){.fire = begin_round};
    shard->retention_slice = (struct env_timer){.fire = go_on};
    // A node that has just started has better things to do, whatever the interval is.
    int64_t wait_ms = config_get_long(shard->broker->config, "log.initial.task.delay.ms");
    env_timer_after_ms(shard->env, &shard->retention_timer, wait_ms < INT32_MAX ? wait_ms : INT32_MAX);
}

void retention_stop(struct shard *shard)
{
    env_timer_cancel(shard->env, &shard->retention_timer);
    env_timer_cancel(shard->env, &shard->retention_slice);
    end_round(shard);
}
