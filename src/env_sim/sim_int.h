// SPDX-License-Identifier: Apache-2.0
// Private to src/env_sim. Everything here belongs to one thread.
//
// sim.c   event heap, virtual time, draws, trace           node.c  processes, call counting, crashes
// loop.c  turns, messages, timers, tasks, async writes     disk.c  pages and sizes: cached against durable
// names.c directory entries: current against durable       fs.c    fs_ops and file_ops over the two
// net.c   links: what travels between endpoints            conn.c  the env_ops of listeners and connections
#ifndef ODRADEK_ENV_SIM_SIM_INT_H
#define ODRADEK_ENV_SIM_SIM_INT_H

#include <setjmp.h>

#include "base/map.h"
#include "base/mem.h"
#include "env_sim/sim.h"

enum { IN_CALL = -1, IN_TASK = -2 }; // where code runs when not on a loop
enum { PAGE_SIZE = 4096, SECTOR_SIZE = 512, TRACE_LINE_SIZE = 240, NAME_SIZE_MAX = 256 };

// ---- the simulation ----

struct event {
    struct heap_node node; // key = virtual time in ns
    void (*run)(struct sim *sim, struct event *event);
};

struct sim {
    struct sim_options options;
    uint64_t draws;
    int64_t now_ns;
    int64_t cost_ns; // blocking time that the node code running now has spent so far
    struct heap events;
    struct sim_node **nodes;
    int node_count;
    struct list links;     // struct link
    struct list graveyard; // struct link whose endpoints dead code may still point to
    int64_t next_link_id;
    struct sim_node *running; // whose code is on the stack; NULL = the scheduler or the test
    int running_shard;        // or IN_TASK, IN_CALL
    jmp_buf *escape;          // where a crash of `running` goes
    bool lying_fsync;
    uint64_t trace_hash;
    int64_t trace_count;
    char trace_lines[SIM_TRACE_KEPT][TRACE_LINE_SIZE];
    struct sim_stats stats;
};

// Earlier of the planned time and `at_ns` wins when already planned.
void event_at(struct sim *sim, struct event *event, int64_t at_ns);
void event_cancel(struct sim *sim, struct event *event);
bool chance(struct sim *sim, int ppm);
// A latency between the two, mostly near the lower one.
int64_t latency_ns(struct sim *sim, int64_t low_us, int64_t high_us);
// Blocks the running code for a seeded while.
void spend(struct sim *sim, int64_t low_us, int64_t high_us);
void trace(struct sim *sim, const struct sim_node *node, const char *format, ...) PRINTF_LIKE(3, 4);
uint32_t checksum(const struct iovec *parts, int part_count, size_t size);

// ---- disk ----

// `now` is what a read sees, `durable` what a power cut cannot take. NULL = zeros. The two share memory when equal.
// Clean and different happens only after a failed sync.
struct page {
    uint8_t *now;
    uint8_t *durable;
    bool dirty;
    bool charged; // counts against the capacity
};

struct inode {
    struct list link; // disk.inodes
    int64_t id;       // in order of creation
    enum file_kind kind;
    int refs; // name states and open handles
    int64_t size;
    int64_t durable_size;
    int64_t *sizes; // what the size was in between, since the last sync
    int size_count;
    int64_t mtime_ms;
    int64_t durable_mtime_ms;
    struct page *pages;
    size_t page_count;
    size_t dirty_from; // pages [dirty_from, dirty_to) hold all that differ
    size_t dirty_to;
    int64_t lock_pid;    // of another process; 0 = none
    bool is_locked;      // by one of our handles
    struct list entries; // struct name, directories only, in order of creation
    struct map by_name;
};

// What one name meant at one moment. A rename makes one state at either name; both have the same `op`.
struct name_state {
    struct inode *inode; // NULL = no such name
    uint64_t op;
    struct name *peer; // the rename's other name, NULL otherwise
};

// states[0] is durable, the last is current; a power cut picks any one of them.
struct name {
    struct list link; // in the directory's entries
    struct map_link by_name;
    struct inode *dir;
    char *text;
    struct name_state *states;
    int state_count;
    int chosen; // power cut only
};

