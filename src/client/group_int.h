// SPDX-License-Identifier: Apache-2.0
// Private to the group: group.c holds subscription, assignment and the steps; group_join.c speaks with the coordinator
// about the membership, group_offsets.c about positions.
#ifndef ODRADEK_CLIENT_GROUP_INT_H
#define ODRADEK_CLIENT_GROUP_INT_H

#include "base/list.h"
#include "base/mem.h"
#include "client/client_int.h"
#include "client/group.h"
#include "proto/find_coordinator.h"
#include "proto/heartbeat.h"
#include "proto/join_group.h"
#include "proto/leave_group.h"
#include "proto/metadata.h"
#include "proto/offset_commit.h"
#include "proto/offset_fetch.h"
#include "proto/sync_group.h"

// OUT -> PREPARING -> JOINING [-> LEADING] -> SYNCING -> STABLE -> PREPARING ...; LEAVING -> CLOSED from anywhere.
enum client_group_state {
    GROUP_IDLE,      // nothing subscribed
    GROUP_OUT,       // to be joined
    GROUP_PREPARING, // commits made before the rebalance are under way
    GROUP_JOINING,
    GROUP_LEADING, // leader: the topics' metadata is on its way
    GROUP_SYNCING,
    GROUP_STABLE,
    GROUP_CLOSING, // last commits
    GROUP_LEAVING,
    GROUP_CLOSED,
    GROUP_FAILED,
};

enum { COORDINATOR_UNKNOWN = -1 };

struct client_group_name {
    struct list link;
    struct slice text;
    char storage[];
};

struct commit {
    struct list link; // group->commits
    struct arena arena;
    struct client_group_offsets offsets;
    client_group_committed *done;
    void *context;
    int64_t deadline_ns;
    int failures;
};

// A partition count the leader's assignment stands on.
struct topic_count {
    struct slice topic;
    int32_t partition_count;
};

struct client_group {
    struct client *client;
    struct consumer *consumer;
    struct client_group_config config;
    enum client_group_state state;
    struct list names; // struct client_group_name: every topic heard of; lives as long as the group
    struct client_listener listener;
    struct env_timer timer; // the next step
    bool timer_is_set;
    struct env_timer back_off_timer;
    bool is_backing_off; // no call about the membership leaves
    int failures;        // of such calls in a row
    bool has_failure;
    struct client_group_failure failure;

    // Subscription.
    struct slice *topics; // sorted
    size_t topic_count;
    bool is_pattern, has_listed;
    bool (*matches)(void *context, struct slice topic);
    void *matches_context;
    struct env_timer list_timer;
    struct client_call list_call;
    struct metadata_request list_request;
    bool list_is_open;

    // Membership.
    int32_t coordinator; // node id to call, or COORDINATOR_UNKNOWN
    struct text member_id;
    int32_t generation; // -1 = none
    bool needs_rejoin;
    bool is_leader;
    enum assignor assignor;       // of the last generation
    struct topic_count *snapshot; // leader only
    size_t snapshot_count;
    struct client_call find_call, join_call, sync_call, heartbeat_call, leave_call;
    bool find_is_open, join_is_open, sync_is_open, heartbeat_is_open, leave_is_open;
    struct arena find_arena, join_arena, sync_arena, heartbeat_arena, leave_arena; // requests
    struct env_timer heartbeat_timer;
    int64_t leading_until_ns;
    struct env_timer close_timer;

    // Assignment. Topics are names of ours.
    struct assignor_partitions owned;
    bool *has_position;              // of each owned partition: the consumer reads it
    struct assignor_partitions last; // as of the last assignment: what the sticky assignor remembers
    int32_t last_generation;

    // Positions.
    struct client_call fetch_call, commit_call;
    bool fetch_is_open, commit_is_open;
    struct arena fetch_arena, commit_arena;
    struct list commits; // the first may be under way
    struct env_timer auto_timer;
    struct env_timer fetch_timer, commit_timer;
    bool fetch_waits, commit_waits; // their back-off runs
    int fetch_failures;
};

// group.c
// Looks at everything soon.
void client_group_wake(struct client_group *group);
void client_group_back_off(struct client_group *group);
struct slice client_group_intern(struct client_group *group, struct slice name);
void client_group_fail(struct client_group *group, enum err e, struct slice topic, int32_t partition);
void client_group_adopt(struct client_group *group, const struct assignor_partitions *assigned);
void client_group_copy(struct client_group *group, struct assignor_partitions *to,
                       const struct assignor_partitions *from);
void client_group_call(struct client_group *group, struct client_call *call, bool *is_open, int16_t api_key,
                       const void *request, void (*done)(struct client *client, struct client_call *call));

// group_join.c
void client_group_find(struct client_group *group);
void client_group_join(struct client_group *group);
// The leader's part, as soon as the topics' metadata is here.
void client_group_lead(struct client_group *group);
void client_group_leave(struct client_group *group);
void client_group_start_heartbeats(struct client_group *group);
// Drops the coordinator: it moved, or its connection broke.
void client_group_lose_coordinator(struct client_group *group);
// The coordinator knows us no more; `forgets_member`: not even our id.
void client_group_reset(struct client_group *group, bool forgets_member);

// group_offsets.c
void client_group_fetch_offsets(struct client_group *group);
void client_group_send_commit(struct client_group *group);
void client_group_start_auto_commit(struct client_group *group);
// Those whose time is over while there is no coordinator.
void client_group_expire_commits(struct client_group *group);
void client_group_drop_commits(struct client_group *group, enum err e);
// Positions of `partitions` into a commit of our own.
void client_group_commit_positions(struct client_group *group, const struct assignor_partitions *partitions);

#endif
