// SPDX-License-Identifier: Apache-2.0
// kafka-get-offsets.sh (kafka-cli 12): offsets of partitions, by patterns of topics and by time.
#include "cli/admin_topics.h"
#include "cli/options_get_offsets.h"
#include "cli/usage.h"

#include <stdlib.h>

static const char about[] = "An interactive shell for getting topic-partition offsets.";
static const char terse[] = "org.apache.kafka.tools.TerseException"; // shown without a trace

// A topic pattern and the partitions it goes with.
struct rule {
    struct regex *regex;
    int32_t *partitions; // NULL = the range
    int32_t partition_count;
    int64_t from, below;
};

struct offsets_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    struct rule *rules;
    int32_t rule_count;
    int64_t timestamp;
    struct cli_thrown thrown; // set by whatever returns false
};

static bool fail(struct offsets_run *run, const char *class_name, const char *text)
{
    run->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

static bool value(struct offsets_run *run, int option, const char **out)
{
    return jopt_value(&run->options, option, out) || fail(run, run->options.problem_class, run->options.problem);
}

// ---- arguments -------------------------------------------------------------------------------------------------

static bool parse_time(struct offsets_run *run)
{
    static const char *const names[] = {"latest",         "earliest",      "max-timestamp",
                                        "earliest-local", "latest-tiered", "earliest-pending-upload"};
    const char *text;
    if (!value(run, OFFSETS_TIME, &text)) return false;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        run->timestamp = -1 - (int64_t)i; // -1 latest, -2 earliest, ...
        if (strcmp(text, names[i]) == 0) return true;
    }
    if (cli_parse_long(slice_str(text), &run->timestamp)) return true;
    return fail(
        run, terse,
        arena_printf(&run->cli->arena,
                     "Malformed time argument %s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / "
                     "-4 or earliest-local / -5 or latest-tiered / -6 or earliest-pending-upload, or a specified "
                     "long format timestamp",
                     text));
}

static bool add_rule(struct offsets_run *run, struct slice pattern, struct rule **out)
{
    struct slice shown = include_list_pattern(run->cli, pattern);
    struct text problem = {0};
    struct regex *regex = regex_new(shown, &problem);
    text_deinit(&problem);
    if (regex == NULL) {
        return fail(run, "java.lang.RuntimeException",
                    arena_printf(&run->cli->arena, "%.*s is an invalid regex.", SLICE_FMT(shown)));
    }
    *out = &run->rules[run->rule_count++];
    **out = (struct rule){.regex = regex, .below = INT32_MAX};
    return true;
}

// --topic and --partitions.
static bool parse_topic(struct offsets_run *run)
{
    const char *topic, *partitions;
    if (!value(run, OFFSETS_TOPIC, &topic) || !value(run, OFFSETS_PARTITIONS, &partitions)) return false;
    struct slice rest = slice_str(partitions);
    int32_t *ids = ARENA_ARRAY(&run->cli->arena, int32_t, rest.size + 1);
    int32_t count = 0;
    while (rest.size > 0 && rest.data[rest.size - 1] == ',') rest.size--; // Java's split drops empty ends
    for (size_t at = 0; at < rest.size;) {
        const uint8_t *comma = memchr(rest.data + at, ',', rest.size - at);
        size_t size = comma == NULL ? rest.size - at : (size_t)(comma - rest.data) - at;
        int64_t id;
        if (!cli_parse_long(slice_of(rest.data + at, size), &id) || id > INT32_MAX || id < INT32_MIN) {
            return fail(
                run, terse,
                arena_printf(&run->cli->arena,
                             "--partitions expects a comma separated list of numeric partition ids, but received: %s",
                             partitions));
        }
        ids[count++] = (int32_t)id;
        at += size + 1;
    }
    struct rule *rule;
    if (!add_rule(run, topic == NULL ? SLICE(".*") : slice_str(topic), &rule)) return false;
    if (count > 0) {
        rule->partitions = ids;
        rule->partition_count = count;
    }
    return true;
}

static bool is_digits(struct slice text)
{
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
    }
    return true;
}

