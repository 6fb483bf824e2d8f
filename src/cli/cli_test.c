// SPDX-License-Identifier: Apache-2.0
// Parsers, lines, formats; whole command lines are compared with Kafka's tools by tests/cli.
#include "cli/argparse.h"
#include "cli/features.h"
#include "cli/java_order.h"
#include "cli/line_reader.h"
#include "env_posix/posix.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

// ---- jopt ------------------------------------------------------------------------------------------------------

enum { O_COUNT, O_FLAG, O_MAYBE, O_NAME, O_OPTIONS };

static const struct jopt_option options[O_OPTIONS] = {
    [O_COUNT] = {"count", JOPT_INT, "how many", "7", "A number."},
    [O_FLAG] = {"flag", JOPT_FLAG, NULL, NULL, "A flag."},
    [O_MAYBE] = {"maybe", JOPT_OPTIONAL, NULL, NULL, "May have a value."},
    [O_NAME] = {"name", JOPT_STRING, "name", NULL, "A name."},
};

static struct arena arena;

static bool parse(struct jopt *jopt, int argc, const char *const *argv)
{
    return jopt_parse(jopt, options, O_OPTIONS, &arena, argc, (char **)(uintptr_t)argv);
}

static int release(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static void jopt_takes_all_spellings(void **state)
{
    (void)state;
    const char *const argv[] = {"x",       "--name=a", "stray",  "-name",  "b",  "--flag", "--maybe",
                                "--count", "3",        "--name", "--flag", "--", "--nope"};
    struct jopt jopt;
    assert_true(parse(&jopt, COUNT_OF(argv), argv));
    assert_int_equal(jopt_count(&jopt, O_NAME), 3);
    assert_string_equal(jopt_at(&jopt, O_NAME, 0), "a");
    assert_string_equal(jopt_at(&jopt, O_NAME, 1), "b");
    assert_string_equal(jopt_at(&jopt, O_NAME, 2), "--flag"); // a required argument takes whatever comes
    assert_true(jopt_has(&jopt, O_FLAG) && jopt_has(&jopt, O_MAYBE));
    assert_int_equal(jopt_count(&jopt, O_MAYBE), 0);
    int64_t number = 0;
    assert_true(jopt_number(&jopt, O_COUNT, &number));
    assert_int_equal(number, 3);
    const char *value;
    assert_false(jopt_value(&jopt, O_NAME, &value));
    assert_string_equal(jopt.problem, "Found multiple arguments for option name, but you asked for only one");
}

static void jopt_says_what_is_wrong(void **state)
{
    (void)state;
    struct jopt jopt;
    const char *const unknown[] = {"x", "--nam", "a"};
    assert_false(parse(&jopt, 3, unknown));
    assert_string_equal(jopt.problem, "nam is not a recognized option");
    const char *const missing[] = {"x", "--name"};
    assert_false(parse(&jopt, 2, missing));
    assert_string_equal(jopt.problem, "Option name requires an argument");
    static const char *const wrong[] = {"x1", "", "99999999999", "1 ", " 1", "1.0"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        const char *const argv[] = {"x", "--count", wrong[i]};
        int64_t number = 0;
        assert_true(parse(&jopt, 3, argv));
        assert_false(jopt_number(&jopt, O_COUNT, &number));
        assert_string_equal(jopt.problem_class, "joptsimple.OptionArgumentConversionException");
    }
    const char *const none[] = {"x"};
    int64_t number = 0;
    assert_true(parse(&jopt, 1, none) && jopt_number(&jopt, O_COUNT, &number));
    assert_int_equal(number, 7);
}

static void jopt_help_has_two_columns(void **state)
{
    (void)state;
    struct text out = {0};
    jopt_help(options, O_OPTIONS, &out);
    const char *head = "Option                       Description           \n"
                       "------                       -----------           \n";
    assert_memory_equal(text_cstr(&out), head, strlen(head));
    assert_non_null(strstr(text_cstr(&out), "--count <Integer: how many>  A number. (default: 7)\n"));
    assert_non_null(strstr(text_cstr(&out), "--maybe [String]             May have a value.     \n"));
    text_deinit(&out);
}

// ---- argparse --------------------------------------------------------------------------------------------------

static void no_stop(const struct cli_host *host, void (*callback)(void *context, int signo), void *context)
{
    (void)host;
    (void)callback;
    (void)context;
}

static const struct argparse_option three[] = {
    {"config", 'c', true, true, 0}, {"standalone", 's', false, false, 1}, {"no-controllers", 'N', false, false, 1}};

static struct argparse *new_args(struct cli *cli)
{
    struct argparse *args = ARENA_NEW(&cli->arena, struct argparse);
    *args = (struct argparse){
        .cli = cli, .program = "tool", .help = "usage: tool\n\nrest\n", .options = three, .option_count = 3};
    return args;
}

static bool parse_args(struct argparse *args, int argc, const char *const *argv)
{
    int code;
    return argparse_parse(args, argc, (char **)(uintptr_t)argv, &code);
}

static void argparse_takes_prefixes_and_letters(void **state)
{
    (void)state;
    struct cli cli = {0};
    const char *const argv[] = {"x", "--conf=a", "-cb", "-c", "d", "--stand"};
    struct argparse *args = new_args(&cli);
    assert_true(parse_args(args, COUNT_OF(argv), argv));
    assert_int_equal(args->given[0], 3);
    assert_string_equal(argparse_value(args, 0), "d");
    assert_int_equal(args->given[1], 1);
    arena_deinit(&cli.arena);
}

static void argparse_errors_follow_the_usage(void **state)
{
    (void)state;
    static const struct {
        const char *argv[4];
        int argc;
        const char *error;
    } cases[] = {
        {{"x"}, 1, "usage: tool\ntool: error: argument --config/-c is required\n"},
        {{"x", "-c"}, 2, "usage: tool\ntool: error: argument --config/-c: expected one argument\n"},
        {{"x", "word"}, 2, "usage: tool\ntool: error: unrecognized arguments: 'word'\n"},
        {{"x", "--confi9"},
         2,
         "usage: tool\ntool: error: unrecognized arguments: '--confi9'\n\nDid you mean:\n\t--config\n"},
        {{"x", "-s", "-N"},
         3,
         "usage: tool\ntool: error: argument  --no-controllers/-N:  not  allowed  with argument --\nstandalone/-s\n"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct cli cli = {0};
        assert_false(parse_args(new_args(&cli), cases[i].argc, cases[i].argv));
        assert_string_equal(text_cstr(&cli.err), cases[i].error);
        text_deinit(&cli.err);
        arena_deinit(&cli.arena);
    }
}

// ---- lines -----------------------------------------------------------------------------------------------------

static bool is_ready(void *context)
{
    return line_input_is_ready(context);
}

static void expect_lines(const char *input, size_t size, const char *const *lines, size_t count)
{
    struct posix_node *node;
    const struct posix_options posix = {.shards = 1};
    int pipes[2], env_count;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], input, size), (ssize_t)size);
    close(pipes[1]);
    assert_int_equal(posix_node_new(&posix, &node), OK);
    struct cli_host host = {.env = posix_node_envs(node, &env_count)[0],
                            .fs = posix_node_fs(node),
                            .run_until = posix_run_until,
                            .in_fd = pipes[0],
                            .on_stop = no_stop};
    struct cli cli = {.host = &host};
    struct line_input *in = line_input_new(&cli);
    struct slice line;
    for (size_t i = 0; i < count; i++) {
        while (!line_input_next(in, &line)) {
            assert_false(line_input_is_at_end(in));
            host.run_until(host.env, is_ready, in);
        }
        assert_true(slice_eq_str(line, lines[i]));
    }
    while (!line_input_is_at_end(in)) {
        assert_false(line_input_next(in, &line));
        host.run_until(host.env, is_ready, in);
    }
    assert_false(line_input_next(in, &line));
    line_input_free(in);
    posix_node_free(node);
    close(pipes[0]);
}

