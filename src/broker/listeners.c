// SPDX-License-Identifier: Apache-2.0
#include "broker/listeners.h"

#include <stdlib.h>

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/conn.h"
#include "broker/dynamic.h"

enum { WAITING_MAX = 1024, RETRY_MS = 100, RATE_WINDOW_S = 10 };

struct held_socket { // waiting, or on its way to its shard
    struct env_msg msg;
    struct list link;
    struct env_socket *socket;
    const struct listener *listener;
};

struct caller { // an address with connections
    struct map_link by_address;
    int conn_count;
    size_t size;
    char address[];
};

// "127.0.0.1" of "127.0.0.1:51234", "::1" of "[::1]:51234".
static struct slice address_of(const char *peer)
{
    const char *colon = strrchr(peer, ':');
    size_t size = colon == NULL ? strlen(peer) : (size_t)(colon - peer);
    bool is_bracketed = size >= 2 && peer[0] == '[' && peer[size - 1] == ']';
    return is_bracketed ? slice_of(peer + 1, size - 2) : slice_of(peer, size);
}

// ---- who is there --------------------------------------------------------------------------------------------------

static struct caller *find_caller(const struct broker *broker, struct slice address)
{
    for (struct map_link *link = map_find(&broker->entrance.addresses, hash_bytes(broker->hash_seed, address));
         link != NULL; link = map_find_next(link)) {
        struct caller *caller = MAP_ITEM(link, struct caller, by_address);
        if (slice_eq(slice_of(caller->address, caller->size), address)) return caller;
    }
    return NULL;
}

static void count_in(struct broker *broker, int listener, struct slice address)
{
    struct caller *caller = find_caller(broker, address);
    if (caller == NULL) {
        caller = mem_zalloc(1, sizeof(*caller) + address.size);
        caller->size = address.size;
        memcpy(caller->address, address.data, address.size);
        map_insert(&broker->entrance.addresses, &caller->by_address, hash_bytes(broker->hash_seed, address));
    }
    caller->conn_count++;
    broker->entrance.conn_count++;
    broker->listeners[listener].conn_count++;
}

static void count_out(struct broker *broker, int listener, struct slice address)
{
    struct caller *caller = find_caller(broker, address);
    ASSERT(caller != NULL && broker->entrance.conn_count > 0);
    broker->entrance.conn_count--;
    broker->listeners[listener].conn_count--;
    if (--caller->conn_count > 0) return;
    map_remove(&broker->entrance.addresses, &caller->by_address);
    mem_free(caller);
}

// ---- limits --------------------------------------------------------------------------------------------------------

// The other brokers must get in when clients have taken all the room, if they have a listener of their own.
static bool is_protected(const struct broker *broker, const struct listener *listener)
{
    return broker->listener_count > 1 && strcmp(listener->name, config_inter_broker_listener(broker->config)) == 0;
}

static bool has_room(const struct broker *broker, const struct listener *listener)
{
    const struct shard *shard = broker->shards[0];
    int64_t own = 0;
    if (dynamic_listener_int(shard, listener->name, "max.connections", &own) && listener->conn_count >= own)
        return false;
    return is_protected(broker, listener) || broker->entrance.conn_count < dynamic_int(shard, "max.connections");
}

// "host:limit,host:limit"; the last colon counts, IPv6 has some of its own.
static int64_t limit_of_address(const struct shard *shard, struct slice address)
{
    struct slice rest = dynamic_text(shard, "max.connections.per.ip.overrides");
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        char item[128];
        size_t kept = size < sizeof(item) ? size : sizeof(item) - 1;
        memcpy(item, rest.data, kept);
        item[kept] = '\0';
        rest = comma == NULL ? SLICE_NULL : slice_of(comma + 1, rest.size - size - 1);
        const char *start = item + strspn(item, " ");
        const char *colon = strrchr(start, ':');
        if (colon == NULL || !slice_eq(address_of(start), address)) continue;
        char *end = NULL;
        long limit = strtol(colon + 1, &end, 10);
        if (end != colon + 1 && limit >= 0) return limit;
    }
    return dynamic_int(shard, "max.connections.per.ip");
}

