// SPDX-License-Identifier: Apache-2.0
// metadata_start: what a directory holds (kafka-internals A10) becomes log, quorum and image. Blocking, before anything
// of the node is shown. Order: log (recovered from its start, as Kafka does), newest snapshot, the log from the
// snapshot's end, quorum-state; then the quorum core decides what this node is.
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/metadata_int.h"
#include "broker/snapshots.h"
#include "raft/quorum_state.h"

enum { FILE_BYTES_MAX = 1 << 30, NAMES_MAX = 1 << 16, OFFSET_DIGITS = 20 };

struct loading {
    struct metadata *m;
    struct fs *fs;
    struct arena arena;
    struct text *problem;
    const char **names;
    int name_count;
    int64_t snapshot_end; // -1 none
    int32_t snapshot_epoch;
    struct raft_epoch *epochs;
    int32_t epoch_count;
    int32_t epoch_capacity;
    int64_t next_offset; // behind the last batch seen
};

static enum err complain(struct loading *l, enum err code, const char *format, ...) PRINTF_LIKE(3, 4);
static enum err complain(struct loading *l, enum err code, const char *format, ...)
{
    va_list args;
    char line[1024];
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (l->problem != NULL) text_add_str(l->problem, line);
    return code;
}

static enum err take_name(void *context, const char *name)
{
    struct loading *l = context;
    if (l->name_count == NAMES_MAX) return ERR_TOO_LARGE;
    l->names[l->name_count++] = arena_printf(&l->arena, "%s", name);
    return OK;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err list_dir(struct loading *l)
{
    l->names = ARENA_ARRAY(&l->arena, const char *, NAMES_MAX);
    enum err e = fs_list(l->fs, l->m->dir, take_name, l);
    if (e != OK) return complain(l, e, "%s cannot be listed: %s", l->m->dir, err_text(e));
    qsort(l->names, (size_t)l->name_count, sizeof(*l->names), compare_names);
    return OK;
}

static enum err read_file(struct loading *l, const char *name, struct text *out)
{
    const char *path = arena_printf(&l->arena, "%s/%s", l->m->dir, name);
    struct file *file = NULL;
    struct file_stat stat = {0};
    enum err e = fs_open(l->fs, path, FILE_READ, &file);
    if (e == OK) e = file_stat(file, &stat);
    if (e == OK && stat.size_bytes > FILE_BYTES_MAX) e = ERR_TOO_LARGE;
    size_t got = 0;
    if (e == OK) e = file_pread(file, 0, text_reserve(out, (size_t)stat.size_bytes), (size_t)stat.size_bytes, &got);
    if (e == OK) text_grew(out, got);
    file_unref(file);
    if (e != OK && e != ERR_NOT_FOUND) return complain(l, e, "%s cannot be read: %s", path, err_text(e));
    return e;
}

static enum err apply_batch(struct loading *l, const char *name, const struct batch_view *batch)
{
    struct metadata *m = l->m;
    enum err e = raft_quorum_read(&m->quorum, batch, &m->arena);
    if (e != OK)
        return complain(l, e, "%s/%s: a malformed control record at offset %lld", m->dir, name,
                        (long long)batch->header.base_offset);
    e = image_builder_batch(m->builder, batch->bytes, l->problem);
    if (e != OK && l->problem != NULL) text_printf(l->problem, " (in %s/%s)", m->dir, name);
    if (e == OK && !batch_is_control(&batch->header)) m->is_log_empty = false;
    return e;
}

// What a crash left of a snapshot that was being written, or being removed.
static enum err drop_unfinished(struct loading *l)
{
    static const char *const endings[] = {".checkpoint.part", ".checkpoint.deleted"};
    enum err e = OK;
    for (int i = 0; i < l->name_count && e == OK; i++) {
        for (size_t k = 0; k < COUNT_OF(endings) && e == OK; k++) {
            size_t size = strlen(l->names[i]), ending = strlen(endings[k]);
            if (size >= ending && strcmp(l->names[i] + size - ending, endings[k]) == 0)
                e = fs_unlink(l->fs, arena_printf(&l->arena, "%s/%s", l->m->dir, l->names[i]));
        }
    }
    return e;
}

static enum err load_snapshot(struct loading *l)
{
    const char *newest = NULL;
    for (int i = 0; i < l->name_count; i++) {
        struct snapshot_name name;
        if (!snapshot_name_parse(l->names[i], &name)) continue;
        newest = l->names[i]; // names ascend, so the last one wins
        l->snapshot_end = l->m->snapshot_end = name.end_offset;
        l->snapshot_epoch = name.epoch;
    }
    if (newest == NULL) return OK;
    struct text bytes = {0};
    enum err e = read_file(l, newest, &bytes);
    struct batch_iter it = batch_iter(text_slice(&bytes));
    struct batch_view batch;
    while (e == OK && batch_next(&it, &batch)) e = apply_batch(l, newest, &batch);
    if (e == OK && it.err != OK)
        e = complain(l, ERR_CORRUPT, "the snapshot %s/%s ends inside a batch", l->m->dir, newest);
    if (e == OK) image_builder_set_position(l->m->builder, l->snapshot_end - 1, l->snapshot_epoch);
    text_deinit(&bytes);
    return e;
}

static void note_epoch(struct loading *l, int32_t epoch, int64_t offset)
{
    if (l->epoch_count > 0 && l->epochs[l->epoch_count - 1].epoch >= epoch) return;
    if (l->epoch_count == l->epoch_capacity) {
        l->epoch_capacity = l->epoch_capacity == 0 ? 64 : l->epoch_capacity * 2;
        l->epochs = mem_realloc(l->epochs, (size_t)l->epoch_capacity * sizeof(*l->epochs));
    }
    l->epochs[l->epoch_count++] = (struct raft_epoch){epoch, offset};
}

// The segments as recovery left them, in order.
static enum err load_log(struct loading *l)
{
    int64_t end = plog_assigned_end(l->m->plog);
    int64_t from = l->snapshot_end > 0 ? l->snapshot_end : 0;
    if (end < from)
        return complain(l, ERR_CORRUPT,
                        "%s: the newest snapshot ends at offset %lld but the log already at %lld; remove neither, "
                        "restore the log from a copy or from another controller",
                        l->m->dir, (long long)from, (long long)end);
    for (int i = 0; i < l->name_count; i++) {
        const char *name = l->names[i];
        int64_t base = 0;
        if (strlen(name) != OFFSET_DIGITS + 4 || strcmp(name + OFFSET_DIGITS, ".log") != 0 ||
            !metadata_digits(name, OFFSET_DIGITS, &base))
            continue;
        struct text bytes = {0};
        enum err e = read_file(l, name, &bytes);
        struct batch_iter it = batch_iter(text_slice(&bytes));
        struct batch_view batch;
        while (e == OK && batch_next(&it, &batch)) {
            const struct batch_header *h = &batch.header;
            if (l->next_offset == 0 && h->base_offset > from)
                e = complain(l, ERR_CORRUPT,
                             "%s: the log starts at offset %lld and no snapshot covers what is before it", l->m->dir,
                             (long long)h->base_offset);
            note_epoch(l, h->partition_leader_epoch, h->base_offset);
            l->next_offset = batch_last_offset(h) + 1;
            if (h->base_offset < from) continue;
            if (e == OK) e = apply_batch(l, name, &batch);
            l->m->bytes_since_snapshot += (int64_t)batch.bytes.size;
            l->m->append_timestamp_ms = h->max_timestamp;
        }
        text_deinit(&bytes);
        if (e != OK) return e;
    }
    if (l->next_offset != 0 && l->next_offset != end)
        return complain(l, ERR_CORRUPT, "%s: the segments end at offset %lld, the log at %lld", l->m->dir,
                        (long long)l->next_offset, (long long)end);
    return OK;
}

static enum err open_log(struct loading *l)
{
    struct metadata *m = l->m;
    struct plog_options options = {PLOG_OPTIONS_DEFAULTS};
    options.segment_bytes = config_get_int(m->options.config, "metadata.log.segment.bytes");
    options.segment_ms = config_get_long(m->options.config, "metadata.log.segment.ms");
    options.file_delete_delay_ms = config_get_long(m->options.config, "internal.metadata.delete.delay.millis");
    options.has_producers = false;
    const struct plog_load_params params = {
        .dir = m->options.metadata_dir,
        .topic = SLICE("__cluster_metadata"),
        .topic_id = {.bytes = {[15] = 1}},
        .was_clean = false, // Kafka, too, validates the whole metadata log at every start
        .wall_ms = env_wall_ms(m->env),
        .options = &options,
        .log = m->log,
    };
    struct plog_load_report report = {0};
    struct file_stat stat;
    enum err e = fs_stat(l->fs, m->dir, &stat);
    if (e == OK)
        e = plog_load(l->fs, &params, &report, &m->plog);
    else if (e == ERR_NOT_FOUND)
        e = plog_create(l->fs, &params, &m->plog);
    if (e != OK) return complain(l, e, "%s cannot be opened: %s", m->dir, err_text(e));
    if (report.cut_bytes > 0)
        log_warn(m->log, "metadata", "%s: %lld torn bytes at the end were cut", m->dir, (long long)report.cut_bytes);
    return OK;
}

static enum err load_quorum_state(struct loading *l, struct raft_saved *out)
{
    *out = (struct raft_saved){.leader_id = RAFT_NONE, .voted_id = RAFT_NONE};
    struct text json = {0};
    enum err e = read_file(l, "quorum-state", &json);
    if (e == OK && json.size > 0) {
        e = quorum_state_parse(text_slice(&json), out);
        if (e != OK) complain(l, e, "%s/quorum-state is no quorum state that this build understands", l->m->dir);
    } else if (e == ERR_NOT_FOUND) {
        e = OK;
    }
    text_deinit(&json);
    return e;
}

static enum err find_voters(struct loading *l, struct raft_voters *out)
{
    struct metadata *m = l->m;
    *out = (struct raft_voters){0};
    if (m->quorum.has_voters) {
        if (raft_voters_of(&m->quorum.voters_record, out) != OK)
            return complain(l, ERR_INVALID, "the quorum has more than %d voters", RAFT_VOTERS_MAX);
    } else {
        struct config_voters voters = config_quorum_voters(m->options.config);
        for (size_t i = 0; i < voters.count && i < RAFT_VOTERS_MAX; i++)
            out->items[out->count++].id = voters.items[i].id;
    }
    if (out->count == 0)
        return complain(
            l, ERR_INVALID,
            "%s names no voters and controller.quorum.voters is not set; format the directory with --standalone",
            m->dir);
    if (out->count != 1 || out->items[0].id != m->node_id)
        return complain(l, ERR_INVALID,
                        "the quorum has %d voter(s), the first is node %d; this build runs a node on its own only",
                        out->count, out->items[0].id);
    if (m->quorum.kraft_version > 0 && !uuid_eq(out->items[0].directory_id, logdir_id(m->options.metadata_dir)))
        return complain(l, ERR_INVALID,
                        "%s/meta.properties has another directory.id than the one that votes in the quorum; restore it",
                        logdir_path(m->options.metadata_dir));
    return OK;
}

static enum err check_levels(struct loading *l)
{
    struct pmap_iter it = pmap_iter(&image_builder_newest(l->m->builder)->features);
    for (const struct image_feature *f; (f = image_next_feature(&it)) != NULL;) {
        const struct metadata_feature *known = NULL;
        for (int i = 0; i < METADATA_FEATURE_COUNT; i++)
            if (slice_eq_str(f->name, metadata_features[i].name)) known = &metadata_features[i];
        if (known == NULL || f->level > known->max || f->level < known->min)
            return complain(l, ERR_UNSUPPORTED_VERSION,
                            "the cluster runs %.*s %d, which this build does not know; use a newer one",
                            SLICE_FMT(f->name), f->level);
    }
    return OK;
}

static enum err start_quorum(struct loading *l)
{
    struct metadata *m = l->m;
    struct raft_saved saved;
    struct raft_voters voters;
    enum err e = find_voters(l, &voters);
    if (e == OK) e = load_quorum_state(l, &saved);
    if (e == OK) e = check_levels(l);
    if (e != OK) return e;
    if (l->epoch_count == 0 && l->snapshot_end > 0) note_epoch(l, l->snapshot_epoch, l->snapshot_end);
    const struct config *config = m->options.config;
    struct raft_options options = {
        .id = m->node_id,
        .directory_id = logdir_id(m->options.metadata_dir),
        .election_timeout_ms = config_get_int(config, "controller.quorum.election.timeout.ms"),
        .fetch_timeout_ms = config_get_int(config, "controller.quorum.fetch.timeout.ms"),
        .backoff_max_ms = config_get_int(config, "controller.quorum.election.backoff.max.ms"),
        .fetch_wait_ms = 50,
    };
    env_random(m->env, &options.seed, sizeof(options.seed));
    const struct raft_start start = {
        .saved = saved,
        .voters = voters,
        .is_dynamic = m->quorum.kraft_version > 0,
        // A voters record below the first data counts only if it is in the log: a 0-0 snapshot is never replicated.
        .voters_in_log = m->quorum.has_voters && (l->snapshot_end > 0 || l->next_offset > 0),
        .epochs = l->epochs,
        .epoch_count = l->epoch_count,
        .end_offset = plog_assigned_end(m->plog),
        .high_watermark = l->snapshot_end > 0 ? l->snapshot_end : 0,
        .now_ms = env_now_ms(m->env),
    };
    raft_init(&m->raft, &options, &start);
    return OK;
}

static void init(struct metadata *m, const struct metadata_options *options)
{
    m->options = *options;
    m->env = options->env;
    m->log = options->env->log;
    m->dir = arena_printf(&m->arena, "%s/__cluster_metadata-0", logdir_path(options->metadata_dir));
    m->node_id = config_node_id(options->config);
    m->broker_epoch = -1;
    m->is_log_empty = true;
    list_init(&m->waiters);
    env_random(m->env, m->incarnation_id.bytes, sizeof(m->incarnation_id.bytes));
    env_random(m->env, m->controller_incarnation_id.bytes, sizeof(m->controller_incarnation_id.bytes));
    m->image = image_new_empty();
    m->builder = image_builder_new(m->image);
    struct image_endpoint *copies[2];
    const struct image_endpoint *from[2] = {options->endpoints, options->controller_endpoints};
    int counts[2] = {options->endpoint_count, options->controller_endpoint_count};
    for (int k = 0; k < 2; k++) {
        copies[k] = ARENA_ARRAY(&m->arena, struct image_endpoint, counts[k]);
        for (int i = 0; i < counts[k]; i++) {
            copies[k][i] = from[k][i];
            copies[k][i].name = arena_copy(&m->arena, from[k][i].name);
            copies[k][i].host = arena_copy(&m->arena, from[k][i].host);
        }
    }
    m->options.endpoints = copies[0];
    m->options.controller_endpoints = copies[1];
    if (!slice_is_null(options->rack)) m->options.rack = arena_copy(&m->arena, options->rack);
    controller_init_settings(m);
}

enum err metadata_start(const struct metadata_options *options, struct text *problem, struct metadata **out)
{
    struct metadata *m = MEM_NEW(struct metadata);
    struct loading l = {.m = m, .fs = options->env->fs, .problem = problem, .snapshot_end = -1};
    init(m, options);
    struct meta_properties properties;
    const char *why = NULL;
    enum err e = meta_properties_load(l.fs, logdir_path(options->metadata_dir), &l.arena, &properties, &why);
    if (e != OK) complain(&l, e, "%s", why != NULL ? why : err_text(e));
    if (e == OK) {
        memcpy(m->cluster_id, properties.cluster_id, sizeof(m->cluster_id));
        m->settings.cluster_id = slice_str(m->cluster_id);
        e = open_log(&l);
    }
    if (e == OK) e = list_dir(&l);
    if (e == OK) e = drop_unfinished(&l);
    if (e == OK) e = load_snapshot(&l);
    if (e == OK) e = load_log(&l);
    if (e == OK) e = start_quorum(&l);
    if (e == OK && m->is_log_empty) controller_load_bootstrap(m);
    mem_free(l.epochs);
    arena_deinit(&l.arena);
    if (e != OK) {
        if (m->plog != NULL) plog_discard(m->plog);
        m->plog = NULL;
        m->life = METADATA_CLOSED;
        metadata_free(m);
        return e;
    }
    plog_attach(m->plog, m->env, &metadata_plog_owner, m);
    metadata_begin(m);
    *out = m;
    return OK;
}

void metadata_free(struct metadata *m)
{
    if (m == NULL) return;
    ASSERT(m->life == METADATA_CLOSED || m->life == METADATA_FAILED);
    for (struct list *link; (link = list_pop_front(&m->waiters)) != NULL;) {
        struct metadata_waiter *w = LIST_ITEM(link, struct metadata_waiter, link);
        image_unref(w->image);
        image_delta_unref(w->delta);
        text_deinit(&w->response);
        mem_free(w);
    }
    raft_deinit(&m->raft);
    image_builder_free(m->builder);
    image_unref(m->image);
    text_deinit(&m->save_text);
    arena_deinit(&m->arena);
    mem_free(m);
}

struct image *metadata_image(const struct metadata *metadata)
{
    return metadata->image;
}

int64_t metadata_broker_epoch(const struct metadata *metadata)
{
    return metadata->broker_epoch;
}

int32_t metadata_controller_id(const struct metadata *metadata)
{
    return metadata->is_leading ? metadata->node_id : -1;
}

struct slice metadata_cluster_id(const struct metadata *metadata)
{
    return slice_str(metadata->cluster_id);
}
