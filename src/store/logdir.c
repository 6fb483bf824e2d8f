// SPDX-License-Identifier: Apache-2.0
// The root of a log directory (kafka-internals A1, A2):
//   .lock                    POSIX record lock for the life of the process; 0 bytes; removed at a clean stop
//   meta.properties          Java properties: version, cluster.id, node.id (v0: broker.id), directory.id
//   .kafka_cleanshutdown     {"version":0,"brokerEpoch":N}; its existence alone means clean
//   odradek-journal/<shard>.ring, .odradek-journal-<shard>   ours: a journal that counts, and one that is parked
//   <topic>-<partition>[.<32 hex>-delete|-future|-stray]/
//   .../partition.metadata   "version: 0\ntopic_id: <22 characters>"
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "store/journal.h"

enum { SMALL_FILE_MAX = 64 * 1024, NAME_MAX_BYTES = 255, HEX_ID_SIZE = 32 };
#define MARKER_NAME ".kafka_cleanshutdown"

// ---- meta.properties ----

static struct slice trim(struct slice s)
{
    while (s.size > 0 && (s.data[0] == ' ' || s.data[0] == '\t' || s.data[0] == '\f'))
        s = slice_of(s.data + 1, s.size - 1);
    while (s.size > 0 && (s.data[s.size - 1] == '\r' || s.data[s.size - 1] == ' ')) s.size--;
    return s;
}

static bool parse_decimal(struct slice s, int64_t *out)
{
    bool is_negative = s.size > 0 && s.data[0] == '-';
    if (s.size - is_negative == 0 || s.size > 19) return false;
    int64_t value = 0;
    for (size_t i = is_negative; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') return false;
        value = value * 10 + (s.data[i] - '0');
    }
    *out = is_negative ? -value : value;
    return true;
}

// One `key=value`, `key:value` or `key value` line into its field; false when the value cannot be.
static bool take_property(struct slice line, struct meta_properties *p, int64_t *version, int64_t *node_id)
{
    size_t at = 0;
    while (at < line.size && line.data[at] != '=' && line.data[at] != ':' && line.data[at] != ' ') at++;
    struct slice key = trim(slice_of(line.data, at));
    struct slice value = trim(slice_of(line.data + at, line.size - at));
    if (value.size > 0 && (value.data[0] == '=' || value.data[0] == ':'))
        value = trim(slice_of(value.data + 1, value.size - 1));
    if (slice_eq_str(key, "version")) return parse_decimal(value, version);
    if (slice_eq_str(key, "node.id") || slice_eq_str(key, "broker.id")) return parse_decimal(value, node_id);
    if (slice_eq_str(key, "directory.id")) return uuid_parse(value, &p->directory_id) == OK;
    if (slice_eq_str(key, "cluster.id")) {
        if (value.size >= sizeof(p->cluster_id)) return false;
        memcpy(p->cluster_id, value.data, value.size);
        p->cluster_id[value.size] = '\0';
    }
    return true;
}

static const char *parse_meta(struct slice text, struct meta_properties *out)
{
    struct meta_properties p = {0};
    int64_t version = -1;
    int64_t node_id = -1;
    while (text.size > 0) {
        const uint8_t *end = memchr(text.data, '\n', text.size);
        size_t size = end == NULL ? text.size : (size_t)(end - text.data);
        struct slice line = trim(slice_of(text.data, size));
        size_t taken = end == NULL ? size : size + 1;
        text = slice_of(text.data + taken, text.size - taken);
        if (line.size == 0 || line.data[0] == '#' || line.data[0] == '!') continue;
        if (!take_property(line, &p, &version, &node_id)) return "a value in it cannot be read";
    }
    if (version != 0 && version != 1) return "version is neither 0 nor 1";
    if (node_id < 0 || node_id > INT32_MAX) return "it has no valid node.id";
    if (version == 1 && p.cluster_id[0] == '\0') return "it has no cluster.id";
    p.version = (int32_t)version;
    p.node_id = (int32_t)node_id;
    *out = p;
    return NULL;
}

