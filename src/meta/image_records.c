// SPDX-License-Identifier: Apache-2.0
// An image as the records that make it again: the content of a snapshot, in the order Kafka writes one
// (kafka-internals A10).
#include "meta/image.h"
#include "meta/records.h"
#include "proto/access_control_entry_record.h"
#include "proto/client_quota_record.h"
#include "proto/delegation_token_record.h"
#include "proto/user_scram_credential_record.h"

struct writer {
    const struct image *image;
    struct arena *arena;
    struct metadata_records *records;
    int16_t metadata_version;
};

#define SET_IDS(field, ids) ((field).items = (int32_t *)(uintptr_t)(ids).items, (field).count = (ids).count)
#define SET_UUIDS(field, uuids, n) ((field).items = (struct uuid *)(uintptr_t)(uuids), (field).count = (n))

static void write_feature(struct writer *w, const struct image_feature *feature)
{
    struct feature_level_record record = feature_level_record_init();
    record.name = feature->name;
    record.feature_level = feature->level;
    METADATA_ADD(w->records, w->arena, feature_level_record, 0, &record);
}

// metadata.version comes first: what follows is read in its light.
static void write_features(struct writer *w)
{
    for (int pass = 0; pass < 2; pass++) {
        struct pmap_iter it = pmap_iter(&w->image->features);
        for (const struct image_feature *f; (f = image_next_feature(&it)) != NULL;)
            if (slice_eq_str(f->name, "metadata.version") == (pass == 0)) write_feature(w, f);
    }
}

static void write_broker(struct writer *w, const struct image_node *node)
{
    struct register_broker_record r = register_broker_record_init();
    int version = metadata_register_broker_version(w->metadata_version);
    r.broker_id = node->id;
    r.incarnation_id = node->incarnation_id;
    r.broker_epoch = node->epoch;
    r.rack = node->rack;
    r.fenced = node->is_fenced;
    r.in_controlled_shutdown = node->in_controlled_shutdown;
    r.is_migrating_zk_broker = node->is_migrating_zk_broker;
    r.end_points.items = ARENA_ARRAY(w->arena, struct register_broker_record_broker_endpoint, node->endpoint_count);
    r.end_points.count = node->endpoint_count;
    for (int32_t i = 0; i < node->endpoint_count; i++) {
        const struct image_endpoint *from = &node->endpoints[i];
        r.end_points.items[i] = (struct register_broker_record_broker_endpoint){
            .name = from->name, .host = from->host, .port = from->port, .security_protocol = from->security_protocol};
    }
    r.features.items = ARENA_ARRAY(w->arena, struct register_broker_record_broker_feature, node->feature_count);
    r.features.count = node->feature_count;
    for (int32_t i = 0; i < node->feature_count; i++) {
        const struct image_feature_range *from = &node->features[i];
        r.features.items[i] = (struct register_broker_record_broker_feature){
            .name = from->name, .min_supported_version = from->min, .max_supported_version = from->max};
    }
    if (version >= 3) SET_UUIDS(r.log_dirs, node->log_dirs, node->log_dir_count);
    if (version >= 4) SET_UUIDS(r.cordoned_log_dirs, node->cordoned_dirs, node->cordoned_dir_count);
    METADATA_ADD(w->records, w->arena, register_broker_record, version, &r);
}

static void write_controller(struct writer *w, const struct image_node *node)
{
    struct register_controller_record r = register_controller_record_init();
    r.controller_id = node->id;
    r.incarnation_id = node->incarnation_id;
    r.end_points.items =
        ARENA_ARRAY(w->arena, struct register_controller_record_controller_endpoint, node->endpoint_count);
    r.end_points.count = node->endpoint_count;
    for (int32_t i = 0; i < node->endpoint_count; i++) {
        const struct image_endpoint *from = &node->endpoints[i];
        r.end_points.items[i] = (struct register_controller_record_controller_endpoint){
            .name = from->name, .host = from->host, .port = from->port, .security_protocol = from->security_protocol};
    }
    r.features.items = ARENA_ARRAY(w->arena, struct register_controller_record_controller_feature, node->feature_count);
    r.features.count = node->feature_count;
    for (int32_t i = 0; i < node->feature_count; i++) {
        const struct image_feature_range *from = &node->features[i];
        r.features.items[i] = (struct register_controller_record_controller_feature){
            .name = from->name, .min_supported_version = from->min, .max_supported_version = from->max};
    }
    METADATA_ADD(w->records, w->arena, register_controller_record, 0, &r);
}

