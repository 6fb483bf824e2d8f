// SPDX-License-Identifier: Apache-2.0
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

enum { ALIGNMENT = 16, BLOCK_SIZE_MIN = 4096, BLOCK_SIZE_KEPT = 64 * 1024 };

struct arena_block {
    struct arena_block *older;
    size_t size; // payload bytes behind this header
};

_Static_assert(sizeof(struct arena_block) % ALIGNMENT == 0, "the payload must start aligned");

void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

void arena_deinit(struct arena *arena)
{
    struct arena_block *block = arena->block;
    while (block != NULL) {
        struct arena_block *older = block->older;
        free(block);
        block = older;
    }
    *arena = (struct arena){0};
}

static void use_block(struct arena *arena, struct arena_block *block)
{
    arena->block = block;
    arena->next = (uint8_t *)(block + 1);
    arena->end = arena->next + block->size;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = arena->block;
    if (keep == NULL || keep->size > BLOCK_SIZE_KEPT) {
        arena_deinit(arena);
        return;
    }
    arena->block = keep->older;
    arena_deinit(arena);
    keep->older = NULL;
    use_block(arena, keep);
}

static void grow(struct arena *arena, size_t needed)
{
    size_t doubled = arena->block == NULL ? BLOCK_SIZE_MIN : arena->block->size * 2;
    if (doubled > BLOCK_SIZE_KEPT) doubled = BLOCK_SIZE_KEPT;
    size_t size = needed > doubled ? needed : doubled;
    struct arena_block *block = mem_alloc(sizeof(*block) + size);
    block->older = arena->block;
    block->size = size;
    use_block(arena, block);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    ASSERT(size <= SIZE_MAX - ALIGNMENT);
    size_t padded = (size + (size == 0) + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if ((size_t)(arena->end - arena->next) < padded) grow(arena, padded);
    void *at = arena->next;
    arena->next += padded;
    arena->used += padded;
    return at;
}

void *arena_zalloc(struct arena *arena, size_t count, size_t size)
{
    size_t total = 0;
    bool overflow = __builtin_mul_overflow(count, size, &total);
    ASSERT(!overflow);
    void *at = arena_alloc(arena, total);
    memset(at, 0, total);
    return at;
}

void arena_adopt(struct arena *arena, struct arena *from)
{
    if (from->block == NULL) return;
    if (arena->block == NULL) {
        *arena = *from;
    } else {
        // Behind the newest block, which goes on being filled.
        struct arena_block *oldest = from->block;
        while (oldest->older != NULL) oldest = oldest->older;
        oldest->older = arena->block->older;
        arena->block->older = from->block;
        arena->used += from->used;
    }
    *from = (struct arena){0};
}

struct slice arena_copy(struct arena *arena, struct slice bytes)
{
    if (bytes.data == NULL) return bytes;
    uint8_t *copy = arena_alloc(arena, bytes.size);
    memcpy(copy, bytes.data, bytes.size);
    return slice_of(copy, bytes.size);
}

char *arena_str(struct arena *arena, struct slice text)
{
    char *copy = arena_alloc(arena, text.size + 1);
    if (text.size > 0) memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(length >= 0);
    char *text = arena_alloc(arena, (size_t)length + 1);
    vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
