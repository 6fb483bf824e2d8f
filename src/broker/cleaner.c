// SPDX-License-Identifier: Apache-2.0
#include "broker/cleaner.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/dynamic.h"
#include "broker/partition.h"
#include "broker/topics.h"

// One round of compaction; ends as the message that gives its leave back to shard 0.
struct round {
    struct plog_compact_op op;
    struct partition *partition;
    struct list in_shard; // shard.cleaner.rounds
    struct env_msg msg;
};

static void set_paces(struct shard *shard);

static void arm(struct shard *shard, int64_t wait_ms)
{
    if (shard->stopping) return;
    env_timer_after_ms(shard->env, &shard->cleaner.timer, wait_ms < INT32_MAX ? wait_ms : INT32_MAX);
}

// ---- shard 0: who may begin ----

static void begin_with_leave(struct env *env, struct env_msg *msg);

static void deal_out(struct shard *shard0)
{
    struct cleaner *cleaner = &shard0->cleaner;
    int64_t threads = dynamic_int(shard0, "log.cleaner.threads");
    while (cleaner->running < threads) {
        struct list *link = list_pop_front(&cleaner->asking);
        if (link == NULL) return;
        struct cleaner_ask *ask = LIST_ITEM(link, struct cleaner_ask, link);
        cleaner->running++;
        ask->msg.run = begin_with_leave;
        env_post(ask->shard->env, &ask->msg);
    }
}

static void asked(struct env *env, struct env_msg *msg)
{
    struct shard *shard0 = shard_here(env);
    list_push_back(&shard0->cleaner.asking, &CONTAINER_OF(msg, struct cleaner_ask, msg)->link);
    deal_out(shard0);
}

static void given_back(struct env *env, struct env_msg *msg)
{
    struct shard *shard0 = shard_here(env);
    mem_free(CONTAINER_OF(msg, struct round, msg));
    shard0->cleaner.running--;
    deal_out(shard0);
    set_paces(shard0);
}

// ---- rounds ----

static void give_back(struct shard *shard, struct round *round)
{
    round->msg.run = given_back;
    env_post(shard->broker->shards[0]->env, &round->msg);
}

// log.cleaner.io.max.bytes.per.second is the node's. One shard knows how many rounds share it; of several each takes
// its thread's part, so that together they never exceed it.
static void set_paces(struct shard *shard)
{
    if (list_is_empty(&shard->cleaner.rounds)) return;
    double rate = dynamic_double(shard, "log.cleaner.io.max.bytes.per.second");
    bool is_alone = shard->broker->shard_count == 1;
    int64_t sharers = is_alone ? shard->cleaner.running : dynamic_int(shard, "log.cleaner.threads");
    double pace = rate / (double)(sharers < 1 ? 1 : sharers);
    LIST_EACH (link, &shard->cleaner.rounds)
        LIST_ITEM(link, struct round, in_shard)->op.bytes_per_s = pace < 9e18 ? (int64_t)pace : INT64_MAX;
}

struct compacting {
    struct plog_compact_op round;
    struct partition *partition;
};

static void compacted(struct plog *plog, struct plog_op *op)
{
    struct round *round = CONTAINER_OF(CONTAINER_OF(op, struct plog_compact_op, op), struct round, op);
    struct partition *partition = round->partition;
    struct shard *shard = partition->shard;
    (void)plog;
    if (op->result == OK) {
        shard->checkpoints_stale = true;
        log_info(shard->log, "broker", "partition=%s-%d compacted: %lld bytes became %lld", partition->topic,
                 partition->index, (long long)round->op.bytes_before, (long long)round->op.bytes_after);
    }
    list_remove(&round->in_shard);
    give_back(shard, round);
    if (op->result == OK) arm(shard, 0);
}

static struct plog_compact_limits limits_of(const struct topic_config *config)
{
    return (struct plog_compact_limits){.min_lag_ms = config->min_compaction_lag_ms,
                                        .max_lag_ms = config->max_compaction_lag_ms};
}

