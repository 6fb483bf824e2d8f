// SPDX-License-Identifier: Apache-2.0
//
// A load generator of one thread that speaks the protocol itself, so that the broker is measured and not a client
// library. It depends on nothing of the repository: the same program loads any broker.
//
//   cc -O2 -o loadgen loadgen.c
//   loadgen [-b HOST:PORT] [-p BROKER_PID] COMMAND key=value...
//
//   ready -- PROGRAM ARG...   start PROGRAM, time from exec to the first byte of a Metadata answer; leaves it running
//   create topic=T partitions=N [config.KEY=VALUE...]
//   produce topic=T partitions=N conns=C inflight=F records=R size=S acks=A seconds=X [rate=BATCHES_PER_SECOND]
//           [key=PREFIX]      keys PREFIX-0 to PREFIX-(R-1), the same in every batch
//   fetch topic=T partitions=N conns=C seconds=X [bytes=MAX_PER_REQUEST]    from offset 0 to the end, or for X seconds
//   group topic=T partitions=N members=M beat_ms=B     one group: all join; then each leaves and comes back in turn
//   groups topic=T groups=G seconds=X beat_ms=B commit_ms=C     groups of one member: heartbeats and commits
//   e2e topic=T rate=RECORDS_PER_SECOND seconds=X size=S acks=A             latency from the intended send time to
//                                      receipt
//   meta topic=T count=N                 Metadata round trips, one after the other
//   idle conns=N seconds=X               connections that asked for ApiVersions once: what they cost while nothing happens
//
// Prints one line of JSON. Latencies in us; with rate= they count from the moment a request was due, not from when it
// could be sent, so a stall of the broker is charged to every request it delayed. -p adds the broker's CPU seconds per
// GB (10^9 bytes of batches) and its resident memory at the end.
//
// Requests are of the last versions without compact encodings, or the last that matter: Produce 3, Fetch 4,
// ListOffsets 1, Metadata 1, CreateTopics 2, JoinGroup 5, SyncGroup 3, Heartbeat 3, LeaveGroup 3, OffsetCommit 7.
// All numbers on the wire are big-endian.
#define _GNU_SOURCE
#include "loadgen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

// ---- produce ----

struct produce {
    int epoll, conns, inflight, partitions;
    struct conn *conn;
    struct buffer batch;
    size_t partition_at; // where in the head the partition's number stands
    double interval_ns;  // between batches over all connections; 0 = as fast as answers allow
    uint64_t next_ns, end_ns;
    uint64_t sent, answered;
    struct samples latency;
};

static void make_produce_head(struct produce *p, const struct options *o, struct conn *c, int index)
{
    struct buffer b = {0};
    begin_request(&b, API_PRODUCE, 3);
    put_int(&b, -1, 2); // no transaction
    put_int(&b, (int64_t)number(o, "acks", 1), 2);
    put_int(&b, 30000, 4);
    put_int(&b, 1, 4);
    put_string(&b, topic_of(o));
    put_int(&b, 1, 4);
    p->partition_at = b.size;
    put_int(&b, 0, 4);
    put_int(&b, (int64_t)p->batch.size, 4);
    end_request(&b, p->batch.size);
    memcpy(c->head, b.bytes, b.size);
    c->head_bytes = b.size;
    c->partition = (uint32_t)(index % p->partitions);
    free(b.bytes);
}

static void send_more(struct produce *p, struct conn *c)
{
    while (!c->sending && c->unanswered < (uint32_t)p->inflight) {
        uint64_t now = now_ns(), due = now;
        if (now >= p->end_ns) return;
        if (p->interval_ns > 0) {
            if (p->next_ns > now) return;
            due = p->next_ns;
            p->next_ns = (uint64_t)((double)p->next_ns + p->interval_ns);
        }
        store(c->head + p->partition_at, c->partition, 4);
        c->partition = (c->partition + 1) % (uint32_t)p->partitions;
        begin_send(c, due);
        p->sent++;
        flush(p->epoll, c, &p->batch);
    }
}

static void take_produced(struct produce *p, struct conn *c)
{
    size_t size;
    const uint8_t *answer;
    while ((answer = next_answer(c, &size))) {
        size_t at = 6 + load(answer + 4, 2) + 4 + 4; // one topic, its name, one partition, its number
        errno = 0;
        int code = at + 2 <= size ? load_i16(answer + at) : -1;
        if (code) {
            fprintf(stderr, "loadgen: Produce was answered with error %d\n", code);
            exit(2);
        }
        sample(&p->latency, now_ns() - drop_answer(c));
        p->answered++;
    }
}

