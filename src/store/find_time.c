// SPDX-License-Identifier: Apache-2.0
// ListOffsets by time (kafka-internals B6), always in a task: it opens records. Only the batch that is known to hold
// the answer is decompressed.
#include "store/store_int.h"

enum { BODY_BYTES_MAX = 256 * 1024 * 1024 };

struct time_task {
    struct plog_task base;
    struct plog_time_op *op;
    int64_t target;
    int64_t log_start;
    struct view *views;
    size_t count;
    enum err outcome;
    uint64_t replacements; // of the plog when it began
    int64_t offset;
    int64_t timestamp;
    int32_t leader_epoch;
};

enum err view_largest_timestamp(struct view *view, struct fs *fs, const char *dir_path, int64_t *timestamp)
{
    bool has_index = view->timeindex_bytes > 0 || view->timeindex_tail.size > 0;
    if (view->has_times || has_index) {
        if (!view->has_times && view->timeindex == NULL) {
            enum err e = view_open(view, fs, dir_path);
            if (e != OK) return e;
        }
        return view_max_timestamp(view, timestamp);
    }
    enum err e = view_open(view, fs, dir_path);
    if (e != OK) return e;
    struct log_walk walk = {.file = view->log, .size = view->size};
    struct batch_view batch;
    int64_t size;
    view->max_timestamp = NO_TIMESTAMP;
    while (log_walk_next(&walk, &batch, &size)) {
        if (batch.header.max_timestamp > view->max_timestamp) view->max_timestamp = batch.header.max_timestamp;
    }
    log_walk_deinit(&walk);
    view->has_times = true;
    *timestamp = view->max_timestamp;
    return OK;
}

// The first record of a batch with timestamp >= target, at or above the log start.
static enum err search_batch(struct time_task *t, const struct view *view, const struct batch_header *header,
                             int64_t position, int64_t size, bool *found)
{
    *found = false;
    if (header->magic != 2) { // one message, or a wrapper known by its last offset
        *found = header->base_offset >= t->log_start;
        t->offset = header->base_offset;
        t->timestamp = header->max_timestamp;
        t->leader_epoch = -1;
        return OK;
    }
    struct text bytes = {0};
    struct text scratch = {0};
    struct slice body;
    struct batch_view batch = {.header = *header};
    enum err e = file_read_all(view->log, true, position, text_reserve(&bytes, (size_t)size), (size_t)size);
    if (e == OK) {
        text_grew(&bytes, (size_t)size);
        batch.bytes = text_slice(&bytes);
        e = batch_body(&batch, BODY_BYTES_MAX, &scratch, &body);
    }
    if (e == OK) {
        struct record_iter it = record_iter(header, body);
        struct record record;
        while (!*found && record_next(&it, &record)) {
            if (record.timestamp < t->target || record.offset < t->log_start) continue;
            *found = true;
            t->offset = record.offset;
            t->timestamp = record.timestamp;
            t->leader_epoch = header->partition_leader_epoch;
        }
        if (!*found) e = it.err;
    }
    text_deinit(&bytes);
    text_deinit(&scratch);
    return e == ERR_TRUNCATED ? ERR_CORRUPT : e;
}

static enum err search_view(struct time_task *t, struct view *view, struct fs *fs, bool *found)
{
    int64_t near_offset;
    int64_t position = 0;
    *found = false;
    enum err e = view_open(view, fs, t->base.dir_path);
    if (e == OK) e = view_time_floor(view, true, t->target, &near_offset);
    if (e == OK) e = view_index_floor(view, true, near_offset, &position);
    if (e != OK) return e;
    struct log_walk walk = {.file = view->log, .size = view->size, .position = position};
    struct batch_view batch;
    int64_t size;
    while (e == OK && !*found && log_walk_next(&walk, &batch, &size)) {
        if (batch.header.max_timestamp < t->target || batch_last_offset(&batch.header) < t->log_start) continue;
        e = search_batch(t, view, &batch.header, walk.position - size, size, found);
    }
    if (e == OK && !*found && walk.err != OK) e = walk.err == ERR_IO ? ERR_IO : ERR_CORRUPT;
    log_walk_deinit(&walk);
    return e;
}

