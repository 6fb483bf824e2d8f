// SPDX-License-Identifier: Apache-2.0
// The end of a plog, and the delivery of operations.
#include "store/journal.h"

void op_finish(struct plog *plog, struct plog_op *op, enum err result)
{
    op->result = result;
    op->done(plog, op);
}

static void deliver(struct env *env, struct env_msg *msg)
{
    struct plog_op *op = CONTAINER_OF(msg, struct plog_op, task.msg);
    struct plog *plog = op->plog;
    (void)env;
    ASSERT(plog->tasks > 0);
    plog->tasks--;
    op->done(plog, op);
    plog_step(plog);
}

void op_finish_later(struct plog *plog, struct plog_op *op, enum err result)
{
    op->plog = plog;
    op->result = result;
    op->task.msg = (struct env_msg){.run = deliver};
    plog->tasks++; // the plog stays until it is delivered
    env_post(plog->env, &op->task.msg);
}

struct close_task {
    struct plog_task base;
    struct plog_op *op;
    struct seal *seal; // of the active segment, NULL when there is nothing to flush
    char *new_path;    // delete: where the directory goes
    char *logdir_path;
};

static void close_run(struct env_task *task, struct fs *fs)
{
    struct close_task *t = CONTAINER_OF(task, struct close_task, base.task);
    t->base.what = "closing";
    if (t->seal != NULL) {
        t->seal->base.dir_path = t->base.dir_path;
        t->base.result = seal_run(t->seal, fs);
        t->seal->base.dir_path = NULL;
    }
    if (t->new_path != NULL) {
        t->base.result = fs_rename(fs, t->base.dir_path, t->new_path);
        if (t->base.result == OK) t->base.result = fs_sync_dir(fs, t->logdir_path);
    }
}

static void release(struct plog *plog)
{
    if (plog->hot != NULL) env_timer_cancel(plog->env, &plog->hot->flush_timer);
    plog_cancel_removals(plog);
    ASSERT(plog->tasks == 0 && !plog->is_writing && list_is_empty(&plog->queue));
    journal_forget(plog);
    if (plog->is_turn_posted)
        plog->is_gone = true; // run_turn frees
    else
        plog_free(plog);
}

static void close_done(struct env *env, struct env_task *task)
{
    struct close_task *t = CONTAINER_OF(task, struct close_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    struct plog_op *op = t->op;
    if (t->base.result == OK && t->new_path != NULL) {
        mem_free(plog->path);
        plog->path = t->new_path;
        t->new_path = NULL;
    }
    if (t->base.result == OK && t->seal != NULL) {
        seal_done(t->seal, plog_segment_at(plog, t->seal->base_offset));
        plog->flushed = plog->published;
        plog->durable_end = plog->published.offset;
    }
    if (t->seal != NULL) seal_free(t->seal);
    enum err result = plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : OK;
    mem_free(t->new_path);
    mem_free(t->logdir_path);
    mem_free(t);
    op_finish(plog, op, result);
    release(plog);
}

static void close_now(struct env *env, struct env_msg *msg)
{
    close_done(env, CONTAINER_OF(msg, struct env_task, msg));
}

// Everything about it is on disk as a close would leave it: so most logs of a node with many cost no system call.
static bool is_settled(const struct plog *plog, const struct segment *active)
{
    for (size_t i = 0; i + 1 < plog->segment_count; i++)
        if (!plog->segments[i]->is_sealed) return false;
    bool has_snapshot = !plog->options.has_producers || plog->published.offset == 0 ||
                        plog->last_snapshot == plog->published.offset;
    return has_snapshot && active->has_index_files && active->index_tail.size == 0 &&
           active->timeindex_tail.size == 0 && active->max_timestamp <= active->last_time_entry &&
           active->allocated_to == 0 && !plog->is_dir_dirty && plog->flushed.offset == plog->published.offset;
}

// Quiet: nothing queued, written or under way. A plog that failed goes through the same task, with nothing to do in it.
void close_start(struct plog *plog)
{
    // Its directory's name may mean another log some day.
    if (plog->state == PLOG_DELETING && journal_note_first(plog, JOURNAL_DROP, 0)) return;
    if (!journal_may_close(plog)) return;
    struct close_task *t = MEM_NEW(struct close_task);
    t->op = plog->pending;
    plog->pending = NULL;
    struct segment *active = plog_active(plog);
    if (plog->has_failed) {
        // What is on disk stays as it is: the next start recovers.
    } else if (plog->state == PLOG_DELETING) {
        char *name = partition_dir_suffixed(plog_topic(plog), plog->partition, t->op->random16, "-delete");
        t->new_path = path_printf("%s/%s", plog->dir->path, name);
        t->logdir_path = path_printf("%s", plog->dir->path);
        mem_free(name);
    } else if (active->is_created && !is_settled(plog, active)) {
        t->seal = seal_new(plog, active, plog->published.offset);
        int64_t newest = plog->last_snapshot < 0 ? 0 : plog->last_snapshot;
        if (plog->options.has_producers && plog->published.offset > newest) {
            t->seal->snapshot_offset = plog->published.offset;
            producers_snapshot(&plog->producers, &t->seal->snapshot);
        }
    }
    t->base.task.run = close_run;
    t->base.task.done = close_done;
    if (t->seal == NULL && t->new_path == NULL) {
        t->base.plog = plog;
        t->base.task.msg.run = close_now;
        plog->tasks++;
        env_post(plog->env, &t->base.task.msg);
    } else {
        plog_task_post(plog, &t->base, (uintptr_t)plog);
    }
}

static void end_with(struct plog *plog, enum plog_state state, struct plog_op *op)
{
    ASSERT(plog->env != NULL && (plog->state == PLOG_OPEN || plog->state == PLOG_TRUNCATING));
    // A truncation that has not begun gives way.
    if (plog->pending != NULL) {
        env_timer_cancel(plog->env, &plog->pending->timer);
        op_finish_later(plog, plog->pending, ERR_NOT_LEADER_OR_FOLLOWER);
    }
    plog->state = state;
    plog->pending = op;
    op->plog = plog;
    plog_wake(plog);
}

void plog_close(struct plog *plog, struct plog_op *op)
{
    end_with(plog, PLOG_CLOSING, op);
}

void plog_delete(struct plog *plog, struct uuid random16, struct plog_op *op)
{
    op->random16 = random16;
    end_with(plog, PLOG_DELETING, op);
}
