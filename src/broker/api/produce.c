// SPDX-License-Identifier: Apache-2.0
// Produce (kafka-internals B1 to B3; design walk 1). Three stages: every batch is judged on the connection's shard, or
// in a task when that means decompressing much; the good ones travel to the shards that own their partitions, one
// message ("leg") per shard; each leg comes home when all its appends are acknowledged as `acks` asks.
#include "proto/produce.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"
#include "broker/partition.h"
#include "broker/topics.h"
#include "broker/txn_verify.h"
#include "record/validate.h"

enum { ACKS_ALL = -1, ACKS_NONE = 0, ACKS_LEADER = 1 };
enum { ADDS_TO_TRANSACTION_SINCE = 12 }; // transactions of version 2: a produce says that its partition takes part
// What may be decompressed on the loop; above either a task does it.
enum { INLINE_COMPRESSED_MAX = 64 * 1024, INLINE_DECOMPRESSED_MAX = 1024 * 1024 };
enum { DECOMPRESSED_MAX = 64 * 1024 * 1024 };

struct produce_leg;

struct produce_item { // one partition of the request
    struct produce_response_partition_produce_response *out;
    struct produce_leg *leg;   // NULL when it failed before
    struct produce_item *next; // in the leg
    struct uuid topic_id;
    struct slice records; // as sent
    enum err error;       // of the judgement
    bool is_judged;
    struct batch_view view;
    struct validate_options options;
    struct validate_result result;
    struct text rebuilt; // the recompressed batch
    int32_t min_insync_replicas;
    int32_t replica_count;
    bool timed_out;
    uint64_t guard;
    struct txn_verification verification;
    struct plog_append append;
    struct ack_wait ack;
};

struct produce_leg {
    struct env_msg msg;
    struct produce *produce;
    struct shard *owner;
    struct produce_item *first;
    struct produce_item **last;
    int pending;     // items without an outcome
    int unpublished; // appends that still need the request's bytes
    struct env_timer deadline;
    struct open_wait open_wait;
};

struct produce {
    struct request *request;
    const struct produce_request *body;
    struct produce_response response;
    struct produce_item *items;
    int item_count;
    struct produce_leg *legs; // by shard
    int legs_out;
    struct env_task task;
};

// ---- the outcome -----------------------------------------------------------------------------------------------

static void release_items(struct produce *produce)
{
    for (int i = 0; i < produce->item_count; i++) text_deinit(&produce->items[i].rebuilt);
}

static bool any_failed(const struct produce *produce)
{
    for (int i = 0; i < produce->item_count; i++)
        if (produce->items[i].out->error_code != 0) return true;
    return false;
}

static void reply(struct produce *produce)
{
    struct request *request = produce->request;
    release_items(produce);
    if (request->shard->quotas.is_set[QUOTA_PRODUCE])
        request_throttle(request, quotas_record(request->shard, QUOTA_PRODUCE, request_quota_user(request),
                                                (double)request->size_bytes));
    if (produce->body->acks == ACKS_NONE) {
        // With nothing to answer, a closed connection is the only way to tell the producer to look again.
        if (any_failed(produce))
            request_disconnect(request, "a produce with acks=0 failed");
        else
            request_finish_silently(request);
        return;
    }
    cluster_add_leader_hints(request, &produce->response);
    request_reply(request, &produce->response);
}

static void set_error(struct produce_item *item, enum err error)
{
    item->out->error_code = err_to_wire(error);
    item->out->base_offset = -1;
    item->out->log_append_time_ms = -1;
}

// ---- on the owner's shard ----------------------------------------------------------------------------------------

static void leg_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct produce *produce = CONTAINER_OF(msg, struct produce_leg, msg)->produce;
    if (--produce->legs_out == 0) reply(produce);
}

static void item_done(struct produce_item *item, enum err result)
{
    struct produce_leg *leg = item->leg;
    if (result != OK) set_error(item, result);
    ASSERT(leg->pending > 0);
    if (--leg->pending > 0) return;
    env_timer_cancel(leg->owner->env, &leg->deadline);
    struct shard *home = leg->produce->request->shard;
    leg->msg.run = leg_home;
    if (home == leg->owner)
        leg_home(home->env, &leg->msg);
    else
        env_post(home->env, &leg->msg);
}

static void acknowledged(struct ack_wait *wait, enum err result)
{
    item_done(CONTAINER_OF(wait, struct produce_item, ack), result);
}

