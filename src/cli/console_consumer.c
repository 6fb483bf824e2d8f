// SPDX-License-Identifier: Apache-2.0
// kafka-console-consumer.sh (kafka-cli 4). Without --partition all partitions of the topics are read, by assigning them
// to ourselves: the tool's own group is thrown away after each run, so nothing is lost by having none.
#include "cli/formatter.h"

#include "cli/options_consumer.h"
#include "proto/apis.h"
#include "proto/metadata.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

static const char logger[] = "org.apache.kafka.tools.consumer.ConsoleConsumer";

// A topic being read.
struct watched {
    struct list link;
    char *name;
    int32_t assigned; // partitions
};

struct consuming {
    struct cli *cli;
    struct jopt options;
    struct props props, formatter_props;
    struct formatter formatter;
    struct client *client;
    struct consumer *consumer;
    struct client_listener listener;
    struct list topics; // struct watched
    struct regex *include;
    struct client_call list_call; // all topics, for --include
    struct metadata_request list_request;
    bool list_is_open;
    struct env_timer list_timer;
    struct slice topic;
    int64_t partition;    // -1 = all
    int64_t start;        // offset or CONSUMER_*, for --partition
    int64_t reset;        // CONSUMER_EARLIEST or CONSUMER_LATEST
    int64_t max_messages; // -1 = no limit
    int64_t timeout_ms;   // -1 = none
    int64_t count;
    struct env_timer timer;
    bool timed_out;
};

static bool has(const struct consuming *c, int option)
{
    return jopt_has(&c->options, option);
}

// ---- options ---------------------------------------------------------------------------------------------------

struct renamed {
    int old, new;
};

static const struct renamed renamed[] = {
    {CONSUMER_CONSUMER_PROPERTY, CONSUMER_COMMAND_PROPERTY},
    {CONSUMER_PROPERTY, CONSUMER_FORMATTER_PROPERTY},
    {CONSUMER_CONSUMER_CONFIG, CONSUMER_COMMAND_CONFIG},
};

static bool usage(struct consuming *c, const char *text)
{
    (void)cli_usage(c->cli, &c->options, text);
    return false;
}

// An exception nobody catches.
static bool uncaught(struct consuming *c)
{
    cli_err(c->cli, "Exception in thread \"main\" %s: %s\n", c->options.problem_class, c->options.problem);
    return false;
}

// True: go on.
static bool check_options(struct consuming *c, int argc, int *code)
{
    struct cli *cli = c->cli;
    *code = 1;
    if (argc == 1 || has(c, CONSUMER_HELP)) {
        return usage(c, "This tool helps to read data from Kafka topics and outputs it to standard output.");
    }
    if (has(c, CONSUMER_VERSION)) {
        cli_out(cli, "%s\n", KAFKA_VERSION);
        *code = 0;
        return false;
    }
    if (has(c, CONSUMER_PARTITION) && !has(c, CONSUMER_TOPIC) && has(c, CONSUMER_INCLUDE)) {
        return usage(c, "The topic is required when partition is specified.");
    }
    if (has(c, CONSUMER_TOPIC) + has(c, CONSUMER_INCLUDE) != 1) {
        return usage(c, "Exactly one of the following arguments is required: [topic], [include]");
    }
    int64_t partition = -1;
    if (!jopt_number(&c->options, CONSUMER_PARTITION, &partition)) return uncaught(c);
    if (has(c, CONSUMER_PARTITION)) {
        if (has(c, CONSUMER_FROM_BEGINNING) && has(c, CONSUMER_OFFSET)) {
            return usage(c, "Options from-beginning and offset cannot be specified together.");
        }
    } else if (has(c, CONSUMER_OFFSET)) {
        return usage(c, "The partition is required when offset is specified.");
    }
    if (!has(c, CONSUMER_BOOTSTRAP_SERVER)) return usage(c, "Missing required argument \"[bootstrap-server]\"");
    for (size_t i = 0; i < COUNT_OF(renamed); i++) {
        const char *old = consumer_options[renamed[i].old].name, *new = consumer_options[renamed[i].new].name;
        if (!has(c, renamed[i].old)) continue;
        if (has(c, renamed[i].new)) {
            return usage(c, arena_printf(&cli->arena, "Options --%s and --%s cannot be specified together.", old, new));
        }
        cli_out(cli, "Option --%s is deprecated and will be removed in a future version. Use --%s instead.\n", old,
                new);
    }
    return true;
}

