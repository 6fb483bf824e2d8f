// SPDX-License-Identifier: Apache-2.0
// A node: broker and controller in one process, over any env. Started and stopped from outside, never asks the
// operating system for anything itself, so several run side by side in a simulation.
#ifndef ODRADEK_BROKER_BROKER_H
#define ODRADEK_BROKER_BROKER_H

#include "base/err.h"
#include "config/config.h"
#include "env/env.h"

struct broker;

struct broker_options {
    const struct config *config; // borrowed until broker_free
    struct env **envs;           // the node's loops; envs[0]->log takes the log lines
    int env_count;
    // Both on shard 0's loop. `started`: clients are being served. `stopped`: every file is closed and the broker may
    // be freed once the loops have ended; `why` is OK after broker_stop, else what made the node give up.
    void (*started)(void *context, struct broker *broker);
    void (*stopped)(void *context, struct broker *broker, enum err why);
    // Optional: adds to the log who holds a port or a directory's lock, which only the process can find out.
    void (*explain_port)(void *context, const char *host, int port, enum err why);
    void (*explain_lock)(void *context, const char *dir, int64_t holder_pid);
    void *context;
    int64_t descriptor_limit; // of the process; 0 = unknown
    const char *working_dir; // where relative log directories start, for those who are told of them; NULL = nowhere
    const char *hostname; // advertised when neither listeners nor advertised.listeners name a host
};

// Before the loops run, or on shard 0's loop. Everything happens in messages to the loops; failures arrive in
// `stopped`.
struct broker *broker_start(const struct broker_options *options);
// Shard 0's loop. A clean stop: controlled shutdown, logs closed, clean markers written. Later calls change nothing.
void broker_stop(struct broker *broker);
// After `stopped`, when no loop runs any more.
void broker_free(struct broker *broker);
// The port the first client listener got (for port 0); 0 before `started`.
int broker_port(const struct broker *broker);

#endif
