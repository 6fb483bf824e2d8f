// SPDX-License-Identifier: Apache-2.0
// The env_ops of listeners and connections. How an end shows is as in env_posix: while CONN_READ is wanted, on_readable
// comes and conn_recv says it; while only CONN_WRITE is, conn_send does; while nothing is, on_closed tells of a reset.
#include <stdio.h>
#include <string.h>

#include "env_sim/sim_int.h"

enum { ACCEPTS_MAX = 16, FILE_CHUNK_SIZE = 4096, PARTIAL_PERCENT = 20 };

static struct sim_env *sim_env_of(struct env *env)
{
    return CONTAINER_OF(env, struct sim_env, env);
}

static struct endpoint *end_of(struct env_conn *conn)
{
    return CONTAINER_OF(conn, struct endpoint, conn);
}

static struct endpoint *end_of_socket(struct env_socket *socket)
{
    return (struct endpoint *)(void *)socket;
}

static struct sim *sim_of(const struct endpoint *end)
{
    return end->owner->sim;
}

static bool begin(struct call *call, struct endpoint *end, enum sim_call kind)
{
    if (end->env != NULL) assert_on_loop(end->env); // a loop's connections are its own
    return call_begin(call, end->process, kind);
}

// ---- listeners ----

void listener_free(struct listener *listener)
{
    list_remove(&listener->link);
    list_remove(&listener->ready);
    mem_free(listener);
}

static bool port_is_taken(const struct sim_node *node, int port)
{
    LIST_EACH(item, &node->listeners)
    if (LIST_ITEM(item, struct listener, link)->port == port) return true;
    return false;
}

static enum err listen_on(struct sim_env *env, const char *host, int port, struct listener *listener)
{
    struct sim_node *node = env->process->node;
    bool any = host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    if (!any && net_find_node(node, host) != node) return ERR_NOT_FOUND;
    listener->loopback_only = !any && strcmp(host, node->name) != 0 && strcmp(host, node->address) != 0;
    while (port == 0 && port_is_taken(node, node->next_port)) node->next_port++;
    if (port == 0) port = node->next_port++;
    if (port_is_taken(node, port)) return ERR_BUSY;
    listener->port = port;
    return OK;
}

static enum err listen_op(struct env *base, const char *host, int port, int backlog,
                          void (*accepted)(struct env *env, void *context, struct env_socket *socket), void *context,
                          int *bound_port, struct env_listener **out)
{
    struct sim_env *env = sim_env_of(base);
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, env->process, SIM_CALL_LISTEN)) return ERR_IO;
    struct listener *listener = MEM_NEW(struct listener);
    enum err e = call.forced != OK ? call.forced : listen_on(env, host, port, listener);
    trace(call.node->sim, call.node, "listen %s:%d %s", host, listener->port, err_name(e));
    if (e != OK) {
        mem_free(listener);
        return call_end(&call, e);
    }
    listener->env = env;
    listener->accepted = accepted;
    listener->context = context;
    listener->backlog = backlog > 0 ? backlog : 1;
    list_init(&listener->queue);
    list_push_back(&call.node->listeners, &listener->link);
    int bound = listener->port;
    e = call_end(&call, OK);
    if (e != OK) return e; // the crash freed it
    if (bound_port != NULL) *bound_port = bound;
    *out = (struct env_listener *)(void *)listener;
    return OK;
}

static void listener_close(struct env *base, struct env_listener *opaque)
{
    struct sim_env *env = sim_env_of(base);
    struct listener *listener = (struct listener *)(void *)opaque;
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, env->process, SIM_CALL_LISTENER_CLOSE)) return;
    trace(call.node->sim, call.node, "listener close port=%d", listener->port);
    for (struct list *item = list_pop_front(&listener->queue); item != NULL; item = list_pop_front(&listener->queue))
        net_close(LIST_ITEM(item, struct endpoint, waiting));
    listener_free(listener);
    (void)call_end(&call, OK);
}

