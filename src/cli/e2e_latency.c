// SPDX-License-Identifier: Apache-2.0
// kafka-e2e-latency.sh (kafka-cli 20): one record at a time, from send to having been read. Producer and consumer have
// a client each, as in Java: a fetch that waits must not hold up the answer to the produce behind it.
#include "cli/consumer_settings.h"
#include "cli/java_text.h"
#include "cli/options_e2e_latency.h"
#include "cli/producer_settings.h"
#include "proto/apis.h"
#include "proto/create_topics.h"
#include "proto/metadata.h"

#include <stdlib.h>

enum { POLL_MS = 60000, REPORT_EVERY = 1000, LETTERS = 26 };

struct measuring {
    struct cli *cli;
    struct jopt options;
    struct props props;
    struct consumer_settings consumer_settings;
    struct producer_settings producer_settings;
    struct consuming_client reader;
    struct producing_client sender;
    struct slice topic;
    int64_t records, record_size, key_size, header_count, header_key_size, header_size;
    const char *acks;
    int32_t partitions; // assigned
    bool timed_out;
    struct env_timer timer;
    struct cli_error failure; // class NULL = none
    struct slice payload, key;
    struct record_header *headers;
    uint64_t random_state;
};

static bool throws(struct measuring *m, const char *class_name, const char *text)
{
    (void)cli_trace(m->cli, text, class_name);
    return false;
}

// ---- the topic -------------------------------------------------------------------------------------------------

static bool topic_exists(struct measuring *m, bool *exists)
{
    struct metadata_request request = metadata_request_init();
    request.topics.count = -1;
    request.allow_auto_topic_creation = false;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 4};
    struct cli_error error;
    bool ok = cli_call(m->cli, m->reader.client, &call, "listTopics", &error);
    const struct metadata_response *answer = call.response;
    *exists = false;
    for (int32_t i = 0; ok && i < answer->topics.count; i++) {
        if (slice_eq(answer->topics.items[i].name, m->topic)) *exists = true;
    }
    client_call_deinit(&call);
    return ok || throws(m, error.class_name, error.text);
}

static bool create_topic(struct measuring *m)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    cli_out(m->cli, "Topic \"%.*s\" does not exist. Will create topic with 1 partition(s) and replication factor = 1\n",
            SLICE_FMT(m->topic));
    topic.name = m->topic;
    topic.num_partitions = 1;
    topic.replication_factor = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    request.timeout_ms = 30000;
    struct client_call call = {.api_key = API_CREATE_TOPICS, .node_id = CLIENT_CONTROLLER, .request = &request};
    struct cli_error error;
    bool ok = cli_call(m->cli, m->reader.client, &call, "createTopics", &error);
    const struct create_topics_response *answer = call.response;
    if (ok && answer->topics.count == 1 && answer->topics.items[0].error_code != OK) {
        error =
            cli_error_of(m->cli, (enum err)answer->topics.items[0].error_code, answer->topics.items[0].error_message);
        ok = false;
    }
    client_call_deinit(&call);
    if (ok) return true;
    cli_out(m->cli, "Creation of topic %.*s failed\n", SLICE_FMT(m->topic));
    return throws(m, error.class_name, error.text);
}

static bool is_placed(void *context)
{
    struct measuring *m = context;
    if (m->timed_out || m->cli->stop_signal != 0) return true;
    const struct client_topic *topic = client_topic(m->reader.client, m->topic);
    if (topic == NULL || topic->partition_count == 0) return false;
    for (; m->partitions < topic->partition_count; m->partitions++) {
        consumer_assign(m->reader.consumer, m->topic, m->partitions, CONSUMER_LATEST);
    }
    for (int32_t i = 0; i < m->partitions; i++) {
        if (consumer_position(m->reader.consumer, m->topic, i) < 0) return false;
    }
    return true;
}

static void expired(struct env *env, struct env_timer *timer)
{
    (void)env;
    CONTAINER_OF(timer, struct measuring, timer)->timed_out = true;
}

// Runs the loop until `done` says so, `timeout_ms` at most. False: it did not.
static bool wait_for(struct measuring *m, bool (*done)(void *context), int64_t timeout_ms)
{
    struct env *env = m->cli->host->env;
    m->timed_out = false;
    m->timer.fire = expired;
    env_timer_after_ms(env, &m->timer, timeout_ms);
    bool is_done = m->cli->host->run_until(env, done, m);
    env_timer_cancel(env, &m->timer);
    return is_done && !m->timed_out && m->cli->stop_signal == 0;
}

