// SPDX-License-Identifier: Apache-2.0
// What the interpreter does with single messages: defaults, nulls, tags, versions, parts.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/all.h"
#include <cmocka.h>

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void assert_encodes(const struct wire_message *message, int version, const void *in, struct slice expected)
{
    struct slice bytes = SLICE_NULL;
    assert_int_equal(wire_encode_bytes(message, version, in, &arena, &bytes), OK);
    assert_int_equal(bytes.size, expected.size);
    assert_memory_equal(bytes.data, expected.data, expected.size);
}

static void assert_not_encodes(const struct wire_message *message, int version, const void *in, enum err expected)
{
    struct slice bytes = SLICE_NULL;
    size_t size = 0;
    struct wire_out out;
    wire_out_init(&out, &arena);
    assert_int_equal(wire_encode_bytes(message, version, in, &arena, &bytes), expected);
    assert_int_equal(wire_size(message, version, in, &size), expected);
    assert_int_equal(wire_encode(message, version, in, &out), expected);
    assert_int_equal(out.size, 0);
}

static void defaults_are_kafkas(void **state)
{
    (void)state;
    struct fetch_request request = fetch_request_init();
    assert_int_equal(request.replica_id, -1);
    assert_int_equal(request.max_bytes, INT32_MAX);
    assert_int_equal(request.session_epoch, -1);
    assert_int_equal(request.replica_state.replica_id, -1);
    assert_true(slice_is_null(request.cluster_id));
    struct fetch_request_fetch_partition partition = fetch_request_fetch_partition_init();
    assert_int_equal(partition.high_watermark, INT64_MAX);
    struct metadata_request metadata;
    wire_init(&metadata_request_message, &metadata);
    assert_true(metadata.allow_auto_topic_creation);
    struct join_group_request join = join_group_request_init();
    assert_int_equal(join.rebalance_timeout_ms, -1);
    // Nullable without a default of null: empty, not null.
    struct group_metadata_value group = group_metadata_value_init();
    assert_false(slice_is_null(group.protocol));
    assert_int_equal(group.protocol.size, 0);
    struct consumer_group_member_metadata_value member = consumer_group_member_metadata_value_init();
    assert_non_null(member.classic_member_metadata);
}

static void versions_change_the_form(void **state)
{
    (void)state;
    struct api_versions_request request = api_versions_request_init();
    request.client_software_name = SLICE("ab");
    request.client_software_version = SLICE("1");
    assert_encodes(&api_versions_request_message, 3, &request,
                   SLICE("\x03"
                         "ab"
                         "\x02"
                         "1"
                         "\x00"));
    // Ignorable: older versions leave it out.
    assert_encodes(&api_versions_request_message, 0, &request, SLICE(""));
}

static void what_must_not_be_dropped_is_refused(void **state)
{
    (void)state;
    struct metadata_request request = metadata_request_init();
    assert_encodes(&metadata_request_message, 3, &request, SLICE("\0\0\0\0"));
    request.allow_auto_topic_creation = false; // since version 4, not ignorable
    assert_not_encodes(&metadata_request_message, 3, &request, ERR_UNSUPPORTED_VERSION);
    assert_encodes(&metadata_request_message, 4, &request, SLICE("\0\0\0\0\0"));
}

