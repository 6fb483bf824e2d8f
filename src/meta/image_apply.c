// SPDX-License-Identifier: Apache-2.0
// What each metadata record does to an image (kafka-internals D5). A record's value is
//   uvarint frame version (1), uvarint record type, uvarint record version, then the flexible message.
// Strict where Kafka is: a record that does not fit the image is a fault, because going on would diverge silently.
#include "meta/image_int.h"

#include "base/varint.h"
#include "proto/abort_transaction_record.h"
#include "proto/access_control_entry_record.h"
#include "proto/begin_transaction_record.h"
#include "proto/broker_registration_change_record.h"
#include "proto/clear_elr_record.h"
#include "proto/client_quota_record.h"
#include "proto/config_record.h"
#include "proto/delegation_token_record.h"
#include "proto/end_transaction_record.h"
#include "proto/feature_level_record.h"
#include "proto/fence_broker_record.h"
#include "proto/no_op_record.h"
#include "proto/partition_change_record.h"
#include "proto/partition_record.h"
#include "proto/producer_ids_record.h"
#include "proto/register_broker_record.h"
#include "proto/register_controller_record.h"
#include "proto/remove_access_control_entry_record.h"
#include "proto/remove_delegation_token_record.h"
#include "proto/remove_topic_record.h"
#include "proto/remove_user_scram_credential_record.h"
#include "proto/topic_record.h"
#include "proto/unfence_broker_record.h"
#include "proto/unregister_broker_record.h"
#include "proto/user_scram_credential_record.h"
#include "proto/zk_migration_state_record.h"

struct apply {
    struct image *image;
    struct image_touched *touched;
    struct slice value; // the whole record, frame included
    struct arena *arena;
    enum image_mark *mark;
    struct text *problem;
};

static enum err refuse(struct apply *a, const char *why, struct uuid topic_id, int32_t number)
{
    char id[UUID_TEXT_SIZE + 1];
    uuid_format(topic_id, id);
    if (a->problem != NULL) text_printf(a->problem, "%s (topic id %s, number %d)", why, id, number);
    return ERR_CORRUPT;
}

// ---- topics -----------------------------------------------------------------------------------------------------

static enum err apply_topic(struct apply *a, const struct topic_record *r)
{
    const struct image_topic *same = image_topic_by_name(a->image, r->name);
    if (same != NULL && !uuid_eq(same->id, r->topic_id))
        return refuse(a, "a topic of that name exists", r->topic_id, 0);
    if (same != NULL) return OK;
    image_put_topic(a->image, r->name, r->topic_id);
    image_touch_topic(a->touched, r->topic_id);
    return OK;
}

static struct image_ids ids_of(const int32_t *items, int32_t count)
{
    return (struct image_ids){items, count < 0 ? 0 : count};
}
#define IDS(array) ids_of((array).items, (array).count)

// One per replica whatever the record had: none (version 0) means MIGRATING, the zero uuid.
static const struct uuid *directories_of(struct apply *a, const struct uuid *items, int32_t count,
                                         int32_t replica_count)
{
    if (count == replica_count) return items;
    struct uuid *out = ARENA_ARRAY(a->arena, struct uuid, replica_count);
    for (int32_t i = 0; i < count && i < replica_count; i++) out[i] = items[i];
    return out;
}

static enum err apply_partition(struct apply *a, const struct partition_record *r)
{
    struct image_topic *topic = image_own_topic(a->image, r->topic_id);
    if (topic == NULL) return refuse(a, "partition of an unknown topic", r->topic_id, r->partition_id);
    const struct image_rare rare = {.removing = IDS(r->removing_replicas),
                                    .adding = IDS(r->adding_replicas),
                                    .elr = IDS(r->eligible_leader_replicas),
                                    .last_known_elr = IDS(r->last_known_elr)};
    struct image_partition p = {
        .topic_id = r->topic_id,
        .index = r->partition_id,
        .replicas = IDS(r->replicas),
        .isr = IDS(r->isr),
        .rare = &rare,
        .leader = r->leader,
        .leader_epoch = r->leader_epoch,
        .partition_epoch = r->partition_epoch,
        .leader_recovery_state = r->leader_recovery_state,
    };
    p.directories = directories_of(a, r->directories.items, r->directories.count, p.replicas.count);
    int32_t before = topic->partitions.count;
    image_put_partition(topic, &p);
    a->image->partition_count += topic->partitions.count - before;
    image_touch_partition(a->touched, r->topic_id, r->partition_id);
    return OK;
}

