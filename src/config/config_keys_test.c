// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/config.h"

static struct arena arena;

static const enum config_resource resources[] = {CONFIG_QUOTA, CONFIG_TOPIC, CONFIG_BROKER, CONFIG_CLIENT_METRICS,
                                                 CONFIG_GROUP};

static void table_is_sorted_and_its_defaults_are_valid(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(resources); i++) {
        const char *before = "";
        size_t count = 0;
        for (const struct config_key *key = NULL; (key = config_key_next(resources[i], key)) != NULL; count++) {
            assert_true(slice_cmp(slice_str(before), slice_str(key->name)) < 0);
            assert_ptr_equal(config_key_find(resources[i], slice_str(key->name)), key);
            const char *why = NULL;
            if (key->value != NULL && config_key_check(key, slice_str(key->value), &arena, &why) != OK)
                fail_msg("%s", why);
            before = key->name;
        }
        assert_true(count > 0);
    }
    assert_null(config_key_find(CONFIG_TOPIC, SLICE("log.dirs")));
    assert_null(config_key_find(CONFIG_GROUP, SLICE("zzz")));
    assert_null(config_key_find(CONFIG_BROKER_LOGGER, SLICE("kafka")));
    assert_null(config_key_next(CONFIG_BROKER_LOGGER, NULL));
    arena_deinit(&arena);
}

static void a_slip_finds_the_key_meant(void **state)
{
    (void)state;
    assert_string_equal(config_key_nearest(CONFIG_TOPIC, SLICE("retention.mss")), "retention.ms");
    assert_string_equal(config_key_nearest(CONFIG_BROKER, SLICE("log.dris")), "log.dirs");
    assert_string_equal(config_key_nearest(CONFIG_BROKER, SLICE("log.retention.hour")), "log.retention.hours");
    assert_string_equal(config_key_nearest(CONFIG_BROKER, SLICE("listners")), "listeners");
    assert_null(config_key_nearest(CONFIG_BROKER, SLICE("confluent.license.topic")));
    assert_null(config_key_nearest(CONFIG_BROKER, SLICE("")));
}

struct refusal {
    enum config_resource resource;
    const char *name;
    const char *value;
    const char *why; // NULL: accepted
};

