// SPDX-License-Identifier: Apache-2.0
#include "meta/records.h"

#include "base/varint.h"

// Names in the order Kafka's formatter writes them: metadata.version, then by name. kraft.version has no record: it
// lives in control records only (kafka-internals D4).
const struct metadata_feature metadata_features[] = {
    {"metadata.version", METADATA_VERSION_MIN, METADATA_VERSION_MAX, METADATA_VERSION_MAX},
    {"eligible.leader.replicas.version", 0, 1, 1},
    {"group.version", 0, 1, 1},
    {"share.version", 0, 1, 1},
    {"streams.version", 0, 1, 1},
    {"transaction.version", 0, 2, 2},
    {"kraft.version", 0, 1, 0},
};
_Static_assert(COUNT_OF(metadata_features) == METADATA_FEATURE_COUNT, "keep the count in records.h");

struct slice metadata_record_encode(const struct wire_message *message, int version, const void *record,
                                    struct arena *arena)
{
    struct wire_out out;
    wire_out_init(&out, arena);
    uint8_t head[3 * UVARINT32_SIZE_MAX];
    uint8_t *end = uvarint64_write(head, 1);
    end = uvarint64_write(end, (uint64_t)wire_key(message));
    end = uvarint64_write(end, (uint64_t)version);
    memcpy(wire_out_reserve(&out, (size_t)(end - head)), head, (size_t)(end - head));
    enum err e = wire_encode(message, version, record, &out);
    ASSERT(e == OK);
    return wire_out_flatten(&out, arena);
}

void metadata_records_add_value(struct metadata_records *records, struct slice value, struct arena *arena)
{
    if (records->count == records->capacity) {
        int32_t capacity = records->capacity == 0 ? 8 : records->capacity * 2;
        struct slice *items = ARENA_ARRAY(arena, struct slice, capacity);
        if (records->count > 0) memcpy(items, records->items, (size_t)records->count * sizeof(*items));
        records->items = items;
        records->capacity = capacity;
    }
    records->items[records->count++] = value;
    records->size += value.size;
}

void metadata_records_add(struct metadata_records *records, const struct wire_message *message, int version,
                          const void *record, struct arena *arena)
{
    metadata_records_add_value(records, metadata_record_encode(message, version, record, arena), arena);
}

int metadata_register_broker_version(int16_t metadata_version)
{
    if (metadata_version >= 30) return 4; // 4.3: cordoned directories
    if (metadata_version >= 17) return 3; // 3.7-IV2: log directories
    return metadata_version >= 8 ? 2 : 1; // 3.4
}

int metadata_partition_version(int16_t metadata_version)
{
    if (metadata_version >= 23) return 2; // 4.0-IV1: eligible leader replicas
    return metadata_version >= 17 ? 1 : 0;
}
