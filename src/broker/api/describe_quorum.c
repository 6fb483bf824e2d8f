// SPDX-License-Identifier: Apache-2.0
// DescribeQuorum is the controller's; a broker carries it there.
#include "broker/api.h"
#include "broker/forward.h"

void api_describe_quorum(struct request *request)
{
    forward_request(request);
}
