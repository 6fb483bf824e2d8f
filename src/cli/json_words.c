// SPDX-License-Identifier: Apache-2.0
#include "cli/json_words.h"

#include <stdlib.h>

static bool fail(struct json_words *words, const char *class_name, const char *text)
{
    words->thrown = cli_thrown((struct cli_error){class_name, text});
    return false;
}

// "Expected WHAT, received JSON"
static bool unexpected(struct json_words *words, const char *what, const json_t *got)
{
    char *shown = json_dumps(got, JSON_COMPACT | JSON_ENCODE_ANY);
    const char *text = arena_printf(&words->cli->arena, "Expected %s, received %s", what, shown == NULL ? "" : shown);
    free(shown);
    return fail(words, "com.fasterxml.jackson.databind.JsonMappingException", text);
}

bool json_words_read(struct json_words *words, const char *path, struct slice *content)
{
    if (cli_read_file(words->cli, path, content) == OK) return true;
    (void)fail(words, "java.nio.file.NoSuchFileException", path);
    cli_wrap(&words->thrown, "java.io.IOException", arena_printf(&words->cli->arena, "Unable to read file %s", path));
    return false;
}

// Letters, digits and the like from where reading stopped: Jackson's "token".
static struct slice token_at(struct slice text)
{
    size_t start = 0, size = 0;
    while (start < text.size && strchr(" \t\r\n", text.data[start]) != NULL) start++;
    while (start + size < text.size) {
        uint8_t c = text.data[start + size];
        bool part =
            c >= 0x80 || c == '_' || c == '$' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
        if (!part) break;
        size++;
    }
    return slice_of(text.data + start, size);
}

json_t *json_words_parse(struct json_words *words, struct slice text)
{
    size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK;
    json_error_t error;
    json_t *root = json_loadb((const char *)text.data, text.size, flags, &error);
    if (root != NULL) return root;
    struct slice token = token_at(text);
    const char *what =
        token.size > 0 ? arena_printf(&words->cli->arena,
                                      "Unrecognized token '%.*s': was expecting (JSON String, Number, Array, Object "
                                      "or token 'null', 'true' or 'false')",
                                      SLICE_FMT(token))
                       : arena_str(&words->cli->arena, slice_str(error.text));
    (void)fail(words, "com.fasterxml.jackson.core.JsonParseException", what);
    return NULL;
}

bool json_words_object(struct json_words *words, const json_t *value)
{
    return json_is_object(value) || unexpected(words, "JSON object", value);
}

bool json_words_array(struct json_words *words, const json_t *value)
{
    return json_is_array(value) || unexpected(words, "JSON array", value);
}

bool json_words_field(struct json_words *words, const json_t *object, const char *name, const json_t **out)
{
    *out = json_object_get(object, name);
    if (*out != NULL) return true;
    return fail(words, "com.fasterxml.jackson.databind.JsonMappingException",
                arena_printf(&words->cli->arena, "No such field exists: `%s`", name));
}

bool json_words_int(struct json_words *words, const json_t *value, int32_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) > INT32_MAX || json_integer_value(value) < INT32_MIN) {
        return unexpected(words, "`Integer` value", value);
    }
    *out = (int32_t)json_integer_value(value);
    return true;
}

bool json_words_string(struct json_words *words, const json_t *value, struct slice *out)
{
    if (!json_is_string(value)) return unexpected(words, "`String` value", value);
    *out = arena_copy(&words->cli->arena, slice_of(json_string_value(value), json_string_length(value)));
    return true;
}
