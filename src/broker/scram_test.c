// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/evp.h>

#include "broker/scram.h"

static void expect_hex(struct slice bytes, const char *hex)
{
    char text[2 * 64 + 1];
    for (size_t i = 0; i < bytes.size; i++) {
        static const char digits[] = "0123456789abcdef";
        text[2 * i] = digits[bytes.data[i] >> 4];
        text[2 * i + 1] = digits[bytes.data[i] & 15];
    }
    text[2 * bytes.size] = '\0';
    assert_string_equal(text, hex);
}

// The exchange of RFC 7677 section 3: user "user", password "pencil", 4096 iterations. Its server signature is made
// with the server key, its client proof checked with the stored key.
static void keys_of_the_rfcs_example(void **state)
{
    (void)state;
    static const uint8_t salt[] = {0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e,
                                   0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81}; // W22ZaJ0SNY7soEsUEjb6gQ==
    struct arena arena = {0};
    uint8_t salted[32];
    assert_int_equal(PKCS5_PBKDF2_HMAC("pencil", 6, salt, sizeof(salt), 4096, EVP_sha256(), sizeof(salted), salted), 1);
    struct slice stored = SLICE_NULL, server = SLICE_NULL;
    scram_keys(false, slice_of(salted, sizeof(salted)), &arena, &stored, &server);
    expect_hex(stored, "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6");
    expect_hex(server, "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keys_of_the_rfcs_example)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