enum err meta_properties_load(struct fs *fs, const char *dir_path, struct arena *arena, struct meta_properties *out,
                              const char **problem)
{
    char *path = path_printf("%s/meta.properties", dir_path);
    struct text text = {0};
    const char *why = NULL;
    enum err e = file_load(fs, path, SMALL_FILE_MAX, &text);
    if (e == ERR_NOT_FOUND) why = "not there; format the directory with kafka-storage.sh format";
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = ERR_CORRUPT, why = "not a properties file";
    if (e == OK) {
        why = parse_meta(text_slice(&text), out);
        if (why != NULL) e = ERR_CORRUPT;
    }
    if (e != OK && problem != NULL) *problem = arena_printf(arena, "%s: %s", path, why != NULL ? why : err_text(e));
    text_deinit(&text);
    mem_free(path);
    return e;
}

static enum err make_dirs(struct fs *fs, const char *path)
{
    char *copy = path_printf("%s", path);
    enum err e = OK;
    for (char *at = copy + 1; e == OK; at++) {
        char was = *at;
        if (was != '/' && was != '\0') continue;
        *at = '\0';
        e = fs_mkdir(fs, copy);
        if (e == OK) {
            // Its name in the parent has to outlive a power cut as well.
            char *slash = strrchr(copy, '/');
            char *parent =
                slash == NULL ? path_printf(".") : path_printf("%.*s", slash == copy ? 1 : (int)(slash - copy), copy);
            e = fs_sync_dir(fs, parent);
            mem_free(parent);
        } else if (e == ERR_EXISTS) {
            e = OK;
        }
        *at = was;
        if (was == '\0') break;
    }
    mem_free(copy);
    return e;
}

enum err meta_properties_store(struct fs *fs, const char *dir_path, const struct meta_properties *properties,
                               int64_t wall_ms)
{
    enum err e = make_dirs(fs, dir_path);
    if (e != OK) return e;
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    char date[64];
    // Java's Date.toString, always in UTC.
    if (gmtime_r(&seconds, &utc) == NULL || strftime(date, sizeof(date), "%a %b %d %H:%M:%S UTC %Y", &utc) == 0)
        date[0] = '\0';
    struct text text = {0};
    text_printf(&text, "#\n#%s\n", date);
    text_printf(&text, "%s=%" PRId32 "\n", properties->version == 0 ? "broker.id" : "node.id", properties->node_id);
    if (!uuid_is_zero(properties->directory_id)) {
        char id[UUID_TEXT_SIZE + 1];
        uuid_format(properties->directory_id, id);
        text_printf(&text, "directory.id=%s\n", id);
    }
    text_printf(&text, "version=%" PRId32 "\n", properties->version);
    if (properties->cluster_id[0] != '\0') text_printf(&text, "cluster.id=%s\n", properties->cluster_id);
    char *path = path_printf("%s/meta.properties", dir_path);
    e = file_replace(fs, dir_path, path, text_slice(&text));
    mem_free(path);
    text_deinit(&text);
    return e;
}

// ---- the clean-shutdown marker ----

// The number behind "brokerEpoch": in the marker, -1 for garbage or an empty file: it is clean all the same.
static int64_t marker_epoch(struct text *text)
{
    const char *json = text_cstr(text);
    const char *key = strstr(json, "\"brokerEpoch\"");
    if (key == NULL) return -1;
    const char *at = key + strlen("\"brokerEpoch\"");
    while (*at == ' ' || *at == ':') at++;
    size_t digits = strspn(at, "-0123456789");
    int64_t epoch;
    return parse_decimal(slice_of(at, digits), &epoch) ? epoch : -1;
}

static enum err take_marker(struct fs *fs, const char *dir_path, struct logdir_open_result *result)
{
    char *path = path_printf("%s/%s", dir_path, MARKER_NAME);
    struct text text = {0};
    result->broker_epoch = -1;
    enum err e = file_load(fs, path, SMALL_FILE_MAX, &text);
    result->was_clean = e != ERR_NOT_FOUND;
    if (e == OK) result->broker_epoch = marker_epoch(&text);
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = OK;
    if (e == OK) e = file_remove(fs, path);
    // The removal must be on disk before anything is appended: a marker that comes back after a power cut would make
    // the next start trust a torn log.
    if (e == OK) e = fs_sync_dir(fs, dir_path);
    if (e == ERR_NOT_FOUND) e = OK;
    text_deinit(&text);
    mem_free(path);
    return e;
}

