// SPDX-License-Identifier: Apache-2.0
// Files of a log directory byte by byte, the producers' rules as a table, epochs, the directory's life.
#include "store/test_util.h"

static void hex(struct slice bytes, struct text *out)
{
    text_clear(out);
    for (size_t i = 0; i < bytes.size; i++) text_printf(out, "%02x", bytes.data[i]);
}

static void write_file(struct bench *b, const char *path, const char *content)
{
    assert_int_equal(file_write_synced(bench_fs(b), path, slice_str(content)), OK);
}

// ---- checkpoints ----

static void checkpoints_have_kafkas_form(void **state)
{
    struct bench *b = bench_new(1);
    struct text text = {0};
    struct checkpoint_entry *found;
    size_t count;
    (void)state;
    const struct checkpoint_entry entries[] = {{SLICE("b-c"), 3, 12}, {SLICE("a"), 0, 9223372036854775807}};
    assert_int_equal(checkpoint_store(bench_fs(b), TEST_DIR "/cp", entries, 2), OK);
    assert_int_equal(file_load(bench_fs(b), TEST_DIR "/cp", 1000, &text), OK);
    assert_string_equal(text_cstr(&text), "0\n2\nb-c 3 12\na 0 9223372036854775807\n");
    assert_int_equal(checkpoint_load(bench_fs(b), TEST_DIR "/cp", &b->arena, &found, &count), OK);
    assert_int_equal(count, 2);
    assert_true(slice_eq_str(found[0].topic, "b-c") && found[0].partition == 3 && found[0].offset == 12);
    assert_int_equal(found[1].offset, INT64_MAX);
    assert_int_equal(checkpoint_store(bench_fs(b), TEST_DIR "/cp", NULL, 0), OK);
    text_clear(&text);
    assert_int_equal(file_load(bench_fs(b), TEST_DIR "/cp", 1000, &text), OK);
    assert_string_equal(text_cstr(&text), "0\n0\n");
    text_deinit(&text);
    bench_free(b);
}

static void malformed_checkpoints_are_refused(void **state)
{
    static const struct {
        const char *content;
        enum err result;
    } cases[] = {
        {"", OK},
        {"0", OK},
        {"0\n", OK},
        {"0\n0\n", OK},
        {"0\n1\nt 0 5\n", OK},
        {"0\n1\nt 0 5", OK},
        {"0\n1\nt 0 -1\n", OK},
        {"1\n0\n", ERR_CORRUPT},
        {"x\n", ERR_CORRUPT},
        {"0\n2\nt 0 5\n", ERR_CORRUPT},
        {"0\n0\nt 0 5\n", ERR_CORRUPT},
        {"0\n1\nt 0\n", ERR_CORRUPT},
        {"0\n1\nt 0 5 6\n", ERR_CORRUPT},
        {"0\n1\nt x 5\n", ERR_CORRUPT},
        {"0\n1\nt 0 99999999999999999999\n", ERR_CORRUPT},
        {"0\n99999999\nt 0 5\n", ERR_CORRUPT},
        {"0\n1\n 0 5\n", ERR_CORRUPT},
        {"0\n-1\n", ERR_CORRUPT},
        {"0\n1\nt -1 5\n", ERR_CORRUPT},
        {"0\n\n", ERR_CORRUPT},
    };
    struct bench *b = bench_new(2);
    struct checkpoint_entry *found;
    size_t count;
    (void)state;
    assert_int_equal(checkpoint_load(bench_fs(b), TEST_DIR "/none", &b->arena, &found, &count), OK);
    assert_int_equal(count, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_file(b, TEST_DIR "/cp", cases[i].content);
        if (checkpoint_load(bench_fs(b), TEST_DIR "/cp", &b->arena, &found, &count) != cases[i].result)
            fail_msg("case %zu", i);
    }
    bench_free(b);
}

// ---- epochs ----

static const char *show_epochs(const struct epochs *epochs)
{
    static char shown[200];
    size_t at = 0;
    shown[0] = '\0';
    for (size_t i = 0; i < epochs->count; i++) {
        at += (size_t)snprintf(shown + at, sizeof(shown) - at, "%s%d@%d", i > 0 ? " " : "", epochs->entries[i].epoch,
                               (int)epochs->entries[i].start);
    }
    return shown;
}

