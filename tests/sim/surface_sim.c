// SPDX-License-Identifier: Apache-2.0
// The rest of what a lone node answers, request by request in virtual time: fetch sessions (KIP-227), what
// administrators ask (DeleteRecords, OffsetForLeaderEpoch, log directories, producers, elections, moves, the quorum),
// and client metrics (KIP-714). Texts and codes are Apache Kafka 4.3.1's. The node runs over two shards;
// every seed schedules it differently and must give the same answers.
#include <stdio.h>

#include "broker/broker.h"
#include "client/client.h"
#include "proto/alter_partition_reassignments.h"
#include "proto/alter_replica_log_dirs.h"
#include "proto/apis.h"
#include "proto/create_topics.h"
#include "proto/delete_records.h"
#include "proto/delete_topics.h"
#include "proto/describe_cluster.h"
#include "proto/describe_log_dirs.h"
#include "proto/describe_producers.h"
#include "proto/describe_quorum.h"
#include "proto/elect_leaders.h"
#include "proto/fetch.h"
#include "proto/get_telemetry_subscriptions.h"
#include "proto/incremental_alter_configs.h"
#include "proto/init_producer_id.h"
#include "proto/list_partition_reassignments.h"
#include "proto/offset_for_leader_epoch.h"
#include "proto/produce.h"
#include "proto/push_telemetry.h"
#include "proto/sasl_handshake.h"
#include "proto/unregister_broker.h"
#include "record/builder.h"
#include "server.h"

enum { CLIENTS = 3, PARTITIONS = 3, WAIT_MS = 60000 };

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct sim_node *client_node;
    struct client *clients[CLIENTS]; // their connections are on different shards
    int who;                         // asks next
    struct client_call call;
    bool is_answered;
    struct uuid topic_id;
};

// ---- a node and its clients ------------------------------------------------------------------------------------

static void connect(void *context)
{
    struct world *w = context;
    for (int i = 0; i < CLIENTS; i++) {
        struct client_config config;
        client_config_init(&config);
        config.bootstrap = SLICE("node:9092");
        enum err e = client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->clients[i]);
        sim_check(w->at, e == OK, "client: %s", err_name(e));
    }
}

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct world *)call->context)->is_answered = true;
}

static void send_call(void *context)
{
    struct world *w = context;
    client_call(w->clients[w->who], &w->call);
}

static bool is_answered(void *context)
{
    return ((struct world *)context)->is_answered;
}

static enum err try_ask(struct world *w, int16_t api_key, int version, const void *request)
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
    bool reached = sim_run_until(w->at->sim, is_answered, w, WAIT_MS);
    sim_check(w->at, reached, "api %d version %d: no answer", api_key, version);
    return w->call.err;
}

// Asks and waits. The response lives until the next call.
static const void *ask(struct world *w, int16_t api_key, int version, const void *request)
{
    enum err e = try_ask(w, api_key, version, request);
    sim_check(w->at, e == OK, "api %d version %d: %s", api_key, version, err_name(e));
    return w->call.response;
}

static void expect(struct world *w, const char *what, enum err expected, int16_t got)
{
    sim_check(w->at, got == err_to_wire(expected), "%s: expected %s, got %s", what, err_name(expected),
              err_name((enum err)got));
}

static void expect_text(struct world *w, const char *what, const char *expected, struct slice got)
{
    bool is_same = expected == NULL ? slice_is_null(got) : slice_eq_str(got, expected);
    sim_check(w->at, is_same, "%s: expected \"%s\", got \"%.*s\"", what, expected == NULL ? "null" : expected,
              SLICE_FMT(got));
}

static struct uuid create_topic(struct world *w, const char *name, const char *cleanup_policy)
{
    struct create_topics_request request = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    struct create_topics_request_creatable_topic_config config = {.name = SLICE("cleanup.policy"),
                                                                  .value = slice_str(cleanup_policy)};
    topic.name = slice_str(name);
    topic.num_partitions = PARTITIONS;
    topic.replication_factor = 1;
    topic.configs.items = &config;
    topic.configs.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct create_topics_response *response = ask(w, API_CREATE_TOPICS, 7, &request);
    expect(w, name, OK, response->topics.items[0].error_code);
    return response->topics.items[0].topic_id;
}

