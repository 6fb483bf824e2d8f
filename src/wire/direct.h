// SPDX-License-Identifier: Apache-2.0
// The steps of decoding, sizing and writing that the interpreter and the straight code of schemac share (messages
// with the word `direct` in their schema: design rule 8). With constant flags they fold to a few instructions.
#ifndef ODRADEK_WIRE_DIRECT_H
#define ODRADEK_WIRE_DIRECT_H

#include "base/bytes.h"
#include "base/varint.h"
#include "wire/table.h"

// gcc does not inline these by itself, and without their constant flags folded nothing is gained.
#define WIRE_INLINE static inline __attribute__((always_inline))

enum { WIRE_STRING_SIZE_MAX = 32767, WIRE_ALIGNMENT = 16 };

// Every reading step takes the place to read at and returns the place behind what it read; NULL: `err` says why not.
struct wire_reader {
    const uint8_t *end;
    struct arena *arena;
    size_t room; // bytes that may still be taken from the arena
    enum err err;
    bool is_plain; // interpret everything, to compare
};

// Errors are latched: sizes go on adding up, and whoever asked looks at `err` once.
struct wire_sizer {
    size_t copy_max;
    size_t referenced; // bytes that are not copied
    enum err err;
    bool is_plain;
};

struct wire_writer {
    uint8_t *run;         // written since the last part
    struct wire_out *out; // NULL: everything is copied
    size_t copy_max;
    bool is_plain;
};

struct wire_direct {
    const uint8_t *(*decode)(struct wire_reader *r, const uint8_t *at, void *out);
    size_t (*size)(struct wire_sizer *s, const void *in);
    uint8_t *(*write)(struct wire_writer *w, uint8_t *at, const void *in);
};

struct wire_any_array {
    uint8_t *items;
    int32_t count;
};

// ---- what straight code leaves to the interpreter ----

const uint8_t *wire_read_failed(struct wire_reader *r, enum err e);
const uint8_t *wire_varint_failed(struct wire_reader *r, const uint8_t *at);
const uint8_t *wire_decode_plan(struct wire_reader *r, const uint8_t *at, const struct wire_plan *plan, uint8_t *out);
const uint8_t *wire_decode_op(struct wire_reader *r, const uint8_t *at, const struct wire_op *op, uint8_t *base);
const uint8_t *wire_decode_tags(struct wire_reader *r, const uint8_t *at, const struct wire_plan *plan, uint8_t *base);
size_t wire_size_refused(struct wire_sizer *s, enum err e);
size_t wire_size_plan(struct wire_sizer *s, const struct wire_plan *plan, const uint8_t *base);
size_t wire_size_op(struct wire_sizer *s, const struct wire_op *op, const uint8_t *base);
size_t wire_size_tags(struct wire_sizer *s, const struct wire_plan *plan, const uint8_t *base);
bool wire_size_allows(struct wire_sizer *s, const struct wire_plan *plan, const uint8_t *base);
uint8_t *wire_write_plan(struct wire_writer *w, uint8_t *at, const struct wire_plan *plan, const uint8_t *base);
uint8_t *wire_write_op(struct wire_writer *w, uint8_t *at, const struct wire_op *op, const uint8_t *base);
uint8_t *wire_write_tags(struct wire_writer *w, uint8_t *at, const struct wire_plan *plan, const uint8_t *base);
void wire_write_part(struct wire_writer *w, uint8_t *at, struct wire_part part);

// ---- reading ----

static inline size_t wire_left(const struct wire_reader *r, const uint8_t *at)
{
    return (size_t)(r->end - at);
}

// Length or count; -1 = null, which `flags` may forbid.
WIRE_INLINE const uint8_t *wire_read_length(struct wire_reader *r, const uint8_t *at, uint8_t flags, size_t width,
                                            int64_t *length)
{
    if (flags & WIRE_OP_COMPACT) {
        uint32_t raw = 0;
        const uint8_t *next = uvarint32_read(at, r->end, &raw);
        if (next == NULL) return wire_varint_failed(r, at);
        if (raw > INT32_MAX) return wire_read_failed(r, ERR_CORRUPT);
        at = next;
        *length = (int64_t)raw - 1;
    } else {
        if (wire_left(r, at) < width) return wire_read_failed(r, ERR_TRUNCATED);
        *length = width == 2 ? load_i16(at) : load_i32(at);
        at += width;
    }
    if (*length < 0 && !(flags & WIRE_OP_NULLABLE)) return wire_read_failed(r, ERR_CORRUPT);
    return at;
}

// width 2: a string, 4: bytes.
WIRE_INLINE const uint8_t *wire_read_bytes(struct wire_reader *r, const uint8_t *at, uint8_t flags, size_t width,
                                           struct slice *out)
{
    int64_t length = 0;
    at = wire_read_length(r, at, flags, width, &length);
    if (at == NULL) return NULL;
    if (length < 0) {
        *out = SLICE_NULL;
        return at;
    }
    if ((size_t)length > wire_left(r, at)) return wire_read_failed(r, ERR_TRUNCATED);
    if (width == 2 && length > WIRE_STRING_SIZE_MAX) return wire_read_failed(r, ERR_CORRUPT);
    *out = slice_of(at, (size_t)length);
    return at + length;
}

