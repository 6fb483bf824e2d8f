// SPDX-License-Identifier: Apache-2.0
// One group of closed segments becomes one (kafka-internals B7). A record stays when it is at or behind the end of the
// map, or is the newest of its key and has a value or is a tombstone whose time has not come. A batch of an aborted
// transaction loses its records. A marker that says nothing any more (compact_txn.c) stays until its horizon. The first
// round that leaves a tombstone or such a marker in place dates its horizon.
//
// Batches keep their offsets, sequences and epochs. One without records stays as a bare header when it is its
// producer's newest or the round's last, as in Kafka. The group's last stays too: there Kafka keeps nothing, so what we
// leave is a header without a producer, which says no more than where the group ends, and goes with the next merging.
#include "store/compact_int.h"

enum { WRITEBACK_BYTES = 8 << 20 };

// ---- the job ----

void compact_rewrite_reset(struct compact_rewrite *rewrite)
{
    log_walk_deinit(&rewrite->walk);
    segment_free(rewrite->segment);
    text_deinit(&rewrite->out);
    text_deinit(&rewrite->scratch);
    batch_builder_deinit(&rewrite->builder);
    mem_free(rewrite->kept);
    *rewrite = (struct compact_rewrite){0};
}

void compact_job_deinit(struct compact_job *job)
{
    compact_rewrite_reset(&job->rewrite);
    for (size_t i = 0; i < job->source_count; i++) view_deinit(&job->sources[i].view, true);
    mem_free(job->sources);
    mem_free(job->producers);
    txn_search_deinit(&job->txn_search);
    aborted_txns_deinit(&job->aborted);
    compact_txns_deinit(&job->map_txns);
    compact_txns_deinit(&job->txns);
    log_walk_deinit(&job->map_walk);
    text_deinit(&job->map_scratch);
    key_map_deinit(&job->map);
}

enum err compact_source_open(struct compact_source *source, struct fs *fs, const char *dir_path)
{
    struct file_stat stat;
    enum err e = view_open(&source->view, fs, dir_path);
    if (e == OK) e = file_stat(source->view.log, &stat);
    if (e == OK) source->mtime_ms = stat.mtime_ms;
    return e;
}

// A log of many segments must not hold them all open.
void compact_source_close(struct compact_source *source)
{
    struct view *view = &source->view;
    file_unref(view->log);
    file_unref(view->index);
    file_unref(view->timeindex);
    view->log = view->index = view->timeindex = NULL;
}

enum err compact_pause(struct compact_job *job, int64_t bytes)
{
    job->slice_left -= bytes;
    if (__atomic_load_n(job->is_cancelled, __ATOMIC_RELAXED) != 0) return ERR_CLOSED;
    return job->slice_left > 0 ? OK : ERR_AGAIN;
}

// ---- what stays ----

// One batch under the knife.
struct verdict {
    const struct batch_header *header;
    int64_t horizon_ms;        // NO_TIMESTAMP = none
    bool loses_all;            // its records go whatever they are
    bool says_nothing;         // a marker without a transaction
    bool keeps_old_tombstones; // magic 0 and 1
    int32_t kept;
    bool has_tombstone;
};

static bool keeps(const struct compact_job *job, const struct verdict *v, const struct record *record)
{
    if (v->loses_all) return false;
    if (batch_is_control(v->header) || record->offset >= job->map_end) return true;
    if (slice_is_null(record->key) || key_map_get(&job->map, record->key) > record->offset) return false;
    if (!slice_is_null(record->value)) return true;
    if (v->header->magic < 2) return v->keeps_old_tombstones;
    return v->horizon_ms == NO_TIMESTAMP || job->now_ms < v->horizon_ms;
}

static void count_in(const struct compact_job *job, struct verdict *v, const struct record *record)
{
    if (!keeps(job, v, record)) return;
    v->kept++;
    if (slice_is_null(record->value)) v->has_tombstone = true;
}

