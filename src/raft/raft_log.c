// SPDX-License-Identifier: Apache-2.0
// Replication: the epoch cache, what a leader answers to a fetch, what a follower makes of it (kafka-internals D2, A7).
#include "raft/raft_int.h"

#include "base/mem.h"

int32_t raft_last_epoch(const struct raft *raft)
{
    return raft->epoch_count == 0 ? 0 : raft->epochs[raft->epoch_count - 1].epoch;
}

void raft_epoch_assign(struct raft *raft, int32_t epoch, int64_t start_offset)
{
    while (raft->epoch_count > 0) {
        const struct raft_epoch *last = &raft->epochs[raft->epoch_count - 1];
        if (last->epoch == epoch && last->start_offset <= start_offset) return;
        if (last->epoch < epoch && last->start_offset < start_offset) break;
        raft->epoch_count--;
    }
    if (raft->epoch_count == raft->epoch_capacity) {
        raft->epoch_capacity = raft->epoch_capacity == 0 ? 8 : raft->epoch_capacity * 2;
        raft->epochs = mem_realloc(raft->epochs, (size_t)raft->epoch_capacity * sizeof(*raft->epochs));
    }
    raft->epochs[raft->epoch_count++] = (struct raft_epoch){epoch, start_offset};
}

void raft_epoch_truncate(struct raft *raft, int64_t end_offset)
{
    while (raft->epoch_count > 0 && raft->epochs[raft->epoch_count - 1].start_offset >= end_offset) raft->epoch_count--;
}

struct raft_run raft_end_of_epoch(const struct raft *raft, int32_t epoch)
{
    if (epoch == 0 && (raft->epoch_count == 0 || raft->epochs[0].epoch > 0)) return (struct raft_run){0, 0};
    for (int32_t i = raft->epoch_count; i-- > 0;) {
        if (raft->epochs[i].epoch > epoch) continue;
        bool is_last = i + 1 == raft->epoch_count;
        return (struct raft_run){raft->epochs[i].epoch, is_last ? raft->end_offset : raft->epochs[i + 1].start_offset};
    }
    return (struct raft_run){.epoch = -1, .end_offset = -1};
}

// The majority's durable end, but nothing of an older epoch before the leader's own first record is there (Raft's
// commit rule); the leader's own end counts like any other, from disk (design rule 1).
void raft_update_high_watermark(struct step *s)
{
    struct raft *raft = s->raft;
    int64_t ends[RAFT_VOTERS_MAX];
    int32_t count = raft->voters.count;
    for (int32_t i = 0; i < count; i++) {
        int64_t end =
            raft->voters.items[i].id == raft->options.id ? raft->durable_end_offset : raft->peers[i].end_offset;
        int32_t at = i;
        for (; at > 0 && ends[at - 1] < end; at--) ends[at] = ends[at - 1];
        ends[at] = end;
    }
    if (count == 0) return;
    int64_t majority = ends[count / 2];
    // Also never past the own disk: the driver reads what is committed from its own log.
    if (majority > raft->durable_end_offset) majority = raft->durable_end_offset;
    if (majority <= raft->epoch_start_offset || majority <= raft->high_watermark) return;
    raft->high_watermark = majority;
    raft_emit(s, DO_RAFT_HIGH_WATERMARK)->offset = majority;
    if (!raft->leading_announced) {
        raft->leading_announced = true;
        raft_emit(s, DO_RAFT_LEADING);
    }
}

// Epoch runs of the log from `offset` on: what the driver reads and sends along.
static void fill_runs(const struct raft *raft, int64_t offset, struct raft_message *m)
{
    for (int32_t i = 0; i < raft->epoch_count && m->run_count < RAFT_FETCHED_MAX; i++) {
        int64_t end = i + 1 == raft->epoch_count ? raft->end_offset : raft->epochs[i + 1].start_offset;
        if (end <= offset) continue;
        m->runs[m->run_count++] = (struct raft_run){raft->epochs[i].epoch, end};
    }
}

static void check_quorum(struct step *s, int32_t peer)
{
    struct raft *raft = s->raft;
    raft->peers[peer].fetched_in_window = true;
    int32_t others = 0;
    for (int32_t i = 0; i < raft->voters.count; i++)
        others += raft->voters.items[i].id != raft->options.id && raft->peers[i].fetched_in_window;
    if (others < raft->voters.count / 2) return;
    for (int32_t i = 0; i < raft->voters.count; i++) raft->peers[i].fetched_in_window = false;
    raft->check_quorum_at_ms = s->now_ms + raft->options.fetch_timeout_ms * 3 / 2;
}

