// SPDX-License-Identifier: Apache-2.0
// JSON to structs: the inverse of json_print.c, as strict as Kafka's *JsonConverter.read about fields that are
// missing, and stricter about names no version knows, which are typing errors.
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "wire/json_text.h"
#include "wire/table.h"

struct parser {
    struct arena *arena;
    const struct wire_message *message;
    int version;
    struct text *problem;
};

struct any_array {
    uint8_t *items;
    int32_t count;
};

static enum err parse_struct(const struct parser *p, const struct wire_struct *type, json_t *json, uint8_t *out);

static enum err refuse(const struct parser *p, const struct wire_field *field, const char *wanted)
{
    if (p->problem != NULL) {
        text_printf(p->problem, "%s: field \"%s\" must be %s", p->message->name, field->name, wanted);
    }
    return ERR_INVALID;
}

static enum err parse_integer(const struct parser *p, const struct wire_field *field, json_t *json, int64_t low,
                              int64_t high, int64_t *out)
{
    int64_t value = 0;
    bool fits = true;
    if (json_is_integer(json)) {
        value = json_integer_value(json);
    } else if (json_is_string(json)) { // Kafka takes "0x7f" and "127" as well
        const char *text = json_string_value(json);
        char *end = NULL;
        errno = 0;
        value = strtoll(text, &end, strncmp(text, "0x", 2) == 0 ? 16 : 10);
        fits = errno == 0 && end != text && *end == '\0';
    } else {
        fits = false;
    }
    if (fits && value >= low && value <= high) {
        *out = value;
        return OK;
    }
    if (p->problem != NULL) {
        text_printf(p->problem, "%s: field \"%s\" must be an integer from %lld to %lld", p->message->name, field->name,
                    (long long)low, (long long)high);
    }
    return ERR_INVALID;
}

static enum err parse_double(const struct parser *p, const struct wire_field *field, json_t *json, double *out)
{
    if (json_is_number(json)) {
        *out = json_number_value(json);
        return OK;
    }
    const char *text = json_string_value(json);
    if (text != NULL && strcmp(text, "NaN") == 0)
        *out = __builtin_nan("");
    else if (text != NULL && strcmp(text, "Infinity") == 0)
        *out = __builtin_inf();
    else if (text != NULL && strcmp(text, "-Infinity") == 0)
        *out = -__builtin_inf();
    else
        return refuse(p, field, "a number");
    return OK;
}

static struct slice string_of(json_t *json)
{
    return slice_of(json_string_value(json), json_string_length(json));
}

static enum err parse_string(const struct parser *p, const struct wire_field *field, json_t *json, struct slice *out)
{
    if (!json_is_string(json)) return refuse(p, field, "a string");
    *out = arena_copy(p->arena, string_of(json));
    return OK;
}

static enum err parse_bytes(const struct parser *p, const struct wire_field *field, json_t *json, struct slice *out)
{
    if (!json_is_string(json)) return refuse(p, field, "a string of base64");
    struct slice text = string_of(json);
    uint8_t *bytes = arena_alloc(p->arena, text.size);
    size_t size = 0;
    if (json_text_unbase64(text, bytes, &size) != OK) return refuse(p, field, "a string of base64");
    *out = slice_of(bytes, size);
    return OK;
}

static enum err parse_number(const struct parser *p, const struct wire_field *field, json_t *json, void *out)
{
    int64_t value = 0;
    enum err e = ERR_INVALID;
    switch ((enum wire_type)field->type) {
    case WIRE_INT8:
        e = parse_integer(p, field, json, INT8_MIN, INT8_MAX, &value);
        if (e == OK) *(int8_t *)out = (int8_t)value;
        break;
    case WIRE_INT16:
        e = parse_integer(p, field, json, INT16_MIN, INT16_MAX, &value);
        if (e == OK) *(int16_t *)out = (int16_t)value;
        break;
    case WIRE_UINT16:
        e = parse_integer(p, field, json, 0, UINT16_MAX, &value);
        if (e == OK) *(uint16_t *)out = (uint16_t)value;
        break;
    case WIRE_INT32:
        e = parse_integer(p, field, json, INT32_MIN, INT32_MAX, &value);
        if (e == OK) *(int32_t *)out = (int32_t)value;
        break;
    case WIRE_UINT32:
        e = parse_integer(p, field, json, 0, UINT32_MAX, &value);
        if (e == OK) *(uint32_t *)out = (uint32_t)value;
        break;
    case WIRE_INT64:
        e = parse_integer(p, field, json, INT64_MIN, INT64_MAX, &value);
        if (e == OK) *(int64_t *)out = value;
        break;
    case WIRE_BOOL:
    case WIRE_FLOAT64:
    case WIRE_UUID:
    case WIRE_STRING:
    case WIRE_BYTES:
    case WIRE_RECORDS:
    case WIRE_STRUCT: break;
    }
    return e;
}

