// SPDX-License-Identifier: Apache-2.0
// JSON files as Kafka's tools read them, with the errors that Kafka's JsonValue and Jackson have.
#ifndef ODRADEK_CLI_JSON_WORDS_H
#define ODRADEK_CLI_JSON_WORDS_H

#include "cli/cli_int.h"

#include <jansson.h>

// False from any of these: `thrown` says why.
struct json_words {
    struct cli *cli;
    struct cli_thrown thrown;
};

// The content of a file. "Unable to read file NAME", java.io.IOException.
bool json_words_read(struct json_words *words, const char *path, struct slice *content);
// What Jackson makes of text: its first value. NULL: that is no JSON, and `thrown` holds Jackson's exception; free with
// json_decref.
json_t *json_words_parse(struct json_words *words, struct slice text);
bool json_words_object(struct json_words *words, const json_t *value);
bool json_words_array(struct json_words *words, const json_t *value);
bool json_words_field(struct json_words *words, const json_t *object, const char *name, const json_t **out);
bool json_words_int(struct json_words *words, const json_t *value, int32_t *out);
// In the arena.
bool json_words_string(struct json_words *words, const json_t *value, struct slice *out);

#endif
