// SPDX-License-Identifier: Apache-2.0
// Power cuts. A workload on several plogs of one directory, tiny segments so that everything rolls; the power goes at
// the k-th env call, with unsynced pages and names kept, dropped or torn; the node starts again and what it holds is
// compared with a plain model. Each case goes through several lives, so a recovery is cut too, and what one left is
// the next one's start. The canary runs the same with an fdatasync that does nothing, and must fail.
#include "store/test_util.h"

enum { PLOGS = 3, LIVES = 3, APPENDS_PER_LIFE = 24, OUTSTANDING = 3, CUTS_WANTED = 600 };

struct model_batch {
    int64_t base_offset;
    int64_t end_offset;
    struct text bytes;
};

struct model {
    struct model_batch *batches; // submitted, in order; the log holds a prefix of them
    size_t count;
    size_t capacity;
    int64_t shown_end; // the largest durable end anybody was told
};

struct world;

struct actor {
    struct world *world;
    struct plog *plog;
    struct model model;
    int outstanding;
    int submitted; // in this life
    bool is_closed;
    struct plog_op close_op;
};

struct checkpoint_task {
    struct env_task task;
    struct checkpoint_entry entries[PLOGS];
    size_t count;
};

struct world {
    struct open_files *files;
    struct sim *sim;
    struct sim_node *node;
    struct logdir *dir;
    struct actor actors[PLOGS];
    struct checkpoint_task checkpoint;
    bool is_checkpointing;
    bool will_lie;  // the canary: only the log's own syncs, else the small files break first
    bool has_ended; // this life came to its clean end
    struct env_timer tick;
    char failure[256];
    uint64_t seed;
    int64_t cut_at;
};

static void fail_case(struct world *w, const char *format, ...) PRINTF_LIKE(2, 3);
static void fail_case(struct world *w, const char *format, ...)
{
    if (w->failure[0] != '\0') return;
    va_list args;
    va_start(args, format);
    vsnprintf(w->failure, sizeof(w->failure), format, args);
    va_end(args);
}

// ---- the workload ----

struct cut_append {
    struct plog_append append;
    struct text bytes;
    struct actor *actor;
};

static void submit_some(struct actor *a);

static void append_done(struct plog *plog, struct plog_append *append)
{
    struct cut_append *c = CONTAINER_OF(append, struct cut_append, append);
    struct actor *a = c->actor;
    (void)plog;
    if (append->result != OK) fail_case(a->world, "append failed: %s", err_name(append->result));
    a->outstanding--;
    text_deinit(&c->bytes);
    mem_free(c);
    submit_some(a);
}

static int64_t producer_of(const struct actor *a)
{
    return 100 + (a - a->world->actors);
}

static void submit_one(struct actor *a)
{
    struct model *m = &a->model;
    struct cut_append *c = MEM_NEW(struct cut_append);
    int64_t next = m->count == 0 ? 0 : m->batches[m->count - 1].end_offset;
    test_batch_build(
        &c->bytes, &(struct test_batch){
                       .count = 1 + (int)sim_below(a->world->sim, 3),
                       .timestamp = 1000 + next,
                       .value_bytes = 1 + (int)sim_below(a->world->sim, sim_below(a->world->sim, 8) == 0 ? 2200 : 120),
                       .producer_id = producer_of(a),
                       .sequence = (int32_t)next, // one producer, no gaps: its sequences are the offsets
                   });
    c->actor = a;
    c->append = (struct plog_append){
        .bytes = c->bytes.data,
        .size = c->bytes.size,
        .origin = PLOG_CLIENT,
        .leader_epoch = a->world->will_lie ? 0 : (int32_t)(next / 20),
        .done = append_done,
    };
    enum err e = plog_append(a->plog, &c->append);
    if (e != OK || c->append.is_duplicate || c->append.base_offset != next) {
        fail_case(a->world, "append at %" PRId64 ": %s, duplicate %d, base %" PRId64, next, err_name(e),
                  c->append.is_duplicate, c->append.base_offset);
        return;
    }
    if (m->count == m->capacity) {
        m->capacity = m->capacity == 0 ? 64 : m->capacity * 2;
        m->batches = mem_realloc(m->batches, m->capacity * sizeof(*m->batches));
    }
    m->batches[m->count] =
        (struct model_batch){.base_offset = c->append.base_offset, .end_offset = c->append.end_offset};
    text_add(&m->batches[m->count++].bytes, text_slice(&c->bytes)); // as stamped
    a->outstanding++;
    a->submitted++;
}

