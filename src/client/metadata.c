// SPDX-License-Identifier: Apache-2.0
// What is known of the cluster: brokers, and the topics somebody wanted. Refreshed when asked for (with back-off after
// failures) and when it is older than metadata.max.age.ms. Only wanted topics are asked for.
#include "client/client_int.h"

#include "proto/apis.h"
#include "proto/metadata.h"

enum { HASH_SEED = 0x6f647261 };

static void on_refresh_timer(struct env *env, struct env_timer *timer);
static void on_answer(struct client *client, struct client_call *call);

void client_metadata_start(struct client *client)
{
    list_init(&client->listeners);
    client->controller_id = -1;
    client->refresh_timer.fire = on_refresh_timer;
}

static void topic_clear(struct topic_entry *entry)
{
    mem_free(entry->topic.partitions);
    entry->topic.partitions = NULL;
    entry->topic.partition_count = 0;
}

void client_metadata_deinit(struct client *client)
{
    env_timer_cancel(client->env, &client->refresh_timer);
    MAP_EACH (link, &client->topics_by_name) {
        struct topic_entry *entry = MAP_ITEM(link, struct topic_entry, by_name);
        topic_clear(entry);
        mem_free(entry->name);
        map_remove(&client->topics_by_name, link);
        mem_free(entry);
    }
    map_deinit(&client->topics_by_name);
    map_deinit(&client->topics_by_id);
    client_call_deinit(&client->refresh_call);
    arena_deinit(&client->refresh_arena);
}

struct client_node *client_node_find(struct client *client, int32_t id)
{
    if (id < 0) return NULL;
    LIST_EACH (link, &client->nodes) {
        struct client_node *node = LIST_ITEM(link, struct client_node, link);
        if (node->id == id && node->is_listed) return node;
    }
    return NULL;
}

bool client_address(struct client *client, int32_t node_id, struct slice *host, int *port)
{
    const struct client_node *node = client_node_find(client, node_id);
    if (node == NULL) return false;
    *host = slice_str(node->host);
    *port = node->port;
    return true;
}

void client_add_node(struct client *client, int32_t node_id, struct slice host, int port)
{
    ASSERT(node_id >= 0);
    struct client_node *node = client_node_find(client, node_id);
    if (node == NULL) {
        node = node_new(client, node_id, host, port);
        node->is_added = true;
        list_push_back(&client->nodes, &node->link);
    }
    node_move(node, host, port);
}

bool client_has_cluster(const struct client *client)
{
    return client->has_cluster;
}

// ---- topics ----------------------------------------------------------------------------------------------------

static struct topic_entry *find_entry(struct client *client, struct slice name)
{
    struct map_link *l = map_find(&client->topics_by_name, hash_bytes(HASH_SEED, name));
    for (; l != NULL; l = map_find_next(l)) {
        struct topic_entry *entry = MAP_ITEM(l, struct topic_entry, by_name);
        if (slice_eq(entry->topic.name, name)) return entry;
    }
    return NULL;
}

const struct client_topic *client_topic(struct client *client, struct slice name)
{
    struct topic_entry *entry = find_entry(client, name);
    return entry != NULL && entry->is_answered ? &entry->topic : NULL;
}

const struct client_topic *client_topic_by_id(struct client *client, struct uuid id)
{
    struct map_link *l = map_find(&client->topics_by_id, hash_bytes(HASH_SEED, slice_of(id.bytes, sizeof(id.bytes))));
    for (; l != NULL; l = map_find_next(l)) {
        struct topic_entry *entry = MAP_ITEM(l, struct topic_entry, by_id);
        if (uuid_eq(entry->topic.id, id)) return &entry->topic;
    }
    return NULL;
}

void client_want_topic(struct client *client, struct slice name)
{
    if (find_entry(client, name) != NULL) return;
    struct topic_entry *entry = MEM_NEW(struct topic_entry);
    entry->name = mem_alloc(name.size + 1);
    memcpy(entry->name, name.data, name.size);
    entry->name[name.size] = '\0';
    entry->topic.name = slice_of(entry->name, name.size);
    map_insert(&client->topics_by_name, &entry->by_name, hash_bytes(HASH_SEED, name));
    client_refresh(client);
}

