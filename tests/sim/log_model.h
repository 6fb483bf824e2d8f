// SPDX-License-Identifier: Apache-2.0
// What a partition log must hold, kept as a plain list of everything that was ever accepted. It judges runs of bytes
// that were read back, ends, look-ups and producers, and allows exactly what retention and compaction were asked to
// remove.
//
// A batch is in the list from the moment plog_append took it; a crash or a truncation drops the tail of the list. What
// lies below the log start stays in it: an unwritten log start comes back after a crash, and the records with it.
#ifndef ODRADEK_TESTS_SIM_LOG_MODEL_H
#define ODRADEK_TESTS_SIM_LOG_MODEL_H

#include "base/text.h"
#include "harness.h"
#include "record/builder.h"

enum { MODEL_KEYS = 24, MODEL_PRODUCERS = 4, MODEL_WINDOW = 5, NO_KEY = -1 };

enum model_fate { FATE_PLAIN, FATE_OPEN, FATE_COMMITTED, FATE_ABORTED, FATE_MARKER };

struct model_record {
    int64_t offset;
    int64_t timestamp;
    int key; // NO_KEY = null
    bool is_tombstone;
};

struct model_batch {
    struct batch_header header; // as stamped
    struct text bytes;
    struct model_record *records;
    enum model_fate fate;
    int64_t marker_offset;  // that decided it; -1 = none
    int64_t first_round_ms; // of the first compaction that may have seen it; INT64_MAX = none
    bool is_commit;         // of a marker
    bool is_present;        // the last scan met it
};

// What the log must remember of a producer.
struct model_producer {
    int64_t id;
    int64_t txn_first; // -1: no transaction is open
    int32_t next_sequence;
    int32_t coordinator_epoch;
    int16_t epoch;               // -1: never seen
    bool is_sure;                // the log cannot have forgotten it
    bool is_coordinator_sure;    // nor its marker
    size_t recent[MODEL_WINDOW]; // its newest data batches of this epoch, oldest first
    size_t recent_count;
    int64_t forgotten_below; // expired: what it appended below may say nothing any more
};

struct model {
    struct sim_case *at;
    int number; // of the log, for messages
    struct model_batch *batches;
    size_t count;
    size_t capacity;
    int64_t start;         // log start as it was last told
    int64_t start_max;     // the largest that was ever asked for: what lies below may be gone
    int64_t floor;         // the end may not fall below it
    int64_t base;          // end of a log that holds no batch
    int64_t restarted_at;  // the log was emptied and began here
    int64_t compact_bound; // compaction was allowed up to here
    int64_t cleaned_to;    // and has finished up to here
    int64_t delete_retention_ms;
    size_t rebuilt_at; // batches before this index were not appended in this life
    int64_t boot_end;  // where this life began
    struct model_producer producers[MODEL_PRODUCERS];
    bool was_cut; // batches were dropped: compaction may have looked at producers that are gone
};

void model_init(struct model *m, struct sim_case *at, int number);
void model_deinit(struct model *m);

int64_t model_end(const struct model *m);
// Takes in a run of batches with their offsets.
void model_add(struct model *m, struct slice run);
// Drops what lies at and above `end`, which must be a boundary.
void model_cut(struct model *m, int64_t end);
// The log was emptied and goes on at `offset`.
void model_restart(struct model *m, int64_t offset);
// Where a truncation to `offset` leaves the end: low, but in front of a gap the name of an emptied segment keeps high.
void model_end_after_cut(const struct model *m, int64_t offset, int64_t *low, int64_t *high);
// Producers again from the batches; who is sure depends on the last scan.
void model_rebuild_producers(struct model *m);
// Who appended nothing since then is forgotten, for good once a snapshot was written without him.
void model_expire_producers(struct model *m, int64_t before_ms);
void model_allow_compaction(struct model *m, int64_t bound, int64_t now_ms);

// Index of the first batch that ends at or above the offset; count = none.
size_t model_find(const struct model *m, int64_t offset);

// Judges whole batches read from `from` on (a partial one at the end is left alone) and returns where they end. Batches
// in between that are missing must be allowed to. With `marks`, notes who was met.
int64_t model_check_run(struct model *m, struct slice run, int64_t from, int64_t now_ms, bool marks);
// What a consumer with read_committed makes of a run and its aborted transactions.
struct plog_aborted;
void model_check_committed(struct model *m, struct slice run, const struct plog_aborted *aborted, int32_t count);
// All of [from, to) may be missing.
bool model_may_lack_range(struct model *m, int64_t from, int64_t to, int64_t now_ms);
// The last stable offset lies in [low, high]; they differ where a restart forgets what is only in memory.
void model_lso(const struct model *m, int64_t hw, int64_t *low, int64_t *high);
// The answer to a look-up by time, asked when the log was [start, limit).
void model_check_time(struct model *m, int64_t target_ms, int64_t limit, int64_t offset, int64_t timestamp,
                      int64_t now_ms);
// After a scan: every producer's newest batch is still there, so that its state can be rebuilt.
void model_check_producers_present(struct model *m);

#endif
