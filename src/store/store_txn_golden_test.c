// SPDX-License-Identifier: Apache-2.0
// Sequences of transactional appends, verifications, truncations and restarts as Apache Kafka's UnifiedLog took them
// (tests/golden/store/transactions.txt, written by tests/oracle/TxnOracle.java, which says what the lines mean): the
// same answers, the same last stable offset after each step, the same bytes in .log, .txnindex and .snapshot.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "store/test_util.h"

enum { WORDS_MAX = 10, GUARDS_MAX = 4096 };

struct replay {
    struct bench *bench;
    FILE *file;
    char *line;
    size_t capacity;
    int line_number;
    char command;
    int64_t words[WORDS_MAX]; // numbers behind the command
    int64_t last_pid;
    enum err error; // of the last step
    int64_t result;
    int64_t from; // of the last c
    int64_t to;
    struct aborted_txns found;
    size_t checked;
    uint64_t guards[GUARDS_MAX]; // Kafka's number -> ours
    int steps;
};

static void append_bytes(struct replay *r, struct text *bytes, struct plog_append append)
{
    struct test_append *t = MEM_NEW(struct test_append);
    t->bench = r->bench;
    t->bytes = *bytes;
    t->append = append;
    t->append.bytes = t->bytes.data;
    t->append.size = t->bytes.size;
    t->append.done = test_append_done;
    r->error = plog_append(r->bench->plog, &t->append);
    r->result = r->error == OK ? t->append.base_offset : -1;
    if (r->error != OK) {
        text_deinit(&t->bytes);
        mem_free(t);
    }
    bench_idle(r->bench);
}

static void data(struct replay *r)
{
    struct text bytes = {0};
    const int64_t *w = r->words;
    r->last_pid = w[0];
    test_batch_build(&bytes, &(struct test_batch){.producer_id = w[0],
                                                  .producer_epoch = (int16_t)w[1],
                                                  .sequence = (int32_t)w[2],
                                                  .count = (int)w[3],
                                                  .is_transactional = w[4] != 0,
                                                  .timestamp = w[6]});
    append_bytes(r, &bytes, (struct plog_append){.origin = PLOG_CLIENT, .needs_guard = true, .guard = r->guards[w[5]]});
}

static void marker(struct replay *r)
{
    struct text bytes = {0};
    const int64_t *w = r->words;
    r->last_pid = w[0];
    batch_end_txn_marker(&bytes, 0, 0, w[5], w[0], (int16_t)w[1], w[2] != 0 ? CONTROL_COMMIT : CONTROL_ABORT,
                         (int32_t)w[3]);
    append_bytes(r, &bytes, (struct plog_append){.origin = PLOG_COORDINATOR, .transaction_version = (int16_t)w[4]});
}

static void verify(struct replay *r)
{
    const int64_t *w = r->words;
    const struct plog_verification asked = {.producer_id = w[0],
                                            .producer_epoch = (int16_t)w[1],
                                            .base_sequence = (int32_t)w[2],
                                            .supports_epoch_bump = w[3] != 0};
    uint64_t guard = PLOG_NO_GUARD;
    r->error = plog_verification_begin(r->bench->plog, &asked, &guard);
    r->result = (int64_t)guard; // Kafka's number comes in the next line
}

static void truncate_to(struct replay *r)
{
    struct plog_op op = {.done = bench_op_done};
    r->bench->is_done = false;
    plog_truncate_to(r->bench->plog, r->words[0], &op);
    bench_idle(r->bench);
    assert_true(r->bench->is_done);
    assert_int_equal(r->bench->result, OK);
}

static void collect(struct replay *r)
{
    struct txn_search search;
    r->from = r->words[0];
    r->to = r->words[1];
    r->found.count = 0;
    r->checked = 0;
    txn_search_init(&search, r->bench->plog, r->from, true);
    assert_int_equal(txn_search_open(&search, bench_fs(r->bench), TEST_DIR "/t-0"), OK);
    assert_int_equal(txn_search_collect(&search, true, r->from, r->to, &r->found), OK);
    txn_search_deinit(&search);
}

