// SPDX-License-Identifier: Apache-2.0
// The ring's file: made, taken back, parked. Blocking, in tasks.
//
// A ring is prepared as a plain file, <log.dir>/.odradek-journal-<shard>, and becomes pending by being renamed to
// odradek-journal/<shard>.ring: so whatever is in that directory has a valid header and no entries from before.
#include <inttypes.h>

#include "store/journal.h"

enum { ZERO_CHUNK = 1024 * 1024, SYNC_EVERY = 8 * 1024 * 1024, SPACE_FACTOR = 4 };

char *journal_dir_path(const char *dir_path)
{
    return path_printf("%s/" JOURNAL_DIR, dir_path);
}

// Zeros that are really written: a later fdatasync has data to write only, no extents and no size. Synced in steps, so
// that other syncs do not wait behind all of it.
static enum err write_zeros(struct file *file, int64_t size)
{
    uint8_t *zeros = mem_zalloc(ZERO_CHUNK, 1);
    enum err e = OK;
    for (int64_t at = 0; at < size && e == OK; at += ZERO_CHUNK) {
        size_t part = size - at < ZERO_CHUNK ? (size_t)(size - at) : ZERO_CHUNK;
        e = file_write_all(file, at, slice_of(zeros, part));
        if (e == OK && (at + ZERO_CHUNK) % SYNC_EVERY == 0) e = file_sync(file);
    }
    mem_free(zeros);
    return e == OK ? file_sync(file) : e;
}

static enum err write_header(struct file *file, const struct ring_header *header)
{
    uint8_t bytes[RING_HEADER_SIZE];
    ring_header_format(header, bytes);
    enum err e = file_write_all(file, ring_header_at(header->sequence), slice_of(bytes, sizeof(bytes)));
    return e == OK ? file_sync(file) : e;
}

// A parked ring of the right size only gets a new generation.
static enum err take_parked(struct journal_make *t, struct fs *fs, const char *path)
{
    struct file_stat stat;
    enum err e = fs_open(fs, path, FILE_READ | FILE_WRITE, &t->file);
    if (e == OK) e = ring_header_read(t->file, &t->header);
    if (e == OK) e = file_stat(t->file, &stat);
    if (e == OK && (t->header.size != t->size || stat.size_bytes != RING_DATA_AT + t->size)) e = ERR_CORRUPT;
    if (e == OK) return OK;
    file_unref(t->file);
    t->file = NULL;
    return e == ERR_CORRUPT || e == ERR_NOT_FOUND ? ERR_NOT_FOUND : e;
}

static enum err make_anew(struct journal_make *t, struct fs *fs, const char *path)
{
    int64_t total = 0;
    int64_t available = 0;
    enum err e = fs_space(fs, t->dir_path, &total, &available);
    if (e == OK && available < SPACE_FACTOR * t->size) e = ERR_NO_SPACE;
    if (e == OK) e = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &t->file);
    if (e == OK) e = write_zeros(t->file, RING_DATA_AT + t->size);
    t->header = (struct ring_header){.size = t->size};
    return e;
}

static enum err move_in(struct journal_make *t, struct fs *fs, const char *parked)
{
    char *dir = journal_dir_path(t->dir_path);
    char *path = path_printf("%s/%d" JOURNAL_SUFFIX, dir, t->shard);
    enum err e = fs_mkdir(fs, dir);
    if (e == ERR_EXISTS) e = OK;
    if (e == OK) e = fs_rename(fs, parked, path);
    if (e == OK) e = fs_sync_dir(fs, dir);
    if (e == OK) e = fs_sync_dir(fs, t->dir_path);
    mem_free(dir);
    mem_free(path);
    return e;
}

void journal_make_run(struct env_task *task, struct fs *fs)
{
    struct journal_make *t = CONTAINER_OF(task, struct journal_make, task);
    char *parked = path_printf("%s/" JOURNAL_PARKED "%d", t->dir_path, t->shard);
    enum err e = take_parked(t, fs, parked);
    if (e == ERR_NOT_FOUND) e = make_anew(t, fs, parked);
    if (e == OK) {
        t->header.generation++;
        t->header.sequence++;
        t->header.tail = 0;
        e = write_header(t->file, &t->header);
    }
    if (e == OK) e = move_in(t, fs, parked);
    if (e != OK) {
        file_unref(t->file);
        t->file = NULL;
        enum err removed = file_remove(fs, parked); // gives the space back
        (void)removed;
    }
    t->result = e;
    mem_free(parked);
}

static bool is_ring(const char *name)
{
    size_t length = strlen(name);
    size_t suffix = strlen(JOURNAL_SUFFIX);
    if (length <= suffix || strcmp(name + length - suffix, JOURNAL_SUFFIX) != 0) return false;
    for (size_t i = 0; i < length - suffix; i++)
        if (name[i] < '0' || name[i] > '9') return false;
    return true;
}

enum err journal_park(struct fs *fs, const char *dir_path)
{
    struct name_list names;
    char *dir = journal_dir_path(dir_path);
    enum err e = dir_list(fs, dir, &names);
    if (e == OK) {
        for (size_t i = 0; i < names.count && e == OK; i++) {
            if (!is_ring(names.names[i])) continue; // not ours: rmdir will say so
            int digits = (int)(strlen(names.names[i]) - strlen(JOURNAL_SUFFIX));
            char *from = path_printf("%s/%s", dir, names.names[i]);
            char *to = path_printf("%s/" JOURNAL_PARKED "%.*s", dir_path, digits, names.names[i]);
            e = fs_rename(fs, from, to);
            mem_free(from);
            mem_free(to);
        }
        name_list_deinit(&names);
        if (e == OK) e = fs_sync_dir(fs, dir);
        if (e == OK) e = fs_rmdir(fs, dir);
        if (e == OK) e = fs_sync_dir(fs, dir_path);
    }
    mem_free(dir);
    return e == ERR_NOT_FOUND ? OK : e;
}
