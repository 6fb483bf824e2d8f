// SPDX-License-Identifier: Apache-2.0
// Metadata: the brokers, and topics with their partitions' leaders. A topic that does not exist is created when the
// client allows it and auto.create.topics.enable says so; the answer still says UNKNOWN_TOPIC_OR_PARTITION, and clients
// ask again.
#include <stdlib.h>

#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/cluster.h"
#include "broker/forward.h"
#include "meta/decide.h"
#include "proto/apis.h"
#include "proto/create_topics.h"
#include "proto/metadata.h"

enum { CREATE_TIMEOUT_MS = 30000, CREATE_VERSION = 7 };

static void list_brokers(struct request *request, struct metadata_response *response)
{
    const struct image *image = request->shard->image;
    response->brokers.items =
        ARENA_ARRAY(&request->arena, struct metadata_response_metadata_response_broker, image->brokers.count);
    struct pmap_iter it = pmap_iter(&image->brokers);
    for (const struct image_node *node; (node = image_next_node(&it)) != NULL;) {
        struct cluster_endpoint endpoint;
        if (node->is_fenced || !cluster_endpoint(request, node, &endpoint)) continue;
        struct metadata_response_metadata_response_broker *out = &response->brokers.items[response->brokers.count++];
        out->node_id = node->id;
        out->host = endpoint.host;
        out->port = endpoint.port;
        out->rack = node->rack;
    }
}

static void describe_partition(struct request *request, const struct image_partition *partition,
                               struct metadata_response_metadata_response_partition *out)
{
    struct image_ids offline = cluster_offline_replicas(request, partition);
    *out = metadata_response_metadata_response_partition_init();
    out->partition_index = partition->index;
    out->leader_id = cluster_live_leader(request, partition);
    out->error_code = out->leader_id < 0 ? ERR_LEADER_NOT_AVAILABLE : OK;
    out->leader_epoch = partition->leader_epoch;
    CLUSTER_SET_IDS(out->replica_nodes, partition->replicas);
    CLUSTER_SET_IDS(out->isr_nodes, partition->isr);
    CLUSTER_SET_IDS(out->offline_replicas, offline);
}

static void describe_topic(struct request *request, const struct image_topic *topic,
                           struct metadata_response_metadata_response_topic *out)
{
    const struct metadata_request *body = request->body;
    int32_t count = image_topic_partition_count(topic);
    *out = metadata_response_metadata_response_topic_init();
    out->name = topic->name;
    out->topic_id = topic->id;
    out->is_internal = topic_is_internal(topic->name);
    if (body->include_topic_authorized_operations) out->topic_authorized_operations = cluster_operations(ACL_TOPIC);
    out->partitions.items = ARENA_ARRAY(&request->arena, struct metadata_response_metadata_response_partition, count);
    for (int32_t index = 0; index < count; index++) {
        const struct image_partition *partition = image_partition_at(topic, index);
        if (partition != NULL) describe_partition(request, partition, &out->partitions.items[out->partitions.count++]);
    }
}

static int by_name(const void *a, const void *b)
{
    const struct metadata_response_metadata_response_topic *x = a;
    const struct metadata_response_metadata_response_topic *y = b;
    return slice_cmp(x->name, y->name);
}

static void list_all(struct request *request, struct metadata_response *response)
{
    const struct image *image = request->shard->image;
    response->topics.items =
        ARENA_ARRAY(&request->arena, struct metadata_response_metadata_response_topic, image->topics.count);
    struct pmap_iter it = pmap_iter(&image->topics);
    for (const struct image_topic *topic; (topic = image_next_topic(&it)) != NULL;)
        describe_topic(request, topic, &response->topics.items[response->topics.count++]);
    qsort(response->topics.items, (size_t)response->topics.count, sizeof(*response->topics.items), by_name);
}

static void created(struct shard *shard, void *context, enum err result, struct slice answer)
{
    (void)context;
    (void)answer; // a topic that could not be made is still unknown when the client asks again
    if (result != OK) log_warn(shard->log, "broker", "automatic topic creation: %s", err_text(result));
}

