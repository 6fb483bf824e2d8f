// SPDX-License-Identifier: Apache-2.0
// The phases of a classic group (kafka-internals E3):
//
//   Empty -> Preparing       the first member; the first rebalance waits for others to come
//   Stable, Completing -> Preparing   somebody came, went or changed
//   Preparing -> Completing  all known members wait in JoinGroup, or the longest rebalance time-out is over
//   Preparing -> Empty       the last one has gone
//   Completing -> Stable     the leader has sent the assignment; the record that tells of it precedes every answer
#include "coord/group_int.h"

#include "base/log.h"
#include "base/mem.h"
#include "proto/join_group.h"
#include "proto/sync_group.h"

enum { VERSION_NULL_PROTOCOL = 7 };

// ---- answers -----------------------------------------------------------------------------------------------------

static struct join_group_response *refusal(struct coord_call *call, struct slice member_id, enum err why)
{
    struct join_group_response *response = coord_response(call, &join_group_response_message);
    response->error_code = err_to_wire(why);
    response->member_id = arena_copy(&call->arena, member_id);
    return response;
}

void group_refuse_join(struct group_state *state, struct coord_call *call, struct slice member_id, enum err why)
{
    coord_answer(state->coord, call, refusal(call, member_id, why));
}

// Kafka then has null for a protocol where its versions know null, elsewhere it is empty.
void group_refuse_stranger(struct group_state *state, struct coord_call *call, struct slice member_id, enum err why)
{
    struct join_group_response *response = refusal(call, member_id, why);
    if (call->version >= VERSION_NULL_PROTOCOL) response->protocol_name = SLICE_NULL;
    coord_answer(state->coord, call, response);
}

static void refuse_sync(struct group_state *state, struct coord_call *call, enum err why)
{
    struct sync_group_response *response = coord_response(call, &sync_group_response_message);
    response->error_code = err_to_wire(why);
    coord_answer(state->coord, call, response);
}

// A second request of the same member: the first one's client has given up on it.
void group_park_join(struct group_member *member, struct coord_call *call)
{
    if (!member->is_awaiting_join) member->group->awaiting_join_count++;
    if (member->join != NULL)
        group_refuse_join(member->group->state, member->join, member->id, ERR_REBALANCE_IN_PROGRESS);
    member->is_awaiting_join = true;
    member->join = call;
    call->owner = member;
}

void group_park_sync(struct group_member *member, struct coord_call *call)
{
    if (member->sync != NULL) refuse_sync(member->group->state, member->sync, ERR_REBALANCE_IN_PROGRESS);
    member->is_awaiting_sync = true;
    member->sync = call;
    call->owner = member;
}

static struct coord_call *take_join(struct group_member *member)
{
    struct coord_call *call = member->join;
    if (member->is_awaiting_join) member->group->awaiting_join_count--;
    member->is_awaiting_join = false;
    member->join = NULL;
    return call;
}

void group_answer_join_error(struct group_member *member, struct slice member_id, enum err why)
{
    struct coord_call *call = take_join(member);
    if (call == NULL) return;
    if (why == ERR_FENCED_INSTANCE_ID)
        group_refuse_stranger(member->group->state, call, member_id, why);
    else
        group_refuse_join(member->group->state, call, member_id, why);
}

void group_answer_sync(struct group_member *member, enum err why)
{
    struct coord_call *call = member->sync;
    struct group *group = member->group;
    member->is_awaiting_sync = false;
    member->sync = NULL;
    if (call == NULL) return;
    struct sync_group_response *response = coord_response(call, &sync_group_response_message);
    response->error_code = err_to_wire(why);
    if (why == OK) {
        response->protocol_type = arena_copy(&call->arena, group->protocol_type);
        response->protocol_name = arena_copy(&call->arena, group->protocol_name);
        response->assignment = arena_copy(&call->arena, member->assignment);
    }
    coord_answer(group->state->coord, call, response);
}

static void list_members(const struct group *group, struct coord_call *call, struct join_group_response *response)
{
    response->members.items =
        ARENA_ARRAY(&call->arena, struct join_group_response_join_group_response_member, group->member_count);
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        struct slice metadata = group_member_metadata(member, group->protocol_name);
        response->members.items[response->members.count++] = (struct join_group_response_join_group_response_member){
            .member_id = arena_copy(&call->arena, member->id),
            .group_instance_id = arena_copy(&call->arena, member->instance_id),
            .metadata = arena_copy(&call->arena, metadata),
        };
    }
}

void group_answer_joined(struct group_member *member, struct coord_call *call, struct slice leader, bool with_members,
                         bool skip_assignment)
{
    const struct group *group = member->group;
    struct join_group_response *response = coord_response(call, &join_group_response_message);
    response->generation_id = group->generation;
    response->protocol_type = arena_copy(&call->arena, group->protocol_type);
    response->protocol_name = arena_copy(&call->arena, group->protocol_name);
    response->leader = arena_copy(&call->arena, leader);
    response->member_id = arena_copy(&call->arena, member->id);
    response->skip_assignment = skip_assignment;
    if (with_members) list_members(group, call, response);
    coord_answer(group->state->coord, call, response);
}

