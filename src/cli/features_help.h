// SPDX-License-Identifier: Apache-2.0
// What kafka-features.sh prints for --help; each text begins with its usage, which errors repeat (Kafka 4.3.1).
#ifndef ODRADEK_CLI_FEATURES_HELP_H
#define ODRADEK_CLI_FEATURES_HELP_H

static const char features_help[] =
    "usage: kafka-features [-h] [--command-config COMMAND_CONFIG]\n"
    "                      [--bootstrap-server BOOTSTRAP_SERVER |\n"
    "                      --bootstrap-controller BOOTSTRAP_CONTROLLER]\n"
    "                      {describe,upgrade,downgrade,disable,version-mapping,feature-dependencies}\n"
    "                      ...\n"
    "\n"
    "This tool manages feature flags in Kafka.\n"
    "\n"
    "positional arguments:\n"
    "  {describe,upgrade,downgrade,disable,version-mapping,feature-dependencies}\n"
    "    describe             Describes the current active feature flags.\n"
    "    upgrade              Upgrade one or more feature flags.\n"
    "    downgrade            Downgrade one or more feature flags.\n"
    "    disable              Disable one or  more  feature  flags.  This is the\n"
    "                         same as downgrading the version to zero.\n"
    "    version-mapping      Look up the  corresponding  features  for  a given\n"
    "                         metadata version. Using  the  command  with  no --\n"
    "                         release-version  argument will  return the mapping\n"
    "                         for the latest stable metadata version\n"
    "    feature-dependencies\n"
    "                         Look up dependencies for  a given feature version.\n"
    "                         If the feature is  not  known  or  the version not\n"
    "                         yet  defined,  an   error   is   thrown.  Multiple\n"
    "                         features can be specified.\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --bootstrap-server BOOTSTRAP_SERVER\n"
    "                         A comma-separated list of  host:port  pairs to use\n"
    "                         for  establishing  the  connection  to  the  Kafka\n"
    "                         cluster.\n"
    "  --bootstrap-controller BOOTSTRAP_CONTROLLER\n"
    "                         A comma-separated list of  host:port  pairs to use\n"
    "                         for  establishing  the  connection  to  the  KRaft\n"
    "                         quorum.\n"
    "  --command-config COMMAND_CONFIG\n"
    "                         Property file containing configs  to  be passed to\n"
    "                         Admin Client.\n";

static const char describe_help[] =
    "usage: kafka-features describe [-h] [--node-id NODE_ID]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --node-id NODE_ID      The node id to which  the requests should be sent.\n"
    "                         If not specified, the requests  will be sent to an\n"
    "                         arbitrary controller/broker.\n";

static const char upgrade_help[] =
    "usage: kafka-features upgrade [-h] [--metadata METADATA]\n"
    "                      [--release-version RELEASE_VERSION]\n"
    "                      [--feature FEATURE] [--dry-run]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --metadata METADATA    DEPRECATED  --  The  level   to  which  we  should\n"
    "                         upgrade the metadata. For example, 3.3-IV3.\n"
    "  --release-version RELEASE_VERSION\n"
    "                         The release version  to  update  all  features to.\n"
    "                         For example, 3.9-IV0  will set metadata.version=21\n"
    "                         and  kraft.version=1.   Use   the  version-mapping\n"
    "                         command to learn which  features  will  be set for\n"
    "                         any given version.\n"
    "  --feature FEATURE      A  feature   upgrade   we   should   perform,   in\n"
    "                         feature=level  format.  For   example:  `metadata.\n"
    "                         version=5`.\n"
    "  --dry-run              Validate this upgrade, but do not perform it.\n";

static const char downgrade_help[] =
    "usage: kafka-features downgrade [-h] [--metadata METADATA]\n"
    "                      [--release-version RELEASE_VERSION]\n"
    "                      [--feature FEATURE] [--unsafe] [--dry-run]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --metadata METADATA    DEPRECATED  --  The  level   to  which  we  should\n"
    "                         downgrade the metadata. For example, 3.3-IV0.\n"
    "  --release-version RELEASE_VERSION\n"
    "                         The release version to  downgrade all features to.\n"
    "                         For example, 3.9-IV0  will set metadata.version=21\n"
    "                         and  kraft.version=1.   Use   the  version-mapping\n"
    "                         command to learn which  features  will  be set for\n"
    "                         any given version.\n"
    "  --feature FEATURE      A  feature  downgrade   we   should   perform,  in\n"
    "                         feature=level  format.  For   example:  `metadata.\n"
    "                         version=5`.\n"
    "  --unsafe               Perform   this   downgrade   even    if   it   may\n"
    "                         irreversibly destroy metadata.\n"
    "  --dry-run              Validate this downgrade, but do not perform it.\n";

static const char disable_help[] =
    "usage: kafka-features disable [-h] [--feature FEATURE] [--unsafe]\n"
    "                      [--dry-run]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --feature FEATURE      A feature flag to disable.\n"
    "  --unsafe               Disable  this  feature   flag   even   if  it  may\n"
    "                         irreversibly destroy metadata.\n"
    "  --dry-run              Perform a dry-run of this disable operation.\n";

static const char version_mapping_help[] =
    "usage: kafka-features version-mapping [-h]\n"
    "                      [--release-version RELEASE_VERSION]\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --release-version RELEASE_VERSION\n"
    "                         The release version to  use  for the corresponding\n"
    "                         feature  mapping.  The  minimum  is  3.3-IV3;  the\n"
    "                         default is 4.3-IV0\n";

static const char feature_dependencies_help[] =
    "usage: kafka-features feature-dependencies [-h] --feature FEATURE\n"
    "\n"
    "optional arguments:\n"
    "  -h, --help             show this help message and exit\n"
    "  --feature FEATURE      The feature and  version  to  look up dependencies\n"
    "                         for,  in  feature=version   format.  For  example:\n"
    "                         `metadata.version=5`.\n";

#endif
