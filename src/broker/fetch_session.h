// SPDX-License-Identifier: Apache-2.0
// Incremental fetches (KIP-227): what a client fetches is remembered, so that a request names only what changed and an
// answer only what has something to say.
//
// A session lives on the shard whose connection asked for it, and its id says which: shard i of n gives out ids from
// its own n-th of 1 to 2^31-1, as Apache Kafka's cache does with its own shards. Nearly every request then finds its
// session at home and pays one look-up. A request that came by another shard's connection sends itself to the session's
// shard, once before reading and once before answering (api/fetch.c); moving the session instead would leave ids that
// no longer say where it is.
//
// The cache knows nothing of requests or shards but its number, keeps no clock, and is touched by one shard only.
#ifndef ODRADEK_BROKER_FETCH_SESSION_H
#define ODRADEK_BROKER_FETCH_SESSION_H

#include "base/arena.h"
#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/uuid.h"

struct fetch_request;
struct fetch_request_fetch_topic;
struct fetch_response;
struct image;

enum {
    FETCH_EPOCH_INITIAL = 0, // a full fetch that asks for a session
    FETCH_EPOCH_FINAL = -1,  // a full fetch that wants none
    FETCH_SESSION_NONE = 0,
    FETCH_SESSION_STALE_MS = 120000, // unused so long: anybody may have its place
};

struct fetch_sessions {
    struct map by_id;
    struct list used; // least recently used first
    int shard;
    int shard_count;
    int slots;
    uint64_t hash_seed;
    int64_t partition_count; // of all sessions
    int64_t evictions;
};

// `slots`: of the whole node; this shard gets its share.
void fetch_sessions_init(struct fetch_sessions *sessions, int shard, int shard_count, int slots, uint64_t hash_seed);
void fetch_sessions_deinit(struct fetch_sessions *sessions);
// The shard that a session id belongs to.
int fetch_session_shard(int32_t id, int shard_count);
int32_t fetch_session_next_epoch(int32_t epoch);

static inline bool fetch_is_incremental(int32_t session_epoch)
{
    return session_epoch != FETCH_EPOCH_INITIAL && session_epoch != FETCH_EPOCH_FINAL;
}

// What one request reads, on behalf of a session or not.
struct fetch_use {
    int32_t session_id;                       // FETCH_SESSION_NONE: the answer is not an incremental one
    int32_t epoch;                            // the session's, as it is for this request only
    struct fetch_request_fetch_topic *topics; // what to read
    int32_t topic_count;
};

// An incremental request: takes its changes into the session. `use` borrows from `request` and `arena`. In topics by
// id, `topic` is the name under which the session has known that id, null if `image` never had it.
// FETCH_SESSION_ID_NOT_FOUND, INVALID_FETCH_SESSION_EPOCH, FETCH_SESSION_TOPIC_ID_ERROR: the session is as before.
MUST_CHECK enum err fetch_session_begin(struct fetch_sessions *sessions, const struct fetch_request *request,
                                        int version, const struct image *image, int64_t now_ms, struct arena *arena,
                                        struct fetch_use *use);
// The answer to it, read completely: drops what the client knows already. INVALID_FETCH_SESSION_EPOCH: another request
// of the session came in between.
MUST_CHECK enum err fetch_session_finish(struct fetch_sessions *sessions, const struct fetch_use *use, int version,
                                         struct fetch_response *response);
// After a full fetch, whose answer has the request's topics (but those without partitions) and partitions in order: a
// session of both. FETCH_SESSION_NONE: no room for it. `random` makes the id.
int32_t fetch_session_create(struct fetch_sessions *sessions, const struct fetch_request *request, int version,
                             const struct fetch_response *response, const struct image *image, int64_t now_ms,
                             uint32_t random);
// Nothing happens when there is none.
void fetch_session_remove(struct fetch_sessions *sessions, int32_t id);

#endif
