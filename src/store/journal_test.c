// SPDX-License-Identifier: Apache-2.0
// The journal: bytes of the ring, what counts in one that was torn, what a ring does when it is full, what comes back.
// Power cuts at every call are store_cut_test.c's.
#include "base/bytes.h"
#include "store/journal.h"
#include "store/test_util.h"

enum { RING = 16 * 1024 };
#define RING_PATH TEST_DIR "/" JOURNAL_DIR "/0" JOURNAL_SUFFIX

static const struct uuid topic_id = {.bytes = {[15] = 7}};

// ---- rings made by hand ----

struct maker {
    struct text bytes; // the whole file
    struct ring_header header;
    int64_t head;
};

static void maker_init(struct maker *m, int64_t size, int64_t tail)
{
    *m = (struct maker){.header = {.generation = 5, .sequence = 2, .size = size, .tail = tail}, .head = tail};
    memset(text_reserve(&m->bytes, (size_t)(RING_DATA_AT + size)), 0, (size_t)(RING_DATA_AT + size));
    text_grew(&m->bytes, (size_t)(RING_DATA_AT + size));
    ring_header_format(&m->header, m->bytes.data);
}

static void maker_put(struct maker *m, struct ring_entry entry, struct slice batches)
{
    uint8_t head[ENTRY_HEAD_SIZE + TOPIC_MAX];
    struct iovec part = {.iov_base = (void *)(uintptr_t)batches.data, .iov_len = batches.size};
    entry.generation = m->header.generation;
    entry.position = m->head;
    entry.size = (uint32_t)batches.size;
    int64_t space = ring_entry_space(entry.topic.size, entry.size);
    int64_t left = m->header.size - m->head % m->header.size;
    if (space > left) {
        struct ring_entry wrap = {.kind = JOURNAL_WRAP, .generation = entry.generation, .position = m->head};
        ring_entry_format(&wrap, NULL, 0, head);
        if (left >= ENTRY_HEAD_SIZE)
            memcpy(m->bytes.data + RING_DATA_AT + m->head % m->header.size, head, ENTRY_HEAD_SIZE);
        m->head += left;
        entry.position = m->head;
    }
    uint8_t *at = m->bytes.data + RING_DATA_AT + m->head % m->header.size;
    ring_entry_format(&entry, &part, batches.size > 0 ? 1 : 0, head);
    memcpy(at, head, ENTRY_HEAD_SIZE + entry.topic.size);
    if (batches.size > 0) memcpy(at + ENTRY_HEAD_SIZE + entry.topic.size, batches.data, batches.size);
    m->head += space;
}

static struct ring_entry entry_of(enum journal_kind kind, int64_t offset)
{
    return (struct ring_entry){
        .kind = kind, .topic_id = topic_id, .topic = SLICE("t"), .leader_epoch = -1, .offset = offset};
}

// One batch of `count` records; `value_bytes` makes it one of its own kind.
static void batch_of(struct text *out, int64_t base, int count, int value_bytes)
{
    text_clear(out);
    test_batch_build(
        out, &(struct test_batch){.count = count, .timestamp = 1000, .value_bytes = value_bytes, .base_offset = base});
}

static void put_append(struct maker *m, int64_t base, int count, int value_bytes, int64_t segment)
{
    struct text batch = {0};
    struct ring_entry entry = entry_of(JOURNAL_APPEND, base);
    batch_of(&batch, base, count, value_bytes);
    entry.end_offset = base + count;
    entry.segment_base = segment;
    maker_put(m, entry, text_slice(&batch));
    text_deinit(&batch);
}

static void put_note(struct maker *m, enum journal_kind kind, int64_t offset)
{
    maker_put(m, entry_of(kind, offset), slice_of("", 0));
}

