// SPDX-License-Identifier: Apache-2.0
// What clients may be told, judged from outside: the invariants of group_sim.
#include "group_sim.h"

#include <string.h>

#include "base/mem.h"
#include "proto/heartbeat.h"
#include "proto/join_group.h"
#include "proto/offset_commit.h"
#include "proto/offset_fetch.h"
#include "proto/sync_group.h"

bool is_dead(const struct world *w, struct slice id)
{
    for (int i = w->id_count - 1; i >= 0; i--)
        if (slice_eq(w->ids[i].id, id)) return w->ids[i].is_dead;
    return false;
}

static void note_id(struct world *w, const struct request *request, struct slice id)
{
    struct slice instance = request->client->instance;
    if (slice_is_null(instance)) return;
    for (int i = 0; i < w->id_count; i++)
        if (slice_eq(w->ids[i].id, id)) return;
    sim_check(w->at, w->id_count < IDS_MAX, "too many ids");
    w->ids[w->id_count++] = (struct identity){.instance = instance, .id = arena_copy(w->at->arena, id)};
}

// An assignment was told to `id`: ids its instance had before are replaced, and the log knows.
static void bury_older(struct world *w, const struct request *request)
{
    int at = w->id_count - 1;
    while (at >= 0 && !slice_eq(w->ids[at].id, request->member_id)) at--;
    for (int i = 0; i < at; i++)
        if (slice_eq(w->ids[i].instance, request->client->instance)) w->ids[i].is_dead = true;
}

static void judge_sync(struct world *w, const struct call *call, struct model *g)
{
    const struct sync_group_response *r = call->call.response;
    const struct request *request = call->request;
    int32_t generation = request->generation;
    if (r->error_code != OK) return;
    sim_check(w->at, generation >= g->generation, "%s: assignment of generation %d after one of %d", g->name,
              generation, g->generation);
    if (generation > g->generation) {
        g->generation = generation;
        g->told_count = 0;
        memset(g->owner, 0, sizeof(g->owner));
    }
    struct slice who = slice_is_null(request->client->instance) ? request->member_id : request->client->instance;
    uint8_t mask = r->assignment.size == 0 ? 0 : r->assignment.data[0];
    for (int p = 0; p < PARTITIONS; p++) {
        if ((mask & (1 << p)) == 0) continue;
        sim_check(w->at, slice_is_null(g->owner[p]) || slice_eq(g->owner[p], who),
                  "%s: partition %d has two owners in generation %d: %.*s and %.*s", g->name, p, generation,
                  SLICE_FMT(g->owner[p]), SLICE_FMT(who));
        g->owner[p] = who;
    }
    bury_older(w, request);
    for (int i = 0; i < g->told_count; i++) {
        if (!slice_eq(g->told_to[i], who)) continue;
        sim_check(w->at, g->told[i] == mask, "%s: %.*s is assigned %x, then %x in generation %d", g->name,
                  SLICE_FMT(who), g->told[i], mask, generation);
        return;
    }
    sim_check(w->at, g->told_count < (int)COUNT_OF(g->told), "too many members");
    g->told_to[g->told_count] = who;
    g->told[g->told_count++] = mask;
}

static void judge_position(struct world *w, const struct model *g, int partition, int64_t floor, int64_t offset)
{
    if (floor < 0 && offset < 0) return;
    for (int i = g->commit_count[partition] - 1; i >= 0 && g->commits[partition][i].index >= floor; i--)
        if (g->commits[partition][i].offset == offset) return;
    sim_fail(w->at, __FILE__, __LINE__, "%s: partition %d is at %lld, behind a commit that was answered", g->name,
             partition, (long long)offset);
}

static void judge_current(struct world *w, const struct call *call, const char *what)
{
    const struct request *request = call->request;
    if (request->generation < 0) return; // as an administrator does, to a group that is empty
    sim_check(w->at, request->generation >= call->floor_generation, "%s: %s of generation %d accepted in %d",
              request->group->name, what, request->generation, call->floor_generation);
    sim_check(w->at, !call->was_dead, "%s: %s of %.*s accepted, which was replaced", request->group->name, what,
              SLICE_FMT(request->member_id));
}

