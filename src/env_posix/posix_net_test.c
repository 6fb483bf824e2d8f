// SPDX-License-Identifier: Apache-2.0
// The peer is a plain blocking socket of the test where its behaviour matters, else a connection of ours.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "env_posix/posix.h"

enum { PEERS_MAX = 4 };

struct server {
    struct log log;
    struct text lines;
    struct posix_node *node;
    struct env *env;
    struct env_listener *listener;
    int port;
    unsigned want; // of new connections
    struct env_conn *conns[PEERS_MAX];
    int conn_count;
    struct text received;
    enum err end; // what conn_recv said at last
    int readable, writable, closed;
    enum err why;
    bool closes_all;                                           // on the first event
    int wait_readable, wait_conns, wait_closed, wait_writable; // what run_until waits for
    size_t wait_bytes;
    enum err wait_end;
};

static void keep_line(struct log *log, enum log_level level, const char *component, const char *line)
{
    (void)level;
    (void)component;
    text_add_str(&CONTAINER_OF(log, struct server, log)->lines, line);
}

static void on_readable(struct env *env, struct env_conn *conn)
{
    struct server *s = env->user;
    s->readable++;
    if (s->closes_all) {
        for (int i = 0; i < s->conn_count; i++) conn_close(s->conns[i]);
        s->conn_count = 0;
        return;
    }
    for (;;) {
        uint8_t bytes[1000];
        size_t got = 0;
        s->end = conn_recv(conn, bytes, sizeof(bytes), &got);
        if (s->end != OK) break;
        text_add(&s->received, slice_of(bytes, got));
    }
    if (s->end == ERR_CLOSED) conn_want(conn, 0);
}

static void on_writable(struct env *env, struct env_conn *conn)
{
    struct server *s = env->user;
    s->writable++;
    conn_want(conn, s->want);
}

static void on_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)conn;
    struct server *s = env->user;
    s->closed++;
    s->why = why;
}

static const struct conn_handler handler = {on_readable, on_writable, on_closed};

static void accepted(struct env *env, void *context, struct env_socket *socket)
{
    struct server *s = context;
    if (s->conn_count == PEERS_MAX) {
        env_socket_close(env, socket);
        return;
    }
    char peer[ADDRESS_TEXT_SIZE];
    env_socket_peer(env, socket, peer);
    struct env_conn *conn = env_conn_open(env, socket, &handler, s);
    assert_ptr_equal(conn->owner, s);
    assert_string_equal(conn_peer(conn), peer);
    conn_want(conn, s->want);
    s->conns[s->conn_count++] = conn;
}

static int setup(void **state)
{
    struct server *s = MEM_NEW(struct server);
    s->log = (struct log){.level = LOG_INFO, .write = keep_line};
    if (posix_node_new(&(struct posix_options){.shards = 1, .log = &s->log}, &s->node) != OK) return -1;
    int count = 0;
    s->env = posix_node_envs(s->node, &count)[0];
    s->env->user = s;
    s->want = CONN_READ;
    if (env_listen(s->env, "127.0.0.1", 0, 50, accepted, s, &s->port, &s->listener) != OK) return -1;
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct server *s = *state;
    posix_node_free(s->node); // closes what is open
    text_deinit(&s->received);
    text_deinit(&s->lines);
    mem_free(s);
    return 0;
}

static bool is_reached(void *context)
{
    const struct server *s = context;
    return s->readable >= s->wait_readable && s->conn_count >= s->wait_conns && s->closed >= s->wait_closed &&
           s->writable >= s->wait_writable && s->received.size >= s->wait_bytes &&
           (s->wait_end == OK || s->end == s->wait_end);
}

static void run(struct server *s)
{
    assert_true(posix_run_until(s->env, is_reached, s));
}

static int dial(const struct server *s)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

// ---- bytes -----------------------------------------------------------------------------------------------------

static void bytes_arrive_and_half_close_ends_reading_only(void **state)
{
    struct server *s = *state;
    int fd = dial(s);
    assert_int_equal(write(fd, "hello", 5), 5);
    shutdown(fd, SHUT_WR);
    s->wait_end = ERR_CLOSED;
    run(s);
    assert_int_equal(s->received.size, 5); // data first, then the end
    assert_memory_equal(s->received.data, "hello", 5);
    assert_int_equal(s->closed, 0);
    struct iovec parts[2] = {{.iov_base = (void *)(uintptr_t) "an", .iov_len = 2},
                             {.iov_base = (void *)(uintptr_t) "swer", .iov_len = 4}};
    size_t sent = 0;
    assert_int_equal(conn_send(s->conns[0], parts, 2, &sent), OK);
    assert_int_equal(sent, 6);
    conn_close(s->conns[0]);
    char answer[10];
    assert_int_equal(recv(fd, answer, sizeof(answer), MSG_WAITALL), 6);
    assert_memory_equal(answer, "answer", 6);
    close(fd);
}

