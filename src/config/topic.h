// SPDX-License-Identifier: Apache-2.0
// A topic's settings resolved: topic override, else the broker synonym's chain (kafka-configs, "Precedence").
#ifndef ODRADEK_CONFIG_TOPIC_H
#define ODRADEK_CONFIG_TOPIC_H

#include "config/config.h"

// Values set at run time; they come from the metadata image. Either list may be empty.
struct config_dynamic {
    struct config_pairs broker;  // this broker's own
    struct config_pairs cluster; // the default of all brokers
};

enum durability { DURABILITY_COMMIT, DURABILITY_PAGE_CACHE };
enum topic_timestamp { TOPIC_TIMESTAMP_CREATE = 0, TOPIC_TIMESTAMP_LOG_APPEND = 1 }; // bit 3 of batch attributes

// What compression.type asks for; codec numbers are those of batch attributes.
enum topic_compression {
    TOPIC_COMPRESSION_NONE = 0, // "uncompressed"
    TOPIC_COMPRESSION_GZIP = 1,
    TOPIC_COMPRESSION_SNAPPY = 2,
    TOPIC_COMPRESSION_LZ4 = 3,
    TOPIC_COMPRESSION_ZSTD = 4,
    TOPIC_COMPRESSION_PRODUCER = 5, // keep the client's
};

struct topic_config {
    int segment_bytes;
    int64_t segment_ms;
    int64_t segment_jitter_ms;
    int segment_index_bytes;
    int index_interval_bytes;
    int64_t retention_ms;    // -1 = none
    int64_t retention_bytes; // -1 = none
    int64_t flush_messages;
    int64_t flush_ms;
    int max_message_bytes;
    enum topic_compression compression;
    int gzip_level; // -1 = the library's default
    int lz4_level;
    int zstd_level;
    enum topic_timestamp timestamp_type;
    int64_t timestamp_before_max_ms;
    int64_t timestamp_after_max_ms;
    int min_insync_replicas;
    bool cleanup_delete;
    bool cleanup_compact;
    bool preallocate;
    bool unclean_leader_election;
    bool remote_storage_enable;
    bool remote_copy_disable;
    bool remote_delete_on_disable;
    int64_t local_retention_ms;    // -2 resolved to retention_ms
    int64_t local_retention_bytes; // -2 resolved to retention_bytes
    int64_t delete_retention_ms;
    int64_t min_compaction_lag_ms;
    int64_t max_compaction_lag_ms;
    double min_cleanable_dirty_ratio;
    int64_t file_delete_delay_ms;
    enum durability durability;
};

// `dynamic` may be NULL. Values that do not parse (a newer version's) count as absent, so it cannot fail.
void topic_config_resolve(const struct config *config, const struct config_dynamic *dynamic,
                          struct config_pairs overrides, struct topic_config *out);

// What CreateTopics and IncrementalAlterConfigs check: all overrides of one topic together, each name, value and the
// combinations. ERR_INVALID_CONFIG with Kafka's text in *why, in the arena.
MUST_CHECK enum err topic_config_check(const struct config *config, const struct config_dynamic *dynamic,
                                       struct config_pairs overrides, struct arena *arena, const char **why);

#endif
