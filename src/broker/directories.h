// SPDX-License-Identifier: Apache-2.0
// The node's log directories as a set (KIP-112, KIP-858, KIP-1066): opened at start, one of them chosen for a new
// replica, watched, and what the controller hears of them.
#ifndef ODRADEK_BROKER_DIRECTORIES_H
#define ODRADEK_BROKER_DIRECTORIES_H

#include "base/arena.h"
#include "base/uuid.h"
#include "broker/shard.h"
#include "store/store.h"

struct image;
struct image_partition;

// blocking, before the loops run. One that cannot be read is offline from the start; `problem` says why none of it is
// enough, or what must not be ignored: a directory of another node or cluster, one that another process uses.
MUST_CHECK enum err directories_open(struct broker *broker, struct text *problem);
// Shard 0. From here on lost directories are told to the controller; the node ends with the last one, and with that of
// the metadata log.
void directories_watch(struct broker *broker);
void directories_unwatch(struct broker *broker);
// Shard 0, with each new image: cordoned.log.dirs may have changed.
void directories_look(struct broker *broker);

void directories_told(void *context);

// Any shard. Where a replica without a directory belongs (LogManager.getOrCreateLog): where somebody wished it, else
// where the metadata says, else where the fewest logs are, without cordoned ones. NULL: nowhere, or perhaps in one that
// is offline.
struct logdir *directories_choose(struct shard *shard, struct slice topic, const struct image_partition *partition);
bool directories_is_cordoned(const struct shard *shard, const struct logdir *dir);
bool directories_any_offline(const struct broker *broker);
// Ids of the cordoned directories by the settings of `image`, ascending, in the arena. `context` is the broker.
struct uuid *directories_cordoned(void *context, const struct image *image, struct arena *arena, int32_t *count);
// Remembers where a replica shall be made that is not here yet (AlterReplicaLogDirs of such a one), on every shard:
// nobody knows which one will own it.
void directories_wish(struct shard *shard, struct slice topic, int32_t index, struct logdir *dir);
void directories_forget_wishes(struct shard *shard);

#endif
