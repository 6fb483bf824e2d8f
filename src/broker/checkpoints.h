// SPDX-License-Identifier: Apache-2.0
// The checkpoint files of the log directories (kafka-internals A1), gathered from all shards and written by a task: the
// high watermarks every replica.high.watermark.checkpoint.interval.ms, the others every
// log.flush.offset.checkpoint.interval.ms and all at a clean stop. Nothing is written while nothing has moved.
#ifndef ODRADEK_BROKER_CHECKPOINTS_H
#define ODRADEK_BROKER_CHECKPOINTS_H

#include "base/arena.h"
#include "broker/partition.h"

// One shard's contribution; travels in messages.
struct checkpoint_item {
    struct logdir *dir;
    struct slice topic;
    int32_t partition;
    struct plog_checkpoint values;
};

struct checkpoint_set {
    struct arena arena;
    struct checkpoint_item *items;
    size_t count;
    size_t capacity;
};

struct checkpoint_set *checkpoint_set_new(void);
void checkpoint_set_free(struct checkpoint_set *set); // NULL is a no-op
// Of the partition's log in that directory.
void checkpoint_set_add(struct checkpoint_set *set, const struct partition *partition, struct logdir *dir,
                        const struct plog_checkpoint *values);
// blocking. Writes the files of one directory; `high_watermarks_only` leaves the other two alone.
MUST_CHECK enum err checkpoint_sets_store(struct fs *fs, struct logdir *dir, struct checkpoint_set *const *sets,
                                          int set_count, bool high_watermarks_only);

// Shard 0: the periodic rounds.
struct checkpoint_rounds;
struct checkpoint_rounds *checkpoint_rounds_start(struct broker *broker);
// No round begins any more; `stopped` runs when none is under way.
void checkpoint_rounds_stop(struct checkpoint_rounds *rounds, void (*stopped)(struct broker *broker));
void checkpoint_rounds_free(struct checkpoint_rounds *rounds); // NULL is a no-op

#endif
