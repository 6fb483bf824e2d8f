// SPDX-License-Identifier: Apache-2.0
// Sticky assignment when all members subscribe to the same topics (KIP-54, KAFKA-9987): everybody keeps what it owns
// up to its share; what is left goes round in order of names. Shares are floor(partitions / members), and one more for
// `over_expected` members, who are found among those that own that much first.
#include "client/assignor_int.h"

#include <stdlib.h>

struct sharing {
    struct plan *plan;
    int32_t share;         // everybody's least
    int32_t share_max;     // the same, or one more
    int32_t over_expected; // members that get more than `share`
    int32_t over;          // that have more already
    int32_t *taken_from;   // by partition: the owner that could not keep it, or NOBODY
    bool *is_taken;        // by partition: assigned to its owner
    struct numbers below;  // members with less than `share`
    struct numbers at;     // with exactly `share` that may get one more
};

static int by_index_and_topic(const void *a, const void *b, void *context)
{
    const struct plan *plan = context;
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    int32_t x_index = x - plan->first[plan->topic_of[x]], y_index = y - plan->first[plan->topic_of[y]];
    if (x_index != y_index) return x_index > y_index ? 1 : -1;
    return (x > y) - (x < y); // topics are numbered in order of names
}

static int by_member_id(const void *a, const void *b, void *context)
{
    const struct plan *plan = context;
    return slice_cmp(plan->members[*(const int32_t *)a].member->member_id,
                     plan->members[*(const int32_t *)b].member->member_id);
}

static void sort(struct numbers *numbers, struct plan *plan, int (*order)(const void *, const void *, void *))
{
    if (numbers->count > 1) qsort_r(numbers->items, (size_t)numbers->count, sizeof(int32_t), order, plan);
}

static void keep(struct sharing *s, int32_t m, int32_t count)
{
    const struct numbers *owned = &s->plan->members[m].owned;
    for (int32_t i = 0; i < owned->count; i++) {
        int32_t p = owned->items[i];
        if (i < count) {
            assignor_numbers_add(&s->plan->members[m].assigned, s->plan->arena, p);
            s->is_taken[p] = true;
        } else {
            s->taken_from[p] = m;
        }
    }
}

static void keep_owned(struct sharing *s, int32_t m)
{
    struct plan *plan = s->plan;
    struct numbers *owned = &plan->members[m].owned;
    sort(owned, plan, by_index_and_topic);
    for (int32_t i = owned->count; i-- > 0;) {
        if (plan->has_many_owners[owned->items[i]]) assignor_numbers_remove_at(owned, i);
    }
    if (owned->count < s->share) {
        keep(s, m, owned->count);
        assignor_numbers_add(&s->below, plan->arena, m);
    } else if (owned->count >= s->share_max && s->over < s->over_expected) {
        if (++s->over == s->over_expected) s->at.count = 0;
        keep(s, m, s->share_max);
    } else {
        keep(s, m, s->share);
        if (s->over < s->over_expected) assignor_numbers_add(&s->at, plan->arena, m);
    }
}

static int32_t give(struct sharing *s, int32_t p, int32_t m)
{
    struct plan *plan = s->plan;
    assignor_numbers_add(&plan->members[m].assigned, plan->arena, p);
    bool was_anothers = s->taken_from[p] != NOBODY && s->taken_from[p] != m;
    if (was_anothers || plan->has_many_owners[p]) plan->moves_to[p] = m;
    return plan->members[m].assigned.count;
}

// What nobody keeps goes to the members below their share in turn, then one each to those that may have one more.
static void give_rest(struct sharing *s)
{
    struct plan *plan = s->plan;
    int32_t next = 0;
    for (int32_t p = 0; p < plan->partition_count; p++) {
        if (s->is_taken[p]) continue;
        int32_t m;
        if (next >= s->below.count) next = 0;
        if (s->below.count > 0) {
            m = s->below.items[next++];
        } else {
            ASSERT(s->at.count > 0); // the shares add up
            m = s->at.items[0];
            assignor_numbers_remove_at(&s->at, 0);
        }
        int32_t has = give(s, p, m);
        if (has == s->share) {
            assignor_numbers_remove_at(&s->below, --next);
            assignor_numbers_add(&s->at, plan->arena, m);
        }
    }
}

void assignor_assign_constrained(struct plan *plan)
{
    struct sharing s = {.plan = plan};
    s.share = plan->partition_count / plan->member_count;
    s.over_expected = plan->partition_count % plan->member_count;
    s.share_max = s.share + (s.over_expected > 0);
    s.taken_from = ARENA_ARRAY(plan->arena, int32_t, plan->partition_count + 1);
    s.is_taken = ARENA_ARRAY(plan->arena, bool, plan->partition_count + 1);
    for (int32_t p = 0; p < plan->partition_count; p++) s.taken_from[p] = NOBODY;
    for (int32_t m = 0; m < plan->member_count; m++) keep_owned(&s, m);
    sort(&s.below, plan, by_member_id);
    sort(&s.at, plan, by_member_id);
    give_rest(&s);
}
