// SPDX-License-Identifier: Apache-2.0
// See admin_quotas.h. Salted passwords are RFC 5802's Hi(), which is PBKDF2: libcrypto does it.
#include "cli/admin_quotas.h"

#include "cli/java_order.h"
#include "proto/alter_client_quotas.h"
#include "proto/alter_user_scram_credentials.h"
#include "proto/apis.h"
#include "proto/describe_client_quotas.h"
#include "proto/describe_user_scram_credentials.h"

#include <openssl/evp.h>

// ---- quotas ----------------------------------------------------------------------------------------------------

enum { MATCH_EXACT = 0, MATCH_DEFAULT = 1, MATCH_ANY = 2 };

static struct slice value_key(const void *item)
{
    return ((const struct admin_quota_value *)item)->key;
}

// ClientQuotaEntity.hashCode(): Objects.hash of a map of type and name.
static uint32_t entity_hash(const void *item)
{
    const struct admin_quota *quota = item;
    uint32_t sum = 31;
    for (int i = 0; i < quota->part_count; i++) {
        const struct admin_quota_part *part = &quota->parts[i];
        uint32_t name = slice_is_null(part->name) ? 0 : java_string_hash(part->name);
        sum += java_string_hash(slice_str(part->type)) ^ name;
    }
    return sum;
}

static void take_entry(struct cli *cli, struct admin_quota *to,
                       const struct describe_client_quotas_response_entry_data *from)
{
    *to = (struct admin_quota){0};
    for (int32_t i = 0; i < from->entity.count && to->part_count < ADMIN_QUOTA_PARTS; i++) {
        struct slice name = from->entity.items[i].entity_name;
        to->parts[to->part_count++] = (struct admin_quota_part){
            .type = arena_str(&cli->arena, from->entity.items[i].entity_type),
            .name = slice_is_null(name) ? name : arena_copy(&cli->arena, name),
        };
    }
    to->values = ARENA_ARRAY(&cli->arena, struct admin_quota_value, from->values.count + 1);
    to->value_count = from->values.count;
    for (int32_t i = 0; i < from->values.count; i++) {
        to->values[i] = (struct admin_quota_value){.key = arena_copy(&cli->arena, from->values.items[i].key),
                                                   .value = from->values.items[i].value};
    }
    java_hash_order(to->values, (size_t)to->value_count, sizeof(*to->values), (size_t)to->value_count, value_key);
}

bool admin_describe_quotas(struct cli *cli, struct client *client, const struct admin_quota_part *parts, int part_count,
                           struct admin_quota **out, int32_t *count, struct cli_error *error)
{
    struct describe_client_quotas_request request = describe_client_quotas_request_init();
    request.components.items =
        ARENA_ARRAY(&cli->arena, struct describe_client_quotas_request_component_data, part_count + 1);
    request.components.count = part_count;
    for (int i = 0; i < part_count; i++) {
        struct describe_client_quotas_request_component_data *to = &request.components.items[i];
        *to = describe_client_quotas_request_component_data_init();
        to->entity_type = slice_str(parts[i].type);
        bool is_default = !parts[i].is_any && slice_is_null(parts[i].name);
        to->match_type = parts[i].is_any ? MATCH_ANY : is_default ? MATCH_DEFAULT : MATCH_EXACT;
        to->match = parts[i].is_any ? SLICE_NULL : parts[i].name;
    }
    request.strict = true;
    struct client_call call = {.api_key = API_DESCRIBE_CLIENT_QUOTAS, .node_id = CLIENT_ANY, .request = &request};
    bool ok = cli_call(cli, client, &call, "describeClientQuotas", error);
    const struct describe_client_quotas_response *answer = call.response;
    if (ok && answer->error_code != OK) {
        *error = cli_error_of(cli, (enum err)answer->error_code, answer->error_message);
        ok = false;
    }
    if (ok) {
        *count = answer->entries.count < 0 ? 0 : answer->entries.count;
        *out = ARENA_ARRAY(&cli->arena, struct admin_quota, *count + 1);
        for (int32_t i = 0; i < *count; i++) take_entry(cli, &(*out)[i], &answer->entries.items[i]);
        java_hash_order_by(*out, (size_t)*count, sizeof(**out), (size_t)*count, entity_hash);
    }
    client_call_deinit(&call);
    return ok;
}

