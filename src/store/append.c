// SPDX-License-Identifier: Apache-2.0
// The append queue (design rule 3). Offsets, segment and position are decided when an append is submitted; at the end
// of the turn all that is queued for one segment becomes one vectored write; the published end moves at completion.
// One write is in flight per plog, so completions come in order and a failure fails all behind it.
//
// What parks the queue: a segment whose file is not created yet, an epoch that is not in leader-epoch-checkpoint yet,
// and before an append that goes through the journal one that did not, until the segment is synced: an entry never
// continues what only its segment has.
#include "store/journal.h"

enum { ALLOCATE_MIN = 1024 * 1024, ALLOCATE_MAX = 32 * 1024 * 1024, WRITEBACK_BYTES = 8 * 1024 * 1024 };
enum { ALLOCATE_SHARE = 16 }; // of the free space: blocks ahead take no more than that part at once

// ---- submission ----

// Is `bytes` a run of whole magic 2 batches (any magic for a replica), and one batch for the others?
static enum err check_shape(const struct plog *plog, const struct plog_append *append, struct batch_view *first,
                            int64_t *last_offset, int64_t *max_timestamp)
{
    struct batch_iter it = batch_iter(slice_of(append->bytes, append->size));
    struct batch_view batch;
    int64_t expected = plog->assigned_end;
    int32_t epoch = NO_LEADER_EPOCH;
    int count = 0;
    *max_timestamp = NO_TIMESTAMP;
    *last_offset = -1;
    while (batch_next(&it, &batch)) {
        const struct batch_header *h = &batch.header;
        int64_t base = append->origin == PLOG_REPLICA ? h->base_offset : expected;
        if (h->last_offset_delta < 0 || base > INT64_MAX - 1 - h->last_offset_delta) return ERR_CORRUPT;
        if (append->origin != PLOG_REPLICA && (count > 0 || h->magic != 2)) return ERR_CORRUPT;
        bool is_replica = append->origin == PLOG_REPLICA;
        if (is_replica && (base < expected || h->partition_leader_epoch < epoch)) return ERR_INVALID;
        if (is_replica) epoch = h->partition_leader_epoch; // what a client wrote there is stamped over
        if (count++ == 0) *first = batch;
        *last_offset = base + h->last_offset_delta;
        expected = *last_offset + 1;
        if (h->max_timestamp > *max_timestamp) *max_timestamp = h->max_timestamp;
    }
    if (it.err != OK || count == 0) return ERR_CORRUPT;
    // One segment takes it whole, and its indexes count 31 bits from its base.
    if (append->origin == PLOG_REPLICA && *last_offset - first->header.base_offset > INT32_MAX)
        return ERR_RECORD_LIST_TOO_LARGE;
    return OK;
}

// A3. `last_offset` and `max_timestamp` are those of the whole append.
static bool must_roll(const struct plog *plog, size_t size, int64_t last_offset, int64_t max_timestamp)
{
    const struct segment *s = plog_active(plog);
    const struct plog_options *o = &plog->options;
    if (last_offset - s->base_offset > INT32_MAX) return true;
    if (s->size == 0) return false;
    if (s->size + (int64_t)size > o->segment_bytes) return true;
    int64_t age = s->first_timestamp >= 0 ? max_timestamp - s->first_timestamp : env_wall_ms(plog->env) - s->created_ms;
    if (age > o->segment_ms - o->segment_jitter_ms) return true;
    return segment_index_is_full(s, o->index_bytes_max);
}

static void roll(struct plog *plog, int64_t base_offset)
{
    struct segment *old = plog_active(plog);
    if (old->base_offset == base_offset) return; // nothing was ever in it
    struct segment *s = segment_new(base_offset);
    s->created_ms = env_wall_ms(plog->env);
    if (plog->options.has_producers) {
        // The state is that below the new base only now, before this append is taken into it.
        producers_snapshot(&plog->producers, &s->snapshot);
        s->has_snapshot = true;
    }
    segment_add_time_entry(old);
    plog_add_segment(plog, s);
}

