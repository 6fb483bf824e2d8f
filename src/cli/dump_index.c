// SPDX-License-Identifier: Apache-2.0
// The files beside a segment (kafka-internals A5, A6, A7), all big-endian:
//   .index      entries of i32 offset less the base, i32 position; an open segment's is filled up with zeroes
//   .timeindex  entries of i64 timestamp, i32 offset less the base
//   .txnindex   entries of i16 version, i64 producer id, first offset, last offset, last stable offset
//   .snapshot   i16 version, u32 CRC-32C of all behind it, i32 count, then per producer i64 id, i16 epoch, i32 last
//               sequence, i64 last offset, i32 offset delta, i64 timestamp, i32 coordinator epoch, i64 first offset
//               of the open transaction
#include "base/crc32c.h"
#include "cli/dump_int.h"
#include "cli/options_dump_log.h"

enum {
    INDEX_ENTRY = 8,
    TIME_ENTRY = 12,
    TXN_ENTRY = 34,
    SNAPSHOT_HEAD = 10,
    SNAPSHOT_ENTRY = 46,
    SNAPSHOT_CRC_FROM = 6
};
enum { WARM_BYTES = 8192 }; // the end of an index that Kafka looks into first

static const char corrupt_index[] = "org.apache.kafka.storage.internals.log.CorruptIndexException";

// An index, and the segment it belongs to.
struct index {
    struct dump_file file;
    int64_t base_offset;
    int64_t entries;
    int entry_size;
};

static const uint8_t *entry_at(struct index *index, int64_t i)
{
    static const uint8_t nothing[TIME_ENTRY];
    struct slice bytes = dump_read(&index->file, i * index->entry_size, (size_t)index->entry_size);
    return bytes.size < (size_t)index->entry_size ? nothing : bytes.data;
}

static int64_t offset_at(struct index *index, int64_t i)
{
    return index->base_offset + load_i32(entry_at(index, i) + (index->entry_size == TIME_ENTRY ? 8 : 0));
}

static int32_t position_at(struct index *index, int64_t i)
{
    return load_i32(entry_at(index, i) + 4);
}

static int64_t timestamp_at(struct index *index, int64_t i)
{
    return load_i64(entry_at(index, i));
}

// DIR/BASE.SUFFIX beside `path`, absolute.
static const char *sibling(struct dump *dump, const char *path, const char *suffix)
{
    const char *absolute = dump_absolute(dump, path);
    const char *name = strrchr(absolute, '/') + 1;
    return arena_printf(&dump->cli->arena, "%.*s%s", (int)((size_t)(name - absolute) + strcspn(name, ".")), absolute,
                        suffix);
}

static bool open_index(struct dump *dump, struct index *index, const char *path, int entry_size, int64_t base_offset)
{
    struct file_stat stat;
    if (fs_stat(dump->cli->host->fs, path, &stat) != OK) {
        cli_uncaught(dump->cli, "java.lang.IllegalArgumentException", "Invalid max index size: -1");
        return false;
    }
    index->base_offset = base_offset;
    index->entry_size = entry_size;
    if (!dump_open(dump, &index->file, path)) return false;
    index->entries = index->file.size / entry_size;
    return true;
}

static bool corrupt(struct dump *dump, const char *text)
{
    cli_uncaught(dump->cli, corrupt_index, text);
    return false;
}

// ---- .index ----------------------------------------------------------------------------------------------------

static bool check_index(struct dump *dump, struct index *index, const char *path)
{
    struct arena *arena = &dump->cli->arena;
    int64_t last = offset_at(index, index->entries - 1);
    if (last < index->base_offset) {
        return corrupt(dump, arena_printf(arena,
                                          "Corrupt index found, index file %s has non-zero size but the last offset "
                                          "is %lld which is less than the base offset %lld",
                                          index->file.absolute, (long long)last, (long long)index->base_offset));
    }
    if (index->file.size % INDEX_ENTRY != 0) {
        return corrupt(dump, arena_printf(arena,
                                          "Index file %s is corrupt, found %lld bytes which is neither positive nor a "
                                          "multiple of %d",
                                          index->file.absolute, (long long)index->file.size, INDEX_ENTRY));
    }
    cli_out(dump->cli, "%s passed sanity check.\n", path);
    return true;
}

