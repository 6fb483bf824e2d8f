// SPDX-License-Identifier: Apache-2.0
// Also the tool of tests/oracle/config.sh: with arguments it prints what it describes instead of testing.
//   config_describe_test FILE [topic:key=value | broker:key=value | cluster:key=value]...
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "config/describe.h"

static struct arena arena;

static const struct config *build(const char *file)
{
    const struct config *config = NULL;
    struct config_report report;
    enum err err = config_build(&(struct config_sources){.file = slice_str(file)}, &arena, &config, &report);
    if (err != OK) fprintf(stderr, "%s\n", report.error);
    return config;
}

#define PAIRS(...)                                                                                                     \
    ((struct config_pairs){.items = (const struct config_pair[]){__VA_ARGS__},                                         \
                           .count = sizeof((const struct config_pair[]){__VA_ARGS__}) / sizeof(struct config_pair)})
#define PAIR(name_, value_)                                                                                            \
    {                                                                                                                  \
        .name = SLICE(name_), .value = SLICE(value_)                                                                   \
    }

static const char *source_name(enum config_source source)
{
    static const char *const names[] = {"UNKNOWN",
                                        "DYNAMIC_TOPIC_CONFIG",
                                        "DYNAMIC_BROKER_CONFIG",
                                        "DYNAMIC_DEFAULT_BROKER_CONFIG",
                                        "STATIC_BROKER_CONFIG",
                                        "DEFAULT_CONFIG"};
    return names[source];
}

static const char *type_name(enum config_type type)
{
    static const char *const names[] = {"UNKNOWN", "BOOLEAN", "STRING", "INT",   "SHORT",
                                        "LONG",    "DOUBLE",  "LIST",   "CLASS", "PASSWORD"};
    return names[type];
}

static const char *or_null(const char *text)
{
    return text == NULL ? "<null>" : text;
}

static const char *line(const char *resource, const struct config_entry *entry)
{
    struct text text = {0};
    text_printf(&text, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t", resource, entry->name, or_null(entry->value),
                source_name(entry->source), type_name(entry->type), entry->is_read_only ? "ro" : "rw",
                entry->is_sensitive ? "sensitive" : "plain");
    for (size_t i = 0; i < entry->synonym_count; i++)
        text_printf(&text, "%s%s:%s=%s", i == 0 ? "" : ";", source_name(entry->synonyms[i].source),
                    entry->synonyms[i].name, or_null(entry->synonyms[i].value));
    const char *copy = arena_printf(&arena, "%s", text_cstr(&text));
    text_deinit(&text);
    return copy;
}

static const char *find_line(struct config_entries entries, const char *name)
{
    for (size_t i = 0; i < entries.count; i++)
        if (strcmp(entries.items[i].name, name) == 0) return line("x", &entries.items[i]);
    return "none";
}

static const char minimal[] = "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                              "listeners=PLAINTEXT://127.0.0.1:9092,CONTROLLER://127.0.0.1:9093\n"
                              "controller.quorum.voters=1@127.0.0.1:9093\nlog.dirs=/data\n";

