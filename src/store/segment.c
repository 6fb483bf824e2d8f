// SPDX-License-Identifier: Apache-2.0
// Segments and their indexes (kafka-internals A3, A5). Prefix = base offset as 20 decimal digits.
//   .log        batches, one behind the other
//   .index      8-byte entries, big-endian: i32 last offset of a batch - base | i32 position of that batch
//   .timeindex  12-byte entries: i64 largest timestamp so far | i32 last offset of the batch that holds it - base
// We never preallocate indexes and write them append-only, so at every moment they hold whole entries and nothing else;
// Kafka's own, left by its crash, may end in zeros. What an index says is a hint: it is checked against the batch found
// there, and a wrong one only costs a longer scan.
#include <inttypes.h>

#include "base/bytes.h"
#include "store/store_int.h"

enum { SCAN_CHUNK = 8192 };

struct segment *segment_new(int64_t base_offset)
{
    struct segment *segment = MEM_NEW(struct segment);
    segment->base_offset = base_offset;
    segment->max_timestamp = NO_TIMESTAMP;
    segment->max_timestamp_offset = base_offset;
    segment->first_timestamp = NO_TIMESTAMP;
    segment->last_time_entry = NO_TIMESTAMP;
    segment->has_times = true;
    return segment;
}

void segment_free(struct segment *segment)
{
    if (segment == NULL) return;
    segment_forget_use(segment);
    file_unref(segment->log);
    file_unref(segment->index);
    file_unref(segment->timeindex);
    file_unref(segment->txnindex);
    text_deinit(&segment->index_tail);
    text_deinit(&segment->timeindex_tail);
    text_deinit(&segment->txnindex_tail);
    text_deinit(&segment->snapshot);
    mem_free(segment);
}

char *segment_path(const char *dir_path, int64_t base_offset, const char *suffix)
{
    return path_printf("%s/%020" PRId64 "%s", dir_path, base_offset, suffix);
}

static int64_t index_size(const struct segment *s) { return s->index_bytes + (int64_t)s->index_tail.size; }
static int64_t timeindex_size(const struct segment *s) { return s->timeindex_bytes + (int64_t)s->timeindex_tail.size; }

void segment_add_time_entry(struct segment *segment)
{
    if (segment->max_timestamp <= segment->last_time_entry) return;
    uint8_t *at = text_reserve(&segment->timeindex_tail, TIME_ENTRY_SIZE);
    store_i64(at, segment->max_timestamp);
    store_i32(at + 8, (int32_t)(segment->max_timestamp_offset - segment->base_offset));
    text_grew(&segment->timeindex_tail, TIME_ENTRY_SIZE);
    segment->last_time_entry = segment->max_timestamp;
}

void segment_note(struct segment *segment, const struct batch_header *header, int64_t batch_bytes, int32_t interval)
{
    int64_t last_offset = batch_last_offset(header);
    if (header->max_timestamp > segment->max_timestamp) {
        segment->max_timestamp = header->max_timestamp;
        segment->max_timestamp_offset = last_offset;
    }
    if (segment->size == 0) segment->first_timestamp = header->max_timestamp;
    if (segment->bytes_since_index > interval) {
        uint8_t *at = text_reserve(&segment->index_tail, INDEX_ENTRY_SIZE);
        store_i32(at, (int32_t)(last_offset - segment->base_offset));
        store_i32(at + 4, (int32_t)segment->size);
        text_grew(&segment->index_tail, INDEX_ENTRY_SIZE);
        segment_add_time_entry(segment);
        segment->bytes_since_index = 0;
    }
    segment->bytes_since_index += batch_bytes;
    segment->size += batch_bytes;
}

bool segment_index_is_full(const struct segment *segment, int32_t index_bytes_max)
{
    // One slot of the time index is kept for the closing entry.
    return index_size(segment) / INDEX_ENTRY_SIZE >= index_bytes_max / INDEX_ENTRY_SIZE ||
           timeindex_size(segment) / TIME_ENTRY_SIZE >= index_bytes_max / TIME_ENTRY_SIZE - 1;
}

