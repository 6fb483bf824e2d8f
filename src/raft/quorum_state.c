// SPDX-License-Identifier: Apache-2.0
#include "raft/quorum_state.h"

void quorum_state_print(const struct raft_saved *saved, const struct raft_voters *voters, bool is_dynamic,
                        struct text *out)
{
    if (is_dynamic) {
        char id[UUID_TEXT_SIZE + 1];
        uuid_format(saved->voted_directory_id, id);
        text_printf(
            out, "{\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":%d,\"votedDirectoryId\":\"%s\",\"data_version\":1}",
            saved->leader_id, saved->epoch, saved->voted_id, id);
        return;
    }
    text_printf(
        out,
        "{\"clusterId\":\"\",\"leaderId\":%d,\"leaderEpoch\":%d,\"votedId\":%d,\"appliedOffset\":0,\"currentVoters\":[",
        saved->leader_id, saved->epoch, saved->voted_id);
    for (int32_t i = 0; i < voters->count; i++)
        text_printf(out, "%s{\"voterId\":%d}", i == 0 ? "" : ",", voters->items[i].id);
    text_add_str(out, "],\"data_version\":0}");
}

// The bytes behind "key": in the line, blanks skipped; empty when the key is not there.
static struct slice value_of(struct slice json, const char *key)
{
    size_t length = strlen(key);
    for (size_t i = 0; i + length + 2 <= json.size; i++) {
        if (json.data[i] != '"' || memcmp(json.data + i + 1, key, length) != 0 || json.data[i + 1 + length] != '"')
            continue;
        size_t at = i + length + 2;
        while (at < json.size && (json.data[at] == ' ' || json.data[at] == ':')) at++;
        return slice_of(json.data + at, json.size - at);
    }
    return (struct slice){0};
}

static enum err int_of(struct slice json, const char *key, int32_t *out)
{
    struct slice at = value_of(json, key);
    bool is_negative = at.size > 0 && at.data[0] == '-';
    int64_t value = 0;
    size_t i = is_negative ? 1 : 0;
    size_t first = i;
    for (; i < at.size && at.data[i] >= '0' && at.data[i] <= '9' && value <= INT32_MAX; i++)
        value = value * 10 + (at.data[i] - '0');
    if (i == first || value > INT32_MAX) return ERR_CORRUPT;
    *out = (int32_t)(is_negative ? -value : value);
    return OK;
}

static enum err uuid_at(struct slice json, const char *key, struct uuid *out)
{
    struct slice at = value_of(json, key);
    if (at.size < UUID_TEXT_SIZE + 2 || at.data[0] != '"' || at.data[UUID_TEXT_SIZE + 1] != '"') return ERR_CORRUPT;
    return uuid_parse(slice_of(at.data + 1, UUID_TEXT_SIZE), out) == OK ? OK : ERR_CORRUPT;
}

enum err quorum_state_parse(struct slice json, struct raft_saved *out)
{
    while (json.size > 0 && (json.data[json.size - 1] == '\n' || json.data[json.size - 1] == ' ')) json.size--;
    if (json.size < 2 || json.data[0] != '{' || json.data[json.size - 1] != '}') return ERR_CORRUPT;
    struct raft_saved saved = {.epoch = 0};
    int32_t version = 0;
    enum err e = int_of(json, "data_version", &version);
    if (e == OK) e = int_of(json, "leaderId", &saved.leader_id);
    if (e == OK) e = int_of(json, "leaderEpoch", &saved.epoch);
    if (e == OK) e = int_of(json, "votedId", &saved.voted_id);
    if (e == OK && version == 1) e = uuid_at(json, "votedDirectoryId", &saved.voted_directory_id);
    if (e != OK) return e;
    if (version < 0 || version > 1 || saved.epoch < 0) return ERR_CORRUPT;
    *out = saved;
    return OK;
}
