// SPDX-License-Identifier: Apache-2.0
// The soak's clients: what they append and what has to be refused, what they read and look up.
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "log_soak.h"

// ---- batches ----

struct draft {
    const struct model_producer *producer; // NULL = none
    int64_t base_offset;
    int32_t leader_epoch;
    int32_t sequence;
    int16_t epoch;
    bool is_transactional;
};

static void add_record(struct actor *a, struct batch_builder *builder)
{
    char key[8];
    uint8_t value[1600];
    int large = (int)a->options.segment_bytes / 4 - 200; // a segment takes a batch of four
    size_t size = (size_t)(1 + below(a, below(a, 10) > 0 ? 90 : large < 1500 ? large : 1500));
    bool has_key = a->is_compacted ? !chance(a, 3) : chance(a, 50);
    int serial = a->world->serial++;
    memset(value, 'a' + serial % 26, size);
    memcpy(value, &serial, size < sizeof(serial) ? size : sizeof(serial));
    snprintf(key, sizeof(key), "k%02d", below(a, MODEL_KEYS));
    bool is_tombstone = a->is_compacted && has_key && chance(a, 15);
    batch_add(builder, now_ms(a) - below(a, 30), has_key ? slice_str(key) : SLICE_NULL,
              is_tombstone ? SLICE_NULL : slice_of(value, size), NULL, 0);
}

// Returns how many records it holds.
static int build(struct actor *a, const struct draft *d, struct text *out)
{
    static const enum codec codecs[] = {CODEC_NONE, CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4, CODEC_ZSTD};
    struct batch_builder builder = {0};
    struct batch_spec spec = batch_spec(d->base_offset);
    int count = 1 + below(a, 4);
    a->world->clock_ms += below(a, 40);
    spec.codec = codecs[below(a, COUNT_OF(codecs))];
    spec.partition_leader_epoch = d->leader_epoch;
    spec.is_transactional = d->is_transactional;
    if (d->producer != NULL) {
        spec.producer_id = d->producer->id;
        spec.producer_epoch = d->epoch;
        spec.base_sequence = d->sequence;
    }
    batch_begin(&builder, out, &spec);
    for (int i = 0; i < count; i++) add_record(a, &builder);
    enum err e = batch_end(&builder, NULL);
    batch_builder_deinit(&builder);
    actor_check(a, e == OK, "a batch cannot be built: %s", err_name(e));
    totals.records += count;
    return count;
}

static const struct plog_append by_client = {.origin = PLOG_CLIENT};
static const struct plog_append by_coordinator = {.origin = PLOG_COORDINATOR};
static const struct plog_append by_leader = {.origin = PLOG_REPLICA};

struct soak_append {
    struct plog_append append;
    struct text bytes;
    struct actor *actor;
};

static void append_done(struct plog *plog, struct plog_append *append)
{
    struct soak_append *s = CONTAINER_OF(append, struct soak_append, append);
    struct actor *a = s->actor;
    (void)plog;
    actor_check(a, append->result == OK, "append at %" PRId64 ": %s", append->base_offset, err_name(append->result));
    a->outstanding--;
    text_deinit(&s->bytes);
    mem_free(s);
}

// What was accepted is in the model when this returns. `take_bytes` is the append's.
static enum err submit(struct actor *a, struct text *take_bytes, struct plog_append how, struct plog_append *out)
{
    struct soak_append *s = MEM_NEW(struct soak_append);
    int64_t expected = plog_assigned_end(a->plog);
    s->actor = a;
    s->bytes = *take_bytes;
    s->append = how;
    s->append.bytes = s->bytes.data;
    s->append.size = s->bytes.size;
    s->append.leader_epoch = a->epoch;
    s->append.done = append_done;
    enum err e = plog_append(a->plog, &s->append);
    if (e != OK) {
        text_deinit(&s->bytes);
        mem_free(s);
        return e;
    }
    a->outstanding++;
    totals.appends++;
    if (!s->append.is_duplicate) {
        bool is_at_end = how.origin == PLOG_REPLICA || s->append.base_offset == expected;
        actor_check(a, is_at_end, "append was given %" PRId64 " at %" PRId64, s->append.base_offset, expected);
        model_add(&a->model, text_slice(&s->bytes));
    }
    if (out != NULL) *out = s->append;
    return OK;
}

// ---- what clients and coordinators send a leader ----

static struct model_producer *any_producer(struct actor *a)
{
    return &a->model.producers[below(a, MODEL_PRODUCERS)];
}

