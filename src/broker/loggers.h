// SPDX-License-Identifier: Apache-2.0
// Log levels set by a client (KIP-412): the resource BROKER_LOGGER. They hold until the node stops.
#ifndef ODRADEK_BROKER_LOGGERS_H
#define ODRADEK_BROKER_LOGGERS_H

#include "base/log.h"
#include "config/alter.h"

// ERR_INVALID_CONFIG, ERR_INVALID_REQUEST with Kafka's text; ERR_UNKNOWN_SERVER_ERROR for an operation there is not.
MUST_CHECK enum err loggers_check(const struct config_change *change, struct arena *arena, const char **why);
// A change that was checked. Any shard.
void loggers_change(struct log *log, const struct config_change *change);

#endif
