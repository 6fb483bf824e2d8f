// SPDX-License-Identifier: Apache-2.0
// A partition directory becomes a plog: the start-up algorithm of kafka-internals A9, in its order. Blocking, in a
// task. Why the outcome is right is argued in README.md.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "store/store_int.h"

enum { EPOCH_FILE_MAX = 64 * 1024 * 1024, SNAPSHOT_FILE_MAX = 1024 * 1024 * 1024, OFFSET_DIGITS = 20 };

struct loading {
    struct plog *plog;
    struct fs *fs;
    const struct plog_load_params *params;
    struct plog_load_report *report;
    struct name_list names;
    bool was_dir_changed;
    bool was_cut;         // no segment behind this point is valid
    bool was_epoch_found; // in the log, not in leader-epoch-checkpoint
    // Producer state while segments are recovered: who has a transaction open decides what an ABORT marker ends.
    struct producers state;
    size_t state_segments; // it is the state behind this many segments; 0 = not begun
};

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

// "<20 digits>" + suffix.
static bool parse_name(const char *name, const char *suffix, int64_t *base)
{
    int64_t value = 0;
    for (int i = 0; i < OFFSET_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, name[i] - '0', &value))
            return false;
    }
    if (strcmp(name + OFFSET_DIGITS, suffix) != 0) return false;
    *base = value;
    return true;
}

static int compare_name(const void *key, const void *name)
{
    return strcmp(key, *(char *const *)name);
}

// The names are sorted.
static bool has_entry(const struct loading *l, const char *name)
{
    return l->names.count > 0 &&
           bsearch(name, l->names.names, l->names.count, sizeof(*l->names.names), compare_name) != NULL;
}

static bool has_name(const struct loading *l, int64_t base, const char *suffix)
{
    char name[OFFSET_DIGITS + 32];
    snprintf(name, sizeof(name), "%020" PRId64 "%s", base, suffix);
    return has_entry(l, name);
}

static enum err remove_name(struct loading *l, const char *name)
{
    char *path = path_printf("%s/%s", l->plog->path, name);
    enum err e = file_remove(l->fs, path);
    mem_free(path);
    l->was_dir_changed = true;
    return e;
}

static const char *const segment_suffixes[] = {".log", ".index", ".timeindex", ".txnindex"};

static enum err remove_segment_files(struct loading *l, int64_t base)
{
    for (size_t i = 0; i < COUNT_OF(segment_suffixes); i++) {
        char *path = segment_path(l->plog->path, base, segment_suffixes[i]);
        enum err e = file_remove(l->fs, path);
        mem_free(path);
        if (e != OK) return e;
    }
    l->was_dir_changed = true;
    return OK;
}

static enum err list_again_if_changed(struct loading *l)
{
    if (!l->was_dir_changed) return OK;
    name_list_deinit(&l->names);
    return dir_list(l->fs, l->plog->path, &l->names);
}

// ---- A9 steps 1 and 2: what the cleaner left behind ----

// Offset behind the last batch of a file that is no segment of ours yet.
static enum err end_of_swap(struct loading *l, const char *name, int64_t base, int64_t *end)
{
    char *path = path_printf("%s/%s", l->plog->path, name);
    struct file *file = NULL;
    struct file_stat stat = {0};
    *end = base;
    enum err e = fs_open(l->fs, path, FILE_READ, &file);
    if (e == OK) e = file_stat(file, &stat);
    if (e == OK) {
        struct log_walk walk = {.file = file, .size = stat.size_bytes};
        struct batch_view batch;
        int64_t size;
        while (log_walk_next(&walk, &batch, &size)) *end = batch_last_offset(&batch.header) + 1;
        log_walk_deinit(&walk);
    }
    file_unref(file);
    mem_free(path);
    return e;
}

// The base offset of a name with any suffix, -1 when it has none.
static int64_t base_of(const char *name)
{
    int64_t base;
    return strlen(name) >= OFFSET_DIGITS && parse_name(name, name + OFFSET_DIGITS, &base) ? base : -1;
}

