// SPDX-License-Identifier: Apache-2.0
// Calls that hang: a FIFO without a reader stands for the disk, its opening for the call.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "env_posix/posix_int.h"

enum { SLOW_MS = 50 };

struct fixture {
    struct log log;
    pthread_mutex_t mutex; // guards lines: tasks write them too
    struct text lines;
    struct posix_node *node;
    struct env *env;
    char dir[64];
    char fifo[128];
    char path[128];
};

static void keep_line(struct log *log, enum log_level level, const char *component, const char *line)
{
    struct fixture *f = CONTAINER_OF(log, struct fixture, log);
    (void)level;
    (void)component;
    pthread_mutex_lock(&f->mutex);
    text_add_str(&f->lines, line);
    pthread_mutex_unlock(&f->mutex);
}

static int count_lines(struct fixture *f, const char *needle)
{
    int count = 0;
    pthread_mutex_lock(&f->mutex);
    for (const char *at = text_cstr(&f->lines); (at = strstr(at, needle)) != NULL; at++) count++;
    pthread_mutex_unlock(&f->mutex);
    return count;
}

static int setup(void **state)
{
    struct fixture *f = MEM_NEW(struct fixture);
    int count = 0;
    f->log = (struct log){.level = LOG_INFO, .write = keep_line};
    pthread_mutex_init(&f->mutex, NULL);
    snprintf(f->dir, sizeof(f->dir), "/tmp/odradek-slow-XXXXXX");
    if (mkdtemp(f->dir) == NULL) return -1;
    snprintf(f->fifo, sizeof(f->fifo), "%s/fifo", f->dir);
    snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
    if (mkfifo(f->fifo, 0600) != 0) return -1;
    const struct posix_options options = {.shards = 1, .task_threads = 1, .slow_ms = SLOW_MS, .log = &f->log};
    if (posix_node_new(&options, &f->node) != OK) return -1;
    f->env = posix_node_envs(f->node, &count)[0];
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    int fd = open(f->fifo, O_RDWR | O_NONBLOCK); // after a failure somebody may still hang in it
    posix_node_free(f->node);
    close(fd);
    unlink(f->fifo);
    unlink(f->path);
    rmdir(f->dir);
    text_deinit(&f->lines);
    pthread_mutex_destroy(&f->mutex);
    mem_free(f);
    return 0;
}

struct opening {
    struct env_task task;
    const char *path;
    unsigned flags;
    struct file *file;
    enum err result;
    bool is_done;
};

static void open_run(struct env_task *task, struct fs *fs)
{
    struct opening *o = CONTAINER_OF(task, struct opening, task);
    o->result = fs_open(fs, o->path, o->flags, &o->file);
}

static void open_done(struct env *env, struct env_task *task)
{
    (void)env;
    CONTAINER_OF(task, struct opening, task)->is_done = true;
}

static void post(struct fixture *f, struct opening *o, const char *path, unsigned flags)
{
    *o = (struct opening){.task = {.run = open_run, .done = open_done}, .path = path, .flags = flags};
    env_task_post(f->env, &o->task);
}

static bool is_open(void *context)
{
    return ((struct opening *)context)->is_done;
}

static bool is_told(void *context)
{
    return count_lines(context, "has not come back") > 0;
}

// The FIFO's other end: the open that hangs comes back.
static int release(struct fixture *f)
{
    int fd = open(f->fifo, O_RDONLY | O_NONBLOCK);
    assert_true(fd >= 0);
    return fd;
}

static void a_call_that_hangs_is_named_once_and_holds_nobody(void **state)
{
    struct fixture *f = *state;
    struct opening hung, other, third;
    post(f, &hung, f->fifo, FILE_WRITE);
    post(f, &other, f->path, FILE_WRITE | FILE_CREATE); // the only thread hangs: another has to do it
    assert_true(posix_run_until(f->env, is_open, &other));
    assert_int_equal(other.result, OK);
    assert_true(posix_run_until(f->env, is_told, f));
    assert_false(hung.is_done);
    post(f, &third, f->path, FILE_WRITE);
    assert_true(posix_run_until(f->env, is_open, &third));
    assert_int_equal(f->node->tasks.thread_count, 2); // not one more for each task
    int fd = release(f);
    assert_true(posix_run_until(f->env, is_open, &hung));
    assert_int_equal(hung.result, OK);
    assert_int_equal(count_lines(f, "has not come back"), 1);
    assert_int_equal(count_lines(f, "came back after"), 1);
    assert_int_equal(count_lines(f, f->fifo), 2);
    assert_int_equal(count_lines(f, f->path), 0);
    close(fd);
    file_unref(hung.file);
    file_unref(other.file);
    file_unref(third.file);
}

struct writing {
    struct env_write write;
    struct iovec part;
    bool is_done;
};

static void write_done(struct env *env, struct env_write *write)
{
    (void)env;
    CONTAINER_OF(write, struct writing, write)->is_done = true;
}

static bool is_written(void *context)
{
    return ((struct writing *)context)->is_done;
}

// The only thread hangs, so a write that happens elsewhere than on the loop makes the pool grow.
static void writes_leave_the_loop_while_a_disk_hangs(void **state)
{
    struct fixture *f = *state;
    struct opening hung, target;
    post(f, &target, f->path, FILE_READ | FILE_WRITE | FILE_CREATE);
    assert_true(posix_run_until(f->env, is_open, &target));
    post(f, &hung, f->fifo, FILE_WRITE);
    assert_true(posix_run_until(f->env, is_told, f));
    struct writing w = {.part = {.iov_base = (void *)(uintptr_t) "abc", .iov_len = 3}};
    w.write = (struct env_write){.file = target.file, .parts = &w.part, .part_count = 1, .done = write_done};
    assert_int_equal(f->node->tasks.thread_count, 1);
    env_write_post(f->env, &w.write);
    struct file_stat stat;
    assert_true(posix_run_until(f->env, is_written, &w));
    assert_int_equal(f->node->tasks.thread_count, 2); // it took a thread
    assert_int_equal(w.write.result, OK);
    assert_int_equal(file_stat(target.file, &stat), OK);
    assert_int_equal(stat.size_bytes, 3);
    int fd = release(f);
    assert_true(posix_run_until(f->env, is_open, &hung));
    close(fd);
    file_unref(hung.file);
    file_unref(target.file);
}

static void a_limit_on_file_size_is_an_error_and_no_signal(void **state)
{
    struct fixture *f = *state;
    struct opening target;
    post(f, &target, f->path, FILE_WRITE | FILE_CREATE);
    assert_true(posix_run_until(f->env, is_open, &target));
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct rlimit limit = {.rlim_cur = 4096, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    uint8_t *bytes = mem_zalloc(8192, 1);
    struct iovec part = {.iov_base = bytes, .iov_len = 8192};
    enum err e = file_pwritev(target.file, 0, &part, 1);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(e, ERR_TOO_LARGE);
    assert_int_equal(count_lines(f, f->path), 1);
    mem_free(bytes);
    file_unref(target.file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_call_that_hangs_is_named_once_and_holds_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(writes_leave_the_loop_while_a_disk_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(a_limit_on_file_size_is_an_error_and_no_signal, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
