// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "raft/raft.h"

static struct raft_options options_of(int32_t id)
{
    return (struct raft_options){.id = id,
                                 .election_timeout_ms = 1000,
                                 .fetch_timeout_ms = 2000,
                                 .backoff_max_ms = 1000,
                                 .fetch_wait_ms = 50,
                                 .seed = (uint64_t)id};
}

static const struct raft_effect *step(struct raft *raft, struct raft_effects *out, struct raft_event event)
{
    raft_step(raft, &event, out);
    return out->items;
}

static struct raft_start start_alone(struct raft_saved saved)
{
    return (struct raft_start){.saved = saved, .voters = {.items = {{.id = 1}}, .count = 1}, .now_ms = 5};
}

static void lone_voter_leads_only_after_its_vote_is_saved(void **state)
{
    (void)state;
    struct raft raft;
    static struct raft_effects out;
    struct raft_options options = options_of(1);
    struct raft_start start = start_alone((struct raft_saved){0, -1, -1, {{0}}});
    raft_init(&raft, &options, &start);
    assert_int_equal(raft.deadline_ms, 5);
    const struct raft_effect *e = step(&raft, &out, (struct raft_event){.kind = EV_RAFT_TICK, .now_ms = 5});
    assert_int_equal(out.count, 1);
    assert_int_equal(e[0].kind, DO_RAFT_SAVE);
    assert_int_equal(e[0].saved.epoch, 1);
    assert_int_equal(e[0].saved.voted_id, 1);
    assert_int_equal(raft.state, RAFT_CANDIDATE);

    e = step(&raft, &out, (struct raft_event){.kind = EV_RAFT_SAVED, .sequence = e[0].sequence, .now_ms = 6});
    assert_int_equal(raft.state, RAFT_LEADER);
    assert_int_equal(out.count, 2);
    assert_int_equal(e[0].kind, DO_RAFT_SAVE);
    assert_int_equal(e[0].saved.leader_id, 1);
    assert_int_equal(e[1].kind, DO_RAFT_APPEND_START);
    assert_int_equal(e[1].offset, 0);
    assert_false(e[1].with_voters);
    assert_int_equal(raft.high_watermark, 0); // written is not committed

    e = step(&raft, &out, (struct raft_event){.kind = EV_RAFT_SYNCED, .end_offset = 1, .now_ms = 7});
    assert_int_equal(out.count, 2);
    assert_int_equal(e[0].kind, DO_RAFT_HIGH_WATERMARK);
    assert_int_equal(e[0].offset, 1);
    assert_int_equal(e[1].kind, DO_RAFT_LEADING);

    step(&raft, &out, (struct raft_event){.kind = EV_RAFT_APPEND, .end_offset = 9, .now_ms = 8});
    assert_int_equal(raft.high_watermark, 1);
    e = step(&raft, &out, (struct raft_event){.kind = EV_RAFT_SYNCED, .end_offset = 9, .now_ms = 9});
    assert_int_equal(e[0].offset, 9);
    assert_int_equal(raft.deadline_ms, INT64_MAX);
    raft_deinit(&raft);
}

static void restarted_leader_takes_the_next_epoch(void **state)
{
    (void)state;
    struct raft raft;
    static struct raft_effects out;
    struct raft_options options = options_of(1);
    struct raft_start start = start_alone((struct raft_saved){7, 1, -1, {{0}}});
    struct raft_epoch epochs[] = {{3, 0}, {7, 10}};
    start.epochs = epochs;
    start.epoch_count = 2;
    start.end_offset = 20;
    raft_init(&raft, &options, &start);
    assert_int_equal(raft.state, RAFT_RESIGNED);
    const struct raft_effect *e = step(&raft, &out, (struct raft_event){.kind = EV_RAFT_TICK, .now_ms = 5});
    assert_int_equal(e[0].saved.epoch, 8);
    raft_deinit(&raft);
}

static void restored_candidate_counts_the_vote_on_disk(void **state)
{
    (void)state;
    struct raft raft;
    static struct raft_effects out;
    struct raft_options options = options_of(1);
    struct raft_start start = start_alone((struct raft_saved){4, -1, 1, {{0}}});
    raft_init(&raft, &options, &start);
    assert_int_equal(raft.state, RAFT_CANDIDATE);
    step(&raft, &out, (struct raft_event){.kind = EV_RAFT_TICK, .now_ms = 5});
    assert_int_equal(raft.state, RAFT_LEADER);
    assert_int_equal(raft.saved.epoch, 4);
    raft_deinit(&raft);
}

