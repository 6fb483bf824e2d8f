// SPDX-License-Identifier: Apache-2.0
// A closed segment gets its index files at exact size, the producer snapshot of the base behind it, and all of it on
// disk, in the background; until then its index tails stay in memory and the recovery point stays below it. Also:
// index files of the active segment, made when there is enough to write.
#include "store/store_int.h"

struct seal *seal_new(struct plog *plog, struct segment *segment, int64_t end_offset)
{
    struct seal *seal = MEM_NEW(struct seal);
    segment_add_time_entry(segment);
    seal->base_offset = segment->base_offset;
    seal->has_log = segment->is_created;
    seal->size = segment->size;
    seal->log = segment->log == NULL ? NULL : file_ref(segment->log);
    seal->index = segment->index == NULL ? NULL : file_ref(segment->index);
    seal->timeindex = segment->timeindex == NULL ? NULL : file_ref(segment->timeindex);
    seal->txnindex = segment->txnindex == NULL ? NULL : file_ref(segment->txnindex);
    seal->index_bytes = segment->index_bytes;
    seal->timeindex_bytes = segment->timeindex_bytes;
    seal->txnindex_bytes = segment->txnindex_bytes;
    text_add(&seal->index_tail, text_slice(&segment->index_tail));
    text_add(&seal->timeindex_tail, text_slice(&segment->timeindex_tail));
    text_add(&seal->txnindex_tail, text_slice(&segment->txnindex_tail));
    seal->snapshot_offset = -1;
    seal->end_offset = end_offset;
    (void)plog;
    return seal;
}

// An index file that was never made is made now, even without entries: Kafka recovers a segment that lacks its own.
static enum err write_index(struct seal *seal, struct fs *fs, const char *suffix, struct file **file, int64_t *bytes,
                            const struct text *tail)
{
    enum err e = OK;
    if (*file == NULL) {
        unsigned truncate = *bytes == 0 ? FILE_TRUNCATE : 0; // 0: whatever is there is not ours
        char *path = segment_path(seal->base.dir_path, seal->base_offset, suffix);
        e = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | truncate, file);
        mem_free(path);
    }
    if (e == OK) e = file_write_all(*file, *bytes, text_slice(tail));
    if (e == OK) *bytes += (int64_t)tail->size;
    if (e == OK) e = file_truncate(*file, *bytes); // zeros that Kafka left behind its entries
    if (e == OK) e = file_sync(*file);
    return e;
}

static enum err open_log(struct seal *seal, struct fs *fs)
{
    char *path = segment_path(seal->base.dir_path, seal->base_offset, ".log");
    enum err e = fs_open(fs, path, FILE_READ | FILE_WRITE, &seal->log);
    mem_free(path);
    return e;
}

enum err seal_run(struct seal *seal, struct fs *fs)
{
    enum err e = OK;
    seal->base.what = "closing a segment";
    if (seal->has_log) {
        if (seal->log == NULL) e = open_log(seal, fs);
        if (e == OK) e = file_truncate(seal->log, seal->size); // gives back the blocks allocated ahead
        if (e == OK) e = file_sync(seal->log);
        if (e == OK) e = write_index(seal, fs, ".index", &seal->index, &seal->index_bytes, &seal->index_tail);
        if (e == OK)
            e = write_index(seal, fs, ".timeindex", &seal->timeindex, &seal->timeindex_bytes, &seal->timeindex_tail);
        // This one exists only where a transaction was aborted.
        bool has_txns = seal->txnindex != NULL || seal->txnindex_tail.size > 0;
        if (e == OK && has_txns)
            e = write_index(seal, fs, ".txnindex", &seal->txnindex, &seal->txnindex_bytes, &seal->txnindex_tail);
    }
    if (e == OK && seal->snapshot_offset >= 0) {
        char *path = segment_path(seal->base.dir_path, seal->snapshot_offset, ".snapshot");
        e = file_write_synced(fs, path, text_slice(&seal->snapshot));
        mem_free(path);
    }
    if (e == OK) e = fs_sync_dir(fs, seal->base.dir_path);
    return e;
}

void seal_done(struct seal *seal, struct segment *segment)
{
    if (segment == NULL || !seal->has_log) return;
    segment->index_bytes = seal->index_bytes;
    segment->timeindex_bytes = seal->timeindex_bytes;
    segment->txnindex_bytes = seal->txnindex_bytes;
    text_deinit(&segment->index_tail);
    text_deinit(&segment->timeindex_tail);
    text_deinit(&segment->txnindex_tail);
    segment->index_tail = segment->timeindex_tail = segment->txnindex_tail = (struct text){0};
    segment->is_sealed = true;
    segment->has_index_files = true;
}

void seal_free(struct seal *seal)
{
    file_unref(seal->log);
    file_unref(seal->index);
    file_unref(seal->timeindex);
    file_unref(seal->txnindex);
    text_deinit(&seal->index_tail);
    text_deinit(&seal->timeindex_tail);
    text_deinit(&seal->txnindex_tail);
    text_deinit(&seal->snapshot);
    mem_free(seal);
}

static void run(struct env_task *task, struct fs *fs)
{
    struct seal *seal = CONTAINER_OF(task, struct seal, base.task);
    seal->base.result = seal_run(seal, fs);
}

