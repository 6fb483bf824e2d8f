// SPDX-License-Identifier: Apache-2.0
// Runs a scenario over a range of seeds. Every tests/sim/x_sim.c is one program with a `main` of one line:
//
//     static void scenario(struct sim_case *at) { ... sim_check(at, acked <= kept, "lost offset %lld", ...); }
//     static const struct sim_scenario scenarios[] = {{"produce", NULL, scenario}};
//     int main(int argc, char **argv) { return sim_main(argc, argv, scenarios, COUNT_OF(scenarios)); }
//
//     SEEDS=17 ./x_sim produce        one seed        SEEDS=1-200 ./x_sim     a range, all scenarios
//     SOAK_SECONDS=N SEEDS=17 ...                     seed after seed from 17 on, for so long
//     TRACE=1  ...                    every trace line on stderr
//
// The first seed of a range runs twice and must give the same trace hash. A failure (a check, an ASSERT of
// the code under test, a sanitizer) prints the seed, the last trace lines and the command that replays it, and ends
// the program with 1.
#ifndef ODRADEK_TESTS_SIM_HARNESS_H
#define ODRADEK_TESTS_SIM_HARNESS_H

#include "base/arena.h"
#include "env_sim/sim.h"

// One run of one scenario with one seed.
struct sim_case {
    const char *name;
    uint64_t seed;
    struct sim *sim;     // options.ignore_leaks is on: crashed nodes abandon their memory
    struct arena *arena; // for the scenario's own things; freed after the run
};

struct sim_scenario {
    const char *name;
    struct sim_options (*options)(uint64_t seed); // NULL = sim_options_chaos
    void (*run)(struct sim_case *at);
};

// Fails the case when `condition` is false; may be called from anywhere, node code included.
#define sim_check(at, condition, ...) \
    ((condition) ? (void)0 : sim_fail((at), __FILE__, __LINE__, __VA_ARGS__))
_Noreturn void sim_fail(struct sim_case *at, const char *file, int line, const char *format, ...) PRINTF_LIKE(4, 5);

int sim_main(int argc, char **argv, const struct sim_scenario *scenarios, size_t count);

#endif
