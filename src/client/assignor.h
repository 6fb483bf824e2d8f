// SPDX-License-Identifier: Apache-2.0
// Who reads which partition: Kafka's client-side assignors as functions, and the bytes that members of a classic group
// exchange through the coordinator (ConsumerProtocolSubscription, ConsumerProtocolAssignment). Pure: no clock, no I/O,
// memory from the arena given. The results are those of Java's classes of the same names.
#ifndef ODRADEK_CLIENT_ASSIGNOR_H
#define ODRADEK_CLIENT_ASSIGNOR_H

#include "base/arena.h"
#include "base/err.h"

enum assignor { ASSIGNOR_RANGE, ASSIGNOR_ROUNDROBIN, ASSIGNOR_STICKY, ASSIGNOR_COOPERATIVE_STICKY };

// "range", "roundrobin", "sticky", "cooperative-sticky": the protocol's name in JoinGroup.
const char *assignor_name(enum assignor assignor);
// By that name or by Java's class name. False: no such assignor.
bool assignor_find(struct slice name, enum assignor *out);
// True: members keep their partitions during a rebalance and give up only what moves (KIP-429).
bool assignor_is_cooperative(enum assignor assignor);

struct assignor_partition {
    struct slice topic;
    int32_t index;
};

struct assignor_partitions {
    struct assignor_partition *items;
    size_t count;
};

// By topic, then index.
void assignor_sort(struct assignor_partitions *partitions);
bool assignor_contains(const struct assignor_partitions *partitions, struct slice topic, int32_t index);

struct assignor_topic {
    struct slice name;
    int32_t partition_count; // 0: not known, passed over
};

struct assignor_member {
    struct slice member_id;
    struct slice instance_id; // null = dynamic
    struct slice rack_id;     // null = none
    struct slice *topics;     // subscribed to
    size_t topic_count;
    struct assignor_partitions owned;    // as the assignor at hand understands the subscription
    int32_t generation;                  // of `owned`, -1 = not known
    int32_t subscription_generation;     // of the subscription itself, -1 = none
    struct assignor_partitions assigned; // result, in the arena
};

// Fills `assigned` of every member; members stand in the order of the JoinGroup answer. Racks are not looked at.
void assignor_assign(enum assignor assignor, const struct assignor_topic *topics, size_t topic_count,
                     struct assignor_member *members, size_t member_count, struct arena *arena);

// A member's metadata in JoinGroup: version 3 of the subscription. `generation` and `owned` describe what it had last;
// sticky puts them into user data, cooperative-sticky into both places, the others send owned partitions only.
struct slice assignor_encode_subscription(enum assignor assignor, const struct assignor_member *member,
                                          struct arena *arena);
// Fills topics, owned, generations and rack. ERR_CORRUPT, ERR_TRUNCATED, ERR_UNSUPPORTED_VERSION.
MUST_CHECK enum err assignor_decode_subscription(enum assignor assignor, struct slice bytes, struct arena *arena,
                                                 struct assignor_member *member);
// A member's assignment in SyncGroup, version 3.
struct slice assignor_encode_assignment(const struct assignor_partitions *partitions, struct arena *arena);
// Empty bytes are an empty assignment.
MUST_CHECK enum err assignor_decode_assignment(struct slice bytes, struct arena *arena,
                                               struct assignor_partitions *partitions);

#endif
