// SPDX-License-Identifier: Apache-2.0
// A partition this node leads, on the shard that owns it: its log, its high watermark, and who waits for either.
//
// The high watermark is the least durable end of the in-sync replicas (design rule 1); a lone replica's is its own. It
// moves only in partition_advance, which then answers produces that waited for it and wakes fetches that slept on it.
#ifndef ODRADEK_BROKER_PARTITION_H
#define ODRADEK_BROKER_PARTITION_H

#include "base/map.h"
#include "base/uuid.h"
#include "broker/shard.h"
#include "store/store.h"

enum partition_state {
    PARTITION_OPENING, // its log is being loaded or made: who asks waits in open_waits
    PARTITION_ONLINE,
    PARTITION_FAILED,  // its directory is offline: KAFKA_STORAGE_ERROR
    PARTITION_CLOSING, // deleted, or the node stops
};

// A topic's name, shared by its partitions on one shard: a node with many partitions has few names.
struct topic_name {
    int refs; // the shard's; a task may read the text of a partition that waits for it
    char text[];
};
struct topic_name *topic_name_new(struct slice text);
struct topic_name *topic_name_ref(struct topic_name *name);
void topic_name_unref(struct topic_name *name);

// What only a partition needs that somebody uses; made then (partition.c).
struct partition_waits {
    struct list acks[2]; // struct ack_wait by enum ack_of, ascending offset
    struct list watches; // struct fetch_watch
    struct list appends; // struct open_wait, while appends are held
};

// Small, because most partitions of a node with many of them are idle: about a hundred bytes.
struct partition {
    struct map_link in_shard; // by (topic id, index)
    struct shard *shard;
    struct uuid topic_id;
    struct topic_name *name; // a reference
    const char *topic;       // its text
    int32_t index;
    int32_t leader_epoch;
    enum partition_state state;
    bool is_retaining;  // retention.c
    bool holds_appends; // its log is about to be replaced by a copy in another directory (move_replica.h)
    bool is_counted;          // among the logs of its directory
    struct logdir *dir;
    struct plog *plog;               // ONLINE, CLOSING
    struct partition_waits *waits;   // NULL: nobody ever waited
    struct opening *opening;         // OPENING
    struct closing *closing;         // CLOSING
    struct coordinator *coordinator; // drive_coord.c; NULL on all but internal topics
    struct move *move;               // into another directory; NULL = none
    void (*moved)(struct partition *partition); // closing waits for the move's end
};

// acks=1 waits for the leader's own durable end, acks=all for the high watermark.
enum ack_of { ACK_OF_LEADER, ACK_OF_ALL };

// A produce that waits until that end has reached `offset`.
struct ack_wait {
    struct list link;
    int64_t offset;
    void (*done)(struct ack_wait *wait, enum err result);
};

// A fetch that waits until the partition shows more than it did.
struct fetch_watch {
    struct list link;
    struct partition *partition;
    bool is_committed;                       // waits for the last stable offset: fires when that passes `offset`
    int64_t offset;                          // else fires when the high watermark passes it ...
    int64_t size_bytes;                      // ... and this many bytes were added since the watch began (min.bytes)
    int64_t from_bytes;                      // private
    void (*fire)(struct fetch_watch *watch); // unlinked already; may not touch the partition's watches
};

// NULL: not here.
struct partition *partition_find(struct shard *shard, struct uuid topic_id, int32_t index);
// OK, or what to tell a client that names this leader epoch (-1 = unchecked): NOT_LEADER_OR_FOLLOWER,
// KAFKA_STORAGE_ERROR, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH.
MUST_CHECK enum err partition_check(const struct partition *partition, int32_t client_leader_epoch);
// Calls `done` (perhaps at once) with OK when the offset is reached, or with why it never will.
void partition_wait_ack(struct partition *partition, enum ack_of whose, struct ack_wait *wait);

// Somebody for whom the log of a new topic is still being made.
struct open_wait {
    struct list link;
    void (*opened)(struct open_wait *wait); // ONLINE, FAILED or gone: look again
};
// False: it is not opening, nothing was noted.
bool partition_await_open(struct partition *partition, struct open_wait *wait);

// False: appends are taken, nothing was noted. Else `opened` is called when they are again, in the order of the calls.
bool partition_await_append(struct partition *partition, struct open_wait *wait);
void partition_release_appends(struct partition *partition);

int32_t partition_isr_size(const struct partition *partition);
void partition_watch(struct partition *partition, struct fetch_watch *watch);
void partition_unwatch(struct fetch_watch *watch);

// Opening and closing, from the metadata (topics.c).
struct partition_spec {
    struct uuid topic_id;
    struct slice topic;
    struct topic_name *name; // the same, to be referenced; NULL = the partition makes its own
    int32_t index;
    int32_t leader_epoch;
    struct plog_options options;
    struct logdir *dir;
    bool exists;            // its directory was found at start: load it; else make it
    bool was_clean;         // of the directory
    int64_t recovery_point; // from the checkpoint files
    int64_t log_start;
    int64_t high_watermark;
    int64_t cleaned_to;
    struct slice future_name;  // promoted: the replica is only in this -future directory. Else a copy to go on with
    struct logdir *future_dir; // NULL = there is none
    bool is_promoted;          // the one in `dir` becomes the replica before it is loaded
    bool was_future_clean;
    int64_t future_recovery_point;
    int64_t future_log_start;
};
// `opened` runs on this shard once the partition is ONLINE or FAILED; may be NULL. All that are asked for in one turn
// are opened together, in a few tasks.
void partition_open(struct shard *shard, const struct partition_spec *spec, void (*opened)(void *context),
                    void *context);
// The topic is gone: waiters are told, the directory becomes ...-delete and is removed after `delay_ms`.
void partition_delete(struct partition *partition, int64_t delay_ms);
// The node stops: flush and close. `closed` runs when the log is closed, with what belongs into the checkpoint files;
// the partition is freed when it returns. A partition without a log is freed at once.
typedef void partition_closed(struct partition *partition, const struct plog_checkpoint *checkpoint, void *context);
void partition_close(struct partition *partition, partition_closed *closed, void *context);
// Removes a ...-delete directory after a while (also one found at start).
void partition_remove_later(struct shard *shard, struct logdir *dir, struct slice name, int64_t delay_ms);
// The copy is the log from now on. Its owner becomes the partition. The old one is the caller's to delete.
struct plog *partition_replace_log(struct partition *partition, struct plog *plog, struct logdir *dir);
// Tells the controller when the replica lives elsewhere than the metadata says (KIP-858).
void partition_check_directory(struct partition *partition);
void partition_configure(struct partition *partition, const struct plog_options *options);
void partition_lead(struct partition *partition, int32_t leader_epoch);

#endif
