// SPDX-License-Identifier: Apache-2.0
// Values as Double.toString, Float.toString and Jackson write them.
#include "cli/java_text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static void doubles_are_javas(void **state)
{
    static const struct {
        double value;
        const char *text;
    } cases[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {-1.5, "-1.5"},
        {100, "100.0"},
        {9999999, "9999999.0"},
        {1e7, "1.0E7"},
        {123456789, "1.23456789E8"},
        {0.001, "0.001"},
        {0.00099, "9.9E-4"},
        {0.1, "0.1"},
        {57.517722, "57.517722"},
        {1.2926117907728089e161, "1.2926117907728089E161"},
        {1.7976931348623157e308, "1.7976931348623157E308"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
        {NAN, "NaN"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = {0};
        java_double(&out, cases[i].value);
        assert_string_equal(text_cstr(&out), cases[i].text);
        text_deinit(&out);
    }
}

static void floats_are_javas(void **state)
{
    static const struct {
        float value;
        const char *text;
    } cases[] = {
        {0.7470588F, "0.7470588"}, {2.6100788e20F, "2.6100788E20"}, {1.0F, "1.0"}, {3.4028235e38F, "3.4028235E38"}};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct text out = {0};
        java_float(&out, cases[i].value);
        assert_string_equal(text_cstr(&out), cases[i].text);
        text_deinit(&out);
    }
}

static void strings_are_escaped(void **state)
{
    (void)state;
    struct text out = {0};
    json_string(&out, SLICE("a\"b\\c\n\t\x01/\xc3\xa9\xff"));
    assert_string_equal(text_cstr(&out), "\"a\\\"b\\\\c\\n\\t\\u0001/\xc3\xa9\xef\xbf\xbd\"");
    text_clear(&out);
    json_string(&out, SLICE_NULL);
    assert_string_equal(text_cstr(&out), "null");
    text_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_are_javas),
        cmocka_unit_test(floats_are_javas),
        cmocka_unit_test(strings_are_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
