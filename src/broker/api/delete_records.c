// SPDX-License-Identifier: Apache-2.0
// DeleteRecords (kafka-internals B6): a partition's log start moves up. The low watermark answered is the least log
// start of its live replicas; a lone replica's is its own, so the answer need not wait.
#include "proto/delete_records.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"
#include "broker/partition_ask.h"
#include "broker/topics.h"

#define TO_HIGH_WATERMARK INT64_C(-1)
#define NO_LOW_WATERMARK INT64_C(-1)

struct deletion {
    struct partition_ask ask;
    struct deletions *all;
    int64_t offset;
    struct delete_records_response_delete_records_partition_result *out;
};

struct deletions {
    struct request *request;
    struct delete_records_response response;
    int pending; // +1 while they are sent
};

static void count_down(struct deletions *all)
{
    if (--all->pending == 0) request_reply(all->request, &all->response);
}

static void home(struct partition_ask *ask)
{
    count_down(CONTAINER_OF(ask, struct deletion, ask)->all);
}

static enum err delete_up_to(const struct deletion *deletion, struct partition *partition)
{
    enum err e = partition_check(partition, -1);
    if (e != OK) return e;
    const struct topic *topic = topic_by_id(partition->shard, partition->topic_id);
    if (topic == NULL) return ERR_NOT_LEADER_OR_FOLLOWER; // deleted meanwhile
    if (!topic->config.cleanup_delete) return ERR_POLICY_VIOLATION;
    int64_t offset = deletion->offset == TO_HIGH_WATERMARK ? plog_high_watermark(partition->plog) : deletion->offset;
    if (offset < 0) return ERR_OFFSET_OUT_OF_RANGE;
    e = plog_set_log_start(partition->plog, offset);
    if (e == OK) partition->shard->checkpoints_stale = true;
    return e == ERR_BUSY ? ERR_NOT_LEADER_OR_FOLLOWER : e; // it is being cut: the client asks again
}

static void look(struct partition_ask *ask, struct partition *partition)
{
    struct deletion *deletion = CONTAINER_OF(ask, struct deletion, ask);
    enum err e = delete_up_to(deletion, partition);
    deletion->out->error_code = err_to_wire(e);
    if (e == OK) deletion->out->low_watermark = plog_log_start(partition->plog);
    partition_ask_home(ask);
}

static enum err check(const struct request *request, const struct image_topic *topic, int32_t index)
{
    if (topic == NULL || image_partition_at(topic, index) == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!authorize(&request->ctx, ACL_DELETE, ACL_TOPIC, topic->name)) return ERR_TOPIC_AUTHORIZATION_FAILED;
    return topic_is_internal(topic->name) ? ERR_INVALID_TOPIC_EXCEPTION : OK;
}

static void delete_of_topic(struct deletions *all, const struct delete_records_request_delete_records_topic *in,
                            struct delete_records_response_delete_records_topic_result *out)
{
    struct request *request = all->request;
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->name);
    struct deletion *items = ARENA_ARRAY(&request->arena, struct deletion, in->partitions.count);
    out->name = in->name;
    out->partitions.count = in->partitions.count;
    out->partitions.items = ARENA_ARRAY(&request->arena, struct delete_records_response_delete_records_partition_result,
                                        in->partitions.count);
    for (int32_t i = 0; i < in->partitions.count; i++) {
        struct delete_records_response_delete_records_partition_result *answer = &out->partitions.items[i];
        answer->partition_index = in->partitions.items[i].partition_index;
        answer->low_watermark = NO_LOW_WATERMARK;
        enum err e = check(request, topic, answer->partition_index);
        answer->error_code = err_to_wire(e);
        if (e != OK) continue;
        items[i] = (struct deletion){
            .ask = {.topic_id = topic->id, .index = answer->partition_index, .look = look, .home = home},
            .all = all,
            .offset = in->partitions.items[i].offset,
            .out = answer};
        all->pending++;
        partition_ask(request->shard, &items[i].ask);
    }
}

void api_delete_records(struct request *request)
{
    const struct delete_records_request *body = request->body;
    struct deletions *all = ARENA_NEW(&request->arena, struct deletions);
    *all = (struct deletions){.request = request, .response = delete_records_response_init(), .pending = 1};
    all->response.topics.count = body->topics.count;
    all->response.topics.items =
        ARENA_ARRAY(&request->arena, struct delete_records_response_delete_records_topic_result, body->topics.count);
    for (int32_t i = 0; i < body->topics.count; i++)
        delete_of_topic(all, &body->topics.items[i], &all->response.topics.items[i]);
    count_down(all);
}
