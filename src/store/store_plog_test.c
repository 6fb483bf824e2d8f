// SPDX-License-Identifier: Apache-2.0
// A plog's behaviour seen from its owner: append, roll, read, time, epochs, truncation, stops and starts.
#include "store/test_util.h"

static void new_log_is_empty_and_has_its_identity(void **state)
{
    struct bench *b = bench_new(1);
    struct plog_range range;
    struct text text = {0};
    (void)state;
    bench_create(b);
    assert_int_equal(plog_published_end(b->plog), 0);
    assert_int_equal(
        plog_read(b->plog, &(struct plog_read_spec){.limit_offset = 10, .max_bytes = 10, .min_one = true}, &range), OK);
    assert_null(range.file);
    assert_string_equal(bench_files(b), "partition.metadata");
    bench_file(b, "partition.metadata", &text);
    assert_string_equal(text_cstr(&text), "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABw");
    struct plog *other;
    struct plog_load_params params = bench_params(b);
    assert_int_equal(plog_create(bench_fs(b), &params, &other), ERR_EXISTS);
    bench_reopen_clean(b);
    assert_int_equal(plog_published_end(b->plog), 0);
    text_deinit(&text);
    bench_free(b);
}

static void appends_of_one_turn_are_one_write(void **state)
{
    struct bench *b = bench_new(2);
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.timestamp = 5});
    int64_t writes = sim_calls(b->node, SIM_CALL_WRITE);
    int64_t syncs = sim_calls(b->node, SIM_CALL_SYNC);
    struct plog_append out;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(bench_submit(b, &(struct test_batch){.count = 2, .timestamp = 10}, &out), OK);
        assert_int_equal(out.base_offset, 1 + 2 * i);
        assert_int_equal(out.end_offset, 3 + 2 * i);
    }
    assert_int_equal(plog_assigned_end(b->plog), 21);
    assert_int_equal(plog_published_end(b->plog), 1);
    bench_idle(b);
    assert_int_equal(b->appends_done, 11);
    assert_int_equal(plog_durable_end(b->plog), 21);
    assert_int_equal(plog_high_watermark(b->plog), 21);
    assert_int_equal(sim_calls(b->node, SIM_CALL_WRITE) - writes, 1);
    assert_int_equal(sim_calls(b->node, SIM_CALL_SYNC) - syncs, 1);
    bench_free(b);
}

static void page_cache_does_not_sync_until_told(void **state)
{
    struct bench *b = bench_new(3);
    struct plog_checkpoint checkpoint;
    (void)state;
    b->options.durability = PLOG_PAGE_CACHE;
    b->options.flush_messages = 5;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 1});
    int64_t syncs = sim_calls(b->node, SIM_CALL_SYNC);
    bench_append(b, (struct test_batch){.count = 3});
    assert_int_equal(plog_durable_end(b->plog), 4);
    assert_int_equal(sim_calls(b->node, SIM_CALL_SYNC), syncs);
    plog_checkpoint(b->plog, &checkpoint);
    assert_int_equal(checkpoint.recovery_point, 0);
    bench_append(b, (struct test_batch){.count = 1});
    assert_int_equal(sim_calls(b->node, SIM_CALL_SYNC), syncs + 1);
    plog_checkpoint(b->plog, &checkpoint);
    assert_int_equal(checkpoint.recovery_point, 4); // flushed to 5, but see the_recovery_point_stays_inside
    b->options.flush_messages = INT64_MAX;
    b->options.flush_ms = 50;
    plog_configure(b->plog, &b->options);
    bench_append(b, (struct test_batch){.count = 1}); // idle = the timer has fired too
    plog_checkpoint(b->plog, &checkpoint);
    assert_int_equal(checkpoint.recovery_point, 5);
    bench_free(b);
}

