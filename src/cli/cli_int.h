// SPDX-License-Identifier: Apache-2.0
// Private to the room cli: what every tool has at hand, and the tools.
#ifndef ODRADEK_CLI_CLI_INT_H
#define ODRADEK_CLI_CLI_INT_H

#include "base/mem.h"
#include "cli/cli.h"
#include "cli/jopt.h"
#include "config/config.h"

#define KAFKA_VERSION "4.3.1"

struct cli {
    const struct cli_host *host;
    struct arena arena; // of the whole run
    struct text out;    // standard output not written yet
    struct text err;
    bool out_is_closed;     // nobody reads it any more
    int stop_signal;        // SIGINT or SIGTERM came, else 0
    int32_t api_timeout_ms; // default.api.timeout.ms of cli_call; 0 = 60000
    bool at_controllers;    // --bootstrap-controller: no Metadata there, so nodes are not known by id
};

// ---- output ----

void cli_out(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
void cli_err(struct cli *cli, const char *format, ...) PRINTF_LIKE(2, 3);
void cli_out_bytes(struct cli *cli, struct slice bytes);
// Writes both, standard output first. cli_out does so by itself at 64 KiB.
void cli_flush(struct cli *cli);
// "TEXT", "CLASS: TEXT" and an empty line on standard error: how Kafka's tools show an exception. Returns 1.
int cli_trace(struct cli *cli, const char *text, const char *class_name);
// Message and help on standard error. Returns 1.
int cli_usage(struct cli *cli, const struct jopt *options, const char *message);
// "Exception in thread "main" CLASS: TEXT" (only the class for a NULL text). Returns 1.
int cli_uncaught(struct cli *cli, const char *class_name, const char *text);
// "CLASS: TEXT" alone, as printStackTrace does. Returns 1.
int cli_stack(struct cli *cli, const char *class_name, const char *text);
// Without blanks and control bytes around it, as String.trim().
struct slice cli_trimmed(struct slice text);
// Length as Java counts it (UTF-16 units), and "%-WIDTHs" by it.
size_t cli_length(struct slice text);
void cli_out_padded(struct cli *cli, struct slice text, size_t width);
// From now on SIGINT and SIGTERM set stop_signal instead of ending the process.
void cli_catch_stop(struct cli *cli);

// ---- input ----

// Standard input as lines, read ahead by a task: the loop goes on while nobody types.
struct line_input;
struct line_input *line_input_new(struct cli *cli);
void line_input_free(struct line_input *input); // may take a tenth of a second: a read under way is waited for
// The next line without its end (LF, CR or CRLF, as Java's BufferedReader); valid until the next call. False: none is
// here now, run the loop until line_input_is_ready, or give up when line_input_is_at_end.
bool line_input_next(struct line_input *input, struct slice *line);
bool line_input_is_ready(const struct line_input *input); // something to look at: bytes, or the end
bool line_input_is_at_end(const struct line_input *input);

// ---- files and properties ----

// The whole file in the arena. ERR_NOT_FOUND, ERR_IO.
MUST_CHECK enum err cli_read_file(struct cli *cli, const char *path, struct slice *content);

// Ordered names and values; the last of a name wins.
struct props {
    struct config_pair *items;
    size_t count, capacity;
};
void props_put(struct props *props, struct cli *cli, struct slice name, struct slice value);
// NULL slice: not there.
struct slice props_get(const struct props *props, const char *name);
const char *props_string(struct cli *cli, const struct props *props, const char *name, const char *fallback);
// "k=v" words; a word without "=" gets the empty value.
void props_add_words(struct props *props, struct cli *cli, const struct jopt *options, int option);
// ERR_NOT_FOUND and others after the file's trouble went to standard error in Java's words ("NAME (No such file...)").
MUST_CHECK enum err props_load(struct props *props, struct cli *cli, const char *path);

// ---- clients ----

// A failure in the words of Java's clients.
struct cli_error {
    const char *class_name; // "org.apache.kafka.common.errors.TimeoutException"
    const char *text;       // in the arena
};

// A failure as Java throws it: outermost first; a text that is NULL is the next one's "CLASS: TEXT".
enum { CLI_CHAIN_MAX = 5 };
struct cli_thrown {
    struct cli_error chain[CLI_CHAIN_MAX];
    int count;
};
struct cli_thrown cli_thrown(struct cli_error error);
void cli_wrap(struct cli_thrown *thrown, const char *class_name, const char *text);
// getMessage() of the outermost; and printStackTrace(), "Caused by:" lines included.
const char *cli_thrown_text(struct cli *cli, const struct cli_thrown *thrown);
void cli_print_thrown(struct cli *cli, const struct cli_thrown *thrown);
// cli_trace of it. Returns 1.
int cli_trace_thrown(struct cli *cli, const struct cli_thrown *thrown);

// How AdminClient is configured and named. False: `error` says why.
bool cli_admin(struct cli *cli, const struct props *props, struct client **out, struct cli_error *error);
// Calls with default.api.timeout.ms over all tries; `name` is Java's ("createTopics"). False: `error` says why.
bool cli_call(struct cli *cli, struct client *client, struct client_call *call, const char *name,
              struct cli_error *error);
// Runs the loop for that long (a back-off). False: the host was told to stop.
bool cli_pause(struct cli *cli, int64_t ms);
// A client for --command-config (NULL = none) and --bootstrap-server. False: `thrown` says why.
bool cli_connect(struct cli *cli, const char *command_config, const char *bootstrap, struct client **out,
                 struct cli_thrown *thrown);
// With a client.id that the configuration cannot change (NULL = the usual one).
bool cli_connect_as(struct cli *cli, const char *command_config, const char *bootstrap, const char *client_id,
                    struct client **out, struct cli_thrown *thrown);
// Long.parseLong: a sign and digits. False: no such number.
bool cli_parse_long(struct slice text, int64_t *out);
// The wire's code with the broker's own text, or the code's.
struct cli_error cli_error_of(struct cli *cli, enum err code, struct slice message);

// ---- regular expressions (pcre2) ----

struct regex;
// Java's dialect as far as PCRE has it, matching whole names. NULL: `problem` says why.
struct regex *regex_new(struct slice pattern, struct text *problem);
bool regex_matches(const struct regex *regex, struct slice text);
void regex_free(struct regex *regex);
// To search with: the first match at or behind `from`. False: none.
struct regex *regex_new_search(struct slice pattern, struct text *problem);
bool regex_find(const struct regex *regex, struct slice text, size_t from, size_t *start, size_t *end);
// Kafka's IncludeList: quotes stripped, blanks dropped, "," for "|"; the text that messages show.
struct slice include_list_pattern(struct cli *cli, struct slice raw);

// ---- tools; argv[0] is the tool's own name ----

int tool_topics(struct cli *cli, int argc, char **argv);
int tool_console_producer(struct cli *cli, int argc, char **argv);
int tool_console_consumer(struct cli *cli, int argc, char **argv);
int tool_storage(struct cli *cli, int argc, char **argv);
int tool_verifiable_producer(struct cli *cli, int argc, char **argv);
int tool_verifiable_consumer(struct cli *cli, int argc, char **argv);
int tool_producer_perf(struct cli *cli, int argc, char **argv);
int tool_consumer_perf(struct cli *cli, int argc, char **argv);
int tool_e2e_latency(struct cli *cli, int argc, char **argv);
int tool_server_start(struct cli *cli, int argc, char **argv);
int tool_server_stop(struct cli *cli, int argc, char **argv);
int tool_configs(struct cli *cli, int argc, char **argv);
int tool_consumer_groups(struct cli *cli, int argc, char **argv);
int tool_groups(struct cli *cli, int argc, char **argv);
int tool_delete_records(struct cli *cli, int argc, char **argv);
int tool_get_offsets(struct cli *cli, int argc, char **argv);
int tool_client_metrics(struct cli *cli, int argc, char **argv);
int tool_dump_log(struct cli *cli, int argc, char **argv);
int tool_metadata_quorum(struct cli *cli, int argc, char **argv);
int tool_features(struct cli *cli, int argc, char **argv);
int tool_cluster(struct cli *cli, int argc, char **argv);
int tool_log_dirs(struct cli *cli, int argc, char **argv);
int tool_broker_api_versions(struct cli *cli, int argc, char **argv);
int tool_leader_election(struct cli *cli, int argc, char **argv);
int tool_reassign_partitions(struct cli *cli, int argc, char **argv);

#endif
