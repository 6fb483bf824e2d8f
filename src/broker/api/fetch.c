// SPDX-License-Identifier: Apache-2.0
// Fetch (kafka-internals B5; design walk 2). Each owner's shard reads its partitions in one visit ("leg") and brings
// home file ranges, which are cut to the request's limits in the request's order. With less than min.bytes the legs go
// out once more to watch; the first to see enough comes home, the others are called back, and everything is read anew.
// A request of a session (broker/fetch_session.h) looks there for what it reads first, and for what it says last.
#include "proto/fetch.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"
#include "broker/partition.h"
#include "broker/topics.h"

enum { READ_COMMITTED = 1, CONSUMER = -1 };

struct fetch_leg;

struct fetch_item { // one partition of the request
    const struct fetch_request_fetch_partition *in;
    struct fetch_response_partition_data *out;
    struct fetch_leg *leg;   // NULL: unknown, nothing to read or watch
    struct fetch_item *next; // in the leg
    struct uuid topic_id;
    struct plog_range range;
    struct plog_read_op cold;
    struct fetch_watch watch;
    bool is_beyond; // asked behind what it may see, but within the log: an empty answer at once (B5)
};

struct fetch_leg {
    struct env_msg msg;    // out and home
    struct env_msg recall; // ends a watch early; travels on its own, since the leg may be on its way home already
    struct fetch *fetch;
    struct shard *owner;
    struct fetch_item *first;
    struct fetch_item **last;
    int pending; // cold reads, +1 while reading
    struct open_wait open_wait;
    bool is_out;
    bool is_watching;
};

enum fetch_state {
    FETCH_READING,
    FETCH_WATCHING,
    FETCH_RECALLING, // one leg saw enough, or the time is up: the others are called back
};

struct fetch {
    enum fetch_state state;
    struct request *request;
    const struct fetch_request *body;
    struct fetch_response response;
    struct fetch_item *items;
    int item_count;
    int readable_count;
    int64_t limit_bytes;
    int64_t total_bytes;
    bool has_error;         // one that ends the wait, or an offset that nobody needs to wait for
    struct fetch_leg *legs; // by shard
    int legs_out;           // visits and recalls under way
    struct env_timer deadline;
    bool is_due; // the wait is over: answer with what there is
    // Sessions.
    struct fetch_use use;
    bool wants_session;
    struct env_msg to_session; // there and back
    enum err session_error;
};

// ---- reading, on the owner's shard -------------------------------------------------------------------------------

static void leg_home(struct env *env, struct env_msg *msg);

static void go_home(struct fetch_leg *leg)
{
    struct shard *home = leg->fetch->request->shard;
    leg->msg.run = leg_home;
    if (home == leg->owner)
        leg_home(home->env, &leg->msg);
    else
        env_post(home->env, &leg->msg);
}

// KIP-320: does the reader's history agree with ours? False: the answer says where it parts.
static bool history_agrees(const struct fetch_item *item, const struct plog *plog, enum err *error)
{
    if (item->in->last_fetched_epoch < 0) return true;
    int32_t epoch = -1;
    int64_t end = -1;
    plog_end_offset_of_epoch(plog, item->in->last_fetched_epoch, &epoch, &end);
    if (epoch < 0) {
        *error = ERR_OFFSET_OUT_OF_RANGE;
        return false;
    }
    if (epoch == item->in->last_fetched_epoch && end >= item->in->fetch_offset) return true;
    item->out->diverging_epoch.epoch = epoch;
    item->out->diverging_epoch.end_offset = end;
    return false;
}

static void set_error(struct fetch_item *item, enum err error)
{
    item->out->error_code = err_to_wire(error);
    item->out->high_watermark = -1;
    item->out->last_stable_offset = -1;
    item->out->log_start_offset = -1;
}

static void cold_read_done(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    struct fetch_item *item = CONTAINER_OF(op, struct fetch_item, cold.op);
    if (op->result == OK)
        item->range = item->cold.range;
    else if (op->result != ERR_BUSY) // too many are being read: not shown this time
        set_error(item, op->result);
    if (--item->leg->pending == 0) go_home(item->leg);
}

