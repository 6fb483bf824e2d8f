// SPDX-License-Identifier: Apache-2.0
// Borrowed bytes. A slice never owns: it lives as long as the arena or buffer it points into.
#ifndef ODRADEK_BASE_SLICE_H
#define ODRADEK_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

// `data == NULL` means null where a protocol field may be null, and empty elsewhere.
struct slice {
    const uint8_t *data;
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){.data = data, .size = size};
}

static inline struct slice slice_str(const char *text)
{
    return (struct slice){.data = (const uint8_t *)text, .size = text == NULL ? 0 : strlen(text)};
}

// A slice of a string literal, usable in static initialisers.
#define SLICE(literal) ((struct slice){.data = (const uint8_t *)(literal), .size = sizeof(literal) - 1})
#define SLICE_NULL ((struct slice){0})

static inline bool slice_is_null(struct slice s)
{
    return s.data == NULL;
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool slice_eq_str(struct slice a, const char *text)
{
    return slice_eq(a, slice_str(text));
}

// Byte order, shorter first on a common prefix: <0, 0, >0.
static inline int slice_cmp(struct slice a, struct slice b)
{
    size_t shared = a.size < b.size ? a.size : b.size;
    int order = shared == 0 ? 0 : memcmp(a.data, b.data, shared);
    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

// printf("%.*s", SLICE_FMT(s))
#define SLICE_FMT(s) (int)(s).size, (const char *)(s).data

#endif
