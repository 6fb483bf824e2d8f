// SPDX-License-Identifier: Apache-2.0
// kafka-verifiable-consumer.sh (kafka-cli 6): a member of a group that says what happens to it, one JSON object per
// line. Apache's ducktape suite drives it.
#include "cli/consumer_settings.h"
#include "cli/java_text.h"
#include "cli/options_verifiable_consumer.h"

#include <strings.h>

enum { CLOSE_MS = 30000 };

static const char logger[] = "org.apache.kafka.tools.VerifiableConsumer";

// What one poll gave of a partition; only what the limit lets through.
struct summary {
    struct slice topic;
    int32_t partition;
    int64_t count, first, last;
};

struct verifying {
    struct cli *cli;
    struct argparse args;
    struct props props;
    struct consumer_settings settings;
    struct consuming_client reader;
    struct slice topic;
    int64_t values_max; // -1 = no limit
    int64_t consumed;
    bool has_failed, is_committed;
    struct summary *summaries;
    size_t summary_count, summary_capacity;
    struct text lines; // record_data of each summary's records
};

// ---- events ----------------------------------------------------------------------------------------------------

static void begin_event(struct text *out, struct cli *cli, const char *name)
{
    text_printf(out, "{\"timestamp\":%lld,\"name\":\"%s\"", (long long)env_wall_ms(cli->host->env), name);
}

static void event(struct cli *cli, const char *name)
{
    begin_event(&cli->out, cli, name);
    cli_out(cli, "}\n");
    cli_flush(cli);
}

static void partitions_event(struct verifying *v, const char *name, const struct assignor_partitions *partitions)
{
    struct cli *cli = v->cli;
    begin_event(&cli->out, cli, name);
    cli_out(cli, ",\"partitions\":[");
    for (size_t i = 0; i < partitions->count; i++) {
        cli_out(cli, "%s{\"topic\":", i > 0 ? "," : "");
        json_string(&cli->out, partitions->items[i].topic);
        cli_out(cli, ",\"partition\":%d}", partitions->items[i].index);
    }
    cli_out(cli, "]}\n");
    cli_flush(cli);
}

static void on_assigned(struct client_group *group, const struct assignor_partitions *partitions)
{
    partitions_event(client_group_context(group), "partitions_assigned", partitions);
}

static void on_revoked(struct client_group *group, const struct assignor_partitions *partitions)
{
    partitions_event(client_group_context(group), "partitions_revoked", partitions);
}

static void on_failed(struct client_group *group)
{
    ((struct verifying *)client_group_context(group))->has_failed = true;
}

// ---- a poll's records ------------------------------------------------------------------------------------------

static struct summary *summary_of(struct verifying *v, struct slice topic, int32_t partition)
{
    for (size_t i = 0; i < v->summary_count; i++) {
        struct summary *s = &v->summaries[i];
        if (s->partition == partition && slice_eq(s->topic, topic)) return s;
    }
    if (v->summary_count == v->summary_capacity) {
        v->summary_capacity = v->summary_capacity == 0 ? 8 : v->summary_capacity * 2;
        v->summaries = mem_realloc(v->summaries, v->summary_capacity * sizeof(*v->summaries));
    }
    struct summary *made = &v->summaries[v->summary_count++];
    *made = (struct summary){.topic = arena_copy(&v->cli->arena, topic), .partition = partition};
    return made;
}

static void add_record(struct verifying *v, const struct consumer_record *record)
{
    if (v->values_max >= 0 && v->consumed >= v->values_max) return;
    struct summary *s = summary_of(v, record->topic, record->partition);
    if (s->count++ == 0) s->first = record->record.offset;
    s->last = record->record.offset;
    v->consumed++;
    if (v->args.given[VC_VERBOSE] == 0) return;
    begin_event(&v->lines, v->cli, "record_data");
    text_add_str(&v->lines, ",\"key\":");
    json_string(&v->lines, record->record.key);
    text_add_str(&v->lines, ",\"value\":");
    json_string(&v->lines, record->record.value);
    text_add_str(&v->lines, ",\"topic\":");
    json_string(&v->lines, record->topic);
    text_printf(&v->lines, ",\"partition\":%d,\"offset\":%lld}\n", record->partition, (long long)record->record.offset);
}

static void report_poll(struct verifying *v, int64_t count)
{
    struct cli *cli = v->cli;
    cli_out_bytes(cli, text_slice(&v->lines));
    begin_event(&cli->out, cli, "records_consumed");
    cli_out(cli, ",\"count\":%lld,\"partitions\":[", (long long)count);
    for (size_t i = 0; i < v->summary_count; i++) {
        const struct summary *s = &v->summaries[i];
        cli_out(cli, "%s{\"topic\":", i > 0 ? "," : "");
        json_string(&cli->out, s->topic);
        cli_out(cli, ",\"partition\":%d,\"count\":%lld,\"minOffset\":%lld,\"maxOffset\":%lld}", s->partition,
                (long long)s->count, (long long)s->first, (long long)s->last);
    }
    cli_out(cli, "]}\n");
    cli_flush(cli);
}

