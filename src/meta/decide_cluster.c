// SPDX-License-Identifier: Apache-2.0
// Bootstrap, registrations, heartbeats, producer ids (kafka-internals A13, D6).
#include "meta/decide_int.h"
#include "meta/decide_partition.h"
#include "proto/allocate_producer_ids.h"
#include "proto/broker_heartbeat.h"
#include "proto/broker_registration.h"
#include "proto/controller_registration.h"

enum { PRODUCER_ID_BLOCK = 1000 };

void decide_bootstrap(struct decide *decide, const struct feature_level_record *features, int32_t feature_count)
{
    struct begin_transaction_record begin = begin_transaction_record_init();
    begin.name = SLICE("Bootstrap records");
    METADATA_ADD(&decide->records, decide->arena, begin_transaction_record, 0, &begin);
    bool has_elr = false;
    for (int32_t i = 0; features != NULL && i < feature_count; i++) {
        METADATA_ADD(&decide->records, decide->arena, feature_level_record, 0, &features[i]);
        has_elr |= slice_eq_str(features[i].name, "eligible.leader.replicas.version") && features[i].feature_level > 0;
    }
    for (int i = 0; features == NULL && i < METADATA_FEATURE_COUNT; i++) {
        if (metadata_features[i].initial == 0) continue;
        struct feature_level_record level = feature_level_record_init();
        level.name = slice_str(metadata_features[i].name);
        level.feature_level = metadata_features[i].initial;
        METADATA_ADD(&decide->records, decide->arena, feature_level_record, 0, &level);
        has_elr = true;
    }
    // With ELR the cluster's minimum must be known to every controller, so it is written down.
    if (has_elr) {
        struct config_record config = config_record_init();
        config.resource_type = IMAGE_RESOURCE_BROKER;
        config.resource_name = SLICE("");
        config.name = SLICE("min.insync.replicas");
        config.value = decide->settings->min_insync_replicas;
        METADATA_ADD(&decide->records, decide->arena, config_record, 0, &config);
    }
    struct end_transaction_record end = end_transaction_record_init();
    METADATA_ADD(&decide->records, decide->arena, end_transaction_record, 0, &end);
}

void decide_abort_transaction(struct decide *decide, const char *reason)
{
    struct abort_transaction_record record = abort_transaction_record_init();
    record.reason = slice_str(reason);
    METADATA_ADD(&decide->records, decide->arena, abort_transaction_record, 0, &record);
}

enum err decide_register_controller(struct decide *decide, const struct controller_registration_request *request)
{
    struct register_controller_record record = register_controller_record_init();
    record.controller_id = request->controller_id;
    record.incarnation_id = request->incarnation_id;
    record.zk_migration_ready = request->zk_migration_ready;
    record.end_points.count = request->listeners.count;
    record.end_points.items =
        ARENA_ARRAY(decide->arena, struct register_controller_record_controller_endpoint, request->listeners.count);
    for (int32_t i = 0; i < request->listeners.count; i++) {
        const struct controller_registration_request_listener *l = &request->listeners.items[i];
        record.end_points.items[i] = (struct register_controller_record_controller_endpoint){
            .name = l->name, .host = l->host, .port = l->port, .security_protocol = l->security_protocol};
    }
    record.features.count = request->features.count;
    record.features.items =
        ARENA_ARRAY(decide->arena, struct register_controller_record_controller_feature, request->features.count);
    for (int32_t i = 0; i < request->features.count; i++) {
        const struct controller_registration_request_feature *f = &request->features.items[i];
        record.features.items[i] =
            (struct register_controller_record_controller_feature){.name = f->name,
                                                                   .min_supported_version = f->min_supported_version,
                                                                   .max_supported_version = f->max_supported_version};
    }
    METADATA_ADD(&decide->records, decide->arena, register_controller_record, 0, &record);
    return OK;
}

static enum err check_features(const struct decide *decide, const struct broker_registration_request *request)
{
    bool has_metadata_version = false;
    for (int32_t i = 0; i < request->features.count; i++)
        has_metadata_version |= slice_eq_str(request->features.items[i].name, "metadata.version");
    if (!has_metadata_version) return ERR_INVALID_REGISTRATION;
    struct pmap_iter it = pmap_iter(&decide->image->features);
    for (const struct image_feature *feature; (feature = image_next_feature(&it)) != NULL;) {
        int16_t min = 0, max = 0; // not offered = 0..0
        for (int32_t i = 0; i < request->features.count; i++) {
            if (!slice_eq(request->features.items[i].name, feature->name)) continue;
            min = request->features.items[i].min_supported_version;
            max = request->features.items[i].max_supported_version;
        }
        if (feature->level < min || feature->level > max) return ERR_UNSUPPORTED_VERSION;
    }
    return OK;
}

