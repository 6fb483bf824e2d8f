// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/bytes.h"
#include "base/varint.h"

// Powers of two, their neighbours and their complements.
static uint64_t sample(int i)
{
    uint64_t power = UINT64_C(1) << (i / 4 % 64);
    switch (i % 4) {
    case 0: return power;
    case 1: return power - 1;
    case 2: return power + 1;
    default: return ~power;
    }
}

static void test_64_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        uint8_t bytes[UVARINT64_SIZE_MAX];
        uint8_t *end = uvarint64_write(bytes, sample(i));
        assert_int_equal(end - bytes, uvarint64_size(sample(i)));
        uint64_t back = 0;
        assert_ptr_equal(uvarint64_read(bytes, end, &back), end);
        assert_true(back == sample(i));
        for (const uint8_t *cut = bytes; cut < end; cut++) assert_null(uvarint64_read(bytes, cut, &back));
        int64_t value = (int64_t)sample(i);
        int64_t value_back = 0;
        end = varint64_write(bytes, value);
        assert_int_equal(end - bytes, varint64_size(value));
        assert_ptr_equal(varint64_read(bytes, end, &value_back), end);
        assert_true(value_back == value);
    }
}

static void test_32_round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 256; i++) {
        uint8_t bytes[UVARINT64_SIZE_MAX];
        int32_t value = (int32_t)(uint32_t)sample(i);
        uint8_t *end = varint64_write(bytes, value);
        assert_true(end - bytes <= UVARINT32_SIZE_MAX);
        int32_t back = 0;
        assert_ptr_equal(varint32_read(bytes, end, &back), end);
        assert_int_equal(back, value);
        for (const uint8_t *cut = bytes; cut < end; cut++) assert_null(varint32_read(bytes, cut, &back));
    }
}

static void test_known_bytes(void **state)
{
    (void)state;
    uint8_t bytes[UVARINT64_SIZE_MAX];
    assert_int_equal(varint64_write(bytes, -1) - bytes, 1);
    assert_int_equal(bytes[0], 1);
    assert_int_equal(varint64_write(bytes, 64) - bytes, 2);
    assert_memory_equal(bytes, "\x80\x01", 2);
    assert_int_equal(uvarint64_write(bytes, 300) - bytes, 2);
    assert_memory_equal(bytes, "\xac\x02", 2);
}

static void test_refuses_what_does_not_fit(void **state)
{
    (void)state;
    uint32_t narrow = 0;
    uint64_t wide = 0;
    static const uint8_t five[] = {0xff, 0xff, 0xff, 0xff, 0x0f};
    static const uint8_t above_32[] = {0xff, 0xff, 0xff, 0xff, 0x10};
    static const uint8_t six[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    static const uint8_t above_64[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02};
    static const uint8_t eleven[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00};
    assert_ptr_equal(uvarint32_read(five, five + sizeof(five), &narrow), five + 5);
    assert_true(narrow == UINT32_MAX);
    assert_null(uvarint32_read(above_32, above_32 + sizeof(above_32), &narrow));
    assert_null(uvarint32_read(six, six + sizeof(six), &narrow));
    assert_null(uvarint64_read(above_64, above_64 + sizeof(above_64), &wide));
    assert_null(uvarint64_read(eleven, eleven + sizeof(eleven), &wide));
}

static void test_big_endian_bytes(void **state)
{
    (void)state;
    uint8_t bytes[8];
    store_i64(bytes, 0x0102030405060708);
    assert_memory_equal(bytes, "\1\2\3\4\5\6\7\10", 8);
    assert_true(load_i64(bytes) == 0x0102030405060708);
    store_i32(bytes, -2);
    assert_memory_equal(bytes, "\xff\xff\xff\xfe", 4);
    assert_int_equal(load_i32(bytes), -2);
    store_u16(bytes, 0xfffe);
    assert_int_equal(load_i16(bytes), -2);
    assert_int_equal(load_u16(bytes), 0xfffe);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_64_round_trip),    cmocka_unit_test(test_32_round_trip),
        cmocka_unit_test(test_known_bytes),      cmocka_unit_test(test_refuses_what_does_not_fit),
        cmocka_unit_test(test_big_endian_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
