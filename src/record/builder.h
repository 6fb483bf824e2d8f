// SPDX-License-Identifier: Apache-2.0
// Writes magic 2 batches behind what a text already holds, so several batches in a row are one run of bytes.
//
//   struct batch_spec spec = batch_spec(base_offset);
//   spec.codec = CODEC_ZSTD;
//   struct batch_builder b = {0};
//   batch_begin(&b, &out, &spec);
//   batch_add(&b, now_ms, key, value, headers, header_count);
//   e = batch_end(&b, &bytes);
//   batch_builder_deinit(&b);
#ifndef ODRADEK_RECORD_BUILDER_H
#define ODRADEK_RECORD_BUILDER_H

#include "record/batch.h"
#include "record/control.h"

struct batch_spec {
    int64_t base_offset;
    int32_t partition_leader_epoch;
    enum codec codec;
    int32_t level; // COMPRESS_LEVEL_DEFAULT or within the codec's range
    enum timestamp_type timestamp_type;
    int64_t log_append_time;   // max timestamp under TIMESTAMP_LOG_APPEND_TIME
    int64_t delete_horizon_ms; // NO_TIMESTAMP = none
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    bool is_transactional;
    bool is_control;
};

// The plainest batch: no codec, create time, no producer, no epoch. Change what differs.
static inline struct batch_spec batch_spec(int64_t base_offset)
{
    return (struct batch_spec){
        .base_offset = base_offset,
        .partition_leader_epoch = NO_LEADER_EPOCH,
        .codec = CODEC_NONE,
        .level = COMPRESS_LEVEL_DEFAULT,
        .timestamp_type = TIMESTAMP_CREATE_TIME,
        .log_append_time = NO_TIMESTAMP,
        .delete_horizon_ms = NO_TIMESTAMP,
        .producer_id = NO_PRODUCER_ID,
        .producer_epoch = NO_PRODUCER_EPOCH,
        .base_sequence = NO_SEQUENCE,
    };
}

// Its fields are private. All zero is valid; one builder serves any number of batches, one after the other.
struct batch_builder {
    struct batch_spec spec;
    struct text *out;    // borrowed from begin to end
    size_t start;        // of the batch in `out`
    struct text records; // uncompressed records of a compressed batch
    int64_t base_timestamp;
    int64_t max_timestamp;
    int32_t last_offset_delta;
    int32_t record_count;
    enum err err; // latched by batch_add, reported by batch_end
};

void batch_builder_deinit(struct batch_builder *builder);

// Nobody else may touch `out` before batch_end or batch_abandon.
void batch_begin(struct batch_builder *builder, struct text *out, const struct batch_spec *spec);
// Appends a record at the next offset (base_offset, +1, ...). SLICE_NULL key or value = null.
void batch_add(struct batch_builder *builder, int64_t timestamp, struct slice key, struct slice value,
               const struct record_header *headers, int32_t header_count);
// The same at `offset`, which must be above the last one (compaction leaves gaps).
void batch_add_at(struct batch_builder *builder, int64_t offset, int64_t timestamp, struct slice key,
                  struct slice value, const struct record_header *headers, int32_t header_count);
// Appends a copy of a decoded record, headers included, at `offset`.
void batch_add_record(struct batch_builder *builder, int64_t offset, const struct record *record);
// The batch shall end at this offset although its last record does not (a compacted batch keeps its range).
void batch_set_last_offset(struct batch_builder *builder, int64_t last_offset);

// Bytes of the batch so far, before compression.
size_t batch_size_so_far(const struct batch_builder *builder);
// Bytes a record will take at most in a batch, length prefix included.
size_t record_size_max(struct slice key, struct slice value, const struct record_header *headers, int32_t header_count);

// Compresses, writes the header, seals. `bytes` (may be NULL) is valid until `out` changes. Errors as codec_compress,
// or ERR_TOO_LARGE for 2 GiB and more; `out` then is as before batch_begin. At least one record must have been added.
MUST_CHECK enum err batch_end(struct batch_builder *builder, struct slice *bytes);
// Gives the batch up; `out` is as before batch_begin.
void batch_abandon(struct batch_builder *builder);

// ---- whole batches in one call ----

// The header alone, with the range, producer, epoch, flags and maximum timestamp of `of`: what compaction leaves of a
// batch that lost all records but is still its producer's newest.
void batch_empty(struct text *out, const struct batch_header *of);

// A transaction marker; `type` is CONTROL_COMMIT or CONTROL_ABORT. The caller stamps nothing more.
void batch_end_txn_marker(struct text *out, int64_t offset, int32_t partition_leader_epoch, int64_t timestamp,
                          int64_t producer_id, int16_t producer_epoch, enum control_type type,
                          int32_t coordinator_epoch);

// One control batch of KRaft: records of `type[i]` with encoded `value[i]`, all at `timestamp`.
void batch_kraft_control(struct text *out, int64_t base_offset, int32_t leader_epoch, int64_t timestamp,
                         const enum control_type *types, const struct slice *values, int32_t count);

#endif
