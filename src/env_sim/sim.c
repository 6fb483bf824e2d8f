// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>

#include "env_sim/sim_int.h"

struct sim_options sim_options_default(uint64_t seed)
{
    return (struct sim_options){
        .seed = seed,
        .faults = {.try_again_ppm = 50000, .short_read_ppm = 20000, .writeback_ppm = 50000},
        .net_delay_us_min = 20,
        .net_delay_us_max = 2000,
        .tcp_timeout_ms = 10000,
        .wall_start_ms = 1767225600000, // 2026-01-01
        .wall_skew_ms_max = 0,
        .log_level = LOG_INFO,
    };
}

static int up_to(uint64_t seed, uint64_t *draws, int limit)
{
    // Half of the faults stay away in any one seed, so that combinations of few are seen as well as all at once.
    uint64_t draw = hash_u64(seed ^ 0xc4a05, (*draws)++);
    return (draw & 1) != 0 ? 0 : (int)((draw >> 1) % (uint64_t)limit);
}

struct sim_options sim_options_chaos(uint64_t seed)
{
    struct sim_options options = sim_options_default(seed);
    uint64_t draws = 0;
    struct sim_faults *faults = &options.faults;
    faults->read_error_ppm = up_to(seed, &draws, 300);
    faults->write_error_ppm = up_to(seed, &draws, 300);
    faults->sync_error_ppm = up_to(seed, &draws, 3000);
    faults->name_error_ppm = up_to(seed, &draws, 300);
    faults->disk_slow_ppm = up_to(seed, &draws, 20000);
    faults->try_again_ppm = up_to(seed, &draws, 500000);
    faults->short_read_ppm = up_to(seed, &draws, 300000);
    faults->writeback_ppm = up_to(seed, &draws, 500000);
    faults->net_reset_ppm = up_to(seed, &draws, 2000);
    faults->net_stall_ppm = up_to(seed, &draws, 5000);
    faults->connect_fail_ppm = up_to(seed, &draws, 50000);
    options.net_delay_us_max = 100 + up_to(seed, &draws, 50000);
    options.wall_skew_ms_max = up_to(seed, &draws, 2000);
    return options;
}

struct sim *sim_new(const struct sim_options *options)
{
    struct sim *sim = MEM_NEW(struct sim);
    sim->options = *options;
    sim->trace_hash = options->seed;
    list_init(&sim->links);
    list_init(&sim->graveyard);
    return sim;
}

int64_t sim_now_ns(struct sim *sim)
{
    return sim->now_ns + sim->cost_ns;
}

void sim_set_faults(struct sim *sim, const struct sim_faults *faults)
{
    sim->options.faults = *faults;
}

void sim_set_lying_fsync(struct sim *sim, bool lying)
{
    sim->lying_fsync = lying;
}

// ---- draws ----

uint64_t sim_random(struct sim *sim)
{
    return hash_u64(sim->options.seed, sim->draws++);
}

int64_t sim_below(struct sim *sim, int64_t limit)
{
    ASSERT(limit > 0);
    return (int64_t)(sim_random(sim) % (uint64_t)limit);
}

bool sim_buggify(struct sim *sim, int percent)
{
    return sim_below(sim, 100) < percent;
}

bool chance(struct sim *sim, int ppm)
{
    return ppm > 0 && sim_below(sim, 1000000) < ppm;
}

int64_t latency_ns(struct sim *sim, int64_t low_us, int64_t high_us)
{
    int64_t low = low_us * 1000;
    int64_t span = high_us > low_us ? (high_us - low_us) * 1000 : 1;
    if (sim_below(sim, 4) != 0) span = span / 8 + 1;
    return low + sim_below(sim, span);
}

void spend(struct sim *sim, int64_t low_us, int64_t high_us)
{
    int64_t cost = latency_ns(sim, low_us, high_us);
    if (chance(sim, sim->options.faults.disk_slow_ppm)) cost *= 100;
    if (sim->running != NULL && sim->running_shard == IN_TASK) cost += sim->running->disk.delay_ns;
    if (sim->running != NULL) sim->cost_ns += cost; // a test that calls directly does not move the time
}

