// SPDX-License-Identifier: Apache-2.0
// A HashMap's table is a power of two, doubled when it is more than three quarters full; a key's place is its hash,
// folded by h ^ h >>> 16; within a place, order of insertion.
#include "cli/java_order.h"

#include "base/mem.h"

struct placed {
    size_t bucket;
    size_t index;
};

// The code point at `*at`, which moves on. Bytes that are no UTF-8 count as themselves.
static uint32_t next_code_point(struct slice text, size_t *at)
{
    uint8_t lead = text.data[(*at)++];
    int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (more == 0) return lead;
    uint32_t point = lead & (0x3fU >> more);
    for (; more > 0 && *at < text.size; more--) point = point << 6 | (text.data[(*at)++] & 0x3fU);
    return point;
}

uint32_t java_string_hash(struct slice text)
{
    uint32_t h = 0;
    for (size_t i = 0; i < text.size;) {
        uint32_t point = next_code_point(text, &i);
        if (point >= 0x10000) {
            h = h * 31 + (0xd7c0 + (point >> 10));
            point = 0xdc00 + (point & 0x3ff);
        }
        h = h * 31 + point;
    }
    return h;
}

static void order(void *items, size_t count, size_t item_size, size_t capacity, struct slice (*name)(const void *item),
                  uint32_t (*hash)(const void *item))
{
    if (count < 2) return;
    size_t table = 1;
    while (table < capacity) table *= 2;
    while (count > table * 3 / 4) table *= 2;
    struct placed *placed = mem_zalloc(count, sizeof(*placed));
    uint8_t *from = mem_alloc(count * item_size);
    memcpy(from, items, count * item_size);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *item = from + i * item_size;
        uint32_t h = name != NULL ? java_string_hash(name(item)) : hash(item);
        struct placed next = {.bucket = (h ^ (h >> 16)) & (table - 1), .index = i};
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

void java_hash_order(void *items, size_t count, size_t item_size, size_t capacity,
                     struct slice (*name)(const void *item))
{
    order(items, count, item_size, capacity, name, NULL);
}

void java_hash_order_by(void *items, size_t count, size_t item_size, size_t capacity,
                        uint32_t (*hash)(const void *item))
{
    order(items, count, item_size, capacity, NULL, hash);
}