static void create(struct request *request, const struct slice *names, int32_t count)
{
    struct create_topics_request body = create_topics_request_init();
    body.timeout_ms = CREATE_TIMEOUT_MS;
    body.topics.items = ARENA_ARRAY(&request->arena, struct create_topics_request_creatable_topic, count);
    body.topics.count = count;
    for (int32_t i = 0; i < count; i++) {
        body.topics.items[i] = create_topics_request_creatable_topic_init();
        body.topics.items[i].name = names[i];
        body.topics.items[i].num_partitions = -1;
        body.topics.items[i].replication_factor = -1;
    }
    struct slice bytes;
    enum err e = wire_encode_bytes(&create_topics_request_message, CREATE_VERSION, &body, &request->arena, &bytes);
    ASSERT(e == OK);
    forward_call(request->shard, API_CREATE_TOPICS, CREATE_VERSION, bytes, true, created, NULL);
}

static enum err why_missing(struct request *request, const struct metadata_request_metadata_request_topic *in)
{
    if (!uuid_is_zero(in->topic_id)) return ERR_UNKNOWN_TOPIC_ID;
    return topic_name_problem(in->name, &request->arena) == NULL ? ERR_UNKNOWN_TOPIC_OR_PARTITION
                                                                 : ERR_INVALID_TOPIC_EXCEPTION;
}

static void list_named(struct request *request, struct metadata_response *response)
{
    const struct metadata_request *body = request->body;
    const struct image *image = request->shard->image;
    struct slice *to_create = ARENA_ARRAY(&request->arena, struct slice, body->topics.count);
    int32_t create_count = 0;
    bool may_create =
        (request->version < 4 || body->allow_auto_topic_creation) && request->shard->broker->creates_topics;
    response->topics.count = body->topics.count;
    response->topics.items =
        ARENA_ARRAY(&request->arena, struct metadata_response_metadata_response_topic, body->topics.count);
    for (int32_t i = 0; i < body->topics.count; i++) {
        const struct metadata_request_metadata_request_topic *in = &body->topics.items[i];
        const struct image_topic *topic =
            uuid_is_zero(in->topic_id) ? image_topic_by_name(image, in->name) : image_topic_by_id(image, in->topic_id);
        if (topic != NULL) {
            describe_topic(request, topic, &response->topics.items[i]);
            continue;
        }
        struct metadata_response_metadata_response_topic *out = &response->topics.items[i];
        *out = metadata_response_metadata_response_topic_init();
        out->name = in->name;
        out->topic_id = in->topic_id;
        enum err why = why_missing(request, in);
        out->error_code = err_to_wire(why);
        out->is_internal = topic_is_internal(in->name);
        if (why == ERR_UNKNOWN_TOPIC_OR_PARTITION && may_create) to_create[create_count++] = in->name;
    }
    if (create_count > 0) create(request, to_create, create_count);
}

// Ids without names are for v12 and above; earlier ones promise a name.
static bool names_are_missing(const struct request *request)
{
    const struct metadata_request *body = request->body;
    for (int32_t i = 0; i < body->topics.count; i++) {
        bool has_name = !slice_is_null(body->topics.items[i].name);
        if (!has_name && (request->version < 12 || uuid_is_zero(body->topics.items[i].topic_id))) return true;
        if (request->version < 12 && !uuid_is_zero(body->topics.items[i].topic_id)) return true;
    }
    return false;
}

void api_metadata(struct request *request)
{
    const struct metadata_request *body = request->body;
    struct metadata_response response = metadata_response_init();
    if (names_are_missing(request)) {
        request_disconnect(request, "a Metadata request names a topic by id below version 12, or not at all");
        return;
    }
    list_brokers(request, &response);
    response.cluster_id = slice_str(request->shard->broker->cluster_id);
    response.controller_id = cluster_controller(request);
    bool wants_all = body->topics.count < 0 || (request->version == 0 && body->topics.count == 0);
    if (wants_all)
        list_all(request, &response);
    else
        list_named(request, &response);
    if (body->include_cluster_authorized_operations)
        response.cluster_authorized_operations = cluster_operations(ACL_CLUSTER);
    request_reply(request, &response);
}
