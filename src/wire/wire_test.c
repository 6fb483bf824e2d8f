// SPDX-License-Identifier: Apache-2.0
// Every message in every version: what is written is read back, nothing else is accepted, nothing is trusted.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "proto/produce.h"
#include "wire/table.h"

enum { INSTANCES = 12 };

static uint64_t seed_of(const struct wire_message *message, int version, int round)
{
    uint64_t seed = 1469598103934665603u;
    for (const char *at = wire_name(message); *at != '\0'; at++) seed = (seed ^ (uint8_t)*at) * 1099511628211u;
    return seed + (uint64_t)version * 1000 + (uint64_t)round;
}

struct instance {
    const struct wire_message *message;
    int version;
    void *value;
    struct slice bytes;
    struct arena *arena;
};

static void each_instance(int rounds, void (*check)(const struct instance *instance))
{
    struct arena arena = {0};
    const struct wire_message *message = NULL;
    for (size_t i = 0; (message = wire_at(i)) != NULL; i++) {
        for (int version = wire_version_min(message); version <= wire_version_max(message); version++) {
            for (int round = 0; round < rounds; round++) {
                uint64_t seed = seed_of(message, version, round);
                struct instance it = {.message = message, .version = version, .arena = &arena};
                it.value = arena_alloc(&arena, wire_struct_size(message));
                wire_random(message, version, &seed, &arena, it.value);
                enum err e = wire_encode_bytes(message, version, it.value, &arena, &it.bytes);
                if (e != OK) fail_msg("%s version %d round %d: %s", wire_name(message), version, round, err_name(e));
                check(&it);
                arena_reset(&arena);
            }
        }
    }
    arena_deinit(&arena);
}

// The bytes in a block of their own size, so that a sanitizer sees one byte too many being read.
static struct slice exact_copy(struct slice bytes)
{
    uint8_t *copy = malloc(bytes.size == 0 ? 1 : bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    return slice_of(copy, bytes.size);
}

static void is_read_back(const struct instance *it)
{
    struct slice bytes = exact_copy(it->bytes);
    void *read = arena_alloc(it->arena, wire_struct_size(it->message));
    enum err e = wire_decode_bounded(it->message, it->version, bytes, SIZE_MAX, it->arena, read, NULL);
    if (e != OK) fail_msg("%s version %d: %s", wire_name(it->message), it->version, err_name(e));
    if (!wire_equal(it->message, it->version, it->value, read)) {
        fail_msg("%s version %d is not what was written", wire_name(it->message), it->version);
    }
    size_t size = 0;
    assert_int_equal(wire_size(it->message, it->version, read, &size), OK);
    assert_int_equal(size, bytes.size);
    struct slice again = SLICE_NULL;
    assert_int_equal(wire_encode_bytes(it->message, it->version, read, it->arena, &again), OK);
    assert_true(slice_eq(again, bytes));
    free((void *)(uintptr_t)bytes.data);
}

static void every_message_is_read_back(void **state)
{
    (void)state;
    each_instance(INSTANCES, is_read_back);
}

static void is_the_same_in_parts(const struct instance *it)
{
    struct wire_out out;
    wire_out_init(&out, it->arena);
    assert_int_equal(wire_encode(it->message, it->version, it->value, &out), OK);
    assert_int_equal(wire_encode(it->message, it->version, it->value, &out), OK);
    assert_int_equal(out.size, it->bytes.size * 2);
    struct slice flat = wire_out_flatten(&out, it->arena);
    assert_memory_equal(flat.data, it->bytes.data, it->bytes.size);
    assert_memory_equal(flat.data + it->bytes.size, it->bytes.data, it->bytes.size);
}

static void parts_join_to_the_same_bytes(void **state)
{
    (void)state;
    each_instance(2, is_the_same_in_parts);
}

static void survives_json(const struct instance *it)
{
    struct text json = {0};
    struct text problem = {0};
    assert_int_equal(wire_print_json(it->message, it->version, it->value, WIRE_RECORDS_BASE64, &json), OK);
    void *read = arena_alloc(it->arena, wire_struct_size(it->message));
    enum err e = wire_parse_json(it->message, it->version, text_slice(&json), it->arena, read, &problem);
    if (e != OK)
        fail_msg("%s version %d: %s in %s", wire_name(it->message), it->version, text_cstr(&problem), text_cstr(&json));
    if (!wire_equal(it->message, it->version, it->value, read)) {
        fail_msg("%s version %d is not what was printed: %s", wire_name(it->message), it->version, text_cstr(&json));
    }
    text_deinit(&json);
    text_deinit(&problem);
}

static void every_message_survives_json(void **state)
{
    (void)state;
    each_instance(INSTANCES, survives_json);
}

static void is_refused_when_cut(const struct instance *it)
{
    size_t step = it->bytes.size / 400 + 1;
    for (size_t size = 0; size < it->bytes.size; size += step) {
        struct slice cut = exact_copy(slice_of(it->bytes.data, size));
        void *read = arena_alloc(it->arena, wire_struct_size(it->message));
        enum err e = wire_decode(it->message, it->version, cut, it->arena, read, NULL);
        if (e != ERR_TRUNCATED && e != ERR_CORRUPT) {
            fail_msg("%s version %d cut at %zu of %zu: %s", wire_name(it->message), it->version, size, it->bytes.size,
                     err_name(e));
        }
        free((void *)(uintptr_t)cut.data);
    }
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    each_instance(2, is_refused_when_cut);
}

static void takes_no_byte_more(const struct instance *it)
{
    uint8_t *longer = arena_alloc(it->arena, it->bytes.size + 1);
    memcpy(longer, it->bytes.data, it->bytes.size);
    longer[it->bytes.size] = 0;
    void *read = arena_alloc(it->arena, wire_struct_size(it->message));
    struct slice in = slice_of(longer, it->bytes.size + 1);
    size_t consumed = 0;
    assert_int_equal(wire_decode_bounded(it->message, it->version, in, SIZE_MAX, it->arena, read, NULL), ERR_CORRUPT);
    assert_int_equal(wire_decode_bounded(it->message, it->version, in, SIZE_MAX, it->arena, read, &consumed), OK);
    assert_int_equal(consumed, it->bytes.size);
}

static void trailing_bytes_are_seen(void **state)
{
    (void)state;
    each_instance(1, takes_no_byte_more);
}

// Bits flipped at seeded places: any answer but a crash, and whatever is accepted can be written again.
static void stands_flipped_bits(const struct instance *it)
{
    if (it->bytes.size == 0) return;
    uint64_t state = seed_of(it->message, it->version, 77);
    for (int round = 0; round < 20; round++) {
        struct slice bytes = exact_copy(it->bytes);
        state = state * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)(uintptr_t)bytes.data)[(state >> 33) % bytes.size] ^= (uint8_t)(1u << ((state >> 20) & 7));
        void *read = arena_alloc(it->arena, wire_struct_size(it->message));
        size_t before = arena_used(it->arena);
        enum err e = wire_decode(it->message, it->version, bytes, it->arena, read, NULL);
        assert_true(arena_used(it->arena) - before <= ((size_t)1 << 20) + 8 * bytes.size);
        size_t size = 0;
        if (e == OK) assert_int_equal(wire_size(it->message, it->version, read, &size), OK);
        free((void *)(uintptr_t)bytes.data);
    }
}

