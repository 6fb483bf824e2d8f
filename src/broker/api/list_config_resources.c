// SPDX-License-Identifier: Apache-2.0
// ListConfigResources (KIP-1142): the resources whose settings can be described. Version 0 asks for client metrics.
#include "proto/list_config_resources.h"
#include "broker/api.h"
#include "broker/shard.h"
#include "config/config.h"
#include "meta/image.h"

struct listing {
    struct request *request;
    struct list_config_resources_response *response;
};

static void add(struct listing *l, struct slice name, int8_t type)
{
    l->response->config_resources.items[l->response->config_resources.count++] =
        (struct list_config_resources_response_config_resource){.resource_name = name, .resource_type = type};
}

static void add_set(struct listing *l, int8_t type)
{
    struct pmap_iter it = pmap_iter(&l->request->shard->image->resources);
    for (const struct image_resource *r; (r = image_next_resource(&it)) != NULL;)
        if (r->type == type) add(l, r->name, type);
}

static void add_brokers(struct listing *l, int8_t type)
{
    struct pmap_iter it = pmap_iter(&l->request->shard->image->brokers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;)
        if (!node->is_fenced) add(l, slice_str(arena_printf(&l->request->arena, "%d", node->id)), type);
}

static void add_topics(struct listing *l)
{
    struct pmap_iter it = pmap_iter(&l->request->shard->image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&it)) != NULL;) add(l, topic->name, CONFIG_TOPIC);
}

// In Kafka's order.
static const int8_t known[] = {CONFIG_GROUP, CONFIG_CLIENT_METRICS, CONFIG_BROKER_LOGGER, CONFIG_BROKER, CONFIG_TOPIC};

static bool is_asked(const struct request *request, int8_t type)
{
    const struct list_config_resources_request *body = request->body;
    if (request->version == 0) return type == CONFIG_CLIENT_METRICS;
    for (int32_t i = 0; i < body->resource_types.count; i++)
        if (body->resource_types.items[i] == type) return true;
    return body->resource_types.count <= 0;
}

static bool all_known(const struct list_config_resources_request *body)
{
    for (int32_t i = 0; i < body->resource_types.count; i++) {
        size_t k = 0;
        while (k < COUNT_OF(known) && known[k] != body->resource_types.items[i]) k++;
        if (k == COUNT_OF(known)) return false;
    }
    return true;
}

void api_list_config_resources(struct request *request)
{
    struct list_config_resources_response response = list_config_resources_response_init();
    const struct image *image = request->shard->image;
    if (request->version > 0 && !all_known(request->body)) {
        response.error_code = ERR_UNSUPPORTED_VERSION;
        request_reply(request, &response);
        return;
    }
    int64_t most = (int64_t)image->resources.count + image->topics.count + 2 * (int64_t)image->brokers.count;
    response.config_resources.items =
        ARENA_ARRAY(&request->arena, struct list_config_resources_response_config_resource, most);
    struct listing l = {request, &response};
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (!is_asked(request, known[i])) continue;
        if (known[i] == CONFIG_TOPIC)
            add_topics(&l);
        else if (known[i] == CONFIG_BROKER || known[i] == CONFIG_BROKER_LOGGER)
            add_brokers(&l, known[i]);
        else
            add_set(&l, known[i]);
    }
    request_reply(request, &response);
}
