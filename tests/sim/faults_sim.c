// SPDX-License-Identifier: Apache-2.0
// Disks that fill up, turn read-only, fail a call or hang, under a producer (idempotent, acks=all, durability commit).
//   - full, read-only: the node ends by itself, with a line in its log that says what to do; a start on the disk as it
//     is ends or serves, never hangs; after room was made and the disk mended the next one serves;
//   - a call that fails: the node ends or goes on, whichever call it was;
//   - hanging: requests that need no disk are answered as always, and nothing has failed when the disk is back;
//   - in every case each acknowledged record is there afterwards, at its offset, whether the node was killed or lost
//   its
//     power in between, and what the producer could not place before is placed at last.
// `deletion` looks at the directory of a deleted topic over a restart, `retention` at a log whose retention.ms changes
// while it lives.
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "config/config.h"
#include "proto/apis.h"
#include "proto/delete_topics.h"
#include "proto/incremental_alter_configs.h"
#include "proto/metadata.h"
#include "server.h"

enum { RECORDS = 120, UNDELIVERED_MAX = 8, PARTITIONS = 2, OFFSETS_MAX = RECORDS * 2, VALUE_SIZE = 2000, UNKNOWN = -1 };
enum { SECOND_MS = 1000, PATIENCE_MS = 120 * SECOND_MS, HANG_MS = 7 * SECOND_MS };

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct sim_node *client_node;
    struct client *client;
    struct producer *producer;
    struct consumer *consumer;
    struct client_call call;
    const char *retention_ms;
    bool is_answered;
    int sent;
    int delivered;
    int64_t acked_offset[RECORDS]; // UNKNOWN = not acknowledged
    int acked_partition[RECORDS];
    int shown[PARTITIONS][OFFSETS_MAX]; // record number, UNKNOWN = never shown
};

// What the node's log said that matters here; the trace is one per simulation, and simulations run one after another.
static struct {
    int no_space;
    int read_only;
} said;

static void look_at(void *context, const char *line)
{
    (void)context;
    said.no_space += strstr(line, "No space left on it") != NULL;
    said.read_only += strstr(line, "is read-only: see dmesg") != NULL;
}

// ---- the node --------------------------------------------------------------------------------------------------

static void start_sound_node(struct world *w)
{
    sim_server_start(&w->server);
    sim_check(w->at, w->server.is_serving, "the node does not start on a sound disk: %s", err_name(w->server.why));
}

// ---- the clients -----------------------------------------------------------------------------------------------

static struct slice value_of(int number, uint8_t buffer[VALUE_SIZE])
{
    memset(buffer, 'a' + number % 26, VALUE_SIZE);
    snprintf((char *)buffer, 8, "%06d", number % 1000000);
    return slice_of(buffer, VALUE_SIZE);
}

static int number_of(struct slice value)
{
    uint8_t expected[VALUE_SIZE];
    if (value.size != VALUE_SIZE) return UNKNOWN;
    int number = (int)strtol((const char *)value.data, NULL, 10);
    return number >= 0 && number < RECORDS && slice_eq(value, value_of(number, expected)) ? number : UNKNOWN;
}

static void delivered(struct producer *producer, const struct producer_delivery *delivery)
{
    struct world *w = producer_context(producer);
    int number = (int)(intptr_t)delivery->context;
    w->delivered++;
    sim_check(w->at, delivery->err == OK, "record %d: %s", number, err_name(delivery->err));
    w->acked_offset[number] = delivery->offset;
    w->acked_partition[number] = delivery->partition;
}

static void read_all(struct consumer *consumer)
{
    struct world *w = consumer_context(consumer);
    struct consumer_record r;
    while (consumer_next(consumer, &r)) {
        int number = number_of(r.record.value);
        int64_t offset = r.record.offset;
        sim_check(w->at, offset < OFFSETS_MAX && number != UNKNOWN, "partition %d offset %lld: bytes nobody sent",
                  r.partition, (long long)offset);
        int *before = &w->shown[r.partition][offset];
        sim_check(w->at, *before == UNKNOWN || *before == number, "partition %d offset %lld showed %d, now %d",
                  r.partition, (long long)offset, *before, number);
        *before = number;
    }
}

