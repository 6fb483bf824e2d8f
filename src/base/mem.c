// SPDX-License-Identifier: Apache-2.0
#include "base/mem.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/assert.h"

void *mem_alloc(size_t size)
{
    void *block = malloc(size == 0 ? 1 : size);
    ASSERT(block != NULL);
    return block;
}

void *mem_zalloc(size_t count, size_t size)
{
    void *block = calloc(count == 0 ? 1 : count, size == 0 ? 1 : size);
    ASSERT(block != NULL);
    return block;
}

void *mem_realloc(void *block, size_t size)
{
    void *moved = realloc(block, size == 0 ? 1 : size);
    ASSERT(moved != NULL);
    return moved;
}

void mem_free(void *block)
{
    free(block);
}

void mem_trim(void)
{
    malloc_trim(0);
}