// ---- protocol ----------------------------------------------------------------------------------------------------

static bool all_support(const struct group *group, struct slice protocol)
{
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        int32_t i = 0;
        while (i < member->protocol_count && !slice_eq(member->protocols[i].name, protocol)) i++;
        if (i == member->protocol_count) return false;
    }
    return true;
}

struct vote {
    struct slice protocol;
    int32_t count;
};

// Kafka counts in a hash map of 16 places and takes the first of equals.
static int32_t place_of(struct slice protocol)
{
    enum { PLACES = 16, FOLD = 16 };
    uint32_t hash = (uint32_t)group_java_hash(protocol);
    return (int32_t)((hash ^ hash >> FOLD) & (PLACES - 1));
}

static bool wins(const struct vote *a, const struct vote *b)
{
    return a->count != b->count ? a->count > b->count : place_of(a->protocol) < place_of(b->protocol);
}

struct slice group_select_protocol(const struct group *group)
{
    const struct group_member *first = LIST_ITEM(group->members.next, struct group_member, link);
    int32_t count = 0; // candidates: what all support, the first member too
    struct vote *votes = ARENA_ARRAY(coord_arena(group->state->coord), struct vote, first->protocol_count);
    for (int32_t i = 0; i < first->protocol_count; i++)
        if (all_support(group, first->protocols[i].name)) votes[count++].protocol = first->protocols[i].name;
    if (count == 0) return EMPTY_STRING; // nobody is admitted who shares nothing with the others
    LIST_EACH (link, &group->members) {
        const struct group_member *member = LIST_ITEM(link, struct group_member, link);
        bool has_voted = false;
        for (int32_t i = 0; i < member->protocol_count && !has_voted; i++)
            for (int32_t v = 0; v < count && !has_voted; v++) {
                has_voted = slice_eq(votes[v].protocol, member->protocols[i].name);
                votes[v].count += has_voted;
            }
    }
    const struct vote *best = &votes[0];
    for (int32_t v = 1; v < count; v++)
        if (wins(&votes[v], best)) best = &votes[v];
    return best->protocol;
}

// ---- preparing ---------------------------------------------------------------------------------------------------

int32_t group_rebalance_timeout_ms(const struct group *group)
{
    int32_t longest = 0;
    LIST_EACH (link, &group->members) {
        int32_t timeout_ms = LIST_ITEM(link, struct group_member, link)->rebalance_timeout_ms;
        if (timeout_ms > longest) longest = timeout_ms;
    }
    return longest;
}

bool group_can_rebalance(const struct group *group)
{
    return group->phase != GROUP_PREPARING;
}

bool group_all_joined(const struct group *group)
{
    return group->awaiting_join_count == group->member_count && list_is_empty(&group->pending);
}

static void set_join_timer(struct group *group, int32_t delay_ms)
{
    struct coord *coord = group->state->coord;
    coord_timer_set(coord, &group->join_timer, coord_now_ms(coord) + delay_ms);
}

static void end_sync_phase(struct group *group)
{
    bool was_completing = group->phase == GROUP_COMPLETING;
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        group_clear_outstanding(member);
        if (!was_completing) continue;
        group_disown(&member->assignment);
        if (member->is_awaiting_sync) group_touch(member);
        group_answer_sync(member, ERR_REBALANCE_IN_PROGRESS);
    }
    coord_timer_cancel(group->state->coord, &group->sync_timer);
}

static void begin_delay(struct group *group)
{
    int32_t delay_ms = group->state->settings->initial_rebalance_delay_ms;
    int32_t longest_ms = group_rebalance_timeout_ms(group);
    group->joined_lately = false;
    group->is_join_delayed = true;
    group->delay_ms = delay_ms;
    group->delay_left_ms = longest_ms > delay_ms ? longest_ms - delay_ms : 0;
    set_join_timer(group, delay_ms);
}

void group_prepare(struct group *group, const char *reason)
{
    bool is_first = group->phase == GROUP_EMPTY;
    end_sync_phase(group);
    group->is_join_delayed = false;
    if (is_first) begin_delay(group);
    group_enter(group, GROUP_PREPARING);
    log_info(coord_log(group->state->coord), "group", "%.*s: preparing to rebalance, old generation %d (%s)",
             SLICE_FMT(group->id), group->generation, reason);
    if (is_first) return;
    if (group_all_joined(group))
        group_complete(group);
    else
        set_join_timer(group, group_rebalance_timeout_ms(group));
}

void group_try_complete(struct group *group)
{
    if (group->phase != GROUP_PREPARING || group->previous == GROUP_EMPTY || !group_all_joined(group)) return;
    group_complete(group);
}

