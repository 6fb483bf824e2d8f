// SPDX-License-Identifier: Apache-2.0
// Inside group_sim: the world (group_sim.c) and the judge of what it is told (group_judge.c).
#ifndef ODRADEK_TESTS_SIM_GROUP_SIM_H
#define ODRADEK_TESTS_SIM_GROUP_SIM_H

#include "base/heap.h"
#include "coord/group_harness.h"
#include "harness.h"

enum {
    GROUPS = 3,
    CLIENTS = 10,
    PARTITIONS = 3, // fewer than members, sometimes
    EVENTS = 2400,
    IDS_MAX = 4096,
    SESSION_MS = 6000,
    REBALANCE_MS = 9000,
    SETTLE_MS = 20 * 60 * 1000,
};

// ---- what is told ------------------------------------------------------------------------------------------------

struct delivery {
    int64_t index; // of all requests that reached a coordinator
    int64_t offset;
};

// What the world outside knows of a group.
struct model {
    char name[8];
    int32_t generation; // newest whose assignment somebody was told
    struct slice owner[PARTITIONS];
    struct slice told_to[CLIENTS * 4]; // members of this generation that have been told
    uint8_t told[CLIENTS * 4];
    int told_count;
    int64_t acked[PARTITIONS]; // index of the newest commit answered OK; -1 = none
    struct delivery *commits[PARTITIONS];
    int commit_count[PARTITIONS];
    int commit_capacity[PARTITIONS];
};

// Ids in the order they were given out: below `dead`, an instance's ids are replaced for good.
struct identity {
    struct slice instance;
    struct slice id;
    bool is_dead;
};

struct versions {
    int16_t join, sync, heartbeat, leave, commit, fetch;
};

enum phase { OUT, JOINING, SYNCING, MEMBER };

struct client {
    int index;
    struct model *group;
    const struct versions *versions;
    struct slice instance; // null: dynamic
    struct slice member_id;
    int32_t generation;
    enum phase phase;
    bool is_full;  // told so
    uint8_t taste; // part of its metadata
    uint8_t assigned;
    int64_t serial; // of the request it waits for; 0 = none
    int64_t wake;   // of its alarm
    // Its former self, which has not noticed yet.
    struct slice ghost_id;
    int32_t ghost_generation;
};

struct request {
    int64_t serial;
    struct client *client;
    struct model *group;
    int16_t api;
    int16_t version;
    const void *body;
    struct slice member_id;
    int32_t generation;
    int partition;
    int64_t offset;
};

struct call {
    struct coord_call call;
    struct list link; // of world->calls
    const struct request *request;
    int64_t index;
    int32_t floor_generation;
    int64_t floor_commit;
    bool was_dead;
    bool is_answered;
};

enum event_kind { ARRIVE, ANSWER, WAKE, FLUSH, COMMITTED, LOAD, TROUBLE };

struct event {
    struct heap_node node;
    enum event_kind kind;
    struct client *client;
    const struct request *request;
    struct call *call;
    int64_t number; // serial, sequence
    int32_t epoch;
};

struct batch_end {
    uint64_t sequence;
    size_t bytes;
    int64_t offset;
};

struct world {
    struct sim_case *at;
    struct sim *sim;
    struct harness_topics topics;
    struct group_settings settings;
    struct heap events;
    int64_t now_ms;
    int64_t wall_ahead_ms;
    int64_t serials;
    int64_t deliveries;
    int64_t offsets;
    struct coord *coord; // NULL: none here
    struct coord_effects effects;
    int32_t epoch;
    bool is_flush_due;
    bool fails_next_append;
    struct text log;
    struct batch_end committed;
    struct batch_end tail[256]; // appended, not committed
    int tail_count;
    struct list calls; // delivered, not answered
    struct model groups[GROUPS];
    struct client clients[CLIENTS];
    struct identity ids[IDS_MAX];
    int id_count;
    bool is_healed;
    int happened;
};

// ---- group_judge.c -----------------------------------------------------------------------------------------------

int code_of(const struct call *call);      // of its answer
void note_commit(const struct call *call); // delivered
bool is_dead(const struct world *w, struct slice id);
void judge(struct world *w, const struct call *call);
void judge_loaded(struct world *w);

#endif
