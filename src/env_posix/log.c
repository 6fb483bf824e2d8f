// SPDX-License-Identifier: Apache-2.0
// Log lines as Kafka's log4j pattern "[%d] %p %m (%c)%n" prints them, since scripts and people parse that.
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "env_posix/posix.h"

enum { LOG_BYTES_MAX = 4096 + 256 }; // log_line cuts the text at 4 KiB

static void write_line(struct log *base, enum log_level level, const char *component, const char *line)
{
    struct posix_log *log = CONTAINER_OF(base, struct posix_log, log);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm local;
    localtime_r(&now.tv_sec, &local);
    char time_text[32];
    strftime(time_text, sizeof(time_text), "%Y-%m-%d %H:%M:%S", &local);
    char bytes[LOG_BYTES_MAX];
    int size = snprintf(bytes, sizeof(bytes), "[%s,%03d] %s %s (%s)\n", time_text, (int)(now.tv_nsec / 1000000),
                        log_level_name(level), line, component);
    if (size < 0) return;
    if ((size_t)size >= sizeof(bytes)) size = (int)sizeof(bytes) - 1;
    bytes[size - 1] = '\n';
    for (int at = 0; at < size;) { // one write unless the kernel takes less, e.g. a pipe that is nearly full
        ssize_t written = write(log->fd, bytes + at, (size_t)(size - at));
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return; // nowhere left to complain to
        at += (int)written;
    }
}

void posix_log_init(struct posix_log *log, int fd, enum log_level level)
{
    *log = (struct posix_log){.log = {.level = level, .write = write_line}, .fd = fd};
}
