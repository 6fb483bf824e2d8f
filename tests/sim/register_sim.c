// SPDX-License-Identifier: Apache-2.0
// A simulation of the seam itself, and the example to start from: clients count upwards on a server that stores each
// client's number by atomic replace before it answers, while power, processes, disks and paths fail.
//
// Invariants: a number a client was told is stored in every later life of the server; after healing all clients reach
// the last number. Scenario `canary` runs the same over a disk that lies about fdatasync and must see a loss.
#include <stdio.h>
#include <string.h>

#include "harness.h"

enum { CLIENTS = 3, LAST_NUMBER = 40, PORT = 7000, ROUNDS = 60, NUMBER_SIZE = 8, PATIENCE_MS = 3000 };

struct server;

struct session {
    struct env_task task; // runs while a number is being stored; then the session outlives its connection
    struct server *server;
    struct env_conn *conn; // NULL: gone
    uint8_t bytes[NUMBER_SIZE];
    size_t have;
    bool is_storing;
    enum err stored;
};

// Memory of one life of the server's process; the next life gets a new one.
struct server {
    struct world *world;
    uint32_t numbers[CLIENTS]; // on disk for sure
    bool is_ready;
};

struct client {
    struct world *world;
    struct sim_node *node;
    struct env_conn *conn;
    struct env_timer retry; // when the wait for an answer, or between two attempts, is over
    int index;
    uint32_t acked;
    uint8_t out[NUMBER_SIZE];
    size_t sent;
    uint8_t in[NUMBER_SIZE];
    size_t have;
};

struct world {
    struct sim_case *at;
    struct sim_node *server_node;
    struct server *server;
    struct client clients[CLIENTS];
    int losses;
};

static void path_of(char path[32], uint32_t client, const char *suffix)
{
    snprintf(path, 32, "/client%u%s", client, suffix);
}

static uint32_t get_number(const uint8_t *bytes)
{
    uint32_t number;
    memcpy(&number, bytes, sizeof(number));
    return number;
}

// ---- server ----

static enum err store_number(struct fs *fs, const uint8_t bytes[NUMBER_SIZE])
{
    char temporary[32];
    char path[32];
    path_of(temporary, get_number(bytes + 4), ".tmp");
    path_of(path, get_number(bytes + 4), "");
    struct file *file = NULL;
    enum err e = fs_open(fs, temporary, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
    if (e != OK) return e;
    uint8_t copy[NUMBER_SIZE];
    memcpy(copy, bytes, sizeof(copy));
    struct iovec part = {.iov_base = copy, .iov_len = sizeof(copy)};
    e = file_pwritev(file, 0, &part, 1);
    if (e == OK) e = file_sync(file);
    file_unref(file);
    if (e == OK) e = fs_rename(fs, temporary, path);
    if (e == OK) e = fs_sync_dir(fs, "/");
    return e;
}

static enum err load_numbers(struct fs *fs, uint32_t numbers[CLIENTS])
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        char path[32];
        path_of(path, i, "");
        struct file *file = NULL;
        enum err e = fs_open(fs, path, FILE_READ, &file);
        if (e == ERR_NOT_FOUND) continue;
        if (e != OK) return e;
        uint8_t bytes[NUMBER_SIZE] = {0};
        size_t got = 0;
        e = file_pread(file, 0, bytes, sizeof(bytes), &got);
        file_unref(file);
        if (e != OK) return e;
        numbers[i] = got == sizeof(bytes) && get_number(bytes + 4) == i ? get_number(bytes) : 0;
    }
    // What was read may be a rename that no sync has reached yet: it must not be answered for before this.
    return fs_sync_dir(fs, "/");
}

static void session_end(struct session *session)
{
    if (session->conn != NULL) conn_close(session->conn);
    session->conn = NULL;
}

static void session_answer(struct session *session)
{
    struct iovec part = {.iov_base = session->bytes, .iov_len = NUMBER_SIZE};
    size_t sent = 0;
    // The client has nothing else under way, so there is room; a partial send is as good as none.
    if (conn_send(session->conn, &part, 1, &sent) != OK || sent != NUMBER_SIZE) {
        session_end(session);
        return;
    }
    session->have = 0;
    conn_want(session->conn, CONN_READ);
}

static void store_run(struct env_task *task, struct fs *fs)
{
    struct session *session = CONTAINER_OF(task, struct session, task);
    session->stored = store_number(fs, session->bytes);
}

