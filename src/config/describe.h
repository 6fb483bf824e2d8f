// SPDX-License-Identifier: Apache-2.0
// What DescribeConfigs answers: each entry with its value, source and synonyms in Kafka's order.
#ifndef ODRADEK_CONFIG_DESCRIBE_H
#define ODRADEK_CONFIG_DESCRIBE_H

#include "config/topic.h"

// Wire codes (kafka-configs, "Wire codes").
enum config_source {
    CONFIG_SOURCE_UNKNOWN = 0,
    CONFIG_SOURCE_TOPIC = 1,
    CONFIG_SOURCE_DYNAMIC_BROKER = 2,
    CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER = 3,
    CONFIG_SOURCE_STATIC = 4,
    CONFIG_SOURCE_DEFAULT = 5,
    CONFIG_SOURCE_DYNAMIC_LOGGER = 6,
    CONFIG_SOURCE_CLIENT_METRICS = 7,
    CONFIG_SOURCE_GROUP = 8,
};

struct config_synonym {
    const char *name;
    const char *value; // NULL for a sensitive one
    enum config_source source;
};

// All strings in the arena or static. Lists as DescribeConfigs shows them: items joined with ",".
struct config_entry {
    const char *name;
    const char *value; // NULL = null, and always for a sensitive one
    enum config_source source;
    enum config_type type;
    bool is_read_only;
    bool is_sensitive;
    const struct config_synonym *synonyms; // the first is the entry's own value; [] when the source is unknown
    size_t synonym_count;
};

struct config_entries {
    const struct config_entry *items;
    size_t count;
};

// `names` filters as the request's configuration_keys do; NULL items = all. `dynamic` may be NULL.
void config_describe_topic(const struct config *config, const struct config_dynamic *dynamic,
                           struct config_pairs overrides, const struct slice *names, size_t name_count,
                           struct arena *arena, struct config_entries *out);
void config_describe_broker(const struct config *config, const struct config_dynamic *dynamic,
                            const struct slice *names, size_t name_count, struct arena *arena,
                            struct config_entries *out);
// Every group key; `overrides` are the group's own settings.
void config_describe_group(const struct config *config, const struct config_dynamic *dynamic,
                           struct config_pairs overrides, const struct slice *names, size_t name_count,
                           struct arena *arena, struct config_entries *out);
void config_describe_client_metrics(struct config_pairs overrides, const struct slice *names, size_t name_count,
                                    struct arena *arena, struct config_entries *out);
// What a key means, in our words; NULL for a name that is not in the table.
const char *config_documentation(enum config_resource resource, const char *name);
// The resource "" of type broker: the dynamic cluster defaults alone.
void config_describe_cluster(const struct config_dynamic *dynamic, const struct slice *names, size_t name_count,
                             struct arena *arena, struct config_entries *out);

#endif
