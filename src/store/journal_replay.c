// SPDX-License-Identifier: Apache-2.0
// What a run that ended badly left in the rings comes back into the logs, after each log's own recovery (README.md
// says why the outcome is right). All rings are looked through once when the directory is opened; what is kept is one
// small record per entry, the batches are read when their partition is loaded. Nothing here is lost by doing it
// twice, so a crash in the middle only means another replay.
//
// An entry counts unless a later TRUNCATE or DROP voids it. A counted append is
//   skipped   when a later segment exists: that one was made after this one was synced. Or below the log start
//   compared  as far as the log has its offsets: the same bytes, or the log is not the one that was journalled
//   appended  from where the log ends
// An append that begins above the log's end means that something synced is missing.
#include <inttypes.h>

#include "store/journal.h"

struct replay_item {
    struct map_link in_map;   // by partition; only the first of a partition is in the map
    struct replay_item *next; // of the same partition, in ring order
    struct replay_item *last; // of the first: the newest
    struct file *file;
    struct slice topic;
    struct uuid topic_id;
    int32_t partition;
    enum journal_kind kind;
    int64_t batches_at;
    uint32_t size;
    int64_t offset;
    int64_t end_offset;
    int64_t segment_base;
    int64_t limit;     // batches that reach it are void
    int64_t log_start; // of the first, __atomic access: the log begins here, and no checkpoint says so; 0 = one does
};

struct replay {
    struct log *log;
    char *dir_path;
    struct arena arena;
    struct map partitions;
    struct file **files;
    size_t file_count;
    int64_t entry_count;
    // __atomic access: partitions are loaded by several tasks.
    int64_t partition_count;
    int64_t appended_bytes;
    int failed_count;
};

static uint64_t key_of(struct uuid topic_id, int32_t partition)
{
    return hash_u64(hash_bytes(0, slice_of(topic_id.bytes, sizeof(topic_id.bytes))), (uint32_t)partition);
}

static struct replay_item *find(const struct replay *replay, struct uuid topic_id, struct slice topic,
                                int32_t partition)
{
    for (struct map_link *link = map_find(&replay->partitions, key_of(topic_id, partition)); link != NULL;
         link = map_find_next(link)) {
        struct replay_item *item = MAP_ITEM(link, struct replay_item, in_map);
        if (item->partition == partition && uuid_eq(item->topic_id, topic_id) && slice_eq(item->topic, topic))
            return item;
    }
    return NULL;
}

// ---- looking through ----

static void note_entry(struct replay *replay, const struct ring_walk *walk, const struct ring_entry *entry)
{
    struct replay_item *first = find(replay, entry->topic_id, entry->topic, entry->partition);
    struct replay_item *item = ARENA_NEW(&replay->arena, struct replay_item);
    *item = (struct replay_item){
        .file = walk->file,
        .topic = first != NULL ? first->topic : arena_copy(&replay->arena, entry->topic),
        .topic_id = entry->topic_id,
        .partition = entry->partition,
        .kind = entry->kind,
        .batches_at = ring_batches_at(&walk->header, entry->position, entry->topic.size),
        .size = entry->size,
        .offset = entry->offset,
        .end_offset = entry->end_offset,
        .segment_base = entry->segment_base,
        .limit = INT64_MAX,
    };
    replay->entry_count++;
    if (first == NULL) {
        item->last = item;
        map_insert(&replay->partitions, &item->in_map, key_of(entry->topic_id, entry->partition));
        return;
    }
    first->last->next = item;
    first->last = item;
}

static enum err read_ring(struct replay *replay, struct fs *fs, const char *path)
{
    struct ring_walk walk;
    struct ring_entry entry;
    struct file *file = NULL;
    enum err e = fs_open(fs, path, FILE_READ, &file);
    if (e != OK) return e;
    replay->files[replay->file_count++] = file;
    e = ring_walk_init(&walk, file);
    if (e != OK) return e;
    while (ring_walk_next(&walk, &entry)) note_entry(replay, &walk, &entry);
    ring_walk_deinit(&walk);
    return walk.err;
}

