// SPDX-License-Identifier: Apache-2.0
// The admin side of the client: one call at a time, failures in the words of Java's AdminClient.
#include "cli/cli_int.h"


static const char errors_package[] = "org.apache.kafka.common.errors.";

struct cli_error cli_error_of(struct cli *cli, enum err code, struct slice message)
{
    struct cli_error error = {.class_name = arena_printf(&cli->arena, "%s%s", errors_package, err_class(code))};
    error.text = slice_is_null(message) ? err_text(code) : arena_str(&cli->arena, message);
    return error;
}

static int32_t number(const struct props *props, const char *name, int32_t fallback)
{
    struct slice value = props_get(props, name);
    if (slice_is_null(value) || value.size == 0 || value.size > 10) return fallback;
    int64_t result = 0;
    for (size_t i = 0; i < value.size; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return fallback;
        result = result * 10 + (value.data[i] - '0');
    }
    return result > INT32_MAX ? INT32_MAX : (int32_t)result;
}

bool cli_admin(struct cli *cli, const struct props *props, struct client **out, struct cli_error *error)
{
    struct client_config config;
    client_config_init(&config);
    config.bootstrap = props_get(props, "bootstrap.servers");
    config.client_id = props_get(props, "client.id");
    if (slice_is_null(config.client_id)) config.client_id = SLICE("adminclient-1");
    config.log_name = arena_printf(&cli->arena, "[AdminClient clientId=%.*s]", SLICE_FMT(config.client_id));
    config.log = cli->host->log;
    config.request_timeout_ms = number(props, "request.timeout.ms", config.request_timeout_ms);
    config.retry_backoff_ms = number(props, "retry.backoff.ms", config.retry_backoff_ms);
    struct text problem = {0};
    enum err e = client_new(cli->host->env, &config, &problem, out);
    if (e != OK) {
        error->class_name = "org.apache.kafka.common.config.ConfigException";
        error->text = arena_str(&cli->arena, text_slice(&problem));
    }
    text_deinit(&problem);
    return e == OK;
}

bool cli_call(struct cli *cli, struct client *client, struct client_call *call, const char *name,
              struct cli_error *error)
{
    call->timeout_ms = 60000; // default.api.timeout.ms
    enum err e = client_call_wait(client, cli->host->run_until, call);
    if (e == OK) return true;
    const char *text = err_text(e);
    if (e == ERR_REQUEST_TIMED_OUT) {
        text = call->was_sent ? arena_printf(&cli->arena, "Timed out waiting to send the call. Call: %s", name)
                              : arena_printf(&cli->arena, "Timed out waiting for a node assignment. Call: %s", name);
    } else if (e == ERR_UNSUPPORTED_VERSION) {
        const struct wire_api *api = wire_api_find(call->api_key);
        text = arena_printf(&cli->arena, "The node does not support %s", api == NULL ? name : api->name);
    }
    error->class_name = arena_printf(&cli->arena, "%s%s", errors_package,
                                     e == ERR_REQUEST_TIMED_OUT ? "TimeoutException" : err_class(e));
    error->text = text;
    return false;
}