// ---- open and close ----

static enum err take_lock(struct logdir *dir, struct arena *arena, struct logdir_open_result *result)
{
    char *path = path_printf("%s/.lock", dir->path);
    enum err e = fs_lock(dir->fs, path, &dir->lock, &result->lock_holder_pid);
    if (e == ERR_BUSY) {
        result->problem =
            result->lock_holder_pid > 0
                ? arena_printf(arena, "%s is locked by process %" PRId64 ": another node uses this directory", path,
                               result->lock_holder_pid)
                : arena_printf(arena, "%s is locked by another process: another node uses this directory", path);
    } else if (e != OK) {
        result->problem = arena_printf(arena, "%s: cannot be locked: %s", path, err_text(e));
    }
    mem_free(path);
    return e;
}

static enum err take_properties(struct logdir *dir, int32_t expected_node_id, struct uuid random16, struct arena *arena,
                                struct logdir_open_result *result)
{
    struct meta_properties *p = &result->properties;
    enum err e = meta_properties_load(dir->fs, dir->path, arena, p, &result->problem);
    if (e != OK) return e;
    if (expected_node_id >= 0 && p->node_id != expected_node_id) {
        result->problem =
            arena_printf(arena, "%s/meta.properties: stored node id %" PRId32 " is not the configured node.id %" PRId32,
                         dir->path, p->node_id, expected_node_id);
        return ERR_INVALID;
    }
    if (uuid_is_zero(p->directory_id)) {
        p->directory_id = random16;
        e = meta_properties_store(dir->fs, dir->path, p, 0);
        if (e != OK)
            result->problem = arena_printf(arena, "%s/meta.properties: cannot be written: %s", dir->path, err_text(e));
    }
    dir->properties = *p;
    return e;
}

static void logdir_free(struct logdir *dir)
{
    for (int i = 0; dir->journals != NULL && i < JOURNAL_SHARDS_MAX; i++) journal_free(dir->journals[i]);
    mem_free(dir->journals);
    replay_free(dir->replay);
    file_unref(dir->lock);
    mem_free(dir->path);
    mem_free(dir);
}

enum err logdir_open(struct fs *fs, struct log *log, const char *path, int32_t expected_node_id, struct uuid random16,
                     struct arena *arena, struct logdir_open_result *result, struct logdir **out)
{
    *result = (struct logdir_open_result){.broker_epoch = -1};
    struct logdir *dir = MEM_NEW(struct logdir);
    dir->fs = fs;
    dir->log = log;
    dir->path = path_printf("%s", path);
    enum err e = take_lock(dir, arena, result);
    if (e == OK) e = take_properties(dir, expected_node_id, random16, arena, result);
    if (e == OK) e = replay_open(fs, log, path, arena, &result->problem, &dir->replay);
    if (e == OK) dir->is_replay_pending = dir->replay != NULL;
    if (e == OK) {
        e = take_marker(fs, path, result);
        if (e != OK) result->problem = arena_printf(arena, "%s/%s: %s", path, MARKER_NAME, err_text(e));
    }
    if (e != OK) {
        logdir_free(dir);
        return e;
    }
    *out = dir;
    return OK;
}

enum err logdir_close(struct fs *fs, struct logdir *dir, bool write_marker, int64_t broker_epoch)
{
    enum err e = OK;
    bool is_clean = write_marker && !logdir_is_offline(dir);
    // Every log is closed and synced: no entry is needed any more, unless one could not be brought back.
    if (is_clean && !logdir_has_pending_journal(dir)) e = journal_park(fs, dir->path);
    if (is_clean && e == OK) {
        char *path = path_printf("%s/%s", dir->path, MARKER_NAME);
        struct text text = {0};
        text_printf(&text, "{\"version\":0,\"brokerEpoch\":%" PRId64 "}", broker_epoch);
        e = file_replace(fs, dir->path, path, text_slice(&text));
        text_deinit(&text);
        mem_free(path);
    }
    if (dir->lock != NULL && !logdir_is_offline(dir)) {
        char *lock = path_printf("%s/.lock", dir->path);
        enum err removed = file_remove(fs, lock); // harmless when it stays
        (void)removed;
        mem_free(lock);
    }
    logdir_free(dir);
    return e;
}

