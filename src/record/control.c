// SPDX-License-Identifier: Apache-2.0
#include "record/control.h"

#include "base/bytes.h"

enum { KEY_VERSION = 0, MARKER_VERSION = 0 };

const char *control_type_name(enum control_type type)
{
    switch (type) {
    case CONTROL_ABORT: return "ABORT";
    case CONTROL_COMMIT: return "COMMIT";
    case CONTROL_LEADER_CHANGE: return "LEADER_CHANGE";
    case CONTROL_SNAPSHOT_HEADER: return "SNAPSHOT_HEADER";
    case CONTROL_SNAPSHOT_FOOTER: return "SNAPSHOT_FOOTER";
    case CONTROL_KRAFT_VERSION: return "KRAFT_VERSION";
    case CONTROL_KRAFT_VOTERS: return "KRAFT_VOTERS";
    case CONTROL_UNKNOWN: break;
    }
    return "UNKNOWN";
}

void control_key_encode(enum control_type type, uint8_t key[CONTROL_KEY_SIZE])
{
    ASSERT(type != CONTROL_UNKNOWN);
    store_i16(key, KEY_VERSION);
    store_i16(key + 2, (int16_t)type);
}

enum err control_key_decode(struct slice key, enum control_type *out)
{
    if (key.size < CONTROL_KEY_SIZE || load_i16(key.data) < 0) return ERR_CORRUPT;
    int16_t type = load_i16(key.data + 2);
    *out = type < CONTROL_ABORT || type > CONTROL_KRAFT_VOTERS ? CONTROL_UNKNOWN : (enum control_type)type;
    return OK;
}

void end_txn_marker_encode(int32_t coordinator_epoch, uint8_t value[END_TXN_MARKER_SIZE])
{
    store_i16(value, MARKER_VERSION);
    store_i32(value + 2, coordinator_epoch);
}

enum err end_txn_marker_decode(struct slice value, int32_t *coordinator_epoch)
{
    if (value.size < END_TXN_MARKER_SIZE || load_i16(value.data) < 0) return ERR_CORRUPT;
    *coordinator_epoch = load_i32(value.data + 2);
    return OK;
}
