// SPDX-License-Identifier: Apache-2.0
#include "broker/fetch_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/fetch.h"

enum { BY_NAME = 12, BY_ID = 13, PARTITIONS_MAX = 4 };

// One topic "t" with some partitions, asked for and answered.
struct exchange {
    struct fetch_request request;
    struct fetch_request_fetch_topic topic;
    struct fetch_request_fetch_partition asked[PARTITIONS_MAX];
    struct fetch_request_forgotten_topic forgotten;
    int32_t forgotten_partition;
    struct fetch_response response;
    struct fetch_response_fetchable_topic_response answered_topic;
    struct fetch_response_partition_data answered[PARTITIONS_MAX];
};

static const struct uuid topic_id = {.bytes = {7}};

static void ask(struct exchange *x, int32_t session_id, int32_t epoch, int32_t partitions)
{
    *x = (struct exchange){.request = fetch_request_init(), .response = fetch_response_init()};
    x->topic = (struct fetch_request_fetch_topic){.topic = SLICE("t"), .topic_id = topic_id};
    x->topic.partitions.items = x->asked;
    x->topic.partitions.count = partitions;
    x->answered_topic.topic = SLICE("t");
    x->answered_topic.topic_id = topic_id;
    x->answered_topic.partitions.items = x->answered;
    x->answered_topic.partitions.count = partitions;
    for (int32_t i = 0; i < PARTITIONS_MAX; i++) {
        x->asked[i] = fetch_request_fetch_partition_init();
        x->asked[i].partition = i;
        x->answered[i] = fetch_response_partition_data_init();
        x->answered[i].partition_index = i;
        x->answered[i].high_watermark = 10;
        x->answered[i].log_start_offset = 0;
        x->answered[i].preferred_read_replica = -1;
    }
    x->request.session_id = session_id;
    x->request.session_epoch = epoch;
    x->request.topics.items = &x->topic;
    x->request.topics.count = partitions > 0 ? 1 : 0;
    x->response.responses.items = &x->answered_topic;
    x->response.responses.count = 1;
}

static void forget(struct exchange *x, int32_t partition)
{
    x->forgotten_partition = partition;
    x->forgotten = (struct fetch_request_forgotten_topic){.topic = SLICE("t"), .topic_id = topic_id};
    x->forgotten.partitions.items = &x->forgotten_partition;
    x->forgotten.partitions.count = 1;
    x->request.forgotten_topics_data.items = &x->forgotten;
    x->request.forgotten_topics_data.count = 1;
}

static int32_t create(struct fetch_sessions *sessions, int32_t partitions, int64_t now_ms, bool is_follower)
{
    struct exchange x;
    ask(&x, 0, FETCH_EPOCH_INITIAL, partitions);
    if (is_follower) x.request.replica_id = 2;
    return fetch_session_create(sessions, &x.request, BY_NAME, &x.response, NULL, now_ms,
                                (uint32_t)(now_ms * 31 + partitions));
}

static enum err begin(struct fetch_sessions *sessions, struct exchange *x, int64_t now_ms, struct arena *arena,
                      struct fetch_use *use)
{
    return fetch_session_begin(sessions, &x->request, BY_NAME, NULL, now_ms, arena, use);
}

static void an_answer_tells_only_what_is_new(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    struct arena arena = {0};
    struct fetch_use use;
    struct exchange x;
    fetch_sessions_init(&sessions, 0, 1, 10, 1);
    int32_t id = create(&sessions, 3, 0, false);
    assert_true(id > 0);

    ask(&x, id, 1, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), OK);
    assert_int_equal(use.session_id, id);
    assert_int_equal(use.topic_count, 1);
    assert_int_equal(use.topics[0].partitions.count, 3);

    ask(&x, id, 1, 3); // partition 0 as before, 1 has a new high watermark, 2 is in error
    x.answered[1].high_watermark = 11;
    x.answered[2].error_code = ERR_NOT_LEADER_OR_FOLLOWER;
    assert_int_equal(fetch_session_finish(&sessions, &use, BY_NAME, &x.response), OK);
    assert_int_equal(x.response.session_id, id);
    assert_int_equal(x.answered_topic.partitions.count, 2);
    assert_int_equal(x.answered[0].partition_index, 1);
    assert_int_equal(x.answered[1].partition_index, 2);

    ask(&x, id, 2, 0); // the error is over: told, since the high watermark counts as unknown; 1 is known by now
    assert_int_equal(begin(&sessions, &x, 2, &arena, &use), OK);
    ask(&x, id, 2, 3);
    x.answered[1].high_watermark = 11;
    assert_int_equal(fetch_session_finish(&sessions, &use, BY_NAME, &x.response), OK);
    assert_int_equal(x.answered_topic.partitions.count, 1);
    assert_int_equal(x.answered[0].partition_index, 2);

    ask(&x, id, 3, 0); // nothing new: not even the topic
    assert_int_equal(begin(&sessions, &x, 3, &arena, &use), OK);
    ask(&x, id, 3, 3);
    x.answered[1].high_watermark = 11;
    assert_int_equal(fetch_session_finish(&sessions, &use, BY_NAME, &x.response), OK);
    assert_int_equal(x.response.responses.count, 0);
    fetch_sessions_deinit(&sessions);
    arena_deinit(&arena);
}

