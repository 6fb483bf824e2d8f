// SPDX-License-Identifier: Apache-2.0
// A plog's life on its loop: making, attaching, what it says about itself, and the step that decides what starts next.
#include <inttypes.h>

#include "store/journal.h"

static char *plog_new_path(const struct plog_load_params *params)
{
    if (params->name.size > 0) return path_printf("%s/%.*s", params->dir->path, SLICE_FMT(params->name));
    if (!params->is_future)
        return path_printf("%s/%.*s-%" PRId32, params->dir->path, SLICE_FMT(params->topic), params->partition);
    char *name = partition_dir_suffixed(params->topic, params->partition, params->random16, "-future");
    char *path = path_printf("%s/%s", params->dir->path, name);
    mem_free(name);
    return path;
}

struct plog *plog_new(const struct plog_load_params *params)
{
    struct plog *plog = MEM_NEW(struct plog);
    plog->dir = params->dir;
    plog->log = params->log;
    plog->path = plog_new_path(params);
    text_add(&plog->topic, params->topic);
    plog->partition = params->partition;
    plog->topic_id = params->topic_id;
    plog->options = *params->options;
    plog->is_future = params->is_future;
    plog->last_snapshot = -1;
    plog->cleaned_to = params->cleaned_to;
    producers_init(&plog->producers);
    list_init(&plog->queue);
    list_init(&plog->writing);
    list_init(&plog->held_tasks);
    return plog;
}

static void flush_due(struct env *env, struct env_timer *timer)
{
    struct plog *plog = CONTAINER_OF(timer, struct plog_hot, flush_timer)->plog;
    (void)env;
    plog->wants_flush = true;
    plog_step(plog);
}

struct plog_hot *plog_heat(struct plog *plog)
{
    if (plog->hot != NULL) return plog->hot;
    struct plog_hot *hot = MEM_NEW(struct plog_hot);
    hot->plog = plog;
    hot->flush_timer.fire = flush_due;
    for (size_t i = 0; i < PLACE_COUNT; i++) hot->places[i].offset = -1;
    plog->hot = hot;
    return hot;
}

static void free_hot(struct plog *plog)
{
    if (plog->hot == NULL) return;
    list_remove(&plog->hot->waits_for_file);
    mem_free(plog->hot->parts);
    mem_free(plog->hot);
    plog->hot = NULL;
}

void plog_cool(struct plog *plog)
{
    if (plog->hot == NULL || plog->is_writing || plog->tasks > 0 || !list_is_empty(&plog->queue)) return;
    if (heap_contains(&plog->hot->flush_timer.node) || list_is_linked(&plog->hot->waits_for_file)) return;
    free_hot(plog);
}

void plog_free(struct plog *plog)
{
    journal_forget(plog);
    for (size_t i = 0; i < plog->segment_count; i++) segment_free(plog->segments[i]);
    mem_free(plog->segments);
    free_hot(plog);
    plog_free_removals(plog);
    epochs_deinit(&plog->epochs);
    producers_deinit(&plog->producers);
    text_deinit(&plog->topic);
    mem_free(plog->path);
    mem_free(plog);
}

void plog_discard(struct plog *plog)
{
    ASSERT(plog->env == NULL);
    plog_free(plog);
}

// ---- making ----

static enum err write_partition_metadata(struct plog *plog, struct fs *fs)
{
    char id[UUID_TEXT_SIZE + 1];
    uuid_format(plog->topic_id, id);
    struct text text = {0};
    text_printf(&text, "version: 0\ntopic_id: %s", id);
    char *path = path_printf("%s/partition.metadata", plog->path);
    enum err e = file_replace(fs, plog->path, path, text_slice(&text));
    mem_free(path);
    text_deinit(&text);
    return e;
}

