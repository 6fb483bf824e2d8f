// SPDX-License-Identifier: Apache-2.0
// UpdateFeatures is the controller's (meta/decide.h); a broker carries it there.
#include "broker/api.h"
#include "broker/forward.h"

void api_update_features(struct request *request)
{
    forward_request(request);
}