static enum err drop_transients(struct loading *l, int64_t *swap_from, int64_t *swap_to)
{
    int64_t cleaned = INT64_MAX;
    for (size_t i = 0; i < l->names.count; i++) {
        const char *name = l->names.names[i];
        if (ends_with(name, ".cleaned") && base_of(name) >= 0 && base_of(name) < cleaned) cleaned = base_of(name);
    }
    *swap_from = INT64_MAX;
    *swap_to = -1;
    for (size_t i = 0; i < l->names.count; i++) {
        const char *name = l->names.names[i];
        bool is_swap = ends_with(name, ".swap") && base_of(name) >= 0;
        bool is_old =
            ends_with(name, ".deleted") && !ends_with(name, ".checkpoint.deleted") && !l->params->keeps_deleted;
        enum err e = OK;
        if (is_old || ends_with(name, ".cleaned") || (is_swap && base_of(name) >= cleaned)) {
            e = remove_name(l, name);
        } else if (is_swap && ends_with(name, ".log.swap")) {
            int64_t end;
            e = end_of_swap(l, name, base_of(name), &end);
            if (base_of(name) < *swap_from) *swap_from = base_of(name);
            if (e == OK && end > *swap_to) *swap_to = end;
        }
        if (e != OK) return e;
    }
    return OK;
}

static enum err finish_swaps(struct loading *l, int64_t from, int64_t to)
{
    enum err e = OK;
    for (size_t i = 0; i < l->names.count && e == OK; i++) {
        const char *name = l->names.names[i];
        int64_t base = base_of(name);
        bool is_segment = ends_with(name, ".log") || ends_with(name, "index");
        if (is_segment && base >= from && base < to) e = remove_name(l, name);
    }
    // Else a power cut could keep a new name and bring back an old file of its range.
    if (e == OK && to >= 0) e = fs_sync_dir(l->fs, l->plog->path);
    for (size_t i = 0; i < l->names.count && e == OK; i++) {
        const char *name = l->names.names[i];
        if (!ends_with(name, ".swap") || base_of(name) < 0) continue;
        char *old_path = path_printf("%s/%s", l->plog->path, name);
        char *new_path = path_printf("%.*s", (int)(strlen(old_path) - strlen(".swap")), old_path);
        e = fs_rename(l->fs, old_path, new_path);
        if (e == ERR_NOT_FOUND) e = OK; // was dropped above
        mem_free(old_path);
        mem_free(new_path);
        l->was_dir_changed = true;
    }
    return e;
}

// ---- segments ----

static enum err open_segment_file(struct loading *l, int64_t base, const char *suffix, struct file **out)
{
    char *path = segment_path(l->plog->path, base, suffix);
    enum err e = fs_open(l->fs, path, FILE_READ | FILE_WRITE, out);
    mem_free(path);
    return e;
}

static enum err write_index_file(struct loading *l, int64_t base, const char *suffix, struct text *tail,
                                 struct file **file, int64_t *bytes)
{
    char *path = segment_path(l->plog->path, base, suffix);
    file_unref(*file);
    *file = NULL;
    enum err e = fs_open(l->fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, file);
    if (e == OK) e = file_write_all(*file, 0, text_slice(tail));
    if (e == OK) e = file_sync(*file);
    if (e == OK) {
        *bytes = (int64_t)tail->size;
        text_deinit(tail);
        *tail = (struct text){0};
    }
    mem_free(path);
    return e;
}

static bool batch_is_sound(const struct batch_view *batch, int64_t base, int64_t expected)
{
    const struct batch_header *h = &batch->header;
    int64_t last;
    if (h->base_offset < expected || h->last_offset_delta < 0) return false;
    if (__builtin_add_overflow(h->base_offset, h->last_offset_delta, &last) || last == INT64_MAX) return false;
    return last - base <= INT32_MAX && batch_crc_is_valid(batch->bytes);
}