static enum err parse_item(const struct parser *p, const struct wire_field *field, json_t *json, void *out)
{
    switch ((enum wire_type)field->type) {
    case WIRE_BOOL:
        if (!json_is_boolean(json)) return refuse(p, field, "true or false");
        *(bool *)out = json_is_true(json);
        return OK;
    case WIRE_INT8:
    case WIRE_INT16:
    case WIRE_UINT16:
    case WIRE_INT32:
    case WIRE_UINT32:
    case WIRE_INT64: return parse_number(p, field, json, out);
    case WIRE_FLOAT64: return parse_double(p, field, json, out);
    case WIRE_UUID:
        if (json_is_string(json) && uuid_parse(string_of(json), out) == OK) return OK;
        return refuse(p, field, "an id of 22 characters (base64url)");
    case WIRE_STRING: return parse_string(p, field, json, out);
    case WIRE_BYTES: return parse_bytes(p, field, json, out);
    case WIRE_RECORDS:
        *(struct wire_records *)out = (struct wire_records){0};
        return parse_bytes(p, field, json, &((struct wire_records *)out)->bytes);
    case WIRE_STRUCT: return parse_struct(p, field->sub, json, out);
    }
    return ERR_INVALID;
}

static enum err parse_null(const struct parser *p, const struct wire_field *field, void *out)
{
    if (!wire_versions_has(field->nullable, p->version))
        return refuse(p, field, "something else than null in this version");
    if (field->flags & WIRE_FIELD_ARRAY)
        *(struct any_array *)out = (struct any_array){.count = -1};
    else if (field->flags & WIRE_FIELD_POINTER)
        *(void **)out = NULL;
    else if (field->type == WIRE_RECORDS)
        *(struct wire_records *)out = (struct wire_records){0};
    else
        *(struct slice *)out = SLICE_NULL;
    return OK;
}

static enum err parse_field(const struct parser *p, const struct wire_field *field, json_t *json, void *out)
{
    if (json_is_null(json)) return parse_null(p, field, out);
    if (field->flags & WIRE_FIELD_ARRAY) {
        if (!json_is_array(json)) return refuse(p, field, "an array");
        size_t count = json_array_size(json);
        size_t size = wire_item_size(field);
        struct any_array array = {.items = arena_zalloc(p->arena, count, size), .count = (int32_t)count};
        for (size_t i = 0; i < count; i++) {
            enum err e = parse_item(p, field, json_array_get(json, i), array.items + i * size);
            if (e != OK) return e;
        }
        *(struct any_array *)out = array;
        return OK;
    }
    if (field->flags & WIRE_FIELD_POINTER) {
        void *item = arena_zalloc(p->arena, 1, field->sub->size);
        enum err e = parse_struct(p, field->sub, json, item);
        if (e == OK) *(void **)out = item;
        return e;
    }
    return parse_item(p, field, json, out);
}

static bool has_field(const struct wire_struct *type, const char *name, int version)
{
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (strcmp(field->name, name) == 0) return wire_versions_has(field->versions, version);
    }
    return false;
}

static enum err parse_struct(const struct parser *p, const struct wire_struct *type, json_t *json, uint8_t *out)
{
    if (!json_is_object(json)) {
        if (p->problem != NULL) text_printf(p->problem, "%s: %s must be an object", p->message->name, type->name);
        return ERR_INVALID;
    }
    memcpy(out, type->defaults, type->size);
    for (size_t i = 0; i < type->field_count; i++) {
        const struct wire_field *field = &type->fields[i];
        if (!wire_versions_has(field->versions, p->version)) continue;
        json_t *value = json_object_get(json, field->name);
        if (value == NULL && wire_versions_has(field->tagged, p->version)) continue;
        if (value == NULL) return refuse(p, field, "there in this version");
        enum err e = parse_field(p, field, value, out + field->offset);
        if (e != OK) return e;
    }
    for (void *at = json_object_iter(json); at != NULL; at = json_object_iter_next(json, at)) {
        const char *name = json_object_iter_key(at);
        if (has_field(type, name, p->version)) continue;
        if (p->problem != NULL) {
            text_printf(p->problem, "%s version %d: %s has no field \"%s\"", p->message->name, p->version, type->name,
                        name);
        }
        return ERR_INVALID;
    }
    return OK;
}

enum err wire_parse_json(const struct wire_message *message, int version, struct slice json, struct arena *arena,
                         void *out, struct text *problem)
{
    if (wire_plan_of(message, version) == NULL) {
        if (problem != NULL) {
            text_printf(problem, "%s has no version %d, only %d to %d", message->name, version, message->version_min,
                        message->version_max);
        }
        return ERR_UNSUPPORTED_VERSION;
    }
    json_error_t error;
    json_t *root = json.size == 0 ? NULL : json_loadb((const char *)json.data, json.size, JSON_ALLOW_NUL, &error);
    if (root == NULL) {
        if (problem != NULL) text_printf(problem, "no JSON: %s", json.size == 0 ? "nothing there" : error.text);
        return ERR_INVALID;
    }
    struct parser p = {.arena = arena, .message = message, .version = version, .problem = problem};
    enum err e = parse_struct(&p, message->type, root, out);
    json_decref(root);
    return e;
}
