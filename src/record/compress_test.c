// SPDX-License-Identifier: Apache-2.0
#include "record/compress.h"

#include <lz4frame.h>
#include <snappy-c.h>
#include <zlib.h>

#include "record/test_util.h"

enum { LIMIT = 1 << 20 };

static struct slice sample(uint64_t seed, size_t size, struct text *out)
{
    text_clear(out);
    while (out->size < size) {
        if (below(&seed, 4) == 0)
            text_add_char(out, (char)next_random(&seed));
        else
            text_add_str(out, "some words that repeat ");
    }
    out->size = size;
    return text_slice(out);
}

static void check_round_trip(enum codec codec, int32_t level, struct slice in)
{
    struct text packed = {0};
    struct text plain = {0};
    text_add_str(&packed, "before"); // both append
    text_add_str(&plain, "before");
    assert_int_equal(codec_compress(codec, level, in, &packed), OK);
    struct slice stream = slice_of(packed.data + 6, packed.size - 6);
    assert_int_equal(codec_decompress(codec, stream, in.size, &plain), OK);
    assert_true(slice_eq(slice_of(plain.data + 6, plain.size - 6), in));
    if (in.size > 0) { // one byte less is too little, and the output is as it was
        plain.size = 6;
        assert_int_equal(codec_decompress(codec, stream, in.size - 1, &plain), ERR_TOO_LARGE);
        assert_int_equal(plain.size, 6);
    }
    text_deinit(&packed);
    text_deinit(&plain);
}

static void test_round_trips(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 100, 511, 512, 32767, 32768, 32769, 65535, 65536, 65537, 200000};
    struct text text = {0};
    for (int codec = CODEC_NONE; codec < CODEC_COUNT; codec++)
        for (size_t i = 0; i < COUNT_OF(sizes); i++)
            check_round_trip((enum codec)codec, COMPRESS_LEVEL_DEFAULT, sample(i, sizes[i], &text));
    text_deinit(&text);
}

static void test_levels(void **state)
{
    (void)state;
    static const struct {
        enum codec codec;
        int32_t level;
        bool is_valid;
    } rows[] = {
        {CODEC_GZIP, -1, true},   {CODEC_GZIP, 1, true},       {CODEC_GZIP, 9, true},
        {CODEC_GZIP, 0, false},   {CODEC_GZIP, 10, false},     {CODEC_GZIP, -2, false},
        {CODEC_LZ4, 1, true},     {CODEC_LZ4, 2, true},        {CODEC_LZ4, 9, true},
        {CODEC_LZ4, 12, true},    {CODEC_LZ4, 17, true},       {CODEC_LZ4, 0, false},
        {CODEC_LZ4, 18, false},   {CODEC_ZSTD, -131072, true}, {CODEC_ZSTD, 0, true},
        {CODEC_ZSTD, 22, true},   {CODEC_ZSTD, 23, false},     {CODEC_ZSTD, -131073, false},
        {CODEC_SNAPPY, 1, false}, {CODEC_NONE, 1, false},      {CODEC_SNAPPY, COMPRESS_LEVEL_DEFAULT, true},
    };
    struct text text = {0};
    struct slice in = sample(5, 5000, &text);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(codec_level_is_valid(rows[i].codec, rows[i].level), rows[i].is_valid);
        struct text out = {0};
        if (rows[i].is_valid)
            check_round_trip(rows[i].codec, rows[i].level, in);
        else
            assert_int_equal(codec_compress(rows[i].codec, rows[i].level, in, &out), ERR_INVALID);
        text_deinit(&out);
    }
    text_deinit(&text);
}

static void test_names(void **state)
{
    (void)state;
    for (int i = 0; i < CODEC_COUNT; i++) {
        enum codec codec;
        assert_int_equal(codec_parse(slice_str(codec_name((enum codec)i)), &codec), OK);
        assert_int_equal(codec, i);
    }
    enum codec codec;
    assert_int_equal(codec_parse(SLICE("GZIP"), &codec), ERR_NOT_FOUND);
    assert_int_equal(codec_parse(SLICE(""), &codec), ERR_NOT_FOUND);
}

