// SPDX-License-Identifier: Apache-2.0
// Shared by this room's tests: a simulated node with one log directory, and one plog at a time in it.
#ifndef ODRADEK_STORE_TEST_UTIL_H
#define ODRADEK_STORE_TEST_UTIL_H

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "env_sim/sim.h"
#include "record/builder.h"
#include "store/store_int.h"

#define TEST_DIR "/data"

struct bench {
    struct sim *sim;
    struct sim_node *node;
    struct logdir *dir;
    struct plog *plog;
    struct plog_options options;
    struct plog_load_report report;
    struct plog_checkpoint closed; // what plog_checkpoint said when it was closed
    struct arena arena;
    bool is_done;
    enum err result;
    bool was_clean;
    bool has_failed;
    bool keeps_high_watermark; // the test sets it itself
    int appends_done;
    enum err last_result;
};

static inline struct fs *bench_fs(struct bench *b)
{
    return sim_node_fs(b->node);
}

static inline void bench_failed(struct plog *plog, enum err why)
{
    struct bench *b = plog_user(plog);
    (void)why;
    b->has_failed = true;
}

static inline void bench_durable(struct plog *plog)
{
    if (!((struct bench *)plog_user(plog))->keeps_high_watermark) plog_set_high_watermark(plog, plog_durable_end(plog));
}

static const struct plog_owner bench_owner = {.on_failed = bench_failed, .on_durable = bench_durable};

static inline void bench_open_dir(struct bench *b)
{
    struct logdir_open_result result;
    struct uuid id = {.bytes = {[15] = 200}};
    assert_int_equal(logdir_open(bench_fs(b), NULL, TEST_DIR, 1, id, &b->arena, &result, &b->dir), OK);
    b->was_clean = result.was_clean;
}

static inline struct bench *bench_new(uint64_t seed)
{
    struct bench *b = MEM_NEW(struct bench);
    struct sim_options options = sim_options_default(seed);
    struct meta_properties properties = {.version = 1, .node_id = 1, .cluster_id = "test"};
    options.ignore_leaks = true;
    b->sim = sim_new(&options);
    b->node = sim_node_new(b->sim, "n1", 1);
    b->options = (struct plog_options){PLOG_OPTIONS_DEFAULTS};
    properties.directory_id.bytes[15] = 201;
    assert_int_equal(meta_properties_store(bench_fs(b), TEST_DIR, &properties, 0), OK);
    bench_open_dir(b);
    return b;
}

static inline struct plog_load_params bench_params(struct bench *b)
{
    return (struct plog_load_params){
        .dir = b->dir,
        .topic = slice_str("t"),
        .topic_id = {.bytes = {[15] = 7}},
        .was_clean = b->was_clean,
        .recovery_point = b->closed.recovery_point,
        .log_start = b->closed.lists_log_start ? b->closed.log_start : 0,
        .high_watermark = b->closed.high_watermark,
        .cleaned_to = b->closed.cleaned_to,
        .wall_ms = 1700000000000,
        .options = &b->options,
    };
}

static inline void bench_create(struct bench *b)
{
    struct plog_load_params params = bench_params(b);
    assert_int_equal(plog_create(bench_fs(b), &params, &b->plog), OK);
    plog_attach(b->plog, sim_node_env(b->node, 0), &bench_owner, b);
}

static inline enum err bench_try_load(struct bench *b)
{
    struct plog_load_params params = bench_params(b);
    enum err e = plog_load(bench_fs(b), &params, &b->report, &b->plog);
    if (e == OK) plog_attach(b->plog, sim_node_env(b->node, 0), &bench_owner, b);
    return e;
}

static inline void bench_load(struct bench *b)
{
    assert_int_equal(bench_try_load(b), OK);
}

static inline void bench_idle(struct bench *b)
{
    while (sim_step(b->sim)) {
    }
}

static inline void bench_op_done(struct plog *plog, struct plog_op *op)
{
    struct bench *b = plog_user(plog);
    b->is_done = true;
    b->result = op->result;
    plog_checkpoint(plog, &b->closed);
}

