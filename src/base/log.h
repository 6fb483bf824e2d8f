// SPDX-License-Identifier: Apache-2.0
// Log lines: one event, one line. Where they go is decided by whoever owns the process (stdout, stderr, a
// simulation's trace), so a module takes a `struct log *` and no module has a global.
#ifndef ODRADEK_BASE_LOG_H
#define ODRADEK_BASE_LOG_H

#include "base/assert.h"

enum log_level { LOG_TRACE, LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_FATAL };

struct log {
    enum log_level level; // lines below are dropped before they are formatted
    // `line` has no newline and is valid for the call. Must be safe from any thread.
    void (*write)(struct log *log, enum log_level level, const char *component, const char *line);
    void *context;
};

// "TRACE" ... "FATAL"
const char *log_level_name(enum log_level level);
// Cut after 4 KiB. `component` is a literal such as "store". A NULL log drops the line.
void log_line(struct log *log, enum log_level level, const char *component, const char *format, ...) PRINTF_LIKE(4, 5);

#define log_debug(log, component, ...) log_line((log), LOG_DEBUG, (component), __VA_ARGS__)
#define log_info(log, component, ...) log_line((log), LOG_INFO, (component), __VA_ARGS__)
#define log_warn(log, component, ...) log_line((log), LOG_WARN, (component), __VA_ARGS__)
#define log_error(log, component, ...) log_line((log), LOG_ERROR, (component), __VA_ARGS__)

#endif
