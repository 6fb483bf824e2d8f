// SPDX-License-Identifier: Apache-2.0
#include "broker/topics.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/coordinators.h"
#include "broker/dynamic.h"
#include "broker/inventory.h"
#include "broker/partition.h"

static uint64_t id_hash(const struct shard *shard, const struct uuid *id)
{
    return hash_bytes(shard->broker->hash_seed, slice_of(id->bytes, sizeof(id->bytes)));
}

struct topic *topic_by_id(struct shard *shard, struct uuid id)
{
    for (struct map_link *link = map_find(&shard->topics, id_hash(shard, &id)); link != NULL;
         link = map_find_next(link)) {
        struct topic *topic = MAP_ITEM(link, struct topic, in_shard);
        if (uuid_eq(topic->id, id)) return topic;
    }
    return NULL;
}

struct topic *topic_by_name(struct shard *shard, struct slice name)
{
    const struct image_topic *found = image_topic_by_name(shard->image, name);
    return found == NULL ? NULL : topic_by_id(shard, found->id);
}

// ---- settings --------------------------------------------------------------------------------------------------

struct config_pairs image_config_pairs(const struct image *image, int8_t type, struct slice name, struct arena *arena)
{
    const struct image_resource *resource = image_resource(image, type, name);
    if (resource == NULL) return (struct config_pairs){0};
    struct config_pair *pairs = ARENA_ARRAY(arena, struct config_pair, resource->count);
    for (int32_t i = 0; i < resource->count; i++)
        pairs[i] = (struct config_pair){resource->items[i].key, resource->items[i].value};
    return (struct config_pairs){.items = pairs, .count = (size_t)resource->count};
}

struct config_dynamic image_dynamic(const struct image *image, int32_t node_id, struct arena *arena)
{
    struct slice name = slice_str(arena_printf(arena, "%d", node_id));
    return (struct config_dynamic){.broker = image_config_pairs(image, IMAGE_RESOURCE_BROKER, name, arena),
                                   .cluster = image_config_pairs(image, IMAGE_RESOURCE_BROKER, SLICE(""), arena)};
}

static void resolve(struct shard *shard, struct topic *topic)
{
    struct arena arena = {0};
    struct config_dynamic dynamic = image_dynamic(shard->image, shard->broker->node_id, &arena);
    struct config_pairs overrides = image_config_pairs(shard->image, IMAGE_RESOURCE_TOPIC, topic->name, &arena);
    topic_config_resolve(shard->broker->config, &dynamic, overrides, &topic->config);
    arena_deinit(&arena);
}

// Each partition draws its own jitter, so that segments of one age do not all roll at once.
static struct plog_options options_of(struct shard *shard, const struct topic_config *config)
{
    uint64_t random = 0;
    int64_t jitter_ms = config->segment_jitter_ms < config->segment_ms ? config->segment_jitter_ms : config->segment_ms;
    if (jitter_ms > 0) env_random(shard->env, &random, sizeof(random));
    return (struct plog_options){
        .segment_bytes = config->segment_bytes,
        // A record must not stay in the active segment, which is never compacted, longer than it may stay uncompacted.
        .segment_ms = config->cleanup_compact && config->max_compaction_lag_ms < config->segment_ms
                          ? config->max_compaction_lag_ms
                          : config->segment_ms,
        .segment_jitter_ms = jitter_ms > 0 ? (int64_t)(random % (uint64_t)jitter_ms) : 0,
        .index_interval_bytes = config->index_interval_bytes,
        .index_bytes_max = config->segment_index_bytes,
        .flush_messages = config->flush_messages,
        .flush_ms = config->flush_ms,
        .file_delete_delay_ms = config->file_delete_delay_ms,
        .preallocate = config->preallocate,
        .durability = config->durability == DURABILITY_COMMIT ? PLOG_COMMIT : PLOG_PAGE_CACHE,
        .has_producers = true,
    };
}

static void reconfigure(struct shard *shard, struct topic *topic)
{
    resolve(shard, topic);
    const struct image_topic *in_image = image_topic_by_id(shard->image, topic->id);
    if (in_image == NULL) return;
    for (int32_t index = 0; index < image_topic_partition_count(in_image); index++) {
        struct partition *partition = partition_find(shard, topic->id, index);
        if (partition == NULL) continue;
        struct plog_options options = options_of(shard, &topic->config);
        partition_configure(partition, &options);
    }
}

