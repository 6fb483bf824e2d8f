// SPDX-License-Identifier: Apache-2.0
// The judge of produced batches (kafka-internals B1, B2): which error, in which order, and what must be rewritten.
// Stateless: runs on any shard or task over read-only bytes. The partition's owner stamps offset and epoch later.
//
//   produce_glance          first, over all partitions of a request
//   produce_check_framing   per partition of the request, before authorisation's later steps
//   batch_validate          once the partition's configuration is known
//   batch_accept            rewrites in place (or batch_rebuild makes a new batch)
//   batch_set_base_offset, batch_set_leader_epoch   by the owner, at the append
#ifndef ODRADEK_RECORD_VALIDATE_H
#define ODRADEK_RECORD_VALIDATE_H

#include "base/arena.h"
#include "record/batch.h"

// What is looked at of each partition's `records` before anything else, until one is transactional: is its first batch?
// ERR_CORRUPT_MESSAGE (an impossible length, an unknown magic) fails the whole request, with `problem` for a message.
MUST_CHECK enum err produce_glance(struct slice records, bool *is_transactional, struct text *problem);

// What the request layer checks (rows 4-6 of B1) of one partition's `records`: ERR_INVALID_RECORD for no complete
// batch, magic 0 or 1, a second batch; ERR_CORRUPT_MESSAGE for an unknown magic or impossible length;
// ERR_UNSUPPORTED_COMPRESSION_TYPE for zstd below Produce v7. A partial batch behind the first is dropped. A batch
// shorter than a header passes, for batch_validate to refuse.
MUST_CHECK enum err produce_check_framing(struct slice records, int16_t produce_version, struct batch_view *out);

enum append_origin {
    APPEND_CLIENT,      // everything is judged
    APPEND_COORDINATOR, // own markers and group records: control batches pass, offsets are not compared
};

struct validate_options {
    enum append_origin origin;
    bool is_compacted;                  // cleanup.policy holds "compact": null keys are refused
    enum timestamp_type timestamp_type; // message.timestamp.type
    int64_t timestamp_before_max_ms;    // message.timestamp.before.max.ms (INT64_MAX = no limit)
    int64_t timestamp_after_max_ms;     // message.timestamp.after.max.ms
    int64_t now_ms;                     // wall clock
    int32_t max_message_bytes;          // max.message.bytes, header included
    bool keeps_codec;                   // compression.type=producer
    enum codec target_codec;            // otherwise
    int32_t target_level;               // compression.{gzip,lz4,zstd}.level or COMPRESS_LEVEL_DEFAULT
    size_t decompressed_bytes_max;      // above it: ERR_MESSAGE_TOO_LARGE
    struct slice topic;                 // for error texts only
    int32_t partition;
};

// One refused record, for the response's record_errors (v8+).
struct record_error {
    int32_t index;     // in the batch
    enum err code;     // ERR_INVALID_RECORD or ERR_INVALID_TIMESTAMP
    struct slice text; // in the arena
};

struct validate_result {
    int32_t record_count;
    int64_t max_timestamp;              // of the records; now_ms under LogAppendTime
    int32_t max_timestamp_delta;        // offset delta of the first record that has it
    enum timestamp_type timestamp_type; // to be stored
    enum codec codec;                   // to be stored
    bool needs_rewrite; // type or maximum in the header differ: batch_accept writes them and computes the CRC anew
    bool needs_rebuild; // codecs differ: batch_rebuild
    struct slice body;  // the records, decompressed; in the batch or in `scratch`
};

struct validate_failure {
    enum err code;
    struct record_error *errors; // per-record failures, NULL otherwise; in the arena
    int32_t error_count;
    struct slice text; // the response's error message, null unless there are per-record failures
};

// Rows "baseOffset != 0" to "LogAppendTime flag" of B1, in that order; `batch` comes from produce_check_framing.
// Uses `scratch` for decompression (the caller keeps and reuses it) and `arena` only for per-record errors. Returns
// failure->code; `out` is written on OK, `failure` (may be NULL) otherwise. At most RECORD_ERRORS_MAX errors are
// listed.
enum { RECORD_ERRORS_MAX = 1000 };
MUST_CHECK enum err batch_validate(const struct batch_view *batch, const struct validate_options *options,
                                   struct text *scratch, struct arena *arena, struct validate_result *out,
                                   struct validate_failure *failure);

// Applies result to the mutable bytes of the validated batch; only when !needs_rebuild.
void batch_accept(uint8_t *batch, const struct validate_result *result);

// Appends to `out` the batch as it is to be stored, recompressed, offset deltas renumbered 0..n-1, base offset 0.
// ERR_MESSAGE_TOO_LARGE when it then exceeds max_message_bytes; ERR_UNKNOWN_SERVER_ERROR where Kafka fails so (a
// timestamp below -1, a producer id without an epoch or sequence, a transactional batch without a producer). `out` must
// not be the scratch that result->body points into.
MUST_CHECK enum err batch_rebuild(const struct batch_view *batch, const struct validate_options *options,
                                  const struct validate_result *result, struct text *out);

#endif
