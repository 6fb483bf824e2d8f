// SPDX-License-Identifier: Apache-2.0
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
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what)
{
    fprintf(stderr, "loadgen: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(2);
}

uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void *get(size_t size)
{
    void *p = calloc(1, size);
    if (!p) die("no memory");
    return p;
}

// ---- bytes ----

void put(struct buffer *b, const void *bytes, size_t size)
{
    if (b->size + size > b->capacity) {
        b->capacity = (b->size + size) * 2;
        b->bytes = realloc(b->bytes, b->capacity);
        if (!b->bytes) die("no memory");
    }
    memcpy(b->bytes + b->size, bytes, size);
    b->size += size;
}

void store(uint8_t *at, uint64_t value, int size)
{
    for (int i = 0; i < size; i++) at[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
}

uint64_t load(const uint8_t *at, int size)
{
    uint64_t value = 0;
    for (int i = 0; i < size; i++) value = value << 8 | at[i];
    return value;
}

int16_t load_i16(const uint8_t *at)
{
    return (int16_t)load(at, 2);
}
int32_t load_i32(const uint8_t *at)
{
    return (int32_t)load(at, 4);
}
int64_t load_i64(const uint8_t *at)
{
    return (int64_t)load(at, 8);
}

void put_int(struct buffer *b, int64_t value, int size)
{
    uint8_t raw[8];
    store(raw, (uint64_t)value, size);
    put(b, raw, (size_t)size);
}

void put_string(struct buffer *b, const char *text)
{
    put_int(b, (int64_t)strlen(text), 2);
    put(b, text, strlen(text));
}

void put_varint(struct buffer *b, int64_t value)
{
    uint64_t v = (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
    for (; v > 127; v >>= 7) put(b, &(uint8_t){(uint8_t)(v | 128)}, 1);
    put(b, &(uint8_t){(uint8_t)v}, 1);
}

void begin_request(struct buffer *b, int api, int version)
{
    b->size = 0;
    put_int(b, 0, 4); // length, by end_request
    put_int(b, api, 2);
    put_int(b, version, 2);
    put_int(b, 0, 4); // correlation id, patched when it is sent
    put_string(b, "loadgen");
}

// `more` bytes follow that are not in the buffer.
void end_request(struct buffer *b, size_t more)
{
    store(b->bytes, b->size + more - 4, 4);
}

uint32_t crc32c(const uint8_t *p, size_t size)
{
    static uint32_t table[256];
    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t v = i;
            for (int k = 0; k < 8; k++) v = v & 1 ? v >> 1 ^ 0x82f63b78u : v >> 1;
            table[i] = v;
        }
    }
    uint32_t crc = ~0u;
    for (size_t i = 0; i < size; i++) crc = table[(crc ^ p[i]) & 255] ^ crc >> 8;
    return ~crc;
}

void seal_batch(uint8_t *batch, size_t size)
{
    store(batch + 17, crc32c(batch + 21, size - 21), 4);
}

// `count` records with values of `size` bytes of noise, and keys that begin with `key` and are the same in every batch
// (NULL: none); value_at (may be null): where the first value stands.
struct buffer make_batch(int count, size_t size, const char *key, size_t *value_at)
{
    struct buffer b = {0}, record = {0};
    uint64_t noise = 88172645463325252u;
    uint8_t *value = get(size + 8);
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    int64_t now_ms = (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
    put_int(&b, 0, 8);  // base offset
    put_int(&b, 0, 4);  // length
    put_int(&b, -1, 4); // leader epoch
    put_int(&b, 2, 1);  // magic
    put_int(&b, 0, 4);  // CRC
    put_int(&b, 0, 2);  // attributes: not compressed
    put_int(&b, count - 1, 4);
    put_int(&b, now_ms, 8); // first and last time
    put_int(&b, now_ms, 8);
    put_int(&b, -1, 8); // producer id, epoch, sequence: not idempotent
    put_int(&b, -1, 2);
    put_int(&b, -1, 4);
    put_int(&b, count, 4);
    for (int i = 0; i < count; i++) {
        for (size_t k = 0; k < size; k += 8) {
            noise ^= noise << 13, noise ^= noise >> 7, noise ^= noise << 17;
            memcpy(value + k, &noise, 8);
        }
        record.size = 0;
        put_int(&record, 0, 1);
        put_varint(&record, 0);
        put_varint(&record, i);
        char name[64];
        int key_bytes = key ? snprintf(name, sizeof(name), "%.40s-%d", key, i) : -1;
        put_varint(&record, key_bytes);
        put(&record, name, key_bytes < 0 ? 0 : (size_t)key_bytes);
        put_varint(&record, (int64_t)size);
        put_varint(&b, (int64_t)(record.size + size + 1));
        put(&b, record.bytes, record.size);
        if (i == 0 && value_at) *value_at = b.size;
        put(&b, value, size);
        put_varint(&b, 0);
    }
    store(b.bytes + 8, b.size - 12, 4);
    seal_batch(b.bytes, b.size);
    free(value);
    free(record.bytes);
    return b;
}

// ---- arguments ----

const char *text(const struct options *o, const char *key)
{
    for (int i = 0; i < o->count; i++) {
        if (!strcmp(o->keys[i], key)) return o->values[i];
    }
    return NULL;
}

double number(const struct options *o, const char *key, double otherwise)
{
    const char *value = text(o, key);
    char *end = NULL;
    double n = value ? strtod(value, &end) : otherwise;
    if (value && (end == value || *end)) errno = 0, die(key);
    return n;
}

const char *topic_of(const struct options *o)
{
    const char *topic = text(o, "topic");
    errno = 0;
    if (!topic || strlen(topic) > 249) die("topic=NAME is missing");
    return topic;
}

// ---- the broker's process ----

double cpu_seconds(int pid)
{
    char path[64], line[1024];
    unsigned long user = 0, kernel = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t got = fread(line, 1, sizeof line - 1, f);
    fclose(f);
    line[got] = 0;
    const char *rest = strrchr(line, ')'); // the name may hold blanks
    if (rest) (void)!sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel);
    return (double)(user + kernel) / (double)sysconf(_SC_CLK_TCK);
}

double resident_mib(int pid)
{
    char path[64], line[256];
    double kib = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f)) {
        if (!strncmp(line, "VmRSS:", 6)) kib = strtod(line + 6, NULL);
    }
    if (f) fclose(f);
    return kib / 1024;
}

