// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs: what holds for a topic, a broker, a group or a metrics subscription, where each value comes from and
// what it hides (config/describe.h); the levels of this node's loggers.
#include "proto/describe_configs.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/topics.h"
#include "config/describe.h"
#include "meta/decide.h"

static void fail(struct describe_configs_response_describe_configs_result *out, enum err why, const char *text)
{
    out->error_code = err_to_wire(why);
    out->error_message = slice_str(text);
}

// What DescribeConfigs was asked about one resource.
struct question {
    struct request *request;
    const struct describe_configs_request_describe_configs_resource *in;
    const struct slice *keys;
    size_t key_count;
    struct config_dynamic dynamic;
    struct describe_configs_response_describe_configs_result *out;
};

static void add_synonyms(struct request *request, const struct config_entry *entry,
                         struct describe_configs_response_describe_configs_resource_result *out)
{
    out->synonyms.count = (int32_t)entry->synonym_count;
    out->synonyms.items =
        ARENA_ARRAY(&request->arena, struct describe_configs_response_describe_configs_synonym, entry->synonym_count);
    for (size_t i = 0; i < entry->synonym_count; i++) {
        out->synonyms.items[i].name = slice_str(entry->synonyms[i].name);
        out->synonyms.items[i].value = slice_str(entry->synonyms[i].value);
        out->synonyms.items[i].source = (int8_t)entry->synonyms[i].source;
    }
}

static void add_entries(struct question *q, const struct config_entries *entries)
{
    struct request *request = q->request;
    const struct describe_configs_request *body = request->body;
    q->out->configs.count = (int32_t)entries->count;
    q->out->configs.items =
        ARENA_ARRAY(&request->arena, struct describe_configs_response_describe_configs_resource_result, entries->count);
    for (size_t i = 0; i < entries->count; i++) {
        const struct config_entry *entry = &entries->items[i];
        struct describe_configs_response_describe_configs_resource_result *config = &q->out->configs.items[i];
        *config = describe_configs_response_describe_configs_resource_result_init();
        config->name = slice_str(entry->name);
        config->value = slice_str(entry->value);
        config->read_only = entry->is_read_only;
        config->config_source = (int8_t)entry->source;
        config->is_sensitive = entry->is_sensitive;
        config->config_type = (int8_t)entry->type;
        config->documentation = SLICE_NULL;
        if (body->include_documentation)
            config->documentation =
                slice_str(config_documentation((enum config_resource)q->in->resource_type, entry->name));
        if (body->include_synonyms) add_synonyms(request, entry, config);
    }
}