// The first batch of at most `size` bytes there.
static bool batch_at(struct dump *dump, struct dump_file *log, int64_t position, int64_t size, struct batch_view *out)
{
    bool failed;
    int64_t end = log->size - position < size ? log->size : position + size;
    if (position > log->size || position < 0) {
        cli_uncaught(dump->cli, "java.lang.IllegalArgumentException",
                     arena_printf(&dump->cli->arena,
                                  "Slice from position %lld exceeds end position of FileRecords(size=%lld, file=%s, "
                                  "start=0, end=2147483647)",
                                  (long long)position, (long long)log->size, log->path));
        return false;
    }
    if (dump_next_batch(dump, log, position, end, out, &failed)) return true;
    if (!failed) cli_uncaught(dump->cli, "java.util.NoSuchElementException", NULL);
    return false;
}

static bool walk_index(struct dump *dump, struct index *index, struct dump_file *log, int64_t message_max)
{
    bool verifies_only = jopt_has(&dump->options, DUMP_VERIFY_INDEX_ONLY);
    for (int64_t i = 0; i < index->entries; i++) {
        int64_t offset = offset_at(index, i);
        int32_t position = position_at(index, i);
        if (offset == index->base_offset && i > 0) break; // zeroes from here on
        struct batch_view batch;
        if (!batch_at(dump, log, position, message_max, &batch)) return false;
        int64_t last = batch_last_offset(&batch.header);
        if (last != offset) dump_note(dump, DUMP_NOTE_INDEX_MISMATCH, index->file.absolute, offset, last);
        if (!verifies_only) cli_out(dump->cli, "offset: %lld position: %d\n", (long long)offset, position);
    }
    return true;
}

bool dump_index(struct dump *dump, const char *path)
{
    struct index index = {0};
    struct dump_file log = {0};
    int64_t base, message_max = 0;
    bool ok = false;
    if (!jopt_number(&dump->options, DUMP_MAX_MESSAGE_SIZE, &message_max)) {
        cli_uncaught(dump->cli, dump->options.problem_class, dump->options.problem);
        return false;
    }
    const char *slash = strrchr(path, '/');
    if (!dump_start_offset(dump, slash == NULL ? path : slash + 1, &base)) return false;
    if (!dump_open(dump, &log, sibling(dump, path, ".log"))) return false;
    if (open_index(dump, &index, path, INDEX_ENTRY, base)) {
        if (index.entries == 0)
            ok = (cli_out(dump->cli, "%s is empty.\n", path), true);
        else if (jopt_has(&dump->options, DUMP_INDEX_SANITY_CHECK))
            ok = check_index(dump, &index, path);
        else
            ok = walk_index(dump, &index, &log, message_max);
    }
    dump_close(&log);
    dump_close(&index.file);
    return ok;
}

// ---- .timeindex ------------------------------------------------------------------------------------------------

static bool check_timeindex(struct dump *dump, struct index *index, const char *path)
{
    struct arena *arena = &dump->cli->arena;
    if (index->entries > 0) {
        int64_t first = timestamp_at(index, 0), last = timestamp_at(index, index->entries - 1);
        int64_t last_offset = offset_at(index, index->entries - 1);
        const char *what = last < first ? "timestamp" : "offset";
        if (last < first || last_offset < index->base_offset) {
            return corrupt(dump,
                           arena_printf(arena,
                                        "Corrupt time index found, time index file (%s) has non-zero size but "
                                        "the last %s is %lld which is less than the first %s %lld",
                                        index->file.absolute, what, (long long)(last < first ? last : last_offset),
                                        what, (long long)(last < first ? first : index->base_offset)));
        }
    }
    if (index->file.size % TIME_ENTRY != 0) {
        return corrupt(dump, arena_printf(arena,
                                          "Time index file %s is corrupt, found %lld bytes which is neither positive "
                                          "nor a multiple of %d",
                                          index->file.absolute, (long long)index->file.size, TIME_ENTRY));
    }
    cli_out(dump->cli, "%s passed sanity check.\n", path);
    return true;
}

// The last entry of [low, high] at or below the offset, by halving, as Kafka does it even where zeroes follow.
static int64_t search(struct index *index, int64_t low, int64_t high, int64_t offset)
{
    while (low < high) {
        int64_t middle = (low + high + 1) / 2, found = offset_at(index, middle);
        if (found == offset) return middle;
        if (found > offset)
            high = middle - 1;
        else
            low = middle;
    }
    return low;
}

