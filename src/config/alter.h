// SPDX-License-Identifier: Apache-2.0
// What IncrementalAlterConfigs and AlterConfigs may do, and the words with which they refuse (observed on Apache Kafka
// 4.3.1). Checks of topics are in config/topic.h.
#ifndef ODRADEK_CONFIG_ALTER_H
#define ODRADEK_CONFIG_ALTER_H

#include "config/topic.h"

// Wire codes of AlterConfigOp.
enum config_operation { CONFIG_SET = 0, CONFIG_DELETE = 1, CONFIG_APPEND = 2, CONFIG_SUBTRACT = 3 };

struct config_change {
    struct slice name;
    struct slice value; // null only for CONFIG_DELETE
    int8_t operation;   // as the client sent it, perhaps none of the above
};

// What stands in one broker's resource (or in the cluster's default, `is_broker` false) after the changes, as the
// broker that gets the request judges it. `current` is what stands there now; AlterConfigs passes none and CONFIG_SET
// only. ERR_INVALID_REQUEST or ERR_INVALID_CONFIG with Kafka's text in *why, in the arena.
MUST_CHECK enum err config_check_broker_changes(const struct config *config, const struct config_dynamic *dynamic,
                                                bool is_broker, struct config_pairs current,
                                                const struct config_change *changes, size_t count, struct arena *arena,
                                                const char **why);
// All settings of one group together: ERR_INVALID_CONFIG. `dynamic` may be NULL.
MUST_CHECK enum err config_check_group(const struct config *config, const struct config_dynamic *dynamic,
                                       struct config_pairs settings, struct arena *arena, const char **why);
// All settings of one client-metrics subscription: ERR_INVALID_REQUEST or ERR_INVALID_CONFIG.
MUST_CHECK enum err config_check_client_metrics(struct slice name, struct config_pairs settings, struct arena *arena,
                                                const char **why);

// A list with what APPEND adds behind it, or without what SUBTRACT names; `old` null = the key's default.
struct slice config_list_changed(const struct config_key *key, struct slice old, struct slice operand,
                                 enum config_operation operation, struct arena *arena);

#endif
