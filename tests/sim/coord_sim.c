// SPDX-License-Identifier: Apache-2.0
// Coordinators inside a whole node over two shards, in virtual time: the topic is made by the first who asks, groups
// live and are administered, an append that the log refuses costs its answer and nothing else, a parked client that
// goes is forgotten, and under power cuts no acknowledged commit is ever lost or undone.
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "client/client.h"
#include "proto/apis.h"
#include "proto/create_topics.h"
#include "proto/delete_groups.h"
#include "proto/describe_groups.h"
#include "proto/find_coordinator.h"
#include "proto/heartbeat.h"
#include "proto/join_group.h"
#include "proto/leave_group.h"
#include "proto/list_groups.h"
#include "proto/offset_commit.h"
#include "proto/offset_delete.h"
#include "proto/offset_fetch.h"
#include "proto/sync_group.h"
#include "server.h"

enum { PARTITIONS = 3, COORDINATORS = 5, SESSION_MS = 6000, WAIT_MS = 60000 };

// A machine of its own with one client on it.
struct asker {
    struct sim_node *node;
    struct client *client;
    struct client_call call;
    bool is_answered;
};

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct asker a;
    struct asker b;
    struct uuid topic_id;
};

// ---- a node and clients --------------------------------------------------------------------------------------------

static void connect(void *context)
{
    struct asker *asker = context;
    struct client_config config;
    client_config_init(&config);
    config.bootstrap = SLICE("node:9092");
    enum err e = client_new(sim_node_env(asker->node, 0), &config, NULL, &asker->client);
    ASSERT(e == OK);
}

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct asker *)call->context)->is_answered = true;
}

static void send_call(void *context)
{
    struct asker *asker = context;
    client_call(asker->client, &asker->call);
}

static bool is_answered(void *context)
{
    return ((struct asker *)context)->is_answered;
}

static void send(struct asker *asker, int16_t api_key, int version, const void *request)
{
    client_call_deinit(&asker->call);
    asker->is_answered = false;
    asker->call = (struct client_call){.api_key = api_key,
                                       .node_id = CLIENT_ANY,
                                       .request = request,
                                       .version_min = version,
                                       .version_max = version,
                                       .timeout_ms = WAIT_MS / 2,
                                       .done = answered,
                                       .context = asker};
    sim_node_call(asker->node, send_call, asker);
}

static const void *receive(struct world *w, struct asker *asker)
{
    bool reached = sim_run_until(w->at->sim, is_answered, asker, WAIT_MS);
    sim_check(w->at, reached && asker->call.err == OK, "api %d: %s", asker->call.api_key, err_name(asker->call.err));
    return asker->call.response;
}

static const void *ask(struct world *w, int16_t api_key, int version, const void *request)
{
    send(&w->a, api_key, version, request);
    return receive(w, &w->a);
}

static void create_topic(struct world *w, const char *name)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    topic.name = slice_str(name);
    topic.num_partitions = PARTITIONS;
    topic.replication_factor = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct create_topics_response *response = ask(w, API_CREATE_TOPICS, 7, &request);
    sim_check(w->at, response->topics.items[0].error_code == 0, "creating %s: %d", name,
              response->topics.items[0].error_code);
    w->topic_id = response->topics.items[0].topic_id;
}

static struct world *open_world(struct sim_case *at)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    w->at = at;
    static const char *const settings[] = {"log.dirs=/data",
                                           "offsets.topic.num.partitions=5",
                                           "offsets.topic.segment.bytes=1048576",
                                           "message.max.bytes=4000000", // so that the segment is what refuses
                                           "group.initial.rebalance.delay.ms=0",
                                           NULL};
    sim_server_init(&w->server, at, settings);
    w->a.node = sim_node_new(at->sim, "client1", 1);
    w->b.node = sim_node_new(at->sim, "client2", 1);
    sim_server_start(&w->server);
    sim_node_call(w->a.node, connect, &w->a);
    sim_node_call(w->b.node, connect, &w->b);
    create_topic(w, "t");
    return w;
}

