// SPDX-License-Identifier: Apache-2.0
// What kafka-reassign-partitions asks of the cluster.
#include "cli/reassign_int.h"
#include "proto/alter_partition_reassignments.h"
#include "proto/alter_replica_log_dirs.h"
#include "proto/apis.h"
#include "proto/describe_cluster.h"
#include "proto/describe_log_dirs.h"
#include "proto/list_partition_reassignments.h"
#include "proto/metadata.h"

enum { TIMEOUT_MS = 60000 };

bool reassign_fail(struct reassign *run, const char *class_name, const char *text)
{
    run->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

bool reassign_fail_future(struct reassign *run, struct cli_error error)
{
    run->thrown = cli_thrown(error);
    cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
    return false;
}

bool reassign_fail_option(struct reassign *run)
{
    return reassign_fail(run, run->options.problem_class, run->options.problem);
}

static bool ask(struct reassign *run, struct client_call *call, const char *name)
{
    struct cli_error error;
    return cli_call(run->cli, run->client, call, name, &error) || reassign_fail_future(run, error);
}

static struct brokers copied(struct reassign *run, const int32_t *items, int32_t count)
{
    struct brokers out = {.items = ARENA_ARRAY(&run->cli->arena, int32_t, (count > 0 ? count : 0) + 1)};
    out.count = count > 0 ? count : 0;
    if (out.count > 0) memcpy(out.items, items, (size_t)out.count * sizeof(*items));
    return out;
}

// ---- partitions ------------------------------------------------------------------------------------------------

static void take_reassignments(struct reassign *run, const struct list_partition_reassignments_response *answer,
                               struct parts *out)
{
    int32_t count = 0;
    for (int32_t i = 0; i < answer->topics.count; i++) count += answer->topics.items[i].partitions.count;
    *out = (struct parts){.items = ARENA_ARRAY(&run->cli->arena, struct part, count + 1)};
    for (int32_t i = 0; i < answer->topics.count; i++) {
        const struct list_partition_reassignments_response_ongoing_topic_reassignment *topic = &answer->topics.items[i];
        for (int32_t k = 0; k < topic->partitions.count; k++) {
            const struct list_partition_reassignments_response_ongoing_partition_reassignment *from =
                &topic->partitions.items[k];
            struct part *part = &out->items[out->count++];
            part->key.topic = arena_copy(&run->cli->arena, topic->name);
            part->key.partition = from->partition_index;
            part->replicas = copied(run, from->replicas.items, from->replicas.count);
            part->adding = copied(run, from->adding_replicas.items, from->adding_replicas.count);
            part->removing = copied(run, from->removing_replicas.items, from->removing_replicas.count);
        }
    }
}

bool ask_reassignments(struct reassign *run, const struct parts *only, struct parts *out)
{
    struct arena *arena = &run->cli->arena;
    struct list_partition_reassignments_request request = list_partition_reassignments_request_init();
    request.timeout_ms = TIMEOUT_MS;
    request.topics.count = only == NULL ? -1 : 0;
    int32_t room = only == NULL ? 0 : only->count;
    request.topics.items =
        ARENA_ARRAY(arena, struct list_partition_reassignments_request_list_partition_reassignments_topics, room + 1);
    for (int32_t i = 0; i < room; i++) {
        struct list_partition_reassignments_request_list_partition_reassignments_topics *next =
            &request.topics.items[request.topics.count++];
        next->name = only->items[i].key.topic;
        next->partition_indexes.items = &only->items[i].key.partition;
        next->partition_indexes.count = 1;
    }
    struct client_call call = {.api_key = API_LIST_PARTITION_REASSIGNMENTS, .request = &request};
    call.node_id = run->asks_controller ? CLIENT_ANY : CLIENT_CONTROLLER;
    if (!ask(run, &call, "listPartitionReassignments")) return false;
    const struct list_partition_reassignments_response *answer = call.response;
    bool ok = answer->error_code == OK;
    if (ok) take_reassignments(run, answer, out);
    struct cli_error error = cli_error_of(run->cli, (enum err)answer->error_code, answer->error_message);
    client_call_deinit(&call);
    return ok || reassign_fail_future(run, error);
}

static bool take_topics(struct reassign *run, const struct metadata_response *answer, bool missing_ok,
                        struct parts *out)
{
    int32_t count = 0;
    for (int32_t i = 0; i < answer->topics.count; i++) count += answer->topics.items[i].partitions.count;
    *out = (struct parts){.items = ARENA_ARRAY(&run->cli->arena, struct part, count + 1)};
    for (int32_t i = 0; i < answer->topics.count; i++) {
        const struct metadata_response_metadata_response_topic *topic = &answer->topics.items[i];
        enum err e = (enum err)topic->error_code;
        if (e == ERR_UNKNOWN_TOPIC_OR_PARTITION && missing_ok) continue;
        if (e != OK) {
            struct cli_error error = cli_error_of(run->cli, e, SLICE_NULL);
            if (e == ERR_UNKNOWN_TOPIC_OR_PARTITION) {
                error.text = arena_printf(&run->cli->arena, "Topic %.*s not found.", SLICE_FMT(topic->name));
            }
            return reassign_fail_future(run, error);
        }
        for (int32_t k = 0; k < topic->partitions.count; k++) {
            const struct metadata_response_metadata_response_partition *from = &topic->partitions.items[k];
            struct part *part = &out->items[out->count++];
            part->key.topic = arena_copy(&run->cli->arena, topic->name);
            part->key.partition = from->partition_index;
            part->replicas = copied(run, from->replica_nodes.items, from->replica_nodes.count);
        }
    }
    return true;
}

bool ask_assignments(struct reassign *run, const struct slice *topics, int32_t count, bool missing_ok,
                     struct parts *out)
{
    *out = (struct parts){0};
    if (count == 0) return true;
    struct metadata_request request = metadata_request_init();
    request.allow_auto_topic_creation = false;
    request.topics.items = ARENA_ARRAY(&run->cli->arena, struct metadata_request_metadata_request_topic, count);
    request.topics.count = count;
    for (int32_t i = 0; i < count; i++) request.topics.items[i].name = topics[i];
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 4};
    if (!ask(run, &call, "describeTopics")) return false;
    bool ok = take_topics(run, call.response, missing_ok, out);
    client_call_deinit(&call);
    return ok;
}

