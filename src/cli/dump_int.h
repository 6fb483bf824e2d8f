// SPDX-License-Identifier: Apache-2.0
// Private to kafka-dump-log: dump_log.c (the tool, segments), dump_legacy.c (magic 0 and 1), dump_decode.c (what is in
// keys and values), dump_index.c (index, timeindex, txnindex, snapshot).
#ifndef ODRADEK_CLI_DUMP_INT_H
#define ODRADEK_CLI_DUMP_INT_H

#include "cli/cli_int.h"
#include "record/batch.h"

// A pair of numbers to be told at the end, by file.
struct dump_note {
    const char *path; // absolute
    int64_t first, second;
};

enum dump_note_kind {
    DUMP_NOTE_INDEX_MISMATCH,
    DUMP_NOTE_TIME_MISMATCH,
    DUMP_NOTE_TIME_ORDER,
    DUMP_NOTE_NOT_FOUND,
    DUMP_NOTE_GAP,
    DUMP_NOTE_KINDS,
};

struct dump_notes {
    struct dump_note *items;
    size_t count, capacity;
};

enum dump_decoder {
    DUMP_AS_TEXT, // by the classes of --key-decoder-class and --value-decoder-class
    DUMP_AS_OFFSETS,
    DUMP_AS_TRANSACTIONS,
    DUMP_AS_METADATA,
    DUMP_AS_REMOTE_METADATA,
    DUMP_AS_SHARE_STATE,
};

enum dump_class { DUMP_CLASS_STRING, DUMP_CLASS_BYTES, DUMP_CLASS_INTEGER, DUMP_CLASS_LONG };

struct dump {
    struct cli *cli;
    struct jopt options;
    struct dump_notes notes[DUMP_NOTE_KINDS];
    bool is_deep;
    bool prints_contents;
    bool skips_metadata;
    enum dump_decoder decoder;
    enum dump_class key_class, value_class;
    int64_t max_bytes;
    struct text scratch;    // decompressed records
    struct text key, value; // of one record, decoded
};

// A file read through a window, so that a segment of any size takes little memory.
struct dump_file {
    const char *path; // as named, and
    const char *absolute;
    const char *name; // its last part
    struct file *file;
    int64_t size;
    struct text window;
    int64_t window_at;
};

// "Exception in thread "main" ..." is told and false returned when it cannot be opened.
bool dump_open(struct dump *dump, struct dump_file *file, const char *shown);
void dump_close(struct dump_file *file);
// Bytes of the file, valid until the next call; fewer at its end.
struct slice dump_read(struct dump_file *file, int64_t position, size_t size);

// The next batch at `position` of a file that ends at `end`, as FileLogInputStream gives it. False: no more, or *failed
// after telling a corrupt size.
bool dump_next_batch(struct dump *dump, struct dump_file *file, int64_t position, int64_t end, struct batch_view *out,
                     bool *failed);

void dump_note(struct dump *dump, enum dump_note_kind kind, const char *path, int64_t first, int64_t second);
const char *dump_absolute(struct dump *dump, const char *path);
// The number in front of a name's first full stop. False: told why not.
bool dump_start_offset(struct dump *dump, const char *name, int64_t *out);
const char *dump_timestamp_type(const struct batch_header *header);
// False: an exception was told.
bool dump_codec(struct dump *dump, const struct batch_header *header, enum codec *out);

// "| offset: ..." but for what only control records have.
void dump_record_line(struct dump *dump, const struct batch_header *header, const struct record *record,
                      int32_t sequence);
// " key: ... payload: ...". False: an exception was told.
bool dump_record_contents(struct dump *dump, const struct record *record);
// Counts the record's offset in.
void dump_follow(struct dump *dump, struct dump_file *file, int64_t offset, int64_t *last_offset);

// The messages of a magic 0 or 1 batch. False: an exception was told.
bool dump_legacy_records(struct dump *dump, struct dump_file *file, const struct batch_view *batch,
                         int64_t *last_offset);

// Decodes into dump->key and dump->value; false in *has_...: absent. False: an exception was told.
bool dump_decode(struct dump *dump, const struct record *record, bool *has_key, bool *has_value);
// Finds a decoder by its class. False: no such class.
bool dump_class_find(const char *name, enum dump_class *out);

// Each false after telling an exception.
bool dump_index(struct dump *dump, const char *path);
bool dump_timeindex(struct dump *dump, const char *path);
bool dump_txnindex(struct dump *dump, const char *path);
bool dump_snapshot(struct dump *dump, const char *path);

#endif
