// SPDX-License-Identifier: Apache-2.0
// The file quorum-state, one JSON line (kafka-internals A10):
//   data_version 0 (kraft.version 0): {"clusterId":"","leaderId":1,"leaderEpoch":6,"votedId":-1,"appliedOffset":0,
//                                      "currentVoters":[{"voterId":1}],"data_version":0}
//   data_version 1 (kraft.version 1):
//   {"leaderId":-1,"leaderEpoch":5,"votedId":2,"votedDirectoryId":"<uuid>","data_version":1}
#ifndef ODRADEK_RAFT_QUORUM_STATE_H
#define ODRADEK_RAFT_QUORUM_STATE_H

#include "base/text.h"
#include "raft/raft.h"

void quorum_state_print(const struct raft_saved *saved, const struct raft_voters *voters, bool is_dynamic,
                        struct text *out);
// ERR_CORRUPT: not such a line, or a data_version above 1 (Kafka refuses to start as well).
MUST_CHECK enum err quorum_state_parse(struct slice json, struct raft_saved *out);

#endif
