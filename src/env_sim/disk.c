// SPDX-License-Identifier: Apache-2.0
// Inodes: pages and sizes as a read sees them, and as a power cut leaves them. The rules are in README.md.
#include <string.h>

#include "env_sim/sim_int.h"

enum { SIZES_KEPT = 32 };

void disk_init(struct disk *disk, struct sim *sim, struct sim_node *node, int64_t capacity_bytes)
{
    *disk = (struct disk){.sim = sim, .node = node, .capacity_bytes = capacity_bytes};
    list_init(&disk->inodes);
    disk->root = inode_ref(inode_new(disk, FILE_DIRECTORY));
}

struct inode *inode_new(struct disk *disk, enum file_kind kind)
{
    struct inode *inode = MEM_NEW(struct inode);
    inode->id = ++disk->next_id;
    inode->kind = kind;
    inode->mtime_ms = disk->sim->options.wall_start_ms + disk->sim->now_ns / 1000000;
    inode->durable_mtime_ms = inode->mtime_ms;
    list_init(&inode->entries);
    list_push_back(&disk->inodes, &inode->link);
    return inode;
}

static void charge(struct disk *disk, struct page *page, bool on)
{
    if (page->charged == on) return;
    page->charged = on;
    disk->used_pages += on ? 1 : -1;
}

static void free_page(struct disk *disk, struct page *page)
{
    if (page->now != page->durable) mem_free(page->now);
    mem_free(page->durable);
    charge(disk, page, false);
    *page = (struct page){0};
}

static void free_inode(struct disk *disk, struct inode *inode)
{
    for (size_t i = 0; i < inode->page_count; i++) free_page(disk, &inode->pages[i]);
    mem_free(inode->pages);
    mem_free(inode->sizes);
    map_deinit(&inode->by_name);
    list_remove(&inode->link);
    mem_free(inode);
}

void disk_deinit(struct disk *disk)
{
    disk->keep_unreferenced = true;
    LIST_EACH(item, &disk->inodes) name_free_all(disk, LIST_ITEM(item, struct inode, link));
    LIST_EACH(item, &disk->inodes) free_inode(disk, LIST_ITEM(item, struct inode, link));
}

struct inode *inode_ref(struct inode *inode)
{
    if (inode != NULL) inode->refs++;
    return inode;
}

void inode_unref(struct disk *disk, struct inode *inode)
{
    if (inode == NULL) return;
    ASSERT(inode->refs > 0);
    if (--inode->refs > 0 || disk->keep_unreferenced) return;
    name_free_all(disk, inode);
    free_inode(disk, inode);
}

// ---- pages ----

static void grow(struct inode *inode, size_t count)
{
    if (count <= inode->page_count) return;
    size_t capacity = inode->page_count * 2 > count ? inode->page_count * 2 : count;
    inode->pages = mem_realloc(inode->pages, capacity * sizeof(struct page));
    memset(inode->pages + inode->page_count, 0, (capacity - inode->page_count) * sizeof(struct page));
    inode->page_count = capacity;
}

static void mark_dirty(struct inode *inode, size_t index)
{
    inode->pages[index].dirty = true;
    if (inode->dirty_from >= inode->dirty_to) {
        inode->dirty_from = index;
        inode->dirty_to = index + 1;
    }
    if (index < inode->dirty_from) inode->dirty_from = index;
    if (index >= inode->dirty_to) inode->dirty_to = index + 1;
}

// Gives the page memory of its own to write into.
static void own_page(struct page *page)
{
    if (page->now != NULL && page->now != page->durable) return;
    uint8_t *copy = mem_alloc(PAGE_SIZE);
    if (page->now != NULL)
        memcpy(copy, page->now, PAGE_SIZE);
    else
        memset(copy, 0, PAGE_SIZE);
    page->now = copy;
}

static void make_durable(struct page *page)
{
    page->dirty = false;
    if (page->now == page->durable) return;
    mem_free(page->durable);
    page->durable = page->now;
}

static void make_lost(struct page *page)
{
    page->dirty = false;
    if (page->now == page->durable) return;
    mem_free(page->now);
    page->now = page->durable;
}

static void set_size(struct inode *inode, int64_t size)
{
    if (inode->size == size) return;
    if (inode->sizes == NULL) inode->sizes = mem_alloc(SIZES_KEPT * sizeof(int64_t));
    if (inode->size_count == SIZES_KEPT) { // thin out: every second one goes
        inode->size_count /= 2;
        for (int i = 0; i < inode->size_count; i++) inode->sizes[i] = inode->sizes[2 * i];
    }
    inode->sizes[inode->size_count++] = inode->size;
    inode->size = size;
}

