// SPDX-License-Identifier: Apache-2.0
// Compaction (kafka-internals B7): what stays, in which batches, and that a power cut at any call changes nothing a
// reader sees.
#include "store/compact_int.h"
#include "store/test_util.h"

struct round {
    struct plog_compact_op op;
    bool is_done;
};

static void round_done(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    CONTAINER_OF(CONTAINER_OF(op, struct plog_compact_op, op), struct round, op)->is_done = true;
}

static struct plog_compact_op compact_at(struct bench *b, int64_t wall_ms, int64_t map_bytes)
{
    struct round round = {.op = {.op = {.done = round_done},
                                 .limits = {.max_lag_ms = INT64_MAX},
                                 .delete_retention_ms = 1000,
                                 .map_bytes_max = map_bytes,
                                 .map_load_factor = 0.75,
                                 .io_bytes = 1 << 16,
                                 .bytes_per_s = INT64_MAX,
                                 .wall_ms = wall_ms}};
    plog_compact(b->plog, &round.op);
    assert_false(round.is_done); // never inside the call
    bench_idle(b);
    assert_true(round.is_done);
    return round.op;
}

static struct plog_compact_op compact(struct bench *b, int64_t wall_ms)
{
    return compact_at(b, wall_ms, 1 << 20);
}

static void append(struct bench *b, struct text *take_bytes)
{
    assert_int_equal(bench_submit_bytes(b, take_bytes, PLOG_COORDINATOR, 0, NULL), OK);
    bench_idle(b);
}

// A batch of records, "k=v" each, "k!" a tombstone, "-" a null key.
static void put_as(struct bench *b, const struct batch_spec *as, const char *words)
{
    struct text bytes = {0};
    struct batch_builder builder = {0};
    batch_begin(&builder, &bytes, as);
    for (const char *at = words; *at != '\0'; at++) {
        if (*at == ' ') continue;
        size_t size = strcspn(at, " ");
        struct slice key = *at == '-' ? SLICE_NULL : slice_of(at, 1);
        struct slice value = at[1] == '!' ? SLICE_NULL : slice_of(at + size - 1, 1);
        batch_add(&builder, 100, key, value, NULL, 0);
        at += size - 1;
    }
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
    append(b, &bytes);
}

static void put_from(struct bench *b, int64_t producer_id, int32_t sequence, const char *words)
{
    struct batch_spec spec = batch_spec(0);
    spec.producer_id = producer_id;
    spec.producer_epoch = producer_id < 0 ? (int16_t)NO_PRODUCER_EPOCH : 0;
    spec.base_sequence = sequence;
    put_as(b, &spec, words);
}

static void put_txn(struct bench *b, int64_t producer_id, int32_t sequence, const char *words)
{
    struct batch_spec spec = batch_spec(0);
    spec.producer_id = producer_id;
    spec.producer_epoch = 0;
    spec.base_sequence = sequence;
    spec.is_transactional = true;
    put_as(b, &spec, words);
}

static void put_marker(struct bench *b, int64_t producer_id, enum control_type type)
{
    struct text bytes = {0};
    batch_end_txn_marker(&bytes, 0, 0, 100, producer_id, 0, type, 1);
    append(b, &bytes);
}

static void put(struct bench *b, const char *words)
{
    put_from(b, NO_PRODUCER_ID, NO_SEQUENCE, words);
}

// What a reader finds: "offset:k=v", batches in brackets with their range; T = transactional, ~ = with a horizon.
static const char *show(struct bench *b)
{
    struct text out = {0};
    struct text bytes = {0};
    bench_read_all(b, plog_log_start(b->plog), &bytes);
    struct batch_iter it = batch_iter(text_slice(&bytes));
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        struct text scratch = {0};
        struct slice body;
        text_printf(&out, "[%lld-%lld", (long long)batch.header.base_offset,
                    (long long)batch_last_offset(&batch.header));
        text_add_str(&out, batch_is_transactional(&batch.header) ? "T" : "");
        text_add_str(&out, batch_has_delete_horizon(&batch.header) ? "~" : "");
        assert_true(batch_crc_is_valid(batch.bytes));
        assert_int_equal(batch_body(&batch, 1 << 20, &scratch, &body), OK);
        struct record_iter records = record_iter(&batch.header, body);
        struct record r;
        while (record_next(&records, &r)) {
            text_printf(&out, " %lld:", (long long)r.offset);
            assert_int_equal(r.timestamp, 100);
            if (batch_is_control(&batch.header)) {
                enum control_type type;
                assert_int_equal(control_key_decode(r.key, &type), OK);
                text_add_str(&out, control_type_name(type));
                continue;
            }
            text_add(&out, r.key);
            text_add_str(&out, slice_is_null(r.value) ? "!" : "=");
            text_add(&out, r.value);
        }
        assert_int_equal(records.err, OK);
        text_add_str(&out, "]");
        text_deinit(&scratch);
    }
    const char *kept = arena_printf(&b->arena, "%s", text_cstr(&out));
    text_deinit(&bytes);
    text_deinit(&out);
    return kept;
}

