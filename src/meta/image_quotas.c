// SPDX-License-Identifier: Apache-2.0
// Quotas of users, clients and addresses, by whom they are for.
#include "base/map.h"
#include "base/mem.h"
#include "meta/image_int.h"

struct quota_key {
    const struct image_quota_part *parts;
    int32_t count;
};

static uint64_t hash_of(const struct image_quota_part *parts, int32_t count)
{
    uint64_t hash = (uint64_t)count;
    for (int32_t i = 0; i < count; i++) {
        hash = hash_bytes(hash, parts[i].type);
        // A default is not the entity with the empty name.
        hash = hash_bytes(hash + slice_is_null(parts[i].name), parts[i].name);
    }
    return hash;
}

static bool is_same(struct slice a, struct slice b)
{
    return slice_is_null(a) == slice_is_null(b) && slice_eq(a, b);
}

static bool quota_matches(const struct pitem *item, const void *context)
{
    const struct image_quota *quota = CONTAINER_OF(item, const struct image_quota, item);
    const struct quota_key *key = context;
    if (quota->part_count != key->count) return false;
    for (int32_t i = 0; i < key->count; i++)
        if (!slice_eq(quota->parts[i].type, key->parts[i].type) || !is_same(quota->parts[i].name, key->parts[i].name))
            return false;
    return true;
}

void image_quota_sort(struct image_quota_part *parts, int32_t part_count)
{
    for (int32_t i = 1; i < part_count; i++)
        for (int32_t k = i; k > 0; k--) {
            if (slice_cmp(parts[k - 1].type, parts[k].type) <= 0) break;
            struct image_quota_part part = parts[k];
            parts[k] = parts[k - 1];
            parts[k - 1] = part;
        }
}

const struct image_quota *image_quota(const struct image *image, const struct image_quota_part *parts,
                                      int32_t part_count)
{
    struct quota_key key = {parts, part_count};
    struct pitem *found = pmap_find(&image->quotas, hash_of(parts, part_count), quota_matches, &key);
    return found == NULL ? NULL : CONTAINER_OF(found, const struct image_quota, item);
}

bool image_quota_value(const struct image_quota *quota, struct slice key, double *out)
{
    for (int32_t i = 0; quota != NULL && i < quota->count; i++) {
        if (!slice_eq(quota->values[i].key, key)) continue;
        *out = quota->values[i].value;
        return true;
    }
    return false;
}

const struct image_quota *image_next_quota(struct pmap_iter *iter)
{
    struct pitem *item = pmap_next(iter);
    return item == NULL ? NULL : CONTAINER_OF(item, const struct image_quota, item);
}

// ---- changing ---------------------------------------------------------------------------------------------------

static void quota_free(struct pitem *item)
{
    mem_free(CONTAINER_OF(item, struct image_quota, item));
}

static struct slice packed(uint8_t **at, struct slice from)
{
    if (slice_is_null(from)) return from;
    struct slice to = slice_of(*at, from.size);
    if (from.size > 0) memcpy(*at, from.data, from.size);
    *at += from.size;
    return to;
}

// One block: the struct, parts, values, then the texts.
static struct image_quota *quota_make(const struct image_quota_part *parts, int32_t part_count,
                                      const struct image_quota_value *values, int32_t count)
{
    size_t size = sizeof(struct image_quota) + (size_t)part_count * sizeof(*parts) + (size_t)count * sizeof(*values);
    for (int32_t i = 0; i < part_count; i++) size += parts[i].type.size + parts[i].name.size;
    for (int32_t i = 0; i < count; i++) size += values[i].key.size;
    struct image_quota *quota = mem_alloc(size);
    struct image_quota_part *to_parts = (struct image_quota_part *)(void *)(quota + 1);
    struct image_quota_value *to_values = (struct image_quota_value *)(void *)(to_parts + part_count);
    uint8_t *at = (uint8_t *)(to_values + count);
    *quota = (struct image_quota){.item = {.refs = 1, .hash = hash_of(parts, part_count), .free = quota_free},
                                  .parts = to_parts,
                                  .part_count = part_count,
                                  .values = to_values,
                                  .count = count};
    for (int32_t i = 0; i < part_count; i++)
        to_parts[i] = (struct image_quota_part){packed(&at, parts[i].type), packed(&at, parts[i].name)};
    for (int32_t i = 0; i < count; i++)
        to_values[i] = (struct image_quota_value){packed(&at, values[i].key), values[i].value};
    return quota;
}

void image_set_quota(struct image *image, const struct image_quota_part *parts, int32_t part_count, struct slice key,
                     double value, bool remove)
{
    const struct image_quota *old = image_quota(image, parts, part_count);
    int32_t old_count = old == NULL ? 0 : old->count;
    struct image_quota_value *values = mem_alloc(((size_t)old_count + 1) * sizeof(*values));
    int32_t count = 0;
    bool is_placed = remove;
    for (int32_t i = 0; i < old_count; i++) {
        int order = slice_cmp(old->values[i].key, key);
        if (order > 0 && !is_placed) {
            values[count++] = (struct image_quota_value){key, value};
            is_placed = true;
        }
        if (order != 0) values[count++] = old->values[i];
    }
    if (!is_placed) values[count++] = (struct image_quota_value){key, value};
    struct quota_key at = {parts, part_count};
    if (count > 0) {
        struct image_quota *made = quota_make(parts, part_count, values, count);
        pmap_put(&image->quotas, &made->item, quota_matches, &at);
    } else if (old != NULL) {
        pmap_remove(&image->quotas, old->item.hash, quota_matches, &at);
    }
    mem_free(values);
}