// Every cut is an error (but the cut at a block's end in xerial framing, which has no end mark); every changed byte
// is an error or another output, never more than the limit.
static void test_damaged_streams(void **state)
{
    (void)state;
    struct text text = {0};
    struct slice in = sample(9, 700, &text);
    for (int i = CODEC_GZIP; i < CODEC_COUNT; i++) {
        enum codec codec = (enum codec)i;
        struct text packed = {0};
        struct text out = {0};
        assert_int_equal(codec_compress(codec, COMPRESS_LEVEL_DEFAULT, in, &packed), OK);
        for (size_t size = 1; size < packed.size; size++) {
            uint8_t *exact = malloc(size);
            memcpy(exact, packed.data, size);
            enum err e = codec_decompress(codec, slice_of(exact, size), LIMIT, &out);
            if (e != ERR_CORRUPT && !(codec == CODEC_SNAPPY && size == 16)) fail_msg("%s %zu", codec_name(codec), size);
            free(exact);
        }
        for (size_t at = 0; at < packed.size * 8; at++) {
            uint8_t flip = (uint8_t)(1u << (at % 8));
            packed.data[at / 8] ^= flip;
            text_clear(&out);
            enum err e = codec_decompress(codec, text_slice(&packed), LIMIT, &out);
            assert_true(e == OK || e == ERR_CORRUPT || e == ERR_TOO_LARGE);
            assert_true(out.size <= LIMIT && (e == OK || out.size == 0));
            packed.data[at / 8] ^= flip;
        }
        text_deinit(&packed);
        text_deinit(&out);
    }
    text_deinit(&text);
}

static void test_empty_input(void **state)
{
    (void)state;
    struct text out = {0};
    assert_int_equal(codec_decompress(CODEC_GZIP, SLICE(""), LIMIT, &out), ERR_CORRUPT);
    assert_int_equal(codec_decompress(CODEC_SNAPPY, SLICE_NULL, LIMIT, &out), ERR_CORRUPT);
    assert_int_equal(codec_decompress(CODEC_LZ4, SLICE(""), LIMIT, &out), ERR_CORRUPT);
    assert_int_equal(codec_decompress(CODEC_ZSTD, SLICE(""), LIMIT, &out), OK); // as in Java
    assert_int_equal(out.size, 0);
    text_deinit(&out);
}

// 64 MiB of zeros in a few KiB: refused at the limit, with no more memory than a small multiple of it.
static void test_bombs_stop_at_the_limit(void **state)
{
    (void)state;
    struct slice zeros = {.data = calloc(1, 64 << 20), .size = 64 << 20};
    for (int codec = CODEC_GZIP; codec < CODEC_COUNT; codec++) {
        struct text packed = {0};
        struct text out = {0};
        assert_int_equal(codec_compress((enum codec)codec, COMPRESS_LEVEL_DEFAULT, zeros, &packed), OK);
        assert_int_equal(codec_decompress((enum codec)codec, text_slice(&packed), LIMIT, &out), ERR_TOO_LARGE);
        assert_true(out.size == 0 && out.capacity <= 4 * LIMIT);
        text_deinit(&packed);
        text_deinit(&out);
    }
    free((void *)(uintptr_t)zeros.data);
}

static void test_announced_sizes_are_not_believed(void **state)
{
    (void)state;
    struct text out = {0};
    // Raw snappy that announces 1 GiB, then a literal of one byte.
    assert_int_equal(codec_decompress(CODEC_SNAPPY, SLICE("\x80\x80\x80\x80\x04\x00z"), SIZE_MAX / 2, &out),
                     ERR_CORRUPT);
    // A zstd frame header with a content size of 1 TiB and no blocks.
    assert_int_equal(
        codec_decompress(CODEC_ZSTD, SLICE("\x28\xb5\x2f\xfd\xc0\x38\0\0\0\0\0\1\0\0"), SIZE_MAX / 2, &out),
        ERR_CORRUPT);
    // A xerial block of 2 GiB.
    assert_int_equal(
        codec_decompress(CODEC_SNAPPY, SLICE("\x82SNAPPY\0\0\0\0\1\0\0\0\1\x7f\xff\xff\xff\0"), LIMIT, &out),
        ERR_CORRUPT);
    assert_true(out.capacity < LIMIT);
    text_deinit(&out);
}

