// SPDX-License-Identifier: Apache-2.0
// kafka-leader-election.sh (kafka-cli 9): has partitions led by their preferred replica, or by any that lives.
#include "cli/admin_topics.h"
#include "cli/json_words.h"
#include "cli/options_election.h"
#include "cli/usage.h"
#include "proto/apis.h"
#include "proto/elect_leaders.h"

#include <strings.h>

enum { TIMEOUT_MS = 30000, PREFERRED = 0, UNCLEAN = 1 };

static const char about[] = "This tool attempts to elect a new leader for a set of topic partitions. The type of "
                            "elections supported are preferred replicas and unclean replicas.";
static const char command_failed[] = "org.apache.kafka.tools.AdminCommandFailedException";
static const char operation[] = "org.apache.kafka.tools.AdminOperationException";
static const char runtime_exception[] = "java.lang.RuntimeException";

struct outcome {
    struct topic_partition key;
    struct cli_error error; // class_name NULL: elected
    bool not_needed;
};

struct election {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    int type;
    bool takes_all;
    struct topic_partition *partitions;
    int32_t count;
    struct outcome *outcomes;
    int32_t outcome_count;
    struct cli_thrown thrown;
};

static bool has(const struct election *run, int option)
{
    return jopt_has(&run->options, option);
}

static bool fail(struct election *run, const char *class_name, const char *text)
{
    run->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

static bool fail_option(struct election *run)
{
    return fail(run, run->options.problem_class, run->options.problem);
}

// ---- what is to be elected -------------------------------------------------------------------------------------

static bool check_options(struct election *run)
{
    bool no_server = !has(run, ELECTION_BOOTSTRAP_SERVER), no_type = !has(run, ELECTION_ELECTION_TYPE);
    if (no_server || no_type) {
        return fail(run, command_failed,
                    arena_printf(&run->cli->arena, "Missing required option(s): %s%s%s",
                                 no_server ? "bootstrap-server" : "", no_server && no_type ? ", " : "",
                                 no_type ? "election-type" : ""));
    }
    int count =
        has(run, ELECTION_TOPIC) + has(run, ELECTION_ALL_TOPIC_PARTITIONS) + has(run, ELECTION_PATH_TO_JSON_FILE);
    if (count != 1) {
        return fail(run, command_failed,
                    "One and only one of the following options is required: topic, all-topic-partitions, "
                    "path-to-json-file");
    }
    if (has(run, ELECTION_TOPIC) && !has(run, ELECTION_PARTITION)) {
        return fail(run, command_failed, "Missing required option(s): partition");
    }
    if (!has(run, ELECTION_TOPIC) && has(run, ELECTION_PARTITION)) {
        return fail(run, command_failed, "Option partition is only allowed if topic is used");
    }
    return true;
}

static bool parse_type(struct election *run)
{
    const char *text;
    if (!jopt_value(&run->options, ELECTION_ELECTION_TYPE, &text)) return fail_option(run);
    run->type = strcasecmp(text, "preferred") == 0 ? PREFERRED : UNCLEAN;
    if (run->type == PREFERRED || strcasecmp(text, "unclean") == 0) return true;
    return fail(run, "joptsimple.OptionArgumentConversionException",
                arena_printf(&run->cli->arena, "Cannot parse argument '%s' of option election-type", text));
}

static bool take_list(struct election *run, struct json_words *words, const json_t *list)
{
    if (!json_words_array(words, list)) return false;
    run->partitions = ARENA_ARRAY(&run->cli->arena, struct topic_partition, json_array_size(list) + 1);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *item = json_array_get(list, i), *topic, *partition;
        struct topic_partition *next = &run->partitions[run->count++];
        if (!json_words_object(words, item) || !json_words_field(words, item, "topic", &topic) ||
            !json_words_string(words, topic, &next->topic) || !json_words_field(words, item, "partition", &partition) ||
            !json_words_int(words, partition, &next->partition)) {
            return false;
        }
    }
    return true;
}

static bool check_doubles(struct election *run)
{
    struct text doubles = {0};
    topic_partition_order(run->partitions, (size_t)run->count, sizeof(*run->partitions));
    for (int32_t i = 0; i < run->count; i++) {
        int earlier = 0;
        for (int32_t k = 0; k < i; k++) earlier += topic_partition_eq(&run->partitions[i], &run->partitions[k]);
        if (earlier != 1) continue;
        text_printf(&doubles, "%s%.*s-%d", doubles.size > 0 ? ", " : "", SLICE_FMT(run->partitions[i].topic),
                    run->partitions[i].partition);
    }
    bool ok = doubles.size == 0;
    if (!ok) {
        (void)fail(run, operation,
                   arena_printf(&run->cli->arena, "Replica election data contains duplicate partitions: [%s]",
                                text_cstr(&doubles)));
    }
    text_deinit(&doubles);
    return ok;
}

