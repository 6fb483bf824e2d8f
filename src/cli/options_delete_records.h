// SPDX-License-Identifier: Apache-2.0
// The options of kafka-delete-records.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_DELETE_RECORDS_H
#define ODRADEK_CLI_OPTIONS_DELETE_RECORDS_H

#include "cli/jopt.h"

enum {
    RECORDS_BOOTSTRAP_SERVER,
    RECORDS_COMMAND_CONFIG,
    RECORDS_HELP,
    RECORDS_OFFSET_JSON_FILE,
    RECORDS_VERSION,
    RECORDS_OPTIONS,
};

static const struct jopt_option records_options[RECORDS_OPTIONS] = {
    [RECORDS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server(s) to use for bootstrapping", NULL,
                                  "REQUIRED: The server to connect to."},
    [RECORDS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file path", NULL,
                                "A property file containing configs to be passed to Admin Client."},
    [RECORDS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [RECORDS_OFFSET_JSON_FILE] =
        {"offset-json-file", JOPT_STRING, "Offset json file path", NULL,
         "REQUIRED: The JSON file with offset per partition. The format to use is:\n"
         "{\"partitions\":\n  [{\"topic\": \"foo\", \"partition\": 1, \"offset\": 1}],\n \"version\":1\n}"},
    [RECORDS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
