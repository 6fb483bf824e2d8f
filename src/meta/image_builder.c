// SPDX-License-Identifier: Apache-2.0
// Batches to images, and what changed in between. The builder works on an image of its own; publishing shows a copy of
// its roots, after which the builder's own changes copy their path again.
#include "meta/image_int.h"

#include "base/map.h"
#include "base/mem.h"
#include "record/batch.h"

struct touch {
    struct map_link link;
    struct touch *next; // in the order first touched
    enum { TOUCH_TOPIC, TOUCH_PARTITION, TOUCH_RESOURCE } kind;
    struct uuid id;
    int32_t index;
    int8_t type;
    struct slice name;
};

struct image_touched {
    struct arena arena;
    struct map map;
    struct touch *first;
    struct touch **last;
    unsigned areas;
};

struct image_builder {
    struct image *work;
    struct image *hidden_base; // the image before the open metadata transaction, NULL when none is open
    const struct image *published;
    struct image_touched touched;
    struct arena scratch;
    struct text body; // decompressed records
};

static void touch(struct image_touched *touched, const struct touch *what, uint64_t hash)
{
    for (struct map_link *l = map_find(&touched->map, hash); l != NULL; l = map_find_next(l)) {
        const struct touch *t = MAP_ITEM(l, struct touch, link);
        if (t->kind == what->kind && uuid_eq(t->id, what->id) && t->index == what->index && t->type == what->type &&
            slice_eq(t->name, what->name))
            return;
    }
    struct touch *t = ARENA_NEW(&touched->arena, struct touch);
    *t = *what;
    t->name = arena_copy(&touched->arena, what->name);
    map_insert(&touched->map, &t->link, hash);
    *touched->last = t;
    touched->last = &t->next;
}

void image_touch_topic(struct image_touched *touched, struct uuid id)
{
    touch(touched, &(struct touch){.kind = TOUCH_TOPIC, .id = id}, image_uuid_hash(id));
}

void image_touch_partition(struct image_touched *touched, struct uuid id, int32_t index)
{
    touch(touched, &(struct touch){.kind = TOUCH_PARTITION, .id = id, .index = index},
          hash_u64(image_uuid_hash(id), (uint64_t)index + 1));
}

void image_touch_resource(struct image_touched *touched, int8_t type, struct slice name)
{
    touch(touched, &(struct touch){.kind = TOUCH_RESOURCE, .type = type, .name = name},
          image_resource_hash(type, name));
}

void image_touch_area(struct image_touched *touched, enum image_area area)
{
    touched->areas |= area;
}

static void touched_reset(struct image_touched *touched)
{
    map_deinit(&touched->map);
    arena_reset(&touched->arena);
    touched->first = NULL;
    touched->last = &touched->first;
    touched->areas = 0;
}

struct image_builder *image_builder_new(const struct image *base)
{
    struct image_builder *builder = MEM_NEW(struct image_builder);
    builder->work = image_copy(base);
    builder->published = image_ref(base);
    touched_reset(&builder->touched);
    return builder;
}

void image_builder_free(struct image_builder *builder)
{
    if (builder == NULL) return;
    image_unref(builder->work);
    image_unref(builder->hidden_base);
    image_unref(builder->published);
    map_deinit(&builder->touched.map);
    arena_deinit(&builder->touched.arena);
    arena_deinit(&builder->scratch);
    text_deinit(&builder->body);
    mem_free(builder);
}

static enum err mark_transaction(struct image_builder *b, enum image_mark mark, struct image *before,
                                 struct text *problem)
{
    switch (mark) {
    case IMAGE_MARK_NONE: return OK;
    case IMAGE_MARK_BEGIN:
        if (b->hidden_base != NULL) {
            if (problem != NULL) text_add_str(problem, "a metadata transaction begins inside another");
            return ERR_CORRUPT;
        }
        b->hidden_base = image_ref(before);
        return OK;
    case IMAGE_MARK_END:
    case IMAGE_MARK_ABORT:
        if (b->hidden_base == NULL) {
            if (problem != NULL) text_add_str(problem, "a metadata transaction ends that has not begun");
            return ERR_CORRUPT;
        }
        if (mark == IMAGE_MARK_ABORT) {
            struct image *reverted = image_copy(b->hidden_base);
            image_unref(b->work);
            b->work = reverted;
        }
        image_unref(b->hidden_base);
        b->hidden_base = NULL;
        return OK;
    }
    return OK;
}

