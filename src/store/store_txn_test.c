// SPDX-License-Identifier: Apache-2.0
// Aborted transactions: what .txnindex says, from memory, from files, after restarts, rot, truncation, retention and
// power cuts, always against a plain reading of the log (kafka-internals A5, B4).
#include "base/bytes.h"
#include "record/control.h"
#include "store/test_util.h"

// ---- a plain reading of the log ----------------------------------------------------------------------------------

enum { MODEL_PRODUCERS = 32 };

static int64_t *open_of(int64_t open[MODEL_PRODUCERS], int64_t producer_id)
{
    assert_true(producer_id >= 0 && producer_id < MODEL_PRODUCERS);
    return &open[producer_id];
}

static int64_t least(const int64_t open[MODEL_PRODUCERS], int64_t otherwise)
{
    int64_t first = INT64_MAX;
    for (int i = 0; i < MODEL_PRODUCERS; i++)
        if (open[i] >= 0 && open[i] < first) first = open[i];
    return first == INT64_MAX ? otherwise : first;
}

static void model_aborted(struct slice log, struct aborted_txns *out)
{
    int64_t open[MODEL_PRODUCERS];
    for (int i = 0; i < MODEL_PRODUCERS; i++) open[i] = -1;
    struct batch_iter batches = batch_iter(log);
    struct batch_view batch;
    while (batch_next(&batches, &batch)) {
        const struct batch_header *h = &batch.header;
        if (!batch_is_transactional(h)) continue;
        int64_t *first = open_of(open, h->producer_id);
        if (!batch_is_control(h)) {
            if (*first < 0) *first = h->base_offset;
            continue;
        }
        struct slice body;
        struct record record;
        enum control_type type;
        assert_int_equal(batch_body(&batch, 1024, NULL, &body), OK);
        struct record_iter it = record_iter(h, body);
        assert_true(record_next(&it, &record));
        assert_int_equal(control_key_decode(record.key, &type), OK);
        struct aborted_txn txn = {.producer_id = h->producer_id, .first_offset = *first, .last_offset = h->base_offset};
        *first = -1;
        txn.last_stable_offset = least(open, h->base_offset + 1);
        if (type == CONTROL_ABORT && txn.first_offset >= 0) aborted_txns_add(out, &txn);
    }
}

static void collect(struct bench *b, int64_t from, int64_t to, struct aborted_txns *out)
{
    struct txn_search search;
    txn_search_init(&search, b->plog, from, true);
    assert_int_equal(txn_search_open(&search, bench_fs(b), TEST_DIR "/t-0"), OK);
    assert_int_equal(txn_search_collect(&search, true, from, to, out), OK);
    txn_search_deinit(&search);
}

// The index is what a plain reading finds, entry by entry.
static size_t check_index(struct bench *b)
{
    struct text log = {0};
    struct aborted_txns wanted = {0};
    struct aborted_txns found = {0};
    bench_read_all(b, plog_log_start(b->plog), &log);
    model_aborted(text_slice(&log), &wanted);
    collect(b, plog_log_start(b->plog), INT64_MAX, &found);
    assert_int_equal(found.count, wanted.count);
    for (size_t i = 0; i < found.count; i++)
        assert_memory_equal(&found.items[i], &wanted.items[i], sizeof(found.items[i]));
    size_t count = found.count;
    text_deinit(&log);
    aborted_txns_deinit(&wanted);
    aborted_txns_deinit(&found);
    return count;
}

// A consumer's read: every transaction with records in the range is in the list, and none that has none before its end.
static void check_read(struct bench *b, int64_t offset, int32_t max_bytes)
{
    struct plog_range range;
    struct aborted_txns all = {0};
    int64_t stable = plog_last_stable_offset(b->plog);
    const struct plog_read_spec spec = {
        .offset = offset, .limit_offset = stable, .max_bytes = max_bytes, .min_one = true, .wants_aborted = true};
    assert_int_equal(bench_read(b, spec, &range), OK);
    if (range.size == 0) return;
    struct text bytes = {0};
    assert_int_equal(
        file_read_all(range.file, true, range.position, text_reserve(&bytes, (size_t)range.size), (size_t)range.size),
        OK);
    text_grew(&bytes, (size_t)range.size);
    int64_t end = offset;
    struct batch_iter it = batch_iter(text_slice(&bytes));
    struct batch_view view;
    while (batch_next(&it, &view)) end = batch_last_offset(&view.header) + 1;
    collect(b, plog_log_start(b->plog), INT64_MAX, &all);
    int32_t matched = 0;
    for (size_t i = 0; i < all.count; i++) {
        const struct aborted_txn *t = &all.items[i];
        bool is_listed = false;
        for (int32_t k = 0; k < range.aborted_count; k++)
            if (range.aborted[k].producer_id == t->producer_id && range.aborted[k].first_offset == t->first_offset)
                is_listed = true;
        if (t->last_offset >= offset && t->first_offset < end) assert_true(is_listed);
        if (t->last_offset < offset || t->first_offset >= stable) assert_false(is_listed);
        matched += is_listed;
    }
    assert_int_equal(matched, range.aborted_count);
    mem_free(range.aborted);
    file_unref(range.file);
    text_deinit(&bytes);
    aborted_txns_deinit(&all);
}

