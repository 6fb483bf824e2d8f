// SPDX-License-Identifier: Apache-2.0
#include "broker/alter_configs.h"

#include "broker/broker_int.h"
#include "broker/loggers.h"
#include "broker/topics.h"

static void refuse(struct alter_resource *resource, enum err error, const char *message)
{
    resource->is_done = true;
    resource->error = error;
    resource->message = message;
}

// What was named before; hashed, since a request may name very many.
struct named {
    struct map_link link;
    struct slice name;
    struct alter_resource *resource;
};

static struct named *find_named(const struct map *map, uint64_t hash, int8_t type, struct slice name)
{
    for (struct map_link *link = map_find(map, hash); link != NULL; link = map_find_next(link)) {
        struct named *named = MAP_ITEM(link, struct named, link);
        if (named->resource->type == type && slice_eq(named->name, name)) return named;
    }
    return NULL;
}

static void find_doubles(struct request *request, struct alter_resource *resources, int32_t count)
{
    struct map map = {0};
    struct named *all = ARENA_ARRAY(&request->arena, struct named, count);
    for (int32_t i = 0; i < count; i++) {
        uint64_t hash = hash_bytes(request->shard->broker->hash_seed, resources[i].name);
        struct named *before = find_named(&map, hash, resources[i].type, resources[i].name);
        all[i] = (struct named){.name = resources[i].name, .resource = &resources[i]};
        if (before == NULL) {
            map_insert(&map, &all[i].link, hash);
            continue;
        }
        refuse(&resources[i], ERR_INVALID_REQUEST, "Each resource must appear at most once.");
        refuse(before->resource, ERR_INVALID_REQUEST, "Each resource must appear at most once.");
    }
    map_deinit(&map);
}

static bool has_double_key(struct request *request, struct alter_resource *resource)
{
    struct map map = {0};
    struct named *all = ARENA_ARRAY(&request->arena, struct named, resource->change_count);
    bool has_double = false;
    for (int32_t i = 0; i < resource->change_count && !has_double; i++) {
        uint64_t hash = hash_bytes(request->shard->broker->hash_seed, resource->changes[i].name);
        has_double = find_named(&map, hash, resource->type, resource->changes[i].name) != NULL;
        all[i] = (struct named){.name = resource->changes[i].name, .resource = resource};
        map_insert(&map, &all[i].link, hash);
    }
    map_deinit(&map);
    return has_double;
}

static const char *null_values(const struct alter_resource *resource, struct arena *arena)
{
    struct text names = {0};
    for (int32_t i = 0; i < resource->change_count; i++) {
        const struct config_change *c = &resource->changes[i];
        if (c->operation == CONFIG_DELETE || !slice_is_null(c->value)) continue;
        text_add_str(&names, names.size == 0 ? "Null value not supported for : " : ", ");
        text_add(&names, c->name);
    }
    const char *sentence = names.size == 0 ? NULL : arena_str(arena, text_slice(&names));
    text_deinit(&names);
    return sentence;
}

// As Java's parseInt.
static bool read_id(struct slice name, int64_t *out)
{
    size_t at = name.size > 0 && (name.data[0] == '-' || name.data[0] == '+') ? 1 : 0;
    if (at == name.size) return false;
    int64_t id = 0;
    for (; at < name.size; at++) {
        if (name.data[at] < '0' || name.data[at] > '9') return false;
        id = id * 10 + (name.data[at] - '0');
        if (id > INT32_MAX) return false;
    }
    *out = name.data[0] == '-' ? -id : id;
    return true;
}

// True: the resource is this node.
static bool is_own(struct request *request, struct alter_resource *resource, const char *mismatch)
{
    int64_t id = 0;
    if (!read_id(resource->name, &id)) {
        refuse(resource, ERR_INVALID_REQUEST,
               arena_printf(&request->arena, "Node id must be an integer, but it is: %.*s", SLICE_FMT(resource->name)));
        return false;
    }
    if (id == request->shard->broker->node_id) return true;
    refuse(resource, ERR_INVALID_REQUEST,
           arena_printf(&request->arena, mismatch, request->shard->broker->node_id, SLICE_FMT(resource->name)));
    return false;
}

