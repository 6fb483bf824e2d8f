// SPDX-License-Identifier: Apache-2.0
// kafka-console-producer.sh (kafka-cli 3): lines of standard input become records.
#include "cli/line_reader.h"

#include "cli/options_producer.h"
#include "cli/usage.h"

#include <stdlib.h>
#include <unistd.h>

struct producing {
    struct cli *cli;
    struct jopt options;
    struct props reader_props, props;
    struct line_reader reader;
    struct line_input *input;
    struct client *client;
    struct producer *producer;
    struct slice topic;
    int64_t max_block_ms;
    struct env_timer timer;
    bool timed_out;
    bool is_sync;
    bool has_prompt;
    // --sync: the first failure
    const char *failed_class, *failed_text;
};

// ---- options ---------------------------------------------------------------------------------------------------

struct renamed {
    int old, new;
};

static const struct renamed renamed[] = {
    {PRODUCER_PRODUCER_PROPERTY, PRODUCER_COMMAND_PROPERTY},
    {PRODUCER_PROPERTY, PRODUCER_READER_PROPERTY},
    {PRODUCER_PRODUCER_CONFIG, PRODUCER_COMMAND_CONFIG},
};

// True: go on.
static bool check_options(struct producing *p, int argc, int *code)
{
    struct cli *cli = p->cli;
    *code = 1;
    if (argc == 1 || jopt_has(&p->options, PRODUCER_HELP)) {
        return cli_usage(cli, &p->options, "This tool helps to read data from standard input and publish it to Kafka."),
               false;
    }
    if (jopt_has(&p->options, PRODUCER_VERSION)) {
        cli_out(cli, "%s\n", KAFKA_VERSION);
        *code = 0;
        return false;
    }
    if (!jopt_has(&p->options, PRODUCER_TOPIC)) {
        return cli_usage(cli, &p->options, "Missing required argument \"[topic]\""), false;
    }
    const char *bootstrap = NULL;
    if (!jopt_value(&p->options, PRODUCER_BOOTSTRAP_SERVER, &bootstrap)) {
        return cli_usage(cli, &p->options, p->options.problem), false;
    }
    const char *text = usage_bad_bootstrap(bootstrap);
    if (text != NULL) return cli_usage(cli, &p->options, text), false;
    for (size_t i = 0; i < COUNT_OF(renamed); i++) {
        const char *old = producer_options[renamed[i].old].name, *new = producer_options[renamed[i].new].name;
        if (!jopt_has(&p->options, renamed[i].old)) continue;
        if (jopt_has(&p->options, renamed[i].new)) {
            text = arena_printf(&cli->arena, "Options --%s and --%s cannot be specified together.", new, old);
            return cli_usage(cli, &p->options, text), false;
        }
        cli_out(cli, "Warning: --%s is deprecated and will be removed in a future version. Use --%s instead.\n", old,
                new);
    }
    if (jopt_has(&p->options, PRODUCER_MAX_PARTITION_MEMORY_BYTES)) {
        cli_out(cli, "Warning: --max-partition-memory-bytes is deprecated and will be removed in Apache Kafka 5.0. Use "
                     "--batch-size instead.\n");
    }
    return true;
}

// ---- settings --------------------------------------------------------------------------------------------------

struct merged {
    int option;
    const char *key;
};

static const struct merged merged[] = {
    {PRODUCER_TIMEOUT, "linger.ms"},
    {PRODUCER_REQUEST_REQUIRED_ACKS, "acks"},
    {PRODUCER_REQUEST_TIMEOUT_MS, "request.timeout.ms"},
    {PRODUCER_MESSAGE_SEND_MAX_RETRIES, "retries"},
    {PRODUCER_RETRY_BACKOFF_MS, "retry.backoff.ms"},
    {PRODUCER_SOCKET_BUFFER_SIZE, "send.buffer.bytes"},
    {PRODUCER_MAX_MEMORY_BYTES, "buffer.memory"},
    {PRODUCER_BATCH_SIZE, "batch.size"},
    {PRODUCER_MAX_PARTITION_MEMORY_BYTES, "batch.size"},
    {PRODUCER_METADATA_EXPIRY_MS, "metadata.max.age.ms"},
    {PRODUCER_MAX_BLOCK_MS, "max.block.ms"},
};

