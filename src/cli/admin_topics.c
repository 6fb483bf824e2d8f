// SPDX-License-Identifier: Apache-2.0
// Topics and partitions through Metadata; requests for partitions go to their leaders and follow them when they move.
#include "cli/admin_topics.h"

#include "cli/java_order.h"
#include "proto/apis.h"
#include "proto/delete_records.h"
#include "proto/list_offsets.h"
#include "proto/metadata.h"

#include <stdlib.h>

enum { RETRY_MS = 100, REQUEST_TIMEOUT_MS = 30000 };

static const char clients_admin[] = "org.apache.kafka.clients.admin.KafkaAdminClient";

bool topic_partition_eq(const struct topic_partition *a, const struct topic_partition *b)
{
    return a->partition == b->partition && slice_eq(a->topic, b->topic);
}

static uint32_t key_hash(const void *item)
{
    const struct topic_partition *key = item;
    return (31 + (uint32_t)key->partition) * 31 + java_string_hash(key->topic);
}

void topic_partition_order(void *items, size_t count, size_t item_size)
{
    java_hash_order_by(items, count, item_size, 16, key_hash);
}

int topic_partition_compare(const void *a, const void *b)
{
    const struct topic_partition *x = a, *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

// ---- names and partitions --------------------------------------------------------------------------------------

static struct slice name_of(const void *item)
{
    return *(const struct slice *)item;
}

bool admin_list_topics(struct cli *cli, struct client *client, bool with_internal, struct slice **names, int32_t *count,
                       struct cli_error *error)
{
    struct metadata_request request = metadata_request_init();
    request.topics.count = -1; // all
    request.allow_auto_topic_creation = true;
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 1};
    bool ok = cli_call(cli, client, &call, "listTopics", error);
    const struct metadata_response *answer = call.response;
    if (ok) {
        *names = ARENA_ARRAY(&cli->arena, struct slice, answer->topics.count + 1);
        *count = 0;
        for (int32_t i = 0; i < answer->topics.count; i++) {
            const struct metadata_response_metadata_response_topic *topic = &answer->topics.items[i];
            if (!with_internal && topic->is_internal) continue;
            (*names)[(*count)++] = arena_copy(&cli->arena, topic->name);
        }
        java_hash_order(*names, (size_t)*count, sizeof(**names), 16, name_of);
    }
    client_call_deinit(&call);
    return ok;
}

static int by_index(const void *a, const void *b)
{
    const struct admin_partition *x = a, *y = b;
    return (x->index > y->index) - (x->index < y->index);
}

static void take_topic(struct cli *cli, struct admin_topic *topic,
                       const struct metadata_response_metadata_response_topic *from)
{
    topic->err = (enum err)from->error_code;
    topic->partitions = ARENA_ARRAY(&cli->arena, struct admin_partition, from->partitions.count + 1);
    topic->partition_count = 0;
    for (int32_t p = 0; p < from->partitions.count; p++) {
        topic->partitions[topic->partition_count++] = (struct admin_partition){
            .index = from->partitions.items[p].partition_index, .leader = from->partitions.items[p].leader_id};
    }
    qsort(topic->partitions, (size_t)topic->partition_count, sizeof(*topic->partitions), by_index);
}

bool admin_describe_topics(struct cli *cli, struct client *client, const struct slice *names, int32_t count,
                           struct admin_topic **out, struct cli_error *error)
{
    struct admin_topic *topics = ARENA_ARRAY(&cli->arena, struct admin_topic, count + 1);
    *out = topics;
    if (count == 0) return true;
    struct metadata_request request = metadata_request_init();
    request.topics.items = ARENA_ARRAY(&cli->arena, struct metadata_request_metadata_request_topic, count);
    request.topics.count = count;
    request.allow_auto_topic_creation = false;
    for (int32_t i = 0; i < count; i++) {
        request.topics.items[i] = metadata_request_metadata_request_topic_init();
        request.topics.items[i].name = names[i];
        topics[i] = (struct admin_topic){.name = names[i], .err = ERR_UNKNOWN_TOPIC_OR_PARTITION};
    }
    struct client_call call = {.api_key = API_METADATA, .node_id = CLIENT_ANY, .request = &request, .version_min = 4};
    bool ok = cli_call(cli, client, &call, "describeTopics", error);
    const struct metadata_response *answer = call.response;
    for (int32_t t = 0; ok && t < answer->topics.count; t++) {
        for (int32_t i = 0; i < count; i++) {
            if (slice_eq(names[i], answer->topics.items[t].name)) take_topic(cli, &topics[i], &answer->topics.items[t]);
        }
    }
    client_call_deinit(&call);
    return ok;
}

