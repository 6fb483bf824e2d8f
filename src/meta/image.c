// SPDX-License-Identifier: Apache-2.0
// Items of an image, and finding them. Every item is one block: its struct, then what its pointers point to.
#include "meta/image_int.h"

#include "base/map.h"
#include "base/mem.h"

enum { HASH_SEED = 0x0dd }; // of the maps; fixed, so equal logs give equal images

// ---- blocks -----------------------------------------------------------------------------------------------------

// Fills a block from the front; arrays come before strings, so everything stays aligned.
struct packer {
    uint8_t *at;
};

static size_t array_size(int32_t count, size_t size)
{
    return count <= 0 ? 0 : ((size_t)count * size + 7) & ~(size_t)7;
}

static void *pack(struct packer *p, const void *from, int32_t count, size_t size)
{
    if (count <= 0) return NULL;
    void *to = p->at;
    memcpy(to, from, (size_t)count * size);
    p->at += array_size(count, size);
    return to;
}

static struct slice pack_slice(struct packer *p, struct slice from)
{
    if (slice_is_null(from)) return from;
    struct slice to = slice_of(p->at, from.size);
    if (from.size > 0) memcpy(p->at, from.data, from.size);
    p->at += from.size;
    return to;
}

static void item_free(struct pitem *item)
{
    mem_free(item);
}

static struct pitem item_init(uint64_t hash)
{
    return (struct pitem){.refs = 1, .hash = hash, .free = item_free};
}

uint64_t image_uuid_hash(struct uuid id)
{
    return hash_bytes(HASH_SEED, slice_of(id.bytes, sizeof(id.bytes)));
}

uint64_t image_name_hash(struct slice name)
{
    return hash_bytes(HASH_SEED, name);
}

uint64_t image_resource_hash(int8_t type, struct slice name)
{
    return hash_bytes(HASH_SEED + (uint64_t)(uint8_t)type, name);
}

// Partitions and nodes are found by their number; partitions then lie in memory order of their lowest bits.
static uint64_t number_hash(int32_t number)
{
    return (uint32_t)number;
}

const struct image_rare image_rare_none = {0};

static void pack_ids(struct packer *p, struct image_ids *ids)
{
    ids->items = pack(p, ids->items, ids->count, sizeof(*ids->items));
}

static size_t ids_size(struct image_ids ids)
{
    return array_size(ids.count, sizeof(*ids.items));
}

static bool ids_eq(struct image_ids a, struct image_ids b)
{
    return a.count == b.count && (a.count == 0 || memcmp(a.items, b.items, (size_t)a.count * sizeof(*a.items)) == 0);
}

static size_t rare_size(const struct image_rare *rare)
{
    size_t ids =
        ids_size(rare->removing) + ids_size(rare->adding) + ids_size(rare->elr) + ids_size(rare->last_known_elr);
    return ids == 0 ? 0 : sizeof(*rare) + ids;
}

static const struct image_rare *pack_rare(struct packer *p, const struct image_rare *from)
{
    if (rare_size(from) == 0) return &image_rare_none;
    struct image_rare *rare = pack(p, from, 1, sizeof(*from));
    pack_ids(p, &rare->removing);
    pack_ids(p, &rare->adding);
    pack_ids(p, &rare->elr);
    pack_ids(p, &rare->last_known_elr);
    return rare;
}

struct image_partition *image_partition_make(const struct image_partition *from)
{
    bool all_in_sync = ids_eq(from->replicas, from->isr); // the usual case needs one list
    size_t size = sizeof(*from) + ids_size(from->replicas) + (all_in_sync ? 0 : ids_size(from->isr)) +
                  rare_size(from->rare) + array_size(from->replicas.count, sizeof(struct uuid));
    struct image_partition *to = mem_alloc(size);
    *to = *from;
    to->item = item_init(number_hash(from->index));
    struct packer p = {(uint8_t *)(to + 1)};
    to->directories = pack(&p, from->directories, from->replicas.count, sizeof(struct uuid));
    to->rare = pack_rare(&p, from->rare);
    pack_ids(&p, &to->replicas);
    if (all_in_sync)
        to->isr = to->replicas;
    else
        pack_ids(&p, &to->isr);
    return to;
}

