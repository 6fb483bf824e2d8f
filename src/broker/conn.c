// SPDX-License-Identifier: Apache-2.0
// A frame is an int32 length and that many bytes: a RequestHeader and the request's body.
#include "broker/conn.h"

#include "base/bytes.h"
#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/conn_send.h"

enum {
    LENGTH_SIZE = 4,
    SLAB_SIZE = 256 * 1024,
    SLAB_ROOM_MIN = 16 * 1024, // with less a fresh slab is taken
    PARTIAL_CAPACITY_MIN = 512,
    READ_ROUNDS_MAX = 4,   // per readiness: one connection must not starve the others
    SPARE_MIN = 64 * 1024, // capacity of buffers worth keeping
    SPARE_MAX = 2 * 1024 * 1024,
};

// ---- buffers ---------------------------------------------------------------------------------------------------

// Big buffers are kept for the next big frame: fresh pages cost as much as the bytes that go into them.
static struct inbuf *take_spare(struct shard *shard, size_t capacity)
{
    for (size_t i = 0; i < COUNT_OF(shard->spares); i++) {
        struct inbuf *spare = shard->spares[i];
        if (spare == NULL || spare->capacity < capacity || spare->capacity / 4 > capacity) continue;
        shard->spares[i] = NULL;
        return spare;
    }
    return NULL;
}

static struct inbuf *inbuf_new(struct shard *shard, size_t capacity)
{
    struct inbuf *inbuf = capacity < SPARE_MIN ? NULL : take_spare(shard, capacity);
    if (inbuf == NULL) {
        inbuf = mem_alloc(sizeof(*inbuf) + capacity);
        inbuf->capacity = capacity;
    }
    inbuf->refs = 1;
    return inbuf;
}

static struct inbuf *inbuf_ref(struct inbuf *inbuf)
{
    inbuf->refs++;
    return inbuf;
}

static bool keep_spare(struct shard *shard, struct inbuf *inbuf)
{
    if (inbuf->capacity < SPARE_MIN || inbuf->capacity > SPARE_MAX) return false;
    for (size_t i = 0; i < COUNT_OF(shard->spares); i++) {
        if (shard->spares[i] != NULL) continue;
        shard->spares[i] = inbuf;
        return true;
    }
    return false;
}

void inbuf_unref(struct shard *shard, struct inbuf *inbuf)
{
    if (inbuf != NULL && --inbuf->refs == 0 && !keep_spare(shard, inbuf)) mem_free(inbuf);
}

void inbuf_free_all(struct shard *shard)
{
    mem_free(shard->slab);
    for (size_t i = 0; i < COUNT_OF(shard->spares); i++) mem_free(shard->spares[i]);
}

// The shard's slab with at least SLAB_ROOM_MIN free. Nobody else holding the old one, it is used again from its start.
static struct inbuf *slab(struct shard *shard)
{
    if (shard->slab != NULL && shard->slab->refs == 1) shard->slab_used = 0;
    if (shard->slab != NULL && SLAB_SIZE - shard->slab_used >= SLAB_ROOM_MIN) return shard->slab;
    inbuf_unref(shard, shard->slab);
    shard->slab = inbuf_new(shard, SLAB_SIZE);
    shard->slab_used = 0;
    return shard->slab;
}

// ---- frames ----------------------------------------------------------------------------------------------------

static enum admission_pool pool_of(size_t frame_size)
{
    return frame_size > ADMISSION_SMALL_MAX ? ADMISSION_BIG : ADMISSION_SMALL;
}

