// SPDX-License-Identifier: Apache-2.0
// What the files of this room share. Nobody outside includes it.
#ifndef ODRADEK_STORE_STORE_INT_H
#define ODRADEK_STORE_STORE_INT_H

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "record/batch.h"
#include "store/store.h"

#define COMPONENT "store"

// ---- files.c: small helpers over fs ----

// A NUL-terminated path from printf-like parts, freed with mem_free.
char *path_printf(const char *format, ...) PRINTF_LIKE(1, 2);
// The whole file behind what `out` holds; ERR_NOT_FOUND; ERR_TOO_LARGE above `limit`.
MUST_CHECK enum err file_load(struct fs *fs, const char *path, size_t limit, struct text *out);
// path.tmp, fsync, rename, fsync of the directory `dir_path`.
MUST_CHECK enum err file_replace(struct fs *fs, const char *dir_path, const char *path, struct slice content);
// Creates or overwrites in place and fsyncs; the caller syncs the directory.
MUST_CHECK enum err file_write_synced(struct fs *fs, const char *path, struct slice content);
// unlink where a missing file is fine.
MUST_CHECK enum err file_remove(struct fs *fs, const char *path);
// All of `size` bytes at `position`: ERR_AGAIN when !may_block and it would, ERR_TRUNCATED at the end of the file.
MUST_CHECK enum err file_read_all(struct file *file, bool may_block, int64_t position, void *to, size_t size);
MUST_CHECK enum err file_write_all(struct file *file, int64_t position, struct slice bytes);

struct name_list {
    char **names;
    size_t count;
    size_t capacity;
};
MUST_CHECK enum err dir_list(struct fs *fs, const char *path, struct name_list *out); // sorted
void name_list_deinit(struct name_list *list);

// ---- epochs.c: leader-epoch-checkpoint (A7) ----

struct epoch_entry {
    int32_t epoch;
    int64_t start;
};

// Both fields strictly increasing.
struct epochs {
    struct epoch_entry *entries;
    size_t count;
    size_t capacity;
};

void epochs_deinit(struct epochs *epochs);
MUST_CHECK enum err epochs_parse(struct slice text, struct epochs *out);
void epochs_format(const struct epochs *epochs, struct text *out);
// True when something changed.
bool epochs_assign(struct epochs *epochs, int32_t epoch, int64_t start);
bool epochs_truncate_end(struct epochs *epochs, int64_t end);
bool epochs_truncate_start(struct epochs *epochs, int64_t start);
int32_t epochs_latest(const struct epochs *epochs);
int32_t epochs_of(const struct epochs *epochs, int64_t offset);
void epochs_end_offset(const struct epochs *epochs, int32_t epoch, int64_t log_end, int32_t *found, int64_t *end);

struct aborted_txn;

// ---- producers.c: producer state (B3, B4) and its snapshot (A6) ----

enum { PRODUCER_WINDOW = 5 };

struct producer_batch {
    int32_t last_sequence;
    int32_t offset_delta;
    int64_t last_offset;
    int64_t timestamp;
};

struct producer {
    struct map_link by_id;
    struct list order;    // by first appearance
    struct list open;     // in producers.open while a transaction is open, by first offset
    int64_t id;
    int64_t last_timestamp;
    int64_t txn_first_offset; // -1 = none
    int32_t coordinator_epoch;
    int16_t epoch;
    int16_t batch_count;
    struct producer_batch batches[PRODUCER_WINDOW]; // oldest first
};

// A transaction that has its marker, until the high watermark passes that.
struct ended_txn {
    struct list link;
    int64_t first_offset;
    int64_t marker_offset;
};

// A first transactional batch that the coordinator is being asked about (KIP-890).
struct verification {
    struct map_link by_id;
    struct list order;
    int64_t id;
    int64_t created_ms;
    uint64_t guard;
    int32_t lowest_sequence; // ever asked about, of this epoch
    int16_t epoch;
    bool supports_epoch_bump; // transactions of version 2
};

