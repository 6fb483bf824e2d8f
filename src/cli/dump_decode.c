// SPDX-License-Identifier: Apache-2.0
// Keys and values of a log in words: Kafka's internal topics as JSON (kafka-internals A10, D5, E1), or by the classes
// of org.apache.kafka.tools.api.
//   coordinators   key: i16 type, message; value: i16 version, message, or null
//   metadata, RLMM uvarint frame version (1), uvarint type, uvarint version, message
#include "base/crc32c.h"
#include "base/varint.h"
#include "cli/dump_int.h"
#include "proto/consumer_protocol_assignment.h"
#include "proto/consumer_protocol_subscription.h"
#include "proto/group_metadata_record.h"
#include "proto/remote_log_segment_metadata_record.h"
#include "proto/remote_log_segment_metadata_snapshot_record.h"
#include "proto/remote_log_segment_metadata_update_record.h"
#include "proto/remote_partition_delete_metadata_record.h"
#include "wire/json_text.h"
#include "wire/table.h"

#include <ctype.h>

enum { TYPE_NAME_MAX = 96 };

// ---- decoder classes -------------------------------------------------------------------------------------------

bool dump_class_find(const char *name, enum dump_class *out)
{
    static const char package[] = "org.apache.kafka.tools.api.";
    static const struct {
        const char *name;
        enum dump_class kind;
    } known[] = {
        {"StringDecoder", DUMP_CLASS_STRING},
        {"DefaultDecoder", DUMP_CLASS_BYTES},
        {"IntegerDecoder", DUMP_CLASS_INTEGER},
        {"LongDecoder", DUMP_CLASS_LONG},
    };
    if (strncmp(name, package, sizeof(package) - 1) != 0) return false;
    for (size_t i = 0; i < COUNT_OF(known); i++) {
        if (strcmp(name + sizeof(package) - 1, known[i].name) != 0) continue;
        *out = known[i].kind;
        return true;
    }
    return false;
}

static bool decode_by_class(struct dump *dump, enum dump_class kind, struct slice bytes, struct text *out)
{
    switch (kind) {
    case DUMP_CLASS_STRING: text_add(out, bytes); return true;
    case DUMP_CLASS_BYTES: text_printf(out, "[B@%x", crc32c(0, bytes)); return true; // Java: an object's identity
    case DUMP_CLASS_INTEGER:
        if (bytes.size >= 4) return text_printf(out, "%d", load_i32(bytes.data)), true;
        break;
    case DUMP_CLASS_LONG:
        if (bytes.size >= 8) return text_printf(out, "%lld", (long long)load_i64(bytes.data)), true;
        break;
    }
    cli_uncaught(dump->cli, "java.nio.BufferUnderflowException", NULL);
    return false;
}

// ---- coordinators' records -------------------------------------------------------------------------------------

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size >= end_size && strcmp(name + size - end_size, end) == 0;
}

static bool starts_with(const char *name, const char *start)
{
    return strncmp(name, start, strlen(start)) == 0;
}

static enum dump_decoder topic_of(const char *name)
{
    if (starts_with(name, "TransactionLog")) return DUMP_AS_TRANSACTIONS;
    if (starts_with(name, "ShareSnapshot") || starts_with(name, "ShareUpdate")) return DUMP_AS_SHARE_STATE;
    return DUMP_AS_OFFSETS;
}

static const struct wire_message *find_coordinator_message(enum dump_decoder topic, int type, const char *end)
{
    const struct wire_message *message;
    for (size_t i = 0; (message = wire_at(i)) != NULL; i++) {
        const char *name = wire_name(message);
        if (wire_key(message) == type && ends_with(name, end) && topic_of(name) == topic) return message;
    }
    return NULL;
}

static void *decode_message(struct dump *dump, const struct wire_message *message, int version, struct slice bytes)
{
    void *out = arena_alloc(&dump->cli->arena, wire_struct_size(message));
    size_t consumed;
    return wire_decode(message, version, bytes, &dump->cli->arena, out, &consumed) == OK ? out : NULL;
}