static void epochs_follow_kafka(void **state)
{
    struct epochs e = {0};
    struct text text = {0};
    int32_t found;
    int64_t end;
    (void)state;
    assert_true(epochs_assign(&e, 3, 0));
    assert_false(epochs_assign(&e, 3, 2));
    assert_true(epochs_assign(&e, 4, 3));
    assert_true(epochs_assign(&e, 5, 5));
    assert_string_equal(show_epochs(&e), "3@0 4@3 5@5");
    epochs_format(&e, &text);
    assert_string_equal(text_cstr(&text), "0\n3\n3 0\n4 3\n5 5\n"); // A12
    static const struct {
        int32_t asked, found;
        int64_t end;
    } cases[] = {{2, 2, 0}, {3, 3, 3}, {4, 4, 5}, {5, 5, 9}, {6, -1, -1}, {-1, -1, -1}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        epochs_end_offset(&e, cases[i].asked, 9, &found, &end);
        assert_int_equal(found, cases[i].found);
        assert_int_equal(end, cases[i].end);
    }
    assert_int_equal(epochs_of(&e, 4), 4);
    assert_true(epochs_assign(&e, 7, 5)); // 5 never had a record
    assert_string_equal(show_epochs(&e), "3@0 4@3 7@5");
    assert_true(epochs_truncate_start(&e, 4));
    assert_string_equal(show_epochs(&e), "4@4 7@5");
    assert_false(epochs_truncate_start(&e, 4));
    assert_true(epochs_truncate_end(&e, 5));
    assert_string_equal(show_epochs(&e), "4@4");
    epochs_deinit(&e);
    static const char *const bad[] = {"1\n0\n",
                                      "0\n1\n",
                                      "0\n1\n3\n",
                                      "0\n1\n3 x\n",
                                      "0\n2\n3 0\n3 5\n",
                                      "0\n2\n3 5\n4 5\n",
                                      "0\n1\n3 0\n4 2\n",
                                      "0\n1\n99999999999 0\n",
                                      "x",
                                      "0\n1\n-1 0\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) assert_int_equal(epochs_parse(slice_str(bad[i]), &e), ERR_CORRUPT);
    assert_int_equal(epochs_parse(slice_str(""), &e), OK);
    text_deinit(&text);
}

// ---- producers ----

enum { MARKER_ABORT = -1, MARKER_COMMIT = -2, RESTART = -3 };

struct rule {
    const char *what;
    int64_t pid;
    int16_t epoch;
    int32_t sequence; // or one of the above; then `records` is the coordinator epoch
    int records;
    enum err result;
    int64_t duplicate_of; // base offset, -1 = none
    bool is_transactional;
};

static void run_rules(const struct rule *rules, size_t count)
{
    struct bench *b = bench_new(3);
    bench_create(b);
    for (size_t i = 0; i < count; i++) {
        const struct rule *r = &rules[i];
        struct text bytes = {0};
        struct plog_append out = {0};
        enum plog_origin origin = PLOG_CLIENT;
        if (r->sequence == RESTART) {
            bench_reopen_clean(b);
            continue;
        }
        if (r->sequence == MARKER_ABORT || r->sequence == MARKER_COMMIT) {
            origin = PLOG_COORDINATOR;
            batch_end_txn_marker(&bytes, 0, 0, 50, r->pid, r->epoch,
                                 r->sequence == MARKER_ABORT ? CONTROL_ABORT : CONTROL_COMMIT, r->records);
        } else {
            test_batch_build(&bytes, &(struct test_batch){.producer_id = r->pid,
                                                          .producer_epoch = r->epoch,
                                                          .sequence = r->sequence,
                                                          .count = r->records,
                                                          .is_transactional = r->is_transactional});
        }
        enum err e = bench_submit_bytes(b, &bytes, origin, 0, &out);
        if (e != r->result) fail_msg("%s: %s", r->what, err_name(e));
        if (e == OK && out.is_duplicate != (r->duplicate_of >= 0))
            fail_msg("%s: duplicate %d", r->what, out.is_duplicate);
        if (e == OK && r->duplicate_of >= 0) assert_int_equal(out.base_offset, r->duplicate_of);
        bench_idle(b);
    }
    bench_free(b);
}

static void sequences_are_judged(void **state)
{
    static const struct rule rules[] = {
        {"an unknown producer may start anywhere", 1, 0, 10, 2, OK, -1, false},
        {"the next batch follows", 1, 0, 12, 1, OK, -1, false},
        {"a gap", 1, 0, 14, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false},
        {"the same again", 1, 0, 12, 1, OK, 2, false},
        {"one before it again", 1, 0, 10, 2, OK, 0, false},
        {"overlap that is no duplicate", 1, 0, 11, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false},
        {"3", 1, 0, 13, 1, OK, -1, false},
        {"4", 1, 0, 14, 1, OK, -1, false},
        {"5", 1, 0, 15, 1, OK, -1, false},
        {"still among the last five", 1, 0, 10, 2, OK, 0, false},
        {"6", 1, 0, 16, 1, OK, -1, false},
        {"no longer among them", 1, 0, 10, 2, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false},
        {"a new epoch starts at 0", 1, 1, 5, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false},
        {"so", 1, 1, 0, 3, OK, -1, false},
        {"the old epoch is fenced", 1, 0, 17, 1, ERR_INVALID_PRODUCER_EPOCH, -1, false},
        {"and its duplicates too", 1, 0, 16, 1, ERR_INVALID_PRODUCER_EPOCH, -1, false},
        {"another producer is another matter", 2, 0, 0, 1, OK, -1, false},
        {"restart", 0, 0, RESTART, 0, OK, -1, false},
        {"the newest batch survives", 1, 1, 0, 3, OK, 7, false},
        {"and what follows it", 1, 1, 3, 1, OK, -1, false},
    };
    (void)state;
    run_rules(rules, COUNT_OF(rules));
}

static void sequences_wrap(void **state)
{
    static const struct rule rules[] = {
        {"close to the end", 1, 0, INT32_MAX - 2, 2, OK, -1, false},
        {"across it", 1, 0, INT32_MAX, 3, OK, -1, false},
        {"again", 1, 0, INT32_MAX, 3, OK, 2, false},
        {"behind it", 1, 0, 2, 1, OK, -1, false},
        {"2^31-1 is followed by 0", 2, 0, INT32_MAX, 1, OK, -1, false},
        {"so", 2, 0, 0, 1, OK, -1, false},
    };
    (void)state;
    run_rules(rules, COUNT_OF(rules));
}

static void transactions_are_tracked(void **state)
{
    static const struct rule rules[] = {
        {"begin", 1, 0, 0, 1, OK, -1, true},
        {"plain batch inside", 1, 0, 1, 1, ERR_INVALID_TXN_STATE, -1, false},
        {"marker of an older producer epoch comes first", 1, -1, MARKER_ABORT, 4, ERR_INVALID_PRODUCER_EPOCH, -1,
         false},
        {"commit", 1, 0, MARKER_COMMIT, 5, OK, -1, false},
        {"an older coordinator", 1, 0, MARKER_ABORT, 4, ERR_TRANSACTION_COORDINATOR_FENCED, -1, false},
        {"plain batch after it", 1, 0, 1, 1, OK, -1, false},
        {"marker with a newer epoch", 1, 3, MARKER_ABORT, 6, OK, -1, false},
        {"empties the window", 1, 3, 2, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, -1, false},
        {"so", 1, 3, 0, 1, OK, -1, false},
    };
    (void)state;
    run_rules(rules, COUNT_OF(rules));
}

// Two batches and an abort as in A12, and the snapshot that Kafka's own classes wrote for them.
static void snapshots_are_kafkas(void **state)
{
    struct producers p;
    struct producers again;
    struct text bytes = {0};
    struct text shown = {0};
    struct batch_view view;
    (void)state;
    struct aborted_txn aborted;
    producers_init(&p);
    producers_init(&again);
    producers_snapshot(&p, &bytes);
    hex(text_slice(&bytes), &shown);
    assert_string_equal(text_cstr(&shown), "000148674bc700000000");
    text_clear(&bytes);
    test_batch_build(
        &bytes,
        &(struct test_batch){.base_offset = 1, .count = 2, .timestamp = 1004, .producer_id = 7, .producer_epoch = 1});
    test_batch_build(
        &bytes, &(struct test_batch){.base_offset = 3, .timestamp = 2000, .producer_id = 8, .is_transactional = true});
    batch_end_txn_marker(&bytes, 4, 4, 2100, 8, 0, CONTROL_ABORT, 9);
    struct batch_iter it = batch_iter(text_slice(&bytes));
    while (batch_next(&it, &view)) {
        (void)producers_update(&p, &view, &aborted);
        if (view.header.base_offset == 3) assert_int_equal(producers_first_undecided(&p), 3);
    }
    assert_int_equal(producers_first_undecided(&p), 3); // the marker is not replicated yet
    producers_forget_ended(&p, 5);
    assert_int_equal(producers_first_undecided(&p), INT64_MAX);
    text_clear(&bytes);
    producers_snapshot(&p, &bytes);
    hex(text_slice(&bytes), &shown);
    assert_string_equal(text_cstr(&shown),
                        "0001812e083500000002"
                        "00000000000000070001000000010000000000000002"
                        "0000000100000000000003edffffffffffffffffffffffff"
                        "00000000000000080000000000000000000000000003"
                        "00000000000000000000083400000009ffffffffffffffff");
    assert_int_equal(producers_restore(&again, text_slice(&bytes)), OK);
    struct text copy = {0};
    producers_snapshot(&again, &copy);
    assert_true(slice_eq(text_slice(&bytes), text_slice(&copy)));
    for (size_t i = 0; i < bytes.size; i++) {
        bytes.data[i] ^= 1;
        assert_int_equal(producers_restore(&again, text_slice(&bytes)), ERR_CORRUPT);
        assert_true(list_is_empty(&again.order));
        bytes.data[i] ^= 1;
        assert_int_equal(producers_restore(&again, slice_of(bytes.data, i)), ERR_CORRUPT);
    }
    text_deinit(&bytes);
    text_deinit(&copy);
    text_deinit(&shown);
    producers_deinit(&p);
    producers_deinit(&again);
}

// A corrupt snapshot is no loss: the one before it and the log make the same state.
static void corrupt_snapshots_fall_back(void **state)
{
    struct bench *b = bench_new(4);
    (void)state;
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < 9; i++)
        bench_append(b, (struct test_batch){.producer_id = 5, .sequence = i, .value_bytes = 60});
    bench_close(b);
    assert_int_equal(sim_corrupt(b->node, TEST_DIR "/t-0/00000000000000000009.snapshot", 12, 1), OK);
    b->was_clean = true;
    bench_load(b);
    assert_null(strstr(bench_files(b), "00000000000000000009.snapshot"));
    struct plog_append out;
    assert_int_equal(bench_submit(b, &(struct test_batch){.producer_id = 5, .sequence = 11}, &out),
                     ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    assert_int_equal(bench_submit(b, &(struct test_batch){.producer_id = 5, .sequence = 9}, &out), OK);
    bench_idle(b);
    plog_expire_producers(b->plog, 1000, 500);
    assert_int_equal(bench_submit(b, &(struct test_batch){.producer_id = 5, .sequence = 77}, &out), OK);
    bench_idle(b);
    bench_free(b);
}

// ---- the directory ----

static enum err open_again(struct bench *b, int32_t node_id, struct logdir_open_result *result)
{
    return logdir_open(bench_fs(b), NULL, TEST_DIR, node_id, (struct uuid){.bytes = {[15] = 222}}, &b->arena, result,
                       &b->dir);
}

static void clean_marker_is_used_up(void **state)
{
    struct bench *b = bench_new(5);
    struct logdir_open_result r;
    struct text text = {0};
    struct file_stat stat;
    (void)state;
    assert_false(b->was_clean);
    assert_int_equal(logdir_close(bench_fs(b), b->dir, true, 42), OK);
    assert_int_equal(fs_stat(bench_fs(b), TEST_DIR "/.lock", &stat), ERR_NOT_FOUND);
    assert_int_equal(file_load(bench_fs(b), TEST_DIR "/.kafka_cleanshutdown", 100, &text), OK);
    assert_string_equal(text_cstr(&text), "{\"version\":0,\"brokerEpoch\":42}");
    b->dir = NULL;
    assert_int_equal(open_again(b, 2, &r), ERR_INVALID); // refused before the marker is touched
    assert_non_null(strstr(r.problem, "node id 1"));
    assert_int_equal(open_again(b, 1, &r), OK);
    assert_true(r.was_clean);
    assert_int_equal(r.broker_epoch, 42);
    assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    assert_int_equal(open_again(b, 1, &r), OK);
    assert_false(r.was_clean);
    assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    write_file(b, TEST_DIR "/.kafka_cleanshutdown", "");
    assert_int_equal(open_again(b, -1, &r), OK);
    assert_true(r.was_clean);
    assert_int_equal(r.broker_epoch, -1);
    text_deinit(&text);
    bench_free(b);
}

static void meta_properties_are_checked(void **state)
{
    static const struct {
        const char *content;
        enum err result;
    } cases[] = {
        {"#\n#a date\nnode.id=1\ndirectory.id=AAAAAAAAAAAAAAAAAAAAyQ\nversion=1\ncluster.id=x\n", OK},
        {"version=0\nbroker.id=1\n", OK},
        {"cluster.id = x\r\nversion:1\r\nnode.id 1\r\n", OK},
        {"version=2\nnode.id=1\ncluster.id=x\n", ERR_CORRUPT}, {"node.id=1\ncluster.id=x\n", ERR_CORRUPT},
        {"version=1\ncluster.id=x\n", ERR_CORRUPT}, {"version=1\nnode.id=y\ncluster.id=x\n", ERR_CORRUPT},
        {"version=1\nnode.id=1\ncluster.id=x\ndirectory.id=?\n", ERR_CORRUPT}, {"", ERR_CORRUPT},
    };
    struct bench *b = bench_new(6);
    struct logdir_open_result r;
    (void)state;
    assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        write_file(b, TEST_DIR "/meta.properties", cases[i].content);
        b->dir = NULL;
        enum err e = open_again(b, 1, &r);
        if (e != cases[i].result) fail_msg("case %zu: %s", i, err_name(e));
        assert_true(e == OK || r.problem != NULL);
        if (e != OK) continue;
        assert_false(uuid_is_zero(logdir_id(b->dir))); // one was made where there was none
        assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    }
    sim_hold_lock(b->node, TEST_DIR "/.lock", 4711);
    assert_int_equal(open_again(b, 1, &r), ERR_BUSY);
    assert_int_equal(r.lock_holder_pid, 4711);
    assert_non_null(strstr(r.problem, "4711"));
    sim_hold_lock(b->node, TEST_DIR "/.lock", 0);
    b->dir = NULL;
    bench_free(b);
}