struct producers {
    struct map by_id;
    struct list order;
    struct list open;
    struct list ended;
    struct map verification_by_id;
    struct list verifications;
    uint64_t last_guard;
};

void producers_init(struct producers *producers);
void producers_deinit(struct producers *producers);
void producers_clear(struct producers *producers);
// `to` becomes what `from` is, but for guards: none is good any more. `from` is empty.
void producers_take(struct producers *to, struct producers *from);
// May this batch be appended? OK and *duplicate != NULL: it is in the log already. The order of the checks is Kafka's.
MUST_CHECK enum err producers_check(const struct producers *producers, const struct plog_append *append,
                                    const struct batch_view *batch, const struct producer_batch **duplicate);
MUST_CHECK enum err producers_verification_begin(struct producers *producers, const struct plog_verification *asked,
                                                 int64_t now_ms, uint64_t *guard);
// Takes a batch into the state, at the offsets its header says. Never fails: a replica takes what it is given. True: it
// is the ABORT marker of a transaction that has data; *aborted is its entry for the index.
bool producers_update(struct producers *producers, const struct batch_view *batch, struct aborted_txn *aborted);
// Kafka's limit below which all transactions are decided and replicated; INT64_MAX = none open.
int64_t producers_first_undecided(const struct producers *producers);
void producers_forget_ended(struct producers *producers, int64_t high_watermark);
void producers_expire(struct producers *producers, int64_t now_ms, int64_t expiration_ms);
void producers_snapshot(const struct producers *producers, struct text *out);
// ERR_CORRUPT leaves it empty.
MUST_CHECK enum err producers_restore(struct producers *producers, struct slice snapshot);

// ---- segment.c ----

enum { INDEX_ENTRY_SIZE = 8, TIME_ENTRY_SIZE = 12, TXN_ENTRY_SIZE = 34 };
enum { TXNINDEX_FILE_MAX = 1024 * 1024 * 1024 };
enum { INDEX_TAIL_MAX = 4096 }; // bytes of index entries kept in memory before they go to the file

struct segment {
    int64_t base_offset;
    struct file *log;       // NULL: not open now
    struct file *index;     // NULL: not open now, or not created
    struct file *timeindex;
    struct file *txnindex;
    struct segment_use *use; // open_files.c; NULL: none of them is open, or nobody counts
    int64_t size;           // assigned bytes: those in the file and those queued for it
    bool is_created;        // the .log exists
    bool is_sealed;         // closed, and its index files are on disk
    bool has_index_files;   // both exist and end where the log does, as far as nothing was appended since
    bool has_times;         // max_timestamp is known
    int64_t max_timestamp;  // -1 = none
    int64_t max_timestamp_offset; // last offset of the batch that holds it
    int64_t first_timestamp;      // max timestamp of the first batch; -1 = none
    bool lacks_first_timestamp;   // nobody has looked
    int64_t created_ms;
    bool knows_newest;            // newest_ms was looked up
    int64_t newest_ms;            // of a closed segment, for retention: max_timestamp, or else its last write
    int64_t index_bytes;     // in the files
    int64_t timeindex_bytes;
    int64_t txnindex_bytes;
    struct text index_tail;  // behind them
    struct text timeindex_tail;
    struct text txnindex_tail;
    int64_t last_time_entry; // newest timestamp in the time index, -1 = empty
    int64_t bytes_since_index;
    int64_t allocated_to;
    int64_t written_back_to;
    struct text snapshot; // producer state at base_offset, until the segment before is sealed
    bool has_snapshot;
};

// The log's bytes to disk, through `file`, or a descriptor of its own when that is NULL. blocking.
MUST_CHECK enum err segment_sync(struct fs *fs, const char *dir_path, int64_t base_offset, struct file *file);
struct segment *segment_new(int64_t base_offset);
void segment_free(struct segment *segment);
char *segment_path(const char *dir_path, int64_t base_offset, const char *suffix);
// Counts a batch at segment->size in: index entries by A5, timestamps, size.
void segment_note(struct segment *segment, const struct batch_header *header, int64_t batch_bytes, int32_t interval);
void segment_add_time_entry(struct segment *segment);
bool segment_index_is_full(const struct segment *segment, int32_t index_bytes_max);

