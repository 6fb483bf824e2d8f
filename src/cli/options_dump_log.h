// SPDX-License-Identifier: Apache-2.0
// The options of kafka-dump-log.sh in the words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_DUMP_LOG_H
#define ODRADEK_CLI_OPTIONS_DUMP_LOG_H

#include "cli/jopt.h"

enum dump_log_option {
    DUMP_CLUSTER_METADATA_DECODER,
    DUMP_DEEP_ITERATION,
    DUMP_FILES,
    DUMP_HELP,
    DUMP_INDEX_SANITY_CHECK,
    DUMP_KEY_DECODER_CLASS,
    DUMP_MAX_BYTES,
    DUMP_MAX_MESSAGE_SIZE,
    DUMP_OFFSETS_DECODER,
    DUMP_PRINT_DATA_LOG,
    DUMP_REMOTE_LOG_METADATA_DECODER,
    DUMP_SHARE_GROUP_STATE_DECODER,
    DUMP_SKIP_RECORD_METADATA,
    DUMP_TRANSACTION_LOG_DECODER,
    DUMP_VALUE_DECODER_CLASS,
    DUMP_VERIFY_INDEX_ONLY,
    DUMP_VERSION,
    DUMP_OPTIONS,
};

#define DUMP_DECODER_NOTE                                                                                              \
    " This class should implement org.apache.kafka.tools.api.Decoder trait. Custom jar should be available in "        \
    "kafka/libs directory."

static const struct jopt_option dump_log_options[DUMP_OPTIONS] = {
    [DUMP_CLUSTER_METADATA_DECODER] = {"cluster-metadata-decoder", JOPT_FLAG, NULL, NULL,
                                       "If set, log data will be parsed as cluster metadata records."},
    [DUMP_DEEP_ITERATION] = {"deep-iteration", JOPT_FLAG, NULL, NULL,
                             "If set, uses deep instead of shallow iteration. Automatically set if print-data-log is "
                             "enabled."},
    [DUMP_FILES] = {"files", JOPT_STRING, "file1, file2, ...", NULL,
                    "REQUIRED: The comma separated list of data and index log files to be dumped."},
    [DUMP_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [DUMP_INDEX_SANITY_CHECK] =
        {"index-sanity-check", JOPT_FLAG, NULL, NULL,
         "If set, just checks the index sanity without printing its content. This is the same check that is executed "
         "on broker startup to determine if an index needs rebuilding or not."},
    [DUMP_KEY_DECODER_CLASS] = {"key-decoder-class", JOPT_OPTIONAL, NULL, "org.apache.kafka.tools.api.StringDecoder",
                                "If set, used to deserialize the keys." DUMP_DECODER_NOTE},
    [DUMP_MAX_BYTES] = {"max-bytes", JOPT_INT, "size", "2147483647",
                        "Limit the amount of total batches read in bytes avoiding reading the whole .log file(s)."},
    [DUMP_MAX_MESSAGE_SIZE] = {"max-message-size", JOPT_INT, "size", "5242880", "Size of largest message."},
    [DUMP_OFFSETS_DECODER] = {"offsets-decoder", JOPT_FLAG, NULL, NULL,
                              "If set, log data will be parsed as offset data from the __consumer_offsets topic."},
    [DUMP_PRINT_DATA_LOG] = {"print-data-log", JOPT_FLAG, NULL, NULL,
                             "If set, printing the messages content when dumping data logs. Automatically set if any "
                             "decoder option is specified."},
    [DUMP_REMOTE_LOG_METADATA_DECODER] =
        {"remote-log-metadata-decoder", JOPT_FLAG, NULL, NULL,
         "If set, log data will be parsed as TopicBasedRemoteLogMetadataManager (RLMM) metadata records. Instead, the "
         "value-decoder-class option can be used if a custom RLMM implementation is configured."},
    [DUMP_SHARE_GROUP_STATE_DECODER] =
        {"share-group-state-decoder", JOPT_FLAG, NULL, NULL,
         "If set, log data will be parsed as share group state data from the __share_group_state topic."},
    [DUMP_SKIP_RECORD_METADATA] = {"skip-record-metadata", JOPT_FLAG, NULL, NULL,
                                   "Skip metadata when printing records. This flag also skips control records."},
    [DUMP_TRANSACTION_LOG_DECODER] =
        {"transaction-log-decoder", JOPT_FLAG, NULL, NULL,
         "If set, log data will be parsed as transaction metadata from the __transaction_state topic."},
    [DUMP_VALUE_DECODER_CLASS] = {"value-decoder-class", JOPT_OPTIONAL, NULL,
                                  "org.apache.kafka.tools.api.StringDecoder",
                                  "If set, used to deserialize the messages." DUMP_DECODER_NOTE},
    [DUMP_VERIFY_INDEX_ONLY] = {"verify-index-only", JOPT_FLAG, NULL, NULL,
                                "If set, just verify the index log without printing its content."},
    [DUMP_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
