// SPDX-License-Identifier: Apache-2.0
#include "broker/snapshots.h"

#include <stdlib.h>

#include "base/mem.h"
#include "broker/metadata_int.h"
#include "store/whole_file.h"

bool metadata_digits(const char *digits, int count, int64_t *out)
{
    int64_t value = 0;
    for (int i = 0; i < count; i++) {
        if (digits[i] < '0' || digits[i] > '9' || value > INT64_MAX / 10 - 1) return false;
        value = value * 10 + (digits[i] - '0');
    }
    *out = value;
    return true;
}

bool snapshot_name_parse(const char *name, struct snapshot_name *out)
{
    int64_t end = 0, epoch = 0;
    if (strlen(name) != SNAPSHOT_OFFSET_DIGITS + 1 + SNAPSHOT_EPOCH_DIGITS + strlen(".checkpoint")) return false;
    const char *rest = name + SNAPSHOT_OFFSET_DIGITS;
    if (*rest != '-' || strcmp(rest + 1 + SNAPSHOT_EPOCH_DIGITS, ".checkpoint") != 0) return false;
    if (!metadata_digits(name, SNAPSHOT_OFFSET_DIGITS, &end) ||
        !metadata_digits(rest + 1, SNAPSHOT_EPOCH_DIGITS, &epoch) || epoch > INT32_MAX)
        return false;
    *out = (struct snapshot_name){end, (int32_t)epoch};
    return true;
}

const char *snapshot_name_print(struct snapshot_name name, struct arena *arena)
{
    return arena_printf(arena, "%0*lld-%0*d.checkpoint", SNAPSHOT_OFFSET_DIGITS, (long long)name.end_offset,
                        SNAPSHOT_EPOCH_DIGITS, name.epoch);
}

// ---- the task ---------------------------------------------------------------------------------------------------

struct snapshot_task {
    struct env_task task;
    struct metadata *m;
    const struct image *image; // referenced
    struct snapshot_name name;
    struct raft_snapshot content;
    int64_t log_bytes;
    int64_t retention_bytes; // -1 = no limit
    int64_t retention_ms;
    int64_t wall_ms;
    enum err result;
    int64_t oldest_end; // of the snapshots that are left
};

struct kept_snapshot {
    struct snapshot_name name;
    struct file_stat stat;
};

struct kept_snapshots {
    struct fs *fs;
    const char *dir;
    struct arena *arena;
    struct kept_snapshot *items;
    size_t count;
    size_t capacity;
};

static enum err find_snapshot(void *context, const char *file_name)
{
    struct kept_snapshots *all = context;
    struct kept_snapshot found = {0};
    if (!snapshot_name_parse(file_name, &found.name)) return OK;
    enum err e = fs_stat(all->fs, arena_printf(all->arena, "%s/%s", all->dir, file_name), &found.stat);
    if (e != OK) return e;
    if (all->count == all->capacity) {
        all->capacity = all->capacity == 0 ? 8 : all->capacity * 2;
        all->items = mem_realloc(all->items, all->capacity * sizeof(*all->items));
    }
    all->items[all->count++] = found;
    return OK;
}

static int compare_ends(const void *a, const void *b)
{
    const struct kept_snapshot *x = a, *y = b;
    return (x->name.end_offset > y->name.end_offset) - (x->name.end_offset < y->name.end_offset);
}

// The oldest go while there is too much or they are too old; the newest stays whatever it takes.
static enum err remove_old(struct snapshot_task *t, struct fs *fs, struct arena *arena)
{
    struct kept_snapshots all = {.fs = fs, .dir = t->m->dir, .arena = arena};
    enum err e = fs_list(fs, t->m->dir, find_snapshot, &all);
    if (all.count > 0) qsort(all.items, all.count, sizeof(*all.items), compare_ends);
    int64_t total = t->log_bytes;
    for (size_t i = 0; i < all.count; i++) total += all.items[i].stat.size_bytes;
    size_t first = 0;
    for (; e == OK && first + 1 < all.count; first++) {
        const struct kept_snapshot *old = &all.items[first];
        bool is_too_much = t->retention_bytes >= 0 && total > t->retention_bytes;
        bool is_too_old = t->retention_ms >= 0 && t->wall_ms - old->stat.mtime_ms > t->retention_ms;
        if (!is_too_much && !is_too_old) break;
        total -= old->stat.size_bytes;
        e = fs_unlink(fs, arena_printf(arena, "%s/%s", t->m->dir, snapshot_name_print(old->name, arena)));
    }
    if (e == OK && first > 0) t->oldest_end = all.items[first].name.end_offset;
    mem_free(all.items);
    return e;
}