// A segment that was closed and goes on after a start has index files that lack its new end. Were the recovery point
// its end, and the segment rolled just there, a crash before it is sealed again would have them trusted.
static void the_recovery_point_stays_inside_of_the_active_segment(void **state)
{
    struct bench *b = bench_new(31);
    struct plog_checkpoint checkpoint;
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.timestamp = 1000});
    bench_reopen_clean(b);
    bench_append(b, (struct test_batch){.timestamp = 5000});
    plog_checkpoint(b->plog, &checkpoint);
    assert_int_equal(plog_durable_end(b->plog), 2);
    assert_true(checkpoint.recovery_point < 2);
    bench_close(b);
    assert_true(b->closed.recovery_point < 2);
    bench_free(b);
}

// A marker decides its transaction once the high watermark has passed it. After a start nothing may move that for long.
static void a_transaction_decided_below_the_high_watermark_is_so_after_a_crash(void **state)
{
    struct bench *b = bench_new(32);
    struct text marker = {0};
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.producer_id = 5, .is_transactional = true, .count = 2});
    batch_end_txn_marker(&marker, 0, 0, 1000, 5, 0, CONTROL_COMMIT, 0);
    assert_int_equal(bench_submit_bytes(b, &marker, PLOG_COORDINATOR, 0, NULL), OK);
    bench_idle(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 3);
    bench_crash(b, SIM_PROCESS_KILL);
    bench_load(b);
    assert_int_equal(plog_high_watermark(b->plog), 3);
    assert_int_equal(plog_last_stable_offset(b->plog), 3);
    bench_free(b);
}

// DeleteRecords passed the marker, but not the snapshot in front of the transaction.
static void a_marker_below_the_log_start_ends_its_transaction(void **state)
{
    struct bench *b = bench_new(33);
    struct text marker = {0};
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.producer_id = 5, .is_transactional = true, .count = 2});
    bench_reopen_clean(b); // leaves a snapshot with the transaction open
    batch_end_txn_marker(&marker, 0, 0, 1000, 5, 0, CONTROL_COMMIT, 0);
    assert_int_equal(bench_submit_bytes(b, &marker, PLOG_COORDINATOR, 0, NULL), OK);
    bench_idle(b);
    bench_append(b, (struct test_batch){.count = 3});
    assert_int_equal(plog_set_log_start(b->plog, 4), OK);
    bench_crash(b, SIM_PROCESS_KILL);
    b->closed.log_start = 4;
    b->closed.lists_log_start = true;
    bench_load(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 6);
    bench_free(b);
}

// What is left of an open transaction begins at the log start.
static void the_last_stable_offset_is_not_below_the_log_start(void **state)
{
    struct bench *b = bench_new(34);
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.producer_id = 5, .is_transactional = true, .count = 4});
    assert_int_equal(plog_last_stable_offset(b->plog), 0);
    assert_int_equal(plog_set_log_start(b->plog, 3), OK);
    assert_int_equal(plog_last_stable_offset(b->plog), 3);
    bench_free(b);
}

static void a_full_segment_rolls(void **state)
{
    struct bench *b = bench_new(4);
    (void)state;
    b->options.segment_bytes = 1000;
    b->options.index_interval_bytes = 100;
    bench_create(b);
    struct plog_append out;
    for (int i = 0; i < 6; i++) {
        assert_int_equal(bench_submit(b, &(struct test_batch){.value_bytes = 300, .timestamp = 100 + i}, &out), OK);
    }
    bench_idle(b);
    assert_int_equal(plog_segment_count(b->plog), 3);
    assert_int_equal(plog_durable_end(b->plog), 6);
    assert_string_equal(bench_show(b, 0), "0x1 1x1 2x1 3x1 4x1 5x1");
    assert_string_equal(bench_files(b),
                        "00000000000000000000.index 00000000000000000000.log 00000000000000000000.timeindex "
                        "00000000000000000002.index 00000000000000000002.log 00000000000000000002.snapshot "
                        "00000000000000000002.timeindex 00000000000000000004.log 00000000000000000004.snapshot "
                        "leader-epoch-checkpoint partition.metadata");
    assert_int_equal(bench_submit(b, &(struct test_batch){.value_bytes = 1000}, &out), ERR_RECORD_LIST_TOO_LARGE);
    bench_free(b);
}