static void partition_names_are_parsed(void **state)
{
    static const struct {
        const char *name;
        int kind; // -1 = no partition
        const char *topic;
        int32_t partition;
    } cases[] = {
        {"a-0", PARTITION_DIR_LIVE, "a", 0},
        {"a-b-12", PARTITION_DIR_LIVE, "a-b", 12},
        {"a-0.0123456789abcdef0123456789abcdef-delete", PARTITION_DIR_DELETE, "a", 0},
        {"a.b-7.0123456789abcdef0123456789abcdef-future", PARTITION_DIR_FUTURE, "a.b", 7},
        {"a-0.0123456789abcdef0123456789abcdef-stray", PARTITION_DIR_STRAY, "a", 0},
        {"foo", -1, NULL, 0},
        {"foo-bar", -1, NULL, 0},
        {"-0", -1, NULL, 0},
        {"a-", -1, NULL, 0},
        {"a-2147483648", -1, NULL, 0},
        {"a-0.0123-delete", -1, NULL, 0},
        {"", -1, NULL, 0},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct partition_dir dir;
        bool is_partition = partition_dir_parse(slice_str(cases[i].name), &dir);
        assert_int_equal(is_partition, cases[i].kind >= 0);
        if (!is_partition) continue;
        assert_int_equal(dir.kind, cases[i].kind);
        assert_true(slice_eq_str(dir.topic, cases[i].topic));
        assert_int_equal(dir.partition, cases[i].partition);
    }
}

