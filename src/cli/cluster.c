// SPDX-License-Identifier: Apache-2.0
// kafka-cluster.sh (kafka-cli 22): the cluster's id and its nodes' addresses; taking a broker out of it.
#include "cli/argparse.h"
#include "cli/cluster_help.h"
#include "proto/apis.h"
#include "proto/describe_cluster.h"
#include "proto/unregister_broker.h"

enum { COLUMN = 10, TYPE_COLUMN = 15, BROKERS = 1, CONTROLLERS = 2 }; // DescribeCluster's endpoint types

enum { CLUSTER_SERVER, CLUSTER_CONTROLLER, CLUSTER_OLD_CONFIG, CLUSTER_CONFIG, CLUSTER_EXTRA, CLUSTER_OPTIONS };

#define CONNECTION                                                                                                     \
    [CLUSTER_SERVER] = {"bootstrap-server", 'b', ARGPARSE_TEXT, true, 1},                                              \
    [CLUSTER_CONTROLLER] = {"bootstrap-controller", 'C', ARGPARSE_TEXT, true, 1},                                      \
    [CLUSTER_OLD_CONFIG] = {"config", 0, ARGPARSE_TEXT, false, 0},                                                     \
    [CLUSTER_CONFIG] = {"command-config", 'c', ARGPARSE_TEXT, false, 0}

static const struct argparse_option id_options[CLUSTER_EXTRA] = {CONNECTION};
static const struct argparse_option unregister_options[CLUSTER_OPTIONS] = {
    CONNECTION, [CLUSTER_EXTRA] = {"id", 'i', ARGPARSE_INTEGER, true, 0}};
static const struct argparse_option endpoints_options[CLUSTER_OPTIONS] = {
    CONNECTION, [CLUSTER_EXTRA] = {"include-fenced-brokers", 0, ARGPARSE_FLAG, false, 0}};

struct cluster_run {
    struct cli *cli;
    const struct argparse *args;
    bool asks_controller;
    struct client *client;
    struct cli_thrown thrown;
};

static bool fail_future(struct cluster_run *run, struct cli_error error)
{
    run->thrown = cli_thrown(error);
    cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
    return false;
}

static bool ask_cluster(struct cluster_run *run, bool with_fenced, struct client_call *call)
{
    struct describe_cluster_request request = describe_cluster_request_init();
    request.endpoint_type = run->asks_controller ? CONTROLLERS : BROKERS;
    request.include_fenced_brokers = with_fenced;
    *call = (struct client_call){.api_key = API_DESCRIBE_CLUSTER, .node_id = CLIENT_ANY, .request = &request};
    call->version_min = with_fenced ? 2 : request.endpoint_type == CONTROLLERS ? 1 : 0;
    struct cli_error error;
    if (!cli_call(run->cli, run->client, call, "listNodes", &error)) return fail_future(run, error);
    const struct describe_cluster_response *answer = call->response;
    if (answer->error_code == OK) return true;
    fail_future(run, cli_error_of(run->cli, (enum err)answer->error_code, answer->error_message));
    client_call_deinit(call);
    return false;
}

static bool cluster_id(struct cluster_run *run)
{
    struct client_call call;
    if (!ask_cluster(run, false, &call)) return false;
    const struct describe_cluster_response *answer = call.response;
    cli_out(run->cli, "Cluster ID: %.*s\n", SLICE_FMT(answer->cluster_id));
    client_call_deinit(&call);
    return true;
}

static bool unregister(struct cluster_run *run)
{
    struct cli *cli = run->cli;
    struct unregister_broker_request request = unregister_broker_request_init();
    request.broker_id = (int32_t)argparse_number(run->args, CLUSTER_EXTRA, 0);
    struct client_call call = {.api_key = API_UNREGISTER_BROKER, .node_id = CLIENT_ANY, .request = &request};
    struct cli_error error;
    if (!cli_call(cli, run->client, &call, "unregisterBroker", &error)) return fail_future(run, error);
    const struct unregister_broker_response *answer = call.response;
    enum err e = (enum err)answer->error_code;
    error = cli_error_of(cli, e, answer->error_message);
    client_call_deinit(&call);
    if (e == OK) return cli_out(cli, "Broker %d is no longer registered.\n", request.broker_id), true;
    cli_flush(cli);
    log_error(cli->host->log, "org.apache.kafka.clients.admin.KafkaAdminClient",
              "[AdminClient clientId=%.*s] Unregister broker request for broker ID %d failed: %s",
              SLICE_FMT(client_config(run->client)->client_id), request.broker_id, error.text);
    return fail_future(run, error);
}

// ---- list-endpoints --------------------------------------------------------------------------------------------

static void print_cell(struct cli *cli, struct slice text, size_t width, const char *end)
{
    cli_out_padded(cli, text, width);
    cli_out(cli, "%s", end);
}