// The lines below are Apache Kafka 4.3.1's own answers.
static void topic_entries_follow_kafka(void **state)
{
    (void)state;
    const struct config *config = build(minimal);
    struct config_dynamic dynamic = {
        .broker = PAIRS(PAIR("log.retention.ms", "7000"), PAIR("log.segment.bytes", "2000000")),
        .cluster = PAIRS(PAIR("log.retention.ms", "5000"), PAIR("log.flush.interval.ms", "1234")),
    };
    struct config_entries entries;
    config_describe_topic(config, &dynamic, PAIRS(PAIR("retention.ms", "1000"), PAIR("segment.ms", "77777")), NULL, 0,
                          &arena, &entries);
    assert_string_equal(
        find_line(entries, "retention.ms"),
        "x\tretention.ms\t1000\tDYNAMIC_TOPIC_CONFIG\tLONG\trw\tplain\tDYNAMIC_TOPIC_CONFIG:retention.ms=1000;"
        "DYNAMIC_BROKER_CONFIG:log.retention.ms=7000;DYNAMIC_DEFAULT_BROKER_CONFIG:log.retention.ms=5000;"
        "DEFAULT_CONFIG:log.retention.hours=168");
    assert_string_equal(
        find_line(entries, "segment.ms"),
        "x\tsegment.ms\t77777\tDYNAMIC_TOPIC_CONFIG\tLONG\trw\tplain\tDYNAMIC_TOPIC_CONFIG:segment.ms=77777");
    assert_string_equal(find_line(entries, "flush.ms"),
                        "x\tflush.ms\t1234\tDYNAMIC_DEFAULT_BROKER_CONFIG\tLONG\trw\tplain\t"
                        "DYNAMIC_DEFAULT_BROKER_CONFIG:log.flush.interval.ms=1234;"
                        "DEFAULT_CONFIG:log.flush.scheduler.interval.ms=9223372036854775807");
    assert_string_equal(find_line(entries, "segment.bytes"),
                        "x\tsegment.bytes\t2000000\tDYNAMIC_BROKER_CONFIG\tINT\trw\tplain\t"
                        "DYNAMIC_BROKER_CONFIG:log.segment.bytes=2000000;DEFAULT_CONFIG:log.segment.bytes=1073741824");
    assert_string_equal(find_line(entries, "internal.segment.bytes"), "none");

    config_describe_topic(config, NULL, (struct config_pairs){0}, NULL, 0, &arena, &entries);
    assert_string_equal(find_line(entries, "retention.ms"),
                        "x\tretention.ms\t604800000\tDEFAULT_CONFIG\tLONG\trw\tplain\t");
    assert_string_equal(find_line(entries, "min.cleanable.dirty.ratio"),
                        "x\tmin.cleanable.dirty.ratio\t0.5\tDEFAULT_CONFIG\tDOUBLE\trw\tplain\tDEFAULT_CONFIG:log."
                        "cleaner.min.cleanable.ratio=0.5");
    struct slice names[] = {SLICE("cleanup.policy"), SLICE("no.such")};
    config_describe_topic(config, NULL, (struct config_pairs){0}, names, 2, &arena, &entries);
    assert_int_equal(entries.count, 1);
}

