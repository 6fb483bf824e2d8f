// SPDX-License-Identifier: Apache-2.0
#include "coord/group_test_util.h"

enum { DAY_MS = 24 * 3600 * 1000 };

// ---- committing and fetching -------------------------------------------------------------------------------------

static void a_simple_consumer_needs_no_group(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(position(&f, "g", "orders", 0), -1);
    assert_int_equal(commit(&f, (struct committing){.offset = 42, .metadata = "m"}), OK);
    struct offset_fetch_response_offset_fetch_response_partitions p = fetch(&f, "g", "orders", 0, true);
    assert_int_equal(p.committed_offset, 42);
    assert_int_equal(p.committed_leader_epoch, 3);
    assert_true(slice_eq_str(p.metadata, "m"));
    p = fetch(&f, "g", "orders", 1, false);
    assert_int_equal(p.committed_offset, -1);
    assert_int_equal(p.committed_leader_epoch, -1);
    assert_int_equal(p.error_code, OK);
    assert_int_equal(p.metadata.size, 0);
    assert_string_equal(state_of(&f, "g"), "Empty");
    assert_int_equal(describe(&f, "g")->protocol_type.size, 0);
    fixture_reload(&f);
    assert_int_equal(position(&f, "g", "orders", 0), 42);
    fixture_deinit(&f);
}

static void who_may_commit(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(commit(&f, (struct committing){.member_id = SLICE("m"), .generation = 1, .version = 8}),
                     ERR_ILLEGAL_GENERATION);
    assert_int_equal(commit(&f, (struct committing){.member_id = SLICE("m"), .generation = 1}), ERR_GROUP_ID_NOT_FOUND);
    struct slice id = settle_one(&f, (struct joining){.instance = "box"});
    struct committing c = {.member_id = id, .instance = "box", .generation = 1, .offset = 7};
    assert_int_equal(commit(&f, c), OK);
    c.generation = 2;
    assert_int_equal(commit(&f, c), ERR_ILLEGAL_GENERATION);
    c.generation = 0; // -1: a member's all the same
    assert_int_equal(commit(&f, c), ERR_ILLEGAL_GENERATION);
    c = (struct committing){.member_id = SLICE("who"), .instance = "box", .generation = 1};
    assert_int_equal(commit(&f, c), ERR_FENCED_INSTANCE_ID);
    c.instance = NULL;
    assert_int_equal(commit(&f, c), ERR_UNKNOWN_MEMBER_ID);
    assert_int_equal(commit(&f, (struct committing){.offset = 1}), ERR_UNKNOWN_MEMBER_ID); // group in use
    struct call *again = join(&f, (struct joining){.instance = "box"}, id);
    assert_int_equal(joined(again)->generation_id, 2);
    c = (struct committing){.member_id = id, .instance = "box", .generation = 2};
    assert_int_equal(commit(&f, c), ERR_REBALANCE_IN_PROGRESS);
    assert_int_equal(position(&f, "g", "orders", 0), 7);
    leave_one(&f, id, NULL);
    assert_int_equal(commit(&f, (struct committing){.offset = 1}), OK); // an administrator sets it back
    fixture_deinit(&f);
}

static void a_commit_keeps_its_member_alive(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct slice id = settle_one(&f, (struct joining){0});
    for (int i = 0; i < 5; i++) {
        fixture_wait(&f, 9000);
        assert_int_equal(commit(&f, (struct committing){.member_id = id, .generation = 1, .offset = i}), OK);
    }
    assert_string_equal(state_of(&f, "g"), "Stable");
    fixture_deinit(&f);
}

