// SPDX-License-Identifier: Apache-2.0
// Links: two endpoints and a pipe each way. TCP keeps order inside a connection, so nothing is reordered or lost in
// the middle of one; bytes are late, in odd pieces, or stop. What a kernel does for a dead process is done here.
#include <stdio.h>
#include <string.h>

#include "env_sim/sim_int.h"

static bool is_cut(const struct sim_node *from, const struct sim_node *to)
{
    return from->cut_to[to->index];
}

static int64_t one_way_ns(struct sim *sim, const struct sim_node *from, const struct sim_node *to)
{
    int64_t delay = latency_ns(sim, sim->options.net_delay_us_min, sim->options.net_delay_us_max);
    if (from != to && chance(sim, sim->options.faults.net_stall_ppm)) delay += sim_below(sim, 2000000000);
    return delay + from->extra_delay_ns[to->index];
}

static struct endpoint *other(struct endpoint *end)
{
    return &end->owner->end[1 - end->side];
}

static struct pipe *outgoing(struct endpoint *end)
{
    return &end->owner->pipe[end->side];
}

static struct pipe *incoming(struct endpoint *end)
{
    return &end->owner->pipe[1 - end->side];
}

void net_touch(struct endpoint *end)
{
    if (end->env == NULL || end->state == END_CLOSED || list_is_linked(&end->ready)) return;
    struct sim *sim = end->owner->sim;
    list_push_back(&end->env->ready, &end->ready);
    env_wake(end->env, sim_now_ns(sim) + latency_ns(sim, 1, 300));
}

// ---- ends ----

static void drop_segments(struct sim *sim, struct pipe *pipe)
{
    event_cancel(sim, &pipe->deliver);
    while (pipe->first != NULL) {
        struct segment *next = pipe->first->next;
        mem_free(pipe->first);
        pipe->first = next;
    }
    pipe->last = NULL;
}

// Both sides are through with it.
static void finish(struct link *link)
{
    struct sim *sim = link->sim;
    event_cancel(sim, &link->handshake);
    for (int side = 0; side < 2; side++) {
        drop_segments(sim, &link->pipe[side]);
        event_cancel(sim, &link->pipe[side].ack);
        mem_free(link->pipe[side].ring);
        link->pipe[side].ring = NULL;
        event_cancel(sim, &link->end[side].timeout);
        event_cancel(sim, &link->end[side].reset);
    }
    list_remove(&link->link);
    if (link->abandoned)
        list_push_back(&sim->graveyard, &link->link);
    else
        mem_free(link);
}

static void become_reset(struct endpoint *end, enum err why)
{
    if (end->state != END_OPEN && end->state != END_CONNECTING) return;
    struct sim *sim = end->owner->sim;
    trace(sim, end->node, "conn=%lld/%d is over", (long long)end->owner->id, end->side);
    if (end->state == END_CONNECTING) event_cancel(sim, &end->owner->handshake);
    end->state = END_RESET;
    end->why = why;
    event_cancel(sim, &end->timeout);
    drop_segments(sim, outgoing(end));
    net_touch(end);
}

static void reset_event(struct sim *sim, struct event *event)
{
    struct endpoint *end = CONTAINER_OF(event, struct endpoint, reset);
    (void)sim;
    if (!is_cut(other(end)->node, end->node)) become_reset(end, ERR_CLOSED); // else lost: found out by sending
}

static void send_reset(struct endpoint *to)
{
    struct sim *sim = to->owner->sim;
    if (to->state == END_OPEN || to->state == END_CONNECTING)
        event_at(sim, &to->reset, sim_now_ns(sim) + one_way_ns(sim, other(to)->node, to->node));
}

static void timeout_event(struct sim *sim, struct event *event)
{
    (void)sim;
    become_reset(CONTAINER_OF(event, struct endpoint, timeout), ERR_CLOSED);
}

static void start_timeout(struct endpoint *end)
{
    struct sim *sim = end->owner->sim;
    if (end->state == END_OPEN && !heap_contains(&end->timeout.node))
        event_at(sim, &end->timeout, sim->now_ns + (int64_t)sim->options.tcp_timeout_ms * 1000000);
}

