// SPDX-License-Identifier: Apache-2.0
// Sentences and codes are what Apache Kafka 4.3.1 answered to the same changes.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "config/alter.h"
#include "config/describe.h"

static struct arena arena;

static const struct config *node(void)
{
    const struct config *config = NULL;
    struct config_report report;
    assert_int_equal(config_build(&(struct config_sources){0}, &arena, &config, &report), OK);
    return config;
}

// "k=v" set, "+k=v" append, "-k=v" subtract, "!k" delete.
static struct config_change change_of(const char *text)
{
    static const char signs[] = {
        [CONFIG_SET] = '=', [CONFIG_DELETE] = '!', [CONFIG_APPEND] = '+', [CONFIG_SUBTRACT] = '-'};
    struct config_change change = {.operation = CONFIG_SET};
    for (int8_t i = CONFIG_DELETE; i <= CONFIG_SUBTRACT; i++)
        if (text[0] == signs[i]) change.operation = i;
    const char *name = text + (change.operation != CONFIG_SET);
    const char *equals = strchr(name, '=');
    change.name = slice_of(name, equals == NULL ? strlen(name) : (size_t)(equals - name));
    if (equals != NULL) change.value = slice_str(equals + 1);
    return change;
}

static void expect(bool is_broker, const char *text, enum err code, const char *sentence)
{
    struct config_change change = change_of(text);
    const char *why = NULL;
    enum err e =
        config_check_broker_changes(node(), NULL, is_broker, (struct config_pairs){0}, &change, 1, &arena, &why);
    if (e != code || (sentence != NULL && strcmp(sentence, why) != 0))
        fail_msg("%s: %s, %s", text, err_name(e), why == NULL ? "no sentence" : why);
}