// ---- one record ------------------------------------------------------------------------------------------------

static void delivered(struct producer *producer, const struct producer_delivery *d)
{
    struct measuring *m = producer_context(producer);
    if (d->err != OK) m->failure = cli_error_of(m->cli, d->err, d->err_text);
}

static bool has_record(void *context)
{
    struct measuring *m = context;
    return m->timed_out || m->cli->stop_signal != 0 || consumer_is_ready(m->reader.consumer);
}

static void fill(struct measuring *m, struct slice bytes)
{
    m->random_state = m->random_state * UINT64_C(6364136223846793005) + 1442695040888963407u;
    uint8_t letter = (uint8_t)('A' + (m->random_state >> 33) % LETTERS);
    memset((void *)(uintptr_t)bytes.data, letter, bytes.size);
}

static struct slice room(struct measuring *m, int64_t size)
{
    return size < 0 ? SLICE_NULL : slice_of(arena_zalloc(&m->cli->arena, 1, (size_t)size + 1), (size_t)size);
}

static void prepare_record(struct measuring *m)
{
    m->payload = room(m, m->record_size);
    m->key = m->key_size > 0 ? room(m, m->key_size) : SLICE_NULL;
    m->headers = ARENA_ARRAY(&m->cli->arena, struct record_header, m->header_count + 1);
    for (int64_t i = 0; i < m->header_count; i++) {
        m->headers[i] = (struct record_header){.key = room(m, m->header_key_size), .value = room(m, m->header_size)};
    }
}

static bool is_as_sent(struct measuring *m, const struct record *record)
{
    struct slice rest = record->headers;
    struct record_header header;
    bool same = slice_eq(record->value, m->payload) && slice_is_null(record->key) == slice_is_null(m->key) &&
                slice_eq(record->key, m->key) && record->header_count == (int32_t)m->header_count;
    for (int64_t i = 0; same && i < m->header_count && record_header_next(&rest, &header); i++) {
        same = slice_eq(header.key, m->headers[i].key) && slice_eq(header.value, m->headers[i].value);
    }
    return same;
}

// False: an exception has been printed.
static bool send_and_read(struct measuring *m)
{
    struct producer_record record = {
        .topic = m->topic,
        .partition = -1,
        .timestamp = -1,
        .key = m->key,
        .value = m->payload,
        .headers = m->headers,
        .header_count = (int32_t)m->header_count,
    };
    enum err e = producing_client_send(&m->sender, &record);
    if (e != OK)
        m->failure = producing_client_error(&m->sender, &record, e);
    else
        producing_client_flush(&m->sender);
    if (m->cli->stop_signal != 0) return false;
    if (m->failure.class_name != NULL) {
        const char *text = arena_printf(&m->cli->arena, "%s: %s", m->failure.class_name, m->failure.text);
        return throws(m, "java.util.concurrent.ExecutionException", text);
    }
    struct consumer_record read;
    int64_t until_ns = env_now_ns(m->cli->host->env) + POLL_MS * INT64_C(1000000);
    bool came = false;
    while (!came && env_now_ns(m->cli->host->env) < until_ns && m->cli->stop_signal == 0) {
        (void)wait_for(m, has_record, POLL_MS);
        came = consumer_next(m->reader.consumer, &read); // what was fetched may hold nothing for us
    }
    if (m->cli->stop_signal != 0) return false;
    if (!came) {
        return throws(m, "java.lang.RuntimeException", "poll() timed out before finding a result (timeout:[60000ms])");
    }
    if (is_as_sent(m, &read.record)) return true;
    return throws(m, "java.lang.RuntimeException",
                  arena_printf(&m->cli->arena,
                               "The message value read [%.*s] did not match the message value sent [%.*s]",
                               SLICE_FMT(read.record.value), SLICE_FMT(m->payload)));
}

