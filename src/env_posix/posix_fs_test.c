// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "env_posix/posix.h"

struct fixture {
    struct log log;
    struct text lines;
    struct posix_node *node;
    struct fs *fs;
    char dir[64];
    char path[128];
};

static void keep_line(struct log *log, enum log_level level, const char *component, const char *line)
{
    (void)level;
    (void)component;
    text_add_str(&CONTAINER_OF(log, struct fixture, log)->lines, line);
}

static int setup(void **state)
{
    struct fixture *f = MEM_NEW(struct fixture);
    f->log = (struct log){.level = LOG_INFO, .write = keep_line};
    snprintf(f->dir, sizeof(f->dir), "/tmp/odradek-fs-XXXXXX");
    if (mkdtemp(f->dir) == NULL) return -1;
    snprintf(f->path, sizeof(f->path), "%s/file", f->dir);
    if (posix_node_new(&(struct posix_options){.shards = 1, .log = &f->log}, &f->node) != OK) return -1;
    f->fs = posix_node_fs(f->node);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->path);
    rmdir(f->dir);
    posix_node_free(f->node);
    text_deinit(&f->lines);
    mem_free(f);
    return 0;
}

static struct file *open_new(struct fixture *f)
{
    struct file *file = NULL;
    assert_int_equal(fs_open(f->fs, f->path, FILE_READ | FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &file), OK);
    return file;
}

static void writes_of_many_parts_come_back(void **state)
{
    struct fixture *f = *state;
    struct file *file = open_new(f);
    enum { PARTS = 3000 }; // above IOV_MAX
    static uint8_t bytes[PARTS * 3];
    static struct iovec parts[PARTS];
    size_t total = 0;
    for (int i = 0; i < PARTS; i++) {
        size_t size = (size_t)(i % 4); // some empty
        parts[i] = (struct iovec){.iov_base = bytes + total, .iov_len = size};
        for (size_t j = 0; j < size; j++) bytes[total++] = (uint8_t)(i + 1);
    }
    assert_int_equal(file_pwritev(file, 10, parts, PARTS), OK);
    static uint8_t back[sizeof(bytes) + 100];
    size_t got = 0;
    assert_int_equal(file_pread(file, 0, back, sizeof(back), &got), OK);
    assert_int_equal(got, total + 10); // short only at the end
    assert_memory_equal(back, ((uint8_t[10]){0}), 10);
    assert_memory_equal(back + 10, bytes, total);
    assert_int_equal(file_pread(file, (int64_t)total + 10, back, 1, &got), OK);
    assert_int_equal(got, 0);
    file_unref(file);
}

static void hints_sync_truncate_and_stat(void **state)
{
    struct fixture *f = *state;
    struct file *file = open_new(f);
    file_allocate(file, 0, 1 << 20);
    struct file_stat st;
    assert_int_equal(file_stat(file, &st), OK);
    assert_int_equal(st.size_bytes, 0); // KEEP_SIZE
    struct iovec part = {.iov_base = (void *)(uintptr_t) "0123456789", .iov_len = 10};
    assert_int_equal(file_pwritev(file, 0, &part, 1), OK);
    file_writeback(file, 0, 10);
    assert_int_equal(file_sync(file), OK);
    assert_int_equal(file_truncate(file, 4), OK);
    assert_int_equal(fs_set_mtime(f->fs, f->path, 1700000000123), OK);
    assert_int_equal(fs_stat(f->fs, f->path, &st), OK);
    assert_int_equal(st.kind, FILE_REGULAR);
    assert_int_equal(st.size_bytes, 4);
    assert_int_equal(st.mtime_ms, 1700000000123);
    assert_int_equal(fs_chmod(f->fs, f->path, 0600), OK);
    struct stat raw;
    assert_int_equal(stat(f->path, &raw), 0);
    assert_int_equal(raw.st_mode & 0777, 0600);
    file_ref(file);
    file_unref(file);
    size_t got = 0;
    char byte = 0;
    assert_int_equal(file_pread(file, 3, &byte, 1, &got), OK); // the second reference keeps it open
    assert_int_equal(byte, '3');
    file_unref(file);
    file_unref(NULL);
}

