// SPDX-License-Identifier: Apache-2.0
// A node's life, on shard 0: directories opened and looked through, metadata loaded, logs opened on their shards,
// clients let in; and the same backwards. README.md has the order and why.
#include <stdio.h>

#include "base/mem.h"
#include "broker/assignments.h"
#include "broker/broker_int.h"
#include "broker/checkpoints.h"
#include "broker/cleaner.h"
#include "broker/conn.h"
#include "broker/directories.h"
#include "broker/listeners.h"
#include "broker/metadata.h"
#include "broker/retention.h"
#include "broker/topics.h"

// Tasks on whole directories run one after another: a node told to stop while it starts closes behind the strays.
enum { DIRECTORIES_LANE = 1 };

// ---- giving up -------------------------------------------------------------------------------------------------

static void tell_stopped(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct broker *broker = CONTAINER_OF(msg, struct broker, farewell);
    broker->options.stopped(broker->options.context, broker, broker->why_stopped);
}

void broker_give_up(struct broker *broker, enum err why, const char *text)
{
    if (broker->life == BROKER_STOPPED) return;
    broker->life = BROKER_STOPPED;
    broker->why_stopped = why;
    if (text != NULL) log_line(broker->log, LOG_FATAL, "broker", "%s", text);
    broker->farewell.run = tell_stopped;
    env_post(broker->shards[0]->env, &broker->farewell);
}

int broker_port(const struct broker *broker)
{
    return broker->listener_count == 0 ? 0 : broker->listeners[0].bound_port;
}

// ---- metadata to the shards --------------------------------------------------------------------------------------

struct publication {
    struct env_msg msg;
    struct image *image;
    struct image_delta *delta;
};

static void report_if_open(struct shard *shard)
{
    if (!shard->reports_when_open || shard->opening > 0) return;
    shard->reports_when_open = false;
    env_post(shard->broker->shards[0]->env, &shard->report);
}

static void partition_opened(void *context)
{
    struct shard *shard = context;
    shard->opening--;
    report_if_open(shard);
}

static void publication_arrives(struct env *env, struct env_msg *msg)
{
    struct publication *publication = CONTAINER_OF(msg, struct publication, msg);
    struct shard *shard = shard_here(env);
    if (!shard->stopping)
        shard->opening += topics_apply(shard, publication->image, publication->delta, partition_opened, shard);
    image_unref(publication->image);
    image_delta_unref(publication->delta);
    mem_free(publication);
}

static void publish(struct broker *broker, struct image *image, struct image_delta *delta)
{
    for (int i = 0; i < broker->shard_count; i++) {
        struct publication *publication = MEM_NEW(struct publication);
        *publication = (struct publication){
            .msg = {.run = publication_arrives}, .image = image_ref(image), .delta = image_delta_ref(delta)};
        env_post(broker->shards[i]->env, &publication->msg);
    }
}

static void on_image(void *context, struct image *image, struct image_delta *delta)
{
    struct broker *broker = context;
    directories_look(broker);
    if (broker->life >= BROKER_LOADING && broker->life <= BROKER_RUNNING) {
        publish(broker, image, delta);
        return;
    }
    // Until the node is registered nothing is opened; what changed so far is shown to the shards then, in order.
    struct early_delta *early = ARENA_NEW(&broker->arena, struct early_delta);
    *early = (struct early_delta){.image = image_ref(image), .delta = image_delta_ref(delta)};
    list_push_back(&broker->early_deltas, &early->link);
}

static void publish_early(struct broker *broker)
{
    for (struct list *link; (link = list_pop_front(&broker->early_deltas)) != NULL;) {
        struct early_delta *early = LIST_ITEM(link, struct early_delta, link);
        if (broker->life == BROKER_LOADING) publish(broker, early->image, early->delta);
        image_unref(early->image);
        image_delta_unref(early->delta);
    }
}

// ---- starting --------------------------------------------------------------------------------------------------

static void trim_run(struct env_task *task, struct fs *fs)
{
    (void)task;
    (void)fs;
    mem_trim();
}

static void trim_done(struct env *env, struct env_task *task)
{
    (void)env;
    (void)task;
}

static void inventory_forgotten(struct env *env, struct env_msg *msg)
{
    struct broker *broker = shard_here(env)->broker;
    (void)msg;
    if (--broker->shards_remembering > 0) return;
    inventory_free(broker);
    broker->trim_task = (struct env_task){.run = trim_run, .done = trim_done, .lane = DIRECTORIES_LANE};
    env_task_post(env, &broker->trim_task);
}

static void forget_inventory(struct env *env, struct env_msg *msg)
{
    struct shard *shard = shard_here(env);
    shard->has_no_inventory = true;
    msg->run = inventory_forgotten;
    env_post(shard->broker->shards[0]->env, msg);
}

