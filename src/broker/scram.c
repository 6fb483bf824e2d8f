// SPDX-License-Identifier: Apache-2.0
#include "broker/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"

static struct slice sign(const EVP_MD *digest, struct slice key, struct slice text, struct arena *arena)
{
    uint8_t *signature = arena_alloc(arena, EVP_MAX_MD_SIZE);
    unsigned size = 0;
    bool is_made = HMAC(digest, key.size == 0 ? (const void *)"" : key.data, (int)key.size, text.data, text.size,
                        signature, &size) != NULL;
    ASSERT(is_made);
    return slice_of(signature, size);
}

void scram_keys(bool is_sha512, struct slice salted_password, struct arena *arena, struct slice *stored_key,
                struct slice *server_key)
{
    const EVP_MD *digest = is_sha512 ? EVP_sha512() : EVP_sha256();
    struct slice client_key = sign(digest, salted_password, SLICE("Client Key"), arena);
    uint8_t *stored = arena_alloc(arena, EVP_MAX_MD_SIZE);
    unsigned size = 0;
    int is_made = EVP_Digest(client_key.data, client_key.size, stored, &size, digest, NULL);
    ASSERT(is_made == 1);
    *stored_key = slice_of(stored, size);
    *server_key = sign(digest, salted_password, SLICE("Server Key"), arena);
}
