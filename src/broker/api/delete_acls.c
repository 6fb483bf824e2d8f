// SPDX-License-Identifier: Apache-2.0
// DeleteAcls on a node without an authorizer: each filter is refused.
#include "proto/delete_acls.h"
#include "broker/api.h"

void api_delete_acls(struct request *request)
{
    const struct delete_acls_request *body = request->body;
    struct delete_acls_response response = delete_acls_response_init();
    response.filter_results.count = body->filters.count;
    response.filter_results.items =
        ARENA_ARRAY(&request->arena, struct delete_acls_response_delete_acls_filter_result, body->filters.count);
    for (int32_t i = 0; i < body->filters.count; i++)
        response.filter_results.items[i] = (struct delete_acls_response_delete_acls_filter_result){
            .error_code = ERR_SECURITY_DISABLED, .error_message = SLICE("No Authorizer is configured.")};
    request_reply(request, &response);
}
