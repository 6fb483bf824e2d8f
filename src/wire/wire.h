// SPDX-License-Identifier: Apache-2.0
// Kafka's messages as plain structs: decode, encode, print, parse, compare, randomise any message that
// schema/ describes. The structs are generated ("proto/produce.h", all of them in "proto/all.h"); their
// tables drive one interpreter. Format: kafka-internals section 1 and KIP-482; src/wire/README.md.
// Nothing here keeps state: all calls are safe on any thread as long as their arguments are.
#ifndef ODRADEK_WIRE_WIRE_H
#define ODRADEK_WIRE_WIRE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"
#include "base/uuid.h"

// How fields look in the generated structs:
//   string, bytes   struct slice; data == NULL is null where some version allows null, else empty
//   records         struct wire_records
//   array           struct { T *items; int32_t count; }; count == -1 is null
//   struct          inline, or a pointer (NULL = null) where some version allows null
// A null in a version that does not allow it is an encoding error, as in Kafka.

struct wire_tag {
    uint32_t tag;
    struct slice bytes;
};

// Tagged fields this build does not know, in ascending order of tag: kept, and encoded again.
struct wire_tags {
    struct wire_tag *items;
    int32_t count;
};

// Record batches, never opened here: bytes in memory, or `size` bytes at `position` of a file of env.
struct wire_records {
    struct slice bytes; // ignored when `file` is set; data == NULL: null or empty, see above
    void *file;         // opaque to this room; decoding leaves NULL
    int64_t position;
    int32_t size; // bytes; of the file range only
};

struct wire_message;

// Every message of schema/ has `extern const struct wire_message <name>_message`.
const char *wire_name(const struct wire_message *message); // "ProduceRequest"
int wire_version_min(const struct wire_message *message);
int wire_version_max(const struct wire_message *message);
// sizeof its struct.
size_t wire_struct_size(const struct wire_message *message);
bool wire_is_flexible(const struct wire_message *message, int version);
// The key of its API or record type, -1 if it has none.
int wire_key(const struct wire_message *message);
// By Kafka's name; NULL if there is none.
const struct wire_message *wire_find(struct slice name);
// All messages, in order of name.
const struct wire_message *wire_at(size_t index); // NULL past the end

// Kafka's defaults in every field. Nested structs (and messages too) have an inline <struct>_init().
void wire_init(const struct wire_message *message, void *out);

// Decodes `in` into the struct at `out`. Strings, bytes and records borrow from `in`; arrays and nullable
// structs live in `arena`. With `consumed` NULL, bytes left over are an error. After a failure `out` holds nothing of
// use. ERR_UNSUPPORTED_VERSION: no such version. ERR_TRUNCATED: the input ends inside. ERR_CORRUPT: a length, count,
// tag order or null that cannot be. ERR_TOO_LARGE: the structs would take more than 1 MiB + 8 times the input.
MUST_CHECK enum err wire_decode(const struct wire_message *message, int version, struct slice in, struct arena *arena,
                                void *out, size_t *consumed);
// The same with a bound of the caller's on what is taken from the arena.
MUST_CHECK enum err wire_decode_bounded(const struct wire_message *message, int version, struct slice in,
                                        size_t decoded_bytes_max, struct arena *arena, void *out, size_t *consumed);

// What is to be sent: runs of bytes and file ranges, in order.
struct wire_part {
    struct slice bytes; // file == NULL
    void *file;
    int64_t position;
    size_t size; // bytes of this part, either kind
};

enum { WIRE_PARTS_INLINE = 4, WIRE_COPY_MAX = 1024 };

// Several messages may be encoded one behind the other into the same wire_out. Written bytes come from the arena;
// strings, bytes and records over WIRE_COPY_MAX are referenced and must live until the parts are sent.
struct wire_out {
    struct arena *arena;
    struct wire_part *parts;
    int32_t part_count;
    int32_t part_capacity;
    size_t size; // bytes of all parts
    struct wire_part first[WIRE_PARTS_INLINE];
};

