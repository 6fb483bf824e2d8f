// SPDX-License-Identifier: Apache-2.0
// THE seam: everything the broker asks of the world. env_posix answers with a kernel, env_sim with a seed.
//
// One `struct env` is one event loop = one shard. Unless a comment says otherwise a call is made on the loop it is
// made of, and completions come from that loop in a later step, never inside the call. Three places run code:
//   loop   events, messages, timers, completions; must not block, except that file_pwritev is allowed
//   turn   all events that were ready together; env_at_turn_end runs once they have all been handled, which is
//          where work of the turn is coalesced (one write per file, one send per connection)
//   task   blocking work on a helper thread: gets its own message and an fs, touches nothing else (design rule 10)
#ifndef ODRADEK_ENV_ENV_H
#define ODRADEK_ENV_ENV_H

#include <sys/uio.h>

#include "base/err.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/log.h"
#include "base/slice.h"

struct env;
struct env_conn;
struct env_listener;
struct env_socket; // an accepted connection that no loop owns yet
struct file;
struct fs;

// ---- messages --------------------------------------------------------------------------------------------------

// Embedded in the sender's message struct. After env_post the receiver owns it and the sender must not look.
// `link` is zero before first use; posting a message that is still under way aborts.
struct env_msg {
    struct list link;
    void (*run)(struct env *env, struct env_msg *msg);
};

// ---- timers ----------------------------------------------------------------------------------------------------

// Zero before first use. Fires once, at or after its time, on its loop; may be set again from `fire`.
struct env_timer {
    struct heap_node node;
    void (*fire)(struct env *env, struct env_timer *timer);
};

// ---- tasks -----------------------------------------------------------------------------------------------------

// `run` on some task thread, then `done` on the loop that posted it. Tasks of one `lane` (any value but 0, e.g. the
// address of a partition) run one after another in the order posted; lane 0 = no order.
struct env_task {
    struct env_msg msg;
    void (*run)(struct env_task *task, struct fs *fs);
    void (*done)(struct env *env, struct env_task *task);
    uintptr_t lane;
    struct env *home;
};

// ---- asynchronous writes ---------------------------------------------------------------------------------------

// The file, buffers and struct must stay until `done`. `result` is OK only when every byte was written (to the page
// cache; env says nothing about the disk before file_sync).
struct env_write {
    struct env_msg msg;
    struct file *file;
    int64_t position;
    const struct iovec *parts;
    int part_count;
    enum err result;
    void (*done)(struct env *env, struct env_write *write);
};

// ---- connections -----------------------------------------------------------------------------------------------

// Level-triggered, only while wanted. on_closed comes at most once and never after conn_close; it only tells, the
// owner still calls conn_close.
// An end shows where it is looked for: while CONN_READ is wanted, on_readable comes and conn_recv gives the rest and
// then ERR_CLOSED; while only CONN_WRITE is, conn_send says it; on_closed tells of a reset while nothing is wanted, and
// of a failed connect. The first on_writable of an outgoing connection comes whatever is wanted.
struct conn_handler {
    void (*on_readable)(struct env *env, struct env_conn *conn);
    void (*on_writable)(struct env *env, struct env_conn *conn); // first call on an outgoing one = connected
    void (*on_closed)(struct env *env, struct env_conn *conn, enum err why);
};

enum { CONN_READ = 1, CONN_WRITE = 2 };
enum { ADDRESS_TEXT_SIZE = 64 };

// ---- files -----------------------------------------------------------------------------------------------------

enum file_flags {
    FILE_READ = 1,
    FILE_WRITE = 2,
    FILE_CREATE = 4,    // create when missing (mode 0644)
    FILE_EXCLUSIVE = 8, // with FILE_CREATE: ERR_EXISTS when there
    FILE_TRUNCATE = 16,
};

enum file_kind { FILE_REGULAR, FILE_DIRECTORY, FILE_OTHER };

struct file_stat {
    enum file_kind kind;
    int64_t size_bytes;
    int64_t mtime_ms;
};

