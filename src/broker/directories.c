// SPDX-License-Identifier: Apache-2.0
#include "broker/directories.h"

#include <stdio.h>

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/format.h"
#include "broker/metadata.h"
#include "meta/image.h"

enum { WATCH_MS = 500, DIR_WISHES_MAX = 10000 };

// ---- opening -----------------------------------------------------------------------------------------------------

static void random_bytes(void *context, void *to, size_t size)
{
    env_random(context, to, size);
}

// A node is formatted by itself when none of its directories is (Kafka asks for kafka-storage.sh format first).
static enum err format_if_empty(struct broker *broker, struct config_list dirs, struct text *problem)
{
    struct env *env = broker->shards[0]->env;
    for (size_t i = 0; i < dirs.count; i++) {
        enum err e = format_is_formatted(env->fs, dirs.items[i]);
        if (e != ERR_NOT_FOUND) return e;
    }
    struct uuid random;
    env_random(env, random.bytes, sizeof(random.bytes));
    char cluster_id[UUID_TEXT_SIZE + 1];
    uuid_format(random, cluster_id);
    struct config_listeners listeners = config_get_listeners(broker->config);
    struct format_voter self = {.id = broker->node_id, .host = SLICE("localhost"), .port = 9093};
    struct slice controller_listener = SLICE("CONTROLLER");
    for (size_t i = 0; i < listeners.count; i++) {
        if (!listeners.items[i].is_controller) continue;
        controller_listener = slice_str(listeners.items[i].name);
        if (listeners.items[i].host[0] != '\0') self.host = slice_str(listeners.items[i].host);
        self.port = (uint16_t)listeners.items[i].port;
        break;
    }
    bool is_static = config_quorum_voters(broker->config).count > 0;
    const struct format_options options = {
        .fs = env->fs,
        .wall_ms = env_wall_ms(env),
        .random = random_bytes,
        .random_context = env,
        .cluster_id = slice_str(cluster_id),
        .node_id = broker->node_id,
        .dirs = dirs.items,
        .dir_count = (int)dirs.count,
        .metadata_dir = config_metadata_log_dir(broker->config),
        .voters = is_static ? NULL : &self,
        .voter_count = is_static ? 0 : 1,
        .controller_listener = controller_listener,
        .is_standalone = !is_static,
    };
    log_info(broker->log, "broker", "formatting %s with cluster id %s", dirs.items[0], cluster_id);
    return format_directories(&options, problem);
}

// What Kafka takes for a disk that is broken rather than for a mistake (MetaPropertiesEnsemble, LogManager).
static bool is_disk_failure(enum err e)
{
    return e != ERR_BUSY && e != ERR_NOT_FOUND && e != ERR_INVALID;
}

static enum err compare(const struct broker *broker, const struct logdir *dir, const struct meta_properties *properties,
                        struct text *problem)
{
    for (int i = 0; i < broker->logdir_count; i++) {
        const struct logdir *other = broker->logdirs[i];
        if (other == dir || uuid_is_zero(logdir_id(other))) continue;
        if (uuid_eq(logdir_id(other), properties->directory_id)) {
            text_printf(problem, "%s and %s have the same directory.id; one is a copy of the other, remove it",
                        logdir_path(other), logdir_path(dir));
            return ERR_INVALID;
        }
    }
    if (broker->cluster_id[0] == '\0' || strcmp(broker->cluster_id, properties->cluster_id) == 0) return OK;
    text_printf(problem,
                "%s belongs to cluster %s, others to cluster %s; a node's log directories must be of one cluster",
                logdir_path(dir), properties->cluster_id, broker->cluster_id);
    return ERR_INVALID;
}

static enum err open_dir(struct broker *broker, const char *path, bool is_needed, struct logdir_open_result *opened,
                         struct logdir **out, struct text *problem)
{
    struct env *env = broker->shards[0]->env;
    struct uuid random;
    env_random(env, random.bytes, sizeof(random.bytes));
    enum err e = logdir_open(env->fs, broker->log, path, broker->node_id, random, &broker->arena, opened, out);
    if (e == OK) return OK;
    const char *why = opened->problem != NULL ? opened->problem : err_text(e);
    if (is_disk_failure(e) && !is_needed) {
        log_error(broker->log, "broker", "log directory %s is offline: %s; the others are served", path, why);
        *out = logdir_new_offline(env->fs, broker->log, path);
        return OK;
    }
    text_add_str(problem, why);
    if (e == ERR_BUSY && broker->options.explain_lock != NULL)
        broker->options.explain_lock(broker->options.context, path, opened->lock_holder_pid);
    return e;
}

