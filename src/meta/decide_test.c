// SPDX-License-Identifier: Apache-2.0
// Decisions against what Apache Kafka 4.3.1 answered and wrote in the same place (probed with its admin client).
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meta/decide.h"
#include "meta/decide_partition.h"
#include "proto/allocate_producer_ids.h"
#include "proto/broker_heartbeat.h"
#include "proto/broker_registration.h"
#include "proto/create_partitions.h"
#include "proto/create_topics.h"
#include "proto/delete_topics.h"

struct fixture {
    struct arena arena;
    struct image *empty;
    struct image_builder *builder;
    struct decide_settings settings;
    struct decide decide;
    int64_t offset;
    uint64_t seed;
};

static enum err check_topic(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                            const char **why)
{
    (void)context;
    for (int32_t i = 0; i < count; i++) {
        if (!slice_eq_str(pairs[i].name, "bad")) continue;
        *why = arena_printf(arena, "Unknown topic config name: %.*s", SLICE_FMT(pairs[i].name));
        return ERR_INVALID_CONFIG;
    }
    return OK;
}

static void describe_topic(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                           struct decide_config_entry **out, int32_t *out_count)
{
    (void)context;
    *out = ARENA_ARRAY(arena, struct decide_config_entry, count);
    *out_count = count;
    for (int32_t i = 0; i < count; i++)
        (*out)[i] = (struct decide_config_entry){pairs[i].name, pairs[i].value, 1, false, false};
}

static void random_bytes(void *context, void *to, size_t size)
{
    struct fixture *f = context;
    for (size_t i = 0; i < size; i++) {
        f->seed = f->seed * UINT64_C(6364136223846793005) + 1;
        ((uint8_t *)to)[i] = (uint8_t)(f->seed >> 40);
    }
}

static struct decide *begin(struct fixture *f)
{
    f->decide = (struct decide){.image = image_builder_newest(f->builder),
                                .next_offset = f->offset,
                                .arena = &f->arena,
                                .settings = &f->settings,
                                .random = random_bytes,
                                .random_context = f};
    return &f->decide;
}

// What was decided must be applicable: our own replay is as strict as Kafka's.
static void apply(struct fixture *f)
{
    for (int32_t i = 0; i < f->decide.records.count; i++) {
        struct text problem = {0};
        enum err e = image_builder_record(f->builder, f->offset++, 1, f->decide.records.items[i], &problem);
        if (e != OK) fail_msg("%s", text_cstr(&problem));
        text_deinit(&problem);
    }
}

static const struct image *now(const struct fixture *f)
{
    return image_builder_newest(f->builder);
}

static int64_t register_broker(struct fixture *f, int32_t id, uint8_t incarnation, int64_t previous_epoch)
{
    struct broker_registration_request r = broker_registration_request_init();
    struct broker_registration_request_feature features[METADATA_FEATURE_COUNT];
    struct uuid dirs[] = {{.bytes = {0x55, [15] = (uint8_t)id}}};
    r.broker_id = id;
    r.cluster_id = SLICE("c");
    r.incarnation_id.bytes[3] = incarnation;
    r.previous_broker_epoch = previous_epoch;
    r.log_dirs.items = dirs;
    r.log_dirs.count = 1;
    r.features.items = features;
    r.features.count = METADATA_FEATURE_COUNT;
    for (int i = 0; i < METADATA_FEATURE_COUNT; i++)
        features[i] = (struct broker_registration_request_feature){.name = slice_str(metadata_features[i].name),
                                                                   .min_supported_version = metadata_features[i].min,
                                                                   .max_supported_version = metadata_features[i].max};
    int64_t epoch = -1;
    assert_int_equal(decide_register_broker(begin(f), &r, false, &epoch), OK);
    apply(f);
    return epoch;
}

