// SPDX-License-Identifier: Apache-2.0
// Members of a group in the simulator, against a coordinator with Kafka's rules (fake_group.h).
#include "client/group.h"

#include "client/fake_group.h"
#include "env_sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

enum { MEMBERS = 3 };

struct world;

struct member {
    struct world *world;
    struct client *client;
    struct consumer *consumer;
    struct client_group *group;
    struct client_group_config config;
    int assigned_calls, revoked_calls, lost_calls;
    size_t assigned, revoked, lost; // partitions, of all calls
    bool has_failed, commits_when_revoked;
    int commits_done;
    enum err commit_err;
};

struct world {
    struct sim *sim;
    struct sim_node *broker_node, *client_node;
    struct fake_broker broker;
    struct fake_group coordinator;
    struct member members[MEMBERS];
    int next; // member to work on
};

// ---- set-up ----------------------------------------------------------------------------------------------------

static void start_broker(void *context)
{
    struct world *w = context;
    fake_start(&w->broker, sim_node_env(w->broker_node, 0), sim_node_address(w->broker_node));
    fake_group_start(&w->coordinator, &w->broker);
}

static void world_start(struct world *w, uint64_t seed)
{
    *w = (struct world){0};
    struct sim_options options = sim_options_default(seed);
    options.net_delay_us_min = 2000; // the fake broker answers empty fetches at once: not too many of them
    options.net_delay_us_max = 20000;
    w->sim = sim_new(&options);
    w->broker_node = sim_node_new(w->sim, "broker", 1);
    w->client_node = sim_node_new(w->sim, "client", 1);
    assert_true(sim_node_call(w->broker_node, start_broker, w));
    for (int i = 0; i < MEMBERS; i++) {
        struct client_group_config *config = &w->members[i].config;
        w->members[i].world = w;
        client_group_config_init(config);
        config->group_id = SLICE("g");
        config->reset = RESET_EARLIEST;
        config->heartbeat_interval_ms = 100;
        config->session_timeout_ms = 3000;
        config->auto_commit = false;
    }
}

static void on_assigned(struct client_group *group, const struct assignor_partitions *partitions)
{
    struct member *m = client_group_context(group);
    m->assigned_calls++;
    m->assigned += partitions->count;
}

static void on_commit(struct client_group *group, enum err e, const struct client_group_offsets *offsets, void *context)
{
    struct member *m = context;
    (void)group;
    (void)offsets;
    m->commits_done++;
    m->commit_err = e;
}

static void on_revoked(struct client_group *group, const struct assignor_partitions *partitions)
{
    struct member *m = client_group_context(group);
    m->revoked_calls++;
    m->revoked += partitions->count;
    for (size_t i = 0; i < partitions->count; i++) {
        assert_true(client_group_owns(group, partitions->items[i].topic, partitions->items[i].index));
    }
    if (m->commits_when_revoked) client_group_commit(group, NULL, on_commit, m);
}

static void on_lost(struct client_group *group, const struct assignor_partitions *partitions)
{
    struct member *m = client_group_context(group);
    m->lost_calls++;
    m->lost += partitions->count;
}

static void on_failed(struct client_group *group)
{
    ((struct member *)client_group_context(group))->has_failed = true;
}

static bool matches_topic(void *context, struct slice topic)
{
    (void)context;
    return slice_eq_str(topic, "topic");
}

static void start_member(void *context)
{
    struct world *w = context;
    struct member *m = &w->members[w->next];
    struct client_config client;
    struct consumer_config consumer;
    char bootstrap[64];
    client_config_init(&client);
    consumer_config_init(&consumer);
    snprintf(bootstrap, sizeof(bootstrap), "%s:%d", sim_node_address(w->broker_node), w->broker.port);
    client.bootstrap = slice_str(bootstrap);
    client.metadata_max_age_ms = 1000;
    consumer.fetch_max_wait_ms = 50;
    assert_int_equal(client_new(sim_node_env(w->client_node, 0), &client, NULL, &m->client), OK);
    m->consumer = consumer_new(m->client, &consumer);
    m->config.assigned = on_assigned;
    m->config.revoked = on_revoked;
    m->config.lost = on_lost;
    m->config.failed = on_failed;
    m->config.context = m;
    m->group = client_group_new(m->client, m->consumer, &m->config);
    struct slice topic = SLICE("topic");
    client_group_subscribe(m->group, &topic, 1);
}