// What a lookup needs of a segment, with references of its own, so that a task may have it. Immutable but for the files
// that the task opens itself.
struct view {
    int64_t base_offset;
    struct file *log;
    struct file *index;
    struct file *timeindex;
    int64_t size; // readable bytes
    int64_t index_bytes;
    int64_t timeindex_bytes;
    struct text index_tail;
    struct text timeindex_tail;
    bool has_times;
    int64_t max_timestamp;
};

// `copy_tails` false borrows them: for use within one call on the loop.
void view_init(struct view *view, const struct segment *segment, int64_t size, bool copy_tails);
void view_deinit(struct view *view, bool has_copies);
// blocking. Opens what is not open, or only what finding an offset takes.
MUST_CHECK enum err view_open_for_offsets(struct view *view, struct fs *fs, const char *dir_path);
MUST_CHECK enum err view_open(struct view *view, struct fs *fs, const char *dir_path);

struct found_batch {
    int64_t position;
    int64_t size;
    struct batch_header header;
};

// The first batch whose last offset is >= `offset`, at or behind the place the index tells. ERR_NOT_FOUND: none in the
// segment; ERR_AGAIN when !may_block; ERR_CORRUPT.
MUST_CHECK enum err view_find(const struct view *view, bool may_block, int64_t offset, struct found_batch *out);
// The batch that starts exactly at `position`.
MUST_CHECK enum err view_batch_at(const struct view *view, bool may_block, int64_t position, struct found_batch *out);
// Floor of the offset index and of the time index; 0 when there is no such entry.
MUST_CHECK enum err view_index_floor(const struct view *view, bool may_block, int64_t offset, int64_t *position);
// Offset of the first index entry at or behind a place in the file; *offset untouched when there is none.
MUST_CHECK enum err view_index_ceiling(const struct view *view, bool may_block, int64_t position, int64_t *offset);
MUST_CHECK enum err view_time_floor(const struct view *view, bool may_block, int64_t timestamp, int64_t *offset);
// Largest timestamp by the time index, for a closed segment.
MUST_CHECK enum err view_max_timestamp(struct view *view, int64_t *timestamp);
// blocking. The same for any segment: opens what is needed, walks one that has no time index. -1 = no timestamps.
MUST_CHECK enum err view_largest_timestamp(struct view *view, struct fs *fs, const char *dir_path, int64_t *timestamp);

// Walks complete batches of a log file, blocking.
struct log_walk {
    struct file *file;
    int64_t position; // of the next batch
    int64_t size;     // of what may be read
    bool wants_bodies; // whole batches rather than headers
    int64_t chunk_bytes; // of a read, 0 = 256 KiB; a larger batch takes a larger one
    struct text buffer;
    int64_t buffer_at;
    enum err err; // OK = reached size exactly; ERR_TRUNCATED: a partial batch at position; ERR_CORRUPT; ERR_IO
};
// `out->bytes` holds the whole batch with wants_bodies, or else at least its header.
bool log_walk_next(struct log_walk *walk, struct batch_view *out, int64_t *batch_bytes);
void log_walk_deinit(struct log_walk *walk);

// ---- txnindex.c: aborted transactions (A5) ----

struct aborted_txn {
    int64_t producer_id;
    int64_t first_offset;
    int64_t last_offset;        // of the ABORT marker; strictly increasing in a file, and from file to file
    int64_t last_stable_offset; // when the marker was appended; never falls either
};

struct aborted_txns { // by last offset
    struct aborted_txn *items;
    size_t count;
    size_t capacity;
};

