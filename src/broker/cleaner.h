// SPDX-License-Identifier: Apache-2.0
// Compaction of a node's partitions (kafka-internals B7): log.cleaner.threads rounds at a time over all shards, each
// over its shard's dirtiest partition whose ratio is above min.cleanable.dirty.ratio or that max.compaction.lag.ms makes
// due; then a pause of log.cleaner.backoff.ms when there is none. Shard 0 deals out the leave to begin a round, so that
// rounds, and with them memory, are counted over the whole node.
#ifndef ODRADEK_BROKER_CLEANER_H
#define ODRADEK_BROKER_CLEANER_H

#include "broker/shard.h"

void cleaner_start(struct shard *shard);
void cleaner_stop(struct shard *shard);
// Settings may have changed: rounds under way take their new pace, shard 0 deals out what more threads allow.
void cleaner_refresh(struct shard *shard);

#endif
