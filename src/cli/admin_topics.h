// SPDX-License-Identifier: Apache-2.0
// What AdminClient knows about topics: names, partitions and their leaders, offsets by time. Answers live in the arena
// of the run and come in the order Java's maps give them.
#ifndef ODRADEK_CLI_ADMIN_TOPICS_H
#define ODRADEK_CLI_ADMIN_TOPICS_H

#include "cli/cli_int.h"

struct topic_partition {
    struct slice topic;
    int32_t partition;
};

bool topic_partition_eq(const struct topic_partition *a, const struct topic_partition *b);
// Puts items that begin with a struct topic_partition in the order of a HashMap<TopicPartition, ?>.
void topic_partition_order(void *items, size_t count, size_t item_size);
// By topic and partition, for qsort of items that begin with one.
int topic_partition_compare(const void *a, const void *b);

// Names as listTopics().names() has them. False: `error` says why.
bool admin_list_topics(struct cli *cli, struct client *client, bool with_internal, struct slice **names, int32_t *count,
                       struct cli_error *error);

struct admin_partition {
    int32_t index;
    int32_t leader; // -1 = none
};

struct admin_topic {
    struct slice name;
    enum err err;
    struct admin_partition *partitions; // by index
    int32_t partition_count;
};

// The topics of these names, in the order of the names. False only when the call failed: look at each `err`.
bool admin_describe_topics(struct cli *cli, struct client *client, const struct slice *names, int32_t count,
                           struct admin_topic **out, struct cli_error *error);

struct admin_offset {
    struct topic_partition key;
    int64_t timestamp; // to ask for: -1 latest, -2 earliest, ..., or milliseconds
    // The answer.
    int64_t offset; // -1 = none
    bool has_failed;
    struct cli_error error;
};

// Fills in the answers; a partition's own failure is in its item. False: `error` says why nothing was asked.
bool admin_list_offsets(struct cli *cli, struct client *client, struct admin_offset *items, int32_t count,
                        struct cli_error *error);

struct admin_deletion {
    struct topic_partition key;
    int64_t before_offset; // -1 = high watermark
    // The answer.
    int64_t low_watermark;
    bool has_failed;
    struct cli_error error;
    bool is_done;
};

bool admin_delete_records(struct cli *cli, struct client *client, struct admin_deletion *items, int32_t count,
                          struct cli_error *error);

#endif
