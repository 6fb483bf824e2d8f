// SPDX-License-Identifier: Apache-2.0
// The layout written here is specified at the top of batch.c.
#include "record/builder.h"

#include "base/varint.h"

enum {
    NULL_SIZE = -1,
    // size, attributes, timestamp delta and offset delta of a record at their longest
    RECORD_OVERHEAD_MAX = UVARINT32_SIZE_MAX + 1 + UVARINT64_SIZE_MAX + UVARINT32_SIZE_MAX,
};

void batch_builder_deinit(struct batch_builder *builder)
{
    text_deinit(&builder->records);
    *builder = (struct batch_builder){0};
}

void batch_begin(struct batch_builder *builder, struct text *out, const struct batch_spec *spec)
{
    ASSERT(builder->out == NULL);
    ASSERT(codec_level_is_valid(spec->codec, spec->level));
    builder->spec = *spec;
    builder->out = out;
    builder->start = out->size;
    builder->base_timestamp = spec->delete_horizon_ms;
    builder->max_timestamp = NO_TIMESTAMP;
    builder->last_offset_delta = -1;
    builder->record_count = 0;
    builder->err = OK;
    text_clear(&builder->records);
    text_reserve(out, BATCH_HEADER_SIZE);
    text_grew(out, BATCH_HEADER_SIZE); // written by batch_end
}

// Where uncompressed records go.
static struct text *target_of(struct batch_builder *builder)
{
    return builder->spec.codec == CODEC_NONE ? builder->out : &builder->records;
}

static size_t bytes_size(struct slice bytes)
{
    return slice_is_null(bytes) ? 1 : varint64_size((int64_t)bytes.size) + bytes.size;
}

