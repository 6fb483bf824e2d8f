// SPDX-License-Identifier: Apache-2.0
// KRaft's quorum as a step function (KIP-595, KIP-853, KIP-996; kafka-internals D2-D4): one event in, a bounded list of
// effects out. No clock, no I/O, no log content: numbers and an epoch cache. The driver (src/broker/drive_raft.c)
// carries the effects out in list order and reports back with events.
//
// What the driver owes:
//   order      effects are carried out one after another; nothing behind a DO_RAFT_SAVE happens before it is on disk
//   one by one no event is given before the effects of the one before it are done (so a slow save holds events back)
//   saved      EV_RAFT_SAVED after each DO_RAFT_SAVE, naming its sequence
//   appended   end offset as told in DO_RAFT_APPEND_START / DO_RAFT_APPEND_FETCHED / EV_RAFT_APPEND
//   synced     EV_RAFT_SYNCED once everything below an offset is on disk
//   time       EV_RAFT_TICK at or after raft->deadline_ms; every event carries the time
#ifndef ODRADEK_RAFT_RAFT_H
#define ODRADEK_RAFT_RAFT_H

#include "base/err.h"
#include "base/slice.h"
#include "base/uuid.h"

enum { RAFT_VOTERS_MAX = 16, RAFT_EFFECTS_MAX = 4 * RAFT_VOTERS_MAX, RAFT_FETCHED_MAX = 16, RAFT_NONE = -1 };

enum raft_state {
    RAFT_UNATTACHED,  // knows an epoch, perhaps voted in it, knows no leader
    RAFT_PROSPECTIVE, // asks whether it could win before it disturbs anybody (pre-vote)
    RAFT_CANDIDATE,
    RAFT_FOLLOWER,
    RAFT_LEADER,
    RAFT_RESIGNED, // was leader of this epoch: may neither lead nor vote in it again
};

// What quorum-state holds.
struct raft_saved {
    int32_t epoch;
    int32_t leader_id; // -1 none known
    int32_t voted_id;  // -1 none
    struct uuid voted_directory_id;
};

struct raft_voter {
    int32_t id;
    struct uuid directory_id; // zero under kraft.version 0
};

struct raft_voters {
    struct raft_voter items[RAFT_VOTERS_MAX];
    int32_t count;
};

// The first offset of each epoch in the log, ascending.
struct raft_epoch {
    int32_t epoch;
    int64_t start_offset;
};

struct raft_options {
    int32_t id;
    struct uuid directory_id;
    int64_t election_timeout_ms; // controller.quorum.election.timeout.ms; the deadline is random in [1, 2) times that
    int64_t fetch_timeout_ms;    // controller.quorum.fetch.timeout.ms
    int64_t backoff_max_ms;      // controller.quorum.election.backoff.max.ms
    int64_t fetch_wait_ms;       // pause between two fetches when the first brought nothing
    uint64_t seed;               // of the random time-outs
};

// ---- messages between replicas, as far as the core cares --------------------------------------------------------

enum raft_message_kind {
    RAFT_VOTE,
    RAFT_VOTE_ANSWER,
    RAFT_BEGIN_EPOCH,
    RAFT_BEGIN_EPOCH_ANSWER,
    RAFT_END_EPOCH,
    RAFT_FETCH,
    RAFT_FETCH_ANSWER,
};

// A run of fetched batches of one epoch.
struct raft_run {
    int32_t epoch;
    int64_t end_offset; // first offset behind it
};

struct raft_message {
    enum raft_message_kind kind;
    int32_t from;
    int32_t to;
    struct uuid from_directory_id;
    int32_t epoch;     // the sender's
    int32_t leader_id; // as the sender knows it, -1 none
    enum err error;   // of answers: OK, ERR_FENCED_LEADER_EPOCH, ERR_NOT_LEADER_OR_FOLLOWER, ERR_UNSUPPORTED_VERSION...
    bool is_pre_vote; // VOTE and its answer
    bool is_granted;  // VOTE_ANSWER
    int64_t offset;   // VOTE: log end; FETCH: durable log end; FETCH_ANSWER: what the asker fetched from
    int32_t last_epoch;      // VOTE, FETCH: epoch of the last record, 0 when there is none
    int32_t rank;            // END_EPOCH: the receiver's place among the preferred successors
    int64_t high_watermark;  // FETCH_ANSWER, -1 unknown
    int32_t diverging_epoch; // FETCH_ANSWER, -1 = log matches
    int64_t diverging_end_offset;
    int32_t run_count; // FETCH_ANSWER
    struct raft_run runs[RAFT_FETCHED_MAX];
};

// ---- events -----------------------------------------------------------------------------------------------------