enum err replay_open(struct fs *fs, struct log *log, const char *dir_path, struct arena *arena, const char **problem,
                     struct replay **out)
{
    struct name_list names;
    *out = NULL;
    char *dir = journal_dir_path(dir_path);
    enum err e = dir_list(fs, dir, &names);
    if (e != OK) {
        mem_free(dir);
        return e == ERR_NOT_FOUND ? OK : e;
    }
    struct replay *replay = MEM_NEW(struct replay);
    replay->log = log;
    replay->dir_path = path_printf("%s", dir_path);
    replay->files = mem_zalloc(names.count + 1, sizeof(struct file *));
    for (size_t i = 0; i < names.count && e == OK; i++) {
        char *path = path_printf("%s/%s", dir, names.names[i]);
        e = read_ring(replay, fs, path);
        if (e == ERR_CORRUPT)
            *problem = arena_printf(arena,
                                    "%s: not a journal of this program, or its header is damaged; what it holds may be "
                                    "the only copy of acknowledged records: restore it, or move it away to go on "
                                    "without them",
                                    path);
        else if (e != OK)
            *problem = arena_printf(arena, "%s: %s", path, err_text(e));
        mem_free(path);
    }
    name_list_deinit(&names);
    mem_free(dir);
    if (e != OK) {
        replay_free(replay);
        return e;
    }
    log_info(log, COMPONENT, "journal pending path=%s rings=%zu entries=%" PRId64 " partitions=%zu", dir_path,
             replay->file_count, replay->entry_count, replay->partitions.count);
    *out = replay;
    return OK;
}

void replay_free(struct replay *replay)
{
    if (replay == NULL) return;
    for (size_t i = 0; i < replay->file_count; i++) file_unref(replay->files[i]);
    mem_free(replay->files);
    mem_free(replay->dir_path);
    map_deinit(&replay->partitions);
    arena_deinit(&replay->arena);
    mem_free(replay);
}

bool replay_has(const struct replay *replay, struct uuid topic_id, struct slice topic, int32_t partition)
{
    return find(replay, topic_id, topic, partition) != NULL;
}

void replay_figures(const struct replay *replay, struct logdir_replay *out)
{
    *out = (struct logdir_replay){
        .entries = replay->entry_count,
        .partitions = __atomic_load_n(&replay->partition_count, __ATOMIC_RELAXED),
        .appended_bytes = __atomic_load_n(&replay->appended_bytes, __ATOMIC_RELAXED),
        .failed_partitions = __atomic_load_n(&replay->failed_count, __ATOMIC_RELAXED),
    };
}

// ---- applying ----

struct applying {
    struct replay *replay;
    struct plog *plog;
    struct fs *fs;
    struct view view; // of the active segment as it was loaded
    bool has_view;
    int64_t loaded_base;
    int64_t cursor_offset; // where the last comparison ended
    int64_t cursor;
    struct file *file; // of the segment that takes what is missing
    int64_t base;
    int64_t size;
    int64_t end;
    bool has_written;
    const char *why; // the journal does not fit
};

// Voids what later entries take back, from the newest to the oldest; the newest LOG_START that counts.
static void judge(struct replay_item *first, int64_t *log_start)
{
    size_t count = 0;
    for (const struct replay_item *item = first; item != NULL; item = item->next) count++;
    struct replay_item **items = mem_zalloc(count, sizeof(struct replay_item *));
    count = 0;
    for (struct replay_item *item = first; item != NULL; item = item->next) items[count++] = item;
    int64_t limit = INT64_MAX;
    for (size_t i = count; i > 0; i--) {
        struct replay_item *item = items[i - 1];
        item->limit = limit;
        int64_t start = item->offset < limit ? item->offset : limit;
        if (item->kind == JOURNAL_LOG_START && start > *log_start) *log_start = start;
        int64_t cut = item->kind == JOURNAL_DROP || item->offset < 0 ? 0 : item->offset;
        bool is_cut = item->kind == JOURNAL_TRUNCATE || item->kind == JOURNAL_DROP;
        if (is_cut && cut < limit) limit = cut;
    }
    mem_free(items);
}

static enum err open_segment(struct applying *a, bool is_there)
{
    char *path = segment_path(a->plog->path, a->base, ".log");
    unsigned flags = FILE_READ | FILE_WRITE | (is_there ? 0 : FILE_CREATE | FILE_TRUNCATE);
    enum err e = fs_open(a->fs, path, flags, &a->file);
    mem_free(path);
    return e;
}