// ---- writing -----------------------------------------------------------------------------------------------------

struct writer {
    struct bench *bench;
    int32_t sequences[MODEL_PRODUCERS];
    int64_t time;
};

static bool put(struct writer *w, int64_t producer_id, int count)
{
    enum err e = bench_submit(w->bench,
                              &(struct test_batch){.producer_id = producer_id,
                                                   .sequence = w->sequences[producer_id],
                                                   .count = count,
                                                   .timestamp = ++w->time,
                                                   .is_transactional = true,
                                                   .value_bytes = 20},
                              NULL);
    w->sequences[producer_id] += count;
    return e == OK;
}

static bool end(struct writer *w, int64_t producer_id, enum control_type type)
{
    struct text bytes = {0};
    batch_end_txn_marker(&bytes, 0, 0, ++w->time, producer_id, 0, type, 0);
    return bench_submit_bytes(w->bench, &bytes, PLOG_COORDINATOR, 0, NULL) == OK;
}

// Transactions of four producers, begun and ended across each other.
static void write_some(struct writer *w, int steps, uint64_t seed)
{
    uint64_t x = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (int i = 0; i < steps; i++) {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        int64_t producer_id = 1 + (int64_t)(x % 4);
        int what = (int)((x >> 8) % 8);
        if (what < 5)
            assert_true(put(w, producer_id, 1 + (int)((x >> 16) % 3)));
        else
            assert_true(end(w, producer_id, what < 7 ? CONTROL_ABORT : CONTROL_COMMIT));
        if ((x >> 24) % 3 == 0) bench_idle(w->bench);
    }
    bench_idle(w->bench);
}

// ---- tests -------------------------------------------------------------------------------------------------------

static void check_all_reads(struct bench *b)
{
    for (int64_t offset = plog_log_start(b->plog); offset < plog_last_stable_offset(b->plog); offset += 3) {
        check_read(b, offset, 1);
        check_read(b, offset, 400);
        check_read(b, offset, 1 << 20);
    }
}

static void reads_list_what_was_aborted(void **state)
{
    (void)state;
    struct bench *b = bench_new(80);
    struct writer w = {.bench = b};
    b->options.segment_bytes = 3000;
    b->options.index_interval_bytes = 200;
    bench_create(b);
    write_some(&w, 300, 1);
    assert_true(plog_segment_count(b->plog) > 5);
    assert_true(check_index(b) > 30);
    check_all_reads(b);
    bench_reopen_clean(b); // nothing is open: the lists come from tasks
    check_all_reads(b);
    assert_true(check_index(b) > 30);
    bench_crash(b, SIM_PROCESS_KILL);
    bench_load(b);
    assert_true(check_index(b) > 30);
    check_all_reads(b);
    bench_free(b);
}

