// SPDX-License-Identifier: Apache-2.0
// Bytes and verdicts of Apache Kafka 4.3.1 and librdkafka (tests/golden/records, written by
// tests/oracle/RecordOracle.java), and with the argument "write" the batches of ours that it shall read.
#include "record/test_util.h"
#include "record/validate.h"

// ---- batches ----

static void check_described(const char *file_name, int batches_min)
{
    FILE *file = golden_open(file_name);
    char *line = NULL;
    size_t capacity = 0;
    struct text expected = {0};
    struct text actual = {0};
    struct text bytes = {0};
    char name[64];
    int batches = 0;
    while (getline(&line, &capacity, file) > 0) {
        text_add_str(&expected, line);
        if (sscanf(line, "batch %63s", name) != 1) continue;
        text_clear(&bytes);
        unhex(strrchr(line, ' ') + 1, &bytes);
        enum err e = describe_batch(name, text_slice(&bytes), &actual);
        if (e != OK) print_error("%s: %s\n", name, err_name(e));
        assert_int_equal(e, OK);
        batches++;
    }
    assert_string_equal(text_cstr(&actual), text_cstr(&expected));
    assert_true(batches >= batches_min);
    text_deinit(&expected);
    text_deinit(&actual);
    text_deinit(&bytes);
    free(line);
    fclose(file);
}

static void test_reads_batches_of_the_java_client(void **state)
{
    (void)state;
    check_described("java-batches.hex", 20);
}

static void test_reads_batches_of_librdkafka(void **state)
{
    (void)state;
    check_described("librdkafka.hex", 5);
}

// Cut anywhere, or with any byte changed: an error or something well formed, and the CRC tells of every change
// behind it.
static void test_damaged_batches(void **state)
{
    (void)state;
    FILE *file = golden_open("java-batches.hex");
    char *line = NULL;
    size_t capacity = 0;
    struct text bytes = {0};
    struct text sink = {0};
    while (getline(&line, &capacity, file) > 0) {
        if (strncmp(line, "batch ", 6) != 0) continue;
        text_clear(&bytes);
        unhex(strrchr(line, ' ') + 1, &bytes);
        if (bytes.size > 2000) continue; // the large ones add time, nothing else
        struct batch_view view;
        for (size_t size = 0; size < bytes.size; size++) {
            uint8_t *exact = malloc(size + 1); // so that a sanitizer sees the first byte too many
            memcpy(exact + 1, bytes.data, size);
            assert_int_equal(batch_parse(slice_of(exact + 1, size), &view), ERR_TRUNCATED);
            free(exact);
        }
        for (size_t at = 0; at < bytes.size; at++) {
            uint8_t flip = (uint8_t)(1u << (at % 8));
            bytes.data[at] ^= flip;
            if (batch_parse(text_slice(&bytes), &view) == OK) {
                if (at >= BATCH_CRC_AT) assert_false(batch_crc_is_valid(view.bytes));
                text_clear(&sink);
                (void)!describe_records(&view, &sink);
            }
            bytes.data[at] ^= flip;
        }
    }
    text_deinit(&bytes);
    text_deinit(&sink);
    free(line);
    fclose(file);
}

// ---- verdicts ----

struct verdict_case {
    char name[64];
    int produce_version;
    struct validate_options options;
    struct text sent;
    struct text stored; // "a": by Kafka
    struct text answer; // "e", "m" and "x" lines, by Kafka
    bool is_accepted;
};

// Where we knowingly differ (README of this room).
static bool is_different(const char *name)
{
    static const char *const names[] = {
        // Compressed batches that keep their codec: Kafka does not compare a record's size with its fields' there.
        "body-lz4-short",
        "body-lz4-long",
        "body-lz4-size-zero",
        "body-lz4-size-negative",
        // An overlong varint is INVALID_RECORD here as in any other place; Kafka's error for this one is unforeseen.
        "body-size-overflow",
        "body-to-lz4-size-overflow",
        // batchLength + 12 overflows in Kafka.
        "length-2147483647",
        // Where Kafka compresses anew it replaces what is no UTF-8 in header keys; we keep the bytes.
        "body-to-lz4-header-not-utf8",
        "body-from-lz4-header-not-utf8",
    };
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0) return true;
    return false;
}

static void add_answer(const struct validate_failure *failure, struct text *out)
{
    text_printf(out, "e %d\n", failure->code);
    if (!slice_is_null(failure->text)) text_printf(out, "m %.*s\n", SLICE_FMT(failure->text));
    for (int32_t i = 0; i < failure->error_count; i++)
        text_printf(out, "x %d %.*s\n", failure->errors[i].index, SLICE_FMT(failure->errors[i].text));
}

// What the owner of the partition would append.
static enum err store(struct verdict_case *c, const struct batch_view *view, const struct validate_result *result,
                      struct text *out)
{
    if (result->needs_rebuild) {
        enum err e = batch_rebuild(view, &c->options, result, out);
        if (e != OK) return e;
    } else {
        text_add(out, view->bytes);
        batch_accept(out->data, result);
    }
    batch_set_base_offset(out->data, 0);
    batch_set_leader_epoch(out->data, 5);
    assert_true(batch_crc_is_valid(text_slice(out)));
    return OK;
}