static void topic_free(struct pitem *item)
{
    struct image_topic *topic = CONTAINER_OF(item, struct image_topic, item);
    pmap_unref(&topic->partitions);
    mem_free(topic);
}

struct image_topic *image_topic_make(struct slice name, struct uuid id)
{
    struct image_topic *topic = mem_alloc(sizeof(*topic) + name.size);
    *topic = (struct image_topic){.item = item_init(image_uuid_hash(id)), .id = id};
    topic->item.free = topic_free;
    struct packer p = {(uint8_t *)(topic + 1)};
    topic->name = pack_slice(&p, name);
    return topic;
}

struct image_topic *image_topic_clone(const struct image_topic *from)
{
    struct image_topic *topic = image_topic_make(from->name, from->id);
    topic->partitions = pmap_ref(&from->partitions);
    return topic;
}

struct image_node *image_node_make(const struct image_node *from)
{
    size_t size = sizeof(*from) + array_size(from->endpoint_count, sizeof(*from->endpoints)) +
                  array_size(from->feature_count, sizeof(*from->features)) +
                  array_size(from->log_dir_count, sizeof(*from->log_dirs)) +
                  array_size(from->cordoned_dir_count, sizeof(*from->cordoned_dirs)) + from->rack.size;
    for (int32_t i = 0; i < from->endpoint_count; i++)
        size += from->endpoints[i].name.size + from->endpoints[i].host.size;
    for (int32_t i = 0; i < from->feature_count; i++) size += from->features[i].name.size;
    struct image_node *to = mem_alloc(size);
    *to = *from;
    to->item = item_init(number_hash(from->id));
    struct packer p = {(uint8_t *)(to + 1)};
    struct image_endpoint *endpoints = pack(&p, from->endpoints, from->endpoint_count, sizeof(*from->endpoints));
    struct image_feature_range *features = pack(&p, from->features, from->feature_count, sizeof(*from->features));
    to->log_dirs = pack(&p, from->log_dirs, from->log_dir_count, sizeof(*from->log_dirs));
    to->cordoned_dirs = pack(&p, from->cordoned_dirs, from->cordoned_dir_count, sizeof(*from->cordoned_dirs));
    to->rack = pack_slice(&p, from->rack);
    for (int32_t i = 0; i < from->endpoint_count; i++) {
        endpoints[i].name = pack_slice(&p, endpoints[i].name);
        endpoints[i].host = pack_slice(&p, endpoints[i].host);
    }
    for (int32_t i = 0; i < from->feature_count; i++) features[i].name = pack_slice(&p, features[i].name);
    to->endpoints = endpoints;
    to->features = features;
    return to;
}

struct image_resource *image_resource_make(const struct image_resource *from)
{
    size_t size = sizeof(*from) + array_size(from->count, sizeof(*from->items)) + from->name.size;
    for (int32_t i = 0; i < from->count; i++) size += from->items[i].key.size + from->items[i].value.size;
    struct image_resource *to = mem_alloc(size);
    *to = *from;
    to->item = item_init(image_resource_hash(from->type, from->name));
    struct packer p = {(uint8_t *)(to + 1)};
    struct image_config *items = pack(&p, from->items, from->count, sizeof(*from->items));
    to->name = pack_slice(&p, from->name);
    for (int32_t i = 0; i < from->count; i++) {
        items[i].key = pack_slice(&p, items[i].key);
        items[i].value = pack_slice(&p, items[i].value);
    }
    to->items = items;
    return to;
}

// ---- matching ---------------------------------------------------------------------------------------------------

#define ITEM(item, type) ((const struct type *)(const void *)(item)) // `item` is every type's first member

static bool topic_matches(const struct pitem *item, const void *key)
{
    return uuid_eq(ITEM(item, image_topic)->id, *(const struct uuid *)key);
}

static bool name_matches(const struct pitem *item, const void *key)
{
    return slice_eq(ITEM(item, image_name)->name, *(const struct slice *)key);
}