static void delete_topic(struct world *w, const char *name)
{
    struct delete_topics_request request = delete_topics_request_init();
    struct delete_topics_request_delete_topic_state topic = delete_topics_request_delete_topic_state_init();
    topic.name = slice_str(name);
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct delete_topics_response *response = ask(w, API_DELETE_TOPICS, 6, &request);
    expect(w, name, OK, response->responses.items[0].error_code);
    sim_run_until(w->at->sim, NULL, NULL, 100); // until the shards have heard of it
}

static struct world *prepare(struct sim_case *at, const char *override)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    w->at = at;
    sim_server_init(&w->server, at, (const char *[]){"log.dirs=/a,/b", override, NULL});
    w->client_node = sim_node_new(at->sim, "client", 1);
    sim_server_start(&w->server);
    return w;
}

static struct world *open_world(struct sim_case *at)
{
    struct world *w = prepare(at, NULL);
    sim_node_call(w->client_node, connect, w);
    w->topic_id = create_topic(w, "t", "delete");
    return w;
}

static int64_t produce(struct world *w, const char *topic, int32_t partition, int records, int64_t producer_id)
{
    struct text bytes = {0};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    if (producer_id >= 0) {
        spec.producer_id = producer_id;
        spec.producer_epoch = 0;
        spec.base_sequence = 0;
    }
    batch_begin(&builder, &bytes, &spec);
    for (int i = 0; i < records; i++) batch_add(&builder, 1000, SLICE("key"), SLICE("0123456789"), NULL, 0);
    enum err e = batch_end(&builder, NULL);
    sim_check(w->at, e == OK, "building a batch: %s", err_name(e));
    struct produce_request request = produce_request_init();
    struct produce_request_topic_produce_data data = produce_request_topic_produce_data_init();
    struct produce_request_partition_produce_data item = {.index = partition, .records = {.bytes = text_slice(&bytes)}};
    data.name = slice_str(topic);
    data.partition_data.items = &item;
    data.partition_data.count = 1;
    request.acks = -1;
    request.timeout_ms = 5000;
    request.topic_data.items = &data;
    request.topic_data.count = 1;
    const struct produce_response *response = ask(w, API_PRODUCE, 12, &request);
    expect(w, "produce", OK, response->responses.items[0].partition_responses.items[0].error_code);
    batch_builder_deinit(&builder);
    text_deinit(&bytes);
    return response->responses.items[0].partition_responses.items[0].base_offset;
}

// ---- fetch sessions --------------------------------------------------------------------------------------------

struct fetching {
    int version;
    int32_t session_id;
    int32_t epoch;
    int32_t partitions; // 0 to this - 1 of the topic are named
    int64_t offset;
    int32_t forgets; // -1 none
    struct uuid topic_id;
};

static const struct fetch_response *fetch(struct world *w, struct fetching how)
{
    struct fetch_request request = fetch_request_init();
    struct fetch_request_fetch_topic topic = {.topic = SLICE("t"), .topic_id = how.topic_id};
    struct fetch_request_fetch_partition items[PARTITIONS];
    struct fetch_request_forgotten_topic forgotten = {.topic = SLICE("t"), .topic_id = how.topic_id};
    for (int32_t i = 0; i < how.partitions; i++) {
        items[i] = fetch_request_fetch_partition_init();
        items[i].partition = i;
        items[i].fetch_offset = how.offset;
        items[i].partition_max_bytes = 1 << 20;
    }
    topic.partitions.items = items;
    topic.partitions.count = how.partitions;
    forgotten.partitions.items = &how.forgets;
    forgotten.partitions.count = 1;
    request.max_wait_ms = 10;
    request.min_bytes = 1;
    request.session_id = how.session_id;
    request.session_epoch = how.epoch;
    request.topics.items = &topic;
    request.topics.count = how.partitions > 0 ? 1 : 0;
    request.forgotten_topics_data.items = &forgotten;
    request.forgotten_topics_data.count = how.forgets >= 0 ? 1 : 0;
    return ask(w, API_FETCH, how.version, &request);
}

static struct fetching next_of(struct world *w, struct fetching *session)
{
    w->who = (w->who + 1) % CLIENTS; // from whatever connection
    return (struct fetching){.version = session->version,
                             .session_id = session->session_id,
                             .epoch = session->epoch++,
                             .forgets = -1,
                             .topic_id = session->topic_id};
}

static void expect_partitions(struct world *w, const char *what, const struct fetch_response *response, int32_t count)
{
    int32_t got = 0;
    expect(w, what, OK, response->error_code);
    for (int32_t i = 0; i < response->responses.count; i++) got += response->responses.items[i].partitions.count;
    int16_t error = got > 0 ? response->responses.items[0].partitions.items[0].error_code : 0;
    sim_check(w->at, got == count, "%s: %d partitions instead of %d, the first with %s", what, got, count,
              err_name((enum err)error));
}

