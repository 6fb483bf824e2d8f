// SPDX-License-Identifier: Apache-2.0
// DescribeLogDirs (KIP-113, KIP-827, KIP-1066): each log directory with the replicas in it and the room on its disk. A
// message goes round the shards, each adds its partitions; a task asks the file systems.
#include "proto/describe_log_dirs.h"
#include <stdlib.h>

#include "base/mem.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/move_replica.h"
#include "meta/image.h"

struct replica { // a partition's log, as its shard saw it
    struct slice topic;
    int32_t index;
    int dir;
    int64_t size_bytes;
    int64_t lag; // of a copy on its way here, behind the replica
    bool is_copy;
};

struct log_dirs {
    struct env_msg msg;
    struct env_task task;
    struct request *request;
    const struct broker *broker;
    int next_shard;
    struct replica *replicas; // in the request's arena, which belongs to whoever holds the message
    size_t count;
    size_t capacity;
    struct {
        enum err error;
        int64_t total_bytes;
        int64_t usable_bytes;
    } space[LOG_DIRS_MAX];
};

// ---- on each shard -------------------------------------------------------------------------------------------------

static bool is_wanted(const struct describe_log_dirs_request *body, struct slice topic, int32_t index)
{
    if (body->topics.count < 0) return true;
    for (int32_t i = 0; i < body->topics.count; i++) {
        const struct describe_log_dirs_request_describable_log_dir_topic *wanted = &body->topics.items[i];
        if (!slice_eq(wanted->topic, topic)) continue;
        for (int32_t k = 0; k < wanted->partitions.count; k++)
            if (wanted->partitions.items[k] == index) return true;
    }
    return false;
}

static int dir_number(const struct broker *broker, const struct logdir *dir)
{
    int number = 0;
    while (number < broker->logdir_count && broker->logdirs[number] != dir) number++;
    return number;
}

static void add(struct log_dirs *all, const struct partition *partition, const struct logdir *dir,
                const struct plog *plog)
{
    struct arena *arena = &all->request->arena;
    if (all->count == all->capacity) {
        size_t capacity = all->capacity == 0 ? 64 : all->capacity * 2;
        struct replica *grown = ARENA_ARRAY(arena, struct replica, capacity);
        if (all->count > 0) memcpy(grown, all->replicas, all->count * sizeof(*grown));
        all->replicas = grown;
        all->capacity = capacity;
    }
    all->replicas[all->count++] = (struct replica){
        .topic = arena_copy(arena, slice_str(partition->topic)), // the partition may go before the answer does
        .index = partition->index,
        .dir = dir_number(all->broker, dir),
        .size_bytes = plog_size_bytes(plog),
        .lag = plog_assigned_end(partition->plog) - plog_assigned_end(plog),
        .is_copy = plog != partition->plog};
}

static void ask_disks(struct log_dirs *all);

static void visit(struct env *env, struct env_msg *msg)
{
    struct log_dirs *all = CONTAINER_OF(msg, struct log_dirs, msg);
    const struct shard *shard = shard_here(env);
    const struct describe_log_dirs_request *body = all->request->body;
    MAP_EACH (link, &shard->partitions) {
        const struct partition *partition = MAP_ITEM(link, struct partition, in_shard);
        if (partition->state != PARTITION_ONLINE) continue;
        if (!is_wanted(body, slice_str(partition->topic), partition->index)) continue;
        add(all, partition, partition->dir, partition->plog);
        const struct plog *copy = partition->move == NULL ? NULL : move_copy(partition->move);
        if (copy != NULL) add(all, partition, move_to(partition->move), copy);
    }
    if (++all->next_shard < all->broker->shard_count) {
        env_post(all->broker->shards[all->next_shard]->env, &all->msg);
        return;
    }
    ask_disks(all);
}

// ---- the disks -----------------------------------------------------------------------------------------------------

static void ask_disks_run(struct env_task *task, struct fs *fs)
{
    struct log_dirs *all = CONTAINER_OF(task, struct log_dirs, task);
    for (int i = 0; i < all->broker->logdir_count; i++) {
        struct logdir *dir = all->broker->logdirs[i];
        all->space[i].error = logdir_is_offline(dir) ? ERR_KAFKA_STORAGE_ERROR
                                                     : fs_space(fs, logdir_path(dir), &all->space[i].total_bytes,
                                                                &all->space[i].usable_bytes);
    }
}

// ---- at home -------------------------------------------------------------------------------------------------------