static bool load_file(struct consuming *c, int option, struct props *props)
{
    const char *file = NULL;
    if (!jopt_value(&c->options, option, &file)) return uncaught(c);
    if (file == NULL || props_load(props, c->cli, file) == OK) return true;
    cli_err(c->cli, "Exception in thread \"main\" java.nio.file.NoSuchFileException: %s\n", file);
    return false;
}

// The group wherever it is named; all must agree.
static bool check_group(struct consuming *c, const struct props *from_file, const struct props *extra, bool *has_group)
{
    const char *names[3] = {NULL, props_string(c->cli, from_file, "group.id", NULL),
                            props_string(c->cli, extra, "group.id", NULL)};
    if (!jopt_value(&c->options, CONSUMER_GROUP, &names[0])) return uncaught(c);
    struct text list = {0};
    int distinct = 0;
    for (int i = 0; i < 3; i++) {
        bool is_new = names[i] != NULL;
        for (int j = 0; j < i; j++) is_new = is_new && (names[j] == NULL || strcmp(names[i], names[j]) != 0);
        if (is_new) text_printf(&list, "%s'%s'", distinct++ > 0 ? ", " : "", names[i]);
    }
    const char *text = NULL;
    if (distinct > 1) {
        text = arena_printf(&c->cli->arena,
                            "The group ids provided in different places (directly using '--group', via "
                            "'--consumer-property', or via '--consumer.config') do not match. Detected group ids: %s",
                            text_cstr(&list));
    } else if (distinct == 1 && has(c, CONSUMER_PARTITION)) {
        text = "Options group and partition cannot be specified together.";
    }
    text_deinit(&list);
    *has_group = distinct > 0;
    return text == NULL || usage(c, text);
}

