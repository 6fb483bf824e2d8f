// SPDX-License-Identifier: Apache-2.0
// Kafka's variable-length integers: 7 bits a byte, least significant first, top bit = more follows.
// Records use the zig-zag forms, flexible protocol fields and tags the unsigned one.
#ifndef ODRADEK_BASE_VARINT_H
#define ODRADEK_BASE_VARINT_H

#include "base/slice.h"

enum { UVARINT32_SIZE_MAX = 5, UVARINT64_SIZE_MAX = 10 };

// Reads at *at, not past `end`; returns the first byte behind the value, or NULL when the input ends
// early or the value does not fit.
static inline const uint8_t *uvarint64_read(const uint8_t *at, const uint8_t *end, uint64_t *value)
{
    uint64_t result = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (at == end) return NULL;
        uint8_t byte = *at++;
        if (shift == 63 && byte > 1) return NULL;
        result |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *value = result;
            return at;
        }
    }
    return NULL;
}

static inline const uint8_t *uvarint32_read(const uint8_t *at, const uint8_t *end, uint32_t *value)
{
    if (at != end && *at < 0x80) { // nearly every length and tag count
        *value = *at;
        return at + 1;
    }
    uint64_t wide = 0;
    const uint8_t *limit = end - at > UVARINT32_SIZE_MAX ? at + UVARINT32_SIZE_MAX : end;
    at = uvarint64_read(at, limit, &wide);
    if (at == NULL || wide > UINT32_MAX) return NULL;
    *value = (uint32_t)wide;
    return at;
}

static inline const uint8_t *varint32_read(const uint8_t *at, const uint8_t *end, int32_t *value)
{
    uint32_t raw = 0;
    at = uvarint32_read(at, end, &raw);
    if (at != NULL) *value = (int32_t)(raw >> 1) ^ -(int32_t)(raw & 1);
    return at;
}

static inline const uint8_t *varint64_read(const uint8_t *at, const uint8_t *end, int64_t *value)
{
    uint64_t raw = 0;
    at = uvarint64_read(at, end, &raw);
    if (at != NULL) *value = (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
    return at;
}

static inline size_t uvarint64_size(uint64_t value)
{
    return value == 0 ? 1 : ((size_t)(63 - __builtin_clzll(value)) / 7) + 1;
}

// Writes up to UVARINT64_SIZE_MAX bytes; returns the first byte behind the value.
static inline uint8_t *uvarint64_write(uint8_t *at, uint64_t value)
{
    while (value >= 0x80) {
        *at++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *at++ = (uint8_t)value;
    return at;
}

static inline uint64_t zigzag64(int64_t value)
{
    return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline size_t varint64_size(int64_t value)
{
    return uvarint64_size(zigzag64(value));
}

static inline uint8_t *varint64_write(uint8_t *at, int64_t value)
{
    return uvarint64_write(at, zigzag64(value));
}

#endif
