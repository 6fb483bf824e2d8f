// SPDX-License-Identifier: Apache-2.0
// Aborted transactions (kafka-internals A5). `<base>.txnindex`, one per segment that holds an ABORT marker of a
// transaction with data, 34-byte entries, big-endian, in the order of their markers:
//   i16 version 0 | i64 producer id | i64 first offset | i64 last offset (the marker's)
//   | i64 last stable offset as the marker left it
// Last offsets grow strictly and last stable offsets never fall, so a search begins by halving and ends at the first
// entry whose last stable offset is at or behind what is asked for: all that began below it had ended by then.
#include "base/bytes.h"
#include "store/store_int.h"

enum { ENTRY_VERSION = 0, CHUNK_ENTRIES = 120, CHUNK_BYTES = CHUNK_ENTRIES * TXN_ENTRY_SIZE };

void aborted_txns_add(struct aborted_txns *txns, const struct aborted_txn *txn)
{
    if (txns->count == txns->capacity) {
        txns->capacity = txns->capacity == 0 ? 8 : txns->capacity * 2;
        txns->items = mem_realloc(txns->items, txns->capacity * sizeof(*txns->items));
    }
    txns->items[txns->count++] = *txn;
}

void aborted_txns_deinit(struct aborted_txns *txns)
{
    mem_free(txns->items);
    *txns = (struct aborted_txns){0};
}

void segment_add_aborted(struct segment *segment, const struct aborted_txn *txn)
{
    uint8_t *at = text_reserve(&segment->txnindex_tail, TXN_ENTRY_SIZE);
    store_i16(at, ENTRY_VERSION);
    store_i64(at + 2, txn->producer_id);
    store_i64(at + 10, txn->first_offset);
    store_i64(at + 18, txn->last_offset);
    store_i64(at + 26, txn->last_stable_offset);
    text_grew(&segment->txnindex_tail, TXN_ENTRY_SIZE);
}

static enum err parse(const uint8_t *at, struct aborted_txn *out)
{
    if (load_i16(at) != ENTRY_VERSION) return ERR_CORRUPT;
    *out = (struct aborted_txn){
        .producer_id = load_i64(at + 2),
        .first_offset = load_i64(at + 10),
        .last_offset = load_i64(at + 18),
        .last_stable_offset = load_i64(at + 26),
    };
    return OK;
}

enum err txnindex_check(struct slice bytes, int64_t base_offset, int64_t *whole_bytes)
{
    int64_t last = base_offset - 1;
    size_t at = 0;
    for (; bytes.size - at >= TXN_ENTRY_SIZE; at += TXN_ENTRY_SIZE) {
        struct aborted_txn txn;
        enum err e = parse(bytes.data + at, &txn);
        if (e != OK) return e;
        if (txn.last_offset <= last || txn.first_offset > txn.last_offset) return ERR_CORRUPT;
        if (txn.last_offset - base_offset > INT32_MAX) return ERR_CORRUPT; // no segment reaches so far
        last = txn.last_offset;
    }
    *whole_bytes = (int64_t)at;
    return OK;
}

