// SPDX-License-Identifier: Apache-2.0
// For tests: one classic group on a fake broker, with Kafka's rules as far as members see them: member ids handed out,
// a join that waits until all known members have joined, generations, offsets; and failures on demand.
#ifndef ODRADEK_CLIENT_FAKE_GROUP_H
#define ODRADEK_CLIENT_FAKE_GROUP_H

#include "client/fake_broker.h"

#include <stdio.h>

#include "proto/find_coordinator.h"
#include "proto/heartbeat.h"
#include "proto/join_group.h"
#include "proto/leave_group.h"
#include "proto/offset_commit.h"
#include "proto/offset_fetch.h"
#include "proto/sync_group.h"

enum { FAKE_MEMBERS_MAX = 8 };

struct fake_pending {
    struct fake_conn *conn; // NULL: nothing waits
    const struct wire_api *api;
    int version;
    int32_t correlation_id;
};

struct fake_member {
    char id[32];
    bool is_known, has_joined;
    char protocol[32]; // the first it offers
    struct text metadata, assignment;
    struct fake_pending join, sync;
};

struct fake_group {
    struct fake_broker *broker;
    struct fake_member members[FAKE_MEMBERS_MAX];
    int next_id;
    int32_t generation;
    int leader;
    bool is_rebalancing, has_assignments;
    int64_t offsets[FAKE_PARTITIONS]; // -1 = none
    // Failures, counted down per request they hit; 0 = none.
    int fail_find, fail_heartbeats, fail_commits, fail_joins, fail_syncs, fail_fetches;
    enum err error;
    // Counters.
    int finds, joins, syncs, heartbeats, leaves, commits, fetches;
};

static inline void fake_reply(const struct fake_pending *to, const void *response)
{
    fake_respond(to->conn, to->api, to->version, to->correlation_id, response);
    fake_flush(to->conn);
}

static inline bool fake_fails(int *count)
{
    if (*count == 0) return false;
    (*count)--;
    return true;
}

static inline int fake_find_member(const struct fake_group *g, struct slice id)
{
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        if (g->members[i].is_known && slice_eq_str(id, g->members[i].id)) return i;
    }
    return -1;
}

// ---- joining ---------------------------------------------------------------------------------------------------

// Starts the next generation when nobody is missing.
static inline void fake_try_generation(struct fake_group *g)
{
    int count = 0;
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        if (!g->members[i].is_known) continue;
        if (!g->members[i].has_joined) return;
        if (count++ == 0) g->leader = i;
    }
    if (count == 0 || !g->is_rebalancing) return;
    g->generation++;
    g->is_rebalancing = g->has_assignments = false;
    struct join_group_response_join_group_response_member list[FAKE_MEMBERS_MAX];
    int32_t listed = 0;
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        struct fake_member *m = &g->members[i];
        if (!m->is_known) continue;
        list[listed] = join_group_response_join_group_response_member_init();
        list[listed].member_id = slice_str(m->id);
        list[listed++].metadata = text_slice(&m->metadata);
    }
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        struct fake_member *m = &g->members[i];
        if (!m->is_known) continue;
        m->has_joined = false;
        struct join_group_response r = join_group_response_init();
        r.generation_id = g->generation;
        r.protocol_type = SLICE("consumer");
        r.protocol_name = slice_str(g->members[g->leader].protocol);
        r.leader = slice_str(g->members[g->leader].id);
        r.member_id = slice_str(m->id);
        r.members.items = list;
        r.members.count = i == g->leader ? listed : 0;
        struct fake_pending to = m->join;
        m->join.conn = NULL;
        fake_reply(&to, &r);
    }
}

static inline void fake_begin_rebalance(struct fake_group *g)
{
    g->is_rebalancing = true;
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        struct fake_member *m = &g->members[i];
        if (m->sync.conn == NULL) continue;
        struct sync_group_response r = sync_group_response_init();
        r.error_code = ERR_REBALANCE_IN_PROGRESS;
        r.assignment = SLICE("");
        struct fake_pending to = m->sync;
        m->sync.conn = NULL;
        fake_reply(&to, &r);
    }
}

