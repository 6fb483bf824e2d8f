// SPDX-License-Identifier: Apache-2.0
// Retention by time and size (kafka-internals B7), rolls by time and size (A3), and the delay of file.delete.delay.ms.
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

// ---- .deleted ----

enum { SECOND_MS = 1000, DELAY_MS = 60000 };

static void pass(struct bench *b, int64_t ms)
{
    sim_run_until(b->sim, NULL, NULL, ms);
}

static int count_files(struct bench *b, const char *suffix)
{
    struct name_list names;
    int count = 0;
    assert_int_equal(dir_list(bench_fs(b), TEST_DIR "/t-0", &names), OK);
    for (size_t i = 0; i < names.count; i++) {
        size_t length = strlen(names.names[i]);
        count += length > strlen(suffix) && strcmp(names.names[i] + length - strlen(suffix), suffix) == 0;
    }
    name_list_deinit(&names);
    return count;
}

// A round that does not wait for what is due a minute later.
static void retain_now(struct bench *b, int64_t retention_bytes)
{
    struct round round = {.op = {.op = {.done = round_done}, .retention_ms = -1, .retention_bytes = retention_bytes}};
    plog_retain(b->plog, &round.op);
    pass(b, SECOND_MS);
    assert_true(round.is_done);
    assert_int_equal(round.op.op.result, OK);
}

static void what_leaves_is_deleted_a_minute_later(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(66, 8);
    retain_now(b, plog_size_bytes(b->plog) / 2);
    assert_int_equal(plog_log_start(b->plog), 4);
    assert_int_equal(count_files(b, ".log"), 2);
    assert_int_equal(count_files(b, ".log.deleted"), 2);
    assert_int_equal(count_files(b, ".index.deleted"), 2);
    assert_int_equal(count_files(b, ".snapshot.deleted"), 1); // there is none at the base of the first
    pass(b, DELAY_MS - 2 * SECOND_MS);
    assert_int_equal(count_files(b, ".log.deleted"), 2);
    pass(b, 2 * SECOND_MS);
    assert_int_equal(count_files(b, ".deleted"), 0);
    assert_string_equal(bench_show(b, 4), "4x1 5x1 6x1 7x1");
    bench_free(b);
}

static void no_delay_is_no_delay(void **state)
{
    (void)state;
    struct bench *b = bench_new(67);
    b->options.segment_bytes = 400;
    b->options.file_delete_delay_ms = 0;
    bench_create(b);
    for (int i = 0; i < 8; i++) bench_append(b, (struct test_batch){.value_bytes = 100, .timestamp = 1000 + i});
    retain_now(b, 1);
    assert_int_equal(count_files(b, ".deleted"), 0);
    assert_int_equal(count_files(b, ".log"), 1);
    bench_free(b);
}

static void a_start_does_not_wait(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(68, 8);
    retain_now(b, 1);
    assert_int_equal(count_files(b, ".log.deleted"), 3);
    bench_close(b);
    assert_int_equal(count_files(b, ".log.deleted"), 3); // left as they are: nobody waits a minute for a stop
    bench_load(b);
    assert_int_equal(count_files(b, ".deleted"), 0);
    assert_int_equal(plog_published_end(b->plog), 8);
    bench_free(b);
}

static void a_truncation_keeps_what_it_cuts_for_a_minute(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(69, 8);
    int64_t size = plog_size_bytes(b->plog);
    retain_now(b, size - size / 4); // one leaves at the start
    struct plog_op op = {.done = bench_op_done};
    b->is_done = false;
    plog_truncate_to(b->plog, 3, &op);
    pass(b, 10 * SECOND_MS);
    assert_true(b->is_done);
    assert_int_equal(b->result, OK);
    assert_int_equal(plog_published_end(b->plog), 3);
    assert_int_equal(count_files(b, ".log.deleted"), 3); // two at the end, and the one from before is still there
    bench_append(b, (struct test_batch){.value_bytes = 300, .timestamp = 1}); // a segment under a name that is .deleted
    bench_append(b, (struct test_batch){.value_bytes = 300, .timestamp = 1});
    assert_int_equal(count_files(b, ".deleted"), 0);
    assert_string_equal(bench_show(b, 2), "2x1 3x1 4x1");
    b->is_done = false;
    plog_restart_at(b->plog, 100, &op);
    pass(b, 10 * SECOND_MS);
    assert_true(b->is_done && b->result == OK);
    assert_true(count_files(b, ".log.deleted") >= 2);
    bench_idle(b);
    assert_int_equal(count_files(b, ".deleted"), 0);
    assert_int_equal(plog_log_start(b->plog), 100);
    bench_free(b);
}

