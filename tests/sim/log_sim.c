// SPDX-License-Identifier: Apache-2.0
// The soak of the log: three logs of one directory do everything a log does, all at once, as leader and as follower,
// while the process is killed and the power goes; what is there afterwards, and every answer meanwhile, is compared
// with a plain list (log_model.h). One seed is LIVES lives of one directory; a recovery may be cut like anything else.
//
//     SEEDS=17 log_sim              one seed, TRACE=1 for every event
//     JOURNAL=1 SEEDS=17 log_sim    with a journal behind the durable end, as even seeds have it anyway
//     SOAK_SECONDS=1800 log_sim     seed after seed for half an hour, from the first of SEEDS on
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "log_soak.h"
#include "store/store_int.h"

#define DIR_PATH "/data"
#define CLOCK_START_MS INT64_C(1700000000000)

enum { LIVES = 12, OUTSTANDING_MAX = 4, FILES = 4, LIFE_MAX_MS = 300000, CHECKPOINT_MS = 15, EXPIRATION_MS = 5000 };

static const char *const checkpoint_files[FILES] = {CHECKPOINT_RECOVERY_POINT, CHECKPOINT_LOG_START,
                                                    CHECKPOINT_HIGH_WATERMARK, CHECKPOINT_CLEANER};
struct totals totals;

// ---- ends ----

static void note_start(struct actor *a)
{
    struct model *m = &a->model;
    m->start = plog_log_start(a->plog);
    if (m->start > m->start_max) m->start_max = m->start;
}

static void check_ends(struct actor *a)
{
    note_start(a);
    int64_t start = plog_log_start(a->plog), hw = plog_high_watermark(a->plog), durable = plog_durable_end(a->plog);
    int64_t published = plog_published_end(a->plog), lso = plog_last_stable_offset(a->plog), low, high;
    actor_check(a, start <= hw && hw <= durable && durable <= published && published <= plog_assigned_end(a->plog),
                "ends out of order: start %" PRId64 " hw %" PRId64 " durable %" PRId64 " published %" PRId64, start, hw,
                durable, published);
    model_lso(&a->model, hw, &low, &high);
    actor_check(a, lso >= low && lso <= high,
                "last stable offset %" PRId64 ", not in [%" PRId64 ", %" PRId64 "], hw %" PRId64, lso, low, high, hw);
}

static void check_epochs(struct actor *a)
{
    const struct model *m = &a->model;
    note_start(a);
    for (size_t i = model_find(m, m->start); i < m->count; i++) {
        const struct batch_header *h = &m->batches[i].header;
        if (h->base_offset < m->start_max) continue; // the epochs of what was deleted may be forgotten
        int32_t epoch = plog_epoch_of(a->plog, h->base_offset);
        actor_check(a, epoch == h->partition_leader_epoch,
                    "offset %" PRId64 " is of epoch %" PRId32 ", said to be of %" PRId32, h->base_offset,
                    h->partition_leader_epoch, epoch);
        bool is_last = i + 1 < m->count && m->batches[i + 1].header.partition_leader_epoch > epoch;
        if (!is_last || m->batches[i + 1].header.base_offset > plog_durable_end(a->plog)) continue;
        int32_t found;
        int64_t end;
        plog_end_offset_of_epoch(a->plog, epoch, &found, &end);
        actor_check(a, found == epoch && end > batch_last_offset(h) && end <= m->batches[i + 1].header.base_offset,
                    "epoch %" PRId32 " ends at %" PRId64 ", said to be %" PRId32 " at %" PRId64, epoch,
                    batch_last_offset(h) + 1, found, end);
    }
}

static void on_published(struct plog *plog)
{
    struct actor *a = plog_user(plog);
    actor_check(a, plog_published_end(plog) >= a->published, "published end fell");
    a->published = plog_published_end(plog) < a->cut_at ? plog_published_end(plog) : a->cut_at;
}

