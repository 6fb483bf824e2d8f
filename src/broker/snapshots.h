// SPDX-License-Identifier: Apache-2.0
// Snapshots of the metadata (kafka-internals A10): `<end offset>-<epoch>.checkpoint` beside the metadata log, written
// by a task from the committed image every metadata.log.max.record.bytes.between.snapshots bytes of records and every
// metadata.log.max.snapshot.interval.ms, and the oldest ones removed, with the log below the next, when
// metadata.max.retention.bytes or .ms says so.
#ifndef ODRADEK_BROKER_SNAPSHOTS_H
#define ODRADEK_BROKER_SNAPSHOTS_H

#include "base/arena.h"
#include "base/slice.h"
#include "env/env.h"

struct metadata;

enum { SNAPSHOT_OFFSET_DIGITS = 20, SNAPSHOT_EPOCH_DIGITS = 10 };

struct snapshot_name {
    int64_t end_offset; // first offset it does not hold
    int32_t epoch;
};
// False: no finished snapshot's file name.
bool snapshot_name_parse(const char *name, struct snapshot_name *out);
const char *snapshot_name_print(struct snapshot_name name, struct arena *arena);

// Shard 0. The image that is shown moved: writes a snapshot when it is time.
void snapshots_consider(struct metadata *m);
void snapshots_start(struct metadata *m);
// No timer fires any more; a task under way ends in metadata_close_log.
void snapshots_stop(struct metadata *m);

#endif
