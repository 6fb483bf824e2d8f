// SPDX-License-Identifier: Apache-2.0
// Private to kafka-consumer-groups: consumer_groups.c checks, lists and deletes; consumer_groups_describe.c and
// consumer_groups_reset.c do what their names say.
#ifndef ODRADEK_CLI_CONSUMER_GROUPS_INT_H
#define ODRADEK_CLI_CONSUMER_GROUPS_INT_H

#include "cli/admin_groups.h"

struct cg_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    const char *usage;        // the failure is the caller's: shown in front of the help
    struct cli_thrown thrown; // else; both set by whatever returns false
};

// The caller's mistake (IllegalArgumentException).
bool cg_fail_usage(struct cg_run *run, const char *text);
// A failure inside "java.util.concurrent.ExecutionException"; `wrapped` puts a RuntimeException around it.
bool cg_fail_call(struct cg_run *run, struct cli_error error, bool wrapped);
// jopt's failure as the run's.
bool cg_fail_option(struct cg_run *run);
// "Error: TEXT" on standard output, after an empty line.
void cg_print_error(struct cg_run *run, const char *text);
// The groups that --group or --all-groups names, in the order of Java's map, each once.
bool cg_groups(struct cg_run *run, struct slice **out, int32_t *count);
// The numbers of "topic:0,1". False: not of that form.
bool cg_parse_partitions(struct cg_run *run, const char *argument, struct topic_partition *out, int32_t *count);

bool cg_describe(struct cg_run *run);
bool cg_reset(struct cg_run *run);

// Whether a regular expression is one of RE2's, and if not why: "missing closing )". NULL: it is.
const char *re2_problem(struct arena *arena, struct slice pattern);

#endif
