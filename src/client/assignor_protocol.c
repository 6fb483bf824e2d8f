// SPDX-License-Identifier: Apache-2.0
// What members of a classic group send each other through the coordinator. Both messages stand behind their version:
//
//   subscription  INT16 version (3), ConsumerProtocolSubscription; topics and owned partitions in order
//   assignment    INT16 version (3), ConsumerProtocolAssignment
//
// A newer version than ours begins like ours: it is read as version 3, what follows is left alone. User data of the
// sticky assignors, big-endian as everything:
//
//   sticky              ARRAY { STRING topic, ARRAY INT32 partition }, INT32 generation (absent in old ones)
//   cooperative-sticky  INT32 generation
#include "client/assignor_int.h"

#include "base/bytes.h"
#include "proto/consumer_protocol_assignment.h"
#include "proto/consumer_protocol_subscription.h"

enum { VERSION = 3 };

static const uint8_t empty[1];

// ---- partitions by topic ---------------------------------------------------------------------------------------

static struct assignor_partitions sorted_copy(const struct assignor_partitions *partitions, struct arena *arena)
{
    struct assignor_partitions copy = {.count = partitions->count};
    copy.items = ARENA_ARRAY(arena, struct assignor_partition, partitions->count + 1);
    if (copy.count > 0) memcpy(copy.items, partitions->items, copy.count * sizeof(copy.items[0]));
    assignor_sort(&copy);
    return copy;
}

// Both messages have the same list of topics with partitions, generated as two types.
#define GROUP_BY_TOPIC(arena, sorted, list, type)                                                                      \
    do {                                                                                                               \
        (list)->items = ARENA_ARRAY((arena), struct type, (sorted)->count + 1);                                        \
        int32_t *indexes = ARENA_ARRAY((arena), int32_t, (sorted)->count + 1);                                         \
        for (size_t i = 0; i < (sorted)->count; i++) {                                                                 \
            struct type *last = (list)->count == 0 ? NULL : &(list)->items[(list)->count - 1];                         \
            if (last == NULL || !slice_eq(last->topic, (sorted)->items[i].topic)) {                                    \
                last = &(list)->items[(list)->count++];                                                                \
                *last = type##_init();                                                                                 \
                last->topic = (sorted)->items[i].topic;                                                                \
                last->partitions.items = &indexes[i];                                                                  \
            }                                                                                                          \
            indexes[i] = (sorted)->items[i].index;                                                                     \
            last->partitions.count++;                                                                                  \
        }                                                                                                              \
    } while (0)

#define FLATTEN(arena, list, out)                                                                                      \
    do {                                                                                                               \
        size_t count = 0;                                                                                              \
        for (int32_t t = 0; t < (list)->count; t++) count += (size_t)(list)->items[t].partitions.count;                \
        (out)->items = ARENA_ARRAY((arena), struct assignor_partition, count + 1);                                     \
        (out)->count = 0;                                                                                              \
        for (int32_t t = 0; t < (list)->count; t++) {                                                                  \
            for (int32_t p = 0; p < (list)->items[t].partitions.count; p++) {                                          \
                (out)->items[(out)->count++] =                                                                         \
                    (struct assignor_partition){(list)->items[t].topic, (list)->items[t].partitions.items[p]};         \
            }                                                                                                          \
        }                                                                                                              \
    } while (0)

// ---- user data -------------------------------------------------------------------------------------------------

static void put_i32(struct wire_out *out, int32_t value)
{
    store_i32(wire_out_reserve(out, 4), value);
}

static void put_string(struct wire_out *out, struct slice text)
{
    store_i16(wire_out_reserve(out, 2), (int16_t)text.size);
    if (text.size > 0) memcpy(wire_out_reserve(out, text.size), text.data, text.size);
}

static struct slice sticky_user_data(const struct assignor_partitions *owned, int32_t generation, struct arena *arena)
{
    struct wire_out *out = ARENA_NEW(arena, struct wire_out);
    wire_out_init(out, arena);
    uint8_t *topic_count = wire_out_reserve(out, 4);
    int32_t topics = 0;
    for (size_t from = 0, to; from < owned->count; from = to) {
        for (to = from; to < owned->count && slice_eq(owned->items[to].topic, owned->items[from].topic);) to++;
        put_string(out, owned->items[from].topic);
        put_i32(out, (int32_t)(to - from));
        for (size_t i = from; i < to; i++) put_i32(out, owned->items[i].index);
        topics++;
    }
    store_i32(topic_count, topics);
    put_i32(out, generation);
    return wire_out_flatten(out, arena);
}

// Latches the first overrun; everything read after it is 0.
struct data_reader {
    struct slice in;
    bool failed;
};

static struct slice take(struct data_reader *reader, size_t size)
{
    if (reader->failed || size > reader->in.size) {
        reader->failed = true;
        return slice_of(empty, 0);
    }
    struct slice taken = slice_of(reader->in.data, size);
    reader->in = slice_of(reader->in.data + size, reader->in.size - size);
    return taken;
}

static int32_t take_i32(struct data_reader *reader)
{
    struct slice bytes = take(reader, 4);
    return bytes.size == 4 ? load_i32(bytes.data) : 0;
}

static struct slice take_string(struct data_reader *reader)
{
    struct slice size = take(reader, 2);
    int16_t length = size.size == 2 ? load_i16(size.data) : 0;
    if (length < 0) reader->failed = true;
    return take(reader, length < 0 ? 0 : (size_t)length);
}

