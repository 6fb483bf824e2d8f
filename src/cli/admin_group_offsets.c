// SPDX-License-Identifier: Apache-2.0
// What a group has committed: read, written and forgotten; and groups deleted.
#include "cli/admin_groups.h"
#include "cli/coordinator.h"
#include "proto/apis.h"
#include "proto/delete_groups.h"
#include "proto/offset_commit.h"
#include "proto/offset_delete.h"
#include "proto/offset_fetch.h"

// Topic ids would need a look-up, and AdminClient asks by name too.
enum { FETCH_BY_NAME_MAX = 9, COMMIT_BY_NAME_MAX = 9 };

// ---- reading ---------------------------------------------------------------------------------------------------

static enum err fetch_code(const void *response, int version)
{
    const struct offset_fetch_response *answer = response;
    if (version < 8) return (enum err)answer->error_code;
    return answer->groups.count > 0 ? (enum err)answer->groups.items[0].error_code : OK;
}

static void add_committed(struct cli *cli, struct admin_committed *items, int32_t *count, struct slice topic,
                          int32_t partition, int64_t offset, int32_t leader_epoch, int16_t code)
{
    if (code != OK) {
        log_warn(cli->host->log, "org.apache.kafka.clients.admin.internals.ListConsumerGroupOffsetsHandler",
                 "[AdminClient clientId=adminclient-1] Skipping return offset for %.*s-%d due to error %s.",
                 SLICE_FMT(topic), partition, err_name((enum err)code));
        return;
    }
    items[(*count)++] = (struct admin_committed){
        .key = {arena_copy(&cli->arena, topic), partition}, .offset = offset, .leader_epoch = leader_epoch};
}

static void take_group(struct cli *cli, const struct offset_fetch_response_offset_fetch_response_group *group,
                       struct admin_committed **out, int32_t *count)
{
    int32_t total = 0;
    for (int32_t t = 0; t < group->topics.count; t++) total += group->topics.items[t].partitions.count;
    *out = ARENA_ARRAY(&cli->arena, struct admin_committed, total + 1);
    *count = 0;
    for (int32_t t = 0; t < group->topics.count; t++) {
        for (int32_t p = 0; p < group->topics.items[t].partitions.count; p++) {
            const struct offset_fetch_response_offset_fetch_response_partitions *from =
                &group->topics.items[t].partitions.items[p];
            add_committed(cli, *out, count, group->topics.items[t].name, from->partition_index, from->committed_offset,
                          from->committed_leader_epoch, from->error_code);
        }
    }
}

// Before groups were batched.
static void take_old(struct cli *cli, const struct offset_fetch_response *answer, struct admin_committed **out,
                     int32_t *count)
{
    int32_t total = 0;
    for (int32_t t = 0; t < answer->topics.count; t++) total += answer->topics.items[t].partitions.count;
    *out = ARENA_ARRAY(&cli->arena, struct admin_committed, total + 1);
    *count = 0;
    for (int32_t t = 0; t < answer->topics.count; t++) {
        for (int32_t p = 0; p < answer->topics.items[t].partitions.count; p++) {
            const struct offset_fetch_response_offset_fetch_response_partition *from =
                &answer->topics.items[t].partitions.items[p];
            add_committed(cli, *out, count, answer->topics.items[t].name, from->partition_index, from->committed_offset,
                          from->committed_leader_epoch, from->error_code);
        }
    }
}

bool admin_committed(struct cli *cli, struct client *client, struct slice group, struct admin_committed **out,
                     int32_t *count, struct cli_error *error)
{
    struct offset_fetch_request request = offset_fetch_request_init();
    struct offset_fetch_request_offset_fetch_request_group asked =
        offset_fetch_request_offset_fetch_request_group_init();
    asked.group_id = group;
    asked.topics.count = -1; // all
    request.groups.items = &asked;
    request.groups.count = 1;
    struct coordinator_call what = {.api_key = API_OFFSET_FETCH,
                                    .request = &request,
                                    .version_min = 8,
                                    .version_max = FETCH_BY_NAME_MAX,
                                    .name = "offsetFetch",
                                    .code = fetch_code};
    struct client_call call = {0};
    struct coordinator coordinator;
    bool ok = coordinator_ask(cli, client, group, &what, &call, &coordinator, error);
    if (!ok && call.err == ERR_UNSUPPORTED_VERSION) { // a broker from before groups came in batches
        client_call_deinit(&call);
        request = offset_fetch_request_init();
        request.group_id = group;
        request.topics.count = -1;
        what.version_min = 2; // the first that gives all topics
        what.version_max = 7;
        ok = coordinator_ask(cli, client, group, &what, &call, &coordinator, error);
    }
    if (ok) {
        const struct offset_fetch_response *answer = call.response;
        enum err code = fetch_code(answer, call.version);
        if (code != OK) {
            *error = cli_error_of(cli, code, SLICE_NULL);
            ok = false;
        } else if (call.version < 8) {
            take_old(cli, answer, out, count);
        } else if (answer->groups.count > 0) {
            take_group(cli, &answer->groups.items[0], out, count);
        } else {
            *count = 0;
        }
    }
    client_call_deinit(&call);
    if (ok) topic_partition_order(*out, (size_t)*count, sizeof(**out));
    return ok;
}