static void read_item(struct fetch_item *item)
{
    const struct fetch_request *body = item->leg->fetch->body;
    struct partition *partition = partition_find(item->leg->owner, item->topic_id, item->in->partition);
    enum err e = partition_check(partition, item->in->current_leader_epoch);
    if (e != OK) {
        set_error(item, e);
        return;
    }
    struct plog *plog = partition->plog;
    item->out->high_watermark = plog_high_watermark(plog);
    item->out->last_stable_offset = plog_last_stable_offset(plog);
    item->out->log_start_offset = plog_log_start(plog);
    if (!history_agrees(item, plog, &e)) {
        if (e != OK) set_error(item, e);
        return;
    }
    bool committed = body->isolation_level == READ_COMMITTED;
    item->cold.spec =
        (struct plog_read_spec){.offset = item->in->fetch_offset,
                                .max_bytes = item->in->partition_max_bytes,
                                .min_one = true,
                                .may_give_up = true,
                                .wants_aborted = committed,
                                .limit_offset = committed ? item->out->last_stable_offset : item->out->high_watermark};
    item->is_beyond = item->in->fetch_offset > item->cold.spec.limit_offset;
    if (item->cold.spec.max_bytes > item->leg->fetch->limit_bytes)
        item->cold.spec.max_bytes = (int32_t)item->leg->fetch->limit_bytes;
    if (item->cold.spec.max_bytes < 0) item->cold.spec.max_bytes = 0;
    e = plog_read(plog, &item->cold.spec, &item->range);
    if (e == ERR_AGAIN) {
        item->leg->pending++;
        item->cold.op.done = cold_read_done;
        plog_read_cold(plog, &item->cold);
    } else if (e != OK) {
        set_error(item, e);
    }
}

static void read_items(struct fetch_leg *leg)
{
    leg->pending = 1;
    for (struct fetch_item *item = leg->first; item != NULL; item = item->next) read_item(item);
    if (--leg->pending == 0) go_home(leg);
}

// A topic that was just created: its logs are being made.
static void opened(struct open_wait *wait)
{
    struct fetch_leg *leg = CONTAINER_OF(wait, struct fetch_leg, open_wait);
    wait->opened = opened;
    for (struct fetch_item *item = leg->first; item != NULL; item = item->next) {
        struct partition *partition = partition_find(leg->owner, item->topic_id, item->in->partition);
        if (partition != NULL && partition_await_open(partition, wait)) return;
    }
    read_items(leg);
}

static void read_leg(struct env *env, struct env_msg *msg)
{
    (void)env;
    opened(&CONTAINER_OF(msg, struct fetch_leg, msg)->open_wait);
}

// ---- watching, on the owner's shard ------------------------------------------------------------------------------

static void end_watch(struct fetch_leg *leg)
{
    leg->is_watching = false;
    for (struct fetch_item *item = leg->first; item != NULL; item = item->next) partition_unwatch(&item->watch);
}

// At the end of the turn, when all its appends have moved the high watermark: one look for many.
static void watch_over(struct env *env, struct env_msg *msg)
{
    (void)env;
    go_home(CONTAINER_OF(msg, struct fetch_leg, msg));
}

static void fired(struct fetch_watch *watch)
{
    struct fetch_leg *leg = CONTAINER_OF(watch, struct fetch_item, watch)->leg;
    if (!leg->is_watching) return;
    end_watch(leg);
    leg->msg.run = watch_over;
    env_at_turn_end(leg->owner->env, &leg->msg);
}

// False: there is more to see than when it was read, or nothing to see any more.
static bool watch_item(struct fetch_item *item, int64_t size_bytes)
{
    struct partition *partition = partition_find(item->leg->owner, item->topic_id, item->in->partition);
    if (partition_check(partition, item->in->current_leader_epoch) != OK) return false;
    struct plog *plog = partition->plog;
    bool committed = item->leg->fetch->body->isolation_level == READ_COMMITTED;
    if (plog_high_watermark(plog) != item->out->high_watermark) return false;
    if (committed && plog_last_stable_offset(plog) != item->out->last_stable_offset) return false;
    item->watch.is_committed = committed;
    item->watch.offset = committed ? item->out->last_stable_offset : item->out->high_watermark;
    item->watch.size_bytes = size_bytes;
    item->watch.fire = fired;
    partition_watch(partition, &item->watch);
    return true;
}

