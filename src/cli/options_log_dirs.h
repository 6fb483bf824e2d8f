// SPDX-License-Identifier: Apache-2.0
// The options of kafka-log-dirs.sh in the words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_LOG_DIRS_H
#define ODRADEK_CLI_OPTIONS_LOG_DIRS_H

#include "cli/jopt.h"

enum log_dirs_option {
    LOG_DIRS_BOOTSTRAP_SERVER,
    LOG_DIRS_BROKER_LIST,
    LOG_DIRS_COMMAND_CONFIG,
    LOG_DIRS_DESCRIBE,
    LOG_DIRS_HELP,
    LOG_DIRS_TOPIC_LIST,
    LOG_DIRS_VERSION,
    LOG_DIRS_OPTIONS,
};

static const struct jopt_option log_dirs_options[LOG_DIRS_OPTIONS] = {
    [LOG_DIRS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "The server(s) to use for bootstrapping", NULL,
                                   "REQUIRED: the server(s) to use for bootstrapping"},
    [LOG_DIRS_BROKER_LIST] = {"broker-list", JOPT_STRING, "Broker list", "",
                              "The list of brokers to be queried in the form \"0,1,2\". All brokers in the cluster "
                              "will be queried if no broker list is specified"},
    [LOG_DIRS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "Admin client property file", NULL,
                                 "Property file containing configs to be passed to Admin Client."},
    [LOG_DIRS_DESCRIBE] = {"describe", JOPT_FLAG, NULL, NULL,
                           "Describe the specified log directories on the specified brokers."},
    [LOG_DIRS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [LOG_DIRS_TOPIC_LIST] =
        {"topic-list", JOPT_STRING, "Topic list", "",
         "The list of topics to be queried in the form \"topic1,topic2,topic3\". All topics will be "
         "queried if no topic list is specified"},
    [LOG_DIRS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
