// SPDX-License-Identifier: Apache-2.0
// Control records: transaction markers and KRaft's own records (kafka-internals A4, last table row).
#ifndef ODRADEK_RECORD_CONTROL_H
#define ODRADEK_RECORD_CONTROL_H

#include "base/err.h"
#include "base/slice.h"

// The key of a control record is i16 version (0), i16 type.
enum control_type {
    CONTROL_UNKNOWN = -1, // a type newer than this build: readers skip it
    CONTROL_ABORT = 0,
    CONTROL_COMMIT = 1,
    CONTROL_LEADER_CHANGE = 2,
    CONTROL_SNAPSHOT_HEADER = 3,
    CONTROL_SNAPSHOT_FOOTER = 4,
    CONTROL_KRAFT_VERSION = 5,
    CONTROL_KRAFT_VOTERS = 6,
};

enum { CONTROL_KEY_SIZE = 4, END_TXN_MARKER_SIZE = 6 };

// "ABORT", "COMMIT", "LEADER_CHANGE"... as Kafka's tools print them; "UNKNOWN".
const char *control_type_name(enum control_type type);
void control_key_encode(enum control_type type, uint8_t key[CONTROL_KEY_SIZE]);
// ERR_CORRUPT for a null key, one under 4 bytes or with a negative version; an unknown type is OK + CONTROL_UNKNOWN.
MUST_CHECK enum err control_key_decode(struct slice key, enum control_type *out);

// Value of ABORT and COMMIT: i16 version (0), i32 coordinator epoch.
void end_txn_marker_encode(int32_t coordinator_epoch, uint8_t value[END_TXN_MARKER_SIZE]);
// Later versions may be longer: what follows the known fields is ignored. ERR_CORRUPT otherwise.
MUST_CHECK enum err end_txn_marker_decode(struct slice value, int32_t *coordinator_epoch);

#endif
