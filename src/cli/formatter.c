// SPDX-License-Identifier: Apache-2.0
#include "cli/formatter.h"

#include "base/bytes.h"
#include "cli/java_text.h"

#include <strings.h>

static const char package[] = "org.apache.kafka.tools.consumer.";

static const struct {
    const char *name;
    enum formatter_kind kind;
} kinds[] = {
    {"DefaultMessageFormatter", FORMAT_DEFAULT},
    {"LoggingMessageFormatter", FORMAT_LOGGING},
    {"NoOpMessageFormatter", FORMAT_NOOP},
    {"OffsetsMessageFormatter", FORMAT_OFFSETS},
    {"GroupMetadataMessageFormatter", FORMAT_GROUP_METADATA},
    {"TransactionLogMessageFormatter", FORMAT_TRANSACTION_LOG},
};

bool formatter_find(const char *class_name, enum formatter_kind *out)
{
    size_t prefix = sizeof(package) - 1;
    if (strncmp(class_name, package, prefix) != 0) return false;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(class_name + prefix, kinds[i].name) != 0) continue;
        *out = kinds[i].kind;
        return true;
    }
    return false;
}

// ---- settings --------------------------------------------------------------------------------------------------

static bool flag(struct cli *cli, const struct props *props, const char *name, bool fallback)
{
    const char *text = props_string(cli, props, name, NULL);
    if (text == NULL) return fallback;
    while (*text == ' ' || *text == '\t') text++;
    return strncasecmp(text, "true", 4) == 0 && strspn(text + 4, " \t") == strlen(text + 4);
}

static struct slice bytes(const struct props *props, const char *name, struct slice fallback)
{
    struct slice value = props_get(props, name);
    return slice_is_null(value) ? fallback : value;
}

static enum deserializer deserializer(struct cli *cli, const struct props *props, const char *name)
{
    static const struct {
        const char *name;
        enum deserializer kind;
    } known[] = {
        {"StringDeserializer", DESERIALIZE_BYTES},      {"ByteArrayDeserializer", DESERIALIZE_BYTES},
        {"BytesDeserializer", DESERIALIZE_BYTES},       {"ShortDeserializer", DESERIALIZE_SHORT},
        {"IntegerDeserializer", DESERIALIZE_INTEGER},   {"LongDeserializer", DESERIALIZE_LONG},
        {"BooleanDeserializer", DESERIALIZE_BOOLEAN},   {"FloatDeserializer", DESERIALIZE_FLOAT},
        {"DoubleDeserializer", DESERIALIZE_DOUBLE},     {"UUIDDeserializer", DESERIALIZE_UUID},
        {"ByteBufferDeserializer", DESERIALIZE_BUFFER}, {"VoidDeserializer", DESERIALIZE_VOID},
    };
    const char *class_name = props_string(cli, props, name, NULL);
    if (class_name == NULL) return DESERIALIZE_BYTES;
    const char *dot = strrchr(class_name, '.');
    for (size_t i = 0; dot != NULL && i < COUNT_OF(known); i++) {
        if (strcmp(dot + 1, known[i].name) == 0) return known[i].kind;
    }
    cli_flush(cli);
    log_error(cli->host->log, "org.apache.kafka.tools.consumer.DefaultMessageFormatter",
              "Unable to instantiate a deserializer from %s", class_name);
    if (dot != NULL && strcmp(dot + 1, "ListDeserializer") == 0) { // Java's wants to be told of what
        cli_stack(cli, "org.apache.kafka.common.config.ConfigException",
                  "Not able to determine the list class because it was neither passed via the constructor nor set in "
                  "the config.");
    } else {
        cli_stack(cli, "java.lang.ClassNotFoundException", class_name);
    }
    return DESERIALIZE_BYTES;
}

