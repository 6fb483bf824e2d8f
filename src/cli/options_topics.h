// SPDX-License-Identifier: Apache-2.0
// The options of kafka-topics.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_TOPICS_H
#define ODRADEK_CLI_OPTIONS_TOPICS_H

#include "cli/jopt.h"

enum {
    TOPICS_ALTER,
    TOPICS_AT_MIN_ISR_PARTITIONS,
    TOPICS_BOOTSTRAP_SERVER,
    TOPICS_COMMAND_CONFIG,
    TOPICS_CONFIG,
    TOPICS_CREATE,
    TOPICS_DELETE,
    TOPICS_DELETE_CONFIG,
    TOPICS_DESCRIBE,
    TOPICS_EXCLUDE_INTERNAL,
    TOPICS_HELP,
    TOPICS_IF_EXISTS,
    TOPICS_IF_NOT_EXISTS,
    TOPICS_LIST,
    TOPICS_PARTITION_SIZE_LIMIT_PER_RESPONSE,
    TOPICS_PARTITIONS,
    TOPICS_REPLICA_ASSIGNMENT,
    TOPICS_REPLICATION_FACTOR,
    TOPICS_TOPIC,
    TOPICS_TOPIC_ID,
    TOPICS_TOPICS_WITH_OVERRIDES,
    TOPICS_UNAVAILABLE_PARTITIONS,
    TOPICS_UNDER_MIN_ISR_PARTITIONS,
    TOPICS_UNDER_REPLICATED_PARTITIONS,
    TOPICS_VERSION,
    TOPICS_OPTIONS,
};

