// SPDX-License-Identifier: Apache-2.0
#include "client/consumer.h"
#include "client/producer.h"

#include "client/fake_broker.h"
#include "env_sim/sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

// Two machines: a broker and a client.
struct world {
    struct sim *sim;
    struct sim_node *broker_node, *client_node;
    struct fake_broker broker;
    struct client *client;
    struct producer *producer;
    struct consumer *consumer;
    int64_t delivered, failed;
    enum err last_err;
    int64_t last_offset[FAKE_PARTITIONS];
    bool is_out_of_order;
    int done;
};

static void start_broker(void *context)
{
    struct world *w = context;
    fake_start(&w->broker, sim_node_env(w->broker_node, 0), sim_node_address(w->broker_node));
}

static void start_client(void *context)
{
    struct world *w = context;
    struct client_config config;
    client_config_init(&config);
    char bootstrap[64];
    snprintf(bootstrap, sizeof(bootstrap), "%s:%d", sim_node_address(w->broker_node), w->broker.port);
    config.bootstrap = slice_str(bootstrap);
    config.client_id = SLICE("test");
    assert_int_equal(client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->client), OK);
}

static void world_start(struct world *w, uint64_t seed, const struct sim_faults *faults)
{
    *w = (struct world){0};
    struct sim_options options = sim_options_default(seed);
    w->sim = sim_new(&options);
    w->broker_node = sim_node_new(w->sim, "broker", 1);
    w->client_node = sim_node_new(w->sim, "client", 1);
    for (int i = 0; i < FAKE_PARTITIONS; i++) w->last_offset[i] = -1;
    assert_true(sim_node_call(w->broker_node, start_broker, w));
    assert_true(sim_node_call(w->client_node, start_client, w));
    if (faults != NULL) sim_set_faults(w->sim, faults);
}

static void end_client(void *context)
{
    struct world *w = context;
    producer_free(w->producer);
    consumer_free(w->consumer);
    client_free(w->client);
}

static void end_broker(void *context)
{
    fake_stop(&((struct world *)context)->broker);
}

static void world_end(struct world *w)
{
    sim_node_call(w->client_node, end_client, w);
    sim_node_call(w->broker_node, end_broker, w);
    sim_free(w->sim);
}

// ---- addresses, murmur2 ----------------------------------------------------------------------------------------

static void addresses_are_checked(void **state)
{
    (void)state;
    struct slice host;
    int port;
    assert_int_equal(client_parse_address(SLICE("localhost:9092"), &host, &port), OK);
    assert_true(slice_eq_str(host, "localhost") && port == 9092);
    assert_int_equal(client_parse_address(SLICE("[::1]:1"), &host, &port), OK);
    assert_true(slice_eq_str(host, "::1") && port == 1);
    static const char *const wrong[] = {"",    ":",       "localhost", "localhost:", ":9092",
                                        "a:b", "h:70000", "::1:9092",  "http://x:1", "a b:1"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(client_parse_address(slice_str(wrong[i]), &host, &port), ERR_INVALID);
}

// Values of org.apache.kafka.common.utils.Utils.murmur2.
static void murmur2_is_javas(void **state)
{
    (void)state;
    assert_int_equal((int32_t)murmur2(SLICE("21")), -973932308);
    assert_int_equal((int32_t)murmur2(SLICE("foobar")), -790332482);
    assert_int_equal((int32_t)murmur2(SLICE("a-little-bit-long-string")), -985981536);
    assert_int_equal((int32_t)murmur2(SLICE("a-little-bit-longer-string")), -1486304829);
    assert_int_equal((int32_t)murmur2(SLICE("lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8")), -58897971);
    assert_int_equal((int32_t)murmur2(SLICE("abc")), 479470107);
}

// ---- calls -----------------------------------------------------------------------------------------------------

struct one_call {
    struct world *world;
    struct client_call call;
    struct metadata_request request;
    bool is_done;
};

static void call_done(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct one_call *)call->context)->is_done = true;
}