static void set_id(struct client *client, struct topic_entry *entry, struct uuid id)
{
    if (entry->has_id && uuid_eq(entry->topic.id, id)) return;
    if (entry->has_id) map_remove(&client->topics_by_id, &entry->by_id);
    entry->has_id = !uuid_is_zero(id);
    entry->topic.id = id;
    if (!entry->has_id) return;
    map_insert(&client->topics_by_id, &entry->by_id, hash_bytes(HASH_SEED, slice_of(id.bytes, sizeof(id.bytes))));
}

static void take_partitions(struct topic_entry *entry, const struct metadata_response_metadata_response_topic *from)
{
    struct client_topic *topic = &entry->topic;
    int32_t count = from->partitions.count < 0 ? 0 : from->partitions.count;
    struct client_partition *partitions = mem_zalloc((size_t)count + 1, sizeof(*partitions));
    for (int32_t i = 0; i < count; i++) {
        partitions[i] = (struct client_partition){.leader = -1, .leader_epoch = -1, .err = ERR_LEADER_NOT_AVAILABLE};
    }
    for (int32_t i = 0; i < count; i++) {
        const struct metadata_response_metadata_response_partition *p = &from->partitions.items[i];
        if (p->partition_index < 0 || p->partition_index >= count) continue;
        struct client_partition next = {
            .leader = p->leader_id, .leader_epoch = p->leader_epoch, .err = (enum err)p->error_code};
        // An answer of a broker that lags behind the one we asked before must not lead us back (KIP-320).
        if (p->partition_index < topic->partition_count && p->leader_epoch >= 0) {
            const struct client_partition *old = &topic->partitions[p->partition_index];
            if (old->leader_epoch > p->leader_epoch) next = *old;
        }
        partitions[p->partition_index] = next;
    }
    topic_clear(entry);
    topic->partitions = partitions;
    topic->partition_count = count;
}

static void take_topic(struct client *client, const struct metadata_response_metadata_response_topic *from)
{
    struct topic_entry *entry = find_entry(client, from->name);
    if (entry == NULL) return;
    entry->is_answered = true;
    entry->topic.is_internal = from->is_internal;
    if (!uuid_eq(entry->topic.id, from->topic_id)) topic_clear(entry); // made anew: old epochs say nothing
    if (from->error_code == OK) set_id(client, entry, from->topic_id);
    entry->topic.err = (enum err)from->error_code;
    // While a topic is being created, or its leader elected, what is known of its partitions stays.
    if (from->error_code == OK)
        take_partitions(entry, from);
    else if (from->error_code == ERR_UNKNOWN_TOPIC_OR_PARTITION)
        topic_clear(entry);
}

static void log_trouble(struct client *client, const struct client_call *call)
{
    const struct metadata_response *answer = call->response;
    struct text list = {0}, invalid = {0};
    for (int32_t i = 0; i < answer->topics.count; i++) {
        const struct metadata_response_metadata_response_topic *topic = &answer->topics.items[i];
        if (topic->error_code == OK) continue;
        if (topic->error_code == ERR_INVALID_TOPIC_EXCEPTION) {
            text_printf(&invalid, "%s%.*s", invalid.size > 0 ? ", " : "", SLICE_FMT(topic->name));
        }
        if (list.size > 0) text_add_str(&list, ", ");
        text_printf(&list, "%.*s=%s", SLICE_FMT(topic->name), err_name((enum err)topic->error_code));
    }
    const char *name = client->config.log_name;
    if (list.size > 0 && name != NULL) {
        log_warn(client->config.log, "org.apache.kafka.clients.NetworkClient",
                 "%s The metadata response from the cluster reported a recoverable issue with correlation id %d : {%s}",
                 name, call->correlation_id, text_cstr(&list));
    }
    if (invalid.size > 0 && name != NULL) {
        log_error(client->config.log, "org.apache.kafka.clients.Metadata",
                  "%s Metadata response reported invalid topics [%s]", name, text_cstr(&invalid));
    }
    text_deinit(&list);
    text_deinit(&invalid);
}

// ---- refreshing ------------------------------------------------------------------------------------------------

static void take_brokers(struct client *client, const struct metadata_response *answer)
{
    if (answer->brokers.count <= 0) return;
    LIST_EACH (link, &client->nodes) {
        struct client_node *node = LIST_ITEM(link, struct client_node, link);
        node->is_listed = node->is_added;
    }
    for (int32_t i = 0; i < answer->brokers.count; i++) {
        const struct metadata_response_metadata_response_broker *broker = &answer->brokers.items[i];
        if (broker->node_id < 0 || broker->host.size == 0) continue;
        struct client_node *node = NULL;
        LIST_EACH (link, &client->nodes) {
            struct client_node *candidate = LIST_ITEM(link, struct client_node, link);
            if (candidate->id == broker->node_id) node = candidate;
        }
        if (node == NULL) {
            node = node_new(client, broker->node_id, broker->host, broker->port);
            list_push_back(&client->nodes, &node->link);
        }
        node->is_listed = true;
        node_move(node, broker->host, broker->port);
    }
    client->controller_id = answer->controller_id;
    client->has_cluster = true;
}

