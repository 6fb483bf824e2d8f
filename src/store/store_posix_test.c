// SPDX-License-Identifier: Apache-2.0
// The log on a real file system: what a node does with it between start and stop. With ODRADEK_DUMP_DIR set, the
// directories are written there and stay, for tests/oracle/dumplog.sh.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "env_posix/posix.h"
#include "record/builder.h"
#include "record/control.h"
#include "store/store_int.h"

struct real {
    struct posix_node *node;
    struct env *env;
    struct fs *fs;
    struct logdir *dir;
    struct plog *plog;
    struct arena arena;
    char *path;
    bool is_kept;
    bool was_clean;
    int outstanding;
    bool is_closed;
};

static void durable(struct plog *plog)
{
    plog_set_high_watermark(plog, plog_durable_end(plog));
}

static const struct plog_owner owner = {.on_durable = durable};

static void open_dir(struct real *r)
{
    struct logdir_open_result result;
    assert_int_equal(
        logdir_open(r->fs, NULL, r->path, 1, (struct uuid){.bytes = {[15] = 200}}, &r->arena, &result, &r->dir), OK);
    r->was_clean = result.was_clean;
}

static struct real *real_new(void)
{
    struct real *r = MEM_NEW(struct real);
    int count;
    struct meta_properties properties = {
        .version = 1, .node_id = 1, .cluster_id = "real", .directory_id = {.bytes = {[15] = 201}}};
    assert_int_equal(posix_node_new(&(struct posix_options){.shards = 1}, &r->node), OK);
    r->env = posix_node_envs(r->node, &count)[0];
    r->fs = posix_node_fs(r->node);
    const char *wanted = getenv("ODRADEK_DUMP_DIR");
    r->is_kept = wanted != NULL;
    if (wanted != NULL) {
        r->path = path_printf("%s", wanted);
    } else {
        r->path = path_printf("/tmp/store_posix_test.XXXXXX");
        assert_non_null(mkdtemp(r->path));
    }
    assert_int_equal(meta_properties_store(r->fs, r->path, &properties, 1700000000000), OK);
    open_dir(r);
    return r;
}

static bool is_idle(void *context)
{
    const struct real *r = context;
    return r->outstanding == 0;
}

static bool is_closed(void *context)
{
    const struct real *r = context;
    return r->is_closed;
}

static bool is_durable(void *context)
{
    const struct real *r = context;
    return r->outstanding == 0 && plog_durable_end(r->plog) == plog_assigned_end(r->plog);
}

static struct plog_load_params params_of(struct real *r, const char *topic, const struct plog_options *options)
{
    return (struct plog_load_params){
        .dir = r->dir,
        .topic = slice_str(topic),
        .topic_id = {.bytes = {[15] = 111}},
        .was_clean = r->was_clean,
        .wall_ms = env_wall_ms(r->env),
        .options = options,
    };
}

struct real_append {
    struct plog_append append;
    struct text bytes;
    struct real *real;
};

static void appended(struct plog *plog, struct plog_append *append)
{
    struct real_append *a = CONTAINER_OF(append, struct real_append, append);
    (void)plog;
    assert_int_equal(append->result, OK);
    a->real->outstanding--;
    text_deinit(&a->bytes);
    mem_free(a);
}

static void append_records(struct real *r, int64_t sequence, enum codec codec, int32_t epoch, int count)
{
    struct real_append *a = MEM_NEW(struct real_append);
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    struct text value = {0};
    spec.codec = codec;
    spec.producer_id = 1000;
    spec.producer_epoch = 0;
    spec.base_sequence = (int32_t)sequence;
    batch_begin(&builder, &a->bytes, &spec);
    for (int i = 0; i < count; i++) {
        text_clear(&value);
        for (int n = 0; n < 40; n++) text_printf(&value, "%d ", (int)(sequence + i) * n);
        batch_add(&builder, 1700000000000 + sequence + i, slice_str("key"), text_slice(&value), NULL, 0);
    }
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
    text_deinit(&value);
    a->real = r;
    a->append = (struct plog_append){
        .bytes = a->bytes.data, .size = a->bytes.size, .origin = PLOG_CLIENT, .leader_epoch = epoch, .done = appended};
    r->outstanding++;
    assert_int_equal(plog_append(r->plog, &a->append), OK);
}

// A transaction of one record and its marker; `ends` false leaves it open.
static void append_transaction(struct real *r, int64_t producer_id, int32_t sequence, bool ends, enum control_type type)
{
    for (int part = 0; part < (ends ? 2 : 1); part++) {
        struct real_append *a = MEM_NEW(struct real_append);
        struct batch_builder builder = {0};
        struct batch_spec spec = batch_spec(0);
        spec.producer_id = producer_id;
        spec.producer_epoch = 0;
        spec.base_sequence = sequence;
        spec.is_transactional = true;
        if (part == 0) {
            batch_begin(&builder, &a->bytes, &spec);
            batch_add(&builder, 1700000000000 + sequence, slice_str("key"), slice_str("value"), NULL, 0);
            assert_int_equal(batch_end(&builder, NULL), OK);
        } else {
            batch_end_txn_marker(&a->bytes, 0, 0, 1700000000000 + sequence, producer_id, 0, type, 0);
        }
        batch_builder_deinit(&builder);
        a->real = r;
        a->append = (struct plog_append){.bytes = a->bytes.data,
                                         .size = a->bytes.size,
                                         .origin = part == 0 ? PLOG_CLIENT : PLOG_COORDINATOR,
                                         .done = appended};
        r->outstanding++;
        assert_int_equal(plog_append(r->plog, &a->append), OK);
    }
}