static void test_snappy_framings(void **state)
{
    (void)state;
    struct text text = {0};
    struct slice in = sample(3, 1000, &text);
    char raw[2000];
    size_t size = sizeof(raw);
    assert_int_equal(snappy_compress((const char *)in.data, in.size, raw, &size), SNAPPY_OK);
    struct text out = {0};
    assert_int_equal(codec_decompress(CODEC_SNAPPY, slice_of(raw, size), LIMIT, &out), OK);
    assert_true(slice_eq(text_slice(&out), in));
    // Two xerial streams in a row, as writers that flush per record make them.
    struct text packed = {0};
    assert_int_equal(codec_compress(CODEC_SNAPPY, COMPRESS_LEVEL_DEFAULT, in, &packed), OK);
    assert_int_equal(codec_compress(CODEC_SNAPPY, COMPRESS_LEVEL_DEFAULT, in, &packed), OK);
    text_clear(&out);
    assert_int_equal(codec_decompress(CODEC_SNAPPY, text_slice(&packed), LIMIT, &out), OK);
    assert_int_equal(out.size, 2 * in.size);
    text_deinit(&text);
    text_deinit(&packed);
    text_deinit(&out);
}

static void test_gzip_members_and_trailing_bytes(void **state)
{
    (void)state;
    struct text packed = {0};
    struct text out = {0};
    assert_int_equal(codec_compress(CODEC_GZIP, 9, SLICE("first,"), &packed), OK);
    assert_int_equal(codec_compress(CODEC_GZIP, 1, SLICE("second"), &packed), OK);
    text_add_str(&packed, "trailing");
    assert_int_equal(codec_decompress(CODEC_GZIP, text_slice(&packed), LIMIT, &out), OK);
    assert_string_equal(text_cstr(&out), "first,second");
    text_deinit(&packed);
    text_deinit(&out);
}

// What the Java client cannot read must not get into a log.
static void test_lz4_frames_java_cannot_read(void **state)
{
    (void)state;
    struct text text = {0};
    struct slice in = sample(3, 200000, &text);
    LZ4F_preferences_t preferences = {.frameInfo = {.blockMode = LZ4F_blockLinked}};
    struct text packed = {0};
    size_t room = LZ4F_compressFrameBound(in.size, &preferences);
    size_t size = LZ4F_compressFrame(text_reserve(&packed, room), room, in.data, in.size, &preferences);
    struct text out = {0};
    assert_int_equal(codec_decompress(CODEC_LZ4, slice_of(packed.data, size), LIMIT, &out), ERR_CORRUPT);
    // Other block sizes, checksums and a content size are fine.
    preferences.frameInfo = (LZ4F_frameInfo_t){
        .blockMode = LZ4F_blockIndependent,
        .blockSizeID = LZ4F_max256KB,
        .contentChecksumFlag = LZ4F_contentChecksumEnabled,
        .blockChecksumFlag = LZ4F_blockChecksumEnabled,
        .contentSize = in.size,
    };
    size = LZ4F_compressFrame(text_reserve(&packed, room + 64), room + 64, in.data, in.size, &preferences);
    assert_false(LZ4F_isError(size));
    assert_int_equal(codec_decompress(CODEC_LZ4, slice_of(packed.data, size), LIMIT, &out), OK);
    assert_true(slice_eq(text_slice(&out), in));
    text_deinit(&text);
    text_deinit(&packed);
    text_deinit(&out);
}

// The frame Java reads: independent blocks of 64 KiB, no optional fields, a correct header checksum.
static void test_lz4_frame_header(void **state)
{
    (void)state;
    struct text packed = {0};
    assert_int_equal(codec_compress(CODEC_LZ4, COMPRESS_LEVEL_DEFAULT, SLICE("x"), &packed), OK);
    assert_memory_equal(packed.data, "\x04\x22\x4d\x18\x60\x40\x82", 7);
    text_deinit(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_damaged_streams),
        cmocka_unit_test(test_empty_input),
        cmocka_unit_test(test_bombs_stop_at_the_limit),
        cmocka_unit_test(test_announced_sizes_are_not_believed),
        cmocka_unit_test(test_snappy_framings),
        cmocka_unit_test(test_gzip_members_and_trailing_bytes),
        cmocka_unit_test(test_lz4_frames_java_cannot_read),
        cmocka_unit_test(test_lz4_frame_header),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
