// SPDX-License-Identifier: Apache-2.0
// The scheduler: determinism, order of messages, tasks, writes and timers, armed crashes of running code.
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"
#include "env_sim/sim.h"

enum { MESSAGES = 50 };
#define PINNED_HASH 0x1cae1d63257a27efu

struct note {
    struct env_msg msg;
    int number;
    struct inbox *to;
};

struct inbox {
    struct env *env;
    int seen;
    int last[2]; // by sending shard
    bool in_order;
};

struct world {
    struct arena arena; // what the nodes allocate: a crash abandons it, the test frees it
    struct sim *sim;
    struct sim_node *node;
};

static struct world world_new(uint64_t seed, int shards)
{
    struct world world = {0};
    struct sim_options options = sim_options_default(seed);
    world.sim = sim_new(&options);
    world.node = sim_node_new(world.sim, "node1", shards);
    return world;
}

static void world_free(struct world *world)
{
    sim_free(world->sim);
    arena_deinit(&world->arena);
}

static void take_note(struct env *env, struct env_msg *msg)
{
    struct note *note = CONTAINER_OF(msg, struct note, msg);
    struct inbox *to = note->to;
    assert_ptr_equal(env, to->env);
    int from = note->number % 2;
    to->in_order &= note->number > to->last[from];
    to->last[from] = note->number;
    to->seen++;
}

static void messages_arrive_in_the_order_of_posting(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world = world_new(seed, 3);
        struct inbox inbox = {.env = sim_node_env(world.node, 2), .last = {-1, -1}, .in_order = true};
        for (int i = 0; i < MESSAGES; i++) {
            struct note *note = ARENA_NEW(&world.arena, struct note);
            note->msg.run = take_note;
            note->number = i;
            note->to = &inbox;
            env_post(inbox.env, &note->msg);
            if (i % 7 == 0) sim_step(world.sim);
        }
        while (sim_step(world.sim)) {
        }
        assert_int_equal(inbox.seen, MESSAGES);
        assert_true(inbox.in_order);
        world_free(&world);
    }
}

// ---- a little program that uses everything ----

struct job {
    struct env_task task;
    struct app *app;
    int number;
};

struct app {
    struct world *world;
    struct env *env;
    struct env_timer timer;
    struct env_msg turn_end;
    struct env_write writes[8];
    struct iovec parts[8];
    struct file *file;
    int64_t fired_at_ns;
    int fired;
    int turn_ends;
    int writes_done;
    int jobs_run;
    int jobs_done;
    bool jobs_in_order;
};

static void job_run(struct env_task *task, struct fs *fs)
{
    struct job *job = CONTAINER_OF(task, struct job, task);
    char path[32] = ""; // all of it is written: stray bytes would show in the hash
    snprintf(path, sizeof(path), "/job%d", job->number);
    struct file *file = NULL;
    if (fs_open(fs, path, FILE_WRITE | FILE_CREATE, &file) != OK) return;
    struct iovec part = {.iov_base = path, .iov_len = sizeof(path)};
    if (file_pwritev(file, 0, &part, 1) == OK && file_sync(file) == OK)
        job->app->jobs_in_order &= job->app->jobs_run == job->number;
    job->app->jobs_run++;
    file_unref(file);
}

static void job_done(struct env *env, struct env_task *task)
{
    struct job *job = CONTAINER_OF(task, struct job, task);
    assert_ptr_equal(env, job->app->env);
    job->app->jobs_in_order &= job->app->jobs_done == job->number;
    job->app->jobs_done++;
}

static void count_turn_end(struct env *env, struct env_msg *msg)
{
    (void)env;
    CONTAINER_OF(msg, struct app, turn_end)->turn_ends++;
}

static void fire(struct env *env, struct env_timer *timer)
{
    struct app *app = CONTAINER_OF(timer, struct app, timer);
    app->fired_at_ns = env_now_ns(env);
    if (++app->fired < 3) env_timer_after_ms(env, timer, 5);
    env_at_turn_end(env, &app->turn_end);
}

static void write_done(struct env *env, struct env_write *write)
{
    struct app *app = env->user;
    assert_int_equal(write->result, OK);
    app->writes_done++;
}