// False: the backlog is full.
bool listener_offer(struct listener *listener, struct endpoint *end)
{
    if (listener->queued >= listener->backlog) return false;
    struct sim *sim = sim_of(end);
    listener->queued++;
    list_push_back(&listener->queue, &end->waiting);
    if (!list_is_linked(&listener->ready)) list_push_back(&listener->env->accepting, &listener->ready);
    env_wake(listener->env, sim->now_ns + latency_ns(sim, 1, 300));
    return true;
}

void conn_run_accepts(struct sim_env *env)
{
    for (int i = 0; i < ACCEPTS_MAX; i++) {
        struct list *first = list_pop_front(&env->accepting);
        if (first == NULL) return;
        struct listener *listener = LIST_ITEM(first, struct listener, ready);
        struct list *item = list_pop_front(&listener->queue);
        if (item == NULL) continue;
        listener->queued--;
        if (!list_is_empty(&listener->queue)) list_push_back(&env->accepting, &listener->ready);
        struct endpoint *end = LIST_ITEM(item, struct endpoint, waiting);
        trace(sim_of(end), end->node, "conn=%lld accept", (long long)end->owner->id);
        listener->accepted(&env->env, listener->context, (struct env_socket *)(void *)end);
    }
}

static void socket_close(struct env_socket *socket)
{
    struct endpoint *end = end_of_socket(socket);
    struct call call;
    if (!begin(&call, end, SIM_CALL_SOCKET_CLOSE)) return;
    net_close(end);
    (void)call_end(&call, OK);
}

// ---- connections ----

static void give_to_loop(struct endpoint *end, struct sim_env *env, const struct conn_handler *handler, void *owner)
{
    end->conn = (struct env_conn){.env = &env->env, .handler = handler, .owner = owner};
    end->env = env;
    net_touch(end);
}

static void socket_peer(const struct env_socket *socket, char text[ADDRESS_TEXT_SIZE])
{
    const struct endpoint *end = (const struct endpoint *)(const void *)socket;
    snprintf(text, ADDRESS_TEXT_SIZE, "%s", end->peer);
}

static struct env_conn *conn_open(struct env *base, struct env_socket *socket, const struct conn_handler *handler,
                                  void *owner)
{
    struct endpoint *end = end_of_socket(socket);
    struct call call;
    assert_on_loop(sim_env_of(base));
    if (!begin(&call, end, SIM_CALL_CONN_OPEN)) return NULL;
    give_to_loop(end, sim_env_of(base), handler, owner);
    return call_end(&call, OK) == OK ? &end->conn : NULL;
}

static struct env_conn *connect_op(struct env *base, const char *host, int port, const struct conn_handler *handler,
                                   void *owner)
{
    struct sim_env *env = sim_env_of(base);
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, env->process, SIM_CALL_CONNECT)) return NULL;
    struct endpoint *end = &sim_net_connect(env->process, host, port)->end[0];
    give_to_loop(end, env, handler, owner);
    return call_end(&call, OK) == OK ? &end->conn : NULL;
}

static void conn_want_op(struct env_conn *conn, unsigned interest)
{
    struct endpoint *end = end_of(conn);
    struct call call;
    ASSERT((interest & ~(unsigned)(CONN_READ | CONN_WRITE)) == 0);
    if (!begin(&call, end, SIM_CALL_CONN_WANT)) return;
    end->want = interest;
    net_touch(end);
    (void)call_end(&call, OK);
}

// Fewer bytes than possible, now and then.
static size_t some(struct sim *sim, size_t size)
{
    return size > 1 && sim_buggify(sim, PARTIAL_PERCENT) ? 1 + (size_t)sim_below(sim, (int64_t)size) : size;
}

