// SPDX-License-Identifier: Apache-2.0
// The frame of all coordinators; coord.h says what it promises and to whom. What is under way inside one step lives in
// the step's arena; batches, waiting calls and timers live until the step that ends them.
#include "coord/coord.h"

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "record/builder.h"
#include "record/control.h"

// One record of the step under way.
struct staged {
    struct list link;
    struct slice key;
    struct slice value;
    int64_t timestamp_ms;
    int64_t producer_id;
    int16_t producer_epoch;
};

struct coord {
    struct coord_options options;
    void *state;
    bool is_loaded;
    uint64_t random; // position of the id generator

    // Of the step under way.
    bool is_stepping;
    int64_t now_ms;
    int64_t wall_ms;
    const struct image *image;
    struct arena arena;
    struct list staged;   // struct staged, in order
    struct list answered; // struct coord_call, in order

    // Batches. Sequences count them from 1 on.
    struct batch_builder builder;
    struct coord_batch *open; // being filled; NULL = none
    struct list closed;       // struct coord_batch, for the next flush
    uint64_t newest;          // sequence of the newest batch begun
    uint64_t committed;       // of the newest below the high watermark

    struct list parked;  // struct coord_call: decided, not answered
    struct list waiting; // struct coord_call: answered, ascending after_sequence
    struct heap timers;
    struct text scratch; // for decompression
};

// A group's batch is at most max.message.bytes when written, but a log from elsewhere may have compressed it.
enum { DECOMPRESSED_BYTES_MAX = 64 << 20, TYPE_SIZE = 2 };

// ---- for machines ------------------------------------------------------------------------------------------------

int64_t coord_now_ms(const struct coord *coord)
{
    return coord->now_ms;
}

int64_t coord_wall_ms(const struct coord *coord)
{
    return coord->wall_ms;
}

const struct image *coord_image(const struct coord *coord)
{
    return coord->image;
}

int32_t coord_epoch(const struct coord *coord)
{
    return coord->options.epoch;
}

struct arena *coord_arena(struct coord *coord)
{
    return &coord->arena;
}

struct log *coord_log(const struct coord *coord)
{
    return coord->options.log;
}

size_t coord_record_bytes_max(const struct coord *coord)
{
    return (size_t)coord->options.batch_bytes_max;
}

struct uuid coord_random_uuid(struct coord *coord)
{
    struct uuid id;
    for (size_t at = 0; at < sizeof(id.bytes); at += sizeof(uint64_t))
        store_u64(id.bytes + at, hash_u64(coord->options.seed, coord->random++));
    return id;
}

// The i16 in front, then the struct.
static struct slice encode(struct coord *coord, const struct wire_message *message, int16_t lead, int version,
                           const void *in)
{
    struct wire_out out;
    wire_out_init(&out, &coord->arena);
    store_i16(wire_out_reserve(&out, TYPE_SIZE), lead);
    // The machine names messages and versions that exist, and strings were bounded when they were decoded.
    enum err e = wire_encode(message, version, in, &out);
    ASSERT(e == OK);
    return wire_out_flatten(&out, &coord->arena);
}

void coord_add_transactional_record(struct coord *coord, int64_t producer_id, int16_t producer_epoch,
                                    const struct wire_message *key_message, const void *key,
                                    const struct wire_message *value_message, int16_t value_version, const void *value)
{
    ASSERT(coord->is_stepping);
    struct staged *staged = ARENA_NEW(&coord->arena, struct staged);
    *staged = (struct staged){
        .key = encode(coord, key_message, (int16_t)wire_key(key_message), wire_version_max(key_message), key),
        .value = value == NULL ? SLICE_NULL : encode(coord, value_message, value_version, value_version, value),
        .timestamp_ms = coord->wall_ms,
        .producer_id = producer_id,
        .producer_epoch = producer_epoch,
    };
    list_push_back(&coord->staged, &staged->link);
    const struct coord_record record = {
        .key = staged->key,
        .value = staged->value,
        .offset = -1,
        .timestamp_ms = staged->timestamp_ms,
        .producer_id = producer_id,
        .producer_epoch = producer_epoch,
    };
    enum err e = coord->options.machine->apply(coord->state, &record);
    ASSERT(e == OK);
}

void coord_add_record(struct coord *coord, const struct wire_message *key_message, const void *key,
                      const struct wire_message *value_message, int16_t value_version, const void *value)
{
    coord_add_transactional_record(coord, NO_PRODUCER_ID, NO_PRODUCER_EPOCH, key_message, key, value_message,
                                   value_version, value);
}

void *coord_response(struct coord_call *call, const struct wire_message *message)
{
    void *response = arena_zalloc(&call->arena, 1, wire_struct_size(message));
    wire_init(message, response);
    return response;
}

