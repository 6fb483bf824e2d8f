// SPDX-License-Identifier: Apache-2.0
// Elections (kafka-internals D3). Every way to leadership, also that of a lone voter, is
//   time-out -> Prospective -> majority of pre-votes -> Candidate: epoch + 1, own vote SAVED -> majority -> Leader
// and a lone voter is a majority of its own at each step.
#include "raft/raft_int.h"

static int64_t election_deadline(struct step *s)
{
    int64_t timeout_ms = s->raft->options.election_timeout_ms;
    return s->now_ms + raft_random_between(s->raft, timeout_ms, 2 * timeout_ms);
}

static void clear_peers(struct raft *raft)
{
    for (int32_t i = 0; i < raft->voters.count; i++) raft->peers[i] = (struct raft_peer){.end_offset = -1};
}

// Common to every change of state; `election_at_ms` is set by the caller.
static void enter(struct step *s, enum raft_state state)
{
    struct raft *raft = s->raft;
    raft->state = state;
    raft->begin_at_ms = INT64_MAX;
    raft->check_quorum_at_ms = INT64_MAX;
    raft->fetch_at_ms = INT64_MAX;
    raft->is_fetching = false;
    raft->leading_announced = false;
    clear_peers(raft);
}

static void set_epoch(struct raft *raft, int32_t epoch, int32_t leader_id)
{
    if (epoch > raft->saved.epoch) {
        raft->saved = (struct raft_saved){.epoch = epoch, .leader_id = RAFT_NONE, .voted_id = RAFT_NONE};
    }
    raft->saved.leader_id = leader_id;
    // Knowing the leader makes the vote history: Kafka's file holds one or the other, except for the leader itself.
    if (leader_id >= 0 && leader_id != raft->options.id) {
        raft->saved.voted_id = RAFT_NONE;
        raft->saved.voted_directory_id = (struct uuid){{0}};
    }
}

void raft_become_unattached(struct step *s, int32_t epoch)
{
    bool was_led = s->raft->saved.leader_id >= 0;
    enter(s, RAFT_UNATTACHED);
    set_epoch(s->raft, epoch, RAFT_NONE);
    s->raft->election_at_ms = raft_can_vote(s->raft) ? election_deadline(s) : INT64_MAX;
    raft_save(s);
    if (was_led) raft_emit(s, DO_RAFT_LEADER_CHANGED);
}

void raft_become_follower(struct step *s, int32_t epoch, int32_t leader_id)
{
    struct raft *raft = s->raft;
    bool is_known = raft->saved.epoch == epoch && raft->saved.leader_id == leader_id;
    ASSERT(epoch >= raft->saved.epoch);
    enter(s, RAFT_FOLLOWER);
    raft->fetched_from_leader = false;
    raft->election_at_ms = s->now_ms + raft->options.fetch_timeout_ms;
    raft->fetch_at_ms = s->now_ms;
    if (!is_known) {
        set_epoch(raft, epoch, leader_id);
        raft_save(s);
        raft_emit(s, DO_RAFT_LEADER_CHANGED);
    }
    raft_fetch_if_due(s);
}

