// SPDX-License-Identifier: Apache-2.0
// SaslAuthenticate on a listener without SASL, or once more after authentication.
#include "proto/sasl_authenticate.h"
#include "broker/api.h"

void api_sasl_authenticate(struct request *request)
{
    struct sasl_authenticate_response response = sasl_authenticate_response_init();
    response.error_code = ERR_ILLEGAL_SASL_STATE;
    response.error_message = SLICE("SaslAuthenticate request received after successful authentication");
    response.auth_bytes = SLICE("");
    request_reply(request, &response);
}