// ---- producer state ----

static enum err replay(struct loading *l, struct producers *producers, int64_t from, int64_t end)
{
    struct plog *plog = l->plog;
    for (size_t i = plog_segment_of(plog, from); i < plog->segment_count && from < end; i++) {
        struct segment *s = plog->segments[i];
        if (!s->is_created || s->size == 0) continue;
        struct view view;
        view_init(&view, s, s->size, false);
        enum err e = view_open(&view, l->fs, plog->path);
        int64_t position = 0;
        if (e == OK) e = view_index_floor(&view, true, from, &position);
        if (e == OK) {
            struct log_walk walk = {.file = view.log, .size = s->size, .position = position, .wants_bodies = true};
            struct batch_view batch;
            struct aborted_txn known; // the segment's file has it
            int64_t size;
            while (log_walk_next(&walk, &batch, &size)) {
                if (batch_last_offset(&batch.header) < from) continue;
                (void)producers_update(producers, &batch, &known);
            }
            // Rot below the recovery point is not noticed at the start (A9): what can be read is used.
            e = walk.err == ERR_TRUNCATED || walk.err == ERR_CORRUPT ? OK : walk.err;
            log_walk_deinit(&walk);
        }
        view_deinit(&view, false);
        if (e != OK) return e;
    }
    return OK;
}

// ERR_CORRUPT: it is no sound one.
static enum err read_snapshot(struct loading *l, const char *name, struct producers *producers)
{
    struct text text = {0};
    char *path = path_printf("%s/%s", l->plog->path, name);
    enum err e = file_load(l->fs, path, SNAPSHOT_FILE_MAX, &text);
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = ERR_CORRUPT;
    if (e == OK) e = producers_restore(producers, text_slice(&text));
    mem_free(path);
    text_deinit(&text);
    return e;
}

// l->state becomes what is below the segment that was added last: carried on from the one in front of it, or else the
// newest snapshot and what follows that.
static enum err state_below(struct loading *l, const struct segment *segment)
{
    const struct plog *plog = l->plog;
    if (!plog->options.has_producers) return OK;
    if (l->state_segments > 0 && l->state_segments == plog->segment_count - 1) return OK;
    producers_clear(&l->state);
    // Not from the log start: a marker between the snapshot and a start that DeleteRecords moved has ended something.
    int64_t from = plog->segments[0]->base_offset;
    for (size_t i = l->names.count; i > 0; i--) {
        int64_t offset;
        const char *name = l->names.names[i - 1];
        if (!parse_name(name, ".snapshot", &offset) || offset > segment->base_offset) continue;
        enum err e = read_snapshot(l, name, &l->state);
        if (e == ERR_CORRUPT) continue; // removed later
        if (e != OK) return e;
        if (offset > from) from = offset;
        break;
    }
    return replay(l, &l->state, from, segment->base_offset);
}

// ---- recovery ----

