// SPDX-License-Identifier: Apache-2.0
#include "record/compress.h"

#include "record/compress_int.h"

struct codec_row {
    const char *name;
    int32_t level_min;
    int32_t level_max;
    int32_t level_default;
};

// org.apache.kafka.common.record.CompressionType, 4.3. Java's gzip accepts -1 beside its range.
static const struct codec_row rows[CODEC_COUNT] = {
    [CODEC_NONE] = {"none", 0, 0, 0}, [CODEC_GZIP] = {"gzip", 1, 9, -1},       [CODEC_SNAPPY] = {"snappy", 0, 0, 0},
    [CODEC_LZ4] = {"lz4", 1, 17, 9},  [CODEC_ZSTD] = {"zstd", -131072, 22, 3},
};

const char *codec_name(enum codec codec)
{
    ASSERT((unsigned)codec < CODEC_COUNT);
    return rows[codec].name;
}

enum err codec_parse(struct slice name, enum codec *out)
{
    for (int i = 0; i < CODEC_COUNT; i++) {
        if (slice_eq_str(name, rows[i].name)) {
            *out = (enum codec)i;
            return OK;
        }
    }
    return ERR_NOT_FOUND;
}

bool codec_level_is_valid(enum codec codec, int32_t level)
{
    if (level == COMPRESS_LEVEL_DEFAULT) return true;
    const struct codec_row *row = &rows[codec];
    if (row->level_min == row->level_max) return false;
    return level == row->level_default || (level >= row->level_min && level <= row->level_max);
}

uint8_t *sink_room(struct sink *sink, size_t wanted, size_t *room)
{
    size_t left = sink_left(sink);
    *room = left == 0 ? 1 : left < wanted ? left : wanted;
    return text_reserve(sink->out, *room);
}

enum err sink_grew(struct sink *sink, size_t by)
{
    if (by > sink_left(sink)) return ERR_TOO_LARGE;
    text_grew(sink->out, by);
    return OK;
}

enum err codec_compress(enum codec codec, int32_t level, struct slice in, struct text *out)
{
    if (!codec_level_is_valid(codec, level)) return ERR_INVALID;
    if (in.size > INT32_MAX) return ERR_TOO_LARGE;
    if (level == COMPRESS_LEVEL_DEFAULT) level = rows[codec].level_default;
    size_t start = out->size;
    enum err e = OK;
    switch (codec) {
    case CODEC_NONE: text_add(out, in); break;
    case CODEC_GZIP: e = gzip_compress(level, in, out); break;
    case CODEC_SNAPPY: e = snappy_xerial_compress(in, out); break;
    case CODEC_LZ4: e = lz4_compress(level, in, out); break;
    case CODEC_ZSTD: e = zstd_compress(level, in, out); break;
    }
    if (e != OK) out->size = start;
    return e;
}

enum err codec_decompress(enum codec codec, struct slice in, size_t limit, struct text *out)
{
    struct sink sink = {.out = out, .start = out->size, .limit = limit};
    enum err e = OK;
    switch (codec) {
    case CODEC_NONE:
        if (in.size > limit) return ERR_TOO_LARGE;
        text_add(out, in);
        break;
    case CODEC_GZIP: e = gzip_decompress(in, &sink); break;
    case CODEC_SNAPPY: e = snappy_any_decompress(in, &sink); break;
    case CODEC_LZ4: e = lz4_decompress(in, &sink); break;
    case CODEC_ZSTD: e = zstd_decompress(in, &sink); break;
    }
    if (e != OK) out->size = sink.start;
    return e;
}
