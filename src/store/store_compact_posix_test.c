// SPDX-License-Identifier: Apache-2.0
// Compaction on a real file system. With arguments it compacts what somebody else wrote, for tests/oracle/compact.sh:
//   store_compact_posix_test DIR CLEANED_TO NOW_MS DELETE_RETENTION_MS SEGMENT_BYTES MAP_BYTES
// One round over DIR/t-0; prints the first dirty offset.
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

static int compact_directory(char **words)
{
    struct real r;
    struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    options.segment_bytes = atoi(words[5]);
    options.index_interval_bytes = 200;
    open_node(&r, words[1]);
    open_log(&r, &options, atoll(words[2]), false);
    compact(&r, (struct plog_compact_op){.wall_ms = atoll(words[3]),
                                         .delete_retention_ms = atoll(words[4]),
                                         .map_bytes_max = atoll(words[6]),
                                         .bytes_per_s = INT64_MAX});
    bool is_good = r.result == OK || r.result == ERR_BUSY;
    bool is_uncleanable = r.plog->is_uncleanable;
    close_all(&r);
    printf("%" PRId64 "\n", r.closed.cleaned_to);
    return is_good && !is_uncleanable ? 0 : 1;
}

int main(int count, char **words)
{
    if (count == 7) return compact_directory(words);
    return 2;
}
