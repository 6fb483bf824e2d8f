// SPDX-License-Identifier: Apache-2.0
// Kafka's data directory: log directories, and partition logs ("plogs") in them. Formats: kafka-internals A; what the
// log promises: B2-B6; durability: design rules 1, 3 and 6.
//
// Who may call what
//   blocking   takes `struct fs *`: from a task, or before the loops run
//   loop       only on the plog's own loop (plog_attach); never blocks; `done` callbacks come from that loop, in a
//              later step, never inside the call
// A plog is owned by one loop; there are no locks. Between plog_load/plog_create and plog_attach it belongs to whoever
// holds the pointer, so a task may make it and hand it over in its message.
//
// Four ends, log start <= high watermark <= durable end <= published end, each the offset of the next record:
//   published end    bytes are in the file: what our own replica may read back
//   durable end      what a power cut cannot take (COMMIT), or simply the published end (PAGE_CACHE). This is what the
//                    replica tells anybody: the leader's own share in the high watermark, the follower's fetch offset
//   high watermark   set by the owner; consumers read below it
#ifndef ODRADEK_STORE_STORE_H
#define ODRADEK_STORE_STORE_H

#include "base/arena.h"
#include "base/uuid.h"
#include "env/env.h"

// ==== checkpoint files (A1): topic, partition, offset ===========================================================

struct checkpoint_entry {
    struct slice topic;
    int32_t partition;
    int64_t offset;
};

#define CHECKPOINT_RECOVERY_POINT "recovery-point-offset-checkpoint"
#define CHECKPOINT_LOG_START "log-start-offset-checkpoint"
#define CHECKPOINT_HIGH_WATERMARK "replication-offset-checkpoint"
#define CHECKPOINT_CLEANER "cleaner-offset-checkpoint"

// blocking. A missing or empty file is no entries. ERR_CORRUPT: wrong version, malformed line, count mismatch (the
// caller takes the directory offline, as Kafka does). Entries and topics live in `arena`.
MUST_CHECK enum err checkpoint_load(struct fs *fs, const char *path, struct arena *arena,
                                    struct checkpoint_entry **entries, size_t *count);
// blocking. `path`.tmp, fsync, rename, fsync of the directory.
MUST_CHECK enum err checkpoint_store(struct fs *fs, const char *path, const struct checkpoint_entry *entries,
                                     size_t count);

// ==== log directories ===========================================================================================

struct logdir;

struct meta_properties {
    int32_t version; // 0 or 1
    int32_t node_id;
    char cluster_id[64];
    struct uuid directory_id; // zero = the file has none
};

// blocking. ERR_NOT_FOUND: no such file. ERR_CORRUPT: unreadable, version not 0 or 1, or no node id; `*problem` (may be
// NULL) then says in words what is wrong, in `arena`.
MUST_CHECK enum err meta_properties_load(struct fs *fs, const char *dir_path, struct arena *arena,
                                         struct meta_properties *out, const char **problem);
// blocking. As Kafka's formatter writes it; makes the directory (and its parents) when missing. `wall_ms` dates it.
MUST_CHECK enum err meta_properties_store(struct fs *fs, const char *dir_path, const struct meta_properties *properties,
                                          int64_t wall_ms);

struct logdir_open_result {
    bool was_clean;          // the clean-shutdown marker was there (it is gone now)
    int64_t broker_epoch;    // from the marker, -1 when there was none or it was not readable
    struct meta_properties properties;
    int64_t lock_holder_pid; // with ERR_BUSY; 0 = unknown
    const char *problem;     // with any error: what, where, what to do; in the arena
};

// blocking, before the loops run. Takes .lock, reads meta.properties (making a directory.id when it lacks one;
// `random16` is the id to take then), reads and deletes the clean-shutdown marker, in this order: a start refused
// earlier keeps the marker. `expected_node_id` -1 = any. ERR_BUSY: locked by another process. ERR_NOT_FOUND: not
// formatted. ERR_CORRUPT: meta.properties. ERR_INVALID: another node.id. Comparing cluster ids between directories is
// the caller's.
MUST_CHECK enum err logdir_open(struct fs *fs, struct log *log, const char *path, int32_t expected_node_id,
                                struct uuid random16, struct arena *arena, struct logdir_open_result *result,
                                struct logdir **out);
