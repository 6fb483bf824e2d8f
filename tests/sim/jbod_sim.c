// SPDX-License-Identifier: Apache-2.0
// A node with three log directories: replicas move between them while an idempotent producer (acks=all) goes on, power
// is cut in the middle of it, and one directory's disk fails. In every case
//   - each acknowledged record is there afterwards, once, at its offset, in the order of sending;
//   - each replica has one live directory, and no copy is left when the moves are over;
//   - what one disk takes away concerns the partitions on it and no others.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "config/config.h"
#include "proto/alter_replica_log_dirs.h"
#include "proto/apis.h"
#include "proto/describe_log_dirs.h"
#include "proto/metadata.h"
#include "server.h"

enum { PARTITIONS = 4, RECORDS = 400, UNDELIVERED_MAX = 8, DIRS = 3, WAIT_MS = 120000, MOVES = 6, CUTS = 4 };
enum { VALUE_MAX = 4000, WARM_UP = 100, PER_STEP = (RECORDS - WARM_UP) / MOVES };

static const char *const dirs[DIRS] = {"/a", "/b", "/c"};

struct world {
    struct sim_case *at;
    struct sim_server server;
    struct sim_node *client_node;
    struct client *client;
    struct producer *producer;
    struct consumer *consumer;
    int sent;
    int delivered;
    int allowed;            // to be sent by now
    int only;               // partition to produce to; -1 = all
    int64_t acked[RECORDS]; // offset, -1 = not acknowledged
    int acked_partition[RECORDS];
    int shown[PARTITIONS][RECORDS * 2];
    struct client_call call;
    bool is_answered;
    int wanted[PARTITIONS]; // directory asked for last, -1 = none
};

// ---- the workload ----------------------------------------------------------------------------------------------

static struct slice value_of(int number, uint8_t buffer[8 + VALUE_MAX])
{
    size_t size = 8 + (size_t)(number * 7919 % VALUE_MAX);
    memset(buffer, 'a' + number % 26, size);
    snprintf((char *)buffer, 8, "%06d", number % 1000000);
    return slice_of(buffer, size);
}

static void delivered(struct producer *producer, const struct producer_delivery *delivery)
{
    struct world *w = producer_context(producer);
    int number = (int)(intptr_t)delivery->context;
    w->delivered++;
    if (delivery->err != OK) return;
    w->acked[number] = delivery->offset;
    w->acked_partition[number] = delivery->partition;
}