static struct member *member_start(struct world *w, int index)
{
    w->next = index;
    assert_true(sim_node_call(w->client_node, start_member, w));
    return &w->members[index];
}

static void end_members(void *context)
{
    struct world *w = context;
    for (int i = 0; i < MEMBERS; i++) {
        client_group_free(w->members[i].group);
        consumer_free(w->members[i].consumer);
        client_free(w->members[i].client);
    }
}

static void end_broker(void *context)
{
    struct world *w = context;
    fake_stop(&w->broker);
    fake_group_stop(&w->coordinator);
}

static void world_end(struct world *w)
{
    sim_node_call(w->client_node, end_members, w);
    sim_node_call(w->broker_node, end_broker, w);
    sim_free(w->sim);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void run_ms(struct world *w, int64_t ms)
{
    (void)sim_run_until(w->sim, never, w, ms);
}

static bool is_settled(void *context)
{
    struct world *w = context;
    size_t owned = 0;
    for (int i = 0; i < MEMBERS; i++) {
        const struct client_group *group = w->members[i].group;
        if (group == NULL || client_group_is_closed(group)) continue;
        if (!client_group_is_stable(group) || client_group_generation(group) != w->coordinator.generation) return false;
        owned += client_group_assignment(group)->count;
    }
    return owned == FAKE_PARTITIONS && !w->coordinator.is_rebalancing;
}

static void settle(struct world *w)
{
    assert_true(sim_run_until(w->sim, is_settled, w, 20000));
    for (int32_t p = 0; p < FAKE_PARTITIONS; p++) { // one owner each
        int owners = 0;
        for (int i = 0; i < MEMBERS; i++) {
            const struct client_group *group = w->members[i].group;
            if (group != NULL && !client_group_is_closed(group)) owners += client_group_owns(group, SLICE("topic"), p);
        }
        assert_int_equal(owners, 1);
    }
}

static void close_member(void *context)
{
    struct world *w = context;
    client_group_close(w->members[w->next].group, 5000);
}

static bool is_closed(void *context)
{
    struct world *w = context;
    return client_group_is_closed(w->members[w->next].group);
}

static void member_close(struct world *w, int index)
{
    w->next = index;
    assert_true(sim_node_call(w->client_node, close_member, w));
    assert_true(sim_run_until(w->sim, is_closed, w, 10000));
}

// ---- joining ---------------------------------------------------------------------------------------------------

static void a_member_joins_and_leaves(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 1);
    struct member *m = member_start(&w, 0);
    settle(&w);
    assert_int_equal(m->assigned, FAKE_PARTITIONS);
    assert_int_equal(w.coordinator.joins, 2); // once for an id
    assert_int_equal(w.coordinator.finds, 1);
    assert_true(slice_eq_str(client_group_member_id(m->group), "member-0"));
    member_close(&w, 0);
    assert_int_equal(m->revoked, FAKE_PARTITIONS);
    assert_int_equal(w.coordinator.leaves, 1);
    world_end(&w);
}

static void a_static_member_stays_in_the_group(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 2);
    w.members[0].config.instance_id = SLICE("i");
    (void)member_start(&w, 0);
    settle(&w);
    member_close(&w, 0);
    assert_int_equal(w.coordinator.leaves, 0);
    world_end(&w);
}

static bool is_reading(void *context)
{
    struct world *w = context;
    for (int32_t p = 0; p < FAKE_PARTITIONS; p++) {
        if (consumer_position(w->members[0].consumer, SLICE("topic"), p) < 0) return false;
    }
    return true;
}

static void reading_starts_at_committed_positions(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 3);
    w.coordinator.offsets[1] = 42;
    w.coordinator.fail_fetches = 1;
    w.coordinator.error = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    struct member *m = member_start(&w, 0);
    assert_true(sim_run_until(w.sim, is_reading, &w, 20000));
    assert_int_equal(consumer_position(m->consumer, SLICE("topic"), 0), 0);
    assert_int_equal(w.coordinator.fetches, 2);
    world_end(&w);
}

