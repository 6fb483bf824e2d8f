// SPDX-License-Identifier: Apache-2.0
#include "broker/txn_verify.h"

void txn_verify(struct shard *shard, struct txn_verification *verification)
{
    (void)shard;
    verification->done(verification, ERR_INVALID_PRODUCER_ID_MAPPING);
}