// The high watermark follows, sometimes a few batches late, as slow replicas make it.
static void on_durable(struct plog *plog)
{
    struct actor *a = plog_user(plog);
    struct model *m = &a->model;
    int64_t durable = plog_durable_end(plog);
    if (a->world->is_commit) {
        sim_trace(a->world->sim, "log %d durable %d published %d", m->number, (int)durable,
                  (int)plog_published_end(plog));
        actor_check(a, durable >= m->floor, "durable end fell from %" PRId64 " to %" PRId64, m->floor, durable);
        m->floor = durable < a->cut_at ? durable : a->cut_at;
    }
    size_t i = model_find(m, durable);
    size_t late = (size_t)(chance(a, 50) ? below(a, 5) : 0);
    int64_t hw = i <= late ? 0 : batch_last_offset(&m->batches[i - 1 - late].header) + 1;
    (void)plog_set_high_watermark(plog, hw);
    if (a->high_watermark < plog_high_watermark(plog)) a->high_watermark = plog_high_watermark(plog);
    check_ends(a);
}

static void on_failed(struct plog *plog, enum err why)
{
    actor_check((struct actor *)plog_user(plog), false, "the log failed: %s", err_name(why));
}

static const struct plog_owner owner = {.on_published = on_published, .on_durable = on_durable, .on_failed = on_failed};

// ---- checkpoints ----

struct checkpoint_task {
    struct env_task task;
    struct world *world;
    struct checkpoint_entry entries[FILES][LOGS];
    size_t counts[FILES];
    struct plog_checkpoint values[LOGS];
    int64_t number;
    enum err result;
};

static void fill_checkpoint(struct checkpoint_task *t)
{
    for (int i = 0; i < LOGS; i++) {
        const struct plog_checkpoint *v = &t->values[i];
        const int64_t offsets[FILES] = {v->recovery_point, v->log_start, v->high_watermark, v->cleaned_to};
        const bool is_listed[FILES] = {true, v->lists_log_start, true, v->cleaned_to > 0};
        for (int f = 0; f < FILES; f++)
            if (is_listed[f]) t->entries[f][t->counts[f]++] = (struct checkpoint_entry){slice_str("t"), i, offsets[f]};
    }
}

static enum err store_checkpoint(const struct checkpoint_task *t, struct fs *fs)
{
    enum err e = OK;
    for (int f = 0; f < FILES && e == OK; f++) {
        char path[96];
        snprintf(path, sizeof(path), "%s/%s", DIR_PATH, checkpoint_files[f]);
        e = checkpoint_store(fs, path, t->entries[f], t->counts[f]);
    }
    return e;
}

static void checkpoint_run(struct env_task *task, struct fs *fs)
{
    struct checkpoint_task *t = CONTAINER_OF(task, struct checkpoint_task, task);
    t->result = store_checkpoint(t, fs);
}

static void checkpoint_done(struct env *env, struct env_task *task)
{
    struct checkpoint_task *t = CONTAINER_OF(task, struct checkpoint_task, task);
    struct world *w = t->world;
    (void)env;
    sim_check(w->at, t->result == OK, "storing a checkpoint: %s", err_name(t->result));
    for (int i = 0; i < LOGS; i++) {
        struct actor *a = &w->actors[i];
        if (a->restart_at < 0 || a->checkpoint_due <= t->number)
            a->stored_start = t->values[i].lists_log_start ? t->values[i].log_start : a->boot_start;
        if (a->checkpoint_due == 0 || a->checkpoint_due > t->number) continue;
        a->checkpoint_due = 0;
        a->restart_at = -1; // only now: a start above the new end may have been stored
    }
    w->is_checkpointing = false;
    mem_free(t);
}

static void checkpoint_tick(struct env *env, struct env_timer *timer)
{
    struct world *w = CONTAINER_OF(timer, struct world, checkpoint_tick);
    for (int i = 0; i < LOGS; i++)
        if (w->actors[i].is_closing) return;
    env_timer_after_ms(env, timer, CHECKPOINT_MS);
    if (w->is_checkpointing) return;
    struct checkpoint_task *t = MEM_NEW(struct checkpoint_task);
    t->world = w;
    t->number = ++w->checkpoints_begun;
    for (int i = 0; i < LOGS; i++) plog_checkpoint(w->actors[i].plog, &t->values[i]);
    fill_checkpoint(t);
    t->task = (struct env_task){.run = checkpoint_run, .done = checkpoint_done};
    w->is_checkpointing = true;
    env_task_post(env, &t->task);
}

// ---- what takes from a log ----

