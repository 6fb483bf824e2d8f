// SPDX-License-Identifier: Apache-2.0
// For tests and simulations: a coordinator of groups over a log in memory, topics made up on the spot, and a comparison
// of what two coordinators know for good. Failures are ASSERTs, so that it serves cmocka and the simulator alike.
#ifndef ODRADEK_COORD_GROUP_HARNESS_H
#define ODRADEK_COORD_GROUP_HARNESS_H

#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "base/mem.h"
#include "coord/group_int.h"
#include "meta/records.h"
#include "proto/apis.h"
#include "record/batch.h"

static inline struct group_settings harness_settings(void)
{
    return (struct group_settings){.min_session_timeout_ms = 6000,
                                   .max_session_timeout_ms = 1800000,
                                   .initial_rebalance_delay_ms = 3000,
                                   .max_size = INT32_MAX,
                                   .offset_metadata_max_bytes = 4096,
                                   .offsets_retention_ms = INT64_C(7) * 24 * 3600 * 1000,
                                   .offsets_retention_check_ms = 600 * 1000};
}

// ---- topics ------------------------------------------------------------------------------------------------------

struct harness_topics {
    struct arena arena;
    struct image *empty;
    struct image_builder *builder;
    struct image *image; // the newest
    int64_t offset;
};

static inline void harness_topics_init(struct harness_topics *topics)
{
    *topics = (struct harness_topics){0};
    topics->empty = image_new_empty();
    topics->builder = image_builder_new(topics->empty);
    topics->image = image_builder_publish(topics->builder, NULL);
}

static inline void harness_topics_deinit(struct harness_topics *topics)
{
    image_unref(topics->image);
    image_builder_free(topics->builder);
    image_unref(topics->empty);
    arena_deinit(&topics->arena);
}

static inline void harness_topics_put(struct harness_topics *topics, const struct wire_message *message, int version,
                                      const void *record)
{
    struct slice value = metadata_record_encode(message, version, record, &topics->arena);
    enum err e = image_builder_record(topics->builder, topics->offset++, 1, value, NULL);
    ASSERT(e == OK);
}

static inline struct image_delta *harness_topics_publish(struct harness_topics *topics)
{
    struct image_delta *delta = NULL;
    image_unref(topics->image);
    topics->image = image_builder_publish(topics->builder, &delta);
    return delta;
}

// Its id is all zero but for the last byte, `id`.
static inline void harness_topic_create(struct harness_topics *topics, const char *name, uint8_t id, int32_t partitions)
{
    struct topic_record topic = topic_record_init();
    topic.name = slice_str(name);
    topic.topic_id.bytes[0] = 7;
    topic.topic_id.bytes[15] = id;
    harness_topics_put(topics, &topic_record_message, 0, &topic);
    int32_t node = 1;
    for (int32_t i = 0; i < partitions; i++) {
        struct partition_record partition = partition_record_init();
        partition.partition_id = i;
        partition.topic_id = topic.topic_id;
        partition.replicas.items = partition.isr.items = &node;
        partition.replicas.count = partition.isr.count = 1;
        partition.leader = node;
        harness_topics_put(topics, &partition_record_message, 0, &partition);
    }
    image_delta_unref(harness_topics_publish(topics));
}

static inline struct image_delta *harness_topic_delete(struct harness_topics *topics, uint8_t id)
{
    struct remove_topic_record record = remove_topic_record_init();
    record.topic_id.bytes[0] = 7;
    record.topic_id.bytes[15] = id;
    harness_topics_put(topics, &remove_topic_record_message, 0, &record);
    return harness_topics_publish(topics);
}

// ---- the coordinator and its log ---------------------------------------------------------------------------------

static inline struct coord *harness_coord_new(const struct group_settings *settings, int32_t epoch, uint64_t seed)
{
    const struct coord_options options = {
        .machine = &group_machine, .settings = settings, .epoch = epoch, .batch_bytes_max = 1 << 20, .seed = seed};
    return coord_new(&options);
}

// As the log does: offsets and epoch go into the batch.
static inline int64_t harness_stamp(struct text *batch, int64_t offset, int32_t epoch)
{
    struct batch_header header;
    enum err e = batch_header_parse(text_slice(batch), &header);
    ASSERT(e == OK);
    batch_set_base_offset(batch->data, offset);
    batch_set_leader_epoch(batch->data, epoch);
    return offset + header.last_offset_delta + 1;
}

// A coordinator that has loaded `log`.
static inline struct coord *harness_load(struct slice log, const struct group_settings *settings, int64_t now_ms,
                                         int64_t wall_ms, const struct image *image, int32_t epoch, uint64_t seed)
{
    struct coord *coord = harness_coord_new(settings, epoch, seed);
    struct coord_effects effects;
    coord_effects_init(&effects);
    struct coord_event event = {.kind = EV_COORD_LOAD, .now_ms = now_ms, .wall_ms = wall_ms, .image = image};
    event.batches = log;
    enum err e = coord_step(coord, &event, &effects);
    ASSERT(e == OK);
    event.kind = EV_COORD_LOADED;
    e = coord_step(coord, &event, &effects);
    ASSERT(e == OK && list_is_empty(&effects.appends) && list_is_empty(&effects.answered));
    return coord;
}

