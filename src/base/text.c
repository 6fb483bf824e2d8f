// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

void text_deinit(struct text *text)
{
    mem_free(text->data);
    *text = (struct text){0};
}

uint8_t *text_reserve(struct text *text, size_t extra)
{
    if (text->data == NULL || text->capacity - text->size < extra) {
        size_t doubled = text->capacity * 2;
        size_t needed = text->size + extra;
        text->capacity = needed > doubled ? needed : doubled;
        if (text->capacity < 64) text->capacity = 64;
        text->data = mem_realloc(text->data, text->capacity);
    }
    return text->data + text->size;
}

void text_add(struct text *text, struct slice bytes)
{
    if (bytes.size == 0) return;
    memcpy(text_reserve(text, bytes.size), bytes.data, bytes.size);
    text->size += bytes.size;
}

void text_add_str(struct text *text, const char *string)
{
    text_add(text, slice_str(string));
}

void text_add_char(struct text *text, char c)
{
    *text_reserve(text, 1) = (uint8_t)c;
    text->size++;
}

void text_printf(struct text *text, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(length >= 0);
    char *at = (char *)text_reserve(text, (size_t)length + 1);
    vsnprintf(at, (size_t)length + 1, format, again);
    va_end(again);
    text->size += (size_t)length;
}

const char *text_cstr(struct text *text)
{
    *text_reserve(text, 1) = '\0';
    return (const char *)text->data;
}
