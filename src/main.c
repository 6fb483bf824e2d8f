// SPDX-License-Identifier: Apache-2.0
// The one program: `odradek server`, and every tool by its name. Picks env_posix, reads the configuration, starts the
// shards; the only place besides env_posix that knows the process.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "broker/format.h"
#include "cli/cli.h"
#include "config/config.h"
#include "env_posix/posix.h"

extern char **environ;

enum { TASK_THREADS = 4, DESCRIPTORS_ENOUGH = 10000, PROPERTIES_BYTES_MAX = 1024 * 1024 };

struct server {
    struct posix_node *node;
    struct log *log;
    struct broker *broker;
    int64_t descriptors; // allowed
};

static void stopped(void *context, struct broker *broker, enum err why)
{
    (void)broker;
    struct server *server = context;
    // As Kafka halts: what is open cannot be closed in order any more, and a disk that hangs must not hold the end.
    if (why != OK) _exit(1);
    posix_node_stop(server->node);
}

static void started(void *context, struct broker *broker)
{
    (void)context;
    (void)broker;
}

static void explain_port(void *context, const char *host, int port, enum err why)
{
    const struct server *server = context;
    char owner[POSIX_OWNER_TEXT_SIZE];
    if (why != ERR_BUSY) return;
    posix_port_owner(port, owner);
    log_error(
        server->log, "main",
        "port %d%s%s is held by %s; stop it, or choose another with --override listeners=PLAINTEXT://127.0.0.1:%d,...",
        port, host[0] == '\0' ? "" : " on ", host, owner, port + 100);
}

static void explain_lock(void *context, const char *dir, int64_t holder_pid)
{
    const struct server *server = context;
    char owner[POSIX_OWNER_TEXT_SIZE];
    posix_process_text(holder_pid, owner);
    log_error(server->log, "main",
              "%s is locked by %s; stop it, or choose another directory with --override log.dirs=DIR", dir, owner);
}

static void on_signal(struct env *env, int signo, void *context)
{
    struct server *server = context;
    log_info(env->log, "main", "%s: stopping", strsignal(signo));
    broker_stop(server->broker);
}

// The whole file, in the arena; NULL with a message when it cannot be read.
static const char *read_file(struct arena *arena, const char *path, struct slice *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return arena_printf(arena, "%s cannot be read: %s", path, strerror(errno));
    uint8_t *bytes = arena_alloc(arena, PROPERTIES_BYTES_MAX);
    ssize_t size = 0;
    for (ssize_t got;
         size < PROPERTIES_BYTES_MAX && (got = read(fd, bytes + size, (size_t)(PROPERTIES_BYTES_MAX - size))) > 0;)
        size += got;
    close(fd);
    if (size == PROPERTIES_BYTES_MAX)
        return arena_printf(arena, "%s is larger than %d bytes; is it a properties file?", path, PROPERTIES_BYTES_MAX);
    *out = slice_of(bytes, (size_t)size);
    return NULL;
}

struct server_arguments {
    const char *file;
    const char **overrides;
    size_t override_count;
};

// [FILE] [--override key=value]... in any order; false = usage was printed.
static bool parse_arguments(struct arena *arena, int argc, char **argv, struct server_arguments *out)
{
    *out = (struct server_arguments){.overrides = ARENA_ARRAY(arena, const char *, argc)};
    for (int i = 0; i < argc; i++) {
        bool is_override = strcmp(argv[i], "--override") == 0;
        if (is_override && i + 1 < argc && strchr(argv[i + 1], '=') != NULL) {
            out->overrides[out->override_count++] = argv[++i];
        } else if (strncmp(argv[i], "--override=", 11) == 0 && strchr(argv[i] + 11, '=') != NULL) {
            out->overrides[out->override_count++] = argv[i] + 11;
        } else if (!is_override && argv[i][0] != '-' && out->file == NULL) {
            out->file = argv[i];
        } else if (strcmp(argv[i], "-daemon") == 0) {
            continue; // the start script's own; a supervisor does that better
        } else {
            fprintf(stderr,
                    "unexpected \"%s\"\nusage: odradek server [server.properties] [--override property=value]...\n",
                    argv[i]);
            return false;
        }
    }
    return true;
}

static const struct config *read_config(struct arena *arena, const struct server_arguments *arguments, struct log *log)
{
    struct config_sources sources = {.overrides = arguments->overrides,
                                     .override_count = arguments->override_count,
                                     .environment = (const char *const *)environ,
                                     .default_log_dir = "data"};
    if (arguments->file != NULL) {
        const char *problem = read_file(arena, arguments->file, &sources.file);
        if (problem != NULL) {
            log_line(log, LOG_FATAL, "main", "%s", problem);
            return NULL;
        }
    }
    const struct config *config = NULL;
    struct config_report report = {0};
    enum err e = config_build(&sources, arena, &config, &report);
    for (size_t i = 0; i < report.warning_count; i++) log_warn(log, "config", "%s", report.warnings[i]);
    if (e == OK) return config;
    log_line(log, LOG_FATAL, "config", "%s", report.error == NULL ? err_text(e) : report.error);
    return NULL;
}

