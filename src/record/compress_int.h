// SPDX-License-Identifier: Apache-2.0
// The codecs behind compress.h, one file for the streams (gzip, lz4, zstd), one for snappy and its framing.
#ifndef ODRADEK_RECORD_COMPRESS_INT_H
#define ODRADEK_RECORD_COMPRESS_INT_H

#include "record/compress.h"

// Output of a decompression: grows with what is produced, up to a limit.
struct sink {
    struct text *out;
    size_t start; // size of `out` before
    size_t limit;
};

static inline size_t sink_left(const struct sink *sink)
{
    return sink->limit - (sink->out->size - sink->start);
}

// Room for the next piece: between 1 and `wanted` bytes, or 1 spare byte when the limit is reached, so that a codec
// with more to say shows it by writing that byte.
uint8_t *sink_room(struct sink *sink, size_t wanted, size_t *room);
// Takes in what was written; ERR_TOO_LARGE when that passes the limit.
MUST_CHECK enum err sink_grew(struct sink *sink, size_t by);

// On an error these may leave a partial output, which the front removes.
MUST_CHECK enum err gzip_compress(int32_t level, struct slice in, struct text *out);
MUST_CHECK enum err gzip_decompress(struct slice in, struct sink *sink);
MUST_CHECK enum err lz4_compress(int32_t level, struct slice in, struct text *out);
MUST_CHECK enum err lz4_decompress(struct slice in, struct sink *sink);
MUST_CHECK enum err zstd_compress(int32_t level, struct slice in, struct text *out);
MUST_CHECK enum err zstd_decompress(struct slice in, struct sink *sink);
MUST_CHECK enum err snappy_xerial_compress(struct slice in, struct text *out);
MUST_CHECK enum err snappy_any_decompress(struct slice in, struct sink *sink);

#endif
