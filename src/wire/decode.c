// SPDX-License-Identifier: Apache-2.0
// Bytes to structs. What each type looks like on the wire (kafka-internals section 1, KIP-482); N = unsigned varint:
//   bool                1 byte, 0 = false
//   integers, float64   big-endian; uuid: 16 bytes
//   string              int16 length (flexible: N = length + 1), UTF-8; null: a negative length (N = 0)
//   bytes, records      int32 length (flexible: N = length + 1); null as above
//   array               int32 count (flexible: N = count + 1), items; null as above
//   nullable struct     int8: negative = null, else the struct; as a tagged field: N, 0 = null, else the struct
//   tags (flexible)     N count, each: N tag, N size, value; at the end of every struct
// Trust nothing: a count is checked against the bytes left and the least size of an item before memory is taken
// for it, and memory in all against a bound, since the structs are larger than what describes them.
#include "wire/direct.h"

const uint8_t *wire_read_failed(struct wire_reader *r, enum err e)
{
    r->err = e;
    return NULL;
}

const uint8_t *wire_varint_failed(struct wire_reader *r, const uint8_t *at)
{
    return wire_read_failed(r, wire_left(r, at) < UVARINT32_SIZE_MAX ? ERR_TRUNCATED : ERR_CORRUPT);
}

static inline void set_array(uint8_t *field, void *items, int64_t count)
{
    struct wire_any_array array = {.items = items, .count = count < 0 ? -1 : (int32_t)count};
    memcpy(field, &array, offsetof(struct wire_any_array, count) + sizeof(array.count));
}

static const size_t item_sizes[] = {
    [WIRE_OP_ARRAY_BOOL] = 1, [WIRE_OP_ARRAY_1] = 1, [WIRE_OP_ARRAY_2] = 2,
    [WIRE_OP_ARRAY_4] = 4,    [WIRE_OP_ARRAY_8] = 8, [WIRE_OP_ARRAY_UUID] = 16,
};

// `count` integers of one width, into host order.
static void read_items(const uint8_t *from, uint8_t *to, size_t count, enum wire_op_code code)
{
    if (code == WIRE_OP_ARRAY_2) {
        for (size_t i = 0; i < count; i++) memcpy(to + i * 2, &(uint16_t){load_u16(from + i * 2)}, 2);
    } else if (code == WIRE_OP_ARRAY_4) {
        for (size_t i = 0; i < count; i++) memcpy(to + i * 4, &(uint32_t){load_u32(from + i * 4)}, 4);
    } else if (code == WIRE_OP_ARRAY_8) {
        for (size_t i = 0; i < count; i++) memcpy(to + i * 8, &(uint64_t){load_u64(from + i * 8)}, 8);
    } else if (code == WIRE_OP_ARRAY_BOOL) {
        for (size_t i = 0; i < count; i++) to[i] = from[i] != 0;
    } else {
        memcpy(to, from, count * item_sizes[code]); // bytes and uuids have no order
    }
}

static const uint8_t *decode_fixed_array(struct wire_reader *r, const uint8_t *at, const struct wire_op *op,
                                         uint8_t *field)
{
    int64_t count = 0;
    at = wire_read_length(r, at, op->flags, 4, &count);
    if (at == NULL) return NULL;
    size_t width = item_sizes[op->code];
    void *items = NULL;
    if (!wire_take_items(r, at, count, width, width, &items)) return NULL;
    set_array(field, items, count);
    if (count <= 0) return at;
    read_items(at, items, (size_t)count, (enum wire_op_code)op->code);
    return at + (size_t)count * width;
}

static const uint8_t *decode_text_array(struct wire_reader *r, const uint8_t *at, const struct wire_op *op,
                                        uint8_t *field)
{
    int64_t count = 0;
    at = wire_read_length(r, at, op->flags, 4, &count);
    if (at == NULL) return NULL;
    size_t width = op->code == WIRE_OP_ARRAY_STRING ? 2 : 4;
    uint8_t flags = op->flags & WIRE_OP_COMPACT; // items are never null
    void *items = NULL;
    if (!wire_take_items(r, at, count, sizeof(struct slice), flags ? 1 : width, &items)) return NULL;
    struct slice *slices = items;
    for (int64_t i = 0; i < count; i++) {
        at = wire_read_bytes(r, at, flags, width, &slices[i]);
        if (at == NULL) return NULL;
    }
    set_array(field, items, count);
    return at;
}

static inline const uint8_t *decode_struct_array(struct wire_reader *r, const uint8_t *at, const struct wire_op *op,
                                                 uint8_t *field)
{
    int64_t count = 0;
    at = wire_read_length(r, at, op->flags, 4, &count);
    if (at == NULL) return NULL;
    const struct wire_plan *sub = op->sub;
    size_t size = sub->type->size;
    void *items = NULL;
    if (!wire_take_items(r, at, count, size, sub->size_min, &items)) return NULL;
    uint8_t *item = items;
    for (int64_t i = 0; i < count; i++, item += size) {
        at = wire_decode_plan(r, at, sub, item);
        if (at == NULL) return NULL;
    }
    set_array(field, items, count);
    return at;
}

