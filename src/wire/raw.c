// SPDX-License-Identifier: Apache-2.0
#include "wire/raw.h"

#include "wire/wire.h"

struct request {
    const struct wire_message *message;
    int version;
    struct slice rest;
};

static struct slice next_word(struct slice *line)
{
    while (line->size > 0 && *line->data == ' ') *line = slice_of(line->data + 1, line->size - 1);
    size_t size = 0;
    while (size < line->size && line->data[size] != ' ') size++;
    struct slice word = slice_of(line->data, size);
    *line = slice_of(line->data + size, line->size - size);
    return word;
}

static enum err parse_line(struct slice line, struct request *out, struct text *problem)
{
    while (line.size > 0 && (line.data[line.size - 1] == '\n' || line.data[line.size - 1] == '\r')) line.size--;
    struct slice name = next_word(&line);
    struct slice version = next_word(&line);
    while (line.size > 0 && *line.data == ' ') line = slice_of(line.data + 1, line.size - 1);
    const struct wire_message *message = wire_find(name);
    if (message == NULL) {
        text_printf(problem, "no message is named \"%.*s\"", SLICE_FMT(name));
        return ERR_NOT_FOUND;
    }
    int number = 0;
    bool is_number = version.size > 0 && version.size < 6;
    for (size_t i = 0; is_number && i < version.size; i++) {
        is_number = version.data[i] >= '0' && version.data[i] <= '9';
        number = number * 10 + (version.data[i] - '0');
    }
    if (!is_number || number < wire_version_min(message) || number > wire_version_max(message)) {
        text_printf(problem, "%s has versions %d to %d, not \"%.*s\"", wire_name(message), wire_version_min(message),
                    wire_version_max(message), SLICE_FMT(version));
        return ERR_UNSUPPORTED_VERSION;
    }
    *out = (struct request){.message = message, .version = number, .rest = line};
    return OK;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum err parse_hex(struct slice hex, struct arena *arena, struct slice *out, struct text *problem)
{
    uint8_t *bytes = arena_alloc(arena, hex.size / 2);
    bool is_good = hex.size % 2 == 0;
    for (size_t i = 0; is_good && i < hex.size / 2; i++) {
        int high = hex_value(hex.data[i * 2]);
        int low = hex_value(hex.data[i * 2 + 1]);
        is_good = high >= 0 && low >= 0;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    if (!is_good) {
        text_add_str(problem, "the bytes must be pairs of hexadecimal digits");
        return ERR_INVALID;
    }
    *out = slice_of(bytes, hex.size / 2);
    return OK;
}

static enum err decode(const struct request *request, struct arena *arena, struct text *json, struct text *problem)
{
    struct slice bytes = SLICE_NULL;
    enum err e = parse_hex(request->rest, arena, &bytes, problem);
    if (e != OK) return e;
    void *message = arena_alloc(arena, wire_struct_size(request->message));
    size_t consumed = 0;
    e = wire_decode(request->message, request->version, bytes, arena, message, &consumed);
    if (e == OK && consumed != bytes.size) {
        text_printf(problem, "%s version %d ends after %zu of %zu bytes", wire_name(request->message), request->version,
                    consumed, bytes.size);
        return ERR_CORRUPT;
    }
    if (e == OK) e = wire_print_json(request->message, request->version, message, WIRE_RECORDS_EMPTY, json);
    if (e != OK) {
        text_printf(problem, "these %zu bytes are no %s version %d: %s", bytes.size, wire_name(request->message),
                    request->version, err_text(e));
    }
    return e;
}

static enum err encode(const struct request *request, struct arena *arena, struct text *hex, struct text *problem)
{
    void *message = arena_alloc(arena, wire_struct_size(request->message));
    enum err e = wire_parse_json(request->message, request->version, request->rest, arena, message, problem);
    if (e != OK) return e;
    struct slice bytes = SLICE_NULL;
    e = wire_encode_bytes(request->message, request->version, message, arena, &bytes);
    if (e != OK) {
        text_printf(problem, "%s version %d cannot say this: %s", wire_name(request->message), request->version,
                    err_text(e));
        return e;
    }
    if (bytes.size == 0) return OK;
    uint8_t *at = text_reserve(hex, bytes.size * 2);
    for (size_t i = 0; i < bytes.size; i++) {
        *at++ = (uint8_t) "0123456789abcdef"[bytes.data[i] >> 4];
        *at++ = (uint8_t) "0123456789abcdef"[bytes.data[i] & 15];
    }
    text_grew(hex, bytes.size * 2);
    return OK;
}

enum err raw_decode_line(struct slice line, struct text *json, struct text *problem)
{
    struct request request;
    enum err e = parse_line(line, &request, problem);
    if (e != OK) return e;
    struct arena arena = {0};
    e = decode(&request, &arena, json, problem);
    arena_deinit(&arena);
    return e;
}

enum err raw_encode_line(struct slice line, struct text *hex, struct text *problem)
{
    struct request request;
    enum err e = parse_line(line, &request, problem);
    if (e != OK) return e;
    struct arena arena = {0};
    e = encode(&request, &arena, hex, problem);
    arena_deinit(&arena);
    return e;
}
