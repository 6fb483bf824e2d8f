// SPDX-License-Identifier: Apache-2.0
// Which error when is judged against Apache Kafka's verdicts in golden_test.c; here is what those cannot show.
#include "record/validate.h"

#include "record/test_util.h"

enum { NOW = 1700000000 };

static struct validate_options plain_options(void)
{
    return (struct validate_options){
        .origin = APPEND_CLIENT,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = 3600000,
        .now_ms = NOW,
        .max_message_bytes = 1 << 20,
        .keeps_codec = true,
        .target_level = COMPRESS_LEVEL_DEFAULT,
        .decompressed_bytes_max = TEST_BODY_MAX,
        .topic = SLICE("topic"),
    };
}

struct fixture {
    struct text bytes;
    struct batch_view view;
    struct text scratch;
    struct arena arena;
};

static void build(struct fixture *f, enum codec codec, int32_t count, struct slice key, struct slice value)
{
    *f = (struct fixture){0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    spec.codec = codec;
    batch_begin(&builder, &f->bytes, &spec);
    for (int32_t i = 0; i < count; i++) batch_add(&builder, NOW + i % 7, key, value, NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    assert_int_equal(produce_check_framing(text_slice(&f->bytes), 12, &f->view), OK);
    batch_builder_deinit(&builder);
}

static void drop(struct fixture *f)
{
    text_deinit(&f->bytes);
    text_deinit(&f->scratch);
    arena_deinit(&f->arena);
}

static void test_uncompressed_validation_allocates_nothing(void **state)
{
    (void)state;
    struct fixture f;
    build(&f, CODEC_NONE, 1000, SLICE("key"), SLICE("value"));
    struct validate_options options = plain_options();
    struct validate_result result;
    assert_int_equal(batch_validate(&f.view, &options, &f.scratch, &f.arena, &result, NULL), OK);
    assert_null(f.scratch.data);
    assert_int_equal(arena_used(&f.arena), 0);
    assert_int_equal(result.record_count, 1000);
    assert_int_equal(result.max_timestamp, NOW + 6);
    assert_int_equal(result.max_timestamp_delta, 6); // the first of many
    assert_false(result.needs_rewrite || result.needs_rebuild);
    assert_ptr_equal(result.body.data, f.view.bytes.data + BATCH_HEADER_SIZE);
    drop(&f);
}

static void test_bombs_are_too_large(void **state)
{
    (void)state;
    struct slice zeros = {.data = calloc(1, 4 << 20), .size = 4 << 20};
    for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
        struct fixture f;
        build(&f, (enum codec)codec, 1, SLICE("k"), zeros);
        struct validate_options options = plain_options();
        options.decompressed_bytes_max = 1 << 20;
        struct validate_result result;
        struct validate_failure failure;
        assert_int_equal(batch_validate(&f.view, &options, &f.scratch, &f.arena, &result, &failure),
                         ERR_MESSAGE_TOO_LARGE);
        assert_int_equal(failure.code, ERR_MESSAGE_TOO_LARGE);
        assert_int_equal(failure.error_count, 0);
        assert_true(f.scratch.capacity <= 4 << 20);
        drop(&f);
    }
    free((void *)(uintptr_t)zeros.data);
}

static void test_errors_are_listed_up_to_a_bound(void **state)
{
    (void)state;
    struct fixture f;
    build(&f, CODEC_ZSTD, 100000, SLICE_NULL, SLICE("v"));
    struct validate_options options = plain_options();
    options.is_compacted = true;
    struct validate_result result;
    struct validate_failure failure;
    assert_int_equal(batch_validate(&f.view, &options, &f.scratch, &f.arena, &result, &failure), ERR_INVALID_RECORD);
    assert_int_equal(failure.error_count, RECORD_ERRORS_MAX);
    assert_int_equal(failure.errors[RECORD_ERRORS_MAX - 1].index, RECORD_ERRORS_MAX - 1);
    assert_non_null(strstr(arena_str(&f.arena, failure.text), "due to 100000 record errors in total"));
    assert_true(arena_used(&f.arena) < 1 << 20);
    drop(&f);
}

static void test_coordinators_may_write_control_batches(void **state)
{
    (void)state;
    struct text bytes = {0};
    struct batch_view view;
    struct text scratch = {0};
    struct arena arena = {0};
    batch_end_txn_marker(&bytes, 5, 1, NOW, 7, 0, CONTROL_COMMIT, 3);
    assert_int_equal(produce_check_framing(text_slice(&bytes), 12, &view), OK);
    struct validate_options options = plain_options();
    options.keeps_codec = false;
    options.target_codec = CODEC_ZSTD; // markers stay uncompressed
    struct validate_result result;
    assert_int_equal(batch_validate(&view, &options, &scratch, &arena, &result, NULL), ERR_INVALID_RECORD);
    options.origin = APPEND_COORDINATOR;
    assert_int_equal(batch_validate(&view, &options, &scratch, &arena, &result, NULL), OK);
    assert_false(result.needs_rebuild);
    text_deinit(&bytes);
}

// Rebuilding keeps everything but codec and offset deltas; from any codec to any other.
static void test_rebuild_keeps_the_records(void **state)
{
    (void)state;
    for (int from = 0; from < CODEC_COUNT; from++) {
        for (int to = 0; to < CODEC_COUNT; to++) {
            struct fixture f;
            build(&f, (enum codec)from, 500, SLICE("key"), SLICE("a value that repeats"));
            struct validate_options options = plain_options();
            options.keeps_codec = false;
            options.target_codec = (enum codec)to;
            struct validate_result result;
            assert_int_equal(batch_validate(&f.view, &options, &f.scratch, &f.arena, &result, NULL), OK);
            assert_int_equal(result.needs_rebuild, from != to);
            struct text out = {0};
            struct text before = {0};
            struct text after = {0};
            assert_int_equal(batch_rebuild(&f.view, &options, &result, &out), OK);
            struct batch_view view;
            enum codec codec;
            assert_int_equal(batch_parse(text_slice(&out), &view), OK);
            assert_true(batch_crc_is_valid(view.bytes));
            assert_int_equal(batch_codec(&view.header, &codec), OK);
            assert_int_equal(codec, to);
            assert_int_equal(describe_records(&f.view, &before), OK);
            assert_int_equal(describe_records(&view, &after), OK);
            assert_string_equal(text_cstr(&before), text_cstr(&after));
            text_deinit(&out);
            text_deinit(&before);
            text_deinit(&after);
            drop(&f);
        }
    }
}

static void test_log_append_time_is_written_once(void **state)
{
    (void)state;
    struct fixture f;
    build(&f, CODEC_LZ4, 3, SLICE("k"), SLICE("v"));
    struct validate_options options = plain_options();
    options.timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
    options.now_ms = 99;
    struct validate_result result;
    assert_int_equal(batch_validate(&f.view, &options, &f.scratch, &f.arena, &result, NULL), OK);
    assert_true(result.needs_rewrite && !result.needs_rebuild);
    assert_int_equal(result.max_timestamp, 99);
    batch_accept(f.bytes.data, &result);
    struct text described = {0};
    assert_int_equal(batch_parse(text_slice(&f.bytes), &f.view), OK);
    assert_true(batch_crc_is_valid(f.view.bytes));
    assert_int_equal(describe_records(&f.view, &described), OK);
    assert_string_equal(text_cstr(&described), "r 0 99 6b 76\nr 1 99 6b 76\nr 2 99 6b 76\n");
    text_deinit(&described);
    drop(&f);
}

// Kafka takes 26 bytes of magic 2 for a batch until it looks at the checksum: what is wrong before that comes first.
static void test_a_batch_shorter_than_a_header_fails_late(void **state)
{
    (void)state;
    uint8_t bytes[60] = {0};
    struct text scratch = {0};
    struct arena arena = {0};
    struct validate_options options = plain_options();
    struct validate_result result;
    struct batch_view view;
    for (size_t size = 26; size <= sizeof(bytes); size++) {
        store_i64(bytes, 0);
        store_i32(bytes + BATCH_LENGTH_AT, (int32_t)size - BATCH_OFFSET_SIZE);
        bytes[BATCH_MAGIC_AT] = 2;
        assert_int_equal(produce_check_framing(slice_of(bytes, size), 12, &view), OK);
        assert_int_equal(batch_validate(&view, &options, &scratch, &arena, &result, NULL), ERR_CORRUPT_MESSAGE);
        store_i64(bytes, 1);
        assert_int_equal(produce_check_framing(slice_of(bytes, size), 12, &view), OK);
        assert_int_equal(batch_validate(&view, &options, &scratch, &arena, &result, NULL), ERR_INVALID_RECORD);
    }
    text_deinit(&scratch);
}

static void test_a_glance_says_what_fails_the_whole_request(void **state)
{
    (void)state;
    struct fixture f;
    build(&f, CODEC_NONE, 1, SLICE("key"), SLICE("value"));
    struct text problem = {0};
    bool is_transactional = true;
    assert_int_equal(produce_glance(SLICE_NULL, &is_transactional, &problem), OK);
    assert_int_equal(produce_glance(text_slice(&f.bytes), &is_transactional, &problem), OK);
    assert_false(is_transactional);
    store_i16(f.bytes.data + BATCH_ATTRIBUTES_AT, BATCH_TRANSACTIONAL);
    assert_int_equal(produce_glance(text_slice(&f.bytes), &is_transactional, &problem), OK);
    assert_true(is_transactional);
    assert_int_equal(produce_glance(slice_of(f.bytes.data, f.bytes.size - 1), &is_transactional, &problem), OK);
    assert_false(is_transactional); // no whole batch
    f.bytes.data[BATCH_MAGIC_AT] = 3;
    assert_int_equal(produce_glance(text_slice(&f.bytes), &is_transactional, &problem), ERR_CORRUPT_MESSAGE);
    assert_string_equal(text_cstr(&problem), "Invalid magic found in record: 3");
    text_clear(&problem);
    store_i32(f.bytes.data + BATCH_LENGTH_AT, -7);
    assert_int_equal(produce_glance(text_slice(&f.bytes), &is_transactional, &problem), ERR_CORRUPT_MESSAGE);
    assert_string_equal(text_cstr(&problem), "Record size -7 is less than the minimum record overhead (14)");
    text_deinit(&problem);
    drop(&f);
}

// What Kafka's writer of batches refuses is refused when a batch has to be written anew, and only then.
static void test_rebuild_insists_on_a_whole_producer(void **state)
{
    (void)state;
    static const struct {
        int64_t id;
        int16_t epoch;
        int attributes;
        enum err expected;
    } rows[] = {
        {-1, -1, 0, OK},
        {7, 0, 0, OK},
        {7, -1, 0, ERR_UNKNOWN_SERVER_ERROR},
        {-1, -1, BATCH_TRANSACTIONAL, ERR_UNKNOWN_SERVER_ERROR},
        {7, 0, BATCH_TRANSACTIONAL, OK},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct fixture f;
        build(&f, CODEC_NONE, 2, SLICE("key"), SLICE("value"));
        store_i16(f.bytes.data + BATCH_ATTRIBUTES_AT, (int16_t)rows[i].attributes);
        store_i64(f.bytes.data + 43, rows[i].id);
        store_i16(f.bytes.data + 51, rows[i].epoch);
        store_i32(f.bytes.data + 53, rows[i].id < 0 ? -1 : 0);
        batch_seal(f.bytes.data);
        struct validate_options options = plain_options();
        options.keeps_codec = false;
        options.target_codec = CODEC_ZSTD;
        struct validate_result result;
        struct text out = {0};
        assert_int_equal(produce_check_framing(text_slice(&f.bytes), 12, &f.view), OK);
        assert_int_equal(batch_validate(&f.view, &options, &f.scratch, &f.arena, &result, NULL), OK);
        assert_int_equal(batch_rebuild(&f.view, &options, &result, &out), rows[i].expected);
        text_deinit(&out);
        drop(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_uncompressed_validation_allocates_nothing),
        cmocka_unit_test(test_bombs_are_too_large),
        cmocka_unit_test(test_errors_are_listed_up_to_a_bound),
        cmocka_unit_test(test_coordinators_may_write_control_batches),
        cmocka_unit_test(test_rebuild_keeps_the_records),
        cmocka_unit_test(test_log_append_time_is_written_once),
        cmocka_unit_test(test_a_batch_shorter_than_a_header_fails_late),
        cmocka_unit_test(test_a_glance_says_what_fails_the_whole_request),
        cmocka_unit_test(test_rebuild_insists_on_a_whole_producer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
