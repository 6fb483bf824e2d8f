// SPDX-License-Identifier: Apache-2.0
// Directory entries. Each name remembers what it meant since its directory was last synced; a power cut picks one of
// these meanings per name, except that a rename happens at both of its names or at neither.
#include <string.h>

#include "env_sim/sim_int.h"

enum { PATH_DEPTH_MAX = 32, STATES_MAX = 16 };

static struct name *find(const struct inode *dir, const char *text)
{
    struct map_link *link = map_find(&dir->by_name, hash_bytes(0, slice_str(text)));
    for (; link != NULL; link = map_find_next(link)) {
        struct name *name = MAP_ITEM(link, struct name, by_name);
        if (strcmp(name->text, text) == 0) return name;
    }
    return NULL;
}

static struct name *find_or_new(struct inode *dir, const char *text)
{
    struct name *name = find(dir, text);
    if (name != NULL) return name;
    name = MEM_NEW(struct name);
    name->dir = dir;
    size_t size = strlen(text) + 1;
    name->text = memcpy(mem_alloc(size), text, size);
    name->states = mem_zalloc(1, sizeof(struct name_state)); // absent, durably
    name->state_count = 1;
    list_push_back(&dir->entries, &name->link);
    map_insert(&dir->by_name, &name->by_name, hash_bytes(0, slice_str(text)));
    return name;
}

static struct inode *current(const struct name *name)
{
    return name->states[name->state_count - 1].inode;
}

struct inode *name_lookup(const struct inode *dir, const char *text)
{
    struct name *name = find(dir, text);
    return name == NULL ? NULL : current(name);
}

bool name_dir_is_empty(const struct inode *dir)
{
    LIST_EACH(item, &dir->entries)
    if (current(LIST_ITEM(item, struct name, link)) != NULL) return false;
    return true;
}

// ---- paths ----

enum err name_resolve(struct disk *disk, const char *path, struct inode **dir, char last[NAME_SIZE_MAX])
{
    struct slice parts[PATH_DEPTH_MAX];
    int depth = 0;
    while (*path != '\0') {
        size_t size = strcspn(path, "/");
        if (size == 2 && path[0] == '.' && path[1] == '.') {
            if (depth > 0) depth--;
        } else if (size > 0 && !(size == 1 && path[0] == '.')) {
            if (depth == PATH_DEPTH_MAX || size >= NAME_SIZE_MAX) return ERR_INVALID;
            parts[depth++] = slice_of(path, size);
        }
        path += size + (path[size] == '/' ? 1 : 0);
    }
    struct inode *at = disk->root;
    for (int i = 0; i < depth; i++) {
        memcpy(last, parts[i].data, parts[i].size);
        last[parts[i].size] = '\0';
        if (i == depth - 1) break;
        at = name_lookup(at, last);
        if (at == NULL || at->kind != FILE_DIRECTORY) return ERR_NOT_FOUND;
    }
    if (depth == 0) last[0] = '\0'; // the root itself
    *dir = at;
    return OK;
}

enum err name_find_path(struct disk *disk, const char *path, struct inode **out)
{
    char last[NAME_SIZE_MAX];
    struct inode *dir = NULL;
    enum err e = name_resolve(disk, path, &dir, last);
    if (e != OK) return e;
    struct inode *inode = last[0] == '\0' ? dir : name_lookup(dir, last);
    if (inode == NULL) return ERR_NOT_FOUND;
    *out = inode;
    return OK;
}

// ---- changes ----

static int state_of_op(const struct name *name, uint64_t op)
{
    for (int i = 1; i < name->state_count; i++)
        if (name->states[i].op == op) return i;
    return 0; // durable already
}

// Makes the name's states up to `index` durable, and with them the other halves of the renames among these.
static void commit(struct disk *disk, struct name *name, int index)
{
    while (index > 0) {
        struct inode *before = name->states[0].inode;
        struct name_state state = name->states[1];
        name->state_count--;
        index--;
        memmove(name->states, name->states + 1, (size_t)name->state_count * sizeof(struct name_state));
        name->states[0].peer = NULL;
        if (state.peer != NULL) commit(disk, state.peer, state_of_op(state.peer, state.op));
        inode_unref(disk, before);
    }
}

