// SPDX-License-Identifier: Apache-2.0
// Arbitrary bytes as the files of a partition directory, in a simulated file system: loading must not crash, hang or
// hand out what it did not check, and what it accepts must load again to the same end.
//
// Input: byte 0 = flags (1 clean start), byte 1 = recovery point, then files: u8 kind (below), u8 offset, u16 length
// (big-endian), content; the last one takes what is left.
#include "base/bytes.h"
#include "env_sim/sim.h"
#include "store/store_int.h"

static const char *const kinds[] = {
    ".log", ".index", ".timeindex", ".snapshot", ".txnindex", ".log.swap", ".log.cleaned", ".log.deleted",
    "leader-epoch-checkpoint", "partition.metadata", ".index.swap",
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void put_files(struct fs *fs, const uint8_t *data, size_t size)
{
    while (size >= 4) {
        const char *suffix = kinds[data[0] % COUNT_OF(kinds)];
        size_t length = load_u16(data + 2);
        char *path = suffix[0] == '.' ? segment_path("/d/t-0", data[1], suffix) : path_printf("/d/t-0/%s", suffix);
        data += 4;
        size -= 4;
        if (length > size) length = size;
        enum err e = file_write_synced(fs, path, slice_of(data, length));
        ASSERT(e == OK);
        mem_free(path);
        data += length;
        size -= length;
    }
}

static int64_t load_once(struct fs *fs, const struct plog_load_params *params)
{
    struct plog_load_report report;
    struct plog *plog;
    params->dir->is_offline = 0;
    if (plog_load(fs, params, &report, &plog) != OK) return -1;
    int64_t end = plog_published_end(plog);
    ASSERT(plog_log_start(plog) <= plog_high_watermark(plog) && plog_high_watermark(plog) <= end);
    struct txn_search search;
    struct aborted_txns found = {0};
    txn_search_init(&search, plog, plog_log_start(plog), true);
    enum err e = txn_search_open(&search, fs, "/d/t-0");
    if (e == OK) e = txn_search_collect(&search, true, plog_log_start(plog), INT64_MAX, &found);
    ASSERT(e == OK); // what is not sound was made anew
    txn_search_deinit(&search);
    aborted_txns_deinit(&found);
    ASSERT(plog_last_stable_offset(plog) >= plog_log_start(plog));
    plog_discard(plog);
    return end;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct logdir_open_result result;
    struct logdir *dir;
    struct sim_options options = sim_options_default(1);
    struct meta_properties properties = {
        .version = 1, .node_id = 1, .cluster_id = "f", .directory_id = {.bytes = {[15] = 200}}};
    struct plog_options plog_options = {PLOG_OPTIONS_DEFAULTS};
    struct checkpoint_entry *entries;
    size_t count;
    if (size < 2) return 0;
    options.log_level = LOG_FATAL;
    struct sim *sim = sim_new(&options);
    struct fs *fs = sim_node_fs(sim_node_new(sim, "n", 1));
    enum err e = meta_properties_store(fs, "/d", &properties, 0);
    if (e == OK) e = logdir_open(fs, NULL, "/d", -1, properties.directory_id, &arena, &result, &dir);
    if (e == OK) e = fs_mkdir(fs, "/d/t-0");
    ASSERT(e == OK);
    put_files(fs, data + 2, size - 2);
    if (file_write_synced(fs, "/d/cp", slice_of(data, size)) == OK) {
        if (checkpoint_load(fs, "/d/cp", &arena, &entries, &count) != OK) count = 0;
    }
    struct plog_load_params params = {
        .dir = dir,
        .topic = slice_str("t"),
        .was_clean = (data[0] & 1) != 0,
        .recovery_point = data[1],
        .options = &plog_options,
    };
    int64_t end = load_once(fs, &params);
    params.was_clean = false; // below the recovery point rot stays unseen: from 0 on the second time
    if (data[1] == 0 && (data[0] & 1) == 0 && end >= 0) ASSERT(load_once(fs, &params) == end);
    e = logdir_close(fs, dir, false, -1);
    ASSERT(e == OK);
    arena_deinit(&arena);
    sim_free(sim);
    return 0;
}