// Garbage is no previous assignment, as in Java.
static void read_sticky(struct slice data, struct arena *arena, struct assignor_member *member)
{
    struct data_reader reader = {.in = data};
    struct assignor_partitions owned = {.items = ARENA_ARRAY(arena, struct assignor_partition, data.size / 4 + 1)};
    int32_t topics = take_i32(&reader);
    for (int32_t t = 0; t < topics && !reader.failed; t++) {
        struct slice topic = take_string(&reader);
        int32_t count = take_i32(&reader);
        for (int32_t i = 0; i < count && !reader.failed; i++) {
            int32_t index = take_i32(&reader);
            if (!reader.failed) owned.items[owned.count++] = (struct assignor_partition){topic, index};
        }
    }
    member->generation = -1;
    if (reader.failed) return;
    member->owned = owned;
    if (reader.in.size >= 4) member->generation = take_i32(&reader);
}

// ---- subscription ----------------------------------------------------------------------------------------------

static struct slice with_version(const struct wire_message *message, const void *body, struct arena *arena)
{
    struct wire_out *out = ARENA_NEW(arena, struct wire_out);
    wire_out_init(out, arena);
    store_i16(wire_out_reserve(out, 2), VERSION);
    enum err e = wire_encode(message, VERSION, body, out);
    ASSERT(e == OK); // names that JoinGroup could not carry never get here
    return wire_out_flatten(out, arena);
}

struct slice assignor_encode_subscription(enum assignor assignor, const struct assignor_member *member,
                                          struct arena *arena)
{
    struct consumer_protocol_subscription body = consumer_protocol_subscription_init();
    struct assignor_partitions owned = sorted_copy(&member->owned, arena);
    body.topics.items = member->topics;
    body.topics.count = (int32_t)member->topic_count;
    body.rack_id = member->rack_id;
    body.generation_id = member->subscription_generation;
    switch (assignor) {
    case ASSIGNOR_RANGE:
    case ASSIGNOR_ROUNDROBIN:
        GROUP_BY_TOPIC(arena, &owned, &body.owned_partitions, consumer_protocol_subscription_topic_partition);
        break;
    case ASSIGNOR_STICKY:
        if (member->generation >= 0) body.user_data = sticky_user_data(&owned, member->generation, arena);
        break;
    case ASSIGNOR_COOPERATIVE_STICKY: {
        GROUP_BY_TOPIC(arena, &owned, &body.owned_partitions, consumer_protocol_subscription_topic_partition);
        uint8_t *generation = arena_alloc(arena, 4);
        store_i32(generation, member->generation);
        body.user_data = slice_of(generation, 4);
        break;
    }
    }
    return with_version(&consumer_protocol_subscription_message, &body, arena);
}

static enum err read_version(struct slice bytes, int *version)
{
    if (bytes.size < 2) return ERR_TRUNCATED;
    *version = load_i16(bytes.data);
    if (*version < 0) return ERR_UNSUPPORTED_VERSION;
    if (*version > VERSION) *version = VERSION;
    return OK;
}

enum err assignor_decode_subscription(enum assignor assignor, struct slice bytes, struct arena *arena,
                                      struct assignor_member *member)
{
    int version;
    size_t consumed;
    struct consumer_protocol_subscription *body = ARENA_NEW(arena, struct consumer_protocol_subscription);
    enum err e = read_version(bytes, &version);
    if (e != OK) return e;
    e = wire_decode(&consumer_protocol_subscription_message, version, slice_of(bytes.data + 2, bytes.size - 2), arena,
                    body, &consumed);
    if (e != OK) return e;
    member->topics = body->topics.items;
    member->topic_count = (size_t)body->topics.count;
    member->rack_id = body->rack_id;
    member->subscription_generation = body->generation_id;
    member->generation = body->generation_id;
    member->owned = (struct assignor_partitions){0};
    if (assignor == ASSIGNOR_STICKY) {
        read_sticky(body->user_data, arena, member);
        return OK;
    }
    FLATTEN(arena, &body->owned_partitions, &member->owned);
    if (assignor == ASSIGNOR_COOPERATIVE_STICKY && body->generation_id < 0 && body->user_data.size >= 4) {
        member->generation = load_i32(body->user_data.data);
    }
    return OK;
}

// ---- assignment ------------------------------------------------------------------------------------------------

struct slice assignor_encode_assignment(const struct assignor_partitions *partitions, struct arena *arena)
{
    struct consumer_protocol_assignment body = consumer_protocol_assignment_init();
    struct assignor_partitions sorted = sorted_copy(partitions, arena);
    GROUP_BY_TOPIC(arena, &sorted, &body.assigned_partitions, consumer_protocol_assignment_topic_partition);
    return with_version(&consumer_protocol_assignment_message, &body, arena);
}

enum err assignor_decode_assignment(struct slice bytes, struct arena *arena, struct assignor_partitions *partitions)
{
    int version;
    size_t consumed;
    *partitions = (struct assignor_partitions){0};
    if (bytes.size == 0) return OK;
    struct consumer_protocol_assignment *body = ARENA_NEW(arena, struct consumer_protocol_assignment);
    enum err e = read_version(bytes, &version);
    if (e != OK) return e;
    e = wire_decode(&consumer_protocol_assignment_message, version, slice_of(bytes.data + 2, bytes.size - 2), arena,
                    body, &consumed);
    if (e != OK) return e;
    FLATTEN(arena, &body->assigned_partitions, partitions);
    return OK;
}
