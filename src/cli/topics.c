// SPDX-License-Identifier: Apache-2.0
// kafka-topics.sh (kafka-cli 1): create, list, alter, delete; describe is next door.
#include "cli/topics_int.h"

#include "cli/options_topics.h"
#include "proto/apis.h"
#include "proto/create_partitions.h"
#include "proto/create_topics.h"
#include "proto/delete_topics.h"

#include <errno.h>
#include <stdlib.h>

static const char illegal_argument[] = "java.lang.IllegalArgumentException";

bool topics_fail(struct topics_run *run, const char *class_name, const char *text)
{
    run->error = (struct cli_error){.class_name = class_name, .text = text};
    return false;
}

bool topics_fail_option(struct topics_run *run)
{
    return topics_fail(run, run->options.problem_class, run->options.problem);
}

static bool has(const struct topics_run *run, int option)
{
    return jopt_has(&run->options, option);
}

// ---- which options go together ---------------------------------------------------------------------------------

static const int actions[] = {TOPICS_ALTER, TOPICS_CREATE, TOPICS_DELETE, TOPICS_DESCRIBE, TOPICS_LIST};

struct clash {
    int option;
    int others[6]; // -1 ends; clashes with each
};

static const struct clash clashes[] = {
    {TOPICS_CONFIG, {TOPICS_DESCRIBE, TOPICS_LIST, TOPICS_DELETE, -1}},
    {TOPICS_PARTITIONS, {TOPICS_DESCRIBE, TOPICS_LIST, TOPICS_DELETE, -1}},
    {TOPICS_REPLICATION_FACTOR, {TOPICS_ALTER, TOPICS_DESCRIBE, TOPICS_LIST, TOPICS_DELETE, -1}},
    {TOPICS_REPLICA_ASSIGNMENT, {TOPICS_DESCRIBE, TOPICS_LIST, TOPICS_DELETE, -1}},
    {TOPICS_UNDER_REPLICATED_PARTITIONS,
     {TOPICS_ALTER, TOPICS_CREATE, TOPICS_LIST, TOPICS_DELETE, TOPICS_TOPICS_WITH_OVERRIDES, -1}},
    {TOPICS_UNDER_MIN_ISR_PARTITIONS,
     {TOPICS_ALTER, TOPICS_CREATE, TOPICS_LIST, TOPICS_DELETE, TOPICS_TOPICS_WITH_OVERRIDES, -1}},
    {TOPICS_AT_MIN_ISR_PARTITIONS,
     {TOPICS_ALTER, TOPICS_CREATE, TOPICS_LIST, TOPICS_DELETE, TOPICS_TOPICS_WITH_OVERRIDES, -1}},
    {TOPICS_UNAVAILABLE_PARTITIONS,
     {TOPICS_ALTER, TOPICS_CREATE, TOPICS_LIST, TOPICS_DELETE, TOPICS_TOPICS_WITH_OVERRIDES, -1}},
    {TOPICS_TOPICS_WITH_OVERRIDES, {TOPICS_ALTER, TOPICS_CREATE, TOPICS_LIST, TOPICS_DELETE, -1}},
    {TOPICS_IF_EXISTS, {TOPICS_CREATE, TOPICS_LIST, -1}},
    {TOPICS_IF_NOT_EXISTS, {TOPICS_ALTER, TOPICS_DELETE, TOPICS_DESCRIBE, TOPICS_LIST, -1}},
    {TOPICS_EXCLUDE_INTERNAL, {TOPICS_ALTER, TOPICS_CREATE, TOPICS_DELETE, -1}},
};

static const char *clash_text(struct topics_run *run, int option, int other)
{
    return arena_printf(&run->cli->arena, "Option \"[%s]\" can't be used with option \"[%s]\"",
                        topics_options[option].name, topics_options[other].name);
}

