// SPDX-License-Identifier: Apache-2.0
// Subscription, assignment, and the steps of a member's life. `step` looks at the whole state and does what is due;
// whatever changes anything wakes it. Callers' callbacks run from it or from an answer, never inside a call of theirs.
//
// A rebalance, eager (range, roundrobin, sticky, or not all assignors cooperative):
//   commit (auto commit) -> revoked(all) -> JoinGroup -> SyncGroup -> assigned(all)
// and cooperative (KIP-429), where reading goes on meanwhile:
//   commit -> revoked(no longer subscribed) -> JoinGroup -> SyncGroup -> revoked(owned, not assigned), assigned(new),
//   and once more from the start when something was revoked, so that the others get it.
#include "client/group_int.h"

#include "proto/apis.h"

#include <stdlib.h>

static void step(struct env *env, struct env_timer *timer);
static void list_topics(struct env *env, struct env_timer *timer);
static void back_off_ends(struct env *env, struct env_timer *timer);
static void close_expires(struct env *env, struct env_timer *timer);

void client_group_config_init(struct client_group_config *config)
{
    *config = (struct client_group_config){
        .assignors = {ASSIGNOR_RANGE, ASSIGNOR_COOPERATIVE_STICKY},
        .assignor_count = 2,
        .session_timeout_ms = 45000,
        .heartbeat_interval_ms = 3000,
        .rebalance_timeout_ms = 300000,
        .auto_commit = true,
        .auto_commit_interval_ms = 5000,
        .api_timeout_ms = 60000,
        .reset = RESET_LATEST,
    };
}

struct slice client_group_intern(struct client_group *group, struct slice name)
{
    LIST_EACH (link, &group->names) {
        struct client_group_name *known = LIST_ITEM(link, struct client_group_name, link);
        if (slice_eq(known->text, name)) return known->text;
    }
    struct client_group_name *made = mem_zalloc(1, sizeof(*made) + name.size + 1);
    if (name.size > 0) memcpy(made->storage, name.data, name.size);
    made->text = slice_of(made->storage, name.size);
    list_push_back(&group->names, &made->link);
    return made->text;
}

static bool leaders_topics_changed(struct client_group *group)
{
    for (size_t i = 0; i < group->snapshot_count; i++) {
        const struct client_topic *topic = client_topic(group->client, group->snapshot[i].topic);
        if (topic != NULL && topic->partition_count != group->snapshot[i].partition_count) return true;
    }
    return false;
}

static void on_metadata(struct client *client, struct client_listener *listener)
{
    (void)client;
    struct client_group *group = CONTAINER_OF(listener, struct client_group, listener);
    if (group->state == GROUP_STABLE && group->is_leader && leaders_topics_changed(group)) group->needs_rejoin = true;
    client_group_wake(group);
}

struct client_group *client_group_new(struct client *client, struct consumer *consumer,
                                      const struct client_group_config *config)
{
    ASSERT(config->assignor_count > 0 && config->assignor_count <= GROUP_ASSIGNORS_MAX);
    struct client_group *group = MEM_NEW(struct client_group);
    group->client = client;
    group->consumer = consumer;
    group->config = *config;
    list_init(&group->names);
    list_init(&group->commits);
    group->config.group_id = client_group_intern(group, config->group_id);
    if (!slice_is_null(config->instance_id))
        group->config.instance_id = client_group_intern(group, config->instance_id);
    group->coordinator = COORDINATOR_UNKNOWN;
    group->generation = group->last_generation = -1;
    group->timer.fire = step;
    group->back_off_timer.fire = back_off_ends;
    group->close_timer.fire = close_expires;
    group->list_timer.fire = list_topics;
    group->listener.changed = on_metadata;
    client_listen(client, &group->listener);
    client_group_start_heartbeats(group);
    client_group_start_auto_commit(group);
    return group;
}

static void end_call(struct client_group *group, struct client_call *call, bool *is_open)
{
    if (*is_open) client_call_cancel(group->client, call);
    *is_open = false;
    client_call_deinit(call);
}

