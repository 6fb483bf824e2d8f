// SPDX-License-Identifier: Apache-2.0
#include "coord/group_int.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "proto/apis.h"
#include "proto/consumer_protocol_subscription.h"
#include "proto/join_group.h"
#include "proto/sync_group.h"

// ---- helpers -----------------------------------------------------------------------------------------------------

struct slice group_own(struct slice bytes)
{
    if (bytes.data == NULL) return SLICE_NULL;
    uint8_t *copy = mem_alloc(bytes.size == 0 ? 1 : bytes.size);
    if (bytes.size > 0) memcpy(copy, bytes.data, bytes.size);
    return slice_of(copy, bytes.size);
}

void group_disown(struct slice *bytes)
{
    mem_free((void *)(uintptr_t)bytes->data);
    *bytes = SLICE_NULL;
}

// Ids come from clients: the seed keeps them from choosing their bucket. Walks never follow a map, so it decides
// nothing.
uint64_t group_hash(struct group_state *state, struct slice bytes)
{
    if (state->seed == 0) state->seed = load_u64(coord_random_uuid(state->coord).bytes) | 1;
    return hash_bytes(state->seed, bytes);
}

// Java's String.hashCode, of code points below U+10000 (names of assignors).
int32_t group_java_hash(struct slice text)
{
    uint32_t hash = 0;
    if (text.size == 0) return 0;
    for (const uint8_t *at = text.data, *end = at + text.size; at < end;) hash = hash * 31 + utf8_next(&at, end);
    return (int32_t)hash;
}

const char *group_kind_name(enum group_kind kind)
{
    switch (kind) {
    case GROUP_KIND_CLASSIC: return "classic";
    case GROUP_KIND_CONSUMER: return "consumer";
    case GROUP_KIND_SHARE: return "share";
    case GROUP_KIND_STREAMS: return "streams";
    }
    return "Unknown";
}

const char *group_phase_name(const struct group *group)
{
    if (group->kind != GROUP_KIND_CLASSIC) return "Unknown";
    switch (group->phase) {
    case GROUP_EMPTY: return "Empty";
    case GROUP_PREPARING: return "PreparingRebalance";
    case GROUP_COMPLETING: return "CompletingRebalance";
    case GROUP_STABLE: return "Stable";
    }
    return "Unknown";
}

// ---- groups ------------------------------------------------------------------------------------------------------

struct group *group_find(struct group_state *state, struct slice id)
{
    uint64_t hash = group_hash(state, id);
    for (struct map_link *l = map_find(&state->by_id, hash); l != NULL; l = map_find_next(l)) {
        struct group *group = MAP_ITEM(l, struct group, by_id);
        if (slice_eq(group->id, id)) return group;
    }
    return NULL;
}

struct group *group_create(struct group_state *state, struct slice id)
{
    struct group *group = MEM_NEW(struct group);
    group->state = state;
    group->id = group_own(id);
    group->since_ms = coord_wall_ms(state->coord);
    group->join_timer.fire = group_join_timer;
    group->sync_timer.fire = group_sync_timer;
    list_init(&group->members);
    list_init(&group->pending);
    list_init(&group->topics);
    list_init(&group->subscribed);
    list_push_back(&state->groups, &group->link);
    map_insert(&state->by_id, &group->by_id, group_hash(state, id));
    return group;
}

static void forget_subscriptions(struct group *group)
{
    for (struct list *link; (link = list_pop_front(&group->subscribed)) != NULL;) {
        struct group_subscription *subscription = LIST_ITEM(link, struct group_subscription, link);
        group_disown(&subscription->name);
        mem_free(subscription);
    }
    map_deinit(&group->subscribed_by_name);
    group->is_subscription_known = false;
}