// A copy to change. What others show is counted by their loops at this moment: all but that count, which comes first.
static void copy_shown(void *to, const void *from, size_t size)
{
    memcpy((uint8_t *)to + sizeof(struct pitem), (const uint8_t *)from + sizeof(struct pitem),
           size - sizeof(struct pitem));
}

static enum err apply_partition_change(struct apply *a, const struct partition_change_record *r)
{
    struct image_topic *topic = image_own_topic(a->image, r->topic_id);
    const struct image_partition *old = topic == NULL ? NULL : image_partition_at(topic, r->partition_id);
    if (old == NULL) return refuse(a, "change of an unknown partition", r->topic_id, r->partition_id);
    struct image_partition p = {0};
    copy_shown(&p, old, sizeof(p));
    struct image_rare rare = *old->rare;
    p.rare = &rare;
    if (r->isr.count >= 0) p.isr = IDS(r->isr);
    if (r->replicas.count >= 0) p.replicas = IDS(r->replicas);
    if (r->removing_replicas.count >= 0) rare.removing = IDS(r->removing_replicas);
    if (r->adding_replicas.count >= 0) rare.adding = IDS(r->adding_replicas);
    if (r->eligible_leader_replicas.count >= 0) rare.elr = IDS(r->eligible_leader_replicas);
    if (r->last_known_elr.count >= 0) rare.last_known_elr = IDS(r->last_known_elr);
    if (r->leader_recovery_state >= 0) p.leader_recovery_state = r->leader_recovery_state;
    if (r->directories.count >= 0)
        p.directories = directories_of(a, r->directories.items, r->directories.count, p.replicas.count);
    else
        p.directories = directories_of(a, old->directories, old->replicas.count, p.replicas.count);
    if (r->leader != -2) { // naming a leader, even the same one, begins a new leader epoch
        p.leader = r->leader;
        p.leader_epoch++;
    }
    p.partition_epoch++;
    image_put_partition(topic, &p);
    image_touch_partition(a->touched, r->topic_id, r->partition_id);
    return OK;
}

static enum err apply_remove_topic(struct apply *a, const struct remove_topic_record *r)
{
    const struct image_topic *topic = image_topic_by_id(a->image, r->topic_id);
    if (topic == NULL) return refuse(a, "removal of an unknown topic", r->topic_id, 0);
    image_touch_topic(a->touched, r->topic_id);
    image_touch_resource(a->touched, IMAGE_RESOURCE_TOPIC, topic->name);
    image_remove_topic(a->image, topic);
    return OK;
}

static void clear_elr(struct apply *a, struct uuid topic_id)
{
    const struct image_topic *topic = image_topic_by_id(a->image, topic_id);
    int32_t found = 0;
    for (int32_t i = 0; topic != NULL && found < topic->partitions.count; i++) {
        const struct image_partition *old = image_partition_at(topic, i);
        if (old == NULL) continue;
        found++;
        if (old->rare->elr.count == 0 && old->rare->last_known_elr.count == 0) continue;
        struct image_partition p = {0};
        copy_shown(&p, old, sizeof(p));
        const struct image_rare rare = {.removing = old->rare->removing, .adding = old->rare->adding};
        p.rare = &rare;
        p.partition_epoch++;
        image_put_partition(image_own_topic(a->image, topic_id), &p);
        image_touch_partition(a->touched, topic_id, i);
        topic = image_topic_by_id(a->image, topic_id);
    }
}

static enum err apply_clear_elr(struct apply *a, const struct clear_elr_record *r)
{
    if (r->topic_name.size > 0) {
        const struct image_topic *topic = image_topic_by_name(a->image, r->topic_name);
        if (topic == NULL) return refuse(a, "ClearElr for an unknown topic", (struct uuid){{0}}, 0);
        clear_elr(a, topic->id);
        return OK;
    }
    // All topics; the walk goes over a frozen copy because clearing changes the map.
    struct pmap frozen = pmap_ref(&a->image->topics);
    struct pmap_iter it = pmap_iter(&frozen);
    for (const struct image_topic *topic; (topic = image_next_topic(&it)) != NULL;) clear_elr(a, topic->id);
    pmap_unref(&frozen);
    return OK;
}

