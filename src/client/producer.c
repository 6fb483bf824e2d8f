// SPDX-License-Identifier: Apache-2.0
// Records in: topics, partitioning, batches.
#include "client/producer_int.h"

enum { HASH_SEED = 0x70726f64, FREE_BATCHES_MAX = 64 };

void producer_config_init(struct producer_config *config)
{
    *config = (struct producer_config){
        .acks = -1,
        .is_idempotent = true,
        .codec = CODEC_NONE,
        .level = COMPRESS_LEVEL_DEFAULT,
        .batch_size_bytes = 16384,
        .linger_ms = 5,
        .max_request_bytes = 1048576,
        .buffer_bytes = 33554432,
        .max_in_flight = 5,
        .retries = INT32_MAX,
        .retry_backoff_ms = 100,
        .delivery_timeout_ms = 120000,
        .request_timeout_ms = 30000,
    };
}

// MurmurHash2 by Austin Appleby as Java's client computes it: little-endian words, seed 0x9747b28c.
uint32_t murmur2(struct slice bytes)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28c ^ (uint32_t)bytes.size;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= 4; left -= 4, at += 4) {
        uint32_t k;
        memcpy(&k, at, sizeof(k));
        k *= m;
        k ^= k >> 24;
        h = (h * m) ^ (k * m);
    }
    if (left >= 3) h ^= (uint32_t)at[2] << 16;
    if (left >= 2) h ^= (uint32_t)at[1] << 8;
    if (left >= 1) h = (h ^ at[0]) * m;
    h = (h ^ (h >> 13)) * m;
    return h ^ (h >> 15);
}

static void on_metadata(struct client *client, struct client_listener *listener)
{
    struct producer *producer = CONTAINER_OF(listener, struct producer, listener);
    producer_wake_at(producer, env_now_ns(client_env(client)));
}

struct producer *producer_new(struct client *client, const struct producer_config *config)
{
    struct producer *producer = MEM_NEW(struct producer);
    producer->client = client;
    producer->config = *config;
    producer->producer_id = NO_PRODUCER_ID;
    producer->producer_epoch = NO_PRODUCER_EPOCH;
    producer->timer.fire = producer_drain;
    list_init(&producer->active);
    list_init(&producer->flights);
    list_init(&producer->free_batches);
    producer->listener.changed = on_metadata;
    client_listen(client, &producer->listener);
    env_random(client_env(client), &producer->random_state, sizeof(producer->random_state));
    return producer;
}

void batch_free(struct produce_batch *batch)
{
    text_deinit(&batch->bytes);
    mem_free(batch->receipts);
    mem_free(batch);
}

static void partition_free(struct producer_partition *partition)
{
    struct list *link;
    while ((link = list_pop_front(&partition->queue)) != NULL) batch_free(LIST_ITEM(link, struct produce_batch, link));
    batch_builder_deinit(&partition->builder);
    mem_free(partition);
}

void producer_free(struct producer *producer)
{
    if (producer == NULL) return;
    producer_cancel(producer);
    client_unlisten(&producer->listener);
    env_timer_cancel(client_env(producer->client), &producer->timer);
    MAP_EACH (link, &producer->topics) {
        struct producer_topic *topic = MAP_ITEM(link, struct producer_topic, by_name);
        for (int32_t i = 0; i < topic->partition_count; i++) {
            if (topic->partitions[i] != NULL) partition_free(topic->partitions[i]);
        }
        mem_free(topic->partitions);
        mem_free(topic->name_storage);
        map_remove(&producer->topics, link);
        mem_free(topic);
    }
    map_deinit(&producer->topics);
    struct list *link;
    while ((link = list_pop_front(&producer->free_batches)) != NULL)
        batch_free(LIST_ITEM(link, struct produce_batch, link));
    mem_free(producer);
}

void *producer_context(struct producer *producer)
{
    return producer->config.context;
}

bool producer_has_room(const struct producer *producer)
{
    return producer->used_bytes == 0 || producer->used_bytes + producer->refused_bytes <= producer->config.buffer_bytes;
}

int64_t producer_pending(const struct producer *producer)
{
    return producer->pending;
}

void producer_wake_at(struct producer *producer, int64_t at_ns)
{
    if (producer->timer_ns != 0 && producer->timer_ns <= at_ns) return;
    producer->timer_ns = at_ns;
    env_timer_set_ns(client_env(producer->client), &producer->timer, at_ns);
}

static void wake(struct producer *producer)
{
    producer_wake_at(producer, env_now_ns(client_env(producer->client)));
}

void producer_flush(struct producer *producer)
{
    producer->flush_ns = env_now_ns(client_env(producer->client));
    if (!list_is_empty(&producer->active)) wake(producer);
}