void group_destroy(struct group *group)
{
    struct group_state *state = group->state;
    for (struct list *link; (link = list_first(&group->members)) != NULL;)
        group_member_free(LIST_ITEM(link, struct group_member, link));
    for (struct list *link; (link = list_first(&group->pending)) != NULL;)
        group_member_free(LIST_ITEM(link, struct group_member, link));
    coord_timer_cancel(state->coord, &group->join_timer);
    coord_timer_cancel(state->coord, &group->sync_timer);
    forget_subscriptions(group);
    group_positions_free(group);
    map_remove(&state->by_id, &group->by_id);
    list_remove(&group->link);
    group_disown(&group->protocol_type);
    group_disown(&group->protocol_name);
    group_disown(&group->id);
    mem_free(group);
}

void group_enter(struct group *group, enum group_phase phase)
{
    group->previous = group->phase;
    group->phase = phase;
    group->since_ms = coord_wall_ms(group->state->coord);
}

bool group_is_consumer_type(const struct group *group)
{
    return slice_eq_str(group->protocol_type, "consumer");
}

// ---- subscriptions -----------------------------------------------------------------------------------------------

static struct group_subscription *find_subscription(const struct group *group, struct slice topic)
{
    uint64_t hash = group_hash(group->state, topic);
    for (struct map_link *l = map_find(&group->subscribed_by_name, hash); l != NULL; l = map_find_next(l))
        if (slice_eq(MAP_ITEM(l, struct group_subscription, by_name)->name, topic))
            return MAP_ITEM(l, struct group_subscription, by_name);
    return NULL;
}

static void subscribe(struct group *group, struct slice topic)
{
    if (find_subscription(group, topic) != NULL) return;
    struct group_subscription *subscription = MEM_NEW(struct group_subscription);
    subscription->name = group_own(topic);
    list_push_back(&group->subscribed, &subscription->link);
    map_insert(&group->subscribed_by_name, &subscription->by_name, group_hash(group->state, topic));
}

// Version 0 is a prefix of every version, so nothing behind it has to be understood.
static bool read_subscription(struct group *group, struct slice metadata)
{
    enum { VERSION_SIZE = 2 };
    if (metadata.size < VERSION_SIZE || load_i16(metadata.data) < 0) return false;
    struct consumer_protocol_subscription in;
    struct slice rest = slice_of(metadata.data + VERSION_SIZE, metadata.size - VERSION_SIZE);
    size_t consumed = 0;
    enum err e =
        wire_decode(&consumer_protocol_subscription_message, 0, rest, coord_arena(group->state->coord), &in, &consumed);
    if (e != OK) return false;
    for (int32_t i = 0; i < in.topics.count; i++) subscribe(group, in.topics.items[i]);
    return true;
}

void group_find_subscriptions(struct group *group)
{
    forget_subscriptions(group);
    if (!group_is_consumer_type(group)) return;
    if (group->member_count > 0 && slice_is_null(group->protocol_name)) return;
    group->is_subscription_known = true;
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        if (read_subscription(group, group_member_metadata(member, group->protocol_name))) continue;
        log_warn(coord_log(group->state->coord), "group", "%.*s: the subscription of member %.*s is not Kafka's form",
                 SLICE_FMT(group->id), SLICE_FMT(member->id));
        forget_subscriptions(group);
        return;
    }
}

bool group_has_topic(const struct group *group, struct slice topic)
{
    if (group->kind != GROUP_KIND_CLASSIC) return true;
    if (!group->is_subscription_known) return group_is_consumer_type(group);
    return find_subscription(group, topic) != NULL;
}

// ---- members -----------------------------------------------------------------------------------------------------

struct group_member *group_member_new(struct group *group, struct slice id, bool is_pending)
{
    struct group_member *member = MEM_NEW(struct group_member);
    member->group = group;
    member->id = group_own(id);
    member->is_pending = is_pending;
    member->session.fire = group_session_timer;
    map_insert(&group->state->members, &member->by_id, group_hash(group->state, id));
    list_push_back(is_pending ? &group->pending : &group->members, &member->link);
    return member;
}