enum err txnindex_cut(struct fs *fs, const char *dir_path, int64_t base_offset, int64_t end)
{
    struct text text = {0};
    struct file *file = NULL;
    char *path = segment_path(dir_path, base_offset, ".txnindex");
    enum err e = file_load(fs, path, TXNINDEX_FILE_MAX, &text);
    if (e == OK) e = fs_open(fs, path, FILE_READ | FILE_WRITE, &file);
    if (e == OK) {
        struct aborted_txn txn;
        size_t keep = 0;
        while (text.size - keep >= TXN_ENTRY_SIZE && parse(text.data + keep, &txn) == OK && txn.last_offset < end)
            keep += TXN_ENTRY_SIZE;
        e = file_truncate(file, (int64_t)keep);
        if (e == OK) e = file_sync(file);
    }
    file_unref(file);
    text_deinit(&text);
    mem_free(path);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err txnindex_load(struct fs *fs, const char *dir_path, int64_t base_offset, int64_t *whole_bytes)
{
    struct text text = {0};
    char *path = segment_path(dir_path, base_offset, ".txnindex");
    enum err e = file_load(fs, path, TXNINDEX_FILE_MAX, &text);
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = ERR_CORRUPT;
    if (e == OK) e = txnindex_check(text_slice(&text), base_offset, whole_bytes);
    text_deinit(&text);
    mem_free(path);
    return e;
}

// ---- searching ----

void txn_search_init(struct txn_search *search, const struct plog *plog, int64_t from, bool copy_tails)
{
    size_t first = plog_segment_of(plog, from);
    *search = (struct txn_search){.has_copies = copy_tails};
    for (size_t i = first; i < plog->segment_count; i++) {
        const struct segment *s = plog->segments[i];
        if (s->txnindex_bytes == 0 && s->txnindex_tail.size == 0) continue;
        if (search->sources == NULL) search->sources = mem_zalloc(plog->segment_count - i, sizeof(*search->sources));
        struct txn_source *source = &search->sources[search->count++];
        source->base_offset = s->base_offset;
        source->file = s->txnindex == NULL ? NULL : file_ref(s->txnindex);
        source->file_bytes = s->txnindex_bytes;
        if (copy_tails)
            text_add(&source->tail, text_slice(&s->txnindex_tail));
        else
            source->tail = s->txnindex_tail;
    }
}

void txn_search_deinit(struct txn_search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        file_unref(search->sources[i].file);
        if (search->has_copies) text_deinit(&search->sources[i].tail);
    }
    mem_free(search->sources);
    *search = (struct txn_search){0};
}

enum err txn_search_open(struct txn_search *search, struct fs *fs, const char *dir_path)
{
    enum err e = OK;
    for (size_t i = 0; i < search->count && e == OK; i++) {
        struct txn_source *source = &search->sources[i];
        if (source->file != NULL || source->file_bytes == 0) continue;
        char *path = segment_path(dir_path, source->base_offset, ".txnindex");
        e = fs_open(fs, path, FILE_READ | FILE_WRITE, &source->file);
        mem_free(path);
    }
    return e;
}

// File and tail as one array, read a chunk at a time.
struct cursor {
    const struct txn_source *source;
    bool may_block;
    int64_t chunk_at;
    int64_t chunk_bytes;
    uint8_t chunk[CHUNK_BYTES];
};

static enum err entry_at(struct cursor *c, int64_t index, struct aborted_txn *out)
{
    int64_t at = index * TXN_ENTRY_SIZE;
    const struct txn_source *s = c->source;
    if (at >= s->file_bytes) return parse(s->tail.data + (at - s->file_bytes), out);
    if (at < c->chunk_at || at + TXN_ENTRY_SIZE > c->chunk_at + c->chunk_bytes) {
        if (s->file == NULL) return ERR_AGAIN; // exists, but nobody has opened it yet
        int64_t left = s->file_bytes - at;
        c->chunk_at = at;
        c->chunk_bytes = left < CHUNK_BYTES ? left : CHUNK_BYTES;
        enum err e = file_read_all(s->file, c->may_block, at, c->chunk, (size_t)c->chunk_bytes);
        if (e != OK) {
            c->chunk_bytes = 0;
            return e;
        }
    }
    return parse(c->chunk + (at - c->chunk_at), out);
}

// The first entry whose marker is at or behind `from`.
static enum err first_entry(struct cursor *c, int64_t count, int64_t from, int64_t *index)
{
    int64_t low = 0;
    int64_t high = count;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        struct aborted_txn txn;
        enum err e = entry_at(c, middle, &txn);
        if (e != OK) return e;
        if (txn.last_offset < from)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return OK;
}

enum err txn_search_collect(const struct txn_search *search, bool may_block, int64_t from, int64_t to,
                            struct aborted_txns *out)
{
    for (size_t i = 0; i < search->count; i++) {
        const struct txn_source *source = &search->sources[i];
        struct cursor c = {.source = source, .may_block = may_block};
        int64_t count = (source->file_bytes + (int64_t)source->tail.size) / TXN_ENTRY_SIZE;
        int64_t index;
        enum err e = first_entry(&c, count, from, &index);
        for (; e == OK && index < count; index++) {
            struct aborted_txn txn;
            e = entry_at(&c, index, &txn);
            if (e != OK) break;
            if (txn.first_offset < to) aborted_txns_add(out, &txn);
            if (txn.last_stable_offset >= to) return OK;
        }
        if (e != OK) return e;
    }
    return OK;
}
