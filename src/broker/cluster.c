// SPDX-License-Identifier: Apache-2.0
#include "broker/cluster.h"

#include "broker/broker_int.h"
#include "broker/conn.h"
#include "proto/fetch.h"
#include "proto/produce.h"

bool cluster_endpoint(const struct request *request, const struct image_node *node, struct cluster_endpoint *out)
{
    const struct image_endpoint *endpoint = image_endpoint(node, slice_str(request->ctx.listener));
    if (endpoint == NULL) return false;
    *out = (struct cluster_endpoint){.host = endpoint->host, .port = endpoint->port};
    return true;
}

bool cluster_is_alive(const struct image *image, int32_t broker_id)
{
    const struct image_node *node = image_broker(image, broker_id);
    return node != NULL && !node->is_fenced;
}

struct image_ids cluster_offline_replicas(struct request *request, const struct image_partition *partition)
{
    int32_t *offline = ARENA_ARRAY(&request->arena, int32_t, partition->replicas.count);
    struct image_ids ids = {.items = offline};
    for (int32_t i = 0; i < partition->replicas.count; i++)
        if (!cluster_is_alive(request->shard->image, partition->replicas.items[i]) ||
            !image_has_directory(image_broker(request->shard->image, partition->replicas.items[i]),
                                 image_directory_of(partition, partition->replicas.items[i])))
            offline[ids.count++] = partition->replicas.items[i];
    return ids;
}

int32_t cluster_live_leader(const struct request *request, const struct image_partition *partition)
{
    bool lives = partition->leader >= 0 && cluster_is_alive(request->shard->image, partition->leader);
    return lives ? partition->leader : -1;
}

// Controllers take no client connections of their own, so a broker stands in for them, as in Kafka.
int32_t cluster_controller(const struct request *request)
{
    return request->shard->broker->node_id;
}

bool topic_is_internal(struct slice name)
{
    return slice_eq_str(name, "__consumer_offsets") || slice_eq_str(name, "__transaction_state") ||
           slice_eq_str(name, "__share_group_state");
}

int32_t cluster_operations(enum acl_resource resource)
{
    static const enum acl_operation of_topic[] = {ACL_READ,  ACL_WRITE,    ACL_CREATE,           ACL_DELETE,
                                                  ACL_ALTER, ACL_DESCRIBE, ACL_DESCRIBE_CONFIGS, ACL_ALTER_CONFIGS};
    static const enum acl_operation of_cluster[] = {
        ACL_CREATE,           ACL_ALTER,         ACL_DESCRIBE,        ACL_CLUSTER_ACTION,
        ACL_DESCRIBE_CONFIGS, ACL_ALTER_CONFIGS, ACL_IDEMPOTENT_WRITE};
    static const enum acl_operation of_group[] = {ACL_READ, ACL_DELETE, ACL_DESCRIBE, ACL_DESCRIBE_CONFIGS,
                                                  ACL_ALTER_CONFIGS};
    const enum acl_operation *operations = resource == ACL_TOPIC   ? of_topic
                                           : resource == ACL_GROUP ? of_group
                                                                   : of_cluster;
    size_t count = resource == ACL_TOPIC   ? COUNT_OF(of_topic)
                   : resource == ACL_GROUP ? COUNT_OF(of_group)
                                           : COUNT_OF(of_cluster);
    int32_t bits = 0;
    for (size_t i = 0; i < count; i++) bits |= 1 << operations[i];
    return bits;
}

// ---- KIP-951 ---------------------------------------------------------------------------------------------------

static bool needs_hint(int16_t error_code)
{
    return error_code == ERR_NOT_LEADER_OR_FOLLOWER || error_code == ERR_FENCED_LEADER_EPOCH;
}

static const struct image_partition *find(const struct request *request, bool by_id, struct slice name, struct uuid id,
                                          int32_t index)
{
    const struct image *image = request->shard->image;
    const struct image_topic *topic = by_id ? image_topic_by_id(image, id) : image_topic_by_name(image, name);
    return topic == NULL ? NULL : image_partition_at(topic, index);
}

// Both responses have the same shape under different names; `member` is produce_response's or fetch_response's.
#define ADD_NODE_ENDPOINT(request, endpoints, type, id)                                                                \
    do {                                                                                                               \
        const struct image_node *node = image_broker((request)->shard->image, (id));                                   \
        struct cluster_endpoint at;                                                                                    \
        if (node == NULL || (endpoints).count > 0 || !cluster_endpoint((request), node, &at)) break;                   \
        (endpoints).items = ARENA_NEW(&(request)->arena, type);                                                        \
        (endpoints).count = 1;                                                                                         \
        (endpoints).items[0].node_id = (id);                                                                           \
        (endpoints).items[0].host = at.host;                                                                           \
        (endpoints).items[0].port = at.port;                                                                           \
        (endpoints).items[0].rack = node->rack;                                                                        \
    } while (0)

void cluster_add_leader_hints(struct request *request, struct produce_response *response)
{
    if (request->version < 10) return;
    for (int32_t t = 0; t < response->responses.count; t++) {
        const struct produce_response_topic_produce_response *topic = &response->responses.items[t];
        for (int32_t p = 0; p < topic->partition_responses.count; p++) {
            struct produce_response_partition_produce_response *out = &topic->partition_responses.items[p];
            if (!needs_hint(out->error_code)) continue;
            const struct image_partition *partition =
                find(request, request->version >= 13, topic->name, topic->topic_id, out->index);
            if (partition == NULL) continue;
            out->current_leader.leader_id = partition->leader;
            out->current_leader.leader_epoch = partition->leader_epoch;
            ADD_NODE_ENDPOINT(request, response->node_endpoints, struct produce_response_node_endpoint,
                              partition->leader);
        }
    }
}

void cluster_add_fetch_hints(struct request *request, struct fetch_response *response)
{
    if (request->version < 16) return;
    for (int32_t t = 0; t < response->responses.count; t++) {
        const struct fetch_response_fetchable_topic_response *topic = &response->responses.items[t];
        for (int32_t p = 0; p < topic->partitions.count; p++) {
            struct fetch_response_partition_data *out = &topic->partitions.items[p];
            if (!needs_hint(out->error_code)) continue;
            const struct image_partition *partition =
                find(request, true, topic->topic, topic->topic_id, out->partition_index);
            if (partition == NULL) continue;
            out->current_leader.leader_id = partition->leader;
            out->current_leader.leader_epoch = partition->leader_epoch;
            ADD_NODE_ENDPOINT(request, response->node_endpoints, struct fetch_response_node_endpoint,
                              partition->leader);
        }
    }
}
