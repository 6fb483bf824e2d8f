// SPDX-License-Identifier: Apache-2.0
// SyncGroup: answered when the leader of the group has handed out assignments.
#include "proto/sync_group.h"
#include "broker/api.h"
#include "broker/group_calls.h"

enum { PROTOCOL_REQUIRED_SINCE = 5 };

static void refuse(struct request *request, enum err why)
{
    struct sync_group_response response = sync_group_response_init();
    response.error_code = err_to_wire(why);
    request_reply(request, &response);
}

static void answer(struct request *request, struct group_calls *calls)
{
    const struct coord_call *call = &calls->items[0].call;
    if (call->err != OK)
        refuse(request, call->err);
    else
        request_reply(request, call->response);
}

void api_sync_group(struct request *request)
{
    group_detach(request);
    const struct sync_group_request *body = request->body;
    bool lacks_protocol = slice_is_null(body->protocol_type) || slice_is_null(body->protocol_name);
    if (request->version >= PROTOCOL_REQUIRED_SINCE && lacks_protocol)
        refuse(request, ERR_INCONSISTENT_GROUP_PROTOCOL);
    else if (!authorize(&request->ctx, ACL_READ, ACL_GROUP, body->group_id))
        refuse(request, ERR_GROUP_AUTHORIZATION_FAILED);
    else if (body->group_id.size == 0)
        refuse(request, ERR_INVALID_GROUP_ID);
    else
        group_calls_one(request, body->group_id, answer);
}
