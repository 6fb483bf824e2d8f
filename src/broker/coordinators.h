// SPDX-License-Identifier: Apache-2.0
// This node's coordinators: one per partition of an internal topic that it leads, on the shard that owns the partition.
// Born when the partition is online with this node as leader, loaded from its log, gone when the partition closes,
// fails or finds another leader; a failed append or a new leader epoch loads it anew. Callers on any shard ask by
// message.
//
// What a call can be told instead of an answer, in call.err (kafka-internals E1):
//   COORDINATOR_LOAD_IN_PROGRESS   its log is being read
//   NOT_COORDINATOR                not here, or its log cannot be served
//   COORDINATOR_NOT_AVAILABLE      the append its answer rested on was not taken
#ifndef ODRADEK_BROKER_COORDINATORS_H
#define ODRADEK_BROKER_COORDINATORS_H

#include "broker/shard.h"
#include "coord/coord.h"
#include "env/env.h"

struct partition;

// Key types of FindCoordinator are these numbers.
enum coordinator_kind {
    COORDINATOR_GROUP,
    COORDINATOR_KINDS,
};

// ---- calls, on the caller's shard ("home") --------------------------------------------------------------------------

// Embedded in the caller's struct and kept, with the request body, until `done`.
struct coordinator_call {
    struct coord_call call; // api_key, version, body, client_id, client_host: the caller's
    // On home, once, perhaps inside coordinator_call. What `response` points to is in call.arena: adopt or free it.
    void (*done)(struct coordinator_call *call);
    void *context; // the caller's

    struct env_msg msg; // private from here on
    struct env_msg recall;
    struct shard *home;
    struct shard *owner;
    struct uuid topic_id;
    int32_t index;
    int out;      // messages that are not back; home's
    bool is_held; // by a coordinator; owner's
};

// Asks the coordinator of `key` (a group id).
void coordinator_call(struct shard *home, enum coordinator_kind kind, struct slice key, struct coordinator_call *call);
// Asks the coordinator of partition `index` of that kind's topic.
void coordinator_call_at(struct shard *home, enum coordinator_kind kind, int32_t index, struct coordinator_call *call);
// The client is gone: `done` comes soon. Nothing happens when it has come already.
void coordinator_abandon(struct coordinator_call *call);

// ---- topics ---------------------------------------------------------------------------------------------------------

// NULL: it is not made yet.
const struct image_topic *coordinator_topic(const struct image *image, enum coordinator_kind kind);
// Asks the controller to make it, unless this shard is asking already.
void coordinator_create_topic(struct shard *shard, enum coordinator_kind kind);

// ---- for partitions and metadata, on the owner's shard
// ----------------------------------------------------------------

// The partition came online, or its leader or epoch changed: begins, loads anew or ends what belongs to it.
void coordinators_update(struct partition *partition);
// The partition serves no longer: whoever waits is told NOT_COORDINATOR.
void coordinators_drop(struct partition *partition);
// A transaction marker for the partition: the coordinator's pending records of that producer hold, or never were.
// Markers are appended only while the coordinator may take them; nobody else may be on the partition at all.
bool coordinators_may_end_transaction(const struct partition *partition);
void coordinators_end_transaction(struct partition *partition, int64_t producer_id, bool is_commit);
void coordinators_image_changed(struct shard *shard, const struct image_delta *delta);

#endif