// ---- topics ----------------------------------------------------------------------------------------------------

static struct producer_topic *find_topic(struct producer *producer, struct slice name)
{
    struct producer_topic *last = producer->last_topic;
    if (last != NULL && slice_eq(last->name, name)) return last;
    uint64_t hash = hash_bytes(HASH_SEED, name);
    for (struct map_link *l = map_find(&producer->topics, hash); l != NULL; l = map_find_next(l)) {
        struct producer_topic *topic = MAP_ITEM(l, struct producer_topic, by_name);
        if (!slice_eq(topic->name, name)) continue;
        producer->last_topic = topic;
        return topic;
    }
    struct producer_topic *topic = MEM_NEW(struct producer_topic);
    topic->name_storage = mem_alloc(name.size + 1);
    memcpy(topic->name_storage, name.data, name.size);
    topic->name_storage[name.size] = '\0';
    topic->name = slice_of(topic->name_storage, name.size);
    topic->sticky = -1;
    map_insert(&producer->topics, &topic->by_name, hash);
    producer->last_topic = topic;
    client_want_topic(producer->client, name);
    return topic;
}

// ERR_AGAIN: no partitions known yet. Follows a topic that grows.
MUST_CHECK static enum err look_up(struct producer *producer, struct producer_topic *topic)
{
    if (topic->meta == NULL) topic->meta = client_topic(producer->client, topic->name);
    if (topic->meta == NULL) return ERR_AGAIN;
    enum err e = topic->meta->err;
    if (e != OK && topic->meta->partition_count == 0) {
        if (!err_is_retriable(e)) return e;
        client_refresh(producer->client);
        return ERR_AGAIN;
    }
    int32_t count = topic->meta->partition_count;
    if (count > topic->partition_count) {
        topic->partitions = mem_realloc(topic->partitions, (size_t)count * sizeof(*topic->partitions));
        for (int32_t i = topic->partition_count; i < count; i++) topic->partitions[i] = NULL;
        topic->partition_count = count;
    }
    return OK;
}

static uint32_t next_random(struct producer *producer)
{
    producer->random_state = producer->random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(producer->random_state >> 33);
}

// A partition that has a leader; any when none has.
static int32_t choose_sticky(struct producer *producer, const struct producer_topic *topic)
{
    int32_t count = topic->meta->partition_count;
    int32_t start = (int32_t)(next_random(producer) % (uint32_t)count);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = (start + i) % count;
        if (at == topic->sticky && count > 1) continue;
        if (topic->meta->partitions[at].leader >= 0) return at;
    }
    return start;
}

static int32_t choose_partition(struct producer *producer, struct producer_topic *topic,
                                const struct producer_record *record, size_t size)
{
    int32_t count = topic->meta->partition_count;
    if (record->partition >= 0) return record->partition < count ? record->partition : -1;
    if (!slice_is_null(record->key)) return (int32_t)((murmur2(record->key) & 0x7fffffff) % (uint32_t)count);
    if (topic->sticky < 0 || topic->sticky >= count || topic->sticky_bytes >= producer->config.batch_size_bytes) {
        topic->sticky = choose_sticky(producer, topic);
        topic->sticky_bytes = 0;
    }
    topic->sticky_bytes += (int64_t)size;
    return topic->sticky;
}

static struct producer_partition *get_partition(struct producer *producer, struct producer_topic *topic, int32_t index)
{
    if (topic->partitions[index] != NULL) return topic->partitions[index];
    struct producer_partition *partition = MEM_NEW(struct producer_partition);
    partition->producer = producer;
    partition->topic = topic;
    partition->index = index;
    list_init(&partition->queue);
    topic->partitions[index] = partition;
    return partition;
}

// ---- batches ---------------------------------------------------------------------------------------------------

static struct produce_batch *open_batch(struct producer_partition *partition, int64_t now_ns)
{
    struct producer *producer = partition->producer;
    struct list *link = list_pop_front(&producer->free_batches);
    struct produce_batch *batch;
    if (link == NULL) {
        batch = MEM_NEW(struct produce_batch);
    } else {
        producer->free_count--;
        struct produce_batch *used = LIST_ITEM(link, struct produce_batch, link);
        struct text bytes = used->bytes;
        text_clear(&bytes);
        *used = (struct produce_batch){
            .bytes = bytes, .receipts = used->receipts, .receipt_capacity = used->receipt_capacity};
        batch = used;
    }
    batch->partition = partition;
    batch->ordinal = partition->next_ordinal++;
    batch->created_ns = now_ns;
    struct batch_spec spec = batch_spec(0);
    spec.codec = producer->config.codec;
    spec.level = producer->config.level;
    batch_begin(&partition->builder, &batch->bytes, &spec);
    partition->open = batch;
    list_push_back(&partition->queue, &batch->link);
    if (!list_is_linked(&partition->active)) list_push_back(&producer->active, &partition->active);
    return batch;
}

