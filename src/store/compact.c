// SPDX-License-Identifier: Apache-2.0
// A round of compaction over a log's closed segments, on the loop. What is long runs in a task with views of its own
// (compact_map.c, compact_rewrite.c), slice by slice: after each the loop may wait, for the pace it was given, or give
// the round up. Only the loop swaps segments in the log's list, group by group.
//
// Order on disk, per group of adjacent segments: <base>.{log,index,timeindex,txnindex}.cleaned written and synced ->
// the loop puts the new segment into the list, its files open -> all renamed to .swap, the directory synced -> the old
// files removed, the directory synced -> .swap dropped from the names, the directory synced. Loading throws .cleaned
// away and finishes a .swap, so a power cut leaves the group as it was or as it is to be. Both say the same to a
// reader.
#include <stdlib.h>

#include "store/compact_int.h"

enum {
    SLICE_BYTES = 1 << 20,       // a few ms of a task's thread
    SLICE_BYTES_MIN = 64 * 1024, // under a pace: what a quarter of a second allows
    PACES_PER_S = 4,
    REST_NS_MIN = 200000, // shorter waits are not worth a timer
    REST_NS_MAX = 100000000,
};

struct compaction {
    struct plog_task base;
    struct plog *plog;
    struct plog_compact_op *op;
    struct compact_job job;
    struct segment *fresh;
    struct segment **old; // the group's, out of the list: their files are let go in the task
    size_t old_count;
    struct env_timer timer;
    bool is_waiting; // on the timer; counts as a task of the plog's
    int64_t slice_bytes;
    int64_t posted_ns; // the slice under way
    int64_t may_go_on_ns;
    int is_cancelled; // __atomic access only: the loop sets it, the task looks
    int64_t file_delete_delay_ms;
    enum err outcome;
};

// ---- tasks ----

// As many neighbours as fit into one segment, by size, by size of indexes, by range of offsets.
static void choose_group(struct compact_job *job)
{
    struct compact_rewrite *r = &job->rewrite;
    int64_t size = 0, index = 0, timeindex = 0, base = job->sources[r->first].base_offset;
    r->count = 0;
    for (size_t i = r->first; i < job->source_count && job->sources[i].base_offset < job->map_end; i++) {
        const struct compact_source *source = &job->sources[i];
        size += source->view.size;
        index += source->index_bytes;
        timeindex += source->timeindex_bytes;
        bool fits = size <= job->segment_bytes && index <= job->index_bytes_max && timeindex <= job->index_bytes_max &&
                    source->end_offset - 1 - base <= INT32_MAX;
        if (r->count > 0 && !fits) return;
        r->count++;
    }
}

// Magic 0 and 1 have no horizon in the batch: it is delete.retention.ms behind the last write to the clean part.
static enum err find_legacy_horizon(struct compact_job *job, struct fs *fs, const char *dir_path)
{
    struct compact_source *last = NULL;
    for (size_t i = 0; i < job->source_count && job->sources[i].base_offset < job->dirty_from; i++)
        last = &job->sources[i];
    if (last == NULL) return OK;
    enum err e = compact_source_open(last, fs, dir_path);
    job->legacy_horizon_ms = last->mtime_ms - job->delete_retention_ms;
    compact_source_close(last);
    return e;
}

static enum err begin_job(struct compact_job *job, struct fs *fs, const char *dir_path)
{
    const struct compact_source *last = &job->sources[job->source_count - 1];
    job->map_end = job->dirty_from;
    enum err e = find_legacy_horizon(job, fs, dir_path);
    if (e == OK) e = txn_search_open(&job->txn_search, fs, dir_path);
    if (e == OK)
        e = txn_search_collect(&job->txn_search, true, job->sources[0].base_offset, last->end_offset, &job->aborted);
    txn_search_deinit(&job->txn_search);
    if (e != OK) return e;
    compact_sort_aborted(&job->aborted);
    compact_txns_init(&job->map_txns, &job->aborted, job->dirty_from);
    compact_txns_init(&job->txns, &job->aborted, job->sources[0].base_offset);
    return key_map_init(&job->map, last->end_offset - job->dirty_from, job->map_bytes_max, job->map_load_factor,
                        job->seeds);
}

