// SPDX-License-Identifier: Apache-2.0
// The options of kafka-reassign-partitions.sh in the words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_REASSIGN_H
#define ODRADEK_CLI_OPTIONS_REASSIGN_H

#include "cli/jopt.h"

enum reassign_option {
    REASSIGN_ADDITIONAL,
    REASSIGN_BOOTSTRAP_CONTROLLER,
    REASSIGN_BOOTSTRAP_SERVER,
    REASSIGN_BROKER_LIST,
    REASSIGN_CANCEL,
    REASSIGN_COMMAND_CONFIG,
    REASSIGN_DISABLE_RACK_AWARE,
    REASSIGN_DISALLOW_REPLICATION_FACTOR_CHANGE,
    REASSIGN_EXECUTE,
    REASSIGN_GENERATE,
    REASSIGN_HELP,
    REASSIGN_LIST,
    REASSIGN_PRESERVE_THROTTLES,
    REASSIGN_REASSIGNMENT_JSON_FILE,
    REASSIGN_REPLICA_ALTER_LOG_DIRS_THROTTLE,
    REASSIGN_THROTTLE,
    REASSIGN_TIMEOUT,
    REASSIGN_TOPICS_TO_MOVE_JSON_FILE,
    REASSIGN_VERIFY,
    REASSIGN_VERSION,
    REASSIGN_OPTIONS,
};

#define REASSIGN_THROTTLE_NOTE                                                                                         \
    " will be throttled to this value (bytes/sec). This option can be included with --execute when a reassignment is " \
    "started, and it can be altered by resubmitting the current reassignment along with the --additional flag. The "   \
    "throttle rate should be at least 1 KB/s."

static const struct jopt_option reassign_options[REASSIGN_OPTIONS] = {
    [REASSIGN_ADDITIONAL] = {"additional", JOPT_FLAG, NULL, NULL,
                             "Execute this reassignment in addition to any other ongoing ones. This option can also be "
                             "used to change the throttle of an ongoing reassignment."},
    [REASSIGN_BOOTSTRAP_CONTROLLER] =
        {"bootstrap-controller", JOPT_OPTIONAL, "bootstrap controller to connect to", NULL,
         "The controller to use for reassignment. By default, the tool will get the quorum controller. This option "
         "supports the actions --cancel and --list."},
    [REASSIGN_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_OPTIONAL, "Server(s) to use for bootstrapping", NULL,
                                   "the server(s) to use for bootstrapping."},
    [REASSIGN_BROKER_LIST] = {"broker-list", JOPT_STRING, "brokerlist", NULL,
                              "The list of brokers to which the partitions need to be reassigned in the form "
                              "\"0,1,2\". This is required if --topics-to-move-json-file is used to generate "
                              "reassignment configuration"},
    [REASSIGN_CANCEL] = {"cancel", JOPT_FLAG, NULL, NULL, "Cancel an active reassignment."},
    [REASSIGN_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "Admin client property file", NULL,
                                 "Property file containing configs to be passed to Admin Client."},
    [REASSIGN_DISABLE_RACK_AWARE] = {"disable-rack-aware", JOPT_FLAG, NULL, NULL,
                                     "Disable rack aware replica assignment"},
    [REASSIGN_DISALLOW_REPLICATION_FACTOR_CHANGE] =
        {"disallow-replication-factor-change", JOPT_FLAG, NULL, NULL,
         "Denies the ability to change a partition's replication factor as part of this reassignment through adding "
         "validation against it."},
    [REASSIGN_EXECUTE] = {"execute", JOPT_FLAG, NULL, NULL,
                          "Kick off the reassignment as specified by the --reassignment-json-file option."},
    [REASSIGN_GENERATE] = {"generate", JOPT_FLAG, NULL, NULL,
                           "Generate a candidate partition reassignment configuration. Note that this only generates "
                           "a candidate assignment, it does not execute it."},
    [REASSIGN_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [REASSIGN_LIST] = {"list", JOPT_FLAG, NULL, NULL, "List all active partition reassignments."},
    [REASSIGN_PRESERVE_THROTTLES] = {"preserve-throttles", JOPT_FLAG, NULL, NULL,
                                     "Do not modify broker or topic throttles."},
    [REASSIGN_REASSIGNMENT_JSON_FILE] =
        {"reassignment-json-file", JOPT_STRING, "manual assignment json file path", NULL,
         "The JSON file with the partition reassignment configurationThe format to use is - \n{\"partitions\":\n"
         "\t[{\"topic\": \"foo\",\n\t  \"partition\": 1,\n\t  \"replicas\": [1,2,3],\n\t  \"log_dirs\": "
         "[\"dir1\",\"dir2\",\"dir3\"] }],\n\"version\":1\n}\nNote that \"log_dirs\" is optional. When it is "
         "specified, its length must equal the length of the replicas list. The value in this list can be either "
         "\"any\" or the absolution path of the log directory on the broker. If absolute log directory path is "
         "specified, the replica will be moved to the specified log directory on the broker."},
    [REASSIGN_REPLICA_ALTER_LOG_DIRS_THROTTLE] =
        {"replica-alter-log-dirs-throttle", JOPT_LONG, "replicaAlterLogDirsThrottle", "-1",
         "The movement of replicas between log directories on the same broker" REASSIGN_THROTTLE_NOTE},
    [REASSIGN_THROTTLE] = {"throttle", JOPT_LONG, "throttle", "-1",
                           "The movement of partitions between brokers" REASSIGN_THROTTLE_NOTE},
    [REASSIGN_TIMEOUT] = {"timeout", JOPT_LONG, "timeout", "10000",
                          "The maximum time in ms to wait for log directory replica assignment to begin."},
    [REASSIGN_TOPICS_TO_MOVE_JSON_FILE] =
        {"topics-to-move-json-file", JOPT_STRING, "topics to reassign json file path", NULL,
         "Generate a reassignment configuration to move the partitions of the specified topics to the list of brokers "
         "specified by the --broker-list option. The format to use is - \n{\"topics\":\n\t[{\"topic\": "
         "\"foo\"},{\"topic\": \"foo1\"}],\n\"version\":1\n}"},
    [REASSIGN_VERIFY] = {"verify", JOPT_FLAG, NULL, NULL,
                         "Verify if the reassignment completed as specified by the --reassignment-json-file option. If "
                         "there is a throttle engaged for the replicas specified, and the rebalance has completed, the "
                         "throttle will be removed"},
    [REASSIGN_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
