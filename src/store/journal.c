// SPDX-License-Identifier: Apache-2.0
// The journal on its loop. An append of a commit partition goes to its segment and, as one entry, into the ring; at the
// end of the turn the entries of all partitions become one write, and one fdatasync at a time makes all that was
// written before it durable. What the ring holds is needed until the segments are synced: the partitions that owe that
// are kept in the order of their oldest entry, which is the tail. A full ring lets entries wait; it fails nothing.
#include <inttypes.h>

#include "base/bytes.h"
#include "store/journal.h"

enum {
    DEMAND_WINDOW_MS = 10000, // a commit of offsets now and then is not worth a ring
    PARTS_MAX = 1024,
    WRITE_BYTES_MAX = 8 * 1024 * 1024,
    SEGMENT_SYNCS_MAX = 4,
    ENTRY_SHARE = 8,   // an entry is at most such a part of the ring
    RECLAIM_SHARE = 2, // from this part of the ring on, segments are synced
    HEADER_SHARE = 8,  // so much of the ring is given back at once
};

// ---- which journal ----

struct journal *journal_of(struct plog *plog)
{
    struct logdir *dir = plog->dir;
    if (dir->journal_bytes == 0 || plog->options.syncs_itself || plog->is_future || plog->env == NULL) return NULL;
    int shard = plog->env->shard;
    if (shard >= JOURNAL_SHARDS_MAX) return NULL;
    if (dir->journals[shard] != NULL) return dir->journals[shard];
    struct journal *j = MEM_NEW(struct journal);
    j->dir = dir;
    j->env = plog->env;
    list_init(&j->queue);
    list_init(&j->writing);
    list_init(&j->written);
    list_init(&j->syncing);
    dir->journals[shard] = j;
    return j;
}

void journal_free(struct journal *j)
{
    if (j == NULL) return;
    file_unref(j->file);
    heap_deinit(&j->dirty);
    heap_deinit(&j->covered);
    mem_free(j->parts);
    mem_free(j);
}

static bool is_idle(const struct journal *j)
{
    return !j->is_turn_posted && !j->is_writing && !j->is_syncing && j->state != JOURNAL_MAKING &&
           list_is_empty(&j->queue);
}

static void tell_closing(struct journal *j)
{
    struct plog *plog = j->closing;
    if (plog == NULL || !is_idle(j)) return;
    j->closing = NULL;
    plog_wake(plog);
}

void journal_attach(struct plog *plog)
{
    struct journal *j = journal_of(plog);
    if (j == NULL) return;
    j->plogs++;
    // It may have been here before, with entries that are still in the ring.
    plog->journal_mark = j->head;
}

void journal_demand(struct plog *plog)
{
    struct journal *j = journal_of(plog);
    if (j == NULL || j->state != JOURNAL_ABSENT) return;
    int64_t now_ms = env_now_ms(j->env);
    if (now_ms - j->demand_from_ms > DEMAND_WINDOW_MS) {
        j->demand = 0;
        j->demand_from_ms = now_ms;
    }
    if (++j->demand >= j->dir->journal_demand) journal_wake(j);
}

bool journal_may_close(struct plog *plog)
{
    struct journal *j = journal_of(plog);
    if (j == NULL) return true;
    if (j->plogs == 1 && !is_idle(j)) {
        j->closing = plog;
        return false;
    }
    j->plogs--;
    return true;
}

static void leave_space(struct journal *j, struct plog_journal *pj)
{
    heap_remove(pj->is_covered ? &j->covered : &j->dirty, &pj->space);
    pj->is_covered = false;
}

void journal_forget(struct plog *plog)
{
    struct plog_journal *pj = plog->in_journal;
    if (pj == NULL) return;
    struct journal *j = journal_of(plog);
    leave_space(j, pj);
    list_remove(&pj->written_link);
    list_remove(&pj->syncing_link);
    list_remove(&pj->append.link);
    list_remove(&pj->note.link);
    mem_free(pj->append.head);
    mem_free(pj);
    plog->in_journal = NULL;
}

static struct plog_journal *part_of(struct plog *plog)
{
    if (plog->in_journal != NULL) return plog->in_journal;
    struct plog_journal *pj = MEM_NEW(struct plog_journal);
    size_t head_size = ENTRY_HEAD_SIZE + plog->topic.size;
    pj->append.plog = pj->note.plog = plog;
    pj->append.head = mem_alloc(2 * head_size);
    pj->note.head = pj->append.head + head_size;
    pj->last_position = -1;
    plog->in_journal = pj;
    return pj;
}

