// SPDX-License-Identifier: Apache-2.0
// Syncs of segment files (design rules 1 and 2). What went through the journal is durable by that; here is how it gets
// into its own file in the end, so that the ring may use the space again, and how everything else becomes durable:
// appends while there is no journal, large ones, page-cache partitions when they are told to flush. At most one sync
// task per plog is under way; when it is done, all that was published when it started is on disk. What is published
// meanwhile waits for the next one: so the number of syncs follows the disk, not the number of appends.
#include "store/journal.h"

struct sync_task {
    struct plog_task base;
    struct plog_place target;
    struct synced {
        int64_t base_offset;
        struct file *log; // NULL: the task opens it
    } *segments;
    size_t count;
    bool has_dir;
};

static void sync_run(struct env_task *task, struct fs *fs)
{
    struct sync_task *t = CONTAINER_OF(task, struct sync_task, base.task);
    t->base.what = "fdatasync";
    for (size_t i = 0; i < t->count && t->base.result == OK; i++)
        t->base.result = segment_sync(fs, t->base.dir_path, t->segments[i].base_offset, t->segments[i].log);
    if (t->base.result == OK && t->has_dir) t->base.result = fs_sync_dir(fs, t->base.dir_path);
}

static void sync_done(struct env *env, struct env_task *task)
{
    struct sync_task *t = CONTAINER_OF(task, struct sync_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog->is_syncing = false;
    for (size_t i = 0; i < t->count; i++) file_unref(t->segments[i].log);
    if (!plog->has_failed) {
        journal_sync_done(plog);
        plog_flushed(plog, t->target);
    }
    mem_free(t->segments);
    mem_free(t);
    plog_step(plog);
}

static void start(struct plog *plog)
{
    struct sync_task *t = MEM_NEW(struct sync_task);
    size_t first = plog_segment_of(plog, plog->flushed.base_offset);
    size_t last = plog_segment_of(plog, plog->published.base_offset);
    t->target = plog->published;
    t->segments = mem_zalloc(last - first + 1, sizeof(*t->segments));
    // What waits for a disk should not hold descriptors that others need to go on.
    bool may_hold = !plog_files_are_scarce(plog);
    for (size_t i = first; i <= last; i++) {
        struct segment *s = plog->segments[i];
        if (!s->is_created) continue;
        t->segments[t->count++] =
            (struct synced){s->base_offset, may_hold && s->log != NULL ? file_ref(s->log) : NULL};
    }
    t->has_dir = plog->is_dir_dirty;
    t->base.task.run = sync_run;
    t->base.task.done = sync_done;
    plog->is_dir_dirty = false;
    plog->wants_flush = false;
    plog->is_syncing = true;
    journal_sync_starts(plog);
    if (plog->hot != NULL) env_timer_cancel(plog->env, &plog->hot->flush_timer);
    // A lane of its own: a roll must not wait behind it, nor it behind a sealing.
    plog_task_post(plog, &t->base, (uintptr_t)&plog->is_syncing);
}

// A truncation or the closing has begun: it does what is needed itself, and moves the ends.
static bool is_ending(const struct plog *plog)
{
    return plog->state != PLOG_OPEN && plog->pending == NULL;
}

bool engine_sync(struct plog *plog)
{
    if (plog->is_syncing || plog->has_failed || is_ending(plog)) return false;
    start(plog);
    return true;
}

void engine_step(struct plog *plog)
{
    const struct plog_options *o = &plog->options;
    int64_t behind = plog->published.offset - plog->flushed.offset;
    journal_note_start(plog);
    if (o->durability == PLOG_PAGE_CACHE && plog->durable_end < plog->published.offset) {
        plog->durable_end = plog->published.offset; // just configured so
        if (plog->owner->on_durable != NULL) plog->owner->on_durable(plog);
    }
    if (plog->is_syncing || behind == 0 || is_ending(plog)) return;
    bool is_owed = o->durability == PLOG_COMMIT && plog->direct_end > plog->flushed.offset;
    if (is_owed) journal_demand(plog);
    if (is_owed || plog->wants_flush || (o->durability == PLOG_PAGE_CACHE && behind >= o->flush_messages)) {
        start(plog);
    } else if (o->durability == PLOG_PAGE_CACHE && o->flush_ms < INT64_MAX / 1000000 &&
               !heap_contains(&plog_heat(plog)->flush_timer.node)) {
        env_timer_after_ms(plog->env, &plog->hot->flush_timer, o->flush_ms);
    }
}

void plog_flushed(struct plog *plog, struct plog_place place)
{
    if (place.offset > plog->flushed.offset) plog->flushed = place;
    if (place.offset <= plog->durable_end) return;
    plog->durable_end = place.offset;
    if (plog->owner->on_durable != NULL) plog->owner->on_durable(plog);
}
