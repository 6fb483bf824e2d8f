// SPDX-License-Identifier: Apache-2.0
// Configurations of resources, quotas and SCRAM credentials as AdminClient asks for them. Answers live in the arena of
// the run.
#ifndef ODRADEK_CLI_ADMIN_CONFIGS_H
#define ODRADEK_CLI_ADMIN_CONFIGS_H

#include "cli/cli_int.h"

// ConfigEntry.ConfigSource by its wire code: "DYNAMIC_TOPIC_CONFIG".
const char *admin_config_source(int8_t code);

struct admin_synonym {
    struct slice name;
    struct slice value; // null = not shown
    int8_t source;
};

struct admin_config {
    struct slice name;
    struct slice value; // null: sensitive, or none
    int8_t source;
    bool is_sensitive;
    struct admin_synonym *synonyms;
    int32_t synonym_count;
};

// One resource's entries in the order of a HashMap. Brokers and their loggers are asked themselves.
bool admin_describe_configs(struct cli *cli, struct client *client, enum config_resource type, struct slice name,
                            bool with_synonyms, struct admin_config **out, int32_t *count, struct cli_error *error);

enum admin_operation { ADMIN_SET = 0, ADMIN_DELETE = 1 };

struct admin_change {
    struct slice name;
    struct slice value;
    enum admin_operation operation;
};

bool admin_alter_configs(struct cli *cli, struct client *client, enum config_resource type, struct slice name,
                         const struct admin_change *changes, int32_t count, struct cli_error *error);

// Names of the resources of that type that have settings, in the order of the answer.
bool admin_list_resources(struct cli *cli, struct client *client, enum config_resource type, struct slice **names,
                          int32_t *count, struct cli_error *error);
// Broker ids, ascending.
bool admin_list_brokers(struct cli *cli, struct client *client, int32_t **ids, int32_t *count, struct cli_error *error);

#endif
