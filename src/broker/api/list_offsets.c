// SPDX-License-Identifier: Apache-2.0
// ListOffsets (kafka-internals B6): the log's ends, and offsets by time. Each partition is asked on its own shard, by a
// message that comes home with the answer; looking up a time is a task there.
#include "proto/list_offsets.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/partition.h"
#include "broker/topics.h"

// The special timestamps, and the version each appeared in.
enum {
    LATEST = -1,
    EARLIEST = -2,
    MAX_TIMESTAMP = -3,
    EARLIEST_LOCAL = -4,
    LATEST_TIERED = -5,
    EARLIEST_PENDING_UPLOAD = -6,
};

enum { READ_COMMITTED = 1, EPOCH_SINCE = 4 };

struct list_offsets;

struct list_offsets_item { // one partition of the request
    struct env_msg msg;
    struct list_offsets *all;
    struct shard *owner;
    const struct list_offsets_request_list_offsets_partition *in;
    struct list_offsets_response_list_offsets_partition_response *out;
    struct uuid topic_id;
    struct open_wait open_wait;
    struct plog_time_op time;
};

struct list_offsets {
    struct request *request;
    const struct list_offsets_request *body;
    struct list_offsets_response response;
    int pending; // items on their way, +1 while they are sent
};

static void item_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct list_offsets *all = CONTAINER_OF(msg, struct list_offsets_item, msg)->all;
    if (--all->pending == 0) request_reply(all->request, &all->response);
}

static void go_home(struct list_offsets_item *item)
{
    if (item->all->request->version < EPOCH_SINCE) item->out->leader_epoch = -1;
    struct shard *home = item->all->request->shard;
    item->msg.run = item_home;
    if (item->owner == home)
        item_home(home->env, &item->msg);
    else
        env_post(home->env, &item->msg);
}

// ---- on the owner's shard ----------------------------------------------------------------------------------------

static void found(struct list_offsets_item *item, const struct plog *plog, int64_t offset)
{
    int32_t epoch = plog_epoch_of(plog, offset);
    item->out->offset = offset;
    item->out->leader_epoch = epoch >= 0 ? epoch : plog_latest_epoch(plog);
}

static void time_found(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    struct list_offsets_item *item = CONTAINER_OF(op, struct list_offsets_item, time.op);
    if (op->result != OK) {
        item->out->error_code = err_to_wire(op->result);
    } else {
        item->out->offset = item->time.offset;
        item->out->timestamp = item->time.timestamp;
        item->out->leader_epoch = item->time.leader_epoch;
    }
    go_home(item);
}

static void look_up(struct list_offsets_item *item)
{
    struct partition *partition = partition_find(item->owner, item->topic_id, item->in->partition_index);
    enum err e = partition_check(partition, item->in->current_leader_epoch);
    if (e != OK) {
        item->out->error_code = err_to_wire(e);
        go_home(item);
        return;
    }
    struct plog *plog = partition->plog;
    bool committed = item->all->body->isolation_level == READ_COMMITTED;
    int64_t limit = committed ? plog_last_stable_offset(plog) : plog_high_watermark(plog);
    int64_t timestamp = item->in->timestamp;
    if (timestamp >= 0 || timestamp == MAX_TIMESTAMP) {
        item->time.op.done = time_found;
        item->time.target_ms = timestamp == MAX_TIMESTAMP ? PLOG_MAX_TIMESTAMP : timestamp;
        item->time.limit_offset = limit;
        plog_find_time(plog, &item->time);
        return;
    }
    if (timestamp == LATEST)
        found(item, plog, limit);
    else if (timestamp == EARLIEST)
        found(item, plog, plog_log_start(plog));
    else if (timestamp == EARLIEST_LOCAL)
        found(item, plog,
              plog_local_start(plog) > plog_log_start(plog) ? plog_local_start(plog) : plog_log_start(plog));
    go_home(item); // nothing is tiered: LATEST_TIERED and EARLIEST_PENDING_UPLOAD are found nowhere
}

static void opened(struct open_wait *wait)
{
    struct list_offsets_item *item = CONTAINER_OF(wait, struct list_offsets_item, open_wait);
    struct partition *partition = partition_find(item->owner, item->topic_id, item->in->partition_index);
    wait->opened = opened;
    if (partition == NULL || !partition_await_open(partition, wait)) look_up(item);
}

