// SPDX-License-Identifier: Apache-2.0
#include "store/compact_int.h"

struct key_slot {
    uint64_t hash[2];
    int64_t offset; // + 1, so that 0 is an empty slot
};

enum { SLOTS_MIN = 64 };

void key_map_init(struct key_map *map, int64_t keys, size_t bytes_max, const uint64_t seeds[2])
{
    size_t capacity = SLOTS_MIN;
    size_t limit = bytes_max / sizeof(struct key_slot);
    while (capacity * 2 <= limit && (int64_t)(capacity / 4 * 3) < keys) capacity *= 2;
    *map = (struct key_map){.slots = mem_zalloc(capacity, sizeof(struct key_slot)),
                            .capacity = capacity,
                            .count_max = capacity / 4 * 3,
                            .seeds = {seeds[0], seeds[1]}};
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
    for (size_t i = hash[0] & (map->capacity - 1);; i = (i + 1) & (map->capacity - 1)) {
        struct key_slot *slot = &map->slots[i];
        if (slot->offset == 0 || (slot->hash[0] == hash[0] && slot->hash[1] == hash[1])) return slot;
    }
}

bool key_map_put(struct key_map *map, struct slice key, int64_t offset)
{
    uint64_t hash[2];
    struct key_slot *slot = find(map, key, hash);
    if (slot->offset == 0) {
        if (map->count == map->count_max) return false;
        map->count++;
    }
    *slot = (struct key_slot){.hash = {hash[0], hash[1]}, .offset = offset + 1};
    return true;
}

int64_t key_map_get(const struct key_map *map, struct slice key)
{
    uint64_t hash[2];
    return find(map, key, hash)->offset - 1;
}