static void prepare_broker(struct request *request, struct alter_resource *resource, bool replaces)
{
    struct shard *shard = request->shard;
    bool is_broker = resource->name.size > 0;
    if (is_broker && !is_own(request, resource, "Unexpected broker id, expected %d, but received %.*s")) return;
    struct config_dynamic dynamic = image_dynamic(shard->image, shard->broker->node_id, &request->arena);
    struct config_pairs current = {0};
    if (!replaces) current = is_broker ? dynamic.broker : dynamic.cluster;
    const char *why = NULL;
    enum err e = config_check_broker_changes(shard->broker->config, &dynamic, is_broker, current, resource->changes,
                                             (size_t)resource->change_count, &request->arena, &why);
    if (e != OK) refuse(resource, e, why);
}

static void prepare_loggers(struct request *request, struct alter_resource *resource, bool is_validation)
{
    if (!authorize(&request->ctx, ACL_ALTER_CONFIGS, ACL_CLUSTER, SLICE("kafka-cluster"))) {
        refuse(resource, ERR_CLUSTER_AUTHORIZATION_FAILED, NULL);
        return;
    }
    if (!is_own(request, resource, "Unexpected node id. Expected %d, but received %.*s")) return;
    for (int32_t i = 0; i < resource->change_count; i++) {
        const char *why = NULL;
        enum err e = loggers_check(&resource->changes[i], &request->arena, &why);
        if (e == OK) continue;
        refuse(resource, e, why);
        return;
    }
    for (int32_t i = 0; i < resource->change_count && !is_validation; i++)
        loggers_change(request->shard->log, &resource->changes[i]);
    refuse(resource, OK, NULL); // done, and nothing was wrong
}

static void prepare(struct request *request, struct alter_resource *resource, bool replaces, bool is_validation)
{
    enum { CHANGES_MAX = 10000 }; // as many records as one operation may write (kafka-internals D8)
    if (resource->change_count > CHANGES_MAX) {
        refuse(resource, ERR_POLICY_VIOLATION, "Unable to perform excessively large batch operation.");
        return;
    }
    const char *nulls = null_values(resource, &request->arena);
    if (has_double_key(request, resource))
        refuse(resource, ERR_INVALID_REQUEST, "Error due to duplicate config keys");
    else if (nulls != NULL)
        refuse(resource, ERR_INVALID_REQUEST, nulls);
    else if (resource->type == CONFIG_BROKER_LOGGER && !replaces)
        prepare_loggers(request, resource, is_validation);
    else if (resource->type == CONFIG_BROKER)
        prepare_broker(request, resource, replaces);
    else if (resource->type != CONFIG_TOPIC && resource->type != CONFIG_CLIENT_METRICS &&
             resource->type != CONFIG_GROUP)
        refuse(resource, ERR_INVALID_REQUEST,
               arena_printf(&request->arena, "Unknown resource type %d", resource->type));
}

void alter_configs_prepare(struct request *request, struct alter_resource *resources, int32_t count, bool replaces,
                           bool is_validation)
{
    find_doubles(request, resources, count);
    for (int32_t i = 0; i < count; i++)
        if (!resources[i].is_done) prepare(request, &resources[i], replaces, is_validation);
}

void alter_configs_hand_on(struct request *request, const void *rest, forward_done *answered)
{
    struct slice bytes;
    if (wire_encode_bytes(request->api->request, request->version, rest, &request->arena, &bytes) != OK)
        request_disconnect(request, "the request cannot be handed on");
    else
        forward_call(request->shard, request->api->key, (int16_t)request->version, bytes, false, answered, request);
}

bool alter_configs_decode(struct request *request, enum err result, struct slice answer, void *response)
{
    if (result == OK)
        result = wire_decode(request->api->response, request->version, answer, &request->arena, response, NULL);
    if (result != OK) request_disconnect(request, err_text(result));
    return result == OK;
}

void alter_configs_take(struct request *request, struct alter_resource *resource, int16_t error_code,
                        struct slice message)
{
    resource->error = (enum err)error_code;
    resource->message = slice_is_null(message) ? NULL : arena_str(&request->arena, message);
}