// Walks the whole segment, rebuilds what follows from its batches, cuts it at the first that is not sound. `may_cut`
// false: a segment that only lacks its index; rot in it must not cost the segments behind it.
static enum err recover_segment(struct loading *l, struct segment *s, int64_t file_size, bool may_cut, int64_t *end)
{
    struct plog *plog = l->plog;
    struct log_walk walk = {.file = s->log, .size = file_size, .wants_bodies = true};
    struct batch_view batch;
    int64_t size;
    int64_t cut = 0;
    enum err e = state_below(l, s);
    if (e != OK) return e;
    while (log_walk_next(&walk, &batch, &size) && batch_is_sound(&batch, s->base_offset, *end)) {
        const struct batch_header *h = &batch.header;
        struct aborted_txn aborted;
        if (plog->options.has_producers && producers_update(&l->state, &batch, &aborted))
            segment_add_aborted(s, &aborted);
        if (h->partition_leader_epoch > epochs_latest(&plog->epochs) &&
            epochs_assign(&plog->epochs, h->partition_leader_epoch, h->base_offset))
            l->was_epoch_found = true;
        segment_note(s, h, size, plog->options.index_interval_bytes);
        cut += size;
        *end = batch_last_offset(h) + 1;
    }
    l->state_segments = plog->segment_count;
    e = walk.err == ERR_TRUNCATED || walk.err == ERR_CORRUPT ? OK : walk.err;
    log_walk_deinit(&walk);
    if (e != OK) return e;
    l->report->recovered_segments++;
    l->report->recovered_bytes += file_size;
    if (cut < file_size && !may_cut) {
        log_error(plog->log, COMPONENT, "corrupt batch path=%s segment=%" PRId64 " at=%" PRId64, plog->path,
                  s->base_offset, cut);
        s->size = file_size;
    } else if (cut < file_size) {
        log_warn(plog->log, COMPONENT,
                 "torn or corrupt tail cut path=%s segment=%" PRId64 " at=%" PRId64 " bytes=%" PRId64
                 " next_offset=%" PRId64,
                 plog->path, s->base_offset, cut, file_size - cut, *end);
        l->report->cut_bytes += file_size - cut;
        l->was_cut = true;
        e = file_truncate(s->log, cut);
        if (e != OK) return e;
    }
    // What is read back here may be in the page cache only (the process died, not the machine): it counts as durable
    // from now on, so it has to be, and the file's name too.
    l->was_dir_changed = true;
    return file_sync(s->log);
}

// The end of an index file that its name promises; 0 when there is none.
static enum err open_index(struct loading *l, struct segment *s, const char *suffix, int64_t entry, struct file **file,
                           int64_t *bytes)
{
    struct file_stat stat;
    *bytes = 0;
    if (!has_name(l, s->base_offset, suffix)) return OK;
    enum err e = open_segment_file(l, s->base_offset, suffix, file);
    if (e == OK) e = file_stat(*file, &stat);
    if (e == OK) *bytes = stat.size_bytes / entry * entry;
    return e;
}

// Of a segment that is not recovered. ERR_CORRUPT: it has to be.
static enum err load_txnindex(struct loading *l, struct segment *s)
{
    if (!has_name(l, s->base_offset, ".txnindex")) return OK;
    return txnindex_load(l->fs, l->plog->path, s->base_offset, &s->txnindex_bytes);
}

// The last entries of both indexes, and the log from there on. ERR_CORRUPT: recover instead.
static enum err read_active_tail(struct loading *l, struct segment *s, int64_t file_size, int64_t *end)
{
    uint8_t entry[TIME_ENTRY_SIZE];
    int64_t position = 0;
    enum err e = open_index(l, s, ".index", INDEX_ENTRY_SIZE, &s->index, &s->index_bytes);
    if (e == OK) e = open_index(l, s, ".timeindex", TIME_ENTRY_SIZE, &s->timeindex, &s->timeindex_bytes);
    if (e == OK) e = load_txnindex(l, s);
    if (e == OK && s->txnindex_bytes > 0) e = open_segment_file(l, s->base_offset, ".txnindex", &s->txnindex);
    if (e == OK && s->index_bytes > 0) {
        e = file_read_all(s->index, true, s->index_bytes - INDEX_ENTRY_SIZE, entry, INDEX_ENTRY_SIZE);
        if (e == OK) position = load_i32(entry + 4);
        if (position < 0 || position >= file_size) return ERR_CORRUPT;
    }
    if (e == OK && s->timeindex_bytes > 0) {
        e = file_read_all(s->timeindex, true, s->timeindex_bytes - TIME_ENTRY_SIZE, entry, TIME_ENTRY_SIZE);
        s->max_timestamp = s->last_time_entry = load_i64(entry);
        s->max_timestamp_offset = s->base_offset + load_i32(entry + 8);
    }
    if (e != OK) return e;
    struct log_walk walk = {.file = s->log, .size = file_size};
    struct batch_view batch;
    int64_t size;
    if (log_walk_next(&walk, &batch, &size)) s->first_timestamp = batch.header.max_timestamp;
    walk.position = position;
    while (log_walk_next(&walk, &batch, &size)) {
        int64_t last = batch_last_offset(&batch.header);
        if (batch.header.base_offset < *end || last < batch.header.base_offset) break;
        if (last - s->base_offset > INT32_MAX) break;
        if (batch.header.max_timestamp > s->max_timestamp) {
            s->max_timestamp = batch.header.max_timestamp;
            s->max_timestamp_offset = last;
        }
        *end = last + 1;
    }
    e = walk.err;
    if (e == OK && walk.position != file_size) e = ERR_CORRUPT;
    log_walk_deinit(&walk);
    if (e != OK) return e == ERR_IO ? e : ERR_CORRUPT;
    s->size = file_size;
    s->bytes_since_index = file_size - position;
    return OK;
}