static struct fetching begin_session(struct world *w, int version, int32_t partitions)
{
    struct fetching session = {
        .version = version, .partitions = partitions, .forgets = -1, .epoch = 0, .topic_id = w->topic_id};
    const struct fetch_response *response = fetch(w, session);
    expect_partitions(w, "a full fetch", response, partitions);
    for (int32_t i = 0; i < partitions; i++)
        expect(w, "a partition", OK, response->responses.items[0].partitions.items[i].error_code);
    sim_check(w->at, response->session_id > 0, "no session was granted");
    session.session_id = response->session_id;
    session.epoch = 1;
    session.partitions = 0;
    return session;
}

static void run_session(struct world *w, int version)
{
    struct fetching session = begin_session(w, version, PARTITIONS);
    for (int i = 0; i < 2 * CLIENTS; i++) {
        const struct fetch_response *response = fetch(w, next_of(w, &session));
        expect_partitions(w, "nothing new", response, 0);
        sim_check(w->at, response->session_id == session.session_id, "another session id");
    }
    int64_t offset = produce(w, "t", 1, 1, -1);
    const struct fetch_response *response = fetch(w, next_of(w, &session));
    expect_partitions(w, "one has records", response, 1);
    const struct fetch_response_partition_data *out = &response->responses.items[0].partitions.items[0];
    sim_check(w->at, out->partition_index == 1 && out->records.bytes.size > 0 && out->high_watermark == offset + 1,
              "the wrong partition, or no records");
    struct fetching caught_up = next_of(w, &session);
    caught_up.partitions = PARTITIONS;
    caught_up.offset = offset + 1; // beyond the log's end in 0 and 2: errors, and they are repeated
    expect_partitions(w, "two out of range", fetch(w, caught_up), 2);
    expect_partitions(w, "still out of range", fetch(w, next_of(w, &session)), 2);
    struct fetching forgetting = next_of(w, &session);
    forgetting.forgets = 0;
    expect_partitions(w, "one of them forgotten", fetch(w, forgetting), 1);
    struct fetching late = next_of(w, &session);
    late.epoch--;
    expect(w, "an epoch twice", ERR_INVALID_FETCH_SESSION_EPOCH, fetch(w, late)->error_code);
    session.epoch--;
    struct fetching other_form = next_of(w, &session);
    other_form.version = version >= 13 ? 12 : 13;
    response = fetch(w, other_form);
    expect(w, "ids and names mixed", ERR_FETCH_SESSION_TOPIC_ID_ERROR, response->error_code);
    sim_check(w->at, response->session_id == 0, "an error names no session");
    session.epoch--;
    expect_partitions(w, "it lives on", fetch(w, next_of(w, &session)), 1);
    struct fetching end = next_of(w, &session);
    end.epoch = -1;
    response = fetch(w, end);
    sim_check(w->at, response->session_id == 0, "the last fetch gets no session");
    sim_run_until(w->at->sim, NULL, NULL, 100);
    expect(w, "over", ERR_FETCH_SESSION_ID_NOT_FOUND, fetch(w, next_of(w, &session))->error_code);
}

static void sessions_by_name(struct sim_case *at)
{
    run_session(open_world(at), 12);
}

static void sessions_by_id(struct sim_case *at)
{
    struct world *w = open_world(at);
    run_session(w, 18);
    struct fetching none = {.version = 18, .epoch = 1, .forgets = -1};
    expect(w, "an epoch without a session", ERR_FETCH_SESSION_ID_NOT_FOUND, fetch(w, none)->error_code);
}

static void a_topic_goes(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct fetching session = begin_session(w, 17, 1);
    delete_topic(w, "t");
    const struct fetch_response *response = fetch(w, next_of(w, &session));
    expect_partitions(w, "gone", response, 1);
    expect(w, "gone", ERR_UNKNOWN_TOPIC_OR_PARTITION, response->responses.items[0].partitions.items[0].error_code);
    create_topic(w, "t", "delete");
    response = fetch(w, next_of(w, &session));
    expect_partitions(w, "another of that name", response, 1);
    expect(w, "another of that name", ERR_INCONSISTENT_TOPIC_ID,
           response->responses.items[0].partitions.items[0].error_code);
}

// ---- records and epochs ----------------------------------------------------------------------------------------

