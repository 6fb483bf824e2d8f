// SPDX-License-Identifier: Apache-2.0
// Inside the group machine: what a coordinator knows of its groups, and who calls whom. One file per concern:
//   group.c           the machine's table, life of groups and members
//   group_record.c    __consumer_offsets: writing group records, applying any record
//   group_join.c      JoinGroup
//   group_rebalance.c phases of a rebalance, time-outs
//   group_sync.c      SyncGroup, Heartbeat, LeaveGroup
//   group_positions.c what is stored per partition, pending transactions
//   group_offsets.c   OffsetCommit, OffsetDelete
//   group_fetch.c     OffsetFetch
//   group_expire.c    retention, deleted topics
//   group_describe.c  DescribeGroups, ListGroups, DeleteGroups
// Decisions change the state themselves, as Kafka's classic groups do, and add the records that tell of it; applying a
// group record just added therefore finds everything in place. Offsets and deletions are changed by apply alone.
#ifndef ODRADEK_COORD_GROUP_INT_H
#define ODRADEK_COORD_GROUP_INT_H

#include "base/map.h"
#include "base/uuid.h"
#include "coord/group.h"

#define EMPTY_STRING SLICE("")

enum {
    GROUP_STRING_BYTES_MAX = INT16_MAX,       // what a record's string holds
    GROUP_NEW_MEMBER_JOIN_MS = 5 * 60 * 1000, // a parked first JoinGroup holds a member this long
};

enum group_kind {
    GROUP_KIND_CLASSIC,
    GROUP_KIND_CONSUMER, // the others belong to later work: known by name, never overwritten
    GROUP_KIND_SHARE,
    GROUP_KIND_STREAMS,
};

// Kafka's Dead does not appear: deciding and removing are one step here.
enum group_phase { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE };

struct group_protocol {
    struct slice name;
    struct slice metadata;
};

struct group_member {
    struct list link;            // group->members or group->pending
    struct map_link by_id;       // state->members
    struct map_link by_instance; // state->instances, of static members
    struct group *group;
    struct slice id;
    struct slice instance_id; // null: dynamic
    struct slice client_id;
    struct slice client_host;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    struct group_protocol *protocols; // in order of preference
    int32_t protocol_count;
    struct slice assignment;
    // Waiting goes on when the client is gone (call NULL): it will ask again, or its session ends.
    bool is_awaiting_join;
    struct coord_call *join;
    bool is_awaiting_sync;
    struct coord_call *sync;
    bool is_pending;          // told its id, not joined yet (KIP-394)
    bool is_new;              // in its first rebalance: a parked join does not keep it alive
    bool is_sync_outstanding; // has been told this generation and not synced since
    struct coord_timer session;
};

// A transactional commit without its marker yet.
struct group_uncertain {
    struct list by_producer;      // group_producer->uncertain
    struct group_uncertain *next; // of the same partition
    struct group *group;
    struct group_topic *topic;
    int32_t partition;
    int64_t producer_id;
    struct group_offset *offset; // owned
};

struct group_offset {
    int64_t offset;
    int64_t commit_ms; // since 1970
    int64_t expire_ms; // -1: by retention
    uint64_t order;    // of its record among all
    int32_t leader_epoch;
    struct uuid topic_id; // zero: written before 4.1
    struct slice metadata;
};

struct group_position {
    int32_t partition;
    struct group_offset *committed; // NULL: only uncertain ones
    struct group_uncertain *uncertain;
};

struct group_topic {
    struct list link; // group->topics
    struct map_link by_name;
    struct slice name;
    struct group_position *positions; // ascending partitions
    int32_t count;
    int32_t capacity;
};

// A topic some member reads.
struct group_subscription {
    struct list link;
    struct map_link by_name;
    struct slice name;
};

struct group_producer {
    struct map_link by_id;
    int64_t producer_id;
    struct list uncertain;
};

struct group {
    struct map_link by_id;
    struct list link;
    struct group_state *state;
    struct slice id;
    enum group_kind kind;
    enum group_phase phase;
    enum group_phase previous; // GROUP_EMPTY while preparing: the first rebalance, with its delay
    int32_t generation;
    struct slice protocol_type; // null: none (yet), or a simple consumer's offsets only
    struct slice protocol_name; // null: none
    struct group_member *leader;
    int64_t since_ms; // the phase's beginning, since 1970; -1 unknown
    struct list members;
    struct list pending;
    int32_t member_count;
    int32_t awaiting_join_count;
    int32_t outstanding_sync_count;
    bool is_subscription_known;
    struct list subscribed; // struct group_subscription, while known
    struct map subscribed_by_name;
    bool joined_lately;   // a member arrived since the first rebalance's delay began
    bool is_join_delayed; // the join timer measures that delay
    int32_t delay_ms;
    int32_t delay_left_ms;
    struct coord_timer join_timer;
    struct coord_timer sync_timer;
    struct list topics;
    struct map topics_by_name;
    int32_t uncertain_count;
};

struct group_state {
    struct coord *coord;
    const struct group_settings *settings;
    uint64_t seed; // of hashes, 0 = not drawn yet
    uint64_t order;
    struct map by_id;
    struct list groups; // in order of appearance: every walk goes this way
    struct map members;
    struct map instances;
    struct map producers;
    struct coord_timer expiry;
};

// ---- group.c -----------------------------------------------------------------------------------------------------

