// SPDX-License-Identifier: Apache-2.0
// One group of closed segments becomes one (kafka-internals B7). A record stays when it is at or behind the end of the
// map, or is the newest of its key and has a value or is a tombstone whose time has not come. Batches keep their
// offsets, sequences and epochs; one that loses all its records stays as a bare header when it is its producer's newest
// or the group's last.
#include "record/builder.h"
#include "store/compact_int.h"

enum { BODY_BYTES_MAX = 256 * 1024 * 1024, CHUNK_BYTES = 1 << 20 };

static bool is_cancelled(const int *flag)
{
    return __atomic_load_n(flag, __ATOMIC_RELAXED) != 0;
}

static bool is_foreign(const struct batch_header *h)
{
    return h->magic != 2 || batch_is_transactional(h) || batch_is_control(h);
}

// ---- the map ----

enum err compact_map_source(struct key_map *map, const struct compact_source *source, int64_t from,
                            const int *cancelled, int64_t *end)
{
    struct log_walk walk = {.file = source->view.log, .size = source->view.size, .wants_bodies = true};
    struct batch_view batch;
    struct text scratch = {0};
    int64_t size;
    enum err e = OK;
    bool is_full = false;
    while (e == OK && !is_full && log_walk_next(&walk, &batch, &size)) {
        struct slice body;
        if (is_cancelled(cancelled))
            e = ERR_CLOSED;
        else if (is_foreign(&batch.header))
            e = ERR_COMPACT_FOREIGN;
        else if (batch_last_offset(&batch.header) < from || batch.header.record_count == 0)
            continue;
        else
            e = batch_body(&batch, BODY_BYTES_MAX, &scratch, &body);
        if (e != OK) break;
        struct record_iter it = record_iter(&batch.header, body);
        struct record record;
        while (!is_full && record_next(&it, &record)) {
            if (slice_is_null(record.key)) continue;
            is_full = !key_map_put(map, record.key, record.offset);
        }
        if (!is_full) e = it.err;
        // A batch is in the map as a whole or does not count: those behind the end are kept anyway.
        if (e == OK) *end = is_full ? batch.header.base_offset : batch_last_offset(&batch.header) + 1;
    }
    if (e == OK && !is_full) e = walk.err;
    if (e == OK && !is_full) *end = source->end_offset;
    log_walk_deinit(&walk);
    text_deinit(&scratch);
    return e;
}

// ---- rewriting ----

struct rewrite {
    const struct compact_rules *rules;
    struct segment *segment; // under construction
    struct text out;         // whole batches, not written yet
    int64_t written;
    struct text scratch;
    struct batch_builder builder;
    int64_t horizon_ms; // of the batch under way; NO_TIMESTAMP = none
};

static enum err flush(struct rewrite *r)
{
    enum err e = file_write_all(r->segment->log, r->written, text_slice(&r->out));
    r->written += (int64_t)r->out.size;
    text_clear(&r->out);
    return e;
}

static void note(struct rewrite *r, size_t from)
{
    struct batch_header h;
    enum err e = batch_header_parse(slice_of(r->out.data + from, r->out.size - from), &h);
    ASSERT(e == OK); // just written
    segment_note(r->segment, &h, (int64_t)(r->out.size - from), r->rules->index_interval_bytes);
}

static bool keeps(const struct rewrite *r, const struct record *record, bool *is_tombstone)
{
    const struct compact_rules *rules = r->rules;
    *is_tombstone = slice_is_null(record->value);
    if (record->offset >= rules->map_end) return true;
    if (slice_is_null(record->key) || key_map_get(rules->map, record->key) > record->offset) return false;
    return !*is_tombstone || r->horizon_ms == NO_TIMESTAMP || rules->now_ms < r->horizon_ms;
}

// What the records come to: how many stay, and whether a tombstone among them is below the map's end.
static enum err judge(const struct rewrite *r, const struct batch_header *h, struct slice body, int32_t *kept,
                      bool *has_tombstone)
{
    struct record_iter it = record_iter(h, body);
    struct record record;
    *kept = 0;
    *has_tombstone = false;
    while (record_next(&it, &record)) {
        bool is_tombstone;
        if (!keeps(r, &record, &is_tombstone)) continue;
        ++*kept;
        if (is_tombstone && record.offset < r->rules->map_end) *has_tombstone = true;
    }
    return it.err;
}

static enum err copy_records(struct rewrite *r, const struct batch_view *batch, struct slice body, int64_t horizon_ms)
{
    const struct batch_header *h = &batch->header;
    struct batch_spec spec = batch_spec(h->base_offset);
    enum err e = batch_codec(h, &spec.codec);
    if (e != OK) return e;
    spec.partition_leader_epoch = h->partition_leader_epoch;
    if (batch_is_log_append_time(h)) {
        spec.timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
        spec.log_append_time = h->max_timestamp;
    }
    spec.delete_horizon_ms = horizon_ms;
    spec.producer_id = h->producer_id;
    spec.producer_epoch = h->producer_epoch;
    spec.base_sequence = h->base_sequence;
    size_t from = r->out.size;
    batch_begin(&r->builder, &r->out, &spec);
    struct record_iter it = record_iter(h, body);
    struct record record;
    bool is_tombstone;
    while (record_next(&it, &record))
        if (keeps(r, &record, &is_tombstone)) batch_add_record(&r->builder, record.offset, &record);
    batch_set_last_offset(&r->builder, batch_last_offset(h));
    e = batch_end(&r->builder, NULL);
    if (e == OK) note(r, from);
    return e;
}

