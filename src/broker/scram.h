// SPDX-License-Identifier: Apache-2.0
// What a SCRAM credential holds of a salted password (RFC 5802): enough to check a proof, not enough to make one.
#ifndef ODRADEK_BROKER_SCRAM_H
#define ODRADEK_BROKER_SCRAM_H

#include <stdbool.h>

#include "base/arena.h"

// SHA-256, or SHA-512. Both keys in the arena.
void scram_keys(bool is_sha512, struct slice salted_password, struct arena *arena, struct slice *stored_key,
                struct slice *server_key);

#endif
