// SPDX-License-Identifier: Apache-2.0
// Loops: a turn is one event of the simulation. Posts are linked into the receiver's inbox at once (as into a mutexed
// mailbox, so their order is the order of posting); what is seeded is when the receiver's turn comes.
#include "env_sim/sim_int.h"

enum { FIRST_TIMES = 3 };

struct lane {
    struct list link;
    uintptr_t value; // only compared: addresses differ from run to run
    int pending;
    int64_t last_run_ns;
    int64_t last_done_ns;
};

struct task_run {
    struct list link;
    struct event event;
    struct process *process;
    struct env_task *task;
    struct lane *lane; // NULL = lane 0
    bool has_run;
};

struct write_run {
    struct list link;
    struct event event;
    struct sim_env *env;
    struct env_write *write;
    int64_t size;
    int64_t run_at_ns;
    int64_t done_at_ns;
    bool has_run;
};

static struct sim_env *sim_env_of(struct env *env)
{
    return CONTAINER_OF(env, struct sim_env, env);
}

static struct sim *sim_of(const struct sim_env *env)
{
    return env->process->node->sim;
}

void assert_on_loop(const struct sim_env *env)
{
    const struct sim *sim = sim_of(env);
    if (sim->running == NULL || sim->running_shard == IN_CALL) return;
    ASSERT(sim->running == env->process->node && sim->running_shard == env->env.shard);
}

void env_wake(struct sim_env *env, int64_t at_ns)
{
    event_at(sim_of(env), &env->turn, at_ns > env->busy_until_ns ? at_ns : env->busy_until_ns);
}

static void wake_soon(struct sim_env *env)
{
    struct sim *sim = sim_of(env);
    env_wake(env, sim_now_ns(sim) + latency_ns(sim, 1, 300));
}

// ---- clock, random, messages, timers ----

static int64_t now_ns(struct env *base)
{
    struct call call;
    struct sim_env *env = sim_env_of(base);
    if (call_begin(&call, env->process, SIM_CALL_CLOCK)) (void)call_end(&call, OK);
    return sim_now_ns(sim_of(env));
}

static int64_t wall_ms(struct env *base)
{
    struct call call;
    struct sim_env *env = sim_env_of(base);
    if (call_begin(&call, env->process, SIM_CALL_CLOCK)) (void)call_end(&call, OK);
    struct sim *sim = sim_of(env);
    return sim->options.wall_start_ms + env->process->node->wall_skew_ms + sim_now_ns(sim) / 1000000;
}

static void random_bytes(struct env *base, void *to, size_t size)
{
    struct call call;
    struct sim_env *env = sim_env_of(base);
    if (call_begin(&call, env->process, SIM_CALL_RANDOM)) (void)call_end(&call, OK);
    uint8_t *out = to;
    for (size_t i = 0; i < size; i++) out[i] = (uint8_t)sim_random(sim_of(env));
}

static void post(struct env *to, struct env_msg *msg)
{
    struct sim_env *env = sim_env_of(to);
    struct call call;
    if (!call_begin(&call, env->process, SIM_CALL_POST)) return;
    trace(sim_of(env), call.node, "post to=%d", to->shard);
    list_push_back(&env->inbox, &msg->link);
    wake_soon(env);
    (void)call_end(&call, OK);
}

static void at_turn_end(struct env *base, struct env_msg *msg)
{
    struct sim_env *env = sim_env_of(base);
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, env->process, SIM_CALL_AT_TURN_END)) return;
    list_push_back(&env->turn_end, &msg->link);
    wake_soon(env); // matters outside a turn only
    (void)call_end(&call, OK);
}

static void timer_set(struct env *base, struct env_timer *timer, int64_t at_ns)
{
    struct sim_env *env = sim_env_of(base);
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, env->process, SIM_CALL_TIMER_SET)) return;
    trace(sim_of(env), call.node, "timer_set at=%lld", (long long)at_ns);
    heap_remove(&env->timers, &timer->node);
    heap_insert(&env->timers, &timer->node, at_ns);
    env_wake(env, at_ns + latency_ns(sim_of(env), 1, 1000));
    (void)call_end(&call, OK);
}

