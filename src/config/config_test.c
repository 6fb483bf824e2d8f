// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "config/config.h"

static struct arena arena;
static struct config_report report;

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static const struct config *build(const char *file)
{
    const struct config *config = NULL;
    enum err err = config_build(&(struct config_sources){.file = slice_str(file)}, &arena, &config, &report);
    assert_int_equal(err == OK, config != NULL);
    assert_int_equal(err == OK, report.error == NULL);
    return config;
}

static const struct config *build_ok(const char *file)
{
    const struct config *config = build(file);
    if (config == NULL) fail_msg("%s", report.error);
    return config;
}

static bool is_warned(const char *text)
{
    for (size_t i = 0; i < report.warning_count; i++)
        if (strcmp(report.warnings[i], text) == 0) return true;
    return false;
}

// What config/server.properties of the Kafka 4.3 distribution sets.
static const char shipped[] =
    "# comment\nprocess.roles=broker,controller\nnode.id=1\ncontroller.quorum.bootstrap.servers=localhost:9093\n"
    "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ninter.broker.listener.name=PLAINTEXT\n"
    "advertised.listeners=PLAINTEXT://localhost:9092,CONTROLLER://"
    "localhost:9093\ncontroller.listener.names=CONTROLLER\n"
    "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_PLAINTEXT:SASL_PLAINTEXT,"
    "SASL_SSL:SASL_SSL\n"
    "num.network.threads=3\nnum.io.threads=8\nsocket.send.buffer.bytes=102400\nsocket.receive.buffer.bytes=102400\n"
    "socket.request.max.bytes=104857600\nlog.dirs=/tmp/kraft-combined-logs\nnum.partitions=1\n"
    "num.recovery.threads.per.data.dir=1\noffsets.topic.replication.factor=1\nshare.coordinator.state.topic."
    "replication.factor=1\n"
    "share.coordinator.state.topic.min.isr=1\ntransaction.state.log.replication.factor=1\ntransaction.state.log.min."
    "isr=1\n"
    "log.retention.hours=168\nlog.segment.bytes=1073741824\nlog.retention.check.interval.ms=300000\n";

static void the_shipped_file_is_accepted(void **state)
{
    (void)state;
    const struct config *config = build_ok(shipped);
    assert_int_equal(config_node_id(config), 1);
    assert_true(config_is_broker(config) && config_is_controller(config));
    assert_string_equal(config_log_dirs(config).items[0], "/tmp/kraft-combined-logs");
    assert_string_equal(config_metadata_log_dir(config), "/tmp/kraft-combined-logs");
    struct config_listeners listeners = config_get_listeners(config);
    assert_int_equal(listeners.count, 2);
    const struct config_listener *plain = &listeners.items[0];
    assert_string_equal(plain->name, "PLAINTEXT");
    assert_string_equal(plain->host, "");
    assert_int_equal(plain->port, 9092);
    assert_int_equal(plain->protocol, PROTOCOL_PLAINTEXT);
    assert_string_equal(plain->advertised_host, "localhost");
    assert_true(!plain->is_controller && plain->is_inter_broker);
    assert_true(listeners.items[1].is_controller && !listeners.items[1].is_inter_broker);
    assert_int_equal(config_bootstrap_servers(config).items[0].port, 9093);
    assert_int_equal(config_retention_ms(config), 168 * 3600000LL);
    assert_int_equal(report.warning_count, 1); // one line for all keys without effect
    assert_memory_equal(report.warnings[0], "accepted, but without effect in this build: ", 44);
    assert_non_null(strstr(report.warnings[0], "num.network.threads, num.io.threads"));
}

