// SPDX-License-Identifier: Apache-2.0
// DescribeProducers (KIP-664): the idempotent and transactional producers that partitions remember.
#include "proto/describe_producers.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/partition_ask.h"
#include "meta/decide.h"

struct producers_question {
    struct partition_ask ask;
    struct producers_questions *all;
    struct describe_producers_response_partition_response *out;
    // Owned: made on the partition's shard, where the request's arena is not to be touched.
    struct describe_producers_response_producer_state *found;
    int32_t found_count;
};

struct producers_questions {
    struct request *request;
    struct describe_producers_response response;
    int pending; // +1 while they are asked
};

static void count_down(struct producers_questions *all)
{
    if (--all->pending == 0) request_reply(all->request, &all->response);
}

static void home(struct partition_ask *ask)
{
    struct producers_question *question = CONTAINER_OF(ask, struct producers_question, ask);
    size_t size = (size_t)question->found_count * sizeof(*question->found);
    question->out->active_producers.items = arena_alloc(&question->all->request->arena, size);
    question->out->active_producers.count = question->found_count;
    if (size > 0) memcpy(question->out->active_producers.items, question->found, size);
    mem_free(question->found);
    count_down(question->all);
}

static void add(void *context, const struct plog_producer *producer)
{
    struct producers_question *question = context;
    question->found[question->found_count++] = (struct describe_producers_response_producer_state){
        .producer_id = producer->id,
        .producer_epoch = producer->epoch,
        .last_sequence = producer->last_sequence,
        .last_timestamp = producer->last_timestamp,
        .coordinator_epoch = producer->coordinator_epoch,
        .current_txn_start_offset = producer->txn_first_offset,
    };
}

static void look(struct partition_ask *ask, struct partition *partition)
{
    struct producers_question *question = CONTAINER_OF(ask, struct producers_question, ask);
    enum err e = partition_check(partition, -1);
    question->out->error_code = err_to_wire(e);
    if (e == OK) {
        question->found = mem_zalloc(plog_producer_count(partition->plog), sizeof(*question->found));
        plog_each_producer(partition->plog, add, question);
    }
    partition_ask_home(ask);
}

// What holds for all partitions of the topic, with Kafka's text.
static enum err check_topic(const struct request *request, struct slice name, const struct image_topic *topic,
                            struct arena *arena, const char **text)
{
    const char *problem = topic_name_problem(name, arena);
    if (problem != NULL) {
        *text = arena_printf(arena, "Topic name is invalid: %s", problem);
        return ERR_INVALID_TOPIC_EXCEPTION;
    }
    enum err e = OK;
    if (!authorize(&request->ctx, ACL_READ, ACL_TOPIC, name))
        e = ERR_TOPIC_AUTHORIZATION_FAILED;
    else if (topic == NULL)
        e = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    *text = err_text(e);
    return e;
}

static void ask_topic(struct producers_questions *all, const struct describe_producers_request_topic_request *in,
                      struct describe_producers_response_topic_response *out)
{
    struct request *request = all->request;
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->name);
    const char *text = NULL;
    enum err of_topic = check_topic(request, in->name, topic, &request->arena, &text);
    struct producers_question *questions =
        ARENA_ARRAY(&request->arena, struct producers_question, in->partition_indexes.count);
    out->name = in->name;
    out->partitions.count = in->partition_indexes.count;
    out->partitions.items = ARENA_ARRAY(&request->arena, struct describe_producers_response_partition_response,
                                        in->partition_indexes.count);
    for (int32_t i = 0; i < in->partition_indexes.count; i++) {
        struct describe_producers_response_partition_response *answer = &out->partitions.items[i];
        *answer = describe_producers_response_partition_response_init();
        answer->partition_index = in->partition_indexes.items[i];
        answer->error_code = err_to_wire(of_topic);
        if (of_topic != OK) {
            answer->error_message = slice_str(text);
            continue;
        }
        if (image_partition_at(topic, answer->partition_index) == NULL) {
            answer->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        questions[i] = (struct producers_question){
            .ask = {.topic_id = topic->id, .index = answer->partition_index, .look = look, .home = home},
            .all = all,
            .out = answer};
        all->pending++;
        partition_ask(request->shard, &questions[i].ask);
    }
}

void api_describe_producers(struct request *request)
{
    const struct describe_producers_request *body = request->body;
    struct producers_questions *all = ARENA_NEW(&request->arena, struct producers_questions);
    *all =
        (struct producers_questions){.request = request, .response = describe_producers_response_init(), .pending = 1};
    all->response.topics.count = body->topics.count;
    all->response.topics.items =
        ARENA_ARRAY(&request->arena, struct describe_producers_response_topic_response, body->topics.count);
    for (int32_t i = 0; i < body->topics.count; i++)
        ask_topic(all, &body->topics.items[i], &all->response.topics.items[i]);
    count_down(all);
}