static bool begins_transaction(struct slice value)
{
    return value.size >= 2 && value.data[0] == 1 && value.data[1] == 23; // frame version, BeginTransactionRecord
}

enum err image_builder_record(struct image_builder *builder, int64_t offset, int32_t epoch, struct slice value,
                              struct text *problem)
{
    // Only a begin needs the image as it was before.
    struct image *before = begins_transaction(value) ? image_copy(builder->work) : NULL;
    struct text why = {0};
    enum image_mark mark = IMAGE_MARK_NONE;
    arena_reset(&builder->scratch);
    enum err e = image_apply_record(builder->work, &builder->touched, value, &builder->scratch, &mark, &why);
    if (e == OK && mark != IMAGE_MARK_NONE) e = mark_transaction(builder, mark, before, &why);
    if (e == OK)
        image_builder_set_position(builder, offset, epoch);
    else if (problem != NULL)
        text_printf(problem, "metadata record at offset %lld: %s", (long long)offset, text_cstr(&why));
    image_unref(before);
    text_deinit(&why);
    return e;
}

enum err image_builder_batch(struct image_builder *builder, struct slice bytes, struct text *problem)
{
    struct batch_view batch;
    enum err e = batch_parse(bytes, &batch);
    if (e == OK && (batch.header.magic != 2 || !batch_crc_is_valid(batch.bytes))) e = ERR_CORRUPT;
    struct slice body = SLICE_NULL;
    if (e == OK) e = batch_body(&batch, 64 << 20, &builder->body, &body);
    if (e != OK) {
        if (problem != NULL) text_add_str(problem, "a batch of the metadata log that is no valid batch");
        return e;
    }
    const struct batch_header *h = &batch.header;
    if (!batch_is_control(h)) {
        struct record_iter it = record_iter(h, body);
        struct record record;
        while (record_next(&it, &record)) {
            e = image_builder_record(builder, record.offset, h->partition_leader_epoch, record.value, problem);
            if (e != OK) return e;
        }
        if (it.err != OK) {
            if (problem != NULL)
                text_printf(problem, "the batch at offset %lld of the metadata log is malformed",
                            (long long)h->base_offset);
            return it.err;
        }
    }
    image_builder_set_position(builder, batch_last_offset(h), h->partition_leader_epoch);
    return OK;
}

bool image_builder_in_transaction(const struct image_builder *builder)
{
    return builder->hidden_base != NULL;
}

const struct image *image_builder_newest(const struct image_builder *builder)
{
    return builder->work;
}

void image_builder_set_position(struct image_builder *builder, int64_t offset, int32_t epoch)
{
    builder->work->offset = offset;
    builder->work->epoch = epoch;
}

// ---- delta ------------------------------------------------------------------------------------------------------

struct image_delta *image_delta_ref(struct image_delta *delta)
{
    __atomic_add_fetch(&delta->refs, 1, __ATOMIC_RELAXED);
    return delta;
}

void image_delta_unref(struct image_delta *delta)
{
    if (delta == NULL || __atomic_sub_fetch(&delta->refs, 1, __ATOMIC_ACQ_REL) != 0) return;
    image_unref(delta->before);
    image_unref(delta->after);
    arena_deinit(&delta->arena);
    mem_free(delta);
}

// Grows an array of the arena by doubling; the old one is left to the arena.
static void *grown(struct arena *arena, void *items, int32_t count, size_t size)
{
    if ((count & (count - 1)) != 0) return items; // room up to the next power of two
    void *wider = arena_zalloc(arena, count == 0 ? 1 : (size_t)count * 2, size);
    if (count > 0) memcpy(wider, items, (size_t)count * size);
    return wider;
}

