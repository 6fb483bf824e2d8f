// SPDX-License-Identifier: Apache-2.0
// ListPartitionReassignments is the controller's; a broker carries it there.
#include "broker/api.h"
#include "broker/forward.h"

void api_list_partition_reassignments(struct request *request)
{
    forward_request(request);
}
