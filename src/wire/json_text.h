// SPDX-License-Identifier: Apache-2.0
// The leaves of JSON as Jackson writes them.
#ifndef ODRADEK_WIRE_JSON_TEXT_H
#define ODRADEK_WIRE_JSON_TEXT_H

#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"

// A quoted string. Bytes that are no UTF-8 become U+FFFD where Java's decoder puts it.
void json_text_string(struct text *out, struct slice bytes);
// A quoted string of standard base64 with padding.
void json_text_base64(struct text *out, struct slice bytes);
// Double.toString of Java 17; NaN and the infinities are quoted.
void json_text_double(struct text *out, double value);
// Decodes standard base64; room for size / 4 * 3 bytes at `out`.
MUST_CHECK enum err json_text_unbase64(struct slice text, uint8_t *out, size_t *size);

#endif
