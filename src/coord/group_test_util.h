// SPDX-License-Identifier: Apache-2.0
// Requests to a group coordinator, one after the other. After each step the log is loaded by a second coordinator,
// which must know the same.
#ifndef ODRADEK_COORD_GROUP_TEST_UTIL_H
#define ODRADEK_COORD_GROUP_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "coord/group_harness.h"
#include "proto/delete_groups.h"
#include "proto/describe_groups.h"
#include "proto/heartbeat.h"
#include "proto/join_group.h"
#include "proto/leave_group.h"
#include "proto/list_groups.h"
#include "proto/offset_commit.h"
#include "proto/offset_delete.h"
#include "proto/offset_fetch.h"
#include "proto/sync_group.h"
#include "record/builder.h"

struct fixture {
    struct arena arena;
    struct group_settings settings;
    struct harness_topics topics;
    struct coord *coord;
    struct coord_effects effects;
    int64_t now_ms;
    int64_t wall_ms;
    struct text log; // batches, all committed
    int64_t end_offset;
    uint64_t seed;
    struct call *calls; // newest first
};

struct call {
    struct coord_call call;
    struct call *next;
    bool is_done;
};

static inline void fixture_init(struct fixture *f)
{
    *f = (struct fixture){.settings = harness_settings(), .now_ms = 1000, .wall_ms = INT64_C(1700000000000), .seed = 1};
    harness_topics_init(&f->topics);
    harness_topic_create(&f->topics, "orders", 1, 4);
    harness_topic_create(&f->topics, "bills", 2, 2);
    coord_effects_init(&f->effects);
    f->coord = harness_load(SLICE_NULL, &f->settings, f->now_ms, f->wall_ms, f->topics.image, 0, f->seed);
}

static inline void fixture_collect(struct fixture *f)
{
    for (struct list *link; (link = list_pop_front(&f->effects.answered)) != NULL;) {
        struct call *call = CONTAINER_OF(link, struct call, call.link);
        assert_false(call->is_done);
        call->is_done = true;
        harness_check_answer(&call->call);
    }
}

static inline void fixture_step(struct fixture *f, struct coord_event event)
{
    event.now_ms = f->now_ms;
    event.wall_ms = f->wall_ms;
    event.image = f->topics.image;
    assert_int_equal(coord_step(f->coord, &event, &f->effects), OK);
    fixture_collect(f);
}

// The turn's records reach the log and are committed.
static inline void fixture_commit(struct fixture *f)
{
    if (!f->effects.wants_flush) return;
    fixture_step(f, (struct coord_event){.kind = EV_COORD_FLUSH});
    for (struct list *link; (link = list_pop_front(&f->effects.appends)) != NULL;) {
        struct coord_batch *batch = LIST_ITEM(link, struct coord_batch, link);
        f->end_offset = harness_stamp(&batch->bytes, f->end_offset, 0);
        text_add(&f->log, text_slice(&batch->bytes));
        fixture_step(f, (struct coord_event){.kind = EV_COORD_COMMITTED, .sequence = batch->sequence});
        text_deinit(&batch->bytes);
        mem_free(batch);
    }
}

static inline void fixture_compare(struct fixture *f)
{
    struct coord *loaded =
        harness_load(text_slice(&f->log), &f->settings, f->now_ms, f->wall_ms, f->topics.image, 1, 9);
    harness_same_knowledge(f->coord, loaded);
    coord_free(loaded);
}

static inline void fixture_do(struct fixture *f, struct coord_event event)
{
    fixture_step(f, event);
    fixture_commit(f);
    fixture_compare(f);
}

// Drops everything and loads the log, as after a crash.
static inline void fixture_reload(struct fixture *f)
{
    coord_fail(f->coord, ERR_NOT_COORDINATOR, &f->effects);
    fixture_collect(f);
    coord_free(f->coord);
    f->coord = harness_load(text_slice(&f->log), &f->settings, f->now_ms, f->wall_ms, f->topics.image, 1, ++f->seed);
}