static bool is_transactional(const struct actor *a, const struct model_producer *p)
{
    return a->has_transactions && p->id % 2 == 1;
}

static void start_producer(struct actor *a, struct model_producer *p)
{
    // One without state may begin anywhere: near the end of the numbers, to see them wrap.
    p->epoch = 0;
    p->next_sequence = chance(a, 30) ? INT32_MAX - below(a, 20) : 0;
}

// KIP-890: the coordinator was asked in between. False: the batch was sent without having asked, and refused.
static bool verify(struct actor *a, const struct draft *d, struct plog_append *how)
{
    struct plog_verification asked = {
        .producer_id = d->producer->id, .producer_epoch = d->epoch, .base_sequence = d->sequence};
    struct text bytes = {0};
    uint64_t guard;
    how->needs_guard = true;
    if (d->producer->txn_first < 0 && d->producer->is_sure && chance(a, 10)) {
        (void)build(a, d, &bytes);
        enum err e = submit(a, &bytes, *how, NULL);
        actor_check(a, e == ERR_INVALID_TXN_STATE, "a transaction began unverified: %s", err_name(e));
        totals.refusals++;
        return false;
    }
    enum err e = plog_verification_begin(a->plog, &asked, &guard);
    actor_check(a, e == OK || !d->producer->is_sure, "verification of producer %" PRId64 ": %s", d->producer->id,
                err_name(e));
    if (e == OK) how->guard = guard;
    return true;
}

static void append_in_sequence(struct actor *a, struct model_producer *p)
{
    struct text bytes = {0};
    if (p->epoch < 0) start_producer(a, p);
    bool bumps = chance(a, 4) && p->txn_first < 0;
    struct draft d = {.producer = p,
                      .epoch = bumps ? (int16_t)(p->epoch + 1) : p->epoch,
                      .sequence = bumps ? 0 : p->next_sequence,
                      .is_transactional = is_transactional(a, p)};
    bool was_sure = p->is_sure;
    struct plog_append how = by_client;
    if (d.is_transactional && chance(a, 60) && !verify(a, &d, &how)) return;
    (void)build(a, &d, &bytes);
    enum err e = submit(a, &bytes, how, NULL);
    if (e == OK) return;
    // Compaction keeps the newest batch of each producer it knows. Where a truncation took that one, or the state in a
    // snapshot is older, somebody who is not sure may be refused once: he starts a new epoch.
    actor_check(a, !was_sure, "producer %" PRId64 " epoch %d sequence %" PRId32 " is refused: %s", p->id, d.epoch,
                d.sequence, err_name(e));
    actor_check(a, e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER || e == ERR_INVALID_PRODUCER_EPOCH,
                "producer %" PRId64 " is refused: %s", p->id, err_name(e));
    p->epoch++;
    p->next_sequence = 0;
}

static void append_duplicate(struct actor *a, const struct model_producer *p)
{
    if (p->recent_count == 0) return;
    size_t back = (size_t)below(a, (int)p->recent_count);
    size_t index = p->recent[p->recent_count - 1 - back];
    const struct model_batch *original = &a->model.batches[index];
    int64_t base = original->header.base_offset;
    // A restart remembers the newest batch of each producer only.
    bool is_remembered = p->is_sure && (back == 0 || index >= a->model.rebuilt_at);
    struct text bytes = {0};
    struct plog_append done;
    text_add(&bytes, text_slice(&original->bytes));
    if (!is_remembered && !p->is_sure) { // it might be taken for a new one
        text_deinit(&bytes);
        return;
    }
    enum err e = submit(a, &bytes, by_client, &done);
    if (e == OK) {
        totals.duplicates++;
        actor_check(a, done.is_duplicate && done.base_offset == base,
                    "batch %" PRId64 " was appended twice, at %" PRId64, base, done.base_offset);
        return;
    }
    actor_check(a, !is_remembered && e == ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, "batch %" PRId64 " sent again: %s", base,
                err_name(e));
}

