// SPDX-License-Identifier: Apache-2.0
// The judge of produced batches. First byte: options; the rest: the records field of a request. Unless bit 7 says
// otherwise its length, magic, base offset and CRC are put right, else random bytes would never get past them.
#include <stdlib.h>

#include "record/builder.h"
#include "record/compress.h"
#include "record/validate.h"

enum { PACKED = 7 }; // in the lowest three bits: what stands behind the header is yet to be compressed
enum { BODY_MAX = 1 << 16, RAW = 0x80, APPEND_TIME = 0x40, COMPACTED = 0x20, KEEPS_CODEC = 0x10, COORDINATOR = 0x08 };

static void repair(uint8_t *batch, size_t size)
{
    store_i64(batch, 0);
    store_i32(batch + 8, (int32_t)size - BATCH_OFFSET_SIZE);
    batch[BATCH_MAGIC_AT] = 2;
    batch_seal(batch);
}

// Compresses what stands behind the header by the codec the header names, so that mutations reach the records.
static uint8_t *pack(uint8_t *take_bytes, size_t *size)
{
    int bits = load_i16(take_bytes + BATCH_ATTRIBUTES_AT) & BATCH_CODEC_MASK;
    struct text out = {0};
    text_add(&out, slice_of(take_bytes, BATCH_HEADER_SIZE));
    struct slice records = slice_of(take_bytes + BATCH_HEADER_SIZE, *size - BATCH_HEADER_SIZE);
    enum err e = codec_compress((enum codec)(bits % CODEC_COUNT), COMPRESS_LEVEL_DEFAULT, records, &out);
    ASSERT(e == OK);
    uint8_t *packed = malloc(out.size);
    memcpy(packed, out.data, out.size);
    *size = out.size;
    text_deinit(&out);
    free(take_bytes);
    return packed;
}

static void walk(const struct batch_view *view, struct slice body)
{
    struct record_iter it = record_iter(&view->header, body);
    struct record record;
    int32_t count = 0;
    for (; record_next(&it, &record); count++) {
        struct record_header header;
        int32_t headers = 0;
        for (struct slice rest = record.headers; record_header_next(&rest, &header);) headers++;
        ASSERT(headers == record.header_count);
    }
    ASSERT(it.err != OK || count == view->header.record_count);
}

// What was accepted is, once stored, accepted again and needs nothing more.
static void check_stored(struct slice bytes, const struct validate_options *options, struct text *scratch,
                         struct arena *arena)
{
    struct batch_view view;
    struct validate_result again;
    enum err e = produce_check_framing(bytes, 12, &view);
    ASSERT(e == OK);
    e = batch_validate(&view, options, scratch, arena, &again, NULL);
    bool is_flagged = options->timestamp_type == TIMESTAMP_LOG_APPEND_TIME; // a producer may not set that flag
    ASSERT(is_flagged ? e == ERR_INVALID_TIMESTAMP : e == OK && !again.needs_rebuild);
}

static void judge(const struct batch_view *view, uint8_t *bytes, const struct validate_options *options)
{
    struct text scratch = {0};
    struct text out = {0};
    struct arena arena = {0};
    struct validate_result result;
    struct validate_failure failure;
    enum err e = batch_validate(view, options, &scratch, &arena, &result, &failure);
    ASSERT(e == OK || e == failure.code);
    if (e == OK && result.needs_rebuild) {
        if (batch_rebuild(view, options, &result, &out) == OK) {
            ASSERT(batch_crc_is_valid(text_slice(&out)));
            check_stored(text_slice(&out), options, &scratch, &arena);
        }
    } else if (e == OK) {
        batch_accept(bytes, &result);
        ASSERT(batch_crc_is_valid(view->bytes));
        check_stored(view->bytes, options, &scratch, &arena);
    }
    struct slice body;
    if (batch_body(view, BODY_MAX, &scratch, &body) == OK) walk(view, body);
    text_deinit(&scratch);
    text_deinit(&out);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    uint8_t flags = data[0];
    size--;
    uint8_t *bytes = malloc(size + 1);
    memcpy(bytes, data + 1, size);
    if ((flags & PACKED) == PACKED && size >= BATCH_HEADER_SIZE) bytes = pack(bytes, &size);
    if ((flags & RAW) == 0 && size >= BATCH_HEADER_SIZE) repair(bytes, size);
    struct validate_options options = {
        .origin = (flags & COORDINATOR) != 0 ? APPEND_COORDINATOR : APPEND_CLIENT,
        .is_compacted = (flags & COMPACTED) != 0,
        .timestamp_type = (flags & APPEND_TIME) != 0 ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .now_ms = 1700000000000,
        .max_message_bytes = 1 << 20,
        .keeps_codec = (flags & KEEPS_CODEC) != 0,
        .target_codec = (enum codec)((flags & 7) % CODEC_COUNT),
        .target_level = COMPRESS_LEVEL_DEFAULT,
        .decompressed_bytes_max = BODY_MAX,
        .topic = SLICE("fuzz"),
    };
    struct batch_view view;
    struct batch_iter it = batch_iter(slice_of(bytes, size));
    while (batch_next(&it, &view)) (void)batch_crc_is_valid(view.bytes);
    bool is_transactional;
    struct text problem = {0};
    enum err glance = produce_glance(slice_of(bytes, size), &is_transactional, &problem);
    enum err framing = produce_check_framing(slice_of(bytes, size), 12, &view);
    ASSERT((glance == OK) == (problem.size == 0) && (framing != OK || glance == OK));
    if (framing == OK) judge(&view, bytes, &options);
    text_deinit(&problem);
    free(bytes);
    return 0;
}
