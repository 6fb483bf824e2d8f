// SPDX-License-Identifier: Apache-2.0
// What a shard makes of the metadata: the topics with their resolved settings, and partitions opened and closed as the
// image changes. Each shard applies every delta for itself, in the order shard 0 published them.
#ifndef ODRADEK_BROKER_TOPICS_H
#define ODRADEK_BROKER_TOPICS_H

#include "base/map.h"
#include "broker/shard.h"
#include "config/topic.h"
#include "meta/image.h"

struct topic {
    struct map_link in_shard; // by id
    struct uuid id;
    struct slice name;          // of `shared`
    struct topic_name *shared;  // partition.h
    struct topic_config config; // resolved
};

// NULL: no such topic in the shard's image.
struct topic *topic_by_id(struct shard *shard, struct uuid id);
struct topic *topic_by_name(struct shard *shard, struct slice name);

// Takes over `image` and `delta` (references stay the caller's). Partitions that this shard owns are opened,
// reconfigured, led or deleted. `opened` (may be NULL) runs for every partition this call opens, when it is open.
// Returns how many partitions it opens.
int topics_apply(struct shard *shard, struct image *image, struct image_delta *delta, void (*opened)(void *context),
                 void *context);
void topics_free(struct shard *shard);

// A resource's overrides in `image` as pairs, in the arena.
struct config_pairs image_config_pairs(const struct image *image, int8_t type, struct slice name, struct arena *arena);
// The dynamic broker values that hold on this node.
struct config_dynamic image_dynamic(const struct image *image, int32_t node_id, struct arena *arena);

#endif