static enum err conn_recv_op(struct env_conn *conn, void *to, size_t size, size_t *got)
{
    struct endpoint *end = end_of(conn);
    struct call call;
    ASSERT(size > 0);
    if (!begin(&call, end, SIM_CALL_CONN_RECV)) return ERR_CLOSED;
    const struct pipe *in = &end->owner->pipe[1 - end->side];
    bool is_empty = in->arrived == in->consumed;
    enum err e = call.forced;
    if (e == OK && end->state == END_CONNECTING) e = ERR_AGAIN;
    if (e == OK && (end->state == END_RESET || (is_empty && in->fin_arrived))) e = ERR_CLOSED;
    if (e == OK && is_empty) e = ERR_AGAIN;
    size_t count = e == OK ? net_take(end, to, some(sim_of(end), size)) : 0;
    trace(sim_of(end), end->node, "conn=%lld/%d recv size=%zu sum=%08x %s", (long long)end->owner->id, end->side, count,
          checksum(&(struct iovec){.iov_base = to, .iov_len = count}, 1, count), err_name(e));
    e = call_end(&call, e);
    if (e == OK) *got = count;
    return e;
}

// What both ways of sending check first; *room > 0 on OK.
static enum err may_send(struct endpoint *end, const struct call *call, size_t *room)
{
    if (call->forced != OK) return call->forced;
    if (end->state == END_CONNECTING) return ERR_AGAIN;
    if (end->state != END_OPEN) return ERR_CLOSED;
    struct sim *sim = sim_of(end);
    if (end->owner->end[0].node != end->owner->end[1].node && chance(sim, sim->options.faults.net_reset_ppm)) {
        net_fault_reset(end);
        return ERR_CLOSED;
    }
    *room = net_room(end);
    return *room == 0 ? ERR_AGAIN : OK;
}

static enum err sent_some(struct endpoint *end, struct call *call, enum err e, size_t count, size_t *sent)
{
    sim_of(end)->stats.bytes_sent += (int64_t)count;
    e = call_end(call, e);
    if (e == OK) *sent = count;
    return e;
}

static enum err conn_send_op(struct env_conn *conn, const struct iovec *parts, int part_count, size_t *sent)
{
    struct endpoint *end = end_of(conn);
    struct call call;
    if (!begin(&call, end, SIM_CALL_CONN_SEND)) return ERR_CLOSED;
    size_t total = 0;
    for (int i = 0; i < part_count; i++) total += parts[i].iov_len;
    ASSERT(total > 0);
    size_t room = 0;
    enum err e = may_send(end, &call, &room);
    size_t count = 0;
    if (e == OK) {
        size_t left = some(sim_of(end), total < room ? total : room);
        for (int i = 0; i < part_count && left > 0; i++) {
            size_t put = net_put(end, parts[i].iov_base, parts[i].iov_len < left ? parts[i].iov_len : left);
            count += put;
            left -= put;
        }
        net_push(end, false);
    }
    trace(sim_of(end), end->node, "conn=%lld/%d send size=%zu sum=%08x %s", (long long)end->owner->id, end->side, count,
          checksum(parts, part_count, count), err_name(e));
    return sent_some(end, &call, e, count, sent);
}

static enum err put_file(struct endpoint *end, const struct inode *inode, int64_t position, size_t size, size_t *count)
{
    if (position < 0 || position >= inode->size) return ERR_IO;
    if ((uint64_t)(inode->size - position) < size) size = (size_t)(inode->size - position);
    while (*count < size) {
        uint8_t chunk[FILE_CHUNK_SIZE];
        size_t part = size - *count < sizeof(chunk) ? size - *count : sizeof(chunk);
        inode_read(inode, position + (int64_t)*count, chunk, part);
        *count += net_put(end, chunk, part);
    }
    net_push(end, false);
    return OK;
}