static inline void fixture_deinit(struct fixture *f)
{
    coord_fail(f->coord, ERR_NOT_COORDINATOR, &f->effects);
    fixture_collect(f);
    coord_free(f->coord);
    for (struct call *call = f->calls; call != NULL; call = call->next) {
        assert_true(call->is_done);
        arena_deinit(&call->call.arena);
    }
    text_deinit(&f->log);
    harness_topics_deinit(&f->topics);
    arena_deinit(&f->arena);
}

// Lets time go by, timers firing in between.
static inline void fixture_wait(struct fixture *f, int64_t ms)
{
    int64_t until_ms = f->now_ms + ms;
    while (coord_deadline_ms(f->coord) <= until_ms) {
        int64_t at_ms = coord_deadline_ms(f->coord);
        f->wall_ms += at_ms - f->now_ms;
        f->now_ms = at_ms;
        fixture_do(f, (struct coord_event){.kind = EV_COORD_TICK});
    }
    f->wall_ms += until_ms - f->now_ms;
    f->now_ms = until_ms;
}

// `body` is copied.
static inline struct call *fixture_ask(struct fixture *f, const struct wire_message *message, int16_t version,
                                       const void *body)
{
    struct call *call = ARENA_NEW(&f->arena, struct call);
    void *copy = arena_zalloc(&f->arena, 1, wire_struct_size(message));
    memcpy(copy, body, wire_struct_size(message));
    call->call.api_key = (int16_t)wire_key(message);
    call->call.version = version;
    call->call.body = copy;
    call->call.client_id = SLICE("client");
    call->call.client_host = SLICE("/127.0.0.1");
    call->next = f->calls;
    f->calls = call;
    fixture_do(f, (struct coord_event){.kind = EV_COORD_CALL, .call = &call->call});
    return call;
}

static inline void *fixture_answer(struct call *call)
{
    assert_true(call->is_done);
    assert_int_equal(call->call.err, OK);
    return call->call.response;
}

// ---- members -----------------------------------------------------------------------------------------------------

struct joining {
    const char *group;
    const char *instance;  // NULL: dynamic
    const char *protocols; // "range", "range,sticky"; NULL = "range"
    const char *type;      // NULL = "consumer"
    const char *topics;    // of the subscription, one; NULL = "orders"
    int32_t session_ms;    // 0 = 10,000
    int32_t rebalance_ms;  // 0 = 60,000
    int16_t version;       // 0 = 9
};

// Version 3 of the consumer protocol's subscription, as Java's client sends it.
static inline struct slice subscription(struct fixture *f, const char *topic)
{
    size_t size = strlen(topic);
    uint8_t *at = arena_zalloc(&f->arena, 1, 32 + size);
    store_i16(at, 3);
    store_i32(at + 2, 1);
    store_i16(at + 6, (int16_t)size);
    memcpy(at + 8, topic, size);
    store_i32(at + 8 + size, -1);  // user data: null
    store_i32(at + 12 + size, 0);  // owned partitions
    store_i32(at + 16 + size, -1); // generation
    store_i16(at + 20 + size, -1); // rack: null
    return slice_of(at, 22 + size);
}

static inline struct call *join(struct fixture *f, struct joining j, struct slice member_id)
{
    struct join_group_request request = join_group_request_init();
    request.group_id = slice_str(j.group == NULL ? "g" : j.group);
    request.member_id = member_id;
    request.session_timeout_ms = j.session_ms == 0 ? 10000 : j.session_ms;
    request.rebalance_timeout_ms = j.rebalance_ms == 0 ? 60000 : j.rebalance_ms;
    request.group_instance_id = slice_str(j.instance);
    request.protocol_type = slice_str(j.type == NULL ? "consumer" : j.type);
    request.protocols.items = ARENA_ARRAY(&f->arena, struct join_group_request_join_group_request_protocol, 8);
    const char *at = j.protocols == NULL ? "range" : j.protocols;
    while (*at != '\0') {
        size_t size = strcspn(at, ",");
        request.protocols.items[request.protocols.count++] = (struct join_group_request_join_group_request_protocol){
            .name = slice_of(at, size), .metadata = subscription(f, j.topics == NULL ? "orders" : j.topics)};
        at += size + (at[size] == ',');
    }
    return fixture_ask(f, &join_group_request_message, j.version == 0 ? 9 : j.version, &request);
}