static const uint8_t *decode_pointer(struct wire_reader *r, const uint8_t *at, const struct wire_op *op, uint8_t *field)
{
    void *item = NULL;
    bool is_null = false;
    if (op->flags & WIRE_OP_NULLABLE) {
        if (wire_left(r, at) < 1) return wire_read_failed(r, ERR_TRUNCATED);
        uint8_t marker = *at++;
        is_null = op->tag >= 0 ? marker == 0 : marker >= 0x80;
    }
    if (!is_null) {
        if (!wire_take_items(r, at, 1, op->sub->type->size, op->sub->size_min, &item)) return NULL;
        at = wire_decode_plan(r, at, op->sub, item);
    }
    memcpy(field, &item, sizeof(item));
    return at;
}

// `count` fields of the struct at `out`. Inlined by force: a call more per struct is a tenth of a small request.
WIRE_INLINE const uint8_t *decode_ops(struct wire_reader *r, const uint8_t *at, const struct wire_op *op, size_t count,
                                      uint8_t *out)
{
    for (; count > 0; count--, op++) {
        uint8_t *field = out + op->offset;
        switch ((enum wire_op_code)op->code) {
        case WIRE_OP_BOOL:
            if (wire_left(r, at) < 1) return wire_read_failed(r, ERR_TRUNCATED);
            *field = *at != 0;
            at += 1;
            break;
        case WIRE_OP_1:
            if (wire_left(r, at) < 1) return wire_read_failed(r, ERR_TRUNCATED);
            *field = *at;
            at += 1;
            break;
        case WIRE_OP_2:
            if (wire_left(r, at) < 2) return wire_read_failed(r, ERR_TRUNCATED);
            memcpy(field, &(uint16_t){load_u16(at)}, 2);
            at += 2;
            break;
        case WIRE_OP_4:
            if (wire_left(r, at) < 4) return wire_read_failed(r, ERR_TRUNCATED);
            memcpy(field, &(uint32_t){load_u32(at)}, 4);
            at += 4;
            break;
        case WIRE_OP_8:
            if (wire_left(r, at) < 8) return wire_read_failed(r, ERR_TRUNCATED);
            memcpy(field, &(uint64_t){load_u64(at)}, 8);
            at += 8;
            break;
        case WIRE_OP_UUID:
            if (wire_left(r, at) < 16) return wire_read_failed(r, ERR_TRUNCATED);
            memcpy(field, at, 16);
            at += 16;
            break;
        case WIRE_OP_STRING: at = wire_read_bytes(r, at, op->flags, 2, (struct slice *)(void *)field); break;
        case WIRE_OP_BYTES:
        case WIRE_OP_RECORDS: // whose bytes come first
            at = wire_read_bytes(r, at, op->flags, 4, (struct slice *)(void *)field);
            break;
        case WIRE_OP_STRUCT: at = wire_decode_plan(r, at, op->sub, field); break;
        case WIRE_OP_POINTER: at = decode_pointer(r, at, op, field); break;
        case WIRE_OP_ARRAY_BOOL:
        case WIRE_OP_ARRAY_1:
        case WIRE_OP_ARRAY_2:
        case WIRE_OP_ARRAY_4:
        case WIRE_OP_ARRAY_8:
        case WIRE_OP_ARRAY_UUID: at = decode_fixed_array(r, at, op, field); break;
        case WIRE_OP_ARRAY_STRING:
        case WIRE_OP_ARRAY_BYTES: at = decode_text_array(r, at, op, field); break;
        case WIRE_OP_ARRAY_STRUCT: at = decode_struct_array(r, at, op, field); break;
        }
        if (at == NULL) return NULL;
    }
    return at;
}

static enum err keep_unknown(struct wire_reader *r, struct wire_tags *tags, int32_t *capacity, uint32_t tag,
                             struct slice bytes)
{
    // KIP-482 wants tags in ascending order; Kafka could not write others back either.
    if (tags->count > 0 && tags->items[tags->count - 1].tag >= tag) return ERR_CORRUPT;
    if (tags->count == *capacity) {
        int32_t wanted = *capacity == 0 ? 4 : *capacity * 2;
        size_t size = (size_t)wanted * sizeof(struct wire_tag);
        if (size > r->room) return ERR_TOO_LARGE;
        r->room -= size;
        struct wire_tag *items = arena_alloc(r->arena, size);
        if (tags->count > 0) memcpy(items, tags->items, (size_t)tags->count * sizeof(struct wire_tag));
        tags->items = items;
        *capacity = wanted;
    }
    tags->items[tags->count++] = (struct wire_tag){.tag = tag, .bytes = bytes};
    return OK;
}