// ---- views ----

static struct file *maybe_ref(struct file *file) { return file == NULL ? NULL : file_ref(file); }

void view_init(struct view *view, const struct segment *segment, int64_t size, bool copy_tails)
{
    *view = (struct view){
        .base_offset = segment->base_offset,
        .log = maybe_ref(segment->log),
        .index = maybe_ref(segment->index),
        .timeindex = maybe_ref(segment->timeindex),
        .size = size,
        .index_bytes = segment->index_bytes,
        .timeindex_bytes = segment->timeindex_bytes,
        .has_times = segment->has_times,
        .max_timestamp = segment->max_timestamp,
    };
    if (copy_tails) {
        text_add(&view->index_tail, text_slice(&segment->index_tail));
        text_add(&view->timeindex_tail, text_slice(&segment->timeindex_tail));
    } else {
        view->index_tail = segment->index_tail;
        view->timeindex_tail = segment->timeindex_tail;
    }
}

void view_deinit(struct view *view, bool has_copies)
{
    file_unref(view->log);
    file_unref(view->index);
    file_unref(view->timeindex);
    if (has_copies) {
        text_deinit(&view->index_tail);
        text_deinit(&view->timeindex_tail);
    }
    *view = (struct view){0};
}

static enum err open_if(struct fs *fs, const char *dir_path, int64_t base, const char *suffix, struct file **file)
{
    if (*file != NULL) return OK;
    char *path = segment_path(dir_path, base, suffix);
    enum err e = fs_open(fs, path, FILE_READ | FILE_WRITE, file);
    mem_free(path);
    return e;
}

enum err segment_sync(struct fs *fs, const char *dir_path, int64_t base_offset, struct file *file)
{
    if (file != NULL) return file_sync(file);
    enum err e = open_if(fs, dir_path, base_offset, ".log", &file);
    if (e == OK) e = file_sync(file);
    file_unref(file);
    return e;
}

enum err view_open_for_offsets(struct view *view, struct fs *fs, const char *dir_path)
{
    enum err e = open_if(fs, dir_path, view->base_offset, ".log", &view->log);
    if (e == OK && view->index_bytes > 0) e = open_if(fs, dir_path, view->base_offset, ".index", &view->index);
    return e;
}

enum err view_open(struct view *view, struct fs *fs, const char *dir_path)
{
    enum err e = view_open_for_offsets(view, fs, dir_path);
    if (e == OK && view->timeindex_bytes > 0)
        e = open_if(fs, dir_path, view->base_offset, ".timeindex", &view->timeindex);
    return e;
}

// ---- index look-ups: binary search over file and tail as one array ----

struct table {
    struct file *file;
    int64_t file_bytes;
    const struct text *tail;
    size_t entry_size;
    bool may_block;
};

static enum err table_entry(const struct table *table, int64_t i, uint8_t *to)
{
    int64_t at = i * (int64_t)table->entry_size;
    if (at >= table->file_bytes) {
        memcpy(to, table->tail->data + (at - table->file_bytes), table->entry_size);
        return OK;
    }
    if (table->file == NULL) return ERR_AGAIN; // exists, but nobody has opened it yet
    return file_read_all(table->file, table->may_block, at, to, table->entry_size);
}

static int64_t table_key(const struct table *table, const uint8_t *entry)
{
    return table->entry_size == INDEX_ENTRY_SIZE ? load_i32(entry) : load_i64(entry);
}