struct logdir *logdir_new_offline(struct fs *fs, struct log *log, const char *path)
{
    struct logdir *dir = MEM_NEW(struct logdir);
    dir->fs = fs;
    dir->log = log;
    dir->path = path_printf("%s", path);
    dir->is_offline = 1;
    return dir;
}

void logdir_use_journal(struct logdir *dir, int64_t bytes)
{
    dir->journal_bytes = bytes > 0 && bytes < JOURNAL_BYTES_MIN ? JOURNAL_BYTES_MIN : bytes;
    dir->journal_demand = JOURNAL_DEMAND;
    if (bytes > 0 && dir->journals == NULL) dir->journals = mem_zalloc(JOURNAL_SHARDS_MAX, sizeof(struct journal *));
}

bool logdir_has_pending_journal(const struct logdir *dir)
{
    return __atomic_load_n(&dir->is_replay_pending, __ATOMIC_SEQ_CST) != 0;
}

bool logdir_journal_has(const struct logdir *dir, struct uuid topic_id, struct slice topic, int32_t partition)
{
    return logdir_has_pending_journal(dir) && replay_has(dir->replay, topic_id, topic, partition);
}

enum err logdir_settle_journal(struct fs *fs, struct logdir *dir, struct logdir_replay *out)
{
    *out = (struct logdir_replay){0};
    if (!logdir_has_pending_journal(dir)) return OK;
    replay_figures(dir->replay, out);
    if (logdir_is_offline(dir)) return ERR_KAFKA_STORAGE_ERROR;
    if (out->failed_partitions > 0) return OK;
    enum err e = replay_store_log_starts(dir->replay, fs);
    if (e == OK) e = journal_park(fs, dir->path);
    if (e != OK) {
        logdir_take_offline(dir, e, "parking the journal");
        return e;
    }
    __atomic_store_n(&dir->is_replay_pending, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&dir->replay_users, __ATOMIC_SEQ_CST) > 0) return OK; // freed when the directory is closed
    replay_free(dir->replay);
    dir->replay = NULL;
    return OK;
}

const char *logdir_path(const struct logdir *dir) { return dir->path; }
struct uuid logdir_id(const struct logdir *dir) { return dir->properties.directory_id; }

bool logdir_is_offline(const struct logdir *dir)
{
    return __atomic_load_n(&dir->is_offline, __ATOMIC_ACQUIRE) != 0;
}

// What an administrator does about it.
static void advise(const struct logdir *dir, enum err why, char *text, size_t size)
{
    int64_t total_bytes = 0, free_bytes = 0;
    if (why == ERR_NO_SPACE && fs_space(dir->fs, dir->path, &total_bytes, &free_bytes) == OK)
        snprintf(text, size,
                 "No space left on it (%.1f MiB free of %.1f, or a quota): free space there, then restart this node",
                 (double)free_bytes / (1 << 20), (double)total_bytes / (1 << 20));
    else if (why == ERR_NO_SPACE)
        snprintf(text, size, "No space left on it: free space there, then restart this node");
    else if (why == ERR_READ_ONLY)
        snprintf(text, size, "Its file system is read-only: see dmesg, repair and remount it, then restart this node");
    else if (why == ERR_TOO_LARGE)
        snprintf(text, size, "A file may not grow any more: raise the limit (ulimit -f), then restart this node");
    else if (why == ERR_CORRUPT)
        snprintf(text, size, "A file in it is malformed: the lines above name it; repair or remove it, then restart");
    else
        snprintf(text, size, "See dmesg for the disk's own errors; repair or replace it, then restart this node");
}

void logdir_take_offline(struct logdir *dir, enum err why, const char *what)
{
    if (__atomic_exchange_n(&dir->is_offline, 1, __ATOMIC_ACQ_REL) != 0) return;
    char advice[160];
    advise(dir, why, advice, sizeof(advice));
    log_error(dir->log, COMPONENT,
              "log directory offline path=%s what=\"%s\" error=%s: %s; nothing in it is served until a restart. %s",
              dir->path, what, err_name(why), err_text(why), advice);
}

void logdir_count_log(struct logdir *dir, int change)
{
    __atomic_add_fetch(&dir->log_count, change, __ATOMIC_RELAXED);
}