enum raft_event_kind {
    EV_RAFT_TICK,
    EV_RAFT_SAVED,   // sequence
    EV_RAFT_APPEND,  // end_offset: the leader's driver appended records of its own up to there (leader only)
    EV_RAFT_SYNCED,  // end_offset: everything below is on disk
    EV_RAFT_MESSAGE, // message
    EV_RAFT_STOP,    // graceful: a leader resigns and names successors
};

struct raft_event {
    enum raft_event_kind kind;
    int64_t now_ms;
    int64_t end_offset;
    uint64_t sequence;
    const struct raft_message *message;
};

// ---- effects ----------------------------------------------------------------------------------------------------

enum raft_effect_kind {
    DO_RAFT_SAVE,           // saved, sequence: write quorum-state
    DO_RAFT_APPEND_START,   // epoch, offset, with_voters: append the leader's control batch at `offset`
    DO_RAFT_APPEND_FETCHED, // append the batches that came with this message; the log then ends at `offset`
    DO_RAFT_TRUNCATE,       // offset: cut the log there, epoch cache too
    DO_RAFT_SEND,           // message
    DO_RAFT_HIGH_WATERMARK, // offset: everything below is committed
    DO_RAFT_LEADING,        // epoch: this node leads and has committed its first record: the controller may start
    DO_RAFT_LEADER_CHANGED, // leader_id (-1 none), epoch: somebody else leads, or nobody
};

struct raft_effect {
    enum raft_effect_kind kind;
    struct raft_saved saved;
    uint64_t sequence;
    int32_t epoch;
    int32_t leader_id;
    int64_t offset;
    bool with_voters;
    struct raft_message message;
};

struct raft_effects {
    int32_t count;
    struct raft_effect items[RAFT_EFFECTS_MAX];
};

// ---- the core ---------------------------------------------------------------------------------------------------

struct raft_peer {
    int64_t end_offset;     // durable end as told by its last fetch, -1 unknown
    bool has_fetched;       // in this epoch
    bool fetched_in_window; // since the check-quorum window began
    enum { RAFT_VOTE_OPEN, RAFT_VOTE_GRANTED, RAFT_VOTE_REFUSED } vote;
};

// Fields are for reading only; `peers` is parallel to voters.items.
struct raft {
    struct raft_options options;
    enum raft_state state;
    struct raft_saved saved; // newest, perhaps not on disk yet
    struct raft_voters voters;
    struct raft_peer peers[RAFT_VOTERS_MAX];
    bool is_dynamic;    // kraft.version 1
    bool voters_in_log; // the log holds a voters record (or this leader has just written one)
    int64_t end_offset;
    int64_t durable_end_offset;
    int64_t high_watermark;
    int64_t epoch_start_offset; // leader: of its LeaderChange record
    bool leading_announced;
    bool fetched_from_leader; // follower
    bool is_fetching;         // follower: an answer is outstanding
    int64_t deadline_ms;      // next EV_RAFT_TICK; INT64_MAX = none
    int64_t election_at_ms;
    int64_t begin_at_ms;
    int64_t check_quorum_at_ms;
    int64_t fetch_at_ms;
    uint64_t save_sequence;  // last DO_RAFT_SAVE
    uint64_t saved_sequence; // last EV_RAFT_SAVED
    uint64_t vote_sequence;  // the save that holds the candidate's own vote
    uint64_t random;
    struct raft_epoch *epochs; // owned
    int32_t epoch_count;
    int32_t epoch_capacity;
};

struct raft_start {
    struct raft_saved saved; // {0, -1, -1} for a new directory
    struct raft_voters voters;
    bool is_dynamic;
    bool voters_in_log;
    const struct raft_epoch *epochs; // of the log, ascending; copied
    int32_t epoch_count;
    int64_t end_offset;     // everything in the log at start counts as durable: the driver synced it
    int64_t high_watermark; // end of the newest snapshot, 0 without one
    int64_t now_ms;
};

// Enters the state that quorum-state asks for; effects come with the first event (send EV_RAFT_TICK at once).
void raft_init(struct raft *raft, const struct raft_options *options, const struct raft_start *start);
void raft_deinit(struct raft *raft);
void raft_step(struct raft *raft, const struct raft_event *event, struct raft_effects *effects);

const char *raft_state_name(enum raft_state state);
bool raft_is_voter(const struct raft *raft, int32_t id);
// Epoch of the last record, 0 for an empty log.
int32_t raft_last_epoch(const struct raft *raft);
// End offset of the newest epoch <= `epoch` in the log, and that epoch (kafka-internals A7); epoch -1 when there is
// none.
struct raft_run raft_end_of_epoch(const struct raft *raft, int32_t epoch);

#endif
