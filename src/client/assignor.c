// SPDX-License-Identifier: Apache-2.0
// The plan all assignors work on, and the two simple ones.
//
// Where Java's result depends on the order of a HashMap (members that own too much, say), so does ours: a table of
// 16, 32, ... places, a key's place being its folded hash, keys of one place in order of insertion.
#include "client/assignor_int.h"

#include "base/assert.h"

#include <stdlib.h>

static const struct {
    const char *name;
    const char *class_name;
} names[] = {
    [ASSIGNOR_RANGE] = {"range", "org.apache.kafka.clients.consumer.RangeAssignor"},
    [ASSIGNOR_ROUNDROBIN] = {"roundrobin", "org.apache.kafka.clients.consumer.RoundRobinAssignor"},
    [ASSIGNOR_STICKY] = {"sticky", "org.apache.kafka.clients.consumer.StickyAssignor"},
    [ASSIGNOR_COOPERATIVE_STICKY] = {"cooperative-sticky",
                                     "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"},
};

const char *assignor_name(enum assignor assignor)
{
    return names[assignor].name;
}

bool assignor_find(struct slice name, enum assignor *out)
{
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!slice_eq_str(name, names[i].name) && !slice_eq_str(name, names[i].class_name)) continue;
        *out = (enum assignor)i;
        return true;
    }
    return false;
}

bool assignor_is_cooperative(enum assignor assignor)
{
    return assignor == ASSIGNOR_COOPERATIVE_STICKY;
}

// ---- lists -----------------------------------------------------------------------------------------------------

static int by_topic_and_index(const void *a, const void *b)
{
    const struct assignor_partition *x = a, *y = b;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

void assignor_sort(struct assignor_partitions *partitions)
{
    if (partitions->count < 2) return;
    qsort(partitions->items, partitions->count, sizeof(partitions->items[0]), by_topic_and_index);
}

bool assignor_contains(const struct assignor_partitions *partitions, struct slice topic, int32_t index)
{
    for (size_t i = 0; i < partitions->count; i++) {
        if (partitions->items[i].index == index && slice_eq(partitions->items[i].topic, topic)) return true;
    }
    return false;
}

void assignor_numbers_add(struct numbers *numbers, struct arena *arena, int32_t number)
{
    if (numbers->count == numbers->capacity) {
        int32_t capacity = numbers->capacity == 0 ? 8 : numbers->capacity * 2;
        int32_t *items = ARENA_ARRAY(arena, int32_t, capacity);
        if (numbers->count > 0) memcpy(items, numbers->items, (size_t)numbers->count * sizeof(*items));
        numbers->items = items;
        numbers->capacity = capacity;
    }
    numbers->items[numbers->count++] = number;
}

void assignor_numbers_remove_at(struct numbers *numbers, int32_t at)
{
    ASSERT(at >= 0 && at < numbers->count);
    numbers->count--;
    size_t behind = (size_t)(numbers->count - at);
    memmove(numbers->items + at, numbers->items + at + 1, behind * sizeof(numbers->items[0]));
}

void assignor_numbers_remove(struct numbers *numbers, int32_t number)
{
    for (int32_t i = 0; i < numbers->count; i++) {
        if (numbers->items[i] != number) continue;
        assignor_numbers_remove_at(numbers, i);
        return;
    }
}

bool assignor_numbers_contain(const struct numbers *numbers, int32_t number)
{
    for (int32_t i = 0; i < numbers->count; i++) {
        if (numbers->items[i] == number) return true;
    }
    return false;
}

// ---- Java's order ----------------------------------------------------------------------------------------------

uint32_t assignor_hash(struct slice text)
{
    uint32_t hash = 0;
    for (size_t i = 0; i < text.size; i++) hash = hash * 31 + text.data[i];
    return hash;
}

uint32_t assignor_bucket(uint32_t hash, uint32_t table_size)
{
    return (hash ^ (hash >> 16)) & (table_size - 1);
}

struct placed {
    uint32_t bucket;
    size_t index;
};

static int by_bucket(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->bucket != y->bucket) return x->bucket > y->bucket ? 1 : -1;
    return (x->index > y->index) - (x->index < y->index);
}

static void place_members(struct plan *plan, struct assignor_member *members, size_t count)
{
    uint32_t table = 16;
    while (count > table / 4 * 3) table *= 2;
    struct placed *placed = ARENA_ARRAY(plan->arena, struct placed, count + 1);
    for (size_t i = 0; i < count; i++) {
        placed[i] = (struct placed){assignor_bucket(assignor_hash(members[i].member_id), table), i};
    }
    qsort(placed, count, sizeof(*placed), by_bucket);
    plan->members = ARENA_ARRAY(plan->arena, struct plan_member, count + 1);
    plan->member_count = (int32_t)count;
    for (size_t i = 0; i < count; i++) plan->members[i].member = &members[placed[i].index];
}

// ---- the plan --------------------------------------------------------------------------------------------------

static int by_topic_name(const void *a, const void *b)
{
    return slice_cmp(((const struct assignor_topic *)a)->name, ((const struct assignor_topic *)b)->name);
}