static void read_all(struct consumer *consumer)
{
    struct world *w = consumer_context(consumer);
    struct consumer_record shown;
    uint8_t buffer[8 + VALUE_MAX];
    while (consumer_next(consumer, &shown)) {
        int number = shown.record.value.size < 8 ? -1 : (int)strtol((const char *)shown.record.value.data, NULL, 10);
        bool is_known = number >= 0 && number < RECORDS && slice_eq(shown.record.value, value_of(number, buffer));
        sim_check(w->at, is_known, "partition %d offset %lld holds bytes nobody sent", shown.partition,
                  (long long)shown.record.offset);
        sim_check(w->at, shown.record.offset < RECORDS * 2, "partition %d offset %lld", shown.partition,
                  (long long)shown.record.offset);
        int *before = &w->shown[shown.partition][shown.record.offset];
        sim_check(w->at, *before < 0 || *before == number, "partition %d offset %lld showed record %d, now %d",
                  shown.partition, (long long)shown.record.offset, *before, number);
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
    config.request_timeout_ms = 3000;
    enum err e = client_new(sim_node_env(w->client_node, 0), &config, NULL, &w->client);
    sim_check(w->at, e == OK, "client: %s", err_name(e));
    producer_config_init(&producing);
    producing.delivered = delivered;
    producing.context = w;
    producing.request_timeout_ms = 3000;
    producing.delivery_timeout_ms = INT32_MAX;
    // A snapshot of producers remembers one batch of each (kafka-internals A6): with segments as small as here, several
    // in flight and a power cut, an older retry would not be recognised, as with Kafka.
    producing.max_in_flight = 1;
    w->producer = producer_new(w->client, &producing);
    consumer_config_init(&consuming);
    consuming.ready = read_all;
    consuming.context = w;
    consuming.reset = RESET_EARLIEST;
    w->consumer = consumer_new(w->client, &consuming);
}

static void pump(void *context)
{
    struct world *w = context;
    uint8_t buffer[8 + VALUE_MAX];
    for (int budget = 3; budget > 0 && w->sent < w->allowed && w->sent - w->delivered < UNDELIVERED_MAX; budget--) {
        const struct producer_record record = {.topic = SLICE("t"),
                                               .partition = w->only >= 0 ? w->only : w->sent % PARTITIONS,
                                               .timestamp = -1,
                                               .value = value_of(w->sent, buffer),
                                               .context = (void *)(intptr_t)w->sent};
        if (producer_send(w->producer, &record) != OK) return;
        w->sent++;
    }
}

static bool is_down_or_done(void *context)
{
    struct world *w = context;
    sim_node_call(w->client_node, pump, w);
    return !sim_node_is_up(w->server.node) || (w->sent == w->allowed && w->delivered == w->allowed);
}

static bool goes_on(void *context)
{
    is_down_or_done(context);
    return false;
}

static struct world *open_world(struct sim_case *at)
{
    struct world *w = ARENA_NEW(at->arena, struct world);
    w->at = at;
    w->only = -1;
    w->allowed = WARM_UP;
    for (int i = 0; i < RECORDS; i++) w->acked[i] = -1;
    for (int p = 0; p < PARTITIONS; p++) w->wanted[p] = -1;
    memset(w->shown, -1, sizeof(w->shown));
    static const char *const settings[] = {"log.dirs=/a,/b,/c", "num.partitions=4", "log.index.size.max.bytes=64",
                                           "replica.alter.log.dirs.io.max.bytes.per.second=4000000", NULL};
    sim_server_init(&w->server, at, settings);
    w->client_node = sim_node_new(at->sim, "client", 1);
    sim_server_start(&w->server);
    sim_node_call(w->client_node, start_client, w);
    sim_run_until(at->sim, goes_on, w, 2000); // the topic is made by its first record
    return w;
}

// ---- asking ------------------------------------------------------------------------------------------------------

static void answered(struct client *client, struct client_call *call)
{
    (void)client;
    ((struct world *)call->context)->is_answered = true;
}

static void send_call(void *context)
{
    struct world *w = context;
    client_call(w->client, &w->call);
}

static bool is_answered_or_down(void *context)
{
    struct world *w = context;
    return w->is_answered || !sim_node_is_up(w->server.node);
}

// NULL: the node went down first.
static const void *ask(struct world *w, int16_t api_key, int version, const void *request)
{
    client_call_deinit(&w->call);
    w->is_answered = false;
    w->call = (struct client_call){.api_key = api_key,
                                   .node_id = CLIENT_ANY,
                                   .request = request,
                                   .version_min = version,
                                   .version_max = version,
                                   .done = answered,
                                   .context = w};
    sim_node_call(w->client_node, send_call, w);
    sim_run_until(w->at->sim, is_answered_or_down, w, WAIT_MS);
    if (!sim_node_is_up(w->server.node) && !w->is_answered) {
        sim_server_start(&w->server);
        sim_run_until(w->at->sim, is_answered_or_down, w, WAIT_MS); // it comes back with an error, and is free again
    }
    sim_check(w->at, w->is_answered || !sim_node_is_up(w->server.node), "api %d: no answer", api_key);
    return w->is_answered && w->call.err == OK ? w->call.response : NULL;
}

static void ask_for_move(struct world *w, int32_t partition, int dir)
{
    struct alter_replica_log_dirs_request request = alter_replica_log_dirs_request_init();
    struct alter_replica_log_dirs_request_alter_replica_log_dir to = {.path = slice_str(dirs[dir])};
    struct alter_replica_log_dirs_request_alter_replica_log_dir_topic topic = {.name = SLICE("t")};
    topic.partitions.items = &partition;
    topic.partitions.count = 1;
    to.topics.items = &topic;
    to.topics.count = 1;
    request.dirs.items = &to;
    request.dirs.count = 1;
    const struct alter_replica_log_dirs_response *response = ask(w, API_ALTER_REPLICA_LOG_DIRS, 2, &request);
    w->wanted[partition] = -1; // of an answer that was lost nobody knows
    if (response == NULL) return;
    int16_t error = response->results.items[0].partitions.items[0].error_code;
    sim_check(w->at, error == 0, "moving t-%d to %s: %s", partition, dirs[dir], err_name((enum err)error));
    w->wanted[partition] = dir;
}

// Where the partitions are; false while something moves or is not there.
static bool look(struct world *w, int place[PARTITIONS], enum err errors[DIRS])
{
    struct describe_log_dirs_request request = describe_log_dirs_request_init();
    request.topics.count = -1;
    for (int p = 0; p < PARTITIONS; p++) place[p] = -1;
    const struct describe_log_dirs_response *response = ask(w, API_DESCRIBE_LOG_DIRS, 4, &request);
    bool moves = response == NULL;
    for (int32_t d = 0; response != NULL && d < response->results.count; d++) {
        const struct describe_log_dirs_response_describe_log_dirs_result *dir = &response->results.items[d];
        errors[d] = (enum err)dir->error_code;
        for (int32_t t = 0; t < dir->topics.count; t++) {
            for (int32_t i = 0; i < dir->topics.items[t].partitions.count; i++) {
                const struct describe_log_dirs_response_describe_log_dirs_partition *p =
                    &dir->topics.items[t].partitions.items[i];
                if (p->is_future_key)
                    moves = true;
                else
                    place[p->partition_index] = d;
            }
        }
    }
    return !moves;
}

static void settle(struct world *w, int place[PARTITIONS])
{
    enum err errors[DIRS];
    int quiet = 0; // between two moves nothing is seen of either, nor of the last renames
    for (int i = 0; i < 300; i++) {
        bool is_quiet = look(w, place, errors);
        for (int p = 0; p < PARTITIONS; p++) is_quiet = is_quiet && place[p] >= 0;
        quiet = is_quiet ? quiet + 1 : 0;
        if (quiet == 4) return;
        sim_run_until(w->at->sim, NULL, NULL, 1000);
    }
    sim_check(w->at, false, "the moves do not come to an end");
}

// ---- checking ----------------------------------------------------------------------------------------------------

struct listing {
    struct world *w;
    int dir;
    int live[PARTITIONS];
};

static enum err note_name(void *context, const char *name)
{
    struct listing *l = context;
    sim_check(l->w->at, strstr(name, "-future") == NULL, "%s/%s was left behind", dirs[l->dir], name);
    for (int p = 0; p < PARTITIONS; p++) {
        char live[8];
        snprintf(live, sizeof(live), "t-%d", p);
        if (strcmp(name, live) != 0) continue;
        sim_check(l->w->at, l->live[p] < 0, "%s is in two directories", live);
        l->live[p] = l->dir;
    }
    return OK;
}

static void check_files(struct world *w, const int place[PARTITIONS])
{
    struct listing l = {.w = w};
    for (int p = 0; p < PARTITIONS; p++) l.live[p] = -1;
    for (l.dir = 0; l.dir < DIRS; l.dir++) {
        enum err e = fs_list(sim_node_fs(w->server.node), dirs[l.dir], note_name, &l);
        sim_check(w->at, e == OK, "%s: %s", dirs[l.dir], err_name(e));
    }
    for (int p = 0; p < PARTITIONS; p++)
        sim_check(w->at, l.live[p] == place[p], "t-%d is in directory %d, DescribeLogDirs says %d", p, l.live[p],
                  place[p]);
}

static void start_reading(void *context)
{
    struct world *w = context;
    for (int p = 0; p < PARTITIONS; p++) consumer_assign(w->consumer, SLICE("t"), p, 0);
}

static bool all_read(void *context)
{
    struct world *w = context;
    for (int p = 0; p < PARTITIONS; p++) {
        int64_t end = consumer_end(w->consumer, SLICE("t"), p);
        if (end < 0 || consumer_position(w->consumer, SLICE("t"), p) < end) return false;
    }
    return true;
}

static void check_records(struct world *w)
{
    sim_node_call(w->client_node, start_reading, w);
    bool reached = sim_run_until(w->at->sim, all_read, w, WAIT_MS);
    sim_check(w->at, reached, "the log could not be read to its end");
    int present = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        int last = -1;
        for (int offset = 0; offset < RECORDS * 2; offset++) {
            int number = w->shown[p][offset];
            if (number < 0) continue;
            present++;
            sim_check(w->at, number > last, "partition %d offset %d: record %d behind record %d", p, offset, number,
                      last);
            last = number;
        }
    }
    for (int i = 0; i < RECORDS; i++) {
        if (w->acked[i] < 0) continue;
        sim_check(w->at, w->shown[w->acked_partition[i]][w->acked[i]] == i,
                  "record %d was acknowledged at partition %d offset %lld and is not there", i, w->acked_partition[i],
                  (long long)w->acked[i]);
    }
    sim_check(w->at, present > 0, "nothing was read: the scenario tests nothing");
}

