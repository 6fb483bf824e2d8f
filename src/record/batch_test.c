// SPDX-License-Identifier: Apache-2.0
#include "record/batch.h"

#include <zlib.h>

#include "base/varint.h"
#include "record/test_util.h"

// kafka-internals A12
static const char one_record[] = "0000000000000000"
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
                                 "00";

static struct text from_hex(const char *hex)
{
    struct text bytes = {0};
    unhex(hex, &bytes);
    return bytes;
}

static void test_golden_batch(void **state)
{
    (void)state;
    struct text bytes = from_hex(one_record);
    struct batch_view view;
    assert_int_equal(batch_parse(text_slice(&bytes), &view), OK);
    const struct batch_header *h = &view.header;
    assert_int_equal(view.bytes.size, 70);
    assert_true(batch_crc_is_valid(view.bytes));
    assert_int_equal(h->crc, 0x716a6189);
    assert_int_equal(h->partition_leader_epoch, 3);
    assert_int_equal(h->max_timestamp, 1000);
    assert_false(batch_has_producer(h));
    assert_int_equal(batch_last_sequence(h), NO_SEQUENCE);
    struct text scratch = {0};
    struct slice body;
    assert_int_equal(batch_body(&view, 0, &scratch, &body), OK); // uncompressed: no limit, no allocation
    assert_null(scratch.data);
    struct record_iter it = record_iter(h, body);
    struct record record;
    assert_true(record_next(&it, &record));
    assert_true(slice_eq_str(record.key, "k") && slice_eq_str(record.value, "v"));
    assert_int_equal(record.timestamp, 1000);
    assert_int_equal(record.bytes.size, 9);
    assert_int_equal(record.header_count, 0);
    assert_false(record_next(&it, &record));
    assert_int_equal(it.err, OK);
    text_deinit(&bytes);
}

static void test_stamping_leaves_the_crc(void **state)
{
    (void)state;
    struct text bytes = from_hex(one_record);
    batch_set_base_offset(bytes.data, INT64_C(1) << 40);
    batch_set_leader_epoch(bytes.data, 77);
    struct batch_view view;
    assert_int_equal(batch_parse(text_slice(&bytes), &view), OK);
    assert_true(batch_crc_is_valid(view.bytes));
    assert_int_equal(view.header.base_offset, INT64_C(1) << 40);
    assert_int_equal(batch_last_offset(&view.header), INT64_C(1) << 40);
    assert_int_equal(view.header.partition_leader_epoch, 77);
    text_deinit(&bytes);
}

static void test_timestamps_change_the_crc_only_when_they_change(void **state)
{
    (void)state;
    struct text bytes = from_hex(one_record);
    bytes.data[BATCH_ATTRIBUTES_AT] = 0x7f; // unused bits: they stay as long as nothing is rewritten
    batch_seal(bytes.data);
    assert_false(batch_set_timestamps(bytes.data, TIMESTAMP_CREATE_TIME, 1000));
    assert_int_equal(load_i16(bytes.data + BATCH_ATTRIBUTES_AT), 0x7f00);
    assert_true(batch_set_timestamps(bytes.data, TIMESTAMP_LOG_APPEND_TIME, 1000));
    assert_int_equal(load_i16(bytes.data + BATCH_ATTRIBUTES_AT), BATCH_LOG_APPEND_TIME);
    assert_true(batch_crc_is_valid(text_slice(&bytes)));
    assert_true(batch_set_timestamps(bytes.data, TIMESTAMP_LOG_APPEND_TIME, 5));
    assert_false(batch_set_timestamps(bytes.data, TIMESTAMP_LOG_APPEND_TIME, 5));
    assert_true(batch_crc_is_valid(text_slice(&bytes)));
    text_deinit(&bytes);
}

static void test_walks_a_run_of_batches(void **state)
{
    (void)state;
    struct text run = from_hex(one_record);
    size_t size = run.size;
    unhex(one_record, &run);
    unhex(one_record, &run);
    for (size_t cut = 0; cut <= run.size; cut++) {
        struct batch_iter it = batch_iter(slice_of(run.data, cut));
        struct batch_view view;
        size_t count = 0;
        while (batch_next(&it, &view)) count++;
        assert_int_equal(count, cut / size);
        assert_int_equal(it.err, cut % size == 0 ? OK : ERR_TRUNCATED);
        assert_int_equal(it.rest.size, cut % size);
        assert_false(batch_next(&it, &view)); // and stays so
    }
    run.data[size + BATCH_MAGIC_AT] = 9;
    struct batch_iter it = batch_iter(text_slice(&run));
    struct batch_view view;
    assert_true(batch_next(&it, &view));
    assert_false(batch_next(&it, &view));
    assert_int_equal(it.err, ERR_CORRUPT);
    assert_int_equal(it.rest.size, 2 * size);
    text_deinit(&run);
}