static void submit_some(struct actor *a)
{
    while (a->submitted < APPENDS_PER_LIFE && a->outstanding < OUTSTANDING && a->world->failure[0] == '\0')
        submit_one(a);
}

static void on_durable(struct plog *plog)
{
    struct actor *a = plog_user(plog);
    if (plog_durable_end(plog) < a->model.shown_end) fail_case(a->world, "durable end fell");
    a->model.shown_end = plog_durable_end(plog);
    plog_set_high_watermark(plog, plog_durable_end(plog));
}

static void on_failed(struct plog *plog, enum err why)
{
    struct actor *a = plog_user(plog);
    fail_case(a->world, "plog failed: %s", err_name(why));
}

static const struct plog_owner owner = {.on_durable = on_durable, .on_failed = on_failed};

static void checkpoint_run(struct env_task *task, struct fs *fs)
{
    struct checkpoint_task *t = CONTAINER_OF(task, struct checkpoint_task, task);
    enum err e = checkpoint_store(fs, TEST_DIR "/" CHECKPOINT_RECOVERY_POINT, t->entries, t->count);
    (void)e; // the node may be dead by now
}

static void checkpoint_done(struct env *env, struct env_task *task)
{
    struct world *w = CONTAINER_OF(task, struct world, checkpoint.task);
    (void)env;
    w->is_checkpointing = false;
}

static void store_checkpoint(struct world *w, struct env *env)
{
    struct checkpoint_task *t = &w->checkpoint;
    t->count = PLOGS;
    for (int i = 0; i < PLOGS; i++) {
        struct plog_checkpoint values;
        plog_checkpoint(w->actors[i].plog, &values);
        t->entries[i] = (struct checkpoint_entry){slice_str("t"), i, values.recovery_point};
    }
    t->task = (struct env_task){.run = checkpoint_run, .done = checkpoint_done};
    w->is_checkpointing = true;
    env_task_post(env, &t->task);
}

static void closed(struct plog *plog, struct plog_op *op)
{
    struct actor *a = plog_user(plog);
    if (op->result != OK) fail_case(a->world, "close: %s", err_name(op->result));
    a->is_closed = true;
}

static void tick(struct env *env, struct env_timer *timer)
{
    struct world *w = CONTAINER_OF(timer, struct world, tick);
    bool is_finished = true;
    for (int i = 0; i < PLOGS; i++) {
        const struct actor *a = &w->actors[i];
        is_finished = is_finished && a->submitted == APPENDS_PER_LIFE && a->outstanding == 0 &&
                      plog_durable_end(a->plog) == plog_published_end(a->plog);
    }
    if (!w->is_checkpointing) {
        if (is_finished) {
            for (int i = 0; i < PLOGS; i++) {
                w->actors[i].close_op = (struct plog_op){.done = closed};
                plog_close(w->actors[i].plog, &w->actors[i].close_op);
            }
            return;
        }
        if (!w->will_lie) store_checkpoint(w, env);
    }
    env_timer_after_ms(env, timer, 3);
}

// ---- start, and the comparison ----

static int64_t checkpointed(const struct checkpoint_entry *entries, size_t count, int partition)
{
    for (size_t i = 0; i < count; i++) {
        if (entries[i].partition == partition) return entries[i].offset;
    }
    return 0;
}

