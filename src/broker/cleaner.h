// SPDX-License-Identifier: Apache-2.0
// Compaction of a shard's partitions, one at a time: the dirtiest whose ratio is above min.cleanable.dirty.ratio, or
// one that max.compaction.lag.ms makes due; then a pause of log.cleaner.backoff.ms when there is none (kafka-internals
// B7).
#ifndef ODRADEK_BROKER_CLEANER_H
#define ODRADEK_BROKER_CLEANER_H

#include "broker/shard.h"

void cleaner_start(struct shard *shard);
void cleaner_stop(struct shard *shard);

#endif
