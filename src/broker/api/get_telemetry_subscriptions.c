// SPDX-License-Identifier: Apache-2.0
// GetTelemetrySubscriptions (KIP-714): what the client shall measure and how often it shall tell.
#include "proto/get_telemetry_subscriptions.h"
#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/telemetry.h"

void api_get_telemetry_subscriptions(struct request *request)
{
    static const int8_t compressions[] = {4, 3, 1, 2}; // by preference: zstd, lz4, gzip, snappy
    const struct get_telemetry_subscriptions_request *body = request->body;
    struct get_telemetry_subscriptions_response response = get_telemetry_subscriptions_response_init();
    struct telemetry_wish wish = {0};
    enum err e = telemetry_subscribe(request, body->client_instance_id, &wish);
    response.error_code = err_to_wire(e);
    if (e == OK) {
        response.client_instance_id = wish.client_id;
        response.subscription_id = wish.subscription_id;
        response.accepted_compression_types.items =
            (int8_t *)(uintptr_t)arena_copy(&request->arena, slice_of(compressions, sizeof(compressions))).data;
        response.accepted_compression_types.count = COUNT_OF(compressions);
        response.push_interval_ms = wish.push_interval_ms;
        response.telemetry_max_bytes = config_get_int(request->shard->broker->config, "telemetry.max.bytes");
        response.delta_temporality = true;
        response.requested_metrics.items = (struct slice *)(uintptr_t)wish.metrics;
        response.requested_metrics.count = wish.metric_count;
    }
    request_reply(request, &response);
}
