// SPDX-License-Identifier: Apache-2.0
// kafka-client-metrics.sh: which metrics clients push (KIP-714).
#include "cli/admin_configs.h"
#include "cli/java_order.h"
#include "cli/options_client_metrics.h"
#include "cli/usage.h"

static const char about[] = "This tool helps to manipulate and describe client metrics configurations.";
static const char illegal_argument[] = "java.lang.IllegalArgumentException";

struct metrics_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    const char *name, *interval;
    struct cli_error error; // set by whatever returns false
};

static bool has(const struct metrics_run *run, int option)
{
    return jopt_has(&run->options, option);
}

// ---- options ---------------------------------------------------------------------------------------------------

// False: told.
static bool check_names(struct metrics_run *run)
{
    struct cli *cli = run->cli;
    bool has_name = has(run, METRICS_NAME);
    if (has(run, METRICS_ALTER)) {
        if (has_name == has(run, METRICS_GENERATE_NAME)) {
            return cli_trace(cli, "One of --name or --generate-name must be specified with --alter.", illegal_argument),
                   false;
        }
        if (!jopt_value(&run->options, METRICS_INTERVAL, &run->interval)) {
            return cli_trace(cli, run->options.problem, run->options.problem_class), false;
        }
        int64_t number;
        bool is_bad = run->interval != NULL && *run->interval != '\0' &&
                      (!cli_parse_long(slice_str(run->interval), &number) || number > INT32_MAX || number < INT32_MIN);
        if (is_bad) {
            return cli_trace(cli, "Invalid interval value. Enter an integer, or leave empty to reset.",
                             illegal_argument),
                   false;
        }
    }
    if (has(run, METRICS_DELETE) && !has_name) {
        return cli_trace(cli, "A client metrics resource name must be specified with --delete.", illegal_argument),
               false;
    }
    return true;
}

static bool check(struct metrics_run *run)
{
    struct cli *cli = run->cli;
    static const int actions[] = {METRICS_ALTER, METRICS_DELETE, METRICS_DESCRIBE, METRICS_LIST};
    static const int not_alter[] = {METRICS_GENERATE_NAME, METRICS_INTERVAL, METRICS_MATCH, METRICS_METRICS, -1};
    static const int not_list[] = {METRICS_NAME,  METRICS_GENERATE_NAME, METRICS_INTERVAL,
                                   METRICS_MATCH, METRICS_METRICS,       -1};
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(actions); i++) count += has(run, actions[i]);
    if (count != 1) {
        return usage_fail(cli, &run->options,
                          "Command must include exactly one action: --alter, --delete, --describe or --list.");
    }
    if (!has(run, METRICS_BOOTSTRAP_SERVER)) {
        return cli_trace(cli, "--bootstrap-server must be specified.", illegal_argument), false;
    }
    return usage_exclude(cli, &run->options, METRICS_DELETE, not_alter) &&
           usage_exclude(cli, &run->options, METRICS_DESCRIBE, not_alter) &&
           usage_exclude(cli, &run->options, METRICS_LIST, not_list) && check_names(run);
}

// ---- actions ---------------------------------------------------------------------------------------------------

// The values of an option that are parted by commas, all of them joined again: jopt drops empty ones at the end.
static struct slice joined(struct metrics_run *run, int option)
{
    struct text text = {0};
    for (int i = 0; i < jopt_count(&run->options, option); i++) {
        if (i > 0) text_add_char(&text, ',');
        text_add_str(&text, jopt_at(&run->options, option, i));
    }
    struct slice copy = arena_copy(&run->cli->arena, text_slice(&text));
    text_deinit(&text);
    return copy;
}

static struct slice change_name(const void *item)
{
    return ((const struct admin_change *)item)->name;
}

static bool alter(struct metrics_run *run)
{
    struct admin_change changes[3];
    int32_t count = 0;
    if (has(run, METRICS_INTERVAL)) {
        changes[count++] = (struct admin_change){SLICE("interval.ms"), slice_str(run->interval), ADMIN_SET};
    }
    if (has(run, METRICS_METRICS)) {
        changes[count++] = (struct admin_change){SLICE("metrics"), joined(run, METRICS_METRICS), ADMIN_SET};
    }
    if (has(run, METRICS_MATCH)) {
        changes[count++] = (struct admin_change){SLICE("match"), joined(run, METRICS_MATCH), ADMIN_SET};
    }
    for (int32_t i = 0; i < count; i++) {
        if (changes[i].value.size == 0) changes[i].operation = ADMIN_DELETE;
    }
    java_hash_order(changes, (size_t)count, sizeof(changes[0]), 16, change_name);
    struct slice name = slice_str(run->name);
    if (has(run, METRICS_GENERATE_NAME)) {
        struct uuid id;
        char text[UUID_TEXT_SIZE + 1];
        do {
            env_random(run->cli->host->env, id.bytes, sizeof(id.bytes));
            id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
            id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
            uuid_format(id, text);
        } while (text[0] == '-');
        name = arena_copy(&run->cli->arena, slice_of(text, UUID_TEXT_SIZE));
    }
    if (!admin_alter_configs(run->cli, run->client, CONFIG_CLIENT_METRICS, name, changes, count, &run->error))
        return false;
    cli_out(run->cli, "Altered client metrics config for %.*s.\n", SLICE_FMT(name));
    return true;
}

