// SPDX-License-Identifier: Apache-2.0
// A member of a classic consumer group: finds the coordinator, joins, takes part in rebalances (as leader too), keeps
// the membership alive and the group's positions, and feeds a consumer with the partitions it is given
// (kafka-internals D). Stands on consumer.h; runs on the client's loop, calls back from there only.
#ifndef ODRADEK_CLIENT_GROUP_H
#define ODRADEK_CLIENT_GROUP_H

#include "client/assignor.h"
#include "client/consumer.h"

struct client_group;

enum { GROUP_ASSIGNORS_MAX = 4 };

struct client_group_config {
    struct slice group_id;
    struct slice instance_id;                     // static member (KIP-345); null = dynamic
    enum assignor assignors[GROUP_ASSIGNORS_MAX]; // in order of preference; default range, cooperative-sticky
    int assignor_count;
    int32_t session_timeout_ms;      // 45000
    int32_t heartbeat_interval_ms;   // 3000
    int32_t rebalance_timeout_ms;    // 300000 (max.poll.interval.ms): how long the others wait for us
    bool auto_commit;                // true
    int32_t auto_commit_interval_ms; // 5000
    int32_t api_timeout_ms;          // 60000 (default.api.timeout.ms): how long a commit is tried
    enum offset_reset reset;         // where to start without a committed position; default RESET_LATEST
    // On the loop; any may be NULL. `assigned` gets what is new and comes after every rebalance, perhaps with nothing.
    // `revoked` comes while the partitions are still ours (a commit made in it is sent before they are given up),
    // `lost` when they already are somebody else's. The partitions are valid during the call.
    void (*assigned)(struct client_group *group, const struct assignor_partitions *partitions);
    void (*revoked)(struct client_group *group, const struct assignor_partitions *partitions);
    void (*lost)(struct client_group *group, const struct assignor_partitions *partitions);
    void (*failed)(struct client_group *group); // client_group_failed has something; NULL = nobody asks
    void *context;
};

struct client_group_offset {
    struct slice topic;
    int32_t partition;
    int32_t leader_epoch; // -1 unknown
    int64_t offset;       // of the next record to be read
    enum err err;         // result
};

struct client_group_offsets {
    struct client_group_offset *items;
    size_t count;
};

struct client_group_failure {
    enum err err;       // of the membership; ERR_NOT_FOUND: no committed position and RESET_NONE
    struct slice topic; // null, or where it happened
    int32_t partition;
};

void client_group_config_init(struct client_group_config *config);
// `client` and `consumer` outlive the group; the group assigns and unassigns the consumer's partitions.
struct client_group *client_group_new(struct client *client, struct consumer *consumer,
                                      const struct client_group_config *config);
// Forgets the membership without a word to the coordinator: client_group_close first.
void client_group_free(struct client_group *group);
void *client_group_context(struct client_group *group);

// Joins with these topics; again: leaves nothing, rejoins with the new ones.
void client_group_subscribe(struct client_group *group, const struct slice *topics, size_t count);
// Joins with all topics that `matches` says yes to, looked at anew with every metadata.max.age.ms.
// Internal topics are passed over.
void client_group_subscribe_matching(struct client_group *group, bool (*matches)(void *context, struct slice topic),
                                     void *context);

const struct assignor_partitions *client_group_assignment(const struct client_group *group);
bool client_group_owns(const struct client_group *group, struct slice topic, int32_t partition);
bool client_group_is_stable(const struct client_group *group);     // joined, nothing pending
int32_t client_group_generation(const struct client_group *group); // -1 = not a member
struct slice client_group_member_id(const struct client_group *group);

// Commits; `offsets` NULL = the consumer's positions in all assigned partitions. `done` comes once, never inside the
// call: OK, ERR_REBALANCE_IN_PROGRESS, ERR_ILLEGAL_GENERATION / ERR_UNKNOWN_MEMBER_ID (somebody else has them now),
// ERR_FENCED_INSTANCE_ID, ERR_REQUEST_TIMED_OUT, ERR_CLOSED (client_group_free), or the first partition's own; the
// offsets say each. Commits leave in the order they were made.
typedef void client_group_committed(struct client_group *group, enum err e, const struct client_group_offsets *offsets,
                                    void *context);
void client_group_commit(struct client_group *group, const struct client_group_offsets *offsets,
                         client_group_committed *done, void *context);
// Commits that are not done yet.
int client_group_commits_open(const struct client_group *group);

// Commits (auto commit), revokes, leaves (dynamic members; a static one stays and comes back), then `closed` is true.
// Gives up after `timeout_ms`.
void client_group_close(struct client_group *group, int32_t timeout_ms);
bool client_group_is_closed(const struct client_group *group);

// A failure that joining again cannot cure, told once; the group stands still. False: none.
bool client_group_failed(struct client_group *group, struct client_group_failure *out);

#endif
