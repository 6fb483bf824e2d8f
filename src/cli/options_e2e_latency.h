// SPDX-License-Identifier: Apache-2.0
// The options of kafka-e2e-latency.sh, in the order and words of its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_E2E_LATENCY_H
#define ODRADEK_CLI_OPTIONS_E2E_LATENCY_H

#include "cli/jopt.h"

enum {
    EL_BOOTSTRAP_SERVER,
    EL_COMMAND_CONFIG,
    EL_HELP,
    EL_NUM_HEADERS,
    EL_NUM_RECORDS,
    EL_PRODUCER_ACKS,
    EL_RECORD_HEADER_KEY_SIZE,
    EL_RECORD_HEADER_SIZE,
    EL_RECORD_KEY_SIZE,
    EL_RECORD_SIZE,
    EL_TOPIC,
    EL_VERSION,
    EL_OPTIONS,
};

static const struct jopt_option e2e_latency_options[EL_OPTIONS] = {
    [EL_BOOTSTRAP_SERVER] = {"bootstrap-server", JOPT_STRING, "bootstrap-server", NULL,
                             "REQUIRED: The Kafka broker list string in the form HOST1:PORT1,HOST2:PORT2."},
    [EL_COMMAND_CONFIG] = {"command-config", JOPT_OPTIONAL, "config-file", NULL,
                           "Optional: A property file for Kafka producer/consumer/admin client configuration."},
    [EL_HELP] = {"help", JOPT_FLAG, NULL, NULL, "Print usage information."},
    [EL_NUM_HEADERS] = {"num-headers", JOPT_OPTIONAL_INT, "count", "0",
                        "Optional: The number of headers to include in each message."},
    [EL_NUM_RECORDS] = {"num-records", JOPT_INT, "count", NULL, "REQUIRED: The number of messages to send."},
    [EL_PRODUCER_ACKS] = {"producer-acks", JOPT_STRING, "producer-acks", NULL,
                          "REQUIRED: Producer acknowledgements. Must be '1' or 'all'."},
    [EL_RECORD_HEADER_KEY_SIZE] =
        {"record-header-key-size", JOPT_OPTIONAL_INT, "bytes", "0",
         "Optional: The size of the message header key in bytes. Used together with record-header-size."},
    [EL_RECORD_HEADER_SIZE] = {"record-header-size", JOPT_OPTIONAL_INT, "bytes", "0",
                               "Optional: The size of message header value in bytes. Use -1 for null header value."},
    [EL_RECORD_KEY_SIZE] =
        {"record-key-size", JOPT_OPTIONAL_INT, "bytes", "0",
         "Optional: The size of the message key in bytes. If not set, messages are sent without a key."},
    [EL_RECORD_SIZE] = {"record-size", JOPT_INT, "bytes", NULL, "REQUIRED: The size of each message payload in bytes."},
    [EL_TOPIC] = {"topic", JOPT_STRING, "topic-name", NULL, "REQUIRED: The topic to use for the test."},
    [EL_VERSION] = {"version", JOPT_FLAG, NULL, NULL, "Display Kafka version."},
};

#endif