static struct broker_heartbeat_response beat(struct fixture *f, int32_t id, bool wants_fence, bool wants_shutdown)
{
    struct broker_heartbeat_request r = broker_heartbeat_request_init();
    r.broker_id = id;
    r.broker_epoch = image_broker(now(f), id)->epoch;
    r.current_metadata_offset = f->offset - 1;
    r.want_fence = wants_fence;
    r.want_shut_down = wants_shutdown;
    r.cordoned_log_dirs.count = 0;
    struct broker_heartbeat_response out = broker_heartbeat_response_init();
    assert_int_equal(decide_heartbeat(begin(f), &r, f->offset - 1, &out), OK);
    apply(f);
    return out;
}

static void setup(struct fixture *f, int brokers)
{
    *f = (struct fixture){.empty = image_new_empty(), .seed = 1};
    f->settings = (struct decide_settings){.cluster_id = SLICE("c"),
                                           .num_partitions = 1,
                                           .default_replication_factor = 1,
                                           .min_insync_replicas = SLICE("1"),
                                           .can_delete_topics = true,
                                           .configs = {.check_topic = check_topic, .describe_topic = describe_topic}};
    f->builder = image_builder_new(f->empty);
    decide_bootstrap(begin(f), NULL, 0);
    apply(f);
    for (int32_t id = 1; id <= brokers; id++) {
        register_broker(f, id, 1, -1);
        beat(f, id, true, false);
        beat(f, id, false, false);
        assert_false(image_broker(now(f), id)->is_fenced);
    }
}

static void teardown(struct fixture *f)
{
    image_builder_free(f->builder);
    image_unref(f->empty);
    arena_deinit(&f->arena);
}

static struct create_topics_request_creatable_topic topic_of(const char *name, int32_t partitions, int16_t factor)
{
    struct create_topics_request_creatable_topic t = create_topics_request_creatable_topic_init();
    t.name = slice_str(name);
    t.num_partitions = partitions;
    t.replication_factor = factor;
    return t;
}

static struct create_topics_response_creatable_topic_result
create(struct fixture *f, struct create_topics_request_creatable_topic t, bool validates_only)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_response response = create_topics_response_init();
    request.topics.items = &t;
    request.topics.count = 1;
    request.validate_only = validates_only;
    assert_int_equal(decide_create_topics(begin(f), &request, &response), OK);
    assert_int_equal(response.topics.count, 1);
    if (response.topics.items[0].error_code != 0) assert_int_equal(f->decide.records.count, 0);
    apply(f);
    return response.topics.items[0];
}

static void assert_text(struct slice text, const char *expected)
{
    if (!slice_eq_str(text, expected)) fail_msg("\"%.*s\" is not \"%s\"", SLICE_FMT(text), expected);
}

static void bootstrap_is_kafkas(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 0);
    begin(&f);
    decide_bootstrap(&f.decide, NULL, 0);
    assert_int_equal(f.decide.records.count, 9);
    // Sizes of the nine values in Kafka's own log (tests/golden/metadata).
    static const size_t sizes[] = {24, 23, 39, 20, 20, 22, 26, 28, 4};
    for (int i = 0; i < 9; i++) assert_int_equal(f.decide.records.items[i].size, sizes[i]);
    assert_int_equal(image_feature_level(now(&f), "streams.version"), 1);
    teardown(&f);
}