// Thread-safe; one per node. Blocking: from tasks, or before the loops run. Paths are absolute or relative to the
// process. A created, renamed or unlinked name is on disk only after fs_sync_dir of its directory.
struct fs_ops {
    enum err (*open)(struct fs *fs, const char *path, unsigned flags, struct file **out);
    enum err (*rename)(struct fs *fs, const char *from, const char *to);
    enum err (*unlink)(struct fs *fs, const char *path);
    enum err (*mkdir)(struct fs *fs, const char *path); // ERR_EXISTS when there; parents must exist
    enum err (*rmdir)(struct fs *fs, const char *path);
    // Calls `each` per entry, without "." and "..", in no order; a non-OK answer ends the walk and is returned.
    enum err (*list)(struct fs *fs, const char *path, enum err (*each)(void *context, const char *name), void *context);
    enum err (*sync_dir)(struct fs *fs, const char *path);
    enum err (*stat)(struct fs *fs, const char *path, struct file_stat *out);
    enum err (*set_mtime)(struct fs *fs, const char *path, int64_t mtime_ms);
    enum err (*chmod)(struct fs *fs, const char *path, unsigned mode);
    // POSIX record lock on the whole file, as Java's FileChannel.tryLock takes it (kafka-internals A1), held until
    // the file's last unref. ERR_BUSY: held by another process; *holder_pid then names it, 0 when unknown.
    enum err (*lock)(struct fs *fs, const char *path, struct file **out, int64_t *holder_pid);
    // What the kernel has in memory about the file system: allowed on a loop.
    enum err (*space)(struct fs *fs, const char *path, int64_t *total_bytes, int64_t *free_bytes);
};

struct file_ops {
    // Reads up to `size` at `position`, short only at the end of the file.
    enum err (*pread)(struct file *file, int64_t position, void *to, size_t size, size_t *got);
    // The same, but ERR_AGAIN rather than wait for a disk; a short read may also mean "the rest would block".
    enum err (*try_pread)(struct file *file, int64_t position, void *to, size_t size, size_t *got);
    // All or an error. Allowed on a loop (design rule 3 of section 1).
    enum err (*pwritev)(struct file *file, int64_t position, const struct iovec *parts, int part_count);
    enum err (*sync)(struct file *file); // fdatasync; a failure is final for the directory, never retry
    enum err (*truncate)(struct file *file, int64_t size_bytes);
    enum err (*allocate)(struct file *file, int64_t from,
                         int64_t size_bytes); // fallocate(KEEP_SIZE); a hint, never fails hard
    enum err (*writeback)(struct file *file, int64_t from,
                          int64_t size_bytes); // sync_file_range(WRITE); a hint, allowed on a loop
    enum err (*stat)(struct file *file, struct file_stat *out);
    void (*close)(struct file *file); // called by the last unref
};

struct fs {
    const struct fs_ops *ops;
};

// Embedded first in the implementation's file. Counted atomically: a pin held by a response keeps the descriptor.
struct file {
    const struct file_ops *ops;
    int refs; // __atomic access only
};

static inline struct file *file_ref(struct file *file)
{
    __atomic_add_fetch(&file->refs, 1, __ATOMIC_RELAXED);
    return file;
}

// NULL is a no-op. Any thread; note that closing may block on a slow disk, so big files are let go in tasks.
static inline void file_unref(struct file *file)
{
    if (file != NULL && __atomic_sub_fetch(&file->refs, 1, __ATOMIC_ACQ_REL) == 0) file->ops->close(file);
}

// ---- the loop --------------------------------------------------------------------------------------------------

