// SPDX-License-Identifier: Apache-2.0
// ElectLeaders is the controller's (meta/decide.h); a broker carries it there.
#include "proto/elect_leaders.h"
#include "broker/api.h"
#include "broker/forward.h"

enum { ELECT_UNCLEAN = 1 };

void api_elect_leaders(struct request *request)
{
    const struct elect_leaders_request *body = request->body;
    if (body->election_type < 0 || body->election_type > ELECT_UNCLEAN)
        request_disconnect(request, "an ElectLeaders request asks for an unknown kind of election");
    else
        forward_request(request);
}
