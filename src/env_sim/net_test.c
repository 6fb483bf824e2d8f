// SPDX-License-Identifier: Apache-2.0
// Connections between simulated nodes: an echo over every kind of trouble, and what each kind of end looks like.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/text.h"
#include "env_sim/sim.h"

#define PINNED_HASH 0x964397be3d1ced32u
enum { PORT = 9092, TOTAL = 200000, SEEDS = 12 };

// The server: sends back what it gets; each accepted socket goes to the next loop in turn.
struct server {
    struct arena *arena;
    struct sim_node *node;
    struct env_listener *listener;
    enum err listen_result;
    int next_loop;
    int accepted;
    int closed;
};

struct served {
    struct env_msg msg;
    struct server *server;
    struct env_socket *socket;
    uint8_t held[1000];
    size_t held_size;
};

struct client {
    struct sim_node *node;
    const char *host;
    struct env_conn *conn;
    struct text received;
    size_t sent;
    size_t total;
    bool connected;
    bool ended;
    enum err why;
    bool passive; // wants nothing after connecting
};

struct world {
    struct arena arena;
    struct sim *sim;
    struct server server;
    struct client client;
};

static void served_close(struct served *served, struct env_conn *conn)
{
    served->server->closed++;
    conn_close(conn);
}

static void served_go(struct env *env, struct env_conn *conn)
{
    struct served *served = conn->owner;
    (void)env;
    for (;;) {
        if (served->held_size == 0) {
            enum err e = conn_recv(conn, served->held, sizeof(served->held), &served->held_size);
            if (e == ERR_AGAIN) break;
            if (e != OK) {
                served_close(served, conn);
                return;
            }
        }
        struct iovec part = {.iov_base = served->held, .iov_len = served->held_size};
        size_t sent = 0;
        enum err e = conn_send(conn, &part, 1, &sent);
        if (e == ERR_CLOSED) {
            served_close(served, conn);
            return;
        }
        if (e == ERR_AGAIN) break;
        served->held_size -= sent;
        memmove(served->held, served->held + sent, served->held_size);
    }
    conn_want(conn, served->held_size == 0 ? CONN_READ : CONN_WRITE);
}

static void served_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    (void)why;
    served_close(conn->owner, conn);
}

static const struct conn_handler served_handler = {served_go, served_go, served_closed};

static void serve(struct env *env, struct env_msg *msg)
{
    struct served *served = CONTAINER_OF(msg, struct served, msg);
    struct env_conn *conn = env_conn_open(env, served->socket, &served_handler, served);
    assert_int_equal(conn_local_port(conn), PORT);
    conn_want(conn, CONN_READ);
}

static void accepted(struct env *env, void *context, struct env_socket *socket)
{
    struct server *server = context;
    struct served *served = ARENA_NEW(server->arena, struct served);
    served->msg.run = serve;
    served->server = server;
    served->socket = socket;
    server->accepted++;
    env_post(env->shards[server->next_loop++ % env->shard_count], &served->msg);
}

static void server_boot(void *context)
{
    struct server *server = context;
    server->listen_result =
        env_listen(sim_node_env(server->node, 0), "0.0.0.0", PORT, 50, accepted, server, NULL, &server->listener);
}

static uint8_t byte_at(size_t position)
{
    return (uint8_t)(position * 31 + position / 251);
}

static void client_send(struct client *client)
{
    while (client->sent < client->total) {
        uint8_t bytes[700];
        size_t size = client->total - client->sent < sizeof(bytes) ? client->total - client->sent : sizeof(bytes);
        for (size_t i = 0; i < size; i++) bytes[i] = byte_at(client->sent + i);
        struct iovec parts[2] = {{bytes, size / 2}, {bytes + size / 2, size - size / 2}};
        size_t sent = 0;
        if (conn_send(client->conn, parts, 2, &sent) != OK) break;
        client->sent += sent;
    }
    conn_want(client->conn, client->sent < client->total ? CONN_READ | CONN_WRITE : CONN_READ);
}

