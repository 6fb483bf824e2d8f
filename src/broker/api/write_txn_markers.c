// SPDX-License-Identifier: Apache-2.0
// WriteTxnMarkers: a transaction coordinator has COMMIT or ABORT markers appended to the partitions that took part
// (KIP-98; kafka-internals B4). Each marker goes to its partition's shard and comes home when the high watermark has
// passed it. Answers are grouped by producer, as Kafka groups them: two markers of one producer share an entry.
#include "proto/write_txn_markers.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/coordinators.h"
#include "broker/dynamic.h"
#include "broker/partition_ask.h"
#include "broker/topics.h"
#include "record/builder.h"
#include "record/validate.h"

enum { MARKER_BYTES_MAX = 1024 };

struct marking { // one marker on one partition
    struct partition_ask ask;
    struct markings *all;
    const struct write_txn_markers_request_writable_txn_marker *marker;
    struct write_txn_markers_response_writable_txn_marker_partition_result *out;
    int32_t replica_count;
    struct text bytes;
    struct plog_append append;
    struct ack_wait ack;
    struct env_timer deadline;
    bool has_timed_out;
};

struct markings {
    struct request *request;
    const struct write_txn_markers_request *body;
    struct write_txn_markers_response response;
    int64_t timeout_ms;
    enum err refused; // all of it
    int pending;      // +1 while they are sent
};

static void count_down(struct markings *all)
{
    if (--all->pending == 0) request_reply(all->request, &all->response);
}

static void home(struct partition_ask *ask)
{
    count_down(CONTAINER_OF(ask, struct marking, ask)->all);
}

// ---- on the owner's shard ----------------------------------------------------------------------------------------

static void end(struct marking *m, enum err result)
{
    env_timer_cancel(m->ask.owner->env, &m->deadline);
    text_deinit(&m->bytes);
    m->out->error_code = err_to_wire(result);
    partition_ask_home(&m->ask);
}

static void acknowledged(struct ack_wait *wait, enum err result)
{
    end(CONTAINER_OF(wait, struct marking, ack), result);
}

static void published(struct plog *plog, struct plog_append *append)
{
    struct marking *m = CONTAINER_OF(append, struct marking, append);
    if (append->result != OK || m->has_timed_out) {
        end(m, append->result != OK ? append->result : ERR_REQUEST_TIMED_OUT);
        return;
    }
    m->ack.offset = append->end_offset;
    m->ack.done = acknowledged;
    partition_wait_ack(plog_user(plog), ACK_OF_ALL, &m->ack);
}

static void deadline_passed(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct marking *m = CONTAINER_OF(timer, struct marking, deadline);
    m->has_timed_out = true;
    if (!list_is_linked(&m->ack.link)) return; // not published yet: then it is told
    list_remove(&m->ack.link);
    end(m, ERR_REQUEST_TIMED_OUT);
}

// The marker as the log is to have it: message.timestamp.type holds for it too.
static enum err build(struct marking *m, const struct partition *partition, const struct topic *topic)
{
    const struct write_txn_markers_request_writable_txn_marker *in = m->marker;
    int64_t now_ms = env_wall_ms(partition->shard->env);
    const struct validate_options options = {
        .origin = APPEND_COORDINATOR,
        .timestamp_type = topic->config.timestamp_type == TOPIC_TIMESTAMP_LOG_APPEND ? TIMESTAMP_LOG_APPEND_TIME
                                                                                     : TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = INT64_MAX,
        .now_ms = now_ms,
        .max_message_bytes = topic->config.max_message_bytes,
        .keeps_codec = true,
        .decompressed_bytes_max = MARKER_BYTES_MAX,
        .topic = topic->name,
        .partition = partition->index,
    };
    batch_end_txn_marker(&m->bytes, 0, partition->leader_epoch, now_ms, in->producer_id, in->producer_epoch,
                         in->transaction_result ? CONTROL_COMMIT : CONTROL_ABORT, in->coordinator_epoch);
    struct batch_view view;
    struct validate_result result;
    struct batch_iter it = batch_iter(text_slice(&m->bytes));
    bool is_there = batch_next(&it, &view);
    ASSERT(is_there);
    enum err e = batch_validate(&view, &options, &partition->shard->scratch, &m->all->request->arena, &result, NULL);
    if (e == OK) batch_accept(m->bytes.data, &result);
    return e;
}

