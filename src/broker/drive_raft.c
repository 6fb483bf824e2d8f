// SPDX-License-Identifier: Apache-2.0
// Drives the quorum core over __cluster_metadata-0: effects in list order, a save blocks what is behind it, and events
// wait as long as effects are under way. Records become an image at submission and are shown at commit.
#include "broker/metadata_int.h"

#include "base/mem.h"
#include "broker/snapshots.h"
#include "raft/quorum_state.h"
#include "record/builder.h"
#include "store/whole_file.h"

enum { RECORDS_PER_BATCH = METADATA_RECORDS_MAX, BATCH_BYTES_MAX = 4 << 20 };

static void feed(struct metadata *m, struct raft_event event);

// ---- failing ----------------------------------------------------------------------------------------------------

// Nothing more will be committed: whoever waits is told to look for another controller.
static void drop_waiters(struct metadata *m)
{
    for (struct list *link; (link = list_pop_front(&m->waiters)) != NULL;) {
        struct metadata_waiter *w = LIST_ITEM(link, struct metadata_waiter, link);
        if (w->done != NULL) w->done(w->context, ERR_NOT_CONTROLLER, SLICE_NULL);
        image_unref(w->image);
        image_delta_unref(w->delta);
        text_deinit(&w->response);
        mem_free(w);
    }
}

void metadata_fail(struct metadata *m, enum err why, const char *text)
{
    if (m->life == METADATA_FAILED || m->life == METADATA_CLOSED) return;
    bool was_stopping = m->life == METADATA_STOPPING;
    m->life = METADATA_FAILED;
    m->is_leading = false;
    env_timer_cancel(m->env, &m->timer);
    log_error(m->log, "metadata", "%s (%s)", text, err_text(why));
    drop_waiters(m);
    if (was_stopping)
        metadata_close_log(m);
    else
        m->options.on_fatal(m->options.context, why, text);
}

// ---- committed: images and answers leave ------------------------------------------------------------------------

static void deliver(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct metadata *m = CONTAINER_OF(msg, struct metadata, deliver);
    m->is_delivering = false;
    for (struct list *link; (link = list_first(&m->waiters)) != NULL;) {
        struct metadata_waiter *w = LIST_ITEM(link, struct metadata_waiter, link);
        if (w->end_offset > m->raft.high_watermark) break;
        list_remove(link);
        if (w->image != NULL) {
            image_unref(m->image);
            m->image = w->image;
            m->shown_timestamp_ms = w->timestamp_ms;
            m->options.on_image(m->options.context, w->image, w->delta);
            image_delta_unref(w->delta);
            snapshots_consider(m);
        } else {
            w->done(w->context, w->result, w->result == OK ? text_slice(&w->response) : SLICE_NULL);
        }
        text_deinit(&w->response);
        mem_free(w);
    }
}

static void deliver_later(struct metadata *m)
{
    if (m->is_delivering || list_is_empty(&m->waiters)) return;
    m->is_delivering = true;
    m->deliver = (struct env_msg){.run = deliver};
    env_post(m->env, &m->deliver);
}

void metadata_wait(struct metadata *m, struct metadata_waiter *waiter)
{
    struct list *at = m->waiters.prev;
    while (at != &m->waiters && LIST_ITEM(at, struct metadata_waiter, link)->end_offset > waiter->end_offset)
        at = at->prev;
    // An image goes before the answers that speak of it.
    if (waiter->image != NULL)
        while (at != &m->waiters && LIST_ITEM(at, struct metadata_waiter, link)->end_offset == waiter->end_offset)
            at = at->prev;
    list_insert_before(at->next, &waiter->link);
    deliver_later(m);
}

static void capture_now(struct metadata *m)
{
    struct metadata_waiter *w = MEM_NEW(struct metadata_waiter);
    w->image = image_builder_publish(m->builder, &w->delta);
    w->end_offset = m->raft.end_offset;
    w->timestamp_ms = m->append_timestamp_ms;
    metadata_wait(m, w);
}

static void capture(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct metadata *m = CONTAINER_OF(msg, struct metadata, capture);
    m->is_capturing = false;
    if (m->life != METADATA_FAILED) capture_now(m);
}

static void capture_at_turn_end(struct metadata *m)
{
    if (m->is_capturing) return;
    m->is_capturing = true;
    m->capture = (struct env_msg){.run = capture};
    env_at_turn_end(m->env, &m->capture);
}

// ---- appending --------------------------------------------------------------------------------------------------

struct append {
    struct plog_append op;
    struct text bytes;
};

