// SPDX-License-Identifier: Apache-2.0
// The options of kafka-console-producer.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_PRODUCER_H
#define ODRADEK_CLI_OPTIONS_PRODUCER_H

#include "cli/jopt.h"

enum {
    PRODUCER_BATCH_SIZE,
    PRODUCER_BOOTSTRAP_SERVER,
    PRODUCER_COMMAND_CONFIG,
    PRODUCER_COMMAND_PROPERTY,
    PRODUCER_COMPRESSION_CODEC,
    PRODUCER_HELP,
    PRODUCER_LINE_READER,
    PRODUCER_MAX_BLOCK_MS,
    PRODUCER_MAX_MEMORY_BYTES,
    PRODUCER_MAX_PARTITION_MEMORY_BYTES,
    PRODUCER_MESSAGE_SEND_MAX_RETRIES,
    PRODUCER_METADATA_EXPIRY_MS,
    PRODUCER_PRODUCER_PROPERTY,
    PRODUCER_PRODUCER_CONFIG,
    PRODUCER_PROPERTY,
    PRODUCER_READER_CONFIG,
    PRODUCER_READER_PROPERTY,
    PRODUCER_REQUEST_REQUIRED_ACKS,
    PRODUCER_REQUEST_TIMEOUT_MS,
    PRODUCER_RETRY_BACKOFF_MS,
    PRODUCER_SOCKET_BUFFER_SIZE,
    PRODUCER_SYNC,
    PRODUCER_TIMEOUT,
    PRODUCER_TOPIC,
    PRODUCER_VERSION,
    PRODUCER_OPTIONS,
};