static void run_produce(struct produce *p)
{
    struct epoll_event events[256];
    int turn = 0;
    for (;;) {
        bool over = now_ns() >= p->end_ns;
        if (over && p->answered == p->sent) return;
        for (int i = 0; i < p->conns && !over; i++) send_more(p, &p->conn[(i + turn) % p->conns]);
        turn++;
        // An open loop must not oversleep its next send: below a millisecond it polls.
        int n = epoll_wait(p->epoll, events, 256, p->interval_ns > 0 && !over ? 0 : 10);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT) flush(p->epoll, c, &p->batch);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
                while (fill(c)) take_produced(p, c);
            }
        }
    }
}

static void do_produce(const struct options *o)
{
    int records = (int)number(o, "records", 16);
    double rate = number(o, "rate", 0), seconds = number(o, "seconds", 5);
    struct produce p = {
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .conns = (int)number(o, "conns", 1),
        .inflight = (int)number(o, "inflight", 5),
        .partitions = (int)number(o, "partitions", 1),
        .batch = make_batch(records, (size_t)number(o, "size", 1024), text(o, "key"), NULL),
        .interval_ns = rate > 0 ? 1e9 / rate : 0,
    };
    if (p.inflight > INFLIGHT_MAX) p.inflight = INFLIGHT_MAX;
    p.conn = connect_all(o, p.epoll, p.conns, 65536);
    for (int i = 0; i < p.conns; i++) make_produce_head(&p, o, &p.conn[i], i);
    struct meter m = begin(o);
    p.next_ns = m.begun_ns;
    p.end_ns = m.begun_ns + (uint64_t)(seconds * 1e9);
    run_produce(&p);
    double s = elapsed_s(&m), bytes = (double)p.answered * (double)p.batch.size;
    printf("{\"batches_s\": %.0f, \"records_s\": %.0f, \"mb_s\": %.2f", (double)p.answered / s,
           (double)p.answered * records / s, bytes / 1e6 / s);
    print_samples(&p.latency);
    print_broker(o, &m, bytes, (double)p.answered);
    printf("}\n");
}

// ---- fetch ----

static void make_fetch_head(const struct options *o, struct conn *c, int32_t max_bytes, int32_t wait_ms)
{
    struct buffer b = {0};
    begin_request(&b, API_FETCH, 4);
    put_int(&b, -1, 4); // a consumer
    put_int(&b, wait_ms, 4);
    put_int(&b, 1, 4);
    put_int(&b, max_bytes, 4);
    put_int(&b, 0, 1); // read uncommitted
    put_int(&b, 1, 4);
    put_string(&b, topic_of(o));
    put_int(&b, 1, 4);
    put_int(&b, 0, 4); // partition and offset: the last 16 bytes but four, patched
    put_int(&b, 0, 8);
    put_int(&b, max_bytes, 4);
    end_request(&b, 0);
    memcpy(c->head, b.bytes, b.size);
    c->head_bytes = b.size;
    free(b.bytes);
}

static void send_fetch(int epoll, struct conn *c, uint32_t partition, int64_t offset)
{
    static const struct buffer nothing;
    store(c->head + c->head_bytes - 16, partition, 4);
    store(c->head + c->head_bytes - 12, (uint64_t)offset, 8);
    begin_send(c, now_ns());
    flush(epoll, c, &nothing);
}

struct fetched {
    const uint8_t *batches;
    size_t bytes;
    int64_t high_watermark;
};

static struct fetched read_fetch(const uint8_t *answer)
{
    size_t at = 8 + 2 + load(answer + 8, 2) + 4 + 4;
    int code = load_i16(answer + at);
    if (code) {
        fprintf(stderr, "loadgen: Fetch was answered with error %d\n", code);
        exit(2);
    }
    int32_t aborted = load_i32(answer + at + 18);
    size_t records_at = at + 22 + (size_t)(aborted > 0 ? aborted : 0) * 16;
    int32_t bytes = load_i32(answer + records_at);
    return (struct fetched){.high_watermark = load_i64(answer + at + 2),
                            .batches = answer + records_at + 4,
                            .bytes = bytes > 0 ? (size_t)bytes : 0};
}