static void closed(struct plog *plog, struct plog_op *op)
{
    struct real *r = plog_user(plog);
    assert_int_equal(op->result, OK);
    r->is_closed = true;
}

static void close_plog(struct real *r)
{
    struct plog_op op = {.done = closed};
    r->is_closed = false;
    plog_close(r->plog, &op);
    assert_true(posix_run_until(r->env, is_closed, r));
}

static void remove_tree(struct fs *fs, const char *path)
{
    struct name_list names;
    assert_int_equal(dir_list(fs, path, &names), OK);
    for (size_t i = 0; i < names.count; i++) {
        struct file_stat stat;
        char *inner = path_printf("%s/%s", path, names.names[i]);
        assert_int_equal(fs_stat(fs, inner, &stat), OK);
        if (stat.kind == FILE_DIRECTORY) remove_tree(fs, inner);
        else assert_int_equal(fs_unlink(fs, inner), OK);
        mem_free(inner);
    }
    name_list_deinit(&names);
    assert_int_equal(fs_rmdir(fs, path), OK);
}

static void real_free(struct real *r)
{
    assert_int_equal(logdir_close(r->fs, r->dir, true, 3), OK);
    if (!r->is_kept) remove_tree(r->fs, r->path);
    posix_node_free(r->node);
    arena_deinit(&r->arena);
    mem_free(r->path);
    mem_free(r);
}

static void write_topic(struct real *r, const char *topic, const struct plog_options *options, int batches)
{
    struct plog_load_params params = params_of(r, topic, options);
    assert_int_equal(plog_create(r->fs, &params, &r->plog), OK);
    plog_attach(r->plog, r->env, &owner, r);
    int64_t sequence = 0;
    for (int i = 0; i < batches; i++) {
        int count = 1 + i % 7;
        append_records(r, sequence, (enum codec)(i % CODEC_COUNT), i / 100, count);
        sequence += count;
        if (i % 10 == 9) assert_true(posix_run_until(r->env, is_idle, r));
    }
    assert_true(posix_run_until(r->env, is_durable, r));
}

static void write_transactions(struct real *r, const struct plog_options *options)
{
    write_topic(r, "transactions", options, 0);
    for (int32_t i = 0; i < 400; i++) {
        append_transaction(r, 2000, i, true, i % 3 == 0 ? CONTROL_COMMIT : CONTROL_ABORT);
        if (i == 200) append_transaction(r, 2001, 0, false, CONTROL_ABORT);
        if (i % 10 == 9) assert_true(posix_run_until(r->env, is_idle, r));
    }
    assert_true(posix_run_until(r->env, is_durable, r));
    close_plog(r);
}

static void check_content(struct real *r, int64_t end)
{
    int64_t offset = 0;
    assert_int_equal(plog_published_end(r->plog), end);
    for (size_t i = 0; i < plog_segment_count(r->plog); i++) {
        char *path = segment_path(r->plog->path, r->plog->segments[i]->base_offset, ".log");
        struct text bytes = {0};
        assert_int_equal(file_load(r->fs, path, 1 << 28, &bytes), OK);
        struct batch_iter it = batch_iter(text_slice(&bytes));
        struct batch_view view;
        while (batch_next(&it, &view)) {
            assert_true(batch_crc_is_valid(view.bytes));
            assert_int_equal(view.header.base_offset, offset);
            offset = batch_last_offset(&view.header) + 1;
        }
        assert_int_equal(it.err, OK);
        text_deinit(&bytes);
        mem_free(path);
    }
    assert_int_equal(offset, end);
}

static void a_directory_lives_through_stop_and_start(void **state)
{
    struct real *r = real_new();
    (void)state;
    struct plog_options rolled = {PLOG_OPTIONS_DEFAULTS};
    rolled.segment_bytes = 20000;
    rolled.index_interval_bytes = 512;
    write_topic(r, "rolled", &rolled, 300);
    assert_true(plog_segment_count(r->plog) > 3);
    int64_t end = plog_published_end(r->plog);
    check_content(r, end);
    close_plog(r);
    struct plog_options plain = {PLOG_OPTIONS_DEFAULTS};
    plain.preallocate = true;
    plain.segment_bytes = 1 << 20;
    plain.durability = PLOG_PAGE_CACHE;
    write_topic(r, "plain", &plain, 40);
    close_plog(r);
    write_topic(r, "empty", &plain, 0);
    close_plog(r);
    write_transactions(r, &rolled);
    assert_int_equal(logdir_close(r->fs, r->dir, true, 3), OK);
    open_dir(r);
    assert_true(r->was_clean);
    struct plog_load_params params = params_of(r, "rolled", &rolled);
    struct plog_load_report report;
    assert_int_equal(plog_load(r->fs, &params, &report, &r->plog), OK);
    assert_int_equal(report.recovered_segments, 0);
    plog_attach(r->plog, r->env, &owner, r);
    append_records(r, end, CODEC_ZSTD, 9, 5);
    assert_true(posix_run_until(r->env, is_durable, r));
    check_content(r, end + 5);
    close_plog(r);
    params.was_clean = false;
    assert_int_equal(plog_load(r->fs, &params, &report, &r->plog), OK);
    assert_true(report.recovered_segments > 3 && report.cut_bytes == 0);
    plog_attach(r->plog, r->env, &owner, r);
    check_content(r, end + 5);
    close_plog(r);
    real_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_directory_lives_through_stop_and_start)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
