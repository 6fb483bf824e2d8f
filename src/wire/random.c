// SPDX-License-Identifier: Apache-2.0
// Random instances: small, valid in the version asked for, with nulls, defaults, empty and long values mixed in.
#include "wire/table.h"

struct maker {
    uint64_t *seed;
    struct arena *arena;
    const struct wire_message *message;
    int version;
    int depth;
};

struct any_array {
    uint8_t *items;
    int32_t count;
};

static void make_struct(const struct maker *m, const struct wire_struct *type, uint8_t *out);

static uint64_t next(const struct maker *m) // splitmix64
{
    uint64_t z = *m->seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static size_t below(const struct maker *m, size_t bound)
{
    return (size_t)(next(m) % bound);
}

static size_t length(const struct maker *m)
{
    size_t kind = below(m, 16);
    return kind == 0 ? 0 : kind == 1 ? 120 + below(m, 200) : 1 + below(m, 12);
}

static struct slice make_bytes(const struct maker *m)
{
    size_t size = length(m);
    uint8_t *bytes = arena_alloc(m->arena, size);
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)next(m);
    return slice_of(bytes, size);
}

static struct slice make_string(const struct maker *m)
{
    static const char *const pieces[] = {"a",
                                         "topic",
                                         "-",
                                         ".",
                                         "_",
                                         "0",
                                         "Z",
                                         " ",
                                         "\"",
                                         "\\",
                                         "\n",
                                         "\x01",
                                         "/",
                                         "\xc3\xa4",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x98\x80"};
    size_t count = length(m);
    uint8_t *bytes = arena_alloc(m->arena, count * 5);
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        struct slice piece = slice_str(pieces[below(m, COUNT_OF(pieces))]);
        memcpy(bytes + size, piece.data, piece.size);
        size += piece.size;
    }
    return slice_of(bytes, size);
}

// Small, extreme or any.
static int64_t make_integer(const struct maker *m, int64_t low, int64_t high)
{
    switch (below(m, 6)) {
    case 0: return low;
    case 1: return high;
    case 2: return (int64_t)below(m, 100);
    case 3: return low < 0 ? -1 : 0;
    default: break;
    }
    uint64_t span = (uint64_t)high - (uint64_t)low;
    return span == UINT64_MAX ? (int64_t)next(m) : (int64_t)((uint64_t)low + next(m) % (span + 1));
}

static void make_item(const struct maker *m, const struct wire_field *field, void *out)
{
    switch ((enum wire_type)field->type) {
    case WIRE_BOOL: *(bool *)out = next(m) & 1; break;
    case WIRE_INT8: *(int8_t *)out = (int8_t)make_integer(m, INT8_MIN, INT8_MAX); break;
    case WIRE_INT16: *(int16_t *)out = (int16_t)make_integer(m, INT16_MIN, INT16_MAX); break;
    case WIRE_UINT16: *(uint16_t *)out = (uint16_t)make_integer(m, 0, UINT16_MAX); break;
    case WIRE_INT32: *(int32_t *)out = (int32_t)make_integer(m, INT32_MIN, INT32_MAX); break;
    case WIRE_UINT32: *(uint32_t *)out = (uint32_t)make_integer(m, 0, UINT32_MAX); break;
    case WIRE_INT64: *(int64_t *)out = make_integer(m, INT64_MIN, INT64_MAX); break;
    case WIRE_FLOAT64: {
        double scale = (double)((uint64_t)1 << below(m, 63));
        *(double *)out = (double)(int64_t)next(m) / (next(m) & 1 ? scale : 1000.0);
        break;
    }
    case WIRE_UUID:
        for (size_t i = 0; i < sizeof(struct uuid); i++) ((struct uuid *)out)->bytes[i] = (uint8_t)next(m);
        break;
    case WIRE_STRING: *(struct slice *)out = make_string(m); break;
    case WIRE_BYTES: *(struct slice *)out = make_bytes(m); break;
    case WIRE_RECORDS: *(struct wire_records *)out = (struct wire_records){.bytes = make_bytes(m)}; break;
    case WIRE_STRUCT: make_struct(m, field->sub, out); break;
    }
}

static void make_array(const struct maker *m, const struct wire_field *field, bool is_null, struct any_array *out)
{
    *out = (struct any_array){.count = -1};
    if (is_null) return;
    size_t bound = m->depth > 2 ? 3 : 4;
    size_t count = below(m, bound);
    if (field->type != WIRE_STRUCT && below(m, 16) == 0) count = 130; // a count of two bytes
    size_t size = wire_item_size(field);
    *out = (struct any_array){.items = arena_zalloc(m->arena, count, size), .count = (int32_t)count};
    struct maker inner = *m;
    inner.depth++;
    for (size_t i = 0; i < count; i++) make_item(&inner, field, out->items + i * size);
}

static void make_field(const struct maker *m, const struct wire_field *field, void *out)
{
    bool is_null = wire_versions_has(field->nullable, m->version) && below(m, 4) == 0;
    if (field->flags & WIRE_FIELD_ARRAY) {
        make_array(m, field, is_null, out);
    } else if (field->flags & WIRE_FIELD_POINTER) {
        void *item = is_null ? NULL : arena_zalloc(m->arena, 1, field->sub->size);
        if (item != NULL) make_struct(m, field->sub, item);
        *(void **)out = item;
    } else if (is_null && field->type == WIRE_RECORDS) {
        *(struct wire_records *)out = (struct wire_records){0};
    } else if (is_null) {
        *(struct slice *)out = SLICE_NULL;
    } else {
        make_item(m, field, out);
    }
}

static void make_struct(const struct maker *m, const struct wire_struct *type, uint8_t *out)
{
    memcpy(out, type->defaults, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (!wire_versions_has(field->versions, m->version)) continue;
        bool is_tagged = wire_versions_has(field->tagged, m->version);
        // A default may be null in a version that allows none, so only tagged fields are left at theirs.
        if (is_tagged && below(m, 2) == 0) continue;
        make_field(m, field, out + field->offset);
    }
}

void wire_random(const struct wire_message *message, int version, uint64_t *seed, struct arena *arena, void *out)
{
    struct maker m = {.seed = seed, .arena = arena, .message = message, .version = version};
    make_struct(&m, message->type, out);
}
