// SPDX-License-Identifier: Apache-2.0
#include "harness.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { DEFAULT_FROM = 1, DEFAULT_TO = 20 };

// Of the program, for those who get no argument: signal handlers and the sanitizers' hook.
static struct {
    const char *program;
    struct sim_case *at;
    bool is_reporting;
} running;

// Present only in programs built with a sanitizer.
extern void __sanitizer_set_death_callback(void (*callback)(void)) __attribute__((weak));

static void print_line(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static void report(void)
{
    struct sim_case *at = running.at;
    if (at == NULL || running.is_reporting) return;
    running.is_reporting = true;
    fprintf(stderr, "--- the last %d trace lines\n", SIM_TRACE_KEPT);
    sim_trace_last(at->sim, print_line, NULL);
    fprintf(stderr, "--- replay: SEEDS=%llu %s %s      (TRACE=1 for every line)\n", (unsigned long long)at->seed,
            running.program, at->name);
    fflush(stderr);
}

static void on_signal(int number)
{
    fprintf(stderr, "FAILED %s seed=%llu: signal %d\n", running.at == NULL ? "-" : running.at->name,
            running.at == NULL ? 0 : (unsigned long long)running.at->seed, number);
    report();
    signal(number, SIG_DFL);
    raise(number);
}

_Noreturn void sim_fail(struct sim_case *at, const char *file, int line, const char *format, ...)
{
    fprintf(stderr, "FAILED %s seed=%llu at %s:%d: ", at->name, (unsigned long long)at->seed, file, line);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    report();
    _exit(1); // node code may be on the stack and half-run: nothing to clean up sensibly
}

static uint64_t run_seed(const struct sim_scenario *scenario, uint64_t seed)
{
    struct sim_options options = scenario->options == NULL ? sim_options_chaos(seed) : scenario->options(seed);
    options.ignore_leaks = true;
    if (getenv("TRACE") != NULL) options.trace = print_line;
    struct arena arena = {0};
    struct sim_case at = {.name = scenario->name, .seed = seed, .sim = sim_new(&options), .arena = &arena};
    running.at = &at;
    scenario->run(&at);
    uint64_t hash = sim_trace_hash(at.sim);
    running.at = NULL;
    sim_free(at.sim);
    arena_deinit(&arena);
    return hash;
}

// "17" or "1-200"
static bool parse_range(const char *text, uint64_t *from, uint64_t *to)
{
    char *end = NULL;
    *from = *to = strtoull(text, &end, 10);
    if (end == text) return false;
    if (*end == '-') {
        const char *second = end + 1;
        *to = strtoull(second, &end, 10);
        if (end == second) return false;
    }
    return *end == '\0' && *from <= *to;
}

static bool run_scenario(const struct sim_scenario *scenario, uint64_t from, uint64_t to)
{
    uint64_t first = run_seed(scenario, from);
    uint64_t again = run_seed(scenario, from);
    if (first != again) {
        fprintf(stderr, "FAILED %s seed=%llu: not deterministic: %016llx, then %016llx\n", scenario->name,
                (unsigned long long)from, (unsigned long long)first, (unsigned long long)again);
        fprintf(stderr, "--- compare two runs of: TRACE=1 SEEDS=%llu %s %s\n", (unsigned long long)from,
                running.program, scenario->name);
        return false;
    }
    uint64_t all = first;
    const char *soak = getenv("SOAK_SECONDS");
    if (soak != NULL) {
        time_t end = time(NULL) + strtol(soak, NULL, 10);
        for (to = from; time(NULL) < end;) all = all * 31 + run_seed(scenario, ++to);
    }
    for (uint64_t seed = from + 1; soak == NULL && seed <= to; seed++) all = all * 31 + run_seed(scenario, seed);
    printf("ok %s seeds=%llu-%llu hash=%016llx\n", scenario->name, (unsigned long long)from, (unsigned long long)to,
           (unsigned long long)all);
    return true;
}

int sim_main(int argc, char **argv, const struct sim_scenario *scenarios, size_t count)
{
    uint64_t from = DEFAULT_FROM;
    uint64_t to = DEFAULT_TO;
    const char *seeds = getenv("SEEDS");
    running.program = argv[0];
    if (seeds != NULL && !parse_range(seeds, &from, &to)) {
        fprintf(stderr, "%s: SEEDS=%s is neither a number nor a range such as 1-200\n", argv[0], seeds);
        return 2;
    }
    signal(SIGABRT, on_signal);
    signal(SIGSEGV, on_signal);
    if (__sanitizer_set_death_callback != NULL) __sanitizer_set_death_callback(report);
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        if (argc > 1 && strcmp(argv[1], scenarios[i].name) != 0) continue;
        found = true;
        if (!run_scenario(&scenarios[i], from, to)) return 1;
    }
    if (!found) fprintf(stderr, "%s: no scenario named %s\n", argv[0], argv[1]);
    return found ? 0 : 2;
}
