// SPDX-License-Identifier: Apache-2.0
// What administrators ask: DescribeGroups, ListGroups, DeleteGroups.
#include "coord/group_int.h"

#include "base/log.h"
#include "proto/delete_groups.h"
#include "proto/describe_groups.h"
#include "proto/list_groups.h"

enum { VERSION_NOT_FOUND = 6 };

// ---- DescribeGroups ----------------------------------------------------------------------------------------------

// Metadata means something only together with the protocol all have agreed on.
static void describe_member(const struct group_member *member, struct coord_call *call,
                            struct describe_groups_response_described_group_member *out)
{
    const struct group *group = member->group;
    *out = describe_groups_response_described_group_member_init();
    out->member_id = arena_copy(&call->arena, member->id);
    out->group_instance_id = arena_copy(&call->arena, member->instance_id);
    out->client_id = arena_copy(&call->arena, member->client_id);
    out->client_host = arena_copy(&call->arena, member->client_host);
    out->member_assignment = arena_copy(&call->arena, member->assignment);
    if (group->phase == GROUP_STABLE)
        out->member_metadata = arena_copy(&call->arena, group_member_metadata(member, group->protocol_name));
}

static void describe_missing(const struct group *group, struct coord_call *call,
                             struct describe_groups_response_described_group *out)
{
    out->group_state = SLICE("Dead");
    if (call->version < VERSION_NOT_FOUND) return;
    out->error_code = ERR_GROUP_ID_NOT_FOUND;
    out->error_message = slice_str(arena_printf(&call->arena, "Group %.*s %s", SLICE_FMT(out->group_id),
                                                group == NULL ? "not found." : "is not a classic group."));
}

static void describe_found(const struct group *group, struct coord_call *call,
                           struct describe_groups_response_described_group *out)
{
    out->group_state = slice_str(group_phase_name(group));
    if (!slice_is_null(group->protocol_type)) out->protocol_type = arena_copy(&call->arena, group->protocol_type);
    if (group->phase == GROUP_STABLE) out->protocol_data = arena_copy(&call->arena, group->protocol_name);
    out->members.items =
        ARENA_ARRAY(&call->arena, struct describe_groups_response_described_group_member, group->member_count);
    LIST_EACH (link, &group->members)
        describe_member(LIST_ITEM(link, struct group_member, link), call, &out->members.items[out->members.count++]);
}

void group_describe(struct group_state *state, struct coord_call *call)
{
    const struct describe_groups_request *request = call->body;
    struct describe_groups_response *response = coord_response(call, &describe_groups_response_message);
    response->groups.items =
        ARENA_ARRAY(&call->arena, struct describe_groups_response_described_group, request->groups.count);
    for (int32_t i = 0; i < request->groups.count; i++) {
        struct describe_groups_response_described_group *out = &response->groups.items[response->groups.count++];
        *out = describe_groups_response_described_group_init();
        out->group_id = arena_copy(&call->arena, request->groups.items[i]);
        const struct group *group = group_find(state, request->groups.items[i]);
        if (group != NULL && group->kind == GROUP_KIND_CLASSIC)
            describe_found(group, call, out);
        else
            describe_missing(group, call, out);
    }
    coord_answer(state->coord, call, response);
}

// ---- ListGroups --------------------------------------------------------------------------------------------------

static bool is_space(uint8_t c)
{
    return c <= ' '; // as Java's trim sees it
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

static bool is_named(struct slice filter, const char *name, bool trims)
{
    while (trims && filter.size > 0 && is_space(filter.data[0])) filter = slice_of(filter.data + 1, filter.size - 1);
    while (trims && filter.size > 0 && is_space(filter.data[filter.size - 1])) filter.size--;
    if (filter.size != strlen(name)) return false;
    for (size_t i = 0; i < filter.size; i++)
        if (lower(filter.data[i]) != lower((uint8_t)name[i])) return false;
    return true;
}

static bool is_listed(const struct slice *filters, int32_t count, const char *name, bool trims)
{
    for (int32_t i = 0; i < count; i++)
        if (is_named(filters[i], name, trims)) return true;
    return count <= 0;
}

static struct slice protocol_of(const struct group *group)
{
    switch (group->kind) {
    case GROUP_KIND_CLASSIC: return slice_is_null(group->protocol_type) ? EMPTY_STRING : group->protocol_type;
    case GROUP_KIND_CONSUMER: return SLICE("consumer");
    case GROUP_KIND_SHARE: return SLICE("share");
    case GROUP_KIND_STREAMS: return SLICE("streams");
    }
    return EMPTY_STRING;
}

void group_list(struct group_state *state, struct coord_call *call)
{
    const struct list_groups_request *request = call->body;
    struct list_groups_response *response = coord_response(call, &list_groups_response_message);
    response->groups.items = ARENA_ARRAY(&call->arena, struct list_groups_response_listed_group, state->by_id.count);
    LIST_EACH (link, &state->groups) {
        const struct group *group = LIST_ITEM(link, struct group, link);
        const char *phase = group_phase_name(group);
        const char *kind = group_kind_name(group->kind);
        if (!is_listed(request->states_filter.items, request->states_filter.count, phase, true)) continue;
        if (!is_listed(request->types_filter.items, request->types_filter.count, kind, false)) continue;
        struct list_groups_response_listed_group *out = &response->groups.items[response->groups.count++];
        *out = list_groups_response_listed_group_init();
        out->group_id = arena_copy(&call->arena, group->id);
        out->protocol_type = arena_copy(&call->arena, protocol_of(group));
        out->group_state = slice_str(phase);
        out->group_type = slice_str(kind);
    }
    coord_answer(state->coord, call, response);
}

// ---- DeleteGroups ------------------------------------------------------------------------------------------------

static enum err delete_group(struct group *group)
{
    if (group == NULL) return ERR_GROUP_ID_NOT_FOUND;
    // Of a group of another protocol we do not know the members: its records are not ours to delete.
    if (group->kind != GROUP_KIND_CLASSIC || group->phase != GROUP_EMPTY) return ERR_NON_EMPTY_GROUP;
    log_info(coord_log(group->state->coord), "group", "%.*s: deleted", SLICE_FMT(group->id));
    group_write_all_tombstones(group);
    group_write_tombstone(group);
    return OK;
}

void group_delete(struct group_state *state, struct coord_call *call)
{
    const struct delete_groups_request *request = call->body;
    struct delete_groups_response *response = coord_response(call, &delete_groups_response_message);
    response->results.items =
        ARENA_ARRAY(&call->arena, struct delete_groups_response_deletable_group_result, request->groups_names.count);
    for (int32_t i = 0; i < request->groups_names.count; i++) {
        struct slice id = request->groups_names.items[i];
        enum err e = delete_group(group_find(state, id));
        response->results.items[response->results.count++] = (struct delete_groups_response_deletable_group_result){
            .group_id = arena_copy(&call->arena, id), .error_code = err_to_wire(e)};
    }
    coord_answer(state->coord, call, response);
}
