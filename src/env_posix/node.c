// SPDX-License-Identifier: Apache-2.0
// A node's loops, their threads, and stopping them.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "env_posix/posix_int.h"

pthread_t thread_start(void *(*run)(void *), void *argument, const char *name)
{
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); // inherited by the new thread: signals go to the loop's signalfd
    pthread_t thread;
    int error = pthread_create(&thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ASSERT(error == 0);
    pthread_setname_np(thread, name);
    return thread;
}

enum err posix_node_new(const struct posix_options *options, struct posix_node **out)
{
    ASSERT(options->shards >= 1 && options->shards <= POSIX_SHARDS_MAX);
    struct posix_node *node = MEM_NEW(struct posix_node);
    node->log = options->log;
    node->shard_count = options->shards;
    node->loops = mem_zalloc((size_t)options->shards, sizeof(node->loops[0]));
    node->envs = mem_zalloc((size_t)options->shards, sizeof(node->envs[0]));
    posix_fs_init(&node->fs, options->log);
    tasks_init(&node->tasks, options->task_threads > 0 ? options->task_threads : POSIX_TASK_THREADS_DEFAULT,
               options->slow_ms > 0 ? options->slow_ms : POSIX_SLOW_MS_DEFAULT, options->log, &node->fs.fs);
    signal(SIGXFSZ, SIG_IGN); // a write above RLIMIT_FSIZE fails with EFBIG instead
    enum err err = OK;
    int made = 0;
    while (made < options->shards && err == OK) {
        node->envs[made] = &node->loops[made].env;
        err = loop_init(&node->loops[made], node, made);
        made++;
    }
    if (err == OK) {
        *out = node;
        return OK;
    }
    node->shard_count = made;
    posix_node_free(node);
    return err;
}

struct env **posix_node_envs(struct posix_node *node, int *count)
{
    *count = node->shard_count;
    return node->envs;
}

struct fs *posix_node_fs(struct posix_node *node)
{
    return &node->fs.fs;
}

static void *run_shard(void *argument)
{
    loop_run(argument, NULL, NULL);
    return NULL;
}

void posix_node_run(struct posix_node *node)
{
    pthread_t threads[POSIX_SHARDS_MAX];
    for (int i = 1; i < node->shard_count; i++) {
        char name[16];
        snprintf(name, sizeof(name), "shard-%d", i % 1000);
        threads[i] = thread_start(run_shard, &node->loops[i], name);
    }
    loop_run(&node->loops[0], NULL, NULL);
    for (int i = 1; i < node->shard_count; i++) pthread_join(threads[i], NULL);
    tasks_wait_idle(&node->tasks);
}

bool posix_run_until(struct env *env, bool (*done)(void *context), void *context)
{
    struct loop *loop = loop_of(env);
    ASSERT(loop->node->shard_count == 1);
    return loop_run(loop, done, context);
}

void posix_node_stop(struct posix_node *node)
{
    atomic_store(&node->is_stopping, true);
    for (int i = 0; i < node->shard_count; i++) loop_wake(&node->loops[i]);
}

void posix_node_free(struct posix_node *node)
{
    if (node == NULL) return;
    tasks_deinit(&node->tasks);
    for (int i = 0; i < node->shard_count; i++) loop_deinit(&node->loops[i]);
    mem_free(node->loops);
    mem_free(node->envs);
    mem_free(node);
}