static void try_pread_never_waits_or_falls_back(void **state)
{
    struct fixture *f = *state;
    struct file *file = open_new(f);
    struct iovec part = {.iov_base = (void *)(uintptr_t) "0123456789", .iov_len = 10};
    assert_int_equal(file_pwritev(file, 0, &part, 1), OK);
    char back[20];
    size_t got = 0;
    assert_int_equal(file_try_pread(file, 2, back, sizeof(back), &got), OK); // just written, so in the page cache
    assert_int_equal(got, 8);
    assert_memory_equal(back, "23456789", 8);
    assert_int_equal(file_try_pread(file, 10, back, sizeof(back), &got), OK);
    assert_int_equal(got, 0);
    file_unref(file);

    struct file *odd = NULL; // procfs has no RWF_NOWAIT
    assert_int_equal(fs_open(f->fs, "/proc/self/cmdline", FILE_READ, &odd), OK);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(file_try_pread(odd, 0, back, 1, &got), OK);
        assert_int_equal(got, 1);
    }
    file_unref(odd);
}

static void a_cold_page_is_not_waited_for(void **state)
{
    struct fixture *f = *state;
    struct file *file = open_new(f);
    static uint8_t block[1 << 20];
    memset(block, 7, sizeof(block));
    struct iovec part = {.iov_base = block, .iov_len = sizeof(block)};
    assert_int_equal(file_pwritev(file, 0, &part, 1), OK);
    assert_int_equal(file_sync(file), OK);
    int fd = open(f->path, O_RDONLY);
    posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    close(fd);
    uint8_t back[4096];
    size_t got = 0;
    enum err err = file_try_pread(file, 0, back, sizeof(back), &got);
    assert_true(err == OK || err == ERR_AGAIN); // a tmpfs never forgets pages
    assert_int_equal(file_pread(file, 0, back, sizeof(back), &got), OK);
    assert_int_equal(file_try_pread(file, 0, back, sizeof(back), &got), OK); // warm now
    assert_int_equal(back[4095], 7);
    file_unref(file);
}

static void errors_have_their_codes_and_a_line(void **state)
{
    struct fixture *f = *state;
    struct file *file = NULL;
    struct file_stat st;
    assert_int_equal(fs_open(f->fs, f->path, FILE_READ, &file), ERR_NOT_FOUND);
    assert_int_equal(fs_stat(f->fs, f->path, &st), ERR_NOT_FOUND);
    assert_int_equal(fs_unlink(f->fs, f->path), ERR_NOT_FOUND);
    assert_int_equal(fs_mkdir(f->fs, f->dir), ERR_EXISTS);
    assert_int_equal(f->lines.size, 0);
    file = open_new(f);
    struct file *again = NULL;
    assert_int_equal(fs_open(f->fs, f->path, FILE_WRITE | FILE_CREATE | FILE_EXCLUSIVE, &again), ERR_EXISTS);
    assert_int_equal(fs_rmdir(f->fs, f->dir), ERR_EXISTS);
    file_unref(file);

    assert_int_equal(fs_open(f->fs, "/dev/full", FILE_WRITE, &file), OK);
    struct iovec part = {.iov_base = (void *)(uintptr_t) "x", .iov_len = 1};
    assert_int_equal(file_pwritev(file, 0, &part, 1), ERR_NO_SPACE);
    file_unref(file);
    assert_non_null(strstr(text_cstr(&f->lines), "pwritev /dev/full failed: No space left on device"));
    assert_int_equal(fs_open(f->fs, f->dir, FILE_WRITE, &file), ERR_IO);
    assert_non_null(strstr(text_cstr(&f->lines), "Is a directory"));
}

static enum err count_name(void *context, const char *name)
{
    assert_true(name[0] != '.');
    return ++*(int *)context == 2 ? ERR_CLOSED : OK;
}

