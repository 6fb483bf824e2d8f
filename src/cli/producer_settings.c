// SPDX-License-Identifier: Apache-2.0
#include "cli/producer_settings.h"

#include <stdlib.h>

static const char config_exception[] = "org.apache.kafka.common.config.ConfigException";

struct reading {
    struct cli *cli;
    const struct props *props;
    struct cli_error *error;
};

static bool complain(struct reading *r, const char *key, const char *why)
{
    struct slice value = props_get(r->props, key);
    r->error->class_name = config_exception;
    r->error->text =
        arena_printf(&r->cli->arena, "Invalid value %.*s for configuration %s: %s", SLICE_FMT(value), key, why);
    return false;
}

static bool number(struct reading *r, const char *key, bool is_long, int64_t least, int64_t *out)
{
    const char *text = props_string(r->cli, r->props, key, NULL);
    if (text == NULL) return true;
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || (!is_long && (value > INT32_MAX || value < INT32_MIN))) {
        return complain(r, key, is_long ? "Not a number of type LONG" : "Not a number of type INT");
    }
    if (value < least) {
        return complain(r, key, arena_printf(&r->cli->arena, "Value must be at least %lld", (long long)least));
    }
    *out = value;
    return true;
}

// A number that is an int here; Java has longs among them.
static bool small(struct reading *r, const char *key, bool is_long, int32_t least, int32_t *out)
{
    int64_t value = *out;
    if (!number(r, key, is_long, least, &value)) return false;
    *out = value > INT32_MAX ? INT32_MAX : (int32_t)value;
    return true;
}

static bool read_words(struct reading *r, struct producer_config *config)
{
    struct slice codec = props_get(r->props, "compression.type"), acks = props_get(r->props, "acks");
    bool is_known = slice_is_null(acks) || slice_eq_str(acks, "all") || slice_eq_str(acks, "-1") ||
                    slice_eq_str(acks, "0") || slice_eq_str(acks, "1");
    if (!is_known) return complain(r, "acks", "String must be one of: all, -1, 0, 1");
    config->acks = slice_eq_str(acks, "0") ? 0 : slice_eq_str(acks, "1") ? 1 : -1;
    if (slice_is_null(codec) || codec_parse(codec, &config->codec) == OK) return true;
    return complain(r, "compression.type", "String must be one of: none, gzip, snappy, lz4, zstd");
}

bool producer_settings_read(struct producer_settings *settings, struct cli *cli, const struct props *props,
                            struct cli_error *error)
{
    struct reading r = {cli, props, error};
    struct producer_config *producer = &settings->producer;
    struct client_config *client = &settings->client;
    *settings = (struct producer_settings){.max_block_ms = 60000};
    producer_config_init(producer);
    client_config_init(client);
    if (!small(&r, "batch.size", false, 0, &producer->batch_size_bytes) || !read_words(&r, producer) ||
        !small(&r, "linger.ms", true, 0, &producer->linger_ms) || !small(&r, "retries", false, 0, &producer->retries) ||
        !small(&r, "retry.backoff.ms", true, 0, &producer->retry_backoff_ms) ||
        !small(&r, "request.timeout.ms", false, 0, &producer->request_timeout_ms) ||
        !small(&r, "delivery.timeout.ms", false, 0, &producer->delivery_timeout_ms) ||
        !small(&r, "max.request.size", false, 0, &producer->max_request_bytes) ||
        !small(&r, "max.in.flight.requests.per.connection", false, 1, &producer->max_in_flight) ||
        !small(&r, "metadata.max.age.ms", true, 0, &client->metadata_max_age_ms) ||
        !number(&r, "buffer.memory", true, 0, &producer->buffer_bytes) ||
        !number(&r, "max.block.ms", true, 0, &settings->max_block_ms)) {
        return false;
    }
    bool wants = !slice_eq_str(props_get(props, "enable.idempotence"), "false");
    producer->is_idempotent = wants && producer->acks == -1 && producer->retries > 0 && producer->max_in_flight <= 5;
    client->bootstrap = props_get(props, "bootstrap.servers");
    client->client_id = props_get(props, "client.id");
    if (client->client_id.size == 0) client->client_id = SLICE("producer-1");
    client->request_timeout_ms = producer->request_timeout_ms;
    client->retry_backoff_ms = producer->retry_backoff_ms;
    client->log = cli->host->log;
    client->log_name = arena_printf(&cli->arena, "[Producer clientId=%.*s]", SLICE_FMT(client->client_id));
    client->names_bootstrap = true;
    return true;
}