// NULL: fine. Else the text in front of the help.
static const char *find_clash(struct topics_run *run)
{
    for (size_t i = 0; i < COUNT_OF(clashes); i++) {
        const struct clash *clash = &clashes[i];
        if (!has(run, clash->option)) continue;
        for (int j = 0; clash->others[j] >= 0; j++) {
            if (has(run, clash->others[j])) return clash_text(run, clash->option, clash->others[j]);
        }
    }
    if (has(run, TOPICS_CREATE) && has(run, TOPICS_REPLICA_ASSIGNMENT)) {
        if (has(run, TOPICS_PARTITIONS)) return clash_text(run, TOPICS_REPLICA_ASSIGNMENT, TOPICS_PARTITIONS);
        if (has(run, TOPICS_REPLICATION_FACTOR))
            return clash_text(run, TOPICS_REPLICA_ASSIGNMENT, TOPICS_REPLICATION_FACTOR);
    }
    return NULL;
}

static const char *find_missing(struct topics_run *run)
{
    if (has(run, TOPICS_DESCRIBE) && has(run, TOPICS_IF_EXISTS) && !has(run, TOPICS_TOPIC) &&
        !has(run, TOPICS_TOPIC_ID)) {
        return "--topic or --topic-id is required to describe a topic";
    }
    if (!has(run, TOPICS_LIST) && !has(run, TOPICS_DESCRIBE) && !has(run, TOPICS_TOPIC)) {
        return "Missing required argument \"[topic]\"";
    }
    if (!has(run, TOPICS_ALTER)) return NULL;
    if (has(run, TOPICS_CONFIG)) {
        return "Option combination \"[[bootstrap-server], [config]]\" can't be used with option \"[alter]\" (To alter "
               "topic configurations, the kafka-configs tool can be used.)";
    }
    return has(run, TOPICS_PARTITIONS) ? NULL : "Missing required argument \"[partitions]\"";
}

// True: go on. Else *code is the exit code.
static bool check_options(struct topics_run *run, int argc, int *code)
{
    struct cli *cli = run->cli;
    *code = 1;
    if (argc == 1) return cli_usage(cli, &run->options, "Create, delete, describe, or change a topic."), false;
    if (has(run, TOPICS_HELP)) {
        return cli_usage(cli, &run->options, "This tool helps to create, delete, describe, or change a topic."), false;
    }
    if (has(run, TOPICS_VERSION)) {
        cli_out(cli, "%s\n", KAFKA_VERSION);
        *code = 0;
        return false;
    }
    int count = 0;
    for (size_t i = 0; i < COUNT_OF(actions); i++) count += has(run, actions[i]);
    if (count != 1) {
        return cli_usage(cli, &run->options,
                         "Command must include exactly one action: --list, --describe, --create, "
                         "--alter or --delete"),
               false;
    }
    if (has(run, TOPICS_DELETE_CONFIG)) {
        cli_err(cli, "delete-config option is no longer supported and deprecated since version 4.0. The config will be "
                     "fully removed in future releases.\n");
    }
    if (!has(run, TOPICS_BOOTSTRAP_SERVER)) {
        return cli_trace(cli, "--bootstrap-server must be specified", illegal_argument), false;
    }
    const char *text = find_missing(run);
    if (text == NULL && has(run, TOPICS_DESCRIBE) && has(run, TOPICS_IF_EXISTS) && has(run, TOPICS_TOPIC) &&
        has(run, TOPICS_TOPIC_ID)) {
        cli_out(cli, "Only topic id will be used when both --topic and --topic-id are specified and topicId is not "
                     "Uuid.ZERO_UUID\n");
    }
    if (text == NULL) text = find_clash(run);
    if (text != NULL) return cli_usage(cli, &run->options, text), false;
    return true;
}

// ---- finding topics --------------------------------------------------------------------------------------------

bool topics_is_internal(struct slice name)
{
    return slice_eq_str(name, "__consumer_offsets") || slice_eq_str(name, "__transaction_state") ||
           slice_eq_str(name, "__share_group_state");
}

static int by_name(const void *a, const void *b)
{
    const struct listed_topic *x = a, *y = b;
    return slice_cmp(x->name, y->name);
}

