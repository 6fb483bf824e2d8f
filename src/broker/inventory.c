// SPDX-License-Identifier: Apache-2.0
#include "broker/inventory.h"

#include "base/mem.h"
#include "broker/broker_int.h"

static uint64_t key_hash(const struct broker *broker, struct slice topic, int32_t index)
{
    return hash_u64(hash_bytes(broker->hash_seed, topic), (uint32_t)index);
}

static struct inventory_item *find(const struct broker *broker, const struct logdir *dir, struct slice topic,
                                   int32_t index)
{
    for (struct map_link *link = map_find(&broker->inventory.items, key_hash(broker, topic, index)); link != NULL;
         link = map_find_next(link)) {
        struct inventory_item *item = MAP_ITEM(link, struct inventory_item, in_map);
        if (item->found.partition == index && slice_eq(item->found.topic, topic) && (dir == NULL || item->dir == dir))
            return item;
    }
    return NULL;
}

// ---- taking ----------------------------------------------------------------------------------------------------

static enum err note_live(struct broker *broker, struct logdir *dir, const struct partition_dir *found,
                          struct text *problem)
{
    const struct inventory_item *twin = find(broker, NULL, found->topic, found->partition);
    if (twin != NULL) {
        text_printf(problem, "partition %.*s is in two log directories, %s and %s; move one of them away",
                    SLICE_FMT(found->name), logdir_path(twin->dir), logdir_path(dir));
        return ERR_INVALID;
    }
    struct inventory_item *item = ARENA_NEW(&broker->inventory.arena, struct inventory_item);
    item->dir = dir;
    item->found = *found;
    env_random(broker->options.envs[0], item->stray_id.bytes, sizeof(item->stray_id.bytes)); // a task has no dice
    map_insert(&broker->inventory.items, &item->in_map, key_hash(broker, found->topic, found->partition));
    return OK;
}

static enum err scan(struct broker *broker, struct fs *fs, struct logdir *dir, struct text *problem)
{
    struct partition_dir *found = NULL;
    size_t count = 0;
    const char *why = NULL;
    enum err e = logdir_scan(fs, dir, &broker->inventory.arena, &found, &count, &why);
    if (e != OK) {
        text_add_str(problem, why == NULL ? err_text(e) : why);
        return e;
    }
    for (size_t i = 0; i < count && e == OK; i++) {
        if (found[i].kind == PARTITION_DIR_LIVE) {
            e = note_live(broker, dir, &found[i], problem);
        } else if (found[i].kind == PARTITION_DIR_DELETE) {
            struct inventory_parting *parting = ARENA_NEW(&broker->inventory.arena, struct inventory_parting);
            *parting = (struct inventory_parting){.dir = dir, .name = found[i].name};
            list_push_back(&broker->inventory.parting, &parting->link);
        }
    }
    return e;
}

// One checkpoint file into one field of the items.
static enum err read_offsets(struct broker *broker, struct fs *fs, struct logdir *dir, const char *file, size_t field,
                             struct text *problem)
{
    struct arena *arena = &broker->inventory.arena;
    struct checkpoint_entry *entries = NULL;
    size_t count = 0;
    const char *path = arena_printf(arena, "%s/%s", logdir_path(dir), file);
    enum err e = checkpoint_load(fs, path, arena, &entries, &count);
    if (e != OK) {
        text_printf(problem, "%s: %s", path,
                    e == ERR_CORRUPT ? "is malformed; restore it, or remove it to recover every log from its beginning"
                                     : err_text(e));
        return e;
    }
    for (size_t i = 0; i < count; i++) {
        struct inventory_item *item = find(broker, dir, entries[i].topic, entries[i].partition);
        if (item != NULL) *(int64_t *)(void *)((char *)item + field) = entries[i].offset;
    }
    return OK;
}

