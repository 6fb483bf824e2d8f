// SPDX-License-Identifier: Apache-2.0
// The options of kafka-broker-api-versions.sh in the words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_API_VERSIONS_H
#define ODRADEK_CLI_OPTIONS_API_VERSIONS_H

#include "cli/jopt.h"

enum api_versions_option {
    API_VERSIONS_BOOTSTRAP_SERVER,
    API_VERSIONS_COMMAND_CONFIG,
    API_VERSIONS_HELP,
    API_VERSIONS_VERSION,
    API_VERSIONS_OPTIONS,
};

static const struct jopt_option api_versions_options[API_VERSIONS_OPTIONS] = {
    [API_VERSIONS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server(s) to use for bootstrapping", NULL,
                                       "REQUIRED: The server to connect to."},
    [API_VERSIONS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file", NULL,
                                     "A property file containing configs to be passed to Admin Client."},
    [API_VERSIONS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [API_VERSIONS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
