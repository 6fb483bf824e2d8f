// SPDX-License-Identifier: Apache-2.0
// Calls: their life from client_call to `done`, and which broker they go to.
//
//   unrouted -> node->queued -> node->waiting -> finished -> done
//
// A call is in exactly one of these lists while it is open. `done` runs from the turn timer only, so nobody's state
// changes under the feet of a caller.
#include "client/client_int.h"

static const struct client_config defaults = {
    .request_timeout_ms = 30000,
    .connect_timeout_ms = 10000,
    .metadata_max_age_ms = 300000,
    .retry_backoff_ms = 100,
    .retry_backoff_max_ms = 1000,
    .reconnect_backoff_ms = 50,
    .reconnect_backoff_max_ms = 1000,
    .allow_topic_creation = true,
};

void client_config_init(struct client_config *config)
{
    *config = defaults;
}

enum err client_parse_address(struct slice text, struct slice *host, int *port)
{
    size_t colon = text.size;
    while (colon > 0 && text.data[colon - 1] != ':') colon--;
    if (colon < 2 || colon == text.size) return ERR_INVALID;
    struct slice name = slice_of(text.data, colon - 1);
    int number = 0;
    for (size_t i = colon; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return ERR_INVALID;
        number = number * 10 + (text.data[i] - '0');
        if (number > 65535) return ERR_INVALID;
    }
    bool bracketed = name.data[0] == '[';
    if (bracketed) {
        if (name.size < 3 || name.data[name.size - 1] != ']') return ERR_INVALID;
        name = slice_of(name.data + 1, name.size - 2);
    }
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        if (c <= ' ' || c == '/' || c == '@' || (c == ':' && !bracketed)) return ERR_INVALID;
    }
    *host = name;
    *port = number;
    return OK;
}

static enum err add_bootstrap(struct client *client, struct text *problem)
{
    struct slice rest = slice_str(client->bootstrap);
    int32_t id = -1;
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        struct slice one = slice_of(rest.data, size);
        rest = slice_of(rest.data + size + (comma != NULL), rest.size - size - (comma != NULL));
        while (one.size > 0 && one.data[0] == ' ') one = slice_of(one.data + 1, one.size - 1);
        while (one.size > 0 && one.data[one.size - 1] == ' ') one.size--;
        if (one.size == 0) continue;
        struct slice host;
        int port;
        if (client_parse_address(one, &host, &port) != OK) {
            if (problem != NULL) text_printf(problem, "Invalid url in bootstrap.servers: %.*s", SLICE_FMT(one));
            return ERR_INVALID;
        }
        list_push_back(&client->nodes, &node_new(client, id--, host, port)->link);
    }
    if (!list_is_empty(&client->nodes)) return OK;
    if (problem != NULL) text_add_str(problem, "No resolvable bootstrap urls given in bootstrap.servers");
    return ERR_INVALID;
}