static void leave_loop(struct endpoint *end)
{
    event_cancel(end->owner->sim, &end->timeout);
    event_cancel(end->owner->sim, &end->reset);
    list_remove(&end->ready);
    list_remove(&end->waiting);
    if (end->env != NULL && end->env->current == end) end->env->current = NULL;
    end->env = NULL;
}

// `abrupt`: the peer gets a reset whatever there was.
static void close_end(struct endpoint *end, bool abrupt)
{
    struct endpoint *peer = other(end);
    struct pipe *in = incoming(end);
    enum end_state was = end->state;
    leave_loop(end);
    end->state = END_CLOSED;
    if (was == END_CONNECTING) event_cancel(end->owner->sim, &end->owner->handshake);
    if (peer->state == END_CLOSED) {
        finish(end->owner);
    } else if (was == END_CONNECTING || (was == END_OPEN && (abrupt || in->arrived > in->consumed))) {
        send_reset(peer);
    } else if (was == END_OPEN) {
        net_push(end, true);
    }
}

void net_close(struct endpoint *end)
{
    trace(end->owner->sim, end->node, "conn=%lld/%d close", (long long)end->owner->id, end->side);
    close_end(end, false);
}

void net_fault_reset(struct endpoint *end)
{
    end->owner->sim->stats.conns_reset++;
    send_reset(other(end));
    become_reset(end, ERR_CLOSED);
}

// ---- bytes ----

static void deliver_event(struct sim *sim, struct event *event)
{
    struct pipe *pipe = CONTAINER_OF(event, struct pipe, deliver);
    struct endpoint *writer = &pipe->owner->end[pipe->writer];
    struct endpoint *reader = other(writer);
    if (is_cut(writer->node, reader->node) || !reader->node->powered) {
        pipe->data_stalled = true;
        start_timeout(writer);
        return;
    }
    struct segment *segment = pipe->first;
    if (reader->state == END_CLOSED || reader->state == END_RESET) {
        drop_segments(sim, pipe);
        send_reset(writer);
        return;
    }
    if (reader->state == END_CONNECTING) { // the answer cannot be behind the data
        reader->state = END_OPEN;
        event_cancel(sim, &pipe->owner->handshake);
    }
    pipe->first = segment->next;
    if (pipe->first == NULL) pipe->last = NULL;
    pipe->arrived = segment->upto;
    pipe->fin_arrived |= segment->fin;
    trace(sim, reader->node, "conn=%lld/%d arrived upto=%lld%s", (long long)pipe->owner->id, reader->side,
          (long long)segment->upto, segment->fin ? " end" : "");
    mem_free(segment);
    if (pipe->first != NULL) event_at(sim, &pipe->deliver, pipe->first->at_ns);
    net_touch(reader);
}

static void ack_event(struct sim *sim, struct event *event)
{
    (void)sim;
    struct pipe *pipe = CONTAINER_OF(event, struct pipe, ack);
    struct endpoint *writer = &pipe->owner->end[pipe->writer];
    if (is_cut(other(writer)->node, writer->node)) {
        pipe->ack_stalled = true;
        start_timeout(writer);
        return;
    }
    pipe->acked = pipe->consumed;
    net_touch(writer);
}

static void resume(struct pipe *pipe)
{
    struct endpoint *writer = &pipe->owner->end[pipe->writer];
    struct endpoint *reader = other(writer);
    struct sim *sim = pipe->owner->sim;
    if (pipe->data_stalled && !is_cut(writer->node, reader->node) && reader->node->powered) {
        pipe->data_stalled = false;
        if (pipe->first != NULL)
            event_at(sim, &pipe->deliver, sim->now_ns + one_way_ns(sim, writer->node, reader->node));
    }
    if (pipe->ack_stalled && !is_cut(reader->node, writer->node)) {
        pipe->ack_stalled = false;
        event_at(sim, &pipe->ack, sim->now_ns + one_way_ns(sim, reader->node, writer->node));
    }
    // What a dead reader took and never read: the probe for room meets a kernel that does not know the connection.
    if (pipe->first == NULL && reader->state == END_CLOSED && reader->node->powered && pipe->written > pipe->acked)
        send_reset(writer);
    if (!pipe->data_stalled && !pipe->ack_stalled && !is_cut(writer->node, reader->node) && reader->node->powered)
        event_cancel(sim, &writer->timeout);
}

