// SPDX-License-Identifier: Apache-2.0
// Private to kafka-reassign-partitions: reassign.c (the tool, verify, list, cancel), reassign_execute.c (execute,
// throttles), reassign_generate.c, reassign_plan.c (the JSON files), reassign_admin.c (calls).
#ifndef ODRADEK_CLI_REASSIGN_INT_H
#define ODRADEK_CLI_REASSIGN_INT_H

#include "cli/admin_topics.h"
#include "cli/json_words.h"

struct brokers {
    int32_t *items;
    int32_t count;
};

// A partition and where its replicas are or shall be.
struct part {
    struct topic_partition key;
    struct brokers replicas;
    struct slice *log_dirs;          // of each replica; "any" = wherever. NULL: not known
    struct brokers adding, removing; // of one that is being moved
    bool is_there;
};

struct parts {
    struct part *items; // room for all that can come
    int32_t count;
};

struct reassign {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    bool asks_controller;
    struct cli_thrown thrown;
    const char *terse; // in place of an exception
};

// One replica that shall be in a directory.
struct log_dir_move {
    struct topic_partition key;
    int32_t broker;
    struct slice target;
    // What the broker says.
    struct slice current; // null = in no live directory
    struct slice future;  // null = not moving
    bool is_done;
};

struct log_dir_moves {
    struct log_dir_move *items;
    int32_t count;
};

// ---- failures; each false ----

bool reassign_fail(struct reassign *run, const char *class_name, const char *text);
bool reassign_fail_future(struct reassign *run, struct cli_error error); // inside an ExecutionException
bool reassign_fail_option(struct reassign *run);

// ---- reassign_plan.c ----

bool plan_read(struct reassign *run, const char *path, struct parts *out);
bool plan_read_topics(struct reassign *run, const char *path, struct slice **topics, int32_t *count);
// {"version":1,"partitions":[...]}, by topic and partition; "any" where no directory is known.
void plan_print(struct reassign *run, struct parts *parts);
// By broker, topic and partition, for qsort.
int log_dir_move_compare(const void *a, const void *b);
void plan_moves(struct reassign *run, const struct parts *parts, struct log_dir_moves *out);
const char *brokers_join(struct cli *cli, const struct brokers *brokers, const char *separator);
// "t-0,t-1", sorted.
const char *parts_join(struct cli *cli, struct parts *parts);
struct part *parts_find(const struct parts *parts, const struct topic_partition *key);
bool brokers_have(const struct brokers *brokers, int32_t broker);
// Inserts in ascending order, once.
void brokers_add(struct brokers *brokers, int32_t broker);
struct slice *parts_topics(struct cli *cli, const struct parts *parts, int32_t *count); // each once

// ---- reassign_admin.c ----

// Those being moved; `only` NULL: all.
bool ask_reassignments(struct reassign *run, const struct parts *only, struct parts *out);
// The partitions of the topics with their replicas. A topic that is not there: skipped when `missing_ok`, else a
// failure.
bool ask_assignments(struct reassign *run, const struct slice *topics, int32_t count, bool missing_ok,
                     struct parts *out);
// Fills in the parts' log_dirs.
bool ask_log_dirs(struct reassign *run, struct parts *parts);
bool ask_moves(struct reassign *run, struct log_dir_moves *moves);
// Starts the moves that are not done; sets is_done of those that began.
bool start_moves(struct reassign *run, struct log_dir_moves *moves);
// Ids of the brokers and, with `racks`, their racks (null = none).
bool ask_brokers(struct reassign *run, struct brokers *out, struct slice **racks);
// Asks for the reassignment, or to give it up when `cancels`. A partition's own trouble goes to `problems` as lines.
bool alter_reassignments(struct reassign *run, const struct parts *parts, bool cancels, bool allows_factor_change,
                         int32_t *failed, struct text *problems);

// ---- actions ----

bool reassign_generate(struct reassign *run);
bool reassign_execute(struct reassign *run);
// Starts moves between directories, again and again until all have begun or time is up.
bool reassign_run_moves(struct reassign *run, struct log_dir_moves *moves);

#endif
