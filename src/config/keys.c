// SPDX-License-Identifier: Apache-2.0
// The table of keys and the look-ups in it.
#include <stdlib.h>

#include "config/config_int.h"

enum { KEY_REQUIRED = 1, KEY_NON_EMPTY = 2, KEY_HONOURED = 4, KEY_INTERNAL = 8, KEY_OURS = 16, KEY_PLUGIN = 32 };
#define KEY_MAX 1e300

static const struct config_key keys[] = {
#define K(resource_, name_, type_, value_, rule_, choices_, min_, max_, scope_, flags_)                                \
    {                                                                                                                  \
        .name = name_,                                                                                                 \
        .value = value_,                                                                                               \
        .choices = choices_,                                                                                           \
        .min = min_,                                                                                                   \
        .max = max_,                                                                                                   \
        .resource = CONFIG_##resource_,                                                                                \
        .type = CONFIG_##type_,                                                                                        \
        .rule = CONFIG_##rule_,                                                                                        \
        .scope = CONFIG_##scope_,                                                                                      \
        .is_required = ((flags_)&KEY_REQUIRED) != 0,                                                                   \
        .is_non_empty = ((flags_)&KEY_NON_EMPTY) != 0,                                                                 \
        .is_honoured = ((flags_)&KEY_HONOURED) != 0,                                                                   \
        .is_internal = ((flags_)&KEY_INTERNAL) != 0,                                                                   \
        .is_ours = ((flags_)&KEY_OURS) != 0,                                                                           \
        .is_plugin = ((flags_)&KEY_PLUGIN) != 0,                                                                       \
    },
#include "config/keys.def"
#undef K
};

// First row not before (resource, name).
static size_t lower_bound(enum config_resource resource, struct slice name)
{
    size_t low = 0;
    size_t high = COUNT_OF(keys);
    while (low < high) {
        size_t middle = (low + high) / 2;
        bool is_before = keys[middle].resource != resource ? keys[middle].resource < resource
                                                           : slice_cmp(slice_str(keys[middle].name), name) < 0;
        if (is_before)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct config_key *config_key_find(enum config_resource resource, struct slice name)
{
    size_t at = lower_bound(resource, name);
    if (at == COUNT_OF(keys) || keys[at].resource != resource || !slice_eq_str(name, keys[at].name)) return NULL;
    return &keys[at];
}

size_t config_keys_range(enum config_resource resource, const struct config_key **first)
{
    size_t from = lower_bound(resource, SLICE(""));
    size_t to = from;
    while (to < COUNT_OF(keys) && keys[to].resource == resource) to++;
    *first = &keys[from];
    return to - from;
}

const struct config_key *config_key_next(enum config_resource resource, const struct config_key *after)
{
    const struct config_key *next = after == NULL ? &keys[lower_bound(resource, SLICE(""))] : after + 1;
    return next < keys + COUNT_OF(keys) && next->resource == resource ? next : NULL;
}

// ---- the nearest name ------------------------------------------------------------------------------------------

enum { NAME_SIZE_MAX = 96 };

// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment); some value above `limit` when
// it is above that.
static int distance(struct slice a, struct slice b, int limit)
{
    int rows[3][NAME_SIZE_MAX + 1];
    int *before = rows[0];
    int *above = rows[1];
    int *row = rows[2];
    for (size_t j = 0; j <= b.size; j++) above[j] = (int)j;
    for (size_t i = 1; i <= a.size; i++) {
        row[0] = (int)i;
        int least = row[0];
        for (size_t j = 1; j <= b.size; j++) {
            int best = above[j - 1] + (a.data[i - 1] != b.data[j - 1]);
            if (above[j] + 1 < best) best = above[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            bool is_swap = i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1];
            if (is_swap && before[j - 2] + 1 < best) best = before[j - 2] + 1;
            row[j] = best;
            if (best < least) least = best;
        }
        if (least > limit + 1) return least; // a swap reaches back two rows, hence the one
        int *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.size];
}

const char *config_key_nearest(enum config_resource resource, struct slice name)
{
    if (name.size == 0 || name.size > NAME_SIZE_MAX) return NULL;
    const char *nearest = NULL;
    int least = 2 + (int)name.size / 6; // further away is another word, not a slip
    for (const struct config_key *key = NULL; (key = config_key_next(resource, key)) != NULL;) {
        struct slice known = slice_str(key->name);
        size_t longer = known.size > name.size ? known.size - name.size : name.size - known.size;
        if (known.size > NAME_SIZE_MAX || key->is_internal || longer > (size_t)least) continue;
        int apart = distance(name, known, least);
        if (apart <= least && (nearest == NULL || apart < least)) {
            nearest = key->name;
            least = apart;
        }
    }
    return nearest;
}

// ---- names that stand for each other ---------------------------------------------------------------------------

int config_chain(const char *name, const char *chain[CONFIG_CHAIN_MAX])
{
    static const char *const chains[][CONFIG_CHAIN_MAX] = {
        {"log.retention.ms", "log.retention.minutes", "log.retention.hours"},
        {"log.roll.ms", "log.roll.hours"},
        {"log.roll.jitter.ms", "log.roll.jitter.hours"},
    };
    for (size_t i = 0; i < COUNT_OF(chains); i++)
        for (int j = 0; j < CONFIG_CHAIN_MAX && chains[i][j] != NULL; j++) {
            if (strcmp(chains[i][j], name) != 0) continue;
            int count = 0;
            for (; count < CONFIG_CHAIN_MAX && chains[i][count] != NULL; count++) chain[count] = chains[i][count];
            return count;
        }
    chain[0] = name;
    if (strcmp(name, "log.flush.interval.ms") != 0) return 1; // one way: the scheduler's interval stands alone
    chain[1] = "log.flush.scheduler.interval.ms";
    return 2;
}

const char *config_topic_synonym(const char *name)
{
    static const struct {
        const char *topic;
        const char *broker;
    } synonyms[] = {
        {"segment.bytes", "log.segment.bytes"},
        {"segment.ms", "log.roll.ms"},
        {"segment.jitter.ms", "log.roll.jitter.ms"},
        {"segment.index.bytes", "log.index.size.max.bytes"},
        {"flush.messages", "log.flush.interval.messages"},
        {"flush.ms", "log.flush.interval.ms"},
        {"retention.ms", "log.retention.ms"},
        {"retention.bytes", "log.retention.bytes"},
        {"max.message.bytes", "message.max.bytes"},
        {"index.interval.bytes", "log.index.interval.bytes"},
        {"delete.retention.ms", "log.cleaner.delete.retention.ms"},
        {"min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"},
        {"max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"},
        {"file.delete.delay.ms", "log.segment.delete.delay.ms"},
        {"min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"},
        {"cleanup.policy", "log.cleanup.policy"},
        {"unclean.leader.election.enable", "unclean.leader.election.enable"},
        {"min.insync.replicas", "min.insync.replicas"},
        {"compression.type", "compression.type"},
        {"compression.gzip.level", "compression.gzip.level"},
        {"compression.lz4.level", "compression.lz4.level"},
        {"compression.zstd.level", "compression.zstd.level"},
        {"preallocate", "log.preallocate"},
        {"message.timestamp.type", "log.message.timestamp.type"},
        {"message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"},
        {"message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"},
        {"local.retention.ms", "log.local.retention.ms"},
        {"local.retention.bytes", "log.local.retention.bytes"},
        {"odradek.durability", "odradek.durability"},
    };
    for (size_t i = 0; i < COUNT_OF(synonyms); i++)
        if (strcmp(synonyms[i].topic, name) == 0) return synonyms[i].broker;
    return NULL;
}
