// SPDX-License-Identifier: Apache-2.0
#include "broker/move_replica.h"

#include "base/mem.h"
#include "broker/assignments.h"
#include "broker/broker_int.h"
#include "broker/checkpoints.h"
#include "broker/dynamic.h"
#include "broker/topics.h"
#include "record/batch.h"

enum { CHUNK_BYTES = 1024 * 1024, CHUNK_BYTES_MIN = 4096, LOOK_AGAIN_MS = 100 };

enum move_state {
    OPENING,
    COMPARING, // with what the copy had at the last stop
    COPYING,
    REPLACING, // the copy is the log, the old directory is on its way out
    OVER,
};

struct move {
    struct partition *partition;
    struct shard *shard;
    struct logdir *from;
    struct logdir *to;
    struct logdir *next; // asked for meanwhile, when this one could not be stopped any more
    enum move_state state;
    enum move_end ending;
    struct plog *copy;
    bool is_busy;     // something is under way whose end calls step()
    bool is_told;     // the controller
    bool is_assigned; // the metadata says so
    bool is_synced;   // all that was there when appends were held, or a first time before
    bool has_failed;  // the copy's directory
    bool is_waiting;  // for the timer
    bool is_wake_queued;
    bool is_gone; // freed by the wake message that is still on its way
    struct env_msg wake;
    struct env_timer timer;
    struct plog_op op;
    struct plog_op old_op;

    struct env_task open_task;
    struct plog_load_params params;
    struct plog_options options;
    char *name; // of a -future directory to be loaded; NULL = a new one
    enum err open_result;

    struct env_task read_task;
    struct plog_read_op read;
    struct plog_range range;
    uint8_t *buffer;
    size_t got;
    enum err read_result;
    struct plog_append append;
};

static void step(struct move *m);

static void resume(struct move *m)
{
    m->is_busy = false;
    step(m);
}

static void look_again(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct move *m = CONTAINER_OF(timer, struct move, timer);
    m->is_waiting = false;
    resume(m);
}

static void wait_ms(struct move *m, int64_t ms)
{
    m->is_busy = true;
    m->is_waiting = true;
    m->timer.fire = look_again;
    env_timer_after_ms(m->shard->env, &m->timer, ms);
}

static void woken(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct move *m = CONTAINER_OF(msg, struct move, wake);
    m->is_wake_queued = false;
    if (m->is_gone)
        mem_free(m);
    else
        step(m);
}

void move_wake(struct move *m)
{
    if (m->is_wake_queued || m->is_busy) return;
    m->is_wake_queued = true;
    m->wake = (struct env_msg){.run = woken};
    env_at_turn_end(m->shard->env, &m->wake);
}

struct plog *move_copy(const struct move *m)
{
    return m->state < REPLACING ? m->copy : NULL;
}
struct logdir *move_to(const struct move *m)
{
    return m->to;
}

// ---- the copy's events -------------------------------------------------------------------------------------------

static void copy_failed(struct plog *plog, enum err why)
{
    struct move *m = plog_user(plog);
    log_error(m->shard->log, "broker", "partition=%s-%d moves no further into %s: %s", m->partition->topic,
              m->partition->index, logdir_path(m->to), err_text(why));
    m->has_failed = true;
    if (m->ending == MOVE_GOES_ON) m->ending = MOVE_CLOSED;
    move_wake(m);
}

static const struct plog_owner copy_owner = {.on_failed = copy_failed};

// ---- the end -----------------------------------------------------------------------------------------------------

static void finish(struct move *m)
{
    struct partition *partition = m->partition;
    struct logdir *next = m->next;
    // The replica is where it was, and that is lost: the controller shall know, whatever it was told of the copy.
    if (partition->state == PARTITION_FAILED && m->is_told && m->state < REPLACING)
        assignments_add(m->shard, partition->topic_id, partition->index, logdir_id(m->from));
    m->state = OVER;
    partition->move = NULL;
    partition_release_appends(partition);
    mem_free(m->name);
    mem_free(m->buffer);
    if (m->is_wake_queued)
        m->is_gone = true;
    else
        mem_free(m);
    if (partition->state == PARTITION_CLOSING) {
        partition->moved(partition);
        return;
    }
    if (partition->state != PARTITION_ONLINE) return;
    if (next != NULL) move_replica(partition, next);
    if (partition->move == NULL) partition_check_directory(partition); // a move given up: back to what it was
}

