// SPDX-License-Identifier: Apache-2.0
// kafka-server-start.sh and kafka-server-stop.sh (kafka-cli 26).
#include "cli/cli_int.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>

static const char server_usage[] = "USAGE: java [options] kafka.Kafka server.properties [--override property=value]*";
static const struct jopt_option server_options[] = {
    {"override", JOPT_STRING, NULL, NULL,
     "Optional property that should override values set in server.properties file (e.g. Key=value)"},
    {"version", JOPT_FLAG, NULL, NULL, "Print version information and exit."},
};

// ---- start -----------------------------------------------------------------------------------------------------

int tool_server_start(struct cli *cli, int argc, char **argv)
{
    bool by_kafkas_name = strstr(argv[0], "kafka-server-start") != NULL;
    if (argc > 1 && strcmp(argv[1], "-daemon") == 0) { // the service manager's or shell's business here
        argv[1] = argv[0];
        argv++;
        argc--;
    }
    if (by_kafkas_name && argc < 2) {
        cli_err(cli, "USAGE: %s [-daemon] server.properties [--override property=value]*\n", argv[0]);
        return 1;
    }
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--version") == 0) {
            cli_out(cli, "%s\n", KAFKA_VERSION);
            return 0;
        }
        if (strcmp(argv[i], "--help") == 0) {
            const struct jopt options = {.options = server_options, .option_count = COUNT_OF(server_options)};
            return cli_usage(cli, &options, server_usage);
        }
    }
    cli_flush(cli);
    return cli->host->server(cli->host, argc - 1, argv + 1);
}

// ---- stop ------------------------------------------------------------------------------------------------------

struct stopping {
    struct cli *cli;
    const char *role;    // NULL = any
    const char *node_id; // NULL = any
    int signal;
    int stopped;
};

struct process {
    int64_t pid;
    char **words; // its command line
    int count;
};

static bool read_words(struct cli *cli, const char *pid, struct process *out)
{
    struct slice line;
    const char *path = arena_printf(&cli->arena, "/proc/%s/cmdline", pid);
    if (cli_read_file(cli, path, &line) != OK || line.size == 0) return false;
    out->pid = strtoll(pid, NULL, 10);
    out->words = ARENA_ARRAY(&cli->arena, char *, line.size + 1);
    out->count = 0;
    for (size_t at = 0; at < line.size;) {
        const uint8_t *end = memchr(line.data + at, '\0', line.size - at);
        size_t size = end == NULL ? line.size - at : (size_t)(end - line.data) - at;
        out->words[out->count++] = arena_str(&cli->arena, slice_of(line.data + at, size));
        at += size + 1;
    }
    return true;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

// The index of the first word behind the server's name, 0 when this is no server of ours.
static int server_words(const struct process *process)
{
    const char *name = base_name(process->words[0]);
    if (strncmp(name, "kafka-server-start", 18) == 0) return 1;
    if (strcmp(name, "odradek") != 0 || process->count < 2) return 0;
    const char *command = process->words[1];
    return strcmp(command, "server") == 0 || strncmp(command, "kafka-server-start", 18) == 0 ? 2 : 0;
}

// A key of the process's configuration: overrides first, then its file; files are looked up from its own directory.
static const char *setting(struct cli *cli, const struct process *process, int from, const char *key)
{
    const char *found = NULL;
    size_t size = strlen(key);
    struct props props = {0};
    for (int i = from; i < process->count; i++) {
        const char *word = process->words[i];
        if (strcmp(word, "--override") == 0 && i + 1 < process->count) {
            word = process->words[++i];
            if (strncmp(word, key, size) == 0 && word[size] == '=') found = word + size + 1;
        } else if (strncmp(word, "--override=", 11) == 0) {
            if (strncmp(word + 11, key, size) == 0 && word[11 + size] == '=') found = word + 12 + size;
        } else if (word[0] != '-' && props.count == 0) {
            const char *path =
                word[0] == '/' ? word : arena_printf(&cli->arena, "/proc/%lld/cwd/%s", (long long)process->pid, word);
            if (props_load(&props, cli, path) != OK) continue;
        }
    }
    return found != NULL ? found : props_string(cli, &props, key, NULL);
}

static bool is_wanted(const struct stopping *s, const struct process *process, int from)
{
    // No settings at all: a node by itself is broker and controller, number 1.
    if (s->node_id != NULL) {
        const char *id = setting(s->cli, process, from, "node.id");
        if (id == NULL) id = setting(s->cli, process, from, "broker.id");
        return strcmp(id == NULL ? "1" : id, s->node_id) == 0;
    }
    if (s->role == NULL) return true;
    const char *roles = setting(s->cli, process, from, "process.roles");
    return roles != NULL && strcmp(roles, s->role) == 0;
}

static enum err look_at(void *context, const char *name)
{
    struct stopping *s = context;
    struct process process;
    if (!isdigit((unsigned char)name[0]) || !read_words(s->cli, name, &process) || process.pid == s->cli->host->pid)
        return OK;
    int from = server_words(&process);
    if (from == 0 || !is_wanted(s, &process, from)) return OK;
    if (s->cli->host->signal(s->cli->host, process.pid, s->signal))
        s->stopped++;
    else
        cli_err(s->cli, "Process %lld may not be signalled by this user.\n", (long long)process.pid);
    return OK;
}

static int signal_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } known[] = {{"TERM", SIGTERM}, {"INT", SIGINT}, {"KILL", SIGKILL}, {"HUP", SIGHUP}, {"QUIT", SIGQUIT}};
    if (strncmp(name, "SIG", 3) == 0) name += 3;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(name, known[i].name) == 0) return known[i].number;
    }
    char *end;
    long number = strtol(name, &end, 10);
    return *end == '\0' && number > 0 && number < 65 ? (int)number : SIGTERM;
}

int tool_server_stop(struct cli *cli, int argc, char **argv)
{
    struct stopping s = {.cli = cli, .signal = SIGTERM};
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], "--process-role=", 15) == 0)
            s.role = argv[i] + 15;
        else if (strncmp(argv[i], "--node-id=", 10) == 0)
            s.node_id = argv[i] + 10;
    }
    if (s.role != NULL && s.node_id != NULL) {
        cli_out(cli, "When both node-id and process-role are provided, the value for node-id will take precedence\n");
    }
    for (const char *const *e = cli->host->environment; e != NULL && *e != NULL; e++) {
        if (strncmp(*e, "SIGNAL=", 7) == 0 && (*e)[7] != '\0') s.signal = signal_number(*e + 7);
    }
    enum err e = fs_list(cli->host->fs, "/proc", look_at, &s);
    if (e == OK && s.stopped > 0) return 0;
    cli_out(cli, "No kafka server to stop\n");
    return 1;
}
