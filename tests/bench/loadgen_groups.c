// SPDX-License-Identifier: Apache-2.0
// Consumer groups of light members: each a connection, one request at a time, heartbeats in between, as a consumer does
// but without its own work. Times are the coordinator's answers, plus at most one heartbeat's wait for a member to hear
// that it shall join again; that wait is the same whatever broker answers.
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "loadgen.h"

enum {
    API_OFFSET_COMMIT = 8,
    API_FIND_COORDINATOR = 10,
    API_JOIN = 11,
    API_HEARTBEAT = 12,
    API_LEAVE = 13,
    API_SYNC = 14
};
enum {
    COORDINATOR_LOADING = 14,
    COORDINATOR_NOT_AVAILABLE = 15,
    NOT_COORDINATOR = 16,
    ILLEGAL_GENERATION = 22,
    UNKNOWN_MEMBER = 25,
    REBALANCE_IN_PROGRESS = 27,
    MEMBER_ID_REQUIRED = 79
};
enum { MEMBER_ID_MAX = 128, RETRY_MS = 5 };

enum member_state { MEMBER_OUT, MEMBER_JOINING, MEMBER_SYNCING, MEMBER_STABLE, MEMBER_LEAVING };

struct member {
    struct conn *conn;
    struct buffer request; // behind the frame's first 12 bytes, which stand in conn->head
    char group[32];
    char id[MEMBER_ID_MAX];
    enum member_state state;
    int asked; // the API of the request that is out, -1 = none
    int32_t generation;
    bool has_assignment;
    uint64_t wake_ns; // the next thing it does by itself
    uint64_t commit_ns;
};

struct groups {
    int epoll, count, partitions;
    const char *topic;
    struct conn *conns;
    struct member *members;
    uint64_t beat_ns, commit_every_ns;
    bool commits;
    struct samples latency;
    uint64_t requests;
    uint64_t noise;
};

// ---- requests ----

static void send_request(struct groups *g, struct member *m, int api)
{
    struct conn *c = m->conn;
    end_request(&m->request, 0);
    memcpy(c->head, m->request.bytes, 12);
    c->head_bytes = 12;
    memmove(m->request.bytes, m->request.bytes + 12, m->request.size - 12);
    m->request.size -= 12;
    m->asked = api;
    begin_send(c, now_ns());
    flush(g->epoll, c, &m->request);
    g->requests++;
}

static void put_null_string(struct buffer *b)
{
    put_int(b, -1, 2);
}

static void join(struct groups *g, struct member *m)
{
    struct buffer *b = &m->request;
    begin_request(b, API_JOIN, 5);
    put_string(b, m->group);
    put_int(b, 45000, 4);
    put_int(b, 60000, 4);
    put_string(b, m->id);
    put_null_string(b);
    put_string(b, "consumer");
    put_int(b, 1, 4);
    put_string(b, "range");
    struct buffer subscription = {0}; // version 0, topics, no user data
    put_int(&subscription, 0, 2);
    put_int(&subscription, 1, 4);
    put_string(&subscription, g->topic);
    put_int(&subscription, -1, 4);
    put_int(b, (int64_t)subscription.size, 4);
    put(b, subscription.bytes, subscription.size);
    free(subscription.bytes);
    m->state = MEMBER_JOINING;
    m->has_assignment = false;
    send_request(g, m, API_JOIN);
}

// A member's share of the partitions: those whose number is `index` modulo `count`.
static void put_assignment(struct groups *g, struct buffer *b, int index, int count)
{
    struct buffer a = {0};
    int share = (g->partitions - index + count - 1) / count;
    put_int(&a, 0, 2);
    put_int(&a, share > 0 ? 1 : 0, 4);
    if (share > 0) {
        put_string(&a, g->topic);
        put_int(&a, share, 4);
        for (int p = index; p < g->partitions; p += count) put_int(&a, p, 4);
    }
    put_int(&a, -1, 4);
    put_int(b, (int64_t)a.size, 4);
    put(b, a.bytes, a.size);
    free(a.bytes);
}

