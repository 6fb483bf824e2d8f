// SPDX-License-Identifier: Apache-2.0
// fs_ops and file_ops: counting, faults, latencies and the trace around disk.c and names.c.
// Relative paths start at the root: a node's process runs in "/".
#include <string.h>

#include "env_sim/sim_int.h"

static struct process *process_of(struct fs *fs)
{
    return CONTAINER_OF(fs, struct process, fs);
}

static struct handle *handle_of(struct file *file)
{
    return CONTAINER_OF(file, struct handle, file);
}

// Blocking calls belong in tasks, or before the loops run (env.h).
static void assert_may_block(const struct sim *sim)
{
    ASSERT(sim->running == NULL || sim->running_shard < 0 || sim->options.blocking_allowed);
}

static bool changes_names(enum sim_call kind)
{
    return kind == SIM_CALL_RENAME || kind == SIM_CALL_UNLINK || kind == SIM_CALL_MKDIR || kind == SIM_CALL_RMDIR ||
           kind == SIM_CALL_SET_MTIME || kind == SIM_CALL_CHMOD || kind == SIM_CALL_LOCK;
}

// What every call on names has in common; false = return ERR_IO.
static bool begin(struct call *call, struct process *process, enum sim_call kind, const char *path)
{
    if (kind != SIM_CALL_SPACE) assert_may_block(process->node->sim); // the kernel knows it without asking the disk
    if (!call_begin(call, process, kind)) return false;
    struct sim *sim = call->node->sim;
    spend(sim, 5, 500);
    if (call->forced == OK && call->node->disk.is_read_only && changes_names(kind)) call->forced = ERR_READ_ONLY;
    if (call->forced == OK && kind < SIM_CALL_COUNTED && chance(sim, sim->options.faults.name_error_ppm))
        call->forced = ERR_IO;
    trace(sim, call->node, "%s %s%s%s", sim_call_name(kind), path,
          call->forced == OK ? "" : " fails: ", call->forced == OK ? "" : err_name(call->forced));
    return true;
}

#define BEGIN(fs, kind, path)                                                                                          \
    struct process *process = process_of(fs);                                                                          \
    struct disk *disk = &process->node->disk;                                                                          \
    struct call call;                                                                                                  \
    if (!begin(&call, process, (kind), (path))) return ERR_IO;                                                         \
    if (call.forced != OK) return call_end(&call, call.forced)

// ---- open, lock ----

static const struct file_ops file_ops;

static struct handle *new_handle(struct process *process, struct inode *inode, unsigned flags)
{
    struct handle *handle = MEM_NEW(struct handle);
    handle->file = (struct file){.ops = &file_ops, .refs = 1};
    handle->process = process;
    handle->inode = inode_ref(inode);
    handle->flags = flags;
    list_push_back(&process->handles, &handle->link);
    return handle;
}

// Lets go of the inode; the struct stays.
static void release(struct disk *disk, struct handle *handle)
{
    if (handle->has_lock) handle->inode->is_locked = false;
    handle->has_lock = false;
    inode_unref(disk, handle->inode);
    handle->inode = NULL;
}

static enum err open_inode(struct disk *disk, const char *path, unsigned flags, struct inode **out)
{
    char last[NAME_SIZE_MAX];
    struct inode *dir = NULL;
    enum err e = name_resolve(disk, path, &dir, last);
    if (e != OK) return e;
    struct inode *inode = last[0] == '\0' ? dir : name_lookup(dir, last);
    if (inode == NULL && (flags & FILE_CREATE) == 0) return ERR_NOT_FOUND;
    if (inode != NULL && (flags & FILE_CREATE) != 0 && (flags & FILE_EXCLUSIVE) != 0) return ERR_EXISTS;
    if (inode != NULL && inode->kind == FILE_DIRECTORY) return ERR_IO;
    if (inode == NULL) {
        inode = inode_new(disk, FILE_REGULAR);
        name_set(disk, dir, last, inode);
    } else if ((flags & FILE_TRUNCATE) != 0) {
        inode_truncate(disk, inode, 0);
    }
    *out = inode;
    return OK;
}

