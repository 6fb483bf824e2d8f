// SPDX-License-Identifier: Apache-2.0
// JoinGroup: who may enter, under which id, and whether that starts a rebalance (KIP-62, KIP-345, KIP-394, KIP-814).
#include "coord/group_int.h"

#include "base/log.h"
#include "base/mem.h"
#include "proto/join_group.h"

enum { VERSION_MEMBER_ID_REQUIRED = 4, VERSION_SKIP_ASSIGNMENT = 9, UUID_HEX_SIZE = 36 };

// ---- what the request offers -------------------------------------------------------------------------------------

static bool all_have(const struct group *group, struct slice protocol)
{
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        bool has = false;
        for (int32_t i = 0; i < member->protocol_count && !has; i++)
            has = slice_eq(member->protocols[i].name, protocol);
        if (!has) return false;
    }
    return true;
}

static bool is_compatible(const struct group *group, const struct join_group_request *request)
{
    if (group->phase == GROUP_EMPTY) return request->protocol_type.size > 0 && request->protocols.count > 0;
    if (!slice_eq(group->protocol_type, request->protocol_type)) return false;
    for (int32_t i = 0; i < request->protocols.count; i++)
        if (all_have(group, request->protocols.items[i].name)) return true;
    return false;
}

static bool is_unchanged(const struct group_member *member, const struct join_group_request *request)
{
    if (member->protocol_count != request->protocols.count) return false;
    for (int32_t i = 0; i < member->protocol_count; i++) {
        if (!slice_eq(member->protocols[i].name, request->protocols.items[i].name)) return false;
        if (!slice_eq(member->protocols[i].metadata, request->protocols.items[i].metadata)) return false;
    }
    return true;
}

static void take_terms(struct group_member *member, const struct coord_call *call)
{
    const struct join_group_request *request = call->body;
    for (int32_t i = 0; i < member->protocol_count; i++) {
        group_disown(&member->protocols[i].name);
        group_disown(&member->protocols[i].metadata);
    }
    size_t count = (size_t)request->protocols.count;
    member->protocols = mem_realloc(member->protocols, (count == 0 ? 1 : count) * sizeof(*member->protocols));
    member->protocol_count = request->protocols.count;
    for (int32_t i = 0; i < request->protocols.count; i++) {
        member->protocols[i].name = group_own(request->protocols.items[i].name);
        member->protocols[i].metadata = group_own(request->protocols.items[i].metadata);
    }
    member->session_timeout_ms = request->session_timeout_ms;
    // Version 0 knows one time-out for both.
    member->rebalance_timeout_ms = call->version == 0 ? request->session_timeout_ms : request->rebalance_timeout_ms;
}

// A member that waits is safe; others may come up to the limit. While preparing, those who have come count, so that the
// last ones of a group over its limit are turned away.
static bool has_room(const struct group *group, const struct group_member *member)
{
    int32_t limit = group->state->settings->max_size;
    bool is_member = member != NULL && !member->is_pending;
    switch (group->phase) {
    case GROUP_EMPTY: return true;
    case GROUP_PREPARING: return (is_member && member->is_awaiting_join) || group->awaiting_join_count < limit;
    case GROUP_COMPLETING:
    case GROUP_STABLE: return is_member || group->member_count < limit;
    }
    return false;
}

// ---- new members -------------------------------------------------------------------------------------------------

static struct slice new_member_id(struct group_state *state, const struct coord_call *call)
{
    const struct join_group_request *request = call->body;
    struct uuid id = coord_random_uuid(state->coord);
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40); // version 4, as Java's randomUUID
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    struct slice stem = slice_is_null(request->group_instance_id) ? call->client_id : request->group_instance_id;
    size_t stem_max = GROUP_STRING_BYTES_MAX - UUID_HEX_SIZE - 1;
    if (stem.size > stem_max) stem.size = stem_max;
    const uint8_t *b = id.bytes;
    return slice_str(arena_printf(coord_arena(state->coord),
                                  "%.*s-%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                                  SLICE_FMT(stem), b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10],
                                  b[11], b[12], b[13], b[14], b[15]));
}

// `member` is the pending one of that id, or NULL.
static void add_member(struct group *group, struct coord_call *call, struct group_member *member, struct slice id)
{
    const struct join_group_request *request = call->body;
    struct coord *coord = group->state->coord;
    if (member == NULL) {
        member = group_member_new(group, id, false);
        group_member_set_instance(member, request->group_instance_id);
    }
    member->client_id = group_own(call->client_id);
    member->client_host = group_own(call->client_host);
    member->is_new = true;
    take_terms(member, call);
    if (group->phase == GROUP_PREPARING && group->previous == GROUP_EMPTY) group->joined_lately = true;
    group_admit(member, request->protocol_type);
    group_park_join(member, call);
    coord_timer_set(coord, &member->session, coord_now_ms(coord) + GROUP_NEW_MEMBER_JOIN_MS);
    group_rebalance(group, "a member is new");
}

static void announce(struct group *group, struct coord_call *call, struct slice id)
{
    const struct join_group_request *request = call->body;
    struct group_member *member = group_member_new(group, id, true);
    member->session_timeout_ms = request->session_timeout_ms;
    group_touch(member);
    group_refuse_join(group->state, call, id, ERR_MEMBER_ID_REQUIRED);
}

// ---- a static member comes back under a new id --------------------------------------------------------------------