// ---- brokers and their directories -----------------------------------------------------------------------------

bool ask_brokers(struct reassign *run, struct brokers *out, struct slice **racks)
{
    struct describe_cluster_request request = describe_cluster_request_init();
    if (run->asks_controller) request.endpoint_type = 2;
    struct client_call call = {.api_key = API_DESCRIBE_CLUSTER, .node_id = CLIENT_ANY, .request = &request};
    if (!ask(run, &call, "listNodes")) return false;
    const struct describe_cluster_response *answer = call.response;
    int32_t count = answer->brokers.count;
    out->items = ARENA_ARRAY(&run->cli->arena, int32_t, count + 1);
    out->count = 0;
    if (racks != NULL) *racks = ARENA_ARRAY(&run->cli->arena, struct slice, count + 1);
    for (int32_t i = 0; i < count; i++) {
        const struct describe_cluster_response_describe_cluster_broker *broker = &answer->brokers.items[i];
        if (racks != NULL && !slice_is_null(broker->rack)) {
            (*racks)[i] = arena_copy(&run->cli->arena, broker->rack);
        }
        out->items[out->count++] = broker->broker_id;
    }
    client_call_deinit(&call);
    return true;
}

// The answer to DescribeLogDirs of one broker for all its replicas; the caller ends the call.
static bool ask_dirs(struct reassign *run, int32_t broker, struct client_call *call)
{
    static const struct describe_log_dirs_request all = {.topics = {.count = -1}};
    *call = (struct client_call){.api_key = API_DESCRIBE_LOG_DIRS, .node_id = broker, .request = &all};
    return ask(run, call, "describeReplicaLogDirs");
}

