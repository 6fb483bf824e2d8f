// SPDX-License-Identifier: Apache-2.0
// The options of kafka-leader-election.sh in the words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_ELECTION_H
#define ODRADEK_CLI_OPTIONS_ELECTION_H

#include "cli/jopt.h"

enum election_option {
    ELECTION_ADMIN_CONFIG,
    ELECTION_ALL_TOPIC_PARTITIONS,
    ELECTION_BOOTSTRAP_SERVER,
    ELECTION_COMMAND_CONFIG,
    ELECTION_ELECTION_TYPE,
    ELECTION_HELP,
    ELECTION_PARTITION,
    ELECTION_PATH_TO_JSON_FILE,
    ELECTION_TOPIC,
    ELECTION_VERSION,
    ELECTION_OPTIONS,
};

static const struct jopt_option election_options[ELECTION_OPTIONS] = {
    [ELECTION_ADMIN_CONFIG] = {"admin.config", JOPT_STRING, "config file", NULL,
                               "(DEPRECATED) Configuration properties files to pass to the admin client. This option "
                               "will be removed in a future version. Use --command-config instead."},
    [ELECTION_ALL_TOPIC_PARTITIONS] =
        {"all-topic-partitions", JOPT_FLAG, NULL, NULL,
         "Perform election on all of the eligible topic partitions based on the type of election (see the "
         "--election-type flag). Not allowed if --topic or --path-to-json-file is specified."},
    [ELECTION_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "host:port", NULL,
                                   "A hostname and port for the broker to connect to, in the form host:port. Multiple "
                                   "comma separated URLs can be given. REQUIRED."},
    [ELECTION_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "Config file", NULL,
                                 "Config properties file to pass to the admin client."},
    [ELECTION_ELECTION_TYPE] =
        {"election-type", JOPT_ELECTION, "election type", NULL,
         "Type of election to attempt. Possible values are \"preferred\" for preferred leader election or \"unclean\" "
         "for unclean leader election. If preferred election is selection, the election is only performed if the "
         "current leader is not the preferred leader for the topic partition. If unclean election is selected, the "
         "election is only performed if there are no leader for the topic partition. REQUIRED."},
    [ELECTION_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [ELECTION_PARTITION] = {"partition", JOPT_INT, "partition id", NULL,
                            "Partition id for which to perform an election. REQUIRED if --topic is specified."},
    [ELECTION_PATH_TO_JSON_FILE] =
        {"path-to-json-file", JOPT_STRING, "Path to JSON file", NULL,
         "The JSON file with the list  of partition for which leader elections should be performed. This is an "
         "example format. \n{\"partitions\":\n\t[{\"topic\": \"foo\", \"partition\": 1},\n\t {\"topic\": \"foobar\", "
         "\"partition\": 2}]\n}\nNot allowed if --all-topic-partitions or --topic flags are specified."},
    [ELECTION_TOPIC] = {"topic", JOPT_STRING, "topic name", NULL,
                        "Name of topic for which to perform an election. Not allowed if --path-to-json-file or "
                        "--all-topic-partitions is specified."},
    [ELECTION_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
