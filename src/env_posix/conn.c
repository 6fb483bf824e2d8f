// SPDX-License-Identifier: Apache-2.0
// Connections. What is wanted reaches epoll once per turn, however often it changed. An event of the batch that
// belongs to a connection closed earlier in the turn finds `is_closed` (see struct source).
//
// How an end shows: while CONN_READ is wanted, on_readable comes and conn_recv gives what is left and then ERR_CLOSED;
// while only CONN_WRITE is, conn_send says it; while nothing is, on_closed tells of a reset or a full close (a peer
// that only stopped sending is noticed at the next read).
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "env_posix/posix_int.h"

enum { ADDRESSES_MAX = 8, SEND_PARTS_MAX = 1024 };
enum { NOT_WATCHED = 0x80 }; // in `armed`: epoll does not know the descriptor

struct resolve;

struct conn {
    struct env_conn conn; // first
    struct source source;
    struct list link;  // loop.conns
    struct list dirty; // loop.dirty
    int fd;            // -1 while resolving
    uint8_t want;      // CONN_READ | CONN_WRITE
    uint8_t armed;     // what epoll was told
    bool is_connecting;
    bool has_told; // on_closed
    int local_port;
    char peer[ADDRESS_TEXT_SIZE];
    struct resolve *resolve; // outgoing, until connected
};

// The search for the peer of an outgoing connection; a task while it resolves, so it outlives a conn_close then.
struct resolve {
    struct env_task task;
    struct list link;  // loop.resolves
    struct conn *conn; // NULL: closed meanwhile
    bool is_task;
    int port;
    int count;
    int next;
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    socklen_t sizes[ADDRESSES_MAX];
    char host[];
};

static struct loop *loop_of_conn(struct env_conn *conn)
{
    struct loop *loop = loop_of(conn->env);
    loop_assert_here(loop);
    return loop;
}

static struct conn *conn_of(struct env_conn *conn)
{
    return CONTAINER_OF(conn, struct conn, conn);
}

static void tell_closed(struct conn *conn, enum err why)
{
    if (conn->has_told) return;
    conn->has_told = true;
    conn->conn.handler->on_closed(conn->conn.env, &conn->conn, why);
}

// ---- interest --------------------------------------------------------------------------------------------------

static void mark_dirty(struct loop *loop, struct conn *conn)
{
    if (!list_is_linked(&conn->dirty)) list_push_back(&loop->dirty, &conn->dirty);
}

static void unwatch(struct loop *loop, struct conn *conn)
{
    if (conn->fd < 0 || conn->armed == NOT_WATCHED) return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, conn->fd, NULL);
    conn->armed = NOT_WATCHED;
}

static void apply_interest(struct loop *loop, struct conn *conn)
{
    uint8_t interest = conn->is_connecting ? CONN_WRITE : conn->want;
    if (conn->fd < 0 || interest == conn->armed || (interest == 0 && conn->armed == NOT_WATCHED && conn->has_told))
        return;
    struct epoll_event event = {
        .events =
            ((interest & CONN_READ) != 0 ? EPOLLIN | EPOLLRDHUP : 0) | ((interest & CONN_WRITE) != 0 ? EPOLLOUT : 0),
        .data.ptr = &conn->source,
    };
    int how = conn->armed == NOT_WATCHED ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
    if (epoll_ctl(loop->epoll_fd, how, conn->fd, &event) == 0) {
        conn->armed = interest;
        return;
    }
    // Out of kernel memory or over fs.epoll.max_user_watches: this connection cannot be served.
    tell_closed(conn, posix_error(loop->env.log, errno, "epoll_ctl", conn->peer));
}

void net_apply_dirty(struct loop *loop)
{
    for (struct list *link; (link = list_pop_front(&loop->dirty)) != NULL;)
        apply_interest(loop, LIST_ITEM(link, struct conn, dirty));
}

void net_conn_want(struct env_conn *env_conn, unsigned interest)
{
    struct loop *loop = loop_of_conn(env_conn);
    struct conn *conn = conn_of(env_conn);
    ASSERT(!conn->source.is_closed && (interest & ~(unsigned)(CONN_READ | CONN_WRITE)) == 0);
    conn->want = (uint8_t)interest;
    if (conn->want != conn->armed) mark_dirty(loop, conn);
}

// ---- connecting ------------------------------------------------------------------------------------------------

static void free_resolve(struct resolve *resolve)
{
    list_remove(&resolve->link);
    mem_free(resolve);
}

static void try_next_address(struct loop *loop, struct conn *conn);