bool topics_find(struct topics_run *run, const char *pattern, struct listed_topic **out, int *count)
{
    struct cli *cli = run->cli;
    struct metadata_request request = metadata_request_init();
    request.topics.count = -1; // all
    request.allow_auto_topic_creation = true;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    if (!cli_call(cli, run->client, &call, "listTopics", &run->error)) return false;
    const struct metadata_response *answer = call.response;
    struct regex *regex = NULL;
    if (pattern != NULL) {
        struct slice shown = include_list_pattern(cli, slice_str(pattern));
        struct text problem = {0};
        regex = regex_new(shown, &problem);
        text_deinit(&problem);
        if (regex == NULL) {
            client_call_deinit(&call);
            return topics_fail(run, "java.lang.RuntimeException",
                               arena_printf(&cli->arena, "%.*s is an invalid regex.", SLICE_FMT(shown)));
        }
    }
    struct listed_topic *topics = ARENA_ARRAY(&cli->arena, struct listed_topic, answer->topics.count + 1);
    *count = 0;
    for (int32_t i = 0; i < answer->topics.count; i++) {
        const struct metadata_response_metadata_response_topic *topic = &answer->topics.items[i];
        if (has(run, TOPICS_EXCLUDE_INTERNAL) && topics_is_internal(topic->name)) continue;
        if (regex != NULL && !regex_matches(regex, topic->name)) continue;
        topics[(*count)++] = (struct listed_topic){.name = arena_copy(&cli->arena, topic->name), .id = topic->topic_id};
    }
    regex_free(regex);
    client_call_deinit(&call);
    if (*count > 1) qsort(topics, (size_t)*count, sizeof(*topics), by_name);
    *out = topics;
    return true;
}

static bool find_required(struct topics_run *run, struct listed_topic **topics, int *count)
{
    const char *pattern;
    if (!jopt_value(&run->options, TOPICS_TOPIC, &pattern)) return topics_fail_option(run);
    if (!topics_find(run, pattern, topics, count)) return false;
    if (*count > 0 || pattern == NULL || *pattern == '\0' || has(run, TOPICS_IF_EXISTS)) return true;
    return topics_fail(run, illegal_argument,
                       arena_printf(&run->cli->arena, "Topic '%s' does not exist as expected", pattern));
}

static bool list_topics(struct topics_run *run)
{
    const char *pattern;
    if (!jopt_value(&run->options, TOPICS_TOPIC, &pattern)) return topics_fail_option(run);
    struct listed_topic *topics;
    int count;
    if (!topics_find(run, pattern, &topics, &count)) return false;
    for (int i = 0; i < count; i++) cli_out(run->cli, "%s%.*s", i > 0 ? "\n" : "", SLICE_FMT(topics[i].name));
    cli_out(run->cli, "\n");
    return true;
}

// ---- what create and alter share -------------------------------------------------------------------------------

struct assignment {
    int32_t *brokers;
    int32_t count;
};

struct new_topic {
    const char *name;
    int64_t partitions; // -1 = not given
    int64_t replication;
    struct assignment *assignments;
    int32_t assignment_count;
    struct props configs;
};

static struct slice trimmed(struct slice text)
{
    while (text.size > 0 && text.data[0] <= ' ') text = slice_of(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] <= ' ') text.size--;
    return text;
}

static bool parse_broker(struct topics_run *run, struct slice text, int32_t *out)
{
    char *word = arena_str(&run->cli->arena, trimmed(text));
    char *end;
    errno = 0;
    long value = strtol(word, &end, 10);
    if (*word == '\0' || *end != '\0' || errno != 0 || value > INT32_MAX || value < INT32_MIN) {
        return topics_fail(run, "java.lang.NumberFormatException",
                           arena_printf(&run->cli->arena, "For input string: \"%s\"", word));
    }
    *out = (int32_t)value;
    return true;
}

