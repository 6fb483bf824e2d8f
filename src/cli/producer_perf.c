// SPDX-License-Identifier: Apache-2.0
// kafka-producer-perf-test.sh (kafka-cli 18): sends records as fast as asked and says how fast they arrived.
#include "cli/java_text.h"
#include "cli/options_producer_perf.h"
#include "cli/producer_settings.h"

#include <stdlib.h>

enum { TURN_EVERY = 128, SAMPLES_MAX = 500000, LETTERS = 26 };

struct totals {
    int64_t count, bytes, latency_sum_ms, latency_max_ms;
};

// Latencies of every `sampling`th record.
struct stats {
    int64_t start_ms;
    struct totals all, window;
    int64_t window_start_ms;
    int32_t *latencies_ms;
    int64_t latency_count, latency_capacity, sampling;
    bool is_steady;
};

struct payloads {
    struct slice *items; // of the file
    size_t count;
};

struct measuring {
    struct cli *cli;
    struct argparse args;
    struct props props;
    struct producer_settings settings;
    struct producing_client sender;
    struct slice topic;
    int64_t records, warmup_records, interval_ms;
    double throughput;
    int32_t record_size; // 0 = none
    bool is_monotonic;
    struct payloads payloads;
    struct stats all, steady;
    uint64_t random_state;
};

// A record under way.
struct sent {
    int64_t start_ms;
    int64_t bytes;
    bool is_steady;
};

// ---- statistics ------------------------------------------------------------------------------------------------

static void stats_start(struct stats *stats, int64_t records, int64_t now_ms, bool is_steady)
{
    int64_t sampled = records < SAMPLES_MAX ? records : SAMPLES_MAX;
    *stats = (struct stats){.start_ms = now_ms, .window_start_ms = now_ms, .is_steady = is_steady};
    stats->sampling = sampled > 0 ? records / sampled : 1;
    stats->latency_capacity = records / stats->sampling + 1;
    stats->latencies_ms = mem_zalloc((size_t)stats->latency_capacity, sizeof(int32_t));
}

static void add(struct totals *totals, int64_t bytes, int64_t latency_ms)
{
    totals->count++;
    totals->bytes += bytes;
    totals->latency_sum_ms += latency_ms;
    if (latency_ms > totals->latency_max_ms) totals->latency_max_ms = latency_ms;
}

static double per_second(double amount, int64_t elapsed_ms)
{
    return 1000.0 * amount / (double)elapsed_ms;
}

// "N records sent, R records/sec (M MB/sec), A ms avg latency, X ms max latency", each number as Java formats it.
static void print_totals(struct measuring *m, const struct stats *stats, const struct totals *t, int64_t elapsed_ms,
                         int rate_decimals, int latency_decimals)
{
    struct text line = {0};
    text_printf(&line, "%lld%s records sent, ", (long long)t->count, stats->is_steady ? " steady state" : "");
    java_fixed(&line, per_second((double)t->count, elapsed_ms), rate_decimals);
    text_add_str(&line, " records/sec (");
    java_fixed(&line, per_second((double)t->bytes, elapsed_ms) / 1048576.0, 2);
    text_add_str(&line, " MB/sec), ");
    java_fixed(&line, (double)t->latency_sum_ms / (double)t->count, latency_decimals);
    text_add_str(&line, " ms avg latency, ");
    java_fixed(&line, (double)t->latency_max_ms, latency_decimals);
    cli_out(m->cli, "%s ms max latency", text_cstr(&line));
    text_deinit(&line);
}

static void print_window(struct measuring *m, struct stats *stats, int64_t now_ms)
{
    print_totals(m, stats, &stats->window, now_ms - stats->window_start_ms, 1, 1);
    cli_out(m->cli, ".\n");
    cli_flush(m->cli);
    stats->window = (struct totals){0};
    stats->window_start_ms = now_ms;
}

static void stats_record(struct measuring *m, struct stats *stats, const struct sent *sent, int64_t now_ms)
{
    int64_t latency_ms = now_ms - sent->start_ms;
    if (stats->all.count % stats->sampling == 0 && stats->latency_count < stats->latency_capacity) {
        stats->latencies_ms[stats->latency_count++] = (int32_t)latency_ms;
    }
    add(&stats->all, sent->bytes, latency_ms);
    add(&stats->window, sent->bytes, latency_ms);
    if (now_ms - stats->window_start_ms >= m->interval_ms) print_window(m, stats, now_ms);
}

