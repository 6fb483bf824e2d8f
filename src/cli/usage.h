// SPDX-License-Identifier: Apache-2.0
// What Kafka's jopt tools check before they act (CommandLineUtils): each check that fails prints its sentence in front
// of the help and returns false; the exit code is then 1.
#ifndef ODRADEK_CLI_USAGE_H
#define ODRADEK_CLI_USAGE_H

#include "cli/cli_int.h"

// Help without arguments or with --help, the version with --version. False: *code is the exit code.
bool usage_begin(struct cli *cli, const struct jopt *options, int argc, const char *about, int *code);
// The message in front of the help. Returns false.
bool usage_fail(struct cli *cli, const struct jopt *options, const char *message);
// Missing required argument "[NAME]".
bool usage_require(struct cli *cli, const struct jopt *options, int option);
// Option "[USED]" can't be used with option "[OTHER]"; `others` ends with -1.
bool usage_exclude(struct cli *cli, const struct jopt *options, int used, const int *others);
// NULL when the list names addresses that can be right, else the sentence for in front of the help.
const char *usage_bad_bootstrap(const char *list);

// Ends kafka-groups and kafka-client-metrics after a failure: "Error while executing WHAT command : TEXT" on standard
// output, the trace as a log line of `logger`; a missing --command-config is only traced. Returns 1.
int usage_service_failed(struct cli *cli, const char *what, const char *logger, const struct cli_thrown *thrown);

#endif
