// SPDX-License-Identifier: Apache-2.0
// The options of kafka-client-metrics.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_CLIENT_METRICS_H
#define ODRADEK_CLI_OPTIONS_CLIENT_METRICS_H

#include "cli/jopt.h"

enum {
    METRICS_ALTER,
    METRICS_BOOTSTRAP_SERVER,
    METRICS_COMMAND_CONFIG,
    METRICS_DELETE,
    METRICS_DESCRIBE,
    METRICS_GENERATE_NAME,
    METRICS_HELP,
    METRICS_INTERVAL,
    METRICS_LIST,
    METRICS_MATCH,
    METRICS_METRICS,
    METRICS_NAME,
    METRICS_VERSION,
    METRICS_OPTIONS,
};

static const struct jopt_option metrics_options[METRICS_OPTIONS] = {
    [METRICS_ALTER] = {"alter", JOPT_FLAG, NULL, NULL, "Alter the configuration for the client metrics resource."},
    [METRICS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                                  "REQUIRED: The Kafka server to connect to."},
    [METRICS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file", NULL,
                                "Property file containing configs to be passed to Admin Client."},
    [METRICS_DELETE] = {"delete", JOPT_FLAG, NULL, NULL, "Delete the configuration for the client metrics resource."},
    [METRICS_DESCRIBE] = {"describe", JOPT_FLAG, NULL, NULL, "List configurations for the client metrics resource."},
    [METRICS_GENERATE_NAME] = {"generate-name", JOPT_FLAG, NULL, NULL, "Generate a UUID to use as the name."},
    [METRICS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [METRICS_INTERVAL] = {"interval", JOPT_STRING, "push interval", NULL,
                          "The metrics push interval in milliseconds.\nLeave empty to reset the interval."},
    [METRICS_LIST] = {"list", JOPT_FLAG, NULL, NULL, "List the client metrics resources."},
    [METRICS_MATCH] = {"match", JOPT_STRING, "k1=v1,k2=v2", NULL,
                       "Matching selector 'k1=v1,k2=v2'. The following is a list of valid selector names: \n"
                       "\tclient_id\n"
                       "\tclient_instance_id\n"
                       "\tclient_software_name\n"
                       "\tclient_software_version\n"
                       "\tclient_source_address\n"
                       "\tclient_source_port"},
    [METRICS_METRICS] = {"metrics", JOPT_STRING, "m1,m2", NULL, "Telemetry metric name prefixes 'm1,m2'."},
    [METRICS_NAME] = {"name", JOPT_STRING, "name", NULL, "Name of client metrics configuration resource."},
    [METRICS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