struct disk {
    struct sim *sim;
    struct sim_node *node;
    struct list inodes;
    struct inode *root;
    int64_t next_id;
    uint64_t next_op;
    int64_t capacity_bytes; // 0 = no limit
    int64_t used_pages;
    bool is_read_only;
    int64_t delay_ns;       // of every call in a task
    bool keep_unreferenced; // while a power cut is being worked out
};

void disk_init(struct disk *disk, struct sim *sim, struct sim_node *node, int64_t capacity_bytes);
void disk_deinit(struct disk *disk);
// Decides what survived; afterwards cached = durable everywhere.
void disk_power_cut(struct disk *disk);
struct inode *inode_new(struct disk *disk, enum file_kind kind);
struct inode *inode_ref(struct inode *inode);
void inode_unref(struct disk *disk, struct inode *inode);
void inode_read(const struct inode *inode, int64_t position, void *to, size_t size);
// Writes at most `limit` bytes; *written tells how many before ERR_NO_SPACE.
enum err inode_write(struct disk *disk, struct inode *inode, int64_t position, const struct iovec *parts,
                     int part_count, size_t limit, size_t *written);
void inode_truncate(struct disk *disk, struct inode *inode, int64_t size);
void inode_allocate(struct disk *disk, struct inode *inode, int64_t from, int64_t size);
void inode_sync(struct inode *inode);
void inode_sync_part(struct disk *disk, struct inode *inode, size_t from_page, size_t to_page, int percent);
void inode_sync_fail(struct disk *disk, struct inode *inode);
void inode_power_cut(struct disk *disk, struct inode *inode, int mode);

// The parent directory of `path` and its last component. ERR_NOT_FOUND, ERR_INVALID.
enum err name_resolve(struct disk *disk, const char *path, struct inode **dir, char last[NAME_SIZE_MAX]);
// NULL when there is none now.
struct inode *name_lookup(const struct inode *dir, const char *text);
enum err name_find_path(struct disk *disk, const char *path, struct inode **out);
void name_set(struct disk *disk, struct inode *dir, const char *text, struct inode *inode);
void name_move(struct disk *disk, struct inode *from_dir, const char *from, struct inode *to_dir, const char *to);
bool name_dir_is_empty(const struct inode *dir);
void name_sync_dir(struct disk *disk, struct inode *dir);
void name_free_all(struct disk *disk, struct inode *dir);
void name_power_cut(struct disk *disk, int mode);

// ---- nodes ----

struct sim_env {
    struct env env;
    struct process *process;
    struct event turn;
    int64_t busy_until_ns;
    struct list inbox;    // env_msg
    struct list turn_end; // env_msg
    struct heap timers;
    struct list ready;        // endpoint.ready: something may have to be told
    struct list accepting;    // listener.ready
    struct endpoint *current; // whose handler runs; conn_close of it clears this
};

// One life of a node's process. Kept, dead, until sim_free.
struct process {
    struct list link;
    struct sim_node *node;
    bool alive;
    struct fs fs;
    struct log log;
    struct sim_env *loops;
    struct env **envs;
    struct list handles; // struct handle
    struct list tasks;   // struct task_run
    struct list writes;  // struct write_run
    struct list lanes;   // struct lane
};

struct sim_node {
    struct sim *sim;
    int index;
    char *name;
    char address[ADDRESS_TEXT_SIZE];
    int shards;
    int64_t wall_skew_ms;
    struct disk disk;
    struct process *process; // NULL while down
    bool powered;            // the kernel runs: it answers for a dead process
    struct list processes;   // all lives
    struct list listeners;   // struct listener
    int next_port;
    int64_t calls[SIM_CALL_KINDS];
    enum sim_call crash_kind;
    int64_t crash_left; // 0 = not armed
    enum sim_crash crash_how;
    enum sim_call fail_kind;
    int64_t fail_left;
    enum err fail_with;
    bool *cut_to; // by node index: nothing we send gets there
    int64_t *extra_delay_ns;
    int peer_capacity; // of the two arrays
};

struct handle {
    struct file file;
    struct list link;
    struct process *process;
    struct inode *inode; // NULL when dead
    unsigned flags;
    bool has_lock;
};

// One call through env.h, between call_begin and call_end.
struct call {
    struct sim_node *node;
    enum err forced; // not OK: fail with this and do nothing
    bool midway;     // do a part; the crash comes at call_end
    bool crash_after;
};

