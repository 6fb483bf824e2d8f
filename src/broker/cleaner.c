// SPDX-License-Identifier: Apache-2.0
#include "broker/cleaner.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/dynamic.h"
#include "broker/partition.h"
#include "broker/topics.h"

static void arm(struct shard *shard, int64_t wait_ms)
{
    env_timer_after_ms(shard->env, &shard->cleaner_timer, wait_ms < INT32_MAX ? wait_ms : INT32_MAX);
}

struct compacting {
    struct plog_compact_op round;
    struct partition *partition;
};

static void compacted(struct plog *plog, struct plog_op *op)
{
    struct compacting *compacting = CONTAINER_OF(op, struct compacting, round.op);
    const struct plog_compact_op *round = &compacting->round;
    const struct partition *partition = compacting->partition;
    struct shard *shard = partition->shard;
    (void)plog;
    if (op->result == OK) {
        shard->checkpoints_stale = true;
        log_info(shard->log, "broker", "partition=%s-%d compacted: %lld bytes became %lld", partition->topic,
                 partition->index, (long long)round->bytes_before, (long long)round->bytes_after);
    }
    if (!shard->stopping) arm(shard, op->result == OK ? 0 : dynamic_int(shard, "log.cleaner.backoff.ms"));
    mem_free(compacting);
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

static void begin_round(struct env *env, struct env_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, cleaner_timer);
    int64_t wall_ms = env_wall_ms(env);
    struct partition *partition = dirtiest(shard, wall_ms);
    if (partition == NULL) {
        arm(shard, dynamic_int(shard, "log.cleaner.backoff.ms"));
        return;
    }
    const struct topic_config *config = &topic_by_id(shard, partition->topic_id)->config;
    struct compacting *compacting = MEM_NEW(struct compacting);
    compacting->partition = partition;
    compacting->round = (struct plog_compact_op){
        .op = {.done = compacted},
        .limits = limits_of(config),
        .delete_retention_ms = config->delete_retention_ms,
        .map_bytes_max = dynamic_int(shard, "log.cleaner.dedupe.buffer.size") / shard->broker->shard_count,
        .wall_ms = wall_ms,
    };
    plog_compact(partition->plog, &compacting->round);
}

void cleaner_start(struct shard *shard)
{
    shard->cleaner_timer = (struct env_timer){.fire = begin_round};
    if (config_get_bool(shard->broker->config, "log.cleaner.enable"))
        arm(shard, dynamic_int(shard, "log.cleaner.backoff.ms"));
}

void cleaner_stop(struct shard *shard)
{
    env_timer_cancel(shard->env, &shard->cleaner_timer);
}