// `out` must stay where it is: parts may point into it.
void wire_out_init(struct wire_out *out, struct arena *arena);
// Room for `size` bytes at the end, to be filled by the caller (a frame's length, for one).
uint8_t *wire_out_reserve(struct wire_out *out, size_t size);
// References bytes that live as long as the parts.
void wire_out_add(struct wire_out *out, struct slice bytes);
// The bytes of all parts in one run; there must be no file range.
struct slice wire_out_flatten(const struct wire_out *out, struct arena *arena);

// ERR_UNSUPPORTED_VERSION: no such version, or a field that this version lacks and that must not be dropped
// (not ignorable) differs from its default. ERR_INVALID: null where this version allows none, a string over 32,767
// bytes in a version with two-byte lengths, or unknown tags out of order. On failure nothing is added to `out`.
MUST_CHECK enum err wire_encode(const struct wire_message *message, int version, const void *in, struct wire_out *out);
// Bytes wire_encode would add, file ranges included; same errors.
MUST_CHECK enum err wire_size(const struct wire_message *message, int version, const void *in, size_t *size);
// One run of bytes in the arena, for messages without file ranges: requests, records.
MUST_CHECK enum err wire_encode_bytes(const struct wire_message *message, int version, const void *in,
                                      struct arena *arena, struct slice *out);

// What Kafka's generated JsonConverter classes print, in Jackson's compact form: every field of that version,
// tagged ones and nullable ones as they do. Errors as wire_encode's.
enum wire_records_form {
    WIRE_RECORDS_SIZE,   // "recordsSizeInBytes": what Kafka writes into its request log
    WIRE_RECORDS_BASE64, // ours: nothing is lost; wire_parse_json reads it
    WIRE_RECORDS_EMPTY,  // "records": "": what Kafka writes otherwise, whatever they hold
};
MUST_CHECK enum err wire_print_json(const struct wire_message *message, int version, const void *in,
                                    enum wire_records_form records, struct text *out);
// The inverse. `problem` gets a sentence on failure (may be NULL). Everything decoded lives in the arena.
MUST_CHECK enum err wire_parse_json(const struct wire_message *message, int version, struct slice json,
                                    struct arena *arena, void *out, struct text *problem);

// Whether both encode to the same bytes in that version; fields it lacks are not looked at.
bool wire_equal(const struct wire_message *message, int version, const void *a, const void *b);
// An instance that encodes in that version, without unknown tags; advances *seed. For tests and fuzzers.
void wire_random(const struct wire_message *message, int version, uint64_t *seed, struct arena *arena, void *out);

enum wire_listener { WIRE_LISTENER_BROKER = 1, WIRE_LISTENER_CONTROLLER = 2 };

// An API: the enum API_... of keys is in "proto/apis.h".
struct wire_api {
    int16_t key;
    int16_t advertise_min; // what ApiVersions says: the lowest version named to clients
    int16_t serve_min;     // versions with a handler; serve_min > serve_max: none, not advertised
    int16_t serve_max;
    int16_t flexible_min;               // first flexible version
    uint8_t listeners;                  // enum wire_listener bits
    bool latest_unstable;               // the last version is refused unless unstable versions are enabled
    const char *name;                   // "Produce"
    const struct wire_message *request; // NULL for keys that Kafka has retired
    const struct wire_message *response;
};

// NULL if Kafka 4.3 has no such API.
const struct wire_api *wire_api_find(int key);
const struct wire_api *wire_api_by_name(struct slice name);
// In order of key; NULL past the end.
const struct wire_api *wire_api_at(size_t index);
static inline bool wire_api_is_served(const struct wire_api *api, int version)
{
    return version >= api->serve_min && version <= api->serve_max;
}
// Version of RequestHeader and ResponseHeader around a body of that version. ApiVersions answers always carry
// ResponseHeader 0, so that a client can read them before it knows anything (KIP-511).
int wire_request_header_version(const struct wire_api *api, int version);
int wire_response_header_version(const struct wire_api *api, int version);

#endif