// "1:2": the replicas of one partition.
static bool parse_replicas(struct topics_run *run, struct slice text, struct assignment *out)
{
    struct arena *arena = &run->cli->arena;
    out->brokers = ARENA_ARRAY(arena, int32_t, text.size + 1);
    out->count = 0;
    struct text doubled = {0};
    bool ok = true;
    for (size_t at = 0; ok && at <= text.size;) {
        const uint8_t *colon = at < text.size ? memchr(text.data + at, ':', text.size - at) : NULL;
        size_t size = colon == NULL ? text.size - at : (size_t)(colon - text.data) - at;
        int32_t broker = 0;
        ok = parse_broker(run, slice_of(text.data + at, size), &broker);
        for (int32_t i = 0; ok && i < out->count; i++) {
            if (out->brokers[i] == broker) text_printf(&doubled, "%s%d", doubled.size > 0 ? "," : "", broker);
        }
        if (ok) out->brokers[out->count++] = broker;
        at += size + 1;
    }
    if (ok && doubled.size > 0) {
        ok = topics_fail(
            run, "org.apache.kafka.tools.AdminCommandFailedException",
            arena_printf(arena, "Partition replica lists may not contain duplicate entries: %s", text_cstr(&doubled)));
    }
    text_deinit(&doubled);
    return ok;
}

static bool uneven(struct topics_run *run, int32_t index, const struct assignment *assignment)
{
    struct text list = {0};
    for (int32_t i = 0; i < assignment->count; i++)
        text_printf(&list, "%s%d", i > 0 ? ", " : "", assignment->brokers[i]);
    (void)topics_fail(
        run, "org.apache.kafka.tools.AdminOperationException",
        arena_printf(&run->cli->arena, "Partition %d has different replication factor: [%s]", index, text_cstr(&list)));
    text_deinit(&list);
    return false;
}

static bool parse_assignment(struct topics_run *run, struct new_topic *topic)
{
    const char *text;
    if (!jopt_value(&run->options, TOPICS_REPLICA_ASSIGNMENT, &text)) return topics_fail_option(run);
    if (text == NULL || *text == '\0') return true;
    struct slice rest = slice_str(text);
    while (rest.size > 0 && rest.data[rest.size - 1] == ',') rest.size--; // Java's split drops empty ends
    topic->assignments = ARENA_ARRAY(&run->cli->arena, struct assignment, rest.size + 1);
    for (size_t at = 0; at < rest.size;) {
        const uint8_t *comma = memchr(rest.data + at, ',', rest.size - at);
        size_t size = comma == NULL ? rest.size - at : (size_t)(comma - rest.data) - at;
        struct assignment *next = &topic->assignments[topic->assignment_count];
        if (!parse_replicas(run, slice_of(rest.data + at, size), next)) return false;
        if (next->count != topic->assignments[0].count) return uneven(run, topic->assignment_count, next);
        topic->assignment_count++;
        at += size + 1;
    }
    return true;
}

static bool parse_configs(struct topics_run *run, struct new_topic *topic)
{
    struct cli *cli = run->cli;
    for (int i = 0; i < jopt_count(&run->options, TOPICS_CONFIG); i++) {
        struct slice word = slice_str(jopt_at(&run->options, TOPICS_CONFIG, i));
        const uint8_t *equals = memchr(word.data, '=', word.size);
        size_t size = equals == NULL ? word.size : (size_t)(equals - word.data);
        struct slice value = SLICE("");
        if (equals != NULL) value = trimmed(slice_of(equals + 1, word.size - size - 1));
        if (value.size == 0 || memchr(value.data, '=', value.size) != NULL) {
            return topics_fail(run, illegal_argument,
                               "requirement failed: Invalid topic config: all configs to be "
                               "added must be in the format \"key=val\".");
        }
        props_put(&topic->configs, cli, trimmed(slice_of(word.data, size)), value);
    }
    for (size_t i = 0; i < topic->configs.count; i++) {
        struct config_pair *pair = &topic->configs.items[i];
        const struct config_key *key = config_key_find(CONFIG_TOPIC, pair->name);
        if (key == NULL) {
            return topics_fail(run, "org.apache.kafka.common.errors.InvalidConfigurationException",
                               arena_printf(&cli->arena, "Unknown topic config name: %.*s", SLICE_FMT(pair->name)));
        }
        const char *why;
        if (config_key_check(key, pair->value, &cli->arena, &why) != OK) {
            return topics_fail(run, "org.apache.kafka.common.config.ConfigException", why);
        }
    }
    return true;
}