static bool is_newest_of_producer(const struct compact_job *job, const struct batch_header *h)
{
    size_t low = 0, high = job->producer_count;
    if (!batch_has_producer(h)) return false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (job->producers[middle].id < h->producer_id)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == job->producer_count || job->producers[low].id != h->producer_id) return false;
    const struct compact_producer *p = &job->producers[low];
    // Without data the marker is all that remembers its epoch.
    if (p->last_offset < 0) return batch_is_control(h) && h->producer_epoch == p->epoch;
    return batch_last_offset(h) == p->last_offset;
}

// ---- writing ----

static enum err flush(struct compact_job *job)
{
    struct compact_rewrite *r = &job->rewrite;
    enum err e = file_write_all(r->segment->log, r->written, text_slice(&r->out));
    if (e != OK) return e;
    // Ahead of the sync at the end, which else would hold up everybody's.
    int64_t to = r->written + (int64_t)r->out.size;
    int64_t from = r->written / WRITEBACK_BYTES * WRITEBACK_BYTES;
    if (to / WRITEBACK_BYTES > from / WRITEBACK_BYTES) file_writeback(r->segment->log, from, to - from);
    r->written = to;
    job->slice_left -= (int64_t)r->out.size;
    text_clear(&r->out);
    return OK;
}

static void note(struct compact_job *job, size_t from)
{
    struct compact_rewrite *r = &job->rewrite;
    struct batch_header h;
    enum err e = batch_header_parse(slice_of(r->out.data + from, r->out.size - from), &h);
    ASSERT(e == OK); // just written
    segment_note(r->segment, &h, (int64_t)(r->out.size - from), job->index_interval_bytes);
}

static void copy_whole(struct compact_job *job, const struct batch_view *batch)
{
    size_t from = job->rewrite.out.size;
    text_add(&job->rewrite.out, batch->bytes);
    note(job, from);
}

static void copy_header(struct compact_job *job, const struct batch_header *h)
{
    size_t from = job->rewrite.out.size;
    batch_empty(&job->rewrite.out, h);
    note(job, from);
}

// Where the group ends, and nothing more.
static void mark_end(struct compact_job *job, const struct batch_header *of)
{
    struct batch_header h = *of;
    h.attributes = 0;
    h.max_timestamp = NO_TIMESTAMP;
    h.producer_id = NO_PRODUCER_ID;
    h.producer_epoch = NO_PRODUCER_EPOCH;
    h.base_sequence = NO_SEQUENCE;
    copy_header(job, &h);
}

static enum err copy_records(struct compact_job *job, const struct verdict *v, const struct batch_view *batch,
                             struct slice body, int64_t horizon_ms)
{
    struct compact_rewrite *r = &job->rewrite;
    const struct batch_header *h = &batch->header;
    struct batch_spec spec = batch_spec(h->base_offset);
    enum err e = batch_codec(h, &spec.codec);
    if (e == OK && !batch_crc_is_valid(batch->bytes)) e = ERR_CORRUPT; // rot must not get a good checksum
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
    spec.is_transactional = batch_is_transactional(h);
    spec.is_control = batch_is_control(h);
    size_t from = r->out.size;
    batch_begin(&r->builder, &r->out, &spec);
    struct record_iter it = record_iter(h, body);
    struct record record;
    int64_t last = h->base_offset - 1;
    while (e == OK && record_next(&it, &record)) {
        if (!keeps(job, v, &record)) continue;
        // Offsets that go back, or on into the next batch: Kafka takes such batches from producers (B2).
        if (record.offset <= last || record.offset > batch_last_offset(h))
            e = ERR_CORRUPT;
        else
            batch_add_record(&r->builder, record.offset, &record);
        last = record.offset;
    }
    if (e != OK) {
        batch_abandon(&r->builder);
        return e;
    }
    batch_set_last_offset(&r->builder, batch_last_offset(h));
    e = batch_end(&r->builder, NULL);
    if (e == OK) note(job, from);
    return e;
}

// ---- batches ----

