// SPDX-License-Identifier: Apache-2.0
#include "store/compact_int.h"

struct key_slot {
    uint64_t hash[2];
    int64_t offset; // + 1, so that 0 is an empty slot
};

enum err key_map_init(struct key_map *map, int64_t keys, size_t bytes_max, double load_factor, const uint64_t seeds[2])
{
    size_t slots = bytes_max / sizeof(struct key_slot);
    if (!((double)slots * load_factor > 1)) return ERR_TOO_LARGE;
    double wanted = (double)keys / load_factor + 2;
    size_t capacity = wanted < (double)slots ? (size_t)wanted : slots;
    size_t count_max = (size_t)((double)capacity * load_factor);
    if (load_factor >= 1 || count_max >= capacity) count_max = capacity - 1; // a search ends at an empty slot
    *map = (struct key_map){.slots = mem_zalloc(capacity, sizeof(struct key_slot)),
                            .capacity = capacity,
                            .count_max = count_max,
                            .seeds = {seeds[0], seeds[1]}};
    return OK;
}

void key_map_deinit(struct key_map *map)
{
    mem_free(map->slots);
    *map = (struct key_map){0};
}

static struct key_slot *find(const struct key_map *map, struct slice key, uint64_t hash[2])
{
    hash[0] = hash_bytes(map->seeds[0], key);
    hash[1] = hash_bytes(map->seeds[1], key);
    for (size_t i = hash[0] % map->capacity;; i = i + 1 == map->capacity ? 0 : i + 1) {
        struct key_slot *slot = &map->slots[i];
        if (slot->offset == 0 || (slot->hash[0] == hash[0] && slot->hash[1] == hash[1])) return slot;
    }
}

bool key_map_put(struct key_map *map, struct slice key, int64_t offset)
{
    uint64_t hash[2];
    if (map->count == map->count_max) return false; // as Kafka: also when the key is in it
    struct key_slot *slot = find(map, key, hash);
    if (slot->offset == 0) map->count++;
    *slot = (struct key_slot){.hash = {hash[0], hash[1]}, .offset = offset + 1};
    return true;
}

int64_t key_map_get(const struct key_map *map, struct slice key)
{
    uint64_t hash[2];
    return find(map, key, hash)->offset - 1;
}

// ---- filling it ----

// False: full.
static bool note(struct compact_job *job, const struct record *record)
{
    if (slice_is_null(record->key) || record->offset < job->dirty_from) return true;
    if (!key_map_put(&job->map, record->key, record->offset)) return false;
    job->map_end = record->offset + 1;
    return true;
}

static enum err note_records(struct compact_job *job, const struct batch_view *batch, bool *is_full)
{
    struct record record;
    struct slice body;
    if (batch->header.magic < 2) {
        struct legacy_iter it = legacy_iter(batch, &job->map_scratch);
        while (!*is_full && legacy_next(&it, &record)) *is_full = !note(job, &record);
        return *is_full ? OK : it.err;
    }
    enum err e = batch_body(batch, COMPACT_BODY_BYTES_MAX, &job->map_scratch, &body);
    if (e != OK) return e;
    struct record_iter it = record_iter(&batch->header, body);
    while (!*is_full && record_next(&it, &record)) *is_full = !note(job, &record);
    return *is_full ? OK : it.err;
}

// Control batches and those of aborted transactions have no say in what is newest.
static enum err note_batch(struct compact_job *job, const struct batch_view *batch, bool *is_full)
{
    const struct batch_header *h = &batch->header;
    const struct aborted_txn *ended;
    enum err e = OK;
    if (batch_is_control(h))
        compact_txns_control(&job->map_txns, batch, &ended);
    else if (!compact_txns_data(&job->map_txns, h) && batch_last_offset(h) >= job->dirty_from)
        e = note_records(job, batch, is_full);
    if (e == OK && !*is_full && batch_last_offset(h) >= job->dirty_from) job->map_end = batch_last_offset(h) + 1;
    return e;
}

static enum err begin_source(struct compact_job *job, struct compact_source *source, struct fs *fs,
                             const char *dir_path)
{
    int64_t position = 0;
    enum err e = compact_source_open(source, fs, dir_path);
    if (e == OK && job->dirty_from > source->base_offset)
        e = view_index_floor(&source->view, true, job->dirty_from, &position);
    if (e != OK) return e;
    struct text buffer = job->map_walk.buffer;
    job->map_walk = (struct log_walk){.file = source->view.log,
                                      .size = source->view.size,
                                      .position = position,
                                      .wants_bodies = true,
                                      .chunk_bytes = (int64_t)job->io_bytes,
                                      .buffer = buffer};
    text_clear(&job->map_walk.buffer);
    job->is_map_walking = true;
    return OK;
}

static enum err map_source(struct compact_job *job, struct compact_source *source, bool *is_full)
{
    struct batch_view batch;
    int64_t size;
    while (!*is_full && log_walk_next(&job->map_walk, &batch, &size)) {
        enum err e = note_batch(job, &batch, is_full);
        if (e == OK && !*is_full) e = compact_pause(job, size);
        if (e != OK) return e;
    }
    if (job->map_walk.err != OK) return job->map_walk.err == ERR_TRUNCATED ? ERR_CORRUPT : job->map_walk.err;
    if (!*is_full) job->map_end = source->end_offset;
    job->is_map_walking = false;
    compact_source_close(source);
    return OK;
}

enum err compact_map_run(struct compact_job *job, struct fs *fs, const char *dir_path)
{
    enum err e = OK;
    bool is_full = false;
    for (; job->map_at < job->source_count && e == OK && !is_full; job->map_at += e == OK) {
        struct compact_source *source = &job->sources[job->map_at];
        if (source->end_offset <= job->dirty_from) continue;
        if (!job->is_map_walking) e = begin_source(job, source, fs, dir_path);
        if (e == OK) e = map_source(job, source, &is_full);
    }
    return e;
}