// What has to be refused, and how.
static void append_wrong(struct actor *a, const struct model_producer *p)
{
    struct text bytes = {0};
    if (!p->is_sure || p->epoch < 0) return;
    struct draft d = {
        .producer = p, .epoch = p->epoch, .sequence = p->next_sequence, .is_transactional = is_transactional(a, p)};
    enum err expected = ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    switch (below(a, 4)) {
    case 0: d.sequence = sequence_add(d.sequence, 1 + below(a, 5)); break;
    case 1:
        d.epoch++;
        d.sequence = 1 + below(a, 5);
        break;
    case 2:
        if (d.epoch == 0) return;
        d.epoch--;
        expected = ERR_INVALID_PRODUCER_EPOCH;
        break;
    default:
        if (p->txn_first < 0) return;
        d.is_transactional = false;
        expected = ERR_INVALID_TXN_STATE;
        break;
    }
    (void)build(a, &d, &bytes);
    enum err e = submit(a, &bytes, by_client, NULL);
    totals.refusals++;
    actor_check(a, e == expected, "producer %" PRId64 " epoch %d sequence %" PRId32 " txn %d: %s instead of %s", p->id,
                d.epoch, d.sequence, d.is_transactional, err_name(e), err_name(expected));
}

// Returns the transaction version: under 2 the epoch of a marker is above that of the data (KIP-890).
static int16_t build_marker(struct actor *a, const struct model_producer *p, int64_t offset, struct text *out)
{
    bool bumps = chance(a, 40);
    int32_t coordinator_epoch = p->coordinator_epoch < 0 ? 0 : p->coordinator_epoch + (chance(a, 20) ? 1 : 0);
    a->world->clock_ms += below(a, 10);
    batch_end_txn_marker(out, offset, a->epoch, now_ms(a), p->id, (int16_t)(p->epoch + (bumps ? 1 : 0)),
                         chance(a, 50) ? CONTROL_COMMIT : CONTROL_ABORT, coordinator_epoch);
    totals.markers++;
    return bumps ? 2 : (int16_t)below(a, 2);
}

static void append_marker(struct actor *a)
{
    struct model_producer *p = any_producer(a);
    struct text bytes = {0};
    if (!is_transactional(a, p) || p->epoch < 0 || (p->txn_first < 0 && !chance(a, 5))) return;
    if (p->is_sure && p->is_coordinator_sure && p->coordinator_epoch > 0 && chance(a, 10)) {
        batch_end_txn_marker(&bytes, 0, a->epoch, now_ms(a), p->id, p->epoch, CONTROL_ABORT, p->coordinator_epoch - 1);
        enum err e = submit(a, &bytes, by_coordinator, NULL);
        actor_check(a, e == ERR_TRANSACTION_COORDINATOR_FENCED, "marker of an old coordinator: %s", err_name(e));
        return;
    }
    struct plog_append how = by_coordinator;
    how.transaction_version = build_marker(a, p, 0, &bytes);
    enum err e = submit(a, &bytes, how, NULL);
    actor_check(a, e == OK, "marker of producer %" PRId64 ": %s", p->id, err_name(e));
}

static void append_as_leader(struct actor *a)
{
    struct text bytes = {0};
    int dice = below(a, 100);
    if (a->has_transactions && dice < 22) {
        append_marker(a);
    } else if (dice < 60) {
        append_in_sequence(a, any_producer(a));
    } else if (dice < 70) {
        append_duplicate(a, any_producer(a));
    } else if (dice < 80) {
        append_wrong(a, any_producer(a));
    } else {
        (void)build(a, &(struct draft){0}, &bytes);
        enum err e = submit(a, &bytes, dice < 90 ? by_client : by_coordinator, NULL);
        actor_check(a, e == OK, "a plain batch: %s", err_name(e));
    }
}

// ---- what a follower fetches ----

// A run of batches as the leader's log has them, now and then with a gap where the leader compacted.
static void append_as_follower(struct actor *a)
{
    struct text bytes = {0};
    int64_t offset = plog_assigned_end(a->plog);
    bool has_producer[MODEL_PRODUCERS] = {false};
    for (int left = 1 + below(a, 4); left > 0; left--) {
        int which = below(a, MODEL_PRODUCERS + 1);
        struct model_producer *p = which == MODEL_PRODUCERS || has_producer[which] ? NULL : &a->model.producers[which];
        if (chance(a, 8)) offset += 1 + below(a, 6);
        if (p != NULL) has_producer[which] = true;
        if (p != NULL && p->epoch < 0) start_producer(a, p);
        if (p != NULL && p->txn_first >= 0 && chance(a, 40)) {
            (void)build_marker(a, p, offset++, &bytes);
            continue;
        }
        struct draft d = {.producer = p, .base_offset = offset, .leader_epoch = a->epoch};
        if (p != NULL) {
            d.epoch = p->epoch;
            d.sequence = p->next_sequence;
            d.is_transactional = is_transactional(a, p);
        }
        offset += build(a, &d, &bytes);
    }
    enum err e = submit(a, &bytes, by_leader, NULL);
    actor_check(a, e == OK, "a replica's run: %s", err_name(e));
}