static void expect(struct world *w, const char *what, enum err expected, int16_t got)
{
    sim_check(w->at, got == err_to_wire(expected), "%s: expected %s, got %s", what, err_name(expected),
              err_name((enum err)got));
}

static void wait_ms(struct world *w, int64_t ms)
{
    sim_run_until(w->at->sim, NULL, NULL, ms);
}

// What a client does about a coordinator that is not there yet.
static bool is_passing(int16_t error)
{
    return error == ERR_COORDINATOR_NOT_AVAILABLE || error == ERR_COORDINATOR_LOAD_IN_PROGRESS ||
           error == ERR_NOT_COORDINATOR;
}

// ---- group requests ------------------------------------------------------------------------------------------------

static struct find_coordinator_response_coordinator find(struct world *w, struct slice group, int8_t key_type)
{
    struct find_coordinator_request request = find_coordinator_request_init();
    request.key_type = key_type;
    request.coordinator_keys.items = &group;
    request.coordinator_keys.count = 1;
    const struct find_coordinator_response *response = ask(w, API_FIND_COORDINATOR, 6, &request);
    sim_check(w->at, response->coordinators.count == 1, "one key, %d coordinators", response->coordinators.count);
    return response->coordinators.items[0];
}

// The number of groups, once every coordinator is loaded: until then there is no answer.
static int list(struct world *w)
{
    struct list_groups_request request = list_groups_request_init();
    for (int tries = 0; tries < 200; tries++) {
        const struct list_groups_response *response = ask(w, API_LIST_GROUPS, 5, &request);
        if (response->error_code == 0) return response->groups.count;
        expect(w, "ListGroups", ERR_COORDINATOR_LOAD_IN_PROGRESS, response->error_code);
        wait_ms(w, 100);
    }
    sim_check(w->at, false, "the coordinators do not load");
    return -1;
}

static void find_until_there(struct world *w, struct slice group)
{
    for (int tries = 0; tries < 200; tries++) {
        if (find(w, group, 0).error_code == 0) {
            list(w);
            return;
        }
        wait_ms(w, 100);
    }
    sim_check(w->at, false, "no coordinator in 20 s");
}

static const struct join_group_request *join_request(struct world *w, struct slice group, struct slice member,
                                                     size_t metadata_size)
{
    struct join_group_request *request = ARENA_NEW(w->at->arena, struct join_group_request);
    struct join_group_request_join_group_request_protocol *protocol =
        ARENA_NEW(w->at->arena, struct join_group_request_join_group_request_protocol);
    *request = join_group_request_init();
    request->group_id = group;
    request->session_timeout_ms = SESSION_MS;
    request->rebalance_timeout_ms = 2 * SESSION_MS;
    request->member_id = member;
    request->protocol_type = SLICE("test");
    protocol->name = SLICE("range");
    protocol->metadata = slice_of(ARENA_ARRAY(w->at->arena, uint8_t, metadata_size), metadata_size);
    request->protocols.items = protocol;
    request->protocols.count = 1;
    return request;
}

struct member {
    struct slice id;
    int32_t generation;
};

// A first JoinGroup only brings an id (KIP-394); tells it.
static struct slice take_id(struct world *w, struct asker *asker, struct slice group)
{
    for (int tries = 0; tries < 200; tries++) {
        send(asker, API_JOIN_GROUP, 9, join_request(w, group, SLICE(""), 10));
        const struct join_group_response *response = receive(w, asker);
        if (is_passing(response->error_code)) {
            wait_ms(w, 100);
            continue;
        }
        expect(w, "a first JoinGroup", ERR_MEMBER_ID_REQUIRED, response->error_code);
        return arena_copy(w->at->arena, response->member_id);
    }
    sim_check(w->at, false, "the coordinator does not load");
    return SLICE_NULL;
}

