// SPDX-License-Identifier: Apache-2.0
// Compaction on a real file system. With arguments it compacts what somebody else wrote, for tests/oracle/compact.sh:
//   store_compact_posix_test DIR CLEANED_TO NOW_MS DELETE_RETENTION_MS SEGMENT_BYTES MAP_BYTES
// One round over DIR/t-0; prints the first dirty offset.
#include <ftw.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "env_posix/posix.h"
#include "record/builder.h"
#include "store/store_int.h"

struct real {
    struct posix_node *node;
    struct env *env;
    struct fs *fs;
    struct logdir *dir;
    struct plog *plog;
    struct arena arena;
    struct plog_checkpoint closed;
    bool is_done;
    enum err result;
};

struct real_round {
    struct plog_compact_op op;
    struct real *real;
};

static void durable(struct plog *plog)
{
    plog_set_high_watermark(plog, plog_durable_end(plog));
}

static const struct plog_owner owner = {.on_durable = durable};

static void open_node(struct real *r, const char *path)
{
    int count;
    struct logdir_open_result result;
    struct meta_properties properties = {
        .version = 1, .node_id = 1, .cluster_id = "real", .directory_id = {.bytes = {[15] = 201}}};
    *r = (struct real){0};
    assert_int_equal(posix_node_new(&(struct posix_options){.shards = 1}, &r->node), OK);
    r->env = posix_node_envs(r->node, &count)[0];
    r->fs = posix_node_fs(r->node);
    assert_int_equal(meta_properties_store(r->fs, path, &properties, 1700000000000), OK);
    assert_int_equal(
        logdir_open(r->fs, NULL, path, 1, (struct uuid){.bytes = {[15] = 200}}, &r->arena, &result, &r->dir), OK);
}

static void open_log(struct real *r, const struct plog_options *options, int64_t cleaned_to, bool is_new)
{
    struct plog_load_params params = {
        .dir = r->dir,
        .topic = slice_str("t"),
        .topic_id = {.bytes = {[15] = 111}},
        .was_clean = true,
        .high_watermark = INT64_MAX,
        .cleaned_to = cleaned_to,
        .wall_ms = env_wall_ms(r->env),
        .options = options,
    };
    assert_int_equal(is_new ? plog_create(r->fs, &params, &r->plog) : plog_load(r->fs, &params, NULL, &r->plog), OK);
    plog_attach(r->plog, r->env, &owner, r);
}

static bool is_done(void *context)
{
    return ((struct real *)context)->is_done;
}

static void closed(struct plog *plog, struct plog_op *op)
{
    struct real *r = plog_user(plog);
    r->is_done = true;
    r->result = op->result;
    plog_checkpoint(plog, &r->closed);
}

static void close_all(struct real *r)
{
    struct plog_op op = {.done = closed};
    r->is_done = false;
    plog_close(r->plog, &op);
    assert_true(posix_run_until(r->env, is_done, r));
    assert_int_equal(r->result, OK);
    assert_int_equal(logdir_close(r->fs, r->dir, true, 1), OK);
    arena_deinit(&r->arena);
    posix_node_free(r->node);
}

static void compacted(struct plog *plog, struct plog_op *op)
{
    struct real *r = plog_user(plog);
    r->is_done = true;
    r->result = op->result;
}

static void compact(struct real *r, struct plog_compact_op op)
{
    op.op.done = compacted;
    op.limits.max_lag_ms = INT64_MAX;
    op.map_load_factor = 0.9;
    op.io_bytes = 4096;
    r->is_done = false;
    plog_compact(r->plog, &op);
    assert_true(posix_run_until(r->env, is_done, r));
}

static int64_t number(const char *word)
{
    return strtoll(word, NULL, 10);
}

