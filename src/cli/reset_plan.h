// SPDX-License-Identifier: Apache-2.0
// What kafka-consumer-groups --reset-offsets reads: dates, durations, and plans as CSV.
#ifndef ODRADEK_CLI_RESET_PLAN_H
#define ODRADEK_CLI_RESET_PLAN_H

#include "cli/admin_groups.h"

// "YYYY-MM-DDThh:mm:ss.sss" with or without a zone (UTC), as Kafka's Utils.getDateTime reads it; milliseconds since
// 1970. False: `error` is Java's ParseException.
bool reset_parse_datetime(struct arena *arena, const char *text, int64_t *out_ms, struct cli_error *error);
// ISO 8601 "PnDTnHnMn.nS" as java.time.Duration reads it. False: not one.
bool reset_parse_duration(struct slice text, int64_t *out_ms);

// One line "topic,partition,offset" or, with_group, "group,topic,partition,offset".
struct reset_line {
    struct slice group;
    struct topic_partition key;
    int64_t offset;
};

// False: `error` is Jackson's, its first line only.
bool reset_parse_line(struct arena *arena, struct slice line, bool with_group, struct reset_line *out,
                      struct cli_error *error);
// A cell as Jackson writes it: quoted when it is long or has a character that might need it.
void reset_add_cell(struct text *out, struct slice cell);

#endif
