// SPDX-License-Identifier: Apache-2.0
#include "broker/request.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/conn.h"
#include "proto/apis.h"
#include "wire/table.h"

enum { LENGTH_SIZE = 4 };

struct request *request_new(struct conn *conn)
{
    struct request *request = MEM_NEW(struct request);
    request->conn = conn;
    request->shard = conn->shard;
    list_init(&request->pins);
    wire_out_init(&request->out, &request->arena);
    request->ctx.listener = conn->listener->name;
    request->ctx.principal = "User:ANONYMOUS";
    request->ctx.received_ns = env_now_ns(conn->shard->env);
    return request;
}

void request_free(struct request *request)
{
    request_release_input(request);
    admission_release(&request->shard->admission, request->pool, request->admitted);
    for (struct list *link; (link = list_pop_front(&request->pins)) != NULL;)
        file_unref(LIST_ITEM(link, struct request_pin, link)->file); // the pin itself is in the arena
    arena_deinit(&request->arena);
    mem_free(request);
}

// ---- decoding --------------------------------------------------------------------------------------------------

static void refuse(struct request *request, const char *what, int key, int version, enum err why)
{
    struct conn *conn = request->conn;
    log_warn(request->shard->log, "network", "peer=%s client=%s %s: api key %d version %d (%s); closing the connection",
             conn_peer(conn->io), conn->software[0] == '\0' ? "unknown" : conn->software, what, key, version,
             err_name(why));
}

// A client that wants more than this node has: said once of each wish, since it will go on trying.
static void refuse_api(struct request *request, int key, int version)
{
    struct conn *conn = request->conn;
    const char *software = conn->software[0] == '\0' ? "unknown" : conn->software;
    const char *peer = conn_peer(conn->io);
    const struct wire_api *api = request->api;
    struct text what = {0};
    text_printf(&what, "%s %d %d", software, key, version);
    if (api != NULL && api_handler(key) != NULL)
        notice_tell(request->shard, peer, text_slice(&what),
                    "peer=%s client=%s asked for %s version %d; this node serves versions %d to %d; closing the "
                    "connection",
                    peer, software, api->name, version, api->serve_min, api->serve_max);
    else
        notice_tell(request->shard, peer, text_slice(&what),
                    "peer=%s client=%s asked for %s (api key %d) version %d, which this node does not serve; closing "
                    "the connection",
                    peer, software, api == NULL ? "an unknown API" : api->name, key, version);
    text_deinit(&what);
}

// KIP-511: a client may ask ApiVersions in a version we do not know, and is told in version 0 which ones we do.
static bool decode_unknown_api_versions(struct request *request)
{
    request->version = 0;
    request->body = NULL;
    return true;
}

static bool decode_body(struct request *request, struct slice bytes)
{
    // Kafka does not look at what follows the body, and there are clients that send more (librdkafka 2.16 encodes a
    // field of Metadata v8-10 in v13 too).
    size_t consumed = 0;
    request->body = arena_alloc(&request->arena, wire_struct_size(request->api->request));
    enum err e = wire_decode(request->api->request, request->version, bytes, &request->arena, request->body, &consumed);
    request->frame = slice_of(bytes.data, e == OK ? consumed : bytes.size);
    if (e != OK) refuse(request, "sent a malformed body", request->api->key, request->version, e);
    return e == OK;
}

bool request_decode(struct request *request, struct slice frame)
{
    int key = load_i16(frame.data);
    request->size_bytes = frame.size;
    request->version = load_i16(frame.data + 2);
    request->correlation_id = load_i32(frame.data + 4);
    request->api = wire_api_find(key);
    bool known = request->api != NULL && wire_api_is_served(request->api, request->version) && api_handler(key) != NULL;
    if (!known && key == API_API_VERSIONS && request->api != NULL) return decode_unknown_api_versions(request);
    if (!known) {
        refuse_api(request, key, request->version);
        return false;
    }
    struct request_header header;
    size_t header_size = 0;
    int header_version = wire_request_header_version(request->api, request->version);
    enum err e = wire_decode(&request_header_message, header_version, frame, &request->arena, &header, &header_size);
    if (e != OK) {
        refuse(request, "sent a malformed header", key, request->version, e);
        return false;
    }
    request->ctx.client_id = header.client_id;
    return decode_body(request, slice_of(frame.data + header_size, frame.size - header_size));
}

// ---- life ------------------------------------------------------------------------------------------------------

void request_start(struct request *request)
{
    struct shard *shard = request->shard;
    request->started = true;
    if (!shard->quotas.is_set[QUOTA_REQUEST]) {
        api_handler(request->api->key)(request);
        return;
    }
    request->timed_from_ns = env_now_ns(shard->env);
    shard->timed = request;
    api_handler(request->api->key)(request);
    if (shard->timed == NULL) return; // answered, and perhaps gone
    request->timed_ns += env_now_ns(shard->env) - request->timed_from_ns;
    shard->timed = NULL;
}

// ---- quotas ------------------------------------------------------------------------------------------------------

struct quota_user request_quota_user(const struct request *request)
{
    static const char user_type[] = "User:";
    return (struct quota_user){.user = slice_str(request->ctx.principal + sizeof(user_type) - 1),
                               .client_id = request->ctx.client_id};
}

void request_throttle(struct request *request, int32_t throttle_ms)
{
    if (throttle_ms > request->throttle_ms) request->throttle_ms = throttle_ms;
}

void request_charge_time(struct request *request)
{
    struct shard *shard = request->shard;
    if (!shard->quotas.is_set[QUOTA_REQUEST] || request->is_charged) return;
    request->is_charged = true;
    int64_t used_ns = request->timed_ns;
    if (shard->timed == request) used_ns += env_now_ns(shard->env) - request->timed_from_ns;
    double percent = (double)used_ns * 100 / 1e9;
    request_throttle(request, quotas_record(shard, QUOTA_REQUEST, request_quota_user(request), percent));
}

