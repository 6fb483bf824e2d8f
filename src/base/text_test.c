// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/text.h"

static void test_gathers(void **state)
{
    (void)state;
    struct text text = {0};
    assert_string_equal(text_cstr(&text), "");
    assert_int_equal(text.size, 0);
    text_add_str(&text, "a");
    text_add(&text, SLICE_NULL);
    text_add(&text, SLICE("bc"));
    text_add_char(&text, '-');
    text_printf(&text, "%d %s", 12, "x");
    assert_string_equal(text_cstr(&text), "abc-12 x");
    assert_true(slice_eq_str(text_slice(&text), "abc-12 x"));
    text_clear(&text);
    assert_int_equal(text_slice(&text).size, 0);
    text_deinit(&text);
    assert_null(text.data);
}

static void test_grows(void **state)
{
    (void)state;
    struct text text = {0};
    for (int i = 0; i < 10000; i++) text_add_char(&text, (char)('a' + i % 26));
    uint8_t *room = text_reserve(&text, 50000);
    memset(room, '!', 50000);
    text_grew(&text, 50000);
    assert_int_equal(text.size, 60000);
    for (size_t i = 0; i < text.size; i++) assert_int_equal(text.data[i], i < 10000 ? 'a' + (int)i % 26 : '!');
    text_deinit(&text);
}

static void test_slices(void **state)
{
    (void)state;
    assert_true(slice_eq(SLICE("ab"), SLICE("ab")));
    assert_true(slice_eq(SLICE_NULL, SLICE("")));
    assert_false(slice_eq(SLICE("ab"), SLICE("abc")));
    assert_true(slice_cmp(SLICE("ab"), SLICE("abc")) < 0);
    assert_true(slice_cmp(SLICE("b"), SLICE("abc")) > 0);
    assert_true(slice_cmp(SLICE("\x80"), SLICE("a")) > 0);
    assert_int_equal(slice_cmp(SLICE_NULL, SLICE("")), 0);
    assert_true(slice_is_null(slice_str(NULL)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gathers),
        cmocka_unit_test(test_grows),
        cmocka_unit_test(test_slices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
