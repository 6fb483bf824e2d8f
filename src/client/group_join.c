// SPDX-License-Identifier: Apache-2.0
// The membership: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup (kafka-internals D).
//
// The coordinator is called by an id of its own (INT32_MAX - broker), so that a JoinGroup that waits for the others
// does not hold up the fetches on the connection to the same broker.
#include "client/group_int.h"

#include "proto/apis.h"

enum { JOIN_EXTRA_MS = 5000 }; // on top of the rebalance time-out that a JoinGroup may wait

static const struct slice protocol_type = SLICE("consumer");

void client_group_lose_coordinator(struct client_group *group)
{
    group->coordinator = COORDINATOR_UNKNOWN;
    client_group_wake(group);
}

void client_group_reset(struct client_group *group, bool forgets_member)
{
    group->generation = -1;
    group->is_leader = false;
    if (forgets_member) text_clear(&group->member_id);
    group->needs_rejoin = true;
    if (group->state == GROUP_STABLE) group->state = GROUP_OUT;
    client_group_wake(group);
}

static void fill_identity(const struct client_group *group, struct slice *member_id, struct slice *instance_id)
{
    *member_id = group->member_id.size == 0 ? SLICE("") : text_slice(&group->member_id);
    *instance_id = group->config.instance_id;
}

// ---- FindCoordinator -------------------------------------------------------------------------------------------

static void found(struct client *client, struct client_call *call)
{
    struct client_group *group = call->context;
    group->find_is_open = false;
    const struct find_coordinator_response *answer = call->response;
    enum err e = call->err != OK ? call->err : (enum err)answer->error_code;
    if (e == ERR_CLOSED) return;
    if (e == OK && answer->node_id >= 0 && answer->host.size > 0) {
        group->failures = 0;
        group->coordinator = INT32_MAX - answer->node_id;
        client_add_node(client, group->coordinator, answer->host, answer->port);
        client_group_wake(group);
    } else if (e == ERR_GROUP_AUTHORIZATION_FAILED || e == ERR_INVALID_GROUP_ID || e == ERR_UNSUPPORTED_VERSION) {
        client_group_fail(group, e, SLICE_NULL, -1);
    } else {
        client_group_back_off(group);
    }
    client_call_deinit(call);
}

void client_group_find(struct client_group *group)
{
    if (group->find_is_open) return;
    arena_reset(&group->find_arena);
    struct find_coordinator_request *request = ARENA_NEW(&group->find_arena, struct find_coordinator_request);
    *request = find_coordinator_request_init();
    request->key = group->config.group_id;
    client_group_call(group, &group->find_call, &group->find_is_open, API_FIND_COORDINATOR, request, found);
    group->find_call.node_id = CLIENT_ANY;
    group->find_call.version_max = 3; // later ones ask for many groups at once
    client_call(group->client, &group->find_call);
}

// ---- what all answers may say ----------------------------------------------------------------------------------

// True: dealt with. What is left is the caller's.
static bool take_common_error(struct client_group *group, enum err e)
{
    switch ((int)e) {
    case ERR_NOT_COORDINATOR:
    case ERR_COORDINATOR_NOT_AVAILABLE:
    case ERR_NETWORK_EXCEPTION:
    case ERR_REQUEST_TIMED_OUT:
    case ERR_BROKER_NOT_AVAILABLE:
    case ERR_CORRUPT:
        client_group_lose_coordinator(group);
        client_group_back_off(group);
        return true;
    case ERR_COORDINATOR_LOAD_IN_PROGRESS: client_group_back_off(group); return true;
    case ERR_FENCED_INSTANCE_ID:
    case ERR_GROUP_AUTHORIZATION_FAILED:
    case ERR_INCONSISTENT_GROUP_PROTOCOL:
    case ERR_INVALID_GROUP_ID:
    case ERR_INVALID_SESSION_TIMEOUT:
    case ERR_GROUP_MAX_SIZE_REACHED:
    case ERR_UNSUPPORTED_VERSION: client_group_fail(group, e, SLICE_NULL, -1); return true;
    default: return false;
    }
}

// ---- JoinGroup -------------------------------------------------------------------------------------------------

static void sync(struct client_group *group, const struct assignor_member *members, size_t member_count);

static void start_leading(struct client_group *group)
{
    group->state = GROUP_LEADING;
    group->leading_until_ns =
        env_now_ns(client_env(group->client)) + (int64_t)client_config(group->client)->request_timeout_ms * 1000000;
    client_group_lead(group);
}

