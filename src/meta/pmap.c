// SPDX-License-Identifier: Apache-2.0
// A node is a bitmap of 32 slots and the used ones packed behind it; a slot is an item or a deeper node (lowest bit
// set). Five bits of the hash per level; below 60 bits a node is a plain list of items with equal leading bits.
#include "meta/pmap.h"

#include "base/mem.h"

enum { BITS = 5, LIST_SHIFT = 60 };

struct pnode {
    int refs;        // __atomic access only
    uint32_t bitmap; // unused in a list
    uint32_t count;
    uintptr_t slots[];
};

static bool is_node(uintptr_t slot)
{
    return (slot & 1) != 0;
}

static struct pnode *as_node(uintptr_t slot)
{
    return (struct pnode *)(slot & ~(uintptr_t)1);
}

static struct pitem *as_item(uintptr_t slot)
{
    return (struct pitem *)slot;
}

static uintptr_t node_slot(struct pnode *node)
{
    return (uintptr_t)node | 1;
}

struct pitem *pitem_ref(struct pitem *item)
{
    __atomic_add_fetch(&item->refs, 1, __ATOMIC_RELAXED);
    return item;
}

void pitem_unref(struct pitem *item)
{
    if (item != NULL && __atomic_sub_fetch(&item->refs, 1, __ATOMIC_ACQ_REL) == 0) item->free(item);
}

static void slot_ref(uintptr_t slot)
{
    if (is_node(slot))
        __atomic_add_fetch(&as_node(slot)->refs, 1, __ATOMIC_RELAXED);
    else
        pitem_ref(as_item(slot));
}