static void store_ring(struct bench *b, const struct maker *m)
{
    enum err e = fs_mkdir(bench_fs(b), TEST_DIR "/" JOURNAL_DIR);
    assert_true(e == OK || e == ERR_EXISTS);
    assert_int_equal(file_write_synced(bench_fs(b), RING_PATH, text_slice(&m->bytes)), OK);
    assert_int_equal(fs_sync_dir(bench_fs(b), TEST_DIR "/" JOURNAL_DIR), OK);
    assert_int_equal(fs_sync_dir(bench_fs(b), TEST_DIR), OK);
}

// "APPEND 0-2" and the like of what counts.
static const char *show_ring(struct bench *b)
{
    static const char *const names[] = {"", "WRAP", "APPEND", "TRUNCATE", "LOG_START", "DROP"};
    struct ring_walk walk;
    struct ring_entry entry;
    struct text shown = {0};
    struct file *file;
    assert_int_equal(fs_open(bench_fs(b), RING_PATH, FILE_READ, &file), OK);
    assert_int_equal(ring_walk_init(&walk, file), OK);
    while (ring_walk_next(&walk, &entry)) {
        assert_true(slice_eq_str(entry.topic, "t") && uuid_eq(entry.topic_id, topic_id));
        text_printf(&shown, "%s%s %" PRId64, shown.size > 0 ? ", " : "", names[entry.kind], entry.offset);
        if (entry.kind == JOURNAL_APPEND) text_printf(&shown, "-%" PRId64, entry.end_offset);
    }
    assert_int_equal(walk.err, OK);
    ring_walk_deinit(&walk);
    file_unref(file);
    const char *result = arena_str(&b->arena, text_slice(&shown));
    text_deinit(&shown);
    return result;
}

// ---- the format ----

static void header_and_entry_have_the_bytes_of_the_specification(void **state)
{
    static const uint8_t header[RING_HEADER_SIZE] = {
        'O', 'D', 'R', 'J', 'R', 'N', 'L', '1', 0x50, 0xdd, 0xa1, 0x57, 0, 0, 0,    0, 0, 0, 0, 0, 0, 0, 0,    3,
        0,   0,   0,   0,   0,   0,   0,   9,   0,    0,    0,    0,    0, 0, 0x40, 0, 0, 0, 0, 0, 0, 0, 0x12, 0x38};
    uint8_t made[ENTRY_HEAD_SIZE + 5];
    (void)state;
    ring_header_format(&(struct ring_header){.generation = 3, .sequence = 9, .size = 0x4000, .tail = 0x1238}, made);
    assert_memory_equal(made, header, 8);
    assert_memory_equal(made + 12, header + 12, RING_HEADER_SIZE - 12);
    struct iovec part = {.iov_base = (void *)(uintptr_t) "batches", .iov_len = 7};
    struct ring_entry entry = {.kind = JOURNAL_APPEND,
                               .generation = 3,
                               .position = 0x1240,
                               .topic_id = topic_id,
                               .topic = SLICE("topic"),
                               .partition = 11,
                               .leader_epoch = 4,
                               .offset = 20,
                               .end_offset = 25,
                               .segment_base = 18,
                               .size = 7};
    ring_entry_format(&entry, &part, 1, made);
    assert_memory_equal(made, "OJE1", 4);
    assert_int_equal(load_u64(made + 8), 3);
    assert_int_equal(load_i64(made + 16), 0x1240);
    assert_int_equal(load_u32(made + 24), 7);
    assert_int_equal(load_u16(made + 28), 5);
    assert_int_equal(made[30], 2);
    assert_memory_equal(made + 32, topic_id.bytes, 16);
    assert_int_equal(load_i32(made + 48), 11);
    assert_int_equal(load_i32(made + 52), 4);
    assert_int_equal(load_i64(made + 56), 20);
    assert_int_equal(load_i64(made + 64), 25);
    assert_int_equal(load_i64(made + 72), 18);
    assert_memory_equal(made + 80, "topic", 5);
    assert_int_equal(ring_entry_space(5, 7), 96);
}

