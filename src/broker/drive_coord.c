// SPDX-License-Identifier: Apache-2.0
// Drives coordinators (design rule 5): reads their logs into them, appends what they decide, tells them when it is
// committed and what time it is.
//
//   DRAINING   appends of a former life are still under way; then its log is read
//   LOADING    slice by slice: found on the loop, read in a task, taken in on the loop; then the high watermark must
//              reach what was read
//   READY      serves
//   BROKEN     its log cannot be understood: NOT_COORDINATOR until the partition changes hands
// A life ends with a failed append, a new leader epoch or the partition; what is under way then carries the number of
// its life and is thrown away when it comes back. The struct goes with the last of it.
#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/coordinators_int.h"
#include "broker/partition.h"
#include "broker/topics.h"

enum {
    LOAD_SLICE_BYTES = 128 * 1024, // about a millisecond of records
    RELOAD_DELAY_MS = 100,         // after a failed append: whatever refused it is not asked in a circle
    BATCH_BYTES_DEFAULT = 1048588,
};

enum state { DRAINING, LOADING, READY, BROKEN, GONE };

struct coordinator {
    struct list in_shard;
    struct shard *shard;
    struct partition *partition; // NULL: GONE
    enum coordinator_kind kind;
    enum state state;
    uint64_t life;
    int32_t epoch;       // leader epoch of this life
    struct coord *coord; // LOADING, READY
    union coordinator_settings settings;
    struct list flights;    // struct flight: batches that are not committed
    int busy;               // tasks and messages that will come back
    struct env_timer timer; // READY: the coord's deadline. DRAINING: the delay
    int64_t deadline_ms;    // the timer is set for; INT64_MAX = not
    bool is_delayed;
    struct env_msg flush;
    bool is_flush_queued;

    int64_t load_offset; // next to read
    int64_t load_end;
    int64_t load_start_ms;
    struct ack_wait load_wait; // for the high watermark
};

// One batch from append to commit.
struct flight {
    struct list link; // coordinator->flights
    struct coordinator *coordinator;
    uint64_t life;
    uint64_t sequence;
    struct text bytes;
    struct open_wait append_wait; // the log is being replaced
    struct plog_append append;
    struct ack_wait wait;
};

// One slice of the log on its way in.
struct slice_load {
    struct coordinator *coordinator;
    uint64_t life;
    struct plog_read_op read;
    struct env_task task;
    struct plog_range range;
    uint8_t *bytes;
    size_t got;
    enum err result;
};

static void step(struct coordinator *c, struct coord_event event);
static void try_load(struct coordinator *c);
static void load_next(struct coordinator *c);

static void free_if_idle(struct coordinator *c)
{
    if (c->state == GONE && c->busy == 0 && list_is_empty(&c->flights)) mem_free(c);
}

// ---- the end of a life ---------------------------------------------------------------------------------------------

static void end_flight(struct flight *flight)
{
    list_remove(&flight->link);
    text_deinit(&flight->bytes);
    mem_free(flight);
}

static void send_answers(struct coord_effects *effects)
{
    for (struct list *link; (link = list_pop_front(&effects->answered)) != NULL;) {
        struct coord_call *call = LIST_ITEM(link, struct coord_call, link);
        coordinator_answered(CONTAINER_OF(call, struct coordinator_call, call));
    }
}

// Everybody who waits is told `why`. Appends that are with the log come back when it has decided about them.
static void end_life(struct coordinator *c, enum state next, enum err why)
{
    struct coord *coord = c->coord;
    c->coord = NULL;
    c->state = next;
    c->life++;
    env_timer_cancel(c->shard->env, &c->timer);
    c->deadline_ms = INT64_MAX;
    list_remove(&c->load_wait.link);
    LIST_EACH (link, &c->flights) {
        struct flight *flight = LIST_ITEM(link, struct flight, link);
        if (!list_is_linked(&flight->wait.link)) continue;
        list_remove(&flight->wait.link);
        end_flight(flight);
    }
    if (coord == NULL) return;
    struct coord_effects effects;
    coord_effects_init(&effects);
    coord_fail(coord, why, &effects);
    coord_free(coord);
    send_answers(&effects);
}