static void names_can_be_listed_and_changed(void **state)
{
    struct fixture *f = *state;
    char other[160];
    snprintf(other, sizeof(other), "%s/other", f->dir);
    file_unref(open_new(f));
    int count = 0;
    assert_int_equal(fs_list(f->fs, f->dir, count_name, &count), OK);
    assert_int_equal(count, 1);
    assert_int_equal(fs_mkdir(f->fs, other), OK);
    count = 0;
    assert_int_equal(fs_list(f->fs, f->dir, count_name, &count), ERR_CLOSED); // the visitor's own answer
    struct file_stat st;
    assert_int_equal(fs_stat(f->fs, other, &st), OK);
    assert_int_equal(st.kind, FILE_DIRECTORY);
    assert_int_equal(fs_rmdir(f->fs, other), OK);
    assert_int_equal(fs_rename(f->fs, f->path, other), OK);
    assert_int_equal(fs_stat(f->fs, f->path, &st), ERR_NOT_FOUND);
    assert_int_equal(fs_sync_dir(f->fs, f->dir), OK);
    assert_int_equal(fs_unlink(f->fs, other), OK);
    int64_t total = 0;
    int64_t left = 0;
    assert_int_equal(fs_space(f->fs, f->dir, &total, &left), OK);
    assert_true(total > 0 && left > 0 && left <= total);
}

// ---- the lock --------------------------------------------------------------------------------------------------

// What java.nio's FileChannel.tryLock does.
static int java_lock(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT, 0644);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_SETLK, &lock);
}

static void lock_of_another_process_is_seen_with_its_pid(void **state)
{
    struct fixture *f = *state;
    int ready[2];
    int finish[2];
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(finish), 0);
    pid_t child = fork();
    if (child == 0) {
        close(finish[1]);
        char byte = java_lock(f->path) == 0 ? 'y' : 'n';
        if (write(ready[1], &byte, 1) != 1) _exit(1);
        _exit(read(finish[0], &byte, 1) == 0 ? 0 : 1);
    }
    char byte = 0;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    struct file *lock = NULL;
    int64_t pid = 0;
    assert_int_equal(fs_lock(f->fs, f->path, &lock, &pid), ERR_BUSY);
    assert_int_equal(pid, child);
    close(finish[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(fs_lock(f->fs, f->path, &lock, &pid), OK);
    file_unref(lock);
    close(ready[0]);
    close(ready[1]);
    close(finish[0]);
}

static bool another_process_can_lock(const char *path)
{
    pid_t child = fork();
    if (child == 0) _exit(java_lock(path) == 0 ? 7 : 8);
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 7 || WEXITSTATUS(status) == 8));
    return WEXITSTATUS(status) == 7;
}

static void our_lock_holds_until_the_last_unref(void **state)
{
    struct fixture *f = *state;
    struct file *lock = NULL;
    struct file *second = NULL;
    int64_t pid = -1;
    assert_int_equal(fs_lock(f->fs, f->path, &lock, &pid), OK);
    assert_false(another_process_can_lock(f->path));
    struct file *same = NULL;
    assert_int_equal(fs_open(f->fs, f->path, FILE_READ, &same), OK);
    file_unref(same); // a record lock of the process would be gone now
    assert_false(another_process_can_lock(f->path));
    assert_int_equal(fs_lock(f->fs, f->path, &second, &pid), ERR_BUSY); // a second node in this process
    assert_int_equal(pid, getpid());
    file_unref(lock);
    assert_true(another_process_can_lock(f->path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_of_many_parts_come_back, setup, teardown),
        cmocka_unit_test_setup_teardown(hints_sync_truncate_and_stat, setup, teardown),
        cmocka_unit_test_setup_teardown(try_pread_never_waits_or_falls_back, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cold_page_is_not_waited_for, setup, teardown),
        cmocka_unit_test_setup_teardown(errors_have_their_codes_and_a_line, setup, teardown),
        cmocka_unit_test_setup_teardown(names_can_be_listed_and_changed, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_of_another_process_is_seen_with_its_pid, setup, teardown),
        cmocka_unit_test_setup_teardown(our_lock_holds_until_the_last_unref, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
