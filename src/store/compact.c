// SPDX-License-Identifier: Apache-2.0
// A round of compaction over a log's closed segments. What is long runs in a task with views of its own, in a lane of
// its own, and may be cancelled between two batches; the loop only swaps segments in its list, group by group.
//
// Order on disk, per group of adjacent segments: <base>.{log,index,timeindex}.cleaned written and synced -> the loop
// puts the new segment into the list, its files open -> all renamed to .swap, the directory synced -> the old files
// removed -> .swap dropped from the names, the directory synced. Loading throws .cleaned away and finishes a .swap, so
// a power cut leaves the group as it was or as it is to be. Both say the same to a reader.
#include <stdlib.h>

#include "store/compact_int.h"

struct compaction {
    struct plog_task base;
    struct plog_compact_op *op;
    struct compact_source *sources; // all closed segments that may be looked at, in order
    size_t source_count;
    size_t next;        // first source of the group under way
    size_t group_count; // sources in it
    struct key_map map;
    bool has_map;
    int64_t dirty_from;
    int64_t map_end;
    int64_t *newest_of_producers;
    size_t producer_count;
    uint64_t seeds[2];
    int32_t segment_bytes;
    int32_t index_interval_bytes;
    int is_cancelled; // __atomic access only: the loop sets it, the task looks
    enum err outcome;
    struct segment *fresh;
};

// ---- what may be compacted ----

static int64_t newest_ms_of(const struct segment *s)
{
    return s->has_times && s->max_timestamp >= 0 ? s->max_timestamp : s->created_ms;
}

static int64_t oldest_ms_of(const struct segment *s)
{
    return s->first_timestamp >= 0 ? s->first_timestamp : s->created_ms;
}

// How many segments at the start are closed, decided, and old enough.
static size_t cleanable_count(const struct plog *plog, const struct plog_compact_limits *limits, int64_t wall_ms)
{
    size_t count = 0;
    while (count + 1 < plog->segment_count) {
        const struct segment *s = plog->segments[count];
        if (!s->is_sealed || plog->segments[count + 1]->base_offset > plog_last_stable_offset(plog)) break;
        if (limits->min_lag_ms > 0 && wall_ms - newest_ms_of(s) < limits->min_lag_ms) break;
        count++;
    }
    return count;
}

static int64_t dirty_from(const struct plog *plog)
{
    int64_t first = plog->segments[0]->base_offset;
    return plog->cleaned_to < first ? first : plog->cleaned_to;
}

void plog_dirtiness(const struct plog *plog, const struct plog_compact_limits *limits, int64_t wall_ms,
                    struct plog_dirtiness *out)
{
    int64_t clean = 0, dirty = 0, from = dirty_from(plog);
    *out = (struct plog_dirtiness){0};
    if (plog->has_failed || plog->state != PLOG_OPEN || plog->compaction != NULL || plog->is_uncleanable) return;
    size_t count = cleanable_count(plog, limits, wall_ms);
    for (size_t i = 0; i < count; i++) {
        const struct segment *s = plog->segments[i];
        bool is_dirty = plog->segments[i + 1]->base_offset > from;
        *(is_dirty ? &dirty : &clean) += s->size;
        if (is_dirty && limits->max_lag_ms < INT64_MAX && wall_ms - oldest_ms_of(s) > limits->max_lag_ms)
            out->is_overdue = true;
    }
    if (dirty > 0) out->ratio = (double)dirty / (double)(clean + dirty);
}

// ---- tasks ----

static enum err make_map(struct compaction *c, struct fs *fs)
{
    const struct compact_source *last = &c->sources[c->source_count - 1];
    key_map_init(&c->map, last->end_offset - c->dirty_from, (size_t)c->op->map_bytes_max, c->seeds);
    c->map_end = c->dirty_from;
    for (size_t i = 0; i < c->source_count; i++) {
        struct compact_source *source = &c->sources[i];
        if (source->end_offset <= c->dirty_from) continue;
        enum err e = view_open(&source->view, fs, c->base.dir_path);
        if (e == OK) e = compact_map_source(&c->map, source, c->dirty_from, &c->is_cancelled, &c->map_end);
        if (e != OK) return e;
        if (c->map_end < source->end_offset) break; // full: the rest is for the next round
    }
    // One key more than the map can hold must not stop the log for ever.
    return c->map_end > c->dirty_from ? OK : ERR_TOO_LARGE;
}

// As many neighbours as fit into one segment.
static void choose_group(struct compaction *c)
{
    int64_t size = 0, base = c->sources[c->next].base_offset;
    c->group_count = 0;
    for (size_t i = c->next; i < c->source_count; i++) {
        const struct compact_source *source = &c->sources[i];
        size += source->view.size;
        bool fits = size <= c->segment_bytes && source->end_offset - base <= INT32_MAX;
        if (c->group_count > 0 && !fits) return;
        c->group_count++;
    }
}

