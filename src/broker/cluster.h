// SPDX-License-Identifier: Apache-2.0
// What clients are told about the cluster, from the shard's image: brokers, leaders, endpoints by listener.
#ifndef ODRADEK_BROKER_CLUSTER_H
#define ODRADEK_BROKER_CLUSTER_H

#include "broker/request.h"
#include "meta/image.h"

struct fetch_response;
struct produce_response;

struct cluster_endpoint {
    struct slice host;
    int32_t port;
};

// Where clients of this request's listener reach a broker. False: it has no such listener.
bool cluster_endpoint(const struct request *request, const struct image_node *node, struct cluster_endpoint *out);
// Is the broker registered and not fenced?
bool cluster_is_alive(const struct image *image, int32_t broker_id);
// Replicas on brokers that are gone or fenced; in the request's arena.
struct image_ids cluster_offline_replicas(struct request *request, const struct image_partition *partition);
// Sets a response's field of ids, which borrows from the image: the answer is encoded before the image can go.
#define CLUSTER_SET_IDS(field, ids) ((field).items = (int32_t *)(uintptr_t)(ids).items, (field).count = (ids).count)
// The leader if it lives, else -1 (LEADER_NOT_AVAILABLE).
int32_t cluster_live_leader(const struct request *request, const struct image_partition *partition);
// The broker that clients should send controller requests to: this one.
int32_t cluster_controller(const struct request *request);
bool topic_is_internal(struct slice name);
// The bits of all operations on a resource, as Metadata and DescribeCluster report them to those who may do everything.
int32_t cluster_operations(enum acl_resource resource);

// KIP-951: with NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH clients are told the leader (Produce v10+, Fetch v16+).
void cluster_add_leader_hints(struct request *request, struct produce_response *response);
void cluster_add_fetch_hints(struct request *request, struct fetch_response *response);

#endif
