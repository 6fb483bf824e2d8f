// SPDX-License-Identifier: Apache-2.0
// The active controller: decodes a request, lets meta/decide_* decide, appends the records, and answers once they are
// committed. An answer without records waits as well, for everything its decision was based on.
#include "base/bytes.h"
#include "base/mem.h"
#include "broker/controller_admin.h"
#include "broker/controller_int.h"
#include "meta/decide.h"
#include "proto/allocate_producer_ids.h"
#include "proto/alter_partition_reassignments.h"
#include "proto/assign_replicas_to_dirs.h"
#include "proto/broker_heartbeat.h"
#include "proto/broker_registration.h"
#include "proto/controller_registration.h"
#include "proto/create_partitions.h"
#include "proto/create_topics.h"
#include "proto/delete_topics.h"
#include "proto/describe_quorum.h"
#include "proto/elect_leaders.h"
#include "proto/list_partition_reassignments.h"
#include "proto/unregister_broker.h"

static void random_bytes(void *context, void *to, size_t size)
{
    env_random(context, to, size);
}

struct decide controller_decide(struct metadata *m, struct arena *arena)
{
    return (struct decide){
        .image = image_builder_newest(m->builder),
        .next_offset = m->raft.end_offset,
        .arena = arena,
        .settings = &m->settings,
        .random = random_bytes,
        .random_context = m->env,
    };
}

void controller_activate(struct metadata *m)
{
    struct arena arena = {0};
    struct decide d = controller_decide(m, &arena);
    if (image_builder_in_transaction(m->builder)) decide_abort_transaction(&d, "the controller that began it is gone");
    if (m->is_log_empty) {
        decide_bootstrap(&d, m->bootstrap, m->bootstrap_count);
        for (int32_t i = 0; i < m->bootstrap_scram_count; i++)
            metadata_records_add_value(&d.records, m->bootstrap_scram[i], &arena);
        m->is_log_empty = false;
    }
    metadata_append(m, &d.records);
    arena_deinit(&arena);
    if (m->life == METADATA_ELECTING) controller_register(m);
}

// ---- requests ---------------------------------------------------------------------------------------------------

union body {
    union controller_admin_body admin;
    struct create_topics_request create_topics;
    struct delete_topics_request delete_topics;
    struct create_partitions_request create_partitions;
    struct allocate_producer_ids_request producer_ids;
    struct broker_registration_request broker;
    struct broker_heartbeat_request heartbeat;
    struct controller_registration_request controller;
    struct elect_leaders_request elect_leaders;
    struct alter_partition_reassignments_request alter_reassignments;
    struct list_partition_reassignments_request list_reassignments;
    struct unregister_broker_request unregister;
    struct describe_quorum_request quorum;
    struct assign_replicas_to_dirs_request assign_dirs;
};

union answer {
    union controller_admin_answer admin;
    struct create_topics_response create_topics;
    struct delete_topics_response delete_topics;
    struct create_partitions_response create_partitions;
    struct allocate_producer_ids_response producer_ids;
    struct broker_registration_response broker;
    struct broker_heartbeat_response heartbeat;
    struct controller_registration_response controller;
    struct elect_leaders_response elect_leaders;
    struct alter_partition_reassignments_response alter_reassignments;
    struct list_partition_reassignments_response list_reassignments;
    struct unregister_broker_response unregister;
    struct describe_quorum_response quorum;
    struct assign_replicas_to_dirs_response assign_dirs;
};