static enum err sync_segment(struct applying *a)
{
    if (a->file == NULL) return OK;
    enum err e = file_sync(a->file);
    if (e == OK) e = fs_sync_dir(a->fs, a->plog->path);
    file_unref(a->file);
    a->file = NULL;
    return e;
}

static enum err append_batch(struct applying *a, const struct batch_view *batch, int64_t segment_base)
{
    enum err e = OK;
    a->has_written = true;
    if (segment_base > a->base) { // the one before is on disk first, as ever
        if (a->file == NULL && a->size > 0) e = open_segment(a, true);
        if (e == OK) e = sync_segment(a);
        if (e != OK) return e;
        a->base = segment_base;
        a->size = 0;
        e = open_segment(a, false);
    } else if (a->file == NULL) {
        e = open_segment(a, plog_active(a->plog)->is_created);
    }
    if (e == OK) e = file_write_all(a->file, a->size, batch->bytes);
    if (e != OK) return e;
    a->size += (int64_t)batch->bytes.size;
    a->end = batch_last_offset(&batch->header) + 1;
    __atomic_add_fetch(&a->replay->appended_bytes, (int64_t)batch->bytes.size, __ATOMIC_RELAXED);
    return OK;
}

static enum err compare_batch(struct applying *a, const struct batch_view *batch)
{
    struct found_batch found;
    int64_t base = batch->header.base_offset;
    enum err e = OK;
    if (!a->has_view) {
        view_init(&a->view, plog_active(a->plog), plog_active(a->plog)->size, false);
        a->has_view = true;
        e = view_open(&a->view, a->fs, a->plog->path);
    }
    if (e == OK && a->cursor_offset == base)
        e = view_batch_at(&a->view, true, a->cursor, &found);
    else if (e == OK)
        e = view_find(&a->view, true, base, &found);
    if (e == ERR_NOT_FOUND || e == ERR_CORRUPT) {
        a->why = "the log lacks a batch that it once had";
        return OK;
    }
    if (e != OK) return e;
    if (found.header.base_offset != base || found.size != (int64_t)batch->bytes.size) {
        a->why = "the log has other batches at these offsets";
        return OK;
    }
    uint8_t *bytes = mem_alloc(batch->bytes.size);
    e = file_read_all(a->view.log, true, found.position, bytes, batch->bytes.size);
    if (e == OK && memcmp(bytes, batch->bytes.data, batch->bytes.size) != 0)
        a->why = "the log has other bytes at these offsets";
    mem_free(bytes);
    a->cursor_offset = batch_last_offset(&batch->header) + 1;
    a->cursor = found.position + found.size;
    return e;
}

// One batch of an entry that counts, at or above the log's start.
static enum err apply_batch(struct applying *a, const struct replay_item *item, const struct batch_view *batch)
{
    const struct batch_header *h = &batch->header;
    bool is_behind = item->segment_base > a->base && item->segment_base < a->end;
    if (h->base_offset >= a->end && !is_behind) return append_batch(a, batch, item->segment_base);
    if (!is_behind && batch_last_offset(h) >= a->end) {
        a->why = "a batch lies across the end of the log";
        return OK;
    }
    if (is_behind || a->has_written || item->segment_base > a->loaded_base) {
        a->why = "entries of the journal contradict each other";
        return OK;
    }
    return compare_batch(a, batch);
}

static enum err apply_append(struct applying *a, const struct replay_item *item)
{
    if (item->offset >= item->limit || item->end_offset <= a->plog->log_start) return OK;
    if (item->segment_base < a->base) return OK;
    if (item->offset > a->end) {
        a->why = "the log ends below what the journal continues";
        return OK;
    }
    uint8_t *bytes = mem_alloc((size_t)item->size + 1);
    enum err e = file_read_all(item->file, true, item->batches_at, bytes, item->size);
    struct batch_iter it = batch_iter(slice_of(bytes, item->size));
    struct batch_view batch;
    int64_t expected = item->offset;
    while (e == OK && a->why == NULL && batch_next(&it, &batch)) {
        int64_t last = 0;
        const struct batch_header *h = &batch.header;
        bool is_sound = h->base_offset >= expected && h->last_offset_delta >= 0 &&
                        !__builtin_add_overflow(h->base_offset, h->last_offset_delta, &last) && last < INT64_MAX &&
                        last - item->segment_base <= INT32_MAX && item->segment_base <= h->base_offset &&
                        batch_crc_is_valid(batch.bytes);
        if (!is_sound) {
            a->why = "an entry holds batches that no log can hold";
            break;
        }
        expected = last + 1;
        if (last >= item->limit) break;
        e = apply_batch(a, item, &batch);
    }
    if (e == OK && it.err != OK && a->why == NULL) a->why = "an entry does not hold whole batches";
    mem_free(bytes);
    return e;
}

