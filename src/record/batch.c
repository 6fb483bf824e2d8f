// SPDX-License-Identifier: Apache-2.0
// Record batch, magic 2 (kafka-internals A4). Integers are big-endian, varints zig-zag.
//
//   at  type  field
//   0   i64   baseOffset             stamped by the leader, outside the CRC
//   8   i32   batchLength            bytes behind this field: size of the batch - 12
//   12  i32   partitionLeaderEpoch   stamped by the leader, outside the CRC
//   16  i8    magic                  2
//   17  u32   CRC-32C                over bytes 21 to the end
//   21  i16   attributes             bits 0-2 codec, 3 LogAppendTime, 4 transactional, 5 control, 6 delete horizon
//   23  i32   lastOffsetDelta        also the last sequence's
//   27  i64   baseTimestamp          ms; the delete horizon when bit 6 is set
//   35  i64   maxTimestamp
//   43  i64   producerId             -1 none
//   51  i16   producerEpoch
//   53  i32   baseSequence           -1 none
//   57  i32   record count
//   61        records, or one stream of the codec that holds them
//
// Record: varint size of the rest, i8 attributes (0), varlong timestamp delta to baseTimestamp, varint offset delta,
// varint key size (negative: null) and key, varint value size (negative: null) and value, varint number of headers,
// each a varint key size, key, varint value size (negative: null), value. Nothing may be left in the record.
// Kafka writes -1 for null and takes any negative size as null; so do we.
//
// Messages, magic 0 and 1 (old segments only; a compressed one wraps others and has the last one's offset):
//   0   i64   offset
//   8   i32   size of the rest, at least 14 (magic 0) or 22 (magic 1)
//   12  u32   CRC-32 over bytes 16 to the end
//   16  i8    magic
//   17  i8    attributes             bits 0-2 codec, 3 LogAppendTime (magic 1)
//   18  i64   timestamp              magic 1 only; then i32 key size, key, i32 value size, value
#include "record/batch.h"

#include <zlib.h>

#include "base/crc32c.h"
#include "base/varint.h"

enum {
    LEADER_EPOCH_AT = 12,
    LAST_OFFSET_DELTA_AT = 23,
    BASE_TIMESTAMP_AT = 27,
    MAX_TIMESTAMP_AT = 35,
    PRODUCER_ID_AT = 43,
    PRODUCER_EPOCH_AT = 51,
    BASE_SEQUENCE_AT = 53,
    RECORD_COUNT_AT = 57,
    MAGIC_MAX = 2,
    MESSAGE_CRC_AT = 12,
    MESSAGE_ATTRIBUTES_AT = 17,
    MESSAGE_TIMESTAMP_AT = 18,
    MESSAGE_SIZE_MIN_1 = 22,
    // What Kafka keeps when it rewrites attributes.
    KNOWN_ATTRIBUTES =
        BATCH_CODEC_MASK | BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL | BATCH_DELETE_HORIZON,
};

enum err batch_codec(const struct batch_header *h, enum codec *out)
{
    int bits = h->attributes & BATCH_CODEC_MASK;
    if (bits >= CODEC_COUNT) return ERR_CORRUPT;
    *out = (enum codec)bits;
    return OK;
}

enum err batch_size(struct slice bytes, size_t *size)
{
    if (bytes.size < BATCH_OFFSET_SIZE) return ERR_TRUNCATED;
    int32_t length = load_i32(bytes.data + BATCH_LENGTH_AT);
    if (length < MESSAGE_SIZE_MIN) return ERR_CORRUPT;
    if (bytes.size < BATCH_PREFIX_SIZE) return ERR_TRUNCATED;
    if (bytes.data[BATCH_MAGIC_AT] > MAGIC_MAX) return ERR_CORRUPT;
    *size = (size_t)length + BATCH_OFFSET_SIZE;
    return OK;
}