// ---- failure ----

static void fail_entry(struct journal_entry *entry)
{
    struct plog *plog = entry->plog;
    plog_fail(plog, ERR_KAFKA_STORAGE_ERROR, "the journal");
    if (entry == &plog->in_journal->append)
        append_written(plog);
    else
        plog_wake(plog);
}

static void fail_entries(struct list *list)
{
    struct list failed;
    list_init(&failed);
    list_append_all(&failed, list);
    for (struct list *link; (link = list_pop_front(&failed)) != NULL;)
        fail_entry(LIST_ITEM(link, struct journal_entry, link));
}

// Nothing in the directory is served any more; those who wait for a sync find that out when they step.
static void fail_all(struct journal *j)
{
    j->has_failed = true;
    fail_entries(&j->queue);
    for (struct list *link; (link = list_pop_front(&j->written)) != NULL;)
        plog_wake(LIST_ITEM(link, struct plog_journal, written_link)->append.plog);
    for (struct list *link; (link = list_pop_front(&j->syncing)) != NULL;)
        plog_wake(LIST_ITEM(link, struct plog_journal, syncing_link)->append.plog);
}

static void take_offline(struct journal *j, enum err why, const char *what)
{
    char *text = path_printf("%s of the journal in %s", what, j->dir->path);
    logdir_take_offline(j->dir, why, text);
    mem_free(text);
}

// ---- making ----

static void make_done(struct env *env, struct env_task *task)
{
    struct journal_make *t = CONTAINER_OF(task, struct journal_make, task);
    struct journal *j = t->journal;
    (void)env;
    j->state = t->result == OK ? JOURNAL_READY : JOURNAL_REFUSED;
    if (t->result == OK) {
        j->file = t->file;
        j->header = t->header;
        j->head = t->header.tail;
        j->parts = mem_zalloc(PARTS_MAX, sizeof(*j->parts));
    } else {
        log_warn(j->dir->log, COMPONENT,
                 "no journal path=%s bytes=%" PRId64 " error=%s: commit partitions are synced file by file",
                 j->dir->path, j->dir->journal_bytes, err_name(t->result));
    }
    mem_free(t->dir_path);
    mem_free(t);
    journal_wake(j);
}

static void make(struct journal *j)
{
    struct journal_make *t = MEM_NEW(struct journal_make);
    t->task = (struct env_task){.run = journal_make_run, .done = make_done};
    t->journal = j;
    t->dir_path = path_printf("%s", j->dir->path);
    t->shard = j->env->shard;
    t->size = j->dir->journal_bytes / RING_BLOCK_SIZE * RING_BLOCK_SIZE;
    t->log = j->dir->log;
    j->state = JOURNAL_MAKING;
    env_task_post(j->env, &t->task);
}

// ---- entries ----

static int64_t used(const struct journal *j)
{
    return j->head - j->header.tail;
}

static void queue_entry(struct journal *j, struct journal_entry *entry)
{
    entry->what.topic_id = entry->plog->topic_id;
    entry->what.topic = text_slice(&entry->plog->topic);
    entry->what.partition = entry->plog->partition;
    list_push_back(&j->queue, &entry->link);
    journal_wake(j);
}

bool journal_takes(struct plog *plog, int64_t size)
{
    struct journal *j = journal_of(plog);
    if (j == NULL || j->state != JOURNAL_READY || plog->options.durability != PLOG_COMMIT) return false;
    int64_t most = j->header.size / ENTRY_SHARE;
    if (most > JOURNAL_ENTRY_MAX) most = JOURNAL_ENTRY_MAX;
    return ring_entry_space(plog->topic.size, size) <= most;
}

void journal_append(struct plog *plog, struct segment *segment, int part_count, int64_t size, int64_t end_offset)
{
    struct plog_journal *pj = part_of(plog);
    pj->append.what = (struct ring_entry){
        .kind = JOURNAL_APPEND,
        .position = -1, // until it has a place
        .leader_epoch = load_i32((const uint8_t *)plog->hot->parts[0].iov_base + BATCH_OFFSET_SIZE),
        .offset = plog->written_end,
        .end_offset = end_offset,
        .segment_base = segment->base_offset,
        .size = (uint32_t)size,
    };
    pj->append.parts = plog->hot->parts;
    pj->append.part_count = part_count;
    queue_entry(journal_of(plog), &pj->append);
}

