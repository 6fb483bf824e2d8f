// SPDX-License-Identifier: Apache-2.0
// The simulated world behind env/env.h: several nodes in one process and one thread, virtual time, a disk that loses
// what was not synced, a network that delays, chunks, cuts and resets. One seed decides everything: the same seed and
// the same program give the same sim_trace_hash with every compiler.
//
// A test's shape:
//     struct sim_options options = sim_options_default(seed);
//     struct sim *sim = sim_new(&options);
//     struct sim_node *node = sim_node_new(sim, "node1", 2);
//     sim_node_call(node, boot, &broker);                 // the node's main(): open files, listen, post messages
//     sim_run_until(sim, is_ready, &broker, 10000);
//     sim_node_crash(node, SIM_POWER_CUT);                // or armed: sim_crash_at_call(node, SIM_CALL_ANY, k, ...)
//     sim_node_restart(node);                             // fresh loops and fs over what the disk kept
//     sim_free(sim);
//
// Crashing. The process under test stops where it stands: no callback, no clean-up code runs, its memory is
// abandoned. When the node's code is running inside the simulator (a step, a task, sim_node_call) the stack is left by
// longjmp; what it allocated leaks (set options.ignore_leaks, or allocate from arenas that the test frees). When a test
// calls fs_* and file_* directly, nothing can be unwound: the call during which the node crashed, and every later one
// through the old fs, env and file pointers, fails with ERR_IO and changes nothing, so plain code returns and
// frees as usual. Old pointers stay valid, though dead, until sim_free; file_unref and conn_close are always allowed.
#ifndef ODRADEK_ENV_SIM_SIM_H
#define ODRADEK_ENV_SIM_SIM_H

#include "env/env.h"

struct sim;
struct sim_node;

// ---- options ---------------------------------------------------------------------------------------------------

// Chances in parts per million per call; 0 = never. Disk faults hit every node, network faults only traffic between
// different nodes.
struct sim_faults {
    int read_error_ppm;   // pread, try_pread: ERR_IO
    int write_error_ppm;  // pwritev and async write: ERR_IO after a seeded prefix was written
    int sync_error_ppm;   // file_sync: ERR_IO, and the dirty pages are lost though they read back (README: fsyncgate)
    int name_error_ppm;   // open, rename, unlink, mkdir, rmdir, sync_dir...: ERR_IO, nothing done
    int disk_slow_ppm;    // an operation takes 100 times its usual latency
    int try_again_ppm;    // try_pread: ERR_AGAIN
    int short_read_ppm;   // try_pread: a short read before the end of the file
    int writeback_ppm;    // per pwritev: the kernel writes some dirty pages of that file back early, by itself
    int net_reset_ppm;    // per send: the connection is reset instead
    int net_stall_ppm;    // per segment: it arrives up to 2 s late
    int connect_fail_ppm; // per connect: refused
};

struct sim_options {
    uint64_t seed;
    struct sim_faults faults;
    int64_t disk_capacity_bytes; // per node; 0 = no limit
    int socket_buffer_bytes;     // per direction; 0 = seeded per connection, 2 to 64 KiB
    int net_delay_us_min;        // one way, between nodes and on loopback alike
    int net_delay_us_max;
    int tcp_timeout_ms;          // unacknowledged bytes behind a cut, and connects nobody answers, fail after this
    int64_t wall_start_ms;       // Unix time at virtual time 0
    int wall_skew_ms_max;        // each node's wall clock is off by a seeded amount within +-this
    enum log_level log_level;    // the nodes' log lines from here up go into the trace (and its hash)
    bool blocking_allowed;       // else a blocking file call on a loop aborts: it belongs in a task
    bool ignore_leaks;           // LeakSanitizer ignores what node code allocates inside the simulator
    void (*trace)(void *context, const char *line); // every trace line as it happens; may be NULL
    void *trace_context;
};

// No faults but try_pread's ERR_AGAIN (5%), short reads and early writeback, i.e. what a healthy machine does too;
// moderate latencies, 10 s TCP timeout, log level INFO.
struct sim_options sim_options_default(uint64_t seed);
// The same with every rate drawn from the seed, each between 0 and "often"; capacity stays unlimited.
struct sim_options sim_options_chaos(uint64_t seed);

// ---- the simulation --------------------------------------------------------------------------------------------

