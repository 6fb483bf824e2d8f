// SPDX-License-Identifier: Apache-2.0
// Which kinds of coordinators there are, and the way of a call: from its home to the shard that owns the partition, and
// back. A call's memory is its home's; `is_held` and call.call are the owner's while it is out.
#include "broker/coordinators.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/coordinators_int.h"
#include "broker/forward.h"
#include "broker/partition.h"
#include "proto/apis.h"
#include "proto/create_topics.h"

enum { CREATE_TIMEOUT_MS = 30000, CREATE_VERSION = 7, MS_PER_MINUTE = 60000 };

_Static_assert(COORDINATOR_KINDS <= (int)SHARD_COORDINATOR_KINDS_MAX, "shard.h counts them as well");

// ---- kinds -------------------------------------------------------------------------------------------------------

static const void *group_settings(const struct config *config, union coordinator_settings *out)
{
    out->group = (struct group_settings){
        .min_session_timeout_ms = config_get_int(config, "group.min.session.timeout.ms"),
        .max_session_timeout_ms = config_get_int(config, "group.max.session.timeout.ms"),
        .initial_rebalance_delay_ms = config_get_int(config, "group.initial.rebalance.delay.ms"),
        .max_size = config_get_int(config, "group.max.size"),
        .offset_metadata_max_bytes = config_get_int(config, "offset.metadata.max.bytes"),
        .offsets_retention_ms = (int64_t)config_get_int(config, "offsets.retention.minutes") * MS_PER_MINUTE,
        .offsets_retention_check_ms = config_get_long(config, "offsets.retention.check.interval.ms"),
    };
    return &out->group;
}

static const struct coordinator_info kinds[COORDINATOR_KINDS] = {
    [COORDINATOR_GROUP] = {.topic = "__consumer_offsets",
                           .machine = &group_machine,
                           .base_sequence = 0,
                           .codec_key = "offsets.topic.compression.codec",
                           .settings = group_settings},
};

const struct coordinator_info *coordinator_info(enum coordinator_kind kind)
{
    return &kinds[kind];
}

bool coordinator_kind_of(const char *topic, enum coordinator_kind *out)
{
    for (int kind = 0; kind < COORDINATOR_KINDS; kind++) {
        if (strcmp(kinds[kind].topic, topic) != 0) continue;
        *out = (enum coordinator_kind)kind;
        return true;
    }
    return false;
}

// ---- topics ------------------------------------------------------------------------------------------------------

const struct image_topic *coordinator_topic(const struct image *image, enum coordinator_kind kind)
{
    return image_topic_by_name(image, slice_str(kinds[kind].topic));
}

static void created(struct shard *shard, void *context, enum err result, struct slice answer)
{
    bool *is_creating = context;
    *is_creating = false;
    struct arena arena = {0};
    struct create_topics_response response = create_topics_response_init();
    if (result == OK)
        result = wire_decode(&create_topics_response_message, CREATE_VERSION, answer, &arena, &response, NULL);
    if (result == OK && response.topics.count == 1) result = (enum err)response.topics.items[0].error_code;
    if (result != OK && result != ERR_TOPIC_ALREADY_EXISTS)
        log_warn(shard->log, "broker", "an internal topic could not be made: %s", err_text(result));
    arena_deinit(&arena);
}

void coordinator_create_topic(struct shard *shard, enum coordinator_kind kind)
{
    if (shard->creating_coordinator_topic[kind]) return;
    shard->creating_coordinator_topic[kind] = true;
    struct arena arena = {0};
    struct create_topics_request body = create_topics_request_init();
    struct create_topics_request_creatable_topic topic = create_topics_request_creatable_topic_init();
    topic.name = slice_str(kinds[kind].topic);
    topic.num_partitions = -1; // partitions, replicas and settings of internal topics are the controller's to fill in
    topic.replication_factor = -1;
    body.timeout_ms = CREATE_TIMEOUT_MS;
    body.topics.items = &topic;
    body.topics.count = 1;
    struct slice bytes;
    enum err e = wire_encode_bytes(&create_topics_request_message, CREATE_VERSION, &body, &arena, &bytes);
    ASSERT(e == OK);
    forward_call(shard, API_CREATE_TOPICS, CREATE_VERSION, bytes, true, created,
                 &shard->creating_coordinator_topic[kind]);
    arena_deinit(&arena);
}

