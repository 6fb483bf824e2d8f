// SPDX-License-Identifier: Apache-2.0
// kafka-dump-log.sh (kafka-cli 13): what is in a partition's files.
#include "cli/dump_int.h"
#include "cli/java_order.h"
#include "cli/options_dump_log.h"
#include "proto/kraft_version_record.h"
#include "proto/leader_change_message.h"
#include "proto/snapshot_footer_record.h"
#include "proto/snapshot_header_record.h"
#include "proto/voters_record.h"
#include "record/control.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { WINDOW_MIN = 1 << 20, PATH_SIZE_MAX = 4096, SNAPSHOT_NAME_SIZE = 20, SNAPSHOT_EPOCH_AT = 21 };

static const char number_format[] = "java.lang.NumberFormatException";

// ---- files -----------------------------------------------------------------------------------------------------

const char *dump_absolute(struct dump *dump, const char *path)
{
    char here[PATH_SIZE_MAX];
    if (*path == '/' || getcwd(here, sizeof(here)) == NULL) return path;
    return arena_printf(&dump->cli->arena, "%s/%s", here, path);
}

// java.io.File: no doubled slash, none at the end.
static const char *normal_path(struct dump *dump, const char *path)
{
    char *out = arena_alloc(&dump->cli->arena, strlen(path) + 1);
    size_t size = 0;
    for (; *path != '\0'; path++) {
        if (*path != '/' || size == 0 || out[size - 1] != '/') out[size++] = *path;
    }
    if (size > 1 && out[size - 1] == '/') size--;
    out[size] = '\0';
    return out;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

bool dump_open(struct dump *dump, struct dump_file *file, const char *shown)
{
    *file = (struct dump_file){.path = shown, .absolute = dump_absolute(dump, shown), .name = last_part(shown)};
    struct file_stat stat;
    enum err e = fs_open(dump->cli->host->fs, shown, FILE_READ, &file->file);
    if (e == OK) {
        e = file_stat(file->file, &stat);
        if (e != OK) file_unref(file->file);
    }
    if (e != OK) {
        file->file = NULL;
        cli_uncaught(dump->cli, "java.nio.file.NoSuchFileException", shown);
        return false;
    }
    file->size = stat.size_bytes;
    return true;
}

void dump_close(struct dump_file *file)
{
    if (file->file != NULL) file_unref(file->file);
    text_deinit(&file->window);
    file->file = NULL;
}

struct slice dump_read(struct dump_file *file, int64_t position, size_t size)
{
    if (position < 0 || position >= file->size) return SLICE_NULL;
    if ((uint64_t)size > (uint64_t)(file->size - position)) size = (size_t)(file->size - position);
    int64_t at = position - file->window_at;
    if (at < 0 || (uint64_t)at + size > file->window.size) {
        size_t want = size > WINDOW_MIN ? size : WINDOW_MIN, got = 0;
        text_clear(&file->window);
        file->window_at = position;
        if (file_pread(file->file, position, text_reserve(&file->window, want), want, &got) != OK) return SLICE_NULL;
        text_grew(&file->window, got);
        at = 0;
        if (size > got) size = got;
    }
    return slice_of(file->window.data + at, size);
}

bool dump_start_offset(struct dump *dump, const char *name, int64_t *out)
{
    char *text = arena_str(&dump->cli->arena, slice_of(name, strcspn(name, ".")));
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits >= '0' && *digits <= '9' && *end == '\0' && errno == 0) return true;
    cli_uncaught(dump->cli, number_format, arena_printf(&dump->cli->arena, "For input string: \"%s\"", text));
    return false;
}

// ---- notes -----------------------------------------------------------------------------------------------------

void dump_note(struct dump *dump, enum dump_note_kind kind, const char *path, int64_t first, int64_t second)
{
    struct dump_notes *notes = &dump->notes[kind];
    if (notes->count == notes->capacity) {
        size_t capacity = notes->capacity == 0 ? 16 : notes->capacity * 2;
        struct dump_note *items = ARENA_ARRAY(&dump->cli->arena, struct dump_note, capacity);
        if (notes->count > 0) memcpy(items, notes->items, notes->count * sizeof(*items));
        notes->items = items;
        notes->capacity = capacity;
    }
    notes->items[notes->count++] = (struct dump_note){.path = path, .first = first, .second = second};
}