static void describe_unsized(struct slice bytes, struct text *out)
{
    struct batch_view view;
    assert_int_equal(batch_parse(bytes, &view), OK);
    describe_header(&view.header, out);
    assert_int_equal(describe_records(&view, out), OK);
}

// In-place and uncompressed results are the same bytes; compressors differ, so of theirs the content is.
static void compare_stored(const struct verdict_case *c, const struct validate_result *result, struct slice ours)
{
    struct slice theirs = text_slice(&c->stored);
    if (!result->needs_rebuild || result->codec == CODEC_NONE) {
        assert_int_equal(ours.size, theirs.size);
        assert_memory_equal(ours.data, theirs.data, ours.size);
        return;
    }
    struct text a = {0};
    struct text b = {0};
    describe_unsized(ours, &a);
    describe_unsized(theirs, &b);
    assert_string_equal(text_cstr(&a), text_cstr(&b));
    text_deinit(&a);
    text_deinit(&b);
}

// Kafka stores uncompressed batches without a look at the offset deltas, so that records may carry offsets of the
// next batch (kafka-internals B2, "TRAP"). We refuse them.
static bool has_wrong_deltas(const struct batch_view *view)
{
    struct slice body = slice_of(view->bytes.data + BATCH_HEADER_SIZE, view->bytes.size - BATCH_HEADER_SIZE);
    struct record_iter it = record_iter(&view->header, body);
    struct record record;
    for (int32_t index = 0; record_next(&it, &record); index++)
        if (record.offset_delta != index) return true;
    return false;
}

static bool run_case(struct verdict_case *c, struct text *scratch, struct arena *arena)
{
    struct batch_view view;
    struct validate_result result = {0};
    struct validate_failure failure = {0};
    struct text stored = {0};
    struct text answer = {0};
    enum err e = produce_check_framing(text_slice(&c->sent), (int16_t)c->produce_version, &view);
    if (e == OK)
        e = batch_validate(&view, &c->options, scratch, arena, &result, &failure);
    else
        failure.code = e;
    if (e == OK) failure.code = e = store(c, &view, &result, &stored);
    if (e == ERR_INVALID_RECORD && c->is_accepted && has_wrong_deltas(&view)) return true;
    bool same = (e == OK) == c->is_accepted;
    if (e != OK && !c->is_accepted) {
        add_answer(&failure, &answer);
        same = strcmp(text_cstr(&answer), text_cstr(&c->answer)) == 0;
    }
    if (!same)
        print_error("%s: ours %s %s, Kafka's %s\n", c->name, err_name(e), text_cstr(&answer),
                    c->is_accepted ? "OK" : text_cstr(&c->answer));
    if (same && e == OK) compare_stored(c, &result, text_slice(&stored));
    text_deinit(&stored);
    text_deinit(&answer);
    return same;
}

static void parse_options(struct verdict_case *c, const char *line)
{
    struct validate_options *o = &c->options;
    int compacted = 0;
    int append_time = 0;
    int codec = 0;
    int got = sscanf(line, "o %d %d %d %" SCNd64 " %" SCNd64 " %" SCNd64 " %d %d", &c->produce_version, &compacted,
                     &append_time, &o->timestamp_before_max_ms, &o->timestamp_after_max_ms, &o->now_ms,
                     &o->max_message_bytes, &codec);
    assert_int_equal(got, 8);
    o->origin = APPEND_CLIENT;
    o->is_compacted = compacted != 0;
    o->timestamp_type = append_time != 0 ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME;
    o->keeps_codec = codec < 0;
    o->target_codec = codec < 0 ? CODEC_NONE : (enum codec)codec;
    o->target_level = COMPRESS_LEVEL_DEFAULT;
    o->decompressed_bytes_max = TEST_BODY_MAX;
    o->topic = SLICE("topic");
    o->partition = 0;
}

static void parse_line(struct verdict_case *c, const char *line)
{
    switch (line[0]) {
    case 'o': parse_options(c, line); break;
    case 'i': unhex(line + 2, &c->sent); break;
    case 'a':
        unhex(line + 2, &c->stored);
        c->is_accepted = true;
        break;
    default: text_add_str(&c->answer, line); break;
    }
}

static void test_verdicts_of_the_broker(void **state)
{
    (void)state;
    FILE *file = golden_open("verdicts.hex");
    char *line = NULL;
    size_t capacity = 0;
    struct verdict_case c = {0};
    struct text scratch = {0};
    struct arena arena = {0};
    int cases = 0;
    int different = 0;
    for (bool more = true; more;) {
        more = getline(&line, &capacity, file) > 0;
        if (more && strncmp(line, "case ", 5) != 0) {
            parse_line(&c, line);
            continue;
        }
        if (c.name[0] != '\0' && !is_different(c.name)) {
            different += !run_case(&c, &scratch, &arena);
            cases++;
        }
        text_deinit(&c.sent);
        text_deinit(&c.stored);
        text_deinit(&c.answer);
        arena_reset(&arena);
        c = (struct verdict_case){0};
        if (more) sscanf(line, "case %63s", c.name);
    }
    assert_int_equal(different, 0);
    assert_true(cases > 400);
    text_deinit(&scratch);
    arena_deinit(&arena);
    free(line);
    fclose(file);
}