static void client_end(struct client *client, enum err why)
{
    client->ended = true;
    client->why = why;
    conn_close(client->conn);
    client->conn = NULL;
}

static void client_writable(struct env *env, struct env_conn *conn)
{
    struct client *client = conn->owner;
    (void)env;
    client->connected = true;
    if (!client->passive) client_send(client);
}

static void client_readable(struct env *env, struct env_conn *conn)
{
    struct client *client = conn->owner;
    (void)env;
    size_t got = 0;
    enum err e = conn_recv(conn, text_reserve(&client->received, 300), 300, &got);
    if (e == OK)
        text_grew(&client->received, got);
    else if (e != ERR_AGAIN)
        client_end(client, e);
}

static void client_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    client_end(conn->owner, why);
}

static const struct conn_handler client_handler = {client_readable, client_writable, client_closed};

static void client_boot(void *context)
{
    struct client *client = context;
    client->conn = env_connect(sim_node_env(client->node, 0), client->host, PORT, &client_handler, client);
}

static void world_init(struct world *world, const struct sim_options *options, const char *host)
{
    *world = (struct world){0};
    world->sim = sim_new(options);
    world->server = (struct server){.arena = &world->arena, .node = sim_node_new(world->sim, "server", 2)};
    world->client = (struct client){.node = sim_node_new(world->sim, "client", 1), .host = host, .total = TOTAL};
    assert_true(sim_node_call(world->server.node, server_boot, &world->server));
    assert_int_equal(world->server.listen_result, OK);
}

static void world_free(struct world *world)
{
    sim_free(world->sim);
    text_deinit(&world->client.received);
    arena_deinit(&world->arena);
}

static bool got_all(void *context)
{
    const struct client *client = context;
    return client->received.size >= client->total;
}

static bool has_ended(void *context)
{
    return ((const struct client *)context)->ended;
}

static bool is_connected(void *context)
{
    return ((const struct client *)context)->connected;
}

static bool is_half_way(void *context)
{
    return ((const struct client *)context)->received.size > TOTAL / 2;
}

static void check_bytes(const struct client *client)
{
    for (size_t i = 0; i < client->received.size; i++) assert_int_equal(client->received.data[i], byte_at(i));
}

static void echo_comes_back_in_order(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = sim_options_default(seed);
        options.faults.net_stall_ppm = 10000;
        if (seed % 2 == 0) options.socket_buffer_bytes = 600;
        struct world world;
        world_init(&world, &options, seed % 3 == 0 ? "10.0.0.1" : "server");
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, got_all, &world.client, 600000));
        check_bytes(&world.client);
        assert_int_equal(world.server.accepted, 1);
        assert_string_equal(conn_peer(world.client.conn), "10.0.0.1:9092");
        world_free(&world);
    }
}

// The same on every machine and with every compiler; changes with the model, then the new value goes here.
static void hash_is_the_same_everywhere(void **state)
{
    (void)state;
    struct sim_options options = sim_options_default(7);
    options.faults.net_stall_ppm = 10000;
    struct world world;
    world_init(&world, &options, "server");
    sim_node_call(world.client.node, client_boot, &world.client);
    assert_true(sim_run_until(world.sim, got_all, &world.client, 600000));
    assert_int_equal(sim_trace_hash(world.sim), PINNED_HASH);
    world_free(&world);
}

static void resets_end_the_connection_on_both_sides(void **state)
{
    (void)state;
    int resets = 0;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = sim_options_default(seed);
        options.faults.net_reset_ppm = 5000;
        struct world world;
        world_init(&world, &options, "server");
        sim_node_call(world.client.node, client_boot, &world.client);
        while (sim_step(world.sim)) {
        }
        check_bytes(&world.client);
        assert_true(world.client.ended || world.client.received.size == TOTAL);
        if (world.client.ended) assert_int_equal(world.server.closed, 1);
        resets += world.client.ended;
        world_free(&world);
    }
    assert_true(resets > 0);
}