static void make_call(void *context)
{
    struct one_call *one = context;
    one->request = metadata_request_init();
    one->call.api_key = one->call.api_key == 0 ? API_METADATA : one->call.api_key;
    one->call.request = &one->request;
    one->call.done = call_done;
    one->call.context = one;
    client_call(one->world->client, &one->call);
}

static bool is_called(void *context)
{
    return ((struct one_call *)context)->is_done;
}

static void run_call(struct one_call *one, int64_t max_ms)
{
    assert_true(sim_node_call(one->world->client_node, make_call, one));
    assert_true(sim_run_until(one->world->sim, is_called, one, max_ms));
}

static void versions_are_negotiated(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 1, NULL);
    w.broker.refuse_versions = 1; // our ApiVersions 4 is too new for it
    struct one_call one = {.world = &w, .call = {.node_id = CLIENT_ANY}};
    run_call(&one, 5000);
    assert_int_equal(one.call.err, OK);
    assert_int_equal(one.call.version, 12); // we know 13, the broker 12
    assert_int_equal(w.broker.versions_asked, 2);
    const struct metadata_response *answer = one.call.response;
    assert_int_equal(answer->brokers.items[0].node_id, 7);
    client_call_deinit(&one.call);
    world_end(&w);
}

static void api_nobody_serves_is_refused(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 2, NULL);
    struct one_call one = {.world = &w, .call = {.node_id = CLIENT_ANY, .api_key = API_DESCRIBE_CLUSTER}};
    run_call(&one, 5000);
    assert_int_equal(one.call.err, ERR_UNSUPPORTED_VERSION);
    client_call_deinit(&one.call);
    world_end(&w);
}

static void silence_ends_in_a_timeout(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 3, NULL);
    w.broker.swallow = 1000;
    struct one_call one = {.world = &w, .call = {.node_id = CLIENT_ANY, .timeout_ms = 3000}};
    run_call(&one, 4000);
    assert_int_equal(one.call.err, ERR_REQUEST_TIMED_OUT);
    assert_true(one.call.was_sent);
    client_call_deinit(&one.call);
    world_end(&w);
}

static void unknown_node_is_said(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 4, NULL);
    struct one_call one = {.world = &w, .call = {.node_id = 99}};
    run_call(&one, 5000);
    assert_int_equal(one.call.err, ERR_BROKER_NOT_AVAILABLE);
    client_call_deinit(&one.call);
    world_end(&w);
}

static void unreachable_broker_is_tried_until_the_deadline(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 5, NULL);
    sim_cut_both(w.broker_node, w.client_node);
    struct one_call one = {.world = &w, .call = {.node_id = CLIENT_ANY, .timeout_ms = 30000}};
    assert_true(sim_node_call(w.client_node, make_call, &one));
    assert_false(sim_run_until(w.sim, is_called, &one, 15000));
    sim_heal_all(w.sim);
    assert_true(sim_run_until(w.sim, is_called, &one, 15000));
    assert_int_equal(one.call.err, OK);
    client_call_deinit(&one.call);
    world_end(&w);
}

// ---- producing -------------------------------------------------------------------------------------------------

static void on_delivered(struct producer *producer, const struct producer_delivery *d)
{
    struct world *w = producer_context(producer);
    if (d->err != OK) {
        w->failed++;
        w->last_err = d->err;
        return;
    }
    w->delivered++;
    if (d->offset >= 0 && d->offset <= w->last_offset[d->partition]) w->is_out_of_order = true;
    if (d->offset >= 0) w->last_offset[d->partition] = d->offset;
}

struct producing {
    struct world *world;
    struct producer_config config;
    int next, count;
};

static void make_producer(void *context)
{
    struct producing *p = context;
    p->config.delivered = on_delivered;
    p->config.context = p->world;
    p->world->producer = producer_new(p->world->client, &p->config);
}