static void delete_records(struct actor *a)
{
    int64_t hw = plog_high_watermark(a->plog);
    int64_t to = a->model.start + sim_below(a->world->sim, hw - a->model.start + 1);
    if (chance(a, 10)) {
        enum err e = plog_set_log_start(a->plog, hw + 1);
        actor_check(a, e == ERR_OFFSET_OUT_OF_RANGE, "records above the high watermark were deleted: %s", err_name(e));
        return;
    }
    if (chance(a, 70)) to = a->model.start + (to - a->model.start) / 4;
    if (to > a->model.start_max) a->model.start_max = to; // before the call: it may not return
    enum err e = plog_set_log_start(a->plog, to);
    actor_check(a, e == OK && plog_log_start(a->plog) >= to, "records are not deleted: %s", err_name(e));
    note_start(a);
    check_ends(a);
    totals.deletions++;
}

struct soak_retain {
    struct plog_retain_op op;
    struct actor *actor;
    int64_t start;
    int64_t size_bytes;
    int64_t compactions; // seen when it began
};

static void retain_done(struct plog *plog, struct plog_op *op)
{
    struct soak_retain *r = CONTAINER_OF(CONTAINER_OF(op, struct plog_retain_op, op), struct soak_retain, op);
    struct actor *a = r->actor;
    struct model *m = &a->model;
    actor_check(a, op->result == OK || op->result == ERR_BUSY, "retention: %s", err_name(op->result));
    note_start(a);
    for (size_t i = model_find(m, r->start); r->op.retention_ms >= 0 && i < m->count; i++) {
        const struct batch_header *h = &m->batches[i].header;
        if (batch_last_offset(h) >= m->start) break;
        if (h->base_offset < m->compact_bound) continue; // its newest record may have been compacted away
        actor_check(a, r->op.wall_ms - h->max_timestamp > r->op.retention_ms,
                    "batch %" PRId64 " was removed at the age of %" PRId64, h->base_offset,
                    r->op.wall_ms - h->max_timestamp);
    }
    bool is_plain = r->compactions == a->compactions && !a->is_compacting && m->start > r->start;
    if (r->op.retention_bytes >= 0 && is_plain)
        actor_check(a, plog_size_bytes(plog) >= r->op.retention_bytes,
                    "%" PRId64 " bytes are left of %" PRId64 ", %" PRId64 " were to stay", plog_size_bytes(plog),
                    r->size_bytes, r->op.retention_bytes);
    check_ends(a);
    totals.retained_segments += r->op.removed_segments;
    a->is_retaining = false;
    mem_free(r);
}

static void retain(struct actor *a)
{
    struct soak_retain *r = MEM_NEW(struct soak_retain);
    bool by_time = chance(a, 50);
    r->actor = a;
    r->start = plog_log_start(a->plog);
    r->compactions = a->compactions - (a->is_compacting ? 1 : 0);
    r->size_bytes = plog_size_bytes(a->plog);
    r->op = (struct plog_retain_op){.op = {.done = retain_done},
                                    .retention_ms = by_time ? sim_below(a->world->sim, 8000) : -1,
                                    .retention_bytes = by_time ? -1 : sim_below(a->world->sim, 60000),
                                    .wall_ms = now_ms(a)};
    a->is_retaining = true;
    plog_retain(a->plog, &r->op);
}

struct soak_compact {
    struct plog_compact_op op;
    struct actor *actor;
};

static void compact_done(struct plog *plog, struct plog_op *op)
{
    struct soak_compact *c = CONTAINER_OF(CONTAINER_OF(op, struct plog_compact_op, op), struct soak_compact, op);
    struct actor *a = c->actor;
    struct plog_checkpoint now;
    actor_check(a, op->result == OK || op->result == ERR_BUSY, "compaction: %s", err_name(op->result));
    plog_checkpoint(plog, &now);
    if (op->result == OK) {
        totals.compactions++;
        actor_check(a, now.cleaned_to <= a->model.compact_bound, "compacted to %" PRId64 ", allowed to %" PRId64,
                    now.cleaned_to, a->model.compact_bound);
        // A scan under way began before, and may have read what is gone now.
        if (now.cleaned_to > a->model.cleaned_to && !a->is_scanning) a->model.cleaned_to = now.cleaned_to;
    }
    a->is_compacting = false;
    a->compactions++;
    mem_free(c);
}

