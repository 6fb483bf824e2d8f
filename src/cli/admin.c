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

// ---- exceptions ------------------------------------------------------------------------------------------------

struct cli_thrown cli_thrown(struct cli_error error)
{
    return (struct cli_thrown){.chain = {error}, .count = 1};
}

void cli_wrap(struct cli_thrown *thrown, const char *class_name, const char *text)
{
    ASSERT(thrown->count < CLI_CHAIN_MAX);
    for (int i = thrown->count; i > 0; i--) thrown->chain[i] = thrown->chain[i - 1];
    thrown->chain[0] = (struct cli_error){.class_name = class_name, .text = text};
    thrown->count++;
}

// "CLASS: TEXT" of the link at `at`, or only the class.
static const char *link_text(struct cli *cli, const struct cli_thrown *thrown, int at)
{
    const struct cli_error *link = &thrown->chain[at];
    const char *text = link->text;
    if (text == NULL && at + 1 < thrown->count) text = link_text(cli, thrown, at + 1);
    return text == NULL ? link->class_name : arena_printf(&cli->arena, "%s: %s", link->class_name, text);
}

const char *cli_thrown_text(struct cli *cli, const struct cli_thrown *thrown)
{
    if (thrown->chain[0].text != NULL) return thrown->chain[0].text;
    return thrown->count > 1 ? link_text(cli, thrown, 1) : "null";
}

void cli_print_thrown(struct cli *cli, const struct cli_thrown *thrown)
{
    for (int i = 0; i < thrown->count; i++) {
        cli_err(cli, "%s%s\n", i == 0 ? "" : "Caused by: ", link_text(cli, thrown, i));
    }
}

int cli_trace_thrown(struct cli *cli, const struct cli_thrown *thrown)
{
    cli_err(cli, "%s\n", cli_thrown_text(cli, thrown));
    cli_print_thrown(cli, thrown);
    cli_err(cli, "\n");
    return 1;
}

bool cli_connect(struct cli *cli, const char *command_config, const char *bootstrap, struct client **out,
                 struct cli_thrown *thrown)
{
    return cli_connect_as(cli, command_config, bootstrap, NULL, out, thrown);
}

bool cli_connect_as(struct cli *cli, const char *command_config, const char *bootstrap, const char *client_id,
                    struct client **out, struct cli_thrown *thrown)
{
    struct props props = {0};
    if (command_config != NULL && props_load(&props, cli, command_config) != OK) {
        *thrown = cli_thrown((struct cli_error){"java.nio.file.NoSuchFileException", command_config});
        return false;
    }
    props_put(&props, cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    if (client_id != NULL) props_put(&props, cli, SLICE("client.id"), slice_str(client_id));
    if (cli->api_timeout_ms == 0) cli->api_timeout_ms = number(&props, "default.api.timeout.ms", 0);
    struct cli_error error;
    if (cli_admin(cli, &props, out, &error)) return true;
    *thrown = cli_thrown(error);
    cli_wrap(thrown, "org.apache.kafka.common.KafkaException", "Failed to create new KafkaAdminClient");
    return false;
}

// ---- calls -----------------------------------------------------------------------------------------------------

struct pause {
    struct env_timer timer;
    struct client *client; // NULL, or waits until it knows node_id
    int node_id;
    bool is_over;
};

static void pause_over(struct env *env, struct env_timer *timer)
{
    (void)env;
    CONTAINER_OF(timer, struct pause, timer)->is_over = true;
}

static bool pause_is_over(void *context)
{
    const struct pause *pause = context;
    struct slice host;
    int port;
    return pause->is_over || (pause->client != NULL && client_address(pause->client, pause->node_id, &host, &port));
}

static bool wait_for(struct cli *cli, struct pause *pause, int64_t ms)
{
    pause->timer.fire = pause_over;
    env_timer_after_ms(cli->host->env, &pause->timer, ms);
    bool done = cli->host->run_until(cli->host->env, pause_is_over, pause);
    env_timer_cancel(cli->host->env, &pause->timer);
    return done;
}

bool cli_pause(struct cli *cli, int64_t ms)
{
    struct pause pause = {0};
    return wait_for(cli, &pause, ms);
}

// A named node is not tried again by the client: neither one that metadata has not named yet nor a lost connection.
static enum err call_node(struct cli *cli, struct client *client, struct client_call *call)
{
    int64_t deadline_ms = env_now_ms(cli->host->env) + call->timeout_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - env_now_ms(cli->host->env);
        if (left_ms <= 0) return ERR_REQUEST_TIMED_OUT;
        struct pause pause = {.client = client, .node_id = call->node_id};
        if (!pause_is_over(&pause)) {
            client_refresh(client);
            if (!wait_for(cli, &pause, left_ms)) return ERR_CLOSED;
            if (pause.is_over) return ERR_REQUEST_TIMED_OUT;
        }
        call->timeout_ms = (int32_t)(deadline_ms - env_now_ms(cli->host->env) + 1);
        enum err e = client_call_wait(client, cli->host->run_until, call);
        if (e != ERR_NETWORK_EXCEPTION && e != ERR_BROKER_NOT_AVAILABLE) return e;
        client_call_deinit(call);
        client_refresh(client);
        if (!cli_pause(cli, 100)) return ERR_CLOSED;
    }
}

bool cli_call(struct cli *cli, struct client *client, struct client_call *call, const char *name,
              struct cli_error *error)
{
    call->timeout_ms = cli->api_timeout_ms != 0 ? cli->api_timeout_ms : 60000; // default.api.timeout.ms
    enum err e =
        call->node_id >= 0 ? call_node(cli, client, call) : client_call_wait(client, cli->host->run_until, call);
    if (e == OK) return true;
    call->err = e;
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