void group_member_free(struct group_member *member)
{
    struct group_state *state = member->group->state;
    ASSERT(member->join == NULL && member->sync == NULL);
    coord_timer_cancel(state->coord, &member->session);
    list_remove(&member->link);
    map_remove(&state->members, &member->by_id);
    if (!slice_is_null(member->instance_id)) map_remove(&state->instances, &member->by_instance);
    for (int32_t i = 0; i < member->protocol_count; i++) {
        group_disown(&member->protocols[i].name);
        group_disown(&member->protocols[i].metadata);
    }
    mem_free(member->protocols);
    group_disown(&member->id);
    group_disown(&member->instance_id);
    group_disown(&member->client_id);
    group_disown(&member->client_host);
    group_disown(&member->assignment);
    mem_free(member);
}

struct group_member *group_member_find(struct group *group, struct slice id)
{
    uint64_t hash = group_hash(group->state, id);
    for (struct map_link *l = map_find(&group->state->members, hash); l != NULL; l = map_find_next(l)) {
        struct group_member *member = MAP_ITEM(l, struct group_member, by_id);
        if (member->group == group && slice_eq(member->id, id)) return member;
    }
    return NULL;
}

struct group_member *group_member_static(struct group *group, struct slice instance_id)
{
    if (slice_is_null(instance_id)) return NULL;
    uint64_t hash = group_hash(group->state, instance_id);
    for (struct map_link *l = map_find(&group->state->instances, hash); l != NULL; l = map_find_next(l)) {
        struct group_member *member = MAP_ITEM(l, struct group_member, by_instance);
        if (member->group == group && slice_eq(member->instance_id, instance_id)) return member;
    }
    return NULL;
}

void group_member_rename(struct group_member *member, struct slice id)
{
    struct group_state *state = member->group->state;
    map_remove(&state->members, &member->by_id);
    group_disown(&member->id);
    member->id = group_own(id);
    map_insert(&state->members, &member->by_id, group_hash(state, id));
}

void group_member_set_instance(struct group_member *member, struct slice instance_id)
{
    if (slice_is_null(instance_id)) return;
    struct group_state *state = member->group->state;
    member->instance_id = group_own(instance_id);
    map_insert(&state->instances, &member->by_instance, group_hash(state, instance_id));
}

void group_admit(struct group_member *member, struct slice protocol_type)
{
    struct group *group = member->group;
    if (group->member_count == 0) {
        group_disown(&group->protocol_type);
        group->protocol_type = group_own(protocol_type);
    }
    if (member->is_pending) {
        member->is_pending = false;
        list_remove(&member->link);
        list_push_back(&group->members, &member->link);
    }
    if (group->leader == NULL) group->leader = member;
    group->member_count++;
}

void group_remove(struct group_member *member)
{
    struct group *group = member->group;
    group_answer_join_error(member, EMPTY_STRING, ERR_UNKNOWN_MEMBER_ID);
    group_answer_sync(member, ERR_UNKNOWN_MEMBER_ID);
    group_clear_outstanding(member);
    if (!member->is_pending) group->member_count--;
    bool was_leader = group->leader == member;
    group_member_free(member);
    if (!was_leader) return;
    struct list *first = list_first(&group->members);
    group->leader = first == NULL ? NULL : LIST_ITEM(first, struct group_member, link);
}

void group_touch(struct group_member *member)
{
    struct coord *coord = member->group->state->coord;
    coord_timer_set(coord, &member->session, coord_now_ms(coord) + member->session_timeout_ms);
}

struct slice group_member_metadata(const struct group_member *member, struct slice protocol)
{
    for (int32_t i = 0; i < member->protocol_count; i++)
        if (slice_eq(member->protocols[i].name, protocol)) return member->protocols[i].metadata;
    return EMPTY_STRING;
}

enum err group_check_member(struct group *group, struct slice member_id, struct slice instance_id,
                            struct group_member **member)
{
    if (!slice_is_null(instance_id)) {
        struct group_member *known = group_member_static(group, instance_id);
        if (known == NULL) return ERR_UNKNOWN_MEMBER_ID;
        if (!slice_eq(known->id, member_id)) return ERR_FENCED_INSTANCE_ID;
    }
    struct group_member *found = group_member_find(group, member_id);
    if (found == NULL || found->is_pending) return ERR_UNKNOWN_MEMBER_ID;
    *member = found;
    return OK;
}