// What an answer was worth whose batch the log refused, in Kafka's words for coordinators.
static enum err refusal_of(enum err append_error)
{
    switch ((int)append_error) {
    case ERR_NOT_ENOUGH_REPLICAS:
    case ERR_BUSY: return ERR_COORDINATOR_NOT_AVAILABLE;
    case ERR_RECORD_LIST_TOO_LARGE: return ERR_UNKNOWN_SERVER_ERROR;
    default: return ERR_NOT_COORDINATOR;
    }
}

static void append_failed(struct coordinator *c, enum err why)
{
    log_warn(c->shard->log, "coord", "%s-%d: an append failed (%s); loading the coordinator anew", c->partition->topic,
             c->partition->index, err_text(why));
    end_life(c, DRAINING, refusal_of(why));
    c->is_delayed = true;
    env_timer_after_ms(c->shard->env, &c->timer, RELOAD_DELAY_MS);
}

static void break_down(struct coordinator *c, enum err why)
{
    log_error(c->shard->log, "coord",
              "%s-%d: its log cannot be loaded from offset %lld (%s); groups of this partition are not served",
              c->partition->topic, c->partition->index, (long long)c->load_offset, err_text(why));
    end_life(c, BROKEN, ERR_NOT_COORDINATOR);
}

// ---- appending -----------------------------------------------------------------------------------------------------

static void acknowledged(struct ack_wait *wait, enum err result)
{
    struct flight *flight = CONTAINER_OF(wait, struct flight, wait);
    struct coordinator *c = flight->coordinator;
    uint64_t sequence = flight->sequence;
    end_flight(flight);
    if (result == OK)
        step(c, (struct coord_event){.kind = EV_COORD_COMMITTED, .sequence = sequence});
    else
        append_failed(c, result);
}

static void appended(struct plog *plog, struct plog_append *append)
{
    (void)plog;
    struct flight *flight = CONTAINER_OF(append, struct flight, append);
    struct coordinator *c = flight->coordinator;
    enum err e = append->result;
    if (flight->life != c->life) {
        end_flight(flight);
        try_load(c);
        free_if_idle(c);
        return;
    }
    text_deinit(&flight->bytes);
    if (e != OK) {
        end_flight(flight);
        append_failed(c, e);
        return;
    }
    flight->wait.offset = append->end_offset;
    flight->wait.done = acknowledged;
    partition_wait_ack(c->partition, ACK_OF_ALL, &flight->wait);
}

static void appends_again(struct open_wait *wait);

static enum err submit(struct coordinator *c, struct flight *flight)
{
    struct partition *partition = c->partition;
    flight->append_wait.opened = appends_again;
    if (partition_await_append(partition, &flight->append_wait)) return OK;
    const struct topic *topic = topic_by_id(c->shard, partition->topic_id);
    const struct image_topic *in_image = image_topic_by_id(c->shard->image, partition->topic_id);
    if (topic == NULL || in_image == NULL) return ERR_NOT_LEADER_OR_FOLLOWER;
    int32_t replicas = image_partition_at(in_image, partition->index)->replicas.count;
    int32_t needed = topic->config.min_insync_replicas < replicas ? topic->config.min_insync_replicas : replicas;
    if (partition_isr_size(partition) < needed) return ERR_NOT_ENOUGH_REPLICAS;
    flight->append = (struct plog_append){.bytes = flight->bytes.data,
                                          .size = flight->bytes.size,
                                          .origin = PLOG_COORDINATOR,
                                          .leader_epoch = c->epoch,
                                          .done = appended};
    return plog_append(partition->plog, &flight->append);
}

static void appends_again(struct open_wait *wait)
{
    struct flight *flight = CONTAINER_OF(wait, struct flight, append_wait);
    struct coordinator *c = flight->coordinator;
    if (flight->life != c->life) {
        end_flight(flight);
        try_load(c);
        free_if_idle(c);
        return;
    }
    enum err e = submit(c, flight);
    if (e == OK) return;
    end_flight(flight);
    append_failed(c, e);
}

// Takes the batch's bytes. False: this life is over.
static bool append(struct coordinator *c, struct coord_batch *batch)
{
    struct flight *flight = MEM_NEW(struct flight);
    *flight = (struct flight){.coordinator = c, .life = c->life, .sequence = batch->sequence, .bytes = batch->bytes};
    list_push_back(&c->flights, &flight->link);
    enum err e = submit(c, flight);
    if (e == OK) return true;
    end_flight(flight);
    append_failed(c, e);
    return false;
}