static enum err rewrite_records(struct compact_job *job, struct verdict *v, const struct batch_view *batch)
{
    const struct batch_header *h = &batch->header;
    struct slice body;
    struct record record;
    enum err e = batch_body(batch, COMPACT_BODY_BYTES_MAX, &job->rewrite.scratch, &body);
    if (e != OK) return e;
    struct record_iter it = record_iter(h, body);
    while (record_next(&it, &record)) count_in(job, v, &record);
    if (it.err != OK || v->kept == 0) return it.err;
    bool needs_horizon = v->horizon_ms == NO_TIMESTAMP && (v->has_tombstone || v->says_nothing);
    if (v->kept == h->record_count && !needs_horizon) {
        copy_whole(job, batch);
        return OK;
    }
    int64_t horizon_ms = needs_horizon ? job->now_ms + job->delete_retention_ms : v->horizon_ms;
    return copy_records(job, v, batch, body, horizon_ms);
}

static void keep_legacy(struct compact_rewrite *r, struct verdict *v, const struct record *record)
{
    if ((size_t)v->kept == r->kept_capacity) {
        r->kept_capacity = r->kept_capacity == 0 ? 64 : r->kept_capacity * 2;
        r->kept = mem_realloc(r->kept, r->kept_capacity * sizeof(*r->kept));
    }
    r->kept[v->kept++] = *record;
    if (slice_is_null(record->value)) v->has_tombstone = true;
}

// As Kafka 4's cleaner: what stays becomes a batch of magic 2, from its first record to its last.
static enum err rewrite_legacy(struct compact_job *job, struct verdict *v, const struct batch_view *batch)
{
    struct compact_rewrite *r = &job->rewrite;
    const struct batch_header *h = &batch->header;
    struct legacy_iter it = legacy_iter(batch, &r->scratch);
    struct record record;
    while (legacy_next(&it, &record))
        if (keeps(job, v, &record)) keep_legacy(r, v, &record);
    if (it.err != OK || v->kept == 0) return it.err;
    struct batch_spec spec = batch_spec(r->kept[0].offset);
    enum err e = batch_codec(h, &spec.codec);
    if (e == OK && !batch_crc_is_valid(batch->bytes)) e = ERR_CORRUPT;
    if (e != OK) return e;
    if (batch_is_log_append_time(h)) {
        spec.timestamp_type = TIMESTAMP_LOG_APPEND_TIME;
        spec.log_append_time = h->max_timestamp;
    }
    if (v->has_tombstone) spec.delete_horizon_ms = job->now_ms + job->delete_retention_ms;
    size_t from = r->out.size;
    batch_begin(&r->builder, &r->out, &spec);
    for (int32_t i = 0; i < v->kept; i++) {
        const struct record *kept = &r->kept[i];
        bool is_next = i == 0 || (kept->offset > kept[-1].offset && kept->offset - r->kept[0].offset <= INT32_MAX);
        if (!is_next) e = ERR_CORRUPT;
        if (e != OK) break;
        batch_add_at(&r->builder, kept->offset, kept->timestamp, kept->key, kept->value, NULL, 0);
    }
    if (e != OK)
        batch_abandon(&r->builder);
    else
        e = batch_end(&r->builder, NULL);
    if (e == OK) note(job, from);
    return e;
}

static enum err rewrite_batch(struct compact_job *job, const struct compact_source *source,
                              const struct batch_view *batch, bool is_last)
{
    const struct batch_header *h = &batch->header;
    struct verdict v = {.header = h, .horizon_ms = batch_has_delete_horizon(h) ? h->base_timestamp : NO_TIMESTAMP};
    v.keeps_old_tombstones = source->mtime_ms > job->legacy_horizon_ms;
    if (batch_is_control(h)) {
        const struct aborted_txn *ended;
        v.says_nothing = compact_txns_control(&job->txns, batch, &ended);
        if (ended != NULL) segment_add_aborted(job->rewrite.segment, ended);
        v.loses_all = v.says_nothing && v.horizon_ms != NO_TIMESTAMP && v.horizon_ms <= job->now_ms;
    } else {
        v.loses_all = compact_txns_data(&job->txns, h);
    }
    enum err e = OK;
    if (h->magic < 2)
        e = rewrite_legacy(job, &v, batch);
    else if (!v.loses_all && h->record_count > 0)
        e = rewrite_records(job, &v, batch);
    bool keeps_end = h->magic == 2 || v.kept == 0 || job->rewrite.kept[v.kept - 1].offset == h->base_offset;
    if (e == OK && v.kept > 0 && is_last && !keeps_end) mark_end(job, h);
    if (e != OK || v.kept > 0) return e;
    int64_t round_end = job->sources[job->source_count - 1].end_offset;
    bool is_rounds_last = batch_last_offset(h) + 1 == round_end;
    if (h->magic == 2 && (is_newest_of_producer(job, h) || is_rounds_last))
        copy_header(job, h);
    else if (is_last)
        mark_end(job, h);
    return OK;
}

