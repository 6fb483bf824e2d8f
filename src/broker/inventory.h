// SPDX-License-Identifier: Apache-2.0
// What the log directories held when the node started: partition directories and their checkpointed offsets. Made
// before the loops run and read-only afterwards, so every shard may look its partitions up. It goes when all are open:
// with many partitions it would be a fifth of the node's memory.
#ifndef ODRADEK_BROKER_INVENTORY_H
#define ODRADEK_BROKER_INVENTORY_H

#include "broker/broker.h"
#include "broker/partition.h"
#include "meta/image.h"

struct inventory_item {
    struct map_link in_map; // by directory name's topic and index
    struct logdir *dir;
    struct partition_dir found;
    struct uuid stray_id; // for its name, should it be set aside
    int64_t recovery_point;
    int64_t log_start;
    int64_t high_watermark;
    int64_t cleaned_to;
};

struct inventory {
    struct arena arena;
    struct map items;
    struct list parting; // struct inventory_parting: ...-delete directories to be removed later
};

struct inventory_parting {
    struct list link;
    struct logdir *dir;
    struct slice name;
};

// blocking. Scans every open log directory and reads its checkpoint files. `problem` says what and where.
MUST_CHECK enum err inventory_take(struct broker *broker, struct text *problem);
// blocking, before any partition is opened. Directories that `image` does not place here become ...-stray. ERR_INVALID:
// two live ones, or two copies, of one replica; `problem` says which.
MUST_CHECK enum err inventory_set_strays_aside(struct broker *broker, struct fs *fs, const struct image *image,
                                               struct text *problem);
// Shard 0. Directories deleted before the last stop are removed after file.delete.delay.ms, as Kafka waits anew.
void inventory_remove_parting(struct broker *broker);
// Any shard. Fills dir, exists, was_clean and the offsets of `spec` for a partition about to be opened, and the copy
// that was on its way to another directory. Once all are open (shard->has_no_inventory): dir alone.
void inventory_locate(struct shard *shard, const struct image_partition *partition, struct partition_spec *spec);
void inventory_free(struct broker *broker); // may be called again

#endif