// The group goes on as it is: only the id changes, and the log must know it before anybody does. Before version 9 a
// leader is told of its old id as the leader's, so that it does not assign anew.
static void replace_in_place(struct group_member *member, struct coord_call *call, struct slice old_leader)
{
    struct group *group = member->group;
    group_find_subscriptions(group);
    group_write(group);
    bool is_leader = group->leader == member;
    if (call->version >= VERSION_SKIP_ASSIGNMENT)
        group_answer_joined(member, call, group->leader->id, is_leader, is_leader);
    else
        group_answer_joined(member, call, old_leader, false, false);
}

static void replace_static(struct group_member *member, struct coord_call *call, struct slice new_id)
{
    struct group *group = member->group;
    struct slice old_leader = arena_copy(coord_arena(group->state->coord), group->leader->id);
    log_info(coord_log(group->state->coord), "group", "%.*s: static member %.*s is now %.*s", SLICE_FMT(group->id),
             SLICE_FMT(member->instance_id), SLICE_FMT(new_id));
    group_answer_join_error(member, member->id, ERR_FENCED_INSTANCE_ID);
    group_answer_sync(member, ERR_FENCED_INSTANCE_ID);
    group_member_rename(member, new_id);
    member->is_new = false;
    group_touch(member);
    take_terms(member, call);
    switch (group->phase) {
    case GROUP_STABLE:
        if (slice_eq(group_select_protocol(group), group->protocol_name)) {
            replace_in_place(member, call, old_leader);
            return;
        }
        break;
    case GROUP_COMPLETING: // the leader may know the old id already: its assignment would miss the new one
    case GROUP_PREPARING:
    case GROUP_EMPTY: break;
    }
    group_park_join(member, call);
    group_rebalance(group, "a static member is replaced");
}

static void join_new(struct group *group, struct coord_call *call)
{
    const struct join_group_request *request = call->body;
    if (!is_compatible(group, request)) {
        group_refuse_join(group->state, call, EMPTY_STRING, ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    struct slice id = new_member_id(group->state, call);
    struct group_member *known = group_member_static(group, request->group_instance_id);
    if (known != NULL)
        replace_static(known, call, id);
    else if (slice_is_null(request->group_instance_id) && call->version >= VERSION_MEMBER_ID_REQUIRED)
        announce(group, call, id);
    else
        add_member(group, call, NULL, id);
}

// ---- known members -----------------------------------------------------------------------------------------------

static void rejoin(struct group_member *member, struct coord_call *call, const char *reason)
{
    take_terms(member, call);
    group_park_join(member, call);
    group_rebalance(member->group, reason);
}

static void join_member(struct group_member *member, struct coord_call *call)
{
    struct group *group = member->group;
    bool is_unchanged_member = is_unchanged(member, call->body);
    bool is_leader = group->leader == member;
    switch (group->phase) {
    case GROUP_PREPARING: rejoin(member, call, "a member rejoins"); return;
    case GROUP_COMPLETING: // unchanged: it may have missed the answer
        if (is_unchanged_member)
            group_answer_joined(member, call, group->leader->id, is_leader, false);
        else
            rejoin(member, call, "a member has changed");
        return;
    case GROUP_STABLE: // the leader may have seen other topics
        if (is_leader || !is_unchanged_member)
            rejoin(member, call, is_leader ? "the leader rejoins" : "a member has changed");
        else
            group_answer_joined(member, call, group->leader->id, false, false);
        return;
    case GROUP_EMPTY: break; // has no members
    }
    group_refuse_join(group->state, call, member->id, ERR_UNKNOWN_MEMBER_ID);
}

static void join_known(struct group *group, struct coord_call *call)
{
    const struct join_group_request *request = call->body;
    struct group_member *member = group_member_find(group, request->member_id);
    if (!is_compatible(group, request)) {
        group_refuse_join(group->state, call, request->member_id, ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    if (member != NULL && member->is_pending) {
        // Pending ids are given to dynamic members only.
        if (!slice_is_null(request->group_instance_id))
            group_refuse_join(group->state, call, EMPTY_STRING, ERR_UNKNOWN_SERVER_ERROR);
        else
            add_member(group, call, member, member->id);
        return;
    }
    enum err e = group_check_member(group, request->member_id, request->group_instance_id, &member);
    if (e != OK)
        group_refuse_stranger(group->state, call, request->member_id, e);
    else
        join_member(member, call);
}

void group_join(struct group_state *state, struct coord_call *call)
{
    const struct join_group_request *request = call->body;
    const struct group_settings *settings = state->settings;
    if (request->group_id.size == 0) {
        group_refuse_join(state, call, request->member_id, ERR_INVALID_GROUP_ID);
        return;
    }
    if (request->session_timeout_ms < settings->min_session_timeout_ms ||
        request->session_timeout_ms > settings->max_session_timeout_ms) {
        group_refuse_join(state, call, request->member_id, ERR_INVALID_SESSION_TIMEOUT);
        return;
    }
    struct group *group = group_find(state, request->group_id);
    bool is_nameless = request->member_id.size == 0;
    if (group != NULL && group->kind != GROUP_KIND_CLASSIC) {
        group_refuse_join(state, call, EMPTY_STRING, ERR_INCONSISTENT_GROUP_PROTOCOL);
        return;
    }
    if (group == NULL && !is_nameless) {
        group_refuse_join(state, call, request->member_id, ERR_UNKNOWN_MEMBER_ID);
        return;
    }
    if (group == NULL) {
        group = group_create(state, request->group_id);
        group_write_new(group);
    }
    struct group_member *member = is_nameless ? NULL : group_member_find(group, request->member_id);
    if (!has_room(group, member)) {
        if (member != NULL) group_remove(member);
        group_refuse_join(state, call, EMPTY_STRING, ERR_GROUP_MAX_SIZE_REACHED);
        return;
    }
    if (is_nameless)
        join_new(group, call);
    else
        join_known(group, call);
}
