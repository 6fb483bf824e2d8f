// SPDX-License-Identifier: Apache-2.0
// What a producer's properties mean, and a producer that blocks as Java's send does.
#ifndef ODRADEK_CLI_PRODUCER_SETTINGS_H
#define ODRADEK_CLI_PRODUCER_SETTINGS_H

#include "cli/cli_int.h"
#include "client/producer.h"

struct producer_settings {
    struct client_config client;
    struct producer_config producer;
    int64_t max_block_ms; // 60000
};

// Java's names, defaults and complaints. False: `error` is the ConfigException.
bool producer_settings_read(struct producer_settings *settings, struct cli *cli, const struct props *props,
                            struct cli_error *error);

struct producing_client {
    struct cli *cli;
    const struct producer_settings *settings;
    struct client *client;
    struct producer *producer;
    struct slice topic; // of the record that waits
    struct env_timer timer;
    bool timed_out;
};
// False: `thrown` says why, as Java's KafkaProducer constructor throws it.
bool producing_client_open(struct producing_client *p, struct cli *cli, const struct producer_settings *settings,
                           struct cli_thrown *thrown);
// Waits for metadata or room, at most max.block.ms. ERR_AGAIN: they did not come.
enum err producing_client_send(struct producing_client *p, const struct producer_record *record);
// Why send said no, in Java's words.
struct cli_error producing_client_error(struct producing_client *p, const struct producer_record *record, enum err e);
// Lets what is there leave and arrive: one turn of the loop, or until `at_ns` of env_now_ns, or a stop signal.
void producing_client_run(struct producing_client *p, int64_t at_ns);
// Sends the rest and waits for it.
void producing_client_flush(struct producing_client *p);
void producing_client_close(struct producing_client *p);

#endif
