// SPDX-License-Identifier: Apache-2.0
// Partitions and their positions, fetching ahead, and the records pulled out of what was fetched.
//
// A partition is LOOKING (its start offset is being asked for) or READING. Every leader has at most one fetch in
// flight, holding all its partitions that have nothing fetched and unread; the fetch position moves when an answer
// comes, the read position when records are pulled. An answer to a question asked before a seek is dropped: the
// partition's generation tells.
#include "client/consumer_int.h"

#include "proto/apis.h"
#include "proto/fetch.h"
#include "proto/list_offsets.h"

enum { HASH_SEED = 0x636f6e73, RETRY_MS = 100 };

static void pass(struct env *env, struct env_timer *timer);

void consumer_config_init(struct consumer_config *config)
{
    *config = (struct consumer_config){
        .reset = RESET_LATEST,
        .check_crcs = true,
        .fetch_min_bytes = 1,
        .fetch_max_wait_ms = 500,
        .fetch_max_bytes = 52428800,
        .partition_max_bytes = 1048576,
    };
}

void consumer_wake_after(struct consumer *consumer, int64_t after_ms)
{
    struct env *env = client_env(consumer->client);
    int64_t at_ns = env_now_ns(env) + after_ms * 1000000;
    if (consumer->timer_ns != 0 && consumer->timer_ns <= at_ns) return;
    consumer->timer_ns = at_ns;
    env_timer_set_ns(env, &consumer->timer, at_ns);
}

static void on_metadata(struct client *client, struct client_listener *listener)
{
    (void)client;
    consumer_wake_after(CONTAINER_OF(listener, struct consumer, listener), 0);
}

struct consumer *consumer_new(struct client *client, const struct consumer_config *config)
{
    struct consumer *consumer = MEM_NEW(struct consumer);
    consumer->client = client;
    consumer->config = *config;
    consumer->timer.fire = pass;
    list_init(&consumer->partitions);
    list_init(&consumer->questions);
    list_init(&consumer->chunks);
    consumer->listener.changed = on_metadata;
    client_listen(client, &consumer->listener);
    return consumer;
}

void *consumer_context(struct consumer *consumer)
{
    return consumer->config.context;
}

static void question_free(struct question *question)
{
    list_remove(&question->link);
    client_call_deinit(&question->call);
    arena_deinit(&question->arena);
    mem_free(question);
}

void answer_unref(struct question *question)
{
    ASSERT(question->refs > 0);
    if (--question->refs == 0) question_free(question);
}

void consumer_free(struct consumer *consumer)
{
    if (consumer == NULL) return;
    env_timer_cancel(client_env(consumer->client), &consumer->timer);
    client_unlisten(&consumer->listener);
    LIST_EACH (link, &consumer->questions) {
        struct question *question = LIST_ITEM(link, struct question, link);
        if (!question->is_answered) client_call_cancel(consumer->client, &question->call);
        question_free(question);
    }
    LIST_EACH (at, &consumer->partitions) {
        struct consumer_partition *partition = LIST_ITEM(at, struct consumer_partition, link);
        mem_free(partition->topic_storage);
        mem_free(partition);
    }
    struct list *chunk;
    while ((chunk = list_pop_front(&consumer->chunks)) != NULL) mem_free(LIST_ITEM(chunk, struct chunk, link));
    reading_deinit(&consumer->reading);
    map_deinit(&consumer->by_name);
    mem_free(consumer);
}

// ---- assignment ------------------------------------------------------------------------------------------------

static uint64_t hash_of(struct slice topic, int32_t index)
{
    return hash_u64(hash_bytes(HASH_SEED, topic), (uint64_t)(uint32_t)index);
}

static struct consumer_partition *find(const struct consumer *consumer, struct slice topic, int32_t index)
{
    for (struct map_link *l = map_find(&consumer->by_name, hash_of(topic, index)); l != NULL; l = map_find_next(l)) {
        struct consumer_partition *partition = MAP_ITEM(l, struct consumer_partition, by_name);
        if (partition->index == index && slice_eq(partition->topic, topic)) return partition;
    }
    return NULL;
}

// Fetched and unread data of the partition is thrown away.
static void drop_chunks(struct consumer *consumer, struct consumer_partition *partition)
{
    LIST_EACH (link, &consumer->chunks) {
        struct chunk *chunk = LIST_ITEM(link, struct chunk, link);
        if (chunk->partition == partition) chunk_free(consumer, chunk);
    }
    if (consumer->reading.chunk != NULL && consumer->reading.chunk->partition == partition) reading_stop(consumer);
}