static void log_ahead_of_quorum_state_wins(void **state)
{
    (void)state;
    struct raft raft;
    struct raft_options options = options_of(1);
    struct raft_start start = start_alone((struct raft_saved){0, -1, -1, {{0}}});
    struct raft_epoch epochs[] = {{6, 0}};
    start.epochs = epochs;
    start.epoch_count = 1;
    start.end_offset = 3;
    raft_init(&raft, &options, &start);
    assert_int_equal(raft.saved.epoch, 6);
    raft_deinit(&raft);
}

static void voter_with_another_directory_never_stands(void **state)
{
    (void)state;
    struct raft raft;
    static struct raft_effects out;
    struct raft_options options = options_of(1);
    struct raft_start start = start_alone((struct raft_saved){0, -1, -1, {{0}}});
    start.is_dynamic = true;
    start.voters.items[0].directory_id.bytes[0] = 9;
    raft_init(&raft, &options, &start);
    step(&raft, &out, (struct raft_event){.kind = EV_RAFT_TICK, .now_ms = 100000});
    assert_int_equal(raft.state, RAFT_UNATTACHED);
    assert_int_equal(raft.saved.epoch, 0);
    raft_deinit(&raft);
}

static void dynamic_quorum_writes_its_voters_once(void **state)
{
    (void)state;
    for (int in_log = 0; in_log < 2; in_log++) {
        struct raft raft;
        static struct raft_effects out;
        struct raft_options options = options_of(1);
        struct raft_start start = start_alone((struct raft_saved){0, -1, -1, {{0}}});
        start.is_dynamic = true;
        start.voters_in_log = in_log != 0;
        raft_init(&raft, &options, &start);
        step(&raft, &out, (struct raft_event){.kind = EV_RAFT_TICK, .now_ms = 5});
        const struct raft_effect *e =
            step(&raft, &out, (struct raft_event){.kind = EV_RAFT_SAVED, .sequence = 1, .now_ms = 6});
        assert_int_equal(e[1].kind, DO_RAFT_APPEND_START);
        assert_int_equal(e[1].with_voters, !in_log);
        assert_int_equal(raft.end_offset, in_log ? 1 : 3);
        raft_deinit(&raft);
    }
}

static void end_of_epoch_follows_kafkas_cache(void **state)
{
    (void)state;
    struct raft raft;
    struct raft_options options = options_of(1);
    struct raft_start start = start_alone((struct raft_saved){5, -1, -1, {{0}}});
    struct raft_epoch epochs[] = {{2, 0}, {5, 7}};
    start.epochs = epochs;
    start.epoch_count = 2;
    start.end_offset = 11;
    raft_init(&raft, &options, &start);
    struct raft_run run = raft_end_of_epoch(&raft, 5);
    assert_int_equal(run.end_offset, 11);
    run = raft_end_of_epoch(&raft, 4);
    assert_int_equal(run.epoch, 2);
    assert_int_equal(run.end_offset, 7);
    raft_deinit(&raft);
}

// ---- a cluster of cores on a network that loses, delays and reorders, with crashes ------------------------------

enum { NODES = 3, LOG_MAX = 4000, QUEUE_MAX = 512, EPOCHS_MAX = 4000 };

struct entry {
    int32_t epoch;
    uint32_t id;
};

struct node {
    struct raft raft;
    bool is_up;
    struct raft_saved disk_saved;
    struct entry log[LOG_MAX];
    int64_t end;     // written
    int64_t durable; // on disk
    int64_t watermark;
    struct raft_effect held[RAFT_EFFECTS_MAX]; // waiting behind a save; no event comes before they are done
    int held_count;
    bool is_saving;
    uint64_t saving_sequence;
    struct entry fetched[LOG_MAX]; // content of the fetch answer being handled
};

struct packet {
    struct raft_message m;
    int64_t at_ms;
    bool is_used;
};

struct world {
    struct node nodes[NODES];
    struct packet queue[QUEUE_MAX];
    int64_t now_ms;
    uint64_t random;
    int loss_percent;
    uint32_t next_id;
    int32_t leader_of[EPOCHS_MAX];
    struct entry committed[LOG_MAX]; // the longest prefix any node called committed
    int64_t committed_end;
    uint64_t trace;
};

static struct world world;

static uint64_t rnd(uint64_t below)
{
    world.random = world.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (world.random >> 33) % below;
}

static void node_event(struct node *n, struct raft_event event);

static void post(const struct raft_message *m)
{
    if (rnd(100) < (uint64_t)world.loss_percent) return;
    for (int i = 0; i < QUEUE_MAX; i++) {
        if (world.queue[i].is_used) continue;
        world.queue[i] = (struct packet){*m, world.now_ms + 1 + (int64_t)rnd(world.loss_percent ? 300 : 5), true};
        return;
    }
}

