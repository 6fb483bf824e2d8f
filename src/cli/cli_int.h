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
    bool out_is_closed; // nobody reads it any more
    int stop_signal;    // SIGINT or SIGTERM came, else 0
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
// "CLASS: TEXT" alone, as printStackTrace does. Returns 1.
int cli_stack(struct cli *cli, const char *class_name, const char *text);
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

// How AdminClient is configured and named. False: `error` says why.
bool cli_admin(struct cli *cli, const struct props *props, struct client **out, struct cli_error *error);
// Calls with default.api.timeout.ms over all tries; `name` is Java's ("createTopics"). False: `error` says why.
bool cli_call(struct cli *cli, struct client *client, struct client_call *call, const char *name,
              struct cli_error *error);
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
int tool_server_start(struct cli *cli, int argc, char **argv);
int tool_server_stop(struct cli *cli, int argc, char **argv);

#endif