static struct consumer_partition *assign(struct consumer *consumer, struct slice topic, int32_t index)
{
    struct consumer_partition *partition = find(consumer, topic, index);
    if (partition == NULL) {
        partition = MEM_NEW(struct consumer_partition);
        partition->topic_storage = mem_alloc(topic.size + 1);
        memcpy(partition->topic_storage, topic.data, topic.size);
        partition->topic_storage[topic.size] = '\0';
        partition->topic = slice_of(partition->topic_storage, topic.size);
        partition->index = index;
        list_push_back(&consumer->partitions, &partition->link);
        map_insert(&consumer->by_name, &partition->by_name, hash_of(topic, index));
        client_want_topic(consumer->client, topic);
    }
    drop_chunks(consumer, partition);
    partition->generation++;
    partition->in_question = NULL;
    partition->is_failed = false;
    partition->is_dropped = false;
    partition->position = -1;
    partition->position_epoch = -1;
    partition->fetch_offset = -1;
    partition->end = -1;
    partition->not_before_ns = 0;
    consumer_wake_after(consumer, 0);
    return partition;
}

void consumer_assign(struct consumer *consumer, struct slice topic, int32_t partition, int64_t offset)
{
    struct consumer_partition *p = assign(consumer, topic, partition);
    if (offset >= 0) {
        p->position = offset;
        p->fetch_offset = offset;
    } else {
        p->look_for = offset == CONSUMER_EARLIEST ? CONSUMER_EARLIEST : CONSUMER_LATEST;
    }
}

void consumer_assign_time(struct consumer *consumer, struct slice topic, int32_t partition, int64_t timestamp_ms)
{
    assign(consumer, topic, partition)->look_for = timestamp_ms < 0 ? 0 : timestamp_ms;
}

void consumer_unassign(struct consumer *consumer, struct slice topic, int32_t partition)
{
    struct consumer_partition *p = find(consumer, topic, partition);
    if (p == NULL) return;
    drop_chunks(consumer, p);
    p->generation++;
    p->in_question = NULL;
    p->is_dropped = true; // kept: questions in flight point to it
}

int64_t consumer_position(const struct consumer *consumer, struct slice topic, int32_t partition)
{
    const struct consumer_partition *p = find(consumer, topic, partition);
    return p == NULL || p->is_dropped ? -1 : p->position;
}

void consumer_set_position_epoch(struct consumer *consumer, struct slice topic, int32_t partition, int32_t leader_epoch)
{
    struct consumer_partition *p = find(consumer, topic, partition);
    ASSERT(p != NULL && !p->is_dropped);
    p->position_epoch = leader_epoch;
}

int32_t consumer_position_epoch(const struct consumer *consumer, struct slice topic, int32_t partition)
{
    const struct consumer_partition *p = find(consumer, topic, partition);
    return p == NULL || p->is_dropped ? -1 : p->position_epoch;
}

int64_t consumer_end(const struct consumer *consumer, struct slice topic, int32_t partition)
{
    const struct consumer_partition *p = find(consumer, topic, partition);
    return p == NULL || p->is_dropped ? -1 : p->end;
}

bool consumer_is_ready(const struct consumer *consumer)
{
    return consumer->reading.chunk != NULL || !list_is_empty(&consumer->chunks) || consumer->has_failure;
}

bool consumer_failed(struct consumer *consumer, struct consumer_failure *out)
{
    if (!consumer->has_failure) return false;
    *out = consumer->failure;
    consumer->has_failure = false;
    return true;
}

void consumer_fail(struct consumer *consumer, struct consumer_partition *partition, enum err e)
{
    partition->is_failed = true;
    if (consumer->has_failure) return;
    consumer->has_failure = true;
    consumer->failure = (struct consumer_failure){
        .err = e, .topic = partition->topic, .partition = partition->index, .offset = partition->position};
}

// ---- what goes wrong -------------------------------------------------------------------------------------------

static void retry_later(struct consumer *consumer, struct consumer_partition *partition)
{
    partition->not_before_ns = env_now_ns(client_env(consumer->client)) + RETRY_MS * INT64_C(1000000);
    consumer_wake_after(consumer, RETRY_MS);
}

