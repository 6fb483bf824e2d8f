// SPDX-License-Identifier: Apache-2.0
// DescribeGroups: each group is described by its own coordinator.
#include "proto/describe_groups.h"
#include "broker/api.h"
#include "broker/cluster.h"
#include "broker/group_calls.h"

static void fail(struct describe_groups_response_described_group *out, struct slice group_id, enum err why)
{
    *out = describe_groups_response_described_group_init();
    out->group_id = group_id;
    out->error_code = err_to_wire(why);
}

static void answer(struct request *request, struct group_calls *calls)
{
    const struct describe_groups_request *body = request->body;
    struct describe_groups_response *response = calls->context;
    for (int32_t i = 0; i < calls->count; i++) {
        struct describe_groups_response_described_group *out = &response->groups.items[i];
        const struct coord_call *call = &calls->items[i].call;
        if (call->body == NULL) continue; // was not asked
        const struct describe_groups_response *one = call->response;
        if (call->err != OK || one->groups.count != 1) {
            fail(out, body->groups.items[i], call->err != OK ? call->err : ERR_UNKNOWN_SERVER_ERROR);
            continue;
        }
        *out = one->groups.items[0];
        if (body->include_authorized_operations && out->error_code == 0)
            out->authorized_operations = cluster_operations(ACL_GROUP);
    }
    request_reply(request, response);
}

void api_describe_groups(struct request *request)
{
    const struct describe_groups_request *body = request->body;
    int32_t count = body->groups.count;
    if (count > GROUP_CALLS_MAX) {
        request_disconnect(request, "DescribeGroups names too many groups");
        return;
    }
    struct group_calls *calls = group_calls_new(request, count, answer);
    struct describe_groups_response *response = ARENA_NEW(&request->arena, struct describe_groups_response);
    struct describe_groups_request *asked = ARENA_ARRAY(&request->arena, struct describe_groups_request, count);
    *response = describe_groups_response_init();
    response->groups.items = ARENA_ARRAY(&request->arena, struct describe_groups_response_described_group, count);
    response->groups.count = count;
    calls->context = response;
    for (int32_t i = 0; i < count; i++) {
        struct slice group_id = body->groups.items[i];
        if (!authorize(&request->ctx, ACL_DESCRIBE, ACL_GROUP, group_id)) {
            fail(&response->groups.items[i], group_id, ERR_GROUP_AUTHORIZATION_FAILED);
            continue;
        }
        asked[i] = *body;
        asked[i].groups.items = &body->groups.items[i];
        asked[i].groups.count = 1;
        group_calls_send(calls, i, group_id, &asked[i], -1);
    }
    group_calls_sent(calls);
}