static void timer_cancel(struct env *base, struct env_timer *timer)
{
    struct sim_env *env = sim_env_of(base);
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, env->process, SIM_CALL_TIMER_CANCEL)) return;
    heap_remove(&env->timers, &timer->node);
    (void)call_end(&call, OK);
}

// ---- tasks ----

static struct lane *lane_get(struct process *process, uintptr_t value)
{
    if (value == 0) return NULL;
    LIST_EACH(item, &process->lanes)
    {
        struct lane *lane = LIST_ITEM(item, struct lane, link);
        if (lane->value == value) return lane;
    }
    struct lane *lane = MEM_NEW(struct lane);
    lane->value = value;
    list_push_back(&process->lanes, &lane->link);
    return lane;
}

static void run_task_done(struct env *env, struct env_msg *msg)
{
    struct env_task *task = CONTAINER_OF(msg, struct env_task, msg);
    task->done(env, task);
}

static void task_body(void *context)
{
    struct task_run *run = context;
    run->task->run(run->task, &run->process->fs);
}

static void task_event(struct sim *sim, struct event *event)
{
    struct task_run *run = CONTAINER_OF(event, struct task_run, event);
    struct lane *lane = run->lane;
    if (!run->has_run) {
        trace(sim, run->process->node, "task");
        if (!node_run(run->process->node, IN_TASK, task_body, run)) { // crashed: `run` is gone
            sim->cost_ns = 0;
            return;
        }
        run->has_run = true;
        int64_t done_ns = sim->now_ns + sim->cost_ns + latency_ns(sim, 1, 200);
        sim->cost_ns = 0;
        if (lane != NULL) {
            if (done_ns <= lane->last_done_ns) done_ns = lane->last_done_ns + 1;
            lane->last_done_ns = done_ns;
        }
        event_at(sim, event, done_ns);
        return;
    }
    struct env_task *task = run->task;
    struct sim_env *home = sim_env_of(task->home);
    if (lane != NULL && --lane->pending == 0) {
        list_remove(&lane->link);
        mem_free(lane);
    }
    list_remove(&run->link);
    mem_free(run);
    task->msg.run = run_task_done;
    list_push_back(&home->inbox, &task->msg.link);
    wake_soon(home);
}

static void task_post(struct env *base, struct env_task *task)
{
    struct sim_env *env = sim_env_of(base);
    struct sim *sim = sim_of(env);
    struct process *process = env->process;
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, process, SIM_CALL_TASK_POST)) return;
    trace(sim, call.node, "task_post");
    task->home = base;
    struct task_run *run = MEM_NEW(struct task_run);
    run->event.run = task_event;
    run->process = process;
    run->task = task;
    run->lane = lane_get(process, task->lane);
    int64_t at_ns = sim_now_ns(sim) + latency_ns(sim, 5, 3000);
    if (run->lane != NULL) {
        run->lane->pending++;
        if (at_ns <= run->lane->last_run_ns) at_ns = run->lane->last_run_ns + 1;
        run->lane->last_run_ns = at_ns;
    }
    list_push_back(&process->tasks, &run->link);
    event_at(sim, &run->event, at_ns);
    (void)call_end(&call, OK);
}

// ---- asynchronous writes ----

static void run_write_done(struct env *env, struct env_msg *msg)
{
    struct env_write *write = CONTAINER_OF(msg, struct env_write, msg);
    write->done(env, write);
}

