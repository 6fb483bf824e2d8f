// SPDX-License-Identifier: Apache-2.0
// PushTelemetry (KIP-714): a client's metrics.
#include "proto/push_telemetry.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/telemetry.h"

void api_push_telemetry(struct request *request)
{
    const struct push_telemetry_request *body = request->body;
    const struct telemetry_push push = {.client_id = body->client_instance_id,
                                        .subscription_id = body->subscription_id,
                                        .compression = body->compression_type,
                                        .is_last = body->terminating,
                                        .metrics = body->metrics};
    struct push_telemetry_response response = push_telemetry_response_init();
    response.error_code = err_to_wire(telemetry_take(request, &push));
    request_reply(request, &response);
}