static struct slice path_of(const void *item)
{
    return slice_str(((const struct dump_note *)item)->path);
}

static int by_first(const void *a, const void *b)
{
    const struct dump_note *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static int by_first_down(const void *a, const void *b)
{
    return by_first(b, a);
}

// A TreeMap's view: by the first number, the last of those put counts.
static size_t as_tree(struct dump_note *notes, size_t count, int (*order)(const void *, const void *))
{
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t at = 0;
        while (at < kept && notes[at].first != notes[i].first) at++;
        notes[at] = notes[i];
        if (at == kept) kept++;
    }
    qsort(notes, kept, sizeof(*notes), order);
    return kept;
}

// The notes of one kind, file by file in the order of a HashMap of files.
static void print_notes(struct dump *dump, enum dump_note_kind kind, const char *head, const char *line)
{
    struct dump_notes *notes = &dump->notes[kind];
    struct dump_note *files = ARENA_ARRAY(&dump->cli->arena, struct dump_note, notes->count);
    size_t file_count = 0;
    for (size_t i = 0; i < notes->count; i++) {
        size_t at = 0;
        while (at < file_count && strcmp(files[at].path, notes->items[i].path) != 0) at++;
        if (at == file_count) files[file_count++] = notes->items[i];
    }
    java_hash_order(files, file_count, sizeof(*files), 16, path_of);
    for (size_t i = 0; i < file_count; i++) {
        struct dump_note *own = ARENA_ARRAY(&dump->cli->arena, struct dump_note, notes->count);
        size_t count = 0;
        for (size_t j = 0; j < notes->count; j++) {
            if (strcmp(notes->items[j].path, files[i].path) == 0) own[count++] = notes->items[j];
        }
        if (kind == DUMP_NOTE_GAP) count = as_tree(own, count, by_first);
        if (kind == DUMP_NOTE_INDEX_MISMATCH) count = as_tree(own, count, by_first_down);
        cli_err(dump->cli, "%s%s\n", head, files[i].path);
        for (size_t j = 0; j < count; j++) {
            const char *rest = strchr(line, '|');
            cli_err(dump->cli, "%.*s%lld%s%lld\n", (int)(rest - line), line, (long long)own[j].first, rest + 1,
                    (long long)own[j].second);
        }
    }
}

static void print_all_notes(struct dump *dump)
{
    print_notes(dump, DUMP_NOTE_INDEX_MISMATCH, "Mismatches in :", "  Index offset: |, log offset: ");
    print_notes(dump, DUMP_NOTE_TIME_MISMATCH,
                "Found timestamp mismatch in :", "  Index timestamp: |, log timestamp: ");
    print_notes(dump, DUMP_NOTE_TIME_ORDER,
                "Found out of order timestamp in :", "  Index timestamp: |, Previously indexed timestamp: ");
    print_notes(dump, DUMP_NOTE_NOT_FOUND,
                "The following indexed offsets are not found in :", "Indexed offset: |, found log offset: ");
    print_notes(dump, DUMP_NOTE_GAP, "Non-consecutive offsets in ", "  | is followed by ");
}

// ---- batches ---------------------------------------------------------------------------------------------------

bool dump_next_batch(struct dump *dump, struct dump_file *file, int64_t position, int64_t end, struct batch_view *out,
                     bool *failed)
{
    *failed = false;
    if (position >= end - BATCH_PREFIX_SIZE) return false;
    struct slice head = dump_read(file, position, BATCH_HEADER_SIZE);
    if (head.size < BATCH_PREFIX_SIZE) return false;
    int32_t length = load_i32(head.data + 8);
    if (length < MESSAGE_SIZE_MIN) {
        *failed = true;
        cli_uncaught(dump->cli, "org.apache.kafka.common.errors.CorruptRecordException",
                     arena_printf(&dump->cli->arena,
                                  "Found record size %d smaller than minimum record overhead (%d) in file %s.", length,
                                  MESSAGE_SIZE_MIN, file->path));
        return false;
    }
    if (position > end - BATCH_OFFSET_SIZE - length) return false;
    out->bytes = dump_read(file, position, (size_t)length + BATCH_OFFSET_SIZE);
    enum err e = batch_header_parse(out->bytes, &out->header);
    if (e == OK) return true;
    *failed = true;
    cli_uncaught(dump->cli, "org.apache.kafka.common.errors.CorruptRecordException",
                 arena_printf(&dump->cli->arena,
                              "Record batch is corrupt (the size %d is smaller than the minimum allowed overhead %d)",
                              length + BATCH_OFFSET_SIZE, BATCH_HEADER_SIZE));
    return false;
}

