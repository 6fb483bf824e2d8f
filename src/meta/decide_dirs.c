// SPDX-License-Identifier: Apache-2.0
// AssignReplicasToDirs (KIP-858): the Directories field of a partition follows where its broker keeps the replica.
#include "meta/decide_int.h"
#include "meta/decide_partition.h"
#include "proto/assign_replicas_to_dirs.h"

static void assign(struct decide *decide, const struct image_partition *old, int32_t broker_id, struct uuid directory)
{
    if (uuid_eq(image_directory_of(old, broker_id), directory)) return;
    struct partition_change_record record = partition_change_record_init();
    record.topic_id = old->topic_id;
    record.partition_id = old->index;
    record.directories.count = old->replicas.count;
    record.directories.items = ARENA_ARRAY(decide->arena, struct uuid, old->replicas.count);
    for (int32_t i = 0; i < old->replicas.count; i++)
        record.directories.items[i] =
            old->replicas.items[i] == broker_id ? directory : image_directory_of(old, old->replicas.items[i]);
    METADATA_ADD(&decide->records, decide->arena, partition_change_record,
                 metadata_partition_version(image_metadata_version(decide->image)), &record);
}

static enum err assign_one(struct decide *decide, const struct image_node *broker, struct uuid directory,
                           const struct image_topic *topic, int32_t index)
{
    if (topic == NULL) return ERR_UNKNOWN_TOPIC_ID;
    const struct image_partition *partition = image_partition_at(topic, index);
    if (partition == NULL) return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!image_ids_contain(partition->replicas, broker->id)) return ERR_NOT_LEADER_OR_FOLLOWER;
    assign(decide, partition, broker->id, directory);
    if (!image_has_directory(broker, directory)) decide_lose_replica(decide, partition, broker->id);
    return OK;
}

enum err decide_assign_dirs(struct decide *decide, const struct assign_replicas_to_dirs_request *request,
                            struct assign_replicas_to_dirs_response *response)
{
    const struct image_node *broker = image_broker(decide->image, request->broker_id);
    if (image_metadata_version(decide->image) < 17) return ERR_UNSUPPORTED_VERSION;
    if (broker == NULL || broker->epoch != request->broker_epoch) return ERR_STALE_BROKER_EPOCH;
    response->directories.count = request->directories.count;
    response->directories.items =
        ARENA_ARRAY(decide->arena, struct assign_replicas_to_dirs_response_directory_data, request->directories.count);
    for (int32_t d = 0; d < request->directories.count; d++) {
        const struct assign_replicas_to_dirs_request_directory_data *in = &request->directories.items[d];
        struct assign_replicas_to_dirs_response_directory_data *out = &response->directories.items[d];
        out->id = in->id;
        out->topics.count = in->topics.count;
        out->topics.items =
            ARENA_ARRAY(decide->arena, struct assign_replicas_to_dirs_response_topic_data, in->topics.count);
        for (int32_t t = 0; t < in->topics.count; t++) {
            const struct image_topic *topic = image_topic_by_id(decide->image, in->topics.items[t].topic_id);
            int32_t count = in->topics.items[t].partitions.count;
            out->topics.items[t].topic_id = in->topics.items[t].topic_id;
            out->topics.items[t].partitions.count = count;
            out->topics.items[t].partitions.items =
                ARENA_ARRAY(decide->arena, struct assign_replicas_to_dirs_response_partition_data, count);
            for (int32_t i = 0; i < count; i++) {
                int32_t index = in->topics.items[t].partitions.items[i].partition_index;
                enum err e = assign_one(decide, broker, in->id, topic, index);
                out->topics.items[t].partitions.items[i] = (struct assign_replicas_to_dirs_response_partition_data){
                    .partition_index = index, .error_code = err_to_wire(e)};
            }
        }
    }
    return OK;
}
