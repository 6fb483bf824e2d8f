// SPDX-License-Identifier: Apache-2.0
// One question to one partition, asked on the shard that owns it and answered at the request's home. For requests that
// look at partitions now and then; Produce and Fetch travel in legs of many partitions instead.
#ifndef ODRADEK_BROKER_PARTITION_ASK_H
#define ODRADEK_BROKER_PARTITION_ASK_H

#include "broker/partition.h"

// Embedded in the asker's struct, which lives in the request's arena.
struct partition_ask {
    struct uuid topic_id;
    int32_t index;
    // On the owner's shard, when the partition is neither being opened nor about to be: NULL = it is not here. Calls
    // partition_ask_home once, now or later.
    void (*look)(struct partition_ask *ask, struct partition *partition);
    // At home, within partition_ask or later.
    void (*home)(struct partition_ask *ask);

    struct env_msg msg; // private from here on
    struct shard *asker;
    struct shard *owner;
    struct open_wait open_wait;
};

void partition_ask(struct shard *asker, struct partition_ask *ask);
void partition_ask_home(struct partition_ask *ask);

#endif