static void the_newer_whole_header_counts(void **state)
{
    struct bench *b = bench_new(1);
    struct maker m;
    struct ring_header header;
    struct file *file;
    (void)state;
    maker_init(&m, RING, 64);
    struct ring_header newer = m.header;
    newer.sequence = 3;
    newer.tail = 128;
    ring_header_format(&newer, m.bytes.data + ring_header_at(3));
    store_ring(b, &m);
    assert_int_equal(fs_open(bench_fs(b), RING_PATH, FILE_READ, &file), OK);
    assert_int_equal(ring_header_read(file, &header), OK);
    assert_int_equal(header.tail, 128);
    assert_int_equal(sim_corrupt(b->node, RING_PATH, RING_BLOCK_SIZE + 47, 1), OK); // torn: the older one is there
    assert_int_equal(ring_header_read(file, &header), OK);
    assert_int_equal(header.tail, 64);
    assert_int_equal(sim_corrupt(b->node, RING_PATH, 20, 1), OK);
    assert_int_equal(ring_header_read(file, &header), ERR_CORRUPT);
    file_unref(file);
    text_deinit(&m.bytes);
    bench_free(b);
}

static void a_torn_entry_at_any_byte_is_the_end(void **state)
{
    struct bench *b = bench_new(2);
    struct maker m;
    (void)state;
    maker_init(&m, RING, 0);
    put_append(&m, 0, 2, 10, 0);
    put_note(&m, JOURNAL_LOG_START, 1);
    int64_t from = m.head;
    put_append(&m, 2, 1, 10, 0);
    int64_t end = m.head;
    put_append(&m, 3, 1, 10, 0); // whole, behind a torn one: was not synced either
    store_ring(b, &m);
    assert_string_equal(show_ring(b), "APPEND 0-2, LOG_START 1, APPEND 2-3, APPEND 3-4");
    int64_t padding = ENTRY_ALIGN - 1; // is not covered
    for (int64_t at = from; at < end - padding; at++) {
        assert_int_equal(sim_corrupt(b->node, RING_PATH, RING_DATA_AT + at, 0x40), OK);
        assert_string_equal(show_ring(b), "APPEND 0-2, LOG_START 1");
        assert_int_equal(sim_corrupt(b->node, RING_PATH, RING_DATA_AT + at, 0x40), OK);
    }
    text_deinit(&m.bytes);
    bench_free(b);
}

static void entries_go_round_the_ring(void **state)
{
    struct bench *b = bench_new(3);
    (void)state;
    for (int64_t tail = RING_BLOCK_SIZE - 400; tail < RING_BLOCK_SIZE; tail += ENTRY_ALIGN) {
        struct maker m;
        maker_init(&m, RING_BLOCK_SIZE, 7 * RING_BLOCK_SIZE + tail);
        for (int i = 0; i < 3; i++) put_append(&m, i, 1, 100, 0);
        store_ring(b, &m);
        assert_string_equal(show_ring(b), "APPEND 0-1, APPEND 1-2, APPEND 2-3");
        // The same bytes in an earlier lap or generation are no entries.
        struct ring_header other = m.header;
        other.tail -= RING_BLOCK_SIZE;
        ring_header_format(&other, m.bytes.data);
        store_ring(b, &m);
        assert_string_equal(show_ring(b), "");
        other = m.header;
        other.generation++;
        ring_header_format(&other, m.bytes.data);
        store_ring(b, &m);
        assert_string_equal(show_ring(b), "");
        text_deinit(&m.bytes);
    }
    bench_free(b);
}

// ---- what comes back ----

// The directory is closed, gets this ring, and is opened again.
static void reopen_with(struct bench *b, struct maker *m)
{
    assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    store_ring(b, m);
    text_deinit(&m->bytes);
    bench_open_dir(b);
}

static void settle(struct bench *b)
{
    struct logdir_replay replayed;
    struct file_stat stat;
    assert_int_equal(logdir_settle_journal(bench_fs(b), b->dir, &replayed), OK);
    assert_false(logdir_has_pending_journal(b->dir));
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/" JOURNAL_DIR, &stat), ERR_NOT_FOUND);
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/" JOURNAL_PARKED "0", &stat), OK);
}

