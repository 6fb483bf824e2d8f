// SPDX-License-Identifier: Apache-2.0
// Sticky assignment when members subscribe to different topics (KIP-54): everybody keeps what it owns, the rest goes to
// who has least, then partitions move from those that have two more than another candidate until nothing helps. When
// the moves have not made it more even, they are undone.
#include "client/assignor_int.h"

#include <stdlib.h>

// The partitions of one topic that went from one member to another, as a HashSet holds them.
struct movement {
    struct movement *next;
    int32_t topic, from, to;
    struct numbers partitions;
    uint32_t table_size;
};

struct balance {
    struct plan *plan;
    int32_t *candidates; // by topic: members that subscribe to it
    int32_t *owner;      // by partition
    int32_t *old_owner;  // by partition: who had it in an older generation, or NOBODY
    int32_t *old_generation;
    bool *is_active;        // by member: takes part in moves
    struct numbers all;     // partitions, those with fewest candidates first
    struct numbers missing; // of them: nobody's
    bool has_revoked;
    struct movement *movements;
    int32_t *moved_from; // by partition, NOBODY = did not move
    int32_t *moved_to;
};

static int32_t load_of(const struct balance *b, int32_t m)
{
    return b->plan->members[m].assigned.count;
}

// By load, then id.
static int compare_load(const struct balance *b, int32_t x, int32_t y)
{
    if (load_of(b, x) != load_of(b, y)) return load_of(b, x) > load_of(b, y) ? 1 : -1;
    return slice_cmp(b->plan->members[x].member->member_id, b->plan->members[y].member->member_id);
}

// The least loaded active member that subscribes to the topic (any member when topic < 0).
static int32_t least_loaded(const struct balance *b, int32_t topic)
{
    int32_t best = NOBODY;
    for (int32_t m = 0; m < b->plan->member_count; m++) {
        if (!b->is_active[m] || (topic >= 0 && !b->plan->members[m].subscribes[topic])) continue;
        if (best == NOBODY || compare_load(b, m, best) < 0) best = m;
    }
    return best;
}

static int32_t most_loaded(const struct balance *b)
{
    int32_t best = NOBODY;
    for (int32_t m = 0; m < b->plan->member_count; m++) {
        if (b->is_active[m] && (best == NOBODY || compare_load(b, m, best) > 0)) best = m;
    }
    return best;
}

static int32_t possible_load(const struct balance *b, int32_t m)
{
    int32_t count = 0;
    for (int32_t t = 0; t < b->plan->topic_count; t++) {
        if (b->plan->members[m].subscribes[t]) count += b->plan->topics[t].partition_count;
    }
    return count;
}

// ---- movements -------------------------------------------------------------------------------------------------

static struct movement **find_movement(struct balance *b, int32_t topic, int32_t from, int32_t to)
{
    struct movement **at = &b->movements;
    while (*at != NULL && ((*at)->topic != topic || (*at)->from != from || (*at)->to != to)) at = &(*at)->next;
    return at;
}

static uint32_t partition_hash(const struct plan *plan, int32_t p)
{
    int32_t t = plan->topic_of[p];
    return 31 * (31 + (uint32_t)(p - plan->first[t])) + assignor_hash(plan->topics[t].name);
}

static void note_move(struct balance *b, int32_t p, int32_t from, int32_t to)
{
    struct movement **at = find_movement(b, b->plan->topic_of[p], from, to);
    if (*at == NULL) {
        *at = ARENA_NEW(b->plan->arena, struct movement);
        **at = (struct movement){.topic = b->plan->topic_of[p], .from = from, .to = to, .table_size = 16};
    }
    struct movement *movement = *at;
    assignor_numbers_add(&movement->partitions, b->plan->arena, p);
    while ((uint32_t)movement->partitions.count > movement->table_size / 4 * 3) movement->table_size *= 2;
    b->moved_from[p] = from;
    b->moved_to[p] = to;
}

static void forget_move(struct balance *b, int32_t p)
{
    struct movement **at = find_movement(b, b->plan->topic_of[p], b->moved_from[p], b->moved_to[p]);
    ASSERT(*at != NULL);
    assignor_numbers_remove(&(*at)->partitions, p);
    if ((*at)->partitions.count == 0) *at = (*at)->next;
    b->moved_from[p] = NOBODY;
}