static int32_t find_topic(const struct plan *plan, struct slice name)
{
    const struct assignor_topic key = {.name = name};
    const struct assignor_topic *found =
        plan->topic_count == 0 ? NULL
                               : bsearch(&key, plan->topics, (size_t)plan->topic_count, sizeof(key), by_topic_name);
    return found == NULL ? -1 : (int32_t)(found - plan->topics);
}

int32_t assignor_partition_number(const struct plan *plan, struct slice topic, int32_t index)
{
    int32_t t = find_topic(plan, topic);
    if (t < 0 || index < 0 || index >= plan->topics[t].partition_count) return -1;
    return plan->first[t] + index;
}

static bool is_subscribed(struct slice topic, const struct assignor_member *members, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t t = 0; t < members[i].topic_count; t++) {
            if (slice_eq(members[i].topics[t], topic)) return true;
        }
    }
    return false;
}

static void plan_init(struct plan *plan, const struct assignor_topic *topics, size_t topic_count,
                      struct assignor_member *members, size_t member_count, struct arena *arena)
{
    *plan = (struct plan){.arena = arena, .generation_max = -1};
    plan->topics = ARENA_ARRAY(arena, struct assignor_topic, topic_count + 1);
    for (size_t i = 0; i < topic_count; i++) {
        if (topics[i].partition_count <= 0 || !is_subscribed(topics[i].name, members, member_count)) continue;
        plan->topics[plan->topic_count++] = topics[i];
    }
    qsort(plan->topics, (size_t)plan->topic_count, sizeof(topics[0]), by_topic_name);
    plan->first = ARENA_ARRAY(arena, int32_t, plan->topic_count + 1);
    for (int32_t t = 0; t < plan->topic_count; t++) {
        plan->first[t] = plan->partition_count;
        plan->partition_count += plan->topics[t].partition_count;
    }
    plan->first[plan->topic_count] = plan->partition_count;
    plan->topic_of = ARENA_ARRAY(arena, int32_t, plan->partition_count + 1);
    plan->moves_to = ARENA_ARRAY(arena, int32_t, plan->partition_count + 1);
    plan->has_many_owners = ARENA_ARRAY(arena, bool, plan->partition_count + 1);
    for (int32_t t = 0; t < plan->topic_count; t++) {
        for (int32_t p = plan->first[t]; p < plan->first[t + 1]; p++) plan->topic_of[p] = t;
    }
    for (int32_t p = 0; p < plan->partition_count; p++) plan->moves_to[p] = NOBODY;
    place_members(plan, members, member_count);
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct assignor_member *member = plan->members[m].member;
        plan->members[m].subscribes = ARENA_ARRAY(arena, bool, plan->topic_count + 1);
        for (size_t i = 0; i < member->topic_count; i++) {
            int32_t t = find_topic(plan, member->topics[i]);
            if (t >= 0) plan->members[m].subscribes[t] = true;
        }
    }
}

static void plan_finish(struct plan *plan)
{
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct numbers *assigned = &plan->members[m].assigned;
        struct assignor_partitions *out = &plan->members[m].member->assigned;
        out->items = ARENA_ARRAY(plan->arena, struct assignor_partition, assigned->count + 1);
        out->count = (size_t)assigned->count;
        for (int32_t i = 0; i < assigned->count; i++) {
            int32_t p = assigned->items[i], t = plan->topic_of[p];
            out->items[i] = (struct assignor_partition){plan->topics[t].name, p - plan->first[t]};
        }
        assignor_sort(out);
    }
}

// ---- range and round robin -------------------------------------------------------------------------------------

// Static members first, by instance; then the others by id: a restart moves nothing (KIP-345).
static int by_identity(const void *a, const void *b)
{
    const struct assignor_member *x = (*(struct plan_member *const *)a)->member;
    const struct assignor_member *y = (*(struct plan_member *const *)b)->member;
    bool x_is_static = !slice_is_null(x->instance_id), y_is_static = !slice_is_null(y->instance_id);
    if (x_is_static != y_is_static) return x_is_static ? -1 : 1;
    return x_is_static ? slice_cmp(x->instance_id, y->instance_id) : slice_cmp(x->member_id, y->member_id);
}

static struct plan_member **sorted_members(struct plan *plan)
{
    struct plan_member **sorted = ARENA_ARRAY(plan->arena, struct plan_member *, plan->member_count + 1);
    for (int32_t m = 0; m < plan->member_count; m++) sorted[m] = &plan->members[m];
    qsort(sorted, (size_t)plan->member_count, sizeof(struct plan_member *), by_identity);
    return sorted;
}

// Each topic by itself: consecutive partitions for the members in order, the first ones getting the remainder.
static void assign_ranges(struct plan *plan)
{
    struct plan_member **sorted = sorted_members(plan);
    for (int32_t t = 0; t < plan->topic_count; t++) {
        int32_t readers = 0, next = plan->first[t];
        for (int32_t m = 0; m < plan->member_count; m++) readers += sorted[m]->subscribes[t];
        int32_t each = plan->topics[t].partition_count / readers, extra = plan->topics[t].partition_count % readers;
        for (int32_t m = 0; m < plan->member_count; m++) {
            if (!sorted[m]->subscribes[t]) continue;
            int32_t count = each + (extra > 0);
            extra -= extra > 0;
            for (int32_t i = 0; i < count; i++) assignor_numbers_add(&sorted[m]->assigned, plan->arena, next++);
        }
    }
}