// The size of the whole batch at `at`, or 0 when it is cut off.
static size_t whole_batch(const struct fetched *f, size_t at)
{
    if (at + BATCH_HEADER_BYTES > f->bytes) return 0;
    size_t size = load(f->batches + at + 8, 4) + 12;
    return at + size <= f->bytes ? size : 0;
}

struct fetch {
    int epoll, conns, partitions;
    struct conn *conn;
    uint64_t bytes, requests, batches;
    int active;
};

// The next of this connection's partitions that still has something to read; false when all are read.
static bool fetch_next(struct fetch *f, struct conn *c)
{
    for (int i = 0; i < f->partitions; i++) {
        c->partition = (c->partition + (uint32_t)f->conns) % (uint32_t)(f->partitions * f->conns);
        if (c->partition < (uint32_t)f->partitions && c->offsets[c->partition] >= 0) {
            send_fetch(f->epoll, c, c->partition, c->offsets[c->partition]);
            return true;
        }
    }
    c->done = true;
    f->active--;
    return false;
}

static void take_fetched(struct fetch *f, struct conn *c)
{
    size_t size;
    const uint8_t *answer;
    while ((answer = next_answer(c, &size))) {
        struct fetched got = read_fetch(answer);
        int64_t *offset = &c->offsets[c->partition];
        for (size_t at = 0, batch; (batch = whole_batch(&got, at)); at += batch) {
            *offset = load_i64(got.batches + at) + load_i32(got.batches + at + 23) + 1;
            f->bytes += batch;
            f->batches++;
        }
        if (*offset >= got.high_watermark) *offset = -1;
        f->requests++;
        drop_answer(c);
        fetch_next(f, c);
    }
}

static void do_fetch(const struct options *o)
{
    int32_t max_bytes = (int32_t)number(o, "bytes", 1 << 20);
    struct fetch f = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                      .conns = (int)number(o, "conns", 1),
                      .partitions = (int)number(o, "partitions", 1)};
    struct epoll_event events[64];
    f.conn = connect_all(o, f.epoll, f.conns, (size_t)max_bytes + (2u << 20));
    f.active = f.conns;
    uint64_t deadline_ns = (uint64_t)(number(o, "seconds", 10) * 1e9);
    struct meter m = begin(o);
    for (int i = 0; i < f.conns; i++) {
        struct conn *c = &f.conn[i];
        make_fetch_head(o, c, max_bytes, 100);
        c->offsets = get((size_t)f.partitions * sizeof *c->offsets);
        // Connection i reads partitions i, i + conns, ...
        for (int p = 0; p < f.partitions; p++) c->offsets[p] = p % f.conns == i ? 0 : -1;
        c->partition = (uint32_t)i;
        fetch_next(&f, c);
    }
    while (f.active > 0 && now_ns() - m.begun_ns < deadline_ns) {
        int n = epoll_wait(f.epoll, events, 64, 100);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            while (!c->done && fill(c)) take_fetched(&f, c);
        }
    }
    double s = elapsed_s(&m);
    printf("{\"mb_s\": %.2f, \"requests_s\": %.0f, \"batches_s\": %.0f, \"mb\": %.1f, \"complete\": %s",
           (double)f.bytes / 1e6 / s, (double)f.requests / s, (double)f.batches / s, (double)f.bytes / 1e6,
           f.active ? "false" : "true");
    print_broker(o, &m, (double)f.bytes, (double)f.requests);
    printf("}\n");
}

// ---- end to end ----

struct e2e {
    struct produce produce;
    struct conn *reader;
    size_t value_at;
    int64_t offset;
    uint64_t received, mark;
    struct samples latency;
};

// Each record carries the moment it was due, and a mark that tells this run's records from older ones.
static void send_due(struct e2e *e)
{
    struct produce *p = &e->produce;
    struct conn *c = p->conn;
    uint64_t now = now_ns();
    if (c->sending || c->unanswered == INFLIGHT_MAX || p->next_ns > now || now >= p->end_ns) return;
    uint64_t due = p->next_ns;
    memcpy(p->batch.bytes + e->value_at, &due, 8);
    memcpy(p->batch.bytes + e->value_at + 8, &e->mark, 8);
    seal_batch(p->batch.bytes, p->batch.size);
    p->next_ns = (uint64_t)((double)p->next_ns + p->interval_ns);
    begin_send(c, due);
    p->sent++;
    flush(p->epoll, c, &p->batch);
}

