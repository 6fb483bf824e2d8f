// SPDX-License-Identifier: Apache-2.0
// kafka-consumer-perf-test.sh (kafka-cli 19): reads records as a member of a group and says how fast.
#include "cli/consumer_settings.h"
#include "cli/options_consumer_perf.h"

#include <stdlib.h>
#include <time.h>

enum { CLOSE_MS = 30000, POLL_MS = 100 };

struct measuring {
    struct cli *cli;
    struct jopt options;
    struct props props;
    struct consumer_settings settings;
    struct consuming_client reader;
    struct regex *include;
    const char *date_format;
    int64_t records, timeout_ms, interval_ms;
    int64_t read, bytes;
    int64_t join_start_ms, join_ms, join_in_round_ms;
    bool timed_out, has_failed;
    struct env_timer timer;
};

static bool has(const struct measuring *m, int option)
{
    return jopt_has(&m->options, option);
}

static int64_t now_ms(struct measuring *m)
{
    return env_wall_ms(m->cli->host->env);
}

// ---- times as SimpleDateFormat writes them ---------------------------------------------------------------------

// A run of `count` letters `letter`; letters it does not know are left as they are.
static void add_field(struct text *out, char letter, int count, const struct tm *t, int millis)
{
    int value;
    switch (letter) {
    case 'y': value = count == 2 ? (t->tm_year + 1900) % 100 : t->tm_year + 1900; break;
    case 'M': value = t->tm_mon + 1; break;
    case 'd': value = t->tm_mday; break;
    case 'D': value = t->tm_yday + 1; break;
    case 'H': value = t->tm_hour; break;
    case 'h': value = t->tm_hour % 12 == 0 ? 12 : t->tm_hour % 12; break;
    case 'm': value = t->tm_min; break;
    case 's': value = t->tm_sec; break;
    case 'S': value = millis; break;
    case 'a': text_add_str(out, t->tm_hour < 12 ? "AM" : "PM"); return;
    default:
        for (int i = 0; i < count; i++) text_add_char(out, letter);
        return;
    }
    text_printf(out, "%0*d", count, value);
}

