// SPDX-License-Identifier: Apache-2.0
// kafka-broker-api-versions.sh (kafka-cli 21): which requests each broker understands.
#include "proto/api_versions.h"
#include "cli/options_api_versions.h"
#include "cli/usage.h"
#include "proto/apis.h"
#include "proto/metadata.h"

#include <stdlib.h>

static const char about[] = "This tool helps to retrieve broker version information.";

struct broker {
    int32_t id;
    struct slice host;
    int32_t port;
    struct slice rack; // null = none
};

static int by_id(const void *a, const void *b)
{
    const struct broker *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static bool list_brokers(struct cli *cli, struct client *client, struct broker **out, int32_t *count,
                         struct cli_error *error)
{
    struct metadata_request request = metadata_request_init();
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    if (!cli_call(cli, client, &call, "listNodes", error)) return false;
    const struct metadata_response *answer = call.response;
    *count = answer->brokers.count;
    *out = ARENA_ARRAY(&cli->arena, struct broker, *count + 1);
    for (int32_t i = 0; i < *count; i++) {
        const struct metadata_response_metadata_response_broker *from = &answer->brokers.items[i];
        struct broker *broker = &(*out)[i];
        broker->id = from->node_id;
        broker->host = arena_copy(&cli->arena, from->host);
        broker->port = from->port;
        if (!slice_is_null(from->rack)) broker->rack = arena_copy(&cli->arena, from->rack);
    }
    if (*count > 1) qsort(*out, (size_t)*count, sizeof(**out), by_id);
    client_call_deinit(&call);
    return true;
}

static void add_version(struct text *out, const struct api_versions_response_api_version *version)
{
    const struct wire_api *api = wire_api_find(version->api_key);
    bool is_known = api != NULL && api->request != NULL;
    text_printf(out, "%s(%d): ", is_known ? api->name : "UNKNOWN", version->api_key);
    text_printf(out, "%d", version->min_version);
    if (version->max_version != version->min_version) text_printf(out, " to %d", version->max_version);
    if (!is_known) return;
    int oldest = wire_version_min(api->request), latest = wire_version_max(api->request) - api->latest_unstable;
    if (version->max_version < oldest)
        text_add_str(out, " [unusable: node too old]");
    else if (latest < version->min_version)
        text_add_str(out, " [unusable: node too new]");
    else
        text_printf(out, " [usable: %d]", latest < version->max_version ? latest : version->max_version);
}

// In order of key: those the broker names, and those of ours that it does not.
static void add_versions(struct text *out, const struct api_versions_response *answer)
{
    int printed = 0;
    for (int key = 0; key <= INT16_MAX; key++) {
        const struct api_versions_response_api_version *found = NULL;
        for (int32_t i = 0; i < answer->api_keys.count; i++) {
            if (answer->api_keys.items[i].api_key == key) found = &answer->api_keys.items[i];
        }
        const struct wire_api *api = found == NULL ? wire_api_find(key) : NULL;
        bool is_missing = api != NULL && api->request != NULL && (api->listeners & WIRE_LISTENER_BROKER) != 0;
        if (found == NULL && !is_missing) continue;
        text_add_str(out, printed++ > 0 ? ",\n\t" : "\n\t");
        if (found != NULL)
            add_version(out, found);
        else
            text_printf(out, "%s(%d): UNSUPPORTED", api->name, key);
    }
}

static void print_broker(struct cli *cli, struct client *client, const struct broker *broker)
{
    struct api_versions_request request = api_versions_request_init();
    request.client_software_name = SLICE("odradek");
    request.client_software_version = SLICE(KAFKA_VERSION);
    struct client_call call = {.api_key = API_API_VERSIONS, .node_id = broker->id, .request = &request};
    struct cli_error error = {0};
    struct text out = {0};
    struct slice rack = slice_is_null(broker->rack) ? SLICE("null") : broker->rack;
    text_printf(&out, "%.*s:%d (id: %d rack: %.*s isFenced: false) -> ", SLICE_FMT(broker->host), broker->port,
                broker->id, SLICE_FMT(rack));
    if (cli_call(cli, client, &call, "apiVersions", &error)) {
        const struct api_versions_response *answer = call.response;
        if (answer->error_code != OK) error = cli_error_of(cli, (enum err)answer->error_code, SLICE_NULL);
    }
    if (error.class_name != NULL) {
        text_printf(&out, "ERROR: %s: %s\n", error.class_name, error.text);
    } else {
        text_add_char(&out, '(');
        add_versions(&out, call.response);
        text_add_str(&out, "\n)\n");
        client_call_deinit(&call);
    }
    cli_out_bytes(cli, text_slice(&out));
    text_deinit(&out);
}

int tool_broker_api_versions(struct cli *cli, int argc, char **argv)
{
    struct jopt options;
    if (!jopt_parse(&options, api_versions_options, API_VERSIONS_OPTIONS, &cli->arena, argc, argv)) {
        return cli_trace(cli, options.problem, options.problem_class);
    }
    int code;
    if (!usage_begin(cli, &options, argc, about, &code)) return code;
    if (!usage_require(cli, &options, API_VERSIONS_BOOTSTRAP_SERVER)) return 1;
    const char *config, *bootstrap;
    if (!jopt_value(&options, API_VERSIONS_COMMAND_CONFIG, &config) ||
        !jopt_value(&options, API_VERSIONS_BOOTSTRAP_SERVER, &bootstrap)) {
        return cli_trace(cli, options.problem, options.problem_class);
    }
    struct props props = {0};
    if (config != NULL && props_load(&props, cli, config) != OK) {
        return cli_trace(cli, config, "java.nio.file.NoSuchFileException");
    }
    props_put(&props, cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    struct client *client;
    struct cli_error error;
    if (!cli_admin(cli, &props, &client, &error)) return cli_trace(cli, error.text, error.class_name);
    struct broker *brokers;
    int32_t count;
    bool ok = list_brokers(cli, client, &brokers, &count, &error);
    for (int32_t i = 0; ok && i < count; i++) print_broker(cli, client, &brokers[i]);
    client_free(client);
    return ok ? 0 : cli_trace(cli, error.text, error.class_name);
}
