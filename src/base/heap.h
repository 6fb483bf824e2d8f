// SPDX-License-Identifier: Apache-2.0
// Intrusive binary min-heap ordered by (key, sequence of insertion): timers and simulated events.
#ifndef ODRADEK_BASE_HEAP_H
#define ODRADEK_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

struct heap_node {
    int64_t key;
    uint64_t sequence; // ties leave in the order they came
    size_t position;   // 1-based; 0 = in no heap
};

struct heap {
    struct heap_node **items;
    size_t count;
    size_t capacity;
    uint64_t next_sequence;
};

// An all-zero heap is valid and empty.
void heap_deinit(struct heap *heap);
void heap_insert(struct heap *heap, struct heap_node *node, int64_t key);
// No-op for a node in no heap.
void heap_remove(struct heap *heap, struct heap_node *node);

// NULL when empty.
static inline struct heap_node *heap_min(const struct heap *heap)
{
    return heap->count == 0 ? NULL : heap->items[0];
}

static inline bool heap_contains(const struct heap_node *node)
{
    return node->position != 0;
}

#endif