static void finish(struct world *w)
{
    int place[PARTITIONS];
    w->allowed = RECORDS;
    for (int i = 0; i < 100 && (w->sent < RECORDS || w->delivered < RECORDS); i++) {
        sim_run_until(w->at->sim, is_down_or_done, w, WAIT_MS);
        if (!sim_node_is_up(w->server.node)) sim_server_start(&w->server);
    }
    sim_check(w->at, w->delivered == RECORDS, "no progress: %d sent, %d delivered", w->sent, w->delivered);
    settle(w, place);
    check_files(w, place);
    for (int p = 0; p < PARTITIONS; p++)
        sim_check(w->at, w->wanted[p] < 0 || w->wanted[p] == place[p], "t-%d was sent to %s and is in %s", p,
                  dirs[w->wanted[p]], dirs[place[p]]);
    check_records(w);
}

// ---- scenarios ---------------------------------------------------------------------------------------------------

static struct sim_options options(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    options.faults.disk_slow_ppm = (int)(seed % 7) * 500;
    options.ignore_leaks = true;
    return options;
}

static void ask_for_some_move(struct world *w)
{
    // One draw a statement: compilers order arguments as they like.
    int32_t partition = (int32_t)sim_below(w->at->sim, PARTITIONS);
    ask_for_move(w, partition, (int)sim_below(w->at->sim, DIRS));
}