void act_append(struct actor *a)
{
    if (a->is_follower)
        append_as_follower(a);
    else
        append_as_leader(a);
}

// ---- reading ----

struct soak_read {
    struct plog_read_op op;
    struct env_task task;
    struct actor *actor;
    struct text bytes;
    struct plog_range range;
    int64_t start; // when it was asked for
    int cuts;
    bool is_scan;
    enum err result;
};

static void read_next(struct soak_read *r);

static void end_read(struct soak_read *r)
{
    struct actor *a = r->actor;
    bool is_scan = r->is_scan;
    a->reading--;
    text_deinit(&r->bytes);
    mem_free(r->range.aborted);
    mem_free(r);
    if (!is_scan) return;
    a->is_scanning = false;
    act_scan_is_done(a);
}

static void read_run(struct env_task *task, struct fs *fs)
{
    struct soak_read *r = CONTAINER_OF(task, struct soak_read, task);
    size_t size = (size_t)r->range.size;
    size_t at = 0;
    uint8_t *to = text_reserve(&r->bytes, size);
    (void)fs;
    r->result = OK;
    while (at < size && r->result == OK) {
        size_t got = 0;
        struct iovec part = {.iov_base = to + at, .iov_len = size - at};
        r->result = file_pread(r->range.file, r->range.position + (int64_t)at, part.iov_base, part.iov_len, &got);
        if (r->result == OK && got == 0) r->result = ERR_TRUNCATED;
        at += got;
    }
    if (r->result == OK) text_grew(&r->bytes, size);
}

static void check_read(struct soak_read *r)
{
    struct actor *a = r->actor;
    const struct plog_read_spec *spec = &r->op.spec;
    struct batch_view first;
    if (spec->min_one && r->range.size > 0)
        actor_check(a, batch_parse(text_slice(&r->bytes), &first) == OK, "offset %" PRId64 ": the first batch is cut",
                    spec->offset);
    int64_t end = model_check_run(&a->model, text_slice(&r->bytes), spec->offset, now_ms(a), r->is_scan);
    bool is_within = end <= spec->limit_offset ||
                     a->model.batches[model_find(&a->model, end - 1)].header.base_offset < spec->limit_offset;
    actor_check(a, is_within, "read to %" PRId64 " beyond the limit %" PRId64, end, spec->limit_offset);
    if (spec->wants_aborted)
        model_check_committed(&a->model, text_slice(&r->bytes), r->range.aborted, r->range.aborted_count);
    if (!r->is_scan) return;
    actor_check(a, end > spec->offset, "scan stands still at %" PRId64, end);
    r->op.spec.offset = end;
}

static void check_empty(struct soak_read *r)
{
    struct actor *a = r->actor;
    const struct plog_read_spec *spec = &r->op.spec;
    if (!spec->min_one || spec->offset >= spec->limit_offset) return;
    actor_check(a, model_may_lack_range(&a->model, spec->offset, spec->limit_offset, now_ms(a)),
                "nothing is read at %" PRId64 " below the limit %" PRId64, spec->offset, spec->limit_offset);
}

static void scan_done(struct soak_read *r)
{
    struct actor *a = r->actor;
    totals.scans++;
    if (r->start == plog_log_start(a->plog)) model_check_producers_present(&a->model);
}

static void read_done(struct env *env, struct env_task *task)
{
    struct soak_read *r = CONTAINER_OF(task, struct soak_read, task);
    struct actor *a = r->actor;
    (void)env;
    file_unref(r->range.file);
    bool is_outdated = r->cuts != a->cuts;
    actor_check(a, is_outdated || r->result == OK, "bytes of a range: %s", err_name(r->result));
    if (!is_outdated) check_read(r);
    text_clear(&r->bytes);
    totals.reads++;
    if (r->is_scan && !is_outdated)
        read_next(r);
    else
        end_read(r);
}

// A range was given, or nothing.
static void take_range(struct soak_read *r, enum err e, const struct plog_range *range)
{
    struct actor *a = r->actor;
    if (e != OK) {
        bool is_outside = e == ERR_OFFSET_OUT_OF_RANGE;
        actor_check(
            a, e == ERR_BUSY || (is_outside && (r->cuts != a->cuts || r->op.spec.offset < plog_log_start(a->plog))),
            "read at %" PRId64 ": %s", r->op.spec.offset, err_name(e));
        if (is_outside && r->is_scan && r->cuts == a->cuts) { // retention was faster
            r->op.spec.offset = plog_log_start(a->plog);
            read_next(r);
            return;
        }
        end_read(r);
        return;
    }
    if (range->file == NULL || range->size == 0) {
        file_unref(range->file);
        if (r->cuts == a->cuts) check_empty(r);
        if (r->is_scan && r->cuts == a->cuts) scan_done(r);
        end_read(r);
        return;
    }
    r->range = *range;
    r->task = (struct env_task){.run = read_run, .done = read_done};
    env_task_post(sim_node_env(a->world->node, 0), &r->task);
}