// A restart at an offset other than 0 needs the file's name to remember it.
static enum err create_first_segment(struct plog *plog, struct fs *fs)
{
    struct segment *s = plog_active(plog);
    char *path = segment_path(plog->path, s->base_offset, ".log");
    enum err e = fs_open(fs, path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &s->log);
    if (e == OK) e = fs_sync_dir(fs, plog->path);
    s->is_created = e == OK;
    mem_free(path);
    return e;
}

enum err plog_create(struct fs *fs, const struct plog_load_params *params, struct plog **out)
{
    if (logdir_is_offline(params->dir)) return ERR_KAFKA_STORAGE_ERROR;
    struct plog *plog = plog_new(params);
    enum err e = fs_mkdir(fs, plog->path);
    if (e == OK && !uuid_is_zero(plog->topic_id)) e = write_partition_metadata(plog, fs);
    if (e == OK && !params->is_name_unsynced) e = fs_sync_dir(fs, params->dir->path);
    if (e == OK) e = plog_read_dir(plog, fs, params, NULL);
    if (e == OK && plog->log_start > 0) e = create_first_segment(plog, fs);
    if (e != OK) {
        if (e != ERR_EXISTS) logdir_take_offline(params->dir, e, plog->path);
        plog_free(plog);
        return e;
    }
    *out = plog;
    return OK;
}

static enum err read_topic_id(struct plog *plog, struct fs *fs)
{
    static const char head[] = "version: 0\ntopic_id: ";
    struct text text = {0};
    struct uuid id = {0};
    char *path = path_printf("%s/partition.metadata", plog->path);
    enum err e = file_load(fs, path, 4096, &text);
    mem_free(path);
    if (e == OK) {
        struct slice s = text_slice(&text);
        size_t skip = sizeof(head) - 1;
        while (s.size > 0 && s.data[s.size - 1] == '\n') s.size--;
        bool is_good = s.size > skip && memcmp(s.data, head, skip) == 0 &&
                       uuid_parse(slice_of(s.data + skip, s.size - skip), &id) == OK;
        if (!is_good) e = ERR_CORRUPT;
    }
    text_deinit(&text);
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = ERR_CORRUPT;
    if (e == ERR_NOT_FOUND) {
        // Without it Kafka takes the directory for a stray: whoever knows the id writes it.
        return uuid_is_zero(plog->topic_id) ? OK : write_partition_metadata(plog, fs);
    }
    if (e == OK && uuid_is_zero(plog->topic_id)) plog->topic_id = id;
    return e;
}

static enum err load_once(struct fs *fs, const struct plog_load_params *params, struct plog_load_report *report,
                          struct plog **out)
{
    struct plog *plog = plog_new(params);
    enum err e = params->has_metadata ? OK : read_topic_id(plog, fs);
    if (e == OK) e = plog_read_dir(plog, fs, params, report);
    if (e != OK) plog_free(plog);
    else *out = plog;
    return e;
}

// The journal speaks before the log start does: a log may end below that only until it has its entries back.
static enum err load_and_replay(struct fs *fs, const struct plog_load_params *params, struct plog_load_report *report,
                                struct plog **out)
{
    struct replay *replay = params->dir->replay;
    struct plog_load_params early = *params;
    early.log_start = 0;
    enum err e = load_once(fs, &early, report, out);
    if (e != OK) return e;
    bool has_changed;
    struct plog_load_params late = *params;
    e = replay_apply(replay, *out, fs, &has_changed, &late.log_start);
    bool is_done = e == OK && !has_changed && late.log_start <= (*out)->log_start;
    if (is_done) return OK;
    int64_t active_base = plog_active(*out)->base_offset;
    plog_free(*out);
    if (e != OK) return e;
    if (has_changed) { // the closed segments have their indexes by now, the one that was active may be closed
        late.was_clean = false;
        late.recovery_point = active_base;
    }
    struct plog_load_report again;
    e = load_once(fs, &late, &again, out);
    if (e == OK && report != NULL) report->recovered_bytes += again.recovered_bytes;
    return e;
}