// The payload is in the file: its memory need not wait for the acknowledgement (design rule 9). Only at home, where
// legs_out may be read, and when no other leg still needs the bytes.
static void release_payload(struct produce_leg *leg)
{
    struct produce *produce = leg->produce;
    bool is_home = leg->owner == produce->request->shard;
    if (is_home && produce->legs_out == 1 && leg->unpublished == 0) request_release_input(produce->request);
}

static void published(struct plog *plog, struct plog_append *append)
{
    struct produce_item *item = CONTAINER_OF(append, struct produce_item, append);
    item->leg->unpublished--;
    release_payload(item->leg);
    int16_t acks = item->leg->produce->body->acks;
    if (append->result != OK || acks == ACKS_NONE || item->timed_out) {
        item_done(item, item->timed_out && append->result == OK ? ERR_REQUEST_TIMED_OUT : append->result);
        return;
    }
    item->ack.offset = append->end_offset;
    item->ack.done = acknowledged;
    partition_wait_ack(plog_user(plog), acks == ACKS_ALL ? ACK_OF_ALL : ACK_OF_LEADER, &item->ack);
}

static enum err append(struct produce_item *item, struct partition *partition)
{
    struct slice bytes = item->result.needs_rebuild ? text_slice(&item->rebuilt) : item->view.bytes;
    item->append = (struct plog_append){.bytes = (uint8_t *)(uintptr_t)bytes.data,
                                        .size = bytes.size,
                                        .origin = PLOG_CLIENT,
                                        .leader_epoch = partition->leader_epoch,
                                        .needs_guard = item->leg->owner->verifies_transactions,
                                        .guard = item->guard,
                                        .done = published};
    enum err e = plog_append(partition->plog, &item->append);
    item->out->log_start_offset = plog_log_start(partition->plog);
    if (e != OK) return e;
    item->leg->unpublished++;
    item->out->base_offset = item->append.base_offset;
    bool tells_time = item->append.is_duplicate || item->result.timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
    item->out->log_append_time_ms = tells_time ? item->append.max_timestamp : -1;
    return OK;
}

static enum err try_append(struct produce_item *item)
{
    struct produce_leg *leg = item->leg;
    struct partition *partition = partition_find(leg->owner, item->topic_id, item->out->index);
    enum err e = partition_check(partition, -1);
    if (e != OK) return e;
    int32_t needed = item->min_insync_replicas < item->replica_count ? item->min_insync_replicas : item->replica_count;
    if (leg->produce->body->acks == ACKS_ALL && partition_isr_size(partition) < needed) return ERR_NOT_ENOUGH_REPLICAS;
    return append(item, partition);
}

static void verified(struct txn_verification *verification, enum err result)
{
    struct produce_item *item = CONTAINER_OF(verification, struct produce_item, verification);
    enum err e = result == OK ? try_append(item) : result;
    if (e != OK) item_done(item, e);
}

// KIP-890: the first batch of a transaction here is appended only when the transaction's coordinator knows about it.
// True: it has been asked, or there is nothing to ask it for any more.
static bool must_verify(struct produce_item *item)
{
    struct produce_leg *leg = item->leg;
    const struct batch_header *h = &item->view.header;
    item->guard = PLOG_NO_GUARD;
    if (!batch_is_transactional(h) || !leg->owner->verifies_transactions) return false;
    struct partition *partition = partition_find(leg->owner, item->topic_id, item->out->index);
    if (partition_check(partition, -1) != OK) return false; // the append will say so
    const struct plog_verification asked = {
        .producer_id = h->producer_id,
        .producer_epoch = h->producer_epoch,
        .base_sequence = h->base_sequence,
        .supports_epoch_bump = leg->produce->request->version >= ADDS_TO_TRANSACTION_SINCE,
    };
    enum err e = plog_verification_begin(partition->plog, &asked, &item->guard);
    if (e == OK && item->guard == PLOG_NO_GUARD) return false;
    item->verification = (struct txn_verification){
        .transactional_id = leg->produce->body->transactional_id,
        .producer_id = h->producer_id,
        .producer_epoch = h->producer_epoch,
        .topic_id = item->topic_id,
        .index = item->out->index,
        .adds = asked.supports_epoch_bump,
        .done = verified,
    };
    if (e != OK)
        item_done(item, e);
    else
        txn_verify(leg->owner, &item->verification);
    return true;
}

