// SPDX-License-Identifier: Apache-2.0
// What a consumer's properties mean, and a consumer with or without its group made of them: shared by the tools that
// consume.
#ifndef ODRADEK_CLI_CONSUMER_SETTINGS_H
#define ODRADEK_CLI_CONSUMER_SETTINGS_H

#include "cli/cli_int.h"
#include "client/group.h"

struct consumer_settings {
    struct client_config client;
    struct consumer_config consumer;
    struct client_group_config group;
    bool has_group;              // group.id is there
    bool uses_consumer_protocol; // group.protocol=consumer (KIP-848)
    int32_t max_poll_records;    // 500
};

// Java's names, defaults and complaints. False: `thrown` is what KafkaConsumer's constructor throws.
bool consumer_settings_read(struct consumer_settings *settings, struct cli *cli, const struct props *props,
                            struct cli_thrown *thrown);

struct consuming_client {
    struct client *client;
    struct consumer *consumer;
    struct client_group *group; // NULL without
};
// False: `thrown` says why, as Java's KafkaConsumer constructor throws it. `with_group`: a member, not subscribed yet.
bool consuming_client_open(struct consuming_client *c, struct cli *cli, const struct consumer_settings *settings,
                           bool with_group, struct cli_thrown *thrown);
// Leaves the group in order first; waits for that at most `timeout_ms`.
void consuming_client_close(struct consuming_client *c, struct cli *cli, int32_t timeout_ms);
// A failure of the group or of the reading, in Java's words.
struct cli_error group_error(struct cli *cli, const struct consumer_settings *settings,
                             const struct client_group_failure *failure);
struct cli_error reading_error(struct cli *cli, struct client *client, const struct consumer_failure *failure);

#endif
