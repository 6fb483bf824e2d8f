// SPDX-License-Identifier: Apache-2.0
// UTF-8 as Unicode defines it: no surrogates, no overlong forms, nothing above U+10FFFF.
#ifndef ODRADEK_BASE_UTF8_H
#define ODRADEK_BASE_UTF8_H

#include "base/slice.h"

enum { UTF8_SIZE_MAX = 4 };

bool utf8_is_valid(struct slice text);
// Code points in `text`; each byte that starts no valid sequence counts as one.
size_t utf8_count(struct slice text);
// Reads the code point at *at and moves *at behind it; `at` must be before `end`. A byte that starts no valid
// sequence gives U+FFFD and moves by one.
uint32_t utf8_next(const uint8_t **at, const uint8_t *end);
// Writes 1 to 4 bytes; returns how many. Surrogates and values above U+10FFFF are written as U+FFFD.
size_t utf8_put(uint8_t out[UTF8_SIZE_MAX], uint32_t code_point);

#endif
