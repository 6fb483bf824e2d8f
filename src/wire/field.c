// SPDX-License-Identifier: Apache-2.0
// Fields compared: with their default (tagged and absent ones), and with another instance's.
#include "wire/table.h"

static const size_t widths[] = {
    [WIRE_BOOL] = 1,   [WIRE_INT8] = 1,  [WIRE_INT16] = 2,   [WIRE_UINT16] = 2, [WIRE_INT32] = 4,
    [WIRE_UINT32] = 4, [WIRE_INT64] = 8, [WIRE_FLOAT64] = 8, [WIRE_UUID] = 16,
};

struct any_array {
    const uint8_t *items;
    int32_t count;
};

static bool same_bytes(struct slice a, struct slice b, bool null_counts)
{
    if (null_counts && slice_is_null(a) != slice_is_null(b)) return false;
    return slice_eq(a, b);
}

static bool same_records(const struct wire_records *a, const struct wire_records *b, bool null_counts)
{
    if (a->file != b->file) return false;
    if (a->file != NULL) return a->position == b->position && a->size == b->size;
    return same_bytes(a->bytes, b->bytes, null_counts);
}

static bool struct_is_default(const struct wire_struct *type, const uint8_t *base)
{
    for (size_t i = 0; i < type->field_count; i++) {
        if (!wire_field_is_default(type, &type->fields[i], base)) return false;
    }
    return ((const struct wire_tags *)(const void *)(base + type->tags_offset))->count == 0;
}

bool wire_field_is_default(const struct wire_struct *type, const struct wire_field *field, const void *base)
{
    const void *value = (const uint8_t *)base + field->offset;
    const void *standard = (const uint8_t *)type->defaults + field->offset;
    if (memcmp(value, standard, field->size) == 0) return true; // nearly always
    bool null_counts = field->flags & WIRE_FIELD_NULLABLE;
    if (field->flags & WIRE_FIELD_ARRAY)
        return ((const struct any_array *)value)->count == ((const struct any_array *)standard)->count;
    switch ((enum wire_type)field->type) {
    case WIRE_STRING:
    case WIRE_BYTES: return same_bytes(*(const struct slice *)value, *(const struct slice *)standard, null_counts);
    case WIRE_RECORDS: return same_records(value, standard, null_counts);
    case WIRE_STRUCT:
        if (field->flags & WIRE_FIELD_POINTER) {
            const void *item = *(const void *const *)value;
            if (*(const void *const *)standard == NULL || item == NULL) return item == *(const void *const *)standard;
            return struct_is_default(field->sub, item);
        }
        return struct_is_default(field->sub, value);
    case WIRE_BOOL:
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_UINT32:
    case WIRE_INT64:
    case WIRE_FLOAT64:
    case WIRE_UUID: break;
    }
    return false;
}

static bool same_struct(const struct wire_message *message, int version, const struct wire_struct *type,
                        const uint8_t *a, const uint8_t *b);

static bool same_item(const struct wire_message *message, int version, const struct wire_field *field, const void *a,
                      const void *b)
{
    bool null_counts = field->flags & WIRE_FIELD_NULLABLE && !(field->flags & WIRE_FIELD_ARRAY);
    switch ((enum wire_type)field->type) {
    case WIRE_STRING:
    case WIRE_BYTES: return same_bytes(*(const struct slice *)a, *(const struct slice *)b, null_counts);
    case WIRE_RECORDS: return same_records(a, b, null_counts);
    case WIRE_STRUCT: return same_struct(message, version, field->sub, a, b);
    case WIRE_BOOL:
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_UINT32:
    case WIRE_INT64:
    case WIRE_FLOAT64:
    case WIRE_UUID: break;
    }
    return memcmp(a, b, widths[field->type]) == 0;
}

size_t wire_item_size(const struct wire_field *field)
{
    switch ((enum wire_type)field->type) {
    case WIRE_STRING:
    case WIRE_BYTES: return sizeof(struct slice);
    case WIRE_RECORDS: return sizeof(struct wire_records);
    case WIRE_STRUCT: return field->sub->size;
    case WIRE_BOOL:
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_UINT32:
    case WIRE_INT64:
    case WIRE_FLOAT64:
    case WIRE_UUID: break;
    }
    return widths[field->type];
}

static bool same_field(const struct wire_message *message, int version, const struct wire_field *field,
                       const uint8_t *a, const uint8_t *b)
{
    a += field->offset;
    b += field->offset;
    if (field->flags & WIRE_FIELD_ARRAY) {
        const struct any_array *left = (const void *)a;
        const struct any_array *right = (const void *)b;
        if (left->count != right->count) return false;
        size_t size = wire_item_size(field);
        for (int32_t i = 0; i < left->count; i++) {
            if (!same_item(message, version, field, left->items + (size_t)i * size, right->items + (size_t)i * size))
                return false;
        }
        return true;
    }
    if (field->flags & WIRE_FIELD_POINTER) {
        const void *left = *(const void *const *)(const void *)a;
        const void *right = *(const void *const *)(const void *)b;
        if (left == NULL || right == NULL) return left == right;
        return same_struct(message, version, field->sub, left, right);
    }
    return same_item(message, version, field, a, b);
}

static bool same_tags(const struct wire_tags *a, const struct wire_tags *b)
{
    if (a->count != b->count) return false;
    for (int32_t i = 0; i < a->count; i++) {
        if (a->items[i].tag != b->items[i].tag || !slice_eq(a->items[i].bytes, b->items[i].bytes)) return false;
    }
    return true;
}

static bool same_struct(const struct wire_message *message, int version, const struct wire_struct *type,
                        const uint8_t *a, const uint8_t *b)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (wire_versions_has(field->versions, version) && !same_field(message, version, field, a, b)) return false;
    }
    if (version < message->flexible_min) return true;
    return same_tags((const void *)(a + type->tags_offset), (const void *)(b + type->tags_offset));
}

bool wire_equal(const struct wire_message *message, int version, const void *a, const void *b)
{
    return same_struct(message, version, message->type, a, b);
}