static struct partition *dirtiest(struct shard *shard, int64_t wall_ms)
{
    struct partition *found = NULL;
    double most = 0;
    MAP_EACH (link, &shard->partitions) {
        struct partition *partition = MAP_ITEM(link, struct partition, in_shard);
        const struct topic *topic = topic_by_id(shard, partition->topic_id);
        if (partition->state != PARTITION_ONLINE || topic == NULL || !topic->config.cleanup_compact) continue;
        if (partition->move != NULL) continue; // its copy is cleaned instead, when it is the log
        struct plog_compact_limits limits = limits_of(&topic->config);
        struct plog_dirtiness dirtiness;
        plog_dirtiness(partition->plog, &limits, wall_ms, &dirtiness);
        bool is_due = dirtiness.is_overdue || dirtiness.ratio > topic->config.min_cleanable_dirty_ratio;
        if (!is_due || dirtiness.ratio <= most) continue;
        most = dirtiness.ratio;
        found = partition;
    }
    return found;
}

static void begin(struct partition *partition, struct round *round, int64_t wall_ms)
{
    struct shard *shard = partition->shard;
    const struct topic_config *config = &topic_by_id(shard, partition->topic_id)->config;
    int64_t threads = dynamic_int(shard, "log.cleaner.threads");
    if (threads < 1) threads = 1;
    int64_t map_bytes = dynamic_int(shard, "log.cleaner.dedupe.buffer.size") / threads;
    int64_t io_bytes = dynamic_int(shard, "log.cleaner.io.buffer.size") / threads / 2; // one to read, one to write
    round->partition = partition;
    round->op = (struct plog_compact_op){
        .op = {.done = compacted},
        .limits = limits_of(config),
        .delete_retention_ms = config->delete_retention_ms,
        .map_bytes_max = map_bytes < INT32_MAX ? map_bytes : INT32_MAX, // Kafka's limit per thread
        .map_load_factor = dynamic_double(shard, "log.cleaner.io.buffer.load.factor"),
        .io_bytes = io_bytes < 1 ? 1 : io_bytes,
        .wall_ms = wall_ms,
    };
    list_push_back(&shard->cleaner.rounds, &round->in_shard);
    set_paces(shard);
    plog_compact(partition->plog, &round->op);
}

static void ask_if_due(struct shard *shard, int64_t wall_ms)
{
    if (shard->cleaner.is_asking || shard->stopping || dirtiest(shard, wall_ms) == NULL) return;
    shard->cleaner.is_asking = true;
    shard->cleaner.ask.shard = shard;
    shard->cleaner.ask.msg.run = asked;
    env_post(shard->broker->shards[0]->env, &shard->cleaner.ask.msg);
}

static void begin_with_leave(struct env *env, struct env_msg *msg)
{
    struct shard *shard = shard_here(env);
    (void)msg;
    int64_t wall_ms = env_wall_ms(env);
    struct round *round = MEM_NEW(struct round);
    struct partition *partition = shard->stopping ? NULL : dirtiest(shard, wall_ms);
    shard->cleaner.is_asking = false;
    if (partition == NULL) {
        give_back(shard, round);
        return;
    }
    begin(partition, round, wall_ms);
    ask_if_due(shard, wall_ms);
}

static void look(struct env *env, struct env_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, cleaner.timer);
    arm(shard, dynamic_int(shard, "log.cleaner.backoff.ms"));
    ask_if_due(shard, env_wall_ms(env));
}

void cleaner_refresh(struct shard *shard)
{
    if (!shard->cleaner.is_on || shard->stopping) return;
    set_paces(shard);
    if (shard == shard->broker->shards[0]) deal_out(shard);
}

void cleaner_start(struct shard *shard)
{
    shard->cleaner.timer.fire = look;
    if (!config_get_bool(shard->broker->config, "log.cleaner.enable")) return;
    shard->cleaner.is_on = true;
    arm(shard, dynamic_int(shard, "log.cleaner.backoff.ms"));
}

void cleaner_stop(struct shard *shard)
{
    env_timer_cancel(shard->env, &shard->cleaner.timer);
}
