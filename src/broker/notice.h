// SPDX-License-Identifier: Apache-2.0
// Complaints about peers that do not speak as they should: worth reading once, not with each of their attempts. Shard 0
// knows what the node has complained about already.
#ifndef ODRADEK_BROKER_NOTICE_H
#define ODRADEK_BROKER_NOTICE_H

#include "base/assert.h"
#include "base/slice.h"

struct shard;

enum { NOTICES_KEPT = 256 };

struct notices {                 // shard 0's
    uint64_t seen[NOTICES_KEPT]; // hashes; the oldest makes room
    int count;
    int next;
};

// Logs the line about `what` of the peer's address (its port does not matter): as a warning the first time, for
// debugging afterwards.
void notice_tell(struct shard *shard, const char *peer, struct slice what, const char *format, ...) PRINTF_LIKE(4, 5);

#endif
