// SPDX-License-Identifier: Apache-2.0
// Messages of magic 0 and 1, from logs of before Kafka 0.11 (kafka-internals A4), big-endian:
//   i64 offset, i32 size, u32 CRC-32 of what follows, i8 magic, i8 attributes, [magic 1: i64 timestamp], i32 key size
//   (-1 = null), key, i32 value size, value
// A compressed message's value holds messages: with magic 0 their offsets are absolute; with magic 1 they count from
// a base such that the last one's is the wrapper's.
#include "cli/dump_int.h"

enum { CRC_AT = 12, BODY_AT = 18, TIMESTAMP_SIZE = 8, BIG = 1 << 30 };

struct message {
    struct slice bytes;
    int64_t offset;
    int64_t timestamp;
    struct slice key, value;
};

static bool invalid(struct dump *dump, const char *text)
{
    cli_uncaught(dump->cli, "org.apache.kafka.common.InvalidRecordException", text);
    return false;
}

static bool take_bytes(struct slice *rest, struct slice *out)
{
    if (rest->size < 4) return false;
    int32_t size = load_i32(rest->data);
    *rest = slice_of(rest->data + 4, rest->size - 4);
    *out = SLICE_NULL;
    if (size < 0) return true;
    if ((size_t)size > rest->size) return false;
    *out = slice_of(rest->data, (size_t)size);
    *rest = slice_of(rest->data + size, rest->size - (size_t)size);
    return true;
}

static bool parse(struct slice bytes, struct message *out)
{
    struct batch_view view;
    if (batch_parse(bytes, &view) != OK || view.header.magic > 1) return false;
    size_t at = BODY_AT + (view.header.magic == 1 ? TIMESTAMP_SIZE : 0);
    if (view.bytes.size < at) return false;
    struct slice rest = slice_of(view.bytes.data + at, view.bytes.size - at);
    *out = (struct message){.bytes = view.bytes, .offset = view.header.base_offset};
    out->timestamp = view.header.max_timestamp;
    return take_bytes(&rest, &out->key) && take_bytes(&rest, &out->value);
}

static bool print_message(struct dump *dump, struct dump_file *file, const struct batch_header *header,
                          const struct message *message, int64_t *last_offset)
{
    dump_follow(dump, file, message->offset, last_offset);
    struct record record = {.offset = message->offset, .timestamp = message->timestamp};
    record.key = message->key;
    record.value = message->value;
    if (!dump->skips_metadata) {
        dump_record_line(dump, header, &record, NO_SEQUENCE);
        cli_out(dump->cli, " isValid: %s crc: %u", batch_crc_is_valid(message->bytes) ? "true" : "false",
                load_u32(message->bytes.data + CRC_AT));
    }
    if (dump->prints_contents && !dump_record_contents(dump, &record)) return false;
    cli_out(dump->cli, "\n");
    return true;
}

// What to add to inner offsets.
static int64_t inner_base(const struct batch_header *wrapper, struct slice inner)
{
    if (wrapper->magic == 0) return 0;
    struct message message = {0};
    while (inner.size > 0 && parse(inner, &message)) {
        inner = slice_of(inner.data + message.bytes.size, inner.size - message.bytes.size);
    }
    return wrapper->base_offset - message.offset;
}

bool dump_legacy_records(struct dump *dump, struct dump_file *file, const struct batch_view *batch,
                         int64_t *last_offset)
{
    struct message outer, message;
    enum codec codec;
    if (!dump_codec(dump, &batch->header, &codec)) return false;
    if (!parse(batch->bytes, &outer)) return invalid(dump, "Found invalid record structure");
    if (codec == CODEC_NONE) return print_message(dump, file, &batch->header, &outer, last_offset);
    if (slice_is_null(outer.value)) {
        return invalid(dump, arena_printf(&dump->cli->arena,
                                          "Found invalid compressed record set with null value (magic = %d)",
                                          batch->header.magic));
    }
    text_clear(&dump->scratch);
    if (codec_decompress(codec, outer.value, BIG, &dump->scratch) != OK) {
        cli_uncaught(dump->cli, "org.apache.kafka.common.KafkaException", "Failed to decompress record stream");
        return false;
    }
    struct slice rest = text_slice(&dump->scratch);
    if (rest.size == 0) return invalid(dump, "Found invalid compressed record set with no inner records");
    int64_t base = inner_base(&batch->header, rest);
    while (rest.size > 0) {
        if (!parse(rest, &message)) return invalid(dump, "Found invalid record structure");
        rest = slice_of(rest.data + message.bytes.size, rest.size - message.bytes.size);
        message.offset += base;
        if (batch_is_log_append_time(&batch->header)) message.timestamp = batch->header.max_timestamp;
        if (!print_message(dump, file, &batch->header, &message, last_offset)) return false;
    }
    return true;
}
