// SPDX-License-Identifier: Apache-2.0
#include "base/crc32c.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#endif

// The checksum is linear over XOR, so the whole of slicing-by-8's tables follows from one chain: what is left of a
// single set bit after 1, 2, ... 64 steps of the (bit-reversed) division by x^32 + 0x1edc6f41. Row k has
// table k's entries for 128, 64, ... 1; every other entry is the XOR of those of its bits, which the macros below let
// the compiler work out.
#define CHAIN(X)                                                                                                       \
    X(0, 0x82f63b78, 0x417b1dbc, 0x20bd8ede, 0x105ec76f, 0x8ad958cf, 0xc79a971f, 0xe13b70f7, 0xf26b8303)               \
    X(1, 0xfbc3faf9, 0xff17c604, 0x7f8be302, 0x3fc5f181, 0x9d14c3b8, 0x4e8a61dc, 0x274530ee, 0x13a29877)               \
    X(2, 0x8b277743, 0xc76580d9, 0xe144fb14, 0x70a27d8a, 0x38513ec5, 0x9edea41a, 0x4f6f520d, 0xa541927e)               \
    X(3, 0x52a0c93f, 0xaba65fe7, 0xd725148b, 0xe964b13d, 0xf64463e6, 0x7b2231f3, 0xbf672381, 0xdd45aab8)               \
    X(4, 0x6ea2d55c, 0x37516aae, 0x1ba8b557, 0x8f2261d3, 0xc5670b91, 0xe045beb0, 0x7022df58, 0x38116fac)               \
    X(5, 0x1c08b7d6, 0x0e045beb, 0x85f4168d, 0xc00c303e, 0x6006181f, 0xb2f53777, 0xdb8ca0c3, 0xef306b19)               \
    X(6, 0xf56e0ef4, 0x7ab7077a, 0x3d5b83bd, 0x9c5bfaa6, 0x4e2dfd53, 0xa5e0c5d1, 0xd0065990, 0x68032cc8)               \
    X(7, 0x34019664, 0x1a00cb32, 0x0d006599, 0x847609b4, 0x423b04da, 0x211d826d, 0x9278fa4e, 0x493c7d27)

