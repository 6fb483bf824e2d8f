// SPDX-License-Identifier: Apache-2.0
// OffsetForLeaderEpoch (kafka-internals A7, B6): where a reader whose last record was of some epoch has to go on, which
// is how it finds out that it is ahead of a new leader (KIP-320).
#include "proto/offset_for_leader_epoch.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/partition_ask.h"
#include "meta/image.h"

struct epoch_question {
    struct partition_ask ask;
    struct epoch_questions *all;
    const struct offset_for_leader_epoch_request_offset_for_leader_partition *in;
    struct offset_for_leader_epoch_response_epoch_end_offset *out;
};

struct epoch_questions {
    struct request *request;
    struct offset_for_leader_epoch_response response;
    int pending; // +1 while they are asked
};

static void count_down(struct epoch_questions *all)
{
    if (--all->pending == 0) request_reply(all->request, &all->response);
}

static void home(struct partition_ask *ask)
{
    count_down(CONTAINER_OF(ask, struct epoch_question, ask)->all);
}

static void look(struct partition_ask *ask, struct partition *partition)
{
    struct epoch_question *question = CONTAINER_OF(ask, struct epoch_question, ask);
    enum err e = partition_check(partition, question->in->current_leader_epoch);
    question->out->error_code = err_to_wire(e);
    if (e == OK)
        plog_end_offset_of_epoch(partition->plog, question->in->leader_epoch, &question->out->leader_epoch,
                                 &question->out->end_offset);
    partition_ask_home(ask);
}

static enum err check(const struct request *request, const struct image_topic *topic, int32_t index)
{
    if (topic == NULL || image_partition_at(topic, index) == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    return authorize(&request->ctx, ACL_DESCRIBE, ACL_TOPIC, topic->name) ? OK : ERR_TOPIC_AUTHORIZATION_FAILED;
}

static void ask_topic(struct epoch_questions *all,
                      const struct offset_for_leader_epoch_request_offset_for_leader_topic *in,
                      struct offset_for_leader_epoch_response_offset_for_leader_topic_result *out)
{
    struct request *request = all->request;
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->topic);
    struct epoch_question *questions = ARENA_ARRAY(&request->arena, struct epoch_question, in->partitions.count);
    out->topic = in->topic;
    out->partitions.count = in->partitions.count;
    out->partitions.items =
        ARENA_ARRAY(&request->arena, struct offset_for_leader_epoch_response_epoch_end_offset, in->partitions.count);
    for (int32_t i = 0; i < in->partitions.count; i++) {
        struct offset_for_leader_epoch_response_epoch_end_offset *answer = &out->partitions.items[i];
        *answer = offset_for_leader_epoch_response_epoch_end_offset_init();
        answer->partition = in->partitions.items[i].partition;
        enum err e = check(request, topic, answer->partition);
        answer->error_code = err_to_wire(e);
        if (e != OK) continue;
        questions[i] = (struct epoch_question){
            .ask = {.topic_id = topic->id, .index = answer->partition, .look = look, .home = home},
            .all = all,
            .in = &in->partitions.items[i],
            .out = answer};
        all->pending++;
        partition_ask(request->shard, &questions[i].ask);
    }
}

void api_offset_for_leader_epoch(struct request *request)
{
    const struct offset_for_leader_epoch_request *body = request->body;
    struct epoch_questions *all = ARENA_NEW(&request->arena, struct epoch_questions);
    *all =
        (struct epoch_questions){.request = request, .response = offset_for_leader_epoch_response_init(), .pending = 1};
    all->response.topics.count = body->topics.count;
    all->response.topics.items = ARENA_ARRAY(
        &request->arena, struct offset_for_leader_epoch_response_offset_for_leader_topic_result, body->topics.count);
    for (int32_t i = 0; i < body->topics.count; i++)
        ask_topic(all, &body->topics.items[i], &all->response.topics.items[i]);
    count_down(all);
}