static enum err decide(struct metadata *m, struct decide *d, int16_t api_key, union body *body, union answer *answer,
                       const struct controller_principal *principal)
{
    switch (api_key) {
    case CREATE_TOPICS_REQUEST_KEY:
        if (principal->is_automatic) controller_complete_topics(m, d->arena, &body->create_topics);
        return decide_create_topics(d, &body->create_topics, &answer->create_topics);
    case DELETE_TOPICS_REQUEST_KEY: return decide_delete_topics(d, &body->delete_topics, &answer->delete_topics);
    case CREATE_PARTITIONS_REQUEST_KEY:
        return decide_create_partitions(d, &body->create_partitions, &answer->create_partitions);
    case ALLOCATE_PRODUCER_IDS_REQUEST_KEY: {
        enum err e = decide_producer_ids(d, &body->producer_ids, &answer->producer_ids);
        answer->producer_ids.error_code = err_to_wire(e);
        return OK;
    }
    case BROKER_REGISTRATION_REQUEST_KEY: {
        // Sessions of other brokers come with the cluster; this node's former process is gone, it held the directory's
        // lock.
        enum err e = decide_register_broker(d, &body->broker, false, &answer->broker.broker_epoch);
        answer->broker.error_code = err_to_wire(e);
        return OK;
    }
    case BROKER_HEARTBEAT_REQUEST_KEY: {
        enum err e = decide_heartbeat(d, &body->heartbeat, m->raft.high_watermark - 1, &answer->heartbeat);
        answer->heartbeat.error_code = err_to_wire(e);
        return OK;
    }
    case ASSIGN_REPLICAS_TO_DIRS_REQUEST_KEY: {
        enum err e = decide_assign_dirs(d, &body->assign_dirs, &answer->assign_dirs);
        answer->assign_dirs.error_code = err_to_wire(e);
        return OK;
    }
    case CONTROLLER_REGISTRATION_REQUEST_KEY: {
        enum err e = decide_register_controller(d, &body->controller);
        answer->controller.error_code = err_to_wire(e);
        return OK;
    }
    case ELECT_LEADERS_REQUEST_KEY: return decide_elect_leaders(d, &body->elect_leaders, &answer->elect_leaders);
    case ALTER_PARTITION_REASSIGNMENTS_REQUEST_KEY:
        return decide_alter_reassignments(d, &body->alter_reassignments, &answer->alter_reassignments);
    case LIST_PARTITION_REASSIGNMENTS_REQUEST_KEY:
        return decide_list_reassignments(d, &body->list_reassignments, &answer->list_reassignments);
    case UNREGISTER_BROKER_REQUEST_KEY: return decide_unregister_broker(d, &body->unregister, &answer->unregister);
    case DESCRIBE_QUORUM_REQUEST_KEY:
        controller_describe_quorum(m, d->arena, &body->quorum, &answer->quorum);
        return OK;
    default: return controller_admin_decide(m, d, api_key, &body->admin, &answer->admin);
    }
}

static bool is_served(int16_t api_key)
{
    static const int16_t keys[] = {CREATE_TOPICS_REQUEST_KEY,
                                   DELETE_TOPICS_REQUEST_KEY,
                                   CREATE_PARTITIONS_REQUEST_KEY,
                                   ALLOCATE_PRODUCER_IDS_REQUEST_KEY,
                                   BROKER_REGISTRATION_REQUEST_KEY,
                                   BROKER_HEARTBEAT_REQUEST_KEY,
                                   CONTROLLER_REGISTRATION_REQUEST_KEY,
                                   ELECT_LEADERS_REQUEST_KEY,
                                   ALTER_PARTITION_REASSIGNMENTS_REQUEST_KEY,
                                   LIST_PARTITION_REASSIGNMENTS_REQUEST_KEY,
                                   UNREGISTER_BROKER_REQUEST_KEY,
                                   DESCRIBE_QUORUM_REQUEST_KEY,
                                   ASSIGN_REPLICAS_TO_DIRS_REQUEST_KEY};
    for (size_t i = 0; i < COUNT_OF(keys); i++)
        if (keys[i] == api_key) return true;
    return controller_admin_serves(api_key);
}

static enum err handle(struct metadata *m, int16_t api_key, int16_t version, struct slice encoded,
                       const struct controller_principal *principal, struct text *response)
{
    if (!m->is_leading || m->life == METADATA_FAILED || m->life == METADATA_CLOSED) return ERR_NOT_CONTROLLER;
    const struct wire_api *api = wire_api_find(api_key);
    if (api == NULL || !is_served(api_key)) return ERR_UNSUPPORTED_VERSION;
    struct arena arena = {0};
    union body body;
    union answer answer;
    enum err e = wire_decode(api->request, version, encoded, &arena, &body, NULL);
    if (e != OK) {
        arena_deinit(&arena);
        return e == ERR_UNSUPPORTED_VERSION ? e : ERR_INVALID_REQUEST;
    }
    wire_init(api->response, &answer);
    struct decide d = controller_decide(m, &arena);
    struct controller_charge charge = {0};
    controller_charge(m, &d, api_key, version, principal, &charge);
    e = decide(m, &d, api_key, &body, &answer, principal);
    if (api_key == DESCRIBE_QUORUM_REQUEST_KEY && version < 2) controller_quorum_forget_nodes(&answer.quorum);
    struct slice bytes = SLICE_NULL;
    if (e == OK) e = wire_encode_bytes(api->response, version, &answer, &arena, &bytes);
    if (e == OK) {
        text_add(response, bytes);
        if (charge.throttle_ms > 0) store_i32(response->data, charge.throttle_ms); // their answers begin with it
        metadata_append(m, &d.records);
        if (m->life == METADATA_FAILED) e = ERR_NOT_CONTROLLER;
    }
    arena_deinit(&arena);
    return e;
}

void controller_request(struct metadata *m, int16_t api_key, int16_t version, struct slice body,
                        const struct controller_principal *principal, controller_done *done, void *context)
{
    struct metadata_waiter *w = MEM_NEW(struct metadata_waiter);
    w->done = done;
    w->context = context;
    w->result = handle(m, api_key, version, body, principal, &w->response);
    // A refusal depends on nothing that could still be lost.
    w->end_offset = w->result == OK ? m->raft.end_offset : 0;
    metadata_wait(m, w);
}