static void names_of_both_ends(void **state)
{
    struct server *s = *state;
    int fd = dial(s);
    s->wait_conns = 1;
    run(s);
    struct sockaddr_in own;
    socklen_t size = sizeof(own);
    getsockname(fd, (struct sockaddr *)&own, &size);
    char text[64];
    snprintf(text, sizeof(text), "127.0.0.1:%d", ntohs(own.sin_port));
    assert_string_equal(conn_peer(s->conns[0]), text);
    assert_int_equal(conn_local_port(s->conns[0]), s->port);
    close(fd);
}

static void all_interfaces_serve_ipv4_callers(void **state)
{
    struct server *s = *state;
    static const char *const hosts[] = {"", "0.0.0.0", "::"};
    for (int i = 0; i < 3; i++) {
        env_listener_close(s->env, s->listener);
        assert_int_equal(env_listen(s->env, hosts[i], 0, 50, accepted, s, &s->port, &s->listener), OK);
        int fd = dial(s);
        s->wait_conns = i + 1;
        run(s);
        assert_memory_equal(conn_peer(s->conns[i]), "127.0.0.1:", 10);
        close(fd);
    }
}

static void interest_rules_callbacks(void **state)
{
    struct server *s = *state;
    s->want = 0;
    int fd = dial(s);
    s->wait_conns = 1;
    run(s);
    assert_int_equal(write(fd, "x", 1), 1);
    conn_want(s->conns[0], CONN_WRITE);
    s->wait_writable = 1; // wants nothing again after it
    run(s);
    assert_int_equal(s->readable, 0);
    conn_want(s->conns[0], CONN_READ);
    s->wait_bytes = 1;
    run(s);
    assert_int_equal(s->writable, 1);
    close(fd);
}

// ---- ends ------------------------------------------------------------------------------------------------------

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    close(fd);
}

static void a_reset_is_told_once_when_nothing_is_wanted(void **state)
{
    struct server *s = *state;
    s->want = 0;
    int fd = dial(s);
    int other = dial(s);
    s->wait_conns = 2;
    run(s);
    reset(fd);
    s->wait_closed = 1;
    run(s);
    assert_int_equal(s->why, ERR_CLOSED);
    conn_want(s->conns[1], CONN_READ); // turns go on, the told one stays silent
    assert_int_equal(write(other, "x", 1), 1);
    s->wait_bytes = 1;
    run(s);
    assert_int_equal(s->closed, 1);
    size_t sent = 0;
    struct iovec part = {.iov_base = (void *)(uintptr_t) "x", .iov_len = 1};
    assert_int_equal(conn_send(s->conns[0], &part, 1, &sent), ERR_CLOSED);
    close(other);
}

static void a_reset_shows_at_recv_when_reading(void **state)
{
    struct server *s = *state;
    int fd = dial(s);
    s->wait_conns = 1;
    run(s);
    reset(fd);
    s->wait_end = ERR_CLOSED;
    run(s);
    assert_int_equal(s->closed, 0);
}

static void a_conn_closed_in_the_turn_gets_no_callback(void **state)
{
    struct server *s = *state;
    int fds[3];
    for (int i = 0; i < 3; i++) fds[i] = dial(s);
    s->wait_conns = 3;
    run(s);
    for (int i = 0; i < 3; i++) assert_int_equal(write(fds[i], "x", 1), 1); // all three readable in one batch
    s->closes_all = true;
    s->wait_conns = 0;
    s->wait_readable = 1;
    run(s);
    assert_int_equal(s->readable, 1);
    for (int i = 0; i < 3; i++) close(fds[i]);
}

// ---- outgoing --------------------------------------------------------------------------------------------------

static void connects_by_address_and_by_name(void **state)
{
    struct server *s = *state;
    static const char *const hosts[] = {"127.0.0.1", "localhost"};
    for (int i = 0; i < 2; i++) {
        int before = s->conn_count;
        struct env_conn *conn = env_connect(s->env, hosts[i], s->port, &handler, s);
        assert_int_equal(s->writable + s->closed, i); // not inside the call
        size_t count = 0;
        char byte;
        assert_int_equal(conn_recv(conn, &byte, 1, &count), ERR_AGAIN);
        s->wait_writable = i + 1;
        s->wait_conns = before + 1;
        run(s);
        struct iovec part = {.iov_base = (void *)(uintptr_t) "ping", .iov_len = 4};
        assert_int_equal(conn_send(conn, &part, 1, &count), OK);
        s->wait_bytes += 4;
        run(s);
        char peer[64];
        snprintf(peer, sizeof(peer), "127.0.0.1:%d", s->port);
        assert_string_equal(conn_peer(conn), peer);
        conn_close(conn);
    }
    assert_int_equal(s->closed, 0);
}