// Sends as much as fits; values are numbers, so that order can be checked.
static void send_some(void *context)
{
    struct producing *p = context;
    for (; p->next < p->count; p->next++) {
        char value[16];
        int size = snprintf(value, sizeof(value), "%d", p->next);
        struct producer_record record = {.topic = slice_str(fake_topic),
                                         .partition = p->next % FAKE_PARTITIONS,
                                         .timestamp = -1,
                                         .value = slice_of(value, (size_t)size)};
        enum err e = producer_send(p->world->producer, &record);
        if (e == ERR_AGAIN) return;
        assert_int_equal(e, OK);
    }
    producer_flush(p->world->producer);
}

static bool all_told(void *context)
{
    struct producing *p = context;
    if (p->next < p->count) sim_node_call(p->world->client_node, send_some, p);
    return p->world->delivered + p->world->failed == p->count;
}

static void produce(struct world *w, struct producing *p, int count, int64_t max_ms)
{
    p->world = w;
    p->count = count;
    assert_true(sim_node_call(w->client_node, make_producer, p));
    assert_true(sim_run_until(w->sim, all_told, p, max_ms));
}

// Every partition's log holds its share of 0..count-1 once, in order.
static void check_logs(struct world *w, int count)
{
    for (int partition = 0; partition < FAKE_PARTITIONS; partition++) {
        int expected = partition;
        struct batch_iter it = batch_iter(text_slice(&w->broker.logs[partition].bytes));
        struct batch_view batch;
        struct text scratch = {0};
        while (batch_next(&it, &batch)) {
            struct slice body;
            struct record record;
            assert_int_equal(batch_body(&batch, 1 << 24, &scratch, &body), OK);
            struct record_iter records = record_iter(&batch.header, body);
            while (record_next(&records, &record)) {
                char value[16];
                snprintf(value, sizeof(value), "%d", expected);
                assert_true(slice_eq_str(record.value, value));
                expected += FAKE_PARTITIONS;
            }
            assert_int_equal(records.err, OK);
        }
        assert_true(expected >= count);
        text_deinit(&scratch);
    }
}

static void records_arrive_in_order(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODEC_COUNT; codec++) {
        struct world w;
        world_start(&w, 10, NULL);
        struct producing p = {0};
        producer_config_init(&p.config);
        p.config.codec = (enum codec)codec;
        p.config.batch_size_bytes = 200;
        produce(&w, &p, 500, 60000);
        assert_int_equal(w.delivered, 500);
        assert_false(w.is_out_of_order);
        check_logs(&w, 500);
        world_end(&w);
    }
}

static void lost_answers_are_not_sent_twice(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 11, NULL);
    w.broker.lose_produce_answers = 3;
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.batch_size_bytes = 120;
    produce(&w, &p, 300, 100000);
    assert_int_equal(w.delivered, 300);
    check_logs(&w, 300);
    world_end(&w);
}

static void refused_batches_are_tried_again_in_order(void **state)
{
    (void)state;
    static const enum err errors[] = {ERR_NOT_LEADER_OR_FOLLOWER, ERR_NOT_ENOUGH_REPLICAS, ERR_KAFKA_STORAGE_ERROR,
                                      ERR_REQUEST_TIMED_OUT, ERR_UNKNOWN_TOPIC_OR_PARTITION};
    for (size_t i = 0; i < COUNT_OF(errors); i++) {
        struct world w;
        world_start(&w, 20 + i, NULL);
        w.broker.fail_produces = 7;
        w.broker.produce_error = errors[i];
        struct producing p = {0};
        producer_config_init(&p.config);
        p.config.batch_size_bytes = 150;
        produce(&w, &p, 300, 100000);
        assert_int_equal(w.delivered, 300);
        check_logs(&w, 300);
        world_end(&w);
    }
}

