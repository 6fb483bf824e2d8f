// SPDX-License-Identifier: Apache-2.0
#include "coord/group_test_util.h"

// ---- joining -----------------------------------------------------------------------------------------------------

static void a_first_member_is_told_its_id_and_waits_for_others(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct joining j = {0};
    struct call *first = join(&f, j, SLICE(""));
    assert_int_equal(joined(first)->error_code, ERR_MEMBER_ID_REQUIRED);
    struct slice id = joined(first)->member_id;
    assert_int_equal(id.size, strlen("client-") + 36);
    assert_memory_equal(id.data, "client-", 7);
    assert_string_equal(state_of(&f, "g"), "Empty");
    struct call *second = join(&f, j, id);
    assert_false(second->is_done);
    assert_string_equal(state_of(&f, "g"), "PreparingRebalance");
    fixture_wait(&f, 2999);
    assert_false(second->is_done);
    fixture_wait(&f, 1);
    struct join_group_response *r = joined(second);
    assert_int_equal(r->error_code, OK);
    assert_int_equal(r->generation_id, 1);
    assert_true(slice_eq(r->leader, id) && slice_eq(r->member_id, id));
    assert_true(slice_eq_str(r->protocol_name, "range") && slice_eq_str(r->protocol_type, "consumer"));
    assert_int_equal(r->members.count, 1);
    assert_false(r->skip_assignment);
    assert_string_equal(state_of(&f, "g"), "CompletingRebalance");
    struct call *sync = sync_group(&f, (struct syncing){.member_id = id, .generation = 1, .for_member = {id}});
    assert_true(slice_eq_str(synced(sync)->assignment, "part0"));
    assert_true(slice_eq_str(synced(sync)->protocol_name, "range"));
    assert_string_equal(state_of(&f, "g"), "Stable");
    struct describe_groups_response_described_group *d = describe(&f, "g");
    assert_true(slice_eq_str(d->protocol_data, "range"));
    assert_int_equal(d->members.count, 1);
    assert_true(slice_eq_str(d->members.items[0].member_assignment, "part0"));
    assert_true(slice_eq_str(d->members.items[0].client_host, "/127.0.0.1"));
    fixture_deinit(&f);
}

static void the_first_rebalance_is_prolonged_by_who_comes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct joining j = {.version = 3, .rebalance_ms = 7000}; // no id needed
    struct call *a = join(&f, j, SLICE(""));
    fixture_wait(&f, 2000);
    struct call *b = join(&f, j, SLICE(""));
    fixture_wait(&f, 3999);
    assert_false(a->is_done || b->is_done);
    struct call *c = join(&f, j, SLICE(""));
    fixture_wait(&f, 1); // 6000: somebody came, but only 1000 are left
    assert_false(a->is_done);
    fixture_wait(&f, 1000); // 7000
    assert_int_equal(joined(a)->members.count, 3);
    assert_int_equal(joined(b)->members.count, 0);
    assert_true(slice_eq(joined(c)->leader, joined(a)->member_id));
    fixture_deinit(&f);
}