static void watch_leg(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct fetch_leg *leg = CONTAINER_OF(msg, struct fetch_leg, msg);
    const struct fetch *fetch = leg->fetch;
    // If all together reach what is missing, at least one brings its share of it.
    int64_t missing = fetch->body->min_bytes - fetch->total_bytes;
    int64_t share = (missing + fetch->readable_count - 1) / fetch->readable_count;
    leg->is_watching = true;
    for (struct fetch_item *item = leg->first; item != NULL; item = item->next) {
        if (watch_item(item, share)) continue;
        end_watch(leg);
        leg->msg.run = watch_over;
        env_at_turn_end(env, &leg->msg);
        return;
    }
}

static void recall_home(struct env *env, struct env_msg *msg);

static void recall_leg(struct env *env, struct env_msg *msg)
{
    struct fetch_leg *leg = CONTAINER_OF(msg, struct fetch_leg, recall);
    struct shard *home = leg->fetch->request->shard;
    if (leg->is_watching) {
        end_watch(leg);
        leg->msg.run = watch_over;
        env_at_turn_end(env, &leg->msg);
    }
    leg->recall.run = recall_home;
    env_post(home->env, &leg->recall);
}

// ---- at home -----------------------------------------------------------------------------------------------------

static void release_range(struct plog_range *range)
{
    file_unref(range->file);
    mem_free(range->aborted);
    *range = (struct plog_range){0};
}

static void release_ranges(struct fetch *fetch)
{
    for (int i = 0; i < fetch->item_count; i++) release_range(&fetch->items[i].range);
}

// B5: the first range may exceed the limits by its first batch, the others get what is left, whole batches or nothing.
static void apportion(struct fetch *fetch)
{
    int64_t left = fetch->limit_bytes;
    fetch->total_bytes = 0;
    fetch->has_error = false;
    for (int i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        struct plog_range *range = &item->range;
        bool ends_wait = item->out->error_code != 0 || item->out->diverging_epoch.epoch >= 0 || item->is_beyond;
        if (item->leg != NULL && ends_wait) fetch->has_error = true;
        if (range->file == NULL) continue;
        bool is_first = fetch->total_bytes == 0;
        int64_t most = left < item->in->partition_max_bytes ? left : item->in->partition_max_bytes;
        if (is_first && most < range->first_size) most = range->first_size;
        if (range->size > most) range->size = (int32_t)(most > 0 ? most : 0);
        if (range->size < range->first_size) range->size = 0;
        fetch->total_bytes += range->size;
        left -= range->size;
        if (range->size == 0) release_range(range);
    }
}

static void reply(struct fetch *fetch)
{
    if (fetch->session_error != OK) {
        fetch->response.error_code = err_to_wire(fetch->session_error);
        fetch->response.responses.count = 0;
    }
    cluster_add_fetch_hints(fetch->request, &fetch->response);
    request_reply(fetch->request, &fetch->response);
}

typedef void visit_fn(struct env *env, struct env_msg *msg);

static void visit_session(struct fetch *fetch, int32_t session_id, visit_fn *visit)
{
    struct shard *home = fetch->request->shard;
    struct shard *owner = home->broker->shards[fetch_session_shard(session_id, home->broker->shard_count)];
    fetch->to_session.run = visit;
    if (owner == home)
        visit(home->env, &fetch->to_session);
    else
        env_post(owner->env, &fetch->to_session);
}

static void leave_session(struct env *env, struct fetch *fetch, visit_fn *home)
{
    fetch->to_session.run = home;
    if (fetch->request->shard == shard_here(env))
        home(env, &fetch->to_session);
    else
        env_post(fetch->request->shard->env, &fetch->to_session);
}

static void finished(struct env *env, struct env_msg *msg)
{
    (void)env;
    reply(CONTAINER_OF(msg, struct fetch, to_session));
}

static void finish_session(struct env *env, struct env_msg *msg)
{
    struct fetch *fetch = CONTAINER_OF(msg, struct fetch, to_session);
    fetch->session_error =
        fetch_session_finish(&shard_here(env)->fetch_sessions, &fetch->use, fetch->request->version, &fetch->response);
    leave_session(env, fetch, finished);
}

