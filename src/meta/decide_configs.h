// SPDX-License-Identifier: Apache-2.0
// What the controller must know about configuration keys, asked of whoever owns the table (the config room, which this
// room may not include). Pure calls; strings they return live in the arena or for ever.
#ifndef ODRADEK_META_DECIDE_CONFIGS_H
#define ODRADEK_META_DECIDE_CONFIGS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/slice.h"

struct decide_config_pair {
    struct slice name;
    struct slice value;
};

// One line of CreateTopics' answer: what the topic will run with.
struct decide_config_entry {
    struct slice name;
    struct slice value; // may be null
    int8_t source;      // DescribeConfigs' code: 1 topic, 4 server.properties, 5 default
    bool is_read_only;
    bool is_sensitive;
};

struct decide_configs {
    void *context;
    // All settings of one new topic together. OK, or ERR_INVALID_CONFIG with Kafka's sentence in *why.
    enum err (*check_topic)(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                            const char **why);
    // Every topic key with its effective value.
    void (*describe_topic)(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                           struct decide_config_entry **out, int32_t *out_count);
    // All settings of one group together, of one client-metrics subscription together: OK, or a code and Kafka's
    // sentence in *why.
    enum err (*check_group)(void *context, const struct decide_config_pair *pairs, int32_t count, struct arena *arena,
                            const char **why);
    enum err (*check_client_metrics)(void *context, struct slice name, const struct decide_config_pair *pairs,
                                     int32_t count, struct arena *arena, const char **why);
    // The list of a topic's or broker's key with `operand` appended (subtracted), `old` null = not set. False: the key
    // is no list. Other types of resources have no lists, as far as Kafka's controller knows.
    bool (*change_list)(void *context, int8_t resource_type, struct slice key, struct slice old, struct slice operand,
                        bool subtracts, struct arena *arena, struct slice *out);
};

#endif