// A call that waits for other members holds up all behind it; given up, it costs the connection.
static void end_waiting_calls(struct client_group *group)
{
    end_call(group, &group->join_call, &group->join_is_open);
    end_call(group, &group->sync_call, &group->sync_is_open);
}

static void end_calls(struct client_group *group)
{
    end_waiting_calls(group);
    end_call(group, &group->find_call, &group->find_is_open);
    end_call(group, &group->heartbeat_call, &group->heartbeat_is_open);
    end_call(group, &group->fetch_call, &group->fetch_is_open);
}

void client_group_free(struct client_group *group)
{
    if (group == NULL) return;
    struct env *env = client_env(group->client);
    struct env_timer *timers[] = {&group->timer,       &group->list_timer,    &group->heartbeat_timer,
                                  &group->auto_timer,  &group->fetch_timer,   &group->commit_timer,
                                  &group->close_timer, &group->back_off_timer};
    for (size_t i = 0; i < COUNT_OF(timers); i++) env_timer_cancel(env, timers[i]);
    client_unlisten(&group->listener);
    end_calls(group);
    end_call(group, &group->leave_call, &group->leave_is_open);
    end_call(group, &group->list_call, &group->list_is_open);
    end_call(group, &group->commit_call, &group->commit_is_open);
    client_group_drop_commits(group, ERR_CLOSED);
    struct arena *arenas[] = {&group->find_arena,  &group->join_arena,  &group->sync_arena,  &group->heartbeat_arena,
                              &group->leave_arena, &group->fetch_arena, &group->commit_arena};
    for (size_t i = 0; i < COUNT_OF(arenas); i++) arena_deinit(arenas[i]);
    struct list *link;
    while ((link = list_pop_front(&group->names)) != NULL) mem_free(LIST_ITEM(link, struct client_group_name, link));
    text_deinit(&group->member_id);
    mem_free(group->topics);
    mem_free(group->snapshot);
    mem_free(group->owned.items);
    mem_free(group->has_position);
    mem_free(group->last.items);
    mem_free(group);
}

void *client_group_context(struct client_group *group)
{
    return group->config.context;
}

void client_group_wake(struct client_group *group)
{
    if (group->timer_is_set) return;
    group->timer_is_set = true;
    env_timer_after_ms(client_env(group->client), &group->timer, 0);
}

static void back_off_ends(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_group *group = CONTAINER_OF(timer, struct client_group, back_off_timer);
    group->is_backing_off = false;
    client_group_wake(group);
}

void client_group_back_off(struct client_group *group)
{
    const struct client_config *config = client_config(group->client);
    group->is_backing_off = true;
    group->failures++;
    env_timer_after_ms(
        client_env(group->client), &group->back_off_timer,
        backoff_ms(group->client, config->retry_backoff_ms, config->retry_backoff_max_ms, group->failures));
}

void client_group_call(struct client_group *group, struct client_call *call, bool *is_open, int16_t api_key,
                       const void *request, void (*done)(struct client *client, struct client_call *call))
{
    ASSERT(!*is_open);
    int32_t timeout_ms = call->timeout_ms;
    client_call_deinit(call);
    *call = (struct client_call){.api_key = api_key,
                                 .node_id = group->coordinator,
                                 .request = request,
                                 .timeout_ms = timeout_ms,
                                 .done = done,
                                 .context = group};
    *is_open = true;
}

void client_group_fail(struct client_group *group, enum err e, struct slice topic, int32_t partition)
{
    if (!group->has_failure) {
        group->has_failure = true;
        group->failure = (struct client_group_failure){.err = e, .topic = topic, .partition = partition};
    }
    group->state = GROUP_FAILED; // calls end in the next step: an answer may still be read
    client_group_wake(group);
}

// ---- assignment ------------------------------------------------------------------------------------------------