static void store_done(struct env *env, struct env_task *task)
{
    struct session *session = CONTAINER_OF(task, struct session, task);
    struct server *server = session->server;
    (void)env;
    session->is_storing = false;
    if (session->stored != OK) { // a failed sync is final: stop the process, recover from the disk
        sim_node_crash(server->world->server_node, SIM_PROCESS_KILL);
        return;
    }
    uint32_t *known = &server->numbers[get_number(session->bytes + 4)];
    if (get_number(session->bytes) > *known) *known = get_number(session->bytes);
    if (session->conn != NULL) session_answer(session);
}

static void session_readable(struct env *env, struct env_conn *conn)
{
    struct session *session = conn->owner;
    size_t got = 0;
    enum err e = conn_recv(conn, session->bytes + session->have, NUMBER_SIZE - session->have, &got);
    if (e == ERR_AGAIN) return;
    if (e != OK) {
        session_end(session);
        return;
    }
    session->have += got;
    if (session->have < NUMBER_SIZE) return;
    conn_want(conn, 0);
    uint32_t client = get_number(session->bytes + 4);
    sim_check(session->server->world->at, client < CLIENTS, "garbage arrived: client %u", client);
    if (get_number(session->bytes) <= session->server->numbers[client]) {
        session_answer(session);
        return;
    }
    session->is_storing = true;
    session->task = (struct env_task){.run = store_run, .done = store_done, .lane = client + 1};
    env_task_post(env, &session->task);
}

static void session_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    (void)why;
    session_end(conn->owner);
}

static const struct conn_handler session_handler = {session_readable, NULL, session_closed};

static void accepted(struct env *env, void *context, struct env_socket *socket)
{
    struct server *server = context;
    struct session *session = ARENA_NEW(server->world->at->arena, struct session);
    session->server = server;
    session->conn = env_conn_open(env, socket, &session_handler, session);
    conn_want(session->conn, CONN_READ);
}

static void server_boot(void *context)
{
    struct world *world = context;
    struct env *env = sim_node_env(world->server_node, 0);
    struct server *server = world->server = ARENA_NEW(world->at->arena, struct server);
    server->world = world;
    struct env_listener *listener = NULL;
    if (load_numbers(env->fs, server->numbers) == OK &&
        env_listen(env, "0.0.0.0", PORT, 10, accepted, server, NULL, &listener) == OK)
        server->is_ready = true;
    else
        sim_node_crash(world->server_node, SIM_PROCESS_KILL);
}

static void server_start(struct world *world)
{
    if (!sim_node_is_up(world->server_node))
        sim_node_restart(world->server_node);
    else if (world->server != NULL)
        return;
    if (!sim_node_call(world->server_node, server_boot, world)) return;
    for (int i = 0; i < CLIENTS; i++) {
        uint32_t stored = world->server->numbers[i];
        if (stored < world->clients[i].acked) world->losses++;
        sim_trace(world->at->sim, "client %d: acked=%u stored=%u", i, world->clients[i].acked, stored);
    }
}

// ---- client ----

static void client_connect(struct env *env, struct env_timer *timer);

static void client_again(struct client *client)
{
    struct env *env = client->conn->env;
    conn_close(client->conn);
    client->conn = NULL;
    uint16_t wait_ms = 0;
    env_random(env, &wait_ms, sizeof(wait_ms));
    env_timer_after_ms(env, &client->retry, wait_ms % 500);
}

static void client_writable(struct env *env, struct env_conn *conn)
{
    struct client *client = conn->owner;
    (void)env;
    struct iovec part = {.iov_base = client->out + client->sent, .iov_len = NUMBER_SIZE - client->sent};
    size_t sent = 0;
    enum err e = conn_send(conn, &part, 1, &sent);
    if (e == ERR_CLOSED) {
        client_again(client);
        return;
    }
    if (e == OK) client->sent += sent;
    conn_want(conn, client->sent < NUMBER_SIZE ? CONN_WRITE : CONN_READ);
}

static void client_next(struct client *client)
{
    uint32_t number = client->acked + 1;
    uint32_t index = (uint32_t)client->index;
    memcpy(client->out, &number, sizeof(number));
    memcpy(client->out + 4, &index, sizeof(index));
    client->sent = 0;
    client->have = 0;
    conn_want(client->conn, CONN_WRITE);
    // A server that lost its power and came back knows nothing of the question, and TCP does not tell who only waits.
    env_timer_after_ms(client->conn->env, &client->retry, PATIENCE_MS);
}

