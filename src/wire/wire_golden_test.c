// SPDX-License-Identifier: Apache-2.0
// Bytes that others made. tests/golden/wire/java.tsv: an instance of every message and version by Kafka's classes
// (tests/oracle/wire.sh); client.tsv: frames between real clients and Apache Kafka 4.3 (tests/oracle/capture.py).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/all.h"
#include "wire/raw.h"

enum { COLUMNS_MAX = 5 };

static FILE *golden_open(const char *name)
{
    const char *here = __FILE__;
    const char *src = strstr(here, "src/wire/");
    struct text path = {0};
    text_add(&path, slice_of(here, src == NULL ? 0 : (size_t)(src - here)));
    text_printf(&path, "tests/golden/wire/%s", name);
    FILE *file = fopen(text_cstr(&path), "r");
    if (file == NULL) fail_msg("%s cannot be read", text_cstr(&path));
    text_deinit(&path);
    return file;
}

// Splits a line at its tabs; returns the number of columns.
static size_t split(char *line, char *columns[COLUMNS_MAX])
{
    line[strcspn(line, "\n")] = '\0';
    size_t count = 0;
    for (char *at = line; at != NULL && count < COLUMNS_MAX; count++) {
        columns[count] = at;
        at = strchr(at, '\t');
        if (at != NULL) *at++ = '\0';
    }
    return count;
}

static void assert_converts(enum err (*convert)(struct slice, struct text *, struct text *), char *columns[],
                            const char *input, const char *expected)
{
    struct text line = {0};
    struct text out = {0};
    struct text problem = {0};
    text_printf(&line, "%s %s %s\n", columns[0], columns[1], input);
    if (convert(text_slice(&line), &out, &problem) != OK)
        fail_msg("%s %s: %s", columns[0], columns[1], text_cstr(&problem));
    assert_string_equal(text_cstr(&out), expected);
    text_deinit(&line);
    text_deinit(&out);
    text_deinit(&problem);
}

// NAME, VERSION, HEX, JSON, HEX of that JSON
static void instances_of_kafka_are_understood(void **state)
{
    (void)state;
    FILE *file = golden_open("java.tsv");
    char *line = NULL;
    size_t capacity = 0;
    int count = 0;
    while (getline(&line, &capacity, file) > 0) {
        char *columns[COLUMNS_MAX];
        assert_int_equal(split(line, columns), 5);
        assert_converts(raw_decode_line, columns, columns[2], columns[3]);
        assert_converts(raw_encode_line, columns, columns[3], columns[4]);
        count++;
    }
    assert_int_equal(count, 728); // versions of Kafka 4.3.1's messages
    free(line);
    fclose(file);
}

static struct slice from_hex(const char *hex, struct arena *arena)
{
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = arena_alloc(arena, size);
    for (size_t i = 0; i < size; i++) {
        char digits[3] = {hex[i * 2], hex[i * 2 + 1], '\0'};
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return slice_of(bytes, size);
}

// Decodes the message at the start of `in`, checks that it encodes to the same bytes, and returns what follows.
static struct slice take(const struct wire_message *message, int version, struct slice in, struct arena *arena,
                         void **out)
{
    void *value = arena_alloc(arena, wire_struct_size(message));
    size_t used = 0;
    enum err e = wire_decode(message, version, in, arena, value, &used);
    if (e != OK) fail_msg("%s version %d: %s", wire_name(message), version, err_name(e));
    struct slice again = SLICE_NULL;
    assert_int_equal(wire_encode_bytes(message, version, value, arena, &again), OK);
    assert_int_equal(again.size, used);
    assert_memory_equal(again.data, in.data, used);
    if (out != NULL) *out = value;
    return slice_of(in.data + used, in.size - used);
}

// CLIENT, request or response, KEY, VERSION, HEX of the frame without its length
static void frames_of_clients_are_understood(void **state)
{
    (void)state;
    FILE *file = golden_open("client.tsv");
    struct arena arena = {0};
    char *line = NULL;
    size_t capacity = 0;
    int count = 0;
    while (getline(&line, &capacity, file) > 0) {
        char *columns[COLUMNS_MAX];
        assert_int_equal(split(line, columns), 5);
        const struct wire_api *api = wire_api_find((int)strtol(columns[2], NULL, 10));
        assert_non_null(api);
        int version = (int)strtol(columns[3], NULL, 10);
        struct slice frame = from_hex(columns[4], &arena);
        if (strcmp(columns[1], "request") == 0) {
            void *header = NULL;
            int header_version = wire_request_header_version(api, version);
            frame = take(&request_header_message, header_version, frame, &arena, &header);
            assert_int_equal(((struct request_header *)header)->request_api_key, api->key);
            assert_int_equal(((struct request_header *)header)->request_api_version, version);
            frame = take(api->request, version, frame, &arena, NULL);
        } else {
            frame = take(&response_header_message, wire_response_header_version(api, version), frame, &arena, NULL);
            frame = take(api->response, version, frame, &arena, NULL);
        }
        assert_int_equal(frame.size, 0);
        arena_reset(&arena);
        count++;
    }
    assert_true(count > 50);
    arena_deinit(&arena);
    free(line);
    fclose(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instances_of_kafka_are_understood),
        cmocka_unit_test(frames_of_clients_are_understood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
