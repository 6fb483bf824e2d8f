// SPDX-License-Identifier: Apache-2.0
// OffsetFetch. One answer in two shapes: topics at the top (versions 1-7), or one group of a batch (8 and above; the
// API's edge asks for each group by itself). Both are built as the newer one.
#include "coord/group_int.h"

#include "base/log.h"
#include "proto/offset_fetch.h"

enum { VERSION_GROUPS = 8, VERSION_TOPIC_IDS = 10 };

// What is asked, whatever the version.
struct wanted {
    struct slice group_id;
    struct slice member_id; // null: none given
    int32_t member_epoch;
    bool is_all;
    int32_t topic_count;
    bool is_stable_only;
    bool by_id;
};

struct wanted_topic {
    struct slice name;
    struct uuid id; // zero below version 10
    const int32_t *partitions;
    int32_t partition_count;
};

static struct wanted wanted_of(const struct coord_call *call)
{
    const struct offset_fetch_request *request = call->body;
    if (call->version < VERSION_GROUPS)
        return (struct wanted){.group_id = request->group_id,
                               .member_epoch = -1,
                               .is_all = request->topics.count < 0,
                               .topic_count = request->topics.count,
                               .is_stable_only = request->require_stable};
    const struct offset_fetch_request_offset_fetch_request_group *in = &request->groups.items[0];
    return (struct wanted){.group_id = in->group_id,
                           .member_id = in->member_id,
                           .member_epoch = in->member_epoch,
                           .is_all = in->topics.count < 0,
                           .topic_count = in->topics.count,
                           .is_stable_only = request->require_stable,
                           .by_id = call->version >= VERSION_TOPIC_IDS};
}

// False: an id that names no topic.
static bool wanted_topic(struct group_state *state, const struct coord_call *call, int32_t index,
                         struct wanted_topic *out)
{
    const struct offset_fetch_request *request = call->body;
    if (call->version < VERSION_GROUPS) {
        const struct offset_fetch_request_offset_fetch_request_topic *in = &request->topics.items[index];
        *out = (struct wanted_topic){.name = in->name,
                                     .partitions = in->partition_indexes.items,
                                     .partition_count = in->partition_indexes.count};
        return true;
    }
    const struct offset_fetch_request_offset_fetch_request_topics *in = &request->groups.items[0].topics.items[index];
    *out = (struct wanted_topic){.name = in->name,
                                 .id = in->topic_id,
                                 .partitions = in->partition_indexes.items,
                                 .partition_count = in->partition_indexes.count};
    if (call->version < VERSION_TOPIC_IDS) return true;
    const struct image_topic *topic = image_topic_by_id(coord_image(state->coord), in->topic_id);
    if (topic != NULL) out->name = topic->name;
    return topic != NULL;
}

// ---- positions ---------------------------------------------------------------------------------------------------

// A position of another topic that had the same name is none. Zero: whoever wrote or asked did not know ids.
static bool is_of_topic(const struct group_offset *offset, struct uuid id)
{
    return uuid_is_zero(offset->topic_id) || uuid_is_zero(id) || uuid_eq(offset->topic_id, id);
}

static struct offset_fetch_response_offset_fetch_response_partitions answer_of(const struct group_position *position,
                                                                               struct uuid topic_id, int32_t partition,
                                                                               bool is_stable_only,
                                                                               struct coord_call *call)
{
    struct offset_fetch_response_offset_fetch_response_partitions out =
        offset_fetch_response_offset_fetch_response_partitions_init();
    out.partition_index = partition;
    out.committed_offset = -1;
    if (position == NULL) return out;
    if (is_stable_only && position->uncertain != NULL) {
        out.error_code = ERR_UNSTABLE_OFFSET_COMMIT;
        return out;
    }
    const struct group_offset *offset = position->committed;
    if (offset == NULL || !is_of_topic(offset, topic_id)) return out;
    out.committed_offset = offset->offset;
    out.committed_leader_epoch = offset->leader_epoch;
    out.metadata = arena_copy(&call->arena, offset->metadata);
    return out;
}

static struct offset_fetch_response_offset_fetch_response_topics *add_topic(
    struct offset_fetch_response_offset_fetch_response_group *out, struct coord_call *call, struct slice name,
    struct uuid id, int32_t partition_count)
{
    struct offset_fetch_response_offset_fetch_response_topics *topic = &out->topics.items[out->topics.count++];
    *topic = offset_fetch_response_offset_fetch_response_topics_init();
    topic->name = arena_copy(&call->arena, name);
    topic->topic_id = id;
    topic->partitions.items =
        ARENA_ARRAY(&call->arena, struct offset_fetch_response_offset_fetch_response_partitions, partition_count);
    return topic;
}

static void fetch_topic(const struct group *group, struct coord_call *call, const struct wanted *wanted,
                        const struct wanted_topic *in, bool is_unknown,
                        struct offset_fetch_response_offset_fetch_response_group *out)
{
    struct offset_fetch_response_offset_fetch_response_topics *topic =
        add_topic(out, call, is_unknown ? EMPTY_STRING : in->name, in->id, in->partition_count);
    for (int32_t p = 0; p < in->partition_count; p++) {
        const struct group_position *position =
            group == NULL || is_unknown ? NULL : group_position_find(group, in->name, in->partitions[p]);
        struct offset_fetch_response_offset_fetch_response_partitions answer =
            answer_of(position, in->id, in->partitions[p], wanted->is_stable_only, call);
        if (is_unknown) answer.error_code = ERR_UNKNOWN_TOPIC_ID;
        topic->partitions.items[topic->partitions.count++] = answer;
    }
}

