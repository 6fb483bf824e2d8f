// SPDX-License-Identifier: Apache-2.0
// UnregisterBroker is the controller's; a broker carries it there.
#include "broker/api.h"
#include "broker/forward.h"

void api_unregister_broker(struct request *request)
{
    forward_request(request);
}
