// SPDX-License-Identifier: Apache-2.0
// Formatting a node's directories as `kafka-storage.sh format` does (kafka-internals A1, A10). Blocking; for the tool,
// for automatic formatting before the loops run, and for tests.
#ifndef ODRADEK_BROKER_FORMAT_H
#define ODRADEK_BROKER_FORMAT_H

#include "base/err.h"
#include "base/slice.h"
#include "base/text.h"
#include "base/uuid.h"
#include "env/env.h"

// One `--feature name=level`, or what --release-version implies.
struct format_feature {
    const char *name;
    int16_t level;
};

struct format_voter {
    int32_t id;
    struct uuid directory_id;
    struct slice host;
    uint16_t port;
};

struct format_options {
    struct fs *fs;
    int64_t wall_ms; // for the date in meta.properties
    void (*random)(void *context, void *to, size_t size);
    void *random_context;
    struct slice cluster_id;
    int32_t node_id;
    const char *const *dirs; // log.dirs
    int dir_count;
    const char *metadata_dir;              // one of dirs, or another
    int16_t metadata_version;              // 0 = the newest this build serves (30)
    const struct format_feature *features; // beyond metadata.version; NULL = the defaults of that version
    int feature_count;
    const char *metadata_version_name; // as the report says it; NULL = "4.3-IV0"
    const struct slice *records;       // more of bootstrap.checkpoint, encoded (SCRAM credentials)
    int record_count;
    // Dynamic quorum (--standalone, --initial-controllers): who votes first. NULL = none: a broker, an observer
    // (--no-initial-controllers), or static voters. `self_is_voter` lets voters[i].directory_id of this node be made
    // here.
    struct format_voter *voters;
    int voter_count;
    struct slice controller_listener; // "CONTROLLER"
    bool is_standalone;               // voters[0] is this node: its directory id is generated
    bool ignores_formatted;
    struct text *report; // gets the tool's lines, one per directory, without the "Bootstrap metadata" line; may be NULL
};

// ERR_EXISTS: a directory is formatted already and !ignores_formatted; ERR_INVALID: unusable options. `problem` gets
// the tool's own sentence.
MUST_CHECK enum err format_directories(const struct format_options *options, struct text *problem);
// Whether `dir` holds a meta.properties: OK, ERR_NOT_FOUND, or ERR_IO...
MUST_CHECK enum err format_is_formatted(struct fs *fs, const char *dir);

#endif
