// SPDX-License-Identifier: Apache-2.0
#include "base/uuid.h"

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool uuid_is_reserved(struct uuid id)
{
    static const uint8_t zeros[15] = {0};
    return memcmp(id.bytes, zeros, sizeof(zeros)) == 0 && id.bytes[15] < 100;
}

void uuid_format(struct uuid id, char text[UUID_TEXT_SIZE + 1])
{
    uint32_t bits = 0;
    int held = 0;
    size_t at = 0;
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        bits = (bits << 8) | id.bytes[i];
        held += 8;
        while (held >= 6) {
            held -= 6;
            text[at++] = alphabet[(bits >> held) & 63];
        }
    }
    text[at++] = alphabet[(bits << (6 - held)) & 63];
    text[at] = '\0';
}

enum err uuid_parse(struct slice text, struct uuid *out)
{
    if (text.size != UUID_TEXT_SIZE) return ERR_INVALID;
    struct uuid id;
    uint32_t bits = 0;
    int held = 0;
    size_t at = 0;
    for (size_t i = 0; i < text.size; i++) {
        const char *found = text.data[i] == 0 ? NULL : strchr(alphabet, text.data[i]);
        if (found == NULL) return ERR_INVALID;
        bits = (bits << 6) | (uint32_t)(found - alphabet);
        held += 6;
        if (held >= 8) {
            held -= 8;
            id.bytes[at++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0) return ERR_INVALID; // left-over bits of the last character
    *out = id;
    return OK;
}
