// SPDX-License-Identifier: Apache-2.0
// Batches out. One pass (producer_drain) runs whenever something may have become sendable: a batch filled or lingered
// enough, an answer, new metadata, a back-off that ended.
//
// Order: a partition's batches leave by ordinal. A batch that failed goes back to its place and, until it has been
// answered, nothing of its partition leaves beside it, so sequences reach the broker without gaps (kafka-internals B3).
#include "client/producer_int.h"

#include "client/client_int.h"

#include "proto/apis.h"
#include "proto/init_producer_id.h"
#include "proto/produce.h"

#include <stdlib.h>

enum { PRODUCER_ID_AT = 43, PRODUCER_EPOCH_AT = 51, BASE_SEQUENCE_AT = 53, REQUEST_OVERHEAD = 128 };

static int64_t ms(int32_t value)
{
    return (int64_t)value * 1000000;
}

// ---- producer id -----------------------------------------------------------------------------------------------

static void id_answered(struct client *client, struct client_call *call)
{
    struct producer *producer = call->context;
    const struct init_producer_id_response *answer = call->response;
    enum err e = call->err != OK ? call->err : (enum err)answer->error_code;
    int64_t now_ns = env_now_ns(client_env(client));
    producer->id_is_asked = false;
    if (e == OK) {
        producer->producer_id = answer->producer_id;
        producer->producer_epoch = answer->producer_epoch;
        producer->needs_epoch = false;
        producer->id_failures = 0;
        MAP_EACH (link, &producer->topics) {
            struct producer_topic *topic = MAP_ITEM(link, struct producer_topic, by_name);
            for (int32_t i = 0; i < topic->partition_count; i++) {
                struct producer_partition *partition = topic->partitions[i];
                if (partition == NULL) continue;
                partition->next_sequence = 0;
                LIST_EACH (b, &partition->queue) LIST_ITEM(b, struct produce_batch, link)->has_sequence = false;
            }
        }
    } else if (e == ERR_UNSUPPORTED_VERSION) {
        producer->config.is_idempotent = false; // a broker older than 0.11
    } else if (err_is_retriable(e) || e == ERR_REQUEST_TIMED_OUT || e == ERR_CORRUPT) {
        producer->id_failures++;
        producer->id_not_before_ns = now_ns + ms(producer->config.retry_backoff_ms);
    } else if (e == ERR_INVALID_PRODUCER_EPOCH || e == ERR_PRODUCER_FENCED) {
        producer->producer_id = NO_PRODUCER_ID; // start over as somebody new
        producer->producer_epoch = NO_PRODUCER_EPOCH;
    } else if (e != ERR_CLOSED) {
        producer->fatal = e;
    }
    client_call_deinit(call);
    producer_wake_at(producer, now_ns);
}

static const struct init_producer_id_request *id_request(struct producer *producer)
{
    struct init_producer_id_request *request = ARENA_NEW(&producer->id_arena, struct init_producer_id_request);
    *request = init_producer_id_request_init();
    request->transactional_id = SLICE_NULL;
    request->transaction_timeout_ms = INT32_MAX;
    request->producer_id = producer->producer_id;
    request->producer_epoch = producer->producer_epoch;
    return request;
}

// True when batches may be stamped.
static bool has_identity(struct producer *producer, int64_t now_ns)
{
    if (!producer->config.is_idempotent) return true;
    if (producer->producer_id != NO_PRODUCER_ID && !producer->needs_epoch) return true;
    if (producer->id_is_asked || producer->flight_count > 0) return false;
    if (now_ns < producer->id_not_before_ns) {
        producer_wake_at(producer, producer->id_not_before_ns);
        return false;
    }
    arena_reset(&producer->id_arena);
    producer->id_is_asked = true;
    struct client_call *call = &producer->id_call;
    call->api_key = API_INIT_PRODUCER_ID;
    call->node_id = CLIENT_ANY;
    call->request = id_request(producer);
    call->timeout_ms = producer->config.request_timeout_ms;
    call->done = id_answered;
    call->context = producer;
    client_call(producer->client, call);
    return false;
}