static enum err open_file(struct fs *fs, const char *path, unsigned flags, struct file **out)
{
    BEGIN(fs, SIM_CALL_OPEN, path);
    struct inode *inode = NULL;
    if (disk->is_read_only && (flags & ~(unsigned)FILE_READ) != 0) return call_end(&call, ERR_READ_ONLY);
    enum err e = open_inode(disk, path, flags, &inode);
    struct handle *handle = e == OK ? new_handle(process, inode, flags) : NULL;
    e = call_end(&call, e);
    if (e == OK) *out = &handle->file;
    return e;
}

static enum err lock_file(struct fs *fs, const char *path, struct file **out, int64_t *holder_pid)
{
    BEGIN(fs, SIM_CALL_LOCK, path);
    struct inode *inode = NULL;
    enum err e = open_inode(disk, path, FILE_READ | FILE_WRITE | FILE_CREATE, &inode);
    if (e == OK && (inode->lock_pid != 0 || inode->is_locked)) {
        *holder_pid = inode->lock_pid;
        e = ERR_BUSY;
    }
    struct handle *handle = e == OK ? new_handle(process, inode, FILE_READ | FILE_WRITE) : NULL;
    if (handle != NULL) handle->has_lock = inode->is_locked = true;
    e = call_end(&call, e);
    if (e == OK) *out = &handle->file;
    return e;
}

void sim_hold_lock(struct sim_node *node, const char *path, int64_t pid)
{
    struct inode *inode = NULL;
    if (open_inode(&node->disk, path, FILE_CREATE, &inode) == OK) inode->lock_pid = pid;
}

// ---- names ----

static bool is_below(const char *path, const char *dir)
{
    size_t size = strlen(dir);
    return strncmp(path, dir, size) == 0 && path[size] == '/';
}

static enum err rename_now(struct disk *disk, const char *from, const char *to)
{
    char from_last[NAME_SIZE_MAX];
    char to_last[NAME_SIZE_MAX];
    struct inode *from_dir = NULL;
    struct inode *to_dir = NULL;
    enum err e = name_resolve(disk, from, &from_dir, from_last);
    if (e == OK) e = name_resolve(disk, to, &to_dir, to_last);
    if (e != OK) return e;
    struct inode *moved = name_lookup(from_dir, from_last);
    if (moved == NULL) return ERR_NOT_FOUND;
    if (is_below(to, from) || to_last[0] == '\0') return ERR_IO;
    struct inode *replaced = name_lookup(to_dir, to_last);
    if (replaced == moved) return OK;
    if (replaced != NULL && replaced->kind != moved->kind) return ERR_IO;
    if (replaced != NULL && replaced->kind == FILE_DIRECTORY && !name_dir_is_empty(replaced)) return ERR_EXISTS;
    name_move(disk, from_dir, from_last, to_dir, to_last);
    return OK;
}

static enum err rename_path(struct fs *fs, const char *from, const char *to)
{
    BEGIN(fs, SIM_CALL_RENAME, from);
    trace(disk->sim, call.node, "   to %s", to);
    return call_end(&call, rename_now(disk, from, to));
}

static enum err remove_name(struct disk *disk, const char *path, enum file_kind kind)
{
    char last[NAME_SIZE_MAX];
    struct inode *dir = NULL;
    enum err e = name_resolve(disk, path, &dir, last);
    if (e != OK) return e;
    struct inode *inode = name_lookup(dir, last);
    if (inode == NULL) return ERR_NOT_FOUND;
    if ((inode->kind == FILE_DIRECTORY) != (kind == FILE_DIRECTORY)) return ERR_IO;
    if (kind == FILE_DIRECTORY && !name_dir_is_empty(inode)) return ERR_EXISTS;
    name_set(disk, dir, last, NULL);
    return OK;
}