static void write_event(struct sim *sim, struct event *event)
{
    struct write_run *run = CONTAINER_OF(event, struct write_run, event);
    struct env_write *write = run->write;
    struct sim_env *env = run->env;
    if (!run->has_run) {
        struct call call;
        if (!call_begin(&call, env->process, SIM_CALL_WRITE_RUN)) return; // crashed: `run` is gone
        if (call.forced == OK && chance(sim, sim->options.faults.write_error_ppm)) call.forced = ERR_IO;
        enum err e =
            handle_write((struct handle *)write->file, &call, write->position, write->parts, write->part_count);
        bool crashed = call.crash_after;
        if (!crashed) write->result = e;
        (void)call_end(&call, e);
        if (crashed) return;
        run->has_run = true;
        event_at(sim, event, run->done_at_ns);
        return;
    }
    list_remove(&run->link);
    mem_free(run);
    write->msg.run = run_write_done;
    list_push_back(&env->inbox, &write->msg.link);
    wake_soon(env);
}

// Writes that touch the same bytes happen, and complete, in the order they were posted.
static void order_behind(struct write_run *run, const struct write_run *earlier)
{
    const struct env_write *a = earlier->write;
    const struct env_write *b = run->write;
    if (((struct handle *)a->file)->inode != ((struct handle *)b->file)->inode) return;
    if (a->position >= b->position + run->size || b->position >= a->position + earlier->size) return;
    if (run->run_at_ns <= earlier->run_at_ns) run->run_at_ns = earlier->run_at_ns + 1;
    if (run->done_at_ns <= earlier->done_at_ns) run->done_at_ns = earlier->done_at_ns + 1;
}

static void write_post(struct env *base, struct env_write *write)
{
    struct sim_env *env = sim_env_of(base);
    struct sim *sim = sim_of(env);
    struct process *process = env->process;
    struct call call;
    assert_on_loop(env);
    if (!call_begin(&call, process, SIM_CALL_WRITE)) return;
    struct write_run *run = MEM_NEW(struct write_run);
    run->event.run = write_event;
    run->env = env;
    run->write = write;
    for (int i = 0; i < write->part_count; i++) run->size += (int64_t)write->parts[i].iov_len;
    run->run_at_ns = sim_now_ns(sim) + latency_ns(sim, 1, 2000);
    run->done_at_ns = run->run_at_ns + latency_ns(sim, 1, 2000);
    LIST_EACH(item, &process->writes) order_behind(run, LIST_ITEM(item, struct write_run, link));
    if (run->done_at_ns <= run->run_at_ns) run->done_at_ns = run->run_at_ns + 1;
    trace(sim, call.node, "write file=%lld at=%lld size=%lld", (long long)((struct handle *)write->file)->inode->id,
          (long long)write->position, (long long)run->size);
    list_push_back(&process->writes, &run->link);
    event_at(sim, &run->event, run->run_at_ns);
    (void)call_end(&call, OK);
}

// ---- turns ----

// What the list holds now; what comes meanwhile waits.
static void run_messages(struct sim_env *env, struct list *from, const char *what)
{
    struct list batch;
    list_init(&batch);
    list_append_all(&batch, from);
    for (struct list *link = list_pop_front(&batch); link != NULL; link = list_pop_front(&batch)) {
        struct env_msg *msg = LIST_ITEM(link, struct env_msg, link);
        trace(sim_of(env), env->process->node, "%s", what);
        msg->run(&env->env, msg);
    }
}

// A timer set again from `fire` waits for a later turn even when its time has come.
static void run_timers(struct sim_env *env)
{
    int64_t until_ns = sim_of(env)->now_ns;
    uint64_t before = env->timers.next_sequence;
    for (;;) {
        struct heap_node *node = heap_min(&env->timers);
        if (node == NULL || node->key > until_ns || node->sequence >= before) return;
        heap_remove(&env->timers, node);
        struct env_timer *timer = CONTAINER_OF(node, struct env_timer, node);
        trace(sim_of(env), env->process->node, "timer");
        timer->fire(&env->env, timer);
    }
}