static const struct wire_op *find_tag(const struct wire_plan *plan, uint32_t tag)
{
    for (size_t i = 0; i < plan->tagged_count; i++) {
        if ((uint32_t)plan->tagged[i].tag == tag) return &plan->tagged[i];
    }
    return NULL;
}

// A known tag's value has to fill exactly the size it comes with.
static enum err decode_known(struct wire_reader *r, struct slice value, const struct wire_op *op, uint8_t *base)
{
    const uint8_t *end = r->end;
    r->end = value.data + value.size;
    const uint8_t *at = decode_ops(r, value.data, op, 1, base);
    bool is_whole = at == r->end;
    r->end = end;
    if (at == NULL) return r->err == ERR_TRUNCATED ? ERR_CORRUPT : r->err;
    return is_whole ? OK : ERR_CORRUPT;
}

static const uint8_t *decode_tags(struct wire_reader *r, const uint8_t *at, const struct wire_plan *plan, uint8_t *base,
                                  uint32_t count)
{
    struct wire_tags unknown = {0};
    int32_t capacity = 0;
    for (; count > 0; count--) {
        uint32_t tag = 0;
        uint32_t size = 0;
        const uint8_t *next = uvarint32_read(at, r->end, &tag);
        if (next == NULL) return wire_varint_failed(r, at);
        at = next;
        next = uvarint32_read(at, r->end, &size);
        if (next == NULL) return wire_varint_failed(r, at);
        at = next;
        if (size > wire_left(r, at)) return wire_read_failed(r, ERR_TRUNCATED);
        const struct wire_op *op = find_tag(plan, tag);
        struct slice value = slice_of(at, size);
        enum err e = op != NULL ? decode_known(r, value, op, base) : keep_unknown(r, &unknown, &capacity, tag, value);
        if (e != OK) return wire_read_failed(r, e);
        at += size;
    }
    memcpy(base + plan->type->tags_offset, &unknown, sizeof(unknown));
    return at;
}

const uint8_t *wire_decode_tags(struct wire_reader *r, const uint8_t *at, const struct wire_plan *plan, uint8_t *base)
{
    uint32_t count = 0;
    const uint8_t *next = uvarint32_read(at, r->end, &count);
    return next == NULL ? wire_varint_failed(r, at) : decode_tags(r, next, plan, base, count);
}

const uint8_t *wire_decode_op(struct wire_reader *r, const uint8_t *at, const struct wire_op *op, uint8_t *base)
{
    return decode_ops(r, at, op, 1, base);
}

const uint8_t *wire_decode_plan(struct wire_reader *r, const uint8_t *at, const struct wire_plan *plan, uint8_t *out)
{
    if (plan->direct != NULL && !r->is_plain) return plan->direct->decode(r, at, out);
    memcpy(out, plan->type->defaults, plan->type->size);
    at = decode_ops(r, at, plan->ops, plan->op_count, out);
    return at == NULL || !plan->is_flexible ? at : wire_decode_end(r, at, plan, out);
}

static enum err decode(struct wire_reader *r, const struct wire_message *message, int version, struct slice in,
                       void *out, size_t *consumed)
{
    const struct wire_plan *plan = wire_plan_of(message, version);
    if (plan == NULL) return ERR_UNSUPPORTED_VERSION;
    static const uint8_t nothing[1]; // so that a decoded empty string never looks like null
    const uint8_t *start = in.data == NULL ? nothing : in.data;
    r->end = start + in.size;
    const uint8_t *at = wire_decode_plan(r, start, plan, out);
    if (at == NULL) return r->err;
    if (consumed == NULL && at != r->end) return ERR_CORRUPT;
    if (consumed != NULL) *consumed = (size_t)(at - start);
    return OK;
}

enum err wire_decode_bounded(const struct wire_message *message, int version, struct slice in, size_t decoded_bytes_max,
                             struct arena *arena, void *out, size_t *consumed)
{
    struct wire_reader r = {.arena = arena, .room = decoded_bytes_max};
    return decode(&r, message, version, in, out, consumed);
}

enum err wire_decode(const struct wire_message *message, int version, struct slice in, struct arena *arena, void *out,
                     size_t *consumed)
{
    struct wire_reader r = {.arena = arena, .room = ((size_t)1 << 20) + 8 * in.size};
    return decode(&r, message, version, in, out, consumed);
}

enum err wire_decode_plain(const struct wire_message *message, int version, struct slice in, struct arena *arena,
                           void *out, size_t *consumed)
{
    struct wire_reader r = {.arena = arena, .room = ((size_t)1 << 20) + 8 * in.size, .is_plain = true};
    return decode(&r, message, version, in, out, consumed);
}
