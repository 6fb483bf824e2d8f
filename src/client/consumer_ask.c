// SPDX-License-Identifier: Apache-2.0
// The consumer's requests. Fetches carry no session: partitions are few, and a session is state to lose.
#include "client/consumer_int.h"

#include "proto/apis.h"
#include "proto/list_offsets.h"

enum { BUSY_WAIT_MS = 10 };

void question_add(struct question *question, struct consumer_partition *partition)
{
    if (question->item_count == question->item_capacity) {
        size_t capacity = question->item_capacity == 0 ? 16 : question->item_capacity * 2;
        struct question_item *items = ARENA_ARRAY(&question->arena, struct question_item, capacity);
        if (question->item_count > 0) memcpy(items, question->items, question->item_count * sizeof(*items));
        question->items = items;
        question->item_capacity = capacity;
    }
    question->items[question->item_count++] =
        (struct question_item){.partition = partition, .generation = partition->generation};
    partition->in_question = question;
}

static int32_t leader_epoch(struct consumer *consumer, const struct consumer_partition *partition)
{
    const struct client_topic *meta = client_topic(consumer->client, partition->topic);
    if (meta == NULL || partition->index >= meta->partition_count) return -1;
    return meta->partitions[partition->index].leader_epoch;
}

static void encode_offsets(struct question *question)
{
    struct consumer *consumer = question->consumer;
    struct arena *arena = &question->arena;
    struct list_offsets_request *request = ARENA_NEW(arena, struct list_offsets_request);
    *request = list_offsets_request_init();
    request->replica_id = -1;
    request->isolation_level = consumer->config.read_committed ? 1 : 0;
    request->timeout_ms = client_config(consumer->client)->request_timeout_ms;
    size_t count = question->item_count;
    request->topics.items = ARENA_ARRAY(arena, struct list_offsets_request_list_offsets_topic, count);
    struct list_offsets_request_list_offsets_partition *asked =
        ARENA_ARRAY(arena, struct list_offsets_request_list_offsets_partition, count);
    for (size_t i = 0; i < count; i++) {
        const struct consumer_partition *partition = question->items[i].partition;
        struct list_offsets_request_list_offsets_topic *topic = &request->topics.items[request->topics.count - 1];
        if (i == 0 || !slice_eq(topic->name, partition->topic)) {
            topic = &request->topics.items[request->topics.count++];
            *topic = list_offsets_request_list_offsets_topic_init();
            topic->name = partition->topic;
            topic->partitions.items = &asked[i];
        }
        topic->partitions.count++;
        asked[i] = list_offsets_request_list_offsets_partition_init();
        asked[i].partition_index = partition->index;
        asked[i].current_leader_epoch = leader_epoch(consumer, partition);
        asked[i].timestamp = partition->look_for;
    }
    question->call.api_key = API_LIST_OFFSETS;
    question->call.request = request;
    question->call.version_min = 1;
}

static void encode_fetch(struct question *question)
{
    struct consumer *consumer = question->consumer;
    const struct consumer_config *config = &consumer->config;
    struct arena *arena = &question->arena;
    struct fetch_request *request = ARENA_NEW(arena, struct fetch_request);
    *request = fetch_request_init();
    // Answers of one connection come in order: a long poll for idle partitions would keep the others waiting.
    request->max_wait_ms = consumer->unread_bytes > 0 ? BUSY_WAIT_MS : config->fetch_max_wait_ms;
    request->min_bytes = config->fetch_min_bytes;
    request->max_bytes = config->fetch_max_bytes;
    request->isolation_level = config->read_committed ? 1 : 0;
    request->session_epoch = -1;
    request->rack_id = slice_is_null(config->rack_id) ? request->rack_id : config->rack_id;
    size_t count = question->item_count;
    request->topics.items = ARENA_ARRAY(arena, struct fetch_request_fetch_topic, count);
    struct fetch_request_fetch_partition *asked = ARENA_ARRAY(arena, struct fetch_request_fetch_partition, count);
    bool has_ids = true;
    for (size_t i = 0; i < count; i++) {
        const struct consumer_partition *partition = question->items[i].partition;
        struct fetch_request_fetch_topic *topic = &request->topics.items[request->topics.count - 1];
        if (i == 0 || !slice_eq(topic->topic, partition->topic)) {
            const struct client_topic *meta = client_topic(consumer->client, partition->topic);
            topic = &request->topics.items[request->topics.count++];
            *topic = fetch_request_fetch_topic_init();
            topic->topic = partition->topic;
            topic->topic_id = meta->id;
            topic->partitions.items = &asked[i];
            has_ids = has_ids && !uuid_is_zero(meta->id);
        }
        topic->partitions.count++;
        asked[i] = fetch_request_fetch_partition_init();
        asked[i].partition = partition->index;
        asked[i].current_leader_epoch = leader_epoch(consumer, partition);
        asked[i].fetch_offset = partition->fetch_offset;
        asked[i].partition_max_bytes = config->partition_max_bytes;
    }
    question->call.api_key = API_FETCH;
    question->call.request = request;
    question->call.version_max = has_ids ? 0 : 12;
}

void question_encode(struct question *question)
{
    if (question->is_fetch) encode_fetch(question);
    else encode_offsets(question);
}