static void lines_end_as_javas(void **state)
{
    (void)state;
    const char *const plain[] = {"a", "", "b"};
    expect_lines("a\n\nb", 4, plain, 3);
    expect_lines("a\r\n\r\nb\r\n", 8, plain, 3);
    expect_lines("a\r\rb\r", 5, plain, 3);
    expect_lines("a\n\nb\n", 5, plain, 3);
    expect_lines("", 0, NULL, 0);
}

static struct line_reader *new_reader(const char *const *pairs)
{
    static const struct cli_host host = {0};
    struct cli cli = {.host = &host};
    struct props props = {0};
    struct text problem = {0};
    for (; *pairs != NULL; pairs += 2) props_put(&props, &cli, slice_str(pairs[0]), slice_str(pairs[1]));
    struct line_reader *reader = MEM_NEW(struct line_reader);
    bool ok = line_reader_init(reader, &props, &problem);
    if (!ok) {
        line_reader_deinit(reader);
        mem_free(reader);
        reader = NULL;
    }
    text_deinit(&problem);
    arena_deinit(&cli.arena);
    return reader;
}

static void reader_cuts_headers_key_and_value(void **state)
{
    (void)state;
    const char *const pairs[] = {"parse.key", "true", "parse.headers", " TRUE ", "null.marker", "NIL", NULL};
    struct line_reader *reader = new_reader(pairs);
    struct producer_record record;
    struct text problem = {0};
    assert_false(line_reader_parse(reader, SLICE("a:1,b:NIL,,c:\tkey\tv\tw"), &record, &problem)); // the empty pair
    assert_string_equal(text_cstr(&problem), "No header key separator found in pair '' on line number 1");
    text_clear(&problem);
    assert_true(line_reader_parse(reader, SLICE("a:1,b:NIL,c:,,\tkey\tv\tw"), &record, &problem));
    assert_int_equal(record.header_count, 3); // empty pairs at the end are none
    assert_true(slice_eq_str(record.headers[0].value, "1"));
    assert_true(slice_is_null(record.headers[1].value));
    assert_true(slice_eq_str(record.headers[2].value, "") && !slice_is_null(record.headers[2].value));
    assert_true(slice_eq_str(record.key, "key") && slice_eq_str(record.value, "v\tw"));
    assert_true(line_reader_parse(reader, SLICE("NIL\tNIL\tNIL"), &record, &problem));
    assert_true(record.header_count == 0 && slice_is_null(record.key) && slice_is_null(record.value));
    assert_false(line_reader_parse(reader, SLICE("x"), &record, &problem));
    assert_string_equal(text_cstr(&problem), "No headers delimiter found on line number 4: 'x'");
    text_deinit(&problem);
    line_reader_deinit(reader);
    mem_free(reader);
}