static uint8_t *put_bytes(uint8_t *at, struct slice bytes)
{
    if (slice_is_null(bytes)) return varint64_write(at, NULL_SIZE);
    at = varint64_write(at, (int64_t)bytes.size);
    if (bytes.size > 0) memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

static size_t headers_size(const struct record_header *headers, int32_t header_count)
{
    size_t size = 0;
    for (int32_t i = 0; i < header_count; i++) size += bytes_size(headers[i].key) + bytes_size(headers[i].value);
    return size;
}

size_t record_size_max(struct slice key, struct slice value, const struct record_header *headers, int32_t header_count)
{
    return RECORD_OVERHEAD_MAX + bytes_size(key) + bytes_size(value) + varint64_size(header_count) +
           headers_size(headers, header_count);
}

// Writes everything of a record up to and with the header count; `headers_bytes` will follow. NULL when the batch
// becomes too large, which is latched.
static struct text *put_record(struct batch_builder *builder, int64_t offset, int64_t timestamp, struct slice key,
                               struct slice value, int32_t header_count, size_t headers_bytes)
{
    ASSERT(builder->out != NULL && header_count >= 0);
    int64_t offset_delta = offset - builder->spec.base_offset;
    ASSERT(offset_delta > builder->last_offset_delta && offset_delta <= INT32_MAX);
    if (builder->record_count == 0 && builder->spec.delete_horizon_ms == NO_TIMESTAMP)
        builder->base_timestamp = timestamp;
    int64_t timestamp_delta = (int64_t)((uint64_t)timestamp - (uint64_t)builder->base_timestamp);
    size_t body = 1 + varint64_size(timestamp_delta) + varint64_size(offset_delta) + bytes_size(key) +
                  bytes_size(value) + varint64_size(header_count) + headers_bytes;
    if (builder->err != OK || body > (size_t)INT32_MAX - BATCH_HEADER_SIZE - batch_size_so_far(builder)) {
        builder->err = ERR_TOO_LARGE;
        return NULL;
    }
    struct text *target = target_of(builder);
    uint8_t *start = text_reserve(target, UVARINT32_SIZE_MAX + body);
    uint8_t *at = varint64_write(start, (int64_t)body);
    *at++ = 0; // attributes
    at = varint64_write(at, timestamp_delta);
    at = varint64_write(at, offset_delta);
    at = put_bytes(at, key);
    at = put_bytes(at, value);
    at = varint64_write(at, header_count);
    text_grew(target, (size_t)(at - start));
    if (timestamp > builder->max_timestamp) builder->max_timestamp = timestamp;
    builder->last_offset_delta = (int32_t)offset_delta;
    builder->record_count++;
    return target;
}

void batch_add_at(struct batch_builder *builder, int64_t offset, int64_t timestamp, struct slice key,
                  struct slice value, const struct record_header *headers, int32_t header_count)
{
    size_t size = headers_size(headers, header_count);
    struct text *target = put_record(builder, offset, timestamp, key, value, header_count, size);
    if (target == NULL) return;
    uint8_t *at = text_reserve(target, size);
    for (int32_t i = 0; i < header_count; i++) {
        ASSERT(!slice_is_null(headers[i].key));
        at = put_bytes(at, headers[i].key);
        at = put_bytes(at, headers[i].value);
    }
    text_grew(target, size);
}

void batch_add(struct batch_builder *builder, int64_t timestamp, struct slice key, struct slice value,
               const struct record_header *headers, int32_t header_count)
{
    int64_t offset = builder->spec.base_offset + builder->last_offset_delta + 1;
    batch_add_at(builder, offset, timestamp, key, value, headers, header_count);
}

// Written anew, not copied: -2 and the like, which readers take as null, become -1 as in Kafka.
void batch_add_record(struct batch_builder *builder, int64_t offset, const struct record *record)
{
    struct record_header header;
    size_t size = 0;
    for (struct slice rest = record->headers; record_header_next(&rest, &header);)
        size += bytes_size(header.key) + bytes_size(header.value);
    struct text *target =
        put_record(builder, offset, record->timestamp, record->key, record->value, record->header_count, size);
    if (target == NULL) return;
    uint8_t *at = text_reserve(target, size);
    for (struct slice rest = record->headers; record_header_next(&rest, &header);) {
        at = put_bytes(at, header.key);
        at = put_bytes(at, header.value);
    }
    text_grew(target, size);
}

void batch_set_last_offset(struct batch_builder *builder, int64_t last_offset)
{
    int64_t delta = last_offset - builder->spec.base_offset;
    ASSERT(delta >= builder->last_offset_delta && delta <= INT32_MAX);
    builder->last_offset_delta = (int32_t)delta;
}

size_t batch_size_so_far(const struct batch_builder *builder)
{
    if (builder->spec.codec != CODEC_NONE) return BATCH_HEADER_SIZE + builder->records.size;
    return builder->out->size - builder->start;
}

void batch_abandon(struct batch_builder *builder)
{
    builder->out->size = builder->start;
    builder->out = NULL;
}

static void put_header(uint8_t *at, size_t size, const struct batch_header *h)
{
    store_i64(at, h->base_offset);
    store_i32(at + 8, (int32_t)(size - BATCH_OFFSET_SIZE));
    store_i32(at + 12, h->partition_leader_epoch);
    at[BATCH_MAGIC_AT] = 2;
    store_i16(at + BATCH_ATTRIBUTES_AT, h->attributes);
    store_i32(at + 23, h->last_offset_delta);
    store_i64(at + 27, h->base_timestamp);
    store_i64(at + 35, h->max_timestamp);
    store_i64(at + 43, h->producer_id);
    store_i16(at + 51, h->producer_epoch);
    store_i32(at + 53, h->base_sequence);
    store_i32(at + 57, h->record_count);
    batch_seal(at);
}

static int16_t attributes_of(const struct batch_spec *spec)
{
    int attributes = (int)spec->codec;
    if (spec->timestamp_type == TIMESTAMP_LOG_APPEND_TIME) attributes |= BATCH_LOG_APPEND_TIME;
    if (spec->is_transactional) attributes |= BATCH_TRANSACTIONAL;
    if (spec->is_control) attributes |= BATCH_CONTROL;
    if (spec->delete_horizon_ms != NO_TIMESTAMP) attributes |= BATCH_DELETE_HORIZON;
    return (int16_t)attributes;
}

enum err batch_end(struct batch_builder *builder, struct slice *bytes)
{
    const struct batch_spec *spec = &builder->spec;
    struct text *out = builder->out;
    ASSERT(out != NULL && builder->record_count > 0);
    enum err e = builder->err;
    if (e == OK && spec->codec != CODEC_NONE)
        e = codec_compress(spec->codec, spec->level, text_slice(&builder->records), out);
    size_t size = out->size - builder->start;
    if (e == OK && size > INT32_MAX) e = ERR_TOO_LARGE;
    if (e != OK) goto fail;
    bool is_append_time = spec->timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
    put_header(out->data + builder->start, size,
               &(struct batch_header){
                   .base_offset = spec->base_offset,
                   .partition_leader_epoch = spec->partition_leader_epoch,
                   .attributes = attributes_of(spec),
                   .last_offset_delta = builder->last_offset_delta,
                   .base_timestamp = builder->base_timestamp,
                   .max_timestamp = is_append_time ? spec->log_append_time : builder->max_timestamp,
                   .producer_id = spec->producer_id,
                   .producer_epoch = spec->producer_epoch,
                   .base_sequence = spec->base_sequence,
                   .record_count = builder->record_count,
               });
    if (bytes != NULL) *bytes = slice_of(out->data + builder->start, size);
    builder->out = NULL;
    return OK;
fail:
    batch_abandon(builder);
    return e;
}

void batch_empty(struct text *out, const struct batch_header *of)
{
    struct batch_header h = *of;
    h.attributes = (int16_t)(h.attributes & (BATCH_LOG_APPEND_TIME | BATCH_TRANSACTIONAL | BATCH_CONTROL));
    h.base_timestamp = NO_TIMESTAMP;
    h.record_count = 0;
    put_header(text_reserve(out, BATCH_HEADER_SIZE), BATCH_HEADER_SIZE, &h);
    text_grew(out, BATCH_HEADER_SIZE);
}

void batch_end_txn_marker(struct text *out, int64_t offset, int32_t partition_leader_epoch, int64_t timestamp,
                          int64_t producer_id, int16_t producer_epoch, enum control_type type,
                          int32_t coordinator_epoch)
{
    ASSERT(type == CONTROL_COMMIT || type == CONTROL_ABORT);
    uint8_t key[CONTROL_KEY_SIZE];
    uint8_t value[END_TXN_MARKER_SIZE];
    control_key_encode(type, key);
    end_txn_marker_encode(coordinator_epoch, value);
    struct batch_spec spec = batch_spec(offset);
    spec.partition_leader_epoch = partition_leader_epoch;
    spec.producer_id = producer_id;
    spec.producer_epoch = producer_epoch;
    spec.is_transactional = true;
    spec.is_control = true;
    struct batch_builder builder = {0};
    batch_begin(&builder, out, &spec);
    batch_add(&builder, timestamp, slice_of(key, sizeof(key)), slice_of(value, sizeof(value)), NULL, 0);
    enum err e = batch_end(&builder, NULL);
    ASSERT(e == OK); // uncompressed and small: nothing can fail
    batch_builder_deinit(&builder);
}

void batch_kraft_control(struct text *out, int64_t base_offset, int32_t leader_epoch, int64_t timestamp,
                         const enum control_type *types, const struct slice *values, int32_t count)
{
    struct batch_spec spec = batch_spec(base_offset);
    spec.partition_leader_epoch = leader_epoch;
    spec.is_control = true;
    struct batch_builder builder = {0};
    batch_begin(&builder, out, &spec);
    for (int32_t i = 0; i < count; i++) {
        uint8_t key[CONTROL_KEY_SIZE];
        control_key_encode(types[i], key);
        batch_add(&builder, timestamp, slice_of(key, sizeof(key)), values[i], NULL, 0);
    }
    enum err e = batch_end(&builder, NULL);
    ASSERT(e == OK); // KRaft's control records are a few hundred bytes
    batch_builder_deinit(&builder);
}