static void client_readable(struct env *env, struct env_conn *conn)
{
    struct client *client = conn->owner;
    size_t got = 0;
    enum err e = conn_recv(conn, client->in + client->have, NUMBER_SIZE - client->have, &got);
    if (e == ERR_AGAIN) return;
    if (e != OK) {
        client_again(client);
        return;
    }
    client->have += got;
    if (client->have < NUMBER_SIZE) return;
    sim_check(client->world->at, memcmp(client->in, client->out, NUMBER_SIZE) == 0, "answer to another question");
    client->acked++;
    if (client->acked < LAST_NUMBER) {
        client_next(client);
        return;
    }
    conn_want(conn, 0);
    env_timer_cancel(env, &client->retry);
}

static void client_closed(struct env *env, struct env_conn *conn, enum err why)
{
    struct client *client = conn->owner;
    (void)env;
    (void)why;
    if (client->acked < LAST_NUMBER) client_again(client);
}

static const struct conn_handler client_handler = {client_readable, client_writable, client_closed};

static void client_connect(struct env *env, struct env_timer *timer)
{
    struct client *client = CONTAINER_OF(timer, struct client, retry);
    if (client->conn != NULL) conn_close(client->conn);
    client->conn = env_connect(env, "server", PORT, &client_handler, client);
    client_next(client);
}

static void client_boot(void *context)
{
    struct client *client = context;
    client->retry.fire = client_connect;
    env_timer_after_ms(sim_node_env(client->node, 0), &client->retry, 1);
}

// ---- the story ----

static bool all_done(void *context)
{
    const struct world *world = context;
    for (int i = 0; i < CLIENTS; i++)
        if (world->clients[i].acked < LAST_NUMBER) return false;
    return true;
}

static void trouble(struct world *world)
{
    struct sim *sim = world->at->sim;
    struct sim_node *client = world->clients[sim_below(sim, CLIENTS)].node;
    int64_t what = sim_below(sim, 8);
    enum sim_crash how = sim_buggify(sim, 50) ? SIM_POWER_CUT : SIM_PROCESS_KILL;
    if (what == 0)
        sim_node_crash(world->server_node, how);
    else if (what <= 3)
        sim_crash_at_call(world->server_node, SIM_CALL_ANY, 1 + sim_below(sim, 60), how);
    else if (what == 4)
        sim_cut(client, world->server_node);
    else if (what == 5)
        sim_cut(world->server_node, client);
    else if (what == 6)
        sim_reset_conns(client, world->server_node);
    else
        sim_heal_all(sim);
}

static void play(struct world *world, struct sim_case *at)
{
    *world = (struct world){.at = at};
    struct sim *sim = at->sim;
    world->server_node = sim_node_new(sim, "server", 1);
    server_start(world);
    for (int i = 0; i < CLIENTS; i++) {
        char name[16];
        snprintf(name, sizeof(name), "client%d", i);
        struct client *client = &world->clients[i];
        *client = (struct client){.world = world, .node = sim_node_new(sim, name, 1), .index = i};
        sim_node_call(client->node, client_boot, client);
    }
    for (int round = 0; round < ROUNDS && !all_done(world); round++) {
        sim_run_until(sim, all_done, world, 1 + sim_below(sim, 300));
        server_start(world);
        trouble(world);
    }
    // Liveness: nothing fails any more.
    sim_set_faults(sim, &(struct sim_faults){0});
    sim_crash_at_call(world->server_node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
    sim_heal_all(sim);
    server_start(world);
    sim_check(at, sim_run_until(sim, all_done, world, 120000), "no progress after healing");
    sim_node_crash(world->server_node, SIM_POWER_CUT);
    server_start(world);
}

static void count_safely(struct sim_case *at)
{
    struct world world;
    play(&world, at);
    sim_check(at, world.losses == 0, "%d times a number that was answered for was lost", world.losses);
}

// Enough power cuts in one story for a loss to be all but sure; a seed without one says nothing, so all are summed up.
static void canary(struct sim_case *at)
{
    struct world world;
    sim_set_lying_fsync(at->sim, true);
    play(&world, at);
    struct sim_stats stats = sim_stats(at->sim);
    sim_check(at, world.losses > 0 || stats.power_cuts < 4, "a lying disk went unnoticed through %lld power cuts",
              (long long)stats.power_cuts);
}

static const struct sim_scenario scenarios[] = {{"register", NULL, count_safely}, {"canary", NULL, canary}};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
