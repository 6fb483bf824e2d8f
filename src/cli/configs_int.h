// SPDX-License-Identifier: Apache-2.0
// Private to kafka-configs: configs.c parses and checks, configs_describe.c and configs_alter.c act.
#ifndef ODRADEK_CLI_CONFIGS_INT_H
#define ODRADEK_CLI_CONFIGS_INT_H

#include "cli/admin_configs.h"
#include "cli/admin_quotas.h"

enum { CONFIGS_ENTITIES_MAX = 32 };

struct configs_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    bool uses_controller;                    // --bootstrap-controller
    const char *types[CONFIGS_ENTITIES_MAX]; // "topics", ...
    int type_count;
    const char *names[CONFIGS_ENTITIES_MAX]; // "" = the default entity
    int name_count;
    bool is_plain;            // the failure is the caller's: its text alone is shown
    struct cli_thrown thrown; // set by whatever returns false
};

// "topics" is one of the types.
bool configs_has_type(const struct configs_run *run, const char *type);
// An argument that cannot be: the text alone.
bool configs_fail_plain(struct configs_run *run, const char *text);
// What the broker or the client said: the whole trace, as an ExecutionException.
bool configs_fail_call(struct configs_run *run, struct cli_error error);
// The resource behind "topics", "brokers", ...; false for users, clients and ips.
bool configs_resource(const char *type, enum config_resource *out);
// "retention.ms" and "a b" are names of configs, topics.
bool configs_check_topic(struct configs_run *run, const char *name);
bool configs_check_broker(struct configs_run *run, const char *name, const char *type);
// One resource's entries sorted by name; `all` or only what is set on it.
bool configs_get(struct configs_run *run, const char *type, const char *name, bool with_synonyms, bool all,
                 struct admin_config **out, int32_t *count);
// The quotas of the entities named on the command line.
bool configs_get_quotas(struct configs_run *run, struct admin_quota **out, int32_t *count);

bool configs_describe(struct configs_run *run);
bool configs_alter(struct configs_run *run);

// "k=v,k2=[v1,v2]" as pairs. False: not of that form.
bool configs_parse_added(struct cli *cli, struct slice text, struct props *out);
// "[iterations=N,]password=..." False: not of that form. iterations -1: the default; null text of a bad number.
bool configs_parse_scram(struct slice text, struct slice *iterations, struct slice *password);

#endif