static enum err search(struct time_task *t, struct fs *fs, bool *found)
{
    int64_t largest;
    enum err e = OK;
    *found = false;
    if (t->target == PLOG_MAX_TIMESTAMP) {
        for (size_t i = 0; i < t->count; i++) {
            e = view_largest_timestamp(&t->views[i], fs, t->base.dir_path, &largest);
            if (e != OK) return e;
            if (largest > t->target) t->target = largest;
        }
        if (t->target < 0) return OK; // no record has a timestamp
    }
    for (size_t i = 0; i < t->count && !*found; i++) {
        e = view_largest_timestamp(&t->views[i], fs, t->base.dir_path, &largest);
        if (e == OK && largest >= t->target) e = search_view(t, &t->views[i], fs, found);
        if (e != OK) return e;
    }
    return OK;
}

static void time_run(struct env_task *task, struct fs *fs)
{
    struct time_task *t = CONTAINER_OF(task, struct time_task, base.task);
    bool found;
    t->outcome = search(t, fs, &found);
    if (t->outcome == ERR_NOT_FOUND) t->outcome = ERR_OFFSET_NOT_AVAILABLE; // retention took a segment away: ask again
    if (t->outcome == OK && found) return;
    t->offset = -1;
    t->timestamp = NO_TIMESTAMP;
    t->leader_epoch = -1;
}

static void time_done(struct env *env, struct env_task *task)
{
    struct time_task *t = CONTAINER_OF(task, struct time_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    struct plog_time_op *op = t->op;
    enum err e = t->outcome;
    bool is_shown = t->offset >= 0 && t->offset < op->limit_offset;
    op->offset = is_shown ? t->offset : -1;
    op->timestamp = is_shown ? t->timestamp : NO_TIMESTAMP;
    op->leader_epoch = is_shown ? t->leader_epoch : -1;
    for (size_t i = 0; i < t->count; i++) {
        struct segment *s = plog_segment_at(plog, t->views[i].base_offset);
        if (s != NULL && !s->has_times && t->views[i].has_times) {
            s->max_timestamp = t->views[i].max_timestamp;
            s->has_times = true;
        }
        view_deinit(&t->views[i], true);
    }
    bool was_replaced = t->replacements != plog->replacements;
    mem_free(t->views);
    mem_free(t);
    // Compaction put other files in place meanwhile: a view may have an index of the one and a log of the other, and
    // even a good answer may have passed over an earlier record.
    if (was_replaced && e != ERR_IO && plog->state == PLOG_OPEN && !plog->has_failed) {
        plog_find_time(plog, op);
        return;
    }
    if (e == ERR_IO) {
        plog_fail(plog, e, "reading");
        e = ERR_KAFKA_STORAGE_ERROR;
    }
    op_finish(plog, &op->op, e);
    plog_step(plog);
}

void plog_find_time(struct plog *plog, struct plog_time_op *op)
{
    if (plog->has_failed || plog->state != PLOG_OPEN) {
        op_finish_later(plog, &op->op, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    struct time_task *t = MEM_NEW(struct time_task);
    t->op = op;
    t->target = op->target_ms;
    t->log_start = plog->log_start;
    t->replacements = plog->replacements;
    t->views = mem_zalloc(plog->segment_count, sizeof(*t->views));
    for (size_t i = plog_segment_of(plog, plog->log_start); i < plog->segment_count; i++) {
        const struct segment *s = plog->segments[i];
        int64_t size = plog_readable(plog, s);
        if (size > 0) view_init(&t->views[t->count++], s, size, true);
    }
    t->base.what = "searching by time";
    t->base.task.run = time_run;
    t->base.task.done = time_done;
    plog_task_post(plog, &t->base, 0);
}
