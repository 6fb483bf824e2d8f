// SPDX-License-Identifier: Apache-2.0
// Which tool is meant, and its life.
#include "cli/cli_int.h"

struct tool {
    const char *name;  // Kafka's, without ".sh"
    const char *alias; // after `odradek`, NULL = only Kafka's name
    int (*run)(struct cli *cli, int argc, char **argv);
};

static int run_raw(struct cli *cli, int argc, char **argv)
{
    return cli_raw(cli->host, argc - 1, argv + 1);
}

static const struct tool tools[] = {
    {"kafka-topics", "topics", tool_topics},
    {"kafka-console-producer", "produce", tool_console_producer},
    {"kafka-console-consumer", "consume", tool_console_consumer},
    {"kafka-storage", "storage", tool_storage},
    {"kafka-configs", "configs", tool_configs},
    {"kafka-consumer-groups", "groups", tool_consumer_groups},
    {"kafka-groups", "all-groups", tool_groups},
    {"kafka-delete-records", "delete-records", tool_delete_records},
    {"kafka-get-offsets", "offsets", tool_get_offsets},
    {"kafka-client-metrics", "client-metrics", tool_client_metrics},
    {"kafka-verifiable-producer", "verifiable-producer", tool_verifiable_producer},
    {"kafka-verifiable-consumer", "verifiable-consumer", tool_verifiable_consumer},
    {"kafka-producer-perf-test", "producer-perf", tool_producer_perf},
    {"kafka-consumer-perf-test", "consumer-perf", tool_consumer_perf},
    {"kafka-e2e-latency", "e2e-latency", tool_e2e_latency},
    {"kafka-server-start", "server", tool_server_start},
    {"kafka-server-stop", "stop", tool_server_stop},
    {"kafka-dump-log", "dump-log", tool_dump_log},
    {"kafka-metadata-quorum", "quorum", tool_metadata_quorum},
    {"kafka-features", "features", tool_features},
    {"kafka-cluster", "cluster", tool_cluster},
    {"kafka-log-dirs", "log-dirs", tool_log_dirs},
    {"kafka-broker-api-versions", "api-versions", tool_broker_api_versions},
    {"kafka-leader-election", "elect", tool_leader_election},
    {"kafka-reassign-partitions", "reassign", tool_reassign_partitions},
    {"raw", NULL, run_raw},
};

static const struct tool *find_tool(const char *path)
{
    const char *slash = strrchr(path, '/');
    struct slice name = slice_str(slash == NULL ? path : slash + 1);
    if (name.size > 3 && memcmp(name.data + name.size - 3, ".sh", 3) == 0) name.size -= 3;
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        if (slice_eq_str(name, tools[i].name)) return &tools[i];
        if (tools[i].alias != NULL && slice_eq_str(name, tools[i].alias)) return &tools[i];
    }
    return NULL;
}

static void overview(struct cli *cli)
{
    cli_err(cli, "usage: odradek COMMAND [ARGUMENT]...\n");
    for (size_t i = 0; i < COUNT_OF(tools); i++) {
        const struct tool *tool = &tools[i];
        if (tool->alias == NULL)
            cli_err(cli, "  %-20s decode|encode: messages between hex and Kafka's JSON\n", tool->name);
        else
            cli_err(cli, "  %-20s as %s.sh\n", tool->alias, tool->name);
    }
}

int cli_main(const struct cli_host *host, int argc, char **argv)
{
    struct cli cli = {.host = host};
    const struct tool *tool = argc > 0 ? find_tool(argv[0]) : NULL;
    if (tool == NULL && argc > 1) {
        tool = find_tool(argv[1]);
        argc--;
        argv++;
    }
    int code = 1;
    if (tool != NULL) {
        code = tool->run(&cli, argc, argv);
    } else if (argc > 0 && strcmp(argv[0], "--version") == 0) {
        cli_out(&cli, "odradek, speaks Apache Kafka %s\n", KAFKA_VERSION);
        code = 0;
    } else {
        overview(&cli);
    }
    cli_flush(&cli);
    text_deinit(&cli.out);
    text_deinit(&cli.err);
    arena_deinit(&cli.arena);
    return code;
}
