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

// ---- waiting ---------------------------------------------------------------------------------------------------

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
    struct list *at = &partition->acks[whose]; // nearly always the last
    while (at->prev != &partition->acks[whose] && LIST_ITEM(at->prev, struct ack_wait, link)->offset > wait->offset)
        at = at->prev;
    list_insert_before(at, &wait->link);
}

void partition_watch(struct partition *partition, struct fetch_watch *watch)
{
    watch->partition = partition;
    watch->from_bytes = plog_size_bytes(partition->plog);
    list_push_back(&partition->watches, &watch->link);
}

void partition_unwatch(struct fetch_watch *watch)
{
    list_remove(&watch->link);
}

static void end_acks(struct list *acks, int64_t up_to, enum err result)
{
    for (struct list *first; (first = list_first(acks)) != NULL;) {
        struct ack_wait *wait = LIST_ITEM(first, struct ack_wait, link);
        if (wait->offset > up_to) return;
        list_remove(&wait->link);
        wait->done(wait, result);
    }
}

static void wake_watches(struct partition *partition, bool all)
{
    if (list_is_empty(&partition->watches)) return;
    int64_t high_watermark = all ? 0 : plog_high_watermark(partition->plog);
    int64_t last_stable = all ? 0 : plog_last_stable_offset(partition->plog);
    int64_t size_bytes = all ? 0 : plog_size_bytes(partition->plog);
    LIST_EACH (link, &partition->watches) {
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
    end_acks(&partition->acks[ACK_OF_LEADER], INT64_MAX, why);
    end_acks(&partition->acks[ACK_OF_ALL], INT64_MAX, why);
    wake_watches(partition, true);
}

// ---- the log's events ------------------------------------------------------------------------------------------

// The in-sync replicas are this one alone, so the least of their durable ends is ours.
static void on_durable(struct plog *plog)
{
    struct partition *partition = plog_user(plog);
    if (partition->plog != plog) return; // replaced by its copy
    if (partition->move != NULL) move_wake(partition->move);
    end_acks(&partition->acks[ACK_OF_LEADER], plog_durable_end(plog), OK);
    if (!plog_set_high_watermark(plog, plog_durable_end(plog))) return;
    partition->shard->checkpoints_stale = true;
    end_acks(&partition->acks[ACK_OF_ALL], plog_high_watermark(plog), OK);
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

struct open_task {
    struct env_task task;
    struct partition *partition;
    struct partition_spec spec; // topic borrows from the partition
    struct log *log;
    int64_t wall_ms;
    struct plog *plog;
    struct plog_load_report report;
    enum err result;
    struct env_timer retry;
    int attempts;
};

// A topic deleted and created again under its name: its former directory is about to be renamed.
enum { NAMESAKE_RETRY_MS = 10, NAMESAKE_ATTEMPTS_MAX = 1000 };

static void open_run(struct env_task *task, struct fs *fs)
{
    struct open_task *open = CONTAINER_OF(task, struct open_task, task);
    const struct partition_spec *spec = &open->spec;
    if (spec->dir == NULL) {
        open->result = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (spec->is_promoted) {
        open->result = logdir_promote(fs, spec->dir, spec->future_name);
        if (open->result != OK) {
            logdir_take_offline(spec->dir, open->result, "renaming a future log");
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
        .wall_ms = open->wall_ms,
        .options = &spec->options,
        .log = open->log,
    };
    open->result =
        spec->exists ? plog_load(fs, &params, &open->report, &open->plog) : plog_create(fs, &params, &open->plog);
}

static void free_partition(struct partition *partition)
{
    ASSERT(partition->move == NULL);
    if (partition->dir != NULL) logdir_count_log(partition->dir, -1);
    map_remove(&partition->shard->partitions, &partition->in_shard);
    mem_free(partition->topic);
    mem_free(partition);
}

bool partition_await_open(struct partition *partition, struct open_wait *wait)
{
    if (partition->state != PARTITION_OPENING) return false;
    list_push_back(&partition->open_waits, &wait->link);
    return true;
}

bool partition_await_append(struct partition *partition, struct open_wait *wait)
{
    if (!partition->holds_appends) return false;
    list_push_back(&partition->append_waits, &wait->link);
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
    call_all(&partition->append_waits);
}

// The in-sync replicas of a lone node: itself.
int32_t partition_isr_size(const struct partition *partition)
{
    return partition->state == PARTITION_ONLINE ? 1 : 0;
}

static void tell_opened(struct partition *partition)
{
    call_all(&partition->open_waits);
    if (partition->opened != NULL) partition->opened(partition->opened_context);
}

static void go_online(struct partition *partition, struct plog *plog, struct env *env)
{
    partition->plog = plog;
    partition->state = PARTITION_ONLINE;
    plog_attach(plog, env, &owner, partition);
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
    plog_configure(plog, &partition->options);
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

static void open_again(struct env *env, struct env_timer *timer)
{
    env_task_post(env, &CONTAINER_OF(timer, struct open_task, retry)->task);
}

static void open_done(struct env *env, struct env_task *task)
{
    struct open_task *open = CONTAINER_OF(task, struct open_task, task);
    struct partition *partition = open->partition;
    if (open->result == ERR_EXISTS && open->attempts++ < NAMESAKE_ATTEMPTS_MAX && !partition->delete_when_open &&
        !partition->close_when_open) {
        open->retry.fire = open_again;
        env_timer_after_ms(env, &open->retry, NAMESAKE_RETRY_MS);
        return;
    }
    if (open->result == OK) {
        if (open->spec.future_dir != NULL && !open->spec.is_promoted) move_resume(partition, &open->spec);
        go_online(partition, open->plog, env);
    } else {
        log_error(partition->shard->log, "broker", "partition=%s-%d could not be opened in %s: %s", partition->topic,
                  partition->index,
                  open->spec.dir == NULL ? "any log directory: all are offline or cordoned"
                                         : logdir_path(open->spec.dir),
                  err_text(open->result));
        partition->state = PARTITION_FAILED;
    }
    if (open->report.cut_bytes > 0)
        log_warn(partition->shard->log, "broker", "partition=%s-%d recovered: a torn tail of %lld bytes was removed",
                 partition->topic, partition->index, (long long)open->report.cut_bytes);
    mem_free(open);
    tell_opened(partition);
    if (partition->delete_when_open)
        partition_delete(partition, partition->delete_delay_ms);
    else if (partition->close_when_open)
        partition_close(partition, partition->closed, partition->closed_context);
}

void partition_open(struct shard *shard, const struct partition_spec *spec, void (*opened)(void *context),
                    void *context)
{
    struct partition *partition = MEM_NEW(struct partition);
    *partition = (struct partition){.shard = shard,
                                    .topic_id = spec->topic_id,
                                    .index = spec->index,
                                    .leader_epoch = spec->leader_epoch,
                                    .dir = spec->dir,
                                    .options = spec->options,
                                    .opened = opened,
                                    .opened_context = context};
    partition->topic = mem_zalloc(spec->topic.size + 1, 1);
    memcpy(partition->topic, spec->topic.data, spec->topic.size);
    list_init(&partition->acks[ACK_OF_LEADER]);
    list_init(&partition->acks[ACK_OF_ALL]);
    list_init(&partition->watches);
    list_init(&partition->open_waits);
    list_init(&partition->append_waits);
    if (spec->dir != NULL) logdir_count_log(spec->dir, 1);
    map_insert(&shard->partitions, &partition->in_shard, key_hash(shard, &partition->topic_id, partition->index));
    struct open_task *open = MEM_NEW(struct open_task);
    *open = (struct open_task){.task = {.run = open_run, .done = open_done},
                               .partition = partition,
                               .spec = *spec,
                               .log = shard->log,
                               .wall_ms = env_wall_ms(shard->env)};
    open->spec.topic = slice_str(partition->topic);
    env_task_post(shard->env, &open->task);
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

static void delete_done(struct plog *plog, struct plog_op *op)
{
    struct partition *partition = CONTAINER_OF(op, struct partition, closing);
    struct slice name = slice_str(plog_dir_name(plog));
    if (op->result == OK)
        partition_remove_later(partition->shard, partition->dir, name, partition->delete_delay_ms);
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
    partition->closing.done = delete_done;
    plog_delete(partition->plog, random, &partition->closing);
}

void partition_delete(struct partition *partition, int64_t delay_ms)
{
    partition->delete_delay_ms = delay_ms;
    if (partition->state == PARTITION_OPENING) {
        partition->delete_when_open = true;
        return;
    }
    if (partition->plog == NULL) { // never opened: nothing to rename
        free_partition(partition);
        return;
    }
    partition->state = PARTITION_CLOSING;
    dismiss(partition, ERR_NOT_LEADER_OR_FOLLOWER);
    partition->moved = delete_log;
    if (partition->move != NULL)
        move_stop(partition, MOVE_CANCELLED);
    else
        delete_log(partition);
}

static void tell_closed(struct partition *partition, const struct plog_checkpoint *checkpoint)
{
    partition->closed(partition, checkpoint, partition->closed_context);
    free_partition(partition);
}

static void close_done(struct plog *plog, struct plog_op *op)
{
    struct partition *partition = CONTAINER_OF(op, struct partition, closing);
    struct plog_checkpoint checkpoint;
    plog_checkpoint(plog, &checkpoint);
    tell_closed(partition, op->result == OK ? &checkpoint : NULL);
}

static void close_log(struct partition *partition)
{
    partition->closing.done = close_done;
    plog_close(partition->plog, &partition->closing);
}

void partition_close(struct partition *partition, partition_closed *closed, void *context)
{
    partition->closed = closed;
    partition->closed_context = context;
    if (partition->state == PARTITION_OPENING) {
        partition->close_when_open = true;
        return;
    }
    if (partition->plog == NULL) {
        tell_closed(partition, NULL);
        return;
    }
    partition->state = PARTITION_CLOSING;
    dismiss(partition, ERR_NOT_LEADER_OR_FOLLOWER);
    partition->moved = close_log;
    if (partition->move != NULL)
        move_stop(partition, MOVE_CLOSED);
    else
        close_log(partition);
}

// ---- changes ---------------------------------------------------------------------------------------------------

void partition_configure(struct partition *partition, const struct plog_options *options)
{
    partition->options = *options;
    if (partition->state == PARTITION_ONLINE) plog_configure(partition->plog, options);
}

void partition_lead(struct partition *partition, int32_t leader_epoch)
{
    if (leader_epoch <= partition->leader_epoch) return;
    partition->leader_epoch = leader_epoch;
    if (partition->state == PARTITION_ONLINE)
        plog_assign_epoch(partition->plog, leader_epoch, plog_assigned_end(partition->plog));
}
