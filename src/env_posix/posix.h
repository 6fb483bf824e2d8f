// SPDX-License-Identifier: Apache-2.0
// env/env.h answered by a Linux kernel: one epoll loop per shard, a pool of task threads, one fs.
// Everything else of the product reaches system calls and threads through env.h; this header is for whoever owns the
// process: main and the command-line tools.
#ifndef ODRADEK_ENV_POSIX_POSIX_H
#define ODRADEK_ENV_POSIX_POSIX_H

#include "env/env.h"

struct posix_node;

enum { POSIX_SHARDS_MAX = 64, POSIX_TASK_THREADS_DEFAULT = 4, POSIX_SLOW_MS_DEFAULT = 5000 };

struct posix_options {
    int shards;       // 1 to POSIX_SHARDS_MAX
    int slow_ms;      // a blocking call is named in the log when it takes longer; 0 = POSIX_SLOW_MS_DEFAULT
    int task_threads; // 0 = POSIX_TASK_THREADS_DEFAULT; they start with the first task
    struct log *log;  // may be NULL; stays the caller's and must outlive the node
};

// The loops exist but do not run: listening, timers, messages and tasks may be set up on the calling thread.
// ERR_IO when the kernel refuses a descriptor.
MUST_CHECK enum err posix_node_new(const struct posix_options *options, struct posix_node **out);
// envs[0 .. *count-1]; owned by the node.
struct env **posix_node_envs(struct posix_node *node, int *count);
struct fs *posix_node_fs(struct posix_node *node);
// Shard 0 on the calling thread, every other on its own; returns after posix_node_stop, when all loops have left
// their turn and every task posted so far has run (its `done` has not). Until posix_node_free the calling thread may
// then use every env to close what is still open.
void posix_node_run(struct posix_node *node);
// Any thread, and a signal handler too. Loops end their turn and leave.
void posix_node_stop(struct posix_node *node);
// Joins the task threads and closes every connection and listener still open, without callbacks. NULL is a no-op.
void posix_node_free(struct posix_node *node);

// For tools with one loop: turns until `done` says true (asked before the first and after every turn) or
// posix_node_stop. True when `done` ended it. Must be the node's only shard.
bool posix_run_until(struct env *env, bool (*done)(void *context), void *context);

// Delivers `signo` as an event of the loop from now on (signalfd); blocks it in the calling thread, and threads of the
// node never take signals, so call it before the process starts threads of its own. Replaces an earlier callback.
void posix_signal(struct env *env, int signo, void (*callback)(struct env *env, int signo, void *context),
                  void *context);

// Raises the soft limit of open files to the hard one; returns the limit now in force.
int64_t posix_raise_nofile(void);
// Online processors this process may run on, at least 1.
int posix_cores(void);
// The host's name as `hostname` prints it; "localhost" when the kernel has none. Writes at most size bytes with NUL.
void posix_hostname(char *text, size_t size);

enum { POSIX_OWNER_TEXT_SIZE = 256 };
// Who listens on the TCP port: "pid 4711 (java -Xmx1G kafka.Kafka)", or "another process (not visible to this user)".
// Returns the pid, 0 when unknown. Walks /proc: milliseconds, for an error text.
int64_t posix_port_owner(int port, char text[POSIX_OWNER_TEXT_SIZE]);
// The same text for a pid, e.g. that of fs_lock.
void posix_process_text(int64_t pid, char text[POSIX_OWNER_TEXT_SIZE]);

// Lines such as "[2026-01-02 03:04:05,678] INFO text (component)", local time, one write(2) each, from any thread.
struct posix_log {
    struct log log; // hand out &x.log; set log.level before other threads use it
    int fd;         // stays the caller's
};
void posix_log_init(struct posix_log *log, int fd, enum log_level level);

#endif