static void take_received(struct e2e *e)
{
    size_t size;
    const uint8_t *answer;
    while ((answer = next_answer(e->reader, &size))) {
        struct fetched got = read_fetch(answer);
        uint64_t now = now_ns();
        for (size_t at = 0, batch; (batch = whole_batch(&got, at)); at += batch) {
            int64_t next = load_i64(got.batches + at) + load_i32(got.batches + at + 23) + 1;
            uint64_t due, mark;
            if (next <= e->offset || at + e->value_at + 16 > got.bytes) continue;
            e->offset = next;
            memcpy(&due, got.batches + at + e->value_at, 8);
            memcpy(&mark, got.batches + at + e->value_at + 8, 8);
            if (mark != e->mark) continue;
            sample(&e->latency, now - due);
            e->received++;
        }
        drop_answer(e->reader);
        send_fetch(e->produce.epoll, e->reader, 0, e->offset);
    }
}

static void run_e2e(struct e2e *e)
{
    struct produce *p = &e->produce;
    struct epoll_event events[16];
    uint64_t give_up_ns = p->end_ns + 10000000000u;
    send_fetch(p->epoll, e->reader, 0, 0);
    while (now_ns() < give_up_ns && (now_ns() < p->end_ns || e->received < p->sent)) {
        send_due(e);
        // Polls in the last 50 us before a send: a sleeping sender would be part of the latency.
        bool near = p->next_ns < now_ns() + 50000 && now_ns() < p->end_ns;
        struct timespec nap = {.tv_nsec = near ? 0 : 40000};
        int n = epoll_pwait2(p->epoll, events, 16, &nap, NULL);
        for (int i = 0; i < n; i++) {
            struct conn *c = events[i].data.ptr;
            if (c == p->conn && events[i].events & EPOLLOUT) flush(p->epoll, c, &p->batch);
            while (fill(c)) {
                if (c == p->conn)
                    take_produced(p, c);
                else
                    take_received(e);
            }
        }
    }
}

static void do_e2e(const struct options *o)
{
    struct e2e e = {.produce = {.epoll = epoll_create1(EPOLL_CLOEXEC),
                                .conns = 1,
                                .partitions = 1,
                                .inflight = INFLIGHT_MAX,
                                .interval_ns = 1e9 / number(o, "rate", 1000)}};
    struct produce *p = &e.produce;
    size_t value_bytes = (size_t)number(o, "size", 1024);
    p->batch = make_batch(1, value_bytes < 16 ? 16 : value_bytes, NULL, &e.value_at);
    p->conn = connect_all(o, p->epoll, 1, 65536);
    make_produce_head(p, o, p->conn, 0);
    e.reader = connect_all(o, p->epoll, 1, 4u << 20);
    make_fetch_head(o, e.reader, 1 << 20, 500);
    e.mark = now_ns() ^ (uint64_t)getpid() << 40;
    struct meter m = begin(o);
    p->next_ns = m.begun_ns + 1000000;
    p->end_ns = m.begun_ns + (uint64_t)(number(o, "seconds", 5) * 1e9);
    run_e2e(&e);
    errno = 0;
    if (e.received < p->sent) die("records sent were not received within 10 s");
    printf("{\"records\": %llu", (unsigned long long)e.received);
    print_samples(&e.latency);
    print_broker(o, &m, 0, (double)p->sent);
    printf("}\n");
}

// ---- the rest ----

static void put_metadata(struct buffer *b, const char *topic)
{
    begin_request(b, API_METADATA, 1);
    put_int(b, topic ? 1 : 0, 4);
    if (topic) put_string(b, topic);
    end_request(b, 0);
}

static void do_meta(const struct options *o)
{
    struct buffer request = {0};
    struct samples latency = {0};
    int fd = dial(o), count = (int)number(o, "count", 1000);
    if (fd < 0) die("connect");
    put_metadata(&request, topic_of(o));
    struct meter m = begin(o);
    for (int i = 0; i < count; i++) {
        size_t size;
        uint64_t begun = now_ns();
        free(ask(fd, &request, &size));
        sample(&latency, now_ns() - begun);
    }
    printf("{\"requests_s\": %.0f", count / elapsed_s(&m));
    print_samples(&latency);
    print_broker(o, &m, 0, count);
    printf("}\n");
}