static inline struct join_group_response *joined(struct call *call)
{
    return fixture_answer(call);
}

// As a client does: asks for an id, then joins with it.
static inline struct call *join_fully(struct fixture *f, struct joining j, struct slice *member_id)
{
    struct call *first = join(f, j, SLICE(""));
    if (!first->is_done) return first;
    assert_int_equal(joined(first)->error_code, ERR_MEMBER_ID_REQUIRED);
    *member_id = joined(first)->member_id;
    return join(f, j, *member_id);
}

struct syncing {
    struct slice member_id;
    const char *instance;
    int32_t generation;
    struct slice for_member[4]; // the leader's assignment: "a-..." of each
    int16_t version;            // 0 = 5
};

static inline struct call *sync_group(struct fixture *f, struct syncing s)
{
    struct sync_group_request request = sync_group_request_init();
    request.group_id = SLICE("g");
    request.generation_id = s.generation;
    request.member_id = s.member_id;
    request.group_instance_id = slice_str(s.instance);
    request.assignments.items = ARENA_ARRAY(&f->arena, struct sync_group_request_sync_group_request_assignment, 4);
    for (size_t i = 0; i < COUNT_OF(s.for_member) && s.for_member[i].size > 0; i++)
        request.assignments.items[request.assignments.count++] =
            (struct sync_group_request_sync_group_request_assignment){
                .member_id = s.for_member[i],
                .assignment = slice_str(arena_printf(&f->arena, "part%zu", i)),
            };
    return fixture_ask(f, &sync_group_request_message, s.version == 0 ? 5 : s.version, &request);
}

static inline struct sync_group_response *synced(struct call *call)
{
    return fixture_answer(call);
}

static inline int beat(struct fixture *f, struct slice member_id, const char *instance, int32_t generation)
{
    struct heartbeat_request request = heartbeat_request_init();
    request.group_id = SLICE("g");
    request.member_id = member_id;
    request.group_instance_id = slice_str(instance);
    request.generation_id = generation;
    struct heartbeat_response *response = fixture_answer(fixture_ask(f, &heartbeat_request_message, 4, &request));
    return response->error_code;
}

static inline int leave_one(struct fixture *f, struct slice member_id, const char *instance)
{
    struct leave_group_request request = leave_group_request_init();
    struct leave_group_request_member_identity identity = {.member_id = member_id,
                                                           .group_instance_id = slice_str(instance)};
    request.group_id = SLICE("g");
    request.members.items = &identity;
    request.members.count = 1;
    struct leave_group_response *response = fixture_answer(fixture_ask(f, &leave_group_request_message, 5, &request));
    assert_int_equal(response->error_code, OK);
    return response->members.items[0].error_code;
}

static inline struct describe_groups_response_described_group *describe(struct fixture *f, const char *group)
{
    struct slice name = slice_str(group);
    struct describe_groups_request request = describe_groups_request_init();
    request.groups.items = &name;
    request.groups.count = 1;
    struct describe_groups_response *response =
        fixture_answer(fixture_ask(f, &describe_groups_request_message, 6, &request));
    assert_int_equal(response->groups.count, 1);
    return &response->groups.items[0];
}

static inline const char *state_of(struct fixture *f, const char *group)
{
    return (const char *)describe(f, group)->group_state.data;
}

// One dynamic member, stable in generation 1.
static inline struct slice settle_one(struct fixture *f, struct joining j)
{
    struct slice id = SLICE_NULL;
    struct call *call = join_fully(f, j, &id);
    fixture_wait(f, f->settings.initial_rebalance_delay_ms);
    assert_int_equal(joined(call)->error_code, OK);
    id = joined(call)->member_id;
    struct syncing s = {.member_id = id, .generation = joined(call)->generation_id, .for_member = {id}};
    s.instance = j.instance;
    assert_int_equal(synced(sync_group(f, s))->error_code, OK);
    return id;
}

