// SPDX-License-Identifier: Apache-2.0
// What Kafka's generated *JsonConverter.write gives, as Jackson prints a node: no spaces, fields in the order of the
// definition, tagged fields only when they differ from their default, unknown tags not at all.
#include "base/bytes.h"
#include "wire/json_text.h"
#include "wire/table.h"

struct printer {
    struct text *out;
    const struct wire_message *message;
    int version;
    enum wire_records_form records;
};

struct any_array {
    const uint8_t *items;
    int32_t count;
};

static enum err print_struct(const struct printer *p, const struct wire_struct *type, const uint8_t *base);

static enum err print_null(const struct printer *p, const struct wire_field *field)
{
    if (!wire_versions_has(field->nullable, p->version)) return ERR_INVALID;
    text_add_str(p->out, "null");
    return OK;
}

static enum err print_item(const struct printer *p, const struct wire_field *field, const void *in)
{
    struct text *out = p->out;
    switch ((enum wire_type)field->type) {
    case WIRE_BOOL: text_add_str(out, *(const bool *)in ? "true" : "false"); break;
    case WIRE_INT8: text_printf(out, "%d", *(const int8_t *)in); break;
    case WIRE_INT16: text_printf(out, "%d", *(const int16_t *)in); break;
    case WIRE_UINT16: text_printf(out, "%u", *(const uint16_t *)in); break;
    case WIRE_INT32: text_printf(out, "%d", *(const int32_t *)in); break;
    case WIRE_UINT32: text_printf(out, "%u", *(const uint32_t *)in); break;
    case WIRE_INT64: text_printf(out, "%lld", (long long)*(const int64_t *)in); break;
    case WIRE_FLOAT64: json_text_double(out, *(const double *)in); break;
    case WIRE_UUID: {
        char text[UUID_TEXT_SIZE + 1];
        uuid_format(*(const struct uuid *)in, text);
        json_text_string(out, slice_str(text));
        break;
    }
    case WIRE_STRING: json_text_string(out, *(const struct slice *)in); break;
    case WIRE_BYTES: json_text_base64(out, *(const struct slice *)in); break;
    case WIRE_RECORDS:
        json_text_base64(out, p->records == WIRE_RECORDS_EMPTY ? SLICE_NULL : ((const struct wire_records *)in)->bytes);
        break;
    case WIRE_STRUCT: return print_struct(p, field->sub, in);
    }
    return OK;
}

static enum err print_array(const struct printer *p, const struct wire_field *field, const struct any_array *array)
{
    if (array->count < 0) return print_null(p, field);
    size_t size = wire_item_size(field);
    text_add_char(p->out, '[');
    for (int32_t i = 0; i < array->count; i++) {
        if (i > 0) text_add_char(p->out, ',');
        enum err e = print_item(p, field, array->items + (size_t)i * size);
        if (e != OK) return e;
    }
    text_add_char(p->out, ']');
    return OK;
}

// The value of a field, null included; `in` points to it.
static enum err print_value(const struct printer *p, const struct wire_field *field, const void *in)
{
    if (field->flags & WIRE_FIELD_ARRAY) return print_array(p, field, in);
    if (field->flags & WIRE_FIELD_POINTER) {
        const void *item = *(const void *const *)in;
        return item == NULL ? print_null(p, field) : print_struct(p, field->sub, item);
    }
    if (!(field->flags & WIRE_FIELD_NULLABLE)) return print_item(p, field, in);
    // The bytes are the first member of wire_records.
    bool is_file = field->type == WIRE_RECORDS && ((const struct wire_records *)in)->file != NULL;
    if (!is_file && slice_is_null(*(const struct slice *)in)) return print_null(p, field);
    return print_item(p, field, in);
}

static bool is_size_only(const struct printer *p, const struct wire_field *field, const void *in)
{
    if (field->type != WIRE_RECORDS || p->records != WIRE_RECORDS_SIZE) return false;
    const struct wire_records *records = in;
    return records->file != NULL || !slice_is_null(records->bytes) || !(field->flags & WIRE_FIELD_NULLABLE);
}

static enum err print_field(const struct printer *p, const struct wire_field *field, const uint8_t *base)
{
    const void *in = base + field->offset;
    struct text *out = p->out;
    if (is_size_only(p, field, in)) {
        const struct wire_records *records = in;
        long long size = records->file != NULL ? records->size : (long long)records->bytes.size;
        text_printf(out, "\"%sSizeInBytes\":%lld", field->name, size);
        return OK;
    }
    text_printf(out, "\"%s\":", field->name);
    return print_value(p, field, in);
}

static enum err print_struct(const struct printer *p, const struct wire_struct *type, const uint8_t *base)
{
    text_add_char(p->out, '{');
    bool is_first = true;
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        bool is_tagged = wire_versions_has(field->tagged, p->version);
        if (!wire_versions_has(field->versions, p->version)) {
            if (field->flags & WIRE_FIELD_IGNORABLE || wire_field_is_default(type, field, base)) continue;
            return ERR_UNSUPPORTED_VERSION;
        }
        if (is_tagged && wire_field_is_default(type, field, base)) continue;
        if (!is_first) text_add_char(p->out, ',');
        is_first = false;
        enum err e = print_field(p, field, base);
        if (e != OK) return e;
    }
    text_add_char(p->out, '}');
    return OK;
}

enum err wire_print_json(const struct wire_message *message, int version, const void *in,
                         enum wire_records_form records, struct text *out)
{
    if (wire_plan_of(message, version) == NULL) return ERR_UNSUPPORTED_VERSION;
    struct printer p = {.out = out, .message = message, .version = version, .records = records};
    size_t before = out->size;
    enum err e = print_struct(&p, message->type, in);
    if (e != OK) out->size = before;
    return e;
}
