// SPDX-License-Identifier: Apache-2.0
#include "broker/loggers.h"

static enum err check_name(struct slice name, struct arena *arena, const char **why)
{
    if (log_logger_find(name) >= 0) return OK;
    *why = arena_printf(arena, "Logger %.*s does not exist!", SLICE_FMT(name));
    return ERR_INVALID_CONFIG;
}

enum err loggers_check(const struct config_change *change, struct arena *arena, const char **why)
{
    enum log_level level;
    enum err e = OK;
    switch (change->operation) {
    case CONFIG_SET:
        e = check_name(change->name, arena, why);
        if (e != OK || log_level_parse(change->value, &level)) return e;
        *why = arena_printf(arena,
                            "Cannot set the log level of %.*s to %.*s as it is not a supported log level. Valid log "
                            "levels are DEBUG, ERROR, FATAL, INFO, TRACE, WARN",
                            SLICE_FMT(change->name), SLICE_FMT(change->value));
        return ERR_INVALID_CONFIG;
    case CONFIG_DELETE:
        e = check_name(change->name, arena, why);
        if (e != OK || log_logger_find(change->name) != LOG_ROOT) return e;
        *why = "Removing the log level of the root logger is not allowed";
        return ERR_INVALID_REQUEST;
    case CONFIG_APPEND:
        *why = "APPEND operation is not allowed for the BROKER_LOGGER resource";
        return ERR_INVALID_REQUEST;
    case CONFIG_SUBTRACT:
        *why = "SUBTRACT operation is not allowed for the BROKER_LOGGER resource";
        return ERR_INVALID_REQUEST;
    default: return ERR_UNKNOWN_SERVER_ERROR;
    }
}

void loggers_change(struct log *log, const struct config_change *change)
{
    int logger = log_logger_find(change->name);
    enum log_level level = LOG_INFO;
    if (change->operation == CONFIG_SET && log_level_parse(change->value, &level)) {
        log_logger_set(log, logger, level);
        log_warn(log, "broker", "the log level of %s is now %s", log_logger_name(logger), log_level_name(level));
    } else if (logger != LOG_ROOT) {
        log_logger_unset(log, logger);
        log_warn(log, "broker", "%s has its parent's log level again", log_logger_name(logger));
    }
}
