// SPDX-License-Identifier: Apache-2.0
// Power cuts. A workload on several plogs of one directory, tiny segments and a tiny journal so that everything rolls
// and wraps: appends, truncations, restarts, moves of the log start, deletions with the same partition made again. The
// power goes at the k-th env call, with unsynced pages and names kept, dropped or torn; the node starts again and what
// it holds is compared with a plain model. Each case goes through several lives, so a recovery is cut too, and what one
// left is the next one's start. The canary runs the same with an fdatasync that does nothing, and must fail; others are
// in tests/mutants (journal_*.patch).
#include "store/journal.h"
#include "store/test_util.h"

enum { PLOGS = 3, LIVES = 3, APPENDS_PER_LIFE = 24, OUTSTANDING = 3, CUTS_WANTED = 600 };

// What an actor does between two appends, once those it has submitted are done.
enum deed { DEED_NONE, DEED_TRUNCATE, DEED_RESTART, DEED_DELETE };

struct model_batch {
    int64_t base_offset;
    int64_t end_offset;
    struct text bytes;
};

struct model {
    struct model_batch *batches; // submitted, in order; the log holds a prefix of them
    size_t count;
    size_t capacity;
    int64_t start;     // of the first batch, or where an empty log begins
    int64_t shown_end; // the largest durable end anybody was told
    int64_t log_start; // the largest that was asked for
    int64_t lives;     // restarts and deletions: each has a producer of its own
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
    enum deed deed; // wanted or under way
    bool is_noted;  // a checkpoint was stored that allows for it
    bool has_begun;
    int64_t target; // of it
    struct plog_op deed_op;
    struct env_task create;
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
    int64_t serial;
    struct plog_options options;
    int64_t torn[JOURNAL_KINDS]; // power cuts that hit such entries, written and not synced
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
    return 100 + (a - a->world->actors) + 10 * a->model.lives;
}

static int64_t model_end(const struct model *m)
{
    return m->count == 0 ? m->start : m->batches[m->count - 1].end_offset;
}

static void model_cut(struct model *m, size_t count)
{
    for (size_t i = count; i < m->count; i++) text_deinit(&m->batches[i].bytes);
    m->count = count;
}

// Batches that a truncation leaves.
static size_t model_kept(const struct model *m, int64_t offset)
{
    size_t kept = 0;
    while (kept < m->count && m->batches[kept].end_offset <= offset) kept++;
    return kept;
}

static void model_restart(struct model *m, int64_t offset)
{
    model_cut(m, 0);
    m->start = m->shown_end = m->log_start = offset;
    m->lives++;
}