// Where the replica is; null: nowhere. With `future` its place to come.
static struct slice find_dir(const struct describe_log_dirs_response *answer, const struct topic_partition *key,
                             bool future)
{
    for (int32_t i = 0; i < answer->results.count; i++) {
        const struct describe_log_dirs_response_describe_log_dirs_result *dir = &answer->results.items[i];
        for (int32_t k = 0; dir->error_code == OK && k < dir->topics.count; k++) {
            const struct describe_log_dirs_response_describe_log_dirs_topic *topic = &dir->topics.items[k];
            for (int32_t p = 0; slice_eq(topic->name, key->topic) && p < topic->partitions.count; p++) {
                const struct describe_log_dirs_response_describe_log_dirs_partition *found =
                    &topic->partitions.items[p];
                if (found->partition_index == key->partition && found->is_future_key == future) return dir->log_dir;
            }
        }
    }
    return SLICE_NULL;
}

static struct slice kept_dir(struct reassign *run, struct slice dir)
{
    return slice_is_null(dir) ? dir : arena_copy(&run->cli->arena, dir);
}

bool ask_log_dirs(struct reassign *run, struct parts *parts)
{
    struct brokers brokers = {0};
    int32_t room = 0;
    for (int32_t i = 0; i < parts->count; i++) room += parts->items[i].replicas.count;
    brokers.items = ARENA_ARRAY(&run->cli->arena, int32_t, room + 1);
    for (int32_t i = 0; i < parts->count; i++) {
        struct part *part = &parts->items[i];
        part->log_dirs = ARENA_ARRAY(&run->cli->arena, struct slice, part->replicas.count + 1);
        for (int32_t k = 0; k < part->replicas.count; k++) brokers_add(&brokers, part->replicas.items[k]);
    }
    for (int32_t b = 0; b < brokers.count; b++) {
        struct client_call call;
        if (!ask_dirs(run, brokers.items[b], &call)) return false;
        for (int32_t i = 0; i < parts->count; i++) {
            struct part *part = &parts->items[i];
            for (int32_t k = 0; k < part->replicas.count; k++) {
                if (part->replicas.items[k] != brokers.items[b]) continue;
                part->log_dirs[k] = kept_dir(run, find_dir(call.response, &part->key, false));
            }
        }
        client_call_deinit(&call);
    }
    return true;
}

bool ask_moves(struct reassign *run, struct log_dir_moves *moves)
{
    for (int32_t i = 0; i < moves->count; i++) {
        struct log_dir_move *move = &moves->items[i];
        struct client_call call;
        if (!ask_dirs(run, move->broker, &call)) return false;
        move->current = kept_dir(run, find_dir(call.response, &move->key, false));
        move->future = kept_dir(run, find_dir(call.response, &move->key, true));
        client_call_deinit(&call);
    }
    return true;
}

bool start_moves(struct reassign *run, struct log_dir_moves *moves)
{
    for (int32_t i = 0; i < moves->count; i++) {
        struct log_dir_move *move = &moves->items[i];
        if (move->is_done) continue;
        struct alter_replica_log_dirs_request_alter_replica_log_dir_topic topic = {.name = move->key.topic};
        topic.partitions.items = &move->key.partition;
        topic.partitions.count = 1;
        struct alter_replica_log_dirs_request_alter_replica_log_dir dir = {.path = move->target};
        dir.topics.items = &topic;
        dir.topics.count = 1;
        struct alter_replica_log_dirs_request request = alter_replica_log_dirs_request_init();
        request.dirs.items = &dir;
        request.dirs.count = 1;
        struct client_call call = {.api_key = API_ALTER_REPLICA_LOG_DIRS, .node_id = move->broker, .request = &request};
        if (!ask(run, &call, "alterReplicaLogDirs")) return false;
        const struct alter_replica_log_dirs_response *answer = call.response;
        enum err e = ERR_UNKNOWN_SERVER_ERROR;
        if (answer->results.count == 1 && answer->results.items[0].partitions.count == 1) {
            e = (enum err)answer->results.items[0].partitions.items[0].error_code;
        }
        client_call_deinit(&call);
        move->is_done = e == OK;
        if (e == OK || e == ERR_REPLICA_NOT_AVAILABLE) continue; // not there yet: again later
        reassign_fail_future(run, cli_error_of(run->cli, e, SLICE_NULL));
        cli_wrap(&run->thrown, "org.apache.kafka.tools.AdminCommandFailedException",
                 arena_printf(&run->cli->arena, "Failed to alter dir for %.*s-%d-%d", SLICE_FMT(move->key.topic),
                              move->key.partition, move->broker));
        return false;
    }
    return true;
}