static enum err unlink_path(struct fs *fs, const char *path)
{
    BEGIN(fs, SIM_CALL_UNLINK, path);
    return call_end(&call, remove_name(disk, path, FILE_REGULAR));
}

static enum err remove_dir(struct fs *fs, const char *path)
{
    BEGIN(fs, SIM_CALL_RMDIR, path);
    return call_end(&call, remove_name(disk, path, FILE_DIRECTORY));
}

static enum err make_dir(struct fs *fs, const char *path)
{
    BEGIN(fs, SIM_CALL_MKDIR, path);
    char last[NAME_SIZE_MAX];
    struct inode *dir = NULL;
    enum err e = name_resolve(disk, path, &dir, last);
    if (e == OK && (last[0] == '\0' || name_lookup(dir, last) != NULL)) e = ERR_EXISTS;
    if (e == OK) name_set(disk, dir, last, inode_new(disk, FILE_DIRECTORY));
    return call_end(&call, e);
}

// The names as they are before the first call of `each`, in a seeded order; `each` may change the directory.
static enum err list_names(struct disk *disk, struct inode *dir, enum err (*each)(void *context, const char *name),
                           void *context)
{
    char(*names)[NAME_SIZE_MAX] = mem_alloc((dir->by_name.count + 1) * NAME_SIZE_MAX);
    size_t count = 0;
    LIST_EACH(item, &dir->entries)
    {
        struct name *name = LIST_ITEM(item, struct name, link);
        if (name->states[name->state_count - 1].inode == NULL) continue;
        memcpy(names[count++], name->text, strlen(name->text) + 1);
    }
    enum err e = OK;
    for (; count > 0 && e == OK; count--) {
        size_t pick = (size_t)sim_below(disk->sim, (int64_t)count);
        char name[NAME_SIZE_MAX];
        memcpy(name, names[pick], NAME_SIZE_MAX);
        memmove(names[pick], names[count - 1], NAME_SIZE_MAX);
        e = each(context, name);
    }
    mem_free(names);
    return e;
}

static enum err list_dir(struct fs *fs, const char *path, enum err (*each)(void *context, const char *name),
                         void *context)
{
    BEGIN(fs, SIM_CALL_LIST, path);
    struct inode *dir = NULL;
    enum err e = name_find_path(disk, path, &dir);
    if (e == OK && dir->kind != FILE_DIRECTORY) e = ERR_IO;
    e = call_end(&call, e); // the crash comes before `each`, whose own calls have crashes of their own
    return e == OK ? list_names(disk, dir, each, context) : e;
}

static enum err sync_dir(struct fs *fs, const char *path)
{
    BEGIN(fs, SIM_CALL_SYNC_DIR, path);
    spend(disk->sim, 50, 10000);
    struct inode *dir = NULL;
    enum err e = name_find_path(disk, path, &dir);
    if (e == OK && dir->kind != FILE_DIRECTORY) e = ERR_IO;
    if (e == OK) name_sync_dir(disk, dir);
    return call_end(&call, e);
}

static struct file_stat stat_of(const struct inode *inode)
{
    return (struct file_stat){.kind = inode->kind, .size_bytes = inode->size, .mtime_ms = inode->mtime_ms};
}

static enum err stat_path(struct fs *fs, const char *path, struct file_stat *out)
{
    BEGIN(fs, SIM_CALL_STAT, path);
    struct inode *inode = NULL;
    enum err e = name_find_path(disk, path, &inode);
    struct file_stat found = e == OK ? stat_of(inode) : (struct file_stat){0};
    e = call_end(&call, e);
    if (e == OK) *out = found;
    return e;
}

static enum err set_mtime(struct fs *fs, const char *path, int64_t mtime_ms)
{
    BEGIN(fs, SIM_CALL_SET_MTIME, path);
    struct inode *inode = NULL;
    enum err e = name_find_path(disk, path, &inode);
    if (e == OK) inode->mtime_ms = mtime_ms;
    return call_end(&call, e);
}

