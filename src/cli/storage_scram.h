// SPDX-License-Identifier: Apache-2.0
// --add-scram of kafka-storage format: "SCRAM-SHA-256=[name=alice,password=secret,iterations=8192]" as a record.
#ifndef ODRADEK_CLI_STORAGE_SCRAM_H
#define ODRADEK_CLI_STORAGE_SCRAM_H

#include "cli/cli_int.h"

// `value` is the encoded metadata record, `shown` gets it as Java prints it. NULL: fine; else what is wrong.
const char *storage_scram(struct cli *cli, const char *argument, struct slice *value, struct text *shown);

#endif