static void compact(struct actor *a)
{
    struct soak_compact *c = MEM_NEW(struct soak_compact);
    c->actor = a;
    c->op = (struct plog_compact_op){.op = {.done = compact_done},
                                     .limits = {.max_lag_ms = INT64_MAX},
                                     .delete_retention_ms = a->model.delete_retention_ms,
                                     .map_bytes_max = chance(a, 30) ? 24 * 40 : 1 << 20,
                                     .map_load_factor = 0.9,
                                     .io_bytes = 4096,
                                     .bytes_per_s = INT64_MAX,
                                     .wall_ms = now_ms(a)};
    model_allow_compaction(&a->model, plog_last_stable_offset(a->plog), now_ms(a));
    a->is_compacting = true;
    plog_compact(a->plog, &c->op);
}

// ---- what a log must be left alone for ----

struct soak_cut {
    struct plog_op op;
    struct actor *actor;
    int64_t low; // where the end has to be afterwards
    int64_t high;
    bool is_restart;
};

static void lead(struct actor *a)
{
    a->epoch++;
    a->is_follower = false;
    plog_assign_epoch(a->plog, a->epoch, plog_assigned_end(a->plog));
}

static void cut_done(struct plog *plog, struct plog_op *op)
{
    struct soak_cut *c = CONTAINER_OF(op, struct soak_cut, op);
    struct actor *a = c->actor;
    actor_check(a, op->result == OK, "truncation: %s", err_name(op->result));
    int64_t end = plog_published_end(plog);
    actor_check(a, end >= c->low && end <= c->high, "truncated to %" PRId64 " instead of %" PRId64, end, c->low);
    a->cuts++;
    a->cut_at = INT64_MAX;
    a->published = end;
    if (a->high_watermark > end || c->is_restart) a->high_watermark = end;
    if (c->is_restart) {
        model_restart(&a->model, end);
        totals.restarts++;
    } else {
        model_cut(&a->model, end);
        for (size_t i = 0; i < a->model.count; i++) a->model.batches[i].is_present = false; // until the next scan
        model_rebuild_producers(&a->model);
        a->model.boot_end = end; // the state is loaded again
        totals.truncations++;
    }
    note_start(a);
    check_ends(a);
    check_epochs(a);
    // As Kafka does it: a recovery point above the end must not outlive what follows.
    a->checkpoint_due = a->world->checkpoints_begun + 1;
    a->is_exclusive = false;
    a->epoch++;
    if (chance(a, 50)) lead(a);
    mem_free(c);
}

static void cut(struct actor *a, bool is_restart)
{
    struct soak_cut *c = MEM_NEW(struct soak_cut);
    int64_t hw = plog_high_watermark(a->plog);
    int64_t end = plog_assigned_end(a->plog);
    // What was committed stays with the leader, and so with its replicas; a crash may have set the mark back.
    if (hw < a->high_watermark) hw = a->high_watermark;
    int64_t to = hw + sim_below(a->world->sim, end - hw + 1);
    c->actor = a;
    c->is_restart = is_restart;
    c->op.done = cut_done;
    a->is_exclusive = true;
    a->is_follower = true;
    a->cuts++;
    if (is_restart) {
        to = chance(a, 70) ? end + below(a, 50) : a->model.start + sim_below(a->world->sim, end - a->model.start + 1);
        c->low = c->high = a->restart_at = to;
        a->cut_at = a->model.floor = a->published = 0;
        plog_restart_at(a->plog, to, &c->op);
        return;
    }
    model_end_after_cut(&a->model, to, &c->low, &c->high);
    a->cut_at = c->low;
    if (a->model.floor > c->low) a->model.floor = c->low;
    if (a->published > c->low) a->published = c->low;
    plog_truncate_to(a->plog, to, &c->op);
}

static void begin_exclusive(struct actor *a)
{
    enum exclusive wanted = a->wanted;
    a->wanted = NOTHING;
    if (wanted == SWITCH) {
        if (a->is_follower) {
            lead(a);
        } else {
            a->epoch++;
            a->is_follower = true;
        }
        return;
    }
    cut(a, wanted == RESTART);
}

// ---- a life ----