static bool has_entries(const struct plog_load_params *params)
{
    if (params->is_future) return false; // a copy does not go by it
    return logdir_journal_has(params->dir, params->topic_id, params->topic, params->partition);
}

enum err plog_load(struct fs *fs, const struct plog_load_params *params, struct plog_load_report *report,
                   struct plog **out)
{
    struct logdir *dir = params->dir;
    if (logdir_is_offline(dir)) return ERR_KAFKA_STORAGE_ERROR;
    __atomic_add_fetch(&dir->replay_users, 1, __ATOMIC_SEQ_CST);
    enum err e =
        has_entries(params) ? load_and_replay(fs, params, report, out) : load_once(fs, params, report, out);
    __atomic_sub_fetch(&dir->replay_users, 1, __ATOMIC_SEQ_CST);
    // A journal that does not fit is this partition's trouble alone.
    if (e != OK && e != ERR_NOT_FOUND && e != ERR_KAFKA_STORAGE_ERROR) {
        char *path = path_printf("%s/%.*s-%" PRId32, dir->path, SLICE_FMT(params->topic), params->partition);
        logdir_take_offline(dir, e, path);
        mem_free(path);
    }
    return e;
}

// ---- the step ----

static void run_turn(struct env *env, struct env_msg *msg)
{
    struct plog *plog = CONTAINER_OF(msg, struct plog, turn);
    (void)env;
    plog->is_turn_posted = false;
    if (plog->is_gone)
        plog_free(plog);
    else
        plog_step(plog);
}

void plog_wake(struct plog *plog)
{
    if (plog->is_turn_posted) return;
    plog->is_turn_posted = true;
    plog->turn.run = run_turn;
    env_at_turn_end(plog->env, &plog->turn);
}

void plog_attach(struct plog *plog, struct env *env, const struct plog_owner *owner, void *user)
{
    ASSERT(plog->env == NULL);
    plog->env = env;
    plog->owner = owner;
    plog->user = user;
    journal_attach(plog);
}

void plog_set_owner(struct plog *plog, const struct plog_owner *owner, void *user)
{
    plog->owner = owner;
    plog->user = user;
}

void plog_step(struct plog *plog)
{
    // Somebody else's failure took the directory offline: nothing more is written or synced in it.
    if (!plog->has_failed && logdir_is_offline(plog->dir))
        plog_fail(plog, ERR_KAFKA_STORAGE_ERROR, "the log directory");
    if (plog->state == PLOG_DELETING && !plog->has_failed) {
        if (plog->is_writing) return;
        append_fail_all(plog, ERR_NOT_LEADER_OR_FOLLOWER);
    } else if (plog->has_failed) {
        if (plog->is_writing) return; // their bytes are still in use
        append_fail_all(plog, ERR_KAFKA_STORAGE_ERROR);
        if (!plog->has_told_failure) {
            plog->has_told_failure = true;
            if (plog->owner->on_failed != NULL) plog->owner->on_failed(plog, plog->failure);
        }
    } else {
        append_step(plog);
        engine_step(plog);
        plog_seal_next(plog);
    }
    future_step(plog);
    bool is_quiet = list_is_empty(&plog->queue) && !plog->is_writing && plog->tasks == 0;
    if (plog->pending != NULL || plog->has_failed) compact_cancel(plog);
    if (!is_quiet || plog->pending == NULL) return;
    if (plog->state == PLOG_TRUNCATING)
        truncate_start(plog);
    else if (plog->state == PLOG_CLOSING || plog->state == PLOG_DELETING)
        close_start(plog);
}

void plog_fail(struct plog *plog, enum err why, const char *what)
{
    char *text = path_printf("%s of %s", what, plog->path);
    logdir_take_offline(plog->dir, why, text);
    mem_free(text);
    if (plog->has_failed) return;
    plog->has_failed = true;
    plog->failure = why;
    if (plog->hot != NULL) env_timer_cancel(plog->env, &plog->hot->flush_timer);
    if (plog->in_journal != NULL) journal_wake(journal_of(plog)); // it lets go of what waits there
}