struct env_ops {
    int64_t (*now_ns)(struct env *env);  // monotonic
    int64_t (*wall_ms)(struct env *env); // Unix time; any thread
    void (*random)(struct env *env, void *to, size_t size);
    void (*post)(struct env *to, struct env_msg *msg); // any thread
    void (*at_turn_end)(struct env *env, struct env_msg *msg);
    void (*timer_set)(struct env *env, struct env_timer *timer, int64_t at_ns); // replaces an earlier time
    void (*timer_cancel)(struct env *env, struct env_timer *timer);             // no-op when not set
    void (*task_post)(struct env *env, struct env_task *task);
    void (*write)(struct env *env, struct env_write *write);
    // Binds and listens. ERR_BUSY: the port is taken. *bound_port tells what port 0 became. `accepted` runs on this
    // loop and takes the socket: env_conn_open it on any loop, or env_socket_close it.
    enum err (*listen)(struct env *env, const char *host, int port, int backlog,
                       void (*accepted)(struct env *env, void *context, struct env_socket *socket), void *context,
                       int *bound_port, struct env_listener **out);
    void (*listener_close)(struct env *env, struct env_listener *listener);
    void (*socket_close)(struct env_socket *socket); // any thread
    // As conn_peer will say.
    void (*socket_peer)(const struct env_socket *socket, char text[ADDRESS_TEXT_SIZE]);
    // Takes the socket. Nothing is wanted until conn_want. `owner` comes back from conn_owner.
    struct env_conn *(*conn_open)(struct env *env, struct env_socket *socket, const struct conn_handler *handler,
                                  void *owner);
    // Numeric or resolvable host (resolution may take a task); on_writable = connected, on_closed = failed.
    struct env_conn *(*connect)(struct env *env, const char *host, int port, const struct conn_handler *handler,
                                void *owner);
    void (*conn_want)(struct env_conn *conn, unsigned interest); // CONN_READ | CONN_WRITE
    // OK and *got > 0; ERR_AGAIN; ERR_CLOSED at the end or after a reset.
    enum err (*conn_recv)(struct env_conn *conn, void *to, size_t size, size_t *got);
    // OK and *sent > 0, perhaps less than all; ERR_AGAIN; ERR_CLOSED.
    enum err (*conn_send)(struct env_conn *conn, const struct iovec *parts, int part_count, size_t *sent);
    // Bytes [position, position + size) of the file straight to the peer; ERR_IO when the file is shorter. May block on
    // cold pages: probe first (design walk 2).
    enum err (*conn_sendfile)(struct env_conn *conn, struct file *file, int64_t position, size_t size, size_t *sent);
    void (*conn_close)(struct env_conn *conn); // the conn is gone when this returns
    // "127.0.0.1:51234", "[::1]:51234"; valid as long as the conn.
    const char *(*conn_peer)(struct env_conn *conn);
    // The local port, i.e. which listener it came in by.
    int (*conn_local_port)(struct env_conn *conn);
};

struct env {
    const struct env_ops *ops;
    struct fs *fs;
    struct log *log;
    int shard; // 0-based index among the node's loops
    int shard_count;
    struct env **shards; // all loops of the node, this one included
    void *user;          // the broker's shard
};

// Embedded first in the implementation's connection.
struct env_conn {
    struct env *env;
    const struct conn_handler *handler;
    void *owner;
};

static inline int64_t env_now_ns(struct env *env)
{
    return env->ops->now_ns(env);
}
static inline int64_t env_now_ms(struct env *env)
{
    return env->ops->now_ns(env) / 1000000;
}
static inline int64_t env_wall_ms(struct env *env)
{
    return env->ops->wall_ms(env);
}
static inline void env_random(struct env *env, void *to, size_t size)
{
    env->ops->random(env, to, size);
}
static inline void env_post(struct env *to, struct env_msg *msg)
{
    to->ops->post(to, msg);
}
static inline void env_at_turn_end(struct env *env, struct env_msg *msg)
{
    env->ops->at_turn_end(env, msg);
}
static inline void env_timer_set_ns(struct env *env, struct env_timer *timer, int64_t at_ns)
{
    env->ops->timer_set(env, timer, at_ns);
}
static inline void env_timer_after_ms(struct env *env, struct env_timer *timer, int64_t delay_ms)
{
    env->ops->timer_set(env, timer, env->ops->now_ns(env) + delay_ms * 1000000);
}
static inline void env_timer_cancel(struct env *env, struct env_timer *timer)
{
    env->ops->timer_cancel(env, timer);
}
static inline void env_task_post(struct env *env, struct env_task *task)
{
    env->ops->task_post(env, task);
}
static inline void env_write_post(struct env *env, struct env_write *write)
{
    env->ops->write(env, write);
}

MUST_CHECK static inline enum err fs_open(struct fs *fs, const char *path, unsigned flags, struct file **out)
{
    return fs->ops->open(fs, path, flags, out);
}
MUST_CHECK static inline enum err fs_rename(struct fs *fs, const char *from, const char *to)
{
    return fs->ops->rename(fs, from, to);
}
MUST_CHECK static inline enum err fs_unlink(struct fs *fs, const char *path)
{
    return fs->ops->unlink(fs, path);
}
MUST_CHECK static inline enum err fs_mkdir(struct fs *fs, const char *path)
{
    return fs->ops->mkdir(fs, path);
}
MUST_CHECK static inline enum err fs_rmdir(struct fs *fs, const char *path)
{
    return fs->ops->rmdir(fs, path);
}
MUST_CHECK static inline enum err fs_list(struct fs *fs, const char *path,
                                          enum err (*each)(void *context, const char *name), void *context)
{
    return fs->ops->list(fs, path, each, context);
}
MUST_CHECK static inline enum err fs_sync_dir(struct fs *fs, const char *path)
{
    return fs->ops->sync_dir(fs, path);
}
MUST_CHECK static inline enum err fs_stat(struct fs *fs, const char *path, struct file_stat *out)
{
    return fs->ops->stat(fs, path, out);
}
MUST_CHECK static inline enum err fs_set_mtime(struct fs *fs, const char *path, int64_t mtime_ms)
{
    return fs->ops->set_mtime(fs, path, mtime_ms);
}
MUST_CHECK static inline enum err fs_chmod(struct fs *fs, const char *path, unsigned mode)
{
    return fs->ops->chmod(fs, path, mode);
}
MUST_CHECK static inline enum err fs_lock(struct fs *fs, const char *path, struct file **out, int64_t *holder_pid)
{
    return fs->ops->lock(fs, path, out, holder_pid);
}
MUST_CHECK static inline enum err fs_space(struct fs *fs, const char *path, int64_t *total_bytes, int64_t *free_bytes)
{
    return fs->ops->space(fs, path, total_bytes, free_bytes);
}