void formatter_init(struct formatter *f, struct cli *cli, enum formatter_kind kind, const struct props *props)
{
    *f = (struct formatter){
        .kind = kind,
        .print_timestamp = flag(cli, props, "print.timestamp", false),
        .print_partition = flag(cli, props, "print.partition", false),
        .print_offset = flag(cli, props, "print.offset", false),
        .print_delivery = flag(cli, props, "print.delivery", false),
        .print_epoch = flag(cli, props, "print.epoch", false),
        .print_headers = flag(cli, props, "print.headers", false),
        .print_key = flag(cli, props, "print.key", false),
        .print_value = flag(cli, props, "print.value", true),
        .key_separator = bytes(props, "key.separator", SLICE("\t")),
        .line_separator = bytes(props, "line.separator", SLICE("\n")),
        .headers_separator = bytes(props, "headers.separator", SLICE(",")),
        .null_literal = bytes(props, "null.literal", SLICE("null")),
    };
    if (kind != FORMAT_DEFAULT && kind != FORMAT_LOGGING) return;
    f->key = deserializer(cli, props, "key.deserializer");
    f->value = deserializer(cli, props, "value.deserializer");
    f->headers = deserializer(cli, props, "headers.deserializer");
}

// ---- DefaultMessageFormatter -----------------------------------------------------------------------------------

static bool wrong_size(struct cli *cli, struct cli_error *problem, const char *type, size_t size)
{
    problem->class_name = "org.apache.kafka.common.errors.SerializationException";
    problem->text = arena_printf(&cli->arena, "Size of data received by %sDeserializer is not %zu", type, size);
    return false;
}

// UUID.fromString: five groups of hexadecimal digits, of which the last ones count; shown in full length.
static bool write_uuid(struct cli *cli, struct slice data, struct cli_error *problem)
{
    static const int widths[] = {8, 4, 4, 4, 12};
    struct slice rest = data;
    const char *text = "";
    bool valid = data.size > 0 && data.size <= 36;
    for (int g = 0; g < 5 && valid; g++) {
        const uint8_t *dash = g == 4 ? NULL : memchr(rest.data, '-', rest.size);
        size_t size = g == 4 ? rest.size : dash == NULL ? 0 : (size_t)(dash - rest.data);
        uint64_t value = 0;
        valid = size > 0 && size <= 16;
        for (size_t i = 0; i < size && valid; i++) {
            uint8_t c = rest.data[i];
            valid = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
            value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        }
        if (!valid) break;
        rest = slice_of(rest.data + size + (g < 4), rest.size - size - (g < 4));
        if (widths[g] < 16) value &= (UINT64_C(1) << (widths[g] * 4)) - 1;
        text = arena_printf(&cli->arena, "%s%s%0*llx", text, g > 0 ? "-" : "", widths[g], (unsigned long long)value);
    }
    if (valid) {
        cli_out(cli, "%s", text);
        return true;
    }
    problem->class_name = "org.apache.kafka.common.errors.SerializationException";
    problem->text = arena_printf(&cli->arena,
                                 "Error parsing data into UUID\nCaused by: java.lang.IllegalArgumentException: Invalid "
                                 "UUID string: %.*s",
                                 SLICE_FMT(data));
    return false;
}

static bool write_floating(struct cli *cli, struct slice data, bool is_double, struct cli_error *problem)
{
    size_t size = is_double ? 8 : 4;
    if (data.size != size) return wrong_size(cli, problem, "", size);
    if (is_double) {
        uint64_t bits = load_u64(data.data);
        double value;
        memcpy(&value, &bits, sizeof(value));
        java_double(&cli->out, value);
    } else {
        uint32_t bits = load_u32(data.data);
        float value;
        memcpy(&value, &bits, sizeof(value));
        java_float(&cli->out, value);
    }
    return true;
}