// "TOPIC:5", "TOPIC:2-5", "TOPIC:2-", "TOPIC:-5", "TOPIC", ":5".
static bool parse_rule(struct offsets_run *run, struct slice text)
{
    const uint8_t *colon = memchr(text.data, ':', text.size);
    struct slice topic = colon == NULL ? text : slice_of(text.data, (size_t)(colon - text.data));
    struct slice part = colon == NULL ? SLICE("") : slice_of(colon + 1, text.size - topic.size - 1);
    const uint8_t *dash = part.size == 0 ? NULL : memchr(part.data, '-', part.size);
    struct slice from = dash == NULL ? part : slice_of(part.data, (size_t)(dash - part.data));
    struct slice below = dash == NULL ? SLICE("") : slice_of(dash + 1, part.size - from.size - 1);
    if (!is_digits(from) || !is_digits(below)) {
        struct cli_error error = {terse,
                                  arena_printf(&run->cli->arena, "Invalid rule specification: %.*s", SLICE_FMT(text))};
        run->thrown = cli_thrown(error);
        cli_wrap(&run->thrown, "java.lang.RuntimeException", NULL);
        return false;
    }
    struct rule *rule;
    if (!add_rule(run, topic.size == 0 ? SLICE(".*") : topic, &rule)) return false;
    struct slice numbers[] = {from, below};
    int64_t parsed[2] = {0, INT32_MAX};
    for (int i = 0; i < 2; i++) {
        if (numbers[i].size == 0) continue;
        if (cli_parse_long(numbers[i], &parsed[i]) && parsed[i] <= INT32_MAX) continue;
        return fail(run, "java.lang.NumberFormatException",
                    arena_printf(&run->cli->arena, "For input string: \"%.*s\"", SLICE_FMT(numbers[i])));
    }
    rule->from = parsed[0];
    rule->below = dash == NULL && from.size > 0 ? parsed[0] + 1 : parsed[1];
    return true;
}

static bool parse_rules(struct offsets_run *run)
{
    const char *text;
    if (!value(run, OFFSETS_TOPIC_PARTITIONS, &text)) return false;
    struct slice rest = slice_str(text);
    while (rest.size > 0 && rest.data[rest.size - 1] == ',') rest.size--;
    for (size_t at = 0; at <= rest.size;) {
        const uint8_t *comma = at < rest.size ? memchr(rest.data + at, ',', rest.size - at) : NULL;
        size_t size = comma == NULL ? rest.size - at : (size_t)(comma - rest.data) - at;
        if (!parse_rule(run, slice_of(rest.data + at, size))) return false;
        at += size + 1;
    }
    return true;
}

static bool parse(struct offsets_run *run)
{
    const struct jopt *options = &run->options;
    if (jopt_has(options, OFFSETS_TOPIC_PARTITIONS) &&
        (jopt_has(options, OFFSETS_TOPIC) || jopt_has(options, OFFSETS_PARTITIONS))) {
        return fail(run, terse, "--topic-partitions cannot be used with --topic or --partitions");
    }
    if (!parse_time(run)) return false;
    size_t most = 2;
    for (int i = 0; i < jopt_count(options, OFFSETS_TOPIC_PARTITIONS); i++) {
        for (const char *c = jopt_at(options, OFFSETS_TOPIC_PARTITIONS, i); *c != '\0'; c++) most += *c == ',';
    }
    run->rules = ARENA_ARRAY(&run->cli->arena, struct rule, most);
    return jopt_has(options, OFFSETS_TOPIC_PARTITIONS) ? parse_rules(run) : parse_topic(run);
}

// ---- asking ----------------------------------------------------------------------------------------------------

static bool allows_partition(const struct rule *rule, int32_t partition)
{
    if (rule->partitions == NULL) return partition >= rule->from && partition < rule->below;
    for (int32_t i = 0; i < rule->partition_count; i++) {
        if (rule->partitions[i] == partition) return true;
    }
    return false;
}

static bool is_allowed(const struct offsets_run *run, struct slice topic, int32_t partition)
{
    for (int32_t i = 0; i < run->rule_count; i++) {
        if (!regex_matches(run->rules[i].regex, topic)) continue;
        if (partition < 0 || allows_partition(&run->rules[i], partition)) return true;
    }
    return false;
}