struct meter begin(const struct options *o)
{
    double cpu_s = o->broker_pid ? cpu_seconds(o->broker_pid) : 0;
    return (struct meter){.cpu_s = cpu_s, .client_cpu_s = cpu_seconds(getpid()), .begun_ns = now_ns()};
}

double elapsed_s(const struct meter *m)
{
    return (double)(now_ns() - m->begun_ns) / 1e9;
}

void print_broker(const struct options *o, const struct meter *m, double bytes, double requests)
{
    if (!o->broker_pid) return;
    double cpu_s = cpu_seconds(o->broker_pid) - m->cpu_s;
    if (bytes > 0) printf(", \"cpu_s_per_gb\": %.3f", cpu_s / (bytes / 1e9));
    printf(", \"cpu_s\": %.3f, \"client_cpu_s\": %.3f", cpu_s, cpu_seconds(getpid()) - m->client_cpu_s);
    if (requests > 0) printf(", \"cpu_us_per_request\": %.2f", cpu_s / requests * 1e6);
    printf(", \"rss_mib\": %.1f", resident_mib(o->broker_pid));
}

// ---- latencies ----

void sample(struct samples *s, uint64_t ns)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 65536;
        s->us_tenths = realloc(s->us_tenths, s->capacity * sizeof *s->us_tenths);
        if (!s->us_tenths) die("no memory");
    }
    uint64_t tenths = ns / 100;
    s->us_tenths[s->count++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

void print_samples(struct samples *s)
{
    if (!s->count) return;
    qsort(s->us_tenths, s->count, sizeof *s->us_tenths, by_size);
    const double points[] = {0.5, 0.99, 0.999};
    const char *names[] = {"p50_us", "p99_us", "p999_us"};
    for (int i = 0; i < 3; i++) {
        size_t at = (size_t)((double)s->count * points[i]);
        printf(", \"%s\": %.1f", names[i], (double)s->us_tenths[at < s->count ? at : s->count - 1] / 10);
    }
    printf(", \"max_us\": %.1f", (double)s->us_tenths[s->count - 1] / 10);
}

// ---- sockets ----

int dial(const struct options *o)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    if (fd < 0) die("socket");
    if (connect(fd, (const struct sockaddr *)&o->address, sizeof o->address)) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

void read_all(int fd, uint8_t *to, size_t size)
{
    while (size) {
        ssize_t n = read(fd, to, size);
        if (n < 0 && errno == EINTR) continue;
        if (n == 0) errno = 0;
        if (n <= 0) die("the broker closed the connection");
        to += n, size -= (size_t)n;
    }
}

// Sends one request and waits; the answer without length and correlation id, malloc'd.
uint8_t *ask(int fd, struct buffer *request, size_t *size)
{
    uint8_t head[8];
    for (size_t done = 0; done < request->size;) {
        ssize_t n = write(fd, request->bytes + done, request->size - done);
        if (n < 0) die("write");
        done += (size_t)n;
    }
    read_all(fd, head, 8);
    *size = load(head, 4) - 4;
    uint8_t *answer = get(*size + 1);
    read_all(fd, answer, *size);
    return answer;
}

struct conn *connect_all(const struct options *o, int epoll, int count, size_t in_capacity)
{
    struct conn *conns = get((size_t)count * sizeof *conns);
    for (int i = 0; i < count; i++) {
        struct conn *c = &conns[i];
        c->fd = dial(o);
        if (c->fd < 0) die("connect");
        fcntl(c->fd, F_SETFL, O_NONBLOCK);
        c->in_capacity = in_capacity;
        c->in = get(in_capacity);
        c->events = EPOLLIN;
        struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e)) die("epoll_ctl");
    }
    return conns;
}

