// SPDX-License-Identifier: Apache-2.0
// KRaft's own records and the batches they come in: what a new leader writes, and snapshots' first and last batch.
#ifndef ODRADEK_RAFT_CONTROL_H
#define ODRADEK_RAFT_CONTROL_H

#include "base/arena.h"
#include "base/text.h"
#include "proto/voters_record.h"
#include "raft/raft.h"
#include "record/batch.h"

// The batch of DO_RAFT_APPEND_START: LeaderChange (always version 0, as Kafka writes it), and when `voters_record` is
// not NULL KRaftVersion 1 and Voters. Appended to `out`.
void raft_leader_batch(struct text *out, int64_t base_offset, int32_t epoch, int64_t timestamp, int32_t leader_id,
                       const struct raft_voters *voters, const struct raft_voters *granting,
                       const struct voters_record *voters_record);

// A snapshot or checkpoint file: SnapshotHeader (+ KRaftVersion and Voters), one data batch per `batch_max` records,
// SnapshotFooter; offsets from 0 (kafka-internals A10). Timestamps are `timestamp`, but the header's.
struct raft_snapshot {
    int32_t epoch; // of the name
    int64_t last_contained_timestamp;
    int64_t header_timestamp;                  // of the first batch
    int64_t timestamp;                         // of the data batches and the footer
    const struct voters_record *voters_record; // NULL: kraft.version 0
    const struct slice *values;
    int32_t value_count;
};
MUST_CHECK enum err raft_snapshot_build(const struct raft_snapshot *snapshot, struct text *out);

// What the control records of a log or snapshot say, batch by batch. Start from all zero.
struct raft_quorum {
    int16_t kraft_version;
    bool has_voters;
    struct voters_record voters_record; // lives in the arena given
    int64_t voters_offset;
};
// Looks into a batch if it is a control batch. ERR_CORRUPT: a malformed control record.
MUST_CHECK enum err raft_quorum_read(struct raft_quorum *quorum, const struct batch_view *batch, struct arena *arena);
// ERR_TOO_LARGE: more than RAFT_VOTERS_MAX.
MUST_CHECK enum err raft_voters_of(const struct voters_record *record, struct raft_voters *out);

#endif
