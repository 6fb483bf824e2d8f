// SPDX-License-Identifier: Apache-2.0
// AlterReplicaLogDirs (KIP-113): a replica shall live in another log directory of this broker. The answer says that the
// move has begun (move_replica.h). Where a replica that is not here yet shall be made is remembered. Order of checks:
// ReplicaManager.alterReplicaLogDirs.
#include "proto/alter_replica_log_dirs.h"
#include <stdio.h>

#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/directories.h"
#include "broker/move_replica.h"
#include "broker/partition_ask.h"
#include "meta/image.h"

struct log_dir_wish {
    struct partition_ask ask;
    struct log_dir_wishes *all;
    struct logdir *dir;
    struct alter_replica_log_dirs_response_alter_replica_log_dir_partition_result *out;
};

struct log_dir_wishes {
    struct request *request;
    struct alter_replica_log_dirs_response response;
    int pending; // +1 while they are asked
};

static void count_down(struct log_dir_wishes *all)
{
    if (--all->pending == 0) request_reply(all->request, &all->response);
}

static void home(struct partition_ask *ask)
{
    count_down(CONTAINER_OF(ask, struct log_dir_wish, ask)->all);
}

static void look(struct partition_ask *ask, struct partition *partition)
{
    struct log_dir_wish *wish = CONTAINER_OF(ask, struct log_dir_wish, ask);
    enum err e = partition_check(partition, -1);
    if (e == ERR_NOT_LEADER_OR_FOLLOWER) e = ERR_REPLICA_NOT_AVAILABLE;
    // With a directory away there might be a copy in it already.
    bool is_elsewhere = e == OK && partition->dir != wish->dir;
    if (is_elsewhere && partition->move == NULL && directories_any_offline(partition->shard->broker))
        e = ERR_KAFKA_STORAGE_ERROR;
    if (e == OK) move_replica(partition, wish->dir);
    wish->out->error_code = err_to_wire(e);
    partition_ask_home(ask);
}

enum { DIR_NAME_MAX = 255, SUFFIX_SIZE = sizeof(".-future") - 1 + 32 };

static enum err check(struct request *request, const struct log_dir_wish *wish, struct slice name,
                      const struct image_topic *topic, int32_t index)
{
    char number[16];
    int digits = snprintf(number, sizeof(number), "-%d", index);
    if (name.size + (size_t)digits + SUFFIX_SIZE > DIR_NAME_MAX) return ERR_INVALID_TOPIC_EXCEPTION;
    if (wish->dir == NULL) return ERR_LOG_DIR_NOT_FOUND;
    if (logdir_is_offline(wish->dir)) return ERR_KAFKA_STORAGE_ERROR;
    if (directories_is_cordoned(request->shard, wish->dir)) return ERR_INVALID_REPLICA_ASSIGNMENT;
    if (topic != NULL && image_partition_at(topic, index) != NULL) return OK;
    directories_wish(request->shard, name, index, wish->dir);
    return ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static struct logdir *find_dir(const struct broker *broker, struct slice path, struct arena *arena)
{
    for (int i = 0; i < broker->logdir_count; i++)
        if (slice_eq(path, broker_dir_path(broker, broker->logdirs[i], arena))) return broker->logdirs[i];
    return NULL;
}

static void move_topic(struct log_dir_wishes *all, struct logdir *dir,
                       const struct alter_replica_log_dirs_request_alter_replica_log_dir_topic *in,
                       struct alter_replica_log_dirs_response_alter_replica_log_dir_topic_result *out)
{
    struct request *request = all->request;
    const struct image_topic *topic = image_topic_by_name(request->shard->image, in->name);
    struct log_dir_wish *wishes = ARENA_ARRAY(&request->arena, struct log_dir_wish, in->partitions.count);
    out->topic_name = in->name;
    out->partitions.count = in->partitions.count;
    out->partitions.items =
        ARENA_ARRAY(&request->arena, struct alter_replica_log_dirs_response_alter_replica_log_dir_partition_result,
                    in->partitions.count);
    for (int32_t i = 0; i < in->partitions.count; i++) {
        struct log_dir_wish *wish = &wishes[i];
        wish->all = all;
        wish->dir = dir;
        wish->out = &out->partitions.items[i];
        wish->out->partition_index = in->partitions.items[i];
        enum err e = check(request, wish, in->name, topic, wish->out->partition_index);
        wish->out->error_code = err_to_wire(e);
        if (e != OK) continue;
        wish->ask = (struct partition_ask){
            .topic_id = topic->id, .index = wish->out->partition_index, .look = look, .home = home};
        all->pending++;
        partition_ask(request->shard, &wish->ask);
    }
}

void api_alter_replica_log_dirs(struct request *request)
{
    const struct alter_replica_log_dirs_request *body = request->body;
    struct log_dir_wishes *all = ARENA_NEW(&request->arena, struct log_dir_wishes);
    *all =
        (struct log_dir_wishes){.request = request, .response = alter_replica_log_dirs_response_init(), .pending = 1};
    int32_t count = 0;
    for (int32_t i = 0; i < body->dirs.count; i++) count += body->dirs.items[i].topics.count;
    all->response.results.items =
        ARENA_ARRAY(&request->arena, struct alter_replica_log_dirs_response_alter_replica_log_dir_topic_result, count);
    bool is_allowed = authorize(&request->ctx, ACL_ALTER, ACL_CLUSTER, SLICE("kafka-cluster"));
    for (int32_t d = 0; d < body->dirs.count; d++) {
        const struct alter_replica_log_dirs_request_alter_replica_log_dir *dir = &body->dirs.items[d];
        struct logdir *to = find_dir(request->shard->broker, dir->path, &request->arena);
        for (int32_t t = 0; t < dir->topics.count && is_allowed; t++)
            move_topic(all, to, &dir->topics.items[t], &all->response.results.items[all->response.results.count++]);
    }
    count_down(all);
}