static bool gather_props(struct consuming *c, bool *has_group)
{
    struct cli *cli = c->cli;
    struct props extra = {0};
    if (!load_file(c, CONSUMER_CONSUMER_CONFIG, &c->props) || !load_file(c, CONSUMER_COMMAND_CONFIG, &c->props))
        return false;
    props_add_words(&extra, cli, &c->options, CONSUMER_COMMAND_PROPERTY);
    props_add_words(&extra, cli, &c->options, CONSUMER_CONSUMER_PROPERTY);
    if (!check_group(c, &c->props, &extra, has_group)) return false;
    for (size_t i = 0; i < extra.count; i++) props_put(&c->props, cli, extra.items[i].name, extra.items[i].value);
    struct slice reset = props_get(&c->props, "auto.offset.reset");
    if (!slice_is_null(reset) && has(c, CONSUMER_FROM_BEGINNING) && !slice_eq_str(reset, "earliest")) {
        cli_err(cli,
                "Can't simultaneously specify --from-beginning and 'auto.offset.reset=%.*s', please remove one "
                "option\n",
                SLICE_FMT(reset));
        return false;
    }
    if (slice_is_null(reset)) {
        struct slice value = SLICE("latest");
        if (has(c, CONSUMER_FROM_BEGINNING)) value = SLICE("earliest");
        props_put(&c->props, cli, SLICE("auto.offset.reset"), value);
    }
    const char *bootstrap = NULL, *isolation = NULL;
    if (!jopt_value(&c->options, CONSUMER_BOOTSTRAP_SERVER, &bootstrap) ||
        !jopt_value(&c->options, CONSUMER_ISOLATION_LEVEL, &isolation)) {
        return uncaught(c);
    }
    props_put(&c->props, cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    if (slice_is_null(props_get(&c->props, "client.id")))
        props_put(&c->props, cli, SLICE("client.id"), SLICE("console-consumer"));
    if (has(c, CONSUMER_ISOLATION_LEVEL) || slice_is_null(props_get(&c->props, "isolation.level"))) {
        props_put(&c->props, cli, SLICE("isolation.level"), slice_str(isolation));
    }
    return true;
}

static bool bad_offset(struct consuming *c, const char *text)
{
    return usage(c, arena_printf(&c->cli->arena,
                                 "The provided offset value '%s' is incorrect. Valid values are "
                                 "'earliest', 'latest', or a non-negative long.",
                                 text));
}

static bool parse_offset(struct consuming *c)
{
    c->start = has(c, CONSUMER_FROM_BEGINNING) ? CONSUMER_EARLIEST : CONSUMER_LATEST;
    if (!has(c, CONSUMER_OFFSET)) return true;
    const char *text = NULL;
    if (!jopt_value(&c->options, CONSUMER_OFFSET, &text)) return uncaught(c);
    if (strcasecmp(text, "earliest") == 0) {
        c->start = CONSUMER_EARLIEST;
    } else if (strcasecmp(text, "latest") == 0) {
        c->start = CONSUMER_LATEST;
    } else {
        char *end;
        errno = 0;
        long long number = strtoll(text, &end, 10);
        if (*text == '\0' || *text == ' ' || *end != '\0' || errno != 0 || number < 0) return bad_offset(c, text);
        c->start = number;
    }
    return true;
}

static bool parse_values(struct consuming *c)
{
    struct cli *cli = c->cli;
    const char *class_name = NULL, *key = NULL, *value = NULL, *topic = NULL;
    c->partition = c->max_messages = c->timeout_ms = -1;
    if (!jopt_value(&c->options, CONSUMER_FORMATTER, &class_name) ||
        !jopt_value(&c->options, CONSUMER_KEY_DESERIALIZER, &key) ||
        !jopt_value(&c->options, CONSUMER_VALUE_DESERIALIZER, &value) ||
        !jopt_value(&c->options, CONSUMER_TOPIC, &topic) ||
        !jopt_number(&c->options, CONSUMER_PARTITION, &c->partition) ||
        !jopt_number(&c->options, CONSUMER_MAX_MESSAGES, &c->max_messages) ||
        !jopt_number(&c->options, CONSUMER_TIMEOUT_MS, &c->timeout_ms)) {
        return uncaught(c);
    }
    c->topic = slice_str(topic);
    enum formatter_kind kind;
    if (!formatter_find(class_name, &kind)) return usage(c, class_name);
    if (!load_file(c, CONSUMER_FORMATTER_CONFIG, &c->formatter_props)) return false;
    if (key != NULL && *key != '\0') props_put(&c->formatter_props, cli, SLICE("key.deserializer"), slice_str(key));
    if (value != NULL && *value != '\0')
        props_put(&c->formatter_props, cli, SLICE("value.deserializer"), slice_str(value));
    props_add_words(&c->formatter_props, cli, &c->options, CONSUMER_FORMATTER_PROPERTY);
    props_add_words(&c->formatter_props, cli, &c->options, CONSUMER_PROPERTY);
    formatter_init(&c->formatter, cli, kind, &c->formatter_props);
    return parse_offset(c);
}

// ---- settings --------------------------------------------------------------------------------------------------

static bool run_failed(struct consuming *c, const char *class_name, const char *text)
{
    cli_flush(c->cli);
    log_error(c->cli->host->log, logger, "Unknown error when running consumer: ");
    (void)cli_stack(c->cli, class_name, text);
    return false;
}

static bool bad_config(struct consuming *c, const char *key, const char *why)
{
    struct slice value = props_get(&c->props, key);
    return run_failed(
        c, "org.apache.kafka.common.config.ConfigException",
        arena_printf(&c->cli->arena, "Invalid value %.*s for configuration %s: %s", SLICE_FMT(value), key, why));
}

static bool int_of(struct consuming *c, const char *key, int32_t *out)
{
    const char *text = props_string(c->cli, &c->props, key, NULL);
    if (text == NULL) return true;
    char *end;
    long long number = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number > INT32_MAX) return bad_config(c, key, "Not a number of type INT");
    if (number < 0) return bad_config(c, key, "Value must be at least 0");
    *out = (int32_t)number;
    return true;
}