static enum err check_directories(const struct broker_registration_request *request)
{
    if (request->log_dirs.count <= 0) return ERR_INVALID_REGISTRATION;
    for (int32_t i = 0; i < request->log_dirs.count; i++) {
        if (uuid_is_reserved(request->log_dirs.items[i])) return ERR_INVALID_REGISTRATION;
        for (int32_t k = 0; k < i; k++)
            if (uuid_eq(request->log_dirs.items[i], request->log_dirs.items[k])) return ERR_INVALID_REGISTRATION;
    }
    return OK;
}

static void copy_broker(struct decide *decide, const struct broker_registration_request *request,
                        struct register_broker_record *record)
{
    record->broker_id = request->broker_id;
    record->incarnation_id = request->incarnation_id;
    record->rack = request->rack;
    record->log_dirs.items = request->log_dirs.items;
    record->log_dirs.count = request->log_dirs.count;
    record->end_points.count = request->listeners.count;
    record->end_points.items =
        ARENA_ARRAY(decide->arena, struct register_broker_record_broker_endpoint, request->listeners.count);
    for (int32_t i = 0; i < request->listeners.count; i++) {
        const struct broker_registration_request_listener *l = &request->listeners.items[i];
        record->end_points.items[i] = (struct register_broker_record_broker_endpoint){
            .name = l->name, .host = l->host, .port = l->port, .security_protocol = l->security_protocol};
    }
    record->features.count = request->features.count;
    record->features.items =
        ARENA_ARRAY(decide->arena, struct register_broker_record_broker_feature, request->features.count);
    for (int32_t i = 0; i < request->features.count; i++) {
        const struct broker_registration_request_feature *f = &request->features.items[i];
        record->features.items[i] =
            (struct register_broker_record_broker_feature){.name = f->name,
                                                           .min_supported_version = f->min_supported_version,
                                                           .max_supported_version = f->max_supported_version};
    }
}

enum err decide_register_broker(struct decide *decide, const struct broker_registration_request *request,
                                bool has_session, int64_t *epoch)
{
    if (!slice_eq(request->cluster_id, decide->settings->cluster_id)) return ERR_INCONSISTENT_CLUSTER_ID;
    if (request->is_migrating_zk_broker) return ERR_BROKER_ID_NOT_REGISTERED;
    const struct image_node *old = image_broker(decide->image, request->broker_id);
    bool is_same = old != NULL && uuid_eq(old->incarnation_id, request->incarnation_id);
    if (old != NULL && !is_same && has_session && !old->in_controlled_shutdown)
        return ERR_DUPLICATE_BROKER_REGISTRATION;
    int16_t level = image_metadata_version(decide->image);
    enum err e = check_features(decide, request);
    if (e == OK && level >= 17) e = check_directories(request);
    if (e != OK) return e;
    // The broker epoch is the first offset of this decision, so records about its last life count as part of it.
    *epoch = is_same ? old->epoch : decide->next_offset;
    bool has_elr = image_feature_level(decide->image, "eligible.leader.replicas.version") > 0;
    if (old != NULL && !is_same) {
        bool was_clean = !has_elr || request->previous_broker_epoch == old->epoch;
        struct decide_move move = {DECIDE_MOVE_NONE};
        if (was_clean)
            move.leaving = request->broker_id;
        else
            move.lost = request->broker_id;
        decide_move_partitions(decide, &move);
    }
    int version = metadata_register_broker_version(level);
    struct register_broker_record record = register_broker_record_init();
    copy_broker(decide, request, &record);
    record.broker_epoch = *epoch;
    record.fenced = is_same ? old->is_fenced : true;
    record.in_controlled_shutdown = is_same && old->in_controlled_shutdown;
    if (version < 3) record.log_dirs.count = 0;
    METADATA_ADD(&decide->records, decide->arena, register_broker_record, version, &record);
    return OK;
}

// ---- heartbeats -------------------------------------------------------------------------------------------------

static struct broker_registration_change_record change_of(const struct image_node *broker)
{
    struct broker_registration_change_record record = broker_registration_change_record_init();
    record.broker_id = broker->id;
    record.broker_epoch = broker->epoch;
    return record;
}

static void fence(struct decide *decide, const struct image_node *broker)
{
    struct decide_move move = {DECIDE_MOVE_NONE};
    move.leaving = broker->id;
    decide_move_partitions(decide, &move);
    struct broker_registration_change_record record = change_of(broker);
    record.fenced = 1;
    METADATA_ADD(&decide->records, decide->arena, broker_registration_change_record, 0, &record);
}

static void unfence(struct decide *decide, const struct image_node *broker)
{
    struct broker_registration_change_record record = change_of(broker);
    record.fenced = -1;
    METADATA_ADD(&decide->records, decide->arena, broker_registration_change_record, 0, &record);
    struct decide_move move = {DECIDE_MOVE_NONE};
    move.coming = broker->id;
    decide_move_partitions(decide, &move);
}

