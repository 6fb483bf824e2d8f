// SPDX-License-Identifier: Apache-2.0
// The group's positions: OffsetFetch for what was assigned, OffsetCommit one after the other.
#include "client/group_int.h"

#include "proto/apis.h"

// Name and topic list of one group stand in the request itself up to these versions.
enum { FETCH_VERSION_MAX = 7, COMMIT_VERSION_MAX = 9 };

static bool moves_coordinator(enum err e)
{
    return e == ERR_NOT_COORDINATOR || e == ERR_COORDINATOR_NOT_AVAILABLE || e == ERR_NETWORK_EXCEPTION ||
           e == ERR_REQUEST_TIMED_OUT || e == ERR_BROKER_NOT_AVAILABLE || e == ERR_CORRUPT;
}

static int64_t pause_ms(struct client_group *group, int failures)
{
    const struct client_config *config = client_config(group->client);
    return backoff_ms(group->client, config->retry_backoff_ms, config->retry_backoff_max_ms, failures);
}

// ---- OffsetFetch -----------------------------------------------------------------------------------------------

static void place(struct client_group *group, size_t at, int64_t offset, int32_t leader_epoch)
{
    const struct assignor_partition *p = &group->owned.items[at];
    group->has_position[at] = true;
    if (offset < 0 && group->config.reset == RESET_NONE) {
        client_group_fail(group, ERR_NOT_FOUND, p->topic, p->index);
        return;
    }
    if (offset < 0) offset = group->config.reset == RESET_EARLIEST ? CONSUMER_EARLIEST : CONSUMER_LATEST;
    consumer_assign(group->consumer, p->topic, p->index, offset);
    if (offset >= 0) consumer_set_position_epoch(group->consumer, p->topic, p->index, leader_epoch);
}

static void fetch_again(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_group *group = CONTAINER_OF(timer, struct client_group, fetch_timer);
    group->fetch_waits = false;
    client_group_wake(group);
}

static void fetch_failed(struct client_group *group, enum err e)
{
    if (e == ERR_GROUP_AUTHORIZATION_FAILED || e == ERR_TOPIC_AUTHORIZATION_FAILED || e == ERR_UNSUPPORTED_VERSION) {
        client_group_fail(group, e, SLICE_NULL, -1);
        return;
    }
    if (moves_coordinator(e)) client_group_lose_coordinator(group);
    group->fetch_waits = true;
    group->fetch_timer.fire = fetch_again;
    env_timer_after_ms(client_env(group->client), &group->fetch_timer, pause_ms(group, ++group->fetch_failures));
}

static void take_position(struct client_group *group, struct slice topic,
                          const struct offset_fetch_response_offset_fetch_response_partition *from, enum err *e)
{
    if (from->error_code != OK) {
        *e = (enum err)from->error_code;
        return;
    }
    for (size_t i = 0; i < group->owned.count && group->state != GROUP_FAILED; i++) {
        const struct assignor_partition *p = &group->owned.items[i];
        if (p->index != from->partition_index || group->has_position[i] || !slice_eq(p->topic, topic)) continue;
        place(group, i, from->committed_offset, from->committed_leader_epoch);
    }
}

static void fetched(struct client *client, struct client_call *call)
{
    (void)client;
    struct client_group *group = call->context;
    group->fetch_is_open = false;
    const struct offset_fetch_response *answer = call->response;
    enum err e = call->err != OK ? call->err : (enum err)answer->error_code;
    if (e == ERR_CLOSED) return;
    for (int32_t t = 0; e == OK && t < answer->topics.count; t++) {
        const struct offset_fetch_response_offset_fetch_response_topic *topic = &answer->topics.items[t];
        for (int32_t p = 0; p < topic->partitions.count; p++) {
            take_position(group, topic->name, &topic->partitions.items[p], &e);
        }
    }
    client_call_deinit(call);
    if (e != OK) {
        fetch_failed(group, e);
        return;
    }
    group->fetch_failures = 0;
    client_group_wake(group);
}

void client_group_fetch_offsets(struct client_group *group)
{
    if (group->fetch_is_open || group->fetch_waits) return;
    struct arena *arena = &group->fetch_arena;
    arena_reset(arena);
    struct offset_fetch_request *request = ARENA_NEW(arena, struct offset_fetch_request);
    *request = offset_fetch_request_init();
    request->group_id = group->config.group_id;
    request->require_stable = false;
    request->topics.items =
        ARENA_ARRAY(arena, struct offset_fetch_request_offset_fetch_request_topic, group->owned.count + 1);
    int32_t *indexes = ARENA_ARRAY(arena, int32_t, group->owned.count + 1);
    size_t next = 0;
    for (size_t i = 0; i < group->owned.count; i++) {
        const struct assignor_partition *p = &group->owned.items[i];
        if (group->has_position[i]) continue;
        int32_t count = request->topics.count;
        struct offset_fetch_request_offset_fetch_request_topic *last =
            count == 0 ? NULL : &request->topics.items[count - 1];
        if (last == NULL || !slice_eq(last->name, p->topic)) {
            last = &request->topics.items[request->topics.count++];
            *last = offset_fetch_request_offset_fetch_request_topic_init();
            last->name = p->topic;
            last->partition_indexes.items = &indexes[next];
        }
        last->partition_indexes.items[last->partition_indexes.count++] = p->index;
        next++;
    }
    client_group_call(group, &group->fetch_call, &group->fetch_is_open, API_OFFSET_FETCH, request, fetched);
    group->fetch_call.version_max = FETCH_VERSION_MAX;
    client_call(group->client, &group->fetch_call);
}