static void connect_ready(struct loop *loop, struct conn *conn)
{
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(conn->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    struct sockaddr_storage local = {0};
    size = sizeof(local);
    if (error == 0 && getsockname(conn->fd, (struct sockaddr *)&local, &size) != 0) error = errno;
    // Nobody listens, but the kernel chose the very port we call: TCP then connects the socket to itself.
    char local_text[ADDRESS_TEXT_SIZE];
    address_text(&local, local_text);
    if (error == 0 && strcmp(local_text, conn->peer) == 0) error = ECONNREFUSED;
    if (error == 0) {
        free_resolve(conn->resolve);
        conn->resolve = NULL;
        conn->is_connecting = false;
        conn->local_port = address_port(&local);
        mark_dirty(loop, conn);
        conn->conn.handler->on_writable(conn->conn.env, &conn->conn);
        return;
    }
    log_debug(loop->env.log, "network", "Cannot connect to %s: %s", conn->peer, strerror(error));
    try_next_address(loop, conn);
}

static void drop_socket(struct loop *loop, struct conn *conn)
{
    if (conn->fd < 0) return;
    unwatch(loop, conn);
    close(conn->fd);
    conn->fd = -1;
}

// Called from events, messages and task completions only, so on_closed may be called from here.
static void try_next_address(struct loop *loop, struct conn *conn)
{
    struct resolve *resolve = conn->resolve;
    drop_socket(loop, conn);
    while (resolve->next < resolve->count) {
        int i = resolve->next++;
        address_text(&resolve->addresses[i], conn->peer);
        int fd = socket(resolve->addresses[i].ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0) continue;
        int one = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
        if (connect(fd, (const struct sockaddr *)&resolve->addresses[i], resolve->sizes[i]) == 0 ||
            errno == EINPROGRESS) {
            conn->fd = fd; // epoll reports it writable, also when it is connected already
            mark_dirty(loop, conn);
            return;
        }
        log_debug(loop->env.log, "network", "Cannot connect to %s: %s", conn->peer, strerror(errno));
        close(fd);
    }
    tell_closed(conn, resolve->count == 0 ? ERR_NOT_FOUND : ERR_CLOSED);
}

static void look_up(struct resolve *resolve, int flags)
{
    char service[16];
    snprintf(service, sizeof(service), "%d", resolve->port);
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *found = NULL;
    if (getaddrinfo(resolve->host, service, &hints, &found) != 0) return;
    for (const struct addrinfo *at = found; at != NULL && resolve->count < ADDRESSES_MAX; at = at->ai_next) {
        if (at->ai_addrlen > sizeof(resolve->addresses[0])) continue;
        memcpy(&resolve->addresses[resolve->count], at->ai_addr, at->ai_addrlen);
        resolve->sizes[resolve->count++] = at->ai_addrlen;
    }
    freeaddrinfo(found);
}

static void resolve_run(struct env_task *task, struct fs *fs)
{
    (void)fs;
    look_up(CONTAINER_OF(task, struct resolve, task), 0);
}

static void resolve_done(struct env *env, struct env_task *task)
{
    struct resolve *resolve = CONTAINER_OF(task, struct resolve, task);
    resolve->is_task = false;
    if (resolve->conn == NULL)
        free_resolve(resolve);
    else
        try_next_address(loop_of(env), resolve->conn);
}

// A numeric address needs no task, but its failure must not be told inside env_connect: the same way by message.
static void numeric_done(struct env *env, struct env_msg *msg)
{
    resolve_done(env, CONTAINER_OF(msg, struct env_task, msg));
}

static struct conn *new_conn(struct loop *loop, const struct conn_handler *handler, void *owner);

struct env_conn *net_connect(struct env *env, const char *host, int port, const struct conn_handler *handler,
                             void *owner)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    struct conn *conn = new_conn(loop, handler, owner);
    size_t host_size = strlen(host) + 1;
    struct resolve *resolve = mem_zalloc(1, sizeof(*resolve) + host_size);
    memcpy(resolve->host, host, host_size);
    resolve->port = port;
    resolve->conn = conn;
    list_push_back(&loop->resolves, &resolve->link);
    resolve->is_task = true;
    conn->resolve = resolve;
    conn->is_connecting = true;
    snprintf(conn->peer, sizeof(conn->peer), "%.50s:%d", host, port);
    look_up(resolve, AI_NUMERICHOST);
    if (resolve->count > 0) {
        resolve->task.msg.run = numeric_done;
        env_post(env, &resolve->task.msg);
    } else {
        resolve->task.run = resolve_run;
        resolve->task.done = resolve_done;
        env_task_post(env, &resolve->task);
    }
    return &conn->conn;
}

// ---- readiness -------------------------------------------------------------------------------------------------

static void conn_ready(struct loop *loop, struct source *source, unsigned events)
{
    struct conn *conn = CONTAINER_OF(source, struct conn, source);
    struct env *env = &loop->env;
    if (conn->is_connecting) {
        connect_ready(loop, conn);
        return;
    }
    bool is_over = (events & (EPOLLHUP | EPOLLERR)) != 0;
    if (conn->want == 0 && is_over) { // epoll cannot be told to be silent about these
        unwatch(loop, conn);
        tell_closed(conn, ERR_CLOSED);
        return;
    }
    if ((conn->want & CONN_READ) != 0 && (is_over || (events & (EPOLLIN | EPOLLRDHUP)) != 0))
        conn->conn.handler->on_readable(env, &conn->conn);
    if (!source->is_closed && (conn->want & CONN_WRITE) != 0 && (is_over || (events & EPOLLOUT) != 0))
        conn->conn.handler->on_writable(env, &conn->conn);
}

