// SPDX-License-Identifier: Apache-2.0
// What leaves a log is renamed to ".deleted" and removed file.delete.delay.ms later (kafka-internals A3, B7): until
// then an administrator can take it back by hand. What still waits when the log is closed goes at the next start
// (A9.1).
#include <string.h>

#include "store/store_int.h"

static const char *const suffixes[] = {".log", ".index", ".timeindex", ".txnindex", ".snapshot"};
enum { WITHOUT_SNAPSHOT = COUNT_OF(suffixes) - 1 };

struct condemned {
    struct condemned *next;
    struct env_timer timer;
    struct plog *plog;
    int64_t *bases;
    size_t count;
};

struct removal {
    struct plog_task base;
    int64_t *bases;
    size_t count;
};

enum err segment_condemn_files(struct fs *fs, const char *dir_path, int64_t base, bool has_snapshot, int64_t delay_ms)
{
    enum err e = OK;
    size_t count = has_snapshot ? COUNT_OF(suffixes) : WITHOUT_SNAPSHOT;
    for (size_t i = 0; i < count && e == OK; i++) {
        char *path = segment_path(dir_path, base, suffixes[i]);
        char *deleted = path_printf("%s.deleted", path);
        // A power cut may keep any of the new names. Without its .log the others are nothing, but without its .txnindex
        // a .log would show what was aborted.
        if (strcmp(suffixes[i], ".txnindex") == 0) {
            struct file_stat stat;
            e = fs_stat(fs, path, &stat);
            if (e == OK) e = fs_sync_dir(fs, dir_path);
        }
        if (e == OK) e = delay_ms > 0 ? fs_rename(fs, path, deleted) : file_remove(fs, path);
        if (e == ERR_NOT_FOUND) e = OK;
        mem_free(deleted);
        mem_free(path);
    }
    return e;
}

static void removal_run(struct env_task *task, struct fs *fs)
{
    struct removal *t = CONTAINER_OF(task, struct removal, base.task);
    t->base.what = "removing deleted segments";
    for (size_t i = 0; i < t->count * COUNT_OF(suffixes) && t->base.result == OK; i++) {
        char *path = segment_path(t->base.dir_path, t->bases[i / COUNT_OF(suffixes)], suffixes[i % COUNT_OF(suffixes)]);
        char *deleted = path_printf("%s.deleted", path);
        t->base.result = file_remove(fs, deleted);
        mem_free(deleted);
        mem_free(path);
    }
}

static void removal_done(struct env *env, struct env_task *task)
{
    struct removal *t = CONTAINER_OF(task, struct removal, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    mem_free(t->bases);
    mem_free(t);
    plog_step(plog);
}

static void due(struct env *env, struct env_timer *timer)
{
    struct condemned *condemned = CONTAINER_OF(timer, struct condemned, timer);
    struct plog *plog = condemned->plog;
    struct condemned **at = &plog->condemned;
    (void)env;
    while (*at != condemned) at = &(*at)->next;
    *at = condemned->next;
    // A log that is being closed leaves them to the next start, one that failed touches nothing any more.
    bool may_go = !plog->has_failed && (plog->state == PLOG_OPEN || plog->state == PLOG_TRUNCATING);
    if (may_go) {
        struct removal *t = MEM_NEW(struct removal);
        t->bases = condemned->bases;
        t->count = condemned->count;
        t->base.task.run = removal_run;
        t->base.task.done = removal_done;
        plog_task_post(plog, &t->base, (uintptr_t)plog);
    } else {
        mem_free(condemned->bases);
    }
    mem_free(condemned);
}

void plog_remove_later(struct plog *plog, int64_t *take_bases, size_t count, int64_t delay_ms)
{
    if (count == 0 || delay_ms <= 0 || plog->has_failed) {
        mem_free(take_bases);
        return;
    }
    struct condemned *condemned = MEM_NEW(struct condemned);
    *condemned = (struct condemned){
        .next = plog->condemned, .timer = {.fire = due}, .plog = plog, .bases = take_bases, .count = count};
    plog->condemned = condemned;
    env_timer_after_ms(plog->env, &condemned->timer, delay_ms < INT32_MAX ? delay_ms : INT32_MAX);
}

void plog_cancel_removals(struct plog *plog)
{
    for (struct condemned *c = plog->condemned; c != NULL; c = c->next) env_timer_cancel(plog->env, &c->timer);
}

void plog_free_removals(struct plog *plog)
{
    while (plog->condemned != NULL) {
        struct condemned *condemned = plog->condemned;
        plog->condemned = condemned->next;
        mem_free(condemned->bases);
        mem_free(condemned);
    }
}
