// SPDX-License-Identifier: Apache-2.0
#include "broker/inventory.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/directories.h"
#include "broker/dynamic.h"

static uint64_t key_hash(const struct broker *broker, struct slice topic, int32_t index)
{
    return hash_u64(hash_bytes(broker->hash_seed, topic), (uint32_t)index);
}

static struct inventory_item *find(const struct broker *broker, const struct logdir *dir, bool is_future,
                                   struct slice topic, int32_t index)
{
    for (struct map_link *link = map_find(&broker->inventory.items, key_hash(broker, topic, index)); link != NULL;
         link = map_find_next(link)) {
        struct inventory_item *item = MAP_ITEM(link, struct inventory_item, in_map);
        bool is_same = item->found.partition == index && slice_eq(item->found.topic, topic) &&
                       (item->found.kind == PARTITION_DIR_FUTURE) == is_future;
        if (is_same && (dir == NULL || item->dir == dir)) return item;
    }
    return NULL;
}

// ---- taking ----------------------------------------------------------------------------------------------------

static void note(struct broker *broker, struct logdir *dir, const struct partition_dir *found)
{
    struct inventory_item *item = ARENA_NEW(&broker->inventory.arena, struct inventory_item);
    item->dir = dir;
    item->found = *found;
    env_random(broker->options.envs[0], item->stray_id.bytes, sizeof(item->stray_id.bytes)); // a task has no dice
    map_insert(&broker->inventory.items, &item->in_map, key_hash(broker, found->topic, found->partition));
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
    for (size_t i = 0; i < count; i++) {
        if (found[i].kind == PARTITION_DIR_LIVE || found[i].kind == PARTITION_DIR_FUTURE) {
            note(broker, dir, &found[i]);
        } else if (found[i].kind == PARTITION_DIR_DELETE) {
            struct inventory_parting *parting = ARENA_NEW(&broker->inventory.arena, struct inventory_parting);
            *parting = (struct inventory_parting){.dir = dir, .name = found[i].name};
            list_push_back(&broker->inventory.parting, &parting->link);
        }
    }
    return OK;
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
        // The live log and a copy of one partition are never in one directory.
        struct inventory_item *item = find(broker, dir, false, entries[i].topic, entries[i].partition);
        if (item == NULL) item = find(broker, dir, true, entries[i].topic, entries[i].partition);
        if (item != NULL) *(int64_t *)(void *)((char *)item + field) = entries[i].offset;
    }
    return OK;
}

static enum err take_dir(struct broker *broker, struct fs *fs, struct logdir *dir, struct text *problem)
{
    static const struct {
        const char *file;
        size_t field;
    } files[] = {{CHECKPOINT_RECOVERY_POINT, offsetof(struct inventory_item, recovery_point)},
                 {CHECKPOINT_LOG_START, offsetof(struct inventory_item, log_start)},
                 {CHECKPOINT_HIGH_WATERMARK, offsetof(struct inventory_item, high_watermark)},
                 {CHECKPOINT_CLEANER, offsetof(struct inventory_item, cleaned_to)}};
    enum err e = scan(broker, fs, dir, problem);
    for (size_t i = 0; i < COUNT_OF(files) && e == OK; i++)
        e = read_offsets(broker, fs, dir, files[i].file, files[i].field, problem);
    return e;
}

