// SPDX-License-Identifier: Apache-2.0
#ifndef ODRADEK_RAFT_RAFT_INT_H
#define ODRADEK_RAFT_RAFT_INT_H

#include "raft/raft.h"

// One step under way.
struct step {
    struct raft *raft;
    struct raft_effects *effects;
    int64_t now_ms;
};

struct raft_effect *raft_emit(struct step *s, enum raft_effect_kind kind);
struct raft_message *raft_send(struct step *s, enum raft_message_kind kind, int32_t to);
struct raft_message *raft_answer(struct step *s, enum raft_message_kind kind, const struct raft_message *to,
                                 enum err error);
void raft_save(struct step *s);
int64_t raft_random_between(struct raft *raft, int64_t from, int64_t below);
int32_t raft_peer_index(const struct raft *raft, int32_t id); // -1
bool raft_can_vote(const struct raft *raft);                  // this node is a voter

// raft_log.c
void raft_epoch_assign(struct raft *raft, int32_t epoch, int64_t start_offset);
void raft_epoch_truncate(struct raft *raft, int64_t end_offset);
void raft_update_high_watermark(struct step *s); // leader
void raft_on_fetch(struct step *s, const struct raft_message *m);
void raft_on_fetch_answer(struct step *s, const struct raft_message *m);
void raft_fetch_if_due(struct step *s);

// raft_election.c
void raft_become_unattached(struct step *s, int32_t epoch);
void raft_become_follower(struct step *s, int32_t epoch, int32_t leader_id);
void raft_become_resigned(struct step *s);
void raft_on_tick(struct step *s);
void raft_on_saved(struct step *s);
void raft_on_vote(struct step *s, const struct raft_message *m);
void raft_on_vote_answer(struct step *s, const struct raft_message *m);
void raft_on_begin_epoch(struct step *s, const struct raft_message *m);
void raft_on_end_epoch(struct step *s, const struct raft_message *m);

#endif