static void nobody_listens(void **state)
{
    (void)state;
    const char *hosts[] = {"client", "127.0.0.1", "nowhere"};
    for (size_t i = 0; i < COUNT_OF(hosts); i++) {
        struct sim_options options = sim_options_default(i);
        struct world world;
        world_init(&world, &options, hosts[i]);
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, has_ended, &world.client, 60000));
        assert_false(world.client.connected);
        assert_int_equal(world.client.why, i == 2 ? ERR_NOT_FOUND : ERR_CLOSED);
        world_free(&world);
    }
}

static void port_is_taken_once(void **state)
{
    (void)state;
    struct sim_options options = sim_options_default(1);
    struct world world;
    world_init(&world, &options, "server");
    struct env *env = sim_node_env(world.server.node, 1);
    struct env_listener *second = NULL;
    int port = 0;
    assert_int_equal(env_listen(env, "127.0.0.1", PORT, 5, accepted, NULL, &port, &second), ERR_BUSY);
    assert_int_equal(env_listen(env, "127.0.0.1", 0, 5, accepted, NULL, &port, &second), OK);
    assert_true(port > 0);
    env_listener_close(env, second);
    env_listener_close(sim_node_env(world.server.node, 0), world.server.listener);
    assert_int_equal(env_listen(env, "127.0.0.1", PORT, 5, accepted, NULL, NULL, &second), OK);
    world_free(&world);
}

static void cut_stalls_then_heals(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = sim_options_default(seed);
        struct world world;
        world_init(&world, &options, "server");
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, is_half_way, &world.client, 60000));
        if (seed % 2 == 0)
            sim_cut(world.client.node, world.server.node);
        else
            sim_cut(world.server.node, world.client.node);
        assert_false(sim_run_until(world.sim, got_all, &world.client, 5000)); // under the TCP timeout
        assert_false(world.client.ended);
        sim_heal_all(world.sim);
        assert_true(sim_run_until(world.sim, got_all, &world.client, 60000));
        check_bytes(&world.client);
        world_free(&world);
    }
}

static void cut_that_stays_times_out(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = sim_options_default(seed);
        struct world world;
        world_init(&world, &options, "server");
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, is_half_way, &world.client, 60000));
        sim_cut_both(world.client.node, world.server.node);
        assert_true(sim_run_until(world.sim, has_ended, &world.client, 60000));
        assert_int_equal(world.client.why, ERR_CLOSED);
        world_free(&world);
    }
}

static void connect_waits_for_a_healed_path(void **state)
{
    (void)state;
    struct sim_options options = sim_options_default(4);
    struct world world;
    world_init(&world, &options, "server");
    sim_cut(world.server.node, world.client.node);
    sim_node_call(world.client.node, client_boot, &world.client);
    assert_false(sim_run_until(world.sim, is_connected, &world.client, 4000));
    sim_heal(world.server.node, world.client.node);
    assert_true(sim_run_until(world.sim, got_all, &world.client, 60000));
    world_free(&world);
}

static void killed_server_is_noticed_soon_and_a_powerless_one_late(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = sim_options_default(seed);
        struct world world;
        world_init(&world, &options, "server");
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, is_half_way, &world.client, 60000));
        bool power = seed % 2 == 0;
        sim_node_crash(world.server.node, power ? SIM_POWER_CUT : SIM_PROCESS_KILL);
        assert_true(sim_run_until(world.sim, has_ended, &world.client, 3000) == !power);
        assert_true(sim_run_until(world.sim, has_ended, &world.client, 20000));
        check_bytes(&world.client);
        world_free(&world);
    }
}

static void restarted_server_resets_what_it_does_not_know(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct sim_options options = sim_options_default(seed);
        struct world world;
        world_init(&world, &options, "server");
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, is_half_way, &world.client, 60000));
        sim_node_crash(world.server.node, SIM_POWER_CUT);
        sim_run_until(world.sim, NULL, NULL, 1000);
        sim_node_restart(world.server.node);
        assert_true(sim_run_until(world.sim, has_ended, &world.client, 2000));
        world_free(&world);
    }
}

