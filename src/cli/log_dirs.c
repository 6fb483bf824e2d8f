// SPDX-License-Identifier: Apache-2.0
// kafka-log-dirs.sh (kafka-cli 11): how large each replica is and in which directory, as JSON.
#include "cli/admin_configs.h"
#include "cli/admin_topics.h"
#include "cli/java_order.h"
#include "cli/options_log_dirs.h"
#include "cli/usage.h"
#include "proto/apis.h"
#include "proto/describe_log_dirs.h"
#include "wire/json_text.h"

#include <stdlib.h>

static const char about[] = "This tool helps to query log directory usage on the specified brokers.";

struct log_dirs {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    int32_t *existing; // brokers, ascending
    int32_t existing_count;
    int32_t *brokers; // asked for, ascending
    int32_t broker_count;
    struct slice *topics;
    int32_t topic_count; // 0: all
    struct cli_thrown thrown;
};

static bool fail_future(struct log_dirs *run, struct cli_error error)
{
    run->thrown = cli_thrown(error);
    cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
    return false;
}

static int by_number(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static bool find_brokers(struct log_dirs *run)
{
    struct cli_error error;
    return admin_list_brokers(run->cli, run->client, &run->existing, &run->existing_count, &error) ||
           fail_future(run, error);
}

// The next word of a list, false at its end; empty words are left out.
static bool next_word(struct slice *rest, struct slice *out)
{
    while (rest->size > 0) {
        const uint8_t *comma = memchr(rest->data, ',', rest->size);
        size_t size = comma == NULL ? rest->size : (size_t)(comma - rest->data), step = size + (comma != NULL);
        *out = slice_of(rest->data, size);
        *rest = slice_of(rest->data + step, rest->size - step);
        if (size > 0) return true;
    }
    return false;
}

static bool choose_brokers(struct log_dirs *run, const char *list)
{
    struct slice rest = slice_str(list), word;
    int64_t value;
    run->brokers = ARENA_ARRAY(&run->cli->arena, int32_t, rest.size + 1);
    while (next_word(&rest, &word)) {
        if (!cli_parse_long(word, &value) || value > INT32_MAX || value < INT32_MIN) {
            run->thrown = cli_thrown(
                (struct cli_error){"java.lang.NumberFormatException",
                                   arena_printf(&run->cli->arena, "For input string: \"%.*s\"", SLICE_FMT(word))});
            return false;
        }
        bool is_new = true;
        for (int32_t i = 0; i < run->broker_count; i++) is_new = is_new && run->brokers[i] != (int32_t)value;
        if (is_new) run->brokers[run->broker_count++] = (int32_t)value;
    }
    if (run->broker_count == 0) {
        run->brokers = run->existing;
        run->broker_count = run->existing_count;
    }
    qsort(run->brokers, (size_t)run->broker_count, sizeof(int32_t), by_number);
    return true;
}

static const char *join(struct cli *cli, const int32_t *items, int32_t count)
{
    const char *list = "";
    for (int32_t i = 0; i < count; i++) {
        list = arena_printf(&cli->arena, "%s%s%d", list, i > 0 ? "," : "", items[i]);
    }
    return list;
}

// NULL: all of them exist.
static const char *unknown_brokers(struct log_dirs *run)
{
    int32_t *unknown = ARENA_ARRAY(&run->cli->arena, int32_t, run->broker_count + 1), count = 0;
    for (int32_t i = 0; i < run->broker_count; i++) {
        if (bsearch(&run->brokers[i], run->existing, (size_t)run->existing_count, sizeof(int32_t), by_number) == NULL) {
            unknown[count++] = run->brokers[i];
        }
    }
    return count == 0 ? NULL : join(run->cli, unknown, count);
}

// ---- the answer ------------------------------------------------------------------------------------------------

static struct slice dir_name(const void *item)
{
    return (*(const struct describe_log_dirs_response_describe_log_dirs_result *const *)item)->log_dir;
}

struct replica {
    struct topic_partition key;
    const struct describe_log_dirs_response_describe_log_dirs_partition *info;
};

static bool is_wanted(const struct log_dirs *run, struct slice topic)
{
    for (int32_t i = 0; i < run->topic_count; i++) {
        if (slice_eq(run->topics[i], topic)) return true;
    }
    return run->topic_count == 0;
}

static void add_replicas(struct log_dirs *run, struct text *out,
                         const struct describe_log_dirs_response_describe_log_dirs_result *dir)
{
    int32_t count = 0, printed = 0;
    for (int32_t i = 0; i < dir->topics.count; i++) count += dir->topics.items[i].partitions.count;
    struct replica *replicas = ARENA_ARRAY(&run->cli->arena, struct replica, count + 1);
    count = 0;
    for (int32_t i = 0; i < dir->topics.count; i++) {
        const struct describe_log_dirs_response_describe_log_dirs_topic *topic = &dir->topics.items[i];
        for (int32_t k = 0; k < topic->partitions.count; k++) {
            replicas[count].key = (struct topic_partition){topic->name, topic->partitions.items[k].partition_index};
            replicas[count++].info = &topic->partitions.items[k];
        }
    }
    topic_partition_order(replicas, (size_t)count, sizeof(*replicas));
    for (int32_t i = 0; i < count; i++) {
        const struct replica *replica = &replicas[i];
        if (!is_wanted(run, replica->key.topic)) continue;
        text_printf(out, "%s{\"partition\":\"%.*s-%d\",\"size\":%lld,\"offsetLag\":%lld,\"isFuture\":%s}",
                    printed++ > 0 ? "," : "", SLICE_FMT(replica->key.topic), replica->key.partition,
                    (long long)replica->info->partition_size, (long long)replica->info->offset_lag,
                    replica->info->is_future_key ? "true" : "false");
    }
}

static void add_broker(struct log_dirs *run, struct text *out, int32_t broker,
                       const struct describe_log_dirs_response *answer)
{
    int32_t count = answer->results.count;
    const struct describe_log_dirs_response_describe_log_dirs_result **dirs =
        ARENA_ARRAY(&run->cli->arena, const struct describe_log_dirs_response_describe_log_dirs_result *, count + 1);
    for (int32_t i = 0; i < count; i++) dirs[i] = &answer->results.items[i];
    java_hash_order(dirs, (size_t)count, sizeof(*dirs), (size_t)(count > 0 ? count : 1), dir_name);
    text_printf(out, "{\"broker\":%d,\"logDirs\":[", broker);
    for (int32_t i = 0; i < count; i++) {
        text_printf(out, "%s{\"partitions\":[", i > 0 ? "," : "");
        add_replicas(run, out, dirs[i]);
        text_add_str(out, "],\"error\":");
        if (dirs[i]->error_code == OK)
            text_add_str(out, "null");
        else
            text_printf(out, "\"%s\"", cli_error_of(run->cli, (enum err)dirs[i]->error_code, SLICE_NULL).class_name);
        text_add_str(out, ",\"logDir\":");
        json_text_string(out, dirs[i]->log_dir);
        text_add_char(out, '}');
    }
    text_add_str(out, "]}");
}

static bool ask_broker(struct log_dirs *run, struct text *out, int32_t broker)
{
    struct describe_log_dirs_request request = describe_log_dirs_request_init();
    request.topics.count = -1; // all
    struct client_call call = {.api_key = API_DESCRIBE_LOG_DIRS, .node_id = broker, .request = &request};
    struct cli_error error;
    if (!cli_call(run->cli, run->client, &call, "describeLogDirs", &error)) return fail_future(run, error);
    const struct describe_log_dirs_response *answer = call.response;
    enum err e = (enum err)answer->error_code;
    if (e == OK) add_broker(run, out, broker, answer);
    client_call_deinit(&call);
    return e == OK || fail_future(run, cli_error_of(run->cli, e, SLICE_NULL));
}

static bool print_dirs(struct log_dirs *run)
{
    struct cli *cli = run->cli;
    struct text out = {0};
    bool ok = true;
    cli_out(cli, "Querying brokers for log directories information\n");
    text_add_str(&out, "{\"brokers\":[");
    for (int32_t i = 0; ok && i < run->broker_count; i++) {
        if (i > 0) text_add_char(&out, ',');
        ok = ask_broker(run, &out, run->brokers[i]);
    }
    text_add_str(&out, "],\"version\":1}\n");
    if (ok) {
        cli_out(cli, "Received log directory information from brokers %s\n",
                join(cli, run->brokers, run->broker_count));
        cli_out_bytes(cli, text_slice(&out));
    }
    text_deinit(&out);
    return ok;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static int describe(struct log_dirs *run)
{
    const char *config, *bootstrap, *brokers, *topics;
    if (!jopt_value(&run->options, LOG_DIRS_COMMAND_CONFIG, &config) ||
        !jopt_value(&run->options, LOG_DIRS_BOOTSTRAP_SERVER, &bootstrap) ||
        !jopt_value(&run->options, LOG_DIRS_TOPIC_LIST, &topics) ||
        !jopt_value(&run->options, LOG_DIRS_BROKER_LIST, &brokers)) {
        return cli_trace(run->cli, run->options.problem, run->options.problem_class);
    }
    struct slice rest = slice_str(topics), word;
    run->topics = ARENA_ARRAY(&run->cli->arena, struct slice, rest.size + 1);
    while (next_word(&rest, &word)) run->topics[run->topic_count++] = word;
    bool ok = cli_connect(run->cli, config, bootstrap, &run->client, &run->thrown) && find_brokers(run) &&
              choose_brokers(run, brokers);
    if (!ok) return cli_trace_thrown(run->cli, &run->thrown);
    const char *unknown = unknown_brokers(run);
    if (unknown != NULL) {
        cli_err(run->cli,
                "ERROR: The given brokers do not exist from --broker-list: %s. Current existent brokers: %s\n", unknown,
                join(run->cli, run->existing, run->existing_count));
        return 1;
    }
    return print_dirs(run) ? 0 : cli_trace_thrown(run->cli, &run->thrown);
}

int tool_log_dirs(struct cli *cli, int argc, char **argv)
{
    struct log_dirs run = {.cli = cli};
    if (!jopt_parse(&run.options, log_dirs_options, LOG_DIRS_OPTIONS, &cli->arena, argc, argv)) {
        return cli_trace(cli, run.options.problem, run.options.problem_class);
    }
    int code;
    if (!usage_begin(cli, &run.options, argc, about, &code)) return code;
    if (!usage_require(cli, &run.options, LOG_DIRS_BOOTSTRAP_SERVER) ||
        !usage_require(cli, &run.options, LOG_DIRS_DESCRIBE)) {
        return 1;
    }
    code = describe(&run);
    if (run.client != NULL) client_free(run.client);
    return code;
}