static void who_brought_records_goes_last(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    struct arena arena = {0};
    struct fetch_use use;
    struct exchange x;
    fetch_sessions_init(&sessions, 0, 1, 10, 1);
    int32_t id = create(&sessions, 3, 0, false);
    ask(&x, id, 1, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), OK);
    ask(&x, id, 1, 3);
    x.answered[0].records.bytes = SLICE("batch");
    assert_int_equal(fetch_session_finish(&sessions, &use, BY_NAME, &x.response), OK);
    assert_int_equal(x.answered_topic.partitions.count, 1);
    ask(&x, id, 2, 0);
    assert_int_equal(begin(&sessions, &x, 2, &arena, &use), OK);
    static const int32_t order[] = {1, 2, 0};
    for (int i = 0; i < 3; i++) assert_int_equal(use.topics[0].partitions.items[i].partition, order[i]);
    fetch_sessions_deinit(&sessions);
    arena_deinit(&arena);
}

static void requests_add_change_and_forget(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    struct arena arena = {0};
    struct fetch_use use;
    struct exchange x;
    fetch_sessions_init(&sessions, 0, 1, 10, 1);
    int32_t id = create(&sessions, 1, 0, false);
    ask(&x, id, 1, 2); // partition 1 is new, 0 goes on elsewhere
    x.asked[0].fetch_offset = 5;
    x.asked[0].partition_max_bytes = 77;
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), OK);
    assert_int_equal(use.topics[0].partitions.count, 2);
    assert_int_equal(use.topics[0].partitions.items[0].fetch_offset, 5);
    assert_int_equal(use.topics[0].partitions.items[0].partition_max_bytes, 77);
    assert_int_equal(sessions.partition_count, 2);
    ask(&x, id, 2, 0);
    forget(&x, 0);
    assert_int_equal(begin(&sessions, &x, 2, &arena, &use), OK);
    assert_int_equal(use.topics[0].partitions.count, 1);
    assert_int_equal(use.topics[0].partitions.items[0].partition, 1);
    ask(&x, id, 3, 0);
    forget(&x, 1); // the last one: the session ends with it
    assert_int_equal(begin(&sessions, &x, 3, &arena, &use), OK);
    assert_int_equal(use.session_id, FETCH_SESSION_NONE);
    assert_int_equal(use.topic_count, 0);
    assert_int_equal(sessions.by_id.count, 0);
    assert_int_equal(sessions.partition_count, 0);
    fetch_sessions_deinit(&sessions);
    arena_deinit(&arena);
}

static void epochs_are_taken_in_turn(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    struct arena arena = {0};
    struct fetch_use use;
    struct fetch_use later;
    struct exchange x;
    fetch_sessions_init(&sessions, 0, 1, 10, 1);
    int32_t id = create(&sessions, 1, 0, false);
    ask(&x, id + 1, 1, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), ERR_FETCH_SESSION_ID_NOT_FOUND);
    ask(&x, id, 2, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), ERR_INVALID_FETCH_SESSION_EPOCH);
    ask(&x, id, 1, 0);
    assert_int_equal(fetch_session_begin(&sessions, &x.request, BY_ID, NULL, 1, &arena, &use),
                     ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), OK); // none of the refusals moved the epoch
    ask(&x, id, 2, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &later), OK);
    ask(&x, id, 1, 1);
    assert_int_equal(fetch_session_finish(&sessions, &use, BY_NAME, &x.response), ERR_INVALID_FETCH_SESSION_EPOCH);
    ask(&x, id, 2, 1);
    assert_int_equal(fetch_session_finish(&sessions, &later, BY_NAME, &x.response), OK);
    assert_int_equal(fetch_session_next_epoch(0), 1);
    assert_int_equal(fetch_session_next_epoch(INT32_MAX), 1);
    assert_int_equal(fetch_session_next_epoch(FETCH_EPOCH_FINAL), FETCH_EPOCH_FINAL);
    fetch_session_remove(&sessions, id);
    ask(&x, id, 3, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), ERR_FETCH_SESSION_ID_NOT_FOUND);
    fetch_sessions_deinit(&sessions);
    arena_deinit(&arena);
}

