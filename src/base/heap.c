// SPDX-License-Identifier: Apache-2.0
#include "base/heap.h"

#include "base/mem.h"

static bool before(const struct heap_node *a, const struct heap_node *b)
{
    return a->key != b->key ? a->key < b->key : a->sequence < b->sequence;
}

static void place(struct heap *heap, size_t index, struct heap_node *node)
{
    heap->items[index] = node;
    node->position = index + 1;
}

static void sift_up(struct heap *heap, size_t index, struct heap_node *node)
{
    while (index > 0) {
        size_t parent = (index - 1) / 2;
        if (!before(node, heap->items[parent])) break;
        place(heap, index, heap->items[parent]);
        index = parent;
    }
    place(heap, index, node);
}

static void sift_down(struct heap *heap, size_t index, struct heap_node *node)
{
    for (;;) {
        size_t child = 2 * index + 1;
        if (child >= heap->count) break;
        if (child + 1 < heap->count && before(heap->items[child + 1], heap->items[child])) child++;
        if (!before(heap->items[child], node)) break;
        place(heap, index, heap->items[child]);
        index = child;
    }
    place(heap, index, node);
}

void heap_deinit(struct heap *heap)
{
    mem_free(heap->items);
    *heap = (struct heap){0};
}

void heap_insert(struct heap *heap, struct heap_node *node, int64_t key)
{
    ASSERT(!heap_contains(node));
    if (heap->count == heap->capacity) {
        heap->capacity = heap->capacity == 0 ? 16 : heap->capacity * 2;
        heap->items = mem_realloc(heap->items, heap->capacity * sizeof(*heap->items));
    }
    node->key = key;
    node->sequence = heap->next_sequence++;
    sift_up(heap, heap->count++, node);
}

void heap_remove(struct heap *heap, struct heap_node *node)
{
    if (!heap_contains(node)) return;
    size_t index = node->position - 1;
    ASSERT(heap->items[index] == node);
    struct heap_node *last = heap->items[--heap->count];
    node->position = 0;
    if (last == node) return;
    if (index > 0 && before(last, heap->items[(index - 1) / 2])) sift_up(heap, index, last);
    else sift_down(heap, index, last);
}
