// SPDX-License-Identifier: Apache-2.0
// Properties of clients, readers and formatters: files and "k=v" words.
#include "cli/cli_int.h"

void props_put(struct props *props, struct cli *cli, struct slice name, struct slice value)
{
    for (size_t i = 0; i < props->count; i++) {
        if (!slice_eq(props->items[i].name, name)) continue;
        props->items[i].value = value;
        return;
    }
    if (props->count == props->capacity) {
        size_t capacity = props->capacity == 0 ? 16 : props->capacity * 2;
        struct config_pair *items = ARENA_ARRAY(&cli->arena, struct config_pair, capacity);
        if (props->count > 0) memcpy(items, props->items, props->count * sizeof(*items));
        props->items = items;
        props->capacity = capacity;
    }
    props->items[props->count++] = (struct config_pair){.name = name, .value = value};
}

struct slice props_get(const struct props *props, const char *name)
{
    for (size_t i = 0; i < props->count; i++) {
        if (slice_eq_str(props->items[i].name, name)) return props->items[i].value;
    }
    return SLICE_NULL;
}

const char *props_string(struct cli *cli, const struct props *props, const char *name, const char *fallback)
{
    struct slice value = props_get(props, name);
    return slice_is_null(value) ? fallback : arena_str(&cli->arena, value);
}

void props_add_words(struct props *props, struct cli *cli, const struct jopt *options, int option)
{
    for (int i = 0; i < jopt_count(options, option); i++) {
        const char *word = jopt_at(options, option, i);
        const char *equals = strchr(word, '=');
        struct slice name = equals == NULL ? slice_str(word) : slice_of(word, (size_t)(equals - word));
        props_put(props, cli, name, equals == NULL ? SLICE("") : slice_str(equals + 1));
    }
}

enum err props_load(struct props *props, struct cli *cli, const char *path)
{
    struct slice content;
    enum err e = cli_read_file(cli, path, &content);
    if (e != OK) return e;
    struct config_pairs pairs;
    int line = 0;
    e = properties_parse(content, &cli->arena, &pairs, &line);
    if (e != OK) return e;
    for (size_t i = 0; i < pairs.count; i++) props_put(props, cli, pairs.items[i].name, pairs.items[i].value);
    return OK;
}

bool cli_parse_long(struct slice text, int64_t *out)
{
    size_t i = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool is_negative = i > 0 && text.data[0] == '-';
    if (i == text.size) return false;
    uint64_t value = 0, limit = (uint64_t)INT64_MAX + is_negative;
    for (; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        uint64_t digit = text.data[i] - (uint64_t)'0';
        if (value > (limit - digit) / 10) return false;
        value = value * 10 + digit;
    }
    *out = is_negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}