static void append_all(struct coordinator *c, struct coord_effects *effects)
{
    bool is_alive = true;
    for (struct list *link; (link = list_pop_front(&effects->appends)) != NULL;) {
        struct coord_batch *batch = LIST_ITEM(link, struct coord_batch, link);
        if (is_alive)
            is_alive = append(c, batch);
        else
            text_deinit(&batch->bytes);
        mem_free(batch);
    }
}

// ---- steps ---------------------------------------------------------------------------------------------------------

static void flush(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct coordinator *c = CONTAINER_OF(msg, struct coordinator, flush);
    c->is_flush_queued = false;
    c->busy--;
    if (c->state == READY)
        step(c, (struct coord_event){.kind = EV_COORD_FLUSH});
    else
        try_load(c);
    free_if_idle(c);
}

static void flush_at_turn_end(struct coordinator *c)
{
    if (c->is_flush_queued) return;
    c->is_flush_queued = true;
    c->busy++;
    c->flush = (struct env_msg){.run = flush};
    env_at_turn_end(c->shard->env, &c->flush);
}

static void due(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct coordinator *c = CONTAINER_OF(timer, struct coordinator, timer);
    c->deadline_ms = INT64_MAX;
    if (c->state == READY) {
        step(c, (struct coord_event){.kind = EV_COORD_TICK});
        return;
    }
    c->is_delayed = false;
    try_load(c);
}

static void set_timer(struct coordinator *c)
{
    int64_t deadline_ms = coord_deadline_ms(c->coord);
    if (deadline_ms == c->deadline_ms) return;
    c->deadline_ms = deadline_ms;
    if (deadline_ms == INT64_MAX)
        env_timer_cancel(c->shard->env, &c->timer);
    else
        env_timer_set_ns(c->shard->env, &c->timer, deadline_ms * 1000000);
}

static enum err try_step(struct coordinator *c, struct coord_event *event, struct coord_effects *effects)
{
    event->now_ms = env_now_ms(c->shard->env);
    event->wall_ms = env_wall_ms(c->shard->env);
    event->image = c->shard->image;
    coord_effects_init(effects);
    return coord_step(c->coord, event, effects);
}

static void step(struct coordinator *c, struct coord_event event)
{
    struct coord_effects effects;
    enum err e = try_step(c, &event, &effects);
    ASSERT(e == OK); // only loading can fail
    set_timer(c);
    if (effects.wants_flush) flush_at_turn_end(c);
    append_all(c, &effects);
    send_answers(&effects);
}

// ---- loading -------------------------------------------------------------------------------------------------------

static void finished(struct ack_wait *wait, enum err result)
{
    struct coordinator *c = CONTAINER_OF(wait, struct coordinator, load_wait);
    if (result != OK) return; // the partition is on its way out and says so itself
    c->state = READY;
    step(c, (struct coord_event){.kind = EV_COORD_LOADED});
    int64_t start = plog_log_start(c->partition->plog);
    if (c->load_end > start)
        log_info(c->shard->log, "coord", "%s-%d loaded in epoch %d: offsets %lld to %lld in %lld ms",
                 c->partition->topic, c->partition->index, c->epoch, (long long)start, (long long)c->load_end,
                 (long long)(env_now_ms(c->shard->env) - c->load_start_ms));
}

static void release_slice(struct slice_load *load)
{
    file_unref(load->range.file);
    mem_free(load->bytes);
    mem_free(load);
}

// False: the slice is of a former life, or could not be read; it is gone then.
static bool is_current(struct slice_load *load, enum err result)
{
    struct coordinator *c = load->coordinator;
    if (load->life == c->life && result == OK) return true;
    bool was_cut = load->life == c->life && result == ERR_OFFSET_OUT_OF_RANGE &&
                   c->load_offset < plog_log_start(c->partition->plog);
    if (load->life == c->life && !was_cut) break_down(c, result);
    release_slice(load);
    c->busy--;
    if (was_cut) load_next(c); // below the log's start by now
    try_load(c);
    free_if_idle(c);
    return false;
}