bool admin_alter_quota(struct cli *cli, struct client *client, const struct admin_quota *quota, struct cli_error *error)
{
    struct alter_client_quotas_request request = alter_client_quotas_request_init();
    struct alter_client_quotas_request_entry_data entry = alter_client_quotas_request_entry_data_init();
    struct alter_client_quotas_request_entity_data parts[ADMIN_QUOTA_PARTS];
    for (int i = 0; i < quota->part_count; i++) {
        parts[i] = alter_client_quotas_request_entity_data_init();
        parts[i].entity_type = slice_str(quota->parts[i].type);
        parts[i].entity_name = quota->parts[i].name;
    }
    entry.entity.items = parts;
    entry.entity.count = quota->part_count;
    entry.ops.items = ARENA_ARRAY(&cli->arena, struct alter_client_quotas_request_op_data, quota->value_count + 1);
    entry.ops.count = quota->value_count;
    for (int32_t i = 0; i < quota->value_count; i++) {
        entry.ops.items[i] = alter_client_quotas_request_op_data_init();
        entry.ops.items[i].key = quota->values[i].key;
        entry.ops.items[i].value = quota->values[i].is_removed ? 0 : quota->values[i].value;
        entry.ops.items[i].remove = quota->values[i].is_removed;
    }
    request.entries.items = &entry;
    request.entries.count = 1;
    struct client_call call = {.api_key = API_ALTER_CLIENT_QUOTAS, .node_id = CLIENT_ANY, .request = &request};
    bool ok = cli_call(cli, client, &call, "alterClientQuotas", error);
    const struct alter_client_quotas_response *answer = call.response;
    for (int32_t i = 0; ok && i < answer->entries.count; i++) {
        if (answer->entries.items[i].error_code == OK) continue;
        *error =
            cli_error_of(cli, (enum err)answer->entries.items[i].error_code, answer->entries.items[i].error_message);
        ok = false;
    }
    client_call_deinit(&call);
    return ok;
}

// ---- SCRAM -----------------------------------------------------------------------------------------------------

