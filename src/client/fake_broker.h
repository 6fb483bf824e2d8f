// SPDX-License-Identifier: Apache-2.0
// For tests: a broker in one file, enough of it for the client (ApiVersions, Metadata, InitProducerId, Produce with
// Kafka's sequence rules, ListOffsets, Fetch), with failures on demand. Runs on any env.
#ifndef ODRADEK_CLIENT_FAKE_BROKER_H
#define ODRADEK_CLIENT_FAKE_BROKER_H

#include "base/bytes.h"
#include "base/mem.h"
#include "base/text.h"
#include "env/env.h"
#include "proto/api_versions.h"
#include "proto/apis.h"
#include "proto/fetch.h"
#include "proto/init_producer_id.h"
#include "proto/list_offsets.h"
#include "proto/metadata.h"
#include "proto/produce.h"
#include "proto/request_header.h"
#include "proto/response_header.h"
#include "record/batch.h"

enum { FAKE_PARTITIONS = 3 };

struct fake_log {
    struct text bytes; // batches
    int64_t end;
    int64_t producer_id;
    int16_t epoch;
    int32_t next_sequence;
    int32_t recent[5]; // base sequences of the last batches, newest at batches % 5
    int32_t batches;
};

struct fake_conn;

struct fake_broker {
    struct env *env;
    struct env_listener *listener;
    const char *host;
    int port;
    struct fake_log logs[FAKE_PARTITIONS];
    struct list conns;
    int64_t next_producer_id;
    struct fetch_response_aborted_transaction aborted; // shown with every fetch when is_aborting
    bool is_aborting;
    // For more APIs (fake_group.h): takes a request and answers it, at once or later, by fake_respond. False: not its.
    bool (*extra)(struct fake_broker *broker, struct fake_conn *conn, const struct wire_api *api, int version,
                  int32_t correlation_id, const void *request);
    void (*conn_gone)(struct fake_broker *broker, struct fake_conn *conn);
    void *extra_context;
    // Failures: counted down per request they hit.
    int refuse_versions; // ApiVersions answered with UNSUPPORTED_VERSION
    int topic_missing;   // Metadata without the topic
    int fail_produces;   // Produce answered with produce_error, nothing appended
    enum err produce_error;
    int lose_produce_answers; // appended, then the connection is closed
    int swallow;              // requests neither answered nor refused
    // Counters.
    int metadata_asked, produce_asked, fetch_asked, versions_asked, connections;
    int highest_metadata_version;
};

struct fake_conn {
    struct list link;
    struct fake_broker *broker;
    struct env_conn *conn;
    struct text in, out;
    size_t out_done;
    bool is_doomed;
};

static const struct uuid fake_topic_id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const char fake_topic[] = "topic";

static inline void fake_api_versions(struct fake_broker *b, int *version, struct arena *arena, void *response)
{
    struct api_versions_response *r = response;
    b->versions_asked++;
    *r = api_versions_response_init();
    if (b->refuse_versions > 0) {
        b->refuse_versions--;
        r->error_code = ERR_UNSUPPORTED_VERSION;
        *version = 0;
    }
    static const struct api_versions_response_api_version known[] = {
        {.api_key = API_PRODUCE, .min_version = 3, .max_version = 13},
        {.api_key = API_FETCH, .min_version = 4, .max_version = 17},
        {.api_key = API_LIST_OFFSETS, .min_version = 1, .max_version = 9},
        {.api_key = API_METADATA, .min_version = 0, .max_version = 12},
        {.api_key = API_API_VERSIONS, .min_version = 0, .max_version = 2},
        {.api_key = API_INIT_PRODUCER_ID, .min_version = 0, .max_version = 5},
        {.api_key = API_FIND_COORDINATOR, .min_version = 0, .max_version = 6},
        {.api_key = API_JOIN_GROUP, .min_version = 0, .max_version = 9},
        {.api_key = API_SYNC_GROUP, .min_version = 0, .max_version = 5},
        {.api_key = API_HEARTBEAT, .min_version = 0, .max_version = 4},
        {.api_key = API_LEAVE_GROUP, .min_version = 0, .max_version = 5},
        {.api_key = API_OFFSET_COMMIT, .min_version = 2, .max_version = 10},
        {.api_key = API_OFFSET_FETCH, .min_version = 1, .max_version = 10},
    };
    enum { BASIC = 6 }; // without `extra`
    r->api_keys.items = ARENA_ARRAY(arena, struct api_versions_response_api_version, COUNT_OF(known));
    memcpy(r->api_keys.items, known, sizeof(known));
    r->api_keys.count = b->extra == NULL ? BASIC : COUNT_OF(known);
}