void plog_task_post(struct plog *plog, struct plog_task *task, uintptr_t lane)
{
    task->plog = plog;
    task->task.lane = lane;
    plog->tasks++;
    if (plog->promote_op != NULL) { // its path changes first
        plog->held_count++;
        list_push_back(&plog->held_tasks, &task->held);
        return;
    }
    task->dir_path = path_printf("%s", plog->path);
    env_task_post(plog->env, &task->task);
}

struct plog *plog_task_end(struct plog_task *task)
{
    struct plog *plog = task->plog;
    ASSERT(plog->tasks > 0);
    plog->tasks--;
    mem_free(task->dir_path);
    task->dir_path = NULL;
    if (task->result != OK) plog_fail(plog, task->result, task->what);
    return plog;
}

// ---- segments and places ----

void plog_add_segment(struct plog *plog, struct segment *segment)
{
    if (plog->segment_count == plog->segment_capacity) {
        plog->segment_capacity = plog->segment_capacity == 0 ? 1 : plog->segment_capacity * 2;
        plog->segments = mem_realloc(plog->segments, plog->segment_capacity * sizeof(struct segment *));
    }
    plog->segments[plog->segment_count++] = segment;
}

size_t plog_segment_of(const struct plog *plog, int64_t offset)
{
    size_t low = 0; // segments up to low begin at or below the offset
    size_t high = plog->segment_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (plog->segments[middle]->base_offset <= offset)
            low = middle;
        else
            high = middle;
    }
    return low;
}

struct segment *plog_segment_at(const struct plog *plog, int64_t base_offset)
{
    struct segment *s = plog->segments[plog_segment_of(plog, base_offset)];
    return s->base_offset == base_offset ? s : NULL;
}

int64_t plog_readable(const struct plog *plog, const struct segment *segment)
{
    if (segment->base_offset < plog->published.base_offset) return segment->size;
    return segment->base_offset == plog->published.base_offset ? plog->published.position : 0;
}

void plog_remember(struct plog *plog, struct plog_place place)
{
    struct plog_hot *hot = plog_heat(plog);
    hot->places[hot->next_place] = place;
    hot->next_place = (hot->next_place + 1) % PLACE_COUNT;
}

void plog_forget_places(struct plog *plog, int64_t below)
{
    for (size_t i = 0; plog->hot != NULL && i < PLACE_COUNT; i++)
        if (plog->hot->places[i].base_offset < below) plog->hot->places[i].offset = -1;
}

// ---- about it ----

void plog_checkpoint(const struct plog *plog, struct plog_checkpoint *out)
{
    int64_t point = plog->flushed.offset;
    // Not past a segment whose index files are not on disk yet: they would be trusted after a crash.
    for (size_t i = 0; i + 1 < plog->segment_count; i++) {
        if (plog->segments[i]->is_sealed) continue;
        if (plog->segments[i]->base_offset < point) point = plog->segments[i]->base_offset;
        break;
    }
    // Nor up to the end of the active one, though it be closed: it goes on at the next start. Should it be rolled right
    // there and the power go before it is sealed, it would be trusted without its newest index entries.
    if (point > plog_active(plog)->base_offset) point--;
    *out = (struct plog_checkpoint){
        .recovery_point = point,
        .log_start = plog->log_start,
        .lists_log_start = plog->log_start > plog->segments[0]->base_offset,
        .high_watermark = plog->high_watermark,
        .cleaned_to = plog->cleaned_to,
    };
}

void plog_configure(struct plog *plog, const struct plog_options *options)
{
    bool has_producers = plog->options.has_producers;
    bool syncs_itself = plog->options.syncs_itself;
    plog->options = *options;
    plog->options.has_producers = has_producers; // for life
    plog->options.syncs_itself = syncs_itself;
    if (plog->env != NULL) plog_wake(plog);
}