static enum err change_mode(struct fs *fs, const char *path, unsigned mode)
{
    (void)mode; // permissions are not modelled
    BEGIN(fs, SIM_CALL_CHMOD, path);
    struct inode *inode = NULL;
    return call_end(&call, name_find_path(disk, path, &inode));
}

static enum err space(struct fs *fs, const char *path, int64_t *total_bytes, int64_t *free_bytes)
{
    BEGIN(fs, SIM_CALL_SPACE, path);
    int64_t total = disk->capacity_bytes == 0 ? (int64_t)1 << 40 : disk->capacity_bytes;
    int64_t used = disk->used_pages * PAGE_SIZE;
    enum err e = call_end(&call, OK);
    if (e != OK) return e;
    *total_bytes = total;
    *free_bytes = used < total ? total - used : 0;
    return OK;
}

static const struct fs_ops fs_ops = {
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

void fs_init(struct fs *fs)
{
    fs->ops = &fs_ops;
}

// ---- files ----

static bool is_blocking(enum sim_call kind)
{
    return kind == SIM_CALL_PREAD || kind == SIM_CALL_SYNC || kind == SIM_CALL_TRUNCATE || kind == SIM_CALL_ALLOCATE;
}

static bool begin_file(struct call *call, struct handle *handle, enum sim_call kind, int64_t position, int64_t size,
                       int error_ppm)
{
    if (is_blocking(kind)) assert_may_block(handle->process->node->sim);
    if (!call_begin(call, handle->process, kind)) return false;
    struct sim *sim = call->node->sim;
    if (call->forced == OK && chance(sim, error_ppm)) call->forced = ERR_IO;
    trace(sim, call->node, "%s file=%lld at=%lld size=%lld%s%s", sim_call_name(kind), (long long)handle->inode->id,
          (long long)position, (long long)size,
          call->forced == OK ? "" : " fails: ", call->forced == OK ? "" : err_name(call->forced));
    return true;
}

static size_t readable(const struct inode *inode, int64_t position, size_t size)
{
    if (position >= inode->size) return 0;
    uint64_t left = (uint64_t)(inode->size - position);
    return left < size ? (size_t)left : size;
}

static enum err read_at(struct file *file, int64_t position, void *to, size_t size, size_t *got)
{
    struct handle *handle = handle_of(file);
    struct call call;
    struct sim *sim = handle->process->node->sim;
    if (!begin_file(&call, handle, SIM_CALL_PREAD, position, (int64_t)size, sim->options.faults.read_error_ppm))
        return ERR_IO;
    spend(sim, 1, 5000);
    enum err e = call.forced != OK ? call.forced : position < 0 ? ERR_IO : OK;
    size_t count = e == OK ? readable(handle->inode, position, size) : 0;
    inode_read(handle->inode, position, to, count);
    e = call_end(&call, e);
    if (e == OK) *got = count;
    return e;
}

static enum err try_read_at(struct file *file, int64_t position, void *to, size_t size, size_t *got)
{
    struct handle *handle = handle_of(file);
    struct call call;
    struct sim *sim = handle->process->node->sim;
    const struct sim_faults *faults = &sim->options.faults;
    if (!begin_file(&call, handle, SIM_CALL_TRY_PREAD, position, (int64_t)size, faults->read_error_ppm)) return ERR_IO;
    spend(sim, 1, 20);
    enum err e = call.forced != OK ? call.forced : position < 0 ? ERR_IO : OK;
    if (e == OK && chance(sim, faults->try_again_ppm)) e = ERR_AGAIN;
    size_t count = e == OK ? readable(handle->inode, position, size) : 0;
    if (count > 1 && chance(sim, faults->short_read_ppm)) count = 1 + (size_t)sim_below(sim, (int64_t)count - 1);
    inode_read(handle->inode, position, to, count);
    e = call_end(&call, e);
    if (e == OK) *got = count;
    return e;
}

static size_t total_size(const struct iovec *parts, int part_count)
{
    size_t size = 0;
    for (int i = 0; i < part_count; i++) size += parts[i].iov_len;
    return size;
}

// The effect of a write, from the loop or asynchronous; a failing one leaves a seeded prefix.
enum err handle_write(struct handle *handle, struct call *call, int64_t position, const struct iovec *parts,
                      int part_count)
{
    struct disk *disk = &call->node->disk;
    struct sim *sim = disk->sim;
    size_t size = total_size(parts, part_count);
    if (position < 0 || (handle->flags & FILE_WRITE) == 0) return ERR_IO;
    if (chance(sim, sim->options.faults.writeback_ppm)) inode_sync_part(disk, handle->inode, 0, SIZE_MAX, 50);
    enum err e = call->forced;
    size_t limit = size;
    if (e != OK || call->midway) limit = (size_t)sim_below(sim, (int64_t)size + 1);
    size_t written = 0;
    enum err full = inode_write(disk, handle->inode, position, parts, part_count, limit, &written);
    sim->stats.bytes_written += (int64_t)written;
    if (e == OK) e = full;
    trace(sim, call->node, "   wrote file=%lld at=%lld size=%zu sum=%08x%s%s", (long long)handle->inode->id,
          (long long)position, written, checksum(parts, part_count, written),
          e == OK ? "" : " then: ", e == OK ? "" : err_name(e));
    return e;
}

static enum err write_at(struct file *file, int64_t position, const struct iovec *parts, int part_count)
{
    struct handle *handle = handle_of(file);
    struct call call;
    struct sim *sim = handle->process->node->sim;
    if (!begin_file(&call, handle, SIM_CALL_PWRITEV, position, (int64_t)total_size(parts, part_count),
                    sim->options.faults.write_error_ppm))
        return ERR_IO;
    spend(sim, 1, 200);
    return call_end(&call, handle_write(handle, &call, position, parts, part_count));
}

static enum err sync_file(struct file *file)
{
    struct handle *handle = handle_of(file);
    struct call call;
    struct disk *disk = &handle->process->node->disk;
    struct sim *sim = disk->sim;
    struct inode *inode = handle->inode;
    if (!begin_file(&call, handle, SIM_CALL_SYNC, 0, inode == NULL ? 0 : inode->size,
                    sim->options.faults.sync_error_ppm))
        return ERR_IO;
    spend(sim, 50, 20000);
    if (disk->is_read_only && inode->dirty_from < inode->dirty_to && call.forced == OK) call.forced = ERR_READ_ONLY;
    if (call.forced != OK)
        inode_sync_fail(disk, inode);
    else if (sim->lying_fsync)
        trace(sim, call.node, "   lied");
    else if (call.midway)
        inode_sync_part(disk, inode, 0, SIZE_MAX, 50);
    else
        inode_sync(inode);
    return call_end(&call, call.forced);
}

static enum err truncate_file(struct file *file, int64_t size_bytes)
{
    struct handle *handle = handle_of(file);
    struct call call;
    if (!begin_file(&call, handle, SIM_CALL_TRUNCATE, 0, size_bytes, 0)) return ERR_IO;
    struct disk *disk = &call.node->disk;
    if (disk->is_read_only && call.forced == OK) call.forced = ERR_READ_ONLY;
    spend(disk->sim, 5, 500);
    enum err e = call.forced != OK ? call.forced : size_bytes < 0 || (handle->flags & FILE_WRITE) == 0 ? ERR_IO : OK;
    if (e == OK) inode_truncate(disk, handle->inode, size_bytes);
    return call_end(&call, e);
}

static enum err allocate_file(struct file *file, int64_t from, int64_t size_bytes)
{
    struct handle *handle = handle_of(file);
    struct call call;
    if (!begin_file(&call, handle, SIM_CALL_ALLOCATE, from, size_bytes, 0)) return ERR_IO;
    spend(call.node->sim, 5, 500);
    if (call.forced == OK) inode_allocate(&call.node->disk, handle->inode, from, size_bytes);
    return call_end(&call, call.forced);
}

static enum err writeback_file(struct file *file, int64_t from, int64_t size_bytes)
{
    struct handle *handle = handle_of(file);
    struct call call;
    if (!begin_file(&call, handle, SIM_CALL_WRITEBACK, from, size_bytes, 0)) return ERR_IO;
    spend(call.node->sim, 5, 200);
    if (call.forced == OK && from >= 0 && size_bytes > 0)
        inode_sync_part(&call.node->disk, handle->inode, (size_t)(from / PAGE_SIZE),
                        (size_t)((from + size_bytes) / PAGE_SIZE), 80);
    return call_end(&call, call.forced);
}

static enum err stat_file(struct file *file, struct file_stat *out)
{
    struct handle *handle = handle_of(file);
    struct call call;
    if (!begin_file(&call, handle, SIM_CALL_FILE_STAT, 0, 0, 0)) return ERR_IO;
    struct file_stat found = stat_of(handle->inode);
    enum err e = call_end(&call, call.forced);
    if (e == OK) *out = found;
    return e;
}

static void close_file(struct file *file)
{
    struct handle *handle = handle_of(file);
    struct call call;
    if (!begin_file(&call, handle, SIM_CALL_CLOSE, 0, 0, 0)) return; // dead: freed by sim_free
    release(&call.node->disk, handle);
    list_remove(&handle->link);
    mem_free(handle);
    (void)call_end(&call, OK);
}

static const struct file_ops file_ops = {
    .pread = read_at,
    .try_pread = try_read_at,
    .pwritev = write_at,
    .sync = sync_file,
    .truncate = truncate_file,
    .allocate = allocate_file,
    .writeback = writeback_file,
    .stat = stat_file,
    .close = close_file,
};

// The process died: what it had open is let go, the memory stays for pointers into it.
void process_drop_handles(struct process *process)
{
    LIST_EACH(item, &process->handles) release(&process->node->disk, LIST_ITEM(item, struct handle, link));
}

void process_free_handles(struct process *process)
{
    LIST_EACH(item, &process->handles)
    {
        struct handle *handle = LIST_ITEM(item, struct handle, link);
        inode_unref(&process->node->disk, handle->inode);
        mem_free(handle);
    }
}

// ---- for tests ----

enum err sim_corrupt(struct sim_node *node, const char *path, int64_t position, uint8_t mask)
{
    struct inode *inode = NULL;
    enum err e = name_find_path(&node->disk, path, &inode);
    if (e != OK) return e;
    if (inode->kind != FILE_REGULAR || position < 0 || position >= inode->size) return ERR_INVALID;
    trace(node->sim, node, "bit rot %s at=%lld mask=%02x", path, (long long)position, mask);
    size_t index = (size_t)(position / PAGE_SIZE);
    struct page *page = index < inode->page_count ? &inode->pages[index] : NULL;
    if (page == NULL || page->now == NULL) return ERR_INVALID; // a hole has no bits to rot
    page->now[position % PAGE_SIZE] ^= mask;
    if (page->durable != NULL && page->durable != page->now) page->durable[position % PAGE_SIZE] ^= mask;
    return OK;
}

void sim_set_read_only(struct sim_node *node, bool is_read_only)
{
    trace(node->sim, node, "disk %s", is_read_only ? "read-only" : "writable");
    node->disk.is_read_only = is_read_only;
}

void sim_set_disk_delay(struct sim_node *node, int64_t delay_ms)
{
    trace(node->sim, node, "disk delay=%lld", (long long)delay_ms);
    node->disk.delay_ns = delay_ms * 1000000;
}

void sim_set_disk_capacity(struct sim_node *node, int64_t capacity_bytes)
{
    node->disk.capacity_bytes = capacity_bytes;
}
