// SPDX-License-Identifier: Apache-2.0
#include "base/map.h"

#include "base/bytes.h"
#include "base/mem.h"

enum { BUCKET_COUNT_MIN = 16 };

static struct map_link **bucket_of(const struct map *map, uint64_t hash)
{
    return &map->buckets[hash & (map->bucket_count - 1)];
}

static void append(struct map_link **bucket, struct map_link *link)
{
    while (*bucket != NULL) bucket = &(*bucket)->next;
    link->next = NULL;
    *bucket = link;
}

static void resize(struct map *map, size_t bucket_count)
{
    struct map old = *map;
    map->bucket_count = bucket_count;
    map->buckets = mem_zalloc(bucket_count, sizeof(*map->buckets));
    for (size_t i = 0; i < old.bucket_count; i++) {
        for (struct map_link *link = old.buckets[i], *next; link != NULL; link = next) {
            next = link->next;
            append(bucket_of(map, link->hash), link);
        }
    }
    mem_free(old.buckets);
}

void map_deinit(struct map *map)
{
    mem_free(map->buckets);
    *map = (struct map){0};
}

void map_insert(struct map *map, struct map_link *link, uint64_t hash)
{
    if (map->count >= map->bucket_count) resize(map, map->bucket_count == 0 ? BUCKET_COUNT_MIN : map->bucket_count * 2);
    link->hash = hash;
    append(bucket_of(map, hash), link);
    map->count++;
}

void map_remove(struct map *map, struct map_link *link)
{
    ASSERT(map->count > 0);
    struct map_link **at = bucket_of(map, link->hash);
    while (*at != link) {
        ASSERT(*at != NULL);
        at = &(*at)->next;
    }
    *at = link->next;
    link->next = NULL;
    map->count--;
}

static struct map_link *same_hash(struct map_link *link, uint64_t hash)
{
    while (link != NULL && link->hash != hash) link = link->next;
    return link;
}

struct map_link *map_find(const struct map *map, uint64_t hash)
{
    return map->count == 0 ? NULL : same_hash(*bucket_of(map, hash), hash);
}

struct map_link *map_find_next(const struct map_link *link)
{
    return same_hash(link->next, link->hash);
}

static struct map_link *first_from(const struct map *map, size_t bucket)
{
    for (; bucket < map->bucket_count; bucket++)
        if (map->buckets[bucket] != NULL) return map->buckets[bucket];
    return NULL;
}

struct map_link *map_first(const struct map *map)
{
    return first_from(map, 0);
}

struct map_link *map_next(const struct map *map, const struct map_link *link)
{
    if (link->next != NULL) return link->next;
    return first_from(map, (link->hash & (map->bucket_count - 1)) + 1);
}

// Finaliser of splitmix64: every input bit moves every output bit.
static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

uint64_t hash_u64(uint64_t seed, uint64_t value)
{
    return mix(seed + 0x9e3779b97f4a7c15u + mix(value));
}

uint64_t hash_bytes(uint64_t seed, struct slice bytes)
{
    uint64_t hash = hash_u64(seed, bytes.size);
    size_t at = 0;
    for (; bytes.size - at >= 8; at += 8) hash = hash_u64(hash, load_u64(bytes.data + at));
    uint64_t tail = 0;
    for (; at < bytes.size; at++) tail = (tail << 8) | bytes.data[at];
    return hash_u64(hash, tail);
}
