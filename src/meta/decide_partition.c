// SPDX-License-Identifier: Apache-2.0
// What becomes of partitions when a broker comes or goes: ISR, leader, eligible leader replicas (KIP-966). Follows
// Kafka's order: new ISR, new ELR, election, then what differs goes into one PartitionChangeRecord.
#include "meta/decide_partition.h"

#include "meta/decide_int.h"

struct change {
    struct decide *decide;
    const struct image_partition *old;
    const struct decide_move *move;
    bool has_elr; // eligible.leader.replicas.version > 0
    struct image_ids isr;
    struct image_ids elr;
    struct image_ids last_known;
    struct partition_change_record record;
};

static struct image_ids without(struct arena *arena, struct image_ids from, int32_t a, int32_t b)
{
    int32_t *items = ARENA_ARRAY(arena, int32_t, from.count);
    struct image_ids out = {items, 0};
    for (int32_t i = 0; i < from.count; i++)
        if (from.items[i] != a && from.items[i] != b) items[out.count++] = from.items[i];
    return out;
}

static struct image_ids only(struct arena *arena, int32_t id)
{
    int32_t *items = ARENA_ARRAY(arena, int32_t, 1);
    items[0] = id;
    return (struct image_ids){items, 1};
}

static bool ids_eq(struct image_ids a, struct image_ids b)
{
    return a.count == b.count && (a.count == 0 || memcmp(a.items, b.items, (size_t)a.count * sizeof(int32_t)) == 0);
}

static int32_t number_of(struct slice text, int32_t otherwise)
{
    int32_t value = 0;
    if (text.size == 0 || text.size > 9) return otherwise;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return otherwise;
        value = value * 10 + (text.data[i] - '0');
    }
    return value;
}

// The topic's own value, else the cluster's default, else the node's; never more than there are replicas.
static int32_t min_isr(const struct change *c)
{
    static const char key[] = "min.insync.replicas";
    const struct image *image = c->decide->image;
    const struct image_topic *topic = image_topic_by_id(image, c->old->topic_id);
    int32_t value = number_of(c->decide->settings->min_insync_replicas, 1);
    value = number_of(image_config(image, IMAGE_RESOURCE_BROKER, SLICE(""), key), value);
    if (topic != NULL) value = number_of(image_config(image, IMAGE_RESOURCE_TOPIC, topic->name, key), value);
    return value < c->old->replicas.count ? value : c->old->replicas.count;
}

static bool may_lead(const struct change *c, int32_t id)
{
    const struct decide_move *move = c->move;
    if (id == move->leaving || id == move->lost) return false;
    const struct image_node *broker = image_broker(c->decide->image, id);
    bool has_directory = broker != NULL && image_has_directory(broker, image_directory_of(c->old, id));
    return has_directory && (id == move->coming || decide_is_active(c->decide->image, id));
}

static void choose_eligible(struct change *c)
{
    c->elr = c->last_known = (struct image_ids){0};
    if (!c->has_elr || c->isr.count >= min_isr(c)) return;
    const struct image_partition *old = c->old;
    int32_t *items = ARENA_ARRAY(c->decide->arena, int32_t, old->isr.count + old->rare->elr.count);
    c->elr.items = items;
    for (int32_t i = 0; i < old->isr.count + old->rare->elr.count; i++) {
        int32_t id = i < old->isr.count ? old->isr.items[i] : old->rare->elr.items[i - old->isr.count];
        if (id == c->move->lost || image_ids_contain(c->isr, id) || image_ids_contain(c->elr, id)) continue;
        items[c->elr.count++] = id;
    }
}

static bool is_candidate(const struct change *c, int32_t id)
{
    return (image_ids_contain(c->isr, id) || image_ids_contain(c->elr, id)) && may_lead(c, id);
}

static int32_t choose_leader(const struct change *c, bool *is_unclean)
{
    *is_unclean = false;
    if (c->old->leader >= 0 && is_candidate(c, c->old->leader)) return c->old->leader;
    for (int32_t i = 0; i < c->old->replicas.count; i++)
        if (is_candidate(c, c->old->replicas.items[i])) return c->old->replicas.items[i];
    // Nobody is known to have everything; the last leader has most of it.
    bool is_last_resort =
        c->has_elr && c->isr.count == 0 && c->elr.count == 0 && c->old->rare->last_known_elr.count == 1;
    if (is_last_resort && may_lead(c, c->old->rare->last_known_elr.items[0])) {
        *is_unclean = true;
        return c->old->rare->last_known_elr.items[0];
    }
    return -1;
}

static void set_ids(struct arena *arena, struct image_ids ids, int32_t **items, int32_t *count)
{
    *items = ARENA_ARRAY(arena, int32_t, ids.count);
    if (ids.count > 0) memcpy(*items, ids.items, (size_t)ids.count * sizeof(int32_t));
    *count = ids.count;
}

