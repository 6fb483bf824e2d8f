// SPDX-License-Identifier: Apache-2.0
// Credentials by RFC 5802: salted password = Hi(password, salt, iterations), stored key = H(HMAC(salted, "Client
// Key")), server key = HMAC(salted, "Server Key"). libcrypto has all three.
#include "cli/storage_scram.h"

#include "meta/records.h"
#include "proto/user_scram_credential_record.h"
#include "wire/json_text.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { ITERATIONS_MIN = 4096, ITERATIONS_MAX = 16384, SALT_SIZE = 25, DIGEST_MAX = 64 };
enum { SHA_256 = 1, SHA_512 = 2 }; // the record's mechanism

struct scram {
    struct cli *cli;
    int mechanism;
    struct props settings;
    struct slice salt, salted; // null = not given
    int64_t iterations;
};

// "name=value" words between commas; quotes around a value go.
static const char *parse_settings(struct scram *s, struct slice list)
{
    while (list.size > 0) {
        const uint8_t *comma = memchr(list.data, ',', list.size);
        size_t size = comma == NULL ? list.size : (size_t)(comma - list.data), step = size + (comma != NULL);
        struct slice word = cli_trimmed(slice_of(list.data, size));
        const uint8_t *equals = word.size == 0 ? NULL : memchr(word.data, '=', word.size);
        if (equals == NULL) {
            return arena_printf(&s->cli->arena, "No equals sign found in SCRAM component: %.*s", SLICE_FMT(word));
        }
        struct slice name = slice_of(word.data, (size_t)(equals - word.data));
        struct slice value = slice_of(equals + 1, word.size - name.size - 1);
        if (value.size >= 2 && value.data[0] == '"' && value.data[value.size - 1] == '"') {
            value = slice_of(value.data + 1, value.size - 2);
        }
        props_put(&s->settings, s->cli, name, value);
        list = slice_of(list.data + step, list.size - step);
    }
    return NULL;
}

// Null when it is not given. False: no base64.
static bool decode(struct scram *s, const char *name, struct slice *out)
{
    struct slice text = props_get(&s->settings, name);
    *out = SLICE_NULL;
    if (slice_is_null(text)) return true;
    uint8_t *bytes = arena_alloc(&s->cli->arena, text.size + 4);
    size_t size;
    if (json_text_unbase64(text, bytes, &size) != OK) return false;
    *out = slice_of(bytes, size);
    return true;
}

static const char *check_unknown(struct scram *s)
{
    static const char *const known[] = {"name", "salt", "iterations", "password", "saltedpassword"};
    const char *unknown = NULL, *last = "";
    for (;;) { // in alphabetical order
        const char *next = NULL;
        for (size_t i = 0; i < s->settings.count; i++) {
            const char *name = arena_str(&s->cli->arena, s->settings.items[i].name);
            bool is_known = false;
            for (size_t k = 0; k < COUNT_OF(known); k++) is_known = is_known || strcmp(name, known[k]) == 0;
            if (!is_known && strcmp(name, last) > 0 && (next == NULL || strcmp(name, next) < 0)) next = name;
        }
        if (next == NULL) break;
        unknown = unknown == NULL ? next : arena_printf(&s->cli->arena, "%s, %s", unknown, next);
        last = next;
    }
    return unknown == NULL ? NULL : arena_printf(&s->cli->arena, "Unknown SCRAM configurations: %s", unknown);
}

static const char *check_settings(struct scram *s)
{
    struct arena *arena = &s->cli->arena;
    struct slice iterations = props_get(&s->settings, "iterations");
    bool has_password = !slice_is_null(props_get(&s->settings, "password"));
    bool has_salted = !slice_is_null(props_get(&s->settings, "saltedpassword"));
    if (slice_is_null(props_get(&s->settings, "name"))) return "You must supply 'name' to add-scram";
    if (!decode(s, "salt", &s->salt)) {
        return arena_printf(arena, "Failed to decode given salt: %s", props_string(s->cli, &s->settings, "salt", ""));
    }
    s->iterations = ITERATIONS_MIN;
    if (!slice_is_null(iterations) &&
        (!cli_parse_long(iterations, &s->iterations) || s->iterations > INT32_MAX || s->iterations < INT32_MIN)) {
        return arena_printf(arena, "Failed to parse iterations count: %.*s", SLICE_FMT(iterations));
    }
    if (!has_password && !has_salted) return "You must supply one of 'password' or 'saltedpassword' to add-scram";
    if (!has_password && slice_is_null(s->salt)) return "You must supply 'salt' with 'saltedpassword' to add-scram";
    if (!decode(s, "saltedpassword", &s->salted)) {
        return arena_printf(arena, "Failed to decode given saltedPassword: %s",
                            props_string(s->cli, &s->settings, "saltedpassword", ""));
    }
    const char *unknown = check_unknown(s);
    if (unknown != NULL) return unknown;
    bool too_few = s->iterations<ITERATIONS_MIN, too_many = s->iterations> ITERATIONS_MAX;
    if (!too_few && !too_many) return NULL;
    return arena_printf(arena, "The 'iterations' value must be %s %d for add-scram using SCRAM_SHA_%s",
                        too_few ? ">=" : "<=", too_few ? ITERATIONS_MIN : ITERATIONS_MAX,
                        s->mechanism == SHA_256 ? "256" : "512");
}