// `members`: what JoinGroup told its leader; NULL for a follower.
static void sync_group(struct groups *g, struct member *m, const uint8_t *members)
{
    struct buffer *b = &m->request;
    begin_request(b, API_SYNC, 3);
    put_string(b, m->group);
    put_int(b, m->generation, 4);
    put_string(b, m->id);
    put_null_string(b);
    int count = members ? load_i32(members) : 0;
    put_int(b, count, 4);
    const uint8_t *at = members ? members + 4 : NULL;
    for (int i = 0; i < count; i++) {
        uint64_t id = load(at, 2);
        put(b, at, 2 + id);
        at += 2 + id;
        int16_t instance = load_i16(at);
        at += 2 + (instance > 0 ? instance : 0);
        at += 4 + load(at, 4); // its subscription: all want the same
        put_assignment(g, b, i, count);
    }
    m->state = MEMBER_SYNCING;
    send_request(g, m, API_SYNC);
}

static void heartbeat(struct groups *g, struct member *m)
{
    struct buffer *b = &m->request;
    begin_request(b, API_HEARTBEAT, 3);
    put_string(b, m->group);
    put_int(b, m->generation, 4);
    put_string(b, m->id);
    put_null_string(b);
    send_request(g, m, API_HEARTBEAT);
}

static void leave(struct groups *g, struct member *m)
{
    struct buffer *b = &m->request;
    begin_request(b, API_LEAVE, 3);
    put_string(b, m->group);
    put_int(b, 1, 4);
    put_string(b, m->id);
    put_null_string(b);
    m->state = MEMBER_LEAVING;
    send_request(g, m, API_LEAVE);
}

static void commit(struct groups *g, struct member *m)
{
    struct buffer *b = &m->request;
    begin_request(b, API_OFFSET_COMMIT, 7);
    put_string(b, m->group);
    put_int(b, m->generation, 4);
    put_string(b, m->id);
    put_null_string(b);
    put_int(b, 1, 4);
    put_string(b, g->topic);
    put_int(b, 1, 4);
    put_int(b, 0, 4);
    put_int(b, (int64_t)g->requests, 8);
    put_int(b, -1, 4);
    put_string(b, "");
    send_request(g, m, API_OFFSET_COMMIT);
}

// ---- answers ----

static void later(struct member *m, uint64_t wait_ns)
{
    m->wake_ns = now_ns() + wait_ns;
}

static void fail(const char *what, int code)
{
    fprintf(stderr, "loadgen: %s was answered with error %d\n", what, code);
    exit(2);
}

static const uint8_t *skip_string(const uint8_t *at)
{
    int16_t size = load_i16(at);
    return at + 2 + (size > 0 ? size : 0);
}

static void copy_id(struct member *m, const uint8_t *at)
{
    uint64_t size = load(at, 2);
    errno = 0;
    if (size >= sizeof m->id) die("a member id longer than expected");
    memcpy(m->id, at + 2, size);
    m->id[size] = 0;
}

static void joined(struct groups *g, struct member *m, const uint8_t *answer)
{
    int code = load_i16(answer + 4);
    const uint8_t *leader = skip_string(answer + 10), *self = skip_string(leader);
    if (code == MEMBER_ID_REQUIRED) {
        copy_id(m, self);
        join(g, m);
    } else if (code == COORDINATOR_LOADING || code == COORDINATOR_NOT_AVAILABLE || code == NOT_COORDINATOR) {
        m->state = MEMBER_OUT;
        later(m, RETRY_MS * 1000000u);
    } else if (code == UNKNOWN_MEMBER) {
        m->id[0] = 0;
        join(g, m);
    } else if (code == REBALANCE_IN_PROGRESS) {
        join(g, m);
    } else if (code) {
        fail("JoinGroup", code);
    } else {
        copy_id(m, self);
        m->generation = load_i32(answer + 6);
        bool leads = load(leader, 2) == load(self, 2) && !memcmp(leader + 2, self + 2, load(self, 2));
        sync_group(g, m, leads ? skip_string(self) : NULL);
    }
}

