// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/topic.h"

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static const struct config *build(const char *lines)
{
    const struct config *config = NULL;
    struct config_report report;
    const char *file =
        arena_printf(&arena,
                     "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                     "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.voters=1@localhost:9093\n%s",
                     lines);
    if (config_build(&(struct config_sources){.file = slice_str(file)}, &arena, &config, &report) != OK)
        fail_msg("%s", report.error);
    return config;
}

#define PAIRS(...)                                                                                                     \
    ((struct config_pairs){.items = (const struct config_pair[]){__VA_ARGS__},                                         \
                           .count = sizeof((const struct config_pair[]){__VA_ARGS__}) / sizeof(struct config_pair)})
#define PAIR(name_, value_)                                                                                            \
    {                                                                                                                  \
        .name = SLICE(name_), .value = SLICE(value_)                                                                   \
    }
#define NO_PAIRS ((struct config_pairs){0})

static void defaults_are_kafkas(void **state)
{
    (void)state;
    struct topic_config topic;
    topic_config_resolve(build(""), NULL, NO_PAIRS, &topic);
    assert_int_equal(topic.segment_bytes, 1 << 30);
    assert_int_equal(topic.segment_ms, 604800000);
    assert_int_equal(topic.segment_jitter_ms, 0);
    assert_int_equal(topic.segment_index_bytes, 10485760);
    assert_int_equal(topic.index_interval_bytes, 4096);
    assert_int_equal(topic.retention_ms, 604800000);
    assert_int_equal(topic.retention_bytes, -1);
    assert_int_equal(topic.flush_messages, INT64_MAX);
    assert_int_equal(topic.flush_ms, INT64_MAX);
    assert_int_equal(topic.max_message_bytes, 1048588);
    assert_int_equal(topic.compression, TOPIC_COMPRESSION_PRODUCER);
    assert_int_equal(topic.gzip_level, -1);
    assert_int_equal(topic.lz4_level, 9);
    assert_int_equal(topic.zstd_level, 3);
    assert_int_equal(topic.timestamp_type, TOPIC_TIMESTAMP_CREATE);
    assert_int_equal(topic.timestamp_before_max_ms, INT64_MAX);
    assert_int_equal(topic.timestamp_after_max_ms, 3600000);
    assert_int_equal(topic.min_insync_replicas, 1);
    assert_true(topic.cleanup_delete && !topic.cleanup_compact);
    assert_false(topic.preallocate || topic.unclean_leader_election || topic.remote_storage_enable);
    assert_int_equal(topic.local_retention_ms, 604800000);
    assert_int_equal(topic.local_retention_bytes, -1);
    assert_int_equal(topic.file_delete_delay_ms, 60000);
    assert_int_equal(topic.durability, DURABILITY_COMMIT);
    assert_true(topic.min_cleanable_dirty_ratio == 0.5);
}

static void each_layer_covers_the_one_below(void **state)
{
    (void)state;
    const struct config *config =
        build("log.retention.hours=2\nlog.roll.hours=3\nmin.insync.replicas=2\nodradek.durability=page-cache\n");
    struct config_dynamic dynamic = {.broker = PAIRS(PAIR("log.roll.ms", "5000")),
                                     .cluster =
                                         PAIRS(PAIR("log.roll.ms", "6000"), PAIR("log.retention.ms", "7000"),
                                               PAIR("min.insync.replicas", "3"), PAIR("log.cleaner.threads", "x"))};
    struct topic_config topic;
    topic_config_resolve(config, NULL, NO_PAIRS, &topic);
    assert_int_equal(topic.retention_ms, 7200000);
    assert_int_equal(topic.segment_ms, 10800000);
    assert_int_equal(topic.min_insync_replicas, 2);
    assert_int_equal(topic.durability, DURABILITY_PAGE_CACHE);
    topic_config_resolve(config, &dynamic, NO_PAIRS, &topic);
    assert_int_equal(topic.segment_ms, 5000);
    assert_int_equal(topic.retention_ms, 7000);
    assert_int_equal(topic.min_insync_replicas, 3);
    struct config_pairs overrides = PAIRS(
        PAIR("retention.ms", "-1"), PAIR("segment.ms", "1"), PAIR("segment.ms", "9"),
        PAIR("cleanup.policy", "compact,delete"), PAIR("odradek.durability", "commit"),
        PAIR("compression.type", "zstd"), PAIR("message.timestamp.type", "LogAppendTime"),
        PAIR("min.insync.replicas", "no number"), PAIR("from.the.future", "1"), PAIR("internal.segment.bytes", "500"));
    topic_config_resolve(config, &dynamic, overrides, &topic);
    assert_int_equal(topic.retention_ms, -1);
    assert_int_equal(topic.segment_ms, 9); // the last one
    assert_true(topic.cleanup_delete && topic.cleanup_compact);
    assert_int_equal(topic.durability, DURABILITY_COMMIT);
    assert_int_equal(topic.compression, TOPIC_COMPRESSION_ZSTD);
    assert_int_equal(topic.timestamp_type, TOPIC_TIMESTAMP_LOG_APPEND);
    assert_int_equal(topic.min_insync_replicas, 3); // what does not read counts as absent
    assert_int_equal(topic.segment_bytes, 500);
}