static void submit_one(struct actor *a)
{
    struct model *m = &a->model;
    struct cut_append *c = MEM_NEW(struct cut_append);
    int64_t next = model_end(m);
    test_batch_build(&c->bytes, &(struct test_batch){
        .count = 1 + (int)sim_below(a->world->sim, 3),
        .timestamp = 1000 + 10 * a->world->serial++, // so no two batches are equal
        .value_bytes = 1 + (int)sim_below(a->world->sim, sim_below(a->world->sim, 8) == 0 ? 2200 : 120),
        .producer_id = producer_of(a),
        .sequence = (int32_t)(next - m->start), // one producer, no gaps: its sequences follow the offsets
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

// A producer's state survives as long as one of its batches is in the log; so one always is.
static void choose_truncation(struct actor *a)
{
    const struct model *m = &a->model;
    int64_t target = m->log_start + sim_below(a->world->sim, model_end(m) - m->log_start + 1);
    size_t kept = model_kept(m, target);
    bool has_some = kept > 0 && m->batches[kept - 1].end_offset > m->log_start;
    if (!has_some && m->log_start > m->start) return;
    a->deed = DEED_TRUNCATE;
    a->target = target;
}

static void move_start(struct actor *a)
{
    struct model *m = &a->model;
    size_t safe = model_kept(m, plog_high_watermark(a->plog));
    int64_t last = safe == 0 ? 0 : m->batches[safe - 1].base_offset;
    if (last <= m->log_start) return;
    m->log_start += 1 + sim_below(a->world->sim, last - m->log_start);
    if (plog_set_log_start(a->plog, m->log_start) != OK) fail_case(a->world, "log start does not move");
}

static void choose_deed(struct actor *a)
{
    int64_t choice = a->world->will_lie ? 100 : sim_below(a->world->sim, 40);
    if (choice < 2) {
        choose_truncation(a);
    } else if (choice == 2) {
        a->deed = DEED_RESTART;
        a->target = model_end(&a->model) + sim_below(a->world->sim, 5);
    } else if (choice == 3) {
        a->deed = DEED_DELETE;
        a->target = 0;
    } else if (choice < 6) {
        move_start(a);
    }
}

static void submit_some(struct actor *a)
{
    while (a->submitted < APPENDS_PER_LIFE && a->outstanding < OUTSTANDING && a->deed == DEED_NONE &&
           a->world->failure[0] == '\0') {
        submit_one(a);
        if (a->world->failure[0] == '\0') choose_deed(a);
    }
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
        struct actor *a = &w->actors[i];
        struct plog_checkpoint values = {0};
        if (a->plog != NULL) plog_checkpoint(a->plog, &values);
        // Before a log is cut, so that no closed segment it will have then is below the point.
        a->is_noted = a->deed != DEED_NONE;
        if (a->is_noted && values.recovery_point > a->target) values.recovery_point = a->target;
        if (a->is_noted && a->deed != DEED_TRUNCATE) values.recovery_point = 0;
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

// ---- deeds ----

static struct plog_load_params params_of(const struct actor *a)
{
    return (struct plog_load_params){
        .dir = a->world->dir,
        .topic = slice_str("t"),
        .partition = (int32_t)(a - a->world->actors),
        .topic_id = {.bytes = {[15] = 9}},
        .options = &a->world->options,
    };
}

static void end_deed(struct actor *a)
{
    a->deed = DEED_NONE;
    a->has_begun = false;
    submit_some(a);
}

static void cut_done(struct plog *plog, struct plog_op *op)
{
    struct actor *a = plog_user(plog);
    struct model *m = &a->model;
    if (op->result != OK) fail_case(a->world, "cutting: %s", err_name(op->result));
    if (a->deed == DEED_RESTART) {
        model_restart(m, a->target);
    } else {
        model_cut(m, model_kept(m, a->target));
        if (m->shown_end > model_end(m)) m->shown_end = model_end(m);
        if (m->log_start > a->target) m->log_start = a->target;
    }
    if (plog_published_end(plog) != model_end(m))
        fail_case(a->world, "cut to %" PRId64 ", not %" PRId64, plog_published_end(plog), model_end(m));
    end_deed(a);
}

static void create_run(struct env_task *task, struct fs *fs)
{
    struct actor *a = CONTAINER_OF(task, struct actor, create);
    struct plog_load_params params = params_of(a);
    enum err e = plog_create(fs, &params, &a->plog);
    if (e != OK) fail_case(a->world, "making it again: %s", err_name(e));
}

static void create_done(struct env *env, struct env_task *task)
{
    struct actor *a = CONTAINER_OF(task, struct actor, create);
    if (a->plog == NULL) return;
    plog_attach(a->plog, env, &owner, a);
    end_deed(a);
}

static void delete_done(struct plog *plog, struct plog_op *op)
{
    struct actor *a = plog_user(plog);
    if (op->result != OK) fail_case(a->world, "deleting: %s", err_name(op->result));
    model_restart(&a->model, 0);
    a->plog = NULL;
    a->create = (struct env_task){.run = create_run, .done = create_done};
    env_task_post(sim_node_env(a->world->node, 0), &a->create);
}

static void begin_deed(struct actor *a)
{
    struct uuid random;
    a->has_begun = true;
    a->deed_op = (struct plog_op){.done = a->deed == DEED_DELETE ? delete_done : cut_done};
    if (a->deed == DEED_TRUNCATE) {
        plog_truncate_to(a->plog, a->target, &a->deed_op);
    } else if (a->deed == DEED_RESTART) {
        plog_restart_at(a->plog, a->target, &a->deed_op);
    } else {
        for (size_t i = 0; i < sizeof(random.bytes); i++) random.bytes[i] = (uint8_t)sim_below(a->world->sim, 256);
        plog_delete(a->plog, random, &a->deed_op);
    }
}

static void tick(struct env *env, struct env_timer *timer)
{
    struct world *w = CONTAINER_OF(timer, struct world, tick);
    bool is_finished = true;
    for (int i = 0; i < PLOGS; i++) {
        struct actor *a = &w->actors[i];
        bool may_begin = a->deed != DEED_NONE && a->is_noted && !a->has_begun && !w->is_checkpointing;
        if (may_begin && a->outstanding == 0) begin_deed(a);
        is_finished = is_finished && a->submitted == APPENDS_PER_LIFE && a->outstanding == 0 &&
                      a->deed == DEED_NONE && plog_durable_end(a->plog) == plog_published_end(a->plog);
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
    struct logdir_replay replayed;
    w->options = (struct plog_options){PLOG_OPTIONS_DEFAULTS};
    w->options.segment_bytes = 7000;
    w->options.index_interval_bytes = 100;
    enum err e = logdir_open(fs, NULL, TEST_DIR, 1, (struct uuid){.bytes = {[15] = 200}}, &arena, &result, &w->dir);
    if (e == OK) e = checkpoint_load(fs, TEST_DIR "/" CHECKPOINT_RECOVERY_POINT, &arena, &entries, &count);
    if (e != OK) {
        fail_case(w, "directory does not open: %s %s", err_name(e), result.problem == NULL ? "" : result.problem);
        return;
    }
    mem_free(w->files);                // of the life before
    w->files = open_files_new(env, 0); // the least: files come and go
    static const int64_t rings[] = {0, 16 * 1024, 20 * 1024, 24 * 1024, 64 * 1024};
    logdir_use_journal(w->dir, rings[sim_below(w->sim, COUNT_OF(rings))]);
    w->dir->journal_demand = 1 + (int)sim_below(w->sim, 4);
    for (int i = 0; i < PLOGS; i++) {
        struct actor *a = &w->actors[i];
        struct plog_load_params params = params_of(a);
        struct plog_load_report report;
        params.recovery_point = checkpointed(entries, count, i);
        params.was_clean = result.was_clean;
        e = plog_load(fs, &params, &report, &a->plog);
        if (e == ERR_NOT_FOUND) e = plog_create(fs, &params, &a->plog);
        if (e != OK) {
            fail_case(w, "plog %d does not load: %s", i, err_name(e));
            return;
        }
        plog_attach(a->plog, env, &owner, a);
        plog_share_files(a->plog, w->files);
    }
    e = logdir_settle_journal(fs, w->dir, &replayed);
    if (e != OK) fail_case(w, "the journal is not settled: %s", err_name(e));
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
    for (int64_t offset = plog_log_start(a->plog); offset < plog_published_end(a->plog); offset++) {
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

// A deed that was under way when the node died may have happened, or not.
static void settle_deed(struct actor *a)
{
    struct model *m = &a->model;
    const struct plog *plog = a->plog;
    bool is_new = plog_local_start(plog) == plog_published_end(plog); // a restart removes before it creates
    if (!a->has_begun) return;
    if (a->deed == DEED_TRUNCATE) {
        size_t kept = model_kept(m, a->target);
        int64_t end = kept == 0 ? m->start : m->batches[kept - 1].end_offset;
        if (m->shown_end > end) m->shown_end = end;
    } else if (is_new) {
        model_restart(m, plog_published_end(plog));
    } else { // what only the journal had of a log that was to go is gone already
        m->shown_end = m->start;
    }
}

// What is there is a prefix of what was submitted, and no shorter than what was shown to be durable.
static void compare(struct actor *a)
{
    struct world *w = a->world;
    struct model *m = &a->model;
    struct text bytes = {0};
    settle_deed(a);
    enum err e = read_log(w, a->plog, &bytes);
    if (e != OK) fail_case(w, "log cannot be read: %s", err_name(e));
    size_t at = 0;
    size_t n = 0;
    int64_t first = plog_local_start(a->plog);
    if (first > m->log_start) fail_case(w, "log begins at %" PRId64 ", not %" PRId64, first, m->log_start);
    while (n < m->count && m->batches[n].base_offset < first) n++;
    while (at < bytes.size && n < m->count) {
        struct slice expected = text_slice(&m->batches[n].bytes);
        if (bytes.size - at < expected.size || memcmp(bytes.data + at, expected.data, expected.size) != 0) break;
        at += expected.size;
        n++;
    }
    if (at != bytes.size) fail_case(w, "bytes at %zu are not what was appended", at);
    int64_t end = n == 0 ? m->start : m->batches[n - 1].end_offset;
    if (end != plog_published_end(a->plog))
        fail_case(w, "log end %" PRId64 ", content ends at %" PRId64, plog_published_end(a->plog), end);
    if (end < m->shown_end) fail_case(w, "durable end was %" PRId64 ", recovered only to %" PRId64, m->shown_end, end);
    if (plog_log_start(a->plog) > m->log_start)
        fail_case(w, "log start %" PRId64 " above %" PRId64, plog_log_start(a->plog), m->log_start);
    model_cut(m, n);
    m->shown_end = plog_durable_end(a->plog);
    m->log_start = plog_log_start(a->plog);
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
    struct logdir *dir = w->dir;
    w->dir = NULL; // nothing of it is unsynced, and it is freed in there
    enum err e = logdir_close(sim_node_fs(w->node), dir, true, 1);
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
    w->dir = NULL;
    if (!sim_node_call(w->node, boot, w) || w->failure[0] != '\0') return;
    if (!sim_node_call(w->node, compare_all, w) || w->failure[0] != '\0') return;
    for (int i = 0; i < PLOGS; i++) {
        w->actors[i].deed = DEED_NONE;
        w->actors[i].is_noted = w->actors[i].has_begun = false;
    }
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

struct cut_stats {
    int64_t power_cuts;
    int64_t pages_kept;
    int64_t pages_dropped;
    int64_t pages_torn;
    int64_t torn[JOURNAL_KINDS];
};

// The dead node's memory is still there.
static void count_torn(struct world *w)
{
    const struct journal *j = w->dir == NULL || w->dir->journals == NULL ? NULL : w->dir->journals[0];
    if (j == NULL) return;
    unsigned kinds = j->writing_kinds | j->written_kinds | j->syncing_kinds;
    for (int kind = 0; kind < JOURNAL_KINDS; kind++) w->torn[kind] += (kinds >> kind) & 1;
}

// Cuts at the `cut_at`-th env call of the first life, and at seeded ones of the later lives. `failure` gets what went
// wrong, "" = nothing. False when the first life ended before the cut.
static bool run_case(uint64_t seed, int64_t cut_at, bool is_lying, char failure[256], struct cut_stats *stats)
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
        if (!sim_node_is_up(w->node) && kind == SIM_POWER_CUT) count_torn(w);
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
    for (int kind = 0; kind < JOURNAL_KINDS; kind++) stats->torn[kind] += w->torn[kind];
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
    struct cut_stats stats = {0};
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
    struct cut_stats stats = {0};
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
    print_message("cuts into unsynced journal entries: APPEND %" PRId64 ", TRUNCATE %" PRId64 ", LOG_START %" PRId64
                  ", DROP %" PRId64 "\n",
                  stats.torn[JOURNAL_APPEND], stats.torn[JOURNAL_TRUNCATE], stats.torn[JOURNAL_LOG_START],
                  stats.torn[JOURNAL_DROP]);
    for (int kind = JOURNAL_APPEND; cuts >= 20000 && kind < JOURNAL_KINDS; kind++)
        assert_true(stats.torn[kind] >= 100);
    assert_true(stats.pages_kept > 0 && stats.pages_dropped > 0 && stats.pages_torn > 0);
}

// The test above is able to fail.
static void a_lying_fdatasync_is_noticed(void **state)
{
    struct cut_stats stats = {0};
    char failure[256];
    int noticed = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 100 && noticed < 3; seed++) {
        for (int64_t k = 100; k < 500 && noticed < 3; k += 50) {
            (void)run_case(seed, k, true, failure, &stats);
            noticed += strstr(failure, "recovered only to") != NULL; // this fault, not any other
        }
    }
    assert_int_equal(noticed, 3);
}

static void replay(void **state)
{
    struct cut_stats stats = {0};
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