static bool parse_new_topic(struct topics_run *run, struct new_topic *topic)
{
    *topic = (struct new_topic){.partitions = -1, .replication = -1};
    if (!jopt_value(&run->options, TOPICS_TOPIC, &topic->name)) return topics_fail_option(run);
    int64_t number = INT64_MIN;
    if (!jopt_number(&run->options, TOPICS_PARTITIONS, &number)) return topics_fail_option(run);
    bool bad_partitions = number != INT64_MIN && number < 1;
    if (number != INT64_MIN) topic->partitions = number;
    number = INT64_MIN;
    if (!jopt_number(&run->options, TOPICS_REPLICATION_FACTOR, &number)) return topics_fail_option(run);
    bool bad_replication = number != INT64_MIN && (number < 1 || number > INT16_MAX);
    if (number != INT64_MIN) topic->replication = number;
    if (!parse_assignment(run, topic) || !parse_configs(run, topic)) return false;
    if (!has(run, TOPICS_CREATE)) return true;
    if (strchr(topic->name, '.') != NULL || strchr(topic->name, '_') != NULL) {
        cli_out(run->cli, "WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') "
                          "could collide. To avoid issues it is best to use either, but not both.\n");
    }
    if (bad_replication) {
        return topics_fail(run, illegal_argument, "The replication factor must be between 1 and 32767 inclusive");
    }
    if (bad_partitions) return topics_fail(run, illegal_argument, "The partitions must be greater than 0");
    return true;
}

// ---- create ----------------------------------------------------------------------------------------------------

static void fill_create(struct topics_run *run, const struct new_topic *topic, struct create_topics_request *request)
{
    struct arena *arena = &run->cli->arena;
    *request = create_topics_request_init();
    struct create_topics_request_creatable_topic *t = ARENA_NEW(arena, struct create_topics_request_creatable_topic);
    *t = create_topics_request_creatable_topic_init();
    t->name = slice_str(topic->name);
    t->num_partitions = topic->assignment_count > 0 ? -1 : (int32_t)topic->partitions;
    t->replication_factor = topic->assignment_count > 0 ? -1 : (int16_t)topic->replication;
    t->assignments.items =
        ARENA_ARRAY(arena, struct create_topics_request_creatable_replica_assignment, topic->assignment_count + 1);
    for (int32_t i = 0; i < topic->assignment_count; i++) {
        struct create_topics_request_creatable_replica_assignment *a = &t->assignments.items[t->assignments.count++];
        *a = create_topics_request_creatable_replica_assignment_init();
        a->partition_index = i;
        a->broker_ids.items = topic->assignments[i].brokers;
        a->broker_ids.count = topic->assignments[i].count;
    }
    t->configs.items =
        ARENA_ARRAY(arena, struct create_topics_request_creatable_topic_config, topic->configs.count + 1);
    for (size_t i = 0; i < topic->configs.count; i++) {
        struct create_topics_request_creatable_topic_config *c = &t->configs.items[t->configs.count++];
        *c = create_topics_request_creatable_topic_config_init();
        c->name = topic->configs.items[i].name;
        c->value = topic->configs.items[i].value;
    }
    request->topics.items = t;
    request->topics.count = 1;
    request->timeout_ms = 30000;
}

