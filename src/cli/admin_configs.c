// SPDX-License-Identifier: Apache-2.0
// See admin_configs.h.
#include "cli/admin_configs.h"

#include "cli/java_order.h"
#include "proto/apis.h"
#include "proto/describe_cluster.h"
#include "proto/describe_configs.h"
#include "proto/incremental_alter_configs.h"
#include "proto/list_config_resources.h"
#include "proto/metadata.h"

#include <stdlib.h>

const char *admin_config_source(int8_t code)
{
    static const char *const names[] = {
        "UNKNOWN",
        "DYNAMIC_TOPIC_CONFIG",
        "DYNAMIC_BROKER_CONFIG",
        "DYNAMIC_DEFAULT_BROKER_CONFIG",
        "STATIC_BROKER_CONFIG",
        "DEFAULT_CONFIG",
        "DYNAMIC_BROKER_LOGGER_CONFIG",
        "DYNAMIC_CLIENT_METRICS_CONFIG",
        "DYNAMIC_GROUP_CONFIG",
    };
    return code >= 0 && (size_t)code < COUNT_OF(names) ? names[code] : names[0];
}

// A broker's own settings and its loggers are known to that broker only.
static int node_of(struct cli *cli, enum config_resource type, struct slice name)
{
    if ((type != CONFIG_BROKER && type != CONFIG_BROKER_LOGGER) || name.size == 0 || cli->at_controllers)
        return CLIENT_ANY;
    return (int)strtol(arena_str(&cli->arena, name), NULL, 10);
}

static struct slice keep(struct cli *cli, struct slice text)
{
    return slice_is_null(text) ? text : arena_copy(&cli->arena, text);
}

// ---- describing ------------------------------------------------------------------------------------------------

static struct slice config_name(const void *item)
{
    return ((const struct admin_config *)item)->name;
}

static void take_config(struct cli *cli, struct admin_config *to,
                        const struct describe_configs_response_describe_configs_resource_result *from)
{
    to->name = keep(cli, from->name);
    to->value = keep(cli, from->value);
    to->source = from->config_source;
    to->is_sensitive = from->is_sensitive;
    to->synonyms = ARENA_ARRAY(&cli->arena, struct admin_synonym, from->synonyms.count + 1);
    to->synonym_count = from->synonyms.count;
    for (int32_t i = 0; i < from->synonyms.count; i++) {
        to->synonyms[i] = (struct admin_synonym){.name = keep(cli, from->synonyms.items[i].name),
                                                 .value = keep(cli, from->synonyms.items[i].value),
                                                 .source = from->synonyms.items[i].source};
    }
}

bool admin_describe_configs(struct cli *cli, struct client *client, enum config_resource type, struct slice name,
                            bool with_synonyms, struct admin_config **out, int32_t *count, struct cli_error *error)
{
    struct describe_configs_request request = describe_configs_request_init();
    struct describe_configs_request_describe_configs_resource resource =
        describe_configs_request_describe_configs_resource_init();
    resource.resource_type = (int8_t)type;
    resource.resource_name = name;
    resource.configuration_keys.count = -1; // all
    request.resources.items = &resource;
    request.resources.count = 1;
    request.include_synonyms = with_synonyms;
    struct client_call call = {
        .api_key = API_DESCRIBE_CONFIGS, .node_id = node_of(cli, type, name), .request = &request};
    bool ok = cli_call(cli, client, &call, "describeConfigs", error);
    const struct describe_configs_response *answer = call.response;
    *count = 0;
    for (int32_t i = 0; ok && i < answer->results.count; i++) {
        const struct describe_configs_response_describe_configs_result *result = &answer->results.items[i];
        if (result->error_code != OK) {
            *error = cli_error_of(cli, (enum err)result->error_code, result->error_message);
            ok = false;
            break;
        }
        *out = ARENA_ARRAY(&cli->arena, struct admin_config, result->configs.count + 1);
        *count = result->configs.count;
        for (int32_t c = 0; c < *count; c++) take_config(cli, &(*out)[c], &result->configs.items[c]);
        java_hash_order(*out, (size_t)*count, sizeof(**out), 16, config_name);
    }
    client_call_deinit(&call);
    return ok;
}

// ---- altering --------------------------------------------------------------------------------------------------

