// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs: what holds for a topic or a broker, where each value comes from and what it hides
// (config/describe.h).
#include <stdio.h>

#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/topics.h"
#include "config/describe.h"
#include "meta/decide.h"
#include "proto/describe_configs.h"

static void fail(struct describe_configs_response_describe_configs_result *out, enum err why, const char *text)
{
    out->error_code = err_to_wire(why);
    out->error_message = slice_str(text);
}

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

static void add_entries(struct request *request, const struct config_entries *entries,
                        struct describe_configs_response_describe_configs_result *out)
{
    const struct describe_configs_request *body = request->body;
    out->configs.count = (int32_t)entries->count;
    out->configs.items =
        ARENA_ARRAY(&request->arena, struct describe_configs_response_describe_configs_resource_result, entries->count);
    for (size_t i = 0; i < entries->count; i++) {
        const struct config_entry *entry = &entries->items[i];
        struct describe_configs_response_describe_configs_resource_result *config = &out->configs.items[i];
        *config = describe_configs_response_describe_configs_resource_result_init();
        config->name = slice_str(entry->name);
        config->value = slice_str(entry->value);
        config->read_only = entry->is_read_only;
        config->config_source = (int8_t)entry->source;
        config->is_sensitive = entry->is_sensitive;
        config->config_type = (int8_t)entry->type;
        if (body->include_documentation) config->documentation = slice_str(entry->documentation);
        if (body->include_synonyms) add_synonyms(request, entry, config);
    }
}

static void describe_topic(struct request *request, const struct describe_configs_request_describe_configs_resource *in,
                           struct describe_configs_response_describe_configs_result *out)
{
    struct shard *shard = request->shard;
    const char *problem = topic_name_problem(in->resource_name, &request->arena);
    if (problem != NULL) {
        fail(out, ERR_INVALID_TOPIC_EXCEPTION, arena_printf(&request->arena, "Topic name is invalid: %s", problem));
        return;
    }
    if (image_topic_by_name(shard->image, in->resource_name) == NULL) {
        out->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        return;
    }
    struct config_dynamic dynamic = image_dynamic(shard->image, shard->broker->node_id, &request->arena);
    struct config_pairs overrides =
        image_config_pairs(shard->image, IMAGE_RESOURCE_TOPIC, in->resource_name, &request->arena);
    struct config_entries entries;
    config_describe_topic(shard->broker->config, &dynamic, overrides, in->configuration_keys.items,
                          (size_t)(in->configuration_keys.count < 0 ? 0 : in->configuration_keys.count),
                          &request->arena, &entries);
    add_entries(request, &entries, out);
}

static void describe_broker(struct request *request,
                            const struct describe_configs_request_describe_configs_resource *in,
                            struct describe_configs_response_describe_configs_result *out)
{
    struct shard *shard = request->shard;
    char own[16];
    int length = snprintf(own, sizeof(own), "%d", shard->broker->node_id);
    size_t key_count = (size_t)(in->configuration_keys.count < 0 ? 0 : in->configuration_keys.count);
    struct config_dynamic dynamic = image_dynamic(shard->image, shard->broker->node_id, &request->arena);
    struct config_entries entries;
    if (in->resource_name.size == 0) {
        config_describe_cluster(&dynamic, in->configuration_keys.items, key_count, &request->arena, &entries);
    } else if (slice_eq(in->resource_name, slice_of(own, (size_t)length))) {
        config_describe_broker(shard->broker->config, &dynamic, in->configuration_keys.items, key_count,
                               &request->arena, &entries);
    } else {
        fail(out, ERR_INVALID_REQUEST,
             arena_printf(&request->arena, "Unexpected broker id, expected %s or empty string, but received %.*s", own,
                          SLICE_FMT(in->resource_name)));
        return;
    }
    add_entries(request, &entries, out);
}

void api_describe_configs(struct request *request)
{
    const struct describe_configs_request *body = request->body;
    struct describe_configs_response response = describe_configs_response_init();
    response.results.count = body->resources.count;
    response.results.items =
        ARENA_ARRAY(&request->arena, struct describe_configs_response_describe_configs_result, body->resources.count);
    for (int32_t i = 0; i < body->resources.count; i++) {
        const struct describe_configs_request_describe_configs_resource *in = &body->resources.items[i];
        struct describe_configs_response_describe_configs_result *out = &response.results.items[i];
        *out = describe_configs_response_describe_configs_result_init();
        out->resource_type = in->resource_type;
        out->resource_name = in->resource_name;
        out->error_message = SLICE("");
        if (in->resource_type == CONFIG_TOPIC)
            describe_topic(request, in, out);
        else if (in->resource_type == CONFIG_BROKER)
            describe_broker(request, in, out);
        else
            fail(out, ERR_INVALID_REQUEST,
                 arena_printf(&request->arena, "Unsupported resource type: %d", in->resource_type));
    }
    request_reply(request, &response);
}
