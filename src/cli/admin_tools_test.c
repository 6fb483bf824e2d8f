// SPDX-License-Identifier: Apache-2.0
// What kafka-configs, kafka-consumer-groups and their like read and write by themselves; whole command lines are
// compared with Kafka's tools by tests/cli.
#include "cli/configs_int.h"
#include "cli/consumer_groups_int.h"
#include "cli/java_order.h"
#include "cli/reset_plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct cli cli;

static int release(void **state)
{
    (void)state;
    arena_deinit(&cli.arena);
    return 0;
}

// ---- dates and durations ---------------------------------------------------------------------------------------

static int64_t datetime(const char *text)
{
    struct cli_error error = {0};
    int64_t ms = INT64_MIN;
    return reset_parse_datetime(&cli.arena, text, &ms, &error) ? ms : INT64_MIN;
}

static void datetimes_are_read_as_java_does(void **state)
{
    (void)state;
    assert_int_equal(datetime("1970-01-01T00:00:00.000"), 0);
    assert_int_equal(datetime("2020-01-02T03:04:05.678"), INT64_C(1577934245678));
    assert_int_equal(datetime("2020-01-02T03:04:05.678Z"), INT64_C(1577934245678));
    assert_int_equal(datetime("2020-01-02T03:04:05.678+02:00"), INT64_C(1577927045678));
    assert_int_equal(datetime("2020-01-02T03:04:05.678-02:30"), INT64_C(1577943245678));
    assert_int_equal(datetime("2020-01-02T03:04:05.678+02"), INT64_C(1577927045678));
    assert_int_equal(datetime("2024-02-29T00:00:00.000"), INT64_C(1709164800000));
    assert_int_equal(datetime("1969-12-31T23:59:59.999"), -1);
    assert_int_equal(datetime("2020-1-2T3:4:5.6"), INT64_C(1577934245006)); // digits are not counted
    static const char *const wrong[] = {
        "2020-13-02T03:04:05.000",  "2023-02-29T00:00:00.000", "2020-01-02T24:00:00.000", "2020-01-02T03:04:05", "T",
        "x2020-01-02T03:04:05.678", "2020-01-02T03:60:05.678", "2020-01-02T03:04:05.678+"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) assert_int_equal(datetime(wrong[i]), INT64_MIN);
}

static void a_bad_datetime_says_why(void **state)
{
    (void)state;
    struct cli_error error = {0};
    int64_t ms;
    assert_false(reset_parse_datetime(&cli.arena, "2020-01-02", &ms, &error));
    assert_string_equal(error.text, "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format");
    assert_false(reset_parse_datetime(&cli.arena, "2020-01-02T03:04:05", &ms, &error));
    assert_string_equal(error.text, "Unparseable date: \"2020-01-02T03:04:05Z\"");
    assert_string_equal(error.class_name, "java.text.ParseException");
}

static void durations_are_read_as_java_does(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {{"P1D", 86400000},        {"PT0S", 0},         {"P1DT2H3M4.5S", 93784500},
                 {"pt1h", 3600000},        {"PT-1H", -3600000}, {"-PT1H", 3600000 * -1},
                 {"PT1.123456789S", 1123}, {"PT1,5S", 1500},    {"P-1DT1H", -82800000},
                 {"+PT+1M", 60000},        {"PT1.S", 1000}};
    for (size_t i = 0; i < COUNT_OF(right); i++) {
        int64_t ms = 1;
        assert_true(reset_parse_duration(slice_str(right[i].text), &ms));
        assert_int_equal(ms, right[i].ms);
    }
    static const char *const wrong[] = {
        "", "P", "PT", "1D", "P1H", "PT1D", "PTS", "PT1", "PT1S1M", "P1DT", "PT1.1234567890S"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int64_t ms;
        assert_false(reset_parse_duration(slice_str(wrong[i]), &ms));
    }
}

// ---- plans -----------------------------------------------------------------------------------------------------

