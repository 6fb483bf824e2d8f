// SPDX-License-Identifier: Apache-2.0
#include "cli/consumer_settings.h"

#include <stdlib.h>
#include <strings.h>

static const char config_exception[] = "org.apache.kafka.common.config.ConfigException";

struct reading {
    struct cli *cli;
    const struct props *props;
    struct cli_thrown *thrown;
};

// What is found out after the settings have been parsed comes wrapped.
static bool refuse(struct reading *r, const char *class_name, const char *text)
{
    *r->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

static bool refuse_wrapped(struct reading *r, const char *class_name, const char *text)
{
    (void)refuse(r, class_name, text);
    cli_wrap(r->thrown, "org.apache.kafka.common.KafkaException", "Failed to construct kafka consumer");
    return false;
}

static bool complain(struct reading *r, const char *key, const char *why)
{
    struct slice value = props_get(r->props, key);
    return refuse(
        r, config_exception,
        arena_printf(&r->cli->arena, "Invalid value %.*s for configuration %s: %s", SLICE_FMT(value), key, why));
}

static bool number(struct reading *r, const char *key, int32_t least, int32_t *out)
{
    const char *text = props_string(r->cli, r->props, key, NULL);
    if (text == NULL) return true;
    char *end;
    long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value > INT32_MAX || value < INT32_MIN) {
        return complain(r, key, "Not a number of type INT");
    }
    if (value < least) return complain(r, key, arena_printf(&r->cli->arena, "Value must be at least %d", least));
    *out = (int32_t)value;
    return true;
}

static bool flag(struct reading *r, const char *key, bool *out)
{
    const char *text = props_string(r->cli, r->props, key, NULL);
    if (text == NULL) return true;
    *out = strcasecmp(text, "true") == 0;
    return *out || strcasecmp(text, "false") == 0 || complain(r, key, "Expected value to be either true or false");
}

static bool read_reset(struct reading *r, struct consumer_settings *settings)
{
    struct slice reset = props_get(r->props, "auto.offset.reset");
    settings->consumer.reset = slice_eq_str(reset, "earliest") ? RESET_EARLIEST
                               : slice_eq_str(reset, "none")   ? RESET_NONE
                                                               : RESET_LATEST;
    settings->group.reset = settings->consumer.reset;
    if (slice_is_null(reset) || settings->consumer.reset != RESET_LATEST || slice_eq_str(reset, "latest")) return true;
    return complain(r, "auto.offset.reset",
                    arena_printf(&r->cli->arena,
                                 "Invalid value `%.*s` for configuration auto.offset.reset. The value must be either "
                                 "'earliest', 'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'.",
                                 SLICE_FMT(reset)));
}

static bool read_consumer(struct reading *r, struct consumer_settings *settings)
{
    struct slice isolation = props_get(r->props, "isolation.level");
    struct consumer_config *consumer = &settings->consumer;
    consumer->read_committed = slice_eq_str(isolation, "read_committed");
    if (!slice_is_null(isolation) && !consumer->read_committed && !slice_eq_str(isolation, "read_uncommitted")) {
        return complain(r, "isolation.level", "String must be one of: read_committed, read_uncommitted");
    }
    consumer->rack_id = props_get(r->props, "client.rack");
    return read_reset(r, settings) && flag(r, "check.crcs", &consumer->check_crcs) &&
           number(r, "fetch.min.bytes", 0, &consumer->fetch_min_bytes) &&
           number(r, "fetch.max.wait.ms", 0, &consumer->fetch_max_wait_ms) &&
           number(r, "fetch.max.bytes", 0, &consumer->fetch_max_bytes) &&
           number(r, "max.partition.fetch.bytes", 0, &consumer->partition_max_bytes) &&
           number(r, "max.poll.records", 1, &settings->max_poll_records);
}