static void forgotten_sequences_start_a_new_epoch(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 30, NULL);
    w.broker.fail_produces = 1;
    w.broker.produce_error = ERR_UNKNOWN_PRODUCER_ID;
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.batch_size_bytes = 150;
    produce(&w, &p, 300, 100000);
    assert_int_equal(w.delivered, 300);
    assert_true(w.broker.next_producer_id >= 2);
    check_logs(&w, 300);
    world_end(&w);
}

static void final_errors_are_told(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 31, NULL);
    w.broker.fail_produces = 1000000;
    w.broker.produce_error = ERR_TOPIC_AUTHORIZATION_FAILED;
    struct producing p = {0};
    producer_config_init(&p.config);
    produce(&w, &p, 30, 60000);
    assert_int_equal(w.failed, 30);
    assert_int_equal(w.last_err, ERR_TOPIC_AUTHORIZATION_FAILED);
    world_end(&w);
}

static void delivery_times_out(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 32, NULL);
    w.broker.fail_produces = 1000000;
    w.broker.produce_error = ERR_NOT_ENOUGH_REPLICAS;
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.delivery_timeout_ms = 5000;
    produce(&w, &p, 30, 20000);
    assert_int_equal(w.failed, 30);
    world_end(&w);
}

static void retries_are_counted(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 33, NULL);
    w.broker.fail_produces = 1000000;
    w.broker.produce_error = ERR_NOT_ENOUGH_REPLICAS;
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.retries = 2;
    p.config.is_idempotent = false;
    produce(&w, &p, 1, 20000);
    assert_int_equal(w.failed, 1);
    assert_int_equal(w.broker.produce_asked, 3);
    world_end(&w);
}

static void acks_0_waits_for_nobody(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 34, NULL);
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.acks = 0;
    p.config.is_idempotent = false;
    produce(&w, &p, 90, 60000);
    assert_int_equal(w.delivered, 90);
    (void)sim_run_until(w.sim, NULL, NULL, 5000);
    check_logs(&w, 90);
    world_end(&w);
}

static void topic_that_appears_later_is_waited_for(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 35, NULL);
    w.broker.topic_missing = 5;
    struct producing p = {0};
    producer_config_init(&p.config);
    produce(&w, &p, 30, 60000);
    assert_int_equal(w.delivered, 30);
    assert_true(w.broker.metadata_asked >= 6);
    world_end(&w);
}

static void small_buffer_is_reused(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 36, NULL);
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.buffer_bytes = 2000;
    p.config.batch_size_bytes = 300;
    produce(&w, &p, 1000, 600000);
    assert_int_equal(w.delivered, 1000);
    check_logs(&w, 1000);
    world_end(&w);
}

// A network that resets and stalls: nothing lost, doubled or out of order, whatever the seed.
static void chaos_loses_and_doubles_nothing(void **state)
{
    (void)state;
    const struct sim_faults faults = {.net_reset_ppm = 60000, .net_stall_ppm = 20000, .connect_fail_ppm = 100000};
    for (uint64_t seed = 100; seed < 120; seed++) {
        struct world w;
        world_start(&w, seed, &faults);
        struct producing p = {0};
        producer_config_init(&p.config);
        p.config.batch_size_bytes = 120;
        p.config.delivery_timeout_ms = INT32_MAX;
        produce(&w, &p, 300, 3600000);
        assert_int_equal(w.delivered, 300);
        check_logs(&w, 300);
        world_end(&w);
    }
}

// ---- consuming -------------------------------------------------------------------------------------------------

struct consuming {
    struct world *world;
    struct consumer_config config;
    int64_t start;
    int want, got;
    int next[FAKE_PARTITIONS];
    bool is_wrong;
    struct consumer_failure failure;
    bool has_failed;
};

static void make_consumer(void *context)
{
    struct consuming *c = context;
    c->world->consumer = consumer_new(c->world->client, &c->config);
    for (int i = 0; i < FAKE_PARTITIONS; i++) {
        c->next[i] = i;
        consumer_assign(c->world->consumer, slice_str(fake_topic), i, c->start);
    }
}

