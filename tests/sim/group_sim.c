// SPDX-License-Identifier: Apache-2.0
// Classic groups under fire: one coordinator of three groups over a log in memory, and ten clients, static and dynamic,
// of several protocol ages. Requests and answers are lost, doubled and late, the coordinator fails, resigns and loads
// again (what was not committed yet may be lost), appends fail, clocks jump and everything stops for a while.
//
// Invariants after every event:
//   owner        in a generation no partition is given to two members, and no member is given different things
//   generation   never goes back behind one whose assignment somebody has been told
//   fencing      who belongs to an older generation, or was replaced, is not told OK
//   position     a commit that was answered is never lost, and replaced by later commits only
//   answers      no call is answered twice, no answer is one its version cannot carry
// After healing, no call stays unanswered and every group settles with all partitions assigned.
#include "group_sim.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "proto/heartbeat.h"
#include "proto/join_group.h"
#include "proto/leave_group.h"
#include "proto/offset_commit.h"
#include "proto/offset_fetch.h"
#include "proto/sync_group.h"

static const struct versions ages[] = {
    {9, 5, 4, 5, 9, 9}, {7, 4, 4, 4, 8, 8}, {5, 3, 3, 3, 7, 7}, {4, 2, 2, 2, 6, 6}, {0, 0, 0, 0, 2, 1}};
enum { STATIC_AGES = 3 };

static bool chance(struct world *w, int percent)
{
    return !w->is_healed && sim_below(w->sim, 100) < percent;
}

static struct event *post(struct world *w, enum event_kind kind, int64_t in_ms)
{
    struct event *event = ARENA_NEW(w->at->arena, struct event);
    event->kind = kind;
    event->epoch = w->epoch;
    heap_insert(&w->events, &event->node, w->now_ms + in_ms);
    return event;
}

static int64_t latency(struct world *w)
{
    if (chance(w, 4)) return sim_below(w->sim, 15000);
    return sim_below(w->sim, w->is_healed ? 5 : 40);
}

static struct slice keep(struct world *w, struct slice bytes)
{
    return arena_copy(w->at->arena, bytes);
}

// ---- clients: asking ---------------------------------------------------------------------------------------------

static void alarm_in(struct world *w, struct client *client, int64_t ms)
{
    struct event *event = post(w, WAKE, ms);
    event->client = client;
    event->number = client->wake = ++w->serials;
}

static struct request *request_new(struct world *w, struct client *client, int16_t api, int16_t version)
{
    struct request *request = ARENA_NEW(w->at->arena, struct request);
    *request = (struct request){.serial = ++w->serials,
                                .client = client,
                                .group = client->group,
                                .api = api,
                                .version = version,
                                .member_id = client->member_id,
                                .generation = client->generation};
    return request;
}

static void send(struct world *w, const struct request *request)
{
    int copies = chance(w, 4) ? 0 : chance(w, 5) ? 2 : 1;
    for (int i = 0; i < copies; i++) post(w, ARRIVE, latency(w))->request = request;
}

// Sends and waits: an alarm comes if no answer does.
static void ask(struct world *w, struct request *request, int64_t patience_ms)
{
    request->client->serial = request->serial;
    send(w, request);
    alarm_in(w, request->client, patience_ms);
}

static void ask_join(struct world *w, struct client *client)
{
    struct join_group_request *body = ARENA_NEW(w->at->arena, struct join_group_request);
    uint8_t *taste = arena_alloc(w->at->arena, 1);
    *taste = client->taste;
    *body = join_group_request_init();
    body->group_id = slice_str(client->group->name);
    body->session_timeout_ms = SESSION_MS;
    body->rebalance_timeout_ms = REBALANCE_MS;
    body->member_id = client->member_id;
    body->group_instance_id = client->instance;
    body->protocol_type = SLICE("test");
    body->protocols.items = ARENA_ARRAY(w->at->arena, struct join_group_request_join_group_request_protocol, 2);
    for (int i = 0; i < 1 + client->index % 2; i++)
        body->protocols.items[body->protocols.count++] = (struct join_group_request_join_group_request_protocol){
            .name = i == 0 ? SLICE("range") : SLICE("sticky"), .metadata = slice_of(taste, 1)};
    client->phase = JOINING;
    struct request *request = request_new(w, client, API_JOIN_GROUP, client->versions->join);
    request->body = body;
    ask(w, request, REBALANCE_MS + 5000);
}

