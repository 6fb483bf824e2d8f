// SPDX-License-Identifier: Apache-2.0
// One turn, in this order (tests and README rely on it):
//   1 events     what epoll reported together, at most EVENTS_MAX, in the kernel's order
//   2 messages   the mailbox as it was when the turn looked, then own messages as they were
//   3 timers     those due when the turn looked, by time and then by order of setting
//   4 writes     completions
//   5 turn end   callbacks queued so far; when that leaves own messages, completions or callbacks behind, steps 2, 4
//                and 5 are repeated for own work, at most ROUNDS_MAX times before sockets get their turn again
//   6 interests changed in the turn go to epoll, memory of closed connections is freed
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "env_posix/posix_int.h"

enum { EVENTS_MAX = 256, ROUNDS_MAX = 16 };

// Which loop the calling thread runs, if any.
static _Thread_local struct loop *current_loop;

static const struct env_ops loop_ops;
static void set_task_watch(struct loop *loop);

// ---- clock, random ---------------------------------------------------------------------------------------------

static int64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t posix_now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

static int64_t loop_now_ns(struct env *env)
{
    (void)env;
    return posix_now_ns();
}

static int64_t loop_wall_ms(struct env *env)
{
    (void)env;
    return clock_ns(CLOCK_REALTIME) / 1000000;
}

static void loop_random(struct env *env, void *to, size_t size)
{
    (void)env;
    for (uint8_t *at = to; size > 0;) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        at += got;
        size -= (size_t)got;
    }
}

// ---- messages, timers, turn end --------------------------------------------------------------------------------

void loop_assert_here(struct loop *loop)
{
    ASSERT(current_loop == loop || !atomic_load_explicit(&loop->is_running, memory_order_relaxed));
}

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t written = write(loop->wake_fd, &one, sizeof(one)); // cannot fail in a way that matters: see eventfd(2)
    (void)written;
}

static void loop_post(struct env *to, struct env_msg *msg)
{
    struct loop *loop = loop_of(to);
    if (current_loop == loop) {
        list_push_back(&loop->own, &msg->link);
        return;
    }
    pthread_mutex_lock(&loop->mutex);
    list_push_back(&loop->mailbox, &msg->link);
    bool must_wake = loop->may_sleep;
    loop->may_sleep = false;
    pthread_mutex_unlock(&loop->mutex);
    if (must_wake) loop_wake(loop);
}

static void loop_at_turn_end(struct env *env, struct env_msg *msg)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    list_push_back(&loop->turn_end, &msg->link);
}

static void loop_timer_set(struct env *env, struct env_timer *timer, int64_t at_ns)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    heap_remove(&loop->timers, &timer->node);
    heap_insert(&loop->timers, &timer->node, at_ns);
}

static void loop_timer_cancel(struct env *env, struct env_timer *timer)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    heap_remove(&loop->timers, &timer->node);
}

static void task_watch_due(struct env *env, struct env_timer *timer)
{
    (void)timer;
    struct loop *loop = loop_of(env);
    if (tasks_watch(&loop->node->tasks)) set_task_watch(loop);
}

static void set_task_watch(struct loop *loop)
{
    struct tasks *tasks = &loop->node->tasks;
    loop->task_watch.fire = task_watch_due;
    heap_insert(&loop->timers, &loop->task_watch.node, posix_now_ns() + tasks->slow_ns / WATCH_PER_SLOW);
}

static void loop_task_post(struct env *env, struct env_task *task)
{
    loop_assert_here(loop_of(env));
    task->home = env;
    struct loop *loop = loop_of(env);
    tasks_post(&loop->node->tasks, task);
    if (!heap_contains(&loop->task_watch.node)) set_task_watch(loop);
}

static bool has_slow_disk(struct loop *loop)
{
    int64_t until_ns = atomic_load_explicit(&loop->node->tasks.slow_until_ns, memory_order_relaxed);
    return until_ns != 0 && until_ns > posix_now_ns();
}

bool loop_has_slow_disk(void)
{
    return current_loop != NULL && has_slow_disk(current_loop);
}

struct slow_write {
    struct env_task task;
    struct env_write *write;
};

static void slow_write_run(struct env_task *task, struct fs *fs)
{
    struct env_write *write = CONTAINER_OF(task, struct slow_write, task)->write;
    (void)fs;
    write->result = file_pwritev(write->file, write->position, write->parts, write->part_count);
}

static void slow_write_done(struct env *env, struct env_task *task)
{
    struct slow_write *slow = CONTAINER_OF(task, struct slow_write, task);
    struct env_write *write = slow->write;
    mem_free(slow);
    write->done(env, write);
}

// The disk hangs, or did a moment ago: whoever waits for it, it is not the loop.
static void write_in_task(struct env *env, struct env_write *write)
{
    struct slow_write *slow = MEM_NEW(struct slow_write);
    *slow = (struct slow_write){
        .task = {.run = slow_write_run, .done = slow_write_done, .lane = (uintptr_t)write->file}, .write = write};
    loop_task_post(env, &slow->task);
}

