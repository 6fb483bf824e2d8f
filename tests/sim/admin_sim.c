// SPDX-License-Identifier: Apache-2.0
// Settings and quotas changed while the node runs take effect at once, on every shard, and throttled clients wait as
// long as they are told (kafka-internals F3). The whole node runs, over two shards, in virtual time.
#include "base/mem.h"
#include "broker/broker.h"
#include "client/client.h"
#include "proto/alter_client_quotas.h"
#include "proto/apis.h"
#include "proto/create_topics.h"
#include "proto/describe_configs.h"
#include "proto/fetch.h"
#include "proto/incremental_alter_configs.h"
#include "proto/produce.h"
#include "record/builder.h"
#include "server.h"

enum { PARTITIONS = 4, SET = 0, DELETE = 1 };

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct sim_node *client_node;
    struct client *client;
    struct client_call call;
    bool is_answered;
    struct uuid topic_id;
};

// ---- a node and a client ---------------------------------------------------------------------------------------

static void connect(void *context)
{
    struct world *w = context;
    struct client_config config;
    client_config_init(&config);
    config.bootstrap = SLICE("node:9092");
    enum err e = client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->client);
    sim_check(w->at, e == OK, "client: %s", err_name(e));
}

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct world *)call->context)->is_answered = true;
}

static void send_call(void *context)
{
    struct world *w = context;
    client_call(w->client, &w->call);
}

static bool is_answered(void *context)
{
    return ((struct world *)context)->is_answered;
}

// Asks and waits. The response lives until the next call.
static const void *ask(struct world *w, int16_t api_key, int version, const void *request)
{
    client_call_deinit(&w->call);
    w->is_answered = false;
    w->call = (struct client_call){.api_key = api_key,
                                   .node_id = CLIENT_ANY,
                                   .request = request,
                                   .version_min = version,
                                   .version_max = version,
                                   .done = answered,
                                   .context = w};
    sim_node_call(w->client_node, send_call, w);
    bool reached = sim_run_until(w->at->sim, is_answered, w, 60000);
    sim_check(w->at, reached && w->call.err == OK, "api %d version %d: %s", api_key, version, err_name(w->call.err));
    return w->call.response;
}

static void create_topic(struct world *w, const char *name)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    topic.name = slice_str(name);
    topic.num_partitions = PARTITIONS;
    topic.replication_factor = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct create_topics_response *response = ask(w, API_CREATE_TOPICS, 7, &request);
    sim_check(w->at, response->topics.items[0].error_code == 0, "creating %s: %d", name,
              response->topics.items[0].error_code);
    w->topic_id = response->topics.items[0].topic_id;
}

static struct world *open_world(struct sim_case *at)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    w->at = at;
    sim_server_init(&w->server, at, (const char *[]){"log.dirs=/data", NULL});
    w->client_node = sim_node_new(at->sim, "client", 1);
    sim_server_start(&w->server);
    sim_node_call(w->client_node, connect, w);
    create_topic(w, "t");
    return w;
}

static struct sim_options calm(uint64_t seed)
{
    return sim_options_default(seed);
}

// ---- requests --------------------------------------------------------------------------------------------------

static void alter(struct world *w, int8_t type, const char *name, const char *key, const char *value, int16_t expected)
{
    struct incremental_alter_configs_request_alterable_config config = {
        .name = slice_str(key), .config_operation = value == NULL ? DELETE : SET, .value = slice_str(value)};
    struct incremental_alter_configs_request_alter_configs_resource resource = {
        .resource_type = type, .resource_name = slice_str(name), .configs = {&config, 1}};
    struct incremental_alter_configs_request request = {.resources = {&resource, 1}};
    const struct incremental_alter_configs_response *response = ask(w, API_INCREMENTAL_ALTER_CONFIGS, 1, &request);
    sim_check(w->at, response->responses.items[0].error_code == expected, "%s=%s: %d", key, value,
              response->responses.items[0].error_code);
}

static const char *described(struct world *w, int8_t type, const char *name, const char *key)
{
    struct slice wanted = slice_str(key);
    struct describe_configs_request_describe_configs_resource resource = {
        .resource_type = type, .resource_name = slice_str(name), .configuration_keys = {&wanted, 1}};
    struct describe_configs_request request = {.resources = {&resource, 1}};
    const struct describe_configs_response *response = ask(w, API_DESCRIBE_CONFIGS, 4, &request);
    sim_check(w->at, response->results.items[0].configs.count == 1, "%s is described once", key);
    return arena_str(w->at->arena, response->results.items[0].configs.items[0].value);
}

