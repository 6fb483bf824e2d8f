// SPDX-License-Identifier: Apache-2.0
// Big-endian loads and stores; Kafka's integers are all big-endian (kafka-internals 0.1).
#ifndef ODRADEK_BASE_BYTES_H
#define ODRADEK_BASE_BYTES_H

#include <stdint.h>
#include <string.h>

#define BYTES_LOAD_STORE(bits)                                             \
    static inline uint##bits##_t load_u##bits(const void *at)              \
    {                                                                      \
        uint##bits##_t value;                                              \
        memcpy(&value, at, sizeof(value));                                 \
        return (uint##bits##_t)__builtin_bswap##bits(value);               \
    }                                                                      \
    static inline int##bits##_t load_i##bits(const void *at)               \
    {                                                                      \
        return (int##bits##_t)load_u##bits(at);                            \
    }                                                                      \
    static inline void store_u##bits(void *at, uint##bits##_t value)       \
    {                                                                      \
        value = (uint##bits##_t)__builtin_bswap##bits(value);              \
        memcpy(at, &value, sizeof(value));                                 \
    }                                                                      \
    static inline void store_i##bits(void *at, int##bits##_t value)        \
    {                                                                      \
        store_u##bits(at, (uint##bits##_t)value);                          \
    }

BYTES_LOAD_STORE(16)
BYTES_LOAD_STORE(32)
BYTES_LOAD_STORE(64)
#undef BYTES_LOAD_STORE

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a big-endian host needs these without the swap");

#endif
