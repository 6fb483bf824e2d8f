// SPDX-License-Identifier: Apache-2.0
// kafka-verifiable-producer.sh (kafka-cli 6): counts up, one JSON object per line for what became of each value.
// Apache's ducktape suite drives it.
#include "cli/java_text.h"
#include "cli/options_verifiable_producer.h"
#include "cli/producer_settings.h"

enum { TURN_EVERY = 256 }; // values sent before what has arrived is looked at

struct verifying {
    struct cli *cli;
    struct argparse args;
    struct props props;
    struct producer_settings settings;
    struct producing_client sender;
    struct slice topic;
    int64_t values_max;  // -1 = no limit
    int64_t throughput;  // per second, negative = no limit
    int64_t create_time; // -1 = now
    int64_t start_ms, start_ns;
    int64_t sent, acked;
    int32_t repeating_keys; // 0 = none
};

// A value under way: what the answer has to name.
struct sent_value {
    struct slice key, value;
    char bytes[];
};

// ---- events ----------------------------------------------------------------------------------------------------

static void begin_event(struct cli *cli, const char *name)
{
    cli_out(cli, "{\"timestamp\":%lld,\"name\":\"%s\"", (long long)env_wall_ms(cli->host->env), name);
}

static void add_string(struct cli *cli, const char *key, struct slice value)
{
    cli_out(cli, ",\"%s\":", key);
    json_string(&cli->out, value);
}

static void send_failed(struct verifying *v, const struct sent_value *sent, struct cli_error error)
{
    struct cli *cli = v->cli;
    begin_event(cli, "producer_send_error");
    add_string(cli, "topic", v->topic);
    add_string(cli, "key", sent->key);
    add_string(cli, "value", sent->value);
    add_string(cli, "exception", slice_str(arena_printf(&cli->arena, "class %s", error.class_name)));
    add_string(cli, "message", slice_str(error.text));
    cli_out(cli, "}\n");
}

static void delivered(struct producer *producer, const struct producer_delivery *d)
{
    struct verifying *v = producer_context(producer);
    struct cli *cli = v->cli;
    struct sent_value *sent = d->context;
    if (d->err == OK) {
        v->acked++;
        begin_event(cli, "producer_send_success");
        add_string(cli, "key", sent->key);
        add_string(cli, "value", sent->value);
        cli_out(cli, ",\"offset\":%lld", (long long)d->offset);
        add_string(cli, "topic", d->topic);
        cli_out(cli, ",\"partition\":%d}\n", d->partition);
    } else {
        send_failed(v, sent, cli_error_of(cli, d->err, d->err_text));
    }
    mem_free(sent);
}

// ---- sending ---------------------------------------------------------------------------------------------------

static struct sent_value *make_value(struct verifying *v, int64_t number)
{
    const char *prefix = argparse_value(&v->args, VP_VALUE_PREFIX);
    struct arena arena = {0};
    const char *value = arena_printf(&arena, "%lld", (long long)number), *key = NULL;
    if (prefix != NULL) {
        value = arena_printf(&arena, "%lld.%s", (long long)argparse_number(&v->args, VP_VALUE_PREFIX, 0), value);
    }
    if (v->repeating_keys > 0) key = arena_printf(&arena, "%lld", (long long)(number % v->repeating_keys));
    size_t value_size = strlen(value), key_size = key == NULL ? 0 : strlen(key);
    struct sent_value *sent = mem_zalloc(1, sizeof(*sent) + value_size + key_size);
    memcpy(sent->bytes, value, value_size);
    sent->value = slice_of(sent->bytes, value_size);
    if (key != NULL) {
        memcpy(sent->bytes + value_size, key, key_size);
        sent->key = slice_of(sent->bytes + value_size, key_size);
    }
    arena_deinit(&arena);
    return sent;
}

static void send_value(struct verifying *v, int64_t number)
{
    struct sent_value *sent = make_value(v, number);
    struct producer_record record = {
        .topic = v->topic,
        .partition = -1,
        .timestamp = -1,
        .key = sent->key,
        .value = sent->value,
        .context = sent,
    };
    if (v->create_time >= 0) {
        record.timestamp = v->create_time;
        v->create_time += env_wall_ms(v->cli->host->env) - v->start_ms;
    }
    v->sent++;
    enum err e = producing_client_send(&v->sender, &record);
    if (e == OK) return;
    if (v->cli->stop_signal == 0) send_failed(v, sent, producing_client_error(&v->sender, &record, e));
    mem_free(sent);
}

