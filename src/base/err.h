// SPDX-License-Identifier: Apache-2.0
// One enum for every fallible call: Kafka's wire codes as they are, ours from -1000 down.
// Ours never reach the wire: `err_to_wire` maps them once, at the edge of broker/api.
#ifndef ODRADEK_BASE_ERR_H
#define ODRADEK_BASE_ERR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/assert.h"

enum err {
#define E(code, name, class, retriable, text) ERR_##name = (code),
#include "base/err.def"
#undef E
    OK = 0,
    ERR_IO = -1000,        // the kernel said no: the directory or connection is lost
    ERR_CORRUPT = -1001,   // bytes that cannot be what they claim to be
    ERR_NO_SPACE = -1002,  // disk full
    ERR_NOT_FOUND = -1003, // no such file, key or object
    ERR_EXISTS = -1004,    // already there
    ERR_AGAIN = -1005,     // would block: come back from a task, or on the next readiness
    ERR_TRUNCATED = -1006, // input ends inside a value
    ERR_TOO_LARGE = -1007, // over a limit of ours
    ERR_INVALID = -1008,   // an argument or setting outside its range
    ERR_CLOSED = -1009,    // the peer or object is gone
    ERR_BUSY = -1010,      // held by somebody else
    ERR_READ_ONLY = -1011, // the file system takes no changes
};

// "UNKNOWN_TOPIC_OR_PARTITION"; "IO" for ours; never NULL.
const char *err_name(enum err code);
// Kafka's text for its codes, a plain sentence for ours; never NULL.
const char *err_text(enum err code);
// Simple Java class name, e.g. "UnknownTopicOrPartitionException"; tools print it behind
// "org.apache.kafka.common.errors.".
const char *err_class(enum err code);
bool err_is_retriable(enum err code);
// The code a client may see: Kafka's codes unchanged, ours mapped (IO, NO_SPACE and READ_ONLY to KAFKA_STORAGE_ERROR,
// CORRUPT to CORRUPT_MESSAGE, the rest to UNKNOWN_SERVER_ERROR).
int16_t err_to_wire(enum err code);

#endif