// A member's opaque bytes in place of their base64, when they are what the consumer protocol puts there.
static void replace_field(struct dump *dump, struct text *out, struct slice *json, const char *name,
                          const struct wire_message *message, struct slice bytes)
{
    struct text was = {0};
    json_text_base64(&was, bytes);
    const char *start = arena_printf(&dump->cli->arena, ",\"%s\":%s", name, text_cstr(&was));
    text_deinit(&was);
    const uint8_t *found = memmem(json->data, json->size, start, strlen(start));
    if (found == NULL || bytes.size < 2) return;
    int version = load_i16(bytes.data);
    void *decoded = decode_message(dump, message, version, slice_of(bytes.data + 2, bytes.size - 2));
    struct text now = {0};
    if (decoded != NULL && wire_print_json(message, version, decoded, WIRE_RECORDS_EMPTY, &now) == OK) {
        text_add(out, slice_of(json->data, (size_t)(found - json->data)));
        text_printf(out, ",\"%s\":", name);
        text_add(out, text_slice(&now));
        size_t used = (size_t)(found - json->data) + strlen(start);
        *json = slice_of(json->data + used, json->size - used);
    }
    text_deinit(&now);
}

static void add_group_metadata(struct dump *dump, const struct group_metadata_value *group, struct slice json,
                               struct text *out)
{
    for (int32_t i = 0; slice_eq_str(group->protocol_type, "consumer") && i < group->members.count; i++) {
        const struct group_metadata_value_member_metadata *member = &group->members.items[i];
        replace_field(dump, out, &json, "subscription", &consumer_protocol_subscription_message, member->subscription);
        replace_field(dump, out, &json, "assignment", &consumer_protocol_assignment_message, member->assignment);
    }
    text_add(out, json);
}

// {"LABEL":"NUMBER","data":{...}}
static bool add_message(struct dump *dump, struct text *out, const char *label, int number,
                        const struct wire_message *message, int version, const void *decoded)
{
    struct text json = {0};
    enum err e = wire_print_json(message, version, decoded, WIRE_RECORDS_EMPTY, &json);
    if (e == OK) {
        text_printf(out, "{\"%s\":\"%d\",\"data\":", label, number);
        if (message == &group_metadata_value_message)
            add_group_metadata(dump, decoded, text_slice(&json), out);
        else
            text_add(out, text_slice(&json));
        text_add_char(out, '}');
    }
    text_deinit(&json);
    return e == OK;
}

static void skip_record(struct dump *dump, const struct record *record, const char *why)
{
    text_clear(&dump->key);
    text_clear(&dump->value);
    text_printf(&dump->key, "Error at offset %lld, skipping. %s", (long long)record->offset, why);
}

// Why a key (flat, not flexible) did not decode, in the words of Kafka's generated reader.
static const char *key_problem(struct dump *dump, const struct wire_message *message, struct slice rest)
{
    static const size_t sizes[] = {
        [WIRE_BOOL] = 1,   [WIRE_INT8] = 1,  [WIRE_INT16] = 2,   [WIRE_UINT16] = 2, [WIRE_INT32] = 4,
        [WIRE_UINT32] = 4, [WIRE_INT64] = 8, [WIRE_FLOAT64] = 8, [WIRE_UUID] = 16};
    for (int i = 0; i < message->type->field_count; i++) {
        const struct wire_field *field = &message->type->fields[i];
        size_t size = field->type == WIRE_STRING ? 2 : field->type <= WIRE_UUID ? sizes[field->type] : rest.size + 1;
        if (size > rest.size) break;
        int16_t length = field->type == WIRE_STRING ? load_i16(rest.data) : 0;
        rest = slice_of(rest.data + size, rest.size - size);
        if (length < 0) {
            return arena_printf(&dump->cli->arena, "non-nullable field %s was serialized as null", field->name);
        }
        if ((size_t)length > rest.size) {
            return arena_printf(&dump->cli->arena, "Error reading byte array of %d byte(s): only %zu byte(s) available",
                                length, rest.size);
        }
        rest = slice_of(rest.data + length, rest.size - (size_t)length);
    }
    return "null";
}