static void no_file_makes_a_node_of_its_own(void **state)
{
    (void)state;
    const struct config *config = NULL;
    const char *overrides[] = {"listeners=PLAINTEXT://127.0.0.1:19120,CONTROLLER://127.0.0.1:19121"};
    struct config_sources sources = {.default_log_dir = "./data", .overrides = overrides, .override_count = 1};
    assert_int_equal(config_build(&sources, &arena, &config, &report), OK);
    assert_true(config_is_broker(config) && config_is_controller(config));
    assert_int_equal(config_node_id(config), 1);
    assert_string_equal(config_log_dirs(config).items[0], "./data");
    assert_int_equal(config_get_int(config, "offsets.topic.replication.factor"), 1);
    assert_int_equal(config_get_listeners(config).items[0].port, 19120);
    assert_string_equal(config_get_listeners(config).items[0].advertised_host, "127.0.0.1");
    struct config_voters bootstrap = config_bootstrap_servers(config);
    assert_int_equal(bootstrap.count, 1);
    assert_string_equal(bootstrap.items[0].host, "127.0.0.1");
    assert_int_equal(bootstrap.items[0].port, 19121);
    assert_int_equal(report.warning_count, 0);
    assert_string_equal(config_get_listeners(build_ok("")).items[0].advertised_host, ""); // the host's name
}

static void later_sources_win(void **state)
{
    (void)state;
    const char *environment[] = {"PATH=/bin",
                                 "KAFKA_NUM_PARTITIONS=5",
                                 "KAFKA_LOG_RETENTION_MS=1",
                                 "KAFKA_HEAP_OPTS=-Xmx1G",
                                 "KAFKA_LISTENER_NAME_A__B___C_SSL_KEYSTORE_TYPE=PEM",
                                 NULL};
    const char *overrides[] = {"log.retention.ms=2", "num.partitions = 7"};
    const struct config *config = NULL;
    char file[sizeof(shipped) + 64];
    snprintf(file, sizeof(file), "%snum.partitions=3\nnum.partitions=4\n", shipped);
    struct config_sources sources = {
        .file = slice_str(file), .environment = environment, .overrides = overrides, .override_count = 1};
    assert_int_equal(config_build(&sources, &arena, &config, &report), OK);
    assert_int_equal(config_get_int(config, "num.partitions"), 5);
    assert_int_equal(config_get_long(config, "log.retention.ms"), 2);
    assert_string_equal(config_get_given(config, "listener.name.a_b-c.ssl.keystore.type"), "PEM");
    assert_null(config_get_given(config, "heap.opts"));
    assert_true(config_is_given(config, "num.partitions") && !config_is_given(config, "log.roll.ms"));
    sources.environment = NULL;
    assert_int_equal(config_build(&sources, &arena, &config, &report), OK);
    assert_int_equal(config_get_int(config, "num.partitions"), 4);
    sources.overrides = (const char *[]){"nonsense"};
    assert_int_equal(config_build(&sources, &arena, &config, &report), ERR_INVALID);
    assert_string_equal(report.error, "Invalid command line property: nonsense: write key=value");
}

static void typed_values_and_chains(void **state)
{
    (void)state;
    char file[sizeof(shipped) + 512];
    snprintf(file, sizeof(file),
             "%slog.retention.minutes=3\nlog.roll.jitter.hours=2\nlog.flush.scheduler.interval.ms=8\n"
             "auto.create.topics.enable=FALSE\nlog.cleaner.min.cleanable.ratio=0.25\nssl.cipher.suites= a , "
             "b,a\nodradek.shards=3\n",
             shipped);
    const struct config *config = build_ok(file);
    assert_int_equal(config_retention_ms(config), 180000); // minutes beat hours
    assert_int_equal(config_roll_ms(config), 168 * 3600000LL);
    assert_int_equal(config_roll_jitter_ms(config), 7200000);
    assert_int_equal(config_flush_ms(config), 8);
    assert_false(config_get_bool(config, "auto.create.topics.enable"));
    assert_true(config_get_double(config, "log.cleaner.min.cleanable.ratio") == 0.25);
    struct config_list suites = config_get_list(config, "ssl.cipher.suites");
    assert_int_equal(suites.count, 2);
    assert_string_equal(suites.items[1], "b");
    assert_true(config_is_null(config, "broker.rack"));
    assert_null(config_get_string(config, "broker.rack"));
    assert_int_equal(config_get_long(config, "odradek.memory.request.bytes"), 268435456);
    assert_string_equal(config_get_string(config, "odradek.durability"), "commit");
    assert_int_equal(config_shards(config, 64), 3);
    config = build_ok(shipped);
    assert_int_equal(config_shards(config, 4), 1);
    assert_int_equal(config_shards(config, 8), 4);
    snprintf(file, sizeof(file), "%slog.retention.hours=-7\nlog.retention.ms=-1\n", shipped);
    assert_int_equal(config_retention_ms(build_ok(file)), -1);
}

