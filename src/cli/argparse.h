// SPDX-License-Identifier: Apache-2.0
// Options as argparse4j understands them (kafka-cli 0): "--name value", "--name=value", "-n value", unambiguous
// prefixes; errors behind the usage, wrapped at 75 columns and justified.
#ifndef ODRADEK_CLI_ARGPARSE_H
#define ODRADEK_CLI_ARGPARSE_H

#include "cli/cli_int.h"

struct argparse_option {
    const char *name; // "config"
    char letter;      // 'c', 0 = none
    int takes_value;  // enum argparse_takes; true is ARGPARSE_TEXT
    bool is_required; // in a group: one of them is
    int group;        // > 0: options of one group exclude each other
};

enum argparse_takes {
    ARGPARSE_FLAG,
    ARGPARSE_TEXT,
    ARGPARSE_MANY, // words up to the next option, at least one
    ARGPARSE_INT,
    ARGPARSE_LONG,
    ARGPARSE_DOUBLE,
    ARGPARSE_INTEGER = ARGPARSE_INT,
};

enum { ARGPARSE_OPTIONS_MAX = 24, ARGPARSE_VALUES_MAX = 64 };

struct argparse {
    struct cli *cli;
    const char *program;
    const char *help; // usage, an empty line, the rest
    const struct argparse_option *options;
    int option_count;
    bool has_commands;    // a word without dash is one: parsing ends there, and
    int command_at;       // argv[command_at] is it; the caller then parses the rest and checks what is required here
    bool errors_are_bare; // "Command line error: TEXT. Type --help for help." instead of the usage
    int help_code;        // exit code of --help
    int given[ARGPARSE_OPTIONS_MAX];
    const char *values[ARGPARSE_OPTIONS_MAX][ARGPARSE_VALUES_MAX];
};

// True: go on. False: *code is the exit code; help or the error has been printed.
bool argparse_parse(struct argparse *args, int argc, char **argv, int *code);
// What argparse_parse does last: the options that must be given are. False: the error has been printed.
bool argparse_check_required(struct argparse *args);
// The last value, NULL when not given.
const char *argparse_value(const struct argparse *args, int option);
// The last value as a number, `fallback` when not given.
int64_t argparse_number(const struct argparse *args, int option, int64_t fallback);
// "usage: ..." and "PROGRAM: error: TEXT" on standard error. Returns 1.
int argparse_error(const struct argparse *args, const char *text);

#endif