static void a_rename_that_fails_takes_the_directory_offline(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(70, 8);
    struct round round = {.op = {.op = {.done = round_done}, .retention_ms = -1, .retention_bytes = 1}};
    sim_fail_at_call(b->node, SIM_CALL_RENAME, 1, ERR_IO);
    plog_retain(b->plog, &round.op);
    bench_idle(b);
    assert_true(round.is_done);
    assert_true(b->has_failed);
    assert_true(logdir_is_offline(b->dir));
    bench_free(b);
}

struct cut {
    struct bench *bench;
    struct round round;
};

static void begin_round(void *context)
{
    struct cut *cut = context;
    plog_retain(cut->bench->plog, &cut->round.op);
}

// False: the round and the removal a minute later were over before the `at`-th call of that kind.
static bool power_goes(enum sim_call kind, int at, uint64_t seed)
{
    struct bench *b = bench_with_batches(2000 + (uint64_t)at + (uint64_t)kind * 100 + seed * 10000, 8);
    int64_t half = plog_size_bytes(b->plog) / 2;
    struct cut cut = {.bench = b,
                      .round = {.op = {.op = {.done = round_done}, .retention_ms = -1, .retention_bytes = half}}};
    struct fs *dead = bench_fs(b);
    sim_crash_at_call(b->node, kind, at, SIM_POWER_CUT);
    if (sim_node_call(b->node, begin_round, &cut)) bench_idle(b);
    bool was_cut = !sim_node_is_up(b->node);
    sim_crash_at_call(b->node, kind, 0, SIM_POWER_CUT);
    if (!was_cut) sim_node_crash(b->node, SIM_POWER_CUT);
    bench_bury(b, dead);
    bench_load(b);
    assert_int_equal(plog_published_end(b->plog), 8);
    assert_true(plog_log_start(b->plog) <= 4);
    // The oldest first: nothing is missing in between.
    static const char all[] = "0x1 1x1 2x1 3x1 4x1 5x1 6x1 7x1";
    int64_t start = plog_log_start(b->plog);
    assert_string_equal(bench_show(b, start), &all[4 * start]);
    assert_int_equal(count_files(b, ".deleted"), 0);
    bench_free(b);
    return was_cut;
}

// At every call that changes a name: what is kept is there, and nothing is left lying about.
static void a_power_cut_while_files_leave_costs_nothing_kept(void **state)
{
    static const enum sim_call kinds[] = {SIM_CALL_RENAME, SIM_CALL_UNLINK, SIM_CALL_SYNC_DIR};
    int cuts = 0;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        for (uint64_t seed = 0; seed < 8; seed++)
            for (int at = 1; power_goes(kinds[i], at, seed); at++) cuts++;
    assert_true(cuts > 8 * 15);
}

// ---- when a segment rolls (A3) ----

static void future_timestamps_block_retention(void **state)
{
    (void)state;
    struct bench *b = bench_new(71);
    b->options.segment_bytes = 400;
    b->options.segment_ms = INT64_MAX;
    bench_create(b);
    for (int i = 0; i < 8; i++)
        bench_append(b, (struct test_batch){.value_bytes = 100, .timestamp = i == 2 ? 1 << 30 : 1000 + i});
    struct plog_retain_op round = retain(b, 100, -1, 1 << 20);
    assert_int_equal(round.removed_segments, 1); // and nothing behind the one that is of the future
    assert_int_equal(plog_log_start(b->plog), 2);
    assert_int_equal(retain(b, 100, -1, (1 << 30) + 101).removed_segments, 2);
    bench_free(b);
}

static void no_timestamp_counts_from_the_last_write(void **state)
{
    (void)state;
    struct bench *b = bench_new(72);
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < 4; i++) bench_append(b, (struct test_batch){.value_bytes = 100, .timestamp = NO_TIMESTAMP});
    struct file_stat stat;
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/t-0/00000000000000000000.log", &stat), OK);
    assert_int_equal(retain(b, 1000, -1, stat.mtime_ms + 1000).removed_segments, 0);
    assert_int_equal(retain(b, 1000, -1, stat.mtime_ms + 1001).removed_segments, 1);
    bench_free(b);
}