static void check_committed(struct node *n, int64_t offset)
{
    assert_true(offset >= n->watermark); // invariant: watermarks are monotone
    assert_true(offset <= n->durable);   // invariant: nothing is committed that the own disk lacks
    n->watermark = offset;
    for (int64_t i = 0; i < offset; i++) {
        if (i < world.committed_end) { // invariant: committed records never change
            assert_int_equal(world.committed[i].id, n->log[i].id);
            assert_int_equal(world.committed[i].epoch, n->log[i].epoch);
        } else {
            world.committed[i] = n->log[i];
            world.committed_end = i + 1;
        }
    }
}

static void append(struct node *n, int32_t epoch)
{
    assert_true(n->end < LOG_MAX);
    n->log[n->end++] = (struct entry){epoch, ++world.next_id};
}

static void run_effect(struct node *n, const struct raft_effect *e)
{
    int32_t me = n->raft.options.id;
    world.trace = world.trace * 31 + (uint64_t)e->kind * 7 + (uint64_t)e->offset + (uint64_t)me;
    switch (e->kind) {
    case DO_RAFT_SAVE:
        assert_true(e->saved.epoch >= n->disk_saved.epoch); // invariant: epochs on disk are monotone
        if (e->saved.epoch == n->disk_saved.epoch && n->disk_saved.voted_id >= 0 && e->saved.voted_id >= 0)
            assert_int_equal(e->saved.voted_id, n->disk_saved.voted_id); // invariant: one vote per epoch
        n->disk_saved = e->saved;
        break;
    case DO_RAFT_APPEND_START:
        assert_true(e->epoch < EPOCHS_MAX);
        assert_true(world.leader_of[e->epoch] < 0 ||
                    world.leader_of[e->epoch] == me); // invariant: one leader per epoch
        world.leader_of[e->epoch] = me;
        assert_int_equal(e->offset, n->end);
        for (int64_t i = 0; i < world.committed_end; i++) // invariant: a leader has everything committed
            assert_int_equal(n->log[i].id, world.committed[i].id);
        append(n, e->epoch);
        break;
    case DO_RAFT_APPEND_FETCHED:
        for (; n->end < e->offset; n->end++) n->log[n->end] = n->fetched[n->end];
        break;
    case DO_RAFT_TRUNCATE:
        assert_true(e->offset >= n->watermark); // invariant: nothing committed is cut
        n->end = e->offset;
        if (n->durable > n->end) n->durable = n->end;
        break;
    case DO_RAFT_SEND: post(&e->message); break;
    case DO_RAFT_HIGH_WATERMARK: check_committed(n, e->offset); break;
    case DO_RAFT_LEADING:
    case DO_RAFT_LEADER_CHANGED: break;
    }
}

// Effects in order; those behind a save wait until it is on disk (a later step, or never if the node crashes).
static void drain(struct node *n)
{
    int done = 0;
    for (; done < n->held_count && !n->is_saving; done++) {
        if (n->held[done].kind == DO_RAFT_SAVE) {
            n->is_saving = true;
            n->saving_sequence = n->held[done].sequence;
            break; // stays at the head
        }
        run_effect(n, &n->held[done]);
    }
    memmove(n->held, n->held + done, (size_t)(n->held_count - done) * sizeof(*n->held));
    n->held_count -= done;
}

static void node_event(struct node *n, struct raft_event event)
{
    static struct raft_effects out;
    event.now_ms = world.now_ms;
    raft_step(&n->raft, &event, &out);
    assert_int_equal(n->held_count, 0);
    memcpy(n->held, out.items, (size_t)out.count * sizeof(*n->held));
    n->held_count = out.count;
    drain(n);
}

static void boot(int32_t id)
{
    struct node *n = &world.nodes[id];
    struct raft_options options = options_of(id);
    options.seed = rnd(1u << 30);
    struct raft_epoch epochs[64];
    int32_t count = 0;
    n->end = n->durable;
    n->watermark = 0;
    for (int64_t i = 0; i < n->end; i++)
        if (count == 0 || epochs[count - 1].epoch != n->log[i].epoch) {
            if (count == 64) {
                memmove(epochs, epochs + 1, 63 * sizeof(*epochs));
                count = 63;
            }
            epochs[count++] = (struct raft_epoch){n->log[i].epoch, i};
        }
    struct raft_start start = {.saved = n->disk_saved,
                               .voters.count = NODES,
                               .epochs = epochs,
                               .epoch_count = count,
                               .end_offset = n->end,
                               .now_ms = world.now_ms};
    for (int32_t i = 0; i < NODES; i++) start.voters.items[i].id = i;
    raft_init(&n->raft, &options, &start);
    n->held_count = 0;
    n->is_saving = false;
    n->is_up = true;
    node_event(n, (struct raft_event){.kind = EV_RAFT_TICK});
}