static void limits_of_a_join(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(joined(join(&f, (struct joining){.group = ""}, SLICE("")))->error_code, ERR_INVALID_GROUP_ID);
    assert_int_equal(joined(join(&f, (struct joining){.session_ms = 5999}, SLICE("")))->error_code,
                     ERR_INVALID_SESSION_TIMEOUT);
    assert_int_equal(joined(join(&f, (struct joining){.session_ms = 1800001}, SLICE("")))->error_code,
                     ERR_INVALID_SESSION_TIMEOUT);
    assert_int_equal(joined(join(&f, (struct joining){0}, SLICE("who")))->error_code, ERR_UNKNOWN_MEMBER_ID);
    assert_false(is_listed_group(&f, "g"));
    assert_int_equal(joined(join(&f, (struct joining){.protocols = ""}, SLICE("")))->error_code,
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_true(is_listed_group(&f, "g")); // asked for is made, in Kafka too
    settle_one(&f, (struct joining){0});
    assert_int_equal(joined(join(&f, (struct joining){.protocols = "sticky"}, SLICE("")))->error_code,
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(joined(join(&f, (struct joining){.type = "connect"}, SLICE("")))->error_code,
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    f.settings.max_size = 1;
    struct join_group_response *full = joined(join(&f, (struct joining){0}, SLICE("")));
    assert_int_equal(full->error_code, ERR_GROUP_MAX_SIZE_REACHED);
    assert_int_equal(full->member_id.size, 0);
    fixture_deinit(&f);
}

static void a_pending_member_that_stays_away_is_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct slice id = joined(join(&f, (struct joining){0}, SLICE("")))->member_id;
    fixture_wait(&f, 10000);
    assert_int_equal(joined(join(&f, (struct joining){0}, id))->error_code, ERR_UNKNOWN_MEMBER_ID);
    fixture_deinit(&f);
}

static void members_vote_for_a_protocol(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct call *a = join(&f, (struct joining){.version = 3, .protocols = "range,sticky"}, SLICE(""));
    struct call *b = join(&f, (struct joining){.version = 3, .protocols = "sticky,range,own"}, SLICE(""));
    struct call *c = join(&f, (struct joining){.version = 3, .protocols = "own,sticky,range"}, SLICE(""));
    fixture_wait(&f, 6000);
    assert_true(slice_eq_str(joined(a)->protocol_name, "sticky"));
    assert_true(slice_eq_str(joined(b)->protocol_name, "sticky"));
    assert_true(slice_eq_str(joined(c)->protocol_name, "sticky"));
    fixture_deinit(&f);
}

// Java's HashMap decides between equals: of its 16 places "range" has 9, "roundrobin" 10, "sticky" 8.
static void a_tie_is_decided_as_kafka_does(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct call *a = join(&f, (struct joining){.version = 3, .protocols = "range,roundrobin"}, SLICE(""));
    struct call *b = join(&f, (struct joining){.version = 3, .protocols = "roundrobin,range"}, SLICE(""));
    fixture_wait(&f, 6000);
    assert_true(slice_eq_str(joined(a)->protocol_name, "range"));
    assert_true(slice_eq_str(joined(b)->protocol_name, "range"));
    fixture_deinit(&f);
}

// ---- two members -------------------------------------------------------------------------------------------------

struct pair {
    struct slice a; // leader
    struct slice b;
    int32_t generation;
};

static struct pair settle_two(struct fixture *f, const char *instance_a, const char *instance_b)
{
    struct pair p = {0};
    struct call *a = join_fully(f, (struct joining){.instance = instance_a}, &p.a);
    struct call *b = join_fully(f, (struct joining){.instance = instance_b}, &p.b);
    fixture_wait(f, 6000);
    p.a = joined(a)->member_id;
    p.b = joined(b)->member_id;
    p.generation = joined(a)->generation_id;
    struct call *sync =
        sync_group(f, (struct syncing){.member_id = p.b, .instance = instance_b, .generation = p.generation});
    assert_false(sync->is_done);
    sync_group(f, (struct syncing){
                      .member_id = p.a, .instance = instance_a, .generation = p.generation, .for_member = {p.a, p.b}});
    assert_true(slice_eq_str(synced(sync)->assignment, "part1"));
    assert_string_equal(state_of(f, "g"), "Stable");
    return p;
}

static void a_follower_that_rejoins_unchanged_disturbs_nobody(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    struct join_group_response *r = joined(join(&f, (struct joining){0}, p.b));
    assert_int_equal(r->error_code, OK);
    assert_int_equal(r->generation_id, p.generation);
    assert_int_equal(r->members.count, 0);
    assert_string_equal(state_of(&f, "g"), "Stable");
    struct call *sync = sync_group(&f, (struct syncing){.member_id = p.b, .generation = p.generation});
    assert_true(slice_eq_str(synced(sync)->assignment, "part1"));
    fixture_deinit(&f);
}

static void the_leader_that_rejoins_starts_a_rebalance(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    struct call *a = join(&f, (struct joining){0}, p.a);
    assert_false(a->is_done);
    assert_int_equal(beat(&f, p.b, NULL, p.generation), ERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(synced(sync_group(&f, (struct syncing){.member_id = p.b, .generation = p.generation}))->error_code,
                     ERR_REBALANCE_IN_PROGRESS);
    struct call *b = join(&f, (struct joining){.topics = "bills"}, p.b);
    assert_int_equal(joined(a)->generation_id, p.generation + 1);
    assert_int_equal(joined(b)->generation_id, p.generation + 1);
    assert_int_equal(joined(a)->members.count, 2);
    assert_int_equal(beat(&f, p.b, NULL, p.generation), ERR_ILLEGAL_GENERATION);
    assert_int_equal(beat(&f, p.b, NULL, p.generation + 1), OK); // completing: fine
    // The same JoinGroup again: the first answer may have been lost.
    struct join_group_response *again = joined(join(&f, (struct joining){0}, p.a));
    assert_int_equal(again->generation_id, p.generation + 1);
    assert_int_equal(again->members.count, 2);
    fixture_deinit(&f);
}

static void who_is_late_is_removed_and_the_lead_passes_on(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    struct call *b = join(&f, (struct joining){.topics = "bills"}, p.b);
    assert_false(b->is_done);
    for (int i = 0; i < 11 && !b->is_done; i++) { // alive, but it does not come
        beat(&f, p.a, NULL, p.generation);
        fixture_wait(&f, 6000);
    }
    assert_int_equal(joined(b)->error_code, OK);
    assert_true(slice_eq(joined(b)->leader, p.b));
    assert_int_equal(joined(b)->members.count, 1);
    assert_int_equal(beat(&f, p.a, NULL, p.generation), ERR_UNKNOWN_MEMBER_ID);
    fixture_deinit(&f);
}

static void sessions_end_but_not_of_those_who_wait_for_us(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    struct call *a = join(&f, (struct joining){0}, p.a);
    fixture_wait(&f, 9999);
    assert_false(a->is_done);
    fixture_wait(&f, 1); // the other one's session is over, ours would be too
    assert_int_equal(joined(a)->error_code, OK);
    assert_int_equal(joined(a)->members.count, 1);
    sync_group(&f, (struct syncing){.member_id = p.a, .generation = p.generation + 1, .for_member = {p.a}});
    fixture_wait(&f, 9999);
    assert_int_equal(beat(&f, p.a, NULL, p.generation + 1), OK);
    fixture_wait(&f, 9999);
    assert_string_equal(state_of(&f, "g"), "Stable");
    fixture_wait(&f, 1);
    struct describe_groups_response_described_group *d = describe(&f, "g");
    assert_true(slice_eq_str(d->group_state, "Empty"));
    assert_int_equal(d->members.count, 0);
    assert_true(slice_eq_str(d->protocol_type, "consumer"));
    fixture_deinit(&f);
}

static void who_does_not_sync_in_time_is_removed(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = {0};
    struct call *a = join_fully(&f, (struct joining){.rebalance_ms = 8000}, &p.a);
    struct call *b = join_fully(&f, (struct joining){.rebalance_ms = 8000}, &p.b);
    fixture_wait(&f, 6000);
    assert_true(a->is_done && b->is_done);
    struct call *sync = sync_group(&f, (struct syncing){.member_id = p.b, .generation = 1});
    for (int i = 0; i < 2; i++) {
        beat(&f, p.a, NULL, 1);
        fixture_wait(&f, 4000);
    }
    assert_int_equal(synced(sync)->error_code, ERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(beat(&f, p.a, NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    struct call *again = join(&f, (struct joining){0}, p.b);
    assert_int_equal(joined(again)->generation_id, 2);
    assert_true(slice_eq(joined(again)->leader, p.b));
    fixture_deinit(&f);
}

static void leaving_is_answered_one_by_one(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, "box");
    assert_int_equal(leave_one(&f, SLICE("who"), NULL), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave_one(&f, SLICE("who"), "box"), ERR_FENCED_INSTANCE_ID);
    assert_int_equal(leave_one(&f, SLICE(""), "other"), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave_one(&f, SLICE(""), "box"), OK);
    assert_int_equal(beat(&f, p.a, NULL, p.generation), ERR_REBALANCE_IN_PROGRESS);
    struct leave_group_request old = leave_group_request_init();
    old.group_id = SLICE("g");
    old.member_id = p.a;
    struct leave_group_response *r = fixture_answer(fixture_ask(&f, &leave_group_request_message, 2, &old));
    assert_int_equal(r->error_code, OK);
    assert_string_equal(state_of(&f, "g"), "Empty");
    r = fixture_answer(fixture_ask(&f, &leave_group_request_message, 1, &old));
    assert_int_equal(r->error_code, ERR_UNKNOWN_MEMBER_ID);
    fixture_deinit(&f);
}

static void a_sync_must_fit_its_generation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    struct syncing s = {.member_id = p.b, .generation = p.generation - 1};
    assert_int_equal(synced(sync_group(&f, s))->error_code, ERR_ILLEGAL_GENERATION);
    s.member_id = SLICE("who");
    assert_int_equal(synced(sync_group(&f, s))->error_code, ERR_UNKNOWN_MEMBER_ID);
    struct sync_group_request request = sync_group_request_init();
    request.group_id = SLICE("g");
    request.member_id = p.b;
    request.generation_id = p.generation;
    request.protocol_type = SLICE("consumer");
    request.protocol_name = SLICE("sticky");
    assert_int_equal(synced(fixture_ask(&f, &sync_group_request_message, 5, &request))->error_code,
                     ERR_INCONSISTENT_GROUP_PROTOCOL);
    fixture_deinit(&f);
}

// One record holds the whole group: what the log would refuse is refused before it is written.
static void an_assignment_above_a_records_size_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct call *first = join(&f, (struct joining){0}, SLICE(""));
    struct slice id = joined(first)->member_id;
    struct call *call = join(&f, (struct joining){0}, id);
    fixture_wait(&f, 3000);
    struct sync_group_request request = sync_group_request_init();
    struct sync_group_request_sync_group_request_assignment assignment = {
        .member_id = id, .assignment = slice_of(arena_zalloc(&f.arena, 1, 2 << 20), 2 << 20)};
    request.group_id = SLICE("g");
    request.member_id = id;
    request.generation_id = joined(call)->generation_id;
    request.assignments.items = &assignment;
    request.assignments.count = 1;
    assert_int_equal(synced(fixture_ask(&f, &sync_group_request_message, 5, &request))->error_code,
                     ERR_UNKNOWN_SERVER_ERROR);
    assert_string_equal(state_of(&f, "g"), "PreparingRebalance");
    call = join(&f, (struct joining){0}, id);
    struct syncing s = {.member_id = id, .generation = joined(call)->generation_id, .for_member = {id}};
    assert_int_equal(synced(sync_group(&f, s))->error_code, OK);
    fixture_deinit(&f);
}

static void the_first_of_two_requests_is_answered_too(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    struct call *a = join(&f, (struct joining){0}, p.a);
    struct call *again = join(&f, (struct joining){0}, p.a);
    assert_int_equal(joined(a)->error_code, ERR_REBALANCE_IN_PROGRESS);
    assert_false(again->is_done);
    struct call *b = join(&f, (struct joining){0}, p.b);
    assert_int_equal(joined(again)->error_code, OK);
    assert_int_equal(joined(b)->error_code, OK);
    struct call *sync = sync_group(&f, (struct syncing){.member_id = p.b, .generation = p.generation + 1});
    struct call *later = sync_group(&f, (struct syncing){.member_id = p.b, .generation = p.generation + 1});
    assert_int_equal(synced(sync)->error_code, ERR_REBALANCE_IN_PROGRESS);
    assert_false(later->is_done);
    // Its client goes away: it counts as one that waits, until its session.
    fixture_do(&f, (struct coord_event){.kind = EV_COORD_ABANDONED, .call = &later->call});
    assert_true(later->is_done);
    struct syncing s = {.member_id = p.a, .generation = p.generation + 1, .for_member = {p.a, p.b}};
    assert_int_equal(synced(sync_group(&f, s))->error_code, OK);
    assert_string_equal(state_of(&f, "g"), "Stable");
    fixture_deinit(&f);
}

// ---- static members ----------------------------------------------------------------------------------------------

static void a_static_member_returns_without_a_rebalance(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, "one", "two");
    assert_memory_equal(p.a.data, "one-", 4);
    struct join_group_response *r = joined(join(&f, (struct joining){.instance = "two"}, SLICE("")));
    assert_int_equal(r->error_code, OK);
    assert_int_equal(r->generation_id, p.generation);
    assert_false(slice_eq(r->member_id, p.b));
    assert_true(slice_eq(r->leader, p.a));
    struct call *sync =
        sync_group(&f, (struct syncing){.member_id = r->member_id, .instance = "two", .generation = p.generation});
    assert_true(slice_eq_str(synced(sync)->assignment, "part1"));
    assert_int_equal(beat(&f, p.b, "two", p.generation), ERR_FENCED_INSTANCE_ID);
    assert_int_equal(beat(&f, r->member_id, "two", p.generation), OK);
    // The leader too; from version 9 it is told not to assign.
    struct join_group_response *lead = joined(join(&f, (struct joining){.instance = "one"}, SLICE("")));
    assert_true(lead->skip_assignment);
    assert_true(slice_eq(lead->leader, lead->member_id));
    assert_int_equal(lead->members.count, 2);
    struct join_group_response *old = joined(join(&f, (struct joining){.instance = "one", .version = 8}, SLICE("")));
    assert_false(old->skip_assignment);
    assert_true(slice_eq(old->leader, lead->member_id)); // its former self
    assert_int_equal(old->members.count, 0);
    fixture_reload(&f);
    assert_int_equal(beat(&f, old->member_id, "one", p.generation), OK);
    assert_int_equal(beat(&f, lead->member_id, "one", p.generation), ERR_FENCED_INSTANCE_ID);
    fixture_deinit(&f);
}

static void a_replaced_member_that_waits_is_fenced(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, "one", "two");
    struct call *a = join(&f, (struct joining){.instance = "one"}, p.a);
    assert_false(a->is_done);
    struct call *usurper = join(&f, (struct joining){.instance = "one"}, SLICE(""));
    assert_int_equal(joined(a)->error_code, ERR_FENCED_INSTANCE_ID);
    assert_false(usurper->is_done);
    join(&f, (struct joining){.instance = "two"}, p.b);
    assert_int_equal(joined(usurper)->generation_id, p.generation + 1);
    assert_int_equal(joined(join(&f, (struct joining){.instance = "one"}, p.a))->error_code, ERR_FENCED_INSTANCE_ID);
    // While completing, the leader may have assigned to the old id: everybody joins anew.
    struct call *sync =
        sync_group(&f, (struct syncing){.member_id = p.b, .instance = "two", .generation = p.generation + 1});
    struct call *again = join(&f, (struct joining){.instance = "one"}, SLICE(""));
    assert_int_equal(synced(sync)->error_code, ERR_REBALANCE_IN_PROGRESS);
    assert_false(again->is_done);
    fixture_deinit(&f);
}

static void static_members_outlast_a_rebalance_but_not_their_session(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, "one", "two");
    struct call *a = join(&f, (struct joining){.instance = "one", .rebalance_ms = 7000}, p.a);
    join(&f, (struct joining){.instance = "two", .rebalance_ms = 7000}, p.b);
    sync_group(&f, (struct syncing){.member_id = p.a, .instance = "one", .generation = 2, .for_member = {p.a, p.b}});
    assert_int_equal(joined(a)->generation_id, 2);
    a = join(&f, (struct joining){.instance = "one", .rebalance_ms = 7000}, p.a);
    fixture_wait(&f, 7000);
    assert_int_equal(joined(a)->generation_id, 3);
    assert_int_equal(joined(a)->members.count, 2); // the absent one keeps its place
    fixture_wait(&f, 10000);
    assert_int_equal(beat(&f, p.b, "two", 3), ERR_UNKNOWN_MEMBER_ID);
    fixture_deinit(&f);
}