static bool configure(struct consuming *c, struct consumer_config *config, struct client_config *client)
{
    struct slice isolation = props_get(&c->props, "isolation.level"), reset = props_get(&c->props, "auto.offset.reset");
    config->read_committed = slice_eq_str(isolation, "read_committed");
    if (!config->read_committed && !slice_eq_str(isolation, "read_uncommitted")) {
        return bad_config(c, "isolation.level", "String must be one of: read_committed, read_uncommitted");
    }
    config->reset = slice_eq_str(reset, "earliest") ? RESET_EARLIEST
                    : slice_eq_str(reset, "none")   ? RESET_NONE
                                                    : RESET_LATEST;
    if (config->reset == RESET_LATEST && !slice_eq_str(reset, "latest")) {
        return bad_config(c, "auto.offset.reset",
                          arena_printf(&c->cli->arena,
                                       "Invalid value `%.*s` for configuration auto.offset.reset. The value must be "
                                       "either 'earliest', 'latest', 'none' or of the format "
                                       "'by_duration:<PnDTnHnMn.nS.>'.",
                                       SLICE_FMT(reset)));
    }
    c->reset = config->reset == RESET_EARLIEST ? CONSUMER_EARLIEST : CONSUMER_LATEST;
    config->check_crcs = !slice_eq_str(props_get(&c->props, "check.crcs"), "false");
    config->rack_id = props_get(&c->props, "client.rack");
    if (!int_of(c, "fetch.min.bytes", &config->fetch_min_bytes) ||
        !int_of(c, "fetch.max.wait.ms", &config->fetch_max_wait_ms) ||
        !int_of(c, "fetch.max.bytes", &config->fetch_max_bytes) ||
        !int_of(c, "max.partition.fetch.bytes", &config->partition_max_bytes) ||
        !int_of(c, "request.timeout.ms", &client->request_timeout_ms) ||
        !int_of(c, "metadata.max.age.ms", &client->metadata_max_age_ms) ||
        !int_of(c, "retry.backoff.ms", &client->retry_backoff_ms)) {
        return false;
    }
    uint32_t noise;
    env_random(c->cli->host->env, &noise, sizeof(noise));
    client->bootstrap = props_get(&c->props, "bootstrap.servers");
    client->client_id = props_get(&c->props, "client.id");
    client->log = c->cli->host->log;
    client->log_name = arena_printf(&c->cli->arena, "[Consumer clientId=%.*s, groupId=console-consumer-%u]",
                                    SLICE_FMT(client->client_id), noise % 100000);
    client->names_bootstrap = true;
    client->allow_topic_creation = !slice_eq_str(props_get(&c->props, "allow.auto.create.topics"), "false");
    return true;
}

// ---- which partitions ------------------------------------------------------------------------------------------

static void watch(struct consuming *c, struct slice name)
{
    LIST_EACH (link, &c->topics) {
        if (slice_eq_str(name, LIST_ITEM(link, struct watched, link)->name)) return;
    }
    struct watched *topic = ARENA_NEW(&c->cli->arena, struct watched);
    topic->name = arena_str(&c->cli->arena, name);
    list_push_back(&c->topics, &topic->link);
    client_want_topic(c->client, name);
}

// Partitions that have become known are read from where auto.offset.reset says.
static void on_metadata(struct client *client, struct client_listener *listener)
{
    struct consuming *c = CONTAINER_OF(listener, struct consuming, listener);
    LIST_EACH (link, &c->topics) {
        struct watched *topic = LIST_ITEM(link, struct watched, link);
        const struct client_topic *meta = client_topic(client, slice_str(topic->name));
        for (; meta != NULL && topic->assigned < meta->partition_count; topic->assigned++) {
            consumer_assign(c->consumer, slice_str(topic->name), topic->assigned, c->reset);
        }
    }
}

static void listed(struct client *client, struct client_call *call)
{
    struct consuming *c = call->context;
    c->list_is_open = false;
    const struct metadata_response *answer = call->response;
    for (int32_t i = 0; call->err == OK && i < answer->topics.count; i++) {
        const struct metadata_response_metadata_response_topic *topic = &answer->topics.items[i];
        if (!topic->is_internal && topic->error_code == OK && regex_matches(c->include, topic->name))
            watch(c, topic->name);
    }
    int64_t wait_ms =
        call->err == OK ? client_config(client)->metadata_max_age_ms : client_config(client)->retry_backoff_ms;
    client_call_deinit(call);
    if (call->err != ERR_CLOSED) env_timer_after_ms(client_env(client), &c->list_timer, wait_ms);
}