static struct conn *new_conn(struct loop *loop, const struct conn_handler *handler, void *owner)
{
    struct conn *conn = MEM_NEW(struct conn);
    conn->conn = (struct env_conn){.env = &loop->env, .handler = handler, .owner = owner};
    conn->source.ready = conn_ready;
    conn->fd = -1;
    conn->armed = NOT_WATCHED;
    list_push_back(&loop->conns, &conn->link);
    return conn;
}

struct env_conn *net_conn_open(struct env *env, struct env_socket *socket, const struct conn_handler *handler,
                               void *owner)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    struct conn *conn = new_conn(loop, handler, owner);
    struct sockaddr_storage peer;
    conn->fd = net_socket_take(socket, &peer, &conn->local_port);
    address_text(&peer, conn->peer);
    mark_dirty(loop, conn);
    return &conn->conn;
}

void net_conn_close(struct env_conn *env_conn)
{
    struct loop *loop = loop_of_conn(env_conn);
    struct conn *conn = conn_of(env_conn);
    drop_socket(loop, conn);
    if (conn->resolve != NULL) {
        conn->resolve->conn = NULL;
        if (!conn->resolve->is_task) free_resolve(conn->resolve);
        conn->resolve = NULL;
    }
    list_remove(&conn->dirty);
    list_remove(&conn->link);
    loop_bury(loop, &conn->source, conn);
}

void net_close_conns(struct loop *loop)
{
    for (struct list *link; (link = list_first(&loop->conns)) != NULL;)
        net_conn_close(&LIST_ITEM(link, struct conn, link)->conn);
    for (struct list *link; (link = list_first(&loop->resolves)) != NULL;)
        free_resolve(LIST_ITEM(link, struct resolve, link)); // their completion will not be delivered any more
}

// ---- bytes -----------------------------------------------------------------------------------------------------

static enum err stream_error(int number)
{
    if (number == EAGAIN || number == EINTR || number == ENOBUFS || number == ENOMEM) return ERR_AGAIN;
    return ERR_CLOSED;
}

enum err net_conn_recv(struct env_conn *env_conn, void *to, size_t size, size_t *got)
{
    loop_of_conn(env_conn);
    struct conn *conn = conn_of(env_conn);
    ASSERT(!conn->source.is_closed && size > 0);
    if (conn->is_connecting) return ERR_AGAIN;
    ssize_t result;
    do result = recv(conn->fd, to, size, 0);
    while (result < 0 && errno == EINTR);
    if (result == 0) return ERR_CLOSED;
    if (result < 0) return stream_error(errno);
    *got = (size_t)result;
    return OK;
}

enum err net_conn_send(struct env_conn *env_conn, const struct iovec *parts, int part_count, size_t *sent)
{
    loop_of_conn(env_conn);
    struct conn *conn = conn_of(env_conn);
    ASSERT(!conn->source.is_closed && part_count > 0);
    if (conn->is_connecting) return ERR_AGAIN;
    struct msghdr message = {
        .msg_iov = (struct iovec *)(uintptr_t)parts, // sendmsg only reads them
        .msg_iovlen = (size_t)(part_count < SEND_PARTS_MAX ? part_count : SEND_PARTS_MAX),
    };
    ssize_t result;
    do result = sendmsg(conn->fd, &message, MSG_NOSIGNAL);
    while (result < 0 && errno == EINTR);
    if (result < 0) return stream_error(errno);
    if (result == 0) return ERR_AGAIN;
    *sent = (size_t)result;
    return OK;
}

enum err net_conn_sendfile(struct env_conn *env_conn, struct file *file, int64_t position, size_t size, size_t *sent)
{
    struct loop *loop = loop_of_conn(env_conn);
    struct conn *conn = conn_of(env_conn);
    ASSERT(!conn->source.is_closed && size > 0 && file->ops == &posix_file_ops);
    if (conn->is_connecting) return ERR_AGAIN;
    if (!loop->is_sigpipe_ignored) { // here and not at start: tools that only print keep dying of a closed pipe
        signal(SIGPIPE, SIG_IGN);
        loop->is_sigpipe_ignored = true;
    }
    off_t offset = position;
    ssize_t result;
    do result = sendfile(conn->fd, CONTAINER_OF(file, struct posix_file, file)->fd, &offset, size);
    while (result < 0 && errno == EINTR);
    if (result == 0) return ERR_IO; // the file is shorter than it is said to be
    if (result < 0) {
        int number = errno;
        if (number == EIO || number == EINVAL || number == EOVERFLOW)
            return posix_error(loop->env.log, number, "sendfile", CONTAINER_OF(file, struct posix_file, file)->path);
        return stream_error(number);
    }
    *sent = (size_t)result;
    return OK;
}

const char *net_conn_peer(struct env_conn *conn)
{
    return conn_of(conn)->peer;
}

int net_conn_local_port(struct env_conn *conn)
{
    return conn_of(conn)->local_port;
}