static void append_done(struct plog *plog, struct plog_append *op)
{
    struct append *a = CONTAINER_OF(op, struct append, op);
    struct metadata *m = plog_user(plog);
    enum err e = op->result;
    text_deinit(&a->bytes);
    mem_free(a);
    if (e != OK) metadata_fail(m, e, "the metadata log cannot be written");
}

static void submit(struct metadata *m, struct append *a)
{
    a->op = (struct plog_append){.bytes = a->bytes.data,
                                 .size = a->bytes.size,
                                 .origin = PLOG_COORDINATOR,
                                 .leader_epoch = m->raft.saved.epoch,
                                 .done = append_done};
    struct text problem = {0};
    enum err e = image_builder_batch(m->builder, text_slice(&a->bytes), &problem);
    // A record that our own replay refuses would stop every node that reads it: rather die before it is written.
    m->bytes_since_snapshot += (int64_t)a->bytes.size;
    m->append_timestamp_ms = env_wall_ms(m->env);
    if (e == OK) e = plog_append(m->plog, &a->op);
    if (e != OK) {
        const char *why = problem.size > 0 ? text_cstr(&problem) : "the metadata log takes no record";
        text_deinit(&a->bytes);
        mem_free(a);
        metadata_fail(m, e, why);
    }
    text_deinit(&problem);
}

int64_t metadata_append(struct metadata *m, const struct metadata_records *records)
{
    ASSERT(m->raft.state == RAFT_LEADER);
    int64_t now = env_wall_ms(m->env);
    for (int32_t i = 0; i < records->count && m->life != METADATA_FAILED;) {
        struct append *a = MEM_NEW(struct append);
        struct batch_builder builder = {0};
        struct batch_spec spec = batch_spec(m->raft.end_offset);
        spec.partition_leader_epoch = m->raft.saved.epoch;
        batch_begin(&builder, &a->bytes, &spec);
        int32_t n = 0;
        for (; i < records->count && n < RECORDS_PER_BATCH && batch_size_so_far(&builder) < BATCH_BYTES_MAX; n++, i++)
            batch_add(&builder, now, SLICE_NULL, records->items[i], NULL, 0);
        enum err e = batch_end(&builder, NULL);
        batch_builder_deinit(&builder);
        ASSERT(e == OK);
        int64_t end = m->raft.end_offset + n;
        submit(m, a);
        feed(m, (struct raft_event){.kind = EV_RAFT_APPEND, .end_offset = end});
    }
    if (m->life != METADATA_FAILED && records->count > 0) capture_at_turn_end(m);
    return m->raft.end_offset;
}

// ---- effects ----------------------------------------------------------------------------------------------------

static void save_run(struct env_task *task, struct fs *fs)
{
    struct metadata *m = CONTAINER_OF(task, struct metadata, save_task);
    m->save_result = whole_file_store(fs, m->dir, "quorum-state", ".tmp", text_slice(&m->save_text), 0);
}

static void run_effects(struct metadata *m);

static void save_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct metadata *m = CONTAINER_OF(task, struct metadata, save_task);
    m->is_saving = false;
    if (m->closes_after_save) {
        metadata_close_log(m);
        return;
    }
    if (m->save_result != OK) {
        logdir_take_offline(m->options.metadata_dir, m->save_result, "quorum-state");
        metadata_fail(m, m->save_result, "quorum-state cannot be written");
        return;
    }
    run_effects(m); // goes on behind the save
    if (!m->is_saving) feed(m, (struct raft_event){.kind = EV_RAFT_SAVED, .sequence = m->raft.save_sequence});
}

static void start_save(struct metadata *m, const struct raft_saved *saved)
{
    text_clear(&m->save_text);
    quorum_state_print(saved, &m->raft.voters, m->raft.is_dynamic, &m->save_text);
    m->is_saving = true;
    m->save_task = (struct env_task){.run = save_run, .done = save_done, .lane = (uintptr_t)m};
    env_task_post(m->env, &m->save_task);
}

static void append_start(struct metadata *m, const struct raft_effect *effect)
{
    ASSERT(effect->offset == plog_assigned_end(m->plog));
    plog_assign_epoch(m->plog, effect->epoch, effect->offset);
    struct append *a = MEM_NEW(struct append);
    raft_leader_batch(&a->bytes, effect->offset, effect->epoch, env_wall_ms(m->env), m->node_id, &m->raft.voters,
                      &m->raft.voters, effect->with_voters ? &m->quorum.voters_record : NULL);
    submit(m, a);
    if (m->life != METADATA_FAILED) capture_at_turn_end(m);
}

