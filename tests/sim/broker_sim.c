// SPDX-License-Identifier: Apache-2.0
// A whole node under power cuts: a producer (idempotent, acks=all) and a reader go on while the node's machine loses
// power at a seeded call, again and again. Under odradek.durability=commit
//   - every acknowledged record is there afterwards, at the offset that was acknowledged, with its bytes;
//   - records of a partition stand in the order they were sent;
//   - an offset once shown to the reader never holds anything else.
// The canary: with a disk that lies about fdatasync the same scenario must catch a violation.
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "broker/broker.h"
#include "client/consumer.h"
#include "client/producer.h"
#include "config/config.h"
#include "env_sim/sim.h"
#include "harness.h"

enum {
    RECORDS = 300,
    UNDELIVERED_MAX = 8,
    PARTITIONS = 3,
    OFFSETS_MAX = RECORDS * 2,
    VALUE_MAX = 3000,
    CUTS = 3,
    PORT = 9092
};
enum { UNKNOWN = -1 };

struct world {
    struct sim *sim;
    const char *host;
    struct sim_node *node;
    struct sim_node *client_node;
    struct broker *broker;
    struct arena config_arena;
    bool is_serving;

    struct client *client;
    struct producer *producer;
    struct consumer *consumer;
    int sent;
    int delivered;
    int64_t acked_offset[RECORDS]; // UNKNOWN = not acknowledged
    int acked_partition[RECORDS];
    int shown[PARTITIONS][OFFSETS_MAX]; // record number, UNKNOWN = never shown
    char violation[256];
};

// ---- the node --------------------------------------------------------------------------------------------------

static void started(void *context, struct broker *broker)
{
    (void)broker;
    ((struct world *)context)->is_serving = true;
}

static void stopped(void *context, struct broker *broker, enum err why)
{
    (void)broker;
    struct world *world = context;
    snprintf(world->violation, sizeof(world->violation), "the node gave up: %s", err_name(why));
}

static void boot(void *context)
{
    struct world *world = context;
    struct arena *arena = &world->config_arena;
    const char *host = world->host;
    const char *overrides[] = {
        arena_printf(arena, "listeners=PLAINTEXT://%s:9092,CONTROLLER://%s:9093", host, host),
        arena_printf(arena, "advertised.listeners=PLAINTEXT://%s:9092", host),
        "log.dirs=/data",
        "odradek.journal.bytes=65536",
        "num.partitions=3",
        "odradek.log.open.files.max=8", // fewer than there are logs: files come and go all the time
    };
    const struct config_sources sources = {.overrides = overrides, .override_count = COUNT_OF(overrides)};
    const struct config *config = NULL;
    struct config_report report = {0};
    enum err e = config_build(&sources, &world->config_arena, &config, &report);
    if (e != OK) {
        fprintf(stderr, "configuration: %s\n", report.error);
        abort();
    }
    const struct broker_options options = {.config = config,
                                           .envs = sim_node_envs(world->node),
                                           .env_count = 2,
                                           .started = started,
                                           .stopped = stopped,
                                           .context = world,
                                           .hostname = host};
    world->is_serving = false;
    world->broker = broker_start(&options);
}

static bool is_serving(void *context)
{
    const struct world *world = context;
    return world->is_serving || world->violation[0] != '\0' || !sim_node_is_up(world->node);
}

// ---- the workload ----------------------------------------------------------------------------------------------

static size_t value_size(int number)
{
    return 8 + (size_t)(number * 7919 % VALUE_MAX);
}

static struct slice value_of(int number, uint8_t buffer[8 + VALUE_MAX])
{
    size_t size = value_size(number);
    memset(buffer, 'a' + number % 26, size);
    snprintf((char *)buffer, 8, "%06d", number % 1000000);
    return slice_of(buffer, size);
}

static int number_of(struct slice value)
{
    uint8_t expected[8 + VALUE_MAX];
    if (value.size < 8) return UNKNOWN;
    int number = (int)strtol((const char *)value.data, NULL, 10);
    if (number < 0 || number >= RECORDS || !slice_eq(value, value_of(number, expected))) return UNKNOWN;
    return number;
}

