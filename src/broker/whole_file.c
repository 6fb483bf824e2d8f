// SPDX-License-Identifier: Apache-2.0
#include "broker/whole_file.h"

#include "base/arena.h"

enum err whole_file_store(struct fs *fs, const char *dir, const char *name, const char *suffix, struct slice bytes,
                          unsigned mode)
{
    struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/%s", dir, name);
    const char *part = arena_printf(&arena, "%s%s", path, suffix);
    struct file *file = NULL;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size};
    enum err e = fs_open(fs, part, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
    if (e == OK) e = file_pwritev(file, 0, &iov, 1);
    if (e == OK) e = file_sync(file);
    file_unref(file);
    if (e == OK && mode != 0) e = fs_chmod(fs, part, mode);
    if (e == OK) e = fs_rename(fs, part, path);
    if (e == OK) e = fs_sync_dir(fs, dir);
    arena_deinit(&arena);
    return e;
}
