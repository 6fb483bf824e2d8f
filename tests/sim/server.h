// SPDX-License-Identifier: Apache-2.0
// A broker on a node of the simulator, as nearly every scenario wants one.
#ifndef ODRADEK_TESTS_SIM_SERVER_H
#define ODRADEK_TESTS_SIM_SERVER_H

#include "broker/broker.h"
#include "harness.h"

enum { SERVER_SETTINGS_MAX = 16, SERVER_WAIT_MS = 120000 };
#define SERVER_HOST "node"

struct sim_server {
    struct sim_case *at;
    struct sim_node *node;
    const char *settings[SERVER_SETTINGS_MAX]; // key=value
    size_t setting_count;
    bool may_give_up; // else that fails the case
    struct broker *broker;
    bool is_serving;
    bool has_given_up;
    enum err why;
};

// Makes the node, with two loops. `settings` (NULL-terminated, may be NULL) come on top of listeners on
// SERVER_HOST:9092 and a small journal; log.dirs is among them.
void sim_server_init(struct sim_server *server, struct sim_case *at, const char *const *settings);
void sim_server_set(struct sim_server *server, const char *setting);
// Boots it, the node too when that is down, and waits until it serves, has given up where it may, or is down again.
void sim_server_start(struct sim_server *server);

#endif