static void describe_topic(struct question *q)
{
    struct shard *shard = q->request->shard;
    struct arena *arena = &q->request->arena;
    const char *problem = topic_name_problem(q->in->resource_name, arena);
    if (problem != NULL) {
        fail(q->out, ERR_INVALID_TOPIC_EXCEPTION, arena_printf(arena, "Topic name is invalid: %s", problem));
        return;
    }
    if (image_topic_by_name(shard->image, q->in->resource_name) == NULL) {
        q->out->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    struct config_pairs overrides = image_config_pairs(shard->image, IMAGE_RESOURCE_TOPIC, q->in->resource_name, arena);
    struct config_entries entries;
    config_describe_topic(shard->broker->config, &q->dynamic, overrides, q->keys, q->key_count, arena, &entries);
    add_entries(q, &entries);
}

// As Java's parseInt.
static bool read_id(struct slice name, int64_t *out)
{
    size_t at = name.size > 0 && (name.data[0] == '-' || name.data[0] == '+') ? 1 : 0;
    if (at == name.size || name.size > 11) return false;
    int64_t id = 0;
    for (; at < name.size; at++) {
        if (name.data[at] < '0' || name.data[at] > '9') return false;
        id = id * 10 + (name.data[at] - '0');
    }
    *out = name.data[0] == '-' ? -id : id;
    return id <= INT32_MAX;
}

// True: the resource is this node.
static bool is_own(struct question *q, const char *mismatch)
{
    struct arena *arena = &q->request->arena;
    int64_t id = 0;
    if (!read_id(q->in->resource_name, &id)) {
        fail(q->out, ERR_INVALID_REQUEST,
             arena_printf(arena, "Broker id must be an integer, but it is: %.*s", SLICE_FMT(q->in->resource_name)));
        return false;
    }
    if (id == q->request->shard->broker->node_id) return true;
    fail(q->out, ERR_INVALID_REQUEST,
         arena_printf(arena, mismatch, q->request->shard->broker->node_id, SLICE_FMT(q->in->resource_name)));
    return false;
}

static void describe_broker(struct question *q)
{
    struct shard *shard = q->request->shard;
    struct config_entries entries;
    if (q->in->resource_name.size == 0) {
        config_describe_cluster(&q->dynamic, q->keys, q->key_count, &q->request->arena, &entries);
    } else {
        if (!is_own(q, "Unexpected broker id, expected %d or empty string, but received %.*s")) return;
        config_describe_broker(shard->broker->config, &q->dynamic, q->keys, q->key_count, &q->request->arena, &entries);
    }
    add_entries(q, &entries);
}

static void describe_loggers(struct question *q)
{
    if (q->in->resource_name.size == 0) {
        fail(q->out, ERR_INVALID_REQUEST, "Broker id must not be empty");
        return;
    }
    if (!is_own(q, "Unexpected broker id, expected %d but received %.*s")) return;
    struct request *request = q->request;
    q->out->configs.items = ARENA_ARRAY(
        &request->arena, struct describe_configs_response_describe_configs_resource_result, LOG_LOGGERS_MAX);
    for (int i = 0; log_logger_name(i) != NULL; i++) {
        bool is_wanted = q->key_count == 0;
        for (size_t k = 0; k < q->key_count && !is_wanted; k++)
            is_wanted = slice_eq_str(q->keys[k], log_logger_name(i));
        if (!is_wanted) continue;
        struct describe_configs_response_describe_configs_resource_result *config =
            &q->out->configs.items[q->out->configs.count++];
        *config = describe_configs_response_describe_configs_resource_result_init();
        config->name = slice_str(log_logger_name(i));
        config->value = slice_str(log_level_name(log_logger_level(request->shard->log, i)));
        config->config_source = CONFIG_SOURCE_DYNAMIC_LOGGER;
    }
}

static void describe_named(struct question *q)
{
    struct shard *shard = q->request->shard;
    bool is_group = q->in->resource_type == CONFIG_GROUP;
    if (q->in->resource_name.size == 0) {
        fail(q->out, ERR_INVALID_REQUEST,
             is_group ? "Group name must not be empty" : "Client metrics subscription name must not be empty");
        return;
    }
    struct config_pairs overrides =
        image_config_pairs(shard->image, q->in->resource_type, q->in->resource_name, &q->request->arena);
    struct config_entries entries;
    if (is_group)
        config_describe_group(shard->broker->config, &q->dynamic, overrides, q->keys, q->key_count, &q->request->arena,
                              &entries);
    else
        config_describe_client_metrics(overrides, q->keys, q->key_count, &q->request->arena, &entries);
    add_entries(q, &entries);
}

static void describe(struct question *q)
{
    switch (q->in->resource_type) {
    case CONFIG_TOPIC: describe_topic(q); break;
    case CONFIG_BROKER: describe_broker(q); break;
    case CONFIG_BROKER_LOGGER: describe_loggers(q); break;
    case CONFIG_GROUP:
    case CONFIG_CLIENT_METRICS: describe_named(q); break;
    default: fail(q->out, ERR_INVALID_REQUEST, err_text(ERR_INVALID_REQUEST)); break;
    }
}

void api_describe_configs(struct request *request)
{
    const struct describe_configs_request *body = request->body;
    struct describe_configs_response response = describe_configs_response_init();
    struct config_dynamic dynamic =
        image_dynamic(request->shard->image, request->shard->broker->node_id, &request->arena);
    response.results.count = body->resources.count;
    response.results.items =
        ARENA_ARRAY(&request->arena, struct describe_configs_response_describe_configs_result, body->resources.count);
    for (int32_t i = 0; i < body->resources.count; i++) {
        const struct describe_configs_request_describe_configs_resource *in = &body->resources.items[i];
        struct question q = {.request = request, .in = in, .dynamic = dynamic, .out = &response.results.items[i]};
        q.keys = in->configuration_keys.items;
        q.key_count = (size_t)(in->configuration_keys.count < 0 ? 0 : in->configuration_keys.count);
        *q.out = describe_configs_response_describe_configs_result_init();
        q.out->resource_type = in->resource_type;
        q.out->resource_name = in->resource_name;
        q.out->error_message = SLICE("");
        describe(&q);
    }
    request_reply(request, &response);
}