static int16_t sync_alone(struct world *w, struct slice group, const struct member *member, size_t assignment_size)
{
    struct sync_group_request request = sync_group_request_init();
    struct sync_group_request_sync_group_request_assignment assignment = {
        .member_id = member->id,
        .assignment = slice_of(ARENA_ARRAY(w->at->arena, uint8_t, assignment_size), assignment_size)};
    request.group_id = group;
    request.generation_id = member->generation;
    request.member_id = member->id;
    request.protocol_type = SLICE("test");
    request.protocol_name = SLICE("range");
    request.assignments.items = &assignment;
    request.assignments.count = 1;
    const struct sync_group_response *response = ask(w, API_SYNC_GROUP, 5, &request);
    if (response->error_code == 0)
        sim_check(w->at, response->assignment.size == assignment_size, "%zu bytes assigned", response->assignment.size);
    return response->error_code;
}

static struct member join_alone(struct world *w, struct slice group)
{
    struct member member = {.id = take_id(w, &w->a, group)};
    const struct join_group_response *joined = ask(w, API_JOIN_GROUP, 9, join_request(w, group, member.id, 10));
    expect(w, "JoinGroup", OK, joined->error_code);
    sim_check(w->at, slice_eq(joined->leader, member.id), "a lone member leads");
    sim_check(w->at, joined->members.count == 1, "%d members", joined->members.count);
    member.generation = joined->generation_id;
    return member;
}

static int16_t heartbeat(struct world *w, struct slice group, const struct member *member)
{
    struct heartbeat_request request = heartbeat_request_init();
    request.group_id = group;
    request.generation_id = member->generation;
    request.member_id = member->id;
    return ((const struct heartbeat_response *)ask(w, API_HEARTBEAT, 4, &request))->error_code;
}

static int16_t commit_as(struct world *w, struct slice group, const struct member *member, int32_t partition,
                         int64_t offset, int version)
{
    struct offset_commit_request request = offset_commit_request_init();
    struct offset_commit_request_offset_commit_request_topic topic =
        offset_commit_request_offset_commit_request_topic_init();
    struct offset_commit_request_offset_commit_request_partition item =
        offset_commit_request_offset_commit_request_partition_init();
    item.partition_index = partition;
    item.committed_offset = offset;
    item.committed_metadata = SLICE("");
    if (version >= 10)
        topic.topic_id = w->topic_id;
    else
        topic.name = SLICE("t");
    topic.partitions.items = &item;
    topic.partitions.count = 1;
    request.group_id = group;
    request.generation_id_or_member_epoch = member == NULL ? -1 : member->generation;
    request.member_id = member == NULL ? SLICE("") : member->id;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct offset_commit_response *response = ask(w, API_OFFSET_COMMIT, version, &request);
    sim_check(w->at, response->topics.count == 1 && response->topics.items[0].partitions.count == 1,
              "one partition committed, others answered");
    return response->topics.items[0].partitions.items[0].error_code;
}

struct fetched {
    int16_t error;
    int64_t offset;
};