int logdir_log_count(const struct logdir *dir)
{
    return __atomic_load_n(&dir->log_count, __ATOMIC_RELAXED);
}

// ---- partition directories ----

static bool parse_hex_id(struct slice s)
{
    if (s.size != HEX_ID_SIZE) return false;
    for (size_t i = 0; i < s.size; i++) {
        uint8_t c = s.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
    }
    return true;
}

// Takes ".<32 hex>-delete" and the like off the end of `name`.
static enum partition_dir_kind strip_suffix(struct slice *name)
{
    static const struct {
        const char *text;
        enum partition_dir_kind kind;
    } suffixes[] = {
        {"-delete", PARTITION_DIR_DELETE}, {"-future", PARTITION_DIR_FUTURE}, {"-stray", PARTITION_DIR_STRAY}};
    for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
        size_t length = strlen(suffixes[i].text);
        if (name->size < length + HEX_ID_SIZE + 1) continue;
        size_t kept = name->size - length - HEX_ID_SIZE - 1;
        if (memcmp(name->data + name->size - length, suffixes[i].text, length) != 0) continue;
        if (name->data[kept] != '.' || !parse_hex_id(slice_of(name->data + kept + 1, HEX_ID_SIZE))) continue;
        name->size = kept;
        return suffixes[i].kind;
    }
    return PARTITION_DIR_LIVE;
}

bool partition_dir_parse(struct slice name, struct partition_dir *out)
{
    struct slice rest = name;
    enum partition_dir_kind kind = strip_suffix(&rest);
    size_t dash = rest.size;
    while (dash > 0 && rest.data[dash - 1] != '-') dash--;
    if (dash < 2 || dash == rest.size) return false; // no dash, no topic, no number
    int64_t partition;
    if (rest.data[dash] == '-' || !parse_decimal(slice_of(rest.data + dash, rest.size - dash), &partition))
        return false;
    if (partition > INT32_MAX) return false;
    *out = (struct partition_dir){
        .kind = kind,
        .name = name,
        .topic = slice_of(rest.data, dash - 1),
        .partition = (int32_t)partition,
    };
    return true;
}

// partition.metadata into out->topic_id.
static enum err load_partition_metadata(struct fs *fs, const char *dir_path, struct partition_dir *out)
{
    char *path = path_printf("%s/partition.metadata", dir_path);
    struct text text = {0};
    enum err e = file_load(fs, path, SMALL_FILE_MAX, &text);
    if (e == OK) {
        static const char head[] = "version: 0\ntopic_id: ";
        size_t skip = sizeof(head) - 1;
        struct slice s = text_slice(&text);
        while (s.size > 0 && s.data[s.size - 1] == '\n') s.size--;
        bool has_head = s.size > skip && memcmp(s.data, head, skip) == 0;
        if (!has_head || uuid_parse(slice_of(s.data + skip, s.size - skip), &out->topic_id) != OK) e = ERR_CORRUPT;
        out->has_metadata = e == OK;
    }
    if (e == ERR_TOO_LARGE || e == ERR_INVALID) e = ERR_CORRUPT;
    if (e == ERR_NOT_FOUND) e = OK;
    text_deinit(&text);
    mem_free(path);
    return e;
}

static enum err scan_one(struct fs *fs, struct logdir *dir, const char *name, struct arena *arena,
                         struct partition_dir *out, bool *is_partition, const char **problem)
{
    struct file_stat stat;
    *is_partition = false;
    char *path = path_printf("%s/%s", dir->path, name);
    enum err e = fs_stat(fs, path, &stat);
    if (e != OK) {
        *problem = arena_printf(arena, "%s: %s", path, err_text(e));
    } else if (stat.kind == FILE_DIRECTORY && strcmp(name, "__cluster_metadata-0") != 0 &&
               strcmp(name, "remote-log-index-cache") != 0 && strcmp(name, JOURNAL_DIR) != 0) {
        if (!partition_dir_parse(arena_copy(arena, slice_str(name)), out)) {
            e = ERR_INVALID;
            *problem = arena_printf(arena, "%s: not the name of a partition; move the directory away", path);
        } else {
            *is_partition = true;
            e = load_partition_metadata(fs, path, out);
            if (e != OK) *problem = arena_printf(arena, "%s/partition.metadata: %s", path, err_text(e));
        }
    }
    mem_free(path);
    return e;
}

