// SPDX-License-Identifier: Apache-2.0
// DescribeTopicPartitions (KIP-966): topics by name, in pages of partitions; a cursor says where the next page begins.
#include <stdlib.h>

#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"
#include "meta/decide.h"
#include "proto/describe_topic_partitions.h"

static int by_name(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

// What to describe, by name, from the cursor on: the topics asked for, or all.
static struct slice *list_names(struct request *request, int32_t *count)
{
    const struct describe_topic_partitions_request *body = request->body;
    const struct image *image = request->shard->image;
    int32_t most = body->topics.count > 0 ? body->topics.count : image->topics.count;
    struct slice *names = ARENA_ARRAY(&request->arena, struct slice, most);
    *count = 0;
    for (int32_t i = 0; i < body->topics.count; i++) names[(*count)++] = body->topics.items[i].name;
    struct pmap_iter it = pmap_iter(&image->topics);
    for (const struct image_topic *t; body->topics.count <= 0 && (t = image_next_topic(&it)) != NULL;)
        names[(*count)++] = t->name;
    qsort(names, (size_t)*count, sizeof(*names), by_name);
    int32_t kept = 0;
    for (int32_t i = 0; i < *count; i++) {
        bool is_behind_cursor = body->cursor != NULL && slice_cmp(names[i], body->cursor->topic_name) < 0;
        bool is_repeated = kept > 0 && slice_eq(names[kept - 1], names[i]);
        if (!is_behind_cursor && !is_repeated) names[kept++] = names[i];
    }
    *count = kept;
    return names;
}

static void describe_partition(
    struct request *request, const struct image_partition *partition,
    struct describe_topic_partitions_response_describe_topic_partitions_response_partition *out)
{
    struct image_ids offline = cluster_offline_replicas(request, partition);
    *out = describe_topic_partitions_response_describe_topic_partitions_response_partition_init();
    out->partition_index = partition->index;
    out->leader_id = cluster_live_leader(request, partition);
    out->error_code = out->leader_id < 0 ? ERR_LEADER_NOT_AVAILABLE : OK;
    out->leader_epoch = partition->leader_epoch;
    CLUSTER_SET_IDS(out->replica_nodes, partition->replicas);
    CLUSTER_SET_IDS(out->isr_nodes, partition->isr);
    CLUSTER_SET_IDS(out->eligible_leader_replicas, partition->rare->elr);
    CLUSTER_SET_IDS(out->last_known_elr, partition->rare->last_known_elr);
    CLUSTER_SET_IDS(out->offline_replicas, offline);
}

// Partitions [first, first + room) of the topic; returns the index of the next one, -1 when none is left.
static int32_t describe_topic(struct request *request, const struct image_topic *topic, int32_t first, int32_t room,
                              struct describe_topic_partitions_response_describe_topic_partitions_response_topic *out)
{
    int32_t total = image_topic_partition_count(topic);
    int32_t end = total - first > room ? first + room : total;
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic_is_internal(topic->name);
    out->topic_authorized_operations = cluster_operations(ACL_TOPIC);
    out->partitions.items = ARENA_ARRAY(
        &request->arena, struct describe_topic_partitions_response_describe_topic_partitions_response_partition,
        end > first ? end - first : 0);
    for (int32_t index = first; index < end; index++) {
        const struct image_partition *partition = image_partition_at(topic, index);
        if (partition != NULL) describe_partition(request, partition, &out->partitions.items[out->partitions.count++]);
    }
    return end < total ? end : -1;
}

static void set_cursor(struct request *request, struct describe_topic_partitions_response *response, struct slice topic,
                       int32_t index)
{
    response->next_cursor = ARENA_NEW(&request->arena, struct describe_topic_partitions_response_cursor);
    response->next_cursor->topic_name = topic;
    response->next_cursor->partition_index = index;
}

static void describe_missing(struct request *request, struct slice name,
                             struct describe_topic_partitions_response_describe_topic_partitions_response_topic *out)
{
    bool is_valid = topic_name_problem(name, &request->arena) == NULL;
    out->name = name;
    out->error_code = is_valid ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_INVALID_TOPIC_EXCEPTION;
    out->is_internal = topic_is_internal(name);
}

static void describe_page(struct request *request, struct describe_topic_partitions_response *response)
{
    const struct describe_topic_partitions_request *body = request->body;
    int32_t most = request->shard->broker->described_partitions_max;
    int32_t room = body->response_partition_limit < most ? body->response_partition_limit : most;
    int32_t count = 0;
    struct slice *names = list_names(request, &count);
    response->topics.items = ARENA_ARRAY(
        &request->arena, struct describe_topic_partitions_response_describe_topic_partitions_response_topic, count);
    for (int32_t i = 0; i < count; i++) {
        if (room <= 0) {
            set_cursor(request, response, names[i], 0);
            return;
        }
        struct describe_topic_partitions_response_describe_topic_partitions_response_topic *out =
            &response->topics.items[response->topics.count++];
        *out = describe_topic_partitions_response_describe_topic_partitions_response_topic_init();
        const struct image_topic *topic = image_topic_by_name(request->shard->image, names[i]);
        if (topic == NULL) {
            describe_missing(request, names[i], out);
            continue;
        }
        bool is_cursor = body->cursor != NULL && slice_eq(names[i], body->cursor->topic_name);
        int32_t next = describe_topic(request, topic, is_cursor ? body->cursor->partition_index : 0, room, out);
        room -= out->partitions.count;
        if (next < 0) continue;
        set_cursor(request, response, names[i], next);
        return;
    }
}

void api_describe_topic_partitions(struct request *request)
{
    const struct describe_topic_partitions_request *body = request->body;
    struct describe_topic_partitions_response response = describe_topic_partitions_response_init();
    if (body->cursor != NULL && body->cursor->partition_index < 0) {
        request_disconnect(request, "a DescribeTopicPartitions cursor has a negative partition");
        return;
    }
    describe_page(request, &response);
    request_reply(request, &response);
}