// What is wrong with the record; NULL: dump->key and dump->value have it, or *unknown is its type.
static const char *decode_coordinator(struct dump *dump, const struct record *record, bool *has_value, int *unknown)
{
    struct arena *arena = &dump->cli->arena;
    struct slice key = record->key, value = record->value;
    *has_value = false;
    if (key.size < 2) return "Could not read version from key's buffer.";
    int type = load_i16(key.data), version = 0;
    const struct wire_message *key_message = find_coordinator_message(dump->decoder, type, "Key");
    const struct wire_message *value_message = find_coordinator_message(dump->decoder, type, "Value");
    if (key_message == NULL || value_message == NULL) return *unknown = type, NULL;
    void *decoded = decode_message(dump, key_message, 0, slice_of(key.data + 2, key.size - 2));
    if (decoded == NULL) {
        return arena_printf(arena, "Could not read record with version %d from key's buffer due to: %s.", type,
                            key_problem(dump, key_message, slice_of(key.data + 2, key.size - 2)));
    }
    if (!add_message(dump, &dump->key, "type", type, key_message, 0, decoded)) return "null";
    *has_value = true;
    if (slice_is_null(value)) return text_add_str(&dump->value, "<DELETE>"), NULL;
    if (value.size < 2) return "Could not read version from value's buffer.";
    version = load_i16(value.data);
    if (version < wire_version_min(value_message) || version > wire_version_max(value_message)) {
        return arena_printf(arena, "Found an unknown record version %d for %d type", version, type);
    }
    decoded = decode_message(dump, value_message, version, slice_of(value.data + 2, value.size - 2));
    if (decoded == NULL) {
        return arena_printf(arena, "Could not read record with version %d from value's buffer due to: null.", version);
    }
    return add_message(dump, &dump->value, "version", version, value_message, version, decoded) ? NULL : "null";
}

static bool print_coordinator(struct dump *dump, const struct record *record, bool *has_value)
{
    if (slice_is_null(record->key)) {
        cli_uncaught(dump->cli, "java.lang.RuntimeException",
                     arena_printf(&dump->cli->arena,
                                  "Failed to decode message at offset %lld using the specified decoder (message had a "
                                  "missing key)",
                                  (long long)record->offset));
        return false;
    }
    int unknown = -1;
    const char *problem = decode_coordinator(dump, record, has_value, &unknown);
    if (problem != NULL) {
        *has_value = false;
        skip_record(dump, record, problem);
    } else if (unknown >= 0 || dump->key.size == 0) {
        text_printf(&dump->key, "Unknown record type %d at offset %lld, skipping.", unknown, (long long)record->offset);
    }
    return true;
}

// ---- metadata records ------------------------------------------------------------------------------------------

// A framed record, opened.
struct framed {
    const struct wire_message *message;
    int version;
    void *decoded;
};

static const char *read_number(struct dump *dump, struct slice *rest, const char *what, int *out)
{
    uint32_t value;
    const uint8_t *after = uvarint32_read(rest->data, rest->data + rest->size, &value);
    if (after == NULL) return arena_printf(&dump->cli->arena, "Error while reading %s", what);
    if (value > INT16_MAX) return arena_printf(&dump->cli->arena, "Value for %s was too large.", what);
    *rest = slice_of(after, rest->size - (size_t)(after - rest->data));
    *out = (int)value;
    return NULL;
}