static bool list_endpoints(struct cluster_run *run)
{
    struct cli *cli = run->cli;
    bool with_fenced = run->args->given[CLUSTER_EXTRA] > 0, shows_state = !run->asks_controller;
    struct client_call call;
    if (run->asks_controller && with_fenced) {
        run->thrown = cli_thrown((struct cli_error){"java.lang.IllegalArgumentException",
                                                    "The option --include-fenced-brokers is only supported with "
                                                    "--bootstrap-server option"});
        return false;
    }
    if (!ask_cluster(run, with_fenced, &call)) return false;
    const struct describe_cluster_response *answer = call.response;
    size_t host_width = 0, rack_width = COLUMN;
    for (int32_t i = 0; i < answer->brokers.count; i++) {
        size_t host = cli_length(answer->brokers.items[i].host), rack = cli_length(answer->brokers.items[i].rack);
        if (host > host_width) host_width = host;
        if (rack > rack_width) rack_width = rack;
    }
    print_cell(cli, SLICE("ID"), COLUMN, " ");
    print_cell(cli, SLICE("HOST"), host_width, " ");
    print_cell(cli, SLICE("PORT"), COLUMN, " ");
    print_cell(cli, SLICE("RACK"), rack_width, " ");
    if (shows_state) print_cell(cli, SLICE("STATE"), COLUMN, " ");
    print_cell(cli, SLICE("ENDPOINT_TYPE"), TYPE_COLUMN, "\n");
    for (int32_t i = 0; i < answer->brokers.count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *broker = &answer->brokers.items[i];
        print_cell(cli, slice_str(arena_printf(&cli->arena, "%d", broker->broker_id)), COLUMN, " ");
        print_cell(cli, broker->host, host_width, " ");
        print_cell(cli, slice_str(arena_printf(&cli->arena, "%d", broker->port)), COLUMN, " ");
        print_cell(cli, slice_is_null(broker->rack) ? SLICE("null") : broker->rack, rack_width, " ");
        if (shows_state) print_cell(cli, slice_str(broker->is_fenced ? "fenced" : "unfenced"), COLUMN, " ");
        print_cell(cli, slice_str(run->asks_controller ? "controller" : "broker"), TYPE_COLUMN, "\n");
    }
    client_call_deinit(&call);
    return true;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    const char *help;
    const struct argparse_option *options;
    int option_count;
    bool (*run)(struct cluster_run *run);
} commands[] = {
    {"cluster-id", cluster_id_help, id_options, CLUSTER_EXTRA, cluster_id},
    {"unregister", unregister_help, unregister_options, CLUSTER_OPTIONS, unregister},
    {"list-endpoints", list_endpoints_help, endpoints_options, CLUSTER_OPTIONS, list_endpoints},
};

static bool connect(struct cluster_run *run)
{
    const char *bootstrap = argparse_value(run->args, CLUSTER_SERVER);
    const char *config = argparse_value(run->args, CLUSTER_CONFIG);
    const char *old_config = argparse_value(run->args, CLUSTER_OLD_CONFIG);
    if (config != NULL && old_config != NULL) {
        run->thrown = cli_thrown((struct cli_error){"net.sourceforge.argparse4j.inf.ArgumentParserException",
                                                    "--config and --command-config cannot be specified together."});
        return false;
    }
    if (old_config != NULL) {
        cli_out(run->cli, "Option --config has been deprecated and will be removed in a future version. Use "
                          "--command-config instead.\n");
        config = old_config;
    }
    run->asks_controller = bootstrap == NULL;
    if (bootstrap == NULL) bootstrap = argparse_value(run->args, CLUSTER_CONTROLLER);
    return cli_connect(run->cli, config, bootstrap, &run->client, &run->thrown);
}

int tool_cluster(struct cli *cli, int argc, char **argv)
{
    struct argparse *args = ARENA_NEW(&cli->arena, struct argparse), *own = ARENA_NEW(&cli->arena, struct argparse);
    *args = (struct argparse){.cli = cli, .program = "kafka-cluster", .help = cluster_help};
    args->has_commands = true;
    args->help_code = 1;
    int code;
    if (!argparse_parse(args, argc, argv, &code)) return code;
    const char *word = argv[args->command_at];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(word, commands[i].name) != 0) continue;
        *own = (struct argparse){.cli = cli, .program = args->program, .help = commands[i].help, .help_code = 1};
        own->options = commands[i].options;
        own->option_count = commands[i].option_count;
        if (!argparse_parse(own, argc - args->command_at, argv + args->command_at, &code)) return code;
        struct cluster_run run = {.cli = cli, .args = own};
        bool ok = connect(&run) && commands[i].run(&run);
        if (run.client != NULL) client_free(run.client);
        return ok ? 0 : cli_trace_thrown(cli, &run.thrown);
    }
    return argparse_error(args, arena_printf(&cli->arena,
                                             "invalid choice: '%s' (choose from 'cluster-id', 'unregister', "
                                             "'list-endpoints')",
                                             word));
}