// More than what is kept in memory goes to the file of the active segment.
static void a_long_index_goes_to_its_file(void **state)
{
    (void)state;
    struct bench *b = bench_new(81);
    struct writer w = {.bench = b};
    bench_create(b);
    for (int i = 0; i < 300; i++) {
        assert_true(put(&w, 1, 1));
        assert_true(end(&w, 1, CONTROL_ABORT));
        bench_idle(b);
    }
    struct text bytes = {0};
    bench_file(b, "00000000000000000000.txnindex", &bytes);
    assert_true(bytes.size >= INDEX_TAIL_MAX && bytes.size % TXN_ENTRY_SIZE == 0 && bytes.size < 300 * TXN_ENTRY_SIZE);
    assert_int_equal(check_index(b), 300);
    check_read(b, 100, 2000);
    bench_reopen_clean(b);
    bench_file(b, "00000000000000000000.txnindex", &bytes);
    assert_int_equal(bytes.size, 300 * TXN_ENTRY_SIZE);
    assert_true(put(&w, 1, 1));
    assert_true(end(&w, 1, CONTROL_ABORT));
    bench_idle(b);
    assert_int_equal(check_index(b), 301);
    bench_reopen_clean(b);
    bench_file(b, "00000000000000000000.txnindex", &bytes);
    assert_int_equal(bytes.size, 301 * TXN_ENTRY_SIZE);
    assert_int_equal(check_index(b), 301);
    text_deinit(&bytes);
    bench_free(b);
}

static void without_aborts_there_is_no_file(void **state)
{
    (void)state;
    struct bench *b = bench_new(82);
    struct writer w = {.bench = b};
    bench_create(b);
    assert_true(put(&w, 1, 2));
    assert_true(end(&w, 1, CONTROL_COMMIT));
    assert_true(end(&w, 2, CONTROL_ABORT)); // of nothing
    bench_idle(b);
    bench_reopen_clean(b);
    assert_null(strstr(bench_files(b), ".txnindex"));
    bench_free(b);
}

// A damaged file in a closed segment below the recovery point: that segment is read again, at a clean start too.
static void rot_is_found_and_mended(void **state)
{
    (void)state;
    struct bench *b = bench_new(83);
    struct writer w = {.bench = b};
    b->options.segment_bytes = 1500;
    bench_create(b);
    write_some(&w, 120, 3);
    size_t count = check_index(b);
    bench_close(b);
    struct name_list names;
    struct text before = {0};
    struct text after = {0};
    char *damaged = NULL;
    assert_int_equal(dir_list(bench_fs(b), TEST_DIR "/t-0", &names), OK);
    for (size_t i = 0; i < names.count && damaged == NULL; i++)
        if (strstr(names.names[i], ".txnindex") != NULL) damaged = path_printf("%s", names.names[i]);
    assert_non_null(damaged);
    bench_file(b, damaged, &before);
    char *path = path_printf(TEST_DIR "/t-0/%s", damaged);
    assert_int_equal(sim_corrupt(b->node, path, 0, 2), OK);
    b->was_clean = true;
    bench_load(b);
    assert_int_equal(b->report.recovered_segments, 1);
    assert_int_equal(check_index(b), count);
    bench_file(b, damaged, &after);
    assert_true(slice_eq(text_slice(&before), text_slice(&after)));
    check_all_reads(b);
    mem_free(path);
    mem_free(damaged);
    text_deinit(&before);
    text_deinit(&after);
    name_list_deinit(&names);
    bench_free(b);
}

static void truncation_and_retention_take_entries_along(void **state)
{
    (void)state;
    struct bench *b = bench_new(84);
    struct writer w = {.bench = b};
    b->options.segment_bytes = 1500;
    b->keeps_high_watermark = true;
    bench_create(b);
    write_some(&w, 200, 4);
    size_t count = check_index(b);
    for (int64_t to = plog_published_end(b->plog) - 7; to > 20; to -= 31) {
        struct plog_op op = {.done = bench_op_done};
        b->is_done = false;
        plog_truncate_to(b->plog, to, &op);
        bench_idle(b);
        assert_true(b->is_done && b->result == OK);
        assert_true(check_index(b) <= count);
        count = check_index(b);
        // Never an entry whose marker is gone, neither in memory nor in a file.
        struct aborted_txns found = {0};
        collect(b, 0, INT64_MAX, &found);
        for (size_t i = 0; i < found.count; i++) assert_true(found.items[i].last_offset < plog_published_end(b->plog));
        aborted_txns_deinit(&found);
    }
    plog_set_high_watermark(b->plog, INT64_MAX);
    int64_t start = plog_published_end(b->plog);
    if (plog_last_stable_offset(b->plog) < start) start = plog_last_stable_offset(b->plog);
    size_t segments = plog_segment_count(b->plog);
    assert_int_equal(plog_set_log_start(b->plog, start), OK);
    bench_idle(b);
    if (segments > 1) assert_null(strstr(bench_files(b), "00000000000000000000.txnindex"));
    bench_free(b);
}

