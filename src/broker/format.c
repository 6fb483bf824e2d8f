// SPDX-License-Identifier: Apache-2.0
// Order matters: the metadata directory's snapshot and bootstrap.checkpoint come before meta.properties, whose presence
// is what "formatted" means, so a format cut short by a crash is simply done again.
#include "broker/format.h"

#include "meta/records.h"
#include "raft/control.h"
#include "store/store.h"
#include "store/whole_file.h"

enum err format_is_formatted(struct fs *fs, const char *dir)
{
    struct arena arena = {0};
    struct file_stat stat;
    enum err e = fs_stat(fs, arena_printf(&arena, "%s/meta.properties", dir), &stat);
    arena_deinit(&arena);
    return e;
}

// Each new directory's name is made durable in its parent: a whole log directory must not vanish with the power.
static enum err make_dirs(struct fs *fs, struct arena *arena, const char *path)
{
    char *copy = arena_printf(arena, "%s", path);
    for (char *at = copy + 1;; at++) {
        if (*at != '/' && *at != '\0') continue;
        char kept = *at;
        *at = '\0';
        enum err e = fs_mkdir(fs, copy);
        if (e == OK) {
            const char *slash = strrchr(copy, '/');
            e = fs_sync_dir(fs, slash == NULL   ? "."
                                : slash == copy ? "/"
                                                : arena_printf(arena, "%.*s", (int)(slash - copy), copy));
        }
        if (e != OK && e != ERR_EXISTS) return e;
        *at = kept;
        if (kept == '\0') return OK;
    }
}

static struct uuid random_uuid(const struct format_options *o)
{
    struct uuid id;
    char text[UUID_TEXT_SIZE + 1];
    do {
        o->random(o->random_context, id.bytes, sizeof(id.bytes));
        id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
        uuid_format(id, text);
    } while (uuid_is_reserved(id) || text[0] == '-'); // Kafka avoids a leading '-' because tools take it for an option
    return id;
}

static enum err write_bootstrap(const struct format_options *o, struct arena *arena)
{
    struct metadata_records records = {0};
    for (int i = -1; i < o->feature_count || (o->features == NULL && i < METADATA_FEATURE_COUNT); i++) {
        struct feature_level_record level = feature_level_record_init();
        if (i < 0) {
            level.name = SLICE("metadata.version");
            level.feature_level = o->metadata_version != 0 ? o->metadata_version : METADATA_VERSION_MAX;
        } else if (o->features != NULL) {
            level.name = slice_str(o->features[i].name);
            level.feature_level = o->features[i].level;
        } else {
            level.name = slice_str(metadata_features[i].name);
            level.feature_level = i == 0 ? 0 : metadata_features[i].initial; // 0: metadata.version, written first
        }
        if (level.feature_level != 0) METADATA_ADD(&records, arena, feature_level_record, 0, &level);
    }
    for (int i = 0; i < o->record_count; i++) metadata_records_add_value(&records, o->records[i], arena);
    struct text bytes = {0};
    const struct raft_snapshot snapshot = {
        .header_timestamp = o->wall_ms, .timestamp = o->wall_ms, .values = records.items, .value_count = records.count};
    enum err e = raft_snapshot_build(&snapshot, &bytes);
    if (e == OK) e = whole_file_store(o->fs, o->metadata_dir, "bootstrap.checkpoint", ".tmp", text_slice(&bytes), 0);
    text_deinit(&bytes);
    return e;
}

static enum err write_voters(const struct format_options *o, struct arena *arena)
{
    struct voters_record record = voters_record_init();
    record.voters.count = o->voter_count;
    record.voters.items = ARENA_ARRAY(arena, struct voters_record_voter, o->voter_count);
    for (int i = 0; i < o->voter_count; i++) {
        struct voters_record_voter *v = &record.voters.items[i];
        *v = voters_record_voter_init();
        v->voter_id = o->voters[i].id;
        v->voter_directory_id = o->voters[i].directory_id;
        v->endpoints.count = 1;
        v->endpoints.items = ARENA_NEW(arena, struct voters_record_endpoint);
        v->endpoints.items[0].name = o->controller_listener;
        v->endpoints.items[0].host = o->voters[i].host;
        v->endpoints.items[0].port = o->voters[i].port;
        v->kraft_version_feature.max_supported_version = 1;
    }
    struct text bytes = {0};
    const struct raft_snapshot snapshot = {.last_contained_timestamp = o->wall_ms,
                                           .header_timestamp = o->wall_ms,
                                           .timestamp = o->wall_ms,
                                           .voters_record = &record};
    const char *dir = arena_printf(arena, "%s/__cluster_metadata-0", o->metadata_dir);
    enum err e = make_dirs(o->fs, arena, dir);
    if (e == OK) e = fs_sync_dir(o->fs, o->metadata_dir);
    if (e == OK) e = raft_snapshot_build(&snapshot, &bytes);
    if (e == OK)
        e = whole_file_store(o->fs, dir, "00000000000000000000-0000000000.checkpoint", ".tmp", text_slice(&bytes),
                             0400);
    text_deinit(&bytes);
    return e;
}