static enum err message_header_parse(struct slice bytes, struct batch_header *out)
{
    int8_t magic = (int8_t)bytes.data[BATCH_MAGIC_AT];
    int32_t length = load_i32(bytes.data + BATCH_LENGTH_AT);
    size_t needed = magic == 0 ? MESSAGE_TIMESTAMP_AT : MESSAGE_TIMESTAMP_AT + 8;
    if (magic == 1 && length < MESSAGE_SIZE_MIN_1) return ERR_CORRUPT;
    if (bytes.size < needed) return ERR_TRUNCATED;
    int64_t timestamp = magic == 0 ? NO_TIMESTAMP : load_i64(bytes.data + MESSAGE_TIMESTAMP_AT);
    int known = magic == 0 ? BATCH_CODEC_MASK : BATCH_CODEC_MASK | BATCH_LOG_APPEND_TIME;
    *out = (struct batch_header){
        .base_offset = load_i64(bytes.data),
        .batch_length = length,
        .partition_leader_epoch = NO_LEADER_EPOCH,
        .magic = magic,
        .crc = load_u32(bytes.data + MESSAGE_CRC_AT),
        .attributes = (int16_t)(bytes.data[MESSAGE_ATTRIBUTES_AT] & known),
        .base_timestamp = timestamp,
        .max_timestamp = timestamp,
        .producer_id = NO_PRODUCER_ID,
        .producer_epoch = NO_PRODUCER_EPOCH,
        .base_sequence = NO_SEQUENCE,
        .record_count = -1,
    };
    return OK;
}

enum err batch_header_parse(struct slice bytes, struct batch_header *out)
{
    size_t size = 0;
    enum err e = batch_size(bytes, &size);
    if (e != OK) return e;
    const uint8_t *at = bytes.data;
    if (at[BATCH_MAGIC_AT] < MAGIC_MAX) return message_header_parse(bytes, out);
    if (size < BATCH_HEADER_SIZE) return ERR_CORRUPT;
    if (bytes.size < BATCH_HEADER_SIZE) return ERR_TRUNCATED;
    *out = (struct batch_header){
        .base_offset = load_i64(at),
        .batch_length = load_i32(at + BATCH_LENGTH_AT),
        .partition_leader_epoch = load_i32(at + LEADER_EPOCH_AT),
        .magic = MAGIC_MAX,
        .crc = load_u32(at + BATCH_CRC_AT),
        .attributes = load_i16(at + BATCH_ATTRIBUTES_AT),
        .last_offset_delta = load_i32(at + LAST_OFFSET_DELTA_AT),
        .base_timestamp = load_i64(at + BASE_TIMESTAMP_AT),
        .max_timestamp = load_i64(at + MAX_TIMESTAMP_AT),
        .producer_id = load_i64(at + PRODUCER_ID_AT),
        .producer_epoch = load_i16(at + PRODUCER_EPOCH_AT),
        .base_sequence = load_i32(at + BASE_SEQUENCE_AT),
        .record_count = load_i32(at + RECORD_COUNT_AT),
    };
    return OK;
}

enum err batch_parse(struct slice bytes, struct batch_view *out)
{
    size_t size = 0;
    struct batch_header header;
    enum err e = batch_size(bytes, &size);
    if (e == OK && size > bytes.size) e = ERR_TRUNCATED;
    if (e == OK) e = batch_header_parse(slice_of(bytes.data, size), &header);
    if (e != OK) return e;
    *out = (struct batch_view){.header = header, .bytes = slice_of(bytes.data, size)};
    return OK;
}

bool batch_next(struct batch_iter *it, struct batch_view *out)
{
    if (it->err != OK || it->rest.size == 0) return false;
    it->err = batch_parse(it->rest, out);
    if (it->err != OK) return false;
    it->rest = slice_of(it->rest.data + out->bytes.size, it->rest.size - out->bytes.size);
    return true;
}

static uint32_t crc_of(struct slice batch)
{
    return crc32c(0, slice_of(batch.data + BATCH_ATTRIBUTES_AT, batch.size - BATCH_ATTRIBUTES_AT));
}