static void stamp(struct producer *producer, struct produce_batch *batch)
{
    if (!producer->config.is_idempotent || batch->has_sequence) return;
    struct producer_partition *partition = batch->partition;
    uint8_t *bytes = batch->bytes.data;
    store_i64(bytes + PRODUCER_ID_AT, producer->producer_id);
    store_i16(bytes + PRODUCER_EPOCH_AT, producer->producer_epoch);
    store_i32(bytes + BASE_SEQUENCE_AT, partition->next_sequence);
    partition->next_sequence = sequence_add(partition->next_sequence, batch->record_count);
    batch_seal(bytes);
    batch->has_sequence = true;
}

// ---- requests --------------------------------------------------------------------------------------------------

static void answered(struct client *client, struct client_call *call);

static void flight_free(struct produce_flight *flight)
{
    list_remove(&flight->link);
    flight->producer->flight_count--;
    client_call_deinit(&flight->call);
    arena_deinit(&flight->arena);
    mem_free(flight->batches);
    mem_free(flight);
}

static struct produce_flight *flight_new(struct producer *producer, int32_t node_id)
{
    struct produce_flight *flight = MEM_NEW(struct produce_flight);
    flight->producer = producer;
    flight->node_id = node_id;
    list_push_back(&producer->flights, &flight->link);
    producer->flight_count++;
    return flight;
}

static void flight_add(struct produce_flight *flight, struct produce_batch *batch)
{
    if (flight->batch_count == flight->batch_capacity) {
        flight->batch_capacity = flight->batch_capacity == 0 ? 8 : flight->batch_capacity * 2;
        flight->batches = mem_realloc(flight->batches, (size_t)flight->batch_capacity * sizeof(*flight->batches));
    }
    flight->batches[flight->batch_count++] = batch;
    flight->size_bytes += batch->bytes.size + REQUEST_OVERHEAD;
}

