// SPDX-License-Identifier: Apache-2.0
// Against a log that Apache Kafka 4.3.1 wrote (tests/golden/groups/README.md).
#include "coord/group_test_util.h"

struct entry {
    int64_t offset;
    struct slice key;
    struct slice value;
};

struct log_entries {
    struct entry items[64];
    int count;
};

static void read_golden(struct fixture *f)
{
    int root = (int)(strlen(__FILE__) - strlen("src/coord/group_golden_test.c"));
    char *path = arena_printf(&f->arena, "%.*stests/golden/groups/kafka-4.3.1-consumer-offsets.log", root, __FILE__);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t size = fread(text_reserve(&f->log, 1 << 16), 1, 1 << 16, file);
    fclose(file);
    text_grew(&f->log, size);
    f->end_offset = 31;
}

static void list_entries(struct slice log, struct log_entries *out)
{
    struct batch_iter batches = batch_iter(log);
    struct batch_view batch;
    out->count = 0;
    while (batch_next(&batches, &batch)) {
        struct slice body;
        assert_int_equal(batch_body(&batch, 1 << 20, NULL, &body), OK);
        if (batch_is_control(&batch.header)) continue;
        struct record_iter records = record_iter(&batch.header, body);
        for (struct record r; record_next(&records, &r);)
            out->items[out->count++] = (struct entry){.offset = r.offset, .key = r.key, .value = r.value};
    }
    assert_int_equal(batches.err, OK);
}

static void kafkas_groups_are_ours(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    read_golden(&f);
    fixture_reload(&f);
    assert_string_equal(state_of(&f, "dyn"), "Stable");
    assert_string_equal(state_of(&f, "left"), "Empty");
    assert_string_equal(state_of(&f, "simple"), "Empty");
    assert_string_equal(state_of(&f, "gone"), "Dead");
    struct describe_groups_response_described_group *stat = describe(&f, "stat");
    assert_int_equal(stat->members.count, 1);
    assert_true(slice_eq_str(stat->members.items[0].group_instance_id, "box"));
    assert_true(slice_eq_str(stat->protocol_data, "range"));
    assert_true(slice_eq_str(fetch(&f, "dyn", "orders", 0, true).metadata, "meta \xc3\xa4"));
    assert_int_equal(fetch(&f, "dyn", "orders", 0, true).committed_leader_epoch, 2);
    assert_int_equal(position(&f, "dyn", "orders", 0), 7);
    assert_int_equal(position(&f, "stat", "bills", 1), 3);
    assert_int_equal(position(&f, "simple", "orders", 2), 99);
    assert_int_equal(position(&f, "left", "orders", 3), 11);
    assert_int_equal(position(&f, "newer", "orders", 0), 5);
    assert_int_equal(position(&f, "txn", "orders", 1), 50); // committed; not aborted, not open
    assert_int_equal(fetch(&f, "txn", "orders", 1, true).error_code, ERR_UNSTABLE_OFFSET_COMMIT);
    fixture_deinit(&f);
}

// ---- what we write for what Kafka knew ---------------------------------------------------------------------------

static void write_again(void *state, struct coord_call *call)
{
    const struct heartbeat_request *request = call->body;
    struct group_state *groups = state;
    group_write(group_find(groups, request->group_id));
    coord_answer(groups->coord, call, coord_response(call, &heartbeat_response_message));
}

static void each_group_is_written_as_kafka_wrote_it(void **state)
{
    (void)state;
    static const struct {
        const char *group;
        int64_t offset; // of Kafka's newest record of it
    } cases[] = {{"dyn", 4}, {"stat", 8}, {"left", 19}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        fixture_init(&f);
        read_golden(&f);
        struct coord_machine machine = group_machine;
        machine.decide = write_again;
        const struct coord_options options = {
            .machine = &machine, .settings = &f.settings, .batch_bytes_max = 1 << 20, .seed = 1};
        coord_free(f.coord);
        f.coord = coord_new(&options);
        fixture_step(&f, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&f.log)});
        fixture_step(&f, (struct coord_event){.kind = EV_COORD_LOADED});
        struct heartbeat_request request = heartbeat_request_init();
        request.group_id = slice_str(cases[i].group);
        fixture_answer(fixture_ask(&f, &heartbeat_request_message, 4, &request));
        struct log_entries entries;
        list_entries(text_slice(&f.log), &entries);
        const struct entry *ours = &entries.items[entries.count - 1];
        const struct entry *kafkas = NULL;
        for (int e = 0; e < entries.count; e++)
            if (entries.items[e].offset == cases[i].offset) kafkas = &entries.items[e];
        assert_non_null(kafkas);
        assert_int_equal(ours->offset, 31);
        assert_true(slice_eq(ours->key, kafkas->key));
        assert_true(slice_eq(ours->value, kafkas->value));
        fixture_deinit(&f);
    }
}

// The same deeds leave the same kinds of records in the same order: type, group, versions, tombstones.
static void deeds_leave_kafkas_records(void **state)
{
    (void)state;
    struct fixture kafka;
    struct fixture f;
    fixture_init(&kafka);
    read_golden(&kafka);
    fixture_init(&f);
    f.settings.initial_rebalance_delay_ms = 0;
    fixture_reload(&f);
    struct slice id = SLICE_NULL; // group "gone" of the log: offsets 10 to 15
    struct joining j = {.group = "gone"};
    struct call *call = join_fully(&f, j, &id);
    fixture_wait(&f, 1);
    assert_int_equal(joined(call)->error_code, OK);
    struct sync_group_request sync = sync_group_request_init();
    struct sync_group_request_sync_group_request_assignment assignment = {.member_id = id, .assignment = SLICE("a")};
    sync.group_id = SLICE("gone");
    sync.generation_id = 1;
    sync.member_id = id;
    sync.assignments.items = &assignment;
    sync.assignments.count = 1;
    assert_int_equal(synced(fixture_ask(&f, &sync_group_request_message, 5, &sync))->error_code, OK);
    assert_int_equal(commit(&f, (struct committing){.group = "gone", .member_id = id, .generation = 1, .offset = 1}),
                     OK);
    struct leave_group_request leave = leave_group_request_init();
    struct leave_group_request_member_identity identity = {.member_id = id};
    leave.group_id = SLICE("gone");
    leave.members.items = &identity;
    leave.members.count = 1;
    fixture_answer(fixture_ask(&f, &leave_group_request_message, 5, &leave));
    assert_int_equal(delete_group_named(&f, "gone"), OK);
    struct log_entries theirs;
    struct log_entries ours;
    list_entries(text_slice(&kafka.log), &theirs);
    list_entries(text_slice(&f.log), &ours);
    assert_int_equal(ours.count, 6);
    for (int i = 0; i < ours.count; i++) {
        const struct entry *k = &theirs.items[10 + i];
        assert_int_equal(k->offset, 10 + i);
        assert_true(slice_eq(ours.items[i].key, k->key));
        assert_int_equal(ours.items[i].value.data == NULL, k->value.data == NULL);
        if (k->value.data != NULL) assert_memory_equal(ours.items[i].value.data, k->value.data, 2);
    }
    // Those without ids and times inside are equal throughout but for eight bytes of time.
    assert_int_equal(ours.items[3].value.size, theirs.items[13].value.size);
    assert_memory_equal(ours.items[3].value.data, theirs.items[13].value.data, 20);
    fixture_deinit(&kafka);
    fixture_deinit(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafkas_groups_are_ours),
        cmocka_unit_test(each_group_is_written_as_kafka_wrote_it),
        cmocka_unit_test(deeds_leave_kafkas_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
