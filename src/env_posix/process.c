// SPDX-License-Identifier: Apache-2.0
// What the process and its neighbours look like: limits, cores, names, and who holds a port or a file.
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "env_posix/posix_int.h"

enum { SOCKETS_MAX = 16, COMMAND_SIZE_MAX = 160 };

int64_t posix_raise_nofile(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
    rlim_t before = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) limit.rlim_cur = before;
    return limit.rlim_cur == RLIM_INFINITY ? INT64_MAX : (int64_t)limit.rlim_cur;
}

int posix_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

void posix_hostname(char *text, size_t size)
{
    ASSERT(size > 0);
    if (gethostname(text, size) != 0 || text[0] == '\0') snprintf(text, size, "localhost");
    text[size - 1] = '\0';
}

// ---- processes by what they have open --------------------------------------------------------------------------

// A descriptor of a process: `path` is the link in /proc/PID/fd.
typedef bool (*fd_match)(const void *wanted, const char *path);

static bool has_match(int64_t pid, fd_match match, const void *wanted)
{
    char path[512];
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/fd", pid);
    DIR *dir = opendir(path);
    if (dir == NULL) return false; // another user's, or gone
    bool found = false;
    for (struct dirent *entry; !found && (entry = readdir(dir)) != NULL;) {
        snprintf(path, sizeof(path), "/proc/%" PRId64 "/fd/%s", pid, entry->d_name);
        found = match(wanted, path);
    }
    closedir(dir);
    return found;
}

// Our own process last: whoever asks wants to hear about another one.
static int64_t find_process(fd_match match, const void *wanted)
{
    DIR *dir = opendir("/proc");
    if (dir == NULL) return 0;
    int64_t found = 0;
    for (struct dirent *entry; found == 0 && (entry = readdir(dir)) != NULL;) {
        if (!isdigit((unsigned char)entry->d_name[0])) continue;
        int64_t pid = strtoll(entry->d_name, NULL, 10);
        if (pid != getpid() && has_match(pid, match, wanted)) found = pid;
    }
    closedir(dir);
    if (found == 0 && has_match(getpid(), match, wanted)) found = getpid();
    return found;
}

static bool is_file(const void *wanted, const char *path)
{
    const uint64_t *device_inode = wanted;
    struct stat st;
    return stat(path, &st) == 0 && st.st_dev == device_inode[0] && st.st_ino == device_inode[1];
}

int64_t process_with_file(uint64_t device, uint64_t inode)
{
    const uint64_t device_inode[2] = {device, inode};
    return find_process(is_file, device_inode);
}

void posix_process_text(int64_t pid, char text[POSIX_OWNER_TEXT_SIZE])
{
    if (pid <= 0) {
        snprintf(text, POSIX_OWNER_TEXT_SIZE, "another process (not visible to this user)");
        return;
    }
    char path[64];
    char command[COMMAND_SIZE_MAX + 1];
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/cmdline", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = fd < 0 ? 0 : read(fd, command, COMMAND_SIZE_MAX);
    if (fd >= 0) close(fd);
    while (size > 0 && command[size - 1] == '\0') size--;
    for (ssize_t i = 0; i < size; i++)
        if (!isprint((unsigned char)command[i])) command[i] = ' '; // arguments end in NUL
    if (size > 0)
        snprintf(text, POSIX_OWNER_TEXT_SIZE, "pid %" PRId64 " (%.*s%s)", pid, (int)size, command,
                 size == COMMAND_SIZE_MAX ? "..." : "");
    else
        snprintf(text, POSIX_OWNER_TEXT_SIZE, "pid %" PRId64, pid);
}

// ---- who listens -----------------------------------------------------------------------------------------------

struct sockets {
    int count;
    uint64_t inodes[SOCKETS_MAX];
};

// A line of /proc/net/tcp: "0: 0100007F:2384 00000000:0000 0A ... uid timeout inode ..."; 0A = LISTEN.
static void find_listeners(const char *path, int port, struct sockets *sockets)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) return;
    char line[512];
    while (fgets(line, sizeof(line), file) != NULL && sockets->count < SOCKETS_MAX) {
        unsigned local_port = 0;
        unsigned state = 0;
        uint64_t inode = 0;
        if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %" SCNu64, &local_port,
                   &state, &inode) == 3 &&
            state == 0x0a && (int)local_port == port)
            sockets->inodes[sockets->count++] = inode;
    }
    fclose(file);
}

static bool is_socket(const void *wanted, const char *path)
{
    const struct sockets *sockets = wanted;
    char target[64];
    ssize_t size = readlink(path, target, sizeof(target) - 1);
    if (size <= 0) return false;
    target[size] = '\0';
    uint64_t inode = 0;
    if (sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1) return false;
    for (int i = 0; i < sockets->count; i++)
        if (sockets->inodes[i] == inode) return true;
    return false;
}

int64_t posix_port_owner(int port, char text[POSIX_OWNER_TEXT_SIZE])
{
    struct sockets sockets = {0};
    find_listeners("/proc/net/tcp", port, &sockets);
    find_listeners("/proc/net/tcp6", port, &sockets);
    int64_t pid = sockets.count == 0 ? 0 : find_process(is_socket, &sockets);
    posix_process_text(pid, text);
    return pid;
}