// ---- what a coordinator knows for good ---------------------------------------------------------------------------

static inline void harness_print_offset(struct text *out, const struct group_offset *offset)
{
    char id[UUID_TEXT_SIZE + 1];
    uuid_format(offset->topic_id, id);
    text_printf(out, " %lld@%d '%.*s' %lld %lld %s", (long long)offset->offset, offset->leader_epoch,
                SLICE_FMT(offset->metadata), (long long)offset->commit_ms, (long long)offset->expire_ms, id);
}

static inline void harness_print_topic(struct text *out, const struct group_topic *topic)
{
    for (int32_t i = 0; i < topic->count; i++) {
        const struct group_position *position = &topic->positions[i];
        text_printf(out, "\n  %.*s-%d", SLICE_FMT(topic->name), position->partition);
        if (position->committed != NULL) harness_print_offset(out, position->committed);
        for (const struct group_uncertain *item = position->uncertain; item != NULL; item = item->next) {
            text_printf(out, " ? %lld", (long long)item->producer_id);
            harness_print_offset(out, item->offset);
        }
    }
}

static inline void harness_print_member(struct text *out, const struct group_member *member, bool is_leader)
{
    const struct group *group = member->group;
    struct slice metadata = group_member_metadata(member, group->protocol_name);
    text_printf(out, "\n  %s%.*s/%.*s %.*s %.*s %d %d", is_leader ? "*" : "", SLICE_FMT(member->id),
                SLICE_FMT(member->instance_id), SLICE_FMT(member->client_id), SLICE_FMT(member->client_host),
                member->session_timeout_ms, member->rebalance_timeout_ms);
    text_printf(out, " '%.*s' '%.*s'", SLICE_FMT(metadata), SLICE_FMT(member->assignment));
}

// Between generations the log is behind: members and generation are left out then.
static inline void harness_print_group(struct text *out, const struct group *group, bool with_members)
{
    text_printf(out, "%.*s %s", SLICE_FMT(group->id), group_kind_name(group->kind));
    LIST_EACH (link, &group->topics) harness_print_topic(out, LIST_ITEM(link, struct group_topic, link));
    if (!with_members) return;
    text_printf(out, "\n  %s %d %.*s %.*s", group_phase_name(group), group->generation, SLICE_FMT(group->protocol_type),
                SLICE_FMT(group->protocol_name));
    bool is_counted = group->phase == GROUP_EMPTY && !slice_is_null(group->protocol_type); // retention starts there
    if (is_counted) text_printf(out, " since %lld", (long long)group->since_ms);
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        harness_print_member(out, member, member == group->leader);
    }
}

// What only memory knows, and may forget: a group whose last position went.
static inline bool harness_is_trace_only(const struct group *group)
{
    return group->phase == GROUP_EMPTY && list_is_empty(&group->topics) && slice_is_null(group->protocol_type);
}

static inline void harness_same_group(const struct group *live, const struct group *loaded)
{
    bool is_settled = live->phase == GROUP_STABLE || live->phase == GROUP_EMPTY;
    struct text a = {0};
    struct text b = {0};
    harness_print_group(&a, live, is_settled);
    harness_print_group(&b, loaded, is_settled);
    if (!slice_eq(text_slice(&a), text_slice(&b)))
        fprintf(stderr, "in memory: %s\nloaded: %s\n", text_cstr(&a), text_cstr(&b));
    ASSERT(slice_eq(text_slice(&a), text_slice(&b)));
    text_deinit(&a);
    text_deinit(&b);
}

// `live` has nothing uncommitted: a coordinator that loads the log knows the same.
static inline void harness_same_knowledge(struct coord *live, struct coord *loaded)
{
    struct group_state *a = coord_state(live);
    struct group_state *b = coord_state(loaded);
    LIST_EACH (link, &a->groups) {
        const struct group *group = LIST_ITEM(link, struct group, link);
        struct group *other = NULL;
        LIST_EACH (at, &b->groups)
            if (slice_eq(LIST_ITEM(at, struct group, link)->id, group->id)) other = LIST_ITEM(at, struct group, link);
        if (other == NULL)
            ASSERT(harness_is_trace_only(group));
        else
            harness_same_group(group, other);
    }
    LIST_EACH (link, &b->groups) {
        const struct group *group = LIST_ITEM(link, struct group, link);
        bool is_known = false;
        LIST_EACH (at, &a->groups) is_known = is_known || slice_eq(LIST_ITEM(at, struct group, link)->id, group->id);
        ASSERT(is_known);
    }
}

// ---- answers -----------------------------------------------------------------------------------------------------

// Every answer must be one that its version can carry.
static inline void harness_check_answer(struct coord_call *call)
{
    ASSERT(call->is_answered);
    if (call->err != OK) return;
    const struct wire_api *api = wire_api_find(call->api_key);
    struct slice bytes;
    enum err e = wire_encode_bytes(api->response, call->version, call->response, &call->arena, &bytes);
    ASSERT(e == OK);
}

#endif