// ---- life of groups ----------------------------------------------------------------------------------------------

static void a_loaded_group_goes_on(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, "two");
    fixture_reload(&f);
    assert_string_equal(state_of(&f, "g"), "Stable");
    assert_int_equal(beat(&f, p.a, NULL, p.generation), OK);
    struct call *sync =
        sync_group(&f, (struct syncing){.member_id = p.b, .instance = "two", .generation = p.generation});
    assert_true(slice_eq_str(synced(sync)->assignment, "part1"));
    fixture_wait(&f, 10000);
    assert_string_equal(state_of(&f, "g"), "Empty");
    fixture_reload(&f);
    assert_string_equal(state_of(&f, "g"), "Empty");
    fixture_deinit(&f);
}

static void a_group_loaded_over_its_limit_lets_the_first_ones_stay(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct pair p = settle_two(&f, NULL, NULL);
    f.settings.max_size = 1;
    fixture_reload(&f);
    assert_string_equal(state_of(&f, "g"), "PreparingRebalance");
    struct call *b = join(&f, (struct joining){0}, p.b);
    assert_int_equal(joined(join(&f, (struct joining){0}, p.a))->error_code, ERR_GROUP_MAX_SIZE_REACHED);
    fixture_wait(&f, 60000);
    assert_int_equal(joined(b)->members.count, 1);
    fixture_deinit(&f);
}