static bool partition_matches(const struct pitem *item, const void *key)
{
    return ITEM(item, image_partition)->index == *(const int32_t *)key;
}

static bool node_matches(const struct pitem *item, const void *key)
{
    return ITEM(item, image_node)->id == *(const int32_t *)key;
}

struct resource_key {
    int8_t type;
    struct slice name;
};

static bool resource_matches(const struct pitem *item, const void *key)
{
    const struct resource_key *k = key;
    return ITEM(item, image_resource)->type == k->type && slice_eq(ITEM(item, image_resource)->name, k->name);
}

static bool feature_matches(const struct pitem *item, const void *key)
{
    return slice_eq(ITEM(item, image_feature)->name, *(const struct slice *)key);
}

struct other_key {
    int16_t type;
    struct slice key;
};

static bool other_matches(const struct pitem *item, const void *key)
{
    const struct other_key *k = key;
    return ITEM(item, image_other)->record_type == k->type && slice_eq(ITEM(item, image_other)->key, k->key);
}

// ---- life -------------------------------------------------------------------------------------------------------

struct image *image_new_empty(void)
{
    struct image *image = MEM_NEW(struct image);
    image->refs = 1;
    image->offset = -1;
    return image;
}

struct image *image_copy(const struct image *from)
{
    struct image *image = image_new_empty();
    // All but the count in front, which other loops change meanwhile.
    size_t shown = offsetof(struct image, offset);
    memcpy((uint8_t *)image + shown, (const uint8_t *)from + shown, sizeof(*image) - shown);
    image->topics = pmap_ref(&from->topics);
    image->topic_names = pmap_ref(&from->topic_names);
    image->brokers = pmap_ref(&from->brokers);
    image->controllers = pmap_ref(&from->controllers);
    image->resources = pmap_ref(&from->resources);
    image->features = pmap_ref(&from->features);
    image->quotas = pmap_ref(&from->quotas);
    image->others = pmap_ref(&from->others);
    return image;
}

// Counting is the only change an image sees once shown, so the const goes here and nowhere else.
static int *image_refs(const struct image *image)
{
    return (int *)(uintptr_t)&image->refs;
}

struct image *image_ref(const struct image *image)
{
    __atomic_add_fetch(image_refs(image), 1, __ATOMIC_RELAXED);
    return (struct image *)(uintptr_t)image;
}

void image_unref(const struct image *shared)
{
    if (shared == NULL || __atomic_sub_fetch(image_refs(shared), 1, __ATOMIC_ACQ_REL) != 0) return;
    struct image *image = (struct image *)(uintptr_t)shared;
    pmap_unref(&image->topics);
    pmap_unref(&image->topic_names);
    pmap_unref(&image->brokers);
    pmap_unref(&image->controllers);
    pmap_unref(&image->resources);
    pmap_unref(&image->features);
    pmap_unref(&image->quotas);
    pmap_unref(&image->others);
    mem_free(image);
}

// ---- looking up -------------------------------------------------------------------------------------------------

bool image_ids_contain(struct image_ids ids, int32_t id)
{
    for (int32_t i = 0; i < ids.count; i++)
        if (ids.items[i] == id) return true;
    return false;
}

const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id)
{
    return ITEM(pmap_find(&image->topics, image_uuid_hash(id), topic_matches, &id), image_topic);
}

const struct image_topic *image_topic_by_name(const struct image *image, struct slice name)
{
    const struct pitem *found = pmap_find(&image->topic_names, image_name_hash(name), name_matches, &name);
    return found == NULL ? NULL : image_topic_by_id(image, ITEM(found, image_name)->id);
}

const struct image_partition *image_partition_at(const struct image_topic *topic, int32_t index)
{
    return ITEM(pmap_find(&topic->partitions, number_hash(index), partition_matches, &index), image_partition);
}

const struct image_partition *image_partition(const struct image *image, struct slice topic, int32_t index)
{
    const struct image_topic *found = image_topic_by_name(image, topic);
    return found == NULL ? NULL : image_partition_at(found, index);
}

