// SPDX-License-Identifier: Apache-2.0
// DescribeCluster (KIP-700, KIP-919, KIP-1073): the brokers of the cluster and where this listener's clients reach
// them.
#include "proto/describe_cluster.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"

enum { ENDPOINTS_OF_BROKERS = 1, ENDPOINTS_OF_CONTROLLERS = 2 };

static void list_brokers(struct request *request, struct describe_cluster_response *response)
{
    const struct describe_cluster_request *body = request->body;
    const struct image *image = request->shard->image;
    response->brokers.items =
        ARENA_ARRAY(&request->arena, struct describe_cluster_response_describe_cluster_broker, image->brokers.count);
    struct pmap_iter it = pmap_iter(&image->brokers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;) {
        struct cluster_endpoint endpoint;
        if (node->is_fenced && !body->include_fenced_brokers) continue;
        if (!cluster_endpoint(request, node, &endpoint)) continue;
        struct describe_cluster_response_describe_cluster_broker *out =
            &response->brokers.items[response->brokers.count++];
        out->broker_id = node->id;
        out->host = endpoint.host;
        out->port = endpoint.port;
        out->rack = node->rack;
        out->is_fenced = node->is_fenced;
    }
}

static void refuse(struct request *request, int8_t endpoint_type)
{
    struct describe_cluster_response response = describe_cluster_response_init();
    response.error_code = ERR_MISMATCHED_ENDPOINT_TYPE;
    response.error_message =
        SLICE("The request was sent to an endpoint of type BROKER, but we wanted an endpoint of type CONTROLLER");
    if (endpoint_type != ENDPOINTS_OF_CONTROLLERS) {
        response.error_code = ERR_UNSUPPORTED_ENDPOINT_TYPE;
        response.error_message =
            slice_str(arena_printf(&request->arena, "Unsupported endpoint type %d", endpoint_type));
    }
    request_reply(request, &response);
}

void api_describe_cluster(struct request *request)
{
    const struct describe_cluster_request *body = request->body;
    if (body->endpoint_type != ENDPOINTS_OF_BROKERS) {
        refuse(request, body->endpoint_type);
        return;
    }
    struct describe_cluster_response response = describe_cluster_response_init();
    response.cluster_id = slice_str(request->shard->broker->cluster_id);
    response.controller_id = cluster_controller(request);
    list_brokers(request, &response);
    if (body->include_cluster_authorized_operations)
        response.cluster_authorized_operations = cluster_operations(ACL_CLUSTER);
    request_reply(request, &response);
}
