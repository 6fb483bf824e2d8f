// SPDX-License-Identifier: Apache-2.0
// Rounds of retention over a shard's partitions, every log.retention.check.interval.ms: old or surplus segments of
// topics with cleanup.policy delete leave, of all topics what lies below the log start; producers that have been silent
// for producer.id.expiration.ms are forgotten (kafka-internals B3, B7).
#ifndef ODRADEK_BROKER_RETENTION_H
#define ODRADEK_BROKER_RETENTION_H

#include "broker/shard.h"

void retention_start(struct shard *shard);
void retention_stop(struct shard *shard);

#endif
