// SPDX-License-Identifier: Apache-2.0
// Producer state (kafka-internals B3, B4) and its file `<20-digit offset>.snapshot` (A6), big-endian:
//   i16 version 1 | u32 CRC-32C of all that follows | i32 count | count entries of 46 bytes:
//   i64 producer id | i16 epoch | i32 last sequence | i64 last data offset | i32 offset delta of that batch
//   | i64 timestamp | i32 coordinator epoch (-1) | i64 first offset of the open transaction (-1)
// The snapshot of offset N is the state that all records below N make. Only each producer's newest batch is in it.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "record/control.h"
#include "store/store_int.h"

enum { SNAPSHOT_VERSION = 1, SNAPSHOT_HEADER_SIZE = 10, SNAPSHOT_ENTRY_SIZE = 46, SNAPSHOT_CRC_FROM = 6 };
#define HASH_SEED UINT64_C(0x70726f6475636572)

void producers_init(struct producers *producers)
{
    *producers = (struct producers){0};
    list_init(&producers->order);
    list_init(&producers->open);
    list_init(&producers->ended);
    list_init(&producers->verifications);
}

static void forget(struct producers *producers, struct producer *p)
{
    map_remove(&producers->by_id, &p->by_id);
    list_remove(&p->order);
    list_remove(&p->open);
    mem_free(p);
}

static void drop_verification(struct producers *producers, struct verification *v)
{
    map_remove(&producers->verification_by_id, &v->by_id);
    list_remove(&v->order);
    mem_free(v);
}

void producers_clear(struct producers *producers)
{
    LIST_EACH (link, &producers->order) {
        forget(producers, LIST_ITEM(link, struct producer, order));
    }
    LIST_EACH (link, &producers->ended) {
        list_remove(link);
        mem_free(LIST_ITEM(link, struct ended_txn, link));
    }
    LIST_EACH (link, &producers->verifications) {
        drop_verification(producers, LIST_ITEM(link, struct verification, order));
    }
}

void producers_deinit(struct producers *producers)
{
    producers_clear(producers);
    map_deinit(&producers->by_id);
    map_deinit(&producers->verification_by_id);
}

static void move_list(struct list *to, struct list *from)
{
    list_init(to);
    list_append_all(to, from);
}

void producers_take(struct producers *to, struct producers *from)
{
    producers_clear(to);
    map_deinit(&to->by_id);
    to->by_id = from->by_id;
    from->by_id = (struct map){0};
    move_list(&to->order, &from->order);
    move_list(&to->open, &from->open);
    move_list(&to->ended, &from->ended);
}

static struct producer *find(const struct producers *producers, int64_t id)
{
    for (struct map_link *l = map_find(&producers->by_id, hash_u64(HASH_SEED, (uint64_t)id)); l != NULL;
         l = map_find_next(l)) {
        struct producer *p = MAP_ITEM(l, struct producer, by_id);
        if (p->id == id) return p;
    }
    return NULL;
}

static struct producer *find_or_add(struct producers *producers, int64_t id)
{
    struct producer *p = find(producers, id);
    if (p != NULL) return p;
    p = MEM_NEW(struct producer);
    p->id = id;
    p->epoch = NO_PRODUCER_EPOCH;
    p->last_timestamp = NO_TIMESTAMP;
    p->txn_first_offset = -1;
    p->coordinator_epoch = -1;
    map_insert(&producers->by_id, &p->by_id, hash_u64(HASH_SEED, (uint64_t)id));
    list_push_back(&producers->order, &p->order);
    return p;
}

// The one record of a transaction marker; false when the control batch holds something else.
static bool marker_of(const struct batch_view *batch, enum control_type *type, int32_t *coordinator_epoch)
{
    struct text scratch = {0};
    struct slice body;
    struct record record;
    bool is_marker = false;
    if (batch_body(batch, 64 * 1024, &scratch, &body) == OK) {
        struct record_iter it = record_iter(&batch->header, body);
        is_marker = record_next(&it, &record) && control_key_decode(record.key, type) == OK &&
                    (*type == CONTROL_ABORT || *type == CONTROL_COMMIT) &&
                    end_txn_marker_decode(record.value, coordinator_epoch) == OK;
    }
    text_deinit(&scratch);
    return is_marker;
}

static int32_t first_sequence(const struct producer_batch *b)
{
    return b->last_sequence == NO_SEQUENCE
               ? NO_SEQUENCE
               : (int32_t)(((uint32_t)b->last_sequence - (uint32_t)b->offset_delta) & 0x7fffffff);
}

static const struct producer_batch *find_duplicate(const struct producer *p, const struct batch_header *h)
{
    if (h->producer_epoch != p->epoch || h->base_sequence == NO_SEQUENCE) return NULL;
    for (int16_t i = 0; i < p->batch_count; i++) {
        const struct producer_batch *b = &p->batches[i];
        if (first_sequence(b) == h->base_sequence && b->last_sequence == batch_last_sequence(h)) return b;
    }
    return NULL;
}

