// SPDX-License-Identifier: Apache-2.0
// OffsetFetch. Whatever the version, a coordinator is asked in the form of version 8 and above, one group per call,
// with topics by name; versions below 8 know one group, version 1 no error but those of partitions, version 10 topic
// ids.
#include "proto/offset_fetch.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/group_calls.h"

enum { GROUP_ERROR_SINCE = 2, GROUPS_SINCE = 8, ASKED_VERSION = 9, TOPIC_IDS_SINCE = 10 };

struct fetch_group {
    const struct offset_fetch_request_offset_fetch_request_group *in;
    struct offset_fetch_request_offset_fetch_request_group asked_group;
    struct offset_fetch_request asked;
    struct offset_fetch_request_offset_fetch_request_topics *refused;
    int16_t *refused_errors;
    int32_t refused_count;
    enum err error; // was not asked
};

struct fetch {
    struct fetch_group *groups;
    struct offset_fetch_response response;
};

// ---- what is asked -------------------------------------------------------------------------------------------------

// Versions below 8 as the only group of a later one.
static struct offset_fetch_request_offset_fetch_request_group *as_group(struct request *request)
{
    const struct offset_fetch_request *body = request->body;
    struct offset_fetch_request_offset_fetch_request_group *group =
        ARENA_NEW(&request->arena, struct offset_fetch_request_offset_fetch_request_group);
    *group = offset_fetch_request_offset_fetch_request_group_init();
    group->group_id = body->group_id;
    group->topics.count = body->topics.count;
    if (body->topics.count < 0) return group; // all
    group->topics.items =
        ARENA_ARRAY(&request->arena, struct offset_fetch_request_offset_fetch_request_topics, body->topics.count);
    for (int32_t i = 0; i < body->topics.count; i++) {
        group->topics.items[i].name = body->topics.items[i].name;
        group->topics.items[i].partition_indexes.items = body->topics.items[i].partition_indexes.items;
        group->topics.items[i].partition_indexes.count = body->topics.items[i].partition_indexes.count;
    }
    return group;
}

