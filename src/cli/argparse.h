// SPDX-License-Identifier: Apache-2.0
// Options as argparse4j understands them (kafka-cli 0): "--name value", "--name=value", "-n value", unambiguous
// prefixes; errors behind the usage, wrapped at 75 columns and justified.
#ifndef ODRADEK_CLI_ARGPARSE_H
#define ODRADEK_CLI_ARGPARSE_H

#include "cli/cli_int.h"

struct argparse_option {
    const char *name;  // "config"
    char letter;       // 'c', 0 = none
    bool takes_value;
    bool is_required;
    int group; // > 0: options of one group exclude each other
};

enum { ARGPARSE_OPTIONS_MAX = 16, ARGPARSE_VALUES_MAX = 64 };

struct argparse {
    struct cli *cli;
    const char *program;
    const char *help; // usage, an empty line, the rest
    const struct argparse_option *options;
    int option_count;
    int given[ARGPARSE_OPTIONS_MAX];
    const char *values[ARGPARSE_OPTIONS_MAX][ARGPARSE_VALUES_MAX];
};

// True: go on. False: *code is the exit code; help or the error has been printed.
bool argparse_parse(struct argparse *args, int argc, char **argv, int *code);
// The last value, NULL when not given.
const char *argparse_value(const struct argparse *args, int option);
// "usage: ..." and "PROGRAM: error: TEXT" on standard error. Returns 1.
int argparse_error(const struct argparse *args, const char *text);

#endif