static struct verification *find_verification(const struct producers *producers, int64_t id)
{
    for (struct map_link *l = map_find(&producers->verification_by_id, hash_u64(HASH_SEED, (uint64_t)id)); l != NULL;
         l = map_find_next(l)) {
        struct verification *v = MAP_ITEM(l, struct verification, by_id);
        if (v->id == id) return v;
    }
    return NULL;
}

static bool has_ongoing(const struct producer *p, int16_t epoch)
{
    return p != NULL && p->txn_first_offset >= 0 && p->epoch == epoch;
}

// A producer without any state here may start anywhere (its state may have been lost by retention), unless its
// transactions are of version 2, where each begins at 0 in such a partition; a new epoch starts at 0; within one, the
// next batch follows the last, 2^31-1 being followed by 0. Nothing passes the lowest sequence that was ever put up for
// verification: that one comes again, and would then be out of order for ever.
static enum err check_sequence(const struct producer *p, const struct verification *v, const struct batch_header *h)
{
    if (v != NULL) {
        bool has_batches = p != NULL && p->batch_count > 0;
        if (v->supports_epoch_bump && h->base_sequence != 0 && !has_batches) return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
        if (h->base_sequence > v->lowest_sequence) return ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    }
    if (p == NULL || p->epoch == NO_PRODUCER_EPOCH) return OK;
    if (h->producer_epoch != p->epoch) return h->base_sequence == 0 ? OK : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    int32_t last = p->batch_count == 0 ? NO_SEQUENCE : p->batches[p->batch_count - 1].last_sequence;
    int32_t expected = last == NO_SEQUENCE ? 0 : sequence_add(last, 1);
    return h->base_sequence == expected ? OK : ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
}

// Transactions of version 2 end with an epoch of their own (KIP-890), so a marker of the epoch known here is either a
// second one for the same transaction, which is let in, or one that comes too late.
static bool marker_epoch_is_old(const struct producer *p, int16_t epoch, int16_t transaction_version)
{
    if (transaction_version < 2 || epoch != p->epoch) return epoch < p->epoch;
    return p->txn_first_offset >= 0 && epoch != INT16_MAX;
}

static enum err check_marker(const struct producer *p, const struct plog_append *append, const struct batch_view *batch)
{
    enum control_type type;
    int32_t coordinator_epoch;
    if (p == NULL) return batch->header.producer_epoch < NO_PRODUCER_EPOCH ? ERR_INVALID_PRODUCER_EPOCH : OK;
    if (!marker_of(batch, &type, &coordinator_epoch)) return OK;
    if (marker_epoch_is_old(p, batch->header.producer_epoch, append->transaction_version))
        return ERR_INVALID_PRODUCER_EPOCH;
    return coordinator_epoch < p->coordinator_epoch ? ERR_TRANSACTION_COORDINATOR_FENCED : OK;
}

enum err producers_check(const struct producers *producers, const struct plog_append *append,
                         const struct batch_view *batch, const struct producer_batch **duplicate)
{
    const struct batch_header *h = &batch->header;
    *duplicate = NULL;
    if (!batch_has_producer(h) || append->origin == PLOG_REPLICA) return OK;
    const struct producer *p = find(producers, h->producer_id);
    if (batch_is_control(h)) return check_marker(p, append, batch);
    bool is_client = append->origin == PLOG_CLIENT;
    if (is_client && p != NULL) *duplicate = find_duplicate(p, h);
    if (*duplicate != NULL) return OK;
    const struct verification *v = find_verification(producers, h->producer_id);
    if (p != NULL && h->producer_epoch < p->epoch) return ERR_INVALID_PRODUCER_EPOCH;
    if (batch_is_transactional(h) && append->needs_guard && !has_ongoing(p, h->producer_epoch)) {
        bool is_verified = v != NULL && append->guard != PLOG_NO_GUARD && append->guard == v->guard;
        if (!is_verified) return ERR_INVALID_TXN_STATE;
    }
    if (p == NULL && h->producer_epoch < NO_PRODUCER_EPOCH) return ERR_INVALID_PRODUCER_EPOCH; // Kafka's unknown is -1
    enum err e = is_client ? check_sequence(p, v, h) : OK;
    if (e != OK) return e;
    return p != NULL && p->txn_first_offset >= 0 && !batch_is_transactional(h) ? ERR_INVALID_TXN_STATE : OK;
}

