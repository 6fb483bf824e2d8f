// SPDX-License-Identifier: Apache-2.0
// Cutting the log, at its end (plog_truncate_to), whole (plog_restart_at) or at its start (plog_set_log_start).
//
// A truncation first makes the directory what it shall be and then loads it like any other: one code path decides
// what a directory means. Segments go last first, each removal synced before the next, so a power cut in between
// leaves a shorter log, never one with a hole.
#include "base/bytes.h"
#include "store/journal.h"

enum { PIN_POLL_MS = 20, PIN_WAIT_MS = 1000, INDEX_FILE_MAX = 1024 * 1024 * 1024 };

struct truncate_task {
    struct plog_task base;
    struct plog_op *op;
    int64_t offset;
    bool is_restart;
    int64_t *bases; // of the segments that go as a whole, ascending
    size_t base_count;
    struct seal *seal; // of the segment that is cut, when its index files are not complete
    struct view cut;
    bool has_cut;
    struct plog_load_params params;
    struct plog_options options;
    struct plog *fresh;
};

// Drops the entries at or above `bound` (relative) off an index file; `at` is where an entry has its offset.
static enum err cut_index(struct fs *fs, const char *dir_path, int64_t base, const char *suffix, size_t entry,
                          size_t at, int64_t bound)
{
    struct text text = {0};
    struct file *file = NULL;
    char *path = segment_path(dir_path, base, suffix);
    enum err e = file_load(fs, path, INDEX_FILE_MAX, &text);
    if (e == OK) e = fs_open(fs, path, FILE_READ | FILE_WRITE, &file);
    if (e == OK) {
        size_t keep = 0;
        while (keep + entry <= text.size && load_i32(text.data + keep + at) < bound) keep += entry;
        e = file_truncate(file, (int64_t)keep);
        if (e == OK) e = file_sync(file);
    }
    file_unref(file);
    text_deinit(&text);
    mem_free(path);
    return e == ERR_NOT_FOUND ? OK : e; // loading rebuilds a missing one
}

static enum err cut_segment(struct truncate_task *t, struct fs *fs)
{
    const char *dir_path = t->base.dir_path;
    struct found_batch found;
    enum err e = OK;
    if (t->seal != NULL) {
        t->seal->base.dir_path = t->base.dir_path;
        e = seal_run(t->seal, fs);
        t->seal->base.dir_path = NULL;
    }
    if (e == OK) e = view_open(&t->cut, fs, dir_path);
    if (e != OK) return e;
    e = view_find(&t->cut, true, t->offset, &found);
    if (e == ERR_NOT_FOUND) return OK;
    if (e != OK) return e;
    int64_t bound = found.header.base_offset - t->cut.base_offset;
    if (bound > t->offset - t->cut.base_offset) bound = t->offset - t->cut.base_offset;
    e = file_truncate(t->cut.log, found.position);
    if (e == OK) e = file_sync(t->cut.log);
    if (e == OK) e = cut_index(fs, dir_path, t->cut.base_offset, ".index", INDEX_ENTRY_SIZE, 0, bound);
    if (e == OK) e = cut_index(fs, dir_path, t->cut.base_offset, ".timeindex", TIME_ENTRY_SIZE, 8, bound);
    if (e == OK) e = txnindex_cut(fs, dir_path, t->cut.base_offset, t->cut.base_offset + bound);
    return e;
}

static enum err start_over(struct truncate_task *t, struct fs *fs)
{
    const char *dir_path = t->base.dir_path;
    struct name_list names;
    struct epochs none = {0};
    enum err e = dir_list(fs, dir_path, &names);
    if (e != OK) return e;
    for (size_t i = 0; i < names.count && e == OK; i++) {
        size_t length = strlen(names.names[i]);
        if (length < 9 || strcmp(names.names[i] + length - 9, ".snapshot") != 0) continue;
        char *path = path_printf("%s/%s", dir_path, names.names[i]);
        e = file_remove(fs, path);
        mem_free(path);
    }
    name_list_deinit(&names);
    if (e == OK) e = epochs_store(fs, dir_path, &none);
    if (e != OK) return e;
    struct file *file = NULL;
    char *path = segment_path(dir_path, t->offset, ".log");
    char *index = segment_path(dir_path, t->offset, ".index");
    e = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
    if (e == OK) e = file_write_synced(fs, index, slice_of("", 0)); // else loading takes it for a damaged one
    if (e == OK) e = fs_sync_dir(fs, dir_path);
    file_unref(file);
    mem_free(path);
    mem_free(index);
    return e;
}

