// SPDX-License-Identifier: Apache-2.0
// The journal of a log directory: what commit partitions append is durable as soon as it is in here (README.md says
// how and why that is right). journal_ring.c owns the format, journal.c writes on the loop, journal_files.c makes and
// parks the file, journal_replay.c brings the entries of a run that ended badly back into the logs. Only this room
// includes it.
#ifndef ODRADEK_STORE_JOURNAL_H
#define ODRADEK_STORE_JOURNAL_H

#include "store/store_int.h"

#define JOURNAL_DIR "odradek-journal"
#define JOURNAL_SUFFIX ".ring"
#define JOURNAL_PARKED ".odradek-journal-"

enum {
    RING_BLOCK_SIZE = 4096,
    RING_DATA_AT = 2 * RING_BLOCK_SIZE,
    RING_HEADER_SIZE = 48,
    ENTRY_HEAD_SIZE = 80,
    ENTRY_ALIGN = 8,
    TOPIC_MAX = 255,
    JOURNAL_SHARDS_MAX = 64,
    JOURNAL_BYTES_MIN = 16 * 1024, // what a ring holds at least
    // Larger writes go to the segment alone: there the second copy costs more than the shared sync saves (README.md).
    JOURNAL_ENTRY_MAX = 256 * 1024,
    JOURNAL_DEMAND = 64, // syncs of segments within ten seconds until a ring is made
};

enum journal_kind {
    JOURNAL_WRAP = 1, // the next entry is at the start of the ring
    JOURNAL_APPEND,
    JOURNAL_TRUNCATE,  // offset: what is in earlier entries at or above it is void
    JOURNAL_LOG_START, // offset
    JOURNAL_DROP,      // all earlier entries are void
    JOURNAL_KINDS,
};

// ---- journal_ring.c: the format ----

struct ring_header {
    uint64_t generation;
    uint64_t sequence;
    int64_t size; // of the data, a multiple of RING_BLOCK_SIZE
    int64_t tail; // position of the first entry that counts
};

void ring_header_format(const struct ring_header *header, uint8_t out[RING_HEADER_SIZE]);
// The newer of the two blocks. ERR_CORRUPT: neither is valid; ERR_IO.
MUST_CHECK enum err ring_header_read(struct file *file, struct ring_header *out);
// Where a header of this sequence goes.
static inline int64_t ring_header_at(uint64_t sequence)
{
    return (int64_t)(sequence % 2) * RING_BLOCK_SIZE;
}

struct ring_entry {
    uint64_t generation;
    int64_t position;
    enum journal_kind kind;
    struct uuid topic_id;
    struct slice topic;
    int32_t partition;
    int32_t leader_epoch;
    int64_t offset; // APPEND: the end before it; TRUNCATE, LOG_START: their argument
    int64_t end_offset;
    int64_t segment_base;
    uint32_t size; // of the batches
};

static inline int64_t ring_entry_space(size_t topic_size, int64_t size)
{
    int64_t all = ENTRY_HEAD_SIZE + (int64_t)topic_size + size;
    return (all + ENTRY_ALIGN - 1) / ENTRY_ALIGN * ENTRY_ALIGN;
}
// Writes head and topic; the checksum covers them and the parts behind.
void ring_entry_format(const struct ring_entry *entry, const struct iovec *parts, int part_count, uint8_t *out);

// Walks the entries that count, blocking. Memory: one window.
struct ring_walk {
    struct file *file;
    struct ring_header header;
    int64_t position; // of the next entry
    uint8_t *window;
    int64_t window_at; // in the file
    size_t window_size;
    enum err err; // OK = came to the end, torn or not; ERR_IO
};
MUST_CHECK enum err ring_walk_init(struct ring_walk *walk, struct file *file);
// `out->topic` borrows from the walk until the next call. WRAP entries are passed over.
bool ring_walk_next(struct ring_walk *walk, struct ring_entry *out);
void ring_walk_deinit(struct ring_walk *walk);
// Where the batches of an entry are in the file.
int64_t ring_batches_at(const struct ring_header *header, int64_t position, size_t topic_size);

// ---- journal.c: on the loop ----

enum journal_state { JOURNAL_ABSENT, JOURNAL_MAKING, JOURNAL_READY, JOURNAL_REFUSED };

struct journal_entry {
    struct list link; // journal.queue, journal.writing
    struct plog *plog;
    struct ring_entry what;
    const struct iovec *parts;
    int part_count;
    uint8_t *head; // ENTRY_HEAD_SIZE and the topic's name
};

enum note_state { NOTE_NONE, NOTE_QUEUED, NOTE_WRITTEN, NOTE_SYNCING, NOTE_SYNCED };

