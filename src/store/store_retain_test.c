// SPDX-License-Identifier: Apache-2.0
// Retention by time and size (kafka-internals B7).
#include "store/test_util.h"

struct round {
    struct plog_retain_op op;
    bool is_done;
};

static void round_done(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    CONTAINER_OF(CONTAINER_OF(op, struct plog_retain_op, op), struct round, op)->is_done = true;
}

static struct plog_retain_op retain(struct bench *b, int64_t retention_ms, int64_t retention_bytes, int64_t wall_ms)
{
    struct round round = {.op = {.op = {.done = round_done},
                                 .retention_ms = retention_ms,
                                 .retention_bytes = retention_bytes,
                                 .wall_ms = wall_ms}};
    plog_retain(b->plog, &round.op);
    assert_false(round.is_done); // never inside the call
    bench_idle(b);
    assert_true(round.is_done);
    assert_int_equal(round.op.op.result, OK);
    return round.op;
}

// Segments of two batches: offsets 0-1, 2-3, ...; batch i is of time 1000 + i.
static struct bench *bench_with_batches(uint64_t seed, int count)
{
    struct bench *b = bench_new(seed);
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < count; i++) bench_append(b, (struct test_batch){.value_bytes = 100, .timestamp = 1000 + i});
    assert_int_equal(plog_segment_count(b->plog), count / 2);
    return b;
}

static void old_segments_leave(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(60, 8);
    assert_int_equal(retain(b, 100, -1, 1101).removed_segments, 0); // newest of the first is 1001: just not too old
    assert_int_equal(plog_log_start(b->plog), 0);
    assert_int_equal(retain(b, 100, -1, 1104).removed_segments, 2); // 1001 and 1003 are
    assert_int_equal(plog_log_start(b->plog), 4);
    assert_int_equal(plog_local_start(b->plog), 4);
    assert_int_equal(plog_published_end(b->plog), 8);
    bench_free(b);
}

static void surplus_leaves(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(61, 8);
    int64_t half = plog_size_bytes(b->plog) / 2;
    assert_int_equal(retain(b, -1, half + 1, 0).removed_segments, 1); // one more would leave too little
    assert_int_equal(retain(b, -1, half, 0).removed_segments, 1);
    assert_int_equal(plog_log_start(b->plog), 4);
    assert_int_equal(plog_size_bytes(b->plog), half);
    bench_free(b);
}

static void nothing_above_the_high_watermark_leaves(void **state)
{
    (void)state;
    struct bench *b = bench_new(62);
    b->options.segment_bytes = 400;
    b->keeps_high_watermark = true;
    bench_create(b);
    for (int i = 0; i < 8; i++) bench_append(b, (struct test_batch){.value_bytes = 100, .timestamp = 1000 + i});
    plog_set_high_watermark(b->plog, 3);
    assert_int_equal(retain(b, 1, 0, 1 << 20).removed_segments, 1);
    assert_int_equal(plog_log_start(b->plog), 2);
    bench_free(b);
}

static void an_idle_log_empties_and_keeps_its_end(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(63, 8);
    struct plog_retain_op first = retain(b, 100, -1, 9000);
    assert_int_equal(first.removed_segments, 3);
    assert_true(first.has_rolled);
    assert_int_equal(retain(b, 100, -1, 9000).removed_segments, 1);
    assert_int_equal(plog_log_start(b->plog), 8);
    assert_int_equal(plog_published_end(b->plog), 8);
    assert_int_equal(plog_size_bytes(b->plog), 0);
    assert_false(retain(b, 100, -1, 9000).has_rolled); // an empty segment is never too old
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    assert_int_equal(plog_log_start(b->plog), 8);
    assert_int_equal(plog_published_end(b->plog), 8);
    bench_append(b, (struct test_batch){.timestamp = 9001});
    bench_reopen_clean(b);
    assert_string_equal(bench_show(b, 8), "8x1");
    bench_free(b);
}

static void times_are_read_after_a_restart(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(64, 8);
    bench_reopen_clean(b);
    assert_int_equal(retain(b, 100, -1, 1104).removed_segments, 2);
    assert_int_equal(plog_log_start(b->plog), 4);
    bench_free(b);
}

static void what_lies_below_the_log_start_leaves(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(65, 8);
    assert_int_equal(plog_set_log_start(b->plog, 5), OK);
    bench_idle(b);
    retain(b, -1, -1, 0);
    assert_int_equal(plog_local_start(b->plog), 4);
    assert_int_equal(plog_log_start(b->plog), 5);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(old_segments_leave),
        cmocka_unit_test(surplus_leaves),
        cmocka_unit_test(nothing_above_the_high_watermark_leaves),
        cmocka_unit_test(an_idle_log_empties_and_keeps_its_end),
        cmocka_unit_test(times_are_read_after_a_restart),
        cmocka_unit_test(what_lies_below_the_log_start_leaves),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