static void pull(void *context)
{
    struct consuming *c = context;
    struct consumer_record record;
    while (c->got < c->want && consumer_next(c->world->consumer, &record)) {
        char value[16];
        snprintf(value, sizeof(value), "%d", c->next[record.partition]);
        c->is_wrong = c->is_wrong || !slice_eq_str(record.record.value, value);
        c->next[record.partition] += FAKE_PARTITIONS;
        c->got++;
    }
    c->has_failed = c->has_failed || consumer_failed(c->world->consumer, &c->failure);
}

static bool has_all(void *context)
{
    struct consuming *c = context;
    sim_node_call(c->world->client_node, pull, c);
    return c->got == c->want || c->has_failed;
}

static void fill_broker(struct world *w, int count, enum codec codec)
{
    struct producing p = {0};
    producer_config_init(&p.config);
    p.config.batch_size_bytes = 200;
    p.config.codec = codec;
    produce(w, &p, count, 600000);
}

static void everything_is_read_in_order(void **state)
{
    (void)state;
    for (int codec = 0; codec < CODEC_COUNT; codec++) {
        struct world w;
        world_start(&w, 40, NULL);
        fill_broker(&w, 600, (enum codec)codec);
        struct consuming c = {.world = &w, .start = CONSUMER_EARLIEST, .want = 600};
        consumer_config_init(&c.config);
        assert_true(sim_node_call(w.client_node, make_consumer, &c));
        assert_true(sim_run_until(w.sim, has_all, &c, 60000));
        assert_false(c.is_wrong);
        assert_int_equal(consumer_position(w.consumer, slice_str(fake_topic), 0), 200);
        assert_int_equal(consumer_end(w.consumer, slice_str(fake_topic), 0), 200);
        world_end(&w);
    }
}

static void reading_survives_a_bad_network(void **state)
{
    (void)state;
    const struct sim_faults faults = {.net_reset_ppm = 60000, .net_stall_ppm = 20000, .connect_fail_ppm = 100000};
    for (uint64_t seed = 200; seed < 210; seed++) {
        struct world w;
        world_start(&w, seed, NULL);
        fill_broker(&w, 600, CODEC_NONE);
        sim_set_faults(w.sim, &faults);
        struct consuming c = {.world = &w, .start = CONSUMER_EARLIEST, .want = 600};
        consumer_config_init(&c.config);
        assert_true(sim_node_call(w.client_node, make_consumer, &c));
        assert_true(sim_run_until(w.sim, has_all, &c, 3600000));
        assert_false(c.is_wrong);
        world_end(&w);
    }
}

static void offset_out_of_range_resets(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 50, NULL);
    fill_broker(&w, 30, CODEC_NONE);
    struct consuming c = {.world = &w, .start = 9999, .want = 30};
    consumer_config_init(&c.config);
    c.config.reset = RESET_EARLIEST;
    assert_true(sim_node_call(w.client_node, make_consumer, &c));
    assert_true(sim_run_until(w.sim, has_all, &c, 60000));
    assert_false(c.is_wrong || c.has_failed);
    world_end(&w);
}

static void offset_out_of_range_is_told_without_reset(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 51, NULL);
    struct consuming c = {.world = &w, .start = 5, .want = 1};
    consumer_config_init(&c.config);
    c.config.reset = RESET_NONE;
    assert_true(sim_node_call(w.client_node, make_consumer, &c));
    assert_true(sim_run_until(w.sim, has_all, &c, 60000));
    assert_true(c.has_failed);
    assert_int_equal(c.failure.err, ERR_OFFSET_OUT_OF_RANGE);
    assert_int_equal(c.failure.offset, 5);
    world_end(&w);
}

