// SPDX-License-Identifier: Apache-2.0
// Offset -> file range (kafka-internals B5). Nothing is copied: the answer is a place in a file. On the loop every
// probe is one that cannot wait; where it would, the same search runs in a task with views of its own.
#include "store/store_int.h"

// One segment to look into, with what is known beforehand; -1 = unknown.
struct attempt {
    struct view view;
    int64_t next_base;      // of the segment behind, INT64_MAX = none
    int64_t start_position; // of spec->offset
    int64_t limit_position; // of spec->limit_offset, found here if it was not known
};

static int64_t known_place(const struct plog *plog, int64_t offset, int64_t base_offset)
{
    const struct plog_place *p = &plog->published;
    if (p->offset == offset && p->base_offset == base_offset) return p->position;
    for (size_t i = 0; plog->hot != NULL && i < PLACE_COUNT; i++) {
        p = &plog->hot->places[i];
        if (p->offset == offset && p->base_offset == base_offset) return p->position;
    }
    return -1;
}

static void attempt_init(struct attempt *a, const struct plog *plog, size_t index, const struct plog_read_spec *spec,
                         bool copy_tails)
{
    const struct segment *s = plog->segments[index];
    view_init(&a->view, s, plog_readable(plog, s), copy_tails);
    a->next_base = index + 1 < plog->segment_count ? plog->segments[index + 1]->base_offset : INT64_MAX;
    a->start_position = known_place(plog, spec->offset, s->base_offset);
    a->limit_position = known_place(plog, spec->limit_offset, s->base_offset);
}

static enum err find_start(const struct attempt *a, bool may_block, int64_t offset, struct found_batch *out)
{
    if (a->start_position >= 0 && a->start_position < a->view.size) {
        enum err e = view_batch_at(&a->view, may_block, a->start_position, out);
        // Everything in front of a known place is below its offset, so the batch there is the one.
        if (e == OK && batch_last_offset(&out->header) >= offset) return OK;
        if (e == ERR_AGAIN || e == ERR_IO) return e;
    }
    return view_find(&a->view, may_block, offset, out);
}

// Where in this segment the limit stops a reader.
static enum err find_end(struct attempt *a, bool may_block, int64_t limit, int64_t *end)
{
    *end = a->view.size;
    if (limit >= a->next_base) return OK;
    if (a->limit_position < 0) {
        struct found_batch found;
        enum err e = view_find(&a->view, may_block, limit, &found);
        if (e == ERR_NOT_FOUND) return OK;
        if (e != OK) return e;
        a->limit_position = found.position;
    }
    if (a->limit_position < *end) *end = a->limit_position;
    return OK;
}

// OK with size 0: nothing to show. ERR_NOT_FOUND: look into the next segment. The range gets no file yet.
static enum err read_attempt(struct attempt *a, bool may_block, const struct plog_read_spec *spec,
                             struct plog_range *out)
{
    struct found_batch first;
    int64_t end;
    *out = (struct plog_range){0};
    enum err e = find_start(a, may_block, spec->offset, &first);
    if (e != OK) return e;
    e = find_end(a, may_block, spec->limit_offset, &end);
    if (e != OK) return e;
    int64_t size = end - first.position;
    if (size <= 0 || (first.size > spec->max_bytes && !spec->min_one)) return OK;
    int64_t most = first.size > spec->max_bytes ? first.size : spec->max_bytes;
    if (size > most) size = most;
    *out = (struct plog_range){
        .position = first.position,
        .size = (int32_t)size,
        .first_offset = first.header.base_offset,
        .first_size = (int32_t)first.size,
    };
    return OK;
}

// A5: the transactions that were aborted with records in the range. Its end is known only to the next index entry:
// some that begin behind it may be among them.
static enum err find_aborted(const struct attempt *a, const struct txn_search *search, bool may_block,
                             const struct plog_read_spec *spec, struct plog_range *range)
{
    struct aborted_txns found = {0};
    int64_t to = a->next_base < spec->limit_offset ? a->next_base : spec->limit_offset;
    int64_t ceiling = to;
    if (search->count == 0) return OK;
    enum err e = view_index_ceiling(&a->view, may_block, range->position + range->size, &ceiling);
    if (ceiling < to) to = ceiling;
    if (e == OK) e = txn_search_collect(search, may_block, spec->offset, to, &found);
    if (e == OK && found.count > INT32_MAX) e = ERR_TOO_LARGE;
    if (e == OK && found.count > 0) {
        range->aborted = mem_alloc(found.count * sizeof(*range->aborted));
        range->aborted_count = (int32_t)found.count;
        for (size_t i = 0; i < found.count; i++)
            range->aborted[i] = (struct plog_aborted){found.items[i].producer_id, found.items[i].first_offset};
    }
    aborted_txns_deinit(&found);
    return e;
}