static void nulls_need_a_version_that_allows_them(void **state)
{
    (void)state;
    struct metadata_request request = metadata_request_init();
    request.topics.count = -1;
    assert_encodes(&metadata_request_message, 1, &request, SLICE("\xff\xff\xff\xff"));
    assert_not_encodes(&metadata_request_message, 0, &request, ERR_INVALID);
    assert_int_equal(wire_decode(&metadata_request_message, 0, SLICE("\xff\xff\xff\xff"), &arena, &request, NULL),
                     ERR_CORRUPT);
    assert_int_equal(wire_decode(&metadata_request_message, 1, SLICE("\xff\xff\xff\xff"), &arena, &request, NULL), OK);
    assert_int_equal(request.topics.count, -1);
    // The name: nullable from version 10 on; null bytes mean null before it too, and are refused.
    struct metadata_request_metadata_request_topic topic = metadata_request_metadata_request_topic_init();
    topic.name = SLICE_NULL;
    request = metadata_request_init();
    request.topics.items = &topic;
    request.topics.count = 1;
    assert_not_encodes(&metadata_request_message, 9, &request, ERR_INVALID);
    size_t size = 0;
    assert_int_equal(wire_size(&metadata_request_message, 10, &request, &size), OK);
    // A string no version makes nullable: null bytes are an empty string.
    struct heartbeat_request heartbeat = heartbeat_request_init();
    assert_encodes(&heartbeat_request_message, 0, &heartbeat, SLICE("\0\0\0\0\0\0\0\0"));
}

static void nullable_structs_have_a_byte_before_them(void **state)
{
    (void)state;
    struct describe_topic_partitions_request request = describe_topic_partitions_request_init();
    assert_encodes(&describe_topic_partitions_request_message, 0, &request, SLICE("\x01\x00\x00\x07\xd0\xff\x00"));
    struct describe_topic_partitions_request_cursor cursor = {.topic_name = SLICE("t"), .partition_index = 3};
    request.cursor = &cursor;
    struct slice bytes = SLICE("\x01\x00\x00\x07\xd0\x01\x02t\x00\x00\x00\x03\x00\x00");
    assert_encodes(&describe_topic_partitions_request_message, 0, &request, bytes);
    assert_int_equal(wire_decode(&describe_topic_partitions_request_message, 0, bytes, &arena, &request, NULL), OK);
    assert_int_equal(request.cursor->partition_index, 3);
}

static void unknown_tags_are_kept(void **state)
{
    (void)state;
    // ApiVersionsRequest has no tags of its own; these two are 5 and 300.
    struct slice bytes = SLICE("\x02"
                               "a"
                               "\x01"
                               "\x02"
                               "\x05\x01"
                               "x"
                               "\xac\x02\x00");
    struct api_versions_request request;
    assert_int_equal(wire_decode(&api_versions_request_message, 3, bytes, &arena, &request, NULL), OK);
    assert_int_equal(request.unknown_tags.count, 2);
    assert_int_equal(request.unknown_tags.items[1].tag, 300);
    assert_encodes(&api_versions_request_message, 3, &request, bytes);
    assert_not_encodes(&api_versions_request_message, 2, &request, ERR_UNSUPPORTED_VERSION);
    // Behind and between known ones: FetchRequest 12 knows tag 0; 17 in a partition knows 0, 18 also 1.
    struct fetch_request fetch = fetch_request_init();
    struct wire_tag tags[] = {{.tag = 1, .bytes = SLICE("zz")}, {.tag = 9, .bytes = SLICE("")}};
    fetch.cluster_id = SLICE("c");
    fetch.unknown_tags.items = tags;
    fetch.unknown_tags.count = 2;
    struct slice encoded = SLICE_NULL;
    assert_int_equal(wire_encode_bytes(&fetch_request_message, 12, &fetch, &arena, &encoded), OK);
    struct slice tail = SLICE("\x03"
                              "\x00\x02\x02"
                              "c"
                              "\x01\x02"
                              "zz"
                              "\x09\x00");
    assert_memory_equal(encoded.data + encoded.size - tail.size, tail.data, tail.size);
    struct fetch_request read;
    assert_int_equal(wire_decode(&fetch_request_message, 12, encoded, &arena, &read, NULL), OK);
    assert_true(wire_equal(&fetch_request_message, 12, &fetch, &read));
    // In version 15, tag 1 has become a known one.
    assert_not_encodes(&fetch_request_message, 15, &fetch, ERR_INVALID);
    tags[0].tag = 9;
    assert_not_encodes(&fetch_request_message, 12, &fetch, ERR_INVALID);
}