// ---- partitions by leader --------------------------------------------------------------------------------------

// One partition on its way to an answer.
struct asked {
    const struct topic_partition *key;
    int32_t leader;
    bool is_open; // not answered yet
    bool has_failed;
    struct cli_error error;
};

static bool leader_of(const struct admin_topic *topics, int32_t count, const struct topic_partition *key,
                      const struct admin_topic **topic, int32_t *leader)
{
    for (int32_t t = 0; t < count; t++) {
        if (!slice_eq(topics[t].name, key->topic)) continue;
        *topic = &topics[t];
        *leader = -1;
        for (int32_t p = 0; p < topics[t].partition_count; p++) {
            if (topics[t].partitions[p].index == key->partition) *leader = topics[t].partitions[p].leader;
        }
        return true;
    }
    return false;
}

// Looks up the leaders of the open ones. Those whose topic is not there fail, unless a missing topic is waited for.
static bool find_leaders(struct cli *cli, struct client *client, struct asked *items, int32_t count, bool waits,
                         struct cli_error *error)
{
    struct slice *names = ARENA_ARRAY(&cli->arena, struct slice, count + 1);
    int32_t name_count = 0;
    for (int32_t i = 0; i < count; i++) {
        bool is_known = !items[i].is_open;
        for (int32_t n = 0; n < name_count && !is_known; n++) is_known = slice_eq(names[n], items[i].key->topic);
        if (!is_known) names[name_count++] = items[i].key->topic;
    }
    struct admin_topic *topics;
    if (!admin_describe_topics(cli, client, names, name_count, &topics, error)) return false;
    for (int32_t i = 0; i < count; i++) {
        const struct admin_topic *topic = NULL;
        struct asked *item = &items[i];
        item->leader = -1;
        if (!item->is_open || !leader_of(topics, name_count, item->key, &topic, &item->leader)) continue;
        bool comes = topic->err == OK || topic->err == ERR_LEADER_NOT_AVAILABLE ||
                     (topic->err == ERR_UNKNOWN_TOPIC_OR_PARTITION && waits);
        if (comes) continue;
        log_error(cli->host->log, clients_admin,
                  "[AdminClient clientId=%.*s] Received unknown topic error for topic %.*s",
                  SLICE_FMT(client_config(client)->client_id), SLICE_FMT(item->key->topic));
        item->is_open = false;
        item->has_failed = true;
        item->error = cli_error_of(
            cli, topic->err,
            slice_str(arena_printf(&cli->arena,
                                   "Failed to fetch metadata for partition %.*s-%d because "
                                   "metadata for topic `%.*s` could not be found",
                                   SLICE_FMT(item->key->topic), item->key->partition, SLICE_FMT(item->key->topic))));
    }
    return true;
}

// What a broker said about one partition. A leader that moved, or anything else that passes, is asked for again.
static void take_code(struct cli *cli, struct client *client, struct asked *item, const char *what, int16_t code)
{
    if (code != OK && err_is_retriable((enum err)code)) return;
    item->is_open = false;
    if (code == OK) return;
    log_error(cli->host->log,
              what[0] == 'L' ? "org.apache.kafka.clients.admin.internals.ListOffsetsHandler"
                             : "org.apache.kafka.clients.admin.internals.DeleteRecordsHandler",
              "[AdminClient clientId=%.*s] %s request for topic partition %.*s-%d failed due to an unexpected error %s",
              SLICE_FMT(client_config(client)->client_id), what, SLICE_FMT(item->key->topic), item->key->partition,
              err_name((enum err)code));
    item->has_failed = true;
    item->error = cli_error_of(cli, (enum err)code, SLICE_NULL);
}

struct asking {
    struct cli *cli;
    struct client *client;
    struct asked *items;
    int32_t count;
    void *user;
    bool (*ask)(struct asking *asking, int32_t leader, struct cli_error *error); // one request to one leader
    const char *name;
    bool waits_for_topics;
};