static void a_segment_rolls_by_record_time(void **state)
{
    struct bench *b = bench_new(5);
    (void)state;
    b->options.segment_ms = 100;
    b->options.segment_jitter_ms = 10;
    bench_create(b);
    bench_append(b, (struct test_batch){.timestamp = 1000});
    bench_append(b, (struct test_batch){.timestamp = 1090});
    assert_int_equal(plog_segment_count(b->plog), 1);
    bench_append(b, (struct test_batch){.timestamp = 1091});
    assert_int_equal(plog_segment_count(b->plog), 2);
    bench_free(b);
}

static void read_cuts_at_the_limits(void **state)
{
    struct bench *b = bench_new(6);
    struct plog_range r;
    (void)state;
    bench_create(b);
    for (int i = 0; i < 4; i++) bench_append(b, (struct test_batch){.count = 5, .timestamp = i});
    int32_t one;
    assert_int_equal(
        bench_read(b, (struct plog_read_spec){.offset = 7, .limit_offset = 20, .max_bytes = 1, .min_one = true}, &r),
        OK);
    one = r.size;
    assert_int_equal(r.first_offset, 5);
    assert_int_equal(r.position, one);
    file_unref(r.file);
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 7, .limit_offset = 20, .max_bytes = 1}, &r), OK);
    assert_null(r.file);
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 0, .limit_offset = 20, .max_bytes = one + 3}, &r),
                     OK);
    assert_int_equal(r.size, one + 3); // the last batch is partial
    file_unref(r.file);
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 0, .limit_offset = 10, .max_bytes = 1 << 20}, &r),
                     OK);
    assert_int_equal(r.size, 2 * one);
    file_unref(r.file);
    assert_int_equal(
        bench_read(b, (struct plog_read_spec){.offset = 12, .limit_offset = 10, .max_bytes = 99, .min_one = true}, &r),
        OK);
    assert_null(r.file);
    assert_int_equal(
        bench_read(b, (struct plog_read_spec){.offset = 20, .limit_offset = 20, .max_bytes = 99, .min_one = true}, &r),
        OK);
    assert_null(r.file);
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 21, .limit_offset = 20, .max_bytes = 99}, &r),
                     ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = -1, .limit_offset = 20, .max_bytes = 99}, &r),
                     ERR_OFFSET_OUT_OF_RANGE);
    bench_free(b);
}

// Every offset is found through the index, after a restart as well, and in closed segments whose files are not open.
static void every_offset_is_found(void **state)
{
    struct bench *b = bench_new(7);
    (void)state;
    b->options.segment_bytes = 20000;
    b->options.index_interval_bytes = 64;
    b->options.durability = PLOG_PAGE_CACHE;
    bench_create(b);
    int64_t offset = 0;
    for (int i = 0; i < 400; i++) {
        int count = 1 + i % 3;
        bench_append(b, (struct test_batch){.count = count, .timestamp = i, .value_bytes = 1 + i % 200});
        offset += count;
    }
    for (int round = 0; round < 2; round++) {
        assert_true(plog_segment_count(b->plog) > 2);
        for (int64_t o = 0; o < offset; o++) {
            struct plog_range r;
            assert_int_equal(
                bench_read(
                    b, (struct plog_read_spec){.offset = o, .limit_offset = offset, .max_bytes = 1, .min_one = true},
                    &r),
                OK);
            assert_true(r.first_offset <= o && r.size == r.first_size);
            uint8_t head[BATCH_HEADER_SIZE];
            struct batch_header h;
            assert_int_equal(file_read_all(r.file, true, r.position, head, sizeof(head)), OK);
            assert_int_equal(batch_header_parse(slice_of(head, sizeof(head)), &h), OK);
            assert_true(h.base_offset <= o && batch_last_offset(&h) >= o);
            file_unref(r.file);
        }
        bench_reopen_clean(b);
        assert_int_equal(plog_published_end(b->plog), offset);
        assert_int_equal(b->report.recovered_segments, 0);
    }
    bench_free(b);
}