static void odd_names_are_warned_about(void **state)
{
    (void)state;
    char file[sizeof(shipped) + 512];
    snprintf(
        file, sizeof(file),
        "%slog.retention.mss=3\nzookeeper.connect=a:1\ninter.broker.protocol.version=3.9\nmy.own.plugin.setting=1\n"
        "file.delete.delay.ms=1\n",
        shipped);
    build_ok(file);
    assert_true(is_warned("unknown config log.retention.mss; did you mean log.retention.ms?"));
    assert_true(is_warned("config zookeeper.connect was removed in Kafka 4.0 and is ignored"));
    assert_true(is_warned("config inter.broker.protocol.version was removed in Kafka 4.0 and is ignored"));
    assert_true(is_warned("unknown config my.own.plugin.setting is ignored"));
    assert_true(is_warned(
        "config file.delete.delay.ms is a topic's; did you mean log.segment.delete.delay.ms, for all topics?"));
}

// Lines added to a good file, and what Apache Kafka 4.3.1 says to them; NULL = fine.
static const struct {
    const char *lines;
    const char *error;
} checks[] = {
    {"process.roles=", "Configuration 'process.roles' must not be empty. Valid values include: [broker, controller]"},
    {"node.id=-1", "Invalid value -1 for configuration node.id: Value must be at least 0"},
    {"broker.id=7", "You must set `node.id` to the same value as `broker.id`."},
    {"node.id=2", "If process.roles contains the 'controller' role, the node id 2 must be included in the set of "
                  "voters controller.quorum.voters=Set(1)"},
    {"process.roles=broker\nlisteners=PLAINTEXT://:9092",
     "If process.roles contains just the 'broker' role, the node id 1 must not be included in the set of voters "
     "controller.quorum.voters=Set(1)"},
    {"process.roles=broker\nlisteners=PLAINTEXT://:9092\ncontroller.quorum.voters=2@localhost:9093", NULL},
    {"process.roles=broker\ncontroller.quorum.voters=2@localhost:9093",
     "controller.listener.names must not contain a value appearing in the 'listeners' configuration when running KRaft "
     "with just the broker role"},
    {"process.roles=controller\nlisteners=CONTROLLER://:9093", NULL},
    {"process.roles=controller", "The listeners config must only contain KRaft controller listeners from "
                                 "controller.listener.names when process.roles=controller"},
    {"controller.quorum.voters=",
     "If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap controllers "
     "or controller.quorum.voters must contain a parseable set of controllers."},
    {"controller.quorum.voters=foo", "Invalid configuration value for controller.quorum.voters. Each entry should be "
                                     "in the form `{id}@{host}:{port}`."},
    {"controller.quorum.voters=1@localhost",
     "Failed to parse host name from entry 1@localhost for the configuration controller.quorum.voters. Each entry "
     "should be in the form `{id}@{host}:{port}`."},
    {"controller.quorum.voters=x@localhost:1", "Failed to parse voter ID as an integer from x"},
    {"controller.quorum.voters=\ncontroller.quorum.bootstrap.servers=localhost",
     "Failed to parse host name from localhost for the configuration controller.quorum.bootstrap.servers. Each entry "
     "should be in the form \"{host}:{port}\""},
    {"controller.listener.names=FOO", "controller.listener.names must contain at least one value appearing in the "
                                      "'listeners' configuration when running the KRaft controller role"},
    {"inter.broker.listener.name=FOO",
     "Listener with name FOO defined in inter.broker.listener.name not found in listener.security.protocol.map."},
    {"inter.broker.listener.name=CONTROLLER",
     "inter.broker.listener.name must be a listener name defined in advertised.listeners. The valid options based on "
     "currently configured listeners are PLAINTEXT"},
    {"inter.broker.listener.name=PLAINTEXT\nsecurity.inter.broker.protocol=PLAINTEXT",
     "Only one of inter.broker.listener.name and security.inter.broker.protocol should be set."},
    {"advertised.listeners=PLAINTEXT://0.0.0.0:9092",
     "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address."},
    {"listeners=PLAINTEXT://0.0.0.0:9092,CONTROLLER://:9093",
     "advertised.listeners cannot use the nonroutable meta-address 0.0.0.0. Use a routable IP address."},
    {"advertised.listeners=FOO://x:1",
     "Error creating broker listeners from '[FOO://x:1]': No security protocol defined for listener FOO"},
    {"advertised.listeners=CONTROLLER://x:1", "There must be at least one broker advertised listener. Perhaps all "
                                              "listeners appear in controller.listener.names?"},
    {"advertised.listeners=PLAINTEXT://x:1,SSL://x:2",
     "advertised.listeners listener names must be equal to or a subset of the ones defined in listeners. Found "
     "PLAINTEXT,SSL. The valid options based on the current configuration are PLAINTEXT"},
    {"listener.security.protocol.map=PLAINTEXT:FOO",
     "Invalid security protocol `FOO` defined in listener.security.protocol.map"},
    {"listeners=foo", "Error creating broker listeners from '[foo]': Unable to parse foo to a broker endpoint"},
    {"listeners=PLAINTEXT://:99999,CONTROLLER://:1",
     "Error creating broker listeners from '[PLAINTEXT://:99999, CONTROLLER://:1]': Unable to parse PLAINTEXT://:99999 "
     "to a broker endpoint"},
    {"listeners=PLAINTEXT://:9092,PLAINTEXT://:9093,CONTROLLER://:9094",
     "Error creating broker listeners from '[PLAINTEXT://:9092, PLAINTEXT://:9093, CONTROLLER://:9094]': Each listener "
     "must have a different name, listeners: [PLAINTEXT://:9092, PLAINTEXT://:9093, CONTROLLER://:9094]"},
    {"listeners=PLAINTEXT://:9092,SSL://:9092,CONTROLLER://:9094",
     "Error creating broker listeners from '[PLAINTEXT://:9092, SSL://:9092, CONTROLLER://:9094]': Each listener must "
     "have a different port, listeners: [PLAINTEXT://:9092, SSL://:9092, CONTROLLER://:9094]"},
    {"listeners=PLAINTEXT://127.0.0.1:9092,SSL://[::1]:9092,CONTROLLER://:9093", NULL},
    {"listeners=PLAINTEXT://127.0.0.1:9092,SSL://127.0.0.2:9092,CONTROLLER://:9093",
     "Error creating broker listeners from '[PLAINTEXT://127.0.0.1:9092, SSL://127.0.0.2:9092, CONTROLLER://:9093]': "
     "If you have two listeners on the same port then one needs to be IPv4 and the other IPv6, listeners: "
     "[PLAINTEXT://127.0.0.1:9092, SSL://127.0.0.2:9092, CONTROLLER://:9093], port: 9092"},
    {"listeners=plaintext://:9092,controller://:9093", NULL},
    {"replica.fetch.wait.max.ms=40000", "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms "
                                        "to prevent unnecessary socket timeouts"},
    {"replica.lag.time.max.ms=100", "replica.fetch.wait.max.ms should always be less than or equal to "
                                    "replica.lag.time.max.ms to prevent frequent changes in ISR"},
    {"log.cleaner.dedupe.buffer.size=1000000",
     "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread."},
    {"queued.max.request.bytes=5", "queued.max.request.bytes must be larger or equal to socket.request.max.bytes"},
    {"num.io.threads=0", "Invalid value 0 for configuration num.io.threads: Value must be at least 1"},
    {"listener.name.plaintext.max.connections=x",
     "Invalid value x for configuration max.connections: Not a number of type INT"},
    {"log.retention.hours=0", "log.retention.ms must be unlimited (-1) or, greater than or equal to 1"},
    {"log.roll.ms=0", "log.roll.ms must be greater than or equal to 1"},
    {"offsets.topic.compression.codec=9", "Unknown compression type id: 9"},
    {"cordoned.log.dirs=*,/a", "When cordoned.log.dirs is set to *, it must not contain other values"},
    {"cordoned.log.dirs=/nowhere",
     "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : /nowhere"},
    {"group.consumer.heartbeat.interval.ms=50000",
     "group.consumer.heartbeat.interval.ms must be less than or equal to group.consumer.max.heartbeat.interval.ms"},
    {"a=\\u12", "Malformed \\uxxxx encoding in line 7 of the properties file"},
};

