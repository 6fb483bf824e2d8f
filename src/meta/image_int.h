// SPDX-License-Identifier: Apache-2.0
#ifndef ODRADEK_META_IMAGE_INT_H
#define ODRADEK_META_IMAGE_INT_H

#include "meta/image.h"

struct image_name { // of a topic
    struct pitem item;
    struct slice name;
    struct uuid id;
};

// Items are made by copying a template, all that it points to included, into one block. One reference, the caller's.
struct image_partition *image_partition_make(const struct image_partition *from);
struct image_topic *image_topic_make(struct slice name, struct uuid id);
// Shares the partitions.
struct image_topic *image_topic_clone(const struct image_topic *from);
struct image_node *image_node_make(const struct image_node *from);
struct image_resource *image_resource_make(const struct image_resource *from);

uint64_t image_uuid_hash(struct uuid id);
uint64_t image_name_hash(struct slice name);
uint64_t image_resource_hash(int8_t type, struct slice name);

// Changes of an image that nobody else sees yet.
void image_put_topic(struct image *image, struct slice name, struct uuid id);
// The topic, made this image's own; NULL when absent.
struct image_topic *image_own_topic(struct image *image, struct uuid id);
void image_put_partition(struct image_topic *topic, const struct image_partition *from);
void image_remove_topic(struct image *image, const struct image_topic *topic);
void image_put_node(struct image *image, const struct image_node *from);
bool image_remove_node(struct image *image, bool is_controller, int32_t id);
// value null = unset
void image_set_config(struct image *image, int8_t type, struct slice name, struct slice key, struct slice value);
void image_remove_resource(struct image *image, int8_t type, struct slice name);
void image_set_feature(struct image *image, struct slice name, int16_t level); // 0 removes
// `remove` takes the key away, and the entity with its last key.
void image_set_quota(struct image *image, const struct image_quota_part *parts, int32_t part_count, struct slice key,
                     double value, bool remove); // image_quotas.c
void image_put_other(struct image *image, int16_t record_type, struct slice key, struct slice value);
bool image_has_other(const struct image *image, int16_t record_type, struct slice key);
bool image_remove_other(struct image *image, int16_t record_type, struct slice key);
// Another image of the same content.
struct image *image_copy(const struct image *from);

// What was touched since the last publication; image_builder.c.
struct image_touched;
void image_touch_topic(struct image_touched *touched, struct uuid id);
void image_touch_partition(struct image_touched *touched, struct uuid id, int32_t index);
void image_touch_resource(struct image_touched *touched, int8_t type, struct slice name);
enum image_area { IMAGE_BROKERS = 1, IMAGE_CONTROLLERS = 2, IMAGE_FEATURES = 4, IMAGE_OTHERS = 8, IMAGE_QUOTAS = 16 };
void image_touch_area(struct image_touched *touched, enum image_area area);

enum image_mark { IMAGE_MARK_NONE, IMAGE_MARK_BEGIN, IMAGE_MARK_END, IMAGE_MARK_ABORT };

// Applies one record; image_apply.c. `mark` says what it means for metadata transactions. `scratch` is for decoding.
MUST_CHECK enum err image_apply_record(struct image *image, struct image_touched *touched, struct slice value,
                                       struct arena *scratch, enum image_mark *mark, struct text *problem);

#endif
