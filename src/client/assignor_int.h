// SPDX-License-Identifier: Apache-2.0
// Private to the assignors: partitions and members as numbers.
#ifndef ODRADEK_CLIENT_ASSIGNOR_INT_H
#define ODRADEK_CLIENT_ASSIGNOR_INT_H

#include "client/assignor.h"

enum { NOBODY = -1 };

// Order is meant: Java's lists decide ties by it.
struct numbers {
    int32_t *items;
    int32_t count;
    int32_t capacity;
};

void assignor_numbers_add(struct numbers *numbers, struct arena *arena, int32_t number);
void assignor_numbers_remove_at(struct numbers *numbers, int32_t at);
// The first such number, if there is one.
void assignor_numbers_remove(struct numbers *numbers, int32_t number);
bool assignor_numbers_contain(const struct numbers *numbers, int32_t number);

struct plan_member {
    struct assignor_member *member;
    bool *subscribes;        // by topic of the plan
    struct numbers owned;    // partitions of known topics, conflicts between members settled
    struct numbers assigned; // what comes out
};

// Partitions are numbered by topic (in order of names) and index.
struct plan {
    struct arena *arena;
    struct assignor_topic *topics; // subscribed by somebody and known, by name
    int32_t topic_count;
    int32_t *first; // partition of each topic; [topic_count] = all
    int32_t partition_count;
    int32_t *topic_of;           // by partition
    struct plan_member *members; // in the order of a HashMap with their ids as keys
    int32_t member_count;
    int32_t generation_max;
    bool *has_many_owners; // by partition: claimed twice in one generation
    int32_t *moves_to;     // by partition: the member it goes to from another that has to give it up first, or NOBODY
};

int32_t assignor_partition_number(const struct plan *plan, struct slice topic, int32_t index); // -1: not in the plan
uint32_t assignor_hash(struct slice text);
// A HashMap's place of a hash: the table's size is a power of two.
uint32_t assignor_bucket(uint32_t hash, uint32_t table_size);

// All members subscribe to the same topics.
void assignor_assign_constrained(struct plan *plan);
void assignor_assign_general(struct plan *plan);

#endif