static enum err open_log_dir(struct broker *broker, const char *path, struct text *problem)
{
    struct logdir_open_result opened = {0};
    struct logdir *dir = NULL;
    bool is_needed = strcmp(path, config_metadata_log_dir(broker->config)) == 0;
    enum err e = open_dir(broker, path, is_needed, &opened, &dir, problem);
    if (e != OK) return e;
    int index = broker->logdir_count++;
    broker->logdirs[index] = dir;
    if (logdir_is_offline(dir)) {
        broker->previous_epoch = -1; // only all together prove a clean stop
        return OK;
    }
    broker->logdir_was_clean[index] = opened.was_clean;
    if (index == 0) broker->previous_epoch = opened.broker_epoch;
    if (opened.broker_epoch != broker->previous_epoch) broker->previous_epoch = -1;
    e = compare(broker, dir, &opened.properties, problem);
    if (e == OK) snprintf(broker->cluster_id, sizeof(broker->cluster_id), "%s", opened.properties.cluster_id);
    return e;
}

static bool is_log_dir(struct config_list dirs, const char *path)
{
    for (size_t i = 0; i < dirs.count; i++)
        if (strcmp(dirs.items[i], path) == 0) return true;
    return false;
}

static enum err open_metadata_dir(struct broker *broker, struct text *problem)
{
    struct logdir_open_result opened = {0};
    const char *path = config_metadata_log_dir(broker->config);
    enum err e = open_dir(broker, path, true, &opened, &broker->metadata_only_dir, problem);
    return e == OK ? compare(broker, broker->metadata_only_dir, &opened.properties, problem) : e;
}

// A second metadata log would be a second truth (KafkaRaftServer.initializeLogDirs).
static enum err check_metadata_place(struct broker *broker, struct text *problem)
{
    struct fs *fs = broker->shards[0]->env->fs;
    for (int i = 0; i < broker->logdir_count; i++) {
        struct file_stat stat;
        const char *path = arena_printf(&broker->arena, "%s/__cluster_metadata-0", logdir_path(broker->logdirs[i]));
        if (broker->logdirs[i] == broker_metadata_dir(broker) || fs_stat(fs, path, &stat) != OK) continue;
        text_printf(problem,
                    "Found unexpected metadata location in data directory `%s` (the configured metadata directory is "
                    "%s).",
                    path, config_metadata_log_dir(broker->config));
        return ERR_INVALID;
    }
    return OK;
}

enum err directories_open(struct broker *broker, struct text *problem)
{
    struct config_list dirs = config_log_dirs(broker->config);
    if (dirs.count > LOG_DIRS_MAX) {
        text_printf(problem, "log.dirs names %zu directories; at most %d are supported", dirs.count, LOG_DIRS_MAX);
        return ERR_INVALID;
    }
    enum err e = format_if_empty(broker, dirs, problem);
    for (size_t i = 0; i < dirs.count && e == OK; i++) e = open_log_dir(broker, dirs.items[i], problem);
    if (e == OK && !is_log_dir(dirs, config_metadata_log_dir(broker->config))) e = open_metadata_dir(broker, problem);
    if (e == OK) e = check_metadata_place(broker, problem);
    if (e == OK) e = inventory_take(broker, problem);
    int online = 0;
    for (int i = 0; i < broker->logdir_count; i++) online += !logdir_is_offline(broker->logdirs[i]);
    if (e != OK || online > 0) return e;
    text_add_str(problem, "none of the log directories can be used");
    return ERR_KAFKA_STORAGE_ERROR;
}

struct logdir *broker_metadata_dir(const struct broker *broker)
{
    if (broker->metadata_only_dir != NULL) return broker->metadata_only_dir;
    const char *path = config_metadata_log_dir(broker->config);
    for (int i = 0; i < broker->logdir_count; i++)
        if (strcmp(logdir_path(broker->logdirs[i]), path) == 0) return broker->logdirs[i];
    return broker->logdirs[0];
}

// ---- cordoned ----------------------------------------------------------------------------------------------------

static struct slice cordoned_text(const struct broker *broker, const struct image *image)
{
    char id[16];
    int size = snprintf(id, sizeof(id), "%d", broker->node_id);
    struct slice text =
        image == NULL ? SLICE_NULL
                      : image_config(image, IMAGE_RESOURCE_BROKER, slice_of(id, (size_t)size), "cordoned.log.dirs");
    return slice_is_null(text) ? slice_str(config_get_given(broker->config, "cordoned.log.dirs")) : text;
}

