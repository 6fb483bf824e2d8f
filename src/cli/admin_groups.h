// SPDX-License-Identifier: Apache-2.0
// Groups as AdminClient sees them: listed on every broker, the rest through each group's coordinator, which is looked
// up again when it moved and asked again while it loads. Answers live in the arena of the run.
#ifndef ODRADEK_CLI_ADMIN_GROUPS_H
#define ODRADEK_CLI_ADMIN_GROUPS_H

#include "cli/admin_topics.h"

struct admin_listing {
    struct slice id;
    struct slice protocol_type;
    struct slice state; // empty: the broker does not say
    struct slice type;  // "Classic", "Consumer", ...; empty likewise
};

// All groups, in the order of AdminClient's map; empty filters let all pass. False: `error` says why, in the words of
// ListGroupsResult.all().
bool admin_list_groups(struct cli *cli, struct client *client, const struct slice *states, int32_t state_count,
                       const struct slice *types, int32_t type_count, struct admin_listing **out, int32_t *count,
                       struct cli_thrown *thrown);
// Puts strings in the order of a HashMap with the default capacity.
void admin_order_names(struct slice *names, int32_t count);

struct admin_member {
    struct slice id;
    struct slice instance_id; // null = dynamic
    struct slice client_id;
    struct slice host;
    struct topic_partition *assigned; // in the order of Java's set
    int32_t assigned_count;
    struct topic_partition *target; // consumer protocol only
    int32_t target_count;
    int32_t epoch;   // -1 = classic group
    int8_t upgraded; // -1 = not said, 0 = a classic member, 1 = one of the consumer protocol
};

struct admin_group {
    struct slice id;
    struct slice state;
    struct slice assignor;
    bool is_consumer_type; // else classic
    int32_t group_epoch, target_epoch;
    int32_t coordinator;
    struct slice host;
    int port;
    struct admin_member *members;
    int32_t member_count;
    bool has_failed;
    enum err err;
    struct cli_error error;
};

// One group; a failure is in it.
void admin_describe_group(struct cli *cli, struct client *client, struct slice id, struct admin_group *group);

struct admin_committed {
    struct topic_partition key;
    int64_t offset; // -1 = none
    int32_t leader_epoch;
};

// In the order of AdminClient's map.
bool admin_committed(struct cli *cli, struct client *client, struct slice group, struct admin_committed **out,
                     int32_t *count, struct cli_error *error);
// False: the call's or the first partition's failure, in the words of AlterConsumerGroupOffsetsResult.all().
bool admin_commit(struct cli *cli, struct client *client, struct slice group, const struct admin_committed *items,
                  int32_t count, struct cli_error *error);

bool admin_delete_group(struct cli *cli, struct client *client, struct slice group, struct cli_error *error);

struct admin_forgotten {
    struct topic_partition key;
    enum err err; // of the partition
};

// OK, or the whole request's failure with `error`.
enum err admin_delete_offsets(struct cli *cli, struct client *client, struct slice group, struct admin_forgotten *items,
                              int32_t count, struct cli_error *error);

// A member's assignment as the consumer protocol writes it (ConsumerProtocolAssignment): partitions in the order of
// Java's set. False: malformed.
bool admin_read_assignment(struct arena *arena, struct slice bytes, struct topic_partition **out, int32_t *count);

#endif
