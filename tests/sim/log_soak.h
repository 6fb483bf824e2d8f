// SPDX-License-Identifier: Apache-2.0
// What the soak's two halves share: log_sim.c lives and dies, log_acts.c appends and reads.
#ifndef ODRADEK_TESTS_SIM_LOG_SOAK_H
#define ODRADEK_TESTS_SIM_LOG_SOAK_H

#include <inttypes.h>

#include "log_model.h"
#include "store/store.h"

enum { LOGS = 3 };

// What needs a log for itself.
enum exclusive { NOTHING, TRUNCATE, RESTART, SWITCH };

struct actor {
    struct world *world;
    struct plog *plog;
    struct model model;
    struct plog_options options;
    bool has_transactions;
    bool is_compacted;
    bool is_follower;
    bool is_retaining;
    bool is_compacting;
    bool is_scanning;
    bool is_closing;
    bool is_closed;
    enum exclusive wanted;  // waits until nothing else is under way
    bool is_exclusive;      // it is under way
    bool is_booting;        // the scan after a start comes before everything else
    int64_t restart_at;     // -1: no restart is under way
    int64_t cut_at;         // a truncation to here is under way: nothing above is promised; INT64_MAX = none
    int64_t checkpoint_due; // nothing is done before this one is stored
    int64_t stored_start;   // log start of the last checkpoint that was stored
    int64_t boot_start;     // log start when this life began
    int64_t listed_start;   // what the file of checkpoints said then, 0 = nothing; it may be older than the log is
    int64_t published;      // as last told
    int32_t epoch;
    int outstanding; // appends
    int reading;
    int budget;             // actions left in this life
    int compactions;        // rounds that ended
    bool was_shortened;     // it was found to end below its recovery point
    bool is_placeless;      // it died while it was emptied
    bool was_retaining;     // when it died
    int64_t high_watermark; // the largest that was set
    int cuts;               // truncations done: what was read before may be gone
    struct plog_checkpoint closed;
};

struct world {
    struct sim_case *at;
    struct sim *sim;
    struct sim_node *node;
    struct logdir *dir;
    struct actor actors[LOGS];
    struct env_timer tick;
    struct env_timer checkpoint_tick;
    bool is_checkpointing;
    int64_t checkpoints_begun;
    bool has_journal;
    bool is_commit;   // else page cache, and nobody cuts the power
    int64_t clock_ms; // of producers and of retention; goes on over lives
    int serial;       // of values
};

// Of the program: what all its seeds came to.
struct totals {
    int64_t power_cuts, kills, clean_stops, appends, records, duplicates, refusals, markers, reads, scans, time_answers;
    int64_t truncations, restarts, deletions, retained_segments, compactions, pages_torn, pages_dropped;
    int64_t journals, replayed_bytes;
};
extern struct totals totals;

#define actor_check(a, condition, format, ...)                                                                         \
    sim_check((a)->world->at, condition, "log %d: " format, (a)->model.number __VA_OPT__(, ) __VA_ARGS__)

static inline int below(struct actor *a, int limit)
{
    return (int)sim_below(a->world->sim, limit);
}

static inline bool chance(struct actor *a, int percent)
{
    return below(a, 100) < percent;
}

static inline int64_t now_ms(const struct actor *a)
{
    return a->world->clock_ms;
}

// log_acts.c
void act_append(struct actor *a);
void act_read(struct actor *a);
void act_find_time(struct actor *a);
void act_scan(struct actor *a); // all of it, which also tells what is still there
// log_sim.c
void act_scan_is_done(struct actor *a);

#endif