static void tags_must_make_sense(void **state)
{
    (void)state;
    static const struct {
        struct slice bytes;
        enum err expected;
    } cases[] = {
        {SLICE("\x01\x01\x01\x07\x00"), OK},
        {SLICE("\x01\x01\x02\x07\x00\x07\x00"), ERR_CORRUPT}, // twice
        {SLICE("\x01\x01\x02\x07\x00\x06\x00"), ERR_CORRUPT}, // descending
        {SLICE("\x01\x01\x01\x07\x05"
               "abc"),
         ERR_TRUNCATED}, // longer than the rest
        {SLICE("\x01\x01\x01\x07"), ERR_TRUNCATED},
        {SLICE("\x01\x01\xff\xff\xff\xff\x0f"), ERR_TRUNCATED}, // 4 billion tags
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct api_versions_request request;
        enum err e = wire_decode(&api_versions_request_message, 3, cases[i].bytes, &arena, &request, NULL);
        if (e != cases[i].expected) fail_msg("case %zu: %s", i, err_name(e));
    }
    // A known tag whose value is shorter or longer than its size: ApiVersionsResponse, tag 1, an int64.
    struct api_versions_response response;
    struct slice right = SLICE("\0\0\x01\0\0\0\0\x01\x01\x08\0\0\0\0\0\0\0\x05");
    struct slice longer = SLICE("\0\0\x01\0\0\0\0\x01\x01\x09\0\0\0\0\0\0\0\x05\0");
    struct slice shorter = SLICE("\0\0\x01\0\0\0\0\x01\x01\x07\0\0\0\0\0\0\x05");
    assert_int_equal(wire_decode(&api_versions_response_message, 3, right, &arena, &response, NULL), OK);
    assert_int_equal(response.finalized_features_epoch, 5);
    assert_int_equal(wire_decode(&api_versions_response_message, 3, longer, &arena, &response, NULL), ERR_CORRUPT);
    assert_int_equal(wire_decode(&api_versions_response_message, 3, shorter, &arena, &response, NULL), ERR_CORRUPT);
}

static void strings_end_at_32767(void **state)
{
    (void)state;
    static uint8_t text[32768];
    struct heartbeat_request request = heartbeat_request_init();
    for (int version = 0; version <= 4; version += 4) {
        struct slice bytes = SLICE_NULL;
        request.group_id = slice_of(text, 32767);
        assert_int_equal(wire_encode_bytes(&heartbeat_request_message, version, &request, &arena, &bytes), OK);
        request.group_id = slice_of(text, 32768);
        assert_not_encodes(&heartbeat_request_message, version, &request, ERR_INVALID);
    }
}

static void a_frame_of_tiny_elements_stays_small(void **state)
{
    (void)state;
    // 1 MiB of one-byte strings in MetadataRequest 0 would be 350,000 topics of 64 bytes: 21 MiB.
    size_t count = 350000;
    uint8_t *bytes = arena_zalloc(&arena, count, 3);
    uint8_t *frame = arena_zalloc(&arena, 1, 4 + count * 3);
    for (size_t i = 0; i < count; i++) bytes[i * 3 + 1] = 1;
    memcpy(frame + 4, bytes, count * 3);
    frame[0] = (uint8_t)(count >> 24);
    frame[1] = (uint8_t)(count >> 16);
    frame[2] = (uint8_t)(count >> 8);
    frame[3] = (uint8_t)count;
    struct slice in = slice_of(frame, 4 + count * 3);
    struct metadata_request request;
    size_t before = arena_used(&arena);
    assert_int_equal(wire_decode(&metadata_request_message, 0, in, &arena, &request, NULL), ERR_TOO_LARGE);
    assert_true(arena_used(&arena) - before <= (1 << 20) + 8 * in.size);
    assert_int_equal(wire_decode_bounded(&metadata_request_message, 0, in, SIZE_MAX, &arena, &request, NULL), OK);
    assert_int_equal(request.topics.count, count);
}