static void restart(struct replay *r, bool is_clean)
{
    if (is_clean) {
        bench_reopen_clean(r->bench);
    } else {
        bench_crash(r->bench, SIM_PROCESS_KILL);
        bench_load(r->bench);
    }
    memset(r->guards, 0, sizeof(r->guards));
}

static void begin(struct replay *r)
{
    if (r->bench != NULL) bench_free(r->bench);
    r->bench = bench_new((uint64_t)r->words[0]);
    r->bench->keeps_high_watermark = true;
    bench_create(r->bench);
    memset(r->guards, 0, sizeof(r->guards));
}

static void roll(struct replay *r)
{
    if (plog_active(r->bench->plog)->size == 0) return;
    plog_roll_idle(r->bench->plog);
    bench_idle(r->bench);
}

// ---- what Kafka answered -----------------------------------------------------------------------------------------

#define SAME(what, ours, kafkas)                                                                                       \
    do {                                                                                                               \
        if ((int64_t)(ours) != (int64_t)(kafkas))                                                                      \
            fail_msg("line %d: %s is %" PRId64 ", Kafka's %" PRId64, r->line_number, what, (int64_t)(ours),            \
                     (int64_t)(kafkas));                                                                               \
    } while (0)

static void check_outcome(struct replay *r)
{
    const int64_t *w = r->words;
    SAME("the error", r->error == OK ? 0 : err_to_wire(r->error), w[0]);
    if (r->command == 'v' && w[1] > 0) {
        assert_true(w[1] < GUARDS_MAX);
        if (r->guards[w[1]] == 0) r->guards[w[1]] = (uint64_t)r->result;
        SAME("the guard", r->result, r->guards[w[1]]);
    } else {
        SAME("the result", r->result, w[1]);
    }
    SAME("the end", plog_published_end(r->bench->plog), w[2]);
    SAME("the last stable offset", plog_last_stable_offset(r->bench->plog), w[3]);
    r->steps++;
}

struct wanted {
    int64_t id;
    struct plog_producer found;
};

static void look_at(void *context, const struct plog_producer *producer)
{
    struct wanted *wanted = context;
    if (producer->id == wanted->id) wanted->found = *producer;
}

static void check_producer(struct replay *r)
{
    const int64_t *w = r->words;
    struct wanted wanted = {.id = w[0]};
    plog_each_producer(r->bench->plog, look_at, &wanted);
    SAME("the producer", wanted.found.id, w[0]);
    SAME("its epoch", wanted.found.epoch, w[1]);
    SAME("its sequence", wanted.found.last_sequence, w[2]);
    SAME("its time", wanted.found.last_timestamp, w[3]);
    SAME("its coordinator", wanted.found.coordinator_epoch, w[4]);
    SAME("its transaction", wanted.found.txn_first_offset, w[5]);
}

static void check_aborted(struct replay *r)
{
    const int64_t *w = r->words;
    assert_true(r->checked < r->found.count);
    const struct aborted_txn *t = &r->found.items[r->checked++];
    SAME("the producer", t->producer_id, w[0]);
    SAME("the first offset", t->first_offset, w[1]);
    SAME("the last offset", t->last_offset, w[2]);
    SAME("the last stable offset", t->last_stable_offset, w[3]);
}

static void check_file(struct replay *r)
{
    char name[64];
    int at = 0;
    assert_int_equal(sscanf(r->line, "file %63s %n", name, &at), 1);
    struct text bytes = {0};
    struct text shown = {0};
    bench_file(r->bench, name, &bytes);
    for (size_t i = 0; i < bytes.size; i++) text_printf(&shown, "%02x", bytes.data[i]);
    if (strcmp(text_cstr(&shown), r->line + at) != 0)
        fail_msg("line %d: %s\nours   %s\nKafkas %s", r->line_number, name, text_cstr(&shown), r->line + at);
    text_deinit(&bytes);
    text_deinit(&shown);
}