static void rejoin(struct groups *g, struct member *m, int code, const char *what)
{
    if (code == UNKNOWN_MEMBER)
        m->id[0] = 0;
    else if (code != REBALANCE_IN_PROGRESS && code != ILLEGAL_GENERATION)
        fail(what, code);
    join(g, m);
}

static uint64_t noise(struct groups *g)
{
    g->noise ^= g->noise << 13, g->noise ^= g->noise >> 7, g->noise ^= g->noise << 17;
    return g->noise;
}

static void synced(struct groups *g, struct member *m, const uint8_t *answer)
{
    int code = load_i16(answer + 4);
    if (code) {
        rejoin(g, m, code, "SyncGroup");
        return;
    }
    m->state = MEMBER_STABLE;
    m->has_assignment = true;
    // Spread, so that they do not all speak at once.
    m->commit_ns = now_ns() + noise(g) % (g->commit_every_ns + 1);
    later(m, noise(g) % g->beat_ns);
}

static void committed(struct groups *g, struct member *m, const uint8_t *answer, uint64_t took_ns)
{
    const uint8_t *partitions = skip_string(answer + 8);
    int code = load_i16(partitions + 8);
    if (code == REBALANCE_IN_PROGRESS || code == UNKNOWN_MEMBER || code == ILLEGAL_GENERATION) {
        rejoin(g, m, code, "OffsetCommit");
        return;
    }
    if (code) fail("OffsetCommit", code);
    sample(&g->latency, took_ns);
    m->commit_ns = now_ns() + g->commit_every_ns;
}

static void take(struct groups *g, struct member *m, const uint8_t *answer, uint64_t took_ns)
{
    int api = m->asked;
    m->asked = -1;
    switch (api) {
    case API_JOIN: joined(g, m, answer); break;
    case API_SYNC: synced(g, m, answer); break;
    case API_OFFSET_COMMIT: committed(g, m, answer, took_ns); break;
    case API_LEAVE:
        m->id[0] = 0;
        join(g, m);
        break;
    default:
        if (load_i16(answer + 4))
            rejoin(g, m, load_i16(answer + 4), "Heartbeat");
        else
            later(m, g->beat_ns);
    }
}

static void read_member(struct groups *g, struct member *m)
{
    size_t size;
    while (fill(m->conn)) {
        const uint8_t *answer = next_answer(m->conn, &size);
        if (!answer) continue;
        uint8_t *copy = get(size + 1);
        memcpy(copy, answer, size);
        uint64_t due = drop_answer(m->conn);
        take(g, m, copy, now_ns() - due);
        free(copy);
    }
}

static void act(struct groups *g, struct member *m, uint64_t now)
{
    if (m->asked >= 0 || m->conn->sending) return;
    if (m->state == MEMBER_OUT && now >= m->wake_ns)
        join(g, m);
    else if (m->state == MEMBER_STABLE && g->commits && now >= m->commit_ns)
        commit(g, m);
    else if (m->state == MEMBER_STABLE && now >= m->wake_ns)
        heartbeat(g, m);
}

static void turn(struct groups *g)
{
    struct epoll_event events[512];
    uint64_t now = now_ns();
    for (int i = 0; i < g->count; i++) act(g, &g->members[i], now);
    int n = epoll_wait(g->epoll, events, 512, 1);
    for (int i = 0; i < n; i++) {
        struct conn *c = events[i].data.ptr;
        struct member *m = &g->members[c - g->conns];
        if (events[i].events & EPOLLOUT) flush(g->epoll, c, &m->request);
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_member(g, m);
    }
}

// ---- scenarios ----

