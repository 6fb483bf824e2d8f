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

struct describe_quorum_request;
struct describe_quorum_response;

// controller_quorum.c
void controller_describe_quorum(struct metadata *m, struct arena *arena, const struct describe_quorum_request *request,
                                struct describe_quorum_response *response);
// Version 2 brought the nodes and the directories' ids.
void controller_quorum_forget_nodes(struct describe_quorum_response *response);

#endif
