// SPDX-License-Identifier: Apache-2.0
// Kafka's metadata versions and feature levels: which release has which (org.apache.kafka.server.common, 4.3.1).
#ifndef ODRADEK_CLI_FEATURES_H
#define ODRADEK_CLI_FEATURES_H

#include <stdbool.h>
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
    const char *name;                // "4.0-IV3"
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

// What kafka-storage and kafka-features have in common.
struct cli;
// "Unknown metadata.version 'TEXT'. Supported metadata.version are: ..."
const char *metadata_version_unknown(struct cli *cli, const char *text, bool with_unstable);
// The features that come with a release (NULL = the latest), one line each. False: said that there is no such release.
bool features_print_mapping(struct cli *cli, const char *release);

enum features_printed { FEATURES_PRINTED, FEATURES_UNKNOWN_VERSION, FEATURES_UNKNOWN, FEATURES_UNKNOWN_LEVEL };
// "NAME=LEVEL has no dependencies." and the like.
enum features_printed features_print_dependencies(struct cli *cli, const char *name, int level);
// FEATURE_COUNT: none has that name.
enum feature feature_find(const char *name);

#endif