static void deadline_passed(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct produce_leg *leg = CONTAINER_OF(timer, struct produce_leg, deadline);
    for (struct produce_item *item = leg->first, *next; item != NULL; item = next) {
        next = item->next; // the last one's outcome may free the leg
        item->timed_out = true;
        if (!list_is_linked(&item->ack.link)) continue; // done, or not published yet: then `published` says so
        list_remove(&item->ack.link);
        item_done(item, ERR_REQUEST_TIMED_OUT);
    }
}

static void leg_appends(struct produce_leg *leg)
{
    struct env *env = leg->owner->env;
    leg->deadline.fire = deadline_passed;
    if (leg->produce->body->acks == ACKS_ALL) env_timer_after_ms(env, &leg->deadline, leg->produce->body->timeout_ms);
    for (struct produce_item *item = leg->first, *next; item != NULL; item = next) {
        next = item->next;
        if (must_verify(item)) continue;
        enum err e = try_append(item);
        if (e != OK) item_done(item, e);
    }
}

static void opened(struct open_wait *wait);

// A topic that was just created: its logs are being made, and a producer should not have to come again.
static bool must_wait(struct produce_leg *leg)
{
    for (struct produce_item *item = leg->first; item != NULL; item = item->next) {
        struct partition *partition = partition_find(leg->owner, item->topic_id, item->out->index);
        leg->open_wait.opened = opened;
        if (partition != NULL && partition_await_open(partition, &leg->open_wait)) return true;
    }
    return false;
}

static void opened(struct open_wait *wait)
{
    struct produce_leg *leg = CONTAINER_OF(wait, struct produce_leg, open_wait);
    if (!must_wait(leg)) leg_appends(leg);
}

static void leg_arrives(struct env *env, struct env_msg *msg)
{
    (void)env;
    opened(&CONTAINER_OF(msg, struct produce_leg, msg)->open_wait);
}

// ---- judgement ---------------------------------------------------------------------------------------------------

static void list_record_errors(struct produce_item *item, const struct validate_failure *failure, struct arena *arena)
{
    if (failure->error_count == 0) return;
    item->out->record_errors.items =
        ARENA_ARRAY(arena, struct produce_response_batch_index_and_error_message, failure->error_count);
    item->out->record_errors.count = failure->error_count;
    for (int32_t i = 0; i < failure->error_count; i++) {
        item->out->record_errors.items[i].batch_index = failure->errors[i].index;
        item->out->record_errors.items[i].batch_index_error_message = failure->errors[i].text;
    }
    item->out->error_message = failure->text;
}

static void judge(struct produce_item *item, struct text *scratch, struct arena *arena)
{
    struct validate_failure failure = {0};
    item->is_judged = true;
    item->error = batch_validate(&item->view, &item->options, scratch, arena, &item->result, &failure);
    if (item->error == OK && item->result.needs_rebuild)
        item->error = batch_rebuild(&item->view, &item->options, &item->result, &item->rebuilt);
    else if (item->error == OK)
        batch_accept((uint8_t *)(uintptr_t)item->view.bytes.data, &item->result);
    list_record_errors(item, &failure, arena);
}

static void judge_all(struct produce *produce, struct text *scratch)
{
    for (int i = 0; i < produce->item_count; i++) {
        struct produce_item *item = &produce->items[i];
        if (item->error == OK && !item->is_judged) judge(item, scratch, &produce->request->arena);
    }
}

static bool is_compressed(const struct produce_item *item)
{
    return (item->view.header.attributes & BATCH_CODEC_MASK) != CODEC_NONE;
}

// A small batch that holds much: judged again where it may take its time.
static bool inflates_too_much(struct produce *produce)
{
    bool any = false;
    for (int i = 0; i < produce->item_count; i++) {
        struct produce_item *item = &produce->items[i];
        bool inflates = item->is_judged && item->error == ERR_MESSAGE_TOO_LARGE && is_compressed(item) &&
                        (int64_t)item->view.bytes.size <= item->options.max_message_bytes;
        if (!inflates) continue;
        item->error = OK;
        item->is_judged = false;
        any = true;
    }
    return any;
}

static void route(struct produce *produce, struct produce_item *item)
{
    struct shard *owner = shard_of_partition(produce->request->shard->broker, item->topic_id.bytes, item->out->index);
    struct produce_leg *leg = &produce->legs[owner->env->shard];
    if (leg->owner == NULL) {
        *leg =
            (struct produce_leg){.msg = {.run = leg_arrives}, .produce = produce, .owner = owner, .last = &leg->first};
        produce->legs_out++;
    }
    item->leg = leg;
    leg->pending++;
    *leg->last = item;
    leg->last = &item->next;
}