// A log with batches 0x2 2x2 4x2, of 10 bytes each, not attached.
static struct bench *bench_with_log(int batches)
{
    struct bench *b = bench_new(4);
    bench_create(b);
    for (int i = 0; i < batches; i++) {
        struct text bytes = {0};
        batch_of(&bytes, 2 * i, 2, 10);
        assert_int_equal(bench_submit_bytes(b, &bytes, PLOG_REPLICA, 0, NULL), OK);
        bench_idle(b);
    }
    bench_close(b);
    return b;
}

static void missing_batches_are_appended_and_present_ones_compared(void **state)
{
    struct bench *b = bench_with_log(3);
    struct maker m;
    (void)state;
    maker_init(&m, RING, 0);
    put_append(&m, 2, 2, 10, 0);
    put_append(&m, 4, 2, 10, 0);
    put_append(&m, 6, 3, 10, 0);
    put_append(&m, 9, 1, 10, 9); // in a segment that was lost
    reopen_with(b, &m);
    assert_true(logdir_journal_has(b->dir, topic_id, SLICE("t"), 0));
    assert_false(logdir_journal_has(b->dir, topic_id, SLICE("t"), 1));
    bench_load(b);
    assert_string_equal(bench_show(b, 0), "0x2 2x2 4x2 6x3 9x1");
    assert_int_equal(plog_durable_end(b->plog), 10);
    assert_int_equal(plog_segment_count(b->plog), 2);
    assert_true(strstr(bench_files(b), "00000000000000000009.log") != NULL);
    // Once more, as if the node had died before the journal was set aside.
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    assert_string_equal(bench_show(b, 0), "0x2 2x2 4x2 6x3 9x1");
    settle(b);
    bench_free(b);
}

static void an_entry_of_several_batches_is_judged_by_batch(void **state)
{
    struct bench *b = bench_with_log(2);
    struct maker m;
    struct text batches = {0};
    struct text one = {0};
    struct ring_entry entry = entry_of(JOURNAL_APPEND, 2);
    (void)state;
    for (int i = 1; i < 5; i++) {
        batch_of(&one, 2 * i, 2, 10);
        text_add(&batches, text_slice(&one));
    }
    entry.end_offset = 10;
    maker_init(&m, RING, 0);
    maker_put(&m, entry, text_slice(&batches));
    put_note(&m, JOURNAL_TRUNCATE, 9); // in the middle of the last one
    put_append(&m, 8, 1, 30, 0);
    reopen_with(b, &m);
    bench_load(b);
    assert_string_equal(bench_show(b, 0), "0x2 2x2 4x2 6x2 8x1");
    text_deinit(&batches);
    text_deinit(&one);
    settle(b);
    bench_free(b);
}

static void notes_void_what_is_before_them(void **state)
{
    static const struct {
        enum journal_kind kind;
        int64_t offset;
        const char *log;
    } cases[] = {
        {JOURNAL_TRUNCATE, 8, "0x2 2x2 4x2 6x2 8x3"},
        {JOURNAL_TRUNCATE, 6, "0x2 2x2 4x2"}, // the one behind continues what is void
        {JOURNAL_TRUNCATE, -1, "0x2 2x2 4x2"},
        {JOURNAL_DROP, 0, "0x2 2x2 4x2"},
        {JOURNAL_LOG_START, 8, "0x2 2x2 4x2 6x2 8x2"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bench *b = bench_with_log(3);
        struct maker m;
        maker_init(&m, RING, 0);
        put_append(&m, 6, 2, 10, 0);
        put_append(&m, 8, 2, 10, 0);
        put_note(&m, cases[i].kind, cases[i].offset);
        if (i == 0) put_append(&m, 8, 3, 20, 0);
        reopen_with(b, &m);
        bench_load(b);
        bool is_start = cases[i].kind == JOURNAL_LOG_START;
        assert_int_equal(plog_log_start(b->plog), is_start ? 8 : 0);
        assert_string_equal(bench_show(b, is_start ? 8 : 0), is_start ? "8x2" : cases[i].log);
        settle(b);
        bench_free(b);
    }
}

static void what_does_not_fit_keeps_one_partition_offline(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct bench *b = bench_with_log(2);
        struct maker m;
        struct logdir_replay replayed;
        maker_init(&m, RING, 0);
        if (i == 0) put_append(&m, 6, 2, 10, 0); // something synced is missing
        if (i == 1) put_append(&m, 2, 2, 11, 0); // other bytes
        if (i == 2) put_append(&m, 3, 5, 10, 0); // across the end
        reopen_with(b, &m);
        assert_int_equal(bench_try_load(b), ERR_KAFKA_STORAGE_ERROR);
        b->plog = NULL;
        assert_false(logdir_is_offline(b->dir));
        assert_int_equal(logdir_settle_journal(bench_fs(b), b->dir, &replayed), OK);
        assert_int_equal(replayed.failed_partitions, 1);
        assert_true(logdir_has_pending_journal(b->dir)); // kept, whatever stops cleanly
        assert_int_equal(logdir_close(bench_fs(b), b->dir, true, 1), OK);
        b->dir = NULL;
        assert_string_equal(show_ring(b), i == 0 ? "APPEND 6-8" : i == 1 ? "APPEND 2-4" : "APPEND 3-8");
        bench_free(b);
    }
}

