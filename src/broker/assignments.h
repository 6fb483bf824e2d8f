// SPDX-License-Identifier: Apache-2.0
// What a shard tells the controller about directories (KIP-858, AssignReplicasToDirs): which replica lives where, until
// the controller has taken it. What became of it is seen in the metadata, not here.
#ifndef ODRADEK_BROKER_ASSIGNMENTS_H
#define ODRADEK_BROKER_ASSIGNMENTS_H

#include "base/uuid.h"
#include "broker/shard.h"

void assignments_init(struct shard *shard);
// Replaces what was to be said of that partition before. Sent at the end of the turn, together with the others.
void assignments_add(struct shard *shard, struct uuid topic_id, int32_t index, struct uuid directory);
void assignments_stop(struct shard *shard);
void assignments_deinit(struct shard *shard);

#endif