static void done(struct env *env, struct env_task *task)
{
    struct seal *seal = CONTAINER_OF(task, struct seal, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&seal->base);
    plog->is_sealing = false;
    if (!plog->has_failed) {
        seal_done(seal, plog_segment_at(plog, seal->base_offset));
        if (seal->snapshot_offset > plog->last_snapshot) plog->last_snapshot = seal->snapshot_offset;
        // All of the closed segment is on disk, its name and that of the next one too.
        struct segment *next = plog_segment_at(plog, seal->end_offset);
        if (next != NULL) plog_flushed(plog, (struct plog_place){seal->end_offset, next->base_offset, 0});
    }
    seal_free(seal);
    plog_step(plog);
}

void plog_seal_next(struct plog *plog)
{
    if (plog->is_sealing || plog->is_indexing) return;
    for (size_t i = 0; i + 1 < plog->segment_count; i++) {
        struct segment *s = plog->segments[i];
        struct segment *next = plog->segments[i + 1];
        if (s->is_sealed) continue;
        // All of it published, and the next one there: else its own end is not in the file yet.
        if (next->base_offset > plog->published.base_offset) return;
        struct seal *seal = seal_new(plog, s, next->base_offset);
        if (next->has_snapshot) {
            seal->snapshot_offset = next->base_offset;
            seal->snapshot = next->snapshot;
            next->snapshot = (struct text){0};
            next->has_snapshot = false;
        }
        seal->base.task.run = run;
        seal->base.task.done = done;
        plog->is_sealing = true;
        plog_task_post(plog, &seal->base, (uintptr_t)plog);
        return;
    }
}

// ---- index files of the active segment ----

struct index_task {
    struct plog_task base;
    int64_t base_offset;
    bool has_index; // there is something in it: opened rather than made
    bool has_timeindex;
    bool has_txnindex;
    bool wants_pair; // index and timeindex
    bool wants_txns;
    struct file *index;
    struct file *timeindex;
    struct file *txnindex;
};

static enum err create_index(struct fs *fs, const struct index_task *t, const char *suffix, bool exists,
                             struct file **file)
{
    unsigned truncate = exists ? 0 : FILE_TRUNCATE;
    char *path = segment_path(t->base.dir_path, t->base_offset, suffix);
    enum err e = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | truncate, file);
    mem_free(path);
    return e;
}

static void index_run(struct env_task *task, struct fs *fs)
{
    struct index_task *t = CONTAINER_OF(task, struct index_task, base.task);
    enum err e = OK;
    t->base.what = "creating an index";
    if (t->wants_pair) {
        e = create_index(fs, t, ".index", t->has_index, &t->index);
        if (e == OK) e = create_index(fs, t, ".timeindex", t->has_timeindex, &t->timeindex);
    }
    if (e == OK && t->wants_txns) e = create_index(fs, t, ".txnindex", t->has_txnindex, &t->txnindex);
    t->base.result = e;
}

static void index_done(struct env *env, struct env_task *task)
{
    struct index_task *t = CONTAINER_OF(task, struct index_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    struct segment *s = plog_segment_at(plog, t->base_offset);
    plog->is_indexing = false;
    plog_unreserve_files(plog, 2);
    if (t->base.result == OK && s != NULL) {
        if (s->index == NULL && t->index != NULL) s->index = file_ref(t->index);
        if (s->timeindex == NULL && t->timeindex != NULL) s->timeindex = file_ref(t->timeindex);
        if (s->txnindex == NULL && t->txnindex != NULL) s->txnindex = file_ref(t->txnindex);
        if (!plog->has_failed) plog_index_flush(plog, s);
        plog_use_segment(plog, s);
    }
    file_unref(t->index);
    file_unref(t->timeindex);
    file_unref(t->txnindex);
    mem_free(t);
    plog_step(plog);
}

static enum err flush_tail(struct file *file, struct text *tail, int64_t *bytes)
{
    enum err e = file_write_all(file, *bytes, text_slice(tail));
    if (e != OK) return e;
    *bytes += (int64_t)tail->size;
    text_clear(tail);
    return OK;
}

void plog_index_flush(struct plog *plog, struct segment *segment)
{
    bool has_txns = segment->txnindex_tail.size >= INDEX_TAIL_MAX;
    if ((segment->index_tail.size < INDEX_TAIL_MAX && !has_txns) || plog->is_indexing) return;
    if (segment != plog_active(plog)) return; // its sealing will do it
    bool has_pair = segment->index != NULL && segment->timeindex != NULL;
    bool lacks_txns = has_txns && segment->txnindex == NULL;
    enum err e = OK;
    if (has_pair) {
        e = flush_tail(segment->index, &segment->index_tail, &segment->index_bytes);
        if (e == OK) e = flush_tail(segment->timeindex, &segment->timeindex_tail, &segment->timeindex_bytes);
    }
    if (e == OK && has_txns && segment->txnindex != NULL)
        e = flush_tail(segment->txnindex, &segment->txnindex_tail, &segment->txnindex_bytes);
    if (e != OK) plog_fail(plog, e, "writing an index");
    if (e != OK || (has_pair && !lacks_txns)) return;
    struct index_task *t = MEM_NEW(struct index_task);
    t->base_offset = segment->base_offset;
    t->wants_pair = !has_pair;
    t->wants_txns = lacks_txns;
    t->has_index = segment->index_bytes > 0;
    t->has_timeindex = segment->timeindex_bytes > 0;
    t->has_txnindex = segment->txnindex_bytes > 0;
    t->base.task.run = index_run;
    t->base.task.done = index_done;
    plog->is_indexing = true;
    plog_reserve_files_anyway(plog, 2);
    plog_task_post(plog, &t->base, (uintptr_t)plog);
}