static enum err run_slice(struct compaction *c, struct fs *fs)
{
    struct compact_job *job = &c->job;
    enum err e = OK;
    if (!job->has_begun) {
        e = begin_job(job, fs, c->base.dir_path);
        if (e != OK) return e;
        job->has_begun = true;
    }
    if (!job->is_mapped) {
        e = compact_map_run(job, fs, c->base.dir_path);
        if (e != OK) return e;
        job->is_mapped = true;
    }
    if (!job->is_rewriting) choose_group(job);
    job->is_rewriting = true;
    return compact_rewrite_run(job, fs, c->base.dir_path, &c->fresh);
}

static void slice_run(struct env_task *task, struct fs *fs)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    c->base.what = "compacting";
    c->job.slice_left = c->slice_bytes;
    c->outcome = run_slice(c, fs);
    if (c->outcome == ERR_IO) c->base.result = ERR_IO;
}

static const char *const suffixes[] = {".index", ".timeindex", ".txnindex", ".log"};

// There need be no .txnindex.
static enum err rename_all(struct fs *fs, const char *dir_path, int64_t base, const char *from, const char *to)
{
    enum err e = OK;
    for (size_t i = 0; i < COUNT_OF(suffixes) && e == OK; i++) {
        char *path = segment_path(dir_path, base, suffixes[i]);
        char *old_path = path_printf("%s%s", path, from);
        char *new_path = path_printf("%s%s", path, to);
        e = fs_rename(fs, old_path, new_path);
        if (e == ERR_NOT_FOUND && strcmp(suffixes[i], ".txnindex") == 0) e = OK;
        mem_free(path);
        mem_free(old_path);
        mem_free(new_path);
    }
    return e == OK ? fs_sync_dir(fs, dir_path) : e;
}

static void let_go(struct compaction *c)
{
    for (size_t i = 0; i < c->old_count; i++) segment_free(c->old[i]);
    mem_free(c->old);
    c->old = NULL;
    c->old_count = 0;
}

static void swap_run(struct env_task *task, struct fs *fs)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    const struct compact_rewrite *r = &c->job.rewrite;
    const char *dir_path = c->base.dir_path;
    int64_t base = c->job.sources[r->first].base_offset;
    c->base.what = "putting a compacted segment in place";
    enum err e = rename_all(fs, dir_path, base, ".cleaned", ".swap");
    for (size_t i = 0; i < r->count && e == OK; i++) {
        int64_t old = c->job.sources[r->first + i].base_offset;
        e = segment_condemn_files(fs, dir_path, old, i > 0, c->file_delete_delay_ms);
    }
    // Else a power cut could keep the new name and bring back an old file of the group's.
    if (e == OK) e = fs_sync_dir(fs, dir_path);
    if (e == OK) e = rename_all(fs, dir_path, base, ".swap", "");
    let_go(c);
    c->base.result = e;
}

static void discard_run(struct env_task *task, struct fs *fs)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    c->base.what = "discarding a compaction";
    for (size_t i = 0; i < COUNT_OF(suffixes) && c->base.result == OK; i++) {
        char *path = segment_path(c->base.dir_path, c->job.sources[c->job.rewrite.first].base_offset, suffixes[i]);
        char *cleaned = path_printf("%s.cleaned", path);
        c->base.result = file_remove(fs, cleaned);
        mem_free(cleaned);
        mem_free(path);
    }
}

// ---- the loop ----

static void slice_done(struct env *env, struct env_task *task);
static void swap_done(struct env *env, struct env_task *task);
static void discard_done(struct env *env, struct env_task *task);

static void post(struct compaction *c, void (*run)(struct env_task *task, struct fs *fs),
                 void (*done)(struct env *env, struct env_task *task), uintptr_t lane)
{
    c->base = (struct plog_task){.task = {.run = run, .done = done}};
    plog_task_post(c->plog, &c->base, lane);
}

static int64_t pace_of(const struct compaction *c)
{
    int64_t pace = c->op->bytes_per_s;
    return pace < PACES_PER_S ? PACES_PER_S : pace;
}

static void post_slice(struct compaction *c)
{
    int64_t share = pace_of(c) / PACES_PER_S;
    c->posted_ns = env_now_ns(c->plog->env);
    c->slice_bytes = share > SLICE_BYTES ? SLICE_BYTES : share < SLICE_BYTES_MIN ? SLICE_BYTES_MIN : share;
    post(c, slice_run, slice_done, (uintptr_t)&c->plog->compaction); // long: nothing waits behind it
}

static void waited(struct env *env, struct env_timer *timer)
{
    struct compaction *c = CONTAINER_OF(timer, struct compaction, timer);
    (void)env;
    c->is_waiting = false;
    c->plog->tasks--;
    post_slice(c);
}