static void truncate_run(struct env_task *task, struct fs *fs)
{
    struct truncate_task *t = CONTAINER_OF(task, struct truncate_task, base.task);
    enum err e = OK;
    t->base.what = "truncating";
    for (size_t i = t->base_count; i > 0 && e == OK; i--) {
        e = segment_condemn_files(fs, t->base.dir_path, t->bases[i - 1], false, t->options.file_delete_delay_ms);
        if (e == OK) e = fs_sync_dir(fs, t->base.dir_path);
    }
    if (e == OK && t->has_cut) e = cut_segment(t, fs);
    if (e == OK && t->is_restart) e = start_over(t, fs);
    if (e == OK) e = plog_read_dir(t->fresh, fs, &t->params, NULL);
    t->base.result = e;
}

#define SWAP(a, b)                                                                                                     \
    do {                                                                                                               \
        __typeof__(a) swapped = (a);                                                                                   \
        (a) = (b);                                                                                                     \
        (b) = swapped;                                                                                                 \
    } while (0)

// What `fresh` loaded becomes the plog's; `fresh` goes with what it was.
static void take_over(struct plog *plog, struct plog *fresh)
{
    SWAP(plog->segments, fresh->segments);
    SWAP(plog->segment_count, fresh->segment_count);
    SWAP(plog->segment_capacity, fresh->segment_capacity);
    SWAP(plog->epochs, fresh->epochs);
    producers_take(&plog->producers, &fresh->producers);
    plog->last_snapshot = fresh->last_snapshot;
    plog->log_start = fresh->log_start;
    plog->assigned_end = fresh->assigned_end;
    if (plog->cleaned_to > plog->assigned_end) plog->cleaned_to = plog->assigned_end;
    plog->published = fresh->published;
    plog->flushed = fresh->flushed;
    plog->durable_end = fresh->durable_end;
    plog->written_end = fresh->written_end;
    plog->direct_end = 0; // all that is left is on disk
    journal_truncated(plog);
    plog->high_watermark = fresh->high_watermark;
    plog_forget_places(plog, INT64_MAX);
    plog->are_epochs_dirty = fresh->are_epochs_dirty;
    plog->is_dir_dirty = true;
    plog_free(fresh);
}