static int64_t look_up(struct index *index, int64_t offset)
{
    if (index->entries == 0) return 0;
    int64_t hot = index->entries - 1 - WARM_BYTES / INDEX_ENTRY;
    if (hot < 0) hot = 0;
    int64_t at = 0;
    if (offset_at(index, hot) < offset)
        at = search(index, hot, index->entries - 1, offset);
    else if (offset_at(index, 0) > offset)
        return 0;
    else
        at = search(index, 0, hot, offset);
    return position_at(index, at);
}

// The largest timestamp of its records. False: an exception was told.
static bool max_timestamp(struct dump *dump, const struct batch_view *batch, int64_t *out)
{
    *out = batch->header.max_timestamp;
    if (batch->header.magic < 2) return true;
    struct slice body;
    if (batch_body(batch, INT32_MAX, &dump->scratch, &body) != OK) {
        cli_uncaught(dump->cli, "org.apache.kafka.common.KafkaException", "Failed to decompress record stream");
        return false;
    }
    struct record_iter it = record_iter(&batch->header, body);
    struct record record;
    *out = NO_TIMESTAMP;
    while (record_next(&it, &record)) {
        if (record.timestamp > *out) *out = record.timestamp;
    }
    if (it.err == OK) return true;
    cli_uncaught(dump->cli, "org.apache.kafka.common.InvalidRecordException", "Found invalid record structure");
    return false;
}

static bool check_time_entry(struct dump *dump, struct dump_file *log, const char *path, int64_t position,
                             int64_t offset, int64_t timestamp, int64_t last_timestamp)
{
    struct batch_view batch;
    bool failed, found = false;
    while (!found && dump_next_batch(dump, log, position, log->size, &batch, &failed)) {
        found = batch_last_offset(&batch.header) >= offset;
        position += batch.header.batch_length + BATCH_OFFSET_SIZE;
    }
    if (!found && failed) return false;
    if (!found || batch_last_offset(&batch.header) != offset) {
        dump_note(dump, DUMP_NOTE_NOT_FOUND, path, offset, found ? batch_last_offset(&batch.header) : -1);
        return true;
    }
    int64_t largest;
    if (!max_timestamp(dump, &batch, &largest)) return false;
    if (largest != timestamp) dump_note(dump, DUMP_NOTE_TIME_MISMATCH, path, timestamp, largest);
    if (last_timestamp >= timestamp) dump_note(dump, DUMP_NOTE_TIME_ORDER, path, timestamp, last_timestamp);
    return true;
}

static bool walk_timeindex(struct dump *dump, struct index *times, struct index *index, struct dump_file *log)
{
    bool verifies_only = jopt_has(&dump->options, DUMP_VERIFY_INDEX_ONLY);
    int64_t last_timestamp = NO_TIMESTAMP;
    for (int64_t i = 0; i < times->entries; i++) {
        int64_t offset = offset_at(times, i), timestamp = timestamp_at(times, i);
        if (offset == times->base_offset && i > 0) break;
        int64_t position = look_up(index, offset);
        if (!check_time_entry(dump, log, times->file.absolute, position, offset, timestamp, last_timestamp))
            return false;
        if (!verifies_only) {
            cli_out(dump->cli, "timestamp: %lld offset: %lld\n", (long long)timestamp, (long long)offset);
        }
        last_timestamp = timestamp;
    }
    return true;
}

bool dump_timeindex(struct dump *dump, const char *path)
{
    struct index times = {0}, index = {0};
    struct dump_file log = {0};
    int64_t base;
    bool ok = false;
    const char *slash = strrchr(path, '/');
    if (!dump_start_offset(dump, slash == NULL ? path : slash + 1, &base)) return false;
    if (!dump_open(dump, &log, sibling(dump, path, ".log"))) return false;
    if (open_index(dump, &index, sibling(dump, path, ".index"), INDEX_ENTRY, base) &&
        open_index(dump, &times, path, TIME_ENTRY, base)) {
        ok = jopt_has(&dump->options, DUMP_INDEX_SANITY_CHECK) ? check_timeindex(dump, &times, path)
                                                               : walk_timeindex(dump, &times, &index, &log);
    }
    dump_close(&log);
    dump_close(&index.file);
    dump_close(&times.file);
    return ok;
}

// ---- .txnindex -------------------------------------------------------------------------------------------------