static void begin_shutdown(struct decide *decide, const struct image_node *broker)
{
    struct broker_registration_change_record record = change_of(broker);
    record.in_controlled_shutdown = 1;
    METADATA_ADD(&decide->records, decide->arena, broker_registration_change_record, 1, &record);
    struct decide_move move = {DECIDE_MOVE_NONE};
    move.leaving = broker->id;
    decide_move_partitions(decide, &move);
}

static void update_cordoned(struct decide *decide, const struct image_node *broker,
                            const struct broker_heartbeat_request *request)
{
    if (image_metadata_version(decide->image) < 30 || request->cordoned_log_dirs.count < 0) return;
    int32_t count = request->cordoned_log_dirs.count;
    bool is_same = broker->cordoned_dir_count == count;
    for (int32_t i = 0; is_same && i < count; i++)
        is_same = uuid_eq(broker->cordoned_dirs[i], request->cordoned_log_dirs.items[i]);
    if (is_same) return;
    struct broker_registration_change_record record = change_of(broker);
    record.cordoned_log_dirs.items = request->cordoned_log_dirs.items;
    record.cordoned_log_dirs.count = count;
    METADATA_ADD(&decide->records, decide->arena, broker_registration_change_record, 3, &record);
}

static bool contains(const struct uuid *ids, int32_t count, struct uuid id)
{
    for (int32_t i = 0; i < count; i++)
        if (uuid_eq(ids[i], id)) return true;
    return false;
}

// Directories that were still in the registration: what lives there leaves its ISR, then they leave the registration.
static void update_offline(struct decide *decide, const struct image_node *broker,
                           const struct broker_heartbeat_request *request)
{
    if (image_metadata_version(decide->image) < 17 || request->offline_log_dirs.count <= 0) return;
    struct uuid *left = ARENA_ARRAY(decide->arena, struct uuid, broker->log_dir_count);
    int32_t count = 0;
    for (int32_t i = 0; i < broker->log_dir_count; i++) {
        if (!contains(request->offline_log_dirs.items, request->offline_log_dirs.count, broker->log_dirs[i]))
            left[count++] = broker->log_dirs[i];
        else
            decide_lose_directory(decide, broker->id, broker->log_dirs[i]);
    }
    if (count == broker->log_dir_count || count == 0) return; // with none left the broker is about to end
    struct broker_registration_change_record record = change_of(broker);
    record.log_dirs.items = left;
    record.log_dirs.count = count;
    METADATA_ADD(&decide->records, decide->arena, broker_registration_change_record, 2, &record);
}

void decide_fence(struct decide *decide, int32_t broker_id)
{
    const struct image_node *broker = image_broker(decide->image, broker_id);
    if (broker != NULL && !broker->is_fenced) fence(decide, broker);
}

enum err decide_heartbeat(struct decide *decide, const struct broker_heartbeat_request *request,
                          int64_t committed_offset, struct broker_heartbeat_response *response)
{
    const struct image_node *broker = image_broker(decide->image, request->broker_id);
    if (broker == NULL || broker->epoch != request->broker_epoch) return ERR_STALE_BROKER_EPOCH;
    // "Caught up" is having applied one's own registration; then it may serve.
    response->is_caught_up = request->current_metadata_offset >= broker->epoch && broker->epoch <= committed_offset;
    update_offline(decide, broker, request);
    update_cordoned(decide, broker, request);
    if (broker->is_fenced) {
        response->is_fenced = true;
        if (request->want_shut_down) {
            response->should_shut_down = true;
        } else if (!request->want_fence && response->is_caught_up) {
            unfence(decide, broker);
            response->is_fenced = false;
        }
        return OK;
    }
    bool leads = decide_leads_anything(decide->image, broker->id);
    if (request->want_fence || (request->want_shut_down && !leads)) {
        // Nothing is led any more: it may go once the others have heard of it; alone there is nobody to wait for.
        fence(decide, broker);
        response->is_fenced = true;
        response->should_shut_down = request->want_shut_down;
    } else if (request->want_shut_down && !broker->in_controlled_shutdown) {
        begin_shutdown(decide, broker);
    }
    return OK;
}

enum err decide_producer_ids(struct decide *decide, const struct allocate_producer_ids_request *request,
                             struct allocate_producer_ids_response *response)
{
    const struct image_node *broker = image_broker(decide->image, request->broker_id);
    if (broker == NULL) return ERR_BROKER_ID_NOT_REGISTERED;
    if (broker->epoch != request->broker_epoch) return ERR_STALE_BROKER_EPOCH;
    int64_t start = decide->image->next_producer_id;
    if (start > INT64_MAX - PRODUCER_ID_BLOCK) return ERR_UNKNOWN_SERVER_ERROR;
    struct producer_ids_record record = producer_ids_record_init();
    record.broker_id = request->broker_id;
    record.broker_epoch = request->broker_epoch;
    record.next_producer_id = start + PRODUCER_ID_BLOCK;
    METADATA_ADD(&decide->records, decide->arena, producer_ids_record, 0, &record);
    response->producer_id_start = start;
    response->producer_id_len = PRODUCER_ID_BLOCK;
    return OK;
}