static void test_sizes_and_lengths(void **state)
{
    (void)state;
    struct text bytes = from_hex(one_record);
    size_t size = 0;
    struct batch_header header;
    assert_int_equal(batch_size(slice_of(bytes.data, BATCH_PREFIX_SIZE), &size), OK);
    assert_int_equal(size, 70);
    assert_int_equal(batch_header_parse(slice_of(bytes.data, BATCH_HEADER_SIZE), &header), OK);
    assert_int_equal(batch_header_parse(slice_of(bytes.data, BATCH_HEADER_SIZE - 1), &header), ERR_TRUNCATED);
    store_i32(bytes.data + 8, 48); // magic 2, one byte short of its header
    assert_int_equal(batch_header_parse(text_slice(&bytes), &header), ERR_CORRUPT);
    store_i32(bytes.data + 8, 13);
    assert_int_equal(batch_size(slice_of(bytes.data, BATCH_OFFSET_SIZE), &size), ERR_CORRUPT);
    store_i32(bytes.data + 8, -1);
    assert_int_equal(batch_size(text_slice(&bytes), &size), ERR_CORRUPT);
    store_i32(bytes.data + 8, INT32_MAX);
    assert_int_equal(batch_size(text_slice(&bytes), &size), OK);
    assert_true(size == (size_t)INT32_MAX + BATCH_OFFSET_SIZE);
    text_deinit(&bytes);
}

// Old segments hold messages of magic 0 and 1; walking them needs size, offset, time and checksum.
static void test_old_messages(void **state)
{
    (void)state;
    for (int magic = 0; magic < 2; magic++) {
        uint8_t message[64] = {0};
        size_t size = magic == 0 ? 18 : 26;
        store_i64(message, 42);
        message[16] = (uint8_t)magic;
        message[17] = 0x09; // gzip; LogAppendTime, which magic 0 does not know
        if (magic == 1) store_i64(message + 18, 1234);
        store_i32(message + size, -1);
        memcpy(message + size + 4, "\0\0\0\1v", 5);
        size += 9;
        store_i32(message + 8, (int32_t)size - BATCH_OFFSET_SIZE);
        store_u32(message + 12, (uint32_t)crc32(0, message + 16, (uInt)size - 16));
        struct batch_view view;
        assert_int_equal(batch_parse(slice_of(message, sizeof(message)), &view), OK);
        assert_int_equal(view.bytes.size, size);
        assert_true(batch_crc_is_valid(view.bytes));
        assert_int_equal(view.header.magic, magic);
        assert_int_equal(view.header.base_offset, 42);
        assert_int_equal(batch_last_offset(&view.header), 42);
        assert_int_equal(view.header.max_timestamp, magic == 0 ? -1 : 1234);
        assert_int_equal(batch_is_log_append_time(&view.header), magic == 1);
        assert_int_equal(view.header.record_count, -1);
        assert_false(batch_has_producer(&view.header));
        struct slice body;
        struct text scratch = {0};
        assert_int_equal(batch_body(&view, 100, &scratch, &body), ERR_CORRUPT);
        message[size - 1] ^= 1;
        assert_false(batch_crc_is_valid(view.bytes));
        store_i32(message + 8, magic == 0 ? 13 : 21);
        assert_int_equal(batch_parse(slice_of(message, sizeof(message)), &view), ERR_CORRUPT);
    }
}

static void test_sequences_wrap(void **state)
{
    (void)state;
    assert_int_equal(sequence_add(INT32_MAX, 1), 0);
    assert_int_equal(sequence_add(INT32_MAX - 1, 4), 2);
    assert_int_equal(sequence_add(0, 5), 5);
    struct batch_header h = {.base_sequence = INT32_MAX, .last_offset_delta = 2};
    assert_int_equal(batch_last_sequence(&h), 1);
}