static void start_client(void *context)
{
    struct world *w = context;
    struct client_config config;
    struct producer_config producing;
    struct consumer_config consuming;
    client_config_init(&config);
    config.bootstrap = SLICE("node:9092");
    config.request_timeout_ms = 20 * SECOND_MS;
    enum err e = client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->client);
    if (e != OK) abort();
    producer_config_init(&producing);
    producing.delivered = delivered;
    producing.context = w;
    producing.delivery_timeout_ms = INT32_MAX;
    w->producer = producer_new(w->client, &producing);
    consumer_config_init(&consuming);
    consuming.ready = read_all;
    consuming.context = w;
    consuming.reset = RESET_EARLIEST;
    w->consumer = consumer_new(w->client, &consuming);
}

static void send_some(void *context)
{
    struct world *w = context;
    uint8_t buffer[VALUE_SIZE];
    for (int budget = 3; budget > 0 && w->sent < RECORDS && w->sent - w->delivered < UNDELIVERED_MAX; budget--) {
        const struct producer_record record = {.topic = SLICE("t"),
                                               .partition = w->sent % PARTITIONS,
                                               .timestamp = -1,
                                               .value = value_of(w->sent, buffer),
                                               .context = (void *)(intptr_t)w->sent};
        if (producer_send(w->producer, &record) != OK) return;
        w->sent++;
    }
}

static bool is_all_delivered(void *context)
{
    struct world *w = context;
    sim_node_call(w->client_node, send_some, w);
    return w->delivered == RECORDS;
}

static bool is_all_delivered_or_over(void *context)
{
    return is_all_delivered(context) || ((struct world *)context)->server.has_given_up;
}

static bool is_a_third_delivered(void *context)
{
    struct world *w = context;
    sim_node_call(w->client_node, send_some, w);
    return w->delivered >= RECORDS / 3;
}

static void start_rereading(void *context)
{
    struct world *w = context;
    for (int p = 0; p < PARTITIONS; p++) consumer_assign(w->consumer, SLICE("t"), p, 0);
}

static bool is_read_to_the_end(void *context)
{
    struct world *w = context;
    for (int p = 0; p < PARTITIONS; p++) {
        int64_t end = consumer_end(w->consumer, SLICE("t"), p);
        if (end < 0 || consumer_position(w->consumer, SLICE("t"), p) < end) return false;
    }
    return true;
}

static void check(struct world *w)
{
    for (int number = 0; number < RECORDS; number++) {
        int64_t offset = w->acked_offset[number];
        sim_check(w->at, offset != UNKNOWN && offset < OFFSETS_MAX, "record %d was never placed", number);
        sim_check(w->at, w->shown[w->acked_partition[number]][offset] == number,
                  "record %d was acknowledged at partition %d offset %lld and is not there", number,
                  w->acked_partition[number], (long long)offset);
    }
    for (int p = 0; p < PARTITIONS; p++) {
        int last = UNKNOWN;
        for (int64_t offset = 0; offset < OFFSETS_MAX; offset++) {
            if (w->shown[p][offset] == UNKNOWN) continue;
            sim_check(w->at, w->shown[p][offset] > last, "partition %d offset %lld: record %d behind %d", p,
                      (long long)offset, w->shown[p][offset], last);
            last = w->shown[p][offset];
        }
    }
}

// ---- faults ----------------------------------------------------------------------------------------------------

static struct world *open_world(struct sim_case *at)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    *w = (struct world){.at = at};
    for (int i = 0; i < RECORDS; i++) w->acked_offset[i] = UNKNOWN;
    for (int p = 0; p < PARTITIONS; p++)
        for (int o = 0; o < OFFSETS_MAX; o++) w->shown[p][o] = UNKNOWN;
    said.no_space = said.read_only = 0;
    static const char *const settings[] = {"log.dirs=/data",
                                           "num.partitions=2",
                                           "replica.high.watermark.checkpoint.interval.ms=500",
                                           "log.segment.bytes=1048576",
                                           "log.segment.delete.delay.ms=60000",
                                           NULL};
    sim_server_init(&w->server, at, settings);
    w->server.may_give_up = true;
    w->client_node = sim_node_new(at->sim, "client", 1);
    start_sound_node(w);
    sim_node_call(w->client_node, start_client, w);
    bool reached = sim_run_until(at->sim, is_a_third_delivered, w, PATIENCE_MS);
    sim_check(at, reached, "no progress on a sound disk: %d delivered", w->delivered);
    return w;
}

