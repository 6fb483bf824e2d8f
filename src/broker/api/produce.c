// SPDX-License-Identifier: Apache-2.0
// Produce (kafka-internals B1 to B3; design walk 1). Three stages: every batch is judged on the connection's shard, or
// in a task when that means decompressing much; the good ones travel to the shards that own their partitions, one
// message ("leg") per shard; each leg comes home when all its appends are acknowledged as `acks` asks.
#include "proto/produce.h"
#include "base/map.h"
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

struct produce_item {                                       // one partition of the request
    const struct produce_request_topic_produce_data *topic; // readable until the checks are done
    struct produce_response_partition_produce_response *out;
    struct produce_leg *leg;   // NULL when it failed before
    struct produce_item *next; // in the leg
    struct uuid topic_id;
    struct slice records; // as sent
    enum err error;       // of the checks, or of the judgement
    bool is_judged;       // the partition's owner says what comes of it
    struct batch_view view;
    struct validate_options options;
    struct validate_result result;
    struct text rebuilt; // the recompressed batch
    int32_t min_insync_replicas;
    int32_t replica_count;
    bool timed_out;
    uint64_t guard;
    struct txn_verification verification;
    struct open_wait append_wait;
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
    uint32_t *seen; // hash table of 1 + index in items, NULL when no partition can be there twice
    uint32_t seen_mask;
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
    if (e != OK) return e;
    item->leg->unpublished++;
    item->out->base_offset = item->append.base_offset;
    bool tells_time = item->append.is_duplicate || item->result.timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
    item->out->log_append_time_ms = tells_time ? item->append.max_timestamp : -1;
    return OK;
}

// Kafka's answer tells where the log starts when a batch was refused by what is in it, and not by its size or checksum.
static bool tells_log_start(enum err e)
{
    return e != ERR_CORRUPT_MESSAGE && e != ERR_MESSAGE_TOO_LARGE && e != ERR_RECORD_LIST_TOO_LARGE &&
           e != ERR_KAFKA_STORAGE_ERROR;
}

static enum err check_partition(const struct produce_item *item, const struct partition *partition)
{
    enum err e = partition_check(partition, -1);
    if (e != OK) return e;
    int32_t needed = item->min_insync_replicas < item->replica_count ? item->min_insync_replicas : item->replica_count;
    bool wants_all = item->leg->produce->body->acks == ACKS_ALL;
    return wants_all && partition_isr_size(partition) < needed ? ERR_NOT_ENOUGH_REPLICAS : OK;
}

// What is wrong with the partition comes before what is wrong with the batch, though that was found first.
static enum err try_append(struct produce_item *item)
{
    struct partition *partition = partition_find(item->leg->owner, item->topic_id, item->out->index);
    enum err e = check_partition(item, partition);
    if (e != OK) {
        item->out->record_errors.count = 0;
        item->out->error_message = SLICE_NULL;
        return e;
    }
    e = item->error != OK ? item->error : append(item, partition);
    if (tells_log_start(e)) item->out->log_start_offset = plog_log_start(partition->plog);
    return e;
}

static void appends_again(struct open_wait *wait);

static void start_append(struct produce_item *item)
{
    struct partition *partition = partition_find(item->leg->owner, item->topic_id, item->out->index);
    item->append_wait.opened = appends_again;
    if (partition != NULL && partition_await_append(partition, &item->append_wait)) {
        item->leg->unpublished++; // its bytes are needed as if they were with the log
        return;
    }
    enum err e = try_append(item);
    if (e != OK) item_done(item, e);
}

// The partition's log was replaced by its copy in another directory.
static void appends_again(struct open_wait *wait)
{
    struct produce_item *item = CONTAINER_OF(wait, struct produce_item, append_wait);
    item->leg->unpublished--;
    start_append(item);
}

static void verified(struct txn_verification *verification, enum err result)
{
    struct produce_item *item = CONTAINER_OF(verification, struct produce_item, verification);
    if (result == OK)
        start_append(item);
    else
        item_done(item, result);
}