static void cold_done(struct plog *plog, struct plog_op *op)
{
    struct soak_read *r = CONTAINER_OF(CONTAINER_OF(op, struct plog_read_op, op), struct soak_read, op);
    (void)plog;
    take_range(r, op->result, &r->op.range);
}

static void read_next(struct soak_read *r)
{
    struct plog_range range = {0};
    enum err e = plog_read(r->actor->plog, &r->op.spec, &range);
    if (e != ERR_AGAIN) {
        take_range(r, e, &range);
        return;
    }
    r->op = (struct plog_read_op){.op = {.done = cold_done}, .spec = r->op.spec};
    plog_read_cold(r->actor->plog, &r->op);
}

static struct soak_read *read_new(struct actor *a)
{
    struct soak_read *r = MEM_NEW(struct soak_read);
    r->actor = a;
    r->cuts = a->cuts;
    r->start = plog_log_start(a->plog);
    a->reading++;
    return r;
}

void act_read(struct actor *a)
{
    int64_t start = plog_log_start(a->plog);
    int64_t end = plog_published_end(a->plog);
    const int64_t limits[] = {plog_high_watermark(a->plog), plog_last_stable_offset(a->plog), end, end};
    struct plog_range range;
    if (chance(a, 10)) {
        int64_t outside = chance(a, 50) && start > 0 ? start - 1 : end + 1;
        enum err e = plog_read(
            a->plog, &(struct plog_read_spec){.offset = outside, .limit_offset = INT64_MAX, .max_bytes = 1000}, &range);
        actor_check(a, e == ERR_OFFSET_OUT_OF_RANGE, "read at %" PRId64 " of [%" PRId64 ", %" PRId64 "]: %s", outside,
                    start, end, err_name(e));
        return;
    }
    struct soak_read *r = read_new(a);
    int which = below(a, COUNT_OF(limits));
    r->op.spec = (struct plog_read_spec){.offset = start + sim_below(a->world->sim, end - start + 1),
                                         .limit_offset = limits[which],
                                         .wants_aborted = which == 1,
                                         .max_bytes = 1 + below(a, 6000),
                                         .min_one = chance(a, 80)};
    read_next(r);
}

void act_scan(struct actor *a)
{
    struct soak_read *r = read_new(a);
    a->is_scanning = r->is_scan = true;
    r->op.spec = (struct plog_read_spec){.offset = plog_log_start(a->plog),
                                         .limit_offset = plog_published_end(a->plog),
                                         .max_bytes = 1 << 20,
                                         .min_one = true};
    read_next(r);
}

struct soak_time {
    struct plog_time_op op;
    struct actor *actor;
    int cuts;
};

static void time_done(struct plog *plog, struct plog_op *op)
{
    struct soak_time *t = CONTAINER_OF(CONTAINER_OF(op, struct plog_time_op, op), struct soak_time, op);
    struct actor *a = t->actor;
    (void)plog;
    if (t->cuts == a->cuts) {
        bool is_later = op->result == ERR_BUSY || op->result == ERR_OFFSET_NOT_AVAILABLE; // ask again
        actor_check(a, op->result == OK || is_later, "look-up by time: %s", err_name(op->result));
        if (op->result == OK)
            model_check_time(&a->model, t->op.target_ms, t->op.limit_offset, t->op.offset, t->op.timestamp, now_ms(a));
        totals.time_answers++;
    }
    a->reading--;
    mem_free(t);
}

void act_find_time(struct actor *a)
{
    struct soak_time *t = MEM_NEW(struct soak_time);
    t->actor = a;
    t->cuts = a->cuts;
    a->reading++;
    t->op = (struct plog_time_op){.op = {.done = time_done},
                                  .target_ms = now_ms(a) - sim_below(a->world->sim, 6000),
                                  .limit_offset =
                                      chance(a, 50) ? plog_published_end(a->plog) : plog_high_watermark(a->plog)};
    plog_find_time(a->plog, &t->op);
}
