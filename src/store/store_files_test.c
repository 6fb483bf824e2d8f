// SPDX-License-Identifier: Apache-2.0
// The bound on open files: many logs, few descriptors.
#include "store/test_util.h"

enum { LOGS = 20, MOST = 8, A_WHILE = 2000 };

struct many {
    struct bench *b;
    struct open_files *files;
    struct plog *logs[LOGS];
};

static struct many *many_new(uint64_t seed, int64_t durability)
{
    struct many *m = MEM_NEW(struct many);
    m->b = bench_new(seed);
    m->b->options.durability = durability == PLOG_COMMIT ? PLOG_COMMIT : PLOG_PAGE_CACHE;
    m->b->options.index_interval_bytes = 64;
    m->files = open_files_new(sim_node_env(m->b->node, 0), MOST);
    for (int i = 0; i < LOGS; i++) {
        struct plog_load_params params = bench_params(m->b);
        params.partition = i;
        assert_int_equal(plog_create(bench_fs(m->b), &params, &m->logs[i]), OK);
        plog_attach(m->logs[i], sim_node_env(m->b->node, 0), &bench_owner, m->b);
        plog_share_files(m->logs[i], m->files);
    }
    return m;
}

static void many_free(struct many *m)
{
    for (int i = 0; i < LOGS; i++) {
        m->b->plog = m->logs[i];
        bench_close(m->b);
    }
    assert_int_equal(open_files_count(m->files), 0);
    open_files_free(m->files);
    bench_free(m->b);
    mem_free(m);
}

static struct bench *use(struct many *m, int i)
{
    m->b->plog = m->logs[i];
    return m->b;
}

static void submit(struct many *m, int i)
{
    assert_int_equal(bench_submit(use(m, i), &(struct test_batch){.count = 2, .value_bytes = 100}, NULL), OK);
}

// Everything that can happen, with the bound looked at after every event.
static void settle(struct many *m)
{
    while (sim_step(m->b->sim)) assert_true(open_files_count(m->files) <= MOST);
}

static void check_all(struct many *m, const char *expected)
{
    for (int i = 0; i < LOGS; i++) {
        assert_string_equal(bench_show(use(m, i), 0), expected);
        assert_true(open_files_count(m->files) <= MOST);
    }
}

static void the_bound_holds(void **state)
{
    (void)state;
    for (int64_t durability = 0; durability < 2; durability++) {
        struct many *m = many_new(90 + (uint64_t)durability, durability);
        for (int round = 0; round < 3; round++) {
            for (int i = 0; i < LOGS; i++) submit(m, i); // all in one turn
            settle(m);
            assert_int_equal(m->b->last_result, OK);
            assert_int_equal(m->b->appends_done, LOGS * (round + 1));
        }
        for (int i = 0; i < LOGS; i++) assert_int_equal(plog_durable_end(m->logs[i]), 6);
        check_all(m, "0x2 2x2 4x2");
        many_free(m);
    }
}

static struct plog_read_spec from(int64_t offset, bool may_give_up)
{
    return (struct plog_read_spec){
        .offset = offset, .limit_offset = 2, .max_bytes = 1000, .min_one = true, .may_give_up = may_give_up};
}

static void what_is_held_stays(void **state)
{
    struct many *m = many_new(92, PLOG_COMMIT);
    struct plog_range range;
    (void)state;
    for (int i = 0; i < LOGS; i++) submit(m, i);
    settle(m);
    assert_int_equal(bench_read(use(m, 3), from(0, false), &range), OK);
    const struct file *held = range.file;
    for (int round = 0; round < 2; round++) {
        for (int i = 4; i < LOGS; i++) {
            submit(m, i);
            settle(m);
        }
    }
    assert_ptr_equal(plog_active(m->logs[3])->log, held);
    file_unref(range.file);
    for (int i = 4; i < LOGS; i++) {
        submit(m, i);
        settle(m);
    }
    assert_null(plog_active(m->logs[3])->log);
    assert_string_equal(bench_show(use(m, 3), 0), "0x2");
    many_free(m);
}