static char *copy_string(struct slice text)
{
    if (slice_is_null(text)) return NULL;
    char *copy = mem_alloc(text.size + 1);
    if (text.size > 0) memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

static void turn(struct env *env, struct env_timer *timer);

enum err client_new(struct env *env, const struct client_config *config, struct text *problem, struct client **out)
{
    struct client *client = MEM_NEW(struct client);
    client->env = env;
    client->config = *config;
    struct slice none = SLICE("");
    client->bootstrap = copy_string(slice_is_null(config->bootstrap) ? none : config->bootstrap);
    client->client_id = copy_string(config->client_id);
    client->config.bootstrap = slice_str(client->bootstrap);
    client->config.client_id = slice_str(client->client_id);
    client->turn.fire = turn;
    list_init(&client->nodes);
    list_init(&client->unrouted);
    list_init(&client->finished);
    client_metadata_start(client);
    enum err e = add_bootstrap(client, problem);
    if (e != OK) {
        client_free(client);
        return e;
    }
    *out = client;
    return OK;
}

static void finish_all(struct client *client)
{
    struct list *link;
    while ((link = list_pop_front(&client->finished)) != NULL) {
        struct client_call *call = LIST_ITEM(link, struct client_call, link);
        call->done(client, call);
    }
}

void client_free(struct client *client)
{
    if (client == NULL) return;
    client->is_freeing = true;
    LIST_EACH(link, &client->nodes) node_drop(LIST_ITEM(link, struct client_node, link), ERR_CLOSED);
    LIST_EACH(link, &client->unrouted)
    {
        list_remove(link);
        call_finish(client, LIST_ITEM(link, struct client_call, link), ERR_CLOSED);
    }
    finish_all(client);
    client_metadata_deinit(client);
    env_timer_cancel(client->env, &client->turn);
    struct list *link;
    while ((link = list_pop_front(&client->nodes)) != NULL) node_free(LIST_ITEM(link, struct client_node, link));
    mem_free(client->bootstrap);
    mem_free(client->client_id);
    mem_free(client);
}

struct env *client_env(struct client *client)
{
    return client->env;
}

const struct client_config *client_config(const struct client *client)
{
    return &client->config;
}

void client_turn_soon(struct client *client)
{
    if (client->turn_is_set) return;
    client->turn_is_set = true;
    env_timer_set_ns(client->env, &client->turn, env_now_ns(client->env));
}

// base, 2*base, 4*base ... up to max, each spread by +-20 % so that clients of one failed broker do not come back
// together.
int64_t backoff_ms(struct client *client, int32_t base_ms, int32_t max_ms, int failures)
{
    int64_t wait = base_ms;
    for (int i = 1; i < failures && wait < max_ms; i++) wait *= 2;
    if (wait > max_ms) wait = max_ms;
    uint32_t noise;
    env_random(client->env, &noise, sizeof(noise));
    return wait * (80 + noise % 41) / 100;
}

// ---- calls -----------------------------------------------------------------------------------------------------

static void call_expired(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_call *call = CONTAINER_OF(timer, struct client_call, timer);
    struct client *client = call->client;
    struct client_node *node = call->node;
    list_remove(&call->link);
    if (node != NULL) {
        node->in_flight--;
        bool has_left = call->out_done > 0 || call->out_part > 0 || call->sent_ns != 0;
        call->node = NULL;
        // Answers come in order: one that is given up leaves no way to skip it but a new connection.
        if (has_left) node_drop(node, ERR_NETWORK_EXCEPTION);
    }
    call_finish(client, call, ERR_REQUEST_TIMED_OUT);
}

void client_call(struct client *client, struct client_call *call)
{
    ASSERT(call->done != NULL && call->request != NULL && !list_is_linked(&call->link));
    ASSERT(call->api_key >= 0 && call->api_key < CLIENT_APIS_MAX);
    int32_t timeout_ms = call->timeout_ms > 0 ? call->timeout_ms : client->config.request_timeout_ms;
    call->client = client;
    call->node = NULL;
    call->err = OK;
    call->was_sent = false;
    call->response = NULL;
    call->tries = 0;
    call->out_part = 0;
    call->out_done = 0;
    call->sent_ns = 0;
    call->deadline_ns = env_now_ns(client->env) + (int64_t)timeout_ms * 1000000;
    call->timer.fire = call_expired;
    env_timer_set_ns(client->env, &call->timer, call->deadline_ns);
    list_push_back(&client->unrouted, &call->link);
    client_turn_soon(client);
}

void call_finish(struct client *client, struct client_call *call, enum err err)
{
    env_timer_cancel(client->env, &call->timer);
    call->node = NULL;
    call->err = err;
    list_push_back(&client->finished, &call->link);
    client_turn_soon(client);
}

void call_lost(struct client *client, struct client_call *call, enum err err)
{
    bool was_in_flight = call->sent_ns != 0;
    call->node = NULL;
    call->sent_ns = 0;
    call->out_part = 0;
    call->out_done = 0;
    if (client->is_freeing) err = ERR_CLOSED;
    bool roams = call->node_id == CLIENT_ANY || call->node_id == CLIENT_CONTROLLER;
    if (!roams || err == ERR_CLOSED || call == &client->refresh_call) {
        call_finish(client, call, err);
        return;
    }
    if (was_in_flight) call->tries++;
    list_push_back(&client->unrouted, &call->link);
    client_turn_soon(client);
}

void client_call_cancel(struct client *client, struct client_call *call)
{
    ASSERT(list_is_linked(&call->link));
    list_remove(&call->link);
    env_timer_cancel(client->env, &call->timer);
    struct client_node *node = call->node;
    if (node == NULL) return;
    node->in_flight--;
    call->node = NULL;
    if (call->sent_ns != 0 || call->out_part > 0 || call->out_done > 0) node_drop(node, ERR_NETWORK_EXCEPTION);
}

void client_call_deinit(struct client_call *call)
{
    arena_deinit(&call->arena);
    text_deinit(&call->frame);
    call->response = NULL;
}

// ---- routing ---------------------------------------------------------------------------------------------------

static int64_t rank(const struct client_node *node)
{
    switch (node->state) {
    case NODE_READY: return node->in_flight;
    case NODE_VERSIONS: return 1000000 + node->in_flight;
    case NODE_CONNECTING: return 2000000 + node->in_flight;
    case NODE_IDLE: return 3000000 + (int64_t)node->failures;
    case NODE_BACKOFF: return 4000000 + (int64_t)node->failures;
    }
    return INT64_MAX;
}

// The node that can answer soonest. Bootstrap addresses serve until metadata names brokers, and again when none of
// the brokers it named can be reached.
static struct client_node *least_loaded(struct client *client)
{
    size_t count = 0;
    LIST_EACH(link, &client->nodes) count++;
    size_t start = client->rotation++ % count, at = 0;
    struct client_node *best = NULL;
    int64_t best_rank = INT64_MAX;
    LIST_EACH(link, &client->nodes)
    {
        struct client_node *node = LIST_ITEM(link, struct client_node, link);
        if (node->is_added) continue;
        // Ties go round: who comes first moves by one with every choice.
        int64_t r = rank(node) * 1024 + (int64_t)((at++ + count - start) % count);
        if (!node->is_listed && node->state != NODE_READY) r += INT64_C(5000000) * 1024;
        if (r < best_rank) {
            best = node;
            best_rank = r;
        }
    }
    return best;
}

static void route(struct client *client, struct client_call *call)
{
    struct client_node *node;
    if (call->node_id >= 0) {
        node = client_node_find(client, call->node_id);
        if (node == NULL) {
            call_finish(client, call, ERR_BROKER_NOT_AVAILABLE);
            return;
        }
    } else {
        node = call->node_id == CLIENT_CONTROLLER ? client_node_find(client, client->controller_id) : NULL;
        if (node == NULL || node->state == NODE_BACKOFF) node = least_loaded(client);
    }
    node_submit(node, call);
}

static void turn(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client *client = CONTAINER_OF(timer, struct client, turn);
    client->turn_is_set = false;
    finish_all(client);
    struct list routed;
    list_init(&routed);
    list_append_all(&routed, &client->unrouted);
    struct list *link;
    while ((link = list_pop_front(&routed)) != NULL) route(client, LIST_ITEM(link, struct client_call, link));
    LIST_EACH(at, &client->nodes) node_flush(LIST_ITEM(at, struct client_node, link));
}

// ---- waiting ---------------------------------------------------------------------------------------------------

struct waiter {
    struct client_call *call;
    bool is_done;
};

static void wait_done(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct waiter *)call->context)->is_done = true;
}

static bool waiter_is_done(void *context)
{
    return ((struct waiter *)context)->is_done;
}

enum err client_call_wait(struct client *client, client_run_until *run_until, struct client_call *call)
{
    struct waiter waiter = {.call = call};
    call->done = wait_done;
    call->context = &waiter;
    client_call(client, call);
    run_until(client->env, waiter_is_done, &waiter);
    if (!waiter.is_done) { // the host was told to stop
        client_call_cancel(client, call);
        call->err = ERR_CLOSED;
    }
    return call->err;
}