enum err producers_verification_begin(struct producers *producers, const struct plog_verification *asked,
                                      int64_t now_ms, uint64_t *guard)
{
    const struct producer *p = find(producers, asked->producer_id);
    if (p != NULL && asked->producer_epoch < p->epoch) return ERR_INVALID_PRODUCER_EPOCH;
    if (has_ongoing(p, asked->producer_epoch)) {
        *guard = PLOG_NO_GUARD;
        return OK;
    }
    struct verification *v = find_verification(producers, asked->producer_id);
    if (v == NULL) {
        v = MEM_NEW(struct verification);
        *v = (struct verification){
            .id = asked->producer_id,
            .created_ms = now_ms,
            .guard = ++producers->last_guard,
            .lowest_sequence = asked->base_sequence,
            .epoch = asked->producer_epoch,
            .supports_epoch_bump = asked->supports_epoch_bump,
        };
        map_insert(&producers->verification_by_id, &v->by_id, hash_u64(HASH_SEED, (uint64_t)v->id));
        list_push_back(&producers->verifications, &v->order);
    }
    if (asked->producer_epoch > v->epoch ||
        (asked->producer_epoch == v->epoch && asked->base_sequence < v->lowest_sequence)) {
        v->epoch = asked->producer_epoch;
        v->lowest_sequence = asked->base_sequence;
    }
    *guard = v->guard;
    return OK;
}

static void take_epoch(struct producer *p, int16_t epoch)
{
    if (p->epoch == epoch) return;
    p->epoch = epoch;
    p->batch_count = 0;
}

// What the last stable offset is for Kafka's index once this transaction is over: other producers' first open one.
static int64_t stable_without(const struct producers *producers, const struct producer *ending, int64_t marker_offset)
{
    LIST_EACH (link, &producers->open) {
        const struct producer *p = LIST_ITEM(link, struct producer, open);
        if (p != ending) return p->txn_first_offset;
    }
    return marker_offset + 1;
}

static bool update_marker(struct producers *producers, const struct batch_view *batch, struct aborted_txn *aborted)
{
    const struct batch_header *h = &batch->header;
    enum control_type type;
    int32_t coordinator_epoch;
    if (!marker_of(batch, &type, &coordinator_epoch)) return false;
    struct producer *p = find_or_add(producers, h->producer_id);
    bool had_data = p->txn_first_offset >= 0;
    take_epoch(p, h->producer_epoch);
    if (had_data) {
        *aborted = (struct aborted_txn){
            .producer_id = p->id,
            .first_offset = p->txn_first_offset,
            .last_offset = h->base_offset,
            .last_stable_offset = stable_without(producers, p, h->base_offset),
        };
        struct ended_txn *ended = MEM_NEW(struct ended_txn);
        ended->first_offset = p->txn_first_offset;
        ended->marker_offset = h->base_offset;
        list_push_back(&producers->ended, &ended->link);
        list_remove(&p->open);
        p->txn_first_offset = -1;
    }
    p->coordinator_epoch = coordinator_epoch;
    p->last_timestamp = h->max_timestamp;
    return had_data && type == CONTROL_ABORT;
}

bool producers_update(struct producers *producers, const struct batch_view *batch, struct aborted_txn *aborted)
{
    const struct batch_header *h = &batch->header;
    if (!batch_has_producer(h)) return false;
    if (batch_is_transactional(h)) {
        // Its first record is in, or its marker: a verification asked for before that says nothing any more. But a
        // marker of version 2 carries the next transaction's epoch, which the question may have been about.
        struct verification *v = find_verification(producers, h->producer_id);
        bool is_for_next = v != NULL && v->supports_epoch_bump && batch_is_control(h) && h->producer_epoch == v->epoch;
        if (v != NULL && !is_for_next) drop_verification(producers, v);
    }
    if (batch_is_control(h)) return update_marker(producers, batch, aborted);
    struct producer *p = find_or_add(producers, h->producer_id);
    take_epoch(p, h->producer_epoch);
    if (p->batch_count == PRODUCER_WINDOW) {
        memmove(&p->batches[0], &p->batches[1], (PRODUCER_WINDOW - 1) * sizeof(p->batches[0]));
        p->batch_count--;
    }
    p->batches[p->batch_count++] = (struct producer_batch){
        .last_sequence = batch_last_sequence(h),
        .offset_delta = h->last_offset_delta,
        .last_offset = batch_last_offset(h),
        .timestamp = h->max_timestamp,
    };
    p->last_timestamp = h->max_timestamp;
    if (batch_is_transactional(h) && p->txn_first_offset < 0) {
        p->txn_first_offset = h->base_offset;
        list_push_back(&producers->open, &p->open); // offsets only grow: the list stays sorted
    }
    return false;
}