static void create_session(struct fetch *fetch)
{
    struct shard *shard = fetch->request->shard;
    uint32_t random = 0;
    env_random(shard->env, &random, sizeof(random));
    fetch->response.session_id = fetch_session_create(&shard->fetch_sessions, fetch->body, fetch->request->version,
                                                      &fetch->response, shard->image, env_now_ms(shard->env), random);
}

// Over a quota: nothing is sent now, and so nothing counts. The session stands as it did, the client asks again.
static bool is_throttled(struct fetch *fetch)
{
    struct request *request = fetch->request;
    struct shard *shard = request->shard;
    if (!shard->quotas.is_set[QUOTA_FETCH] && !shard->quotas.is_set[QUOTA_REQUEST]) return false;
    request_charge_time(request);
    size_t size = 0;
    enum err e = wire_size(request->api->response, request->version, &fetch->response, &size);
    if (shard->quotas.is_set[QUOTA_FETCH] && e == OK) {
        struct quota_user who = request_quota_user(request);
        request_throttle(request, quotas_record(shard, QUOTA_FETCH, who, (double)size));
        if (request->throttle_ms > 0) quotas_unrecord(shard, QUOTA_FETCH, who, (double)size);
    }
    if (request->throttle_ms == 0) return false;
    fetch->response.responses.count = 0;
    fetch->response.session_id = fetch->use.session_id;
    request_reply(request, &fetch->response);
    return true;
}

static void list_aborted(struct fetch *fetch, struct fetch_item *item)
{
    struct plog_range *range = &item->range;
    int32_t count = range->aborted_count;
    if (count > 0) {
        item->out->aborted_transactions.items =
            ARENA_ARRAY(&fetch->request->arena, struct fetch_response_aborted_transaction, count);
        item->out->aborted_transactions.count = count;
    }
    for (int32_t i = 0; i < count; i++)
        item->out->aborted_transactions.items[i] = (struct fetch_response_aborted_transaction){
            .producer_id = range->aborted[i].producer_id, .first_offset = range->aborted[i].first_offset};
    mem_free(range->aborted);
    range->aborted = NULL;
}

static void answer(struct fetch *fetch)
{
    struct request *request = fetch->request;
    env_timer_cancel(request->shard->env, &fetch->deadline);
    request->abandoned = NULL;
    for (int i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        item->out->records = (struct wire_records){.bytes = SLICE("")};
        if (item->range.file == NULL) continue;
        list_aborted(fetch, item);
        item->out->records.file = item->range.file;
        item->out->records.position = item->range.position;
        item->out->records.size = item->range.size;
        request_pin_file(request, item->range.file); // takes the range's reference
    }
    if (is_throttled(fetch)) return;
    if (fetch->wants_session && request->conn != NULL) create_session(fetch);
    if (fetch->use.session_id == FETCH_SESSION_NONE)
        reply(fetch);
    else
        visit_session(fetch, fetch->use.session_id, finish_session);
}

// Sends every leg out. Our own goes last: it may come home, and answer, within the call.
static void send_legs(struct fetch *fetch, enum fetch_state state, visit_fn *visit)
{
    struct shard *home = fetch->request->shard;
    struct fetch_leg *own = NULL;
    fetch->state = state;
    for (int i = 0; i < home->broker->shard_count; i++) {
        struct fetch_leg *leg = &fetch->legs[i];
        if (leg->owner == NULL) continue;
        leg->is_out = true;
        leg->msg.run = visit;
        fetch->legs_out++;
        if (leg->owner == home)
            own = leg;
        else
            env_post(leg->owner->env, &leg->msg);
    }
    if (own != NULL) visit(home->env, &own->msg);
}

static void recall_legs(struct fetch *fetch)
{
    struct shard *home = fetch->request->shard;
    fetch->state = FETCH_RECALLING;
    for (int i = 0; i < home->broker->shard_count; i++) {
        struct fetch_leg *leg = &fetch->legs[i];
        if (leg->owner == NULL || !leg->is_out) continue;
        fetch->legs_out++;
        leg->recall.run = recall_leg;
        env_post(leg->owner->env, &leg->recall);
    }
}

