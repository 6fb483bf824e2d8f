// SPDX-License-Identifier: Apache-2.0
// The controller's channel (design rule 7): encoded requests in, encoded answers out, as they would travel to another
// node. Locally it is a call on shard 0. Served: CreateTopics, DeleteTopics, CreatePartitions, AllocateProducerIds,
// BrokerRegistration, BrokerHeartbeat, ControllerRegistration, AssignReplicasToDirs...
#ifndef ODRADEK_BROKER_CONTROLLER_H
#define ODRADEK_BROKER_CONTROLLER_H

#include "base/err.h"
#include "base/slice.h"

struct metadata;

// Who asks, as far as the controller cares; borrowed for the call.
struct controller_principal {
    struct slice type;         // "User"
    struct slice name;         // "ANONYMOUS"
    bool can_create_any_topic; // authorised on the cluster; else only topics the caller has already checked are sent
    bool has_quota;            // a client's own request, charged to user and client_id
    struct slice client_id;    // null: it gave none
    bool is_automatic;         // automatic creation: internal topics get their own configurations (A13)
};

// `result` OK: `response` is the encoded body, borrowed for the call. Otherwise (ERR_NOT_CONTROLLER,
// ERR_UNSUPPORTED_VERSION, ERR_INVALID_REQUEST, ERR_CLOSED) `response` is null and the API's edge makes the error
// answer.
typedef void controller_done(void *context, enum err result, struct slice response);

// `body` is the request's body in that version, borrowed for the call. Answers come in a later turn, and only once the
// records they speak of are committed, that is durable on a majority.
void controller_request(struct metadata *metadata, int16_t api_key, int16_t version, struct slice body,
                        const struct controller_principal *principal, controller_done *done, void *context);

#endif
