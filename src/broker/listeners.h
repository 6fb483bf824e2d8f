// SPDX-License-Identifier: Apache-2.0
// The way in, on shard 0: sockets are bound, callers counted against max.connections and its like, and dealt out to the
// shards. A caller for whom there is no room waits, connected but unheard, as in Apache Kafka's backlog; one above its
// address's share is hung up on.
#ifndef ODRADEK_BROKER_LISTENERS_H
#define ODRADEK_BROKER_LISTENERS_H

#include "base/map.h"
#include "broker/shard.h"

struct conn;

struct listeners {
    struct list waiting; // struct held_socket: the node does not serve yet, or there is no room
    int waiting_count;
    struct map addresses; // struct caller: who holds how many connections
    int conn_count;
    // max.connection.creation.rate: what may still come in now, filled up with time.
    double allowance;
    int64_t allowance_ns;
    struct env_timer retry;
};

// Broker listeners only: what a controller answers other nodes comes with the cluster. Failures are in the log.
MUST_CHECK enum err listeners_bind(struct broker *broker);
// The node serves: those who wait come in.
void listeners_open(struct broker *broker);
void listeners_close(struct broker *broker);
void listeners_deinit(struct broker *broker);
// From the connection's shard, before it closes: there is room again.
void listeners_conn_ends(const struct conn *conn);

#endif