static void partition_erred(struct consumer *consumer, struct consumer_partition *partition, enum err e)
{
    if (e == ERR_OFFSET_OUT_OF_RANGE) {
        if (consumer->config.reset == RESET_NONE) {
            consumer_fail(consumer, partition, e);
            return;
        }
        partition->look_for = consumer->config.reset == RESET_EARLIEST ? CONSUMER_EARLIEST : CONSUMER_LATEST;
        partition->position = -1;
        partition->fetch_offset = -1;
        return;
    }
    bool curable = err_is_retriable(e) || e == ERR_BROKER_NOT_AVAILABLE || e == ERR_UNKNOWN_SERVER_ERROR;
    if (!curable || e == ERR_CORRUPT_MESSAGE) {
        consumer_fail(consumer, partition, e);
        return;
    }
    client_refresh(consumer->client);
    retry_later(consumer, partition);
}

// ---- questions -------------------------------------------------------------------------------------------------

static struct question *question_new(struct consumer *consumer, int32_t node_id, bool is_fetch)
{
    struct question *question = MEM_NEW(struct question);
    question->consumer = consumer;
    question->node_id = node_id;
    question->is_fetch = is_fetch;
    question->refs = 1;
    list_push_back(&consumer->questions, &question->link);
    return question;
}

static bool is_asked(const struct question *question, const struct consumer_partition *partition, size_t i)
{
    return partition->in_question == question && partition->generation == question->items[i].generation;
}

static void take_offset(struct consumer *consumer, struct consumer_partition *partition, int64_t offset)
{
    if (offset < 0 && partition->look_for >= 0) { // no record that young
        partition->look_for = CONSUMER_LATEST;
        return;
    }
    if (offset < 0) offset = 0;
    partition->position = offset;
    partition->fetch_offset = offset;
    (void)consumer;
}

static void offsets_answered(struct consumer *consumer, struct question *question)
{
    const struct list_offsets_response *answer = question->call.response;
    for (size_t i = 0; i < question->item_count; i++) {
        struct consumer_partition *partition = question->items[i].partition;
        if (!is_asked(question, partition, i)) continue;
        partition->in_question = NULL;
        if (question->call.err != OK) {
            partition_erred(consumer, partition, ERR_NETWORK_EXCEPTION);
            continue;
        }
        enum err e = ERR_UNKNOWN_TOPIC_OR_PARTITION;
        int64_t offset = -1;
        for (int32_t t = 0; t < answer->topics.count; t++) {
            const struct list_offsets_response_list_offsets_topic_response *topic = &answer->topics.items[t];
            if (!slice_eq(topic->name, partition->topic)) continue;
            for (int32_t p = 0; p < topic->partitions.count; p++) {
                if (topic->partitions.items[p].partition_index != partition->index) continue;
                e = (enum err)topic->partitions.items[p].error_code;
                offset = topic->partitions.items[p].offset;
            }
        }
        if (e == OK)
            take_offset(consumer, partition, offset);
        else
            partition_erred(consumer, partition, e);
    }
}

static void take_data(struct consumer *consumer, struct question *question, struct consumer_partition *partition,
                      const struct fetch_response_partition_data *data)
{
    bool committed = consumer->config.read_committed && data->last_stable_offset >= 0;
    partition->end = committed ? data->last_stable_offset : data->high_watermark;
    if (data->records.bytes.size == 0) return;
    struct chunk *chunk = chunk_new(consumer, question, partition, data);
    if (chunk == NULL) {
        consumer_fail(consumer, partition, ERR_MESSAGE_TOO_LARGE);
        return;
    }
    list_push_back(&consumer->chunks, &chunk->link);
    partition->unread++;
    consumer->unread_bytes += (int64_t)data->records.bytes.size;
    partition->fetch_offset = chunk->next_offset;
}

static const struct fetch_response_partition_data *find_data(const struct fetch_response *answer, int version,
                                                             struct client *client,
                                                             const struct consumer_partition *partition)
{
    const struct client_topic *meta = client_topic(client, partition->topic);
    for (int32_t t = 0; t < answer->responses.count; t++) {
        const struct fetch_response_fetchable_topic_response *topic = &answer->responses.items[t];
        bool same = version >= 13 ? meta != NULL && uuid_eq(topic->topic_id, meta->id)
                                  : slice_eq(topic->topic, partition->topic);
        for (int32_t p = 0; same && p < topic->partitions.count; p++) {
            if (topic->partitions.items[p].partition_index == partition->index) return &topic->partitions.items[p];
        }
    }
    return NULL;
}

