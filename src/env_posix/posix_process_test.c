// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "env_posix/posix.h"

static void log_lines_look_like_kafkas(void **state)
{
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    struct posix_log log;
    posix_log_init(&log, ends[1], LOG_INFO);
    log_debug(&log.log, "test", "dropped");
    log_warn(&log.log, "server", "%d things", 3);
    close(ends[1]);
    char bytes[200] = {0};
    ssize_t size = read(ends[0], bytes, sizeof(bytes) - 1);
    assert_true(size > 0);
    regex_t shape;
    assert_int_equal(regcomp(&shape,
                             "^\\[20[0-9]{2}-[01][0-9]-[0-3][0-9] [0-2][0-9]:[0-5][0-9]:[0-6][0-9],[0-9]{3}\\] "
                             "WARN 3 things \\(server\\)\n$",
                             REG_EXTENDED | REG_NOSUB),
                     0);
    assert_int_equal(regexec(&shape, bytes, 0, NULL, 0), 0);
    regfree(&shape);
    close(ends[0]);
}

static void a_long_line_keeps_its_newline(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct posix_log log;
    posix_log_init(&log, fileno(file), LOG_INFO);
    static char text[10000];
    memset(text, 'x', sizeof(text) - 1);
    log_info(&log.log, "component", "%s", text);
    log_info(&log.log, "component", "after");
    rewind(file);
    static char line[20000];
    assert_non_null(fgets(line, sizeof(line), file));
    assert_true(strlen(line) > 4000 && line[strlen(line) - 1] == '\n');
    assert_non_null(fgets(line, sizeof(line), file));
    assert_non_null(strstr(line, "INFO after (component)\n"));
    fclose(file);
}

enum { WRITERS = 4, LINES = 500 };

static void *write_lines(void *log)
{
    for (int i = 0; i < LINES; i++) log_info(log, "writer", "line %d", i);
    return NULL;
}

static void lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    FILE *file = tmpfile();
    struct posix_log log;
    posix_log_init(&log, fileno(file), LOG_INFO);
    pthread_t threads[WRITERS];
    for (int i = 0; i < WRITERS; i++) assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &log.log), 0);
    for (int i = 0; i < WRITERS; i++) pthread_join(threads[i], NULL);
    rewind(file);
    char line[200];
    int count = 0;
    while (fgets(line, sizeof(line), file) != NULL) {
        assert_int_equal(line[0], '[');
        assert_non_null(strstr(line, " (writer)\n"));
        count++;
    }
    assert_int_equal(count, WRITERS * LINES);
    fclose(file);
}

static void processes_and_limits(void **state)
{
    (void)state;
    char text[POSIX_OWNER_TEXT_SIZE];
    posix_process_text(getpid(), text);
    assert_non_null(strstr(text, "posix_process_test"));
    posix_process_text(0, text);
    assert_string_equal(text, "another process (not visible to this user)");
    assert_int_equal(posix_port_owner(19129, text), 0);
    assert_true(posix_raise_nofile() > 0);
    assert_true(posix_cores() >= 1);
    posix_hostname(text, sizeof(text));
    assert_true(strlen(text) > 0);
    char tiny[2] = {'?', '?'};
    posix_hostname(tiny, sizeof(tiny));
    assert_int_equal(tiny[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(log_lines_look_like_kafkas),
        cmocka_unit_test(a_long_line_keeps_its_newline),
        cmocka_unit_test(lines_of_threads_do_not_mix),
        cmocka_unit_test(processes_and_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
