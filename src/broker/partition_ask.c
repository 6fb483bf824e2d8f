// SPDX-License-Identifier: Apache-2.0
#include "broker/partition_ask.h"

#include "broker/broker_int.h"

static void arrived_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct partition_ask *ask = CONTAINER_OF(msg, struct partition_ask, msg);
    ask->home(ask);
}

void partition_ask_home(struct partition_ask *ask)
{
    if (ask->owner == ask->asker) {
        ask->home(ask);
        return;
    }
    ask->msg.run = arrived_home;
    env_post(ask->asker->env, &ask->msg);
}

// Now, or when the log of a new topic has been made.
static void look(struct open_wait *wait)
{
    struct partition_ask *ask = CONTAINER_OF(wait, struct partition_ask, open_wait);
    struct partition *partition = partition_find(ask->owner, ask->topic_id, ask->index);
    wait->opened = look;
    if (partition == NULL || !partition_await_open(partition, wait)) ask->look(ask, partition);
}

static void arrived(struct env *env, struct env_msg *msg)
{
    (void)env;
    look(&CONTAINER_OF(msg, struct partition_ask, msg)->open_wait);
}

void partition_ask(struct shard *asker, struct partition_ask *ask)
{
    ask->asker = asker;
    ask->owner = shard_of_partition(asker->broker, ask->topic_id.bytes, ask->index);
    ask->msg.run = arrived;
    if (ask->owner == asker)
        look(&ask->open_wait);
    else
        env_post(ask->owner->env, &ask->msg);
}