static void only_empty_groups_are_deleted(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(delete_group_named(&f, "g"), ERR_GROUP_ID_NOT_FOUND);
    struct slice id = settle_one(&f, (struct joining){0});
    assert_int_equal(commit(&f, (struct committing){.member_id = id, .generation = 1, .offset = 5}), OK);
    assert_int_equal(delete_group_named(&f, "g"), ERR_NON_EMPTY_GROUP);
    assert_int_equal(leave_one(&f, id, NULL), OK);
    assert_int_equal(delete_group_named(&f, "g"), OK);
    assert_false(is_listed_group(&f, "g"));
    assert_int_equal(position(&f, "g", "orders", 0), -1);
    struct describe_groups_response_described_group *gone = describe(&f, "g");
    assert_int_equal(gone->error_code, ERR_GROUP_ID_NOT_FOUND);
    assert_true(slice_eq_str(gone->group_state, "Dead"));
    assert_true(slice_eq_str(gone->error_message, "Group g not found."));
    fixture_reload(&f);
    assert_false(is_listed_group(&f, "g"));
    fixture_deinit(&f);
}

static int32_t listed(struct fixture *f, const char *phase, const char *type)
{
    struct slice phase_filter = slice_str(phase);
    struct slice type_filter = slice_str(type);
    struct list_groups_request request = list_groups_request_init();
    request.states_filter.items = &phase_filter;
    request.states_filter.count = phase == NULL ? 0 : 1;
    request.types_filter.items = &type_filter;
    request.types_filter.count = type == NULL ? 0 : 1;
    struct list_groups_response *r = fixture_answer(fixture_ask(f, &list_groups_request_message, 5, &request));
    return r->groups.count;
}

