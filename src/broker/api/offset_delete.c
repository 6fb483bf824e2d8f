// SPDX-License-Identifier: Apache-2.0
// OffsetDelete. What does not exist or may not be read is refused here, the rest is the coordinator's.
#include "proto/offset_delete.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/group_calls.h"

struct deletion {
    struct offset_delete_request asked;
    struct offset_delete_response response;
    int32_t *refused; // per asked topic: its entry in the response that holds refused partitions, -1 = none
};

static struct offset_delete_response_offset_delete_response_topic *add_topic(struct request *request,
                                                                             struct deletion *deletion,
                                                                             struct slice name, int32_t capacity)
{
    struct offset_delete_response_offset_delete_response_topic *out =
        &deletion->response.topics.items[deletion->response.topics.count++];
    *out = offset_delete_response_offset_delete_response_topic_init();
    out->name = name;
    out->partitions.items =
        ARENA_ARRAY(&request->arena, struct offset_delete_response_offset_delete_response_partition, capacity);
    return out;
}

static void add_partition(struct offset_delete_response_offset_delete_response_topic *out, int32_t index,
                          int16_t error_code)
{
    out->partitions.items[out->partitions.count++] = (struct offset_delete_response_offset_delete_response_partition){
        .partition_index = index, .error_code = error_code};
}

static void refuse_all(struct request *request, enum err why)
{
    struct offset_delete_response response = offset_delete_response_init();
    response.error_code = err_to_wire(why);
    request_reply(request, &response);
}

static void sort_topic(struct request *request, struct deletion *deletion,
                       const struct offset_delete_request_offset_delete_request_topic *in)
{
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->name);
    bool may_read = authorize(&request->ctx, ACL_READ, ACL_TOPIC, in->name);
    enum err why = may_read ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_TOPIC_AUTHORIZATION_FAILED;
    struct offset_delete_response_offset_delete_response_topic *out = NULL;
    struct offset_delete_request_offset_delete_request_topic kept = *in;
    int32_t refused = -1;
    kept.partitions.items = ARENA_ARRAY(&request->arena, struct offset_delete_request_offset_delete_request_partition,
                                        in->partitions.count);
    kept.partitions.count = 0;
    for (int32_t i = 0; i < in->partitions.count; i++) {
        int32_t index = in->partitions.items[i].partition_index;
        if (may_read && topic != NULL && image_partition_at(topic, index) != NULL) {
            kept.partitions.items[kept.partitions.count++] = in->partitions.items[i];
            continue;
        }
        if (out == NULL) {
            refused = deletion->response.topics.count;
            out = add_topic(request, deletion, in->name, in->partitions.count);
        }
        add_partition(out, index, err_to_wire(why));
    }
    if (kept.partitions.count == 0) return;
    deletion->refused[deletion->asked.topics.count] = refused;
    deletion->asked.topics.items[deletion->asked.topics.count++] = kept;
}

static void merge(struct request *request, struct deletion *deletion, const struct offset_delete_response *from)
{
    for (int32_t t = 0; t < deletion->asked.topics.count; t++) {
        const struct offset_delete_request_offset_delete_request_topic *asked = &deletion->asked.topics.items[t];
        int32_t refused = deletion->refused[t];
        struct offset_delete_response_offset_delete_response_topic *out =
            refused >= 0 ? &deletion->response.topics.items[refused]
                         : add_topic(request, deletion, asked->name, asked->partitions.count);
        // Topics and partitions come back as they were asked.
        const struct offset_delete_response_offset_delete_response_topic *in =
            t < from->topics.count ? &from->topics.items[t] : NULL;
        for (int32_t p = 0; p < asked->partitions.count; p++) {
            bool is_there = in != NULL && p < in->partitions.count;
            add_partition(out, asked->partitions.items[p].partition_index,
                          is_there ? in->partitions.items[p].error_code : err_to_wire(ERR_UNKNOWN_SERVER_ERROR));
        }
    }
}

static void answer(struct request *request, struct group_calls *calls)
{
    struct deletion *deletion = calls->context;
    const struct coord_call *call = &calls->items[0].call;
    const struct offset_delete_response *from = call->response;
    if (call->err != OK || from->error_code != 0) { // an error of the group hides those of partitions
        refuse_all(request, call->err != OK ? call->err : (enum err)from->error_code);
        return;
    }
    merge(request, deletion, from);
    request_reply(request, &deletion->response);
}

void api_offset_delete(struct request *request)
{
    const struct offset_delete_request *body = request->body;
    if (!authorize(&request->ctx, ACL_DELETE, ACL_GROUP, body->group_id)) {
        refuse_all(request, ERR_GROUP_AUTHORIZATION_FAILED);
        return;
    }
    if (body->group_id.size == 0) {
        refuse_all(request, ERR_INVALID_GROUP_ID);
        return;
    }
    int32_t count = body->topics.count;
    struct deletion *deletion = ARENA_NEW(&request->arena, struct deletion);
    deletion->asked = *body;
    deletion->asked.topics.items =
        ARENA_ARRAY(&request->arena, struct offset_delete_request_offset_delete_request_topic, count);
    deletion->asked.topics.count = 0;
    deletion->response = offset_delete_response_init();
    deletion->response.topics.items =
        ARENA_ARRAY(&request->arena, struct offset_delete_response_offset_delete_response_topic, 2 * (size_t)count);
    deletion->refused = ARENA_ARRAY(&request->arena, int32_t, count);
    for (int32_t i = 0; i < count; i++) sort_topic(request, deletion, &body->topics.items[i]);
    struct group_calls *calls = group_calls_new(request, 1, answer);
    calls->context = deletion;
    group_calls_send(calls, 0, body->group_id, &deletion->asked, -1); // perhaps nothing is left: is the group there?
    group_calls_sent(calls);
}