static struct slice trim(struct slice s)
{
    while (s.size > 0 && s.data[0] == ' ') s = slice_of(s.data + 1, s.size - 1);
    while (s.size > 0 && s.data[s.size - 1] == ' ') s.size--;
    return s;
}

static bool is_in(struct slice list, const char *path)
{
    while (list.size > 0) {
        size_t size = 0;
        while (size < list.size && list.data[size] != ',') size++;
        struct slice item = trim(slice_of(list.data, size));
        if (slice_eq_str(item, "*") || slice_eq_str(item, path)) return true;
        size_t taken = size < list.size ? size + 1 : size;
        list = slice_of(list.data + taken, list.size - taken);
    }
    return false;
}

bool directories_is_cordoned(const struct shard *shard, const struct logdir *dir)
{
    if (image_metadata_version(shard->image) < 30) return false;
    return is_in(cordoned_text(shard->broker, shard->image), logdir_path(dir));
}

struct uuid *directories_cordoned(void *context, const struct image *image, struct arena *arena, int32_t *count)
{
    const struct broker *broker = context;
    struct slice text = cordoned_text(broker, image);
    struct uuid *ids = ARENA_ARRAY(arena, struct uuid, broker->logdir_count);
    *count = 0;
    for (int i = 0; i < broker->logdir_count; i++) {
        struct uuid id = logdir_id(broker->logdirs[i]);
        if (uuid_is_zero(id) || !is_in(text, logdir_path(broker->logdirs[i]))) continue;
        int at = (*count)++;
        for (; at > 0 && memcmp(ids[at - 1].bytes, id.bytes, sizeof(id.bytes)) > 0; at--) ids[at] = ids[at - 1];
        ids[at] = id;
    }
    return ids;
}

// ---- watching ----------------------------------------------------------------------------------------------------

static int count_offline(const struct broker *broker)
{
    int offline = 0;
    for (int i = 0; i < broker->logdir_count; i++) offline += logdir_is_offline(broker->logdirs[i]);
    return offline;
}

bool directories_any_offline(const struct broker *broker)
{
    return count_offline(broker) > 0;
}

// Others would go on taking this broker for the leader of what it cannot serve (KIP-858).
static void not_heard(struct env *env, struct env_timer *timer)
{
    (void)env;
    broker_give_up(CONTAINER_OF(timer, struct broker, dir_failure), ERR_KAFKA_STORAGE_ERROR,
                   "the controller could not be told of a lost log directory within log.dir.failure.timeout.ms");
}

void directories_told(void *context)
{
    struct broker *broker = context;
    broker->waits_for_failure = false;
    env_timer_cancel(broker->shards[0]->env, &broker->dir_failure);
}

void directories_look(struct broker *broker)
{
    if (broker->life < BROKER_LOADING || broker->life > BROKER_RUNNING) return;
    int offline = count_offline(broker);
    int32_t count = 0;
    struct arena arena = {0};
    struct uuid *cordoned = directories_cordoned(broker, metadata_image(broker->metadata), &arena, &count);
    bool is_same = offline == broker->told_offline && count == broker->told_cordoned_count &&
                   (count == 0 || memcmp(cordoned, broker->told_cordoned, (size_t)count * sizeof(*cordoned)) == 0);
    if (is_same) {
        arena_deinit(&arena);
        return;
    }
    arena_deinit(&broker->told_arena);
    broker->told_arena = arena;
    broker->told_cordoned = cordoned;
    broker->told_cordoned_count = count;
    if (offline > broker->told_offline && !broker->waits_for_failure) {
        broker->waits_for_failure = true;
        broker->dir_failure.fire = not_heard;
        env_timer_after_ms(broker->shards[0]->env, &broker->dir_failure,
                           config_get_long(broker->config, "log.dir.failure.timeout.ms"));
    }
    broker->told_offline = offline;
    metadata_tell_directories(broker->metadata);
}

static void watch(struct env *env, struct env_timer *timer)
{
    struct broker *broker = CONTAINER_OF(timer, struct broker, dir_watch);
    bool is_last = count_offline(broker) == broker->logdir_count;
    if (is_last || logdir_is_offline(broker_metadata_dir(broker))) {
        broker_give_up(broker, ERR_KAFKA_STORAGE_ERROR,
                       is_last ? "every log directory is offline" : "the directory of the metadata log is offline");
        return;
    }
    directories_look(broker);
    env_timer_after_ms(env, timer, WATCH_MS);
}