static bool member_failed(void *context)
{
    return ((struct world *)context)->members[0].has_failed;
}

static void without_a_position_and_a_reset_it_fails(void **state)
{
    (void)state;
    struct world w;
    struct client_group_failure failure;
    world_start(&w, 4);
    w.members[0].config.reset = RESET_NONE;
    struct member *m = member_start(&w, 0);
    assert_true(sim_run_until(w.sim, member_failed, &w, 20000));
    assert_true(client_group_failed(m->group, &failure));
    assert_int_equal(failure.err, ERR_NOT_FOUND);
    assert_true(slice_eq_str(failure.topic, "topic"));
    assert_false(client_group_failed(m->group, &failure));
    world_end(&w);
}

static void subscribe_matching(void *context)
{
    struct member *m = &((struct world *)context)->members[0];
    client_group_subscribe_matching(m->group, matches_topic, m);
}

// ---- rebalances ------------------------------------------------------------------------------------------------

static void an_eager_rebalance_gives_up_everything(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 5);
    struct member *first = member_start(&w, 0);
    settle(&w);
    struct member *second = member_start(&w, 1);
    settle(&w);
    assert_int_equal(first->revoked, FAKE_PARTITIONS);
    assert_int_equal(first->assigned + second->assigned, 2 * FAKE_PARTITIONS);
    assert_int_equal(w.coordinator.generation, 2);
    member_close(&w, 1);
    settle(&w);
    assert_int_equal(client_group_assignment(first->group)->count, FAKE_PARTITIONS);
    assert_int_equal(first->lost_calls + second->lost_calls, 0);
    world_end(&w);
}

static void a_cooperative_rebalance_gives_up_what_moves(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 6);
    for (int i = 0; i < 2; i++) {
        w.members[i].config.assignors[0] = ASSIGNOR_COOPERATIVE_STICKY;
        w.members[i].config.assignor_count = 1;
    }
    struct member *first = member_start(&w, 0);
    settle(&w);
    struct member *second = member_start(&w, 1);
    settle(&w);
    assert_int_equal(first->revoked_calls, 1);
    assert_int_equal(first->revoked, 1);
    assert_int_equal(first->assigned, FAKE_PARTITIONS); // never given what it had
    assert_int_equal(second->assigned, 1);
    assert_int_equal(w.coordinator.generation, 3); // one to give up, one to hand out
    world_end(&w);
}

static void what_is_committed_while_revoked_arrives_before_the_rebalance(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 7);
    struct member *first = member_start(&w, 0);
    first->commits_when_revoked = true;
    assert_true(sim_run_until(w.sim, is_reading, &w, 20000));
    (void)member_start(&w, 1);
    settle(&w);
    assert_int_equal(first->commits_done, 1);
    assert_int_equal(first->commit_err, OK);
    assert_int_equal(w.coordinator.offsets[2], 0);
    world_end(&w);
}

// Members that no client is any more: the coordinator's session time-out, so to speak.
static void forget_strangers(void *context)
{
    struct world *w = context;
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        struct fake_member *known = &w->coordinator.members[i];
        bool is_ours = false;
        for (int k = 0; k < MEMBERS; k++) {
            const struct client_group *group = w->members[k].group;
            bool is_in = group != NULL && !client_group_is_closed(group);
            is_ours = is_ours || (is_in && slice_eq_str(client_group_member_id(group), known->id));
        }
        if (known->is_known && !is_ours) fake_forget(&w->coordinator, i);
    }
}

// ---- what goes wrong -------------------------------------------------------------------------------------------

static bool has_lost(void *context)
{
    return ((struct world *)context)->members[0].lost_calls > 0;
}