static void complain(const struct applying *a, const struct replay_item *item)
{
    log_error(a->replay->log, COMPONENT,
              "journal does not fit partition=%.*s-%" PRId32 " path=%s log_end=%" PRId64 " entry_offset=%" PRId64
              " entry_end=%" PRId64 " segment=%" PRId64
              ": %s; the partition stays offline and the journal is kept: restore the partition's files, or remove its "
              "directory to have it again from another replica",
              SLICE_FMT(item->topic), item->partition, a->plog->path, a->end, item->offset, item->end_offset,
              item->segment_base, a->why);
}

enum err replay_apply(struct replay *replay, struct plog *plog, struct fs *fs, bool *changed, int64_t *log_start)
{
    struct replay_item *first = find(replay, plog->topic_id, text_slice(&plog->topic), plog->partition);
    *changed = false;
    if (first == NULL) return OK;
    struct segment *active = plog_active(plog);
    struct applying a = {
        .replay = replay,
        .plog = plog,
        .fs = fs,
        .loaded_base = active->base_offset,
        .cursor_offset = -1,
        .base = active->base_offset,
        .size = active->size,
        .end = plog->assigned_end,
    };
    enum err e = OK;
    int64_t checkpointed = *log_start;
    judge(first, log_start);
    for (struct replay_item *item = first; item != NULL && e == OK && a.why == NULL; item = item->next) {
        if (item->kind != JOURNAL_APPEND) continue;
        e = apply_append(&a, item);
        if (e == OK && a.why != NULL) complain(&a, item);
    }
    if (a.has_view) view_deinit(&a.view, false);
    enum err synced = sync_segment(&a);
    if (e == OK) e = synced;
    if (e == OK && a.why != NULL) {
        __atomic_add_fetch(&replay->failed_count, 1, __ATOMIC_RELAXED);
        return ERR_KAFKA_STORAGE_ERROR;
    }
    if (e != OK) return e;
    __atomic_add_fetch(&replay->partition_count, 1, __ATOMIC_RELAXED);
    if (*log_start > a.end) *log_start = a.end;
    if (*log_start > checkpointed) __atomic_store_n(&first->log_start, *log_start, __ATOMIC_RELAXED);
    *changed = a.has_written;
    return OK;
}

// ---- log starts ----

static void raise_entry(struct checkpoint_entry *entries, size_t *count, const struct replay_item *item, int64_t offset)
{
    for (size_t i = 0; i < *count; i++) {
        struct checkpoint_entry *entry = &entries[i];
        if (entry->partition != item->partition || !slice_eq(entry->topic, item->topic)) continue;
        if (entry->offset < offset) entry->offset = offset;
        return;
    }
    entries[(*count)++] = (struct checkpoint_entry){item->topic, item->partition, offset};
}

enum err replay_store_log_starts(const struct replay *replay, struct fs *fs)
{
    struct arena arena = {0};
    struct checkpoint_entry *old = NULL;
    size_t count = 0;
    bool has_changed = false;
    char *path = path_printf("%s/%s", replay->dir_path, CHECKPOINT_LOG_START);
    enum err e = checkpoint_load(fs, path, &arena, &old, &count);
    if (e == OK) {
        struct checkpoint_entry *entries =
            ARENA_ARRAY(&arena, struct checkpoint_entry, count + replay->partitions.count);
        if (count > 0) memcpy(entries, old, count * sizeof(*entries));
        MAP_EACH (link, &replay->partitions) {
            const struct replay_item *first = MAP_ITEM(link, struct replay_item, in_map);
            int64_t offset = __atomic_load_n(&first->log_start, __ATOMIC_RELAXED);
            if (offset > 0) raise_entry(entries, &count, first, offset);
            has_changed = has_changed || offset > 0;
        }
        if (has_changed) e = checkpoint_store(fs, path, entries, count);
    }
    mem_free(path);
    arena_deinit(&arena);
    return e;
}