static void stop_done(struct plog *plog, struct plog_op *op)
{
    struct actor *a = plog_user(plog);
    actor_check(a, op->result == OK, "close: %s", err_name(op->result));
    actor_check(a, plog_published_end(plog) == model_end(&a->model), "closed at %" PRId64 " instead of %" PRId64,
                plog_published_end(plog), model_end(&a->model));
    plog_checkpoint(plog, &a->closed);
    a->model.floor = a->published = plog_published_end(plog);
    a->is_closed = true;
    mem_free(op);
}

// Before the end everybody has to become quiet, and what is durable has to reach the end.
static void wind_up(struct actor *a)
{
    bool is_quiet = a->outstanding == 0 && a->reading == 0 && !a->is_retaining && !a->is_compacting;
    if (!is_quiet || a->is_closing || plog_durable_end(a->plog) < plog_assigned_end(a->plog)) return;
    for (int i = 0; i < LOGS; i++) { // all at once, so that no checkpoint asks a closed one
        struct actor *other = &a->world->actors[i];
        bool is_ready = other->budget == 0 && other->outstanding == 0 && other->reading == 0 && !other->is_retaining &&
                        !other->is_compacting && !other->is_exclusive && other->checkpoint_due == 0;
        if (!is_ready) return;
    }
    if (a->world->is_checkpointing) return;
    for (int i = 0; i < LOGS; i++) {
        struct plog_op *op = MEM_NEW(struct plog_op);
        op->done = stop_done;
        a->world->actors[i].is_closing = true;
        plog_close(a->world->actors[i].plog, op);
    }
}

static void act_once(struct actor *a)
{
    int dice = below(a, 1000);
    a->world->clock_ms += below(a, 12);
    a->budget--;
    if (dice < 600) {
        if (a->outstanding < OUTSTANDING_MAX) act_append(a);
    } else if (dice < 720) {
        act_read(a);
    } else if (dice < 760) {
        act_find_time(a);
    } else if (dice < 800) {
        if (!a->is_scanning) act_scan(a);
    } else if (dice < 820) {
        if (!a->is_retaining) delete_records(a);
    } else if (dice < 850) {
        if (!a->is_retaining) retain(a);
    } else if (dice < 930) {
        if (a->is_compacted && !a->is_compacting) compact(a);
    } else if (dice < 950) {
        plog_expire_producers(a->plog, now_ms(a), EXPIRATION_MS);
        model_expire_producers(&a->model, now_ms(a) - EXPIRATION_MS);
    } else if (dice < 965) {
        a->wanted = TRUNCATE;
    } else if (dice < 969) {
        a->wanted = RESTART;
    } else if (dice < 985) {
        a->wanted = SWITCH;
    } else {
        check_epochs(a);
    }
}

static void act(struct actor *a)
{
    if (a->is_booting || a->is_exclusive || a->checkpoint_due > 0 || a->is_closing) return;
    check_ends(a);
    if (a->wanted != NOTHING) {
        bool is_alone = a->outstanding == 0 && !a->is_scanning && !a->is_retaining;
        // Reads hold ranges and compactions are cancelled: both may go on.
        if (is_alone) begin_exclusive(a);
        return;
    }
    for (int i = 1 + below(a, 4); i > 0 && a->budget > 0 && a->wanted == NOTHING; i--) act_once(a);
    if (a->budget == 0) wind_up(a);
}

void act_scan_is_done(struct actor *a)
{
    if (!a->is_booting) return;
    a->is_booting = false;
    model_rebuild_producers(&a->model);
    if (chance(a, 50))
        lead(a);
    else {
        a->epoch++;
        a->is_follower = true;
    }
}

static void tick(struct env *env, struct env_timer *timer)
{
    struct world *w = CONTAINER_OF(timer, struct world, tick);
    env_timer_after_ms(env, timer, 1);
    for (int i = 0; i < LOGS; i++) act(&w->actors[i]);
}

static int64_t checkpointed(struct world *w, struct fs *fs, struct arena *arena, int file, int partition)
{
    struct checkpoint_entry *entries;
    size_t count;
    char path[96];
    snprintf(path, sizeof(path), "%s/%s", DIR_PATH, checkpoint_files[file]);
    enum err e = checkpoint_load(fs, path, arena, &entries, &count);
    sim_check(w->at, e == OK, "%s cannot be read: %s", path, err_name(e));
    for (size_t i = 0; i < count; i++)
        if (entries[i].partition == partition) return entries[i].offset;
    return 0;
}