static void check_log(struct replay *r)
{
    int64_t base;
    int64_t size;
    int64_t crc;
    char name[64];
    struct text bytes = {0};
    assert_int_equal(sscanf(r->line, "log-crc %" SCNd64 " %" SCNd64 " %" SCNd64, &base, &size, &crc), 3);
    (void)snprintf(name, sizeof(name), "%020" PRId64 ".log", base);
    bench_file(r->bench, name, &bytes);
    SAME("the size", bytes.size, size);
    SAME("the CRC", crc32c(0, text_slice(&bytes)), crc);
    text_deinit(&bytes);
}

// The entry is in our newest snapshot too.
static void check_snapshot_entry(struct replay *r)
{
    char name[64];
    struct text bytes = {0};
    struct text shown = {0};
    (void)snprintf(name, sizeof(name), "%020" PRId64 ".snapshot", plog_published_end(r->bench->plog));
    bench_file(r->bench, name, &bytes);
    bool is_there = false;
    for (size_t at = 10; at < bytes.size && !is_there; at += 46) {
        text_clear(&shown);
        for (size_t i = 0; i < 46; i++) text_printf(&shown, "%02x", bytes.data[at + i]);
        is_there = strcmp(text_cstr(&shown), r->line + 2) == 0;
    }
    if (!is_there) fail_msg("line %d: no such entry in our snapshot: %s", r->line_number, r->line + 2);
    text_deinit(&bytes);
    text_deinit(&shown);
}

// ---- reading -----------------------------------------------------------------------------------------------------

static void run_line(struct replay *r)
{
    char command = r->line[0];
    char *at = r->line;
    if (strncmp(r->line, "file", 4) == 0)
        check_file(r);
    else if (strncmp(r->line, "log-crc", 7) == 0)
        check_log(r);
    else if (command == 's')
        check_snapshot_entry(r);
    if (command == 'f' || command == 's' || strncmp(r->line, "log-crc", 7) == 0) return;
    at += strcspn(at, " ");
    for (int i = 0; i < WORDS_MAX; i++) r->words[i] = strtoll(at, &at, 10);
    bool is_answer = command == '=' || command == 'p' || command == 'a';
    if (!is_answer) {
        assert_int_equal(r->checked, r->found.count); // Kafka found as many
        r->command = command;
        r->error = OK;
        r->result = 0;
    }
    switch (command) {
    case 'l': begin(r); break;
    case 'd': data(r); break;
    case 'm': marker(r); break;
    case 'v': verify(r); break;
    case 'h': plog_set_high_watermark(r->bench->plog, r->words[0]); break;
    case 'r': roll(r); break;
    case 't': truncate_to(r); break;
    case 'c': collect(r); break;
    case 'x': restart(r, true); break;
    case 'k': restart(r, false); break;
    case '=': check_outcome(r); break;
    case 'p': check_producer(r); break;
    case 'a': check_aborted(r); break;
    default: fail_msg("line %d: %s", r->line_number, r->line);
    }
}

static void kafkas_sequences(void **state)
{
    (void)state;
    int root = (int)(strlen(__FILE__) - strlen("src/store/store_txn_golden_test.c"));
    char *path = path_printf("%.*stests/golden/store/transactions.txt", root, __FILE__);
    struct replay *r = MEM_NEW(struct replay);
    const char *other = getenv("ODRADEK_TRANSACTIONS"); // tests/oracle/txn.sh
    r->file = fopen(other != NULL ? other : path, "r");
    assert_non_null(r->file);
    mem_free(path);
    for (ssize_t size; (size = getline(&r->line, &r->capacity, r->file)) > 0;) {
        if (r->line[size - 1] == '\n') r->line[size - 1] = '\0';
        r->line_number++;
        run_line(r);
    }
    assert_true(r->steps > 1000);
    bench_free(r->bench);
    aborted_txns_deinit(&r->found);
    free(r->line);
    fclose(r->file);
    mem_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kafkas_sequences)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