// ---- all of them -----------------------------------------------------------------------------------------------

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool send_all(struct measuring *m)
{
    struct cli *cli = m->cli;
    int64_t *latencies_ms = ARENA_ARRAY(&cli->arena, int64_t, m->records + 1), total_ns = 0;
    for (int64_t i = 0; i < m->records; i++) {
        fill(m, m->payload);
        if (m->key_size > 0) fill(m, m->key);
        int64_t start_ns = env_now_ns(cli->host->env);
        if (!send_and_read(m)) return false;
        int64_t elapsed_ns = env_now_ns(cli->host->env) - start_ns;
        if (i % REPORT_EVERY == 0) {
            cli_out(cli, "%lld\t", (long long)i);
            java_double(&cli->out, (double)elapsed_ns / 1000.0 / 1000.0);
            cli_out(cli, "\n");
            cli_flush(cli);
        }
        total_ns += elapsed_ns;
        latencies_ms[i] = elapsed_ns / 1000000;
    }
    qsort(latencies_ms, (size_t)m->records, sizeof(int64_t), by_value);
    double count = (double)m->records;
    cli_out(cli, "Avg latency: %.4f ms\nPercentiles: 50th = %lld, 99th = %lld, 99.9th = %lld\n",
            (double)total_ns / count / 1000.0 / 1000.0, (long long)latencies_ms[(int64_t)(count * 0.5)],
            (long long)latencies_ms[(int64_t)(count * 0.99)], (long long)latencies_ms[(int64_t)(count * 0.999)]);
    return true;
}

static bool run(struct measuring *m)
{
    bool exists;
    if (!topic_exists(m, &exists) || (!exists && !create_topic(m))) return false;
    client_want_topic(m->reader.client, m->topic);
    if (!wait_for(m, is_placed, POLL_MS)) {
        return m->cli->stop_signal == 0 && throws(m, "org.apache.kafka.common.errors.TimeoutException",
                                                  "Timeout of 60000ms expired before the position could be determined");
    }
    prepare_record(m);
    return send_all(m);
}

static bool open_clients(struct measuring *m)
{
    struct cli *cli = m->cli;
    struct cli_thrown thrown;
    struct cli_error error;
    struct props producer = m->props;
    props_put(&m->props, cli, SLICE("auto.offset.reset"), SLICE("latest"));
    props_put(&producer, cli, SLICE("linger.ms"), SLICE("0"));
    props_put(&producer, cli, SLICE("max.block.ms"), SLICE("2147483647"));
    props_put(&producer, cli, SLICE("acks"), slice_str(m->acks));
    bool ok = consumer_settings_read(&m->consumer_settings, cli, &m->props, &thrown) &&
              consuming_client_open(&m->reader, cli, &m->consumer_settings, false, &thrown);
    if (ok && !producer_settings_read(&m->producer_settings, cli, &producer, &error)) {
        thrown = cli_thrown(error);
        ok = false;
    }
    m->producer_settings.producer.delivered = delivered;
    m->producer_settings.producer.context = m;
    if (ok && producing_client_open(&m->sender, cli, &m->producer_settings, &thrown)) return true;
    cli_err(cli, "%s\n", cli_thrown_text(cli, &thrown));
    cli_print_thrown(cli, &thrown);
    cli_err(cli, "\n");
    return false;
}

// ---- options ---------------------------------------------------------------------------------------------------

static bool has(const struct measuring *m, int option)
{
    return jopt_has(&m->options, option);
}

// The words of before 4.2 as today's options. NULL: neither; the reason has been printed.
static char **modernise(struct cli *cli, int *argc, char **argv)
{
    static const char *const required[] = {"--bootstrap-server", "--topic",       "--num-records",
                                           "--producer-acks",    "--record-size", "--command-config"};
    if (*argc == 1) return argv;
    for (int i = 1; i < *argc; i++) {
        for (size_t k = 0; k + 1 < COUNT_OF(required); k++) {
            size_t size = strlen(required[k]);
            if (strncmp(argv[i], required[k], size) == 0 && (argv[i][size] == '\0' || argv[i][size] == '='))
                return argv;
        }
    }
    if (*argc != 6 && *argc != 7) {
        cli_err(
            cli,
            "Invalid number of arguments. Expected 5 or 6 positional arguments, but got %d. Usage: bootstrap-server "
            "topic num-records producer-acks record-size [optional] command-config\n",
            *argc - 1);
        return NULL;
    }
    cli_out(cli, "WARNING: Positional argument usage is deprecated and will be removed in Apache Kafka 5.0. Please use "
                 "named arguments instead: --bootstrap-server, --topic, --num-records, --producer-acks, --record-size, "
                 "--command-config\n");
    char **words = ARENA_ARRAY(&cli->arena, char *, 2 * *argc);
    int count = 0;
    words[count++] = argv[0];
    for (int i = 1; i < *argc; i++) {
        words[count++] = arena_str(&cli->arena, slice_str(required[i - 1]));
        words[count++] = argv[i];
    }
    *argc = count;
    return words;
}