static enum err apply_config(struct apply *a, const struct config_record *r)
{
    image_set_config(a->image, r->resource_type, r->resource_name, r->name, r->value);
    image_touch_resource(a->touched, r->resource_type, r->resource_name);
    return OK;
}

// ---- brokers and controllers ------------------------------------------------------------------------------------

static enum err apply_register_broker(struct apply *a, const struct register_broker_record *r)
{
    struct image_node n = {
        .id = r->broker_id,
        .incarnation_id = r->incarnation_id,
        .epoch = r->broker_epoch,
        .is_fenced = r->fenced,
        .in_controlled_shutdown = r->in_controlled_shutdown,
        .is_migrating_zk_broker = r->is_migrating_zk_broker,
        .rack = r->rack,
        .endpoint_count = r->end_points.count,
        .feature_count = r->features.count,
        .log_dirs = r->log_dirs.items,
        .log_dir_count = r->log_dirs.count,
        .cordoned_dirs = r->cordoned_log_dirs.items,
        .cordoned_dir_count = r->cordoned_log_dirs.count,
    };
    struct image_endpoint *endpoints = ARENA_ARRAY(a->arena, struct image_endpoint, r->end_points.count);
    for (int32_t i = 0; i < r->end_points.count; i++)
        endpoints[i] = (struct image_endpoint){r->end_points.items[i].name, r->end_points.items[i].host,
                                               r->end_points.items[i].port, r->end_points.items[i].security_protocol};
    struct image_feature_range *features = ARENA_ARRAY(a->arena, struct image_feature_range, r->features.count);
    for (int32_t i = 0; i < r->features.count; i++)
        features[i] =
            (struct image_feature_range){r->features.items[i].name, r->features.items[i].min_supported_version,
                                         r->features.items[i].max_supported_version};
    n.endpoints = endpoints;
    n.features = features;
    image_put_node(a->image, &n);
    image_touch_area(a->touched, IMAGE_BROKERS);
    return OK;
}

static enum err apply_register_controller(struct apply *a, const struct register_controller_record *r)
{
    struct image_node n = {
        .id = r->controller_id,
        .is_controller = true,
        .incarnation_id = r->incarnation_id,
        .epoch = -1,
        .endpoint_count = r->end_points.count,
        .feature_count = r->features.count,
        .cordoned_dir_count = -1,
    };
    struct image_endpoint *endpoints = ARENA_ARRAY(a->arena, struct image_endpoint, r->end_points.count);
    for (int32_t i = 0; i < r->end_points.count; i++)
        endpoints[i] = (struct image_endpoint){r->end_points.items[i].name, r->end_points.items[i].host,
                                               r->end_points.items[i].port, r->end_points.items[i].security_protocol};
    struct image_feature_range *features = ARENA_ARRAY(a->arena, struct image_feature_range, r->features.count);
    for (int32_t i = 0; i < r->features.count; i++)
        features[i] =
            (struct image_feature_range){r->features.items[i].name, r->features.items[i].min_supported_version,
                                         r->features.items[i].max_supported_version};
    n.endpoints = endpoints;
    n.features = features;
    image_put_node(a->image, &n);
    image_touch_area(a->touched, IMAGE_CONTROLLERS);
    return OK;
}

static enum err known_broker(struct apply *a, int32_t id, int64_t epoch, const struct image_node **out)
{
    const struct image_node *broker = image_broker(a->image, id);
    if (broker == NULL) return refuse(a, "no such broker is registered", (struct uuid){{0}}, id);
    if (broker->epoch != epoch) return refuse(a, "the broker is registered in another epoch", (struct uuid){{0}}, id);
    *out = broker;
    return OK;
}

static enum err apply_broker_change(struct apply *a, const struct broker_registration_change_record *r)
{
    const struct image_node *old = NULL;
    enum err e = known_broker(a, r->broker_id, r->broker_epoch, &old);
    if (e != OK) return e;
    if (r->fenced < -1 || r->fenced > 1 || r->in_controlled_shutdown < 0 || r->in_controlled_shutdown > 1)
        return refuse(a, "a change of registration with an unknown value", (struct uuid){{0}}, r->broker_id);
    struct image_node n = {0};
    copy_shown(&n, old, sizeof(n));
    if (r->fenced != 0) n.is_fenced = r->fenced > 0;
    if (r->in_controlled_shutdown == 1) n.in_controlled_shutdown = true;
    if (r->log_dirs.count > 0) {
        n.log_dirs = r->log_dirs.items;
        n.log_dir_count = r->log_dirs.count;
    }
    if (r->cordoned_log_dirs.count >= 0) {
        n.cordoned_dirs = r->cordoned_log_dirs.items;
        n.cordoned_dir_count = r->cordoned_log_dirs.count;
    }
    image_put_node(a->image, &n);
    image_touch_area(a->touched, IMAGE_BROKERS);
    return OK;
}

