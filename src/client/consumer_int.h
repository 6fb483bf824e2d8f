// SPDX-License-Identifier: Apache-2.0
// Private to the consumer: consumer.c asks, consumer_ask.c writes the requests, consumer_read.c reads what came.
#ifndef ODRADEK_CLIENT_CONSUMER_INT_H
#define ODRADEK_CLIENT_CONSUMER_INT_H

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "client/consumer.h"
#include "proto/fetch.h"

struct question;

struct consumer_partition {
    struct list link; // consumer->partitions
    struct map_link by_name;
    char *topic_storage;
    struct slice topic;
    int32_t index;
    uint32_t generation; // moves with every seek: older answers are not for us
    bool is_failed;
    bool is_dropped; // no longer assigned
    int64_t look_for;     // while fetch_offset < 0: CONSUMER_EARLIEST, CONSUMER_LATEST or a time
    int64_t position;     // next offset to be read; -1 = to be looked for
    int32_t position_epoch;
    int64_t fetch_offset; // next offset to be fetched
    int64_t end;
    int64_t not_before_ns;
    int32_t unread; // chunks not started
    struct question *in_question;
};

struct question_item {
    struct consumer_partition *partition;
    uint32_t generation;
};

// A Fetch or ListOffsets call. Answers of fetches live until their chunks are read.
struct question {
    struct list link;    // consumer->questions
    struct list filling; // of one pass
    struct consumer *consumer;
    struct client_call call;
    struct arena arena;
    struct question_item *items; // in the arena
    size_t item_count;
    size_t item_capacity;
    int32_t node_id;
    bool is_fetch;
    bool is_answered;
    int refs;
};

// Fetched bytes of one partition; pins its answer.
struct chunk {
    struct list link; // consumer->chunks
    struct question *question;
    struct consumer_partition *partition;
    const struct fetch_response_partition_data *data;
    bool is_started;
    int64_t next_offset; // behind the last whole batch
    int32_t aborted_next; // of data->aborted_transactions, sorted by first offset
};

// The chunk being read.
struct reading {
    struct chunk *chunk;
    struct batch_iter batches;
    struct batch_view batch;
    struct record_iter records;
    bool in_batch;
    struct text scratch;     // decompressed body
    int64_t *aborted;        // producer ids whose transactional batches are skipped
    int32_t aborted_count;
    int32_t aborted_capacity;
};

struct consumer {
    struct client *client;
    struct consumer_config config;
    struct list partitions;
    struct map by_name;
    struct list questions;
    struct list chunks;
    int64_t unread_bytes;
    struct reading reading;
    struct env_timer timer;
    int64_t timer_ns;
    struct client_listener listener;
    bool has_failure;
    struct consumer_failure failure;
};

// consumer.c
void consumer_wake_after(struct consumer *consumer, int64_t after_ms);
void consumer_fail(struct consumer *consumer, struct consumer_partition *partition, enum err e);
void answer_unref(struct question *question);

// consumer_ask.c
void question_add(struct question *question, struct consumer_partition *partition);
// Fills the call: api key, request, versions.
void question_encode(struct question *question);

// consumer_read.c
// NULL: the bytes hold no whole batch.
struct chunk *chunk_new(struct consumer *consumer, struct question *question, struct consumer_partition *partition,
                        const struct fetch_response_partition_data *data);
void chunk_free(struct consumer *consumer, struct chunk *chunk);
void reading_stop(struct consumer *consumer);
void reading_deinit(struct reading *reading);

#endif
