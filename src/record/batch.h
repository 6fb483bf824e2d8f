// SPDX-License-Identifier: Apache-2.0
// Record batches: reading them, walking their records, patching them in place. Building is record/builder.h,
// judging what a producer sent is record/validate.h. The bytes are specified at the top of batch.c.
// Nothing here keeps state or allocates, but for the decompression in batch_body.
#ifndef ODRADEK_RECORD_BATCH_H
#define ODRADEK_RECORD_BATCH_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"
#include "record/compress.h"

enum {
    BATCH_OFFSET_SIZE = 12, // baseOffset and batchLength: size of a batch = batchLength + 12
    BATCH_LENGTH_AT = 8,
    BATCH_MAGIC_AT = 16,      // the same place in every format
    BATCH_CRC_AT = 17,        // magic 2
    BATCH_ATTRIBUTES_AT = 21, // magic 2; the CRC covers from here to the end
    BATCH_HEADER_SIZE = 61,   // magic 2
    BATCH_PREFIX_SIZE = 17,   // enough for size and magic of any format
    MESSAGE_SIZE_MIN = 14,    // least batchLength of magic 0
};

enum {
    BATCH_CODEC_MASK = 0x07,
    BATCH_LOG_APPEND_TIME = 0x08,
    BATCH_TRANSACTIONAL = 0x10,
    BATCH_CONTROL = 0x20,
    BATCH_DELETE_HORIZON = 0x40, // base_timestamp is the delete horizon; record timestamps stay relative to it
};

#define NO_TIMESTAMP INT64_C(-1)
#define NO_PRODUCER_ID INT64_C(-1)
enum { NO_PRODUCER_EPOCH = -1, NO_SEQUENCE = -1, NO_LEADER_EPOCH = -1 };

enum timestamp_type { TIMESTAMP_CREATE_TIME = 0, TIMESTAMP_LOG_APPEND_TIME = 1 };

// Offsets in records, times in ms since 1970.
struct batch_header {
    int64_t base_offset;
    int32_t batch_length; // bytes behind this field
    int32_t partition_leader_epoch;
    int8_t magic;
    uint32_t crc;
    int16_t attributes;
    int32_t last_offset_delta;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int32_t record_count;
};

// One batch inside somebody's bytes. For magic 0 and 1 (a single message, perhaps a compressed wrapper) the header
// has what exists there: base_offset = the message's offset (a wrapper's is its last inner offset),
// last_offset_delta 0, attributes (codec; LogAppendTime for magic 1), base_timestamp = max_timestamp (-1 for magic
// 0), crc = CRC-32 of the message, record_count -1 (unknown), no producer, leader epoch -1.
struct batch_view {
    struct batch_header header;
    struct slice bytes; // the whole batch, header included
};

static inline bool batch_is_log_append_time(const struct batch_header *h)
{
    return (h->attributes & BATCH_LOG_APPEND_TIME) != 0;
}

static inline bool batch_is_transactional(const struct batch_header *h)
{
    return (h->attributes & BATCH_TRANSACTIONAL) != 0;
}

static inline bool batch_is_control(const struct batch_header *h)
{
    return (h->attributes & BATCH_CONTROL) != 0;
}

static inline bool batch_has_delete_horizon(const struct batch_header *h)
{
    return (h->attributes & BATCH_DELETE_HORIZON) != 0;
}

static inline bool batch_has_producer(const struct batch_header *h)
{
    return h->producer_id > NO_PRODUCER_ID;
}

static inline int64_t batch_last_offset(const struct batch_header *h)
{
    return (int64_t)((uint64_t)h->base_offset + (uint64_t)(int64_t)h->last_offset_delta); // wraps, as Java's does
}

// `sequence` moved on by `by` records, wrapping from 2^31-1 to 0.
static inline int32_t sequence_add(int32_t sequence, int32_t by)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)by) & 0x7fffffff);
}

// NO_SEQUENCE when the batch has none.
static inline int32_t batch_last_sequence(const struct batch_header *h)
{
    return h->base_sequence == NO_SEQUENCE ? NO_SEQUENCE : sequence_add(h->base_sequence, h->last_offset_delta);
}

// Codec bits as they are: 5 to 7 name no codec, `batch_codec` refuses them with ERR_CORRUPT.
MUST_CHECK enum err batch_codec(const struct batch_header *h, enum codec *out);

