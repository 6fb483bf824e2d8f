// SPDX-License-Identifier: Apache-2.0
// The options of kafka-console-consumer.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_CONSUMER_H
#define ODRADEK_CLI_OPTIONS_CONSUMER_H

#include "cli/jopt.h"

enum {
    CONSUMER_BOOTSTRAP_SERVER,
    CONSUMER_COMMAND_CONFIG,
    CONSUMER_COMMAND_PROPERTY,
    CONSUMER_CONSUMER_PROPERTY,
    CONSUMER_CONSUMER_CONFIG,
    CONSUMER_ENABLE_SYSTEST_EVENTS,
    CONSUMER_FORMATTER,
    CONSUMER_FORMATTER_CONFIG,
    CONSUMER_FORMATTER_PROPERTY,
    CONSUMER_FROM_BEGINNING,
    CONSUMER_GROUP,
    CONSUMER_HELP,
    CONSUMER_INCLUDE,
    CONSUMER_ISOLATION_LEVEL,
    CONSUMER_KEY_DESERIALIZER,
    CONSUMER_MAX_MESSAGES,
    CONSUMER_OFFSET,
    CONSUMER_PARTITION,
    CONSUMER_PROPERTY,
    CONSUMER_SKIP_MESSAGE_ON_ERROR,
    CONSUMER_TIMEOUT_MS,
    CONSUMER_TOPIC,
    CONSUMER_VALUE_DESERIALIZER,
    CONSUMER_VERSION,
    CONSUMER_OPTIONS,
};

