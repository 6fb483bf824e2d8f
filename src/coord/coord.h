// SPDX-License-Identifier: Apache-2.0
// The frame of every coordinator (design rule 5 and walk 3; kafka-internals E1): a state machine replicated through one
// partition of an internal topic. One `struct coord` per partition this node leads; the machine (group, later
// transactions, shares, streams) is a table of functions. No clock, no I/O, no thread: one event in, effects out. The
// driver is src/broker/drive_coord.c.
//
// The life of a request:
//   coord_step(EV_COORD_CALL) -> machine->decide(state, call)
//        reads state, adds records (coord_add_record), answers calls (coord_answer), sets timers
//   every record added is applied at once (machine->apply): the next call sees it, committed or not
//   the records of a turn are one batch: EV_COORD_FLUSH -> effects.append -> the driver appends it. Those of one step
//   are never parted unless they exceed batch_bytes_max themselves: the log holds all of them or none
//   a call answered while anything is uncommitted waits, reads too: the answer leaves with the batch it depends on
//   EV_COORD_COMMITTED -> effects.answered
// A batch that fails takes the whole state with it: the driver drops this coord and loads a new one from the log
// (coord_fail answers everybody). So `apply` never has to be undone.
//
// What the driver owes:
//   order      EV_COORD_LOAD for every batch of the log in order, then EV_COORD_LOADED, before anything else
//   flush      EV_COORD_FLUSH once per turn in which effects.wants_flush was set; batches are appended in order given
//   committed  EV_COORD_COMMITTED with the sequence of the newest batch below the high watermark
//   time       EV_COORD_TICK at or after coord_deadline_ms; every event carries both clocks
//   image      the newest metadata with every event
#ifndef ODRADEK_COORD_COORD_H
#define ODRADEK_COORD_COORD_H

#include "base/arena.h"
#include "base/heap.h"
#include "base/list.h"
#include "base/text.h"
#include "meta/image.h"
#include "record/batch.h"
#include "wire/wire.h"

struct coord;

// ---- calls ------------------------------------------------------------------------------------------------------

// One request to one coordinator, or one group's share of a request (DescribeGroups is one call per group). Owned by
// the driver from EV_COORD_CALL until it comes back in effects.answered.
struct coord_call {
    int16_t api_key;
    int16_t version;
    const void *body; // the decoded request struct of that API; borrowed until the call is answered
    struct slice client_id;
    struct slice client_host; // "/127.0.0.1", Java's way; as groups keep it

    struct arena arena; // the response and what it points to; freed by the driver
    void *response;     // the struct of that API's response, set by coord_answer
    enum err err;       // OK: `response` is there. Otherwise the frame's refusal (ERR_NOT_COORDINATOR,
                        // ERR_COORDINATOR_LOAD_IN_PROGRESS, ERR_COORDINATOR_NOT_AVAILABLE): the API's edge makes the
                        // error answer of that version

    // Private to frame and machine.
    struct list link;        // answered or parked
    uint64_t after_sequence; // leaves when that batch is committed
    bool is_answered;
    void *owner; // of the machine: whom it waits for (a member), for machine->abandoned
};

// ---- records ----------------------------------------------------------------------------------------------------

// A record of the log, from disk or just added. Slices are valid during the call only.
struct coord_record {
    struct slice key;     // i16 type, then the key struct
    struct slice value;   // i16 version, then the value struct; null = tombstone
    int64_t offset;       // -1 for a record just added
    int64_t timestamp_ms; // of the record
    int64_t producer_id;  // NO_PRODUCER_ID; else it holds only once that producer's marker says so
    int16_t producer_epoch;
};

// ---- machines ---------------------------------------------------------------------------------------------------

struct coord_machine {
    const char *name; // for the log: "group"
    // `settings` is what coord_new was given; it lives longer than the coord.
    void *(*new_state)(struct coord *coord, const void *settings);
    void (*free_state)(void *state);
    // ERR_CORRUPT, ERR_UNSUPPORTED_VERSION: the record cannot be understood: when loading, the load fails (a record of
    // an unknown *type* is OK and is skipped by the machine itself). Of a record just added: a bug.
    enum err (*apply)(void *state, const struct coord_record *record);
    // A transaction marker on this partition: its pending records hold, or never were.
    void (*end_transaction)(void *state, int64_t producer_id, bool is_commit);
    // Everything is loaded: sets its timers (sessions begin anew).
    void (*loaded)(void *state);
    // Must end in coord_answer, now or at a later event. May answer other calls.
    void (*decide)(void *state, struct coord_call *call);
    // The client of a call that is not answered yet is gone; it must be answered in this call (with anything).
    void (*abandoned)(void *state, struct coord_call *call);
    // Metadata changed: `delta` since the image of the event before.
    void (*image_changed)(void *state, const struct image_delta *delta);
};

// ---- for machines, inside a step only ----------------------------------------------------------------------------