void coord_answer(struct coord *coord, struct coord_call *call, void *response)
{
    ASSERT(coord->is_stepping && !call->is_answered && response != NULL);
    call->is_answered = true;
    call->response = response;
    call->owner = NULL;
    list_remove(&call->link); // from the parked ones
    list_push_back(&coord->answered, &call->link);
}

void coord_timer_set(struct coord *coord, struct coord_timer *timer, int64_t at_ms)
{
    heap_remove(&coord->timers, &timer->node);
    heap_insert(&coord->timers, &timer->node, at_ms);
}

void coord_timer_cancel(struct coord *coord, struct coord_timer *timer)
{
    heap_remove(&coord->timers, &timer->node);
}

// ---- batches -----------------------------------------------------------------------------------------------------

static void close_batch(struct coord *coord)
{
    if (coord->open == NULL) return;
    enum err e = batch_end(&coord->builder, NULL);
    ASSERT(e == OK); // not empty, and compression only fails on more than 2 GiB
    list_push_back(&coord->closed, &coord->open->link);
    coord->open = NULL;
}

static void open_batch(struct coord *coord, const struct staged *first)
{
    struct batch_spec spec = batch_spec(0);
    spec.codec = coord->options.codec;
    spec.base_sequence = coord->options.base_sequence;
    spec.producer_id = first->producer_id;
    spec.producer_epoch = first->producer_epoch;
    spec.is_transactional = first->producer_id != NO_PRODUCER_ID;
    coord->open = MEM_NEW(struct coord_batch);
    coord->open->sequence = ++coord->newest;
    batch_begin(&coord->builder, &coord->open->bytes, &spec);
}

static void put(struct coord *coord, const struct staged *staged)
{
    if (coord->open == NULL) open_batch(coord, staged);
    batch_add(&coord->builder, staged->timestamp_ms, staged->key, staged->value, NULL, 0);
}

static bool fits(const struct coord *coord, size_t extra_bytes)
{
    return batch_size_so_far(&coord->builder) + extra_bytes <= (size_t)coord->options.batch_bytes_max;
}

static size_t size_of(const struct staged *staged)
{
    return record_size_max(staged->key, staged->value, NULL, 0);
}

static bool is_of_open_batch(const struct coord *coord, const struct staged *staged)
{
    return coord->builder.spec.producer_id == staged->producer_id &&
           coord->builder.spec.producer_epoch == staged->producer_epoch;
}

// A step's records stay in one batch as long as one can hold them: a crash then takes all of them or none.
static void take_staged(struct coord *coord)
{
    if (list_is_empty(&coord->staged)) return;
    size_t total = 0;
    LIST_EACH (link, &coord->staged) total += size_of(LIST_ITEM(link, struct staged, link));
    if (coord->open != NULL && !fits(coord, total)) close_batch(coord);
    LIST_EACH (link, &coord->staged) {
        const struct staged *staged = LIST_ITEM(link, struct staged, link);
        bool belongs = coord->open != NULL && is_of_open_batch(coord, staged) && fits(coord, size_of(staged));
        if (!belongs) close_batch(coord);
        put(coord, staged);
    }
    list_init(&coord->staged);
    // A transaction's records share a batch with nobody else's.
    if (coord->builder.spec.producer_id != NO_PRODUCER_ID) close_batch(coord);
}

static void free_batch(struct coord_batch *batch)
{
    text_deinit(&batch->bytes);
    mem_free(batch);
}

static void drop_batches(struct coord *coord)
{
    if (coord->open != NULL) {
        batch_abandon(&coord->builder);
        free_batch(coord->open);
        coord->open = NULL;
    }
    for (struct list *link; (link = list_pop_front(&coord->closed)) != NULL;)
        free_batch(LIST_ITEM(link, struct coord_batch, link));
}

// ---- the log -----------------------------------------------------------------------------------------------------

static enum err load_marker(struct coord *coord, const struct batch_view *batch, struct slice body)
{
    struct record_iter it = record_iter(&batch->header, body);
    struct record record;
    enum control_type type = CONTROL_UNKNOWN;
    while (record_next(&it, &record)) {
        enum err e = control_key_decode(record.key, &type);
        if (e != OK) return e;
        if (type != CONTROL_COMMIT && type != CONTROL_ABORT) continue;
        coord->options.machine->end_transaction(coord->state, batch->header.producer_id, type == CONTROL_COMMIT);
    }
    return it.err;
}

void coord_end_transaction(struct coord *coord, int64_t producer_id, bool is_commit)
{
    ASSERT(coord->is_loaded);
    coord->options.machine->end_transaction(coord->state, producer_id, is_commit);
}

