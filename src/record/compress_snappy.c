// SPDX-License-Identifier: Apache-2.0
// Snappy in the framing of the Java library "snappy-java" (xerial), which is what Kafka's clients send:
//
//   0   8 bytes   82 53 4e 41 50 50 59 00 (0x82 "SNAPPY" 0)
//   8   i32       version (1)
//   12  i32       oldest version that can read this (1); Java's reader takes any value of both
//   16  blocks:   i32 size, then that many bytes of one raw snappy block, at most 32 KiB of input when we write
//
// Streams may be concatenated: a header in the place of a block's size is skipped. Bytes that do not start with the
// header are one raw snappy block (some clients send that); so is a header whose stream ends behind it, an empty one.
#include <snappy-c.h>

#include "base/bytes.h"
#include "record/compress_int.h"

enum {
    XERIAL_MAGIC_SIZE = 8,
    XERIAL_HEADER_SIZE = 16,
    XERIAL_VERSION = 1,
    XERIAL_BLOCK_SIZE = 32 * 1024,
    // The densest element of a raw block makes 64 bytes of 3.
    SNAPPY_RATIO_MAX = 22,
};

static const uint8_t xerial_magic[XERIAL_MAGIC_SIZE] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

enum err snappy_xerial_compress(struct slice in, struct text *out)
{
    uint8_t *header = text_reserve(out, XERIAL_HEADER_SIZE);
    memcpy(header, xerial_magic, XERIAL_MAGIC_SIZE);
    store_i32(header + 8, XERIAL_VERSION);
    store_i32(header + 12, XERIAL_VERSION);
    text_grew(out, XERIAL_HEADER_SIZE);
    for (size_t at = 0; at < in.size;) {
        size_t size = in.size - at < XERIAL_BLOCK_SIZE ? in.size - at : XERIAL_BLOCK_SIZE;
        size_t written = snappy_max_compressed_length(size);
        uint8_t *block = text_reserve(out, 4 + written);
        snappy_status rc = snappy_compress((const char *)in.data + at, size, (char *)block + 4, &written);
        ASSERT(rc == SNAPPY_OK);
        store_i32(block, (int32_t)written);
        text_grew(out, 4 + written);
        at += size;
    }
    return OK;
}

static enum err decompress_block(struct slice in, struct sink *sink)
{
    size_t announced = 0;
    if (snappy_uncompressed_length((const char *)in.data, in.size, &announced) != SNAPPY_OK) return ERR_CORRUPT;
    if (announced / SNAPPY_RATIO_MAX > in.size) return ERR_CORRUPT;
    if (announced > sink_left(sink)) return ERR_TOO_LARGE;
    size_t written = announced;
    char *to = (char *)text_reserve(sink->out, announced + 1); // never NULL
    if (snappy_uncompress((const char *)in.data, in.size, to, &written) != SNAPPY_OK) return ERR_CORRUPT;
    return sink_grew(sink, written);
}

static bool has_magic(const uint8_t *at, size_t left)
{
    return left >= XERIAL_HEADER_SIZE && memcmp(at, xerial_magic, XERIAL_MAGIC_SIZE) == 0;
}

enum err snappy_any_decompress(struct slice in, struct sink *sink)
{
    if (!has_magic(in.data, in.size)) return decompress_block(in, sink);
    for (size_t at = 0; at < in.size;) {
        if (has_magic(in.data + at, in.size - at)) {
            at += XERIAL_HEADER_SIZE;
            continue;
        }
        if (in.size - at < 4) return ERR_CORRUPT;
        uint32_t size = load_u32(in.data + at);
        at += 4;
        if (size > in.size - at) return ERR_CORRUPT;
        enum err e = decompress_block(slice_of(in.data + at, size), sink);
        if (e != OK) return e;
        at += size;
    }
    return OK;
}
