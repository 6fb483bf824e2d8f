// SPDX-License-Identifier: Apache-2.0
#include "broker/group_calls.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/bytes.h"
#include "broker/broker_int.h"
#include "broker/conn.h"

// ---- who asks ----------------------------------------------------------------------------------------------------

// Java's InetAddress.toString of an address without a name: "/127.0.0.1", "/0:0:0:0:0:0:0:1", "/fe80:0:...:1%eth0". An
// IPv4 address that came in by IPv6 is an IPv4 address there.
static struct slice java_address(struct arena *arena, struct slice host)
{
    uint8_t bytes[16];
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    char *text = arena_str(arena, host);
    char *scope = strchr(text, '%');
    if (scope != NULL) *scope++ = '\0';
    if (inet_pton(AF_INET6, text, bytes) != 1) return slice_str(arena_printf(arena, "/%s", text));
    if (memcmp(bytes, mapped, sizeof(mapped)) == 0)
        return slice_str(arena_printf(arena, "/%d.%d.%d.%d", bytes[12], bytes[13], bytes[14], bytes[15]));
    struct text out = {0};
    for (size_t i = 0; i < sizeof(bytes); i += 2) text_printf(&out, "%c%x", i == 0 ? '/' : ':', load_u16(bytes + i));
    if (scope != NULL) text_printf(&out, "%%%s", scope);
    struct slice copy = arena_copy(arena, text_slice(&out));
    text_deinit(&out);
    return copy;
}

// The peer is "127.0.0.1:51234" or "[::1]:51234".
static struct slice client_host(struct request *request)
{
    if (request->conn == NULL) return SLICE("/0.0.0.0");
    const char *peer = conn_peer(request->conn->io);
    const char *colon = strrchr(peer, ':');
    struct slice host = colon == NULL ? slice_str(peer) : slice_of(peer, (size_t)(colon - peer));
    if (host.size >= 2 && host.data[0] == '[') host = slice_of(host.data + 1, host.size - 2);
    return java_address(&request->arena, host);
}

// ---- together ----------------------------------------------------------------------------------------------------

static void came_home(struct group_calls *calls)
{
    ASSERT(calls->pending > 0);
    if (--calls->pending > 0) return;
    for (int32_t i = 0; i < calls->count; i++) arena_adopt(&calls->request->arena, &calls->items[i].call.arena);
    calls->answer(calls->request, calls);
}

static void done(struct coordinator_call *call)
{
    came_home(call->context);
}

static void abandoned(struct request *request)
{
    struct group_calls *calls = request->handler_state;
    calls->pending++; // the last one's answer frees the request
    for (int32_t i = 0; i < calls->count; i++) coordinator_abandon(&calls->items[i]);
    came_home(calls);
}

struct group_calls *group_calls_new(struct request *request, int32_t count, group_calls_answer *answer)
{
    struct group_calls *calls = ARENA_NEW(&request->arena, struct group_calls);
    *calls = (struct group_calls){.request = request,
                                  .items = ARENA_ARRAY(&request->arena, struct coordinator_call, count),
                                  .count = count,
                                  .answer = answer,
                                  .pending = 1};
    struct slice host = client_host(request);
    for (int32_t i = 0; i < count; i++) {
        calls->items[i].call = (struct coord_call){.api_key = request->api->key,
                                                   .version = (int16_t)request->version,
                                                   .client_id = request->ctx.client_id,
                                                   .client_host = host};
        calls->items[i].done = done;
        calls->items[i].context = calls;
    }
    request->handler_state = calls;
    request->abandoned = abandoned;
    return calls;
}

void group_calls_send(struct group_calls *calls, int32_t index, struct slice group_id, const void *body, int version)
{
    ASSERT(index < calls->count);
    struct coordinator_call *call = &calls->items[index];
    call->call.body = body;
    if (version >= 0) call->call.version = (int16_t)version;
    calls->pending++;
    coordinator_call(calls->request->shard, COORDINATOR_GROUP, group_id, call);
}

void group_calls_send_at(struct group_calls *calls, int32_t index, int32_t partition, const void *body)
{
    ASSERT(index < calls->count);
    calls->items[index].call.body = body;
    calls->pending++;
    coordinator_call_at(calls->request->shard, COORDINATOR_GROUP, partition, &calls->items[index]);
}

void group_calls_sent(struct group_calls *calls)
{
    came_home(calls);
}

void group_calls_one(struct request *request, struct slice group_id, group_calls_answer *answer)
{
    struct group_calls *calls = group_calls_new(request, 1, answer);
    group_calls_send(calls, 0, group_id, request->body, -1);
    group_calls_sent(calls);
}

void group_detach(struct request *request)
{
    if (request->input == NULL) return;
    request->frame = arena_copy(&request->arena, request->frame);
    request->ctx.client_id = arena_copy(&request->arena, request->ctx.client_id);
    enum err e =
        wire_decode(request->api->request, request->version, request->frame, &request->arena, request->body, NULL);
    ASSERT(e == OK); // the same bytes were understood before
    request_release_input(request);
}
