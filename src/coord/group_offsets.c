// SPDX-License-Identifier: Apache-2.0
// OffsetCommit and OffsetDelete. Topics are looked up in the image, by name or (from version 10) by id: what does not
// exist is refused entry by entry before the group is asked, as Kafka's request layer does.
#include "coord/group_int.h"

#include "base/log.h"
#include "base/utf8.h"
#include "proto/offset_commit.h"
#include "proto/offset_commit_record.h"
#include "proto/offset_delete.h"

enum {
    VERSION_TOPIC_IDS = 10,
    VERSION_GROUP_ID_NOT_FOUND = 9,
    VALUE_VERSION = 4,
    VALUE_VERSION_EXPIRING = 1, // the only one that holds an expiry
    UTF16_PAIR_FROM = 0x10000,
};

static bool has_partition(const struct image_topic *topic, int32_t partition)
{
    return partition >= 0 && partition < image_topic_partition_count(topic) &&
           image_partition_at(topic, partition) != NULL;
}

// ---- OffsetCommit ------------------------------------------------------------------------------------------------

static enum err check_foreign(const struct group *group, const struct offset_commit_request *request)
{
    if (group->kind == GROUP_KIND_SHARE) return ERR_GROUP_ID_NOT_FOUND; // keeps no positions here
    // Its members cannot be served yet, so for us it is empty: administrators may set positions.
    bool is_simple = request->generation_id_or_member_epoch < 0 && request->member_id.size == 0;
    return is_simple ? OK : ERR_UNKNOWN_MEMBER_ID;
}

static enum err check_commit(struct group *group, const struct coord_call *call)
{
    const struct offset_commit_request *request = call->body;
    int32_t generation = request->generation_id_or_member_epoch;
    if (group == NULL) {
        if (generation < 0) return OK; // a simple consumer, or an administrator: the first position makes the group
        return call->version >= VERSION_GROUP_ID_NOT_FOUND ? ERR_GROUP_ID_NOT_FOUND : ERR_ILLEGAL_GENERATION;
    }
    if (group->kind != GROUP_KIND_CLASSIC) return check_foreign(group, request);
    if (generation < 0 && group->phase == GROUP_EMPTY) return OK;
    if (generation < 0 && request->member_id.size == 0 && slice_is_null(request->group_instance_id))
        return ERR_UNKNOWN_MEMBER_ID; // only members commit to a group that has some
    struct group_member *member = NULL;
    enum err e = group_check_member(group, request->member_id, request->group_instance_id, &member);
    if (e != OK) return e;
    if (generation != group->generation) return ERR_ILLEGAL_GENERATION;
    // It has the JoinGroup answer of this generation, but nobody has its assignment yet.
    if (group->phase == GROUP_COMPLETING) return ERR_REBALANCE_IN_PROGRESS;
    group_touch(member);
    return OK;
}

// Java counts UTF-16 units.
static bool is_too_long(struct slice metadata, int32_t limit)
{
    int64_t units = 0;
    if (metadata.size == 0) return false;
    for (const uint8_t *at = metadata.data, *end = at + metadata.size; at < end;)
        units += utf8_next(&at, end) >= UTF16_PAIR_FROM ? 2 : 1;
    return units > limit;
}

struct commit_topic {
    const struct offset_commit_request_offset_commit_request_topic *in;
    const struct image_topic *topic;                                 // NULL: unknown
    struct offset_commit_response_offset_commit_response_topic *out; // NULL: none yet
};

static void answer_partition(struct offset_commit_response *response, struct coord_call *call, struct commit_topic *at,
                             int32_t partition, enum err e)
{
    if (at->out == NULL) {
        at->out = &response->topics.items[response->topics.count++];
        at->out->name =
            at->topic == NULL ? arena_copy(&call->arena, at->in->name) : arena_copy(&call->arena, at->topic->name);
        at->out->topic_id = at->in->topic_id;
        at->out->partitions.items = ARENA_ARRAY(
            &call->arena, struct offset_commit_response_offset_commit_response_partition, at->in->partitions.count);
    }
    at->out->partitions.items[at->out->partitions.count++] =
        (struct offset_commit_response_offset_commit_response_partition){.partition_index = partition,
                                                                         .error_code = err_to_wire(e)};
}

// Looks all topics up and refuses what does not exist. True when something is left to commit.
static bool refuse_unknown(struct group_state *state, struct coord_call *call, struct commit_topic *topics,
                           struct offset_commit_response *response)
{
    const struct offset_commit_request *request = call->body;
    const struct image *image = coord_image(state->coord);
    bool by_id = call->version >= VERSION_TOPIC_IDS;
    bool has_known = false;
    for (int32_t t = 0; t < request->topics.count; t++) {
        struct commit_topic *at = &topics[t];
        at->in = &request->topics.items[t];
        at->topic = by_id ? image_topic_by_id(image, at->in->topic_id) : image_topic_by_name(image, at->in->name);
        enum err e = by_id && at->topic == NULL ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
        for (int32_t p = 0; p < at->in->partitions.count; p++) {
            int32_t partition = at->in->partitions.items[p].partition_index;
            if (at->topic != NULL && has_partition(at->topic, partition))
                has_known = true;
            else
                answer_partition(response, call, at, partition, e);
        }
    }
    return has_known;
}

