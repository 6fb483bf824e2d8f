// SPDX-License-Identifier: Apache-2.0
// OffsetCommit. Topics that do not exist or may not be read are refused here; the coordinator sees the rest, by name
// and id. Version 10 names topics by id alone.
#include "proto/offset_commit.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/group_calls.h"

enum { TOPIC_IDS_SINCE = 10 };

struct commit {
    struct offset_commit_request asked;
    struct offset_commit_response response;
    int32_t *refused; // per asked topic: its entry in the response that holds refused partitions, -1 = none
};

static struct offset_commit_response_offset_commit_response_topic *add_topic(
    struct request *request, struct commit *commit, const struct offset_commit_request_offset_commit_request_topic *in)
{
    struct offset_commit_response_offset_commit_response_topic *out =
        &commit->response.topics.items[commit->response.topics.count++];
    *out = offset_commit_response_offset_commit_response_topic_init();
    out->name = in->name;
    out->topic_id = in->topic_id;
    out->partitions.items = ARENA_ARRAY(&request->arena, struct offset_commit_response_offset_commit_response_partition,
                                        in->partitions.count);
    return out;
}

static void add_partition(struct offset_commit_response_offset_commit_response_topic *out, int32_t index,
                          int16_t error_code)
{
    out->partitions.items[out->partitions.count++] = (struct offset_commit_response_offset_commit_response_partition){
        .partition_index = index, .error_code = error_code};
}

static void refuse_topic(struct request *request, struct commit *commit,
                         const struct offset_commit_request_offset_commit_request_topic *in, enum err why)
{
    struct offset_commit_response_offset_commit_response_topic *out = add_topic(request, commit, in);
    for (int32_t i = 0; i < in->partitions.count; i++)
        add_partition(out, in->partitions.items[i].partition_index, err_to_wire(why));
}

static void refuse_all(struct request *request, enum err why)
{
    const struct offset_commit_request *body = request->body;
    struct commit commit = {.response = offset_commit_response_init()};
    commit.response.topics.items =
        ARENA_ARRAY(&request->arena, struct offset_commit_response_offset_commit_response_topic, body->topics.count);
    for (int32_t i = 0; i < body->topics.count; i++) refuse_topic(request, &commit, &body->topics.items[i], why);
    request_reply(request, &commit.response);
}

// ---- what is asked -------------------------------------------------------------------------------------------------

