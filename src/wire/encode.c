// SPDX-License-Identifier: Apache-2.0
// Structs to bytes; the format is at the top of decode.c. Two walks over the same ops: the first sizes and refuses
// what cannot be said in that version, the second writes into memory of exactly that size and cannot fail.
#include "wire/direct.h"

static const size_t item_sizes[] = {
    [WIRE_OP_ARRAY_BOOL] = 1, [WIRE_OP_ARRAY_1] = 1, [WIRE_OP_ARRAY_2] = 2,
    [WIRE_OP_ARRAY_4] = 4,    [WIRE_OP_ARRAY_8] = 8, [WIRE_OP_ARRAY_UUID] = 16,
};

// ---- sizes ----

size_t wire_size_refused(struct wire_sizer *s, enum err e)
{
    if (s->err == OK) s->err = e;
    return 0;
}

static size_t size_array(struct wire_sizer *s, const struct wire_op *op, const struct wire_any_array *array)
{
    size_t size = wire_size_count(s, op->flags, array->count);
    size_t count = array->count < 0 ? 0 : (size_t)array->count;
    if (op->code == WIRE_OP_ARRAY_STRUCT) {
        const uint8_t *item = array->items;
        size_t step = op->sub->type->size;
        for (size_t i = 0; i < count; i++, item += step) size += wire_size_plan(s, op->sub, item);
    } else if (op->code == WIRE_OP_ARRAY_STRING || op->code == WIRE_OP_ARRAY_BYTES) {
        const struct slice *items = (const void *)array->items;
        size_t width = op->code == WIRE_OP_ARRAY_STRING ? 2 : 4;
        for (size_t i = 0; i < count; i++) size += wire_size_bytes(s, op->flags & WIRE_OP_COMPACT, width, items[i]);
    } else {
        size += count * item_sizes[op->code];
    }
    return size;
}

static size_t size_pointer(struct wire_sizer *s, const struct wire_op *op, const void *item)
{
    bool has_marker = op->flags & WIRE_OP_NULLABLE;
    if (item == NULL) return has_marker ? 1 : wire_size_refused(s, ERR_INVALID);
    return (size_t)has_marker + wire_size_plan(s, op->sub, item);
}

size_t wire_size_op(struct wire_sizer *s, const struct wire_op *op, const uint8_t *base)
{
    const void *in = base + op->offset;
    switch ((enum wire_op_code)op->code) {
    case WIRE_OP_BOOL:
    case WIRE_OP_1: return 1;
    case WIRE_OP_2: return 2;
    case WIRE_OP_4: return 4;
    case WIRE_OP_8: return 8;
    case WIRE_OP_UUID: return 16;
    case WIRE_OP_STRING: return wire_size_bytes(s, op->flags, 2, *(const struct slice *)in);
    case WIRE_OP_BYTES: return wire_size_bytes(s, op->flags, 4, *(const struct slice *)in);
    case WIRE_OP_RECORDS: return wire_size_records(s, op->flags, in);
    case WIRE_OP_STRUCT: return wire_size_plan(s, op->sub, in);
    case WIRE_OP_POINTER: return size_pointer(s, op, *(const void *const *)in);
    case WIRE_OP_ARRAY_BOOL:
    case WIRE_OP_ARRAY_1:
    case WIRE_OP_ARRAY_2:
    case WIRE_OP_ARRAY_4:
    case WIRE_OP_ARRAY_8:
    case WIRE_OP_ARRAY_UUID:
    case WIRE_OP_ARRAY_STRING:
    case WIRE_OP_ARRAY_BYTES:
    case WIRE_OP_ARRAY_STRUCT: return size_array(s, op, in);
    }
    return wire_size_refused(s, ERR_INVALID);
}

static inline const struct wire_tags *tags_of(const struct wire_plan *plan, const uint8_t *base)
{
    return (const void *)(base + plan->type->tags_offset);
}

static size_t size_unknown(struct wire_sizer *s, const struct wire_plan *plan, const struct wire_tags *tags)
{
    size_t size = 0;
    for (int32_t i = 0; i < tags->count; i++) {
        const struct wire_tag *tag = &tags->items[i];
        if (i > 0 && tag->tag <= tags->items[i - 1].tag) return wire_size_refused(s, ERR_INVALID);
        for (size_t known = 0; known < plan->tagged_count; known++) {
            if ((uint32_t)plan->tagged[known].tag == tag->tag) return wire_size_refused(s, ERR_INVALID);
        }
        if (tag->bytes.size > INT32_MAX) return wire_size_refused(s, ERR_INVALID);
        size += wire_varint_size(tag->tag) + wire_varint_size(tag->bytes.size) + tag->bytes.size;
    }
    return size;
}