static void rewrite_run(struct env_task *task, struct fs *fs)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    c->base.what = "compacting";
    c->outcome = c->has_map ? OK : make_map(c, fs);
    c->has_map = true;
    if (c->outcome == OK) {
        const struct compact_rules rules = {
            .map = &c->map,
            .map_end = c->map_end,
            .now_ms = c->op->wall_ms,
            .delete_retention_ms = c->op->delete_retention_ms,
            .newest_of_producers = c->newest_of_producers,
            .producer_count = c->producer_count,
            .index_interval_bytes = c->index_interval_bytes,
            .is_cancelled = &c->is_cancelled,
        };
        choose_group(c);
        c->outcome = compact_rewrite(fs, c->base.dir_path, &c->sources[c->next], c->group_count, &rules, &c->fresh);
    }
    if (c->outcome == ERR_IO) c->base.result = ERR_IO;
}

static const char *const suffixes[] = {".index", ".timeindex", ".log"};

static enum err rename_all(struct fs *fs, const char *dir_path, int64_t base, const char *from, const char *to)
{
    enum err e = OK;
    for (size_t i = 0; i < COUNT_OF(suffixes) && e == OK; i++) {
        char *path = segment_path(dir_path, base, suffixes[i]);
        char *old_path = path_printf("%s%s", path, from);
        char *new_path = path_printf("%s%s", path, to);
        e = fs_rename(fs, old_path, new_path);
        mem_free(path);
        mem_free(old_path);
        mem_free(new_path);
    }
    return e == OK ? fs_sync_dir(fs, dir_path) : e;
}

static void swap_run(struct env_task *task, struct fs *fs)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    const char *dir_path = c->base.dir_path;
    int64_t base = c->sources[c->next].base_offset;
    c->base.what = "putting a compacted segment in place";
    enum err e = rename_all(fs, dir_path, base, ".cleaned", ".swap");
    for (size_t i = 0; i < c->group_count && e == OK; i++) {
        int64_t old = c->sources[c->next + i].base_offset;
        e = segment_remove_files(fs, dir_path, old);
        char *snapshot = segment_path(dir_path, old, ".snapshot");
        if (e == OK && i > 0) e = file_remove(fs, snapshot);
        mem_free(snapshot);
    }
    if (e == OK) e = rename_all(fs, dir_path, base, ".swap", "");
    c->base.result = e;
}

static void discard_run(struct env_task *task, struct fs *fs)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    c->base.what = "discarding a compaction";
    for (size_t i = 0; i < COUNT_OF(suffixes) && c->base.result == OK && c->source_count > 0; i++) {
        char *path = segment_path(c->base.dir_path, c->sources[c->next].base_offset, suffixes[i]);
        char *cleaned = path_printf("%s.cleaned", path);
        c->base.result = file_remove(fs, cleaned);
        mem_free(cleaned);
        mem_free(path);
    }
}

// ---- the loop ----

static void rewrite_done(struct env *env, struct env_task *task);
static void swap_done(struct env *env, struct env_task *task);
static void discard_done(struct env *env, struct env_task *task);

static void post(struct compaction *c, struct plog *plog, void (*run)(struct env_task *task, struct fs *fs),
                 void (*done)(struct env *env, struct env_task *task), uintptr_t lane)
{
    c->base = (struct plog_task){.task = {.run = run, .done = done}};
    plog_task_post(plog, &c->base, lane);
}

static void rewrite_next(struct compaction *c, struct plog *plog)
{
    post(c, plog, rewrite_run, rewrite_done, (uintptr_t)&plog->compaction); // long: nothing waits behind it
}

static void end(struct compaction *c, struct plog *plog, enum err result)
{
    struct plog_compact_op *op = c->op;
    plog->compaction = NULL;
    for (size_t i = 0; i < c->source_count; i++) view_deinit(&c->sources[i].view, true);
    mem_free(c->sources);
    mem_free(c->newest_of_producers);
    key_map_deinit(&c->map);
    mem_free(c);
    op_finish(plog, &op->op, result);
    plog_step(plog);
}

// The group is still what it was: nobody has dropped or cut any of it.
static bool is_group_whole(const struct compaction *c, const struct plog *plog)
{
    size_t at = plog_segment_of(plog, c->sources[c->next].base_offset);
    if (at + c->group_count >= plog->segment_count) return false;
    for (size_t i = 0; i < c->group_count; i++)
        if (plog->segments[at + i]->base_offset != c->sources[c->next + i].base_offset) return false;
    return true;
}