void inode_read(const struct inode *inode, int64_t position, void *to, size_t size)
{
    uint8_t *out = to;
    while (size > 0) {
        size_t index = (size_t)(position / PAGE_SIZE);
        size_t at = (size_t)(position % PAGE_SIZE);
        size_t part = PAGE_SIZE - at < size ? PAGE_SIZE - at : size;
        const uint8_t *from = index < inode->page_count ? inode->pages[index].now : NULL;
        if (from != NULL)
            memcpy(out, from + at, part);
        else
            memset(out, 0, part);
        out += part;
        position += (int64_t)part;
        size -= part;
    }
}

static bool has_room(const struct disk *disk)
{
    return disk->capacity_bytes == 0 || (disk->used_pages + 1) * PAGE_SIZE <= disk->capacity_bytes;
}

static enum err write_bytes(struct disk *disk, struct inode *inode, int64_t position, const uint8_t *from, size_t size,
                            size_t *written)
{
    if (disk->is_read_only) return ERR_READ_ONLY;
    while (size > 0) {
        size_t index = (size_t)(position / PAGE_SIZE);
        size_t at = (size_t)(position % PAGE_SIZE);
        size_t part = PAGE_SIZE - at < size ? PAGE_SIZE - at : size;
        grow(inode, index + 1);
        struct page *page = &inode->pages[index];
        if (!page->charged && !has_room(disk)) return ERR_NO_SPACE;
        charge(disk, page, true);
        own_page(page);
        memcpy(page->now + at, from, part);
        mark_dirty(inode, index);
        from += part;
        position += (int64_t)part;
        size -= part;
        *written += part;
        if (position > inode->size) set_size(inode, position);
    }
    return OK;
}

enum err inode_write(struct disk *disk, struct inode *inode, int64_t position, const struct iovec *parts,
                     int part_count, size_t limit, size_t *written)
{
    *written = 0;
    inode->mtime_ms = disk->sim->options.wall_start_ms + sim_now_ns(disk->sim) / 1000000;
    for (int i = 0; i < part_count && limit > 0; i++) {
        size_t part = parts[i].iov_len < limit ? parts[i].iov_len : limit;
        size_t done = 0;
        enum err e = write_bytes(disk, inode, position, parts[i].iov_base, part, &done);
        *written += done;
        if (e != OK) return e;
        position += (int64_t)part;
        limit -= part;
    }
    return OK;
}

void inode_truncate(struct disk *disk, struct inode *inode, int64_t size)
{
    size_t first = (size_t)((size + PAGE_SIZE - 1) / PAGE_SIZE);
    for (size_t i = first; i < inode->page_count; i++) {
        struct page *page = &inode->pages[i];
        charge(disk, page, false);
        if (page->now == NULL) continue;
        if (page->now != page->durable) mem_free(page->now);
        page->now = NULL;
        mark_dirty(inode, i);
    }
    size_t tail = (size_t)(size % PAGE_SIZE);
    if (size < inode->size && tail != 0 && first <= inode->page_count && inode->pages[first - 1].now != NULL) {
        own_page(&inode->pages[first - 1]);
        memset(inode->pages[first - 1].now + tail, 0, PAGE_SIZE - tail);
        mark_dirty(inode, first - 1);
    }
    inode->mtime_ms = disk->sim->options.wall_start_ms + sim_now_ns(disk->sim) / 1000000;
    set_size(inode, size);
}

void inode_allocate(struct disk *disk, struct inode *inode, int64_t from, int64_t size)
{
    if (disk->capacity_bytes == 0 || from < 0 || size <= 0) return;
    size_t end = (size_t)((from + size + PAGE_SIZE - 1) / PAGE_SIZE);
    grow(inode, end);
    for (size_t i = (size_t)(from / PAGE_SIZE); i < end && has_room(disk); i++) charge(disk, &inode->pages[i], true);
}

// ---- what the disk gets ----

void inode_sync(struct inode *inode)
{
    size_t from = inode->dirty_from;
    size_t to = inode->dirty_to;
    inode->dirty_from = inode->dirty_to = 0;
    for (size_t i = from; i < to; i++) {
        struct page *page = &inode->pages[i];
        if (page->dirty) make_durable(page);
        if (page->now == page->durable) continue;
        mark_dirty(inode, i); // lost by an earlier failed sync: stays in the range, but clean
        page->dirty = false;
    }
    inode->durable_size = inode->size;
    inode->size_count = 0;
    inode->durable_mtime_ms = inode->mtime_ms;
}

// The kernel writes some dirty pages back by itself, sometimes the size too.
void inode_sync_part(struct disk *disk, struct inode *inode, size_t from_page, size_t to_page, int percent)
{
    if (from_page < inode->dirty_from) from_page = inode->dirty_from;
    if (to_page > inode->dirty_to) to_page = inode->dirty_to;
    for (size_t i = from_page; i < to_page; i++)
        if (inode->pages[i].dirty && sim_buggify(disk->sim, percent)) make_durable(&inode->pages[i]);
    if (sim_buggify(disk->sim, 50)) return;
    inode->durable_size = inode->size;
    inode->size_count = 0;
}