static struct fetched fetch_once(struct world *w, struct slice group, int32_t partition, int version)
{
    struct offset_fetch_request request = offset_fetch_request_init();
    struct offset_fetch_request_offset_fetch_request_group in = offset_fetch_request_offset_fetch_request_group_init();
    struct offset_fetch_request_offset_fetch_request_topics topic =
        offset_fetch_request_offset_fetch_request_topics_init();
    struct offset_fetch_request_offset_fetch_request_topic old = {.name = SLICE("t")};
    topic.name = version >= 10 ? SLICE("") : SLICE("t");
    if (version >= 10) topic.topic_id = w->topic_id;
    topic.partition_indexes.items = &partition;
    topic.partition_indexes.count = 1;
    old.partition_indexes.items = &partition;
    old.partition_indexes.count = 1;
    in.group_id = group;
    in.topics.items = &topic;
    in.topics.count = 1;
    if (version >= 8) {
        request.groups.items = &in;
        request.groups.count = 1;
    } else {
        request.group_id = group;
        request.topics.items = &old;
        request.topics.count = 1;
    }
    const struct offset_fetch_response *response = ask(w, API_OFFSET_FETCH, version, &request);
    if (version < 8) {
        if (response->error_code != 0) return (struct fetched){.error = response->error_code};
        return (struct fetched){.error = response->topics.items[0].partitions.items[0].error_code,
                                .offset = response->topics.items[0].partitions.items[0].committed_offset};
    }
    const struct offset_fetch_response_offset_fetch_response_group *out = &response->groups.items[0];
    if (out->error_code != 0) return (struct fetched){.error = out->error_code};
    sim_check(w->at, out->topics.count == 1 && out->topics.items[0].partitions.count == 1, "one partition fetched");
    return (struct fetched){.error = out->topics.items[0].partitions.items[0].error_code,
                            .offset = out->topics.items[0].partitions.items[0].committed_offset};
}

static int64_t fetch(struct world *w, struct slice group, int32_t partition)
{
    for (int tries = 0; tries < 200; tries++) {
        struct fetched fetched = fetch_once(w, group, partition, 9);
        if (!is_passing(fetched.error)) {
            expect(w, "OffsetFetch", OK, fetched.error);
            return fetched.offset;
        }
        wait_ms(w, 100);
    }
    sim_check(w->at, false, "the coordinator does not load");
    return -1;
}

// ---- scenarios -----------------------------------------------------------------------------------------------------

static void topic_is_made(struct sim_case *at)
{
    struct world *w = open_world(at);
    // Asked for what nobody serves, nothing is made.
    expect(w, "a transactional id", ERR_INVALID_REQUEST, find(w, SLICE("x"), 1).error_code);
    expect(w, "an unknown kind of key", ERR_INVALID_REQUEST, find(w, SLICE("x"), 9).error_code);
    const struct member nobody = {.id = SLICE("m"), .generation = 1};
    expect(w, "a group before its topic", ERR_NOT_COORDINATOR, heartbeat(w, SLICE("g"), &nobody));
    struct find_coordinator_response_coordinator first = find(w, SLICE("g"), 0);
    expect(w, "the first who asks", ERR_COORDINATOR_NOT_AVAILABLE, first.error_code);
    sim_check(at, first.node_id == -1 && first.port == -1 && first.host.size == 0, "nowhere is -1, empty, -1");
    find_until_there(w, SLICE("g"));
    struct find_coordinator_response_coordinator found = find(w, SLICE("g"), 0);
    sim_check(at, found.node_id == 1 && found.port == 9092 && slice_eq_str(found.host, "node"), "found at %d",
              found.node_id);
    struct find_coordinator_request old = find_coordinator_request_init();
    old.key = SLICE("g");
    const struct find_coordinator_response *response = ask(w, API_FIND_COORDINATOR, 3, &old);
    expect(w, "version 3", OK, response->error_code);
    sim_check(at, response->node_id == 1 && slice_eq_str(response->error_message, "NONE"), "version 3 finds it");
}

static void describe(struct world *w, struct slice group, const char *state, int members)
{
    struct slice names[] = {group, SLICE("nobody's")};
    struct describe_groups_request request = describe_groups_request_init();
    request.groups.items = names;
    request.groups.count = 2;
    request.include_authorized_operations = true;
    const struct describe_groups_response *response = ask(w, API_DESCRIBE_GROUPS, 5, &request);
    sim_check(w->at, response->groups.count == 2, "%d groups described", response->groups.count);
    const struct describe_groups_response_described_group *out = &response->groups.items[0];
    sim_check(w->at, slice_eq(out->group_id, group) && slice_eq_str(out->group_state, state), "state %.*s, not %s",
              SLICE_FMT(out->group_state), state);
    sim_check(w->at, out->members.count == members, "%d members described", out->members.count);
    sim_check(w->at, out->authorized_operations == 0xd48, "operations %x", (unsigned)out->authorized_operations);
    if (members > 0)
        sim_check(w->at, out->members.items[0].client_host.size > 1 && out->members.items[0].client_host.data[0] == '/',
                  "host %.*s", SLICE_FMT(out->members.items[0].client_host));
    sim_check(w->at, slice_eq_str(response->groups.items[1].group_state, "Dead"), "unknown groups are dead");
}