static void moves(struct sim_case *at)
{
    struct world *w = open_world(at);
    for (int i = 0; i < MOVES; i++) {
        w->allowed += PER_STEP;
        sim_run_until(at->sim, goes_on, w, sim_below(at->sim, 100));
        ask_for_some_move(w);
        // Now and then the next wish comes before the last one is fulfilled.
        sim_run_until(at->sim, goes_on, w, sim_below(at->sim, 3) == 0 ? 0 : sim_below(at->sim, 300));
    }
    finish(w);
}

static void cuts(struct sim_case *at)
{
    struct world *w = open_world(at);
    for (int i = 0; i < CUTS; i++) {
        w->allowed += PER_STEP;
        sim_run_until(at->sim, goes_on, w, sim_below(at->sim, 100));
        sim_crash_at_call(w->server.node, SIM_CALL_ANY, 1 + sim_below(at->sim, 900), SIM_POWER_CUT);
        for (int k = 0; k < 2 && sim_node_is_up(w->server.node); k++)
            ask_for_some_move(w);
        sim_run_until(at->sim, is_down_or_done, w, 5000);
        bool again = sim_below(at->sim, 2) == 0;
        if (sim_node_is_up(w->server.node)) sim_node_crash(w->server.node, SIM_POWER_CUT);
        sim_node_restart(w->server.node);
        sim_crash_at_call(w->server.node, SIM_CALL_ANY, again ? 1 + sim_below(at->sim, 400) : 0, SIM_POWER_CUT);
        sim_server_start(&w->server);
        if (again && sim_node_is_up(w->server.node)) sim_run_until(at->sim, is_down_or_done, w, 3000);
        sim_crash_at_call(w->server.node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
        if (!sim_node_is_up(w->server.node)) sim_server_start(&w->server);
        for (int p = 0; p < PARTITIONS; p++) w->wanted[p] = -1; // a wish need not outlive its copy's directory
    }
    finish(w);
}

// Nothing else goes on: each call of a whole move is hit by some seed.
static void cut_at_each_call(struct sim_case *at)
{
    enum { CALLS = 420, PER_SEED = 6 };
    struct world *w = open_world(at);
    int place[PARTITIONS];
    settle(w, place);
    for (int i = 0; i < PER_SEED; i++) {
        int32_t partition = (int32_t)sim_below(at->sim, PARTITIONS);
        int64_t call = 1 + ((int64_t)at->seed * PER_SEED + i) % CALLS;
        sim_crash_at_call(w->server.node, SIM_CALL_ANY, call, SIM_POWER_CUT);
        ask_for_move(w, partition, (place[partition] + 1) % DIRS);
        sim_run_until(at->sim, NULL, NULL, 3000);
        if (!sim_node_is_up(w->server.node)) sim_server_start(&w->server);
        sim_crash_at_call(w->server.node, SIM_CALL_ANY, 0, SIM_POWER_CUT);
        settle(w, place);
        check_files(w, place);
    }
    for (int p = 0; p < PARTITIONS; p++) w->wanted[p] = -1;
    finish(w);
}

static int32_t leader_of(struct world *w, int32_t partition)
{
    struct metadata_request request = metadata_request_init();
    struct metadata_request_metadata_request_topic topic = metadata_request_metadata_request_topic_init();
    topic.name = SLICE("t");
    request.topics.items = &topic;
    request.topics.count = 1;
    const struct metadata_response *response = ask(w, API_METADATA, 12, &request);
    sim_check(w->at, response != NULL && response->topics.count == 1, "no metadata");
    for (int32_t i = 0; i < response->topics.items[0].partitions.count; i++)
        if (response->topics.items[0].partitions.items[i].partition_index == partition)
            return response->topics.items[0].partitions.items[i].leader_id;
    return -2;
}

static bool is_one_down(void *context)
{
    struct world *w = context;
    sim_node_call(w->client_node, pump, w);
    return w->sent - w->delivered >= UNDELIVERED_MAX;
}

// The disk of one directory, not that of the metadata, fails a write; after a restart it is well again.
static void failed_disk(struct sim_case *at)
{
    struct world *w = open_world(at);
    int place[PARTITIONS];
    enum err errors[DIRS];
    settle(w, place);
    int hit = 0;
    while (hit < PARTITIONS && place[hit] == 0) hit++;
    sim_check(at, hit < PARTITIONS, "all partitions are in the first directory");
    w->only = hit;
    sim_run_until(at->sim, NULL, NULL, 3000); // quiet: the next write is that partition's
    sim_fail_at_call(w->server.node, SIM_CALL_WRITE_RUN, 1, ERR_IO);
    w->allowed = RECORDS;
    sim_run_until(at->sim, is_one_down, w, 20000);
    sim_run_until(at->sim, NULL, NULL, 3000);
    int now[PARTITIONS];
    look(w, now, errors);
    for (int d = 0; d < DIRS; d++)
        sim_check(at, (errors[d] == ERR_KAFKA_STORAGE_ERROR) == (d == place[hit]), "%s: %s", dirs[d],
                  err_name(errors[d]));
    for (int p = 0; p < PARTITIONS; p++) {
        bool is_lost = place[p] == place[hit];
        sim_check(at, now[p] == (is_lost ? -1 : place[p]), "t-%d was in directory %d, now %d", p, place[p], now[p]);
        sim_check(at, leader_of(w, p) == (is_lost ? -1 : 1), "t-%d is led by %d", p, leader_of(w, p));
    }
    sim_node_crash(w->server.node, SIM_PROCESS_KILL);
    sim_server_start(&w->server);
    w->only = -1;
    finish(w);
    for (int p = 0; p < PARTITIONS; p++)
        sim_check(at, leader_of(w, p) == 1, "t-%d is led by %d after the restart", p, leader_of(w, p));
}

static const struct sim_scenario scenarios[] = {{"moves", options, moves},
                                                {"cuts", options, cuts},
                                                {"cut_at_each_call", options, cut_at_each_call},
                                                {"failed_disk", options, failed_disk}};

int main(int argc, char **argv)
{
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