static void remove_directory(struct move *m, struct logdir *dir, struct plog *plog)
{
    const struct topic *topic = topic_by_id(m->shard, m->partition->topic_id);
    int64_t delay_ms = topic == NULL ? 0 : topic->config.file_delete_delay_ms;
    partition_remove_later(m->shard, dir, slice_str(plog_dir_name(plog)), delay_ms);
}

static void copy_gone(struct plog *plog, struct plog_op *op)
{
    struct move *m = CONTAINER_OF(op, struct move, op);
    if (op->result == OK && m->ending == MOVE_CANCELLED) remove_directory(m, m->to, plog);
    if (op->result == OK && m->ending == MOVE_CLOSED && m->shard->stopping) {
        struct plog_checkpoint values;
        plog_checkpoint(plog, &values);
        checkpoint_set_add(m->shard->checkpoints, m->partition, m->to, &values);
    }
    m->copy = NULL;
    logdir_count_log(m->to, -1);
    finish(m);
}

static void end(struct move *m)
{
    m->is_busy = true;
    partition_release_appends(m->partition);
    if (m->copy == NULL) {
        logdir_count_log(m->to, -1);
        finish(m);
        return;
    }
    m->op = (struct plog_op){.done = copy_gone};
    if (m->ending == MOVE_CANCELLED && !m->has_failed) {
        struct uuid random;
        env_random(m->shard->env, random.bytes, sizeof(random.bytes));
        plog_delete(m->copy, random, &m->op);
    } else {
        plog_close(m->copy, &m->op);
    }
}

void move_stop(struct partition *partition, enum move_end how)
{
    struct move *m = partition->move;
    m->next = NULL;
    if (m->ending != MOVE_CANCELLED) m->ending = how;
    if (m->is_waiting) {
        env_timer_cancel(m->shard->env, &m->timer);
        m->is_waiting = false;
        m->is_busy = false;
    }
    step(m);
}

// ---- replacing the log ---------------------------------------------------------------------------------------------

static void promoted(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    struct move *m = CONTAINER_OF(op, struct move, op);
    if (op->result == OK)
        log_info(m->shard->log, "broker", "partition=%s-%d moved from %s to %s", m->partition->topic,
                 m->partition->index, logdir_path(m->from), logdir_path(m->to));
    finish(m);
}

// From here on the old directory is out of service, or its disk is lost: the copy may take its name.
static void old_deleted(struct plog *plog, struct plog_op *op)
{
    struct move *m = CONTAINER_OF(op, struct move, old_op);
    if (op->result == OK)
        remove_directory(m, m->from, plog);
    else
        log_error(m->shard->log, "broker",
                  "partition=%s-%d: its directory in %s could not be renamed (%s); remove it before that disk is used "
                  "again, a node does not start with two",
                  m->partition->topic, m->partition->index, logdir_path(m->from), err_text(op->result));
    m->op = (struct plog_op){.done = promoted};
    plog_promote(m->partition->plog, &m->op);
}

static void replace(struct move *m)
{
    struct uuid random;
    struct plog *old = partition_replace_log(m->partition, m->copy, m->to);
    m->state = REPLACING;
    m->is_busy = true;
    env_random(m->shard->env, random.bytes, sizeof(random.bytes));
    m->old_op = (struct plog_op){.done = old_deleted};
    plog_delete(old, random, &m->old_op);
}

static void synced(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    struct move *m = CONTAINER_OF(op, struct move, op);
    m->is_synced = true;
    resume(m);
}

static void sync_copy(struct move *m)
{
    m->is_busy = true;
    m->op = (struct plog_op){.done = synced};
    plog_flush(m->copy, &m->op);
}