static inline void fake_metadata(struct fake_broker *b, const struct metadata_request *q, int version,
                                 struct arena *arena, void *response)
{
    struct metadata_response *r = response;
    b->metadata_asked++;
    if (version > b->highest_metadata_version) b->highest_metadata_version = version;
    *r = metadata_response_init();
    r->brokers.items = ARENA_NEW(arena, struct metadata_response_metadata_response_broker);
    r->brokers.items[0] =
        (struct metadata_response_metadata_response_broker){.node_id = 7, .host = slice_str(b->host), .port = b->port};
    r->brokers.count = 1;
    r->controller_id = 7;
    bool wants_all = q->topics.count < 0;
    int32_t count = wants_all ? 1 : q->topics.count;
    r->topics.items = ARENA_ARRAY(arena, struct metadata_response_metadata_response_topic, count + 1);
    r->topics.count = count;
    for (int32_t i = 0; i < count; i++) {
        struct metadata_response_metadata_response_topic *t = &r->topics.items[i];
        *t = metadata_response_metadata_response_topic_init();
        t->name = wants_all ? slice_str(fake_topic) : q->topics.items[i].name;
        if (b->topic_missing > 0 || !slice_eq_str(t->name, fake_topic)) {
            b->topic_missing -= b->topic_missing > 0;
            t->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
            continue;
        }
        t->topic_id = fake_topic_id;
        t->partitions.items = ARENA_ARRAY(arena, struct metadata_response_metadata_response_partition, FAKE_PARTITIONS);
        t->partitions.count = FAKE_PARTITIONS;
        for (int32_t p = 0; p < FAKE_PARTITIONS; p++) {
            t->partitions.items[p] = metadata_response_metadata_response_partition_init();
            t->partitions.items[p].partition_index = p;
            t->partitions.items[p].leader_id = 7;
            t->partitions.items[p].leader_epoch = 1;
        }
    }
}

// Kafka's rules for sequences: the next one is appended, one of the last five batches again is a duplicate, anything
// else an error.
static inline enum err fake_append(struct fake_broker *b, struct fake_log *log, struct slice records, int64_t *base)
{
    struct batch_view batch;
    if (b->fail_produces > 0) {
        b->fail_produces--;
        return b->produce_error;
    }
    if (batch_parse(records, &batch) != OK || !batch_crc_is_valid(batch.bytes)) return ERR_CORRUPT_MESSAGE;
    const struct batch_header *h = &batch.header;
    if (batch_has_producer(h)) {
        bool known = log->producer_id == h->producer_id && log->epoch == h->producer_epoch;
        int32_t expected = known ? log->next_sequence : 0;
        for (int i = 0; known && i < 5 && i < log->batches; i++) {
            if (log->recent[i] == h->base_sequence) return ERR_DUPLICATE_SEQUENCE_NUMBER;
        }
        if (h->base_sequence != expected) return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        log->batches = known ? log->batches : 0;
        log->recent[log->batches++ % 5] = h->base_sequence;
        log->producer_id = h->producer_id;
        log->epoch = h->producer_epoch;
        log->next_sequence = sequence_add(h->base_sequence, h->record_count);
    }
    *base = log->end;
    size_t at = log->bytes.size;
    text_add(&log->bytes, batch.bytes);
    batch_set_base_offset(log->bytes.data + at, log->end);
    log->end += h->last_offset_delta + 1;
    return OK;
}

static inline void fake_produce(struct fake_broker *b, const struct produce_request *q, struct arena *arena,
                                void *response)
{
    struct produce_response *r = response;
    b->produce_asked++;
    *r = produce_response_init();
    r->responses.items = ARENA_ARRAY(arena, struct produce_response_topic_produce_response, q->topic_data.count + 1);
    r->responses.count = q->topic_data.count;
    for (int32_t t = 0; t < q->topic_data.count; t++) {
        const struct produce_request_topic_produce_data *from = &q->topic_data.items[t];
        struct produce_response_topic_produce_response *to = &r->responses.items[t];
        *to = produce_response_topic_produce_response_init();
        to->name = from->name;
        to->topic_id = from->topic_id;
        to->partition_responses.items =
            ARENA_ARRAY(arena, struct produce_response_partition_produce_response, from->partition_data.count + 1);
        to->partition_responses.count = from->partition_data.count;
        for (int32_t p = 0; p < from->partition_data.count; p++) {
            struct produce_response_partition_produce_response *answer = &to->partition_responses.items[p];
            *answer = produce_response_partition_produce_response_init();
            answer->index = from->partition_data.items[p].index;
            answer->base_offset = -1;
            answer->error_code = (int16_t)fake_append(
                b, &b->logs[answer->index], from->partition_data.items[p].records.bytes, &answer->base_offset);
        }
    }
}

