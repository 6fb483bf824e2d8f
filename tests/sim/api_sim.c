// SPDX-License-Identifier: Apache-2.0
// What a node answers, asked request by request in virtual time: the errors of Produce in Kafka's order, the limits and
// waiting of Fetch, the special timestamps of ListOffsets, Metadata of topics that are not there (kafka-internals B1,
// B3, B5, B6, G2). The whole node runs, over two shards; every seed schedules it differently and must give the same
// answers.
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "client/client.h"
#include "proto/apis.h"
#include "proto/create_topics.h"
#include "proto/fetch.h"
#include "proto/init_producer_id.h"
#include "proto/list_offsets.h"
#include "proto/metadata.h"
#include "proto/produce.h"
#include "proto/write_txn_markers.h"
#include "record/builder.h"
#include "server.h"

enum { PARTITIONS = 3, NONE = -1 };

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct sim_node *client_node;
    struct client *client;
    struct client_call call;
    bool is_answered;
    struct uuid topic_id;
};

// ---- a node and a client ---------------------------------------------------------------------------------------

static void connect(void *context)
{
    struct world *w = context;
    struct client_config config;
    client_config_init(&config);
    config.bootstrap = SLICE("node:9092");
    enum err e = client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->client);
    sim_check(w->at, e == OK, "client: %s", err_name(e));
}

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct world *)call->context)->is_answered = true;
}

static void send_call(void *context)
{
    struct world *w = context;
    client_call(w->client, &w->call);
}

static bool is_answered(void *context)
{
    return ((struct world *)context)->is_answered;
}

static void begin_to_ask(struct world *w, int16_t api_key, int version, const void *request)
{
    client_call_deinit(&w->call);
    w->is_answered = false;
    w->call = (struct client_call){.api_key = api_key,
                                   .node_id = CLIENT_ANY,
                                   .request = request,
                                   .version_min = version,
                                   .version_max = version,
                                   .done = answered,
                                   .context = w};
    sim_node_call(w->client_node, send_call, w);
}

static const void *hear(struct world *w)
{
    bool reached = sim_run_until(w->at->sim, is_answered, w, 60000);
    sim_check(w->at, reached && w->call.err == OK, "api %d version %d: %s", w->call.api_key, w->call.version_min,
              err_name(w->call.err));
    return w->call.response;
}

// Asks and waits. The response lives until the next call.
static const void *ask(struct world *w, int16_t api_key, int version, const void *request)
{
    begin_to_ask(w, api_key, version, request);
    return hear(w);
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

static struct world *open_world_with(struct sim_case *at, bool is_unverified)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    w->at = at;
    sim_server_init(&w->server, at, (const char *[]){"log.dirs=/data", NULL});
    if (is_unverified) sim_server_set(&w->server, "transaction.partition.verification.enable=false");
    w->client_node = sim_node_new(at->sim, "client", 1);
    sim_server_start(&w->server);
    sim_node_call(w->client_node, connect, w);
    create_topic(w, "t");
    return w;
}

static struct world *open_world(struct sim_case *at)
{
    return open_world_with(at, false);
}

// ---- requests --------------------------------------------------------------------------------------------------

struct batch_wish {
    int records;
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    int64_t timestamp;
    bool is_transactional;
};

