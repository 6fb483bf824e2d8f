// SPDX-License-Identifier: Apache-2.0
// Log lines: one event, one line. Where they go is decided by whoever owns the process (stdout, stderr, a
// simulation's trace), so a module takes a `struct log *` and no module has a global.
#ifndef ODRADEK_BASE_LOG_H
#define ODRADEK_BASE_LOG_H

#include "base/assert.h"
#include "base/slice.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL };

// Loggers are named as Kafka names its own, since that is by what scripts set levels: log.c has the table. A logger
// without a level of its own has its parent's; a component's lines go by one of them.
enum { LOG_LOGGERS_MAX = 32, LOG_ROOT = 0 };

struct log {
    enum log_level level; // the root's: lines below are dropped before they are formatted; __atomic access only
    // Of each logger but the root: 0 = its parent's, else level + 1; __atomic access only, so that any thread may set
    // them while others write.
    uint8_t levels[LOG_LOGGERS_MAX];
    int own_levels; // how many of `levels` are set, or have been; __atomic access only
    // `line` has no newline and is valid for the call. Must be safe from any thread.
    void (*write)(struct log *log, enum log_level level, const char *component, const char *line);
    void *context;
};

// "TRACE" ... "FATAL"
const char *log_level_name(enum log_level level);
// false: no such level. Names as log_level_name gives them.
bool log_level_parse(struct slice name, enum log_level *out);

// The table: names by index, NULL behind the last; -1 for an unknown name. Index LOG_ROOT is "root".
const char *log_logger_name(int logger);
int log_logger_find(struct slice name);
// The level that holds for a logger. Any thread.
enum log_level log_logger_level(const struct log *log, int logger);
void log_logger_set(struct log *log, int logger, enum log_level level);
void log_logger_unset(struct log *log, int logger); // not the root
// Would a line be written? For lines that cost something to make.
bool log_wants(const struct log *log, enum log_level level, const char *component);

// Cut after 4 KiB. `component` is a literal such as "store". A NULL log drops the line.
void log_line(struct log *log, enum log_level level, const char *component, const char *format, ...) PRINTF_LIKE(4, 5);

#define log_debug(log, component, ...) log_line((log), LOG_DEBUG, (component), __VA_ARGS__)
#define log_info(log, component, ...) log_line((log), LOG_INFO, (component), __VA_ARGS__)
#define log_warn(log, component, ...) log_line((log), LOG_WARN, (component), __VA_ARGS__)
#define log_error(log, component, ...) log_line((log), LOG_ERROR, (component), __VA_ARGS__)

#endif
