// SPDX-License-Identifier: Apache-2.0
// The options of kafka-get-offsets.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_GET_OFFSETS_H
#define ODRADEK_CLI_OPTIONS_GET_OFFSETS_H

#include "cli/jopt.h"

enum {
    OFFSETS_BOOTSTRAP_SERVER,
    OFFSETS_COMMAND_CONFIG,
    OFFSETS_EXCLUDE_INTERNAL,
    OFFSETS_HELP,
    OFFSETS_PARTITIONS,
    OFFSETS_TIME,
    OFFSETS_TOPIC,
    OFFSETS_TOPIC_PARTITIONS,
    OFFSETS_VERSION,
    OFFSETS_OPTIONS,
};

static const struct jopt_option offsets_options[OFFSETS_OPTIONS] = {
    [OFFSETS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "HOST1:PORT1,...,HOST3:PORT3", NULL,
                                  "REQUIRED. The server(s) to connect to in the form HOST1:PORT1,HOST2:PORT2."},
    [OFFSETS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "config file", NULL,
                                "Property file containing configs to be passed to Admin Client."},
    [OFFSETS_EXCLUDE_INTERNAL] =
        {"exclude-internal-topics", JOPT_FLAG, NULL, NULL,
         "By default, internal topics are included. If specified, internal topics are excluded."},
    [OFFSETS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [OFFSETS_PARTITIONS] =
        {"partitions", JOPT_STRING, "partition ids", NULL,
         "Comma separated list of partition ids to get the offsets for. If not present, all partitions "
         "of the authorized topics are queried. Cannot be used if --topic-partitions is present."},
    [OFFSETS_TIME] =
        {"time", JOPT_STRING,
         "<timestamp> / -1 or latest / -2 or earliest / -3 or max-timestamp / -4 or earliest-local / -5 or "
         "latest-tiered / -6 or earliest-pending-upload",
         "latest",
         "timestamp of the offsets before that. [Note: No offset is returned, if the timestamp greater than "
         "recently committed record timestamp is given.]"},
    [OFFSETS_TOPIC] = {"topic", JOPT_STRING, "topic", NULL,
                       "The topic to get the offsets for. It also accepts a regular expression. If not present, all "
                       "authorized topics are queried. Cannot be used if --topic-partitions is present."},
    [OFFSETS_TOPIC_PARTITIONS] =
        {"topic-partitions", JOPT_STRING, "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3", NULL,
         "Comma separated list of topic-partition patterns to get the offsets for, with the format of "
         "'([^:,]*)(?::(?:([0-9]*)|(?:([0-9]*)-([0-9]*))))?'. The first group is an optional regex for the topic name, "
         "if "
         "omitted, it matches any topic name. The section after ':' describes a 'partition' pattern, which can be: a "
         "number, a range in the format of 'NUMBER-NUMBER' (lower inclusive, upper exclusive), an inclusive lower "
         "bound "
         "in the format of 'NUMBER-', an exclusive upper bound in the format of '-NUMBER' or may be omitted to accept "
         "all "
         "partitions."},
    [OFFSETS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