static void broker_entries_follow_kafka(void **state)
{
    (void)state;
    const struct config *config = build(arena_printf(&arena, "%sssl.keystore.password=secret\nmy.plugin=x\n", minimal));
    struct config_dynamic dynamic = {
        .broker = PAIRS(PAIR("max.connections", "500"), PAIR("listener.name.plaintext.max.connections", "77")),
        .cluster = PAIRS(PAIR("log.cleaner.threads", "2")),
    };
    struct config_entries entries;
    config_describe_broker(config, &dynamic, NULL, 0, &arena, &entries);
    assert_string_equal(
        find_line(entries, "listener.name.plaintext.max.connections"),
        "x\tlistener.name.plaintext.max.connections\t77\tDYNAMIC_BROKER_CONFIG\tINT\tro\tplain\t"
        "DYNAMIC_BROKER_CONFIG:listener.name.plaintext.max.connections=77;DYNAMIC_BROKER_CONFIG:max.connections=500;"
        "DEFAULT_CONFIG:max.connections=2147483647");
    assert_string_equal(find_line(entries, "log.cleaner.threads"),
                        "x\tlog.cleaner.threads\t2\tDYNAMIC_DEFAULT_BROKER_CONFIG\tINT\trw\tplain\t"
                        "DYNAMIC_DEFAULT_BROKER_CONFIG:log.cleaner.threads=2;DEFAULT_CONFIG:log.cleaner.threads=1");
    assert_string_equal(find_line(entries, "broker.id"),
                        "x\tbroker.id\t1\tSTATIC_BROKER_CONFIG\tINT\tro\tplain\tSTATIC_BROKER_CONFIG:broker.id=1;"
                        "DEFAULT_CONFIG:broker.id=-1");
    assert_string_equal(find_line(entries, "ssl.keystore.password"),
                        "x\tssl.keystore.password\t<null>\tSTATIC_BROKER_CONFIG\tPASSWORD\trw\tsensitive\t"
                        "STATIC_BROKER_CONFIG:ssl.keystore.password=<null>");
    assert_string_equal(
        find_line(entries, "my.plugin"),
        "x\tmy.plugin\t<null>\tSTATIC_BROKER_CONFIG\tUNKNOWN\tro\tsensitive\tSTATIC_BROKER_CONFIG:my.plugin=<null>");
    assert_string_equal(
        find_line(entries, "log.cleaner.io.max.bytes.per.second"),
        "x\tlog.cleaner.io.max.bytes.per.second\t1.7976931348623157E308\tDEFAULT_CONFIG\tDOUBLE\trw\tplain\t"
        "DEFAULT_CONFIG:log.cleaner.io.max.bytes.per.second=1.7976931348623157E308");
    config_describe_cluster(&dynamic, NULL, 0, &arena, &entries);
    assert_int_equal(entries.count, 1);
    assert_string_equal(line("x", &entries.items[0]),
                        "x\tlog.cleaner.threads\t2\tDYNAMIC_DEFAULT_BROKER_CONFIG\tINT\trw\tplain\t"
                        "DYNAMIC_DEFAULT_BROKER_CONFIG:log.cleaner.threads=2");
}

// ---- as a tool -------------------------------------------------------------------------------------------------

static void print_all(const char *resource, struct config_entries entries)
{
    for (size_t i = 0; i < entries.count; i++)
        if (strncmp(entries.items[i].name, "odradek.", 8) != 0) puts(line(resource, &entries.items[i]));
}

static int describe(int count, char **args)
{
    FILE *file = fopen(args[1], "r");
    if (file == NULL) return 1;
    char *text = arena_alloc(&arena, 1 << 16);
    size_t size = fread(text, 1, (1 << 16) - 1, file);
    fclose(file);
    text[size] = '\0';
    const struct config *config = build(text);
    if (config == NULL) return 1;
    struct config_pair pairs[3][32];
    struct config_pairs lists[3] = {{.items = pairs[0]}, {.items = pairs[1]}, {.items = pairs[2]}};
    static const char *const kinds[] = {"topic", "broker", "cluster"};
    for (int i = 2; i < count; i++)
        for (int kind = 0; kind < 3; kind++) {
            size_t prefix = strlen(kinds[kind]);
            if (strncmp(args[i], kinds[kind], prefix) != 0 || args[i][prefix] != ':') continue;
            const char *name = args[i] + prefix + 1;
            const char *equals = strchr(name, '=');
            if (equals == NULL || lists[kind].count == 32) return 1;
            pairs[kind][lists[kind].count++] =
                (struct config_pair){slice_of(name, (size_t)(equals - name)), slice_str(equals + 1)};
        }
    struct config_dynamic dynamic = {.broker = lists[1], .cluster = lists[2]};
    struct config_entries entries;
    config_describe_topic(config, &dynamic, lists[0], NULL, 0, &arena, &entries);
    print_all("topic", entries);
    config_describe_broker(config, &dynamic, NULL, 0, &arena, &entries);
    print_all("broker", entries);
    config_describe_cluster(&dynamic, NULL, 0, &arena, &entries);
    print_all("cluster", entries);
    arena_deinit(&arena);
    return 0;
}

static int free_arena(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(int count, char **args)
{
    if (count > 1) return describe(count, args);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(topic_entries_follow_kafka, free_arena),
        cmocka_unit_test_teardown(broker_entries_follow_kafka, free_arena),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