// What was found on disk is open, and what loading took is free: the memory of both goes back.
static void let_inventory_go(struct broker *broker)
{
    broker->shards_remembering = broker->shard_count;
    for (int i = 0; i < broker->shard_count; i++) {
        broker->shards[i]->forget = (struct env_msg){.run = forget_inventory};
        env_post(broker->shards[i]->env, &broker->shards[i]->forget);
    }
}

static void unfenced(void *context, enum err result)
{
    struct broker *broker = context;
    if (broker->life != BROKER_LOADING) return;
    if (result != OK) {
        broker_give_up(broker, result, "the controller did not let this broker in");
        return;
    }
    broker->life = BROKER_RUNNING;
    listeners_open(broker);
    broker->rounds = checkpoint_rounds_start(broker);
    let_inventory_go(broker);
    log_info(broker->log, "kafka.server.BrokerServer", "[BrokerServer id=%d] Transition from STARTING to STARTED",
             broker->node_id);
    log_info(broker->log, "kafka.server.KafkaRaftServer", "[KafkaRaftServer nodeId=%d] Kafka Server started",
             broker->node_id);
    broker->options.started(broker->options.context, broker);
}

static void recovered(struct broker *broker)
{
    log_info(broker->log, "kafka.server.BrokerLifecycleManager",
             "[BrokerLifecycleManager id=%d] Transitioning from RECOVERY to RUNNING", broker->node_id);
    metadata_unfence(broker->metadata, unfenced, broker);
}

// Every log has what the last run's journals held for it; they are set aside before the first new append.
static void settle_run(struct env_task *task, struct fs *fs)
{
    struct broker *broker = CONTAINER_OF(task, struct broker, settle_task);
    for (int i = 0; i < broker->logdir_count; i++) {
        enum err e = logdir_settle_journal(fs, broker->logdirs[i], &broker->replayed[i]);
        (void)e; // the directory is offline then, and has said so
    }
}

static void settle_done(struct env *env, struct env_task *task)
{
    struct broker *broker = CONTAINER_OF(task, struct broker, settle_task);
    for (int i = 0; i < broker->logdir_count; i++) {
        const struct logdir_replay *r = &broker->replayed[i];
        if (r->entries == 0) continue;
        log_info(broker->log, "broker",
                 "journal replayed path=%s entries=%lld partitions=%lld appended_bytes=%lld offline_partitions=%d "
                 "ms=%lld",
                 logdir_path(broker->logdirs[i]), (long long)r->entries, (long long)r->partitions,
                 (long long)r->appended_bytes, r->failed_partitions,
                 (long long)((env_now_ns(env) - broker->opened_ns) / 1000000));
    }
    if (broker->life == BROKER_LOADING) recovered(broker);
}

static void shard_is_open(struct env *env, struct env_msg *msg)
{
    (void)msg;
    struct broker *broker = shard_here(env)->broker;
    if (--broker->shards_loading > 0 || broker->life != BROKER_LOADING) return;
    bool has_pending = false;
    for (int i = 0; i < broker->logdir_count; i++)
        has_pending = has_pending || logdir_has_pending_journal(broker->logdirs[i]);
    if (!has_pending) {
        recovered(broker);
        return;
    }
    broker->settle_task = (struct env_task){.run = settle_run, .done = settle_done, .lane = DIRECTORIES_LANE};
    env_task_post(env, &broker->settle_task);
}

static void watch_shard(struct env *env, struct env_msg *msg)
{
    (void)msg;
    struct shard *shard = shard_here(env);
    shard->report = (struct env_msg){.run = shard_is_open};
    shard->reports_when_open = true;
    retention_start(shard);
    cleaner_start(shard);
    report_if_open(shard);
}

// Behind the publications in every shard's mailbox, so all partitions are counted when it is read.
static void load_logs(struct broker *broker)
{
    broker->life = BROKER_LOADING;
    publish_early(broker);
    broker->shards_loading = broker->shard_count;
    for (int i = 0; i < broker->shard_count; i++) {
        broker->shards[i]->report.run = watch_shard;
        env_post(broker->shards[i]->env, &broker->shards[i]->report);
    }
}

static void strays_run(struct env_task *task, struct fs *fs)
{
    struct broker *broker = CONTAINER_OF(task, struct broker, stray_task);
    broker->stray_result = inventory_set_strays_aside(broker, fs, broker->stray_check_image, &broker->stray_problem);
}

static void strays_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct broker *broker = CONTAINER_OF(task, struct broker, stray_task);
    image_unref(broker->stray_check_image);
    broker->stray_check_image = NULL;
    if (broker->stray_result != OK)
        broker_give_up(broker, broker->stray_result, text_cstr(&broker->stray_problem));
    else if (broker->life == BROKER_STARTING)
        load_logs(broker);
}