// blocking, after every plog of it is closed. `write_marker`: this was a clean stop and everything had been loaded; the
// journal is parked, then the marker written last of all, and never in an offline directory. Releases and removes
// .lock.
MUST_CHECK enum err logdir_close(struct fs *fs, struct logdir *dir, bool write_marker, int64_t broker_epoch);

// A configured directory that could not be opened: offline from the start, without an id. It is closed like any other.
struct logdir *logdir_new_offline(struct fs *fs, struct log *log, const char *path);
// Before the loops run: commit partitions become durable through a journal of so many bytes per loop, made when there
// is demand for it. 0 = none.
void logdir_use_journal(struct logdir *dir, int64_t bytes);
// Any thread. A run that ended badly left a journal, whose entries plog_load still brings back.
bool logdir_has_pending_journal(const struct logdir *dir);
struct logdir_replay {
    int64_t entries;
    int64_t partitions;     // that had entries
    int64_t appended_bytes; // the logs lacked them
    int failed_partitions;  // offline: the journal does not continue them; it is kept, and none is used in this run
};
// blocking, when every partition of the directory has been loaded: parks the journal, so that Apache Kafka may have the
// directory, and a new one may begin.
MUST_CHECK enum err logdir_settle_journal(struct fs *fs, struct logdir *dir, struct logdir_replay *out);
// Any thread. Does the pending journal hold something for a partition of this directory?
bool logdir_journal_has(const struct logdir *dir, struct uuid topic_id, struct slice topic, int32_t partition);

const char *logdir_path(const struct logdir *dir);
struct uuid logdir_id(const struct logdir *dir);
// Any thread. A failed write or fdatasync takes the directory offline for the life of the process; nothing is retried.
bool logdir_is_offline(const struct logdir *dir);
void logdir_take_offline(struct logdir *dir, enum err why, const char *what);

// Any thread. How many logs live in the directory, future ones too: new ones go where the fewest are.
void logdir_count_log(struct logdir *dir, int change);
int logdir_log_count(const struct logdir *dir);

enum partition_dir_kind { PARTITION_DIR_LIVE, PARTITION_DIR_DELETE, PARTITION_DIR_FUTURE, PARTITION_DIR_STRAY };

struct partition_dir {
    enum partition_dir_kind kind;
    struct slice name;  // directory name
    struct slice topic; // cut short by Kafka for -delete and -stray with long names
    int32_t partition;
    struct uuid topic_id; // from partition.metadata; zero when that file is missing
    bool has_metadata;
};

// blocking. All partition directories but __cluster_metadata-0 and remote-log-index-cache. Files are ignored.
// ERR_INVALID: a directory whose name is no partition's: the node must refuse to start; ERR_CORRUPT: a malformed
// partition.metadata: the directory goes offline. `*problem` names it.
MUST_CHECK enum err logdir_scan(struct fs *fs, struct logdir *dir, struct arena *arena, struct partition_dir **out,
                                size_t *count, const char **problem);
// False: no partition's directory name.
bool partition_dir_parse(struct slice name, struct partition_dir *out);
// blocking. Renames a directory that is not loaded to ...-stray (metadata does not know it).
MUST_CHECK enum err logdir_make_stray(struct fs *fs, struct logdir *dir, struct slice name, struct uuid random16);
// blocking. Makes durable the names of partition directories that were made or renamed.
MUST_CHECK enum err logdir_sync_names(struct fs *fs, struct logdir *dir);
// blocking. The -future directory of a replica that no longer has another one becomes its live directory.
MUST_CHECK enum err logdir_promote(struct fs *fs, struct logdir *dir, struct slice name);
// blocking. Removes a directory and the files in it (of a -delete directory, after file.delete.delay.ms).
MUST_CHECK enum err logdir_remove(struct fs *fs, struct logdir *dir, const char *name);

// ==== partition logs ============================================================================================

struct plog;
struct segment;

enum plog_durability { PLOG_COMMIT, PLOG_PAGE_CACHE };