static enum err append_marker(struct marking *m, struct partition *partition)
{
    enum err e = partition_check(partition, -1);
    if (e == ERR_KAFKA_STORAGE_ERROR) return ERR_UNKNOWN_TOPIC_OR_PARTITION; // what Kafka says of an offline one
    if (e != OK) return e;
    const struct topic *topic = topic_by_id(partition->shard, partition->topic_id);
    if (topic == NULL) return ERR_NOT_LEADER_OR_FOLLOWER;                                // deleted meanwhile
    if (!coordinators_may_end_transaction(partition)) return ERR_NOT_LEADER_OR_FOLLOWER; // Kafka's word for it here
    int32_t needed = topic->config.min_insync_replicas;
    if (needed > m->replica_count) needed = m->replica_count;
    if (partition_isr_size(partition) < needed) return ERR_NOT_ENOUGH_REPLICAS;
    e = build(m, partition, topic);
    if (e != OK) return e;
    m->append = (struct plog_append){.bytes = m->bytes.data,
                                     .size = m->bytes.size,
                                     .origin = PLOG_COORDINATOR,
                                     .leader_epoch = partition->leader_epoch,
                                     .transaction_version = m->marker->transaction_version,
                                     .done = published};
    e = plog_append(partition->plog, &m->append);
    if (e == ERR_BUSY) return ERR_NOT_LEADER_OR_FOLLOWER; // it is being cut: the coordinator asks again
    if (e == OK) coordinators_end_transaction(partition, m->marker->producer_id, m->marker->transaction_result);
    return e;
}

static void look(struct partition_ask *ask, struct partition *partition)
{
    struct marking *m = CONTAINER_OF(ask, struct marking, ask);
    enum err e = append_marker(m, partition);
    if (e != OK) {
        end(m, e);
        return;
    }
    m->deadline.fire = deadline_passed;
    env_timer_after_ms(ask->owner->env, &m->deadline, m->all->timeout_ms);
}

// ---- at home -----------------------------------------------------------------------------------------------------

static void mark_topic(struct markings *all, const struct write_txn_markers_request_writable_txn_marker *marker,
                       const struct write_txn_markers_request_writable_txn_marker_topic *in,
                       struct write_txn_markers_response_writable_txn_marker_topic_result *out)
{
    struct request *request = all->request;
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->name);
    int32_t count = in->partition_indexes.count;
    struct marking *markings = ARENA_ARRAY(&request->arena, struct marking, count);
    out->name = in->name;
    out->partitions.count = count;
    out->partitions.items =
        ARENA_ARRAY(&request->arena, struct write_txn_markers_response_writable_txn_marker_partition_result, count);
    for (int32_t i = 0; i < count; i++) {
        struct write_txn_markers_response_writable_txn_marker_partition_result *answer = &out->partitions.items[i];
        answer->partition_index = in->partition_indexes.items[i];
        const struct image_partition *partition =
            topic == NULL ? NULL : image_partition_at(topic, answer->partition_index);
        answer->error_code = err_to_wire(all->refused != OK ? all->refused : ERR_UNKNOWN_TOPIC_OR_PARTITION);
        if (all->refused != OK || partition == NULL) continue;
        markings[i] = (struct marking){
            .ask = {.topic_id = topic->id, .index = answer->partition_index, .look = look, .home = home},
            .all = all,
            .marker = marker,
            .replica_count = partition->replicas.count,
            .out = answer};
        all->pending++;
        partition_ask(request->shard, &markings[i].ask);
    }
}

// The answer's entry for a producer, with room for all its markers' topics.
static struct write_txn_markers_response_writable_txn_marker_result *entry_of(struct markings *all, int64_t producer_id)
{
    for (int32_t i = 0; i < all->response.markers.count; i++)
        if (all->response.markers.items[i].producer_id == producer_id) return &all->response.markers.items[i];
    struct write_txn_markers_response_writable_txn_marker_result *entry =
        &all->response.markers.items[all->response.markers.count++];
    int32_t topics = 0;
    for (int32_t i = 0; i < all->body->markers.count; i++)
        if (all->body->markers.items[i].producer_id == producer_id) topics += all->body->markers.items[i].topics.count;
    entry->producer_id = producer_id;
    entry->topics.items =
        ARENA_ARRAY(&all->request->arena, struct write_txn_markers_response_writable_txn_marker_topic_result, topics);
    return entry;
}

void api_write_txn_markers(struct request *request)
{
    const struct write_txn_markers_request *body = request->body;
    struct markings *all = ARENA_NEW(&request->arena, struct markings);
    *all = (struct markings){.request = request,
                             .body = body,
                             .response = write_txn_markers_response_init(),
                             .timeout_ms = dynamic_int(request->shard, "request.timeout.ms"),
                             .pending = 1};
    if (!authorize(&request->ctx, ACL_ALTER, ACL_CLUSTER, SLICE("kafka-cluster")) &&
        !authorize(&request->ctx, ACL_CLUSTER_ACTION, ACL_CLUSTER, SLICE("kafka-cluster")))
        all->refused = ERR_CLUSTER_AUTHORIZATION_FAILED;
    all->response.markers.items =
        ARENA_ARRAY(&request->arena, struct write_txn_markers_response_writable_txn_marker_result, body->markers.count);
    for (int32_t i = 0; i < body->markers.count; i++) {
        const struct write_txn_markers_request_writable_txn_marker *marker = &body->markers.items[i];
        struct write_txn_markers_response_writable_txn_marker_result *entry = entry_of(all, marker->producer_id);
        for (int32_t t = 0; t < marker->topics.count; t++)
            mark_topic(all, marker, &marker->topics.items[t], &entry->topics.items[entry->topics.count++]);
    }
    count_down(all);
}