// One file and the words of one option, old spelling or new.
static bool gather(struct producing *p, struct props *props, int config, int old_config, int words, int old_words)
{
    struct cli *cli = p->cli;
    const char *file = NULL;
    if (!jopt_value(&p->options, old_config >= 0 && jopt_has(&p->options, old_config) ? old_config : config, &file)) {
        cli_err(cli, "%s\n", p->options.problem);
        return false;
    }
    if (file != NULL && props_load(props, cli, file) != OK) {
        return cli_stack(cli, "java.nio.file.NoSuchFileException", file), false;
    }
    props_add_words(props, cli, &p->options, words);
    props_add_words(props, cli, &p->options, old_words);
    return true;
}

static bool bad_option(struct producing *p)
{
    cli_err(p->cli, "%s\n", p->options.problem);
    return false;
}

static bool gather_props(struct producing *p)
{
    struct cli *cli = p->cli;
    struct props *props = &p->props;
    if (!gather(p, props, PRODUCER_COMMAND_CONFIG, PRODUCER_PRODUCER_CONFIG, PRODUCER_COMMAND_PROPERTY,
                PRODUCER_PRODUCER_PROPERTY)) {
        return false;
    }
    const char *bootstrap = NULL, *codec = "none";
    if (!jopt_value(&p->options, PRODUCER_BOOTSTRAP_SERVER, &bootstrap)) return bad_option(p);
    props_put(props, cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    if (jopt_has(&p->options, PRODUCER_COMPRESSION_CODEC)) {
        codec = NULL;
        if (!jopt_value(&p->options, PRODUCER_COMPRESSION_CODEC, &codec)) return bad_option(p);
        if (codec == NULL || *codec == '\0') codec = "gzip";
    }
    props_put(props, cli, SLICE("compression.type"), slice_str(codec));
    if (slice_is_null(props_get(props, "client.id")))
        props_put(props, cli, SLICE("client.id"), SLICE("console-producer"));
    for (size_t i = 0; i < COUNT_OF(merged); i++) {
        if (!jopt_has(&p->options, merged[i].option) && !slice_is_null(props_get(props, merged[i].key))) continue;
        const char *text = NULL;
        int64_t number = 0;
        if (producer_options[merged[i].option].kind != JOPT_STRING &&
            !jopt_number(&p->options, merged[i].option, &number)) {
            return bad_option(p);
        }
        if (!jopt_value(&p->options, merged[i].option, &text)) return bad_option(p);
        props_put(props, cli, slice_str(merged[i].key), slice_str(text));
    }
    return true;
}

static bool bad_config(struct cli *cli, const char *key, struct slice value, const char *why)
{
    const char *text =
        arena_printf(&cli->arena, "Invalid value %.*s for configuration %s: %s", SLICE_FMT(value), key, why);
    return cli_stack(cli, "org.apache.kafka.common.config.ConfigException", text), false;
}

// A number among the properties, within bounds.
static bool number_of(struct producing *p, const char *key, int64_t min, int64_t max, int64_t *out)
{
    struct slice value = props_get(&p->props, key);
    if (slice_is_null(value)) return true;
    const char *text = arena_str(&p->cli->arena, value);
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number > max) {
        return bad_config(p->cli, key, value,
                          max == INT32_MAX ? "Not a number of type INT" : "Not a number of type LONG");
    }
    if (number < min) {
        return bad_config(p->cli, key, value,
                          arena_printf(&p->cli->arena, "Value must be at least %lld", (long long)min));
    }
    *out = number;
    return true;
}

