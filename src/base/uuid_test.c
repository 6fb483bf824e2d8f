// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/uuid.h"

static const struct uuid sample = {
    {0x27, 0xc6, 0x80, 0x3d, 0xc7, 0xcb, 0x42, 0xdd, 0x9b, 0xaa, 0xcd, 0x49, 0x4f, 0xfa, 0xcc, 0x81}};

static void test_text_form(void **state)
{
    (void)state;
    char text[UUID_TEXT_SIZE + 1];
    uuid_format(sample, text);
    assert_string_equal(text, "J8aAPcfLQt2bqs1JT_rMgQ"); // kafka-internals A12
    struct uuid back;
    assert_int_equal(uuid_parse(slice_str(text), &back), OK);
    assert_true(uuid_eq(back, sample));
    uuid_format((struct uuid){{0}}, text);
    assert_string_equal(text, "AAAAAAAAAAAAAAAAAAAAAA");
}

static void test_every_bit_survives(void **state)
{
    (void)state;
    for (int bit = 0; bit < 128; bit++) {
        struct uuid id = {{0}};
        id.bytes[bit / 8] = (uint8_t)(1u << (bit % 8));
        char text[UUID_TEXT_SIZE + 1];
        uuid_format(id, text);
        struct uuid back;
        assert_int_equal(uuid_parse(slice_str(text), &back), OK);
        assert_true(uuid_eq(back, id));
    }
}

static void test_refuses_other_texts(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "J8aAPcfLQt2bqs1JT_rMg",
        "J8aAPcfLQt2bqs1JT_rMgQ=",
        "J8aAPcfLQt2bqs1JT/rMgQ",
        "J8aAPcfLQt2bqs1JT_rMgR",
        "J8aAPcfLQt2bqs1JT rMgQ",
        "J8aAPcfLQt2bqs1JT_rMgQQ",
    };
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct uuid out = sample;
        assert_int_equal(uuid_parse(slice_str(bad[i]), &out), ERR_INVALID);
        assert_true(uuid_eq(out, sample));
    }
    struct uuid out;
    assert_int_equal(uuid_parse(SLICE("J8aAPcfLQt2bqs1JT\0rMgQ"), &out), ERR_INVALID);
}

static void test_reserved(void **state)
{
    (void)state;
    assert_true(uuid_is_reserved((struct uuid){{0}}));
    assert_true(uuid_is_zero((struct uuid){{0}}));
    assert_true(uuid_is_reserved((struct uuid){.bytes = {[15] = 99}}));
    assert_false(uuid_is_reserved((struct uuid){.bytes = {[15] = 100}}));
    assert_false(uuid_is_reserved((struct uuid){.bytes = {[0] = 1}}));
    assert_false(uuid_is_zero(sample));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_form),
        cmocka_unit_test(test_every_bit_survives),
        cmocka_unit_test(test_refuses_other_texts),
        cmocka_unit_test(test_reserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