// ---- events ----

void event_at(struct sim *sim, struct event *event, int64_t at_ns)
{
    if (at_ns < sim->now_ns) at_ns = sim->now_ns;
    if (heap_contains(&event->node)) {
        if (event->node.key <= at_ns) return;
        heap_remove(&sim->events, &event->node);
    }
    heap_insert(&sim->events, &event->node, at_ns);
}

void event_cancel(struct sim *sim, struct event *event)
{
    heap_remove(&sim->events, &event->node);
}

bool sim_step(struct sim *sim)
{
    ASSERT(sim->running == NULL); // not from node code
    struct heap_node *first = heap_min(&sim->events);
    if (first == NULL) return false;
    heap_remove(&sim->events, first);
    sim->now_ns = first->key;
    sim->stats.events++;
    struct event *event = CONTAINER_OF(first, struct event, node);
    event->run(sim, event);
    return true;
}

bool sim_run_until(struct sim *sim, bool (*reached)(void *context), void *context, int64_t max_ms)
{
    int64_t limit_ns = sim->now_ns + max_ms * 1000000;
    for (;;) {
        if (reached != NULL && reached(context)) return true;
        struct heap_node *first = heap_min(&sim->events);
        if (first == NULL || first->key > limit_ns) break;
        sim_step(sim);
    }
    sim->now_ns = limit_ns;
    return false;
}

// ---- trace ----

static void trace_line(struct sim *sim, const struct sim_node *node, const char *what)
{
    char *line = sim->trace_lines[sim->trace_count++ % SIM_TRACE_KEPT];
    int64_t now = sim_now_ns(sim);
    char shard[16] = "";
    if (node != NULL && sim->running == node) snprintf(shard, sizeof(shard), "/%d", sim->running_shard);
    snprintf(line, TRACE_LINE_SIZE, "%lld.%09lld %s%s %s", (long long)(now / 1000000000), (long long)(now % 1000000000),
             node == NULL ? "sim" : node->name, shard, what);
    sim->trace_hash = hash_bytes(sim->trace_hash, slice_str(line));
    if (sim->options.trace != NULL) sim->options.trace(sim->options.trace_context, line);
}

void trace(struct sim *sim, const struct sim_node *node, const char *format, ...)
{
    char what[TRACE_LINE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    trace_line(sim, node, what);
}

void sim_trace(struct sim *sim, const char *format, ...)
{
    char what[TRACE_LINE_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    trace_line(sim, NULL, what);
}

uint64_t sim_trace_hash(struct sim *sim)
{
    return sim->trace_hash;
}

void sim_trace_last(struct sim *sim, void (*each)(void *context, const char *line), void *context)
{
    int64_t kept = sim->trace_count < SIM_TRACE_KEPT ? sim->trace_count : SIM_TRACE_KEPT;
    for (int64_t i = sim->trace_count - kept; i < sim->trace_count; i++)
        each(context, sim->trace_lines[i % SIM_TRACE_KEPT]);
}

uint32_t checksum(const struct iovec *parts, int part_count, size_t size)
{
    uint64_t hash = 0;
    for (int i = 0; i < part_count && size > 0; i++) {
        size_t part = parts[i].iov_len < size ? parts[i].iov_len : size;
        hash = hash_bytes(hash, slice_of(parts[i].iov_base, part));
        size -= part;
    }
    return (uint32_t)hash;
}

struct sim_stats sim_stats(const struct sim *sim)
{
    struct sim_stats stats = sim->stats;
    for (int i = 0; i < sim->node_count; i++)
        for (int kind = 0; kind < SIM_CALL_KINDS; kind++) stats.calls[kind] += sim->nodes[i]->calls[kind];
    return stats;
}
