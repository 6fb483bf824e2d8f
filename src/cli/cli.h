// SPDX-License-Identifier: Apache-2.0
// The command-line tools: kafka-*.sh by their Kafka names and `odradek COMMAND` for people. One process, one tool, one
// loop. See src/cli/README.md.
#ifndef ODRADEK_CLI_CLI_H
#define ODRADEK_CLI_CLI_H

#include "client/client.h"

// What `kafka-storage.sh format` asks of the broker's format (arrows: cli does not reach broker, main does).
struct cli_format_voter {
    int32_t id;
    struct uuid directory_id;
    struct slice host;
    uint16_t port;
};

struct cli_format_feature {
    const char *name;
    int16_t level;
};

struct cli_format {
    struct slice cluster_id;
    int32_t node_id;
    const char *const *dirs;
    int dir_count;
    const char *metadata_dir;
    int16_t metadata_version;
    const struct cli_format_feature *features;
    int feature_count;
    const char *metadata_version_name; // "4.3-IV0"
    const struct slice *records;       // more metadata records, encoded
    int record_count;
    const struct cli_format_voter *voters;
    int voter_count;
    struct slice controller_listener;
    bool is_standalone;
    bool ignores_formatted;
};

struct cli_host {
    struct env *env; // its only loop; not running outside run_until
    struct fs *fs;
    client_run_until *run_until;
    int in_fd, out_fd, err_fd;
    struct log *log; // to err_fd, WARN and above, as "[2026-01-02 03:04:05,678] WARN text (component)"
    int64_t pid;
    const char *program; // path of this binary
    const char *const *environment;
    // Runs a node until it is told to stop: `argv` as after "kafka-server-start.sh". Its result is the exit code.
    int (*server)(const struct cli_host *host, int argc, char **argv);
    // ERR_* with the tool's sentence in `problem`; `report` gets one line per directory.
    enum err (*format)(const struct cli_host *host, const struct cli_format *format, struct text *report,
                       struct text *problem);
    // Sends a signal to a process (kafka-server-stop). False when refused.
    bool (*signal)(const struct cli_host *host, int64_t pid, int signal);
    // True for an address or a name that has one (kafka-configs --ip); may wait for the resolver. NULL: all are.
    bool (*resolves)(const struct cli_host *host, const char *name);
    // Calls back on the loop when the process is told to end (SIGINT, SIGTERM); NULL `callback` = default again.
    void (*on_stop)(const struct cli_host *host, void (*callback)(void *context, int signo), void *context);
};

// Runs the tool that argv[0] names ("kafka-topics.sh", with or without directory and ".sh") or, when argv[0] is
// "odradek", the one that argv[1] names ("kafka-topics", "topics", "server", "raw"). Returns the exit code.
int cli_main(const struct cli_host *host, int argc, char **argv);

// `odradek raw decode|encode`; argv after "raw".
int cli_raw(const struct cli_host *host, int argc, char **argv);

#endif
