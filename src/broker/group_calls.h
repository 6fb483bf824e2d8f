// SPDX-License-Identifier: Apache-2.0
// What the group APIs share: a request becomes one call per group (or partition), and answers when all are home.
#ifndef ODRADEK_BROKER_GROUP_CALLS_H
#define ODRADEK_BROKER_GROUP_CALLS_H

#include "broker/coordinators.h"
#include "broker/request.h"

// Groups one request may name; more than any client asks, and each costs some hundred bytes.
enum { GROUP_CALLS_MAX = 1 << 16 };

struct group_calls;

// Every call that was sent is home: items[i].call.err and .response tell. What they point to lives as long as the
// request.
typedef void group_calls_answer(struct request *request, struct group_calls *calls);

struct group_calls {
    struct request *request;
    struct coordinator_call *items;
    int32_t count;
    group_calls_answer *answer;
    void *context;   // the handler's
    int32_t pending; // private
};

// Room for `count` calls, in the request's arena. Send what is to be sent, then group_calls_sent.
struct group_calls *group_calls_new(struct request *request, int32_t count, group_calls_answer *answer);
// `body` in the request's own version unless `version` says otherwise (-1).
void group_calls_send(struct group_calls *calls, int32_t index, struct slice group_id, const void *body, int version);
// To every group coordinator of this node: one call per partition.
void group_calls_send_at(struct group_calls *calls, int32_t index, int32_t partition, const void *body);
void group_calls_sent(struct group_calls *calls);

// One call about one group with the request's own body.
void group_calls_one(struct request *request, struct slice group_id, group_calls_answer *answer);
// A request that may park for minutes: what it needs is copied, the buffer it came in goes back.
void group_detach(struct request *request);

#endif
