// SPDX-License-Identifier: Apache-2.0
// The pool for blocking work. One mutex guards everything; a task is in `ready` or behind its lane's running one.
#include <stdio.h>

#include "base/mem.h"
#include "env_posix/posix_int.h"

// Exists while a task of the lane is ready or running; the ones behind it wait here.
struct lane {
    struct map_link link; // tasks.lanes
    uintptr_t number;
    struct list behind;
};

static struct env_task *task_of(struct list *link)
{
    return CONTAINER_OF(LIST_ITEM(link, struct env_msg, link), struct env_task, msg);
}

static struct lane *find_lane(struct tasks *tasks, uintptr_t number)
{
    struct map_link *link = map_find(&tasks->lanes, hash_u64(0, number));
    for (; link != NULL; link = map_find_next(link))
        if (MAP_ITEM(link, struct lane, link)->number == number) return MAP_ITEM(link, struct lane, link);
    return NULL;
}

static void run_done(struct env *env, struct env_msg *msg)
{
    struct env_task *task = CONTAINER_OF(msg, struct env_task, msg);
    task->done(env, task);
}

static void make_ready(struct tasks *tasks, struct list *link)
{
    list_push_back(&tasks->ready, link);
    tasks->ready_count++;
}

// Under the mutex: the next of the lane may go.
static void leave_lane(struct tasks *tasks, uintptr_t number)
{
    struct lane *lane = find_lane(tasks, number);
    ASSERT(lane != NULL);
    struct list *next = list_pop_front(&lane->behind);
    if (next != NULL) {
        make_ready(tasks, next);
        return;
    }
    map_remove(&tasks->lanes, &lane->link);
    mem_free(lane);
}

static void *run_thread(void *argument)
{
    struct task_thread *thread = argument;
    struct tasks *tasks = thread->tasks;
    watch_thread(thread);
    pthread_mutex_lock(&tasks->mutex);
    for (;;) {
        struct list *link = list_pop_front(&tasks->ready);
        if (link == NULL) {
            if (tasks->running == 0) pthread_cond_broadcast(&tasks->idle);
            if (tasks->is_stopping && tasks->running == 0) break; // a running one may still free its lane's next
            tasks->waiting++;
            pthread_cond_wait(&tasks->work, &tasks->mutex);
            tasks->waiting--;
            continue;
        }
        struct env_task *task = task_of(link);
        uintptr_t lane = task->lane; // the task is not ours any more once posted
        tasks->ready_count--;
        tasks->running++;
        pthread_mutex_unlock(&tasks->mutex);
        watch_task(thread, true);
        task->run(task, tasks->fs);
        watch_task(thread, false);
        task->msg.run = run_done;
        env_post(task->home, &task->msg);
        pthread_mutex_lock(&tasks->mutex);
        tasks->running--;
        if (lane != 0) leave_lane(tasks, lane);
    }
    pthread_cond_broadcast(&tasks->work); // the last running task ends all who wait
    pthread_mutex_unlock(&tasks->mutex);
    return NULL;
}

void tasks_init(struct tasks *tasks, int thread_max, int slow_ms, struct log *log, struct fs *fs)
{
    ASSERT(thread_max <= TASK_THREADS_MAX);
    *tasks = (struct tasks){.thread_max = thread_max, .log = log, .slow_ns = slow_ms * INT64_C(1000000), .fs = fs};
    pthread_mutex_init(&tasks->mutex, NULL);
    pthread_cond_init(&tasks->work, NULL);
    pthread_cond_init(&tasks->idle, NULL);
    list_init(&tasks->ready);
}

static bool may_grow(const struct tasks *tasks)
{
    return tasks->ready_count > tasks->waiting && tasks->thread_count - tasks->stuck < tasks->thread_max &&
           tasks->thread_count < TASK_THREADS_MAX;
}

static void grow(struct tasks *tasks)
{
    char name[16];
    struct task_thread *thread = &tasks->threads[tasks->thread_count];
    snprintf(name, sizeof(name), "task-%d", tasks->thread_count % 1000);
    thread->tasks = tasks;
    pthread_mutex_init(&thread->mutex, NULL);
    thread->thread = thread_start(run_thread, thread, name);
    tasks->thread_count++;
}

bool tasks_watch(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->mutex);
    bool is_busy = watch_look(tasks);
    if (is_busy && !tasks->is_stopping && may_grow(tasks)) grow(tasks); // one each time is enough: it goes on
    pthread_mutex_unlock(&tasks->mutex);
    return is_busy;
}

void tasks_post(struct tasks *tasks, struct env_task *task)
{
    pthread_mutex_lock(&tasks->mutex);
    ASSERT(!tasks->is_stopping);
    struct lane *lane = task->lane == 0 ? NULL : find_lane(tasks, task->lane);
    if (lane != NULL) {
        list_push_back(&lane->behind, &task->msg.link);
        pthread_mutex_unlock(&tasks->mutex);
        return;
    }
    if (task->lane != 0) {
        lane = MEM_NEW(struct lane);
        lane->number = task->lane;
        list_init(&lane->behind);
        map_insert(&tasks->lanes, &lane->link, hash_u64(0, lane->number));
    }
    make_ready(tasks, &task->msg.link);
    if (may_grow(tasks))
        grow(tasks);
    else
        pthread_cond_signal(&tasks->work);
    pthread_mutex_unlock(&tasks->mutex);
}

void tasks_wait_idle(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->mutex);
    while (tasks->running > 0 || !list_is_empty(&tasks->ready)) pthread_cond_wait(&tasks->idle, &tasks->mutex);
    pthread_mutex_unlock(&tasks->mutex);
}

void tasks_deinit(struct tasks *tasks)
{
    pthread_mutex_lock(&tasks->mutex);
    tasks->is_stopping = true;
    pthread_cond_broadcast(&tasks->work);
    pthread_mutex_unlock(&tasks->mutex);
    for (int i = 0; i < tasks->thread_count; i++) pthread_join(tasks->threads[i].thread, NULL);
    ASSERT(list_is_empty(&tasks->ready) && tasks->lanes.count == 0);
    map_deinit(&tasks->lanes);
    for (int i = 0; i < tasks->thread_count; i++) pthread_mutex_destroy(&tasks->threads[i].mutex);
    pthread_cond_destroy(&tasks->idle);
    pthread_cond_destroy(&tasks->work);
    pthread_mutex_destroy(&tasks->mutex);
}