static void broker_changes_are_judged_as_kafka_judges_them(void **state)
{
    (void)state;
    static const struct {
        const char *change;
        enum err code;
        const char *sentence;
    } cases[] = {
        {"log.retention.ms=12345", OK, NULL},
        {"log.retention.ms=-7", OK, NULL},
        {"num.io.threads=8", OK, NULL},
        {"!log.dirs", OK, NULL},
        {"foo=bar", OK, NULL}, // a plug-in's
        {"!foo", OK, NULL},
        {"listener.name.plaintext.max.connections=100", OK, NULL},
        {"listener.name.plaintext.ssl.keystore.location=/x", OK, NULL},
        {"+log.cleanup.policy=compact", OK, NULL},
        {"max.connections.per.ip.overrides=127.0.0.1:5", OK, NULL},
        {"log.dirs=/x", ERR_INVALID_REQUEST, "Cannot update these configs dynamically: [log.dirs]"},
        {"log.retention.hours=1", ERR_INVALID_REQUEST,
         "Cannot update these configs dynamically: [log.retention.hours]"},
        {"ssl.keystore.location=/x", ERR_INVALID_REQUEST,
         "These security configs can be dynamically updated only per-listener using the listener prefix: "
         "[ssl.keystore.location]"},
        {"num.io.threads=x", ERR_INVALID_REQUEST,
         "Invalid value x for configuration num.io.threads: Not a number of type INT"},
        {"log.segment.bytes=5", ERR_INVALID_REQUEST,
         "Invalid value 5 for configuration log.segment.bytes: Value must be at least 1048576"},
        {"num.io.threads=100", ERR_INVALID_REQUEST,
         "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update validation failed "
         "for num.io.threads=100, value should not be greater than double the current value 8 for configuration "
         "Invalid dynamic configuration"},
        {"num.io.threads=1", ERR_INVALID_REQUEST,
         "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count update validation failed "
         "for num.io.threads=1, value should be at least half the current value 8 for configuration Invalid dynamic "
         "configuration"},
        {"log.retention.ms=0", ERR_INVALID_REQUEST,
         "requirement failed: log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
        {"log.cleaner.threads=200", ERR_INVALID_REQUEST,
         "requirement failed: log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."},
        {"max.connections.per.ip=0", ERR_INVALID_REQUEST,
         "requirement failed: max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides "
         "property is set."},
        {"max.connections.per.ip.overrides=foo", ERR_INVALID_REQUEST,
         "Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, end -1, length 3"},
        {"principal.builder.class=x", ERR_INVALID_REQUEST,
         "Invalid value x for configuration principal.builder.class: Class x could not be found."},
        {"cordoned.log.dirs=/x", ERR_INVALID_REQUEST,
         "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries "
         ": /x"},
        {"+foo=bar", ERR_INVALID_CONFIG, "Unknown config name: foo"},
        {"+num.io.threads=3", ERR_INVALID_CONFIG, "Config value append is not allowed for config key: num.io.threads"},
        {"-num.io.threads=3", ERR_INVALID_CONFIG,
         "Config value subtract is not allowed for config key: num.io.threads"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) expect(true, cases[i].change, cases[i].code, cases[i].sentence);
}

static void clusters_default_takes_no_keys_of_one_broker(void **state)
{
    (void)state;
    expect(false, "log.retention.ms=777", OK, NULL);
    expect(false, "listener.name.plaintext.max.connections=100", OK, NULL);
    expect(false, "listeners=PLAINTEXT://:9999", ERR_INVALID_REQUEST,
           "Cannot update these configs at default cluster level, broker id must be specified: [listeners]");
    expect(false, "listener.name.plaintext.ssl.keystore.location=/x", ERR_INVALID_REQUEST,
           "Cannot update these configs at default cluster level, broker id must be specified: "
           "[listener.name.plaintext.ssl.keystore.location]");
}

static struct config_pairs one(const char *name, const char *value)
{
    struct config_pair *pair = ARENA_NEW(&arena, struct config_pair);
    *pair = (struct config_pair){slice_str(name), slice_str(value)};
    return (struct config_pairs){pair, 1};
}

static void groups_stay_within_the_brokers_bounds(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"consumer.session.timeout.ms", "50000", NULL},
        {"share.auto.offset.reset", "by_duration:PT1H", NULL},
        {"consumer.session.timeout.ms", "10",
         "consumer.session.timeout.ms must be greater than or equal to group.consumer.min.session.timeout.ms"},
        {"consumer.heartbeat.interval.ms", "20000",
         "consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms"},
        {"streams.num.standby.replicas", "10",
         "streams.num.standby.replicas must be less than or equal to group.streams.max.standby.replicas"},
        {"share.record.lock.duration.ms", "100",
         "Invalid value 100 for configuration share.record.lock.duration.ms: Value must be at least 1000"},
        {"foo", "10", "Unknown group config name: foo"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *why = NULL;
        enum err e = config_check_group(node(), NULL, one(cases[i][0], cases[i][1]), &arena, &why);
        assert_int_equal(e, cases[i][2] == NULL ? OK : ERR_INVALID_CONFIG);
        if (cases[i][2] != NULL) assert_string_equal(why, cases[i][2]);
    }
}

static void subscriptions_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
        enum err code;
        const char *sentence;
    } cases[] = {
        {"match", "client_id=foo.*", OK, NULL},
        {"interval.ms", "100", OK, NULL},
        {"interval.ms", "10", ERR_INVALID_REQUEST,
         "Invalid value 10 for interval.ms, interval must be between 100 and 3600000 (1 hour)"},
        {"interval.ms", "x", ERR_INVALID_CONFIG,
         "Invalid value x for configuration interval.ms: Not a number of type INT"},
        {"match", "foo", ERR_INVALID_CONFIG, "Illegal client matching pattern: foo"},
        {"match", "foo=bar", ERR_INVALID_CONFIG, "Illegal client matching pattern: foo=bar"},
        {"match", "client_id=[", ERR_INVALID_CONFIG, "Illegal client matching pattern: client_id=["},
        {"foo", "bar", ERR_INVALID_REQUEST, "Unknown client metrics configuration: foo"},
    };
    const char *why = NULL;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        enum err e = config_check_client_metrics(SLICE("m"), one(cases[i].name, cases[i].value), &arena, &why);
        assert_int_equal(e, cases[i].code);
        if (cases[i].sentence != NULL) assert_string_equal(why, cases[i].sentence);
    }
    assert_int_equal(config_check_client_metrics(SLICE(""), (struct config_pairs){0}, &arena, &why),
                     ERR_INVALID_REQUEST);
}