static void fetch_answered(struct consumer *consumer, struct question *question)
{
    const struct fetch_response *answer = question->call.response;
    enum err all = question->call.err != OK ? ERR_NETWORK_EXCEPTION : (enum err)answer->error_code;
    for (size_t i = 0; i < question->item_count; i++) {
        struct consumer_partition *partition = question->items[i].partition;
        if (!is_asked(question, partition, i)) continue;
        partition->in_question = NULL;
        if (all != OK) {
            partition_erred(consumer, partition, all);
            continue;
        }
        const struct fetch_response_partition_data *data =
            find_data(answer, question->call.version, consumer->client, partition);
        if (data == NULL) continue;
        if (data->error_code != OK)
            partition_erred(consumer, partition, (enum err)data->error_code);
        else
            take_data(consumer, question, partition, data);
    }
}

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    struct question *question = call->context;
    struct consumer *consumer = question->consumer;
    question->is_answered = true;
    if (question->is_fetch)
        fetch_answered(consumer, question);
    else
        offsets_answered(consumer, question);
    answer_unref(question);
    consumer_wake_after(consumer, 0);
    if (consumer_is_ready(consumer) && consumer->config.ready != NULL) consumer->config.ready(consumer);
}

static struct question *question_for(struct consumer *consumer, struct list *filling, int32_t node_id, bool is_fetch)
{
    LIST_EACH (link, filling) {
        struct question *question = LIST_ITEM(link, struct question, filling);
        if (question->node_id == node_id && question->is_fetch == is_fetch) return question;
    }
    LIST_EACH (at, &consumer->questions) {
        struct question *question = LIST_ITEM(at, struct question, link);
        if (!question->is_answered && question->node_id == node_id && question->is_fetch == is_fetch) return NULL;
    }
    struct question *question = question_new(consumer, node_id, is_fetch);
    list_push_back(filling, &question->filling);
    return question;
}

// The partition's leader, -1: not known, metadata has been asked for.
static int32_t leader_of(struct consumer *consumer, const struct consumer_partition *partition)
{
    const struct client_topic *meta = client_topic(consumer->client, partition->topic);
    if (meta == NULL) return -1;
    if (meta->partition_count == 0 && meta->err != OK && !err_is_retriable(meta->err)) return -2;
    if (partition->index >= meta->partition_count || meta->partitions[partition->index].leader < 0) {
        client_refresh(consumer->client);
        return -1;
    }
    return meta->partitions[partition->index].leader;
}

static void ask_for(struct consumer *consumer, struct list *filling, struct consumer_partition *partition)
{
    int64_t now_ns = env_now_ns(client_env(consumer->client));
    if (partition->is_failed || partition->is_dropped || partition->in_question != NULL || partition->unread > 0)
        return;
    if (partition->not_before_ns > now_ns) {
        consumer_wake_after(consumer, (partition->not_before_ns - now_ns) / 1000000 + 1);
        return;
    }
    bool is_fetch = partition->fetch_offset >= 0;
    if (is_fetch && consumer->unread_bytes >= consumer->config.fetch_max_bytes) return;
    int32_t leader = leader_of(consumer, partition);
    if (leader == -2) {
        consumer_fail(consumer, partition, client_topic(consumer->client, partition->topic)->err);
        if (consumer->config.ready != NULL) consumer->config.ready(consumer);
    }
    if (leader < 0) return;
    struct question *question = question_for(consumer, filling, leader, is_fetch);
    if (question != NULL) question_add(question, partition);
}

static void pass(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct consumer *consumer = CONTAINER_OF(timer, struct consumer, timer);
    consumer->timer_ns = 0;
    struct list filling;
    list_init(&filling);
    LIST_EACH (link, &consumer->partitions) {
        ask_for(consumer, &filling, LIST_ITEM(link, struct consumer_partition, link));
    }
    struct list *at;
    while ((at = list_pop_front(&filling)) != NULL) {
        struct question *question = LIST_ITEM(at, struct question, filling);
        question_encode(question);
        question->call.node_id = question->node_id;
        question->call.done = answered;
        question->call.context = question;
        client_call(consumer->client, &question->call);
    }
    // Who was first goes last, so that a full answer does not always favour the same partitions.
    struct list *first = list_pop_front(&consumer->partitions);
    if (first != NULL) list_push_back(&consumer->partitions, first);
}