static void reset_segment(struct segment *s)
{
    file_unref(s->index);
    file_unref(s->timeindex);
    file_unref(s->txnindex);
    s->index = s->timeindex = s->txnindex = NULL;
    s->has_index_files = false;
    s->index_bytes = s->timeindex_bytes = s->txnindex_bytes = 0;
    s->max_timestamp = NO_TIMESTAMP;
    s->max_timestamp_offset = s->base_offset;
    s->last_time_entry = NO_TIMESTAMP;
    s->first_timestamp = NO_TIMESTAMP;
    s->size = 0;
    s->bytes_since_index = 0;
}

static enum err stat_index(struct loading *l, int64_t base, const char *suffix, int64_t entry, int64_t *bytes)
{
    struct file_stat stat;
    char *path = segment_path(l->plog->path, base, suffix);
    enum err e = fs_stat(l->fs, path, &stat);
    mem_free(path);
    if (e == ERR_NOT_FOUND)
        stat.size_bytes = 0;
    else if (e != OK)
        return e;
    *bytes = stat.size_bytes / entry * entry;
    return OK;
}

// A segment nobody has to look into: its sizes are enough, its files are opened when somebody reads.
static enum err note_closed(struct loading *l, struct segment *s)
{
    struct file_stat stat;
    char *path = segment_path(l->plog->path, s->base_offset, ".log");
    enum err e = fs_stat(l->fs, path, &stat);
    mem_free(path);
    if (e != OK) return e;
    s->size = stat.size_bytes;
    s->created_ms = stat.mtime_ms;
    s->has_times = false;
    s->lacks_first_timestamp = true;
    s->is_sealed = true;
    e = stat_index(l, s->base_offset, ".index", INDEX_ENTRY_SIZE, &s->index_bytes);
    if (e == OK) e = stat_index(l, s->base_offset, ".timeindex", TIME_ENTRY_SIZE, &s->timeindex_bytes);
    return e == OK ? load_txnindex(l, s) : e;
}

static enum err remove_txnindex(struct loading *l, int64_t base)
{
    char *path = segment_path(l->plog->path, base, ".txnindex");
    enum err e = file_remove(l->fs, path);
    mem_free(path);
    l->was_dir_changed = true;
    return e;
}

// The state behind a segment that was recovered. A seal would have written it, and the segments in front of the
// snapshots that are there may be deleted: what they say of transactions and sequences must be found behind them too.
static enum err write_snapshot(struct loading *l, int64_t offset)
{
    struct text snapshot = {0};
    if (!l->plog->options.has_producers) return OK;
    producers_snapshot(&l->state, &snapshot);
    char *path = segment_path(l->plog->path, offset, ".snapshot");
    enum err e = file_write_synced(l->fs, path, text_slice(&snapshot));
    mem_free(path);
    text_deinit(&snapshot);
    return e;
}