struct slice group_own(struct slice bytes); // null stays null
void group_disown(struct slice *bytes);
uint64_t group_hash(struct group_state *state, struct slice bytes);
int32_t group_java_hash(struct slice text);
struct group *group_find(struct group_state *state, struct slice id);
struct group *group_create(struct group_state *state, struct slice id);
// With members, timers and offsets; calls parked there must have been answered.
void group_destroy(struct group *group);
const char *group_kind_name(enum group_kind kind);
const char *group_phase_name(const struct group *group);
void group_enter(struct group *group, enum group_phase phase);
bool group_is_consumer_type(const struct group *group);
bool group_has_topic(const struct group *group, struct slice topic); // subscribed, as far as known
void group_find_subscriptions(struct group *group);

struct group_member *group_member_new(struct group *group, struct slice id, bool is_pending);
void group_member_free(struct group_member *member);
struct group_member *group_member_find(struct group *group, struct slice id); // pending ones too
struct group_member *group_member_static(struct group *group, struct slice instance_id);
void group_member_rename(struct group_member *member, struct slice id);
void group_member_set_instance(struct group_member *member, struct slice instance_id);
// A full member from now on: counted, perhaps leader; the first one gives the group its protocol type.
void group_admit(struct group_member *member, struct slice protocol_type);
// Leaves the group, answering what it has parked, and is freed; the leader is replaced.
void group_remove(struct group_member *member);
void group_touch(struct group_member *member); // its session begins anew
struct slice group_member_metadata(const struct group_member *member, struct slice protocol);
// OK, ERR_UNKNOWN_MEMBER_ID, ERR_FENCED_INSTANCE_ID
enum err group_check_member(struct group *group, struct slice member_id, struct slice instance_id,
                            struct group_member **member);

// ---- group_record.c ----------------------------------------------------------------------------------------------

void group_write(struct group *group);
// Whether the log takes the group as it is: subscriptions and assignments of all members in one record.
bool group_is_writable(const struct group *group);
void group_write_new(struct group *group);
void group_write_tombstone(struct group *group); // frees the group
enum err group_apply(struct group_state *state, const struct coord_record *record);

// ---- group_join.c ------------------------------------------------------------------------------------------------

void group_join(struct group_state *state, struct coord_call *call);

// ---- group_rebalance.c -------------------------------------------------------------------------------------------

struct slice group_select_protocol(const struct group *group);
int32_t group_rebalance_timeout_ms(const struct group *group);
bool group_can_rebalance(const struct group *group);
void group_park_join(struct group_member *member, struct coord_call *call);
void group_park_sync(struct group_member *member, struct coord_call *call);
// No-op unless awaiting.
void group_answer_join_error(struct group_member *member, struct slice member_id, enum err why);
void group_answer_sync(struct group_member *member, enum err why);
void group_refuse_join(struct group_state *state, struct coord_call *call, struct slice member_id, enum err why);
// The same for one the group does not know under that name.
void group_refuse_stranger(struct group_state *state, struct coord_call *call, struct slice member_id, enum err why);
void group_answer_joined(struct group_member *member, struct coord_call *call, struct slice leader, bool with_members,
                         bool skip_assignment);
void group_prepare(struct group *group, const char *reason);
void group_rebalance(struct group *group, const char *reason); // prepare, or go on preparing
void group_try_complete(struct group *group);
bool group_all_joined(const struct group *group);
void group_complete(struct group *group);
void group_join_timer(void *state, struct coord_timer *timer);
void group_sync_timer(void *state, struct coord_timer *timer);
void group_session_timer(void *state, struct coord_timer *timer);
void group_clear_outstanding(struct group_member *member);

// ---- group_sync.c ------------------------------------------------------------------------------------------------

void group_sync(struct group_state *state, struct coord_call *call);
void group_heartbeat(struct group_state *state, struct coord_call *call);
void group_leave(struct group_state *state, struct coord_call *call);

// ---- group_positions.c -------------------------------------------------------------------------------------------

struct group_topic *group_topic_find(const struct group *group, struct slice name);
struct group_position *group_position_find(const struct group *group, struct slice topic, int32_t partition);
// Takes the offset: committed, or (with a producer) uncertain.
void group_position_put(struct group *group, struct slice topic, int32_t partition, int64_t producer_id,
                        struct group_offset *take_offset);
void group_position_remove(struct group *group, struct slice topic, int32_t partition);
void group_positions_free(struct group *group);
void group_end_transaction(struct group_state *state, int64_t producer_id, bool is_commit);

// ---- group_offsets.c ---------------------------------------------------------------------------------------------

void group_offset_commit(struct group_state *state, struct coord_call *call);
void group_offset_delete(struct group_state *state, struct coord_call *call);
void group_write_offset_tombstone(struct group *group, struct slice topic, int32_t partition);

// ---- group_fetch.c -----------------------------------------------------------------------------------------------

void group_offset_fetch(struct group_state *state, struct coord_call *call);

// ---- group_expire.c ----------------------------------------------------------------------------------------------

void group_expiry_timer(void *state, struct coord_timer *timer);
void group_topics_deleted(struct group_state *state, const struct image_delta *delta);
void group_write_all_tombstones(struct group *group); // of its offsets

// ---- group_describe.c --------------------------------------------------------------------------------------------

void group_describe(struct group_state *state, struct coord_call *call);
void group_list(struct group_state *state, struct coord_call *call);
void group_delete(struct group_state *state, struct coord_call *call);

#endif
