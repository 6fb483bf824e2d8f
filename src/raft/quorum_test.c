// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "raft/control.h"
#include "raft/quorum_state.h"

static struct slice golden(const char *name, struct arena *arena)
{
    // .../src/raft/quorum_test.c -> .../tests/golden/metadata
    int root = (int)(strlen(__FILE__) - strlen("src/raft/quorum_test.c"));
    FILE *file = fopen(arena_printf(arena, "%.*stests/golden/metadata/%s", root, __FILE__, name), "rb");
    assert_non_null(file);
    uint8_t *bytes = arena_alloc(arena, 1 << 16);
    size_t size = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    return slice_of(bytes, size);
}

// Reads what Kafka wrote, builds the same again: the bytes must be equal.
static void snapshots_are_kafkas_to_the_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"kafka-4.3.1-standalone.checkpoint", "kafka-4.3.1-bootstrap.checkpoint"};
    for (int n = 0; n < 2; n++) {
        struct arena arena = {0};
        struct slice file = golden(names[n], &arena);
        struct raft_quorum quorum = {0};
        struct slice values[100];
        // The SnapshotHeader's value starts at 71: i16 version, i64 last contained timestamp.
        struct raft_snapshot snapshot = {.values = values, .last_contained_timestamp = load_i64(file.data + 73)};
        struct batch_iter it = batch_iter(file);
        struct batch_view batch;
        while (batch_next(&it, &batch)) {
            assert_true(batch_crc_is_valid(batch.bytes));
            assert_int_equal(raft_quorum_read(&quorum, &batch, &arena), OK);
            if (batch.header.base_offset == 0) snapshot.header_timestamp = batch.header.base_timestamp;
            if (snapshot.value_count == 0) snapshot.timestamp = batch.header.base_timestamp;
            if (batch_is_control(&batch.header)) continue;
            struct text none = {0};
            struct slice body;
            assert_int_equal(batch_body(&batch, 1 << 20, &none, &body), OK);
            struct record_iter records = record_iter(&batch.header, body);
            struct record record;
            while (record_next(&records, &record)) values[snapshot.value_count++] = record.value;
        }
        assert_int_equal(it.err, OK);
        assert_int_equal(quorum.has_voters, n == 0);
        assert_int_equal(quorum.kraft_version, n == 0);
        if (n == 0) {
            struct raft_voters voters;
            assert_int_equal(raft_voters_of(&quorum.voters_record, &voters), OK);
            assert_int_equal(voters.items[0].id, 1);
            snapshot.voters_record = &quorum.voters_record;
        }
        struct text out = {0};
        assert_int_equal(raft_snapshot_build(&snapshot, &out), OK);
        assert_int_equal(out.size, file.size);
        // Kafka's footer may be a millisecond younger than its data; 75 bytes.
        assert_memory_equal(out.data, file.data, n == 0 ? file.size : file.size - 75);
        text_deinit(&out);
        arena_deinit(&arena);
    }
}

static void leader_batch_is_kafkas_to_the_byte(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct raft_quorum quorum = {0};
    struct batch_iter it = batch_iter(golden("kafka-4.3.1-standalone.log", &arena));
    struct batch_view batch;
    int seen = 0;
    while (batch_next(&it, &batch)) {
        if (!batch_is_control(&batch.header)) continue;
        assert_int_equal(raft_quorum_read(&quorum, &batch, &arena), OK);
        struct raft_voters voters = {.items = {{.id = 1}}, .count = 1};
        struct text out = {0};
        raft_leader_batch(&out, batch.header.base_offset, batch.header.partition_leader_epoch,
                          batch.header.base_timestamp, 1, &voters, &voters, seen == 0 ? &quorum.voters_record : NULL);
        assert_int_equal(out.size, batch.bytes.size);
        assert_memory_equal(out.data, batch.bytes.data, out.size);
        text_deinit(&out);
        seen++;
    }
    assert_int_equal(seen, 2);
    assert_int_equal(quorum.voters_offset, 2);
    arena_deinit(&arena);
}

static void quorum_state_reads_what_kafka_writes(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"clusterId\":\"\",\"leaderId\":1,\"leaderEpoch\":6,\"votedId\":-1,\"appliedOffset\":0,\"currentVoters\":[{"
        "\"voterId\":1},{\"voterId\":3}],\"data_version\":0}",
        "{\"leaderId\":-1,\"leaderEpoch\":5,\"votedId\":2,\"votedDirectoryId\":\"J8aAPcfLQt2bqs1JT_rMgQ\",\"data_"
        "version\":1}",
    };
    struct raft_voters voters = {.items = {{.id = 1}, {.id = 3}}, .count = 2};
    for (int i = 0; i < 2; i++) {
        struct raft_saved saved;
        assert_int_equal(quorum_state_parse(slice_str(lines[i]), &saved), OK);
        assert_int_equal(saved.epoch, i == 0 ? 6 : 5);
        assert_int_equal(saved.leader_id, i == 0 ? 1 : -1);
        assert_int_equal(saved.voted_id, i == 0 ? -1 : 2);
        struct text out = {0};
        quorum_state_print(&saved, &voters, i == 1, &out);
        assert_string_equal(text_cstr(&out), lines[i]);
        text_deinit(&out);
    }
}

static void quorum_state_refuses_what_it_does_not_understand(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        "{}",
        "garbage",
        "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"data_version\":2}",
        "{\"leaderId\":1,\"leaderEpoch\":99999999999,\"votedId\":-1,\"data_version\":0}",
        "{\"leaderId\":1,\"leaderEpoch\":-4,\"votedId\":-1,\"data_version\":0}",
        "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"votedDirectoryId\":\"short\",\"data_version\":1}",
        "{\"leaderId\":1,\"leaderEpoch\":1,\"votedId\":-1,\"data_version\":0",
    };
    struct raft_saved saved;
    for (size_t i = 0; i < COUNT_OF(lines); i++)
        assert_int_equal(quorum_state_parse(slice_str(lines[i]), &saved), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(snapshots_are_kafkas_to_the_byte),
        cmocka_unit_test(leader_batch_is_kafkas_to_the_byte),
        cmocka_unit_test(quorum_state_reads_what_kafka_writes),
        cmocka_unit_test(quorum_state_refuses_what_it_does_not_understand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
