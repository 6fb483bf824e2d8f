// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"

static int lines; // of the test that runs

static void count_line(struct log *log, enum log_level level, const char *component, const char *line)
{
    (void)log;
    (void)level;
    (void)component;
    (void)line;
    lines++;
}

static int written(struct log *log, enum log_level level, const char *component)
{
    lines = 0;
    log_line(log, level, component, "x");
    return lines;
}

static int logger(const char *name)
{
    int found = log_logger_find(slice_str(name));
    assert_true(found >= 0);
    return found;
}

static void root_level_holds_for_all(void **state)
{
    (void)state;
    struct log log = {.level = LOG_WARN, .write = count_line};
    assert_int_equal(written(&log, LOG_INFO, "network"), 0);
    assert_int_equal(written(&log, LOG_WARN, "network"), 1);
    log_logger_set(&log, LOG_ROOT, LOG_DEBUG);
    assert_int_equal(written(&log, LOG_DEBUG, "no such component"), 1);
    assert_int_equal(written(&log, LOG_TRACE, "network"), 0);
    assert_int_equal(written(NULL, LOG_FATAL, "network"), 0);
}

static void own_level_goes_before_parents(void **state)
{
    (void)state;
    struct log log = {.level = LOG_INFO, .write = count_line};
    log_logger_set(&log, logger("kafka"), LOG_ERROR);
    assert_int_equal(written(&log, LOG_WARN, "network"), 0);  // kafka.network.SocketServer
    assert_int_equal(written(&log, LOG_INFO, "metadata"), 1); // org.apache.kafka...
    log_logger_set(&log, logger("kafka.network.SocketServer"), LOG_DEBUG);
    assert_int_equal(written(&log, LOG_DEBUG, "network"), 1);
    assert_int_equal(written(&log, LOG_WARN, "broker"), 0);
    log_logger_unset(&log, logger("kafka.network.SocketServer"));
    assert_int_equal(written(&log, LOG_WARN, "network"), 0);
    log_logger_unset(&log, logger("kafka"));
    assert_int_equal(written(&log, LOG_INFO, "network"), 1);
    assert_int_equal(written(&log, LOG_INFO, "main"), 1);
}

static void names_are_found_and_parents_come_first(void **state)
{
    (void)state;
    assert_int_equal(log_logger_find(SLICE("root")), LOG_ROOT);
    assert_int_equal(log_logger_find(SLICE("no.such.logger")), -1);
    int count = 0;
    while (log_logger_name(count) != NULL) count++;
    assert_true(count > 1 && count <= LOG_LOGGERS_MAX);
    for (int i = 0; i < count; i++) assert_int_equal(log_logger_find(slice_str(log_logger_name(i))), i);
}

static void levels_parse_as_they_print(void **state)
{
    (void)state;
    for (int level = LOG_TRACE; level <= LOG_FATAL; level++) {
        enum log_level read = LOG_TRACE;
        assert_true(log_level_parse(slice_str(log_level_name((enum log_level)level)), &read));
        assert_int_equal(read, level);
    }
    enum log_level untouched = LOG_WARN;
    assert_false(log_level_parse(SLICE("info"), &untouched));
    assert_false(log_level_parse(SLICE("OFF"), &untouched));
    assert_int_equal(untouched, LOG_WARN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_level_holds_for_all),
        cmocka_unit_test(own_level_goes_before_parents),
        cmocka_unit_test(names_are_found_and_parents_come_first),
        cmocka_unit_test(levels_parse_as_they_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