static void on_ready(void *context)
{
    struct broker *broker = context;
    if (broker->life != BROKER_STARTING) return;
    inventory_remove_parting(broker);
    broker->stray_check_image = image_ref(metadata_image(broker->metadata));
    broker->stray_task = (struct env_task){.run = strays_run, .done = strays_done, .lane = DIRECTORIES_LANE};
    env_task_post(broker->shards[0]->env, &broker->stray_task);
}

static void on_fatal(void *context, enum err why, const char *text)
{
    broker_give_up(context, why, text);
}

static enum err start_metadata(struct broker *broker, struct text *problem)
{
    struct image_endpoint endpoints[LISTENERS_MAX];
    for (int i = 0; i < broker->listener_count; i++) {
        const struct listener *listener = &broker->listeners[i];
        endpoints[i] = (struct image_endpoint){.name = slice_str(listener->name),
                                               .host = slice_str(listener->advertised_host),
                                               .port = (uint16_t)listener->advertised_port,
                                               .security_protocol = (int16_t)listener->protocol};
    }
    struct image_endpoint controllers[LISTENERS_MAX];
    int controller_count = 0;
    struct config_listeners all = config_get_listeners(broker->config);
    for (size_t i = 0; i < all.count && controller_count < LISTENERS_MAX; i++) {
        if (!all.items[i].is_controller) continue;
        const char *host = all.items[i].host[0] == '\0' ? broker->options.hostname : all.items[i].host;
        controllers[controller_count++] = (struct image_endpoint){.name = slice_str(all.items[i].name),
                                                                  .host = slice_str(host),
                                                                  .port = (uint16_t)all.items[i].port,
                                                                  .security_protocol = (int16_t)all.items[i].protocol};
    }
    const struct metadata_options options = {
        .env = broker->shards[0]->env,
        .config = broker->config,
        .dirs = broker->logdirs,
        .dir_count = broker->logdir_count,
        .metadata_dir = broker_metadata_dir(broker),
        .endpoints = endpoints,
        .endpoint_count = broker->listener_count,
        .controller_endpoints = controllers,
        .controller_endpoint_count = controller_count,
        .rack = slice_str(config_get_string(broker->config, "broker.rack")),
        .previous_broker_epoch = broker->previous_epoch,
        .context = broker,
        .cordoned = directories_cordoned,
        .directories_told = directories_told,
        .on_image = on_image,
        .on_ready = on_ready,
        .on_fatal = on_fatal,
    };
    return metadata_start(&options, problem, &broker->metadata);
}

struct slice broker_dir_path(const struct broker *broker, const struct logdir *dir, struct arena *arena)
{
    const char *path = logdir_path(dir);
    if (path[0] == '/' || broker->options.working_dir == NULL) return slice_str(path);
    return slice_str(arena_printf(arena, "%s/%s", broker->options.working_dir, path));
}

struct broker *broker_start(const struct broker_options *options)
{
    struct broker *broker = MEM_NEW(struct broker);
    broker->options = *options;
    broker->config = options->config;
    broker->log = options->envs[0]->log;
    broker->node_id = config_node_id(options->config);
    broker->frame_bytes_max = config_get_int(options->config, "socket.request.max.bytes");
    broker->idle_ms_max = config_get_long(options->config, "connections.max.idle.ms");
    broker->fetch_bytes_max = config_get_int(options->config, "fetch.max.bytes");
    broker->described_partitions_max = config_get_int(options->config, "max.request.partition.size.limit");
    broker->creates_topics = config_get_bool(options->config, "auto.create.topics.enable");
    list_init(&broker->entrance.waiting);
    list_init(&broker->early_deltas);
    env_random(options->envs[0], &broker->hash_seed, sizeof(broker->hash_seed));
    broker->shard_count = options->env_count;
    broker->shards = mem_zalloc((size_t)options->env_count, sizeof(struct shard *));
    for (int i = 0; i < options->env_count; i++) broker->shards[i] = shard_new(broker, options->envs[i]);
    struct text problem = {0};
    enum err e = directories_open(broker, &problem);
    if (e == OK) e = listeners_bind(broker);
    if (e == OK) e = start_metadata(broker, &problem);
    if (e == OK) {
        directories_watch(broker);
    } else {
        broker_give_up(broker, e, problem.size == 0 ? NULL : text_cstr(&problem));
    }
    text_deinit(&problem);
    return broker;
}

// ---- stopping --------------------------------------------------------------------------------------------------

static void directories_closed(struct env *env, struct env_task *task)
{
    (void)env;
    struct broker *broker = CONTAINER_OF(task, struct broker, close_task);
    broker->logdir_count = 0;
    log_info(broker->log, "kafka.server.KafkaRaftServer", "[KafkaRaftServer nodeId=%d] shut down completed",
             broker->node_id);
    broker_give_up(broker, OK, NULL);
}