static void ask_sync(struct world *w, struct client *client, const struct join_group_response *joined)
{
    struct sync_group_request *body = ARENA_NEW(w->at->arena, struct sync_group_request);
    int32_t count = joined == NULL || joined->skip_assignment ? 0 : joined->members.count;
    int64_t turn = sim_below(w->sim, PARTITIONS);
    *body = sync_group_request_init();
    body->group_id = slice_str(client->group->name);
    body->member_id = client->member_id;
    body->group_instance_id = client->instance;
    body->generation_id = client->generation;
    body->assignments.items = ARENA_ARRAY(w->at->arena, struct sync_group_request_sync_group_request_assignment, count);
    for (int32_t i = 0; i < count; i++) {
        uint8_t *mask = arena_zalloc(w->at->arena, 1, 1);
        for (int p = 0; p < PARTITIONS; p++)
            if ((p + turn) % count == i) *mask |= (uint8_t)(1 << p);
        if (*mask == 0 && i % 2 == 0) continue; // some leaders leave out who gets nothing
        body->assignments.items[body->assignments.count++] = (struct sync_group_request_sync_group_request_assignment){
            .member_id = keep(w, joined->members.items[i].member_id), .assignment = slice_of(mask, 1)};
    }
    client->phase = SYNCING;
    struct request *request = request_new(w, client, API_SYNC_GROUP, client->versions->sync);
    request->body = body;
    ask(w, request, 8000);
}

static struct request *heartbeat_of(struct world *w, struct client *client, struct slice id, int32_t generation)
{
    struct heartbeat_request *body = ARENA_NEW(w->at->arena, struct heartbeat_request);
    *body = heartbeat_request_init();
    body->group_id = slice_str(client->group->name);
    body->member_id = id;
    body->group_instance_id = client->instance;
    body->generation_id = generation;
    struct request *request = request_new(w, client, API_HEARTBEAT, client->versions->heartbeat);
    request->body = body;
    request->member_id = id;
    request->generation = generation;
    return request;
}

static struct request *commit_of(struct world *w, struct client *client, struct slice id, int32_t generation)
{
    struct arena *arena = w->at->arena;
    struct offset_commit_request *body = ARENA_NEW(arena, struct offset_commit_request);
    struct request *request = request_new(w, client, API_OFFSET_COMMIT, client->versions->commit);
    request->member_id = id;
    request->generation = generation;
    request->partition = (int)sim_below(w->sim, PARTITIONS);
    request->offset = ++w->offsets;
    *body = offset_commit_request_init();
    body->group_id = slice_str(client->group->name);
    body->generation_id_or_member_epoch = generation;
    body->member_id = id;
    body->group_instance_id = client->instance;
    body->topics.items = ARENA_NEW(arena, struct offset_commit_request_offset_commit_request_topic);
    body->topics.count = 1;
    body->topics.items->name = SLICE("t");
    body->topics.items->partitions.items =
        ARENA_NEW(arena, struct offset_commit_request_offset_commit_request_partition);
    body->topics.items->partitions.count = 1;
    *body->topics.items->partitions.items =
        (struct offset_commit_request_offset_commit_request_partition){.partition_index = request->partition,
                                                                       .committed_offset = request->offset,
                                                                       .committed_leader_epoch = -1,
                                                                       .committed_metadata = SLICE("")};
    request->body = body;
    return request;
}