// ---- ours, for Kafka to read ----

static void add_random_record(struct batch_builder *builder, uint64_t *seed, int64_t timestamp)
{
    static const char words[] = "lorem ipsum dolor sit amet consetetur sadipscing elitr sed diam nonumy eirmod tempor";
    struct record_header headers[3];
    int32_t header_count = (int32_t)below(seed, 4);
    for (int32_t i = 0; i < header_count; i++) {
        headers[i].key = slice_of(words, below(seed, 9));
        headers[i].value = below(seed, 3) == 0 ? SLICE_NULL : slice_of(words + 1, below(seed, 20));
    }
    struct slice key = below(seed, 4) == 0 ? SLICE_NULL : slice_of(words + below(seed, 10), below(seed, 70));
    struct slice value = below(seed, 6) == 0 ? SLICE_NULL : slice_of(words + below(seed, 10), below(seed, 70));
    batch_add(builder, timestamp, key, value, headers, header_count);
}

static void write_random(uint64_t seed, enum codec codec, int32_t level, struct text *out)
{
    struct batch_spec spec = batch_spec((int64_t)below(&seed, 1u << 20));
    spec.codec = codec;
    spec.level = level;
    spec.partition_leader_epoch = (int32_t)below(&seed, 9);
    if (below(&seed, 3) == 0) {
        spec.timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
        spec.log_append_time = 1700000000123;
    }
    if (below(&seed, 2) == 0) {
        spec.producer_id = (int64_t)below(&seed, 100000);
        spec.producer_epoch = (int16_t)below(&seed, 100);
        spec.base_sequence = (int32_t)below(&seed, 1000);
        spec.is_transactional = below(&seed, 2) == 0;
    }
    struct batch_builder builder = {0};
    batch_begin(&builder, out, &spec);
    uint64_t count = 1 + below(&seed, below(&seed, 5) == 0 ? 3000 : 20);
    for (uint64_t i = 0; i < count; i++)
        add_random_record(&builder, &seed, 1700000000000 + (int64_t)below(&seed, 2000) - 1000);
    struct slice bytes;
    assert_int_equal(batch_end(&builder, &bytes), OK);
    batch_builder_deinit(&builder);
}

static void print_batch(const char *name, struct text *bytes)
{
    struct text line = {0};
    assert_int_equal(describe_batch(name, text_slice(bytes), &line), OK);
    fwrite(line.data, 1, line.size, stdout);
    text_deinit(&line);
    text_clear(bytes);
}

static void write_ours(void)
{
    struct text bytes = {0};
    char name[64];
    for (uint64_t seed = 0; seed < 100; seed++) {
        enum codec codec = (enum codec)(seed % CODEC_COUNT);
        snprintf(name, sizeof(name), "random-%" PRIu64 "-%s", seed, codec_name(codec));
        write_random(seed, codec, COMPRESS_LEVEL_DEFAULT, &bytes);
        print_batch(name, &bytes);
    }
    static const struct {
        enum codec codec;
        int32_t level;
    } levels[] = {
        {CODEC_GZIP, -1}, {CODEC_GZIP, 1}, {CODEC_GZIP, 9},    {CODEC_LZ4, 1},   {CODEC_LZ4, 12},
        {CODEC_LZ4, 17},  {CODEC_ZSTD, 1}, {CODEC_ZSTD, -100}, {CODEC_ZSTD, 22},
    };
    for (size_t i = 0; i < COUNT_OF(levels); i++) {
        snprintf(name, sizeof(name), "level-%s-%d", codec_name(levels[i].codec), levels[i].level);
        write_random(1000 + i, levels[i].codec, levels[i].level, &bytes);
        print_batch(name, &bytes);
    }
    batch_end_txn_marker(&bytes, 12, 3, 1700000000000, 77, 1, CONTROL_COMMIT, 5);
    print_batch("commit", &bytes);
    enum control_type types[] = {CONTROL_LEADER_CHANGE, CONTROL_KRAFT_VERSION};
    struct slice values[] = {SLICE("\0\0\0\0\0\1\1\1\0"), SLICE("\0\0\0\1\0")};
    batch_kraft_control(&bytes, 0, 1, 1700000000000, types, values, 2);
    print_batch("kraft-control", &bytes);
    text_deinit(&bytes);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "write") == 0) {
        write_ours();
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_batches_of_the_java_client),
        cmocka_unit_test(test_reads_batches_of_librdkafka),
        cmocka_unit_test(test_damaged_batches),
        cmocka_unit_test(test_verdicts_of_the_broker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
