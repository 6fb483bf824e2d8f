// SPDX-License-Identifier: Apache-2.0
// One front over the five compressions of a record batch. Pure functions: no state between calls, any thread.
#ifndef ODRADEK_RECORD_COMPRESS_H
#define ODRADEK_RECORD_COMPRESS_H

#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"

// Bits 0-2 of a batch's attributes (kafka-internals A4).
enum codec { CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD };
enum { CODEC_COUNT = 5 };

// Kafka's own default; also right for codecs without levels.
#define COMPRESS_LEVEL_DEFAULT INT32_MIN

// "none", "gzip", "snappy", "lz4", "zstd": the values of producers' compression.type.
const char *codec_name(enum codec codec);
// ERR_NOT_FOUND for an unknown name ("uncompressed" and "producer" are the topic configuration's business).
MUST_CHECK enum err codec_parse(struct slice name, enum codec *out);
// Levels Kafka accepts: gzip -1 and 1..9 (default -1), lz4 1..17 (default 9), zstd -131072..22 (default 3); false for
// the rest, except that COMPRESS_LEVEL_DEFAULT always is.
bool codec_level_is_valid(enum codec codec, int32_t level);

// Appends the compressed form of `in` to `out`, framed as Kafka's Java client frames it: gzip; xerial blocks of
// 32 KiB for snappy; one lz4 frame of independent 64 KiB blocks; one zstd frame. CODEC_NONE copies.
// ERR_INVALID for a level outside the range, ERR_TOO_LARGE for input of 2 GiB and more; `out` is then unchanged.
MUST_CHECK enum err codec_compress(enum codec codec, int32_t level, struct slice in, struct text *out);

// Appends the decompressed form of `in` to `out`, at most `limit` bytes of it. Memory follows the bytes really
// produced, never an announced size. ERR_TOO_LARGE above the limit, ERR_CORRUPT for anything malformed, cut short
// or unreadable for Kafka's Java client (dependent lz4 blocks); `out` then has its former size. Snappy is read in
// xerial framing and raw. A context is allocated per call (40 to 200 KiB, 1-20 us), small beside the work.
MUST_CHECK enum err codec_decompress(enum codec codec, struct slice in, size_t limit, struct text *out);

#endif
