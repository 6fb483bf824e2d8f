// SPDX-License-Identifier: Apache-2.0
// Consumer groups as a coordinator's machine: classic groups (JoinGroup, SyncGroup, Heartbeat, LeaveGroup), committed
// offsets, and what admin clients ask of both. States and rules: kafka-internals E2, E3. The machine takes calls of
// JoinGroup, SyncGroup, Heartbeat, LeaveGroup, OffsetCommit, OffsetFetch, OffsetDelete, and of DescribeGroups,
// DeleteGroups and OffsetFetch v8+ with exactly one group in the body; ListGroups answers for this partition's groups.
// OffsetCommit and OffsetDelete refuse topics and partitions that the image does not have, entry by entry; from version
// 10 OffsetCommit and OffsetFetch go by topic id, and at any version OffsetFetch minds an id that is given.
#ifndef ODRADEK_COORD_GROUP_H
#define ODRADEK_COORD_GROUP_H

#include "coord/coord.h"

// Broker keys of the same name; copied at the coord's birth. Per-group overrides (GROUP resources) come from the image.
struct group_settings {
    int32_t min_session_timeout_ms;     // group.min.session.timeout.ms
    int32_t max_session_timeout_ms;     // group.max.session.timeout.ms
    int32_t initial_rebalance_delay_ms; // group.initial.rebalance.delay.ms
    int32_t max_size;                   // group.max.size
    int32_t offset_metadata_max_bytes;  // offset.metadata.max.bytes
    int64_t offsets_retention_ms;       // offsets.retention.minutes
    int64_t offsets_retention_check_ms; // offsets.retention.check.interval.ms
};

extern const struct coord_machine group_machine; // settings: struct group_settings

#endif