// The topic gives way, so that a file system takes the name (A2); what is left of it still reads as a partition's.
static void long_names_are_cut(void **state)
{
    static const char *const suffixes[] = {"-delete", "-stray"};
    char topic[250];
    (void)state;
    memset(topic, 't', sizeof(topic) - 1);
    topic[sizeof(topic) - 1] = '\0';
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        struct partition_dir dir;
        char *name = partition_dir_suffixed(slice_str(topic), 12345, (struct uuid){.bytes = {1}}, suffixes[i]);
        assert_int_equal(strlen(name), 255);
        assert_true(partition_dir_parse(slice_str(name), &dir));
        assert_int_equal(dir.partition, 12345);
        assert_int_equal(dir.topic.size, 255 - strlen("-12345.") - 32 - strlen(suffixes[i]));
        mem_free(name);
        name = partition_dir_suffixed(SLICE("short"), 7, (struct uuid){.bytes = {1}}, suffixes[i]);
        assert_true(partition_dir_parse(slice_str(name), &dir));
        assert_true(slice_eq_str(dir.topic, "short"));
        mem_free(name);
    }
}

static void scan_refuses_strangers(void **state)
{
    struct bench *b = bench_new(7);
    struct partition_dir *dirs;
    size_t count;
    const char *problem;
    (void)state;
    bench_create(b);
    assert_int_equal(fs_mkdir(bench_fs(b), TEST_DIR "/__cluster_metadata-0"), OK);
    assert_int_equal(fs_mkdir(bench_fs(b), TEST_DIR "/bare-3"), OK);
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &dirs, &count, &problem), OK);
    assert_int_equal(count, 2);
    assert_false(dirs[0].has_metadata);
    assert_true(dirs[1].has_metadata);
    assert_int_equal(dirs[1].topic_id.bytes[15], 7);
    assert_int_equal(logdir_make_stray(bench_fs(b), b->dir, dirs[0].name, (struct uuid){.bytes = {1}}), OK);
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &dirs, &count, &problem), OK);
    assert_int_equal(dirs[0].kind, PARTITION_DIR_STRAY);
    write_file(b, TEST_DIR "/t-0/partition.metadata", "version: 0\ntopic_id: nonsense");
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &dirs, &count, &problem), ERR_CORRUPT);
    assert_non_null(strstr(problem, "t-0/partition.metadata"));
    write_file(b, TEST_DIR "/t-0/partition.metadata", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAABw");
    assert_int_equal(fs_mkdir(bench_fs(b), TEST_DIR "/foo"), OK);
    assert_int_equal(logdir_scan(bench_fs(b), b->dir, &b->arena, &dirs, &count, &problem), ERR_INVALID);
    assert_non_null(strstr(problem, "/data/foo"));
    bench_free(b);
}