static void what_does_not_exist_is_refused_first(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(commit(&f, (struct committing){.topic = "gone", .generation = 1}), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit(&f, (struct committing){.partition = 4}), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(commit(&f, (struct committing){.partition = -1}), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_false(is_listed_group(&f, "g"));
    fixture_deinit(&f);
}

static void metadata_is_counted_as_java_does(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.offset_metadata_max_bytes = 4;
    fixture_reload(&f);
    assert_int_equal(commit(&f, (struct committing){.metadata = "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"}), OK); // 4 umlauts
    assert_int_equal(commit(&f, (struct committing){.metadata = "\xf0\x9f\x98\x80\xf0\x9f\x98\x80"}), OK); // 2 pairs
    assert_int_equal(commit(&f, (struct committing){.metadata = "12345"}), ERR_OFFSET_METADATA_TOO_LARGE);
    fixture_deinit(&f);
}

// ---- by id -------------------------------------------------------------------------------------------------------

static struct uuid id_of(uint8_t n)
{
    return (struct uuid){.bytes = {[0] = 7, [15] = n}};
}

static struct offset_fetch_response_offset_fetch_response_group *fetch_ids(struct fixture *f, const struct uuid *ids,
                                                                           int32_t count)
{
    static int32_t first_two[] = {0, 1};
    struct offset_fetch_request request = offset_fetch_request_init();
    struct offset_fetch_request_offset_fetch_request_group in = offset_fetch_request_offset_fetch_request_group_init();
    struct offset_fetch_request_offset_fetch_request_topics topics[4] = {0};
    for (int32_t i = 0; i < count; i++) {
        topics[i].topic_id = ids[i];
        topics[i].partition_indexes.items = first_two;
        topics[i].partition_indexes.count = 2;
    }
    in.group_id = SLICE("g");
    in.topics.items = topics;
    in.topics.count = count;
    request.groups.items = &in;
    request.groups.count = 1;
    struct offset_fetch_response *response =
        fixture_answer(fixture_ask(f, &offset_fetch_request_message, 10, &request));
    return &response->groups.items[0];
}

static void topics_may_be_named_by_id(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    struct offset_commit_request_offset_commit_request_partition partitions[2] = {
        {.partition_index = 0, .committed_offset = 9, .committed_metadata = SLICE("")},
        {.partition_index = 77, .committed_offset = 9, .committed_metadata = SLICE("")}};
    struct offset_commit_request_offset_commit_request_topic topics[2] = {{.topic_id = id_of(99)},
                                                                          {.topic_id = id_of(2)}};
    struct offset_commit_request request = offset_commit_request_init();
    for (int i = 0; i < 2; i++) {
        topics[i].partitions.items = partitions;
        topics[i].partitions.count = 2;
    }
    request.group_id = SLICE("g");
    request.topics.items = topics;
    request.topics.count = 2;
    struct offset_commit_response *r = fixture_answer(fixture_ask(&f, &offset_commit_request_message, 10, &request));
    assert_int_equal(r->topics.count, 2);
    assert_int_equal(r->topics.items[0].partitions.items[0].error_code, ERR_UNKNOWN_TOPIC_ID);
    assert_true(uuid_eq(r->topics.items[1].topic_id, id_of(2)));
    assert_int_equal(r->topics.items[1].partitions.count, 2); // what is refused comes first
    assert_int_equal(r->topics.items[1].partitions.items[0].partition_index, 77);
    assert_int_equal(r->topics.items[1].partitions.items[0].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(r->topics.items[1].partitions.items[1].error_code, OK);
    const struct uuid ids[] = {id_of(99), id_of(2)};
    struct offset_fetch_response_offset_fetch_response_group *group = fetch_ids(&f, ids, 2);
    assert_int_equal(group->topics.count, 2);
    assert_true(uuid_eq(group->topics.items[0].topic_id, id_of(2)));
    assert_int_equal(group->topics.items[0].partitions.items[0].committed_offset, 9);
    assert_int_equal(group->topics.items[0].partitions.items[1].committed_offset, -1);
    assert_int_equal(group->topics.items[1].partitions.items[0].error_code, ERR_UNKNOWN_TOPIC_ID);
    assert_int_equal(position(&f, "g", "bills", 0), 9);
    fixture_deinit(&f);
}

static void a_topic_made_again_starts_without_positions(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(commit(&f, (struct committing){.topic = "bills", .offset = 5}), OK);
    assert_int_equal(commit(&f, (struct committing){.topic = "orders", .offset = 6}), OK);
    struct image_delta *delta = harness_topic_delete(&f.topics, 2);
    // This coordinator does not hear of it: it was elsewhere.
    harness_topic_create(&f.topics, "bills", 3, 2);
    const struct uuid ids[] = {id_of(3)};
    assert_int_equal(fetch_ids(&f, ids, 1)->topics.items[0].partitions.items[0].committed_offset, -1);
    assert_int_equal(position(&f, "g", "bills", 0), 5); // names cannot tell
    fixture_do(&f, (struct coord_event){.kind = EV_COORD_IMAGE, .delta = delta});
    assert_int_equal(position(&f, "g", "bills", 0), -1);
    assert_int_equal(position(&f, "g", "orders", 0), 6);
    assert_int_equal(commit(&f, (struct committing){.topic = "bills", .offset = 8}), OK);
    fixture_do(&f, (struct coord_event){.kind = EV_COORD_IMAGE, .delta = delta}); // the old one's end, not this one's
    assert_int_equal(position(&f, "g", "bills", 0), 8);
    image_delta_unref(delta);
    fixture_deinit(&f);
}

// ---- everything of a group ---------------------------------------------------------------------------------------

static void all_positions_in_both_shapes(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    commit(&f, (struct committing){.offset = 1});
    commit(&f, (struct committing){.partition = 2, .offset = 2});
    commit(&f, (struct committing){.topic = "bills", .offset = 3});
    struct offset_fetch_request old = offset_fetch_request_init();
    old.group_id = SLICE("g");
    old.topics.count = -1;
    for (int16_t version = 2; version < 8; version++) {
        struct offset_fetch_response *r = fixture_answer(fixture_ask(&f, &offset_fetch_request_message, version, &old));
        assert_int_equal(r->error_code, OK);
        assert_int_equal(r->topics.count, 2);
        assert_int_equal(r->topics.items[0].partitions.count, 2);
        assert_int_equal(r->topics.items[0].partitions.items[1].committed_offset, 2);
        assert_true(slice_eq_str(r->topics.items[1].name, "bills"));
    }
    struct offset_fetch_request request = offset_fetch_request_init();
    struct offset_fetch_request_offset_fetch_request_group in = offset_fetch_request_offset_fetch_request_group_init();
    in.group_id = SLICE("g");
    in.topics.count = -1;
    request.groups.items = &in;
    request.groups.count = 1;
    for (int16_t version = 8; version <= 10; version++) {
        struct offset_fetch_response *r =
            fixture_answer(fixture_ask(&f, &offset_fetch_request_message, version, &request));
        assert_int_equal(r->groups.items[0].topics.count, 2);
        assert_true(version < 10 || uuid_eq(r->groups.items[0].topics.items[0].topic_id, id_of(1)));
    }
    in.group_id = SLICE("nobody");
    struct offset_fetch_response *r = fixture_answer(fixture_ask(&f, &offset_fetch_request_message, 9, &request));
    assert_int_equal(r->groups.items[0].error_code, OK);
    assert_int_equal(r->groups.items[0].topics.count, 0);
    fixture_deinit(&f);
}

// ---- transactions ------------------------------------------------------------------------------------------------

// A transactional commit as Apache Kafka writes it: version 4, no topic id.
static void add_uncertain(struct fixture *f, int64_t producer_id, uint8_t offset)
{
    static const uint8_t key[] = "\0\1\0\1g\0\6orders\0\0\0\0";
    uint8_t value[] = {0, 4, 0, 0, 0, 0, 0, 0, 0, offset, 0xff, 0xff, 0xff, 0xff, 1, 0, 0, 0, 0, 0, 0, 0, 5, 0};
    struct batch_spec spec = batch_spec(f->end_offset++);
    struct batch_builder builder = {0};
    spec.producer_id = producer_id;
    spec.producer_epoch = 0;
    spec.base_sequence = 0;
    spec.is_transactional = true;
    batch_begin(&builder, &f->log, &spec);
    batch_add(&builder, f->wall_ms, slice_of(key, sizeof(key) - 1), slice_of(value, sizeof(value)), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
}

static void add_marker(struct fixture *f, int64_t producer_id, bool is_commit)
{
    batch_end_txn_marker(&f->log, f->end_offset++, 0, f->wall_ms, producer_id, 0,
                         is_commit ? CONTROL_COMMIT : CONTROL_ABORT, 0);
}

static void uncertain_commits_wait_for_their_marker(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    commit(&f, (struct committing){.offset = 1});
    add_uncertain(&f, 1000, 2);
    fixture_reload(&f);
    assert_int_equal(position(&f, "g", "orders", 0), 1);
    struct offset_fetch_response_offset_fetch_response_partitions p = fetch(&f, "g", "orders", 0, true);
    assert_int_equal(p.error_code, ERR_UNSTABLE_OFFSET_COMMIT);
    assert_int_equal(p.committed_offset, -1);
    assert_int_equal(fetch(&f, "g", "orders", 1, true).error_code, OK);
    add_uncertain(&f, 2000, 3);
    add_marker(&f, 1000, true);
    fixture_reload(&f);
    assert_int_equal(position(&f, "g", "orders", 0), 2);
    assert_int_equal(fetch(&f, "g", "orders", 0, true).error_code, ERR_UNSTABLE_OFFSET_COMMIT);
    add_marker(&f, 2000, false);
    fixture_reload(&f);
    assert_int_equal(fetch(&f, "g", "orders", 0, true).committed_offset, 2);
    add_uncertain(&f, 1000, 9);
    fixture_reload(&f);
    assert_int_equal(commit(&f, (struct committing){.offset = 4}), OK); // newer than the uncertain one
    add_marker(&f, 1000, true);
    fixture_reload(&f);
    assert_int_equal(position(&f, "g", "orders", 0), 4);
    fixture_deinit(&f);
}

static void deleting_takes_uncertain_commits_too(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    add_uncertain(&f, 1000, 2);
    fixture_reload(&f);
    assert_true(is_listed_group(&f, "g"));
    fixture_wait(&f, INT64_C(30) * DAY_MS); // what is uncertain does not expire
    assert_true(is_listed_group(&f, "g"));
    assert_int_equal(delete_group_named(&f, "g"), OK);
    add_marker(&f, 1000, true);
    fixture_reload(&f);
    assert_false(is_listed_group(&f, "g"));
    fixture_deinit(&f);
}

// ---- deleting ----------------------------------------------------------------------------------------------------

static struct offset_delete_response *delete_offset(struct fixture *f, const char *topic, int32_t partition)
{
    struct offset_delete_request request = offset_delete_request_init();
    struct offset_delete_request_offset_delete_request_partition p = {.partition_index = partition};
    struct offset_delete_request_offset_delete_request_topic t = {.name = slice_str(topic)};
    t.partitions.items = &p;
    t.partitions.count = 1;
    request.group_id = SLICE("g");
    request.topics.items = &t;
    request.topics.count = 1;
    return fixture_answer(fixture_ask(f, &offset_delete_request_message, 0, &request));
}

static int deleted(struct offset_delete_response *r)
{
    assert_int_equal(r->error_code, OK);
    return r->topics.items[0].partitions.items[0].error_code;
}

static void positions_are_deleted_where_nobody_reads(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    assert_int_equal(delete_offset(&f, "orders", 0)->error_code, ERR_GROUP_ID_NOT_FOUND);
    struct slice id = settle_one(&f, (struct joining){.topics = "orders"});
    commit(&f, (struct committing){.member_id = id, .generation = 1, .offset = 5});
    commit(&f, (struct committing){.member_id = id, .generation = 1, .offset = 6, .topic = "bills"});
    assert_int_equal(deleted(delete_offset(&f, "orders", 0)), ERR_GROUP_SUBSCRIBED_TO_TOPIC);
    assert_int_equal(deleted(delete_offset(&f, "bills", 0)), OK);
    assert_int_equal(deleted(delete_offset(&f, "bills", 1)), OK); // has none
    assert_int_equal(deleted(delete_offset(&f, "bills", 9)), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(position(&f, "g", "bills", 0), -1);
    assert_int_equal(position(&f, "g", "orders", 0), 5);
    leave_one(&f, id, NULL);
    assert_int_equal(deleted(delete_offset(&f, "orders", 0)), OK);
    assert_int_equal(position(&f, "g", "orders", 0), -1);
    fixture_deinit(&f);
}

static void positions_of_other_protocols_need_an_empty_group(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    settle_one(&f, (struct joining){.type = "connect"});
    assert_int_equal(delete_offset(&f, "orders", 0)->error_code, ERR_NON_EMPTY_GROUP);
    fixture_deinit(&f);
}

// ---- expiry ------------------------------------------------------------------------------------------------------

static void a_simple_consumers_position_expires_by_itself(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    commit(&f, (struct committing){.offset = 1});
    fixture_wait(&f, INT64_C(4) * DAY_MS);
    commit(&f, (struct committing){.offset = 2, .partition = 1});
    fixture_wait(&f, INT64_C(3) * DAY_MS + 600 * 1000);
    assert_int_equal(position(&f, "g", "orders", 0), -1);
    assert_int_equal(position(&f, "g", "orders", 1), 2);
    fixture_wait(&f, INT64_C(4) * DAY_MS);
    assert_false(is_listed_group(&f, "g"));
    fixture_reload(&f);
    assert_false(is_listed_group(&f, "g"));
    fixture_deinit(&f);
}

static void beat_for(struct fixture *f, struct slice id, int64_t ms)
{
    for (int64_t left = ms; left > 0; left -= 1700 * 1000) {
        fixture_wait(f, left < 1700 * 1000 ? left : 1700 * 1000);
        assert_int_equal(beat(f, id, NULL, 1), OK);
    }
}

static void retention_begins_when_a_group_is_empty(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.settings.offsets_retention_ms = 2 * DAY_MS;
    fixture_reload(&f);
    struct slice id = settle_one(&f, (struct joining){.session_ms = 1800000, .topics = "orders"});
    commit(&f, (struct committing){.member_id = id, .generation = 1, .offset = 5});
    commit(&f, (struct committing){.member_id = id, .generation = 1, .offset = 6, .topic = "bills"});
    beat_for(&f, id, INT64_C(3) * DAY_MS);
    assert_int_equal(position(&f, "g", "orders", 0), 5);
    assert_int_equal(position(&f, "g", "bills", 0), -1); // nobody has it subscribed
    leave_one(&f, id, NULL);
    fixture_wait(&f, INT64_C(2) * DAY_MS - 700 * 1000);
    fixture_reload(&f); // the moment it became empty is in the log
    assert_int_equal(position(&f, "g", "orders", 0), 5);
    fixture_wait(&f, 1400 * 1000);
    assert_int_equal(position(&f, "g", "orders", 0), -1);
    assert_false(is_listed_group(&f, "g"));
    fixture_deinit(&f);
}

static void a_client_may_set_its_own_expiry(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    commit(&f, (struct committing){.offset = 5, .version = 4, .retention_ms = 3600 * 1000});
    fixture_reload(&f);
    fixture_wait(&f, 3000 * 1000);
    assert_int_equal(position(&f, "g", "orders", 0), 5);
    fixture_wait(&f, 1300 * 1000);
    assert_int_equal(position(&f, "g", "orders", 0), -1);
    fixture_deinit(&f);
}

// ---- bytes -------------------------------------------------------------------------------------------------------

struct record_bytes {
    struct slice key;
    struct slice value;
};

static struct record_bytes last_record(struct fixture *f)
{
    struct batch_iter batches = batch_iter(text_slice(&f->log));
    struct batch_view batch;
    struct record_bytes last = {0};
    while (batch_next(&batches, &batch)) {
        struct slice body;
        assert_int_equal(batch_body(&batch, 1 << 20, NULL, &body), OK);
        struct record_iter records = record_iter(&batch.header, body);
        for (struct record r; record_next(&records, &r);) last = (struct record_bytes){r.key, r.value};
    }
    return last;
}

#define ASSERT_BYTES(bytes, literal)                                                                                   \
    do {                                                                                                               \
        assert_int_equal((bytes).size, sizeof(literal) - 1);                                                           \
        assert_memory_equal((bytes).data, (literal), sizeof(literal) - 1);                                             \
    } while (0)

// Lay-outs as Apache Kafka 4.3.1 writes them (kafka-internals E2).
static void records_are_kafkas(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    f.wall_ms = 0x0102030405060708;
    commit(&f, (struct committing){.offset = 5, .metadata = "m"});
    struct record_bytes r = last_record(&f);
    ASSERT_BYTES(r.key, "\0\1\0\1g\0\6orders\0\0\0\0");
    ASSERT_BYTES(r.value, "\0\4\0\0\0\0\0\0\0\5\0\0\0\3\2m\1\2\3\4\5\6\7\10\1\0\20\7\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
    commit(&f, (struct committing){.offset = 5, .version = 2, .retention_ms = 1});
    ASSERT_BYTES(last_record(&f).value, "\0\1\0\0\0\0\0\0\0\5\0\0\1\2\3\4\5\6\7\10\1\2\3\4\5\6\7\11");
    joined(join(&f, (struct joining){.group = "h"}, SLICE("")));
    r = last_record(&f);
    ASSERT_BYTES(r.key, "\0\2\0\1h");
    ASSERT_BYTES(r.value, "\0\3\0\0\0\0\0\0\xff\xff\xff\xff\1\2\3\4\5\6\7\10\0\0\0\0");
    delete_group_named(&f, "h");
    r = last_record(&f);
    ASSERT_BYTES(r.key, "\0\2\0\1h");
    assert_null(r.value.data);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_simple_consumer_needs_no_group),
        cmocka_unit_test(who_may_commit),
        cmocka_unit_test(a_commit_keeps_its_member_alive),
        cmocka_unit_test(what_does_not_exist_is_refused_first),
        cmocka_unit_test(metadata_is_counted_as_java_does),
        cmocka_unit_test(topics_may_be_named_by_id),
        cmocka_unit_test(a_topic_made_again_starts_without_positions),
        cmocka_unit_test(all_positions_in_both_shapes),
        cmocka_unit_test(uncertain_commits_wait_for_their_marker),
        cmocka_unit_test(deleting_takes_uncertain_commits_too),
        cmocka_unit_test(positions_are_deleted_where_nobody_reads),
        cmocka_unit_test(positions_of_other_protocols_need_an_empty_group),
        cmocka_unit_test(a_simple_consumers_position_expires_by_itself),
        cmocka_unit_test(retention_begins_when_a_group_is_empty),
        cmocka_unit_test(a_client_may_set_its_own_expiry),
        cmocka_unit_test(records_are_kafkas),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