static void leave(struct world *w, struct slice group, const struct member *member)
{
    struct leave_group_request request = leave_group_request_init();
    struct leave_group_request_member_identity who = leave_group_request_member_identity_init();
    who.member_id = member->id;
    request.group_id = group;
    request.members.items = &who;
    request.members.count = 1;
    const struct leave_group_response *response = ask(w, API_LEAVE_GROUP, 5, &request);
    expect(w, "LeaveGroup", OK, response->error_code);
    expect(w, "the member that leaves", OK, response->members.items[0].error_code);
}

static void delete_groups(struct world *w, struct slice group, enum err expected)
{
    struct slice names[] = {group, group, SLICE("nobody's")};
    struct delete_groups_request request = delete_groups_request_init();
    request.groups_names.items = names;
    request.groups_names.count = 3;
    const struct delete_groups_response *response = ask(w, API_DELETE_GROUPS, 2, &request);
    sim_check(w->at, response->results.count == 2, "a name twice counts once: %d", response->results.count);
    expect(w, "DeleteGroups", expected, response->results.items[0].error_code);
    expect(w, "an unknown group", ERR_GROUP_ID_NOT_FOUND, response->results.items[1].error_code);
}

static void group_lives(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct slice group = SLICE("g");
    find_until_there(w, group);
    struct member member = join_alone(w, group);
    expect(w, "SyncGroup", OK, sync_alone(w, group, &member, 20));
    expect(w, "Heartbeat", OK, heartbeat(w, group, &member));
    describe(w, group, "Stable", 1);
    sim_check(at, list(w) == 1, "one group");
    expect(w, "OffsetCommit 9", OK, commit_as(w, group, &member, 0, 5, 9));
    expect(w, "OffsetCommit 10", OK, commit_as(w, group, &member, 1, 6, 10));
    expect(w, "an unknown partition", ERR_UNKNOWN_TOPIC_OR_PARTITION, commit_as(w, group, &member, PARTITIONS, 1, 9));
    sim_check(at, fetch_once(w, group, 0, 9).offset == 5, "fetch 9");
    sim_check(at, fetch_once(w, group, 0, 10).offset == 5, "fetch 10");
    sim_check(at, fetch_once(w, group, 1, 5).offset == 6, "fetch 5");
    sim_check(at, fetch_once(w, group, 1, 1).offset == 6, "fetch 1");
    sim_check(at, fetch_once(w, group, 2, 9).offset == -1, "nothing committed");
    delete_groups(w, group, ERR_NON_EMPTY_GROUP);
    leave(w, group, &member);
    expect(w, "Heartbeat of one who left", ERR_UNKNOWN_MEMBER_ID, heartbeat(w, group, &member));
    describe(w, group, "Empty", 0);
    sim_node_crash(w->server.node, SIM_POWER_CUT);
    sim_server_start(&w->server);
    sim_check(at, list(w) == 1, "one group after the power cut");
    sim_check(at, fetch(w, group, 0) == 5, "committed before the power cut");
    describe(w, group, "Empty", 0);
    delete_groups(w, group, OK);
    sim_check(at, fetch(w, group, 0) == -1, "deleted");
}