static bool int_of(struct producing *p, const char *key, int32_t min, int32_t *out)
{
    int64_t number = *out;
    if (!number_of(p, key, min, INT32_MAX, &number)) return false;
    *out = (int32_t)number;
    return true;
}

static bool configure(struct producing *p, struct producer_config *config, struct client_config *client)
{
    struct cli *cli = p->cli;
    struct slice codec = props_get(&p->props, "compression.type"), acks = props_get(&p->props, "acks");
    p->max_block_ms = 60000;
    bool ok = int_of(p, "batch.size", 0, &config->batch_size_bytes);
    if (ok && !(slice_eq_str(acks, "all") || slice_eq_str(acks, "-1") || slice_eq_str(acks, "0") ||
                slice_eq_str(acks, "1"))) {
        ok = bad_config(cli, "acks", acks, "String must be one of: all, -1, 0, 1");
    }
    if (ok && codec_parse(codec, &config->codec) != OK) {
        ok = bad_config(cli, "compression.type", codec, "String must be one of: none, gzip, snappy, lz4, zstd");
    }
    ok = ok && int_of(p, "linger.ms", 0, &config->linger_ms) && int_of(p, "retries", 0, &config->retries) &&
         int_of(p, "retry.backoff.ms", 0, &config->retry_backoff_ms) &&
         int_of(p, "request.timeout.ms", 0, &config->request_timeout_ms) &&
         int_of(p, "delivery.timeout.ms", 0, &config->delivery_timeout_ms) &&
         int_of(p, "max.request.size", 0, &config->max_request_bytes) &&
         int_of(p, "max.in.flight.requests.per.connection", 1, &config->max_in_flight) &&
         int_of(p, "metadata.max.age.ms", 0, &client->metadata_max_age_ms) &&
         number_of(p, "buffer.memory", 0, INT64_MAX, &config->buffer_bytes) &&
         number_of(p, "max.block.ms", 0, INT64_MAX, &p->max_block_ms);
    if (!ok) return false;
    const char *level = config->codec == CODEC_GZIP  ? "compression.gzip.level"
                        : config->codec == CODEC_LZ4 ? "compression.lz4.level"
                                                     : "compression.zstd.level";
    if (!slice_is_null(props_get(&p->props, level))) {
        int64_t number = 0;
        if (!number_of(p, level, -131072, INT32_MAX, &number)) return false;
        if (codec_level_is_valid(config->codec, (int32_t)number)) config->level = (int32_t)number;
    }
    config->acks = slice_eq_str(acks, "0") ? 0 : slice_eq_str(acks, "1") ? 1 : -1;
    bool wants = !slice_eq_str(props_get(&p->props, "enable.idempotence"), "false");
    config->is_idempotent = wants && config->acks == -1 && config->retries > 0 && config->max_in_flight <= 5;
    client->bootstrap = props_get(&p->props, "bootstrap.servers");
    client->client_id = props_get(&p->props, "client.id");
    client->request_timeout_ms = config->request_timeout_ms;
    client->retry_backoff_ms = config->retry_backoff_ms;
    client->log = cli->host->log;
    client->log_name = arena_printf(&cli->arena, "[Producer clientId=%.*s]", SLICE_FMT(client->client_id));
    client->names_bootstrap = true;
    return true;
}

// ---- failures --------------------------------------------------------------------------------------------------

static const char *size_text(struct cli *cli, int64_t size)
{
    return size < 0 ? "null" : arena_printf(&cli->arena, "%lld bytes", (long long)size);
}

static void record_failed(struct producing *p, struct slice topic, int64_t key_size, int64_t value_size,
                          const char *class_name, const char *text)
{
    struct cli *cli = p->cli;
    if (p->is_sync) {
        if (p->failed_class != NULL) return;
        p->failed_class = class_name;
        p->failed_text = text;
        return;
    }
    cli_flush(cli);
    log_error(cli->host->log, "org.apache.kafka.clients.producer.internals.ErrorLoggingCallback",
              "Error when sending message to topic %.*s with key: %s, value: %s with error:", SLICE_FMT(topic),
              size_text(cli, key_size), size_text(cli, value_size));
    cli_stack(cli, class_name, text);
    cli_flush(cli);
}

