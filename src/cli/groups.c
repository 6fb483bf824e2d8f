// SPDX-License-Identifier: Apache-2.0
// kafka-groups.sh (kafka-cli 23): groups of all types.
#include "cli/admin_groups.h"
#include "cli/options_groups.h"
#include "cli/usage.h"

#include <strings.h>

static const char about[] = "This tool helps to list groups of all types.";

struct groups_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    struct slice type; // as the broker spells it; null = any
    struct slice protocol;
    struct cli_thrown thrown;
};

static bool check(struct groups_run *run)
{
    struct cli *cli = run->cli;
    static const int with_consumer[] = {GROUPS_GROUP_TYPE, GROUPS_PROTOCOL, GROUPS_SHARE, GROUPS_STREAMS, -1};
    static const int with_share[] = {GROUPS_CONSUMER, GROUPS_GROUP_TYPE, GROUPS_PROTOCOL, GROUPS_STREAMS, -1};
    static const int with_streams[] = {GROUPS_CONSUMER, GROUPS_GROUP_TYPE, GROUPS_PROTOCOL, GROUPS_SHARE, -1};
    return usage_exclude(cli, &run->options, GROUPS_CONSUMER, with_consumer) &&
           usage_exclude(cli, &run->options, GROUPS_SHARE, with_share) &&
           usage_exclude(cli, &run->options, GROUPS_STREAMS, with_streams);
}

// False: told.
static bool parse_filters(struct groups_run *run)
{
    static const char *const types[] = {"Classic", "Consumer", "Share", "Streams"};
    const char *type, *protocol;
    if (!jopt_value(&run->options, GROUPS_GROUP_TYPE, &type) ||
        !jopt_value(&run->options, GROUPS_PROTOCOL, &protocol)) {
        return cli_trace(run->cli, run->options.problem, run->options.problem_class), false;
    }
    run->protocol = slice_str(protocol);
    for (size_t i = 0; type != NULL && i < COUNT_OF(types); i++) {
        if (strcasecmp(type, types[i]) == 0) run->type = slice_str(types[i]);
    }
    if (type == NULL || !slice_is_null(run->type)) return true;
    return cli_trace(run->cli, "--group-type must be a valid group type.", "java.lang.IllegalArgumentException"), false;
}

static bool passes(const struct groups_run *run, const struct admin_listing *group)
{
    if (!slice_is_null(run->type)) {
        return slice_eq(group->type, run->type) &&
               (slice_is_null(run->protocol) || slice_eq(group->protocol_type, run->protocol));
    }
    if (!slice_is_null(run->protocol)) return slice_eq(group->protocol_type, run->protocol);
    if (jopt_has(&run->options, GROUPS_CONSUMER)) {
        return slice_eq_str(group->protocol_type, "consumer") || group->protocol_type.size == 0 ||
               slice_eq_str(group->type, "Consumer");
    }
    if (jopt_has(&run->options, GROUPS_SHARE)) return slice_eq_str(group->type, "Share");
    if (jopt_has(&run->options, GROUPS_STREAMS)) return slice_eq_str(group->type, "Streams");
    return true;
}

static bool list(struct groups_run *run)
{
    struct cli *cli = run->cli;
    struct admin_listing *groups;
    int32_t count, kept = 0;
    if (!admin_list_groups(cli, run->client, NULL, 0, NULL, 0, &groups, &count, &run->thrown)) return false;
    size_t width = 20;
    for (int32_t i = 0; i < count; i++) {
        if (!passes(run, &groups[i])) continue;
        groups[kept++] = groups[i];
        const struct slice cells[] = {groups[i].id, groups[i].type, groups[i].protocol_type};
        for (size_t c = 0; c < COUNT_OF(cells); c++) {
            if (cli_length(cells[c]) > width) width = cli_length(cells[c]);
        }
    }
    const struct slice header[] = {SLICE("GROUP"), SLICE("TYPE"), SLICE("PROTOCOL")};
    for (size_t c = 0; c < COUNT_OF(header); c++) {
        cli_out(cli, "%s", c > 0 ? " " : "");
        cli_out_padded(cli, header[c], width);
    }
    cli_out(cli, "\n");
    for (int32_t i = 0; i < kept; i++) {
        const struct slice cells[] = {groups[i].id, groups[i].type, groups[i].protocol_type};
        for (size_t c = 0; c < COUNT_OF(cells); c++) {
            cli_out_padded(cli, cells[c], width);
            cli_out(cli, " ");
        }
        cli_out(cli, "\n");
    }
    return true;
}

int tool_groups(struct cli *cli, int argc, char **argv)
{
    struct groups_run run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, groups_options, GROUPS_OPTIONS, &cli->arena, argc, argv)) {
        return cli_usage(cli, options, options->problem);
    }
    int code;
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    if (!jopt_has(options, GROUPS_LIST)) {
        return cli_usage(cli, options, "Command must include exactly one action: --list.");
    }
    if (!parse_filters(&run) || !check(&run)) return 1;
    const char *config, *bootstrap;
    if (!jopt_value(options, GROUPS_COMMAND_CONFIG, &config) ||
        !jopt_value(options, GROUPS_BOOTSTRAP_SERVER, &bootstrap)) {
        return cli_trace(cli, options->problem, options->problem_class);
    }
    bool ok = cli_connect(cli, config, bootstrap, &run.client, &run.thrown) && list(&run);
    if (run.client != NULL) client_free(run.client);
    return ok ? 0 : usage_service_failed(cli, "groups", "org.apache.kafka.tools.GroupsCommand", &run.thrown);
}
