// SPDX-License-Identifier: Apache-2.0
// Disks that do not answer. A blocking call of a task that takes longer than slow_ms is named in the log once while it
// hangs and once when it is back. A thread that is in one call for longer than a fifth of that does not count as one of
// the pool: another takes its place, so that tasks of other directories go on. And while anything hangs, and for a
// while after, writes go to tasks rather than happen on the loop: a file system that waits for its journal stops them
// too.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "env_posix/posix_int.h"

enum { NS_PER_MS = 1000000, HOLD_MS = 10000, LOOP_STALL_MS = 100 };

// The slot of the task thread that runs this, NULL on every other thread.
static _Thread_local struct task_thread *current_thread;

void watch_thread(struct task_thread *thread)
{
    current_thread = thread;
}

void watch_task(struct task_thread *thread, bool is_running)
{
    atomic_store_explicit(&thread->busy_since_ns, is_running ? posix_now_ns() : 0, memory_order_relaxed);
}

void op_begin(const char *action, const char *path)
{
    struct task_thread *thread = current_thread;
    if (thread == NULL) return;
    pthread_mutex_lock(&thread->mutex);
    thread->action = action;
    thread->path = path;
    thread->op_since_ns = posix_now_ns();
    thread->is_told = false;
    pthread_mutex_unlock(&thread->mutex);
}

void op_end(void)
{
    struct task_thread *thread = current_thread;
    if (thread == NULL) return;
    int kept_errno = errno;
    pthread_mutex_lock(&thread->mutex);
    bool was_told = thread->is_told;
    const char *action = thread->action;
    const char *path = thread->path;
    int64_t took_ns = posix_now_ns() - thread->op_since_ns;
    thread->action = NULL;
    pthread_mutex_unlock(&thread->mutex);
    if (was_told)
        log_warn(thread->tasks->log, "posix", "%s of %s came back after %.1f s", action, path, (double)took_ns / 1e9);
    errno = kept_errno;
}

static void tell(struct tasks *tasks, struct task_thread *thread, int64_t now_ns)
{
    pthread_mutex_lock(&thread->mutex);
    if (thread->action != NULL && !thread->is_told && now_ns - thread->op_since_ns >= tasks->slow_ns) {
        thread->is_told = true;
        log_warn(
            tasks->log, "posix",
            "%s of %s has not come back for %.1f s: the disk is slow or hangs; what needs it waits, the rest goes on",
            thread->action, thread->path, (double)(now_ns - thread->op_since_ns) / 1e9);
    }
    pthread_mutex_unlock(&thread->mutex);
}

static bool is_hanging(struct task_thread *thread, int64_t now_ns, int64_t limit_ns)
{
    pthread_mutex_lock(&thread->mutex);
    bool hangs = thread->action != NULL && now_ns - thread->op_since_ns >= limit_ns;
    pthread_mutex_unlock(&thread->mutex);
    return hangs;
}

// Under the mutex of `tasks`, which keeps the number of threads.
bool watch_look(struct tasks *tasks)
{
    int64_t now_ns = posix_now_ns();
    int64_t limit_ns = tasks->slow_ns / WATCH_PER_SLOW;
    tasks->stuck = 0;
    for (int i = 0; i < tasks->thread_count; i++) {
        struct task_thread *thread = &tasks->threads[i];
        int64_t since_ns = atomic_load_explicit(&thread->busy_since_ns, memory_order_relaxed);
        if (since_ns == 0 || now_ns - since_ns < limit_ns || !is_hanging(thread, now_ns, limit_ns)) continue;
        tasks->stuck++;
        tell(tasks, thread, now_ns);
    }
    if (tasks->stuck > 0) disk_is_slow(tasks);
    return tasks->running > 0 || !list_is_empty(&tasks->ready);
}

void disk_is_slow(struct tasks *tasks)
{
    atomic_store_explicit(&tasks->slow_until_ns, posix_now_ns() + (int64_t)HOLD_MS * NS_PER_MS, memory_order_relaxed);
}

void watch_loop_write(struct tasks *tasks, const char *path, int64_t took_ns)
{
    if (took_ns < (int64_t)LOOP_STALL_MS * NS_PER_MS) return;
    disk_is_slow(tasks);
    if (took_ns >= tasks->slow_ns)
        log_warn(tasks->log, "posix", "pwritev of %s held its loop for %.1f s: the disk is slow", path,
                 (double)took_ns / 1e9);
}