static void queue_note(struct journal *j, struct plog *plog, enum journal_kind kind, int64_t offset)
{
    struct plog_journal *pj = part_of(plog);
    pj->note.what = (struct ring_entry){.kind = kind, .leader_epoch = NO_LEADER_EPOCH, .offset = offset};
    pj->note.parts = NULL;
    pj->note.part_count = 0;
    pj->note_state = NOTE_QUEUED;
    queue_entry(j, &pj->note);
}

bool journal_note_first(struct plog *plog, enum journal_kind kind, int64_t offset)
{
    struct journal *j = journal_of(plog);
    struct plog_journal *pj = plog->in_journal;
    if (j == NULL || j->state != JOURNAL_READY || plog->has_failed) return false;
    if (pj != NULL && pj->note_state == NOTE_SYNCED && pj->note.what.kind == kind && pj->note.what.offset == offset) {
        if (kind != JOURNAL_DROP) pj->note_state = NOTE_NONE; // that one is the last, however often it is asked for
        return false;
    }
    if (pj != NULL && pj->note_state != NOTE_NONE && pj->note_state != NOTE_SYNCED) return true;
    if (plog->journal_mark <= j->header.tail) return false; // nothing of it is left in the ring
    queue_note(j, plog, kind, offset);
    return true;
}

void journal_note_start(struct plog *plog)
{
    struct journal *j = journal_of(plog);
    if (!plog->has_start_moved) return;
    if (plog->in_journal != NULL && plog->in_journal->note_state != NOTE_NONE) return; // after that one
    plog->has_start_moved = false;
    if (j == NULL || j->state != JOURNAL_READY || plog->options.durability != PLOG_COMMIT) return;
    queue_note(j, plog, JOURNAL_LOG_START, plog->log_start);
}

void journal_truncated(struct plog *plog)
{
    struct plog_journal *pj = plog->in_journal;
    if (pj == NULL) return;
    struct journal *j = journal_of(plog);
    ASSERT(!plog->is_syncing);
    leave_space(j, pj);
    list_remove(&pj->written_link);
    list_remove(&pj->syncing_link);
    pj->written_end = pj->syncing_end = pj->synced_end = -1;
    journal_wake(j);
}

// ---- writing ----

// Gives the entry its place; from here on its plog owes a sync of its segment.
static void place(struct journal *j, struct journal_entry *entry, int64_t space)
{
    static const uint8_t zeros[ENTRY_ALIGN];
    struct plog *plog = entry->plog;
    struct plog_journal *pj = plog->in_journal;
    size_t head_size = ENTRY_HEAD_SIZE + plog->topic.size;
    entry->what.generation = j->header.generation;
    entry->what.position = j->head;
    ring_entry_format(&entry->what, entry->parts, entry->part_count, entry->head);
    j->parts[j->write.part_count++] = (struct iovec){.iov_base = entry->head, .iov_len = head_size};
    if (entry->part_count > 0) // none has no address to copy from
        memcpy(&j->parts[j->write.part_count], entry->parts, (size_t)entry->part_count * sizeof(struct iovec));
    j->write.part_count += entry->part_count;
    size_t padding = (size_t)space - head_size - entry->what.size;
    if (padding > 0)
        j->parts[j->write.part_count++] = (struct iovec){.iov_base = (void *)(uintptr_t)zeros, .iov_len = padding};
    if (entry->what.kind == JOURNAL_APPEND) {
        pj->last_position = j->head;
        if (!heap_contains(&pj->space)) heap_insert(&j->dirty, &pj->space, j->head);
    }
    j->writing_kinds |= 1U << entry->what.kind;
    j->head += space;
    plog->journal_mark = j->head;
}

static void end_lap(struct journal *j, int64_t left)
{
    if (left >= ENTRY_HEAD_SIZE) {
        const struct ring_entry wrap = {
            .kind = JOURNAL_WRAP, .generation = j->header.generation, .position = j->head, .partition = -1};
        ring_entry_format(&wrap, NULL, 0, j->wrap);
        j->parts[j->write.part_count++] = (struct iovec){.iov_base = j->wrap, .iov_len = ENTRY_HEAD_SIZE};
    }
    j->head += left;
}

static void write_done(struct env *env, struct env_write *write);