size_t wire_size_tags(struct wire_sizer *s, const struct wire_plan *plan, const uint8_t *base)
{
    const struct wire_tags *unknown = tags_of(plan, base);
    size_t count = (size_t)unknown->count;
    size_t size = 0;
    for (size_t i = 0; i < plan->tagged_count; i++) {
        const struct wire_op *op = &plan->tagged[i];
        if (wire_field_is_default(plan->type, op->field, base)) continue;
        size_t value = wire_size_op(s, op, base);
        size += wire_varint_size((uint64_t)op->tag) + wire_varint_size(value) + value;
        count++;
    }
    size += wire_varint_size(count);
    return unknown->count == 0 ? size : size + size_unknown(s, plan, unknown);
}

bool wire_size_allows(struct wire_sizer *s, const struct wire_plan *plan, const uint8_t *base)
{
    for (size_t i = 0; i < plan->must_be_default_count; i++) {
        if (wire_field_is_default(plan->type, plan->must_be_default[i], base)) continue;
        wire_size_refused(s, ERR_UNSUPPORTED_VERSION);
        return false;
    }
    return true;
}

size_t wire_size_plan(struct wire_sizer *s, const struct wire_plan *plan, const uint8_t *base)
{
    if (plan->direct != NULL && !s->is_plain) return plan->direct->size(s, base);
    if (!wire_size_allows(s, plan, base)) return 0;
    size_t size = plan->fixed_size;
    for (size_t i = 0; i < plan->sized_count; i++) size += wire_size_op(s, &plan->sized[i], base);
    if (!plan->is_flexible)
        return tags_of(plan, base)->count == 0 ? size : wire_size_refused(s, ERR_UNSUPPORTED_VERSION);
    if (plan->tagged_count == 0 && tags_of(plan, base)->count == 0) return size + 1;
    return size + wire_size_tags(s, plan, base);
}

// ---- parts ----

void wire_out_init(struct wire_out *out, struct arena *arena)
{
    // The inline parts stay as they are: they are written before they are read.
    out->arena = arena;
    out->parts = out->first;
    out->part_count = 0;
    out->part_capacity = WIRE_PARTS_INLINE;
    out->size = 0;
}

static void add_part(struct wire_out *out, struct wire_part part)
{
    if (part.size == 0) return;
    out->size += part.size;
    struct wire_part *last = out->part_count == 0 ? NULL : &out->parts[out->part_count - 1];
    if (last != NULL && last->file == NULL && part.file == NULL && last->bytes.data + last->size == part.bytes.data) {
        last->size += part.size;
        last->bytes.size = last->size;
        return;
    }
    if (out->part_count == out->part_capacity) {
        out->part_capacity *= 2;
        struct wire_part *grown = ARENA_ARRAY(out->arena, struct wire_part, out->part_capacity);
        memcpy(grown, out->parts, (size_t)out->part_count * sizeof(struct wire_part));
        out->parts = grown;
    }
    out->parts[out->part_count++] = part;
}

void wire_out_add(struct wire_out *out, struct slice bytes)
{
    add_part(out, (struct wire_part){.bytes = bytes, .size = bytes.size});
}

uint8_t *wire_out_reserve(struct wire_out *out, size_t size)
{
    uint8_t *bytes = arena_alloc(out->arena, size);
    wire_out_add(out, slice_of(bytes, size));
    return bytes;
}

struct slice wire_out_flatten(const struct wire_out *out, struct arena *arena)
{
    uint8_t *bytes = arena_alloc(arena, out->size);
    size_t at = 0;
    for (int32_t i = 0; i < out->part_count; i++) {
        const struct wire_part *part = &out->parts[i];
        ASSERT(part->file == NULL);
        memcpy(bytes + at, part->bytes.data, part->size);
        at += part->size;
    }
    return slice_of(bytes, out->size);
}

// ---- writing ----

void wire_write_part(struct wire_writer *w, uint8_t *at, struct wire_part part)
{
    wire_out_add(w->out, slice_of(w->run, (size_t)(at - w->run)));
    w->run = at;
    add_part(w->out, part);
}