// Everything delivered and read again: what the world holds in the end.
static void finish(struct world *w)
{
    bool reached = sim_run_until(w->at->sim, is_all_delivered, w, 10 * PATIENCE_MS);
    sim_check(w->at, reached, "%d sent, %d delivered", w->sent, w->delivered);
    sim_node_call(w->client_node, start_rereading, w);
    reached = sim_run_until(w->at->sim, is_read_to_the_end, w, PATIENCE_MS);
    sim_check(w->at, reached, "the log could not be read to its end");
    check(w);
}

static void crash(struct world *w)
{
    sim_node_crash(w->server.node, sim_buggify(w->at->sim, 50) ? SIM_POWER_CUT : SIM_PROCESS_KILL);
}

static void set_disk(struct world *w, bool is_full, bool is_read_only)
{
    int64_t total = 0, free_bytes = 0;
    sim_set_disk_capacity(w->server.node, 0);
    enum err e = fs_space(sim_node_fs(w->server.node), "/", &total, &free_bytes);
    sim_check(w->at, e == OK, "fs_space: %s", err_name(e));
    if (is_full) sim_set_disk_capacity(w->server.node, total - free_bytes + sim_below(w->at->sim, 16) * 4096);
    sim_set_read_only(w->server.node, is_read_only);
}

static void run_out(struct sim_case *at, bool is_full)
{
    struct world *w = open_world(at);
    set_disk(w, is_full, !is_full);
    sim_run_until(at->sim, is_all_delivered_or_over, w, PATIENCE_MS);
    sim_check(at, w->server.has_given_up, "the node goes on with a disk that takes nothing: %d delivered",
              w->delivered);
    sim_check(at, w->server.why != OK, "the node ended as if all was well");
    sim_check(at, (is_full ? said.no_space : said.read_only) > 0, "the log does not say what to do");
    crash(w);
    if (sim_buggify(at->sim, 60)) { // somebody tries before there is room
        sim_server_start(&w->server);
        sim_check(at, is_full || w->server.has_given_up, "the node serves from a read-only disk");
        crash(w);
    }
    sim_set_read_only(w->server.node, false);
    sim_set_disk_capacity(w->server.node, 0);
    start_sound_node(w);
    finish(w);
}

static void full(struct sim_case *at)
{
    run_out(at, true);
}

static void read_only(struct sim_case *at)
{
    run_out(at, false);
}

static void failing_call(struct sim_case *at)
{
    static const enum sim_call kinds[] = {SIM_CALL_WRITE_RUN, SIM_CALL_SYNC,   SIM_CALL_SYNC_DIR, SIM_CALL_RENAME,
                                          SIM_CALL_OPEN,      SIM_CALL_UNLINK, SIM_CALL_PWRITEV,  SIM_CALL_TRUNCATE};
    struct world *w = open_world(at);
    enum sim_call kind = kinds[at->seed % COUNT_OF(kinds)];
    int64_t at_call = 1 + sim_below(at->sim, 12); // one draw a statement: compilers order arguments as they like
    sim_fail_at_call(w->server.node, kind, at_call, sim_buggify(at->sim, 50) ? ERR_IO : ERR_NO_SPACE);
    sim_run_until(at->sim, is_all_delivered_or_over, w, PATIENCE_MS);
    bool was_fatal = kind == SIM_CALL_WRITE_RUN || kind == SIM_CALL_SYNC;
    sim_check(at, !was_fatal || w->server.has_given_up, "a failed %s had no consequence", sim_call_name(kind));
    sim_fail_at_call(w->server.node, kind, 0, ERR_IO);
    crash(w);
    start_sound_node(w);
    finish(w);
}

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct world *)call->context)->is_answered = true;
}

static void ask(void *context)
{
    static const struct metadata_request request; // every topic
    struct world *w = context;
    w->is_answered = false;
    w->call = (struct client_call){.api_key = API_METADATA,
                                   .node_id = CLIENT_ANY,
                                   .request = &request,
                                   .version_min = 1,
                                   .done = answered,
                                   .context = w};
    client_call(w->client, &w->call);
}