bool batch_crc_is_valid(struct slice batch)
{
    if (batch.size < BATCH_PREFIX_SIZE) return false;
    if (batch.data[BATCH_MAGIC_AT] < MAGIC_MAX) {
        uLong crc = crc32_z(0, batch.data + BATCH_MAGIC_AT, batch.size - BATCH_MAGIC_AT);
        return crc == load_u32(batch.data + MESSAGE_CRC_AT);
    }
    return batch.size >= BATCH_HEADER_SIZE && crc_of(batch) == load_u32(batch.data + BATCH_CRC_AT);
}

void batch_seal(uint8_t *batch)
{
    size_t size = (size_t)load_i32(batch + BATCH_LENGTH_AT) + BATCH_OFFSET_SIZE;
    ASSERT(batch[BATCH_MAGIC_AT] == MAGIC_MAX && size >= BATCH_HEADER_SIZE);
    store_u32(batch + BATCH_CRC_AT, crc_of(slice_of(batch, size)));
}

bool batch_set_timestamps(uint8_t *batch, enum timestamp_type type, int64_t max_timestamp)
{
    int attributes = load_i16(batch + BATCH_ATTRIBUTES_AT);
    bool had_append_time = (attributes & BATCH_LOG_APPEND_TIME) != 0;
    bool has_append_time = type == TIMESTAMP_LOG_APPEND_TIME;
    if (had_append_time == has_append_time && load_i64(batch + MAX_TIMESTAMP_AT) == max_timestamp) return false;
    attributes &= KNOWN_ATTRIBUTES & ~BATCH_LOG_APPEND_TIME;
    if (has_append_time) attributes |= BATCH_LOG_APPEND_TIME;
    store_i16(batch + BATCH_ATTRIBUTES_AT, (int16_t)attributes);
    store_i64(batch + MAX_TIMESTAMP_AT, max_timestamp);
    batch_seal(batch);
    return true;
}

enum err batch_body(const struct batch_view *batch, size_t limit, struct text *scratch, struct slice *body)
{
    enum codec codec = CODEC_NONE;
    enum err e = batch_codec(&batch->header, &codec);
    if (e != OK) return e;
    if (batch->header.magic != MAGIC_MAX || batch->bytes.size < BATCH_HEADER_SIZE) return ERR_CORRUPT;
    struct slice stored = slice_of(batch->bytes.data + BATCH_HEADER_SIZE, batch->bytes.size - BATCH_HEADER_SIZE);
    if (codec == CODEC_NONE || (stored.size == 0 && batch->header.record_count == 0)) {
        *body = stored;
        return OK;
    }
    text_clear(scratch);
    e = codec_decompress(codec, stored, limit, scratch);
    if (e != OK) return e;
    *body = text_slice(scratch);
    return OK;
}

struct record_iter record_iter(const struct batch_header *header, struct slice body)
{
    return (struct record_iter){
        .at = body.data,
        .end = body.size == 0 ? body.data : body.data + body.size, // no arithmetic on NULL
        .base_offset = header->base_offset,
        .base_timestamp = header->base_timestamp,
        .append_timestamp = header->max_timestamp,
        .remaining = header->record_count,
        .is_log_append_time = batch_is_log_append_time(header),
        .err = header->record_count < 0 ? ERR_CORRUPT : OK,
    };
}

// A varint and the byte behind it; NULL when it is malformed. Returned by value, so that it stays in registers.
struct number {
    const uint8_t *at;
    int64_t value;
};

__attribute__((noinline)) static struct number read_long_32(const uint8_t *at, const uint8_t *end)
{
    int32_t value = 0;
    at = varint32_read(at, end, &value);
    return (struct number){at, value};
}

__attribute__((noinline)) static struct number read_long_64(const uint8_t *at, const uint8_t *end)
{
    int64_t value = 0;
    at = varint64_read(at, end, &value);
    return (struct number){at, value};
}

// Nearly every varint of a record has one or two bytes; these take them in line, for speed alone: a walk over a batch
// is in the path of every produce request.
__attribute__((always_inline)) static inline bool is_short(const uint8_t *at, const uint8_t *end)
{
    return at != end && (at[0] < 0x80 || (end - at > 1 && at[1] < 0x80));
}