static bool read_assignors(struct reading *r, struct client_group_config *group)
{
    struct slice list = props_get(r->props, "partition.assignment.strategy");
    if (slice_is_null(list)) return true;
    group->assignor_count = 0;
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        struct slice one = slice_of(list.data, comma == NULL ? list.size : (size_t)(comma - list.data));
        size_t step = one.size + (comma != NULL);
        list = slice_of(list.data + step, list.size - step);
        while (one.size > 0 && one.data[0] == ' ') one = slice_of(one.data + 1, one.size - 1);
        while (one.size > 0 && one.data[one.size - 1] == ' ') one.size--;
        enum assignor assignor;
        // Java wants classes: the short names are the protocol's.
        if (memchr(one.data, '.', one.size) == NULL || !assignor_find(one, &assignor)) {
            const char *name = arena_str(&r->cli->arena, one);
            *r->thrown = cli_thrown((struct cli_error){"java.lang.ClassNotFoundException", name});
            cli_wrap(r->thrown, "org.apache.kafka.common.KafkaException",
                     arena_printf(&r->cli->arena, "%s ClassNotFoundException exception occurred", name));
            cli_wrap(r->thrown, "org.apache.kafka.common.KafkaException", "Failed to construct kafka consumer");
            return false;
        }
        if (group->assignor_count < GROUP_ASSIGNORS_MAX) group->assignors[group->assignor_count++] = assignor;
    }
    if (group->assignor_count > 0) return true;
    return complain(r, "partition.assignment.strategy", "must be non-empty.");
}

static bool read_group(struct reading *r, struct consumer_settings *settings)
{
    struct client_group_config *group = &settings->group;
    struct slice id = props_get(r->props, "group.id"), protocol = props_get(r->props, "group.protocol");
    settings->has_group = id.size > 0;
    settings->uses_consumer_protocol =
        protocol.size == 8 && strncasecmp((const char *)protocol.data, "consumer", 8) == 0;
    group->group_id = id;
    group->instance_id = props_get(r->props, "group.instance.id");
    group->auto_commit = settings->has_group;
    if (!read_assignors(r, group) || !flag(r, "enable.auto.commit", &group->auto_commit) ||
        !number(r, "session.timeout.ms", 0, &group->session_timeout_ms) ||
        !number(r, "heartbeat.interval.ms", 0, &group->heartbeat_interval_ms) ||
        !number(r, "max.poll.interval.ms", 1, &group->rebalance_timeout_ms) ||
        !number(r, "auto.commit.interval.ms", 0, &group->auto_commit_interval_ms) ||
        !number(r, "default.api.timeout.ms", 0, &group->api_timeout_ms)) {
        return false;
    }
    if (!slice_is_null(id) && id.size == 0) {
        return refuse_wrapped(r, "org.apache.kafka.common.errors.InvalidGroupIdException",
                              "The configured group.id should not be an empty string or whitespace.");
    }
    if (group->heartbeat_interval_ms >= group->session_timeout_ms) {
        return refuse_wrapped(r, "java.lang.IllegalArgumentException",
                              "Heartbeat must be set lower than the session timeout");
    }
    if (group->heartbeat_interval_ms < 1) group->heartbeat_interval_ms = 1;
    if (group->auto_commit_interval_ms < 1) group->auto_commit_interval_ms = 1;
    return true;
}

bool consumer_settings_read(struct consumer_settings *settings, struct cli *cli, const struct props *props,
                            struct cli_thrown *thrown)
{
    struct reading r = {cli, props, thrown};
    struct client_config *client = &settings->client;
    *settings = (struct consumer_settings){.max_poll_records = 500};
    client_config_init(client);
    consumer_config_init(&settings->consumer);
    client_group_config_init(&settings->group);
    client->allow_topic_creation = true;
    if (!read_consumer(&r, settings) || !read_group(&r, settings) ||
        !number(&r, "request.timeout.ms", 0, &client->request_timeout_ms) ||
        !number(&r, "metadata.max.age.ms", 0, &client->metadata_max_age_ms) ||
        !number(&r, "retry.backoff.ms", 0, &client->retry_backoff_ms) ||
        !flag(&r, "allow.auto.create.topics", &client->allow_topic_creation)) {
        return false;
    }
    struct slice id = props_get(props, "group.id");
    client->bootstrap = props_get(props, "bootstrap.servers");
    client->client_id = props_get(props, "client.id");
    if (client->client_id.size == 0) {
        client->client_id = slice_str(arena_printf(&cli->arena, "consumer-%.*s-1", SLICE_FMT(id)));
    }
    client->log = cli->host->log;
    client->log_name = arena_printf(&cli->arena, "[Consumer clientId=%.*s, groupId=%.*s]", SLICE_FMT(client->client_id),
                                    SLICE_FMT(id));
    client->names_bootstrap = true;
    return true;
}

// ---- a consumer's life -----------------------------------------------------------------------------------------