void aborted_txns_add(struct aborted_txns *txns, const struct aborted_txn *txn);
void aborted_txns_deinit(struct aborted_txns *txns);
// Behind the entries of its .txnindex, in memory until it is sealed (or 4 KiB have come together). A rewritten segment
// gets its file so: add what it keeps, then write txnindex_tail to a file of its own when there is any.
void segment_add_aborted(struct segment *segment, const struct aborted_txn *txn);
// Of one whole file. ERR_CORRUPT: an unknown version, or an entry that ends below `base_offset` or not behind the one
// before it. Bytes behind the last whole entry do not count (Kafka's rule).
MUST_CHECK enum err txnindex_check(struct slice bytes, int64_t base_offset, int64_t *whole_bytes);
// blocking. Reads and checks a segment's file. ERR_CORRUPT, also for one that is no file.
MUST_CHECK enum err txnindex_load(struct fs *fs, const char *dir_path, int64_t base_offset, int64_t *whole_bytes);
// blocking. Drops the transactions that end at or behind `end`; no file is fine.
MUST_CHECK enum err txnindex_cut(struct fs *fs, const char *dir_path, int64_t base_offset, int64_t end);

// The .txnindex entries from one segment on, with references of its own, so that a task may have it.
struct txn_source {
    int64_t base_offset;
    struct file *file; // NULL: not open yet, or all is in the tail
    int64_t file_bytes;
    struct text tail;
};
struct txn_search {
    struct txn_source *sources; // segments that hold entries, in order
    size_t count;
    bool has_copies;
};
// loop. What holds the markers of transactions that touch records at and above `from`, up to the log's end: the marker
// may be far behind the records. `copy_tails` false borrows them: for use within one call on the loop.
void txn_search_init(struct txn_search *search, const struct plog *plog, int64_t from, bool copy_tails);
void txn_search_deinit(struct txn_search *search);
// blocking. Opens what is not open. ERR_NOT_FOUND: a file went meanwhile, to retention or (plog->replacements) to
// compaction: look again with a new search.
MUST_CHECK enum err txn_search_open(struct txn_search *search, struct fs *fs, const char *dir_path);
// Adds the aborted transactions that overlap [from, to). ERR_AGAIN when !may_block and it would.
MUST_CHECK enum err txn_search_collect(const struct txn_search *search, bool may_block, int64_t from, int64_t to,
                                       struct aborted_txns *out);

// ---- plog ----

struct logdir {
    struct fs *fs;
    struct log *log;
    char *path;
    struct file *lock;
    struct meta_properties properties;
    int is_offline; // __atomic access only, as log_count: what several loops look at
    int log_count;
    // The journal (journal.h).
    int64_t journal_bytes; // 0 = none
    int journal_demand;    // syncs of segments within a while until there is one
    struct journal **journals; // by shard; each is its loop's. NULL without a journal
    struct replay *replay;     // what the last run left, until the partitions have it
    int is_replay_pending;     // __atomic access only, like the next
    int replay_users;
};

// A batch boundary whose place is known.
struct plog_place {
    int64_t offset;
    int64_t base_offset; // of the segment
    int64_t position;
};

enum { PLACE_COUNT = 16, WRITE_PARTS_MAX = 512 };

enum plog_state { PLOG_OPEN, PLOG_TRUNCATING, PLOG_CLOSING, PLOG_DELETING };

// What only a plog needs that is appended to or read: most logs of a node with many are idle.
struct plog_hot {
    struct plog *plog;
    struct plog_place places[PLACE_COUNT];
    size_t next_place;
    struct env_write write;
    struct iovec *parts; // of the write; grows up to WRITE_PARTS_MAX
    int part_capacity;
    struct list waits_for_file; // open_files.c
    struct env_timer flush_timer;
};

struct plog {
    struct logdir *dir;
    struct log *log;
    struct env *env; // NULL before plog_attach
    const struct plog_owner *owner;
    void *user;
    char *path;
    struct text topic;
    int32_t partition;
    struct uuid topic_id;
    struct plog_options options;

    struct segment **segments; // by base offset, never empty; the last one takes appends
    size_t segment_count;
    size_t segment_capacity;
    struct epochs epochs;
    struct producers producers;
    int64_t last_snapshot; // offset of the newest snapshot file, -1 = none

