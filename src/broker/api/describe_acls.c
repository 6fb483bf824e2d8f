// SPDX-License-Identifier: Apache-2.0
// DescribeAcls on a node without an authorizer.
#include "proto/describe_acls.h"
#include "broker/api.h"

void api_describe_acls(struct request *request)
{
    struct describe_acls_response response = describe_acls_response_init();
    response.error_code = ERR_SECURITY_DISABLED;
    response.error_message = SLICE("No Authorizer is configured on the broker");
    request_reply(request, &response);
}