static int32_t next_leader(const struct asking *asking, int32_t after)
{
    int32_t next = INT32_MAX;
    for (int32_t i = 0; i < asking->count; i++) {
        const struct asked *item = &asking->items[i];
        if (item->is_open && item->leader > after && item->leader < next) next = item->leader;
    }
    return next;
}

static bool is_all_answered(const struct asking *asking)
{
    for (int32_t i = 0; i < asking->count; i++) {
        if (asking->items[i].is_open) return false;
    }
    return true;
}

static bool ask_leaders(struct asking *asking, struct cli_error *error)
{
    struct cli *cli = asking->cli;
    int64_t timeout_ms = cli->api_timeout_ms != 0 ? cli->api_timeout_ms : 60000;
    int64_t deadline_ms = env_now_ms(cli->host->env) + timeout_ms;
    while (!is_all_answered(asking)) {
        if (env_now_ms(cli->host->env) >= deadline_ms) {
            *error = cli_error_of(cli, ERR_REQUEST_TIMED_OUT,
                                  slice_str(arena_printf(
                                      &cli->arena, "Timed out waiting for a node assignment. Call: %s", asking->name)));
            return false;
        }
        if (!find_leaders(cli, asking->client, asking->items, asking->count, asking->waits_for_topics, error)) {
            return false;
        }
        for (int32_t leader = next_leader(asking, -1); leader != INT32_MAX; leader = next_leader(asking, leader)) {
            if (!asking->ask(asking, leader, error)) return false;
        }
        if (!is_all_answered(asking) && !cli_pause(cli, RETRY_MS)) return false;
    }
    return true;
}

static struct asked *find_asked(const struct asking *asking, struct slice topic, int32_t partition)
{
    struct topic_partition key = {.topic = topic, .partition = partition};
    for (int32_t i = 0; i < asking->count; i++) {
        if (topic_partition_eq(asking->items[i].key, &key)) return &asking->items[i];
    }
    return NULL;
}

// ---- ListOffsets -----------------------------------------------------------------------------------------------

static bool ask_offsets(struct asking *asking, int32_t leader, struct cli_error *error)
{
    struct cli *cli = asking->cli;
    struct admin_offset *items = asking->user;
    struct list_offsets_request request = list_offsets_request_init();
    request.replica_id = -1;
    request.timeout_ms = REQUEST_TIMEOUT_MS;
    request.topics.items = ARENA_ARRAY(&cli->arena, struct list_offsets_request_list_offsets_topic, asking->count);
    int version_min = 1;
    for (int32_t i = 0; i < asking->count; i++) {
        if (!asking->items[i].is_open || asking->items[i].leader != leader) continue;
        struct list_offsets_request_list_offsets_topic *topic = NULL;
        for (int32_t t = 0; t < request.topics.count && topic == NULL; t++) {
            if (slice_eq(request.topics.items[t].name, items[i].key.topic)) topic = &request.topics.items[t];
        }
        if (topic == NULL) {
            topic = &request.topics.items[request.topics.count++];
            *topic = list_offsets_request_list_offsets_topic_init();
            topic->name = items[i].key.topic;
            topic->partitions.items =
                ARENA_ARRAY(&cli->arena, struct list_offsets_request_list_offsets_partition, asking->count);
        }
        struct list_offsets_request_list_offsets_partition *partition =
            &topic->partitions.items[topic->partitions.count++];
        *partition = list_offsets_request_list_offsets_partition_init();
        partition->partition_index = items[i].key.partition;
        partition->timestamp = items[i].timestamp;
        int64_t t = items[i].timestamp; // the version that brought the special time
        int needs = t == -6 ? 11 : t == -5 ? 9 : t == -4 ? 8 : t == -3 ? 7 : 1;
        if (needs > version_min) version_min = needs;
    }
    struct client_call call = {
        .api_key = API_LIST_OFFSETS, .node_id = leader, .request = &request, .version_min = version_min};
    bool ok = cli_call(cli, asking->client, &call, "listOffsets(api=LIST_OFFSETS)", error);
    const struct list_offsets_response *answer = call.response;
    for (int32_t t = 0; ok && t < answer->topics.count; t++) {
        for (int32_t p = 0; p < answer->topics.items[t].partitions.count; p++) {
            const struct list_offsets_response_list_offsets_partition_response *from =
                &answer->topics.items[t].partitions.items[p];
            struct asked *item = find_asked(asking, answer->topics.items[t].name, from->partition_index);
            if (item == NULL) continue;
            take_code(cli, asking->client, item, "ListOffsets", from->error_code);
            items[item - asking->items].offset = from->offset;
        }
    }
    client_call_deinit(&call);
    return ok;
}