static void crash(struct node *n)
{
    raft_deinit(&n->raft);
    n->is_up = false;
}

static void deliver(struct packet *p)
{
    struct raft_message m = p->m;
    p->is_used = false;
    struct node *n = &world.nodes[m.to];
    if (!n->is_up) return;
    // Fetched bytes are the leader's log of that epoch; if it has been cut or moved on meanwhile, the packet is lost.
    if (m.kind == RAFT_FETCH_ANSWER && m.run_count > 0) {
        const struct node *leader = &world.nodes[m.from];
        if (!leader->is_up || leader->raft.state != RAFT_LEADER || leader->raft.saved.epoch != m.epoch) return;
        if (leader->held_count > 0) return; // its records are not written yet
        memcpy(n->fetched, leader->log, sizeof(n->fetched));
    }
    node_event(n, (struct raft_event){.kind = EV_RAFT_MESSAGE, .message = &m});
}

static void turn(bool is_rough)
{
    world.now_ms++;
    for (int i = 0; i < QUEUE_MAX; i++)
        if (world.queue[i].is_used && world.queue[i].at_ms <= world.now_ms &&
            !world.nodes[world.queue[i].m.to].is_saving)
            deliver(&world.queue[i]);
    for (int32_t id = 0; id < NODES; id++) {
        struct node *n = &world.nodes[id];
        if (!n->is_up) {
            if (!is_rough || rnd(500) == 0) boot(id);
            continue;
        }
        if (n->is_saving && rnd(3) == 0) {
            n->is_saving = false;
            run_effect(n, &n->held[0]);
            n->held_count--;
            memmove(n->held, n->held + 1, (size_t)n->held_count * sizeof(*n->held));
            drain(n);
            if (!n->is_saving)
                node_event(n, (struct raft_event){.kind = EV_RAFT_SAVED, .sequence = n->saving_sequence});
        }
        if (n->is_saving) continue;
        if (n->durable < n->end && n->held_count == 0 && rnd(4) == 0) {
            n->durable = n->end;
            node_event(n, (struct raft_event){.kind = EV_RAFT_SYNCED, .end_offset = n->durable});
        }
        if (world.now_ms >= n->raft.deadline_ms) node_event(n, (struct raft_event){.kind = EV_RAFT_TICK});
        if (n->raft.state == RAFT_LEADER && n->held_count == 0 && rnd(40) == 0 && n->end < LOG_MAX - 100) {
            append(n, n->raft.saved.epoch);
            node_event(n, (struct raft_event){.kind = EV_RAFT_APPEND, .end_offset = n->end});
        }
        if (is_rough && rnd(4000) == 0) crash(n);
    }
}

static uint64_t run_world(uint64_t seed)
{
    memset(&world, 0, sizeof(world));
    world.random = seed;
    world.loss_percent = 20;
    for (int i = 0; i < EPOCHS_MAX; i++) world.leader_of[i] = -1;
    for (int32_t i = 0; i < NODES; i++) {
        world.nodes[i].disk_saved = (struct raft_saved){0, -1, -1, {{0}}};
        boot(i);
    }
    while (world.now_ms < 30000) turn(true);
    // Heal, then demand progress.
    world.loss_percent = 0;
    int64_t before = world.committed_end;
    int64_t until = world.now_ms + 20000;
    while (world.now_ms < until) turn(false);
    assert_true(world.committed_end > before + 10);
    for (int32_t i = 0; i < NODES; i++) assert_true(world.nodes[i].watermark > before);
    for (int32_t i = 0; i < NODES; i++) crash(&world.nodes[i]);
    return world.trace;
}

static void three_voters_keep_the_invariants_and_recover(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) run_world(seed);
    assert_true(run_world(7) == run_world(7));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lone_voter_leads_only_after_its_vote_is_saved),
        cmocka_unit_test(restarted_leader_takes_the_next_epoch),
        cmocka_unit_test(restored_candidate_counts_the_vote_on_disk),
        cmocka_unit_test(log_ahead_of_quorum_state_wins),
        cmocka_unit_test(voter_with_another_directory_never_stands),
        cmocka_unit_test(dynamic_quorum_writes_its_voters_once),
        cmocka_unit_test(end_of_epoch_follows_kafkas_cache),
        cmocka_unit_test(three_voters_keep_the_invariants_and_recover),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
