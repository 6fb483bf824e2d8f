// SPDX-License-Identifier: Apache-2.0
// Private to env_posix.
#ifndef ODRADEK_ENV_POSIX_POSIX_INT_H
#define ODRADEK_ENV_POSIX_POSIX_INT_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/epoll.h>

#include "base/map.h"
#include "env_posix/posix.h"

struct loop;

// Something epoll reports on. It may be closed while events of the batch still point at it, so its memory goes only
// at the end of the turn (loop_bury).
struct source {
    void (*ready)(struct loop *loop, struct source *source, unsigned events);
    struct list grave; // in loop.graves once closed
    void *memory;      // freed with the grave
    bool is_closed;
};

// One shard. Owner: the thread that runs it, except the mailbox.
struct loop {
    struct env env; // first
    struct posix_node *node;
    int epoll_fd;
    bool no_pwait2;          // the kernel lacks epoll_pwait2: milliseconds then
    bool is_sigpipe_ignored; // sendfile has no MSG_NOSIGNAL
    atomic_bool is_running;

    struct list own;         // messages posted by this loop to itself
    struct list completions; // of env_write
    struct list turn_end;
    struct heap timers;
    struct env_timer task_watch; // set while tasks are under way
    struct list dirty;           // connections whose interest changed in this turn
    struct list graves;

    struct list conns;
    struct list resolves; // of outgoing connections not yet connected, or closed while their task runs
    struct list listeners;
    int reserve_fd; // given up for a moment to turn somebody away when descriptors run out; -1 = none

    struct source wake;
    int wake_fd;
    struct source signals;
    int signal_fd; // -1 before the first posix_signal
    sigset_t signal_set;
    struct {
        void (*callback)(struct env *env, int signo, void *context);
        void *context;
    } signal_handlers[_NSIG];

    pthread_mutex_t mutex; // guards the two below
    struct list mailbox;   // from other threads
    bool may_sleep;        // nobody has to write wake_fd while this is false
};

// ---- tasks -----------------------------------------------------------------------------------------------------

enum { TASK_THREADS_MAX = 64, WATCH_PER_SLOW = 5 };

// One thread of the pool, and what it is doing, for whoever looks whether it hangs.
struct task_thread {
    pthread_t thread;
    struct tasks *tasks;
    atomic_llong busy_since_ns; // its task's start; 0 = none
    pthread_mutex_t mutex;      // guards the rest
    const char *action;         // the blocking call it is in; NULL = none
    const char *path;
    int64_t op_since_ns;
    bool is_told; // the log knows
};

struct tasks {
    struct log *log;
    int64_t slow_ns;
    atomic_llong slow_until_ns; // writes go to tasks until then
    pthread_mutex_t mutex;      // guards all below
    pthread_cond_t work;
    pthread_cond_t idle;
    struct list ready;
    size_t ready_count;
    struct map lanes; // struct lane by its number, only those with a task ready or running
    size_t waiting;   // threads in cond_wait
    size_t running;   // tasks being run
    bool is_stopping;
    int thread_count;
    int thread_max; // of those that are not stuck
    int stuck;      // threads that hang in one call, as of the last look
    struct task_thread threads[TASK_THREADS_MAX];
    struct fs *fs;
};

void tasks_init(struct tasks *tasks, int thread_max, int slow_ms, struct log *log, struct fs *fs);
void tasks_deinit(struct tasks *tasks); // runs what is queued, joins the threads
void tasks_post(struct tasks *tasks, struct env_task *task);
void tasks_wait_idle(struct tasks *tasks);
// Looks for threads that hang, and starts others in their place when there is work. False: nothing is under way.
bool tasks_watch(struct tasks *tasks);

// ---- watch.c: calls that hang ----------------------------------------------------------------------------------

int64_t posix_now_ns(void);
void watch_thread(struct task_thread *thread); // on the thread itself
void watch_task(struct task_thread *thread, bool is_running);
// Around a blocking call; nothing on other threads than those of tasks. op_end keeps errno.
void op_begin(const char *action, const char *path);
void op_end(void);
bool watch_look(struct tasks *tasks);
void disk_is_slow(struct tasks *tasks);
void watch_loop_write(struct tasks *tasks, const char *path, int64_t took_ns);

// ---- fs --------------------------------------------------------------------------------------------------------

