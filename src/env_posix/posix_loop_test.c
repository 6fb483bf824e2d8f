// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "env_posix/posix.h"

static struct posix_node *new_node(int shards)
{
    struct posix_node *node = NULL;
    assert_int_equal(posix_node_new(&(struct posix_options){.shards = shards}, &node), OK);
    return node;
}

static struct env *first_env(struct posix_node *node)
{
    int count = 0;
    return posix_node_envs(node, &count)[0];
}

// ---- the order of a turn ---------------------------------------------------------------------------------------

struct step {
    struct env_msg msg;
    struct env_timer timer;
    struct env_write write;
    const char *name;
    struct text *trace;
    void (*then)(struct env *env);
};

struct order {
    struct text trace;
    struct step mail, own, timer, write, end, own_again, write_again, end_again;
    struct file *file;
    int turns;
};

static void note(struct env *env, struct step *step)
{
    text_printf(step->trace, "%s ", step->name);
    if (step->then != NULL) step->then(env);
}

static void note_msg(struct env *env, struct env_msg *msg)
{
    note(env, CONTAINER_OF(msg, struct step, msg));
}

static void note_timer(struct env *env, struct env_timer *timer)
{
    note(env, CONTAINER_OF(timer, struct step, timer));
}

static void note_write(struct env *env, struct env_write *write)
{
    assert_int_equal(write->result, OK);
    note(env, CONTAINER_OF(write, struct step, write));
}

static void step_init(struct step *step, struct order *order, const char *name)
{
    static const struct iovec part = {.iov_base = (void *)(uintptr_t) "x", .iov_len = 1};
    *step = (struct step){.name = name, .trace = &order->trace};
    step->msg.run = note_msg;
    step->timer.fire = note_timer;
    step->write = (struct env_write){.file = order->file, .parts = &part, .part_count = 1, .done = note_write};
}

static void post_own(struct env *env)
{
    env_post(env, &((struct order *)env->user)->own.msg);
}

static void at_end_more(struct env *env)
{
    struct order *order = env->user;
    env_at_turn_end(env, &order->end_again.msg);
    env_write_post(env, &order->write_again.write);
    env_post(env, &order->own_again.msg);
    text_add_str(&order->trace, "| ");
}

static bool one_turn(void *context)
{
    return ((struct order *)context)->turns++ == 1;
}

static void turn_runs_in_the_documented_order(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    struct env *env = first_env(node);
    struct order order = {0};
    char path[] = "/tmp/odradek-loop-XXXXXX";
    close(mkstemp(path));
    assert_int_equal(fs_open(env->fs, path, FILE_WRITE, &order.file), OK);
    env->user = &order;
    step_init(&order.mail, &order, "mail");
    step_init(&order.own, &order, "own");
    step_init(&order.timer, &order, "timer");
    step_init(&order.write, &order, "write");
    step_init(&order.end, &order, "end");
    step_init(&order.own_again, &order, "own");
    step_init(&order.write_again, &order, "write");
    step_init(&order.end_again, &order, "end");
    order.mail.then = post_own;
    order.end.then = at_end_more;

    env_at_turn_end(env, &order.end.msg);
    env_write_post(env, &order.write.write);
    env_timer_set_ns(env, &order.timer.timer, 0);
    env_post(env, &order.mail.msg);
    assert_int_equal(order.trace.size, 0); // nothing runs inside the call
    assert_true(posix_run_until(env, one_turn, &order));
    assert_string_equal(text_cstr(&order.trace), "mail own timer write end | own write end ");

    file_unref(order.file);
    unlink(path);
    text_deinit(&order.trace);
    posix_node_free(node);
}

struct again {
    struct env_msg msg;
    int runs;
    int turns;
};

static void queue_again(struct env *env, struct env_msg *msg)
{
    CONTAINER_OF(msg, struct again, msg)->runs++;
    env_at_turn_end(env, msg);
}

static bool ten_turns(void *context)
{
    return ((struct again *)context)->turns++ == 10;
}

static void endless_turn_end_lets_others_in(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    struct again again = {.msg.run = queue_again};
    env_at_turn_end(first_env(node), &again.msg);
    assert_true(posix_run_until(first_env(node), ten_turns, &again));
    assert_true(again.runs >= 10);
    posix_node_free(node);
}

// ---- timers ----------------------------------------------------------------------------------------------------

struct ticks {
    struct env_timer timers[4];
    int64_t at_ns[4];
    struct text trace;
    int repeats;
};