static void other_topics_and_closed_segments_are_left_alone(void **state)
{
    struct bench *b = bench_new(5);
    struct maker m;
    (void)state;
    b->options.segment_bytes = 200;
    bench_create(b);
    for (int i = 0; i < 4; i++) bench_append(b, (struct test_batch){.count = 2, .timestamp = 1000, .value_bytes = 60});
    bench_close(b);
    maker_init(&m, RING, 0);
    put_append(&m, 0, 2, 7, 0); // not what the first segment holds any more: it was compacted since
    struct ring_entry other = entry_of(JOURNAL_APPEND, 99);
    other.topic_id.bytes[0] = 1;
    maker_put(&m, other, SLICE("never looked at"));
    put_append(&m, 8, 1, 7, 6);
    reopen_with(b, &m);
    bench_load(b);
    assert_string_equal(bench_show(b, 0), "0x2 2x2 4x2 6x2 8x1");
    settle(b);
    bench_free(b);
}

static void a_damaged_header_refuses_the_directory(void **state)
{
    struct bench *b = bench_new(6);
    struct logdir_open_result result;
    struct maker m;
    (void)state;
    assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    b->dir = NULL;
    maker_init(&m, RING, 0);
    m.bytes.data[3] ^= 1;
    store_ring(b, &m);
    assert_int_equal(logdir_open(bench_fs(b), NULL, TEST_DIR, 1, topic_id, &b->arena, &result, &b->dir), ERR_CORRUPT);
    assert_true(strstr(result.problem, RING_PATH) != NULL);
    assert_true(strstr(result.problem, "move it away") != NULL);
    b->dir = NULL;
    text_deinit(&m.bytes);
    bench_free(b);
}

// ---- on the loop ----

static struct bench *bench_journalled(uint64_t seed, int64_t bytes)
{
    struct bench *b = bench_new(seed);
    logdir_use_journal(b->dir, bytes);
    b->dir->journal_demand = 1;
    bench_create(b);
    bench_append(b, (struct test_batch){.timestamp = 1});
    assert_int_equal(b->dir->journals[0]->state, JOURNAL_READY);
    return b;
}

static void a_process_that_dies_leaves_a_journal_that_counts(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct bench *b = bench_journalled(seed, RING);
        for (int i = 0; i < 5; i++) bench_append(b, (struct test_batch){.count = 2, .timestamp = 2 + i});
        assert_int_equal(plog_durable_end(b->plog), 11);
        assert_int_equal(b->plog->flushed.offset, 1); // of its own file
        bench_crash(b, SIM_POWER_CUT);
        assert_true(logdir_has_pending_journal(b->dir));
        bench_load(b);
        assert_string_equal(bench_show(b, 0), "0x1 1x2 3x2 5x2 7x2 9x2");
        settle(b);
        bench_free(b);
    }
}