static void refusals_are_worded_as_kafkas(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int32_t partitions;
        int16_t factor;
        enum err code;
        const char *text;
    } cases[] = {
        {"taken", 1, 1, ERR_TOPIC_ALREADY_EXISTS, "Topic 'taken' already exists."},
        {"a b", 1, 1, ERR_INVALID_TOPIC_EXCEPTION,
         "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' and "
         "'-'"},
        {"", 1, 1, ERR_INVALID_TOPIC_EXCEPTION, "Topic name is invalid: the empty string is not allowed"},
        {".", 1, 1, ERR_INVALID_TOPIC_EXCEPTION, "Topic name is invalid: '.' is not allowed"},
        {"..", 1, 1, ERR_INVALID_TOPIC_EXCEPTION, "Topic name is invalid: '..' is not allowed"},
        {"a_b", 1, 1, ERR_INVALID_TOPIC_EXCEPTION, "Topic 'a_b' collides with existing topic: a.b"},
        {"p0", 0, 1, ERR_INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value."},
        {"p-2", -2, 1, ERR_INVALID_PARTITIONS, "Number of partitions was set to an invalid non-positive value."},
        {"both", 0, 0, ERR_INVALID_REPLICATION_FACTOR,
         "Replication factor must be larger than 0, or -1 to use the default value."},
        {"rf3", 1, 3, ERR_INVALID_REPLICATION_FACTOR,
         "Unable to replicate the partition 3 time(s): The target replication factor of 3 cannot be reached because "
         "only 1 broker(s) are registered or "
         "some brokers have all their log directories cordoned."},
        {"huge", 10001, 1, ERR_POLICY_VIOLATION, "Excessively large number of partitions per request."},
        {"__cluster_metadata", 1, 1, ERR_INVALID_REQUEST,
         "Creation of internal topic __cluster_metadata is prohibited."},
    };
    struct fixture f;
    setup(&f, 1);
    assert_int_equal(create(&f, topic_of("taken", 1, 1), false).error_code, 0);
    assert_int_equal(create(&f, topic_of("a.b", 1, 1), false).error_code, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct create_topics_response_creatable_topic_result r =
            create(&f, topic_of(cases[i].name, cases[i].partitions, cases[i].factor), false);
        assert_int_equal(r.error_code, cases[i].code);
        assert_text(r.error_message, cases[i].text);
        assert_int_equal(r.num_partitions, -1);
    }
    teardown(&f);
}

static void created_topic_has_kafkas_records(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    struct create_topics_request_creatable_topic t = topic_of("cfgm", -1, -1);
    struct create_topics_request_creatable_topic_config configs[] = {
        {.name = SLICE("min.insync.replicas"), .value = SLICE("2")}};
    t.configs.items = configs;
    t.configs.count = 1;
    struct create_topics_response_creatable_topic_result r = create(&f, t, false);
    assert_int_equal(r.error_code, 0);
    assert_int_equal(r.num_partitions, 1);
    assert_int_equal(r.replication_factor, 1);
    assert_int_equal(r.configs.count, 1);
    assert_true(slice_is_null(r.error_message));
    // Topic, Config, ClearElr, Partition, with the sizes of Kafka's log.
    static const size_t sizes[] = {25, 32, 9, 65};
    assert_int_equal(f.decide.records.count, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(f.decide.records.items[i].size, sizes[i]);
    const struct image_partition *p = image_partition(now(&f), SLICE("cfgm"), 0);
    assert_int_equal(p->leader_epoch, 0);
    assert_int_equal(p->directories[0].bytes[0], 0x55); // the broker's only directory

    configs[0].value = SLICE_NULL;
    t.name = SLICE("null");
    r = create(&f, t, false);
    assert_int_equal(r.error_code, ERR_INVALID_CONFIG);
    assert_text(r.error_message, "Null value not supported for topic configs: min.insync.replicas");
    configs[0] = (struct create_topics_request_creatable_topic_config){.name = SLICE("bad"), .value = SLICE("1")};
    r = create(&f, t, false);
    assert_text(r.error_message, "Unknown topic config name: bad");

    r = create(&f, topic_of("dry", 2, 1), true);
    assert_int_equal(r.error_code, 0);
    assert_int_equal(r.num_partitions, 2);
    assert_false(uuid_is_zero(r.topic_id));
    assert_null(image_topic_by_name(now(&f), SLICE("dry")));
    teardown(&f);
}

static struct create_topics_response_creatable_topic_result assign(struct fixture *f, int count, const int32_t *indexes,
                                                                   int32_t *brokers, const int32_t *counts)
{
    struct create_topics_request_creatable_replica_assignment a[4] = {{0}};
    struct create_topics_request_creatable_topic t = topic_of("manual", -1, -1);
    for (int i = 0; i < count; i++) {
        a[i].partition_index = indexes[i];
        a[i].broker_ids.items = brokers;
        a[i].broker_ids.count = counts[i];
        brokers += counts[i];
    }
    t.assignments.items = a;
    t.assignments.count = count;
    return create(f, t, true);
}

static void manual_assignments_are_checked_as_kafkas(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 2);
    int32_t one_one[] = {1, 1}, one_two_one[] = {1, 2, 1}, five[] = {5};
    assert_int_equal(assign(&f, 2, (int32_t[]){0, 1}, one_one, (int32_t[]){1, 1}).num_partitions, 2);
    assert_text(assign(&f, 1, (int32_t[]){0}, one_one, (int32_t[]){2}).error_message,
                "The manual partition assignment includes the broker 1 more than once.");
    assert_text(assign(&f, 2, (int32_t[]){0, 2}, one_one, (int32_t[]){1, 1}).error_message,
                "partitions should be a consecutive 0-based integer sequence");
    assert_text(assign(&f, 2, (int32_t[]){0, 0}, one_one, (int32_t[]){1, 1}).error_message,
                "Found multiple manual partition assignments for partition 0");
    assert_text(assign(&f, 1, (int32_t[]){0}, five, (int32_t[]){1}).error_message,
                "The manual partition assignment includes broker 5, but no such broker is registered.");
    assert_text(assign(&f, 1, (int32_t[]){0}, five, (int32_t[]){0}).error_message,
                "The manual partition assignment includes an empty replica list.");
    assert_text(assign(&f, 2, (int32_t[]){0, 1}, one_two_one, (int32_t[]){2, 1}).error_message,
                "The manual partition assignment includes a partition with 1 replica(s), but this is not consistent "
                "with previous partitions, which have 2 replica(s).");
    beat(&f, 2, true, false);
    int32_t two[] = {2};
    assert_text(assign(&f, 1, (int32_t[]){0}, two, (int32_t[]){1}).error_message,
                "All brokers specified in the manual partition assignment for partition 0 are fenced or in controlled "
                "shutdown.");
    teardown(&f);
}

