// SPDX-License-Identifier: Apache-2.0
// Where new partitions go. The shape is Kafka's striped placer's (kafka-internals D8): one broker of each rack in turn,
// the start moved on by one with every partition; which broker comes first is random, so nobody relies on it.
#include "meta/decide_int.h"

bool decide_is_active(const struct image *image, int32_t broker_id)
{
    const struct image_node *broker = image_broker(image, broker_id);
    return broker != NULL && !broker->is_fenced && !broker->in_controlled_shutdown;
}

bool decide_may_lead(const struct image *image, const struct image_partition *partition, int32_t broker_id)
{
    return decide_is_active(image, broker_id) &&
           image_has_directory(image_broker(image, broker_id), image_directory_of(partition, broker_id));
}

bool decide_has_active(const struct decide *decide, struct decide_replicas replicas)
{
    for (int32_t i = 0; i < replicas.count; i++)
        if (decide_is_active(decide->image, replicas.items[i])) return true;
    return false;
}

static struct decide_problem refuse(enum err code, const char *text)
{
    return (struct decide_problem){code, text};
}

static bool is_cordoned(const struct image_node *broker)
{
    for (int32_t i = 0; i < broker->log_dir_count; i++) {
        bool is_found = false;
        for (int32_t k = 0; k < broker->cordoned_dir_count && !is_found; k++)
            is_found = uuid_eq(broker->log_dirs[i], broker->cordoned_dirs[k]);
        if (!is_found) return false;
    }
    return broker->log_dir_count > 0;
}

static uint32_t random_below(struct decide *decide, uint32_t bound)
{
    uint32_t value = 0;
    decide->random(decide->random_context, &value, sizeof(value));
    return bound == 0 ? 0 : value % bound;
}

// Brokers so ordered that neighbours sit in different racks as far as possible: the n-th of every rack, then the
// (n+1)-th. Fenced ones come last, they are taken only when nothing else is left.
static int32_t stripe(struct decide *decide, const struct image_node **out, int32_t *active_count)
{
    int32_t count = 0;
    const struct image_node **all = ARENA_ARRAY(decide->arena, const struct image_node *, decide->image->brokers.count);
    struct pmap_iter it = pmap_iter(&decide->image->brokers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;)
        if (!is_cordoned(node)) all[count++] = node;
    int32_t placed = 0;
    for (int fenced = 0; fenced < 2; fenced++) {
        bool *is_used = ARENA_ARRAY(decide->arena, bool, count);
        for (int32_t left = count; left > 0;) { // one pass: at most one broker of each rack
            int32_t start = placed;
            for (int32_t i = 0; i < count; i++) {
                if (is_used[i]) continue;
                if (all[i]->is_fenced != (fenced == 1)) {
                    is_used[i] = true;
                    left--;
                    continue;
                }
                bool is_rack_taken = false;
                for (int32_t k = start; k < placed; k++) is_rack_taken |= slice_eq(out[k]->rack, all[i]->rack);
                if (is_rack_taken) continue;
                is_used[i] = true;
                left--;
                out[placed++] = all[i];
            }
        }
        if (fenced == 0) *active_count = placed;
    }
    return placed;
}