static void groups_are_listed_by_state_and_type(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    settle_one(&f, (struct joining){0});
    commit(&f, (struct committing){.group = "simple"});
    assert_int_equal(listed(&f, NULL, NULL), 2);
    assert_int_equal(listed(&f, " sTable ", NULL), 1);
    assert_int_equal(listed(&f, "empty", "CLASSIC"), 1);
    assert_int_equal(listed(&f, "Dead", NULL), 0);
    assert_int_equal(listed(&f, NULL, "classic "), 0); // types are not trimmed
    assert_int_equal(listed(&f, NULL, "share"), 0);
    fixture_deinit(&f);
}

// ---- records of others -------------------------------------------------------------------------------------------

static void add(struct fixture *f, const void *key, size_t key_size, const void *value, size_t value_size)
{
    struct batch_spec spec = batch_spec(f->end_offset);
    struct batch_builder builder = {0};
    batch_begin(&builder, &f->log, &spec);
    batch_add(&builder, f->wall_ms, slice_of(key, key_size), slice_of(value, value_size), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
    f->end_offset++;
}

static void groups_of_newer_protocols_are_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add(&f, "\0\5\0\1g\0\1m", 8, "\0\0", 2); // a member of it
    add(&f, "\0\3\0\1g", 5, "\0\0\0\0\0\7\0", 7);
    add(&f, "\0\13\0\1s", 5, "\0\0\0\0\0\7\0", 7);
    add(&f, "\0\21\0\1t", 5, "\0\0\0\0\0\7\0", 7);
    add(&f, "\0\143what", 6, "?", 1); // a type from the future
    fixture_reload(&f);
    assert_int_equal(listed(&f, NULL, NULL), 3);
    assert_int_equal(listed(&f, NULL, "Consumer"), 1);
    assert_int_equal(listed(&f, NULL, "Share"), 1);
    assert_int_equal(listed(&f, NULL, "Streams"), 1);
    assert_int_equal(joined(join(&f, (struct joining){0}, SLICE("")))->error_code, ERR_INCONSISTENT_GROUP_PROTOCOL);
    assert_int_equal(beat(&f, SLICE("m"), NULL, 1), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(leave_one(&f, SLICE("m"), NULL), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(delete_group_named(&f, "g"), ERR_NON_EMPTY_GROUP);
    struct describe_groups_response_described_group *d = describe(&f, "g");
    assert_int_equal(d->error_code, ERR_GROUP_ID_NOT_FOUND);
    assert_true(slice_eq_str(d->error_message, "Group g is not a classic group."));
    assert_int_equal(commit(&f, (struct committing){.offset = 4}), OK); // an administrator sets it back
    assert_int_equal(position(&f, "g", "orders", 0), 4);
    assert_int_equal(commit(&f, (struct committing){.generation = 7, .member_id = SLICE("m")}), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit(&f, (struct committing){.group = "s"}), ERR_GROUP_ID_NOT_FOUND);
    fixture_wait(&f, INT64_C(30) * 24 * 3600 * 1000); // never expired by us
    assert_int_equal(listed(&f, NULL, "Consumer"), 1);
    add(&f, "\0\13\0\1s", 5, NULL, 0);
    fixture_reload(&f);
    assert_int_equal(listed(&f, NULL, NULL), 2);
    fixture_deinit(&f);
}

static void what_cannot_be_read_stops_the_load(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    static const char *const values[] = {"\0\x9", "\0", "\0\3\0\0"};
    static const size_t sizes[] = {2, 1, 4};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        text_clear(&f.log);
        f.end_offset = 0;
        add(&f, "\0\2\0\1g", 5, values[i], sizes[i]);
        struct coord *coord = harness_coord_new(&f.settings, 0, 1);
        struct coord_event event = {.kind = EV_COORD_LOAD, .image = f.topics.image, .batches = text_slice(&f.log)};
        assert_int_not_equal(coord_step(coord, &event, &f.effects), OK);
        coord_free(coord);
    }
    text_clear(&f.log);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_member_is_told_its_id_and_waits_for_others),
        cmocka_unit_test(the_first_rebalance_is_prolonged_by_who_comes),
        cmocka_unit_test(limits_of_a_join),
        cmocka_unit_test(a_pending_member_that_stays_away_is_forgotten),
        cmocka_unit_test(members_vote_for_a_protocol),
        cmocka_unit_test(a_tie_is_decided_as_kafka_does),
        cmocka_unit_test(a_follower_that_rejoins_unchanged_disturbs_nobody),
        cmocka_unit_test(the_leader_that_rejoins_starts_a_rebalance),
        cmocka_unit_test(who_is_late_is_removed_and_the_lead_passes_on),
        cmocka_unit_test(sessions_end_but_not_of_those_who_wait_for_us),
        cmocka_unit_test(who_does_not_sync_in_time_is_removed),
        cmocka_unit_test(leaving_is_answered_one_by_one),
        cmocka_unit_test(a_sync_must_fit_its_generation),
        cmocka_unit_test(an_assignment_above_a_records_size_is_refused),
        cmocka_unit_test(the_first_of_two_requests_is_answered_too),
        cmocka_unit_test(a_static_member_returns_without_a_rebalance),
        cmocka_unit_test(a_replaced_member_that_waits_is_fenced),
        cmocka_unit_test(static_members_outlast_a_rebalance_but_not_their_session),
        cmocka_unit_test(a_loaded_group_goes_on),
        cmocka_unit_test(a_group_loaded_over_its_limit_lets_the_first_ones_stay),
        cmocka_unit_test(only_empty_groups_are_deleted),
        cmocka_unit_test(groups_are_listed_by_state_and_type),
        cmocka_unit_test(groups_of_newer_protocols_are_left_alone),
        cmocka_unit_test(what_cannot_be_read_stops_the_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
