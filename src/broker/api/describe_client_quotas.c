// SPDX-License-Identifier: Apache-2.0
// DescribeClientQuotas (KIP-546): the quotas of all entities that a filter lets through.
#include "proto/describe_client_quotas.h"
#include "broker/api.h"
#include "broker/shard.h"
#include "meta/image.h"

enum { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_SPECIFIED = 2 };

static bool is_type(struct slice type, const char *name)
{
    return slice_eq_str(type, name);
}

static const char *check_component(struct request *request, int32_t at, enum err *why)
{
    const struct describe_client_quotas_request *body = request->body;
    const struct describe_client_quotas_request_component_data *c = &body->components.items[at];
    *why = ERR_INVALID_REQUEST;
    if (c->entity_type.size == 0) return "Invalid empty entity type.";
    for (int32_t i = 0; i < at; i++)
        if (slice_eq(body->components.items[i].entity_type, c->entity_type))
            return arena_printf(&request->arena, "Entity type %.*s cannot appear more than once in the filter.",
                                SLICE_FMT(c->entity_type));
    if (!is_type(c->entity_type, "ip") && !is_type(c->entity_type, "user") && !is_type(c->entity_type, "client-id")) {
        *why = ERR_UNSUPPORTED_VERSION;
        return arena_printf(&request->arena, "Unsupported entity type %.*s", SLICE_FMT(c->entity_type));
    }
    bool has_match = !slice_is_null(c->match);
    switch (c->match_type) {
    case MATCH_EXACT: return has_match ? NULL : "Request specified MATCH_TYPE_EXACT, but set match string to null.";
    case MATCH_DEFAULT:
        return has_match ? "Request specified MATCH_TYPE_DEFAULT, but also specified a match string." : NULL;
    case MATCH_SPECIFIED:
        return has_match ? "Request specified MATCH_TYPE_SPECIFIED, but also specified a match string." : NULL;
    default: return arena_printf(&request->arena, "Unknown match type %d", c->match_type);
    }
}

static const char *check_filter(struct request *request, enum err *why)
{
    const struct describe_client_quotas_request *body = request->body;
    bool has_ip = false;
    for (int32_t i = 0; i < body->components.count; i++) {
        const char *problem = check_component(request, i, why);
        if (problem != NULL) return problem;
        has_ip |= is_type(body->components.items[i].entity_type, "ip");
    }
    *why = ERR_INVALID_REQUEST;
    return has_ip && body->components.count > 1
               ? "Invalid entity filter component combination. IP filter component should not be used with user or "
                 "clientId filter component."
               : NULL;
}

static bool passes(const struct describe_client_quotas_request *body, const struct image_quota *quota)
{
    if (body->strict && quota->part_count != body->components.count) return false;
    for (int32_t i = 0; i < body->components.count; i++) {
        const struct describe_client_quotas_request_component_data *c = &body->components.items[i];
        int32_t k = 0;
        while (k < quota->part_count && !slice_eq(quota->parts[k].type, c->entity_type)) k++;
        if (k == quota->part_count) return false;
        struct slice name = quota->parts[k].name;
        if (c->match_type == MATCH_DEFAULT && !slice_is_null(name)) return false;
        if (c->match_type == MATCH_EXACT && (slice_is_null(name) || !slice_eq(name, c->match))) return false;
    }
    return true;
}

static void describe(struct request *request, const struct image_quota *quota,
                     struct describe_client_quotas_response_entry_data *out)
{
    out->entity.count = quota->part_count;
    out->entity.items =
        ARENA_ARRAY(&request->arena, struct describe_client_quotas_response_entity_data, quota->part_count);
    for (int32_t i = 0; i < quota->part_count; i++)
        out->entity.items[i] = (struct describe_client_quotas_response_entity_data){
            .entity_type = quota->parts[i].type, .entity_name = quota->parts[i].name};
    out->values.count = quota->count;
    out->values.items = ARENA_ARRAY(&request->arena, struct describe_client_quotas_response_value_data, quota->count);
    for (int32_t i = 0; i < quota->count; i++)
        out->values.items[i] = (struct describe_client_quotas_response_value_data){.key = quota->values[i].key,
                                                                                   .value = quota->values[i].value};
}

void api_describe_client_quotas(struct request *request)
{
    const struct image *image = request->shard->image;
    struct describe_client_quotas_response response = describe_client_quotas_response_init();
    enum err why = OK;
    const char *problem = check_filter(request, &why);
    if (problem != NULL) {
        response.error_code = err_to_wire(why);
        response.error_message = slice_str(problem);
        response.entries.count = -1; // null
        request_reply(request, &response);
        return;
    }
    response.error_message = SLICE("");
    response.entries.items =
        ARENA_ARRAY(&request->arena, struct describe_client_quotas_response_entry_data, image->quotas.count);
    struct pmap_iter it = pmap_iter(&image->quotas);
    for (const struct image_quota *quota; (quota = image_next_quota(&it)) != NULL;)
        if (passes(request->body, quota)) describe(request, quota, &response.entries.items[response.entries.count++]);
    request_reply(request, &response);
}