struct plog_options {
    int32_t segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms; // taken off segment_ms, already drawn
    int32_t index_interval_bytes;
    int32_t index_bytes_max; // segment.index.bytes: a full index rolls
    int64_t flush_messages;  // INT64_MAX = never (PAGE_CACHE only)
    int64_t flush_ms;        // INT64_MAX = never (PAGE_CACHE only)
    int64_t file_delete_delay_ms; // what leaves the log is ".deleted" for so long
    bool preallocate;        // also allocate ahead the whole segment rather than in steps
    enum plog_durability durability;
    bool has_producers; // false for __cluster_metadata: no producer state, no snapshots
    bool syncs_itself;  // never through the journal: __cluster_metadata, which is loaded before that is replayed
};
#define PLOG_OPTIONS_DEFAULTS                                                                                      \
    .segment_bytes = 1073741824, .segment_ms = INT64_C(604800000), .index_interval_bytes = 4096,                   \
    .index_bytes_max = 10485760, .flush_messages = INT64_MAX, .flush_ms = INT64_MAX, .durability = PLOG_COMMIT,    \
    .file_delete_delay_ms = 60000, .has_producers = true

// Callbacks to the owner, on its loop, never inside a call to the plog.
struct plog_owner {
    void (*on_published)(struct plog *plog); // the published end moved
    void (*on_durable)(struct plog *plog);   // the durable end moved
    // The directory is offline as far as this plog is concerned; all its unfinished operations have been called done
    // with ERR_KAFKA_STORAGE_ERROR. plog_close is still called by the owner.
    void (*on_failed)(struct plog *plog, enum err why);
};

struct plog_load_params {
    struct logdir *dir;
    struct slice topic;
    int32_t partition;
    struct uuid topic_id;     // plog_create: written to partition.metadata. plog_load: zero = take what is there
    int64_t recovery_point;   // checkpoint values, 0 when absent
    int64_t log_start;
    int64_t high_watermark;
    int64_t cleaned_to;
    bool keeps_deleted;       // of a log that is open: its ".deleted" files wait for their time
    bool was_clean;           // of the directory; false = recover from the recovery point on
    bool is_name_unsynced;    // plog_create: the caller calls logdir_sync_names before it attaches the plog
    bool has_metadata;        // plog_load: partition.metadata was read already and holds topic_id
    int64_t wall_ms;          // now
    const struct plog_options *options;
    struct log *log;
    bool is_future;     // a copy that shall replace the replica in another directory (KIP-113)
    struct slice name;  // plog_load of a future log: its directory
    struct uuid random16; // plog_create of a future log: goes into the directory's name
};

struct plog_load_report {
    int64_t recovered_segments;
    int64_t recovered_bytes; // walked
    int64_t cut_bytes;       // torn tail removed
    // The log ends below its recovery point: a truncation whose checkpoint was not stored any more, or synced data is
    // missing. The owner stores the new recovery point before it appends: segments below an old one would be trusted.
    bool lost_below_recovery_point;
};

// blocking. Makes <topic>-<partition> with partition.metadata durable; ERR_EXISTS when the directory is there.
MUST_CHECK enum err plog_create(struct fs *fs, const struct plog_load_params *params, struct plog **out);
// blocking. A9. `report` may be NULL. ERR_CORRUPT: malformed leader-epoch-checkpoint or a .log without a number
// for a name: the directory goes offline. ERR_IO likewise.
MUST_CHECK enum err plog_load(struct fs *fs, const struct plog_load_params *params, struct plog_load_report *report,
                              struct plog **out);
// loop. From here on the plog is this loop's. `user` comes back from plog_user.
void plog_attach(struct plog *plog, struct env *env, const struct plog_owner *owner, void *user);
// loop. Another owner from now on.
void plog_set_owner(struct plog *plog, const struct plog_owner *owner, void *user);
// A bound on the files that the logs of one loop keep open; the loop's own. Free it after the last of them is gone.
struct open_files;
enum { OPEN_FILES_LEAST = 8 };
struct open_files *open_files_new(struct env *env, size_t most);
void open_files_free(struct open_files *files); // NULL is a no-op
size_t open_files_count(const struct open_files *files);
// loop, right after plog_attach.
void plog_share_files(struct plog *plog, struct open_files *files);

// loop. Lets go of what an idle log does not need. For those that call it now and then on all their logs.
void plog_cool(struct plog *plog);
// A plog that was never attached.
void plog_discard(struct plog *plog);

// ---- operations: embedded in the caller's struct, kept until `done` ----

struct plog_op {
    void (*done)(struct plog *plog, struct plog_op *op);
    enum err result;
    struct plog *plog;     // private from here on
    struct env_task task;
    struct env_timer timer;
    int64_t arg;
    int64_t deadline_ns;
    struct uuid random16;
    bool is_restart;
};