static void passive_end_hears_of_a_reset_by_on_closed(void **state)
{
    (void)state;
    struct sim_options options = sim_options_default(2);
    struct world world;
    world_init(&world, &options, "server");
    world.client.passive = true;
    sim_node_call(world.client.node, client_boot, &world.client);
    assert_true(sim_run_until(world.sim, is_connected, &world.client, 60000));
    sim_run_until(world.sim, NULL, NULL, 1000);
    assert_false(world.client.ended);
    sim_reset_conns(world.client.node, world.server.node);
    assert_true(sim_run_until(world.sim, has_ended, &world.client, 1000));
    world_free(&world);
}

// ---- sendfile ----

struct sender {
    struct sim_node *node;
    struct env_conn *conn;
    struct file *file;
    size_t sent;
    enum err last;
};

static void sender_writable(struct env *env, struct env_conn *conn)
{
    struct sender *sender = conn->owner;
    (void)env;
    size_t sent = 0;
    sender->last = conn_sendfile(conn, sender->file, (int64_t)sender->sent, TOTAL - sender->sent, &sent);
    if (sender->last == OK) sender->sent += sent;
    bool done = sender->sent == TOTAL || (sender->last != OK && sender->last != ERR_AGAIN);
    conn_want(conn, done ? 0 : CONN_WRITE);
}

static const struct conn_handler sender_handler = {NULL, sender_writable, NULL};

static void sender_accepted(struct env *env, void *context, struct env_socket *socket)
{
    struct sender *sender = context;
    sender->conn = env_conn_open(env, socket, &sender_handler, sender);
    conn_want(sender->conn, CONN_WRITE);
}

static void sendfile_sends_what_the_cache_holds(void **state)
{
    (void)state;
    for (size_t missing = 0; missing < 2; missing++) {
        struct sim_options options = sim_options_default(missing);
        struct world world;
        world_init(&world, &options, "server");
        env_listener_close(sim_node_env(world.server.node, 0), world.server.listener);
        struct sender sender = {.node = world.server.node};
        struct fs *fs = sim_node_fs(world.server.node);
        assert_int_equal(fs_open(fs, "/f", FILE_READ | FILE_WRITE | FILE_CREATE, &sender.file), OK);
        uint8_t *bytes = text_reserve(&world.client.received, TOTAL);
        for (size_t i = 0; i < TOTAL; i++) bytes[i] = byte_at(i);
        struct iovec part = {.iov_base = bytes, .iov_len = TOTAL - missing};
        assert_int_equal(file_pwritev(sender.file, 0, &part, 1), OK);
        memset(bytes, 0, TOTAL);
        struct env *env = sim_node_env(world.server.node, 0);
        assert_int_equal(env_listen(env, "", PORT, 5, sender_accepted, &sender, NULL, &world.server.listener), OK);
        world.client.sent = TOTAL; // sends nothing itself
        sim_node_call(world.client.node, client_boot, &world.client);
        assert_true(sim_run_until(world.sim, got_all, &world.client, 60000) == (missing == 0));
        assert_int_equal(world.client.received.size, TOTAL - missing);
        assert_int_equal(sender.last, missing == 0 ? OK : ERR_IO);
        check_bytes(&world.client);
        file_unref(sender.file);
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(echo_comes_back_in_order),
        cmocka_unit_test(hash_is_the_same_everywhere),
        cmocka_unit_test(resets_end_the_connection_on_both_sides),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(port_is_taken_once),
        cmocka_unit_test(cut_stalls_then_heals),
        cmocka_unit_test(cut_that_stays_times_out),
        cmocka_unit_test(connect_waits_for_a_healed_path),
        cmocka_unit_test(killed_server_is_noticed_soon_and_a_powerless_one_late),
        cmocka_unit_test(restarted_server_resets_what_it_does_not_know),
        cmocka_unit_test(passive_end_hears_of_a_reset_by_on_closed),
        cmocka_unit_test(sendfile_sends_what_the_cache_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