static const struct jopt_option topics_options[TOPICS_OPTIONS] = {
    [TOPICS_ALTER] = {"alter", JOPT_FLAG, NULL, NULL,
                      "Alter the number of partitions and replica assignment. (To alter topic configurations, the "
                      "kafka-configs tool can be used.)"},
    [TOPICS_AT_MIN_ISR_PARTITIONS] =
        {"at-min-isr-partitions", JOPT_FLAG, NULL, NULL,
         "If set when describing topics, only show partitions whose isr count is equal to the configured "
         "minimum."},
    [TOPICS_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                                 "REQUIRED: The Kafka server to connect to."},
    [TOPICS_COMMAND_CONFIG] = {"command-config", JOPT_STRING, "command config property file", NULL,
                               "Property file containing configs to be passed to Admin Client."},
    [TOPICS_CONFIG] =
        {"config", JOPT_STRING, "name=value", NULL,
         "A topic configuration override for the topic being created. The following is a list of valid "
         "configurations: \n"
         "\tcleanup.policy\n"
         "\tcompression.gzip.level\n"
         "\tcompression.lz4.level\n"
         "\tcompression.type\n"
         "\tcompression.zstd.level\n"
         "\tdelete.retention.ms\n"
         "\tfile.delete.delay.ms\n"
         "\tflush.messages\n"
         "\tflush.ms\n"
         "\tfollower.replication.throttled.replicas\n"
         "\tindex.interval.bytes\n"
         "\tleader.replication.throttled.replicas\n"
         "\tlocal.retention.bytes\n"
         "\tlocal.retention.ms\n"
         "\tmax.compaction.lag.ms\n"
         "\tmax.message.bytes\n"
         "\tmessage.timestamp.after.max.ms\n"
         "\tmessage.timestamp.before.max.ms\n"
         "\tmessage.timestamp.type\n"
         "\tmin.cleanable.dirty.ratio\n"
         "\tmin.compaction.lag.ms\n"
         "\tmin.insync.replicas\n"
         "\tpreallocate\n"
         "\tremote.log.copy.disable\n"
         "\tremote.log.delete.on.disable\n"
         "\tremote.storage.enable\n"
         "\tretention.bytes\n"
         "\tretention.ms\n"
         "\tsegment.bytes\n"
         "\tsegment.index.bytes\n"
         "\tsegment.jitter.ms\n"
         "\tsegment.ms\n"
         "\tunclean.leader.election.enable\n"
         "See the Kafka documentation for full details on the topic configs. It is supported only in "
         "combination with --create. (To alter topic configurations, the kafka-configs tool can be used.)"},
    [TOPICS_CREATE] = {"create", JOPT_FLAG, NULL, NULL, "Create a new topic."},
    [TOPICS_DELETE] = {"delete", JOPT_FLAG, NULL, NULL, "Delete a topic."},
    [TOPICS_DELETE_CONFIG] = {"delete-config", JOPT_STRING, "name", NULL,
                              "This option is no longer supported and has been deprecated since 4.0"},
    [TOPICS_DESCRIBE] = {"describe", JOPT_FLAG, NULL, NULL, "List details for the given topics."},
    [TOPICS_EXCLUDE_INTERNAL] =
        {"exclude-internal", JOPT_FLAG, NULL, NULL,
         "Exclude internal topics when listing or describing topics. By default, the internal topics are "
         "included."},
    [TOPICS_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [TOPICS_IF_EXISTS] = {"if-exists", JOPT_FLAG, NULL, NULL,
                          "If set when altering or deleting or describing topics, the action will only execute if the "
                          "topic exists."},
    [TOPICS_IF_NOT_EXISTS] =
        {"if-not-exists", JOPT_FLAG, NULL, NULL,
         "If set when creating topics, the create request will not fail if the topic already exists, but "
         "the request will still be sent."},
    [TOPICS_LIST] = {"list", JOPT_FLAG, NULL, NULL, "List all available topics."},
    [TOPICS_PARTITION_SIZE_LIMIT_PER_RESPONSE] =
        {"partition-size-limit-per-response", JOPT_INT, "maximum number of partitions per response", NULL,
         "The maximum partition size to be included in one DescribeTopicPartitions response."},
    [TOPICS_PARTITIONS] = {"partitions", JOPT_INT, "# of partitions", NULL,
                           "The number of partitions for the topic being created or altered. If not supplied with "
                           "--create, the topic uses the cluster default. (WARNING: If partitions are increased for a "
                           "topic that has a key, the partition logic or ordering of the messages will be affected)."},
    [TOPICS_REPLICA_ASSIGNMENT] =
        {"replica-assignment", JOPT_STRING,
         "broker_id_for_part1_replica1 : broker_id_for_part1_replica2 , broker_id_for_part2_replica1 : "
         "broker_id_for_part2_replica2 , ...",
         NULL, "A list of manual partition-to-broker assignments for the topic being created or altered."},
    [TOPICS_REPLICATION_FACTOR] =
        {"replication-factor", JOPT_INT, "replication factor", NULL,
         "The replication factor for each partition in the topic being created. If not supplied, the "
         "topic uses the cluster default."},
    [TOPICS_TOPIC] = {"topic", JOPT_STRING, "topic", NULL,
                      "The topic to create, alter, describe or delete. It also accepts a regular expression, except "
                      "for --create option."},
    [TOPICS_TOPIC_ID] = {"topic-id", JOPT_STRING, "topic-id", NULL, "The topic-id to describe."},
    [TOPICS_TOPICS_WITH_OVERRIDES] = {"topics-with-overrides", JOPT_FLAG, NULL, NULL,
                                      "If set when describing topics, only show topics that have overridden configs."},
    [TOPICS_UNAVAILABLE_PARTITIONS] =
        {"unavailable-partitions", JOPT_FLAG, NULL, NULL,
         "If set when describing topics, only show partitions whose leader is not available."},
    [TOPICS_UNDER_MIN_ISR_PARTITIONS] =
        {"under-min-isr-partitions", JOPT_FLAG, NULL, NULL,
         "If set when describing topics, only show partitions whose isr count is less than the "
         "configured minimum."},
    [TOPICS_UNDER_REPLICATED_PARTITIONS] = {"under-replicated-partitions", JOPT_FLAG, NULL, NULL,
                                            "If set when describing topics, only show under-replicated partitions."},
    [TOPICS_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