void producer_close_batch(struct producer_partition *partition)
{
    struct produce_batch *batch = partition->open;
    partition->open = NULL;
    enum err e = batch_end(&partition->builder, NULL);
    batch->is_closed = true;
    if (e == OK) return;
    batch_abandon(&partition->builder);
    list_remove(&batch->link);
    producer_batch_done(partition->producer, batch, e, SLICE_NULL, -1, -1);
}

void producer_batch_done(struct producer *producer, struct produce_batch *batch, enum err err, struct slice text,
                         int64_t base_offset, int64_t append_time)
{
    producer->pending -= batch->record_count;
    producer->used_bytes -= batch->charged_bytes;
    struct producer_delivery delivery = {
        .err = err, .err_text = text, .topic = batch->partition->topic->name, .partition = batch->partition->index};
    for (int32_t i = 0; producer->config.delivered != NULL && i < batch->record_count; i++) {
        const struct receipt *receipt = &batch->receipts[i];
        delivery.offset = base_offset < 0 ? -1 : base_offset + i;
        delivery.timestamp = append_time >= 0 ? append_time : receipt->timestamp;
        delivery.key_size = receipt->key_size;
        delivery.value_size = receipt->value_size;
        delivery.context = receipt->context;
        producer->config.delivered(producer, &delivery);
    }
    if (producer->free_count < FREE_BATCHES_MAX) {
        list_push_back(&producer->free_batches, &batch->link);
        producer->free_count++;
    } else {
        batch_free(batch);
    }
}

static void add_receipt(struct produce_batch *batch, const struct producer_record *record, int64_t timestamp)
{
    if (batch->record_count == batch->receipt_capacity) {
        batch->receipt_capacity = batch->receipt_capacity == 0 ? 32 : batch->receipt_capacity * 2;
        batch->receipts = mem_realloc(batch->receipts, (size_t)batch->receipt_capacity * sizeof(*batch->receipts));
    }
    batch->receipts[batch->record_count] = (struct receipt){
        .context = record->context,
        .timestamp = timestamp,
        .key_size = slice_is_null(record->key) ? -1 : (int32_t)record->key.size,
        .value_size = slice_is_null(record->value) ? -1 : (int32_t)record->value.size,
    };
}

enum err producer_send(struct producer *producer, const struct producer_record *record)
{
    if (producer->fatal != OK) return ERR_CLOSED;
    const struct producer_config *config = &producer->config;
    struct producer_topic *topic = find_topic(producer, record->topic);
    enum err e = look_up(producer, topic);
    if (e != OK) return e;
    size_t size = record_size_max(record->key, record->value, record->headers, record->header_count);
    if (size + BATCH_HEADER_SIZE > (size_t)config->max_request_bytes) return ERR_MESSAGE_TOO_LARGE;
    if (producer->used_bytes > 0 && producer->used_bytes + (int64_t)size > config->buffer_bytes) {
        producer->refused_bytes = (int64_t)size;
        wake(producer);
        return ERR_AGAIN;
    }
    int32_t index = choose_partition(producer, topic, record, size);
    if (index < 0) return ERR_INVALID;
    struct producer_partition *partition = get_partition(producer, topic, index);
    struct env *env = client_env(producer->client);
    if (partition->open != NULL && partition->open->record_count > 0 &&
        batch_size_so_far(&partition->builder) + size > (size_t)config->batch_size_bytes) {
        producer_close_batch(partition);
        wake(producer);
    }
    struct produce_batch *batch = partition->open;
    if (batch == NULL) {
        int64_t now_ns = env_now_ns(env);
        batch = open_batch(partition, now_ns);
        producer_wake_at(producer, now_ns + (int64_t)config->linger_ms * 1000000);
    }
    int64_t timestamp = record->timestamp >= 0 ? record->timestamp : env_wall_ms(env);
    batch_add(&partition->builder, timestamp, record->key, record->value, record->headers, record->header_count);
    if (config->delivered != NULL) add_receipt(batch, record, timestamp);
    batch->record_count++;
    batch->charged_bytes += (int64_t)size;
    producer->used_bytes += (int64_t)size;
    producer->refused_bytes = 0;
    producer->pending++;
    if (batch_size_so_far(&partition->builder) >= (size_t)config->batch_size_bytes) {
        producer_close_batch(partition);
        wake(producer);
    }
    return OK;
}