    int64_t log_start;
    int64_t assigned_end;
    struct plog_place published; // always in the newest created segment
    struct plog_place flushed;   // really on disk, in the segment's file
    int64_t durable_end;         // what was promised; never falls but by truncation
    int64_t written_end;         // behind the last batch written; below published.offset after a roll over a gap
    int64_t direct_end;          // behind the last write that the journal does not hold
    struct plog_journal *in_journal; // NULL before its first entry
    int64_t journal_mark;            // behind the last entry that the ring may hold of this partition
    int64_t high_watermark;

    struct list queue;   // plog_append, submitted
    struct list writing; // in flight
    struct open_files *files; // of this loop; NULL: everything stays open
    struct plog_hot *hot; // NULL: nobody appended or read for long; plog_heat makes it
    struct env_msg turn;
    bool is_turn_posted;
    bool is_writing;
    bool is_journaled;     // the write under way is in the journal too
    int writes_left;       // of it: in the segment, in the ring
    bool has_start_moved;  // not in the journal yet
    bool is_syncing;
    bool is_creating;      // the next segment's file
    bool is_opening;       // the active segment's file, which is not open now
    bool is_storing_epochs;
    bool is_sealing;
    bool is_indexing;      // index files of the active segment being made
    bool are_epochs_dirty;
    bool is_dir_dirty;     // a segment was created, its name is not synced
    bool wants_flush;      // flush.ms, flush.messages
    int tasks;             // on their way
    enum plog_state state;
    struct compaction *compaction; // under way; compact.c
    int64_t cleaned_to;            // everything below was compacted
    bool is_uncleanable;           // compaction failed here
    bool is_learning_times;        // for compaction: of segments not opened since the start
    uint64_t replacements;         // of segments by compacted ones: a task's view from before may find other files
    struct condemned *condemned;   // ".deleted" files that wait for their removal; condemned.c
    struct plog_op *pending; // of a state other than OPEN, until it runs
    struct plog_op *flush_op;   // future.c
    struct plog_op *promote_op;
    struct list held_tasks;     // struct plog_task: their path is about to change
    int held_count;
    bool is_renaming;
    bool is_future; // a copy in a -future directory: synced by itself, for no journal knows it
    bool has_failed;
    bool has_told_failure;
    bool is_gone; // closed; freed by the turn message that is still on its way
    enum err failure;
};

static inline struct segment *plog_active(const struct plog *plog)
{
    return plog->segments[plog->segment_count - 1];
}

struct plog_hot *plog_heat(struct plog *plog);
struct plog *plog_new(const struct plog_load_params *params);
void plog_free(struct plog *plog);
void plog_add_segment(struct plog *plog, struct segment *segment);
// Index of the segment that covers the offset; 0 when it is below all.
size_t plog_segment_of(const struct plog *plog, int64_t offset);
struct segment *plog_segment_at(const struct plog *plog, int64_t base_offset); // NULL: gone
void plog_remember(struct plog *plog, struct plog_place place);
void plog_forget_places(struct plog *plog, int64_t below); // of segments that begin below it
// Readable bytes of a segment.
int64_t plog_readable(const struct plog *plog, const struct segment *segment);
// Looks at the state and starts whatever can start. May end a pending operation; the plog is never freed in it.
void plog_step(struct plog *plog);
void plog_wake(struct plog *plog); // plog_step at the end of this turn
void plog_fail(struct plog *plog, enum err why, const char *what);

// load.c: fills segments, epochs, producers, ends of an empty plog from its directory. blocking.
MUST_CHECK enum err plog_read_dir(struct plog *plog, struct fs *fs, const struct plog_load_params *params,
                                  struct plog_load_report *report);
MUST_CHECK enum err epochs_store(struct fs *fs, const char *dir_path, const struct epochs *epochs);

// An internal task: its own copy of all it needs, freed in done.
struct plog_task {
    struct env_task task;
    struct list held; // in plog.held_tasks
    struct plog *plog;
    char *dir_path;
    enum err result;
    const char *what; // failed, for the log
};
void plog_task_post(struct plog *plog, struct plog_task *task, uintptr_t lane);
// In done: counts it out. The caller frees.
struct plog *plog_task_end(struct plog_task *task);

