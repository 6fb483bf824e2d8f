// SPDX-License-Identifier: Apache-2.0
// A cluster's metadata on which decisions are made and applied, for the tests of meta's decide_*.c.
#ifndef ODRADEK_META_TEST_UTIL_H
#define ODRADEK_META_TEST_UTIL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "meta/decide.h"

struct fixture {
    struct arena arena;
    struct image *empty;
    struct image_builder *builder;
    struct decide_settings settings;
    struct decide decide;
    int64_t offset;
};

#define ADD(f, name, version, record) METADATA_ADD(&(f)->decide.records, &(f)->arena, name, (version), (record))

static inline const struct image *now(const struct fixture *f)
{
    return image_builder_newest(f->builder);
}

static inline struct decide *begin(struct fixture *f)
{
    f->decide =
        (struct decide){.image = now(f), .next_offset = f->offset, .arena = &f->arena, .settings = &f->settings};
    return &f->decide;
}

// What was decided must be applicable: our own replay is as strict as Kafka's.
static inline void apply(struct fixture *f)
{
    for (int32_t i = 0; i < f->decide.records.count; i++) {
        struct text problem = {0};
        enum err e = image_builder_record(f->builder, f->offset++, 1, f->decide.records.items[i], &problem);
        if (e != OK) fail_msg("%s", text_cstr(&problem));
        text_deinit(&problem);
    }
}

static inline void teardown(struct fixture *f)
{
    image_builder_free(f->builder);
    image_unref(f->empty);
    arena_deinit(&f->arena);
}

#endif
