// SPDX-License-Identifier: Apache-2.0
// How the console consumer shows a record: Kafka's MessageFormatter classes by name (kafka-cli 4).
#ifndef ODRADEK_CLI_FORMATTER_H
#define ODRADEK_CLI_FORMATTER_H

#include "cli/cli_int.h"
#include "client/consumer.h"

enum formatter_kind {
    FORMAT_DEFAULT,
    FORMAT_LOGGING,
    FORMAT_NOOP,
    FORMAT_OFFSETS,
    FORMAT_GROUP_METADATA,
    FORMAT_TRANSACTION_LOG,
};

enum deserializer {
    DESERIALIZE_BYTES,
    DESERIALIZE_SHORT,
    DESERIALIZE_INTEGER,
    DESERIALIZE_LONG,
    DESERIALIZE_BOOLEAN,
    DESERIALIZE_FLOAT,
    DESERIALIZE_DOUBLE,
    DESERIALIZE_UUID,
    DESERIALIZE_BUFFER, // shown as java.nio.ByteBuffer shows itself
    DESERIALIZE_VOID,
};

struct formatter {
    enum formatter_kind kind;
    bool print_timestamp, print_partition, print_offset, print_delivery, print_epoch, print_headers, print_key,
        print_value;
    struct slice key_separator, line_separator, headers_separator, null_literal;
    enum deserializer key, value, headers;
};

// False: no such class.
bool formatter_find(const char *class_name, enum formatter_kind *out);
void formatter_init(struct formatter *formatter, struct cli *cli, enum formatter_kind kind, const struct props *props);
// Appends to cli->out. False: the record cannot be shown; `problem` gets the exception's class and text.
bool formatter_write(const struct formatter *formatter, struct cli *cli, const struct consumer_record *record,
                     struct cli_error *problem);

#endif
