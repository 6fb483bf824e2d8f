// SPDX-License-Identifier: Apache-2.0
// What a walk over the log knows about transactions (kafka-internals B7). The log's own batches do not say how their
// transaction ended: the aborted ones are known beforehand, from the .txnindex files, and begin where the walk passes
// their first offset; all others were committed, since nothing at or above the last stable offset is walked.
//
// A marker may go when no batch of its transaction was seen, not even an empty one; until its delete horizon it stays
// all the same, so that whoever reads meanwhile can tell how the transaction ended.
#include <stdlib.h>

#include "store/compact_int.h"

struct open_txn {
    struct map_link by_producer;
    int64_t producer_id;
    bool is_committed; // a batch of a transaction was seen that is not known as aborted
    const struct aborted_txn *aborted;
    bool has_data; // of `aborted`: a batch was seen
};

static uint64_t hash_of(int64_t producer_id)
{
    return hash_u64(0, (uint64_t)producer_id);
}

static struct open_txn *find(const struct compact_txns *txns, int64_t producer_id)
{
    for (struct map_link *link = map_find(&txns->open, hash_of(producer_id)); link != NULL; link = map_find_next(link))
        if (MAP_ITEM(link, struct open_txn, by_producer)->producer_id == producer_id)
            return MAP_ITEM(link, struct open_txn, by_producer);
    return NULL;
}

static struct open_txn *find_or_add(struct compact_txns *txns, int64_t producer_id)
{
    struct open_txn *txn = find(txns, producer_id);
    if (txn != NULL) return txn;
    txn = MEM_NEW(struct open_txn);
    txn->producer_id = producer_id;
    map_insert(&txns->open, &txn->by_producer, hash_of(producer_id));
    return txn;
}

static void forget_if_unused(struct compact_txns *txns, struct open_txn *txn)
{
    if (txn->is_committed || txn->aborted != NULL) return;
    map_remove(&txns->open, &txn->by_producer);
    mem_free(txn);
}

void compact_txns_init(struct compact_txns *txns, const struct aborted_txns *aborted, int64_t from)
{
    *txns = (struct compact_txns){.aborted = aborted, .from = from};
}

void compact_txns_deinit(struct compact_txns *txns)
{
    MAP_EACH (link, &txns->open) {
        struct open_txn *txn = MAP_ITEM(link, struct open_txn, by_producer);
        map_remove(&txns->open, link);
        mem_free(txn);
    }
    map_deinit(&txns->open);
    *txns = (struct compact_txns){0};
}

static void begin_up_to(struct compact_txns *txns, int64_t offset)
{
    while (txns->next < txns->aborted->count && txns->aborted->items[txns->next].first_offset <= offset) {
        const struct aborted_txn *aborted = &txns->aborted->items[txns->next++];
        if (aborted->last_offset < txns->from) continue;
        struct open_txn *txn = find_or_add(txns, aborted->producer_id);
        if (txn->aborted != NULL) continue;
        txn->aborted = aborted;
        txn->has_data = false;
    }
}

bool compact_txns_data(struct compact_txns *txns, const struct batch_header *header)
{
    begin_up_to(txns, batch_last_offset(header));
    if (!batch_is_transactional(header)) return false;
    struct open_txn *txn = find_or_add(txns, header->producer_id);
    if (txn->aborted != NULL)
        txn->has_data = true;
    else
        txn->is_committed = true;
    return txn->aborted != NULL;
}

// CONTROL_UNKNOWN when there is no record, or none that can be read.
static enum control_type type_of(const struct batch_view *batch)
{
    enum control_type type = CONTROL_UNKNOWN;
    struct text scratch = {0};
    struct slice body;
    struct record record;
    if (batch_body(batch, COMPACT_BODY_BYTES_MAX, &scratch, &body) == OK) {
        struct record_iter it = record_iter(&batch->header, body);
        if (!record_next(&it, &record) || control_key_decode(record.key, &type) != OK) type = CONTROL_UNKNOWN;
    }
    text_deinit(&scratch);
    return type;
}

bool compact_txns_control(struct compact_txns *txns, const struct batch_view *batch, const struct aborted_txn **ended)
{
    const struct batch_header *h = &batch->header;
    *ended = NULL;
    begin_up_to(txns, batch_last_offset(h));
    if (h->record_count == 0) return true; // the marker went, its header is kept for its producer
    enum control_type type = type_of(batch);
    if (type != CONTROL_ABORT && type != CONTROL_COMMIT) return false;
    struct open_txn *txn = find(txns, h->producer_id);
    if (txn == NULL) return true;
    bool has_data;
    if (type == CONTROL_ABORT) {
        has_data = txn->aborted != NULL && txn->has_data;
        if (has_data) *ended = txn->aborted;
        txn->aborted = NULL;
    } else {
        has_data = txn->is_committed;
        txn->is_committed = false;
    }
    forget_if_unused(txns, txn);
    return !has_data;
}

static int by_first_offset(const void *a, const void *b)
{
    const struct aborted_txn *x = a, *y = b;
    return (x->first_offset > y->first_offset) - (x->first_offset < y->first_offset);
}

void compact_sort_aborted(struct aborted_txns *aborted)
{
    if (aborted->count > 0) qsort(aborted->items, aborted->count, sizeof(*aborted->items), by_first_offset);
}
