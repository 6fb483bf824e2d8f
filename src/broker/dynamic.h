// SPDX-License-Identifier: Apache-2.0
// A broker key as it holds on this node at this moment: its own dynamic value, else the default of all brokers, else
// server.properties, else Kafka's default. Asked on any shard, about its own image; a look-up is two hashes and a
// parse, so ask when something begins (a connection, a request that is not produce or fetch), not per record.
#ifndef ODRADEK_BROKER_DYNAMIC_H
#define ODRADEK_BROKER_DYNAMIC_H

#include "broker/shard.h"

// Keys of the table (config/keys.def) of type int, short, long. A dynamic value that does not read counts as absent.
int64_t dynamic_int(const struct shard *shard, const char *key);
double dynamic_double(const struct shard *shard, const char *key);
bool dynamic_bool(const struct shard *shard, const char *key);
// Strings and lists as given; null when nothing was and the default is null. Borrowed from the image or the
// configuration: valid for this turn.
struct slice dynamic_text(const struct shard *shard, const char *key);
// listener.name.<listener>.<key>, wherever it is set. False when it is not: ask for the plain key.
bool dynamic_listener_int(const struct shard *shard, const char *listener, const char *key, int64_t *out);

// Values that are asked for too often to be looked up stand in the shard; this brings them up to date.
void dynamic_refresh(struct shard *shard);

#endif
