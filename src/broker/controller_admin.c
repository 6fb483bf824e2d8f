// SPDX-License-Identifier: Apache-2.0
#include "broker/controller_admin.h"

#include "broker/scram.h"
#include "broker/topics.h"
#include "config/alter.h"
#include "proto/apis.h"

bool controller_admin_serves(int16_t api_key)
{
    static const int16_t keys[] = {INCREMENTAL_ALTER_CONFIGS_REQUEST_KEY, ALTER_CONFIGS_REQUEST_KEY,
                                   ALTER_CLIENT_QUOTAS_REQUEST_KEY, UPDATE_FEATURES_REQUEST_KEY,
                                   ALTER_USER_SCRAM_CREDENTIALS_REQUEST_KEY};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (keys[i] == api_key) return true;
    return false;
}

enum err controller_admin_decide(struct metadata *m, struct decide *decide, int16_t api_key,
                                 const union controller_admin_body *body, union controller_admin_answer *answer)
{
    switch (api_key) {
    case INCREMENTAL_ALTER_CONFIGS_REQUEST_KEY:
        return decide_incremental_alter_configs(decide, &body->incremental, &answer->incremental);
    case ALTER_CONFIGS_REQUEST_KEY: return decide_alter_configs(decide, &body->alter, &answer->alter);
    case ALTER_CLIENT_QUOTAS_REQUEST_KEY: return decide_alter_client_quotas(decide, &body->quotas, &answer->quotas);
    case UPDATE_FEATURES_REQUEST_KEY:
        return decide_update_features(decide, &body->features, m->node_id, &answer->features);
    case ALTER_USER_SCRAM_CREDENTIALS_REQUEST_KEY:
        return decide_alter_scram_credentials(decide, &body->scram, scram_keys, &answer->scram);
    default: return ERR_UNSUPPORTED_VERSION;
    }
}

// ---- judges -----------------------------------------------------------------------------------------------------

static struct config_pairs pairs_of(const struct decide_config_pair *pairs, int32_t count, struct arena *arena)
{
    struct config_pair *items = ARENA_ARRAY(arena, struct config_pair, count);
    for (int32_t i = 0; i < count; i++) items[i] = (struct config_pair){pairs[i].name, pairs[i].value};
    return (struct config_pairs){items, (size_t)count};
}

static enum err check_group(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                            const char **why)
{
    struct metadata *m = context;
    struct config_dynamic dynamic = image_dynamic(image_builder_newest(m->builder), m->node_id, arena);
    return config_check_group(m->options.config, &dynamic, pairs_of(pairs, count, arena), arena, why);
}

static enum err check_client_metrics(void *context, struct slice name, const struct decide_config_pair *pairs,
                                     int32_t count, struct arena *arena, const char **why)
{
    (void)context;
    return config_check_client_metrics(name, pairs_of(pairs, count, arena), arena, why);
}

static bool change_list(void *context, int8_t resource_type, struct slice name, struct slice old, struct slice operand,
                        bool subtracts, struct arena *arena, struct slice *out)
{
    (void)context;
    if (resource_type != IMAGE_RESOURCE_TOPIC && resource_type != IMAGE_RESOURCE_BROKER) return false;
    const struct config_key *key = config_key_find((enum config_resource)resource_type, name);
    if (key == NULL || key->type != CONFIG_LIST) return false;
    *out = config_list_changed(key, old, operand, subtracts ? CONFIG_SUBTRACT : CONFIG_APPEND, arena);
    return true;
}

void controller_init_configs(struct metadata *m)
{
    m->settings.configs.check_group = check_group;
    m->settings.configs.check_client_metrics = check_client_metrics;
    m->settings.configs.change_list = change_list;
}

// ---- mutations ----------------------------------------------------------------------------------------------------

static bool charge_mutation(void *context, int32_t partitions)
{
    struct controller_charge *charge = context;
    int32_t throttle_ms = 0;
    bool is_allowed = quotas_mutate(charge->shard, charge->who, partitions, charge->is_strict, &throttle_ms);
    // Only a refusal, or a request too old to be refused, makes its client wait.
    if (throttle_ms > charge->throttle_ms) charge->throttle_ms = throttle_ms;
    return is_allowed;
}

void controller_charge(struct metadata *m, struct decide *decide, int16_t api_key, int16_t version,
                       const struct controller_principal *principal, struct controller_charge *charge)
{
    static const struct {
        int16_t api_key;
        int16_t strict_since;
    } charged[] = {
        {API_CREATE_TOPICS, 6},
        {API_DELETE_TOPICS, 5},
        {API_CREATE_PARTITIONS, 3},
    };
    if (!principal->has_quota) return;
    for (size_t i = 0; i < COUNT_OF(charged); i++) {
        if (charged[i].api_key != api_key) continue;
        *charge = (struct controller_charge){.shard = shard_here(m->env),
                                             .who = {principal->name, principal->client_id},
                                             .is_strict = version >= charged[i].strict_since};
        decide->mutate = charge_mutation;
        decide->mutate_context = charge;
    }
}