// Also narrows the limit to what is published.
static enum err check_spec(const struct plog *plog, struct plog_read_spec *spec)
{
    if (plog->has_failed || logdir_is_offline(plog->dir)) return ERR_KAFKA_STORAGE_ERROR;
    if (spec->offset < plog->log_start || spec->offset > plog->published.offset) return ERR_OFFSET_OUT_OF_RANGE;
    if (spec->limit_offset > plog->published.offset) spec->limit_offset = plog->published.offset;
    return OK;
}

static enum err read_failed(struct plog *plog, enum err e)
{
    if (e != ERR_IO) return e;
    plog_fail(plog, e, "reading");
    plog_wake(plog);
    return ERR_KAFKA_STORAGE_ERROR;
}

static void remember_limit(struct plog *plog, const struct attempt *a, int64_t limit)
{
    if (a->limit_position < 0 || known_place(plog, limit, a->view.base_offset) >= 0) return;
    plog_remember(plog, (struct plog_place){limit, a->view.base_offset, a->limit_position});
}

enum err plog_read(struct plog *plog, const struct plog_read_spec *wanted, struct plog_range *out)
{
    struct plog_read_spec spec = *wanted;
    *out = (struct plog_range){0};
    enum err e = check_spec(plog, &spec);
    if (e != OK || spec.offset >= spec.limit_offset) return e;
    for (size_t i = plog_segment_of(plog, spec.offset); i < plog->segment_count; i++) {
        struct segment *s = plog->segments[i];
        if (s->base_offset >= spec.limit_offset) break;
        struct attempt a;
        attempt_init(&a, plog, i, &spec, false);
        struct plog_range range;
        e = read_attempt(&a, false, &spec, &range);
        if (e == OK) remember_limit(plog, &a, spec.limit_offset);
        if (e == OK && spec.wants_aborted && range.size > 0) {
            struct txn_search search;
            txn_search_init(&search, plog, spec.offset, false);
            e = find_aborted(&a, &search, false, &spec, &range);
            txn_search_deinit(&search);
        }
        view_deinit(&a.view, false);
        if (e == ERR_NOT_FOUND) continue; // the segment's last offsets were compacted away
        if (e != OK) return read_failed(plog, e);
        if (range.size > 0) {
            range.file = file_ref(s->log);
            plog_use_segment(plog, s);
        }
        *out = range;
        return OK;
    }
    return OK;
}

// ---- cold ----

enum { COLD_SEGMENTS = 2, FILES_PER_SEGMENT = 2, WARM_CHUNK = 256 * 1024 };

struct cold_task {
    struct plog_task base;
    struct plog_read_op *op;
    struct plog_read_spec spec;
    struct attempt attempts[COLD_SEGMENTS];
    size_t count;
    size_t found;          // which attempt has the range
    int64_t next_base;     // to go on from when none has; INT64_MAX = nowhere
    uint64_t replacements; // of the plog when it began
    struct txn_search search;
    enum err outcome;
    struct plog_range range;
};

static enum err warm(struct file *file, const struct plog_range *range)
{
    uint8_t *buffer = mem_alloc(WARM_CHUNK);
    enum err e = OK;
    for (int32_t at = 0; at < range->size && e == OK; at += WARM_CHUNK) {
        size_t got;
        size_t size = range->size - at < WARM_CHUNK ? (size_t)(range->size - at) : WARM_CHUNK;
        e = file_pread(file, range->position + at, buffer, size, &got);
    }
    mem_free(buffer);
    return e;
}

static void cold_run(struct env_task *task, struct fs *fs)
{
    struct cold_task *t = CONTAINER_OF(task, struct cold_task, base.task);
    t->outcome = ERR_NOT_FOUND;
    for (size_t i = 0; i < t->count && t->outcome == ERR_NOT_FOUND; i++) {
        struct attempt *a = &t->attempts[i];
        t->outcome = view_open_for_offsets(&a->view, fs, t->base.dir_path);
        // A segment removed from the log meanwhile by retention: its records are gone.
        if (t->outcome == ERR_NOT_FOUND) t->outcome = ERR_OFFSET_OUT_OF_RANGE;
        if (t->outcome == OK) t->outcome = read_attempt(a, true, &t->spec, &t->range);
        t->found = i;
    }
    if (t->outcome != OK || t->range.size == 0) return;
    const struct attempt *a = &t->attempts[t->found];
    if (t->spec.wants_aborted) {
        t->outcome = txn_search_open(&t->search, fs, t->base.dir_path);
        if (t->outcome == ERR_NOT_FOUND) t->outcome = ERR_OFFSET_OUT_OF_RANGE; // as above
        if (t->outcome == OK) t->outcome = find_aborted(a, &t->search, true, &t->spec, &t->range);
    }
    if (t->outcome == OK) t->outcome = warm(a->view.log, &t->range);
}