// seal.c: closing of a segment: index files, snapshot, sync
struct seal {
    struct plog_task base;
    int64_t base_offset;
    int64_t size;
    bool has_log;     // the file exists; opened if `log` is NULL
    struct file *log;
    struct file *index;
    struct file *timeindex;
    struct file *txnindex;
    int64_t index_bytes;
    int64_t timeindex_bytes;
    int64_t txnindex_bytes;
    struct text index_tail;
    struct text timeindex_tail;
    struct text txnindex_tail;
    struct text snapshot;
    int64_t snapshot_offset; // -1 = none
    int64_t end_offset;
};
// Takes the segment's tails (they stay readable there until done).
struct seal *seal_new(struct plog *plog, struct segment *segment, int64_t end_offset);
MUST_CHECK enum err seal_run(struct seal *seal, struct fs *fs); // blocking
void seal_done(struct seal *seal, struct segment *segment);     // installs files; segment may be NULL
void seal_free(struct seal *seal);
void plog_seal_next(struct plog *plog); // starts a seal when there is one to do
void plog_index_flush(struct plog *plog, struct segment *segment);

// ---- open_files.c: how many descriptors a loop's logs hold ----

// False: none to be had now. Else they are taken until plog_unreserve_files.
bool plog_reserve_files(struct plog *plog, size_t count, bool is_read);
void plog_reserve_files_anyway(struct plog *plog, size_t count);
void plog_unreserve_files(struct plog *plog, size_t count);
// Wakes the plog when it is worth asking again.
void plog_await_file(struct plog *plog);
// Who can do with a descriptor of his own for a moment should.
bool plog_files_are_scarce(const struct plog *plog);
// Files of the segment were opened or used. May close those of other segments, and these only if nobody holds them.
void plog_use_segment(struct plog *plog, struct segment *segment);
void segment_forget_use(struct segment *segment);

// sync.c: the engine behind the durable end (design rules 1 and 2). It calls plog_flushed when all up to a place is on
// disk, or plog_fail.
void engine_step(struct plog *plog);
// Starts a sync of what is published, for the journal's sake; false when it cannot be now.
bool engine_sync(struct plog *plog);
void plog_flushed(struct plog *plog, struct plog_place place);

// "<topic>-<partition>.<32 hex><suffix>", the topic cut so that a file system takes the name.
char *partition_dir_suffixed(struct slice topic, int32_t partition, struct uuid id, const char *suffix);

// future.c: flushes and promotions that can go on.
void future_step(struct plog *plog);

// compact.c: asks a compaction under way to give up.
void compact_cancel(struct plog *plog);

// condemned.c
// blocking. Log and indexes of one segment, with `has_snapshot` the producer snapshot at its base too, become
// ".deleted", or go at once when there is no delay. Missing files are fine. The caller syncs the directory.
MUST_CHECK enum err segment_condemn_files(struct fs *fs, const char *dir_path, int64_t base, bool has_snapshot,
                                          int64_t delay_ms);
// loop. Removes them when the delay is over. `take_bases` is freed.
void plog_remove_later(struct plog *plog, int64_t *take_bases, size_t count, int64_t delay_ms);
void plog_cancel_removals(struct plog *plog); // loop
void plog_free_removals(struct plog *plog);   // memory only

// truncate.c, close.c
void op_finish(struct plog *plog, struct plog_op *op, enum err result);       // now: only from a step of the loop
void op_finish_later(struct plog *plog, struct plog_op *op, enum err result); // from inside a call
void truncate_start(struct plog *plog);
void close_start(struct plog *plog);
// Whole closed segments below the log start leave.
void plog_drop_below_start(struct plog *plog);
// append.c
// Closes the active segment where the log ends, with nothing queued: the next one is created empty.
void plog_roll_idle(struct plog *plog);
void append_step(struct plog *plog);
// One of the writes of what is in flight has ended, or cannot be.
void append_written(struct plog *plog);
void append_fail_all(struct plog *plog, enum err why);

#endif
