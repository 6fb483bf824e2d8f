// SPDX-License-Identifier: Apache-2.0
// Directories of replicas in the metadata (KIP-858, KIP-1066): two brokers with two directories each, topic t with one
// partition on both, led by broker 1 from its first directory.
#include "meta/test_util.h"
#include "proto/assign_replicas_to_dirs.h"
#include "proto/broker_heartbeat.h"
#include "proto/broker_registration_change_record.h"
#include "proto/create_topics.h"
#include "proto/partition_change_record.h"

enum { BROKERS = 2 };

static struct uuid dir_of(int32_t broker, uint8_t number)
{
    return (struct uuid){.bytes = {0x55, number, [15] = (uint8_t)broker}};
}

static const struct image_partition *partition(const struct fixture *f)
{
    return image_partition(now(f), SLICE("t"), 0);
}

static void setup(struct fixture *f)
{
    *f = (struct fixture){.empty = image_new_empty()};
    f->settings.min_insync_replicas = SLICE("1");
    f->builder = image_builder_new(f->empty);
    decide_bootstrap(begin(f), NULL, 0);
    apply(f);
    begin(f);
    for (int32_t id = 1; id <= BROKERS; id++) {
        struct register_broker_record broker = register_broker_record_init();
        struct uuid dirs[] = {dir_of(id, 0), dir_of(id, 1)};
        broker.broker_id = id;
        broker.incarnation_id.bytes[0] = (uint8_t)id;
        broker.broker_epoch = id;
        broker.fenced = false;
        broker.log_dirs.items = dirs;
        broker.log_dirs.count = 2;
        ADD(f, register_broker_record, metadata_register_broker_version(METADATA_VERSION_MAX), &broker);
    }
    struct topic_record topic = {.name = SLICE("t"), .topic_id = {.bytes = {1}}};
    ADD(f, topic_record, 0, &topic);
    struct partition_record p = partition_record_init();
    int32_t ids[] = {1, 2};
    struct uuid dirs[] = {dir_of(1, 0), dir_of(2, 0)};
    p.topic_id = topic.topic_id;
    p.partition_id = 0;
    p.leader = 1;
    p.leader_epoch = 0;
    p.partition_epoch = 0;
    p.replicas.items = p.isr.items = ids;
    p.replicas.count = p.isr.count = 2;
    p.directories.items = dirs;
    p.directories.count = 2;
    ADD(f, partition_record, metadata_partition_version(METADATA_VERSION_MAX), &p);
    apply(f);
}

static int16_t assign(struct fixture *f, int32_t broker, struct uuid directory, uint8_t topic, int32_t index)
{
    struct assign_replicas_to_dirs_request request = assign_replicas_to_dirs_request_init();
    struct assign_replicas_to_dirs_response response = assign_replicas_to_dirs_response_init();
    struct assign_replicas_to_dirs_request_partition_data p = {.partition_index = index};
    struct assign_replicas_to_dirs_request_topic_data t = {.topic_id = {.bytes = {topic}}};
    struct assign_replicas_to_dirs_request_directory_data d = {.id = directory};
    t.partitions.items = &p;
    t.partitions.count = 1;
    d.topics.items = &t;
    d.topics.count = 1;
    request.broker_id = broker;
    request.broker_epoch = broker;
    request.directories.items = &d;
    request.directories.count = 1;
    enum err e = decide_assign_dirs(begin(f), &request, &response);
    if (e != OK) return err_to_wire(e);
    assert_true(uuid_eq(response.directories.items[0].id, directory));
    apply(f);
    return response.directories.items[0].topics.items[0].partitions.items[0].error_code;
}

static void beat(struct fixture *f, int32_t broker, const struct uuid *offline, const struct uuid *cordoned, int count)
{
    struct broker_heartbeat_request request = broker_heartbeat_request_init();
    struct broker_heartbeat_response response = broker_heartbeat_response_init();
    request.broker_id = broker;
    request.broker_epoch = broker;
    request.current_metadata_offset = f->offset;
    request.offline_log_dirs.items = (struct uuid *)(uintptr_t)offline;
    request.offline_log_dirs.count = offline == NULL ? 0 : 1;
    request.cordoned_log_dirs.items = (struct uuid *)(uintptr_t)cordoned;
    request.cordoned_log_dirs.count = count;
    assert_int_equal(decide_heartbeat(begin(f), &request, f->offset, &response), OK);
    apply(f);
}

