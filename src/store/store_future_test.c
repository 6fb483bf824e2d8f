// SPDX-License-Identifier: Apache-2.0
// Copies of a log that take its place (KIP-113): everything on disk when asked for, and a new name while appends and
// reads go on; a power cut at any call of the renaming leaves all of it under one name or the other.
#include "store/test_util.h"

enum { BATCHES = 12 };
#define FUTURE_NAME "t-0.000102030405060708090a0b0c0d0e0f-future"

struct waiting {
    struct plog_op op;
    bool is_done;
};

static void op_done(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    CONTAINER_OF(op, struct waiting, op)->is_done = true;
}

static void create_future(struct bench *b)
{
    struct plog_load_params params = bench_params(b);
    params.is_future = true;
    for (uint8_t i = 0; i < 16; i++) params.random16.bytes[i] = i;
    assert_int_equal(plog_create(bench_fs(b), &params, &b->plog), OK);
    plog_attach(b->plog, sim_node_env(b->node, 0), &bench_owner, b);
}

static void promote(struct bench *b)
{
    struct waiting waiting = {.op = {.done = op_done}};
    plog_promote(b->plog, &waiting.op);
    assert_false(waiting.is_done); // never inside the call
    bench_idle(b);
    assert_true(waiting.is_done);
    assert_int_equal(waiting.op.result, OK);
}

static void a_future_log_takes_the_name(void **state)
{
    (void)state;
    struct bench *b = bench_new(300);
    create_future(b);
    assert_string_equal(plog_dir_name(b->plog), FUTURE_NAME);
    for (int i = 0; i < 3; i++) bench_append(b, (struct test_batch){.count = 2});
    promote(b);
    assert_string_equal(plog_dir_name(b->plog), "t-0");
    bench_append(b, (struct test_batch){.count = 2});
    assert_string_equal(bench_show(b, 0), "0x2 2x2 4x2 6x2");
    bench_reopen_clean(b);
    assert_string_equal(bench_show(b, 0), "0x2 2x2 4x2 6x2");
    bench_free(b);
}

// Rolls, seals and syncs want the directory's path all the time.
static void appends_go_on_while_it_is_renamed(void **state)
{
    (void)state;
    for (uint64_t seed = 310; seed < 330; seed++) {
        struct bench *b = bench_new(seed);
        struct waiting waiting = {.op = {.done = op_done}};
        b->options.segment_bytes = 400;
        create_future(b);
        for (int i = 0; i < BATCHES; i++) {
            assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1, .value_bytes = 200}, NULL), OK);
            for (int64_t steps = sim_below(b->sim, 30); steps > 0; steps--) sim_step(b->sim);
            if (i == BATCHES / 2) plog_promote(b->plog, &waiting.op);
        }
        bench_idle(b);
        assert_true(waiting.is_done);
        assert_int_equal(waiting.op.result, OK);
        assert_int_equal(b->appends_done, BATCHES);
        assert_false(b->has_failed);
        assert_int_equal(plog_durable_end(b->plog), BATCHES);
        assert_true(plog_segment_count(b->plog) > 3);
        bench_crash(b, SIM_POWER_CUT);
        bench_load(b);
        assert_int_equal(plog_published_end(b->plog), BATCHES);
        assert_string_equal(bench_show(b, 0), "0x1 1x1 2x1 3x1 4x1 5x1 6x1 7x1 8x1 9x1 10x1 11x1");
        bench_free(b);
    }
}

static void what_was_flushed_survives(void **state)
{
    (void)state;
    struct bench *b = bench_new(340);
    struct waiting waiting = {.op = {.done = op_done}};
    b->options.durability = PLOG_PAGE_CACHE;
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < BATCHES; i++) bench_append(b, (struct test_batch){.count = 1, .value_bytes = 200});
    plog_flush(b->plog, &waiting.op);
    assert_false(waiting.is_done);
    bench_idle(b);
    assert_true(waiting.is_done);
    assert_int_equal(waiting.op.result, OK);
    waiting.is_done = false;
    plog_flush(b->plog, &waiting.op); // nothing to do is done as well
    bench_idle(b);
    assert_true(waiting.is_done);
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    assert_int_equal(plog_published_end(b->plog), BATCHES);
    bench_free(b);
}

static void a_failed_rename_is_said(void **state)
{
    (void)state;
    struct bench *b = bench_new(341);
    struct waiting waiting = {.op = {.done = op_done}};
    create_future(b);
    bench_append(b, (struct test_batch){.count = 1});
    sim_fail_at_call(b->node, SIM_CALL_RENAME, 1, ERR_IO);
    plog_promote(b->plog, &waiting.op);
    bench_idle(b);
    assert_true(waiting.is_done);
    assert_int_equal(waiting.op.result, ERR_KAFKA_STORAGE_ERROR);
    assert_true(b->has_failed);
    assert_true(logdir_is_offline(b->dir));
    bench_free(b);
}

// The name at start-up decides what is loaded; both hold everything.
static void check_after_cut(struct bench *b)
{
    struct partition_dir *found = NULL;
    size_t count = 0;
    const char *problem = NULL;
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &found, &count, &problem), OK);
    assert_int_equal(count, 1);
    assert_true(found[0].has_metadata);
    if (found[0].kind == PARTITION_DIR_FUTURE)
        assert_int_equal(logdir_promote(bench_fs(b), b->dir, found[0].name), OK);
    else
        assert_int_equal(found[0].kind, PARTITION_DIR_LIVE);
    bench_load(b);
    assert_string_equal(bench_show(b, 0), "0x1 1x1 2x1 3x1");
}

static void a_power_cut_leaves_one_name(void **state)
{
    (void)state;
    int cuts = 0;
    for (int call = 1;; call++) {
        struct bench *b = bench_new(400 + (uint64_t)call);
        struct waiting waiting = {.op = {.done = op_done}};
        b->options.segment_bytes = 400;
        create_future(b);
        for (int i = 0; i < 4; i++) bench_append(b, (struct test_batch){.count = 1, .value_bytes = 200});
        struct fs *dead = bench_fs(b);
        sim_crash_at_call(b->node, SIM_CALL_ANY, call, SIM_POWER_CUT);
        plog_promote(b->plog, &waiting.op);
        bench_idle(b);
        if (sim_node_is_up(b->node)) {
            assert_true(waiting.is_done);
            sim_crash_at_call(b->node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
            bench_free(b);
            break;
        }
        cuts++;
        bench_bury(b, dead);
        check_after_cut(b);
        bench_free(b);
    }
    assert_true(cuts >= 4);
}

static void logs_are_counted(void **state)
{
    (void)state;
    struct bench *b = bench_new(500);
    struct logdir *offline = logdir_new_offline(bench_fs(b), NULL, "/gone");
    assert_true(logdir_is_offline(offline));
    assert_true(uuid_is_zero(logdir_id(offline)));
    assert_int_equal(logdir_close(bench_fs(b), offline, true, 3), OK);
    logdir_count_log(b->dir, 1);
    logdir_count_log(b->dir, 1);
    logdir_count_log(b->dir, -1);
    assert_int_equal(logdir_log_count(b->dir), 1);
    bench_create(b);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_future_log_takes_the_name), cmocka_unit_test(appends_go_on_while_it_is_renamed),
        cmocka_unit_test(what_was_flushed_survives),   cmocka_unit_test(a_failed_rename_is_said),
        cmocka_unit_test(a_power_cut_leaves_one_name), cmocka_unit_test(logs_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