static const struct wire_message *find_framed(bool is_remote, int type)
{
    const struct wire_message *message;
    for (size_t i = 0; (message = wire_at(i)) != NULL; i++) {
        const char *name = wire_name(message);
        if (wire_key(message) != type || !ends_with(name, "Record")) continue;
        if (starts_with(name, "Remote") == is_remote) return message;
    }
    return NULL;
}

// NULL: fine.
static const char *open_framed(struct dump *dump, bool is_remote, struct slice value, struct framed *out)
{
    struct arena *arena = &dump->cli->arena;
    int frame, type;
    struct slice rest = slice_is_null(value) ? SLICE("") : value;
    const char *problem = read_number(dump, &rest, "frame version", &frame);
    if (problem != NULL) return problem;
    if (frame == 0) {
        return "Could not deserialize metadata record with frame version 0. Note that upgrades from the preview "
               "release "
               "of KRaft in 2.8 to newer versions are not supported.";
    }
    if (frame != 1) {
        return arena_printf(arena,
                            "Could not deserialize metadata record due to unknown frame version %d(only frame version "
                            "1 is supported)",
                            frame);
    }
    problem = read_number(dump, &rest, "type", &type);
    if (problem == NULL) problem = read_number(dump, &rest, "version", &out->version);
    if (problem != NULL) return problem;
    out->message = find_framed(is_remote, type);
    if (out->message == NULL) {
        return arena_printf(arena, "org.apache.kafka.common.errors.UnsupportedVersionException: Unknown metadata id %d",
                            type);
    }
    size_t consumed;
    out->decoded = arena_alloc(arena, wire_struct_size(out->message));
    if (wire_decode(out->message, out->version, rest, arena, out->decoded, &consumed) != OK) {
        return arena_printf(arena, "Failed to deserialize record with type %d", type);
    }
    if (consumed == rest.size) return NULL;
    return arena_printf(arena, "Found %zu byte(s) of garbage after %d", rest.size - consumed, type);
}

// "FeatureLevelRecord" as FEATURE_LEVEL_RECORD.
static const char *type_name(const char *name, char out[TYPE_NAME_MAX])
{
    size_t size = 0;
    for (const char *c = name; *c != '\0' && size < TYPE_NAME_MAX - 2; c++) {
        if (isupper((unsigned char)*c) && c != name) out[size++] = '_';
        out[size++] = (char)toupper((unsigned char)*c);
    }
    out[size] = '\0';
    return out;
}

static void print_metadata(struct dump *dump, const struct record *record)
{
    struct framed framed;
    const char *problem = open_framed(dump, false, record->value, &framed);
    struct text json = {0};
    if (problem == NULL &&
        wire_print_json(framed.message, framed.version, framed.decoded, WIRE_RECORDS_EMPTY, &json) != OK)
        problem = "null";
    if (problem != NULL) {
        text_printf(&dump->value, "Error at %lld, skipping. %s", (long long)record->offset, problem);
    } else {
        char name[TYPE_NAME_MAX];
        text_printf(&dump->value,
                    "{\"type\":\"%s\",\"version\":%d,\"data\":", type_name(wire_name(framed.message), name),
                    framed.version);
        text_add(&dump->value, text_slice(&json));
        text_add_char(&dump->value, '}');
    }
    text_deinit(&json);
}

// ---- remote log metadata ---------------------------------------------------------------------------------------

static const char *const segment_states[] = {"COPY_SEGMENT_STARTED", "COPY_SEGMENT_FINISHED", "DELETE_SEGMENT_STARTED",
                                             "DELETE_SEGMENT_FINISHED"};
static const char *const delete_states[] = {"DELETE_PARTITION_MARKED", "DELETE_PARTITION_STARTED",
                                            "DELETE_PARTITION_FINISHED"};

static const char *state_name(const char *const *names, size_t count, int8_t state)
{
    return state >= 0 && (size_t)state < count ? names[state] : "null";
}