static bool write_as(const struct formatter *f, struct cli *cli, enum deserializer kind, struct slice data,
                     struct cli_error *problem)
{
    if (slice_is_null(data)) data = f->null_literal;
    switch (kind) {
    case DESERIALIZE_BYTES: cli_out_bytes(cli, data); return true;
    case DESERIALIZE_SHORT:
        if (data.size != 2) return wrong_size(cli, problem, "Short", 2);
        cli_out(cli, "%d", load_i16(data.data));
        return true;
    case DESERIALIZE_INTEGER:
        if (data.size != 4) return wrong_size(cli, problem, "Integer", 4);
        cli_out(cli, "%d", load_i32(data.data));
        return true;
    case DESERIALIZE_LONG:
        if (data.size != 8) return wrong_size(cli, problem, "Long", 8);
        cli_out(cli, "%lld", (long long)load_i64(data.data));
        return true;
    case DESERIALIZE_BOOLEAN:
        if (data.size != 1) return wrong_size(cli, problem, "Boolean", 1);
        cli_out(cli, "%s", data.data[0] == 1 ? "true" : "false");
        return true;
    case DESERIALIZE_FLOAT: return write_floating(cli, data, false, problem);
    case DESERIALIZE_DOUBLE: return write_floating(cli, data, true, problem);
    case DESERIALIZE_UUID: return write_uuid(cli, data, problem);
    case DESERIALIZE_BUFFER:
        cli_out(cli, "java.nio.HeapByteBuffer[pos=0 lim=%zu cap=%zu]", data.size, data.size);
        return true;
    case DESERIALIZE_VOID:
        problem->class_name = "java.lang.IllegalArgumentException";
        problem->text = "Data should be null for a VoidDeserializer.";
        return false;
    }
    return true;
}

static bool write_headers(const struct formatter *f, struct cli *cli, const struct record *record,
                          struct cli_error *problem)
{
    if (record->header_count == 0) cli_out(cli, "NO_HEADERS");
    struct slice rest = record->headers;
    struct record_header header;
    for (bool first = true; record_header_next(&rest, &header); first = false) {
        if (!first) cli_out_bytes(cli, f->headers_separator);
        cli_out_bytes(cli, header.key);
        cli_out_bytes(cli, SLICE(":"));
        if (!write_as(f, cli, f->headers, header.value, problem)) return false;
    }
    return true;
}

// Between two fields, or behind the last one.
static void separate(const struct formatter *f, struct cli *cli, bool more)
{
    cli_out_bytes(cli, more ? f->key_separator : f->line_separator);
}

static bool write_default(const struct formatter *f, struct cli *cli, const struct consumer_record *record,
                          struct cli_error *problem)
{
    bool after_key = f->print_value, after_headers = f->print_key || after_key;
    bool after_epoch = f->print_headers || after_headers, after_delivery = f->print_epoch || after_epoch;
    bool after_offset = f->print_delivery || after_delivery, after_partition = f->print_offset || after_offset;
    bool after_timestamp = f->print_partition || after_partition;
    if (f->print_timestamp) {
        const char *type = record->timestamp_type == TIMESTAMP_CREATE_TIME ? "CreateTime" : "LogAppendTime";
        if (record->has_timestamp_type)
            cli_out(cli, "%s:%lld", type, (long long)record->record.timestamp);
        else
            cli_out(cli, "NO_TIMESTAMP");
        separate(f, cli, after_timestamp);
    }
    if (f->print_partition) {
        cli_out(cli, "Partition:%d", record->partition);
        separate(f, cli, after_partition);
    }
    if (f->print_offset) {
        cli_out(cli, "Offset:%lld", (long long)record->record.offset);
        separate(f, cli, after_offset);
    }
    if (f->print_delivery) {
        cli_out(cli, "Delivery:NOT_PRESENT");
        separate(f, cli, after_delivery);
    }
    if (f->print_epoch) { // the tool copies records without their epoch
        cli_out(cli, "Epoch:NOT_PRESENT");
        separate(f, cli, after_epoch);
    }
    if (f->print_headers) {
        if (!write_headers(f, cli, &record->record, problem)) return false;
        separate(f, cli, after_headers);
    }
    if (f->print_key) {
        if (!write_as(f, cli, f->key, record->record.key, problem)) return false;
        separate(f, cli, after_key);
    }
    if (!f->print_value) return true;
    if (!write_as(f, cli, f->value, record->record.value, problem)) return false;
    cli_out_bytes(cli, f->line_separator);
    return true;
}