// The last entry whose key is <= `key`; *index -1 when there is none.
static enum err table_floor(const struct table *table, int64_t key, int64_t *index, uint8_t *entry)
{
    int64_t low = 0; // entries below low have keys <= key
    int64_t high = (table->file_bytes + (int64_t)table->tail->size) / (int64_t)table->entry_size;
    uint8_t probe[TIME_ENTRY_SIZE];
    *index = -1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        enum err e = table_entry(table, middle, probe);
        if (e != OK) return e;
        if (table_key(table, probe) <= key) {
            memcpy(entry, probe, table->entry_size);
            *index = middle;
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return OK;
}

enum err view_index_floor(const struct view *view, bool may_block, int64_t offset, int64_t *position)
{
    struct table table = {view->index, view->index_bytes, &view->index_tail, INDEX_ENTRY_SIZE, may_block};
    uint8_t entry[TIME_ENTRY_SIZE];
    int64_t index;
    enum err e = table_floor(&table, offset - view->base_offset, &index, entry);
    if (e != OK) return e;
    *position = index < 0 ? 0 : load_i32(entry + 4);
    if (*position < 0 || *position >= view->size) *position = 0;
    return OK;
}

enum err view_index_ceiling(const struct view *view, bool may_block, int64_t position, int64_t *offset)
{
    struct table table = {view->index, view->index_bytes, &view->index_tail, INDEX_ENTRY_SIZE, may_block};
    int64_t count = (view->index_bytes + (int64_t)view->index_tail.size) / INDEX_ENTRY_SIZE;
    int64_t low = 0;
    int64_t high = count;
    uint8_t entry[INDEX_ENTRY_SIZE];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        enum err e = table_entry(&table, middle, entry);
        if (e != OK) return e;
        if (load_i32(entry + 4) < position)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count) return OK;
    enum err e = table_entry(&table, low, entry);
    if (e == OK) *offset = view->base_offset + load_i32(entry);
    return e;
}

enum err view_time_floor(const struct view *view, bool may_block, int64_t timestamp, int64_t *offset)
{
    struct table table = {view->timeindex, view->timeindex_bytes, &view->timeindex_tail, TIME_ENTRY_SIZE, may_block};
    uint8_t entry[TIME_ENTRY_SIZE];
    int64_t index;
    enum err e = table_floor(&table, timestamp, &index, entry);
    if (e != OK) return e;
    *offset = view->base_offset + (index < 0 ? 0 : load_i32(entry + 8));
    return OK;
}

enum err view_max_timestamp(struct view *view, int64_t *timestamp)
{
    if (!view->has_times) {
        struct table table = {view->timeindex, view->timeindex_bytes, &view->timeindex_tail, TIME_ENTRY_SIZE, true};
        int64_t count = (view->timeindex_bytes + (int64_t)view->timeindex_tail.size) / TIME_ENTRY_SIZE;
        uint8_t entry[TIME_ENTRY_SIZE];
        view->max_timestamp = NO_TIMESTAMP;
        if (count > 0) {
            enum err e = table_entry(&table, count - 1, entry);
            if (e != OK) return e;
            view->max_timestamp = load_i64(entry);
        }
        view->has_times = true;
    }
    *timestamp = view->max_timestamp;
    return OK;
}

// ---- batch look-ups ----

static enum err parse_at(const struct view *view, int64_t position, struct slice bytes, struct found_batch *out)
{
    enum err e = batch_header_parse(bytes, &out->header);
    if (e != OK) return ERR_CORRUPT;
    size_t size;
    e = batch_size(bytes, &size);
    if (e != OK || (int64_t)size > view->size - position) return ERR_CORRUPT;
    out->position = position;
    out->size = (int64_t)size;
    return OK;
}

enum err view_batch_at(const struct view *view, bool may_block, int64_t position, struct found_batch *out)
{
    uint8_t head[BATCH_HEADER_SIZE];
    if (view->log == NULL) return ERR_AGAIN;
    int64_t left = view->size - position;
    if (left <= 0) return ERR_NOT_FOUND;
    size_t size = left < BATCH_HEADER_SIZE ? (size_t)left : BATCH_HEADER_SIZE;
    enum err e = file_read_all(view->log, may_block, position, head, size);
    return e != OK ? e : parse_at(view, position, slice_of(head, size), out);
}