// A session that was evicted, or ended, while its request was under way.
static void a_lost_session_tells_what_must_be_told(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    struct arena arena = {0};
    struct fetch_use use;
    struct exchange x;
    fetch_sessions_init(&sessions, 0, 1, 10, 1);
    int32_t id = create(&sessions, 2, 0, false);
    ask(&x, id, 1, 0);
    assert_int_equal(begin(&sessions, &x, 1, &arena, &use), OK);
    fetch_session_remove(&sessions, id);
    ask(&x, id, 1, 2);
    x.answered[1].records.bytes = SLICE("batch");
    assert_int_equal(fetch_session_finish(&sessions, &use, BY_NAME, &x.response), OK);
    assert_int_equal(x.answered_topic.partitions.count, 1);
    assert_int_equal(x.answered[0].partition_index, 1);
    fetch_sessions_deinit(&sessions);
    arena_deinit(&arena);
}

static bool is_there(struct fetch_sessions *sessions, int32_t id, int32_t epoch, int64_t now_ms)
{
    struct arena arena = {0};
    struct fetch_use use;
    struct exchange x;
    ask(&x, id, epoch, 0);
    enum err e = begin(sessions, &x, now_ms, &arena, &use);
    arena_deinit(&arena);
    return e == OK;
}

static void young_sessions_keep_their_place(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 0, 1, 2, 1);
    int32_t small = create(&sessions, 1, 0, false);
    int32_t big = create(&sessions, 3, 0, false);
    assert_int_equal(create(&sessions, 4, 1000, false), FETCH_SESSION_NONE);
    int32_t follower = create(&sessions, 1, 1000, true); // takes a consumer's place at any time: the smallest's
    assert_int_not_equal(follower, FETCH_SESSION_NONE);
    assert_int_equal(sessions.evictions, 1);
    assert_false(is_there(&sessions, small, 1, 1000));
    assert_true(is_there(&sessions, big, 1, 1000));
    fetch_sessions_deinit(&sessions);
}

static void old_sessions_give_way_to_larger_ones(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    int64_t now_ms = FETCH_SESSION_STALE_MS + 1000;
    fetch_sessions_init(&sessions, 0, 1, 2, 1);
    int32_t small = create(&sessions, 1, 0, false);
    int32_t big = create(&sessions, 3, 0, false);
    assert_true(is_there(&sessions, small, 1, now_ms)); // both in use, and old by now
    assert_true(is_there(&sessions, big, 1, now_ms));
    assert_int_not_equal(create(&sessions, 2, now_ms, false), FETCH_SESSION_NONE);
    assert_false(is_there(&sessions, small, 2, now_ms));
    assert_true(is_there(&sessions, big, 2, now_ms));
    assert_int_equal(create(&sessions, 2, now_ms, false), FETCH_SESSION_NONE); // the one left is larger
    fetch_sessions_deinit(&sessions);
}

static void unused_sessions_give_way_to_anybody(void **state)
{
    (void)state;
    struct fetch_sessions sessions;
    fetch_sessions_init(&sessions, 0, 1, 1, 1);
    int32_t old = create(&sessions, 4, 0, true);
    assert_int_equal(create(&sessions, 1, FETCH_SESSION_STALE_MS, false), FETCH_SESSION_NONE);
    assert_int_not_equal(create(&sessions, 1, FETCH_SESSION_STALE_MS + 1, false), FETCH_SESSION_NONE);
    assert_false(is_there(&sessions, old, 1, FETCH_SESSION_STALE_MS + 1));
    fetch_sessions_deinit(&sessions);
}

static void ids_name_their_shard(void **state)
{
    (void)state;
    struct exchange x;
    int slots = 0;
    ask(&x, 0, FETCH_EPOCH_INITIAL, 1);
    for (int shard = 0; shard < 3; shard++) {
        struct fetch_sessions sessions;
        fetch_sessions_init(&sessions, shard, 3, 100, 1);
        slots += sessions.slots;
        static const uint32_t randoms[] = {0, 1, INT32_MAX / 3 - 1, INT32_MAX / 3, UINT32_MAX, 0, 0};
        for (size_t i = 0; i < COUNT_OF(randoms); i++) {
            int32_t id = fetch_session_create(&sessions, &x.request, BY_ID, &x.response, NULL, 0, randoms[i]);
            assert_true(id > 0);
            assert_int_equal(fetch_session_shard(id, 3), shard);
        }
        assert_int_equal(sessions.by_id.count, COUNT_OF(randoms));
        fetch_sessions_deinit(&sessions);
    }
    assert_int_equal(slots, 100);
    assert_int_equal(fetch_session_shard(INT32_MAX, 3), 2);
    assert_int_equal(fetch_session_shard(-5, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_tells_only_what_is_new),
        cmocka_unit_test(who_brought_records_goes_last),
        cmocka_unit_test(requests_add_change_and_forget),
        cmocka_unit_test(epochs_are_taken_in_turn),
        cmocka_unit_test(a_lost_session_tells_what_must_be_told),
        cmocka_unit_test(young_sessions_keep_their_place),
        cmocka_unit_test(old_sessions_give_way_to_larger_ones),
        cmocka_unit_test(unused_sessions_give_way_to_anybody),
        cmocka_unit_test(ids_name_their_shard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