void raft_on_fetch(struct step *s, const struct raft_message *m)
{
    struct raft *raft = s->raft;
    if (m->epoch < raft->saved.epoch) {
        raft_answer(s, RAFT_FETCH_ANSWER, m, ERR_FENCED_LEADER_EPOCH);
        return;
    }
    if (raft->state != RAFT_LEADER) {
        raft_answer(s, RAFT_FETCH_ANSWER, m, ERR_NOT_LEADER_OR_FOLLOWER);
        return;
    }
    if (m->offset < 0 || m->last_epoch < 0 || m->last_epoch > m->epoch) {
        raft_answer(s, RAFT_FETCH_ANSWER, m, ERR_INVALID_REQUEST);
        return;
    }
    int32_t peer = raft_peer_index(raft, m->from);
    if (peer >= 0 && raft->is_dynamic && !uuid_eq(raft->voters.items[peer].directory_id, m->from_directory_id))
        peer = -1; // a voter's id on another disk is an observer
    struct raft_run end = raft_end_of_epoch(raft, m->last_epoch);
    if (peer >= 0) {
        raft->peers[peer].has_fetched = true;
        check_quorum(s, peer);
    }
    if (end.epoch != m->last_epoch || end.end_offset < m->offset) {
        struct raft_message *answer = raft_answer(s, RAFT_FETCH_ANSWER, m, OK);
        answer->diverging_epoch = end.epoch < 0 ? 0 : end.epoch;
        answer->diverging_end_offset = end.epoch < 0 ? 0 : end.end_offset;
        answer->high_watermark = raft->high_watermark;
        return;
    }
    if (peer >= 0 && m->offset > raft->peers[peer].end_offset) {
        raft->peers[peer].end_offset = m->offset;
        raft_update_high_watermark(s);
    }
    struct raft_message *answer = raft_answer(s, RAFT_FETCH_ANSWER, m, OK);
    answer->high_watermark = raft->high_watermark;
    fill_runs(raft, m->offset, answer);
}

static void truncate_to(struct step *s, int64_t offset)
{
    struct raft *raft = s->raft;
    if (offset >= raft->end_offset) return;
    // Being told to cut what is committed would be a leader that lacks it: refuse and stay (Java ends the process).
    if (offset < raft->high_watermark) return;
    raft->end_offset = offset;
    if (raft->durable_end_offset > offset) raft->durable_end_offset = offset;
    raft_epoch_truncate(raft, offset);
    raft_emit(s, DO_RAFT_TRUNCATE)->offset = offset;
}

void raft_on_fetch_answer(struct step *s, const struct raft_message *m)
{
    struct raft *raft = s->raft;
    if (m->epoch < raft->saved.epoch) return;
    if (raft->state != RAFT_FOLLOWER) {
        bool tells_leader = m->leader_id >= 0 && m->leader_id != raft->options.id;
        if (tells_leader && (raft->state == RAFT_UNATTACHED || raft->state == RAFT_PROSPECTIVE))
            raft_become_follower(s, m->epoch, m->leader_id);
        return;
    }
    raft->is_fetching = false;
    raft->fetch_at_ms = s->now_ms + raft->options.fetch_wait_ms;
    if (m->error != OK || m->from != raft->saved.leader_id || m->offset != raft->durable_end_offset) return;
    raft->fetched_from_leader = true;
    raft->election_at_ms = s->now_ms + raft->options.fetch_timeout_ms;
    if (m->diverging_epoch >= 0) {
        struct raft_run own = raft_end_of_epoch(raft, m->diverging_epoch);
        int64_t cut = own.epoch < 0 ? 0 : own.end_offset;
        if (own.epoch == m->diverging_epoch && m->diverging_end_offset < cut) cut = m->diverging_end_offset;
        truncate_to(s, cut);
        raft->fetch_at_ms = s->now_ms;
        raft_fetch_if_due(s);
        return;
    }
    if (m->run_count > 0 && raft->end_offset == m->offset) {
        for (int32_t i = 0; i < m->run_count; i++) {
            if (m->runs[i].end_offset <= raft->end_offset || m->runs[i].epoch > m->epoch) break;
            raft_epoch_assign(raft, m->runs[i].epoch, raft->end_offset);
            raft->end_offset = m->runs[i].end_offset;
        }
        raft_emit(s, DO_RAFT_APPEND_FETCHED)->offset = raft->end_offset;
        raft->fetch_at_ms = s->now_ms; // goes out with EV_RAFT_SYNCED
    }
    int64_t watermark = m->high_watermark < raft->durable_end_offset ? m->high_watermark : raft->durable_end_offset;
    if (watermark > raft->high_watermark) {
        raft->high_watermark = watermark;
        raft_emit(s, DO_RAFT_HIGH_WATERMARK)->offset = watermark;
    }
}

// A fetch tells the leader that everything below its offset is on disk, so it waits for that (kafka-internals D2).
void raft_fetch_if_due(struct step *s)
{
    struct raft *raft = s->raft;
    if (raft->state != RAFT_FOLLOWER || raft->durable_end_offset < raft->end_offset) return;
    if (s->now_ms < raft->fetch_at_ms) return;
    raft->is_fetching = true;
    raft->fetch_at_ms = s->now_ms + raft->options.fetch_timeout_ms; // asked again if the answer is lost
    struct raft_message *m = raft_send(s, RAFT_FETCH, raft->saved.leader_id);
    m->offset = raft->durable_end_offset;
    m->last_epoch = raft_last_epoch(raft);
}
