// SPDX-License-Identifier: Apache-2.0
// Messages of magic 0 and 1, from logs of before Kafka 0.11; layout at the top of record/batch.c. The body of one:
//   i32 key size (-1 = null), key, i32 value size (-1 = null), value
// A compressed message's value holds messages: with magic 0 their offsets are absolute; with magic 1 they count from
// a base such that the last one's is the wrapper's. Kafka's cleaner leaves a message as it is or drops it; a wrapper
// that loses some of its messages is written again in its own format, its key null, with the last one's offset.
#include <zlib.h>

#include "store/compact_int.h"

enum {
    SIZE_AT = 8,
    CRC_AT = 12,
    CRC_FROM = 16,
    ATTRIBUTES_AT = 17,
    TIMESTAMP_AT = 18,
    LENGTH_SIZE = 4,
};

static bool take_bytes(struct slice *rest, struct slice *out)
{
    if (rest->size < LENGTH_SIZE) return false;
    int32_t size = load_i32(rest->data);
    *rest = slice_of(rest->data + LENGTH_SIZE, rest->size - LENGTH_SIZE);
    *out = SLICE_NULL;
    if (size < 0) return true;
    if ((size_t)size > rest->size) return false;
    *out = slice_of(rest->data, (size_t)size);
    *rest = slice_of(rest->data + size, rest->size - (size_t)size);
    return true;
}

static size_t body_at(int8_t magic)
{
    return magic == 0 ? TIMESTAMP_AT : TIMESTAMP_AT + sizeof(int64_t);
}

static bool parse(struct slice bytes, int8_t magic, struct record *out)
{
    struct batch_view view;
    if (batch_parse(bytes, &view) != OK || view.header.magic != magic || view.bytes.size < body_at(magic)) return false;
    struct slice rest = slice_of(view.bytes.data + body_at(magic), view.bytes.size - body_at(magic));
    *out =
        (struct record){.bytes = view.bytes, .offset = view.header.base_offset, .timestamp = view.header.max_timestamp};
    return take_bytes(&rest, &out->key) && take_bytes(&rest, &out->value) && rest.size == 0;
}

static struct slice behind(struct slice bytes, const struct record *first)
{
    return slice_of(bytes.data + first->bytes.size, bytes.size - first->bytes.size);
}

struct legacy_iter legacy_iter(const struct batch_view *batch, struct text *scratch)
{
    struct legacy_iter it = {.header = batch->header, .rest = batch->bytes};
    struct record message = {0};
    enum codec codec;
    it.err = batch_codec(&batch->header, &codec);
    if (it.err != OK || codec == CODEC_NONE) return it;
    it.is_wrapped = true;
    bool is_sound = parse(batch->bytes, batch->header.magic, &message) && !slice_is_null(message.value);
    text_clear(scratch);
    it.err = is_sound ? codec_decompress(codec, message.value, COMPACT_BODY_BYTES_MAX, scratch) : ERR_CORRUPT;
    it.rest = text_slice(scratch);
    if (it.err == OK && it.rest.size == 0) it.err = ERR_CORRUPT;
    if (it.err != OK || batch->header.magic == 0) return it;
    for (struct slice rest = it.rest; rest.size > 0 && parse(rest, 1, &message);) rest = behind(rest, &message);
    it.offset_base = batch->header.base_offset - message.offset;
    return it;
}

bool legacy_next(struct legacy_iter *it, struct record *out)
{
    if (it->err != OK || it->rest.size == 0) return false;
    if (!parse(it->rest, it->header.magic, out)) {
        it->err = ERR_CORRUPT;
        return false;
    }
    it->rest = behind(it->rest, out);
    out->offset += it->offset_base;
    if (batch_is_log_append_time(&it->header)) out->timestamp = it->header.max_timestamp;
    return true;
}

static void put_bytes(struct text *out, struct slice bytes)
{
    store_i32(text_reserve(out, LENGTH_SIZE), slice_is_null(bytes) ? -1 : (int32_t)bytes.size);
    text_grew(out, LENGTH_SIZE);
    text_add(out, bytes);
}

static void put_head(struct text *out, int8_t magic, int attributes, int64_t offset, int64_t timestamp)
{
    uint8_t *at = text_reserve(out, body_at(magic));
    store_i64(at, offset);
    at[BATCH_MAGIC_AT] = (uint8_t)magic;
    at[ATTRIBUTES_AT] = (uint8_t)attributes;
    if (magic > 0) store_i64(at + TIMESTAMP_AT, timestamp);
    text_grew(out, body_at(magic));
}

static void finish(struct text *out, size_t from)
{
    uint8_t *at = out->data + from;
    size_t size = out->size - from;
    store_i32(at + SIZE_AT, (int32_t)(size - BATCH_OFFSET_SIZE));
    store_u32(at + CRC_AT, (uint32_t)crc32_z(0, at + CRC_FROM, size - CRC_FROM));
}

enum err legacy_rewrap(const struct batch_header *header, const struct record *records, size_t count, struct text *out)
{
    int8_t magic = header->magic;
    int type = header->attributes & BATCH_LOG_APPEND_TIME;
    int64_t base = magic == 0 ? 0 : records[0].offset;
    int64_t newest_ms = NO_TIMESTAMP;
    struct text inner = {0};
    enum codec codec;
    enum err e = batch_codec(header, &codec);
    for (size_t i = 0; i < count && e == OK; i++) {
        const struct record *r = &records[i];
        size_t from = inner.size;
        put_head(&inner, magic, type, r->offset - base, r->timestamp);
        put_bytes(&inner, r->key);
        put_bytes(&inner, r->value);
        finish(&inner, from);
        if (r->timestamp > newest_ms) newest_ms = r->timestamp;
    }
    size_t from = out->size;
    put_head(out, magic, header->attributes & (BATCH_CODEC_MASK | type), records[count - 1].offset, newest_ms);
    put_bytes(out, SLICE_NULL);
    size_t length_at = out->size;
    text_grew(out, (text_reserve(out, LENGTH_SIZE), LENGTH_SIZE));
    if (e == OK) e = codec_compress(codec, COMPRESS_LEVEL_DEFAULT, text_slice(&inner), out);
    text_deinit(&inner);
    if (e == OK && out->size - from > INT32_MAX) e = ERR_TOO_LARGE;
    if (e != OK) {
        out->size = from;
        return e;
    }
    store_i32(out->data + length_at, (int32_t)(out->size - length_at - LENGTH_SIZE));
    finish(out, from);
    return OK;
}
