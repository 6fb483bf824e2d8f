// SPDX-License-Identifier: Apache-2.0
// DescribeQuorum: what the leader of the metadata log knows of voters and observers (KIP-595, KIP-836, KIP-853).
#include "broker/controller_int.h"
#include "proto/describe_quorum.h"

enum { METADATA_PARTITION = 0 };

static const char metadata_topic[] = "__cluster_metadata";

static void list_voters(struct metadata *m, struct arena *arena, struct describe_quorum_response_partition_data *out)
{
    int64_t now_ms = env_wall_ms(m->env);
    out->current_voters.items = ARENA_ARRAY(arena, struct describe_quorum_response_replica_state, m->raft.voters.count);
    for (int32_t i = 0; i < m->raft.voters.count; i++) {
        struct describe_quorum_response_replica_state *voter = &out->current_voters.items[out->current_voters.count++];
        bool is_self = m->raft.voters.items[i].id == m->node_id;
        *voter = describe_quorum_response_replica_state_init();
        voter->replica_id = m->raft.voters.items[i].id;
        voter->replica_directory_id = m->raft.voters.items[i].directory_id;
        voter->log_end_offset = is_self ? m->raft.end_offset : m->raft.peers[i].end_offset;
        if (is_self) voter->last_fetch_timestamp = voter->last_caught_up_timestamp = now_ms;
    }
}

// Where the voters are reached: under a dynamic quorum their own record says so.
static void list_nodes(struct metadata *m, struct arena *arena, struct describe_quorum_response *response)
{
    const struct voters_record *record = m->quorum.has_voters ? &m->quorum.voters_record : NULL;
    int32_t count = record == NULL ? 1 : record->voters.count;
    response->nodes.items = ARENA_ARRAY(arena, struct describe_quorum_response_node, count);
    for (int32_t i = 0; i < count; i++) {
        struct describe_quorum_response_node *node = &response->nodes.items[response->nodes.count++];
        int32_t endpoint_count =
            record == NULL ? m->options.controller_endpoint_count : record->voters.items[i].endpoints.count;
        node->node_id = record == NULL ? m->node_id : record->voters.items[i].voter_id;
        node->listeners.count = endpoint_count;
        node->listeners.items = ARENA_ARRAY(arena, struct describe_quorum_response_listener, endpoint_count);
        for (int32_t k = 0; k < endpoint_count; k++) {
            struct describe_quorum_response_listener *out = &node->listeners.items[k];
            if (record == NULL) {
                const struct image_endpoint *endpoint = &m->options.controller_endpoints[k];
                *out = (struct describe_quorum_response_listener){
                    .name = endpoint->name, .host = endpoint->host, .port = endpoint->port};
            } else {
                const struct voters_record_endpoint *endpoint = &record->voters.items[i].endpoints.items[k];
                *out = (struct describe_quorum_response_listener){
                    .name = endpoint->name, .host = endpoint->host, .port = endpoint->port};
            }
        }
    }
}

void controller_quorum_forget_nodes(struct describe_quorum_response *response)
{
    response->nodes.count = 0;
    for (int32_t t = 0; t < response->topics.count; t++)
        for (int32_t p = 0; p < response->topics.items[t].partitions.count; p++) {
            struct describe_quorum_response_partition_data *log = &response->topics.items[t].partitions.items[p];
            for (int32_t i = 0; i < log->current_voters.count; i++)
                log->current_voters.items[i].replica_directory_id = (struct uuid){0};
        }
}

static bool is_metadata_log(const struct describe_quorum_request *request)
{
    return request->topics.count == 1 && slice_eq_str(request->topics.items[0].topic_name, metadata_topic) &&
           request->topics.items[0].partitions.count == 1 &&
           request->topics.items[0].partitions.items[0].partition_index == METADATA_PARTITION;
}

static void refuse(struct describe_quorum_response_partition_data *out)
{
    out->error_code = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    out->error_message = slice_str(err_text(ERR_UNKNOWN_TOPIC_OR_PARTITION));
}

void controller_describe_quorum(struct metadata *m, struct arena *arena, const struct describe_quorum_request *request,
                                struct describe_quorum_response *response)
{
    bool is_valid = is_metadata_log(request);
    response->topics.count = request->topics.count;
    response->topics.items = ARENA_ARRAY(arena, struct describe_quorum_response_topic_data, request->topics.count);
    for (int32_t t = 0; t < request->topics.count; t++) {
        const struct describe_quorum_request_topic_data *in = &request->topics.items[t];
        struct describe_quorum_response_topic_data *out = &response->topics.items[t];
        out->topic_name = in->topic_name;
        out->partitions.count = in->partitions.count;
        out->partitions.items =
            ARENA_ARRAY(arena, struct describe_quorum_response_partition_data, in->partitions.count);
        for (int32_t i = 0; i < in->partitions.count; i++) {
            out->partitions.items[i] = describe_quorum_response_partition_data_init();
            out->partitions.items[i].partition_index = in->partitions.items[i].partition_index;
            if (!is_valid) refuse(&out->partitions.items[i]);
        }
    }
    if (!is_valid) return;
    struct describe_quorum_response_partition_data *log = &response->topics.items[0].partitions.items[0];
    log->leader_id = m->node_id;
    log->leader_epoch = m->raft.saved.epoch;
    log->high_watermark = m->raft.high_watermark;
    list_voters(m, arena, log);
    list_nodes(m, arena, response);
}