// ---- the machine -------------------------------------------------------------------------------------------------

static void *new_state(struct coord *coord, const void *settings)
{
    struct group_state *state = MEM_NEW(struct group_state);
    state->coord = coord;
    state->settings = settings;
    state->expiry.fire = group_expiry_timer;
    list_init(&state->groups);
    return state;
}

static void free_state(void *data)
{
    struct group_state *state = data;
    LIST_EACH (link, &state->groups) {
        struct group *group = LIST_ITEM(link, struct group, link);
        LIST_EACH (at, &group->members) { // coord_fail has taken the calls
            LIST_ITEM(at, struct group_member, link)->join = NULL;
            LIST_ITEM(at, struct group_member, link)->sync = NULL;
        }
        group_destroy(group);
    }
    coord_timer_cancel(state->coord, &state->expiry);
    map_deinit(&state->by_id);
    map_deinit(&state->members);
    map_deinit(&state->instances);
    map_deinit(&state->producers);
    mem_free(state);
}

static enum err apply(void *state, const struct coord_record *record)
{
    return group_apply(state, record);
}

static void end_transaction(void *state, int64_t producer_id, bool is_commit)
{
    group_end_transaction(state, producer_id, is_commit);
}

static void loaded(void *data)
{
    struct group_state *state = data;
    LIST_EACH (link, &state->groups) {
        struct group *group = LIST_ITEM(link, struct group, link);
        LIST_EACH (at, &group->members) group_touch(LIST_ITEM(at, struct group_member, link));
        // The limit may have been lowered since: whoever comes back first stays.
        if (group->member_count > state->settings->max_size) group_prepare(group, "loaded over capacity");
    }
    coord_timer_set(state->coord, &state->expiry,
                    coord_now_ms(state->coord) + state->settings->offsets_retention_check_ms);
}

static void decide(void *state, struct coord_call *call)
{
    switch (call->api_key) {
    case API_JOIN_GROUP: group_join(state, call); return;
    case API_SYNC_GROUP: group_sync(state, call); return;
    case API_HEARTBEAT: group_heartbeat(state, call); return;
    case API_LEAVE_GROUP: group_leave(state, call); return;
    case API_OFFSET_COMMIT: group_offset_commit(state, call); return;
    case API_OFFSET_FETCH: group_offset_fetch(state, call); return;
    case API_OFFSET_DELETE: group_offset_delete(state, call); return;
    case API_DESCRIBE_GROUPS: group_describe(state, call); return;
    case API_LIST_GROUPS: group_list(state, call); return;
    case API_DELETE_GROUPS: group_delete(state, call); return;
    default: break;
    }
    ASSERT(call->is_answered); // an API that is no group's
}

// Only JoinGroup and SyncGroup wait. The member goes on waiting as if its client were there, as in Kafka, which does
// not look at the connection either.
static void abandoned(void *data, struct coord_call *call)
{
    struct group_state *state = data;
    struct group_member *member = call->owner;
    if (member->join == call) {
        member->join = NULL;
        group_refuse_join(state, call, EMPTY_STRING, ERR_REBALANCE_IN_PROGRESS);
        return;
    }
    ASSERT(member->sync == call);
    member->sync = NULL;
    struct sync_group_response *response = coord_response(call, &sync_group_response_message);
    response->error_code = ERR_REBALANCE_IN_PROGRESS;
    coord_answer(state->coord, call, response);
}

static void image_changed(void *state, const struct image_delta *delta)
{
    group_topics_deleted(state, delta);
}

const struct coord_machine group_machine = {
    .name = "group",
    .new_state = new_state,
    .free_state = free_state,
    .apply = apply,
    .end_transaction = end_transaction,
    .loaded = loaded,
    .decide = decide,
    .abandoned = abandoned,
    .image_changed = image_changed,
};
