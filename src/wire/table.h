// SPDX-License-Identifier: Apache-2.0
// The tables that tools/schemac generates and the interpreter walks. Two views of the same message:
//   wire_struct / wire_field   a C struct and all fields it ever had, with their versions: for whatever is not hot
//   wire_plan / wire_op        what one version puts on the wire, in order: decode, size and encode test no version
#ifndef ODRADEK_WIRE_TABLE_H
#define ODRADEK_WIRE_TABLE_H

#include "wire/wire.h"

enum wire_type {
    WIRE_BOOL,
    WIRE_INT8,
    WIRE_INT16,
    WIRE_UINT16,
    WIRE_INT32,
    WIRE_UINT32,
    WIRE_INT64,
    WIRE_FLOAT64,
    WIRE_UUID,
    WIRE_STRING,
    WIRE_BYTES,
    WIRE_RECORDS,
    WIRE_STRUCT,
};

enum wire_field_flag {
    WIRE_FIELD_ARRAY = 1,
    WIRE_FIELD_POINTER = 2,   // a struct that some version allows to be null
    WIRE_FIELD_NULLABLE = 4,  // some version allows null
    WIRE_FIELD_IGNORABLE = 8, // dropped silently by versions that lack it
    WIRE_FIELD_KEY = 16,      // part of the key in Kafka's own collections
};

// A range of versions; min > max: none.
struct wire_versions {
    int16_t min;
    int16_t max;
};

struct wire_struct;

struct wire_field {
    const char *name;              // as in JSON: "throttleTimeMs"
    const struct wire_struct *sub; // of structs and arrays of them
    uint16_t offset;               // in its struct
    uint16_t size;                 // in its struct
    uint8_t type;                  // enum wire_type, of the items for an array
    uint8_t flags;
    struct wire_versions versions;
    struct wire_versions nullable;
    struct wire_versions tagged;
    int32_t tag; // -1: never tagged
};

struct wire_struct {
    const char *name; // Kafka's
    const struct wire_field *fields;
    const void *defaults; // an instance with Kafka's defaults
    uint16_t field_count;
    uint16_t size;
    uint16_t tags_offset; // of unknown_tags
};

enum wire_op_code {
    WIRE_OP_BOOL,
    WIRE_OP_1, // integers by width
    WIRE_OP_2,
    WIRE_OP_4,
    WIRE_OP_8,
    WIRE_OP_UUID,
    WIRE_OP_STRING,
    WIRE_OP_BYTES,
    WIRE_OP_RECORDS,
    WIRE_OP_STRUCT,
    WIRE_OP_POINTER, // a struct behind a pointer; if nullable, a byte before it
    WIRE_OP_ARRAY_BOOL,
    WIRE_OP_ARRAY_1,
    WIRE_OP_ARRAY_2,
    WIRE_OP_ARRAY_4,
    WIRE_OP_ARRAY_8,
    WIRE_OP_ARRAY_UUID,
    WIRE_OP_ARRAY_STRING,
    WIRE_OP_ARRAY_BYTES,
    WIRE_OP_ARRAY_STRUCT,
};

enum wire_op_flag {
    WIRE_OP_COMPACT = 1,  // unsigned varint lengths, plus one
    WIRE_OP_NULLABLE = 2, // null allowed in this version
    WIRE_OP_NULL_BAD = 4, // null allowed in others only: refused here (elsewhere null bytes mean empty)
};

struct wire_plan;

struct wire_op {
    uint8_t code;
    uint8_t flags;
    uint16_t offset;
    int32_t tag;
    const struct wire_plan *sub;
    const struct wire_field *field;
};

// One struct in a range of versions that look the same.
struct wire_plan {
    const struct wire_struct *type;
    const struct wire_direct *direct; // straight code that does the same; NULL: interpret (wire/direct.h)
    const struct wire_op *ops;
    const struct wire_op *sized;                     // those of `ops` whose size depends on the value
    const struct wire_op *tagged;                    // in order of tag
    const struct wire_field *const *must_be_default; // absent here and not ignorable
    uint16_t op_count;
    uint16_t sized_count;
    uint16_t tagged_count;
    uint16_t must_be_default_count;
    bool is_flexible;
    uint32_t size_min;   // bytes on the wire, at least
    uint32_t fixed_size; // bytes of the ops that are not in `sized`
};

struct wire_message {
    const char *name;
    const struct wire_struct *type;
    const struct wire_plan *const *plans; // by version - version_min
    int16_t version_min;
    int16_t version_max;
    int16_t flexible_min;
    int16_t key;
};

// Generated: in order of name, in order of key.
extern const struct wire_message *const wire_messages[];
extern const size_t wire_message_count;
extern const struct wire_api wire_apis[];
extern const size_t wire_api_count;

static inline bool wire_versions_has(struct wire_versions versions, int version)
{
    return version >= versions.min && version <= versions.max;
}

// NULL if the message has no such version.
static inline const struct wire_plan *wire_plan_of(const struct wire_message *message, int version)
{
    if (version < message->version_min || version > message->version_max) return NULL;
    return message->plans[version - message->version_min];
}

// Bytes of one item of an array, or of the value itself, in memory.
size_t wire_item_size(const struct wire_field *field);
// Kafka's equality with the default, for tagged and absent fields.
bool wire_field_is_default(const struct wire_struct *type, const struct wire_field *field, const void *base);

// wire_decode and wire_encode_bytes by the interpreter alone, to check straight code against.
MUST_CHECK enum err wire_decode_plain(const struct wire_message *message, int version, struct slice in,
                                      struct arena *arena, void *out, size_t *consumed);
MUST_CHECK enum err wire_encode_plain(const struct wire_message *message, int version, const void *in,
                                      struct arena *arena, struct slice *out);

#endif
