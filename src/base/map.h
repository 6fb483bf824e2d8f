// SPDX-License-Identifier: Apache-2.0
// Intrusive hash map: the link lives in the item, keys are compared by the caller, so one map serves every key type.
//
//   for (struct map_link *l = map_find(&m, hash); l != NULL; l = map_find_next(l))
//       if (slice_eq(MAP_ITEM(l, struct topic, by_name)->name, name)) return ...;
//
// Order of iteration is by insertion within a bucket and by hash across buckets: it depends on the seed of the
// hashes only, never on addresses, so a simulation replays.
#ifndef ODRADEK_BASE_MAP_H
#define ODRADEK_BASE_MAP_H

#include "base/assert.h"
#include "base/slice.h"

struct map_link {
    struct map_link *next;
    uint64_t hash;
};

struct map {
    struct map_link **buckets; // power of two, NULL until the first insert
    size_t bucket_count;
    size_t count;
};

// An all-zero map is valid and empty.
void map_deinit(struct map *map); // frees the table, not the items
void map_insert(struct map *map, struct map_link *link, uint64_t hash);
// The link must be in the map.
void map_remove(struct map *map, struct map_link *link);
// First item of that hash, NULL when there is none; the caller compares keys.
struct map_link *map_find(const struct map *map, uint64_t hash);
struct map_link *map_find_next(const struct map_link *link);
// Iteration over all; the map must not change meanwhile, except that the item just returned may be removed
// after the next one was fetched.
struct map_link *map_first(const struct map *map);
struct map_link *map_next(const struct map *map, const struct map_link *link);

// 64-bit hash of bytes; equal on every machine for one seed.
uint64_t hash_bytes(uint64_t seed, struct slice bytes);
uint64_t hash_u64(uint64_t seed, uint64_t value);

#define MAP_ITEM(link, type, member) CONTAINER_OF(link, type, member)
#define MAP_EACH(link, map) \
    for (struct map_link *link = map_first(map), *link##_next = link ? map_next(map, link) : NULL; link != NULL; \
         link = link##_next, link##_next = link ? map_next(map, link) : NULL)

#endif