static int by_value(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void print_total(struct measuring *m, struct stats *stats)
{
    static const double shares[] = {0.5, 0.95, 0.99, 0.999};
    const struct totals *t = &stats->all;
    int64_t elapsed_ms = env_wall_ms(m->cli->host->env) - stats->start_ms;
    int32_t at[COUNT_OF(shares)] = {0};
    qsort(stats->latencies_ms, (size_t)stats->latency_count, sizeof(int32_t), by_value);
    for (size_t i = 0; i < COUNT_OF(shares) && stats->latency_count > 0; i++) {
        at[i] = stats->latencies_ms[(int64_t)(shares[i] * (double)stats->latency_count)];
    }
    print_totals(m, stats, t, elapsed_ms, 6, 2);
    cli_out(m->cli, ", %d ms 50th, %d ms 95th, %d ms 99th, %d ms 99.9th.\n", at[0], at[1], at[2], at[3]);
}

static void delivered(struct producer *producer, const struct producer_delivery *d)
{
    struct measuring *m = producer_context(producer);
    struct sent *sent = d->context;
    int64_t now_ms = env_wall_ms(m->cli->host->env);
    if (d->err == OK) {
        stats_record(m, &m->all, sent, now_ms);
        if (sent->is_steady) stats_record(m, &m->steady, sent, now_ms);
    } else {
        struct cli_error error = cli_error_of(m->cli, d->err, d->err_text);
        (void)cli_stack(m->cli, error.class_name, error.text);
    }
    mem_free(sent);
}

// ---- sending ---------------------------------------------------------------------------------------------------

// xorshift64*: which letters is nobody's business, but the same ones every time, as with Java's seed 0.
static uint64_t next_random(struct measuring *m)
{
    m->random_state ^= m->random_state >> 12;
    m->random_state ^= m->random_state << 25;
    m->random_state ^= m->random_state >> 27;
    return m->random_state * UINT64_C(0x2545F4914F6CDD1D);
}

static struct slice make_payload(struct measuring *m, struct text *scratch, int64_t number)
{
    text_clear(scratch);
    if (m->payloads.count > 0) return m->payloads.items[next_random(m) % m->payloads.count];
    if (m->is_monotonic) {
        text_printf(scratch, "%lld", (long long)number);
        return text_slice(scratch);
    }
    uint8_t *to = text_reserve(scratch, (size_t)m->record_size);
    uint64_t bits = 0;
    for (int32_t i = 0; i < m->record_size; i++) {
        if (i % 8 == 0) bits = next_random(m);
        to[i] = (uint8_t)('A' + (bits & 0xff) * LETTERS / 256);
        bits >>= 8;
    }
    text_grew(scratch, (size_t)m->record_size);
    return text_slice(scratch);
}

static void send_record(struct measuring *m, struct slice payload, bool is_steady)
{
    struct sent *sent = MEM_NEW(struct sent);
    *sent = (struct sent){
        .start_ms = env_wall_ms(m->cli->host->env), .bytes = (int64_t)payload.size, .is_steady = is_steady};
    struct producer_record record = {
        .topic = m->topic, .partition = -1, .timestamp = -1, .value = payload, .context = sent};
    enum err e = producing_client_send(&m->sender, &record);
    if (e == OK) return;
    mem_free(sent);
    if (m->cli->stop_signal != 0) return;
    struct cli_error error = producing_client_error(&m->sender, &record, e);
    (void)cli_stack(m->cli, error.class_name, error.text);
}

static void pace(struct measuring *m, int64_t start_ns, int64_t sent)
{
    struct env *env = m->cli->host->env;
    int64_t now_ns = env_now_ns(env);
    if (m->throughput == 0) {
        while (m->cli->stop_signal == 0) producing_client_run(&m->sender, env_now_ns(env) + INT64_C(1000000000));
    } else if (m->throughput > 0) {
        int64_t due_ns = start_ns + (int64_t)((double)sent * 1e9 / m->throughput);
        if (due_ns > now_ns) producing_client_run(&m->sender, due_ns);
    } else if (sent % TURN_EVERY == 0) {
        producing_client_run(&m->sender, now_ns);
    }
}

static void send_all(struct measuring *m)
{
    struct env *env = m->cli->host->env;
    struct text scratch = {0};
    int64_t start_ns = env_now_ns(env);
    stats_start(&m->all, m->records, env_wall_ms(env), false);
    for (int64_t i = 0; i < m->records && m->cli->stop_signal == 0; i++) {
        if (m->warmup_records > 0 && i == m->warmup_records) {
            stats_start(&m->steady, m->records - m->warmup_records, env_wall_ms(env), true);
        }
        send_record(m, make_payload(m, &scratch, i), m->warmup_records > 0 && i >= m->warmup_records);
        pace(m, start_ns, i + 1);
    }
    text_deinit(&scratch);
}

static int measure(struct measuring *m)
{
    struct cli *cli = m->cli;
    struct cli_error error;
    struct cli_thrown thrown;
    bool is_read = producer_settings_read(&m->settings, cli, &m->props, &error);
    if (!is_read) thrown = cli_thrown(error);
    m->settings.producer.delivered = delivered;
    m->settings.producer.context = m;
    if (!is_read || !producing_client_open(&m->sender, cli, &m->settings, &thrown)) {
        cli_err(cli, "Exception in thread \"main\" ");
        cli_print_thrown(cli, &thrown);
        return 1;
    }
    cli_catch_stop(cli);
    m->random_state = 1;
    if (m->warmup_records > 0) {
        cli_out(cli, "Warmup first %lld records. Steady state results will print after the complete test summary.\n",
                (long long)m->warmup_records);
        cli_flush(cli);
    }
    send_all(m);
    producing_client_close(&m->sender);
    if (cli->stop_signal == 0) {
        print_total(m, &m->all);
        if (m->steady.latencies_ms != NULL) print_total(m, &m->steady);
    }
    mem_free(m->all.latencies_ms);
    mem_free(m->steady.latencies_ms);
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : 0;
}

// ---- options ---------------------------------------------------------------------------------------------------

static bool fail(struct measuring *m, const char *text)
{
    (void)argparse_error(&m->args, text);
    return false;
}

static bool has(const struct measuring *m, int option)
{
    return m->args.given[option] > 0;
}

static bool throws(struct measuring *m, const char *class_name, const char *text)
{
    cli_err(m->cli, "Exception in thread \"main\" %s: %s\n", class_name, text);
    return false;
}

static bool check_numbers(struct measuring *m)
{
    m->records = argparse_number(&m->args, PP_NUM_RECORDS, 0);
    m->warmup_records = argparse_number(&m->args, PP_WARMUP_RECORDS, 0);
    m->interval_ms = argparse_number(&m->args, PP_REPORTING_INTERVAL, 5000);
    m->throughput = strtod(argparse_value(&m->args, PP_THROUGHPUT), NULL);
    m->record_size = (int32_t)argparse_number(&m->args, PP_RECORD_SIZE, 0);
    m->is_monotonic = has(m, PP_PAYLOAD_MONOTONIC);
    if (m->records <= 0) return fail(m, "--num-records should be greater than zero.");
    if (has(m, PP_RECORD_SIZE) && m->record_size <= 0) return fail(m, "--record-size should be greater than zero.");
    if (m->interval_ms <= 0) return fail(m, "--reporting-interval should be greater than zero.");
    if (m->warmup_records < m->records) return true;
    return fail(m, "The value for --warmup-records must be strictly fewer than the number of records in the test, "
                   "--num-records.");
}

static bool put_words(struct measuring *m, int option)
{
    for (int i = 0; i < m->args.given[option]; i++) {
        const char *word = m->args.values[option][i];
        const char *equals = strchr(word, '=');
        if (equals == NULL || equals == word || equals[1] == '\0' || strchr(equals + 1, '=') != NULL) {
            return throws(m, "java.lang.IllegalArgumentException",
                          arena_printf(&m->cli->arena, "Invalid property: %s", word));
        }
        props_put(&m->props, m->cli, slice_of(word, (size_t)(equals - word)), slice_str(equals + 1));
    }
    return true;
}

static void say_deprecated(struct measuring *m, int old, int new)
{
    if (!has(m, old)) return;
    cli_out(m->cli, "Option --%s has been deprecated and will be removed in a future version. Use --%s instead.\n",
            producer_perf_options[old].name, producer_perf_options[new].name);
}

static bool check_sources(struct measuring *m)
{
    if (has(m, PP_PRODUCER_PROPS) && has(m, PP_COMMAND_PROPERTY)) {
        return fail(m, "--command-property and --producer-props cannot be specified together.");
    }
    if (has(m, PP_PRODUCER_CONFIG) && has(m, PP_COMMAND_CONFIG)) {
        return fail(m, "--command-config and --producer.config cannot be specified together.");
    }
    if (!has(m, PP_BOOTSTRAP_SERVER) && !has(m, PP_COMMAND_PROPERTY) && !has(m, PP_PRODUCER_PROPS) &&
        !has(m, PP_PRODUCER_CONFIG) && !has(m, PP_COMMAND_CONFIG)) {
        return fail(m, "At least one of --bootstrap-server, --command-property, --producer-props, --producer.config or "
                       "--command-config must be specified.");
    }
    say_deprecated(m, PP_PRODUCER_PROPS, PP_COMMAND_PROPERTY);
    say_deprecated(m, PP_PRODUCER_CONFIG, PP_COMMAND_CONFIG);
    return true;
}

static bool gather(struct measuring *m)
{
    struct cli *cli = m->cli;
    const char *file = argparse_value(&m->args, has(m, PP_PRODUCER_CONFIG) ? PP_PRODUCER_CONFIG : PP_COMMAND_CONFIG);
    if (file != NULL && props_load(&m->props, cli, file) != OK) {
        return throws(m, "java.nio.file.NoSuchFileException", file);
    }
    if (!put_words(m, PP_PRODUCER_PROPS) || !put_words(m, PP_COMMAND_PROPERTY)) return false;
    const char *bootstrap = argparse_value(&m->args, PP_BOOTSTRAP_SERVER);
    if (bootstrap != NULL) props_put(&m->props, cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    if (slice_is_null(props_get(&m->props, "client.id"))) {
        props_put(&m->props, cli, SLICE("client.id"), SLICE("perf-producer-client"));
    }
    if (!has(m, PP_TRANSACTIONAL_ID) && !has(m, PP_TRANSACTION_DURATION_MS) &&
        slice_is_null(props_get(&m->props, "transactional.id"))) {
        return true;
    }
    cli_err(cli, "Transactions are not served by this build yet: leave --transactional-id and "
                 "--transaction-duration-ms out.\n");
    return false;
}

static bool read_payloads(struct measuring *m)
{
    struct cli *cli = m->cli;
    const char *path = argparse_value(&m->args, PP_PAYLOAD_FILE);
    const char *delimiter = argparse_value(&m->args, PP_PAYLOAD_DELIMITER);
    struct slice rest;
    if (path == NULL) return true;
    cli_out(cli, "Reading payloads from: %s\n", path);
    if (cli_read_file(cli, path, &rest) != OK || rest.size == 0) {
        return throws(m, "java.lang.IllegalArgumentException", "File does not exist or empty file provided.");
    }
    if (delimiter == NULL || strcmp(delimiter, "\\n") == 0) delimiter = "\n";
    struct text problem = {0};
    struct regex *separator = regex_new_search(slice_str(delimiter), &problem);
    if (separator == NULL) {
        (void)throws(m, "java.util.regex.PatternSyntaxException", text_cstr(&problem));
        text_deinit(&problem);
        return false;
    }
    m->payloads.items = ARENA_ARRAY(&cli->arena, struct slice, rest.size + 1);
    size_t start = 0, end = 0, from = 0;
    while (from <= rest.size && regex_find(separator, rest, from, &start, &end) && end > start) {
        m->payloads.items[m->payloads.count++] = slice_of(rest.data + from, start - from);
        from = end;
    }
    m->payloads.items[m->payloads.count++] = slice_of(rest.data + from, rest.size - from);
    // Empty pieces at the end are none, as with String.split.
    while (m->payloads.count > 0 && m->payloads.items[m->payloads.count - 1].size == 0) m->payloads.count--;
    regex_free(separator);
    text_deinit(&problem);
    cli_out(cli, "Number of records read: %zu\n", m->payloads.count);
    return true;
}

int tool_producer_perf(struct cli *cli, int argc, char **argv)
{
    struct measuring *m = ARENA_NEW(&cli->arena, struct measuring);
    m->cli = cli;
    m->args = (struct argparse){.cli = cli,
                                .program = "kafka-producer-perf-test",
                                .help = producer_perf_help,
                                .options = producer_perf_options,
                                .option_count = PP_OPTIONS};
    int code;
    if (argc == 1) {
        cli_out(cli, "%s", producer_perf_help);
        return 0;
    }
    if (!argparse_parse(&m->args, argc, argv, &code)) return 1; // asked for, the help ends with 1, too
    m->topic = slice_str(argparse_value(&m->args, PP_TOPIC));
    if (!check_numbers(m) || !check_sources(m) || !read_payloads(m) || !gather(m)) return 1;
    return measure(m);
}