static void boot(void *context)
{
    struct world *w = context;
    struct fs *fs = sim_node_fs(w->node);
    struct env *env = sim_node_env(w->node, 0);
    struct arena arena = {0};
    struct logdir_open_result result;
    struct checkpoint_entry *entries;
    size_t count;
    struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    options.segment_bytes = 7000;
    options.index_interval_bytes = 100;
    enum err e = logdir_open(fs, NULL, TEST_DIR, 1, (struct uuid){.bytes = {[15] = 200}}, &arena, &result, &w->dir);
    if (e == OK) e = checkpoint_load(fs, TEST_DIR "/" CHECKPOINT_RECOVERY_POINT, &arena, &entries, &count);
    if (e != OK) {
        fail_case(w, "directory does not open: %s", err_name(e));
        return;
    }
    mem_free(w->files);                // of the life before
    w->files = open_files_new(env, 0); // the least: files come and go
    for (int i = 0; i < PLOGS; i++) {
        struct actor *a = &w->actors[i];
        struct plog_load_params params = {
            .dir = w->dir,
            .topic = slice_str("t"),
            .partition = i,
            .topic_id = {.bytes = {[15] = 9}},
            .recovery_point = checkpointed(entries, count, i),
            .was_clean = result.was_clean,
            .options = &options,
        };
        struct plog_load_report report;
        e = plog_load(fs, &params, &report, &a->plog);
        if (e == ERR_NOT_FOUND) e = plog_create(fs, &params, &a->plog);
        if (e != OK) {
            fail_case(w, "plog %d does not load: %s", i, err_name(e));
            return;
        }
        plog_attach(a->plog, env, &owner, a);
        plog_share_files(a->plog, w->files);
    }
    arena_deinit(&arena);
}

static enum err read_log(struct world *w, struct plog *plog, struct text *out)
{
    struct fs *fs = sim_node_fs(w->node);
    for (size_t i = 0; i < plog->segment_count; i++) {
        const struct segment *s = plog->segments[i];
        if (!s->is_created) continue;
        char *path = segment_path(plog->path, s->base_offset, ".log");
        size_t before = out->size;
        enum err e = file_load(fs, path, 1 << 24, out);
        mem_free(path);
        if (e != OK) return e;
        if ((int64_t)(out->size - before) != s->size) return ERR_CORRUPT;
    }
    return OK;
}

// Each batch is found by each of its offsets.
static void check_look_ups(struct actor *a)
{
    for (int64_t offset = 0; offset < plog_published_end(a->plog); offset++) {
        struct view view;
        struct found_batch found;
        const struct segment *s = a->plog->segments[plog_segment_of(a->plog, offset)];
        view_init(&view, s, plog_readable(a->plog, s), false);
        enum err e = view_open(&view, sim_node_fs(a->world->node), a->plog->path);
        if (e == OK) e = view_find(&view, true, offset, &found);
        view_deinit(&view, false);
        if (e != OK || found.header.base_offset > offset || batch_last_offset(&found.header) < offset) {
            fail_case(a->world, "offset %" PRId64 " is not found: %s", offset, err_name(e));
        }
    }
}

// What is there is a prefix of what was submitted, and no shorter than what was shown to be durable.
static void compare(struct actor *a)
{
    struct world *w = a->world;
    struct model *m = &a->model;
    struct text bytes = {0};
    enum err e = read_log(w, a->plog, &bytes);
    if (e != OK) fail_case(w, "log cannot be read: %s", err_name(e));
    size_t at = 0;
    size_t n = 0;
    while (at < bytes.size && n < m->count) {
        struct slice expected = text_slice(&m->batches[n].bytes);
        if (bytes.size - at < expected.size || memcmp(bytes.data + at, expected.data, expected.size) != 0) break;
        at += expected.size;
        n++;
    }
    if (at != bytes.size) fail_case(w, "bytes at %zu are not what was appended", at);
    int64_t end = n == 0 ? 0 : m->batches[n - 1].end_offset;
    if (end != plog_published_end(a->plog))
        fail_case(w, "log end %" PRId64 ", content ends at %" PRId64, plog_published_end(a->plog), end);
    if (end < m->shown_end) fail_case(w, "durable end was %" PRId64 ", recovered only to %" PRId64, m->shown_end, end);
    for (size_t i = n; i < m->count; i++) text_deinit(&m->batches[i].bytes);
    m->count = n;
    m->shown_end = plog_durable_end(a->plog);
    text_deinit(&bytes);
    if (w->failure[0] == '\0') check_look_ups(a);
}

