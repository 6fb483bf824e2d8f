// SPDX-License-Identifier: Apache-2.0
#include "broker/forward.h"

#include "base/mem.h"
#include "broker/broker_int.h"
#include "broker/controller.h"

// Travels to shard 0 and back.
struct call {
    struct env_msg msg;
    struct shard *home;
    int16_t api_key;
    int16_t version;
    bool is_automatic;
    const struct request *client; // whose request it is, kept until it is answered; NULL: the node's own
    struct text body;
    enum err result;
    struct text answer;
    forward_done *done;
    void *context;
};

static void call_home(struct env *env, struct env_msg *msg)
{
    (void)env;
    struct call *call = CONTAINER_OF(msg, struct call, msg);
    struct slice answer = call->result == OK ? text_slice(&call->answer) : SLICE_NULL;
    call->done(call->home, call->context, call->result, answer);
    text_deinit(&call->body);
    text_deinit(&call->answer);
    mem_free(call);
}

static void answered(void *context, enum err result, struct slice response)
{
    struct call *call = context;
    call->result = result;
    text_add(&call->answer, response);
    call->msg.run = call_home;
    env_post(call->home->env, &call->msg);
}

static void call_arrives(struct env *env, struct env_msg *msg)
{
    struct call *call = CONTAINER_OF(msg, struct call, msg);
    struct broker *broker = shard_here(env)->broker;
    const struct controller_principal principal = {.type = SLICE("User"),
                                                   .name = SLICE("ANONYMOUS"),
                                                   .can_create_any_topic = true,
                                                   .has_quota = call->client != NULL,
                                                   .client_id =
                                                       call->client == NULL ? SLICE_NULL : call->client->ctx.client_id,
                                                   .is_automatic = call->is_automatic};
    if (broker->metadata == NULL)
        answered(call, ERR_NOT_CONTROLLER, SLICE_NULL);
    else
        controller_request(broker->metadata, call->api_key, call->version, text_slice(&call->body), &principal,
                           answered, call);
}

static void send_call(struct shard *shard, int16_t api_key, int16_t version, struct slice body, bool is_automatic,
                      const struct request *client, forward_done *done, void *context)
{
    struct call *call = MEM_NEW(struct call);
    *call = (struct call){.msg = {.run = call_arrives},
                          .home = shard,
                          .api_key = api_key,
                          .version = version,
                          .is_automatic = is_automatic,
                          .client = client,
                          .done = done,
                          .context = context};
    text_add(&call->body, body);
    env_post(shard->broker->shards[0]->env, &call->msg);
}

void forward_call(struct shard *shard, int16_t api_key, int16_t version, struct slice body, bool is_automatic,
                  forward_done *done, void *context)
{
    send_call(shard, api_key, version, body, is_automatic, NULL, done, context);
}

static void request_answered(struct shard *shard, void *context, enum err result, struct slice answer)
{
    (void)shard;
    if (result == OK)
        request_reply_bytes(context, answer);
    else
        request_disconnect(context, err_text(result));
}

void forward_request(struct request *request)
{
    send_call(request->shard, request->api->key, (int16_t)request->version, request->frame, false, request,
              request_answered, request);
}
