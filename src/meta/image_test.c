// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/varint.h"
#include "meta/image.h"
#include "meta/records.h"
#include "record/batch.h"

// ---- the metadata log of an Apache Kafka 4.3.1 node (tests/golden/metadata/README.md) ----------------------------

static struct slice golden(struct arena *arena, const char *name)
{
    // .../src/meta/image_test.c -> .../tests/golden/metadata
    int root = (int)(strlen(__FILE__) - strlen("src/meta/image_test.c"));
    char *path = arena_printf(arena, "%.*stests/golden/metadata/%s", root, __FILE__, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    uint8_t *bytes = arena_alloc(arena, 1 << 16);
    size_t size = fread(bytes, 1, 1 << 16, file);
    fclose(file);
    assert_true(size > 0 && size < 1 << 16);
    return slice_of(bytes, size);
}

static struct image *replay(struct arena *arena, const char *name, int64_t until, struct image_delta **delta)
{
    struct image *empty = image_new_empty();
    struct image_builder *builder = image_builder_new(empty);
    struct batch_iter it = batch_iter(golden(arena, name));
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        if (batch.header.base_offset >= until) break;
        struct text problem = {0};
        enum err e = image_builder_batch(builder, batch.bytes, &problem);
        if (e != OK) fail_msg("%s", text_cstr(&problem));
        text_deinit(&problem);
    }
    assert_int_equal(it.err, OK);
    struct image *image = image_builder_publish(builder, delta);
    image_builder_free(builder);
    image_unref(empty);
    return image;
}

static void kafkas_log_gives_kafkas_cluster(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct image_delta *delta = NULL;
    struct image *image =
        replay(&arena, "kafka-4.3.1-standalone.log", 48, &delta); // before the first controlled shutdown
    assert_int_equal(image->offset, 47);
    assert_int_equal(image->epoch, 1);
    assert_int_equal(image_metadata_version(image), 30);
    assert_int_equal(image_feature_level(image, "transaction.version"), 2);
    assert_int_equal(image_feature_level(image, "nonsense"), 0);
    assert_int_equal(image->topics.count, 3);
    assert_int_equal(image->topic_names.count, 3);
    assert_int_equal(image->partition_count, 8);
    assert_int_equal(image->next_producer_id, 1000);
    assert_int_equal(image->others.count, 1); // bob's credential
    struct image_quota_part alice = {SLICE("user"), SLICE("alice")};
    const struct image_quota *quota = image_quota(image, &alice, 1);
    assert_non_null(quota);
    assert_int_equal(quota->count, 1);
    double rate = 0;
    assert_true(image_quota_value(quota, quota->values[0].key, &rate));
    assert_true(rate > 0);
    assert_false(image_quota_value(quota, SLICE("nonsense"), &rate));
    alice.name = SLICE_NULL;
    assert_null(image_quota(image, &alice, 1));

    const struct image_topic *orders = image_topic_by_name(image, SLICE("orders"));
    assert_int_equal(image_topic_partition_count(orders), 5);
    assert_ptr_equal(image_topic_by_id(image, orders->id), orders);
    const struct image_partition *p = image_partition_at(orders, 4);
    assert_int_equal(p->leader, 1);
    assert_int_equal(p->leader_epoch, 0);
    assert_int_equal(p->replicas.count, 1);
    assert_int_equal(p->isr.items[0], 1);
    assert_false(uuid_is_reserved(p->directories[0]));
    assert_null(image_partition_at(orders, 5));
    assert_null(image_topic_by_name(image, SLICE("gone")));
    assert_null(image_resource(image, IMAGE_RESOURCE_TOPIC, SLICE("gone")));

    assert_true(slice_eq_str(image_config(image, IMAGE_RESOURCE_TOPIC, SLICE("orders"), "retention.ms"), "123456"));
    assert_true(
        slice_is_null(image_config(image, IMAGE_RESOURCE_TOPIC, SLICE("cfg"), "retention.ms"))); // set, then unset
    assert_true(slice_eq_str(image_config(image, IMAGE_RESOURCE_TOPIC, SLICE("cfg"), "cleanup.policy"), "compact"));
    assert_true(slice_eq_str(image_config(image, IMAGE_RESOURCE_BROKER, SLICE(""), "min.insync.replicas"), "1"));

    const struct image_node *broker = image_broker(image, 1);
    assert_int_equal(broker->epoch, 14);
    assert_false(broker->is_fenced);
    assert_int_equal(broker->log_dir_count, 1);
    assert_int_equal(broker->cordoned_dir_count, 0);
    assert_int_equal(image_endpoint(broker, SLICE("PLAINTEXT"))->port, 19142);
    assert_non_null(image_controller(image, 1));
    assert_null(image_broker(image, 2));

    assert_int_equal(delta->topic_count, 3); // the one deleted again was never shown
    assert_int_equal(delta->partition_count, 8);
    assert_true(delta->brokers_changed && delta->controllers_changed && delta->features_changed &&
                delta->others_changed && delta->quotas_changed);
    image_delta_unref(delta);
    image_unref(image);
    arena_deinit(&arena);
}

