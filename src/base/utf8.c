// SPDX-License-Identifier: Apache-2.0
#include "base/utf8.h"

enum { REPLACEMENT = 0xfffd };

// Size of the valid sequence at `at`, 0 if there is none. The second byte's range depends on the first (Unicode
// 15, table 3-7): that is what keeps out overlong forms, surrogates and values above U+10FFFF.
static size_t sequence_size(const uint8_t *at, const uint8_t *end)
{
    uint8_t lead = at[0];
    if (lead < 0x80) return 1;
    if (lead < 0xc2 || lead > 0xf4) return 0;
    size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if ((size_t)(end - at) < size) return 0;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    if (at[1] < low || at[1] > high) return 0;
    for (size_t i = 2; i < size; i++)
        if ((at[i] & 0xc0) != 0x80) return 0;
    return size;
}

bool utf8_is_valid(struct slice text)
{
    if (text.size == 0) return true;
    const uint8_t *at = text.data;
    const uint8_t *end = at + text.size;
    while (at != end) {
        for (uint64_t word; end - at >= 8; at += 8) { // mostly ASCII
            memcpy(&word, at, sizeof(word));
            if ((word & 0x8080808080808080u) != 0) break;
        }
        if (at == end) break;
        size_t size = sequence_size(at, end);
        if (size == 0) return false;
        at += size;
    }
    return true;
}

size_t utf8_count(struct slice text)
{
    if (text.size == 0) return 0;
    const uint8_t *at = text.data;
    const uint8_t *end = at + text.size;
    size_t count = 0;
    for (; at != end; count++) utf8_next(&at, end);
    return count;
}

uint32_t utf8_next(const uint8_t **at, const uint8_t *end)
{
    const uint8_t *from = *at;
    size_t size = sequence_size(from, end);
    *at += size == 0 ? 1 : size;
    switch (size) {
    case 1: return from[0];
    case 2: return (from[0] & 0x1fu) << 6 | (from[1] & 0x3fu);
    case 3: return (from[0] & 0x0fu) << 12 | (from[1] & 0x3fu) << 6 | (from[2] & 0x3fu);
    case 4: return (from[0] & 0x07u) << 18 | (from[1] & 0x3fu) << 12 | (from[2] & 0x3fu) << 6 | (from[3] & 0x3fu);
    default: return REPLACEMENT;
    }
}

size_t utf8_put(uint8_t out[UTF8_SIZE_MAX], uint32_t code_point)
{
    if (code_point > 0x10ffff || (code_point >= 0xd800 && code_point <= 0xdfff)) code_point = REPLACEMENT;
    if (code_point < 0x80) {
        out[0] = (uint8_t)code_point;
        return 1;
    }
    size_t size = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = size - 1; i > 0; i--, code_point >>= 6) out[i] = (uint8_t)(0x80 | (code_point & 0x3f));
    out[0] = (uint8_t)((0xf00 >> size) | code_point);
    return size;
}