static void snapshot_run(struct env_task *task, struct fs *fs)
{
    struct snapshot_task *t = CONTAINER_OF(task, struct snapshot_task, task);
    struct arena arena = {0};
    struct text bytes = {0};
    struct metadata_records records = {0};
    image_records(t->image, &arena, &records);
    t->content.values = records.items;
    t->content.value_count = records.count;
    t->result = raft_snapshot_build(&t->content, &bytes);
    if (t->result == OK)
        t->result =
            whole_file_store(fs, t->m->dir, snapshot_name_print(t->name, &arena), ".part", text_slice(&bytes), 0400);
    if (t->result == OK) t->result = remove_old(t, fs, &arena);
    text_deinit(&bytes);
    arena_deinit(&arena);
}

static void snapshot_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct snapshot_task *t = CONTAINER_OF(task, struct snapshot_task, task);
    struct metadata *m = t->m;
    m->is_snapping = false;
    if (t->result == OK)
        log_info(m->log, "metadata", "snapshot of everything below offset %lld written", (long long)t->name.end_offset);
    else // the log still holds everything: nothing is lost, and the next snapshot may succeed
        log_warn(m->log, "metadata", "no snapshot at offset %lld: %s", (long long)t->name.end_offset,
                 err_text(t->result));
    if (t->oldest_end > 0 && m->plog != NULL && !m->is_closing && plog_set_log_start(m->plog, t->oldest_end) != OK)
        log_warn(m->log, "metadata", "the log below offset %lld could not be let go", (long long)t->oldest_end);
    image_unref(t->image);
    mem_free(t);
    if (m->closes_after_save) metadata_close_log(m);
}

// ---- when -------------------------------------------------------------------------------------------------------

static void snapshot_begin(struct metadata *m)
{
    struct snapshot_task *t = MEM_NEW(struct snapshot_task);
    const struct config *config = m->options.config;
    *t = (struct snapshot_task){
        .task = {.run = snapshot_run, .done = snapshot_done, .lane = (uintptr_t)&m->is_snapping},
        .m = m,
        .image = image_ref(m->image),
        .name = {m->image->offset + 1, m->image->epoch},
        .log_bytes = plog_size_bytes(m->plog),
        .retention_bytes = config_get_long(config, "metadata.max.retention.bytes"),
        .retention_ms = config_get_long(config, "metadata.max.retention.ms"),
        .wall_ms = env_wall_ms(m->env),
    };
    t->content = (struct raft_snapshot){
        .epoch = m->image->epoch,
        .last_contained_timestamp = m->shown_timestamp_ms,
        .header_timestamp = t->wall_ms,
        .timestamp = t->wall_ms,
        .voters_record = m->quorum.has_voters ? &m->quorum.voters_record : NULL,
    };
    m->is_snapping = true;
    m->bytes_since_snapshot = 0;
    m->snapshot_end = t->name.end_offset;
    env_task_post(m->env, &t->task);
}

// `is_due`: the interval has passed, anything new is reason enough.
static void consider(struct metadata *m, bool is_due)
{
    bool is_new = m->image->offset + 1 > m->snapshot_end && m->bytes_since_snapshot > 0;
    if (m->is_snapping || m->is_closing || !is_new || m->life == METADATA_FAILED || m->life == METADATA_CLOSED) return;
    if (is_due || m->bytes_since_snapshot >= m->snapshot_bytes) snapshot_begin(m);
}

void snapshots_consider(struct metadata *m)
{
    consider(m, false);
}

static void interval_passed(struct env *env, struct env_timer *timer)
{
    struct metadata *m = CONTAINER_OF(timer, struct metadata, snapshot_timer);
    consider(m, true);
    env_timer_after_ms(env, timer, m->snapshot_interval_ms);
}

void snapshots_start(struct metadata *m)
{
    m->snapshot_bytes = config_get_long(m->options.config, "metadata.log.max.record.bytes.between.snapshots");
    m->snapshot_interval_ms = config_get_long(m->options.config, "metadata.log.max.snapshot.interval.ms");
    m->snapshot_timer = (struct env_timer){.fire = interval_passed};
    if (m->snapshot_interval_ms > 0) env_timer_after_ms(m->env, &m->snapshot_timer, m->snapshot_interval_ms);
}

void snapshots_stop(struct metadata *m)
{
    env_timer_cancel(m->env, &m->snapshot_timer);
}