static bool usage(struct measuring *m, const char *text)
{
    (void)cli_usage(m->cli, &m->options, text);
    return false;
}

static bool bad_option(struct measuring *m)
{
    return throws(m, m->options.problem_class, m->options.problem);
}

static bool check_options(struct measuring *m, int argc, int *code)
{
    static const int required[] = {EL_BOOTSTRAP_SERVER, EL_TOPIC, EL_NUM_RECORDS, EL_PRODUCER_ACKS, EL_RECORD_SIZE};
    *code = 1;
    if (argc == 1 || has(m, EL_HELP)) {
        return usage(m, "This tool measures end-to-end latency in Kafka by sending messages and timing their "
                        "reception.");
    }
    if (has(m, EL_VERSION)) {
        cli_out(m->cli, "%s\n", KAFKA_VERSION);
        *code = 0;
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(required); i++) {
        if (has(m, required[i])) continue;
        return usage(m, arena_printf(&m->cli->arena, "Missing required argument \"[%s]\"",
                                     e2e_latency_options[required[i]].name));
    }
    if (!jopt_value(&m->options, EL_PRODUCER_ACKS, &m->acks)) return bad_option(m);
    if (strcmp(m->acks, "1") == 0 || strcmp(m->acks, "all") == 0) return true;
    return usage(m,
                 "Invalid value for --producer-acks. Latency testing requires synchronous acknowledgement. Please use "
                 "'1' or 'all'.");
}

static bool read_values(struct measuring *m)
{
    const char *topic = NULL, *bootstrap = NULL, *file = NULL;
    if (!jopt_value(&m->options, EL_BOOTSTRAP_SERVER, &bootstrap) || !jopt_value(&m->options, EL_TOPIC, &topic) ||
        !jopt_number(&m->options, EL_NUM_RECORDS, &m->records) ||
        !jopt_number(&m->options, EL_RECORD_SIZE, &m->record_size) ||
        !jopt_value(&m->options, EL_COMMAND_CONFIG, &file) ||
        !jopt_number(&m->options, EL_RECORD_KEY_SIZE, &m->key_size) ||
        !jopt_number(&m->options, EL_NUM_HEADERS, &m->header_count) ||
        !jopt_number(&m->options, EL_RECORD_HEADER_KEY_SIZE, &m->header_key_size) ||
        !jopt_number(&m->options, EL_RECORD_HEADER_SIZE, &m->header_size)) {
        return bad_option(m);
    }
    m->topic = slice_str(topic);
    if (m->records < 1 || m->record_size < 0 || m->header_count < 0 || m->header_key_size < 0) {
        return throws(m, "java.lang.NegativeArraySizeException", "-1");
    }
    if (file != NULL && *file != '\0' && props_load(&m->props, m->cli, file) != OK) {
        return throws(m, "java.nio.file.NoSuchFileException", file);
    }
    props_put(&m->props, m->cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    return true;
}

int tool_e2e_latency(struct cli *cli, int argc, char **argv)
{
    struct measuring *m = ARENA_NEW(&cli->arena, struct measuring);
    int code;
    m->cli = cli;
    m->random_state = 1;
    argv = modernise(cli, &argc, argv);
    if (argv == NULL) return 1;
    if (!jopt_parse(&m->options, e2e_latency_options, EL_OPTIONS, &cli->arena, argc, argv)) {
        return cli_usage(cli, &m->options, m->options.problem);
    }
    if (!check_options(m, argc, &code)) return code;
    if (!read_values(m)) return 1;
    cli_catch_stop(cli);
    bool ok = open_clients(m) && run(m);
    if (m->sender.client != NULL) producing_client_close(&m->sender);
    if (m->reader.client != NULL) consuming_client_close(&m->reader, cli, 0);
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : ok ? 0 : 1;
}
