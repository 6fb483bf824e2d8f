// SPDX-License-Identifier: Apache-2.0
// Nodes and the lives of their processes; counting of calls, armed crashes and failures.
#include <stdio.h>
#include <string.h>

#include "env_sim/sim_int.h"

// Present only in programs built with LeakSanitizer.
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

static const char *const call_names[SIM_CALL_KINDS] = {
    [SIM_CALL_ANY] = "any",
    [SIM_CALL_OPEN] = "open",
    [SIM_CALL_RENAME] = "rename",
    [SIM_CALL_UNLINK] = "unlink",
    [SIM_CALL_MKDIR] = "mkdir",
    [SIM_CALL_RMDIR] = "rmdir",
    [SIM_CALL_LIST] = "list",
    [SIM_CALL_SYNC_DIR] = "sync_dir",
    [SIM_CALL_SET_MTIME] = "set_mtime",
    [SIM_CALL_CHMOD] = "chmod",
    [SIM_CALL_LOCK] = "lock",
    [SIM_CALL_PREAD] = "pread",
    [SIM_CALL_TRY_PREAD] = "try_pread",
    [SIM_CALL_PWRITEV] = "pwritev",
    [SIM_CALL_SYNC] = "sync",
    [SIM_CALL_TRUNCATE] = "truncate",
    [SIM_CALL_ALLOCATE] = "allocate",
    [SIM_CALL_WRITEBACK] = "writeback",
    [SIM_CALL_CLOSE] = "close",
    [SIM_CALL_POST] = "post",
    [SIM_CALL_AT_TURN_END] = "at_turn_end",
    [SIM_CALL_TIMER_SET] = "timer_set",
    [SIM_CALL_TIMER_CANCEL] = "timer_cancel",
    [SIM_CALL_TASK_POST] = "task_post",
    [SIM_CALL_WRITE] = "write",
    [SIM_CALL_WRITE_RUN] = "write_run",
    [SIM_CALL_LISTEN] = "listen",
    [SIM_CALL_LISTENER_CLOSE] = "listener_close",
    [SIM_CALL_SOCKET_CLOSE] = "socket_close",
    [SIM_CALL_CONN_OPEN] = "conn_open",
    [SIM_CALL_CONNECT] = "connect",
    [SIM_CALL_CONN_WANT] = "conn_want",
    [SIM_CALL_CONN_RECV] = "conn_recv",
    [SIM_CALL_CONN_SEND] = "conn_send",
    [SIM_CALL_CONN_SENDFILE] = "conn_sendfile",
    [SIM_CALL_CONN_CLOSE] = "conn_close",
    [SIM_CALL_COUNTED] = "-",
    [SIM_CALL_STAT] = "stat",
    [SIM_CALL_SPACE] = "space",
    [SIM_CALL_FILE_STAT] = "file_stat",
    [SIM_CALL_CLOCK] = "clock",
    [SIM_CALL_RANDOM] = "random",
};

const char *sim_call_name(enum sim_call kind)
{
    return call_names[kind];
}

// ---- processes ----

static void write_log(struct log *log, enum log_level level, const char *component, const char *line)
{
    struct sim_node *node = log->context;
    trace(node->sim, node, "log %s %s: %s", log_level_name(level), component, line);
}

static void start_process(struct sim_node *node)
{
    struct process *process = MEM_NEW(struct process);
    process->node = node;
    process->alive = true;
    process->log = (struct log){.level = node->sim->options.log_level, .write = write_log, .context = node};
    list_init(&process->handles);
    list_init(&process->tasks);
    list_init(&process->writes);
    list_init(&process->lanes);
    fs_init(&process->fs);
    process_start_loops(process);
    list_push_back(&node->processes, &process->link);
    node->process = process;
    node->powered = true;
}

static void grow_peers(struct sim *sim)
{
    for (int i = 0; i < sim->node_count; i++) {
        struct sim_node *node = sim->nodes[i];
        size_t count = (size_t)sim->node_count;
        node->cut_to = mem_realloc(node->cut_to, count * sizeof(*node->cut_to));
        node->extra_delay_ns = mem_realloc(node->extra_delay_ns, count * sizeof(*node->extra_delay_ns));
        for (; node->peer_capacity < sim->node_count; node->peer_capacity++) {
            node->cut_to[node->peer_capacity] = false;
            node->extra_delay_ns[node->peer_capacity] = 0;
        }
    }
}

struct sim_node *sim_node_new(struct sim *sim, const char *name, int shards)
{
    ASSERT(sim->running == NULL && shards > 0);
    struct sim_node *node = MEM_NEW(struct sim_node);
    node->sim = sim;
    node->index = sim->node_count;
    node->shards = shards;
    node->next_port = 40000;
    size_t size = strlen(name) + 1;
    node->name = memcpy(mem_alloc(size), name, size);
    snprintf(node->address, sizeof(node->address), "10.0.%d.%d", (node->index + 1) / 256, (node->index + 1) % 256);
    int skew = sim->options.wall_skew_ms_max;
    if (skew > 0) node->wall_skew_ms = sim_below(sim, 2 * (int64_t)skew + 1) - skew;
    list_init(&node->processes);
    list_init(&node->listeners);
    disk_init(&node->disk, sim, node, sim->options.disk_capacity_bytes);
    sim->nodes = mem_realloc(sim->nodes, (size_t)(sim->node_count + 1) * sizeof(struct sim_node *));
    sim->nodes[sim->node_count++] = node;
    grow_peers(sim);
    start_process(node);
    trace(sim, node, "new shards=%d", shards);
    return node;
}

const char *sim_node_name(const struct sim_node *node)
{
    return node->name;
}

const char *sim_node_address(const struct sim_node *node)
{
    return node->address;
}

