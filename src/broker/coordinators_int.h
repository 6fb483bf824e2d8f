// SPDX-License-Identifier: Apache-2.0
// Between coordinators.c (kinds, calls) and drive_coord.c (lives, loads, appends).
#ifndef ODRADEK_BROKER_COORDINATORS_INT_H
#define ODRADEK_BROKER_COORDINATORS_INT_H

#include "broker/coordinators.h"
#include "coord/group.h"

union coordinator_settings {
    struct group_settings group;
};

struct coordinator_info {
    const char *topic;
    const struct coord_machine *machine;
    int32_t base_sequence;
    const char *codec_key; // broker key of the codec's number; NULL = none
    const void *(*settings)(const struct config *config, union coordinator_settings *out);
};

const struct coordinator_info *coordinator_info(enum coordinator_kind kind);
// False: a topic that no coordinator lives on.
bool coordinator_kind_of(const char *topic, enum coordinator_kind *out);

// drive_coord.c: the coordinator takes the call; its answer goes through coordinator_answered, perhaps at once.
void coordinator_take(struct partition *partition, struct coordinator_call *call);
void coordinator_recall(struct partition *partition, struct coordinator_call *call);
// coordinators.c: on the owner's shard, the call goes home.
void coordinator_answered(struct coordinator_call *call);

#endif