// The path broke. Who waits for room probes for it, so bytes that arrived but were not read count as well.
static void probe_all(struct sim *sim, const struct sim_node *a, const struct sim_node *b)
{
    LIST_EACH(item, &sim->links)
    {
        struct link *link = LIST_ITEM(item, struct link, link);
        for (int side = 0; side < 2; side++) {
            const struct sim_node *writer = link->end[side].node;
            const struct sim_node *reader = link->end[1 - side].node;
            bool is_between =
                (writer == a && (b == NULL || reader == b)) || (reader == a && (b == NULL || writer == b));
            if (is_between && link->pipe[side].written > link->pipe[side].acked) start_timeout(&link->end[side]);
        }
    }
}

size_t net_room(const struct endpoint *end)
{
    const struct pipe *pipe = &end->owner->pipe[end->side];
    return (size_t)(pipe->capacity - (pipe->written - pipe->acked));
}

size_t net_put(struct endpoint *end, const void *bytes, size_t size)
{
    struct pipe *pipe = outgoing(end);
    size_t room = net_room(end);
    if (size > room) size = room;
    if (pipe->ring == NULL) pipe->ring = mem_alloc((size_t)pipe->capacity);
    size_t at = (size_t)(pipe->written % pipe->capacity);
    size_t first = (size_t)pipe->capacity - at < size ? (size_t)pipe->capacity - at : size;
    memcpy(pipe->ring + at, bytes, first);
    memcpy(pipe->ring, (const uint8_t *)bytes + first, size - first);
    pipe->written += (int64_t)size;
    return size;
}

void net_push(struct endpoint *end, bool fin)
{
    struct pipe *pipe = outgoing(end);
    struct sim *sim = end->owner->sim;
    struct segment *segment = MEM_NEW(struct segment);
    segment->upto = pipe->written;
    segment->fin = fin;
    segment->at_ns = sim_now_ns(sim) + one_way_ns(sim, end->node, other(end)->node);
    if (segment->at_ns <= pipe->last_at_ns) segment->at_ns = pipe->last_at_ns + 1;
    pipe->last_at_ns = segment->at_ns;
    if (pipe->last != NULL)
        pipe->last->next = segment;
    else
        pipe->first = segment;
    pipe->last = segment;
    if (pipe->first == segment && !pipe->data_stalled)
        event_at(sim, &pipe->deliver, segment->at_ns);
    else if (pipe->data_stalled)
        start_timeout(end);
}

size_t net_take(struct endpoint *end, void *to, size_t size)
{
    struct pipe *pipe = incoming(end);
    struct sim *sim = end->owner->sim;
    size_t there = (size_t)(pipe->arrived - pipe->consumed);
    if (size > there) size = there;
    if (size == 0) return 0;
    size_t at = (size_t)(pipe->consumed % pipe->capacity);
    size_t first = (size_t)pipe->capacity - at < size ? (size_t)pipe->capacity - at : size;
    memcpy(to, pipe->ring + at, first);
    memcpy((uint8_t *)to + first, pipe->ring, size - first);
    pipe->consumed += (int64_t)size;
    if (!pipe->ack_stalled) event_at(sim, &pipe->ack, sim_now_ns(sim) + one_way_ns(sim, end->node, other(end)->node));
    return size;
}

// ---- connecting ----

struct sim_node *net_find_node(struct sim_node *from, const char *host)
{
    if (strcmp(host, "127.0.0.1") == 0 || strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0) return from;
    for (int i = 0; i < from->sim->node_count; i++) {
        struct sim_node *node = from->sim->nodes[i];
        if (strcmp(host, node->name) == 0 || strcmp(host, node->address) == 0) return node;
    }
    return NULL;
}

static struct listener *find_listener(struct sim_node *node, int port, bool is_local)
{
    if (node->process == NULL) return NULL;
    LIST_EACH(item, &node->listeners)
    {
        struct listener *listener = LIST_ITEM(item, struct listener, link);
        if (listener->port == port && (is_local || !listener->loopback_only)) return listener;
    }
    return NULL;
}