static void a_full_ring_lets_appends_wait_and_loses_none(void **state)
{
    struct bench *b = bench_journalled(7, RING);
    (void)state;
    const struct journal *j = b->dir->journals[0];
    bool was_blocked = false;
    b->appends_done = 0;
    for (int i = 0; i < 200; i++) {
        struct test_batch batch = {.timestamp = 1000 + i, .value_bytes = 900 + i};
        assert_int_equal(bench_submit(b, &batch, NULL), OK);
    }
    while (sim_step(b->sim)) {
        was_blocked = was_blocked || j->is_blocked;
        assert_true(j->head - j->header.tail <= j->header.size);
        assert_true(plog_durable_end(b->plog) <= plog_published_end(b->plog));
    }
    assert_true(was_blocked);
    assert_int_equal(b->appends_done, 200);
    assert_int_equal(b->last_result, OK);
    assert_int_equal(plog_durable_end(b->plog), 201);
    assert_true(j->head > 10 * j->header.size);
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    assert_int_equal(plog_published_end(b->plog), 201);
    settle(b);
    bench_free(b);
}

static void large_appends_go_to_the_segment_alone(void **state)
{
    struct bench *b = bench_journalled(8, 64 * 1024); // entries of at most 8 KiB
    const struct journal *j = b->dir->journals[0];
    (void)state;
    int64_t head = j->head;
    bench_append(b, (struct test_batch){.timestamp = 2, .value_bytes = 9000});
    assert_int_equal(j->head, head);
    assert_int_equal(plog_durable_end(b->plog), 2);
    assert_int_equal(b->plog->flushed.offset, 2);
    // A small one right behind a large one is not journalled before that is on disk.
    for (int i = 0; i < 8; i++) {
        struct test_batch batch = {.timestamp = 3 + i, .value_bytes = i % 2 == 0 ? 9000 : 50};
        assert_int_equal(bench_submit(b, &batch, NULL), OK);
        sim_step(b->sim);
    }
    while (sim_step(b->sim)) assert_true(j->head == head || b->plog->flushed.offset >= 3);
    assert_int_equal(plog_durable_end(b->plog), 10);
    bench_crash(b, SIM_POWER_CUT);
    bench_load(b);
    assert_int_equal(plog_published_end(b->plog), 10);
    settle(b);
    bench_free(b);
}

static void page_cache_partitions_stay_out_of_it(void **state)
{
    struct bench *b = bench_journalled(9, RING);
    const struct journal *j = b->dir->journals[0];
    (void)state;
    struct plog_options options = b->options;
    int64_t head = j->head;
    options.durability = PLOG_PAGE_CACHE;
    plog_configure(b->plog, &options);
    for (int i = 0; i < 3; i++) bench_append(b, (struct test_batch){.timestamp = 2 + i});
    assert_int_equal(j->head, head);
    assert_int_equal(plog_durable_end(b->plog), 4);
    options.durability = PLOG_COMMIT;
    plog_configure(b->plog, &options);
    bench_idle(b);
    assert_int_equal(b->plog->flushed.offset, 4); // what only its file has is synced first
    bench_append(b, (struct test_batch){.timestamp = 9});
    assert_true(j->head > head);
    assert_int_equal(plog_durable_end(b->plog), 5);
    bench_free(b);
}

static void a_clean_stop_parks_the_ring_and_a_start_takes_it_back(void **state)
{
    struct bench *b = bench_journalled(10, RING);
    struct file_stat stat;
    (void)state;
    bench_append(b, (struct test_batch){.timestamp = 2});
    uint64_t generation = b->dir->journals[0]->header.generation;
    bench_close(b);
    assert_int_equal(logdir_close(bench_fs(b), b->dir, true, 5), OK);
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/" JOURNAL_DIR, &stat), ERR_NOT_FOUND);
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/" JOURNAL_PARKED "0", &stat), OK);
    bench_open_dir(b);
    logdir_use_journal(b->dir, RING);
    b->dir->journal_demand = 1;
    bench_load(b);
    bench_append(b, (struct test_batch){.timestamp = 3});
    assert_int_equal(b->dir->journals[0]->state, JOURNAL_READY);
    assert_int_equal(b->dir->journals[0]->header.generation, generation + 1);
    assert_string_equal(show_ring(b), "");
    bench_append(b, (struct test_batch){.timestamp = 4});
    assert_string_equal(show_ring(b), "APPEND 3-4");
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/" JOURNAL_PARKED "0", &stat), ERR_NOT_FOUND);
    bench_free(b);
}