// ---- commits ---------------------------------------------------------------------------------------------------

static const char *commit_error(struct cli *cli, enum err e)
{
    if (e == ERR_ILLEGAL_GENERATION || e == ERR_UNKNOWN_MEMBER_ID) {
        return "Offset commit cannot be completed since the consumer is not part of an active group for auto partition "
               "assignment; it is likely that the consumer was kicked out of the group.";
    }
    if (e == ERR_REBALANCE_IN_PROGRESS) {
        return "Offset commit cannot be completed since the consumer is undergoing a rebalance for auto partition "
               "assignment. You can try completing the rebalance by calling poll() and then retry the operation.";
    }
    return cli_error_of(cli, e, SLICE_NULL).text;
}

static void on_committed(struct client_group *group, enum err e, const struct client_group_offsets *offsets,
                         void *context)
{
    struct verifying *v = context;
    struct cli *cli = v->cli;
    (void)group;
    v->is_committed = true;
    if (e == ERR_CLOSED || e == ERR_FENCED_INSTANCE_ID) return;
    begin_event(&cli->out, cli, "offsets_committed");
    cli_out(cli, ",\"offsets\":[");
    for (size_t i = 0; i < offsets->count; i++) {
        const struct client_group_offset *offset = &offsets->items[i];
        cli_out(cli, "%s{\"topic\":", i > 0 ? "," : "");
        json_string(&cli->out, offset->topic);
        cli_out(cli, ",\"partition\":%d,\"offset\":%lld}", offset->partition, (long long)offset->offset);
    }
    cli_out(cli, "]");
    if (e != OK) {
        cli_out(cli, ",\"error\":");
        json_string(&cli->out, slice_str(commit_error(cli, e)));
    }
    cli_out(cli, ",\"success\":%s}\n", e == OK ? "true" : "false");
    cli_flush(cli);
}

static bool is_committed(void *context)
{
    return ((struct verifying *)context)->is_committed;
}

static void commit(struct verifying *v)
{
    struct client_group_offset *items = mem_zalloc(v->summary_count + 1, sizeof(*items));
    struct client_group_offsets offsets = {items, v->summary_count};
    for (size_t i = 0; i < v->summary_count; i++) {
        const struct summary *s = &v->summaries[i];
        items[i] = (struct client_group_offset){
            .topic = s->topic, .partition = s->partition, .leader_epoch = -1, .offset = s->last + 1};
    }
    v->is_committed = false;
    client_group_commit(v->reader.group, &offsets, on_committed, v);
    mem_free(items);
    (void)v->cli->host->run_until(v->cli->host->env, is_committed, v);
}

// ---- the loop --------------------------------------------------------------------------------------------------

static bool may_go_on(void *context)
{
    struct verifying *v = context;
    return v->has_failed || v->cli->stop_signal != 0 || consumer_is_ready(v->reader.consumer);
}

static bool has_trouble(struct verifying *v)
{
    struct cli *cli = v->cli;
    struct client_group_failure failure;
    struct consumer_failure reading;
    struct cli_error error;
    if (client_group_failed(v->reader.group, &failure))
        error = group_error(cli, &v->settings, &failure);
    else if (consumer_failed(v->reader.consumer, &reading))
        error = reading_error(cli, v->reader.client, &reading);
    else
        return false;
    cli_flush(cli);
    log_error(cli->host->log, logger, "Error during processing, terminating consumer process: ");
    (void)cli_stack(cli, error.class_name, error.text);
    return true;
}

static void consume(struct verifying *v)
{
    struct cli *cli = v->cli;
    while (v->values_max < 0 || v->consumed < v->values_max) {
        struct consumer_record record;
        int64_t count = 0;
        if (!cli->host->run_until(cli->host->env, may_go_on, v) || cli->stop_signal != 0 || cli->out_is_closed) return;
        v->summary_count = 0;
        text_clear(&v->lines);
        for (; count < v->settings.max_poll_records && consumer_next(v->reader.consumer, &record); count++) {
            add_record(v, &record);
        }
        if (count > 0) {
            report_poll(v, count);
            if (v->args.given[VC_ENABLE_AUTOCOMMIT] == 0) commit(v);
        }
        if (has_trouble(v)) return;
    }
}