static void submit(struct produce *produce)
{
    struct shard *home = produce->request->shard;
    int shard_count = home->broker->shard_count;
    produce->legs = ARENA_ARRAY(&produce->request->arena, struct produce_leg, shard_count);
    for (int i = 0; i < produce->item_count; i++) {
        if (produce->items[i].error != OK)
            set_error(&produce->items[i], produce->items[i].error);
        else
            route(produce, &produce->items[i]);
    }
    request_unhold(produce->request);
    if (produce->legs_out == 0) {
        reply(produce);
        return;
    }
    // Our own leg goes last: it may answer the request and free everything.
    for (int i = 0; i < shard_count; i++)
        if (produce->legs[i].owner != NULL && i != home->env->shard)
            env_post(produce->legs[i].owner->env, &produce->legs[i].msg);
    if (produce->legs[home->env->shard].owner != NULL) leg_arrives(home->env, &produce->legs[home->env->shard].msg);
}

static void judge_in_task(struct env_task *task, struct fs *fs)
{
    (void)fs;
    struct produce *produce = CONTAINER_OF(task, struct produce, task);
    struct text scratch = {0};
    for (int i = 0; i < produce->item_count; i++) produce->items[i].options.decompressed_bytes_max = DECOMPRESSED_MAX;
    judge_all(produce, &scratch);
    text_deinit(&scratch);
}

static void judged_in_task(struct env *env, struct env_task *task)
{
    (void)env;
    submit(CONTAINER_OF(task, struct produce, task));
}

// ---- the request -------------------------------------------------------------------------------------------------

static struct validate_options options_of(const struct shard *shard, const struct topic *topic, int32_t index)
{
    const struct topic_config *config = &topic->config;
    bool keeps = config->compression == TOPIC_COMPRESSION_PRODUCER;
    int32_t levels[] = {
        [CODEC_GZIP] = config->gzip_level, [CODEC_LZ4] = config->lz4_level, [CODEC_ZSTD] = config->zstd_level};
    bool has_level = config->compression == TOPIC_COMPRESSION_GZIP || config->compression == TOPIC_COMPRESSION_LZ4 ||
                     config->compression == TOPIC_COMPRESSION_ZSTD;
    return (struct validate_options){
        .origin = APPEND_CLIENT,
        .is_compacted = config->cleanup_compact,
        .timestamp_type =
            config->timestamp_type == TOPIC_TIMESTAMP_LOG_APPEND ? TIMESTAMP_LOG_APPEND_TIME : TIMESTAMP_CREATE_TIME,
        .timestamp_before_max_ms = config->timestamp_before_max_ms,
        .timestamp_after_max_ms = config->timestamp_after_max_ms,
        .now_ms = env_wall_ms(shard->env),
        .max_message_bytes = config->max_message_bytes,
        .keeps_codec = keeps,
        .target_codec = keeps ? CODEC_NONE : (enum codec)config->compression,
        .target_level = has_level ? levels[config->compression] : COMPRESS_LEVEL_DEFAULT,
        .decompressed_bytes_max = INLINE_DECOMPRESSED_MAX,
        .topic = topic->name,
        .partition = index,
    };
}

// Everything that can be said before the batch is opened, in Kafka's order.
static enum err check(struct produce *produce, struct produce_item *item, const struct image_topic *in_image)
{
    struct request *request = produce->request;
    bool by_id = request->version >= 13;
    if (in_image == NULL) return by_id ? ERR_UNKNOWN_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!authorize(&request->ctx, ACL_WRITE, ACL_TOPIC, in_image->name)) return ERR_TOPIC_AUTHORIZATION_FAILED;
    const struct image_partition *partition = image_partition_at(in_image, item->out->index);
    if (partition == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    enum err e = produce_check_framing(item->records, (int16_t)request->version, &item->view);
    if (e != OK) return e;
    if (produce->body->acks < ACKS_ALL || produce->body->acks > ACKS_LEADER) return ERR_INVALID_REQUIRED_ACKS;
    if (topic_is_internal(in_image->name) && !slice_eq_str(request->ctx.client_id, "__admin_client"))
        return ERR_INVALID_TOPIC_EXCEPTION;
    const struct topic *topic = topic_by_id(request->shard, in_image->id);
    item->topic_id = topic->id;
    item->options = options_of(request->shard, topic, item->out->index);
    item->min_insync_replicas = topic->config.min_insync_replicas;
    item->replica_count = partition->replicas.count;
    return OK;
}

