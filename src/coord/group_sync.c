// SPDX-License-Identifier: Apache-2.0
// SyncGroup, Heartbeat and LeaveGroup: what members of a generation do.
#include "coord/group_int.h"

#include "base/log.h"
#include "base/mem.h"
#include "proto/heartbeat.h"
#include "proto/leave_group.h"
#include "proto/sync_group.h"

// ---- SyncGroup ---------------------------------------------------------------------------------------------------

static bool differs(struct slice asked, struct slice ours)
{
    return !slice_is_null(asked) && !slice_is_null(ours) && !slice_eq(asked, ours);
}

static enum err check_sync(struct group *group, const struct sync_group_request *request, struct group_member **member)
{
    if (group == NULL || group->kind != GROUP_KIND_CLASSIC || group->phase == GROUP_EMPTY) return ERR_UNKNOWN_MEMBER_ID;
    enum err e = group_check_member(group, request->member_id, request->group_instance_id, member);
    if (e != OK) return e;
    if (request->generation_id != group->generation) return ERR_ILLEGAL_GENERATION;
    if (differs(request->protocol_type, group->protocol_type) || differs(request->protocol_name, group->protocol_name))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    return group->phase == GROUP_PREPARING ? ERR_REBALANCE_IN_PROGRESS : OK;
}

static void assign(struct group *group, const struct sync_group_request *request)
{
    LIST_EACH (link, &group->members) group_disown(&LIST_ITEM(link, struct group_member, link)->assignment);
    for (int32_t i = 0; i < request->assignments.count; i++) {
        struct group_member *member = group_member_find(group, request->assignments.items[i].member_id);
        if (member == NULL || member->is_pending) continue; // the leader dreams
        group_disown(&member->assignment);
        member->assignment = group_own(request->assignments.items[i].assignment);
    }
}

// As Kafka answers a record above max.message.bytes: the members try again, perhaps with less.
static void give_up_assignment(struct group *group)
{
    log_warn(coord_log(group->state->coord), "group",
             "%.*s: its %d members' subscriptions and assignments exceed the %zu bytes one record may have "
             "(max.message.bytes of __consumer_offsets)",
             SLICE_FMT(group->id), group->member_count, coord_record_bytes_max(group->state->coord));
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        group_disown(&member->assignment);
        if (member->is_awaiting_sync) group_answer_sync(member, ERR_UNKNOWN_SERVER_ERROR);
    }
    group_prepare(group, "its record is too large");
}

// The record comes first: nobody hears of an assignment the log does not know, for every answer waits for its batch.
static void stabilize(struct group *group, const struct sync_group_request *request)
{
    assign(group, request);
    if (!group_is_writable(group)) {
        give_up_assignment(group);
        return;
    }
    group_write(group);
    group_enter(group, GROUP_STABLE);
    LIST_EACH (link, &group->members) {
        struct group_member *member = LIST_ITEM(link, struct group_member, link);
        if (!member->is_awaiting_sync) continue;
        group_answer_sync(member, OK);
        group_touch(member);
    }
    log_info(coord_log(group->state->coord), "group", "%.*s: generation %d is assigned", SLICE_FMT(group->id),
             group->generation);
}

void group_sync(struct group_state *state, struct coord_call *call)
{
    const struct sync_group_request *request = call->body;
    struct group *group = group_find(state, request->group_id);
    struct group_member *member = NULL;
    enum err e = request->group_id.size == 0 ? ERR_INVALID_GROUP_ID : check_sync(group, request, &member);
    if (e != OK) {
        struct sync_group_response *response = coord_response(call, &sync_group_response_message);
        response->error_code = err_to_wire(e);
        coord_answer(state->coord, call, response);
        return;
    }
    group_park_sync(member, call);
    group_clear_outstanding(member);
    if (group->phase == GROUP_STABLE)
        group_answer_sync(member, OK);
    else if (member == group->leader)
        stabilize(group, request);
}

// ---- Heartbeat ---------------------------------------------------------------------------------------------------