static bool delete_all(struct metrics_run *run)
{
    struct admin_config *configs;
    int32_t count;
    struct slice name = slice_str(run->name);
    if (!admin_describe_configs(run->cli, run->client, CONFIG_CLIENT_METRICS, name, false, &configs, &count,
                                &run->error)) {
        return false;
    }
    struct admin_change *changes = ARENA_ARRAY(&run->cli->arena, struct admin_change, count + 1);
    for (int32_t i = 0; i < count; i++) {
        changes[i] = (struct admin_change){configs[i].name, configs[i].value, ADMIN_DELETE};
    }
    if (!admin_alter_configs(run->cli, run->client, CONFIG_CLIENT_METRICS, name, changes, count, &run->error))
        return false;
    cli_out(run->cli, "Deleted client metrics config for %s.\n", run->name);
    return true;
}

static bool describe(struct metrics_run *run)
{
    struct slice *names;
    int32_t count;
    if (!admin_list_resources(run->cli, run->client, CONFIG_CLIENT_METRICS, &names, &count, &run->error)) return false;
    bool is_known = run->name == NULL;
    for (int32_t i = 0; i < count; i++) is_known = is_known || slice_eq_str(names[i], run->name);
    if (!is_known) {
        cli_out(run->cli, "The client metric resource %s doesn't exist and doesn't have dynamic config.\n", run->name);
        return true;
    }
    for (int32_t i = 0; i < count; i++) {
        if (run->name != NULL && !slice_eq_str(names[i], run->name)) continue;
        cli_out(run->cli, "Client metrics configs for %.*s are:\n", SLICE_FMT(names[i]));
        struct admin_config *configs;
        int32_t config_count;
        if (!admin_describe_configs(run->cli, run->client, CONFIG_CLIENT_METRICS, names[i], false, &configs,
                                    &config_count, &run->error)) {
            return false;
        }
        for (int32_t c = 0; c < config_count; c++) {
            struct slice shown = slice_is_null(configs[c].value) ? SLICE("null") : configs[c].value;
            cli_out(run->cli, "  %.*s=%.*s\n", SLICE_FMT(configs[c].name), SLICE_FMT(shown));
        }
    }
    return true;
}

static bool list(struct metrics_run *run)
{
    struct slice *names;
    int32_t count;
    if (!admin_list_resources(run->cli, run->client, CONFIG_CLIENT_METRICS, &names, &count, &run->error)) return false;
    for (int32_t i = 0; i < count; i++) cli_out(run->cli, "%s%.*s", i > 0 ? "\n" : "", SLICE_FMT(names[i]));
    cli_out(run->cli, "\n");
    return true;
}

static bool act(struct metrics_run *run)
{
    if (has(run, METRICS_ALTER)) return alter(run);
    if (has(run, METRICS_DESCRIBE)) return describe(run);
    return has(run, METRICS_DELETE) ? delete_all(run) : list(run);
}

int tool_client_metrics(struct cli *cli, int argc, char **argv)
{
    struct metrics_run run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, metrics_options, METRICS_OPTIONS, &cli->arena, argc, argv)) {
        return cli_usage(cli, options, options->problem);
    }
    int code;
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    if (!check(&run)) return 1;
    const char *config, *bootstrap;
    if (!jopt_value(options, METRICS_COMMAND_CONFIG, &config) || !jopt_value(options, METRICS_NAME, &run.name) ||
        !jopt_value(options, METRICS_BOOTSTRAP_SERVER, &bootstrap)) {
        return cli_trace(cli, options->problem, options->problem_class);
    }
    struct cli_thrown thrown;
    bool ok = cli_connect(cli, config, bootstrap, &run.client, &thrown);
    if (ok && !act(&run)) {
        thrown = cli_thrown(run.error);
        ok = false;
    }
    if (run.client != NULL) client_free(run.client);
    return ok ? 0 : usage_service_failed(cli, "client metrics", "org.apache.kafka.tools.ClientMetricsCommand", &thrown);
}
