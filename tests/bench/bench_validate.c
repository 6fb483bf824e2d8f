// SPDX-License-Identifier: Apache-2.0
// What judging a produced batch costs before it is appended: framing, checksum, one walk over the records, and the
// rewrite where there is one. Prints nanoseconds per record and per batch, the best of many rounds, since whatever else
// the machine does only adds.
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "record/builder.h"
#include "record/validate.h"

enum { ROUNDS = 200, NOW_MS = 1700000000 };

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void build(struct text *out, enum codec codec, int records, size_t value_size)
{
    struct batch_spec spec = batch_spec(0);
    struct batch_builder builder = {0};
    uint8_t value[4096];
    spec.codec = codec;
    batch_begin(&builder, out, &spec);
    for (int i = 0; i < records; i++) {
        for (size_t b = 0; b < value_size; b++) value[b] = (uint8_t)((b * 7 + (size_t)i * (b & 31)) & 63);
        batch_add(&builder, NOW_MS + i, SLICE("key"), slice_of(value, value_size), NULL, 0);
    }
    if (batch_end(&builder, NULL) != OK) abort();
    batch_builder_deinit(&builder);
}

static void measure(enum codec codec, int records, size_t value_size)
{
    struct text bytes = {0};
    struct text scratch = {0};
    struct arena arena = {0};
    struct validate_options options = {
        .origin = APPEND_CLIENT,
        .timestamp_before_max_ms = INT64_MAX,
        .timestamp_after_max_ms = 3600000,
        .now_ms = NOW_MS,
        .max_message_bytes = 1 << 20,
        .keeps_codec = true,
        .target_level = COMPRESS_LEVEL_DEFAULT,
        .decompressed_bytes_max = 64 << 20,
        .topic = SLICE("topic"),
    };
    build(&bytes, codec, records, value_size);
    int repeats = 1 + 200000 / (records * (codec == CODEC_NONE ? 1 : 20));
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        double start = now_ns();
        for (int i = 0; i < repeats; i++) {
            struct batch_view view;
            struct validate_result result;
            if (produce_check_framing(text_slice(&bytes), 12, &view) != OK) abort();
            if (batch_validate(&view, &options, &scratch, &arena, &result, NULL) != OK) abort();
            batch_accept(bytes.data, &result);
        }
        double spent = (now_ns() - start) / repeats;
        if (spent < best) best = spent;
    }
    printf("%-6s %4d records of %4zu bytes: %7.1f ns per record, %9.0f ns per batch\n", codec_name(codec), records,
           value_size, best / records, best);
    text_deinit(&bytes);
    text_deinit(&scratch);
    arena_deinit(&arena);
}

int main(void)
{
    measure(CODEC_NONE, 1, 100);
    measure(CODEC_NONE, 100, 100);
    measure(CODEC_NONE, 16, 1000);
    for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) measure((enum codec)codec, 100, 100);
    return 0;
}