// Each batch a segment of its own.
static struct bench *bench_of_batches(uint64_t seed)
{
    struct bench *b = bench_new(seed);
    b->options.segment_bytes = 90;
    bench_create(b);
    return b;
}

static void the_newest_of_each_key_stays(void **state)
{
    (void)state;
    struct bench *b = bench_of_batches(70);
    put(b, "a=1 b=1");
    put(b, "a=2 c=1");
    put(b, "b=2 -=9");
    put(b, "z=1"); // in the active segment: untouched
    assert_int_equal(compact(b, 5000).op.result, OK);
    assert_string_equal(show(b), "[0-1][2-3 2:a=2 3:c=1][4-5 4:b=2][6-6 6:z=1]");
    assert_int_equal(plog_published_end(b->plog), 7);
    assert_int_equal(compact(b, 5000).op.result, ERR_BUSY); // nothing dirty is left
    bench_reopen_clean(b);
    assert_string_equal(show(b), "[0-1][2-3 2:a=2 3:c=1][4-5 4:b=2][6-6 6:z=1]");
    bench_free(b);
}

static void a_tombstone_goes_after_its_time(void **state)
{
    (void)state;
    struct bench *b = bench_of_batches(71);
    put(b, "a=1 b=1");
    put(b, "a!");
    put(b, "c=1");
    put(b, "z=1");
    assert_int_equal(compact(b, 5000).op.result, OK);
    assert_string_equal(show(b), "[0-1 1:b=1][2-2~ 2:a!][3-3 3:c=1][4-4 4:z=1]");
    put(b, "y=1");
    assert_int_equal(compact(b, 5999).op.result, OK); // its horizon is 6000
    assert_string_equal(show(b), "[0-1 1:b=1][2-2~ 2:a!][3-3 3:c=1][4-4 4:z=1][5-5 5:y=1]");
    put(b, "x=1");
    assert_int_equal(compact(b, 6000).op.result, OK);
    assert_string_equal(show(b), "[0-1 1:b=1][2-2][3-3 3:c=1][4-4 4:z=1][5-5 5:y=1][6-6 6:x=1]");
    bench_free(b);
}

static void producers_keep_their_newest_batch(void **state)
{
    (void)state;
    struct bench *b = bench_of_batches(72);
    put_from(b, 7, 0, "a=1 b=1");
    put_from(b, 7, 2, "a=2 b=2");
    put(b, "a=3 b=3");
    put(b, "c=1");
    put(b, "z=1");
    assert_int_equal(compact(b, 5000).op.result, OK);
    assert_string_equal(show(b), "[0-1][2-3][4-5 4:a=3 5:b=3][6-6 6:c=1][7-7 7:z=1]");
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    put_from(b, 7, 4, "d=1"); // the sequence goes on
    bench_free(b);
}

static void a_full_map_takes_several_rounds(void **state)
{
    (void)state;
    struct bench *b = bench_new(73);
    b->options.segment_bytes = 2000;
    bench_create(b);
    char word[] = "a=1";
    for (int i = 0; i < 400; i++) {
        word[0] = (char)(33 + i % 90); // 90 keys, and room for 48
        if (word[0] == '-' || word[0] == '!') word[0] = '~';
        put(b, word);
    }
    int rounds = 0;
    int64_t before = plog_size_bytes(b->plog);
    while (compact_at(b, 5000, 64 * 24).op.result == OK) rounds++;
    assert_true(rounds > 1);
    assert_true(plog_size_bytes(b->plog) < before / 2);
    bench_free(b);
}