static void set_peer(struct endpoint *end, const struct sim_node *peer, int port)
{
    snprintf(end->peer, sizeof(end->peer), "%.40s:%d", end->node == peer ? "127.0.0.1" : peer->address, port);
}

static void try_later(struct link *link)
{
    struct sim *sim = link->sim;
    int64_t at_ns = sim->now_ns + 200000000 + sim_below(sim, 1000000000);
    if (sim->now_ns >= link->connect_deadline_ns)
        become_reset(&link->end[0], ERR_CLOSED);
    else
        event_at(sim, &link->handshake, at_ns < link->connect_deadline_ns ? at_ns : link->connect_deadline_ns);
}

static void reach_listener(struct link *link)
{
    struct sim *sim = link->sim;
    struct endpoint *from = &link->end[0];
    struct endpoint *to = &link->end[1];
    struct listener *listener = find_listener(to->node, to->local_port, from->node == to->node);
    bool faulty = from->node != to->node && chance(sim, sim->options.faults.connect_fail_ppm);
    if (listener == NULL || faulty || !listener_offer(listener, to)) {
        link->refused = true;
    } else {
        link->answered = true;
        to->state = END_OPEN;
        to->process = to->node->process;
    }
    trace(sim, to->node, "conn=%lld %s from %s", (long long)link->id, link->refused ? "refused" : "accepted", to->peer);
    event_at(sim, &link->handshake, sim->now_ns + one_way_ns(sim, to->node, from->node));
    link->pipe[1].last_at_ns = link->handshake.node.key; // data follows the answer
}

static void handshake_event(struct sim *sim, struct event *event)
{
    struct link *link = CONTAINER_OF(event, struct link, handshake);
    struct endpoint *from = &link->end[0];
    struct endpoint *to = &link->end[1];
    if (to->node == NULL) {
        become_reset(from, ERR_NOT_FOUND);
    } else if (!link->answered && !link->refused) {
        if (is_cut(from->node, to->node) || !to->node->powered)
            try_later(link);
        else
            reach_listener(link);
    } else if (is_cut(to->node, from->node)) {
        try_later(link);
    } else if (link->refused) {
        become_reset(from, ERR_CLOSED);
    } else {
        from->state = END_OPEN;
        trace(sim, from->node, "conn=%lld connected", (long long)link->id);
        net_touch(from);
    }
}

static void init_end(struct link *link, int side, struct sim_node *node)
{
    struct sim *sim = link->sim;
    struct endpoint *end = &link->end[side];
    end->owner = link;
    end->side = side;
    end->node = node;
    end->timeout.run = timeout_event;
    end->reset.run = reset_event;
    struct pipe *pipe = &link->pipe[side];
    pipe->owner = link;
    pipe->writer = side;
    pipe->deliver.run = deliver_event;
    pipe->ack.run = ack_event;
    pipe->capacity = sim->options.socket_buffer_bytes;
    if (pipe->capacity <= 0) pipe->capacity = 2048 << sim_below(sim, 6);
}

struct link *sim_net_connect(struct process *process, const char *host, int port)
{
    struct sim_node *node = process->node;
    struct sim *sim = node->sim;
    struct sim_node *target = net_find_node(node, host);
    struct link *link = MEM_NEW(struct link);
    link->sim = sim;
    link->id = ++sim->next_link_id;
    link->handshake.run = handshake_event;
    init_end(link, 0, node);
    init_end(link, 1, target);
    link->end[0].process = process;
    link->end[0].state = END_CONNECTING;
    link->end[0].local_port = node->next_port++;
    link->end[1].state = END_CLOSED; // until somebody answers
    link->end[1].local_port = port;
    link->end[1].announced = true;
    if (target != NULL) {
        set_peer(&link->end[0], target, port);
        set_peer(&link->end[1], node, link->end[0].local_port);
    } else {
        snprintf(link->end[0].peer, sizeof(link->end[0].peer), "%.40s:%d", host, port);
    }
    list_push_back(&sim->links, &link->link);
    int64_t delay = target == NULL ? latency_ns(sim, 100, 100000) : one_way_ns(sim, node, target);
    link->connect_deadline_ns = sim_now_ns(sim) + (int64_t)sim->options.tcp_timeout_ms * 1000000;
    event_at(sim, &link->handshake, sim_now_ns(sim) + delay);
    trace(sim, node, "conn=%lld connect %.60s:%d", (long long)link->id, host, port);
    return link;
}