static int64_t fetched(const struct call *call)
{
    const struct offset_fetch_response *r = call->call.response;
    return call->request->version < 8 ? r->topics.items[0].partitions.items[0].committed_offset
                                      : r->groups.items[0].topics.items[0].partitions.items[0].committed_offset;
}

// The code that most answers carry: the first i16 that differs from version to version only in place.
int code_of(const struct call *call)
{
    const void *response = call->call.response;
    if (call->call.err != OK) return call->call.err;
    switch (call->request->api) {
    case API_JOIN_GROUP: return ((const struct join_group_response *)response)->error_code;
    case API_SYNC_GROUP: return ((const struct sync_group_response *)response)->error_code;
    case API_HEARTBEAT: return ((const struct heartbeat_response *)response)->error_code;
    case API_OFFSET_COMMIT:
        return ((const struct offset_commit_response *)response)->topics.items[0].partitions.items[0].error_code;
    default: return OK;
    }
}

void judge(struct world *w, const struct call *call)
{
    const struct request *request = call->request;
    struct model *g = request->group;
    const void *response = call->call.response;
    switch (request->api) {
    case API_JOIN_GROUP: {
        const struct join_group_response *r = response;
        if (r->error_code != OK) return;
        sim_check(w->at, r->generation_id >= g->generation, "%s: joined generation %d after %d", g->name,
                  r->generation_id, g->generation);
        note_id(w, request, r->member_id);
        return;
    }
    case API_SYNC_GROUP: judge_sync(w, call, g); return;
    case API_HEARTBEAT:
        if (((const struct heartbeat_response *)response)->error_code == OK) judge_current(w, call, "heartbeat");
        return;
    case API_OFFSET_COMMIT:
        if (((const struct offset_commit_response *)response)->topics.items[0].partitions.items[0].error_code != OK)
            return;
        judge_current(w, call, "commit");
        if (call->index > g->acked[request->partition]) g->acked[request->partition] = call->index;
        return;
    case API_OFFSET_FETCH: judge_position(w, g, request->partition, call->floor_commit, fetched(call)); return;
    default: return;
    }
}

void note_commit(const struct call *call)
{
    struct model *g = call->request->group;
    int p = call->request->partition;
    if (g->commit_count[p] == g->commit_capacity[p]) {
        g->commit_capacity[p] = g->commit_capacity[p] == 0 ? 16 : 2 * g->commit_capacity[p];
        g->commits[p] = mem_realloc(g->commits[p], (size_t)g->commit_capacity[p] * sizeof(struct delivery));
    }
    g->commits[p][g->commit_count[p]++] = (struct delivery){call->index, call->request->offset};
}

// What was loaded is what was answered for.
void judge_loaded(struct world *w)
{
    for (int i = 0; i < GROUPS; i++) {
        const struct group *group = NULL;
        const struct group_state *state = coord_state(w->coord);
        LIST_EACH (link, &state->groups)
            if (slice_eq_str(LIST_ITEM(link, struct group, link)->id, w->groups[i].name))
                group = LIST_ITEM(link, struct group, link);
        sim_check(w->at, group == NULL || group->generation >= w->groups[i].generation,
                  "%s: loaded in generation %d, %d is known", w->groups[i].name, group->generation,
                  w->groups[i].generation);
        for (int p = 0; group != NULL && p < PARTITIONS; p++) {
            int64_t offset = -1;
            LIST_EACH (link, &group->topics) {
                const struct group_topic *topic = LIST_ITEM(link, struct group_topic, link);
                for (int32_t j = 0; j < topic->count; j++)
                    if (topic->positions[j].partition == p) offset = topic->positions[j].committed->offset;
            }
            judge_position(w, &w->groups[i], p, w->groups[i].acked[p], offset);
        }
    }
}