static enum err run_server(struct server *server, const struct config *config, struct log *log)
{
    int cores = posix_cores();
    struct posix_options options = {.shards = config_shards(config, cores), .task_threads = TASK_THREADS, .log = log};
    if (posix_node_new(&options, &server->node) != OK) return ERR_IO;
    int env_count = 0;
    struct env **envs = posix_node_envs(server->node, &env_count);
    char hostname[HOST_NAME_MAX + 1];
    char working_dir[PATH_MAX];
    posix_hostname(hostname, sizeof(hostname));
    posix_signal(envs[0], SIGTERM, on_signal, server);
    posix_signal(envs[0], SIGINT, on_signal, server);
    const struct broker_options broker_options = {
        .config = config,
        .envs = envs,
        .env_count = env_count,
        .started = started,
        .stopped = stopped,
        .explain_port = explain_port,
        .explain_lock = explain_lock,
        .context = server,
        .descriptor_limit = server->descriptors,
        .hostname = hostname,
        .working_dir = getcwd(working_dir, sizeof(working_dir)),
    };
    server->broker = broker_start(&broker_options);
    posix_node_run(server->node);
    broker_free(server->broker);
    posix_node_free(server->node);
    return OK;
}

static int server_main(const struct cli_host *host, int argc, char **argv)
{
    (void)host;
    struct arena arena = {0};
    struct posix_log log;
    struct server server = {.log = &log.log};
    struct server_arguments arguments;
    int status = 1;
    posix_log_init(&log, STDOUT_FILENO, LOG_INFO);
    int64_t descriptors = server.descriptors = posix_raise_nofile();
    if (descriptors < DESCRIPTORS_ENOUGH)
        log_warn(&log.log, "main", "only %lld open files are allowed; raise the hard limit (ulimit -Hn)",
                 (long long)descriptors);
    if (parse_arguments(&arena, argc, argv, &arguments)) {
        const struct config *config = read_config(&arena, &arguments, &log.log);
        if (config != NULL && run_server(&server, config, &log.log) == OK) status = 0;
    }
    arena_deinit(&arena);
    return status;
}

// ---- what the tools ask of the process ---------------------------------------------------------------------------

static void random_bytes(void *context, void *to, size_t size)
{
    env_random(context, to, size);
}

static enum err format(const struct cli_host *host, const struct cli_format *wanted, struct text *report,
                       struct text *problem)
{
    struct format_voter *voters = mem_zalloc((size_t)wanted->voter_count, sizeof(*voters));
    struct format_feature *features = mem_zalloc((size_t)wanted->feature_count, sizeof(*features));
    for (int i = 0; i < wanted->voter_count; i++) {
        const struct cli_format_voter *voter = &wanted->voters[i];
        voters[i] = (struct format_voter){
            .id = voter->id, .directory_id = voter->directory_id, .host = voter->host, .port = voter->port};
    }
    for (int i = 0; i < wanted->feature_count; i++)
        features[i] = (struct format_feature){.name = wanted->features[i].name, .level = wanted->features[i].level};
    const struct format_options options = {
        .fs = host->fs,
        .wall_ms = env_wall_ms(host->env),
        .random = random_bytes,
        .random_context = host->env,
        .cluster_id = wanted->cluster_id,
        .node_id = wanted->node_id,
        .dirs = wanted->dirs,
        .dir_count = wanted->dir_count,
        .metadata_dir = wanted->metadata_dir,
        .metadata_version = wanted->metadata_version,
        .features = wanted->features == NULL ? NULL : features,
        .feature_count = wanted->feature_count,
        .metadata_version_name = wanted->metadata_version_name,
        .records = wanted->records,
        .record_count = wanted->record_count,
        .voters = wanted->voters == NULL ? NULL : voters,
        .voter_count = wanted->voter_count,
        .controller_listener = wanted->controller_listener,
        .is_standalone = wanted->is_standalone,
        .ignores_formatted = wanted->ignores_formatted,
        .report = report,
    };
    enum err e = format_directories(&options, problem);
    mem_free(voters);
    mem_free(features);
    return e;
}

static bool resolves(const struct cli_host *host, const char *name)
{
    (void)host;
    struct addrinfo *found = NULL;
    if (getaddrinfo(name, NULL, NULL, &found) != 0) return false;
    freeaddrinfo(found);
    return true;
}

static bool send_signal(const struct cli_host *host, int64_t pid, int signal_number)
{
    (void)host;
    return kill((pid_t)pid, signal_number) == 0;
}

struct stop_watch {
    void (*callback)(void *context, int signo);
    void *context;
};

static void stop_came(struct env *env, int signo, void *context)
{
    (void)env;
    struct stop_watch *watch = context;
    if (watch->callback != NULL)
        watch->callback(watch->context, signo);
    else
        _exit(128 + signo);
}

static void on_stop(const struct cli_host *host, void (*callback)(void *context, int signo), void *context)
{
    static struct stop_watch watch;
    watch = (struct stop_watch){.callback = callback, .context = context};
    posix_signal(host->env, SIGTERM, stop_came, &watch);
    posix_signal(host->env, SIGINT, stop_came, &watch);
}

int main(int argc, char **argv)
{
    struct posix_node *node = NULL;
    struct posix_log log;
    posix_log_init(&log, STDERR_FILENO, LOG_WARN);
    const struct posix_options options = {.shards = 1, .task_threads = 2, .log = &log.log};
    int env_count = 0;
    signal(SIGPIPE, SIG_IGN);
    if (posix_node_new(&options, &node) != OK) return 1;
    const struct cli_host host = {
        .env = posix_node_envs(node, &env_count)[0],
        .fs = posix_node_fs(node),
        .run_until = posix_run_until,
        .in_fd = STDIN_FILENO,
        .out_fd = STDOUT_FILENO,
        .err_fd = STDERR_FILENO,
        .log = &log.log,
        .pid = getpid(),
        .program = argv[0],
        .environment = (const char *const *)environ,
        .server = server_main,
        .format = format,
        .signal = send_signal,
        .resolves = resolves,
        .on_stop = on_stop,
    };
    int status = cli_main(&host, argc, argv);
    posix_node_free(node);
    return status;
}