// What a cleaner of Kafka's may have left: its finished segment is taken, the unfinished is dropped.
static void leftovers_of_cleaning_are_settled(void **state)
{
    struct bench *b = bench_new(8);
    struct text log = {0};
    (void)state;
    b->options.segment_bytes = 400;
    bench_create(b);
    for (int i = 0; i < 9; i++) bench_append(b, (struct test_batch){.value_bytes = 60});
    bench_close(b);
    struct text swap = {0};
    test_batch_build(&swap, &(struct test_batch){.base_offset = 1, .count = 1});
    assert_int_equal(file_write_synced(bench_fs(b), TEST_DIR "/t-0/00000000000000000000.log.swap", text_slice(&swap)),
                     OK);
    write_file(b, TEST_DIR "/t-0/00000000000000000006.log.cleaned", "half");
    write_file(b, TEST_DIR "/t-0/00000000000000000006.log.swap", "of the same cleaning");
    write_file(b, TEST_DIR "/t-0/00000000000000000001.log.deleted", "old");
    write_file(b, TEST_DIR "/t-0/00000000000000000099.index", "orphan");
    b->was_clean = true;
    bench_load(b);
    const char *files = bench_files(b);
    assert_null(strstr(files, ".swap"));
    assert_null(strstr(files, ".cleaned"));
    assert_null(strstr(files, ".deleted"));
    assert_null(strstr(files, "00000000000000000099"));
    bench_file(b, "00000000000000000000.log", &log);
    assert_true(slice_eq(text_slice(&log), text_slice(&swap)));
    assert_string_equal(bench_show(b, 0), "1x1 3x1 4x1 5x1 6x1 7x1 8x1");
    text_deinit(&log);
    text_deinit(&swap);
    bench_free(b);
}

