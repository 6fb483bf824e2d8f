// SPDX-License-Identifier: Apache-2.0
// The small Kafka client of our tools, connectors and benches: connections, requests, metadata. Producing and
// consuming stand on it: client/producer.h, client/consumer.h. Everything is asynchronous on one loop of `env`,
// calls back from that loop only, and works in the simulator as on a kernel. See src/client/README.md.
#ifndef ODRADEK_CLIENT_CLIENT_H
#define ODRADEK_CLIENT_CLIENT_H

#include "base/arena.h"
#include "base/text.h"
#include "base/uuid.h"
#include "env/env.h"
#include "wire/wire.h"

struct client;

struct client_config {
    struct slice bootstrap;           // "host:port[,host:port]"
    struct slice client_id;           // null = none
    const char *log_name;             // in front of log lines: "[Consumer clientId=c]"; NULL = nothing
    bool names_bootstrap;             // producers and consumers also log "Bootstrap broker ... disconnected"
    struct log *log;                  // NULL = silent
    int32_t request_timeout_ms;       // 30000
    int32_t connect_timeout_ms;       // 10000
    int32_t metadata_max_age_ms;      // 300000
    int32_t retry_backoff_ms;         // 100, doubled up to
    int32_t retry_backoff_max_ms;     // 1000
    int32_t reconnect_backoff_ms;     // 50, doubled up to
    int32_t reconnect_backoff_max_ms; // 1000
    bool allow_topic_creation;        // metadata requests for unknown topics create them; default true
};

void client_config_init(struct client_config *config);

// ERR_INVALID: bootstrap names no usable address; `problem` (may be NULL) says which. Nothing is connected yet.
MUST_CHECK enum err client_new(struct env *env, const struct client_config *config, struct text *problem,
                               struct client **out);
// Closes everything; calls still open end with ERR_CLOSED before this returns.
void client_free(struct client *client);
struct env *client_env(struct client *client);
const struct client_config *client_config(const struct client *client);

// Checks one "host:port" ("[::1]:9092" too); `host` borrows from `text`. ERR_INVALID otherwise.
MUST_CHECK enum err client_parse_address(struct slice text, struct slice *host, int *port);

// ---- requests --------------------------------------------------------------------------------------------------

// Where a call goes: a broker's id, or
enum {
    CLIENT_ANY = -1,        // any broker, connected ones first; tried again elsewhere until the call's deadline
    CLIENT_CONTROLLER = -2, // the broker that metadata names as controller; tried again like CLIENT_ANY
};

// One request. The caller owns it and what `request` points to until `done`; all zero but the marked fields (*).
struct client_call {
    int16_t api_key;    // *
    int node_id;        // * see above
    const void *request; // * the struct of that API's request
    int version_max;    // highest version to use, 0 = what both sides know (so version 0 alone cannot be asked for)
    int version_min;    // lowest version whose meaning the caller can live with
    int32_t timeout_ms; // deadline over all tries; 0 = request_timeout_ms
    bool no_response;   // Produce with acks=0: done comes when the bytes have left
    void (*done)(struct client *client, struct client_call *call); // * never inside client_call
    void *context;

    // Results, valid in and after `done` until client_call_deinit.
    enum err err; // OK: `response` is there, its error codes are for the caller to read.
                  // ERR_REQUEST_TIMED_OUT; ERR_NETWORK_EXCEPTION: connection lost on a call to a named node;
                  // ERR_UNSUPPORTED_VERSION: no common version; ERR_CORRUPT: the answer is no such message;
                  // ERR_BROKER_NOT_AVAILABLE: no such node in metadata; ERR_CLOSED: client_free
    bool was_sent;      // false with ERR_REQUEST_TIMED_OUT: no broker was reachable
    int answered_by;    // node id; negative for a bootstrap address
    int version;        // of the response
    const void *response;

    // Private.
    struct list link;
    struct arena arena;
    struct text frame;
    struct wire_out out;
    int32_t out_part;
    size_t out_done;
    int64_t deadline_ns;
    int64_t sent_ns;
    int32_t correlation_id;
    bool is_encoded;
    int32_t tries;
    struct client *client;
    struct client_node *node;
    struct env_timer timer;
};

void client_call(struct client *client, struct client_call *call);
// Gives the call up: `done` never comes. The call must be open. Costs its connection if bytes of it have left.
void client_call_cancel(struct client *client, struct client_call *call);
// Frees response and frame; the call may be used again after being filled anew.
void client_call_deinit(struct client_call *call);

// ---- metadata --------------------------------------------------------------------------------------------------

struct client_partition {
    int32_t leader;       // node id, -1 = none
    int32_t leader_epoch; // -1 unknown
    enum err err;
};

struct client_topic {
    struct slice name;
    struct uuid id; // zero: not known (old broker)
    enum err err;   // OK; ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_INVALID_TOPIC_EXCEPTION, ...: no partitions
    bool is_internal;
    struct client_partition *partitions; // by index
    int32_t partition_count;
};

// Told on the loop after every metadata answer (also a failed one).
struct client_listener {
    struct list link;
    void (*changed)(struct client *client, struct client_listener *listener);
};
void client_listen(struct client *client, struct client_listener *listener);
void client_unlisten(struct client_listener *listener);

// Keeps the topic in the metadata from now on; fetches it if it is not there.
void client_want_topic(struct client *client, struct slice name);
// NULL: not answered for yet. Valid until the next metadata answer.
const struct client_topic *client_topic(struct client *client, struct slice name);
// By id, for answers that carry only ids.
const struct client_topic *client_topic_by_id(struct client *client, struct uuid id);
// Asks for metadata anew as soon as back-off allows: a leader moved, a topic is missing.
void client_refresh(struct client *client);
// Where metadata says a broker is; false: no such broker. `host` is valid until the next metadata answer.
bool client_address(struct client *client, int32_t node_id, struct slice *host, int *port);
// Makes `node_id` an address to call: an id >= 0 that no broker has, a connection of its own. Java's client talks to a
// group's coordinator so, since a JoinGroup that waits would hold up the fetches behind it. Again: it moves there.
void client_add_node(struct client *client, int32_t node_id, struct slice host, int port);
// True once a broker has answered for metadata.
bool client_has_cluster(const struct client *client);

// ---- for programs that wait ------------------------------------------------------------------------------------

// Drives the loop until `done(context)`; a host program supplies it (posix_run_until, sim_run_until).
// False: the process is told to stop and `done` has not said true.
typedef bool client_run_until(struct env *env, bool (*done)(void *context), void *context);
// Makes the call and waits for it; returns call->err.
// ERR_CLOSED: run_until ended first.
enum err client_call_wait(struct client *client, client_run_until *run_until, struct client_call *call);

#endif