static void list_all(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct consuming *c = CONTAINER_OF(timer, struct consuming, list_timer);
    c->list_request = metadata_request_init();
    c->list_request.topics.count = -1;
    c->list_is_open = true;
    c->list_call = (struct client_call){.api_key = API_METADATA,
                                        .node_id = CLIENT_ANY,
                                        .request = &c->list_request,
                                        .version_min = 1,
                                        .done = listed,
                                        .context = c};
    client_call(c->client, &c->list_call);
}

static bool subscribe(struct consuming *c)
{
    if (c->partition >= 0) {
        consumer_assign(c->consumer, c->topic, (int32_t)c->partition, c->start);
        return true;
    }
    c->listener.changed = on_metadata;
    client_listen(c->client, &c->listener);
    if (has(c, CONSUMER_TOPIC)) {
        watch(c, c->topic);
        return true;
    }
    const char *pattern = NULL;
    if (!jopt_value(&c->options, CONSUMER_INCLUDE, &pattern)) return uncaught(c);
    struct text problem = {0};
    c->include = regex_new(slice_str(pattern), &problem);
    if (c->include == NULL) (void)run_failed(c, "java.util.regex.PatternSyntaxException", text_cstr(&problem));
    text_deinit(&problem);
    if (c->include == NULL) return false;
    c->list_timer.fire = list_all;
    env_timer_after_ms(c->cli->host->env, &c->list_timer, 0);
    return true;
}

// ---- reading ---------------------------------------------------------------------------------------------------

static void expired(struct env *env, struct env_timer *timer)
{
    (void)env;
    CONTAINER_OF(timer, struct consuming, timer)->timed_out = true;
}

static bool may_go_on(void *context)
{
    struct consuming *c = context;
    return c->timed_out || c->cli->stop_signal != 0 || consumer_is_ready(c->consumer);
}

static void report_count(struct consuming *c)
{
    cli_flush(c->cli);
    cli_err(c->cli, "Processed a total of %lld messages\n", (long long)c->count);
}

static void stopped_by(struct consuming *c, const char *class_name, const char *text)
{
    cli_flush(c->cli);
    log_error(c->cli->host->log, logger, "Error processing message, terminating consumer process: ");
    if (text == NULL)
        cli_err(c->cli, "%s\n", class_name);
    else
        (void)cli_stack(c->cli, class_name, text);
}

static struct cli_error out_of_range(struct consuming *c, const struct consumer_failure *failure)
{
    struct text leader = {0};
    const struct client_topic *topic = client_topic(c->client, failure->topic);
    struct client_partition partition = {.leader = -1, .leader_epoch = -1};
    if (topic != NULL && failure->partition < topic->partition_count) partition = topic->partitions[failure->partition];
    struct slice host;
    int port;
    if (client_address(c->client, partition.leader, &host, &port)) {
        text_printf(&leader, "Optional[%.*s:%d (id: %d rack: null isFenced: false)]", SLICE_FMT(host), port,
                    partition.leader);
    } else {
        text_add_str(&leader, "Optional.empty");
    }
    struct cli_error error = {.class_name = "org.apache.kafka.clients.consumer.OffsetOutOfRangeException"};
    error.text =
        arena_printf(&c->cli->arena,
                     "Fetch position FetchPosition{offset=%lld, offsetEpoch=Optional.empty, "
                     "currentLeader=LeaderAndEpoch{leader=%s, epoch=%d}} is out of range for partition %.*s-%d",
                     (long long)failure->offset, text_cstr(&leader), partition.leader_epoch, SLICE_FMT(failure->topic),
                     failure->partition);
    text_deinit(&leader);
    return error;
}