static void write_nodes(struct writer *w)
{
    struct pmap_iter it = pmap_iter(&w->image->brokers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;) write_broker(w, node);
    it = pmap_iter(&w->image->controllers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;) write_controller(w, node);
}

static void write_partition(struct writer *w, const struct image_partition *p)
{
    struct partition_record r = partition_record_init();
    int version = metadata_partition_version(w->metadata_version);
    r.topic_id = p->topic_id;
    r.partition_id = p->index;
    SET_IDS(r.replicas, p->replicas);
    SET_IDS(r.isr, p->isr);
    SET_IDS(r.removing_replicas, p->rare->removing);
    SET_IDS(r.adding_replicas, p->rare->adding);
    r.leader = p->leader;
    r.leader_epoch = p->leader_epoch;
    r.partition_epoch = p->partition_epoch;
    r.leader_recovery_state = p->leader_recovery_state;
    if (version >= 1) SET_UUIDS(r.directories, p->directories, p->replicas.count);
    if (version >= 2 && p->rare->elr.count > 0) SET_IDS(r.eligible_leader_replicas, p->rare->elr);
    if (version >= 2 && p->rare->last_known_elr.count > 0) SET_IDS(r.last_known_elr, p->rare->last_known_elr);
    METADATA_ADD(w->records, w->arena, partition_record, version, &r);
}

static void write_topics(struct writer *w)
{
    struct pmap_iter it = pmap_iter(&w->image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&it)) != NULL;) {
        struct topic_record r = topic_record_init();
        r.name = topic->name;
        r.topic_id = topic->id;
        METADATA_ADD(w->records, w->arena, topic_record, 0, &r);
        for (int32_t i = 0; i < image_topic_partition_count(topic); i++)
            write_partition(w, image_partition_at(topic, i));
    }
}

static void write_configs(struct writer *w)
{
    struct pmap_iter it = pmap_iter(&w->image->resources);
    for (const struct image_resource *resource; (resource = image_next_resource(&it)) != NULL;) {
        for (int32_t i = 0; i < resource->count; i++) {
            struct config_record r = config_record_init();
            r.resource_type = resource->type;
            r.resource_name = resource->name;
            r.name = resource->items[i].key;
            r.value = resource->items[i].value;
            METADATA_ADD(w->records, w->arena, config_record, 0, &r);
        }
    }
}

static void write_quotas(struct writer *w)
{
    struct pmap_iter it = pmap_iter(&w->image->quotas);
    for (const struct image_quota *quota; (quota = image_next_quota(&it)) != NULL;)
        for (int32_t i = 0; i < quota->count; i++) {
            struct client_quota_record r = client_quota_record_init();
            r.entity.items = ARENA_ARRAY(w->arena, struct client_quota_record_entity_data, quota->part_count);
            r.entity.count = quota->part_count;
            for (int32_t k = 0; k < quota->part_count; k++)
                r.entity.items[k] = (struct client_quota_record_entity_data){.entity_type = quota->parts[k].type,
                                                                             .entity_name = quota->parts[k].name};
            r.key = quota->values[i].key;
            r.value = quota->values[i].value;
            METADATA_ADD(w->records, w->arena, client_quota_record, 0, &r);
        }
}

// Kept as they came, so they go as they came.
static void write_others(struct writer *w, int16_t record_type)
{
    struct pmap_iter it = pmap_iter(&w->image->others);
    for (const struct image_other *other; (other = image_next_other(&it)) != NULL;)
        if (other->record_type == record_type) metadata_records_add_value(w->records, other->value, w->arena);
}

static void write_producer_ids(struct writer *w)
{
    if (w->image->next_producer_id == 0) return;
    struct producer_ids_record r = producer_ids_record_init();
    r.broker_id = -1; // who got the last block is not kept, by Kafka neither
    r.broker_epoch = -1;
    r.next_producer_id = w->image->next_producer_id;
    METADATA_ADD(w->records, w->arena, producer_ids_record, 0, &r);
}

void image_records(const struct image *image, struct arena *arena, struct metadata_records *out)
{
    struct writer w = {
        .image = image, .arena = arena, .records = out, .metadata_version = image_metadata_version(image)};
    write_features(&w);
    write_nodes(&w);
    write_topics(&w);
    write_configs(&w);
    write_quotas(&w);
    write_producer_ids(&w);
    write_others(&w, ACCESS_CONTROL_ENTRY_RECORD_KEY);
    write_others(&w, USER_SCRAM_CREDENTIAL_RECORD_KEY);
    write_others(&w, DELEGATION_TOKEN_RECORD_KEY);
}