// ---- writing ---------------------------------------------------------------------------------------------------

static enum err commit_code(const void *response, int version)
{
    (void)version;
    const struct offset_commit_response *answer = response;
    for (int32_t t = 0; t < answer->topics.count; t++) {
        for (int32_t p = 0; p < answer->topics.items[t].partitions.count; p++) {
            enum err code = (enum err)answer->topics.items[t].partitions.items[p].error_code;
            bool passes = code == ERR_COORDINATOR_LOAD_IN_PROGRESS || code == ERR_COORDINATOR_NOT_AVAILABLE ||
                          code == ERR_NOT_COORDINATOR;
            if (passes) return code;
            if (code == ERR_REBALANCE_IN_PROGRESS) return ERR_COORDINATOR_LOAD_IN_PROGRESS; // comes to the same
        }
    }
    return OK;
}

static void fill_commit(struct cli *cli, struct offset_commit_request *request, const struct admin_committed *items,
                        int32_t count)
{
    request->topics.items =
        ARENA_ARRAY(&cli->arena, struct offset_commit_request_offset_commit_request_topic, count + 1);
    for (int32_t i = 0; i < count; i++) {
        struct offset_commit_request_offset_commit_request_topic *topic = NULL;
        for (int32_t t = 0; t < request->topics.count && topic == NULL; t++) {
            if (slice_eq(request->topics.items[t].name, items[i].key.topic)) topic = &request->topics.items[t];
        }
        if (topic == NULL) {
            topic = &request->topics.items[request->topics.count++];
            *topic = offset_commit_request_offset_commit_request_topic_init();
            topic->name = items[i].key.topic;
            topic->partitions.items =
                ARENA_ARRAY(&cli->arena, struct offset_commit_request_offset_commit_request_partition, count);
        }
        struct offset_commit_request_offset_commit_request_partition *partition =
            &topic->partitions.items[topic->partitions.count++];
        *partition = offset_commit_request_offset_commit_request_partition_init();
        partition->partition_index = items[i].key.partition;
        partition->committed_offset = items[i].offset;
        partition->committed_metadata = SLICE("");
    }
}

struct failed_commit {
    struct topic_partition key;
    enum err err;
};

// "[t-0, t-1]", in the order of AdminClient's map, with the first one's code.
static struct cli_error commit_error(struct cli *cli, const struct offset_commit_response *answer)
{
    int32_t total = 0, count = 0;
    for (int32_t t = 0; t < answer->topics.count; t++) total += answer->topics.items[t].partitions.count;
    struct failed_commit *items = ARENA_ARRAY(&cli->arena, struct failed_commit, total + 1);
    for (int32_t t = 0; t < answer->topics.count; t++) {
        for (int32_t p = 0; p < answer->topics.items[t].partitions.count; p++) {
            items[count++] = (struct failed_commit){
                .key = {answer->topics.items[t].name, answer->topics.items[t].partitions.items[p].partition_index},
                .err = (enum err)answer->topics.items[t].partitions.items[p].error_code};
        }
    }
    topic_partition_order(items, (size_t)count, sizeof(*items));
    struct text text = {0};
    enum err first = OK;
    for (int32_t i = 0; i < count; i++) {
        if (items[i].err == OK) continue;
        if (first == OK) first = items[i].err;
        text_printf(&text, "%s%.*s-%d", text.size > 0 ? ", " : "", SLICE_FMT(items[i].key.topic),
                    items[i].key.partition);
    }
    struct cli_error error = {0};
    if (first != OK) {
        const char *why = arena_printf(&cli->arena, "Failed altering group offsets for the following partitions: [%s]",
                                       text_cstr(&text));
        error = cli_error_of(cli, first, slice_str(why));
    }
    text_deinit(&text);
    return error;
}

