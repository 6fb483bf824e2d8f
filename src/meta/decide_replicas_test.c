// SPDX-License-Identifier: Apache-2.0
// Elections and moves in a cluster of three brokers, of which some are fenced.
#include "meta/test_util.h"
#include "proto/alter_partition_reassignments.h"
#include "proto/elect_leaders.h"
#include "proto/list_partition_reassignments.h"
#include "proto/unregister_broker.h"

enum { BROKERS = 3, PREFERRED = 0, UNCLEAN = 1 };

static const struct image_partition *partition(const struct fixture *f)
{
    return image_partition(image_builder_newest(f->builder), SLICE("t"), 0);
}

// Brokers 1 to 3, of which those in `fenced` (bits) are; topic t with one partition.
static void setup(struct fixture *f, unsigned fenced, struct image_ids replicas, struct image_ids isr, int32_t leader)
{
    *f = (struct fixture){.empty = image_new_empty()};
    f->settings.min_insync_replicas = SLICE("1");
    f->builder = image_builder_new(f->empty);
    decide_bootstrap(begin(f), NULL, 0);
    apply(f);
    begin(f);
    for (int32_t id = 1; id <= BROKERS; id++) {
        struct register_broker_record broker = register_broker_record_init();
        struct uuid dir = {.bytes = {0x55, [15] = (uint8_t)id}};
        broker.broker_id = id;
        broker.incarnation_id.bytes[0] = (uint8_t)id;
        broker.broker_epoch = id;
        broker.fenced = (fenced >> id & 1) != 0;
        broker.log_dirs.items = &dir;
        broker.log_dirs.count = 1;
        ADD(f, register_broker_record, metadata_register_broker_version(METADATA_VERSION_MAX), &broker);
    }
    struct topic_record topic = {.name = SLICE("t"), .topic_id = {.bytes = {1}}};
    ADD(f, topic_record, 0, &topic);
    struct partition_record p = partition_record_init();
    struct uuid dirs[BROKERS];
    p.topic_id = topic.topic_id;
    p.partition_id = 0;
    p.leader = leader;
    p.leader_epoch = 0;
    p.partition_epoch = 0;
    p.replicas.items = (int32_t *)(uintptr_t)replicas.items;
    p.replicas.count = replicas.count;
    p.isr.items = (int32_t *)(uintptr_t)isr.items;
    p.isr.count = isr.count;
    for (int32_t i = 0; i < replicas.count; i++)
        dirs[i] = (struct uuid){.bytes = {0x55, [15] = (uint8_t)replicas.items[i]}};
    p.directories.items = dirs;
    p.directories.count = replicas.count;
    ADD(f, partition_record, metadata_partition_version(METADATA_VERSION_MAX), &p);
    apply(f);
}

#define IDS(...)                                                                                                       \
    ((struct image_ids){(const int32_t[]){__VA_ARGS__}, (int32_t)(sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t))})

static void assert_ids(struct image_ids expected, struct image_ids got)
{
    assert_int_equal(expected.count, got.count);
    for (int32_t i = 0; i < got.count; i++) assert_int_equal(expected.items[i], got.items[i]);
}

static int16_t elect(struct fixture *f, int8_t type)
{
    struct elect_leaders_request request = elect_leaders_request_init();
    struct elect_leaders_request_topic_partitions topic = {.topic = SLICE("t")};
    struct elect_leaders_response response = elect_leaders_response_init();
    int32_t index = 0;
    topic.partitions.items = &index;
    topic.partitions.count = 1;
    request.election_type = type;
    request.topic_partitions.items = &topic;
    request.topic_partitions.count = 1;
    assert_int_equal(decide_elect_leaders(begin(f), &request, &response), OK);
    apply(f);
    return response.replica_election_results.items[0].partition_result.items[0].error_code;
}

static int16_t move(struct fixture *f, struct image_ids to, bool may_change_count)
{
    struct alter_partition_reassignments_request request = alter_partition_reassignments_request_init();
    struct alter_partition_reassignments_request_reassignable_topic topic = {.name = SLICE("t")};
    struct alter_partition_reassignments_request_reassignable_partition item = {0};
    struct alter_partition_reassignments_response response = alter_partition_reassignments_response_init();
    item.replicas.items = (int32_t *)(uintptr_t)to.items;
    item.replicas.count = to.count;
    topic.partitions.items = &item;
    topic.partitions.count = 1;
    request.allow_replication_factor_change = may_change_count;
    request.topics.items = &topic;
    request.topics.count = 1;
    assert_int_equal(decide_alter_reassignments(begin(f), &request, &response), OK);
    apply(f);
    return response.responses.items[0].partitions.items[0].error_code;
}

static const struct image_ids call_off = {NULL, -1};

static int32_t moving_count(struct fixture *f)
{
    struct list_partition_reassignments_request request = list_partition_reassignments_request_init();
    struct list_partition_reassignments_response response = list_partition_reassignments_response_init();
    request.topics.count = -1;
    assert_int_equal(decide_list_reassignments(begin(f), &request, &response), OK);
    return response.topics.count == 0 ? 0 : response.topics.items[0].partitions.count;
}