struct posix_fs {
    struct fs fs; // first
    struct log *log;
};

struct posix_file {
    struct file file; // first
    int fd;
    bool has_no_nowait; // __atomic access; the file system refused RWF_NOWAIT once
    struct log *log;
    char path[]; // as opened
};

void posix_fs_init(struct posix_fs *fs, struct log *log);
struct stat;
struct file_stat posix_stat_of(const struct stat *st);
struct posix_file *posix_file_new(struct log *log, const char *path, int fd);
// ENOSPC to ERR_NO_SPACE and so on; an I/O or space error is logged with `action` and `path`.
enum err posix_error(struct log *log, int number, const char *action, const char *path);
extern const struct file_ops posix_file_ops;
const char *posix_file_path(const struct file *file); // as opened

// ---- node and loop ---------------------------------------------------------------------------------------------

struct posix_node {
    struct posix_fs fs;
    struct tasks tasks;
    struct log *log;
    atomic_bool is_stopping;
    int shard_count;
    struct loop *loops;
    struct env **envs;
};

static inline struct loop *loop_of(struct env *env)
{
    return CONTAINER_OF(env, struct loop, env);
}

MUST_CHECK enum err loop_init(struct loop *loop, struct posix_node *node, int shard);
void loop_deinit(struct loop *loop);
// Turns until the node stops, or `done` (may be NULL) says true; true in that case.
bool loop_run(struct loop *loop, bool (*done)(void *context), void *context);
bool loop_has_slow_disk(void);     // on a loop: do not block in hints
void loop_wake(struct loop *loop); // any thread, async-signal-safe
// Aborts when called from a thread that does not run this loop while another does.
void loop_assert_here(struct loop *loop);
MUST_CHECK enum err loop_watch(struct loop *loop, struct source *source, int fd, unsigned events);
// The source gets no more events; `memory` is freed when the turn is over.
void loop_bury(struct loop *loop, struct source *source, void *memory);

// Starts a thread that takes no signals. Aborts when the kernel has no thread left: there is no way on without.
pthread_t thread_start(void *(*run)(void *), void *argument, const char *name);

// ---- sockets ---------------------------------------------------------------------------------------------------

struct sockaddr_storage;
// "127.0.0.1:51234", "[::1]:51234"; IPv4 mapped into IPv6 prints as IPv4.
void address_text(const struct sockaddr_storage *address, char text[ADDRESS_TEXT_SIZE]);
int address_port(const struct sockaddr_storage *address);

enum err net_listen(struct env *env, const char *host, int port, int backlog,
                    void (*accepted)(struct env *env, void *context, struct env_socket *socket), void *context,
                    int *bound_port, struct env_listener **out);
void net_listener_close(struct env *env, struct env_listener *listener);
void net_socket_close(struct env_socket *socket);
void net_socket_peer(const struct env_socket *socket, char text[ADDRESS_TEXT_SIZE]);
// Takes the socket apart; the descriptor is the caller's then.
int net_socket_take(struct env_socket *socket, struct sockaddr_storage *peer, int *local_port);

struct env_conn *net_conn_open(struct env *env, struct env_socket *socket, const struct conn_handler *handler,
                               void *owner);
struct env_conn *net_connect(struct env *env, const char *host, int port, const struct conn_handler *handler,
                             void *owner);
void net_conn_want(struct env_conn *conn, unsigned interest);
enum err net_conn_recv(struct env_conn *conn, void *to, size_t size, size_t *got);
enum err net_conn_send(struct env_conn *conn, const struct iovec *parts, int part_count, size_t *sent);
enum err net_conn_sendfile(struct env_conn *conn, struct file *file, int64_t position, size_t size, size_t *sent);
void net_conn_close(struct env_conn *conn);
const char *net_conn_peer(struct env_conn *conn);
int net_conn_local_port(struct env_conn *conn);
// Tells epoll about the interests that changed in this turn.
void net_apply_dirty(struct loop *loop);
// Close what is still open, without callbacks.
void net_close_conns(struct loop *loop);
void net_close_all(struct loop *loop);

// ---- /proc -----------------------------------------------------------------------------------------------------

// The process that has the file (device, inode) open, 0 when none is visible. The calling process comes last.
int64_t process_with_file(uint64_t device, uint64_t inode);

#endif