// KIP-890: the first batch of a transaction here is appended only when the transaction's coordinator knows about it.
// True: it has been asked, or there is nothing to ask it for any more.
static bool must_verify(struct produce_item *item)
{
    struct produce_leg *leg = item->leg;
    const struct batch_header *h = &item->view.header;
    item->guard = PLOG_NO_GUARD;
    bool is_asked_for = batch_is_transactional(h) && batch_has_producer(h);
    if (!is_asked_for || !leg->owner->verifies_transactions) return false;
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
        if (!must_verify(item)) start_append(item);
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
        if (produce->items[i].error != OK && !produce->items[i].is_judged)
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

static void fail_all(struct produce *produce, enum err error, struct slice message)
{
    for (int i = 0; i < produce->item_count; i++) {
        produce->items[i].error = error;
        produce->items[i].out->error_message = message;
    }
}

// What fails a request as a whole before any partition of it is looked up. False: it did.
static bool check_request(struct produce *produce)
{
    const struct produce_request *body = produce->body;
    struct text problem = {0};
    enum err e = OK;
    bool is_transactional = false;
    for (int32_t t = 0; t < body->topic_data.count && e == OK && !is_transactional; t++) {
        const struct produce_request_topic_produce_data *topic = &body->topic_data.items[t];
        for (int32_t p = 0; p < topic->partition_data.count && e == OK && !is_transactional; p++)
            e = produce_glance(topic->partition_data.items[p].records.bytes, &is_transactional, &problem);
    }
    bool is_allowed = !is_transactional ||
                      (!slice_is_null(body->transactional_id) &&
                       authorize(&produce->request->ctx, ACL_WRITE, ACL_TRANSACTIONAL_ID, body->transactional_id));
    if (e != OK)
        fail_all(produce, e, arena_copy(&produce->request->arena, text_slice(&problem)));
    else if (!is_allowed)
        fail_all(produce, ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, SLICE_NULL);
    text_deinit(&problem);
    return e == OK && is_allowed;
}

// A transactional request has one producer, and one epoch of it.
static void check_one_producer(struct produce *produce)
{
    const struct batch_header *first = NULL;
    for (int i = 0; i < produce->item_count; i++) {
        const struct produce_item *item = &produce->items[i];
        const struct batch_header *h = &item->view.header;
        bool passed_framing =
            item->error == OK || item->error == ERR_INVALID_REQUIRED_ACKS || item->error == ERR_INVALID_TOPIC_EXCEPTION;
        if (!passed_framing || !batch_is_transactional(h) || !batch_has_producer(h)) continue;
        if (first == NULL) first = h;
        if (first->producer_id == h->producer_id && first->producer_epoch == h->producer_epoch) continue;
        fail_all(produce, ERR_INVALID_PRODUCER_ID_MAPPING,
                 SLICE("Transactional records contained more than one producer ID"));
        return;
    }
}

static void check_all(struct produce *produce)
{
    if (!check_request(produce)) return;
    const struct image *image = produce->request->shard->image;
    bool by_id = produce->request->version >= 13;
    const struct produce_request_topic_produce_data *last = NULL;
    const struct image_topic *in_image = NULL;
    for (int i = 0; i < produce->item_count; i++) {
        struct produce_item *item = &produce->items[i];
        if (item->topic != last) {
            last = item->topic;
            in_image = by_id ? image_topic_by_id(image, last->topic_id) : image_topic_by_name(image, last->name);
        }
        item->error = check(produce, item, in_image);
    }
    check_one_producer(produce);
}

static bool same_topic(const struct produce_request_topic_produce_data *a,
                       const struct produce_request_topic_produce_data *b, bool by_id)
{
    return a == b || (by_id ? uuid_eq(a->topic_id, b->topic_id) : slice_eq(a->name, b->name));
}

// The item that is there for the same partition; else NULL, and the next one is noted as it.
static struct produce_item *find_same(struct produce *produce, uint64_t topic_hash,
                                      const struct produce_request_topic_produce_data *topic, int32_t index)
{
    if (produce->seen == NULL) return NULL;
    bool by_id = produce->request->version >= 13;
    uint32_t slot = (uint32_t)hash_u64(topic_hash, (uint64_t)index) & produce->seen_mask;
    for (; produce->seen[slot] != 0; slot = (slot + 1) & produce->seen_mask) {
        struct produce_item *item = &produce->items[produce->seen[slot] - 1];
        if (item->out->index == index && same_topic(item->topic, topic, by_id)) return item;
    }
    produce->seen[slot] = (uint32_t)produce->item_count + 1;
    return NULL;
}

static void add_topic(struct produce *produce, const struct produce_request_topic_produce_data *in,
                      struct produce_response_topic_produce_response *out)
{
    struct arena *arena = &produce->request->arena;
    out->name = arena_copy(arena, in->name); // the input may go before the answer does
    out->topic_id = in->topic_id;
    out->partition_responses.items =
        ARENA_ARRAY(arena, struct produce_response_partition_produce_response, in->partition_data.count);
    uint64_t hash = produce->seen == NULL ? 0 : hash_bytes(hash_bytes(0, slice_of(in->topic_id.bytes, 16)), in->name);
    for (int32_t i = 0; i < in->partition_data.count; i++) {
        int32_t index = in->partition_data.items[i].index;
        struct slice records = in->partition_data.items[i].records.bytes;
        struct produce_item *item = find_same(produce, hash, in, index);
        if (item != NULL) { // named twice, the last one counts
            item->records = records;
            continue;
        }
        item = &produce->items[produce->item_count++];
        item->topic = in;
        item->records = records;
        item->out = &out->partition_responses.items[out->partition_responses.count++];
        *item->out = produce_response_partition_produce_response_init();
        item->out->index = index;
    }
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

// Could a partition be there twice? Not in one topic whose indexes grow.
static bool may_repeat(const struct produce_request *body)
{
    if (body->topic_data.count != 1) return body->topic_data.count > 1;
    const struct produce_request_topic_produce_data *topic = &body->topic_data.items[0];
    for (int32_t i = 1; i < topic->partition_data.count; i++)
        if (topic->partition_data.items[i].index <= topic->partition_data.items[i - 1].index) return true;
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
    if (may_repeat(produce->body)) {
        uint32_t slots = 4;
        while (slots / 2 < (uint32_t)count) slots *= 2;
        produce->seen = ARENA_ARRAY(&request->arena, uint32_t, slots);
        produce->seen_mask = slots - 1;
    }
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
    check_all(produce);
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