static void find_time(struct bench *b, int64_t target, int64_t limit, int64_t offset, int64_t timestamp)
{
    struct plog_time_op op = {.op = {.done = bench_read_done}, .target_ms = target, .limit_offset = limit};
    b->is_done = false;
    plog_find_time(b->plog, &op);
    bench_idle(b);
    assert_true(b->is_done);
    assert_int_equal(b->result, OK);
    assert_int_equal(op.offset, offset);
    assert_int_equal(op.timestamp, timestamp);
    assert_int_equal(op.leader_epoch, offset < 0 ? -1 : 3);
}

static void records_are_found_by_time(void **state)
{
    struct bench *b = bench_new(8);
    (void)state;
    b->options.segment_bytes = 3000;
    b->options.index_interval_bytes = 64;
    bench_create(b);
    find_time(b, PLOG_MAX_TIMESTAMP, INT64_MAX, -1, -1);
    for (int i = 0; i < 50; i++) {
        bench_append(b, (struct test_batch){.count = 4,
                                            .timestamp = 1000 + 10 * i,
                                            .codec = (enum codec)(i % CODEC_COUNT),
                                            .value_bytes = 50,
                                            .leader_epoch = 3});
    }
    bench_append(b, (struct test_batch){.timestamp = 1200, .leader_epoch = 3}); // older than what stands before it
    for (int round = 0; round < 2; round++) {
        assert_true(plog_segment_count(b->plog) > 2);
        find_time(b, 0, INT64_MAX, 0, 1000);
        find_time(b, 1002, INT64_MAX, 2, 1002);
        find_time(b, 1004, INT64_MAX, 4, 1010);
        find_time(b, 1333, INT64_MAX, 33 * 4 + 3, 1333);
        find_time(b, 1333, 33 * 4 + 3, -1, -1);
        find_time(b, 1493, INT64_MAX, 199, 1493);
        find_time(b, 1494, INT64_MAX, -1, -1);
        find_time(b, PLOG_MAX_TIMESTAMP, INT64_MAX, 199, 1493);
        find_time(b, PLOG_MAX_TIMESTAMP, 199, -1, -1);
        bench_reopen_clean(b);
    }
    bench_free(b);
}

static void kill_recovers_everything_written(void **state)
{
    struct bench *b = bench_new(9);
    (void)state;
    b->options.segment_bytes = 1000;
    bench_create(b);
    for (int i = 0; i < 9; i++)
        bench_append(b, (struct test_batch){.count = 3, .value_bytes = 50, .timestamp = i, .leader_epoch = i / 4});
    const char *before = bench_show(b, 0);
    bench_crash(b, SIM_PROCESS_KILL);
    bench_load(b);
    assert_string_equal(bench_show(b, 0), before);
    assert_int_equal(plog_durable_end(b->plog), 27);
    assert_int_equal(plog_epoch_of(b->plog, 13), 1);
    assert_int_equal(plog_latest_epoch(b->plog), 2);
    assert_true(b->report.recovered_segments > 1);
    assert_int_equal(b->report.cut_bytes, 0);
    bench_free(b);
}