static void reads_leave_room_for_writers(void **state)
{
    struct many *m = many_new(93, PLOG_COMMIT);
    struct plog_range ranges[LOGS];
    int held = 0;
    (void)state;
    for (int i = 0; i < LOGS; i++) submit(m, i);
    settle(m);
    while (held < LOGS) {
        enum err e = bench_read(use(m, held), from(0, true), &ranges[held]);
        if (e == ERR_BUSY) break;
        assert_int_equal(e, OK);
        assert_true(ranges[held++].size > 0);
    }
    assert_in_range(held, 2, MOST / 4 * 3);
    submit(m, LOGS - 1); // there is still room for this one
    settle(m);
    assert_int_equal(plog_durable_end(m->logs[LOGS - 1]), 4);
    // Who may not give up is served anyway.
    assert_int_equal(bench_read(use(m, held), from(0, false), &ranges[held]), OK);
    for (int i = 0; i <= held; i++) file_unref(ranges[i].file);
    assert_int_equal(bench_read(use(m, LOGS - 2), from(0, true), &ranges[0]), OK);
    file_unref(ranges[0].file);
    many_free(m);
}

static void a_write_waits_for_a_descriptor(void **state)
{
    struct many *m = many_new(94, PLOG_COMMIT);
    struct plog_range ranges[MOST];
    (void)state;
    for (int i = 0; i < LOGS; i++) submit(m, i);
    settle(m);
    for (int i = 0; i < MOST; i++) assert_int_equal(bench_read(use(m, i), from(0, false), &ranges[i]), OK);
    submit(m, LOGS - 1);
    for (int i = 0; i < A_WHILE; i++) (void)sim_step(m->b->sim);
    assert_int_equal(plog_published_end(m->logs[LOGS - 1]), 2);
    file_unref(ranges[0].file);
    for (int i = 0; i < A_WHILE; i++) (void)sim_step(m->b->sim);
    assert_int_equal(plog_durable_end(m->logs[LOGS - 1]), 4);
    for (int i = 1; i < MOST; i++) file_unref(ranges[i].file);
    many_free(m);
}

static void indexes_go_on_where_they_were(void **state)
{
    struct bench *b = bench_new(95);
    struct open_files *files = open_files_new(sim_node_env(b->node, 0), MOST);
    enum { BATCHES = 700 };
    (void)state;
    b->options.index_interval_bytes = 1; // an entry a batch: 700 are more than stay in memory
    bench_create(b);
    plog_share_files(b->plog, files);
    for (int i = 0; i < BATCHES; i++) (void)bench_append(b, (struct test_batch){.count = 1, .timestamp = i});
    assert_true(plog_active(b->plog)->index_bytes > 0);
    bench_reopen_clean(b); // nothing is open now
    plog_share_files(b->plog, files);
    assert_null(plog_active(b->plog)->log);
    for (int i = 0; i < BATCHES; i++) (void)bench_append(b, (struct test_batch){.count = 1, .timestamp = BATCHES + i});
    assert_true(plog_active(b->plog)->index_tail.size < INDEX_TAIL_MAX);
    bench_reopen_clean(b);
    assert_int_equal(plog_active(b->plog)->index_bytes, (2 * BATCHES - 1) * INDEX_ENTRY_SIZE);
    assert_int_equal(plog_published_end(b->plog), 2 * BATCHES);
    struct plog_range range;
    assert_int_equal(bench_read(b,
                                (struct plog_read_spec){
                                    .offset = BATCHES + 5, .limit_offset = INT64_MAX, .max_bytes = 10, .min_one = true},
                                &range),
                     OK);
    assert_int_equal(range.first_offset, BATCHES + 5);
    file_unref(range.file);
    bench_close(b);
    open_files_free(files);
    bench_free(b);
}

static void an_idle_log_closes_without_a_call(void **state)
{
    struct bench *b = bench_new(96);
    (void)state;
    bench_create(b);
    (void)bench_append(b, (struct test_batch){.count = 3});
    bench_reopen_clean(b);
    int64_t opens = sim_calls(b->node, SIM_CALL_OPEN);
    int64_t syncs = sim_calls(b->node, SIM_CALL_SYNC) + sim_calls(b->node, SIM_CALL_SYNC_DIR);
    bench_close(b);
    assert_int_equal(sim_calls(b->node, SIM_CALL_OPEN), opens);
    assert_int_equal(sim_calls(b->node, SIM_CALL_SYNC) + sim_calls(b->node, SIM_CALL_SYNC_DIR), syncs);
    assert_int_equal(b->result, OK);
    bench_load(b);
    assert_string_equal(bench_show(b, 0), "0x3");
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bound_holds),
        cmocka_unit_test(what_is_held_stays),
        cmocka_unit_test(reads_leave_room_for_writers),
        cmocka_unit_test(a_write_waits_for_a_descriptor),
        cmocka_unit_test(indexes_go_on_where_they_were),
        cmocka_unit_test(an_idle_log_closes_without_a_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