static void add_state(struct disk *disk, struct name *name, struct inode *inode, struct name *peer, uint64_t op)
{
    // A kernel commits its journal now and then; this also bounds the memory of names that change often.
    if (name->state_count == STATES_MAX) commit(disk, name, STATES_MAX / 2);
    size_t size = (size_t)(name->state_count + 1) * sizeof(struct name_state);
    name->states = mem_realloc(name->states, size);
    name->states[name->state_count++] = (struct name_state){.inode = inode_ref(inode), .op = op, .peer = peer};
}

void name_set(struct disk *disk, struct inode *dir, const char *text, struct inode *inode)
{
    add_state(disk, find_or_new(dir, text), inode, NULL, ++disk->next_op);
}

void name_move(struct disk *disk, struct inode *from_dir, const char *from, struct inode *to_dir, const char *to)
{
    struct name *old_name = find(from_dir, from);
    struct name *new_name = find_or_new(to_dir, to);
    uint64_t op = ++disk->next_op;
    struct inode *moved = inode_ref(current(old_name));
    // Room first: committing between the two halves could make one of them durable alone.
    if (old_name->state_count == STATES_MAX) commit(disk, old_name, STATES_MAX / 2);
    if (new_name->state_count == STATES_MAX) commit(disk, new_name, STATES_MAX / 2);
    add_state(disk, new_name, moved, old_name, op);
    add_state(disk, old_name, NULL, new_name, op);
    inode_unref(disk, moved);
}

static void free_name(struct name *name)
{
    list_remove(&name->link);
    map_remove(&name->dir->by_name, &name->by_name);
    mem_free(name->states);
    mem_free(name->text);
    mem_free(name);
}

void name_sync_dir(struct disk *disk, struct inode *dir)
{
    LIST_EACH(item, &dir->entries)
    {
        struct name *name = LIST_ITEM(item, struct name, link);
        commit(disk, name, name->state_count - 1);
    }
    LIST_EACH(item, &dir->entries)
    {
        struct name *name = LIST_ITEM(item, struct name, link);
        // Nobody's peer any more: the other half of each of its renames became durable with it.
        if (current(name) == NULL) free_name(name);
    }
}

// Called for a directory (or file) that goes for good.
void name_free_all(struct disk *disk, struct inode *dir)
{
    if (dir->kind != FILE_DIRECTORY) return;
    if (!disk->keep_unreferenced) name_sync_dir(disk, dir);
    LIST_EACH(item, &dir->entries)
    {
        struct name *name = LIST_ITEM(item, struct name, link);
        for (int i = 0; i < name->state_count; i++) inode_unref(disk, name->states[i].inode);
        free_name(name);
    }
}

// ---- power cut ----

static int choose(struct disk *disk, const struct name *name, int mode)
{
    if (name->state_count == 1 || mode == 0) return 0;
    return mode == 1 ? name->state_count - 1 : (int)sim_below(disk->sim, name->state_count);
}

// Moves choices forward until every rename among them happened at both names. True when something moved.
static bool close_over(const struct name *name)
{
    bool moved = false;
    for (int i = 1; i <= name->chosen; i++) {
        struct name *peer = name->states[i].peer;
        if (peer == NULL) continue;
        int needed = state_of_op(peer, name->states[i].op);
        if (peer->chosen >= needed) continue;
        peer->chosen = needed;
        moved = true;
    }
    return moved;
}

static void settle(struct disk *disk, struct name *name)
{
    struct sim_stats *stats = &disk->sim->stats;
    stats->names_kept += name->chosen;
    stats->names_dropped += name->state_count - 1 - name->chosen;
    struct name_state chosen = name->states[name->chosen];
    for (int i = 0; i < name->state_count; i++)
        if (i != name->chosen) inode_unref(disk, name->states[i].inode);
    chosen.peer = NULL;
    name->states[0] = chosen;
    name->state_count = 1;
    if (chosen.inode == NULL) free_name(name);
}

#define EACH_NAME(name_item, inode_item, disk)                                                                         \
    LIST_EACH(inode_item, &(disk)->inodes)                                                                             \
    LIST_EACH(name_item, &LIST_ITEM(inode_item, struct inode, link)->entries)

void name_power_cut(struct disk *disk, int mode)
{
    EACH_NAME(item, dir, disk)
    {
        struct name *name = LIST_ITEM(item, struct name, link);
        name->chosen = choose(disk, name, mode);
    }
    for (bool moved = true; moved;) {
        moved = false;
        EACH_NAME(item, dir, disk) moved |= close_over(LIST_ITEM(item, struct name, link));
    }
    EACH_NAME(item, dir, disk) settle(disk, LIST_ITEM(item, struct name, link));
}