// The last batch cut at every length: the log then ends in front of it and goes on from there.
static void torn_tails_of_every_length_are_cut(void **state)
{
    struct bench *b = bench_new(10);
    struct text whole = {0};
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 2});
    bench_append(b, (struct test_batch){.count = 2, .value_bytes = 20});
    bench_close(b);
    bench_file(b, "00000000000000000000.log", &whole);
    size_t first;
    assert_int_equal(batch_size(text_slice(&whole), &first), OK);
    b->was_clean = false;
    b->closed.recovery_point = 0;
    for (size_t size = first; size < whole.size; size++) {
        assert_int_equal(
            file_write_synced(bench_fs(b), TEST_DIR "/t-0/00000000000000000000.log", slice_of(whole.data, size)), OK);
        bench_load(b);
        assert_int_equal(plog_published_end(b->plog), 2);
        assert_int_equal(plog_size_bytes(b->plog), first);
        assert_int_equal(b->report.cut_bytes, size - first);
        assert_int_equal(bench_append(b, (struct test_batch){.count = 1}), 2);
        assert_string_equal(bench_show(b, 0), "0x2 2x1");
        bench_close(b);
        b->closed.recovery_point = 0;
    }
    text_deinit(&whole);
    bench_free(b);
}

static void a_flipped_bit_ends_the_log_there(void **state)
{
    struct bench *b = bench_new(11);
    (void)state;
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < 8; i++) bench_append(b, (struct test_batch){.value_bytes = 80});
    assert_true(plog_segment_count(b->plog) > 3);
    int64_t base = b->plog->segments[1]->base_offset;
    bench_crash(b, SIM_PROCESS_KILL);
    char *path = segment_path(TEST_DIR "/t-0", base, ".log");
    assert_int_equal(sim_corrupt(b->node, path, 100, 4), OK);
    mem_free(path);
    bench_load(b);
    assert_int_equal(plog_published_end(b->plog), base);
    assert_int_equal(plog_segment_count(b->plog), 2);
    assert_int_equal(bench_append(b, (struct test_batch){.count = 1}), base);
    bench_reopen_clean(b);
    assert_int_equal(plog_published_end(b->plog), base + 1);
    bench_free(b);
}

// Indexes that recovery makes are those that appending made.
static void rebuilt_indexes_are_equal(void **state)
{
    struct bench *b = bench_new(12);
    struct text text = {0};
    (void)state;
    b->options.segment_bytes = 5000;
    b->options.index_interval_bytes = 200;
    bench_create(b);
    for (int i = 0; i < 60; i++)
        bench_append(b, (struct test_batch){.count = 1 + i % 2, .value_bytes = 150, .timestamp = i * i % 1000});
    bench_close(b);
    static const char *const names[] = {"00000000000000000000.index", "00000000000000000000.timeindex"};
    struct slice before[2];
    for (int i = 0; i < 2; i++) {
        bench_file(b, names[i], &text);
        before[i] = arena_copy(&b->arena, text_slice(&text));
        assert_true(text.size > 0);
    }
    b->was_clean = false;
    b->closed.recovery_point = 0;
    bench_load(b);
    assert_true(b->report.recovered_segments > 1);
    for (int i = 0; i < 2; i++) {
        bench_file(b, names[i], &text);
        assert_true(slice_eq(before[i], text_slice(&text)));
    }
    text_deinit(&text);
    bench_free(b);
}

static void truncate_at(struct bench *b, int64_t offset)
{
    struct plog_op op = {.done = bench_op_done};
    b->is_done = false;
    plog_truncate_to(b->plog, offset, &op);
    bench_idle(b);
    assert_true(b->is_done);
    assert_int_equal(b->result, OK);
}