static int compact_directory(char **words)
{
    struct real r;
    struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    options.segment_bytes = (int32_t)number(words[5]);
    options.index_interval_bytes = 200;
    open_node(&r, words[1]);
    open_log(&r, &options, number(words[2]), false);
    compact(&r, (struct plog_compact_op){.wall_ms = number(words[3]),
                                         .delete_retention_ms = number(words[4]),
                                         .map_bytes_max = number(words[6]),
                                         .bytes_per_s = INT64_MAX});
    bool is_good = r.result == OK || r.result == ERR_BUSY;
    bool is_uncleanable = r.plog->is_uncleanable;
    close_all(&r);
    printf("%" PRId64 "\n", r.closed.cleaned_to);
    return is_good && !is_uncleanable ? 0 : 1;
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
    a->real->is_done = append->result == OK;
    text_deinit(&a->bytes);
    mem_free(a);
}

static void append_key(struct real *r, int key)
{
    struct real_append *a = MEM_NEW(struct real_append);
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(0);
    char name[16];
    int size = snprintf(name, sizeof(name), "key %d", key);
    batch_begin(&builder, &a->bytes, &spec);
    batch_add(&builder, NO_TIMESTAMP, slice_of(name, (size_t)size), slice_str("value"), NULL, 0);
    assert_int_equal(batch_end(&builder, NULL), OK);
    batch_builder_deinit(&builder);
    a->real = r;
    a->append = (struct plog_append){
        .bytes = a->bytes.data, .size = a->bytes.size, .origin = PLOG_COORDINATOR, .done = appended};
    r->is_done = false;
    assert_int_equal(plog_append(r->plog, &a->append), OK);
    assert_true(posix_run_until(r->env, is_done, r));
}

static bool is_sealed(void *context)
{
    const struct plog *plog = ((struct real *)context)->plog;
    for (size_t i = 0; i + 1 < plog->segment_count; i++)
        if (!plog->segments[i]->is_sealed) return false;
    return plog_high_watermark(plog) == plog_assigned_end(plog);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *at)
{
    (void)stat, (void)kind, (void)at;
    return remove(path);
}

static void a_compacted_segment_is_as_old_as_its_last_source(void **state)
{
    (void)state;
    struct real r;
    struct file_stat stat;
    struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    char *path = path_printf("/tmp/store_compact_posix_test.XXXXXX");
    assert_non_null(mkdtemp(path));
    options.segment_bytes = 400;
    open_node(&r, path);
    open_log(&r, &options, 0, true);
    for (int i = 0; i < 100; i++) append_key(&r, i % 7);
    assert_true(posix_run_until(r.env, is_sealed, &r));
    size_t count = plog_segment_count(r.plog);
    assert_true(count > 10);
    char *dir_path = path_printf("%s/t-0", path);
    for (size_t i = 0; i < count; i++) {
        char *log_path = segment_path(dir_path, r.plog->segments[i]->base_offset, ".log");
        assert_int_equal(fs_set_mtime(r.fs, log_path, 1700000000000 + 1000 * (int64_t)i), OK);
        mem_free(log_path);
    }
    options.segment_bytes = 1 << 20;
    plog_configure(r.plog, &options);
    int64_t size = plog_size_bytes(r.plog);
    compact(&r, (struct plog_compact_op){.delete_retention_ms = 1000, .map_bytes_max = 4096, .bytes_per_s = INT64_MAX});
    assert_int_equal(r.result, OK);
    assert_int_equal(plog_segment_count(r.plog), 2);
    assert_true(plog_size_bytes(r.plog) < size / 5);
    char *log_path = segment_path(dir_path, 0, ".log");
    assert_int_equal(fs_stat(r.fs, log_path, &stat), OK);
    assert_int_equal(stat.mtime_ms, 1700000000000 + 1000 * (int64_t)(count - 2));
    mem_free(log_path);
    mem_free(dir_path);
    close_all(&r);
    assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
    mem_free(path);
}

int main(int count, char **words)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_compacted_segment_is_as_old_as_its_last_source)};
    if (count == 7) return compact_directory(words);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