// Stamps, counts in, remembers; from here on the append cannot be refused.
static void take(struct plog *plog, struct plog_append *append)
{
    struct segment *s = plog_active(plog);
    append->segment = s;
    append->position = s->size;
    bool is_ours = append->origin != PLOG_REPLICA;
    if (is_ours) {
        batch_set_base_offset(append->bytes, plog->assigned_end);
        batch_set_leader_epoch(append->bytes, append->leader_epoch);
    }
    struct batch_iter it = batch_iter(slice_of(append->bytes, append->size));
    struct batch_view batch;
    while (batch_next(&it, &batch)) {
        const struct batch_header *h = &batch.header;
        if (epochs_assign(&plog->epochs, h->partition_leader_epoch, h->base_offset)) plog->are_epochs_dirty = true;
        segment_note(s, h, (int64_t)batch.bytes.size, plog->options.index_interval_bytes);
        struct aborted_txn aborted;
        if (plog->options.has_producers && producers_update(&plog->producers, &batch, &aborted))
            segment_add_aborted(s, &aborted);
        plog->assigned_end = batch_last_offset(h) + 1;
    }
    append->end_offset = plog->assigned_end;
}

enum err plog_append(struct plog *plog, struct plog_append *append)
{
    struct batch_view first;
    int64_t last_offset;
    int64_t max_timestamp;
    const struct producer_batch *duplicate = NULL;
    ASSERT(plog->env != NULL);
    if (plog->has_failed || logdir_is_offline(plog->dir)) return ERR_KAFKA_STORAGE_ERROR;
    if (plog->state != PLOG_OPEN) return plog->state == PLOG_TRUNCATING ? ERR_BUSY : ERR_NOT_LEADER_OR_FOLLOWER;
    enum err e = check_shape(plog, append, &first, &last_offset, &max_timestamp);
    if (e != OK) return e;
    bool is_replica = append->origin == PLOG_REPLICA;
    if (!is_replica && append->size > (size_t)plog->options.segment_bytes) return ERR_RECORD_LIST_TOO_LARGE;
    if (append->size > INT32_MAX) return ERR_RECORD_LIST_TOO_LARGE;
    if (plog->options.has_producers) {
        e = producers_check(&plog->producers, append, &first, &duplicate);
        if (e != OK) return e;
    }
    append->result = OK;
    append->is_duplicate = duplicate != NULL;
    append->max_timestamp = max_timestamp;
    append->link = (struct list){0};
    append->segment = NULL;
    if (duplicate != NULL) {
        // Answered when its turn comes: the original may still be in the queue.
        append->base_offset = duplicate->last_offset - duplicate->offset_delta;
        append->end_offset = duplicate->last_offset + 1;
        append->max_timestamp = duplicate->timestamp;
    } else {
        append->base_offset = is_replica ? first.header.base_offset : plog->assigned_end;
        if (must_roll(plog, append->size, last_offset, max_timestamp)) roll(plog, append->base_offset);
        take(plog, append);
    }
    list_push_back(&plog->queue, &append->link);
    plog_wake(plog);
    return OK;
}

enum err plog_verification_begin(struct plog *plog, const struct plog_verification *asked, uint64_t *guard)
{
    ASSERT(plog->env != NULL && plog->options.has_producers);
    return producers_verification_begin(&plog->producers, asked, env_wall_ms(plog->env), guard);
}

// ---- what the queue waits for ----

struct create_task {
    struct plog_task base;
    int64_t base_offset;
    bool has_old;         // a segment to be synced first
    int64_t old_base;
    struct file *old_log; // of that, NULL: not open now
    bool has_dir;         // the directory too
    struct file *log;
    int64_t allocate;
};

static void create_run(struct env_task *task, struct fs *fs)
{
    struct create_task *t = CONTAINER_OF(task, struct create_task, base.task);
    t->base.what = "creating a segment";
    // The old segment's bytes and name are on disk before the new one exists: a power cut between two unsynced segments
    // could keep the second and not the first or its end, and nothing would show the hole.
    t->base.result = t->has_old ? segment_sync(fs, t->base.dir_path, t->old_base, t->old_log) : OK;
    if (t->base.result == OK && t->has_dir) t->base.result = fs_sync_dir(fs, t->base.dir_path);
    if (t->base.result != OK) return;
    char *path = segment_path(t->base.dir_path, t->base_offset, ".log");
    t->base.result = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &t->log);
    if (t->base.result == OK && t->allocate > 0) file_allocate(t->log, 0, t->allocate);
    mem_free(path);
}