// Memory for `count` items of `size` bytes, each at least `wire_size` bytes of the input. Not zeroed.
WIRE_INLINE bool wire_take_items(struct wire_reader *r, const uint8_t *at, int64_t count, size_t size, size_t wire_size,
                                 void **out)
{
    *out = NULL;
    if (count <= 0) return true;
    size_t items = (size_t)count;
    if (items * (wire_size == 0 ? 1 : wire_size) > wire_left(r, at)) { // both factors are below 2^31
        r->err = ERR_TRUNCATED;
        return false;
    }
    size_t bytes = (items * size + WIRE_ALIGNMENT - 1) & ~(size_t)(WIRE_ALIGNMENT - 1);
    if (bytes > r->room) {
        r->err = ERR_TOO_LARGE;
        return false;
    }
    r->room -= bytes;
    *out = arena_alloc(r->arena, bytes);
    return true;
}

WIRE_INLINE const uint8_t *wire_decode_end(struct wire_reader *r, const uint8_t *at, const struct wire_plan *plan,
                                           void *out)
{
    if (at != r->end && *at == 0) return at + 1; // no tags, nearly always
    return wire_decode_tags(r, at, plan, out);
}

// ---- sizes ----

WIRE_INLINE size_t wire_varint_size(uint64_t value)
{
    return value < 0x80 ? 1 : uvarint64_size(value);
}

// Of a length or count of at most INT32_MAX; null takes as much as zero.
WIRE_INLINE size_t wire_length_size(uint8_t flags, size_t width, size_t length)
{
    return flags & WIRE_OP_COMPACT ? wire_varint_size((uint64_t)length + 1) : width;
}

WIRE_INLINE size_t wire_size_bytes(struct wire_sizer *s, uint8_t flags, size_t width, struct slice bytes)
{
    if (slice_is_null(bytes)) {
        return flags & WIRE_OP_NULL_BAD ? wire_size_refused(s, ERR_INVALID) : wire_length_size(flags, width, 0);
    }
    size_t size_max = width == 2 ? (size_t)WIRE_STRING_SIZE_MAX : (size_t)INT32_MAX - 1;
    if (bytes.size > size_max) return wire_size_refused(s, ERR_INVALID);
    if (bytes.size > s->copy_max) s->referenced += bytes.size;
    return wire_length_size(flags, width, bytes.size) + bytes.size;
}

WIRE_INLINE size_t wire_size_records(struct wire_sizer *s, uint8_t flags, const struct wire_records *records)
{
    if (records->file == NULL) return wire_size_bytes(s, flags, 4, records->bytes);
    if (records->size < 0) return wire_size_refused(s, ERR_INVALID);
    s->referenced += (size_t)records->size;
    return wire_length_size(flags, 4, (size_t)records->size) + (size_t)records->size;
}

// Of the count of an array.
WIRE_INLINE size_t wire_size_count(struct wire_sizer *s, uint8_t flags, int32_t count)
{
    if (count >= 0) return wire_length_size(flags, 4, (size_t)count);
    return flags & WIRE_OP_NULLABLE ? wire_length_size(flags, 4, 0) : wire_size_refused(s, ERR_INVALID);
}

// ---- writing ----

WIRE_INLINE uint8_t *wire_write_varint(uint8_t *at, uint64_t value)
{
    if (value >= 0x80) return uvarint64_write(at, value);
    *at = (uint8_t)value;
    return at + 1;
}

WIRE_INLINE uint8_t *wire_write_length(uint8_t *at, uint8_t flags, size_t width, int64_t length)
{
    if (flags & WIRE_OP_COMPACT) return wire_write_varint(at, (uint64_t)(length + 1));
    if (width == 2)
        store_i16(at, (int16_t)length);
    else
        store_i32(at, (int32_t)length);
    return at + width;
}

WIRE_INLINE uint8_t *wire_write_bytes(struct wire_writer *w, uint8_t *at, uint8_t flags, size_t width,
                                      struct slice bytes)
{
    if (slice_is_null(bytes)) return wire_write_length(at, flags, width, flags & WIRE_OP_NULLABLE ? -1 : 0);
    at = wire_write_length(at, flags, width, (int64_t)bytes.size);
    if (bytes.size > w->copy_max) {
        wire_write_part(w, at, (struct wire_part){.bytes = bytes, .size = bytes.size});
        return at;
    }
    memcpy(at, bytes.data, bytes.size);
    return at + bytes.size;
}

WIRE_INLINE uint8_t *wire_write_records(struct wire_writer *w, uint8_t *at, uint8_t flags,
                                        const struct wire_records *records)
{
    if (records->file == NULL) return wire_write_bytes(w, at, flags, 4, records->bytes);
    at = wire_write_length(at, flags, 4, records->size);
    wire_write_part(
        w, at, (struct wire_part){.file = records->file, .position = records->position, .size = (size_t)records->size});
    return at;
}

#endif