struct sim *sim_new(const struct sim_options *options);
void sim_free(struct sim *sim); // NULL is a no-op

// Runs one event: a loop's turn, a task, a write, a network arrival. False when nothing is left to happen.
bool sim_step(struct sim *sim);
// Steps until `reached(context)`, checked before the first and after every step; false when max_ms of virtual time
// went by first, or nothing is left. NULL `reached` = just let max_ms go by. Time ends at the limit if not reached.
bool sim_run_until(struct sim *sim, bool (*reached)(void *context), void *context, int64_t max_ms);
int64_t sim_now_ns(struct sim *sim);

// Changes the rates from now on; a zeroed struct heals all but cut links and dead nodes.
void sim_set_faults(struct sim *sim, const struct sim_faults *faults);

// Draws from the simulation's own seed, for workloads and checkers. `limit` > 0: [0, limit).
uint64_t sim_random(struct sim *sim);
int64_t sim_below(struct sim *sim, int64_t limit);
// True in `percent` of the calls: makes rare branches of the code under test common.
bool sim_buggify(struct sim *sim, int percent);

// ---- trace -----------------------------------------------------------------------------------------------------

// Over everything that happened so far: time, node, kind, arguments, bytes written and sent, log lines.
uint64_t sim_trace_hash(struct sim *sim);
// A line of the test's own, hashed like all others.
void sim_trace(struct sim *sim, const char *format, ...) PRINTF_LIKE(2, 3);
enum { SIM_TRACE_KEPT = 40 };
// The last SIM_TRACE_KEPT lines, oldest first, without newline.
void sim_trace_last(struct sim *sim, void (*each)(void *context, const char *line), void *context);

// ---- nodes -----------------------------------------------------------------------------------------------------

// A machine of its own: disk, network address, one process with `shards` loops. Reached from other nodes by `name`
// or by sim_node_address; "127.0.0.1", "localhost" and "::1" are the node itself.
struct sim_node *sim_node_new(struct sim *sim, const char *name, int shards);
const char *sim_node_name(const struct sim_node *node);
const char *sim_node_address(const struct sim_node *node); // "10.0.0.1" for the first node
bool sim_node_is_up(const struct sim_node *node);
// Of the process that runs now; NULL while the node is down. Asked again after a restart: they are new ones.
struct env **sim_node_envs(struct sim_node *node);
struct env *sim_node_env(struct sim_node *node, int shard);
struct fs *sim_node_fs(struct sim_node *node);

// Runs `run` at once as code of the node (its main thread before the loops start, say). False when the node crashed
// inside: then `run` was left in the middle. Also false, without running it, when the node is down.
bool sim_node_call(struct sim_node *node, void (*run)(void *context), void *context);

// ---- crashes ---------------------------------------------------------------------------------------------------

enum sim_crash {
    SIM_PROCESS_KILL, // kill -9: the page cache survives, peers see a reset (or an end, seeded)
    SIM_POWER_CUT,    // unsynced pages, sizes and directory entries are each kept, dropped or torn; peers see silence
};

// No-op when down. From code of that very node it does not return (see above).
void sim_node_crash(struct sim_node *node, enum sim_crash kind);
// The node must be down. sim_node_envs and sim_node_fs are new from here.
void sim_node_restart(struct sim_node *node);

// Every kind of call through env.h. Kinds behind SIM_CALL_COUNTED only look: they are counted, but not by ANY.
enum sim_call {
    SIM_CALL_ANY, // any kind before SIM_CALL_COUNTED
    SIM_CALL_OPEN, SIM_CALL_RENAME, SIM_CALL_UNLINK, SIM_CALL_MKDIR, SIM_CALL_RMDIR, SIM_CALL_LIST,
    SIM_CALL_SYNC_DIR, SIM_CALL_SET_MTIME, SIM_CALL_CHMOD, SIM_CALL_LOCK,
    SIM_CALL_PREAD, SIM_CALL_TRY_PREAD, SIM_CALL_PWRITEV, SIM_CALL_SYNC, SIM_CALL_TRUNCATE, SIM_CALL_ALLOCATE,
    SIM_CALL_WRITEBACK, SIM_CALL_CLOSE,
    SIM_CALL_POST, SIM_CALL_AT_TURN_END, SIM_CALL_TIMER_SET, SIM_CALL_TIMER_CANCEL, SIM_CALL_TASK_POST,
    SIM_CALL_WRITE,     // env_write_post
    SIM_CALL_WRITE_RUN, // not a call: the instant an asynchronous write reaches the page cache
    SIM_CALL_LISTEN, SIM_CALL_LISTENER_CLOSE, SIM_CALL_SOCKET_CLOSE, SIM_CALL_CONN_OPEN, SIM_CALL_CONNECT,
    SIM_CALL_CONN_WANT, SIM_CALL_CONN_RECV, SIM_CALL_CONN_SEND, SIM_CALL_CONN_SENDFILE, SIM_CALL_CONN_CLOSE,
    SIM_CALL_COUNTED,
    SIM_CALL_STAT, SIM_CALL_SPACE, SIM_CALL_FILE_STAT, SIM_CALL_CLOCK, SIM_CALL_RANDOM,
    SIM_CALL_KINDS,
};
const char *sim_call_name(enum sim_call kind); // "pwritev"

