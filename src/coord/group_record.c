// SPDX-License-Identifier: Apache-2.0
// Records of __consumer_offsets (kafka-internals E2). Key: i16 type, then a struct in the old, not flexible, encoding.
// Value: i16 version, then its struct; null deletes. Strings: i16 length and bytes.
//
//   type 0, 1  {group, topic, partition i32}      a position        versions 0-4 are read; 4 is written, or 1 when the
//                                                                   client asked for an expiry of its own
//   type 2     {group}                            a classic group   versions 0-4 are read; 3 is written
//   type 3     {group}                            a consumer group exists
//   type 11    {group}                            a share group exists
//   type 17    {group}                            a streams group exists
//   others     of those three; skipped, as are types this build has never heard of
#include "coord/group_int.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/mem.h"
#include "proto/group_metadata_record.h"
#include "proto/legacy_offset_commit_record.h"
#include "proto/offset_commit_record.h"

enum {
    RECORD_LEGACY_OFFSET = 0,
    RECORD_OFFSET = 1,
    RECORD_GROUP = 2,
    RECORD_CONSUMER_GROUP = 3,
    RECORD_SHARE_GROUP = 11,
    RECORD_STREAMS_GROUP = 17,
    TYPE_SIZE = 2,
    GROUP_VALUE_VERSION = 3,
};

// ---- writing -----------------------------------------------------------------------------------------------------

void group_write(struct group *group)
{
    struct coord *coord = group->state->coord;
    struct group_metadata_value value = group_metadata_value_init();
    value.protocol_type = slice_is_null(group->protocol_type) ? EMPTY_STRING : group->protocol_type;
    value.generation = group->generation;
    value.protocol = group->protocol_name;
    value.leader = group->leader == NULL ? SLICE_NULL : group->leader->id;
    value.current_state_timestamp = group->since_ms;
    value.members.items =
        ARENA_ARRAY(coord_arena(coord), struct group_metadata_value_member_metadata, group->member_count);
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        value.members.items[value.members.count++] = (struct group_metadata_value_member_metadata){
            .member_id = member->id,
            .group_instance_id = member->instance_id,
            .client_id = member->client_id,
            .client_host = member->client_host,
            .rebalance_timeout = member->rebalance_timeout_ms,
            .session_timeout = member->session_timeout_ms,
            .subscription = group_member_metadata(member, group->protocol_name),
            .assignment = member->assignment,
        };
    }
    const struct group_metadata_key key = {.group = group->id};
    coord_add_record(coord, &group_metadata_key_message, &key, &group_metadata_value_message, GROUP_VALUE_VERSION,
                     &value);
}

bool group_is_writable(const struct group *group)
{
    enum { FRAME = 256, MEMBER_FRAME = 32 }; // lengths and numbers, generously
    size_t size = FRAME + group->id.size;
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        size += MEMBER_FRAME + member->id.size + member->instance_id.size + member->client_id.size +
                member->client_host.size + group_member_metadata(member, group->protocol_name).size +
                member->assignment.size;
    }
    return size <= coord_record_bytes_max(group->state->coord);
}

// A group must not exist for some and not for others: its first JoinGroup makes it known to the log.
void group_write_new(struct group *group)
{
    struct group_metadata_value value = group_metadata_value_init();
    value.protocol = SLICE_NULL;
    value.leader = SLICE_NULL;
    value.current_state_timestamp = group->since_ms;
    const struct group_metadata_key key = {.group = group->id};
    coord_add_record(group->state->coord, &group_metadata_key_message, &key, &group_metadata_value_message,
                     GROUP_VALUE_VERSION, &value);
}

void group_write_tombstone(struct group *group)
{
    struct coord *coord = group->state->coord;
    const struct group_metadata_key key = {.group = arena_copy(coord_arena(coord), group->id)};
    coord_add_record(coord, &group_metadata_key_message, &key, &group_metadata_value_message, GROUP_VALUE_VERSION,
                     NULL);
}

// ---- applying: groups --------------------------------------------------------------------------------------------

static void load_member(struct group *group, const struct group_metadata_value *value,
                        const struct group_metadata_value_member_metadata *in)
{
    // Neither can be in a log Kafka wrote; the first one stays.
    if (group_member_find(group, in->member_id) != NULL) return;
    if (group_member_static(group, in->group_instance_id) != NULL) return;
    struct group_member *member = group_member_new(group, in->member_id, false);
    group_member_set_instance(member, in->group_instance_id);
    member->client_id = group_own(in->client_id);
    member->client_host = group_own(in->client_host);
    member->session_timeout_ms = in->session_timeout;
    member->rebalance_timeout_ms = in->rebalance_timeout == -1 ? in->session_timeout : in->rebalance_timeout;
    member->assignment = group_own(in->assignment);
    member->protocols = MEM_NEW(struct group_protocol);
    member->protocols[0].name = group_own(slice_is_null(value->protocol) ? EMPTY_STRING : value->protocol);
    member->protocols[0].metadata = group_own(in->subscription);
    member->protocol_count = 1;
    group_admit(member, value->protocol_type);
    if (slice_eq(member->id, value->leader)) group->leader = member;
}

static void clear_members(struct group *group)
{
    struct list *const lists[] = {&group->members, &group->pending};
    for (size_t i = 0; i < COUNT_OF(lists); i++)
        for (struct list *link; (link = list_first(lists[i])) != NULL;)
            group_member_free(LIST_ITEM(link, struct group_member, link));
    group->member_count = 0;
    group->leader = NULL;
}