static const char *const mechanisms[] = {"UNKNOWN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

int admin_scram_find(struct slice name)
{
    for (int i = 1; i < (int)COUNT_OF(mechanisms); i++) {
        if (slice_eq_str(name, mechanisms[i])) return i;
    }
    return 0;
}

const char *admin_scram_name(int mechanism)
{
    return mechanism > 0 && mechanism < (int)COUNT_OF(mechanisms) ? mechanisms[mechanism] : mechanisms[0];
}

static void take_user(
    struct cli *cli, struct admin_scram_user *to,
    const struct describe_user_scram_credentials_response_describe_user_scram_credentials_result *from)
{
    *to = (struct admin_scram_user){.name = arena_copy(&cli->arena, from->user)};
    if (from->error_code != OK) {
        to->has_failed = true;
        to->error = cli_error_of(cli, (enum err)from->error_code, from->error_message);
        return;
    }
    to->credentials = ARENA_ARRAY(&cli->arena, struct admin_credential, from->credential_infos.count + 1);
    to->credential_count = from->credential_infos.count;
    for (int32_t i = 0; i < from->credential_infos.count; i++) {
        to->credentials[i] = (struct admin_credential){.mechanism = from->credential_infos.items[i].mechanism,
                                                       .iterations = from->credential_infos.items[i].iterations};
    }
}

bool admin_describe_scram(struct cli *cli, struct client *client, const struct slice *names, int32_t count,
                          struct admin_scram_user **out, int32_t *out_count, struct cli_error *error)
{
    struct describe_user_scram_credentials_request request = describe_user_scram_credentials_request_init();
    request.users.items = ARENA_ARRAY(&cli->arena, struct describe_user_scram_credentials_request_user_name, count + 1);
    request.users.count = count == 0 ? -1 : count;
    for (int32_t i = 0; i < count; i++) {
        request.users.items[i] = describe_user_scram_credentials_request_user_name_init();
        request.users.items[i].name = names[i];
    }
    struct client_call call = {
        .api_key = API_DESCRIBE_USER_SCRAM_CREDENTIALS, .node_id = CLIENT_ANY, .request = &request};
    bool ok = cli_call(cli, client, &call, "describeUserScramCredentials", error);
    const struct describe_user_scram_credentials_response *answer = call.response;
    if (ok && answer->error_code != OK) {
        *error = cli_error_of(cli, (enum err)answer->error_code, answer->error_message);
        ok = false;
    }
    if (ok) {
        *out = ARENA_ARRAY(&cli->arena, struct admin_scram_user, answer->results.count + 1);
        *out_count = 0;
        for (int32_t i = 0; i < answer->results.count; i++) {
            if (answer->results.items[i].error_code == ERR_RESOURCE_NOT_FOUND) continue;
            take_user(cli, &(*out)[(*out_count)++], &answer->results.items[i]);
        }
    }
    client_call_deinit(&call);
    return ok;
}

enum { SALT_SIZE = 26, DIGEST_MAX = 64 };

static bool salt_password(struct cli *cli, const struct admin_scram_change *change,
                          struct alter_user_scram_credentials_request_scram_credential_upsertion *to)
{
    uint8_t *salt = arena_alloc(&cli->arena, SALT_SIZE);
    uint8_t *salted = arena_alloc(&cli->arena, DIGEST_MAX);
    env_random(cli->host->env, salt, SALT_SIZE);
    bool is_256 = change->mechanism == ADMIN_SCRAM_SHA_256;
    int size = is_256 ? 32 : DIGEST_MAX;
    if (PKCS5_PBKDF2_HMAC((const char *)change->password.data, (int)change->password.size, salt, SALT_SIZE,
                          change->iterations, is_256 ? EVP_sha256() : EVP_sha512(), size, salted) != 1) {
        return false;
    }
    to->salt = slice_of(salt, SALT_SIZE);
    to->salted_password = slice_of(salted, (size_t)size);
    return true;
}

static bool fill_scram(struct cli *cli, struct slice user, const struct admin_scram_change *changes, int32_t count,
                       struct alter_user_scram_credentials_request *request, struct cli_error *error)
{
    request->deletions.items =
        ARENA_ARRAY(&cli->arena, struct alter_user_scram_credentials_request_scram_credential_deletion, count + 1);
    request->upsertions.items =
        ARENA_ARRAY(&cli->arena, struct alter_user_scram_credentials_request_scram_credential_upsertion, count + 1);
    for (int32_t i = 0; i < count; i++) {
        if (changes[i].is_removed) {
            struct alter_user_scram_credentials_request_scram_credential_deletion *to =
                &request->deletions.items[request->deletions.count++];
            *to = alter_user_scram_credentials_request_scram_credential_deletion_init();
            to->name = user;
            to->mechanism = (int8_t)changes[i].mechanism;
            continue;
        }
        if (changes[i].password.size == 0) {
            *error = cli_error_of(cli, ERR_UNACCEPTABLE_CREDENTIAL, SLICE("Password must not be empty"));
            return false;
        }
        struct alter_user_scram_credentials_request_scram_credential_upsertion *to =
            &request->upsertions.items[request->upsertions.count++];
        *to = alter_user_scram_credentials_request_scram_credential_upsertion_init();
        to->name = user;
        to->mechanism = (int8_t)changes[i].mechanism;
        to->iterations = changes[i].iterations;
        if (!salt_password(cli, &changes[i], to)) {
            *error = cli_error_of(cli, ERR_UNACCEPTABLE_CREDENTIAL, SLICE("The password could not be salted"));
            return false;
        }
    }
    return true;
}

bool admin_alter_scram(struct cli *cli, struct client *client, struct slice user,
                       const struct admin_scram_change *changes, int32_t count, struct cli_error *error)
{
    struct alter_user_scram_credentials_request request = alter_user_scram_credentials_request_init();
    if (!fill_scram(cli, user, changes, count, &request, error)) return false;
    struct client_call call = {
        .api_key = API_ALTER_USER_SCRAM_CREDENTIALS, .node_id = CLIENT_CONTROLLER, .request = &request};
    bool ok = cli_call(cli, client, &call, "alterUserScramCredentials", error);
    const struct alter_user_scram_credentials_response *answer = call.response;
    for (int32_t i = 0; ok && i < answer->results.count; i++) {
        if (answer->results.items[i].error_code == OK) continue;
        *error =
            cli_error_of(cli, (enum err)answer->results.items[i].error_code, answer->results.items[i].error_message);
        ok = false;
    }
    client_call_deinit(&call);
    return ok;
}