// Everything that can be copied is. Most of the syncing is done before appends are held.
static void caught_up(struct move *m)
{
    struct partition *partition = m->partition;
    if (!m->is_told) {
        m->is_told = true;
        if (image_metadata_version(m->shard->image) < 17) m->is_assigned = true;
        partition_check_directory(partition); // perhaps it says so already
        if (!m->is_assigned) assignments_add(m->shard, partition->topic_id, partition->index, logdir_id(m->to));
    }
    if (!m->is_assigned) return;
    if (!m->is_synced) {
        sync_copy(m);
    } else if (!partition->holds_appends) {
        partition->holds_appends = true;
        m->is_synced = false;
        move_wake(m);
    } else if (plog_assigned_end(partition->plog) == plog_assigned_end(m->copy)) {
        replace(m);
    }
}

void move_image_changed(struct move *m, const struct image_partition *partition)
{
    for (int32_t i = 0; i < partition->replicas.count; i++) {
        if (partition->replicas.items[i] != m->shard->broker->node_id) continue;
        m->is_assigned = uuid_eq(partition->directories[i], logdir_id(m->to));
    }
    if (m->is_assigned) move_wake(m);
}

// ---- copying -------------------------------------------------------------------------------------------------------

static void give_up(struct move *m, enum err why, const char *what)
{
    log_error(m->shard->log, "broker", "partition=%s-%d: %s %s while it moves to %s: %s; the move is cancelled",
              m->partition->topic, m->partition->index, what, logdir_path(m->from), logdir_path(m->to), err_text(why));
    m->ending = MOVE_CANCELLED;
    step(m);
}

void moves_refresh(struct shard *shard)
{
    int64_t share =
        dynamic_int(shard, "replica.alter.log.dirs.io.max.bytes.per.second") / shard->broker->options.env_count;
    if (share < 1) share = 1;
    if (share == shard->moves_bytes_per_s) return;
    shard->moves_bytes_per_s = share;
    shard->moves_paused_until_ns = 0; // what was owed at the old rate
    MAP_EACH (link, &shard->partitions) {
        struct move *m = MAP_ITEM(link, struct partition, in_shard)->move;
        if (m != NULL && m->is_waiting) env_timer_after_ms(shard->env, &m->timer, 0);
    }
}

static void pace(struct move *m, int64_t bytes)
{
    int64_t now_ns = env_now_ns(m->shard->env);
    int64_t cost_ns = (int64_t)((double)bytes / (double)m->shard->moves_bytes_per_s * 1e9);
    if (m->shard->moves_paused_until_ns < now_ns) m->shard->moves_paused_until_ns = now_ns;
    m->shard->moves_paused_until_ns += cost_ns;
}

static void op_over(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    resume(CONTAINER_OF(op, struct move, op));
}

static void appended(struct plog *plog, struct plog_append *append)
{
    struct move *m = CONTAINER_OF(append, struct move, append);
    m->is_busy = false;
    if (append->result == OK && m->partition->state == PARTITION_ONLINE) {
        struct plog *from = m->partition->plog;
        plog_set_high_watermark(plog, plog_high_watermark(from));
        int64_t start = plog_log_start(from);
        if (start > plog_high_watermark(plog)) start = plog_high_watermark(plog);
        if (start > plog_log_start(plog) && plog_set_log_start(plog, start) != OK) m->ending = MOVE_CANCELLED;
    }
    move_wake(m);
}

static size_t whole_batches(const uint8_t *bytes, size_t size)
{
    struct batch_iter it = batch_iter(slice_of(bytes, size));
    struct batch_view batch;
    size_t whole = 0;
    while (batch_next(&it, &batch)) whole += batch.bytes.size;
    return whole;
}

static void read_run(struct env_task *task, struct fs *fs)
{
    (void)fs;
    struct move *m = CONTAINER_OF(task, struct move, read_task);
    m->got = 0;
    m->read_result = OK;
    while (m->read_result == OK && m->got < (size_t)m->range.size) {
        size_t got = 0;
        m->read_result = file_pread(m->range.file, m->range.position + (int64_t)m->got, m->buffer + m->got,
                                    (size_t)m->range.size - m->got, &got);
        if (m->read_result == OK && got == 0) break;
        m->got += got;
    }
}

