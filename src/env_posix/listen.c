// SPDX-License-Identifier: Apache-2.0
// Listeners and accepted sockets. A listener accepts a bounded batch per turn so that a storm of connections leaves
// time for the others; out of descriptors, it turns one caller away and pauses.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "env_posix/posix_int.h"

enum { ACCEPT_BATCH_MAX = 64, ACCEPT_PAUSE_MS = 100 };

struct env_listener {
    struct source source;
    struct loop *loop;
    struct list link; // loop.listeners
    int fd;
    int port;
    bool has_complained; // about descriptors, until one is accepted again
    struct env_timer pause;
    void (*accepted)(struct env *env, void *context, struct env_socket *socket);
    void *context;
};

struct env_socket {
    int fd;
    int local_port;
    struct sockaddr_storage peer;
};

int address_port(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
    if (address->ss_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
    return 0;
}

void address_text(const struct sockaddr_storage *address, char text[ADDRESS_TEXT_SIZE])
{
    char host[INET6_ADDRSTRLEN] = "unknown";
    bool has_brackets = false;
    if (address->ss_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)address)->sin_addr, host, sizeof(host));
    } else if (address->ss_family == AF_INET6) {
        const struct in6_addr *in6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
        has_brackets = !IN6_IS_ADDR_V4MAPPED(in6);
        if (has_brackets)
            inet_ntop(AF_INET6, in6, host, sizeof(host));
        else
            inet_ntop(AF_INET, &in6->s6_addr[12], host, sizeof(host));
    }
    snprintf(text, ADDRESS_TEXT_SIZE, has_brackets ? "[%s]:%d" : "%s:%d", host, address_port(address));
}

// ---- accepted sockets ------------------------------------------------------------------------------------------

void net_socket_close(struct env_socket *socket)
{
    close(socket->fd);
    mem_free(socket);
}

void net_socket_peer(const struct env_socket *socket, char text[ADDRESS_TEXT_SIZE])
{
    address_text(&socket->peer, text);
}

int net_socket_take(struct env_socket *socket, struct sockaddr_storage *peer, int *local_port)
{
    int fd = socket->fd;
    *peer = socket->peer;
    *local_port = socket->local_port;
    mem_free(socket);
    return fd;
}

static void tune(int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); // both are wishes: an old socket works without
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
}

// ---- accepting -------------------------------------------------------------------------------------------------

static int open_reserve(void)
{
    return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void set_events(struct env_listener *listener, unsigned events)
{
    struct epoll_event event = {.events = events, .data.ptr = &listener->source};
    epoll_ctl(listener->loop->epoll_fd, EPOLL_CTL_MOD, listener->fd, &event);
}

static void pause_over(struct env *env, struct env_timer *timer)
{
    (void)env;
    set_events(CONTAINER_OF(timer, struct env_listener, pause), EPOLLIN);
}

// No descriptor is left. The reserve lets one caller in to be turned away at once instead of hanging in the backlog;
// the others wait for descriptors that connections may give back meanwhile.
static void shed(struct env_listener *listener, int number)
{
    struct loop *loop = listener->loop;
    if (!listener->has_complained)
        log_error(loop->env.log, "network",
                  "Cannot accept connections on port %d: %s; new ones are refused until some are closed",
                  listener->port, strerror(number));
    listener->has_complained = true;
    if (loop->reserve_fd >= 0 && (number == EMFILE || number == ENFILE)) {
        close(loop->reserve_fd);
        int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) close(fd);
        loop->reserve_fd = open_reserve();
    }
    set_events(listener, 0);
    env_timer_after_ms(&loop->env, &listener->pause, ACCEPT_PAUSE_MS);
}

static void listener_ready(struct loop *loop, struct source *source, unsigned events)
{
    (void)events;
    struct env_listener *listener = CONTAINER_OF(source, struct env_listener, source);
    for (int i = 0; i < ACCEPT_BATCH_MAX && !source->is_closed; i++) {
        struct sockaddr_storage peer = {0};
        socklen_t size = sizeof(peer);
        int fd = accept4(listener->fd, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EAGAIN) return;
            if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
                shed(listener, errno);
                return;
            }
            continue; // that caller is gone again (accept(2): treat network errors like EAGAIN, try the next)
        }
        listener->has_complained = false;
        if (loop->reserve_fd < 0) loop->reserve_fd = open_reserve();
        tune(fd);
        struct env_socket *socket = MEM_NEW(struct env_socket);
        *socket = (struct env_socket){.fd = fd, .local_port = listener->port, .peer = peer};
        listener->accepted(&loop->env, listener->context, socket);
    }
}