static enum err conn_sendfile_op(struct env_conn *conn, struct file *file, int64_t position, size_t size, size_t *sent)
{
    struct endpoint *end = end_of(conn);
    const struct handle *handle = CONTAINER_OF(file, struct handle, file);
    struct call call;
    ASSERT(size > 0);
    if (!begin(&call, end, SIM_CALL_CONN_SENDFILE)) return ERR_CLOSED;
    size_t room = 0;
    enum err e = may_send(end, &call, &room);
    size_t count = 0;
    if (e == OK) e = put_file(end, handle->inode, position, some(sim_of(end), size < room ? size : room), &count);
    spend(sim_of(end), 1, 200);
    trace(sim_of(end), end->node, "conn=%lld/%d sendfile file=%lld at=%lld size=%zu %s", (long long)end->owner->id,
          end->side, (long long)handle->inode->id, (long long)position, count, err_name(e));
    return sent_some(end, &call, e, count, sent);
}

static void conn_close_op(struct env_conn *conn)
{
    struct endpoint *end = end_of(conn);
    struct call call;
    if (!begin(&call, end, SIM_CALL_CONN_CLOSE)) return;
    net_close(end);
    (void)call_end(&call, OK);
}

static const char *conn_peer_op(struct env_conn *conn)
{
    return end_of(conn)->peer;
}

static int conn_local_port_op(struct env_conn *conn)
{
    return end_of(conn)->local_port;
}

void conn_ops_fill(struct env_ops *ops)
{
    ops->listen = listen_op;
    ops->listener_close = listener_close;
    ops->socket_close = socket_close;
    ops->socket_peer = socket_peer;
    ops->conn_open = conn_open;
    ops->connect = connect_op;
    ops->conn_want = conn_want_op;
    ops->conn_recv = conn_recv_op;
    ops->conn_send = conn_send_op;
    ops->conn_sendfile = conn_sendfile_op;
    ops->conn_close = conn_close_op;
    ops->conn_peer = conn_peer_op;
    ops->conn_local_port = conn_local_port_op;
}

// ---- readiness ----

static bool can_read(const struct endpoint *end)
{
    const struct pipe *in = &end->owner->pipe[1 - end->side];
    if ((end->want & CONN_READ) == 0) return false;
    return end->state == END_RESET || (end->state == END_OPEN && (in->arrived > in->consumed || in->fin_arrived));
}

static bool can_write(const struct endpoint *end)
{
    if ((end->want & CONN_WRITE) == 0) return false;
    return end->state == END_RESET || (end->state == END_OPEN && net_room(end) > 0);
}

static void tell_closed(struct endpoint *end)
{
    if (end->told) return;
    end->told = true;
    trace(sim_of(end), end->node, "conn=%lld/%d on_closed", (long long)end->owner->id, end->side);
    end->conn.handler->on_closed(end->conn.env, &end->conn, end->why);
}

// Each handler may close the connection, which clears env->current.
static void run_end(struct sim_env *env, struct endpoint *end)
{
    struct env_conn *conn = &end->conn;
    env->current = end;
    if (end->state == END_CONNECTING) return;
    if (end->state == END_RESET && (!end->announced || end->want == 0)) {
        tell_closed(end);
        return;
    }
    if (!end->announced) {
        end->announced = true;
        trace(sim_of(end), end->node, "conn=%lld/%d on_connected", (long long)end->owner->id, end->side);
        conn->handler->on_writable(&env->env, conn);
        if (env->current == end && (can_read(end) || can_write(end))) net_touch(end);
        return;
    }
    if (can_read(end)) {
        trace(sim_of(end), end->node, "conn=%lld/%d on_readable", (long long)end->owner->id, end->side);
        conn->handler->on_readable(&env->env, conn);
    }
    if (env->current != end) return;
    if (can_write(end)) {
        trace(sim_of(end), end->node, "conn=%lld/%d on_writable", (long long)end->owner->id, end->side);
        conn->handler->on_writable(&env->env, conn);
    }
    if (env->current == end && (can_read(end) || can_write(end))) net_touch(end);
}

void conn_run_ready(struct sim_env *env)
{
    struct list batch;
    list_init(&batch);
    list_append_all(&batch, &env->ready);
    for (struct list *item = list_pop_front(&batch); item != NULL; item = list_pop_front(&batch))
        run_end(env, LIST_ITEM(item, struct endpoint, ready));
    env->current = NULL;
}