static void boot(void *context)
{
    struct app *app = context;
    struct env *env = app->env = sim_node_env(app->world->node, 0);
    static const uint8_t bytes[5000] = {1, 2, 3};
    env->user = app;
    app->jobs_in_order = true;
    app->timer.fire = fire;
    app->turn_end.run = count_turn_end;
    env_timer_after_ms(env, &app->timer, 20);
    if (fs_open(env->fs, "data", FILE_READ | FILE_WRITE | FILE_CREATE, &app->file) != OK) return;
    for (int i = 0; i < 8; i++) {
        app->parts[i] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes, .iov_len = sizeof(bytes)};
        app->writes[i] = (struct env_write){
            .file = app->file, .position = i * 2500, .parts = &app->parts[i], .part_count = 1, .done = write_done};
        env_write_post(env, &app->writes[i]);
    }
    for (int i = 0; i < 6; i++) {
        struct job *job = ARENA_NEW(&app->world->arena, struct job);
        job->task = (struct env_task){.run = job_run, .done = job_done, .lane = 7};
        job->app = app;
        job->number = i;
        env_task_post(env, &job->task);
    }
    log_info(env->log, "app", "booted shard=%d", env->shard);
}

static uint64_t run_app(uint64_t seed, struct app *out)
{
    struct world world = world_new(seed, 2);
    *out = (struct app){.world = &world};
    assert_true(sim_node_call(world.node, boot, out));
    while (sim_step(world.sim)) {
    }
    uint64_t hash = sim_trace_hash(world.sim);
    file_unref(out->file);
    world_free(&world);
    return hash;
}

static void same_seed_same_story_other_seed_another(void **state)
{
    (void)state;
    struct app app;
    uint64_t first = run_app(41, &app);
    assert_true(first == run_app(41, &app));
    assert_true(first != run_app(42, &app));
}

// The same on every machine and with every compiler; changes with the model, then the new value goes here.
static void hash_is_the_same_everywhere(void **state)
{
    (void)state;
    struct app app;
    assert_int_equal(run_app(41, &app), PINNED_HASH);
}

static void program_runs_to_its_end(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct app app;
        run_app(seed, &app);
        assert_int_equal(app.fired, 3);
        assert_true(app.fired_at_ns >= 30 * 1000000);
        assert_int_equal(app.turn_ends, 3);
        assert_int_equal(app.writes_done, 8);
        assert_int_equal(app.jobs_done, 6);
        assert_true(app.jobs_in_order);
    }
}

// ---- asynchronous writes ----

struct writer {
    struct sim_node *node;
    struct file *file;
    struct env_write writes[2];
    struct iovec parts[2];
    int64_t second_at;
    int done[2]; // which one completed first, second
    int done_count;
};

static void note_done(struct env *env, struct env_write *write)
{
    struct writer *writer = env->user;
    assert_int_equal(write->result, OK);
    writer->done[writer->done_count++] = write == &writer->writes[0] ? 0 : 1;
}

static void write_two(void *context)
{
    struct writer *writer = context;
    struct env *env = sim_node_env(writer->node, 0);
    static const char *const bytes[] = {"aaaa", "bbbb"};
    env->user = writer;
    if (fs_open(env->fs, "/w", FILE_READ | FILE_WRITE | FILE_CREATE, &writer->file) != OK) return;
    for (int i = 0; i < 2; i++) {
        writer->parts[i] = (struct iovec){.iov_base = (void *)(uintptr_t)bytes[i], .iov_len = 4};
        writer->writes[i] = (struct env_write){.file = writer->file,
                                               .position = i == 0 ? 0 : writer->second_at,
                                               .parts = &writer->parts[i],
                                               .part_count = 1,
                                               .done = note_done};
        env_write_post(env, &writer->writes[i]);
    }
}

// Returns how often the second write completed first.
static int count_overtaking(int64_t second_at, const char *expected)
{
    int overtaken = 0;
    for (uint64_t seed = 0; seed < 40; seed++) {
        struct world world = world_new(seed, 1);
        struct writer writer = {.node = world.node, .second_at = second_at};
        assert_true(sim_node_call(world.node, write_two, &writer));
        while (sim_step(world.sim)) {
        }
        assert_int_equal(writer.done_count, 2);
        overtaken += writer.done[0] == 1;
        char found[16] = "";
        size_t got = 0;
        assert_int_equal(file_pread(writer.file, 0, found, sizeof(found), &got), OK);
        assert_string_equal(found, expected);
        file_unref(writer.file);
        world_free(&world);
    }
    return overtaken;
}