// False: the process is dead (or died here): return ERR_IO or nothing, touching nothing.
bool call_begin(struct call *call, struct process *process, enum sim_call kind);
// The call's result; the armed crash happens here.
enum err call_end(struct call *call, enum err result);
// Runs `body` as code of the node; false when the node crashed inside.
bool node_run(struct sim_node *node, int shard, void (*body)(void *context), void *context);

// Aborts when code of another loop, or a task, uses what belongs to this loop.
void assert_on_loop(const struct sim_env *env);

void process_start_loops(struct process *process);
void process_stop_loops(struct process *process);
void process_free_loops(struct process *process);
void process_drop_handles(struct process *process);
void process_free_handles(struct process *process);
void env_wake(struct sim_env *env, int64_t at_ns);
void fs_init(struct fs *fs);
enum err handle_write(struct handle *handle, struct call *call, int64_t position, const struct iovec *parts,
                      int part_count);

// ---- network ----

struct segment {
    struct segment *next;
    int64_t upto; // position in the stream after it
    int64_t at_ns;
    bool fin;
};

// The bytes one endpoint writes to the other: consumed <= arrived <= written, acked <= consumed.
struct pipe {
    struct link *owner;
    int writer; // side
    uint8_t *ring;
    int capacity;
    int64_t written;
    int64_t arrived;
    int64_t consumed;
    int64_t acked; // what the writer knows of `consumed`: room = capacity - (written - acked)
    struct segment *first;
    struct segment *last;
    struct event deliver;
    struct event ack;
    int64_t last_at_ns;
    bool fin_sent;
    bool fin_arrived;
    bool data_stalled;
    bool ack_stalled;
};

enum end_state { END_CONNECTING, END_OPEN, END_RESET, END_CLOSED };

struct endpoint {
    struct env_conn conn;
    struct link *owner;
    int side; // 0 connected, 1 accepted
    enum end_state state;
    struct sim_node *node;
    struct process *process; // NULL at the far end before the connect arrived
    struct sim_env *env;     // NULL until a loop owns it
    struct list ready;
    struct list waiting; // in listener.queue
    unsigned want;
    bool told;      // on_closed was called
    bool announced; // on_writable told that an outgoing one is connected
    enum err why;
    int local_port;
    char peer[ADDRESS_TEXT_SIZE];
    struct event timeout;
    struct event reset; // a reset on its way to us
};

struct link {
    struct list link; // sim.links or sim.graveyard
    struct sim *sim;
    int64_t id;
    struct endpoint end[2];
    struct pipe pipe[2]; // [s] is written by end[s]
    struct event handshake;
    int64_t connect_deadline_ns;
    bool answered;  // the far end said yes, which is on its way back
    bool refused;   // or no
    bool abandoned; // a dead process may hold pointers to it
};

struct listener {
    struct list link; // node.listeners
    struct list ready;
    struct sim_env *env;
    void (*accepted)(struct env *env, void *context, struct env_socket *socket);
    void *context;
    int port;
    bool loopback_only;
    int backlog;
    int queued;
    struct list queue; // endpoint.waiting
};

struct sim_node *net_find_node(struct sim_node *from, const char *host);
struct link *sim_net_connect(struct process *process, const char *host, int port);
void net_touch(struct endpoint *end); // tell its loop to have a look
size_t net_room(const struct endpoint *end);
size_t net_put(struct endpoint *end, const void *bytes, size_t size); // into the ring only
void net_push(struct endpoint *end, bool fin);                        // sends what was put
size_t net_take(struct endpoint *end, void *to, size_t size);
void net_close(struct endpoint *end);       // may free the link
void net_fault_reset(struct endpoint *end); // ours now, the peer hears of it
void net_process_gone(struct process *process, enum sim_crash kind);
void net_node_back(struct sim_node *node);
void net_free_all(struct sim *sim);
void listener_free(struct listener *listener);
bool listener_offer(struct listener *listener, struct endpoint *end);
void conn_ops_fill(struct env_ops *ops);
void conn_run_ready(struct sim_env *env);
void conn_run_accepts(struct sim_env *env);

#endif
