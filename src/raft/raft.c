// SPDX-License-Identifier: Apache-2.0
#include "raft/raft_int.h"

#include "base/mem.h"

const char *raft_state_name(enum raft_state state)
{
    switch (state) {
    case RAFT_UNATTACHED: return "Unattached";
    case RAFT_PROSPECTIVE: return "Prospective";
    case RAFT_CANDIDATE: return "Candidate";
    case RAFT_FOLLOWER: return "Follower";
    case RAFT_LEADER: return "Leader";
    case RAFT_RESIGNED: return "Resigned";
    }
    return "?";
}

struct raft_effect *raft_emit(struct step *s, enum raft_effect_kind kind)
{
    ASSERT(s->effects->count < RAFT_EFFECTS_MAX);
    struct raft_effect *effect = &s->effects->items[s->effects->count++];
    *effect = (struct raft_effect){.kind = kind, .epoch = s->raft->saved.epoch, .leader_id = s->raft->saved.leader_id};
    return effect;
}

struct raft_message *raft_send(struct step *s, enum raft_message_kind kind, int32_t to)
{
    const struct raft *raft = s->raft;
    struct raft_message *m = &raft_emit(s, DO_RAFT_SEND)->message;
    *m = (struct raft_message){
        .kind = kind,
        .from = raft->options.id,
        .from_directory_id = raft->options.directory_id,
        .to = to,
        .epoch = raft->saved.epoch,
        .leader_id = raft->saved.leader_id,
        .high_watermark = -1,
        .diverging_epoch = -1,
    };
    return m;
}

struct raft_message *raft_answer(struct step *s, enum raft_message_kind kind, const struct raft_message *to,
                                 enum err error)
{
    struct raft_message *m = raft_send(s, kind, to->from);
    m->error = error;
    m->is_pre_vote = to->is_pre_vote;
    m->offset = to->offset;
    return m;
}

void raft_save(struct step *s)
{
    struct raft_effect *effect = raft_emit(s, DO_RAFT_SAVE);
    effect->saved = s->raft->saved;
    effect->sequence = ++s->raft->save_sequence;
}

