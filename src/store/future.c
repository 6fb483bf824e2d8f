// SPDX-License-Identifier: Apache-2.0
// What a log needs that is copied into another directory and then takes the place of the first (KIP-113): everything on
// disk at a given time, and a new name for its directory. Tasks carry the directory's path, so those that come up while
// it is renamed are held back, and it is renamed only when none is on its way.
#include <inttypes.h>

#include "store/store_int.h"

void plog_flush(struct plog *plog, struct plog_op *op)
{
    ASSERT(plog->env != NULL && plog->flush_op == NULL);
    op->plog = plog;
    op->arg = plog->published.offset;
    plog->flush_op = op;
    plog_wake(plog);
}

void plog_promote(struct plog *plog, struct plog_op *op)
{
    ASSERT(plog->env != NULL && plog->promote_op == NULL);
    op->plog = plog;
    plog->promote_op = op;
    plog_wake(plog);
}

struct rename_task {
    struct plog_task base;
    char *new_path;
    char *logdir_path;
};

static void rename_run(struct env_task *task, struct fs *fs)
{
    struct rename_task *t = CONTAINER_OF(task, struct rename_task, base.task);
    t->base.what = "renaming the future log";
    t->base.result = fs_rename(fs, t->base.dir_path, t->new_path);
    if (t->base.result == OK) t->base.result = fs_sync_dir(fs, t->logdir_path);
}

static void post_held(struct plog *plog)
{
    plog->held_count = 0;
    for (struct list *link; (link = list_pop_front(&plog->held_tasks)) != NULL;) {
        struct plog_task *task = LIST_ITEM(link, struct plog_task, held);
        task->dir_path = path_printf("%s", plog->path);
        env_task_post(plog->env, &task->task);
    }
}

static void promote_end(struct plog *plog, enum err result)
{
    struct plog_op *op = plog->promote_op;
    plog->promote_op = NULL;
    post_held(plog);
    op_finish(plog, op, result);
}

static void rename_done(struct env *env, struct env_task *task)
{
    struct rename_task *t = CONTAINER_OF(task, struct rename_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog->is_renaming = false;
    if (t->base.result == OK) {
        mem_free(plog->path);
        plog->path = t->new_path;
        plog->is_future = false;
        t->new_path = NULL;
    }
    enum err result = plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : OK;
    mem_free(t->new_path);
    mem_free(t->logdir_path);
    mem_free(t);
    promote_end(plog, result);
    plog_step(plog);
}

static void rename_start(struct plog *plog)
{
    struct rename_task *t = MEM_NEW(struct rename_task);
    t->new_path =
        path_printf("%s/%.*s-%" PRId32, plog->dir->path, SLICE_FMT(text_slice(&plog->topic)), plog->partition);
    t->logdir_path = path_printf("%s", plog->dir->path);
    t->base.task.run = rename_run;
    t->base.task.done = rename_done;
    t->base.plog = plog;
    t->base.dir_path = path_printf("%s", plog->path);
    t->base.task.lane = (uintptr_t)plog;
    plog->is_renaming = true;
    plog->tasks++;
    env_task_post(plog->env, &t->base.task);
}

void future_step(struct plog *plog)
{
    if (plog->flush_op != NULL) {
        struct plog_op *op = plog->flush_op;
        bool is_flushed = plog->flushed.offset >= op->arg;
        if (is_flushed || plog->has_failed) {
            plog->flush_op = NULL;
            op_finish(plog, op, plog->has_failed ? ERR_KAFKA_STORAGE_ERROR : OK);
        } else if (!plog->wants_flush && !plog->is_syncing) {
            plog->wants_flush = true;
            plog_wake(plog);
        }
    }
    if (plog->promote_op == NULL || plog->is_renaming || plog->tasks > plog->held_count) return;
    if (plog->has_failed)
        promote_end(plog, ERR_KAFKA_STORAGE_ERROR);
    else
        rename_start(plog);
}