struct decide_problem decide_place(struct decide *decide, int32_t count, int32_t replication_factor,
                                   struct decide_replicas *out)
{
    const struct image_node **brokers =
        ARENA_ARRAY(decide->arena, const struct image_node *, decide->image->brokers.count);
    int32_t active_count = 0;
    int32_t broker_count = stripe(decide, brokers, &active_count);
    const char *why = NULL;
    if (active_count == 0)
        why = "All brokers are currently fenced, or have all their log directories cordoned.";
    else if (replication_factor > broker_count)
        why = arena_printf(
            decide->arena,
            "The target replication factor of %d cannot be reached because only %d broker(s) are registered or "
            "some brokers have all their log directories cordoned.",
            replication_factor, broker_count);
    if (why != NULL)
        return refuse(
            ERR_INVALID_REPLICATION_FACTOR,
            arena_printf(decide->arena, "Unable to replicate the partition %d time(s): %s", replication_factor, why));
    int32_t start = (int32_t)random_below(decide, (uint32_t)active_count);
    for (int32_t p = 0; p < count; p++) {
        out[p].items = ARENA_ARRAY(decide->arena, int32_t, replication_factor);
        out[p].count = replication_factor;
        for (int32_t r = 0; r < replication_factor; r++) {
            // Leaders and followers rotate over the active ones; the fenced rest fills up behind them.
            int32_t at = r < active_count ? (start + p + r) % active_count : r;
            out[p].items[r] = brokers[at]->id;
        }
    }
    return refuse(OK, NULL);
}

struct decide_problem decide_check_manual(struct decide *decide, const int32_t *brokers, int32_t count,
                                          int32_t replica_count)
{
    const enum err code = ERR_INVALID_REPLICA_ASSIGNMENT;
    if (count <= 0) return refuse(code, "The manual partition assignment includes an empty replica list.");
    int32_t *sorted = ARENA_ARRAY(decide->arena, int32_t, count);
    for (int32_t i = 0; i < count; i++) {
        int32_t at = i;
        for (; at > 0 && sorted[at - 1] > brokers[i]; at--) sorted[at] = sorted[at - 1];
        sorted[at] = brokers[i];
    }
    for (int32_t i = 0; i < count; i++) {
        if (image_broker(decide->image, sorted[i]) == NULL)
            return refuse(
                code,
                arena_printf(decide->arena,
                             "The manual partition assignment includes broker %d, but no such broker is registered.",
                             sorted[i]));
        if (i > 0 && sorted[i - 1] == sorted[i])
            return refuse(code, arena_printf(decide->arena,
                                             "The manual partition assignment includes the broker %d more than once.",
                                             sorted[i]));
    }
    if (replica_count >= 0 && replica_count != count)
        return refuse(
            code,
            arena_printf(decide->arena,
                         "The manual partition assignment includes a partition with %d replica(s), but this is not "
                         "consistent with previous partitions, which have %d replica(s).",
                         count, replica_count));
    return refuse(OK, NULL);
}

static struct uuid directory_for(const struct image *image, int32_t broker_id)
{
    const struct image_node *broker = image_broker(image, broker_id);
    if (broker != NULL && broker->log_dir_count == 0) return (struct uuid){{0}}; // MIGRATING
    if (broker != NULL && broker->log_dir_count == 1) return broker->log_dirs[0];
    return (struct uuid){.bytes = {[15] = 1}}; // UNASSIGNED: the broker chooses and tells
}

void decide_add_partition(struct decide *decide, struct uuid topic_id, int32_t index, struct decide_replicas replicas)
{
    struct partition_record record = partition_record_init();
    record.partition_id = index;
    record.topic_id = topic_id;
    record.replicas.items = replicas.items;
    record.replicas.count = replicas.count;
    record.isr.items = ARENA_ARRAY(decide->arena, int32_t, replicas.count);
    for (int32_t i = 0; i < replicas.count; i++)
        if (decide_is_active(decide->image, replicas.items[i]))
            record.isr.items[record.isr.count++] = replicas.items[i];
    ASSERT(record.isr.count > 0);
    record.leader = record.isr.items[0];
    record.leader_epoch = 0;
    record.partition_epoch = 0;
    int version = metadata_partition_version(image_metadata_version(decide->image));
    if (version >= 1) {
        record.directories.items = ARENA_ARRAY(decide->arena, struct uuid, replicas.count);
        record.directories.count = replicas.count;
        for (int32_t i = 0; i < replicas.count; i++)
            record.directories.items[i] = directory_for(decide->image, replicas.items[i]);
    }
    METADATA_ADD(&decide->records, decide->arena, partition_record, version, &record);
}