static void read_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct move *m = CONTAINER_OF(task, struct move, read_task);
    file_unref(m->range.file);
    m->range.file = NULL;
    m->is_busy = false;
    if (m->ending != MOVE_GOES_ON || m->has_failed || m->partition->state != PARTITION_ONLINE) {
        step(m);
        return;
    }
    size_t size = m->read_result == OK ? whole_batches(m->buffer, m->got) : 0;
    enum err e = m->read_result != OK ? m->read_result : ERR_CORRUPT;
    if (size > 0) {
        m->append = (struct plog_append){
            .bytes = m->buffer, .size = size, .origin = PLOG_REPLICA, .leader_epoch = -1, .done = appended};
        e = plog_append(m->copy, &m->append);
    }
    if (e != OK) {
        give_up(m, e, "cannot be copied from");
        return;
    }
    m->is_busy = true;
    if (!m->partition->holds_appends) pace(m, (int64_t)size);
}

static void read_range(struct move *m)
{
    m->buffer = mem_realloc(m->buffer, (size_t)m->range.size);
    m->read_task = (struct env_task){.run = read_run, .done = read_done, .lane = (uintptr_t)m};
    m->is_busy = true;
    env_task_post(m->shard->env, &m->read_task);
}

static void found_cold(struct plog *plog, struct plog_op *op)
{
    (void)plog;
    struct move *m = CONTAINER_OF(op, struct move, read.op);
    m->is_busy = false;
    if (op->result == OK) m->range = m->read.range;
    if (op->result == OK && m->range.file != NULL && m->ending == MOVE_GOES_ON && !m->has_failed) {
        read_range(m);
        return;
    }
    file_unref(m->range.file);
    m->range.file = NULL;
    if (m->ending == MOVE_GOES_ON)
        wait_ms(m, LOOK_AGAIN_MS); // retention, or a directory that fails: seen at the next look
    else
        step(m);
}

static void copy_from(struct move *m, int64_t offset, int64_t end)
{
    int64_t chunk = m->shard->moves_bytes_per_s;
    if (chunk > CHUNK_BYTES || m->partition->holds_appends) chunk = CHUNK_BYTES;
    if (chunk < CHUNK_BYTES_MIN) chunk = CHUNK_BYTES_MIN;
    m->read = (struct plog_read_op){
        .op = {.done = found_cold},
        .spec = {.offset = offset, .limit_offset = end, .max_bytes = (int32_t)chunk, .min_one = true}};
    enum err e = plog_read(m->partition->plog, &m->read.spec, &m->range);
    if (e == ERR_AGAIN) {
        m->is_busy = true;
        plog_read_cold(m->partition->plog, &m->read);
    } else if (e == OK && m->range.file != NULL) {
        read_range(m);
    } else {
        wait_ms(m, LOOK_AGAIN_MS);
    }
}

static void copy_on(struct move *m)
{
    struct plog *from = m->partition->plog;
    int64_t offset = plog_assigned_end(m->copy);
    int64_t end = plog_durable_end(from);
    if (plog_log_start(from) > offset) { // retention was faster
        m->is_busy = true;
        m->op = (struct plog_op){.done = op_over};
        plog_restart_at(m->copy, plog_log_start(from), &m->op);
        return;
    }
    if (offset >= end) {
        caught_up(m);
        return;
    }
    int64_t pause_ns = m->shard->moves_paused_until_ns - env_now_ns(m->shard->env);
    if (pause_ns > 0 && !m->partition->holds_appends) {
        // Not in one piece: the rate may be changed meanwhile.
        int64_t pause_ms = pause_ns / 1000000 + 1;
        wait_ms(m, pause_ms < 1000 ? pause_ms : 1000);
        return;
    }
    m->is_synced = false;
    copy_from(m, offset, end);
}

// What both have in common, by leader epochs as a follower finds it (kafka-internals C4): the log may have lost its
// tail or written another one while the copy's directory was away.
static void compare(struct move *m)
{
    struct plog *from = m->partition->plog;
    int64_t end = plog_assigned_end(m->copy);
    int64_t common = 0;
    int32_t epoch = plog_latest_epoch(m->copy);
    int32_t found = -1;
    plog_end_offset_of_epoch(from, epoch, &found, &common);
    if (found != epoch && found >= 0) {
        int32_t ours = -1;
        int64_t ours_end = 0;
        plog_end_offset_of_epoch(m->copy, found, &ours, &ours_end);
        if (ours_end < common) common = ours_end;
    }
    bool is_empty = end <= plog_log_start(m->copy);
    if (is_empty || (found == epoch && common >= end)) {
        m->state = COPYING;
        step(m);
        return;
    }
    m->is_busy = true;
    m->op = (struct plog_op){.done = op_over};
    if (found < 0 || common <= plog_log_start(m->copy) || common >= end)
        plog_restart_at(m->copy, plog_log_start(from), &m->op);
    else
        plog_truncate_to(m->copy, common, &m->op);
}