// ---- internal topics -------------------------------------------------------------------------------------------

struct internal_record {
    enum formatter_kind kind;
    int16_t key_version_min, key_version_max;
    const char *key, *value; // messages; value NULL: the record is passed over
};

static const struct internal_record internals[] = {
    {FORMAT_OFFSETS, 0, 1, "OffsetCommitKey", "OffsetCommitValue"},
    {FORMAT_OFFSETS, 2, 2, "GroupMetadataKey", NULL},
    {FORMAT_GROUP_METADATA, 0, 1, "OffsetCommitKey", NULL},
    {FORMAT_GROUP_METADATA, 2, 2, "GroupMetadataKey", "GroupMetadataValue"},
    {FORMAT_TRANSACTION_LOG, 0, 0, "TransactionLogKey", "TransactionLogValue"},
};

static const struct internal_record *find_internal(enum formatter_kind kind, int16_t type)
{
    for (size_t i = 0; i < COUNT_OF(internals); i++) {
        const struct internal_record *record = &internals[i];
        if (record->kind == kind && type >= record->key_version_min && type <= record->key_version_max) return record;
    }
    return NULL;
}

// Appends the JSON of a message whose first two bytes are `version`; keys are always in their version 0.
static bool add_json(struct text *out, const char *name, int version, struct slice data, struct arena *arena)
{
    const struct wire_message *message = wire_find(slice_str(name));
    if (message == NULL || version < wire_version_min(message) || version > wire_version_max(message)) return false;
    void *decoded = arena_zalloc(arena, 1, wire_struct_size(message));
    return wire_decode(message, version, slice_of(data.data + 2, data.size - 2), arena, decoded, NULL) == OK &&
           wire_print_json(message, version, decoded, false, out) == OK;
}

static void write_internal(const struct formatter *f, struct cli *cli, const struct record *record)
{
    const struct internal_record *known = NULL;
    struct arena arena = {0};
    struct text out = {0};
    if (record->key.size >= 2) {
        int16_t type = load_i16(record->key.data);
        known = find_internal(f->kind, type);
        if (known == NULL || known->value == NULL) goto done;
        text_printf(&out, "{\"key\":{\"type\":%d,\"data\":", type);
        if (!add_json(&out, known->key, 0, record->key, &arena)) text_add_str(&out, "\"unknown\"");
        text_add_str(&out, "}");
    } else {
        text_add_str(&out, "{\"key\":null");
    }
    if (record->value.size >= 2 && known != NULL) {
        int16_t version = load_i16(record->value.data);
        text_printf(&out, ",\"value\":{\"version\":%d,\"data\":", version);
        if (!add_json(&out, known->value, version, record->value, &arena)) text_add_str(&out, "\"unknown\"");
        text_add_str(&out, "}}");
    } else {
        text_add_str(&out, ",\"value\":null}");
    }
    cli_out_bytes(cli, text_slice(&out));
done:
    text_deinit(&out);
    arena_deinit(&arena);
}

bool formatter_write(const struct formatter *f, struct cli *cli, const struct consumer_record *record,
                     struct cli_error *problem)
{
    switch (f->kind) {
    case FORMAT_DEFAULT: // logging writes its line at INFO, below what the scripts' logging shows
    case FORMAT_LOGGING: return write_default(f, cli, record, problem);
    case FORMAT_NOOP: return true;
    case FORMAT_OFFSETS:
    case FORMAT_GROUP_METADATA:
    case FORMAT_TRANSACTION_LOG: write_internal(f, cli, &record->record); return true;
    }
    return true;
}