static bool create_topic(struct topics_run *run)
{
    struct new_topic topic;
    if (!parse_new_topic(run, &topic)) return false;
    if (*topic.name == '\0') {
        return topics_fail(run, "org.apache.kafka.common.errors.InvalidTopicException",
                           "The given topic name '' cannot be represented in a request.");
    }
    struct create_topics_request request;
    fill_create(run, &topic, &request);
    struct client_call call = {.api_key = API_CREATE_TOPICS, .node_id = CLIENT_CONTROLLER, .request = &request};
    // Below version 4 -1 partitions are an error, not "the default".
    if (topic.partitions < 0 || topic.replication < 0) call.version_min = 4;
    bool ok = cli_call(run->cli, run->client, &call, "createTopics", &run->error);
    if (ok) {
        const struct create_topics_response *answer = call.response;
        enum err e =
            answer->topics.count == 1 ? (enum err)answer->topics.items[0].error_code : ERR_UNKNOWN_SERVER_ERROR;
        if (e == OK) {
            cli_out(run->cli, "Created topic %s.\n", topic.name);
        } else if (e != ERR_TOPIC_ALREADY_EXISTS || !has(run, TOPICS_IF_NOT_EXISTS)) {
            run->error = cli_error_of(run->cli, e,
                                      answer->topics.count == 1 ? answer->topics.items[0].error_message : SLICE_NULL);
            ok = false;
        }
    }
    client_call_deinit(&call);
    return ok;
}

// ---- alter, delete ---------------------------------------------------------------------------------------------

// Partitions the topic has, for an assignment that names old and new ones.
static bool count_partitions(struct topics_run *run, struct slice name, int32_t *count)
{
    struct metadata_request_metadata_request_topic one = metadata_request_metadata_request_topic_init();
    one.name = name;
    struct metadata_request request = metadata_request_init();
    request.topics.items = &one;
    request.topics.count = 1;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    bool ok = cli_call(run->cli, run->client, &call, "describeTopics", &run->error);
    const struct metadata_response *answer = call.response;
    if (ok) *count = answer->topics.count == 1 ? answer->topics.items[0].partitions.count : 0;
    client_call_deinit(&call);
    return ok;
}

static bool fill_partitions(struct topics_run *run, const struct new_topic *topic, struct slice name,
                            struct create_partitions_request_create_partitions_topic *out)
{
    *out = create_partitions_request_create_partitions_topic_init();
    out->name = name;
    out->count = (int32_t)topic->partitions;
    out->assignments.count = -1;
    if (topic->assignment_count == 0) return true;
    int32_t existing = 0;
    if (!count_partitions(run, name, &existing)) return false;
    out->assignments.count = 0;
    out->assignments.items = ARENA_ARRAY(
        &run->cli->arena, struct create_partitions_request_create_partitions_assignment, topic->assignment_count + 1);
    for (int32_t i = existing; i < topic->assignment_count; i++) {
        struct create_partitions_request_create_partitions_assignment *a =
            &out->assignments.items[out->assignments.count++];
        *a = create_partitions_request_create_partitions_assignment_init();
        a->broker_ids.items = topic->assignments[i].brokers;
        a->broker_ids.count = topic->assignments[i].count;
    }
    return true;
}

static bool alter_topics(struct topics_run *run)
{
    struct new_topic topic;
    struct listed_topic *topics;
    int count;
    if (!parse_new_topic(run, &topic) || !find_required(run, &topics, &count)) return false;
    if (count == 0) return true;
    struct create_partitions_request request = create_partitions_request_init();
    request.topics.items =
        ARENA_ARRAY(&run->cli->arena, struct create_partitions_request_create_partitions_topic, count);
    for (int i = 0; i < count; i++) {
        if (!fill_partitions(run, &topic, topics[i].name, &request.topics.items[request.topics.count++])) return false;
    }
    request.timeout_ms = 30000;
    struct client_call call = {.api_key = API_CREATE_PARTITIONS, .node_id = CLIENT_CONTROLLER, .request = &request};
    bool ok = cli_call(run->cli, run->client, &call, "createPartitions", &run->error);
    const struct create_partitions_response *answer = call.response;
    for (int32_t i = 0; ok && i < answer->results.count; i++) {
        if (answer->results.items[i].error_code == OK) continue;
        run->error = cli_error_of(run->cli, (enum err)answer->results.items[i].error_code,
                                  answer->results.items[i].error_message);
        ok = false;
    }
    client_call_deinit(&call);
    return ok;
}