static bool is_newest_of_producer(const struct compact_rules *rules, int64_t last_offset)
{
    size_t low = 0, high = rules->producer_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (rules->newest_of_producers[middle] < last_offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rules->producer_count && rules->newest_of_producers[low] == last_offset;
}

static void copy_whole(struct rewrite *r, const struct batch_view *batch)
{
    size_t from = r->out.size;
    text_add(&r->out, batch->bytes);
    note(r, from);
}

static void copy_header(struct rewrite *r, const struct batch_header *h)
{
    size_t from = r->out.size;
    batch_empty(&r->out, h);
    note(r, from);
}

static enum err rewrite_batch(struct rewrite *r, const struct batch_view *batch, bool is_last)
{
    const struct batch_header *h = &batch->header;
    bool stays_empty = is_last || is_newest_of_producer(r->rules, batch_last_offset(h));
    if (is_foreign(h)) return ERR_COMPACT_FOREIGN;
    if (h->record_count == 0) {
        if (stays_empty) copy_whole(r, batch);
        return OK;
    }
    struct slice body;
    int32_t kept = 0;
    bool has_tombstone = false;
    enum err e = batch_body(batch, BODY_BYTES_MAX, &r->scratch, &body);
    r->horizon_ms = batch_has_delete_horizon(h) ? h->base_timestamp : NO_TIMESTAMP;
    if (e == OK) e = judge(r, h, body, &kept, &has_tombstone);
    if (e != OK) return e;
    bool needs_horizon = has_tombstone && r->horizon_ms == NO_TIMESTAMP;
    if (kept == h->record_count && !needs_horizon) {
        copy_whole(r, batch);
    } else if (kept > 0) {
        int64_t horizon_ms = needs_horizon ? r->rules->now_ms + r->rules->delete_retention_ms : r->horizon_ms;
        e = copy_records(r, batch, body, horizon_ms);
    } else if (stays_empty) {
        copy_header(r, h);
    }
    return e;
}

static enum err rewrite_source(struct rewrite *r, const struct compact_source *source, bool is_last_source)
{
    struct log_walk walk = {.file = source->view.log, .size = source->view.size, .wants_bodies = true};
    struct batch_view batch;
    int64_t size;
    enum err e = OK;
    while (e == OK && log_walk_next(&walk, &batch, &size)) {
        if (is_cancelled(r->rules->is_cancelled)) e = ERR_CLOSED;
        if (e == OK) e = rewrite_batch(r, &batch, is_last_source && walk.position == walk.size);
        if (e == OK && r->out.size >= CHUNK_BYTES) e = flush(r);
    }
    if (e == OK) e = walk.err;
    log_walk_deinit(&walk);
    return e;
}

// ---- files ----

static enum err open_cleaned(struct fs *fs, const char *dir_path, int64_t base, const char *suffix, struct file **out)
{
    char *path = segment_path(dir_path, base, suffix);
    enum err e = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, out);
    mem_free(path);
    return e;
}

static enum err write_index(struct fs *fs, const char *dir_path, int64_t base, const char *suffix, struct text *tail,
                            struct file **file, int64_t *bytes)
{
    enum err e = open_cleaned(fs, dir_path, base, suffix, file);
    if (e == OK) e = file_write_all(*file, 0, text_slice(tail));
    if (e == OK) e = file_sync(*file);
    *bytes = (int64_t)tail->size;
    text_deinit(tail);
    *tail = (struct text){0};
    return e;
}

static enum err finish_files(struct rewrite *r, struct fs *fs, const char *dir_path, int64_t mtime_ms)
{
    struct segment *s = r->segment;
    segment_add_time_entry(s);
    enum err e = flush(r);
    if (e == OK) e = file_sync(s->log);
    if (e == OK)
        e = write_index(fs, dir_path, s->base_offset, ".index.cleaned", &s->index_tail, &s->index, &s->index_bytes);
    if (e == OK)
        e = write_index(fs, dir_path, s->base_offset, ".timeindex.cleaned", &s->timeindex_tail, &s->timeindex,
                        &s->timeindex_bytes);
    // Retention by time counts from here when the records have no timestamps.
    char *path = segment_path(dir_path, s->base_offset, ".log.cleaned");
    if (e == OK) e = fs_set_mtime(fs, path, mtime_ms);
    mem_free(path);
    return e;
}

enum err compact_rewrite(struct fs *fs, const char *dir_path, struct compact_source *sources, size_t count,
                         const struct compact_rules *rules, struct segment **out)
{
    struct rewrite r = {.rules = rules, .segment = segment_new(sources[0].base_offset)};
    enum err e = open_cleaned(fs, dir_path, r.segment->base_offset, ".log.cleaned", &r.segment->log);
    for (size_t i = 0; i < count && e == OK; i++) {
        e = view_open(&sources[i].view, fs, dir_path);
        if (e == OK) e = rewrite_source(&r, &sources[i], i + 1 == count);
    }
    if (e == OK) e = finish_files(&r, fs, dir_path, sources[count - 1].created_ms);
    text_deinit(&r.out);
    text_deinit(&r.scratch);
    batch_builder_deinit(&r.builder);
    if (e != OK) {
        segment_free(r.segment);
        return e;
    }
    r.segment->is_created = r.segment->is_sealed = true;
    r.segment->created_ms = sources[count - 1].created_ms;
    *out = r.segment;
    return OK;
}