// Waits for a record. False: it is over, and has been said why.
static bool wait_for_record(struct consuming *c)
{
    struct env *env = c->cli->host->env;
    cli_flush(c->cli);
    if (c->cli->out_is_closed) return true;
    c->timed_out = false;
    c->timer.fire = expired;
    if (c->timeout_ms >= 0) env_timer_after_ms(env, &c->timer, c->timeout_ms);
    bool runs = c->cli->host->run_until(env, may_go_on, c);
    env_timer_cancel(env, &c->timer);
    struct consumer_failure failure;
    if (!runs || c->cli->stop_signal != 0) return false;
    if (consumer_failed(c->consumer, &failure)) {
        struct cli_error error = cli_error_of(c->cli, failure.err, SLICE_NULL);
        if (failure.err == ERR_OFFSET_OUT_OF_RANGE) {
            error = out_of_range(c, &failure);
        } else if (failure.err == ERR_INVALID_TOPIC_EXCEPTION) {
            error.text = arena_printf(&c->cli->arena, "Invalid topics: [%.*s]", SLICE_FMT(failure.topic));
        } else if (failure.err == ERR_TOPIC_AUTHORIZATION_FAILED) {
            error.text =
                arena_printf(&c->cli->arena, "Not authorized to access topics: [%.*s]", SLICE_FMT(failure.topic));
        }
        stopped_by(c, error.class_name, error.text);
        return false;
    }
    if (!c->timed_out || consumer_is_ready(c->consumer)) return true;
    stopped_by(c, "org.apache.kafka.common.errors.TimeoutException", NULL);
    return false;
}

// Returns the exit code.
static int read_records(struct consuming *c)
{
    struct cli *cli = c->cli;
    while (c->max_messages < 0 || c->count < c->max_messages) {
        struct consumer_record record;
        if (!consumer_next(c->consumer, &record)) {
            if (!wait_for_record(c)) break;
        } else {
            c->count++;
            struct cli_error problem;
            if (!formatter_write(&c->formatter, cli, &record, &problem)) {
                if (!has(c, CONSUMER_SKIP_MESSAGE_ON_ERROR)) {
                    report_count(c);
                    return run_failed(c, problem.class_name, problem.text), 1;
                }
                cli_flush(cli);
                log_error(cli->host->log, logger, "Error processing message, skipping this message: ");
                (void)cli_stack(cli, problem.class_name, problem.text);
            }
        }
        if (cli->out_is_closed) {
            cli_err(cli, "Unable to write to standard out, closing consumer.\n");
            break;
        }
    }
    report_count(c);
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : 0;
}

static int consume(struct consuming *c)
{
    struct cli *cli = c->cli;
    struct consumer_config config;
    struct client_config client;
    consumer_config_init(&config);
    client_config_init(&client);
    if (!configure(c, &config, &client)) return 1;
    struct text problem = {0};
    enum err e = client_new(cli->host->env, &client, &problem, &c->client);
    if (e != OK) {
        (void)run_failed(c, "org.apache.kafka.common.KafkaException", "Failed to construct kafka consumer");
        cli_err(cli, "Caused by: org.apache.kafka.common.config.ConfigException: %s\n", text_cstr(&problem));
    }
    text_deinit(&problem);
    if (e != OK) return 1;
    list_init(&c->topics);
    c->consumer = consumer_new(c->client, &config);
    cli_catch_stop(cli);
    int code = 1;
    if (subscribe(c)) {
        code = read_records(c);
        if (has(c, CONSUMER_ENABLE_SYSTEST_EVENTS)) cli_out(cli, "shutdown_complete\n");
    }
    env_timer_cancel(cli->host->env, &c->list_timer);
    if (c->list_is_open) client_call_cancel(c->client, &c->list_call);
    client_call_deinit(&c->list_call);
    consumer_free(c->consumer);
    client_unlisten(&c->listener);
    client_free(c->client);
    regex_free(c->include);
    return code;
}

int tool_console_consumer(struct cli *cli, int argc, char **argv)
{
    struct consuming *c = ARENA_NEW(&cli->arena, struct consuming);
    c->cli = cli;
    if (!jopt_parse(&c->options, consumer_options, CONSUMER_OPTIONS, &cli->arena, argc, argv)) {
        return cli_usage(cli, &c->options, c->options.problem);
    }
    int code;
    bool has_group = false;
    if (!check_options(c, argc, &code)) return code;
    if (!gather_props(c, &has_group) || !parse_values(c)) return 1;
    if (has_group) {
        cli_err(cli,
                "Consumer groups are not served by this build yet. Leave --group out to read all partitions of the "
                "topic, or name one with --partition.\n");
        return 1;
    }
    if (c->partition < 0 && !slice_eq_str(props_get(&c->props, "group.protocol"), "consumer")) {
        cli_err(cli,
                "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try "
                "it out. See https://kafka.apache.org/documentation/#consumer_rebalance_protocol\n");
        cli_flush(cli);
    }
    return consume(c);
}