enum err inventory_take(struct broker *broker, struct text *problem)
{
    struct fs *fs = broker->options.envs[0]->fs;
    list_init(&broker->inventory.parting);
    for (int i = 0; i < broker->logdir_count; i++) {
        struct logdir *dir = broker->logdirs[i];
        enum err e = scan(broker, fs, dir, problem);
        if (e == OK)
            e = read_offsets(broker, fs, dir, CHECKPOINT_RECOVERY_POINT,
                             offsetof(struct inventory_item, recovery_point), problem);
        if (e == OK)
            e = read_offsets(broker, fs, dir, CHECKPOINT_LOG_START, offsetof(struct inventory_item, log_start),
                             problem);
        if (e == OK)
            e = read_offsets(broker, fs, dir, CHECKPOINT_HIGH_WATERMARK,
                             offsetof(struct inventory_item, high_watermark), problem);
        if (e == OK)
            e = read_offsets(broker, fs, dir, CHECKPOINT_CLEANER, offsetof(struct inventory_item, cleaned_to), problem);
        if (e != OK) return e;
    }
    return OK;
}

void inventory_free(struct broker *broker)
{
    map_deinit(&broker->inventory.items);
    arena_deinit(&broker->inventory.arena);
    broker->inventory = (struct inventory){0};
}

// ---- using -----------------------------------------------------------------------------------------------------

static bool is_placed_here(const struct broker *broker, const struct image *image, const struct inventory_item *item)
{
    const struct image_topic *topic = image_topic_by_id(image, item->found.topic_id);
    if (!item->found.has_metadata || topic == NULL) return false;
    const struct image_partition *partition = image_partition_at(topic, item->found.partition);
    return partition != NULL && image_ids_contain(partition->replicas, broker->node_id);
}

// Deleted while the node was down, or never known: out of service under another name, never removed by itself (A2).
static void set_aside(struct broker *broker, struct fs *fs, const struct inventory_item *item)
{
    enum err e = logdir_make_stray(fs, item->dir, item->found.name, item->stray_id);
    log_warn(broker->log, "broker", "%s/%.*s belongs to no topic of this cluster: %s", logdir_path(item->dir),
             SLICE_FMT(item->found.name), e == OK ? "renamed to ...-stray" : err_text(e));
}

void inventory_set_strays_aside(struct broker *broker, struct fs *fs, const struct image *image)
{
    MAP_EACH (link, &broker->inventory.items) {
        struct inventory_item *item = MAP_ITEM(link, struct inventory_item, in_map);
        if (is_placed_here(broker, image, item)) continue;
        set_aside(broker, fs, item);
        map_remove(&broker->inventory.items, &item->in_map);
    }
}

void inventory_remove_parting(struct broker *broker)
{
    int64_t delay_ms = config_get_long(broker->config, "log.segment.delete.delay.ms");
    LIST_EACH (link, &broker->inventory.parting) {
        const struct inventory_parting *parting = LIST_ITEM(link, struct inventory_parting, link);
        partition_remove_later(broker->shards[0], parting->dir, parting->name, delay_ms);
    }
}

// The directory that metadata assigned, else the first that is online.
static struct logdir *choose_dir(const struct broker *broker, const struct image_partition *partition)
{
    struct logdir *online = NULL;
    for (int i = 0; i < broker->logdir_count; i++) {
        struct logdir *dir = broker->logdirs[i];
        if (logdir_is_offline(dir)) continue;
        if (online == NULL) online = dir;
        for (int32_t r = 0; r < partition->replicas.count && partition->directories != NULL; r++)
            if (partition->replicas.items[r] == broker->node_id && uuid_eq(partition->directories[r], logdir_id(dir)))
                return dir;
    }
    return online != NULL ? online : broker->logdirs[0];
}

void inventory_place(struct broker *broker, const struct image_partition *partition, struct partition_spec *spec)
{
    spec->dir = choose_dir(broker, partition);
}

void inventory_locate(struct broker *broker, const struct image_partition *partition, struct partition_spec *spec)
{
    const struct inventory_item *item = find(broker, NULL, spec->topic, spec->index);
    if (item == NULL || !uuid_eq(item->found.topic_id, spec->topic_id)) {
        spec->dir = choose_dir(broker, partition);
        return;
    }
    spec->exists = true;
    spec->dir = item->dir;
    spec->recovery_point = item->recovery_point;
    spec->log_start = item->log_start;
    spec->high_watermark = item->high_watermark;
    spec->cleaned_to = item->cleaned_to;
    for (int i = 0; i < broker->logdir_count; i++)
        if (broker->logdirs[i] == item->dir) spec->was_clean = broker->logdir_was_clean[i];
}
