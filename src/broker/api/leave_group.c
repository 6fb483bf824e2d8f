// SPDX-License-Identifier: Apache-2.0
#include "proto/leave_group.h"
#include "broker/api.h"
#include "broker/group_calls.h"

static void refuse(struct request *request, enum err why)
{
    struct leave_group_response response = leave_group_response_init();
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

void api_leave_group(struct request *request)
{
    const struct leave_group_request *body = request->body;
    if (!authorize(&request->ctx, ACL_READ, ACL_GROUP, body->group_id))
        refuse(request, ERR_GROUP_AUTHORIZATION_FAILED);
    else if (body->group_id.size == 0)
        refuse(request, ERR_INVALID_GROUP_ID);
    else
        group_calls_one(request, body->group_id, answer);
}