static enum err apply_fence(struct apply *a, int32_t id, int64_t epoch, bool is_fenced)
{
    const struct image_node *old = NULL;
    enum err e = known_broker(a, id, epoch, &old);
    if (e != OK) return e;
    struct image_node n = {0};
    copy_shown(&n, old, sizeof(n));
    n.is_fenced = is_fenced;
    image_put_node(a->image, &n);
    image_touch_area(a->touched, IMAGE_BROKERS);
    return OK;
}

static enum err apply_unregister(struct apply *a, const struct unregister_broker_record *r)
{
    const struct image_node *old = NULL;
    enum err e = known_broker(a, r->broker_id, r->broker_epoch, &old);
    if (e != OK) return e;
    image_remove_node(a->image, false, r->broker_id);
    image_touch_area(a->touched, IMAGE_BROKERS);
    return OK;
}

// ---- what is kept as it came ------------------------------------------------------------------------------------

static void key_add(struct arena *arena, struct slice *key, struct slice part)
{
    size_t size = key->size + 5 + part.size;
    uint8_t *bytes = arena_alloc(arena, size);
    if (key->size > 0) memcpy(bytes, key->data, key->size);
    // Length + 1, 0 = null: no two lists of parts give the same key.
    uint8_t *end = uvarint64_write(bytes + key->size, slice_is_null(part) ? 0 : part.size + 1);
    if (part.size > 0) memcpy(end, part.data, part.size);
    *key = slice_of(bytes, (size_t)(end - bytes) + part.size);
}

static enum err keep(struct apply *a, int16_t type, struct slice key, bool is_kept)
{
    if (is_kept)
        image_put_other(a->image, type, key, a->value);
    else
        image_remove_other(a->image, type, key); // removing twice is harmless, Kafka only logs it
    image_touch_area(a->touched, IMAGE_OTHERS);
    return OK;
}

static struct slice scram_key(struct arena *arena, struct slice user, int8_t mechanism)
{
    struct slice key = {0};
    key_add(arena, &key, user);
    key_add(arena, &key, slice_of(&mechanism, 1));
    return key;
}

bool image_has_scram(const struct image *image, struct slice user, int8_t mechanism)
{
    struct arena arena = {0};
    bool has = image_has_other(image, USER_SCRAM_CREDENTIAL_RECORD_KEY, scram_key(&arena, user, mechanism));
    arena_deinit(&arena);
    return has;
}

static enum err apply_scram(struct apply *a, struct slice name, int8_t mechanism, bool is_kept)
{
    struct slice key = scram_key(a->arena, name, mechanism);
    return keep(a, USER_SCRAM_CREDENTIAL_RECORD_KEY, key, is_kept);
}

static enum err apply_quota(struct apply *a, const struct client_quota_record *r)
{
    struct image_quota_part *parts = ARENA_ARRAY(a->arena, struct image_quota_part, r->entity.count);
    int32_t count = 0;
    for (int32_t i = 0; i < r->entity.count; i++) {
        int32_t k = 0; // of a type named twice the last counts, as in Kafka
        while (k < count && !slice_eq(parts[k].type, r->entity.items[i].entity_type)) k++;
        parts[k] = (struct image_quota_part){r->entity.items[i].entity_type, r->entity.items[i].entity_name};
        if (k == count) count++;
    }
    image_quota_sort(parts, count);
    image_set_quota(a->image, parts, count, r->key, r->value, r->remove);
    image_touch_area(a->touched, IMAGE_QUOTAS);
    return OK;
}

static enum err apply_keyed(struct apply *a, int16_t type, struct slice key, bool is_kept)
{
    return keep(a, type, arena_copy(a->arena, key), is_kept);
}

// ---- dispatch ---------------------------------------------------------------------------------------------------