static void failed_connects_are_told(void **state)
{
    struct server *s = *state;
    env_listener_close(s->env, s->listener); // now nobody listens there
    struct env_conn *refused = env_connect(s->env, "127.0.0.1", s->port, &handler, s);
    s->wait_closed = 1;
    run(s);
    assert_int_equal(s->why, ERR_CLOSED);
    conn_close(refused);
    char name[400];
    memset(name, 'a', sizeof(name) - 1); // no resolver asks the network for this
    name[sizeof(name) - 1] = '\0';
    struct env_conn *unknown = env_connect(s->env, name, 1, &handler, s);
    s->wait_closed = 2;
    run(s);
    assert_int_equal(s->why, ERR_NOT_FOUND);
    conn_close(unknown);
    assert_int_equal(s->writable, 0);
    conn_close(env_connect(s->env, "localhost", s->port, &handler, s)); // while it resolves
    conn_close(env_connect(s->env, "127.0.0.1", s->port, &handler, s));
}

// ---- an echo with more than a socket holds ---------------------------------------------------------------------

enum { ECHO_BYTES = 6 << 20 };

struct echo {
    struct env_conn *server;
    struct env_conn *client;
    struct text held; // received and not yet sent back
    size_t held_at;
    size_t sent;
    size_t back;
};

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 2654435761u >> 13);
}

static void echo_flush(struct env_conn *conn)
{
    struct echo *e = conn->owner;
    while (e->held_at < e->held.size) {
        struct iovec part = {.iov_base = e->held.data + e->held_at, .iov_len = e->held.size - e->held_at};
        size_t sent = 0;
        enum err err = conn_send(conn, &part, 1, &sent);
        if (err == ERR_AGAIN) {
            conn_want(conn, CONN_WRITE); // stops reading until it is out
            return;
        }
        assert_int_equal(err, OK);
        e->held_at += sent;
    }
    text_clear(&e->held);
    e->held_at = 0;
    conn_want(conn, CONN_READ);
}

static void echo_readable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct echo *e = conn->owner;
    size_t got = 0;
    enum err err = conn_recv(conn, text_reserve(&e->held, 65536), 65536, &got);
    if (err == ERR_AGAIN) return;
    assert_int_equal(err, OK);
    text_grew(&e->held, got);
    echo_flush(conn);
}

static void echo_writable(struct env *env, struct env_conn *conn)
{
    (void)env;
    echo_flush(conn);
}

static void echo_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    (void)conn;
    (void)why;
    fail();
}

static const struct conn_handler echo_handler = {echo_readable, echo_writable, echo_closed};

static void source_readable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct echo *e = conn->owner;
    uint8_t bytes[7001];
    size_t got = 0;
    enum err err = conn_recv(conn, bytes, sizeof(bytes), &got);
    if (err == ERR_AGAIN) return;
    assert_int_equal(err, OK);
    for (size_t i = 0; i < got; i++) assert_int_equal(bytes[i], pattern(e->back++));
}

static void source_writable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct echo *e = conn->owner;
    static uint8_t bytes[100000];
    size_t size = ECHO_BYTES - e->sent < sizeof(bytes) ? ECHO_BYTES - e->sent : sizeof(bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = pattern(e->sent + i);
    struct iovec part = {.iov_base = bytes, .iov_len = size};
    size_t sent = 0;
    if (size > 0 && conn_send(conn, &part, 1, &sent) == OK) e->sent += sent;
    conn_want(conn, e->sent == ECHO_BYTES ? CONN_READ : CONN_READ | CONN_WRITE);
}

static const struct conn_handler source_handler = {source_readable, source_writable, echo_closed};

static void echo_accepted(struct env *env, void *context, struct env_socket *socket)
{
    struct echo *e = context;
    e->server = env_conn_open(env, socket, &echo_handler, e);
    conn_want(e->server, CONN_READ);
}

static bool all_is_back(void *context)
{
    return ((struct echo *)context)->back == ECHO_BYTES;
}

static void echo_survives_partial_sends(void **state)
{
    struct server *s = *state;
    struct echo e = {0};
    struct env_listener *listener = NULL;
    int port = 0;
    assert_int_equal(env_listen(s->env, "localhost", 0, 50, echo_accepted, &e, &port, &listener), OK);
    e.client = env_connect(s->env, "localhost", port, &source_handler, &e);
    assert_true(posix_run_until(s->env, all_is_back, &e));
    text_deinit(&e.held);
}

