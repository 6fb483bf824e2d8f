// SPDX-License-Identifier: Apache-2.0
#include "record/builder.h"

#include "record/test_util.h"

static void check_hex(const struct text *bytes, const char *hex)
{
    struct text actual = {0};
    add_hex(&actual, text_slice(bytes));
    assert_string_equal(text_cstr(&actual), hex);
    text_deinit(&actual);
}

// kafka-internals A12
static void test_golden_bytes(void **state)
{
    (void)state;
    struct text out = {0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    spec.partition_leader_epoch = 3;
    batch_begin(&builder, &out, &spec);
    batch_add(&builder, 1000, SLICE("k"), SLICE("v"), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    check_hex(&out, "0000000000000000"
                    "0000003a"
                    "00000003"
                    "02"
                    "716a6189"
                    "0000"
                    "00000000"
                    "00000000000003e8"
                    "00000000000003e8"
                    "ffffffffffffffff"
                    "ffff"
                    "ffffffff"
                    "00000001"
                    "10"
                    "000000"
                    "026b"
                    "0276"
                    "00");
    text_clear(&out);
    batch_end_txn_marker(&out, 4, 4, 2100, 8, 0, CONTROL_ABORT, 9);
    check_hex(&out, "00000000000000040000004200000004"
                    "02"
                    "c8c8ffe4"
                    "0030"
                    "00000000"
                    "0000000000000834"
                    "0000000000000834"
                    "0000000000000008"
                    "0000"
                    "ffffffff"
                    "00000001"
                    "20000000"
                    "08"
                    "00000000"
                    "0c"
                    "000000000009"
                    "00");
    batch_builder_deinit(&builder);
    text_deinit(&out);
}

struct expected {
    int64_t offset;
    int64_t timestamp;
    size_t key_size; // 0 = null
    size_t value_size;
    int32_t header_count;
};

static void check_records(struct slice bytes, const struct batch_spec *spec, const struct expected *expected,
                          int32_t count)
{
    struct batch_view view;
    struct text scratch = {0};
    struct slice body;
    assert_int_equal(batch_parse(bytes, &view), OK);
    assert_int_equal(view.bytes.size, bytes.size);
    assert_true(batch_crc_is_valid(bytes));
    assert_int_equal(view.header.record_count, count);
    assert_int_equal(batch_last_offset(&view.header), expected[count - 1].offset);
    assert_int_equal(view.header.producer_id, spec->producer_id);
    assert_int_equal(batch_is_transactional(&view.header), spec->is_transactional);
    assert_int_equal(batch_body(&view, TEST_BODY_MAX, &scratch, &body), OK);
    struct record_iter it = record_iter(&view.header, body);
    struct record record;
    for (int32_t i = 0; record_next(&it, &record); i++) {
        assert_int_equal(record.offset, expected[i].offset);
        assert_int_equal(record.timestamp, expected[i].timestamp);
        assert_int_equal(record.key.size, expected[i].key_size);
        assert_int_equal(slice_is_null(record.key), expected[i].key_size == 0);
        assert_int_equal(record.value.size, expected[i].value_size);
        assert_int_equal(record.header_count, expected[i].header_count);
    }
    assert_int_equal(it.err, OK);
    text_deinit(&scratch);
}

static void test_random_round_trips(void **state)
{
    (void)state;
    uint64_t seed = 42;
    struct batch_builder builder = {0};
    struct text out = {0};
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++) bytes[i] = (uint8_t)next_random(&seed);
    for (int round = 0; round < 300; round++) {
        struct expected expected[40];
        struct batch_spec spec = batch_spec((int64_t)(next_random(&seed) >> 20));
        spec.codec = (enum codec)(round % CODEC_COUNT);
        spec.producer_id = (int64_t)below(&seed, 3) - 1;
        spec.is_transactional = below(&seed, 2) == 0;
        int32_t count = 1 + (int32_t)below(&seed, 40);
        int64_t offset = spec.base_offset;
        batch_begin(&builder, &out, &spec);
        for (int32_t i = 0; i < count; i++, offset++) {
            struct record_header headers[] = {{SLICE("a"), SLICE_NULL}, {SLICE(""), SLICE("value")}};
            offset += (int64_t)below(&seed, 3);
            expected[i] = (struct expected){offset, (int64_t)next_random(&seed) >> 1, below(&seed, 200),
                                            below(&seed, 300), (int32_t)below(&seed, 3)};
            struct slice key = expected[i].key_size == 0 ? SLICE_NULL : slice_of(bytes, expected[i].key_size);
            batch_add_at(&builder, offset, expected[i].timestamp, key, slice_of(bytes, expected[i].value_size), headers,
                         expected[i].header_count);
        }
        struct slice batch;
        assert_int_equal(batch_end(&builder, &batch), OK);
        check_records(batch, &spec, expected, count);
    }
    // All of them stand behind each other in `out`.
    struct batch_iter it = batch_iter(text_slice(&out));
    struct batch_view view;
    int batches = 0;
    while (batch_next(&it, &view)) batches++;
    assert_int_equal(it.err, OK);
    assert_int_equal(batches, 300);
    batch_builder_deinit(&builder);
    text_deinit(&out);
}

static void test_sizes_are_upper_bounds(void **state)
{
    (void)state;
    struct text out = {0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    struct record_header header = {SLICE("name"), SLICE("some value")};
    batch_begin(&builder, &out, &spec);
    assert_int_equal(batch_size_so_far(&builder), BATCH_HEADER_SIZE);
    for (int i = 0; i < 100; i++) {
        size_t before = batch_size_so_far(&builder);
        int64_t timestamp = i % 2 == 0 ? INT64_MIN : INT64_MAX; // the longest delta
        batch_add(&builder, timestamp, SLICE("key"), SLICE_NULL, &header, 1);
        assert_true(batch_size_so_far(&builder) - before <= record_size_max(SLICE("key"), SLICE_NULL, &header, 1));
    }
    struct slice bytes;
    size_t size = batch_size_so_far(&builder);
    assert_int_equal(batch_end(&builder, &bytes), OK);
    assert_int_equal(bytes.size, size);
    batch_builder_deinit(&builder);
    text_deinit(&out);
}

static void test_abandoned_batch_leaves_nothing(void **state)
{
    (void)state;
    struct text out = {0};
    text_add_str(&out, "before");
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    batch_begin(&builder, &out, &spec);
    batch_add(&builder, 1, SLICE("k"), SLICE("v"), NULL, 0);
    batch_abandon(&builder);
    assert_string_equal(text_cstr(&out), "before");
    spec.codec = CODEC_ZSTD;
    batch_begin(&builder, &out, &spec); // and the builder is free for the next one
    batch_add(&builder, 1, SLICE("k"), SLICE("v"), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    struct batch_view view;
    assert_int_equal(batch_parse(slice_of(out.data + 6, out.size - 6), &view), OK);
    assert_int_equal(view.header.record_count, 1);
    batch_builder_deinit(&builder);
    text_deinit(&out);
}

// What compaction writes: gaps, a range that outlives its records, a delete horizon, an empty batch.
static void test_compacted_batches(void **state)
{
    (void)state;
    struct text out = {0};
    struct text described = {0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(100);
    spec.delete_horizon_ms = 5000;
    batch_begin(&builder, &out, &spec);
    batch_add_at(&builder, 103, 4000, SLICE("k"), SLICE_NULL, NULL, 0);
    batch_set_last_offset(&builder, 109);
    assert_int_equal(batch_end(&builder, NULL), OK);
    struct batch_view view;
    assert_int_equal(batch_parse(text_slice(&out), &view), OK);
    assert_true(batch_has_delete_horizon(&view.header));
    assert_int_equal(view.header.base_timestamp, 5000);
    assert_int_equal(batch_last_offset(&view.header), 109);
    assert_int_equal(describe_records(&view, &described), OK);
    assert_string_equal(text_cstr(&described), "r 103 4000 6b -\n");
    struct batch_header of = view.header;
    of.producer_id = 5;
    text_clear(&out);
    batch_empty(&out, &of);
    assert_int_equal(batch_parse(text_slice(&out), &view), OK);
    assert_true(batch_crc_is_valid(view.bytes));
    assert_int_equal(view.bytes.size, BATCH_HEADER_SIZE);
    assert_int_equal(view.header.record_count, 0);
    assert_int_equal(view.header.producer_id, 5);
    assert_int_equal(batch_last_offset(&view.header), 109);
    assert_int_equal(view.header.max_timestamp, 4000);
    text_clear(&described);
    assert_int_equal(describe_records(&view, &described), OK);
    assert_int_equal(described.size, 0);
    batch_builder_deinit(&builder);
    text_deinit(&out);
    text_deinit(&described);
}

static void test_kraft_control_batch(void **state)
{
    (void)state;
    struct text out = {0};
    enum control_type types[] = {CONTROL_LEADER_CHANGE, CONTROL_KRAFT_VERSION};
    struct slice values[] = {SLICE("leader"), SLICE("\0\0\0\1\0")};
    batch_kraft_control(&out, 0, 7, 1234, types, values, 2);
    struct batch_view view;
    assert_int_equal(batch_parse(text_slice(&out), &view), OK);
    assert_true(batch_is_control(&view.header));
    assert_false(batch_is_transactional(&view.header));
    assert_int_equal(view.header.partition_leader_epoch, 7);
    struct text scratch = {0};
    struct slice body;
    assert_int_equal(batch_body(&view, 0, &scratch, &body), OK);
    struct record_iter it = record_iter(&view.header, body);
    struct record record;
    for (int i = 0; record_next(&it, &record); i++) {
        enum control_type type;
        assert_int_equal(control_key_decode(record.key, &type), OK);
        assert_int_equal(type, types[i]);
        assert_true(slice_eq(record.value, values[i]));
    }
    assert_int_equal(it.err, OK);
    text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_bytes),           cmocka_unit_test(test_random_round_trips),
        cmocka_unit_test(test_sizes_are_upper_bounds), cmocka_unit_test(test_abandoned_batch_leaves_nothing),
        cmocka_unit_test(test_compacted_batches),      cmocka_unit_test(test_kraft_control_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
