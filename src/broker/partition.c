// SPDX-License-Identifier: Apache-2.0
#include "broker/partition.h"

#include "base/mem.h"
#include "broker/assignments.h"
#include "broker/broker_int.h"
#include "broker/coordinators.h"
#include "broker/move_replica.h"

static uint64_t key_hash(const struct shard *shard, const struct uuid *topic_id, int32_t index)
{
    return hash_u64(hash_bytes(shard->broker->hash_seed, slice_of(topic_id->bytes, sizeof(topic_id->bytes))),
                    (uint32_t)index);
}

struct partition *partition_find(struct shard *shard, struct uuid topic_id, int32_t index)
{
    for (struct map_link *link = map_find(&shard->partitions, key_hash(shard, &topic_id, index)); link != NULL;
         link = map_find_next(link)) {
        struct partition *partition = MAP_ITEM(link, struct partition, in_shard);
        if (partition->index == index && uuid_eq(partition->topic_id, topic_id)) return partition;
    }
    return NULL;
}

enum err partition_check(const struct partition *partition, int32_t client_leader_epoch)
{
    if (partition == NULL || partition->state == PARTITION_OPENING || partition->state == PARTITION_CLOSING)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (partition->state == PARTITION_FAILED) return ERR_KAFKA_STORAGE_ERROR;
    if (client_leader_epoch == -1 || client_leader_epoch == partition->leader_epoch) return OK;
    return client_leader_epoch < partition->leader_epoch ? ERR_FENCED_LEADER_EPOCH : ERR_UNKNOWN_LEADER_EPOCH;
}

struct topic_name *topic_name_new(struct slice text)
{
    struct topic_name *name = mem_zalloc(1, sizeof(*name) + text.size + 1);
    name->refs = 1;
    memcpy(name->text, text.data, text.size);
    return name;
}

struct topic_name *topic_name_ref(struct topic_name *name)
{
    name->refs++;
    return name;
}

void topic_name_unref(struct topic_name *name)
{
    ASSERT(name->refs > 0);
    if (--name->refs == 0) mem_free(name);
}

// ---- waiting ---------------------------------------------------------------------------------------------------

static struct partition_waits *waits_of(struct partition *partition)
{
    if (partition->waits != NULL) return partition->waits;
    struct partition_waits *waits = MEM_NEW(struct partition_waits);
    list_init(&waits->acks[ACK_OF_LEADER]);
    list_init(&waits->acks[ACK_OF_ALL]);
    list_init(&waits->watches);
    list_init(&waits->appends);
    partition->waits = waits;
    return waits;
}

