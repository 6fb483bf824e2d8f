// SPDX-License-Identifier: Apache-2.0
// The options of kafka-groups.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_GROUPS_H
#define ODRADEK_CLI_OPTIONS_GROUPS_H

#include "cli/jopt.h"

enum {
    GROUPS_BOOTSTRAP_SERVER,
    GROUPS_COMMAND_CONFIG,
    GROUPS_CONSUMER,
    GROUPS_GROUP_TYPE,
    GROUPS_HELP,
    GROUPS_LIST,
    GROUPS_PROTOCOL,
    GROUPS_SHARE,
    GROUPS_STREAMS,
    GROUPS_VERSION,
    GROUPS_OPTIONS,
};

static const struct jopt_option groups_options[GROUPS_OPTIONS] = {
    [GROUPS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_REQUIRED, "server to connect to", NULL,
                                 "REQUIRED: The Kafka server to connect to."},
    [GROUPS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file", NULL,
                               "Property file containing configs to be passed to Admin Client."},
    [GROUPS_CONSUMER] =
        {"consumer", JOPT_FLAG, NULL, NULL,
         "Filter the groups to show all kinds of consumer groups, including classic and simple consumer "
         "groups. This matches group type 'consumer', and group type 'classic' where the protocol type is "
         "'consumer' or empty."},
    [GROUPS_GROUP_TYPE] = {"group-type", JOPT_STRING, "type", NULL,
                           "Filter the groups based on group type. Valid types are: 'classic', 'consumer', 'share' and "
                           "'streams'."},
    [GROUPS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [GROUPS_LIST] = {"list", JOPT_FLAG, NULL, NULL, "List the groups."},
    [GROUPS_PROTOCOL] = {"protocol", JOPT_STRING, "protocol", NULL, "Filter the groups based on protocol type."},
    [GROUPS_SHARE] = {"share", JOPT_FLAG, NULL, NULL, "Filter the groups to show share groups."},
    [GROUPS_STREAMS] = {"streams", JOPT_FLAG, NULL, NULL, "Filter the groups to show streams groups."},
    [GROUPS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
