// SPDX-License-Identifier: Apache-2.0
#include "cli/argparse.h"

#include <errno.h>
#include <stdlib.h>

enum { WIDTH = 75, SIMILAR_ENOUGH = 7 };

// ---- error texts -----------------------------------------------------------------------------------------------

// Spreads blanks over the gaps of a line until it is WIDTH wide; what does not divide goes to the gaps in the middle.
static void add_justified(struct text *out, struct slice line)
{
    while (line.size > 0 && line.data[0] == ' ') line = slice_of(line.data + 1, line.size - 1);
    while (line.size > 0 && line.data[line.size - 1] == ' ') line.size--;
    int gaps = 0;
    for (size_t i = 0; i < line.size; i++) gaps += line.data[i] == ' ' && line.data[i - 1] != ' ';
    int missing = WIDTH - (int)line.size;
    int each = gaps == 0 || missing < 0 ? 0 : missing / gaps, rest = gaps == 0 || missing < 0 ? 0 : missing % gaps;
    int from = (gaps - rest + 1) / 2, gap = 0;
    for (size_t i = 0; i < line.size; i++) {
        text_add_char(out, (char)line.data[i]);
        if (line.data[i] != ' ' || line.data[i - 1] == ' ') continue;
        int extra = each + (gap >= from && gap < from + rest);
        for (int k = 0; k < extra; k++) text_add_char(out, ' ');
        gap++;
    }
}

// Words end behind blanks, hyphens and full stops, as in jopt's help.
static size_t word_size(struct slice text)
{
    size_t i = 0;
    while (i < text.size) {
        uint8_t c = text.data[i++];
        if (i == text.size || (c == ' ' && text.data[i] != ' ')) break;
        uint8_t next = text.data[i];
        bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
        if ((c == '-' || c == '.') && letter) break;
    }
    return i;
}

static void wrap(struct text *out, struct slice text)
{
    struct text line = {0};
    while (text.size > 0) {
        size_t size = word_size(text);
        size_t end = text.size == size; // the line end behind the last word counts
        if (line.size + size + end > WIDTH) {
            add_justified(out, text_slice(&line));
            text_add_char(out, '\n');
            text_clear(&line);
        }
        text_add(&line, slice_of(text.data, size));
        text = slice_of(text.data + size, text.size - size);
    }
    text_add(out, text_slice(&line));
    text_deinit(&line);
}

int argparse_error(const struct argparse *args, const char *text)
{
    if (args->errors_are_bare) return cli_err(args->cli, "Command line error: %s. Type --help for help.", text), 1;
    const char *end = strstr(args->help, "\n\n");
    struct slice usage = end == NULL ? slice_str(args->help) : slice_of(args->help, (size_t)(end - args->help) + 1);
    struct text wrapped = {0};
    wrap(&wrapped, slice_str(arena_printf(&args->cli->arena, "%s: error: %s", args->program, text)));
    cli_err(args->cli, "%.*s%s\n", SLICE_FMT(usage), text_cstr(&wrapped));
    text_deinit(&wrapped);
    return 1;
}

// ---- near misses -----------------------------------------------------------------------------------------------

