// SPDX-License-Identifier: Apache-2.0
// A HashMap's table is a power of two, doubled when it is more than three quarters full; a key's place is its hash,
// folded by h ^ h >>> 16; within a place, order of insertion.
#include "cli/java_order.h"

#include "base/mem.h"

struct placed {
    size_t bucket;
    size_t index;
};

static uint32_t java_hash(struct slice text)
{
    uint32_t h = 0;
    for (size_t i = 0; i < text.size; i++) h = h * 31 + text.data[i];
    return h ^ (h >> 16);
}

void java_hash_order(void *items, size_t count, size_t item_size, size_t capacity,
                     struct slice (*name)(const void *item))
{
    if (count < 2) return;
    size_t table = 1;
    while (table < capacity) table *= 2;
    while (count > table * 3 / 4) table *= 2;
    struct placed *placed = mem_zalloc(count, sizeof(*placed));
    uint8_t *from = mem_alloc(count * item_size);
    memcpy(from, items, count * item_size);
    for (size_t i = 0; i < count; i++) {
        struct placed next = {.bucket = java_hash(name(from + i * item_size)) & (table - 1), .index = i};
        size_t at = i; // insertion keeps equals in order; the lists are short
        for (; at > 0 && placed[at - 1].bucket > next.bucket; at--) placed[at] = placed[at - 1];
        placed[at] = next;
    }
    for (size_t i = 0; i < count; i++) {
        memcpy((uint8_t *)items + i * item_size, from + placed[i].index * item_size, item_size);
    }
    mem_free(placed);
    mem_free(from);
}