static enum err load_records(struct coord *coord, const struct batch_view *batch, struct slice body)
{
    bool is_transactional = batch_is_transactional(&batch->header);
    struct record_iter it = record_iter(&batch->header, body);
    struct record in;
    while (record_next(&it, &in)) {
        const struct coord_record record = {
            .key = in.key,
            .value = in.value,
            .offset = in.offset,
            .timestamp_ms = in.timestamp,
            .producer_id = is_transactional ? batch->header.producer_id : NO_PRODUCER_ID,
            .producer_epoch = is_transactional ? batch->header.producer_epoch : (int16_t)NO_PRODUCER_EPOCH,
        };
        if (record.key.size < TYPE_SIZE) return ERR_CORRUPT; // of no type
        enum err e = coord->options.machine->apply(coord->state, &record);
        if (e != OK) {
            log_error(coord->options.log, "coord", "%s: the record at offset %lld (type %d) cannot be applied: %s",
                      coord->options.machine->name, (long long)in.offset, load_i16(in.key.data), err_text(e));
            return e;
        }
        arena_reset(&coord->arena);
    }
    return it.err;
}

static enum err load_batch(struct coord *coord, const struct batch_view *batch)
{
    if (batch->header.magic != 2) return ERR_UNSUPPORTED_VERSION; // Kafka's brokers write no other since 0.11
    if (batch->header.record_count == 0) return OK;               // compaction left its header alone
    if (!batch_crc_is_valid(batch->bytes)) return ERR_CORRUPT;
    struct slice body;
    enum err e = batch_body(batch, DECOMPRESSED_BYTES_MAX, &coord->scratch, &body);
    if (e == ERR_TOO_LARGE) return ERR_CORRUPT;
    if (e != OK) return e;
    return batch_is_control(&batch->header) ? load_marker(coord, batch, body) : load_records(coord, batch, body);
}

static enum err load(struct coord *coord, struct slice batches)
{
    if (coord->is_loaded) return ERR_INVALID;
    struct batch_iter it = batch_iter(batches);
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        enum err e = load_batch(coord, &batch);
        if (e != OK) return e;
    }
    return it.err == OK ? OK : ERR_CORRUPT;
}

static void finish_loading(struct coord *coord)
{
    ASSERT(!coord->is_loaded);
    text_deinit(&coord->scratch);
    coord->is_loaded = true;
    coord->options.machine->loaded(coord->state);
}

// ---- steps -------------------------------------------------------------------------------------------------------

static void refuse(struct coord_call *call, enum err why, struct list *answered)
{
    call->err = why;
    call->response = NULL;
    call->owner = NULL;
    call->is_answered = true;
    list_remove(&call->link);
    list_push_back(answered, &call->link);
}

static void take_call(struct coord *coord, struct coord_call *call, struct coord_effects *effects)
{
    call->err = OK;
    call->response = NULL;
    call->owner = NULL;
    call->is_answered = false;
    call->link = (struct list){0};
    if (!coord->is_loaded) {
        refuse(call, ERR_COORDINATOR_LOAD_IN_PROGRESS, &effects->answered);
        return;
    }
    list_push_back(&coord->parked, &call->link);
    coord->options.machine->decide(coord->state, call);
}

// An answered call only waits for its batch and comes by itself.
static void abandon(struct coord *coord, struct coord_call *call)
{
    if (call->is_answered) return;
    coord->options.machine->abandoned(coord->state, call);
    ASSERT(call->is_answered);
}

static void commit(struct coord *coord, uint64_t sequence, struct coord_effects *effects)
{
    ASSERT(sequence <= coord->newest);
    if (sequence > coord->committed) coord->committed = sequence;
    for (struct list *link; (link = list_first(&coord->waiting)) != NULL;) {
        struct coord_call *call = LIST_ITEM(link, struct coord_call, link);
        if (call->after_sequence > coord->committed) return;
        list_remove(link);
        list_push_back(&effects->answered, link);
    }
}

// What a timer sets for now or earlier waits for the next tick, so that a step always ends.
static void tick(struct coord *coord)
{
    for (size_t left = coord->timers.count; left > 0; left--) {
        struct heap_node *first = heap_min(&coord->timers);
        if (first == NULL || first->key > coord->now_ms) return;
        heap_remove(&coord->timers, first);
        struct coord_timer *timer = CONTAINER_OF(first, struct coord_timer, node);
        timer->fire(coord->state, timer);
    }
}

