// SPDX-License-Identifier: Apache-2.0
// CreateAcls on a node without an authorizer: each is refused.
#include "proto/create_acls.h"
#include "broker/api.h"

void api_create_acls(struct request *request)
{
    const struct create_acls_request *body = request->body;
    struct create_acls_response response = create_acls_response_init();
    response.results.count = body->creations.count;
    response.results.items =
        ARENA_ARRAY(&request->arena, struct create_acls_response_acl_creation_result, body->creations.count);
    for (int32_t i = 0; i < body->creations.count; i++)
        response.results.items[i] = (struct create_acls_response_acl_creation_result){
            .error_code = ERR_SECURITY_DISABLED, .error_message = SLICE("No Authorizer is configured.")};
    request_reply(request, &response);
}
