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
    {"kafka-server-start", "server", tool_server_start},
    {"kafka-server-stop", "stop", tool_server_stop},
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
            cli_err(cli, "  %-10s decode|encode: messages between hex and Kafka's JSON\n", tool->name);
        else
            cli_err(cli, "  %-10s as %s.sh\n", tool->alias, tool->name);
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
