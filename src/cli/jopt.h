// SPDX-License-Identifier: Apache-2.0
// Options as jopt-simple understands and documents them (kafka-cli 0): "--name value", "--name=value", "-name value",
// no abbreviations. A tool's options are one table, indexed by its own enum and sorted by name.
#ifndef ODRADEK_CLI_JOPT_H
#define ODRADEK_CLI_JOPT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/text.h"

enum jopt_kind {
    JOPT_FLAG,
    JOPT_STRING, // with a required argument
    JOPT_INT,
    JOPT_LONG,
    JOPT_OPTIONAL, // string; the next word if that is no option
    JOPT_OPTIONAL_INT,
    JOPT_OPTIONAL_LONG,
    JOPT_REQUIRED, // string that must be given, marked with * in the help
    JOPT_ELECTION, // string; PREFERRED or UNCLEAN in the help
};

struct jopt_option {
    const char *name;
    enum jopt_kind kind;
    const char *argument; // what the argument is, for the help; NULL = only its type
    const char *fallback; // default, NULL = none
    const char *description;
};

struct jopt {
    const struct jopt_option *options;
    int option_count;
    struct arena *arena;
    int *given;           // times each option was given
    const char ***values; // of each option
    int *value_count;
    int *order; // the options as they came on the command line
    int order_count;
    const char *problem;       // after a failure: the exception's text
    const char *problem_class; // and class
};

// False: see problem. Everything lives in the arena or in argv.
bool jopt_parse(struct jopt *jopt, const struct jopt_option *options, int option_count, struct arena *arena, int argc,
                char **argv);
bool jopt_has(const struct jopt *jopt, int option);
int jopt_count(const struct jopt *jopt, int option); // values
const char *jopt_at(const struct jopt *jopt, int option, int index);
// The one value, else the default, else NULL. False: given more than once with values.
MUST_CHECK bool jopt_value(struct jopt *jopt, int option, const char **out);
// The one value as a number; *out is untouched without value and default. False: see problem.
MUST_CHECK bool jopt_number(struct jopt *jopt, int option, int64_t *out);

// The help: two columns, 80 wide.
void jopt_help(const struct jopt_option *options, int option_count, struct text *out);

#endif
