// SPDX-License-Identifier: Apache-2.0
// Standard output and error, gathered and written in large pieces, and whole files.
#include "cli/cli_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

enum { OUT_STEP = 65536, READ_STEP = 65536 };

// False: nobody reads.
static bool write_all(int fd, struct text *text)
{
    size_t done = 0;
    while (done < text->size) {
        ssize_t n = write(fd, text->data + done, text->size - done);
        if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (n < 0) break;
        done += (size_t)n;
    }
    bool complete = done == text->size;
    text_clear(text);
    return complete;
}

void cli_flush(struct cli *cli)
{
    if (!write_all(cli->host->out_fd, &cli->out)) cli->out_is_closed = true;
    (void)write_all(cli->host->err_fd, &cli->err);
}

static void add_formatted(struct text *text, const char *format, va_list arguments)
{
    va_list again;
    va_copy(again, arguments);
    int size = vsnprintf(NULL, 0, format, again);
    va_end(again);
    ASSERT(size >= 0);
    char *to = (char *)text_reserve(text, (size_t)size + 1);
    (void)vsnprintf(to, (size_t)size + 1, format, arguments);
    text_grew(text, (size_t)size);
}

void cli_out(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_formatted(&cli->out, format, arguments);
    va_end(arguments);
    if (cli->out.size >= OUT_STEP) cli_flush(cli);
}

void cli_out_bytes(struct cli *cli, struct slice bytes)
{
    text_add(&cli->out, bytes);
    if (cli->out.size >= OUT_STEP) cli_flush(cli);
}

void cli_err(struct cli *cli, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    add_formatted(&cli->err, format, arguments);
    va_end(arguments);
}

struct slice cli_trimmed(struct slice text)
{
    while (text.size > 0 && text.data[0] <= ' ') text = slice_of(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] <= ' ') text.size--;
    return text;
}

size_t cli_length(struct slice text)
{
    size_t length = 0;
    for (size_t i = 0; i < text.size; i++) {
        if ((text.data[i] & 0xc0) == 0x80) continue; // goes on
        length += text.data[i] >= 0xf0 ? 2 : 1;      // beyond the first plane: a pair of surrogates
    }
    return length;
}

void cli_out_padded(struct cli *cli, struct slice text, size_t width)
{
    cli_out_bytes(cli, text);
    for (size_t length = cli_length(text); length < width; length++) cli_out(cli, " ");
}

int cli_trace(struct cli *cli, const char *text, const char *class_name)
{
    cli_err(cli, "%s\n%s: %s\n\n", text, class_name, text);
    return 1;
}

int cli_usage(struct cli *cli, const struct jopt *options, const char *message)
{
    cli_err(cli, "%s\n", message);
    jopt_help(options->options, options->option_count, &cli->err);
    return 1;
}

int cli_uncaught(struct cli *cli, const char *class_name, const char *text)
{
    cli_err(cli, "Exception in thread \"main\" %s%s%s\n", class_name, text == NULL ? "" : ": ",
            text == NULL ? "" : text);
    return 1;
}

int cli_stack(struct cli *cli, const char *class_name, const char *text)
{
    cli_err(cli, "%s: %s\n", class_name, text);
    return 1;
}

static void on_stop(void *context, int signo)
{
    ((struct cli *)context)->stop_signal = signo;
}

void cli_catch_stop(struct cli *cli)
{
    cli->host->on_stop(cli->host, on_stop, cli);
}

// ---- files -----------------------------------------------------------------------------------------------------

enum err cli_read_file(struct cli *cli, const char *path, struct slice *content)
{
    struct file *file;
    enum err e = fs_open(cli->host->fs, path, FILE_READ, &file);
    if (e != OK) return e;
    struct text text = {0};
    for (;;) {
        size_t got = 0;
        e = file_pread(file, (int64_t)text.size, text_reserve(&text, READ_STEP), READ_STEP, &got);
        if (e != OK || got == 0) break;
        text_grew(&text, got);
    }
    file_unref(file);
    if (e == OK) *content = arena_copy(&cli->arena, text_slice(&text));
    text_deinit(&text);
    return e;
}
