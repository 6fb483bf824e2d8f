// SPDX-License-Identifier: Apache-2.0
// What the load generator's commands share: bytes, batches, sockets, the broker's process, latencies.
#ifndef ODRADEK_TESTS_LOADGEN_H
#define ODRADEK_TESTS_LOADGEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_LIST_OFFSETS = 2,
    API_METADATA = 3,
    API_VERSIONS = 18,
    API_CREATE_TOPICS = 19,
    BATCH_HEADER_BYTES = 61, // up to and including the record count
    INFLIGHT_MAX = 256,
    ARGUMENTS_MAX = 64,
};

struct buffer {
    uint8_t *bytes;
    size_t size, capacity;
};

// One connection: one request being written, answers being read.
struct conn {
    int fd;
    uint32_t events;            // what epoll watches
    uint8_t head[512];          // the frame up to the batch
    size_t head_bytes, written; // written counts head and batch
    bool sending;
    uint64_t due_ns[INFLIGHT_MAX]; // ring of the requests unanswered, by when they were due
    uint32_t first, unanswered;
    int32_t correlation;
    uint8_t *in;
    size_t in_bytes, in_capacity;
    uint32_t partition; // fetch: the one asked for; produce: the next one
    int64_t *offsets;   // fetch: next offset by partition
    bool done;
};

struct options {
    struct sockaddr_in address;
    int broker_pid;
    const char *keys[ARGUMENTS_MAX], *values[ARGUMENTS_MAX];
    int count;
};

struct samples {
    uint32_t *us_tenths;
    size_t count, capacity;
};

struct meter {
    double cpu_s;        // the broker's
    double client_cpu_s; // ours
    uint64_t begun_ns;
};

_Noreturn void die(const char *what);
uint64_t now_ns(void);
void *get(size_t size);
void put(struct buffer *b, const void *bytes, size_t size);
void store(uint8_t *at, uint64_t value, int size);
uint64_t load(const uint8_t *at, int size);
int16_t load_i16(const uint8_t *at);
int32_t load_i32(const uint8_t *at);
int64_t load_i64(const uint8_t *at);
void put_int(struct buffer *b, int64_t value, int size);
void put_string(struct buffer *b, const char *text);
void put_varint(struct buffer *b, int64_t value);
void begin_request(struct buffer *b, int api, int version);
void end_request(struct buffer *b, size_t more);
uint32_t crc32c(const uint8_t *p, size_t size);
void seal_batch(uint8_t *batch, size_t size);
struct buffer make_batch(int count, size_t size, const char *key, size_t *value_at);
const char *text(const struct options *o, const char *key);
double number(const struct options *o, const char *key, double otherwise);
const char *topic_of(const struct options *o);
double cpu_seconds(int pid);
double resident_mib(int pid);
struct meter begin(const struct options *o);
double elapsed_s(const struct meter *m);
void print_broker(const struct options *o, const struct meter *m, double bytes, double requests);
void sample(struct samples *s, uint64_t ns);
int by_size(const void *a, const void *b);
void print_samples(struct samples *s);
int dial(const struct options *o);
void read_all(int fd, uint8_t *to, size_t size);
uint8_t *ask(int fd, struct buffer *request, size_t *size);
struct conn *connect_all(const struct options *o, int epoll, int count, size_t in_capacity);
void watch(int epoll, struct conn *c, uint32_t events);
bool flush(int epoll, struct conn *c, const struct buffer *batch);
void begin_send(struct conn *c, uint64_t due_ns);
bool fill(struct conn *c);
const uint8_t *next_answer(struct conn *c, size_t *size);
uint64_t drop_answer(struct conn *c);
// loadgen_groups.c
void do_group(const struct options *o);
void do_groups(const struct options *o);

#endif