enum err inventory_take(struct broker *broker, struct text *problem)
{
    struct fs *fs = broker->options.envs[0]->fs;
    list_init(&broker->inventory.parting);
    for (int i = 0; i < broker->logdir_count; i++) {
        struct logdir *dir = broker->logdirs[i];
        if (logdir_is_offline(dir)) continue;
        struct text why = {0};
        enum err e = take_dir(broker, fs, dir, &why);
        bool ends_node = e == ERR_INVALID || dir == broker_metadata_dir(broker) || broker->logdir_count == 1;
        if (e != OK && ends_node)
            text_add(problem, text_slice(&why));
        else if (e != OK)
            logdir_take_offline(dir, e, text_cstr(&why));
        text_deinit(&why);
        if (e != OK && ends_node) return e;
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

// Kafka's words (LogManager.loadLog), and its refusal.
static enum err check_twins(const struct broker *broker, const struct inventory_item *item, struct text *problem)
{
    bool is_future = item->found.kind == PARTITION_DIR_FUTURE;
    for (int i = 0; i < broker->logdir_count; i++) {
        const struct logdir *dir = broker->logdirs[i];
        if (dir == item->dir || logdir_is_offline(dir)) continue;
        const struct inventory_item *twin = find(broker, dir, is_future, item->found.topic, item->found.partition);
        if (twin == NULL) continue;
        text_printf(problem,
                    "Duplicate log directories for %.*s-%d are found in both %s/%.*s and %s/%.*s. It is likely because "
                    "log directory failure happened while broker was replacing current replica with future replica. "
                    "Recover broker from this failure by manually deleting one of the two directories for this "
                    "partition. It is recommended to delete the partition in the log directory that is known to have "
                    "failed recently.",
                    SLICE_FMT(item->found.topic), item->found.partition, logdir_path(item->dir),
                    SLICE_FMT(item->found.name), logdir_path(dir), SLICE_FMT(twin->found.name));
        return ERR_INVALID;
    }
    return OK;
}

enum err inventory_set_strays_aside(struct broker *broker, struct fs *fs, const struct image *image,
                                    struct text *problem)
{
    MAP_EACH (link, &broker->inventory.items) {
        struct inventory_item *item = MAP_ITEM(link, struct inventory_item, in_map);
        if (logdir_is_offline(item->dir) || is_placed_here(broker, image, item)) continue;
        set_aside(broker, fs, item);
        map_remove(&broker->inventory.items, &item->in_map);
    }
    enum err e = OK;
    MAP_EACH (link, &broker->inventory.items) {
        const struct inventory_item *item = MAP_ITEM(link, struct inventory_item, in_map);
        if (e == OK && !logdir_is_offline(item->dir)) e = check_twins(broker, item, problem);
    }
    return e;
}

void inventory_remove_parting(struct broker *broker)
{
    int64_t delay_ms = dynamic_int(broker->shards[0], "log.segment.delete.delay.ms");
    int64_t first_ms = config_get_long(broker->config, "log.initial.task.delay.ms");
    if (delay_ms < first_ms) delay_ms = first_ms;
    LIST_EACH (link, &broker->inventory.parting) {
        const struct inventory_parting *parting = LIST_ITEM(link, struct inventory_parting, link);
        partition_remove_later(broker->shards[0], parting->dir, parting->name, delay_ms);
    }
}

static bool was_clean(const struct broker *broker, const struct logdir *dir)
{
    for (int i = 0; i < broker->logdir_count; i++)
        if (broker->logdirs[i] == dir) return broker->logdir_was_clean[i];
    return false;
}

static struct inventory_item *find_usable(const struct broker *broker, bool is_future,
                                          const struct partition_spec *spec)
{
    for (int i = 0; i < broker->logdir_count; i++) {
        if (logdir_is_offline(broker->logdirs[i])) continue;
        struct inventory_item *item = find(broker, broker->logdirs[i], is_future, spec->topic, spec->index);
        if (item != NULL && uuid_eq(item->found.topic_id, spec->topic_id)) return item;
    }
    return NULL;
}

static void take_item(const struct broker *broker, const struct inventory_item *item, struct partition_spec *spec)
{
    spec->exists = true;
    spec->dir = item->dir;
    spec->recovery_point = item->recovery_point;
    spec->log_start = item->log_start;
    spec->high_watermark = item->high_watermark;
    spec->cleaned_to = item->cleaned_to;
    spec->was_clean = was_clean(broker, item->dir);
}

void inventory_locate(struct shard *shard, const struct image_partition *partition, struct partition_spec *spec)
{
    const struct broker *broker = shard->broker;
    bool is_known = !shard->has_no_inventory;
    const struct inventory_item *live = is_known ? find_usable(broker, false, spec) : NULL;
    const struct inventory_item *copy = is_known ? find_usable(broker, true, spec) : NULL;
    if (live != NULL) {
        take_item(broker, live, spec);
    } else {
        spec->dir = directories_choose(shard, spec->topic, partition);
        if (copy == NULL || spec->dir == NULL) return; // with no directory, the replica is in one that is offline
        // It was on its way: the old directory is gone, so all of it is here (move_replica.h).
        take_item(broker, copy, spec);
        spec->is_promoted = true;
    }
    if (copy == NULL) return;
    spec->future_dir = copy->dir;
    spec->future_name = copy->found.name;
    spec->was_future_clean = was_clean(broker, copy->dir);
    spec->future_recovery_point = copy->recovery_point;
    spec->future_log_start = copy->log_start;
}