static bool find_partitions(struct offsets_run *run, struct admin_offset **out, int32_t *count)
{
    struct cli *cli = run->cli;
    struct slice *names;
    int32_t name_count, kept = 0;
    struct cli_error error;
    bool with_internal = !jopt_has(&run->options, OFFSETS_EXCLUDE_INTERNAL);
    struct admin_topic *topics = NULL;
    bool ok = admin_list_topics(cli, run->client, with_internal, &names, &name_count, &error);
    for (int32_t i = 0; ok && i < name_count; i++) {
        if (is_allowed(run, names[i], -1)) names[kept++] = names[i];
    }
    ok = ok && admin_describe_topics(cli, run->client, names, kept, &topics, &error);
    size_t total = 0;
    for (int32_t t = 0; ok && t < kept; t++) {
        if (topics[t].err != OK) {
            error = cli_error_of(cli, topics[t].err, SLICE_NULL);
            ok = false;
        }
        total += (size_t)topics[t].partition_count;
    }
    if (!ok) {
        run->thrown = cli_thrown(error);
        cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
        return false;
    }
    *out = ARENA_ARRAY(&cli->arena, struct admin_offset, total + 1);
    *count = 0;
    for (int32_t t = 0; t < kept; t++) {
        for (int32_t p = 0; p < topics[t].partition_count; p++) {
            struct topic_partition key = {names[t], topics[t].partitions[p].index};
            if (!is_allowed(run, key.topic, key.partition)) continue;
            (*out)[(*count)++] = (struct admin_offset){.key = key, .timestamp = run->timestamp};
        }
    }
    if (*count > 0) return true;
    return fail(run, terse, "Could not match any topic-partitions with the specified filters");
}

// By the text "topic-partition", as the tool sorts.
static int by_text(const void *a, const void *b)
{
    const struct admin_offset *x = a, *y = b;
    struct text left = {0}, right = {0};
    text_printf(&left, "%.*s-%d", SLICE_FMT(x->key.topic), x->key.partition);
    text_printf(&right, "%.*s-%d", SLICE_FMT(y->key.topic), y->key.partition);
    int order = slice_cmp(text_slice(&left), text_slice(&right));
    text_deinit(&left);
    text_deinit(&right);
    return order;
}

static bool act(struct offsets_run *run)
{
    const char *config, *bootstrap;
    struct admin_offset *items;
    int32_t count;
    if (!parse(run) || !value(run, OFFSETS_COMMAND_CONFIG, &config) ||
        !value(run, OFFSETS_BOOTSTRAP_SERVER, &bootstrap) ||
        !cli_connect_as(run->cli, config, bootstrap, "GetOffsetShell", &run->client, &run->thrown) ||
        !find_partitions(run, &items, &count)) {
        return false;
    }
    struct cli_error error;
    if (!admin_list_offsets(run->cli, run->client, items, count, &error)) {
        for (int32_t i = 0; i < count; i++) {
            items[i].has_failed = true;
            items[i].error = error;
        }
    }
    for (int32_t i = 0; i < count; i++) {
        if (!items[i].has_failed) continue;
        cli_err(run->cli, "Skip getting offsets for topic-partition %.*s-%d due to error: %s: %s\n",
                SLICE_FMT(items[i].key.topic), items[i].key.partition, items[i].error.class_name, items[i].error.text);
    }
    qsort(items, (size_t)count, sizeof(*items), by_text);
    for (int32_t i = 0; i < count; i++) {
        if (items[i].has_failed || items[i].offset == -1) continue;
        cli_out(run->cli, "%.*s:%d:%lld\n", SLICE_FMT(items[i].key.topic), items[i].key.partition,
                (long long)items[i].offset);
    }
    return true;
}

int tool_get_offsets(struct cli *cli, int argc, char **argv)
{
    struct offsets_run run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, offsets_options, OFFSETS_OPTIONS, &cli->arena, argc, argv)) {
        cli_err(cli, "Error occurred: %s\n", options->problem);
        return 1;
    }
    int code = 1;
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    const char *bootstrap = NULL;
    bool ok = usage_require(cli, options, OFFSETS_BOOTSTRAP_SERVER);
    if (!ok) return 1;
    if (value(&run, OFFSETS_BOOTSTRAP_SERVER, &bootstrap)) {
        const char *bad = usage_bad_bootstrap(bootstrap);
        if (bad != NULL) return cli_usage(cli, options, bad);
        ok = act(&run);
    } else {
        ok = false;
    }
    for (int32_t i = 0; i < run.rule_count; i++) regex_free(run.rules[i].regex);
    if (run.client != NULL) client_free(run.client);
    if (ok) return 0;
    cli_err(cli, "Error occurred: %s\n", cli_thrown_text(cli, &run.thrown));
    if (run.thrown.chain[0].class_name != terse) {
        cli_print_thrown(cli, &run.thrown);
        cli_err(cli, "\n");
    }
    return 1;
}
