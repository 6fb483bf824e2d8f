// SPDX-License-Identifier: Apache-2.0
// The order of the checks and their codes are the contract with clients: kafka-internals B1 and B2. Kafka's classes
// behind it are ProduceRequest, UnifiedLog and LogValidator (4.3).
#include "record/validate.h"

#include <inttypes.h>

#include "record/builder.h"

enum { ZSTD_PRODUCE_VERSION_MIN = 7, ERRORS_SHOWN = 3 };

enum err produce_glance(struct slice records, bool *is_transactional, struct text *problem)
{
    size_t size = 0;
    enum err e = batch_size(records, &size);
    *is_transactional = false;
    if (e == ERR_CORRUPT) {
        int32_t length = load_i32(records.data + BATCH_LENGTH_AT);
        if (length < MESSAGE_SIZE_MIN)
            text_printf(problem, "Record size %d is less than the minimum record overhead (%d)", length,
                        MESSAGE_SIZE_MIN);
        else
            text_printf(problem, "Invalid magic found in record: %d", (int8_t)records.data[BATCH_MAGIC_AT]);
        return ERR_CORRUPT_MESSAGE;
    }
    // The smallest batch, 26 bytes, has its attributes.
    if (e == OK && size <= records.size && records.data[BATCH_MAGIC_AT] == 2)
        *is_transactional = (load_i16(records.data + BATCH_ATTRIBUTES_AT) & BATCH_TRANSACTIONAL) != 0;
    return OK;
}

// A batch that is shorter than a header. Kafka takes it for one until it looks at the CRC: errors that are found before
// come first. All of it that is looked at until then is here; the rest is zero.
static struct batch_view short_batch(struct slice bytes)
{
    return (struct batch_view){
        .header = {.base_offset = load_i64(bytes.data),
                   .magic = 2,
                   .attributes = load_i16(bytes.data + BATCH_ATTRIBUTES_AT)},
        .bytes = bytes,
    };
}

enum err produce_check_framing(struct slice records, int16_t produce_version, struct batch_view *out)
{
    struct batch_view first;
    size_t size = 0;
    enum err e = batch_size(records, &size);
    if (e == ERR_CORRUPT) return ERR_CORRUPT_MESSAGE;
    if (e != OK || size > records.size || records.data[BATCH_MAGIC_AT] < 2) return ERR_INVALID_RECORD;
    if (batch_parse(records, &first) != OK) first = short_batch(slice_of(records.data, size));
    int codec_bits = first.header.attributes & BATCH_CODEC_MASK;
    if (produce_version < ZSTD_PRODUCE_VERSION_MIN) { // newer ones come to know the codec when they open the batch
        if (codec_bits == CODEC_ZSTD) return ERR_UNSUPPORTED_COMPRESSION_TYPE;
        if (codec_bits >= CODEC_COUNT) return ERR_UNKNOWN_SERVER_ERROR;
    }
    struct slice rest = slice_of(records.data + size, records.size - size);
    e = batch_size(rest, &size);
    if (e == ERR_CORRUPT) return ERR_CORRUPT_MESSAGE;
    if (e == OK && size <= rest.size) return ERR_INVALID_RECORD; // a second complete batch
    *out = first;
    return OK;
}

// Per-record failures of one batch; all are counted, the first RECORD_ERRORS_MAX kept.
struct verdict {
    const struct validate_options *options;
    const struct batch_header *header;
    struct arena *arena;
    enum codec source;
    enum codec target;
    struct record_error *errors;
    int32_t kept;
    int32_t total;
    bool has_timestamp_error;
    bool has_wrong_delta; // some record's offset delta is not its index
    int64_t max_timestamp;
    int32_t max_timestamp_delta;
};

static enum err check_header(const struct batch_header *h, const struct validate_options *options)
{
    if (h->record_count <= 0) return ERR_INVALID_RECORD;
    if (options->origin != APPEND_CLIENT) return OK;
    if (h->last_offset_delta < 0) return ERR_INVALID_RECORD;
    if (h->last_offset_delta != h->record_count - 1) return ERR_INVALID_RECORD;
    if (batch_is_control(h)) return ERR_INVALID_RECORD;
    if (batch_has_producer(h) && h->base_sequence < 0) return ERR_INVALID_RECORD;
    return OK;
}

// Differences wrap as Java's do, so a far timestamp cannot be undefined here.
static int64_t minus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

static bool is_out_of_range(int64_t timestamp, const struct validate_options *options)
{
    int64_t age = minus(options->now_ms, timestamp);
    return age > options->timestamp_before_max_ms || minus(0, age) > options->timestamp_after_max_ms;
}