static void write_fixed_items(uint8_t *at, const uint8_t *items, size_t count, enum wire_op_code code)
{
    if (code == WIRE_OP_ARRAY_2) {
        for (size_t i = 0; i < count; i++) store_u16(at + i * 2, ((const uint16_t *)(const void *)items)[i]);
    } else if (code == WIRE_OP_ARRAY_4) {
        for (size_t i = 0; i < count; i++) store_u32(at + i * 4, ((const uint32_t *)(const void *)items)[i]);
    } else if (code == WIRE_OP_ARRAY_8) {
        for (size_t i = 0; i < count; i++) store_u64(at + i * 8, ((const uint64_t *)(const void *)items)[i]);
    } else {
        memcpy(at, items, count * item_sizes[code]);
    }
}

static uint8_t *write_array(struct wire_writer *w, uint8_t *at, const struct wire_op *op,
                            const struct wire_any_array *array)
{
    at = wire_write_length(at, op->flags, 4, array->count < 0 ? -1 : array->count);
    if (array->count <= 0) return at;
    size_t count = (size_t)array->count;
    if (op->code == WIRE_OP_ARRAY_STRUCT) {
        const uint8_t *item = array->items;
        size_t step = op->sub->type->size;
        for (size_t i = 0; i < count; i++, item += step) at = wire_write_plan(w, at, op->sub, item);
        return at;
    }
    if (op->code == WIRE_OP_ARRAY_STRING || op->code == WIRE_OP_ARRAY_BYTES) {
        const struct slice *items = (const void *)array->items;
        size_t width = op->code == WIRE_OP_ARRAY_STRING ? 2 : 4;
        for (size_t i = 0; i < count; i++) at = wire_write_bytes(w, at, op->flags & WIRE_OP_COMPACT, width, items[i]);
        return at;
    }
    write_fixed_items(at, array->items, count, (enum wire_op_code)op->code);
    return at + count * item_sizes[op->code];
}

static uint8_t *write_pointer(struct wire_writer *w, uint8_t *at, const struct wire_op *op, const void *item)
{
    if (op->flags & WIRE_OP_NULLABLE) *at++ = item != NULL ? 1 : op->tag >= 0 ? 0 : 0xff;
    return item == NULL ? at : wire_write_plan(w, at, op->sub, item);
}

uint8_t *wire_write_op(struct wire_writer *w, uint8_t *at, const struct wire_op *op, const uint8_t *base)
{
    const void *in = base + op->offset;
    switch ((enum wire_op_code)op->code) {
    case WIRE_OP_BOOL:
    case WIRE_OP_1: *at = *(const uint8_t *)in; return at + 1;
    case WIRE_OP_2: store_u16(at, *(const uint16_t *)in); return at + 2;
    case WIRE_OP_4: store_u32(at, *(const uint32_t *)in); return at + 4;
    case WIRE_OP_8: store_u64(at, *(const uint64_t *)in); return at + 8;
    case WIRE_OP_UUID: memcpy(at, in, 16); return at + 16;
    case WIRE_OP_STRING: return wire_write_bytes(w, at, op->flags, 2, *(const struct slice *)in);
    case WIRE_OP_BYTES: return wire_write_bytes(w, at, op->flags, 4, *(const struct slice *)in);
    case WIRE_OP_RECORDS: return wire_write_records(w, at, op->flags, in);
    case WIRE_OP_STRUCT: return wire_write_plan(w, at, op->sub, in);
    case WIRE_OP_POINTER: return write_pointer(w, at, op, *(const void *const *)in);
    case WIRE_OP_ARRAY_BOOL:
    case WIRE_OP_ARRAY_1:
    case WIRE_OP_ARRAY_2:
    case WIRE_OP_ARRAY_4:
    case WIRE_OP_ARRAY_8:
    case WIRE_OP_ARRAY_UUID:
    case WIRE_OP_ARRAY_STRING:
    case WIRE_OP_ARRAY_BYTES:
    case WIRE_OP_ARRAY_STRUCT: return write_array(w, at, op, in);
    }
    return at;
}

static uint8_t *write_unknown(uint8_t *at, const struct wire_tag *tag)
{
    at = wire_write_varint(at, tag->tag);
    at = wire_write_varint(at, tag->bytes.size);
    if (tag->bytes.size > 0) memcpy(at, tag->bytes.data, tag->bytes.size);
    return at + tag->bytes.size;
}