// What the broker says of rolls and retention, in Kafka's units; the smaller unit goes first where there are several.
static void rolls_and_retention_have_many_names(void **state)
{
    (void)state;
    struct topic_config topic;
    topic_config_resolve(build("log.roll.jitter.hours=2\nlog.retention.minutes=3\nlog.retention.bytes=-1\n"
                               "log.segment.delete.delay.ms=7\nlog.index.size.max.bytes=4096\n"),
                         NULL, NO_PAIRS, &topic);
    assert_int_equal(topic.segment_jitter_ms, 2 * 3600000);
    assert_int_equal(topic.retention_ms, 3 * 60000);
    assert_int_equal(topic.retention_bytes, -1);
    assert_int_equal(topic.file_delete_delay_ms, 7);
    assert_int_equal(topic.segment_index_bytes, 4096);
    const struct config *config =
        build("log.roll.hours=1\nlog.roll.ms=11\nlog.roll.jitter.hours=1\nlog.roll.jitter.ms=12\n"
              "log.retention.hours=1\nlog.retention.minutes=1\nlog.retention.ms=-1\nlog.retention.bytes=99\n");
    topic_config_resolve(config, NULL, NO_PAIRS, &topic);
    assert_int_equal(topic.segment_ms, 11);
    assert_int_equal(topic.segment_jitter_ms, 12);
    assert_int_equal(topic.retention_ms, -1);
    assert_int_equal(topic.retention_bytes, 99);
    struct config_dynamic dynamic = {
        .cluster = PAIRS(PAIR("log.retention.ms", "5"), PAIR("log.retention.bytes", "-1"),
                         PAIR("log.segment.delete.delay.ms", "8"), PAIR("log.roll.jitter.ms", "9"))};
    topic_config_resolve(config, &dynamic, NO_PAIRS, &topic);
    assert_int_equal(topic.retention_ms, 5);
    assert_int_equal(topic.retention_bytes, -1);
    assert_int_equal(topic.file_delete_delay_ms, 8);
    assert_int_equal(topic.segment_jitter_ms, 9);
}

static void check(const struct config *config, struct config_pairs overrides, const char *expected)
{
    const char *why = NULL;
    enum err err = topic_config_check(config, NULL, overrides, &arena, &why);
    if (expected == NULL) {
        if (err != OK) fail_msg("%s", why);
        return;
    }
    assert_int_equal(err, ERR_INVALID_CONFIG);
    assert_string_equal(why, expected);
}

static void overrides_are_refused_with_kafkas_words(void **state)
{
    (void)state;
    const struct config *config = build("");
    check(config, NO_PAIRS, NULL);
    check(config, PAIRS(PAIR("retention.ms", "1000"), PAIR("cleanup.policy", "compact")), NULL);
    check(config, PAIRS(PAIR("segment.ms", "x"), PAIR("retention.mss", "1")),
          "Unknown topic config name: retention.mss");
    check(config, PAIRS(PAIR("log.retention.ms", "1")), "Unknown topic config name: log.retention.ms");
    check(config, PAIRS(PAIR("retention.ms", "abc")),
          "Invalid value abc for configuration retention.ms: Not a number of type LONG");
    check(config, PAIRS(PAIR("min.compaction.lag.ms", "10"), PAIR("max.compaction.lag.ms", "5")),
          "conflict topic config setting min.compaction.lag.ms (10) > max.compaction.lag.ms (5)");
    check(
        config, PAIRS(PAIR("remote.storage.enable", "true")),
        "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log storage.");
    check(config, PAIRS({.name = SLICE("retention.ms"), .value = {0}}), NULL); // taken away

    const struct config *tiered = build("remote.log.storage.system.enable=true\n");
    check(tiered, PAIRS(PAIR("remote.storage.enable", "true")), NULL);
    check(tiered, PAIRS(PAIR("remote.storage.enable", "true"), PAIR("cleanup.policy", "compact")),
          "Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty list.");
    check(tiered,
          PAIRS(PAIR("remote.storage.enable", "true"), PAIR("retention.ms", "5"), PAIR("local.retention.ms", "10")),
          "Invalid value 10 for configuration local.retention.ms: Value must not be more than retention.ms property "
          "value: 5");
    check(
        tiered,
        PAIRS(PAIR("remote.storage.enable", "true"), PAIR("retention.bytes", "5"), PAIR("local.retention.bytes", "-1")),
        "Invalid value -1 for configuration local.retention.bytes: Value must not be -1 as retention.bytes value is "
        "set as 5.");
    check(tiered,
          PAIRS(PAIR("remote.storage.enable", "true"), PAIR("remote.log.copy.disable", "true"),
                PAIR("retention.ms", "5"), PAIR("local.retention.ms", "4")),
          "When `remote.log.copy.disable` is set to true, the `local.retention.ms` and `retention.ms` must be set to "
          "the identical value because there will be no more logs copied to the remote storage.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(defaults_are_kafkas, teardown),
        cmocka_unit_test_teardown(each_layer_covers_the_one_below, teardown),
        cmocka_unit_test_teardown(rolls_and_retention_have_many_names, teardown),
        cmocka_unit_test_teardown(overrides_are_refused_with_kafkas_words, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
