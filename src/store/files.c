// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/store_int.h"
#include "store/whole_file.h"

char *path_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ASSERT(length >= 0);
    char *path = mem_alloc((size_t)length + 1);
    va_start(args, format);
    (void)vsnprintf(path, (size_t)length + 1, format, args);
    va_end(args);
    return path;
}

enum err file_read_all(struct file *file, bool may_block, int64_t position, void *to, size_t size)
{
    size_t got = 0;
    enum err e =
        may_block ? file_pread(file, position, to, size, &got) : file_try_pread(file, position, to, size, &got);
    if (e != OK) return e;
    if (got == size) return OK;
    // try_pread may stop early for either reason; the blocking call will tell which.
    return may_block ? ERR_TRUNCATED : ERR_AGAIN;
}

enum err file_write_all(struct file *file, int64_t position, struct slice bytes)
{
    if (bytes.size == 0) return OK;
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.data, .iov_len = bytes.size};
    return file_pwritev(file, position, &part, 1);
}

enum err file_load(struct fs *fs, const char *path, size_t limit, struct text *out)
{
    struct file *file = NULL;
    enum err e = fs_open(fs, path, FILE_READ, &file);
    if (e != OK) return e;
    struct file_stat stat;
    e = file_stat(file, &stat);
    if (e == OK && stat.kind != FILE_REGULAR) e = ERR_INVALID;
    if (e == OK && stat.size_bytes > (int64_t)limit) e = ERR_TOO_LARGE;
    if (e == OK && stat.size_bytes > 0) {
        size_t size = (size_t)stat.size_bytes;
        e = file_read_all(file, true, 0, text_reserve(out, size), size);
        if (e == OK) text_grew(out, size);
    }
    file_unref(file);
    return e;
}

enum err file_write_synced(struct fs *fs, const char *path, struct slice content)
{
    struct file *file = NULL;
    enum err e = fs_open(fs, path, FILE_WRITE | FILE_CREATE | FILE_TRUNCATE, &file);
    if (e != OK) return e;
    e = file_write_all(file, 0, content);
    if (e == OK) e = file_sync(file);
    file_unref(file);
    return e;
}

static enum err replace(struct fs *fs, const char *dir_path, const char *path, const char *suffix, struct slice content,
                        unsigned mode)
{
    char *part = path_printf("%s%s", path, suffix);
    enum err e = file_write_synced(fs, part, content);
    if (e == OK && mode != 0) e = fs_chmod(fs, part, mode);
    if (e == OK) e = fs_rename(fs, part, path);
    if (e == OK) e = fs_sync_dir(fs, dir_path);
    enum err removed = e == ERR_NO_SPACE ? file_remove(fs, part) : OK; // its blocks are wanted back
    (void)removed;
    mem_free(part);
    return e;
}

enum err file_replace(struct fs *fs, const char *dir_path, const char *path, struct slice content)
{
    return replace(fs, dir_path, path, ".tmp", content, 0);
}

enum err whole_file_store(struct fs *fs, const char *dir, const char *name, const char *suffix, struct slice bytes,
                          unsigned mode)
{
    char *path = path_printf("%s/%s", dir, name);
    enum err e = replace(fs, dir, path, suffix, bytes, mode);
    mem_free(path);
    return e;
}

enum err file_remove(struct fs *fs, const char *path)
{
    enum err e = fs_unlink(fs, path);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err list_add(void *context, const char *name)
{
    struct name_list *list = context;
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 16 : list->capacity * 2;
        list->names = mem_realloc(list->names, list->capacity * sizeof(*list->names));
    }
    list->names[list->count++] = path_printf("%s", name);
    return OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum err dir_list(struct fs *fs, const char *path, struct name_list *out)
{
    *out = (struct name_list){0};
    enum err e = fs_list(fs, path, list_add, out);
    if (e != OK) {
        name_list_deinit(out);
        return e;
    }
    if (out->count > 1) qsort(out->names, out->count, sizeof(*out->names), by_name);
    return OK;
}

void name_list_deinit(struct name_list *list)
{
    for (size_t i = 0; i < list->count; i++) mem_free(list->names[i]);
    mem_free(list->names);
    *list = (struct name_list){0};
}
