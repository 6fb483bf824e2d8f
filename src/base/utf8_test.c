// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/utf8.h"

static void test_every_code_point_survives(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        uint8_t bytes[UTF8_SIZE_MAX];
        size_t size = utf8_put(bytes, c);
        const uint8_t *at = bytes;
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        if (utf8_next(&at, bytes + size) != (is_surrogate ? 0xfffd : c) || at != bytes + size) fail_msg("U+%04X", c);
        if (!utf8_is_valid(slice_of(bytes, size))) fail_msg("U+%04X", c);
    }
}

static void test_refuses_what_is_no_utf8(void **state)
{
    (void)state;
    static const struct slice bad[] = {
        SLICE("\x80"),
        SLICE("\xc0\x80"),
        SLICE("\xc1\xbf"),
        SLICE("\xe0\x9f\xbf"),
        SLICE("\xed\xa0\x80"),
        SLICE("\xf0\x8f\xbf\xbf"),
        SLICE("\xf5\x80\x80\x80"),
        SLICE("\xf4\x90\x80\x80"),
        SLICE("\xe2\x82"),
        SLICE("\xff"),
        SLICE("sixteen ascii ch\xfe"),
        SLICE("\xe2\x82\x28"),
        SLICE("12345678\xc3"),
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) assert_false(utf8_is_valid(bad[i]));
    assert_true(utf8_is_valid(SLICE("")));
    assert_true(utf8_is_valid(SLICE_NULL));
    assert_true(utf8_is_valid(SLICE("gr\xc3\xbc\xc3\x9f dich, \xe2\x82\xac and \xf0\x9f\x98\x80 in one long line")));
}

static void test_replaces_bad_bytes_one_by_one(void **state)
{
    (void)state;
    struct slice text = SLICE("a\xff\xe2\x82z");
    const uint8_t *at = text.data;
    const uint8_t *end = text.data + text.size;
    static const uint32_t expected[] = {'a', 0xfffd, 0xfffd, 0xfffd, 'z'};
    for (size_t i = 0; i < 5; i++) assert_int_equal(utf8_next(&at, end), expected[i]);
    assert_ptr_equal(at, end);
    assert_int_equal(utf8_count(text), 5);
    assert_int_equal(utf8_count(SLICE("\xf0\x9f\x98\x80\xc3\xbc!")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_point_survives),
        cmocka_unit_test(test_refuses_what_is_no_utf8),
        cmocka_unit_test(test_replaces_bad_bytes_one_by_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