// ---- a producer's life -----------------------------------------------------------------------------------------

bool producing_client_open(struct producing_client *p, struct cli *cli, const struct producer_settings *settings,
                           struct cli_thrown *thrown)
{
    struct text problem = {0};
    *p = (struct producing_client){.cli = cli, .settings = settings};
    enum err e = client_new(cli->host->env, &settings->client, &problem, &p->client);
    if (e == OK) {
        p->producer = producer_new(p->client, &settings->producer);
    } else {
        *thrown = cli_thrown((struct cli_error){config_exception, arena_str(&cli->arena, text_slice(&problem))});
        cli_wrap(thrown, "org.apache.kafka.common.KafkaException", "Failed to construct kafka producer");
    }
    text_deinit(&problem);
    return e == OK;
}

static void expired(struct env *env, struct env_timer *timer)
{
    (void)env;
    CONTAINER_OF(timer, struct producing_client, timer)->timed_out = true;
}

static bool may_send(void *context)
{
    struct producing_client *p = context;
    if (p->timed_out || p->cli->stop_signal != 0) return true;
    const struct client_topic *topic = client_topic(p->client, p->topic);
    bool known = topic != NULL && (topic->partition_count > 0 || !err_is_retriable(topic->err));
    return known && producer_has_room(p->producer);
}

enum err producing_client_send(struct producing_client *p, const struct producer_record *record)
{
    struct env *env = p->cli->host->env;
    enum err e = producer_send(p->producer, record);
    if (e != ERR_AGAIN) return e;
    p->topic = record->topic;
    p->timed_out = false;
    p->timer.fire = expired;
    env_timer_after_ms(env, &p->timer, p->settings->max_block_ms);
    while (e == ERR_AGAIN && !p->timed_out && p->cli->stop_signal == 0) {
        (void)p->cli->host->run_until(env, may_send, p);
        e = producer_send(p->producer, record);
    }
    env_timer_cancel(env, &p->timer);
    return e;
}

struct cli_error producing_client_error(struct producing_client *p, const struct producer_record *record, enum err e)
{
    struct arena *arena = &p->cli->arena;
    struct cli_error error = cli_error_of(p->cli, e, SLICE_NULL);
    if (e == ERR_MESSAGE_TOO_LARGE) {
        size_t size =
            BATCH_HEADER_SIZE + record_size_max(record->key, record->value, record->headers, record->header_count);
        error.text = arena_printf(arena,
                                  "The message is %zu bytes when serialized which is larger than %d, which is the "
                                  "value of the max.request.size configuration.",
                                  size, p->settings->producer.max_request_bytes);
    } else if (e == ERR_AGAIN) {
        error.class_name = "org.apache.kafka.common.errors.TimeoutException";
        error.text = arena_printf(arena, "Topic %.*s not present in metadata after %lld ms.", SLICE_FMT(record->topic),
                                  (long long)p->settings->max_block_ms);
    } else if (e == ERR_INVALID_TOPIC_EXCEPTION) {
        error.text = arena_printf(arena, "Invalid topics: [%.*s]", SLICE_FMT(record->topic));
    } else if (e == ERR_TOPIC_AUTHORIZATION_FAILED) {
        error.text = arena_printf(arena, "Not authorized to access topics: [%.*s]", SLICE_FMT(record->topic));
    }
    return error;
}

static bool is_over(void *context)
{
    struct producing_client *p = context;
    return p->timed_out || p->cli->stop_signal != 0;
}

void producing_client_run(struct producing_client *p, int64_t at_ns)
{
    struct env *env = p->cli->host->env;
    p->timed_out = false;
    p->timer.fire = expired;
    env_timer_set_ns(env, &p->timer, at_ns);
    (void)p->cli->host->run_until(env, is_over, p);
    env_timer_cancel(env, &p->timer);
}

static bool is_delivered(void *context)
{
    return producer_pending(((struct producing_client *)context)->producer) == 0;
}

void producing_client_flush(struct producing_client *p)
{
    producer_flush(p->producer);
    (void)p->cli->host->run_until(p->cli->host->env, is_delivered, p);
}

void producing_client_close(struct producing_client *p)
{
    if (p->producer != NULL) producing_client_flush(p);
    producer_free(p->producer);
    client_free(p->client);
    p->producer = NULL;
    p->client = NULL;
}