static void lines_of_a_plan(void **state)
{
    (void)state;
    struct reset_line line;
    struct cli_error error = {0};
    assert_true(reset_parse_line(&cli.arena, SLICE("orders,3,42"), false, &line, &error));
    assert_true(slice_eq_str(line.key.topic, "orders"));
    assert_int_equal(line.key.partition, 3);
    assert_int_equal(line.offset, 42);
    assert_true(reset_parse_line(&cli.arena, SLICE("\"a,\"\"b\",0,\"7\"\r"), false, &line, &error));
    assert_true(slice_eq_str(line.key.topic, "a,\"b"));
    assert_int_equal(line.offset, 7);
    assert_true(reset_parse_line(&cli.arena, SLICE("g,orders,1,2"), true, &line, &error));
    assert_true(slice_eq_str(line.group, "g"));
    assert_int_equal(line.key.partition, 1);
    assert_false(reset_parse_line(&cli.arena, SLICE("g,orders,1,2"), false, &line, &error));
    assert_string_equal(error.text,
                        "Cannot deserialize value of type `int` from String \"orders\": not a valid `int` value");
    assert_false(reset_parse_line(&cli.arena, SLICE("orders,1,2,3"), false, &line, &error));
    assert_string_equal(error.text, "Too many entries: expected at most 3 (value #3 (1 chars) \"3\")");
    assert_false(reset_parse_line(&cli.arena, SLICE("orders,1,x"), false, &line, &error));
    assert_false(reset_parse_line(&cli.arena, SLICE("orders,3000000000,1"), false, &line, &error));
}

static void cells_are_quoted_when_long_or_special(void **state)
{
    (void)state;
    struct text text = {0};
    reset_add_cell(&text, SLICE("plain-topic_1.x"));
    text_add_char(&text, '|');
    reset_add_cell(&text, SLICE("a topic"));
    text_add_char(&text, '|');
    reset_add_cell(&text, SLICE("a-topic-of-twenty-five-ch"));
    text_add_char(&text, '|');
    reset_add_cell(&text, SLICE("q\"q"));
    assert_string_equal(text_cstr(&text), "plain-topic_1.x|\"a topic\"|\"a-topic-of-twenty-five-ch\"|\"q\"\"q\"");
    text_deinit(&text);
}

// ---- kafka-configs ---------------------------------------------------------------------------------------------

static void added_configs_are_parsed(void **state)
{
    (void)state;
    struct props props = {0};
    assert_true(configs_parse_added(&cli, SLICE("a=1, b.c = [x,y] ,d=,e=[k=v,w=z]"), &props));
    assert_int_equal(props.count, 4);
    assert_true(slice_eq_str(props_get(&props, "a"), "1"));
    assert_true(slice_eq_str(props_get(&props, "b.c"), "x,y"));
    assert_true(slice_eq_str(props_get(&props, "d"), ""));
    assert_true(slice_eq_str(props_get(&props, "e"), "k=v,w=z"));
    static const char *const wrong[] = {"", "a", "a=1=2", "a=1,b", ",a=1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct props none = {0};
        assert_false(configs_parse_added(&cli, slice_str(wrong[i]), &none));
    }
}

static void scram_values_are_parsed(void **state)
{
    (void)state;
    struct slice iterations, password;
    assert_true(configs_parse_scram(SLICE("iterations=8192,password=a,b"), &iterations, &password));
    assert_true(slice_eq_str(iterations, "8192"));
    assert_true(slice_eq_str(password, "a,b"));
    assert_true(configs_parse_scram(SLICE("iterations=-1,password="), &iterations, &password));
    assert_true(slice_eq_str(iterations, "-1"));
    assert_int_equal(password.size, 0);
    assert_true(configs_parse_scram(SLICE("password=x"), &iterations, &password));
    assert_true(slice_is_null(iterations));
    assert_false(configs_parse_scram(SLICE("iterations=8192"), &iterations, &password));
    assert_false(configs_parse_scram(SLICE("iterations=8x,password=x"), &iterations, &password));
}

// ---- orders and expressions ------------------------------------------------------------------------------------

static void strings_hash_as_in_java(void **state)
{
    (void)state;
    assert_int_equal(java_string_hash(SLICE("orders")), 3286196965U);
    assert_int_equal(java_string_hash(SLICE("")), 0);
    assert_int_equal(java_string_hash(SLICE("\xc3\xa9")), 0xe9);
    assert_int_equal(java_string_hash(SLICE("\xf0\x9f\x98\x80")), 0xd83d * 31 + 0xde00);
    assert_int_equal(cli_length(SLICE("\xc3\xa9\xf0\x9f\x98\x80")), 3);
}