// ---- topics ----------------------------------------------------------------------------------------------------

static void add_topic(struct shard *shard, const struct image_topic *created)
{
    struct topic *topic = MEM_NEW(struct topic);
    topic->shared = topic_name_new(created->name);
    topic->name = slice_str(topic->shared->text);
    topic->id = created->id;
    map_insert(&shard->topics, &topic->in_shard, id_hash(shard, &topic->id));
    resolve(shard, topic);
}

static void free_topic(struct shard *shard, struct topic *topic)
{
    map_remove(&shard->topics, &topic->in_shard);
    topic_name_unref(topic->shared);
    mem_free(topic);
}

static void apply_topics(struct shard *shard, const struct image_delta *delta)
{
    for (int32_t i = 0; i < delta->topic_count; i++)
        if (delta->topics[i].before == NULL) add_topic(shard, delta->topics[i].after);
}

static void apply_removed_topics(struct shard *shard, const struct image_delta *delta)
{
    for (int32_t i = 0; i < delta->topic_count; i++) {
        if (delta->topics[i].after != NULL) continue;
        struct topic *topic = topic_by_id(shard, delta->topics[i].before->id);
        if (topic != NULL) free_topic(shard, topic);
    }
}

static void apply_settings(struct shard *shard, const struct image_delta *delta)
{
    bool of_brokers = false;
    for (int32_t i = 0; i < delta->resource_count; i++) {
        const struct image_resource_change *change = &delta->resources[i];
        of_brokers |= change->type == IMAGE_RESOURCE_BROKER;
        if (change->type != IMAGE_RESOURCE_TOPIC) continue;
        struct topic *topic = topic_by_name(shard, change->name);
        if (topic != NULL) reconfigure(shard, topic);
    }
    if (!of_brokers) return;
    dynamic_refresh(shard);
    MAP_EACH (link, &shard->topics) reconfigure(shard, MAP_ITEM(link, struct topic, in_shard));
}

// ---- partitions ------------------------------------------------------------------------------------------------

static void open_partition(struct shard *shard, const struct image_partition_change *change,
                           void (*opened)(void *context), void *context)
{
    const struct topic *topic = topic_by_id(shard, change->after->topic_id);
    ASSERT(topic != NULL);
    struct partition_spec spec = {.topic_id = topic->id,
                                  .topic = topic->name,
                                  .name = topic->shared,
                                  .index = change->after->index,
                                  .leader_epoch = change->after->leader_epoch,
                                  .options = options_of(shard, &topic->config)};
    inventory_locate(shard, change->after, &spec);
    partition_open(shard, &spec, opened, context);
}

int topics_apply(struct shard *shard, struct image *image, struct image_delta *delta, void (*opened)(void *context),
                 void *context)
{
    image_unref(shard->image);
    shard->image = image_ref(image);
    apply_topics(shard, delta);
    apply_settings(shard, delta);
    if (delta->quotas_changed) quotas_apply(shard, image);
    telemetry_apply(&shard->telemetry, delta);
    int opens = 0;
    for (int32_t i = 0; i < delta->partition_count; i++) {
        const struct image_partition_change *change = &delta->partitions[i];
        const struct image_partition *which = change->after != NULL ? change->after : change->before;
        if (shard_of_partition(shard->broker, which->topic_id.bytes, which->index) != shard) continue;
        struct partition *partition = partition_find(shard, which->topic_id, which->index);
        if (change->after == NULL) {
            // The node's delay for whole directories, as Kafka's: a topic's own is for the files of a log that stays.
            if (partition != NULL) partition_delete(partition, dynamic_int(shard, "log.segment.delete.delay.ms"));
        } else if (partition != NULL) {
            partition_lead(partition, change->after->leader_epoch);
            coordinators_update(partition);
            partition_check_directory(partition);
        } else if (image_ids_contain(change->after->replicas, shard->broker->node_id) && !shard->stopping) {
            open_partition(shard, change, opened, context);
            opens++;
        }
    }
    apply_removed_topics(shard, delta);
    coordinators_image_changed(shard, delta);
    return opens;
}

void topics_free(struct shard *shard)
{
    MAP_EACH (link, &shard->topics) free_topic(shard, MAP_ITEM(link, struct topic, in_shard));
    map_deinit(&shard->topics);
}
