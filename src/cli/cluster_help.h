// SPDX-License-Identifier: Apache-2.0
// What kafka-cluster.sh prints for --help; each text begins with its usage, which errors repeat (Kafka 4.3.1).
#ifndef ODRADEK_CLI_CLUSTER_HELP_H
#define ODRADEK_CLI_CLUSTER_HELP_H

static const char cluster_help[] =
    "usage: kafka-cluster [-h] {cluster-id,unregister,list-endpoints} ...\n"
    "\n"
    "The Kafka cluster tool.\n"
    "\n"
    "positional arguments:\n"
    "  {cluster-id,unregister,list-endpoints}\n"
    "    cluster-id           Get information about the ID of a cluster.\n"
    "    unregister           Unregister a broker.\n"
    "    list-endpoints       List endpoints\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n";

static const char cluster_id_help[] =
    "usage: kafka-cluster cluster-id [-h] [--config CONFIG]\n"
    "                     [--command-config COMMAND_CONFIG]\n"
    "                     (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                     --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --bootstrap-server BOOTSTRAP_SERVER, -b BOOTSTRAP_SERVER\n"
    "                         A list of host/port pairs  to use for establishing\n"
    "                         the connection to the Kafka cluster.\n"
    "  --bootstrap-controller BOOTSTRAP_CONTROLLER, -C BOOTSTRAP_CONTROLLER\n"
    "                         A list of host/port pairs  to use for establishing\n"
    "                         the connection to the KRaft controllers.\n"
    "  --config CONFIG        (DEPRECATED)   A    property    file    containing\n"
    "                         configurations for the  Admin  client. This option\n"
    "                         will be  removed  in  a  future  version.  Use  --\n"
    "                         command-config instead.\n"
    "  --command-config COMMAND_CONFIG, -c COMMAND_CONFIG\n"
    "                         Config properties file for the Admin client.\n";

static const char unregister_help[] =
    "usage: kafka-cluster unregister [-h] [--config CONFIG]\n"
    "                     [--command-config COMMAND_CONFIG] --id ID\n"
    "                     (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                     --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --bootstrap-server BOOTSTRAP_SERVER, -b BOOTSTRAP_SERVER\n"
    "                         A list of host/port pairs  to use for establishing\n"
    "                         the connection to the Kafka cluster.\n"
    "  --bootstrap-controller BOOTSTRAP_CONTROLLER, -C BOOTSTRAP_CONTROLLER\n"
    "                         A list of host/port pairs  to use for establishing\n"
    "                         the connection to the KRaft controllers.\n"
    "  --config CONFIG        (DEPRECATED)   A    property    file    containing\n"
    "                         configurations for the  Admin  client. This option\n"
    "                         will be  removed  in  a  future  version.  Use  --\n"
    "                         command-config instead.\n"
    "  --command-config COMMAND_CONFIG, -c COMMAND_CONFIG\n"
    "                         Config properties file for the Admin client.\n"
    "  --id ID, -i ID         The ID of the broker to unregister.\n";

static const char list_endpoints_help[] =
    "usage: kafka-cluster list-endpoints [-h] [--config CONFIG]\n"
    "                     [--command-config COMMAND_CONFIG]\n"
    "                     [--include-fenced-brokers]\n"
    "                     (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                     --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --bootstrap-server BOOTSTRAP_SERVER, -b BOOTSTRAP_SERVER\n"
    "                         A list of host/port pairs  to use for establishing\n"
    "                         the connection to the Kafka cluster.\n"
    "  --bootstrap-controller BOOTSTRAP_CONTROLLER, -C BOOTSTRAP_CONTROLLER\n"
    "                         A list of host/port pairs  to use for establishing\n"
    "                         the connection to the KRaft controllers.\n"
    "  --config CONFIG        (DEPRECATED)   A    property    file    containing\n"
    "                         configurations for the  Admin  client. This option\n"
    "                         will be  removed  in  a  future  version.  Use  --\n"
    "                         command-config instead.\n"
    "  --command-config COMMAND_CONFIG, -c COMMAND_CONFIG\n"
    "                         Config properties file for the Admin client.\n"
    "  --include-fenced-brokers\n"
    "                         Whether to  include  fenced  brokers  when listing\n"
    "                         broker endpoints\n";

#endif