void partition_wait_ack(struct partition *partition, enum ack_of whose, struct ack_wait *wait)
{
    if (partition->state != PARTITION_ONLINE) {
        wait->done(wait, ERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    int64_t reached = whose == ACK_OF_ALL ? plog_high_watermark(partition->plog) : plog_durable_end(partition->plog);
    if (wait->offset <= reached) {
        wait->done(wait, OK);
        return;
    }
    struct list *acks = &waits_of(partition)->acks[whose];
    struct list *at = acks; // nearly always the last
    while (at->prev != acks && LIST_ITEM(at->prev, struct ack_wait, link)->offset > wait->offset) at = at->prev;
    list_insert_before(at, &wait->link);
}

void partition_watch(struct partition *partition, struct fetch_watch *watch)
{
    watch->partition = partition;
    watch->from_bytes = plog_size_bytes(partition->plog);
    list_push_back(&waits_of(partition)->watches, &watch->link);
}

void partition_unwatch(struct fetch_watch *watch)
{
    list_remove(&watch->link);
}

static void end_acks(struct partition *partition, enum ack_of whose, int64_t up_to, enum err result)
{
    if (partition->waits == NULL) return;
    struct list *acks = &partition->waits->acks[whose];
    for (struct list *first; (first = list_first(acks)) != NULL;) {
        struct ack_wait *wait = LIST_ITEM(first, struct ack_wait, link);
        if (wait->offset > up_to) return;
        list_remove(&wait->link);
        wait->done(wait, result);
    }
}

static void wake_watches(struct partition *partition, bool all)
{
    if (partition->waits == NULL || list_is_empty(&partition->waits->watches)) return;
    int64_t high_watermark = all ? 0 : plog_high_watermark(partition->plog);
    int64_t last_stable = all ? 0 : plog_last_stable_offset(partition->plog);
    int64_t size_bytes = all ? 0 : plog_size_bytes(partition->plog);
    LIST_EACH (link, &partition->waits->watches) {
        struct fetch_watch *watch = LIST_ITEM(link, struct fetch_watch, link);
        // A marker may set free what was written long before the watch began: whoever waits for that looks himself.
        bool has_more = watch->is_committed
                            ? last_stable > watch->offset
                            : high_watermark > watch->offset && size_bytes - watch->from_bytes >= watch->size_bytes;
        if (!all && !has_more) continue;
        list_remove(&watch->link);
        watch->fire(watch);
    }
}

// Nobody can be served any more: those who wait are told why, sleeping fetches look again and find out.
static void dismiss(struct partition *partition, enum err why)
{
    coordinators_drop(partition);
    partition_release_appends(partition);
    end_acks(partition, ACK_OF_LEADER, INT64_MAX, why);
    end_acks(partition, ACK_OF_ALL, INT64_MAX, why);
    wake_watches(partition, true);
}

// ---- the log's events ------------------------------------------------------------------------------------------

// The in-sync replicas are this one alone, so the least of their durable ends is ours.
static void on_durable(struct plog *plog)
{
    struct partition *partition = plog_user(plog);
    if (partition->plog != plog) return; // replaced by its copy
    if (partition->move != NULL) move_wake(partition->move);
    end_acks(partition, ACK_OF_LEADER, plog_durable_end(plog), OK);
    if (!plog_set_high_watermark(plog, plog_durable_end(plog))) return;
    partition->shard->checkpoints_stale = true;
    end_acks(partition, ACK_OF_ALL, plog_high_watermark(plog), OK);
    wake_watches(partition, false);
}

static void on_published(struct plog *plog)
{
    (void)plog; // what is published but not durable concerns nobody else
}

static void on_failed(struct plog *plog, enum err why)
{
    struct partition *partition = plog_user(plog);
    if (partition->plog != plog) return;
    log_error(partition->shard->log, "broker", "partition=%s-%d is offline: %s", partition->topic, partition->index,
              err_text(why));
    if (partition->state == PARTITION_ONLINE) partition->state = PARTITION_FAILED;
    dismiss(partition, ERR_KAFKA_STORAGE_ERROR);
    if (partition->move != NULL) move_stop(partition, MOVE_CLOSED);
}

static const struct plog_owner owner = {.on_published = on_published, .on_durable = on_durable, .on_failed = on_failed};

// ---- opening ---------------------------------------------------------------------------------------------------

// One partition's way to its log.
struct opening {
    struct list link; // in shard->openings, then in its task's
    struct partition *partition;
    struct partition_spec spec; // topic borrows from the partition
    void (*opened)(void *context);
    void *opened_context;
    struct list waits; // struct open_wait
    // It goes away again as soon as it is open: its topic went, or the node stops.
    bool is_deleted;
    int64_t delete_delay_ms;
    partition_closed *closed;
    void *closed_context;
    bool is_configured; // meanwhile, with:
    struct plog_options options;
    // the task's
    struct plog *plog;
    struct plog_load_report report;
    enum err result;
    struct env_timer retry;
    int attempts;
};

// Many partitions in one task: a message each would cost more than opening one does.
struct open_task {
    struct env_task task;
    struct list openings;
    struct log *log;
    int64_t wall_ms;
};

// A topic deleted and created again under its name: its former directory is about to be renamed.
enum { NAMESAKE_RETRY_MS = 10, NAMESAKE_ATTEMPTS_MAX = 1000 };
// So many tasks for what one turn brings, that all task threads have work to the end, but no task has too much of it.
enum { OPEN_TASKS = 16, OPEN_BATCH_MAX = 128 };

static void open_one(struct opening *opening, struct fs *fs, const struct open_task *task)
{
    const struct partition_spec *spec = &opening->spec;
    if (spec->dir == NULL) {
        opening->result = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (spec->is_promoted) {
        opening->result = logdir_promote(fs, spec->dir, spec->future_name);
        if (opening->result != OK) {
            logdir_take_offline(spec->dir, opening->result, "renaming a future log");
            return;
        }
    }
    const struct plog_load_params params = {
        .dir = spec->dir,
        .topic = spec->topic,
        .partition = spec->index,
        .topic_id = spec->topic_id,
        .recovery_point = spec->recovery_point,
        .log_start = spec->log_start,
        .high_watermark = spec->high_watermark,
        .cleaned_to = spec->cleaned_to,
        .was_clean = spec->was_clean,
        .has_metadata = spec->exists,
        .is_name_unsynced = true,
        .wall_ms = task->wall_ms,
        .options = &spec->options,
        .log = task->log,
    };
    opening->result = spec->exists ? plog_load(fs, &params, &opening->report, &opening->plog)
                                   : plog_create(fs, &params, &opening->plog);
}

// The names of new directories reach the disk together.
static void sync_names(struct open_task *open, struct fs *fs)
{
    struct logdir *synced = NULL;
    enum err e = OK;
    LIST_EACH (link, &open->openings) {
        struct opening *opening = LIST_ITEM(link, struct opening, link);
        if (opening->spec.exists || opening->result != OK) continue;
        if (opening->spec.dir != synced) {
            synced = opening->spec.dir;
            e = logdir_sync_names(fs, synced);
        }
        if (e == OK) continue;
        plog_discard(opening->plog);
        opening->plog = NULL;
        opening->result = e;
    }
}

static void open_run(struct env_task *task, struct fs *fs)
{
    struct open_task *open = CONTAINER_OF(task, struct open_task, task);
    LIST_EACH (link, &open->openings) open_one(LIST_ITEM(link, struct opening, link), fs, open);
    sync_names(open, fs);
}

// Before anybody is told that it is closed: with the last one the directory goes.
static void leave_dir(struct partition *partition)
{
    if (!partition->is_counted) return;
    logdir_count_log(partition->dir, -1);
    partition->is_counted = false;
}

static void free_partition(struct partition *partition)
{
    ASSERT(partition->move == NULL);
    leave_dir(partition);
    map_remove(&partition->shard->partitions, &partition->in_shard);
    topic_name_unref(partition->name);
    mem_free(partition->waits);
    mem_free(partition->closing);
    mem_free(partition);
}

bool partition_await_open(struct partition *partition, struct open_wait *wait)
{
    if (partition->state != PARTITION_OPENING) return false;
    list_push_back(&partition->opening->waits, &wait->link);
    return true;
}

bool partition_await_append(struct partition *partition, struct open_wait *wait)
{
    if (!partition->holds_appends) return false;
    list_push_back(&waits_of(partition)->appends, &wait->link);
    return true;
}

static void call_all(struct list *from)
{
    struct list waits;
    list_init(&waits);
    list_append_all(&waits, from);
    for (struct list *link; (link = list_pop_front(&waits)) != NULL;) {
        struct open_wait *wait = LIST_ITEM(link, struct open_wait, link);
        wait->opened(wait);
    }
}

void partition_release_appends(struct partition *partition)
{
    partition->holds_appends = false;
    if (partition->waits != NULL) call_all(&partition->waits->appends);
}

// The in-sync replicas of a lone node: itself.
int32_t partition_isr_size(const struct partition *partition)
{
    return partition->state == PARTITION_ONLINE ? 1 : 0;
}

static void tell_opened(struct opening *opening)
{
    call_all(&opening->waits);
    if (opening->opened != NULL) opening->opened(opening->opened_context);
}

static void go_online(struct partition *partition, struct plog *plog, struct env *env)
{
    partition->plog = plog;
    partition->state = PARTITION_ONLINE;
    plog_attach(plog, env, &owner, partition);
    plog_share_files(plog, partition->shard->open_files);
    plog_assign_epoch(plog, partition->leader_epoch, plog_assigned_end(plog));
    plog_set_high_watermark(plog, plog_durable_end(plog));
    partition->shard->checkpoints_stale = true;
    coordinators_update(partition);
    partition_check_directory(partition);
    if (partition->move != NULL) move_wake(partition->move);
}

struct plog *partition_replace_log(struct partition *partition, struct plog *plog, struct logdir *dir)
{
    struct plog *old = partition->plog;
    logdir_count_log(partition->dir, -1); // the copy counts already
    partition->plog = plog;
    partition->dir = dir;
    plog_set_owner(plog, &owner, partition);
    plog_share_files(plog, partition->shard->open_files);
    plog_configure(plog, plog_options(old));
    plog_set_high_watermark(plog, plog_high_watermark(old));
    plog_assign_epoch(plog, partition->leader_epoch, plog_assigned_end(plog));
    partition->shard->checkpoints_stale = true;
    return old;
}

void partition_check_directory(struct partition *partition)
{
    struct shard *shard = partition->shard;
    const struct image_topic *topic = image_topic_by_id(shard->image, partition->topic_id);
    const struct image_partition *found = topic == NULL ? NULL : image_partition_at(topic, partition->index);
    if (found == NULL || partition->state != PARTITION_ONLINE) return;
    if (partition->move != NULL) {
        move_image_changed(partition->move, found);
        return;
    }
    struct uuid id = logdir_id(partition->dir);
    if (image_metadata_version(shard->image) < 17 || uuid_is_zero(id)) return;
    for (int32_t i = 0; i < found->replicas.count; i++)
        if (found->replicas.items[i] == shard->broker->node_id && !uuid_eq(found->directories[i], id))
            assignments_add(shard, partition->topic_id, partition->index, id);
}

static void open_done(struct env *env, struct env_task *task);

static void post_openings(struct shard *shard, struct list *openings, size_t count)
{
    struct open_task *open = MEM_NEW(struct open_task);
    *open = (struct open_task){
        .task = {.run = open_run, .done = open_done}, .log = shard->log, .wall_ms = env_wall_ms(shard->env)};
    list_init(&open->openings);
    for (struct list *link; count > 0 && (link = list_pop_front(openings)) != NULL; count--)
        list_push_back(&open->openings, link);
    env_task_post(shard->env, &open->task);
}

static void open_again(struct env *env, struct env_timer *timer)
{
    struct opening *opening = CONTAINER_OF(timer, struct opening, retry);
    struct list alone;
    list_init(&alone);
    list_push_back(&alone, &opening->link);
    post_openings(shard_here(env), &alone, 1);
}

// Takes `opening`, which is in no list any more.
static void end_opening(struct env *env, struct opening *opening)
{
    struct partition *partition = opening->partition;
    bool goes_again = opening->is_deleted || opening->closed != NULL;
    if (opening->result == ERR_EXISTS && opening->attempts++ < NAMESAKE_ATTEMPTS_MAX && !goes_again) {
        opening->retry.fire = open_again;
        env_timer_after_ms(env, &opening->retry, NAMESAKE_RETRY_MS);
        return;
    }
    partition->opening = NULL;
    if (opening->result == OK) {
        if (opening->is_configured) plog_configure(opening->plog, &opening->options);
        if (opening->spec.future_dir != NULL && !opening->spec.is_promoted) move_resume(partition, &opening->spec);
        go_online(partition, opening->plog, env);
    } else {
        log_error(partition->shard->log, "broker", "partition=%s-%d could not be opened in %s: %s", partition->topic,
                  partition->index,
                  opening->spec.dir == NULL ? "any log directory: all are offline or cordoned"
                                            : logdir_path(opening->spec.dir),
                  err_text(opening->result));
        partition->state = PARTITION_FAILED;
    }
    if (opening->report.cut_bytes > 0)
        log_warn(partition->shard->log, "broker", "partition=%s-%d recovered: a torn tail of %lld bytes was removed",
                 partition->topic, partition->index, (long long)opening->report.cut_bytes);
    tell_opened(opening);
    if (opening->is_deleted)
        partition_delete(partition, opening->delete_delay_ms);
    else if (opening->closed != NULL)
        partition_close(partition, opening->closed, opening->closed_context);
    mem_free(opening);
}

static void open_done(struct env *env, struct env_task *task)
{
    struct open_task *open = CONTAINER_OF(task, struct open_task, task);
    for (struct list *link; (link = list_pop_front(&open->openings)) != NULL;)
        end_opening(env, LIST_ITEM(link, struct opening, link));
    mem_free(open);
}

static void start_openings(struct env *env, struct env_msg *msg)
{
    struct shard *shard = shard_here(env);
    (void)msg;
    size_t count = 0;
    LIST_EACH (link, &shard->openings) count++;
    size_t each = (count + OPEN_TASKS - 1) / OPEN_TASKS;
    if (each > OPEN_BATCH_MAX) each = OPEN_BATCH_MAX;
    shard->is_opening_posted = false;
    while (!list_is_empty(&shard->openings)) post_openings(shard, &shard->openings, each);
}

void partition_open(struct shard *shard, const struct partition_spec *spec, void (*opened)(void *context),
                    void *context)
{
    struct partition *partition = MEM_NEW(struct partition);
    *partition = (struct partition){.shard = shard,
                                    .topic_id = spec->topic_id,
                                    .index = spec->index,
                                    .leader_epoch = spec->leader_epoch,
                                    .dir = spec->dir};
    partition->name = spec->name == NULL ? topic_name_new(spec->topic) : topic_name_ref(spec->name);
    partition->topic = partition->name->text;
    partition->is_counted = spec->dir != NULL;
    if (partition->is_counted) logdir_count_log(spec->dir, 1);
    map_insert(&shard->partitions, &partition->in_shard, key_hash(shard, &partition->topic_id, partition->index));
    struct opening *opening = MEM_NEW(struct opening);
    *opening = (struct opening){.partition = partition, .spec = *spec, .opened = opened, .opened_context = context};
    list_init(&opening->waits);
    opening->spec.topic = slice_str(partition->topic);
    partition->opening = opening;
    list_push_back(&shard->openings, &opening->link);
    if (shard->is_opening_posted) return;
    shard->is_opening_posted = true;
    shard->open_turn.run = start_openings;
    env_at_turn_end(shard->env, &shard->open_turn);
}

// ---- closing ---------------------------------------------------------------------------------------------------

struct remove_task {
    struct env_task task;
    struct env_timer timer;
    struct logdir *dir;
    struct log *log;
    char *name;
};

static void remove_run(struct env_task *task, struct fs *fs)
{
    struct remove_task *removal = CONTAINER_OF(task, struct remove_task, task);
    enum err e = logdir_remove(fs, removal->dir, removal->name);
    if (e != OK)
        log_warn(removal->log, "broker", "deleted directory %s could not be removed: %s", removal->name, err_text(e));
}

static void remove_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct remove_task *removal = CONTAINER_OF(task, struct remove_task, task);
    mem_free(removal->name);
    mem_free(removal);
}

static void remove_due(struct env *env, struct env_timer *timer)
{
    env_task_post(env, &CONTAINER_OF(timer, struct remove_task, timer)->task);
}

void partition_remove_later(struct shard *shard, struct logdir *dir, struct slice name, int64_t delay_ms)
{
    struct remove_task *removal = MEM_NEW(struct remove_task);
    *removal = (struct remove_task){
        .task = {.run = remove_run, .done = remove_done}, .timer = {.fire = remove_due}, .dir = dir, .log = shard->log};
    removal->name = mem_zalloc(name.size + 1, 1);
    memcpy(removal->name, name.data, name.size);
    env_timer_after_ms(shard->env, &removal->timer, delay_ms);
}

// A partition's last operation.
struct closing {
    struct plog_op op;
    struct partition *partition;
    int64_t delete_delay_ms;
    partition_closed *closed;
    void *context;
};

static struct closing *begin_closing(struct partition *partition)
{
    struct closing *closing = MEM_NEW(struct closing);
    closing->partition = partition;
    partition->closing = closing;
    partition->state = PARTITION_CLOSING;
    dismiss(partition, ERR_NOT_LEADER_OR_FOLLOWER);
    return closing;
}

static void delete_done(struct plog *plog, struct plog_op *op)
{
    struct closing *closing = CONTAINER_OF(op, struct closing, op);
    struct partition *partition = closing->partition;
    struct slice name = slice_str(plog_dir_name(plog));
    if (op->result == OK)
        partition_remove_later(partition->shard, partition->dir, name, closing->delete_delay_ms);
    else
        log_error(partition->shard->log, "broker", "partition=%s-%d could not be deleted: %s", partition->topic,
                  partition->index, err_text(op->result));
    log_info(partition->shard->log, "broker", "partition=%s-%d deleted", partition->topic, partition->index);
    free_partition(partition);
}

static void delete_log(struct partition *partition)
{
    struct uuid random;
    env_random(partition->shard->env, random.bytes, sizeof(random.bytes));
    partition->closing->op.done = delete_done;
    plog_delete(partition->plog, random, &partition->closing->op);
}

void partition_delete(struct partition *partition, int64_t delay_ms)
{
    if (partition->state == PARTITION_OPENING) {
        partition->opening->is_deleted = true;
        partition->opening->delete_delay_ms = delay_ms;
        return;
    }
    if (partition->plog == NULL) { // never opened: nothing to rename
        free_partition(partition);
        return;
    }
    struct closing *closing = begin_closing(partition);
    closing->delete_delay_ms = delay_ms;
    partition->moved = delete_log;
    if (partition->move != NULL)
        move_stop(partition, MOVE_CANCELLED);
    else
        delete_log(partition);
}

static void close_done(struct plog *plog, struct plog_op *op)
{
    struct closing *closing = CONTAINER_OF(op, struct closing, op);
    struct partition *partition = closing->partition;
    struct plog_checkpoint checkpoint;
    plog_checkpoint(plog, &checkpoint);
    leave_dir(partition);
    closing->closed(partition, op->result == OK ? &checkpoint : NULL, closing->context);
    free_partition(partition);
}

static void close_log(struct partition *partition)
{
    partition->closing->op.done = close_done;
    plog_close(partition->plog, &partition->closing->op);
}

void partition_close(struct partition *partition, partition_closed *closed, void *context)
{
    if (partition->state == PARTITION_OPENING) {
        partition->opening->closed = closed;
        partition->opening->closed_context = context;
        return;
    }
    if (partition->plog == NULL) {
        leave_dir(partition);
        closed(partition, NULL, context);
        free_partition(partition);
        return;
    }
    struct closing *closing = begin_closing(partition);
    closing->closed = closed;
    closing->context = context;
    partition->moved = close_log;
    if (partition->move != NULL)
        move_stop(partition, MOVE_CLOSED);
    else
        close_log(partition);
}

// ---- changes ---------------------------------------------------------------------------------------------------

void partition_configure(struct partition *partition, const struct plog_options *options)
{
    if (partition->state == PARTITION_ONLINE)
        plog_configure(partition->plog, options);
    else if (partition->state == PARTITION_OPENING) {
        partition->opening->is_configured = true;
        partition->opening->options = *options;
    }
}

void partition_lead(struct partition *partition, int32_t leader_epoch)
{
    if (leader_epoch <= partition->leader_epoch) return;
    partition->leader_epoch = leader_epoch;
    if (partition->state == PARTITION_ONLINE)
        plog_assign_epoch(partition->plog, leader_epoch, plog_assigned_end(partition->plog));
}
