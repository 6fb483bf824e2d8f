// SPDX-License-Identifier: Apache-2.0
// A snapshot file is a run of batches with offsets of their own from 0 and the leader epoch of the file's name:
//   control batch   SnapshotHeader {i16 0, i64 last contained timestamp}; with kraft.version 1 also KRaftVersion,
//   Voters data batches    metadata records control batch   SnapshotFooter {i16 0}
// Control records' values are flexible messages, so each ends with a tag byte (kafka-internals A10, A12).
#include "raft/control.h"

#include "proto/kraft_version_record.h"
#include "proto/leader_change_message.h"
#include "proto/snapshot_footer_record.h"
#include "proto/snapshot_header_record.h"
#include "record/builder.h"
#include "record/control.h"

enum { SNAPSHOT_BATCH_RECORDS = 1024 };

static struct slice encode(const struct wire_message *message, const void *record, struct arena *arena)
{
    struct slice out = SLICE_NULL;
    enum err e = wire_encode_bytes(message, 0, record, arena, &out);
    ASSERT(e == OK);
    return out;
}

static struct leader_change_message_voter *voter_ids(const struct raft_voters *voters, struct arena *arena)
{
    struct leader_change_message_voter *out = ARENA_ARRAY(arena, struct leader_change_message_voter, voters->count);
    for (int32_t i = 0; i < voters->count; i++) out[i].voter_id = voters->items[i].id;
    return out;
}

static struct slice kraft_version_1(struct arena *arena)
{
    struct kraft_version_record version = kraft_version_record_init();
    version.kraft_version = 1;
    return encode(&kraft_version_record_message, &version, arena);
}

void raft_leader_batch(struct text *out, int64_t base_offset, int32_t epoch, int64_t timestamp, int32_t leader_id,
                       const struct raft_voters *voters, const struct raft_voters *granting,
                       const struct voters_record *voters_record)
{
    struct arena arena = {0};
    struct leader_change_message change = leader_change_message_init();
    change.leader_id = leader_id;
    change.voters.items = voter_ids(voters, &arena);
    change.voters.count = voters->count;
    change.granting_voters.items = voter_ids(granting, &arena);
    change.granting_voters.count = granting->count;
    enum control_type types[] = {CONTROL_LEADER_CHANGE, CONTROL_KRAFT_VERSION, CONTROL_KRAFT_VOTERS};
    struct slice values[3] = {encode(&leader_change_message_message, &change, &arena)};
    if (voters_record != NULL) {
        values[1] = kraft_version_1(&arena);
        values[2] = encode(&voters_record_message, voters_record, &arena);
    }
    batch_kraft_control(out, base_offset, epoch, timestamp, types, values, voters_record != NULL ? 3 : 1);
    arena_deinit(&arena);
}

enum err raft_snapshot_build(const struct raft_snapshot *snapshot, struct text *out)
{
    struct arena arena = {0};
    struct snapshot_header_record header = snapshot_header_record_init();
    header.last_contained_log_timestamp = snapshot->last_contained_timestamp;
    enum control_type types[] = {CONTROL_SNAPSHOT_HEADER, CONTROL_KRAFT_VERSION, CONTROL_KRAFT_VOTERS};
    struct slice values[3] = {encode(&snapshot_header_record_message, &header, &arena)};
    int32_t count = 1;
    if (snapshot->voters_record != NULL) {
        values[1] = kraft_version_1(&arena);
        values[2] = encode(&voters_record_message, snapshot->voters_record, &arena);
        count = 3;
    }
    batch_kraft_control(out, 0, snapshot->epoch, snapshot->header_timestamp, types, values, count);

    enum err e = OK;
    int64_t offset = count;
    struct batch_builder builder = {0};
    for (int32_t i = 0; i < snapshot->value_count && e == OK;) {
        struct batch_spec spec = batch_spec(offset);
        spec.partition_leader_epoch = snapshot->epoch;
        batch_begin(&builder, out, &spec);
        for (int32_t n = 0; n < SNAPSHOT_BATCH_RECORDS && i < snapshot->value_count; n++, i++, offset++)
            batch_add(&builder, snapshot->timestamp, SLICE_NULL, snapshot->values[i], NULL, 0);
        e = batch_end(&builder, NULL);
    }
    batch_builder_deinit(&builder);
    struct snapshot_footer_record footer = snapshot_footer_record_init();
    types[0] = CONTROL_SNAPSHOT_FOOTER;
    values[0] = encode(&snapshot_footer_record_message, &footer, &arena);
    batch_kraft_control(out, offset, snapshot->epoch, snapshot->timestamp, types, values, 1);
    arena_deinit(&arena);
    return e;
}

static enum err read_record(struct raft_quorum *quorum, const struct record *record, struct arena *arena)
{
    enum control_type type = CONTROL_UNKNOWN;
    enum err e = control_key_decode(record->key, &type);
    if (e != OK) return e;
    if (type == CONTROL_KRAFT_VERSION) {
        struct kraft_version_record version;
        e = wire_decode(&kraft_version_record_message, 0, record->value, arena, &version, NULL);
        if (e == OK) quorum->kraft_version = version.kraft_version;
    } else if (type == CONTROL_KRAFT_VOTERS) {
        struct voters_record voters;
        e = wire_decode(&voters_record_message, 0, arena_copy(arena, record->value), arena, &voters, NULL);
        if (e != OK) return e;
        quorum->voters_record = voters;
        quorum->has_voters = true;
        quorum->voters_offset = record->offset;
    }
    return e;
}

enum err raft_quorum_read(struct raft_quorum *quorum, const struct batch_view *batch, struct arena *arena)
{
    if (!batch_is_control(&batch->header)) return OK;
    struct text scratch = {0};
    struct slice body = SLICE_NULL;
    enum err e = batch_body(batch, 1 << 20, &scratch, &body);
    if (e == OK) {
        struct record_iter it = record_iter(&batch->header, body);
        struct record record;
        while (e == OK && record_next(&it, &record)) e = read_record(quorum, &record, arena);
        if (e == OK) e = it.err;
    }
    text_deinit(&scratch);
    return e;
}

enum err raft_voters_of(const struct voters_record *record, struct raft_voters *out)
{
    if (record->voters.count > RAFT_VOTERS_MAX) return ERR_TOO_LARGE;
    *out = (struct raft_voters){.count = record->voters.count};
    for (int32_t i = 0; i < record->voters.count; i++)
        out->items[i] =
            (struct raft_voter){record->voters.items[i].voter_id, record->voters.items[i].voter_directory_id};
    return OK;
}
