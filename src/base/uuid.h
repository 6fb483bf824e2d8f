// SPDX-License-Identifier: Apache-2.0
// 16 bytes, most significant half first; text form = URL-safe base64 without padding, 22 characters.
#ifndef ODRADEK_BASE_UUID_H
#define ODRADEK_BASE_UUID_H

#include "base/err.h"
#include "base/slice.h"

struct uuid {
    uint8_t bytes[16];
};

enum { UUID_TEXT_SIZE = 22 };

static inline bool uuid_eq(struct uuid a, struct uuid b)
{
    return memcmp(a.bytes, b.bytes, sizeof(a.bytes)) == 0;
}

static inline bool uuid_is_zero(struct uuid id)
{
    return uuid_eq(id, (struct uuid){0});
}

// The first 100 values are Kafka's own (kafka-internals A1): 0 MIGRATING, 1 UNASSIGNED, 2 LOST.
bool uuid_is_reserved(struct uuid id);
// Writes 22 characters and a NUL.
void uuid_format(struct uuid id, char text[UUID_TEXT_SIZE + 1]);
// ERR_INVALID unless `text` is the base64url text of exactly 16 bytes.
MUST_CHECK enum err uuid_parse(struct slice text, struct uuid *out);

#endif