static void join_succeeded(struct client_group *group, const struct join_group_response *answer)
{
    text_clear(&group->member_id);
    text_add(&group->member_id, answer->member_id);
    group->generation = answer->generation_id;
    group->failures = 0;
    group->needs_rejoin = false;
    if (!assignor_find(answer->protocol_name, &group->assignor)) {
        client_group_fail(group, ERR_INCONSISTENT_GROUP_PROTOCOL, SLICE_NULL, -1);
        return;
    }
    group->is_leader = slice_eq(answer->leader, answer->member_id);
    if (group->is_leader && !answer->skip_assignment) {
        start_leading(group);
        return;
    }
    group->snapshot_count = 0;
    sync(group, NULL, 0);
}

static void joined(struct client *client, struct client_call *call)
{
    (void)client;
    struct client_group *group = call->context;
    group->join_is_open = false;
    const struct join_group_response *answer = call->response;
    enum err e = call->err != OK ? call->err : (enum err)answer->error_code;
    if (e == ERR_CLOSED) return;
    if (e == OK) {
        join_succeeded(group, answer); // the leader reads on in the answer
        return;
    }
    group->state = GROUP_PREPARING; // everything to be given up has been
    if (e == ERR_MEMBER_ID_REQUIRED) {
        text_clear(&group->member_id);
        text_add(&group->member_id, answer->member_id);
    } else if (e == ERR_UNKNOWN_MEMBER_ID) {
        client_group_reset(group, true);
        group->state = GROUP_OUT; // what we still hold is lost
    } else if (!take_common_error(group, e)) {
        client_group_back_off(group);
    }
    client_group_wake(group);
}

static struct slice metadata_for(struct client_group *group, enum assignor assignor)
{
    struct assignor_member member = {
        .topics = group->topics,
        .topic_count = group->topic_count,
        .owned = assignor == ASSIGNOR_STICKY ? group->last : group->owned,
        .generation = group->last_generation,
        .subscription_generation = group->generation,
    };
    return assignor_encode_subscription(assignor, &member, &group->join_arena);
}

void client_group_join(struct client_group *group)
{
    if (group->join_is_open) return;
    const struct client_group_config *config = &group->config;
    arena_reset(&group->join_arena);
    struct join_group_request *request = ARENA_NEW(&group->join_arena, struct join_group_request);
    *request = join_group_request_init();
    request->group_id = config->group_id;
    request->session_timeout_ms = config->session_timeout_ms;
    request->rebalance_timeout_ms = config->rebalance_timeout_ms;
    request->protocol_type = protocol_type;
    fill_identity(group, &request->member_id, &request->group_instance_id);
    request->protocols.items =
        ARENA_ARRAY(&group->join_arena, struct join_group_request_join_group_request_protocol, config->assignor_count);
    for (int i = 0; i < config->assignor_count; i++) {
        struct join_group_request_join_group_request_protocol *protocol = &request->protocols.items[i];
        *protocol = join_group_request_join_group_request_protocol_init();
        protocol->name = slice_str(assignor_name(config->assignors[i]));
        protocol->metadata = metadata_for(group, config->assignors[i]);
        request->protocols.count++;
    }
    group->state = GROUP_JOINING;
    group->needs_rejoin = false;
    client_group_call(group, &group->join_call, &group->join_is_open, API_JOIN_GROUP, request, joined);
    int32_t request_timeout_ms = client_config(group->client)->request_timeout_ms;
    int64_t timeout_ms = (int64_t)config->rebalance_timeout_ms + JOIN_EXTRA_MS;
    if (timeout_ms > INT32_MAX) timeout_ms = INT32_MAX;
    group->join_call.timeout_ms = timeout_ms > request_timeout_ms ? (int32_t)timeout_ms : request_timeout_ms;
    client_call(group->client, &group->join_call);
}

// ---- the leader ------------------------------------------------------------------------------------------------

static struct assignor_member *read_members(struct client_group *group, const struct join_group_response *answer)
{
    struct assignor_member *members =
        ARENA_ARRAY(&group->join_arena, struct assignor_member, answer->members.count + 1);
    for (int32_t i = 0; i < answer->members.count; i++) {
        const struct join_group_response_join_group_response_member *from = &answer->members.items[i];
        members[i] = (struct assignor_member){.generation = -1, .subscription_generation = -1};
        // Who sends garbage subscribes to nothing: the others can still be served.
        if (assignor_decode_subscription(group->assignor, from->metadata, &group->join_arena, &members[i]) != OK) {
            members[i] = (struct assignor_member){.generation = -1, .subscription_generation = -1};
        }
        members[i].member_id = from->member_id;
        members[i].instance_id = from->group_instance_id;
    }
    return members;
}

