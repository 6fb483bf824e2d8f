// SPDX-License-Identifier: Apache-2.0
// The broker's half of IncrementalAlterConfigs and AlterConfigs: what is wrong with a request that only the broker can
// tell is said here, loggers are set here, the rest goes to the controller (Kafka's ConfigAdminManager).
#ifndef ODRADEK_BROKER_ALTER_CONFIGS_H
#define ODRADEK_BROKER_ALTER_CONFIGS_H

#include "broker/request.h"
#include "config/alter.h"

struct alter_resource {
    int8_t type; // enum config_resource
    struct slice name;
    struct config_change *changes;
    int32_t change_count;
    bool is_done; // nothing is left for the controller
    enum err error;
    const char *message; // NULL = none
};

// Judges all resources. `replaces`: AlterConfigs, whose changes are all that shall stand.
void alter_configs_prepare(struct request *request, struct alter_resource *resources, int32_t count, bool replaces,
                           bool is_validation);

#endif