void client_group_copy(struct client_group *group, struct assignor_partitions *to,
                       const struct assignor_partitions *from)
{
    struct assignor_partition *items = mem_zalloc(from->count + 1, sizeof(*items));
    for (size_t i = 0; i < from->count; i++) {
        items[i] = (struct assignor_partition){client_group_intern(group, from->items[i].topic), from->items[i].index};
    }
    mem_free(to->items);
    *to = (struct assignor_partitions){items, from->count};
}

static struct assignor_partitions list_new(size_t capacity)
{
    return (struct assignor_partitions){.items = mem_zalloc(capacity + 1, sizeof(struct assignor_partition))};
}

// `from` without those in `without` (NULL = none).
static struct assignor_partitions difference(const struct assignor_partitions *from,
                                             const struct assignor_partitions *without)
{
    struct assignor_partitions list = list_new(from->count);
    for (size_t i = 0; i < from->count; i++) {
        const struct assignor_partition *p = &from->items[i];
        if (without == NULL || !assignor_contains(without, p->topic, p->index)) list.items[list.count++] = *p;
    }
    return list;
}

static void give_up(struct client_group *group, const struct assignor_partitions *partitions)
{
    size_t kept = 0;
    for (size_t i = 0; i < group->owned.count; i++) {
        struct assignor_partition *p = &group->owned.items[i];
        if (assignor_contains(partitions, p->topic, p->index)) {
            consumer_unassign(group->consumer, p->topic, p->index);
            continue;
        }
        group->has_position[kept] = group->has_position[i];
        group->owned.items[kept++] = *p;
    }
    group->owned.count = kept;
}

// Tells, then takes them from the consumer.
static void revoke(struct client_group *group, const struct assignor_partitions *partitions, bool are_lost)
{
    if (partitions->count == 0) return;
    void (*tell)(struct client_group *, const struct assignor_partitions *) =
        are_lost ? group->config.lost : group->config.revoked;
    if (!are_lost && group->config.auto_commit) client_group_commit_positions(group, partitions);
    if (tell != NULL) tell(group, partitions);
    give_up(group, partitions);
}

void client_group_adopt(struct client_group *group, const struct assignor_partitions *assigned)
{
    client_group_copy(group, &group->last, assigned);
    group->last_generation = group->generation;
    struct assignor_partitions added = difference(&group->last, &group->owned);
    struct assignor_partitions gone = difference(&group->owned, &group->last);
    group->state = GROUP_STABLE;
    group->needs_rejoin = gone.count > 0; // the others wait for what we give up
    revoke(group, &gone, false);
    size_t count = group->owned.count + added.count;
    group->owned.items = mem_realloc(group->owned.items, (count + 1) * sizeof(group->owned.items[0]));
    group->has_position = mem_realloc(group->has_position, (count + 1) * sizeof(bool));
    for (size_t i = 0; i < added.count; i++) {
        group->has_position[group->owned.count] = false;
        group->owned.items[group->owned.count++] = added.items[i];
    }
    if (group->config.assigned != NULL) group->config.assigned(group, &added);
    mem_free(added.items);
    mem_free(gone.items);
    client_group_wake(group);
}

const struct assignor_partitions *client_group_assignment(const struct client_group *group)
{
    return &group->owned;
}

bool client_group_owns(const struct client_group *group, struct slice topic, int32_t partition)
{
    return assignor_contains(&group->owned, topic, partition);
}

bool client_group_is_stable(const struct client_group *group)
{
    return group->state == GROUP_STABLE && !group->needs_rejoin;
}

int32_t client_group_generation(const struct client_group *group)
{
    return group->generation;
}

struct slice client_group_member_id(const struct client_group *group)
{
    return text_slice(&group->member_id);
}

// ---- subscription ----------------------------------------------------------------------------------------------