// Feeds whole batches; what is cut at the end comes again with the next slice.
static enum err feed(struct coordinator *c, struct slice bytes)
{
    struct batch_iter it = batch_iter(bytes);
    struct batch_view batch;
    int64_t next = c->load_offset;
    while (batch_next(&it, &batch)) next = batch_last_offset(&batch.header) + 1;
    if (it.err == ERR_CORRUPT || next <= c->load_offset) return ERR_CORRUPT;
    struct coord_event event = {.kind = EV_COORD_LOAD, .batches = slice_of(bytes.data, bytes.size - it.rest.size)};
    struct coord_effects effects;
    enum err e = try_step(c, &event, &effects);
    if (e == OK) c->load_offset = next;
    return e;
}

static void slice_run(struct env_task *task, struct fs *fs)
{
    (void)fs;
    struct slice_load *load = CONTAINER_OF(task, struct slice_load, task);
    load->bytes = mem_alloc((size_t)load->range.size);
    load->result =
        file_pread(load->range.file, load->range.position, load->bytes, (size_t)load->range.size, &load->got);
}

static void slice_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct slice_load *load = CONTAINER_OF(task, struct slice_load, task);
    struct coordinator *c = load->coordinator;
    if (!is_current(load, load->result)) return;
    enum err e = feed(c, slice_of(load->bytes, load->got));
    release_slice(load);
    c->busy--;
    if (e == OK)
        load_next(c);
    else
        break_down(c, e);
}

// The log's own lane: its closing waits for us.
static void read_slice(struct slice_load *load)
{
    struct coordinator *c = load->coordinator;
    load->task = (struct env_task){.run = slice_run, .done = slice_done, .lane = (uintptr_t)c->partition->plog};
    env_task_post(c->shard->env, &load->task);
}

// Nothing there although the end was not reached: compaction took the last records.
static void skip_to_end(struct slice_load *load)
{
    struct coordinator *c = load->coordinator;
    release_slice(load);
    c->busy--;
    c->load_offset = c->load_end;
    load_next(c);
}

static void found_cold(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    struct slice_load *load = CONTAINER_OF(op, struct slice_load, read.op);
    if (op->result == OK) load->range = load->read.range;
    if (!is_current(load, op->result)) return;
    if (load->range.file == NULL)
        skip_to_end(load);
    else
        read_slice(load);
}

static void wait_until_committed(struct coordinator *c)
{
    c->load_wait.offset = c->load_end;
    c->load_wait.done = finished;
    partition_wait_ack(c->partition, ACK_OF_ALL, &c->load_wait);
}

static void load_next(struct coordinator *c)
{
    struct plog *plog = c->partition->plog;
    if (c->load_offset < plog_log_start(plog)) c->load_offset = plog_log_start(plog);
    if (c->load_offset >= c->load_end) {
        wait_until_committed(c);
        return;
    }
    struct slice_load *load = MEM_NEW(struct slice_load);
    load->coordinator = c;
    load->life = c->life;
    load->read.spec = (struct plog_read_spec){
        .offset = c->load_offset, .limit_offset = c->load_end, .max_bytes = LOAD_SLICE_BYTES, .min_one = true};
    c->busy++;
    enum err e = plog_read(plog, &load->read.spec, &load->range);
    if (e == ERR_AGAIN) {
        load->read.op.done = found_cold;
        plog_read_cold(plog, &load->read);
    } else if (!is_current(load, e)) {
        return;
    } else if (load->range.file == NULL) {
        skip_to_end(load);
    } else {
        read_slice(load);
    }
}

static enum codec codec_of(const struct config *config, const char *key)
{
    int number = key == NULL ? CODEC_NONE : config_get_int(config, key);
    return number < CODEC_NONE || number > CODEC_ZSTD ? CODEC_NONE : (enum codec)number;
}

static struct coord *make_coord(struct coordinator *c)
{
    struct shard *shard = c->shard;
    const struct coordinator_info *info = coordinator_info(c->kind);
    const struct topic *topic = topic_by_id(shard, c->partition->topic_id);
    struct coord_options options = {
        .machine = info->machine,
        .settings = info->settings(shard->broker->config, &c->settings),
        .epoch = c->epoch,
        .batch_bytes_max = topic == NULL ? BATCH_BYTES_DEFAULT : topic->config.max_message_bytes,
        .codec = codec_of(shard->broker->config, info->codec_key),
        .base_sequence = info->base_sequence,
        .log = shard->log,
    };
    env_random(shard->env, &options.seed, sizeof(options.seed));
    return coord_new(&options);
}