bool admin_commit(struct cli *cli, struct client *client, struct slice group, const struct admin_committed *items,
                  int32_t count, struct cli_error *error)
{
    struct offset_commit_request request = offset_commit_request_init();
    request.group_id = group;
    request.member_id = SLICE("");
    request.generation_id_or_member_epoch = -1;
    fill_commit(cli, &request, items, count);
    struct coordinator_call what = {.api_key = API_OFFSET_COMMIT,
                                    .request = &request,
                                    .version_max = COMMIT_BY_NAME_MAX,
                                    .name = "offsetCommit",
                                    .code = commit_code};
    struct client_call call = {0};
    struct coordinator coordinator;
    bool ok = coordinator_ask(cli, client, group, &what, &call, &coordinator, error);
    if (ok) {
        *error = commit_error(cli, call.response);
        ok = error->class_name == NULL;
    }
    client_call_deinit(&call);
    return ok;
}

// ---- deleting --------------------------------------------------------------------------------------------------

static enum err delete_code(const void *response, int version)
{
    (void)version;
    const struct delete_groups_response *answer = response;
    return answer->results.count > 0 ? (enum err)answer->results.items[0].error_code : OK;
}

bool admin_delete_group(struct cli *cli, struct client *client, struct slice group, struct cli_error *error)
{
    struct delete_groups_request request = delete_groups_request_init();
    request.groups_names.items = &group;
    request.groups_names.count = 1;
    struct coordinator_call what = {
        .api_key = API_DELETE_GROUPS, .request = &request, .name = "deleteConsumerGroups", .code = delete_code};
    struct client_call call = {0};
    struct coordinator coordinator;
    bool ok = coordinator_ask(cli, client, group, &what, &call, &coordinator, error);
    if (ok && delete_code(call.response, call.version) != OK) {
        *error = cli_error_of(cli, delete_code(call.response, call.version), SLICE_NULL);
        ok = false;
    }
    client_call_deinit(&call);
    return ok;
}

static enum err forget_code(const void *response, int version)
{
    (void)version;
    return (enum err)((const struct offset_delete_response *)response)->error_code;
}

static void fill_forget(struct cli *cli, struct offset_delete_request *request, const struct admin_forgotten *items,
                        int32_t count)
{
    request->topics.items =
        ARENA_ARRAY(&cli->arena, struct offset_delete_request_offset_delete_request_topic, count + 1);
    for (int32_t i = 0; i < count; i++) {
        struct offset_delete_request_offset_delete_request_topic *topic = NULL;
        for (int32_t t = 0; t < request->topics.count && topic == NULL; t++) {
            if (slice_eq(request->topics.items[t].name, items[i].key.topic)) topic = &request->topics.items[t];
        }
        if (topic == NULL) {
            topic = &request->topics.items[request->topics.count++];
            *topic = offset_delete_request_offset_delete_request_topic_init();
            topic->name = items[i].key.topic;
            topic->partitions.items =
                ARENA_ARRAY(&cli->arena, struct offset_delete_request_offset_delete_request_partition, count);
        }
        topic->partitions.items[topic->partitions.count++].partition_index = items[i].key.partition;
    }
}

enum err admin_delete_offsets(struct cli *cli, struct client *client, struct slice group, struct admin_forgotten *items,
                              int32_t count, struct cli_error *error)
{
    struct offset_delete_request request = offset_delete_request_init();
    request.group_id = group;
    fill_forget(cli, &request, items, count);
    struct coordinator_call what = {
        .api_key = API_OFFSET_DELETE, .request = &request, .name = "offsetDelete", .code = forget_code};
    struct client_call call = {0};
    struct coordinator coordinator;
    enum err code = ERR_UNKNOWN_SERVER_ERROR;
    if (coordinator_ask(cli, client, group, &what, &call, &coordinator, error)) {
        const struct offset_delete_response *answer = call.response;
        code = (enum err)answer->error_code;
        if (code != OK) *error = cli_error_of(cli, code, SLICE_NULL);
        for (int32_t t = 0; code == OK && t < answer->topics.count; t++) {
            for (int32_t p = 0; p < answer->topics.items[t].partitions.count; p++) {
                struct topic_partition key = {answer->topics.items[t].name,
                                              answer->topics.items[t].partitions.items[p].partition_index};
                for (int32_t i = 0; i < count; i++) {
                    if (!topic_partition_eq(&items[i].key, &key)) continue;
                    items[i].err = (enum err)answer->topics.items[t].partitions.items[p].error_code;
                }
            }
        }
    }
    client_call_deinit(&call);
    return code;
}