// Files that the task opened are the segment's from now on.
static void install(struct plog *plog, const struct view *view)
{
    struct segment *s = plog_segment_at(plog, view->base_offset);
    if (s == NULL) return;
    if (s->log == NULL && view->log != NULL) s->log = file_ref(view->log);
    if (s->index == NULL && view->index != NULL) s->index = file_ref(view->index);
    plog_use_segment(plog, s);
}

static void install_txnindexes(struct plog *plog, const struct txn_search *search)
{
    for (size_t i = 0; i < search->count; i++) {
        struct segment *s = plog_segment_at(plog, search->sources[i].base_offset);
        if (s != NULL && s->txnindex == NULL && search->sources[i].file != NULL)
            s->txnindex = file_ref(search->sources[i].file);
        plog_use_segment(plog, s);
    }
}

static void cold_start(struct plog *plog, struct plog_read_op *op, struct plog_read_spec spec, size_t first);

static void cold_done(struct env *env, struct env_task *task)
{
    struct cold_task *t = CONTAINER_OF(task, struct cold_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    struct plog_read_op *op = t->op;
    enum err e = t->outcome;
    plog_unreserve_files(plog, t->count * FILES_PER_SEGMENT);
    for (size_t i = 0; i < t->count; i++) install(plog, &t->attempts[i].view);
    if (t->replacements == plog->replacements) install_txnindexes(plog, &t->search);
    txn_search_deinit(&t->search);
    struct attempt *a = &t->attempts[t->found];
    if (e == OK) {
        op->range = t->range;
        if (t->range.size > 0) op->range.file = file_ref(a->view.log);
        if (plog->state == PLOG_OPEN && t->replacements == plog->replacements)
            remember_limit(plog, a, t->spec.limit_offset);
    }
    if (e != OK) mem_free(t->range.aborted);
    // Compaction put other files in place: what was found in the old ones holds, what was not is looked for anew.
    bool must_repeat = e != OK && t->replacements != plog->replacements && plog->state == PLOG_OPEN;
    for (size_t i = 0; i < t->count; i++) view_deinit(&t->attempts[i].view, true);
    int64_t next_base = t->next_base;
    struct plog_read_spec spec = t->spec;
    mem_free(t);
    if (must_repeat && !plog->has_failed) {
        cold_start(plog, op, spec, plog_segment_of(plog, spec.offset));
        return;
    }
    if (e == ERR_NOT_FOUND && plog->state == PLOG_OPEN && next_base < spec.limit_offset) {
        cold_start(plog, op, spec, plog_segment_of(plog, next_base));
        return;
    }
    if (e == ERR_NOT_FOUND) e = OK; // an empty range
    op_finish(plog, &op->op, read_failed(plog, e));
    plog_step(plog);
}

// How many segments a cold read that begins at `first` looks into.
static size_t count_cold(const struct plog *plog, size_t first)
{
    size_t count = 0;
    while (count < COLD_SEGMENTS && first + count < plog->segment_count && plog->segments[first + count]->is_created)
        count++;
    return count;
}

static void cold_start(struct plog *plog, struct plog_read_op *op, struct plog_read_spec spec, size_t first)
{
    size_t reserved = count_cold(plog, first) * FILES_PER_SEGMENT;
    if (spec.may_give_up && !plog_reserve_files(plog, reserved, true)) {
        op_finish_later(plog, &op->op, ERR_BUSY);
        return;
    }
    if (!spec.may_give_up) plog_reserve_files_anyway(plog, reserved);
    struct cold_task *t = MEM_NEW(struct cold_task);
    t->op = op;
    t->spec = spec;
    t->base.what = "reading";
    t->next_base = INT64_MAX;
    t->replacements = plog->replacements;
    for (size_t i = first; i < plog->segment_count; i++) {
        if (!plog->segments[i]->is_created) break;
        if (t->count == COLD_SEGMENTS) {
            t->next_base = plog->segments[i]->base_offset;
            break;
        }
        attempt_init(&t->attempts[t->count++], plog, i, &spec, true);
    }
    if (spec.wants_aborted) txn_search_init(&t->search, plog, spec.offset, true);
    t->base.task.run = cold_run;
    t->base.task.done = cold_done;
    plog_task_post(plog, &t->base, 0);
}

void plog_read_cold(struct plog *plog, struct plog_read_op *op)
{
    struct plog_read_spec spec = op->spec;
    op->range = (struct plog_range){0};
    enum err e = check_spec(plog, &spec);
    if (plog->state != PLOG_OPEN) e = ERR_NOT_LEADER_OR_FOLLOWER;
    if (e != OK || spec.offset >= spec.limit_offset)
        op_finish_later(plog, &op->op, e);
    else
        cold_start(plog, op, spec, plog_segment_of(plog, spec.offset));
}