// All stable, and those of one group in the same generation.
static bool is_settled(const struct groups *g, bool one_group)
{
    for (int i = 0; i < g->count; i++) {
        if (g->members[i].state != MEMBER_STABLE || !g->members[i].has_assignment) return false;
        if (one_group && g->members[i].generation != g->members[0].generation) return false;
    }
    return true;
}

static void settle(struct groups *g, bool one_group)
{
    uint64_t give_up = now_ns() + 300ull * 1000000000u;
    while (!is_settled(g, one_group)) {
        turn(g);
        errno = 0;
        if (now_ns() > give_up) die("the groups do not settle");
    }
}

// The first question for a coordinator makes __consumer_offsets.
static void await_coordinator(const struct options *o)
{
    struct buffer b = {0};
    for (int fd = dial(o), code = -1; code; usleep(code ? 10000 : 0)) {
        size_t size;
        errno = 0;
        if (fd < 0) die("connect");
        begin_request(&b, API_FIND_COORDINATOR, 2);
        put_string(&b, "bench-0");
        put_int(&b, 0, 1);
        end_request(&b, 0);
        uint8_t *answer = ask(fd, &b, &size);
        code = load_i16(answer + 4);
        free(answer);
        if (!code) close(fd);
    }
    free(b.bytes);
}

static struct groups begin_groups(const struct options *o, int count, bool one_group)
{
    struct groups g = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                       .count = count,
                       .partitions = (int)number(o, "partitions", 1),
                       .topic = topic_of(o),
                       .beat_ns = (uint64_t)(number(o, "beat_ms", 50) * 1e6),
                       .commit_every_ns = (uint64_t)(number(o, "commit_ms", 200) * 1e6),
                       .noise = 88172645463325252u};
    await_coordinator(o);
    g.conns = connect_all(o, g.epoll, count, 256 * 1024);
    g.members = get((size_t)count * sizeof *g.members);
    for (int i = 0; i < count; i++) {
        struct member *m = &g.members[i];
        m->conn = &g.conns[i];
        m->asked = -1;
        // A group of this run's own: members of an earlier one would be waited for until their sessions end.
        snprintf(m->group, sizeof m->group, "bench-%d-%d", (int)getpid(), one_group ? 0 : i);
    }
    return g;
}

void do_group(const struct options *o)
{
    struct groups g = begin_groups(o, (int)number(o, "members", 100), true);
    struct meter joining = begin(o);
    settle(&g, true);
    double join_s = elapsed_s(&joining);
    struct meter rolling = begin(o);
    for (int i = 0; i < g.count; i++) {
        struct member *m = &g.members[i];
        while (m->asked >= 0) turn(&g); // its heartbeat comes back first
        if (m->state == MEMBER_STABLE) leave(&g, m);
        settle(&g, true);
    }
    printf("{\"members\": %d, \"join_ms\": %.1f, \"roll_ms\": %.1f, \"requests\": %llu", g.count, join_s * 1e3,
           elapsed_s(&rolling) * 1e3, (unsigned long long)g.requests);
    print_broker(o, &joining, 0, (double)g.requests);
    printf("}\n");
}

void do_groups(const struct options *o)
{
    struct groups g = begin_groups(o, (int)number(o, "groups", 1000), false);
    double seconds = number(o, "seconds", 10);
    struct meter joining = begin(o);
    settle(&g, false);
    double join_s = elapsed_s(&joining);
    g.commits = true;
    g.requests = 0;
    struct meter steady = begin(o);
    while (elapsed_s(&steady) < seconds) turn(&g);
    printf("{\"groups\": %d, \"join_ms\": %.1f, \"requests\": %llu, \"commits_s\": %.1f", g.count, join_s * 1e3,
           (unsigned long long)g.requests, (double)g.latency.count / elapsed_s(&steady));
    print_samples(&g.latency);
    print_broker(o, &steady, 0, (double)g.requests);
    printf("}\n");
}