// ---- crashes, cuts ----

static void end_gone(struct endpoint *end, enum sim_crash kind)
{
    struct sim *sim = end->owner->sim;
    end->owner->abandoned = true;
    if (kind == SIM_PROCESS_KILL) {
        close_end(end, sim_buggify(sim, 50));
        return;
    }
    // Nobody is left to say anything; what was on its way may still arrive.
    if (end->state == END_CONNECTING) event_cancel(sim, &end->owner->handshake);
    leave_loop(end);
    end->state = END_CLOSED;
    if (sim_buggify(sim, 50)) drop_segments(sim, outgoing(end));
    if (other(end)->state == END_CLOSED) finish(end->owner);
}

void net_process_gone(struct process *process, enum sim_crash kind)
{
    struct sim_node *node = process->node;
    LIST_EACH(item, &node->sim->links)
    {
        struct link *link = LIST_ITEM(item, struct link, link);
        bool mine[2];
        for (int side = 0; side < 2; side++)
            mine[side] = link->end[side].process == process && link->end[side].state != END_CLOSED;
        if (mine[0]) end_gone(&link->end[0], kind);
        if (mine[1]) end_gone(&link->end[1], kind); // if mine[0] ended the link, this side was not open
    }
    LIST_EACH(item, &node->listeners) listener_free(LIST_ITEM(item, struct listener, link));
    if (kind == SIM_POWER_CUT) probe_all(node->sim, node, NULL);
}

static void resume_all(struct sim *sim)
{
    LIST_EACH(item, &sim->links)
    {
        struct link *link = LIST_ITEM(item, struct link, link);
        if (link->end[1].node == NULL) continue;
        resume(&link->pipe[0]);
        resume(&link->pipe[1]);
    }
}

void net_node_back(struct sim_node *node)
{
    resume_all(node->sim);
}

void sim_cut(struct sim_node *from, struct sim_node *to)
{
    if (from == to) return;
    trace(from->sim, from, "cut to %s", to->name);
    from->cut_to[to->index] = true;
    probe_all(from->sim, from, to);
}

void sim_heal(struct sim_node *from, struct sim_node *to)
{
    trace(from->sim, from, "heal to %s", to->name);
    from->cut_to[to->index] = false;
    resume_all(from->sim);
}

void sim_cut_both(struct sim_node *a, struct sim_node *b)
{
    sim_cut(a, b);
    sim_cut(b, a);
}

void sim_heal_all(struct sim *sim)
{
    trace(sim, NULL, "heal all");
    for (int i = 0; i < sim->node_count; i++)
        for (int k = 0; k < sim->node_count; k++) sim->nodes[i]->cut_to[k] = false;
    resume_all(sim);
}

void sim_set_extra_delay(struct sim_node *from, struct sim_node *to, int64_t delay_ms)
{
    from->extra_delay_ns[to->index] = delay_ms * 1000000;
}

void sim_reset_conns(struct sim_node *a, struct sim_node *b)
{
    LIST_EACH(item, &a->sim->links)
    {
        struct link *link = LIST_ITEM(item, struct link, link);
        struct sim_node *ends[2] = {link->end[0].node, link->end[1].node};
        if (!((ends[0] == a && ends[1] == b) || (ends[0] == b && ends[1] == a))) continue;
        become_reset(&link->end[0], ERR_CLOSED);
        become_reset(&link->end[1], ERR_CLOSED);
    }
}

void net_free_all(struct sim *sim)
{
    LIST_EACH(item, &sim->links)
    {
        struct link *link = LIST_ITEM(item, struct link, link);
        link->abandoned = true;
        finish(link);
    }
    LIST_EACH(item, &sim->graveyard) mem_free(LIST_ITEM(item, struct link, link));
}