static void turn_body(void *context)
{
    struct sim_env *env = context;
    struct sim *sim = sim_of(env);
    // What was ready together comes in no promised order.
    int first = (int)sim_below(sim, FIRST_TIMES);
    for (int i = 0; i < FIRST_TIMES; i++) {
        int which = (first + i) % FIRST_TIMES;
        if (which == 0)
            run_messages(env, &env->inbox, "message");
        else if (which == 1)
            run_timers(env);
        else
            conn_run_ready(env);
    }
    conn_run_accepts(env);
    // Messages to oneself may run in the same turn or in the next; turn ends queued by turn ends belong to this turn.
    do {
        while (!list_is_empty(&env->turn_end)) run_messages(env, &env->turn_end, "turn end");
        if (!list_is_empty(&env->inbox) && sim_buggify(sim, 50)) run_messages(env, &env->inbox, "message");
    } while (!list_is_empty(&env->turn_end));
}

static void turn_event(struct sim *sim, struct event *event)
{
    struct sim_env *env = CONTAINER_OF(event, struct sim_env, turn);
    if (env->busy_until_ns > sim->now_ns) {
        event_at(sim, event, env->busy_until_ns);
        return;
    }
    bool finished = node_run(env->process->node, env->env.shard, turn_body, env);
    env->busy_until_ns = sim->now_ns + sim->cost_ns + 1;
    sim->cost_ns = 0;
    if (!finished) return;
    if (!list_is_empty(&env->inbox) || !list_is_empty(&env->ready) || !list_is_empty(&env->accepting)) wake_soon(env);
    struct heap_node *timer = heap_min(&env->timers);
    if (timer != NULL) env_wake(env, timer->key + latency_ns(sim, 1, 1000));
}

// ---- life ----

static void init_loop(struct process *process, struct sim_env *env, int shard, const struct env_ops *ops)
{
    env->process = process;
    env->turn.run = turn_event;
    list_init(&env->inbox);
    list_init(&env->turn_end);
    list_init(&env->ready);
    list_init(&env->accepting);
    env->env = (struct env){
        .ops = ops,
        .fs = &process->fs,
        .log = &process->log,
        .shard = shard,
        .shard_count = process->node->shards,
        .shards = process->envs,
    };
}

void process_start_loops(struct process *process)
{
    int count = process->node->shards;
    process->loops = mem_zalloc((size_t)count, sizeof(struct sim_env));
    process->envs = mem_zalloc((size_t)count, sizeof(struct env *));
    struct env_ops *ops = MEM_NEW(struct env_ops);
    *ops = (struct env_ops){
        .now_ns = now_ns,
        .wall_ms = wall_ms,
        .random = random_bytes,
        .post = post,
        .at_turn_end = at_turn_end,
        .timer_set = timer_set,
        .timer_cancel = timer_cancel,
        .task_post = task_post,
        .write = write_post,
    };
    conn_ops_fill(ops);
    for (int i = 0; i < count; i++) {
        init_loop(process, &process->loops[i], i, ops);
        process->envs[i] = &process->loops[i].env;
    }
}

// Nothing of the process happens any more; messages and timers are memory of the dead and are not touched.
void process_stop_loops(struct process *process)
{
    struct sim *sim = process->node->sim;
    for (int i = 0; i < process->node->shards; i++) {
        struct sim_env *env = &process->loops[i];
        event_cancel(sim, &env->turn);
        list_init(&env->inbox);
        list_init(&env->turn_end);
        heap_deinit(&env->timers);
    }
    LIST_EACH(item, &process->tasks)
    {
        struct task_run *run = LIST_ITEM(item, struct task_run, link);
        event_cancel(sim, &run->event);
        mem_free(run);
    }
    LIST_EACH(item, &process->writes)
    {
        struct write_run *run = LIST_ITEM(item, struct write_run, link);
        event_cancel(sim, &run->event);
        mem_free(run);
    }
    LIST_EACH(item, &process->lanes) mem_free(LIST_ITEM(item, struct lane, link));
    list_init(&process->tasks);
    list_init(&process->writes);
    list_init(&process->lanes);
}

void process_free_loops(struct process *process)
{
    mem_free((void *)process->loops[0].env.ops);
    mem_free(process->loops);
    mem_free(process->envs);
}
