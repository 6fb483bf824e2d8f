// SPDX-License-Identifier: Apache-2.0
// Kafka's metadata versions and feature levels: which release has which (org.apache.kafka.server.common, 4.3.1).
#ifndef ODRADEK_CLI_FEATURES_H
#define ODRADEK_CLI_FEATURES_H

#include <stddef.h>
#include <stdint.h>

enum feature {
    FEATURE_KRAFT,
    FEATURE_TRANSACTION,
    FEATURE_GROUP,
    FEATURE_ELR,
    FEATURE_SHARE,
    FEATURE_STREAMS,
    FEATURE_COUNT,
};

struct metadata_version {
    int16_t level;
    const char *name;               // "4.0-IV3"
    int16_t defaults[FEATURE_COUNT]; // levels a cluster formatted with it gets
};

enum { METADATA_VERSION_LATEST = 30 }; // 4.3-IV0; above it nothing is stable

extern const char *const feature_names[FEATURE_COUNT]; // "kraft.version" ... in the order the tool lists them
extern const int16_t feature_levels_max[FEATURE_COUNT];

// All, oldest first; NULL past the end.
const struct metadata_version *metadata_version_at(size_t index);
const struct metadata_version *metadata_version_of_level(int level);
// "4.0-IV3", or a release such as "4.0" and "4.0.1": the last stable version of it. NULL when unknown.
const struct metadata_version *metadata_version_of_text(const char *text);

#endif
