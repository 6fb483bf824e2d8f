// SPDX-License-Identifier: Apache-2.0
// DescribeUserScramCredentials (KIP-554): mechanisms and iterations of users' SCRAM credentials, never the secrets.
#include "proto/describe_user_scram_credentials.h"
#include "base/varint.h"
#include "broker/api.h"
#include "broker/shard.h"
#include "meta/image.h"
#include "proto/user_scram_credential_record.h"

// Credentials are kept in the image as their records came.
static bool read_record(struct request *request, const struct image_other *other,
                        struct user_scram_credential_record *out)
{
    uint32_t frame = 0, type = 0, version = 0;
    const uint8_t *end = other->value.data + other->value.size;
    if (other->record_type != USER_SCRAM_CREDENTIAL_RECORD_KEY) return false;
    const uint8_t *at = uvarint32_read(other->value.data, end, &frame);
    if (at != NULL) at = uvarint32_read(at, end, &type);
    if (at != NULL) at = uvarint32_read(at, end, &version);
    return at != NULL && wire_decode(&user_scram_credential_record_message, (int)version,
                                     slice_of(at, (size_t)(end - at)), &request->arena, out, NULL) == OK;
}

static struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *result_of(
    struct describe_user_scram_credentials_response *response, struct slice user)
{
    for (int32_t i = 0; i < response->results.count; i++)
        if (slice_eq(response->results.items[i].user, user)) return &response->results.items[i];
    return NULL;
}

static void add_user(struct describe_user_scram_credentials_response *response, struct slice user)
{
    struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *out =
        &response->results.items[response->results.count++];
    *out = describe_user_scram_credentials_response_describe_user_scram_credentials_result_init();
    out->user = user;
    out->error_message = SLICE_NULL;
}

static void add_credentials(struct request *request, struct describe_user_scram_credentials_response *response,
                            bool of_all)
{
    struct pmap_iter it = pmap_iter(&request->shard->image->others);
    for (const struct image_other *other; (other = image_next_other(&it)) != NULL;) {
        struct user_scram_credential_record record;
        if (!read_record(request, other, &record)) continue;
        if (of_all && result_of(response, record.name) == NULL) add_user(response, record.name);
        struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *out =
            result_of(response, record.name);
        if (out == NULL || out->error_code != OK) continue;
        enum { MECHANISMS_MAX = 8 }; // there are two
        if (out->credential_infos.items == NULL)
            out->credential_infos.items = ARENA_ARRAY(
                &request->arena, struct describe_user_scram_credentials_response_credential_info, MECHANISMS_MAX);
        if (out->credential_infos.count < MECHANISMS_MAX)
            out->credential_infos.items[out->credential_infos.count++] =
                (struct describe_user_scram_credentials_response_credential_info){.mechanism = record.mechanism,
                                                                                  .iterations = record.iterations};
    }
}

void api_describe_user_scram_credentials(struct request *request)
{
    const struct describe_user_scram_credentials_request *body = request->body;
    struct describe_user_scram_credentials_response response = describe_user_scram_credentials_response_init();
    enum { USERS_MAX = 10000 }; // each is looked for among all others
    if (body->users.count > USERS_MAX) {
        response.error_code = ERR_INVALID_REQUEST;
        response.error_message = SLICE("Too many users in one request");
        request_reply(request, &response);
        return;
    }
    bool of_all = body->users.count <= 0;
    int32_t most = of_all ? request->shard->image->others.count : body->users.count;
    response.results.items = ARENA_ARRAY(
        &request->arena, struct describe_user_scram_credentials_response_describe_user_scram_credentials_result, most);
    for (int32_t i = 0; i < body->users.count; i++) {
        struct slice user = body->users.items[i].name;
        struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *twice =
            result_of(&response, user);
        if (twice == NULL) {
            add_user(&response, user);
            continue;
        }
        twice->error_code = ERR_DUPLICATE_RESOURCE;
        twice->error_message = slice_str(arena_printf(
            &request->arena, "Cannot describe SCRAM credentials for the same user twice in a single request: %.*s",
            SLICE_FMT(user)));
    }
    add_credentials(request, &response, of_all);
    for (int32_t i = 0; i < response.results.count; i++) {
        struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *out =
            &response.results.items[i];
        if (out->error_code != OK || out->credential_infos.count > 0) continue;
        out->error_code = ERR_RESOURCE_NOT_FOUND;
        out->error_message = slice_str(arena_printf(
            &request->arena, "Attempt to describe a user credential that does not exist: %.*s", SLICE_FMT(out->user)));
    }
    request_reply(request, &response);
}
