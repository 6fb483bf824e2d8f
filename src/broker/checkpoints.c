// SPDX-License-Identifier: Apache-2.0
#include "broker/checkpoints.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/move_replica.h"

// ---- sets ------------------------------------------------------------------------------------------------------

struct checkpoint_set *checkpoint_set_new(void)
{
    return MEM_NEW(struct checkpoint_set);
}

void checkpoint_set_free(struct checkpoint_set *set)
{
    if (set == NULL) return;
    arena_deinit(&set->arena);
    mem_free(set->items);
    mem_free(set);
}

void checkpoint_set_add(struct checkpoint_set *set, const struct partition *partition, struct logdir *dir,
                        const struct plog_checkpoint *values)
{
    if (set->count == set->capacity) {
        set->capacity = set->capacity == 0 ? 16 : set->capacity * 2;
        set->items = mem_realloc(set->items, set->capacity * sizeof(*set->items));
    }
    set->items[set->count++] = (struct checkpoint_item){.dir = dir,
                                                        .topic = arena_copy(&set->arena, slice_str(partition->topic)),
                                                        .partition = partition->index,
                                                        .values = *values};
}

enum which { RECOVERY_POINTS, LOG_STARTS, HIGH_WATERMARKS, CLEANED_TO };

// False: this partition is not listed in that file.
static bool pick(const struct checkpoint_item *item, enum which which, int64_t *offset)
{
    switch (which) {
    case RECOVERY_POINTS: *offset = item->values.recovery_point; return true;
    case LOG_STARTS: *offset = item->values.log_start; return item->values.lists_log_start;
    case HIGH_WATERMARKS: *offset = item->values.high_watermark; return true;
    case CLEANED_TO: *offset = item->values.cleaned_to; return item->values.cleaned_to > 0;
    }
    return false;
}

static enum err store(struct fs *fs, struct logdir *dir, struct checkpoint_set *const *sets, int set_count,
                      enum which which, const char *file)
{
    struct arena arena = {0};
    size_t total = 0;
    for (int s = 0; s < set_count; s++) total += sets[s]->count;
    struct checkpoint_entry *entries = ARENA_ARRAY(&arena, struct checkpoint_entry, total);
    size_t count = 0;
    for (int s = 0; s < set_count; s++) {
        for (size_t i = 0; i < sets[s]->count; i++) {
            const struct checkpoint_item *item = &sets[s]->items[i];
            int64_t offset = 0;
            if (item->dir == dir && pick(item, which, &offset))
                entries[count++] = (struct checkpoint_entry){item->topic, item->partition, offset};
        }
    }
    enum err e = checkpoint_store(fs, arena_printf(&arena, "%s/%s", logdir_path(dir), file), entries, count);
    arena_deinit(&arena);
    return e;
}

enum err checkpoint_sets_store(struct fs *fs, struct logdir *dir, struct checkpoint_set *const *sets, int set_count,
                               bool high_watermarks_only)
{
    enum err e = store(fs, dir, sets, set_count, HIGH_WATERMARKS, CHECKPOINT_HIGH_WATERMARK);
    if (e == OK && !high_watermarks_only)
        e = store(fs, dir, sets, set_count, RECOVERY_POINTS, CHECKPOINT_RECOVERY_POINT);
    if (e == OK && !high_watermarks_only) e = store(fs, dir, sets, set_count, LOG_STARTS, CHECKPOINT_LOG_START);
    if (e == OK && !high_watermarks_only) e = store(fs, dir, sets, set_count, CLEANED_TO, CHECKPOINT_CLEANER);
    return e;
}

// ---- rounds ----------------------------------------------------------------------------------------------------

struct visit { // to one shard and back
    struct env_msg msg;
    struct checkpoint_rounds *rounds;
    bool was_stale;
};

struct checkpoint_rounds {
    struct broker *broker;
    struct env_timer timer;
    struct env_task task;
    int64_t period_ms;
    int full_every; // each so many rounds all three files are written
    int round;
    bool is_under_way;
    int visits_out;
    struct visit *visits;
    struct checkpoint_set **sets; // by shard
    bool is_stopping;
    void (*stopped)(struct broker *broker);
};

static bool is_full(const struct checkpoint_rounds *rounds)
{
    return rounds->round % rounds->full_every == 0;
}

static void end_round(struct checkpoint_rounds *rounds)
{
    for (int i = 0; i < rounds->broker->shard_count; i++) {
        checkpoint_set_free(rounds->sets[i]);
        rounds->sets[i] = NULL;
    }
    rounds->is_under_way = false;
    if (rounds->is_stopping)
        rounds->stopped(rounds->broker);
    else
        env_timer_after_ms(rounds->broker->shards[0]->env, &rounds->timer, rounds->period_ms);
}

static void store_run(struct env_task *task, struct fs *fs)
{
    struct checkpoint_rounds *rounds = CONTAINER_OF(task, struct checkpoint_rounds, task);
    struct broker *broker = rounds->broker;
    for (int i = 0; i < broker->logdir_count; i++) {
        if (logdir_is_offline(broker->logdirs[i])) continue;
        enum err e = checkpoint_sets_store(fs, broker->logdirs[i], rounds->sets, broker->shard_count, !is_full(rounds));
        if (e != OK) logdir_take_offline(broker->logdirs[i], e, "writing the checkpoint files");
    }
}