bool dump_txnindex(struct dump *dump, const char *path)
{
    struct file_stat stat;
    struct dump_file file;
    int64_t base;
    const char *slash = strrchr(path, '/');
    if (!dump_start_offset(dump, slash == NULL ? path : slash + 1, &base)) return false;
    if (fs_stat(dump->cli->host->fs, path, &stat) != OK) return true; // no transaction was ever aborted
    if (!dump_open(dump, &file, path)) return false;
    for (int64_t at = 0; at + TXN_ENTRY <= file.size; at += TXN_ENTRY) {
        struct slice entry = dump_read(&file, at, TXN_ENTRY);
        if (entry.size < TXN_ENTRY) break;
        const uint8_t *e = entry.data;
        cli_out(dump->cli, // Kafka shows the version's upper byte
                "version: %d producerId: %lld firstOffset: %lld lastOffset: %lld lastStableOffset: %lld\n",
                (int8_t)e[0], (long long)load_i64(e + 2), (long long)load_i64(e + 10), (long long)load_i64(e + 18),
                (long long)load_i64(e + 26));
    }
    dump_close(&file);
    return true;
}

// ---- .snapshot -------------------------------------------------------------------------------------------------

static const char *schema_problem(struct dump *dump, const char *text)
{
    return arena_printf(&dump->cli->arena, "Snapshot failed schema validation: %s", text);
}

// NULL: sound.
static const char *snapshot_problem(struct dump *dump, struct slice bytes)
{
    struct arena *arena = &dump->cli->arena;
    if (bytes.size < 2) return schema_problem(dump, "null");
    int version = load_i16(bytes.data);
    if (version != 1) {
        return schema_problem(dump, arena_printf(arena, "Snapshot contained an unknown file version %d", version));
    }
    if (bytes.size < SNAPSHOT_HEAD) return schema_problem(dump, "null");
    int32_t count = load_i32(bytes.data + 6);
    size_t left = bytes.size - SNAPSHOT_HEAD;
    if (count < 0) return schema_problem(dump, "non-nullable field producerEntries was serialized as null");
    if ((size_t)count > left) {
        return schema_problem(dump, arena_printf(arena,
                                                 "Tried to allocate a collection of size %d, but there are only %zu "
                                                 "bytes remaining.",
                                                 count, left));
    }
    if ((size_t)count * SNAPSHOT_ENTRY > left) return schema_problem(dump, "null");
    uint32_t computed = crc32c(0, slice_of(bytes.data + SNAPSHOT_CRC_FROM, bytes.size - SNAPSHOT_CRC_FROM));
    uint32_t stored = load_u32(bytes.data + 2);
    if (computed == stored) return NULL;
    return arena_printf(arena, "Snapshot is corrupt (CRC is no longer valid). Stored crc: %u. Computed crc: %u", stored,
                        computed);
}

static int32_t sequence_back(int32_t sequence, int32_t by)
{
    return sequence < by ? INT32_MAX - (by - sequence) + 1 : sequence - by;
}

static void print_producer(struct cli *cli, const uint8_t *e)
{
    int32_t last_sequence = load_i32(e + 10), delta = load_i32(e + 22);
    int64_t last_offset = load_i64(e + 14), timestamp = load_i64(e + 26), first_offset = load_i64(e + 38);
    cli_out(cli,
            "producerId: %lld producerEpoch: %d coordinatorEpoch: %d currentTxnFirstOffset: ", (long long)load_i64(e),
            load_i16(e + 8), load_i32(e + 34));
    if (first_offset >= 0)
        cli_out(cli, "OptionalLong[%lld]", (long long)first_offset);
    else
        cli_out(cli, "OptionalLong.empty");
    cli_out(cli, " lastTimestamp: %lld", (long long)timestamp);
    if (last_offset >= 0) {
        cli_out(cli, " firstSequence: %d lastSequence: %d lastOffset: %lld offsetDelta: %d timestamp: %lld",
                sequence_back(last_sequence, delta), last_sequence, (long long)last_offset, delta,
                (long long)timestamp);
    }
    cli_out(cli, "\n");
}

bool dump_snapshot(struct dump *dump, const char *path)
{
    struct dump_file file;
    if (!dump_open(dump, &file, path)) return false;
    struct slice bytes = dump_read(&file, 0, (size_t)file.size);
    const char *problem = snapshot_problem(dump, bytes);
    if (problem != NULL) {
        cli_err(dump->cli, "%s\n", problem);
    } else {
        int32_t count = load_i32(bytes.data + 6);
        for (int32_t i = 0; i < count; i++) {
            print_producer(dump->cli, bytes.data + SNAPSHOT_HEAD + (size_t)i * SNAPSHOT_ENTRY);
        }
    }
    dump_close(&file);
    return true;
}
