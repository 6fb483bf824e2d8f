// SPDX-License-Identifier: Apache-2.0
// The cluster as the metadata log describes it up to one offset: topics, partitions, brokers, configurations,
// features (kafka-internals D5). An image never changes once shown; the next one shares all it has in common with it,
// so a change costs the changed path, not the cluster. Counted atomically: any thread may hold and drop images.
#ifndef ODRADEK_META_IMAGE_H
#define ODRADEK_META_IMAGE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"
#include "base/uuid.h"
#include "meta/pmap.h"

struct image_ids {
    const int32_t *items;
    int32_t count;
};
bool image_ids_contain(struct image_ids ids, int32_t id);

// What few partitions have: kept apart, so that a node can afford many of the others.
struct image_rare {
    struct image_ids removing;
    struct image_ids adding;
    struct image_ids elr; // eligible leader replicas (KIP-966)
    struct image_ids last_known_elr;
};
extern const struct image_rare image_rare_none;

struct image_partition {
    struct pitem item;
    struct uuid topic_id;
    int32_t index;
    struct image_ids replicas; // order of preference
    struct image_ids isr;
    const struct image_rare *rare;  // never NULL; image_rare_none
    const struct uuid *directories; // one per replica; uuid 1 = UNASSIGNED, 0 = MIGRATING
    int32_t leader;                 // -1 none
    int32_t leader_epoch;
    int32_t partition_epoch;
    int8_t leader_recovery_state;
};

struct image_topic {
    struct pitem item;
    struct slice name;
    struct uuid id;
    struct pmap partitions; // image_partition by index
};

struct image_endpoint {
    struct slice name; // listener
    struct slice host;
    uint16_t port;
    int16_t security_protocol; // 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL
};

struct image_feature_range {
    struct slice name;
    int16_t min;
    int16_t max;
};

// A registered broker or (is_controller) controller.
struct image_node {
    struct pitem item;
    int32_t id;
    bool is_controller;
    struct uuid incarnation_id;
    int64_t epoch; // broker epoch = offset of its registration record; -1 for controllers
    bool is_fenced;
    bool in_controlled_shutdown;
    bool is_migrating_zk_broker;
    struct slice rack; // null = none
    const struct image_endpoint *endpoints;
    int32_t endpoint_count;
    const struct image_feature_range *features;
    int32_t feature_count;
    const struct uuid *log_dirs;
    int32_t log_dir_count;
    const struct uuid *cordoned_dirs;
    int32_t cordoned_dir_count; // -1 = null
};

enum image_resource_type {
    IMAGE_RESOURCE_TOPIC = 2,
    IMAGE_RESOURCE_BROKER = 4, // name "" = default of all brokers
    IMAGE_RESOURCE_CLIENT_METRICS = 16,
    IMAGE_RESOURCE_GROUP = 32,
};

struct image_config {
    struct slice key;
    struct slice value;
};

struct image_resource {
    struct pitem item;
    int8_t type; // enum image_resource_type, or one this build does not know
    struct slice name;
    const struct image_config *items; // ascending keys
    int32_t count;
};

struct image_feature {
    struct pitem item;
    struct slice name;
    int16_t level;
};

// Whom a quota is for: "user", "client-id", both, or "ip"; each once, ascending types.
struct image_quota_part {
    struct slice type;
    struct slice name; // null = the default: whoever has no entry of his own
};

struct image_quota_value {
    struct slice key; // "producer_byte_rate"...
    double value;
};

struct image_quota {
    struct pitem item;
    const struct image_quota_part *parts;
    int32_t part_count;
    const struct image_quota_value *values; // ascending keys, at least one
    int32_t count;
};

// A record kept as it came, for what no part of this build looks into: ACLs, SCRAM credentials, tokens.
struct image_other {
    struct pitem item;
    int16_t record_type; // 10 token, 11 SCRAM, 18 ACL
    struct slice key;    // what makes two of the same type the same
    struct slice value;  // the record's value as in the log, frame included
};

struct image {
    int refs;                 // __atomic access only
    int64_t offset;           // of the last record applied; -1 = empty
    int32_t epoch;            // of that record
    int64_t next_producer_id; // first id that no block covers; 0 = no block yet
    struct pmap topics;       // image_topic by id
    struct pmap topic_names;  // name to id; see image_topic_by_name
    struct pmap brokers;
    struct pmap controllers;
    struct pmap resources; // configurations
    struct pmap features;
    struct pmap quotas;
    struct pmap others;
    int64_t partition_count; // of all topics
};

struct image *image_new_empty(void);
struct image *image_ref(const struct image *image);
void image_unref(const struct image *image); // NULL is a no-op

// ---- looking up; results borrow from the image ------------------------------------------------------------------

const struct image_topic *image_topic_by_name(const struct image *image, struct slice name);
const struct image_topic *image_topic_by_id(const struct image *image, struct uuid id);
static inline int32_t image_topic_partition_count(const struct image_topic *topic)
{
    return topic->partitions.count;
}
// NULL when absent; indexes are 0 to count - 1.
const struct image_partition *image_partition_at(const struct image_topic *topic, int32_t index);
const struct image_partition *image_partition(const struct image *image, struct slice topic, int32_t index);
const struct image_node *image_broker(const struct image *image, int32_t id);
const struct image_node *image_controller(const struct image *image, int32_t id);
// NULL when nothing is set.
const struct image_resource *image_resource(const struct image *image, int8_t type, struct slice name);
// The value set on that resource itself, null when none.
struct slice image_config(const struct image *image, int8_t type, struct slice name, const char *key);
// NULL when nothing is set for exactly these; parts as in image_quota.
const struct image_quota *image_quota(const struct image *image, const struct image_quota_part *parts,
                                      int32_t part_count);
