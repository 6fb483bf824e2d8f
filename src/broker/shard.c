// SPDX-License-Identifier: Apache-2.0
#include "broker/shard.h"

#include "base/mem.h"
#include "broker/assignments.h"
#include "broker/broker_int.h"
#include "broker/checkpoints.h"
#include "broker/conn.h"
#include "broker/directories.h"
#include "broker/dynamic.h"
#include "broker/partition.h"
#include "broker/topics.h"

enum { SMALL_POOL_BYTES = 32 * 1024 * 1024, OPEN_FILES_MOST = 65536 };

// The other half of the descriptors is for connections.
static size_t open_files_most(const struct broker *broker)
{
    int64_t most = config_get_long(broker->config, "odradek.log.open.files.max");
    if (most == 0) most = broker->options.descriptor_limit / 2;
    if (most == 0 || most > OPEN_FILES_MOST) most = OPEN_FILES_MOST;
    return (size_t)(most / broker->options.env_count);
}

struct shard *shard_new(struct broker *broker, struct env *env)
{
    struct shard *shard = MEM_NEW(struct shard);
    int64_t budget = config_get_long(broker->config, "odradek.memory.request.bytes");
    shard->env = env;
    shard->broker = broker;
    shard->log = broker->log;
    env->user = shard;
    list_init(&shard->conns);
    list_init(&shard->dirty_conns);
    list_init(&shard->openings);
    list_init(&shard->producer_ids.waiting);
    fetch_sessions_init(&shard->fetch_sessions, env->shard, broker->options.env_count,
                        config_get_int(broker->config, "max.incremental.fetch.session.cache.slots"), broker->hash_seed);
    telemetry_init(&shard->telemetry, broker->hash_seed);
    quotas_init(&shard->quotas);
    list_init(&shard->coordinators);
    list_init(&shard->cleaner.rounds);
    list_init(&shard->cleaner.asking);
    assignments_init(shard);
    list_init(&shard->dir_wishes);
    admission_init(
        &shard->admission, env, SMALL_POOL_BYTES / broker->options.env_count,
        // A quarter for half-filled buffers and the gaps between them: the budget is of memory, not of bytes read.
        budget / 4 * 3 / broker->options.env_count);
    shard->image = image_new_empty();
    dynamic_refresh(shard);
    shard->open_files = open_files_new(env, open_files_most(broker));
    shard->checkpoints = checkpoint_set_new();
    return shard;
}

void shard_free(struct shard *shard)
{
    topics_free(shard);
    open_files_free(shard->open_files);
    assignments_deinit(shard);
    directories_forget_wishes(shard);
    fetch_sessions_deinit(&shard->fetch_sessions);
    telemetry_deinit(&shard->telemetry);
    quotas_deinit(&shard->quotas);
    image_unref(shard->image);
    checkpoint_set_free(shard->checkpoints);
    inbuf_free_all(shard);
    text_deinit(&shard->scratch);
    map_deinit(&shard->partitions);
    mem_free(shard);
}

struct shard *shard_of_partition(struct broker *broker, const uint8_t topic_id[16], int32_t index)
{
    if (broker->shard_count == 1) return broker->shards[0];
    // Neighbours go to different shards: topics are mostly wider than there are shards.
    uint64_t first = hash_bytes(broker->hash_seed, slice_of(topic_id, 16));
    return broker->shards[(first + (uint64_t)(uint32_t)index) % (uint64_t)broker->shard_count];
}