static void set_quota(struct world *w, const char *type, const char *name, const char *key, double value)
{
    struct alter_client_quotas_request_entity_data entity = {.entity_type = slice_str(type),
                                                             .entity_name = slice_str(name)};
    struct alter_client_quotas_request_op_data op = {.key = slice_str(key), .value = value, .remove = value == 0};
    struct alter_client_quotas_request_entry_data entry = {.entity = {&entity, 1}, .ops = {&op, 1}};
    struct alter_client_quotas_request request = {.entries = {&entry, 1}};
    const struct alter_client_quotas_response *response = ask(w, API_ALTER_CLIENT_QUOTAS, 1, &request);
    sim_check(w->at, response->entries.items[0].error_code == 0, "%s: %d", key, response->entries.items[0].error_code);
}

static struct slice batch_of(struct world *w, size_t size)
{
    struct text bytes = {0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    batch_begin(&builder, &bytes, &spec);
    batch_add(&builder, 1000, SLICE("key"), slice_of(arena_zalloc(w->at->arena, 1, size), size), NULL, 0);
    enum err e = batch_end(&builder, NULL);
    sim_check(w->at, e == OK, "building a batch: %s", err_name(e));
    struct slice copy = arena_copy(w->at->arena, text_slice(&bytes));
    batch_builder_deinit(&builder);
    text_deinit(&bytes);
    return copy;
}

// Its throttle time.
static int32_t produce(struct world *w, int32_t partition, size_t size, enum err expected)
{
    struct produce_request request = produce_request_init();
    struct produce_request_topic_produce_data data = produce_request_topic_produce_data_init();
    struct produce_request_partition_produce_data item = {.index = partition, .records = {.bytes = batch_of(w, size)}};
    data.name = SLICE("t");
    data.partition_data.items = &item;
    data.partition_data.count = 1;
    request.acks = -1;
    request.timeout_ms = 5000;
    request.topic_data.items = &data;
    request.topic_data.count = 1;
    const struct produce_response *response = ask(w, API_PRODUCE, 12, &request);
    int16_t got = response->responses.items[0].partition_responses.items[0].error_code;
    sim_check(w->at, got == err_to_wire(expected), "partition %d, %zu bytes: expected %s, got %s", partition, size,
              err_name(expected), err_name((enum err)got));
    return response->throttle_time_ms;
}

static void produce_everywhere(struct world *w, size_t size, enum err expected)
{
    for (int32_t partition = 0; partition < PARTITIONS; partition++) produce(w, partition, size, expected);
}

// ---- settings --------------------------------------------------------------------------------------------------

static void topic_settings_hold_at_once(struct sim_case *at)
{
    struct world *w = open_world(at);
    produce_everywhere(w, 500, OK);
    alter(w, 2, "t", "max.message.bytes", "200", 0);
    produce_everywhere(w, 500, ERR_MESSAGE_TOO_LARGE);
    alter(w, 2, "t", "max.message.bytes", NULL, 0);
    produce_everywhere(w, 500, OK);
    alter(w, 2, "t", "max.message.bytes", "many", ERR_INVALID_CONFIG);
    produce_everywhere(w, 500, OK);
}

// A topic without the setting goes by the broker's, the broker by the cluster's default.
static void broker_settings_reach_topics(struct sim_case *at)
{
    struct world *w = open_world(at);
    alter(w, 4, "", "message.max.bytes", "200", 0);
    produce_everywhere(w, 500, ERR_MESSAGE_TOO_LARGE);
    alter(w, 4, "1", "message.max.bytes", "1000", 0);
    produce_everywhere(w, 500, OK);
    produce_everywhere(w, 2000, ERR_MESSAGE_TOO_LARGE);
    sim_check(at, strcmp(described(w, 2, "t", "max.message.bytes"), "1000") == 0, "the topic shows it, too");
    alter(w, 4, "1", "message.max.bytes", NULL, 0);
    alter(w, 4, "", "message.max.bytes", NULL, 0);
    produce_everywhere(w, 2000, OK);
    alter(w, 4, "", "log.message.timestamp.before.max.ms", "1000", 0);
    produce_everywhere(w, 500, ERR_INVALID_TIMESTAMP); // theirs are of 1970
}

static void loggers_take_levels(struct sim_case *at)
{
    struct world *w = open_world(at);
    alter(w, 8, "1", "kafka.server.KafkaApis", "DEBUG", 0);
    sim_check(at, strcmp(described(w, 8, "1", "kafka.server.KafkaApis"), "DEBUG") == 0, "the level is shown");
    alter(w, 8, "1", "kafka", "ERROR", 0);
    sim_check(at, strcmp(described(w, 8, "1", "kafka.network.SocketServer"), "ERROR") == 0, "children follow");
    sim_check(at, strcmp(described(w, 8, "1", "kafka.server.KafkaApis"), "DEBUG") == 0, "unless they have their own");
    alter(w, 8, "1", "no.such.logger", "DEBUG", ERR_INVALID_CONFIG);
    alter(w, 8, "2", "kafka", "DEBUG", ERR_INVALID_REQUEST);
}

// ---- quotas ----------------------------------------------------------------------------------------------------

static int64_t now_ms(struct world *w)
{
    return sim_now_ns(w->at->sim) / 1000000;
}

static void a_producer_over_its_quota_waits(struct sim_case *at)
{
    struct world *w = open_world(at);
    sim_check(at, produce(w, 0, 100000, OK) == 0, "no quota, no wait");
    set_quota(w, "user", "ANONYMOUS", "producer_byte_rate", 10000);
    int64_t begun_ms = now_ms(w);
    int64_t told_ms = 0;
    enum { ROUNDS = 30, BYTES = 20000 };
    for (int i = 0; i < ROUNDS; i++) told_ms += produce(w, i % PARTITIONS, BYTES, OK);
    int64_t took_ms = now_ms(w) - begun_ms;
    // 600 kB at 10 kB a second, less the ten seconds that are lent at the beginning.
    sim_check(at, took_ms > 40000 && took_ms < 70000, "took %lld ms", (long long)took_ms);
    sim_check(at, told_ms > 0 && told_ms <= took_ms + 12000, "told %lld ms", (long long)told_ms);
    set_quota(w, "user", "ANONYMOUS", "producer_byte_rate", 0);
    sim_check(at, produce(w, 0, BYTES, OK) == 0, "no quota any more");
}

static int32_t fetch_bytes(struct world *w, int64_t *bytes)
{
    struct fetch_request request = fetch_request_init();
    struct fetch_request_fetch_topic topic = {.topic_id = w->topic_id};
    struct fetch_request_fetch_partition item = fetch_request_fetch_partition_init();
    item.partition_max_bytes = 1 << 20;
    topic.partitions.items = &item;
    topic.partitions.count = 1;
    request.max_wait_ms = 100;
    request.min_bytes = 1;
    request.max_bytes = 1 << 20;
    request.session_epoch = -1;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct fetch_response *response = ask(w, API_FETCH, 16, &request);
    *bytes = 0;
    if (response->responses.count > 0)
        *bytes = (int64_t)response->responses.items[0].partitions.items[0].records.bytes.size;
    return response->throttle_time_ms;
}

static void a_consumer_over_its_quota_gets_nothing(struct sim_case *at)
{
    struct world *w = open_world(at);
    produce(w, 0, 50000, OK);
    set_quota(w, "client-id", NULL, "consumer_byte_rate", 10000);
    int64_t begun_ms = now_ms(w);
    int64_t total = 0;
    int throttled = 0;
    for (int i = 0; i < 12; i++) {
        int64_t bytes = 0;
        bool is_throttled = fetch_bytes(w, &bytes) > 0;
        sim_check(at, !is_throttled || bytes == 0, "a throttled answer holds %lld bytes", (long long)bytes);
        throttled += is_throttled;
        total += bytes;
    }
    int64_t took_ms = now_ms(w) - begun_ms;
    sim_check(at, throttled > 0 && total > 0, "%d of 12 throttled, %lld bytes", throttled, (long long)total);
    sim_check(at, total <= 10000 * (took_ms / 1000 + 12), "%lld bytes in %lld ms", (long long)total,
              (long long)took_ms);
}

static int16_t create(struct world *w, const char *name, int32_t partitions, int32_t *throttle_ms)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    topic.name = slice_str(name);
    topic.num_partitions = partitions;
    topic.replication_factor = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct create_topics_response *response = ask(w, API_CREATE_TOPICS, 7, &request);
    *throttle_ms = response->throttle_time_ms;
    return response->topics.items[0].error_code;
}