static struct request *fetch_of(struct world *w, struct client *client)
{
    struct arena *arena = w->at->arena;
    struct offset_fetch_request *body = ARENA_NEW(arena, struct offset_fetch_request);
    struct request *request = request_new(w, client, API_OFFSET_FETCH, client->versions->fetch);
    int32_t *partition = ARENA_NEW(arena, int32_t);
    *partition = request->partition = (int)sim_below(w->sim, PARTITIONS);
    *body = offset_fetch_request_init();
    if (request->version < 8) {
        body->group_id = slice_str(client->group->name);
        body->topics.items = ARENA_NEW(arena, struct offset_fetch_request_offset_fetch_request_topic);
        body->topics.count = 1;
        body->topics.items->name = SLICE("t");
        body->topics.items->partition_indexes.items = partition;
        body->topics.items->partition_indexes.count = 1;
    } else {
        body->groups.items = ARENA_NEW(arena, struct offset_fetch_request_offset_fetch_request_group);
        body->groups.count = 1;
        *body->groups.items = offset_fetch_request_offset_fetch_request_group_init();
        body->groups.items->group_id = slice_str(client->group->name);
        body->groups.items->topics.items = ARENA_NEW(arena, struct offset_fetch_request_offset_fetch_request_topics);
        body->groups.items->topics.count = 1;
        body->groups.items->topics.items->name = SLICE("t");
        body->groups.items->topics.items->partition_indexes.items = partition;
        body->groups.items->topics.items->partition_indexes.count = 1;
    }
    request->body = body;
    return request;
}

static void send_leave(struct world *w, struct client *client)
{
    struct leave_group_request *body = ARENA_NEW(w->at->arena, struct leave_group_request);
    *body = leave_group_request_init();
    body->group_id = slice_str(client->group->name);
    if (client->versions->leave < 3) {
        body->member_id = client->member_id;
    } else {
        body->members.items = ARENA_NEW(w->at->arena, struct leave_group_request_member_identity);
        body->members.count = 1;
        body->members.items->member_id = client->member_id;
        body->members.items->group_instance_id = client->instance;
    }
    struct request *request = request_new(w, client, API_LEAVE_GROUP, client->versions->leave);
    request->body = body;
    send(w, request);
}

// ---- clients: living ---------------------------------------------------------------------------------------------

static void go_out(struct world *w, struct client *client, int64_t for_ms)
{
    client->ghost_id = client->member_id;
    client->ghost_generation = client->generation;
    client->phase = OUT;
    client->member_id = SLICE("");
    client->generation = -1;
    client->assigned = 0;
    client->serial = 0;
    alarm_in(w, client, for_ms);
}

static void forget_id(struct client *client)
{
    client->member_id = SLICE("");
    client->generation = -1;
}

static void live_on(struct world *w, struct client *client)
{
    int64_t what = sim_below(w->sim, 10);
    struct request *request = what < 5   ? heartbeat_of(w, client, client->member_id, client->generation)
                              : what < 8 ? commit_of(w, client, client->member_id, client->generation)
                                         : fetch_of(w, client);
    ask(w, request, 2000);
}

static void on_wake(struct world *w, struct client *client)
{
    switch (client->phase) {
    case OUT:
    case JOINING: ask_join(w, client); return;
    case SYNCING: // the leader's assignment is gone with its request: it has to join again
        client->phase = JOINING;
        ask_join(w, client);
        return;
    case MEMBER: live_on(w, client); return;
    }
}

static void on_trouble_code(struct world *w, struct client *client, enum err code)
{
    switch ((int)code) {
    case ERR_UNKNOWN_MEMBER_ID:
    case ERR_ILLEGAL_GENERATION:
        forget_id(client);
        ask_join(w, client);
        return;
    case ERR_MEMBER_ID_REQUIRED:
    case ERR_REBALANCE_IN_PROGRESS: ask_join(w, client); return;
    case ERR_FENCED_INSTANCE_ID: go_out(w, client, 1000 + sim_below(w->sim, 4000)); return;
    case ERR_GROUP_MAX_SIZE_REACHED:
        forget_id(client);
        client->is_full = true; // until it is let in
        go_out(w, client, 5000);
        return;
    case ERR_NOT_COORDINATOR:
    case ERR_COORDINATOR_LOAD_IN_PROGRESS: alarm_in(w, client, 200); return;
    default: sim_fail(w->at, __FILE__, __LINE__, "client %d is told %s", client->index, err_name(code));
    }
}