static void step(struct move *m)
{
    if (m->is_busy || m->state >= REPLACING) return;
    if (m->ending != MOVE_GOES_ON) {
        end(m);
        return;
    }
    if (m->partition->state != PARTITION_ONLINE) return; // not yet, or move_stop comes
    if (m->state == COMPARING)
        compare(m);
    else
        copy_on(m);
}

// ---- opening -------------------------------------------------------------------------------------------------------

static void open_run(struct env_task *task, struct fs *fs)
{
    struct move *m = CONTAINER_OF(task, struct move, open_task);
    m->open_result =
        m->name != NULL ? plog_load(fs, &m->params, NULL, &m->copy) : plog_create(fs, &m->params, &m->copy);
}

static void open_done(struct env *env, struct env_task *task)
{
    struct move *m = CONTAINER_OF(task, struct move, open_task);
    m->is_busy = false;
    if (m->open_result == OK) {
        plog_attach(m->copy, env, &copy_owner, m);
        m->state = COMPARING;
    } else {
        log_error(m->shard->log, "broker", "partition=%s-%d cannot move to %s: %s", m->partition->topic,
                  m->partition->index, logdir_path(m->to), err_text(m->open_result));
        m->copy = NULL;
        m->ending = MOVE_CLOSED;
    }
    step(m);
}

static struct move *begin(struct partition *partition, struct logdir *to, const struct plog_options *options)
{
    struct shard *shard = partition->shard;
    struct move *m = MEM_NEW(struct move);
    *m = (struct move){
        .partition = partition, .shard = shard, .from = partition->dir, .to = to, .is_busy = true, .options = *options};
    // A power cut shall not leave a copy with a hole, whatever the topic asks for: it would not be noticed.
    m->options.durability = PLOG_COMMIT;
    m->params = (struct plog_load_params){.dir = to,
                                          .topic = slice_str(partition->topic),
                                          .partition = partition->index,
                                          .topic_id = partition->topic_id,
                                          .wall_ms = env_wall_ms(shard->env),
                                          .options = &m->options,
                                          .log = shard->log,
                                          .is_future = true};
    m->open_task = (struct env_task){.run = open_run, .done = open_done};
    partition->move = m;
    logdir_count_log(to, 1);
    return m;
}

void move_resume(struct partition *partition, const struct partition_spec *spec)
{
    struct move *m = begin(partition, spec->future_dir, &spec->options);
    m->name = mem_zalloc(spec->future_name.size + 1, 1);
    memcpy(m->name, spec->future_name.data, spec->future_name.size);
    m->params.name = slice_str(m->name);
    m->params.recovery_point = spec->future_recovery_point;
    m->params.log_start = spec->future_log_start;
    m->params.was_clean = spec->was_future_clean;
    env_task_post(m->shard->env, &m->open_task);
}

void move_replica(struct partition *partition, struct logdir *to)
{
    struct move *m = partition->move;
    if (m == NULL) {
        if (to == partition->dir) return;
        m = begin(partition, to, plog_options(partition->plog));
        env_random(m->shard->env, m->params.random16.bytes, sizeof(m->params.random16.bytes));
        m->params.log_start = plog_log_start(partition->plog);
        log_info(m->shard->log, "broker", "partition=%s-%d moves from %s to %s", partition->topic, partition->index,
                 logdir_path(m->from), logdir_path(to));
        env_task_post(m->shard->env, &m->open_task);
        return;
    }
    if (to == m->to && m->ending == MOVE_GOES_ON) {
        m->next = NULL;
        return;
    }
    if (m->state < REPLACING) move_stop(partition, MOVE_CANCELLED);
    if (partition->move == NULL)
        move_replica(partition, to);
    else
        partition->move->next = to;
}