static inline void bench_close(struct bench *b)
{
    struct plog_op op = {.done = bench_op_done};
    b->is_done = false;
    plog_close(b->plog, &op);
    bench_idle(b);
    assert_true(b->is_done);
    b->plog = NULL;
}

static inline void bench_free(struct bench *b)
{
    if (b->plog != NULL) bench_close(b);
    if (b->dir != NULL) assert_int_equal(logdir_close(bench_fs(b), b->dir, false, -1), OK);
    arena_deinit(&b->arena);
    sim_free(b->sim);
    mem_free(b);
}

// Stop and start of the process with the directory marked clean.
static inline void bench_reopen_clean(struct bench *b)
{
    bench_close(b);
    assert_int_equal(logdir_close(bench_fs(b), b->dir, true, 5), OK);
    bench_open_dir(b);
    assert_true(b->was_clean);
    bench_load(b);
}

// The process is dead; what it left is opened anew. `dead` is the file system it had.
static inline void bench_bury(struct bench *b, struct fs *dead)
{
    plog_checkpoint(b->plog, &b->closed);
    b->closed.recovery_point = 0; // as the checkpoint of a minute ago may say
    b->closed.cleaned_to = 0;
    plog_free(b->plog); // only memory: calls of the dead process do nothing
    b->plog = NULL;
    assert_int_equal(logdir_close(dead, b->dir, false, -1), OK);
    sim_node_restart(b->node);
    bench_open_dir(b);
    assert_false(b->was_clean);
}

// The process dies while nothing is under way; with a power cut, what was not synced may go.
static inline void bench_crash(struct bench *b, enum sim_crash kind)
{
    struct fs *dead = bench_fs(b);
    sim_node_crash(b->node, kind);
    bench_bury(b, dead);
}

// ---- appending ----

struct test_append {
    struct plog_append append;
    struct text bytes;
    struct bench *bench;
};

static inline void test_append_done(struct plog *plog, struct plog_append *append)
{
    struct test_append *t = CONTAINER_OF(append, struct test_append, append);
    (void)plog;
    t->bench->appends_done++;
    t->bench->last_result = append->result;
    text_deinit(&t->bytes);
    mem_free(t);
}

struct test_batch {
    int count;         // records; 0 = 1
    int64_t timestamp; // of the first; the others follow by 1 ms
    int value_bytes;   // 0 = 1
    enum codec codec;
    int64_t producer_id; // 0 = none
    int16_t producer_epoch;
    int32_t sequence;
    bool is_transactional;
    int64_t base_offset; // PLOG_REPLICA
    int32_t leader_epoch;
    enum plog_origin origin;
};

static inline void test_batch_build(struct text *out, const struct test_batch *spec)
{
    bool has_producer = spec->producer_id != 0;
    struct batch_builder builder = {0};
    struct batch_spec header = batch_spec(spec->base_offset);
    header.codec = spec->codec;
    header.partition_leader_epoch = spec->leader_epoch;
    header.is_transactional = spec->is_transactional;
    if (has_producer) {
        header.producer_id = spec->producer_id;
        header.producer_epoch = spec->producer_epoch;
        header.base_sequence = spec->sequence;
    }
    batch_begin(&builder, out, &header);
    int size = spec->value_bytes == 0 ? 1 : spec->value_bytes;
    uint8_t *value = mem_alloc((size_t)size);
    memset(value, 'v', (size_t)size);
    for (int i = 0; i < (spec->count == 0 ? 1 : spec->count); i++) {
        batch_add(&builder, spec->timestamp + i, SLICE_NULL, slice_of(value, (size_t)size), NULL, 0);
    }
    mem_free(value);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
}

// Submits; `out` gets what plog_append filled in.
static inline enum err bench_submit_bytes(struct bench *b, struct text *bytes, enum plog_origin origin,
                                          int32_t leader_epoch, struct plog_append *out)
{
    struct test_append *t = MEM_NEW(struct test_append);
    t->bench = b;
    t->bytes = *bytes;
    t->append = (struct plog_append){
        .bytes = t->bytes.data,
        .size = t->bytes.size,
        .origin = origin,
        .leader_epoch = leader_epoch,
        .done = test_append_done,
    };
    enum err e = plog_append(b->plog, &t->append);
    if (e == OK && out != NULL) *out = t->append;
    if (e != OK) {
        text_deinit(&t->bytes);
        mem_free(t);
    }
    return e;
}