// Size of the batch (any magic) that starts at `bytes`, from its first BATCH_PREFIX_SIZE bytes; for walking a log
// file. ERR_TRUNCATED with fewer bytes, ERR_CORRUPT for an impossible length or magic. The size may exceed bytes.size.
MUST_CHECK enum err batch_size(struct slice bytes, size_t *size);
// The header of the batch (any magic) at the start of `bytes`, from its first BATCH_HEADER_SIZE bytes (fewer for
// magic 0 and 1): the rest need not be there. Errors as batch_size; also ERR_CORRUPT for a magic 2 batch shorter
// than its header. Counts, deltas and CRC are not judged.
MUST_CHECK enum err batch_header_parse(struct slice bytes, struct batch_header *out);
// A complete batch at the start of `bytes`; trailing bytes are left out of the view. ERR_TRUNCATED when it is cut.
MUST_CHECK enum err batch_parse(struct slice bytes, struct batch_view *out);

// Walks a run of batches:
//   struct batch_iter it = batch_iter(bytes);
//   while (batch_next(&it, &view)) ...
//   it.err: OK = all consumed; ERR_TRUNCATED = a partial batch at it.rest (usual in fetched bytes); ERR_CORRUPT.
struct batch_iter {
    struct slice rest; // from the next batch on
    enum err err;
};
static inline struct batch_iter batch_iter(struct slice bytes)
{
    return (struct batch_iter){.rest = bytes};
}
bool batch_next(struct batch_iter *it, struct batch_view *out);

// Does the stored checksum match? Magic 2: CRC-32C; magic 0 and 1: CRC-32 of the message.
bool batch_crc_is_valid(struct slice batch);

// ---- patching, in place, of magic 2 batches; `batch` is the mutable bytes of a parsed batch ----

// Neither field is under the CRC.
static inline void batch_set_base_offset(uint8_t *batch, int64_t base_offset)
{
    store_i64(batch, base_offset);
}
static inline void batch_set_leader_epoch(uint8_t *batch, int32_t partition_leader_epoch)
{
    store_i32(batch + 12, partition_leader_epoch);
}
// What a leader does to an accepted batch (kafka-internals B2): sets type and maximum. Changes nothing and returns
// false when both already are so; otherwise unknown attribute bits are cleared as Kafka does, and the CRC is
// computed anew over the whole batch.
bool batch_set_timestamps(uint8_t *batch, enum timestamp_type type, int64_t max_timestamp);
// Computes the CRC over the batch as it stands and stores it.
void batch_seal(uint8_t *batch);

// ---- records ----

struct record_header {
    struct slice key;   // never null
    struct slice value; // may be null
};

struct record {
    int64_t offset;
    int64_t timestamp;
    int64_t timestamp_delta; // as stored
    int32_t offset_delta;
    int8_t attributes;  // unused by Kafka so far
    struct slice key;   // null or bytes
    struct slice value; // null = tombstone
    int32_t header_count;
    struct slice headers; // encoded; walk with record_header_next
    struct slice bytes;   // the whole record, its length included
};

// The bytes that hold the records of a magic 2 batch: inside the batch itself when it is not compressed (nothing
// is allocated), else decompressed into `scratch` (cleared first), at most `limit` bytes. ERR_CORRUPT, ERR_TOO_LARGE
// as codec_decompress.
MUST_CHECK enum err batch_body(const struct batch_view *batch, size_t limit, struct text *scratch, struct slice *body);

// Walks the records of a magic 2 batch:
//   struct record_iter it = record_iter(&view.header, body);
//   while (record_next(&it, &record)) ...
//   it.err: OK = exactly header.record_count records filled the body; ERR_CORRUPT = anything else.
// Strict: varints that overflow, lengths past their container, headers without key, bytes left in a record or behind
// the last one. Slices point into `body`.
struct record_iter {
    const uint8_t *at;
    const uint8_t *end;
    int64_t base_offset;
    int64_t base_timestamp;
    int64_t append_timestamp; // of every record when the batch has LogAppendTime
    int32_t remaining;
    bool is_log_append_time;
    enum err err;
};
struct record_iter record_iter(const struct batch_header *header, struct slice body);
bool record_next(struct record_iter *it, struct record *out);

// The next of a record's headers; false when there is none left. `rest` starts as record.headers, which
// record_next has checked.
bool record_header_next(struct slice *rest, struct record_header *out);

#endif
