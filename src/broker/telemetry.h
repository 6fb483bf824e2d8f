// SPDX-License-Identifier: Apache-2.0
// Client metrics (KIP-714): which metrics a client is asked for, how often, and whether it keeps to that. What clients
// push is counted and let go: nothing here looks into it.
//
// Apache Kafka announces the two APIs only when a receiver is plugged in. This node is its own receiver, and announces
// them as soon as somebody has asked for client metrics (a `client-metrics` configuration); a node that nobody
// asked shows the list of a Kafka without a receiver. The requests are answered in either case, as there.
//
// A client is known on the shard of its connection, as long as that lives: its next connection may come to another
// shard, where it starts afresh, as with another broker.
#ifndef ODRADEK_BROKER_TELEMETRY_H
#define ODRADEK_BROKER_TELEMETRY_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/uuid.h"

struct conn;
struct image;
struct image_delta;
struct request;
struct telemetry_client;

struct telemetry { // of one shard
    struct map clients;
    struct list used; // least recently used first
    uint64_t version; // of the subscriptions
    uint64_t hash_seed;
    // Counted since the start.
    int64_t pushes;
    int64_t pushed_bytes;
    int64_t throttled;
    int64_t unknown_subscriptions;
};

void telemetry_init(struct telemetry *telemetry, uint64_t hash_seed);
void telemetry_deinit(struct telemetry *telemetry);
void telemetry_apply(struct telemetry *telemetry, const struct image_delta *delta);
// The client of a connection that ends.
void telemetry_forget(struct telemetry *telemetry, struct telemetry_client *client);
// Has anybody asked for client metrics?
bool telemetry_is_wanted(const struct image *image);

struct telemetry_wish {
    struct uuid client_id;
    int32_t subscription_id;
    int32_t push_interval_ms;
    const struct slice *metrics; // borrowed until the next call; "*" alone = all
    int32_t metric_count;
};
// THROTTLING_QUOTA_EXCEEDED: asked again too early. `client_id` zero = the client has none yet and gets one.
MUST_CHECK enum err telemetry_subscribe(struct request *request, struct uuid client_id, struct telemetry_wish *out);

struct telemetry_push {
    struct uuid client_id;
    int32_t subscription_id;
    int8_t compression;
    bool is_last;
    struct slice metrics;
};
// INVALID_REQUEST, THROTTLING_QUOTA_EXCEEDED, UNKNOWN_SUBSCRIPTION_ID, UNSUPPORTED_COMPRESSION_TYPE,
// TELEMETRY_TOO_LARGE.
MUST_CHECK enum err telemetry_take(struct request *request, const struct telemetry_push *push);

#endif
