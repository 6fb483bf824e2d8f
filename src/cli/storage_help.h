// SPDX-License-Identifier: Apache-2.0
// What kafka-storage.sh prints for --help; each text begins with its usage, which errors repeat (Kafka 4.3.1).
#ifndef ODRADEK_CLI_STORAGE_HELP_H
#define ODRADEK_CLI_STORAGE_HELP_H

static const char storage_help[] =
    "usage: kafka-storage [-h]\n"
    "                     {info,format,version-mapping,feature-dependencies,random-uuid}\n"
    "                     ...\n"
    "\n"
    "The Kafka storage tool.\n"
    "\n"
    "positional arguments:\n"
    "  {info,format,version-mapping,feature-dependencies,random-uuid}\n"
    "    info                 Get information about  the  Kafka  log directories\n"
    "                         on this node.\n"
    "    format               Format the Kafka log directories on this node.\n"
    "    version-mapping      Look up the  corresponding  features  for  a given\n"
    "                         metadata version. Using  the  command  with  no --\n"
    "                         release-version  argument will  return the mapping\n"
    "                         for the latest stable metadata version\n"
    "    feature-dependencies\n"
    "                         Look up dependencies for  a given feature version.\n"
    "                         If the feature is  not  known  or  the version not\n"
    "                         yet  defined,  an   error   is   thrown.  Multiple\n"
    "                         features can be specified.\n"
    "    random-uuid          Print a random UUID.\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n";

static const char format_help[] =
    "usage: kafka-storage format [-h] --config CONFIG --cluster-id CLUSTER_ID\n"
    "                     [--add-scram ADD_SCRAM] [--ignore-formatted]\n"
    "                     [--release-version RELEASE_VERSION]\n"
    "                     [--feature FEATURE] [--standalone |\n"
    "                     --no-initial-controllers |\n"
    "                     --initial-controllers INITIAL_CONTROLLERS]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --config CONFIG, -c CONFIG\n"
    "                         The Kafka configuration file to use.\n"
    "  --cluster-id CLUSTER_ID, -t CLUSTER_ID\n"
    "                         The cluster ID to use.\n"
    "  --add-scram ADD_SCRAM, -S ADD_SCRAM\n"
    "                         A    SCRAM_CREDENTIAL     to     add     to    the\n"
    "                         __cluster_metadata log e.g.\n"
    "                         'SCRAM-SHA-256=[name=alice,password=alice-\n"
    "                         secret]'\n"
    "                         'SCRAM-SHA-512=[name=alice,iterations=8192,salt=\"\n"
    "                         N3E=\",saltedpassword=\"YCE=\"]'\n"
    "  --ignore-formatted, -g\n"
    "                         When this option  is  passed,  the  format command\n"
    "                         will  skip  over   already  formatted  directories\n"
    "                         rather than failing.\n"
    "  --release-version RELEASE_VERSION, -r RELEASE_VERSION\n"
    "                         The  release  version  to   use  for  the  initial\n"
    "                         feature settings.  The  minimum  is  3.3-IV3;  the\n"
    "                         default is 4.3-IV0\n"
    "  --feature FEATURE, -f FEATURE\n"
    "                         The setting to  use  for  a  specific  feature, in\n"
    "                         feature=level   format.   For   example:   `kraft.\n"
    "                         version=1`.\n"
    "  --standalone, -s       Used to initialize a  controller  as a single-node\n"
    "                         dynamic  quorum.  When  setting   this  flag,  the\n"
    "                         controller.quorum.voters config must  not  be set,\n"
    "                         and  controller.quorum.bootstrap.servers   is  set\n"
    "                         instead.\n"
    "  --no-initial-controllers, -N\n"
    "                         Used to initialize a  server  without specifying a\n"
    "                         dynamic  quorum.  When  setting   this  flag,  the\n"
    "                         controller.quorum.voters  config  should   not  be\n"
    "                         set,  and  controller.quorum.bootstrap.servers  is\n"
    "                         set instead.\n"
    "  --initial-controllers INITIAL_CONTROLLERS, -I INITIAL_CONTROLLERS\n"
    "                         Used to initialize  a  server  with  the specified\n"
    "                         dynamic quorum. The argument  is a comma-separated\n"
    "                         list  of   id@hostname:port:directory.   The  same\n"
    "                         values must  be  used  to  format  all  nodes. For\n"
    "                         example:\n"
    "                         0@example.com:8082:JEXY6aqzQY-32P5TStzaFg,\n"
    "                         1@example.com:8083:MvDxzVmcRsaTz33bUuRU6A,\n"
    "                         2@example.com:8084:07R5amHmR32VDA6jHkGbTA\n"
    "                         . When setting  this  flag, the controller.quorum.\n"
    "                         voters config must  not  be  set,  and controller.\n"
    "                         quorum.bootstrap.servers is set instead.\n";

static const char info_help[] =
    "usage: kafka-storage info [-h] --config CONFIG\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --config CONFIG, -c CONFIG\n"
    "                         The Kafka configuration file to use.\n";

static const char random_uuid_help[] =
    "usage: kafka-storage random-uuid [-h]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n";

static const char version_mapping_help[] =
    "usage: kafka-storage version-mapping [-h]\n"
    "                     [--release-version RELEASE_VERSION]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --release-version RELEASE_VERSION, -r RELEASE_VERSION\n"
    "                         The release version to  use  for the corresponding\n"
    "                         feature  mapping.  The  minimum  is  3.3-IV3;  the\n"
    "                         default is 4.3-IV0\n";

static const char feature_dependencies_help[] =
    "usage: kafka-storage feature-dependencies [-h] --feature FEATURE\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --feature FEATURE, -f FEATURE\n"
    "                         The  features  and  their   versions  to  look  up\n"
    "                         dependencies for, in  feature=version  format. For\n"
    "                         example: `metadata.version=5`.\n";

#endif