static void add_topic(struct produce *produce, const struct produce_request_topic_produce_data *in,
                      struct produce_response_topic_produce_response *out)
{
    struct request *request = produce->request;
    struct arena *arena = &request->arena;
    out->name = arena_copy(arena, in->name); // the input may go before the answer does
    out->topic_id = in->topic_id;
    out->partition_responses.count = in->partition_data.count;
    out->partition_responses.items =
        ARENA_ARRAY(arena, struct produce_response_partition_produce_response, in->partition_data.count);
    const struct image *image = request->shard->image;
    const struct image_topic *topic =
        request->version >= 13 ? image_topic_by_id(image, in->topic_id) : image_topic_by_name(image, in->name);
    for (int32_t i = 0; i < in->partition_data.count; i++) {
        struct produce_item *item = &produce->items[produce->item_count++];
        item->out = &out->partition_responses.items[i];
        *item->out = produce_response_partition_produce_response_init();
        item->out->index = in->partition_data.items[i].index;
        item->records = in->partition_data.items[i].records.bytes;
        item->error = check(produce, item, topic);
    }
}

// Transactional batches of one request belong to one producer that may use its transactional id, or none is taken.
static enum err check_transactional(const struct produce *produce)
{
    struct batch_header first = {0};
    bool has_any = false;
    bool has_other = false;
    for (int i = 0; i < produce->item_count; i++) {
        const struct produce_item *item = &produce->items[i];
        struct batch_header h;
        if (batch_header_parse(item->records, &h) != OK || !batch_is_transactional(&h)) continue;
        bool counts = item->view.bytes.size > 0; // of what could be appended
        if (!has_any || first.magic == 0)
            first = counts ? h : (struct batch_header){0};
        else if (counts && (first.producer_id != h.producer_id || first.producer_epoch != h.producer_epoch))
            has_other = true;
        has_any = true;
    }
    if (!has_any) return OK;
    struct slice id = produce->body->transactional_id;
    if (slice_is_null(id) || !authorize(&produce->request->ctx, ACL_WRITE, ACL_TRANSACTIONAL_ID, id))
        return ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
    return has_other ? ERR_INVALID_PRODUCER_ID_MAPPING : OK;
}

static bool is_heavy(const struct produce *produce)
{
    for (int i = 0; i < produce->item_count; i++) {
        const struct produce_item *item = &produce->items[i];
        if (item->error != OK || item->view.bytes.size <= INLINE_COMPRESSED_MAX) continue;
        bool recompresses = !item->options.keeps_codec &&
                            (item->view.header.attributes & BATCH_CODEC_MASK) != (int)item->options.target_codec;
        if (is_compressed(item) || recompresses) return true;
    }
    return false;
}

static struct produce *begin(struct request *request)
{
    struct produce *produce = ARENA_NEW(&request->arena, struct produce);
    produce->request = request;
    produce->body = request->body;
    produce->response = produce_response_init();
    int count = 0;
    for (int32_t i = 0; i < produce->body->topic_data.count; i++)
        count += produce->body->topic_data.items[i].partition_data.count;
    produce->items = ARENA_ARRAY(&request->arena, struct produce_item, count);
    produce->response.responses.count = produce->body->topic_data.count;
    produce->response.responses.items =
        ARENA_ARRAY(&request->arena, struct produce_response_topic_produce_response, produce->body->topic_data.count);
    return produce;
}

void api_produce(struct request *request)
{
    struct produce *produce = begin(request);
    for (int32_t i = 0; i < produce->body->topic_data.count; i++)
        add_topic(produce, &produce->body->topic_data.items[i], &produce->response.responses.items[i]);
    enum err e = check_transactional(produce);
    for (int i = 0; e != OK && i < produce->item_count; i++) produce->items[i].error = e;
    bool is_light = !is_heavy(produce);
    if (is_light) judge_all(produce, &request->shard->scratch);
    if (is_light && !inflates_too_much(produce)) {
        submit(produce);
        return;
    }
    request_hold(request);
    produce->task = (struct env_task){.run = judge_in_task, .done = judged_in_task};
    env_task_post(request->shard->env, &produce->task);
}