static bool fill_record(struct change *c)
{
    const struct image_partition *old = c->old;
    struct partition_change_record *r = &c->record;
    struct arena *arena = c->decide->arena;
    bool is_unclean = false;
    int32_t leader = choose_leader(c, &is_unclean);
    if (leader != old->leader) {
        if (leader >= 0 && image_ids_contain(c->elr, leader)) {
            c->isr = only(arena, leader);
            c->elr = without(arena, c->elr, leader, -1);
        }
        r->leader = leader;
    }
    if (is_unclean) {
        c->isr = only(arena, leader);
        c->elr = (struct image_ids){0};
        if (old->leader_recovery_state == 0) r->leader_recovery_state = 1; // RECOVERING
    }
    bool isr_changes = !ids_eq(c->isr, old->isr) && (c->isr.count > 0 || c->has_elr);
    if (isr_changes) set_ids(arena, c->isr, &r->isr.items, &r->isr.count);
    if (!ids_eq(c->elr, old->rare->elr))
        set_ids(arena, c->elr, &r->eligible_leader_replicas.items, &r->eligible_leader_replicas.count);
    bool stays_leaderless = r->leader == -1 || (r->leader == -2 && old->leader == -1);
    if (c->has_elr && stays_leaderless && old->rare->last_known_elr.count == 1)
        c->last_known = old->rare->last_known_elr;
    bool loses_last = c->has_elr && isr_changes && c->isr.count == 0 && old->leader >= 0;
    if (loses_last) c->last_known = only(arena, old->leader);
    if (!ids_eq(c->last_known, old->rare->last_known_elr))
        set_ids(arena, c->last_known, &r->last_known_elr.items, &r->last_known_elr.count);
    // Before 3.6 every shrinking ISR began a new leader epoch.
    bool bumps = image_metadata_version(c->decide->image) < 12 && isr_changes && c->isr.count < old->isr.count;
    if (bumps && r->leader == -2) r->leader = old->leader;
    return r->leader != -2 || r->isr.count >= 0 || r->eligible_leader_replicas.count >= 0 ||
           r->last_known_elr.count >= 0 || r->leader_recovery_state >= 0;
}

static void update(struct decide *decide, const struct image_partition *old, const struct decide_move *move)
{
    struct change c = {.decide = decide, .old = old, .move = move, .record = partition_change_record_init()};
    c.has_elr = image_feature_level(decide->image, "eligible.leader.replicas.version") > 0;
    c.isr = without(decide->arena, old->isr, move->leaving, move->lost);
    choose_eligible(&c);
    c.record.topic_id = old->topic_id;
    c.record.partition_id = old->index;
    if (!fill_record(&c)) return;
    METADATA_ADD(&decide->records, decide->arena, partition_change_record,
                 metadata_partition_version(image_metadata_version(decide->image)), &c.record);
}

void decide_move_partitions(struct decide *decide, const struct decide_move *move)
{
    struct pmap_iter topics = pmap_iter(&decide->image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&topics)) != NULL;) {
        struct pmap_iter it = pmap_iter(&topic->partitions);
        for (const struct pitem *item; (item = pmap_next(&it)) != NULL;) {
            const struct image_partition *p = (const struct image_partition *)(const void *)item;
            bool is_hit = (move->leaving >= 0 && image_ids_contain(p->isr, move->leaving)) ||
                          (move->lost >= 0 &&
                           (image_ids_contain(p->isr, move->lost) || image_ids_contain(p->rare->elr, move->lost))) ||
                          (move->coming >= 0 && p->leader < 0);
            if (is_hit) update(decide, p, move);
        }
    }
}

void decide_lose_replica(struct decide *decide, const struct image_partition *partition, int32_t broker_id)
{
    struct decide_move move = {DECIDE_MOVE_NONE};
    move.leaving = broker_id;
    if (image_ids_contain(partition->isr, broker_id)) update(decide, partition, &move);
}

void decide_lose_directory(struct decide *decide, int32_t broker_id, struct uuid directory)
{
    struct pmap_iter topics = pmap_iter(&decide->image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&topics)) != NULL;) {
        struct pmap_iter it = pmap_iter(&topic->partitions);
        for (const struct pitem *item; (item = pmap_next(&it)) != NULL;) {
            const struct image_partition *p = (const struct image_partition *)(const void *)item;
            if (image_ids_contain(p->replicas, broker_id) && uuid_eq(image_directory_of(p, broker_id), directory))
                decide_lose_replica(decide, p, broker_id);
        }
    }
}

bool decide_leads_anything(const struct image *image, int32_t broker_id)
{
    struct pmap_iter topics = pmap_iter(&image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&topics)) != NULL;) {
        struct pmap_iter it = pmap_iter(&topic->partitions);
        for (const struct pitem *item; (item = pmap_next(&it)) != NULL;)
            if (((const struct image_partition *)(const void *)item)->leader == broker_id) return true;
    }
    return false;
}
