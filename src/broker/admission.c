// SPDX-License-Identifier: Apache-2.0
#include "broker/admission.h"

#include "base/mem.h"

enum { WATCH_PERIOD_MS = 1000, PIECE_MAX = 1024 * 1024 };

static void watch(struct env *env, struct env_timer *timer)
{
    struct admission *admission = CONTAINER_OF(timer, struct admission, watch);
    struct list *oldest = list_first(&admission->unfinished);
    if (oldest == NULL) return;
    env_timer_after_ms(env, timer, WATCH_PERIOD_MS);
    if (list_is_empty(&admission->paused[ADMISSION_BIG])) return; // nobody waits for it
    struct admission_ticket *ticket = LIST_ITEM(oldest, struct admission_ticket, unfinished);
    if (env_now_ms(env) - ticket->progress_ms >= ADMISSION_STALL_MS) ticket->drop(ticket);
}

static int64_t used(const struct admission *admission)
{
    return admission->used[ADMISSION_SMALL] + admission->used[ADMISSION_BIG];
}

static bool is_quiet(const struct admission *admission, int64_t bytes)
{
    return admission->most >= ADMISSION_RUSH_MIN && bytes < admission->most / 8;
}

static void trim(struct env *env, struct env_timer *timer)
{
    (void)env;
    struct admission *admission = CONTAINER_OF(timer, struct admission, trim);
    if (!is_quiet(admission, admission->most_lately)) return; // it goes on: the next lull asks again
    mem_trim();
    admission->most = used(admission);
}

static void note_lull(struct admission *admission)
{
    if (!is_quiet(admission, used(admission)) || heap_contains(&admission->trim.node)) return;
    admission->most_lately = 0;
    env_timer_after_ms(admission->env, &admission->trim, ADMISSION_TRIM_MS);
}

void admission_init(struct admission *admission, struct env *env, int64_t small_bytes, int64_t big_bytes)
{
    *admission = (struct admission){.env = env, .watch = {.fire = watch}, .trim = {.fire = trim}};
    admission->limit[ADMISSION_SMALL] = small_bytes;
    admission->limit[ADMISSION_BIG] = big_bytes;
    list_init(&admission->unfinished);
    for (int pool = 0; pool < ADMISSION_POOLS; pool++) list_init(&admission->paused[pool]);
}

void admission_deinit(struct admission *admission)
{
    env_timer_cancel(admission->env, &admission->watch);
    env_timer_cancel(admission->env, &admission->trim);
}

static bool is_oldest(const struct admission *admission, const struct admission_ticket *ticket)
{
    return admission->unfinished.next == &ticket->unfinished;
}

size_t admission_room(struct admission *admission, enum admission_pool pool, struct admission_ticket *ticket)
{
    int64_t free_bytes = admission->limit[pool] - admission->used[pool];
    if (free_bytes > 0) return (size_t)(free_bytes < PIECE_MAX ? free_bytes : PIECE_MAX);
    if (pool == ADMISSION_BIG && is_oldest(admission, ticket)) return PIECE_MAX;
    if (!list_is_linked(&ticket->paused)) list_push_back(&admission->paused[pool], &ticket->paused);
    return 0;
}

void admission_enter(struct admission *admission, struct admission_ticket *ticket)
{
    if (list_is_linked(&ticket->unfinished)) return;
    ticket->progress_ms = env_now_ms(admission->env);
    list_push_back(&admission->unfinished, &ticket->unfinished);
    if (!heap_contains(&admission->watch.node)) env_timer_after_ms(admission->env, &admission->watch, WATCH_PERIOD_MS);
}

// The new oldest may read although the pool is full.
static void resume_oldest(struct admission *admission)
{
    struct list *oldest = list_first(&admission->unfinished);
    if (oldest == NULL) return;
    struct admission_ticket *ticket = LIST_ITEM(oldest, struct admission_ticket, unfinished);
    if (!list_is_linked(&ticket->paused)) return;
    list_remove(&ticket->paused);
    ticket->progress_ms = env_now_ms(admission->env); // its five seconds begin when it may read
    ticket->resume(ticket);
}

void admission_leave(struct admission *admission, struct admission_ticket *ticket)
{
    bool was_oldest = is_oldest(admission, ticket);
    list_remove(&ticket->unfinished);
    list_remove(&ticket->paused);
    if (was_oldest) resume_oldest(admission);
}

void admission_take(struct admission *admission, enum admission_pool pool, struct admission_ticket *ticket, size_t size)
{
    admission->used[pool] += (int64_t)size;
    int64_t now = used(admission);
    if (now > admission->most) admission->most = now;
    if (now > admission->most_lately) admission->most_lately = now;
    if (ticket != NULL) ticket->progress_ms = env_now_ms(admission->env);
}

void admission_release(struct admission *admission, enum admission_pool pool, size_t size)
{
    admission->used[pool] -= (int64_t)size;
    ASSERT(admission->used[pool] >= 0);
    note_lull(admission);
    // Each resumed one takes its bytes in a later turn, so no more are woken than find a piece of room each.
    int64_t free_bytes = admission->limit[pool] - admission->used[pool];
    while (free_bytes > 0) {
        struct list *next = list_pop_front(&admission->paused[pool]);
        if (next == NULL) return;
        struct admission_ticket *ticket = LIST_ITEM(next, struct admission_ticket, paused);
        ticket->resume(ticket);
        free_bytes -= ADMISSION_SMALL_MAX;
    }
}