static void limits_of_minus_one_hold_everything(void **state)
{
    (void)state;
    struct bench *b = bench_with_batches(73, 8);
    struct plog_retain_op round = retain(b, -1, -1, INT64_MAX / 2);
    assert_int_equal(round.removed_segments, 0);
    assert_false(round.has_rolled);
    bench_free(b);
}

static void records_without_time_roll_by_the_clock(void **state)
{
    (void)state;
    struct bench *b = bench_new(74);
    b->options.segment_ms = 100;
    bench_create(b);
    b->plog->segments[0]->created_ms = env_wall_ms(sim_node_env(b->node, 0));
    bench_append(b, (struct test_batch){.timestamp = NO_TIMESTAMP});
    pass(b, 50);
    bench_append(b, (struct test_batch){.timestamp = NO_TIMESTAMP});
    assert_int_equal(plog_segment_count(b->plog), 1);
    pass(b, 101);
    bench_append(b, (struct test_batch){.timestamp = NO_TIMESTAMP});
    assert_int_equal(plog_segment_count(b->plog), 2);
    bench_free(b);
}

// The time of the first batch counts, and a change of segment.ms from the next append on.
static void a_changed_segment_ms_rolls_the_next_append(void **state)
{
    (void)state;
    struct bench *b = bench_new(75);
    b->options.segment_ms = 10000;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 3, .timestamp = 1000}); // its newest record is of 1002
    bench_append(b, (struct test_batch){.timestamp = 1500});
    assert_int_equal(plog_segment_count(b->plog), 1);
    b->options.segment_ms = 500;
    plog_configure(b->plog, &b->options);
    bench_idle(b);
    assert_int_equal(plog_segment_count(b->plog), 1);
    bench_append(b, (struct test_batch){.timestamp = 1502});
    assert_int_equal(plog_segment_count(b->plog), 1);
    bench_append(b, (struct test_batch){.timestamp = 1503});
    assert_int_equal(plog_segment_count(b->plog), 2);
    b->options.segment_jitter_ms = 500; // never idle: all of it
    plog_configure(b->plog, &b->options);
    bench_append(b, (struct test_batch){.timestamp = 1504});
    assert_int_equal(plog_segment_count(b->plog), 3);
    bench_free(b);
}

// segment.index.bytes of 36: four offsets, or two times and a slot for the closing entry.
static void a_full_index_rolls(void **state)
{
    (void)state;
    struct bench *b = bench_new(76);
    b->options.index_interval_bytes = 1;
    b->options.index_bytes_max = 3 * TIME_ENTRY_SIZE;
    bench_create(b);
    // Entries for the second to the fifth; the time does not grow.
    for (int i = 0; i < 5; i++) bench_append(b, (struct test_batch){.timestamp = 1000});
    assert_int_equal(plog_segment_count(b->plog), 1);
    for (int i = 0; i < 3; i++) bench_append(b, (struct test_batch){.timestamp = 2000 + i});
    assert_int_equal(plog_segment_count(b->plog), 2);
    bench_append(b, (struct test_batch){.timestamp = 3000});
    assert_int_equal(plog_segment_count(b->plog), 3);
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
        cmocka_unit_test(what_leaves_is_deleted_a_minute_later),
        cmocka_unit_test(no_delay_is_no_delay),
        cmocka_unit_test(a_start_does_not_wait),
        cmocka_unit_test(a_truncation_keeps_what_it_cuts_for_a_minute),
        cmocka_unit_test(a_rename_that_fails_takes_the_directory_offline),
        cmocka_unit_test(a_power_cut_while_files_leave_costs_nothing_kept),
        cmocka_unit_test(future_timestamps_block_retention),
        cmocka_unit_test(no_timestamp_counts_from_the_last_write),
        cmocka_unit_test(limits_of_minus_one_hold_everything),
        cmocka_unit_test(records_without_time_roll_by_the_clock),
        cmocka_unit_test(a_changed_segment_ms_rolls_the_next_append),
        cmocka_unit_test(a_full_index_rolls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