// Topic by topic, so that each is named once.
static int by_topic(const void *a, const void *b)
{
    const struct producer_partition *x = (*(struct produce_batch *const *)a)->partition;
    const struct producer_partition *y = (*(struct produce_batch *const *)b)->partition;
    int order = slice_cmp(x->topic->name, y->topic->name);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

static void flight_send(struct produce_flight *flight)
{
    struct producer *producer = flight->producer;
    qsort(flight->batches, (size_t)flight->batch_count, sizeof(struct produce_batch *), by_topic);
    struct arena *arena = &flight->arena;
    struct produce_request *request = ARENA_NEW(arena, struct produce_request);
    *request = produce_request_init();
    request->acks = producer->config.acks;
    request->timeout_ms = producer->config.request_timeout_ms;
    size_t count = (size_t)flight->batch_count;
    request->topic_data.items = ARENA_ARRAY(arena, struct produce_request_topic_produce_data, count);
    struct produce_request_partition_produce_data *data =
        ARENA_ARRAY(arena, struct produce_request_partition_produce_data, count);
    struct produce_request_topic_produce_data *topic = NULL;
    bool has_ids = true;
    for (size_t i = 0; i < count; i++) {
        struct produce_batch *batch = flight->batches[i];
        const struct producer_topic *of = batch->partition->topic;
        if (topic == NULL || !slice_eq(topic->name, of->name)) {
            topic = &request->topic_data.items[request->topic_data.count++];
            *topic = produce_request_topic_produce_data_init();
            topic->name = of->name;
            topic->topic_id = of->meta->id;
            topic->partition_data.items = &data[i];
            has_ids = has_ids && !uuid_is_zero(of->meta->id);
        }
        data[i] = produce_request_partition_produce_data_init();
        data[i].index = batch->partition->index;
        data[i].records.bytes = text_slice(&batch->bytes);
        topic->partition_data.count++;
        batch->partition->in_flight++;
        batch->attempts++;
    }
    struct client_call *call = &flight->call;
    call->api_key = API_PRODUCE;
    call->node_id = flight->node_id;
    call->request = request;
    call->version_max = has_ids ? 0 : 12;
    call->timeout_ms = producer->config.request_timeout_ms;
    call->no_response = producer->config.acks == 0;
    call->done = answered;
    call->context = flight;
    client_call(producer->client, call);
}

// ---- answers ---------------------------------------------------------------------------------------------------

static void requeue(struct produce_batch *batch)
{
    struct producer_partition *partition = batch->partition;
    struct list *before = &partition->queue;
    LIST_EACH (link, &partition->queue) {
        if (LIST_ITEM(link, struct produce_batch, link)->ordinal < batch->ordinal) continue;
        before = link;
        break;
    }
    list_insert_before(before, &batch->link);
    if (!list_is_linked(&partition->active)) list_push_back(&partition->producer->active, &partition->active);
}

static bool is_expired(const struct producer *producer, const struct produce_batch *batch, int64_t now_ns)
{
    return now_ns - batch->created_ns >= ms(producer->config.delivery_timeout_ms);
}

static void expire(struct producer *producer, struct produce_batch *batch)
{
    struct text text = {0};
    text_printf(&text, "Expiring %d record(s) for %.*s-%d:%d ms has passed since batch creation", batch->record_count,
                SLICE_FMT(batch->partition->topic->name), batch->partition->index,
                producer->config.delivery_timeout_ms);
    producer_batch_done(producer, batch, ERR_REQUEST_TIMED_OUT, text_slice(&text), -1, -1);
    text_deinit(&text);
}

static bool leader_is_stale(enum err e)
{
    return e == ERR_NOT_LEADER_OR_FOLLOWER || e == ERR_UNKNOWN_TOPIC_OR_PARTITION || e == ERR_LEADER_NOT_AVAILABLE ||
           e == ERR_NETWORK_EXCEPTION || e == ERR_REQUEST_TIMED_OUT || e == ERR_BROKER_NOT_AVAILABLE ||
           e == ERR_KAFKA_STORAGE_ERROR || e == ERR_UNKNOWN_TOPIC_ID || e == ERR_FENCED_LEADER_EPOCH ||
           e == ERR_UNKNOWN_LEADER_EPOCH;
}

static bool sequence_is_lost(enum err e)
{
    return e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER || e == ERR_UNKNOWN_PRODUCER_ID || e == ERR_INVALID_PRODUCER_EPOCH;
}

static void batch_failed(struct producer *producer, struct produce_batch *batch, enum err e, struct slice text,
                         int64_t now_ns)
{
    bool may_retry = err_is_retriable(e) || e == ERR_BROKER_NOT_AVAILABLE || e == ERR_CORRUPT;
    if (producer->config.is_idempotent && sequence_is_lost(e)) {
        // Behind a batch that is being retried this only means "too early"; otherwise the broker has forgotten us:
        // a new epoch, sequences from 0.
        struct list *front = list_first(&batch->partition->queue);
        bool is_early = front != NULL && LIST_ITEM(front, struct produce_batch, link)->ordinal < batch->ordinal;
        if (!is_early) producer->needs_epoch = true;
        may_retry = true;
    }
    if (leader_is_stale(e)) client_refresh(producer->client);
    bool again = may_retry && (batch->attempts <= producer->config.retries || sequence_is_lost(e));
    if (!again || is_expired(producer, batch, now_ns)) {
        // The gap its sequences leave would fail all that follow.
        if (producer->config.is_idempotent && batch->has_sequence) producer->needs_epoch = true;
        producer_batch_done(producer, batch, e == ERR_BROKER_NOT_AVAILABLE ? ERR_NETWORK_EXCEPTION : e, text, -1, -1);
        return;
    }
    batch->last_err = e;
    batch->not_before_ns = now_ns + backoff_ms(producer->client, producer->config.retry_backoff_ms,
                                               producer->client->config.retry_backoff_max_ms, batch->attempts) *
                                        1000000;
    requeue(batch);
}

static void batch_answered(struct producer *producer, struct produce_batch *batch,
                           const struct produce_response_partition_produce_response *answer, int64_t now_ns)
{
    batch->partition->in_flight--;
    if (answer == NULL) {
        batch_failed(producer, batch, ERR_UNKNOWN_SERVER_ERROR, SLICE_NULL, now_ns);
        return;
    }
    enum err e = (enum err)answer->error_code;
    if (e == OK) {
        producer_batch_done(producer, batch, OK, SLICE_NULL, answer->base_offset, answer->log_append_time_ms);
    } else if (e == ERR_DUPLICATE_SEQUENCE_NUMBER) { // it is there: an earlier try arrived
        producer_batch_done(producer, batch, OK, SLICE_NULL, -1, -1);
    } else {
        batch_failed(producer, batch, e, answer->error_message, now_ns);
    }
}

static const struct produce_response_partition_produce_response *find_answer(const struct produce_response *response,
                                                                             int version,
                                                                             const struct producer_partition *partition)
{
    for (int32_t t = 0; t < response->responses.count; t++) {
        const struct produce_response_topic_produce_response *topic = &response->responses.items[t];
        bool same = version >= 13 ? uuid_eq(topic->topic_id, partition->topic->meta->id)
                                  : slice_eq(topic->name, partition->topic->name);
        if (!same) continue;
        for (int32_t p = 0; p < topic->partition_responses.count; p++) {
            if (topic->partition_responses.items[p].index == partition->index) {
                return &topic->partition_responses.items[p];
            }
        }
    }
    return NULL;
}

static void answered(struct client *client, struct client_call *call)
{
    struct produce_flight *flight = call->context;
    struct producer *producer = flight->producer;
    int64_t now_ns = env_now_ns(client_env(client));
    for (int32_t i = 0; i < flight->batch_count; i++) {
        struct produce_batch *batch = flight->batches[i];
        if (call->err != OK) {
            batch->partition->in_flight--;
            enum err e = call->err == ERR_CLOSED ? ERR_NETWORK_EXCEPTION : call->err;
            batch_failed(producer, batch, e, SLICE_NULL, now_ns);
        } else if (call->no_response) {
            batch->partition->in_flight--;
            producer_batch_done(producer, batch, OK, SLICE_NULL, -1, -1);
        } else {
            batch_answered(producer, batch, find_answer(call->response, call->version, batch->partition), now_ns);
        }
    }
    flight_free(flight);
    producer_wake_at(producer, now_ns);
}

void producer_cancel(struct producer *producer)
{
    if (producer->id_is_asked) client_call_cancel(producer->client, &producer->id_call);
    client_call_deinit(&producer->id_call);
    arena_deinit(&producer->id_arena);
    LIST_EACH (link, &producer->flights) {
        struct produce_flight *flight = LIST_ITEM(link, struct produce_flight, link);
        client_call_cancel(producer->client, &flight->call);
        for (int32_t i = 0; i < flight->batch_count; i++) batch_free(flight->batches[i]);
        flight_free(flight);
    }
}

// ---- the pass --------------------------------------------------------------------------------------------------

static void fail_all(struct producer *producer, enum err e)
{
    LIST_EACH (link, &producer->active) {
        struct producer_partition *partition = LIST_ITEM(link, struct producer_partition, active);
        if (partition->open != NULL) producer_close_batch(partition);
        struct list *b;
        while ((b = list_pop_front(&partition->queue)) != NULL) {
            producer_batch_done(producer, LIST_ITEM(b, struct produce_batch, link), e, SLICE_NULL, -1, -1);
        }
        list_remove(link);
    }
}

// Drops what waited too long. False: nothing is left in the queue.
static bool expire_front(struct producer *producer, struct producer_partition *partition, int64_t now_ns)
{
    struct list *link;
    while ((link = list_first(&partition->queue)) != NULL) {
        struct produce_batch *batch = LIST_ITEM(link, struct produce_batch, link);
        if (!is_expired(producer, batch, now_ns)) {
            producer_wake_at(producer, batch->created_ns + ms(producer->config.delivery_timeout_ms));
            return true;
        }
        if (batch == partition->open) producer_close_batch(partition);
        if (batch->has_sequence) producer->needs_epoch = true;
        list_remove(&batch->link);
        expire(producer, batch);
    }
    list_remove(&partition->active);
    return false;
}

// The front batch if it may leave now; arranges to be woken when it may later.
static struct produce_batch *sendable(struct producer *producer, struct producer_partition *partition, int64_t now_ns)
{
    struct produce_batch *batch = LIST_ITEM(list_first(&partition->queue), struct produce_batch, link);
    if (batch->not_before_ns > now_ns) {
        producer_wake_at(producer, batch->not_before_ns);
        return NULL;
    }
    if (partition->in_flight > 0 && (batch->attempts > 0 || producer->needs_epoch)) return NULL;
    if (batch == partition->open) {
        int64_t ready_ns = batch->created_ns + ms(producer->config.linger_ms);
        bool flushed = batch->created_ns <= producer->flush_ns;
        bool full = producer->used_bytes >= producer->config.buffer_bytes - producer->config.max_request_bytes;
        if (ready_ns > now_ns && !flushed && !full) {
            producer_wake_at(producer, ready_ns);
            return NULL;
        }
    }
    const struct client_topic *meta = partition->topic->meta;
    if (partition->index >= meta->partition_count || meta->partitions[partition->index].leader < 0 ||
        client_node_find(producer->client, meta->partitions[partition->index].leader) == NULL) {
        client_refresh(producer->client);
        return NULL;
    }
    return batch;
}

static int node_load(const struct producer *producer, int32_t node_id)
{
    int count = 0;
    LIST_EACH (link, &producer->flights) count += LIST_ITEM(link, struct produce_flight, link)->node_id == node_id;
    return count;
}

// The flight being filled for the node; NULL when it has enough in the air.
static struct produce_flight *flight_for(struct producer *producer, struct list *filling, int32_t node_id)
{
    LIST_EACH (link, filling) {
        struct produce_flight *flight = LIST_ITEM(link, struct produce_flight, filling);
        if (flight->node_id == node_id) return flight;
    }
    if (node_load(producer, node_id) >= producer->config.max_in_flight) return NULL;
    struct produce_flight *flight = flight_new(producer, node_id);
    list_push_back(filling, &flight->filling);
    return flight;
}

// At most one batch per partition and one request per node; true when something was sent.
static bool send_round(struct producer *producer, int64_t now_ns)
{
    struct list filling;
    list_init(&filling);
    LIST_EACH (link, &producer->active) {
        struct producer_partition *partition = LIST_ITEM(link, struct producer_partition, active);
        if (list_is_empty(&partition->queue)) {
            list_remove(link);
            continue;
        }
        struct produce_batch *batch = sendable(producer, partition, now_ns);
        if (batch == NULL) continue;
        struct produce_flight *flight =
            flight_for(producer, &filling, partition->topic->meta->partitions[partition->index].leader);
        if (flight == NULL) continue;
        if (batch == partition->open) producer_close_batch(partition);
        if (list_first(&partition->queue) != &batch->link) continue; // could not be closed, and has been told so
        if (flight->batch_count > 0 &&
            flight->size_bytes + batch->bytes.size > (size_t)producer->config.max_request_bytes) {
            continue;
        }
        list_remove(&batch->link);
        stamp(producer, batch);
        flight_add(flight, batch);
        if (list_is_empty(&partition->queue)) list_remove(link);
    }
    bool any = false;
    struct list *at;
    while ((at = list_pop_front(&filling)) != NULL) {
        struct produce_flight *flight = LIST_ITEM(at, struct produce_flight, filling);
        if (flight->batch_count == 0) {
            flight_free(flight);
            continue;
        }
        flight_send(flight);
        any = true;
    }
    return any;
}

void producer_drain(struct env *env, struct env_timer *timer)
{
    struct producer *producer = CONTAINER_OF(timer, struct producer, timer);
    producer->timer_ns = 0;
    int64_t now_ns = env_now_ns(env);
    if (producer->fatal != OK) {
        fail_all(producer, producer->fatal);
        return;
    }
    LIST_EACH (link, &producer->active) {
        (void)expire_front(producer, LIST_ITEM(link, struct producer_partition, active), now_ns);
    }
    if (list_is_empty(&producer->active) || !has_identity(producer, now_ns)) return;
    while (send_round(producer, now_ns)) {
    }
}
