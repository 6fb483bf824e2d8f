// SPDX-License-Identifier: Apache-2.0
#include "broker/retention.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/dynamic.h"
#include "broker/partition.h"
#include "broker/topics.h"

enum {
    FIRST_ROUND_MS = 30 * 1000, // Kafka's: a node that has just started has better things to do
    AFTER_ROLL_MS = 1000        // what was closed for its age goes soon, not an interval later
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

static void begin_round(struct env *env, struct env_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, retention_timer);
    int64_t wall_ms = env_wall_ms(env);
    int64_t expiration_ms = dynamic_int(shard, "producer.id.expiration.ms");
    arm(shard, INT64_MAX);
    MAP_EACH (link, &shard->partitions) visit(MAP_ITEM(link, struct partition, in_shard), wall_ms, expiration_ms);
}

void retention_start(struct shard *shard)
{
    shard->retention_timer = (struct env_timer){.fire = begin_round};
    arm(shard, FIRST_ROUND_MS);
}

void retention_stop(struct shard *shard)
{
    env_timer_cancel(shard->env, &shard->retention_timer);
}