static bool is_answered(void *context)
{
    return ((struct world *)context)->is_answered;
}

static void hanging(struct sim_case *at)
{
    struct world *w = open_world(at);
    sim_set_disk_delay(w->server.node, HANG_MS);
    for (int i = 0; i < 5; i++) {
        sim_node_call(w->client_node, send_some, w);
        sim_node_call(w->client_node, ask, w);
        bool reached = sim_run_until(at->sim, is_answered, w, HANG_MS / 2);
        sim_check(at, reached && w->call.err == OK, "metadata waits for the disk: %s", err_name(w->call.err));
        client_call_deinit(&w->call);
        sim_run_until(at->sim, NULL, NULL, SECOND_MS);
    }
    sim_check(at, !w->server.has_given_up, "the node gave up because its disk is slow: %s", err_name(w->server.why));
    if (sim_buggify(at->sim, 50)) sim_run_until(at->sim, is_all_delivered, w, PATIENCE_MS); // slow for a while more
    sim_set_disk_delay(w->server.node, 0);
    finish(w);
    sim_check(at, !w->server.has_given_up, "the node gave up because its disk is slow: %s", err_name(w->server.why));
}

// ---- deletion --------------------------------------------------------------------------------------------------

struct found {
    int live;
    int deleted;
};

static enum err count_dir(void *context, const char *name)
{
    struct found *found = context;
    size_t length = strlen(name);
    found->live += strcmp(name, "t-0") == 0 || strcmp(name, "t-1") == 0;
    found->deleted += length > 7 && strcmp(name + length - 7, "-delete") == 0;
    return OK;
}

static struct found look(struct world *w)
{
    struct found found = {0};
    enum err e = fs_list(sim_node_fs(w->server.node), "/data", count_dir, &found);
    sim_check(w->at, e == OK, "/data cannot be listed: %s", err_name(e));
    return found;
}

// With a client of its own: the one that produced would make the topic anew.
static void delete_topic(void *context)
{
    static struct delete_topics_request request;
    static struct slice names[1];
    struct world *w = context;
    struct client_config config;
    producer_free(w->producer);
    consumer_free(w->consumer);
    client_free(w->client);
    client_config_init(&config);
    config.bootstrap = SLICE("node:9092");
    config.allow_topic_creation = false;
    enum err e = client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->client);
    if (e != OK) abort();
    request = delete_topics_request_init();
    names[0] = SLICE("t");
    request.topic_names.items = names;
    request.topic_names.count = 1;
    request.timeout_ms = 10000;
    w->is_answered = false;
    w->call = (struct client_call){.api_key = API_DELETE_TOPICS,
                                   .node_id = CLIENT_CONTROLLER,
                                   .request = &request,
                                   .version_min = 1,
                                   .version_max = 5,
                                   .done = answered,
                                   .context = w};
    client_call(w->client, &w->call);
}

static void deletion(struct sim_case *at)
{
    struct world *w = open_world(at);
    sim_node_call(w->client_node, delete_topic, w);
    bool reached = sim_run_until(at->sim, is_answered, w, PATIENCE_MS);
    sim_check(at, reached && w->call.err == OK, "DeleteTopics: %s", err_name(w->call.err));
    client_call_deinit(&w->call);
    sim_run_until(at->sim, NULL, NULL, 40 * SECOND_MS);
    struct found found = look(w);
    sim_check(at, found.live == 0 && found.deleted == 2, "%d live, %d -delete", found.live, found.deleted);
    bool restarts = sim_buggify(at->sim, 70);
    if (restarts) {
        crash(w);
        start_sound_node(w);
    }
    sim_run_until(at->sim, NULL, NULL, restarts ? 55 * SECOND_MS : 15 * SECOND_MS); // a restart waits anew
    found = look(w);
    sim_check(at, found.live == 0 && found.deleted == 2, "too early: %d live, %d -delete", found.live, found.deleted);
    sim_run_until(at->sim, NULL, NULL, 15 * SECOND_MS);
    found = look(w);
    sim_check(at, found.live == 0 && found.deleted == 0, "too late: %d live, %d -delete", found.live, found.deleted);
}