// Last of all the markers: their presence says that everything before them is on disk.
static void close_directories(struct env_task *task, struct fs *fs)
{
    struct broker *broker = CONTAINER_OF(task, struct broker, close_task);
    struct checkpoint_set **sets = mem_zalloc((size_t)broker->shard_count, sizeof(struct checkpoint_set *));
    for (int i = 0; i < broker->shard_count; i++) sets[i] = broker->shards[i]->checkpoints;
    for (int i = 0; i < broker->logdir_count; i++) {
        struct logdir *dir = broker->logdirs[i];
        enum err e = logdir_is_offline(dir) || !broker->was_loaded
                         ? ERR_IO
                         : checkpoint_sets_store(fs, dir, sets, broker->shard_count, false);
        e = logdir_close(fs, dir, e == OK, broker->broker_epoch);
        if (e != OK)
            log_error(broker->log, "broker", "closing a log directory: %s; the next start will recover it",
                      err_text(e));
    }
    mem_free(sets);
    if (broker->metadata_only_dir != NULL && logdir_close(fs, broker->metadata_only_dir, false, -1) != OK)
        log_warn(broker->log, "broker", "the directory of the metadata log could not be unlocked");
    broker->metadata_only_dir = NULL;
}

static void finish(struct broker *broker)
{
    directories_unwatch(broker);
    metadata_free(broker->metadata);
    broker->metadata = NULL;
    broker->close_task =
        (struct env_task){.run = close_directories, .done = directories_closed, .lane = DIRECTORIES_LANE};
    env_task_post(broker->shards[0]->env, &broker->close_task);
}

static void shard_is_closed(struct env *env, struct env_msg *msg)
{
    (void)msg;
    struct broker *broker = shard_here(env)->broker;
    if (--broker->shards_closing == 0) finish(broker);
}

static void closed_one(struct shard *shard)
{
    if (--shard->closing > 0) return;
    shard->report.run = shard_is_closed;
    env_post(shard->broker->shards[0]->env, &shard->report);
}

static void partition_is_closed(struct partition *partition, const struct plog_checkpoint *checkpoint, void *context)
{
    struct shard *shard = context;
    if (checkpoint != NULL) checkpoint_set_add(shard->checkpoints, partition, partition->dir, checkpoint);
    closed_one(shard);
}

static void close_shard(struct env *env, struct env_msg *msg)
{
    (void)msg;
    struct shard *shard = shard_here(env);
    shard->stopping = true;
    retention_stop(shard);
    cleaner_stop(shard);
    assignments_stop(shard);
    while (!list_is_empty(&shard->conns)) conn_kill(LIST_ITEM(list_first(&shard->conns), struct conn, in_shard), NULL);
    shard->closing = 1; // itself, so that it reports once whatever closes within the call
    MAP_EACH (link, &shard->partitions) {
        struct partition *partition = MAP_ITEM(link, struct partition, in_shard);
        if (partition->state == PARTITION_CLOSING) continue; // being deleted
        shard->closing++;
        partition_close(partition, partition_is_closed, shard);
    }
    closed_one(shard);
}

static void close_shards(struct broker *broker)
{
    broker->shards_closing = broker->shard_count;
    for (int i = 0; i < broker->shard_count; i++) {
        broker->shards[i]->report = (struct env_msg){.run = close_shard};
        env_post(broker->shards[i]->env, &broker->shards[i]->report);
    }
}

static void metadata_stopped(void *context)
{
    struct broker *broker = context;
    if (broker->rounds != NULL)
        checkpoint_rounds_stop(broker->rounds, close_shards);
    else
        close_shards(broker);
}

void broker_stop(struct broker *broker)
{
    if (broker->life >= BROKER_STOPPING) return;
    log_info(broker->log, "kafka.server.BrokerServer", "[BrokerServer id=%d] Transition from STARTED to SHUTTING_DOWN",
             broker->node_id);
    broker->was_loaded = broker->life == BROKER_RUNNING;
    broker->life = BROKER_STOPPING;
    broker->broker_epoch = metadata_broker_epoch(broker->metadata);
    listeners_close(broker);
    metadata_stop(broker->metadata, metadata_stopped, broker);
}

void broker_free(struct broker *broker)
{
    broker->life = BROKER_STOPPED;
    publish_early(broker);
    metadata_free(broker->metadata);
    checkpoint_rounds_free(broker->rounds);
    inventory_free(broker);
    text_deinit(&broker->stray_problem);
    arena_deinit(&broker->told_arena);
    listeners_deinit(broker);
    for (int i = 0; i < broker->shard_count; i++) shard_free(broker->shards[i]);
    mem_free(broker->shards);
    arena_deinit(&broker->arena);
    mem_free(broker);
}
