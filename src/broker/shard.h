// SPDX-License-Identifier: Apache-2.0
// A shard: one loop and what it owns. Everything here is touched by that loop only.
#ifndef ODRADEK_BROKER_SHARD_H
#define ODRADEK_BROKER_SHARD_H

#include "base/list.h"
#include "base/map.h"
#include "base/text.h"
#include "broker/admission.h"
#include "broker/broker.h"
#include "broker/fetch_session.h"
#include "broker/notice.h"
#include "broker/quotas.h"
#include "broker/telemetry.h"

struct image;
struct inbuf;
struct open_files;
struct partition;
struct request;

struct listener {
    const char *name;            // "PLAINTEXT"
    const char *advertised_host; // what clients are told
    int advertised_port;
    int bound_port;
    bool is_controller;
    enum security_protocol protocol;
    struct env_listener *socket;
    int conn_count; // shard 0's
};

enum { SHARD_SPARES = 8, SHARD_COORDINATOR_KINDS_MAX = 4 };

// The shard's block of producer ids (api/init_producer_id.c).
struct producer_ids {
    int64_t next;
    int64_t end;
    bool is_asking;
    struct list waiting;
};

// Leave to begin a round of compaction, asked of shard 0 (cleaner.c); one under way per shard.
struct cleaner_ask {
    struct env_msg msg;
    struct list link;
    struct shard *shard;
};

struct cleaner {
    struct env_timer timer;
    struct list rounds; // under way here
    struct cleaner_ask ask;
    bool is_asking;
    bool is_on;
    struct list asking; // shard 0: struct cleaner_ask, in order
    int running;        // shard 0: rounds in the whole node, begun or given leave to
};

// assignments.c: directories of replicas, on their way to the controller.
struct assignments {
    struct list ready;
    struct list sent;
    struct env_msg turn_end;
    struct env_timer timer;
    int64_t retry_ms;
    bool is_queued;
    bool is_stopped;
};

struct shard {
    struct env *env;
    struct broker *broker;
    struct log *log;
    struct list conns; // longest without a byte first
    struct env_timer idle_timer;
    struct notices notices;
    int conn_count;
    struct list dirty_conns;
    struct env_msg turn_end;
    bool turn_end_queued;
    struct inbuf *slab; // where the next recv goes
    size_t slab_used;
    struct inbuf *spares[SHARD_SPARES]; // big ones kept for the next big frames
    struct admission admission;
    struct open_files *open_files; // store.h: what its logs keep open
    struct map partitions;         // struct partition by (topic id, index)
    struct map topics;             // struct topic by id
    struct text scratch;           // for decompression inside one call
    struct image *image;           // the newest published metadata, referenced
    struct producer_ids producer_ids;
    struct fetch_sessions fetch_sessions;
    struct quotas quotas;
    struct request *timed;      // its handler runs, and its time is measured (request_percentage)
    int64_t slow_request_ns;    // odradek.slow.request.ms; -1: none is
    bool verifies_transactions; // transaction.partition.verification.enable
    struct telemetry telemetry;
    struct assignments assignments;
    struct list dir_wishes; // struct dir_wish (directories.h), at most DIR_WISHES_MAX
    int dir_wish_count;
    int64_t moves_bytes_per_s; // its share of replica.alter.log.dirs.io.max.bytes.per.second
    int64_t moves_paused_until_ns;
    struct list coordinators; // struct coordinator (drive_coord.c)
    bool creating_coordinator_topic[SHARD_COORDINATOR_KINDS_MAX];
    struct list openings; // partition.c: to be opened at the end of the turn
    struct env_msg open_turn;
    bool is_opening_posted;
    int opening;                        // partitions whose log is being opened
    bool reports_when_open;             // start-up: shard 0 waits to hear that none is left
    struct env_msg report;              // ... by this message
    struct env_msg forget;              // its way through the shards (broker.c)
    int closing;                        // partitions that are being closed; the node stops
    struct checkpoint_set *checkpoints; // what the closed ones left
    struct env_timer retention_timer;   // retention.c
    struct env_timer retention_slice;
    struct retention_round *retention_round; // NULL: none is under way
    bool has_no_inventory;                   // broker.c: all that was on disk at the start is open
    struct cleaner cleaner;
    bool checkpoints_stale; // some high watermark moved since the last checkpoint
    bool stopping;
};

struct shard *shard_new(struct broker *broker, struct env *env);
void shard_free(struct shard *shard);
// The shard that owns a partition.
struct shard *shard_of_partition(struct broker *broker, const uint8_t topic_id[16], int32_t index);
static inline struct shard *shard_here(struct env *env)
{
    return env->user;
}

#endif
