// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_SIZE_MAX = 4096 };

static const char *const level_names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

bool log_level_parse(struct slice name, enum log_level *out)
{
    for (size_t i = 0; i < COUNT_OF(level_names); i++) {
        if (!slice_eq_str(name, level_names[i])) continue;
        *out = (enum log_level)i;
        return true;
    }
    return false;
}

// ---- loggers ----------------------------------------------------------------------------------------------------

// Kafka's loggers are its classes; these are the ones whose work is done here, and the packages above them. `component`
// is what log_line is called with; a logger without one only passes its level on.
static const struct logger {
    const char *name;
    int parent;
    const char *component;
} loggers[] = {
    {"root", -1, NULL},
    {"kafka", LOG_ROOT, NULL},
    {"org.apache.kafka", LOG_ROOT, NULL},
    {"kafka.server.KafkaApis", 1, "broker"},
    {"kafka.network.SocketServer", 1, "network"},
    {"kafka.request.logger", 1, "request"},
    {"kafka.server.KafkaConfig", 1, "config"},
    {"kafka.server.ClientQuotaManager", 1, "quota"},
    {"kafka.log.LogManager", 1, "store"},
    {"org.apache.kafka.controller", 2, NULL},
    {"org.apache.kafka.controller.QuorumController", 9, "metadata"},
    {"org.apache.kafka.coordinator", 2, NULL},
    {"org.apache.kafka.coordinator.common.runtime.CoordinatorRuntime", 11, "coord"},
    {"org.apache.kafka.coordinator.group", 11, NULL},
    {"org.apache.kafka.coordinator.group.GroupCoordinatorService", 13, "group"},
};
_Static_assert(COUNT_OF(loggers) <= LOG_LOGGERS_MAX, "struct log holds a level for each");

const char *log_logger_name(int logger)
{
    return logger < (int)COUNT_OF(loggers) ? loggers[logger].name : NULL;
}

int log_logger_find(struct slice name)
{
    for (int i = 0; i < (int)COUNT_OF(loggers); i++)
        if (slice_eq_str(name, loggers[i].name)) return i;
    return -1;
}

enum log_level log_logger_level(const struct log *log, int logger)
{
    for (; logger > LOG_ROOT; logger = loggers[logger].parent) {
        uint8_t own = __atomic_load_n(&log->levels[logger], __ATOMIC_RELAXED);
        if (own != 0) return (enum log_level)(own - 1);
    }
    return __atomic_load_n(&log->level, __ATOMIC_RELAXED);
}

void log_logger_set(struct log *log, int logger, enum log_level level)
{
    ASSERT(logger >= 0 && logger < (int)COUNT_OF(loggers));
    if (logger == LOG_ROOT) {
        __atomic_store_n(&log->level, level, __ATOMIC_RELAXED);
        return;
    }
    __atomic_store_n(&log->levels[logger], (uint8_t)(level + 1), __ATOMIC_RELAXED);
    __atomic_add_fetch(&log->own_levels, 1, __ATOMIC_RELAXED);
}

void log_logger_unset(struct log *log, int logger)
{
    ASSERT(logger > LOG_ROOT && logger < (int)COUNT_OF(loggers));
    __atomic_store_n(&log->levels[logger], 0, __ATOMIC_RELAXED);
}

static int logger_of(const char *component)
{
    for (int i = 0; i < (int)COUNT_OF(loggers); i++)
        if (loggers[i].component != NULL && strcmp(loggers[i].component, component) == 0) return i;
    return LOG_ROOT;
}

bool log_wants(const struct log *log, enum log_level level, const char *component)
{
    if (log == NULL) return false;
    if (__atomic_load_n(&log->own_levels, __ATOMIC_RELAXED) == 0)
        return level >= __atomic_load_n(&log->level, __ATOMIC_RELAXED);
    return level >= log_logger_level(log, logger_of(component));
}

void log_line(struct log *log, enum log_level level, const char *component, const char *format, ...)
{
    if (!log_wants(log, level, component)) return;
    char line[LINE_SIZE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log->write(log, level, component, line);
}
