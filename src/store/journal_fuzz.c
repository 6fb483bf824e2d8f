// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as a ring, with a log it may or may not fit: opening and replaying must not crash, hang or take more
// memory than the ring has bytes for, what it accepts must be a log that loads, and doing it again must change nothing.
//
// Input: byte 0 = flags (1: an existing log of three batches), then entries that are given right checksums and places,
// so that the fuzzer gets past them: u8 kind, u8 offset, u8 end, u8 segment, u8 batches' length in units of 8, batches.
// Flag 2: the rest is the data of the ring as it is.
#include "base/bytes.h"
#include "base/crc32c.h"
#include "env_sim/sim.h"
#include "record/builder.h"
#include "store/journal.h"

enum { RING = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct uuid topic_id = {.bytes = {[15] = 7}};

static size_t put_entry(uint8_t *ring, int64_t *position, const uint8_t *data, size_t size)
{
    size_t length = (size_t)data[4] * 8;
    if (length > size - 5) length = size - 5;
    struct ring_entry entry = {.kind = (enum journal_kind)(data[0] % (JOURNAL_KINDS + 1)),
                               .generation = 1,
                               .position = *position,
                               .topic_id = topic_id,
                               .topic = SLICE("t"),
                               .offset = (int8_t)data[1],
                               .end_offset = (int8_t)data[2],
                               .segment_base = (int8_t)data[3],
                               .size = (uint32_t)length};
    int64_t space = ring_entry_space(1, (int64_t)length);
    if (*position + space > RING) return 0;
    uint8_t *at = ring + *position;
    uint8_t *batches = at + ENTRY_HEAD_SIZE + 1;
    if (length > 0) memcpy(batches, data + 5, length);
    if (length > BATCH_HEADER_SIZE && batches[BATCH_MAGIC_AT] == 2) { // sound but for what the fuzzer does to it
        store_i32(batches + 8, (int32_t)length - BATCH_OFFSET_SIZE);
        store_u32(batches + BATCH_CRC_AT,
                  crc32c(0, slice_of(batches + BATCH_ATTRIBUTES_AT, length - BATCH_ATTRIBUTES_AT)));
    }
    struct iovec part = {.iov_base = batches, .iov_len = length};
    ring_entry_format(&entry, &part, length > 0, at);
    *position += space;
    return 5 + length;
}

static void put_ring(struct fs *fs, const uint8_t *data, size_t size, bool is_raw)
{
    const struct ring_header header = {.generation = 1, .size = RING};
    uint8_t *file = mem_zalloc(RING_DATA_AT + RING, 1);
    uint8_t *ring = file + RING_DATA_AT;
    int64_t position = 0;
    ring_header_format(&header, file);
    if (is_raw && size > 0) memcpy(ring, data, size < RING ? size : RING);
    while (!is_raw && size >= 5) {
        size_t taken = put_entry(ring, &position, data, size);
        if (taken == 0) break;
        data += taken;
        size -= taken;
    }
    enum err e = fs_mkdir(fs, "/d/" JOURNAL_DIR);
    if (e == OK) e = file_write_synced(fs, "/d/" JOURNAL_DIR "/0" JOURNAL_SUFFIX, slice_of(file, RING_DATA_AT + RING));
    ASSERT(e == OK);
    mem_free(file);
}

static void put_log(struct fs *fs)
{
    struct text log = {0};
    for (int i = 0; i < 3; i++) {
        struct batch_builder builder = {0};
        struct batch_spec spec = batch_spec(2 * i);
        batch_begin(&builder, &log, &spec);
        batch_add(&builder, 5, SLICE_NULL, SLICE("a"), NULL, 0);
        batch_add(&builder, 5, SLICE_NULL, SLICE("b"), NULL, 0);
        enum err e = batch_end(&builder, NULL);
        ASSERT(e == OK);
        batch_builder_deinit(&builder);
    }
    enum err e = file_write_synced(fs, "/d/t-0/00000000000000000000.log", text_slice(&log));
    ASSERT(e == OK);
    text_deinit(&log);
}

// The end of the log, -1 when it was refused.
static int64_t load_once(struct fs *fs, struct logdir *dir)
{
    const struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    const struct plog_load_params params = {.dir = dir, .topic = SLICE("t"), .topic_id = topic_id, .options = &options};
    struct plog_load_report report;
    struct plog *plog;
    dir->is_offline = 0;
    if (plog_load(fs, &params, &report, &plog) != OK) return -1;
    int64_t end = plog_published_end(plog);
    ASSERT(plog_log_start(plog) <= plog_high_watermark(plog) && plog_high_watermark(plog) <= end);
    plog_discard(plog);
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct logdir_open_result result = {0};
    struct logdir_replay replayed;
    struct logdir *dir;
    struct sim_options options = sim_options_default(1);
    struct meta_properties properties = {
        .version = 1, .node_id = 1, .cluster_id = "f", .directory_id = {.bytes = {[15] = 200}}};
    if (size < 1) return 0;
    options.log_level = LOG_FATAL;
    struct sim *sim = sim_new(&options);
    struct fs *fs = sim_node_fs(sim_node_new(sim, "n", 1));
    enum err e = meta_properties_store(fs, "/d", &properties, 0);
    if (e == OK) e = fs_mkdir(fs, "/d/t-0");
    ASSERT(e == OK);
    if ((data[0] & 1) != 0) put_log(fs);
    put_ring(fs, data + 1, size - 1, (data[0] & 2) != 0);
    e = logdir_open(fs, NULL, "/d", -1, properties.directory_id, &arena, &result, &dir);
    ASSERT(e == OK); // the header is whole
    int64_t end = load_once(fs, dir);
    if (end >= 0) ASSERT(load_once(fs, dir) == end);
    e = logdir_settle_journal(fs, dir, &replayed);
    ASSERT(e == OK || logdir_is_offline(dir));
    if (end >= 0 && e == OK) ASSERT(load_once(fs, dir) == end); // it is in the log itself by now
    e = logdir_close(fs, dir, false, -1);
    ASSERT(e == OK);
    arena_deinit(&arena);
    sim_free(sim);
    return 0;
}