const char *dump_timestamp_type(const struct batch_header *header)
{
    if (header->magic == 0) return "NoTimestampType";
    return batch_is_log_append_time(header) ? "LogAppendTime" : "CreateTime";
}

bool dump_codec(struct dump *dump, const struct batch_header *header, enum codec *out)
{
    if (batch_codec(header, out) == OK) return true;
    cli_uncaught(
        dump->cli, "java.lang.IllegalArgumentException",
        arena_printf(&dump->cli->arena, "Unknown compression type id: %d", header->attributes & BATCH_CODEC_MASK));
    return false;
}

static bool print_batch(struct dump *dump, const struct batch_view *batch, int64_t position)
{
    struct cli *cli = dump->cli;
    const struct batch_header *h = &batch->header;
    if (h->magic >= 2) {
        cli_out(cli,
                "baseOffset: %lld lastOffset: %lld count: %d baseSequence: %d lastSequence: %d producerId: %lld "
                "producerEpoch: %d partitionLeaderEpoch: %d isTransactional: %s isControl: %s deleteHorizonMs: ",
                (long long)h->base_offset, (long long)batch_last_offset(h), h->record_count, h->base_sequence,
                batch_last_sequence(h), (long long)h->producer_id, h->producer_epoch, h->partition_leader_epoch,
                batch_is_transactional(h) ? "true" : "false", batch_is_control(h) ? "true" : "false");
        if (batch_has_delete_horizon(h))
            cli_out(cli, "OptionalLong[%lld]", (long long)h->base_timestamp);
        else
            cli_out(cli, "OptionalLong.empty");
    } else {
        cli_out(cli, "offset: %lld", (long long)h->base_offset);
    }
    enum codec codec;
    if (!dump_codec(dump, h, &codec)) return false;
    cli_out(cli, " position: %lld %s: %lld size: %d magic: %d compresscodec: %s crc: %u isvalid: %s\n",
            (long long)position, dump_timestamp_type(h), (long long)h->max_timestamp,
            h->batch_length + BATCH_OFFSET_SIZE, h->magic, codec_name(codec), h->crc,
            batch_crc_is_valid(batch->bytes) ? "true" : "false");
    return true;
}

// ---- records ---------------------------------------------------------------------------------------------------

void dump_follow(struct dump *dump, struct dump_file *file, int64_t offset, int64_t *last_offset)
{
    if (offset != *last_offset + 1) dump_note(dump, DUMP_NOTE_GAP, file->absolute, *last_offset, offset);
    *last_offset = offset;
}

static long long size_of(struct slice bytes)
{
    return slice_is_null(bytes) ? -1 : (long long)bytes.size;
}

void dump_record_line(struct dump *dump, const struct batch_header *header, const struct record *record,
                      int32_t sequence)
{
    struct cli *cli = dump->cli;
    cli_out(cli, "| offset: %lld %s: %lld keySize: %lld valueSize: %lld", (long long)record->offset,
            dump_timestamp_type(header), (long long)record->timestamp, size_of(record->key), size_of(record->value));
    if (header->magic < 2) return;
    cli_out(cli, " sequence: %d headerKeys: [", sequence);
    struct slice rest = record->headers;
    struct record_header next;
    for (bool first = true; record_header_next(&rest, &next); first = false) {
        if (!first) cli_out(cli, ",");
        cli_out_bytes(cli, next.key);
    }
    cli_out(cli, "]");
}

bool dump_record_contents(struct dump *dump, const struct record *record)
{
    bool has_key, has_value;
    if (!dump_decode(dump, record, &has_key, &has_value)) return false;
    const char *prefix = dump->skips_metadata ? "| " : " ";
    if (has_key) {
        cli_out(dump->cli, "%skey: ", prefix);
        cli_out_bytes(dump->cli, text_slice(&dump->key));
        prefix = " ";
    }
    if (has_value) {
        cli_out(dump->cli, "%spayload: ", prefix);
        cli_out_bytes(dump->cli, text_slice(&dump->value));
    }
    return true;
}