// The texts are Apache Kafka 4.3.1's.
static const struct refusal refusals[] = {
    {CONFIG_TOPIC, "retention.ms", "abc",
     "Invalid value abc for configuration retention.ms: Not a number of type LONG"},
    {CONFIG_TOPIC, "retention.ms", "", "Invalid value  for configuration retention.ms: Not a number of type LONG"},
    {CONFIG_TOPIC, "retention.ms", " 5 ", NULL},
    {CONFIG_TOPIC, "retention.ms", "+5", NULL},
    {CONFIG_TOPIC, "retention.ms", "-2", "Invalid value -2 for configuration retention.ms: Value must be at least -1"},
    {CONFIG_TOPIC, "retention.ms", "9223372036854775807", NULL},
    {CONFIG_TOPIC, "retention.ms", "9223372036854775808",
     "Invalid value 9223372036854775808 for configuration retention.ms: Not a number of type LONG"},
    {CONFIG_TOPIC, "retention.bytes", "-9223372036854775808", NULL},
    {CONFIG_TOPIC, "segment.bytes", "1.5",
     "Invalid value 1.5 for configuration segment.bytes: Not a number of type INT"},
    {CONFIG_TOPIC, "segment.bytes", "2147483648",
     "Invalid value 2147483648 for configuration segment.bytes: Not a number of type INT"},
    {CONFIG_TOPIC, "segment.bytes", "5",
     "Invalid value 5 for configuration segment.bytes: Value must be at least 1048576"},
    {CONFIG_TOPIC, "cleanup.policy", "foo",
     "Invalid value foo for configuration cleanup.policy: String must be one of: compact, delete"},
    {CONFIG_TOPIC, "cleanup.policy", "delete,", "Configuration 'cleanup.policy' values must not be empty."},
    {CONFIG_TOPIC, "cleanup.policy", "", NULL},
    {CONFIG_TOPIC, "cleanup.policy", "compact , delete", NULL},
    {CONFIG_TOPIC, "cleanup.policy", "delete,delete", NULL},
    {CONFIG_TOPIC, "compression.type", "foo",
     "Invalid value foo for configuration compression.type: String must be one of: uncompressed, zstd, lz4, snappy, "
     "gzip, producer"},
    {CONFIG_TOPIC, "compression.gzip.level", "0",
     "Invalid value 0 for configuration compression.gzip.level: Value must be between 1 and 9 or equal to -1"},
    {CONFIG_TOPIC, "compression.zstd.level", "23",
     "Invalid value 23 for configuration compression.zstd.level: Value must be no more than 22"},
    {CONFIG_TOPIC, "preallocate", "yes",
     "Invalid value yes for configuration preallocate: Expected value to be either true or false"},
    {CONFIG_TOPIC, "preallocate", "TRUE", NULL},
    {CONFIG_TOPIC, "min.cleanable.dirty.ratio", "x",
     "Invalid value x for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"},
    {CONFIG_TOPIC, "min.cleanable.dirty.ratio", "1.5",
     "Invalid value 1.5 for configuration min.cleanable.dirty.ratio: Value must be no more than 1"},
    {CONFIG_TOPIC, "min.cleanable.dirty.ratio", "0.5d", NULL},
    {CONFIG_TOPIC, "min.cleanable.dirty.ratio", "0x1p-1",
     "Invalid value 0x1p-1 for configuration min.cleanable.dirty.ratio: Not a number of type DOUBLE"},
    {CONFIG_TOPIC, "leader.replication.throttled.replicas", "a:b",
     "Invalid value [a:b] for configuration leader.replication.throttled.replicas: "
     "leader.replication.throttled.replicas must be the literal '*' or a list of replicas in the following format: "
     "[partitionId]:[brokerId],[partitionId]:[brokerId],..."},
    {CONFIG_TOPIC, "leader.replication.throttled.replicas", "*", NULL},
    {CONFIG_TOPIC, "leader.replication.throttled.replicas", "1:2,3:4", NULL},
    {CONFIG_TOPIC, "odradek.durability", "maybe",
     "Invalid value maybe for configuration odradek.durability: String must be one of: commit, page-cache"},
    {CONFIG_BROKER, "group.consumer.migration.policy", "x",
     "Invalid value x for configuration group.consumer.migration.policy: String must be one of (case insensitive): "
     "DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL"},
    {CONFIG_BROKER, "group.consumer.migration.policy", "Downgrade", NULL},
    {CONFIG_BROKER, "offsets.topic.replication.factor", "70000",
     "Invalid value 70000 for configuration offsets.topic.replication.factor: Not a number of type SHORT"},
    {CONFIG_BROKER, "process.roles", "",
     "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]"},
    {CONFIG_BROKER, "listeners", "",
     "Configuration 'listeners' must not be empty. Valid values include: any non-empty value"},
    {CONFIG_BROKER, "remote.log.storage.manager.impl.prefix", "",
     "Invalid value  for configuration remote.log.storage.manager.impl.prefix: String must be non-empty"},
    {CONFIG_GROUP, "share.auto.offset.reset", "by_duration:P1DT2H3M4.5S", NULL},
    {CONFIG_GROUP, "share.auto.offset.reset", "by_duration:PT1H", NULL},
    {CONFIG_GROUP, "share.auto.offset.reset", "",
     "Invalid value  for configuration share.auto.offset.reset: Invalid value `` for configuration "
     "share.auto.offset.reset. The value must be either 'earliest', 'latest' or of the format "
     "'by_duration:<PnDTnHnMn.nS>'."},
};

static void values_are_checked_with_kafkas_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(refusals); i++) {
        const char *why = NULL;
        const struct config_key *key = config_key_find(refusals[i].resource, slice_str(refusals[i].name));
        assert_non_null(key);
        enum err err = config_key_check(key, slice_str(refusals[i].value), &arena, &why);
        if (refusals[i].why == NULL) {
            if (err != OK) fail_msg("%s", why);
        } else {
            assert_int_equal(err, ERR_INVALID);
            assert_string_equal(why, refusals[i].why);
        }
    }
    static const char *const durations[] = {"by_duration:",    "by_duration:P",      "by_duration:PT",
                                            "by_duration:P1H", "by_duration:PT1D",   "by_duration:PTS",
                                            "by_duration:PT1", "by_duration:PT1S1M", "duration:PT1S"};
    const struct config_key *reset = config_key_find(CONFIG_GROUP, SLICE("share.auto.offset.reset"));
    for (size_t i = 0; i < COUNT_OF(durations); i++) {
        const char *why = NULL;
        if (config_key_check(reset, slice_str(durations[i]), &arena, &why) == OK) fail_msg("%s", durations[i]);
    }
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_sorted_and_its_defaults_are_valid),
        cmocka_unit_test(a_slip_finds_the_key_meant),
        cmocka_unit_test(values_are_checked_with_kafkas_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