MUST_CHECK static inline enum err file_pread(struct file *file, int64_t position, void *to, size_t size, size_t *got)
{
    return file->ops->pread(file, position, to, size, got);
}
MUST_CHECK static inline enum err file_try_pread(struct file *file, int64_t position, void *to, size_t size,
                                                 size_t *got)
{
    return file->ops->try_pread(file, position, to, size, got);
}
MUST_CHECK static inline enum err file_pwritev(struct file *file, int64_t position, const struct iovec *parts,
                                               int part_count)
{
    return file->ops->pwritev(file, position, parts, part_count);
}
MUST_CHECK static inline enum err file_sync(struct file *file)
{
    return file->ops->sync(file);
}
MUST_CHECK static inline enum err file_truncate(struct file *file, int64_t size_bytes)
{
    return file->ops->truncate(file, size_bytes);
}
static inline void file_allocate(struct file *file, int64_t from, int64_t size_bytes)
{
    (void)file->ops->allocate(file, from, size_bytes);
}
static inline void file_writeback(struct file *file, int64_t from, int64_t size_bytes)
{
    (void)file->ops->writeback(file, from, size_bytes);
}
MUST_CHECK static inline enum err file_stat(struct file *file, struct file_stat *out)
{
    return file->ops->stat(file, out);
}

MUST_CHECK static inline enum err env_listen(struct env *env, const char *host, int port, int backlog,
                                             void (*accepted)(struct env *env, void *context,
                                                              struct env_socket *socket),
                                             void *context, int *bound_port, struct env_listener **out)
{
    return env->ops->listen(env, host, port, backlog, accepted, context, bound_port, out);
}
static inline void env_listener_close(struct env *env, struct env_listener *listener)
{
    env->ops->listener_close(env, listener);
}
static inline void env_socket_close(struct env *env, struct env_socket *socket)
{
    env->ops->socket_close(socket);
}
static inline void env_socket_peer(struct env *env, const struct env_socket *socket, char text[ADDRESS_TEXT_SIZE])
{
    env->ops->socket_peer(socket, text);
}
static inline struct env_conn *env_conn_open(struct env *env, struct env_socket *socket,
                                             const struct conn_handler *handler, void *owner)
{
    return env->ops->conn_open(env, socket, handler, owner);
}
static inline struct env_conn *env_connect(struct env *env, const char *host, int port,
                                           const struct conn_handler *handler, void *owner)
{
    return env->ops->connect(env, host, port, handler, owner);
}
static inline void conn_want(struct env_conn *conn, unsigned interest)
{
    conn->env->ops->conn_want(conn, interest);
}
MUST_CHECK static inline enum err conn_recv(struct env_conn *conn, void *to, size_t size, size_t *got)
{
    return conn->env->ops->conn_recv(conn, to, size, got);
}
MUST_CHECK static inline enum err conn_send(struct env_conn *conn, const struct iovec *parts, int part_count,
                                            size_t *sent)
{
    return conn->env->ops->conn_send(conn, parts, part_count, sent);
}
MUST_CHECK static inline enum err conn_sendfile(struct env_conn *conn, struct file *file, int64_t position, size_t size,
                                                size_t *sent)
{
    return conn->env->ops->conn_sendfile(conn, file, position, size, sent);
}
static inline void conn_close(struct env_conn *conn)
{
    conn->env->ops->conn_close(conn);
}
static inline const char *conn_peer(struct env_conn *conn)
{
    return conn->env->ops->conn_peer(conn);
}
static inline int conn_local_port(struct env_conn *conn)
{
    return conn->env->ops->conn_local_port(conn);
}

#endif