static void truncation_cuts_whole_batches(void **state)
{
    (void)state;
    for (int64_t cut = 0; cut <= 24; cut++) {
        struct bench *b = bench_new(13 + (uint64_t)cut);
        b->options.segment_bytes = 500;
        b->options.index_interval_bytes = 50;
        bench_create(b);
        for (int i = 0; i < 12; i++)
            bench_append(b, (struct test_batch){.count = 2, .value_bytes = 40, .timestamp = i, .leader_epoch = i / 3});
        int64_t end = cut / 2 * 2; // a batch is cut whole
        truncate_at(b, cut);
        assert_int_equal(plog_published_end(b->plog), end);
        assert_int_equal(plog_durable_end(b->plog), end);
        assert_true(plog_high_watermark(b->plog) <= end);
        assert_int_equal(plog_latest_epoch(b->plog), end == 0 ? -1 : (end / 2 - 1) / 3);
        assert_int_equal(bench_append(b, (struct test_batch){.count = 2, .timestamp = 77, .leader_epoch = 9}), end);
        const char *shown = bench_show(b, 0);
        bench_reopen_clean(b);
        assert_string_equal(bench_show(b, 0), shown);
        bench_crash(b, SIM_POWER_CUT);
        bench_load(b);
        assert_string_equal(bench_show(b, 0), shown);
        bench_free(b);
    }
}

static void truncation_waits_for_ranges_and_refuses_appends(void **state)
{
    struct bench *b = bench_new(50);
    struct plog_range r;
    (void)state;
    bench_create(b);
    for (int i = 0; i < 4; i++) bench_append(b, (struct test_batch){.count = 1});
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 3, .limit_offset = 4, .max_bytes = 1000}, &r), OK);
    struct plog_op op = {.done = bench_op_done};
    b->is_done = false;
    plog_truncate_to(b->plog, 2, &op);
    assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1}, NULL), ERR_BUSY);
    sim_run_until(b->sim, NULL, NULL, 500);
    assert_false(b->is_done);
    file_unref(r.file);
    sim_run_until(b->sim, NULL, NULL, 100);
    assert_true(b->is_done);
    assert_int_equal(plog_published_end(b->plog), 2);
    // Nobody gives it back: after a second it goes on.
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 1, .limit_offset = 2, .max_bytes = 1000}, &r), OK);
    truncate_at(b, 1);
    assert_int_equal(plog_published_end(b->plog), 1);
    file_unref(r.file);
    bench_free(b);
}

static void restart_begins_elsewhere(void **state)
{
    struct bench *b = bench_new(51);
    (void)state;
    bench_create(b);
    for (int i = 0; i < 4; i++) bench_append(b, (struct test_batch){.count = 1, .producer_id = 9, .sequence = i});
    struct plog_op op = {.done = bench_op_done};
    plog_restart_at(b->plog, 1000, &op);
    bench_idle(b);
    assert_int_equal(b->result, OK);
    assert_int_equal(plog_log_start(b->plog), 1000);
    assert_int_equal(plog_published_end(b->plog), 1000);
    assert_int_equal(plog_latest_epoch(b->plog), -1);
    assert_int_equal(bench_append(b, (struct test_batch){.count = 3}), 1000);
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    assert_int_equal(plog_log_start(b->plog), 1000);
    assert_int_equal(plog_published_end(b->plog), 1003);
    bench_free(b);
}

static void log_start_drops_segments(void **state)
{
    struct bench *b = bench_new(52);
    struct plog_range r;
    (void)state;
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < 8; i++) bench_append(b, (struct test_batch){.value_bytes = 100});
    assert_int_equal(plog_set_log_start(b->plog, 9), ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(plog_set_log_start(b->plog, 5), OK);
    bench_idle(b);
    assert_int_equal(plog_log_start(b->plog), 5);
    assert_int_equal(plog_local_start(b->plog), 4);
    assert_int_equal(bench_read(b, (struct plog_read_spec){.offset = 4, .limit_offset = 8, .max_bytes = 99}, &r),
                     ERR_OFFSET_OUT_OF_RANGE);
    bench_reopen_clean(b);
    assert_int_equal(plog_log_start(b->plog), 5);
    assert_int_equal(plog_local_start(b->plog), 4);
    bench_free(b);
}