static const struct jopt_option consumer_options[CONSUMER_OPTIONS] = {
    [CONSUMER_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                                   "REQUIRED: The server(s) to connect to."},
    [CONSUMER_COMMAND_CONFIG] =
        {"command-config", JOPT_STRING, "config file", NULL,
         "Consumer config properties file. Note that [command-property] takes precedence over this "
         "config."},
    [CONSUMER_COMMAND_PROPERTY] = {"command-property", JOPT_STRING, "consumer_prop", NULL,
                                   "Consumer config properties in the form key=value."},
    [CONSUMER_CONSUMER_PROPERTY] =
        {"consumer-property", JOPT_STRING, "consumer_prop", NULL,
         "(DEPRECATED) Consumer config properties in the form key=value. This option will be removed in "
         "a future version. Use --command-property instead."},
    [CONSUMER_CONSUMER_CONFIG] =
        {"consumer.config", JOPT_STRING, "config file", NULL,
         "(DEPRECATED) Consumer config properties file. Note that [command-property] takes precedence "
         "over this config. This option will be removed in a future version. Use --command-config "
         "instead."},
    [CONSUMER_ENABLE_SYSTEST_EVENTS] =
        {"enable-systest-events", JOPT_FLAG, NULL, NULL,
         "Log lifecycle events of the consumer in addition to logging consumed messages. (This is "
         "specific for system tests.)"},
    [CONSUMER_FORMATTER] = {"formatter", JOPT_STRING, "class",
                            "org.apache.kafka.tools.consumer.DefaultMessageFormatter",
                            "The name of a class to use for formatting kafka messages for display."},
    [CONSUMER_FORMATTER_CONFIG] =
        {"formatter-config", JOPT_STRING, "config file", NULL,
         "Config properties file to initialize the message formatter. Note that [formatter-property] "
         "takes precedence over this config."},
    [CONSUMER_FORMATTER_PROPERTY] =
        {"formatter-property", JOPT_STRING, "prop", NULL,
         "The properties to initialize the message formatter. Default properties include: \n"
         " print.timestamp=true|false\n"
         " print.key=true|false\n"
         " print.offset=true|false\n"
         " print.epoch=true|false\n"
         " print.partition=true|false\n"
         " print.headers=true|false\n"
         " print.value=true|false\n"
         " key.separator=<key.separator>\n"
         " line.separator=<line.separator>\n"
         " headers.separator=<headers.separator>\n"
         " null.literal=<null.literal>\n"
         " key.deserializer=<key.deserializer>\n"
         " value.deserializer=<value.deserializer>\n"
         " header.deserializer=<header.deserializer>\n"
         "\n"
         "Users can also pass in customized properties for their formatter; more specifically, users can "
         "pass in properties keyed with 'key.deserializer.', 'value.deserializer.' and "
         "'headers.deserializer.' prefixes to configure their deserializers."},
    [CONSUMER_FROM_BEGINNING] =
        {"from-beginning", JOPT_FLAG, NULL, NULL,
         "If the consumer does not already have an established offset to consume from, start with the "
         "earliest message present in the log rather than the latest message."},
    [CONSUMER_GROUP] = {"group", JOPT_STRING, "consumer group id", NULL, "The consumer group id of the consumer."},
    [CONSUMER_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [CONSUMER_INCLUDE] = {"include", JOPT_STRING, "Java regex (String)", NULL,
                          "Regular expression specifying list of topics to include for consumption."},
    [CONSUMER_ISOLATION_LEVEL] =
        {"isolation-level", JOPT_STRING, NULL, "read_uncommitted",
         "Set to read_committed in order to filter out transactional messages which are not committed. "
         "Set to read_uncommitted to read all messages."},
    [CONSUMER_KEY_DESERIALIZER] = {"key-deserializer", JOPT_STRING, "deserializer for keys", NULL,
                                   "The name of the class to use for deserializing keys."},
    [CONSUMER_MAX_MESSAGES] =
        {"max-messages", JOPT_INT, "num_messages", NULL,
         "The maximum number of messages to consume before exiting. If not set, consumption is continual."},
    [CONSUMER_OFFSET] =
        {"offset", JOPT_STRING, "consume offset", "latest",
         "The offset to consume from (a non-negative number), or 'earliest' which means from beginning, "
         "or 'latest' which means from end"},
    [CONSUMER_PARTITION] = {"partition", JOPT_INT, "partition", NULL,
                            "The partition to consume from. Consumption starts from the end of the partition unless "
                            "'--offset' is specified."},
    [CONSUMER_PROPERTY] =
        {"property", JOPT_STRING, "prop", NULL,
         "(DEPRECATED) The properties to initialize the message formatter. Default properties include: \n"
         " print.timestamp=true|false\n"
         " print.key=true|false\n"
         " print.offset=true|false\n"
         " print.epoch=true|false\n"
         " print.partition=true|false\n"
         " print.headers=true|false\n"
         " print.value=true|false\n"
         " key.separator=<key.separator>\n"
         " line.separator=<line.separator>\n"
         " headers.separator=<headers.separator>\n"
         " null.literal=<null.literal>\n"
         " key.deserializer=<key.deserializer>\n"
         " value.deserializer=<value.deserializer>\n"
         " header.deserializer=<header.deserializer>\n"
         "\n"
         "Users can also pass in customized properties for their formatter; more specifically, users can "
         "pass in properties keyed with 'key.deserializer.', 'value.deserializer.' and "
         "'headers.deserializer.' prefixes to configure their deserializers. \n"
         "This option will be removed in a future version. Use --formatter-property instead."},
    [CONSUMER_SKIP_MESSAGE_ON_ERROR] = {"skip-message-on-error", JOPT_FLAG, NULL, NULL,
                                        "If there is an error when processing a message, skip it instead of halt."},
    [CONSUMER_TIMEOUT_MS] =
        {"timeout-ms", JOPT_LONG, "timeout_ms", NULL,
         "If specified, exit if no message is available for consumption for the specified interval."},
    [CONSUMER_TOPIC] = {"topic", JOPT_STRING, "topic", NULL, "The topic to consume from."},
    [CONSUMER_VALUE_DESERIALIZER] = {"value-deserializer", JOPT_STRING, "deserializer for values", NULL,
                                     "The name of the class to use for deserializing values."},
    [CONSUMER_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
