// SPDX-License-Identifier: Apache-2.0
// AlterConfigs, superseded by IncrementalAlterConfigs: what it names shall be all that is set.
#include "proto/alter_configs.h"

#include "broker/alter_configs.h"
#include "broker/api.h"

static struct alter_resource *resources_of(struct request *request)
{
    const struct alter_configs_request *body = request->body;
    struct alter_resource *resources = ARENA_ARRAY(&request->arena, struct alter_resource, body->resources.count);
    for (int32_t i = 0; i < body->resources.count; i++) {
        const struct alter_configs_request_alter_configs_resource *in = &body->resources.items[i];
        struct alter_resource *out = &resources[i];
        out->type = in->resource_type;
        out->name = in->resource_name;
        out->change_count = in->configs.count;
        out->changes = ARENA_ARRAY(&request->arena, struct config_change, in->configs.count);
        for (int32_t k = 0; k < in->configs.count; k++)
            out->changes[k] = (struct config_change){
                .name = in->configs.items[k].name, .value = in->configs.items[k].value, .operation = CONFIG_SET};
    }
    return resources;
}

static void reply(struct request *request)
{
    const struct alter_configs_request *body = request->body;
    const struct alter_resource *resources = request->handler_state;
    struct alter_configs_response response = alter_configs_response_init();
    response.responses.count = body->resources.count;
    response.responses.items = ARENA_ARRAY(
        &request->arena, struct alter_configs_response_alter_configs_resource_response, body->resources.count);
    for (int32_t i = 0; i < body->resources.count; i++)
        response.responses.items[i] = (struct alter_configs_response_alter_configs_resource_response){
            .error_code = err_to_wire(resources[i].error),
            .error_message = slice_str(resources[i].message),
            .resource_type = resources[i].type,
            .resource_name = resources[i].name};
    request_reply(request, &response);
}

// The controller was asked about those that were not done, in the same order.
static void answered(struct shard *shard, void *context, enum err result, struct slice answer)
{
    (void)shard;
    struct request *request = context;
    const struct alter_configs_request *body = request->body;
    struct alter_resource *resources = request->handler_state;
    struct alter_configs_response response;
    if (!alter_configs_decode(request, result, answer, &response)) return;
    for (int32_t i = 0, next = 0; i < body->resources.count; i++) {
        if (resources[i].is_done) continue;
        resources[i].error = ERR_UNKNOWN_SERVER_ERROR;
        if (next == response.responses.count) continue;
        alter_configs_take(request, &resources[i], response.responses.items[next].error_code,
                           response.responses.items[next].error_message);
        next++;
    }
    reply(request);
}

void api_alter_configs(struct request *request)
{
    const struct alter_configs_request *body = request->body;
    struct alter_resource *resources = resources_of(request);
    request->handler_state = resources;
    alter_configs_prepare(request, resources, body->resources.count, true, body->validate_only);
    struct alter_configs_request rest = *body;
    rest.resources.items =
        ARENA_ARRAY(&request->arena, struct alter_configs_request_alter_configs_resource, body->resources.count);
    rest.resources.count = 0;
    for (int32_t i = 0; i < body->resources.count; i++)
        if (!resources[i].is_done) rest.resources.items[rest.resources.count++] = body->resources.items[i];
    if (rest.resources.count == 0)
        reply(request);
    else
        alter_configs_hand_on(request, &rest, answered);
}
