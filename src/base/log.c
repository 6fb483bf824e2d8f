// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

enum { LINE_SIZE_MAX = 4096 };

const char *log_level_name(enum log_level level)
{
    static const char *const names[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"};
    return names[level];
}

void log_line(struct log *log, enum log_level level, const char *component, const char *format, ...)
{
    if (log == NULL || level < log->level) return;
    char line[LINE_SIZE_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    log->write(log, level, component, line);
}