static const struct {
    enum control_type type;
    const char *label;
    const struct wire_message *message;
} quorum_records[] = {
    {CONTROL_LEADER_CHANGE, " LeaderChange: ", &leader_change_message_message},
    {CONTROL_SNAPSHOT_HEADER, " SnapshotHeader ", &snapshot_header_record_message},
    {CONTROL_SNAPSHOT_FOOTER, " SnapshotFooter ", &snapshot_footer_record_message},
    {CONTROL_KRAFT_VERSION, " KRaftVersion ", &kraft_version_record_message},
    {CONTROL_KRAFT_VOTERS, " KRaftVoters ", &voters_record_message},
};

static bool bad_control(struct dump *dump, const char *text)
{
    cli_uncaught(dump->cli, "org.apache.kafka.common.InvalidRecordException", text);
    return false;
}

// Read as version 0, whatever the value says of itself, as Kafka reads it.
static bool print_quorum_record(struct dump *dump, const struct wire_message *message, struct slice value)
{
    void *decoded = arena_alloc(&dump->cli->arena, wire_struct_size(message));
    size_t consumed;
    struct text json = {0};
    enum err e = wire_decode(message, 0, value, &dump->cli->arena, decoded, &consumed);
    if (e == OK) e = wire_print_json(message, 0, decoded, WIRE_RECORDS_EMPTY, &json);
    if (e == OK) cli_out_bytes(dump->cli, text_slice(&json));
    text_deinit(&json);
    if (e != OK) cli_uncaught(dump->cli, "java.nio.BufferUnderflowException", NULL);
    return e == OK;
}

static bool print_control(struct dump *dump, const struct record *record)
{
    enum control_type type;
    if (control_key_decode(record->key, &type) != OK) {
        return bad_control(dump, arena_printf(&dump->cli->arena,
                                              "Invalid value size found for control record key. Must have at least 4 "
                                              "bytes, but found only %zu",
                                              record->key.size));
    }
    if (type == CONTROL_ABORT || type == CONTROL_COMMIT) {
        int32_t epoch;
        if (end_txn_marker_decode(record->value, &epoch) != OK) {
            return bad_control(dump, arena_printf(&dump->cli->arena,
                                                  "Invalid value size found for end transaction marker. Must have at "
                                                  "least 6 bytes, but found only %zu",
                                                  record->value.size));
        }
        cli_out(dump->cli, " endTxnMarker: %s coordinatorEpoch: %d", control_type_name(type), epoch);
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(quorum_records); i++) {
        if (quorum_records[i].type != type) continue;
        cli_out(dump->cli, "%s", quorum_records[i].label);
        return print_quorum_record(dump, quorum_records[i].message, record->value);
    }
    cli_out(dump->cli, " controlType: %s(%d)", control_type_name(type), load_i16(record->key.data + 2));
    return true;
}

static int32_t record_sequence(const struct batch_header *header, const struct record *record)
{
    return header->base_sequence < 0 ? NO_SEQUENCE : sequence_add(header->base_sequence, record->offset_delta);
}

static bool dump_records(struct dump *dump, struct dump_file *file, const struct batch_view *batch,
                         int64_t *last_offset)
{
    struct slice body;
    if (batch_body(batch, INT32_MAX, &dump->scratch, &body) != OK) {
        cli_uncaught(dump->cli, "org.apache.kafka.common.KafkaException", "Failed to decompress record stream");
        return false;
    }
    struct record_iter it = record_iter(&batch->header, body);
    struct record record;
    while (record_next(&it, &record)) {
        dump_follow(dump, file, record.offset, last_offset);
        bool is_control = batch_is_control(&batch->header);
        if (!dump->skips_metadata) {
            dump_record_line(dump, &batch->header, &record, record_sequence(&batch->header, &record));
            if (is_control && !print_control(dump, &record)) return false;
        }
        if (dump->prints_contents && !is_control && !dump_record_contents(dump, &record)) return false;
        cli_out(dump->cli, "\n");
    }
    if (it.err == OK) return true;
    cli_uncaught(dump->cli, "org.apache.kafka.common.InvalidRecordException", "Found invalid record structure");
    return false;
}

// ---- segments and snapshots ------------------------------------------------------------------------------------

static bool out_of_name(struct dump *dump, int from, int to, size_t size)
{
    cli_uncaught(dump->cli, "java.lang.StringIndexOutOfBoundsException",
                 arena_printf(&dump->cli->arena, "begin %d, end %d, length %zu", from, to, size));
    return false;
}