bool sim_node_is_up(const struct sim_node *node)
{
    return node->process != NULL;
}

struct env **sim_node_envs(struct sim_node *node)
{
    return node->process == NULL ? NULL : node->process->envs;
}

struct env *sim_node_env(struct sim_node *node, int shard)
{
    ASSERT(shard >= 0 && shard < node->shards);
    return node->process == NULL ? NULL : node->process->envs[shard];
}

struct fs *sim_node_fs(struct sim_node *node)
{
    return node->process == NULL ? NULL : &node->process->fs;
}

static void free_node(struct sim_node *node)
{
    LIST_EACH(item, &node->processes)
    {
        struct process *process = LIST_ITEM(item, struct process, link);
        process_stop_loops(process);
        process_free_loops(process);
        process_free_handles(process);
        mem_free(process);
    }
    LIST_EACH(item, &node->listeners) listener_free(LIST_ITEM(item, struct listener, link));
    disk_deinit(&node->disk);
    mem_free(node->cut_to);
    mem_free(node->extra_delay_ns);
    mem_free(node->name);
    mem_free(node);
}

void sim_free(struct sim *sim)
{
    if (sim == NULL) return;
    ASSERT(sim->running == NULL);
    net_free_all(sim);
    for (int i = 0; i < sim->node_count; i++) free_node(sim->nodes[i]);
    mem_free(sim->nodes);
    heap_deinit(&sim->events);
    mem_free(sim);
}

// ---- running the node's code ----

bool node_run(struct sim_node *node, int shard, void (*body)(void *context), void *context)
{
    struct sim *sim = node->sim;
    ASSERT(sim->running == NULL); // node code never runs inside node code
    bool leaks_ignored = sim->options.ignore_leaks && __lsan_disable != NULL && __lsan_enable != NULL;
    volatile bool finished = false;
    jmp_buf escape;
    sim->running = node;
    sim->running_shard = shard;
    sim->escape = &escape;
    sim->cost_ns = 0;
    if (leaks_ignored) __lsan_disable();
    if (setjmp(escape) == 0) {
        body(context);
        finished = true;
    }
    if (sim->options.ignore_leaks && __lsan_disable != NULL && __lsan_enable != NULL) __lsan_enable();
    sim->running = NULL;
    sim->escape = NULL;
    return finished;
}

bool sim_node_call(struct sim_node *node, void (*run)(void *context), void *context)
{
    struct process *process = node->process;
    if (process == NULL) return false;
    bool finished = node_run(node, IN_CALL, run, context);
    for (int i = 0; finished && i < node->shards; i++) {
        struct sim_env *env = &process->loops[i];
        env->busy_until_ns = node->sim->now_ns + node->sim->cost_ns;
    }
    node->sim->cost_ns = 0;
    return finished;
}

// ---- crashes ----

void sim_node_crash(struct sim_node *node, enum sim_crash kind)
{
    struct process *process = node->process;
    struct sim *sim = node->sim;
    if (process == NULL) return;
    trace(sim, node, kind == SIM_POWER_CUT ? "power cut" : "process kill");
    node->process = NULL;
    node->crash_left = 0;
    process->alive = false;
    node->powered = kind == SIM_PROCESS_KILL;
    process_stop_loops(process);
    net_process_gone(process, kind);
    process_drop_handles(process);
    if (kind == SIM_POWER_CUT) {
        sim->stats.power_cuts++;
        disk_power_cut(&node->disk);
    } else {
        sim->stats.process_kills++;
    }
    if (sim->running == node) longjmp(*sim->escape, 1);
}

void sim_node_restart(struct sim_node *node)
{
    ASSERT(node->process == NULL);
    start_process(node);
    trace(node->sim, node, "restart");
    net_node_back(node);
}

void sim_crash_at_call(struct sim_node *node, enum sim_call kind, int64_t count, enum sim_crash crash)
{
    ASSERT(kind != SIM_CALL_COUNTED && count >= 0);
    node->crash_kind = kind;
    node->crash_left = count;
    node->crash_how = crash;
}

void sim_fail_at_call(struct sim_node *node, enum sim_call kind, int64_t count, enum err error)
{
    ASSERT(kind != SIM_CALL_COUNTED && count >= 0 && error != OK);
    node->fail_kind = kind;
    node->fail_left = count;
    node->fail_with = error;
}

int64_t sim_calls(const struct sim_node *node, enum sim_call kind)
{
    return node->calls[kind];
}

static bool counts_down(enum sim_call armed, enum sim_call kind, int64_t *left)
{
    if (*left == 0) return false;
    if (armed != kind && !(armed == SIM_CALL_ANY && kind < SIM_CALL_COUNTED)) return false;
    return --*left == 0;
}

bool call_begin(struct call *call, struct process *process, enum sim_call kind)
{
    if (!process->alive) return false;
    struct sim_node *node = process->node;
    *call = (struct call){.node = node};
    node->calls[kind]++;
    if (kind < SIM_CALL_COUNTED) node->calls[SIM_CALL_ANY]++;
    if (counts_down(node->fail_kind, kind, &node->fail_left)) call->forced = node->fail_with;
    if (!counts_down(node->crash_kind, kind, &node->crash_left)) return true;
    int64_t where = sim_below(node->sim, 3);
    static const char *const places[] = {"before", "in", "after"};
    trace(node->sim, node, "crash %s %s #%lld", places[where], call_names[kind], (long long)node->calls[kind]);
    if (where == 0) {
        sim_node_crash(node, node->crash_how);
        return false;
    }
    call->midway = where == 1;
    call->crash_after = true;
    return true;
}

enum err call_end(struct call *call, enum err result)
{
    if (!call->crash_after) return result;
    sim_node_crash(call->node, call->node->crash_how);
    return ERR_IO;
}