static void make_salt(struct scram *s)
{
    static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
    uint8_t *salt = arena_alloc(&s->cli->arena, SALT_SIZE); // a number in base 36, as Kafka makes it
    env_random(s->cli->host->env, salt, SALT_SIZE);
    for (int i = 0; i < SALT_SIZE; i++) salt[i] = (uint8_t)digits[salt[i] % 36];
    s->salt = slice_of(salt, SALT_SIZE);
}

// False: libcrypto refused.
static bool make_keys(struct scram *s, struct user_scram_credential_record *record)
{
    const EVP_MD *digest = s->mechanism == SHA_256 ? EVP_sha256() : EVP_sha512();
    size_t size = s->mechanism == SHA_256 ? 32 : DIGEST_MAX;
    struct slice password = props_get(&s->settings, "password");
    uint8_t client_key[DIGEST_MAX];
    uint8_t *keys = arena_alloc(&s->cli->arena, 3 * DIGEST_MAX);
    uint8_t *stored = keys, *server = keys + DIGEST_MAX, *salted = server + DIGEST_MAX;
    if (slice_is_null(s->salt)) make_salt(s);
    if (!slice_is_null(password)) {
        if (PKCS5_PBKDF2_HMAC((const char *)password.data, (int)password.size, s->salt.data, (int)s->salt.size,
                              (int)s->iterations, digest, (int)size, salted) != 1) {
            return false;
        }
        s->salted = slice_of(salted, size);
    }
    int key_size = (int)s->salted.size;
    bool ok = HMAC(digest, s->salted.data, key_size, (const uint8_t *)"Client Key", 10, client_key, NULL) != NULL &&
              HMAC(digest, s->salted.data, key_size, (const uint8_t *)"Server Key", 10, server, NULL) != NULL &&
              EVP_Digest(client_key, size, stored, NULL, digest, NULL) == 1;
    record->salt = s->salt;
    record->stored_key = slice_of(stored, size);
    record->server_key = slice_of(server, size);
    return ok;
}

// [-1, 27, ...]
static void add_bytes(struct text *out, const char *name, struct slice bytes)
{
    text_printf(out, ", %s=[", name);
    for (size_t i = 0; i < bytes.size; i++) text_printf(out, "%s%d", i > 0 ? ", " : "", (int8_t)bytes.data[i]);
    text_add_char(out, ']');
}

const char *storage_scram(struct cli *cli, const char *argument, struct slice *value, struct text *shown)
{
    struct arena *arena = &cli->arena;
    struct scram s = {.cli = cli};
    struct slice word = cli_trimmed(slice_str(argument));
    const uint8_t *equals = word.size == 0 ? NULL : memchr(word.data, '=', word.size);
    if (equals == NULL)
        return arena_printf(arena, "Failed to find equals sign in SCRAM argument '%.*s'", SLICE_FMT(word));
    struct slice name = slice_of(word.data, (size_t)(equals - word.data));
    struct slice list = slice_of(equals + 1, word.size - name.size - 1);
    s.mechanism = slice_eq_str(name, "SCRAM-SHA-256") ? SHA_256 : slice_eq_str(name, "SCRAM-SHA-512") ? SHA_512 : 0;
    if (s.mechanism == 0) return arena_printf(arena, "The add-scram mechanism %.*s is not supported.", SLICE_FMT(name));
    if (list.size == 0 || list.data[0] != '[') return "Expected configuration string to start with [";
    if (list.data[list.size - 1] != ']') return "Expected configuration string to end with ]";
    const char *problem = parse_settings(&s, slice_of(list.data + 1, list.size < 2 ? 0 : list.size - 2));
    if (problem == NULL) problem = check_settings(&s);
    if (problem != NULL) return problem;
    struct user_scram_credential_record record = user_scram_credential_record_init();
    record.name = props_get(&s.settings, "name");
    record.mechanism = (int8_t)s.mechanism;
    record.iterations = (int32_t)s.iterations;
    if (!make_keys(&s, &record)) return "The credential could not be computed by this system's libcrypto.";
    text_printf(shown, "UserScramCredentialRecord(name='%.*s', mechanism=%d", SLICE_FMT(record.name), s.mechanism);
    add_bytes(shown, "salt", record.salt);
    add_bytes(shown, "storedKey", record.stored_key);
    add_bytes(shown, "serverKey", record.server_key);
    text_printf(shown, ", iterations=%d)", record.iterations);
    *value = metadata_record_encode(&user_scram_credential_record_message, 0, &record, arena);
    return NULL;
}
