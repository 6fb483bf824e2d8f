// SPDX-License-Identifier: Apache-2.0
// Names: open, rename, list and so on, and the lock of a data directory.
//
// The lock is an open-file-description lock (F_OFD_SETLK). It conflicts with the record locks other processes take
// with F_SETLK, Java's FileChannel.tryLock among them, in both directions; unlike those it is not dropped when this
// process closes another descriptor of the same file, and it also keeps two nodes inside one process apart.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "env_posix/posix_int.h"

enum { DESCRIPTOR_WAIT_MS = 2, DESCRIPTOR_WAIT_MAX_MS = 10000 };

static struct log *log_of(struct fs *fs)
{
    return CONTAINER_OF(fs, struct posix_fs, fs)->log;
}

static enum err answer(struct fs *fs, int result, const char *action, const char *path)
{
    return result == 0 ? OK : posix_error(log_of(fs), errno, action, path);
}

// A task that finds no descriptor free waits for one: connections and files of other logs come and go, and giving up
// would cost a log directory.
static int open_retrying(const char *path, int flags, mode_t mode)
{
    const struct timespec pause = {.tv_nsec = DESCRIPTOR_WAIT_MS * 1000000};
    int fd;
    op_begin("open", path);
    for (int waited_ms = 0;; waited_ms += DESCRIPTOR_WAIT_MS) {
        fd = openat(AT_FDCWD, path, flags | O_CLOEXEC, mode);
        bool is_scarce = fd < 0 && (errno == EMFILE || errno == ENFILE) && waited_ms < DESCRIPTOR_WAIT_MAX_MS;
        if (fd < 0 && errno == EINTR) continue;
        if (!is_scarce) break;
        nanosleep(&pause, NULL);
    }
    op_end();
    return fd;
}

struct file_stat posix_stat_of(const struct stat *st)
{
    return (struct file_stat){
        .kind = S_ISREG(st->st_mode)   ? FILE_REGULAR
                : S_ISDIR(st->st_mode) ? FILE_DIRECTORY
                                       : FILE_OTHER,
        .size_bytes = st->st_size,
        .mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000,
    };
}

static enum err open_file(struct fs *fs, const char *path, unsigned flags, struct file **out)
{
    int how = (flags & FILE_WRITE) == 0 ? O_RDONLY : (flags & FILE_READ) == 0 ? O_WRONLY : O_RDWR;
    if ((flags & FILE_CREATE) != 0) how |= O_CREAT;
    if ((flags & FILE_EXCLUSIVE) != 0) how |= O_EXCL;
    if ((flags & FILE_TRUNCATE) != 0) how |= O_TRUNC;
    int fd = open_retrying(path, how, 0644);
    if (fd < 0) return posix_error(log_of(fs), errno, "open", path);
    *out = &posix_file_new(log_of(fs), path, fd)->file;
    return OK;
}

static enum err rename_path(struct fs *fs, const char *from, const char *to)
{
    op_begin("rename", from);
    int result = rename(from, to);
    op_end();
    return answer(fs, result, "rename", from);
}

static enum err unlink_path(struct fs *fs, const char *path)
{
    op_begin("unlink", path);
    int result = unlink(path);
    op_end();
    return answer(fs, result, "unlink", path);
}

static enum err make_dir(struct fs *fs, const char *path)
{
    return answer(fs, mkdir(path, 0755), "mkdir", path);
}

static enum err remove_dir(struct fs *fs, const char *path)
{
    return answer(fs, rmdir(path), "rmdir", path);
}

static enum err list_dir(struct fs *fs, const char *path, enum err (*each)(void *context, const char *name),
                         void *context)
{
    int fd = open_retrying(path, O_RDONLY | O_DIRECTORY, 0);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        enum err failed = posix_error(log_of(fs), errno, "opendir", path);
        if (fd >= 0) close(fd);
        return failed;
    }
    enum err err = OK;
    while (err == OK) {
        errno = 0;
        struct dirent *entry = readdir(dir);
        if (entry == NULL) {
            if (errno != 0) err = posix_error(log_of(fs), errno, "readdir", path);
            break;
        }
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) err = each(context, entry->d_name);
    }
    closedir(dir);
    return err;
}

static enum err sync_dir(struct fs *fs, const char *path)
{
    int fd = open_retrying(path, O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0) return posix_error(log_of(fs), errno, "open", path);
    op_begin("fsync", path);
    int result = fsync(fd);
    op_end();
    enum err err = answer(fs, result, "fsync", path);
    close(fd);
    return err;
}

static enum err stat_path(struct fs *fs, const char *path, struct file_stat *out)
{
    struct stat st;
    if (stat(path, &st) != 0) return posix_error(log_of(fs), errno, "stat", path);
    *out = posix_stat_of(&st);
    return OK;
}

static enum err set_mtime(struct fs *fs, const char *path, int64_t mtime_ms)
{
    int64_t seconds = mtime_ms >= 0 ? mtime_ms / 1000 : -((999 - mtime_ms) / 1000);
    struct timespec times[2] = {
        {.tv_nsec = UTIME_OMIT},
        {.tv_sec = seconds, .tv_nsec = (mtime_ms - seconds * 1000) * 1000000},
    };
    return answer(fs, utimensat(AT_FDCWD, path, times, 0), "utimensat", path);
}

static enum err change_mode(struct fs *fs, const char *path, unsigned mode)
{
    return answer(fs, chmod(path, mode), "chmod", path);
}

static enum err lock_file(struct fs *fs, const char *path, struct file **out, int64_t *holder_pid)
{
    *holder_pid = 0;
    int fd = open_retrying(path, O_RDWR | O_CREAT, 0644);
    if (fd < 0) return posix_error(log_of(fs), errno, "open", path);
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0) {
        *out = &posix_file_new(log_of(fs), path, fd)->file;
        return OK;
    }
    enum err err = ERR_BUSY;
    if (errno != EAGAIN && errno != EACCES) {
        err = posix_error(log_of(fs), errno, "lock", path);
    } else {
        struct stat st;
        lock = (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK && lock.l_pid > 0) *holder_pid = lock.l_pid;
        bool has_stat = fstat(fd, &st) == 0;
        close(fd);
        fd = -1; // or we would find ourselves
        if (*holder_pid == 0 && has_stat) *holder_pid = process_with_file(st.st_dev, st.st_ino);
    }
    if (fd >= 0) close(fd);
    return err;
}

// Free is what an ordinary user may still fill, as Java's getUsableSpace.
static enum err space(struct fs *fs, const char *path, int64_t *total_bytes, int64_t *free_bytes)
{
    struct statvfs st;
    if (statvfs(path, &st) != 0) return posix_error(log_of(fs), errno, "statvfs", path);
    *total_bytes = (int64_t)(st.f_blocks * st.f_frsize);
    *free_bytes = (int64_t)(st.f_bavail * st.f_frsize);
    return OK;
}

static const struct fs_ops posix_fs_ops = {
    .open = open_file,
    .rename = rename_path,
    .unlink = unlink_path,
    .mkdir = make_dir,
    .rmdir = remove_dir,
    .list = list_dir,
    .sync_dir = sync_dir,
    .stat = stat_path,
    .set_mtime = set_mtime,
    .chmod = change_mode,
    .lock = lock_file,
    .space = space,
};

void posix_fs_init(struct posix_fs *fs, struct log *log)
{
    *fs = (struct posix_fs){.fs = {.ops = &posix_fs_ops}, .log = log};
}