static bool is_satisfied(const struct fetch *fetch)
{
    int64_t wanted = fetch->body->min_bytes < fetch->limit_bytes ? fetch->body->min_bytes : fetch->limit_bytes;
    return fetch->is_due || fetch->has_error || fetch->total_bytes >= wanted;
}

static void all_home(struct fetch *fetch)
{
    if (fetch->state != FETCH_READING) {
        send_legs(fetch, FETCH_READING, read_leg);
        return;
    }
    apportion(fetch);
    if (is_satisfied(fetch)) {
        answer(fetch);
        return;
    }
    release_ranges(fetch);
    send_legs(fetch, FETCH_WATCHING, watch_leg);
}

static void came_home(struct fetch *fetch)
{
    fetch->legs_out--;
    if (fetch->state == FETCH_WATCHING) recall_legs(fetch);
    if (fetch->legs_out == 0) all_home(fetch);
}

static void leg_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct fetch_leg *leg = CONTAINER_OF(msg, struct fetch_leg, msg);
    leg->is_out = false;
    came_home(leg->fetch);
}

static void recall_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    came_home(CONTAINER_OF(msg, struct fetch_leg, recall)->fetch);
}

static void stop_waiting(struct fetch *fetch)
{
    fetch->is_due = true;
    if (fetch->state == FETCH_WATCHING) recall_legs(fetch);
}

static void deadline_passed(struct env *env, struct env_timer *timer)
{
    (void)env;
    stop_waiting(CONTAINER_OF(timer, struct fetch, deadline));
}

static void abandoned(struct request *request)
{
    stop_waiting(request->handler_state);
}

// ---- the request -------------------------------------------------------------------------------------------------

static void route(struct fetch *fetch, struct fetch_item *item)
{
    struct shard *owner = shard_of_partition(fetch->request->shard->broker, item->topic_id.bytes, item->in->partition);
    struct fetch_leg *leg = &fetch->legs[owner->env->shard];
    if (leg->owner == NULL) *leg = (struct fetch_leg){.fetch = fetch, .owner = owner, .last = &leg->first};
    item->leg = leg;
    *leg->last = item;
    leg->last = &item->next;
    fetch->readable_count++;
}