static struct bench *bench_of_transactions(uint64_t seed)
{
    struct bench *b = bench_new(seed);
    b->options.segment_bytes = 100; // each batch a segment of its own
    bench_create(b);
    put(b, "a=1 b=1 c=1 d=1");
    put_txn(b, 7, 0, "a=2");
    put_txn(b, 8, 0, "b=2 c=2");
    put_marker(b, 7, CONTROL_ABORT);
    put_marker(b, 8, CONTROL_COMMIT);
    put_txn(b, 7, 1, "e=1");
    put_txn(b, 8, 2, "e=2");
    put_marker(b, 7, CONTROL_COMMIT);
    put_marker(b, 8, CONTROL_COMMIT);
    put(b, "z=1");
    return b;
}

static void aborted_transactions_go_and_then_their_markers(void **state)
{
    (void)state;
    struct bench *b = bench_of_transactions(74);
    // What 7 aborted is no newer value of a. The batches of a transaction go a round before its marker begins to count
    // down; 7's empty batch at 9 is its newest with data and stays.
    assert_int_equal(compact(b, 5000).op.result, OK);
    assert_string_equal(show(b), "[0-3 0:a=1 3:d=1][4-4][5-6T 5:b=2 6:c=2][7-7T 7:ABORT][8-8T 8:COMMIT][9-9T]"
                                 "[10-10T 10:e=2][11-11T 11:COMMIT][12-12T 12:COMMIT][13-13 13:z=1]");
    b->options.segment_bytes = 400;
    plog_configure(b->plog, &b->options);
    put(b,
        "y=1 x=1 w=1 v=1 u=1 t=1 s=1 r=1 q=1 p=1 o=1 n=1 m=1 l=1 k=1 j=1 i=1 h=1 g=1 f=1 e=3 d=3 c=3 b=3 a=3 Z=3 Y=3");
    put(b, "z=2");
    assert_int_equal(compact(b, 6000).op.result, OK);
    assert_non_null(strstr(show(b), "[7-7T~ 7:ABORT]"));
    assert_null(strstr(show(b), "[8-8T~"));
    bench_free(b);
}

// Key by key what a reader of committed records ends up with.
static const char *committed(struct bench *b)
{
    char values[256] = {0};
    struct text bytes = {0}, out = {0};
    struct txn_search search;
    struct aborted_txns aborted = {0};
    txn_search_init(&search, b->plog, 0, true);
    assert_int_equal(txn_search_open(&search, bench_fs(b), TEST_DIR "/t-0"), OK);
    assert_int_equal(txn_search_collect(&search, true, 0, INT64_MAX, &aborted), OK);
    txn_search_deinit(&search);
    bench_read_all(b, plog_log_start(b->plog), &bytes);
    struct batch_iter it = batch_iter(text_slice(&bytes));
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        const struct batch_header *h = &batch.header;
        bool is_shown = !batch_is_control(h);
        for (size_t i = 0; i < aborted.count && batch_is_transactional(h); i++) {
            const struct aborted_txn *txn = &aborted.items[i];
            if (txn->producer_id == h->producer_id && txn->first_offset <= h->base_offset &&
                h->base_offset < txn->last_offset)
                is_shown = false;
        }
        struct text scratch = {0};
        struct slice body;
        assert_int_equal(batch_body(&batch, 1 << 20, &scratch, &body), OK);
        struct record_iter records = record_iter(h, body);
        struct record r;
        while (is_shown && record_next(&records, &r))
            if (!slice_is_null(r.key)) values[r.key.data[0]] = (char)(slice_is_null(r.value) ? 0 : r.value.data[0]);
        text_deinit(&scratch);
    }
    for (int key = 0; key < 256; key++)
        if (values[key] != 0) text_printf(&out, "%c=%c ", key, values[key]);
    const char *kept = arena_printf(&b->arena, "%s", text_cstr(&out));
    aborted_txns_deinit(&aborted);
    text_deinit(&bytes);
    text_deinit(&out);
    return kept;
}

