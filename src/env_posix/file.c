// SPDX-License-Identifier: Apache-2.0
// One open file: positional reads and writes, sync, truncation, hints.
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "env_posix/posix_int.h"

enum { WRITE_PARTS_MAX = 1024, WINDOW_SIZE = 64 };

enum err posix_error(struct log *log, int number, const char *action, const char *path)
{
    if (number == ENOENT) return ERR_NOT_FOUND;
    if (number == EEXIST || number == ENOTEMPTY) return ERR_EXISTS;
    log_error(log, "posix", "%s %s failed: %s", action, path, strerror(number));
    if (number == ENOSPC || number == EDQUOT) return ERR_NO_SPACE;
    if (number == EFBIG) return ERR_TOO_LARGE; // of this file system or by RLIMIT_FSIZE
    return number == EROFS ? ERR_READ_ONLY : ERR_IO;
}

static struct posix_file *posix_file_of(struct file *file)
{
    ASSERT(file->ops == &posix_file_ops);
    return CONTAINER_OF(file, struct posix_file, file);
}

const char *posix_file_path(const struct file *file)
{
    return CONTAINER_OF(file, struct posix_file, file)->path;
}

static enum err file_error(struct posix_file *file, const char *action)
{
    return posix_error(file->log, errno, action, file->path);
}

struct posix_file *posix_file_new(struct log *log, const char *path, int fd)
{
    size_t path_size = strlen(path) + 1;
    struct posix_file *file = mem_zalloc(1, sizeof(*file) + path_size);
    file->file = (struct file){.ops = &posix_file_ops, .refs = 1};
    file->fd = fd;
    file->log = log;
    memcpy(file->path, path, path_size);
    return file;
}

static enum err read_at(struct file *base, int64_t position, void *to, size_t size, size_t *got)
{
    struct posix_file *file = posix_file_of(base);
    size_t done = 0;
    while (done < size) {
        op_begin("pread", file->path);
        ssize_t result = pread(file->fd, (uint8_t *)to + done, size - done, position + (off_t)done);
        op_end();
        if (result == 0) break;
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return file_error(file, "pread");
        done += (size_t)result;
    }
    *got = done;
    return OK;
}

static enum err try_read_at(struct file *base, int64_t position, void *to, size_t size, size_t *got)
{
    struct posix_file *file = posix_file_of(base);
    size_t done = 0;
    while (done < size) {
        if (__atomic_load_n(&file->has_no_nowait, __ATOMIC_RELAXED)) {
            if (done > 0) break; // found out by another thread meanwhile
            return read_at(base, position, to, size, got);
        }
        struct iovec part = {.iov_base = (uint8_t *)to + done, .iov_len = size - done};
        ssize_t result = preadv2(file->fd, &part, 1, position + (off_t)done, RWF_NOWAIT);
        if (result == 0) break;
        if (result > 0) {
            done += (size_t)result;
            continue;
        }
        if (errno == EINTR) continue;
        if (errno == EAGAIN) {
            if (done == 0) return ERR_AGAIN;
            break;
        }
        if (done > 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return file_error(file, "preadv2");
        __atomic_store_n(&file->has_no_nowait, true,
                         __ATOMIC_RELAXED); // overlayfs on old kernels, FUSE, some network disks
    }
    *got = done;
    return OK;
}

// Copies what is left of the parts, from byte `skip` of part 0 on.
static int fill_window(struct iovec *window, const struct iovec *parts, int part_count, size_t skip)
{
    int count = part_count < WINDOW_SIZE ? part_count : WINDOW_SIZE;
    memcpy(window, parts, (size_t)count * sizeof(*window));
    window[0].iov_base = (uint8_t *)window[0].iov_base + skip;
    window[0].iov_len -= skip;
    return count;
}

static enum err write_at(struct file *base, int64_t position, const struct iovec *parts, int part_count)
{
    struct posix_file *file = posix_file_of(base);
    struct iovec window[WINDOW_SIZE];
    size_t skip = 0; // bytes of parts[0] already written
    for (;;) {
        while (part_count > 0 && parts[0].iov_len == skip) {
            parts++;
            part_count--;
            skip = 0;
        }
        if (part_count == 0) return OK;
        const struct iovec *from = parts;
        int count = part_count < WRITE_PARTS_MAX ? part_count : WRITE_PARTS_MAX;
        if (skip > 0) {
            count = fill_window(window, parts, part_count, skip);
            from = window;
        }
        op_begin("pwritev", file->path);
        ssize_t result = pwritev(file->fd, from, count, position);
        op_end();
        if (result < 0 && errno == EINTR) continue;
        if (result < 0) return file_error(file, "pwritev");
        if (result == 0) return posix_error(file->log, ENOSPC, "pwritev", file->path);
        position += result;
        for (size_t left = (size_t)result; left > 0;) {
            size_t step = parts[0].iov_len - skip < left ? parts[0].iov_len - skip : left;
            left -= step;
            skip += step;
            if (skip < parts[0].iov_len) break;
            parts++;
            part_count--;
            skip = 0;
        }
    }
}

static enum err sync_data(struct file *base)
{
    struct posix_file *file = posix_file_of(base);
    op_begin("fdatasync", file->path);
    int result = fdatasync(file->fd);
    op_end();
    return result == 0 ? OK : file_error(file, "fdatasync");
}

static enum err set_size(struct file *base, int64_t size_bytes)
{
    struct posix_file *file = posix_file_of(base);
    int result;
    op_begin("ftruncate", file->path);
    do result = ftruncate(file->fd, size_bytes);
    while (result != 0 && errno == EINTR);
    op_end();
    return result == 0 ? OK : file_error(file, "ftruncate");
}

// Both hints: a file system that cannot is no error, and a full disk shows at the write.
static enum err preallocate(struct file *base, int64_t from, int64_t size_bytes)
{
    struct posix_file *file = posix_file_of(base);
    op_begin("fallocate", file->path);
    int result = fallocate(file->fd, FALLOC_FL_KEEP_SIZE, from, size_bytes);
    op_end();
    return result == 0 ? OK : ERR_IO;
}

static enum err start_writeback(struct file *base, int64_t from, int64_t size_bytes)
{
    if (loop_has_slow_disk()) return OK; // it waits when the device's queue is full
    return sync_file_range(posix_file_of(base)->fd, from, size_bytes, SYNC_FILE_RANGE_WRITE) == 0 ? OK : ERR_IO;
}

static enum err get_stat(struct file *base, struct file_stat *out)
{
    struct posix_file *file = posix_file_of(base);
    struct stat st;
    if (fstat(file->fd, &st) != 0) return file_error(file, "fstat");
    *out = posix_stat_of(&st);
    return OK;
}

static void close_file(struct file *base)
{
    struct posix_file *file = posix_file_of(base);
    close(file->fd);
    mem_free(file);
}

const struct file_ops posix_file_ops = {
    .pread = read_at,
    .try_pread = try_read_at,
    .pwritev = write_at,
    .sync = sync_data,
    .truncate = set_size,
    .allocate = preallocate,
    .writeback = start_writeback,
    .stat = get_stat,
    .close = close_file,
};
