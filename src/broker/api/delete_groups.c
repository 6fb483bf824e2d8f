// SPDX-License-Identifier: Apache-2.0
// DeleteGroups: each group by its own coordinator; a name given twice counts once.
#include "proto/delete_groups.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/group_calls.h"

struct deletion {
    struct delete_groups_request *asked; // per name
    bool *is_repeated;
};

struct named {
    struct map_link by_name;
    struct slice name;
};

static void find_repeated(struct request *request, const struct delete_groups_request *body, bool *is_repeated)
{
    struct map names = {0};
    struct named *items = ARENA_ARRAY(&request->arena, struct named, body->groups_names.count);
    for (int32_t i = 0; i < body->groups_names.count; i++) {
        struct slice name = body->groups_names.items[i];
        uint64_t hash = hash_bytes(request->shard->broker->hash_seed, name);
        for (struct map_link *l = map_find(&names, hash); l != NULL; l = map_find_next(l))
            is_repeated[i] |= slice_eq(MAP_ITEM(l, struct named, by_name)->name, name);
        items[i].name = name;
        if (!is_repeated[i]) map_insert(&names, &items[i].by_name, hash);
    }
    map_deinit(&names);
}

static void add(struct delete_groups_response *response, struct slice group_id, int16_t error_code)
{
    response->results.items[response->results.count++] =
        (struct delete_groups_response_deletable_group_result){.group_id = group_id, .error_code = error_code};
}

static int16_t error_of(const struct coord_call *call)
{
    if (call->err != OK) return err_to_wire(call->err);
    const struct delete_groups_response *one = call->response;
    return one->results.count == 1 ? one->results.items[0].error_code : err_to_wire(ERR_UNKNOWN_SERVER_ERROR);
}

static void answer(struct request *request, struct group_calls *calls)
{
    const struct delete_groups_request *body = request->body;
    const struct deletion *deletion = calls->context;
    struct delete_groups_response response = delete_groups_response_init();
    response.results.items =
        ARENA_ARRAY(&request->arena, struct delete_groups_response_deletable_group_result, calls->count);
    for (int32_t i = 0; i < calls->count; i++)
        if (calls->items[i].call.body != NULL)
            add(&response, body->groups_names.items[i], error_of(&calls->items[i].call));
    for (int32_t i = 0; i < calls->count; i++) // the rest was refused
        if (calls->items[i].call.body == NULL && !deletion->is_repeated[i])
            add(&response, body->groups_names.items[i], ERR_GROUP_AUTHORIZATION_FAILED);
    request_reply(request, &response);
}

void api_delete_groups(struct request *request)
{
    const struct delete_groups_request *body = request->body;
    int32_t count = body->groups_names.count;
    if (count > GROUP_CALLS_MAX) {
        request_disconnect(request, "DeleteGroups names too many groups");
        return;
    }
    struct group_calls *calls = group_calls_new(request, count, answer);
    struct deletion *deletion = ARENA_NEW(&request->arena, struct deletion);
    deletion->asked = ARENA_ARRAY(&request->arena, struct delete_groups_request, count);
    deletion->is_repeated = ARENA_ARRAY(&request->arena, bool, count);
    calls->context = deletion;
    find_repeated(request, body, deletion->is_repeated);
    for (int32_t i = 0; i < count; i++) {
        struct slice group_id = body->groups_names.items[i];
        if (deletion->is_repeated[i] || !authorize(&request->ctx, ACL_DELETE, ACL_GROUP, group_id)) continue;
        deletion->asked[i] = *body;
        deletion->asked[i].groups_names.items = &body->groups_names.items[i];
        deletion->asked[i].groups_names.count = 1;
        group_calls_send(calls, i, group_id, &deletion->asked[i], -1);
    }
    group_calls_sent(calls);
}