// Edit distance where a swap of neighbours is free, a replacement costs 2, an insertion 1, a deletion 4.
static int distance(const char *from, const char *to)
{
    enum { MAX = 64 };
    int rows[3][MAX + 1];
    int *before = rows[0], *last = rows[1], *now = rows[2];
    int from_size = (int)strlen(from), to_size = (int)strlen(to);
    if (from_size > MAX || to_size > MAX) return SIMILAR_ENOUGH;
    for (int j = 0; j <= to_size; j++) last[j] = j;
    for (int i = 0; i < from_size; i++) {
        now[0] = i + 1;
        for (int j = 0; j < to_size; j++) {
            now[j + 1] = last[j] + (from[i] == to[j] ? 0 : 2);
            if (i > 0 && j > 0 && from[i - 1] == to[j] && from[i] == to[j - 1] && now[j + 1] > before[j - 1]) {
                now[j + 1] = before[j - 1];
            }
            if (now[j + 1] > last[j + 1] + 4) now[j + 1] = last[j + 1] + 4;
            if (now[j + 1] > now[j] + 1) now[j + 1] = now[j] + 1;
        }
        int *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[to_size];
}

static int distance_of(const char *word, const char *name)
{
    return strncmp(name, word, strlen(word)) == 0 ? 0 : distance(word, name);
}

static void suggest(const struct argparse *args, const char *word)
{
    if (args->errors_are_bare) return;
    int best = distance_of(word, "help");
    for (int i = 0; i < args->option_count; i++) {
        int d = distance_of(word, args->options[i].name);
        if (d < best) best = d;
    }
    if (best >= SIMILAR_ENOUGH) return;
    cli_err(args->cli, "\nDid you mean:\n");
    const char *last = "";
    for (;;) { // in alphabetical order
        const char *next = NULL;
        for (int i = -1; i < args->option_count; i++) {
            const char *name = i < 0 ? "help" : args->options[i].name;
            if (distance_of(word, name) != best || strcmp(name, last) <= 0) continue;
            if (next == NULL || strcmp(name, next) < 0) next = name;
        }
        if (next == NULL) return;
        cli_err(args->cli, "\t--%s\n", next);
        last = next;
    }
}

// ---- parsing ---------------------------------------------------------------------------------------------------

static const char *shown(const struct argparse *args, int option)
{
    const struct argparse_option *o = &args->options[option];
    return o->letter == 0 ? arena_printf(&args->cli->arena, "--%s", o->name)
                          : arena_printf(&args->cli->arena, "--%s/-%c", o->name, o->letter);
}

enum { FOUND_NONE = -1, FOUND_HELP = -2, FOUND_MANY = -3 };

static int find_long(const struct argparse *args, struct slice name, struct text *many)
{
    int found = FOUND_NONE, matches = 0;
    for (int i = -1; i < args->option_count; i++) {
        const char *candidate = i < 0 ? "help" : args->options[i].name;
        int index = i < 0 ? FOUND_HELP : i;
        if (slice_eq_str(name, candidate)) return index;
        if (strncmp(candidate, (const char *)name.data, name.size) != 0) continue;
        text_printf(many, "%s--%s", matches++ > 0 ? ", " : "", candidate);
        found = index;
    }
    return matches > 1 ? FOUND_MANY : found;
}

static int find_letter(const struct argparse *args, char letter)
{
    if (letter == 'h') return FOUND_HELP;
    for (int i = 0; i < args->option_count; i++) {
        if (args->options[i].letter == letter) return i;
    }
    return FOUND_NONE;
}

static bool unrecognised(struct argparse *args, const char *word)
{
    (void)argparse_error(args, arena_printf(&args->cli->arena, "unrecognized arguments: '%s'", word));
    if (word[0] == '-' && word[1] != '\0') {
        const char *name = word + 1 + (word[1] == '-');
        const char *equals = strchr(name, '=');
        suggest(args, equals == NULL ? name : arena_str(&args->cli->arena, slice_of(name, (size_t)(equals - name))));
    }
    return false;
}

static bool excluded(struct argparse *args, int option)
{
    int group = args->options[option].group;
    for (int i = 0; group > 0 && i < args->option_count; i++) {
        if (i == option || args->options[i].group != group || args->given[i] == 0) continue;
        (void)argparse_error(args, arena_printf(&args->cli->arena, "argument %s: not allowed with argument %s",
                                                shown(args, option), shown(args, i)));
        return true;
    }
    return false;
}

// "-1" and "-.5" are values, since no option looks like them.
static bool is_option_word(const char *word)
{
    if (word[0] != '-' || word[1] == '\0') return false;
    const char *rest = word + 1 + strspn(word + 1, "0123456789");
    if (*rest == '.') rest += 1 + strspn(rest + 1, "0123456789");
    return *rest != '\0';
}

static bool is_number(const char *text, enum argparse_takes kind)
{
    char *end;
    errno = 0;
    bool is_plain = *text == '-' || *text == '+' || *text == '.' || (*text >= '0' && *text <= '9');
    if (!is_plain) return false;
    if (kind == ARGPARSE_DOUBLE) {
        (void)strtod(text, &end);
        return *end == '\0';
    }
    long long value = strtoll(text, &end, 10);
    bool fits = errno == 0 && (kind == ARGPARSE_LONG || (value >= INT32_MIN && value <= INT32_MAX));
    return *end == '\0' && end > text && fits;
}

static bool keep_value(struct argparse *args, int option, const char *value)
{
    static const char *const names[] = {
        [ARGPARSE_INT] = "Integer", [ARGPARSE_LONG] = "Long", [ARGPARSE_DOUBLE] = "Double"};
    struct arena *arena = &args->cli->arena;
    int kind = args->options[option].takes_value;
    if (kind >= ARGPARSE_INT && !is_number(value, (enum argparse_takes)kind)) {
        (void)argparse_error(args,
                             arena_printf(arena, "argument %s: could not convert '%s' to %s (For input string: \"%s\")",
                                          shown(args, option), value, names[kind], value));
        return false;
    }
    if (args->given[option] == ARGPARSE_VALUES_MAX) {
        (void)argparse_error(args, arena_printf(arena, "argument %s: given too often", shown(args, option)));
        return false;
    }
    args->values[option][args->given[option]++] = value;
    return true;
}

// Takes one option and its value; *at is the last word used.
static bool take(struct argparse *args, int option, const char *attached, int argc, char **argv, int *at)
{
    if (excluded(args, option)) return false;
    const char *value = attached;
    if (!args->options[option].takes_value && attached != NULL) {
        (void)argparse_error(args, arena_printf(&args->cli->arena, "argument %s: ignored explicit argument '%s'",
                                                shown(args, option), attached));
        return false;
    }
    int kind = args->options[option].takes_value;
    if (kind != ARGPARSE_FLAG && value == NULL) {
        if (*at + 1 >= argc || is_option_word(argv[*at + 1])) {
            (void)argparse_error(args, arena_printf(&args->cli->arena, "argument %s: expected %s", shown(args, option),
                                                    kind == ARGPARSE_MANY ? "at least one argument" : "one argument"));
            return false;
        }
        value = argv[++*at];
    }
    if (!keep_value(args, option, value)) return false;
    while (kind == ARGPARSE_MANY && attached == NULL && *at + 1 < argc && !is_option_word(argv[*at + 1])) {
        if (!keep_value(args, option, argv[++*at])) return false;
    }
    return true;
}

// The first option or group of options that is missing.
bool argparse_check_required(struct argparse *args)
{
    struct arena *arena = &args->cli->arena;
    for (int i = 0; i < args->option_count; i++) {
        int group = args->options[i].group, given = args->given[i];
        if (!args->options[i].is_required) continue;
        const char *names = shown(args, i);
        for (int k = 0; group > 0 && k < args->option_count; k++) {
            if (k == i || args->options[k].group != group) continue;
            given += args->given[k];
            if (k > i) names = arena_printf(arena, "%s %s", names, shown(args, k));
        }
        if (given > 0) continue;
        (void)argparse_error(args, group > 0 ? arena_printf(arena, "one of the arguments %s is required", names)
                                             : arena_printf(arena, "argument %s is required", names));
        return false;
    }
    return true;
}

bool argparse_parse(struct argparse *args, int argc, char **argv, int *code)
{
    ASSERT(args->option_count <= ARGPARSE_OPTIONS_MAX);
    *code = 1;
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (word[0] != '-' || word[1] == '\0') {
            if (!args->has_commands) return unrecognised(args, word);
            args->command_at = i;
            return true;
        }
        bool is_long = word[1] == '-';
        const char *equals = is_long ? strchr(word, '=') : NULL;
        const char *attached = equals == NULL ? NULL : equals + 1;
        int option;
        if (is_long) {
            struct text many = {0};
            struct slice name = slice_of(word + 2, equals == NULL ? strlen(word + 2) : (size_t)(equals - word) - 2);
            option = find_long(args, name, &many);
            const char *matches = arena_str(&args->cli->arena, text_slice(&many));
            text_deinit(&many);
            if (option == FOUND_MANY) {
                (void)argparse_error(
                    args, arena_printf(&args->cli->arena, "ambiguous option: %s could match %s", word, matches));
                return false;
            }
        } else {
            option = find_letter(args, word[1]);
            if (word[2] != '\0') attached = word + 2;
        }
        if (option == FOUND_HELP) {
            cli_out(args->cli, "%s", args->help);
            *code = args->help_code;
            return false;
        }
        if (option < 0) return unrecognised(args, word);
        if (!take(args, option, attached, argc, argv, &i)) return false;
    }
    if (args->has_commands) return (void)argparse_error(args, "too few arguments"), false;
    return argparse_check_required(args);
}

int64_t argparse_number(const struct argparse *args, int option, int64_t fallback)
{
    const char *value = argparse_value(args, option);
    return value == NULL ? fallback : strtoll(value, NULL, 10);
}

const char *argparse_value(const struct argparse *args, int option)
{
    return args->given[option] == 0 ? NULL : args->values[option][args->given[option] - 1];
}
