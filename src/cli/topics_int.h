// SPDX-License-Identifier: Apache-2.0
// Private to kafka-topics: topics.c parses and acts, topics_describe.c describes.
#ifndef ODRADEK_CLI_TOPICS_INT_H
#define ODRADEK_CLI_TOPICS_INT_H

#include "cli/cli_int.h"
#include "proto/metadata.h"

// One topic of the cluster.
struct listed_topic {
    struct slice name;
    struct uuid id;
};

struct topics_run {
    struct cli *cli;
    struct jopt options;
    struct client *client;
    struct cli_error error; // set by whatever returns false
};

// A failure in the tool itself.
bool topics_fail(struct topics_run *run, const char *class_name, const char *text);
// jopt's failure as the run's.
bool topics_fail_option(struct topics_run *run);
// The topics that --topic (or all, or `pattern` NULL) names, sorted.
bool topics_find(struct topics_run *run, const char *pattern, struct listed_topic **out, int *count);
bool topics_is_internal(struct slice name);
bool topics_describe(struct topics_run *run);

#endif