static void tick(struct env *env, struct env_timer *timer)
{
    struct ticks *ticks = env->user;
    long index = timer - ticks->timers;
    assert_true(env_now_ns(env) >= ticks->at_ns[index]);
    text_printf(&ticks->trace, "%ld ", index);
    if (index == 3 && ++ticks->repeats < 3) env_timer_set_ns(env, timer, 0); // already past: next turn
}

static bool ticked(void *context)
{
    return ((struct ticks *)context)->repeats == 3;
}

static void timers_fire_in_order_and_not_early(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    struct env *env = first_env(node);
    struct ticks ticks = {0};
    env->user = &ticks;
    int64_t now_ns = env_now_ns(env);
    static const int64_t delays_ns[4] = {2000000, 700000, 700000, 3000000};
    for (int i = 0; i < 4; i++) {
        ticks.timers[i].fire = tick;
        ticks.at_ns[i] = now_ns + delays_ns[i];
        env_timer_set_ns(env, &ticks.timers[i], ticks.at_ns[i] + 5000000000000);
        env_timer_set_ns(env, &ticks.timers[i], ticks.at_ns[i]); // replaces
    }
    env_timer_cancel(env, &ticks.timers[2]);
    env_timer_cancel(env, &ticks.timers[2]);
    assert_true(posix_run_until(env, ticked, &ticks));
    assert_string_equal(text_cstr(&ticks.trace), "1 0 3 3 3 ");
    text_deinit(&ticks.trace);
    posix_node_free(node);
}

// ---- messages between shards -----------------------------------------------------------------------------------

enum { SHARDS = 4, MESSAGES = 10000, HOPS = 8 };

struct hop {
    struct env_msg msg;
    int hops;
    int from;
    int64_t sequence; // per first sender
};

struct station {
    int64_t last_sequence[SHARDS]; // of first hops, per sender
    int64_t arrived;
    int64_t finished;
    struct posix_node *node;
    int *stations_done; // atomic
};

static void arrive(struct env *env, struct env_msg *msg)
{
    struct hop *hop = CONTAINER_OF(msg, struct hop, msg);
    struct station *station = env->user;
    station->arrived++;
    if (hop->hops == HOPS) { // order between two shards is kept
        assert_true(hop->sequence > station->last_sequence[hop->from]);
        station->last_sequence[hop->from] = hop->sequence;
    }
    if (--hop->hops > 0) {
        env_post(env->shards[(env->shard + 1) % env->shard_count], &hop->msg);
        return;
    }
    mem_free(hop);
    if (++station->finished == MESSAGES && __atomic_add_fetch(station->stations_done, 1, __ATOMIC_ACQ_REL) == SHARDS)
        posix_node_stop(station->node);
}

static void send_all(struct env *env, struct env_msg *msg)
{
    mem_free(msg);
    for (int64_t i = 1; i <= MESSAGES; i++) {
        struct hop *hop = MEM_NEW(struct hop);
        *hop = (struct hop){.msg.run = arrive, .hops = HOPS, .from = env->shard, .sequence = i};
        env_post(env->shards[(env->shard + 1) % env->shard_count], &hop->msg);
    }
}

static void messages_go_round_four_shards(void **state)
{
    (void)state;
    struct posix_node *node = new_node(SHARDS);
    int count = 0;
    struct env **envs = posix_node_envs(node, &count);
    assert_int_equal(count, SHARDS);
    struct station stations[SHARDS] = {0};
    int done = 0;
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(envs[i]->shard, i);
        stations[i].node = node;
        stations[i].stations_done = &done;
        envs[i]->user = &stations[i];
        struct env_msg *start = MEM_NEW(struct env_msg);
        start->run = send_all;
        env_post(envs[i], start);
    }
    posix_node_run(node);
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(stations[i].arrived, MESSAGES * HOPS);
        assert_int_equal(stations[i].finished, MESSAGES);
    }
    posix_node_free(node);
}

// ---- tasks -----------------------------------------------------------------------------------------------------

enum { TASKS = 600, LANES = 7 };

struct work {
    struct env_task task;
    int index;
    pthread_t *loop_thread;
};

struct works {
    struct work items[TASKS];
    int last_run[LANES + 1]; // guarded by the lanes themselves: TSan would see it if they were not in order
    int last_done[LANES + 1];
    int unordered_runs; // atomic
    int done;
    pthread_t loop_thread;
};

static struct works *works_of(struct work *work)
{
    return CONTAINER_OF(work - work->index, struct works, items);
}