// "00000000000000000010-0000000003.checkpoint"
static bool print_snapshot_name(struct dump *dump, const char *name)
{
    if (strcmp(name, "bootstrap.checkpoint") == 0) return cli_out(dump->cli, "KRaft bootstrap snapshot\n"), true;
    size_t size = strlen(name);
    if (size < SNAPSHOT_NAME_SIZE) return out_of_name(dump, 0, SNAPSHOT_NAME_SIZE, size);
    if (size < SNAPSHOT_EPOCH_AT + 10) return out_of_name(dump, SNAPSHOT_EPOCH_AT, SNAPSHOT_EPOCH_AT + 10, size);
    int64_t offset, epoch;
    const char *offset_text = arena_str(&dump->cli->arena, slice_of(name, SNAPSHOT_NAME_SIZE));
    const char *epoch_text = arena_str(&dump->cli->arena, slice_of(name + SNAPSHOT_EPOCH_AT, 10));
    if (!dump_start_offset(dump, offset_text, &offset) || !dump_start_offset(dump, epoch_text, &epoch)) return false;
    cli_out(dump->cli, "Snapshot end offset: %lld, epoch: %lld\n", (long long)offset, (long long)epoch);
    return true;
}

static bool choose_decoder(struct dump *dump)
{
    static const struct {
        int option;
        enum dump_decoder decoder;
    } choices[] = {
        {DUMP_OFFSETS_DECODER, DUMP_AS_OFFSETS},
        {DUMP_TRANSACTION_LOG_DECODER, DUMP_AS_TRANSACTIONS},
        {DUMP_CLUSTER_METADATA_DECODER, DUMP_AS_METADATA},
        {DUMP_REMOTE_LOG_METADATA_DECODER, DUMP_AS_REMOTE_METADATA},
        {DUMP_SHARE_GROUP_STATE_DECODER, DUMP_AS_SHARE_STATE},
    };
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        if (!jopt_has(&dump->options, choices[i].option)) continue;
        dump->decoder = choices[i].decoder;
        return true;
    }
    const char *value, *key, *missing = NULL;
    if (!jopt_value(&dump->options, DUMP_VALUE_DECODER_CLASS, &value) ||
        !jopt_value(&dump->options, DUMP_KEY_DECODER_CLASS, &key)) {
        cli_uncaught(dump->cli, dump->options.problem_class, dump->options.problem);
        return false;
    }
    if (!dump_class_find(value, &dump->value_class))
        missing = value;
    else if (!dump_class_find(key, &dump->key_class))
        missing = key;
    if (missing == NULL) return true;
    cli_uncaught(dump->cli, "java.lang.RuntimeException", "Failed to load decoder class");
    cli_err(dump->cli, "Caused by: java.lang.ClassNotFoundException: %s\n", missing);
    return false;
}

static bool walk_batches(struct dump *dump, struct dump_file *file)
{
    int64_t end = file->size < dump->max_bytes ? file->size : dump->max_bytes;
    int64_t position = 0, last_offset = -1;
    struct batch_view batch;
    bool failed;
    while (dump_next_batch(dump, file, position, end, &batch, &failed)) {
        if (!print_batch(dump, &batch, position)) return false;
        if (dump->is_deep) {
            bool ok = batch.header.magic >= 2 ? dump_records(dump, file, &batch, &last_offset)
                                              : dump_legacy_records(dump, file, &batch, &last_offset);
            if (!ok) return false;
        }
        position += batch.header.batch_length + BATCH_OFFSET_SIZE;
    }
    if (failed) return false;
    if (end > position && dump->max_bytes == INT32_MAX) {
        cli_out(dump->cli, "Found %lld invalid bytes at the end of %s\n", (long long)(end - position), file->name);
    }
    return true;
}