// Kafka's broker refuses a record above max.message.bytes; here the log refuses a batch that no segment can hold.
static void refused_append(struct sim_case *at)
{
    enum { TOO_LARGE = 1200 * 1000 };
    struct world *w = open_world(at);
    struct slice group = SLICE("g");
    find_until_there(w, group);
    struct member member = join_alone(w, group);
    expect(w, "SyncGroup", OK, sync_alone(w, group, &member, 20));
    expect(w, "a commit", OK, commit_as(w, group, &member, 0, 5, 9));
    // The next generation's assignment is too large: what the log does not hold did not happen.
    const struct join_group_response *joined = ask(w, API_JOIN_GROUP, 9, join_request(w, group, member.id, 11));
    expect(w, "joining anew", OK, joined->error_code);
    struct member next = {.id = member.id, .generation = joined->generation_id};
    expect(w, "SyncGroup too large", ERR_UNKNOWN_SERVER_ERROR, sync_alone(w, group, &next, TOO_LARGE));
    sim_check(at, fetch(w, group, 0) == 5, "committed before");
    expect(w, "the old generation", OK, heartbeat(w, group, &member));
    expect(w, "the new one", ERR_ILLEGAL_GENERATION, heartbeat(w, group, &next));
    expect(w, "a commit afterwards", OK, commit_as(w, group, &member, 0, 7, 9));
    sim_check(at, fetch(w, group, 0) == 7, "committed after");
}

// Its connection goes while its JoinGroup waits for the other's: nobody waits for it longer than for any member.
static void parked_client_goes(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct slice group = SLICE("g");
    find_until_there(w, group);
    struct member member = join_alone(w, group);
    expect(w, "SyncGroup", OK, sync_alone(w, group, &member, 20));
    struct slice other = take_id(w, &w->b, group);
    send(&w->b, API_JOIN_GROUP, 9, join_request(w, group, other, 5000)); // parks: `member` has to join again
    wait_ms(w, 1000);
    sim_check(at, !w->b.is_answered, "a rebalance waits for its members");
    expect(w, "Heartbeat", ERR_REBALANCE_IN_PROGRESS, heartbeat(w, group, &member));
    sim_node_crash(w->b.node, at->seed % 2 == 0 ? SIM_POWER_CUT : SIM_PROCESS_KILL);
    wait_ms(w, 500);
    const struct join_group_response *joined = ask(w, API_JOIN_GROUP, 9, join_request(w, group, member.id, 10));
    expect(w, "joining again", OK, joined->error_code);
    member.generation = joined->generation_id;
    // The one that went may still be counted; its session ends, and the group is of one again.
    int32_t members = joined->members.count;
    for (int tries = 0; tries < 60 && members != 1; tries++) {
        wait_ms(w, 1000);
        int16_t error = heartbeat(w, group, &member);
        if (error == 0) continue;
        expect(w, "Heartbeat", ERR_REBALANCE_IN_PROGRESS, error);
        joined = ask(w, API_JOIN_GROUP, 9, join_request(w, group, member.id, 10));
        expect(w, "joining once more", OK, joined->error_code);
        member.generation = joined->generation_id;
        members = joined->members.count;
    }
    sim_check(at, members == 1, "%d members", members);
}

// ---- power cuts ----------------------------------------------------------------------------------------------------

enum { GROUPS = 4, ROUNDS = 4, COMMITS_PER_ROUND = 60 };

struct book {
    int64_t sent[GROUPS];
    int64_t acknowledged[GROUPS];
};

static bool is_answered_or_down(void *context)
{
    struct world *w = context;
    return w->a.is_answered || !sim_node_is_up(w->server.node);
}

