// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/slice.h"

#include <cmocka.h>

#include "base/err.h"

static void test_names_and_texts(void **state)
{
    (void)state;
    assert_string_equal(err_name(ERR_UNKNOWN_TOPIC_OR_PARTITION), "UNKNOWN_TOPIC_OR_PARTITION");
    assert_string_equal(err_class(ERR_UNKNOWN_TOPIC_OR_PARTITION), "UnknownTopicOrPartitionException");
    assert_true(err_is_retriable(ERR_UNKNOWN_TOPIC_OR_PARTITION));
    assert_false(err_is_retriable(ERR_INVALID_RECORD));
    assert_string_equal(err_name(ERR_CORRUPT), "CORRUPT");
    assert_non_null(err_text((enum err)12345));
}

static void test_only_wire_codes_leave(void **state)
{
    (void)state;
    assert_int_equal(err_to_wire(OK), 0);
    assert_int_equal(err_to_wire(ERR_UNKNOWN_SERVER_ERROR), -1);
    assert_int_equal(err_to_wire(ERR_INVALID_RECORD), 87);
    assert_int_equal(err_to_wire(ERR_IO), ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(err_to_wire(ERR_NO_SPACE), ERR_KAFKA_STORAGE_ERROR);
    assert_int_equal(err_to_wire(ERR_CORRUPT), ERR_CORRUPT_MESSAGE);
    assert_int_equal(err_to_wire(ERR_BUSY), ERR_UNKNOWN_SERVER_ERROR);
    assert_int_equal(err_to_wire(ERR_READ_ONLY), ERR_KAFKA_STORAGE_ERROR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_texts),
        cmocka_unit_test(test_only_wire_codes_leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
