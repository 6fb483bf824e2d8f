// SPDX-License-Identifier: Apache-2.0
// ListGroups: the groups this node coordinates, asked of every coordinator it has.
#include "proto/list_groups.h"
#include "broker/api.h"
#include "broker/group_calls.h"

// A partition that moved away has no groups here; one that is being loaded makes the whole answer wait.
static enum err error_of(const struct coord_call *call)
{
    if (call->err == ERR_NOT_COORDINATOR) return OK;
    if (call->err != OK) return call->err;
    return (enum err)((const struct list_groups_response *)call->response)->error_code;
}

static void collect(struct request *request, struct list_groups_response *response,
                    const struct list_groups_response *from, bool sees_all)
{
    for (int32_t i = 0; i < from->groups.count; i++) {
        const struct list_groups_response_listed_group *group = &from->groups.items[i];
        if (sees_all || authorize(&request->ctx, ACL_DESCRIBE, ACL_GROUP, group->group_id))
            response->groups.items[response->groups.count++] = *group;
    }
}

static void answer(struct request *request, struct group_calls *calls)
{
    struct list_groups_response response = list_groups_response_init();
    bool sees_all = authorize(&request->ctx, ACL_DESCRIBE, ACL_CLUSTER, SLICE("kafka-cluster"));
    int32_t total = 0;
    for (int32_t i = 0; i < calls->count; i++) {
        const struct coord_call *call = &calls->items[i].call;
        enum err e = error_of(call);
        if (e != OK) response.error_code = err_to_wire(e);
        if (call->err == OK) total += ((const struct list_groups_response *)call->response)->groups.count;
    }
    if (response.error_code == 0) {
        response.groups.items = ARENA_ARRAY(&request->arena, struct list_groups_response_listed_group, total);
        for (int32_t i = 0; i < calls->count; i++)
            if (calls->items[i].call.err == OK) collect(request, &response, calls->items[i].call.response, sees_all);
    }
    request_reply(request, &response);
}

void api_list_groups(struct request *request)
{
    const struct image_topic *topic = coordinator_topic(request->shard->image, COORDINATOR_GROUP);
    int32_t count = topic == NULL ? 0 : image_topic_partition_count(topic);
    struct group_calls *calls = group_calls_new(request, count, answer);
    for (int32_t i = 0; i < count; i++) group_calls_send_at(calls, i, i, request->body);
    group_calls_sent(calls);
}
