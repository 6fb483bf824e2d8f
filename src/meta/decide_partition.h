// SPDX-License-Identifier: Apache-2.0
#ifndef ODRADEK_META_DECIDE_PARTITION_H
#define ODRADEK_META_DECIDE_PARTITION_H

#include "meta/decide.h"

// What happened to a broker; -1 = nothing of the kind.
struct decide_move {
    int32_t leaving; // fenced, or in controlled shutdown: out of every ISR
    int32_t lost;    // came back after an unclean stop: out of ISR and ELR, its log may lack acknowledged records
    int32_t coming;  // unfenced: may lead what has no leader
};
#define DECIDE_MOVE_NONE .leaving = -1, .lost = -1, .coming = -1

// A broker lost one of its directories: its replicas there leave every ISR.
void decide_lose_directory(struct decide *decide, int32_t broker_id, struct uuid directory);
// The same for one partition.
void decide_lose_replica(struct decide *decide, const struct image_partition *partition, int32_t broker_id);
// Adds one PartitionChangeRecord per partition that changes.
void decide_move_partitions(struct decide *decide, const struct decide_move *move);
bool decide_leads_anything(const struct image *image, int32_t broker_id);

#endif