// ---- listening -------------------------------------------------------------------------------------------------

// SO_REUSEADDR so that connections in TIME_WAIT do not keep a restarted node out; never SO_REUSEPORT, which would let
// two nodes share a port unnoticed.
static int bind_one(const struct sockaddr *address, socklen_t size, int backlog)
{
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    int one = 1;
    int zero = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (address->sa_family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
    if (bind(fd, address, size) == 0 && listen(fd, backlog) == 0) return fd;
    int number = errno;
    close(fd);
    errno = number;
    return -1;
}

// "", "0.0.0.0" and "::" are all the same to Java, which binds both families at once; so do we where there is IPv6.
static int bind_all(int port, int backlog)
{
    struct sockaddr_in6 in6 = {
        .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT, .sin6_port = htons((uint16_t)port)};
    int fd = bind_one((const struct sockaddr *)&in6, sizeof(in6), backlog);
    if (fd >= 0 || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL)) return fd;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return bind_one((const struct sockaddr *)&in, sizeof(in), backlog);
}

static int bind_host(const char *host, int port, int backlog)
{
    if (host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) return bind_all(port, backlog);
    char service[16];
    snprintf(service, sizeof(service), "%d", port);
    struct addrinfo hints = {
        .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(host, service, &hints, &found) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    int fd = bind_one(found->ai_addr, found->ai_addrlen, backlog);
    int number = errno;
    freeaddrinfo(found);
    errno = number;
    return fd;
}

static enum err bind_error(struct log *log, int number, const char *host, int port)
{
    const char *where = host[0] == '\0' ? "*" : host;
    if (number == EADDRINUSE) return ERR_BUSY; // whoever asked names the owner (posix_port_owner)
    log_error(log, "network", "Cannot listen on %s:%d: %s", where, port,
              number == EADDRNOTAVAIL ? "not a name or address of this machine" : strerror(number));
    return number == EADDRNOTAVAIL ? ERR_INVALID : ERR_IO;
}

enum err net_listen(struct env *env, const char *host, int port, int backlog,
                    void (*accepted)(struct env *env, void *context, struct env_socket *socket), void *context,
                    int *bound_port, struct env_listener **out)
{
    struct loop *loop = loop_of(env);
    loop_assert_here(loop);
    if (port < 0 || port > UINT16_MAX) return ERR_INVALID;
    int fd = bind_host(host, port, backlog);
    if (fd < 0) return bind_error(env->log, errno, host, port);
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof(address);
    getsockname(fd, (struct sockaddr *)&address, &size);

    struct env_listener *listener = MEM_NEW(struct env_listener);
    listener->source.ready = listener_ready;
    listener->loop = loop;
    listener->fd = fd;
    listener->port = address_port(&address);
    listener->pause.fire = pause_over;
    listener->accepted = accepted;
    listener->context = context;
    enum err err = loop_watch(loop, &listener->source, fd, EPOLLIN);
    if (err != OK) {
        close(fd);
        mem_free(listener);
        return err;
    }
    if (loop->reserve_fd < 0) loop->reserve_fd = open_reserve();
    list_push_back(&loop->listeners, &listener->link);
    *bound_port = listener->port;
    *out = listener;
    return OK;
}

void net_listener_close(struct env *env, struct env_listener *listener)
{
    struct loop *loop = loop_of(env);
    ASSERT(listener->loop == loop);
    loop_assert_here(loop);
    env_timer_cancel(env, &listener->pause);
    list_remove(&listener->link);
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, listener->fd, NULL);
    close(listener->fd);
    loop_bury(loop, &listener->source, listener);
}

void net_close_all(struct loop *loop)
{
    for (struct list *link; (link = list_first(&loop->listeners)) != NULL;)
        net_listener_close(&loop->env, LIST_ITEM(link, struct env_listener, link));
    net_close_conns(loop);
}