// Crashes the node at its `count`-th call of `kind` from now (1 = the next one): seeded before its effect, after it,
// or, where a call has a middle (pwritev, sync), with a part of it done. Replaces what was armed before; count 0
// disarms; a crash disarms.
void sim_crash_at_call(struct sim_node *node, enum sim_call kind, int64_t count, enum sim_crash crash);
// Makes the `count`-th call of `kind` from now fail with `error` (only calls that return enum err, and WRITE_RUN);
// a failing sync loses its dirty pages. count 0 disarms.
void sim_fail_at_call(struct sim_node *node, enum sim_call kind, int64_t count, enum err error);
// Calls of the node so far, over all its lives: run once to learn the number, then crash at each.
int64_t sim_calls(const struct sim_node *node, enum sim_call kind);

// ---- disk ------------------------------------------------------------------------------------------------------
// What survives a power cut is specified in README.md ("The disk").

// Canary: file_sync says OK and does nothing. A test of durability must fail then.
void sim_set_lying_fsync(struct sim *sim, bool lying);
void sim_set_disk_capacity(struct sim_node *node, int64_t capacity_bytes);
// The file system takes no changes any more, as after a kernel's remount: ERR_READ_ONLY, also from a sync of what is
// still dirty. A restart of the node does not mend it.
void sim_set_read_only(struct sim_node *node, bool is_read_only);
// Every file call inside a task takes this much longer: a disk that hangs. Calls on a loop go on at their usual pace.
void sim_set_disk_delay(struct sim_node *node, int64_t delay_ms);
// Bit rot: flips `mask` in one byte, on disk and in cache alike. ERR_NOT_FOUND; ERR_INVALID behind the end.
MUST_CHECK enum err sim_corrupt(struct sim_node *node, const char *path, int64_t position, uint8_t mask);
// Another process holds (pid > 0) or lets go (0) the lock on a file, which is created when missing.
void sim_hold_lock(struct sim_node *node, const char *path, int64_t pid);

// ---- network ---------------------------------------------------------------------------------------------------

// One way: nothing that `from` sends reaches `to`, acknowledgements included. Connections wait, then time out.
void sim_cut(struct sim_node *from, struct sim_node *to);
void sim_heal(struct sim_node *from, struct sim_node *to);
void sim_cut_both(struct sim_node *a, struct sim_node *b);
void sim_heal_all(struct sim *sim);
// Adds to every one-way delay of the path; 0 = as usual.
void sim_set_extra_delay(struct sim_node *from, struct sim_node *to, int64_t delay_ms);
// Resets every connection between the two, seen by both.
void sim_reset_conns(struct sim_node *a, struct sim_node *b);

// ---- figures ---------------------------------------------------------------------------------------------------

struct sim_stats {
    int64_t calls[SIM_CALL_KINDS]; // over all nodes
    int64_t events;
    int64_t process_kills;
    int64_t power_cuts;
    int64_t pages_kept; // unsynced 4 KiB pages at power cuts
    int64_t pages_dropped;
    int64_t pages_torn;
    int64_t names_kept; // unsynced directory changes at power cuts
    int64_t names_dropped;
    int64_t bytes_written;
    int64_t bytes_sent;
    int64_t conns_reset; // by faults
};
struct sim_stats sim_stats(const struct sim *sim);

#endif
