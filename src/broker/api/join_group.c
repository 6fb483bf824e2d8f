// SPDX-License-Identifier: Apache-2.0
// JoinGroup: answered when the group's next generation is complete, which may take minutes.
#include "proto/join_group.h"
#include "broker/api.h"
#include "broker/group_calls.h"

enum { PROTOCOL_NAME_NULL_SINCE = 7 };

// "No protocol" is null where null can be said.
static struct slice no_protocol(const struct request *request)
{
    return request->version < PROTOCOL_NAME_NULL_SINCE ? SLICE("") : SLICE_NULL;
}

static void refuse(struct request *request, struct slice member_id, enum err why)
{
    struct join_group_response response = join_group_response_init();
    response.error_code = err_to_wire(why);
    response.member_id = member_id;
    response.protocol_name = no_protocol(request);
    request_reply(request, &response);
}

static void answer(struct request *request, struct group_calls *calls)
{
    const struct coord_call *call = &calls->items[0].call;
    if (call->err != OK) {
        refuse(request, SLICE(""), call->err);
        return;
    }
    struct join_group_response *response = call->response;
    if (response->protocol_name.size == 0) response->protocol_name = no_protocol(request);
    request_reply(request, response);
}

void api_join_group(struct request *request)
{
    group_detach(request);
    const struct join_group_request *body = request->body;
    if (!authorize(&request->ctx, ACL_READ, ACL_GROUP, body->group_id))
        refuse(request, SLICE(""), ERR_GROUP_AUTHORIZATION_FAILED);
    else if (body->group_id.size == 0)
        refuse(request, body->member_id, ERR_INVALID_GROUP_ID);
    else
        group_calls_one(request, body->group_id, answer);
}