static struct delete_records_response_delete_records_partition_result delete_records(struct world *w, const char *topic,
                                                                                     int32_t partition, int64_t offset)
{
    struct delete_records_request request = delete_records_request_init();
    struct delete_records_request_delete_records_topic in = {.name = slice_str(topic)};
    struct delete_records_request_delete_records_partition item = {.partition_index = partition, .offset = offset};
    in.partitions.items = &item;
    in.partitions.count = 1;
    request.topics.items = &in;
    request.topics.count = 1;
    request.timeout_ms = 5000;
    const struct delete_records_response *response = ask(w, API_DELETE_RECORDS, 2, &request);
    return response->topics.items[0].partitions.items[0];
}

static void records_go(struct sim_case *at)
{
    struct world *w = open_world(at);
    create_topic(w, "compacted", "compact");
    produce(w, "t", 0, 10, -1);
    static const struct {
        const char *what;
        const char *topic;
        int32_t partition;
        int64_t offset;
        enum err expected;
        int64_t low_watermark;
    } steps[] = {
        {"up to 3", "t", 0, 3, OK, 3},
        {"less than that", "t", 0, 2, OK, 3},
        {"beyond the end", "t", 0, 11, ERR_OFFSET_OUT_OF_RANGE, -1},
        {"below zero", "t", 0, -2, ERR_OFFSET_OUT_OF_RANGE, -1},
        {"everything", "t", 0, -1, OK, 10},
        {"of nothing", "t", 1, -1, OK, 0},
        {"compacted", "compacted", 0, 0, ERR_POLICY_VIOLATION, -1},
        {"unknown partition", "t", PARTITIONS, 0, ERR_UNKNOWN_TOPIC_OR_PARTITION, -1},
        {"unknown topic", "nowhere", 0, 0, ERR_UNKNOWN_TOPIC_OR_PARTITION, -1},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct delete_records_response_delete_records_partition_result out =
            delete_records(w, steps[i].topic, steps[i].partition, steps[i].offset);
        expect(w, steps[i].what, steps[i].expected, out.error_code);
        sim_check(at, out.low_watermark == steps[i].low_watermark, "%s: low watermark %lld", steps[i].what,
                  (long long)out.low_watermark);
    }
}

static void epochs_end(struct sim_case *at)
{
    struct world *w = open_world(at);
    produce(w, "t", 2, 4, -1);
    static const struct {
        const char *what;
        int32_t partition;
        int32_t current;
        int32_t epoch;
        enum err expected;
        int32_t answered_epoch;
        int64_t end;
    } steps[] = {
        {"the first epoch", 2, -1, 0, OK, 0, 4},
        {"named rightly", 2, 0, 0, OK, 0, 4},
        {"a later one", 2, -1, 5, OK, -1, -1},
        {"a leader of the future", 2, 5, 0, ERR_UNKNOWN_LEADER_EPOCH, -1, -1},
        {"unknown partition", PARTITIONS, -1, 0, ERR_UNKNOWN_TOPIC_OR_PARTITION, -1, -1},
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        struct offset_for_leader_epoch_request request = offset_for_leader_epoch_request_init();
        struct offset_for_leader_epoch_request_offset_for_leader_topic topic = {.topic = SLICE("t")};
        struct offset_for_leader_epoch_request_offset_for_leader_partition item = {
            .partition = steps[i].partition, .current_leader_epoch = steps[i].current, .leader_epoch = steps[i].epoch};
        topic.partitions.items = &item;
        topic.partitions.count = 1;
        request.topics.items = &topic;
        request.topics.count = 1;
        const struct offset_for_leader_epoch_response *response = ask(w, API_OFFSET_FOR_LEADER_EPOCH, 4, &request);
        const struct offset_for_leader_epoch_response_epoch_end_offset *out =
            &response->topics.items[0].partitions.items[0];
        expect(w, steps[i].what, steps[i].expected, out->error_code);
        sim_check(at, out->leader_epoch == steps[i].answered_epoch && out->end_offset == steps[i].end,
                  "%s: epoch %d ends at %lld", steps[i].what, out->leader_epoch, (long long)out->end_offset);
    }
}

// ---- what a node has -------------------------------------------------------------------------------------------

