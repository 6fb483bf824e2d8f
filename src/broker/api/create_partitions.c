// SPDX-License-Identifier: Apache-2.0
// CreatePartitions is the controller's (meta/decide.h); a broker carries it there.
#include "broker/api.h"
#include "broker/forward.h"

void api_create_partitions(struct request *request)
{
    forward_request(request);
}