// ---- sendfile --------------------------------------------------------------------------------------------------

static void sendfile_sends_ranges_and_refuses_short_files(void **state)
{
    struct server *s = *state;
    char path[] = "/tmp/odradek-net-XXXXXX";
    close(mkstemp(path));
    struct file *file = NULL;
    assert_int_equal(fs_open(s->env->fs, path, FILE_READ | FILE_WRITE, &file), OK);
    struct iovec part = {.iov_base = (void *)(uintptr_t) "0123456789", .iov_len = 10};
    assert_int_equal(file_pwritev(file, 0, &part, 1), OK);
    int fd = dial(s);
    s->wait_conns = 1;
    run(s);
    size_t sent = 0;
    assert_int_equal(conn_sendfile(s->conns[0], file, 3, 5, &sent), OK);
    assert_int_equal(sent, 5);
    assert_int_equal(conn_sendfile(s->conns[0], file, 10, 5, &sent), ERR_IO);
    char back[5];
    assert_int_equal(recv(fd, back, 5, MSG_WAITALL), 5);
    assert_memory_equal(back, "34567", 5);
    reset(fd);
    s->wait_end = ERR_CLOSED;
    run(s);
    assert_int_equal(conn_sendfile(s->conns[0], file, 0, 5, &sent), ERR_CLOSED); // and no SIGPIPE
    file_unref(file);
    unlink(path);
}

// ---- ports and descriptors -------------------------------------------------------------------------------------

static void a_taken_port_is_found_with_its_owner(void **state)
{
    struct server *s = *state;
    struct env_listener *second = NULL;
    int port = 0;
    assert_int_equal(env_listen(s->env, "127.0.0.1", s->port, 50, accepted, s, &port, &second), ERR_BUSY);
    assert_int_equal(env_listen(s->env, "", s->port, 50, accepted, s, &port, &second), ERR_BUSY);
    char text[POSIX_OWNER_TEXT_SIZE];
    assert_int_equal(posix_port_owner(s->port, text), getpid());
    char start[64];
    snprintf(start, sizeof(start), "pid %d (", getpid());
    assert_memory_equal(text, start, strlen(start));
    assert_non_null(strstr(text, "posix_net_test"));
    assert_int_equal(env_listen(s->env, "192.0.2.1", 0, 50, accepted, s, &port, &second), ERR_INVALID); // TEST-NET
    assert_non_null(strstr(text_cstr(&s->lines), "not a name or address of this machine"));
}

static void out_of_descriptors_turns_away_and_recovers(void **state)
{
    struct server *s = *state;
    int first = dial(s);
    int waiting = socket(AF_INET, SOCK_STREAM, 0);
    s->wait_conns = 1;
    run(s);
    int lowest_free = dup(first);
    close(lowest_free);
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    struct rlimit low = before;
    low.rlim_cur = (rlim_t)lowest_free;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
    setrlimit(RLIMIT_NOFILE, &low);
    assert_int_equal(connect(waiting, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(write(first, "x", 1), 1);
    s->wait_bytes = 1; // the others are still served
    run(s);
    while (s->lines.size == 0) { // the listener may have come in a later turn
        s->wait_bytes++;
        assert_int_equal(write(first, "x", 1), 1);
        run(s);
    }
    setrlimit(RLIMIT_NOFILE, &before);
    char byte;
    assert_int_equal(recv(waiting, &byte, 1, 0), 0); // turned away, not left hanging
    assert_non_null(strstr(text_cstr(&s->lines), "Too many open files"));
    int next = dial(s);
    s->wait_conns = 2;
    run(s);
    close(first);
    close(waiting);
    close(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bytes_arrive_and_half_close_ends_reading_only, setup, teardown),
        cmocka_unit_test_setup_teardown(names_of_both_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(all_interfaces_serve_ipv4_callers, setup, teardown),
        cmocka_unit_test_setup_teardown(interest_rules_callbacks, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_is_told_once_when_nothing_is_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(a_reset_shows_at_recv_when_reading, setup, teardown),
        cmocka_unit_test_setup_teardown(a_conn_closed_in_the_turn_gets_no_callback, setup, teardown),
        cmocka_unit_test_setup_teardown(connects_by_address_and_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(failed_connects_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(echo_survives_partial_sends, setup, teardown),
        cmocka_unit_test_setup_teardown(sendfile_sends_ranges_and_refuses_short_files, setup, teardown),
        cmocka_unit_test_setup_teardown(a_taken_port_is_found_with_its_owner, setup, teardown),
        cmocka_unit_test_setup_teardown(out_of_descriptors_turns_away_and_recovers, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
