// SPDX-License-Identifier: Apache-2.0
// What groups have committed, per topic and partition. A commit inside a transaction is uncertain until its producer's
// marker: then it counts if nothing newer was committed meanwhile (compaction may have taken what stood between).
#include "coord/group_int.h"

#include "base/mem.h"

static void free_offset(struct group_offset *offset)
{
    if (offset == NULL) return;
    group_disown(&offset->metadata);
    mem_free(offset);
}

// ---- topics ------------------------------------------------------------------------------------------------------

struct group_topic *group_topic_find(const struct group *group, struct slice name)
{
    uint64_t hash = group_hash(group->state, name);
    for (struct map_link *l = map_find(&group->topics_by_name, hash); l != NULL; l = map_find_next(l)) {
        struct group_topic *topic = MAP_ITEM(l, struct group_topic, by_name);
        if (slice_eq(topic->name, name)) return topic;
    }
    return NULL;
}

static struct group_topic *topic_get(struct group *group, struct slice name)
{
    struct group_topic *topic = group_topic_find(group, name);
    if (topic != NULL) return topic;
    topic = MEM_NEW(struct group_topic);
    topic->name = group_own(name);
    list_push_back(&group->topics, &topic->link);
    map_insert(&group->topics_by_name, &topic->by_name, group_hash(group->state, name));
    return topic;
}

static void topic_free(struct group *group, struct group_topic *topic)
{
    list_remove(&topic->link);
    map_remove(&group->topics_by_name, &topic->by_name);
    mem_free(topic->positions);
    group_disown(&topic->name);
    mem_free(topic);
}