bool admin_alter_configs(struct cli *cli, struct client *client, enum config_resource type, struct slice name,
                         const struct admin_change *changes, int32_t count, struct cli_error *error)
{
    struct incremental_alter_configs_request request = incremental_alter_configs_request_init();
    struct incremental_alter_configs_request_alter_configs_resource resource =
        incremental_alter_configs_request_alter_configs_resource_init();
    resource.resource_type = (int8_t)type;
    resource.resource_name = name;
    resource.configs.items =
        ARENA_ARRAY(&cli->arena, struct incremental_alter_configs_request_alterable_config, count + 1);
    resource.configs.count = count;
    for (int32_t i = 0; i < count; i++) {
        resource.configs.items[i] = incremental_alter_configs_request_alterable_config_init();
        resource.configs.items[i].name = changes[i].name;
        resource.configs.items[i].value = changes[i].value;
        resource.configs.items[i].config_operation = (int8_t)changes[i].operation;
    }
    request.resources.items = &resource;
    request.resources.count = 1;
    struct client_call call = {
        .api_key = API_INCREMENTAL_ALTER_CONFIGS, .node_id = node_of(cli, type, name), .request = &request};
    bool ok = cli_call(cli, client, &call, "incrementalAlterConfigs", error);
    const struct incremental_alter_configs_response *answer = call.response;
    for (int32_t i = 0; ok && i < answer->responses.count; i++) {
        if (answer->responses.items[i].error_code == OK) continue;
        *error = cli_error_of(cli, (enum err)answer->responses.items[i].error_code,
                              answer->responses.items[i].error_message);
        ok = false;
    }
    client_call_deinit(&call);
    return ok;
}

// ---- lists -----------------------------------------------------------------------------------------------------

bool admin_list_resources(struct cli *cli, struct client *client, enum config_resource type, struct slice **names,
                          int32_t *count, struct cli_error *error)
{
    int8_t code = (int8_t)type;
    struct list_config_resources_request request = list_config_resources_request_init();
    request.resource_types.items = &code;
    request.resource_types.count = 1;
    struct client_call call = {.api_key = API_LIST_CONFIG_RESOURCES,
                               .node_id = CLIENT_ANY,
                               .request = &request,
                               .version_min = type == CONFIG_CLIENT_METRICS ? 0 : 1};
    bool ok = cli_call(cli, client, &call, "listConfigResources", error);
    const struct list_config_resources_response *answer = call.response;
    if (ok && answer->error_code != OK) {
        *error = cli_error_of(cli, (enum err)answer->error_code, SLICE_NULL);
        ok = false;
    }
    if (ok) {
        *names = ARENA_ARRAY(&cli->arena, struct slice, answer->config_resources.count + 1);
        *count = answer->config_resources.count;
        for (int32_t i = 0; i < *count; i++) {
            (*names)[i] = keep(cli, answer->config_resources.items[i].resource_name);
        }
    }
    client_call_deinit(&call);
    return ok;
}

static int by_number(const void *a, const void *b)
{
    const int32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

// The quorum's nodes, which controllers know.
static bool list_controllers(struct cli *cli, struct client *client, int32_t **ids, int32_t *count,
                             struct cli_error *error)
{
    struct describe_cluster_request request = describe_cluster_request_init();
    request.endpoint_type = 2; // controllers
    struct client_call call = {
        .api_key = API_DESCRIBE_CLUSTER, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    bool ok = cli_call(cli, client, &call, "listNodes", error);
    const struct describe_cluster_response *answer = call.response;
    if (ok && answer->error_code != OK) {
        *error = cli_error_of(cli, (enum err)answer->error_code, answer->error_message);
        ok = false;
    }
    if (ok) {
        *ids = ARENA_ARRAY(&cli->arena, int32_t, answer->brokers.count + 1);
        *count = answer->brokers.count;
        for (int32_t i = 0; i < *count; i++) (*ids)[i] = answer->brokers.items[i].broker_id;
        if (*count > 1) qsort(*ids, (size_t)*count, sizeof(**ids), by_number);
    }
    client_call_deinit(&call);
    return ok;
}

bool admin_list_brokers(struct cli *cli, struct client *client, int32_t **ids, int32_t *count, struct cli_error *error)
{
    if (cli->at_controllers) return list_controllers(cli, client, ids, count, error);
    struct metadata_request request = metadata_request_init(); // of no topic
    request.allow_auto_topic_creation = true;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    bool ok = cli_call(cli, client, &call, "listNodes", error);
    const struct metadata_response *answer = call.response;
    if (ok) {
        *ids = ARENA_ARRAY(&cli->arena, int32_t, answer->brokers.count + 1);
        *count = answer->brokers.count;
        for (int32_t i = 0; i < *count; i++) (*ids)[i] = answer->brokers.items[i].node_id;
        if (*count > 1) qsort(*ids, (size_t)*count, sizeof(**ids), by_number);
    }
    client_call_deinit(&call);
    return ok;
}