static int32_t describe_dirs(struct world *w, struct describe_log_dirs_request *request, int64_t *bytes)
{
    int32_t replicas = 0;
    *bytes = 0;
    const struct describe_log_dirs_response *response = ask(w, API_DESCRIBE_LOG_DIRS, 5, request);
    sim_check(w->at, response->results.count == 2, "%d log directories", response->results.count);
    for (int32_t d = 0; d < response->results.count; d++) {
        const struct describe_log_dirs_response_describe_log_dirs_result *dir = &response->results.items[d];
        expect(w, "a log directory", OK, dir->error_code);
        expect_text(w, "its path", d == 0 ? "/a" : "/b", dir->log_dir);
        sim_check(w->at, dir->total_bytes > 0 && dir->usable_bytes > 0 && !dir->is_cordoned, "no room on the disk");
        for (int32_t t = 0; t < dir->topics.count; t++)
            for (int32_t p = 0; p < dir->topics.items[t].partitions.count; p++) {
                replicas++;
                *bytes += dir->topics.items[t].partitions.items[p].partition_size;
                sim_check(w->at, dir->topics.items[t].partitions.items[p].offset_lag == 0, "a leader lags");
            }
    }
    return replicas;
}

static void log_dirs(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct describe_log_dirs_request request = describe_log_dirs_request_init();
    int64_t bytes = 0;
    for (int32_t i = 0; i < PARTITIONS; i++) produce(w, "t", i, 3, -1);
    request.topics.count = -1;
    sim_check(at, describe_dirs(w, &request, &bytes) == PARTITIONS && bytes > 0, "not all replicas");
    int64_t all = bytes;
    struct describe_log_dirs_request_describable_log_dir_topic topic = {.topic = SLICE("t")};
    int32_t wanted[] = {1, 7};
    topic.partitions.items = wanted;
    topic.partitions.count = COUNT_OF(wanted);
    request.topics.items = &topic;
    request.topics.count = 1;
    sim_check(at, describe_dirs(w, &request, &bytes) == 1 && bytes > 0 && bytes < all, "not the one asked for");
    request.topics.count = 0;
    sim_check(at, describe_dirs(w, &request, &bytes) == 0, "none was asked for");
    struct alter_replica_log_dirs_request move = alter_replica_log_dirs_request_init();
    struct alter_replica_log_dirs_request_alter_replica_log_dir dir = {.path = SLICE("/nowhere")};
    struct alter_replica_log_dirs_request_alter_replica_log_dir_topic of_dir = {.name = SLICE("t")};
    of_dir.partitions.items = wanted;
    of_dir.partitions.count = 1;
    dir.topics.items = &of_dir;
    dir.topics.count = 1;
    move.dirs.items = &dir;
    move.dirs.count = 1;
    const struct alter_replica_log_dirs_response *moved = ask(w, API_ALTER_REPLICA_LOG_DIRS, 2, &move);
    expect(w, "no such directory", ERR_LOG_DIR_NOT_FOUND, moved->results.items[0].partitions.items[0].error_code);
}

static void producers(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct init_producer_id_request wish = init_producer_id_request_init();
    wish.transactional_id = SLICE_NULL;
    const struct init_producer_id_response *ids = ask(w, API_INIT_PRODUCER_ID, 4, &wish);
    int64_t id = ids->producer_id;
    produce(w, "t", 1, 5, id);
    struct describe_producers_request request = describe_producers_request_init();
    struct describe_producers_request_topic_request topics[] = {
        {.name = SLICE("t")}, {.name = SLICE("nowhere")}, {.name = SLICE("a b")}};
    int32_t partitions[] = {0, 1, 9};
    for (size_t i = 0; i < COUNT_OF(topics); i++) {
        topics[i].partition_indexes.items = partitions;
        topics[i].partition_indexes.count = i == 0 ? (int32_t)COUNT_OF(partitions) : 1;
    }
    request.topics.items = topics;
    request.topics.count = COUNT_OF(topics);
    const struct describe_producers_response *response = ask(w, API_DESCRIBE_PRODUCERS, 0, &request);
    const struct describe_producers_response_partition_response *out = response->topics.items[0].partitions.items;
    expect(w, "no producer", OK, out[0].error_code);
    sim_check(at, out[0].active_producers.count == 0, "a producer where none was");
    sim_check(at, out[1].active_producers.count == 1, "%d producers", out[1].active_producers.count);
    const struct describe_producers_response_producer_state *producer = &out[1].active_producers.items[0];
    sim_check(at,
              producer->producer_id == id && producer->producer_epoch == 0 && producer->last_sequence == 4 &&
                  producer->last_timestamp == 1000 && producer->coordinator_epoch == -1 &&
                  producer->current_txn_start_offset == -1,
              "another producer");
    expect(w, "unknown partition", ERR_UNKNOWN_TOPIC_OR_PARTITION, out[2].error_code);
    expect_text(w, "unknown partition", NULL, out[2].error_message);
    out = response->topics.items[1].partitions.items;
    expect(w, "unknown topic", ERR_UNKNOWN_TOPIC_OR_PARTITION, out[0].error_code);
    expect_text(w, "unknown topic", "This server does not host this topic-partition.", out[0].error_message);
    out = response->topics.items[2].partitions.items;
    expect(w, "no name", ERR_INVALID_TOPIC_EXCEPTION, out[0].error_code);
    expect_text(w, "no name",
                "Topic name is invalid: 'a b' contains one or more characters other than ASCII alphanumerics, '.', '_' "
                "and '-'",
                out[0].error_message);
}

