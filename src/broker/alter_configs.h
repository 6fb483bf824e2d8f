// SPDX-License-Identifier: Apache-2.0
// The broker's half of IncrementalAlterConfigs and AlterConfigs: what is wrong with a request that only the broker can
// tell is said here, loggers are set here, the rest goes to the controller (Kafka's ConfigAdminManager).
#ifndef ODRADEK_BROKER_ALTER_CONFIGS_H
#define ODRADEK_BROKER_ALTER_CONFIGS_H

#include "broker/forward.h"
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

// Asks the controller about what is not done: `rest`, a request struct of the request's own API.
void alter_configs_hand_on(struct request *request, const void *rest, forward_done *answered);
// The controller's answer into `response`. False: there is none, and the connection is being closed.
MUST_CHECK bool alter_configs_decode(struct request *request, enum err result, struct slice answer, void *response);
// What it says of one resource; `message` may be null.
void alter_configs_take(struct request *request, struct alter_resource *resource, int16_t error_code,
                        struct slice message);

#endif
