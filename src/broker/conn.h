// SPDX-License-Identifier: Apache-2.0
// A client's connection on its shard: bytes to frames, frames to requests, answers back in order.
//
// Reading: at a frame's beginning bytes go to the shard's slab, so that one recv takes in everything small that has
// arrived; a frame that is not complete moves to a buffer of its own that grows as its bytes come. Writing: answers
// leave at the end of the turn, all of a connection in one call, in the order of the requests.
#ifndef ODRADEK_BROKER_CONN_H
#define ODRADEK_BROKER_CONN_H

#include "broker/request.h"
#include "broker/shard.h"

enum { CONN_IN_FLIGHT_MAX = 64 };

struct warm_task;

struct conn {
    struct list in_shard;
    struct list dirty; // in shard->dirty_conns when answers may be ready
    struct shard *shard;
    struct env_conn *io;
    const struct listener *listener;
    struct admission_ticket ticket;

    struct inbuf *partial; // the unfinished frame, its length field included
    size_t partial_size;
    size_t frame_size; // of the partial one, length field included; 0 while unknown
    size_t last_frame_size; // after a big one the next is read into a buffer of its own from the start

    struct inbuf *backlog; // bytes read but not cut into frames yet, because too many requests are under way
    size_t backlog_at;
    size_t backlog_end;

    struct list requests; // not yet sent, arrival order
    int request_count;

    int part;            // of the first request's answer
    size_t part_sent;    // bytes of that part
    bool wants_write;    // the socket was full
    bool is_muted;       // over a quota: neither read nor served until `unmute` fires (KIP-219)
    int64_t muted_until_ns;
    struct env_timer unmute;
    struct warm_task *warming; // reads cold pages for the answer's file range
    int64_t active_ms;   // when bytes came last, env_now_ms
    bool closing;        // nothing more is read; closed once all before are answered
    unsigned interest;
    char software[64];   // name and version from ApiVersions, for the log
    struct telemetry_client *telemetry; // NULL: it never asked
};

void conn_accept(struct shard *shard, struct env_socket *take_socket, const struct listener *listener);
// Closes at once; requests under way go on and are freed when answered.
void conn_kill(struct conn *conn, const char *why);
// An answer became ready (or a request stopped holding): looked at when the turn ends.
void conn_mark_dirty(struct conn *conn);
// Nothing more is read or started for so long; answers under way still go.
void conn_mute(struct conn *conn, int32_t mute_ms);
// At the end of the turn: starts what may start, sends what is ready.
void conn_flush(struct conn *conn);
// NULL is a no-op.
void inbuf_unref(struct shard *shard, struct inbuf *inbuf);
// At the shard's end of life: its slab and spares.
void inbuf_free_all(struct shard *shard);

#endif
