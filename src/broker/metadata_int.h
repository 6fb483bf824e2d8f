// SPDX-License-Identifier: Apache-2.0
// What drive_raft.c (log and quorum), controller.c (decisions) and controller_life.c (this broker's own registration)
// share.
#ifndef ODRADEK_BROKER_METADATA_INT_H
#define ODRADEK_BROKER_METADATA_INT_H

#include "broker/controller.h"
#include "broker/metadata.h"
#include "config/config.h"
#include "meta/decide.h"
#include "raft/control.h"
#include "store/store.h"

// Appended but not committed yet: an image to show, or an answer to give, once the high watermark reaches `end_offset`.
struct metadata_waiter {
    struct list link;
    int64_t end_offset;
    struct image *image; // with its delta; NULL for an answer
    struct image_delta *delta;
    int64_t timestamp_ms; // of the image's newest batch
    controller_done *done;
    void *context;
    enum err result;
    struct text response;
};

enum metadata_life {
    METADATA_ELECTING,
    METADATA_REGISTERING,
    METADATA_READY,
    METADATA_SERVING,
    METADATA_STOPPING,
    METADATA_CLOSED,
    METADATA_FAILED
};

struct metadata {
    struct metadata_options options;
    struct env *env;
    struct log *log;
    struct arena arena; // as long as the node runs
    char *dir;          // .../__cluster_metadata-0
    int32_t node_id;
    char cluster_id[64];
    struct uuid incarnation_id;
    struct uuid controller_incarnation_id;
    struct decide_settings settings;

    struct plog *plog;
    struct raft raft;
    struct raft_quorum quorum;
    struct raft_effects effects;
    int next_effect;
    bool is_saving;         // effects behind the save wait, and so do events
    bool closes_after_save; // or after the snapshot under way
    bool is_closing;        // the log takes nothing any more, events are ignored
    bool has_tick;          // waiting events
    int64_t synced_offset;  // -1 none
    struct env_task save_task;
    struct text save_text;
    enum err save_result;
    struct env_timer timer;
    struct plog_op close_op;

    struct image_builder *builder;   // everything appended, committed or not
    struct image *image;             // last shown
    int64_t append_timestamp_ms;     // of the newest batch
    int64_t shown_timestamp_ms;      // of the newest batch in `image`
    struct env_timer snapshot_timer; // snapshots.c
    int64_t snapshot_interval_ms;
    int64_t snapshot_bytes;
    int64_t bytes_since_snapshot; // of records
    int64_t snapshot_end;         // of the newest, 0 = none
    bool is_snapping;             // a task writes one
    struct list waiters;          // by end_offset
    struct env_msg capture;       // at the end of a turn that appended
    bool is_capturing;
    struct env_msg deliver; // committed waiters, in a later step
    bool is_delivering;
    bool is_leading;
    bool is_log_empty;                      // no record has ever been written: the bootstrap is due
    struct feature_level_record *bootstrap; // levels of bootstrap.checkpoint; NULL = this build's defaults
    int32_t bootstrap_count;
    struct slice *bootstrap_scram; // its SCRAM credentials, encoded records
    int32_t bootstrap_scram_count;

    enum metadata_life life;
    int64_t broker_epoch;
    void (*unfenced)(void *context, enum err result);
    void *unfenced_context;
    void (*stopped)(void *context);
    void *stopped_context;
};

// drive_raft.c
// Appends as one batch (several, if they are too many for one), applies to the builder. Leader only. Returns the end
// offset.
int64_t metadata_append(struct metadata *m, const struct metadata_records *records);
// Frees nothing; `waiter` is delivered when everything below its end_offset is committed.
void metadata_wait(struct metadata *m, struct metadata_waiter *waiter);
void metadata_fail(struct metadata *m, enum err why, const char *text);
void metadata_close_log(struct metadata *m); // then stopped()
void metadata_begin(struct metadata *m);     // after loading
extern const struct plog_owner metadata_plog_owner;

// snapshots.c
// `count` decimal digits of a file's name; false: not all of them are.
bool metadata_digits(const char *digits, int count, int64_t *out);

// controller.c
void controller_activate(struct metadata *m);
void controller_init_settings(struct metadata *m);
// Blocking: the feature levels of bootstrap.checkpoint, for an empty log.
void controller_load_bootstrap(struct metadata *m);

// controller_life.c
void controller_register(struct metadata *m);

#endif