static void on_joined(struct world *w, struct client *client, const struct join_group_response *r)
{
    if (r->error_code == ERR_MEMBER_ID_REQUIRED || r->error_code == OK) client->member_id = keep(w, r->member_id);
    if (r->error_code != OK) {
        on_trouble_code(w, client, (enum err)r->error_code);
        return;
    }
    client->generation = r->generation_id;
    client->is_full = false;
    ask_sync(w, client, slice_eq(r->leader, r->member_id) ? r : NULL);
}

static void on_answer(struct world *w, struct client *client, const struct call *call)
{
    client->serial = 0;
    if (call->call.err != OK) {
        on_trouble_code(w, client, call->call.err);
        return;
    }
    enum err code = OK;
    const void *response = call->call.response;
    switch (call->request->api) {
    case API_JOIN_GROUP: on_joined(w, client, response); return;
    case API_SYNC_GROUP: {
        const struct sync_group_response *r = response;
        code = (enum err)r->error_code;
        if (code != OK) break;
        client->phase = MEMBER;
        client->assigned = r->assignment.size == 0 ? 0 : r->assignment.data[0];
        break;
    }
    case API_HEARTBEAT: code = (enum err)((const struct heartbeat_response *)response)->error_code; break;
    case API_OFFSET_COMMIT:
        code =
            (enum err)((const struct offset_commit_response *)response)->topics.items[0].partitions.items[0].error_code;
        if (code == ERR_GROUP_ID_NOT_FOUND) code = ERR_UNKNOWN_MEMBER_ID;
        break;
    default: break;
    }
    if (code != OK)
        on_trouble_code(w, client, code);
    else
        alarm_in(w, client, 500 + sim_below(w->sim, 2000));
}

// ---- the coordinator ---------------------------------------------------------------------------------------------

static void collect(struct world *w, bool reaches_clients)
{
    for (struct list *link; (link = list_pop_front(&w->effects.answered)) != NULL;) {
        struct call *call = CONTAINER_OF(link, struct call, call.link);
        sim_check(w->at, !call->is_answered, "a call is answered twice");
        call->is_answered = true;
        list_remove(&call->link);
        harness_check_answer(&call->call);
        sim_trace(w->sim, "%lld %s: %s of client %d (%.*s, generation %d): %s%s", (long long)w->now_ms,
                  call->request->group->name, wire_api_find(call->request->api)->name, call->request->client->index,
                  SLICE_FMT(call->request->member_id), call->request->generation, err_name((enum err)code_of(call)),
                  reaches_clients ? "" : ", untold");
        if (reaches_clients && call->call.err == OK) judge(w, call);
        if (!reaches_clients || chance(w, 4))
            arena_deinit(&call->call.arena);
        else
            post(w, ANSWER, latency(w))->call = call;
    }
}

static void step(struct world *w, struct coord_event event)
{
    event.now_ms = w->now_ms;
    event.wall_ms = INT64_C(1700000000000) + w->now_ms + w->wall_ahead_ms;
    event.image = w->topics.image;
    enum err e = coord_step(w->coord, &event, &w->effects);
    sim_check(w->at, e == OK, "a step fails: %s", err_name(e));
    collect(w, true);
    if (!w->effects.wants_flush || w->is_flush_due) return;
    w->is_flush_due = true;
    post(w, FLUSH, 0);
}

static void drop_appends(struct world *w)
{
    for (struct list *link; (link = list_pop_front(&w->effects.appends)) != NULL;) {
        struct coord_batch *batch = LIST_ITEM(link, struct coord_batch, link);
        text_deinit(&batch->bytes);
        mem_free(batch);
    }
}

