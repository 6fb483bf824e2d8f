// SPDX-License-Identifier: Apache-2.0
// The node's metadata: the raft driver over __cluster_metadata-0 and the controller behind it, both on shard 0.
// Everything here is called on shard 0's loop and calls back there, never inside the call that asked.
//
// Life:   metadata_start -> on_image ... -> on_ready (registered, fenced, image caught up)
//         broker loads its logs -> metadata_unfence -> done -> listeners open
//         metadata_stop (controlled shutdown: leaders moved, fenced, log flushed) -> done -> metadata_free
#ifndef ODRADEK_BROKER_METADATA_H
#define ODRADEK_BROKER_METADATA_H

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"
#include "env/env.h"
#include "meta/image.h"

struct config;
struct logdir;
struct metadata;

struct metadata_options {
    struct env *env;             // shard 0
    const struct config *config; // node.id, num.partitions, controller.quorum.voters... must outlive the metadata
    struct logdir **dirs;        // open and locked; all of log.dirs
    int dir_count;
    struct logdir *metadata_dir; // the one that holds __cluster_metadata-0 (metadata.log.dir, by default dirs[0])
    // What the node tells the cluster about itself; copied.
    const struct image_endpoint *endpoints; // advertised broker listeners
    int endpoint_count;
    const struct image_endpoint *controller_endpoints;
    int controller_endpoint_count;
    struct slice rack;             // null = none
    int64_t previous_broker_epoch; // from the clean-shutdown files, -1 unknown (kafka-internals A1)

    void *context;
    // Ids of the cordoned directories by an image's settings; NULL = none ever is.
    struct uuid *(*cordoned)(void *context, const struct image *image, struct arena *arena, int32_t *count);
    // The controller has taken what metadata_tell_directories told it; may be NULL.
    void (*directories_told)(void *context);
    // A new image, once per turn; `image` and `delta` are borrowed for the call (ref them to keep them).
    void (*on_image)(void *context, struct image *image, struct image_delta *delta);
    void (*on_ready)(void *context);
    // The node cannot go on: metadata directory lost, or a committed record this build cannot apply. `why` is a
    // sentence for the log. Called at most once.
    void (*on_fatal)(void *context, enum err why, const char *text);
};

// ERR_CORRUPT, ERR_INVALID, ERR_IO...: nothing was started, `problem` (may be NULL) says why and what to do. Reads the
// directory (blocking; before the loops run, or from shard 0's start).
MUST_CHECK enum err metadata_start(const struct metadata_options *options, struct text *problem, struct metadata **out);
// Asks the controller to unfence this broker and starts its heartbeats; `done` once committed and in the image.
void metadata_unfence(struct metadata *metadata, void (*done)(void *context, enum err result), void *context);
// The directories that are offline or cordoned have changed (directories.h): the controller is told at once.
void metadata_tell_directories(struct metadata *metadata);
// Controlled shutdown; `done` when the records are durable. Answers open requests with NOT_CONTROLLER.
void metadata_stop(struct metadata *metadata, void (*done)(void *context), void *context);
void metadata_free(struct metadata *metadata);

// The current image, borrowed until the next turn.
struct image *metadata_image(const struct metadata *metadata);
// The last image's offset is ApiVersions' FinalizedFeaturesEpoch (kafka-internals D7).
int64_t metadata_broker_epoch(const struct metadata *metadata);  // -1 before registration
int32_t metadata_controller_id(const struct metadata *metadata); // -1 = none known
struct slice metadata_cluster_id(const struct metadata *metadata);

#endif