// Does every one of `partitions` partitions have a leader in this Metadata answer (version 1, one topic)?
static bool all_led(const uint8_t *a, int partitions)
{
    int32_t brokers = load_i32(a);
    size_t at = 4;
    for (int32_t i = 0; i < brokers; i++) {
        at += 4;
        at += 2 + load(a + at, 2) + 4;
        int16_t rack = load_i16(a + at);
        at += 2 + (size_t)(rack > 0 ? rack : 0);
    }
    at += 4 + 4; // controller, topics
    if (load_i16(a + at)) return false;
    at += 2;
    at += 2 + load(a + at, 2) + 1;
    if (load_i32(a + at) != partitions) return false;
    at += 4;
    for (int i = 0; i < partitions; i++) {
        if (load_i16(a + at) || load_i32(a + at + 6) < 0) return false;
        at += 10;
        at += 4 + 4 * load(a + at, 4);
        at += 4 + 4 * load(a + at, 4);
    }
    return true;
}

// A leader named in Metadata may take a moment until it serves; ListOffsets tells.
static bool all_serve(int fd, const char *topic, int partitions)
{
    struct buffer b = {0};
    size_t size, at;
    begin_request(&b, API_LIST_OFFSETS, 1);
    put_int(&b, -1, 4);
    put_int(&b, 1, 4);
    put_string(&b, topic);
    put_int(&b, partitions, 4);
    for (int i = 0; i < partitions; i++) {
        put_int(&b, i, 4);
        put_int(&b, -1, 8); // the end
    }
    end_request(&b, 0);
    uint8_t *answer = ask(fd, &b, &size);
    bool good = true;
    at = 6 + load(answer + 4, 2) + 4;
    for (int i = 0; i < partitions; i++, at += 22) good = good && load_i16(answer + at + 4) == 0;
    free(answer);
    free(b.bytes);
    return good;
}

static void do_create(const struct options *o)
{
    struct buffer b = {0};
    int fd = dial(o), partitions = (int)number(o, "partitions", 1), configs = 0;
    size_t size;
    if (fd < 0) die("connect");
    begin_request(&b, API_CREATE_TOPICS, 2);
    put_int(&b, 1, 4);
    put_string(&b, topic_of(o));
    put_int(&b, partitions, 4);
    put_int(&b, 1, 2);
    put_int(&b, 0, 4); // no assignment
    for (int i = 0; i < o->count; i++) configs += !strncmp(o->keys[i], "config.", 7);
    put_int(&b, configs, 4);
    for (int i = 0; i < o->count; i++) {
        if (strncmp(o->keys[i], "config.", 7)) continue;
        put_string(&b, o->keys[i] + 7);
        put_string(&b, o->values[i]);
    }
    put_int(&b, 60000, 4);
    put_int(&b, 0, 1);
    end_request(&b, 0);
    struct meter m = begin(o);
    uint8_t *answer = ask(fd, &b, &size);
    int code = load_i16(answer + 10 + load(answer + 8, 2));
    if (code) {
        fprintf(stderr, "loadgen: CreateTopics was answered with error %d\n", code);
        exit(2);
    }
    for (bool led = false; !led;) {
        put_metadata(&b, topic_of(o));
        answer = ask(fd, &b, &size);
        led = all_led(answer, partitions);
        free(answer);
        led = led && all_serve(fd, topic_of(o), partitions);
    }
    printf("{\"ms\": %.1f", elapsed_s(&m) * 1000);
    print_broker(o, &m, 0, 0);
    printf("}\n");
}

