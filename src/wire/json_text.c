// SPDX-License-Identifier: Apache-2.0
#include "wire/json_text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static bool is_continuation(const uint8_t *at, const uint8_t *end, uint8_t low, uint8_t high)
{
    return at < end && *at >= low && *at <= high;
}

// Length of the sequence at `at`; *valid = false: of what Java replaces by one U+FFFD, which is the longest start of
// a valid sequence, a whole encoded surrogate, or one byte.
static size_t sequence(const uint8_t *at, const uint8_t *end, bool *valid)
{
    uint8_t lead = *at;
    *valid = true;
    if (lead < 0x80) return 1;
    size_t wanted = lead >= 0xc2 && lead <= 0xdf ? 2 : (lead & 0xf0) == 0xe0 ? 3 : lead >= 0xf0 && lead <= 0xf4 ? 4 : 1;
    size_t found = 1;
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xf4 ? 0x8f : 0xbf;
    while (found < wanted && is_continuation(at + found, end, low, high)) {
        found++;
        low = 0x80;
        high = 0xbf;
    }
    bool is_surrogate = found == 3 && lead == 0xed && at[1] >= 0xa0;
    *valid = wanted > 1 && found == wanted && !is_surrogate;
    return found;
}

static void add_escaped(struct text *out, uint8_t c)
{
    static const char short_forms[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    if (c < sizeof(short_forms) && short_forms[c] != 0) {
        text_add_char(out, '\\');
        text_add_char(out, short_forms[c]);
    } else {
        text_printf(out, "\\u%04X", (unsigned)c);
    }
}

void json_text_string(struct text *out, struct slice bytes)
{
    text_add_char(out, '"');
    const uint8_t *end = bytes.data + bytes.size;
    for (const uint8_t *at = bytes.data; at < end;) {
        bool valid = false;
        size_t size = sequence(at, end, &valid);
        if (!valid)
            text_add_str(out, "\xef\xbf\xbd");
        else if (*at < 0x20 || *at == '"' || *at == '\\')
            add_escaped(out, *at);
        else
            text_add(out, slice_of(at, size));
        at += size;
    }
    text_add_char(out, '"');
}

void json_text_base64(struct text *out, struct slice bytes)
{
    text_add_char(out, '"');
    for (size_t i = 0; i < bytes.size; i += 3) {
        size_t held = bytes.size - i < 3 ? bytes.size - i : 3;
        uint32_t bits = (uint32_t)bytes.data[i] << 16;
        if (held > 1) bits |= (uint32_t)bytes.data[i + 1] << 8;
        if (held > 2) bits |= bytes.data[i + 2];
        text_add_char(out, base64_digits[bits >> 18]);
        text_add_char(out, base64_digits[(bits >> 12) & 63]);
        text_add_char(out, held > 1 ? base64_digits[(bits >> 6) & 63] : '=');
        text_add_char(out, held > 2 ? base64_digits[bits & 63] : '=');
    }
    text_add_char(out, '"');
}

enum err json_text_unbase64(struct slice text, uint8_t *out, size_t *size)
{
    if (text.size % 4 != 0) return ERR_INVALID;
    size_t padding = 0;
    while (padding < 2 && padding < text.size && text.data[text.size - 1 - padding] == '=') padding++;
    uint8_t *at = out;
    uint32_t bits = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *digit = i >= text.size - padding ? base64_digits : strchr(base64_digits, text.data[i]);
        if (digit == NULL || (text.data[i] == 0)) return ERR_INVALID;
        bits = bits << 6 | (uint32_t)(digit - base64_digits);
        if (i % 4 != 3) continue;
        size_t held = i + 1 == text.size ? 3 - padding : 3;
        for (size_t byte = 0; byte < held; byte++) *at++ = (uint8_t)(bits >> (16 - 8 * byte));
        bits = 0;
    }
    *size = (size_t)(at - out);
    return OK;
}

// Java 17 writes the fewest digits that lie strictly inside half the smaller gap to a neighbour (so 1.0E23 becomes
// 9.999999999999999E22), except for whole numbers from 2^53 to 2^63, of which it drops only digits worth less
// than half the gap. Newer Java versions write the shortest digits that read back.
static void shortest(double value, char text[40])
{
    if (value >= 9007199254740992.0 && value < 9223372036854775808.0) {
        uint64_t whole = (uint64_t)value;
        int bits = 63 - __builtin_clzll(whole);
        uint64_t scale = bits >= 61 ? 100 : bits >= 58 ? 10 : 1; // 10 and 100 are below 2^(bits - 54)
        whole = (whole / scale + (scale > 1 && whole % scale >= scale / 2)) * scale;
        char digits[24];
        int count = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)whole);
        int kept = count;
        while (kept > 1 && digits[kept - 1] == '0') kept--;
        snprintf(text, 40, "%c%s%.*se+%02d", digits[0], kept > 1 ? "." : "", kept - 1, digits + 1, count - 1);
        return;
    }
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(bits));
    bits--; // the neighbour towards zero
    double below = 0;
    memcpy(&below, &bits, sizeof(below));
    long double gap = (long double)value - (long double)below;
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(text, 40, "%.*e", precision - 1, value);
        if (fabsl(strtold(text, NULL) - (long double)value) < gap / 2) return;
    }
}

void json_text_double(struct text *out, double value)
{
    if (isnan(value) || isinf(value)) {
        text_add_str(out, isnan(value) ? "\"NaN\"" : value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    if (signbit(value)) text_add_char(out, '-');
    value = fabs(value);
    if (value == 0) {
        text_add_str(out, "0.0");
        return;
    }
    char text[40];
    shortest(value, text);
    char *mark = strchr(text, 'e');
    int exponent = (int)strtol(mark + 1, NULL, 10);
    *mark = '\0';
    char digits[40] = {text[0]};
    if (text[1] == '.') memcpy(digits + 1, text + 2, strlen(text + 2) + 1);
    int count = (int)strlen(digits);
    if (exponent < -3 || exponent > 6) {
        text_printf(out, "%c.%sE%d", digits[0], count > 1 ? digits + 1 : "0", exponent);
    } else if (exponent < 0) {
        text_printf(out, "0.%.*s%s", -exponent - 1, "000", digits);
    } else if (count > exponent + 1) {
        text_printf(out, "%.*s.%s", exponent + 1, digits, digits + exponent + 1);
    } else {
        text_printf(out, "%s%.*s.0", digits, exponent + 1 - count, "0000000");
    }
}