static void add_partition(struct image_delta *d, const struct image_topic *topic, const struct image_partition *before,
                          const struct image_partition *after)
{
    if (before == after) return;
    d->partitions = grown(&d->arena, d->partitions, d->partition_count, sizeof(*d->partitions));
    d->partitions[d->partition_count++] = (struct image_partition_change){topic, before, after};
}

static void add_topic(struct image_delta *d, const struct image_topic *before, const struct image_topic *after)
{
    d->topics = grown(&d->arena, d->topics, d->topic_count, sizeof(*d->topics));
    d->topics[d->topic_count++] = (struct image_topic_change){before, after};
}

static void add_deleted(struct image_delta *d, const struct image_topic *before)
{
    add_topic(d, before, NULL);
    struct pmap_iter it = pmap_iter(&before->partitions);
    for (const struct pitem *item; (item = pmap_next(&it)) != NULL;)
        add_partition(d, before, (const struct image_partition *)(const void *)item, NULL);
}

static void add_touched_partition(struct image_delta *d, const struct touch *t)
{
    const struct image_topic *before = image_topic_by_id(d->before, t->id);
    const struct image_topic *after = image_topic_by_id(d->after, t->id);
    if (after == NULL) return; // its topic's deletion has listed it, if it was ever shown
    add_partition(d, after, before == NULL ? NULL : image_partition_at(before, t->index),
                  image_partition_at(after, t->index));
}

static struct image_delta *delta_between(const struct image *before, const struct image *after,
                                         const struct image_touched *touched)
{
    struct image_delta *d = MEM_NEW(struct image_delta);
    d->refs = 1;
    d->before = image_ref(before);
    d->after = image_ref(after);
    for (const struct touch *t = touched->first; t != NULL; t = t->next) {
        if (t->kind != TOUCH_TOPIC) continue;
        const struct image_topic *old = image_topic_by_id(before, t->id);
        if (old != NULL && image_topic_by_id(after, t->id) == NULL) add_deleted(d, old);
    }
    for (const struct touch *t = touched->first; t != NULL; t = t->next) {
        if (t->kind != TOUCH_TOPIC) continue;
        const struct image_topic *new = image_topic_by_id(after, t->id);
        if (new != NULL && image_topic_by_id(before, t->id) == NULL) add_topic(d, NULL, new);
    }
    for (const struct touch *t = touched->first; t != NULL; t = t->next)
        if (t->kind == TOUCH_PARTITION) add_touched_partition(d, t);
    for (const struct touch *t = touched->first; t != NULL; t = t->next) {
        if (t->kind != TOUCH_RESOURCE) continue;
        const struct image_resource *old = image_resource(before, t->type, t->name);
        const struct image_resource *new = image_resource(after, t->type, t->name);
        if (old == new) continue;
        d->resources = grown(&d->arena, d->resources, d->resource_count, sizeof(*d->resources));
        d->resources[d->resource_count++] =
            (struct image_resource_change){t->type, arena_copy(&d->arena, t->name), old, new};
    }
    d->brokers_changed = (touched->areas & IMAGE_BROKERS) != 0;
    d->controllers_changed = (touched->areas & IMAGE_CONTROLLERS) != 0;
    d->features_changed = (touched->areas & IMAGE_FEATURES) != 0;
    d->quotas_changed = (touched->areas & IMAGE_QUOTAS) != 0;
    d->others_changed = (touched->areas & IMAGE_OTHERS) != 0;
    return d;
}

struct image *image_builder_publish(struct image_builder *builder, struct image_delta **delta)
{
    bool is_hiding = builder->hidden_base != NULL;
    struct image *image = is_hiding ? image_ref(builder->hidden_base) : image_copy(builder->work);
    if (delta != NULL) *delta = delta_between(builder->published, image, &builder->touched);
    image_unref(builder->published);
    builder->published = image_ref(image);
    if (!is_hiding) touched_reset(&builder->touched); // what is hidden will be compared again when it shows
    return image;
}
