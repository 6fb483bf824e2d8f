// SPDX-License-Identifier: Apache-2.0
// The way from any shard to the controller on shard 0 (design rule 7).
#ifndef ODRADEK_BROKER_FORWARD_H
#define ODRADEK_BROKER_FORWARD_H

#include "broker/request.h"

// Hands the request's body to the controller as it came and answers the client with what comes back. When there is no
// controller, the connection is closed: the client looks for one anew.
void forward_request(struct request *request);

// Asks the controller on the shard's own behalf. `body` is copied. `done` runs on this shard; the answer is borrowed
// for the call and null unless `result` is OK.
typedef void forward_done(struct shard *shard, void *context, enum err result, struct slice answer);
void forward_call(struct shard *shard, int16_t api_key, int16_t version, struct slice body, bool is_automatic,
                  forward_done *done, void *context);

#endif