// What somebody speaks who sends this instead of a frame's length; NULL: no telling.
static const char *language_of(const uint8_t *at)
{
    static const char *const methods[] = {"GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "PATC", "CONN", "PRI "};
    if (at[0] == 0x16 && at[1] == 0x03) return "TLS";
    for (size_t i = 0; i < COUNT_OF(methods); i++)
        if (memcmp(at, methods[i], LENGTH_SIZE) == 0) return "HTTP";
    return NULL;
}

// Size of the frame that starts at `at`, its length field included; 0 when no frame can have it (said in the log).
static size_t frame_size_of(struct conn *conn, const uint8_t *at)
{
    int32_t length = load_i32(at);
    if (length >= REQUEST_FRAME_MIN && length <= conn->shard->broker->frame_bytes_max)
        return (size_t)length + LENGTH_SIZE;
    const char *peer = conn_peer(conn->io);
    const char *language = language_of(at);
    if (language == NULL)
        log_warn(conn->shard->log, "network",
                 "peer=%s announced a frame of %d bytes (socket.request.max.bytes=%d); closing it", peer, length,
                 conn->shard->broker->frame_bytes_max);
    else
        notice_tell(conn->shard, peer, slice_str(language),
                    "peer=%s speaks %s, but listener %s is Kafka's protocol in plain text "
                    "(security.protocol=PLAINTEXT); closing it",
                    peer, language, conn->listener->name);
    return 0;
}

// A complete frame: [bytes, bytes + size) of `inbuf`, of which the request takes a reference if it needs one.
// `admitted` of its bytes are counted already. False: the connection must go.
static bool take_frame(struct conn *conn, struct inbuf *inbuf, const uint8_t *bytes, size_t size, size_t admitted)
{
    struct request *request = request_new(conn);
    request->pool = pool_of(size);
    request->admitted = size;
    admission_take(&conn->shard->admission, request->pool, NULL, size - admitted);
    struct slice frame = slice_of(bytes + LENGTH_SIZE, size - LENGTH_SIZE);
    if (size <= REQUEST_COPY_MAX)
        frame = arena_copy(&request->arena, frame);
    else
        request->input = inbuf_ref(inbuf);
    conn->last_frame_size = size;
    if (!request_decode(request, frame)) {
        request_free(request);
        return false;
    }
    list_push_back(&conn->requests, &request->in_conn);
    conn->request_count++;
    return true;
}

// ---- reading into the unfinished frame ---------------------------------------------------------------------------

static void drop_partial(struct conn *conn)
{
    if (conn->partial == NULL) return;
    admission_release(&conn->shard->admission, pool_of(conn->frame_size), conn->partial_size);
    inbuf_unref(conn->shard, conn->partial);
    conn->partial = NULL;
    conn->partial_size = 0;
    conn->frame_size = 0;
}

static void grow_partial(struct conn *conn, size_t capacity)
{
    struct inbuf *grown = inbuf_new(conn->shard, capacity);
    memcpy(grown->bytes, conn->partial->bytes, conn->partial_size);
    inbuf_unref(conn->shard, conn->partial);
    conn->partial = grown;
}

// How large the buffer of a frame should be now: twice what has come, or what the peer is known to send whole.
static size_t next_capacity(const struct conn *conn)
{
    size_t doubled = conn->partial_size * 2;
    size_t wanted = doubled > conn->last_frame_size ? doubled : conn->last_frame_size;
    return wanted < conn->frame_size ? wanted : conn->frame_size;
}

// The length field is complete: from here on the frame's pool is known.
static bool learn_frame_size(struct conn *conn)
{
    size_t size = frame_size_of(conn, conn->partial->bytes);
    if (size == 0) return false;
    conn->frame_size = size;
    if (conn->partial->capacity < next_capacity(conn)) grow_partial(conn, next_capacity(conn));
    if (pool_of(size) == ADMISSION_BIG) {
        admission_release(&conn->shard->admission, ADMISSION_SMALL, conn->partial_size);
        admission_take(&conn->shard->admission, ADMISSION_BIG, &conn->ticket, conn->partial_size);
        admission_enter(&conn->shard->admission, &conn->ticket);
    }
    return true;
}

// Bytes of a frame that is not complete: kept in a buffer as large as what has arrived.
static bool begin_partial(struct conn *conn, const uint8_t *bytes, size_t size)
{
    ASSERT(conn->partial == NULL);
    conn->partial = inbuf_new(conn->shard, size > PARTIAL_CAPACITY_MIN ? size : PARTIAL_CAPACITY_MIN);
    if (size > 0) memcpy(conn->partial->bytes, bytes, size);
    conn->partial_size = size;
    conn->frame_size = 0;
    admission_take(&conn->shard->admission, ADMISSION_SMALL, NULL, size);
    return size < LENGTH_SIZE || learn_frame_size(conn);
}

static bool finish_partial(struct conn *conn)
{
    struct inbuf *whole = conn->partial;
    size_t size = conn->frame_size;
    conn->partial = NULL;
    conn->partial_size = 0;
    conn->frame_size = 0;
    admission_leave(&conn->shard->admission, &conn->ticket);
    bool good = take_frame(conn, whole, whole->bytes, size, size);
    inbuf_unref(conn->shard, whole);
    return good;
}

static enum err read_partial(struct conn *conn)
{
    size_t goal = conn->frame_size == 0 ? LENGTH_SIZE : conn->frame_size;
    enum admission_pool pool = pool_of(conn->frame_size);
    size_t room = admission_room(&conn->shard->admission, pool, &conn->ticket);
    if (room == 0) return ERR_BUSY;
    if (conn->frame_size > 0 && conn->partial->capacity == conn->partial_size) grow_partial(conn, next_capacity(conn));
    size_t want = (goal < conn->partial->capacity ? goal : conn->partial->capacity) - conn->partial_size;
    size_t got = 0;
    enum err e = conn_recv(conn->io, conn->partial->bytes + conn->partial_size, want < room ? want : room, &got);
    if (e != OK) return e;
    conn->partial_size += got;
    admission_take(&conn->shard->admission, pool, &conn->ticket, got);
    if (conn->partial_size < goal) return OK;
    bool good = conn->frame_size == 0 ? learn_frame_size(conn) : finish_partial(conn);
    return good ? OK : ERR_CORRUPT;
}

// ---- reading at a frame's beginning ------------------------------------------------------------------------------

// Cuts the backlog into requests as long as few enough are under way; what is left of an unfinished frame moves to
// a buffer of its own. False: the connection must go.
static bool cut_backlog(struct conn *conn)
{
    while (conn->backlog != NULL && conn->request_count < CONN_IN_FLIGHT_MAX) {
        const uint8_t *at = conn->backlog->bytes + conn->backlog_at;
        size_t left = conn->backlog_end - conn->backlog_at;
        size_t size = left < LENGTH_SIZE ? 0 : frame_size_of(conn, at);
        if (left >= LENGTH_SIZE && size == 0) return false;
        bool complete = size > 0 && size <= left;
        bool good =
            complete ? take_frame(conn, conn->backlog, at, size, 0) : left == 0 || begin_partial(conn, at, left);
        if (!good) return false;
        conn->backlog_at += complete ? size : left;
        if (conn->backlog_at < conn->backlog_end) continue;
        inbuf_unref(conn->shard, conn->backlog);
        conn->backlog = NULL;
    }
    return true;
}

static enum err read_slab(struct conn *conn)
{
    size_t room = admission_room(&conn->shard->admission, ADMISSION_SMALL, &conn->ticket);
    if (room == 0) return ERR_BUSY;
    struct inbuf *to = slab(conn->shard);
    size_t at = conn->shard->slab_used;
    size_t want = SLAB_SIZE - at;
    size_t got = 0;
    enum err e = conn_recv(conn->io, to->bytes + at, want < room ? want : room, &got);
    if (e != OK) return e;
    conn->shard->slab_used += got;
    conn->backlog = inbuf_ref(to);
    conn->backlog_at = at;
    conn->backlog_end = at + got;
    return cut_backlog(conn) ? OK : ERR_CORRUPT;
}

static enum err read_some(struct conn *conn)
{
    if (conn->partial != NULL) return read_partial(conn);
    bool expects_big = pool_of(conn->last_frame_size) == ADMISSION_BIG;
    if (!expects_big) return read_slab(conn);
    return begin_partial(conn, NULL, 0) ? read_partial(conn) : ERR_CORRUPT;
}

// ---- the connection ----------------------------------------------------------------------------------------------

static bool may_read(const struct conn *conn)
{
    return !conn->closing && !conn->is_muted && !conn->wants_write && conn->warming == NULL && conn->backlog == NULL &&
           conn->request_count < CONN_IN_FLIGHT_MAX && !list_is_linked(&conn->ticket.paused);
}

static void update_interest(struct conn *conn)
{
    unsigned interest = (may_read(conn) ? CONN_READ : 0u) | (conn->wants_write ? CONN_WRITE : 0u);
    if (interest == conn->interest) return;
    conn->interest = interest;
    conn_want(conn->io, interest);
}

// Starts requests in order, unless one ahead holds those behind it.
static void start_requests(struct conn *conn)
{
    if (conn->is_muted) return;
    LIST_EACH (link, &conn->requests) {
        struct request *request = LIST_ITEM(link, struct request, in_conn);
        if (!request->started && !request->answered) request_start(request);
        if (conn->is_muted) return;
        if (request->holds_conn && !request->answered) return;
    }
}

// What a peer that vanished or misbehaved is worth in the log.
static void note_end(struct conn *conn, enum err why)
{
    if (why == ERR_CLOSED)
        log_debug(conn->shard->log, "network", "peer=%s closed", conn_peer(conn->io));
    else if (why != ERR_CORRUPT)
        log_info(conn->shard->log, "network", "peer=%s failed: %s", conn_peer(conn->io), err_text(why));
}

// What came cannot be understood: those before it are still answered, then the connection ends.
static void stop_reading(struct conn *conn)
{
    conn->closing = true;
    admission_leave(&conn->shard->admission, &conn->ticket);
    drop_partial(conn);
    inbuf_unref(conn->shard, conn->backlog);
    conn->backlog = NULL;
    conn_mark_dirty(conn);
}

static void is_active(struct conn *conn)
{
    conn->active_ms = env_now_ms(conn->shard->env);
    list_remove(&conn->in_shard);
    list_push_back(&conn->shard->conns, &conn->in_shard);
}

static void on_readable(struct env *env, struct env_conn *io)
{
    (void)env;
    struct conn *conn = io->owner;
    is_active(conn);
    enum err e = OK;
    for (int round = 0; e == OK && round < READ_ROUNDS_MAX && may_read(conn); round++) e = read_some(conn);
    if (e == ERR_CORRUPT) stop_reading(conn);
    start_requests(conn);
    if (e == OK || e == ERR_AGAIN || e == ERR_BUSY || e == ERR_CORRUPT) {
        update_interest(conn);
        return;
    }
    note_end(conn, e);
    conn_kill(conn, NULL);
}

static void on_writable(struct env *env, struct env_conn *io)
{
    (void)env;
    struct conn *conn = io->owner;
    is_active(conn);
    conn->wants_write = false;
    conn_mark_dirty(conn);
}

static void on_closed(struct env *env, struct env_conn *io, enum err why)
{
    (void)env;
    note_end(io->owner, why);
    conn_kill(io->owner, NULL);
}

static const struct conn_handler handler = {
    .on_readable = on_readable, .on_writable = on_writable, .on_closed = on_closed};

static void resume_reading(struct admission_ticket *ticket)
{
    struct conn *conn = CONTAINER_OF(ticket, struct conn, ticket);
    list_remove(&ticket->paused);
    update_interest(conn);
}

static void drop_stalled(struct admission_ticket *ticket)
{
    struct conn *conn = CONTAINER_OF(ticket, struct conn, ticket);
    log_warn(
        conn->shard->log, "network",
        "peer=%s sent %zu of %zu bytes of a frame and then nothing for %d ms while others wait for memory; closing it",
        conn_peer(conn->io), conn->partial_size, conn->frame_size, ADMISSION_STALL_MS);
    conn_kill(conn, NULL);
}

// connections.max.idle.ms: who has neither sent a byte nor waits for an answer is hung up on.
static void close_idle(struct env *env, struct env_timer *timer)
{
    struct shard *shard = CONTAINER_OF(timer, struct shard, idle_timer);
    int64_t most_ms = shard->broker->idle_ms_max;
    int64_t now_ms = env_now_ms(env);
    LIST_EACH (link, &shard->conns) {
        struct conn *conn = LIST_ITEM(link, struct conn, in_shard);
        if (conn->active_ms + most_ms > now_ms) break;
        const struct list *first = list_first(&conn->requests);
        if (first != NULL && !LIST_ITEM(first, struct request, in_conn)->answered) { // it waits for us
            is_active(conn);
            continue;
        }
        log_debug(shard->log, "network", "peer=%s closing: idle for %lld ms (connections.max.idle.ms)",
                  conn_peer(conn->io), (long long)(now_ms - conn->active_ms));
        conn_kill(conn, NULL);
    }
    const struct list *oldest = list_first(&shard->conns);
    if (oldest == NULL) return;
    int64_t due_ms = LIST_ITEM(oldest, struct conn, in_shard)->active_ms + most_ms - now_ms;
    env_timer_after_ms(env, timer, due_ms > 0 ? due_ms : 1);
}

void conn_accept(struct shard *shard, struct env_socket *take_socket, const struct listener *listener)
{
    struct conn *conn = MEM_NEW(struct conn);
    conn->shard = shard;
    conn->listener = listener;
    conn->ticket.resume = resume_reading;
    conn->ticket.drop = drop_stalled;
    list_init(&conn->requests);
    conn->io = env_conn_open(shard->env, take_socket, &handler, conn);
    list_push_back(&shard->conns, &conn->in_shard);
    conn->active_ms = env_now_ms(shard->env);
    if (shard->conn_count++ == 0 && shard->broker->idle_ms_max > 0) {
        shard->idle_timer.fire = close_idle;
        env_timer_after_ms(shard->env, &shard->idle_timer, shard->broker->idle_ms_max);
    }
    update_interest(conn);
}

static void unmute(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct conn *conn = CONTAINER_OF(timer, struct conn, unmute);
    conn->is_muted = false;
    conn_mark_dirty(conn);
}

void conn_mute(struct conn *conn, int32_t mute_ms)
{
    int64_t until_ns = env_now_ns(conn->shard->env) + (int64_t)mute_ms * 1000000;
    if (conn->is_muted && conn->muted_until_ns >= until_ns) return;
    conn->is_muted = true;
    conn->muted_until_ns = until_ns;
    conn->unmute.fire = unmute;
    env_timer_set_ns(conn->shard->env, &conn->unmute, until_ns);
}

void conn_kill(struct conn *conn, const char *why)
{
    struct shard *shard = conn->shard;
    if (conn->is_muted) env_timer_cancel(shard->env, &conn->unmute);
    if (why != NULL) log_info(shard->log, "network", "peer=%s closing: %s", conn_peer(conn->io), why);
    listeners_conn_ends(conn);
    conn_close(conn->io);
    telemetry_forget(&shard->telemetry, conn->telemetry);
    admission_leave(&shard->admission, &conn->ticket);
    drop_partial(conn);
    inbuf_unref(shard, conn->backlog);
    conn_send_abandon(conn);
    list_remove(&conn->in_shard);
    list_remove(&conn->dirty);
    if (--shard->conn_count == 0) env_timer_cancel(shard->env, &shard->idle_timer);
    struct list orphans;
    list_init(&orphans);
    list_append_all(&orphans, &conn->requests);
    LIST_EACH (link, &orphans) LIST_ITEM(link, struct request, in_conn)->conn = NULL;
    for (struct list *link; (link = list_pop_front(&orphans)) != NULL;) {
        struct request *request = LIST_ITEM(link, struct request, in_conn);
        if (!request->started || request->answered)
            request_free(request);
        else if (request->abandoned != NULL)
            request->abandoned(request);
    }
    mem_free(conn);
}

static void turn_end(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct shard *shard = CONTAINER_OF(msg, struct shard, turn_end);
    shard->turn_end_queued = false;
    for (struct list *link; (link = list_pop_front(&shard->dirty_conns)) != NULL;)
        conn_flush(LIST_ITEM(link, struct conn, dirty));
}

void conn_mark_dirty(struct conn *conn)
{
    struct shard *shard = conn->shard;
    if (!list_is_linked(&conn->dirty)) list_push_back(&shard->dirty_conns, &conn->dirty);
    if (shard->turn_end_queued) return;
    shard->turn_end_queued = true;
    shard->turn_end.run = turn_end;
    env_at_turn_end(shard->env, &shard->turn_end);
}

void conn_flush(struct conn *conn)
{
    start_requests(conn);
    enum err e = conn_send_ready(conn);
    if (e == OK && conn->backlog != NULL && conn->request_count < CONN_IN_FLIGHT_MAX) {
        if (!cut_backlog(conn)) stop_reading(conn);
        start_requests(conn);
    }
    if (e != OK) {
        note_end(conn, e);
        conn_kill(conn, NULL);
        return;
    }
    if (conn->closing && list_is_empty(&conn->requests)) {
        conn_kill(conn, NULL);
        return;
    }
    update_interest(conn);
}
