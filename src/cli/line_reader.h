// SPDX-License-Identifier: Apache-2.0
// LineMessageReader: a line of text as a record (kafka-cli 3).
#ifndef ODRADEK_CLI_LINE_READER_H
#define ODRADEK_CLI_LINE_READER_H

#include "cli/cli_int.h"
#include "client/producer.h"

enum { READER_HEADERS_MAX = 4096 };

struct line_reader {
    bool parse_key;
    bool parse_headers;
    bool ignore_error;
    struct slice key_separator;
    struct slice headers_delimiter;
    struct slice headers_separator; // a regular expression
    struct slice headers_key_separator;
    struct slice null_marker; // null = none
    struct regex *separator;
    int64_t line_number;
    struct record_header headers[READER_HEADERS_MAX];
};

// False: `problem` says why (a KafkaException's text).
bool line_reader_init(struct line_reader *reader, const struct props *props, struct text *problem);
void line_reader_deinit(struct line_reader *reader);
// Key, value and headers of the line; they borrow from it. False: `problem`.
bool line_reader_parse(struct line_reader *reader, struct slice line, struct producer_record *out,
                       struct text *problem);

#endif