// ---- OffsetCommit ----------------------------------------------------------------------------------------------

static void commit_free(struct commit *commit)
{
    arena_deinit(&commit->arena);
    mem_free(commit);
}

// Ends the first commit.
static void finish(struct client_group *group, struct commit *commit, enum err e)
{
    list_remove(&commit->link);
    if (commit->done != NULL) commit->done(group, e, &commit->offsets, commit->context);
    commit_free(commit);
    client_group_wake(group);
}

void client_group_drop_commits(struct client_group *group, enum err e)
{
    if (group->commit_is_open) client_call_cancel(group->client, &group->commit_call);
    group->commit_is_open = false;
    while (!list_is_empty(&group->commits))
        finish(group, LIST_ITEM(list_first(&group->commits), struct commit, link), e);
}

void client_group_expire_commits(struct client_group *group)
{
    int64_t now_ns = env_now_ns(client_env(group->client));
    LIST_EACH (link, &group->commits) {
        struct commit *commit = LIST_ITEM(link, struct commit, link);
        if (commit->deadline_ns <= now_ns) finish(group, commit, ERR_REQUEST_TIMED_OUT);
    }
}

static struct commit *commit_new(struct client_group *group, size_t count)
{
    struct commit *commit = MEM_NEW(struct commit);
    commit->offsets.items = ARENA_ARRAY(&commit->arena, struct client_group_offset, count + 1);
    commit->deadline_ns =
        env_now_ns(client_env(group->client)) + (int64_t)group->config.api_timeout_ms * INT64_C(1000000);
    list_push_back(&group->commits, &commit->link);
    client_group_wake(group);
    return commit;
}

static void add_positions(struct client_group *group, struct commit *commit,
                          const struct assignor_partitions *partitions)
{
    for (size_t i = 0; i < partitions->count; i++) {
        const struct assignor_partition *p = &partitions->items[i];
        int64_t position = consumer_position(group->consumer, p->topic, p->index);
        if (position < 0) continue;
        commit->offsets.items[commit->offsets.count++] = (struct client_group_offset){
            .topic = p->topic,
            .partition = p->index,
            .leader_epoch = consumer_position_epoch(group->consumer, p->topic, p->index),
            .offset = position,
        };
    }
}

void client_group_commit_positions(struct client_group *group, const struct assignor_partitions *partitions)
{
    struct commit *commit = commit_new(group, partitions->count);
    add_positions(group, commit, partitions);
    if (commit->offsets.count > 0) return;
    list_remove(&commit->link);
    commit_free(commit);
}

void client_group_commit(struct client_group *group, const struct client_group_offsets *offsets,
                         client_group_committed *done, void *context)
{
    struct commit *commit = commit_new(group, offsets == NULL ? group->owned.count : offsets->count);
    commit->done = done;
    commit->context = context;
    if (offsets == NULL) {
        add_positions(group, commit, &group->owned);
        return;
    }
    for (size_t i = 0; i < offsets->count; i++) {
        commit->offsets.items[i] = offsets->items[i];
        commit->offsets.items[i].topic = client_group_intern(group, offsets->items[i].topic);
        commit->offsets.items[i].err = OK;
    }
    commit->offsets.count = offsets->count;
}

int client_group_commits_open(const struct client_group *group)
{
    int count = 0;
    LIST_EACH (link, &group->commits) count++;
    return count;
}

static void commit_again(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_group *group = CONTAINER_OF(timer, struct client_group, commit_timer);
    group->commit_waits = false;
    client_group_wake(group);
}

static bool is_worth_another_try(enum err e)
{
    return moves_coordinator(e) || e == ERR_COORDINATOR_LOAD_IN_PROGRESS || e == ERR_UNKNOWN_TOPIC_OR_PARTITION ||
           e == ERR_UNSTABLE_OFFSET_COMMIT;
}

static void commit_failed(struct client_group *group, struct commit *commit, enum err e)
{
    struct env *env = client_env(group->client);
    if (moves_coordinator(e)) client_group_lose_coordinator(group);
    if (is_worth_another_try(e) && env_now_ns(env) < commit->deadline_ns) {
        group->commit_waits = true;
        group->commit_timer.fire = commit_again;
        env_timer_after_ms(env, &group->commit_timer, pause_ms(group, ++commit->failures));
        return;
    }
    bool is_settled = group->state == GROUP_STABLE || group->state == GROUP_PREPARING;
    if (e == ERR_FENCED_INSTANCE_ID || e == ERR_GROUP_AUTHORIZATION_FAILED) {
        client_group_fail(group, e, SLICE_NULL, -1);
    } else if (e == ERR_REBALANCE_IN_PROGRESS) {
        group->needs_rejoin = true;
    } else if ((e == ERR_UNKNOWN_MEMBER_ID || e == ERR_ILLEGAL_GENERATION) && is_settled) {
        client_group_reset(group, e == ERR_UNKNOWN_MEMBER_ID);
        group->state = GROUP_OUT;
    }
    finish(group, commit, e);
}

