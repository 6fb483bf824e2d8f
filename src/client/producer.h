// SPDX-License-Identifier: Apache-2.0
// A producer: records are batched by partition and sent to leaders, in order per partition, at most
// max_in_flight requests per broker, idempotently unless told otherwise (kafka-internals B1-B3).
#ifndef ODRADEK_CLIENT_PRODUCER_H
#define ODRADEK_CLIENT_PRODUCER_H

#include "client/client.h"
#include "record/builder.h"

struct producer;

// What became of one record; in order per partition unless retries without idempotence reorder them.
struct producer_delivery {
    enum err err;
    struct slice err_text; // the broker's own message; null = err_text(err)
    struct slice topic;
    int32_t partition;
    int64_t offset;    // -1 with acks=0 or on failure
    int64_t timestamp; // as stored; -1 unknown
    int64_t key_size;   // bytes, -1 = null
    int64_t value_size;
    void *context; // the record's
};

struct producer_config {
    int16_t acks;                 // -1 (all), 0, 1; default -1
    bool is_idempotent;           // default true; needs acks -1
    enum codec codec;
    int32_t level;                // COMPRESS_LEVEL_DEFAULT
    int32_t batch_size_bytes;     // 16384; a record above it gets a batch of its own
    int32_t linger_ms;            // 5
    int32_t max_request_bytes;    // 1048576; also the largest record
    int64_t buffer_bytes;         // 33554432: records accepted and not yet delivered
    int32_t max_in_flight;        // 5 per broker
    int32_t retries;              // INT32_MAX
    int32_t retry_backoff_ms;     // 100, doubled up to retry_backoff_max_ms of the client
    int32_t delivery_timeout_ms;  // 120000
    int32_t request_timeout_ms;   // 30000
    // Called on the loop for each record; NULL = nobody asks. Must not call producer_send.
    void (*delivered)(struct producer *producer, const struct producer_delivery *delivery);
    void *context;
};

struct producer_record {
    struct slice topic;
    int32_t partition; // -1 = murmur2 of the key as Java's client, or sticky without a key
    int64_t timestamp; // -1 = now
    struct slice key;  // null or bytes
    struct slice value;
    const struct record_header *headers;
    int32_t header_count;
    void *context;
};

void producer_config_init(struct producer_config *config);
// `client` outlives the producer.
struct producer *producer_new(struct client *client, const struct producer_config *config);
// Records not delivered yet are dropped without a word: flush first.
void producer_free(struct producer *producer);
void *producer_context(struct producer *producer);

// Copies the record into a batch.
// ERR_AGAIN: the topic's metadata is not here yet (it has been asked for) or the buffer is full: run the loop, then
// try again. ERR_RECORD_TOO_LARGE is ERR_MESSAGE_TOO_LARGE. ERR_INVALID: no such partition, ERR_CLOSED after a fatal
// failure; or the topic's own error (ERR_INVALID_TOPIC_EXCEPTION, ERR_TOPIC_AUTHORIZATION_FAILED).
MUST_CHECK enum err producer_send(struct producer *producer, const struct producer_record *record);
// True when producer_send would not say ERR_AGAIN for want of room.
bool producer_has_room(const struct producer *producer);
// Sends what lingers without waiting; done when producer_pending is 0. Applies to records sent so far.
void producer_flush(struct producer *producer);
// Records accepted and not yet delivered or failed.
int64_t producer_pending(const struct producer *producer);

// Java's murmur2, seed 0x9747b28c: the default partition of a key is (hash & 0x7fffffff) % partitions.
uint32_t murmur2(struct slice bytes);

#endif