static void lists_grow_and_shrink_by_items(void **state)
{
    (void)state;
    const struct config_key *key = config_key_find(CONFIG_TOPIC, SLICE("cleanup.policy"));
    static const struct {
        const char *old;
        enum config_operation operation;
        const char *operand;
        const char *result;
    } cases[] = {
        {NULL, CONFIG_APPEND, "compact", "delete,compact"}, // on top of the default
        {"compact", CONFIG_APPEND, "delete", "compact,delete"},
        {"compact,delete", CONFIG_APPEND, "delete,compact", "compact,delete"},
        {"compact,delete", CONFIG_SUBTRACT, "compact", "delete"},
        {NULL, CONFIG_SUBTRACT, "delete", ""},
        {"", CONFIG_SUBTRACT, "delete", ""},
        {"", CONFIG_APPEND, "delete", "delete"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice result =
            config_list_changed(key, slice_str(cases[i].old), slice_str(cases[i].operand), cases[i].operation, &arena);
        assert_string_equal(arena_str(&arena, result), cases[i].result);
    }
}

static const struct config_entry *entry_of(const struct config_entries *entries, const char *name)
{
    for (size_t i = 0; i < entries->count; i++)
        if (strcmp(entries->items[i].name, name) == 0) return &entries->items[i];
    fail_msg("%s is not described", name);
    return NULL;
}

static void groups_are_described_with_the_brokers_keys_behind(void **state)
{
    (void)state;
    struct config_entries entries;
    config_describe_group(node(), NULL, one("consumer.session.timeout.ms", "50000"), NULL, 0, &arena, &entries);
    const struct config_entry *own = entry_of(&entries, "consumer.session.timeout.ms");
    assert_string_equal(own->value, "50000");
    assert_int_equal(own->source, CONFIG_SOURCE_GROUP);
    assert_int_equal(own->synonym_count, 2);
    assert_string_equal(own->synonyms[1].name, "group.consumer.session.timeout.ms");
    const struct config_entry *other = entry_of(&entries, "share.isolation.level");
    assert_string_equal(other->value, "read_uncommitted");
    assert_int_equal(other->source, CONFIG_SOURCE_DEFAULT);
    assert_string_equal(other->synonyms[0].name, "share.isolation.level");

    config_describe_client_metrics((struct config_pairs){0}, NULL, 0, &arena, &entries);
    assert_int_equal(entries.count, 3);
    assert_int_equal(entry_of(&entries, "interval.ms")->synonym_count, 0);
}

static void every_public_key_is_documented_in_order(void **state)
{
    (void)state;
    static const enum config_resource resources[] = {CONFIG_TOPIC, CONFIG_BROKER, CONFIG_CLIENT_METRICS, CONFIG_GROUP};
    for (size_t i = 0; i < COUNT_OF(resources); i++)
        for (const struct config_key *key = NULL; (key = config_key_next(resources[i], key)) != NULL;) {
            const char *text = config_documentation(resources[i], key->name);
            assert_non_null(text);
            bool is_oauth = strncmp(key->name, "sasl.oauthbearer.assertion.", 27) == 0;
            if (text[0] == '\0' && !key->is_internal && !is_oauth) fail_msg("%s has no documentation", key->name);
        }
    assert_null(config_documentation(CONFIG_TOPIC, "nonsense"));
}

static int free_arena(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broker_changes_are_judged_as_kafka_judges_them),
        cmocka_unit_test(clusters_default_takes_no_keys_of_one_broker),
        cmocka_unit_test(groups_stay_within_the_brokers_bounds),
        cmocka_unit_test(subscriptions_are_checked),
        cmocka_unit_test(lists_grow_and_shrink_by_items),
        cmocka_unit_test(groups_are_described_with_the_brokers_keys_behind),
        cmocka_unit_test(every_public_key_is_documented_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, free_arena);
}