static enum err locate(struct request *request, struct offset_fetch_request_offset_fetch_request_topics *topic)
{
    if (request->version >= TOPIC_IDS_SINCE) {
        const struct image_topic *found = image_topic_by_id(request->shard->image, topic->topic_id);
        if (found == NULL) return ERR_UNKNOWN_TOPIC_ID;
        topic->name = arena_copy(&request->arena, found->name); // the image may go while another shard is asked
    }
    return authorize(&request->ctx, ACL_DESCRIBE, ACL_TOPIC, topic->name) ? OK : ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void sort_topics(struct request *request, struct fetch_group *group)
{
    int32_t count = group->in->topics.count;
    group->asked_group = *group->in;
    if (count < 0) return;
    group->asked_group.topics.items =
        ARENA_ARRAY(&request->arena, struct offset_fetch_request_offset_fetch_request_topics, count);
    group->asked_group.topics.count = 0;
    group->refused = ARENA_ARRAY(&request->arena, struct offset_fetch_request_offset_fetch_request_topics, count);
    group->refused_errors = ARENA_ARRAY(&request->arena, int16_t, count);
    for (int32_t i = 0; i < count; i++) {
        struct offset_fetch_request_offset_fetch_request_topics topic = group->in->topics.items[i];
        enum err e = locate(request, &topic);
        if (e == OK) {
            group->asked_group.topics.items[group->asked_group.topics.count++] = topic;
            continue;
        }
        group->refused_errors[group->refused_count] = err_to_wire(e);
        group->refused[group->refused_count++] = topic;
    }
}

// ---- answers -------------------------------------------------------------------------------------------------------

static void refuse_topic(struct request *request, const struct offset_fetch_request_offset_fetch_request_topics *in,
                         int16_t error_code, struct offset_fetch_response_offset_fetch_response_topics *out)
{
    *out = offset_fetch_response_offset_fetch_response_topics_init();
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions.count = in->partition_indexes.count;
    out->partitions.items = ARENA_ARRAY(&request->arena, struct offset_fetch_response_offset_fetch_response_partitions,
                                        in->partition_indexes.count);
    for (int32_t i = 0; i < in->partition_indexes.count; i++) {
        out->partitions.items[i] = offset_fetch_response_offset_fetch_response_partitions_init();
        out->partitions.items[i].partition_index = in->partition_indexes.items[i];
        out->partitions.items[i].committed_offset = -1;
        out->partitions.items[i].metadata = SLICE("");
        out->partitions.items[i].error_code = error_code;
    }
}

// A group that cannot be told anything. Version 1 can only say so partition by partition.
static void refuse_group(struct request *request, const struct fetch_group *group, enum err why,
                         struct offset_fetch_response_offset_fetch_response_group *out)
{
    // Consumers before Kafka 3.9 do not know COORDINATOR_NOT_AVAILABLE here.
    int16_t error_code = err_to_wire(why == ERR_COORDINATOR_NOT_AVAILABLE ? ERR_NOT_COORDINATOR : why);
    if (request->version >= GROUP_ERROR_SINCE) {
        out->error_code = error_code;
        return;
    }
    int32_t count = group->in->topics.count;
    out->topics.items = ARENA_ARRAY(&request->arena, struct offset_fetch_response_offset_fetch_response_topics, count);
    out->topics.count = count;
    for (int32_t i = 0; i < count; i++)
        refuse_topic(request, &group->in->topics.items[i], error_code, &out->topics.items[i]);
}

static void take_topics(struct request *request, const struct fetch_group *group,
                        const struct offset_fetch_response_offset_fetch_response_group *from,
                        struct offset_fetch_response_offset_fetch_response_group *out)
{
    bool is_all = group->in->topics.count < 0;
    out->topics.items = ARENA_ARRAY(&request->arena, struct offset_fetch_response_offset_fetch_response_topics,
                                    from->topics.count + group->refused_count);
    for (int32_t i = 0; i < from->topics.count; i++) {
        struct offset_fetch_response_offset_fetch_response_topics topic = from->topics.items[i];
        if (is_all && !authorize(&request->ctx, ACL_DESCRIBE, ACL_TOPIC, topic.name)) continue;
        if (request->version >= TOPIC_IDS_SINCE) {
            const struct image_topic *found = image_topic_by_name(request->shard->image, topic.name);
            if (found == NULL) continue; // deleted meanwhile: it has no id to name it by
            topic.topic_id = found->id;
        }
        out->topics.items[out->topics.count++] = topic;
    }
    for (int32_t i = 0; i < group->refused_count; i++)
        refuse_topic(request, &group->refused[i], group->refused_errors[i], &out->topics.items[out->topics.count++]);
}

static void finish_group(struct request *request, const struct fetch_group *group, const struct coord_call *call,
                         struct offset_fetch_response_offset_fetch_response_group *out)
{
    *out = offset_fetch_response_offset_fetch_response_group_init();
    out->group_id = group->in->group_id;
    enum err e = group->error != OK ? group->error : call->err;
    const struct offset_fetch_response *answered = e == OK ? call->response : NULL;
    if (e == OK && answered->groups.count != 1) e = ERR_UNKNOWN_SERVER_ERROR;
    if (e == OK) e = (enum err)answered->groups.items[0].error_code;
    if (e == OK)
        take_topics(request, group, &answered->groups.items[0], out);
    else
        refuse_group(request, group, e, out);
}

// Versions below 8: the only group's topics at the top.
static void flatten(struct request *request, struct offset_fetch_response *response,
                    const struct offset_fetch_response_offset_fetch_response_group *group)
{
    int32_t count = group->topics.count;
    response->error_code = group->error_code;
    response->topics.count = count;
    response->topics.items =
        ARENA_ARRAY(&request->arena, struct offset_fetch_response_offset_fetch_response_topic, count);
    for (int32_t t = 0; t < count; t++) {
        const struct offset_fetch_response_offset_fetch_response_topics *from = &group->topics.items[t];
        struct offset_fetch_response_offset_fetch_response_topic *to = &response->topics.items[t];
        to->name = from->name;
        to->partitions.count = from->partitions.count;
        to->partitions.items = ARENA_ARRAY(
            &request->arena, struct offset_fetch_response_offset_fetch_response_partition, from->partitions.count);
        for (int32_t p = 0; p < from->partitions.count; p++) {
            const struct offset_fetch_response_offset_fetch_response_partitions *in = &from->partitions.items[p];
            to->partitions.items[p] = (struct offset_fetch_response_offset_fetch_response_partition){
                .partition_index = in->partition_index,
                .committed_offset = in->committed_offset,
                .committed_leader_epoch = in->committed_leader_epoch,
                .metadata = in->metadata,
                .error_code = in->error_code,
            };
        }
    }
}

static void answer(struct request *request, struct group_calls *calls)
{
    struct fetch *fetch = calls->context;
    struct offset_fetch_response_offset_fetch_response_group *groups =
        ARENA_ARRAY(&request->arena, struct offset_fetch_response_offset_fetch_response_group, calls->count);
    for (int32_t i = 0; i < calls->count; i++)
        finish_group(request, &fetch->groups[i], &calls->items[i].call, &groups[i]);
    fetch->response = offset_fetch_response_init();
    if (request->version < GROUPS_SINCE) {
        flatten(request, &fetch->response, &groups[0]);
    } else {
        fetch->response.groups.items = groups;
        fetch->response.groups.count = calls->count;
    }
    request_reply(request, &fetch->response);
}

void api_offset_fetch(struct request *request)
{
    const struct offset_fetch_request *body = request->body;
    bool is_one = request->version < GROUPS_SINCE;
    int32_t count = is_one ? 1 : body->groups.count;
    if (count > GROUP_CALLS_MAX) {
        request_disconnect(request, "OffsetFetch names too many groups");
        return;
    }
    const struct offset_fetch_request_offset_fetch_request_group *groups =
        is_one ? as_group(request) : body->groups.items;
    struct group_calls *calls = group_calls_new(request, count, answer);
    struct fetch *fetch = ARENA_NEW(&request->arena, struct fetch);
    fetch->groups = ARENA_ARRAY(&request->arena, struct fetch_group, count);
    calls->context = fetch;
    for (int32_t i = 0; i < count; i++) {
        struct fetch_group *group = &fetch->groups[i];
        group->in = &groups[i];
        if (!authorize(&request->ctx, ACL_DESCRIBE, ACL_GROUP, group->in->group_id)) {
            group->error = ERR_GROUP_AUTHORIZATION_FAILED;
            continue;
        }
        sort_topics(request, group);
        group->asked = offset_fetch_request_init();
        group->asked.groups.items = &group->asked_group;
        group->asked.groups.count = 1;
        group->asked.require_stable = body->require_stable;
        group_calls_send(calls, i, group->in->group_id, &group->asked, ASKED_VERSION);
    }
    group_calls_sent(calls);
}