// Index of the partition, or where it would stand.
static int32_t index_of(const struct group_topic *topic, int32_t partition)
{
    int32_t low = 0;
    int32_t high = topic->count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (topic->positions[middle].partition < partition)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct group_position *position_at(const struct group_topic *topic, int32_t partition)
{
    int32_t i = index_of(topic, partition);
    return i < topic->count && topic->positions[i].partition == partition ? &topic->positions[i] : NULL;
}

struct group_position *group_position_find(const struct group *group, struct slice topic, int32_t partition)
{
    struct group_topic *found = group_topic_find(group, topic);
    return found == NULL ? NULL : position_at(found, partition);
}

static struct group_position *position_get(struct group_topic *topic, int32_t partition)
{
    struct group_position *found = position_at(topic, partition);
    if (found != NULL) return found;
    if (topic->count == topic->capacity) {
        topic->capacity = topic->capacity == 0 ? 1 : 2 * topic->capacity;
        topic->positions = mem_realloc(topic->positions, (size_t)topic->capacity * sizeof(*topic->positions));
    }
    int32_t i = index_of(topic, partition);
    struct group_position *at = &topic->positions[i];
    memmove(at + 1, at, (size_t)(topic->count - i) * sizeof(*at));
    topic->count++;
    *at = (struct group_position){.partition = partition};
    return at;
}

// A position that says nothing any more goes, and with the last one its topic.
static void tidy_up(struct group *group, struct group_topic *topic, int32_t partition)
{
    struct group_position *at = position_at(topic, partition);
    if (at->committed != NULL || at->uncertain != NULL) return;
    topic->count--;
    memmove(at, at + 1, (size_t)(&topic->positions[topic->count] - at) * sizeof(*at));
    if (topic->count == 0) topic_free(group, topic);
}

// ---- uncertain commits -------------------------------------------------------------------------------------------

static struct group_producer *producer_find(const struct group_state *state, int64_t producer_id)
{
    uint64_t hash = hash_u64(state->seed, (uint64_t)producer_id);
    for (struct map_link *l = map_find(&state->producers, hash); l != NULL; l = map_find_next(l))
        if (MAP_ITEM(l, struct group_producer, by_id)->producer_id == producer_id)
            return MAP_ITEM(l, struct group_producer, by_id);
    return NULL;
}

static struct group_producer *producer_get(struct group_state *state, int64_t producer_id)
{
    struct group_producer *producer = producer_find(state, producer_id);
    if (producer != NULL) return producer;
    producer = MEM_NEW(struct group_producer);
    producer->producer_id = producer_id;
    list_init(&producer->uncertain);
    map_insert(&state->producers, &producer->by_id, hash_u64(state->seed, (uint64_t)producer_id));
    return producer;
}

static void producer_tidy_up(struct group_state *state, int64_t producer_id)
{
    struct group_producer *producer = producer_find(state, producer_id);
    if (producer == NULL || !list_is_empty(&producer->uncertain)) return;
    map_remove(&state->producers, &producer->by_id);
    mem_free(producer);
}

// Takes it out of its partition and its producer's list; the offset is left to the caller.
static struct group_offset *uncertain_free(struct group_uncertain *item)
{
    struct group_position *position = position_at(item->topic, item->partition);
    struct group_uncertain **at = &position->uncertain;
    while (*at != item) at = &(*at)->next;
    *at = item->next;
    list_remove(&item->by_producer);
    item->group->uncertain_count--;
    struct group_offset *offset = item->offset;
    mem_free(item);
    return offset;
}

static void put_uncertain(struct group *group, struct group_topic *topic, int32_t partition, int64_t producer_id,
                          struct group_offset *offset)
{
    struct group_position *position = position_get(topic, partition);
    for (struct group_uncertain *item = position->uncertain; item != NULL; item = item->next) {
        if (item->producer_id != producer_id) continue;
        free_offset(item->offset);
        item->offset = offset;
        return;
    }
    struct group_uncertain *item = MEM_NEW(struct group_uncertain);
    *item = (struct group_uncertain){.group = group,
                                     .topic = topic,
                                     .partition = partition,
                                     .producer_id = producer_id,
                                     .offset = offset,
                                     .next = position->uncertain};
    position->uncertain = item;
    group->uncertain_count++;
    list_push_back(&producer_get(group->state, producer_id)->uncertain, &item->by_producer);
}

static void settle(struct group_uncertain *item, bool is_commit)
{
    struct group *group = item->group;
    struct group_topic *topic = item->topic;
    int32_t partition = item->partition;
    struct group_offset *offset = uncertain_free(item);
    struct group_position *position = position_at(topic, partition);
    if (is_commit && (position->committed == NULL || position->committed->order < offset->order)) {
        free_offset(position->committed);
        position->committed = offset;
        return;
    }
    free_offset(offset);
    tidy_up(group, topic, partition);
}

void group_end_transaction(struct group_state *state, int64_t producer_id, bool is_commit)
{
    struct group_producer *producer = producer_find(state, producer_id);
    if (producer == NULL) return; // its commits are for other partitions
    for (struct list *link; (link = list_first(&producer->uncertain)) != NULL;)
        settle(LIST_ITEM(link, struct group_uncertain, by_producer), is_commit);
    producer_tidy_up(state, producer_id);
}

// ---- storing -----------------------------------------------------------------------------------------------------

void group_position_put(struct group *group, struct slice topic, int32_t partition, int64_t producer_id,
                        struct group_offset *take_offset)
{
    struct group_topic *at = topic_get(group, topic);
    if (producer_id >= 0) {
        put_uncertain(group, at, partition, producer_id, take_offset);
        return;
    }
    struct group_position *position = position_get(at, partition);
    free_offset(position->committed);
    position->committed = take_offset;
}

static void drop_position(struct group *group, struct group_topic *topic, int32_t partition)
{
    struct group_position *position = position_at(topic, partition);
    if (position == NULL) return;
    while (position->uncertain != NULL) {
        int64_t producer_id = position->uncertain->producer_id;
        free_offset(uncertain_free(position->uncertain));
        producer_tidy_up(group->state, producer_id);
    }
    free_offset(position->committed);
    position->committed = NULL;
    tidy_up(group, topic, partition);
}

void group_position_remove(struct group *group, struct slice topic, int32_t partition)
{
    struct group_topic *found = group_topic_find(group, topic);
    if (found != NULL) drop_position(group, found, partition);
}

void group_positions_free(struct group *group)
{
    for (struct list *link; (link = list_first(&group->topics)) != NULL;) {
        struct group_topic *topic = LIST_ITEM(link, struct group_topic, link);
        drop_position(group, topic, topic->positions[0].partition);
    }
    map_deinit(&group->topics_by_name);
}