static void a_log_without_a_number_ends_the_start(void **state)
{
    struct bench *b = bench_new(9);
    (void)state;
    bench_create(b);
    bench_close(b);
    write_file(b, TEST_DIR "/t-0/foo.log", "");
    assert_int_equal(bench_try_load(b), ERR_CORRUPT);
    assert_true(logdir_is_offline(b->dir));
    assert_int_equal(bench_try_load(b), ERR_KAFKA_STORAGE_ERROR);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_have_kafkas_form),
        cmocka_unit_test(malformed_checkpoints_are_refused),
        cmocka_unit_test(epochs_follow_kafka),
        cmocka_unit_test(sequences_are_judged),
        cmocka_unit_test(sequences_wrap),
        cmocka_unit_test(transactions_are_tracked),
        cmocka_unit_test(snapshots_are_kafkas),
        cmocka_unit_test(corrupt_snapshots_fall_back),
        cmocka_unit_test(clean_marker_is_used_up),
        cmocka_unit_test(meta_properties_are_checked),
        cmocka_unit_test(partition_names_are_parsed),
        cmocka_unit_test(long_names_are_cut),
        cmocka_unit_test(scan_refuses_strangers),
        cmocka_unit_test(leftovers_of_cleaning_are_settled),
        cmocka_unit_test(a_log_without_a_number_ends_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
