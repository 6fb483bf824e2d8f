// SPDX-License-Identifier: Apache-2.0
// Standard input, read by a task so that the loop sends, lingers and retries while a terminal is silent. The task
// waits at most WAIT_MS and comes back empty-handed, so the program can end without input.
#include "cli/cli_int.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum { STEP = 262144, WAIT_MS = 100 };

// What travels to the task and back.
struct reading_task {
    struct env_task task;
    struct line_input *input;
    int fd;
    uint8_t *buffer;
    ssize_t got; // -1 = nothing came in time, 0 = the end
};

struct line_input {
    struct cli *cli;
    struct text bytes;
    size_t at;
    bool skips_lf; // the last line ended with CR: a LF behind it belongs to it
    bool is_at_end;
    bool is_reading;
    bool has_news;
    bool is_closing;
    struct reading_task reading;
};

static void read_some(struct env_task *task, struct fs *fs)
{
    (void)fs;
    struct reading_task *reading = CONTAINER_OF(task, struct reading_task, task);
    struct pollfd poller = {.fd = reading->fd, .events = POLLIN};
    reading->got = -1;
    if (poll(&poller, 1, WAIT_MS) <= 0) return;
    ssize_t n = read(reading->fd, reading->buffer, STEP);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return;
    reading->got = n < 0 ? 0 : n;
}

static void start(struct line_input *input);

static void read_done(struct env *env, struct env_task *task)
{
    (void)env;
    struct reading_task *reading = CONTAINER_OF(task, struct reading_task, task);
    struct line_input *input = reading->input;
    input->is_reading = false;
    if (reading->got < 0) {
        if (!input->is_closing) start(input);
        return;
    }
    input->has_news = true;
    if (reading->got == 0) input->is_at_end = true;
}

static void start(struct line_input *input)
{
    input->is_reading = true;
    input->reading.task = (struct env_task){.run = read_some, .done = read_done};
    env_task_post(input->cli->host->env, &input->reading.task);
}

struct line_input *line_input_new(struct cli *cli)
{
    struct line_input *input = MEM_NEW(struct line_input);
    input->cli = cli;
    input->reading.input = input;
    input->reading.fd = cli->host->in_fd;
    input->reading.buffer = mem_alloc(STEP);
    start(input);
    return input;
}

static bool is_idle(void *context)
{
    return !((struct line_input *)context)->is_reading;
}

void line_input_free(struct line_input *input)
{
    input->is_closing = true;
    (void)input->cli->host->run_until(input->cli->host->env, is_idle, input);
    text_deinit(&input->bytes);
    mem_free(input->reading.buffer);
    mem_free(input);
}

// Takes over what the task read and sends it off for more.
static bool take_news(struct line_input *input)
{
    if (!input->has_news) return false;
    input->has_news = false;
    if (input->is_at_end) return true;
    struct text *bytes = &input->bytes;
    if (input->at > 0 && input->at < bytes->size) {
        memmove(bytes->data, bytes->data + input->at, bytes->size - input->at);
    }
    bytes->size -= input->at;
    input->at = 0;
    text_add(bytes, slice_of(input->reading.buffer, (size_t)input->reading.got));
    start(input);
    return true;
}

// A whole line among what is here.
static bool find_line(struct line_input *input, struct slice *line)
{
    size_t left = input->bytes.size - input->at;
    if (left == 0) return false;
    const uint8_t *start_at = input->bytes.data + input->at;
    if (input->skips_lf) {
        input->skips_lf = false;
        if (*start_at == '\n') {
            input->at++;
            return find_line(input, line);
        }
    }
    const uint8_t *end = memchr(start_at, '\n', left);
    size_t size = end == NULL ? left : (size_t)(end - start_at);
    const uint8_t *cr = memchr(start_at, '\r', size);
    if (cr != NULL && cr + 1 != end) {
        size = (size_t)(cr - start_at);
        input->skips_lf = true;
        input->at += size + 1;
    } else if (end != NULL) {
        size -= cr != NULL;
        input->at += (size_t)(end - start_at) + 1;
    } else if (input->is_at_end) {
        input->at += size;
    } else {
        return false;
    }
    *line = slice_of(start_at, size);
    return true;
}

bool line_input_next(struct line_input *input, struct slice *line)
{
    while (!find_line(input, line)) {
        if (!take_news(input)) return false;
    }
    return true;
}

bool line_input_is_ready(const struct line_input *input)
{
    return input->has_news || input->is_at_end;
}

bool line_input_is_at_end(const struct line_input *input)
{
    return input->is_at_end && !input->has_news;
}
