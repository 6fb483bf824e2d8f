// SPDX-License-Identifier: Apache-2.0
// One request from its frame to its last response byte. Lives on its connection's shard ("home"); everything it
// needs comes from its arena and goes with it. A handler gets it decoded, and must answer it exactly once, now or
// later, with request_reply, request_reply_bytes, request_finish_silently or request_disconnect.
#ifndef ODRADEK_BROKER_REQUEST_H
#define ODRADEK_BROKER_REQUEST_H

#include "base/arena.h"
#include "base/list.h"
#include "broker/admission.h"
#include "broker/quotas.h"
#include "env/env.h"
#include "proto/request_header.h"
#include "wire/wire.h"

struct conn;
struct shard;

// Bytes read from a connection; several requests may borrow from one. Counted without atomics: shard-owned.
struct inbuf {
    int refs;
    size_t capacity;
    uint8_t bytes[];
};

// Who asks, and what for; what `authorize` judges by (design rule 11).
struct request_ctx {
    const char *principal; // "User:ANONYMOUS" while nobody authenticates
    const char *listener;  // "PLAINTEXT"
    struct slice client_id;
    int64_t received_ns; // env_now_ns
};

struct request {
    struct list in_conn; // arrival order
    struct shard *shard;
    struct conn *conn; // NULL once the connection is gone
    struct arena arena;
    struct inbuf *input; // what `body`'s slices borrow from; NULL when the frame was copied to the arena
    enum admission_pool pool;
    size_t admitted; // bytes counted there
    const struct wire_api *api;
    int version;
    int32_t correlation_id;
    struct request_ctx ctx;
    struct slice frame; // the body's bytes as they came
    size_t size_bytes;  // of the frame
    void *body;         // the decoded request struct; NULL for ApiVersions in a version we do not know
    // Called once if the connection goes before the answer; a parked request should give up and answer then.
    void (*abandoned)(struct request *request);
    void *handler_state; // the handler's own
    struct wire_out out; // the answer, its frame length first
    bool started;
    bool answered;
    bool holds_conn;  // requests behind it on the connection must not start yet (design rule 4)
    bool disconnect;  // close the connection instead of answering
    struct list pins; // of struct request_pin
    int64_t timed_from_ns; // its handler runs since (shard->timed)
    int64_t timed_ns;      // ... and has run so long before
    int64_t waits_ns;      // how long the client allowed it to wait: no sign of slowness
    int32_t throttle_ms;   // what the answer says, and how long the connection is not read then
    bool is_charged;       // its time counts already
};

// A file that the answer's ranges need until the last byte is sent.
struct request_pin {
    struct list link;
    struct file *file;
};

// Encodes `response` (the struct of request->api->response) in the request's version and queues it. A response that
// does not encode is a bug of the handler: logged, answered by closing the connection.
void request_reply(struct request *request, const void *response);
// The same with a body that is encoded already (the controller's answers).
void request_reply_bytes(struct request *request, struct slice body);
// No answer at all, as Produce with acks=0 wants it.
void request_finish_silently(struct request *request);
// Kafka closes the connection for what it can't answer.
void request_disconnect(struct request *request, const char *why);
// Takes the reference and lets it go when the answer was sent.
void request_pin_file(struct request *request, struct file *take_file);
// The input is no longer needed (the payload was appended): its memory goes before the answer does.
void request_release_input(struct request *request);
// Whose quotas it counts for.
struct quota_user request_quota_user(const struct request *request);
// The client is over a quota: the answer says so, and then the connection is not read for so long (KIP-219). The
// largest of several counts.
void request_throttle(struct request *request, int32_t throttle_ms);
// Counts what the request has used of the loop's time, and throttles it if that is too much. Answering does it; a
// handler that answers otherwise when throttled does it before.
void request_charge_time(struct request *request);
// From a handler: those behind wait until request_unhold or the answer.
void request_hold(struct request *request);
void request_unhold(struct request *request);

// Operations on resources, Kafka's numbers (kafka-internals F2). Says yes until security is built.
enum acl_operation {
    ACL_READ = 3,
    ACL_WRITE = 4,
    ACL_CREATE = 5,
    ACL_DELETE = 6,
    ACL_ALTER = 7,
    ACL_DESCRIBE = 8,
    ACL_CLUSTER_ACTION = 9,
    ACL_DESCRIBE_CONFIGS = 10,
    ACL_ALTER_CONFIGS = 11,
    ACL_IDEMPOTENT_WRITE = 12
};
enum acl_resource { ACL_TOPIC = 2, ACL_GROUP = 3, ACL_CLUSTER = 4, ACL_TRANSACTIONAL_ID = 5 };
bool authorize(const struct request_ctx *ctx, enum acl_operation operation, enum acl_resource resource,
               struct slice name);

// Called by the connection.
enum {
    REQUEST_FRAME_MIN = 8,      // api key, version and correlation id: less is no request
    REQUEST_COPY_MAX = 4 * 1024 // smaller frames are copied, so that a parked request does not keep a whole slab
};
struct request *request_new(struct conn *conn);
// Header and body. False: the connection must go (said in the log).
MUST_CHECK bool request_decode(struct request *request, struct slice frame);
void request_start(struct request *request);
void request_free(struct request *request);

#endif