static const char *kind_of(const struct format_options *o, const char *dir)
{
    if (strcmp(dir, o->metadata_dir) != 0) return "data directory";
    return o->voter_count > 0 ? "dynamic metadata voter directory" : "metadata directory";
}

static enum err format_one(const struct format_options *o, struct arena *arena, const char *dir, struct text *problem)
{
    bool is_metadata = strcmp(dir, o->metadata_dir) == 0;
    struct meta_properties properties = {.version = 1, .node_id = o->node_id, .directory_id = random_uuid(o)};
    if (o->cluster_id.size >= sizeof(properties.cluster_id)) {
        if (problem != NULL) text_add_str(problem, "The cluster id is longer than 63 characters.");
        return ERR_INVALID;
    }
    memcpy(properties.cluster_id, o->cluster_id.data, o->cluster_id.size);
    for (int i = 0; is_metadata && i < o->voter_count; i++) {
        if (o->voters[i].id != o->node_id) continue;
        if (o->is_standalone && uuid_is_zero(o->voters[i].directory_id))
            o->voters[i].directory_id = properties.directory_id;
        else
            properties.directory_id = o->voters[i].directory_id;
    }
    enum err e = make_dirs(o->fs, arena, dir);
    if (e == OK && is_metadata) e = write_bootstrap(o, arena);
    if (e == OK && is_metadata && o->voter_count > 0) e = write_voters(o, arena);
    if (e == OK) e = meta_properties_store(o->fs, dir, &properties, o->wall_ms);
    if (e != OK && problem != NULL) text_printf(problem, "Error while writing to %s: %s", dir, err_text(e));
    if (e == OK && o->report != NULL)
        text_printf(o->report, "Formatting %s %s with metadata.version %s.\n", kind_of(o, dir), dir,
                    o->metadata_version_name == NULL ? "4.3-IV0" : o->metadata_version_name);
    return e;
}

enum err format_directories(const struct format_options *options, struct text *problem)
{
    struct arena arena = {0};
    enum err e = OK;
    int to_do = 0;
    bool is_listed = false;
    for (int i = 0; i < options->dir_count; i++) is_listed |= strcmp(options->dirs[i], options->metadata_dir) == 0;
    int count = options->dir_count + (is_listed ? 0 : 1); // metadata.log.dir may be a directory of its own
    bool *is_done = ARENA_ARRAY(&arena, bool, count);
    for (int i = 0; i < count && e == OK; i++) {
        const char *dir = i < options->dir_count ? options->dirs[i] : options->metadata_dir;
        enum err found = format_is_formatted(options->fs, dir);
        if (found == ERR_NOT_FOUND) {
            to_do++;
        } else if (found == OK && options->ignores_formatted) {
            is_done[i] = true;
        } else if (found == OK) {
            if (problem != NULL)
                text_printf(problem,
                            "Log directory %s is already formatted. Use --ignore-formatted to ignore this directory "
                            "and format the others.",
                            dir);
            e = ERR_EXISTS;
        } else {
            if (problem != NULL) text_printf(problem, "%s cannot be looked at: %s", dir, err_text(found));
            e = found;
        }
    }
    if (e == OK && to_do == 0 && options->report != NULL)
        text_add_str(options->report, "All of the log directories are already formatted.\n");
    for (int i = 0; i < count && e == OK; i++)
        if (!is_done[i])
            e = format_one(options, &arena, i < options->dir_count ? options->dirs[i] : options->metadata_dir, problem);
    arena_deinit(&arena);
    return e;
}