static void run_write_done(struct env *env, struct env_msg *msg)
{
    struct env_write *write = CONTAINER_OF(msg, struct env_write, msg);
    write->done(env, write);
}

// The write itself happens at once: into the page cache it is a copy (design section 7).
static void loop_write(struct env *env, struct env_write *write)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    if (has_slow_disk(loop)) {
        write_in_task(env, write);
        return;
    }
    int64_t from_ns = posix_now_ns();
    write->result = file_pwritev(write->file, write->position, write->parts, write->part_count);
    watch_loop_write(&loop->node->tasks, posix_file_path(write->file), posix_now_ns() - from_ns);
    write->msg.run = run_write_done;
    list_push_back(&loop->completions, &write->msg.link);
}

// Runs what the list holds now; what is added meanwhile stays for the next round.
static void run_all(struct loop *loop, struct list *list)
{
    struct list batch;
    list_init(&batch);
    list_append_all(&batch, list);
    for (struct list *link; (link = list_pop_front(&batch)) != NULL;) {
        struct env_msg *msg = LIST_ITEM(link, struct env_msg, link);
        msg->run(&loop->env, msg);
    }
}

static void run_mailbox(struct loop *loop)
{
    struct list batch;
    list_init(&batch);
    pthread_mutex_lock(&loop->mutex);
    list_append_all(&batch, &loop->mailbox);
    loop->may_sleep = false;
    pthread_mutex_unlock(&loop->mutex);
    run_all(loop, &batch);
}

// A timer set to a time already past from inside `fire` waits for the next turn: at most as many fire as there were.
static void run_timers(struct loop *loop)
{
    int64_t now_ns = heap_min(&loop->timers) == NULL ? 0 : loop_now_ns(&loop->env);
    for (size_t left = loop->timers.count; left > 0; left--) {
        struct heap_node *node = heap_min(&loop->timers);
        if (node == NULL || node->key > now_ns) return;
        heap_remove(&loop->timers, node);
        struct env_timer *timer = CONTAINER_OF(node, struct env_timer, node);
        timer->fire(&loop->env, timer);
    }
}

static bool has_own_work(const struct loop *loop)
{
    return !list_is_empty(&loop->own) || !list_is_empty(&loop->completions) || !list_is_empty(&loop->turn_end);
}

static void free_graves(struct loop *loop)
{
    for (struct list *link; (link = list_pop_front(&loop->graves)) != NULL;)
        mem_free(LIST_ITEM(link, struct source, grave)->memory);
}

static void run_turn(struct loop *loop, const struct epoll_event *events, int count)
{
    for (int i = 0; i < count; i++) {
        struct source *source = events[i].data.ptr;
        if (!source->is_closed) source->ready(loop, source, events[i].events);
    }
    run_mailbox(loop);
    run_all(loop, &loop->own);
    run_timers(loop);
    run_all(loop, &loop->completions);
    run_all(loop, &loop->turn_end);
    for (int round = 1; round < ROUNDS_MAX && has_own_work(loop); round++) {
        run_all(loop, &loop->own);
        run_all(loop, &loop->completions);
        run_all(loop, &loop->turn_end);
    }
    net_apply_dirty(loop);
    free_graves(loop);
}

// ---- running ---------------------------------------------------------------------------------------------------

// -1 = no limit. Says in the mailbox whether somebody who posts has to wake us.
static int64_t sleep_ns(struct loop *loop)
{
    if (has_own_work(loop)) return 0;
    pthread_mutex_lock(&loop->mutex);
    bool has_mail = !list_is_empty(&loop->mailbox);
    loop->may_sleep = !has_mail;
    pthread_mutex_unlock(&loop->mutex);
    if (has_mail) return 0;
    struct heap_node *first = heap_min(&loop->timers);
    if (first == NULL) return -1;
    int64_t left_ns = first->key - loop_now_ns(&loop->env);
    return left_ns > 0 ? left_ns : 0;
}

static int wait_events(struct loop *loop, struct epoll_event *events, int64_t timeout_ns)
{
    int count = -1;
    if (!loop->no_pwait2) {
        struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
        count = epoll_pwait2(loop->epoll_fd, events, EVENTS_MAX, timeout_ns < 0 ? NULL : &timeout, NULL);
        if (count < 0 && (errno == ENOSYS || errno == EPERM)) loop->no_pwait2 = true; // old kernel or seccomp
    }
    if (loop->no_pwait2) {
        int64_t timeout_ms = timeout_ns < 0 ? -1 : (timeout_ns + 999999) / 1000000; // never early
        count = epoll_wait(loop->epoll_fd, events, EVENTS_MAX, timeout_ms > 3600000 ? 3600000 : (int)timeout_ms);
    }
    ASSERT(count >= 0 || errno == EINTR);
    return count < 0 ? 0 : count;
}

