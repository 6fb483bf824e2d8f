// SPDX-License-Identifier: Apache-2.0
// What the files of this room share. Written during start-up on shard 0, read by all shards afterwards; what changes
// later says who owns it.
#ifndef ODRADEK_BROKER_BROKER_INT_H
#define ODRADEK_BROKER_BROKER_INT_H

#include "base/uuid.h"
#include "broker/broker.h"
#include "broker/inventory.h"
#include "broker/listeners.h"
#include "broker/shard.h"

struct logdir;
struct metadata;

enum { LISTENERS_MAX = 16, LOG_DIRS_MAX = 64 };

enum broker_life {
    BROKER_STARTING, // metadata is loaded, the node registers
    BROKER_LOADING,  // logs are opened
    BROKER_RUNNING,
    BROKER_STOPPING,
    BROKER_STOPPED,
};

struct early_delta {
    struct list link;
    struct image *image;
    struct image_delta *delta;
};

struct broker {
    struct broker_options options;
    const struct config *config;
    struct log *log;
    struct arena arena; // of shard 0: what lives as long as the node
    struct shard **shards;
    int shard_count;
    int next_shard; // shard 0: the next accepted connection goes there

    int32_t node_id;
    char cluster_id[64];
    int32_t frame_bytes_max; // socket.request.max.bytes
    int64_t idle_ms_max;     // connections.max.idle.ms; none when not positive
    int32_t fetch_bytes_max; // fetch.max.bytes
    int32_t described_partitions_max; // max.request.partition.size.limit
    bool creates_topics;     // auto.create.topics.enable
    uint64_t hash_seed;

    struct listener listeners[LISTENERS_MAX];
    int listener_count;

    struct logdir *logdirs[LOG_DIRS_MAX];
    bool logdir_was_clean[LOG_DIRS_MAX];
    int logdir_count;
    struct logdir *metadata_only_dir; // metadata.log.dir when it is none of log.dirs; else NULL

    struct inventory inventory; // what was on disk at start

    // The rest is shard 0's.
    enum broker_life life;
    struct metadata *metadata;
    struct list early_deltas;  // struct early_delta: what changed before the node was registered
    struct listeners entrance; // who comes in
    int shards_loading;
    int shards_closing;
    int shards_remembering; // that may still look into the inventory
    int64_t previous_epoch;    // from the clean-shutdown markers; -1 = not all agree
    int64_t broker_epoch;      // for the next markers
    bool was_loaded;           // all logs had been opened: markers may be written
    struct env_task stray_task;
    struct env_task settle_task;
    struct logdir_replay replayed[LOG_DIRS_MAX];
    int64_t opened_ns; // the directories, by the loop's clock
    struct env_task close_task;
    struct env_task trim_task;
    const struct image *stray_check_image;
    struct text stray_problem;
    enum err stray_result;
    int told_offline;           // directories that were offline when the controller was told last
    struct uuid *told_cordoned; // and what was cordoned
    int32_t told_cordoned_count;
    struct arena told_arena;
    struct checkpoint_rounds *rounds;
    struct env_timer dir_watch;
    struct env_timer dir_failure; // log.dir.failure.timeout.ms
    bool waits_for_failure;       // to be heard of
    struct env_msg farewell;
    enum err why_stopped;
};

// Shard 0. The node ends: `text` goes to the log.
void broker_give_up(struct broker *broker, enum err why, const char *text);
// A log directory's path as clients know it: absolute, as Kafka's is. In the arena.
struct slice broker_dir_path(const struct broker *broker, const struct logdir *dir, struct arena *arena);
// The directory that holds the metadata log.
struct logdir *broker_metadata_dir(const struct broker *broker);

#endif
