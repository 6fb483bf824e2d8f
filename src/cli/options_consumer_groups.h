// SPDX-License-Identifier: Apache-2.0
// The options of kafka-consumer-groups.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_CONSUMER_GROUPS_H
#define ODRADEK_CLI_OPTIONS_CONSUMER_GROUPS_H

#include "cli/jopt.h"

enum {
    CG_ALL_GROUPS,
    CG_ALL_TOPICS,
    CG_BOOTSTRAP_SERVER,
    CG_BY_DURATION,
    CG_COMMAND_CONFIG,
    CG_DELETE,
    CG_DELETE_OFFSETS,
    CG_DESCRIBE,
    CG_DRY_RUN,
    CG_EXECUTE,
    CG_EXPORT,
    CG_FROM_FILE,
    CG_GROUP,
    CG_HELP,
    CG_LIST,
    CG_MEMBERS,
    CG_OFFSETS,
    CG_RESET_OFFSETS,
    CG_SHIFT_BY,
    CG_STATE,
    CG_TIMEOUT,
    CG_TO_CURRENT,
    CG_TO_DATETIME,
    CG_TO_EARLIEST,
    CG_TO_LATEST,
    CG_TO_OFFSET,
    CG_TOPIC,
    CG_TYPE,
    CG_VALIDATE_REGEX,
    CG_VERBOSE,
    CG_VERSION,
    CG_OPTIONS,
};