static const char good[] = "process.roles=broker,controller\nnode.id=1\ncontroller.listener.names=CONTROLLER\n"
                           "listeners=PLAINTEXT://:9092,CONTROLLER://:9093\ncontroller.quorum.voters=1@localhost:9093\n"
                           "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SSL:SSL\n";

static void start_up_checks_have_kafkas_words(void **state)
{
    (void)state;
    build_ok(good);
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        const struct config *config = build(arena_printf(&arena, "%s%s\n", good, checks[i].lines));
        if (checks[i].error == NULL && config == NULL) fail_msg("%s: %s", checks[i].lines, report.error);
        if (checks[i].error == NULL) continue;
        if (config != NULL) fail_msg("%s: accepted", checks[i].lines);
        assert_string_equal(report.error, checks[i].error);
    }
    assert_null(build("node.id=1\n"));
    assert_string_equal(report.error,
                        "Missing required configuration \"controller.listener.names\" which has no default value.");
}

static void ipv6_and_secure_listeners(void **state)
{
    (void)state;
    const struct config *config =
        build_ok(arena_printf(&arena,
                              "%slisteners=INTERNAL://[::1]:9094,SECURE://10.0.0.1:0,CONTROLLER://:9093\n"
                              "listener.security.protocol.map=INTERNAL:PLAINTEXT,SECURE:SASL_SSL,CONTROLLER:SSL\ninter."
                              "broker.listener.name=internal\n"
                              "advertised.listeners=INTERNAL://:9094\n",
                              good));
    struct config_listeners listeners = config_get_listeners(config);
    assert_string_equal(listeners.items[0].host, "::1");
    assert_string_equal(listeners.items[0].advertised_host, "");
    assert_true(listeners.items[0].is_inter_broker);
    assert_int_equal(listeners.items[1].protocol, PROTOCOL_SASL_SSL);
    assert_int_equal(listeners.items[1].port, 0);
    assert_null(listeners.items[1].advertised_host); // not in advertised.listeners
    assert_int_equal(listeners.items[2].protocol, PROTOCOL_SSL);
    assert_string_equal(listeners.items[2].advertised_host, ""); // controllers need not be listed
    assert_string_equal(config_inter_broker_listener(config), "INTERNAL");
    assert_int_equal(config_quorum_voters(config).items[0].id, 1);
    assert_string_equal(config_quorum_voters(config).items[0].host, "localhost");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(the_shipped_file_is_accepted, teardown),
        cmocka_unit_test_teardown(no_file_makes_a_node_of_its_own, teardown),
        cmocka_unit_test_teardown(later_sources_win, teardown),
        cmocka_unit_test_teardown(typed_values_and_chains, teardown),
        cmocka_unit_test_teardown(odd_names_are_warned_about, teardown),
        cmocka_unit_test_teardown(start_up_checks_have_kafkas_words, teardown),
        cmocka_unit_test_teardown(ipv6_and_secure_listeners, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