static bool read_partitions(struct election *run, const char *path)
{
    struct json_words words = {.cli = run->cli};
    struct slice content;
    bool ok = json_words_read(&words, path, &content);
    if (!ok) {
        run->thrown = words.thrown;
        cli_wrap(&run->thrown, runtime_exception, NULL);
        return false;
    }
    json_t *root = json_words_parse(&words, content);
    if (root == NULL) return fail(run, operation, "Replica election data is empty");
    const json_t *list = NULL;
    ok = json_words_object(&words, root);
    if (ok) list = json_object_get(root, "partitions");
    if (ok && list == NULL) {
        json_decref(root);
        return fail(run, operation, "Replica election data is missing \"partitions\" field");
    }
    ok = ok && take_list(run, &words, list);
    json_decref(root);
    if (ok) return check_doubles(run);
    run->thrown = words.thrown;
    cli_wrap(&run->thrown, runtime_exception, NULL);
    return false;
}

static bool choose_partitions(struct election *run)
{
    const char *path, *topic;
    int64_t partition = 0;
    if (!jopt_value(&run->options, ELECTION_PATH_TO_JSON_FILE, &path) ||
        !jopt_value(&run->options, ELECTION_TOPIC, &topic) ||
        !jopt_number(&run->options, ELECTION_PARTITION, &partition)) {
        return fail_option(run);
    }
    run->takes_all = path == NULL && topic == NULL;
    if (path != NULL) return read_partitions(run, path);
    run->partitions = ARENA_NEW(&run->cli->arena, struct topic_partition);
    if (run->takes_all) return true;
    *run->partitions = (struct topic_partition){.topic = slice_str(topic), .partition = (int32_t)partition};
    run->count = 1;
    return true;
}

// ---- the election ----------------------------------------------------------------------------------------------

static void fill_request(struct election *run, struct elect_leaders_request *request)
{
    struct arena *arena = &run->cli->arena;
    request->election_type = (int8_t)run->type;
    request->timeout_ms = TIMEOUT_MS;
    request->topic_partitions.count = run->takes_all ? -1 : 0;
    request->topic_partitions.items = ARENA_ARRAY(arena, struct elect_leaders_request_topic_partitions, run->count + 1);
    for (int32_t i = 0; i < run->count; i++) {
        struct elect_leaders_request_topic_partitions *topic = request->topic_partitions.items;
        int32_t k = 0;
        while (k < request->topic_partitions.count && !slice_eq(topic[k].topic, run->partitions[i].topic)) k++;
        if (k == request->topic_partitions.count) {
            request->topic_partitions.count++;
            topic[k].topic = run->partitions[i].topic;
            topic[k].partitions.items = ARENA_ARRAY(arena, int32_t, run->count);
        }
        topic[k].partitions.items[topic[k].partitions.count++] = run->partitions[i].partition;
    }
}

static bool fail_call(struct election *run, struct cli_error error)
{
    const char *text = NULL;
    if (strstr(error.class_name, ".TimeoutException") != NULL) text = "Timeout waiting for election results";
    if (strstr(error.class_name, ".ClusterAuthorizationException") != NULL) {
        text = "Not authorized to perform leader election";
    }
    run->thrown = cli_thrown(error);
    if (text != NULL) {
        cli_out(run->cli, "%s\n", text);
        cli_wrap(&run->thrown, command_failed, text);
    } else {
        cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
        cli_wrap(&run->thrown, runtime_exception, NULL);
    }
    return false;
}

static void keep_outcomes(struct election *run, const struct elect_leaders_response *answer)
{
    int32_t count = 0;
    for (int32_t i = 0; i < answer->replica_election_results.count; i++) {
        count += answer->replica_election_results.items[i].partition_result.count;
    }
    run->outcomes = ARENA_ARRAY(&run->cli->arena, struct outcome, count + 1);
    for (int32_t i = 0; i < answer->replica_election_results.count; i++) {
        const struct elect_leaders_response_replica_election_result *topic = &answer->replica_election_results.items[i];
        for (int32_t k = 0; k < topic->partition_result.count; k++) {
            const struct elect_leaders_response_partition_result *result = &topic->partition_result.items[k];
            struct outcome *next = &run->outcomes[run->outcome_count++];
            next->key.topic = arena_copy(&run->cli->arena, topic->topic);
            next->key.partition = result->partition_id;
            next->not_needed = result->error_code == ERR_ELECTION_NOT_NEEDED;
            if (result->error_code == OK) continue;
            next->error = cli_error_of(run->cli, (enum err)result->error_code, result->error_message);
        }
    }
    topic_partition_order(run->outcomes, (size_t)run->outcome_count, sizeof(*run->outcomes));
}