static void repeated_names_get_one_answer(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    struct create_topics_request_creatable_topic topics[] = {topic_of("x", 1, 1), topic_of("y", 1, 1),
                                                             topic_of("x", 1, 1)};
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_response response = create_topics_response_init();
    request.topics.items = topics;
    request.topics.count = 3;
    assert_int_equal(decide_create_topics(begin(&f), &request, &response), OK);
    assert_int_equal(response.topics.count, 2);
    assert_int_equal(response.topics.items[0].error_code, ERR_INVALID_REQUEST);
    assert_text(response.topics.items[0].error_message, "Duplicate topic name.");
    assert_int_equal(response.topics.items[1].error_code, 0);
    teardown(&f);
}

static void placement_spreads_leaders_and_replicas(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 3);
    assert_int_equal(create(&f, topic_of("wide", 9, 2), false).error_code, 0);
    int leads[4] = {0}, follows[4] = {0};
    for (int32_t i = 0; i < 9; i++) {
        const struct image_partition *p = image_partition(now(&f), SLICE("wide"), i);
        assert_int_not_equal(p->replicas.items[0], p->replicas.items[1]);
        assert_int_equal(p->isr.count, 2);
        leads[p->leader]++;
        follows[p->replicas.items[1]]++;
    }
    for (int id = 1; id <= 3; id++) {
        assert_int_equal(leads[id], 3);
        assert_int_equal(follows[id], 3);
    }
    teardown(&f);
}