static const char *date(struct measuring *m, int64_t wall_ms)
{
    struct text out = {0};
    struct tm t;
    time_t seconds = (time_t)(wall_ms / 1000);
    bool is_quoted = false;
    (void)localtime_r(&seconds, &t);
    for (const char *at = m->date_format; *at != '\0';) {
        int count = 1;
        if (*at == '\'') {
            is_quoted = !is_quoted;
            at++;
            continue;
        }
        bool is_letter = (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z');
        while (is_letter && at[count] == *at) count++;
        if (is_quoted || !is_letter)
            text_add(&out, slice_of(at, (size_t)count));
        else
            add_field(&out, *at, count, &t, (int)(wall_ms % 1000));
        at += count;
    }
    const char *text = arena_str(&m->cli->arena, text_slice(&out));
    text_deinit(&out);
    return text;
}

// ---- output ----------------------------------------------------------------------------------------------------

static double megabytes(int64_t bytes)
{
    return (double)bytes / 1048576.0;
}

// Java prints a division by zero, too.
static const char *rate(struct measuring *m, double amount, int64_t elapsed_ms)
{
    if (elapsed_ms == 0) return amount == 0 ? "NaN" : "Infinity";
    return arena_printf(&m->cli->arena, "%.4f", amount * 1000.0 / (double)elapsed_ms);
}

static void print_header(struct measuring *m)
{
    cli_out(m->cli,
            "%s, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms, "
            "fetch.MB.sec, fetch.nMsg.sec\n",
            has(m, CP_SHOW_DETAILED_STATS) ? "time, threadId" : "start.time, end.time");
    cli_flush(m->cli);
}

static void print_progress(struct measuring *m, int64_t start_ms, int64_t end_ms, int64_t bytes_before,
                           int64_t read_before)
{
    int64_t fetch_ms = end_ms - start_ms - m->join_in_round_ms;
    double mb = megabytes(m->bytes - bytes_before), count = (double)(m->read - read_before);
    cli_out(m->cli, "%s, 0, %.4f, %s, %lld, %s, %lld, %lld, %s, %s\n", date(m, end_ms), megabytes(m->bytes),
            rate(m, mb, end_ms - start_ms), (long long)m->read, rate(m, count, end_ms - start_ms),
            (long long)m->join_in_round_ms, (long long)fetch_ms, fetch_ms <= 0 ? "0.0000" : rate(m, mb, fetch_ms),
            fetch_ms <= 0 ? "0.0000" : rate(m, count, fetch_ms));
    cli_flush(m->cli);
}

static void print_total(struct measuring *m, int64_t start_ms, int64_t end_ms)
{
    int64_t fetch_ms = end_ms - start_ms - m->join_ms;
    double mb = megabytes(m->bytes);
    if (has(m, CP_SHOW_DETAILED_STATS)) return;
    cli_out(m->cli, "%s, %s, %.4f, %s, %lld, %s, %lld, %lld, %s, %s\n", date(m, start_ms), date(m, end_ms), mb,
            rate(m, mb, end_ms - start_ms), (long long)m->read, rate(m, (double)m->read, end_ms - start_ms),
            (long long)m->join_ms, (long long)fetch_ms, rate(m, mb, fetch_ms), rate(m, (double)m->read, fetch_ms));
}

// ---- reading ---------------------------------------------------------------------------------------------------

static void on_assigned(struct client_group *group, const struct assignor_partitions *partitions)
{
    struct measuring *m = client_group_context(group);
    (void)partitions;
    int64_t elapsed_ms = now_ms(m) - m->join_start_ms;
    m->join_ms += elapsed_ms;
    m->join_in_round_ms += elapsed_ms;
}

static void on_revoked(struct client_group *group, const struct assignor_partitions *partitions)
{
    struct measuring *m = client_group_context(group);
    (void)partitions;
    m->join_start_ms = now_ms(m);
}

static void on_failed(struct client_group *group)
{
    ((struct measuring *)client_group_context(group))->has_failed = true;
}

static void expired(struct env *env, struct env_timer *timer)
{
    (void)env;
    CONTAINER_OF(timer, struct measuring, timer)->timed_out = true;
}

static bool may_go_on(void *context)
{
    struct measuring *m = context;
    return m->timed_out || m->has_failed || m->cli->stop_signal != 0 || consumer_is_ready(m->reader.consumer);
}

// Waits as Java's poll does, at most 100 ms. False: it is over.
static bool wait_for_records(struct measuring *m)
{
    struct env *env = m->cli->host->env;
    m->timed_out = false;
    m->timer.fire = expired;
    env_timer_after_ms(env, &m->timer, POLL_MS);
    bool runs = m->cli->host->run_until(env, may_go_on, m);
    env_timer_cancel(env, &m->timer);
    return runs && m->cli->stop_signal == 0;
}

// True: an exception has been printed.
static bool has_trouble(struct measuring *m)
{
    struct cli_error error;
    struct client_group_failure failure;
    struct consumer_failure reading;
    if (client_group_failed(m->reader.group, &failure))
        error = group_error(m->cli, &m->settings, &failure);
    else if (consumer_failed(m->reader.consumer, &reading))
        error = reading_error(m->cli, m->reader.client, &reading);
    else
        return false;
    (void)cli_trace(m->cli, error.text, error.class_name);
    return true;
}

static int64_t size_of(struct slice part)
{
    return slice_is_null(part) ? 0 : (int64_t)part.size;
}

// False: an exception has been printed.
static bool read_records(struct measuring *m)
{
    int64_t time_ms = now_ms(m), report_ms = time_ms, consumed_ms = time_ms, bytes_before = 0, read_before = 0;
    while (m->read < m->records && time_ms - consumed_ms <= m->timeout_ms) {
        struct consumer_record record;
        if (!consumer_is_ready(m->reader.consumer) && !wait_for_records(m)) return true;
        if (has_trouble(m)) return false;
        time_ms = now_ms(m);
        for (int32_t i = 0; i < m->settings.max_poll_records && consumer_next(m->reader.consumer, &record); i++) {
            consumed_ms = time_ms;
            m->read++;
            m->bytes += size_of(record.record.key) + size_of(record.record.value);
            if (time_ms - report_ms < m->interval_ms) continue;
            if (has(m, CP_SHOW_DETAILED_STATS)) print_progress(m, report_ms, time_ms, bytes_before, read_before);
            m->join_in_round_ms = 0;
            report_ms = time_ms;
            read_before = m->read;
            bytes_before = m->bytes;
        }
    }
    if (m->read >= m->records) return true;
    cli_out(m->cli,
            "WARNING: Exiting before consuming the expected number of records: timeout (%lld ms) exceeded. You can use "
            "the --timeout option to increase the timeout.\n",
            (long long)m->timeout_ms);
    return true;
}

static bool is_included(void *context, struct slice topic)
{
    return regex_matches(context, topic);
}

static int measure(struct measuring *m, const char *topic)
{
    struct cli *cli = m->cli;
    struct cli_thrown thrown;
    bool is_open = consumer_settings_read(&m->settings, cli, &m->props, &thrown);
    m->settings.group.assigned = on_assigned;
    m->settings.group.revoked = on_revoked;
    m->settings.group.failed = on_failed;
    m->settings.group.context = m;
    if (!is_open || !consuming_client_open(&m->reader, cli, &m->settings, true, &thrown)) {
        cli_err(cli, "%s\n", cli_thrown_text(cli, &thrown));
        cli_print_thrown(cli, &thrown);
        cli_err(cli, "\n");
        return 1;
    }
    cli_catch_stop(cli);
    int64_t start_ms = m->join_start_ms = now_ms(m);
    struct slice name = slice_str(topic);
    if (m->include != NULL)
        client_group_subscribe_matching(m->reader.group, is_included, m->include);
    else
        client_group_subscribe(m->reader.group, &name, 1);
    bool is_done = read_records(m);
    int64_t end_ms = now_ms(m);
    consuming_client_close(&m->reader, cli, CLOSE_MS);
    if (is_done && cli->stop_signal == 0) print_total(m, start_ms, end_ms);
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : is_done ? 0 : 1;
}

// ---- options ---------------------------------------------------------------------------------------------------

static bool usage(struct measuring *m, const char *text)
{
    (void)cli_usage(m->cli, &m->options, text);
    return false;
}

static bool thrown(struct measuring *m, const char *class_name, const char *text)
{
    (void)cli_trace(m->cli, text, class_name);
    return false;
}

static bool bad_option(struct measuring *m)
{
    return thrown(m, m->options.problem_class, m->options.problem);
}

static bool check_options(struct measuring *m, int argc, int *code)
{
    *code = 1;
    if (argc == 1 || has(m, CP_HELP)) return usage(m, "This tool is used to verify the consumer performance.");
    if (has(m, CP_VERSION)) {
        cli_out(m->cli, "%s\n", KAFKA_VERSION);
        *code = 0;
        return false;
    }
    if (has(m, CP_TOPIC) + has(m, CP_INCLUDE) != 1) {
        return usage(m, "Exactly one of the following arguments is required: [topic], [include]");
    }
    if (has(m, CP_MESSAGES) + has(m, CP_NUM_RECORDS) != 1) {
        return usage(m, "Exactly one of the following arguments is required: [messages], [num-records]");
    }
    if (!has(m, CP_BOOTSTRAP_SERVER)) return usage(m, "Missing required argument \"[bootstrap-server]\"");
    if (has(m, CP_CONSUMER_CONFIG) && has(m, CP_COMMAND_CONFIG)) {
        return usage(m, "Option \"[consumer.config]\" can't be used with option \"[command-config]\"");
    }
    if (has(m, CP_MESSAGES)) cli_out(m->cli, "Warning: --messages is deprecated. Use --num-records instead.\n");
    if (has(m, CP_CONSUMER_CONFIG)) {
        cli_out(m->cli, "Warning: --consumer.config is deprecated. Use --command-config instead.\n");
    }
    return true;
}

static bool put(struct measuring *m, const char *key, int option)
{
    const char *value = NULL;
    if (!jopt_value(&m->options, option, &value)) return bad_option(m);
    if (value != NULL) props_put(&m->props, m->cli, slice_str(key), slice_str(value));
    return true;
}

static bool gather(struct measuring *m)
{
    const char *file = NULL;
    int config = has(m, CP_CONSUMER_CONFIG) ? CP_CONSUMER_CONFIG : CP_COMMAND_CONFIG;
    if (!jopt_value(&m->options, config, &file)) return bad_option(m);
    if (file != NULL && props_load(&m->props, m->cli, file) != OK) {
        return thrown(m, "java.nio.file.NoSuchFileException", file);
    }
    props_add_words(&m->props, m->cli, &m->options, CP_COMMAND_PROPERTY);
    if (!put(m, "bootstrap.servers", CP_BOOTSTRAP_SERVER) || !put(m, "group.id", CP_GROUP) ||
        !put(m, "receive.buffer.bytes", CP_SOCKET_BUFFER_SIZE) || !put(m, "max.partition.fetch.bytes", CP_FETCH_SIZE)) {
        return false;
    }
    props_put(&m->props, m->cli, SLICE("auto.offset.reset"),
              has(m, CP_FROM_LATEST) ? SLICE("latest") : SLICE("earliest"));
    props_put(&m->props, m->cli, SLICE("check.crcs"), SLICE("false"));
    if (slice_is_null(props_get(&m->props, "client.id"))) {
        props_put(&m->props, m->cli, SLICE("client.id"), SLICE("perf-consumer-client"));
    }
    return true;
}

static bool read_values(struct measuring *m, const char **topic)
{
    const char *pattern = NULL;
    int64_t fetch_bytes = 0, socket_bytes = 0;
    int count = has(m, CP_MESSAGES) ? CP_MESSAGES : CP_NUM_RECORDS;
    if (!jopt_number(&m->options, count, &m->records) || !jopt_number(&m->options, CP_TIMEOUT, &m->timeout_ms) ||
        !jopt_number(&m->options, CP_REPORTING_INTERVAL, &m->interval_ms) ||
        !jopt_number(&m->options, CP_FETCH_SIZE, &fetch_bytes) ||
        !jopt_number(&m->options, CP_SOCKET_BUFFER_SIZE, &socket_bytes) ||
        !jopt_value(&m->options, CP_DATE_FORMAT, &m->date_format) || !jopt_value(&m->options, CP_TOPIC, topic) ||
        !jopt_value(&m->options, CP_INCLUDE, &pattern)) {
        return bad_option(m);
    }
    if (m->interval_ms <= 0) {
        return thrown(m, "java.lang.IllegalArgumentException", "Reporting interval must be greater than 0.");
    }
    if (pattern == NULL) return true;
    struct text problem = {0};
    m->include = regex_new(slice_str(pattern), &problem);
    if (m->include == NULL) (void)thrown(m, "java.util.regex.PatternSyntaxException", text_cstr(&problem));
    text_deinit(&problem);
    return m->include != NULL;
}

int tool_consumer_perf(struct cli *cli, int argc, char **argv)
{
    struct measuring *m = ARENA_NEW(&cli->arena, struct measuring);
    struct jopt_option *options = ARENA_ARRAY(&cli->arena, struct jopt_option, CP_OPTIONS);
    uint32_t noise;
    env_random(cli->host->env, &noise, sizeof(noise));
    memcpy(options, consumer_perf_options, sizeof(consumer_perf_options));
    options[CP_GROUP].fallback = arena_printf(&cli->arena, "perf-consumer-%u", noise % 100000);
    m->cli = cli;
    if (!jopt_parse(&m->options, options, CP_OPTIONS, &cli->arena, argc, argv)) {
        return cli_usage(cli, &m->options, m->options.problem);
    }
    int code;
    const char *topic = NULL;
    if (!check_options(m, argc, &code)) return code;
    if (!has(m, CP_HIDE_HEADER)) print_header(m);
    if (!read_values(m, &topic) || !gather(m)) return 1;
    code = measure(m, topic);
    regex_free(m->include);
    return code;
}