struct plog_checkpoint {
    int64_t recovery_point; // everything below is synced, indexes and snapshots rebuildable
    int64_t log_start;
    bool lists_log_start;   // log start is above the first segment's base: belongs into log-start-offset-checkpoint
    int64_t high_watermark;
    int64_t cleaned_to; // 0 = never compacted; else belongs into cleaner-offset-checkpoint
};

// loop. What goes into the three checkpoint files now.
void plog_checkpoint(const struct plog *plog, struct plog_checkpoint *out);

// loop. Waits for what is queued, flushes, writes snapshot and indexes at exact size, releases everything. In `done`
// plog_checkpoint still answers; when it returns the plog is gone. After a failure it only releases.
void plog_close(struct plog *plog, struct plog_op *op);
// loop. As plog_close without the flush; the directory is renamed to ...-delete first (`random16` goes into its
// name); in `done` plog_dir_name is that name, for logdir_remove after file.delete.delay.ms. Queued appends fail with
// NOT_LEADER_OR_FOLLOWER.
void plog_delete(struct plog *plog, struct uuid random16, struct plog_op *op);

// loop. New values hold from the next append on; to PAGE_CACHE frees the waiting durable end at once.
void plog_configure(struct plog *plog, const struct plog_options *options);

// ---- append ----

enum plog_origin { PLOG_CLIENT, PLOG_COORDINATOR, PLOG_REPLICA };

// Kept, with its bytes, until `done`.
struct plog_append {
    // Mutable memory. CLIENT, COORDINATOR: one magic 2 batch, validated and accepted (record/validate.h), which gets
    // its base offset and leader epoch here. REPLICA: whole batches as fetched, offsets and epochs kept.
    uint8_t *bytes;
    size_t size;
    enum plog_origin origin;
    int32_t leader_epoch;
    int16_t transaction_version; // of a marker (COORDINATOR): 2 = its epoch is above that of the data (KIP-890)
    // KIP-890: a transactional batch of a producer without an open transaction here is refused unless `guard` came from
    // plog_verification_begin and is still its guard.
    bool needs_guard;
    uint64_t guard;
    // Once, when published or failed, in the order of submission, before on_published of that move.
    void (*done)(struct plog *plog, struct plog_append *append);

    // Out, set by an OK plog_append already.
    int64_t base_offset;      // of the first batch; the original's for a duplicate
    int64_t end_offset;       // behind the last record: what acks=all waits for
    bool is_duplicate;        // nothing was written
    int64_t max_timestamp;    // of the batch; of the original for a duplicate (then answered as LogAppendTime)
    enum err result;          // in done: OK, KAFKA_STORAGE_ERROR, NOT_LEADER_OR_FOLLOWER (plog_delete)

    struct list link; // private from here on
    struct segment *segment;
    int64_t position;
};

// loop. Judges producer state (B3), assigns offsets, stamps, queues. OK = `done` will come. Errors (`done` will not
// come): INVALID_PRODUCER_EPOCH (47), OUT_OF_ORDER_SEQUENCE_NUMBER (45), INVALID_TXN_STATE (48),
// TRANSACTION_COORDINATOR_FENCED (52), RECORD_LIST_TOO_LARGE (18: above segment_bytes), KAFKA_STORAGE_ERROR
// (offline), ERR_CORRUPT (bytes are no such batches), ERR_INVALID (a replica's batch below the end, or one of a lower
// epoch than before), ERR_BUSY (a truncation is on its way).
MUST_CHECK enum err plog_append(struct plog *plog, struct plog_append *append);

#define PLOG_NO_GUARD UINT64_C(0)
struct plog_verification {
    int64_t producer_id;
    int16_t producer_epoch;
    int32_t base_sequence;
    bool supports_epoch_bump; // transactions of version 2 (Produce >= 12)
};
// loop. Before the coordinator is asked whether this partition belongs to the producer's transaction. OK with
// PLOG_NO_GUARD: the transaction is open here, nobody needs to be asked. Else the guard to append with; it holds until
// the first append of the transaction or a marker, so a late answer of the coordinator opens nothing. Errors:
// INVALID_PRODUCER_EPOCH.
MUST_CHECK enum err plog_verification_begin(struct plog *plog, const struct plog_verification *asked, uint64_t *guard);

// ---- future logs (future.c) ----