#define ENTRY(i, b7, b6, b5, b4, b3, b2, b1, b0)                                                                       \
    (((i)&128 ? b7##u : 0) ^ ((i)&64 ? b6##u : 0) ^ ((i)&32 ? b5##u : 0) ^ ((i)&16 ? b4##u : 0) ^                      \
     ((i)&8 ? b3##u : 0) ^ ((i)&4 ? b2##u : 0) ^ ((i)&2 ? b1##u : 0) ^ ((i)&1 ? b0##u : 0))
#define ENTRIES_4(i, ...)                                                                                              \
    ENTRY(i, __VA_ARGS__), ENTRY((i) + 1, __VA_ARGS__), ENTRY((i) + 2, __VA_ARGS__), ENTRY((i) + 3, __VA_ARGS__)
#define ENTRIES_16(i, ...)                                                                                             \
    ENTRIES_4(i, __VA_ARGS__), ENTRIES_4((i) + 4, __VA_ARGS__), ENTRIES_4((i) + 8, __VA_ARGS__),                       \
        ENTRIES_4((i) + 12, __VA_ARGS__)
#define ENTRIES_64(i, ...)                                                                                             \
    ENTRIES_16(i, __VA_ARGS__), ENTRIES_16((i) + 16, __VA_ARGS__), ENTRIES_16((i) + 32, __VA_ARGS__),                  \
        ENTRIES_16((i) + 48, __VA_ARGS__)
#define TABLE(k, ...)                                                                                                  \
    [k] = {ENTRIES_64(0, __VA_ARGS__), ENTRIES_64(64, __VA_ARGS__), ENTRIES_64(128, __VA_ARGS__),                      \
           ENTRIES_64(192, __VA_ARGS__)},

static const uint32_t tables[8][256] = {CHAIN(TABLE)};

static uint32_t step_8(uint32_t crc, uint64_t word)
{
    word ^= crc;
    return tables[7][word & 0xff] ^ tables[6][(word >> 8) & 0xff] ^ tables[5][(word >> 16) & 0xff] ^
           tables[4][(word >> 24) & 0xff] ^ tables[3][(word >> 32) & 0xff] ^ tables[2][(word >> 40) & 0xff] ^
           tables[1][(word >> 48) & 0xff] ^ tables[0][word >> 56];
}

// Little-endian hosts only, as base/bytes.h asserts.
static uint64_t load_word(const uint8_t *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

uint32_t crc32c_portable(uint32_t seed, struct slice bytes)
{
    uint32_t crc = ~seed;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= 8; at += 8, left -= 8) crc = step_8(crc, load_word(at));
    for (; left > 0; at++, left--) crc = (crc >> 8) ^ tables[0][(crc ^ *at) & 0xff];
    return ~crc;
}

#if defined(__x86_64__)

// The instruction takes 3 cycles and one can start each cycle, so three lanes run side by side and are joined:
// crc(A B C) = crc(A) * x^(16 lane) ^ crc(B) * x^(8 lane) ^ crc(C). A carry-less product with a constant followed by
// the CRC instruction multiplies by constant * x^33, hence the constants are x^(16 lane - 33) and x^(8 lane - 33).
struct lane {
    size_t size;
    uint32_t past_two;
    uint32_t past_one;
};

static const struct lane lanes[] = {
    {4096, 0x54a86326, 0x82f89c77},
    {512, 0x170076fa, 0xdd7e3b0c},
    {64, 0x0d3b6092, 0x9e4addf8},
};

__attribute__((target("sse4.2,pclmul"))) static uint64_t shift_crc(uint64_t crc, uint32_t constant)
{
    __m128i product = _mm_clmulepi64_si128(_mm_cvtsi64_si128((int64_t)crc), _mm_cvtsi32_si128((int)constant), 0);
    return (uint64_t)_mm_cvtsi128_si64(product);
}

__attribute__((target("sse4.2,pclmul"))) static uint32_t crc32c_sse42(uint32_t seed, struct slice bytes)
{
    uint64_t crc = (uint32_t)~seed;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (size_t i = 0; i < sizeof(lanes) / sizeof(lanes[0]); i++) {
        const struct lane lane = lanes[i];
        while (left >= 3 * lane.size) {
            uint64_t second = 0;
            uint64_t third = 0;
            for (const uint8_t *end = at + lane.size; at != end; at += 8) {
                crc = _mm_crc32_u64(crc, load_word(at));
                second = _mm_crc32_u64(second, load_word(at + lane.size));
                third = _mm_crc32_u64(third, load_word(at + 2 * lane.size));
            }
            crc = _mm_crc32_u64(0, shift_crc(crc, lane.past_two) ^ shift_crc(second, lane.past_one)) ^ third;
            at += 2 * lane.size;
            left -= 3 * lane.size;
        }
    }
    for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load_word(at));
    uint32_t narrow = (uint32_t)crc;
    for (; left > 0; at++, left--) narrow = _mm_crc32_u8(narrow, *at);
    return ~narrow;
}

uint32_t crc32c(uint32_t seed, struct slice bytes)
{
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul")) return crc32c_sse42(seed, bytes);
    return crc32c_portable(seed, bytes);
}

#elif defined(__ARM_FEATURE_CRC32)

uint32_t crc32c(uint32_t seed, struct slice bytes)
{
    uint32_t crc = ~seed;
    const uint8_t *at = bytes.data;
    size_t left = bytes.size;
    for (; left >= 8; at += 8, left -= 8) crc = __crc32cd(crc, load_word(at));
    for (; left > 0; at++, left--) crc = __crc32cb(crc, *at);
    return ~crc;
}

#else

uint32_t crc32c(uint32_t seed, struct slice bytes)
{
    return crc32c_portable(seed, bytes);
}

#endif