bool admin_list_offsets(struct cli *cli, struct client *client, struct admin_offset *items, int32_t count,
                        struct cli_error *error)
{
    struct asking asking = {.cli = cli,
                            .client = client,
                            .count = count,
                            .user = items,
                            .ask = ask_offsets,
                            .name = "listOffsets(api=METADATA)"};
    asking.items = ARENA_ARRAY(&cli->arena, struct asked, count + 1);
    for (int32_t i = 0; i < count; i++) {
        asking.items[i] = (struct asked){.key = &items[i].key, .is_open = true};
        items[i].offset = -1;
    }
    if (!ask_leaders(&asking, error)) return false;
    for (int32_t i = 0; i < count; i++) {
        items[i].has_failed = asking.items[i].has_failed;
        items[i].error = asking.items[i].error;
    }
    return true;
}

// ---- DeleteRecords ---------------------------------------------------------------------------------------------

static bool ask_deletions(struct asking *asking, int32_t leader, struct cli_error *error)
{
    struct cli *cli = asking->cli;
    struct admin_deletion *items = asking->user;
    struct delete_records_request request = delete_records_request_init();
    request.timeout_ms = 60000;
    request.topics.items = ARENA_ARRAY(&cli->arena, struct delete_records_request_delete_records_topic, asking->count);
    for (int32_t i = 0; i < asking->count; i++) {
        if (!asking->items[i].is_open || asking->items[i].leader != leader) continue;
        struct delete_records_request_delete_records_topic *topic = NULL;
        for (int32_t t = 0; t < request.topics.count && topic == NULL; t++) {
            if (slice_eq(request.topics.items[t].name, items[i].key.topic)) topic = &request.topics.items[t];
        }
        if (topic == NULL) {
            topic = &request.topics.items[request.topics.count++];
            *topic = delete_records_request_delete_records_topic_init();
            topic->name = items[i].key.topic;
            topic->partitions.items =
                ARENA_ARRAY(&cli->arena, struct delete_records_request_delete_records_partition, asking->count);
        }
        struct delete_records_request_delete_records_partition *partition =
            &topic->partitions.items[topic->partitions.count++];
        *partition = delete_records_request_delete_records_partition_init();
        partition->partition_index = items[i].key.partition;
        partition->offset = items[i].before_offset;
    }
    struct client_call call = {.api_key = API_DELETE_RECORDS, .node_id = leader, .request = &request};
    bool ok = cli_call(cli, asking->client, &call, "deleteRecords(api=DELETE_RECORDS)", error);
    const struct delete_records_response *answer = call.response;
    for (int32_t t = 0; ok && t < answer->topics.count; t++) {
        for (int32_t p = 0; p < answer->topics.items[t].partitions.count; p++) {
            const struct delete_records_response_delete_records_partition_result *from =
                &answer->topics.items[t].partitions.items[p];
            struct asked *item = find_asked(asking, answer->topics.items[t].name, from->partition_index);
            if (item == NULL) continue;
            take_code(cli, asking->client, item, "DeleteRecords", from->error_code);
            items[item - asking->items].low_watermark = from->low_watermark;
        }
    }
    client_call_deinit(&call);
    return ok;
}

bool admin_delete_records(struct cli *cli, struct client *client, struct admin_deletion *items, int32_t count,
                          struct cli_error *error)
{
    struct asking asking = {.cli = cli,
                            .client = client,
                            .count = count,
                            .user = items,
                            .ask = ask_deletions,
                            .name = "deleteRecords(api=METADATA)",
                            .waits_for_topics = true};
    asking.items = ARENA_ARRAY(&cli->arena, struct asked, count + 1);
    for (int32_t i = 0; i < count; i++) asking.items[i] = (struct asked){.key = &items[i].key, .is_open = true};
    bool ok = ask_leaders(&asking, error);
    for (int32_t i = 0; i < count; i++) {
        items[i].is_done = !asking.items[i].is_open;
        items[i].has_failed = asking.items[i].has_failed;
        items[i].error = asking.items[i].error;
    }
    return ok;
}