static const struct wire_field *throttle_field(const struct request *request)
{
    const struct wire_struct *type = request->api->response->type;
    for (int i = 0; i < type->field_count; i++)
        if (strcmp(type->fields[i].name, "throttleTimeMs") == 0) return &type->fields[i];
    return NULL;
}

// Into the handler's struct, just before it is encoded.
static void say_throttle(struct request *request, const void *response)
{
    const struct wire_field *field = throttle_field(request);
    if (field == NULL || !wire_versions_has(field->versions, request->version)) return;
    memcpy((uint8_t *)(uintptr_t)response + field->offset, &request->throttle_ms, sizeof(request->throttle_ms));
}

// ---- answers -----------------------------------------------------------------------------------------------------

static void note_slow(const struct request *request)
{
    const struct shard *shard = request->shard;
    // A group's members wait for each other, and that is as long as it takes.
    if (request->api->key == API_JOIN_GROUP || request->api->key == API_SYNC_GROUP) return;
    int64_t took_ns = env_now_ns(shard->env) - request->ctx.received_ns;
    if (took_ns - request->waits_ns < shard->slow_request_ns) return;
    log_warn(shard->log, "request", "slow request: api=%s version=%d client=%.*s peer=%s correlation=%d took %lld ms",
             request->api->name, request->version, SLICE_FMT(request->ctx.client_id),
             request->conn == NULL ? "gone" : conn_peer(request->conn->io), request->correlation_id,
             (long long)(took_ns / 1000000));
}

void request_release_input(struct request *request)
{
    if (request->input == NULL) return;
    inbuf_unref(request->shard, request->input);
    request->input = NULL;
    admission_release(&request->shard->admission, request->pool, request->admitted);
    request->admitted = 0;
}

// The answer stands in `out`; whoever waits for it is told.
static void answered(struct request *request)
{
    ASSERT(request->started && !request->answered);
    request->answered = true;
    if (request->shard->timed == request) request->shard->timed = NULL;
    if (request->shard->slow_request_ns >= 0) note_slow(request);
    if (request->throttle_ms > 0 && request->conn != NULL) conn_mute(request->conn, request->throttle_ms);
    if (request->conn == NULL)
        request_free(request);
    else
        conn_mark_dirty(request->conn);
}

// Frame length and response header; the length is known when the body is.
static uint8_t *begin_response(struct request *request)
{
    uint8_t *length = wire_out_reserve(&request->out, LENGTH_SIZE + sizeof(int32_t));
    store_i32(length + LENGTH_SIZE, request->correlation_id);
    if (wire_response_header_version(request->api, request->version) >= 1)
        *wire_out_reserve(&request->out, 1) = 0; // no tags
    return length;
}

static void end_response(struct request *request, uint8_t *length)
{
    store_i32(length, (int32_t)(request->out.size - LENGTH_SIZE));
    size_t encoded = 0;
    for (int i = 0; i < request->out.part_count; i++)
        if (request->out.parts[i].file == NULL) encoded += request->out.parts[i].size;
    request->admitted += encoded;
    admission_take(&request->shard->admission, request->pool, NULL, encoded);
    answered(request);
}

void request_reply(struct request *request, const void *response)
{
    if (request->conn == NULL) {
        answered(request);
        return;
    }
    request_charge_time(request);
    if (request->throttle_ms > 0) say_throttle(request, response);
    uint8_t *length = begin_response(request);
    enum err e = wire_encode(request->api->response, request->version, response, &request->out);
    if (e == OK) {
        end_response(request, length);
        return;
    }
    log_error(request->shard->log, "broker", "response of %s version %d does not encode: %s", request->api->name,
              request->version, err_name(e));
    request_disconnect(request, "internal error");
}

void request_reply_bytes(struct request *request, struct slice body)
{
    if (request->conn == NULL) {
        answered(request);
        return;
    }
    uint8_t *length = begin_response(request);
    struct slice copy = arena_copy(&request->arena, body);
    request_charge_time(request);
    const struct wire_field *throttle = throttle_field(request);
    bool says = throttle != NULL && throttle == request->api->response->type->fields &&
                wire_versions_has(throttle->versions, request->version) && copy.size >= sizeof(int32_t);
    if (says) request_throttle(request, load_i32(copy.data)); // the controller may have refused mutations
    if (says && request->throttle_ms > 0) store_i32((uint8_t *)(uintptr_t)copy.data, request->throttle_ms);
    wire_out_add(&request->out, copy);
    end_response(request, length);
}

void request_finish_silently(struct request *request)
{
    request->out.part_count = 0;
    answered(request);
}

void request_disconnect(struct request *request, const char *why)
{
    log_info(request->shard->log, "network", "peer=%s api=%s closing the connection: %s",
             request->conn == NULL ? "gone" : conn_peer(request->conn->io), request->api->name, why);
    request->disconnect = true;
    request_finish_silently(request);
}

void request_pin_file(struct request *request, struct file *take_file)
{
    struct request_pin *pin = ARENA_NEW(&request->arena, struct request_pin);
    pin->file = take_file;
    list_push_back(&request->pins, &pin->link);
}

void request_hold(struct request *request)
{
    request->holds_conn = true;
}

void request_unhold(struct request *request)
{
    if (!request->holds_conn) return;
    request->holds_conn = false;
    if (request->conn != NULL) conn_mark_dirty(request->conn);
}

bool authorize(const struct request_ctx *ctx, enum acl_operation operation, enum acl_resource resource,
               struct slice name)
{
    (void)ctx;
    (void)operation;
    (void)resource;
    (void)name;
    return true;
}