union record {
    struct topic_record topic;
    struct partition_record partition;
    struct partition_change_record partition_change;
    struct remove_topic_record remove_topic;
    struct config_record config;
    struct clear_elr_record clear_elr;
    struct register_broker_record register_broker;
    struct register_controller_record register_controller;
    struct broker_registration_change_record broker_change;
    struct unregister_broker_record unregister_broker;
    struct fence_broker_record fence;
    struct unfence_broker_record unfence;
    struct feature_level_record feature;
    struct producer_ids_record producer_ids;
    struct user_scram_credential_record scram;
    struct remove_user_scram_credential_record remove_scram;
    struct client_quota_record quota;
    struct access_control_entry_record acl;
    struct remove_access_control_entry_record remove_acl;
    struct delegation_token_record token;
    struct remove_delegation_token_record remove_token;
    struct begin_transaction_record begin;
    struct end_transaction_record end;
    struct abort_transaction_record abort;
    struct no_op_record no_op;
    struct zk_migration_state_record zk;
};

static const struct wire_message *message_of(uint32_t type)
{
    static const struct wire_message *const messages[] = {
        [TOPIC_RECORD_KEY] = &topic_record_message,
        [PARTITION_RECORD_KEY] = &partition_record_message,
        [PARTITION_CHANGE_RECORD_KEY] = &partition_change_record_message,
        [REMOVE_TOPIC_RECORD_KEY] = &remove_topic_record_message,
        [CONFIG_RECORD_KEY] = &config_record_message,
        [CLEAR_ELR_RECORD_KEY] = &clear_elr_record_message,
        [REGISTER_BROKER_RECORD_KEY] = &register_broker_record_message,
        [REGISTER_CONTROLLER_RECORD_KEY] = &register_controller_record_message,
        [BROKER_REGISTRATION_CHANGE_RECORD_KEY] = &broker_registration_change_record_message,
        [UNREGISTER_BROKER_RECORD_KEY] = &unregister_broker_record_message,
        [FENCE_BROKER_RECORD_KEY] = &fence_broker_record_message,
        [UNFENCE_BROKER_RECORD_KEY] = &unfence_broker_record_message,
        [FEATURE_LEVEL_RECORD_KEY] = &feature_level_record_message,
        [PRODUCER_IDS_RECORD_KEY] = &producer_ids_record_message,
        [USER_SCRAM_CREDENTIAL_RECORD_KEY] = &user_scram_credential_record_message,
        [REMOVE_USER_SCRAM_CREDENTIAL_RECORD_KEY] = &remove_user_scram_credential_record_message,
        [CLIENT_QUOTA_RECORD_KEY] = &client_quota_record_message,
        [ACCESS_CONTROL_ENTRY_RECORD_KEY] = &access_control_entry_record_message,
        [REMOVE_ACCESS_CONTROL_ENTRY_RECORD_KEY] = &remove_access_control_entry_record_message,
        [DELEGATION_TOKEN_RECORD_KEY] = &delegation_token_record_message,
        [REMOVE_DELEGATION_TOKEN_RECORD_KEY] = &remove_delegation_token_record_message,
        [BEGIN_TRANSACTION_RECORD_KEY] = &begin_transaction_record_message,
        [END_TRANSACTION_RECORD_KEY] = &end_transaction_record_message,
        [ABORT_TRANSACTION_RECORD_KEY] = &abort_transaction_record_message,
        [NO_OP_RECORD_KEY] = &no_op_record_message,
        [ZK_MIGRATION_STATE_RECORD_KEY] = &zk_migration_state_record_message,
    };
    return type < COUNT_OF(messages) ? messages[type] : NULL;
}