static void truncate_done(struct env *env, struct env_task *task)
{
    struct truncate_task *t = CONTAINER_OF(task, struct truncate_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    struct plog_op *op = t->op;
    enum err e = t->base.result == OK ? OK : ERR_KAFKA_STORAGE_ERROR;
    if (e == OK)
        take_over(plog, t->fresh);
    else
        plog_free(t->fresh);
    if (t->has_cut) view_deinit(&t->cut, true);
    if (t->seal != NULL) seal_free(t->seal);
    plog_remove_later(plog, t->bases, t->base_count, t->options.file_delete_delay_ms);
    mem_free(t);
    if (plog->state == PLOG_TRUNCATING) plog->state = PLOG_OPEN;
    op_finish(plog, op, e);
    plog_step(plog);
}

static void poll_pins(struct env *env, struct env_timer *timer)
{
    struct plog_op *op = CONTAINER_OF(timer, struct plog_op, timer);
    (void)env;
    plog_step(op->plog);
}

// Somebody still sends from a segment that will lose bytes (design rule 6).
static bool is_pinned(const struct plog *plog, int64_t offset)
{
    for (size_t i = plog_segment_of(plog, offset); i < plog->segment_count; i++) {
        struct file *log = plog->segments[i]->log;
        if (log != NULL && __atomic_load_n(&log->refs, __ATOMIC_ACQUIRE) > 1) return true;
    }
    return false;
}

static struct truncate_task *plan(struct plog *plog, struct plog_op *op)
{
    struct truncate_task *t = MEM_NEW(struct truncate_task);
    t->op = op;
    t->offset = op->arg;
    t->is_restart = op->is_restart;
    t->bases = mem_zalloc(plog->segment_count, sizeof(*t->bases));
    for (size_t i = 0; i < plog->segment_count; i++) {
        struct segment *s = plog->segments[i];
        if (!s->is_created) continue;
        // The first segment is emptied rather than removed: its name keeps the start of the log.
        bool goes = t->is_restart || (i > 0 && s->base_offset >= t->offset);
        if (goes) {
            t->bases[t->base_count++] = s->base_offset;
        } else if (i == plog_segment_of(plog, t->offset)) {
            t->has_cut = true;
            view_init(&t->cut, s, plog_readable(plog, s), true);
            if (!s->is_sealed) t->seal = seal_new(plog, s, 0);
        }
    }
    t->options = plog->options;
    t->params = (struct plog_load_params){
        .dir = plog->dir,
        .topic = plog_topic(plog),
        .partition = plog->partition,
        .topic_id = plog->topic_id,
        .log_start = t->is_restart                 ? t->offset
                     : plog->log_start < t->offset ? plog->log_start
                                                   : t->offset,
        .high_watermark = t->is_restart                      ? t->offset
                          : plog->high_watermark < t->offset ? plog->high_watermark
                                                             : t->offset,
        .keeps_deleted = true,
        .was_clean = true,
        .wall_ms = env_wall_ms(plog->env),
        .options = &t->options,
        .log = plog->log,
    };
    t->fresh = plog_new(&t->params);
    return t;
}

void truncate_start(struct plog *plog)
{
    struct plog_op *op = plog->pending;
    if (plog->has_failed || (!op->is_restart && op->arg >= plog->published.offset)) {
        plog->pending = NULL;
        plog->state = PLOG_OPEN;
        if (!plog->has_failed && epochs_truncate_end(&plog->epochs, op->arg)) plog->are_epochs_dirty = true;
        op_finish(plog, op, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : OK);
        plog_wake(plog);
        return;
    }
    if (is_pinned(plog, op->arg) && env_now_ns(plog->env) < op->deadline_ns) {
        op->timer.fire = poll_pins;
        env_timer_after_ms(plog->env, &op->timer, PIN_POLL_MS);
        return;
    }
    env_timer_cancel(plog->env, &op->timer);
    // Before the files: an entry from before must not come back into a log that was cut. Dying in between leaves the
    // log as it was, but for what only the journal had of the part that goes.
    if (journal_note_first(plog, JOURNAL_TRUNCATE, op->is_restart ? -1 : op->arg)) return;
    struct truncate_task *t = plan(plog, op);
    plog->pending = NULL;
    t->base.task.run = truncate_run;
    t->base.task.done = truncate_done;
    plog_task_post(plog, &t->base, (uintptr_t)plog);
}

static void request(struct plog *plog, int64_t offset, bool is_restart, struct plog_op *op)
{
    op->plog = plog;
    op->timer = (struct env_timer){0};
    op->arg = offset;
    op->is_restart = is_restart;
    if (plog->state != PLOG_OPEN || !list_is_empty(&plog->queue) || plog->is_writing) {
        op_finish_later(plog, op, ERR_BUSY);
        return;
    }
    op->deadline_ns = env_now_ns(plog->env) + PIN_WAIT_MS * INT64_C(1000000);
    plog->state = PLOG_TRUNCATING;
    plog->pending = op;
    plog_wake(plog);
}

void plog_truncate_to(struct plog *plog, int64_t offset, struct plog_op *op)
{
    request(plog, offset < 0 ? 0 : offset, false, op);
}

void plog_restart_at(struct plog *plog, int64_t offset, struct plog_op *op)
{
    request(plog, offset < 0 ? 0 : offset, true, op);
}

// ---- the start of the log ----

struct drop_task {
    struct plog_task base;
    int64_t *bases;
    size_t count;
    int64_t delay_ms;
};

static void drop_run(struct env_task *task, struct fs *fs)
{
    struct drop_task *t = CONTAINER_OF(task, struct drop_task, base.task);
    enum err e = OK;
    t->base.what = "removing old segments";
    for (size_t i = 0; i < t->count && e == OK; i++) {
        e = segment_condemn_files(fs, t->base.dir_path, t->bases[i], true, t->delay_ms);
        // Before the next: a power cut must not keep this one and take that, with the end of a transaction in it.
        if (e == OK) e = fs_sync_dir(fs, t->base.dir_path);
    }
    t->base.result = e;
}

static void drop_done(struct env *env, struct env_task *task)
{
    struct drop_task *t = CONTAINER_OF(task, struct drop_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog_remove_later(plog, t->bases, t->count, t->delay_ms);
    mem_free(t);
    plog_step(plog);
}

void plog_drop_below_start(struct plog *plog)
{
    int64_t offset = plog->log_start;
    size_t count = 0;
    while (count + 1 < plog->segment_count && plog->segments[count]->is_sealed &&
           plog->segments[count + 1]->base_offset <= offset &&
           plog->segments[count + 1]->base_offset <= plog->published.base_offset) {
        count++;
    }
    if (count == 0) return;
    struct drop_task *t = MEM_NEW(struct drop_task);
    t->bases = mem_zalloc(count, sizeof(*t->bases));
    t->delay_ms = plog->options.file_delete_delay_ms;
    for (size_t i = 0; i < count; i++) {
        t->bases[t->count++] = plog->segments[i]->base_offset;
        segment_free(plog->segments[i]);
    }
    plog->segment_count -= count;
    memmove(plog->segments, plog->segments + count, plog->segment_count * sizeof(*plog->segments));
    t->base.task.run = drop_run;
    t->base.task.done = drop_done;
    plog_task_post(plog, &t->base, (uintptr_t)plog);
}

enum err plog_set_log_start(struct plog *plog, int64_t offset)
{
    if (plog->has_failed) return ERR_KAFKA_STORAGE_ERROR;
    if (plog->state != PLOG_OPEN) return ERR_BUSY;
    if (offset > plog->high_watermark) return ERR_OFFSET_OUT_OF_RANGE;
    if (offset <= plog->log_start) return OK;
    plog->log_start = offset;
    plog->has_start_moved = true;
    if (epochs_truncate_start(&plog->epochs, offset)) plog->are_epochs_dirty = true;
    plog_drop_below_start(plog);
    plog_wake(plog);
    return OK;
}