// ---- leaders and moves -----------------------------------------------------------------------------------------

static void elections(struct sim_case *at)
{
    struct world *w = open_world(at);
    static const struct {
        const char *topic;
        int32_t partition;
        enum err expected;
        const char *text;
    } cases[] = {
        {"t", 0, ERR_ELECTION_NOT_NEEDED, "Leader election not needed for topic partition."},
        {"t", 9, ERR_UNKNOWN_TOPIC_OR_PARTITION, "No such partition as t-9"},
        {"nowhere", 0, ERR_UNKNOWN_TOPIC_OR_PARTITION, "No such topic as nowhere"},
    };
    for (int8_t type = 0; type <= 1; type++)
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            struct elect_leaders_request request = elect_leaders_request_init();
            struct elect_leaders_request_topic_partitions topic = {.topic = slice_str(cases[i].topic)};
            int32_t partition = cases[i].partition;
            topic.partitions.items = &partition;
            topic.partitions.count = 1;
            request.election_type = type;
            request.topic_partitions.items = &topic;
            request.topic_partitions.count = 1;
            const struct elect_leaders_response *response = ask(w, API_ELECT_LEADERS, 2, &request);
            const struct elect_leaders_response_partition_result *out =
                &response->replica_election_results.items[0].partition_result.items[0];
            expect(w, cases[i].text, cases[i].expected, out->error_code);
            expect_text(w, "an election", cases[i].text, out->error_message);
        }
    struct elect_leaders_request everywhere = elect_leaders_request_init();
    everywhere.topic_partitions.count = -1;
    const struct elect_leaders_response *response = ask(w, API_ELECT_LEADERS, 2, &everywhere);
    sim_check(at, response->replica_election_results.count == 1, "one topic");
    sim_check(at, response->replica_election_results.items[0].partition_result.count == 0, "nothing to elect");
}