static void partitions_come_in_the_order_of_a_hash_map(void **state)
{
    (void)state;
    struct topic_partition items[] = {
        {SLICE("users"), 0}, {SLICE("orders"), 2}, {SLICE("orders"), 0}, {SLICE("orders"), 1}};
    topic_partition_order(items, COUNT_OF(items), sizeof(items[0]));
    // As kafka-consumer-groups prints them.
    assert_true(slice_eq_str(items[0].topic, "orders") && items[0].partition == 0);
    assert_true(slice_eq_str(items[1].topic, "orders") && items[1].partition == 1);
    assert_true(slice_eq_str(items[2].topic, "orders") && items[2].partition == 2);
    assert_true(slice_eq_str(items[3].topic, "users"));
}

static void re2_says_what_is_wrong(void **state)
{
    (void)state;
    static const char *const right[] = {"a.*",
                                        "^[a-z]+\\d{2,3}(foo|bar)?$",
                                        "(?P<n>a)(?<m>b)(?i:c)(?i)d",
                                        "[[:alpha:]]",
                                        "\\p{Greek}\\pL",
                                        "a{",
                                        "a{,2}",
                                        "[]a]",
                                        "[^-a]",
                                        "\\Qa(b\\E",
                                        "\\x{1F600}",
                                        "()",
                                        "a|",
                                        "\\012",
                                        "x*?",
                                        "\xc3\xa9+"};
    for (size_t i = 0; i < COUNT_OF(right); i++) assert_null(re2_problem(&cli.arena, slice_str(right[i])));
    static const struct {
        const char *pattern, *problem;
    } wrong[] = {{"a(b", "missing closing )"},
                 {"a[b", "missing closing ]"},
                 {"*a", "missing argument to repetition operator"},
                 {"(|*)", "missing argument to repetition operator"},
                 {"a**", "invalid nested repetition operator"},
                 {"a\\", "trailing backslash at end of expression"},
                 {"\\y", "invalid escape sequence"},
                 {"(a)\\1", "invalid escape sequence"},
                 {"a)", "regexp/syntax: internal error"},
                 {"a{1001}", "invalid repeat count"},
                 {"a{3,2}", "invalid repeat count"},
                 {"[z-a]", "invalid character class range"},
                 {"[[:nope:]]", "invalid character class range"},
                 {"\\p{Nope}", "invalid character class range"},
                 {"(?=a)", "invalid or unsupported Perl syntax"},
                 {"(?P<n", "invalid named capture"},
                 {"(?P<a>x)(?P<a>y)", "duplicate capture group name"}};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        assert_string_equal(re2_problem(&cli.arena, slice_str(wrong[i].pattern)), wrong[i].problem);
    }
}

static void assignments_are_read(void **state)
{
    (void)state;
    // Version 1: one topic "t" with partitions 4 and 2, no user data.
    static const uint8_t bytes[] = {0, 1, 0, 0, 0, 1, 0, 1, 't',  0,    0,    0,   2,
                                    0, 0, 0, 4, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff};
    struct topic_partition *keys;
    int32_t count;
    assert_true(admin_read_assignment(&cli.arena, slice_of(bytes, sizeof(bytes)), &keys, &count));
    assert_int_equal(count, 2);
    assert_true(slice_eq_str(keys[0].topic, "t") && keys[0].partition == 4 && keys[1].partition == 2);
    assert_true(admin_read_assignment(&cli.arena, SLICE(""), &keys, &count));
    assert_int_equal(count, 0);
    for (size_t size = 1; size + 4 < sizeof(bytes); size++) {
        assert_false(admin_read_assignment(&cli.arena, slice_of(bytes, size), &keys, &count));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(datetimes_are_read_as_java_does, release),
        cmocka_unit_test_teardown(a_bad_datetime_says_why, release),
        cmocka_unit_test_teardown(durations_are_read_as_java_does, release),
        cmocka_unit_test_teardown(lines_of_a_plan, release),
        cmocka_unit_test_teardown(cells_are_quoted_when_long_or_special, release),
        cmocka_unit_test_teardown(added_configs_are_parsed, release),
        cmocka_unit_test_teardown(scram_values_are_parsed, release),
        cmocka_unit_test_teardown(strings_hash_as_in_java, release),
        cmocka_unit_test_teardown(partitions_come_in_the_order_of_a_hash_map, release),
        cmocka_unit_test_teardown(re2_says_what_is_wrong, release),
        cmocka_unit_test_teardown(assignments_are_read, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