static void load_group(struct group_state *state, struct slice id, const struct group_metadata_value *value)
{
    struct group *group = group_find(state, id);
    if (group == NULL) group = group_create(state, id);
    clear_members(group);
    group->kind = GROUP_KIND_CLASSIC;
    group->generation = value->generation;
    group_disown(&group->protocol_type);
    group_disown(&group->protocol_name);
    if (value->protocol_type.size > 0) group->protocol_type = group_own(value->protocol_type);
    group->protocol_name = group_own(value->protocol);
    for (int32_t i = 0; i < value->members.count; i++) load_member(group, value, &value->members.items[i]);
    group->phase = group->member_count == 0 ? GROUP_EMPTY : GROUP_STABLE;
    group->previous = group->phase;
    group->since_ms = value->current_state_timestamp;
    group_find_subscriptions(group);
}

// Positions outlive their group's record: what is left is a simple consumer's.
static void forget_group(struct group_state *state, struct slice id, enum group_kind kind)
{
    struct group *group = group_find(state, id);
    if (group == NULL || group->kind != kind) return;
    if (list_is_empty(&group->topics)) {
        group_destroy(group);
        return;
    }
    clear_members(group);
    group->kind = GROUP_KIND_CLASSIC;
    group->phase = GROUP_EMPTY;
    group->generation = 0;
    group_disown(&group->protocol_type);
    group_disown(&group->protocol_name);
    group_find_subscriptions(group);
}

static enum err apply_group(struct group_state *state, const struct coord_record *record, struct slice id)
{
    if (slice_is_null(record->value)) {
        forget_group(state, id, GROUP_KIND_CLASSIC);
        return OK;
    }
    if (record->offset < 0) return OK; // just decided: all in place
    struct group_metadata_value value;
    enum err e = wire_decode(&group_metadata_value_message, load_i16(record->value.data),
                             slice_of(record->value.data + TYPE_SIZE, record->value.size - TYPE_SIZE),
                             coord_arena(state->coord), &value, NULL);
    if (e != OK) return e;
    load_group(state, id, &value);
    return OK;
}

// Groups of the newer protocols are left to the work that brings them; their names stay taken.
static enum err apply_foreign(struct group_state *state, const struct coord_record *record, enum group_kind kind)
{
    enum { AT = 2 * TYPE_SIZE }; // type, length of the id
    if (record->key.size < AT) return ERR_CORRUPT;
    int16_t size = load_i16(record->key.data + TYPE_SIZE);
    if (size < 0 || (size_t)size > record->key.size - AT) return ERR_CORRUPT;
    struct slice id = slice_of(record->key.data + AT, (size_t)size);
    if (slice_is_null(record->value)) {
        forget_group(state, id, kind);
        return OK;
    }
    struct group *group = group_find(state, id);
    if (group == NULL) group = group_create(state, id);
    clear_members(group);
    group->kind = kind;
    group->phase = GROUP_EMPTY;
    return OK;
}

// ---- applying: positions -----------------------------------------------------------------------------------------

static void put_offset(struct group_state *state, const struct coord_record *record,
                       const struct offset_commit_key *key, const struct offset_commit_value *value)
{
    struct group *group = group_find(state, key->group);
    if (group == NULL) group = group_create(state, key->group);
    struct group_offset *offset = MEM_NEW(struct group_offset);
    *offset = (struct group_offset){
        .offset = value->offset,
        .leader_epoch = value->leader_epoch,
        .metadata = group_own(value->metadata),
        .commit_ms = value->commit_timestamp,
        .expire_ms = value->expire_timestamp,
        .topic_id = value->topic_id,
        .order = ++state->order,
    };
    group_position_put(group, key->topic, key->partition, record->producer_id, offset);
}

static enum err apply_offset(struct group_state *state, const struct coord_record *record,
                             const struct offset_commit_key *key)
{
    if (slice_is_null(record->value)) {
        struct group *group = group_find(state, key->group);
        if (group != NULL) group_position_remove(group, key->topic, key->partition);
        return OK;
    }
    struct offset_commit_value value;
    enum err e = wire_decode(&offset_commit_value_message, load_i16(record->value.data),
                             slice_of(record->value.data + TYPE_SIZE, record->value.size - TYPE_SIZE),
                             coord_arena(state->coord), &value, NULL);
    if (e == OK) put_offset(state, record, key, &value);
    return e;
}

enum err group_apply(struct group_state *state, const struct coord_record *record)
{
    int16_t type = load_i16(record->key.data); // the frame has seen to it that there is one
    struct slice rest = slice_of(record->key.data + TYPE_SIZE, record->key.size - TYPE_SIZE);
    struct arena *arena = coord_arena(state->coord);
    bool is_known_type = type >= RECORD_LEGACY_OFFSET && type <= RECORD_GROUP;
    if (is_known_type && !slice_is_null(record->value) && record->value.size < TYPE_SIZE) return ERR_CORRUPT;
    switch (type) {
    case RECORD_LEGACY_OFFSET:
    case RECORD_OFFSET: {
        struct offset_commit_key key; // both types have the same fields
        enum err e = wire_decode(&offset_commit_key_message, 0, rest, arena, &key, NULL);
        return e == OK ? apply_offset(state, record, &key) : e;
    }
    case RECORD_GROUP: {
        struct group_metadata_key key;
        enum err e = wire_decode(&group_metadata_key_message, 0, rest, arena, &key, NULL);
        return e == OK ? apply_group(state, record, key.group) : e;
    }
    case RECORD_CONSUMER_GROUP: return apply_foreign(state, record, GROUP_KIND_CONSUMER);
    case RECORD_SHARE_GROUP: return apply_foreign(state, record, GROUP_KIND_SHARE);
    case RECORD_STREAMS_GROUP: return apply_foreign(state, record, GROUP_KIND_STREAMS);
    default: return OK;
    }
}
