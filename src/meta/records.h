// SPDX-License-Identifier: Apache-2.0
// Metadata records as values of the log: frame version 1, type, version, flexible message (kafka-internals D5).
#ifndef ODRADEK_META_RECORDS_H
#define ODRADEK_META_RECORDS_H

#include "base/arena.h"
#include "proto/abort_transaction_record.h"
#include "proto/begin_transaction_record.h"
#include "proto/broker_registration_change_record.h"
#include "proto/clear_elr_record.h"
#include "proto/config_record.h"
#include "proto/end_transaction_record.h"
#include "proto/feature_level_record.h"
#include "proto/partition_change_record.h"
#include "proto/partition_record.h"
#include "proto/producer_ids_record.h"
#include "proto/register_broker_record.h"
#include "proto/register_controller_record.h"
#include "proto/remove_topic_record.h"
#include "proto/topic_record.h"
#include "wire/wire.h"

// The value of one record. The record must be encodable in that version: our own writing, so anything else is a bug.
struct slice metadata_record_encode(const struct wire_message *message, int version, const void *record,
                                    struct arena *arena);

// What a decision wants appended, in order.
struct metadata_records {
    struct slice *items; // values, in the arena
    int32_t count;
    int32_t capacity;
    size_t size; // bytes of all values
    // Must they become visible together? They are written as one batch, which is applied as a whole; decisions stay
    // within Kafka's 10,000 records per operation.
};

enum { METADATA_RECORDS_MAX = 10000 }; // per operation (kafka-internals D8)

void metadata_records_add(struct metadata_records *records, const struct wire_message *message, int version,
                          const void *record, struct arena *arena);
// The same for a value that is encoded already; borrowed.
void metadata_records_add_value(struct metadata_records *records, struct slice value, struct arena *arena);
#define METADATA_ADD(records, arena, name, version, record)                                                            \
    metadata_records_add((records), &name##_message, (version), (record), (arena))

// Record versions a cluster of that metadata.version reads (kafka-internals D5, last bullet).
int metadata_register_broker_version(int16_t metadata_version);
int metadata_partition_version(int16_t metadata_version); // Partition and PartitionChange

// metadata.version levels this build writes: 7 (3.3) to 30 (4.3).
enum { METADATA_VERSION_MIN = 7, METADATA_VERSION_MAX = 30 };

// The features this build offers, and the level a fresh cluster finalises (0: not finalised by a record).
struct metadata_feature {
    const char *name;
    int16_t min;
    int16_t max;
    int16_t initial;
};
extern const struct metadata_feature metadata_features[];
enum { METADATA_FEATURE_COUNT = 7 };

#endif