static void note_errors(struct commit *commit, const struct offset_commit_response *answer, enum err *first)
{
    for (int32_t t = 0; t < answer->topics.count; t++) {
        const struct offset_commit_response_offset_commit_response_topic *topic = &answer->topics.items[t];
        for (int32_t p = 0; p < topic->partitions.count; p++) {
            enum err e = (enum err)topic->partitions.items[p].error_code;
            if (e != OK && *first == OK) *first = e;
            for (size_t i = 0; i < commit->offsets.count; i++) {
                struct client_group_offset *offset = &commit->offsets.items[i];
                bool same = offset->partition == topic->partitions.items[p].partition_index;
                if (same && slice_eq(offset->topic, topic->name)) offset->err = e;
            }
        }
    }
}

static void committed(struct client *client, struct client_call *call)
{
    (void)client;
    struct client_group *group = call->context;
    group->commit_is_open = false;
    if (call->err == ERR_CLOSED) return;
    struct commit *commit = LIST_ITEM(list_first(&group->commits), struct commit, link);
    enum err e = call->err;
    if (e == OK) note_errors(commit, call->response, &e);
    client_call_deinit(call);
    if (e == OK)
        finish(group, commit, OK);
    else
        commit_failed(group, commit, e);
}

static const struct offset_commit_request *encode_commit(struct client_group *group, const struct commit *commit)
{
    struct arena *arena = &group->commit_arena;
    arena_reset(arena);
    struct offset_commit_request *request = ARENA_NEW(arena, struct offset_commit_request);
    *request = offset_commit_request_init();
    request->group_id = group->config.group_id;
    request->generation_id_or_member_epoch = group->generation;
    request->member_id = arena_copy(arena, text_slice(&group->member_id));
    request->group_instance_id = group->config.instance_id;
    size_t count = commit->offsets.count;
    request->topics.items = ARENA_ARRAY(arena, struct offset_commit_request_offset_commit_request_topic, count + 1);
    for (size_t i = 0; i < count; i++) { // one entry per partition: topics may come in any order
        const struct client_group_offset *offset = &commit->offsets.items[i];
        struct offset_commit_request_offset_commit_request_topic *topic =
            &request->topics.items[request->topics.count - 1];
        if (i == 0 || !slice_eq(topic->name, offset->topic)) {
            topic = &request->topics.items[request->topics.count++];
            *topic = offset_commit_request_offset_commit_request_topic_init();
            topic->name = offset->topic;
            topic->partitions.items =
                ARENA_ARRAY(arena, struct offset_commit_request_offset_commit_request_partition, count - i);
        }
        struct offset_commit_request_offset_commit_request_partition *to =
            &topic->partitions.items[topic->partitions.count++];
        *to = offset_commit_request_offset_commit_request_partition_init();
        to->partition_index = offset->partition;
        to->committed_offset = offset->offset;
        to->committed_leader_epoch = offset->leader_epoch;
        to->committed_metadata = SLICE("");
    }
    return request;
}

void client_group_send_commit(struct client_group *group)
{
    while (!group->commit_is_open && !group->commit_waits && !list_is_empty(&group->commits)) {
        struct commit *commit = LIST_ITEM(list_first(&group->commits), struct commit, link);
        bool is_joining =
            group->state == GROUP_JOINING || group->state == GROUP_SYNCING || group->state == GROUP_LEADING;
        if (commit->offsets.count == 0) {
            finish(group, commit, OK);
        } else if (is_joining) { // somebody else may have them in the next generation
            finish(group, commit, ERR_REBALANCE_IN_PROGRESS);
        } else if (group->generation < 0) {
            finish(group, commit, ERR_UNKNOWN_MEMBER_ID);
        } else {
            client_group_call(group, &group->commit_call, &group->commit_is_open, API_OFFSET_COMMIT,
                              encode_commit(group, commit), committed);
            group->commit_call.version_max = COMMIT_VERSION_MAX;
            client_call(group->client, &group->commit_call);
        }
    }
}

// ---- auto commit -----------------------------------------------------------------------------------------------

static void auto_commit(struct env *env, struct env_timer *timer)
{
    struct client_group *group = CONTAINER_OF(timer, struct client_group, auto_timer);
    env_timer_after_ms(env, timer, group->config.auto_commit_interval_ms);
    if (group->state == GROUP_STABLE && list_is_empty(&group->commits))
        client_group_commit_positions(group, &group->owned);
}

void client_group_start_auto_commit(struct client_group *group)
{
    group->auto_timer.fire = auto_commit;
    if (!group->config.auto_commit) return;
    env_timer_after_ms(client_env(group->client), &group->auto_timer, group->config.auto_commit_interval_ms);
}
