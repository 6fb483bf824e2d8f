// SPDX-License-Identifier: Apache-2.0
// Positions do not stay for ever (KIP-211): retention counts from when the group became empty, for simple consumers
// from the commit, for topics a live group has unsubscribed from the commit too. A group without positions and members
// goes.
#include "coord/group_int.h"

#include "base/log.h"

// INT64_MIN: nothing of this group expires now. Else since when retention counts for that position.
static int64_t retention_from(const struct group *group, const struct group_offset *offset)
{
    if (group->kind != GROUP_KIND_CLASSIC) return INT64_MIN;
    if (slice_is_null(group->protocol_type)) return offset->commit_ms;
    switch (group->phase) {
    case GROUP_EMPTY: return group->since_ms == -1 ? offset->commit_ms : group->since_ms;
    case GROUP_STABLE:
        return group_is_consumer_type(group) && group->is_subscription_known ? offset->commit_ms : INT64_MIN;
    case GROUP_PREPARING:
    case GROUP_COMPLETING: break;
    }
    return INT64_MIN;
}

static bool is_expired(const struct group *group, const struct group_offset *offset)
{
    int64_t now_ms = coord_wall_ms(group->state->coord);
    int64_t from_ms = retention_from(group, offset);
    if (from_ms == INT64_MIN) return false;
    if (offset->expire_ms != -1) return now_ms >= offset->expire_ms;
    return now_ms - from_ms >= group->state->settings->offsets_retention_ms;
}

// Partitions of the topic to be deleted, first into the step's arena: writing their tombstones changes the topic.
struct doomed {
    struct slice topic;
    int32_t *partitions;
    int32_t count;
};

static struct doomed doomed_of(const struct group *group, const struct group_topic *topic)
{
    struct arena *arena = coord_arena(group->state->coord);
    return (struct doomed){.topic = arena_copy(arena, topic->name),
                           .partitions = ARENA_ARRAY(arena, int32_t, topic->count)};
}

static void write_doomed(struct group *group, const struct doomed *doomed)
{
    for (int32_t i = 0; i < doomed->count; i++)
        group_write_offset_tombstone(group, doomed->topic, doomed->partitions[i]);
}

static void expire_topic(struct group *group, const struct group_topic *topic)
{
    if (group_has_topic(group, topic->name)) return;
    struct doomed doomed = doomed_of(group, topic);
    for (int32_t i = 0; i < topic->count; i++) {
        const struct group_position *position = &topic->positions[i];
        if (position->uncertain != NULL || position->committed == NULL) continue;
        if (is_expired(group, position->committed)) doomed.partitions[doomed.count++] = position->partition;
    }
    write_doomed(group, &doomed);
}

static void expire_group(struct group *group)
{
    if (group->kind != GROUP_KIND_CLASSIC) return;
    LIST_EACH (link, &group->topics) expire_topic(group, LIST_ITEM(link, struct group_topic, link));
    if (!list_is_empty(&group->topics) || group->phase != GROUP_EMPTY) return;
    log_info(coord_log(group->state->coord), "group", "%.*s: removed, it has neither members nor positions",
             SLICE_FMT(group->id));
    group_write_tombstone(group);
}

void group_expiry_timer(void *data, struct coord_timer *timer)
{
    struct group_state *state = data;
    LIST_EACH (link, &state->groups) expire_group(LIST_ITEM(link, struct group, link));
    coord_timer_set(state->coord, timer, coord_now_ms(state->coord) + state->settings->offsets_retention_check_ms);
}

// ---- deleted topics ----------------------------------------------------------------------------------------------

static bool is_of(const struct group_offset *offset, struct uuid id)
{
    return uuid_is_zero(offset->topic_id) || uuid_eq(offset->topic_id, id);
}

static bool concerns(const struct group_position *position, struct uuid id)
{
    if (position->committed != NULL && is_of(position->committed, id)) return true;
    for (const struct group_uncertain *item = position->uncertain; item != NULL; item = item->next)
        if (is_of(item->offset, id)) return true;
    return false;
}

static void forget_topic(struct group *group, const struct image_topic *deleted)
{
    const struct group_topic *topic = group_topic_find(group, deleted->name);
    if (topic == NULL) return;
    struct doomed doomed = doomed_of(group, topic);
    for (int32_t i = 0; i < topic->count; i++)
        if (concerns(&topic->positions[i], deleted->id))
            doomed.partitions[doomed.count++] = topic->positions[i].partition;
    write_doomed(group, &doomed);
}

void group_topics_deleted(struct group_state *state, const struct image_delta *delta)
{
    for (int32_t i = 0; i < delta->topic_count; i++) {
        if (delta->topics[i].after != NULL) continue;
        LIST_EACH (link, &state->groups) forget_topic(LIST_ITEM(link, struct group, link), delta->topics[i].before);
    }
}

void group_write_all_tombstones(struct group *group)
{
    LIST_EACH (link, &group->topics) {
        const struct group_topic *topic = LIST_ITEM(link, struct group_topic, link);
        struct doomed doomed = doomed_of(group, topic);
        for (int32_t i = 0; i < topic->count; i++) doomed.partitions[doomed.count++] = topic->positions[i].partition;
        write_doomed(group, &doomed);
    }
}
