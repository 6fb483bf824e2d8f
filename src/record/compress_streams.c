// SPDX-License-Identifier: Apache-2.0
// gzip, lz4 and zstd through their libraries' streaming interfaces.
#include <lz4frame.h>
#include <lz4hc.h>
#include <zlib.h>
#include <zstd.h>

#include "base/assert.h"
#include "record/compress_int.h"

enum {
    GZIP_WINDOW = MAX_WBITS + 16, // +16: gzip header and trailer instead of zlib's
    GZIP_MEMORY_LEVEL = 8,
    LZ4_MAGIC_SIZE = 4,
    LZ4_FLG_AT = 4,
    LZ4_FLG_INDEPENDENT = 0x20,
    LZ4_FLG_DICTIONARY = 0x01,
    LZ4_LEVEL_FAST = 9, // Kafka's default level; in the Java library it means the fast compressor, not HC 9
    PIECE_SIZE = 64 * 1024,
};

// First guess at the size of an output, then doubling: small batches stay small, large ones take few turns.
static size_t next_piece(const struct sink *sink, size_t input_size)
{
    size_t produced = sink->out->size - sink->start;
    size_t guess = produced == 0 ? input_size * 4 : produced;
    return guess < 512 ? 512 : guess > PIECE_SIZE * 16 ? PIECE_SIZE * 16 : guess;
}

enum err gzip_compress(int32_t level, struct slice in, struct text *out)
{
    z_stream stream = {0};
    int rc = deflateInit2(&stream, level, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY_LEVEL, Z_DEFAULT_STRATEGY);
    ASSERT(rc == Z_OK);
    size_t room = deflateBound(&stream, in.size);
    stream.next_in = (Bytef *)(uintptr_t)in.data; // zlib's interface lacks the const
    stream.avail_in = (uInt)in.size;
    stream.next_out = text_reserve(out, room);
    stream.avail_out = (uInt)room;
    rc = deflate(&stream, Z_FINISH);
    ASSERT(rc == Z_STREAM_END);
    text_grew(out, room - stream.avail_out);
    deflateEnd(&stream);
    return OK;
}

// Members may follow each other. What follows the last one and is no gzip header is ignored, as Java does.
enum err gzip_decompress(struct slice in, struct sink *sink)
{
    if (in.size > UINT32_MAX) return ERR_CORRUPT;
    z_stream stream = {.next_in = (Bytef *)(uintptr_t)in.data, .avail_in = (uInt)in.size};
    int rc = inflateInit2(&stream, GZIP_WINDOW);
    ASSERT(rc == Z_OK);
    enum err e = OK;
    for (;;) {
        size_t room = 0;
        stream.next_out = sink_room(sink, next_piece(sink, in.size), &room);
        stream.avail_out = (uInt)room;
        rc = inflate(&stream, Z_NO_FLUSH);
        e = sink_grew(sink, room - stream.avail_out);
        if (e != OK) break;
        if (rc == Z_STREAM_END) {
            if (stream.avail_in < 2 || stream.next_in[0] != 0x1f || stream.next_in[1] != 0x8b) break;
            rc = inflateReset(&stream);
            ASSERT(rc == Z_OK);
            continue;
        }
        // Z_BUF_ERROR: neither input nor room for progress; room there always is, so the input was cut.
        if (rc != Z_OK || (stream.avail_in == 0 && stream.avail_out > 0)) {
            e = ERR_CORRUPT;
            break;
        }
    }
    inflateEnd(&stream);
    return e;
}

enum err lz4_compress(int32_t level, struct slice in, struct text *out)
{
    LZ4F_preferences_t preferences = {
        .frameInfo = {.blockSizeID = LZ4F_max64KB, .blockMode = LZ4F_blockIndependent},
        .compressionLevel = level == LZ4_LEVEL_FAST    ? 0
                            : level < LZ4HC_CLEVEL_MIN ? LZ4HC_CLEVEL_MIN
                            : level > LZ4HC_CLEVEL_MAX ? LZ4HC_CLEVEL_MAX
                                                       : level,
    };
    size_t room = LZ4F_compressFrameBound(in.size, &preferences);
    size_t written = LZ4F_compressFrame(text_reserve(out, room), room, in.data, in.size, &preferences);
    ASSERT(!LZ4F_isError(written));
    text_grew(out, written);
    return OK;
}

// One frame; what follows it is ignored, as Kafka's Lz4BlockInputStream does. That class knows neither blocks that
// depend on earlier ones nor dictionaries: accepting those would store what Java consumers cannot read.
enum err lz4_decompress(struct slice in, struct sink *sink)
{
    static const uint8_t magic[LZ4_MAGIC_SIZE] = {0x04, 0x22, 0x4d, 0x18};
    if (in.size <= LZ4_FLG_AT || memcmp(in.data, magic, sizeof(magic)) != 0) return ERR_CORRUPT;
    uint8_t flags = in.data[LZ4_FLG_AT];
    if ((flags & LZ4_FLG_INDEPENDENT) == 0 || (flags & LZ4_FLG_DICTIONARY) != 0) return ERR_CORRUPT;
    LZ4F_dctx *context = NULL;
    LZ4F_errorCode_t created = LZ4F_createDecompressionContext(&context, LZ4F_VERSION);
    ASSERT(!LZ4F_isError(created));
    enum err e = OK;
    size_t at = 0;
    for (;;) {
        size_t room = 0;
        uint8_t *to = sink_room(sink, next_piece(sink, in.size), &room);
        size_t written = room;
        size_t read = in.size - at;
        size_t hint = LZ4F_decompress(context, to, &written, in.data + at, &read, NULL);
        if (LZ4F_isError(hint)) {
            e = ERR_CORRUPT;
            break;
        }
        at += read;
        e = sink_grew(sink, written);
        if (e != OK || hint == 0) break;
        if (at == in.size && written < room) { // all was read and nothing held back, yet the frame has no end
            e = ERR_CORRUPT;
            break;
        }
    }
    LZ4F_freeDecompressionContext(context);
    return e;
}

enum err zstd_compress(int32_t level, struct slice in, struct text *out)
{
    size_t room = ZSTD_compressBound(in.size);
    size_t written = ZSTD_compress(text_reserve(out, room), room, in.data, in.size, level);
    ASSERT(!ZSTD_isError(written));
    text_grew(out, written);
    return OK;
}

// Frames may follow each other, and none is none: no bytes give no bytes, as in Java. The library refuses windows above
// 128 MiB, as Java's binding of it does.
enum err zstd_decompress(struct slice in, struct sink *sink)
{
    if (in.size == 0) return OK;
    ZSTD_DStream *stream = ZSTD_createDStream();
    ASSERT(stream != NULL);
    ZSTD_inBuffer source = {.src = in.data, .size = in.size, .pos = 0};
    enum err e = OK;
    for (;;) {
        size_t room = 0;
        uint8_t *to = sink_room(sink, next_piece(sink, in.size), &room);
        ZSTD_outBuffer target = {.dst = to, .size = room, .pos = 0};
        size_t rc = ZSTD_decompressStream(stream, &target, &source);
        if (ZSTD_isError(rc)) {
            e = ERR_CORRUPT;
            break;
        }
        e = sink_grew(sink, target.pos);
        if (e != OK) break;
        bool all_read = source.pos == source.size;
        if (rc == 0 && all_read) break;
        if (all_read && target.pos < room) {
            e = ERR_CORRUPT;
            break;
        }
    }
    ZSTD_freeDStream(stream);
    return e;
}
