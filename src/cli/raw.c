// SPDX-License-Identifier: Apache-2.0
// `odradek raw decode|encode`: lines of messages between hex and JSON, standard input to standard output.
#include "wire/raw.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/cli.h"

typedef enum err raw_line(struct slice line, struct text *out, struct text *problem);

struct streams {
    FILE *in;
    FILE *out;
    FILE *err;
};

static int convert_lines(const struct streams *streams, raw_line *convert)
{
    char *line = NULL;
    size_t capacity = 0;
    long number = 0;
    int status = 0;
    struct text out = {0};
    struct text problem = {0};
    for (ssize_t size = 0; (size = getline(&line, &capacity, streams->in)) >= 0;) {
        number++;
        text_clear(&out);
        text_clear(&problem);
        if (convert(slice_of(line, (size_t)size), &out, &problem) == OK) {
            text_add_char(&out, '\n');
            fwrite(out.data, 1, out.size, streams->out);
        } else {
            fprintf(streams->err, "line %ld: %s\n", number, text_cstr(&problem));
            status = 1;
        }
    }
    free(line);
    text_deinit(&out);
    text_deinit(&problem);
    return status;
}

static FILE *open_copy(int fd, const char *mode)
{
    int copy = dup(fd);
    FILE *stream = copy < 0 ? NULL : fdopen(copy, mode);
    if (stream == NULL && copy >= 0) close(copy);
    return stream;
}

int cli_raw(const struct cli_host *host, int argc, char **argv)
{
    bool is_decode = argc == 1 && strcmp(argv[0], "decode") == 0;
    if (!is_decode && !(argc == 1 && strcmp(argv[0], "encode") == 0)) {
        dprintf(host->err_fd, "usage: odradek raw decode   lines \"NAME VERSION HEX\" to JSON\n"
                              "       odradek raw encode   lines \"NAME VERSION JSON\" to hex\n");
        return 1;
    }
    struct streams streams = {open_copy(host->in_fd, "r"), open_copy(host->out_fd, "w"), open_copy(host->err_fd, "w")};
    int status = 1;
    if (streams.in != NULL && streams.out != NULL && streams.err != NULL) {
        status = convert_lines(&streams, is_decode ? raw_decode_line : raw_encode_line);
    }
    if (streams.out != NULL && fclose(streams.out) != 0) {
        dprintf(host->err_fd, "odradek raw: the output could not be written\n");
        status = 1;
    }
    if (streams.in != NULL) fclose(streams.in);
    if (streams.err != NULL) fclose(streams.err);
    return status;
}