// Counts the failure; the place for its text, NULL when enough are listed.
static struct slice *refuse(struct verdict *v, int32_t index, enum err code)
{
    v->total++;
    if (code == ERR_INVALID_TIMESTAMP) v->has_timestamp_error = true;
    if (v->kept == RECORD_ERRORS_MAX) return NULL;
    if (v->errors == NULL) v->errors = ARENA_ARRAY(v->arena, struct record_error, RECORD_ERRORS_MAX);
    struct record_error *error = &v->errors[v->kept++];
    *error = (struct record_error){.index = index, .code = code};
    return &error->text;
}

static void refuse_null_key(struct verdict *v, int32_t index)
{
    const struct validate_options *o = v->options;
    struct slice *text = refuse(v, index, ERR_INVALID_RECORD);
    if (text == NULL) return;
    *text =
        slice_str(arena_printf(v->arena, "Compacted topic cannot accept message without key in topic partition %.*s-%d",
                               SLICE_FMT(o->topic), o->partition));
}

static void refuse_timestamp(struct verdict *v, int32_t index, const struct record *record)
{
    const struct validate_options *o = v->options;
    struct slice *text = refuse(v, index, ERR_INVALID_TIMESTAMP);
    if (text == NULL) return;
    *text = slice_str(arena_printf(v->arena,
                                   "Timestamp %" PRId64 " of message with offset %" PRId64
                                   " is out of range. The timestamp should be within [%" PRId64 ", %" PRId64 "]",
                                   record->timestamp, record->offset, minus(o->now_ms, o->timestamp_before_max_ms),
                                   minus(o->now_ms, minus(0, o->timestamp_after_max_ms))));
}

static void refuse_timestamp_type(struct verdict *v, int32_t index, const struct record *record)
{
    struct slice *text = refuse(v, index, ERR_INVALID_TIMESTAMP);
    if (text == NULL) return;
    // Kafka prints the record's Java object, of another class where it only skims compressed records.
    bool is_skimmed = v->source != CODEC_NONE && v->source == v->target;
    *text = slice_str(
        arena_printf(v->arena,
                     "Invalid timestamp type in message %s(offset=%" PRId64 ", timestamp=%" PRId64
                     ", key=%zu bytes, value=%zu bytes). Producer should not set timestamp type to LogAppendTime.",
                     is_skimmed ? "PartialDefaultRecord" : "DefaultRecord", record->offset, record->timestamp,
                     record->key.size, record->value.size));
}

static void judge_record(struct verdict *v, int32_t index, const struct record *record)
{
    const struct validate_options *o = v->options;
    if (o->is_compacted && slice_is_null(record->key)) {
        refuse_null_key(v, index);
    } else if (o->timestamp_type == TIMESTAMP_CREATE_TIME && record->timestamp != NO_TIMESTAMP) {
        if (is_out_of_range(record->timestamp, o)) refuse_timestamp(v, index, record);
    } else if (batch_is_log_append_time(v->header)) {
        refuse_timestamp_type(v, index, record);
    }
    if (record->offset_delta != index) v->has_wrong_delta = true;
    if (record->timestamp > v->max_timestamp) {
        v->max_timestamp = record->timestamp;
        v->max_timestamp_delta = index;
    }
}

static enum err judge_records(struct verdict *v, struct slice body)
{
    struct record_iter it = record_iter(v->header, body);
    struct record record;
    for (int32_t index = 0; record_next(&it, &record); index++) judge_record(v, index, &record);
    if (it.err != OK) {
        v->total = 0; // a broken batch has no answer per record
        return ERR_INVALID_RECORD;
    }
    if (v->total > 0) return v->has_timestamp_error ? ERR_INVALID_TIMESTAMP : ERR_INVALID_RECORD;
    if (v->has_wrong_delta && v->source == v->target) // Kafka's answers; uncompressed it would store them so
        return v->source == CODEC_NONE ? ERR_INVALID_RECORD : ERR_UNKNOWN_SERVER_ERROR;
    return OK;
}

static struct slice summary(const struct verdict *v)
{
    if (v->has_timestamp_error) return SLICE("One or more records have been rejected due to invalid timestamp");
    struct text list = {0};
    for (int32_t i = 0; i < v->kept && i < ERRORS_SHOWN; i++) {
        const struct record_error *error = &v->errors[i];
        text_printf(&list, "%sRecordError(batchIndex=%d, message='%.*s')", i == 0 ? "" : ", ", error->index,
                    SLICE_FMT(error->text));
    }
    char *text = arena_printf(v->arena,
                              "One or more records have been rejected due to %d record errors in total, and only "
                              "showing the first three errors at most: [%s]",
                              v->total, text_cstr(&list));
    text_deinit(&list);
    return slice_str(text);
}