static void delivered(struct producer *producer, const struct producer_delivery *delivery)
{
    struct world *world = producer_context(producer);
    int number = (int)(intptr_t)delivery->context;
    world->delivered++;
    if (delivery->err != OK) return; // its fate is unknown: it may be there or not
    world->acked_offset[number] = delivery->offset;
    world->acked_partition[number] = delivery->partition;
}

static void note_shown(struct world *world, int partition, int64_t offset, int number)
{
    if (offset >= OFFSETS_MAX || number == UNKNOWN) {
        snprintf(world->violation, sizeof(world->violation), "partition %d offset %lld holds bytes nobody sent",
                 partition, (long long)offset);
        return;
    }
    int *before = &world->shown[partition][offset];
    if (*before != UNKNOWN && *before != number)
        snprintf(world->violation, sizeof(world->violation), "partition %d offset %lld showed record %d, now %d",
                 partition, (long long)offset, *before, number);
    *before = number;
}

static void read_all(struct consumer *consumer)
{
    struct world *world = consumer_context(consumer);
    struct consumer_record shown;
    while (consumer_next(consumer, &shown))
        note_shown(world, shown.partition, shown.record.offset, number_of(shown.record.value));
}

static void send_some(struct world *world)
{
    uint8_t buffer[8 + VALUE_MAX];
    for (int budget = 5; budget > 0 && world->sent < RECORDS && world->sent - world->delivered < UNDELIVERED_MAX;
         budget--) {
        const struct producer_record record = {.topic = SLICE("t"),
                                               .partition = world->sent % PARTITIONS,
                                               .timestamp = -1,
                                               .value = value_of(world->sent, buffer),
                                               .context = (void *)(intptr_t)world->sent};
        if (producer_send(world->producer, &record) != OK) return;
        world->sent++;
    }
}

static void start_client(void *context)
{
    struct world *world = context;
    struct client_config config;
    struct producer_config producing;
    struct consumer_config consuming;
    client_config_init(&config);
    config.bootstrap = slice_str(arena_printf(&world->config_arena, "%s:9092", world->host));
    config.request_timeout_ms = 3000;
    enum err e = client_new(sim_node_env(world->client_node, 0), &config, NULL, &world->client);
    if (e != OK) abort();
    producer_config_init(&producing);
    producing.delivered = delivered;
    producing.context = world;
    producing.request_timeout_ms = 3000;
    producing.delivery_timeout_ms = INT32_MAX;
    producing.codec = (enum codec)(sim_below(world->sim, 5));
    world->producer = producer_new(world->client, &producing);
    consumer_config_init(&consuming);
    consuming.ready = read_all;
    consuming.context = world;
    consuming.reset = RESET_EARLIEST;
    world->consumer = consumer_new(world->client, &consuming);
    for (int partition = 0; partition < PARTITIONS; partition++)
        consumer_assign(world->consumer, SLICE("t"), partition, 0);
}

static void pump(void *context)
{
    send_some(context);
}

// ---- checking --------------------------------------------------------------------------------------------------

// Reads everything from the beginning with a reader of its own.
static void start_rereading(void *context)
{
    struct world *world = context;
    for (int partition = 0; partition < PARTITIONS; partition++)
        consumer_assign(world->consumer, SLICE("t"), partition, 0);
}

static bool all_read_again(void *context)
{
    struct world *world = context;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        int64_t end = consumer_end(world->consumer, SLICE("t"), partition);
        if (end < 0 || consumer_position(world->consumer, SLICE("t"), partition) < end) return false;
    }
    return true;
}