static const struct jopt_option consumer_groups_options[CG_OPTIONS] = {
    [CG_ALL_GROUPS] = {"all-groups", JOPT_FLAG, NULL, NULL, "Apply to all consumer groups."},
    [CG_ALL_TOPICS] = {"all-topics", JOPT_FLAG, NULL, NULL,
                       "Consider all topics assigned to a group in the `reset-offsets` process."},
    [CG_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                             "The server(s) to connect to. REQUIRED for all options except for --validate-regex."},
    [CG_BY_DURATION] = {"by-duration", JOPT_STRING, "duration", NULL,
                        "Reset offsets to offset by duration from current timestamp. Format: 'PnDTnHnMnS'"},
    [CG_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file", NULL,
                           "Property file containing configs to be passed to Admin Client and Consumer."},
    [CG_DELETE] = {"delete", JOPT_FLAG, NULL, NULL,
                   "Pass in groups to delete topic partition offsets and ownership information over the entire "
                   "consumer group. For instance --group g1 --group g2"},
    [CG_DELETE_OFFSETS] =
        {"delete-offsets", JOPT_FLAG, NULL, NULL,
         "Delete offsets of consumer group. Supports one consumer group at the time, and multiple topics."},
    [CG_DESCRIBE] = {"describe", JOPT_FLAG, NULL, NULL,
                     "Describe consumer group and list offset lag (number of messages not yet processed) related to "
                     "given group."},
    [CG_DRY_RUN] = {"dry-run", JOPT_FLAG, NULL, NULL,
                    "Only show results without executing changes on Consumer Groups. Supported operations: "
                    "reset-offsets."},
    [CG_EXECUTE] = {"execute", JOPT_FLAG, NULL, NULL, "Execute operation. Supported operations: reset-offsets."},
    [CG_EXPORT] = {"export", JOPT_FLAG, NULL, NULL,
                   "Export operation execution to a CSV file. Supported operations: reset-offsets."},
    [CG_FROM_FILE] = {"from-file", JOPT_STRING, "path to CSV file", NULL,
                      "Reset offsets to values defined in CSV file."},
    [CG_GROUP] = {"group", JOPT_STRING, "consumer group", NULL, "The consumer group we wish to act on."},
    [CG_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [CG_LIST] = {"list", JOPT_FLAG, NULL, NULL, "List all consumer groups."},
    [CG_MEMBERS] = {"members", JOPT_FLAG, NULL, NULL,
                    "Describe members of the group. This option may be used with '--describe' and "
                    "'--bootstrap-server' options only.\nExample: --bootstrap-server localhost:9092 --describe "
                    "--group group1 --members"},
    [CG_OFFSETS] = {"offsets", JOPT_FLAG, NULL, NULL,
                    "Describe the group and list all topic partitions in the group along with their offset lag. "
                    "This is the default sub-action of and may be used with '--describe' and '--bootstrap-server' "
                    "options only.\nExample: --bootstrap-server localhost:9092 --describe --group group1 --offsets"},
    [CG_RESET_OFFSETS] =
        {"reset-offsets", JOPT_FLAG, NULL, NULL,
         "Reset offsets of consumer group. Supports one consumer group at the time, and instances should "
         "be inactive\nHas 2 execution options: --dry-run (the default) to plan which offsets to reset, "
         "and --execute to update the offsets. Additionally, the --export option is used to export the "
         "results to a CSV format.\nYou must choose one of the following reset specifications: "
         "--to-datetime, --by-duration, --to-earliest, --to-latest, --shift-by, --from-file, "
         "--to-current, --to-offset.\nTo define the scope use --all-topics or --topic. One scope must be "
         "specified unless you use '--from-file'."},
    [CG_SHIFT_BY] = {"shift-by", JOPT_LONG, "number-of-offsets", NULL,
                     "Reset offsets shifting current offset by 'n', where 'n' can be positive or negative."},
    [CG_STATE] = {"state", JOPT_OPTIONAL, NULL, NULL,
                  "When specified with '--describe', includes the state of the group.\nExample: "
                  "--bootstrap-server localhost:9092 --describe --group group1 --state\nWhen specified with "
                  "'--list', it displays the state of all groups. It can also be used to list groups with "
                  "specific states.\nExample: --bootstrap-server localhost:9092 --list --state stable,empty\nThis "
                  "option may be used with '--describe', '--list' and '--bootstrap-server' options only."},
    [CG_TIMEOUT] = {"timeout", JOPT_LONG, "timeout (ms)", "30000",
                    "The timeout that can be set for some use cases. For example, it can be used when describing "
                    "the group to specify the maximum amount of time in milliseconds to wait before the group "
                    "stabilizes (when the group is just created, or is going through some changes)."},
    [CG_TO_CURRENT] = {"to-current", JOPT_FLAG, NULL, NULL, "Reset offsets to current offset."},
    [CG_TO_DATETIME] = {"to-datetime", JOPT_STRING, "datetime", NULL,
                        "Reset offsets to offset from datetime. Format: 'YYYY-MM-DDThh:mm:ss.sss'"},
    [CG_TO_EARLIEST] = {"to-earliest", JOPT_FLAG, NULL, NULL, "Reset offsets to earliest offset."},
    [CG_TO_LATEST] = {"to-latest", JOPT_FLAG, NULL, NULL, "Reset offsets to latest offset."},
    [CG_TO_OFFSET] = {"to-offset", JOPT_LONG, "offset", NULL, "Reset offsets to a specific offset."},
    [CG_TOPIC] = {"topic", JOPT_STRING, "topic", NULL,
                  "The topic whose consumer group information should be deleted or topic whose should be included "
                  "in the reset offset process. In `reset-offsets` case, partitions can be specified using this "
                  "format: `topic1:0,1,2`, where 0,1,2 are the partition to be included in the process. "
                  "Reset-offsets also supports multiple topic inputs."},
    [CG_TYPE] = {"type", JOPT_OPTIONAL, NULL, NULL,
                 "When specified with '--list', it displays the types of all the groups. It can also be used to "
                 "list groups with specific types.\nExample: --bootstrap-server localhost:9092 --list --type "
                 "classic,consumer\nThis option may be used with the '--list' option only."},
    [CG_VALIDATE_REGEX] = {"validate-regex", JOPT_STRING, "regex", NULL,
                           "Validate that the syntax of the provided regular expression is valid according to the RE2 "
                           "format."},
    [CG_VERBOSE] = {"verbose", JOPT_FLAG, NULL, NULL,
                    "Provide additional information, if any, when describing the group. This option may be used "
                    "with '--offsets'/'--members'/'--state' and '--bootstrap-server' options only.\nExample: "
                    "--bootstrap-server localhost:9092 --describe --group group1 --members --verbose"},
    [CG_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
