// SPDX-License-Identifier: Apache-2.0
#include "record/control.h"

#include "record/test_util.h"

static void test_keys(void **state)
{
    (void)state;
    for (int i = CONTROL_ABORT; i <= CONTROL_KRAFT_VOTERS; i++) {
        uint8_t key[CONTROL_KEY_SIZE];
        control_key_encode((enum control_type)i, key);
        enum control_type type = CONTROL_UNKNOWN;
        assert_int_equal(control_key_decode(slice_of(key, sizeof(key)), &type), OK);
        assert_int_equal(type, i);
        assert_string_not_equal(control_type_name(type), "UNKNOWN");
    }
    enum control_type type = CONTROL_ABORT;
    assert_int_equal(control_key_decode(SLICE("\0\0\0\5"), &type), OK); // kafka-internals A12
    assert_int_equal(type, CONTROL_KRAFT_VERSION);
    assert_int_equal(control_key_decode(SLICE("\0\0\0\x63"), &type), OK);
    assert_int_equal(type, CONTROL_UNKNOWN);
    assert_int_equal(control_key_decode(SLICE("\0\0\xff\xff"), &type), OK);
    assert_int_equal(type, CONTROL_UNKNOWN);
    assert_int_equal(control_key_decode(SLICE("\0\1\0\1more of a later version"), &type), OK);
    assert_int_equal(type, CONTROL_COMMIT);
    assert_int_equal(control_key_decode(SLICE("\0\0\0"), &type), ERR_CORRUPT);
    assert_int_equal(control_key_decode(SLICE_NULL, &type), ERR_CORRUPT);
    assert_int_equal(control_key_decode(SLICE("\xff\xff\0\0"), &type), ERR_CORRUPT);
}

static void test_end_txn_marker(void **state)
{
    (void)state;
    uint8_t value[END_TXN_MARKER_SIZE];
    end_txn_marker_encode(9, value);
    assert_memory_equal(value, "\0\0\0\0\0\x09", 6);
    int32_t epoch = 0;
    assert_int_equal(end_txn_marker_decode(slice_of(value, sizeof(value)), &epoch), OK);
    assert_int_equal(epoch, 9);
    assert_int_equal(end_txn_marker_decode(SLICE("\0\1\0\0\0\7later"), &epoch), OK);
    assert_int_equal(epoch, 7);
    assert_int_equal(end_txn_marker_decode(slice_of(value, 5), &epoch), ERR_CORRUPT);
    assert_int_equal(end_txn_marker_decode(SLICE("\xff\xff\0\0\0\7"), &epoch), ERR_CORRUPT);
    assert_int_equal(end_txn_marker_decode(SLICE_NULL, &epoch), ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_end_txn_marker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