enum err logdir_scan(struct fs *fs, struct logdir *dir, struct arena *arena, struct partition_dir **out, size_t *count,
                     const char **problem)
{
    struct name_list list;
    const char *why = NULL;
    enum err e = dir_list(fs, dir->path, &list);
    if (e != OK) {
        if (problem != NULL) *problem = arena_printf(arena, "%s: %s", dir->path, err_text(e));
        return e;
    }
    struct partition_dir *found = ARENA_ARRAY(arena, struct partition_dir, list.count + 1);
    size_t n = 0;
    for (size_t i = 0; i < list.count && e == OK; i++) {
        bool is_partition;
        e = scan_one(fs, dir, list.names[i], arena, &found[n], &is_partition, &why);
        if (is_partition) n++;
    }
    name_list_deinit(&list);
    if (e != OK) {
        if (problem != NULL) *problem = why;
        return e;
    }
    *out = found;
    *count = n;
    return OK;
}

char *partition_dir_suffixed(struct slice topic, int32_t partition, struct uuid id, const char *suffix)
{
    char hex[HEX_ID_SIZE + 1];
    char number[16];
    for (size_t i = 0; i < sizeof(id.bytes); i++) {
        hex[2 * i] = "0123456789abcdef"[id.bytes[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[id.bytes[i] & 15];
    }
    hex[HEX_ID_SIZE] = '\0';
    int digits = snprintf(number, sizeof(number), "-%" PRId32, partition);
    size_t kept = NAME_MAX_BYTES - (size_t)digits - 1 - HEX_ID_SIZE - strlen(suffix);
    if (topic.size < kept) kept = topic.size;
    return path_printf("%.*s%s.%s%s", (int)kept, (const char *)topic.data, number, hex, suffix);
}

enum err logdir_make_stray(struct fs *fs, struct logdir *dir, struct slice name, struct uuid random16)
{
    struct partition_dir parsed;
    if (!partition_dir_parse(name, &parsed)) return ERR_INVALID;
    char *stray = partition_dir_suffixed(parsed.topic, parsed.partition, random16, "-stray");
    char *from = path_printf("%s/%.*s", dir->path, SLICE_FMT(name));
    char *to = path_printf("%s/%s", dir->path, stray);
    enum err e = fs_rename(fs, from, to);
    if (e == OK) e = fs_sync_dir(fs, dir->path);
    mem_free(stray);
    mem_free(from);
    mem_free(to);
    return e;
}

enum err logdir_promote(struct fs *fs, struct logdir *dir, struct slice name)
{
    struct partition_dir parsed;
    if (!partition_dir_parse(name, &parsed) || parsed.kind != PARTITION_DIR_FUTURE) return ERR_INVALID;
    char *from = path_printf("%s/%.*s", dir->path, SLICE_FMT(name));
    char *to = path_printf("%s/%.*s-%" PRId32, dir->path, SLICE_FMT(parsed.topic), parsed.partition);
    enum err e = fs_rename(fs, from, to);
    if (e == OK) e = fs_sync_dir(fs, dir->path);
    mem_free(from);
    mem_free(to);
    return e;
}

enum err logdir_remove(struct fs *fs, struct logdir *dir, const char *name)
{
    char *path = path_printf("%s/%s", dir->path, name);
    struct name_list list;
    enum err e = dir_list(fs, path, &list);
    if (e == OK) {
        for (size_t i = 0; i < list.count && e == OK; i++) {
            char *file = path_printf("%s/%s", path, list.names[i]);
            e = file_remove(fs, file);
            mem_free(file);
        }
        name_list_deinit(&list);
        if (e == OK) e = fs_rmdir(fs, path);
    }
    mem_free(path);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err logdir_sync_names(struct fs *fs, struct logdir *dir)
{
    if (logdir_is_offline(dir)) return ERR_KAFKA_STORAGE_ERROR;
    enum err e = fs_sync_dir(fs, dir->path);
    if (e != OK) logdir_take_offline(dir, e, dir->path);
    return e;
}
