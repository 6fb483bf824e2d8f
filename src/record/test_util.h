// SPDX-License-Identifier: Apache-2.0
// Shared by this room's tests: golden files, batches as text, random bytes.
#ifndef ODRADEK_RECORD_TEST_UTIL_H
#define ODRADEK_RECORD_TEST_UTIL_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/crc32c.h"
#include "record/builder.h"

enum { FIELD_SHOWN_MAX = 64, TEST_BODY_MAX = 16 * 1024 * 1024 };

// tests/golden/records/NAME, found from where this source stood when it was compiled.
static inline FILE *golden_open(const char *name)
{
    struct text path = {0};
    const char *room = strstr(__FILE__, "src/record/");
    assert_non_null(room);
    text_add(&path, slice_of(__FILE__, (size_t)(room - __FILE__)));
    text_printf(&path, "tests/golden/records/%s", name);
    FILE *file = fopen(text_cstr(&path), "r");
    if (file == NULL) print_error("cannot open %s\n", text_cstr(&path));
    assert_non_null(file);
    text_deinit(&path);
    return file;
}

static inline uint8_t unhex_digit(char c)
{
    return (uint8_t)(c <= '9' ? c - '0' : c - 'a' + 10);
}

// Appends the bytes that the hex digits at `hex` stand for, up to the first other character.
static inline void unhex(const char *hex, struct text *out)
{
    for (; strchr("0123456789abcdef", hex[0]) != NULL && hex[0] != '\0'; hex += 2)
        text_add_char(out, (char)(unhex_digit(hex[0]) << 4 | unhex_digit(hex[1])));
}

static inline void add_hex(struct text *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.size; i++) text_printf(out, "%02x", bytes.data[i]);
}

static inline void add_field(struct text *out, struct slice bytes)
{
    if (slice_is_null(bytes))
        text_add_char(out, '-');
    else if (bytes.size == 0)
        text_add_char(out, '.');
    else if (bytes.size > FIELD_SHOWN_MAX)
        text_printf(out, "#%zu.%x", bytes.size, crc32c(0, bytes));
    else
        add_hex(out, bytes);
}

static inline void describe_header(const struct batch_header *h, struct text *out)
{
    text_printf(out, "h %" PRId64 " %d %d %d %" PRId64 " %" PRId64 " %" PRId64 " %d %d %d\n", h->base_offset,
                h->partition_leader_epoch, h->attributes, h->last_offset_delta, h->base_timestamp, h->max_timestamp,
                h->producer_id, h->producer_epoch, h->base_sequence, h->record_count);
}

static inline enum err describe_records(const struct batch_view *view, struct text *out)
{
    struct text scratch = {0};
    struct slice body = SLICE_NULL;
    enum err e = batch_body(view, TEST_BODY_MAX, &scratch, &body);
    if (e != OK) goto out;
    struct record_iter it = record_iter(&view->header, body);
    struct record record;
    while (record_next(&it, &record)) {
        text_printf(out, "r %" PRId64 " %" PRId64 " ", record.offset, record.timestamp);
        add_field(out, record.key);
        text_add_char(out, ' ');
        add_field(out, record.value);
        struct record_header header;
        int32_t header_count = 0;
        for (struct slice rest = record.headers; record_header_next(&rest, &header); header_count++) {
            text_add_char(out, ' ');
            add_field(out, header.key);
            text_add_char(out, ':');
            add_field(out, header.value);
        }
        assert_int_equal(header_count, record.header_count);
        text_add_char(out, '\n');
    }
    e = it.err;
out:
    text_deinit(&scratch);
    return e;
}

// The form of the golden files; see tests/oracle/RecordOracle.java.
static inline enum err describe_batch(const char *name, struct slice bytes, struct text *out)
{
    struct batch_view view;
    enum err e = batch_parse(bytes, &view);
    if (e != OK) return e;
    if (!batch_crc_is_valid(view.bytes)) return ERR_CORRUPT;
    text_printf(out, "batch %s ", name);
    add_hex(out, view.bytes);
    text_add_char(out, '\n');
    describe_header(&view.header, out);
    return describe_records(&view, out);
}

static inline uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

static inline uint64_t below(uint64_t *state, uint64_t limit)
{
    return next_random(state) % limit;
}

#endif