// What was found must be a beginning of what was submitted, and long enough.
static void compare_ends(struct actor *a)
{
    struct model *m = &a->model;
    int64_t end = plog_published_end(a->plog);
    int64_t start = plog_log_start(a->plog);
    // A directory that was left without any segment knows its offset from a checkpoint, until something is durable in
    // it.
    bool is_empty = a->is_placeless && a->published <= m->restarted_at && start == end;
    bool was_restarting = a->restart_at >= 0 || is_empty;
    a->is_placeless = is_empty || (a->restart_at >= 0 && start == end);
    // A round may have moved the start without having told.
    if (a->was_retaining && a->high_watermark > m->start_max) m->start_max = a->high_watermark;
    if (was_restarting && start == end) {
        // Emptied already; where it goes on is known to the file's name, or to nobody yet.
        bool is_old = end <= model_end(m) && end >= a->stored_start;
        bool is_stored = end == 0 || end == a->stored_start || end == a->listed_start;
        actor_check(a, is_empty || is_old || end == a->restart_at || is_stored,
                    "restart at %" PRId64 " became %" PRId64, a->restart_at, end);
        model_restart(m, end);
    } else {
        actor_check(a, end <= model_end(m), "the log ends at %" PRId64 ", more than was ever appended: %" PRId64, end,
                    model_end(m));
        actor_check(a, was_restarting || end >= a->published, "written to %" PRId64 ", recovered only to %" PRId64,
                    a->published, end);
        actor_check(a, start >= a->stored_start && (start <= m->start_max || start == m->start),
                    "log start %" PRId64 ", stored %" PRId64 ", asked for %" PRId64, start, a->stored_start,
                    m->start_max);
        model_cut(m, end);
        m->start = start;
        // Emptied by half: what newer records had let compaction take may have lost those now.
        if (was_restarting && end > m->start_max) m->start_max = end;
    }
    a->boot_start = a->stored_start = start; // the disk says so now
    if (a->high_watermark > end) a->high_watermark = end;
    m->boot_end = end;
    m->floor = a->world->is_commit ? end : 0;
    a->published = end;
    a->restart_at = -1;
    if (m->cleaned_to > end) m->cleaned_to = end;
    for (size_t i = 0; i < m->count; i++) m->batches[i].is_present = false;
    model_rebuild_producers(m);
    check_ends(a);
    check_epochs(a);
}

static void boot(void *context)
{
    struct world *w = context;
    struct fs *fs = sim_node_fs(w->node);
    struct arena arena = {0};
    struct logdir_open_result result;
    enum err e = logdir_open(fs, NULL, DIR_PATH, 1, (struct uuid){.bytes = {[15] = 200}}, &arena, &result, &w->dir);
    sim_check(w->at, e == OK, "the directory does not open: %s", err_name(e));
    if (w->has_journal) {
        logdir_use_journal(w->dir, (16 + 16 * sim_below(w->sim, 4)) * 1024);
        w->dir->journal_demand = 1 + (int)sim_below(w->sim, 4);
    }
    for (int i = 0; i < LOGS; i++) {
        struct actor *a = &w->actors[i];
        struct plog_load_params params = {.dir = w->dir,
                                          .topic = slice_str("t"),
                                          .partition = i,
                                          .topic_id = {.bytes = {[15] = 9}},
                                          .recovery_point = checkpointed(w, fs, &arena, 0, i),
                                          .log_start = checkpointed(w, fs, &arena, 1, i),
                                          .high_watermark = checkpointed(w, fs, &arena, 2, i),
                                          .cleaned_to = checkpointed(w, fs, &arena, 3, i),
                                          .was_clean = result.was_clean,
                                          .wall_ms = w->clock_ms,
                                          .options = &a->options};
        struct plog_load_report report = {0};
        a->listed_start = params.log_start;
        e = plog_load(fs, &params, &report, &a->plog);
        if (e == ERR_NOT_FOUND) e = plog_create(fs, &params, &a->plog);
        actor_check(a, e == OK, "does not load: %s", err_name(e));
        a->was_shortened = report.lost_below_recovery_point;
        plog_attach(a->plog, sim_node_env(w->node, 0), &owner, a);
    }
    struct logdir_replay replayed;
    e = logdir_settle_journal(fs, w->dir, &replayed);
    sim_check(w->at, e == OK && replayed.failed_partitions == 0, "the journal is not settled: %s, %d logs failed",
              err_name(e), replayed.failed_partitions);
    totals.journals += replayed.entries > 0;
    totals.replayed_bytes += replayed.appended_bytes;
    arena_deinit(&arena);
}