// ---- reassignments ---------------------------------------------------------------------------------------------

static void take_problems(struct reassign *run, const struct alter_partition_reassignments_response *answer,
                          const struct parts *parts, int32_t *failed, struct text *problems)
{
    for (int32_t i = 0; i < parts->count; i++) { // in the order of the parts, which are sorted
        const struct topic_partition *key = &parts->items[i].key;
        for (int32_t k = 0; k < answer->responses.count; k++) {
            const struct alter_partition_reassignments_response_reassignable_topic_response *topic =
                &answer->responses.items[k];
            for (int32_t p = 0; slice_eq(topic->name, key->topic) && p < topic->partitions.count; p++) {
                const struct alter_partition_reassignments_response_reassignable_partition_response *result =
                    &topic->partitions.items[p];
                if (result->partition_index != key->partition || result->error_code == OK) continue;
                struct cli_error error = cli_error_of(run->cli, (enum err)result->error_code, result->error_message);
                text_printf(problems, "\n%.*s-%d: %s", SLICE_FMT(key->topic), key->partition, error.text);
                (*failed)++;
            }
        }
    }
}

bool alter_reassignments(struct reassign *run, const struct parts *parts, bool cancels, bool allows_factor_change,
                         int32_t *failed, struct text *problems)
{
    struct arena *arena = &run->cli->arena;
    struct alter_partition_reassignments_request request = alter_partition_reassignments_request_init();
    request.timeout_ms = TIMEOUT_MS;
    request.allow_replication_factor_change = allows_factor_change;
    request.topics.items =
        ARENA_ARRAY(arena, struct alter_partition_reassignments_request_reassignable_topic, parts->count + 1);
    for (int32_t i = 0; i < parts->count; i++) {
        const struct part *part = &parts->items[i];
        struct alter_partition_reassignments_request_reassignable_topic *topic = request.topics.items;
        int32_t k = 0;
        while (k < request.topics.count && !slice_eq(topic[k].name, part->key.topic)) k++;
        if (k == request.topics.count) {
            request.topics.count++;
            topic[k].name = part->key.topic;
            topic[k].partitions.items =
                ARENA_ARRAY(arena, struct alter_partition_reassignments_request_reassignable_partition, parts->count);
        }
        struct alter_partition_reassignments_request_reassignable_partition *next =
            &topic[k].partitions.items[topic[k].partitions.count++];
        next->partition_index = part->key.partition;
        next->replicas.items = part->replicas.items;
        next->replicas.count = cancels ? -1 : part->replicas.count;
    }
    struct client_call call = {.api_key = API_ALTER_PARTITION_REASSIGNMENTS, .request = &request};
    call.node_id = run->asks_controller ? CLIENT_ANY : CLIENT_CONTROLLER;
    call.version_min = allows_factor_change ? 0 : 1;
    if (!ask(run, &call, "alterPartitionReassignments")) return false;
    const struct alter_partition_reassignments_response *answer = call.response;
    *failed = 0;
    if (answer->error_code == OK) {
        take_problems(run, answer, parts, failed, problems);
    } else { // every partition's future has it
        struct cli_error error = cli_error_of(run->cli, (enum err)answer->error_code, answer->error_message);
        for (int32_t i = 0; i < parts->count; i++) {
            text_printf(problems, "\n%.*s-%d: %s", SLICE_FMT(parts->items[i].key.topic), parts->items[i].key.partition,
                        error.text);
        }
        *failed = parts->count;
    }
    client_call_deinit(&call);
    return true;
}
