// SPDX-License-Identifier: Apache-2.0
// `kafka-storage.sh recover`, an addition of ours: a node's journals are brought into its logs without starting it.
#ifndef ODRADEK_CLI_STORAGE_RECOVER_H
#define ODRADEK_CLI_STORAGE_RECOVER_H

#include "cli/cli_int.h"
#include "config/config.h"

static const char recover_help[] =
    "usage: kafka-storage recover [-h] --config CONFIG\n"
    "\n"
    "Bring what the journals of a node that did not stop cleanly hold into its\n"
    "logs, so that Apache Kafka can start on its directories. A node of this\n"
    "program does so by itself when it starts.\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --config CONFIG, -c CONFIG\n"
    "                         The Kafka configuration file to use.\n";

// The exit code.
int storage_recover(struct cli *cli, const struct config *config);

#endif