static void flipped_bits_do_no_harm(void **state)
{
    (void)state;
    each_instance(1, stands_flipped_bits);
}

// The head of every message overwritten by the largest counts there are.
static void stands_hostile_counts(const struct instance *it)
{
    for (size_t at = 0; at < it->bytes.size && at < 64; at++) {
        for (int kind = 0; kind < 2; kind++) {
            static const uint8_t counts[2][5] = {{0x7f, 0xff, 0xff, 0xff, 0xff}, {0xff, 0xff, 0xff, 0xff, 0x07}};
            uint8_t *bytes = arena_alloc(it->arena, it->bytes.size + 5);
            memcpy(bytes, it->bytes.data, it->bytes.size);
            memcpy(bytes + at, counts[kind], 5);
            void *read = arena_alloc(it->arena, wire_struct_size(it->message));
            size_t before = arena_used(it->arena);
            struct slice in = slice_of(bytes, it->bytes.size);
            enum err e = wire_decode(it->message, it->version, in, it->arena, read, NULL);
            assert_true(e == OK || e == ERR_TRUNCATED || e == ERR_CORRUPT || e == ERR_TOO_LARGE);
            assert_true(arena_used(it->arena) - before <= ((size_t)1 << 20) + 8 * in.size);
        }
    }
}

static void hostile_counts_take_no_memory(void **state)
{
    (void)state;
    each_instance(1, stands_hostile_counts);
}

// Straight code and interpreter: same bytes, same values, same errors at every cut.
static void is_the_same_when_interpreted(const struct instance *it)
{
    if (it->message->plans[it->version - it->message->version_min]->direct == NULL) return;
    struct slice bytes = SLICE_NULL;
    assert_int_equal(wire_encode_plain(it->message, it->version, it->value, it->arena, &bytes), OK);
    assert_true(slice_eq(bytes, it->bytes));
    void *plain = arena_alloc(it->arena, wire_struct_size(it->message));
    void *direct = arena_alloc(it->arena, wire_struct_size(it->message));
    for (size_t size = 0; size <= bytes.size; size++) {
        struct slice cut = slice_of(bytes.data, size);
        enum err expected = wire_decode_plain(it->message, it->version, cut, it->arena, plain, NULL);
        assert_int_equal(wire_decode(it->message, it->version, cut, it->arena, direct, NULL), expected);
        if (expected == OK) assert_true(wire_equal(it->message, it->version, plain, direct));
    }
}

static void straight_code_does_what_the_interpreter_does(void **state)
{
    (void)state;
    assert_non_null(produce_request_message.plans[0]->direct);
    each_instance(INSTANCES, is_the_same_when_interpreted);
}

static void unknown_versions_are_refused(void **state)
{
    (void)state;
    struct arena arena = {0};
    const struct wire_message *message = NULL;
    for (size_t i = 0; (message = wire_at(i)) != NULL; i++) {
        int versions[] = {wire_version_min(message) - 1, wire_version_max(message) + 1};
        void *value = arena_alloc(&arena, wire_struct_size(message));
        wire_init(message, value);
        for (size_t at = 0; at < COUNT_OF(versions); at++) {
            struct slice bytes = SLICE("\0\0\0\0\0\0\0\0");
            assert_int_equal(wire_decode(message, versions[at], bytes, &arena, value, NULL), ERR_UNSUPPORTED_VERSION);
            assert_int_equal(wire_encode_bytes(message, versions[at], value, &arena, &bytes), ERR_UNSUPPORTED_VERSION);
        }
        assert_ptr_equal(wire_find(slice_str(wire_name(message))), message);
    }
    assert_null(wire_find(SLICE("NoSuchMessage")));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_is_read_back),
        cmocka_unit_test(parts_join_to_the_same_bytes),
        cmocka_unit_test(every_message_survives_json),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(trailing_bytes_are_seen),
        cmocka_unit_test(flipped_bits_do_no_harm),
        cmocka_unit_test(hostile_counts_take_no_memory),
        cmocka_unit_test(unknown_versions_are_refused),
        cmocka_unit_test(straight_code_does_what_the_interpreter_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
