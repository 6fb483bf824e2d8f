// SPDX-License-Identifier: Apache-2.0
// The controller's requests about settings: configurations, quotas, features (meta/decide.h).
#ifndef ODRADEK_BROKER_CONTROLLER_ADMIN_H
#define ODRADEK_BROKER_CONTROLLER_ADMIN_H

#include "broker/controller_int.h"
#include "broker/quotas.h"
#include "proto/alter_client_quotas.h"
#include "proto/alter_configs.h"
#include "proto/alter_user_scram_credentials.h"
#include "proto/incremental_alter_configs.h"
#include "proto/update_features.h"

union controller_admin_body {
    struct incremental_alter_configs_request incremental;
    struct alter_configs_request alter;
    struct alter_client_quotas_request quotas;
    struct update_features_request features;
    struct alter_user_scram_credentials_request scram;
};

union controller_admin_answer {
    struct incremental_alter_configs_response incremental;
    struct alter_configs_response alter;
    struct alter_client_quotas_response quotas;
    struct update_features_response features;
    struct alter_user_scram_credentials_response scram;
};

bool controller_admin_serves(int16_t api_key);
// ERR_UNSUPPORTED_VERSION: not one of these.
MUST_CHECK enum err controller_admin_decide(struct metadata *m, struct decide *decide, int16_t api_key,
                                            const union controller_admin_body *body,
                                            union controller_admin_answer *answer);
// A client's request that creates or deletes partitions, and what it is charged (KIP-599).
struct controller_charge {
    struct shard *shard; // 0
    struct quota_user who;
    bool is_strict;
    int32_t throttle_ms;
};
// Sets decide->mutate when the request is one that is charged. `charge` must stay as long as `decide`.
void controller_charge(struct metadata *m, struct decide *decide, int16_t api_key, int16_t version,
                       const struct controller_principal *principal, struct controller_charge *charge);
// The judges of groups' and client metrics' settings, and lists; topics' are in controller_topics.c.
void controller_init_configs(struct metadata *m);

#endif