static void check(struct world *world)
{
    int present = 0;
    for (int partition = 0; partition < PARTITIONS; partition++) {
        int last = UNKNOWN;
        for (int64_t offset = 0; offset < OFFSETS_MAX; offset++) {
            int number = world->shown[partition][offset];
            if (number == UNKNOWN) continue;
            present++;
            if (number <= last)
                snprintf(world->violation, sizeof(world->violation),
                         "partition %d offset %lld: record %d behind record %d", partition, (long long)offset, number,
                         last);
            last = number;
        }
    }
    for (int number = 0; number < RECORDS; number++) {
        int64_t offset = world->acked_offset[number];
        if (offset == UNKNOWN) continue;
        if (offset >= OFFSETS_MAX || world->shown[world->acked_partition[number]][offset] != number)
            snprintf(world->violation, sizeof(world->violation),
                     "record %d was acknowledged at partition %d offset %lld and is not there", number,
                     world->acked_partition[number], (long long)offset);
    }
    if (present == 0)
        snprintf(world->violation, sizeof(world->violation), "nothing was ever read: the scenario tests nothing");
}

// ---- the scenario ----------------------------------------------------------------------------------------------

static bool has_violation(const struct world *world)
{
    return world->violation[0] != '\0';
}

static void restart(struct world *world)
{
    if (!sim_node_is_up(world->node)) sim_node_restart(world->node);
    sim_node_call(world->node, boot, world);
    sim_run_until(world->sim, is_serving, world, 60000);
}

static bool is_all_delivered(void *context)
{
    struct world *world = context;
    return has_violation(world) || !sim_node_is_up(world->node) ||
           (world->sent == RECORDS && world->delivered == RECORDS);
}

static bool is_down_or_done(void *context)
{
    struct world *world = context;
    sim_node_call(world->client_node, pump, world);
    return is_all_delivered(world);
}

// A third of the seeds cuts anywhere, the others at calls of one kind, so that rare kinds get their share.
static enum sim_call kind_of(uint64_t seed)
{
    return seed % 3 == 1 ? SIM_CALL_ANY : (enum sim_call)(1 + seed % (SIM_CALL_COUNTED - 1));
}

// Cuts that hit, by kind, over the seeds of this run: CUTS=1 prints them at the end.
static int cuts_by_kind[SIM_CALL_COUNTED];

static void print_cuts(void)
{
    for (int kind = 0; kind < SIM_CALL_COUNTED; kind++)
        printf("cuts %s %d\n", sim_call_name((enum sim_call)kind), cuts_by_kind[kind]);
}

static void arm(struct world *world, enum sim_call kind, int64_t calls_before)
{
    sim_crash_at_call(world->node, kind, calls_before, SIM_POWER_CUT);
}

static void count_cut(struct world *world, enum sim_call kind)
{
    if (!sim_node_is_up(world->node)) cuts_by_kind[kind]++;
}

// Works until the power goes, then starts again, where it may go once more.
static void cut_once(struct world *world, enum sim_call kind)
{
    arm(world, kind, 1 + sim_below(world->sim, kind == SIM_CALL_ANY ? 400 : 8));
    sim_run_until(world->sim, is_down_or_done, world, 20000);
    count_cut(world, kind);
    if (sim_node_is_up(world->node)) sim_node_crash(world->node, SIM_POWER_CUT); // that kind does not come any more
    bool again = sim_below(world->sim, 3) != 0;
    arm(world, kind, again ? 1 + sim_below(world->sim, kind == SIM_CALL_ANY ? 300 : 2) : 0);
    restart(world);
    if (again) count_cut(world, kind);
    arm(world, kind, 0);
    if (!sim_node_is_up(world->node)) restart(world);
}

static void run(struct world *world, enum sim_call kind)
{
    restart(world);
    sim_node_call(world->client_node, start_client, world);
    for (int cut = 0; cut < CUTS && !has_violation(world); cut++) cut_once(world, kind);
    if (has_violation(world)) return;
    sim_run_until(world->sim, is_down_or_done, world, 600000);
    if (has_violation(world)) return;
    if (!is_all_delivered(world)) {
        snprintf(world->violation, sizeof(world->violation), "no progress: %d sent, %d delivered", world->sent,
                 world->delivered);
        return;
    }
    sim_node_call(world->client_node, start_rereading, world);
    if (!sim_run_until(world->sim, all_read_again, world, 60000))
        snprintf(world->violation, sizeof(world->violation), "the log could not be read to its end");
    else
        check(world);
}