// A crash tells nobody; who resigns does. What was appended and not committed is kept in part.
static void stop(struct world *w, bool tells)
{
    if (w->coord == NULL) return;
    coord_fail(w->coord, ERR_NOT_COORDINATOR, &w->effects);
    collect(w, tells);
    drop_appends(w);
    coord_free(w->coord);
    w->coord = NULL;
    int kept = (int)sim_below(w->sim, w->tail_count + 1);
    if (kept > 0) w->committed = w->tail[kept - 1];
    w->tail_count = 0;
    w->log.size = w->committed.bytes;
    w->epoch++;
    w->is_flush_due = false;
    w->fails_next_append = false;
    sim_trace(w->sim, "coordinator %s, log ends at %lld", tells ? "resigns" : "crashes",
              (long long)w->committed.offset);
    post(w, LOAD, sim_below(w->sim, w->is_healed ? 100 : 8000));
}

static void start(struct world *w)
{
    if (w->coord != NULL) return;
    w->effects.wants_flush = false;
    w->coord = harness_coord_new(&w->settings, w->epoch, sim_random(w->sim));
    step(w, (struct coord_event){.kind = EV_COORD_LOAD, .batches = text_slice(&w->log)});
    step(w, (struct coord_event){.kind = EV_COORD_LOADED});
    judge_loaded(w);
}

static void append(struct world *w, struct coord_batch *batch)
{
    struct batch_end end = {.sequence = batch->sequence};
    int64_t base = w->tail_count == 0 ? w->committed.offset : w->tail[w->tail_count - 1].offset;
    end.offset = harness_stamp(&batch->bytes, base, w->epoch);
    text_add(&w->log, text_slice(&batch->bytes));
    end.bytes = w->log.size;
    sim_check(w->at, w->tail_count < (int)COUNT_OF(w->tail), "too many batches under way");
    w->tail[w->tail_count++] = end;
    post(w, COMMITTED, chance(w, 10) ? sim_below(w->sim, 3000) : sim_below(w->sim, 10))->number =
        (int64_t)batch->sequence;
}

static void flush(struct world *w)
{
    w->is_flush_due = false;
    step(w, (struct coord_event){.kind = EV_COORD_FLUSH});
    if (w->fails_next_append && !list_is_empty(&w->effects.appends)) {
        stop(w, true);
        return;
    }
    for (struct list *link; (link = list_pop_front(&w->effects.appends)) != NULL;) {
        struct coord_batch *batch = LIST_ITEM(link, struct coord_batch, link);
        append(w, batch);
        text_deinit(&batch->bytes);
        mem_free(batch);
    }
}

static void committed(struct world *w, uint64_t sequence)
{
    int done = 0;
    while (done < w->tail_count && w->tail[done].sequence <= sequence) w->committed = w->tail[done++];
    memmove(w->tail, w->tail + done, (size_t)(w->tail_count - done) * sizeof(w->tail[0]));
    w->tail_count -= done;
    step(w, (struct coord_event){.kind = EV_COORD_COMMITTED, .sequence = sequence});
}

static void arrive(struct world *w, const struct request *request)
{
    if (w->coord == NULL) return; // the client's patience ends some time
    struct call *call = ARENA_NEW(w->at->arena, struct call);
    call->request = request;
    call->index = ++w->deliveries;
    call->floor_generation = request->group->generation;
    call->floor_commit = request->group->acked[request->partition];
    call->was_dead = is_dead(w, request->member_id);
    call->call.api_key = request->api;
    call->call.version = request->version;
    call->call.body = request->body;
    call->call.client_id = SLICE("c");
    call->call.client_host = SLICE("/10.0.0.1");
    list_push_back(&w->calls, &call->link);
    if (request->api == API_OFFSET_COMMIT) note_commit(call);
    step(w, (struct coord_event){.kind = EV_COORD_CALL, .call = &call->call});
}