static int by_name(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

static void set_topics(struct client_group *group, const struct slice *topics, size_t count)
{
    struct slice *sorted = mem_zalloc(count + 1, sizeof(*sorted));
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) sorted[i] = client_group_intern(group, topics[i]);
    qsort(sorted, count, sizeof(*sorted), by_name);
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !slice_eq(sorted[i], sorted[i - 1])) sorted[kept++] = sorted[i];
    }
    bool same = kept == group->topic_count;
    for (size_t i = 0; same && i < kept; i++) same = slice_eq(sorted[i], group->topics[i]);
    mem_free(group->topics);
    group->topics = sorted;
    group->topic_count = kept;
    for (size_t i = 0; i < kept; i++) client_want_topic(group->client, sorted[i]);
    if (!same) group->needs_rejoin = true;
}

static void subscribed(struct client_group *group)
{
    if (group->state == GROUP_IDLE) group->state = GROUP_OUT;
    client_group_wake(group);
}

void client_group_subscribe(struct client_group *group, const struct slice *topics, size_t count)
{
    group->is_pattern = false;
    env_timer_cancel(client_env(group->client), &group->list_timer);
    set_topics(group, topics, count);
    subscribed(group);
}

void client_group_subscribe_matching(struct client_group *group, bool (*matches)(void *context, struct slice topic),
                                     void *context)
{
    group->is_pattern = true;
    group->has_listed = false;
    group->matches = matches;
    group->matches_context = context;
    env_timer_after_ms(client_env(group->client), &group->list_timer, 0);
    subscribed(group);
}

static void listed(struct client *client, struct client_call *call)
{
    struct client_group *group = call->context;
    const struct client_config *config = client_config(client);
    group->list_is_open = false;
    if (call->err == ERR_CLOSED) return;
    int64_t wait_ms = config->retry_backoff_ms;
    if (call->err == OK && group->is_pattern) {
        const struct metadata_response *answer = call->response;
        struct slice *found = mem_zalloc((size_t)answer->topics.count + 1, sizeof(*found));
        size_t count = 0;
        for (int32_t i = 0; i < answer->topics.count; i++) {
            const struct metadata_response_metadata_response_topic *topic = &answer->topics.items[i];
            if (topic->is_internal || topic->error_code != OK) continue;
            if (group->matches(group->matches_context, topic->name)) found[count++] = topic->name;
        }
        set_topics(group, found, count);
        mem_free(found);
        group->has_listed = true;
        wait_ms = config->metadata_max_age_ms;
    }
    client_call_deinit(call);
    if (group->is_pattern) env_timer_after_ms(client_env(client), &group->list_timer, wait_ms);
    client_group_wake(group);
}

static void list_topics(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_group *group = CONTAINER_OF(timer, struct client_group, list_timer);
    if (group->list_is_open) return;
    group->list_request = metadata_request_init();
    group->list_request.topics.count = -1;
    group->list_request.allow_auto_topic_creation = false;
    client_group_call(group, &group->list_call, &group->list_is_open, API_METADATA, &group->list_request, listed);
    group->list_call.node_id = CLIENT_ANY;
    group->list_call.version_min = 4; // earlier ones create what is asked for
    client_call(group->client, &group->list_call);
}

// ---- steps -----------------------------------------------------------------------------------------------------

static bool all_cooperate(const struct client_group_config *config)
{
    for (int i = 0; i < config->assignor_count; i++) {
        if (!assignor_is_cooperative(config->assignors[i])) return false;
    }
    return true;
}

static bool is_subscribed(const struct client_group *group, struct slice topic)
{
    for (size_t i = 0; i < group->topic_count; i++) {
        if (slice_eq(group->topics[i], topic)) return true;
    }
    return false;
}

// Gives up what has to be given up before joining.
static void prepare(struct client_group *group)
{
    struct assignor_partitions leaving = difference(&group->owned, NULL);
    bool are_lost = group->generation < 0;
    if (!are_lost && all_cooperate(&group->config)) {
        if (group->config.auto_commit) client_group_commit_positions(group, &group->owned);
        leaving.count = 0;
        for (size_t i = 0; i < group->owned.count; i++) {
            if (!is_subscribed(group, group->owned.items[i].topic))
                leaving.items[leaving.count++] = group->owned.items[i];
        }
    }
    group->state = GROUP_PREPARING;
    revoke(group, &leaving, are_lost);
    mem_free(leaving.items);
}

