// SPDX-License-Identifier: Apache-2.0
// AlterUserScramCredentials is the controller's (meta/decide.h); a broker carries it there.
#include "broker/api.h"
#include "broker/forward.h"

void api_alter_user_scram_credentials(struct request *request)
{
    forward_request(request);
}