static void the_preferred_leader_takes_over_when_in_sync(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0, IDS(1, 2), IDS(2, 1), 2);
    assert_int_equal(elect(&f, UNCLEAN), ERR_ELECTION_NOT_NEEDED);
    assert_int_equal(elect(&f, PREFERRED), OK);
    assert_int_equal(partition(&f)->leader, 1);
    assert_int_equal(partition(&f)->leader_epoch, 1);
    assert_ids(IDS(2, 1), partition(&f)->isr);
    assert_int_equal(elect(&f, PREFERRED), ERR_ELECTION_NOT_NEEDED);
    teardown(&f);
    setup(&f, 0, IDS(1, 2), IDS(2), 2);
    assert_int_equal(elect(&f, PREFERRED), ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    teardown(&f);
    setup(&f, 1u << 1, IDS(1, 2), IDS(1, 2), 2);
    assert_int_equal(elect(&f, PREFERRED), ERR_PREFERRED_LEADER_NOT_AVAILABLE);
    assert_int_equal(partition(&f)->leader, 2);
    teardown(&f);
}

static void an_unclean_election_takes_whoever_lives(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1u << 1, IDS(1, 2), IDS(1), -1);
    assert_int_equal(elect(&f, UNCLEAN), OK);
    assert_int_equal(partition(&f)->leader, 2);
    assert_ids(IDS(2), partition(&f)->isr);
    assert_int_equal(partition(&f)->leader_recovery_state, 1);
    teardown(&f);
    setup(&f, 1u << 1 | 1u << 2, IDS(1, 2), IDS(1), -1);
    assert_int_equal(elect(&f, UNCLEAN), ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    teardown(&f);
}

static void a_replica_that_goes_is_gone_at_once(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0, IDS(1, 2), IDS(1, 2), 2);
    assert_int_equal(move(&f, IDS(1), false), ERR_INVALID_REPLICATION_FACTOR);
    assert_ids(IDS(1, 2), partition(&f)->replicas);
    assert_int_equal(move(&f, IDS(1), true), OK);
    assert_ids(IDS(1), partition(&f)->replicas);
    assert_ids(IDS(1), partition(&f)->isr);
    assert_int_equal(partition(&f)->directories[0].bytes[15], 1);
    assert_int_equal(partition(&f)->leader, 1);
    assert_int_equal(moving_count(&f), 0);
    int32_t epoch = partition(&f)->partition_epoch;
    assert_int_equal(move(&f, IDS(1), true), OK); // as it is: nothing is written
    assert_int_equal(partition(&f)->partition_epoch, epoch);
    teardown(&f);
}

static void a_replica_that_comes_has_to_catch_up(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0, IDS(1, 2), IDS(1, 2), 1);
    assert_int_equal(move(&f, IDS(3, 2), true), OK);
    assert_ids(IDS(3, 2, 1), partition(&f)->replicas);
    assert_ids(IDS(3), partition(&f)->rare->adding);
    assert_ids(IDS(1), partition(&f)->rare->removing);
    assert_int_equal(partition(&f)->leader, 1);
    assert_int_equal(partition(&f)->leader_epoch, 0);
    assert_int_equal(moving_count(&f), 1);
    assert_int_equal(move(&f, call_off, true), OK);
    assert_ids(IDS(2, 1), partition(&f)->replicas);
    assert_ids(IDS(1, 2), partition(&f)->isr);
    assert_int_equal(partition(&f)->rare->adding.count + partition(&f)->rare->removing.count, 0);
    assert_int_equal(moving_count(&f), 0);
    assert_int_equal(move(&f, call_off, true), ERR_NO_REASSIGNMENT_IN_PROGRESS);
    teardown(&f);
}

static void a_broker_is_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    struct unregister_broker_request request = {.broker_id = 2};
    struct unregister_broker_response response = unregister_broker_response_init();
    setup(&f, 0, IDS(1, 2), IDS(1, 2), 2);
    assert_int_equal(decide_unregister_broker(begin(&f), &request, &response), OK);
    apply(&f);
    assert_int_equal(response.error_code, OK);
    assert_null(image_broker(image_builder_newest(f.builder), 2));
    assert_int_equal(partition(&f)->leader, 1);
    assert_ids(IDS(1), partition(&f)->isr);
    assert_int_equal(decide_unregister_broker(begin(&f), &request, &response), OK);
    assert_int_equal(response.error_code, ERR_BROKER_ID_NOT_REGISTERED);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_preferred_leader_takes_over_when_in_sync),
        cmocka_unit_test(an_unclean_election_takes_whoever_lives),
        cmocka_unit_test(a_replica_that_goes_is_gone_at_once),
        cmocka_unit_test(a_replica_that_comes_has_to_catch_up),
        cmocka_unit_test(a_broker_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