static void put_random(struct bench *b, uint64_t *random, int32_t sequences[4], bool open[4])
{
    char words[32] = "";
    *random = *random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t r = *random >> 20;
    int count = 1 + (int)(r % 3), producer = (int)(r / 3 % 6);
    for (int i = 0; i < count; i++) {
        uint64_t k = r >> (8 + 6 * i);
        char key = (char)('a' + k % 8);
        size_t at = strlen(words);
        if (k % 5 == 0)
            snprintf(words + at, sizeof(words) - at, "%c! ", key);
        else
            snprintf(words + at, sizeof(words) - at, "%c=%c ", key, (char)('0' + k % 47));
    }
    if (producer >= 4) {
        put(b, words);
    } else if (open[producer] && r % 7 < 3) {
        put_marker(b, 7 + producer, r % 2 == 0 ? CONTROL_ABORT : CONTROL_COMMIT);
        open[producer] = false;
    } else {
        put_txn(b, 7 + producer, sequences[producer], words);
        sequences[producer] += count;
        open[producer] = true;
    }
}

static void readers_of_committed_records_see_no_difference(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct bench *b = bench_new(2000 + seed);
        uint64_t random = seed;
        int32_t sequences[4] = {0};
        bool open[4] = {0};
        b->options.segment_bytes = 90 + (int32_t)(seed * 37 % 700);
        bench_create(b);
        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < 25; i++) put_random(b, &random, sequences, open);
            const char *before = committed(b);
            enum err e = compact_at(b, 5000 + round * 600, seed % 3 == 0 ? 24 * 6 : 1 << 16).op.result;
            assert_true(e == OK || e == ERR_BUSY);
            assert_string_equal(committed(b), before);
            if (round % 2 == 0)
                bench_reopen_clean(b);
            else
                bench_crash(b, SIM_POWER_CUT);
            if (round % 2 == 1) bench_load(b);
            assert_string_equal(committed(b), before);
        }
        bench_free(b);
    }
}

static void a_checkpoint_above_the_end_says_nothing(void **state)
{
    (void)state;
    struct bench *b = bench_of_batches(74);
    put(b, "a=1 b=1");
    put(b, "a=2 c=1");
    put(b, "z=1");
    bench_crash(b, SIM_POWER_CUT);
    b->closed.cleaned_to = 7; // stored before the log was emptied, which a crash kept from being stored
    bench_load(b);
    put(b, "y=1");
    put(b, "x=1");
    put(b, "w=1");
    put(b, "v=1"); // the log ends at 9: above 7, which was never true of it
    assert_int_equal(compact(b, 5000).op.result, OK);
    assert_string_equal(show(b), "[0-1 1:b=1][2-3 2:a=2 3:c=1][4-4 4:z=1][5-5 5:y=1][6-6 6:x=1][7-7 7:w=1][8-8 8:v=1]");
    bench_free(b);
}

static void a_pace_is_kept_and_waiting_ends_with_the_log(void **state)
{
    (void)state;
    struct bench *b = bench_new(77);
    b->options.segment_bytes = 100000;
    b->options.file_delete_delay_ms = 0; // else the old files' minute counts too
    bench_create(b);
    for (int i = 0; i < 60; i++) bench_append(b, (struct test_batch){.value_bytes = 20000, .timestamp = 100});
    struct round round = {.op = {.op = {.done = round_done},
                                 .limits = {.max_lag_ms = INT64_MAX},
                                 .map_bytes_max = 1 << 16,
                                 .map_load_factor = 0.9,
                                 .io_bytes = 1 << 16,
                                 .bytes_per_s = 500000,
                                 .wall_ms = 5000}};
    int64_t from_ns = sim_now_ns(b->sim), size = plog_size_bytes(b->plog);
    plog_compact(b->plog, &round.op);
    bench_idle(b);
    assert_int_equal(round.op.op.result, OK);
    double took_s = (double)(sim_now_ns(b->sim) - from_ns) / 1e9, due_s = 2.0 * (double)size / 500000;
    assert_true(took_s > due_s * 0.8 && took_s < due_s * 1.2); // read twice, and nothing left to write
    for (int i = 0; i < 60; i++) bench_append(b, (struct test_batch){.value_bytes = 20000, .timestamp = 100});
    round.op.bytes_per_s = 1;
    round.is_done = false;
    plog_compact(b->plog, &round.op);
    from_ns = sim_now_ns(b->sim);
    while (sim_now_ns(b->sim) - from_ns < INT64_C(1000000000) && sim_step(b->sim)) {
    }
    assert_false(round.is_done);
    bench_reopen_clean(b);
    assert_true(round.is_done);
    assert_int_equal(round.op.op.result, ERR_BUSY);
    bench_free(b);
}