// Instead of moving this one, one of its topic that came the other way may go back: fewer partitions change hands.
static int32_t which_moves(struct balance *b, int32_t p, int32_t from, int32_t to)
{
    if (b->moved_from[p] != NOBODY) from = b->moved_from[p];
    const struct movement *back = *find_movement(b, b->plan->topic_of[p], to, from);
    if (back == NULL) return p;
    int32_t first = back->partitions.items[0];
    uint32_t first_bucket = assignor_bucket(partition_hash(b->plan, first), back->table_size);
    for (int32_t i = 1; i < back->partitions.count; i++) {
        uint32_t bucket = assignor_bucket(partition_hash(b->plan, back->partitions.items[i]), back->table_size);
        if (bucket >= first_bucket) continue;
        first = back->partitions.items[i];
        first_bucket = bucket;
    }
    return first;
}

static void move(struct balance *b, int32_t wanted, int32_t to)
{
    int32_t p = which_moves(b, wanted, b->owner[wanted], to);
    int32_t from = b->owner[p];
    if (b->moved_from[p] != NOBODY) {
        int32_t origin = b->moved_from[p];
        forget_move(b, p);
        if (origin != to) note_move(b, p, origin, to);
    } else {
        note_move(b, p, from, to);
    }
    assignor_numbers_remove(&b->plan->members[from].assigned, p);
    assignor_numbers_add(&b->plan->members[to].assigned, b->plan->arena, p);
    b->owner[p] = to;
}

// ---- what is owned ---------------------------------------------------------------------------------------------

struct topic_rank {
    int32_t candidates, topic;
};

static int by_candidates(const void *a, const void *b)
{
    const struct topic_rank *x = a, *y = b;
    if (x->candidates != y->candidates) return x->candidates > y->candidates ? 1 : -1;
    return (x->topic > y->topic) - (x->topic < y->topic);
}

static void rank_partitions(struct balance *b)
{
    struct plan *plan = b->plan;
    struct topic_rank *ranks = ARENA_ARRAY(plan->arena, struct topic_rank, plan->topic_count + 1);
    for (int32_t t = 0; t < plan->topic_count; t++) {
        for (int32_t m = 0; m < plan->member_count; m++) b->candidates[t] += plan->members[m].subscribes[t];
        ranks[t] = (struct topic_rank){b->candidates[t], t};
    }
    qsort(ranks, (size_t)plan->topic_count, sizeof(*ranks), by_candidates);
    for (int32_t i = 0; i < plan->topic_count; i++) {
        int32_t t = ranks[i].topic;
        for (int32_t p = plan->first[t]; p < plan->first[t + 1]; p++) assignor_numbers_add(&b->all, plan->arena, p);
    }
}

static void keep_owned(struct balance *b)
{
    struct plan *plan = b->plan;
    bool *is_kept = ARENA_ARRAY(plan->arena, bool, plan->partition_count + 1);
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct numbers *owned = &plan->members[m].owned;
        for (int32_t i = 0; i < owned->count; i++) {
            int32_t p = owned->items[i];
            b->owner[p] = m;
            if (plan->members[m].subscribes[plan->topic_of[p]]) {
                is_kept[p] = true;
                assignor_numbers_add(&plan->members[m].assigned, plan->arena, p);
            } else {
                b->has_revoked = true;
            }
        }
    }
    for (int32_t i = 0; i < b->all.count; i++) {
        if (!is_kept[b->all.items[i]]) assignor_numbers_add(&b->missing, plan->arena, b->all.items[i]);
    }
}

// Members that missed a generation: what they say they own was theirs once.
static void remember_owners(struct balance *b)
{
    struct plan *plan = b->plan;
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct assignor_member *member = plan->members[m].member;
        if (member->generation >= plan->generation_max) continue;
        for (size_t i = 0; i < member->owned.count; i++) {
            int32_t p = assignor_partition_number(plan, member->owned.items[i].topic, member->owned.items[i].index);
            if (p < 0 || (b->old_owner[p] != NOBODY && member->generation <= b->old_generation[p])) continue;
            b->old_owner[p] = m;
            b->old_generation[p] = member->generation;
        }
    }
}

// ---- balancing -------------------------------------------------------------------------------------------------

static bool is_balanced(const struct balance *b)
{
    const struct plan *plan = b->plan;
    int32_t least = least_loaded(b, -1), most = most_loaded(b);
    if (least == NOBODY || load_of(b, least) >= load_of(b, most) - 1) return true;
    for (int32_t m = 0; m < plan->member_count; m++) {
        if (!b->is_active[m] || load_of(b, m) == possible_load(b, m)) continue;
        for (int32_t p = 0; p < plan->partition_count; p++) {
            if (!plan->members[m].subscribes[plan->topic_of[p]]) continue;
            int32_t other = b->owner[p];
            if (other == m || other == NOBODY || !b->is_active[other]) continue;
            if (load_of(b, m) + 1 < load_of(b, other)) return false;
        }
    }
    return true;
}