static void write_offset(struct group_state *state, const struct offset_commit_request *request,
                         const struct image_topic *topic,
                         const struct offset_commit_request_offset_commit_request_partition *in)
{
    struct coord *coord = state->coord;
    int64_t now_ms = coord_wall_ms(coord);
    bool is_expiring = request->retention_time_ms != -1;
    const struct offset_commit_key key = {
        .group = request->group_id, .topic = topic->name, .partition = in->partition_index};
    const struct offset_commit_value value = {
        .offset = in->committed_offset,
        .leader_epoch = in->committed_leader_epoch < 0 ? -1 : in->committed_leader_epoch,
        .metadata = slice_is_null(in->committed_metadata) ? EMPTY_STRING : in->committed_metadata,
        .commit_timestamp = now_ms,
        .expire_timestamp = is_expiring ? now_ms + request->retention_time_ms : -1,
        .topic_id = topic->id,
    };
    coord_add_record(coord, &offset_commit_key_message, &key, &offset_commit_value_message,
                     is_expiring ? VALUE_VERSION_EXPIRING : VALUE_VERSION, &value);
}

static void commit_topic(struct group_state *state, struct coord_call *call, struct commit_topic *at, enum err refusal,
                         struct offset_commit_response *response)
{
    for (int32_t p = 0; p < at->in->partitions.count; p++) {
        const struct offset_commit_request_offset_commit_request_partition *in = &at->in->partitions.items[p];
        if (at->topic == NULL || !has_partition(at->topic, in->partition_index)) continue; // answered already
        enum err e = refusal;
        if (e == OK && is_too_long(in->committed_metadata, state->settings->offset_metadata_max_bytes))
            e = ERR_OFFSET_METADATA_TOO_LARGE;
        if (e == OK) write_offset(state, call->body, at->topic, in);
        answer_partition(response, call, at, in->partition_index, e);
    }
}

void group_offset_commit(struct group_state *state, struct coord_call *call)
{
    const struct offset_commit_request *request = call->body;
    struct offset_commit_response *response = coord_response(call, &offset_commit_response_message);
    struct commit_topic *topics = ARENA_ARRAY(coord_arena(state->coord), struct commit_topic, request->topics.count);
    response->topics.items =
        ARENA_ARRAY(&call->arena, struct offset_commit_response_offset_commit_response_topic, request->topics.count);
    if (refuse_unknown(state, call, topics, response)) {
        enum err refusal = check_commit(group_find(state, request->group_id), call);
        for (int32_t t = 0; t < request->topics.count; t++) commit_topic(state, call, &topics[t], refusal, response);
    }
    coord_answer(state->coord, call, response);
}

// ---- OffsetDelete ------------------------------------------------------------------------------------------------

void group_write_offset_tombstone(struct group *group, struct slice topic, int32_t partition)
{
    struct coord *coord = group->state->coord;
    // The position, and with it the names, may go while the record is applied.
    const struct offset_commit_key key = {.group = arena_copy(coord_arena(coord), group->id),
                                          .topic = arena_copy(coord_arena(coord), topic),
                                          .partition = partition};
    coord_add_record(coord, &offset_commit_key_message, &key, &offset_commit_value_message, VALUE_VERSION, NULL);
}

static enum err check_delete(const struct group *group)
{
    if (group == NULL) return ERR_GROUP_ID_NOT_FOUND;
    if (group->kind != GROUP_KIND_CLASSIC || group->phase == GROUP_EMPTY || group_is_consumer_type(group)) return OK;
    return ERR_NON_EMPTY_GROUP; // whose subscriptions nobody here can read
}

static enum err delete_one(struct group_state *state, const struct offset_delete_request *request, struct slice topic,
                           int32_t partition)
{
    const struct image_topic *known = image_topic_by_name(coord_image(state->coord), topic);
    if (known == NULL || !has_partition(known, partition)) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    struct group *group = group_find(state, request->group_id);
    if (group_has_topic(group, topic)) return ERR_GROUP_SUBSCRIBED_TO_TOPIC;
    if (group_position_find(group, topic, partition) != NULL) group_write_offset_tombstone(group, topic, partition);
    return OK;
}

static void delete_topic(struct group_state *state, struct coord_call *call,
                         const struct offset_delete_request_offset_delete_request_topic *in,
                         struct offset_delete_response_offset_delete_response_topic *out)
{
    out->name = arena_copy(&call->arena, in->name);
    out->partitions.items =
        ARENA_ARRAY(&call->arena, struct offset_delete_response_offset_delete_response_partition, in->partitions.count);
    for (int32_t p = 0; p < in->partitions.count; p++) {
        int32_t partition = in->partitions.items[p].partition_index;
        enum err e = delete_one(state, call->body, in->name, partition);
        out->partitions.items[out->partitions.count++] =
            (struct offset_delete_response_offset_delete_response_partition){.partition_index = partition,
                                                                             .error_code = err_to_wire(e)};
    }
}

void group_offset_delete(struct group_state *state, struct coord_call *call)
{
    const struct offset_delete_request *request = call->body;
    struct offset_delete_response *response = coord_response(call, &offset_delete_response_message);
    enum err e = check_delete(group_find(state, request->group_id));
    response->error_code = err_to_wire(e);
    if (e == OK) {
        response->topics.items = ARENA_ARRAY(&call->arena, struct offset_delete_response_offset_delete_response_topic,
                                             request->topics.count);
        for (int32_t t = 0; t < request->topics.count; t++)
            delete_topic(state, call, &request->topics.items[t], &response->topics.items[response->topics.count++]);
    }
    coord_answer(state->coord, call, response);
}