static inline enum err bench_submit(struct bench *b, const struct test_batch *spec, struct plog_append *out)
{
    struct text bytes = {0};
    test_batch_build(&bytes, spec);
    return bench_submit_bytes(b, &bytes, spec->origin, spec->leader_epoch, out);
}

static inline int64_t bench_append(struct bench *b, struct test_batch spec)
{
    struct plog_append out = {0};
    assert_int_equal(bench_submit(b, &spec, &out), OK);
    bench_idle(b);
    return out.base_offset;
}

// ---- reading ----

static inline void bench_read_done(struct plog *plog, struct plog_op *op)
{
    struct bench *b = plog_user(plog);
    b->is_done = true;
    b->result = op->result;
}

// Warm or cold, whatever it takes.
static inline enum err bench_read(struct bench *b, struct plog_read_spec spec, struct plog_range *out)
{
    enum err e = plog_read(b->plog, &spec, out);
    if (e != ERR_AGAIN) return e;
    struct plog_read_op op = {.op = {.done = bench_read_done}, .spec = spec};
    b->is_done = false;
    plog_read_cold(b->plog, &op);
    bench_idle(b);
    assert_true(b->is_done);
    *out = op.range;
    return b->result;
}

// All bytes from `offset` to the published end, range by range.
static inline void bench_read_all(struct bench *b, int64_t offset, struct text *out)
{
    while (offset < plog_published_end(b->plog)) {
        struct plog_range range;
        assert_int_equal(
            bench_read(b,
                       (struct plog_read_spec){
                           .offset = offset, .limit_offset = INT64_MAX, .max_bytes = 1 << 20, .min_one = true},
                       &range),
            OK);
        if (range.size == 0) return;
        size_t from = out->size;
        assert_int_equal(
            file_read_all(range.file, true, range.position, text_reserve(out, (size_t)range.size), (size_t)range.size),
            OK);
        text_grew(out, (size_t)range.size);
        file_unref(range.file);
        struct batch_iter it = batch_iter(slice_of(out->data + from, out->size - from));
        struct batch_view view;
        while (batch_next(&it, &view)) offset = batch_last_offset(&view.header) + 1;
        out->size -= it.rest.size; // a batch that was cut comes again with the next range
    }
}

// "BASE xCOUNT" per batch: "0x1 1x3".
static inline const char *bench_show(struct bench *b, int64_t offset)
{
    struct text bytes = {0};
    struct text shown = {0};
    bench_read_all(b, offset, &bytes);
    struct batch_iter it = batch_iter(text_slice(&bytes));
    struct batch_view view;
    while (batch_next(&it, &view)) {
        assert_true(batch_crc_is_valid(view.bytes));
        text_printf(&shown, "%s%" PRId64 "x%" PRId32, shown.size > 0 ? " " : "", view.header.base_offset,
                    view.header.record_count);
    }
    const char *result = arena_str(&b->arena, text_slice(&shown));
    text_deinit(&bytes);
    text_deinit(&shown);
    return result;
}

static inline const char *bench_files(struct bench *b)
{
    struct name_list names;
    struct text shown = {0};
    assert_int_equal(dir_list(bench_fs(b), TEST_DIR "/t-0", &names), OK);
    for (size_t i = 0; i < names.count; i++) text_printf(&shown, "%s%s", i > 0 ? " " : "", names.names[i]);
    name_list_deinit(&names);
    const char *result = arena_str(&b->arena, text_slice(&shown));
    text_deinit(&shown);
    return result;
}

static inline void bench_file(struct bench *b, const char *name, struct text *out)
{
    char *path = path_printf(TEST_DIR "/t-0/%s", name);
    text_clear(out);
    assert_int_equal(file_load(bench_fs(b), path, 1 << 24, out), OK);
    mem_free(path);
}

#endif