// `next_base`: of the segment behind it, INT64_MAX for the last.
static enum err load_segment(struct loading *l, int64_t base, int64_t next_base, int64_t *end)
{
    struct segment *s = segment_new(base);
    plog_add_segment(l->plog, s);
    s->is_created = true;
    bool is_last = next_base == INT64_MAX;
    bool may_cut = is_last || (!l->params->was_clean && next_base > l->params->recovery_point);
    bool is_suspect = !l->params->was_clean && next_base > l->params->recovery_point;
    if (!has_name(l, base, ".index")) is_suspect = true;
    if (*end < base) *end = base;
    struct file_stat stat;
    enum err e = OK;
    if (!is_suspect && !is_last) {
        e = note_closed(l, s);
        if (e != ERR_CORRUPT) *end = next_base;
        if (e != ERR_CORRUPT) return e;
        log_warn(l->plog->log, COMPONENT, "corrupt .txnindex, recovering path=%s segment=%" PRId64, l->plog->path,
                 base);
        reset_segment(s);
        s->is_sealed = false;
        s->has_times = true;
    }
    e = open_segment_file(l, base, ".log", &s->log);
    if (e == OK) e = file_stat(s->log, &stat);
    if (e != OK) return e;
    s->created_ms = stat.mtime_ms;
    if (!is_suspect) {
        int64_t from = *end;
        e = read_active_tail(l, s, stat.size_bytes, end);
        s->has_index_files = e == OK && has_name(l, base, ".timeindex");
        if (e != ERR_CORRUPT) return e;
        *end = from;
        reset_segment(s);
    }
    e = recover_segment(l, s, stat.size_bytes, may_cut, end);
    // What is in its old .txnindex is not known to be true; a new one comes with its sealing.
    if (e == OK && has_name(l, base, ".txnindex")) e = remove_txnindex(l, base);
    // A process that was killed leaves blocks it had allocated ahead.
    if (e == OK && is_last && !l->was_cut) e = file_truncate(s->log, s->size);
    if (e != OK || is_last || l->was_cut) return e;
    if (!may_cut) *end = next_base;
    // Closed, and below the recovery point from now on: its indexes have to be on disk too.
    segment_add_time_entry(s);
    s->is_sealed = true;
    l->was_dir_changed = true;
    e = write_snapshot(l, next_base);
    if (e == OK) e = write_index_file(l, base, ".index", &s->index_tail, &s->index, &s->index_bytes);
    if (e == OK) e = write_index_file(l, base, ".timeindex", &s->timeindex_tail, &s->timeindex, &s->timeindex_bytes);
    if (e == OK && s->txnindex_tail.size > 0)
        e = write_index_file(l, base, ".txnindex", &s->txnindex_tail, &s->txnindex, &s->txnindex_bytes);
    return e;
}

// Nothing stays open: whoever appends or reads opens it, and most logs of a node with many see neither.
static void close_files(struct segment *s)
{
    file_unref(s->log);
    file_unref(s->index);
    file_unref(s->timeindex);
    file_unref(s->txnindex);
    s->log = s->index = s->timeindex = s->txnindex = NULL;
}

static enum err load_segments(struct loading *l, int64_t *end)
{
    int64_t *bases = mem_zalloc(l->names.count + 1, sizeof(*bases));
    size_t count = 0;
    enum err e = OK;
    for (size_t i = 0; i < l->names.count && e == OK; i++) {
        const char *name = l->names.names[i];
        if (!ends_with(name, ".log")) continue;
        if (!parse_name(name, ".log", &bases[count++])) {
            log_error(l->plog->log, COMPONENT, "file name is no offset path=%s/%s", l->plog->path, name);
            e = ERR_CORRUPT;
        }
    }
    for (size_t i = 0; i < count && e == OK; i++) {
        if (l->was_cut) break;
        e = load_segment(l, bases[i], i + 1 < count ? bases[i + 1] : INT64_MAX, end);
        close_files(plog_active(l->plog));
    }
    // Behind a cut nothing is a continuation of what is in front of it. Last first, each removal synced before the
    // next, so that a power cut here leaves no hole.
    for (size_t i = count; e == OK && l->was_cut && i > l->plog->segment_count; i--) {
        struct file_stat stat;
        char *path = segment_path(l->plog->path, bases[i - 1], ".log");
        if (fs_stat(l->fs, path, &stat) == OK) l->report->cut_bytes += stat.size_bytes;
        mem_free(path);
        e = remove_segment_files(l, bases[i - 1]);
        if (e == OK) e = fs_sync_dir(l->fs, l->plog->path);
    }
    mem_free(bases);
    return e;
}