static void fetch_some(struct group_state *state, const struct group *group, struct coord_call *call,
                       const struct wanted *wanted, struct offset_fetch_response_offset_fetch_response_group *out)
{
    out->topics.items =
        ARENA_ARRAY(&call->arena, struct offset_fetch_response_offset_fetch_response_topics, wanted->topic_count);
    for (int pass = 0; pass < 2; pass++) { // unknown ids come last
        for (int32_t t = 0; t < wanted->topic_count; t++) {
            struct wanted_topic in;
            bool is_unknown = !wanted_topic(state, call, t, &in);
            if (is_unknown == (pass == 1)) fetch_topic(group, call, wanted, &in, is_unknown, out);
        }
    }
}

static void fetch_all_of(const struct group_topic *topic, struct coord_call *call, const struct wanted *wanted,
                         struct uuid id, struct offset_fetch_response_offset_fetch_response_group *out)
{
    struct offset_fetch_response_offset_fetch_response_topics *to = add_topic(out, call, topic->name, id, topic->count);
    for (int32_t i = 0; i < topic->count; i++) {
        const struct group_position *position = &topic->positions[i];
        if (position->committed == NULL) continue;
        to->partitions.items[to->partitions.count++] =
            answer_of(position, (struct uuid){0}, position->partition, wanted->is_stable_only, call);
    }
    if (to->partitions.count == 0) out->topics.count--; // nothing but uncertain ones
}

static void fetch_all(struct group_state *state, const struct group *group, struct coord_call *call,
                      const struct wanted *wanted, struct offset_fetch_response_offset_fetch_response_group *out)
{
    if (group == NULL) return;
    int32_t count = 0;
    LIST_EACH (link, &group->topics) count++;
    out->topics.items = ARENA_ARRAY(&call->arena, struct offset_fetch_response_offset_fetch_response_topics, count);
    LIST_EACH (link, &group->topics) {
        const struct group_topic *topic = LIST_ITEM(link, struct group_topic, link);
        const struct image_topic *known =
            wanted->by_id ? image_topic_by_name(coord_image(state->coord), topic->name) : NULL;
        if (wanted->by_id && known == NULL) continue; // has no id to name it by
        fetch_all_of(topic, call, wanted, known == NULL ? (struct uuid){0} : known->id, out);
    }
}

// ---- shapes ------------------------------------------------------------------------------------------------------

static void as_old_shape(struct offset_fetch_response *response, struct coord_call *call,
                         const struct offset_fetch_response_offset_fetch_response_group *in)
{
    response->error_code = in->error_code;
    response->topics.items =
        ARENA_ARRAY(&call->arena, struct offset_fetch_response_offset_fetch_response_topic, in->topics.count);
    for (int32_t t = 0; t < in->topics.count; t++) {
        const struct offset_fetch_response_offset_fetch_response_topics *from = &in->topics.items[t];
        struct offset_fetch_response_offset_fetch_response_topic *to =
            &response->topics.items[response->topics.count++];
        to->name = from->name;
        to->partitions.items = ARENA_ARRAY(&call->arena, struct offset_fetch_response_offset_fetch_response_partition,
                                           from->partitions.count);
        for (int32_t p = 0; p < from->partitions.count; p++)
            to->partitions.items[to->partitions.count++] =
                (struct offset_fetch_response_offset_fetch_response_partition){
                    .partition_index = from->partitions.items[p].partition_index,
                    .committed_offset = from->partitions.items[p].committed_offset,
                    .committed_leader_epoch = from->partitions.items[p].committed_leader_epoch,
                    .metadata = from->partitions.items[p].metadata,
                    .error_code = from->partitions.items[p].error_code,
                };
    }
}

// A classic group does not ask who fetches; of the others' members none is known here (KIP-848's versions 9 and above).
static enum err check_fetch(const struct group *group, const struct wanted *wanted)
{
    if (group == NULL || group->kind == GROUP_KIND_CLASSIC) return OK;
    return slice_is_null(wanted->member_id) && wanted->member_epoch < 0 ? OK : ERR_UNKNOWN_MEMBER_ID;
}

void group_offset_fetch(struct group_state *state, struct coord_call *call)
{
    struct offset_fetch_response *response = coord_response(call, &offset_fetch_response_message);
    struct wanted wanted = wanted_of(call);
    const struct group *group = group_find(state, wanted.group_id);
    struct offset_fetch_response_offset_fetch_response_group *out =
        ARENA_NEW(&call->arena, struct offset_fetch_response_offset_fetch_response_group);
    *out = offset_fetch_response_offset_fetch_response_group_init();
    out->group_id = arena_copy(&call->arena, wanted.group_id);
    enum err e = check_fetch(group, &wanted);
    out->error_code = err_to_wire(e);
    if (e == OK && wanted.is_all)
        fetch_all(state, group, call, &wanted, out);
    else if (e == OK)
        fetch_some(state, group, call, &wanted, out);
    if (call->version < VERSION_GROUPS) {
        as_old_shape(response, call, out);
    } else {
        response->groups.items = out;
        response->groups.count = 1;
    }
    coord_answer(state->coord, call, response);
}