static void deletion_by_name_and_by_id(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    struct uuid id = create(&f, topic_of("a", 1, 1), false).topic_id;
    create(&f, topic_of("b", 1, 1), false);
    struct delete_topics_request_delete_topic_state states[] = {{.name = SLICE_NULL, .topic_id = id},
                                                                {.name = SLICE("nosuch")},
                                                                {.name = SLICE_NULL, .topic_id = {.bytes = {9}}},
                                                                {.name = SLICE("b"), .topic_id = {.bytes = {9}}}};
    struct delete_topics_request request = delete_topics_request_init();
    struct delete_topics_response response = delete_topics_response_init();
    request.topics.items = states;
    request.topics.count = 4;
    assert_int_equal(decide_delete_topics(begin(&f), &request, &response), OK);
    apply(&f);
    assert_int_equal(response.responses.items[0].error_code, 0);
    assert_text(response.responses.items[0].name, "a");
    assert_int_equal(response.responses.items[1].error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_text(response.responses.items[1].error_message, "This server does not host this topic-partition.");
    assert_int_equal(response.responses.items[2].error_code, ERR_UNKNOWN_TOPIC_ID);
    assert_text(response.responses.items[3].error_message, "You may not specify both topic name and topic id.");
    assert_null(image_topic_by_name(now(&f), SLICE("a")));
    assert_non_null(image_topic_by_name(now(&f), SLICE("b")));
    f.settings.can_delete_topics = false;
    struct slice names[] = {SLICE("b")};
    request = delete_topics_request_init();
    request.topic_names.items = names;
    request.topic_names.count = 1;
    assert_int_equal(decide_delete_topics(begin(&f), &request, &response), OK);
    assert_int_equal(f.decide.records.count, 0);
    teardown(&f);
}

static struct create_partitions_response_create_partitions_topic_result grow(struct fixture *f, const char *name,
                                                                             int32_t count)
{
    struct create_partitions_request_create_partitions_topic t =
        create_partitions_request_create_partitions_topic_init();
    struct create_partitions_request request = create_partitions_request_init();
    struct create_partitions_response response = create_partitions_response_init();
    t.name = slice_str(name);
    t.count = count;
    t.assignments.count = -1;
    request.topics.items = &t;
    request.topics.count = 1;
    assert_int_equal(decide_create_partitions(begin(f), &request, &response), OK);
    apply(f);
    return response.results.items[0];
}

static void partitions_only_grow(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    create(&f, topic_of("orders", 3, 1), false);
    assert_text(grow(&f, "orders", 3).error_message, "Topic already has 3 partition(s).");
    assert_text(grow(&f, "orders", 2).error_message,
                "The topic orders currently has 3 partition(s); 2 would not be an increase.");
    assert_int_equal(grow(&f, "nosuch", 5).error_code, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    assert_int_equal(grow(&f, "orders", 20000).error_code, ERR_POLICY_VIOLATION);
    assert_int_equal(grow(&f, "orders", 5).error_code, 0);
    assert_int_equal(image_topic_partition_count(image_topic_by_name(now(&f), SLICE("orders"))), 5);
    teardown(&f);
}

static const struct image_partition *orders_0(const struct fixture *f)
{
    return image_partition(now(f), SLICE("orders"), 0);
}

static void lone_broker_stops_and_comes_back_as_kafkas(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    create(&f, topic_of("orders", 2, 1), false);
    struct broker_heartbeat_response r = beat(&f, 1, false, true);
    assert_false(r.should_shut_down);
    assert_int_equal(f.decide.records.count, 3);
    static const size_t sizes[] = {19, 47, 47}; // as in Kafka's log
    for (int i = 0; i < 3; i++) assert_int_equal(f.decide.records.items[i].size, sizes[i]);
    assert_int_equal(orders_0(&f)->leader, -1);
    assert_int_equal(orders_0(&f)->isr.count, 0);
    assert_int_equal(orders_0(&f)->rare->elr.items[0], 1);
    r = beat(&f, 1, false, true);
    assert_true(r.should_shut_down);
    assert_int_equal(f.decide.records.count, 1);
    assert_true(image_broker(now(&f), 1)->is_fenced);

    int64_t previous = image_broker(now(&f), 1)->epoch;
    int64_t epoch = register_broker(&f, 1, 2, previous);
    assert_int_equal(f.decide.records.count, 1); // clean: nothing to repair
    assert_true(epoch > previous);
    beat(&f, 1, true, false);
    beat(&f, 1, false, false);
    assert_int_equal(f.decide.records.count, 3);
    assert_int_equal(orders_0(&f)->leader, 1);
    assert_int_equal(orders_0(&f)->isr.count, 1);
    assert_int_equal(orders_0(&f)->rare->elr.count, 0);
    assert_int_equal(orders_0(&f)->rare->last_known_elr.count, 0);
    assert_int_equal(orders_0(&f)->leader_epoch, 2);
    assert_int_equal(orders_0(&f)->leader_recovery_state, 0);
    teardown(&f);
}

static void crashed_broker_is_repaired_as_kafkas(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    create(&f, topic_of("orders", 1, 1), false);
    begin(&f);
    decide_fence(&f.decide, 1);
    apply(&f);
    int64_t at = f.offset;
    int64_t epoch = register_broker(&f, 1, 2, -1);
    assert_int_equal(f.decide.records.count, 2); // out of the ELR, then the registration
    assert_int_equal(epoch, at);                 // the first of the two, as Kafka counts
    assert_int_equal(orders_0(&f)->rare->elr.count, 0);
    assert_int_equal(orders_0(&f)->rare->last_known_elr.count, 1);
    beat(&f, 1, true, false);
    beat(&f, 1, false, false);
    assert_int_equal(orders_0(&f)->leader, 1);
    assert_int_equal(orders_0(&f)->leader_recovery_state, 1); // the last leader is all there is
    assert_int_equal(orders_0(&f)->rare->last_known_elr.count, 0);
    teardown(&f);
}

static void leader_moves_inside_the_isr(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 3);
    create(&f, topic_of("orders", 1, 3), false);
    int32_t first = orders_0(&f)->leader;
    int32_t second = orders_0(&f)->replicas.items[1];
    beat(&f, first, true, false);
    assert_int_equal(orders_0(&f)->leader, second);
    assert_int_equal(orders_0(&f)->isr.count, 2);
    assert_false(image_ids_contain(orders_0(&f)->isr, first));
    assert_int_equal(orders_0(&f)->rare->elr.count, 0); // two are still above the minimum of one
    teardown(&f);
}

static void producer_ids_come_in_blocks(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f, 1);
    struct allocate_producer_ids_request r = {.broker_id = 1, .broker_epoch = image_broker(now(&f), 1)->epoch};
    struct allocate_producer_ids_response out = {0};
    assert_int_equal(decide_producer_ids(begin(&f), &r, &out), OK);
    apply(&f);
    assert_int_equal(out.producer_id_start, 0);
    assert_int_equal(decide_producer_ids(begin(&f), &r, &out), OK);
    assert_int_equal(out.producer_id_start, 1000);
    r.broker_epoch++;
    assert_int_equal(decide_producer_ids(begin(&f), &r, &out), ERR_STALE_BROKER_EPOCH);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bootstrap_is_kafkas),
        cmocka_unit_test(refusals_are_worded_as_kafkas),
        cmocka_unit_test(created_topic_has_kafkas_records),
        cmocka_unit_test(manual_assignments_are_checked_as_kafkas),
        cmocka_unit_test(repeated_names_get_one_answer),
        cmocka_unit_test(placement_spreads_leaders_and_replicas),
        cmocka_unit_test(deletion_by_name_and_by_id),
        cmocka_unit_test(partitions_only_grow),
        cmocka_unit_test(lone_broker_stops_and_comes_back_as_kafkas),
        cmocka_unit_test(crashed_broker_is_repaired_as_kafkas),
        cmocka_unit_test(leader_moves_inside_the_isr),
        cmocka_unit_test(producer_ids_come_in_blocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