void watch(int epoll, struct conn *c, uint32_t events)
{
    if (c->events == events) return;
    c->events = events;
    struct epoll_event e = {.events = events, .data.ptr = c};
    if (epoll_ctl(epoll, EPOLL_CTL_MOD, c->fd, &e)) die("epoll_ctl");
}

// Writes what it can of head and batch; true when all of it is out.
bool flush(int epoll, struct conn *c, const struct buffer *batch)
{
    size_t total = c->head_bytes + batch->size;
    while (c->written < total) {
        struct iovec parts[2];
        int n = 0;
        if (c->written < c->head_bytes) parts[n++] = (struct iovec){c->head + c->written, c->head_bytes - c->written};
        size_t skip = c->written > c->head_bytes ? c->written - c->head_bytes : 0;
        if (batch->size > skip) parts[n++] = (struct iovec){batch->bytes + skip, batch->size - skip};
        ssize_t done = writev(c->fd, parts, n);
        if (done < 0 && errno == EAGAIN) {
            watch(epoll, c, EPOLLIN | EPOLLOUT);
            return false;
        }
        if (done < 0) die("write");
        c->written += (size_t)done;
    }
    c->sending = false;
    watch(epoll, c, EPOLLIN);
    return true;
}

void begin_send(struct conn *c, uint64_t due_ns)
{
    store(c->head + 8, (uint64_t)(uint32_t)++c->correlation, 4);
    c->due_ns[(c->first + c->unanswered++) % INFLIGHT_MAX] = due_ns;
    c->written = 0;
    c->sending = true;
}

// Reads what is there. The next whole answer stands at c->in + 8 with *size bytes behind the correlation id.
bool fill(struct conn *c)
{
    ssize_t n = read(c->fd, c->in + c->in_bytes, c->in_capacity - c->in_bytes);
    if (n < 0 && errno == EAGAIN) return false;
    if (n == 0) errno = 0;
    if (n <= 0) die("the broker closed the connection");
    c->in_bytes += (size_t)n;
    return true;
}

const uint8_t *next_answer(struct conn *c, size_t *size)
{
    if (c->in_bytes < 8) return NULL;
    size_t frame = load(c->in, 4) + 4;
    errno = 0;
    if (frame > c->in_capacity) die("an answer larger than asked for");
    if (c->in_bytes < frame) return NULL;
    *size = frame - 8;
    return c->in + 8;
}

// Frees the oldest request's place; returns when it was due.
uint64_t drop_answer(struct conn *c)
{
    size_t frame = load(c->in, 4) + 4;
    memmove(c->in, c->in + frame, c->in_bytes - frame);
    c->in_bytes -= frame;
    c->unanswered--;
    return c->due_ns[c->first++ % INFLIGHT_MAX];
}
