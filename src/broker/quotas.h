// SPDX-License-Identifier: Apache-2.0
// Who has used how much of his quota (KIP-13, KIP-55, KIP-219, KIP-546, KIP-599, KIP-612; kafka-internals F3). Quotas
// come from the image; each shard measures what it has served and tells the others, so all see the node's whole use a
// turn later. Where no quota of a kind is set, nothing is measured and nothing is looked up.
#ifndef ODRADEK_BROKER_QUOTAS_H
#define ODRADEK_BROKER_QUOTAS_H

#include <stdbool.h>

#include "base/list.h"
#include "base/map.h"
#include "base/slice.h"

struct env_socket;
struct image;
struct shard;

enum quota_kind {
    QUOTA_PRODUCE,    // bytes of requests
    QUOTA_FETCH,      // bytes of answers
    QUOTA_REQUEST,    // percent of the loop's time
    QUOTA_MUTATION,   // partitions created and deleted; shard 0, the controller's
    QUOTA_CONNECTION, // by address; shard 0
};
enum { QUOTA_KINDS = 5 };

struct quotas {
    bool is_set[QUOTA_KINDS];
    struct map meters;  // struct quota_meter by kind, user, client
    size_t sweep_at;    // idle meters are let go when there are so many
    struct list turned; // struct turned_away: connections about to be closed
};

// Whose use it is. A client id that was not given is null.
struct quota_user {
    struct slice user; // "ANONYMOUS"; of QUOTA_CONNECTION the address
    struct slice client_id;
};

void quotas_init(struct quotas *quotas);
// The image is another one and its quotas may be.
void quotas_apply(struct shard *shard, const struct image *image);
// On its loop: hangs up on those who were turned away.
void quotas_close_turned(struct shard *shard);
void quotas_deinit(struct quotas *quotas);

// Adds to the use; how long the client has to keep quiet, in ms, 0 = not at all. Not for QUOTA_MUTATION. Asked only
// where is_set[kind].
int32_t quotas_record(struct shard *shard, enum quota_kind kind, struct quota_user who, double value);
// Takes back what was recorded: it did not happen.
void quotas_unrecord(struct shard *shard, enum quota_kind kind, struct quota_user who, double value);
// The most that one answer may hold: what the bound allows in the whole window.
int64_t quotas_most(struct shard *shard, enum quota_kind kind, struct quota_user who);
// Takes partitions from the client's bucket, below zero if need be. `is_strict`: nothing is taken from one that is
// below zero, and false comes back. *throttle_ms: as of quotas_record.
bool quotas_mutate(struct shard *shard, struct quota_user who, int32_t partitions, bool is_strict,
                   int32_t *throttle_ms);
// Shard 0: whether a caller of this address is above its rate; then the socket is taken, and closed when the rate is
// within its bound again.
bool quotas_turn_away(struct shard *shard, struct slice address, struct env_socket *socket);

#endif