// A plog's part in the journal; made with its first entry.
struct plog_journal {
    struct journal_entry append; // at most one is between submission and write
    struct journal_entry note;
    enum note_state note_state;
    struct heap_node space;   // journal.dirty or .covered, by position of the oldest entry its segments may lack
    int64_t covered_from;     // entries before it are covered by the sync under way
    int64_t last_position;    // of its newest APPEND; -1 = none
    struct list written_link; // journal.written: something of it waits for a sync of the ring
    struct list syncing_link;
    int64_t written_end;
    int64_t syncing_end;
    int64_t synced_end;
    bool is_covered; // in journal.covered
};

struct journal_sync {
    struct env_task task;
    struct file *file;
    bool has_header;
    struct ring_header header;
    enum err result;
};

// One per directory and loop; everything in it is that loop's. A partition lives on one loop during a run, so no two
// rings ever hold entries of the same one.
struct journal {
    struct logdir *dir;
    struct env *env;
    enum journal_state state;
    int demand; // syncs of segments since demand_from_ms
    int64_t demand_from_ms;
    int plogs; // attached and not closing yet
    struct file *file;
    struct ring_header header; // as it is on disk
    int64_t head;              // position of the next entry
    struct list queue;         // journal_entry without a place yet
    struct list writing;
    struct list written; // plog_journal.written_link
    struct list syncing;
    struct heap dirty;    // plogs whose segments lack entries, by the oldest
    struct heap covered;  // those that are being synced
    struct plog *closing; // the last one waits until nothing is under way
    struct env_write write;
    struct iovec *parts;
    uint8_t wrap[ENTRY_HEAD_SIZE];
    struct journal_sync sync;
    struct env_msg turn;
    bool is_turn_posted;
    bool is_writing;
    bool is_syncing;
    bool is_blocked; // the front of the queue found no room
    bool has_failed;
    // Bits of the kinds that were written and are not synced yet: what a power cut would tear.
    unsigned writing_kinds;
    unsigned written_kinds;
    unsigned syncing_kinds;
};

// The journal of this plog's directory and loop, made when missing; NULL: it has none.
struct journal *journal_of(struct plog *plog);
void journal_free(struct journal *journal);
void journal_wake(struct journal *journal);
void journal_attach(struct plog *plog);
// A commit partition is about to sync its own file: so often, and a ring is made.
void journal_demand(struct plog *plog);
// Forgets a plog that leaves, with its entries covered or void.
void journal_forget(struct plog *plog);
// In a closing plog that is quiet otherwise: false while it has to wait for the journal.
bool journal_may_close(struct plog *plog);

// Does a write of so many bytes go through the journal?
bool journal_takes(struct plog *plog, int64_t size);
// Queues plog->parts as an APPEND; append_written comes when it is in the page cache, or the plog has failed.
void journal_append(struct plog *plog, struct segment *segment, int part_count, int64_t size, int64_t end_offset);
// What is published may have been synced in the ring already.
void journal_published(struct plog *plog);
// True as long as the caller has to wait until such an entry is durable; plog_step comes then. False: go on.
bool journal_note_first(struct plog *plog, enum journal_kind kind, int64_t offset);
// Writes down a log start that moved, when the plog has no other note under way.
void journal_note_start(struct plog *plog);
// The files were cut, and all below is on disk.
void journal_truncated(struct plog *plog);
// A sync of the plog's segments starts, and has ended well.
void journal_sync_starts(struct plog *plog);
void journal_sync_done(struct plog *plog);

// ---- journal_files.c: blocking ----

struct journal_make {
    struct env_task task;
    struct journal *journal; // for done only
    char *dir_path;
    int shard;
    int64_t size;
    struct log *log;
    struct file *file;
    struct ring_header header;
    enum err result;
};
void journal_make_run(struct env_task *task, struct fs *fs);
// All rings become plain files beside meta.properties, where Apache Kafka passes them over; odradek-journal goes.
MUST_CHECK enum err journal_park(struct fs *fs, const char *dir_path);
char *journal_dir_path(const char *dir_path);

// ---- journal_replay.c: blocking ----

struct replay;
// NULL in `out`: there is no pending journal. ERR_CORRUPT and `*problem`: a ring without a valid header.
MUST_CHECK enum err replay_open(struct fs *fs, struct log *log, const char *dir_path, struct arena *arena,
                                const char **problem, struct replay **out);
void replay_free(struct replay *replay);
// blocking. Log starts that only the rings knew go into the directory's checkpoint, before the rings are set aside.
MUST_CHECK enum err replay_store_log_starts(const struct replay *replay, struct fs *fs);
void replay_figures(const struct replay *replay, struct logdir_replay *out);
bool replay_has(const struct replay *replay, struct uuid topic_id, struct slice topic, int32_t partition);
// Any thread. Brings what the plog, loaded and not attached, lacks into its files and syncs them; `*changed`: they have
// to be loaded anew. `*log_start` is raised by LOG_START entries. ERR_KAFKA_STORAGE_ERROR: the journal does not
// continue this log, said in the log: this partition alone stays offline.
MUST_CHECK enum err replay_apply(struct replay *replay, struct plog *plog, struct fs *fs, bool *changed,
                                 int64_t *log_start);

#endif