static void kafkas_clean_stop_leaves_no_leader(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct image *image = replay(&arena, "kafka-4.3.1-standalone.log", INT64_MAX, NULL);
    const struct image_partition *p = image_partition(image, SLICE("orders"), 2);
    assert_int_equal(p->leader, -1);
    assert_int_equal(p->isr.count, 0);
    assert_int_equal(p->rare->elr.items[0], 1);
    assert_int_equal(p->rare->last_known_elr.items[0], 1);
    assert_int_equal(p->leader_epoch, 3); // stop, start, stop
    assert_int_equal(p->partition_epoch, 3);
    assert_true(image_broker(image, 1)->is_fenced);
    assert_true(image_broker(image, 1)->in_controlled_shutdown);
    assert_int_equal(image_broker(image, 1)->epoch, 62);
    image_unref(image);
    arena_deinit(&arena);
}

static void kafkas_snapshot_holds_the_same(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct image *image = replay(&arena, "kafka-4.3.1-snapshot.checkpoint", INT64_MAX, NULL);
    assert_int_equal(image_metadata_version(image), 30);
    assert_int_equal(image->topics.count, 3);
    assert_int_equal(image->partition_count, 8);
    assert_int_equal(image->next_producer_id, 1000);
    assert_int_equal(image->others.count, 1);
    assert_int_equal(image->quotas.count, 1);
    assert_int_equal(image_topic_partition_count(image_topic_by_name(image, SLICE("orders"))), 5);
    assert_true(slice_eq_str(image_config(image, IMAGE_RESOURCE_TOPIC, SLICE("orders"), "retention.ms"), "123456"));
    assert_non_null(image_broker(image, 1));
    assert_non_null(image_controller(image, 1));
    image_unref(image);
    arena_deinit(&arena);
}

static int compare_values(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    size_t size = x->size < y->size ? x->size : y->size;
    int order = memcmp(x->data, y->data, size);
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

// The records of Kafka's own snapshot, in any order but for the first, which says how to read the others.
static void image_gives_kafkas_snapshot_back(void **state)
{
    (void)state;
    struct arena arena = {0};
    struct image *image = replay(&arena, "kafka-4.3.1-snapshot.checkpoint", INT64_MAX, NULL);
    struct metadata_records ours = {0};
    image_records(image, &arena, &ours);
    struct slice *theirs = ARENA_ARRAY(&arena, struct slice, 1000);
    int32_t count = 0;
    struct batch_iter it = batch_iter(golden(&arena, "kafka-4.3.1-snapshot.checkpoint"));
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        if (batch_is_control(&batch.header)) continue;
        struct slice body;
        struct text scratch = {0};
        assert_int_equal(batch_body(&batch, 1 << 20, &scratch, &body), OK);
        struct record_iter records = record_iter(&batch.header, body);
        struct record record;
        while (record_next(&records, &record)) theirs[count++] = record.value;
        text_deinit(&scratch);
    }
    assert_int_equal(ours.count, count);
    assert_true(slice_eq(ours.items[0], theirs[0]));
    qsort(ours.items, (size_t)count, sizeof(*ours.items), compare_values);
    qsort(theirs, (size_t)count, sizeof(*theirs), compare_values);
    for (int32_t i = 0; i < count; i++) assert_true(slice_eq(ours.items[i], theirs[i]));
    image_unref(image);
    arena_deinit(&arena);
}

// ---- images built from records of our own -----------------------------------------------------------------------

