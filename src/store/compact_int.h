// SPDX-License-Identifier: Apache-2.0
// Compaction's own pieces. A round belongs to the loop (compact.c); what its task works on is a compact_job, which the
// loop does not look at while a slice of it is under way.
#ifndef ODRADEK_STORE_COMPACT_INT_H
#define ODRADEK_STORE_COMPACT_INT_H

#include "record/builder.h"
#include "store/store_int.h"

// What one batch may become when it is decompressed.
enum { COMPACT_BODY_BYTES_MAX = 256 * 1024 * 1024 };

// ---- compact_dirty.c: what may be compacted ----

// How many segments at the start are closed, decided, and old enough.
size_t compact_cleanable_count(const struct plog *plog, const struct plog_compact_limits *limits, int64_t wall_ms);
// Where the part begins that was never compacted.
int64_t compact_dirty_from(const struct plog *plog);

// ---- compact_map.c: key -> offset of its newest record ----
// 24 bytes a key, whatever its length: 128 bits of hash stand for it (Kafka takes MD5). The seeds are random, so nobody
// can choose two keys that meet.

struct key_map {
    struct key_slot *slots;
    size_t capacity;
    size_t count;
    size_t count_max; // capacity x load factor
    uint64_t seeds[2];
};

// Room for `keys` keys, or as many as fit into `bytes_max`. ERR_TOO_LARGE: not even one does.
MUST_CHECK enum err key_map_init(struct key_map *map, int64_t keys, size_t bytes_max, double load_factor,
                                 const uint64_t seeds[2]);
void key_map_deinit(struct key_map *map);
// False: full, though the key may be in it.
bool key_map_put(struct key_map *map, struct slice key, int64_t offset);
// -1: not in it.
int64_t key_map_get(const struct key_map *map, struct slice key);

// ---- compact_txn.c: which transactions a walk is in the middle of ----

// One walk over the log. It has a cursor in the aborted transactions, which both walks of a round share.
struct compact_txns {
    const struct aborted_txns *aborted; // by first offset
    size_t next;
    int64_t from; // where the walk begins: what ended below is none of its business
    struct map open; // struct open_txn by producer
};

void compact_txns_init(struct compact_txns *txns, const struct aborted_txns *aborted, int64_t from);
void compact_txns_deinit(struct compact_txns *txns);
// A data batch of any format. True: it is an aborted transaction's.
bool compact_txns_data(struct compact_txns *txns, const struct batch_header *header);
// A control batch. True: it says nothing about any batch seen, so it may go when its time has come. Otherwise, when it
// ends an aborted transaction, that is `*ended` (NULL: none).
bool compact_txns_control(struct compact_txns *txns, const struct batch_view *batch, const struct aborted_txn **ended);
// As the cursor wants them.
void compact_sort_aborted(struct aborted_txns *aborted);

// ---- compact_legacy.c: batches of magic 0 and 1 ----

// Walks the records of one such batch, inside a compressed one too: offset, timestamp, key and value.
struct legacy_iter {
    struct slice rest;
    struct batch_header header;
    int64_t offset_base; // what to add to inner offsets
    bool is_wrapped;
    enum err err; // OK = all seen; ERR_CORRUPT; ERR_TOO_LARGE
};
// `scratch` holds what was decompressed.
struct legacy_iter legacy_iter(const struct batch_view *batch, struct text *scratch);
bool legacy_next(struct legacy_iter *it, struct record *out);

// ---- what a round's task works on ----

struct compact_source {
    int64_t base_offset;
    int64_t end_offset; // base of the segment behind
    struct view view;
    int64_t index_bytes; // with what is in memory
    int64_t timeindex_bytes;
    int64_t mtime_ms; // once opened
};

// What is remembered of a producer, whose newest batch must stay.
struct compact_producer {
    int64_t id;
    int64_t last_offset; // of data, -1 = only a marker is remembered
    int16_t epoch;
};

struct compact_rewrite {
    size_t first; // of the group's sources
    size_t count;
    size_t at; // source under way
    struct log_walk walk;
    bool is_walking;
    struct segment *segment; // under construction
    struct text out;         // whole batches, not written yet
    int64_t written;
    struct text scratch;
    struct batch_builder builder;
    struct record *kept; // of a batch of an old format
    size_t kept_capacity;
};

struct compact_job {
    // given by the loop
    struct compact_source *sources; // all closed segments that may be looked at, in order
    size_t source_count;
    struct txn_search txn_search;
    struct compact_producer *producers; // by id
    size_t producer_count;
    uint64_t seeds[2];
    size_t map_bytes_max;
    double map_load_factor;
    size_t io_bytes; // of a read, and of a write
    int64_t dirty_from;
    int64_t now_ms;
    int64_t delete_retention_ms;
    int64_t segment_bytes;
    int64_t index_bytes_max;
    int32_t index_interval_bytes;
    const int *is_cancelled; // __atomic access only: the loop sets it, the task looks
    int64_t slice_left;      // bytes it may still read and write before it goes back to the loop
    // the job's own
    bool has_begun;
    bool is_mapped;
    bool is_rewriting;
    struct aborted_txns aborted; // by first offset
    int64_t legacy_horizon_ms;   // magic 0 and 1: tombstones in files last written by then may go
    struct key_map map;
    int64_t map_end; // records from here on are kept
    struct compact_txns map_txns;
    size_t map_at;
    struct log_walk map_walk;
    bool is_map_walking;
    struct text map_scratch;
    struct compact_txns txns; // of the rewriting, which walks all groups in turn
    struct compact_rewrite rewrite;
};

void compact_job_deinit(struct compact_job *job);
// blocking, each. Errors: ERR_AGAIN: the slice is used up, call again; ERR_CLOSED: cancelled; ERR_NOT_FOUND: a segment
// went to retention; ERR_CORRUPT; ERR_TOO_LARGE; ERR_IO.
MUST_CHECK enum err compact_source_open(struct compact_source *source, struct fs *fs, const char *dir_path);
void compact_source_close(struct compact_source *source);
// Between two batches: may the job go on? Takes `bytes` off the slice.
MUST_CHECK enum err compact_pause(struct compact_job *job, int64_t bytes);
// compact_map.c. Notes the newest offset of each key of the dirty part, as far as the map holds them.
MUST_CHECK enum err compact_map_run(struct compact_job *job, struct fs *fs, const char *dir_path);
// compact_rewrite.c. Writes <base>.log.cleaned and its indexes for the group in job->rewrite, synced; `out` is the new
// segment with its files open. The last batch stays, empty if it must be: so the group keeps its end.
MUST_CHECK enum err compact_rewrite_run(struct compact_job *job, struct fs *fs, const char *dir_path,
                                        struct segment **out);
void compact_rewrite_reset(struct compact_rewrite *rewrite);

#endif