static void lose_membership(enum err e, int expected_ids)
{
    struct world w;
    world_start(&w, 8);
    struct member *m = member_start(&w, 0);
    settle(&w);
    w.coordinator.error = e;
    w.coordinator.fail_heartbeats = 1;
    if (e == ERR_UNKNOWN_MEMBER_ID) w.coordinator.members[0].is_known = false;
    assert_true(sim_run_until(w.sim, has_lost, &w, 20000));
    assert_int_equal(m->lost, FAKE_PARTITIONS);
    assert_int_equal(m->revoked_calls, 0);
    settle(&w);
    assert_int_equal(m->assigned, 2 * FAKE_PARTITIONS);
    assert_int_equal(w.coordinator.next_id, expected_ids);
    world_end(&w);
}

static void an_unknown_member_loses_its_partitions_and_joins_anew(void **state)
{
    (void)state;
    lose_membership(ERR_UNKNOWN_MEMBER_ID, 2);
}

static void an_old_generation_keeps_its_member_id(void **state)
{
    (void)state;
    lose_membership(ERR_ILLEGAL_GENERATION, 1);
}

static void a_fenced_instance_stands_still(void **state)
{
    (void)state;
    struct world w;
    struct client_group_failure failure;
    world_start(&w, 9);
    w.members[0].config.instance_id = SLICE("i");
    struct member *m = member_start(&w, 0);
    settle(&w);
    w.coordinator.error = ERR_FENCED_INSTANCE_ID;
    w.coordinator.fail_heartbeats = 1;
    assert_true(sim_run_until(w.sim, member_failed, &w, 20000));
    assert_true(client_group_failed(m->group, &failure));
    assert_int_equal(failure.err, ERR_FENCED_INSTANCE_ID);
    int joins = w.coordinator.joins;
    run_ms(&w, 5000);
    assert_int_equal(w.coordinator.joins, joins);
    world_end(&w);
}

static bool has_found_again(void *context)
{
    struct world *w = context;
    return w->coordinator.finds >= 4 && w->coordinator.heartbeats >= 10;
}

static void a_coordinator_that_moves_is_looked_for(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 10);
    w.coordinator.error = ERR_COORDINATOR_NOT_AVAILABLE;
    w.coordinator.fail_find = 2;
    struct member *m = member_start(&w, 0);
    settle(&w);
    w.coordinator.error = ERR_NOT_COORDINATOR;
    w.coordinator.fail_heartbeats = 1;
    assert_true(sim_run_until(w.sim, has_found_again, &w, 20000));
    settle(&w);
    assert_int_equal(m->assigned_calls, 1); // the membership went on
    assert_int_equal(m->lost_calls, 0);
    world_end(&w);
}

static void joins_and_syncs_are_tried_again(void **state)
{
    static const enum err errors[] = {ERR_COORDINATOR_LOAD_IN_PROGRESS, ERR_NOT_COORDINATOR, ERR_REBALANCE_IN_PROGRESS,
                                      ERR_UNKNOWN_MEMBER_ID};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct world w;
        world_start(&w, 11 + i);
        w.coordinator.error = errors[i];
        w.coordinator.fail_syncs = 1;
        w.coordinator.fail_joins = errors[i] == ERR_UNKNOWN_MEMBER_ID ? 0 : 1;
        struct member *m = member_start(&w, 0);
        if (errors[i] == ERR_UNKNOWN_MEMBER_ID) { // the old id stays behind in the fake group: nobody waits for it
            run_ms(&w, 1000);
            assert_true(sim_node_call(w.broker_node, forget_strangers, &w));
        }
        settle(&w);
        assert_int_equal(m->assigned, FAKE_PARTITIONS);
        world_end(&w);
    }
}

static void commit_now(void *context)
{
    struct member *m = &((struct world *)context)->members[0];
    client_group_commit(m->group, NULL, on_commit, m);
}

static bool commit_is_done(void *context)
{
    return ((struct world *)context)->members[0].commits_done > 0;
}