static bool try_move(struct balance *b, int32_t p)
{
    const struct plan *plan = b->plan;
    int32_t owner = b->owner[p], before = b->old_owner[p];
    if (before != NOBODY && b->is_active[before] && load_of(b, owner) > load_of(b, before) + 1) {
        move(b, p, before);
        return true;
    }
    int32_t topic = plan->topic_of[p];
    for (int32_t m = 0; m < plan->member_count; m++) {
        if (!plan->members[m].subscribes[topic] || load_of(b, owner) <= load_of(b, m) + 1) continue;
        move(b, p, least_loaded(b, topic));
        return true;
    }
    return false;
}

static bool move_all(struct balance *b, const struct numbers *partitions)
{
    bool has_moved = false, again;
    do {
        again = false;
        for (int32_t i = 0; i < partitions->count && !is_balanced(b); i++) {
            if (try_move(b, partitions->items[i])) again = has_moved = true;
        }
    } while (again);
    return has_moved;
}

static int64_t unevenness(const struct balance *b, const struct numbers *loads)
{
    int64_t sum = 0;
    for (int32_t x = 0; x < b->plan->member_count; x++) {
        for (int32_t y = x + 1; b->is_active[x] && y < b->plan->member_count; y++) {
            if (b->is_active[y]) sum += abs(loads[x].count - loads[y].count);
        }
    }
    return sum;
}

// Partitions with one candidate and members that have all they may have stay out of the moves.
static void narrow(struct balance *b)
{
    const struct plan *plan = b->plan;
    struct numbers *lists[] = {&b->all, &b->missing};
    for (size_t l = 0; l < 2; l++) {
        int32_t kept = 0;
        for (int32_t i = 0; i < lists[l]->count; i++) {
            int32_t p = lists[l]->items[i];
            if (b->candidates[plan->topic_of[p]] >= 2) lists[l]->items[kept++] = p;
        }
        lists[l]->count = kept;
    }
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct numbers *assigned = &plan->members[m].assigned;
        bool can_move = assigned->count < possible_load(b, m);
        for (int32_t i = 0; i < assigned->count && !can_move; i++) {
            can_move = b->candidates[plan->topic_of[assigned->items[i]]] >= 2;
        }
        b->is_active[m] = can_move;
    }
}

static void balance(struct balance *b)
{
    struct plan *plan = b->plan;
    bool is_first = load_of(b, most_loaded(b)) == 0;
    for (int32_t i = 0; i < b->missing.count; i++) {
        int32_t p = b->missing.items[i], m = least_loaded(b, plan->topic_of[p]);
        assignor_numbers_add(&plan->members[m].assigned, plan->arena, p);
        b->owner[p] = m;
    }
    narrow(b);
    struct numbers *before = ARENA_ARRAY(plan->arena, struct numbers, plan->member_count + 1);
    struct numbers *loads = ARENA_ARRAY(plan->arena, struct numbers, plan->member_count + 1);
    for (int32_t m = 0; m < plan->member_count; m++) {
        const struct numbers *assigned = &plan->members[m].assigned;
        for (int32_t i = 0; i < assigned->count; i++) assignor_numbers_add(&before[m], plan->arena, assigned->items[i]);
    }
    if (!b->has_revoked) (void)move_all(b, &b->missing);
    bool has_moved = move_all(b, &b->all);
    for (int32_t m = 0; m < plan->member_count; m++) loads[m] = plan->members[m].assigned;
    if (is_first || !has_moved || unevenness(b, loads) < unevenness(b, before)) return;
    for (int32_t m = 0; m < plan->member_count; m++) {
        if (b->is_active[m]) plan->members[m].assigned = before[m];
    }
}

static int32_t *nobodies(struct plan *plan)
{
    int32_t *list = ARENA_ARRAY(plan->arena, int32_t, plan->partition_count + 1);
    for (int32_t p = 0; p < plan->partition_count; p++) list[p] = NOBODY;
    return list;
}

void assignor_assign_general(struct plan *plan)
{
    struct balance b = {.plan = plan};
    b.candidates = ARENA_ARRAY(plan->arena, int32_t, plan->topic_count + 1);
    b.is_active = ARENA_ARRAY(plan->arena, bool, plan->member_count + 1);
    b.owner = nobodies(plan);
    b.old_owner = nobodies(plan);
    b.old_generation = nobodies(plan);
    b.moved_from = nobodies(plan);
    b.moved_to = nobodies(plan);
    for (int32_t m = 0; m < plan->member_count; m++) b.is_active[m] = true;
    rank_partitions(&b);
    keep_owned(&b);
    remember_owners(&b);
    balance(&b);
}