static inline void fake_join(struct fake_group *g, const struct fake_pending *from, const struct join_group_request *q)
{
    struct join_group_response r = join_group_response_init();
    g->joins++;
    r.members.count = 0;
    int at = fake_find_member(g, q->member_id);
    if (fake_fails(&g->fail_joins)) {
        r.error_code = (int16_t)g->error;
    } else if (q->member_id.size == 0) {
        for (at = 0; g->members[at].is_known; at++) ASSERT(at + 1 < FAKE_MEMBERS_MAX);
        snprintf(g->members[at].id, sizeof(g->members[at].id), "member-%d", g->next_id++);
        g->members[at].is_known = true;
        r.error_code = ERR_MEMBER_ID_REQUIRED;
        r.member_id = slice_str(g->members[at].id);
    } else if (at < 0) {
        r.error_code = ERR_UNKNOWN_MEMBER_ID;
        r.member_id = q->member_id;
    }
    if (r.error_code != OK) {
        fake_reply(from, &r);
        return;
    }
    struct fake_member *m = &g->members[at];
    snprintf(m->protocol, sizeof(m->protocol), "%.*s", SLICE_FMT(q->protocols.items[0].name));
    text_clear(&m->metadata);
    text_add(&m->metadata, q->protocols.items[0].metadata);
    m->has_joined = true;
    m->join = *from;
    if (!g->is_rebalancing) fake_begin_rebalance(g);
    fake_try_generation(g);
}

static inline void fake_hand_out(struct fake_group *g)
{
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        struct fake_member *m = &g->members[i];
        if (m->sync.conn == NULL) continue;
        struct sync_group_response r = sync_group_response_init();
        r.assignment = m->assignment.size == 0 ? SLICE("") : text_slice(&m->assignment);
        struct fake_pending to = m->sync;
        m->sync.conn = NULL;
        fake_reply(&to, &r);
    }
}

static inline void fake_sync(struct fake_group *g, const struct fake_pending *from, const struct sync_group_request *q)
{
    struct sync_group_response r = sync_group_response_init();
    r.assignment = SLICE("");
    g->syncs++;
    int at = fake_find_member(g, q->member_id);
    if (fake_fails(&g->fail_syncs))
        r.error_code = (int16_t)g->error;
    else if (at < 0)
        r.error_code = ERR_UNKNOWN_MEMBER_ID;
    else if (q->generation_id != g->generation)
        r.error_code = ERR_ILLEGAL_GENERATION;
    else if (g->is_rebalancing)
        r.error_code = ERR_REBALANCE_IN_PROGRESS;
    if (r.error_code != OK) {
        fake_reply(from, &r);
        return;
    }
    g->members[at].sync = *from;
    for (int32_t i = 0; at == g->leader && i < q->assignments.count; i++) {
        int to = fake_find_member(g, q->assignments.items[i].member_id);
        if (to < 0) continue;
        text_clear(&g->members[to].assignment);
        text_add(&g->members[to].assignment, q->assignments.items[i].assignment);
        g->has_assignments = true;
    }
    if (g->has_assignments) fake_hand_out(g);
}

// ---- being a member --------------------------------------------------------------------------------------------

static inline enum err fake_standing(const struct fake_group *g, struct slice member_id, int32_t generation)
{
    if (fake_find_member(g, member_id) < 0) return ERR_UNKNOWN_MEMBER_ID;
    return generation == g->generation ? OK : ERR_ILLEGAL_GENERATION;
}

static inline void fake_heartbeat(struct fake_group *g, const struct fake_pending *from,
                                  const struct heartbeat_request *q)
{
    struct heartbeat_response r = heartbeat_response_init();
    g->heartbeats++;
    enum err e = fake_fails(&g->fail_heartbeats) ? g->error : fake_standing(g, q->member_id, q->generation_id);
    if (e == OK && g->is_rebalancing) e = ERR_REBALANCE_IN_PROGRESS;
    r.error_code = (int16_t)e;
    fake_reply(from, &r);
}

static inline void fake_forget(struct fake_group *g, int at)
{
    g->members[at].is_known = g->members[at].has_joined = false;
    fake_begin_rebalance(g);
    fake_try_generation(g);
}

static inline void fake_leave(struct fake_group *g, const struct fake_pending *from,
                              const struct leave_group_request *q)
{
    struct leave_group_response r = leave_group_response_init();
    g->leaves++;
    fake_reply(from, &r);
    int at = fake_find_member(g, q->members.items[0].member_id);
    if (at >= 0) fake_forget(g, at);
}