static void item_arrives(struct env *env, struct env_msg *msg)
{
    (void)env;
    opened(&CONTAINER_OF(msg, struct list_offsets_item, msg)->open_wait);
}

// ---- the request -------------------------------------------------------------------------------------------------

static bool is_known_timestamp(int64_t timestamp, int version)
{
    static const int since[] = {[-LATEST] = 1,         [-EARLIEST] = 1,      [-MAX_TIMESTAMP] = 7,
                                [-EARLIEST_LOCAL] = 8, [-LATEST_TIERED] = 9, [-EARLIEST_PENDING_UPLOAD] = 11};
    if (timestamp >= 0) return true;
    return timestamp >= EARLIEST_PENDING_UPLOAD && version >= since[-timestamp];
}

// How often each existing partition is named; NULL when the topic does not exist.
static const uint8_t *count_names(struct arena *arena, const struct list_offsets_request_list_offsets_topic *in,
                                  const struct image_topic *topic)
{
    if (topic == NULL) return NULL;
    int32_t partition_count = image_topic_partition_count(topic);
    uint8_t *names = ARENA_ARRAY(arena, uint8_t, partition_count);
    for (int32_t i = 0; i < in->partitions.count; i++) {
        int32_t index = in->partitions.items[i].partition_index;
        if (index >= 0 && index < partition_count && names[index] < 2) names[index]++;
    }
    return names;
}

static enum err check(const struct request *request, const struct list_offsets_request_list_offsets_partition *in,
                      const struct image_topic *topic, const uint8_t *names)
{
    if (!is_known_timestamp(in->timestamp, request->version)) return ERR_UNSUPPORTED_VERSION;
    if (topic == NULL || image_partition_at(topic, in->partition_index) == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!authorize(&request->ctx, ACL_DESCRIBE, ACL_TOPIC, topic->name)) return ERR_TOPIC_AUTHORIZATION_FAILED;
    return names[in->partition_index] > 1 ? ERR_INVALID_REQUEST : OK;
}

static void add_topic(struct list_offsets *all, const struct list_offsets_request_list_offsets_topic *in,
                      struct list_offsets_response_list_offsets_topic_response *out)
{
    struct request *request = all->request;
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->name);
    const uint8_t *names = count_names(&request->arena, in, topic);
    out->name = in->name;
    out->partitions.count = in->partitions.count;
    out->partitions.items = ARENA_ARRAY(&request->arena, struct list_offsets_response_list_offsets_partition_response,
                                        in->partitions.count);
    struct list_offsets_item *items = ARENA_ARRAY(&request->arena, struct list_offsets_item, in->partitions.count);
    for (int32_t i = 0; i < in->partitions.count; i++) {
        out->partitions.items[i] = list_offsets_response_list_offsets_partition_response_init();
        out->partitions.items[i].partition_index = in->partitions.items[i].partition_index;
        enum err e = check(request, &in->partitions.items[i], topic, names);
        out->partitions.items[i].error_code = err_to_wire(e);
        if (e != OK) continue;
        items[i] = (struct list_offsets_item){.msg = {.run = item_arrives},
                                              .all = all,
                                              .in = &in->partitions.items[i],
                                              .out = &out->partitions.items[i],
                                              .topic_id = topic->id};
        items[i].owner =
            shard_of_partition(request->shard->broker, topic->id.bytes, in->partitions.items[i].partition_index);
        all->pending++;
        if (items[i].owner == request->shard)
            item_arrives(request->shard->env, &items[i].msg);
        else
            env_post(items[i].owner->env, &items[i].msg);
    }
}

void api_list_offsets(struct request *request)
{
    struct list_offsets *all = ARENA_NEW(&request->arena, struct list_offsets);
    *all = (struct list_offsets){
        .request = request, .body = request->body, .response = list_offsets_response_init(), .pending = 1};
    all->response.topics.count = all->body->topics.count;
    all->response.topics.items =
        ARENA_ARRAY(&request->arena, struct list_offsets_response_list_offsets_topic_response, all->body->topics.count);
    for (int32_t i = 0; i < all->body->topics.count; i++)
        add_topic(all, &all->body->topics.items[i], &all->response.topics.items[i]);
    if (--all->pending == 0) request_reply(request, &all->response);
}