static void replicas_keep_offsets(void **state)
{
    struct bench *b = bench_new(53);
    (void)state;
    bench_create(b);
    struct text run = {0};
    test_batch_build(&run, &(struct test_batch){.base_offset = 0, .count = 2, .leader_epoch = 4});
    // Compacted away: 2 to 6.
    test_batch_build(&run, &(struct test_batch){.base_offset = 7, .count = 1, .leader_epoch = 6});
    struct plog_append out;
    assert_int_equal(bench_submit_bytes(b, &run, PLOG_REPLICA, 8, &out), OK);
    assert_int_equal(out.end_offset, 8);
    bench_idle(b);
    assert_int_equal(plog_epoch_of(b->plog, 7), 6);
    int32_t epoch;
    int64_t end;
    plog_end_offset_of_epoch(b->plog, 4, &epoch, &end);
    assert_int_equal(epoch, 4);
    assert_int_equal(end, 7);
    plog_end_offset_of_epoch(b->plog, 9, &epoch, &end);
    assert_int_equal(epoch, -1);
    assert_int_equal(bench_submit(b, &(struct test_batch){.base_offset = 3, .origin = PLOG_REPLICA}, NULL),
                     ERR_INVALID);
    assert_string_equal(bench_show(b, 4), "7x1");
    struct text garbage = {0};
    text_add_str(&garbage, "no batch at all, but long enough to be looked at by the parser of headers");
    assert_int_equal(bench_submit_bytes(b, &garbage, PLOG_REPLICA, 8, NULL), ERR_CORRUPT);
    bench_free(b);
}

static void an_epoch_is_stored_before_its_first_record(void **state)
{
    struct bench *b = bench_new(54);
    struct text text = {0};
    (void)state;
    bench_create(b);
    plog_assign_epoch(b->plog, 3, 0);
    bench_idle(b);
    assert_string_equal(bench_files(b), "partition.metadata"); // nothing to say without a record
    bench_append(b, (struct test_batch){.count = 3, .leader_epoch = 3});
    bench_file(b, "leader-epoch-checkpoint", &text);
    assert_string_equal(text_cstr(&text), "0\n1\n3 0\n");
    bench_append(b, (struct test_batch){.count = 2, .leader_epoch = 4});
    bench_append(b, (struct test_batch){.count = 2, .leader_epoch = 5});
    bench_file(b, "leader-epoch-checkpoint", &text);
    assert_string_equal(text_cstr(&text), "0\n3\n3 0\n4 3\n5 5\n");
    text_deinit(&text);
    bench_free(b);
}

static void a_failed_sync_takes_the_directory_offline(void **state)
{
    struct bench *b = bench_new(55);
    struct plog_range r;
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 1});
    sim_fail_at_call(b->node, SIM_CALL_SYNC, 1, ERR_IO);
    assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1}, NULL), OK);
    bench_idle(b);
    assert_true(b->has_failed);
    assert_true(logdir_is_offline(b->dir));
    assert_int_equal(plog_durable_end(b->plog), 1);
    assert_int_equal(plog_high_watermark(b->plog), 1);
    assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1}, NULL), ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(
        plog_read(b->plog, &(struct plog_read_spec){.limit_offset = 1, .max_bytes = 9, .min_one = true}, &r),
        ERR_KAFKA_STORAGE_ERROR);
    int64_t syncs = sim_calls(b->node, SIM_CALL_SYNC);
    bench_close(b);
    assert_int_equal(b->result, ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(sim_calls(b->node, SIM_CALL_SYNC), syncs);
    bench_free(b);
}

static void an_offline_directory_is_left_alone(void **state)
{
    struct bench *b = bench_new(58);
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 1});
    logdir_take_offline(b->dir, ERR_IO, "another log");
    int64_t syncs = sim_calls(b->node, SIM_CALL_SYNC);
    assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1}, NULL), ERR_KAFKA_STORAGE_ERROR);
    bench_close(b);
    assert_true(b->has_failed);
    assert_int_equal(b->result, ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(sim_calls(b->node, SIM_CALL_SYNC), syncs);
    bench_free(b);
}