static const struct jopt_option producer_options[PRODUCER_OPTIONS] = {
    [PRODUCER_BATCH_SIZE] =
        {"batch-size", JOPT_INT, "size", "16384",
         "The buffer size in bytes allocated for a partition. When records are received which are "
         "smaller than this size the producer will attempt to optimistically group them together until "
         "this size is reached. This is the option to control batch.size in producer configs. Please "
         "note that this option will be replaced if max-partition-memory-bytes is also set."},
    [PRODUCER_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "server to connect to", NULL,
                                   "REQUIRED: The server(s) to connect to. The broker list string in the form "
                                   "HOST1:PORT1,HOST2:PORT2."},
    [PRODUCER_COMMAND_CONFIG] =
        {"command-config", JOPT_STRING, "config file", NULL,
         "Producer config properties file. Note that [command-property] takes precedence over this "
         "config."},
    [PRODUCER_COMMAND_PROPERTY] = {"command-property", JOPT_STRING, "producer_prop", NULL,
                                   "Producer config properties in the form key=value."},
    [PRODUCER_COMPRESSION_CODEC] =
        {"compression-codec", JOPT_OPTIONAL, "compression-codec", NULL,
         "The compression codec: either 'none', 'gzip', 'snappy', 'lz4', or 'zstd'.If specified without "
         "value, then it defaults to 'gzip'"},
    [PRODUCER_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [PRODUCER_LINE_READER] =
        {"line-reader", JOPT_STRING, "reader_class", "org.apache.kafka.tools.LineMessageReader",
         "The class name of the class to use for reading lines from standard in. By default each line is "
         "read as a separate message."},
    [PRODUCER_MAX_BLOCK_MS] = {"max-block-ms", JOPT_LONG, "max block on send", "60000",
                               "The max time that the producer will block for during a send request."},
    [PRODUCER_MAX_MEMORY_BYTES] =
        {"max-memory-bytes", JOPT_LONG, "total memory in bytes", "33554432",
         "The total memory used by the producer to buffer records waiting to be sent to the server. This "
         "is the option to control `buffer.memory` in producer configs."},
    [PRODUCER_MAX_PARTITION_MEMORY_BYTES] =
        {"max-partition-memory-bytes", JOPT_INT, "memory in bytes per partition", "16384",
         "(Deprecated) The buffer size in bytes allocated for a partition. When records are received "
         "which are smaller than this size the producer will attempt to optimistically group them "
         "together until this size is reached. This is the option to control batch.size in producer "
         "configs. This option will be removed in Apache Kafka 5.0. Use --batch-size instead."},
    [PRODUCER_MESSAGE_SEND_MAX_RETRIES] =
        {"message-send-max-retries", JOPT_INT, NULL, "3",
         "Brokers can fail receiving the message for multiple reasons, and being unavailable transiently "
         "is just one of them. This property specifies the number of retries before the producer give up "
         "and drop this message. This is the option to control `retries` in producer configs."},
    [PRODUCER_METADATA_EXPIRY_MS] =
        {"metadata-expiry-ms", JOPT_LONG, "metadata expiration interval", "300000",
         "The period of time in milliseconds after which we force a refresh of metadata even if we "
         "haven't seen any leadership changes. This is the option to control `metadata.max.age.ms` in "
         "producer configs."},
    [PRODUCER_PRODUCER_PROPERTY] =
        {"producer-property", JOPT_STRING, "producer_prop", NULL,
         "(DEPRECATED) Producer config properties in the form key=value. This option will be removed in "
         "a future version. Use --command-property instead."},
    [PRODUCER_PRODUCER_CONFIG] =
        {"producer.config", JOPT_STRING, "config file", NULL,
         "(DEPRECATED) Producer config properties file. Note that [command-property] takes precedence "
         "over this config. This option will be removed in a future version. Use --command-config "
         "instead."},
    [PRODUCER_PROPERTY] =
        {"property", JOPT_STRING, "prop", NULL,
         "(DEPRECATED) A mechanism to pass user-defined properties in the form key=value to the message "
         "reader. This allows custom configuration for a user-defined message reader.\n"
         "Default properties include:\n"
         " parse.key=false\n"
         " parse.headers=false\n"
         " ignore.error=false\n"
         " key.separator=\\t\n"
         " headers.delimiter=\\t\n"
         " headers.separator=,\n"
         " headers.key.separator=:\n"
         " null.marker=   When set, any fields (key, value and headers) equal to this will be replaced "
         "by null\n"
         "Default parsing pattern when:\n"
         " parse.headers=true and parse.key=true:\n"
         "  \"h1:v1,h2:v2...\\tkey\\tvalue\"\n"
         " parse.key=true:\n"
         "  \"key\\tvalue\"\n"
         " parse.headers=true:\n"
         "  \"h1:v1,h2:v2...\\tvalue\"\n"
         " This option will be removed in a future version. Use --reader-property instead."},
    [PRODUCER_READER_CONFIG] =
        {"reader-config", JOPT_STRING, "config file", NULL,
         "Config properties file for the message reader. Note that [reader-property] takes precedence "
         "over this config."},
    [PRODUCER_READER_PROPERTY] =
        {"reader-property", JOPT_STRING, "prop", NULL,
         "A mechanism to pass user-defined properties in the form key=value to the message reader. This "
         "allows custom configuration for a user-defined message reader.\n"
         "Default properties include:\n"
         " parse.key=false\n"
         " parse.headers=false\n"
         " ignore.error=false\n"
         " key.separator=\\t\n"
         " headers.delimiter=\\t\n"
         " headers.separator=,\n"
         " headers.key.separator=:\n"
         " null.marker=   When set, any fields (key, value and headers) equal to this will be replaced "
         "by null\n"
         "Default parsing pattern when:\n"
         " parse.headers=true and parse.key=true:\n"
         "  \"h1:v1,h2:v2...\\tkey\\tvalue\"\n"
         " parse.key=true:\n"
         "  \"key\\tvalue\"\n"
         " parse.headers=true:\n"
         "  \"h1:v1,h2:v2...\\tvalue\""},
    [PRODUCER_REQUEST_REQUIRED_ACKS] = {"request-required-acks", JOPT_STRING, "request required acks", "-1",
                                        "The required `acks` of the producer requests"},
    [PRODUCER_REQUEST_TIMEOUT_MS] =
        {"request-timeout-ms", JOPT_INT, "request timeout ms", "1500",
         "The ack timeout of the producer requests. Value must be non-negative and non-zero."},
    [PRODUCER_RETRY_BACKOFF_MS] =
        {"retry-backoff-ms", JOPT_LONG, NULL, "100",
         "Before each retry, the producer refreshes the metadata of relevant topics. Since leader "
         "election takes a bit of time, this property specifies the amount of time that the producer "
         "waits before refreshing the metadata. This is the option to control `retry.backoff.ms` in "
         "producer configs."},
    [PRODUCER_SOCKET_BUFFER_SIZE] =
        {"socket-buffer-size", JOPT_INT, "size", "102400",
         "The size of the tcp RECV size. This is the option to control `send.buffer.bytes` in producer "
         "configs."},
    [PRODUCER_SYNC] = {"sync", JOPT_FLAG, NULL, NULL,
                       "If set message send requests to the brokers are synchronously, one at a time as they arrive."},
    [PRODUCER_TIMEOUT] =
        {"timeout", JOPT_LONG, "timeout_ms", "1000",
         "If set and the producer is running in asynchronous mode, this gives the maximum amount of time "
         "a message will queue awaiting sufficient batch size. The value is given in ms. This is the "
         "option to control `linger.ms` in producer configs."},
    [PRODUCER_TOPIC] = {"topic", JOPT_STRING, "topic", NULL, "REQUIRED: The topic name to produce messages to."},
    [PRODUCER_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
