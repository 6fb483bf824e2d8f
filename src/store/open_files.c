// SPDX-License-Identifier: Apache-2.0
// How many files of its logs a loop keeps open. A segment's descriptors are opened by tasks when somebody needs them
// and let go least recently used first when there are more than `most`. What is in use stays: a file that somebody
// else holds too (a range that is being sent, a task), the one a write is under way to, and all of a log that is being
// compacted, whose files have other names meanwhile.
//
// Who wants to open something reserves it first, so that the bound holds at the moment of opening. Reads may take three
// quarters only and give up when those are in use (a consumer may be slow); writers wait for the rest, which is soon
// free, because a write ends with its turn.
#include "store/store_int.h"

enum { EVICT_TRIES = 64, RETRY_MS = 5 };

struct open_files {
    struct env *env;
    size_t most;
    size_t count;        // held by segments
    size_t coming;       // reserved
    struct list used;    // struct segment_use, least recently used first
    struct list waiting; // struct plog_hot by waits_for_file
    struct env_timer retry;
};

// Of a segment that has files open.
struct segment_use {
    struct list link;
    struct plog *plog;
    struct segment *segment;
    size_t count;
};

static void wake_waiting(struct open_files *files)
{
    // More would find nothing left, and wait again behind the others.
    for (size_t i = 0; i <= files->most / 2 && !list_is_empty(&files->waiting); i++)
        plog_wake(LIST_ITEM(list_pop_front(&files->waiting), struct plog_hot, waits_for_file)->plog);
}

static void retry(struct env *env, struct env_timer *timer)
{
    (void)env;
    wake_waiting(CONTAINER_OF(timer, struct open_files, retry));
}

struct open_files *open_files_new(struct env *env, size_t most)
{
    struct open_files *files = MEM_NEW(struct open_files);
    files->env = env;
    files->most = most < OPEN_FILES_LEAST ? OPEN_FILES_LEAST : most;
    files->retry.fire = retry;
    list_init(&files->used);
    list_init(&files->waiting);
    return files;
}

void open_files_free(struct open_files *files)
{
    if (files == NULL) return;
    ASSERT(list_is_empty(&files->used) && list_is_empty(&files->waiting) && files->count == 0);
    env_timer_cancel(files->env, &files->retry);
    mem_free(files);
}

size_t open_files_count(const struct open_files *files)
{
    return files->count;
}

static bool is_shared(const struct file *file)
{
    return file != NULL && __atomic_load_n(&file->refs, __ATOMIC_ACQUIRE) > 1;
}

static bool is_in_use(const struct segment_use *use)
{
    const struct segment *s = use->segment;
    const struct plog *plog = use->plog;
    bool is_written = plog->is_writing && plog->hot->write.file == s->log;
    return is_written || plog->compaction != NULL || is_shared(s->log) || is_shared(s->index) ||
           is_shared(s->timeindex) || is_shared(s->txnindex);
}

static void forget(struct open_files *files, struct segment_use *use)
{
    files->count -= use->count;
    list_remove(&use->link);
    use->segment->use = NULL;
    mem_free(use);
}

static void let_go(struct file **file)
{
    file_unref(*file);
    *file = NULL;
}

static bool make_room(struct open_files *files, size_t wanted, size_t most)
{
    for (int i = 0; i < EVICT_TRIES && files->count + files->coming + wanted > most; i++) {
        struct list *first = list_first(&files->used);
        if (first == NULL) break;
        struct segment_use *use = LIST_ITEM(first, struct segment_use, link);
        if (is_in_use(use)) { // which makes it recently used
            list_remove(first);
            list_push_back(&files->used, first);
            continue;
        }
        let_go(&use->segment->log);
        let_go(&use->segment->index);
        let_go(&use->segment->timeindex);
        let_go(&use->segment->txnindex);
        forget(files, use);
    }
    return files->count + files->coming + wanted <= most;
}

bool plog_reserve_files(struct plog *plog, size_t count, bool is_read)
{
    struct open_files *files = plog->files;
    if (files == NULL) return true;
    if (!make_room(files, count, is_read ? files->most / 4 * 3 : files->most)) return false;
    files->coming += count;
    return true;
}

void plog_reserve_files_anyway(struct plog *plog, size_t count)
{
    if (plog->files == NULL) return;
    make_room(plog->files, count, plog->files->most);
    plog->files->coming += count;
}

void plog_unreserve_files(struct plog *plog, size_t count)
{
    if (plog->files == NULL) return;
    ASSERT(plog->files->coming >= count);
    plog->files->coming -= count;
    wake_waiting(plog->files);
}

void plog_await_file(struct plog *plog)
{
    struct open_files *files = plog->files;
    struct plog_hot *hot = plog_heat(plog);
    if (!list_is_linked(&hot->waits_for_file)) list_push_back(&files->waiting, &hot->waits_for_file);
    if (!heap_contains(&files->retry.node)) env_timer_after_ms(files->env, &files->retry, RETRY_MS);
}

bool plog_files_are_scarce(const struct plog *plog)
{
    return plog->files != NULL && plog->files->count + plog->files->coming > plog->files->most / 2;
}

void plog_use_segment(struct plog *plog, struct segment *s)
{
    struct open_files *files = plog->files;
    if (files == NULL || s == NULL) return;
    size_t count = (size_t)(s->log != NULL) + (s->index != NULL) + (s->timeindex != NULL) + (s->txnindex != NULL);
    if (count == 0 && s->use == NULL) return;
    if (s->use == NULL) {
        s->use = MEM_NEW(struct segment_use);
        s->use->plog = plog;
        s->use->segment = s;
    } else {
        list_remove(&s->use->link);
    }
    files->count += count - s->use->count;
    s->use->count = count;
    list_push_back(&files->used, &s->use->link);
    if (count == 0)
        forget(files, s->use);
    else
        make_room(files, 0, files->most);
}

void segment_forget_use(struct segment *segment)
{
    if (segment->use != NULL) forget(segment->use->plog->files, segment->use);
}

void plog_share_files(struct plog *plog, struct open_files *files)
{
    ASSERT(plog->files == NULL);
    plog->files = files;
    for (size_t i = 0; i < plog->segment_count; i++) plog_use_segment(plog, plog->segments[i]);
}