static void create_done(struct env *env, struct env_task *task)
{
    struct create_task *t = CONTAINER_OF(task, struct create_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog->is_creating = false;
    struct segment *s = plog_segment_at(plog, t->base_offset);
    if (t->base.result == OK) {
        ASSERT(s != NULL && !s->is_created);
        s->log = t->log;
        s->is_created = true;
        s->allocated_to = t->allocate;
        t->log = NULL;
        plog->is_dir_dirty = true;
        // All before it is published: the log ends in the new one from now on, and the old one may be sealed.
        plog->published = (struct plog_place){s->base_offset, s->base_offset, 0};
        plog_remember(plog, plog->published);
        plog_use_segment(plog, s);
    }
    file_unref(t->log);
    file_unref(t->old_log);
    mem_free(t);
    plog_unreserve_files(plog, 1);
    plog_step(plog);
}

static void create_segment(struct plog *plog, struct segment *segment)
{
    if (!plog_reserve_files(plog, 1, false)) {
        plog_await_file(plog);
        return;
    }
    struct create_task *t = MEM_NEW(struct create_task);
    t->base_offset = segment->base_offset;
    t->base.task.run = create_run;
    t->base.task.done = create_done;
    if (plog->options.preallocate) t->allocate = plog->options.segment_bytes;
    struct segment *old = plog_segment_at(plog, plog->published.base_offset);
    bool is_commit = plog->options.durability == PLOG_COMMIT || plog->in_journal != NULL; // with entries of that time
    if (is_commit && old != NULL && old != segment && old->is_created) {
        t->has_old = true;
        t->old_base = old->base_offset;
        if (old->log != NULL) t->old_log = file_ref(old->log);
        t->has_dir = plog->is_dir_dirty || plog->is_syncing; // a sync under way is no sync yet
    }
    plog->is_creating = true;
    plog_task_post(plog, &t->base, (uintptr_t)plog);
}

void plog_roll_idle(struct plog *plog)
{
    roll(plog, plog->assigned_end);
    create_segment(plog, plog_active(plog));
}

struct open_task {
    struct plog_task base;
    int64_t base_offset;
    struct file *log;
};

static void open_run(struct env_task *task, struct fs *fs)
{
    struct open_task *t = CONTAINER_OF(task, struct open_task, base.task);
    t->base.what = "opening a segment";
    char *path = segment_path(t->base.dir_path, t->base_offset, ".log");
    t->base.result = fs_open(fs, path, FILE_READ | FILE_WRITE, &t->log);
    mem_free(path);
}

static void open_done(struct env *env, struct env_task *task)
{
    struct open_task *t = CONTAINER_OF(task, struct open_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog->is_opening = false;
    plog_unreserve_files(plog, 1);
    struct segment *s = plog_segment_at(plog, t->base_offset);
    if (t->base.result == OK && s != NULL && s->log == NULL) {
        s->log = t->log;
        t->log = NULL;
        plog_use_segment(plog, s);
    }
    file_unref(t->log);
    mem_free(t);
    // Its write begins in this step, so nobody takes the file away before.
    plog_step(plog);
}

static void open_segment(struct plog *plog, const struct segment *segment)
{
    if (!plog_reserve_files(plog, 1, false)) {
        plog_await_file(plog);
        return;
    }
    struct open_task *t = MEM_NEW(struct open_task);
    t->base_offset = segment->base_offset;
    t->base.task.run = open_run;
    t->base.task.done = open_done;
    plog->is_opening = true;
    plog_task_post(plog, &t->base, (uintptr_t)plog);
}

struct epoch_task {
    struct plog_task base;
    struct text content;
};

static void epoch_run(struct env_task *task, struct fs *fs)
{
    struct epoch_task *t = CONTAINER_OF(task, struct epoch_task, base.task);
    t->base.what = "writing leader-epoch-checkpoint";
    char *path = path_printf("%s/leader-epoch-checkpoint", t->base.dir_path);
    t->base.result = file_replace(fs, t->base.dir_path, path, text_slice(&t->content));
    mem_free(path);
}

static void epoch_done(struct env *env, struct env_task *task)
{
    struct epoch_task *t = CONTAINER_OF(task, struct epoch_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    plog->is_storing_epochs = false;
    text_deinit(&t->content);
    mem_free(t);
    plog_step(plog);
}

static void store_epochs(struct plog *plog)
{
    struct epoch_task *t = MEM_NEW(struct epoch_task);
    epochs_format(&plog->epochs, &t->content);
    t->base.task.run = epoch_run;
    t->base.task.done = epoch_done;
    plog->are_epochs_dirty = false;
    plog->is_storing_epochs = true;
    plog_task_post(plog, &t->base, (uintptr_t)plog);
}

// Blocks ahead of the end, so that appending does not have to find them: twice what there is, within limits. A hint:
// its outcome is nobody's business.
struct allocate_task {
    struct plog_task base;
    struct file *log;
    int64_t from;
    int64_t size;
};

static void allocate_run(struct env_task *task, struct fs *fs)
{
    struct allocate_task *t = CONTAINER_OF(task, struct allocate_task, base.task);
    int64_t total_bytes = 0, free_bytes = 0;
    // The last blocks of a disk are for records, not for hopes.
    bool has_room =
        fs_space(fs, t->base.dir_path, &total_bytes, &free_bytes) == OK && free_bytes / ALLOCATE_SHARE > t->size;
    if (has_room) file_allocate(t->log, t->from, t->size);
}

static void allocate_done(struct env *env, struct env_task *task)
{
    struct allocate_task *t = CONTAINER_OF(task, struct allocate_task, base.task);
    (void)env;
    struct plog *plog = plog_task_end(&t->base);
    file_unref(t->log);
    mem_free(t);
    plog_step(plog);
}

static void allocate_ahead(struct plog *plog, struct segment *s, int64_t end)
{
    if (end < ALLOCATE_MIN || end + ALLOCATE_MIN <= s->allocated_to) return;
    int64_t size = end < ALLOCATE_MAX ? end : ALLOCATE_MAX;
    if (end + size > plog->options.segment_bytes) size = plog->options.segment_bytes - end;
    if (size <= 0) return;
    struct allocate_task *t = MEM_NEW(struct allocate_task);
    t->log = file_ref(s->log);
    t->from = end;
    t->size = size;
    t->base.task.run = allocate_run;
    t->base.task.done = allocate_done;
    s->allocated_to = end + size;
    plog_task_post(plog, &t->base, (uintptr_t)&plog->queue);
}

// ---- writing ----

static void finish(struct plog *plog, struct plog_append *append, enum err result)
{
    append->result = result;
    append->done(plog, append); // may submit more; the struct may be gone now
}

static void publish(struct plog *plog)
{
    struct list done;
    bool has_moved = false;
    list_init(&done);
    list_append_all(&done, &plog->writing);
    LIST_EACH (link, &done) {
        const struct plog_append *append = LIST_ITEM(link, struct plog_append, link);
        if (append->segment == NULL) continue;
        plog->published = (struct plog_place){
            .offset = append->end_offset,
            .base_offset = append->segment->base_offset,
            .position = append->position + (int64_t)append->size,
        };
        has_moved = true;
    }
    if (has_moved) {
        plog->written_end = plog->published.offset;
        if (!plog->is_journaled) plog->direct_end = plog->published.offset;
        plog_remember(plog, plog->published);
        if (plog->options.durability == PLOG_PAGE_CACHE) plog->durable_end = plog->published.offset;
    }
    for (struct list *link; (link = list_pop_front(&done)) != NULL;) {
        finish(plog, LIST_ITEM(link, struct plog_append, link), OK);
    }
    if (!has_moved) return;
    if (plog->owner->on_published != NULL) plog->owner->on_published(plog);
    if (plog->options.durability == PLOG_PAGE_CACHE && plog->owner->on_durable != NULL) plog->owner->on_durable(plog);
    else journal_published(plog);
}

void append_written(struct plog *plog)
{
    ASSERT(plog->is_writing && plog->writes_left > 0);
    if (--plog->writes_left > 0) return; // the bytes are still in use
    plog->is_writing = false;
    if (!plog->has_failed) {
        publish(plog);
        struct segment *s = plog_segment_at(plog, plog->published.base_offset);
        int64_t end = plog->published.position;
        if (end - s->written_back_to >= WRITEBACK_BYTES) {
            file_writeback(s->log, s->written_back_to, end - s->written_back_to);
            s->written_back_to = end;
        }
        s->has_index_files = false;
        allocate_ahead(plog, s, end);
        plog_index_flush(plog, s);
    }
    plog_step(plog);
}

static void write_done(struct env *env, struct env_write *write)
{
    struct plog *plog = CONTAINER_OF(write, struct plog_hot, write)->plog;
    (void)env;
    if (write->result != OK) plog_fail(plog, write->result, "appending");
    append_written(plog);
}

void append_fail_all(struct plog *plog, enum err why)
{
    struct list failed;
    ASSERT(!plog->is_writing);
    list_init(&failed);
    list_append_all(&failed, &plog->writing);
    list_append_all(&failed, &plog->queue);
    for (struct list *link; (link = list_pop_front(&failed)) != NULL;) {
        finish(plog, LIST_ITEM(link, struct plog_append, link), why);
    }
}

static void grow_parts(struct plog_hot *hot)
{
    hot->part_capacity = hot->part_capacity == 0 ? 8 : hot->part_capacity * 2;
    hot->parts = mem_realloc(hot->parts, (size_t)hot->part_capacity * sizeof(*hot->parts));
}

// What one write takes of the queue.
struct gathered {
    struct segment *segment;
    int parts;
    int64_t position;
    int64_t size;
    int64_t end_offset;
    bool is_journaled;
};

// May it be added to what is gathered? The first one decides whether the write goes through the journal.
static bool fits(struct plog *plog, struct gathered *g, const struct plog_append *append)
{
    if (g->segment != NULL) {
        if (append->segment != g->segment || g->parts == WRITE_PARTS_MAX) return false;
        return !g->is_journaled || journal_takes(plog, g->size + (int64_t)append->size);
    }
    if (!append->segment->is_created) {
        if (list_is_empty(&plog->writing)) create_segment(plog, append->segment);
        return false;
    }
    if (append->segment->log == NULL) {
        if (list_is_empty(&plog->writing)) open_segment(plog, append->segment);
        return false;
    }
    g->is_journaled = journal_takes(plog, (int64_t)append->size);
    return !g->is_journaled || plog->direct_end <= plog->flushed.offset;
}

static void gather(struct plog *plog, struct gathered *g)
{
    LIST_EACH (link, &plog->queue) {
        struct plog_append *append = LIST_ITEM(link, struct plog_append, link);
        if (append->segment != NULL) { // no duplicate
            if (!fits(plog, g, append)) return;
            if (g->segment == NULL) g->position = append->position;
            g->segment = append->segment;
            g->size += (int64_t)append->size;
            g->end_offset = append->end_offset;
            if (g->parts == plog->hot->part_capacity) grow_parts(plog->hot);
            plog->hot->parts[g->parts++] = (struct iovec){.iov_base = append->bytes, .iov_len = append->size};
        }
        list_remove(link);
        list_push_back(&plog->writing, link);
    }
}

void append_step(struct plog *plog)
{
    struct gathered g = {0};
    if (plog->is_writing || plog->is_storing_epochs) return;
    if (list_is_empty(&plog->queue)) return;
    // Only an append needs its epoch on disk: one without records says nothing that loading would not find anyway. So
    // leading ten thousand idle logs in a new epoch writes no file.
    if (plog->are_epochs_dirty) {
        store_epochs(plog);
        return;
    }
    if (plog->is_creating || plog->is_opening) return;
    struct plog_hot *hot = plog_heat(plog);
    gather(plog, &g);
    if (list_is_empty(&plog->writing)) return;
    if (g.parts == 0) { // duplicates only
        publish(plog);
        plog_wake(plog);
        return;
    }
    hot->write = (struct env_write){
        .file = g.segment->log,
        .position = g.position,
        .parts = hot->parts,
        .part_count = g.parts,
        .done = write_done,
    };
    plog->is_writing = true;
    plog->is_journaled = g.is_journaled;
    plog->writes_left = g.is_journaled ? 2 : 1;
    plog_use_segment(plog, g.segment);
    env_write_post(plog->env, &hot->write);
    if (g.is_journaled) journal_append(plog, g.segment, g.parts, g.size, g.end_offset);
}