const struct image_node *image_broker(const struct image *image, int32_t id)
{
    return ITEM(pmap_find(&image->brokers, number_hash(id), node_matches, &id), image_node);
}

const struct image_node *image_controller(const struct image *image, int32_t id)
{
    return ITEM(pmap_find(&image->controllers, number_hash(id), node_matches, &id), image_node);
}

const struct image_resource *image_resource(const struct image *image, int8_t type, struct slice name)
{
    struct resource_key key = {type, name};
    return ITEM(pmap_find(&image->resources, image_resource_hash(type, name), resource_matches, &key), image_resource);
}

struct slice image_config(const struct image *image, int8_t type, struct slice name, const char *key)
{
    const struct image_resource *resource = image_resource(image, type, name);
    for (int32_t i = 0; resource != NULL && i < resource->count; i++)
        if (slice_eq_str(resource->items[i].key, key)) return resource->items[i].value;
    return SLICE_NULL;
}

int16_t image_feature_level(const struct image *image, const char *text)
{
    struct slice name = slice_str(text);
    const struct pitem *found = pmap_find(&image->features, image_name_hash(name), feature_matches, &name);
    return found == NULL ? 0 : ITEM(found, image_feature)->level;
}

const struct image_endpoint *image_endpoint(const struct image_node *node, struct slice listener)
{
    for (int32_t i = 0; i < node->endpoint_count; i++)
        if (slice_eq(node->endpoints[i].name, listener)) return &node->endpoints[i];
    return NULL;
}

const struct image_topic *image_next_topic(struct pmap_iter *iter)
{
    return ITEM(pmap_next(iter), image_topic);
}

const struct image_node *image_next_node(struct pmap_iter *iter)
{
    return ITEM(pmap_next(iter), image_node);
}

const struct image_resource *image_next_resource(struct pmap_iter *iter)
{
    return ITEM(pmap_next(iter), image_resource);
}

const struct image_feature *image_next_feature(struct pmap_iter *iter)
{
    return ITEM(pmap_next(iter), image_feature);
}

const struct image_other *image_next_other(struct pmap_iter *iter)
{
    return ITEM(pmap_next(iter), image_other);
}

// ---- changing an image that nobody else sees yet ----------------------------------------------------------------

void image_put_topic(struct image *image, struct slice name, struct uuid id)
{
    struct image_topic *topic = image_topic_make(name, id);
    pmap_put(&image->topics, &topic->item, topic_matches, &id);
    struct image_name *entry = mem_alloc(sizeof(*entry) + name.size);
    *entry = (struct image_name){.item = item_init(image_name_hash(name)), .id = id};
    struct packer p = {(uint8_t *)(entry + 1)};
    entry->name = pack_slice(&p, name);
    pmap_put(&image->topic_names, &entry->item, name_matches, &name);
}

struct image_topic *image_own_topic(struct image *image, struct uuid id)
{
    uint64_t hash = image_uuid_hash(id);
    struct pitem *found = pmap_find_own(&image->topics, hash, topic_matches, &id);
    if (found == NULL) return NULL;
    struct image_topic *topic = CONTAINER_OF(found, struct image_topic, item);
    if (__atomic_load_n(&found->refs, __ATOMIC_ACQUIRE) == 1) return topic;
    struct image_topic *own = image_topic_clone(topic);
    pmap_put(&image->topics, &own->item, topic_matches, &id);
    return own;
}

void image_put_partition(struct image_topic *topic, const struct image_partition *from)
{
    struct image_partition *partition = image_partition_make(from);
    pmap_put(&topic->partitions, &partition->item, partition_matches, &partition->index);
}

void image_remove_topic(struct image *image, const struct image_topic *topic)
{
    struct uuid id = topic->id;
    struct slice name = topic->name;
    image->partition_count -= topic->partitions.count;
    image_remove_resource(image, IMAGE_RESOURCE_TOPIC, name);
    pmap_remove(&image->topic_names, image_name_hash(name), name_matches, &name);
    pmap_remove(&image->topics, image_uuid_hash(id), topic_matches, &id); // last: `topic` may go with it
}