// Before the next slice: as long as what the last one read and wrote is worth at the pace, and at least as long as it
// took. So a round never has more than half of a core and a disk, and what others wait for gets in between.
static void wait_and_post(struct compaction *c)
{
    int64_t now_ns = env_now_ns(c->plog->env);
    double used = (double)(c->slice_bytes - c->job.slice_left);
    if (c->may_go_on_ns < now_ns) c->may_go_on_ns = now_ns;
    c->may_go_on_ns += (int64_t)(used / (double)pace_of(c) * 1e9);
    int64_t rest_ns = now_ns - c->posted_ns < REST_NS_MAX ? now_ns - c->posted_ns : REST_NS_MAX;
    int64_t wake_ns = c->may_go_on_ns > now_ns + rest_ns ? c->may_go_on_ns : now_ns + rest_ns;
    bool is_cancelled = __atomic_load_n(&c->is_cancelled, __ATOMIC_RELAXED) != 0;
    if (wake_ns - now_ns < REST_NS_MIN || is_cancelled) {
        post_slice(c);
        return;
    }
    c->is_waiting = true;
    c->plog->tasks++;
    env_timer_set_ns(c->plog->env, &c->timer, wake_ns);
}

void compact_cancel(struct plog *plog)
{
    struct compaction *c = plog->compaction;
    if (c == NULL) return;
    __atomic_store_n(&c->is_cancelled, 1, __ATOMIC_RELAXED);
    if (!c->is_waiting) return;
    env_timer_cancel(plog->env, &c->timer);
    waited(plog->env, &c->timer); // the slice finds that it is to end
}

static void end(struct compaction *c, enum err result)
{
    struct plog *plog = c->plog;
    struct plog_compact_op *op = c->op;
    plog->compaction = NULL;
    segment_free(c->fresh);
    compact_job_deinit(&c->job);
    mem_free(c);
    op_finish(plog, &op->op, result);
    plog_step(plog);
}

// The group is still what it was: nobody has dropped or cut any of it.
static bool is_group_whole(const struct compaction *c)
{
    const struct plog *plog = c->plog;
    const struct compact_rewrite *r = &c->job.rewrite;
    size_t at = plog_segment_of(plog, c->job.sources[r->first].base_offset);
    if (at + r->count >= plog->segment_count) return false;
    for (size_t i = 0; i < r->count; i++)
        if (plog->segments[at + i]->base_offset != c->job.sources[r->first + i].base_offset) return false;
    return true;
}

static void replace_group(struct compaction *c)
{
    struct plog *plog = c->plog;
    size_t at = plog_segment_of(plog, c->fresh->base_offset);
    size_t count = c->job.rewrite.count;
    c->old = mem_zalloc(count, sizeof(*c->old));
    c->old_count = count;
    for (size_t i = 0; i < count; i++) {
        c->old[i] = plog->segments[at + i];
        c->op->bytes_before += c->old[i]->size;
    }
    c->op->bytes_after += c->fresh->size;
    plog->segments[at] = c->fresh;
    plog_use_segment(plog, c->fresh);
    c->fresh = NULL;
    size_t behind = at + count;
    memmove(plog->segments + at + 1, plog->segments + behind, (plog->segment_count - behind) * sizeof(*plog->segments));
    plog->segment_count -= count - 1;
    plog->replacements++;
    // Remembered places in it are of the old files.
    plog_forget_places(plog, plog->segments[at + 1]->base_offset);
}

static const char *reason(enum err e)
{
    // Kafka's own words: the one thing an operator can mend.
    if (e == ERR_TOO_LARGE)
        return "offset map is too small to fit in even a single message, so log cleaning will never make progress. You "
               "can increase log.cleaner.dedupe.buffer.size or decrease log.cleaner.threads";
    return err_text(e);
}

static void slice_done(struct env *env, struct env_task *task)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&c->base);
    if (plog->has_failed) {
        end(c, ERR_KAFKA_STORAGE_ERROR);
        return;
    }
    if (c->outcome == ERR_AGAIN) {
        wait_and_post(c);
        return;
    }
    if (c->outcome == OK && plog->state == PLOG_OPEN && is_group_whole(c)) {
        replace_group(c);
        post(c, swap_run, swap_done, (uintptr_t)plog);
        return;
    }
    bool is_nobodys_fault = c->outcome == OK || c->outcome == ERR_CLOSED || c->outcome == ERR_NOT_FOUND;
    if (!is_nobodys_fault) {
        plog->is_uncleanable = true;
        log_warn(plog->log, COMPONENT, "not compacted until the next start path=%s segment=%lld: %s", plog->path,
                 (long long)c->job.sources[c->job.rewrite.first].base_offset, reason(c->outcome));
    }
    post(c, discard_run, discard_done, (uintptr_t)plog);
}

