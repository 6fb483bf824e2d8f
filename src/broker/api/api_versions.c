// SPDX-License-Identifier: Apache-2.0
// ApiVersions: which APIs and versions this node serves, and the cluster's features (KIP-35, KIP-511, KIP-584).
#include <stdio.h>

#include "broker/api.h"
#include "broker/broker_int.h"
#include "broker/conn.h"
#include "broker/telemetry.h"
#include "meta/image.h"
#include "meta/records.h"
#include "proto/api_versions.h"
#include "proto/apis.h"

static bool is_listed(const struct image *image, const struct wire_api *api)
{
    bool is_telemetry = api->key == API_GET_TELEMETRY_SUBSCRIPTIONS || api->key == API_PUSH_TELEMETRY;
    if (is_telemetry && !telemetry_is_wanted(image)) return false;
    return api->serve_min <= api->serve_max && (api->listeners & WIRE_LISTENER_BROKER) != 0 &&
           api_handler(api->key) != NULL;
}

static void list_apis(struct request *request, struct api_versions_response *response)
{
    size_t count = 0;
    while (wire_api_at(count) != NULL) count++;
    response->api_keys.items = ARENA_ARRAY(&request->arena, struct api_versions_response_api_version, count);
    for (size_t i = 0; i < count; i++) {
        const struct wire_api *api = wire_api_at(i);
        if (!is_listed(request->shard->image, api)) continue;
        struct api_versions_response_api_version *out = &response->api_keys.items[response->api_keys.count++];
        out->api_key = api->key;
        out->min_version = api->advertise_min;
        out->max_version = api->serve_max;
    }
}

// A feature is a promise to serve its APIs: without them it is kept in the metadata but not shown (design rule 7).
static bool is_kept_promise(struct slice feature)
{
    static const struct {
        const char *feature;
        int api;
    } promises[] = {
        {"transaction.version", API_ADD_PARTITIONS_TO_TXN},
        {"group.version", API_CONSUMER_GROUP_HEARTBEAT},
        {"share.version", API_SHARE_FETCH},
        {"streams.version", API_STREAMS_GROUP_HEARTBEAT},
    };
    for (size_t i = 0; i < COUNT_OF(promises); i++)
        if (slice_eq_str(feature, promises[i].feature)) return api_handler(promises[i].api) != NULL;
    return true;
}

// Features whose lowest level is 0 are not shown to old clients, which take 0 for a mistake (KIP-1022).
static void list_supported(struct request *request, struct api_versions_response *response)
{
    response->supported_features.items =
        ARENA_ARRAY(&request->arena, struct api_versions_response_supported_feature_key, METADATA_FEATURE_COUNT);
    for (int i = 0; i < METADATA_FEATURE_COUNT; i++) {
        const struct metadata_feature *feature = &metadata_features[i];
        if ((request->version < 4 && feature->min == 0) || !is_kept_promise(slice_str(feature->name))) continue;
        struct api_versions_response_supported_feature_key *out =
            &response->supported_features.items[response->supported_features.count++];
        out->name = slice_str(feature->name);
        out->min_version = feature->min;
        out->max_version = feature->max;
    }
}

static void list_finalized(struct request *request, struct api_versions_response *response)
{
    const struct image *image = request->shard->image;
    response->finalized_features_epoch = image->offset;
    response->finalized_features.items =
        ARENA_ARRAY(&request->arena, struct api_versions_response_finalized_feature_key, image->features.count);
    struct pmap_iter it = pmap_iter(&image->features);
    for (const struct image_feature *feature; (feature = image_next_feature(&it)) != NULL;) {
        if (feature->level == 0 || !is_kept_promise(feature->name)) continue;
        struct api_versions_response_finalized_feature_key *out =
            &response->finalized_features.items[response->finalized_features.count++];
        out->name = feature->name;
        out->min_version_level = feature->level;
        out->max_version_level = feature->level;
    }
}

static bool is_software_name(struct slice text)
{
    if (text.size == 0) return false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        bool alphanumeric = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        bool inner = i > 0 && i + 1 < text.size && (c == '-' || c == '.');
        if (!alphanumeric && !inner) return false;
    }
    return true;
}

static void refuse(struct request *request, enum err why)
{
    struct api_versions_response response = api_versions_response_init();
    response.error_code = err_to_wire(why);
    struct api_versions_response_api_version own = {
        .api_key = API_API_VERSIONS, .min_version = 0, .max_version = wire_api_find(API_API_VERSIONS)->serve_max};
    if (why == ERR_UNSUPPORTED_VERSION) {
        response.api_keys.items = &own;
        response.api_keys.count = 1;
    }
    request_reply(request, &response);
}

void api_api_versions(struct request *request)
{
    const struct api_versions_request *body = request->body;
    if (body == NULL) {
        refuse(request, ERR_UNSUPPORTED_VERSION);
        return;
    }
    if (request->version >= 3 &&
        (!is_software_name(body->client_software_name) || !is_software_name(body->client_software_version))) {
        refuse(request, ERR_INVALID_REQUEST);
        return;
    }
    if (request->version >= 3 && request->conn != NULL)
        snprintf(request->conn->software, sizeof(request->conn->software), "%.*s/%.*s",
                 SLICE_FMT(body->client_software_name), SLICE_FMT(body->client_software_version));
    struct api_versions_response response = api_versions_response_init();
    list_apis(request, &response);
    list_supported(request, &response);
    list_finalized(request, &response);
    request_reply(request, &response);
}