void image_put_node(struct image *image, const struct image_node *from)
{
    struct image_node *node = image_node_make(from);
    pmap_put(node->is_controller ? &image->controllers : &image->brokers, &node->item, node_matches, &node->id);
}

bool image_remove_node(struct image *image, bool is_controller, int32_t id)
{
    return pmap_remove(is_controller ? &image->controllers : &image->brokers, number_hash(id), node_matches, &id);
}

void image_remove_resource(struct image *image, int8_t type, struct slice name)
{
    struct resource_key key = {type, name};
    pmap_remove(&image->resources, image_resource_hash(type, name), resource_matches, &key);
}

void image_set_config(struct image *image, int8_t type, struct slice name, struct slice key, struct slice value)
{
    const struct image_resource *old = image_resource(image, type, name);
    int32_t old_count = old == NULL ? 0 : old->count;
    struct image_config *items = mem_alloc(((size_t)old_count + 1) * sizeof(*items));
    int32_t count = 0;
    bool is_placed = slice_is_null(value);
    for (int32_t i = 0; i < old_count; i++) {
        int order = slice_cmp(old->items[i].key, key);
        if (order > 0 && !is_placed) {
            items[count++] = (struct image_config){key, value};
            is_placed = true;
        }
        if (order != 0) items[count++] = old->items[i];
    }
    if (!is_placed) items[count++] = (struct image_config){key, value};
    if (count == 0) {
        image_remove_resource(image, type, name);
    } else {
        struct image_resource *made =
            image_resource_make(&(struct image_resource){.type = type, .name = name, .items = items, .count = count});
        struct resource_key at = {type, name};
        pmap_put(&image->resources, &made->item, resource_matches, &at);
    }
    mem_free(items);
}

void image_set_feature(struct image *image, struct slice name, int16_t level)
{
    if (level == 0) {
        pmap_remove(&image->features, image_name_hash(name), feature_matches, &name);
        return;
    }
    struct image_feature *feature = mem_alloc(sizeof(*feature) + name.size);
    *feature = (struct image_feature){.item = item_init(image_name_hash(name)), .level = level};
    struct packer p = {(uint8_t *)(feature + 1)};
    feature->name = pack_slice(&p, name);
    pmap_put(&image->features, &feature->item, feature_matches, &name);
}

void image_put_other(struct image *image, int16_t record_type, struct slice key, struct slice value)
{
    struct image_other *other = mem_alloc(sizeof(*other) + key.size + value.size);
    *other = (struct image_other){.item = item_init(image_name_hash(key)), .record_type = record_type};
    struct packer p = {(uint8_t *)(other + 1)};
    other->key = pack_slice(&p, key);
    other->value = pack_slice(&p, value);
    struct other_key at = {record_type, key};
    pmap_put(&image->others, &other->item, other_matches, &at);
}

bool image_has_other(const struct image *image, int16_t record_type, struct slice key)
{
    struct other_key at = {record_type, key};
    return pmap_find(&image->others, image_name_hash(key), other_matches, &at) != NULL;
}

bool image_remove_other(struct image *image, int16_t record_type, struct slice key)
{
    struct other_key at = {record_type, key};
    return pmap_remove(&image->others, image_name_hash(key), other_matches, &at);
}

// ---- directories ---------------------------------------------------------------------------------------------

struct uuid image_directory_of(const struct image_partition *partition, int32_t broker_id)
{
    for (int32_t i = 0; i < partition->replicas.count && partition->directories != NULL; i++)
        if (partition->replicas.items[i] == broker_id) return partition->directories[i];
    return (struct uuid){.bytes = {[15] = 1}};
}

bool image_has_directory(const struct image_node *broker, struct uuid directory)
{
    static const struct uuid lost = {.bytes = {[15] = 2}};
    if (broker->log_dir_count == 0) return true; // registered before directories had ids
    if (uuid_eq(directory, lost)) return false;
    if (uuid_is_reserved(directory)) return true;
    for (int32_t i = 0; i < broker->log_dir_count; i++)
        if (uuid_eq(broker->log_dirs[i], directory)) return true;
    return false;
}
