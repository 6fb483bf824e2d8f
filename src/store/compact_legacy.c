// SPDX-License-Identifier: Apache-2.0
// Messages of magic 0 and 1, from logs of before Kafka 0.11; layout at the top of record/batch.c. The body of one:
//   i32 key size (-1 = null), key, i32 value size (-1 = null), value
// A compressed message's value holds messages: with magic 0 their offsets are absolute; with magic 1 they count from
// a base such that the last one's is the wrapper's.
#include "store/compact_int.h"

enum { TIMESTAMP_AT = 18, LENGTH_SIZE = 4 };

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
