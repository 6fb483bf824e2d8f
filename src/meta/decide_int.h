// SPDX-License-Identifier: Apache-2.0
#ifndef ODRADEK_META_DECIDE_INT_H
#define ODRADEK_META_DECIDE_INT_H

#include "meta/decide.h"

// Registered, not fenced, not shutting down: may lead.
bool decide_is_active(const struct image *image, int32_t broker_id);

// Active, with the directory of its replica online.
bool decide_may_lead(const struct image *image, const struct image_partition *partition, int32_t broker_id);

// Replicas of one new partition.
struct decide_replicas {
    int32_t *items;
    int32_t count;
};

// Refusals carry a code and Kafka's sentence (NULL = the code's own text).
struct decide_problem {
    enum err code;
    const char *text;
};

// What stands in the answer beside the code; null where Kafka says nothing.
static inline struct slice decide_message(struct decide_problem problem)
{
    if (problem.code == OK || problem.code == ERR_THROTTLING_QUOTA_EXCEEDED) return SLICE_NULL;
    return slice_str(problem.text != NULL ? problem.text : err_text(problem.code));
}

// OK, or THROTTLING_QUOTA_EXCEEDED.
static inline struct decide_problem decide_charge(const struct decide *decide, int32_t partitions)
{
    bool is_allowed = decide->mutate == NULL || decide->mutate(decide->mutate_context, partitions);
    return (struct decide_problem){is_allowed ? OK : ERR_THROTTLING_QUOTA_EXCEEDED, NULL};
}

// decide_place.c
// As Kafka's default placement: racks in stripes, round robin from a random start. OK fills `out[count]`.
struct decide_problem decide_place(struct decide *decide, int32_t count, int32_t replication_factor,
                                   struct decide_replicas *out);
// `replica_count` -1 = the first partition of a topic.
struct decide_problem decide_check_manual(struct decide *decide, const int32_t *brokers, int32_t count,
                                          int32_t replica_count);
// Adds the PartitionRecord. `replicas` must hold an active broker.
void decide_add_partition(struct decide *decide, struct uuid topic_id, int32_t index, struct decide_replicas replicas);
bool decide_has_active(const struct decide *decide, struct decide_replicas replicas);

#endif