static enum err handle(struct coord *coord, const struct coord_event *event, struct coord_effects *effects)
{
    switch (event->kind) {
    case EV_COORD_LOAD: return load(coord, event->batches);
    case EV_COORD_LOADED: finish_loading(coord); return OK;
    case EV_COORD_CALL: take_call(coord, event->call, effects); return OK;
    case EV_COORD_ABANDONED: abandon(coord, event->call); return OK;
    case EV_COORD_FLUSH:
        close_batch(coord);
        list_append_all(&effects->appends, &coord->closed);
        return OK;
    case EV_COORD_COMMITTED: commit(coord, event->sequence, effects); return OK;
    case EV_COORD_TICK:
        if (coord->is_loaded) tick(coord);
        return OK;
    case EV_COORD_IMAGE:
        if (coord->is_loaded) coord->options.machine->image_changed(coord->state, event->delta);
        return OK;
    }
    return ERR_INVALID;
}

// Whatever a step answers may rest on every record so far, so it leaves behind all of them.
static void release_answers(struct coord *coord, struct coord_effects *effects)
{
    for (struct list *link; (link = list_pop_front(&coord->answered)) != NULL;) {
        struct coord_call *call = LIST_ITEM(link, struct coord_call, link);
        call->after_sequence = coord->newest;
        list_push_back(coord->newest > coord->committed ? &coord->waiting : &effects->answered, link);
    }
}

enum err coord_step(struct coord *coord, const struct coord_event *event, struct coord_effects *effects)
{
    ASSERT(!coord->is_stepping && event->image != NULL);
    coord->is_stepping = true;
    coord->now_ms = event->now_ms;
    coord->wall_ms = event->wall_ms;
    coord->image = event->image;
    enum err e = handle(coord, event, effects);
    take_staged(coord);
    release_answers(coord, effects);
    effects->wants_flush = coord->open != NULL || !list_is_empty(&coord->closed);
    arena_reset(&coord->arena);
    coord->image = NULL;
    coord->is_stepping = false;
    return e;
}

// ---- life --------------------------------------------------------------------------------------------------------

void coord_effects_init(struct coord_effects *effects)
{
    list_init(&effects->appends);
    list_init(&effects->answered);
    effects->wants_flush = false;
}

struct coord *coord_new(const struct coord_options *options)
{
    struct coord *coord = MEM_NEW(struct coord);
    coord->options = *options;
    list_init(&coord->staged);
    list_init(&coord->answered);
    list_init(&coord->closed);
    list_init(&coord->parked);
    list_init(&coord->waiting);
    coord->state = options->machine->new_state(coord, options->settings);
    return coord;
}

void coord_free(struct coord *coord)
{
    ASSERT(list_is_empty(&coord->parked) && list_is_empty(&coord->waiting));
    coord->options.machine->free_state(coord->state);
    drop_batches(coord);
    batch_builder_deinit(&coord->builder);
    heap_deinit(&coord->timers);
    text_deinit(&coord->scratch);
    arena_deinit(&coord->arena);
    mem_free(coord);
}

void coord_fail(struct coord *coord, enum err why, struct coord_effects *effects)
{
    struct list *const held[] = {&coord->waiting, &coord->parked};
    for (size_t i = 0; i < COUNT_OF(held); i++)
        for (struct list *link; (link = list_first(held[i])) != NULL;)
            refuse(LIST_ITEM(link, struct coord_call, link), why, &effects->answered);
    drop_batches(coord);
    effects->wants_flush = false;
}

bool coord_is_loaded(const struct coord *coord)
{
    return coord->is_loaded;
}

int64_t coord_deadline_ms(const struct coord *coord)
{
    const struct heap_node *first = coord->is_loaded ? heap_min(&coord->timers) : NULL;
    return first == NULL ? INT64_MAX : first->key;
}

void *coord_state(struct coord *coord)
{
    return coord->state;
}

// ---- placement ---------------------------------------------------------------------------------------------------

enum { UTF16_PLAIN_END = 0x10000, SURROGATE_HIGH = 0xd800, SURROGATE_LOW = 0xdc00, SURROGATE_BITS = 10 };

int32_t coord_partition_of(struct slice key, int32_t partition_count)
{
    uint32_t hash = 0;
    const uint8_t *end = key.data + key.size;
    for (const uint8_t *at = key.data; at < end;) {
        uint32_t point = utf8_next(&at, end);
        if (point < UTF16_PLAIN_END) {
            hash = hash * 31 + point;
            continue;
        }
        uint32_t above = point - UTF16_PLAIN_END;
        hash = hash * 31 + SURROGATE_HIGH + (above >> SURROGATE_BITS);
        hash = hash * 31 + SURROGATE_LOW + (above & ((1u << SURROGATE_BITS) - 1));
    }
    // Kafka's Utils.abs: the most negative number counts as 0.
    int32_t code = (int32_t)hash;
    int32_t positive = code == INT32_MIN ? 0 : code < 0 ? -code : code;
    return positive % partition_count;
}