// ---- home --------------------------------------------------------------------------------------------------------

static void came_home(struct coordinator_call *call)
{
    ASSERT(call->out > 0);
    if (--call->out == 0) call->done(call);
}

static void answer_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    came_home(CONTAINER_OF(msg, struct coordinator_call, msg));
}

static void recall_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    came_home(CONTAINER_OF(msg, struct coordinator_call, recall));
}

// ---- the owner's shard -------------------------------------------------------------------------------------------

// To oneself it is a call: where nothing waits, a request is answered in the turn it came.
static void send(struct shard *from, struct shard *to, struct env_msg *msg)
{
    if (from == to)
        msg->run(to->env, msg);
    else
        env_post(to->env, msg);
}

void coordinator_answered(struct coordinator_call *call)
{
    call->is_held = false;
    call->msg.run = answer_home;
    send(call->owner, call->home, &call->msg);
}

static void refuse(struct coordinator_call *call, enum err why)
{
    call->call.err = why;
    call->call.response = NULL;
    coordinator_answered(call);
}

static void call_arrives(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct coordinator_call *call = CONTAINER_OF(msg, struct coordinator_call, msg);
    struct partition *partition = partition_find(call->owner, call->topic_id, call->index);
    if (partition == NULL) {
        refuse(call, ERR_NOT_COORDINATOR);
    } else if (partition->coordinator == NULL) {
        // The log of a new topic is still being made.
        refuse(call, partition->state == PARTITION_OPENING ? ERR_COORDINATOR_LOAD_IN_PROGRESS : ERR_NOT_COORDINATOR);
    } else {
        call->is_held = true;
        coordinator_take(partition, call);
    }
}

static void recall_arrives(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct coordinator_call *call = CONTAINER_OF(msg, struct coordinator_call, recall);
    if (call->is_held) coordinator_recall(partition_find(call->owner, call->topic_id, call->index), call);
    msg->run = recall_home;
    send(call->owner, call->home, msg);
}

// ---- asking ------------------------------------------------------------------------------------------------------

static void call_at(struct shard *home, const struct image_topic *topic, int32_t index, struct coordinator_call *call)
{
    call->home = home;
    call->owner = home;
    call->index = index;
    call->out = 1;
    call->is_held = false;
    call->msg = (struct env_msg){.run = call_arrives};
    call->recall = (struct env_msg){.run = recall_arrives};
    const struct image_partition *partition = topic == NULL ? NULL : image_partition_at(topic, index);
    if (partition == NULL || partition->leader != home->broker->node_id) {
        refuse(call, ERR_NOT_COORDINATOR);
        return;
    }
    call->topic_id = topic->id;
    call->owner = shard_of_partition(home->broker, topic->id.bytes, index);
    send(home, call->owner, &call->msg);
}

void coordinator_call(struct shard *home, enum coordinator_kind kind, struct slice key, struct coordinator_call *call)
{
    const struct image_topic *topic = coordinator_topic(home->image, kind);
    int32_t index = topic == NULL ? -1 : coord_partition_of(key, image_topic_partition_count(topic));
    call_at(home, topic, index, call);
}

void coordinator_call_at(struct shard *home, enum coordinator_kind kind, int32_t index, struct coordinator_call *call)
{
    call_at(home, coordinator_topic(home->image, kind), index, call);
}

void coordinator_abandon(struct coordinator_call *call)
{
    if (call->out == 0) return;
    call->out++;
    send(call->home, call->owner, &call->recall);
}
