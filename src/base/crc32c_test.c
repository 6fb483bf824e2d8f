// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/crc32c.h"

static void test_known_vectors(void **state)
{
    (void)state;
    uint8_t bytes[32] = {0};
    assert_int_equal(crc32c(0, SLICE("")), 0);
    assert_int_equal(crc32c(0, SLICE("123456789")), 0xe3069283);
    assert_int_equal(crc32c(0, slice_of(bytes, 32)), 0x8a9136aa); // RFC 3720, B.4
    memset(bytes, 0xff, sizeof(bytes));
    assert_int_equal(crc32c(0, slice_of(bytes, 32)), 0x62a8ab43);
    for (uint8_t i = 0; i < 32; i++) bytes[i] = i;
    assert_int_equal(crc32c(0, slice_of(bytes, 32)), 0x46dd794e);
    assert_int_equal(crc32c_portable(0, slice_of(bytes, 32)), 0x46dd794e);
}

// Sizes around and above every lane length, at every alignment.
static void test_fast_equals_portable(void **state)
{
    (void)state;
    enum { SIZE = 40000 };
    uint8_t *bytes = malloc(SIZE + 16);
    uint32_t x = 1;
    for (size_t i = 0; i < SIZE + 16; i++) bytes[i] = (uint8_t)((x = x * 1664525 + 1013904223) >> 24);
    for (size_t size = 0; size < 3000; size++) {
        struct slice s = slice_of(bytes + size % 16, size);
        assert_int_equal(crc32c(x, s), crc32c_portable(x, s));
    }
    for (size_t i = 0; i < 300; i++) {
        x = x * 1664525 + 1013904223;
        struct slice s = slice_of(bytes + (x >> 8) % 16, x % SIZE);
        assert_int_equal(crc32c(x, s), crc32c_portable(x, s));
    }
    free(bytes);
}

static void test_continues_from_seed(void **state)
{
    (void)state;
    struct slice whole = SLICE("a batch arrives in pieces, the checksum is that of the whole");
    for (size_t cut = 0; cut <= whole.size; cut++) {
        uint32_t first = crc32c(0, slice_of(whole.data, cut));
        assert_int_equal(crc32c(first, slice_of(whole.data + cut, whole.size - cut)), crc32c(0, whole));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_vectors),
        cmocka_unit_test(test_fast_equals_portable),
        cmocka_unit_test(test_continues_from_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