static void go(void *context)
{
    struct world *w = context;
    struct env *env = sim_node_env(w->node, 0);
    for (int i = 0; i < LOGS; i++) {
        struct actor *a = &w->actors[i];
        compare_ends(a);
        // A truncation came before its checkpoint: what is appended must not lie below the old recovery point.
        if (a->was_shortened) a->checkpoint_due = w->checkpoints_begun + 1;
        act_scan(a);
    }
    w->tick = (struct env_timer){.fire = tick};
    w->checkpoint_tick = (struct env_timer){.fire = checkpoint_tick};
    env_timer_after_ms(env, &w->tick, 1);
    env_timer_after_ms(env, &w->checkpoint_tick, CHECKPOINT_MS);
}

static bool is_over(void *context)
{
    struct world *w = context;
    bool is_closed = true;
    for (int i = 0; i < LOGS; i++) is_closed = is_closed && w->actors[i].is_closed;
    return is_closed || !sim_node_is_up(w->node);
}

static void stop_clean(void *context)
{
    struct world *w = context;
    struct fs *fs = sim_node_fs(w->node);
    struct checkpoint_task t = {.world = w};
    for (int i = 0; i < LOGS; i++) t.values[i] = w->actors[i].closed;
    fill_checkpoint(&t);
    enum err e = store_checkpoint(&t, fs);
    for (int i = 0; i < LOGS && e == OK; i++)
        w->actors[i].stored_start = t.values[i].log_start; // what was removed is synced
    if (e == OK) e = logdir_close(fs, w->dir, true, 1);
    sim_check(w->at, e == OK, "the directory does not close: %s", err_name(e));
    totals.clean_stops++;
}

static void be_born(struct world *w)
{
    w->is_checkpointing = false;
    for (int i = 0; i < LOGS; i++) {
        struct actor *a = &w->actors[i];
        a->was_retaining = a->is_retaining;
        a->is_retaining = a->is_compacting = a->is_scanning = a->is_closing = a->is_closed = a->is_exclusive = false;
        a->is_booting = true;
        a->is_follower = true;
        a->wanted = NOTHING;
        a->checkpoint_due = 0;
        a->cut_at = INT64_MAX;
        a->outstanding = a->reading = 0;
        a->budget = 40 + below(a, 200);
    }
}

// Somewhere in the life the process dies: at any call, or at one of those where something lies half done.
static void arm(struct world *w, enum sim_crash crash)
{
    static const enum sim_call kinds[] = {SIM_CALL_SYNC, SIM_CALL_SYNC_DIR, SIM_CALL_RENAME,  SIM_CALL_UNLINK,
                                          SIM_CALL_OPEN, SIM_CALL_TRUNCATE, SIM_CALL_PWRITEV, SIM_CALL_WRITE_RUN};
    int64_t most = sim_below(w->sim, 3) == 0 ? 200 : 4000;
    enum sim_call kind = SIM_CALL_ANY;
    if (sim_below(w->sim, 100) < 45) {
        kind = kinds[sim_below(w->sim, COUNT_OF(kinds))];
        most = kind == SIM_CALL_TRUNCATE ? 6 : 60;
    }
    sim_crash_at_call(w->node, kind, 1 + sim_below(w->sim, most), crash);
}