int64_t producers_first_undecided(const struct producers *producers)
{
    int64_t first = INT64_MAX;
    struct list *open = list_first(&producers->open);
    if (open != NULL) first = LIST_ITEM(open, struct producer, open)->txn_first_offset;
    LIST_EACH (link, &producers->ended) {
        const struct ended_txn *ended = LIST_ITEM(link, struct ended_txn, link);
        if (ended->first_offset < first) first = ended->first_offset;
    }
    return first;
}

void producers_forget_ended(struct producers *producers, int64_t high_watermark)
{
    LIST_EACH (link, &producers->ended) { // by marker offset
        struct ended_txn *ended = LIST_ITEM(link, struct ended_txn, link);
        if (ended->marker_offset >= high_watermark) return;
        list_remove(link);
        mem_free(ended);
    }
}

void producers_expire(struct producers *producers, int64_t now_ms, int64_t expiration_ms)
{
    LIST_EACH (link, &producers->order) {
        struct producer *p = LIST_ITEM(link, struct producer, order);
        if (p->txn_first_offset < 0 && now_ms - p->last_timestamp >= expiration_ms) forget(producers, p);
    }
    LIST_EACH (link, &producers->verifications) {
        struct verification *v = LIST_ITEM(link, struct verification, order);
        if (now_ms - v->created_ms >= expiration_ms) drop_verification(producers, v);
    }
}

void producers_snapshot(const struct producers *producers, struct text *out)
{
    size_t start = out->size;
    size_t size = SNAPSHOT_HEADER_SIZE + producers->by_id.count * SNAPSHOT_ENTRY_SIZE;
    uint8_t *at = text_reserve(out, size);
    store_i16(at, SNAPSHOT_VERSION);
    store_i32(at + 6, (int32_t)producers->by_id.count);
    at += SNAPSHOT_HEADER_SIZE;
    LIST_EACH (link, &producers->order) {
        const struct producer *p = LIST_ITEM(link, struct producer, order);
        bool has_batch = p->batch_count > 0;
        struct producer_batch last = {.last_sequence = NO_SEQUENCE, .last_offset = -1};
        if (has_batch) last = p->batches[p->batch_count - 1];
        store_i64(at, p->id);
        store_i16(at + 8, p->epoch);
        store_i32(at + 10, last.last_sequence);
        store_i64(at + 14, last.last_offset);
        store_i32(at + 22, last.offset_delta);
        store_i64(at + 26, p->last_timestamp);
        store_i32(at + 34, p->coordinator_epoch);
        store_i64(at + 38, p->txn_first_offset);
        at += SNAPSHOT_ENTRY_SIZE;
    }
    text_grew(out, size);
    uint8_t *head = out->data + start;
    store_u32(head + 2, crc32c(0, slice_of(head + SNAPSHOT_CRC_FROM, size - SNAPSHOT_CRC_FROM)));
}

static void restore_entry(struct producers *producers, const uint8_t *at)
{
    struct producer *p = find_or_add(producers, load_i64(at));
    p->epoch = load_i16(at + 8);
    p->last_timestamp = load_i64(at + 26);
    p->coordinator_epoch = load_i32(at + 34);
    p->batch_count = 0;
    struct producer_batch last = {
        .last_sequence = load_i32(at + 10),
        .last_offset = load_i64(at + 14),
        .offset_delta = load_i32(at + 22),
        .timestamp = p->last_timestamp,
    };
    if (last.last_offset >= 0) p->batches[p->batch_count++] = last;
    list_remove(&p->open);
    p->txn_first_offset = load_i64(at + 38);
    if (p->txn_first_offset < 0) {
        p->txn_first_offset = -1;
        return;
    }
    struct list *before = &producers->open; // the file has no order by transaction
    LIST_EACH (link, &producers->open) {
        if (LIST_ITEM(link, struct producer, open)->txn_first_offset > p->txn_first_offset) {
            before = link;
            break;
        }
    }
    list_insert_before(before, &p->open);
}

enum err producers_restore(struct producers *producers, struct slice snapshot)
{
    producers_clear(producers);
    if (snapshot.size < SNAPSHOT_HEADER_SIZE || load_i16(snapshot.data) != SNAPSHOT_VERSION) return ERR_CORRUPT;
    struct slice covered = slice_of(snapshot.data + SNAPSHOT_CRC_FROM, snapshot.size - SNAPSHOT_CRC_FROM);
    if (crc32c(0, covered) != load_u32(snapshot.data + 2)) return ERR_CORRUPT;
    int32_t count = load_i32(snapshot.data + 6);
    if (count < 0 || snapshot.size != SNAPSHOT_HEADER_SIZE + (size_t)count * SNAPSHOT_ENTRY_SIZE) return ERR_CORRUPT;
    for (int32_t i = 0; i < count; i++) {
        restore_entry(producers, snapshot.data + SNAPSHOT_HEADER_SIZE + (size_t)i * SNAPSHOT_ENTRY_SIZE);
    }
    return OK;
}