// Not written to quorum-state: "leader of this epoch" there is what keeps a restart from voting again.
void raft_become_resigned(struct step *s)
{
    struct raft *raft = s->raft;
    // Best log first: it waits least before it stands (kafka-internals D3, end).
    int32_t order[RAFT_VOTERS_MAX];
    int32_t count = 0;
    for (int32_t i = 0; i < raft->voters.count; i++) {
        if (raft->voters.items[i].id == raft->options.id) continue;
        int32_t at = count++;
        for (; at > 0 && raft->peers[order[at - 1]].end_offset < raft->peers[i].end_offset; at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (int32_t i = 0; i < count; i++) raft_send(s, RAFT_END_EPOCH, raft->voters.items[order[i]].id)->rank = i;
    enter(s, RAFT_RESIGNED);
    raft->election_at_ms = election_deadline(s);
    raft_emit(s, DO_RAFT_LEADER_CHANGED)->leader_id = RAFT_NONE;
}

static void become_leader(struct step *s)
{
    struct raft *raft = s->raft;
    enter(s, RAFT_LEADER);
    raft->saved.leader_id = raft->options.id;
    raft->saved.voted_id = RAFT_NONE; // as Kafka writes it; the leader id keeps a restart from voting in this epoch
    raft->saved.voted_directory_id = (struct uuid){{0}};
    raft_save(s);
    bool with_voters = raft->is_dynamic && !raft->voters_in_log;
    raft->voters_in_log = raft->voters_in_log || with_voters;
    raft->epoch_start_offset = raft->end_offset;
    raft_epoch_assign(raft, raft->saved.epoch, raft->end_offset);
    struct raft_effect *effect = raft_emit(s, DO_RAFT_APPEND_START);
    effect->offset = raft->end_offset;
    effect->with_voters = with_voters;
    raft->end_offset += with_voters ? 3 : 1; // LeaderChange, KRaftVersion, Voters
    raft->election_at_ms = INT64_MAX;
    if (raft->voters.count > 1) {
        raft->check_quorum_at_ms = s->now_ms + raft->options.fetch_timeout_ms * 3 / 2;
        raft->begin_at_ms = s->now_ms;
        raft_on_tick(s);
    }
}

static int32_t count_votes(const struct raft *raft, int vote)
{
    int32_t count = 0;
    for (int32_t i = 0; i < raft->voters.count; i++) count += (int)raft->peers[i].vote == vote;
    return count;
}

static void ask_for_votes(struct step *s, bool is_pre_vote)
{
    struct raft *raft = s->raft;
    for (int32_t i = 0; i < raft->voters.count; i++) {
        if (raft->voters.items[i].id == raft->options.id) continue;
        struct raft_message *m = raft_send(s, RAFT_VOTE, raft->voters.items[i].id);
        m->is_pre_vote = is_pre_vote;
        m->offset = raft->end_offset;
        m->last_epoch = raft_last_epoch(raft);
    }
}

static void lead_if_elected(struct step *s)
{
    if (s->raft->state != RAFT_CANDIDATE) return;
    if (count_votes(s->raft, RAFT_VOTE_GRANTED) > s->raft->voters.count / 2) become_leader(s);
}

static void become_candidate(struct step *s)
{
    struct raft *raft = s->raft;
    enter(s, RAFT_CANDIDATE);
    raft->saved = (struct raft_saved){
        .epoch = raft->saved.epoch + 1,
        .leader_id = RAFT_NONE,
        .voted_id = raft->options.id,
    };
    if (raft->is_dynamic) raft->saved.voted_directory_id = raft->options.directory_id;
    raft->election_at_ms = election_deadline(s);
    raft_save(s);
    raft->vote_sequence = raft->save_sequence;
    ask_for_votes(s, false); // behind the save, so nobody hears of a vote that a power cut could take back
}

static void stand_if_promising(struct step *s)
{
    if (s->raft->state != RAFT_PROSPECTIVE) return;
    if (count_votes(s->raft, RAFT_VOTE_GRANTED) > s->raft->voters.count / 2) become_candidate(s);
}

static void become_prospective(struct step *s)
{
    struct raft *raft = s->raft;
    enter(s, RAFT_PROSPECTIVE);
    raft->election_at_ms = election_deadline(s);
    raft->peers[raft_peer_index(raft, raft->options.id)].vote = RAFT_VOTE_GRANTED;
    ask_for_votes(s, true);
    stand_if_promising(s);
}

void raft_on_saved(struct step *s)
{
    struct raft *raft = s->raft;
    if (raft->state != RAFT_CANDIDATE || raft->saved_sequence < raft->vote_sequence) return;
    raft->peers[raft_peer_index(raft, raft->options.id)].vote = RAFT_VOTE_GRANTED;
    lead_if_elected(s);
}

static void on_election_timeout(struct step *s)
{
    struct raft *raft = s->raft;
    if (!raft_can_vote(raft)) {
        raft->election_at_ms = INT64_MAX; // an observer goes on asking the leader it knows
        return;
    }
    switch (raft->state) {
    case RAFT_UNATTACHED:
    case RAFT_FOLLOWER:
    case RAFT_PROSPECTIVE: become_prospective(s); return;
    case RAFT_CANDIDATE:
        // After a restart the vote is on disk but was never counted; otherwise the election failed.
        if (raft->save_sequence == 0 && raft->peers[raft_peer_index(raft, raft->options.id)].vote == RAFT_VOTE_OPEN) {
            raft->election_at_ms = election_deadline(s);
            ask_for_votes(s, false);
            raft_on_saved(s);
        } else {
            become_prospective(s);
        }
        return;
    case RAFT_RESIGNED:
        become_candidate(s); // no pre-vote in an epoch that this node has led
        return;
    case RAFT_LEADER: raft->election_at_ms = INT64_MAX; return;
    }
}

void raft_on_tick(struct step *s)
{
    struct raft *raft = s->raft;
    if (s->now_ms >= raft->election_at_ms) on_election_timeout(s);
    if (s->now_ms >= raft->check_quorum_at_ms) {
        raft_become_resigned(s); // cut off from the majority: others may already have elected somebody
        return;
    }
    if (s->now_ms >= raft->begin_at_ms) {
        bool is_someone_silent = false;
        for (int32_t i = 0; i < raft->voters.count; i++) {
            if (raft->voters.items[i].id == raft->options.id || raft->peers[i].has_fetched) continue;
            is_someone_silent = true;
            raft_send(s, RAFT_BEGIN_EPOCH, raft->voters.items[i].id);
        }
        raft->begin_at_ms = is_someone_silent ? s->now_ms + raft->options.fetch_timeout_ms / 2 : INT64_MAX;
    }
    raft_fetch_if_due(s);
}

static bool log_is_up_to_date(const struct raft *raft, const struct raft_message *m)
{
    int32_t own_epoch = raft_last_epoch(raft);
    return m->last_epoch != own_epoch ? m->last_epoch > own_epoch : m->offset >= raft->end_offset;
}

static bool grants(const struct raft *raft, const struct raft_message *m)
{
    if (!log_is_up_to_date(raft, m)) return false;
    const struct raft_saved *saved = &raft->saved;
    switch (raft->state) {
    case RAFT_LEADER: return false;
    case RAFT_FOLLOWER: return m->is_pre_vote && !raft->fetched_from_leader;
    case RAFT_CANDIDATE:
    case RAFT_RESIGNED: return m->is_pre_vote;
    case RAFT_UNATTACHED:
    case RAFT_PROSPECTIVE:
        if (m->is_pre_vote) return true;
        if (saved->leader_id >= 0) return false;
        return saved->voted_id < 0 || (saved->voted_id == m->from &&
                                       (!raft->is_dynamic || uuid_eq(saved->voted_directory_id, m->from_directory_id)));
    }
    return false;
}

void raft_on_vote(struct step *s, const struct raft_message *m)
{
    struct raft *raft = s->raft;
    if (m->epoch < raft->saved.epoch) {
        raft_answer(s, RAFT_VOTE_ANSWER, m, ERR_FENCED_LEADER_EPOCH);
        return;
    }
    // A candidate's own epoch is always above its log's; a prospective one's may equal it.
    if (m->last_epoch < 0 || m->offset < 0 || (m->is_pre_vote ? m->last_epoch > m->epoch : m->last_epoch >= m->epoch)) {
        raft_answer(s, RAFT_VOTE_ANSWER, m, ERR_INVALID_REQUEST);
        return;
    }
    bool is_granted = grants(raft, m);
    if (is_granted && !m->is_pre_vote && raft->saved.voted_id < 0) {
        enter(s, RAFT_UNATTACHED); // also a prospective one stops asking for itself
        raft->saved.voted_id = m->from;
        raft->saved.voted_directory_id = raft->is_dynamic ? m->from_directory_id : (struct uuid){{0}};
        raft->election_at_ms = raft_can_vote(raft) ? election_deadline(s) : INT64_MAX;
        raft_save(s);
    }
    raft_answer(s, RAFT_VOTE_ANSWER, m, OK)->is_granted = is_granted;
}

void raft_on_vote_answer(struct step *s, const struct raft_message *m)
{
    struct raft *raft = s->raft;
    if (m->epoch < raft->saved.epoch) return;
    int32_t peer = raft_peer_index(raft, m->from);
    if (peer < 0) return;
    if (m->leader_id >= 0 && m->leader_id != raft->options.id &&
        (raft->state == RAFT_CANDIDATE || raft->state == RAFT_PROSPECTIVE || raft->state == RAFT_UNATTACHED)) {
        if (!m->is_granted)
            raft_become_follower(s, m->epoch, m->leader_id);
        else
            raft->peers[peer].vote = RAFT_VOTE_GRANTED;
    }
    if (m->is_pre_vote && m->error == ERR_UNSUPPORTED_VERSION && raft->state == RAFT_PROSPECTIVE) {
        become_candidate(s); // an older peer knows no pre-vote
        return;
    }
    bool is_asked = m->is_pre_vote ? raft->state == RAFT_PROSPECTIVE : raft->state == RAFT_CANDIDATE;
    if (!is_asked || m->error != OK) return;
    raft->peers[peer].vote = m->is_granted ? RAFT_VOTE_GRANTED : RAFT_VOTE_REFUSED;
    if (m->is_pre_vote)
        stand_if_promising(s);
    else
        lead_if_elected(s);
    bool is_lost = count_votes(raft, RAFT_VOTE_REFUSED) > (raft->voters.count - 1) / 2;
    if (raft->state == RAFT_CANDIDATE && is_lost)
        raft->election_at_ms = s->now_ms + raft_random_between(raft, 0, raft->options.backoff_max_ms);
}

void raft_on_begin_epoch(struct step *s, const struct raft_message *m)
{
    struct raft *raft = s->raft;
    if (m->epoch < raft->saved.epoch) {
        raft_answer(s, RAFT_BEGIN_EPOCH_ANSWER, m, ERR_FENCED_LEADER_EPOCH);
        return;
    }
    // The same epoch from somebody while this node leads it would be two leaders: impossible, so not believed.
    bool is_new = raft->state != RAFT_LEADER && raft->state != RAFT_FOLLOWER;
    if (is_new && raft->saved.leader_id != raft->options.id) raft_become_follower(s, m->epoch, m->from);
    raft_answer(s, RAFT_BEGIN_EPOCH_ANSWER, m, OK);
}

void raft_on_end_epoch(struct step *s, const struct raft_message *m)
{
    struct raft *raft = s->raft;
    if (m->epoch != raft->saved.epoch || raft->state != RAFT_FOLLOWER || m->from != raft->saved.leader_id) return;
    int64_t wait_ms = 0;
    if (m->rank > 0) {
        int64_t step_ms = 50;
        for (int32_t i = 1; i < m->rank && step_ms < raft->options.backoff_max_ms; i++) step_ms *= 2;
        wait_ms = step_ms < raft->options.backoff_max_ms ? step_ms : raft->options.backoff_max_ms;
    }
    raft->election_at_ms = s->now_ms + wait_ms;
}
