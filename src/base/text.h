// SPDX-License-Identifier: Apache-2.0
// A growing byte buffer that owns its memory: output being built, input being gathered.
#ifndef ODRADEK_BASE_TEXT_H
#define ODRADEK_BASE_TEXT_H

#include "base/assert.h"
#include "base/slice.h"

struct text {
    uint8_t *data;
    size_t size;
    size_t capacity;
};

// An all-zero text is valid and empty.
void text_deinit(struct text *text);
// Makes room for `extra` more bytes and returns where they go; text_grew takes them in.
uint8_t *text_reserve(struct text *text, size_t extra);
static inline void text_grew(struct text *text, size_t by)
{
    ASSERT(by <= text->capacity - text->size);
    text->size += by;
}
void text_add(struct text *text, struct slice bytes);
void text_add_str(struct text *text, const char *string);
void text_add_char(struct text *text, char c);
void text_printf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);
// A NUL behind the content (not counted), and the content as a C string.
const char *text_cstr(struct text *text);

static inline struct slice text_slice(const struct text *text)
{
    return slice_of(text->data, text->size);
}

static inline void text_clear(struct text *text)
{
    text->size = 0;
}

#endif
