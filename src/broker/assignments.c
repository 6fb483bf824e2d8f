// SPDX-License-Identifier: Apache-2.0
#include "broker/assignments.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/forward.h"
#include "meta/image.h"
#include "proto/assign_replicas_to_dirs.h"

enum { PER_REQUEST_MAX = 2250, FIRST_RETRY_MS = 100, RETRY_MS_MAX = 10000 }; // Kafka's

struct assignment {
    struct list link;
    struct uuid topic_id;
    int32_t index;
    struct uuid directory;
};

static struct assignment *find(struct list *in, struct uuid topic_id, int32_t index)
{
    LIST_EACH (link, in) {
        struct assignment *a = LIST_ITEM(link, struct assignment, link);
        if (a->index == index && uuid_eq(a->topic_id, topic_id)) return a;
    }
    return NULL;
}

static void free_all(struct list *list)
{
    for (struct list *link; (link = list_pop_front(list)) != NULL;) mem_free(LIST_ITEM(link, struct assignment, link));
}

// Each on its own: the controller takes them in any shape, and neighbours of one directory and topic are put together.
static void fill(struct shard *shard, struct assign_replicas_to_dirs_request *request, struct arena *arena)
{
    struct assignments *all = &shard->assignments;
    request->directories.items =
        ARENA_ARRAY(arena, struct assign_replicas_to_dirs_request_directory_data, PER_REQUEST_MAX);
    struct assign_replicas_to_dirs_request_topic_data *topic = NULL;
    struct uuid directory = {{0}};
    for (int count = 0; count < PER_REQUEST_MAX && !list_is_empty(&all->ready); count++) {
        struct list *link = list_pop_front(&all->ready);
        struct assignment *a = LIST_ITEM(link, struct assignment, link);
        if (topic == NULL || !uuid_eq(topic->topic_id, a->topic_id) || !uuid_eq(directory, a->directory)) {
            struct assign_replicas_to_dirs_request_directory_data *dir =
                &request->directories.items[request->directories.count++];
            dir->id = directory = a->directory;
            dir->topics.items = topic = ARENA_NEW(arena, struct assign_replicas_to_dirs_request_topic_data);
            dir->topics.count = 1;
            topic->topic_id = a->topic_id;
            topic->partitions.items =
                ARENA_ARRAY(arena, struct assign_replicas_to_dirs_request_partition_data, PER_REQUEST_MAX - count);
        }
        topic->partitions.items[topic->partitions.count++].partition_index = a->index;
        list_push_back(&all->sent, link);
    }
}

static void answered(struct shard *shard, void *context, enum err result, struct slice bytes);

static void send(struct shard *shard)
{
    struct assignments *all = &shard->assignments;
    const struct image_node *self = image_broker(shard->image, shard->broker->node_id);
    if (all->is_stopped || !list_is_empty(&all->sent) || list_is_empty(&all->ready) || self == NULL) return;
    struct arena arena = {0};
    struct assign_replicas_to_dirs_request request = assign_replicas_to_dirs_request_init();
    request.broker_id = self->id;
    request.broker_epoch = self->epoch;
    fill(shard, &request, &arena);
    struct slice body = SLICE_NULL;
    enum err e = wire_encode_bytes(&assign_replicas_to_dirs_request_message, 0, &request, &arena, &body);
    ASSERT(e == OK);
    forward_call(shard, ASSIGN_REPLICAS_TO_DIRS_REQUEST_KEY, 0, body, false, answered, NULL);
    arena_deinit(&arena);
}

static void try_again(struct env *env, struct env_timer *timer)
{
    (void)timer;
    send(shard_here(env));
}

// A partition the controller refuses is one it has deleted.
static void answered(struct shard *shard, void *context, enum err result, struct slice bytes)
{
    (void)context;
    struct assignments *all = &shard->assignments;
    struct arena arena = {0};
    struct assign_replicas_to_dirs_response response;
    enum err e = result;
    if (e == OK) e = wire_decode(&assign_replicas_to_dirs_response_message, 0, bytes, &arena, &response, NULL);
    if (e == OK) e = (enum err)response.error_code;
    arena_deinit(&arena);
    if (all->is_stopped || e == OK) {
        free_all(&all->sent);
        all->retry_ms = FIRST_RETRY_MS;
        send(shard);
        return;
    }
    for (struct list *link; (link = list_pop_front(&all->sent)) != NULL;) {
        struct assignment *a = LIST_ITEM(link, struct assignment, link);
        if (find(&all->ready, a->topic_id, a->index) == NULL)
            list_push_back(&all->ready, link);
        else
            mem_free(a);
    }
    log_warn(shard->log, "broker", "the controller did not take the directories of replicas: %s; retrying",
             err_text(e));
    all->timer.fire = try_again;
    env_timer_after_ms(shard->env, &all->timer, all->retry_ms);
    if (all->retry_ms < RETRY_MS_MAX) all->retry_ms *= 2;
}

static void turn_ends(struct env *env, struct env_msg *msg)
{
    (void)msg;
    struct shard *shard = shard_here(env);
    shard->assignments.is_queued = false;
    send(shard);
}

void assignments_init(struct shard *shard)
{
    list_init(&shard->assignments.ready);
    list_init(&shard->assignments.sent);
    shard->assignments.retry_ms = FIRST_RETRY_MS;
}

void assignments_add(struct shard *shard, struct uuid topic_id, int32_t index, struct uuid directory)
{
    struct assignments *all = &shard->assignments;
    if (all->is_stopped) return;
    struct assignment *a = find(&all->ready, topic_id, index);
    if (a == NULL) {
        a = MEM_NEW(struct assignment);
        *a = (struct assignment){.topic_id = topic_id, .index = index};
        list_push_back(&all->ready, &a->link);
    }
    a->directory = directory;
    if (all->is_queued || !list_is_empty(&all->sent)) return; // goes with or behind the one under way
    all->is_queued = true;
    all->turn_end = (struct env_msg){.run = turn_ends};
    env_at_turn_end(shard->env, &all->turn_end);
}

void assignments_stop(struct shard *shard)
{
    shard->assignments.is_stopped = true;
    env_timer_cancel(shard->env, &shard->assignments.timer);
    free_all(&shard->assignments.ready);
}

void assignments_deinit(struct shard *shard)
{
    free_all(&shard->assignments.ready);
    free_all(&shard->assignments.sent);
}
