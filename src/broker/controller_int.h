// SPDX-License-Identifier: Apache-2.0
#ifndef ODRADEK_BROKER_CONTROLLER_INT_H
#define ODRADEK_BROKER_CONTROLLER_INT_H

#include "broker/metadata_int.h"

struct create_topics_request;

struct decide controller_decide(struct metadata *m, struct arena *arena);

// controller_topics.c
// Automatic creation: partitions, replication factor and settings of internal topics, where the request leaves them
// open.
void controller_complete_topics(struct metadata *m, struct arena *arena, struct create_topics_request *request);

#endif