static void truncation_and_deletion_are_written_down_first(void **state)
{
    struct bench *b = bench_journalled(11, RING);
    (void)state;
    for (int i = 0; i < 3; i++) bench_append(b, (struct test_batch){.timestamp = 2 + i});
    struct plog_op op = {.done = bench_op_done};
    plog_truncate_to(b->plog, 2, &op);
    bench_idle(b);
    assert_int_equal(b->result, OK);
    assert_string_equal(show_ring(b), "APPEND 1-2, APPEND 2-3, APPEND 3-4, TRUNCATE 2");
    bench_append(b, (struct test_batch){.timestamp = 7});
    assert_int_equal(plog_set_log_start(b->plog, 1), OK);
    bench_idle(b);
    op = (struct plog_op){.done = bench_op_done};
    plog_delete(b->plog, (struct uuid){.bytes = {1}}, &op);
    bench_idle(b);
    b->plog = NULL;
    assert_string_equal(show_ring(b),
                        "APPEND 1-2, APPEND 2-3, APPEND 3-4, TRUNCATE 2, APPEND 2-3, LOG_START 1, DROP 0");
    bench_free(b);
}

static void a_failed_write_or_sync_of_the_ring_takes_the_directory_offline(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct bench *b = bench_journalled(12, RING);
        struct test_batch batch = {.timestamp = 2};
        // The segment is written first, then the ring; only the ring is synced.
        sim_fail_at_call(b->node, i == 0 ? SIM_CALL_WRITE_RUN : SIM_CALL_SYNC, i == 0 ? 2 : 1, ERR_IO);
        assert_int_equal(bench_submit(b, &batch, NULL), OK);
        bench_idle(b);
        assert_true(b->has_failed && logdir_is_offline(b->dir));
        assert_int_equal(plog_durable_end(b->plog), 1);
        if (i == 0) assert_int_equal(b->last_result, ERR_KAFKA_STORAGE_ERROR);
        assert_int_equal(bench_submit(b, &batch, NULL), ERR_KAFKA_STORAGE_ERROR);
        bench_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_and_entry_have_the_bytes_of_the_specification),
        cmocka_unit_test(the_newer_whole_header_counts),
        cmocka_unit_test(a_torn_entry_at_any_byte_is_the_end),
        cmocka_unit_test(entries_go_round_the_ring),
        cmocka_unit_test(missing_batches_are_appended_and_present_ones_compared),
        cmocka_unit_test(an_entry_of_several_batches_is_judged_by_batch),
        cmocka_unit_test(notes_void_what_is_before_them),
        cmocka_unit_test(what_does_not_fit_keeps_one_partition_offline),
        cmocka_unit_test(other_topics_and_closed_segments_are_left_alone),
        cmocka_unit_test(a_damaged_header_refuses_the_directory),
        cmocka_unit_test(a_process_that_dies_leaves_a_journal_that_counts),
        cmocka_unit_test(a_full_ring_lets_appends_wait_and_loses_none),
        cmocka_unit_test(large_appends_go_to_the_segment_alone),
        cmocka_unit_test(page_cache_partitions_stay_out_of_it),
        cmocka_unit_test(a_clean_stop_parks_the_ring_and_a_start_takes_it_back),
        cmocka_unit_test(truncation_and_deletion_are_written_down_first),
        cmocka_unit_test(a_failed_write_or_sync_of_the_ring_takes_the_directory_offline),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