static bool is_listed(const struct topic_count *topics, size_t count, struct slice name)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(topics[i].topic, name)) return true;
    }
    return false;
}

// The topics of all members, with their partitions as metadata has them. False: some are not answered for.
static bool take_snapshot(struct client_group *group, const struct assignor_member *members, size_t member_count)
{
    size_t total = 0, count = 0;
    for (size_t i = 0; i < member_count; i++) total += members[i].topic_count;
    struct topic_count *topics = mem_zalloc(total + 1, sizeof(*topics));
    bool is_complete = true;
    for (size_t i = 0; i < member_count; i++) {
        for (size_t t = 0; t < members[i].topic_count; t++) {
            struct slice name = members[i].topics[t];
            if (is_listed(topics, count, name)) continue;
            client_want_topic(group->client, name);
            const struct client_topic *meta = client_topic(group->client, name);
            is_complete = is_complete && meta != NULL;
            topics[count++] =
                (struct topic_count){client_group_intern(group, name), meta == NULL ? 0 : meta->partition_count};
        }
    }
    mem_free(group->snapshot);
    group->snapshot = topics;
    group->snapshot_count = count;
    return is_complete;
}

void client_group_lead(struct client_group *group)
{
    struct env *env = client_env(group->client);
    const struct join_group_response *answer = group->join_call.response;
    struct assignor_member *members = read_members(group, answer);
    size_t count = (size_t)answer->members.count;
    // With the last topic's answer comes the next step; without any, the assignment is made of what is known.
    if (!take_snapshot(group, members, count) && env_now_ns(env) < group->leading_until_ns) {
        env_timer_set_ns(env, &group->back_off_timer, group->leading_until_ns);
        return;
    }
    struct assignor_topic *topics = ARENA_ARRAY(&group->join_arena, struct assignor_topic, group->snapshot_count + 1);
    for (size_t i = 0; i < group->snapshot_count; i++) {
        topics[i] = (struct assignor_topic){group->snapshot[i].topic, group->snapshot[i].partition_count};
    }
    assignor_assign(group->assignor, topics, group->snapshot_count, members, count, &group->join_arena);
    sync(group, members, count);
}

// ---- SyncGroup -------------------------------------------------------------------------------------------------

static void sync_failed(struct client_group *group, enum err e)
{
    group->state = GROUP_OUT;
    group->needs_rejoin = true;
    if (e == ERR_UNKNOWN_MEMBER_ID || e == ERR_ILLEGAL_GENERATION) {
        client_group_reset(group, e == ERR_UNKNOWN_MEMBER_ID);
    } else if (e != ERR_REBALANCE_IN_PROGRESS && !take_common_error(group, e)) {
        client_group_back_off(group);
    }
    client_group_wake(group);
}

static void synced(struct client *client, struct client_call *call)
{
    (void)client;
    struct client_group *group = call->context;
    group->sync_is_open = false;
    const struct sync_group_response *answer = call->response;
    enum err e = call->err != OK ? call->err : (enum err)answer->error_code;
    if (e == ERR_CLOSED) return;
    struct assignor_partitions assigned = {0};
    if (e == OK && assignor_decode_assignment(answer->assignment, &group->sync_arena, &assigned) != OK) {
        e = ERR_CORRUPT_MESSAGE;
    }
    if (e != OK) {
        sync_failed(group, e);
        return;
    }
    group->failures = 0;
    client_group_adopt(group, &assigned);
    env_timer_after_ms(client_env(client), &group->heartbeat_timer, group->config.heartbeat_interval_ms);
    client_call_deinit(&group->join_call);
}

static void sync(struct client_group *group, const struct assignor_member *members, size_t member_count)
{
    struct arena *arena = &group->sync_arena;
    arena_reset(arena);
    struct sync_group_request *request = ARENA_NEW(arena, struct sync_group_request);
    *request = sync_group_request_init();
    request->group_id = group->config.group_id;
    request->generation_id = group->generation;
    fill_identity(group, &request->member_id, &request->group_instance_id);
    request->protocol_type = protocol_type;
    request->protocol_name = slice_str(assignor_name(group->assignor));
    request->assignments.items =
        ARENA_ARRAY(arena, struct sync_group_request_sync_group_request_assignment, member_count + 1);
    for (size_t i = 0; i < member_count; i++) {
        struct sync_group_request_sync_group_request_assignment *one = &request->assignments.items[i];
        *one = sync_group_request_sync_group_request_assignment_init();
        one->member_id = members[i].member_id;
        one->assignment = assignor_encode_assignment(&members[i].assigned, arena);
        request->assignments.count++;
    }
    group->state = GROUP_SYNCING;
    client_group_call(group, &group->sync_call, &group->sync_is_open, API_SYNC_GROUP, request, synced);
    int64_t timeout_ms = (int64_t)group->config.rebalance_timeout_ms + JOIN_EXTRA_MS;
    group->sync_call.timeout_ms = timeout_ms > INT32_MAX ? INT32_MAX : (int32_t)timeout_ms;
    client_call(group->client, &group->sync_call);
}