static enum err remove_orphans(struct loading *l)
{
    enum err e = OK;
    for (size_t i = 0; i < l->names.count && e == OK; i++) {
        int64_t base;
        for (size_t s = 1; s < COUNT_OF(segment_suffixes) && e == OK; s++) {
            if (!parse_name(l->names.names[i], segment_suffixes[s], &base) || has_name(l, base, ".log")) continue;
            e = remove_name(l, l->names.names[i]);
        }
    }
    return e;
}

// ---- epochs, producers, ends ----

static enum err load_epochs(struct loading *l)
{
    struct text text = {0};
    if (!has_entry(l, "leader-epoch-checkpoint")) return OK;
    char *path = path_printf("%s/leader-epoch-checkpoint", l->plog->path);
    enum err e = file_load(l->fs, path, EPOCH_FILE_MAX, &text);
    if (e == ERR_NOT_FOUND) e = OK;
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = ERR_CORRUPT;
    if (e == OK) e = epochs_parse(text_slice(&text), &l->plog->epochs);
    if (e == ERR_CORRUPT) log_error(l->plog->log, COMPONENT, "malformed leader-epoch-checkpoint path=%s", path);
    mem_free(path);
    text_deinit(&text);
    return e;
}

// The newest snapshot at or below `end` that is whole; those beyond it and broken ones are removed.
static enum err restore_snapshot(struct loading *l, int64_t end, int64_t *from)
{
    struct plog *plog = l->plog;
    plog->last_snapshot = -1;
    *from = plog->segments[0]->base_offset;
    for (size_t i = l->names.count; i > 0; i--) {
        int64_t offset;
        const char *name = l->names.names[i - 1];
        if (!parse_name(name, ".snapshot", &offset)) continue;
        bool is_taken = plog->last_snapshot >= 0;
        if (is_taken && plog_segment_at(plog, offset) != NULL) continue;
        // Without a file of records it is left from before a restart of the log that was cut short.
        if (!is_taken && offset <= end && plog->segments[0]->is_created) {
            enum err e = read_snapshot(l, name, &plog->producers);
            if (e != OK && e != ERR_CORRUPT) return e;
            if (e == OK) {
                plog->last_snapshot = offset;
                if (offset > *from) *from = offset;
                continue;
            }
            log_warn(plog->log, COMPONENT, "corrupt producer snapshot removed path=%s/%s", plog->path, name);
        }
        enum err e = remove_name(l, name);
        if (e != OK) return e;
    }
    return OK;
}

static enum err load_producers(struct loading *l, int64_t end)
{
    int64_t from;
    if (!l->plog->options.has_producers) return OK;
    enum err e = restore_snapshot(l, end, &from);
    if (e != OK) return e;
    // Recovery came by here already, with all that a replay would see.
    if (l->state_segments == l->plog->segment_count)
        producers_take(&l->plog->producers, &l->state);
    else
        e = replay(l, &l->plog->producers, from, end);
    // What is decided below the high watermark is: it may not move again for long.
    if (e == OK) producers_forget_ended(&l->plog->producers, l->plog->high_watermark);
    return e;
}