static void partitions_are_charged(struct sim_case *at)
{
    struct world *w = open_world(at);
    int32_t throttle_ms = 0;
    set_quota(w, "user", NULL, "controller_mutation_rate", 1);
    sim_check(at, create(w, "a", 20, &throttle_ms) == 0 && throttle_ms == 0, "11 tokens: may go below zero once");
    int64_t begun_ms = now_ms(w);
    sim_check(at, create(w, "b", 1, &throttle_ms) == ERR_THROTTLING_QUOTA_EXCEEDED, "then no more");
    sim_check(at, throttle_ms > 7000 && throttle_ms <= 9000, "for %d ms", throttle_ms);
    sim_check(at, create(w, "b", 1, &throttle_ms) == 0, "and then again");
    sim_check(at, now_ms(w) - begun_ms >= 7000, "the connection was not read meanwhile");
}

static const struct sim_scenario scenarios[] = {
    {"topic_settings", calm, topic_settings_hold_at_once},
    {"broker_settings", calm, broker_settings_reach_topics},
    {"loggers", calm, loggers_take_levels},
    {"producer_quota", calm, a_producer_over_its_quota_waits},
    {"consumer_quota", calm, a_consumer_over_its_quota_gets_nothing},
    {"mutation_quota", calm, partitions_are_charged},
};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