static void add_topic_partition(struct text *out, struct uuid id, struct slice name, int32_t partition)
{
    char text[UUID_TEXT_SIZE + 1];
    uuid_format(id, text);
    text_printf(out, "%s:%.*s-%d", text, SLICE_FMT(name), partition);
}

static void add_segment_id(struct text *out, struct uuid topic_id, struct slice name, int32_t partition, struct uuid id)
{
    char text[UUID_TEXT_SIZE + 1];
    uuid_format(id, text);
    text_add_str(out, "remoteLogSegmentId=RemoteLogSegmentId{topicIdPartition=");
    add_topic_partition(out, topic_id, name, partition);
    text_printf(out, ", id=%s}", text);
}

static void add_custom(struct text *out, struct slice bytes)
{
    if (slice_is_null(bytes))
        text_add_str(out, ", customMetadata=Optional.empty");
    else
        text_printf(out, ", customMetadata=Optional[CustomMetadata{%zu bytes}]", bytes.size);
}

struct epoch_start {
    int32_t epoch;
    int64_t offset;
};

// "0=0, 2=50", in order of epochs, each once with its last entry.
static void add_epochs(struct text *out, const struct epoch_start *epochs, int32_t count)
{
    int64_t last = INT64_MIN;
    for (bool first = true;; first = false) {
        const struct epoch_start *next = NULL;
        for (int32_t i = 0; i < count; i++) {
            if (epochs[i].epoch > last && (next == NULL || epochs[i].epoch <= next->epoch)) next = &epochs[i];
        }
        if (next == NULL) return;
        text_printf(out, "%s%d=%lld", first ? "" : ", ", next->epoch, (long long)next->offset);
        last = next->epoch;
    }
}

// The same of either record's own type.
#define ADD_EPOCHS(dump, record)                                                                                       \
    do {                                                                                                               \
        struct epoch_start *starts =                                                                                   \
            ARENA_ARRAY(&(dump)->cli->arena, struct epoch_start, (record)->segment_leader_epochs.count + 1);           \
        for (int32_t i = 0; i < (record)->segment_leader_epochs.count; i++) {                                          \
            starts[i].epoch = (record)->segment_leader_epochs.items[i].leader_epoch;                                   \
            starts[i].offset = (record)->segment_leader_epochs.items[i].offset;                                        \
        }                                                                                                              \
        add_epochs(&(dump)->value, starts, (record)->segment_leader_epochs.count);                                     \
    } while (0)

static void add_segment(struct dump *dump, const struct remote_log_segment_metadata_record *r)
{
    struct text *out = &dump->value;
    text_add_str(out, "RemoteLogSegmentMetadata{");
    add_segment_id(out, r->remote_log_segment_id.topic_id_partition.id,
                   r->remote_log_segment_id.topic_id_partition.name,
                   r->remote_log_segment_id.topic_id_partition.partition, r->remote_log_segment_id.id);
    text_printf(out,
                ", startOffset=%lld, endOffset=%lld, brokerId=%d, maxTimestampMs=%lld, eventTimestampMs=%lld, "
                "segmentLeaderEpochs={",
                (long long)r->start_offset, (long long)r->end_offset, r->broker_id, (long long)r->max_timestamp_ms,
                (long long)r->event_timestamp_ms);
    ADD_EPOCHS(dump, r);
    text_printf(out, "}, segmentSizeInBytes=%d", r->segment_size_in_bytes);
    add_custom(out, r->custom_metadata);
    text_printf(out, ", state=%s, txnIdxEmpty=%s}",
                state_name(segment_states, COUNT_OF(segment_states), r->remote_log_segment_state),
                r->txn_index_empty ? "true" : "false");
}

