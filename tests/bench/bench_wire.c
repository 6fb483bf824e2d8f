// SPDX-License-Identifier: Apache-2.0
// What the interpreter costs: decode and encode of a Produce of one partition, and of a fetch of a thousand. Prints
// nanoseconds for each, the best of many short rounds, since whatever else the machine does only adds; exit code 1 when
// Produce is over its budget of 150 ns (decode + encode, design rule 8) and BENCH_STRICT is set.
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/all.h"

enum { ROUNDS = 400, BUDGET_NS = 150 };

struct work {
    const struct wire_message *message;
    int version;
    const void *value;
    struct slice bytes;
    int repeats;
};

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double decode_ns(const struct work *work)
{
    struct arena arena = {0};
    void *out = malloc(wire_struct_size(work->message));
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < work->repeats; i++) {
            arena_reset(&arena);
            if (wire_decode(work->message, work->version, work->bytes, &arena, out, NULL) != OK) abort();
        }
        double spent = (now_ns() - start) / work->repeats;
        if (spent < best) best = spent;
    }
    free(out);
    arena_deinit(&arena);
    return best;
}

static double encode_ns(const struct work *work)
{
    struct arena arena = {0};
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < work->repeats; i++) {
            arena_reset(&arena);
            struct wire_out out;
            wire_out_init(&out, &arena);
            if (wire_encode(work->message, work->version, work->value, &out) != OK) abort();
        }
        double spent = (now_ns() - start) / work->repeats;
        if (spent < best) best = spent;
    }
    arena_deinit(&arena);
    return best;
}

static double measure(const char *name, struct work work)
{
    struct arena arena = {0};
    if (wire_encode_bytes(work.message, work.version, work.value, &arena, &work.bytes) != OK) abort();
    double decode = decode_ns(&work);
    double encode = encode_ns(&work);
    printf("%-44s decode %8.1f ns   encode %8.1f ns   both %8.1f ns\n", name, decode, encode, decode + encode);
    arena_deinit(&arena);
    return decode + encode;
}

static double produce(int version, size_t records_size)
{
    uint8_t *records = calloc(1, records_size);
    struct produce_request_partition_produce_data partition = produce_request_partition_produce_data_init();
    partition.records.bytes = slice_of(records, records_size);
    struct produce_request_topic_produce_data topic = produce_request_topic_produce_data_init();
    topic.name = version < 13 ? SLICE("access-log") : topic.name;
    topic.topic_id.bytes[0] = 7;
    topic.partition_data.items = &partition;
    topic.partition_data.count = 1;
    struct produce_request request = produce_request_init();
    request.acks = -1;
    request.timeout_ms = 30000;
    request.topic_data.items = &topic;
    request.topic_data.count = 1;
    char name[64];
    snprintf(name, sizeof(name), "Produce v%d, one partition, %zu bytes", version, records_size);
    double spent = measure(name, (struct work){&produce_request_message, version, &request, SLICE_NULL, 1000});
    free(records);
    return spent;
}

static void fetch(int version, int partitions)
{
    struct fetch_request_fetch_partition *items = calloc((size_t)partitions, sizeof(*items));
    for (int i = 0; i < partitions; i++) {
        items[i] = fetch_request_fetch_partition_init();
        items[i].partition = i;
        items[i].fetch_offset = i * INT64_C(1000);
        items[i].partition_max_bytes = 1 << 20;
    }
    struct fetch_request_fetch_topic topic = fetch_request_fetch_topic_init();
    topic.partitions.items = items;
    topic.partitions.count = partitions;
    struct fetch_request request = fetch_request_init();
    request.topics.items = &topic;
    request.topics.count = 1;
    char name[64];
    snprintf(name, sizeof(name), "Fetch v%d, %d partitions", version, partitions);
    measure(name, (struct work){&fetch_request_message, version, &request, SLICE_NULL, 10});
    free(items);
}

int main(void)
{
    double worst = 0;
    static const int versions[] = {3, 11, 13};
    static const size_t sizes[] = {1024, 16384};
    for (size_t v = 0; v < COUNT_OF(versions); v++) {
        for (size_t s = 0; s < COUNT_OF(sizes); s++) {
            double spent = produce(versions[v], sizes[s]);
            if (spent > worst) worst = spent;
        }
    }
    fetch(18, 1000);
    printf("one-partition Produce, decode + encode: %.1f ns (budget %d ns)\n", worst, BUDGET_NS);
    return getenv("BENCH_STRICT") != NULL && worst > BUDGET_NS ? 1 : 0;
}