static void write_next(struct journal *j)
{
    int64_t from = j->head;
    if (j->is_writing) return;
    j->is_blocked = false;
    j->write.part_count = 0;
    LIST_EACH (link, &j->queue) {
        struct journal_entry *entry = LIST_ITEM(link, struct journal_entry, link);
        int64_t space = ring_entry_space(entry->plog->topic.size, entry->what.size);
        int64_t left = j->header.size - j->head % j->header.size;
        int64_t skipped = space > left ? left : 0;
        j->is_blocked = used(j) + skipped + space > j->header.size;
        if (j->is_blocked) break;
        if (j->write.part_count + entry->part_count + 3 > PARTS_MAX || j->head - from > WRITE_BYTES_MAX) break;
        if (skipped > 0) {
            end_lap(j, skipped);
            if (j->write.part_count > 0) break; // the next write goes on at the start
            from = j->head;
        }
        list_remove(link);
        place(j, entry, space);
        list_push_back(&j->writing, link);
    }
    if (j->write.part_count == 0) return;
    j->write.file = j->file;
    j->write.position = RING_DATA_AT + from % j->header.size;
    j->write.parts = j->parts;
    j->write.done = write_done;
    j->is_writing = true;
    env_write_post(j->env, &j->write);
}

static void wait_for_sync(struct journal *j, struct plog_journal *pj)
{
    if (!list_is_linked(&pj->written_link)) list_push_back(&j->written, &pj->written_link);
}

static void entry_written(struct journal *j, struct journal_entry *entry)
{
    struct plog *plog = entry->plog;
    struct plog_journal *pj = plog->in_journal;
    wait_for_sync(j, pj);
    if (entry == &pj->note) {
        pj->note_state = NOTE_WRITTEN;
        return;
    }
    pj->written_end = entry->what.end_offset;
    append_written(plog);
}

static void write_done(struct env *env, struct env_write *write)
{
    struct journal *j = CONTAINER_OF(write, struct journal, write);
    (void)env;
    j->is_writing = false;
    j->written_kinds |= j->writing_kinds;
    j->writing_kinds = 0;
    if (write->result != OK) {
        take_offline(j, write->result, "a write");
        fail_entries(&j->writing);
    }
    for (struct list *link; (link = list_pop_front(&j->writing)) != NULL;)
        entry_written(j, LIST_ITEM(link, struct journal_entry, link));
    journal_wake(j);
}

// ---- space ----

void journal_sync_starts(struct plog *plog)
{
    struct plog_journal *pj = plog->in_journal;
    if (pj == NULL) return;
    struct journal *j = journal_of(plog);
    // What is not published is not covered; an entry without a place yet will be at the head or behind it.
    bool is_in_flight = plog->is_writing && plog->is_journaled && pj->append.what.position >= 0;
    pj->covered_from = is_in_flight ? pj->append.what.position : j->head;
    if (!heap_contains(&pj->space)) return;
    int64_t oldest = pj->space.key;
    leave_space(j, pj);
    pj->is_covered = true;
    heap_insert(&j->covered, &pj->space, oldest);
}

void journal_sync_done(struct plog *plog)
{
    struct plog_journal *pj = plog->in_journal;
    if (pj == NULL) return;
    struct journal *j = journal_of(plog);
    leave_space(j, pj);
    if (pj->last_position >= pj->covered_from) heap_insert(&j->dirty, &pj->space, pj->covered_from);
    journal_wake(j);
}

static struct plog_journal *first_of(const struct heap *heap)
{
    struct heap_node *node = heap_min(heap);
    return node == NULL ? NULL : CONTAINER_OF(node, struct plog_journal, space);
}

static int64_t oldest_needed(const struct journal *j)
{
    int64_t oldest = j->head;
    if (first_of(&j->dirty) != NULL && first_of(&j->dirty)->space.key < oldest) oldest = first_of(&j->dirty)->space.key;
    if (first_of(&j->covered) != NULL && first_of(&j->covered)->space.key < oldest)
        oldest = first_of(&j->covered)->space.key;
    return oldest;
}

// Segments that owe a sync since long get it, so that there is room before anybody has to wait.
static void reclaim(struct journal *j)
{
    if (!j->is_blocked && used(j) < j->header.size / RECLAIM_SHARE) return;
    while (j->covered.count < SEGMENT_SYNCS_MAX) {
        struct plog_journal *pj = first_of(&j->dirty);
        if (pj == NULL) return;
        if (!j->is_blocked && j->head - pj->space.key < j->header.size / (2 * RECLAIM_SHARE)) return;
        // One that is about to close or be cut is synced by that, but not while it waits for room here.
        if (!engine_sync(pj->append.plog)) return;
    }
}