static inline void fake_list_offsets(struct fake_broker *b, const struct list_offsets_request *q, struct arena *arena,
                                     void *response)
{
    struct list_offsets_response *r = response;
    *r = list_offsets_response_init();
    r->topics.items = ARENA_ARRAY(arena, struct list_offsets_response_list_offsets_topic_response, q->topics.count + 1);
    r->topics.count = q->topics.count;
    for (int32_t t = 0; t < q->topics.count; t++) {
        struct list_offsets_response_list_offsets_topic_response *to = &r->topics.items[t];
        *to = list_offsets_response_list_offsets_topic_response_init();
        to->name = q->topics.items[t].name;
        int32_t count = to->partitions.count = q->topics.items[t].partitions.count;
        to->partitions.items =
            ARENA_ARRAY(arena, struct list_offsets_response_list_offsets_partition_response, count + 1);
        for (int32_t p = 0; p < count; p++) {
            const struct list_offsets_request_list_offsets_partition *asked = &q->topics.items[t].partitions.items[p];
            to->partitions.items[p] = list_offsets_response_list_offsets_partition_response_init();
            to->partitions.items[p].partition_index = asked->partition_index;
            to->partitions.items[p].offset = asked->timestamp == -2 ? 0 : b->logs[asked->partition_index].end;
        }
    }
}

// Batches from the one that holds `offset` on.
static inline struct slice fake_read(const struct fake_log *log, int64_t offset)
{
    struct batch_iter it = batch_iter(text_slice(&log->bytes));
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        if (batch_last_offset(&batch.header) < offset) continue;
        size_t at = (size_t)(batch.bytes.data - log->bytes.data);
        return slice_of(log->bytes.data + at, log->bytes.size - at);
    }
    return slice_of(log->bytes.data, 0);
}

static inline void fake_fetch(struct fake_broker *b, const struct fetch_request *q, struct arena *arena, void *response)
{
    struct fetch_response *r = response;
    b->fetch_asked++;
    *r = fetch_response_init();
    r->responses.items = ARENA_ARRAY(arena, struct fetch_response_fetchable_topic_response, q->topics.count + 1);
    r->responses.count = q->topics.count;
    for (int32_t t = 0; t < q->topics.count; t++) {
        struct fetch_response_fetchable_topic_response *to = &r->responses.items[t];
        *to = fetch_response_fetchable_topic_response_init();
        to->topic = q->topics.items[t].topic;
        to->topic_id = q->topics.items[t].topic_id;
        to->partitions.count = q->topics.items[t].partitions.count;
        to->partitions.items = ARENA_ARRAY(arena, struct fetch_response_partition_data, to->partitions.count + 1);
        for (int32_t p = 0; p < to->partitions.count; p++) {
            const struct fetch_request_fetch_partition *asked = &q->topics.items[t].partitions.items[p];
            struct fetch_response_partition_data *data = &to->partitions.items[p];
            const struct fake_log *log = &b->logs[asked->partition];
            *data = fetch_response_partition_data_init();
            data->partition_index = asked->partition;
            data->high_watermark = data->last_stable_offset = log->end;
            if (asked->fetch_offset > log->end)
                data->error_code = ERR_OFFSET_OUT_OF_RANGE;
            else
                data->records.bytes = fake_read(log, asked->fetch_offset);
            data->aborted_transactions.count = b->is_aborting ? 1 : 0;
            data->aborted_transactions.items = &b->aborted;
        }
    }
}

static inline void fake_flush(struct fake_conn *c)
{
    while (c->out_done < c->out.size) {
        size_t sent = 0;
        struct iovec part = {.iov_base = c->out.data + c->out_done, .iov_len = c->out.size - c->out_done};
        enum err e = conn_send(c->conn, &part, 1, &sent);
        if (e != OK) break;
        c->out_done += sent;
    }
    bool empty = c->out_done == c->out.size;
    if (empty) {
        text_clear(&c->out);
        c->out_done = 0;
    }
    conn_want(c->conn, empty ? CONN_READ : CONN_READ | CONN_WRITE);
}

static inline void fake_close(struct fake_conn *c)
{
    if (c->broker->conn_gone != NULL) c->broker->conn_gone(c->broker, c);
    conn_close(c->conn);
    list_remove(&c->link);
    text_deinit(&c->in);
    text_deinit(&c->out);
    mem_free(c);
}

// Puts the answer behind those that wait to be sent.
static inline void fake_respond(struct fake_conn *c, const struct wire_api *api, int version, int32_t correlation_id,
                                const void *response)
{
    struct arena arena = {0};
    struct wire_out out;
    wire_out_init(&out, &arena);
    uint8_t *length = wire_out_reserve(&out, 4);
    struct response_header reply = response_header_init();
    reply.correlation_id = correlation_id;
    ASSERT(wire_encode(&response_header_message, wire_response_header_version(api, version), &reply, &out) == OK);
    ASSERT(wire_encode(api->response, version, response, &out) == OK);
    store_u32(length, (uint32_t)(out.size - 4));
    text_add(&c->out, wire_out_flatten(&out, &arena));
    arena_deinit(&arena);
}

