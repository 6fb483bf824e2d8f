// SPDX-License-Identifier: Apache-2.0
#include "cli/java_text.h"

#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { PLAIN_FROM = -3, PLAIN_BELOW = 7 }; // powers of ten written without an exponent

// `scientific`: "-d.ddde+xx" of printf, with just the digits needed.
static void write_decimal(struct text *out, const char *scientific)
{
    char digits[32];
    size_t count = 0;
    const char *at = scientific;
    if (*at == '-') text_add_char(out, *at++);
    for (; *at != 'e'; at++) {
        if (*at != '.') digits[count++] = *at;
    }
    int exponent = (int)strtol(at + 1, NULL, 10);
    bool is_plain = exponent >= PLAIN_FROM && exponent < PLAIN_BELOW;
    int whole = is_plain ? exponent + 1 : 1; // digits before the point
    if (whole <= 0) {
        text_add_str(out, "0.");
        for (int i = whole; i < 0; i++) text_add_char(out, '0');
        text_add(out, slice_of(digits, count));
        return;
    }
    for (int i = 0; i < whole; i++) text_add_char(out, (size_t)i < count ? digits[i] : '0');
    text_add_char(out, '.');
    if (count > (size_t)whole)
        text_add(out, slice_of(digits + whole, count - (size_t)whole));
    else
        text_add_char(out, '0');
    if (!is_plain) text_printf(out, "E%d", exponent);
}

static bool write_special(struct text *out, double value)
{
    if (isnan(value))
        text_add_str(out, "NaN");
    else if (isinf(value))
        text_add_str(out, value < 0 ? "-Infinity" : "Infinity");
    else
        return false;
    return true;
}

void java_double(struct text *out, double value)
{
    char shown[40] = "0e+00";
    if (write_special(out, value)) return;
    for (int precision = 0; precision <= 17; precision++) {
        (void)snprintf(shown, sizeof(shown), "%.*e", precision, value);
        if (strtod(shown, NULL) == value) break;
    }
    write_decimal(out, shown);
}

void java_float(struct text *out, float value)
{
    char shown[40] = "0e+00";
    if (write_special(out, (double)value)) return;
    for (int precision = 0; precision <= 9; precision++) {
        (void)snprintf(shown, sizeof(shown), "%.*e", precision, (double)value);
        if (strtof(shown, NULL) == value) break;
    }
    write_decimal(out, shown);
}

static bool write_escape(struct text *out, uint32_t c)
{
    switch (c) {
    case '"': text_add_str(out, "\\\""); return true;
    case '\\': text_add_str(out, "\\\\"); return true;
    case '\b': text_add_str(out, "\\b"); return true;
    case '\f': text_add_str(out, "\\f"); return true;
    case '\n': text_add_str(out, "\\n"); return true;
    case '\r': text_add_str(out, "\\r"); return true;
    case '\t': text_add_str(out, "\\t"); return true;
    default:
        if (c >= ' ') return false;
        text_printf(out, "\\u%04X", c);
        return true;
    }
}

void java_fixed(struct text *out, double value, int decimals)
{
    if (isnan(value))
        text_add_str(out, "NaN");
    else if (isinf(value))
        text_add_str(out, value < 0 ? "-Infinity" : "Infinity");
    else
        text_printf(out, "%.*f", decimals, value);
}

void json_string(struct text *out, struct slice text)
{
    if (slice_is_null(text)) {
        text_add_str(out, "null");
        return;
    }
    const uint8_t *at = text.data, *end = at + text.size;
    text_add_char(out, '"');
    while (at < end) {
        uint8_t bytes[UTF8_SIZE_MAX];
        uint32_t c = utf8_next(&at, end);
        if (!write_escape(out, c)) text_add(out, slice_of(bytes, utf8_put(bytes, c)));
    }
    text_add_char(out, '"');
}