static void work_run(struct env_task *task, struct fs *fs)
{
    struct work *work = CONTAINER_OF(task, struct work, task);
    struct works *works = works_of(work);
    struct file_stat st;
    if (fs_stat(fs, "/", &st) != OK) abort();
    if (pthread_equal(pthread_self(), works->loop_thread)) abort();
    if (task->lane == 0) {
        __atomic_add_fetch(&works->unordered_runs, 1, __ATOMIC_RELAXED);
        return;
    }
    if (works->last_run[task->lane] >= work->index) abort();
    works->last_run[task->lane] = work->index;
}

static void work_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct work *work = CONTAINER_OF(task, struct work, task);
    struct works *works = works_of(work);
    assert_true(pthread_equal(pthread_self(), works->loop_thread));
    if (task->lane != 0) {
        assert_true(works->last_done[task->lane] < work->index);
        works->last_done[task->lane] = work->index;
    }
    works->done++;
}

static bool all_worked(void *context)
{
    return ((struct works *)context)->done == TASKS;
}

static void tasks_keep_the_order_of_their_lane(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    struct works *works = MEM_NEW(struct works);
    works->loop_thread = pthread_self();
    for (int i = 0; i <= LANES; i++) works->last_run[i] = works->last_done[i] = -1;
    for (int i = 0; i < TASKS; i++) {
        works->items[i].index = i;
        works->items[i].task =
            (struct env_task){.run = work_run, .done = work_done, .lane = (uintptr_t)(i % (LANES + 1))};
        env_task_post(first_env(node), &works->items[i].task);
    }
    assert_true(posix_run_until(first_env(node), all_worked, works));
    assert_int_equal(works->unordered_runs, TASKS / (LANES + 1));
    posix_node_free(node);
    mem_free(works);
}

static void free_runs_what_is_queued(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    struct works *works = MEM_NEW(struct works);
    for (int i = 0; i <= LANES; i++) works->last_run[i] = -1;
    for (int i = 0; i < 50; i++) {
        works->items[i].index = i;
        works->items[i].task = (struct env_task){.run = work_run, .done = work_done, .lane = 1};
        env_task_post(first_env(node), &works->items[i].task);
    }
    posix_node_free(node);
    assert_int_equal(works->last_run[1], 49);
    assert_int_equal(works->done, 0);
    mem_free(works);
}

// ---- stop and signals ------------------------------------------------------------------------------------------

static struct posix_node *node_to_stop;

static void stop_from_handler(int signo)
{
    (void)signo;
    posix_node_stop(node_to_stop);
}

static void raise_usr2(struct env *env, struct env_msg *msg)
{
    (void)env;
    (void)msg;
    raise(SIGUSR2);
}

static void stop_works_before_run_and_from_a_signal_handler(void **state)
{
    (void)state;
    struct posix_node *node = new_node(2);
    posix_node_stop(node);
    posix_node_run(node); // returns at once
    posix_node_free(node);

    node = new_node(2);
    node_to_stop = node;
    signal(SIGUSR2, stop_from_handler);
    struct env_msg msg = {.run = raise_usr2};
    env_post(first_env(node), &msg);
    posix_node_run(node);
    signal(SIGUSR2, SIG_DFL);
    posix_node_free(node);
}

static void count_signal(struct env *env, int signo, void *context)
{
    (void)env;
    assert_int_equal(signo, SIGUSR1);
    ++*(int *)context;
}

static bool is_one(void *context)
{
    return *(int *)context == 1;
}

static void signals_arrive_as_events(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    int other = 0;
    int count = 0;
    posix_signal(first_env(node), SIGUSR1, count_signal, &other);
    posix_signal(first_env(node), SIGUSR1, count_signal, &count);
    kill(getpid(), SIGUSR1);
    assert_true(posix_run_until(first_env(node), is_one, &count));
    assert_int_equal(other, 0);
    posix_node_free(node);
}

static void random_differs(void **state)
{
    (void)state;
    struct posix_node *node = new_node(1);
    uint8_t a[1000] = {0};
    uint8_t b[1000] = {0};
    env_random(first_env(node), a, sizeof(a));
    env_random(first_env(node), b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a + 500, (uint8_t[500]){0}, 500);
    assert_true(env_wall_ms(first_env(node)) > 1700000000000);
    posix_node_free(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turn_runs_in_the_documented_order),
        cmocka_unit_test(endless_turn_end_lets_others_in),
        cmocka_unit_test(timers_fire_in_order_and_not_early),
        cmocka_unit_test(messages_go_round_four_shards),
        cmocka_unit_test(tasks_keep_the_order_of_their_lane),
        cmocka_unit_test(free_runs_what_is_queued),
        cmocka_unit_test(stop_works_before_run_and_from_a_signal_handler),
        cmocka_unit_test(signals_arrive_as_events),
        cmocka_unit_test(random_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