__attribute__((always_inline)) static inline struct number read_short(const uint8_t *at)
{
    uint32_t raw = at[0];
    if (raw >= 0x80) raw = (raw & 0x7f) | (uint32_t) * ++at << 7;
    return (struct number){at + 1, (int32_t)(raw >> 1) ^ -(int32_t)(raw & 1)};
}

__attribute__((always_inline)) static inline struct number read_32(const uint8_t *at, const uint8_t *end)
{
    return is_short(at, end) ? read_short(at) : read_long_32(at, end);
}

__attribute__((always_inline)) static inline struct number read_64(const uint8_t *at, const uint8_t *end)
{
    return is_short(at, end) ? read_short(at) : read_long_64(at, end);
}

// A varint size and that many bytes; a negative size is null. NULL when they do not fit.
__attribute__((always_inline)) static inline const uint8_t *read_bytes(const uint8_t *at, const uint8_t *end,
                                                                       struct slice *out)
{
    struct number size = read_32(at, end);
    if (size.at == NULL || size.value > end - size.at) return NULL;
    if (size.value < 0) {
        *out = SLICE_NULL;
        return size.at;
    }
    *out = slice_of(size.at, (size_t)size.value);
    return size.at + size.value;
}

static const uint8_t *read_header(const uint8_t *at, const uint8_t *end, struct record_header *out)
{
    at = read_bytes(at, end, &out->key);
    if (at == NULL || slice_is_null(out->key)) return NULL;
    return read_bytes(at, end, &out->value);
}

static const uint8_t *skip_headers(const uint8_t *at, const uint8_t *end, int32_t count)
{
    struct record_header header;
    for (; count > 0 && at != NULL; count--) at = read_header(at, end, &header);
    return at;
}

static inline const uint8_t *read_fields(const uint8_t *at, const uint8_t *end, struct record *out)
{
    if (at == end) return NULL;
    out->attributes = (int8_t)*at++;
    struct number timestamp_delta = read_64(at, end);
    if (timestamp_delta.at == NULL) return NULL;
    out->timestamp_delta = timestamp_delta.value;
    struct number offset_delta = read_32(timestamp_delta.at, end);
    if (offset_delta.at == NULL) return NULL;
    out->offset_delta = (int32_t)offset_delta.value;
    at = read_bytes(offset_delta.at, end, &out->key);
    if (at == NULL) return NULL;
    at = read_bytes(at, end, &out->value);
    if (at == NULL) return NULL;
    struct number count = read_32(at, end);
    if (count.at == NULL || count.value < 0 || count.value > end - count.at) return NULL;
    out->header_count = (int32_t)count.value;
    out->headers = slice_of(count.at, (size_t)(end - count.at));
    return count.value == 0 ? count.at : skip_headers(count.at, end, out->header_count);
}

bool record_next(struct record_iter *it, struct record *out)
{
    if (it->err != OK) return false;
    if (it->remaining == 0) {
        if (it->at != it->end) it->err = ERR_CORRUPT;
        return false;
    }
    const uint8_t *start = it->at;
    struct number size = read_32(start, it->end);
    if (size.at == NULL || size.value < 0 || size.value > it->end - size.at) goto corrupt;
    const uint8_t *end = size.at + size.value;
    if (read_fields(size.at, end, out) != end) goto corrupt;
    out->bytes = slice_of(start, (size_t)(end - start));
    // Sums wrap as Java's do: deltas of a hostile batch may be anything.
    out->offset = (int64_t)((uint64_t)it->base_offset + (uint64_t)(int64_t)out->offset_delta);
    out->timestamp = it->is_log_append_time ? it->append_timestamp
                                            : (int64_t)((uint64_t)it->base_timestamp + (uint64_t)out->timestamp_delta);
    it->at = end;
    it->remaining--;
    return true;
corrupt:
    it->err = ERR_CORRUPT;
    return false;
}

bool record_header_next(struct slice *rest, struct record_header *out)
{
    if (rest->size == 0) return false;
    const uint8_t *end = rest->data + rest->size;
    const uint8_t *at = read_header(rest->data, end, out);
    ASSERT(at != NULL);
    *rest = slice_of(at, (size_t)(end - at));
    return true;
}