static void assign_in_turn(struct plan *plan)
{
    struct plan_member **sorted = sorted_members(plan);
    int32_t at = 0;
    for (int32_t p = 0; p < plan->partition_count; p++) { // some member subscribes to each topic of the plan
        while (!sorted[at]->subscribes[plan->topic_of[p]]) at = (at + 1) % plan->member_count;
        assignor_numbers_add(&sorted[at]->assigned, plan->arena, p);
        at = (at + 1) % plan->member_count;
    }
}

// ---- what members own ------------------------------------------------------------------------------------------

static bool subscribe_alike(const struct plan *plan)
{
    const struct assignor_member *first = NULL;
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct assignor_member *member = plan->members[m].member;
        if (first == NULL || first->topic_count == 0) {
            first = member;
            continue;
        }
        if (member->topic_count != first->topic_count) return false;
        for (size_t i = 0; i < member->topic_count; i++) {
            bool found = false;
            for (size_t j = 0; j < first->topic_count && !found; j++) {
                found = slice_eq(member->topics[i], first->topics[(i + j) % first->topic_count]);
            }
            if (!found) return false;
        }
    }
    return true;
}

// A partition claimed by several belongs to the one of the youngest generation, and to nobody when they are of one.
static void settle_owners(struct plan *plan)
{
    int32_t *owner = ARENA_ARRAY(plan->arena, int32_t, plan->partition_count + 1);
    for (int32_t p = 0; p < plan->partition_count; p++) owner[p] = NOBODY;
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct assignor_member *member = plan->members[m].member;
        if (member->generation > plan->generation_max) plan->generation_max = member->generation;
        for (size_t i = 0; i < member->owned.count; i++) {
            int32_t p = assignor_partition_number(plan, member->owned.items[i].topic, member->owned.items[i].index);
            if (p < 0) continue;
            if (owner[p] == NOBODY) {
                owner[p] = m;
                assignor_numbers_add(&plan->members[m].owned, plan->arena, p);
                continue;
            }
            struct plan_member *other = &plan->members[owner[p]];
            int32_t other_generation = other->member->subscription_generation;
            if (member->generation < other_generation) continue;
            assignor_numbers_remove(&other->owned, p);
            owner[p] = m;
            if (member->generation == other_generation)
                plan->has_many_owners[p] = true;
            else
                assignor_numbers_add(&plan->members[m].owned, plan->arena, p);
        }
    }
}

// ---- cooperation -----------------------------------------------------------------------------------------------

static bool owns(const struct plan *plan, const struct plan_member *member, int32_t partition)
{
    int32_t t = plan->topic_of[partition];
    return assignor_contains(&member->member->owned, plan->topics[t].name, partition - plan->first[t]);
}

// What is new to one member and was another's until now.
static void find_moves(struct plan *plan)
{
    bool *is_revoked = ARENA_ARRAY(plan->arena, bool, plan->partition_count + 1);
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct assignor_partitions *owned = &plan->members[m].member->owned;
        for (size_t i = 0; i < owned->count; i++) {
            int32_t p = assignor_partition_number(plan, owned->items[i].topic, owned->items[i].index);
            if (p >= 0 && !assignor_numbers_contain(&plan->members[m].assigned, p)) is_revoked[p] = true;
        }
    }
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct numbers *assigned = &plan->members[m].assigned;
        for (int32_t i = 0; i < assigned->count; i++) {
            int32_t p = assigned->items[i];
            if (is_revoked[p] && !owns(plan, &plan->members[m], p)) plan->moves_to[p] = m;
        }
    }
}

void assignor_assign(enum assignor assignor, const struct assignor_topic *topics, size_t topic_count,
                     struct assignor_member *members, size_t member_count, struct arena *arena)
{
    struct plan plan;
    plan_init(&plan, topics, topic_count, members, member_count, arena);
    bool is_alike = true;
    switch (assignor) {
    case ASSIGNOR_RANGE: assign_ranges(&plan); break;
    case ASSIGNOR_ROUNDROBIN: assign_in_turn(&plan); break;
    case ASSIGNOR_STICKY:
    case ASSIGNOR_COOPERATIVE_STICKY:
        if (member_count == 0) break;
        settle_owners(&plan);
        is_alike = subscribe_alike(&plan);
        if (is_alike)
            assignor_assign_constrained(&plan);
        else
            assignor_assign_general(&plan);
        break;
    }
    if (assignor == ASSIGNOR_COOPERATIVE_STICKY) {
        // What moves is given up first and handed out by the rebalance that follows.
        if (!is_alike) find_moves(&plan);
        for (int32_t p = 0; p < plan.partition_count; p++) {
            if (plan.moves_to[p] != NOBODY) assignor_numbers_remove(&plan.members[plan.moves_to[p]].assigned, p);
        }
    }
    plan_finish(&plan);
}
