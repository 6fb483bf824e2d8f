// SPDX-License-Identifier: Apache-2.0
// What kafka-metadata-quorum.sh prints for --help; each text begins with its usage, which errors repeat (Kafka 4.3.1).
#ifndef ODRADEK_CLI_QUORUM_HELP_H
#define ODRADEK_CLI_QUORUM_HELP_H

static const char quorum_help[] =
    "usage: kafka-metadata-quorum [-h] [--command-config COMMAND_CONFIG]\n"
    "                             (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                             --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "                             {describe,add-controller,remove-controller}\n"
    "                             ...\n"
    "\n"
    "This tool describes kraft metadata quorum status.\n"
    "\n"
    "positional arguments:\n"
    "  {describe,add-controller,remove-controller}\n"
    "    describe             Describe the metadata quorum info\n"
    "    add-controller       Add a controller to the KRaft controller cluster\n"
    "    remove-controller    Remove a  controller  from  the  KRaft  controller\n"
    "                         cluster\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --bootstrap-server BOOTSTRAP_SERVER\n"
    "                         A comma-separated list of  host:port  pairs to use\n"
    "                         for  establishing  the  connection  to  the  Kafka\n"
    "                         cluster.\n"
    "  --bootstrap-controller BOOTSTRAP_CONTROLLER\n"
    "                         A comma-separated list of  host:port  pairs to use\n"
    "                         for  establishing  the  connection  to  the  Kafka\n"
    "                         controllers.\n"
    "  --command-config COMMAND_CONFIG\n"
    "                         Property file containing configs  to  be passed to\n"
    "                         Admin Client.  For  add-controller,  the  file  is\n"
    "                         used to specify the controller properties as well.\n";

static const char describe_help[] =
    "usage: kafka-metadata-quorum (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                             --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "                             describe [-h] [--status] [--replication]\n"
    "                             [--human-readable]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "\n"
    "Status:\n"
    "  --status               A short  summary  of  the  quorum  status  and the\n"
    "                         other  provides  detailed  information  about  the\n"
    "                         status of replication.\n"
    "\n"
    "Replication:\n"
    "  --replication          Detailed   information   about   the   status   of\n"
    "                         replication\n"
    "  --human-readable       Human-readable output\n";

static const char add_controller_help[] =
    "usage: kafka-metadata-quorum (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                             --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "                             add-controller [-h] [--dry-run]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --dry-run              True if we should  print  what  would be done, but\n"
    "                         not do it.\n";

static const char remove_controller_help[] =
    "usage: kafka-metadata-quorum (--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                             --bootstrap-controller BOOTSTRAP_CONTROLLER)\n"
    "                             remove-controller [-h]\n"
    "                             --controller-id CONTROLLER_ID\n"
    "                             --controller-directory-id CONTROLLER_DIRECTORY_ID\n"
    "                             [--dry-run]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --controller-id CONTROLLER_ID, -i CONTROLLER_ID\n"
    "                         The id of the controller to remove.\n"
    "  --controller-directory-id CONTROLLER_DIRECTORY_ID, -d CONTROLLER_DIRECTORY_ID\n"
    "                         The directory ID of the controller to remove.\n"
    "  --dry-run              True if we should  print  what  would be done, but\n"
    "                         not do it.\n";

#endif