static int run(struct verifying *v)
{
    struct cli *cli = v->cli;
    struct cli_thrown thrown;
    bool is_open = consumer_settings_read(&v->settings, cli, &v->props, &thrown);
    struct client_group_config *config = &v->settings.group;
    config->assigned = on_assigned;
    config->revoked = on_revoked;
    config->lost = on_revoked; // ConsumerRebalanceListener's default
    config->failed = on_failed;
    config->context = v;
    if (!is_open || !consuming_client_open(&v->reader, cli, &v->settings, true, &thrown)) {
        cli_err(cli, "Exception in thread \"main\" ");
        cli_print_thrown(cli, &thrown);
        return 1;
    }
    cli_catch_stop(cli);
    event(cli, "startup_complete");
    client_group_subscribe(v->reader.group, &v->topic, 1);
    consume(v);
    bool is_stopped = cli->stop_signal != 0;
    if (is_stopped) event(cli, "shutdown_requested");
    consuming_client_close(&v->reader, cli, CLOSE_MS);
    event(cli, "shutdown_complete");
    if (!is_stopped) event(cli, "shutdown_requested");
    mem_free(v->summaries);
    text_deinit(&v->lines);
    return cli->stop_signal != 0 ? 128 + cli->stop_signal : 0;
}

// ---- options ---------------------------------------------------------------------------------------------------

static bool load_config(struct verifying *v)
{
    struct cli *cli = v->cli;
    const char *old = argparse_value(&v->args, VC_CONSUMER_CONFIG);
    const char *file = argparse_value(&v->args, VC_COMMAND_CONFIG);
    if (old != NULL && file != NULL) {
        (void)argparse_error(&v->args, "Options --consumer.config and --command-config are mutually exclusive.");
        return false;
    }
    if (old != NULL) {
        cli_out(cli, "Option --consumer.config has been deprecated and will be removed in a future version. Use "
                     "--command-config instead.\n");
        file = old;
    }
    if (file == NULL || props_load(&v->props, cli, file) == OK) return true;
    (void)argparse_error(&v->args, file);
    return false;
}

static void put(struct verifying *v, const char *key, int option, const char *fallback)
{
    const char *value = argparse_value(&v->args, option);
    if (value == NULL) value = fallback;
    if (value != NULL) props_put(&v->props, v->cli, slice_str(key), slice_str(value));
}

// False: an exception has been printed.
static bool put_protocol(struct verifying *v)
{
    const char *protocol = argparse_value(&v->args, VC_GROUP_PROTOCOL);
    if (protocol == NULL || strcasecmp(protocol, "classic") == 0) {
        put(v, "partition.assignment.strategy", VC_ASSIGNMENT_STRATEGY,
            "org.apache.kafka.clients.consumer.RangeAssignor");
        put(v, "session.timeout.ms", VC_SESSION_TIMEOUT, NULL);
        return true;
    }
    if (strcasecmp(protocol, "consumer") == 0) {
        cli_err(v->cli,
                "The consumer protocol (KIP-848) is not served by this build yet: leave --group-protocol out or "
                "set it to classic.\n");
        return false;
    }
    char *upper = arena_str(&v->cli->arena, slice_str(protocol));
    for (char *c = upper; *c != '\0'; c++) {
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
    }
    cli_err(v->cli,
            "Exception in thread \"main\" java.lang.IllegalArgumentException: No enum constant "
            "org.apache.kafka.clients.consumer.GroupProtocol.%s\n",
            upper);
    return false;
}

int tool_verifiable_consumer(struct cli *cli, int argc, char **argv)
{
    struct verifying *v = ARENA_NEW(&cli->arena, struct verifying);
    v->cli = cli;
    v->args = (struct argparse){.cli = cli,
                                .program = "verifiable-consumer",
                                .help = verifiable_consumer_help,
                                .options = verifiable_consumer_options,
                                .option_count = VC_OPTIONS};
    int code;
    if (argc == 1) {
        cli_out(cli, "%s", verifiable_consumer_help);
        return 0;
    }
    if (!argparse_parse(&v->args, argc, argv, &code)) return 1; // asked for, the help ends with 1, too
    if (!load_config(v) || !put_protocol(v)) return 1;
    v->topic = slice_str(argparse_value(&v->args, VC_TOPIC));
    v->values_max = argparse_number(&v->args, VC_MAX_MESSAGES, -1);
    put(v, "group.id", VC_GROUP_ID, NULL);
    put(v, "group.instance.id", VC_GROUP_INSTANCE_ID, NULL);
    put(v, "bootstrap.servers", VC_BOOTSTRAP_SERVER, NULL);
    put(v, "auto.offset.reset", VC_RESET_POLICY, "earliest");
    bool commits = v->args.given[VC_ENABLE_AUTOCOMMIT] > 0;
    props_put(&v->props, cli, SLICE("enable.auto.commit"), commits ? SLICE("true") : SLICE("false"));
    return run(v);
}