static inline void fake_commit(struct fake_group *g, const struct fake_pending *from,
                               const struct offset_commit_request *q)
{
    struct offset_commit_response r = offset_commit_response_init();
    struct offset_commit_response_offset_commit_response_topic topic =
        offset_commit_response_offset_commit_response_topic_init();
    struct offset_commit_response_offset_commit_response_partition answers[FAKE_PARTITIONS];
    g->commits++;
    enum err e =
        fake_fails(&g->fail_commits) ? g->error : fake_standing(g, q->member_id, q->generation_id_or_member_epoch);
    topic.name = SLICE("topic");
    topic.partitions.items = answers;
    r.topics.items = &topic;
    r.topics.count = 1;
    for (int32_t t = 0; t < q->topics.count; t++) {
        for (int32_t p = 0; p < q->topics.items[t].partitions.count; p++) {
            int32_t index = q->topics.items[t].partitions.items[p].partition_index;
            if (e == OK) g->offsets[index] = q->topics.items[t].partitions.items[p].committed_offset;
            answers[topic.partitions.count] = offset_commit_response_offset_commit_response_partition_init();
            answers[topic.partitions.count].partition_index = index;
            answers[topic.partitions.count++].error_code = (int16_t)e;
        }
    }
    fake_reply(from, &r);
}

static inline void fake_fetch_offsets(struct fake_group *g, const struct fake_pending *from,
                                      const struct offset_fetch_request *q)
{
    struct offset_fetch_response r = offset_fetch_response_init();
    struct offset_fetch_response_offset_fetch_response_topic topic =
        offset_fetch_response_offset_fetch_response_topic_init();
    struct offset_fetch_response_offset_fetch_response_partition answers[FAKE_PARTITIONS];
    g->fetches++;
    topic.name = SLICE("topic");
    topic.partitions.items = answers;
    r.topics.items = &topic;
    r.topics.count = 1;
    r.error_code = fake_fails(&g->fail_fetches) ? (int16_t)g->error : OK;
    for (int32_t t = 0; t < q->topics.count; t++) {
        for (int32_t p = 0; p < q->topics.items[t].partition_indexes.count; p++) {
            int32_t index = q->topics.items[t].partition_indexes.items[p];
            answers[topic.partitions.count] = offset_fetch_response_offset_fetch_response_partition_init();
            answers[topic.partitions.count].partition_index = index;
            answers[topic.partitions.count].metadata = SLICE("");
            answers[topic.partitions.count++].committed_offset = g->offsets[index];
        }
    }
    fake_reply(from, &r);
}

static inline void fake_find(struct fake_group *g, const struct fake_pending *from)
{
    struct find_coordinator_response r = find_coordinator_response_init();
    g->finds++;
    if (fake_fails(&g->fail_find)) {
        r.error_code = (int16_t)g->error;
        r.node_id = -1;
    } else {
        r.node_id = 7;
        r.host = slice_str(g->broker->host);
        r.port = g->broker->port;
    }
    fake_reply(from, &r);
}

static inline bool fake_group_take(struct fake_broker *broker, struct fake_conn *conn, const struct wire_api *api,
                                   int version, int32_t correlation_id, const void *request)
{
    struct fake_group *g = broker->extra_context;
    struct fake_pending from = {conn, api, version, correlation_id};
    switch (api->key) {
    case API_FIND_COORDINATOR: fake_find(g, &from); return true;
    case API_JOIN_GROUP: fake_join(g, &from, request); return true;
    case API_SYNC_GROUP: fake_sync(g, &from, request); return true;
    case API_HEARTBEAT: fake_heartbeat(g, &from, request); return true;
    case API_LEAVE_GROUP: fake_leave(g, &from, request); return true;
    case API_OFFSET_COMMIT: fake_commit(g, &from, request); return true;
    case API_OFFSET_FETCH: fake_fetch_offsets(g, &from, request); return true;
    default: return false;
    }
}

// Its joins and syncs wait in vain.
static inline void fake_group_conn_gone(struct fake_broker *broker, struct fake_conn *conn)
{
    struct fake_group *g = broker->extra_context;
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        struct fake_member *m = &g->members[i];
        if (m->sync.conn == conn) m->sync.conn = NULL;
        if (m->join.conn != conn) continue;
        m->join.conn = NULL;
        m->has_joined = false;
    }
}

static inline void fake_group_start(struct fake_group *g, struct fake_broker *broker)
{
    *g = (struct fake_group){.broker = broker};
    for (int i = 0; i < FAKE_PARTITIONS; i++) g->offsets[i] = -1;
    broker->extra = fake_group_take;
    broker->conn_gone = fake_group_conn_gone;
    broker->extra_context = g;
}

static inline void fake_group_stop(struct fake_group *g)
{
    for (int i = 0; i < FAKE_MEMBERS_MAX; i++) {
        text_deinit(&g->members[i].metadata);
        text_deinit(&g->members[i].assignment);
    }
}

#endif
