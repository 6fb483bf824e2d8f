// SPDX-License-Identifier: Apache-2.0
// Retention (kafka-internals B7): whole segments leave at the start of the log when they lie below it, when what is
// left is still enough, or when their newest record is too old. Only what is below the high watermark, so only what
// every replica has. The active segment is closed when it is too old itself; a later round takes it like any other.
#include "store/store_int.h"

// Time of the newest record in a closed segment that was not opened since the start. A segment without times (magic 0)
// counts from its last write, as Kafka's does.
struct newest_task {
    struct plog_task base;
    struct plog_retain_op *op;
    struct view view;
    int64_t newest_ms;
    enum err outcome;
};

static void step(struct plog *plog, struct plog_retain_op *op);

static void newest_run(struct env_task *task, struct fs *fs)
{
    struct newest_task *t = CONTAINER_OF(task, struct newest_task, base.task);
    struct file_stat stat = {0};
    t->base.what = "reading a time index";
    enum err e = view_largest_timestamp(&t->view, fs, t->base.dir_path, &t->newest_ms);
    if (e == OK && t->newest_ms < 0) e = view_open(&t->view, fs, t->base.dir_path);
    if (e == OK && t->newest_ms < 0) e = file_stat(t->view.log, &stat);
    if (e == OK && t->newest_ms < 0) t->newest_ms = stat.mtime_ms;
    // Compaction may put other files in place under this view, or take them away: then the round ends here.
    t->outcome = e;
    t->base.result = e == ERR_IO ? e : OK;
}

static void finish(struct plog *plog, struct plog_retain_op *op);

static void newest_done(struct env *env, struct env_task *task)
{
    struct newest_task *t = CONTAINER_OF(task, struct newest_task, base.task);
    (void)env;
    struct plog_retain_op *op = t->op;
    struct plog *plog = plog_task_end(&t->base);
    struct segment *s = plog_segment_at(plog, t->view.base_offset);
    enum err outcome = t->outcome;
    if (s != NULL && outcome == OK) {
        if (!s->has_times) s->max_timestamp = t->view.max_timestamp;
        s->has_times = true;
        s->newest_ms = t->newest_ms;
        s->knows_newest = true;
    }
    view_deinit(&t->view, true);
    mem_free(t);
    if (outcome == OK) step(plog, op);
    else finish(plog, op);
    plog_step(plog);
}

static void find_newest(struct plog *plog, struct plog_retain_op *op, const struct segment *s)
{
    struct newest_task *t = MEM_NEW(struct newest_task);
    t->op = op;
    view_init(&t->view, s, plog_readable(plog, s), true);
    t->base.task.run = newest_run;
    t->base.task.done = newest_done;
    plog_task_post(plog, &t->base, 0);
}

// False: not known yet.
static bool newest_of(const struct segment *s, int64_t *newest_ms)
{
    *newest_ms = s->has_times && s->max_timestamp >= 0 ? s->max_timestamp : s->newest_ms;
    return s->knows_newest || (s->has_times && s->max_timestamp >= 0);
}

// Nothing is queued for it or being done to it, so that it may be closed where it ends now.
static bool is_idle(const struct plog *plog)
{
    return list_is_empty(&plog->queue) && list_is_empty(&plog->writing) && !plog->is_writing && !plog->is_creating &&
           plog->published.offset == plog->assigned_end;
}

static void finish(struct plog *plog, struct plog_retain_op *op)
{
    enum err e = plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : plog->state != PLOG_OPEN ? ERR_BUSY : OK;
    if (e == OK && op->new_start > plog->log_start) e = plog_set_log_start(plog, op->new_start);
    if (e == OK) plog_drop_below_start(plog);
    op_finish_later(plog, &op->op, e);
}

// Goes on at the first segment that is not condemned; ends, or waits for one segment's time.
static void step(struct plog *plog, struct plog_retain_op *op)
{
    bool may_go_on = !plog->has_failed && plog->state == PLOG_OPEN;
    for (size_t i = plog_segment_of(plog, op->new_start); may_go_on && i < plog->segment_count; i++) {
        const struct segment *s = plog->segments[i];
        bool is_active = i + 1 == plog->segment_count;
        int64_t end = is_active ? plog->published.offset : plog->segments[i + 1]->base_offset;
        if (end > plog->high_watermark || s->size == 0) break;
        bool is_needless = end <= plog->log_start && !is_active;
        bool is_surplus = op->retention_bytes >= 0 && op->size_bytes - s->size >= op->retention_bytes;
        int64_t newest_ms = INT64_MAX;
        if (!is_needless && !is_surplus && op->retention_ms >= 0 && !newest_of(s, &newest_ms)) {
            find_newest(plog, op, s);
            return;
        }
        bool is_expired = op->retention_ms >= 0 && newest_ms != INT64_MAX && op->wall_ms - newest_ms > op->retention_ms;
        if (!is_needless && !is_surplus && !is_expired) break;
        if (is_active) {
            op->has_rolled = is_idle(plog);
            if (op->has_rolled) plog_roll_idle(plog);
            break;
        }
        op->size_bytes -= s->size;
        op->new_start = end;
        op->removed_segments++;
    }
    finish(plog, op);
}

void plog_retain(struct plog *plog, struct plog_retain_op *op)
{
    op->op.plog = plog;
    op->new_start = plog->segments[0]->base_offset;
    op->size_bytes = plog_size_bytes(plog);
    op->removed_segments = 0;
    op->has_rolled = false;
    if (plog->has_failed || plog->state != PLOG_OPEN)
        op_finish_later(plog, &op->op, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : ERR_BUSY);
    else
        step(plog, op);
}