// Linear search from `position`.
static enum err scan(const struct view *view, bool may_block, int64_t position, int64_t offset, struct found_batch *out)
{
    uint8_t chunk[SCAN_CHUNK];
    int64_t chunk_at = 0;
    int64_t chunk_size = 0;
    bool is_first = true;
    while (position < view->size) {
        int64_t left = view->size - position;
        int64_t need = left < BATCH_HEADER_SIZE ? left : BATCH_HEADER_SIZE;
        if (position < chunk_at || position + need > chunk_at + chunk_size) {
            chunk_at = position;
            chunk_size = left < SCAN_CHUNK ? left : SCAN_CHUNK;
            enum err e = file_read_all(view->log, may_block, position, chunk, (size_t)chunk_size);
            if (e != OK) return e;
        }
        enum err e = parse_at(view, position,
                              slice_of(chunk + (position - chunk_at), (size_t)(chunk_at + chunk_size - position)), out);
        if (e != OK) return e;
        // An index entry names the batch that ends at its offset: one that begins behind what was asked is a lie.
        if (is_first && position > 0 && out->header.base_offset > offset && out->header.magic == 2) return ERR_CORRUPT;
        is_first = false;
        if (batch_last_offset(&out->header) >= offset) return OK;
        position += out->size;
    }
    return ERR_NOT_FOUND;
}

enum err view_find(const struct view *view, bool may_block, int64_t offset, struct found_batch *out)
{
    int64_t position;
    if (view->size == 0) return ERR_NOT_FOUND;
    if (view->log == NULL) return ERR_AGAIN;
    enum err e = OK;
    if (offset <= view->base_offset) position = 0;
    else e = view_index_floor(view, may_block, offset, &position);
    if (e == OK) e = scan(view, may_block, position, offset, out);
    if (e == ERR_CORRUPT && position > 0) e = scan(view, may_block, 0, offset, out); // the index was wrong
    return e;
}

// ---- walking a log file ----

enum { WALK_CHUNK = 256 * 1024 };

// `size` bytes at walk->position in the buffer; less only with walk->err set.
static bool walk_fill(struct log_walk *walk, int64_t size, struct slice *out)
{
    int64_t have = walk->buffer_at + (int64_t)walk->buffer.size;
    if (walk->position < walk->buffer_at || walk->position + size > have) {
        int64_t left = walk->size - walk->position;
        int64_t want = walk->chunk_bytes > 0 ? walk->chunk_bytes : WALK_CHUNK;
        if (want < size) want = size;
        if (want > left) want = left;
        text_clear(&walk->buffer);
        uint8_t *to = text_reserve(&walk->buffer, (size_t)want);
        enum err e = file_read_all(walk->file, true, walk->position, to, (size_t)want);
        if (e != OK) {
            walk->err = e == ERR_TRUNCATED ? ERR_IO : e; // shorter than fstat said: somebody else cut it
            return false;
        }
        text_grew(&walk->buffer, (size_t)want);
        walk->buffer_at = walk->position;
        have = walk->buffer_at + want;
    }
    *out = slice_of(walk->buffer.data + (walk->position - walk->buffer_at), (size_t)(have - walk->position));
    return true;
}

bool log_walk_next(struct log_walk *walk, struct batch_view *out, int64_t *batch_bytes)
{
    int64_t left = walk->size - walk->position;
    struct slice bytes;
    size_t size;
    if (walk->err != OK || left <= 0) return false;
    if (!walk_fill(walk, left < BATCH_HEADER_SIZE ? left : BATCH_HEADER_SIZE, &bytes)) return false;
    enum err e = batch_size(bytes, &size);
    if (e == OK) e = batch_header_parse(bytes, &out->header);
    if (e == OK && (int64_t)size > left) e = ERR_TRUNCATED;
    if (e != OK) {
        walk->err = e;
        return false;
    }
    if (walk->wants_bodies && !walk_fill(walk, (int64_t)size, &bytes)) return false;
    out->bytes = slice_of(bytes.data, bytes.size < size ? bytes.size : size);
    *batch_bytes = (int64_t)size;
    walk->position += (int64_t)size;
    return true;
}

void log_walk_deinit(struct log_walk *walk)
{
    text_deinit(&walk->buffer);
}
