// SPDX-License-Identifier: Apache-2.0
// FindCoordinator: the leader of the partition a key falls into (kafka-internals E1). A topic that does not exist yet
// is made, and the client asks again. Versions below 4 ask for one key.
#include "proto/find_coordinator.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"
#include "broker/coordinators.h"

enum { KEY_GROUP = 0, KEY_TRANSACTION = 1, KEY_SHARE = 2, BATCHED_SINCE = 4, SHARE_SINCE = 6 };

struct place {
    enum err error;
    const char *explanation; // NULL = none; versions below 4 always have one
    int32_t node_id;
    struct slice host;
    int32_t port;
};

static struct place nowhere(enum err why)
{
    return (struct place){.error = why, .node_id = -1, .host = SLICE(""), .port = -1};
}

static struct place refused(const char *explanation)
{
    struct place place = nowhere(ERR_INVALID_REQUEST);
    place.explanation = explanation;
    return place;
}

static struct place find_leader(struct request *request, const struct image_topic *topic, struct slice key)
{
    int32_t index = coord_partition_of(key, image_topic_partition_count(topic));
    const struct image_partition *partition = image_partition_at(topic, index);
    int32_t leader = partition == NULL ? -1 : cluster_live_leader(request, partition);
    const struct image_node *node = leader < 0 ? NULL : image_broker(request->shard->image, leader);
    struct cluster_endpoint endpoint;
    if (node == NULL || !cluster_endpoint(request, node, &endpoint)) return nowhere(ERR_COORDINATOR_NOT_AVAILABLE);
    return (struct place){.node_id = leader, .host = endpoint.host, .port = endpoint.port};
}

static struct place find(struct request *request, int8_t key_type, struct slice key)
{
    const struct request_ctx *ctx = &request->ctx;
    if (key_type == KEY_GROUP && !authorize(ctx, ACL_DESCRIBE, ACL_GROUP, key))
        return nowhere(ERR_GROUP_AUTHORIZATION_FAILED);
    if (key_type == KEY_TRANSACTION && !authorize(ctx, ACL_DESCRIBE, ACL_TRANSACTIONAL_ID, key))
        return nowhere(ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    if (key_type == KEY_SHARE && request->version < SHARE_SINCE) return nowhere(ERR_INVALID_REQUEST);
    if (key_type == KEY_SHARE && !authorize(ctx, ACL_CLUSTER_ACTION, ACL_CLUSTER, SLICE("kafka-cluster")))
        return nowhere(ERR_CLUSTER_AUTHORIZATION_FAILED);
    if (key_type < KEY_GROUP || key_type > KEY_SHARE) return refused(err_text(ERR_INVALID_REQUEST));
    // Not "not available": clients would ask again until their time is up, and then know no more than before.
    if (key_type == KEY_TRANSACTION) return refused("Transactions are not served by this build of Odradek.");
    if (key_type == KEY_SHARE) return refused("Share groups are not served by this build of Odradek.");
    const struct image_topic *topic = coordinator_topic(request->shard->image, COORDINATOR_GROUP);
    if (topic != NULL) return find_leader(request, topic, key);
    coordinator_create_topic(request->shard, COORDINATOR_GROUP);
    return nowhere(ERR_COORDINATOR_NOT_AVAILABLE);
}

static void find_one(struct request *request, const struct find_coordinator_request *body,
                     struct find_coordinator_response *response)
{
    struct place place = find(request, body->key_type, body->key);
    response->error_code = err_to_wire(place.error);
    const char *text = place.explanation != NULL ? place.explanation : err_text(place.error);
    response->error_message = place.error == OK ? SLICE("NONE") : slice_str(text);
    response->node_id = place.node_id;
    response->host = place.host;
    response->port = place.port;
}

static void find_all(struct request *request, const struct find_coordinator_request *body,
                     struct find_coordinator_response *response)
{
    int32_t count = body->coordinator_keys.count;
    response->coordinators.count = count;
    response->coordinators.items = ARENA_ARRAY(&request->arena, struct find_coordinator_response_coordinator, count);
    for (int32_t i = 0; i < count; i++) {
        struct slice key = body->coordinator_keys.items[i];
        struct place place = find(request, body->key_type, key);
        struct find_coordinator_response_coordinator *out = &response->coordinators.items[i];
        *out = find_coordinator_response_coordinator_init();
        out->key = key;
        out->error_code = err_to_wire(place.error);
        if (place.explanation != NULL) out->error_message = slice_str(place.explanation);
        out->node_id = place.node_id;
        out->host = place.host;
        out->port = place.port;
    }
}

void api_find_coordinator(struct request *request)
{
    const struct find_coordinator_request *body = request->body;
    struct find_coordinator_response response = find_coordinator_response_init();
    if (request->version < BATCHED_SINCE)
        find_one(request, body, &response);
    else
        find_all(request, body, &response);
    request_reply(request, &response);
}