static enum err locate(struct request *request, struct offset_commit_request_offset_commit_request_topic *in,
                       const struct image_topic **topic)
{
    const struct image *image = request->shard->image;
    bool by_id = request->version >= TOPIC_IDS_SINCE;
    *topic = by_id ? image_topic_by_id(image, in->topic_id) : image_topic_by_name(image, in->name);
    if (by_id && *topic == NULL) return ERR_UNKNOWN_TOPIC_ID;
    // The call may be on another shard when this one lets its image go.
    if (by_id) in->name = arena_copy(&request->arena, (*topic)->name);
    if (!authorize(&request->ctx, ACL_READ, ACL_TOPIC, in->name)) return ERR_TOPIC_AUTHORIZATION_FAILED;
    if (*topic == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    in->topic_id = (*topic)->id;
    return OK;
}

// Partitions that exist stay in `in`; the others are answered.
static void sort_partitions(struct request *request, struct commit *commit,
                            struct offset_commit_request_offset_commit_request_topic *in,
                            const struct image_topic *topic)
{
    struct offset_commit_response_offset_commit_response_topic *out = NULL;
    struct offset_commit_request_offset_commit_request_topic kept = *in;
    int32_t refused = -1;
    kept.partitions.items = ARENA_ARRAY(&request->arena, struct offset_commit_request_offset_commit_request_partition,
                                        in->partitions.count);
    kept.partitions.count = 0;
    for (int32_t i = 0; i < in->partitions.count; i++) {
        int32_t index = in->partitions.items[i].partition_index;
        if (image_partition_at(topic, index) != NULL) {
            kept.partitions.items[kept.partitions.count++] = in->partitions.items[i];
            continue;
        }
        if (out == NULL) {
            refused = commit->response.topics.count;
            out = add_topic(request, commit, in);
        }
        add_partition(out, index, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    if (kept.partitions.count == 0) return;
    commit->refused[commit->asked.topics.count] = refused;
    commit->asked.topics.items[commit->asked.topics.count++] = kept;
}

static struct commit *sort_topics(struct request *request)
{
    struct offset_commit_request *body = request->body;
    int32_t count = body->topics.count;
    struct commit *commit = ARENA_NEW(&request->arena, struct commit);
    commit->asked = *body;
    commit->asked.topics.items =
        ARENA_ARRAY(&request->arena, struct offset_commit_request_offset_commit_request_topic, count);
    commit->asked.topics.count = 0;
    commit->response = offset_commit_response_init();
    commit->response.topics.items =
        ARENA_ARRAY(&request->arena, struct offset_commit_response_offset_commit_response_topic, 2 * (size_t)count);
    commit->refused = ARENA_ARRAY(&request->arena, int32_t, count);
    for (int32_t i = 0; i < count; i++) {
        const struct image_topic *topic;
        enum err e = locate(request, &body->topics.items[i], &topic);
        if (e == OK)
            sort_partitions(request, commit, &body->topics.items[i], topic);
        else
            refuse_topic(request, commit, &body->topics.items[i], e);
    }
    return commit;
}

// ---- the answer ----------------------------------------------------------------------------------------------------

// Where the partitions of asked topic `index` go: behind its refused ones, or into an entry of their own.
static struct offset_commit_response_offset_commit_response_topic *entry_of(struct request *request,
                                                                            struct commit *commit, int32_t index)
{
    if (commit->refused[index] >= 0) return &commit->response.topics.items[commit->refused[index]];
    return add_topic(request, commit, &commit->asked.topics.items[index]);
}

static void merge(struct request *request, struct commit *commit, const struct offset_commit_response *from)
{
    for (int32_t t = 0; t < commit->asked.topics.count; t++) {
        const struct offset_commit_request_offset_commit_request_topic *asked = &commit->asked.topics.items[t];
        struct offset_commit_response_offset_commit_response_topic *out = entry_of(request, commit, t);
        // Topics and partitions come back as they were asked.
        const struct offset_commit_response_offset_commit_response_topic *in =
            from != NULL && t < from->topics.count ? &from->topics.items[t] : NULL;
        for (int32_t p = 0; p < asked->partitions.count; p++) {
            bool is_there = in != NULL && p < in->partitions.count;
            add_partition(out, asked->partitions.items[p].partition_index,
                          is_there ? in->partitions.items[p].error_code : err_to_wire(ERR_UNKNOWN_SERVER_ERROR));
        }
    }
}

static void answer(struct request *request, struct group_calls *calls)
{
    struct commit *commit = calls->context;
    const struct coord_call *call = &calls->items[0].call;
    if (call->err == OK) {
        merge(request, commit, call->response);
    } else {
        for (int32_t t = 0; t < commit->asked.topics.count; t++) {
            const struct offset_commit_request_offset_commit_request_topic *asked = &commit->asked.topics.items[t];
            struct offset_commit_response_offset_commit_response_topic *out = entry_of(request, commit, t);
            for (int32_t p = 0; p < asked->partitions.count; p++)
                add_partition(out, asked->partitions.items[p].partition_index, err_to_wire(call->err));
        }
    }
    request_reply(request, &commit->response);
}

void api_offset_commit(struct request *request)
{
    const struct offset_commit_request *body = request->body;
    if (!authorize(&request->ctx, ACL_READ, ACL_GROUP, body->group_id)) {
        refuse_all(request, ERR_GROUP_AUTHORIZATION_FAILED);
        return;
    }
    struct commit *commit = sort_topics(request);
    if (commit->asked.topics.count == 0) {
        request_reply(request, &commit->response);
        return;
    }
    struct group_calls *calls = group_calls_new(request, 1, answer);
    calls->context = commit;
    group_calls_send(calls, 0, body->group_id, &commit->asked, -1);
    group_calls_sent(calls);
}
