// SPDX-License-Identifier: Apache-2.0
// Asking a transaction's coordinator whether a partition takes part in it (KIP-890; kafka-internals B4). This build
// coordinates no transactions, so there is no transactional id that anybody could know: each question is answered as
// Kafka's coordinator answers for an id it has never seen. A coordinator answers here, perhaps later; then the
// connection has to be held meanwhile (design rule 4), and the errors that mean "ask again" become
// NOT_ENOUGH_REPLICAS.
#ifndef ODRADEK_BROKER_TXN_VERIFY_H
#define ODRADEK_BROKER_TXN_VERIFY_H

#include "broker/shard.h"

// Embedded in the asker's struct; kept until `done`.
struct txn_verification {
    struct slice transactional_id;
    int64_t producer_id;
    int16_t producer_epoch;
    struct uuid topic_id;
    int32_t index;
    bool adds; // transactions of version 2: the question makes it take part
    // On the same shard, within txn_verify or later. OK: it takes part.
    void (*done)(struct txn_verification *verification, enum err result);
};

void txn_verify(struct shard *shard, struct txn_verification *verification);

#endif