static void a_map_for_no_key_makes_a_log_uncleanable(void **state)
{
    (void)state;
    struct bench *b = bench_of_batches(78);
    put(b, "a=1");
    put(b, "a=2");
    put(b, "z=1");
    assert_int_equal(compact_at(b, 5000, 24).op.result, ERR_BUSY);
    assert_true(b->plog->is_uncleanable);
    assert_int_equal(compact(b, 5000).op.result, ERR_BUSY);
    bench_free(b);
}

static void lags_are_respected(void **state)
{
    (void)state;
    struct bench *b = bench_of_batches(75);
    put(b, "a=1");
    put(b, "a=2");
    put(b, "z=1");
    struct plog_dirtiness dirtiness;
    plog_dirtiness(b->plog, &(struct plog_compact_limits){.min_lag_ms = 51, .max_lag_ms = INT64_MAX}, 150, &dirtiness);
    assert_true(dirtiness.ratio == 0);
    plog_dirtiness(b->plog, &(struct plog_compact_limits){.min_lag_ms = 50, .max_lag_ms = 51}, 151, &dirtiness);
    assert_true(dirtiness.ratio == 1 && !dirtiness.is_overdue);
    plog_dirtiness(b->plog, &(struct plog_compact_limits){.max_lag_ms = 51}, 152, &dirtiness);
    assert_true(dirtiness.is_overdue);
    bench_free(b);
}

static void lags_are_looked_up_after_a_restart(void **state)
{
    (void)state;
    struct plog_compact_limits limits = {.min_lag_ms = 50, .max_lag_ms = 51};
    struct plog_dirtiness dirtiness;
    struct bench *b = bench_of_batches(79);
    put(b, "a=1");
    put(b, "a=2");
    put(b, "z=1");
    bench_reopen_clean(b);
    plog_dirtiness(b->plog, &limits, 152, &dirtiness);
    assert_true(dirtiness.ratio == 0); // not known yet
    bench_idle(b);
    plog_dirtiness(b->plog, &limits, 149, &dirtiness);
    assert_true(dirtiness.ratio == 0);
    plog_dirtiness(b->plog, &limits, 152, &dirtiness);
    assert_true(dirtiness.ratio == 1 && dirtiness.is_overdue);
    bench_free(b);
}

struct cut {
    struct bench *bench;
    struct round round;
};

static void begin_round(void *context)
{
    struct cut *cut = context;
    plog_compact(cut->bench->plog, &cut->round.op);
}

// False: the round ended before the call at which the power was to go.
static bool power_goes(struct bench *b, int at, int64_t recovery_point)
{
    struct cut cut = {.bench = b,
                      .round = {.op = {.op = {.done = round_done},
                                       .limits = {.max_lag_ms = INT64_MAX},
                                       .delete_retention_ms = 1000,
                                       .map_bytes_max = 1 << 16,
                                       .map_load_factor = 0.9,
                                       .io_bytes = 1 << 16,
                                       .bytes_per_s = INT64_MAX,
                                       .wall_ms = 5000}}};
    struct fs *dead = bench_fs(b);
    sim_crash_at_call(b->node, SIM_CALL_ANY, at, SIM_POWER_CUT);
    if (sim_node_call(b->node, begin_round, &cut)) bench_idle(b);
    bool was_cut = !sim_node_is_up(b->node);
    sim_crash_at_call(b->node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
    if (!was_cut) sim_node_crash(b->node, SIM_POWER_CUT);
    bench_bury(b, dead);
    b->closed.recovery_point = recovery_point;
    return was_cut;
}

// Cut at every call of a round, in every way the disk may lie about unsynced pages.
static void a_power_cut_changes_nothing_a_reader_sees(void **state)
{
    (void)state;
    int cuts = 0;
    for (int at = 1;; at++) {
        struct bench *b = bench_of_batches(1000 + (uint64_t)at);
        put(b, "a=1 b=1");
        put(b, "a=2 c=1");
        put(b, "b=2");
        put(b, "z=1");
        bool was_cut = power_goes(b, at, 0);
        bench_load(b);
        const char *found = show(b);
        bool is_old = strcmp(found, "[0-1 0:a=1 1:b=1][2-3 2:a=2 3:c=1][4-4 4:b=2][5-5 5:z=1]") == 0;
        bool is_new = strcmp(found, "[0-1][2-3 2:a=2 3:c=1][4-4 4:b=2][5-5 5:z=1]") == 0;
        if (!is_old && !is_new) fail_msg("cut at call %d: %s", at, found);
        assert_int_equal(plog_published_end(b->plog), 6);
        bench_free(b);
        if (!was_cut) break;
        cuts++;
    }
    assert_true(cuts > 15);
}

// All segments become one, and the aborted transaction's list goes with them.
static void a_power_cut_shows_no_aborted_record(void **state)
{
    (void)state;
    int cuts = 0, old = 0;
    bool was_cut = true;
    for (int at = 1; was_cut; at++) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            struct bench *b = bench_of_transactions(3000 + (uint64_t)at * 4 + seed);
            struct plog_checkpoint checkpoint;
            b->options.segment_bytes = 1 << 20;
            plog_configure(b->plog, &b->options);
            plog_checkpoint(b->plog, &checkpoint);
            was_cut = power_goes(b, at, seed % 2 == 0 ? 0 : checkpoint.recovery_point);
            bench_load(b);
            if (strstr(show(b), "4:a=2") != NULL) old++;
            assert_string_equal(committed(b), "a=1 b=2 c=2 d=1 e=2 z=1 ");
            assert_int_equal(plog_published_end(b->plog), 14);
            assert_true(plog_segment_count(b->plog) == 2 || plog_segment_count(b->plog) == 10);
            bench_free(b);
            cuts += was_cut;
        }
    }
    assert_true(cuts > 100 && old > 20 && old < cuts);
}

