// SPDX-License-Identifier: Apache-2.0
// Private to config.
#ifndef ODRADEK_CONFIG_CONFIG_INT_H
#define ODRADEK_CONFIG_CONFIG_INT_H

#include "config/topic.h"

// A text read as the type of its key. Numbers and booleans (0, 1) are in `integer`, doubles in `real`.
struct value {
    bool is_null;
    int64_t integer;
    double real;
    const char *text; // trimmed; in the arena
    struct config_list list;
};

// The rows of one resource, sorted by name; returns their count.
size_t config_keys_range(enum config_resource resource, const struct config_key **first);

struct config {
    struct config_pairs given; // file, environment, overrides: each name once, values trimmed
    struct value *values;      // by position among the broker keys
    bool is_default;           // no file: a combined node of its own
    struct config_list log_dirs;
    struct config_listeners listeners;
    const char *inter_broker_listener;
    struct config_voters voters;
    struct config_voters bootstrap;
};

struct slice config_trim(struct slice text);
bool config_equal_any_case(struct slice a, const char *b);
// "a, b ,c" to its items; an empty text has none.
struct config_list config_split(struct slice text, struct arena *arena);
// Reads and checks; what config_key_check says.
MUST_CHECK enum err config_value_read(const struct config_key *key, struct slice text, struct arena *arena,
                                      struct value *out, const char **why);
// The text Kafka shows for the value: lists joined with ",", booleans in lower case, doubles as Java prints them.
// NULL for null.
const char *config_value_show(const struct config_key *key, const struct value *value, struct arena *arena);

// The base key of listener.name.<listener>.[<mechanism>.]<key>, NULL when it is none.
const struct config_key *config_listener_key(struct slice name);
// data == NULL when the list has no such name. The last one wins.
struct slice config_pairs_find(struct config_pairs pairs, const char *name);

// The value of a broker key by name; aborts when there is none.
const struct value *config_value(const struct config *config, const char *name);

// Fills in listeners, inter_broker_listener, voters, bootstrap.
MUST_CHECK enum err config_read_listeners(struct config *config, struct arena *arena, const char **why);
MUST_CHECK enum err config_read_voters(struct config *config, struct arena *arena, const char **why);
// The checks across keys (kafka-configs, "Start-up checks operators meet").
MUST_CHECK enum err config_check_all(const struct config *config, struct arena *arena, const char **why);

// Kafka's order of names whose values stand in for `name`, itself included: log.retention.ms, .minutes, .hours and so
// on; returns how many, at most CONFIG_CHAIN_MAX.
enum { CONFIG_CHAIN_MAX = 3 };
int config_chain(const char *name, const char *chain[CONFIG_CHAIN_MAX]);
// The broker key a topic key falls back to, NULL for none.
const char *config_topic_synonym(const char *name);

#endif