static void ask(struct client *client)
{
    struct arena *arena = &client->refresh_arena;
    arena_reset(arena);
    struct metadata_request *request = ARENA_NEW(arena, struct metadata_request);
    *request = metadata_request_init();
    request->allow_auto_topic_creation = client->config.allow_topic_creation;
    struct metadata_request_metadata_request_topic *topics =
        ARENA_ARRAY(arena, struct metadata_request_metadata_request_topic, client->topics_by_name.count + 1);
    int32_t count = 0;
    MAP_EACH (link, &client->topics_by_name) {
        topics[count] = metadata_request_metadata_request_topic_init();
        topics[count++].name = MAP_ITEM(link, struct topic_entry, by_name)->topic.name;
    }
    request->topics.items = topics;
    request->topics.count = count;
    struct client_call *call = &client->refresh_call;
    client_call_deinit(call);
    call->api_key = API_METADATA;
    call->node_id = CLIENT_ANY;
    call->version_min = 1; // in version 0 no topics means all topics
    call->request = request;
    call->done = on_answer;
    client->refresh_is_due = false;
    client->refresh_is_open = true;
    client_call(client, call);
}

static void schedule(struct client *client)
{
    if (client->refresh_is_open || client->is_freeing) return;
    const struct client_config *config = &client->config;
    int64_t wait_ms = config->metadata_max_age_ms;
    if (client->refresh_is_due) {
        int64_t since_ms = (env_now_ns(client->env) - client->last_refresh_ns) / 1000000;
        wait_ms = 0;
        if (client->last_refresh_ns != 0) {
            int failures = client->refresh_failures > 0 ? client->refresh_failures : 1;
            wait_ms = backoff_ms(client, config->retry_backoff_ms, config->retry_backoff_max_ms, failures) - since_ms;
        }
        if (wait_ms < 0) wait_ms = 0;
    }
    env_timer_after_ms(client->env, &client->refresh_timer, wait_ms);
}

static void on_refresh_timer(struct env *env, struct env_timer *timer)
{
    (void)env;
    ask(CONTAINER_OF(timer, struct client, refresh_timer));
}

void client_refresh(struct client *client)
{
    if (client->refresh_is_due) return;
    client->refresh_is_due = true;
    schedule(client);
}

// Topics that were wanted after the request had left are asked for at once; those that may yet appear (they are being
// created, or were a moment ago) with back-off for as long as they are wanted.
static void look_for_missing(struct client *client)
{
    bool is_new = false, is_missing = false;
    MAP_EACH (link, &client->topics_by_name) {
        const struct topic_entry *entry = MAP_ITEM(link, struct topic_entry, by_name);
        is_new = is_new || !entry->is_answered;
        is_missing = is_missing || (entry->is_answered && entry->topic.err != OK && err_is_retriable(entry->topic.err));
    }
    client->refresh_failures = is_missing ? client->refresh_failures + 1 : 0;
    client->refresh_is_due = client->refresh_is_due || is_new || is_missing;
    if (is_new) client->last_refresh_ns = 0;
}

static void on_answer(struct client *client, struct client_call *call)
{
    client->refresh_is_open = false;
    if (client->is_freeing) return;
    client->last_refresh_ns = env_now_ns(client->env);
    const struct metadata_response *answer = call->response;
    if (call->err == OK && answer->error_code == OK) {
        take_brokers(client, answer);
        log_trouble(client, call);
        for (int32_t i = 0; i < answer->topics.count; i++) take_topic(client, &answer->topics.items[i]);
        look_for_missing(client);
    } else {
        client->refresh_failures++;
        client->refresh_is_due = true;
    }
    schedule(client);
    LIST_EACH (link, &client->listeners) {
        struct client_listener *listener = LIST_ITEM(link, struct client_listener, link);
        listener->changed(client, listener);
    }
}

void client_listen(struct client *client, struct client_listener *listener)
{
    list_push_back(&client->listeners, &listener->link);
}

void client_unlisten(struct client_listener *listener)
{
    list_remove(&listener->link);
}