static void run_effect(struct metadata *m, const struct raft_effect *effect)
{
    switch (effect->kind) {
    case DO_RAFT_SAVE: start_save(m, &effect->saved); break;
    case DO_RAFT_APPEND_START: append_start(m, effect); break;
    case DO_RAFT_HIGH_WATERMARK:
        plog_set_high_watermark(m->plog, effect->offset);
        deliver_later(m);
        break;
    case DO_RAFT_LEADING:
        m->is_leading = true;
        log_info(m->log, "metadata", "node %d is the active controller in epoch %d", m->node_id, effect->epoch);
        break;
    case DO_RAFT_LEADER_CHANGED: m->is_leading = false; break;
    // A quorum of one has no peers; metadata_start refuses any other.
    case DO_RAFT_SEND:
    case DO_RAFT_TRUNCATE:
    case DO_RAFT_APPEND_FETCHED: ASSERT(m->raft.voters.count != 1); break;
    }
}

static void run_effects(struct metadata *m)
{
    while (m->next_effect < m->effects.count && !m->is_saving && m->life != METADATA_FAILED)
        run_effect(m, &m->effects.items[m->next_effect++]);
}

static void set_timer(struct metadata *m)
{
    if (m->life == METADATA_FAILED || m->raft.deadline_ms == INT64_MAX) return;
    int64_t wait_ms = m->raft.deadline_ms - env_now_ms(m->env);
    env_timer_after_ms(m->env, &m->timer, wait_ms < 0 ? 0 : wait_ms);
}

static bool is_busy(const struct metadata *m)
{
    return m->is_saving || m->next_effect < m->effects.count;
}

static void step(struct metadata *m, struct raft_event event)
{
    event.now_ms = env_now_ms(m->env);
    bool was_leading = m->is_leading;
    raft_step(&m->raft, &event, &m->effects);
    m->next_effect = 0;
    run_effects(m);
    if (m->is_leading && !was_leading && m->life != METADATA_FAILED) controller_activate(m);
}

static void feed(struct metadata *m, struct raft_event event)
{
    if (m->life == METADATA_FAILED || m->life == METADATA_CLOSED || m->is_closing) return;
    if (is_busy(m)) {
        ASSERT(event.kind != EV_RAFT_APPEND);
        if (event.kind == EV_RAFT_TICK)
            m->has_tick = true;
        else if (event.kind == EV_RAFT_SYNCED && event.end_offset > m->synced_offset)
            m->synced_offset = event.end_offset;
        return; // a save's own event comes from save_done, appends only happen when idle
    }
    step(m, event);
    while (!is_busy(m) && m->life != METADATA_FAILED && (m->has_tick || m->synced_offset >= 0)) {
        struct raft_event next = {.kind = m->has_tick ? EV_RAFT_TICK : EV_RAFT_SYNCED, .end_offset = m->synced_offset};
        if (m->has_tick)
            m->has_tick = false;
        else
            m->synced_offset = -1;
        step(m, next);
    }
    set_timer(m);
}

static void tick(struct env *env, struct env_timer *timer)
{
    (void)env;
    feed(CONTAINER_OF(timer, struct metadata, timer), (struct raft_event){.kind = EV_RAFT_TICK});
}

// ---- the log's owner --------------------------------------------------------------------------------------------

static void on_published(struct plog *plog)
{
    (void)plog;
}

static void on_durable(struct plog *plog)
{
    feed(plog_user(plog), (struct raft_event){.kind = EV_RAFT_SYNCED, .end_offset = plog_durable_end(plog)});
}

static void on_failed(struct plog *plog, enum err why)
{
    metadata_fail(plog_user(plog), why, "the directory of the metadata log is offline");
}

const struct plog_owner metadata_plog_owner = {
    .on_published = on_published, .on_durable = on_durable, .on_failed = on_failed};

static void closed(struct plog *plog, struct plog_op *op)
{
    (void)op;
    struct metadata *m = plog_user(plog);
    m->plog = NULL;
    m->life = METADATA_CLOSED;
    drop_waiters(m);
    if (m->stopped != NULL) m->stopped(m->stopped_context);
}

void metadata_close_log(struct metadata *m)
{
    env_timer_cancel(m->env, &m->timer);
    snapshots_stop(m);
    m->closes_after_save = m->is_saving || m->is_snapping; // a task still holds this struct
    if (m->closes_after_save || m->is_closing) return;
    m->is_closing = true;
    m->close_op = (struct plog_op){.done = closed};
    plog_close(m->plog, &m->close_op);
}

// First step of the quorum; everything from here on happens on the loop.
void metadata_begin(struct metadata *m)
{
    m->timer = (struct env_timer){.fire = tick};
    m->synced_offset = -1;
    snapshots_start(m);
    // What the log held is shown once the new leader's first record commits it.
    capture_now(m);
    set_timer(m);
}