static struct slice make_batch(struct world *w, struct batch_wish wish)
{
    struct text bytes = {0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    if (wish.producer_id > 0) {
        spec.producer_id = wish.producer_id;
        spec.producer_epoch = wish.producer_epoch;
        spec.base_sequence = wish.base_sequence;
    }
    spec.is_transactional = wish.is_transactional;
    batch_begin(&builder, &bytes, &spec);
    for (int i = 0; i < wish.records; i++)
        batch_add(&builder, wish.timestamp, SLICE("key"), SLICE("0123456789"), NULL, 0);
    enum err e = batch_end(&builder, NULL);
    sim_check(w->at, e == OK, "building a batch: %s", err_name(e));
    struct slice copy = arena_copy(w->at->arena, text_slice(&bytes));
    batch_builder_deinit(&builder);
    text_deinit(&bytes);
    return copy;
}

static struct produce_response_partition_produce_response produce_as(struct world *w, struct slice transactional_id,
                                                                     const char *topic, int32_t partition, int16_t acks,
                                                                     struct slice records)
{
    struct produce_request request = produce_request_init();
    request.transactional_id = transactional_id;
    struct produce_request_topic_produce_data data = produce_request_topic_produce_data_init();
    struct produce_request_partition_produce_data item = {.index = partition, .records = {.bytes = records}};
    data.name = slice_str(topic);
    data.partition_data.items = &item;
    data.partition_data.count = 1;
    request.acks = acks;
    request.timeout_ms = 5000;
    request.topic_data.items = &data;
    request.topic_data.count = 1;
    const struct produce_response *response = ask(w, API_PRODUCE, 12, &request);
    return response->responses.items[0].partition_responses.items[0];
}

static struct produce_response_partition_produce_response produce(struct world *w, const char *topic, int32_t partition,
                                                                  int16_t acks, struct slice records)
{
    return produce_as(w, SLICE_NULL, topic, partition, acks, records);
}

static void expect_error(struct world *w, const char *what, enum err expected, int16_t got)
{
    sim_check(w->at, got == err_to_wire(expected), "%s: expected %s, got %s", what, err_name(expected),
              err_name((enum err)got));
}

static int64_t produce_good(struct world *w, int32_t partition, int records)
{
    struct produce_response_partition_produce_response out =
        produce(w, "t", partition, -1, make_batch(w, (struct batch_wish){.records = records, .timestamp = 1000}));
    expect_error(w, "a good batch", OK, out.error_code);
    return out.base_offset;
}

// ---- Produce ---------------------------------------------------------------------------------------------------

static void produce_errors(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct slice good = make_batch(w, (struct batch_wish){.records = 2, .timestamp = 1000});
    struct slice flipped = arena_copy(at->arena, good);
    ((uint8_t *)(uintptr_t)flipped.data)[good.size - 1] ^= 1;
    struct slice shifted = arena_copy(at->arena, good);
    ((uint8_t *)(uintptr_t)shifted.data)[7] = 1; // base offset 1
    struct slice old = arena_copy(at->arena, good);
    ((uint8_t *)(uintptr_t)old.data)[BATCH_MAGIC_AT] = 1;
    const struct {
        const char *what;
        const char *topic;
        int32_t partition;
        int16_t acks;
        struct slice records;
        enum err expected;
    } cases[] = {
        {"unknown topic", "nowhere", 0, -1, good, ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {"unknown partition", "t", PARTITIONS, -1, good, ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {"negative partition", "t", -1, -1, good, ERR_UNKNOWN_TOPIC_OR_PARTITION},
        {"no records", "t", 0, -1, SLICE(""), ERR_INVALID_RECORD},
        {"half a batch", "t", 0, -1, slice_of(good.data, good.size - 1), ERR_INVALID_RECORD},
        {"magic 1", "t", 0, -1, old, ERR_INVALID_RECORD},
        {"wrong checksum", "t", 0, -1, flipped, ERR_CORRUPT_MESSAGE},
        {"base offset not 0", "t", 0, -1, shifted, ERR_INVALID_RECORD},
        {"acks 2", "t", 0, 2, good, ERR_INVALID_REQUIRED_ACKS},
        {"far future", "t", 0, -1,
         make_batch(w, (struct batch_wish){.records = 1, .timestamp = INT64_C(4102444800000)}), ERR_INVALID_TIMESTAMP},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct produce_response_partition_produce_response out =
            produce(w, cases[i].topic, cases[i].partition, cases[i].acks, cases[i].records);
        expect_error(w, cases[i].what, cases[i].expected, out.error_code);
        sim_check(at, out.base_offset == NONE, "%s: a refused batch has no offset", cases[i].what);
    }
    sim_check(at, produce_good(w, 0, 2) == 0, "nothing refused may leave a trace");
    sim_check(at, produce_good(w, 0, 1) == 2, "offsets go on");
}

static void sequences(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct init_producer_id_request request = init_producer_id_request_init();
    request.transactional_id = SLICE_NULL;
    const struct init_producer_id_response *ids = ask(w, API_INIT_PRODUCER_ID, 4, &request);
    expect_error(w, "a producer id", OK, ids->error_code);
    int64_t id = ids->producer_id + 1; // 0 is an id as well; make_batch takes it for none
    const struct {
        const char *what;
        int16_t epoch;
        int32_t sequence;
        enum err expected;
        int64_t offset;
    } steps[] = {
        {"first", 1, 0, OK, 0},
        {"second", 1, 2, OK, 2},
        {"the first again", 1, 0, OK, 0},
        {"a gap", 1, 7, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, NONE},
        {"half a duplicate", 1, 1, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, NONE},
        {"an older epoch", 0, 4, ERR_INVALID_PRODUCER_EPOCH, NONE},
        {"a new epoch not from 0", 2, 4, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, NONE},
        {"a new epoch", 2, 0, OK, 4},
        {"the former epoch", 1, 4, ERR_INVALID_PRODUCER_EPOCH, NONE},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct slice batch = make_batch(w, (struct batch_wish){2, id, steps[i].epoch, steps[i].sequence, 1000, false});
        struct produce_response_partition_produce_response out = produce(w, "t", 1, -1, batch);
        expect_error(w, steps[i].what, steps[i].expected, out.error_code);
        sim_check(at, out.base_offset == steps[i].offset, "%s: offset %lld", steps[i].what, (long long)out.base_offset);
    }
}

// ---- Fetch -----------------------------------------------------------------------------------------------------

struct fetch_wish {
    int64_t offset;
    int32_t partition_max_bytes;
    int32_t max_bytes;
    int32_t max_wait_ms;
    int32_t min_bytes;
    bool is_committed;
};

static const struct fetch_request *fetch_request(struct world *w, int32_t partition, struct fetch_wish wish)
{
    static struct fetch_request request;
    static struct fetch_request_fetch_topic topic;
    static struct fetch_request_fetch_partition item;
    request = fetch_request_init();
    topic = (struct fetch_request_fetch_topic){.topic_id = w->topic_id};
    item = fetch_request_fetch_partition_init();
    item.partition = partition;
    item.fetch_offset = wish.offset;
    item.partition_max_bytes = wish.partition_max_bytes;
    topic.partitions.items = &item;
    topic.partitions.count = 1;
    request.max_wait_ms = wish.max_wait_ms;
    request.min_bytes = wish.min_bytes;
    request.max_bytes = wish.max_bytes;
    request.isolation_level = wish.is_committed;
    request.topics.items = &topic;
    request.topics.count = 1;
    return &request;
}

static struct fetch_response_partition_data fetch(struct world *w, int32_t partition, struct fetch_wish wish)
{
    const struct fetch_response *response = ask(w, API_FETCH, 16, fetch_request(w, partition, wish));
    return response->responses.items[0].partitions.items[0];
}

static int64_t now_ms(struct world *w)
{
    return sim_now_ns(w->at->sim) / 1000000;
}

static void fetch_limits(struct sim_case *at)
{
    struct world *w = open_world(at);
    size_t size = make_batch(w, (struct batch_wish){.records = 2, .timestamp = 1000}).size;
    for (int i = 0; i < 3; i++) produce_good(w, 0, 2);
    const struct {
        const char *what;
        struct fetch_wish wish;
        enum err error;
        size_t bytes;
    } cases[] = {
        {"everything", {0, 1 << 20, 1 << 20, 0, 1, false}, OK, 3 * size},
        {"from inside a batch", {3, 1 << 20, 1 << 20, 0, 1, false}, OK, 2 * size},
        {"limits of nothing give one batch", {0, 0, 0, 0, 1, false}, OK, size},
        {"a partition's limit cuts inside a batch", {0, (int32_t)size + 10, 1 << 20, 0, 1, false}, OK, size + 10},
        {"the response's limit too", {2, 1 << 20, (int32_t)size + 5, 0, 1, false}, OK, size + 5},
        {"at the end", {6, 1 << 20, 1 << 20, 0, 1, false}, OK, 0},
        {"beyond the end", {7, 1 << 20, 1 << 20, 0, 1, false}, ERR_OFFSET_OUT_OF_RANGE, 0},
        {"before the beginning", {-1, 1 << 20, 1 << 20, 0, 1, false}, ERR_OFFSET_OUT_OF_RANGE, 0},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fetch_response_partition_data out = fetch(w, 0, cases[i].wish);
        expect_error(w, cases[i].what, cases[i].error, out.error_code);
        sim_check(at, out.records.bytes.size == cases[i].bytes, "%s: %zu bytes, not %zu", cases[i].what,
                  out.records.bytes.size, cases[i].bytes);
        if (cases[i].error == OK)
            sim_check(at, out.high_watermark == 6, "high watermark %lld", (long long)out.high_watermark);
    }
}

static void fetch_waits(struct sim_case *at)
{
    struct world *w = open_world(at);
    int64_t begun = now_ms(w);
    struct fetch_response_partition_data out = fetch(w, 2, (struct fetch_wish){0, 1 << 20, 1 << 20, 700, 1, false});
    sim_check(at, out.records.bytes.size == 0 && now_ms(w) - begun >= 700, "an empty fetch came after %lld ms",
              (long long)(now_ms(w) - begun));
    produce_good(w, 2, 1);
    begun = now_ms(w);
    out = fetch(w, 2, (struct fetch_wish){0, 1 << 20, 1 << 20, 20000, 1, false});
    sim_check(at, out.records.bytes.size > 0 && now_ms(w) - begun < 20000,
              "a fetch waited although there was something");
    begun = now_ms(w);
    out = fetch(w, 2, (struct fetch_wish){0, 1 << 20, 1 << 20, 900, 100000, false});
    sim_check(at, out.records.bytes.size > 0 && now_ms(w) - begun >= 900, "min.bytes was not waited for");
}

// ---- ListOffsets and Metadata ------------------------------------------------------------------------------------

static struct list_offsets_response_list_offsets_partition_response list_offset(struct world *w, int32_t partition,
                                                                                int64_t timestamp, int version)
{
    static struct list_offsets_request request;
    static struct list_offsets_request_list_offsets_topic topic;
    static struct list_offsets_request_list_offsets_partition item;
    request = list_offsets_request_init();
    topic = (struct list_offsets_request_list_offsets_topic){.name = SLICE("t")};
    item = list_offsets_request_list_offsets_partition_init();
    request.replica_id = -1;
    item.partition_index = partition;
    item.timestamp = timestamp;
    topic.partitions.items = &item;
    topic.partitions.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct list_offsets_response *response = ask(w, API_LIST_OFFSETS, version, &request);
    return response->topics.items[0].partitions.items[0];
}

static void offsets(struct sim_case *at)
{
    struct world *w = open_world(at);
    const int64_t times[] = {1000, 3000, 2000};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct slice batch = make_batch(w, (struct batch_wish){.records = 2, .timestamp = times[i]});
        expect_error(w, "producing", OK, produce(w, "t", 0, 1, batch).error_code);
    }
    const struct {
        int64_t timestamp;
        int version;
        enum err error;
        int64_t offset;
        int64_t found_timestamp;
    } cases[] = {
        {-1, 11, OK, 6, -1},
        {-2, 11, OK, 0, -1},
        {-3, 11, OK, 2, 3000},
        {-4, 11, OK, 0, -1},
        {-5, 11, OK, -1, -1},
        {-6, 11, OK, -1, -1},
        {0, 11, OK, 0, 1000},
        {1001, 11, OK, 2, 3000},
        {3000, 5, OK, 2, 3000},
        {3001, 11, OK, -1, -1},
        {-1, 1, OK, 6, -1},
        {-3, 6, ERR_UNSUPPORTED_VERSION, -1, -1},
        {-7, 11, ERR_UNSUPPORTED_VERSION, -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct list_offsets_response_list_offsets_partition_response out =
            list_offset(w, 0, cases[i].timestamp, cases[i].version);
        sim_check(at,
                  out.error_code == err_to_wire(cases[i].error) && out.offset == cases[i].offset &&
                      out.timestamp == cases[i].found_timestamp,
                  "timestamp %lld version %d: error %d offset %lld timestamp %lld", (long long)cases[i].timestamp,
                  cases[i].version, out.error_code, (long long)out.offset, (long long)out.timestamp);
    }
    expect_error(w, "unknown partition", ERR_UNKNOWN_TOPIC_OR_PARTITION, list_offset(w, 9, -1, 11).error_code);
}

// ---- transactions ------------------------------------------------------------------------------------------------

static int16_t write_marker(struct world *w, const char *topic, int64_t producer_id, int16_t epoch, bool is_commit,
                            int32_t coordinator_epoch)
{
    struct write_txn_markers_request request = write_txn_markers_request_init();
    struct write_txn_markers_request_writable_txn_marker marker = write_txn_markers_request_writable_txn_marker_init();
    struct write_txn_markers_request_writable_txn_marker_topic in =
        write_txn_markers_request_writable_txn_marker_topic_init();
    int32_t index = 0;
    in.name = slice_str(topic);
    in.partition_indexes.items = &index;
    in.partition_indexes.count = 1;
    marker.producer_id = producer_id;
    marker.producer_epoch = epoch;
    marker.transaction_result = is_commit;
    marker.coordinator_epoch = coordinator_epoch;
    marker.topics.items = &in;
    marker.topics.count = 1;
    request.markers.items = &marker;
    request.markers.count = 1;
    const struct write_txn_markers_response *response = ask(w, API_WRITE_TXN_MARKERS, 1, &request);
    sim_check(w->at, response->markers.count == 1 && response->markers.items[0].producer_id == producer_id, "whose?");
    return response->markers.items[0].topics.items[0].partitions.items[0].error_code;
}

static void produce_in_transaction(struct world *w, int64_t producer_id, int32_t sequence, int records)
{
    struct slice batch = make_batch(w, (struct batch_wish){records, producer_id, 1, sequence, 1000, true});
    expect_error(w, "a transactional batch", OK, produce_as(w, SLICE("an id"), "t", 0, -1, batch).error_code);
}

static void expect_stable(struct world *w, int64_t stable, int64_t high_watermark)
{
    struct fetch_response_partition_data all = fetch(w, 0, (struct fetch_wish){0, 1 << 20, 1 << 20, 0, 1, false});
    sim_check(w->at, all.last_stable_offset == stable && all.high_watermark == high_watermark, "stable %lld of %lld",
              (long long)all.last_stable_offset, (long long)all.high_watermark);
    sim_check(w->at, all.aborted_transactions.count == -1, "read_uncommitted hears of aborted transactions");
}

struct moment {
    struct world *world;
    int64_t ms;
};

static bool is_past(void *context)
{
    const struct moment *moment = context;
    return now_ms(moment->world) >= moment->ms;
}

static void read_committed(struct sim_case *at)
{
    struct world *w = open_world_with(at, true);
    struct world *other = ARENA_NEW(at->arena, struct world); // a second client
    *other = (struct world){.at = at, .client_node = w->client_node, .topic_id = w->topic_id};
    sim_node_call(w->client_node, connect, other);
    produce_in_transaction(w, 5, 0, 2); // 0-1
    produce_good(w, 0, 2);              // 2-3
    expect_stable(w, 0, 4);
    const struct fetch_wish at_once = {0, 1 << 20, 1 << 20, 0, 1, true};
    struct fetch_response_partition_data out = fetch(w, 0, at_once);
    sim_check(at, out.records.bytes.size == 0 && out.aborted_transactions.count == 0, "an open transaction is shown");
    int64_t begun = now_ms(w);
    out = fetch(w, 0, (struct fetch_wish){3, 1 << 20, 1 << 20, 20000, 1, true});
    sim_check(at, out.error_code == 0 && now_ms(w) - begun < 20000, "one who may not see his offset has to wait");
    begun = now_ms(w);
    begin_to_ask(other, API_FETCH, 16,
                 fetch_request(other, 0, (struct fetch_wish){0, 1 << 20, 1 << 20, 20000, 1, true}));
    int64_t until = now_ms(w) + 500;
    sim_run_until(at->sim, is_past, &(struct moment){w, until}, 1000);
    expect_error(w, "an older epoch", ERR_INVALID_PRODUCER_EPOCH, write_marker(w, "t", 5, 0, false, 3));
    sim_check(at, !other->is_answered, "a fetch comes back with nothing decided");
    expect_error(w, "abort", OK, write_marker(w, "t", 5, 1, false, 3)); // 4
    const struct fetch_response *heard = hear(other);
    out = heard->responses.items[0].partitions.items[0];
    sim_check(at, now_ms(w) - begun < 20000 && out.records.bytes.size > 0, "a marker wakes nobody");
    sim_check(at,
              out.aborted_transactions.count == 1 && out.aborted_transactions.items[0].producer_id == 5 &&
                  out.aborted_transactions.items[0].first_offset == 0,
              "%d aborted transactions", out.aborted_transactions.count);
    expect_error(w, "an older coordinator", ERR_TRANSACTION_COORDINATOR_FENCED, write_marker(w, "t", 5, 1, false, 2));
    expect_error(w, "no such topic", ERR_UNKNOWN_TOPIC_OR_PARTITION, write_marker(w, "u", 5, 1, false, 3));
    expect_stable(w, 5, 5);
    produce_in_transaction(w, 5, 2, 1);                                 // 5
    expect_error(w, "commit", OK, write_marker(w, "t", 5, 1, true, 3)); // 6
    expect_stable(w, 7, 7);
    out = fetch(w, 0, (struct fetch_wish){5, 1 << 20, 1 << 20, 0, 1, true});
    sim_check(at, out.records.bytes.size > 0 && out.aborted_transactions.count == 0, "what was committed is not clean");
}

// No coordinator of transactions knows any id here.
static void unknown_transactions(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct slice batch = make_batch(w, (struct batch_wish){1, 5, 1, 0, 1000, true});
    expect_error(w, "no transactional id", ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
                 produce(w, "t", 0, -1, batch).error_code);
    expect_error(w, "an id nobody knows", ERR_INVALID_PRODUCER_ID_MAPPING,
                 produce_as(w, SLICE("an id"), "t", 0, -1, batch).error_code);
    struct fetch_response_partition_data out = fetch(w, 0, (struct fetch_wish){0, 1 << 20, 1 << 20, 0, 1, true});
    sim_check(at, out.high_watermark == 0, "it was appended");
}

static int16_t topic_error(struct world *w, struct slice name, bool creates)
{
    struct metadata_request request = metadata_request_init();
    struct metadata_request_metadata_request_topic topic = metadata_request_metadata_request_topic_init();
    topic.name = name;
    request.allow_auto_topic_creation = creates;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct metadata_response *response = ask(w, API_METADATA, 12, &request);
    return response->topics.items[0].error_code;
}

static void topics_that_are_not_there(struct sim_case *at)
{
    struct world *w = open_world(at);
    expect_error(w, "there", OK, topic_error(w, SLICE("t"), false));
    expect_error(w, "not there", ERR_UNKNOWN_TOPIC_OR_PARTITION, topic_error(w, SLICE("later"), false));
    expect_error(w, "still not there", ERR_UNKNOWN_TOPIC_OR_PARTITION, topic_error(w, SLICE("later"), false));
    expect_error(w, "impossible", ERR_INVALID_TOPIC_EXCEPTION, topic_error(w, SLICE("a b"), true));
    expect_error(w, "asked for", ERR_UNKNOWN_TOPIC_OR_PARTITION, topic_error(w, SLICE("later"), true));
    int16_t error = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    for (int tries = 0; tries < 100 && error != OK; tries++) {
        sim_run_until(at->sim, NULL, NULL, 50);
        error = topic_error(w, SLICE("later"), false);
    }
    expect_error(w, "made by itself", OK, error);
}

static struct sim_options calm(uint64_t seed)
{
    return sim_options_default(seed);
}

static const struct sim_scenario scenarios[] = {
    {"produce_errors", calm, produce_errors},
    {"sequences", calm, sequences},
    {"fetch_limits", calm, fetch_limits},
    {"fetch_waits", calm, fetch_waits},
    {"read_committed", calm, read_committed},
    {"unknown_transactions", calm, unknown_transactions},
    {"offsets", calm, offsets},
    {"topics", calm, topics_that_are_not_there},
};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