int64_t coord_now_ms(const struct coord *coord);  // monotonic: sessions, time-outs
int64_t coord_wall_ms(const struct coord *coord); // since 1970: what records carry
const struct image *coord_image(const struct coord *coord);
int32_t coord_epoch(const struct coord *coord); // leader epoch of the partition
// For ids: 16 random bytes.
struct uuid coord_random_uuid(struct coord *coord);
// What this step builds and nobody keeps.
struct arena *coord_arena(struct coord *coord);
struct log *coord_log(const struct coord *coord); // may be NULL
// What one record may take: more is for the machine to refuse, a batch that the log refuses would end this life.
size_t coord_record_bytes_max(const struct coord *coord);

// Adds a record to the turn's batch and applies it. `value` NULL = tombstone. `key`/`value` are structs of those
// messages; the i16 type and version come in front by themselves.
void coord_add_record(struct coord *coord, const struct wire_message *key_message, const void *key,
                      const struct wire_message *value_message, int16_t value_version, const void *value);
// The same in a transactional batch of its own (TxnOffsetCommit).
void coord_add_transactional_record(struct coord *coord, int64_t producer_id, int16_t producer_epoch,
                                    const struct wire_message *key_message, const void *key,
                                    const struct wire_message *value_message, int16_t value_version, const void *value);
// A zeroed response struct with Kafka's defaults in the call's arena; pass it to coord_answer.
void *coord_response(struct coord_call *call, const struct wire_message *message);
// `response` and all it points to live in call->arena (or are constants): state may change before it leaves.
void coord_answer(struct coord *coord, struct coord_call *call, void *response);

// Timers of a machine: embedded, thousands of them. Fires in a step at or after its time.
struct coord_timer {
    struct heap_node node; // private
    void (*fire)(void *state, struct coord_timer *timer);
};
void coord_timer_set(struct coord *coord, struct coord_timer *timer, int64_t at_ms); // monotonic; again = move
void coord_timer_cancel(struct coord *coord, struct coord_timer *timer);

// ---- for the driver ---------------------------------------------------------------------------------------------

struct coord_options {
    const struct coord_machine *machine;
    const void *settings;    // the machine's
    int32_t epoch;           // leader epoch of the partition
    int32_t batch_bytes_max; // the topic's max.message.bytes: a batch does not grow beyond it (one record may)
    enum codec codec;        // of batches: offsets.topic.compression.codec
    int32_t base_sequence;   // of batches without a producer: 0 for groups, -1 for transactions (kafka-internals E1)
    uint64_t seed;           // of random ids
    struct log *log;         // may be NULL
};

enum coord_event_kind {
    EV_COORD_LOAD, // batches: one or more whole batches of the log
    EV_COORD_LOADED,
    EV_COORD_CALL,      // call
    EV_COORD_ABANDONED, // call: its client is gone
    EV_COORD_FLUSH,     // end of the turn
    EV_COORD_COMMITTED, // sequence
    EV_COORD_TICK,
    EV_COORD_IMAGE, // delta
};

struct coord_event {
    enum coord_event_kind kind;
    int64_t now_ms;
    int64_t wall_ms;
    const struct image *image; // never NULL
    struct slice batches;
    struct coord_call *call;
    uint64_t sequence;
    const struct image_delta *delta;
};

// A batch to append, whole and sealed but for offsets and epoch. The driver frees it.
struct coord_batch {
    struct list link;
    uint64_t sequence; // ascending
    struct text bytes;
};

// Out; the caller's, initialised by coord_effects_init once and emptied by it after each step.
struct coord_effects {
    struct list appends;  // struct coord_batch: append them in this order
    struct list answered; // struct coord_call: send them
    bool wants_flush;     // records wait for EV_COORD_FLUSH at the end of the turn
};
void coord_effects_init(struct coord_effects *effects);

struct coord *coord_new(const struct coord_options *options);
// Frees state and all; calls still held must have been taken by coord_fail.
void coord_free(struct coord *coord);
// OK; from EV_COORD_LOAD also ERR_CORRUPT, ERR_UNSUPPORTED_VERSION: this log cannot be served; the driver logs it and
// answers ERR_NOT_COORDINATOR from then on.
MUST_CHECK enum err coord_step(struct coord *coord, const struct coord_event *event, struct coord_effects *effects);
// Every call this coord holds comes back with `why`: the partition moved, or an append failed.
void coord_fail(struct coord *coord, enum err why, struct coord_effects *effects);
// A marker was appended to the partition by its coordinator of transactions. Loaded coords only.
void coord_end_transaction(struct coord *coord, int64_t producer_id, bool is_commit);
bool coord_is_loaded(const struct coord *coord);
// When EV_COORD_TICK is due, monotonic; INT64_MAX = never.
int64_t coord_deadline_ms(const struct coord *coord);
void *coord_state(struct coord *coord);

// Which of `partition_count` partitions coordinates `key` (E1): Java's String.hashCode over UTF-16 units.
int32_t coord_partition_of(struct slice key, int32_t partition_count);

#endif