static void raise_start(void *context)
{
    struct bench *b = context;
    assert_int_equal(plog_set_log_start(b->plog, plog_published_end(b->plog) - 1), OK);
}

// The segment that holds an aborted transaction and says so leaves: as a whole, or not at all.
static void a_power_cut_while_segments_leave_shows_no_aborted_record(void **state)
{
    (void)state;
    int cuts = 0, old = 0;
    bool was_cut = true;
    for (int at = 1; was_cut; at++) {
        was_cut = false;
        for (uint64_t seed = 0; seed < 16; seed++) {
            struct bench *b = bench_new(5000 + (uint64_t)at * 16 + seed);
            b->options.segment_bytes = 300;
            bench_create(b);
            put(b, "a=1");
            put_txn(b, 7, 0, "a=2");
            put_marker(b, 7, CONTROL_ABORT);
            for (int i = 0; i < 8; i++) put(b, "z=1");
            struct plog_checkpoint checkpoint;
            plog_checkpoint(b->plog, &checkpoint);
            struct fs *dead = bench_fs(b);
            sim_crash_at_call(b->node, seed % 2 == 0 ? SIM_CALL_RENAME : SIM_CALL_SYNC_DIR, at, SIM_POWER_CUT);
            if (sim_node_call(b->node, raise_start, b)) bench_idle(b);
            bool is_down = !sim_node_is_up(b->node);
            sim_crash_at_call(b->node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
            if (!is_down) sim_node_crash(b->node, SIM_POWER_CUT);
            bench_bury(b, dead);
            b->closed = checkpoint; // what is below is trusted
            bench_load(b);
            bool is_old = plog_log_start(b->plog) == 0;
            assert_string_equal(committed(b), is_old ? "a=1 z=1 " : "z=1 ");
            bench_free(b);
            old += is_old;
            cuts += is_down;
            was_cut = was_cut || is_down;
        }
    }
    assert_true(cuts > 50 && old > 5 && old < cuts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_of_each_key_stays),
        cmocka_unit_test(a_tombstone_goes_after_its_time),
        cmocka_unit_test(producers_keep_their_newest_batch),
        cmocka_unit_test(a_full_map_takes_several_rounds),
        cmocka_unit_test(aborted_transactions_go_and_then_their_markers),
        cmocka_unit_test(readers_of_committed_records_see_no_difference),
        cmocka_unit_test(a_checkpoint_above_the_end_says_nothing),
        cmocka_unit_test(a_pace_is_kept_and_waiting_ends_with_the_log),
        cmocka_unit_test(a_map_for_no_key_makes_a_log_uncleanable),
        cmocka_unit_test(lags_are_looked_up_after_a_restart),
        cmocka_unit_test(lags_are_respected),
        cmocka_unit_test(a_power_cut_changes_nothing_a_reader_sees),
        cmocka_unit_test(a_power_cut_shows_no_aborted_record),
        cmocka_unit_test(a_power_cut_while_segments_leave_shows_no_aborted_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