// ---- syncing ----

static void sync_run(struct env_task *task, struct fs *fs)
{
    struct journal_sync *t = CONTAINER_OF(task, struct journal_sync, task);
    (void)fs;
    t->result = OK;
    if (t->has_header) {
        uint8_t bytes[RING_HEADER_SIZE];
        ring_header_format(&t->header, bytes);
        t->result = file_write_all(t->file, ring_header_at(t->header.sequence), slice_of(bytes, sizeof(bytes)));
    }
    if (t->result == OK) t->result = file_sync(t->file);
}

static void one_synced(struct plog_journal *pj)
{
    struct plog *plog = pj->append.plog;
    if (pj->note_state == NOTE_SYNCING) {
        // Nobody waits for a log start.
        pj->note_state = pj->note.what.kind == JOURNAL_LOG_START ? NOTE_NONE : NOTE_SYNCED;
        plog_wake(plog);
    }
    if (pj->syncing_end > pj->synced_end) pj->synced_end = pj->syncing_end;
    journal_published(plog);
}

static void sync_done(struct env *env, struct env_task *task)
{
    struct journal *j = CONTAINER_OF(task, struct journal, sync.task);
    (void)env;
    j->is_syncing = false;
    j->syncing_kinds = 0;
    if (j->sync.result != OK) {
        take_offline(j, j->sync.result, "fdatasync");
    } else {
        if (j->sync.has_header) j->header = j->sync.header;
        struct list synced;
        list_init(&synced);
        list_append_all(&synced, &j->syncing);
        for (struct list *link; (link = list_pop_front(&synced)) != NULL;)
            one_synced(LIST_ITEM(link, struct plog_journal, syncing_link));
    }
    journal_wake(j);
}

static void sync_next(struct journal *j)
{
    if (j->is_syncing) return;
    int64_t tail = oldest_needed(j);
    int64_t step = j->is_blocked ? 1 : j->header.size / HEADER_SHARE;
    bool has_header = tail - j->header.tail >= step;
    if (!has_header && list_is_empty(&j->written)) return;
    for (struct list *link; (link = list_pop_front(&j->written)) != NULL;) {
        struct plog_journal *pj = LIST_ITEM(link, struct plog_journal, written_link);
        pj->syncing_end = pj->written_end;
        if (pj->note_state == NOTE_WRITTEN) pj->note_state = NOTE_SYNCING;
        list_push_back(&j->syncing, &pj->syncing_link);
    }
    j->sync = (struct journal_sync){
        .task = {.run = sync_run, .done = sync_done},
        .file = j->file,
        .has_header = has_header,
        .header = j->header,
    };
    j->sync.header.sequence++;
    j->sync.header.tail = tail;
    j->syncing_kinds = j->written_kinds;
    j->written_kinds = 0;
    j->is_syncing = true;
    env_task_post(j->env, &j->sync.task);
}

void journal_published(struct plog *plog)
{
    const struct plog_journal *pj = plog->in_journal;
    if (pj == NULL || plog->has_failed) return;
    int64_t end = pj->synced_end < plog->published.offset ? pj->synced_end : plog->published.offset;
    if (end <= plog->durable_end) return;
    plog->durable_end = end;
    if (plog->owner->on_durable != NULL) plog->owner->on_durable(plog);
}

// ---- the step ----

static void step(struct journal *j)
{
    if (j->has_failed || logdir_is_offline(j->dir)) {
        fail_all(j);
        return;
    }
    bool is_wanted = j->demand >= j->dir->journal_demand && j->plogs > 0;
    if (j->state == JOURNAL_ABSENT && is_wanted && !logdir_has_pending_journal(j->dir)) make(j);
    if (j->state != JOURNAL_READY) return;
    write_next(j);
    reclaim(j);
    sync_next(j);
}

static void run_turn(struct env *env, struct env_msg *msg)
{
    struct journal *j = CONTAINER_OF(msg, struct journal, turn);
    (void)env;
    j->is_turn_posted = false;
    step(j);
    tell_closing(j);
}

void journal_wake(struct journal *j)
{
    if (j->is_turn_posted) return;
    j->is_turn_posted = true;
    j->turn.run = run_turn;
    env_at_turn_end(j->env, &j->turn);
}