static int by_dir_and_name(const void *a, const void *b)
{
    const struct replica *x = a;
    const struct replica *y = b;
    if (x->dir != y->dir) return x->dir < y->dir ? -1 : 1;
    int order = slice_cmp(x->topic, y->topic);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

// The replicas in `all` from `*at` on that are in this directory.
static void list_replicas(struct log_dirs *all, int dir, size_t *at,
                          struct describe_log_dirs_response_describe_log_dirs_result *out)
{
    struct arena *arena = &all->request->arena;
    size_t end = *at;
    while (end < all->count && all->replicas[end].dir == dir) end++;
    out->topics.items = ARENA_ARRAY(arena, struct describe_log_dirs_response_describe_log_dirs_topic, end - *at);
    for (; *at < end; ++*at) {
        const struct replica *replica = &all->replicas[*at];
        int32_t last = out->topics.count - 1;
        struct describe_log_dirs_response_describe_log_dirs_topic *topic = last < 0 ? NULL : &out->topics.items[last];
        if (topic == NULL || !slice_eq(topic->name, replica->topic)) {
            topic = &out->topics.items[out->topics.count++];
            topic->name = replica->topic;
            topic->partitions.items =
                ARENA_ARRAY(arena, struct describe_log_dirs_response_describe_log_dirs_partition, end - *at);
        }
        // The leader lags behind nobody.
        topic->partitions.items[topic->partitions.count++] =
            (struct describe_log_dirs_response_describe_log_dirs_partition){.partition_index = replica->index,
                                                                            .partition_size = replica->size_bytes,
                                                                            .offset_lag = replica->lag,
                                                                            .is_future_key = replica->is_copy};
    }
}

static bool is_cordoned(const struct log_dirs *all, const struct logdir *dir)
{
    const struct image_node *self = image_broker(all->request->shard->image, all->broker->node_id);
    for (int32_t i = 0; self != NULL && i < self->cordoned_dir_count; i++)
        if (uuid_eq(self->cordoned_dirs[i], logdir_id(dir))) return true;
    return false;
}

static void answer(struct env *env, struct env_task *task)
{
    (void)env;
    struct log_dirs *all = CONTAINER_OF(task, struct log_dirs, task);
    struct describe_log_dirs_response response = describe_log_dirs_response_init();
    if (all->count > 0) qsort(all->replicas, all->count, sizeof(*all->replicas), by_dir_and_name);
    response.results.items = ARENA_ARRAY(
        &all->request->arena, struct describe_log_dirs_response_describe_log_dirs_result, all->broker->logdir_count);
    size_t at = 0;
    for (int i = 0; i < all->broker->logdir_count; i++) {
        struct describe_log_dirs_response_describe_log_dirs_result *out =
            &response.results.items[response.results.count++];
        *out = describe_log_dirs_response_describe_log_dirs_result_init();
        out->log_dir = broker_dir_path(all->broker, all->broker->logdirs[i], &all->request->arena);
        out->error_code = err_to_wire(all->space[i].error);
        list_replicas(all, i, &at, out);
        if (all->space[i].error != OK) {
            out->topics.count = 0;
            continue;
        }
        out->total_bytes = all->space[i].total_bytes;
        out->usable_bytes = all->space[i].usable_bytes;
        out->is_cordoned = is_cordoned(all, all->broker->logdirs[i]);
    }
    request_reply(all->request, &response);
}

static void came_home(struct env *env, struct env_msg *msg)
{
    struct log_dirs *all = CONTAINER_OF(msg, struct log_dirs, msg);
    all->task = (struct env_task){.run = ask_disks_run, .done = answer};
    env_task_post(env, &all->task);
}

static void ask_disks(struct log_dirs *all)
{
    all->msg.run = came_home;
    env_post(all->request->shard->env, &all->msg);
}

void api_describe_log_dirs(struct request *request)
{
    if (!authorize(&request->ctx, ACL_DESCRIBE, ACL_CLUSTER, SLICE("kafka-cluster"))) {
        struct describe_log_dirs_response refusal = describe_log_dirs_response_init();
        refusal.error_code = ERR_CLUSTER_AUTHORIZATION_FAILED;
        request_reply(request, &refusal);
        return;
    }
    struct log_dirs *all = ARENA_NEW(&request->arena, struct log_dirs);
    all->msg.run = visit;
    all->request = request;
    all->broker = request->shard->broker;
    env_post(all->broker->shards[0]->env, &all->msg);
}
