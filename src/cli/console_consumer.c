// SPDX-License-Identifier: Apache-2.0
// kafka-console-consumer.sh (kafka-cli 4). Without --partition it is a member of a group, without --group of one that
// is thrown away: console-consumer-N, never committed to.
#include "cli/consumer_settings.h"
#include "cli/formatter.h"
#include "cli/java_order.h"
#include "cli/options_consumer.h"

#include <errno.h>
#include <stdlib.h>
#include <strings.h>

enum { CLOSE_MS = 30000 }; // close.timeout of Java's consumer

static const char logger[] = "org.apache.kafka.tools.consumer.ConsoleConsumer";

struct consuming {
    struct cli *cli;
    struct jopt options;
    struct props props, formatter_props;
    struct formatter formatter;
    struct consumer_settings settings;
    struct consuming_client reader;
    struct regex *include;
    bool has_failed;       // the group
    struct slice group_id; // null until chosen
    struct slice topic;
    int64_t partition;    // -1 = all
    int64_t start;        // offset or CONSUMER_*, for --partition
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

static struct slice text_of(const void *item)
{
    return slice_str(*(const char *const *)item);
}

// The group wherever it is named; all must agree.
static bool check_group(struct consuming *c, const struct props *from_file, const struct props *extra)
{
    const char *names[3] = {NULL, props_string(c->cli, from_file, "group.id", NULL),
                            props_string(c->cli, extra, "group.id", NULL)};
    if (!jopt_value(&c->options, CONSUMER_GROUP, &names[0])) return uncaught(c);
    struct text list = {0};
    const char *different[3];
    size_t distinct = 0;
    for (int i = 0; i < 3; i++) {
        bool is_new = names[i] != NULL;
        for (size_t j = 0; j < distinct && is_new; j++) is_new = strcmp(names[i], different[j]) != 0;
        if (is_new) different[distinct++] = names[i];
    }
    java_hash_order(different, distinct, sizeof(different[0]), 16, text_of);
    for (size_t i = 0; i < distinct; i++) text_printf(&list, "%s'%s'", i > 0 ? ", " : "", different[i]);
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
    for (int i = 0; i < 3; i++) {
        if (names[i] != NULL) c->group_id = slice_str(names[i]);
    }
    return text == NULL || usage(c, text);
}

// Without a group one is made up, and nothing is committed to it unless that is asked for.
static void choose_group(struct consuming *c)
{
    struct cli *cli = c->cli;
    if (slice_is_null(c->group_id)) {
        uint32_t noise;
        env_random(cli->host->env, &noise, sizeof(noise));
        c->group_id = slice_str(arena_printf(&cli->arena, "console-consumer-%u", noise % 100000));
        if (slice_is_null(props_get(&c->props, "enable.auto.commit")))
            props_put(&c->props, cli, SLICE("enable.auto.commit"), SLICE("false"));
    }
    props_put(&c->props, cli, SLICE("group.id"), c->group_id);
}

static bool gather_props(struct consuming *c)
{
    struct cli *cli = c->cli;
    struct props extra = {0};
    if (!load_file(c, CONSUMER_CONSUMER_CONFIG, &c->props) || !load_file(c, CONSUMER_COMMAND_CONFIG, &c->props))
        return false;
    props_add_words(&extra, cli, &c->options, CONSUMER_COMMAND_PROPERTY);
    props_add_words(&extra, cli, &c->options, CONSUMER_CONSUMER_PROPERTY);
    if (!check_group(c, &c->props, &extra)) return false;
    for (size_t i = 0; i < extra.count; i++) props_put(&c->props, cli, extra.items[i].name, extra.items[i].value);
    choose_group(c);
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

// ---- which partitions ------------------------------------------------------------------------------------------

static bool is_included(void *context, struct slice topic)
{
    return regex_matches(context, topic);
}

static void subscribe(struct consuming *c)
{
    if (c->partition >= 0)
        consumer_assign(c->reader.consumer, c->topic, (int32_t)c->partition, c->start);
    else if (has(c, CONSUMER_TOPIC))
        client_group_subscribe(c->reader.group, &c->topic, 1);
    else
        client_group_subscribe_matching(c->reader.group, is_included, c->include);
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
    return c->timed_out || c->has_failed || c->cli->stop_signal != 0 || consumer_is_ready(c->reader.consumer);
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
    struct client_group_failure trouble;
    if (!runs || c->cli->stop_signal != 0) return false;
    if (c->reader.group != NULL && client_group_failed(c->reader.group, &trouble)) {
        struct cli_error error = group_error(c->cli, &c->settings, &trouble);
        stopped_by(c, error.class_name, error.text);
        return false;
    }
    if (consumer_failed(c->reader.consumer, &failure)) {
        struct cli_error error = reading_error(c->cli, c->reader.client, &failure);
        stopped_by(c, error.class_name, error.text);
        return false;
    }
    if (!c->timed_out || consumer_is_ready(c->reader.consumer)) return true;
    stopped_by(c, "org.apache.kafka.common.errors.TimeoutException", NULL);
    return false;
}

// Returns the exit code.
static int read_records(struct consuming *c)
{
    struct cli *cli = c->cli;
    while (c->max_messages < 0 || c->count < c->max_messages) {
        struct consumer_record record;
        if (!consumer_next(c->reader.consumer, &record)) {
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

static void on_failed(struct client_group *group)
{
    ((struct consuming *)client_group_context(group))->has_failed = true;
}

static bool read_pattern(struct consuming *c)
{
    const char *pattern = NULL;
    if (!has(c, CONSUMER_INCLUDE)) return true;
    if (!jopt_value(&c->options, CONSUMER_INCLUDE, &pattern)) return uncaught(c);
    struct text problem = {0};
    c->include = regex_new(slice_str(pattern), &problem);
    if (c->include == NULL) (void)run_failed(c, "java.util.regex.PatternSyntaxException", text_cstr(&problem));
    text_deinit(&problem);
    return c->include != NULL;
}

// As Java's tool does: what was fetched with the last record and not shown is gone back to, so that a commit does not
// pass it.
static void go_back(struct consuming *c)
{
    struct consumer_record record;
    if (c->reader.group == NULL) return;
    int32_t in_poll = (int32_t)(c->count % c->settings.max_poll_records);
    for (; in_poll < c->settings.max_poll_records && consumer_next(c->reader.consumer, &record); in_poll++) {
        consumer_assign(c->reader.consumer, record.topic, record.partition, record.record.offset);
    }
}

static int consume(struct consuming *c)
{
    struct cli *cli = c->cli;
    struct cli_thrown thrown;
    bool is_open = consumer_settings_read(&c->settings, cli, &c->props, &thrown);
    c->settings.group.failed = on_failed;
    c->settings.group.context = c;
    if (!is_open || !consuming_client_open(&c->reader, cli, &c->settings, c->partition < 0, &thrown)) {
        cli_flush(cli);
        log_error(cli->host->log, logger, "Unknown error when running consumer: ");
        cli_print_thrown(cli, &thrown);
        return 1;
    }
    if (c->partition < 0 && !slice_eq_str(props_get(&c->props, "group.protocol"), "consumer")) {
        cli_err(cli,
                "The consumer rebalance protocol (KIP-848) is production-ready! Set group.protocol=consumer to try "
                "it out. See https://kafka.apache.org/documentation/#consumer_rebalance_protocol\n");
        cli_flush(cli);
    }
    cli_catch_stop(cli);
    int code = 1;
    if (read_pattern(c)) {
        subscribe(c);
        code = read_records(c);
        go_back(c);
        if (has(c, CONSUMER_ENABLE_SYSTEST_EVENTS)) cli_out(cli, "shutdown_complete\n");
    }
    consuming_client_close(&c->reader, cli, CLOSE_MS);
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
    if (!check_options(c, argc, &code)) return code;
    if (!gather_props(c) || !parse_values(c)) return 1;
    return consume(c);
}
