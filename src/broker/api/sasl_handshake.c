// SPDX-License-Identifier: Apache-2.0
// SaslHandshake on a listener without SASL, or after authentication: there is nothing to agree on.
#include "proto/sasl_handshake.h"
#include "broker/api.h"

void api_sasl_handshake(struct request *request)
{
    struct sasl_handshake_response response = sasl_handshake_response_init();
    response.error_code = ERR_ILLEGAL_SASL_STATE;
    request_reply(request, &response);
}