// `name`: under which a session has known the topic's id; the id of a sessionless request comes without.
static enum err why_missing(const struct request *request, struct slice name, int32_t partition)
{
    if (request->version < 13) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (name.size == 0) return ERR_UNKNOWN_TOPIC_ID;
    bool has_namesake = image_partition(request->shard->image, name, partition) != NULL;
    return has_namesake ? ERR_INCONSISTENT_TOPIC_ID : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static enum err locate(struct fetch *fetch, struct fetch_item *item, struct slice name, const struct image_topic *topic)
{
    struct request *request = fetch->request;
    if (topic == NULL) return why_missing(request, name, item->in->partition);
    if (!authorize(&request->ctx, ACL_READ, ACL_TOPIC, topic->name)) return ERR_TOPIC_AUTHORIZATION_FAILED;
    if (image_partition_at(topic, item->in->partition) == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    item->topic_id = topic->id;
    return OK;
}

static void add_topic(struct fetch *fetch, const struct fetch_request_fetch_topic *in,
                      struct fetch_response_fetchable_topic_response *out)
{
    struct request *request = fetch->request;
    const struct image *image = request->shard->image;
    const struct image_topic *topic =
        request->version >= 13 ? image_topic_by_id(image, in->topic_id) : image_topic_by_name(image, in->topic);
    bool committed = fetch->body->isolation_level == READ_COMMITTED;
    out->topic = in->topic;
    out->topic_id = in->topic_id;
    out->partitions.count = in->partitions.count;
    out->partitions.items = ARENA_ARRAY(&request->arena, struct fetch_response_partition_data, in->partitions.count);
    for (int32_t i = 0; i < in->partitions.count; i++) {
        struct fetch_item *item = &fetch->items[fetch->item_count++];
        item->in = &in->partitions.items[i];
        item->out = &out->partitions.items[i];
        *item->out = fetch_response_partition_data_init();
        item->out->partition_index = item->in->partition;
        item->out->aborted_transactions.count = -1;
        enum err e = locate(fetch, item, in->topic, topic);
        if (e != OK)
            set_error(item, e);
        else
            route(fetch, item);
        if (committed) item->out->aborted_transactions.count = 0;
    }
}

static void read_topics(struct fetch *fetch)
{
    struct request *request = fetch->request;
    const struct fetch_use *use = &fetch->use;
    int32_t most = request->shard->broker->fetch_bytes_max;
    int count = 0;
    for (int32_t i = 0; i < use->topic_count; i++) count += use->topics[i].partitions.count;
    fetch->limit_bytes = fetch->body->max_bytes < most ? fetch->body->max_bytes : most;
    if (request->shard->quotas.is_set[QUOTA_FETCH]) {
        int64_t allowed = quotas_most(request->shard, QUOTA_FETCH, request_quota_user(request));
        if (allowed < fetch->limit_bytes) fetch->limit_bytes = (int32_t)allowed;
    }
    fetch->items = ARENA_ARRAY(&request->arena, struct fetch_item, count);
    fetch->legs = ARENA_ARRAY(&request->arena, struct fetch_leg, request->shard->broker->shard_count);
    fetch->response.responses.items =
        ARENA_ARRAY(&request->arena, struct fetch_response_fetchable_topic_response, use->topic_count);
    for (int32_t i = 0; i < use->topic_count; i++) {
        if (use->topics[i].partitions.count <= 0) continue; // nothing asked, nothing said
        add_topic(fetch, &use->topics[i], &fetch->response.responses.items[fetch->response.responses.count++]);
    }
    request->waits_ns = (int64_t)fetch->body->max_wait_ms * 1000000;
    fetch->is_due = fetch->body->max_wait_ms <= 0 || request->conn == NULL;
    if (fetch->readable_count == 0) {
        answer(fetch);
        return;
    }
    request->handler_state = fetch;
    request->abandoned = abandoned;
    fetch->deadline.fire = deadline_passed;
    if (!fetch->is_due) env_timer_after_ms(request->shard->env, &fetch->deadline, fetch->body->max_wait_ms);
    send_legs(fetch, FETCH_READING, read_leg);
}

static void begun(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct fetch *fetch = CONTAINER_OF(msg, struct fetch, to_session);
    if (fetch->session_error == OK)
        read_topics(fetch);
    else
        reply(fetch);
}

static void begin_session(struct env *env, struct env_msg *msg)
{
    struct fetch *fetch = CONTAINER_OF(msg, struct fetch, to_session);
    struct shard *shard = shard_here(env);
    fetch->session_error = fetch_session_begin(&shard->fetch_sessions, fetch->body, fetch->request->version,
                                               shard->image, env_now_ms(env), &fetch->request->arena, &fetch->use);
    leave_session(env, fetch, begun);
}

struct session_end {
    struct env_msg msg;
    int32_t session_id;
};

static void end_session(struct env *env, struct env_msg *msg)
{
    struct session_end *end = CONTAINER_OF(msg, struct session_end, msg);
    fetch_session_remove(&shard_here(env)->fetch_sessions, end->session_id);
    mem_free(end);
}

// A full fetch ends the session it names.
static void forget_session(struct shard *shard, int32_t session_id)
{
    struct session_end *end = MEM_NEW(struct session_end);
    struct shard *owner = shard->broker->shards[fetch_session_shard(session_id, shard->broker->shard_count)];
    *end = (struct session_end){.msg = {.run = end_session}, .session_id = session_id};
    if (owner == shard)
        end_session(shard->env, &end->msg);
    else
        env_post(owner->env, &end->msg);
}

void api_fetch(struct request *request)
{
    const struct fetch_request *body = request->body;
    struct fetch *fetch = ARENA_NEW(&request->arena, struct fetch);
    fetch->request = request;
    fetch->body = body;
    fetch->response = fetch_response_init();
    fetch->use = (struct fetch_use){.topics = body->topics.items, .topic_count = body->topics.count};
    if (request->version >= 7 && fetch_is_incremental(body->session_epoch)) {
        visit_session(fetch, body->session_id, begin_session);
        return;
    }
    if (request->version >= 7 && body->session_id != FETCH_SESSION_NONE)
        forget_session(request->shard, body->session_id);
    fetch->wants_session = request->version >= 7 && body->session_epoch == FETCH_EPOCH_INITIAL;
    read_topics(fetch);
}
