// SPDX-License-Identifier: Apache-2.0
#include "broker/notice.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/map.h"
#include "base/mem.h"
#include "broker/broker_int.h"

enum { LINE_MAX_SIZE = 512 };

struct notice {
    struct env_msg msg;
    uint64_t hash;
    char line[LINE_MAX_SIZE];
};

static bool is_first(struct notices *notices, uint64_t hash)
{
    for (int i = 0; i < notices->count; i++)
        if (notices->seen[i] == hash) return false;
    notices->seen[notices->next] = hash;
    notices->next = (notices->next + 1) % NOTICES_KEPT;
    if (notices->count < NOTICES_KEPT) notices->count++;
    return true;
}

static void notice_arrives(struct env *env, struct env_msg *msg)
{
    struct notice *notice = CONTAINER_OF(msg, struct notice, msg);
    struct shard *shard = shard_here(env);
    log_line(shard->log, is_first(&shard->notices, notice->hash) ? LOG_WARN : LOG_DEBUG, "network", "%s", notice->line);
    mem_free(notice);
}

void notice_tell(struct shard *shard, const char *peer, struct slice what, const char *format, ...)
{
    const char *colon = strrchr(peer, ':');
    struct slice address = slice_of(peer, colon == NULL ? strlen(peer) : (size_t)(colon - peer));
    struct shard *first = shard->broker->shards[0];
    struct notice *notice = MEM_NEW(struct notice);
    notice->msg.run = notice_arrives;
    notice->hash = hash_bytes(hash_bytes(shard->broker->hash_seed, address), what);
    va_list args;
    va_start(args, format);
    vsnprintf(notice->line, sizeof(notice->line), format, args);
    va_end(args);
    if (first == shard)
        notice_arrives(shard->env, &notice->msg);
    else
        env_post(first->env, &notice->msg);
}