static void big_records_and_files_are_not_copied(void **state)
{
    (void)state;
    static uint8_t records[WIRE_COPY_MAX + 1];
    int file = 0;
    struct fetch_response_partition_data partitions[3];
    for (size_t i = 0; i < COUNT_OF(partitions); i++) partitions[i] = fetch_response_partition_data_init();
    partitions[0].records.bytes = slice_of(records, sizeof(records));
    partitions[1].records = (struct wire_records){.file = &file, .position = 4096, .size = 777};
    partitions[2].records.bytes = slice_of(records, 10);
    struct fetch_response_fetchable_topic_response topic = fetch_response_fetchable_topic_response_init();
    topic.partitions.items = partitions;
    topic.partitions.count = COUNT_OF(partitions);
    struct fetch_response response = fetch_response_init();
    response.responses.items = &topic;
    response.responses.count = 1;
    struct wire_out out;
    wire_out_init(&out, &arena);
    memcpy(wire_out_reserve(&out, 4), "head", 4);
    assert_int_equal(wire_encode(&fetch_response_message, 13, &response, &out), OK);
    // head + body, records, body, file, body with the small records
    assert_int_equal(out.part_count >= 5, true);
    size_t total = 0;
    int files = 0;
    int referenced = 0;
    for (int32_t i = 0; i < out.part_count; i++) {
        const struct wire_part *part = &out.parts[i];
        total += part->size;
        if (part->file != NULL) {
            files++;
            assert_ptr_equal(part->file, &file);
            assert_int_equal(part->position, 4096);
            assert_int_equal(part->size, 777);
        }
        referenced += part->bytes.data == records;
    }
    size_t size = 0;
    assert_int_equal(wire_size(&fetch_response_message, 13, &response, &size), OK);
    assert_int_equal(total, size + 4);
    assert_int_equal(out.size, total);
    assert_int_equal(files, 1);
    assert_int_equal(referenced, 1);
    struct slice bytes = SLICE_NULL;
    assert_int_equal(wire_encode_bytes(&fetch_response_message, 13, &response, &arena, &bytes), ERR_INVALID);
}

static void apis_are_found(void **state)
{
    (void)state;
    const struct wire_api *api = NULL;
    int last = -1;
    for (size_t i = 0; (api = wire_api_at(i)) != NULL; i++) {
        assert_true(api->key > last);
        last = api->key;
        assert_ptr_equal(wire_api_find(api->key), api);
        assert_ptr_equal(wire_api_by_name(slice_str(api->name)), api);
    }
    assert_null(wire_api_find(last + 1));
    assert_null(wire_api_find(-1));
    const struct wire_api *produce = wire_api_find(API_PRODUCE);
    assert_ptr_equal(produce->request, &produce_request_message);
    assert_int_equal(produce->advertise_min, 0);
    assert_false(wire_api_is_served(produce, 2));
    assert_true(wire_api_is_served(produce, 3));
    assert_int_equal(wire_request_header_version(produce, 8), 1);
    assert_int_equal(wire_request_header_version(produce, 9), 2);
    assert_int_equal(wire_response_header_version(produce, 9), 1);
    const struct wire_api *versions = wire_api_find(API_API_VERSIONS);
    assert_int_equal(wire_request_header_version(versions, 3), 2);
    assert_int_equal(wire_response_header_version(versions, 3), 0);
    assert_false(wire_api_is_served(wire_api_find(API_LEADER_AND_ISR), 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults_are_kafkas, set_up, tear_down),
        cmocka_unit_test_setup_teardown(versions_change_the_form, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_must_not_be_dropped_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nulls_need_a_version_that_allows_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nullable_structs_have_a_byte_before_them, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_tags_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tags_must_make_sense, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strings_end_at_32767, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_frame_of_tiny_elements_stays_small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(big_records_and_files_are_not_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(apis_are_found, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
