// SPDX-License-Identifier: Apache-2.0
// A replica moves into another log directory of this node (KIP-113, KIP-858), on the shard that owns it:
//
//   a -future directory is made -> filled from the replica's log while that goes on -> caught up: the controller is
//   told the new directory -> the metadata shows it -> appends are held for the moment it takes to copy the rest, sync
//   it, replace the log in one event, rename the old directory to -delete and the new one to its own name
//
// Nothing is appended while both directories have a say, so whatever a power cut leaves is clear: with a live and a
// -future directory the live one is complete and the move goes on; with a -future one alone, that is the replica.
#ifndef ODRADEK_BROKER_MOVE_REPLICA_H
#define ODRADEK_BROKER_MOVE_REPLICA_H

#include "broker/partition.h"
#include "meta/image.h"

struct move;

enum move_end { MOVE_GOES_ON, MOVE_CLOSED, MOVE_CANCELLED }; // the copy stays for the next start, or goes

// The partition is ONLINE. Where it lives already: a move elsewhere is cancelled. Where it is moving to: nothing.
void move_replica(struct partition *partition, struct logdir *to);
// Before the partition goes online: a copy that the last start left.
void move_resume(struct partition *partition, const struct partition_spec *spec);
// partition->moved, if set, is called when the move is over, perhaps at once; one that replaces the log already is
// finished.
void move_stop(struct partition *partition, enum move_end how);
// The log that is copied has moved on.
void move_wake(struct move *move);
// replica.alter.log.dirs.io.max.bytes.per.second may have changed.
void moves_refresh(struct shard *shard);
void move_image_changed(struct move *move, const struct image_partition *partition);
// The copy; NULL while it is being opened, and once it has become the log.
struct plog *move_copy(const struct move *move);
struct logdir *move_to(const struct move *move);

#endif
