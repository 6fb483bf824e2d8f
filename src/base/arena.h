// SPDX-License-Identifier: Apache-2.0
// Memory by lifetime: everything of one request (or one step) comes from one arena and goes at once.
// Not thread-safe: an arena has one owner at a time. Small-allocation failure aborts; large memory is
// bounded by whoever admits it (design rule 9), which `arena_used` lets them count.
#ifndef ODRADEK_BASE_ARENA_H
#define ODRADEK_BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *block; // newest first
    uint8_t *next;
    uint8_t *end;
    size_t used; // bytes handed out, alignment included
};

// An all-zero arena is valid and empty; nothing is allocated before the first use.
void arena_init(struct arena *arena);
// Frees all blocks; the arena is empty and usable again.
void arena_deinit(struct arena *arena);
// Forgets all allocations, keeping one small block for reuse.
void arena_reset(struct arena *arena);

// Uninitialised memory aligned to 16. size may be 0 (a unique non-NULL pointer comes back).
void *arena_alloc(struct arena *arena, size_t size);
// Zeroed memory for `count` items of `size`; aborts on multiplication overflow.
void *arena_zalloc(struct arena *arena, size_t count, size_t size);
#define ARENA_NEW(arena, type) ((type *)arena_zalloc((arena), 1, sizeof(type)))
#define ARENA_ARRAY(arena, type, count) ((type *)arena_zalloc((arena), (size_t)(count), sizeof(type)))

// Takes over everything allocated from `from`, which is empty then: it lives as long as `arena`.
void arena_adopt(struct arena *arena, struct arena *from);

// A copy that lives as long as the arena; `arena_str` adds a terminating NUL.
struct slice arena_copy(struct arena *arena, struct slice bytes);
char *arena_str(struct arena *arena, struct slice text);
// printf into the arena.
char *arena_printf(struct arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Bytes handed out since init or reset.
static inline size_t arena_used(const struct arena *arena)
{
    return arena->used;
}

#endif