// ---- Heartbeat -------------------------------------------------------------------------------------------------

static void beaten(struct client *client, struct client_call *call)
{
    struct client_group *group = call->context;
    group->heartbeat_is_open = false;
    const struct heartbeat_request *asked = call->request;
    const struct heartbeat_response *answer = call->response;
    enum err e = call->err != OK ? call->err : (enum err)answer->error_code;
    if (e == ERR_CLOSED) return;
    client_call_deinit(call);
    env_timer_after_ms(client_env(client), &group->heartbeat_timer, group->config.heartbeat_interval_ms);
    bool is_current = asked->generation_id == group->generation;
    bool is_settled = group->state == GROUP_STABLE || group->state == GROUP_PREPARING;
    if (e == OK || !is_current || !is_settled) return; // joining says it all anew
    if (e == ERR_REBALANCE_IN_PROGRESS) {
        group->needs_rejoin = true;
        client_group_wake(group);
    } else if (e == ERR_UNKNOWN_MEMBER_ID || e == ERR_ILLEGAL_GENERATION) {
        client_group_reset(group, e == ERR_UNKNOWN_MEMBER_ID);
        group->state = GROUP_OUT;
    } else {
        (void)take_common_error(group, e);
    }
}

static void beat(struct env *env, struct env_timer *timer)
{
    struct client_group *group = CONTAINER_OF(timer, struct client_group, heartbeat_timer);
    env_timer_after_ms(env, timer, group->config.heartbeat_interval_ms);
    bool is_settled = group->state == GROUP_STABLE || group->state == GROUP_PREPARING;
    if (!is_settled || group->generation < 0 || group->heartbeat_is_open) return;
    if (group->coordinator == COORDINATOR_UNKNOWN) return;
    arena_reset(&group->heartbeat_arena);
    struct heartbeat_request *request = ARENA_NEW(&group->heartbeat_arena, struct heartbeat_request);
    *request = heartbeat_request_init();
    request->group_id = group->config.group_id;
    request->generation_id = group->generation;
    struct slice member_id;
    fill_identity(group, &member_id, &request->group_instance_id);
    request->member_id = arena_copy(&group->heartbeat_arena, member_id);
    client_group_call(group, &group->heartbeat_call, &group->heartbeat_is_open, API_HEARTBEAT, request, beaten);
    // Later than this the coordinator counts us out.
    group->heartbeat_call.timeout_ms = group->config.session_timeout_ms;
    client_call(group->client, &group->heartbeat_call);
}

void client_group_start_heartbeats(struct client_group *group)
{
    group->heartbeat_timer.fire = beat;
}

// ---- LeaveGroup ------------------------------------------------------------------------------------------------

static void left(struct client *client, struct client_call *call)
{
    struct client_group *group = call->context;
    group->leave_is_open = false;
    if (call->err == ERR_CLOSED) return;
    text_clear(&group->member_id); // whatever came: we are gone, or will be after the session time-out
    group->state = GROUP_CLOSING;
    client_group_wake(group);
    (void)client;
}

void client_group_leave(struct client_group *group)
{
    struct arena *arena = &group->leave_arena;
    arena_reset(arena);
    struct leave_group_request *request = ARENA_NEW(arena, struct leave_group_request);
    *request = leave_group_request_init();
    request->group_id = group->config.group_id;
    request->members.items = ARENA_NEW(arena, struct leave_group_request_member_identity);
    request->members.count = 1;
    request->members.items[0] = leave_group_request_member_identity_init();
    request->members.items[0].member_id = arena_copy(arena, text_slice(&group->member_id));
    request->members.items[0].reason = SLICE("the consumer is being closed");
    client_group_call(group, &group->leave_call, &group->leave_is_open, API_LEAVE_GROUP, request, left);
    group->leave_call.version_min = 3; // earlier ones name one member in another field
    client_call(group->client, &group->leave_call);
}