void directories_watch(struct broker *broker)
{
    broker->told_offline = count_offline(broker); // the registration says so
    broker->dir_watch.fire = watch;
    env_timer_after_ms(broker->shards[0]->env, &broker->dir_watch, WATCH_MS);
}

void directories_unwatch(struct broker *broker)
{
    env_timer_cancel(broker->shards[0]->env, &broker->dir_watch);
    env_timer_cancel(broker->shards[0]->env, &broker->dir_failure);
}

// ---- wishes ------------------------------------------------------------------------------------------------------

struct dir_wish {
    struct list link;
    struct env_msg msg; // to the other shards
    char *topic;
    int32_t index;
    struct logdir *dir;
};

static struct dir_wish *find_wish(struct shard *shard, struct slice topic, int32_t index)
{
    LIST_EACH (link, &shard->dir_wishes) {
        struct dir_wish *wish = LIST_ITEM(link, struct dir_wish, link);
        if (wish->index == index && slice_eq_str(topic, wish->topic)) return wish;
    }
    return NULL;
}

static void free_wish(struct shard *shard, struct dir_wish *wish)
{
    if (list_is_linked(&wish->link)) {
        list_remove(&wish->link);
        shard->dir_wish_count--;
    }
    mem_free(wish->topic);
    mem_free(wish);
}

static void wish_arrives(struct env *env, struct env_msg *msg)
{
    struct shard *shard = shard_here(env);
    struct dir_wish *wish = CONTAINER_OF(msg, struct dir_wish, msg);
    struct dir_wish *old = find_wish(shard, slice_str(wish->topic), wish->index);
    if (old != NULL) free_wish(shard, old);
    if (shard->dir_wish_count == DIR_WISHES_MAX)
        free_wish(shard, LIST_ITEM(list_first(&shard->dir_wishes), struct dir_wish, link));
    list_push_back(&shard->dir_wishes, &wish->link);
    shard->dir_wish_count++;
}

void directories_wish(struct shard *shard, struct slice topic, int32_t index, struct logdir *dir)
{
    for (int i = 0; i < shard->broker->shard_count; i++) {
        struct dir_wish *wish = MEM_NEW(struct dir_wish);
        *wish = (struct dir_wish){.msg = {.run = wish_arrives}, .index = index, .dir = dir};
        wish->topic = mem_zalloc(topic.size + 1, 1);
        memcpy(wish->topic, topic.data, topic.size);
        env_post(shard->broker->shards[i]->env, &wish->msg);
    }
}

void directories_forget_wishes(struct shard *shard)
{
    while (!list_is_empty(&shard->dir_wishes))
        free_wish(shard, LIST_ITEM(list_first(&shard->dir_wishes), struct dir_wish, link));
}

// ---- choosing ----------------------------------------------------------------------------------------------------

static struct logdir *least_loaded(const struct shard *shard)
{
    const struct broker *broker = shard->broker;
    struct logdir *best = NULL;
    for (int i = 0; i < broker->logdir_count; i++) {
        struct logdir *dir = broker->logdirs[i];
        if (logdir_is_offline(dir) || directories_is_cordoned(shard, dir)) continue;
        if (best == NULL || logdir_log_count(dir) < logdir_log_count(best)) best = dir;
    }
    return best;
}

struct logdir *directories_choose(struct shard *shard, struct slice topic, const struct image_partition *partition)
{
    const struct broker *broker = shard->broker;
    struct dir_wish *wish = find_wish(shard, topic, partition->index);
    if (wish != NULL) {
        struct logdir *wished = wish->dir;
        free_wish(shard, wish);
        if (!logdir_is_offline(wished)) return wished;
    }
    struct uuid assigned = {{0}};
    for (int32_t r = 0; r < partition->replicas.count && partition->directories != NULL; r++)
        if (partition->replicas.items[r] == broker->node_id) assigned = partition->directories[r];
    for (int i = 0; i < broker->logdir_count; i++)
        if (!uuid_is_reserved(assigned) && uuid_eq(logdir_id(broker->logdirs[i]), assigned))
            return logdir_is_offline(broker->logdirs[i]) ? NULL : broker->logdirs[i];
    // An id nobody here has: of a directory that cannot be read now, or of one that was taken away for good.
    if (!uuid_is_reserved(assigned) && directories_any_offline(broker)) return NULL;
    return least_loaded(shard);
}
