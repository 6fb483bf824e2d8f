// SPDX-License-Identifier: Apache-2.0
// One fuzzer per compression: what is read must stay within the limit, what we write must come back.
#ifndef ODRADEK_RECORD_COMPRESS_FUZZ_INT_H
#define ODRADEK_RECORD_COMPRESS_FUZZ_INT_H

#include <stdlib.h>

#include "record/compress.h"

static inline int fuzz_codec(enum codec codec, const uint8_t *data, size_t size)
{
    enum { LIMIT = 1 << 20 };
    struct text out = {0};
    enum err e = codec_decompress(codec, slice_of(data, size), LIMIT, &out);
    ASSERT(e == OK || e == ERR_CORRUPT || e == ERR_TOO_LARGE);
    ASSERT(out.size <= LIMIT && (e == OK || out.size == 0));
    ASSERT(out.capacity <= 4 * LIMIT);
    size_t produced = out.size;
    text_clear(&out);
    if (e == OK && produced > 0) { // the exact limit suffices, one less does not
        e = codec_decompress(codec, slice_of(data, size), produced, &out);
        ASSERT(e == OK && out.size == produced);
        text_clear(&out);
        e = codec_decompress(codec, slice_of(data, size), produced - 1, &out);
        ASSERT(e == ERR_TOO_LARGE && out.size == 0);
    }
    struct text packed = {0};
    e = codec_compress(codec, COMPRESS_LEVEL_DEFAULT, slice_of(data, size), &packed);
    ASSERT(e == OK);
    e = codec_decompress(codec, text_slice(&packed), size, &out);
    ASSERT(e == OK && slice_eq(text_slice(&out), slice_of(data, size)));
    text_deinit(&packed);
    text_deinit(&out);
    return 0;
}

#endif
