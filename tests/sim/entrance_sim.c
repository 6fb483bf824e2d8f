// SPDX-License-Identifier: Apache-2.0
// Who is let in, and for how long: max.connections, its share per address, the rate of new ones,
// connections.max.idle.ms. The callers are bare sockets, so that it shows who is heard, who waits and who is hung up
// on.
#include "broker/broker.h"
#include "server.h"

enum { WAIT_MS = 60000 };

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct sim_node *client_node;
};

static struct world *prepare(struct sim_case *at, const char *limit)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    w->at = at;
    sim_server_init(&w->server, at, (const char *[]){"log.dirs=/data", limit, NULL});
    w->client_node = sim_node_new(at->sim, "client", 1);
    sim_server_start(&w->server);
    return w;
}

static void pass(struct world *w, int64_t ms)
{
    sim_run_until(w->at->sim, NULL, NULL, ms);
}

// ---- who is let in ---------------------------------------------------------------------------------------------

struct caller {
    struct env_conn *conn;
    size_t sent; // bytes of its request
    bool is_connected;
    bool is_closed;
    bool has_answer;
};

struct party {
    struct world *w;
    struct caller callers[3];
    int count;
    int leaves;
};

static void on_readable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct caller *caller = conn->owner;
    uint8_t bytes[4096];
    size_t got = 0;
    enum err e = conn_recv(conn, bytes, sizeof(bytes), &got);
    caller->has_answer |= e == OK;
    caller->is_closed |= e == ERR_CLOSED;
    if (e == ERR_CLOSED) conn_want(conn, 0);
}

static void on_writable(struct env *env, struct env_conn *conn)
{
    (void)env;
    // ApiVersions 0 without a client id.
    static uint8_t request[] = {0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff};
    struct caller *caller = conn->owner;
    struct iovec part = {.iov_base = request + caller->sent, .iov_len = sizeof(request) - caller->sent};
    size_t sent = 0;
    caller->is_connected = true;
    enum err e = conn_send(conn, &part, 1, &sent);
    if (e == OK) caller->sent += sent;
    caller->is_closed |= e != OK && e != ERR_AGAIN;
    conn_want(conn, caller->sent < sizeof(request) ? CONN_READ | CONN_WRITE : CONN_READ);
}

static void on_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    (void)why;
    ((struct caller *)conn->owner)->is_closed = true;
}

static const struct conn_handler handler = {
    .on_readable = on_readable, .on_writable = on_writable, .on_closed = on_closed};

static void call_in(void *context)
{
    struct party *party = context;
    struct caller *caller = &party->callers[party->count++];
    caller->conn = env_connect(sim_node_env(party->w->client_node, 0), "node", 9092, &handler, caller);
    conn_want(caller->conn, CONN_READ | CONN_WRITE);
}

static void leave(void *context)
{
    struct party *party = context;
    conn_close(party->callers[party->leaves].conn);
}

static struct party *gather(struct sim_case *at, const char *limit, int count)
{
    struct party *party = ARENA_NEW(at->arena, struct party);
    party->w = prepare(at, limit);
    for (int i = 0; i < count; i++) {
        sim_node_call(party->w->client_node, call_in, party);
        pass(party->w, 500);
    }
    return party;
}

static void a_full_house(struct sim_case *at)
{
    struct party *party = gather(at, "max.connections=2", 3);
    sim_check(at, party->callers[0].has_answer && party->callers[1].has_answer, "two are heard");
    const struct caller *third = &party->callers[2];
    sim_check(at, third->is_connected && !third->is_closed && !third->has_answer, "the third waits");
    party->leaves = 1;
    sim_node_call(party->w->client_node, leave, party);
    pass(party->w, 1000);
    sim_check(at, third->has_answer && !third->is_closed, "the third is heard when the second has left");
}

static void one_address(struct sim_case *at)
{
    struct party *party = gather(at, "max.connections.per.ip=2", 3);
    sim_check(at, party->callers[0].has_answer && party->callers[1].has_answer, "two are heard");
    sim_check(at, party->callers[2].is_closed && !party->callers[2].has_answer, "the third is hung up on");
}

static void a_rate(struct sim_case *at)
{
    struct party *party = gather(at, "max.connection.creation.rate=0", 1);
    sim_check(at, !party->callers[0].has_answer && !party->callers[0].is_closed, "nobody comes in at rate 0");
}

static void idlers(struct sim_case *at)
{
    struct party *party = gather(at, "connections.max.idle.ms=5000", 2);
    pass(party->w, 3000);
    sim_check(at, !party->callers[0].is_closed && !party->callers[1].is_closed, "not idle for long");
    pass(party->w, 4000);
    sim_check(at, party->callers[0].is_closed && party->callers[1].is_closed, "idlers are hung up on");
}

static const struct sim_scenario scenarios[] = {
    {"a_full_house", sim_options_default, a_full_house},
    {"one_address", sim_options_default, one_address},
    {"a_rate", sim_options_default, a_rate},
    {"idlers", sim_options_default, idlers},
};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