// After a stop with everything replicated, nothing keeps readers back.
static void a_start_knows_what_is_decided(void **state)
{
    (void)state;
    struct bench *b = bench_new(85);
    struct writer w = {.bench = b};
    bench_create(b);
    assert_true(put(&w, 1, 2));
    assert_true(end(&w, 1, CONTROL_ABORT));
    bench_idle(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 3);
    bench_crash(b, SIM_PROCESS_KILL);
    bench_load(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 3);
    assert_true(put(&w, 2, 1));
    bench_idle(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 3);
    bench_reopen_clean(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 3); // still open
    assert_int_equal(plog_high_watermark(b->plog), 4);
    bench_free(b);
}

static void a_marker_counts_when_it_is_replicated(void **state)
{
    (void)state;
    struct bench *b = bench_new(86);
    struct writer w = {.bench = b};
    b->keeps_high_watermark = true;
    bench_create(b);
    assert_true(put(&w, 1, 2));              // 0-1
    assert_true(put(&w, 2, 1));              // 2
    assert_true(end(&w, 1, CONTROL_COMMIT)); // 3
    bench_idle(b);
    plog_set_high_watermark(b->plog, 3);
    assert_int_equal(plog_last_stable_offset(b->plog), 0);
    plog_set_high_watermark(b->plog, 4);
    assert_int_equal(plog_last_stable_offset(b->plog), 2);
    assert_true(end(&w, 2, CONTROL_ABORT)); // 4
    bench_idle(b);
    assert_int_equal(plog_last_stable_offset(b->plog), 2);
    plog_set_high_watermark(b->plog, 5);
    assert_int_equal(plog_last_stable_offset(b->plog), 5);
    bench_free(b);
}

// ---- power cuts --------------------------------------------------------------------------------------------------

struct cut {
    struct writer writer;
    uint64_t seed;
};

static void write_under_cut(void *context)
{
    struct cut *cut = context;
    struct writer *w = &cut->writer;
    uint64_t x = cut->seed;
    for (int i = 0; i < 40; i++) {
        x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
        int64_t producer_id = 1 + (int64_t)((x >> 33) % 3);
        bool ends = (x >> 40) % 3 == 0;
        if (ends ? !end(w, producer_id, (x >> 45) % 4 == 0 ? CONTROL_COMMIT : CONTROL_ABORT) : !put(w, producer_id, 1))
            return;
    }
}

// Several turns of writing, the power going at the `at`-th call; false when it did not come to that.
static bool power_goes(struct bench *b, struct cut *cut, int at)
{
    struct fs *dead = bench_fs(b);
    sim_crash_at_call(b->node, SIM_CALL_ANY, at, SIM_POWER_CUT);
    for (int turn = 0; turn < 4 && sim_node_is_up(b->node); turn++) {
        cut->seed += 77;
        if (sim_node_call(b->node, write_under_cut, cut)) bench_idle(b);
    }
    bool was_cut = !sim_node_is_up(b->node);
    sim_crash_at_call(b->node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
    if (!was_cut) sim_node_crash(b->node, SIM_POWER_CUT);
    bench_bury(b, dead);
    return was_cut;
}

static void after_a_power_cut_it_is_what_a_rebuild_gives(void **state)
{
    (void)state;
    int cuts = 0;
    size_t entries = 0;
    for (int at = 1;; at++) {
        struct bench *b = bench_new(2000 + (uint64_t)at);
        struct cut cut = {.writer = {.bench = b}, .seed = (uint64_t)at};
        b->options.segment_bytes = 900;
        bench_create(b);
        bool was_cut = power_goes(b, &cut, at);
        bench_load(b);
        entries += check_index(b);
        bench_reopen_clean(b);
        entries += check_index(b);
        bench_free(b);
        if (!was_cut) break;
        cuts++;
    }
    assert_true(cuts > 60);
    assert_true(entries > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_list_what_was_aborted),
        cmocka_unit_test(a_long_index_goes_to_its_file),
        cmocka_unit_test(without_aborts_there_is_no_file),
        cmocka_unit_test(rot_is_found_and_mended),
        cmocka_unit_test(truncation_and_retention_take_entries_along),
        cmocka_unit_test(a_start_knows_what_is_decided),
        cmocka_unit_test(a_marker_counts_when_it_is_replicated),
        cmocka_unit_test(after_a_power_cut_it_is_what_a_rebuild_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