static void do_idle(const struct options *o)
{
    struct buffer request = {0};
    int conns = (int)number(o, "conns", 1000);
    struct rlimit files = {.rlim_cur = (rlim_t)conns + 64};
    struct rlimit had;
    if (getrlimit(RLIMIT_NOFILE, &had)) die("getrlimit");
    files.rlim_max = had.rlim_max;
    if (had.rlim_cur < files.rlim_cur && setrlimit(RLIMIT_NOFILE, &files)) die("setrlimit");
    double before_mib = resident_mib(o->broker_pid);
    begin_request(&request, API_VERSIONS, 0);
    end_request(&request, 0);
    struct meter m = begin(o);
    for (int i = 0; i < conns; i++) {
        size_t size;
        int fd = dial(o); // closed by the end of this program
        if (fd < 0) die("connect");
        free(ask(fd, &request, &size));
    }
    double opened_s = elapsed_s(&m);
    double mib = resident_mib(o->broker_pid) - before_mib;
    m = begin(o);
    nanosleep(&(struct timespec){.tv_sec = (time_t)number(o, "seconds", 5)}, NULL);
    double core_percent = (cpu_seconds(o->broker_pid) - m.cpu_s) / elapsed_s(&m) * 100;
    printf("{\"connections_s\": %.0f, \"mib\": %.2f, \"core_percent\": %.2f}\n", conns / opened_s, mib, core_percent);
}

static void do_ready(const struct options *o, char **program)
{
    struct buffer request = {0};
    put_metadata(&request, NULL);
    errno = 0;
    if (!program[0]) die("ready -- PROGRAM ARG...");
    uint64_t begun = now_ns();
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid == 0) {
        // The caller reads our output to its end: the program must not hold it.
        int null = open("/dev/null", O_RDWR);
        dup2(null, 0), dup2(null, 1), dup2(null, 2);
        execvp(program[0], program);
        _exit(127);
    }
    for (;;) {
        int fd = dial(o);
        if (fd >= 0) {
            struct pollfd wait = {.fd = fd, .events = POLLIN};
            uint8_t byte;
            if (write(fd, request.bytes, request.size) == (ssize_t)request.size && poll(&wait, 1, 60000) == 1 &&
                read(fd, &byte, 1) == 1)
                break;
            close(fd);
        }
        if (now_ns() - begun > 120000000000u) die("no answer in 120 s");
        nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
    }
    double ms = (double)(now_ns() - begun) / 1e6;
    printf("{\"ms\": %.2f, \"pid\": %d, \"cpu_s\": %.2f, \"rss_mib\": %.1f}\n", ms, (int)pid, cpu_seconds((int)pid),
           resident_mib((int)pid));
}

static void set_address(struct options *o, const char *where)
{
    char host[64];
    const char *colon = strrchr(where, ':');
    errno = 0;
    if (!colon || (size_t)(colon - where) >= sizeof host) die("-b HOST:PORT, the host as an IPv4 address");
    memcpy(host, where, (size_t)(colon - where));
    host[colon - where] = 0;
    o->address = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    if (inet_pton(AF_INET, host, &o->address.sin_addr) != 1) die("-b HOST:PORT, the host as an IPv4 address");
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int option;
    set_address(&o, "127.0.0.1:9092");
    while ((option = getopt(argc, argv, "+b:p:")) != -1) {
        if (option == 'b')
            set_address(&o, optarg);
        else if (option == 'p')
            o.broker_pid = (int)strtol(optarg, NULL, 10);
        else
            return 2;
    }
    const char *command = optind < argc ? argv[optind++] : "";
    if (!strcmp(command, "ready")) {
        if (optind < argc && !strcmp(argv[optind], "--")) optind++;
        do_ready(&o, argv + optind);
        return 0;
    }
    for (; optind < argc && o.count < ARGUMENTS_MAX; optind++) {
        char *equals = strchr(argv[optind], '=');
        errno = 0;
        if (!equals) die("arguments are key=value; see the head of loadgen.c");
        *equals = 0;
        o.keys[o.count] = argv[optind];
        o.values[o.count++] = equals + 1;
    }
    if (!strcmp(command, "create"))
        do_create(&o);
    else if (!strcmp(command, "produce"))
        do_produce(&o);
    else if (!strcmp(command, "fetch"))
        do_fetch(&o);
    else if (!strcmp(command, "e2e"))
        do_e2e(&o);
    else if (!strcmp(command, "meta"))
        do_meta(&o);
    else if (!strcmp(command, "idle"))
        do_idle(&o);
    else if (!strcmp(command, "group"))
        do_group(&o);
    else if (!strcmp(command, "groups"))
        do_groups(&o);
    else
        errno = 0, die("ready, create, produce, fetch, e2e, meta, idle, group or groups; see the head of loadgen.c");
    return 0;
}
