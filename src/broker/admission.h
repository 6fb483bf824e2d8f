// SPDX-License-Identifier: Apache-2.0
// How much memory clients may hold (design rule 9). One per shard, touched by its loop only.
//
// Bytes count as they arrive, never as announced, in two pools: frames up to ADMISSION_SMALL_MAX have their own, so
// that heartbeats and metadata go on while big produces wait. When the big pool is full only the oldest unfinished
// frame goes on reading, so that one can always finish; a frame that makes no progress for ADMISSION_STALL_MS while
// others wait is dropped.
#ifndef ODRADEK_BROKER_ADMISSION_H
#define ODRADEK_BROKER_ADMISSION_H

#include "base/list.h"
#include "env/env.h"

enum { ADMISSION_SMALL_MAX = 64 * 1024, ADMISSION_STALL_MS = 5000 };

// After a rush the memory that its frames took is given back to the system, once it has been over for a while.
enum { ADMISSION_RUSH_MIN = 16 * 1024 * 1024, ADMISSION_TRIM_MS = 500 };

enum admission_pool { ADMISSION_SMALL, ADMISSION_BIG, ADMISSION_POOLS };

// A connection's place in line. Zero before use; `resume` is called from admission_release or the timer.
struct admission_ticket {
    struct list unfinished; // among the shard's unfinished big frames, oldest first
    struct list paused;     // among those waiting for room
    int64_t progress_ms;    // when bytes last arrived
    void (*resume)(struct admission_ticket *ticket);
    void (*drop)(struct admission_ticket *ticket); // the stalled one; must end in admission_leave
};

struct admission {
    struct env *env;
    int64_t used[ADMISSION_POOLS];
    int64_t limit[ADMISSION_POOLS];
    struct list unfinished;
    struct list paused[ADMISSION_POOLS];
    struct env_timer watch;
    int64_t most;          // bytes in both pools at once since the last trim
    int64_t most_lately;   // since the trim timer was set
    struct env_timer trim; // set while a rush seems to be over
};

void admission_init(struct admission *admission, struct env *env, int64_t small_bytes, int64_t big_bytes);
void admission_deinit(struct admission *admission);

// How many bytes may be read now; 0 = none, and the ticket has been put in line to be resumed.
// A connection whose frame is big and unfinished must have entered.
size_t admission_room(struct admission *admission, enum admission_pool pool, struct admission_ticket *ticket);
// A big frame began / ended (complete or dropped). Leaving twice is allowed.
void admission_enter(struct admission *admission, struct admission_ticket *ticket);
void admission_leave(struct admission *admission, struct admission_ticket *ticket);
// Bytes arrived (or an answer was encoded) / were freed.
void admission_take(struct admission *admission, enum admission_pool pool, struct admission_ticket *ticket,
                    size_t size);
void admission_release(struct admission *admission, enum admission_pool pool, size_t size);

#endif