static void live(struct world *w, bool may_die)
{
    enum sim_crash crash = w->is_commit && sim_below(w->sim, 4) > 0 ? SIM_POWER_CUT : SIM_PROCESS_KILL;
    be_born(w);
    if (may_die && sim_below(w->sim, 8) > 0) arm(w, crash);
    bool is_up = sim_node_call(w->node, boot, w) && sim_node_call(w->node, go, w);
    if (is_up) (void)sim_run_until(w->sim, is_over, w, LIFE_MAX_MS);
    if (sim_node_is_up(w->node)) {
        for (int i = 0; i < LOGS; i++) actor_check(&w->actors[i], w->actors[i].is_closed, "no progress");
        (void)sim_node_call(w->node, stop_clean, w);
    }
    sim_crash_at_call(w->node, SIM_CALL_ANY, 0, crash);
    if (sim_node_is_up(w->node)) sim_node_crash(w->node, crash);
    // What a killed process had written is still there, until the power takes it too.
    for (int i = 0; i < LOGS; i++) {
        struct actor *a = &w->actors[i];
        if (crash == SIM_POWER_CUT || a->published < a->model.floor) a->published = a->model.floor;
    }
    sim_node_restart(w->node);
}

static struct sim_options options(uint64_t seed)
{
    return sim_options_default(seed);
}

static void soak(struct sim_case *at)
{
    struct world *w = MEM_NEW(struct world);
    struct meta_properties properties = {
        .version = 1, .node_id = 1, .cluster_id = "soak", .directory_id = {.bytes = {[15] = 210}}};
    w->at = at;
    w->sim = at->sim;
    w->node = sim_node_new(at->sim, "n1", 1);
    w->is_commit = sim_below(w->sim, 8) > 0;
    w->has_journal = w->is_commit && (at->seed % 2 == 0 || getenv("JOURNAL") != NULL);
    w->clock_ms = CLOCK_START_MS;
    enum err e = meta_properties_store(sim_node_fs(w->node), DIR_PATH, &properties, 0);
    sim_check(at, e == OK, "cannot format: %s", err_name(e));
    for (int i = 0; i < LOGS; i++) {
        struct actor *a = &w->actors[i];
        *a = (struct actor){.world = w,
                            .restart_at = -1,
                            .is_compacted = i != 1,
                            .has_transactions = i != 0,
                            .options = {PLOG_OPTIONS_DEFAULTS}};
        model_init(&a->model, at, i);
        a->options.segment_bytes = 3000 + below(a, 8000);
        a->options.index_interval_bytes = 100 + below(a, 400);
        a->options.segment_ms = chance(a, 40) ? 1000 + below(a, 5000) : a->options.segment_ms;
        a->options.durability = w->is_commit ? PLOG_COMMIT : PLOG_PAGE_CACHE;
    }
    for (int life = 0; life < LIVES; life++) live(w, true);
    live(w, false); // the last word: everything is there, nothing is cut any more
    struct sim_stats stats = sim_stats(w->sim);
    totals.power_cuts += stats.power_cuts;
    totals.kills += stats.process_kills;
    totals.pages_dropped += stats.pages_dropped;
    totals.pages_torn += stats.pages_torn;
    for (int i = 0; i < LOGS; i++) model_deinit(&w->actors[i].model);
    mem_free(w);
}

static const struct sim_scenario scenarios[] = {{"soak", options, soak}};

static void print_totals(void)
{
    const struct totals *t = &totals;
    printf("%" PRId64 " power cuts (pages dropped %" PRId64 ", torn %" PRId64 "), %" PRId64 " kills, %" PRId64
           " clean stops\n",
           t->power_cuts, t->pages_dropped, t->pages_torn, t->kills, t->clean_stops);
    printf("%" PRId64 " appends, %" PRId64 " records, %" PRId64 " markers, %" PRId64 " duplicates, %" PRId64
           " refused\n",
           t->appends, t->records, t->markers, t->duplicates, t->refusals);
    printf("%" PRId64 " truncations, %" PRId64 " restarts, %" PRId64 " deletions, %" PRId64
           " segments retained away, %" PRId64 " compactions\n",
           t->truncations, t->restarts, t->deletions, t->retained_segments, t->compactions);
    printf("%" PRId64 " journals replayed, %" PRId64 " bytes of them were not in the segments\n", t->journals,
           t->replayed_bytes);
    printf("%" PRId64 " reads, %" PRId64 " scans, %" PRId64 " look-ups by time\n", t->reads, t->scans, t->time_answers);
}

int main(int argc, char **argv)
{
    int status = sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
    print_totals();
    return status;
}
