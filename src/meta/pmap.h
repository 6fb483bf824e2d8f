// SPDX-License-Identifier: Apache-2.0
// Persistent hash trie: a map whose versions share what they have in common. Copying a map is one counter;
// a change copies the path to the changed item only (32 slots a level), and nothing when nobody else looks at it.
// Items are counted too, so one item may be in many versions and in several maps. Counts are atomic: versions may be
// let go on any thread, but one version is changed by one owner only, before it is shown to others.
#ifndef ODRADEK_META_PMAP_H
#define ODRADEK_META_PMAP_H

#include "base/assert.h"
#include "base/slice.h"

// First member of every item. Immutable while `refs` > 1.
struct pitem {
    int refs; // __atomic access only
    uint64_t hash;
    void (*free)(struct pitem *item);
};

struct pnode;

// All zero is the empty map.
struct pmap {
    struct pnode *root;
    int32_t count;
};

typedef bool pmap_match(const struct pitem *item, const void *key);

struct pitem *pitem_ref(struct pitem *item);
void pitem_unref(struct pitem *item); // NULL is a no-op

// Another owner of the same content.
struct pmap pmap_ref(const struct pmap *map);
void pmap_unref(struct pmap *map); // empties *map
// Borrowed; NULL when absent.
struct pitem *pmap_find(const struct pmap *map, uint64_t hash, pmap_match *match, const void *key);
// The same, after making the path to it this map's own: an item with refs == 1 may then be changed in place.
struct pitem *pmap_find_own(struct pmap *map, uint64_t hash, pmap_match *match, const void *key);
// Takes the caller's reference of `item`, replacing an item that matches `key`.
void pmap_put(struct pmap *map, struct pitem *item, pmap_match *match, const void *key);
// Whether there was one.
bool pmap_remove(struct pmap *map, uint64_t hash, pmap_match *match, const void *key);

// All items, in the order of their hashes (the same for the same content, but for equal hashes).
enum { PMAP_DEPTH_MAX = 14 };
struct pmap_iter {
    const struct pnode *path[PMAP_DEPTH_MAX];
    uint32_t position[PMAP_DEPTH_MAX];
    int depth;
};
struct pmap_iter pmap_iter(const struct pmap *map);
struct pitem *pmap_next(struct pmap_iter *iter); // NULL at the end

#endif