static bool delete_topics(struct topics_run *run)
{
    struct listed_topic *topics;
    int count;
    if (!find_required(run, &topics, &count)) return false;
    if (count == 0) return true;
    struct arena *arena = &run->cli->arena;
    struct delete_topics_request request = delete_topics_request_init();
    request.topics.items = ARENA_ARRAY(arena, struct delete_topics_request_delete_topic_state, count);
    request.topic_names.items = ARENA_ARRAY(arena, struct slice, count);
    request.topics.count = request.topic_names.count = count;
    for (int i = 0; i < count; i++) {
        request.topics.items[i] = delete_topics_request_delete_topic_state_init();
        request.topics.items[i].name = topics[i].name;
        request.topic_names.items[i] = topics[i].name;
    }
    request.timeout_ms = 30000;
    struct client_call call = {.api_key = API_DELETE_TOPICS, .node_id = CLIENT_CONTROLLER, .request = &request};
    call.version_min = 6;
    bool ok = cli_call(run->cli, run->client, &call, "deleteTopics", &run->error);
    const struct delete_topics_response *answer = call.response;
    for (int32_t i = 0; ok && i < answer->responses.count; i++) {
        if (answer->responses.items[i].error_code == OK) continue;
        run->error = cli_error_of(run->cli, (enum err)answer->responses.items[i].error_code,
                                  answer->responses.items[i].error_message);
        ok = false;
    }
    client_call_deinit(&call);
    return ok;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static bool act(struct topics_run *run)
{
    if (has(run, TOPICS_CREATE)) return create_topic(run);
    if (has(run, TOPICS_ALTER)) return alter_topics(run);
    if (has(run, TOPICS_LIST)) return list_topics(run);
    if (has(run, TOPICS_DESCRIBE)) return topics_describe(run);
    return delete_topics(run);
}

static bool connect(struct topics_run *run, int *code)
{
    struct cli *cli = run->cli;
    struct props props = {0};
    const char *file = NULL, *bootstrap = NULL;
    *code = 1;
    if (!jopt_value(&run->options, TOPICS_COMMAND_CONFIG, &file) ||
        !jopt_value(&run->options, TOPICS_BOOTSTRAP_SERVER, &bootstrap)) {
        return cli_trace(cli, run->options.problem, run->options.problem_class), false;
    }
    if (file != NULL && props_load(&props, cli, file) != OK) {
        return cli_trace(cli, file, "java.nio.file.NoSuchFileException"), false;
    }
    props_put(&props, cli, SLICE("bootstrap.servers"), slice_str(bootstrap));
    if (cli_admin(cli, &props, &run->client, &run->error)) return true;
    const char *text = "Failed to create new KafkaAdminClient";
    cli_err(cli, "%s\norg.apache.kafka.common.KafkaException: %s\nCaused by: %s: %s\n\n", text, text,
            run->error.class_name, run->error.text);
    return false;
}

int tool_topics(struct cli *cli, int argc, char **argv)
{
    struct topics_run run = {.cli = cli};
    if (!jopt_parse(&run.options, topics_options, TOPICS_OPTIONS, &cli->arena, argc, argv)) {
        return cli_trace(cli, run.options.problem, run.options.problem_class);
    }
    int code;
    if (!check_options(&run, argc, &code) || !connect(&run, &code)) return code;
    code = 0;
    if (!act(&run)) {
        cli_out(cli, "Error while executing topic command : %s\n", run.error.text);
        cli_flush(cli);
        log_error(cli->host->log, "org.apache.kafka.tools.TopicCommand", "%s: %s\n", run.error.class_name,
                  run.error.text);
        code = 1;
    }
    client_free(run.client);
    return code;
}