// ---- positions ---------------------------------------------------------------------------------------------------

struct committing {
    const char *group; // NULL = "g"
    struct slice member_id;
    const char *instance;
    int32_t generation; // 0 = -1, a simple consumer's
    const char *topic;  // NULL = "orders"
    int32_t partition;
    int64_t offset;
    const char *metadata;
    int64_t retention_ms; // 0 = none
    int16_t version;      // 0 = 9
};

static inline int commit(struct fixture *f, struct committing c)
{
    struct offset_commit_request request = offset_commit_request_init();
    struct offset_commit_request_offset_commit_request_partition partition =
        offset_commit_request_offset_commit_request_partition_init();
    struct offset_commit_request_offset_commit_request_topic topic =
        offset_commit_request_offset_commit_request_topic_init();
    request.group_id = slice_str(c.group == NULL ? "g" : c.group);
    request.member_id = slice_is_null(c.member_id) ? SLICE("") : c.member_id;
    request.group_instance_id = slice_str(c.instance);
    request.generation_id_or_member_epoch = c.generation == 0 ? -1 : c.generation;
    if (c.retention_ms != 0) request.retention_time_ms = c.retention_ms;
    partition.partition_index = c.partition;
    partition.committed_offset = c.offset;
    partition.committed_leader_epoch = 3;
    partition.committed_metadata = slice_str(c.metadata);
    topic.name = slice_str(c.topic == NULL ? "orders" : c.topic);
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    struct offset_commit_response *response =
        fixture_answer(fixture_ask(f, &offset_commit_request_message, c.version == 0 ? 9 : c.version, &request));
    assert_int_equal(response->topics.count, 1);
    assert_int_equal(response->topics.items[0].partitions.count, 1);
    return response->topics.items[0].partitions.items[0].error_code;
}

static inline struct offset_fetch_response_offset_fetch_response_partitions fetch(struct fixture *f, const char *group,
                                                                                  const char *topic, int32_t partition,
                                                                                  bool is_stable_only)
{
    struct offset_fetch_request request = offset_fetch_request_init();
    struct offset_fetch_request_offset_fetch_request_group in = offset_fetch_request_offset_fetch_request_group_init();
    struct offset_fetch_request_offset_fetch_request_topics asked =
        offset_fetch_request_offset_fetch_request_topics_init();
    asked.name = slice_str(topic);
    asked.partition_indexes.items = &partition;
    asked.partition_indexes.count = 1;
    in.group_id = slice_str(group);
    in.topics.items = &asked;
    in.topics.count = 1;
    request.groups.items = &in;
    request.groups.count = 1;
    request.require_stable = is_stable_only;
    struct offset_fetch_response *response = fixture_answer(fixture_ask(f, &offset_fetch_request_message, 9, &request));
    assert_int_equal(response->groups.count, 1);
    assert_int_equal(response->groups.items[0].error_code, OK);
    return response->groups.items[0].topics.items[0].partitions.items[0];
}

static inline int64_t position(struct fixture *f, const char *group, const char *topic, int32_t partition)
{
    return fetch(f, group, topic, partition, false).committed_offset;
}

static inline bool is_listed_group(struct fixture *f, const char *group)
{
    struct list_groups_request request = list_groups_request_init();
    struct list_groups_response *response = fixture_answer(fixture_ask(f, &list_groups_request_message, 5, &request));
    for (int32_t i = 0; i < response->groups.count; i++)
        if (slice_eq_str(response->groups.items[i].group_id, group)) return true;
    return false;
}

static inline int delete_group_named(struct fixture *f, const char *group)
{
    struct slice name = slice_str(group);
    struct delete_groups_request request = delete_groups_request_init();
    request.groups_names.items = &name;
    request.groups_names.count = 1;
    struct delete_groups_response *response =
        fixture_answer(fixture_ask(f, &delete_groups_request_message, 2, &request));
    return response->results.items[0].error_code;
}

#endif