bool loop_run(struct loop *loop, bool (*done)(void *context), void *context)
{
    ASSERT(current_loop == NULL);
    current_loop = loop;
    atomic_store(&loop->is_running, true);
    bool is_done = false;
    net_apply_dirty(loop); // what was set up before
    while (!(is_done = done != NULL && done(context)) && !atomic_load(&loop->node->is_stopping)) {
        struct epoll_event events[EVENTS_MAX];
        int count = wait_events(loop, events, sleep_ns(loop));
        run_turn(loop, events, count);
    }
    current_loop = NULL;
    atomic_store(&loop->is_running, false);
    return is_done;
}

enum err loop_watch(struct loop *loop, struct source *source, int fd, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = source};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return OK;
    return posix_error(loop->env.log, errno, "epoll_ctl", "descriptor");
}

void loop_bury(struct loop *loop, struct source *source, void *memory)
{
    ASSERT(!source->is_closed);
    source->is_closed = true;
    source->memory = memory;
    list_push_back(&loop->graves, &source->grave);
}

// wake_fd is edge-triggered, so it never has to be read: each write is an event of its own.
static void wake_ready(struct loop *loop, struct source *source, unsigned events)
{
    (void)loop;
    (void)source;
    (void)events;
}

// ---- signals ---------------------------------------------------------------------------------------------------

static void signals_ready(struct loop *loop, struct source *source, unsigned events)
{
    (void)source;
    (void)events;
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        int signo = (int)info.ssi_signo;
        if (signo > 0 && signo < _NSIG && loop->signal_handlers[signo].callback != NULL)
            loop->signal_handlers[signo].callback(&loop->env, signo, loop->signal_handlers[signo].context);
    }
}

void posix_signal(struct env *env, int signo, void (*callback)(struct env *env, int signo, void *context),
                  void *context)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    ASSERT(signo > 0 && signo < _NSIG);
    sigaddset(&loop->signal_set, signo);
    pthread_sigmask(SIG_BLOCK, &loop->signal_set, NULL);
    int fd = signalfd(loop->signal_fd, &loop->signal_set, SFD_NONBLOCK | SFD_CLOEXEC);
    ASSERT(fd >= 0);
    if (loop->signal_fd < 0) {
        loop->signals.ready = signals_ready;
        enum err err = loop_watch(loop, &loop->signals, fd, EPOLLIN);
        ASSERT(err == OK);
    }
    loop->signal_fd = fd;
    loop->signal_handlers[signo].callback = callback;
    loop->signal_handlers[signo].context = context;
}

// ---- life ------------------------------------------------------------------------------------------------------

enum err loop_init(struct loop *loop, struct posix_node *node, int shard)
{
    *loop = (struct loop){.node = node, .epoll_fd = -1, .wake_fd = -1, .signal_fd = -1, .reserve_fd = -1};
    loop->env = (struct env){
        .ops = &loop_ops,
        .fs = &node->fs.fs,
        .log = node->log,
        .shard = shard,
        .shard_count = node->shard_count,
        .shards = node->envs,
    };
    list_init(&loop->own);
    list_init(&loop->completions);
    list_init(&loop->turn_end);
    list_init(&loop->dirty);
    list_init(&loop->graves);
    list_init(&loop->conns);
    list_init(&loop->resolves);
    list_init(&loop->listeners);
    list_init(&loop->mailbox);
    pthread_mutex_init(&loop->mutex, NULL);
    sigemptyset(&loop->signal_set);
    loop->wake.ready = wake_ready;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) return posix_error(node->log, errno, "epoll_create1", "shard");
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) return posix_error(node->log, errno, "eventfd", "shard");
    return loop_watch(loop, &loop->wake, loop->wake_fd, EPOLLIN | EPOLLET);
}

void loop_deinit(struct loop *loop)
{
    net_close_all(loop);
    free_graves(loop);
    heap_deinit(&loop->timers);
    if (loop->signal_fd >= 0) close(loop->signal_fd);
    if (loop->reserve_fd >= 0) close(loop->reserve_fd);
    if (loop->wake_fd >= 0) close(loop->wake_fd);
    if (loop->epoll_fd >= 0) close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->mutex);
}

static const struct env_ops loop_ops = {
    .now_ns = loop_now_ns,
    .wall_ms = loop_wall_ms,
    .random = loop_random,
    .post = loop_post,
    .at_turn_end = loop_at_turn_end,
    .timer_set = loop_timer_set,
    .timer_cancel = loop_timer_cancel,
    .task_post = loop_task_post,
    .write = loop_write,
    .listen = net_listen,
    .listener_close = net_listener_close,
    .socket_close = net_socket_close,
    .socket_peer = net_socket_peer,
    .conn_open = net_conn_open,
    .connect = net_connect,
    .conn_want = net_conn_want,
    .conn_recv = net_conn_recv,
    .conn_send = net_conn_send,
    .conn_sendfile = net_conn_sendfile,
    .conn_close = net_conn_close,
    .conn_peer = net_conn_peer,
    .conn_local_port = net_conn_local_port,
};