// splitmix64: good enough to keep time-outs apart, and a simulation can replay it.
int64_t raft_random_between(struct raft *raft, int64_t from, int64_t below)
{
    uint64_t z = (raft->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    z ^= z >> 31;
    return below <= from ? from : from + (int64_t)(z % (uint64_t)(below - from));
}

int32_t raft_peer_index(const struct raft *raft, int32_t id)
{
    for (int32_t i = 0; i < raft->voters.count; i++)
        if (raft->voters.items[i].id == id) return i;
    return -1;
}

bool raft_is_voter(const struct raft *raft, int32_t id)
{
    return raft_peer_index(raft, id) >= 0;
}

// Under kraft.version 1 the directory counts too: a voter that lost its disk must not vote again (kafka-internals A1).
bool raft_can_vote(const struct raft *raft)
{
    int32_t i = raft_peer_index(raft, raft->options.id);
    if (i < 0) return false;
    return !raft->is_dynamic || uuid_eq(raft->voters.items[i].directory_id, raft->options.directory_id);
}

static enum raft_state initial_state(const struct raft *raft)
{
    const struct raft_saved *saved = &raft->saved;
    if (saved->leader_id == raft->options.id) return RAFT_RESIGNED;
    if (saved->leader_id >= 0) return RAFT_FOLLOWER;
    bool own_vote = saved->voted_id == raft->options.id &&
                    (!raft->is_dynamic || uuid_eq(saved->voted_directory_id, raft->options.directory_id));
    return own_vote && raft_can_vote(raft) ? RAFT_CANDIDATE : RAFT_UNATTACHED;
}

void raft_init(struct raft *raft, const struct raft_options *options, const struct raft_start *start)
{
    ASSERT(start->voters.count <= RAFT_VOTERS_MAX);
    *raft = (struct raft){
        .options = *options,
        .saved = start->saved,
        .voters = start->voters,
        .is_dynamic = start->is_dynamic,
        .voters_in_log = start->voters_in_log,
        .end_offset = start->end_offset,
        .durable_end_offset = start->end_offset,
        .high_watermark = start->high_watermark,
        .random = options->seed,
        .deadline_ms = start->now_ms,
        .begin_at_ms = INT64_MAX,
        .check_quorum_at_ms = INT64_MAX,
        .fetch_at_ms = INT64_MAX,
    };
    for (int32_t i = 0; i < start->epoch_count; i++)
        raft_epoch_assign(raft, start->epochs[i].epoch, start->epochs[i].start_offset);
    // A log that is ahead of quorum-state (lost or older file): never vote in an epoch whose records are here.
    if (raft->saved.epoch < raft_last_epoch(raft))
        raft->saved =
            (struct raft_saved){.epoch = raft_last_epoch(raft), .leader_id = RAFT_NONE, .voted_id = RAFT_NONE};
    raft->state = initial_state(raft);
    for (int32_t i = 0; i < raft->voters.count; i++) raft->peers[i].end_offset = -1;
    // Alone, nobody else can lead: no need to wait for a time-out.
    bool is_alone = raft->voters.count == 1 && raft_can_vote(raft);
    int64_t wait_ms = raft->state == RAFT_FOLLOWER
                          ? options->fetch_timeout_ms
                          : raft_random_between(raft, options->election_timeout_ms, 2 * options->election_timeout_ms);
    raft->election_at_ms = is_alone ? start->now_ms : start->now_ms + wait_ms;
    if (raft->state == RAFT_FOLLOWER) raft->fetch_at_ms = start->now_ms;
    // A restored candidate's own vote is on disk already.
    if (raft->state == RAFT_CANDIDATE) raft->vote_sequence = 0;
}

void raft_deinit(struct raft *raft)
{
    mem_free(raft->epochs);
    raft->epochs = NULL;
    raft->epoch_count = raft->epoch_capacity = 0;
}

static void on_synced(struct step *s, int64_t end_offset)
{
    struct raft *raft = s->raft;
    if (end_offset > raft->end_offset) end_offset = raft->end_offset; // synced before a truncation
    if (end_offset <= raft->durable_end_offset) return;
    raft->durable_end_offset = end_offset;
    if (raft->state == RAFT_LEADER)
        raft_update_high_watermark(s);
    else
        raft_fetch_if_due(s);
}

// Any message of a higher epoch ends what this node was doing in its own (pre-votes carry the asker's present one).
static void adopt_epoch(struct step *s, const struct raft_message *m)
{
    if (m->epoch <= s->raft->saved.epoch) return;
    bool from_leader = m->leader_id >= 0 && m->leader_id != s->raft->options.id &&
                       (m->kind == RAFT_BEGIN_EPOCH || m->kind == RAFT_FETCH_ANSWER || m->kind == RAFT_VOTE_ANSWER ||
                        m->kind == RAFT_BEGIN_EPOCH_ANSWER);
    if (from_leader)
        raft_become_follower(s, m->epoch, m->leader_id);
    else
        raft_become_unattached(s, m->epoch);
}

static void on_message(struct step *s, const struct raft_message *m)
{
    adopt_epoch(s, m);
    switch (m->kind) {
    case RAFT_VOTE: raft_on_vote(s, m); break;
    case RAFT_VOTE_ANSWER: raft_on_vote_answer(s, m); break;
    case RAFT_BEGIN_EPOCH: raft_on_begin_epoch(s, m); break;
    case RAFT_BEGIN_EPOCH_ANSWER: break; // the epoch was all it could tell
    case RAFT_END_EPOCH: raft_on_end_epoch(s, m); break;
    case RAFT_FETCH: raft_on_fetch(s, m); break;
    case RAFT_FETCH_ANSWER: raft_on_fetch_answer(s, m); break;
    }
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void set_deadline(struct raft *raft)
{
    raft->deadline_ms =
        earlier(earlier(raft->election_at_ms, raft->begin_at_ms), earlier(raft->check_quorum_at_ms, raft->fetch_at_ms));
}

void raft_step(struct raft *raft, const struct raft_event *event, struct raft_effects *effects)
{
    effects->count = 0;
    struct step step = {.raft = raft, .effects = effects, .now_ms = event->now_ms};
    int32_t epoch_before = raft->saved.epoch;
    int64_t watermark_before = raft->high_watermark;
    switch (event->kind) {
    case EV_RAFT_TICK: raft_on_tick(&step); break;
    case EV_RAFT_SAVED:
        if (event->sequence > raft->saved_sequence) raft->saved_sequence = event->sequence;
        raft_on_saved(&step);
        break;
    case EV_RAFT_APPEND:
        ASSERT(raft->state == RAFT_LEADER && event->end_offset >= raft->end_offset);
        raft->end_offset = event->end_offset;
        break;
    case EV_RAFT_SYNCED: on_synced(&step, event->end_offset); break;
    case EV_RAFT_MESSAGE: on_message(&step, event->message); break;
    case EV_RAFT_STOP:
        if (raft->state == RAFT_LEADER) raft_become_resigned(&step);
        break;
    }
    set_deadline(raft);
    ASSERT(raft->saved.epoch >= epoch_before);
    ASSERT(raft->high_watermark >= watermark_before && raft->durable_end_offset <= raft->end_offset);
}