static bool elect(struct election *run)
{
    struct elect_leaders_request request = elect_leaders_request_init();
    fill_request(run, &request);
    struct client_call call = {.api_key = API_ELECT_LEADERS, .node_id = CLIENT_CONTROLLER, .request = &request};
    call.version_min = run->type == UNCLEAN ? 1 : 0;
    struct cli_error error;
    if (!cli_call(run->cli, run->client, &call, "electLeaders", &error)) return fail_call(run, error);
    const struct elect_leaders_response *answer = call.response;
    bool ok = answer->error_code == OK;
    if (ok) keep_outcomes(run, answer);
    enum err e = (enum err)answer->error_code;
    client_call_deinit(&call);
    return ok || fail_call(run, cli_error_of(run->cli, e, SLICE_NULL));
}

// ---- what came of it -------------------------------------------------------------------------------------------

static const char *type_name(const struct election *run)
{
    return run->type == PREFERRED ? "PREFERRED" : "UNCLEAN";
}

static void print_group(struct election *run, const char *head, bool not_needed)
{
    int printed = 0;
    for (int32_t i = 0; i < run->outcome_count; i++) {
        const struct outcome *outcome = &run->outcomes[i];
        bool belongs = not_needed ? outcome->not_needed : outcome->error.class_name == NULL;
        if (!belongs) continue;
        cli_out(run->cli, "%s%.*s-%d", printed++ > 0 ? ", " : head, SLICE_FMT(outcome->key.topic),
                outcome->key.partition);
    }
    if (printed > 0) cli_out(run->cli, "\n");
}

// False: some could not be elected, which has been told.
static bool report(struct election *run)
{
    struct cli *cli = run->cli;
    print_group(
        run, arena_printf(&cli->arena, "Successfully completed leader election (%s) for partitions ", type_name(run)),
        false);
    print_group(run, "Valid replica already elected for partitions ", true);
    int failed = 0;
    struct text suppressed = {0};
    for (int32_t i = 0; i < run->outcome_count; i++) {
        const struct outcome *outcome = &run->outcomes[i];
        if (outcome->error.class_name == NULL || outcome->not_needed) continue;
        failed++;
        cli_out(cli, "Error completing leader election (%s) for partition: %.*s-%d: %s: %s\n", type_name(run),
                SLICE_FMT(outcome->key.topic), outcome->key.partition, outcome->error.class_name, outcome->error.text);
        text_printf(&suppressed, "\tSuppressed: %s: %s\n", outcome->error.class_name, outcome->error.text);
    }
    if (failed > 0) {
        cli_err(cli, "%d replica(s) could not be elected\n%s: %d replica(s) could not be elected\n%s\n", failed,
                command_failed, failed, text_cstr(&suppressed));
    }
    text_deinit(&suppressed);
    return failed == 0;
}

static bool connect(struct election *run)
{
    const char *config, *old_config, *bootstrap;
    if (!jopt_value(&run->options, ELECTION_COMMAND_CONFIG, &config) ||
        !jopt_value(&run->options, ELECTION_ADMIN_CONFIG, &old_config) ||
        !jopt_value(&run->options, ELECTION_BOOTSTRAP_SERVER, &bootstrap)) {
        return fail_option(run);
    }
    bool ok = cli_connect(run->cli, config != NULL ? config : old_config, bootstrap, &run->client, &run->thrown);
    if (ok && run->cli->api_timeout_ms == 0) run->cli->api_timeout_ms = TIMEOUT_MS;
    return ok;
}

int tool_leader_election(struct cli *cli, int argc, char **argv)
{
    struct election run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, election_options, ELECTION_OPTIONS, &cli->arena, argc, argv)) {
        return cli_trace(cli, options->problem, options->problem_class);
    }
    int code;
    static const int admin_config[] = {ELECTION_COMMAND_CONFIG, -1};
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    if (!usage_exclude(cli, options, ELECTION_ADMIN_CONFIG, admin_config)) return 1;
    if (has(&run, ELECTION_ADMIN_CONFIG)) {
        cli_out(cli, "Option --admin.config has been deprecated and will be removed in a future version. Use "
                     "--command-config instead.\n");
    }
    bool ok = check_options(&run) && parse_type(&run) && choose_partitions(&run) && connect(&run) && elect(&run);
    if (run.client != NULL) client_free(run.client);
    if (!ok) return cli_trace_thrown(cli, &run.thrown);
    return report(&run) ? 0 : 1;
}