static void a_failed_write_fails_all_behind_it(void **state)
{
    struct bench *b = bench_new(56);
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 1});
    sim_fail_at_call(b->node, SIM_CALL_WRITE_RUN, 1, ERR_NO_SPACE);
    for (int i = 0; i < 3; i++) assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1}, NULL), OK);
    bench_idle(b);
    assert_int_equal(b->appends_done, 4);
    assert_int_equal(b->last_result, ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(plog_published_end(b->plog), 1);
    bench_free(b);
}

static void delete_renames_and_fails_what_waits(void **state)
{
    struct bench *b = bench_new(57);
    struct name_list names;
    (void)state;
    bench_create(b);
    bench_append(b, (struct test_batch){.count = 1});
    assert_int_equal(bench_submit(b, &(struct test_batch){.count = 1}, NULL), OK);
    struct plog_op op = {.done = bench_op_done};
    plog_delete(b->plog, (struct uuid){.bytes = {0xab}}, &op);
    bench_idle(b);
    b->plog = NULL;
    assert_int_equal(b->last_result, ERR_NOT_LEADER_OR_FOLLOWER);
    static const char deleted[] = "t-0.ab000000000000000000000000000000-delete";
    assert_int_equal(dir_list(bench_fs(b), TEST_DIR, &names), OK);
    bool is_there = false;
    for (size_t i = 0; i < names.count; i++) is_there = is_there || strcmp(names.names[i], deleted) == 0;
    assert_true(is_there);
    name_list_deinit(&names);
    struct partition_dir *dirs;
    size_t count;
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &dirs, &count, NULL), OK);
    assert_int_equal(count, 1);
    assert_int_equal(dirs[0].kind, PARTITION_DIR_DELETE);
    assert_int_equal(logdir_remove(bench_fs(b), b->dir, deleted), OK);
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &dirs, &count, NULL), OK);
    assert_int_equal(count, 0);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(new_log_is_empty_and_has_its_identity),
        cmocka_unit_test(appends_of_one_turn_are_one_write),
        cmocka_unit_test(page_cache_does_not_sync_until_told),
        cmocka_unit_test(the_recovery_point_stays_inside_of_the_active_segment),
        cmocka_unit_test(a_transaction_decided_below_the_high_watermark_is_so_after_a_crash),
        cmocka_unit_test(a_marker_below_the_log_start_ends_its_transaction),
        cmocka_unit_test(the_last_stable_offset_is_not_below_the_log_start),
        cmocka_unit_test(a_full_segment_rolls),
        cmocka_unit_test(a_segment_rolls_by_record_time),
        cmocka_unit_test(read_cuts_at_the_limits),
        cmocka_unit_test(every_offset_is_found),
        cmocka_unit_test(records_are_found_by_time),
        cmocka_unit_test(kill_recovers_everything_written),
        cmocka_unit_test(torn_tails_of_every_length_are_cut),
        cmocka_unit_test(a_flipped_bit_ends_the_log_there),
        cmocka_unit_test(rebuilt_indexes_are_equal),
        cmocka_unit_test(truncation_cuts_whole_batches),
        cmocka_unit_test(truncation_waits_for_ranges_and_refuses_appends),
        cmocka_unit_test(restart_begins_elsewhere),
        cmocka_unit_test(log_start_drops_segments),
        cmocka_unit_test(replicas_keep_offsets),
        cmocka_unit_test(an_epoch_is_stored_before_its_first_record),
        cmocka_unit_test(a_failed_sync_takes_the_directory_offline),
        cmocka_unit_test(an_offline_directory_is_left_alone),
        cmocka_unit_test(a_failed_write_fails_all_behind_it),
        cmocka_unit_test(delete_renames_and_fails_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
