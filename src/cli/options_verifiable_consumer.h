// SPDX-License-Identifier: Apache-2.0
// The options of kafka-verifiable-consumer.sh and its --help (Kafka 4.3.1).
#ifndef ODRADEK_CLI_OPTIONS_VERIFIABLE_CONSUMER_H
#define ODRADEK_CLI_OPTIONS_VERIFIABLE_CONSUMER_H

#include "cli/argparse.h"

enum {
    VC_TOPIC,
    VC_GROUP_PROTOCOL,
    VC_GROUP_REMOTE_ASSIGNOR,
    VC_GROUP_ID,
    VC_GROUP_INSTANCE_ID,
    VC_MAX_MESSAGES,
    VC_SESSION_TIMEOUT,
    VC_VERBOSE,
    VC_ENABLE_AUTOCOMMIT,
    VC_RESET_POLICY,
    VC_ASSIGNMENT_STRATEGY,
    VC_CONSUMER_CONFIG,
    VC_COMMAND_CONFIG,
    VC_BOOTSTRAP_SERVER,
    VC_OPTIONS,
};

static const struct argparse_option verifiable_consumer_options[VC_OPTIONS] = {
    [VC_TOPIC] = {"topic", 0, ARGPARSE_TEXT, true, 0},
    [VC_GROUP_PROTOCOL] = {"group-protocol", 0, ARGPARSE_TEXT, false, 0},
    [VC_GROUP_REMOTE_ASSIGNOR] = {"group-remote-assignor", 0, ARGPARSE_TEXT, false, 0},
    [VC_GROUP_ID] = {"group-id", 0, ARGPARSE_TEXT, true, 0},
    [VC_GROUP_INSTANCE_ID] = {"group-instance-id", 0, ARGPARSE_TEXT, false, 0},
    [VC_MAX_MESSAGES] = {"max-messages", 0, ARGPARSE_INT, false, 0},
    [VC_SESSION_TIMEOUT] = {"session-timeout", 0, ARGPARSE_INT, false, 0},
    [VC_VERBOSE] = {"verbose", 0, ARGPARSE_FLAG, false, 0},
    [VC_ENABLE_AUTOCOMMIT] = {"enable-autocommit", 0, ARGPARSE_FLAG, false, 0},
    [VC_RESET_POLICY] = {"reset-policy", 0, ARGPARSE_TEXT, false, 0},
    [VC_ASSIGNMENT_STRATEGY] = {"assignment-strategy", 0, ARGPARSE_TEXT, false, 0},
    [VC_CONSUMER_CONFIG] = {"consumer.config", 0, ARGPARSE_TEXT, false, 0},
    [VC_COMMAND_CONFIG] = {"command-config", 0, ARGPARSE_TEXT, false, 0},
    [VC_BOOTSTRAP_SERVER] = {"bootstrap-server", 0, ARGPARSE_TEXT, true, 0},
};

static const char verifiable_consumer_help[] =
    "usage: verifiable-consumer [-h] --topic TOPIC\n"
    "                           [--group-protocol GROUP-PROTOCOL]\n"
    "                           [--group-remote-assignor GROUP-REMOTE-ASSIGNOR]\n"
    "                           --group-id GROUP-ID\n"
    "                           [--group-instance-id GROUP-INSTANCE-ID]\n"
    "                           [--max-messages MAX-MESSAGES]\n"
    "                           [--session-timeout TIMEOUT-MS] [--verbose]\n"
    "                           [--enable-autocommit]\n"
    "                           [--reset-policy RESET-POLICY]\n"
    "                           [--assignment-strategy ASSIGNMENT-STRATEGY]\n"
    "                           [--consumer.config CONFIG-FILE]\n"
    "                           [--command-config CONFIG-FILE]\n"
    "                           --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]\n"
    "\n"
    "This tool consumes  messages  from  a  specific  topic  and  emits consumer\n"
    "events (e.g. group rebalances,  received  messages,  and offsets committed)\n"
    "as JSON objects to STDOUT.\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --topic TOPIC          Consumes messages from this topic.\n"
    "  --group-protocol GROUP-PROTOCOL\n"
    "                         Group protocol (must be  one of CLASSIC, CONSUMER)\n"
    "                         (default: classic)\n"
    "  --group-remote-assignor GROUP-REMOTE-ASSIGNOR\n"
    "                         Group remote  assignor;  only  used  if  the group\n"
    "                         protocol is CONSUMER\n"
    "  --group-id GROUP-ID    The group id of the consumer group\n"
    "  --group-instance-id GROUP-INSTANCE-ID\n"
    "                         A unique identifier of the consumer instance\n"
    "  --max-messages MAX-MESSAGES\n"
    "                         Consume this many messages.  If  -1 (the default),\n"
    "                         the consumer will  consume  until  the  process is\n"
    "                         killed externally (default: -1)\n"
    "  --session-timeout TIMEOUT-MS\n"
    "                         Set the  consumer's  session  timeout,  note  that\n"
    "                         this configuration  is  not  supported  when group\n"
    "                         protocol is consumer\n"
    "  --verbose              Enable  to   log   individual   consumed   records\n"
    "                         (default: false)\n"
    "  --enable-autocommit    Enable offset  auto-commit  on  consumer (default:\n"
    "                         false)\n"
    "  --reset-policy RESET-POLICY\n"
    "                         Set  reset  policy  (must  be  either  'earliest',\n"
    "                         'latest', or 'none') (default: earliest)\n"
    "  --assignment-strategy ASSIGNMENT-STRATEGY\n"
    "                         Set assignment  strategy  (e.g.  org.apache.kafka.\n"
    "                         clients.consumer.RoundRobinAssignor);  only   used\n"
    "                         if the group  protocol  is  CLASSIC (default: org.\n"
    "                         apache.kafka.clients.consumer.RangeAssignor)\n"
    "  --consumer.config CONFIG-FILE\n"
    "                         (DEPRECATED)  Consumer  config   properties  file.\n"
    "                         This option will be  removed  in a future version.\n"
    "                         Use --command-config instead\n"
    "  --command-config CONFIG-FILE\n"
    "                         Config  properties  file  (config  options  shared\n"
    "                         with command line parameters will be overridden).\n"
    "\n"
    "Connection Group:\n"
    "  Group of arguments for connection to brokers\n"
    "\n"
    "  --bootstrap-server HOST1:PORT1[,HOST2:PORT2[...]]\n"
    "                         The server(s) to connect  to. Comma-separated list\n"
    "                         of Kafka brokers  in  the  form HOST1:PORT1,HOST2:\n"
    "                         PORT2,...\n";

#endif