struct fixture {
    struct arena arena;
    struct image *empty;
    struct image_builder *builder;
    int64_t offset;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.empty = image_new_empty()};
    f->builder = image_builder_new(f->empty);
}

static void teardown(struct fixture *f)
{
    image_builder_free(f->builder);
    image_unref(f->empty);
    arena_deinit(&f->arena);
}

static enum err put(struct fixture *f, const struct wire_message *message, int version, const void *record)
{
    struct slice value = metadata_record_encode(message, version, record, &f->arena);
    return image_builder_record(f->builder, f->offset++, 1, value, NULL);
}

static struct uuid id_of(uint8_t n)
{
    return (struct uuid){.bytes = {[0] = 0xaa, [15] = n}};
}

static void put_topic(struct fixture *f, const char *name, uint8_t n, int32_t partitions)
{
    struct topic_record topic = topic_record_init();
    topic.name = slice_str(name);
    topic.topic_id = id_of(n);
    assert_int_equal(put(f, &topic_record_message, 0, &topic), OK);
    for (int32_t i = 0; i < partitions; i++) {
        struct partition_record p = partition_record_init();
        int32_t replicas[] = {1};
        p.partition_id = i;
        p.topic_id = id_of(n);
        p.replicas.items = replicas;
        p.replicas.count = 1;
        p.isr.items = replicas;
        p.isr.count = 1;
        p.leader = 1;
        p.leader_epoch = 0;
        p.partition_epoch = 0;
        assert_int_equal(put(f, &partition_record_message, 0, &p), OK);
    }
}

static enum err put_change(struct fixture *f, uint8_t n, int32_t index, int32_t leader)
{
    struct partition_change_record change = partition_change_record_init();
    change.topic_id = id_of(n);
    change.partition_id = index;
    change.leader = leader;
    return put(f, &partition_change_record_message, 0, &change);
}

static void delta_lists_exactly_what_changed(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_topic(&f, "big", 1, 10000);
    put_topic(&f, "old", 2, 2);
    image_unref(image_builder_publish(f.builder, NULL));

    assert_int_equal(put_change(&f, 1, 777, 1), OK);
    struct remove_topic_record gone = {.topic_id = id_of(2)};
    assert_int_equal(put(&f, &remove_topic_record_message, 0, &gone), OK);
    put_topic(&f, "old", 3, 1); // the same name again
    struct image_delta *delta = NULL;
    struct image *image = image_builder_publish(f.builder, &delta);
    assert_int_equal(delta->topic_count, 2);
    assert_true(uuid_eq(delta->topics[0].before->id, id_of(2)));
    assert_null(delta->topics[0].after);
    assert_null(delta->topics[1].before);
    assert_true(uuid_eq(delta->topics[1].after->id, id_of(3)));
    assert_int_equal(delta->partition_count, 4);
    int changed = 0;
    for (int32_t i = 0; i < delta->partition_count; i++) {
        const struct image_partition_change *c = &delta->partitions[i];
        if (c->before == NULL || c->after == NULL) continue;
        changed++;
        assert_int_equal(c->after->index, 777);
        assert_int_equal(c->before->leader_epoch, 0);
        assert_int_equal(c->after->leader_epoch, 1); // naming the same leader is a new epoch all the same
    }
    assert_int_equal(changed, 1);
    assert_false(delta->brokers_changed);
    // What did not change is the same object.
    assert_ptr_equal(image_partition(delta->before, SLICE("big"), 5), image_partition(image, SLICE("big"), 5));
    assert_int_equal(image->partition_count, 10001);
    image_unref(image);
    image_delta_unref(delta);
    teardown(&f);
}