void group_rebalance(struct group *group, const char *reason)
{
    if (group_can_rebalance(group))
        group_prepare(group, reason);
    else
        group_try_complete(group);
}

void group_join_timer(void *state, struct coord_timer *timer)
{
    (void)state;
    struct group *group = CONTAINER_OF(timer, struct group, join_timer);
    if (group->phase != GROUP_PREPARING) return;
    if (!group->is_join_delayed || !group->joined_lately || group->delay_left_ms == 0) {
        group_complete(group);
        return;
    }
    // Somebody came meanwhile, perhaps others follow.
    int32_t spent_ms = group->delay_ms;
    int32_t left_ms = group->delay_left_ms;
    int32_t wanted_ms = group->state->settings->initial_rebalance_delay_ms;
    group->joined_lately = false;
    group->delay_ms = wanted_ms < left_ms ? wanted_ms : left_ms;
    group->delay_left_ms = left_ms > spent_ms ? left_ms - spent_ms : 0;
    set_join_timer(group, group->delay_ms);
}

// ---- completing --------------------------------------------------------------------------------------------------

static void remove_late(struct group *group)
{
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        if (member->is_awaiting_join || !slice_is_null(member->instance_id)) continue;
        log_info(coord_log(group->state->coord), "group", "%.*s: removed member %.*s, which has not rejoined in time",
                 SLICE_FMT(group->id), SLICE_FMT(member->id));
        group_remove(member);
    }
}

// The leader must be one who has come, else nobody would assign.
static bool has_leader(struct group *group)
{
    if (group->leader == NULL) return false;
    if (group->leader->is_awaiting_join) return true;
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        if (!member->is_awaiting_join) continue;
        group->leader = member;
        return true;
    }
    return false;
}

static void begin_generation(struct group *group)
{
    struct coord *coord = group->state->coord;
    struct slice protocol = group->member_count == 0 ? SLICE_NULL : group_own(group_select_protocol(group));
    group->generation = (int32_t)((uint32_t)group->generation + 1);
    group_disown(&group->protocol_name);
    group->protocol_name = protocol;
    group_find_subscriptions(group);
    group_enter(group, group->member_count == 0 ? GROUP_EMPTY : GROUP_COMPLETING);
    log_info(coord_log(coord), "group", "%.*s: generation %d has %d members", SLICE_FMT(group->id), group->generation,
             group->member_count);
}

void group_complete(struct group *group)
{
    struct coord *coord = group->state->coord;
    coord_timer_cancel(coord, &group->join_timer);
    group->is_join_delayed = false;
    remove_late(group);
    if (!has_leader(group) && group->member_count > 0) {
        // Static members only, and all of them away: wait until sessions end or one comes back.
        set_join_timer(group, group_rebalance_timeout_ms(group));
        return;
    }
    begin_generation(group);
    if (group->phase == GROUP_EMPTY) {
        group_write(group);
        return;
    }
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        struct coord_call *call = take_join(member);
        if (call != NULL) group_answer_joined(member, call, group->leader->id, member == group->leader, false);
        group_touch(member);
        member->is_new = false;
        member->is_sync_outstanding = true;
        group->outstanding_sync_count++;
    }
    coord_timer_set(coord, &group->sync_timer, coord_now_ms(coord) + group_rebalance_timeout_ms(group));
}

// ---- those who do not answer -------------------------------------------------------------------------------------

void group_clear_outstanding(struct group_member *member)
{
    if (!member->is_sync_outstanding) return;
    member->is_sync_outstanding = false;
    if (--member->group->outstanding_sync_count == 0)
        coord_timer_cancel(member->group->state->coord, &member->group->sync_timer);
}

void group_sync_timer(void *state, struct coord_timer *timer)
{
    (void)state;
    struct group *group = CONTAINER_OF(timer, struct group, sync_timer);
    if (group->outstanding_sync_count == 0) return;
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        if (member->is_sync_outstanding) group_remove(member);
    }
    group_prepare(group, "members did not sync in time");
}

void group_session_timer(void *state, struct coord_timer *timer)
{
    (void)state;
    struct group_member *member = CONTAINER_OF(timer, struct group_member, session);
    struct group *group = member->group;
    // Who waits for us cannot send heartbeats; but a new member's first JoinGroup may be nobody's any more.
    bool is_satisfied = !member->is_new && (member->is_awaiting_join || member->is_awaiting_sync);
    if (!member->is_pending && is_satisfied) return;
    log_info(coord_log(group->state->coord), "group", "%.*s: session of %s member %.*s is over", SLICE_FMT(group->id),
             member->is_pending ? "pending" : "", SLICE_FMT(member->id));
    bool was_pending = member->is_pending;
    group_remove(member);
    if (group->phase == GROUP_PREPARING) {
        if (group_all_joined(group)) group_complete(group);
    } else if (!was_pending) {
        group_prepare(group, "a session is over");
    }
}