static enum err drop_all_segments(struct loading *l)
{
    struct plog *plog = l->plog;
    while (plog->segment_count > 0) {
        struct segment *s = plog->segments[--plog->segment_count];
        enum err e = remove_segment_files(l, s->base_offset);
        segment_free(s);
        if (e == OK) e = fs_sync_dir(l->fs, plog->path);
        if (e != OK) return e;
    }
    return OK;
}

static int64_t clip(int64_t value, int64_t low, int64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static enum err settle_ends(struct loading *l, int64_t end)
{
    struct plog *plog = l->plog;
    const struct plog_load_params *params = l->params;
    enum err e = OK;
    if (plog->segment_count > 0 && end < params->log_start) {
        log_warn(plog->log, COMPONENT,
                 "log ends below its start, starting empty path=%s end=%" PRId64 " start=%" PRId64, plog->path, end,
                 params->log_start);
        l->state_segments = 0;
        e = drop_all_segments(l);
        if (e != OK) return e;
    }
    if (plog->segment_count == 0) {
        end = params->log_start < 0 ? 0 : params->log_start;
        struct segment *s = segment_new(end);
        s->created_ms = params->wall_ms;
        plog_add_segment(plog, s);
    }
    int64_t first = plog->segments[0]->base_offset;
    plog->log_start = params->log_start > first ? params->log_start : first;
    plog->assigned_end = end;
    plog->durable_end = end;
    plog->written_end = end;
    plog->published = (struct plog_place){end, plog_active(plog)->base_offset, plog_active(plog)->size};
    plog->flushed = plog->published;
    plog->high_watermark = clip(params->high_watermark, plog->log_start, end);
    // The checkpoint is of what was here before the log was emptied. Once the log had grown past that offset, it would
    // keep a part from compaction that was never compacted.
    if (plog->cleaned_to > end) plog->cleaned_to = 0;
    bool was_cut = epochs_truncate_end(&plog->epochs, end);
    bool was_moved = epochs_truncate_start(&plog->epochs, plog->log_start);
    // An epoch found in the log belongs into the file before the recovery point passes it; what only goes from the file
    // is not missed there, and goes with the next append that needs the file.
    plog->are_epochs_dirty = was_cut || was_moved;
    if (l->was_epoch_found) {
        e = epochs_store(l->fs, plog->path, &plog->epochs);
        plog->are_epochs_dirty = false;
    }
    return e;
}

enum err plog_read_dir(struct plog *plog, struct fs *fs, const struct plog_load_params *params,
                       struct plog_load_report *report)
{
    struct plog_load_report unread;
    struct loading l = {.plog = plog, .fs = fs, .params = params, .report = report == NULL ? &unread : report};
    int64_t swap_from;
    int64_t swap_to;
    int64_t end = 0;
    *l.report = (struct plog_load_report){0};
    producers_init(&l.state);
    enum err e = dir_list(fs, plog->path, &l.names);
    if (e == OK) e = drop_transients(&l, &swap_from, &swap_to);
    if (e == OK) e = list_again_if_changed(&l);
    if (e == OK) e = finish_swaps(&l, swap_from, swap_to);
    if (e == OK) e = list_again_if_changed(&l);
    if (e == OK) e = remove_orphans(&l);
    if (e == OK) e = load_epochs(&l);
    if (e == OK) e = load_segments(&l, &end);
    if (e == OK) e = settle_ends(&l, end);
    if (e == OK) e = load_producers(&l, plog->assigned_end);
    if (e == OK && l.was_dir_changed) e = fs_sync_dir(fs, plog->path);
    name_list_deinit(&l.names);
    producers_deinit(&l.state);
    if (e != OK) return e;
    l.report->lost_below_recovery_point = !params->was_clean && params->recovery_point > plog->assigned_end;
    if (l.report->lost_below_recovery_point) {
        log_error(plog->log, COMPONENT,
                  "log ends below its recovery point path=%s end=%" PRId64 " recovery_point=%" PRId64
                  ": synced data is missing",
                  plog->path, plog->assigned_end, params->recovery_point);
    }
    return OK;
}
