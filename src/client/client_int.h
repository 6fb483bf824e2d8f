// SPDX-License-Identifier: Apache-2.0
// Private to the room client: what client.c, node.c and metadata.c share.
#ifndef ODRADEK_CLIENT_CLIENT_INT_H
#define ODRADEK_CLIENT_CLIENT_INT_H

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "client/client.h"

enum node_state {
    NODE_IDLE,       // no connection, none wanted
    NODE_BACKOFF,    // the last one failed; `timer` says when to try again
    NODE_CONNECTING, // `timer` = connect timeout
    NODE_VERSIONS,   // connected, ApiVersions asked; `timer` = connect timeout
    NODE_READY,      // `timer` = request timeout of the oldest call
};

enum { CLIENT_APIS_MAX = 128 };

struct api_range {
    int16_t min, max; // max < min: not served
};

// A broker, or a bootstrap address (negative id). Lives as long as the client: brokers are few.
struct client_node {
    struct list link;
    struct client *client;
    int32_t id;
    char *host;
    int port;
    bool is_listed; // in the last metadata answer (brokers), or usable for bootstrap
    bool is_added;  // by client_add_node: metadata says nothing of it, and only calls that name it go there
    enum node_state state;
    int failures; // connections lost or refused in a row
    struct env_conn *conn;
    struct env_timer timer;
    struct list queued;  // calls not wholly sent; the first may be partly
    struct list waiting; // sent, in the order of their answers
    int in_flight;       // both lists
    int32_t next_correlation;
    int versions_max; // of ApiVersions itself, lowered when the broker does not know ours
    struct client_call versions_call;
    struct api_range apis[CLIENT_APIS_MAX];
    uint8_t length[4]; // of the frame coming in
    size_t length_got;
    size_t frame_size;
    struct text frame;
};

// A topic somebody wanted.
struct topic_entry {
    struct client_topic topic;
    bool is_answered;
    char *name;
    struct map_link by_name;
    struct map_link by_id;
    bool has_id;
};

struct client {
    struct env *env;
    struct client_config config;
    char *bootstrap;
    char *client_id;
    struct list nodes;
    struct list unrouted; // calls without a node: routed in the next turn
    struct list finished; // calls whose `done` is due
    struct env_timer turn; // "as soon as possible": a timer, because it can be cancelled
    bool turn_is_set;
    bool is_freeing;
    uint32_t rotation;
    // metadata
    struct map topics_by_name;
    struct map topics_by_id;
    struct list listeners;
    int32_t controller_id;
    bool has_cluster;
    bool refresh_is_due; // somebody wants it
    bool refresh_is_open; // asked and not answered
    int refresh_failures;
    int64_t last_refresh_ns;
    struct env_timer refresh_timer;
    struct client_call refresh_call;
    struct arena refresh_arena; // holds the request
};

// client.c
void client_turn_soon(struct client *client);
// Ends an open call that is in no list: `done` comes in the next turn.
void call_finish(struct client *client, struct client_call *call, enum err err);
// A call lost its node: tried again elsewhere when its target allows, else ended with `err`.
void call_lost(struct client *client, struct client_call *call, enum err err);
int64_t backoff_ms(struct client *client, int32_t base_ms, int32_t max_ms, int failures);

// node.c
struct client_node *node_new(struct client *client, int32_t id, struct slice host, int port);
void node_free(struct client_node *node);
// Takes the call; connects when there is no connection.
void node_submit(struct client_node *node, struct client_call *call);
// Encodes and sends what is queued, as far as the connection takes it.
void node_flush(struct client_node *node);
void node_drop(struct client_node *node, enum err why);
// A new address for a known broker.
void node_move(struct client_node *node, struct slice host, int port);

// metadata.c
void client_metadata_start(struct client *client);
void client_metadata_deinit(struct client *client);
struct client_node *client_node_find(struct client *client, int32_t id);

#endif