int64_t plog_log_start(const struct plog *plog)
{
    return plog->log_start;
}
int64_t plog_published_end(const struct plog *plog)
{
    return plog->published.offset;
}
int64_t plog_durable_end(const struct plog *plog)
{
    return plog->durable_end;
}
int64_t plog_high_watermark(const struct plog *plog)
{
    return plog->high_watermark;
}
int64_t plog_assigned_end(const struct plog *plog)
{
    return plog->assigned_end;
}
int64_t plog_local_start(const struct plog *plog)
{
    return plog->segments[0]->base_offset;
}

int64_t plog_last_stable_offset(const struct plog *plog)
{
    int64_t first = producers_first_undecided(&plog->producers);
    if (first < plog->log_start) first = plog->log_start; // its beginning was deleted
    return first < plog->high_watermark ? first : plog->high_watermark;
}

void plog_expire_producers(struct plog *plog, int64_t now_ms, int64_t expiration_ms)
{
    producers_expire(&plog->producers, now_ms, expiration_ms);
}

size_t plog_producer_count(const struct plog *plog)
{
    return plog->producers.by_id.count;
}

void plog_each_producer(const struct plog *plog, void (*each)(void *context, const struct plog_producer *producer),
                        void *context)
{
    LIST_EACH (link, &plog->producers.order) {
        const struct producer *p = LIST_ITEM(link, struct producer, order);
        const struct plog_producer shown = {
            .id = p->id,
            .last_timestamp = p->last_timestamp,
            .txn_first_offset = p->txn_first_offset,
            .last_sequence = p->batch_count == 0 ? NO_SEQUENCE : p->batches[p->batch_count - 1].last_sequence,
            .coordinator_epoch = p->coordinator_epoch,
            .epoch = p->epoch};
        each(context, &shown);
    }
}

bool plog_set_high_watermark(struct plog *plog, int64_t offset)
{
    if (offset > plog->durable_end) offset = plog->durable_end;
    if (offset <= plog->high_watermark) return false;
    plog->high_watermark = offset;
    producers_forget_ended(&plog->producers, offset);
    return true;
}

struct slice plog_topic(const struct plog *plog)
{
    return text_slice(&plog->topic);
}

int32_t plog_partition(const struct plog *plog)
{
    return plog->partition;
}
struct uuid plog_topic_id(const struct plog *plog)
{
    return plog->topic_id;
}
struct logdir *plog_logdir(const struct plog *plog)
{
    return plog->dir;
}
const char *plog_dir_name(const struct plog *plog)
{
    return strrchr(plog->path, '/') + 1;
}
void *plog_user(const struct plog *plog)
{
    return plog->user;
}
size_t plog_segment_count(const struct plog *plog)
{
    return plog->segment_count;
}
bool plog_has_failed(const struct plog *plog)
{
    return plog->has_failed;
}
const struct plog_options *plog_options(const struct plog *plog)
{
    return &plog->options;
}

int64_t plog_size_bytes(const struct plog *plog)
{
    int64_t size = 0;
    for (size_t i = 0; i < plog->segment_count; i++) size += plog_readable(plog, plog->segments[i]);
    return size;
}

// ---- epochs ----

int32_t plog_latest_epoch(const struct plog *plog)
{
    return epochs_latest(&plog->epochs);
}
int32_t plog_epoch_of(const struct plog *plog, int64_t offset)
{
    return epochs_of(&plog->epochs, offset);
}

void plog_end_offset_of_epoch(const struct plog *plog, int32_t epoch, int32_t *found_epoch, int64_t *end_offset)
{
    epochs_end_offset(&plog->epochs, epoch, plog->durable_end, found_epoch, end_offset);
}

void plog_assign_epoch(struct plog *plog, int32_t epoch, int64_t start_offset)
{
    if (epochs_assign(&plog->epochs, epoch, start_offset)) plog->are_epochs_dirty = true;
}
