// SPDX-License-Identifier: Apache-2.0
// InitProducerId for idempotent producers (kafka-internals E7, first row): a new id, epoch 0. Ids come in blocks from
// the controller; each shard keeps a block of its own, so nearly every answer needs no one else.
#include "proto/init_producer_id.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/forward.h"
#include "proto/allocate_producer_ids.h"
#include "proto/apis.h"

enum { ALLOCATE_VERSION = 0 };

static void reply(struct request *request, enum err error, int64_t producer_id)
{
    struct init_producer_id_response response = init_producer_id_response_init();
    response.error_code = err_to_wire(error);
    response.producer_id = producer_id;
    response.producer_epoch = error == OK ? 0 : -1;
    request_reply(request, &response);
}

struct waiting {
    struct list link;
    struct request *request;
};

static void ask_for_block(struct shard *shard, struct arena *arena);

static void serve_waiting(struct shard *shard, enum err error)
{
    struct producer_ids *ids = &shard->producer_ids;
    for (struct list *link; (link = list_first(&ids->waiting)) != NULL;) {
        struct request *request = LIST_ITEM(link, struct waiting, link)->request;
        if (error == OK && ids->next == ids->end) {
            ask_for_block(shard, &request->arena);
            return;
        }
        list_remove(link);
        reply(request, error, error == OK ? ids->next++ : -1);
    }
}

static void block_came(struct shard *shard, void *context, enum err result, struct slice answer)
{
    (void)context;
    struct producer_ids *ids = &shard->producer_ids;
    struct allocate_producer_ids_response response;
    struct arena arena = {0};
    ids->is_asking = false;
    enum err e = result;
    if (e == OK)
        e = wire_decode(&allocate_producer_ids_response_message, ALLOCATE_VERSION, answer, &arena, &response, NULL);
    if (e == OK) e = (enum err)response.error_code;
    if (e == OK && response.producer_id_len <= 0) e = ERR_UNKNOWN_SERVER_ERROR;
    if (e == OK) {
        ids->next = response.producer_id_start;
        ids->end = response.producer_id_start + response.producer_id_len;
    } else {
        log_warn(shard->log, "broker", "no block of producer ids from the controller: %s", err_text(e));
    }
    arena_deinit(&arena);
    serve_waiting(shard, e == OK ? OK : ERR_COORDINATOR_LOAD_IN_PROGRESS); // retriable: the producer asks again
}

static void ask_for_block(struct shard *shard, struct arena *arena)
{
    struct producer_ids *ids = &shard->producer_ids;
    if (ids->is_asking) return;
    ids->is_asking = true;
    struct allocate_producer_ids_request body = allocate_producer_ids_request_init();
    const struct image_node *self = image_broker(shard->image, shard->broker->node_id);
    body.broker_id = shard->broker->node_id;
    body.broker_epoch = self == NULL ? -1 : self->epoch;
    struct slice bytes;
    enum err e = wire_encode_bytes(&allocate_producer_ids_request_message, ALLOCATE_VERSION, &body, arena, &bytes);
    ASSERT(e == OK);
    forward_call(shard, API_ALLOCATE_PRODUCER_IDS, ALLOCATE_VERSION, bytes, false, block_came, NULL);
}

void api_init_producer_id(struct request *request)
{
    const struct init_producer_id_request *body = request->body;
    struct producer_ids *ids = &request->shard->producer_ids;
    if (!slice_is_null(body->transactional_id)) {
        // No transaction coordinator is served, so clients do not get here: they look for one first, and find none.
        reply(request, body->transactional_id.size == 0 ? ERR_INVALID_REQUEST : ERR_UNSUPPORTED_VERSION, -1);
        return;
    }
    if (ids->next < ids->end) {
        reply(request, OK, ids->next++);
        return;
    }
    struct waiting *waiting = ARENA_NEW(&request->arena, struct waiting);
    waiting->request = request;
    list_push_back(&ids->waiting, &waiting->link);
    ask_for_block(request->shard, &request->arena);
}