// ---- trouble -----------------------------------------------------------------------------------------------------

static void abandon_one(struct world *w)
{
    struct list *first = list_first(&w->calls);
    if (w->coord == NULL || first == NULL) return;
    step(w, (struct coord_event){.kind = EV_COORD_ABANDONED, .call = &LIST_ITEM(first, struct call, link)->call});
}

static void send_ghost(struct world *w, struct client *client)
{
    if (client->ghost_id.size == 0) return;
    send(w, chance(w, 50) ? heartbeat_of(w, client, client->ghost_id, client->ghost_generation)
                          : commit_of(w, client, client->ghost_id, client->ghost_generation));
}

static void trouble_client(struct world *w, struct client *client)
{
    switch (sim_below(w->sim, 5)) {
    case 0: // killed; perhaps for longer than its session
        go_out(w, client, sim_below(w->sim, 12000));
        return;
    case 1:
        if (client->phase == MEMBER) send_leave(w, client);
        go_out(w, client, sim_below(w->sim, 8000));
        return;
    case 2: // other topics, or its leader's eye for new ones
        client->taste += (uint8_t)sim_below(w->sim, 2);
        if (client->phase == MEMBER) ask_join(w, client);
        return;
    default: send_ghost(w, client); return;
    }
}

static void trouble(struct world *w)
{
    if (w->is_healed) return;
    post(w, TROUBLE, sim_below(w->sim, 4000));
    switch (sim_below(w->sim, 16)) {
    case 0: stop(w, false); return;
    case 1: stop(w, true); return;
    case 2: w->fails_next_append = true; return;
    case 3: w->wall_ahead_ms += sim_below(w->sim, 7200 * 1000) - 3600 * 1000; return;
    case 4: // everything stands still
        w->now_ms += sim_below(w->sim, 20000);
        return;
    case 5: abandon_one(w); return;
    default: trouble_client(w, &w->clients[sim_below(w->sim, CLIENTS)]); return;
    }
}

// ---- the world ---------------------------------------------------------------------------------------------------

static void happen(struct world *w, const struct event *event)
{
    w->happened++;
    switch (event->kind) {
    case ARRIVE: arrive(w, event->request); return;
    case ANSWER:
        if (event->call->request->client->serial == event->call->request->serial)
            on_answer(w, event->call->request->client, event->call);
        arena_deinit(&event->call->call.arena);
        return;
    case WAKE:
        if (event->client->wake == event->number) on_wake(w, event->client);
        return;
    case FLUSH:
        if (event->epoch == w->epoch && w->coord != NULL) flush(w);
        return;
    case COMMITTED:
        if (event->epoch == w->epoch && w->coord != NULL) committed(w, (uint64_t)event->number);
        return;
    case LOAD: start(w); return;
    case TROUBLE: trouble(w); return;
    }
}

static void turn(struct world *w)
{
    struct heap_node *first = heap_min(&w->events);
    int64_t tick_ms = w->coord == NULL ? INT64_MAX : coord_deadline_ms(w->coord);
    sim_check(w->at, first != NULL, "nothing is left to happen");
    if (tick_ms <= first->key) {
        if (tick_ms > w->now_ms) w->now_ms = tick_ms;
        w->happened++;
        step(w, (struct coord_event){.kind = EV_COORD_TICK});
        return;
    }
    heap_remove(&w->events, first);
    if (first->key > w->now_ms) w->now_ms = first->key;
    happen(w, CONTAINER_OF(first, struct event, node));
}