static void send_all(struct verifying *v)
{
    struct cli *cli = v->cli;
    struct env *env = cli->host->env;
    for (int64_t i = 0; v->values_max < 0 || i < v->values_max; i++) {
        if (cli->stop_signal != 0 || cli->out_is_closed) return;
        send_value(v, i);
        if (v->throughput == 0) { // as Java's throttle: sleeps until it is told to stop
            while (cli->stop_signal == 0) producing_client_run(&v->sender, env_now_ns(env) + INT64_C(1000000000));
        } else if (v->throughput > 0) {
            int64_t due_ns = v->start_ns + (i + 1) * (INT64_C(1000000000) / v->throughput);
            if (due_ns > env_now_ns(env)) {
                producing_client_run(&v->sender, due_ns);
                cli_flush(cli);
            }
        } else if ((i + 1) % TURN_EVERY == 0) {
            producing_client_run(&v->sender, env_now_ns(env));
            cli_flush(cli);
        }
    }
}

static int produce(struct verifying *v)
{
    struct cli *cli = v->cli;
    struct cli_error error;
    struct cli_thrown thrown;
    if (!producer_settings_read(&v->settings, cli, &v->props, &error)) {
        cli_err(cli, "Exception in thread \"main\" %s: %s\n", error.class_name, error.text);
        return 1;
    }
    v->settings.producer.delivered = delivered;
    v->settings.producer.context = v;
    if (!producing_client_open(&v->sender, cli, &v->settings, &thrown)) {
        cli_err(cli, "Exception in thread \"main\" ");
        cli_print_thrown(cli, &thrown);
        return 1;
    }
    cli_catch_stop(cli);
    v->start_ms = env_wall_ms(cli->host->env);
    v->start_ns = env_now_ns(cli->host->env);
    begin_event(cli, "startup_complete");
    cli_out(cli, "}\n");
    cli_flush(cli);
    send_all(v);
    producing_client_close(&v->sender);
    begin_event(cli, "shutdown_complete");
    cli_out(cli, "}\n");
    double seconds = (double)(env_now_ns(cli->host->env) - v->start_ns) / 1e9;
    begin_event(cli, "tool_data");
    cli_out(cli, ",\"sent\":%lld,\"acked\":%lld,\"target_throughput\":%lld,\"avg_throughput\":", (long long)v->sent,
            (long long)v->acked, (long long)v->throughput);
    java_double(&cli->out, seconds > 0 ? (double)v->acked / seconds : 0);
    cli_out(cli, "}\n");
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : 0;
}

// ---- options ---------------------------------------------------------------------------------------------------

static bool load_config(struct verifying *v)
{
    struct cli *cli = v->cli;
    const char *old = argparse_value(&v->args, VP_PRODUCER_CONFIG);
    const char *file = argparse_value(&v->args, VP_COMMAND_CONFIG);
    if (old != NULL && file != NULL) {
        (void)argparse_error(&v->args, "Options --producer.config and --command-config are mutually exclusive.");
        return false;
    }
    if (old != NULL) {
        cli_out(cli, "Option --producer.config has been deprecated and will be removed in a future version. Use "
                     "--command-config instead.\n");
        file = old;
    }
    if (file == NULL || props_load(&v->props, cli, file) == OK) return true;
    (void)argparse_error(&v->args, file);
    return false;
}

static bool check_acks(struct verifying *v)
{
    int64_t acks = argparse_number(&v->args, VP_ACKS, -1);
    if (acks >= -1 && acks <= 1) return true;
    (void)argparse_error(&v->args,
                         arena_printf(&v->cli->arena, "argument --acks: invalid choice: '%lld' (choose from {0,1,-1})",
                                      (long long)acks));
    return false;
}

int tool_verifiable_producer(struct cli *cli, int argc, char **argv)
{
    struct verifying *v = ARENA_NEW(&cli->arena, struct verifying);
    v->cli = cli;
    v->args = (struct argparse){.cli = cli,
                                .program = "verifiable-producer",
                                .help = verifiable_producer_help,
                                .options = verifiable_producer_options,
                                .option_count = VP_OPTIONS};
    int code;
    if (argc == 1) {
        cli_out(cli, "%s", verifiable_producer_help);
        return 0;
    }
    if (!argparse_parse(&v->args, argc, argv, &code)) return 1; // asked for, the help ends with 1, too
    if (!check_acks(v) || !load_config(v)) return 1;
    v->topic = slice_str(argparse_value(&v->args, VP_TOPIC));
    v->values_max = argparse_number(&v->args, VP_MAX_MESSAGES, -1);
    v->throughput = argparse_number(&v->args, VP_THROUGHPUT, -1);
    v->create_time = argparse_number(&v->args, VP_MESSAGE_CREATE_TIME, -1);
    v->repeating_keys = (int32_t)argparse_number(&v->args, VP_REPEATING_KEYS, 0);
    const char *acks = arena_printf(&cli->arena, "%lld", (long long)argparse_number(&v->args, VP_ACKS, -1));
    props_put(&v->props, cli, SLICE("bootstrap.servers"), slice_str(argparse_value(&v->args, VP_BOOTSTRAP_SERVER)));
    props_put(&v->props, cli, SLICE("acks"), slice_str(acks));
    props_put(&v->props, cli, SLICE("retries"), SLICE("0")); // what failed shall be seen
    return produce(v);
}