// Known and unknown tags in one ascending order.
uint8_t *wire_write_tags(struct wire_writer *w, uint8_t *at, const struct wire_plan *plan, const uint8_t *base)
{
    const struct wire_tags *unknown = tags_of(plan, base);
    size_t count = (size_t)unknown->count;
    for (size_t i = 0; i < plan->tagged_count; i++) {
        count += !wire_field_is_default(plan->type, plan->tagged[i].field, base);
    }
    at = wire_write_varint(at, count);
    int32_t next = 0;
    for (size_t i = 0; i < plan->tagged_count && count > 0; i++) {
        const struct wire_op *op = &plan->tagged[i];
        if (wire_field_is_default(plan->type, op->field, base)) continue;
        for (; next < unknown->count && unknown->items[next].tag < (uint32_t)op->tag; next++) {
            at = write_unknown(at, &unknown->items[next]);
        }
        struct wire_sizer s = {.copy_max = w->copy_max, .is_plain = w->is_plain};
        at = wire_write_varint(at, (uint64_t)op->tag);
        at = wire_write_varint(at, wire_size_op(&s, op, base));
        at = wire_write_op(w, at, op, base);
    }
    for (; next < unknown->count; next++) at = write_unknown(at, &unknown->items[next]);
    return at;
}

uint8_t *wire_write_plan(struct wire_writer *w, uint8_t *at, const struct wire_plan *plan, const uint8_t *base)
{
    if (plan->direct != NULL && !w->is_plain) return plan->direct->write(w, at, base);
    for (size_t i = 0; i < plan->op_count; i++) at = wire_write_op(w, at, &plan->ops[i], base);
    if (!plan->is_flexible) return at;
    if (plan->tagged_count > 0 || tags_of(plan, base)->count > 0) return wire_write_tags(w, at, plan, base);
    *at = 0;
    return at + 1;
}

// ---- messages ----

enum err wire_size(const struct wire_message *message, int version, const void *in, size_t *size)
{
    const struct wire_plan *plan = wire_plan_of(message, version);
    if (plan == NULL) return ERR_UNSUPPORTED_VERSION;
    struct wire_sizer s = {.copy_max = SIZE_MAX};
    size_t total = wire_size_plan(&s, plan, in);
    if (s.err == OK) *size = total;
    return s.err;
}

enum err wire_encode(const struct wire_message *message, int version, const void *in, struct wire_out *out)
{
    const struct wire_plan *plan = wire_plan_of(message, version);
    if (plan == NULL) return ERR_UNSUPPORTED_VERSION;
    struct wire_sizer s = {.copy_max = WIRE_COPY_MAX};
    size_t copied = wire_size_plan(&s, plan, in) - s.referenced;
    if (s.err != OK) return s.err;
    uint8_t *bytes = arena_alloc(out->arena, copied);
    struct wire_writer w = {.run = bytes, .out = out, .copy_max = WIRE_COPY_MAX};
    uint8_t *end = wire_write_plan(&w, bytes, plan, in);
    ASSERT(end == bytes + copied);
    wire_out_add(out, slice_of(w.run, (size_t)(end - w.run)));
    return OK;
}

static enum err encode_bytes(const struct wire_message *message, int version, const void *in, bool is_plain,
                             struct arena *arena, struct slice *out)
{
    const struct wire_plan *plan = wire_plan_of(message, version);
    if (plan == NULL) return ERR_UNSUPPORTED_VERSION;
    struct wire_sizer s = {.copy_max = SIZE_MAX, .is_plain = is_plain};
    size_t size = wire_size_plan(&s, plan, in);
    if (s.err == OK && s.referenced > 0) s.err = ERR_INVALID; // a file range
    if (s.err != OK) return s.err;
    uint8_t *bytes = arena_alloc(arena, size);
    struct wire_writer w = {.run = bytes, .copy_max = SIZE_MAX, .is_plain = is_plain};
    uint8_t *end = wire_write_plan(&w, bytes, plan, in);
    ASSERT(end == bytes + size);
    *out = slice_of(bytes, size);
    return OK;
}

enum err wire_encode_bytes(const struct wire_message *message, int version, const void *in, struct arena *arena,
                           struct slice *out)
{
    return encode_bytes(message, version, in, false, arena, out);
}

enum err wire_encode_plain(const struct wire_message *message, int version, const void *in, struct arena *arena,
                           struct slice *out)
{
    return encode_bytes(message, version, in, true, arena, out);
}