static void swap_done(struct env *env, struct env_task *task)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    struct compact_job *job = &c->job;
    (void)env;
    struct plog *plog = plog_task_end(&c->base);
    size_t next = job->rewrite.first + job->rewrite.count;
    int64_t *bases = mem_zalloc(job->rewrite.count, sizeof(*bases));
    for (size_t i = 0; i < job->rewrite.count; i++) bases[i] = job->sources[job->rewrite.first + i].base_offset;
    plog_remove_later(plog, bases, job->rewrite.count, c->file_delete_delay_ms);
    compact_rewrite_reset(&job->rewrite);
    job->rewrite.first = next;
    job->is_rewriting = false;
    if (plog->has_failed || plog->state != PLOG_OPEN) {
        end(c, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
    } else if (next < job->source_count && job->sources[next].base_offset < job->map_end) {
        wait_and_post(c);
    } else {
        plog->cleaned_to = job->map_end;
        end(c, OK);
    }
}

static void discard_done(struct env *env, struct env_task *task)
{
    struct compaction *c = CONTAINER_OF(task, struct compaction, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&c->base);
    end(c, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
}

// ---- beginning ----

static int by_id(const void *a, const void *b)
{
    const struct compact_producer *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void take_producers(struct compact_job *job, const struct plog *plog)
{
    job->producers = mem_zalloc(plog->producers.by_id.count + 1, sizeof(*job->producers));
    LIST_EACH (link, &plog->producers.order) {
        const struct producer *p = LIST_ITEM(link, struct producer, order);
        job->producers[job->producer_count++] = (struct compact_producer){
            .id = p->id,
            .epoch = p->epoch,
            .last_offset = p->batch_count > 0 ? p->batches[p->batch_count - 1].last_offset : -1};
    }
    qsort(job->producers, job->producer_count, sizeof(*job->producers), by_id);
}

static void take_sources(struct compact_job *job, const struct plog *plog, size_t count)
{
    job->sources = mem_zalloc(count, sizeof(*job->sources));
    for (size_t i = 0; i < count; i++) {
        const struct segment *s = plog->segments[i];
        struct compact_source *source = &job->sources[job->source_count++];
        *source = (struct compact_source){.base_offset = s->base_offset,
                                          .end_offset = plog->segments[i + 1]->base_offset,
                                          .index_bytes = s->index_bytes + (int64_t)s->index_tail.size,
                                          .timeindex_bytes = s->timeindex_bytes + (int64_t)s->timeindex_tail.size};
        view_init(&source->view, s, s->size, true);
    }
    txn_search_init(&job->txn_search, plog, plog->segments[0]->base_offset, true);
}

void plog_compact(struct plog *plog, struct plog_compact_op *op)
{
    struct plog_dirtiness dirtiness;
    ASSERT(op->io_bytes > 0 && op->map_bytes_max >= 0);
    plog_dirtiness(plog, &op->limits, op->wall_ms, &dirtiness);
    op->bytes_before = op->bytes_after = 0;
    if (dirtiness.ratio <= 0) {
        op_finish_later(plog, &op->op, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
        return;
    }
    struct compaction *c = MEM_NEW(struct compaction);
    op->op.plog = plog;
    c->op = op;
    c->plog = plog;
    c->timer.fire = waited;
    c->file_delete_delay_ms = plog->options.file_delete_delay_ms;
    c->job = (struct compact_job){
        .map_bytes_max = (size_t)op->map_bytes_max,
        .map_load_factor = op->map_load_factor,
        .io_bytes = (size_t)op->io_bytes,
        .dirty_from = compact_dirty_from(plog),
        .now_ms = op->wall_ms,
        .delete_retention_ms = op->delete_retention_ms,
        .segment_bytes = plog->options.segment_bytes,
        .index_bytes_max = plog->options.index_bytes_max,
        .index_interval_bytes = plog->options.index_interval_bytes,
        .is_cancelled = &c->is_cancelled,
    };
    env_random(plog->env, c->job.seeds, sizeof(c->job.seeds));
    take_sources(&c->job, plog, compact_cleanable_count(plog, &op->limits, op->wall_ms));
    take_producers(&c->job, plog);
    plog->compaction = c;
    post_slice(c);
}