static enum err begin_source(struct compact_job *job, struct fs *fs, const char *dir_path)
{
    struct compact_rewrite *r = &job->rewrite;
    struct compact_source *source = &job->sources[r->at];
    enum err e = compact_source_open(source, fs, dir_path);
    if (e != OK) return e;
    struct text buffer = r->walk.buffer;
    r->walk = (struct log_walk){.file = source->view.log,
                                .size = source->view.size,
                                .wants_bodies = true,
                                .chunk_bytes = (int64_t)job->io_bytes,
                                .buffer = buffer};
    text_clear(&r->walk.buffer);
    r->is_walking = true;
    return OK;
}

static enum err rewrite_source(struct compact_job *job)
{
    struct compact_rewrite *r = &job->rewrite;
    struct compact_source *source = &job->sources[r->at];
    bool is_last_source = r->at + 1 == r->first + r->count;
    struct batch_view batch;
    int64_t size;
    while (log_walk_next(&r->walk, &batch, &size)) {
        enum err e = rewrite_batch(job, source, &batch, is_last_source && r->walk.position == r->walk.size);
        if (e == OK && r->out.size >= job->io_bytes) e = flush(job);
        if (e == OK) e = compact_pause(job, size);
        if (e != OK) return e;
    }
    if (r->walk.err != OK) return r->walk.err == ERR_TRUNCATED ? ERR_CORRUPT : r->walk.err;
    r->is_walking = false;
    compact_source_close(source);
    return OK;
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

static enum err finish_files(struct compact_job *job, struct fs *fs, const char *dir_path, int64_t mtime_ms)
{
    struct segment *s = job->rewrite.segment;
    int64_t base = s->base_offset;
    segment_add_time_entry(s);
    enum err e = flush(job);
    if (e == OK) e = file_sync(s->log);
    if (e == OK) e = write_index(fs, dir_path, base, ".index.cleaned", &s->index_tail, &s->index, &s->index_bytes);
    if (e == OK)
        e = write_index(fs, dir_path, base, ".timeindex.cleaned", &s->timeindex_tail, &s->timeindex,
                        &s->timeindex_bytes);
    if (e == OK && s->txnindex_tail.size > 0)
        e = write_index(fs, dir_path, base, ".txnindex.cleaned", &s->txnindex_tail, &s->txnindex, &s->txnindex_bytes);
    // Retention by time counts from here when the records have no timestamps.
    char *path = segment_path(dir_path, base, ".log.cleaned");
    if (e == OK) e = fs_set_mtime(fs, path, mtime_ms);
    mem_free(path);
    return e;
}

enum err compact_rewrite_run(struct compact_job *job, struct fs *fs, const char *dir_path, struct segment **out)
{
    struct compact_rewrite *r = &job->rewrite;
    enum err e = OK;
    if (r->segment == NULL) {
        r->segment = segment_new(job->sources[r->first].base_offset);
        r->at = r->first;
        e = open_cleaned(fs, dir_path, r->segment->base_offset, ".log.cleaned", &r->segment->log);
    }
    for (; r->at < r->first + r->count && e == OK; r->at += e == OK) {
        if (!r->is_walking) e = begin_source(job, fs, dir_path);
        if (e == OK) e = rewrite_source(job);
    }
    const struct compact_source *last = &job->sources[r->first + r->count - 1];
    if (e == OK) e = finish_files(job, fs, dir_path, last->mtime_ms);
    if (e != OK) return e;
    r->segment->is_created = r->segment->is_sealed = true;
    r->segment->created_ms = last->mtime_ms;
    *out = r->segment;
    r->segment = NULL;
    return OK;
}