static void add_segment_snapshot(struct dump *dump, const struct remote_log_segment_metadata_snapshot_record *r)
{
    struct text *out = &dump->value;
    char id[UUID_TEXT_SIZE + 1];
    uuid_format(r->segment_id, id);
    text_printf(out,
                "RemoteLogSegmentMetadataSnapshot{segmentId=%s, startOffset=%lld, endOffset=%lld, maxTimestampMs=%lld, "
                "segmentLeaderEpochs={",
                id, (long long)r->start_offset, (long long)r->end_offset, (long long)r->max_timestamp_ms);
    ADD_EPOCHS(dump, r);
    text_printf(out, "}, segmentSizeInBytes=%d", r->segment_size_in_bytes);
    add_custom(out, r->custom_metadata);
    text_printf(out, ", state=%s, txnIdxEmpty=%s}",
                state_name(segment_states, COUNT_OF(segment_states), r->remote_log_segment_state),
                r->txn_index_empty ? "true" : "false");
}

static void add_update(struct text *out, const struct remote_log_segment_metadata_update_record *r)
{
    text_add_str(out, "RemoteLogSegmentMetadataUpdate{");
    add_segment_id(out, r->remote_log_segment_id.topic_id_partition.id,
                   r->remote_log_segment_id.topic_id_partition.name,
                   r->remote_log_segment_id.topic_id_partition.partition, r->remote_log_segment_id.id);
    add_custom(out, r->custom_metadata);
    text_printf(out, ", state=%s, eventTimestampMs=%lld, brokerId=%d}",
                state_name(segment_states, COUNT_OF(segment_states), r->remote_log_segment_state),
                (long long)r->event_timestamp_ms, r->broker_id);
}

static void add_delete(struct text *out, const struct remote_partition_delete_metadata_record *r)
{
    text_add_str(out, "RemotePartitionDeleteMetadata{topicPartition=");
    add_topic_partition(out, r->topic_id_partition.id, r->topic_id_partition.name, r->topic_id_partition.partition);
    text_printf(out, ", state=%s, eventTimestampMs=%lld, brokerId=%d}",
                state_name(delete_states, COUNT_OF(delete_states), r->remote_partition_delete_state),
                (long long)r->event_timestamp_ms, r->broker_id);
}

static void print_remote(struct dump *dump, const struct record *record)
{
    struct framed framed;
    const char *problem = "Cannot invoke \"java.nio.ByteBuffer.remaining()\" because the return value of "
                          "\"org.apache.kafka.common.record.internal.Record.value()\" is null";
    if (!slice_is_null(record->value)) problem = open_framed(dump, true, record->value, &framed);
    if (problem != NULL)
        text_printf(&dump->value, "Error at offset %lld, skipping. %s", (long long)record->offset, problem);
    else if (framed.message == &remote_log_segment_metadata_record_message)
        add_segment(dump, framed.decoded);
    else if (framed.message == &remote_log_segment_metadata_update_record_message)
        add_update(&dump->value, framed.decoded);
    else if (framed.message == &remote_partition_delete_metadata_record_message)
        add_delete(&dump->value, framed.decoded);
    else
        add_segment_snapshot(dump, framed.decoded);
}

// ---- one record ------------------------------------------------------------------------------------------------

bool dump_decode(struct dump *dump, const struct record *record, bool *has_key, bool *has_value)
{
    text_clear(&dump->key);
    text_clear(&dump->value);
    *has_key = false;
    *has_value = true;
    switch (dump->decoder) {
    case DUMP_AS_TEXT:
        *has_key = !slice_is_null(record->key);
        *has_value = !slice_is_null(record->value);
        return (!*has_key || decode_by_class(dump, dump->key_class, record->key, &dump->key)) &&
               (!*has_value || decode_by_class(dump, dump->value_class, record->value, &dump->value));
    case DUMP_AS_METADATA: print_metadata(dump, record); return true;
    case DUMP_AS_REMOTE_METADATA: print_remote(dump, record); return true;
    case DUMP_AS_OFFSETS:
    case DUMP_AS_TRANSACTIONS:
    case DUMP_AS_SHARE_STATE: *has_key = true; return print_coordinator(dump, record, has_value);
    }
    return true;
}
