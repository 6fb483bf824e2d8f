// SPDX-License-Identifier: Apache-2.0
// Quotas of users, client ids and addresses, and SCRAM credentials, as AdminClient asks for them. Answers live in the
// arena of the run.
#ifndef ODRADEK_CLI_ADMIN_QUOTAS_H
#define ODRADEK_CLI_ADMIN_QUOTAS_H

#include "cli/cli_int.h"

enum { ADMIN_QUOTA_PARTS = 3 };

// One part of an entity, or of what to ask for.
struct admin_quota_part {
    const char *type;  // "user", "client-id", "ip"
    struct slice name; // null = the default entity
    bool is_any;       // when asking: any name
};

struct admin_quota_value {
    struct slice key;
    double value;
    bool is_removed; // when altering
};

struct admin_quota {
    struct admin_quota_part parts[ADMIN_QUOTA_PARTS];
    int part_count;
    struct admin_quota_value *values; // in the order of Java's map
    int32_t value_count;
};

// Entities that have exactly these types, in the order of Java's map.
bool admin_describe_quotas(struct cli *cli, struct client *client, const struct admin_quota_part *parts, int part_count,
                           struct admin_quota **out, int32_t *count, struct cli_error *error);
bool admin_alter_quota(struct cli *cli, struct client *client, const struct admin_quota *quota,
                       struct cli_error *error);

enum admin_scram { ADMIN_SCRAM_SHA_256 = 1, ADMIN_SCRAM_SHA_512 = 2 }; // wire codes

// The mechanism of that name, 0 for none.
int admin_scram_find(struct slice name);
const char *admin_scram_name(int mechanism);

struct admin_credential {
    int mechanism;
    int32_t iterations;
};

struct admin_scram_user {
    struct slice name;
    struct admin_credential *credentials;
    int32_t credential_count;
    bool has_failed;
    struct cli_error error;
};

// All users for `count` 0. Users that do not exist are left out.
bool admin_describe_scram(struct cli *cli, struct client *client, const struct slice *names, int32_t count,
                          struct admin_scram_user **out, int32_t *out_count, struct cli_error *error);

struct admin_scram_change {
    int mechanism;
    bool is_removed;
    int32_t iterations;
    struct slice password;
};

bool admin_alter_scram(struct cli *cli, struct client *client, struct slice user,
                       const struct admin_scram_change *changes, int32_t count, struct cli_error *error);

#endif