// loop. Done when everything published by now is on disk, whatever the durability.
void plog_flush(struct plog *plog, struct plog_op *op);
// loop. A future log takes the partition's own directory name, durably. Reads and appends go on; what needs a path
// waits meanwhile.
void plog_promote(struct plog *plog, struct plog_op *op);

// ---- ends ----

int64_t plog_log_start(const struct plog *plog);
int64_t plog_published_end(const struct plog *plog);
int64_t plog_durable_end(const struct plog *plog);
int64_t plog_high_watermark(const struct plog *plog);
// B4: the first offset of a transaction that is open, or whose marker is not below the high watermark; else that.
int64_t plog_last_stable_offset(const struct plog *plog);
int64_t plog_assigned_end(const struct plog *plog);       // published end + what is queued
int64_t plog_local_start(const struct plog *plog);        // base of the first segment here
// loop. Forgets producers without an open transaction that were silent for producer.id.expiration.ms (B3).
void plog_expire_producers(struct plog *plog, int64_t now_ms, int64_t expiration_ms);
// loop. What is remembered of one producer, as DescribeProducers shows it.
struct plog_producer {
    int64_t id;
    int64_t last_timestamp;
    int64_t txn_first_offset; // of its open transaction; -1 = none
    int32_t last_sequence;    // -1 = none
    int32_t coordinator_epoch; // -1 = none
    int16_t epoch;
};
size_t plog_producer_count(const struct plog *plog);
// In the order in which they first appeared.
void plog_each_producer(const struct plog *plog, void (*each)(void *context, const struct plog_producer *producer),
                        void *context);
// loop. Clipped to [log start, durable end]; a lower value than before is ignored. True when it moved.
bool plog_set_high_watermark(struct plog *plog, int64_t offset);
// loop. Forwards only, at most to the high watermark (ERR_OFFSET_OUT_OF_RANGE). Raises it in memory; it is on disk
// with the next log-start checkpoint. Whole segments below it leave the log; a task renames their files to ".deleted".
MUST_CHECK enum err plog_set_log_start(struct plog *plog, int64_t offset);

struct plog_retain_op {
    struct plog_op op;
    int64_t retention_ms;    // -1 = no limit
    int64_t retention_bytes; // -1 = no limit
    int64_t wall_ms;         // now
    // with op.result OK
    int64_t removed_segments;
    bool has_rolled; // the active segment was too old and is closed: it goes in a later round
    int64_t new_start; // private from here on
    int64_t size_bytes;
};
// loop. A round of retention (B7): whole segments below the high watermark that are too old, more than enough, or below
// the log start leave, and the log start rises.
void plog_retain(struct plog *plog, struct plog_retain_op *op);

// Compaction of a log whose topic has cleanup.policy compact (B7).
struct plog_compact_limits {
    int64_t min_lag_ms; // min.compaction.lag.ms
    int64_t max_lag_ms; // max.compaction.lag.ms, INT64_MAX = none
};
struct plog_dirtiness {
    double ratio;    // bytes never compacted over all that was and may be; 0 = nothing to do
    bool is_overdue; // max.compaction.lag.ms says it has to be
};
// loop. What a round would find. Zero while the times are looked up that the limits ask for: ask again later.
void plog_dirtiness(struct plog *plog, const struct plog_compact_limits *limits, int64_t wall_ms,
                    struct plog_dirtiness *out);

struct plog_compact_op {
    struct plog_op op;
    struct plog_compact_limits limits;
    int64_t delete_retention_ms; // delete.retention.ms: how long tombstones stay
    int64_t map_bytes_max;       // of the map of keys: 24 bytes each
    double map_load_factor;      // log.cleaner.io.buffer.load.factor: a map this full is full
    int64_t io_bytes;            // of the buffer for reading, and of the one for writing
    int64_t bytes_per_s;         // read and written; the owner may change it while the round is under way
    int64_t wall_ms;             // now
    // with op.result OK
    int64_t bytes_before;
    int64_t bytes_after;
};
// loop. One round: closed segments are rewritten without the records that newer ones of the same key replace, and
// without those of aborted transactions. Appends, reads and everything else go on meanwhile. When the map does not hold
// all keys of the dirty part, the round gets as far as it does. ERR_BUSY in done: nothing to do, or given up for a
// truncation or a close.
void plog_compact(struct plog *plog, struct plog_compact_op *op);

// ---- read ----