// One more connection within the rate? A burst of ten seconds' worth is let in at once, as Kafka's sampled rate does.
static bool is_within_rate(struct broker *broker, const struct listener *listener)
{
    struct listeners *entrance = &broker->entrance;
    int64_t rate = dynamic_int(broker->shards[0], "max.connection.creation.rate");
    if (rate >= INT32_MAX || is_protected(broker, listener)) return true;
    int64_t now_ns = env_now_ns(broker->shards[0]->env);
    double most = (double)rate * RATE_WINDOW_S;
    entrance->allowance +=
        entrance->allowance_ns == 0 ? most : (double)(now_ns - entrance->allowance_ns) * 1e-9 * (double)rate;
    entrance->allowance_ns = now_ns;
    if (entrance->allowance > most) entrance->allowance = most;
    if (entrance->allowance < 1) return false;
    entrance->allowance -= 1;
    return true;
}

// ---- coming in -----------------------------------------------------------------------------------------------------

static void socket_arrives(struct env *env, struct env_msg *msg)
{
    struct held_socket *held = CONTAINER_OF(msg, struct held_socket, msg);
    struct shard *shard = shard_here(env);
    if (shard->stopping)
        env_socket_close(env, held->socket);
    else
        conn_accept(shard, held->socket, held->listener);
    mem_free(held);
}

static void hand_out(struct broker *broker, struct held_socket *held)
{
    struct shard *shard = broker->shards[broker->next_shard++ % broker->shard_count];
    held->msg.run = socket_arrives;
    env_post(shard->env, &held->msg);
}

static void admit(struct broker *broker, struct held_socket *held)
{
    struct shard *shard = broker->shards[0];
    char peer[ADDRESS_TEXT_SIZE];
    env_socket_peer(shard->env, held->socket, peer);
    struct slice address = address_of(peer);
    const struct caller *caller = find_caller(broker, address);
    int64_t limit = limit_of_address(shard, address);
    if ((caller == NULL ? 0 : caller->conn_count) >= limit) {
        log_info(broker->log, "network",
                 "Rejected connection from /%.*s, address already has the configured maximum of %lld connections.",
                 SLICE_FMT(address), (long long)limit);
        env_socket_close(shard->env, held->socket);
        mem_free(held);
        return;
    }
    if (quotas_turn_away(shard, address, held->socket)) {
        mem_free(held);
        return;
    }
    count_in(broker, (int)(held->listener - broker->listeners), address);
    hand_out(broker, held);
}

static void look_again(struct env *env, struct env_timer *timer);

// Lets in who may come, in their order.
static void let_in(struct broker *broker)
{
    struct listeners *entrance = &broker->entrance;
    if (broker->life != BROKER_RUNNING) return;
    LIST_EACH (link, &entrance->waiting) {
        struct held_socket *held = LIST_ITEM(link, struct held_socket, link);
        if (!has_room(broker, held->listener)) continue;
        if (!is_within_rate(broker, held->listener)) break;
        list_remove(link);
        entrance->waiting_count--;
        admit(broker, held);
    }
    if (list_is_empty(&entrance->waiting)) return;
    entrance->retry.fire = look_again; // limits change, and the rate allows more in time
    env_timer_after_ms(broker->shards[0]->env, &entrance->retry, RETRY_MS);
}

static void look_again(struct env *env, struct env_timer *timer)
{
    (void)timer;
    let_in(shard_here(env)->broker);
}

static void accepted(struct env *env, void *context, struct env_socket *socket)
{
    struct broker *broker = shard_here(env)->broker;
    if (broker->life > BROKER_RUNNING || broker->entrance.waiting_count == WAITING_MAX) {
        env_socket_close(env, socket);
        return;
    }
    struct held_socket *held = MEM_NEW(struct held_socket);
    held->socket = socket;
    held->listener = context;
    list_push_back(&broker->entrance.waiting, &held->link);
    broker->entrance.waiting_count++;
    let_in(broker);
}

