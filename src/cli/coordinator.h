// SPDX-License-Identifier: Apache-2.0
// A group's coordinator: looked up (FindCoordinator), asked, and both again while it loads (14), is not there (15) or
// has moved (16).
#ifndef ODRADEK_CLI_COORDINATOR_H
#define ODRADEK_CLI_COORDINATOR_H

#include "cli/cli_int.h"

struct coordinator {
    int32_t node;
    struct slice host; // in the arena
    int port;
};

// One request about one group.
struct coordinator_call {
    int16_t api_key;
    const void *request;
    int version_min, version_max;
    const char *name;                                    // AdminClient's, "describeConsumerGroups"
    enum err (*code)(const void *response, int version); // what decides about another try
};

// Asks until the answer is about the group. True: call->response is there. False: `error` says why. The caller deinits
// the call either way.
bool coordinator_ask(struct cli *cli, struct client *client, struct slice group, const struct coordinator_call *what,
                     struct client_call *call, struct coordinator *coordinator, struct cli_error *error);

#endif