static void a_replica_moves_to_the_directory_that_is_named(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_int_equal(assign(&f, 1, dir_of(1, 1), 1, 0), OK);
    assert_true(uuid_eq(partition(&f)->directories[0], dir_of(1, 1)));
    assert_true(uuid_eq(partition(&f)->directories[1], dir_of(2, 0)));
    assert_int_equal(partition(&f)->leader, 1);
    assert_int_equal(partition(&f)->leader_epoch, 0); // nobody has to find a leader anew
    assert_int_equal(assign(&f, 1, dir_of(1, 1), 1, 0), OK);
    assert_int_equal(f.decide.records.count, 0); // it is there already
    teardown(&f);
}

static void what_cannot_be_assigned_is_refused_one_by_one(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    assert_int_equal(assign(&f, 1, dir_of(1, 1), 9, 0), ERR_UNKNOWN_TOPIC_ID);
    assert_int_equal(assign(&f, 1, dir_of(1, 1), 1, 5), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(assign(&f, 3, dir_of(3, 1), 1, 0), ERR_STALE_BROKER_EPOCH);
    assert_int_equal(f.decide.records.count, 0);
    teardown(&f);
}

static void an_offline_directory_loses_its_leaders_and_no_others(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct uuid other = dir_of(1, 1);
    beat(&f, 1, &other, NULL, 0);
    assert_int_equal(partition(&f)->leader, 1); // it is not there
    assert_int_equal(image_broker(now(&f), 1)->log_dir_count, 1);
    teardown(&f);

    setup(&f);
    struct uuid its = dir_of(1, 0);
    beat(&f, 1, &its, NULL, 0);
    assert_int_equal(partition(&f)->leader, 2);
    assert_int_equal(partition(&f)->isr.count, 1);
    assert_int_equal(partition(&f)->isr.items[0], 2);
    assert_int_equal(image_broker(now(&f), 1)->log_dir_count, 1);
    assert_true(uuid_eq(image_broker(now(&f), 1)->log_dirs[0], other));
    beat(&f, 1, &its, NULL, 0);
    assert_int_equal(f.decide.records.count, 0); // heard already
    // The replica is not lost with that: named in a directory that is online, it may lead again.
    assert_int_equal(assign(&f, 1, other, 1, 0), OK);
    assert_true(uuid_eq(partition(&f)->directories[0], other));
    teardown(&f);
}

static void a_replica_in_an_offline_directory_leaves_the_isr(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct uuid other = dir_of(1, 1);
    beat(&f, 1, &other, NULL, 0);
    assert_int_equal(assign(&f, 1, other, 1, 0), OK);
    assert_int_equal(partition(&f)->leader, 2);
    assert_int_equal(partition(&f)->isr.count, 1);
    teardown(&f);
}

static int16_t create(struct fixture *f, const char *name)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_response response = create_topics_response_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    topic.name = slice_str(name);
    topic.num_partitions = 4;
    topic.replication_factor = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    request.validate_only = true;
    assert_int_equal(decide_create_topics(begin(f), &request, &response), OK);
    return response.topics.items[0].error_code;
}

static void a_broker_is_passed_over_when_all_its_directories_are_cordoned(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    for (int32_t id = 1; id <= BROKERS; id++) {
        struct uuid both[] = {dir_of(id, 0), dir_of(id, 1)};
        beat(&f, id, NULL, both, 2);
        assert_int_equal(image_broker(now(&f), id)->cordoned_dir_count, 2);
        beat(&f, id, NULL, both, 2);
        assert_int_equal(f.decide.records.count, 0);
    }
    assert_int_equal(create(&f, "u"), ERR_INVALID_REPLICATION_FACTOR);
    struct uuid one = dir_of(1, 0);
    beat(&f, 1, NULL, &one, 1);
    assert_int_equal(image_broker(now(&f), 1)->cordoned_dir_count, 1);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_replica_moves_to_the_directory_that_is_named),
        cmocka_unit_test(what_cannot_be_assigned_is_refused_one_by_one),
        cmocka_unit_test(an_offline_directory_loses_its_leaders_and_no_others),
        cmocka_unit_test(a_replica_in_an_offline_directory_leaves_the_isr),
        cmocka_unit_test(a_broker_is_passed_over_when_all_its_directories_are_cordoned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
