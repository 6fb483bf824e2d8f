// SPDX-License-Identifier: Apache-2.0
// Private to the producer: producer.c takes records in, producer_send.c gets them out.
#ifndef ODRADEK_CLIENT_PRODUCER_INT_H
#define ODRADEK_CLIENT_PRODUCER_INT_H

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "client/producer.h"

// What `delivered` has to say about one record.
struct receipt {
    void *context;
    int64_t timestamp;
    int32_t key_size, value_size; // -1 = null
};

// Owned by its partition's queue, or by the request that carries it, or by the free list.
struct produce_batch {
    struct list link;
    struct producer_partition *partition;
    uint64_t ordinal; // order within the partition; a retry goes back to its place
    struct text bytes;
    bool is_closed; // `bytes` is a whole batch
    struct receipt *receipts; // NULL when nobody asks
    int32_t receipt_capacity;
    int32_t record_count;
    int64_t charged_bytes; // against buffer_bytes
    int64_t created_ns;
    int64_t not_before_ns; // back-off after a failure
    int32_t attempts;
    enum err last_err;
    bool has_sequence;
};

struct producer_partition {
    struct list active; // in producer->active while the queue is not empty
    struct producer *producer;
    struct producer_topic *topic;
    int32_t index;
    struct list queue; // batches to be sent, by ordinal; the last may be open
    struct produce_batch *open;
    struct batch_builder builder; // of `open`
    int32_t in_flight;            // batches
    int32_t next_sequence;
    uint64_t next_ordinal;
};

struct producer_topic {
    struct map_link by_name;
    struct slice name;
    char *name_storage;
    const struct client_topic *meta; // the client's entry: stays where it is
    struct producer_partition **partitions; // made when first used
    int32_t partition_count;
    int32_t sticky;       // partition for records without a key, -1 = choose
    int64_t sticky_bytes; // produced to it since it was chosen
};

struct produce_flight {
    struct list link;    // producer->flights
    struct list filling; // of one pass, while batches are added
    struct producer *producer;
    struct client_call call;
    struct arena arena; // the request's structs
    struct produce_batch **batches;
    int32_t batch_count;
    int32_t batch_capacity;
    size_t size_bytes;
    int32_t node_id;
};

struct producer {
    struct client *client;
    struct producer_config config;
    struct map topics;
    struct producer_topic *last_topic;
    struct list active;
    struct list flights; // sent and not answered
    int32_t flight_count;
    struct list free_batches;
    int32_t free_count;
    struct env_timer timer;
    int64_t timer_ns; // 0 = not set
    int64_t flush_ns; // batches made until then do not linger
    int64_t used_bytes;
    int64_t refused_bytes; // size of the record that found no room
    int64_t pending;
    int64_t producer_id; // NO_PRODUCER_ID = to be asked for
    int16_t producer_epoch;
    bool needs_epoch;  // sequences are lost: a new epoch once nothing is in flight
    bool id_is_asked;
    int32_t id_failures;
    int64_t id_not_before_ns;
    struct client_call id_call;
    struct arena id_arena;
    enum err fatal;
    struct client_listener listener;
    uint64_t random_state;
};

// producer.c
void producer_close_batch(struct producer_partition *partition);
void producer_wake_at(struct producer *producer, int64_t at_ns);
// Tells the receipts, gives the batch back. It must be in no list.
void producer_batch_done(struct producer *producer, struct produce_batch *batch, enum err err, struct slice text,
                         int64_t base_offset, int64_t append_time);
void batch_free(struct produce_batch *batch);

// producer_send.c
void producer_drain(struct env *env, struct env_timer *timer);
void producer_cancel(struct producer *producer);

#endif