static void set_up(struct world *w, struct sim_case *at)
{
    *w = (struct world){.at = at, .sim = at->sim, .settings = harness_settings()};
    w->settings.initial_rebalance_delay_ms = (int32_t)sim_below(w->sim, 2) * 1500;
    w->settings.offsets_retention_check_ms = INT64_C(1) << 40;
    if (sim_below(w->sim, 8) == 0) w->settings.max_size = 2;
    harness_topics_init(&w->topics);
    harness_topic_create(&w->topics, "t", 1, PARTITIONS);
    coord_effects_init(&w->effects);
    list_init(&w->calls);
    for (int i = 0; i < GROUPS; i++) {
        snprintf(w->groups[i].name, sizeof(w->groups[i].name), "g%d", i);
        for (int p = 0; p < PARTITIONS; p++) w->groups[i].acked[p] = -1;
    }
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &w->clients[i];
        bool is_static = sim_below(w->sim, 3) == 0;
        *client =
            (struct client){.index = i, .group = &w->groups[i % GROUPS], .member_id = SLICE(""), .generation = -1};
        client->versions = &ages[sim_below(w->sim, is_static ? STATIC_AGES : (int64_t)COUNT_OF(ages))];
        if (is_static) client->instance = slice_str(arena_printf(at->arena, "i%d", i));
        alarm_in(w, client, sim_below(w->sim, 10000));
    }
    start(w);
    post(w, TROUBLE, 5000);
}

static bool is_settled(const struct world *w)
{
    int generation[GROUPS] = {0};
    int covered[GROUPS] = {0};
    for (int i = 0; i < CLIENTS; i++) {
        const struct client *client = &w->clients[i];
        int g = i % GROUPS;
        if (client->is_full && client->phase != MEMBER) continue;
        if (client->phase != MEMBER) return false;
        if (generation[g] != 0 && generation[g] != client->generation) return false;
        if ((covered[g] & client->assigned) != 0) return false;
        generation[g] = client->generation;
        covered[g] |= client->assigned;
    }
    for (int g = 0; g < GROUPS; g++)
        if (covered[g] != (1 << PARTITIONS) - 1) return false;
    return true;
}

static void tear_down(struct world *w)
{
    stop(w, false);
    for (struct heap_node *first; (first = heap_min(&w->events)) != NULL;) {
        struct event *event = CONTAINER_OF(first, struct event, node);
        heap_remove(&w->events, first);
        if (event->kind == ANSWER) arena_deinit(&event->call->call.arena);
    }
    for (int i = 0; i < GROUPS; i++)
        for (int p = 0; p < PARTITIONS; p++) mem_free(w->groups[i].commits[p]);
    heap_deinit(&w->events);
    text_deinit(&w->log);
    harness_topics_deinit(&w->topics);
}

static void groups_hold(struct sim_case *at)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    set_up(w, at);
    while (w->happened < EVENTS) turn(w);
    w->is_healed = true;
    for (int i = 0; i < CLIENTS; i++)
        if (w->clients[i].phase == OUT) alarm_in(w, &w->clients[i], 1000);
    int64_t until_ms = w->now_ms + SETTLE_MS;
    int64_t settled_since_ms = INT64_MAX;
    while (w->now_ms < until_ms && w->now_ms - settled_since_ms < 15000) {
        turn(w);
        bool is_calm = is_settled(w);
        if (!is_calm)
            settled_since_ms = INT64_MAX;
        else if (settled_since_ms == INT64_MAX)
            settled_since_ms = w->now_ms;
    }
    for (int i = 0; i < CLIENTS; i++)
        sim_trace(w->sim, "client %d of %s: phase %d, generation %d, assigned %x", i, w->clients[i].group->name,
                  (int)w->clients[i].phase, w->clients[i].generation, w->clients[i].assigned);
    sim_check(at, settled_since_ms != INT64_MAX, "groups do not settle after healing");
    for (struct list *link; (link = list_first(&w->calls)) != NULL && w->now_ms < until_ms;) turn(w);
    sim_check(at, list_is_empty(&w->calls), "a call is forgotten");
    stop(w, false);
    start(w); // judges what the log holds
    sim_trace(w->sim, "at %lld ms, %d events, log of %lld", (long long)w->now_ms, w->happened,
              (long long)w->committed.offset);
    tear_down(w);
}

static const struct sim_scenario scenarios[] = {{"groups", sim_options_default, groups_hold}};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