static enum err heartbeat(struct group *group, const struct heartbeat_request *request)
{
    if (group == NULL || group->kind != GROUP_KIND_CLASSIC) return ERR_UNKNOWN_MEMBER_ID;
    struct group_member *member = NULL;
    enum err e = group_check_member(group, request->member_id, request->group_instance_id, &member);
    if (e != OK) return e;
    if (request->generation_id != group->generation) return ERR_ILLEGAL_GENERATION;
    group_touch(member);
    return group->phase == GROUP_PREPARING ? ERR_REBALANCE_IN_PROGRESS : OK;
}

void group_heartbeat(struct group_state *state, struct coord_call *call)
{
    const struct heartbeat_request *request = call->body;
    struct heartbeat_response *response = coord_response(call, &heartbeat_response_message);
    enum err e =
        request->group_id.size == 0 ? ERR_INVALID_GROUP_ID : heartbeat(group_find(state, request->group_id), request);
    response->error_code = err_to_wire(e);
    coord_answer(state->coord, call, response);
}

// ---- LeaveGroup --------------------------------------------------------------------------------------------------

enum { VERSION_MEMBERS = 3 };

static enum err leave(struct group *group, struct slice member_id, struct slice instance_id)
{
    struct group_member *member = NULL;
    if (member_id.size == 0) { // an administrator names static members by instance
        member = group_member_static(group, instance_id);
        if (member == NULL) return ERR_UNKNOWN_MEMBER_ID;
    } else {
        member = group_member_find(group, member_id);
        if (member == NULL || !member->is_pending) {
            enum err e = group_check_member(group, member_id, instance_id, &member);
            if (e != OK) return e;
        }
    }
    log_info(coord_log(group->state->coord), "group", "%.*s: member %.*s leaves", SLICE_FMT(group->id),
             SLICE_FMT(member->id));
    group_remove(member);
    return OK;
}

static void after_leaving(struct group *group)
{
    switch (group->phase) {
    case GROUP_STABLE:
    case GROUP_COMPLETING: group_prepare(group, "members have left"); return;
    case GROUP_PREPARING: group_try_complete(group); return;
    case GROUP_EMPTY: return;
    }
}

static void leave_all(struct group *group, const struct leave_group_request *request, struct coord_call *call,
                      struct leave_group_response *response)
{
    bool is_known = group != NULL && group->kind == GROUP_KIND_CLASSIC;
    bool has_left = false;
    response->members.items =
        ARENA_ARRAY(&call->arena, struct leave_group_response_member_response, request->members.count);
    for (int32_t i = 0; i < request->members.count; i++) {
        const struct leave_group_request_member_identity *in = &request->members.items[i];
        enum err e = is_known ? leave(group, in->member_id, in->group_instance_id) : ERR_UNKNOWN_MEMBER_ID;
        has_left = has_left || e == OK;
        response->members.items[response->members.count++] = (struct leave_group_response_member_response){
            .member_id = arena_copy(&call->arena, in->member_id),
            .group_instance_id = arena_copy(&call->arena, in->group_instance_id),
            .error_code = err_to_wire(e),
        };
    }
    if (has_left) after_leaving(group);
}

void group_leave(struct group_state *state, struct coord_call *call)
{
    const struct leave_group_request *request = call->body;
    struct leave_group_response *response = coord_response(call, &leave_group_response_message);
    struct group *group = group_find(state, request->group_id);
    if (request->group_id.size == 0) {
        response->error_code = err_to_wire(ERR_INVALID_GROUP_ID);
    } else if (call->version >= VERSION_MEMBERS) {
        leave_all(group, request, call, response);
    } else {
        bool is_known = group != NULL && group->kind == GROUP_KIND_CLASSIC;
        enum err e = is_known ? leave(group, request->member_id, SLICE_NULL) : ERR_UNKNOWN_MEMBER_ID;
        response->error_code = err_to_wire(e);
        if (e == OK) after_leaving(group);
    }
    coord_answer(state->coord, call, response);
}