struct plog_aborted {
    int64_t producer_id;
    int64_t first_offset;
};

// Bytes [position, position + size) of `file`, which is referenced for the holder: file_unref when sent. They stay what
// they are as long as the reference is held, but for a truncation below them (design rule 6).
struct plog_range {
    struct file *file; // NULL when empty
    int64_t position;
    int32_t size;
    int64_t first_offset; // base offset of the first batch, at or below the one asked for
    int32_t first_size;   // bytes of the first batch, perhaps more than `size` when that is cut
    struct plog_aborted *aborted; // with wants_aborted: transactions with records in it; the holder's, to mem_free
    int32_t aborted_count;
};

struct plog_read_spec {
    int64_t offset;
    int64_t limit_offset; // records from here on are not shown: high watermark, last stable offset, or an end
    int32_t max_bytes;
    bool min_one;         // the first batch comes whole even above max_bytes
    bool may_give_up;     // plog_read_cold: ERR_BUSY rather than one descriptor too many
    bool wants_aborted; // read_committed; limit_offset is at most the last stable offset
};

// loop. B5: starts at the batch that holds the offset, stays within one segment, cut at max_bytes, so the last batch
// may be partial. Empty (OK): offset >= limit, or the first batch does not fit and min_one is false.
// ERR_OFFSET_OUT_OF_RANGE outside [log start, published end]. ERR_AGAIN: a lookup would wait for the disk:
// plog_read_cold does the same in a task.
MUST_CHECK enum err plog_read(struct plog *plog, const struct plog_read_spec *spec, struct plog_range *out);

struct plog_read_op {
    struct plog_op op;
    struct plog_read_spec spec;
    struct plog_range range; // with op.result OK; the receiver's to unref
};
// loop. As plog_read; also reads the range once, so its pages are warm when it is sent.
void plog_read_cold(struct plog *plog, struct plog_read_op *op);

// ---- by time and epoch ----

#define PLOG_MAX_TIMESTAMP INT64_C(-3)

struct plog_time_op {
    struct plog_op op;
    int64_t target_ms;    // >= 0, or PLOG_MAX_TIMESTAMP
    int64_t limit_offset; // results at or above it are "not found"
    // with op.result OK; not found: -1, -1, -1
    int64_t offset;
    int64_t timestamp;
    int32_t leader_epoch;
};
// loop. The first record with timestamp >= target; for -3 the first record that holds the largest timestamp.
void plog_find_time(struct plog *plog, struct plog_time_op *op);

// loop. A7. Assigns on becoming leader (start = assigned end) and by every append; stored durably before the first
// append of that epoch is written, and not before: an epoch without records needs no file.
void plog_assign_epoch(struct plog *plog, int32_t epoch, int64_t start_offset);
int32_t plog_latest_epoch(const struct plog *plog);                  // -1: none
int32_t plog_epoch_of(const struct plog *plog, int64_t offset);      // -1: unknown
// (-1, -1) when undefined. `end_offset` of the latest epoch is the durable end: what this replica may promise.
void plog_end_offset_of_epoch(const struct plog *plog, int32_t epoch, int32_t *found_epoch, int64_t *end_offset);

// ---- truncation ----

// loop. Removes records at and above `offset`; the high watermark is lowered if it must. No append may be unfinished
// (ERR_BUSY in done) and none is taken until done. Waits up to 1 s for ranges above the cut to be given back, then
// goes on. The owner stores plog_checkpoint before it appends again, here and after plog_restart_at.
void plog_truncate_to(struct plog *plog, int64_t offset, struct plog_op *op);
// loop. Empties the log and starts it anew at `offset` (a follower below the leader's start, raft behind a snapshot).
void plog_restart_at(struct plog *plog, int64_t offset, struct plog_op *op);

// ---- about it ----

struct slice plog_topic(const struct plog *plog);
int32_t plog_partition(const struct plog *plog);
struct uuid plog_topic_id(const struct plog *plog); // zero: no partition.metadata
struct logdir *plog_logdir(const struct plog *plog);
const char *plog_dir_name(const struct plog *plog); // "<topic>-<partition>"
void *plog_user(const struct plog *plog);
int64_t plog_size_bytes(const struct plog *plog);
size_t plog_segment_count(const struct plog *plog);
bool plog_has_failed(const struct plog *plog);
const struct plog_options *plog_options(const struct plog *plog);

#endif