static void compare_all(void *context)
{
    struct world *w = context;
    for (int i = 0; i < PLOGS && w->failure[0] == '\0'; i++) compare(&w->actors[i]);
}

static bool is_over(void *context)
{
    struct world *w = context;
    bool is_closed = true;
    for (int i = 0; i < PLOGS; i++) is_closed = is_closed && w->actors[i].is_closed;
    return is_closed || w->failure[0] != '\0' || !sim_node_is_up(w->node);
}

static void stop_clean(void *context)
{
    struct world *w = context;
    enum err e = logdir_close(sim_node_fs(w->node), w->dir, true, 1);
    if (e != OK) fail_case(w, "directory does not close: %s", err_name(e));
    w->has_ended = true;
}

static void go(void *context)
{
    struct world *w = context;
    struct env *env = sim_node_env(w->node, 0);
    for (int i = 0; i < PLOGS; i++) submit_some(&w->actors[i]);
    w->tick = (struct env_timer){.fire = tick};
    env_timer_after_ms(env, &w->tick, 3);
}

// One life: start, compare, work, clean stop; the power may go anywhere in it.
static void live(struct world *w, bool is_lying)
{
    w->has_ended = false;
    w->is_checkpointing = false;
    for (int i = 0; i < PLOGS; i++) {
        struct actor *a = &w->actors[i];
        a->outstanding = 0;
        a->submitted = 0;
        a->is_closed = false;
    }
    if (!sim_node_call(w->node, boot, w) || w->failure[0] != '\0') return;
    if (!sim_node_call(w->node, compare_all, w) || w->failure[0] != '\0') return;
    sim_set_lying_fsync(w->sim, is_lying);
    bool is_under_way = sim_node_call(w->node, go, w);
    if (is_under_way) (void)sim_run_until(w->sim, is_over, w, 60000);
    sim_set_lying_fsync(w->sim, false);
    if (!sim_node_is_up(w->node) || w->failure[0] != '\0') return;
    for (int i = 0; i < PLOGS; i++) {
        if (!w->actors[i].is_closed) fail_case(w, "no progress");
    }
    (void)sim_node_call(w->node, stop_clean, w);
}

static void free_world(struct world *w)
{
    for (int i = 0; i < PLOGS; i++) {
        for (size_t n = 0; n < w->actors[i].model.count; n++) text_deinit(&w->actors[i].model.batches[n].bytes);
        mem_free(w->actors[i].model.batches);
    }
    mem_free(w->files);
    sim_free(w->sim);
    mem_free(w);
}