static bool dump_segment(struct dump *dump, const char *path)
{
    const char *name = last_part(path);
    if (!choose_decoder(dump)) return false;
    if (!jopt_number(&dump->options, DUMP_MAX_BYTES, &dump->max_bytes)) {
        cli_uncaught(dump->cli, dump->options.problem_class, dump->options.problem);
        return false;
    }
    const char *suffix = strrchr(name, '.');
    if (strcmp(suffix, ".log") == 0) {
        int64_t start;
        if (!dump_start_offset(dump, name, &start)) return false;
        cli_out(dump->cli, "Log starting offset: %lld\n", (long long)start);
    } else if (!print_snapshot_name(dump, name)) {
        return false;
    }
    struct dump_file file;
    if (!dump_open(dump, &file, path)) return false;
    bool ok = dump->max_bytes >= 0;
    if (ok) {
        ok = walk_batches(dump, &file);
    } else {
        cli_uncaught(dump->cli, "java.lang.IllegalArgumentException",
                     arena_printf(&dump->cli->arena,
                                  "Invalid size: %lld in read from FileRecords(size=%lld, file=%s, start=0, "
                                  "end=2147483647)",
                                  (long long)dump->max_bytes, (long long)file.size, path));
    }
    dump_close(&file);
    return ok;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static bool dump_file(struct dump *dump, const char *path)
{
    const char *suffix = strrchr(last_part(path), '.');
    if (suffix == NULL) suffix = "";
    if (strcmp(suffix, ".log") == 0 || strcmp(suffix, ".checkpoint") == 0) return dump_segment(dump, path);
    if (strcmp(suffix, ".index") == 0) return dump_index(dump, path);
    if (strcmp(suffix, ".timeindex") == 0) return dump_timeindex(dump, path);
    if (strcmp(suffix, ".snapshot") == 0) return dump_snapshot(dump, path);
    if (strcmp(suffix, ".txnindex") == 0) return dump_txnindex(dump, path);
    cli_err(dump->cli, "Ignoring unknown file %s\n", path);
    return true;
}

static bool dump_files(struct dump *dump, const char *list)
{
    size_t size = strlen(list);
    while (size > 0 && list[size - 1] == ',') size--; // String.split drops empty words at the end
    for (size_t at = 0; at <= size && size > 0;) {
        size_t length = 0;
        while (at + length < size && list[at + length] != ',') length++;
        const char *path = normal_path(dump, arena_str(&dump->cli->arena, slice_of(list + at, length)));
        cli_out(dump->cli, "Dumping %s\n", path);
        if (!dump_file(dump, path)) return false;
        at += length + 1;
    }
    print_all_notes(dump);
    return true;
}

static bool prints_contents(const struct dump *dump)
{
    static const int options[] = {DUMP_PRINT_DATA_LOG,
                                  DUMP_OFFSETS_DECODER,
                                  DUMP_TRANSACTION_LOG_DECODER,
                                  DUMP_CLUSTER_METADATA_DECODER,
                                  DUMP_REMOTE_LOG_METADATA_DECODER,
                                  DUMP_VALUE_DECODER_CLASS,
                                  DUMP_KEY_DECODER_CLASS,
                                  DUMP_SHARE_GROUP_STATE_DECODER};
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        if (jopt_has(&dump->options, options[i])) return true;
    }
    return false;
}

int tool_dump_log(struct cli *cli, int argc, char **argv)
{
    struct dump dump = {.cli = cli};
    if (!jopt_parse(&dump.options, dump_log_options, DUMP_OPTIONS, &cli->arena, argc, argv)) {
        return cli_uncaught(cli, dump.options.problem_class, dump.options.problem);
    }
    if (argc == 1 || jopt_has(&dump.options, DUMP_HELP)) {
        return cli_usage(cli, &dump.options,
                         "This tool helps to parse a log file and dump its contents to the console, useful for "
                         "debugging a seemingly corrupt log segment.");
    }
    if (jopt_has(&dump.options, DUMP_VERSION)) return cli_out(cli, "%s\n", KAFKA_VERSION), 0;
    if (!jopt_has(&dump.options, DUMP_FILES)) {
        return cli_usage(cli, &dump.options, "Missing required argument \"[files]\"");
    }
    const char *files;
    if (!jopt_value(&dump.options, DUMP_FILES, &files)) {
        return cli_uncaught(cli, dump.options.problem_class, dump.options.problem);
    }
    dump.prints_contents = prints_contents(&dump);
    dump.is_deep = dump.prints_contents || jopt_has(&dump.options, DUMP_DEEP_ITERATION);
    dump.skips_metadata = jopt_has(&dump.options, DUMP_SKIP_RECORD_METADATA);
    bool ok = dump_files(&dump, files);
    text_deinit(&dump.scratch);
    text_deinit(&dump.key);
    text_deinit(&dump.value);
    return ok ? 0 : 1;
}