static void reader_refuses_equal_separators(void **state)
{
    (void)state;
    const char *const pairs[] = {"null.marker", ",", NULL};
    assert_null(new_reader(pairs));
}

// ---- orders, versions ------------------------------------------------------------------------------------------

static struct slice item_name(const void *item)
{
    return slice_str(*(const char *const *)item);
}

// The order in which kafka-topics 4.3.1 described these topics.
static void hash_order_is_javas(void **state)
{
    (void)state;
    const char *names[] = {"a.b", "alpha", "beta", "conf", "conf2", "gamma", "placed"};
    const char *const want[] = {"placed", "a.b", "alpha", "conf2", "conf", "beta", "gamma"};
    java_hash_order(names, COUNT_OF(names), sizeof(names[0]), COUNT_OF(names), item_name);
    for (size_t i = 0; i < COUNT_OF(names); i++) assert_string_equal(names[i], want[i]);
}

static void releases_name_versions(void **state)
{
    (void)state;
    assert_int_equal(metadata_version_of_text("3.9")->level, 21);
    assert_int_equal(metadata_version_of_text("3.9.1")->level, 21);
    assert_int_equal(metadata_version_of_text("4.0")->level, 25);
    assert_int_equal(metadata_version_of_text("4.0-IV1")->level, 23);
    assert_int_equal(metadata_version_of_text("4.4-IV0")->level, 31);
    assert_null(metadata_version_of_text("4.4")); // nothing of it is stable
    assert_null(metadata_version_of_text("3.0"));
    assert_null(metadata_version_of_text("4"));
    assert_null(metadata_version_of_text(""));
}

static void patterns_match_whole_names(void **state)
{
    (void)state;
    struct text problem = {0};
    struct cli cli = {0};
    struct regex *regex = regex_new(include_list_pattern(&cli, SLICE("'a.*, b\\d+?'")), &problem);
    assert_non_null(regex);
    assert_true(regex_matches(regex, SLICE("abc")) && regex_matches(regex, SLICE("b12")));
    assert_false(regex_matches(regex, SLICE("xabc")) || regex_matches(regex, SLICE("b")));
    regex_free(regex);
    assert_null(regex_new(SLICE("a["), &problem));
    assert_true(problem.size > 0);
    text_deinit(&problem);
    arena_deinit(&cli.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jopt_takes_all_spellings),
        cmocka_unit_test(jopt_says_what_is_wrong),
        cmocka_unit_test(jopt_help_has_two_columns),
        cmocka_unit_test(argparse_takes_prefixes_and_letters),
        cmocka_unit_test(argparse_errors_follow_the_usage),
        cmocka_unit_test(lines_end_as_javas),
        cmocka_unit_test(reader_cuts_headers_key_and_value),
        cmocka_unit_test(reader_refuses_equal_separators),
        cmocka_unit_test(hash_order_is_javas),
        cmocka_unit_test(releases_name_versions),
        cmocka_unit_test(patterns_match_whole_names),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
