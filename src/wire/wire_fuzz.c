// SPDX-License-Identifier: Apache-2.0
// Any bytes as any message: the first two choose the message, the third the version, the rest is the input. What is
// accepted must take no more memory than promised, encode to something that decodes to the same again, and survive
// JSON where JSON can hold it.
#include <stdlib.h>

#include "wire/table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t message_count(void)
{
    size_t count = 0;
    while (wire_at(count) != NULL) count++;
    return count;
}

static void check_encoding(const struct wire_message *message, int version, const void *value, struct arena *arena)
{
    struct slice bytes = SLICE_NULL;
    if (wire_encode_bytes(message, version, value, arena, &bytes) != OK) abort();
    size_t expected = 0;
    if (wire_size(message, version, value, &expected) != OK || expected != bytes.size) abort();
    void *again = arena_alloc(arena, wire_struct_size(message));
    if (wire_decode_bounded(message, version, bytes, SIZE_MAX, arena, again, NULL) != OK) abort();
    if (!wire_equal(message, version, value, again)) abort();
    struct slice same = SLICE_NULL;
    if (wire_encode_bytes(message, version, again, arena, &same) != OK || !slice_eq(bytes, same)) abort();
    struct wire_out out;
    wire_out_init(&out, arena);
    if (wire_encode(message, version, value, &out) != OK || !slice_eq(wire_out_flatten(&out, arena), bytes)) abort();
}

// JSON replaces bytes that are no UTF-8 and drops unknown tags, so only the second printing must be like the first.
static void check_json(const struct wire_message *message, int version, const void *value, struct arena *arena)
{
    struct text json = {0};
    if (wire_print_json(message, version, value, WIRE_RECORDS_BASE64, &json) != OK) abort();
    void *again = arena_alloc(arena, wire_struct_size(message));
    if (wire_parse_json(message, version, text_slice(&json), arena, again, NULL) != OK) abort();
    struct text second = {0};
    if (wire_print_json(message, version, again, WIRE_RECORDS_BASE64, &second) != OK) abort();
    if (!slice_eq(text_slice(&json), text_slice(&second))) abort();
    text_deinit(&json);
    text_deinit(&second);
}

// Messages with straight code: the interpreter must say the same (and says it of the others twice).
static void check_interpreter(const struct wire_message *message, int version, struct slice in, enum err expected,
                              size_t expected_size, const void *expected_value)
{
    struct arena arena = {0};
    void *value = arena_alloc(&arena, wire_struct_size(message));
    size_t consumed = 0;
    enum err e = wire_decode_plain(message, version, in, &arena, value, &consumed);
    if (e != expected) abort();
    if (e == OK) {
        struct slice plain = SLICE_NULL;
        struct slice direct = SLICE_NULL;
        if (consumed != expected_size || !wire_equal(message, version, value, expected_value)) abort();
        if (wire_encode_plain(message, version, value, &arena, &plain) != OK) abort();
        if (wire_encode_bytes(message, version, value, &arena, &direct) != OK || !slice_eq(plain, direct)) abort();
    }
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return -1;
    const struct wire_message *message = wire_at((size_t)(data[0] << 8 | data[1]) % message_count());
    int versions = wire_version_max(message) - wire_version_min(message) + 1;
    int version = wire_version_min(message) + data[2] % versions;
    struct slice in = slice_of(data + 3, size - 3);
    struct arena arena = {0};
    void *value = malloc(wire_struct_size(message));
    size_t consumed = 0;
    enum err e = wire_decode(message, version, in, &arena, value, &consumed);
    if (arena_used(&arena) > ((size_t)1 << 20) + 8 * in.size) abort();
    check_interpreter(message, version, in, e, consumed, value);
    if (e == OK) {
        if (consumed > in.size) abort();
        check_encoding(message, version, value, &arena);
        check_json(message, version, value, &arena);
    } else if (e != ERR_TRUNCATED && e != ERR_CORRUPT && e != ERR_TOO_LARGE) {
        abort();
    }
    free(value);
    arena_deinit(&arena);
    return 0;
}