static void open_transaction_is_hidden_and_abort_undoes_it(void **state)
{
    (void)state;
    for (int aborts = 0; aborts < 2; aborts++) {
        struct fixture f;
        setup(&f);
        put_topic(&f, "seen", 1, 1);
        struct begin_transaction_record begin = begin_transaction_record_init();
        assert_int_equal(put(&f, &begin_transaction_record_message, 0, &begin), OK);
        put_topic(&f, "hidden", 2, 1);
        assert_int_equal(put_change(&f, 1, 0, -1), OK);
        assert_true(image_builder_in_transaction(f.builder));
        struct image_delta *delta = NULL;
        struct image *image = image_builder_publish(f.builder, &delta);
        assert_null(image_topic_by_name(image, SLICE("hidden")));
        assert_int_equal(image_partition(image, SLICE("seen"), 0)->leader, 1);
        assert_int_equal(delta->topic_count, 1);
        assert_int_equal(image->offset, 1); // the last record before the transaction
        assert_non_null(image_topic_by_name(image_builder_newest(f.builder), SLICE("hidden")));
        image_unref(image);
        image_delta_unref(delta);

        struct abort_transaction_record abort_record = abort_transaction_record_init();
        struct end_transaction_record end = {0};
        if (aborts)
            assert_int_equal(put(&f, &abort_transaction_record_message, 0, &abort_record), OK);
        else
            assert_int_equal(put(&f, &end_transaction_record_message, 0, &end), OK);
        image = image_builder_publish(f.builder, &delta);
        assert_int_equal(image_topic_by_name(image, SLICE("hidden")) != NULL, !aborts);
        assert_int_equal(image_partition(image, SLICE("seen"), 0)->leader, aborts ? 1 : -1);
        assert_int_equal(delta->topic_count, aborts ? 0 : 1);
        assert_int_equal(delta->partition_count, aborts ? 0 : 2);
        assert_int_equal(image->offset, f.offset - 1);
        image_unref(image);
        image_delta_unref(delta);
        teardown(&f);
    }
}

static void record_that_does_not_fit_stops_the_replay(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_topic(&f, "a", 1, 1);
    assert_int_equal(put_change(&f, 1, 5, 1), ERR_CORRUPT);
    assert_int_equal(put_change(&f, 9, 0, 1), ERR_CORRUPT);
    struct end_transaction_record end = {0};
    assert_int_equal(put(&f, &end_transaction_record_message, 0, &end), ERR_CORRUPT);
    struct text problem = {0};
    uint8_t unknown[] = {1, 99, 0, 0};
    assert_int_equal(image_builder_record(f.builder, 77, 1, slice_of(unknown, sizeof(unknown)), &problem),
                     ERR_UNSUPPORTED_VERSION);
    assert_non_null(strstr(text_cstr(&problem), "offset 77"));
    assert_non_null(strstr(text_cstr(&problem), "99"));
    uint8_t newer[] = {1, 2, 40, 0}; // TopicRecord version 40
    assert_int_equal(image_builder_record(f.builder, 78, 1, slice_of(newer, sizeof(newer)), NULL),
                     ERR_UNSUPPORTED_VERSION);
    assert_int_equal(image_builder_record(f.builder, 79, 1, SLICE_NULL, NULL), ERR_CORRUPT);
    text_deinit(&problem);
    teardown(&f);
}

static void clear_elr_raises_the_partition_epoch(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    put_topic(&f, "a", 1, 2);
    struct partition_change_record change = partition_change_record_init();
    int32_t elr[] = {1};
    change.topic_id = id_of(1);
    change.partition_id = 1;
    change.eligible_leader_replicas.items = elr;
    change.eligible_leader_replicas.count = 1;
    assert_int_equal(put(&f, &partition_change_record_message, 2, &change), OK);
    struct clear_elr_record all = clear_elr_record_init();
    assert_int_equal(put(&f, &clear_elr_record_message, 0, &all), OK);
    const struct image *image = image_builder_newest(f.builder);
    assert_int_equal(image_partition(image, SLICE("a"), 1)->rare->elr.count, 0);
    assert_int_equal(image_partition(image, SLICE("a"), 1)->partition_epoch, 2);
    assert_int_equal(image_partition(image, SLICE("a"), 0)->partition_epoch, 0);
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kafkas_log_gives_kafkas_cluster),
        cmocka_unit_test(kafkas_clean_stop_leaves_no_leader),
        cmocka_unit_test(kafkas_snapshot_holds_the_same),
        cmocka_unit_test(image_gives_kafkas_snapshot_back),
        cmocka_unit_test(delta_lists_exactly_what_changed),
        cmocka_unit_test(open_transaction_is_hidden_and_abort_undoes_it),
        cmocka_unit_test(record_that_does_not_fit_stops_the_replay),
        cmocka_unit_test(clear_elr_raises_the_partition_epoch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