static void writes_overtake_only_where_they_do_not_touch(void **state)
{
    (void)state;
    int apart = count_overtaking(4, "aaaabbbb");
    assert_true(apart > 0 && apart < 40);
    assert_int_equal(count_overtaking(2, "aabbbb"), 0);
}

static void crash_stops_the_program_at_every_call(void **state)
{
    (void)state;
    struct world world = world_new(3, 2);
    struct app app = {.world = &world};
    assert_true(sim_node_call(world.node, boot, &app));
    while (sim_step(world.sim)) {
    }
    int64_t calls = sim_calls(world.node, SIM_CALL_ANY);
    assert_true(calls > 40);
    world_free(&world);
    int stopped = 0;
    for (int64_t k = 1; k <= calls; k++) {
        struct world crashed = world_new(3, 2);
        struct app victim = {.world = &crashed};
        sim_crash_at_call(crashed.node, SIM_CALL_ANY, k, k % 2 == 0 ? SIM_POWER_CUT : SIM_PROCESS_KILL);
        sim_node_call(crashed.node, boot, &victim);
        while (sim_step(crashed.sim)) {
        }
        stopped += !sim_node_is_up(crashed.node);
        assert_null(sim_node_fs(crashed.node));
        world_free(&crashed);
    }
    assert_int_equal(stopped, calls);
}

static void old_pointers_are_dead_but_valid(void **state)
{
    (void)state;
    struct world world = world_new(5, 1);
    struct fs *fs = sim_node_fs(world.node);
    struct file *file = NULL;
    assert_int_equal(fs_open(fs, "/f", FILE_READ | FILE_WRITE | FILE_CREATE, &file), OK);
    sim_node_crash(world.node, SIM_PROCESS_KILL);
    struct iovec part = {.iov_base = "x", .iov_len = 1};
    assert_int_equal(file_pwritev(file, 0, &part, 1), ERR_IO);
    assert_int_equal(fs_unlink(fs, "/f"), ERR_IO);
    file_unref(file);
    assert_false(sim_node_call(world.node, boot, NULL));
    sim_node_restart(world.node);
    struct file_stat stat;
    assert_int_equal(fs_stat(sim_node_fs(world.node), "/f", &stat), OK);
    assert_int_equal(stat.size_bytes, 0);
    world_free(&world);
}

static void leak_and_die(void *context)
{
    struct world *world = context;
    void *volatile lost = mem_alloc(100);
    (void)lost;
    sim_node_crash(world->node, SIM_POWER_CUT);
    fail(); // nothing runs after the crash
}

// LeakSanitizer is the judge.
static void abandoned_memory_can_be_ignored(void **state)
{
    (void)state;
    struct sim_options options = sim_options_default(1);
    options.ignore_leaks = true;
    struct world world = {.sim = sim_new(&options)};
    world.node = sim_node_new(world.sim, "node1", 1);
    assert_false(sim_node_call(world.node, leak_and_die, &world));
    assert_false(sim_node_is_up(world.node));
    world_free(&world);
}

static void keep_line(void *context, const char *line)
{
    int *count = context;
    assert_non_null(line);
    ++*count;
}

static void last_lines_are_kept(void **state)
{
    (void)state;
    struct world world = world_new(1, 1);
    for (int i = 0; i < 100; i++) sim_trace(world.sim, "line %d", i);
    int count = 0;
    sim_trace_last(world.sim, keep_line, &count);
    assert_int_equal(count, SIM_TRACE_KEPT);
    world_free(&world);
}

static bool never(void *context)
{
    (void)context;
    return false;
}

static void time_passes_without_events(void **state)
{
    (void)state;
    struct world world = world_new(1, 1);
    assert_false(sim_run_until(world.sim, never, NULL, 1500));
    assert_int_equal(sim_now_ns(world.sim), 1500 * (int64_t)1000000);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_in_the_order_of_posting),
        cmocka_unit_test(same_seed_same_story_other_seed_another),
        cmocka_unit_test(hash_is_the_same_everywhere),
        cmocka_unit_test(program_runs_to_its_end),
        cmocka_unit_test(writes_overtake_only_where_they_do_not_touch),
        cmocka_unit_test(crash_stops_the_program_at_every_call),
        cmocka_unit_test(old_pointers_are_dead_but_valid),
        cmocka_unit_test(abandoned_memory_can_be_ignored),
        cmocka_unit_test(last_lines_are_kept),
        cmocka_unit_test(time_passes_without_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