static void damaged_batches_are_told(void **state)
{
    (void)state;
    struct world w;
    world_start(&w, 52, NULL);
    fill_broker(&w, 3, CODEC_NONE);
    w.broker.logs[0].bytes.data[BATCH_HEADER_SIZE + 3] ^= 1;
    struct consuming c = {.world = &w, .start = CONSUMER_EARLIEST, .want = 3};
    consumer_config_init(&c.config);
    assert_true(sim_node_call(w.client_node, make_consumer, &c));
    assert_true(sim_run_until(w.sim, has_all, &c, 60000));
    assert_true(c.has_failed);
    assert_int_equal(c.failure.err, ERR_CORRUPT_MESSAGE);
    assert_int_equal(c.failure.partition, 0);
    world_end(&w);
}

static void add_batch(struct fake_log *log, int64_t producer_id, const char *value)
{
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(log->end);
    spec.producer_id = producer_id;
    spec.producer_epoch = 0;
    spec.base_sequence = 0;
    spec.is_transactional = true;
    batch_begin(&builder, &log->bytes, &spec);
    batch_add(&builder, 1000, SLICE_NULL, slice_str(value), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
    log->end++;
}

// Producer 1 aborts at offset 2, producer 2 commits, producer 1 then writes anew.
static void aborted_transactions_are_hidden(void **state)
{
    (void)state;
    for (int committed = 0; committed < 2; committed++) {
        struct world w;
        world_start(&w, 60, NULL);
        struct fake_log *log = &w.broker.logs[0];
        add_batch(log, 1, committed ? "dropped" : "0");
        add_batch(log, 2, committed ? "0" : "3");
        batch_end_txn_marker(&log->bytes, log->end++, 1, 1000, 1, 0, CONTROL_ABORT, 0);
        batch_end_txn_marker(&log->bytes, log->end++, 1, 1000, 2, 0, CONTROL_COMMIT, 0);
        add_batch(log, 1, committed ? "3" : "6");
        w.broker.is_aborting = true;
        w.broker.aborted = (struct fetch_response_aborted_transaction){.producer_id = 1, .first_offset = 0};
        struct consuming c = {.world = &w, .start = CONSUMER_EARLIEST, .want = committed ? 2 : 3};
        consumer_config_init(&c.config);
        c.config.read_committed = committed;
        assert_true(sim_node_call(w.client_node, make_consumer, &c));
        assert_true(sim_run_until(w.sim, has_all, &c, 60000));
        assert_false(c.is_wrong || c.has_failed);
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_are_checked),
        cmocka_unit_test(murmur2_is_javas),
        cmocka_unit_test(versions_are_negotiated),
        cmocka_unit_test(api_nobody_serves_is_refused),
        cmocka_unit_test(silence_ends_in_a_timeout),
        cmocka_unit_test(unknown_node_is_said),
        cmocka_unit_test(unreachable_broker_is_tried_until_the_deadline),
        cmocka_unit_test(records_arrive_in_order),
        cmocka_unit_test(lost_answers_are_not_sent_twice),
        cmocka_unit_test(refused_batches_are_tried_again_in_order),
        cmocka_unit_test(forgotten_sequences_start_a_new_epoch),
        cmocka_unit_test(final_errors_are_told),
        cmocka_unit_test(delivery_times_out),
        cmocka_unit_test(retries_are_counted),
        cmocka_unit_test(acks_0_waits_for_nobody),
        cmocka_unit_test(topic_that_appears_later_is_waited_for),
        cmocka_unit_test(small_buffer_is_reused),
        cmocka_unit_test(chaos_loses_and_doubles_nothing),
        cmocka_unit_test(everything_is_read_in_order),
        cmocka_unit_test(reading_survives_a_bad_network),
        cmocka_unit_test(offset_out_of_range_resets),
        cmocka_unit_test(offset_out_of_range_is_told_without_reset),
        cmocka_unit_test(damaged_batches_are_told),
        cmocka_unit_test(aborted_transactions_are_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