// One commit without retrying: true when it was acknowledged.
static bool try_commit(struct world *w, struct slice group, int64_t offset)
{
    struct offset_commit_request *request = ARENA_NEW(w->at->arena, struct offset_commit_request);
    struct offset_commit_request_offset_commit_request_topic *topic =
        ARENA_NEW(w->at->arena, struct offset_commit_request_offset_commit_request_topic);
    struct offset_commit_request_offset_commit_request_partition *item =
        ARENA_NEW(w->at->arena, struct offset_commit_request_offset_commit_request_partition);
    *request = offset_commit_request_init();
    *item = offset_commit_request_offset_commit_request_partition_init();
    item->committed_offset = offset;
    item->committed_metadata = SLICE("");
    topic->name = SLICE("t");
    topic->partitions.items = item;
    topic->partitions.count = 1;
    request->group_id = group;
    request->topics.items = topic;
    request->topics.count = 1;
    send(&w->a, API_OFFSET_COMMIT, 8, request);
    sim_run_until(w->at->sim, is_answered_or_down, w, WAIT_MS);
    if (!w->a.is_answered) return false;
    if (w->a.call.err != OK) return false;
    const struct offset_commit_response *response = w->a.call.response;
    return response->topics.items[0].partitions.items[0].error_code == 0;
}

static struct slice group_name(struct world *w, int index)
{
    return slice_str(arena_printf(w->at->arena, "group-%d", index));
}

static void cancel(void *context)
{
    struct asker *asker = context;
    client_call_cancel(asker->client, &asker->call);
}

static void commit_until_cut(struct world *w, struct book *book)
{
    sim_crash_at_call(w->server.node, SIM_CALL_ANY, 1 + sim_below(w->at->sim, 1500), SIM_POWER_CUT);
    for (int i = 0; i < COMMITS_PER_ROUND && sim_node_is_up(w->server.node); i++) {
        int which = (int)sim_below(w->at->sim, GROUPS);
        int64_t offset = ++book->sent[which];
        if (try_commit(w, group_name(w, which), offset)) book->acknowledged[which] = offset;
    }
    if (sim_node_is_up(w->server.node)) sim_node_crash(w->server.node, SIM_POWER_CUT);
    if (!w->a.is_answered) sim_node_call(w->a.node, cancel, &w->a);
    client_call_deinit(&w->a.call);
    w->a.call = (struct client_call){0};
}

static void power_cuts(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct book book = {0};
    find_until_there(w, SLICE("g"));
    struct member member = join_alone(w, SLICE("member's"));
    expect(w, "SyncGroup", OK, sync_alone(w, SLICE("member's"), &member, 20));
    for (int i = 0; i < GROUPS; i++) {
        fetch(w, group_name(w, i), 0); // waits until its coordinator serves
        book.sent[i] = book.acknowledged[i] = -1;
    }
    int64_t total = 0;
    for (int round = 0; round < ROUNDS; round++) {
        commit_until_cut(w, &book);
        sim_server_start(&w->server);
        for (int i = 0; i < GROUPS; i++) {
            int64_t offset = fetch(w, group_name(w, i), 0);
            sim_check(at, offset >= book.acknowledged[i], "group %d: %lld was acknowledged, now it is %lld", i,
                      (long long)book.acknowledged[i], (long long)offset);
            sim_check(at, offset <= book.sent[i], "group %d: %lld was never sent", i, (long long)offset);
            book.acknowledged[i] = offset; // shown: may not go back any more
            total += offset + 1;
        }
        // The member's session began anew with every life of the node.
        expect(w, "Heartbeat after a power cut", OK, heartbeat(w, SLICE("member's"), &member));
    }
    sim_check(at, total > 0, "nothing was ever committed: the scenario tests nothing");
}

static struct sim_options options(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    options.faults.disk_slow_ppm = (int)(seed % 7) * 500;
    options.ignore_leaks = true;
    return options;
}

static const struct sim_scenario scenarios[] = {{"topic_is_made", options, topic_is_made},
                                                {"group_lives", options, group_lives},
                                                {"refused_append", options, refused_append},
                                                {"parked_client_goes", options, parked_client_goes},
                                                {"power_cuts", options, power_cuts}};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
