// SPDX-License-Identifier: Apache-2.0
// Compaction's own pieces: the map of newest offsets, and the rewriting of one group of segments.
#ifndef ODRADEK_STORE_COMPACT_INT_H
#define ODRADEK_STORE_COMPACT_INT_H

#include "store/store_int.h"

// ---- compact_map.c: key -> offset of its newest record ----
// 24 bytes a key, whatever its length: 128 bits of hash stand for it (Kafka takes MD5). The seeds are random, so nobody
// can choose two keys that meet.

struct key_map {
    struct key_slot *slots;
    size_t capacity; // power of two
    size_t count;
    size_t count_max; // load factor 0.75
    uint64_t seeds[2];
};

// Room for `keys` keys, or as many as fit into `bytes_max`.
void key_map_init(struct key_map *map, int64_t keys, size_t bytes_max, const uint64_t seeds[2]);
void key_map_deinit(struct key_map *map);
// False: full, and the key is not in it.
bool key_map_put(struct key_map *map, struct slice key, int64_t offset);
// -1: not in it.
int64_t key_map_get(const struct key_map *map, struct slice key);

// ---- compact_rewrite.c, in a task ----

struct compact_source {
    int64_t base_offset;
    int64_t end_offset; // base of the segment behind
    struct view view;
    int64_t created_ms;
};

// What may go: see compact_rewrite.
struct compact_rules {
    const struct key_map *map;
    int64_t map_end; // records from here on are kept
    int64_t now_ms;
    int64_t delete_retention_ms;
    const int64_t *newest_of_producers; // last offsets of active producers' newest batches, ascending
    size_t producer_count;
    int32_t index_interval_bytes;
    const int *is_cancelled; // __atomic access only
};

// A batch that this build does not rewrite: of a transaction, or of an old format. Not an error of anybody's.
#define ERR_COMPACT_FOREIGN ERR_UNSUPPORTED_VERSION

// Notes the keys of [from, to) until the map is full; `*end` is where it stopped. ERR_COMPACT_FOREIGN, ERR_CLOSED
// (cancelled), ERR_CORRUPT, ERR_IO.
MUST_CHECK enum err compact_map_source(struct key_map *map, const struct compact_source *source, int64_t from,
                                       const int *is_cancelled, int64_t *end);
// Writes <base>.log.cleaned and its indexes, synced; `out` is the new segment with its files open. The last batch
// stays, empty if it must be: so the group keeps its end. Errors as above.
MUST_CHECK enum err compact_rewrite(struct fs *fs, const char *dir_path, struct compact_source *sources, size_t count,
                                    const struct compact_rules *rules, struct segment **out);

#endif