// The next life begins when nothing of the last can reach the log any more.
static void try_load(struct coordinator *c)
{
    if (c->state != DRAINING || c->is_delayed || c->busy > 0 || !list_is_empty(&c->flights)) return;
    c->state = LOADING;
    c->epoch = c->partition->leader_epoch;
    c->coord = make_coord(c);
    c->load_start_ms = env_now_ms(c->shard->env);
    c->load_offset = plog_log_start(c->partition->plog);
    c->load_end = plog_published_end(c->partition->plog);
    load_next(c);
}

// ---- calls ---------------------------------------------------------------------------------------------------------

void coordinator_take(struct partition *partition, struct coordinator_call *call)
{
    struct coordinator *c = partition->coordinator;
    if (c->state == READY) {
        step(c, (struct coord_event){.kind = EV_COORD_CALL, .call = &call->call});
        return;
    }
    call->call.err = c->state == BROKEN ? ERR_NOT_COORDINATOR : ERR_COORDINATOR_LOAD_IN_PROGRESS;
    call->call.response = NULL;
    coordinator_answered(call);
}

bool coordinators_may_end_transaction(const struct partition *partition)
{
    return partition->coordinator == NULL || partition->coordinator->state == READY;
}

void coordinators_end_transaction(struct partition *partition, int64_t producer_id, bool is_commit)
{
    if (partition->coordinator != NULL) coord_end_transaction(partition->coordinator->coord, producer_id, is_commit);
}

void coordinator_recall(struct partition *partition, struct coordinator_call *call)
{
    ASSERT(partition != NULL && partition->coordinator != NULL);
    step(partition->coordinator, (struct coord_event){.kind = EV_COORD_ABANDONED, .call = &call->call});
}

// ---- the partition -------------------------------------------------------------------------------------------------

static bool leads(const struct partition *partition)
{
    if (partition->state != PARTITION_ONLINE) return false;
    const struct image_topic *topic = image_topic_by_id(partition->shard->image, partition->topic_id);
    const struct image_partition *in_image = topic == NULL ? NULL : image_partition_at(topic, partition->index);
    return in_image != NULL && in_image->leader == partition->shard->broker->node_id;
}

static void begin(struct partition *partition, enum coordinator_kind kind)
{
    struct coordinator *c = MEM_NEW(struct coordinator);
    c->shard = partition->shard;
    c->partition = partition;
    c->kind = kind;
    c->state = DRAINING;
    c->deadline_ms = INT64_MAX;
    c->timer.fire = due;
    list_init(&c->flights);
    list_push_back(&c->shard->coordinators, &c->in_shard);
    partition->coordinator = c;
    try_load(c);
}

void coordinators_update(struct partition *partition)
{
    enum coordinator_kind kind;
    if (!coordinator_kind_of(partition->topic, &kind)) return;
    struct coordinator *c = partition->coordinator;
    if (!leads(partition)) {
        coordinators_drop(partition);
    } else if (c == NULL) {
        begin(partition, kind);
    } else if (c->epoch != partition->leader_epoch) {
        end_life(c, DRAINING, ERR_NOT_COORDINATOR);
        c->is_delayed = false;
        try_load(c);
    }
}

void coordinators_drop(struct partition *partition)
{
    struct coordinator *c = partition->coordinator;
    if (c == NULL) return;
    partition->coordinator = NULL;
    list_remove(&c->in_shard);
    end_life(c, GONE, ERR_NOT_COORDINATOR);
    c->partition = NULL;
    free_if_idle(c);
}

void coordinators_image_changed(struct shard *shard, const struct image_delta *delta)
{
    LIST_EACH (link, &shard->coordinators) {
        struct coordinator *c = LIST_ITEM(link, struct coordinator, in_shard);
        if (c->state == READY) step(c, (struct coord_event){.kind = EV_COORD_IMAGE, .delta = delta});
    }
}
