// SPDX-License-Identifier: Apache-2.0
// Checks across keys, with Kafka's words (kafka-configs, "Start-up checks operators meet").
#include "config/config_int.h"

static const char *voter_set(const struct config *config, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < config->voters.count; i++)
        text = arena_printf(arena, "%s%s%d", text, i == 0 ? "" : ",", config->voters.items[i].id);
    return text;
}

static const char *check_quorum(const struct config *config, struct arena *arena)
{
    if (config->voters.count == 0 && config->bootstrap.count == 0)
        return "If using process.roles, either controller.quorum.bootstrap.servers must contain the set of bootstrap "
               "controllers or controller.quorum.voters must contain a parseable set of controllers.";
    int node_id = config_node_id(config);
    bool is_voter = false;
    for (size_t i = 0; i < config->voters.count; i++) is_voter = is_voter || config->voters.items[i].id == node_id;
    if (config_is_controller(config) && config->voters.count > 0 && !is_voter)
        return arena_printf(arena,
                            "If process.roles contains the 'controller' role, the node id %d must be included in the "
                            "set of voters controller.quorum.voters=Set(%s)",
                            node_id, voter_set(config, arena));
    if (!config_is_controller(config) && is_voter)
        return arena_printf(arena,
                            "If process.roles contains just the 'broker' role, the node id %d must not be included in "
                            "the set of voters controller.quorum.voters=Set(%s)",
                            node_id, voter_set(config, arena));
    return NULL;
}

static bool is_log_dir(const struct config *config, const char *path)
{
    struct config_list dirs = config_log_dirs(config);
    for (size_t i = 0; i < dirs.count; i++)
        if (strcmp(dirs.items[i], path) == 0) return true;
    return false;
}

static const char *check_cordoned(const struct config *config, struct arena *arena)
{
    struct config_list cordoned = config_get_list(config, "cordoned.log.dirs");
    const char *missing = NULL;
    for (size_t i = 0; i < cordoned.count; i++) {
        bool is_all = strcmp(cordoned.items[i], "*") == 0;
        if (is_all && cordoned.count > 1) return "When cordoned.log.dirs is set to *, it must not contain other values";
        if (is_all || is_log_dir(config, cordoned.items[i])) continue;
        missing = missing == NULL ? cordoned.items[i] : arena_printf(arena, "%s, %s", missing, cordoned.items[i]);
    }
    if (missing == NULL) return NULL;
    return arena_printf(arena,
                        "All entries in cordoned.log.dirs must be present in log.dirs or log.dir. Missing entries : %s",
                        missing);
}

static const char *check_log(const struct config *config, struct arena *arena)
{
    int64_t retention_ms = config_retention_ms(config);
    if (retention_ms == 0) return "log.retention.ms must be unlimited (-1) or, greater than or equal to 1";
    if (config_roll_ms(config) < 1) return "log.roll.ms must be greater than or equal to 1";
    if (config_roll_jitter_ms(config) < 0) return "log.roll.jitter.ms must be greater than or equal to 0";
    int64_t threads = config_get_long(config, "log.cleaner.threads");
    if (threads > 0 && config_get_long(config, "log.cleaner.dedupe.buffer.size") / threads <= 1 << 20)
        return "log.cleaner.dedupe.buffer.size must be at least 1MB per cleaner thread.";
    return check_cordoned(config, arena);
}

static const char *check_limits(const struct config *config, struct arena *arena)
{
    int64_t fetch_wait_ms = config_get_long(config, "replica.fetch.wait.max.ms");
    if (fetch_wait_ms > config_get_long(config, "replica.socket.timeout.ms"))
        return "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms to prevent unnecessary "
               "socket timeouts";
    if (fetch_wait_ms > config_get_long(config, "replica.lag.time.max.ms"))
        return "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms to prevent "
               "frequent changes in ISR";
    int64_t queued_bytes = config_get_long(config, "queued.max.request.bytes");
    if (queued_bytes > 0 && queued_bytes < config_get_long(config, "socket.request.max.bytes"))
        return "queued.max.request.bytes must be larger or equal to socket.request.max.bytes";
    static const char *const codecs[] = {"offsets.topic.compression.codec",
                                         "share.coordinator.state.topic.compression.codec"};
    for (size_t i = 0; i < COUNT_OF(codecs); i++) {
        int codec = config_get_int(config, codecs[i]);
        if (codec < 0 || codec > 4) return arena_printf(arena, "Unknown compression type id: %d", codec);
    }
    if (config_get_int(config, "max.connections.per.ip") == 0 &&
        config_get_string(config, "max.connections.per.ip.overrides")[0] == '\0')
        return "max.connections.per.ip can be set to zero only if max.connections.per.ip.overrides property is set.";
    return NULL;
}

// Each group kind: minimum <= value <= maximum, for every key that comes in three.
static const char *check_group_bounds(const struct config *config, struct arena *arena)
{
    static const char *const parts[][2] = {
        {"consumer", "session.timeout.ms"},     {"consumer", "heartbeat.interval.ms"},
        {"consumer", "assignment.interval.ms"}, {"streams", "session.timeout.ms"},
        {"streams", "heartbeat.interval.ms"},   {"streams", "assignment.interval.ms"},
        {"share", "session.timeout.ms"},        {"share", "heartbeat.interval.ms"},
        {"share", "assignment.interval.ms"},    {"share", "delivery.count.limit"},
        {"share", "record.lock.duration.ms"},   {"share", "partition.max.record.locks"},
    };
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const char *name = arena_printf(arena, "group.%s.%s", parts[i][0], parts[i][1]);
        const char *least = arena_printf(arena, "group.%s.min.%s", parts[i][0], parts[i][1]);
        const char *most = arena_printf(arena, "group.%s.max.%s", parts[i][0], parts[i][1]);
        int64_t value = config_get_long(config, name);
        if (value < config_get_long(config, least))
            return arena_printf(arena, "%s must be greater than or equal to %s", name, least);
        if (value > config_get_long(config, most))
            return arena_printf(arena, "%s must be less than or equal to %s", name, most);
    }
    return NULL;
}

enum err config_check_all(const struct config *config, struct arena *arena, const char **why)
{
    const char *text = NULL;
    if (config_get_int(config, "broker.id") != config_node_id(config))
        text = "You must set `node.id` to the same value as `broker.id`.";
    if (text == NULL) text = check_quorum(config, arena);
    if (text == NULL) text = check_log(config, arena);
    if (text == NULL) text = check_limits(config, arena);
    if (text == NULL) text = check_group_bounds(config, arena);
    if (text == NULL) return OK;
    *why = text;
    return ERR_INVALID;
}