// The kernel reported the error once and forgets: some pages had been written, the others are clean now without
// being on disk, and some of those are evicted and read back old. A later sync says OK and does not write them.
void inode_sync_fail(struct disk *disk, struct inode *inode)
{
    for (size_t i = inode->dirty_from; i < inode->dirty_to; i++) {
        struct page *page = &inode->pages[i];
        if (!page->dirty) continue;
        int64_t fate = sim_below(disk->sim, 4);
        if (fate == 0)
            make_durable(page);
        else if (fate == 1)
            make_lost(page);
        else
            page->dirty = false; // dirty_from and dirty_to go on covering it: it still differs
    }
}

static uint8_t *torn(struct disk *disk, const struct page *page)
{
    uint8_t *mixed = mem_alloc(PAGE_SIZE);
    for (size_t at = 0; at < PAGE_SIZE; at += SECTOR_SIZE) {
        const uint8_t *from = sim_buggify(disk->sim, 50) ? page->now : page->durable;
        if (from != NULL)
            memcpy(mixed + at, from + at, SECTOR_SIZE);
        else
            memset(mixed + at, 0, SECTOR_SIZE);
    }
    return mixed;
}

static void cut_page(struct disk *disk, struct page *page, int mode)
{
    struct sim_stats *stats = &disk->sim->stats;
    if (!page->dirty) {
        make_lost(page); // differs only after a failed sync
        return;
    }
    int64_t fate = mode == 0 ? 0 : mode == 1 ? 1 : sim_below(disk->sim, 3);
    if (fate == 0) {
        stats->pages_dropped++;
        make_lost(page);
    } else if (fate == 1) {
        stats->pages_kept++;
        make_durable(page);
    } else {
        stats->pages_torn++;
        uint8_t *mixed = torn(disk, page);
        if (page->now != page->durable) mem_free(page->now);
        page->now = mixed;
        make_durable(page);
    }
}

static int64_t cut_size(struct disk *disk, struct inode *inode, int mode)
{
    if (mode == 0) return inode->durable_size;
    if (mode == 1) return inode->size_count > 0 ? inode->size : inode->durable_size;
    if (inode->size_count == 0) return inode->durable_size;
    int64_t fate = sim_below(disk->sim, 3);
    if (fate == 0) return inode->durable_size;
    if (fate == 1) return inode->size;
    return inode->sizes[sim_below(disk->sim, inode->size_count)];
}

// mode 0: everything unsynced is dropped; 1: kept; else each page and the size for itself.
void inode_power_cut(struct disk *disk, struct inode *inode, int mode)
{
    for (size_t i = inode->dirty_from; i < inode->dirty_to; i++) cut_page(disk, &inode->pages[i], mode);
    if (mode > 1 && inode->mtime_ms != inode->durable_mtime_ms && sim_buggify(disk->sim, 50))
        inode->mtime_ms = inode->durable_mtime_ms;
    inode->size = cut_size(disk, inode, mode);
    size_t pages = (size_t)((inode->size + PAGE_SIZE - 1) / PAGE_SIZE);
    for (size_t i = pages; i < inode->page_count; i++) free_page(disk, &inode->pages[i]);
    for (size_t i = 0; i < inode->page_count; i++) charge(disk, &inode->pages[i], inode->pages[i].now != NULL);
    size_t tail = (size_t)(inode->size % PAGE_SIZE);
    if (tail != 0 && pages <= inode->page_count && inode->pages[pages - 1].now != NULL) {
        struct page *page = &inode->pages[pages - 1];
        memset(page->now + tail, 0, PAGE_SIZE - tail); // a read behind the end sees zeros once the file grows again
    }
    inode_sync(inode);
}

void disk_power_cut(struct disk *disk)
{
    int mode = (int)sim_below(disk->sim, 4);
    int names_mode = (int)sim_below(disk->sim, 4);
    disk->keep_unreferenced = true;
    name_power_cut(disk, names_mode);
    LIST_EACH(item, &disk->inodes)
    {
        struct inode *inode = LIST_ITEM(item, struct inode, link);
        if (inode->kind == FILE_REGULAR && inode->refs > 0) inode_power_cut(disk, inode, mode);
    }
    for (bool freed = true; freed;) { // a lost directory takes what is in it with it
        freed = false;
        LIST_EACH(item, &disk->inodes)
        {
            struct inode *inode = LIST_ITEM(item, struct inode, link);
            if (inode->refs > 0) continue;
            name_free_all(disk, inode);
            free_inode(disk, inode);
            freed = true;
        }
    }
    disk->keep_unreferenced = false;
}