bool consuming_client_open(struct consuming_client *c, struct cli *cli, const struct consumer_settings *settings,
                           bool with_group, struct cli_thrown *thrown)
{
    struct text problem = {0};
    *c = (struct consuming_client){0};
    enum err e = client_new(cli->host->env, &settings->client, &problem, &c->client);
    if (e != OK) {
        *thrown = cli_thrown((struct cli_error){config_exception, arena_str(&cli->arena, text_slice(&problem))});
        cli_wrap(thrown, "org.apache.kafka.common.KafkaException", "Failed to construct kafka consumer");
    }
    text_deinit(&problem);
    if (e != OK) return false;
    c->consumer = consumer_new(c->client, &settings->consumer);
    if (with_group) c->group = client_group_new(c->client, c->consumer, &settings->group);
    return true;
}

static bool is_closed(void *context)
{
    return client_group_is_closed(context);
}

void consuming_client_close(struct consuming_client *c, struct cli *cli, int32_t timeout_ms)
{
    if (c->group != NULL) {
        client_group_close(c->group, timeout_ms);
        (void)cli->host->run_until(cli->host->env, is_closed, c->group);
    }
    client_group_free(c->group);
    consumer_free(c->consumer);
    client_free(c->client);
    *c = (struct consuming_client){0};
}

// ---- failures --------------------------------------------------------------------------------------------------

struct cli_error group_error(struct cli *cli, const struct consumer_settings *settings,
                             const struct client_group_failure *failure)
{
    struct slice id = settings->group.group_id;
    struct cli_error error = cli_error_of(cli, failure->err, SLICE_NULL);
    if (failure->err == ERR_NOT_FOUND) {
        error.class_name = "org.apache.kafka.clients.consumer.NoOffsetForPartitionException";
        error.text = arena_printf(&cli->arena, "Undefined offset with no reset policy for partitions: [%.*s-%d]",
                                  SLICE_FMT(failure->topic), failure->partition);
    } else if (failure->err == ERR_GROUP_AUTHORIZATION_FAILED) {
        error.text = arena_printf(&cli->arena, "Not authorized to access group: %.*s", SLICE_FMT(id));
    } else if (failure->err == ERR_UNSUPPORTED_VERSION) {
        error.text = "The node does not support JOIN_GROUP";
    }
    return error;
}

static struct cli_error out_of_range(struct cli *cli, struct client *client, const struct consumer_failure *failure)
{
    struct text leader = {0};
    const struct client_topic *topic = client_topic(client, failure->topic);
    struct client_partition partition = {.leader = -1, .leader_epoch = -1};
    if (topic != NULL && failure->partition < topic->partition_count) partition = topic->partitions[failure->partition];
    struct slice host;
    int port;
    if (client_address(client, partition.leader, &host, &port)) {
        text_printf(&leader, "Optional[%.*s:%d (id: %d rack: null isFenced: false)]", SLICE_FMT(host), port,
                    partition.leader);
    } else {
        text_add_str(&leader, "Optional.empty");
    }
    struct cli_error error = {.class_name = "org.apache.kafka.clients.consumer.OffsetOutOfRangeException"};
    error.text =
        arena_printf(&cli->arena,
                     "Fetch position FetchPosition{offset=%lld, offsetEpoch=Optional.empty, "
                     "currentLeader=LeaderAndEpoch{leader=%s, epoch=%d}} is out of range for partition %.*s-%d",
                     (long long)failure->offset, text_cstr(&leader), partition.leader_epoch, SLICE_FMT(failure->topic),
                     failure->partition);
    text_deinit(&leader);
    return error;
}

struct cli_error reading_error(struct cli *cli, struct client *client, const struct consumer_failure *failure)
{
    struct cli_error error = cli_error_of(cli, failure->err, SLICE_NULL);
    if (failure->err == ERR_OFFSET_OUT_OF_RANGE) return out_of_range(cli, client, failure);
    if (failure->err == ERR_INVALID_TOPIC_EXCEPTION) {
        error.text = arena_printf(&cli->arena, "Invalid topics: [%.*s]", SLICE_FMT(failure->topic));
    } else if (failure->err == ERR_TOPIC_AUTHORIZATION_FAILED) {
        error.text = arena_printf(&cli->arena, "Not authorized to access topics: [%.*s]", SLICE_FMT(failure->topic));
    }
    return error;
}
