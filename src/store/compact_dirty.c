// SPDX-License-Identifier: Apache-2.0
// What may be compacted, and how much of it is dirty (kafka-internals B7): closed segments below the last stable
// offset, up to the first that holds a record younger than min.compaction.lag.ms. The times of segments that were not
// opened since the start are looked up in a task, when somebody's lag asks for them; until then there is nothing to do.
#include "store/compact_int.h"

enum { LEARNT_AT_ONCE = 64 };

struct learn_task {
    struct plog_task base;
    size_t count;
    struct view views[LEARNT_AT_ONCE];
    int64_t newest_ms[LEARNT_AT_ONCE];
    int64_t first_timestamp[LEARNT_AT_ONCE];
    enum err outcome;
};

static bool knows_newest(const struct segment *s)
{
    return s->knows_newest || (s->has_times && s->max_timestamp >= 0);
}

static int64_t newest_ms_of(const struct segment *s)
{
    if (s->has_times && s->max_timestamp >= 0) return s->max_timestamp;
    return s->knows_newest ? s->newest_ms : s->created_ms;
}

static enum err learn_one(struct learn_task *t, struct fs *fs, size_t i)
{
    struct view *view = &t->views[i];
    struct found_batch first;
    struct file_stat stat = {0};
    enum err e = view_open(view, fs, t->base.dir_path);
    if (e == OK) e = view_largest_timestamp(view, fs, t->base.dir_path, &t->newest_ms[i]);
    if (e == OK && t->newest_ms[i] < 0) {
        e = file_stat(view->log, &stat);
        t->newest_ms[i] = stat.mtime_ms;
    }
    if (e != OK) return e;
    e = view_batch_at(view, true, 0, &first);
    t->first_timestamp[i] = e == OK ? first.header.max_timestamp : NO_TIMESTAMP;
    return e == ERR_NOT_FOUND || e == ERR_CORRUPT ? OK : e;
}

static void learn_run(struct env_task *task, struct fs *fs)
{
    struct learn_task *t = CONTAINER_OF(task, struct learn_task, base.task);
    t->base.what = "reading a segment's times";
    for (size_t i = 0; i < t->count && t->outcome == OK; i++) t->outcome = learn_one(t, fs, i);
    if (t->outcome == ERR_IO) t->base.result = ERR_IO;
}

static void learn_done(struct env *env, struct env_task *task)
{
    struct learn_task *t = CONTAINER_OF(task, struct learn_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog->is_learning_times = false;
    for (size_t i = 0; i < t->count; i++) {
        struct segment *s = plog_segment_at(plog, t->views[i].base_offset);
        if (s != NULL && t->outcome == OK) {
            s->newest_ms = t->newest_ms[i];
            s->knows_newest = true;
            if (s->lacks_first_timestamp) s->first_timestamp = t->first_timestamp[i];
            s->lacks_first_timestamp = false;
        }
        view_deinit(&t->views[i], true);
    }
    mem_free(t);
    plog_step(plog);
}

// True: something has to be looked up first.
static bool must_learn(struct plog *plog, const struct plog_compact_limits *limits, int64_t from)
{
    struct learn_task *t = NULL;
    bool needs_newest = limits->min_lag_ms > 0, needs_first = limits->max_lag_ms < INT64_MAX;
    if (plog->is_learning_times) return true;
    for (size_t i = 0; i + 1 < plog->segment_count && (needs_newest || needs_first); i++) {
        const struct segment *s = plog->segments[i];
        if (!s->is_sealed) break;
        if (plog->segments[i + 1]->base_offset <= from) continue;
        bool is_known = (!needs_newest || knows_newest(s)) && (!needs_first || !s->lacks_first_timestamp);
        if (is_known) continue;
        if (t == NULL) t = MEM_NEW(struct learn_task);
        view_init(&t->views[t->count++], s, s->size, true);
        if (t->count == LEARNT_AT_ONCE) break;
    }
    if (t == NULL) return false;
    t->base.task.run = learn_run;
    t->base.task.done = learn_done;
    plog->is_learning_times = true;
    plog_task_post(plog, &t->base, 0);
    return true;
}

int64_t compact_dirty_from(const struct plog *plog)
{
    bool is_possible = plog->cleaned_to >= plog->log_start && plog->cleaned_to <= plog->published.offset;
    return is_possible ? plog->cleaned_to : plog->log_start;
}

size_t compact_cleanable_count(const struct plog *plog, const struct plog_compact_limits *limits, int64_t wall_ms)
{
    int64_t from = compact_dirty_from(plog), stable = plog_last_stable_offset(plog);
    size_t count = 0;
    for (; count + 1 < plog->segment_count; count++) {
        const struct segment *s = plog->segments[count];
        int64_t end = plog->segments[count + 1]->base_offset;
        if (!s->is_sealed || end > stable) break;
        if (limits->min_lag_ms > 0 && end > from && wall_ms - newest_ms_of(s) < limits->min_lag_ms) break;
    }
    return count;
}

static bool is_overdue(const struct plog *plog, const struct plog_compact_limits *limits, int64_t from, int64_t wall_ms)
{
    if (limits->max_lag_ms == INT64_MAX) return false;
    for (size_t i = 0; i + 1 < plog->segment_count; i++) {
        const struct segment *s = plog->segments[i];
        bool is_dirty = plog->segments[i + 1]->base_offset > from;
        if (is_dirty && s->first_timestamp > 0 && s->first_timestamp < wall_ms - limits->max_lag_ms) return true;
    }
    return false;
}

void plog_dirtiness(struct plog *plog, const struct plog_compact_limits *limits, int64_t wall_ms,
                    struct plog_dirtiness *out)
{
    int64_t clean = 0, dirty = 0, from = compact_dirty_from(plog);
    *out = (struct plog_dirtiness){0};
    if (plog->has_failed || plog->state != PLOG_OPEN || plog->compaction != NULL || plog->is_uncleanable) return;
    if (must_learn(plog, limits, from)) return;
    size_t count = compact_cleanable_count(plog, limits, wall_ms);
    for (size_t i = 0; i < plog->segment_count; i++) {
        const struct segment *s = plog->segments[i];
        if (s->base_offset < from) clean += s->size; // one that is half clean counts twice, as in Kafka
        if (i < count && plog->segments[i + 1]->base_offset > from) dirty += s->size;
    }
    if (dirty == 0) return;
    out->ratio = (double)dirty / (double)(clean + dirty);
    out->is_overdue = is_overdue(plog, limits, from, wall_ms);
}