// ---- retention -------------------------------------------------------------------------------------------------

static void set_retention(void *context)
{
    static struct incremental_alter_configs_request request;
    static struct incremental_alter_configs_request_alter_configs_resource resource;
    static struct incremental_alter_configs_request_alterable_config config;
    struct world *w = context;
    request = incremental_alter_configs_request_init();
    resource = incremental_alter_configs_request_alter_configs_resource_init();
    config = incremental_alter_configs_request_alterable_config_init();
    config.name = SLICE("retention.ms");
    config.value = slice_str(w->retention_ms);
    resource.resource_type = 2; // topic
    resource.resource_name = SLICE("t");
    resource.configs.items = &config;
    resource.configs.count = 1;
    request.resources.items = &resource;
    request.resources.count = 1;
    w->is_answered = false;
    w->call = (struct client_call){.api_key = API_INCREMENTAL_ALTER_CONFIGS,
                                   .node_id = CLIENT_CONTROLLER,
                                   .request = &request,
                                   .done = answered,
                                   .context = w};
    client_call(w->client, &w->call);
}

static void change_retention(struct world *w, const char *retention_ms)
{
    w->retention_ms = retention_ms;
    sim_node_call(w->client_node, set_retention, w);
    bool reached = sim_run_until(w->at->sim, is_answered, w, PATIENCE_MS);
    sim_check(w->at, reached && w->call.err == OK, "IncrementalAlterConfigs: %s", err_name(w->call.err));
    client_call_deinit(&w->call);
}

struct segments {
    int logs;
    int deleted;
    int64_t last_base;
};

static enum err count_segment(void *context, const char *name)
{
    struct segments *found = context;
    if (strcmp(name + strlen(name) - 4, ".log") == 0) {
        found->logs++;
        found->last_base = strtoll(name, NULL, 10);
    }
    found->deleted += strstr(name, ".log.deleted") != NULL;
    return OK;
}

static struct segments look_at_log(struct world *w)
{
    struct segments found = {.last_base = -1};
    enum err e = fs_list(sim_node_fs(w->server.node), "/data/t-0", count_segment, &found);
    sim_check(w->at, e == OK, "/data/t-0 cannot be listed: %s", err_name(e));
    return found;
}

// Retention looks every five minutes, and what it removes is there for a minute more.
static void retention(struct sim_case *at)
{
    struct world *w = open_world(at);
    bool reached = sim_run_until(at->sim, is_all_delivered, w, PATIENCE_MS);
    sim_check(at, reached, "%d sent, %d delivered", w->sent, w->delivered);
    change_retention(w, "-1");
    sim_run_until(at->sim, NULL, NULL, 20 * 60 * SECOND_MS);
    struct segments found = look_at_log(w);
    sim_check(at, found.logs == 1 && found.last_base == 0 && found.deleted == 0, "%d logs, %d deleted, last at %lld",
              found.logs, found.deleted, (long long)found.last_base);
    change_retention(w, "1000");
    for (int s = 0; s < 400 && found.deleted == 0; s++) {
        sim_run_until(at->sim, NULL, NULL, SECOND_MS);
        found = look_at_log(w);
    }
    sim_check(at, found.deleted == 1 && found.logs == 1 && found.last_base > 0, "%d logs, %d deleted, last at %lld",
              found.logs, found.deleted, (long long)found.last_base);
    sim_run_until(at->sim, NULL, NULL, 58 * SECOND_MS);
    sim_check(at, look_at_log(w).deleted == 1, "removed before its minute was over");
    sim_run_until(at->sim, NULL, NULL, 4 * SECOND_MS);
    sim_check(at, look_at_log(w).deleted == 0, "still there after a minute");
    crash(w);
    start_sound_node(w);
    found = look_at_log(w);
    sim_check(at, found.logs == 1 && found.last_base > 0, "%d logs, last at %lld", found.logs,
              (long long)found.last_base);
}

static struct sim_options options(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    options.trace = look_at;
    return options;
}

int main(int argc, char **argv)
{
    static const struct sim_scenario scenarios[] = {
        {"full", options, full},       {"read_only", options, read_only}, {"failing_call", options, failing_call},
        {"hanging", options, hanging}, {"deletion", options, deletion},   {"retention", options, retention}};
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