static enum err apply(struct apply *a, uint32_t type, const union record *r)
{
    switch (type) {
    case TOPIC_RECORD_KEY: return apply_topic(a, &r->topic);
    case PARTITION_RECORD_KEY: return apply_partition(a, &r->partition);
    case PARTITION_CHANGE_RECORD_KEY: return apply_partition_change(a, &r->partition_change);
    case REMOVE_TOPIC_RECORD_KEY: return apply_remove_topic(a, &r->remove_topic);
    case CONFIG_RECORD_KEY: return apply_config(a, &r->config);
    case CLEAR_ELR_RECORD_KEY: return apply_clear_elr(a, &r->clear_elr);
    case REGISTER_BROKER_RECORD_KEY: return apply_register_broker(a, &r->register_broker);
    case REGISTER_CONTROLLER_RECORD_KEY: return apply_register_controller(a, &r->register_controller);
    case BROKER_REGISTRATION_CHANGE_RECORD_KEY: return apply_broker_change(a, &r->broker_change);
    case UNREGISTER_BROKER_RECORD_KEY: return apply_unregister(a, &r->unregister_broker);
    case FENCE_BROKER_RECORD_KEY: return apply_fence(a, r->fence.id, r->fence.epoch, true);
    case UNFENCE_BROKER_RECORD_KEY: return apply_fence(a, r->unfence.id, r->unfence.epoch, false);
    case FEATURE_LEVEL_RECORD_KEY:
        image_set_feature(a->image, r->feature.name, r->feature.feature_level);
        image_touch_area(a->touched, IMAGE_FEATURES);
        return OK;
    case PRODUCER_IDS_RECORD_KEY: a->image->next_producer_id = r->producer_ids.next_producer_id; return OK;
    case USER_SCRAM_CREDENTIAL_RECORD_KEY: return apply_scram(a, r->scram.name, r->scram.mechanism, true);
    case REMOVE_USER_SCRAM_CREDENTIAL_RECORD_KEY:
        return apply_scram(a, r->remove_scram.name, r->remove_scram.mechanism, false);
    case CLIENT_QUOTA_RECORD_KEY: return apply_quota(a, &r->quota);
    case ACCESS_CONTROL_ENTRY_RECORD_KEY:
        return apply_keyed(a, ACCESS_CONTROL_ENTRY_RECORD_KEY, slice_of(&r->acl.id, 16), true);
    case REMOVE_ACCESS_CONTROL_ENTRY_RECORD_KEY:
        return apply_keyed(a, ACCESS_CONTROL_ENTRY_RECORD_KEY, slice_of(&r->remove_acl.id, 16), false);
    case DELEGATION_TOKEN_RECORD_KEY: return apply_keyed(a, DELEGATION_TOKEN_RECORD_KEY, r->token.token_id, true);
    case REMOVE_DELEGATION_TOKEN_RECORD_KEY:
        return apply_keyed(a, DELEGATION_TOKEN_RECORD_KEY, r->remove_token.token_id, false);
    case BEGIN_TRANSACTION_RECORD_KEY: *a->mark = IMAGE_MARK_BEGIN; return OK;
    case END_TRANSACTION_RECORD_KEY: *a->mark = IMAGE_MARK_END; return OK;
    case ABORT_TRANSACTION_RECORD_KEY: *a->mark = IMAGE_MARK_ABORT; return OK;
    default: return OK; // NoOp; ZkMigrationState, left over in old logs
    }
}

enum err image_apply_record(struct image *image, struct image_touched *touched, struct slice value,
                            struct arena *scratch, enum image_mark *mark, struct text *problem)
{
    *mark = IMAGE_MARK_NONE;
    uint32_t frame = 0, type = 0, version = 0;
    const uint8_t *end = slice_is_null(value) ? NULL : value.data + value.size;
    const uint8_t *at = slice_is_null(value) ? NULL : uvarint32_read(value.data, end, &frame);
    if (at != NULL) at = uvarint32_read(at, end, &type);
    if (at != NULL) at = uvarint32_read(at, end, &version);
    if (at == NULL) {
        if (problem != NULL) text_add_str(problem, "a metadata record without a frame");
        return ERR_CORRUPT;
    }
    const struct wire_message *message = frame == 1 ? message_of(type) : NULL;
    if (message == NULL) {
        if (problem != NULL)
            text_printf(problem,
                        "record type %u (frame version %u) is unknown to this build; it was written by a newer version",
                        type, frame);
        return ERR_UNSUPPORTED_VERSION;
    }
    union record record;
    struct slice body = slice_of(at, (size_t)(end - at));
    enum err e = version > INT16_MAX ? ERR_UNSUPPORTED_VERSION
                                     : wire_decode(message, (int)version, body, scratch, &record, NULL);
    if (e != OK) {
        if (problem != NULL) text_printf(problem, "%s version %u: %s", wire_name(message), version, err_text(e));
        return e;
    }
    struct apply a = {image, touched, value, scratch, mark, problem};
    if (problem != NULL) text_printf(problem, "%s: ", wire_name(message));
    e = apply(&a, type, &record);
    if (e == OK && problem != NULL) text_clear(problem);
    return e;
}
