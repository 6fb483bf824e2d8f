// SPDX-License-Identifier: Apache-2.0
// The options of kafka-verifiable-producer.sh and its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_VERIFIABLE_PRODUCER_H
#define ODRADEK_CLI_OPTIONS_VERIFIABLE_PRODUCER_H

#include "cli/argparse.h"

enum {
    VP_TOPIC,
    VP_MAX_MESSAGES,
    VP_THROUGHPUT,
    VP_ACKS,
    VP_PRODUCER_CONFIG,
    VP_MESSAGE_CREATE_TIME,
    VP_VALUE_PREFIX,
    VP_REPEATING_KEYS,
    VP_COMMAND_CONFIG,
    VP_BOOTSTRAP_SERVER,
    VP_OPTIONS,
};

static const struct argparse_option verifiable_producer_options[VP_OPTIONS] = {
    [VP_TOPIC] = {"topic", 0, ARGPARSE_TEXT, true, 0},
    [VP_MAX_MESSAGES] = {"max-messages", 0, ARGPARSE_INT, false, 0},
    [VP_THROUGHPUT] = {"throughput", 0, ARGPARSE_INT, false, 0},
    [VP_ACKS] = {"acks", 0, ARGPARSE_INT, false, 0},
    [VP_PRODUCER_CONFIG] = {"producer.config", 0, ARGPARSE_TEXT, false, 0},
    [VP_MESSAGE_CREATE_TIME] = {"message-create-time", 0, ARGPARSE_LONG, false, 0},
    [VP_VALUE_PREFIX] = {"value-prefix", 0, ARGPARSE_INT, false, 0},
    [VP_REPEATING_KEYS] = {"repeating-keys", 0, ARGPARSE_INT, false, 0},
    [VP_COMMAND_CONFIG] = {"command-config", 0, ARGPARSE_TEXT, false, 0},
    [VP_BOOTSTRAP_SERVER] = {"bootstrap-server", 0, ARGPARSE_TEXT, true, 1},
};

static const char verifiable_producer_help[] =
    "usage: verifiable-producer [-h] --topic TOPIC [--max-messages MAX-MESSAGES]\n"
    "                           [--throughput THROUGHPUT] [--acks ACKS]\n"
    "                           [--producer.config CONFIG-FILE]\n"
    "                           [--message-create-time CREATE-TIME]\n"
    "                           [--value-prefix VALUE-PREFIX]\n"
    "                           [--repeating-keys REPEATING-KEYS]\n"
    "                           [--command-config CONFIG-FILE]\n"
    "                           --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]\n"
    "\n"
    "This tool produces increasing integers  to  the  specified topic and prints\n"
    "JSON metadata to stdout on  each  \"send\" request, making externally visible\n"
    "which messages have been acked and which have not.\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --topic TOPIC          Produce messages to this topic.\n"
    "  --max-messages MAX-MESSAGES\n"
    "                         Produce  this  many   messages.   If  -1,  produce\n"
    "                         messages until the  process  is killed externally.\n"
    "                         (default: -1)\n"
    "  --throughput THROUGHPUT\n"
    "                         If set >= 0,  throttle  maximum message throughput\n"
    "                         to   *approximately*    THROUGHPUT   messages/sec.\n"
    "                         (default: -1)\n"
    "  --acks ACKS            Acks required on each  produced message. See Kafka\n"
    "                         docs on acks for details. (default: -1)\n"
    "  --producer.config CONFIG-FILE\n"
    "                         (DEPRECATED)  Producer  config   properties  file.\n"
    "                         This option will be  removed  in a future version.\n"
    "                         Use --command-config instead.\n"
    "  --message-create-time CREATE-TIME\n"
    "                         Send messages with creation  time  starting at the\n"
    "                         arguments  value,  in   milliseconds  since  epoch\n"
    "                         (default: -1)\n"
    "  --value-prefix VALUE-PREFIX\n"
    "                         If specified, each produced  value  will have this\n"
    "                         prefix with a dot separator\n"
    "  --repeating-keys REPEATING-KEYS\n"
    "                         If specified, each  produced  record  will  have a\n"
    "                         key starting at 0 increment by  1 up to the number\n"
    "                         specified (exclusive), then the  key  is  set to 0\n"
    "                         again\n"
    "  --command-config CONFIG-FILE\n"
    "                         Config  properties  file  (config  options  shared\n"
    "                         with command line parameters will be overridden).\n"
    "\n"
    "Connection Group:\n"
    "  Group of arguments for connection to brokers\n"
    "\n"
    "  --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]\n"
    "                         REQUIRED: The  server(s)  to  connect  to.  Comma-\n"
    "                         separated list of Kafka brokers in the form HOST1:\n"
    "                         PORT1,HOST2:PORT2,...\n";

#endif
