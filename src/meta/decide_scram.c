// SPDX-License-Identifier: Apache-2.0
// AlterUserScramCredentials (KIP-554); order of checks and sentences are Kafka's. What a password is turned into is
// computed by whoever has a digest: this room has none.
#include "meta/decide_int.h"
#include "proto/alter_user_scram_credentials.h"
#include "proto/remove_user_scram_credential_record.h"
#include "proto/user_scram_credential_record.h"

enum { SCRAM_SHA_256 = 1, SCRAM_SHA_512 = 2, ITERATIONS_MIN = 4096, ITERATIONS_MAX = 16384 };

// One user of the request: what is to be done with his credential, or why not.
struct user {
    struct slice name;
    const struct alter_user_scram_credentials_request_scram_credential_deletion *deletion;
    const struct alter_user_scram_credentials_request_scram_credential_upsertion *upsertion;
    struct decide_problem problem;
};

struct users {
    struct user *items;
    int32_t count;
};

static struct decide_problem refuse(enum err code, const char *text)
{
    return (struct decide_problem){code, text};
}

// NULL: he was not named before.
static struct user *find(struct users *users, struct slice name)
{
    for (int32_t i = 0; i < users->count; i++)
        if (slice_eq(users->items[i].name, name)) return &users->items[i];
    return NULL;
}

static struct user *add(struct users *users, struct slice name)
{
    struct user *user = &users->items[users->count++];
    *user = (struct user){.name = name};
    return user;
}

static struct decide_problem check_user(struct slice name, int8_t mechanism)
{
    if (name.size == 0) return refuse(ERR_UNACCEPTABLE_CREDENTIAL, "Username must not be empty");
    if (mechanism != SCRAM_SHA_256 && mechanism != SCRAM_SHA_512)
        return refuse(ERR_UNSUPPORTED_SASL_MECHANISM, "Unknown SCRAM mechanism");
    return refuse(OK, NULL);
}

static struct decide_problem named_twice(void)
{
    return refuse(ERR_DUPLICATE_RESOURCE, "A user credential cannot be altered twice in the same request");
}

static void judge_deletion(struct decide *decide, struct users *users,
                           const struct alter_user_scram_credentials_request_scram_credential_deletion *deletion)
{
    struct user *user = find(users, deletion->name);
    if (user != NULL) {
        if (user->problem.code == OK) user->problem = named_twice();
        return;
    }
    user = add(users, deletion->name);
    user->deletion = deletion;
    user->problem = check_user(deletion->name, deletion->mechanism);
    if (user->problem.code == OK && !image_has_scram(decide->image, deletion->name, deletion->mechanism))
        user->problem = refuse(ERR_RESOURCE_NOT_FOUND, "Attempt to delete a user credential that does not exist");
}

static void judge_upsertion(struct users *users,
                            const struct alter_user_scram_credentials_request_scram_credential_upsertion *upsertion)
{
    struct user *user = find(users, upsertion->name);
    if (user != NULL) {
        if (user->problem.code == OK) user->problem = named_twice();
        return;
    }
    user = add(users, upsertion->name);
    user->upsertion = upsertion;
    user->problem = check_user(upsertion->name, upsertion->mechanism);
    if (user->problem.code != OK) return;
    if (upsertion->iterations < ITERATIONS_MIN)
        user->problem = refuse(ERR_UNACCEPTABLE_CREDENTIAL, "Too few iterations");
    else if (upsertion->iterations > ITERATIONS_MAX)
        user->problem = refuse(ERR_UNACCEPTABLE_CREDENTIAL, "Too many iterations");
}

static void write(struct decide *decide, const struct user *user, decide_scram_keys *keys)
{
    if (user->deletion != NULL) {
        struct remove_user_scram_credential_record record = remove_user_scram_credential_record_init();
        record.name = user->name;
        record.mechanism = user->deletion->mechanism;
        METADATA_ADD(&decide->records, decide->arena, remove_user_scram_credential_record, 0, &record);
        return;
    }
    struct user_scram_credential_record record = user_scram_credential_record_init();
    record.name = user->name;
    record.mechanism = user->upsertion->mechanism;
    record.salt = user->upsertion->salt;
    record.iterations = user->upsertion->iterations;
    keys(record.mechanism == SCRAM_SHA_512, user->upsertion->salted_password, decide->arena, &record.stored_key,
         &record.server_key);
    METADATA_ADD(&decide->records, decide->arena, user_scram_credential_record, 0, &record);
}

enum err decide_alter_scram_credentials(struct decide *decide,
                                        const struct alter_user_scram_credentials_request *request,
                                        decide_scram_keys *keys, struct alter_user_scram_credentials_response *response)
{
    int32_t most = request->deletions.count + request->upsertions.count;
    if (most > METADATA_RECORDS_MAX) return ERR_POLICY_VIOLATION;
    struct users users = {.items = ARENA_ARRAY(decide->arena, struct user, most)};
    for (int32_t i = 0; i < request->deletions.count; i++) judge_deletion(decide, &users, &request->deletions.items[i]);
    for (int32_t i = 0; i < request->upsertions.count; i++) judge_upsertion(&users, &request->upsertions.items[i]);
    response->results.items = ARENA_ARRAY(
        decide->arena, struct alter_user_scram_credentials_response_alter_user_scram_credentials_result, users.count);
    for (int32_t i = 0; i < users.count; i++) {
        const struct user *user = &users.items[i];
        if (user->problem.code == OK) write(decide, user, keys);
        response->results.items[response->results.count++] =
            (struct alter_user_scram_credentials_response_alter_user_scram_credentials_result){
                .user = user->name,
                .error_code = err_to_wire(user->problem.code),
                .error_message = slice_str(user->problem.text)};
    }
    return OK;
}