// Errors that need no look at the records, then the records' bytes.
static enum err open_batch(const struct batch_view *batch, const struct validate_options *o, struct text *scratch,
                           enum codec *source, struct slice *body)
{
    const struct batch_header *h = &batch->header;
    if (o->origin == APPEND_CLIENT && h->base_offset != 0) return ERR_INVALID_RECORD;
    if (batch->bytes.size > (size_t)o->max_message_bytes) return ERR_MESSAGE_TOO_LARGE;
    if (!batch_crc_is_valid(batch->bytes)) return ERR_CORRUPT_MESSAGE;
    if (batch_codec(h, source) != OK) return ERR_UNKNOWN_SERVER_ERROR;
    enum err e = check_header(h, o);
    if (e != OK) return e;
    e = batch_body(batch, o->decompressed_bytes_max, scratch, body);
    if (e == ERR_TOO_LARGE) return ERR_MESSAGE_TOO_LARGE;
    return e == OK ? OK : ERR_UNKNOWN_SERVER_ERROR;
}

enum err batch_validate(const struct batch_view *batch, const struct validate_options *options, struct text *scratch,
                        struct arena *arena, struct validate_result *out, struct validate_failure *failure)
{
    const struct batch_header *h = &batch->header;
    ASSERT(h->magic == 2 && options->max_message_bytes >= 0);
    struct verdict v = {.options = options, .header = h, .arena = arena, .max_timestamp = NO_TIMESTAMP};
    struct slice body = SLICE_NULL;
    enum err e = open_batch(batch, options, scratch, &v.source, &body);
    if (e != OK) goto fail;
    v.target = options->keeps_codec ? v.source : options->target_codec;
    // Control records are compressed only if they came so.
    if (v.source == CODEC_NONE && batch_is_control(h)) v.target = CODEC_NONE;
    e = judge_records(&v, body);
    if (e != OK) goto fail;
    bool is_append_time = options->timestamp_type == TIMESTAMP_LOG_APPEND_TIME;
    int64_t max_timestamp = is_append_time ? options->now_ms : v.max_timestamp;
    *out = (struct validate_result){
        .record_count = h->record_count,
        .max_timestamp = max_timestamp,
        .max_timestamp_delta = is_append_time ? 0 : v.max_timestamp_delta,
        .timestamp_type = options->timestamp_type,
        .codec = v.target,
        .needs_rewrite = batch_is_log_append_time(h) != is_append_time || h->max_timestamp != max_timestamp,
        .needs_rebuild = v.source != v.target,
        .body = body,
    };
    return OK;
fail:
    if (failure != NULL) {
        *failure = (struct validate_failure){.code = e};
        if (v.total > 0) {
            failure->errors = v.errors;
            failure->error_count = v.kept;
            failure->text = summary(&v);
        }
    }
    return e;
}

void batch_accept(uint8_t *batch, const struct validate_result *result)
{
    ASSERT(!result->needs_rebuild);
    bool changed = batch_set_timestamps(batch, result->timestamp_type, result->max_timestamp);
    ASSERT(changed == result->needs_rewrite);
}

// What Kafka's writer of batches insists on, where its validator does not.
static bool has_writable_producer(const struct batch_header *h)
{
    if (h->producer_id == NO_PRODUCER_ID) return !batch_is_transactional(h);
    return h->producer_epoch != NO_PRODUCER_EPOCH && (h->base_sequence >= 0 || batch_is_control(h));
}

enum err batch_rebuild(const struct batch_view *batch, const struct validate_options *options,
                       const struct validate_result *result, struct text *out)
{
    const struct batch_header *h = &batch->header;
    if (!has_writable_producer(h)) return ERR_UNKNOWN_SERVER_ERROR;
    struct batch_spec spec = batch_spec(0);
    spec.codec = result->codec;
    spec.level = options->keeps_codec ? COMPRESS_LEVEL_DEFAULT : options->target_level;
    spec.timestamp_type = result->timestamp_type;
    spec.log_append_time = result->max_timestamp;
    spec.producer_id = h->producer_id;
    spec.producer_epoch = h->producer_epoch;
    spec.base_sequence = h->base_sequence;
    spec.is_transactional = batch_is_transactional(h);
    spec.is_control = batch_is_control(h);
    struct batch_builder builder = {0};
    batch_begin(&builder, out, &spec);
    struct record_iter it = record_iter(h, result->body);
    struct record record;
    for (int64_t offset = 0; record_next(&it, &record); offset++) {
        if (record.timestamp < NO_TIMESTAMP) {
            batch_abandon(&builder);
            batch_builder_deinit(&builder);
            return ERR_UNKNOWN_SERVER_ERROR;
        }
        batch_add_record(&builder, offset, &record);
    }
    ASSERT(it.err == OK); // batch_validate walked the same bytes
    struct slice bytes = SLICE_NULL;
    size_t start = builder.start;
    enum err e = batch_end(&builder, &bytes);
    batch_builder_deinit(&builder);
    if (e != OK) return ERR_MESSAGE_TOO_LARGE;
    if (bytes.size > (size_t)options->max_message_bytes) {
        out->size = start;
        return ERR_MESSAGE_TOO_LARGE;
    }
    return OK;
}