static void test_log_append_time_rules_records(void **state)
{
    (void)state;
    struct text bytes = from_hex(one_record);
    batch_set_timestamps(bytes.data, TIMESTAMP_LOG_APPEND_TIME, 5555);
    struct text out = {0};
    struct batch_view view;
    assert_int_equal(batch_parse(text_slice(&bytes), &view), OK);
    assert_int_equal(describe_records(&view, &out), OK);
    assert_string_equal(text_cstr(&out), "r 0 5555 6b 76\n");
    text_deinit(&bytes);
    text_deinit(&out);
}

static enum err walk(int32_t count, const char *hex)
{
    struct text body = from_hex(hex);
    uint8_t *exact = malloc(body.size + 1); // so that a sanitizer sees the first byte too many
    if (body.size > 0) memcpy(exact + 1, body.data, body.size);
    struct batch_header h = {.record_count = count};
    struct record_iter it = record_iter(&h, slice_of(exact + 1, body.size));
    struct record record;
    while (record_next(&it, &record)) {
    }
    free(exact);
    text_deinit(&body);
    return it.err;
}

static void test_records_are_strict(void **state)
{
    (void)state;
    assert_int_equal(walk(1, "10000000026b027600"), OK);
    assert_int_equal(walk(0, ""), OK);
    assert_int_equal(walk(-1, ""), ERR_CORRUPT);
    assert_int_equal(walk(0, "10000000026b027600"), ERR_CORRUPT); // bytes behind the last
    assert_int_equal(walk(2, "10000000026b027600"), ERR_CORRUPT); // a record missing
    assert_int_equal(walk(1, "0e000000026b027600"), ERR_CORRUPT); // size too small
    assert_int_equal(walk(1, "12000000026b02760000"), ERR_CORRUPT); // a byte left in the record
    assert_int_equal(walk(1, "10000000026b0276"), ERR_CORRUPT);
    assert_int_equal(walk(1, "00"), ERR_CORRUPT);
    assert_int_equal(walk(1, "01"), ERR_CORRUPT);           // negative size
    assert_int_equal(walk(1, "ffffffffff01"), ERR_CORRUPT); // varint too long
    assert_int_equal(walk(1, "10000000226b027600"), ERR_CORRUPT); // key past the record
    assert_int_equal(walk(1, "10000000026b027601"), ERR_CORRUPT); // -1 headers
    assert_int_equal(walk(1, "10000000026b02767e"), ERR_CORRUPT); // 63 headers in no bytes
    assert_int_equal(walk(1, "14000000026b0276020100"), ERR_CORRUPT); // header without key
    assert_int_equal(walk(1, "14000000026b0276020001"), OK); // empty key, null value
    assert_int_equal(walk(1, "0c000000010100"), OK);
}

// Sums of hostile deltas wrap; nothing overflows (the sanitizers watch).
static void test_far_deltas(void **state)
{
    (void)state;
    uint8_t body[64];
    uint8_t *at = body + 1;
    *at++ = 0;
    at = varint64_write(at, INT64_MAX);
    at = varint64_write(at, INT32_MIN);
    memcpy(at, "\1\1\0", 3);
    at += 3;
    body[0] = (uint8_t)((at - body - 1) * 2);
    struct batch_header h = {.record_count = 1, .base_offset = INT64_MIN, .base_timestamp = INT64_MAX};
    struct record_iter it = record_iter(&h, slice_of(body, (size_t)(at - body)));
    struct record record;
    assert_true(record_next(&it, &record));
    assert_true(slice_is_null(record.key) && slice_is_null(record.value));
    assert_true(record.timestamp == -2);
    assert_true(record.offset == (int64_t)((uint64_t)INT64_MIN + (uint64_t)(int64_t)INT32_MIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden_batch),
        cmocka_unit_test(test_stamping_leaves_the_crc),
        cmocka_unit_test(test_timestamps_change_the_crc_only_when_they_change),
        cmocka_unit_test(test_walks_a_run_of_batches),
        cmocka_unit_test(test_sizes_and_lengths),
        cmocka_unit_test(test_old_messages),
        cmocka_unit_test(test_sequences_wrap),
        cmocka_unit_test(test_log_append_time_rules_records),
        cmocka_unit_test(test_records_are_strict),
        cmocka_unit_test(test_far_deltas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