static void delivered(struct producer *producer, const struct producer_delivery *d)
{
    if (d->err == OK) return;
    struct producing *p = producer_context(producer);
    struct cli_error error = cli_error_of(p->cli, d->err, d->err_text);
    record_failed(p, d->topic, d->key_size, d->value_size, error.class_name, error.text);
}

static void refused(struct producing *p, const struct producer_record *record, enum err e)
{
    struct cli *cli = p->cli;
    struct cli_error error = cli_error_of(cli, e, SLICE_NULL);
    if (e == ERR_MESSAGE_TOO_LARGE) {
        size_t size =
            BATCH_HEADER_SIZE + record_size_max(record->key, record->value, record->headers, record->header_count);
        int64_t max = 1048576;
        (void)number_of(p, "max.request.size", 0, INT32_MAX, &max);
        error.text = arena_printf(&cli->arena,
                                  "The message is %zu bytes when serialized which is larger than %lld, "
                                  "which is the value of the max.request.size configuration.",
                                  size, (long long)max);
    } else if (e == ERR_AGAIN) {
        error.class_name = "org.apache.kafka.common.errors.TimeoutException";
        error.text = arena_printf(&cli->arena, "Topic %.*s not present in metadata after %lld ms.",
                                  SLICE_FMT(record->topic), (long long)p->max_block_ms);
    } else if (e == ERR_INVALID_TOPIC_EXCEPTION) {
        error.text = arena_printf(&cli->arena, "Invalid topics: [%.*s]", SLICE_FMT(record->topic));
    } else if (e == ERR_TOPIC_AUTHORIZATION_FAILED) {
        error.text = arena_printf(&cli->arena, "Not authorized to access topics: [%.*s]", SLICE_FMT(record->topic));
    }
    record_failed(p, record->topic, slice_is_null(record->key) ? -1 : (int64_t)record->key.size,
                  slice_is_null(record->value) ? -1 : (int64_t)record->value.size, error.class_name, error.text);
}

// ---- the loop --------------------------------------------------------------------------------------------------

static void block_expired(struct env *env, struct env_timer *timer)
{
    (void)env;
    CONTAINER_OF(timer, struct producing, timer)->timed_out = true;
}

static bool may_send(void *context)
{
    struct producing *p = context;
    if (p->timed_out || p->cli->stop_signal != 0) return true;
    const struct client_topic *topic = client_topic(p->client, p->topic);
    bool known = topic != NULL && (topic->partition_count > 0 || !err_is_retriable(topic->err));
    return known && producer_has_room(p->producer);
}

static bool is_delivered(void *context)
{
    struct producing *p = context;
    return producer_pending(p->producer) == 0;
}

// Blocks as Java's send does: for metadata or room, at most max.block.ms.
static void send_record(struct producing *p, const struct producer_record *record)
{
    struct env *env = p->cli->host->env;
    enum err e = producer_send(p->producer, record);
    if (e == ERR_AGAIN) {
        p->timed_out = false;
        p->timer.fire = block_expired;
        env_timer_after_ms(env, &p->timer, p->max_block_ms);
        while (e == ERR_AGAIN && !p->timed_out && p->cli->stop_signal == 0) {
            (void)p->cli->host->run_until(env, may_send, p);
            e = producer_send(p->producer, record);
        }
        env_timer_cancel(env, &p->timer);
    }
    if (e != OK) refused(p, record, e);
    if (!p->is_sync) return;
    producer_flush(p->producer);
    (void)p->cli->host->run_until(env, is_delivered, p);
}

static bool has_input(void *context)
{
    struct producing *p = context;
    return line_input_is_ready(p->input) || p->cli->stop_signal != 0;
}