static void commits_are_tried_again_or_refused(void **state)
{
    static const struct {
        enum err error, result;
        int commits;
    } cases[] = {{ERR_COORDINATOR_LOAD_IN_PROGRESS, OK, 3},
                 {ERR_NOT_COORDINATOR, OK, 3},
                 {ERR_REBALANCE_IN_PROGRESS, ERR_REBALANCE_IN_PROGRESS, 1},
                 {ERR_ILLEGAL_GENERATION, ERR_ILLEGAL_GENERATION, 1}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        world_start(&w, 20 + i);
        struct member *m = member_start(&w, 0);
        assert_true(sim_run_until(w.sim, is_reading, &w, 20000));
        w.coordinator.error = cases[i].error;
        w.coordinator.fail_commits = cases[i].commits > 1 ? cases[i].commits - 1 : 1;
        assert_true(sim_node_call(w.client_node, commit_now, &w));
        assert_true(sim_run_until(w.sim, commit_is_done, &w, 20000));
        assert_int_equal(m->commit_err, cases[i].result);
        assert_int_equal(w.coordinator.commits, cases[i].commits);
        settle(&w);
        world_end(&w);
    }
}

static void a_closed_group_is_told_of_its_open_commits(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 30);
    struct member *m = member_start(&w, 0);
    assert_true(sim_run_until(w.sim, is_reading, &w, 20000));
    w.coordinator.error = ERR_COORDINATOR_LOAD_IN_PROGRESS;
    w.coordinator.fail_commits = 1000;
    assert_true(sim_node_call(w.client_node, commit_now, &w));
    member_close(&w, 0); // gives up after its time
    assert_int_equal(m->commits_done, 1);
    assert_int_equal(m->commit_err, ERR_CLOSED);
    world_end(&w);
}

// ---- at random -------------------------------------------------------------------------------------------------

// Members come and go while connections break: whenever it is quiet, every partition has one owner.
static void members_come_and_go(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world w;
        world_start(&w, seed);
        for (int i = 0; i < MEMBERS; i++) {
            if (seed % 2 == 0) continue;
            w.members[i].config.assignors[0] = ASSIGNOR_COOPERATIVE_STICKY;
            w.members[i].config.assignor_count = 1;
        }
        struct sim_faults faults = {0};
        faults.net_reset_ppm = 20000;
        sim_set_faults(w.sim, &faults);
        for (int i = 0; i < MEMBERS; i++) {
            (void)member_start(&w, i);
            run_ms(&w, 200 * (int64_t)(seed % 5));
        }
        faults = (struct sim_faults){0};
        run_ms(&w, 2000);
        sim_set_faults(w.sim, &faults);
        // Ids whose first answer was lost are members that never come: the coordinator gives them up.
        assert_true(sim_node_call(w.broker_node, forget_strangers, &w));
        settle(&w);
        member_close(&w, (int)(seed % MEMBERS));
        assert_true(sim_node_call(w.broker_node, forget_strangers, &w)); // who knew no coordinator left without a word
        settle(&w);
        world_end(&w);
    }
}

static void a_pattern_is_resolved(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 40);
    (void)member_start(&w, 0);
    settle(&w);
    assert_true(sim_node_call(w.client_node, subscribe_matching, &w));
    run_ms(&w, 3000);
    settle(&w);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_joins_and_leaves),
        cmocka_unit_test(a_static_member_stays_in_the_group),
        cmocka_unit_test(reading_starts_at_committed_positions),
        cmocka_unit_test(without_a_position_and_a_reset_it_fails),
        cmocka_unit_test(an_eager_rebalance_gives_up_everything),
        cmocka_unit_test(a_cooperative_rebalance_gives_up_what_moves),
        cmocka_unit_test(what_is_committed_while_revoked_arrives_before_the_rebalance),
        cmocka_unit_test(an_unknown_member_loses_its_partitions_and_joins_anew),
        cmocka_unit_test(an_old_generation_keeps_its_member_id),
        cmocka_unit_test(a_fenced_instance_stands_still),
        cmocka_unit_test(a_coordinator_that_moves_is_looked_for),
        cmocka_unit_test(joins_and_syncs_are_tried_again),
        cmocka_unit_test(commits_are_tried_again_or_refused),
        cmocka_unit_test(a_closed_group_is_told_of_its_open_commits),
        cmocka_unit_test(members_come_and_go),
        cmocka_unit_test(a_pattern_is_resolved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