static void store_done(struct env *env, struct env_task *task)
{
    (void)env;
    end_round(CONTAINER_OF(task, struct checkpoint_rounds, task));
}

static void gathered(struct env *env, struct env_msg *msg)
{
    struct checkpoint_rounds *rounds = CONTAINER_OF(msg, struct visit, msg)->rounds;
    if (--rounds->visits_out > 0) return;
    rounds->task = (struct env_task){.run = store_run, .done = store_done};
    env_task_post(env, &rounds->task);
}

static void gather(struct env *env, struct env_msg *msg)
{
    struct visit *visit = CONTAINER_OF(msg, struct visit, msg);
    struct shard *shard = shard_here(env);
    struct checkpoint_set *set = visit->rounds->sets[env->shard];
    shard->checkpoints_stale = false;
    MAP_EACH (link, &shard->partitions) {
        struct partition *partition = MAP_ITEM(link, struct partition, in_shard);
        if (partition->state != PARTITION_ONLINE) continue;
        struct plog_checkpoint values;
        plog_checkpoint(partition->plog, &values);
        checkpoint_set_add(set, partition, partition->dir, &values);
        if (partition->move == NULL || move_copy(partition->move) == NULL) continue;
        plog_checkpoint(move_copy(partition->move), &values);
        checkpoint_set_add(set, partition, move_to(partition->move), &values);
    }
    visit->msg.run = gathered;
    env_post(shard->broker->shards[0]->env, &visit->msg);
}

static void visit_shards(struct checkpoint_rounds *rounds, void (*run)(struct env *env, struct env_msg *msg))
{
    struct broker *broker = rounds->broker;
    rounds->visits_out = broker->shard_count;
    for (int i = 0; i < broker->shard_count; i++) {
        rounds->visits[i].msg = (struct env_msg){.run = run};
        env_post(broker->shards[i]->env, &rounds->visits[i].msg);
    }
}

// Every partition belongs into the files once one has moved; as long as none has, nobody walks over them.
static void asked(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct checkpoint_rounds *rounds = CONTAINER_OF(msg, struct visit, msg)->rounds;
    if (--rounds->visits_out > 0) return;
    bool any_stale = false;
    for (int i = 0; i < rounds->broker->shard_count; i++) any_stale |= rounds->visits[i].was_stale;
    if (!any_stale) {
        end_round(rounds);
        return;
    }
    for (int i = 0; i < rounds->broker->shard_count; i++) rounds->sets[i] = checkpoint_set_new();
    visit_shards(rounds, gather);
}

static void ask(struct env *env, struct env_msg *msg)
{
    struct visit *visit = CONTAINER_OF(msg, struct visit, msg);
    struct shard *shard = shard_here(env);
    visit->was_stale = shard->checkpoints_stale;
    visit->msg.run = asked;
    env_post(shard->broker->shards[0]->env, &visit->msg);
}

static void begin_round(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct checkpoint_rounds *rounds = CONTAINER_OF(timer, struct checkpoint_rounds, timer);
    rounds->round++;
    rounds->is_under_way = true;
    for (int i = 0; i < rounds->broker->shard_count; i++) rounds->visits[i] = (struct visit){.rounds = rounds};
    visit_shards(rounds, ask);
}

struct checkpoint_rounds *checkpoint_rounds_start(struct broker *broker)
{
    struct checkpoint_rounds *rounds = MEM_NEW(struct checkpoint_rounds);
    int64_t full_ms = config_get_int(broker->config, "log.flush.offset.checkpoint.interval.ms");
    rounds->broker = broker;
    rounds->timer.fire = begin_round;
    rounds->period_ms = config_get_long(broker->config, "replica.high.watermark.checkpoint.interval.ms");
    if (rounds->period_ms < 1) rounds->period_ms = 1;
    rounds->full_every = full_ms > rounds->period_ms ? (int)(full_ms / rounds->period_ms) : 1;
    rounds->visits = mem_zalloc((size_t)broker->shard_count, sizeof(*rounds->visits));
    rounds->sets = mem_zalloc((size_t)broker->shard_count, sizeof(*rounds->sets));
    env_timer_after_ms(broker->shards[0]->env, &rounds->timer, rounds->period_ms);
    return rounds;
}

void checkpoint_rounds_stop(struct checkpoint_rounds *rounds, void (*stopped)(struct broker *broker))
{
    rounds->is_stopping = true;
    rounds->stopped = stopped;
    env_timer_cancel(rounds->broker->shards[0]->env, &rounds->timer);
    if (!rounds->is_under_way) stopped(rounds->broker);
}

void checkpoint_rounds_free(struct checkpoint_rounds *rounds)
{
    if (rounds == NULL) return;
    mem_free(rounds->visits);
    mem_free(rounds->sets);
    mem_free(rounds);
}