static bool has_unplaced(const struct client_group *group)
{
    for (size_t i = 0; i < group->owned.count; i++) {
        if (!group->has_position[i]) return true;
    }
    return false;
}

static void take_part(struct client_group *group)
{
    bool knows_topics = !group->is_pattern || group->has_listed;
    if (group->state == GROUP_STABLE && group->needs_rejoin) group->state = GROUP_OUT;
    if (group->state == GROUP_OUT && knows_topics) prepare(group);
    // What the callbacks committed is on the way first: after the rebalance it would be refused.
    if (group->state == GROUP_PREPARING && list_is_empty(&group->commits) && !group->is_backing_off)
        client_group_join(group);
    if (group->state == GROUP_LEADING) client_group_lead(group);
    if (group->state == GROUP_STABLE && has_unplaced(group)) client_group_fetch_offsets(group);
}

static void closed(struct client_group *group)
{
    env_timer_cancel(client_env(group->client), &group->close_timer);
    client_group_drop_commits(group, ERR_CLOSED);
    group->state = GROUP_CLOSED;
    group->generation = -1;
}

static void close_expires(struct env *env, struct env_timer *timer)
{
    (void)env;
    closed(CONTAINER_OF(timer, struct client_group, close_timer));
}

static void take_leave(struct client_group *group)
{
    if (group->state != GROUP_CLOSING || !list_is_empty(&group->commits)) return;
    bool is_member = slice_is_null(group->config.instance_id) && group->member_id.size > 0;
    if (!is_member || group->coordinator == COORDINATOR_UNKNOWN) {
        closed(group);
        return;
    }
    group->state = GROUP_LEAVING;
    client_group_leave(group);
}

static void step(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct client_group *group = CONTAINER_OF(timer, struct client_group, timer);
    group->timer_is_set = false;
    if (group->state == GROUP_FAILED) {
        end_calls(group);
        client_group_drop_commits(group, group->failure.err);
        if (group->has_failure && group->config.failed != NULL) group->config.failed(group);
        return;
    }
    if (group->state == GROUP_IDLE || group->state == GROUP_CLOSED) return;
    bool is_ending = group->state == GROUP_CLOSING || group->state == GROUP_LEAVING;
    bool needs_coordinator = !is_ending || !list_is_empty(&group->commits);
    if (group->coordinator == COORDINATOR_UNKNOWN) {
        client_group_expire_commits(group);
        if (needs_coordinator && !group->is_backing_off) client_group_find(group);
    } else {
        client_group_send_commit(group);
        if (!is_ending) take_part(group);
    }
    if (is_ending) take_leave(group);
}

// ---- the end ---------------------------------------------------------------------------------------------------

void client_group_close(struct client_group *group, int32_t timeout_ms)
{
    if (group->state == GROUP_CLOSING || group->state == GROUP_LEAVING || group->state == GROUP_CLOSED) return;
    bool is_outside = group->state == GROUP_FAILED || group->state == GROUP_IDLE;
    struct env *env = client_env(group->client);
    env_timer_cancel(env, &group->list_timer);
    env_timer_cancel(env, &group->auto_timer);
    env_timer_cancel(env, &group->heartbeat_timer);
    end_waiting_calls(group);
    struct assignor_partitions all = difference(&group->owned, NULL);
    revoke(group, &all, group->generation < 0 || is_outside);
    mem_free(all.items);
    group->state = GROUP_CLOSING;
    env_timer_after_ms(env, &group->close_timer, timeout_ms);
    if (is_outside)
        closed(group);
    else
        client_group_wake(group);
}

bool client_group_is_closed(const struct client_group *group)
{
    return group->state == GROUP_CLOSED;
}

bool client_group_failed(struct client_group *group, struct client_group_failure *out)
{
    if (!group->has_failure) return false;
    *out = group->failure;
    group->has_failure = false;
    return true;
}