// ---- going ---------------------------------------------------------------------------------------------------------

struct departure {
    struct env_msg msg;
    int listener;
    size_t size;
    char address[];
};

static void departed(struct env *env, struct env_msg *msg)
{
    struct departure *departure = CONTAINER_OF(msg, struct departure, msg);
    struct broker *broker = shard_here(env)->broker;
    count_out(broker, departure->listener, slice_of(departure->address, departure->size));
    mem_free(departure);
    let_in(broker);
}

void listeners_conn_ends(const struct conn *conn)
{
    struct broker *broker = conn->shard->broker;
    struct slice address = address_of(conn_peer(conn->io));
    struct departure *departure = mem_zalloc(1, sizeof(*departure) + address.size);
    departure->msg.run = departed;
    departure->listener = (int)(conn->listener - broker->listeners);
    departure->size = address.size;
    memcpy(departure->address, address.data, address.size);
    env_post(broker->shards[0]->env, &departure->msg);
}

// ---- binding -------------------------------------------------------------------------------------------------------

static const char *protocol_name(enum security_protocol protocol)
{
    static const char *const names[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    return names[protocol];
}

static enum err bind_listener(struct broker *broker, const struct config_listener *from)
{
    ASSERT(broker->listener_count < LISTENERS_MAX);
    if (from->protocol != PROTOCOL_PLAINTEXT) {
        log_error(broker->log, "broker",
                  "listener %s speaks %s, which this build does not: give it PLAINTEXT in "
                  "listener.security.protocol.map, or take it out of listeners",
                  from->name, protocol_name(from->protocol));
        return ERR_INVALID;
    }
    struct listener *listener = &broker->listeners[broker->listener_count];
    int bound = 0;
    enum err e = env_listen(broker->shards[0]->env, from->host, from->port,
                            config_get_int(broker->config, "socket.listen.backlog.size"), accepted, listener, &bound,
                            &listener->socket);
    if (e != OK) {
        if (broker->options.explain_port != NULL)
            broker->options.explain_port(broker->options.context, from->host, from->port, e);
        log_error(broker->log, "broker", "listener %s cannot bind %s:%d: %s", from->name, from->host, from->port,
                  err_text(e));
        return e;
    }
    listener->name = from->name;
    listener->is_controller = from->is_controller;
    listener->protocol = from->protocol;
    bool has_host = from->advertised_host != NULL && from->advertised_host[0] != '\0';
    listener->advertised_host = has_host ? from->advertised_host : broker->options.hostname;
    listener->advertised_port = from->advertised_port != 0 ? from->advertised_port : bound;
    listener->bound_port = bound;
    broker->listener_count++;
    return OK;
}

enum err listeners_bind(struct broker *broker)
{
    struct config_listeners all = config_get_listeners(broker->config);
    for (size_t i = 0; i < all.count; i++) {
        if (all.items[i].is_controller) continue;
        enum err e = bind_listener(broker, &all.items[i]);
        if (e != OK) return e;
    }
    return OK;
}

void listeners_open(struct broker *broker)
{
    let_in(broker);
}

void listeners_close(struct broker *broker)
{
    struct env *env = broker->shards[0]->env;
    env_timer_cancel(env, &broker->entrance.retry);
    for (int i = 0; i < broker->listener_count; i++) {
        if (broker->listeners[i].socket != NULL) env_listener_close(env, broker->listeners[i].socket);
        broker->listeners[i].socket = NULL;
    }
    for (struct list *link; (link = list_pop_front(&broker->entrance.waiting)) != NULL;) {
        struct held_socket *held = LIST_ITEM(link, struct held_socket, link);
        env_socket_close(env, held->socket);
        mem_free(held);
    }
    broker->entrance.waiting_count = 0;
    quotas_close_turned(broker->shards[0]);
}

void listeners_deinit(struct broker *broker)
{
    MAP_EACH (link, &broker->entrance.addresses) mem_free(MAP_ITEM(link, struct caller, by_address));
    map_deinit(&broker->entrance.addresses);
}