// Its value of one key; false when it has none.
bool image_quota_value(const struct image_quota *quota, struct slice key, double *out);
// Has the user a SCRAM credential of that mechanism?
bool image_has_scram(const struct image *image, struct slice user, int8_t mechanism);
// Brings parts into the order of image_quota.
void image_quota_sort(struct image_quota_part *parts, int32_t part_count);
// 0 when not finalised.
int16_t image_feature_level(const struct image *image, const char *name);
static inline int16_t image_metadata_version(const struct image *image)
{
    return image_feature_level(image, "metadata.version");
}
// Listener's endpoint of a node, NULL when it has none by that name.
const struct image_endpoint *image_endpoint(const struct image_node *node, struct slice listener);

// The directory that the metadata assigns to a broker's replica; UNASSIGNED when the broker has none of it.
struct uuid image_directory_of(const struct image_partition *partition, int32_t broker_id);
// Kafka's rule (KIP-858): a replica in no directory yet, or of before directories were known, counts as online.
bool image_has_directory(const struct image_node *broker, struct uuid directory);

// Walks: struct pmap_iter it = pmap_iter(&image->topics);
//        for (const struct image_topic *t; (t = image_next_topic(&it)) != NULL;) ...
// Order: stable for one image, not by name.
const struct image_topic *image_next_topic(struct pmap_iter *iter);
const struct image_node *image_next_node(struct pmap_iter *iter);         // &image->brokers, &image->controllers
const struct image_resource *image_next_resource(struct pmap_iter *iter); // &image->resources
const struct image_feature *image_next_feature(struct pmap_iter *iter);   // &image->features
const struct image_quota *image_next_quota(struct pmap_iter *iter);       // &image->quotas
const struct image_other *image_next_other(struct pmap_iter *iter);       // &image->others

// The records that make the image again, in Kafka's order for snapshots (kafka-internals A10). Borrows from the image.
struct metadata_records;
void image_records(const struct image *image, struct arena *arena, struct metadata_records *out);

// ---- what changed between two images ----------------------------------------------------------------------------

// before NULL = created, after NULL = deleted. A topic deleted and created again under its name is two entries.
struct image_topic_change {
    const struct image_topic *before;
    const struct image_topic *after;
};

struct image_partition_change {
    const struct image_topic *topic; // after, or before for a deleted one
    const struct image_partition *before;
    const struct image_partition *after;
};

struct image_resource_change {
    int8_t type;
    struct slice name;
    const struct image_resource *before; // NULL = nothing was set
    const struct image_resource *after;  // NULL = nothing is set any more (always so with its topic's deletion)
};

// Immutable and counted like an image; holds both images.
struct image_delta {
    int refs; // __atomic access only
    struct arena arena;
    const struct image *before;
    const struct image *after;
    struct image_topic_change *topics; // created and deleted ones, in the order first touched; deleted before created
    int32_t topic_count;
    struct image_partition_change *partitions; // every partition that differs, those of created and deleted topics too
    int32_t partition_count;
    struct image_resource_change *resources;
    int32_t resource_count;
    bool brokers_changed;
    bool controllers_changed;
    bool features_changed;
    bool quotas_changed;
    bool others_changed; // ACLs, SCRAM, tokens
};

struct image_delta *image_delta_ref(struct image_delta *delta);
void image_delta_unref(struct image_delta *delta); // NULL is a no-op

// ---- applying the log -------------------------------------------------------------------------------------------

// Turns batches into images. What stands inside an open metadata transaction is not shown before its end (KIP-868).
struct image_builder;
// Starts from `base`, borrowed.
struct image_builder *image_builder_new(const struct image *base);
void image_builder_free(struct image_builder *builder); // NULL is a no-op
// Applies one complete batch (61-byte header and records; control batches only move the offset). On failure the
// builder must be freed: `problem` says which record at which offset and why. ERR_UNSUPPORTED_VERSION: a record type or
// version that this build does not know (Kafka stops there too); ERR_CORRUPT: undecodable, or not applicable to the
// image.
MUST_CHECK enum err image_builder_batch(struct image_builder *builder, struct slice batch, struct text *problem);
// One record's value at `offset`, for records that come from elsewhere (a snapshot, a decision being prepared).
MUST_CHECK enum err image_builder_record(struct image_builder *builder, int64_t offset, int32_t epoch,
                                         struct slice value, struct text *problem);
// Is a metadata transaction open?
bool image_builder_in_transaction(const struct image_builder *builder);
// The newest image that may be shown and the change since the last publication (or the base); both owned by the
// caller. `delta` may be NULL when nobody asks. The builder goes on from there.
struct image *image_builder_publish(struct image_builder *builder, struct image_delta **delta);
// The newest image, open transaction included, borrowed: what the controller decides on.
const struct image *image_builder_newest(const struct image_builder *builder);
// A snapshot ended at `offset` (last contained) and `epoch`: its records carry offsets of their own.
void image_builder_set_position(struct image_builder *builder, int64_t offset, int32_t epoch);

#endif