static void node_unref(struct pnode *node)
{
    if (node == NULL || __atomic_sub_fetch(&node->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    for (uint32_t i = 0; i < node->count; i++) {
        if (is_node(node->slots[i]))
            node_unref(as_node(node->slots[i]));
        else
            pitem_unref(as_item(node->slots[i]));
    }
    mem_free(node);
}

struct pmap pmap_ref(const struct pmap *map)
{
    if (map->root != NULL) __atomic_add_fetch(&map->root->refs, 1, __ATOMIC_RELAXED);
    return *map;
}

void pmap_unref(struct pmap *map)
{
    node_unref(map->root);
    *map = (struct pmap){0};
}

static uint32_t bit_of(uint64_t hash, unsigned shift)
{
    return 1u << ((hash >> shift) & 31);
}

static uint32_t position_of(const struct pnode *node, uint32_t bit)
{
    return (uint32_t)__builtin_popcount(node->bitmap & (bit - 1));
}

struct pitem *pmap_find(const struct pmap *map, uint64_t hash, pmap_match *match, const void *key)
{
    const struct pnode *node = map->root;
    for (unsigned shift = 0; node != NULL; shift += BITS) {
        if (shift >= LIST_SHIFT) {
            for (uint32_t i = 0; i < node->count; i++) {
                struct pitem *item = as_item(node->slots[i]);
                if (item->hash == hash && match(item, key)) return item;
            }
            return NULL;
        }
        uint32_t bit = bit_of(hash, shift);
        if ((node->bitmap & bit) == 0) return NULL;
        uintptr_t slot = node->slots[position_of(node, bit)];
        if (!is_node(slot)) {
            struct pitem *item = as_item(slot);
            return item->hash == hash && match(item, key) ? item : NULL;
        }
        node = as_node(slot);
    }
    return NULL;
}

static struct pnode *node_new(uint32_t count)
{
    struct pnode *node = mem_alloc(sizeof(*node) + count * sizeof(node->slots[0]));
    node->refs = 1;
    node->bitmap = 0;
    node->count = count;
    return node;
}

// A node of the same content that only the caller holds; takes the reference of `node`.
static struct pnode *node_own(struct pnode *node)
{
    if (__atomic_load_n(&node->refs, __ATOMIC_ACQUIRE) == 1) return node;
    struct pnode *own = node_new(node->count);
    own->bitmap = node->bitmap;
    for (uint32_t i = 0; i < node->count; i++) {
        own->slots[i] = node->slots[i];
        slot_ref(own->slots[i]);
    }
    node_unref(node);
    return own;
}

struct pitem *pmap_find_own(struct pmap *map, uint64_t hash, pmap_match *match, const void *key)
{
    if (pmap_find(map, hash, match, key) == NULL) return NULL;
    struct pnode *node = map->root = node_own(map->root);
    for (unsigned shift = 0; shift < LIST_SHIFT; shift += BITS) {
        uintptr_t *slot = &node->slots[position_of(node, bit_of(hash, shift))];
        if (!is_node(*slot)) return as_item(*slot);
        node = node_own(as_node(*slot));
        *slot = node_slot(node);
    }
    return pmap_find(map, hash, match, key);
}

// The own node with room for one more slot at `at`.
static struct pnode *node_widen(struct pnode *node, uint32_t at, uintptr_t slot)
{
    node = mem_realloc(node, sizeof(*node) + (node->count + 1) * sizeof(node->slots[0]));
    memmove(&node->slots[at + 1], &node->slots[at], (node->count - at) * sizeof(node->slots[0]));
    node->slots[at] = slot;
    node->count++;
    return node;
}

static struct pnode *put(struct pnode *node, unsigned shift, struct pitem *item, pmap_match *match, const void *key,
                         bool *is_new)
{
    if (node == NULL) {
        node = node_new(1);
        node->slots[0] = (uintptr_t)item;
        if (shift < LIST_SHIFT) node->bitmap = bit_of(item->hash, shift);
        return node;
    }
    node = node_own(node);
    if (shift >= LIST_SHIFT) {
        for (uint32_t i = 0; i < node->count; i++) {
            struct pitem *old = as_item(node->slots[i]);
            if (old->hash != item->hash || !match(old, key)) continue;
            node->slots[i] = (uintptr_t)item;
            pitem_unref(old);
            *is_new = false;
            return node;
        }
        return node_widen(node, node->count, (uintptr_t)item);
    }
    uint32_t bit = bit_of(item->hash, shift);
    uint32_t at = position_of(node, bit);
    if ((node->bitmap & bit) == 0) {
        node = node_widen(node, at, (uintptr_t)item);
        node->bitmap |= bit;
        return node;
    }
    uintptr_t slot = node->slots[at];
    if (is_node(slot)) {
        node->slots[at] = node_slot(put(as_node(slot), shift + BITS, item, match, key, is_new));
        return node;
    }
    struct pitem *old = as_item(slot);
    if (old->hash == item->hash && match(old, key)) {
        node->slots[at] = (uintptr_t)item;
        pitem_unref(old);
        *is_new = false;
        return node;
    }
    bool ignored = true;
    struct pnode *deeper = put(NULL, shift + BITS, old, match, key, &ignored);
    node->slots[at] = node_slot(put(deeper, shift + BITS, item, match, key, is_new));
    return node;
}

void pmap_put(struct pmap *map, struct pitem *item, pmap_match *match, const void *key)
{
    bool is_new = true;
    map->root = put(map->root, 0, item, match, key, &is_new);
    map->count += is_new;
}

// The item is known to be there. NULL = the node is empty now.
static struct pnode *cut(struct pnode *node, unsigned shift, uint64_t hash, pmap_match *match, const void *key)
{
    node = node_own(node);
    uint32_t at = 0;
    if (shift >= LIST_SHIFT) {
        while (as_item(node->slots[at])->hash != hash || !match(as_item(node->slots[at]), key)) at++;
        pitem_unref(as_item(node->slots[at]));
    } else {
        uint32_t bit = bit_of(hash, shift);
        at = position_of(node, bit);
        if (is_node(node->slots[at])) {
            struct pnode *left = cut(as_node(node->slots[at]), shift + BITS, hash, match, key);
            if (left != NULL) {
                node->slots[at] = node_slot(left);
                return node;
            }
        } else {
            pitem_unref(as_item(node->slots[at]));
        }
        node->bitmap &= ~bit;
    }
    node->count--;
    memmove(&node->slots[at], &node->slots[at + 1], (node->count - at) * sizeof(node->slots[0]));
    if (node->count > 0) return node;
    mem_free(node);
    return NULL;
}

bool pmap_remove(struct pmap *map, uint64_t hash, pmap_match *match, const void *key)
{
    if (pmap_find(map, hash, match, key) == NULL) return false;
    map->root = cut(map->root, 0, hash, match, key);
    map->count--;
    return true;
}

struct pmap_iter pmap_iter(const struct pmap *map)
{
    struct pmap_iter iter = {.depth = map->root == NULL ? 0 : 1};
    iter.path[0] = map->root;
    return iter;
}

struct pitem *pmap_next(struct pmap_iter *iter)
{
    while (iter->depth > 0) {
        const struct pnode *node = iter->path[iter->depth - 1];
        uint32_t at = iter->position[iter->depth - 1]++;
        if (at == node->count) {
            iter->depth--;
            continue;
        }
        if (!is_node(node->slots[at])) return as_item(node->slots[at]);
        ASSERT(iter->depth < PMAP_DEPTH_MAX);
        iter->path[iter->depth] = as_node(node->slots[at]);
        iter->position[iter->depth++] = 0;
    }
    return NULL;
}
