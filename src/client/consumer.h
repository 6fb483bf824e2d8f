// SPDX-License-Identifier: Apache-2.0
// A consumer of partitions it is told to read (groups stand on top of it later). Fetches ahead from the leaders;
// records are pulled.
#ifndef ODRADEK_CLIENT_CONSUMER_H
#define ODRADEK_CLIENT_CONSUMER_H

#include "client/client.h"
#include "record/batch.h"

struct consumer;

enum { CONSUMER_EARLIEST = -2, CONSUMER_LATEST = -1 }; // in place of an offset
enum offset_reset { RESET_LATEST, RESET_EARLIEST, RESET_NONE };

struct consumer_config {
    bool read_committed;
    enum offset_reset reset;     // when an offset is out of range; default RESET_LATEST
    bool check_crcs;             // true
    int32_t fetch_min_bytes;     // 1
    int32_t fetch_max_wait_ms;   // 500
    int32_t fetch_max_bytes;     // 52428800; also bounds what is held fetched and unread
    int32_t partition_max_bytes; // 1048576
    struct slice rack_id;        // "" = none
    // Called on the loop when records, a failure or an end came in; NULL = nobody asks.
    void (*ready)(struct consumer *consumer);
    void *context;
};

// Slices are valid until the next consumer_next.
struct consumer_record {
    struct slice topic;
    int32_t partition;
    int32_t leader_epoch; // -1 unknown
    enum timestamp_type timestamp_type;
    bool has_timestamp_type; // false for magic 0
    struct record record;
};

struct consumer_failure {
    enum err err;
    struct slice topic;
    int32_t partition;
    int64_t offset; // where it happened
};

void consumer_config_init(struct consumer_config *config);
struct consumer *consumer_new(struct client *client, const struct consumer_config *config);
void consumer_free(struct consumer *consumer);
void *consumer_context(struct consumer *consumer);

// Reads `topic`-`partition` from `offset` on (>= 0, CONSUMER_EARLIEST, CONSUMER_LATEST). Again for the same partition:
// seek.
void consumer_assign(struct consumer *consumer, struct slice topic, int32_t partition, int64_t offset);
// From the first record at or after `timestamp_ms`; from the end if there is none.
void consumer_assign_time(struct consumer *consumer, struct slice topic, int32_t partition, int64_t timestamp_ms);
void consumer_unassign(struct consumer *consumer, struct slice topic, int32_t partition);

// The next record; false: none here now, run the loop until `ready` or a deadline of your own.
bool consumer_next(struct consumer *consumer, struct consumer_record *out);
// True when consumer_next would give a record or a failure waits.
bool consumer_is_ready(const struct consumer *consumer);
// The first failure that reading on cannot cure (authorisation, corrupt data, offset out of range with
// RESET_NONE); its partition is not read further until assigned again. False: none.
bool consumer_failed(struct consumer *consumer, struct consumer_failure *out);
// Offset of the next record consumer_next will look at, -1 = not known yet or not assigned.
int64_t consumer_position(const struct consumer *consumer, struct slice topic, int32_t partition);
// A partition just assigned goes on behind a record of `leader_epoch`.
void consumer_set_position_epoch(struct consumer *consumer, struct slice topic, int32_t partition,
                                 int32_t leader_epoch);
// Leader epoch of the record in front of the position, -1 = not known.
int32_t consumer_position_epoch(const struct consumer *consumer, struct slice topic, int32_t partition);
// Known end of the partition for this reader (high watermark or last stable offset), -1 = not known yet.
int64_t consumer_end(const struct consumer *consumer, struct slice topic, int32_t partition);

#endif