static void prompt(struct producing *p)
{
    if (!p->has_prompt) return;
    cli_out(p->cli, ">");
    cli_flush(p->cli);
}

// Reads and sends until the input ends. Returns the exit code.
static int copy_lines(struct producing *p)
{
    struct cli *cli = p->cli;
    struct text problem = {0};
    int code = 0;
    prompt(p);
    while (code == 0 && cli->stop_signal == 0) {
        struct slice line;
        if (!line_input_next(p->input, &line)) {
            if (line_input_is_at_end(p->input)) break;
            (void)cli->host->run_until(cli->host->env, has_input, p);
            continue;
        }
        struct producer_record record = {.topic = p->topic, .partition = -1, .timestamp = -1};
        if (!line_reader_parse(&p->reader, line, &record, &problem)) {
            code = cli_stack(cli, "org.apache.kafka.common.KafkaException", text_cstr(&problem));
            break;
        }
        send_record(p, &record);
        if (p->failed_class != NULL) {
            cli_err(cli, "java.util.concurrent.ExecutionException: %s: %s\nCaused by: %s: %s\n", p->failed_class,
                    p->failed_text, p->failed_class, p->failed_text);
            code = 1;
        } else {
            prompt(p);
        }
    }
    text_deinit(&problem);
    producer_flush(p->producer);
    (void)cli->host->run_until(cli->host->env, is_delivered, p);
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : code;
}

static int run(struct producing *p)
{
    struct cli *cli = p->cli;
    const char *class_name = NULL;
    if (!jopt_value(&p->options, PRODUCER_LINE_READER, &class_name)) return bad_option(p), 1;
    if (strcmp(class_name, "org.apache.kafka.tools.LineMessageReader") != 0) {
        return cli_stack(cli, "java.lang.ClassNotFoundException", class_name);
    }
    if (!gather(p, &p->reader_props, PRODUCER_READER_CONFIG, -1, PRODUCER_READER_PROPERTY, PRODUCER_PROPERTY)) return 1;
    struct text problem = {0};
    struct producer_config config;
    struct client_config client;
    producer_config_init(&config);
    client_config_init(&client);
    int code = 1;
    if (!line_reader_init(&p->reader, &p->reader_props, &problem)) {
        cli_stack(cli, "org.apache.kafka.common.KafkaException", text_cstr(&problem));
    } else if (gather_props(p) && configure(p, &config, &client)) {
        config.delivered = delivered;
        config.context = p;
        if (client_new(cli->host->env, &client, &problem, &p->client) != OK) {
            cli_err(cli,
                    "org.apache.kafka.common.KafkaException: Failed to construct kafka producer\nCaused by: "
                    "org.apache.kafka.common.config.ConfigException: %s\n",
                    text_cstr(&problem));
        } else {
            p->producer = producer_new(p->client, &config);
            p->has_prompt = isatty(cli->host->in_fd) && isatty(cli->host->out_fd);
            cli_flush(cli);
            cli_catch_stop(cli);
            p->input = line_input_new(cli);
            code = copy_lines(p);
            line_input_free(p->input);
            producer_free(p->producer);
            client_free(p->client);
        }
    }
    line_reader_deinit(&p->reader);
    text_deinit(&problem);
    return code;
}

int tool_console_producer(struct cli *cli, int argc, char **argv)
{
    struct producing *p = ARENA_NEW(&cli->arena, struct producing);
    p->cli = cli;
    if (!jopt_parse(&p->options, producer_options, PRODUCER_OPTIONS, &cli->arena, argc, argv)) {
        return cli_usage(cli, &p->options, p->options.problem);
    }
    int code;
    if (!check_options(p, argc, &code)) return code;
    const char *topic = NULL;
    if (!jopt_value(&p->options, PRODUCER_TOPIC, &topic)) return bad_option(p), 1;
    p->topic = slice_str(topic);
    p->is_sync = jopt_has(&p->options, PRODUCER_SYNC);
    return run(p);
}