static void moves(struct sim_case *at)
{
    struct world *w = open_world(at);
    static const struct {
        const char *topic;
        int32_t partition;
        int32_t count; // -1: call off
        int32_t replicas[2];
        enum err expected;
        const char *text;
    } cases[] = {
        {"t", 0, -1, {0}, ERR_NO_REASSIGNMENT_IN_PROGRESS, "No partition reassignment is in progress."},
        {"t", 0, 1, {1}, OK, NULL},
        {"t",
         0,
         1,
         {7},
         ERR_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes broker 7, but no such broker is registered."},
        {"t",
         0,
         2,
         {1, 1},
         ERR_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes the broker 1 more than once."},
        {"t",
         0,
         0,
         {0},
         ERR_INVALID_REPLICA_ASSIGNMENT,
         "The manual partition assignment includes an empty replica list."},
        {"nowhere", 0, 1, {1}, ERR_UNKNOWN_TOPIC_OR_PARTITION, "Unable to find a topic named nowhere."},
        {"t", 9, 1, {1}, ERR_UNKNOWN_TOPIC_OR_PARTITION, "Unable to find partition t:9."},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct alter_partition_reassignments_request request = alter_partition_reassignments_request_init();
        struct alter_partition_reassignments_request_reassignable_topic topic = {.name = slice_str(cases[i].topic)};
        struct alter_partition_reassignments_request_reassignable_partition item = {.partition_index =
                                                                                        cases[i].partition};
        int32_t replicas[2] = {cases[i].replicas[0], cases[i].replicas[1]};
        item.replicas.items = replicas;
        item.replicas.count = cases[i].count;
        topic.partitions.items = &item;
        topic.partitions.count = 1;
        request.topics.items = &topic;
        request.topics.count = 1;
        const struct alter_partition_reassignments_response *response =
            ask(w, API_ALTER_PARTITION_REASSIGNMENTS, 1, &request);
        const struct alter_partition_reassignments_response_reassignable_partition_response *out =
            &response->responses.items[0].partitions.items[0];
        expect(w, "a move", cases[i].expected, out->error_code);
        expect_text(w, "a move", cases[i].text, out->error_message);
    }
    struct list_partition_reassignments_request list = list_partition_reassignments_request_init();
    list.topics.count = -1;
    const struct list_partition_reassignments_response *response = ask(w, API_LIST_PARTITION_REASSIGNMENTS, 0, &list);
    sim_check(at, response->error_code == 0 && response->topics.count == 0, "something moves");
}

static void cluster(struct sim_case *at)
{
    struct world *w = open_world(at);
    struct describe_quorum_request request = describe_quorum_request_init();
    struct describe_quorum_request_topic_data topic = {.topic_name = SLICE("__cluster_metadata")};
    struct describe_quorum_request_partition_data item = {0};
    topic.partitions.items = &item;
    topic.partitions.count = 1;
    request.topics.items = &topic;
    request.topics.count = 1;
    for (int version = 1; version <= 2; version++) {
        const struct describe_quorum_response *response = ask(w, API_DESCRIBE_QUORUM, version, &request);
        const struct describe_quorum_response_partition_data *log = &response->topics.items[0].partitions.items[0];
        sim_check(at, log->error_code == 0 && log->leader_id == 1 && log->leader_epoch == 1, "another leader");
        sim_check(at, log->current_voters.count == 1 && log->observers.count == 0, "not one voter");
        sim_check(at,
                  log->current_voters.items[0].replica_id == 1 &&
                      log->current_voters.items[0].log_end_offset >= log->high_watermark && log->high_watermark > 0,
                  "another voter");
        sim_check(at, response->nodes.count == (version < 2 ? 0 : 1), "%d nodes", response->nodes.count);
    }
    topic.topic_name = SLICE("t");
    const struct describe_quorum_response *response = ask(w, API_DESCRIBE_QUORUM, 2, &request);
    expect(w, "no such log", ERR_UNKNOWN_TOPIC_OR_PARTITION, response->topics.items[0].partitions.items[0].error_code);

    struct unregister_broker_request unregister = unregister_broker_request_init();
    unregister.broker_id = 9;
    const struct unregister_broker_response *gone = ask(w, API_UNREGISTER_BROKER, 0, &unregister);
    expect(w, "unknown broker", ERR_BROKER_ID_NOT_REGISTERED, gone->error_code);
    expect_text(w, "unknown broker", "Broker ID 9 is not currently registered", gone->error_message);

    struct describe_cluster_request describe = describe_cluster_request_init();
    describe.endpoint_type = 7;
    const struct describe_cluster_response *described = ask(w, API_DESCRIBE_CLUSTER, 2, &describe);
    expect(w, "endpoints of type 7", ERR_UNSUPPORTED_ENDPOINT_TYPE, described->error_code);
    expect_text(w, "endpoints of type 7", "Unsupported endpoint type 7", described->error_message);

    struct sasl_handshake_request handshake = sasl_handshake_request_init();
    handshake.mechanism = SLICE("PLAIN");
    const struct sasl_handshake_response *shaken = ask(w, API_SASL_HANDSHAKE, 1, &handshake);
    expect(w, "a handshake", ERR_ILLEGAL_SASL_STATE, shaken->error_code);
}

// ---- client metrics --------------------------------------------------------------------------------------------

static void subscribe(struct world *w, const char *metrics, const char *match)
{
    struct incremental_alter_configs_request request = incremental_alter_configs_request_init();
    struct incremental_alter_configs_request_alter_configs_resource resource = {.resource_type = 16,
                                                                                .resource_name = SLICE("wish")};
    struct incremental_alter_configs_request_alterable_config configs[] = {
        {.name = SLICE("metrics"), .value = slice_str(metrics)},
        {.name = SLICE("interval.ms"), .value = SLICE("1000")},
        {.name = SLICE("match"), .value = slice_str(match)},
    };
    resource.configs.items = configs;
    resource.configs.count = COUNT_OF(configs);
    request.resources.items = &resource;
    request.resources.count = 1;
    const struct incremental_alter_configs_response *response = ask(w, API_INCREMENTAL_ALTER_CONFIGS, 1, &request);
    expect(w, "a subscription", OK, response->responses.items[0].error_code);
    sim_run_until(w->at->sim, NULL, NULL, 100); // until the shards have heard of it
}

static struct get_telemetry_subscriptions_response get_wishes(struct world *w, struct uuid client_id)
{
    struct get_telemetry_subscriptions_request request = {.client_instance_id = client_id};
    return *(const struct get_telemetry_subscriptions_response *)ask(w, API_GET_TELEMETRY_SUBSCRIPTIONS, 0, &request);
}

static int16_t push(struct world *w, struct uuid client_id, int32_t subscription_id, size_t size, bool is_last)
{
    struct push_telemetry_request request = {.client_instance_id = client_id,
                                             .subscription_id = subscription_id,
                                             .terminating = is_last,
                                             .metrics = slice_of(arena_zalloc(w->at->arena, size, 1), size)};
    const struct push_telemetry_response *response = ask(w, API_PUSH_TELEMETRY, 0, &request);
    return response->error_code;
}

static void pass(struct world *w, int64_t ms)
{
    sim_run_until(w->at->sim, NULL, NULL, ms);
}

static void telemetry(struct sim_case *at)
{
    struct world *w = prepare(at, "telemetry.max.bytes=1000");
    sim_node_call(w->client_node, connect, w);
    struct get_telemetry_subscriptions_request early = {0};
    enum err e = try_ask(w, API_GET_TELEMETRY_SUBSCRIPTIONS, 0, &early);
    sim_check(at, e == ERR_UNSUPPORTED_VERSION, "announced though nobody asked for metrics: %s", err_name(e));
    subscribe(w, "org.apache.kafka.b,org.apache.kafka.a,org.apache.kafka.b", "client_source_address=10\\..*");
    w->who = 1; // it has not asked yet what the node serves
    struct get_telemetry_subscriptions_response wishes = get_wishes(w, (struct uuid){0});
    struct uuid self = wishes.client_instance_id;
    expect(w, "wishes", OK, wishes.error_code);
    sim_check(at, !uuid_is_zero(self) && wishes.push_interval_ms == 1000 && wishes.telemetry_max_bytes == 1000,
              "an id, an interval and a limit");
    sim_check(at, wishes.requested_metrics.count == 2, "%d metrics", wishes.requested_metrics.count);
    expect_text(w, "metrics", "org.apache.kafka.a", wishes.requested_metrics.items[0]);
    sim_check(at, wishes.accepted_compression_types.count == 4 && wishes.delta_temporality, "compressions");
    int32_t subscription = wishes.subscription_id;
    expect(w, "asked again at once", ERR_THROTTLING_QUOTA_EXCEEDED, get_wishes(w, self).error_code);
    expect(w, "a push", OK, push(w, self, subscription, 10, false));
    expect(w, "another at once", ERR_THROTTLING_QUOTA_EXCEEDED, push(w, self, subscription, 10, false));
    pass(w, 1100);
    expect(w, "too much", ERR_TELEMETRY_TOO_LARGE, push(w, self, subscription, 1001, false));
    pass(w, 1100);
    expect(w, "another subscription", ERR_UNKNOWN_SUBSCRIPTION_ID, push(w, self, subscription + 1, 10, false));
    expect(w, "told the right one at once", OK, get_wishes(w, self).error_code);
    expect(w, "no id", ERR_INVALID_REQUEST, push(w, (struct uuid){0}, subscription, 10, false));
    subscribe(w, "*,org.apache.kafka.a", "");
    wishes = get_wishes(w, self); // changed: may be asked at once
    expect(w, "new wishes", OK, wishes.error_code);
    sim_check(at, wishes.requested_metrics.count == 1 && wishes.subscription_id != subscription, "all of them");
    expect_text(w, "metrics", "*", wishes.requested_metrics.items[0]);
    expect(w, "the last", OK, push(w, self, wishes.subscription_id, 10, true));
    expect(w, "behind the last", ERR_INVALID_REQUEST, push(w, self, wishes.subscription_id, 10, false));
}

static const struct sim_scenario scenarios[] = {
    {"sessions_by_name", sim_options_default, sessions_by_name},
    {"sessions_by_id", sim_options_default, sessions_by_id},
    {"a_topic_goes", sim_options_default, a_topic_goes},
    {"records_go", sim_options_default, records_go},
    {"epochs_end", sim_options_default, epochs_end},
    {"log_dirs", sim_options_default, log_dirs},
    {"producers", sim_options_default, producers},
    {"elections", sim_options_default, elections},
    {"moves", sim_options_default, moves},
    {"cluster", sim_options_default, cluster},
    {"telemetry", sim_options_default, telemetry},
};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