static inline void fake_answer(struct fake_conn *c, struct slice frame)
{
    struct fake_broker *b = c->broker;
    struct arena arena = {0};
    const struct wire_api *api = wire_api_find(load_i16(frame.data));
    int version = load_i16(frame.data + 2);
    struct request_header header;
    size_t consumed;
    ASSERT(wire_decode(&request_header_message, wire_request_header_version(api, version), frame, &arena, &header,
                       &consumed) == OK);
    void *request = arena_zalloc(&arena, 1, wire_struct_size(api->request));
    void *response = arena_zalloc(&arena, 1, wire_struct_size(api->response));
    ASSERT(wire_decode(api->request, version, slice_of(frame.data + consumed, frame.size - consumed), &arena, request,
                       NULL) == OK);
    bool answers = true;
    switch (api->key) {
    case API_API_VERSIONS: fake_api_versions(b, &version, &arena, response); break;
    case API_METADATA: fake_metadata(b, request, version, &arena, response); break;
    case API_LIST_OFFSETS: fake_list_offsets(b, request, &arena, response); break;
    case API_FETCH: fake_fetch(b, request, &arena, response); break;
    case API_PRODUCE:
        fake_produce(b, request, &arena, response);
        answers = ((struct produce_request *)request)->acks != 0;
        if (b->lose_produce_answers > 0) {
            b->lose_produce_answers--;
            c->is_doomed = true;
        }
        break;
    case API_INIT_PRODUCER_ID:
        *(struct init_producer_id_response *)response = init_producer_id_response_init();
        ((struct init_producer_id_response *)response)->producer_id = b->next_producer_id++;
        break;
    default: ASSERT(b->extra != NULL && b->extra(b, c, api, version, header.correlation_id, request)); answers = false;
    }
    if (b->swallow > 0 && api->key != API_API_VERSIONS) {
        b->swallow--;
        answers = false;
    }
    if (answers) fake_respond(c, api, version, header.correlation_id, response);
    arena_deinit(&arena);
}

static inline void fake_readable(struct env *env, struct env_conn *conn)
{
    (void)env;
    struct fake_conn *c = conn->owner;
    size_t got = 0;
    enum err e = conn_recv(conn, text_reserve(&c->in, 65536), 65536, &got);
    if (e == ERR_AGAIN) return;
    if (e != OK) {
        fake_close(c);
        return;
    }
    text_grew(&c->in, got);
    while (c->in.size >= 4 && c->in.size >= 4 + (size_t)load_u32(c->in.data)) {
        size_t size = load_u32(c->in.data);
        fake_answer(c, slice_of(c->in.data + 4, size));
        memmove(c->in.data, c->in.data + 4 + size, c->in.size - 4 - size);
        c->in.size -= 4 + size;
        if (c->is_doomed) {
            fake_close(c);
            return;
        }
    }
    fake_flush(c);
}

static inline void fake_writable(struct env *env, struct env_conn *conn)
{
    (void)env;
    fake_flush(conn->owner);
}

static inline void fake_closed(struct env *env, struct env_conn *conn, enum err why)
{
    (void)env;
    (void)why;
    fake_close(conn->owner);
}

static inline void fake_accepted(struct env *env, void *context, struct env_socket *socket)
{
    static const struct conn_handler handler = {fake_readable, fake_writable, fake_closed};
    struct fake_broker *b = context;
    struct fake_conn *c = MEM_NEW(struct fake_conn);
    c->broker = b;
    b->connections++;
    c->conn = env_conn_open(env, socket, &handler, c);
    list_push_back(&b->conns, &c->link);
    conn_want(c->conn, CONN_READ);
}

// `host` is what metadata says and what clients connect to.
static inline void fake_start(struct fake_broker *b, struct env *env, const char *host)
{
    *b = (struct fake_broker){.env = env, .host = host};
    list_init(&b->conns);
    for (int i = 0; i < FAKE_PARTITIONS; i++) b->logs[i].producer_id = NO_PRODUCER_ID;
    enum err e = env_listen(env, "", 0, 16, fake_accepted, b, &b->port, &b->listener);
    ASSERT(e == OK);
}

static inline void fake_stop(struct fake_broker *b)
{
    while (!list_is_empty(&b->conns)) fake_close(LIST_ITEM(list_first(&b->conns), struct fake_conn, link));
    env_listener_close(b->env, b->listener);
    for (int i = 0; i < FAKE_PARTITIONS; i++) text_deinit(&b->logs[i].bytes);
}

#endif