static void replace_group(struct compaction *c, struct plog *plog)
{
    size_t at = plog_segment_of(plog, c->fresh->base_offset);
    for (size_t i = 0; i < c->group_count; i++) {
        c->op->bytes_before += plog->segments[at + i]->size;
        segment_free(plog->segments[at + i]);
    }
    c->op->bytes_after += c->fresh->size;
    plog->segments[at] = c->fresh;
    plog_use_segment(plog, c->fresh);
    c->fresh = NULL;
    size_t behind = at + c->group_count;
    memmove(plog->segments + at + 1, plog->segments + behind, (plog->segment_count - behind) * sizeof(*plog->segments));
    plog->segment_count -= c->group_count - 1;
    plog->replacements++;
    // Remembered places in it are of the old files.
    int64_t end = plog->segments[at + 1]->base_offset;
    plog_forget_places(plog, end);
}

static void rewrite_done(struct env *env, struct env_task *task)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&c->base);
    if (plog->has_failed) {
        segment_free(c->fresh);
        end(c, plog, ERR_KAFKA_STORAGE_ERROR);
        return;
    }
    if (c->outcome == OK && plog->state == PLOG_OPEN && is_group_whole(c, plog)) {
        replace_group(c, plog);
        post(c, plog, swap_run, swap_done, (uintptr_t)plog);
        return;
    }
    bool is_nobodys_fault = c->outcome == OK || c->outcome == ERR_CLOSED || c->outcome == ERR_NOT_FOUND;
    if (!is_nobodys_fault) {
        plog->is_uncleanable = true;
        log_warn(plog->log, COMPONENT, "not compacted until the next start path=%s: %s", plog->path,
                 c->outcome == ERR_COMPACT_FOREIGN ? "it holds transactions or batches of an old format"
                                                   : err_text(c->outcome));
    }
    segment_free(c->fresh);
    c->fresh = NULL;
    post(c, plog, discard_run, discard_done, (uintptr_t)plog);
}

static void swap_done(struct env *env, struct env_task *task)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&c->base);
    c->next += c->group_count;
    if (plog->has_failed || plog->state != PLOG_OPEN) {
        end(c, plog, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
    } else if (c->next < c->source_count && c->sources[c->next].base_offset < c->map_end) {
        rewrite_next(c, plog);
    } else {
        plog->cleaned_to = c->map_end;
        end(c, plog, OK);
    }
}

static void discard_done(struct env *env, struct env_task *task)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&c->base);
    end(c, plog, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
}

void compact_cancel(struct plog *plog)
{
    if (plog->compaction != NULL) __atomic_store_n(&plog->compaction->is_cancelled, 1, __ATOMIC_RELAXED);
}

static int ascending(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void take_producers(struct compaction *c, const struct plog *plog)
{
    c->newest_of_producers = mem_zalloc(plog->producers.by_id.count + 1, sizeof(int64_t));
    LIST_EACH (link, &plog->producers.order) {
        const struct producer *p = LIST_ITEM(link, struct producer, order);
        if (p->batch_count > 0)
            c->newest_of_producers[c->producer_count++] = p->batches[p->batch_count - 1].last_offset;
    }
    qsort(c->newest_of_producers, c->producer_count, sizeof(int64_t), ascending);
}

void plog_compact(struct plog *plog, struct plog_compact_op *op)
{
    struct plog_dirtiness dirtiness;
    plog_dirtiness(plog, &op->limits, op->wall_ms, &dirtiness);
    op->bytes_before = op->bytes_after = 0;
    if (dirtiness.ratio <= 0) {
        op_finish_later(plog, &op->op, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
        return;
    }
    struct compaction *c = MEM_NEW(struct compaction);
    size_t count = cleanable_count(plog, &op->limits, op->wall_ms);
    op->op.plog = plog;
    c->op = op;
    c->dirty_from = dirty_from(plog);
    c->segment_bytes = plog->options.segment_bytes;
    c->index_interval_bytes = plog->options.index_interval_bytes;
    env_random(plog->env, c->seeds, sizeof(c->seeds));
    c->sources = mem_zalloc(count, sizeof(*c->sources));
    for (size_t i = 0; i < count; i++) {
        const struct segment *s = plog->segments[i];
        struct compact_source *source = &c->sources[c->source_count++];
        *source = (struct compact_source){.base_offset = s->base_offset,
                                          .end_offset = plog->segments[i + 1]->base_offset,
                                          .created_ms = s->created_ms};
        view_init(&source->view, s, s->size, true);
    }
    take_producers(c, plog);
    plog->compaction = c;
    rewrite_next(c, plog);
}