// Cuts at the `cut_at`-th env call of the first life, and at seeded ones of the later lives. `failure` gets what went
// wrong, "" = nothing. False when the first life ended before the cut.
static bool run_case(uint64_t seed, int64_t cut_at, bool is_lying, char failure[256], struct sim_stats *stats)
{
    struct world *w = MEM_NEW(struct world);
    struct sim_options options = sim_options_default(seed);
    struct meta_properties properties = {
        .version = 1, .node_id = 1, .cluster_id = "cut", .directory_id = {.bytes = {[15] = 210}}};
    options.ignore_leaks = true;
    w->sim = sim_new(&options);
    w->node = sim_node_new(w->sim, "n1", 1);
    w->seed = seed;
    w->cut_at = cut_at;
    for (int i = 0; i < PLOGS; i++) w->actors[i].world = w;
    assert_int_equal(meta_properties_store(sim_node_fs(w->node), TEST_DIR, &properties, 0), OK);
    w->will_lie = is_lying;
    bool was_cut = false;
    for (int life = 0; life < LIVES && w->failure[0] == '\0'; life++) {
        int64_t k = life == 0 ? cut_at : 1 + sim_below(w->sim, 2 * cut_at + 50);
        enum sim_crash kind = life > 0 && sim_below(w->sim, 4) == 0 ? SIM_PROCESS_KILL : SIM_POWER_CUT;
        sim_crash_at_call(w->node, SIM_CALL_ANY, k, kind);
        live(w, is_lying && life > 0);
        if (life == 0) was_cut = !sim_node_is_up(w->node);
        if (w->failure[0] != '\0') break;
        if (sim_node_is_up(w->node)) {
            sim_crash_at_call(w->node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
            sim_node_crash(w->node, SIM_POWER_CUT); // right after the clean stop
        }
        sim_node_restart(w->node);
    }
    if (w->failure[0] == '\0') { // the last word: everything is there, nothing is cut any more
        sim_crash_at_call(w->node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
        live(w, false);
        if (w->failure[0] == '\0' && !w->has_ended) fail_case(w, "the last life did not end");
    }
    struct sim_stats of_case = sim_stats(w->sim);
    stats->power_cuts += of_case.power_cuts;
    stats->pages_kept += of_case.pages_kept;
    stats->pages_dropped += of_case.pages_dropped;
    stats->pages_torn += of_case.pages_torn;
    memcpy(failure, w->failure, sizeof(w->failure));
    free_world(w);
    return was_cut;
}

static int64_t calls_of_a_life(uint64_t seed)
{
    int64_t low = 1;
    int64_t high = 1;
    char failure[256];
    struct sim_stats stats = {0};
    while (run_case(seed, high, false, failure, &stats)) high *= 2;
    while (high - low > 8) {
        int64_t middle = low + (high - low) / 2;
        if (run_case(seed, middle, false, failure, &stats))
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void a_power_cut_at_any_call_loses_nothing_durable(void **state)
{
    struct sim_stats stats = {0};
    char failure[256];
    (void)state;
    const char *wanted = getenv("ODRADEK_CUTS");
    int64_t cuts = wanted == NULL ? CUTS_WANTED : strtoll(wanted, NULL, 10);
    uint64_t seed = 1;
    for (; stats.power_cuts < cuts; seed++) {
        int64_t calls = calls_of_a_life(seed);
        for (int64_t k = 1 + (int64_t)(seed % 7); k <= calls && stats.power_cuts < cuts; k += 7) {
            (void)run_case(seed, k, false, failure, &stats);
            if (failure[0] != '\0') {
                print_error("seed %" PRIu64 " cut at call %" PRId64 ": %s\n", seed, k, failure);
                print_error("replay: ODRADEK_CUT=%" PRIu64 ":%" PRId64 " store_cut_test\n", seed, k);
            }
            assert_string_equal(failure, "");
        }
    }
    print_message("%" PRId64 " power cuts, pages kept %" PRId64 " dropped %" PRId64 " torn %" PRId64 "\n",
                  stats.power_cuts, stats.pages_kept, stats.pages_dropped, stats.pages_torn);
    assert_true(stats.pages_kept > 0 && stats.pages_dropped > 0 && stats.pages_torn > 0);
}

// The test above is able to fail.
static void a_lying_fdatasync_is_noticed(void **state)
{
    struct sim_stats stats = {0};
    char failure[256];
    int noticed = 0;
    (void)state;
    for (uint64_t seed = 3; seed < 20 && noticed < 3; seed++) {
        for (int64_t k = 10; k < 250 && noticed < 3; k += 5) {
            (void)run_case(seed, k, true, failure, &stats);
            noticed += strstr(failure, "recovered only to") != NULL; // this fault, not any other
        }
    }
    assert_int_equal(noticed, 3);
}

static void replay(void **state)
{
    struct sim_stats stats = {0};
    char failure[256];
    char *end;
    (void)state;
    const char *which = getenv("ODRADEK_CUT");
    uint64_t seed = strtoull(which, &end, 10);
    assert_int_equal(*end, ':');
    (void)run_case(seed, strtoll(end + 1, NULL, 10), false, failure, &stats);
    assert_string_equal(failure, "");
}

int main(void)
{
    const struct CMUnitTest replays[] = {cmocka_unit_test(replay)};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_power_cut_at_any_call_loses_nothing_durable),
        cmocka_unit_test(a_lying_fdatasync_is_noticed),
    };
    if (getenv("ODRADEK_CUT") != NULL) return cmocka_run_group_tests(replays, NULL, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