static struct sim_options options(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    options.faults.net_reset_ppm = (int)(seed % 3) * 300;
    options.faults.net_stall_ppm = (int)(seed % 5) * 200;
    options.faults.disk_slow_ppm = (int)(seed % 7) * 500;
    options.ignore_leaks = true;
    return options;
}

static void open_world(struct world *world, struct sim *sim, const char *host, const char *client)
{
    *world = (struct world){.sim = sim, .host = host};
    for (int i = 0; i < RECORDS; i++) world->acked_offset[i] = UNKNOWN;
    for (int p = 0; p < PARTITIONS; p++)
        for (int o = 0; o < OFFSETS_MAX; o++) world->shown[p][o] = UNKNOWN;
    world->node = sim_node_new(sim, host, 2);
    world->client_node = sim_node_new(sim, client, 1);
}

// False: `why` says what was violated.
static bool holds(struct sim *sim, enum sim_call kind, bool lying, char *why, size_t why_size)
{
    struct world *world = MEM_NEW(struct world);
    open_world(world, sim, "node1", "client");
    sim_set_lying_fsync(sim, lying);
    run(world, kind);
    bool good = !has_violation(world);
    snprintf(why, why_size, "%s", world->violation);
    arena_deinit(&world->config_arena);
    mem_free(world);
    return good;
}

static void power_cuts(struct sim_case *at)
{
    char why[256];
    bool good = holds(at->sim, kind_of(at->seed), false, why, sizeof(why));
    sim_check(at, good, "%s", why);
    sim_check(at, kind_of(at->seed) != SIM_CALL_ANY || sim_stats(at->sim).power_cuts > 0,
              "the power was never cut: the scenario tests nothing");
}

// A disk that says it synced and did not: at least one of these seeds must be caught, or the test above proves nothing.
static void canary(struct sim_case *at)
{
    enum { SEEDS = 20 };
    int caught = 0;
    for (uint64_t seed = 1; seed <= SEEDS && caught == 0; seed++) {
        struct sim_options lying = options(at->seed * 1000 + seed);
        struct sim *sim = sim_new(&lying);
        char why[256];
        if (!holds(sim, SIM_CALL_ANY, true, why, sizeof(why))) caught++;
        sim_free(sim);
    }
    sim_check(at, caught > 0, "a lying fdatasync went unnoticed over %d seeds", SEEDS);
}

static bool are_both_done(void *context)
{
    struct world *worlds = context;
    bool first = is_down_or_done(&worlds[0]);
    return is_down_or_done(&worlds[1]) && first;
}

// Two nodes in one process know nothing of each other: no state outside their own structures.
static void two_nodes(struct sim_case *at)
{
    struct world *worlds = mem_zalloc(2, sizeof(*worlds));
    open_world(&worlds[0], at->sim, "node1", "client1");
    open_world(&worlds[1], at->sim, "node2", "client2");
    for (int i = 0; i < 2; i++) {
        restart(&worlds[i]);
        sim_node_call(worlds[i].client_node, start_client, &worlds[i]);
    }
    bool reached = sim_run_until(at->sim, are_both_done, worlds, 600000);
    sim_check(at, reached, "no progress: %d and %d of %d delivered", worlds[0].delivered, worlds[1].delivered, RECORDS);
    for (int i = 0; i < 2; i++) {
        sim_node_call(worlds[i].client_node, start_rereading, &worlds[i]);
        reached = sim_run_until(at->sim, all_read_again, &worlds[i], 60000);
        sim_check(at, reached, "the log of %s could not be read to its end", worlds[i].host);
        check(&worlds[i]);
        sim_check(at, !has_violation(&worlds[i]), "%s: %s", worlds[i].host, worlds[i].violation);
    }
    for (int i = 0; i < 2; i++) arena_deinit(&worlds[i].config_arena);
    mem_free(worlds);
}

static const struct sim_scenario scenarios[] = {
    {"power_cuts", options, power_cuts}, {"two_nodes", options, two_nodes}, {"canary", options, canary}};

int main(int argc, char **argv)
{
    if (getenv("CUTS") != NULL) atexit(print_cuts);
    return sim_main(argc, argv, scenarios, COUNT_OF(scenarios));
}
