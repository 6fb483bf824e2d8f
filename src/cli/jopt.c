// SPDX-License-Identifier: Apache-2.0
#include "cli/jopt.h"

#include <errno.h>
#include <stdlib.h>

// ---- parsing ---------------------------------------------------------------------------------------------------

static bool fail(struct jopt *jopt, const char *class_name, const char *text)
{
    jopt->problem_class = class_name;
    jopt->problem = text;
    return false;
}

static int find(const struct jopt *jopt, struct slice name)
{
    for (int i = 0; i < jopt->option_count; i++) {
        if (slice_eq_str(name, jopt->options[i].name)) return i;
    }
    return -1;
}

static bool unrecognised(struct jopt *jopt, struct slice name)
{
    return fail(jopt, "joptsimple.UnrecognizedOptionException",
                arena_printf(jopt->arena, "%.*s is not a recognized option", SLICE_FMT(name)));
}

static void add_value(struct jopt *jopt, int option, int argc, const char *value)
{
    if (jopt->values[option] == NULL) jopt->values[option] = ARENA_ARRAY(jopt->arena, const char *, argc + 1);
    jopt->values[option][jopt->value_count[option]++] = value;
}

static bool is_option_word(const char *word)
{
    return word[0] == '-' && word[1] != '\0';
}

// Those of kind JOPT_REQUIRED are there, unless --help or --version is.
static bool check_required(struct jopt *jopt)
{
    const char *missing = NULL;
    for (int i = 0; i < jopt->option_count; i++) {
        const char *name = jopt->options[i].name;
        if (jopt->given[i] > 0 && (strcmp(name, "help") == 0 || strcmp(name, "version") == 0)) return true;
        if (jopt->options[i].kind != JOPT_REQUIRED || jopt->given[i] > 0) continue;
        missing = missing == NULL ? name : arena_printf(jopt->arena, "%s, %s", missing, name);
    }
    if (missing == NULL) return true;
    return fail(jopt, "joptsimple.MissingRequiredOptionsException",
                arena_printf(jopt->arena, "Missing required option(s) [%s]", missing));
}

static bool takes_optional(enum jopt_kind kind)
{
    return kind == JOPT_OPTIONAL || kind == JOPT_OPTIONAL_INT || kind == JOPT_OPTIONAL_LONG;
}

// Where a number may stand, "-1" is one.
static bool is_negative_number(enum jopt_kind kind, const char *word)
{
    bool takes_number = kind == JOPT_OPTIONAL_INT || kind == JOPT_OPTIONAL_LONG;
    return takes_number && word[0] == '-' && word[1 + strspn(word + 1, "0123456789")] == '\0';
}

bool jopt_parse(struct jopt *jopt, const struct jopt_option *options, int option_count, struct arena *arena, int argc,
                char **argv)
{
    *jopt = (struct jopt){.options = options, .option_count = option_count, .arena = arena};
    jopt->given = ARENA_ARRAY(arena, int, option_count);
    jopt->value_count = ARENA_ARRAY(arena, int, option_count);
    jopt->values = ARENA_ARRAY(arena, const char **, option_count);
    jopt->order = ARENA_ARRAY(arena, int, argc + 1);
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (strcmp(word, "--") == 0) break;
        if (!is_option_word(word)) continue;
        bool is_long = word[1] == '-';
        const char *name = word + (is_long ? 2 : 1);
        const char *equals = strchr(name, '=');
        struct slice key = equals == NULL ? slice_str(name) : slice_of(name, (size_t)(equals - name));
        int option = find(jopt, key);
        // A cluster of one-letter options is what else one dash could mean; no tool has any.
        if (option < 0) return unrecognised(jopt, is_long ? key : slice_of(name, 1));
        jopt->given[option]++;
        jopt->order[jopt->order_count++] = option;
        enum jopt_kind kind = options[option].kind;
        if (kind == JOPT_FLAG) {
            if (equals == NULL) continue;
            return fail(jopt, "joptsimple.OptionArgumentNotAllowed", // never seen: jopt ignores it
                        arena_printf(arena, "Option %s does not take an argument", options[option].name));
        }
        if (equals != NULL) {
            add_value(jopt, option, argc, equals + 1);
        } else if (takes_optional(kind)) {
            if (i + 1 < argc && (!is_option_word(argv[i + 1]) || is_negative_number(kind, argv[i + 1])))
                add_value(jopt, option, argc, argv[++i]);
        } else if (i + 1 < argc) {
            add_value(jopt, option, argc, argv[++i]);
        } else {
            return fail(jopt, "joptsimple.OptionMissingRequiredArgumentException",
                        arena_printf(arena, "Option %s requires an argument", options[option].name));
        }
    }
    return check_required(jopt);
}

bool jopt_has(const struct jopt *jopt, int option)
{
    return jopt->given[option] > 0;
}

int jopt_count(const struct jopt *jopt, int option)
{
    return jopt->value_count[option];
}

const char *jopt_at(const struct jopt *jopt, int option, int index)
{
    return jopt->values[option][index];
}

bool jopt_value(struct jopt *jopt, int option, const char **out)
{
    if (jopt->value_count[option] > 1) {
        return fail(jopt, "joptsimple.MultipleArgumentsForOptionException",
                    arena_printf(jopt->arena, "Found multiple arguments for option %s, but you asked for only one",
                                 jopt->options[option].name));
    }
    *out = jopt->value_count[option] == 1 ? jopt->values[option][0] : jopt->options[option].fallback;
    return true;
}

bool jopt_number(struct jopt *jopt, int option, int64_t *out)
{
    const char *text;
    if (!jopt_value(jopt, option, &text)) return false;
    if (text == NULL) return true;
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    enum jopt_kind kind = jopt->options[option].kind;
    bool is_int = kind == JOPT_INT || kind == JOPT_OPTIONAL_INT;
    bool plain = text[0] == '-' || text[0] == '+' || (text[0] >= '0' && text[0] <= '9');
    if (!plain || *end != '\0' || end == text || errno == ERANGE ||
        (is_int && (value > INT32_MAX || value < INT32_MIN))) {
        return fail(
            jopt, "joptsimple.OptionArgumentConversionException",
            arena_printf(jopt->arena, "Cannot parse argument '%s' of option %s", text, jopt->options[option].name));
    }
    *out = value;
    return true;
}

// ---- help ------------------------------------------------------------------------------------------------------
// Two columns side by side, both wrapped: a word that no longer fits starts a new line, indented by two. Words end
// behind blanks and behind a hyphen, a full stop, a comma or a colon that a letter follows (Java's line BreakIterator,
// as far as met). Once wrapped, a column is as wide as its widest line.

enum { TOTAL_WIDTH = 80, GAP = 2 };

static size_t word_size(struct slice text)
{
    size_t i = 0;
    while (i < text.size) {
        uint8_t c = text.data[i++];
        if (i == text.size) break;
        uint8_t next = text.data[i];
        if (c == ' ' || c == '\t') {
            if (next != ' ' && next != '\t') break;
            continue;
        }
        bool letter = (next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z');
        bool digit = next >= '0' && next <= '9' && i >= 2;
        bool in_number = digit && c != ':' && text.data[i - 2] >= '0' && text.data[i - 2] <= '9';
        if (c == '-' && letter) break;
        if ((c == ')' && next == '-') || (next == '>' && c >= '0' && c <= '9')) break;
        if ((c == '.' || c == ',' || c == ':') && (letter || digit) && !in_number) break;
        bool after_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (next == '(' && after_letter) break;
    }
    return i;
}

struct column {
    struct text lines; // each ended by '\n'
    int count;
};

static void add_line(struct column *column, struct slice line)
{
    text_add(&column->lines, line);
    text_add_char(&column->lines, '\n');
    column->count++;
}

static void wrap_line(struct column *column, struct slice line, size_t width)
{
    struct text piece = {0};
    while (line.size > 0) {
        size_t size = word_size(line);
        if (piece.size + size > width) {
            add_line(column, text_slice(&piece));
            text_clear(&piece);
            text_add_str(&piece, "  ");
        }
        text_add(&piece, slice_of(line.data, size));
        line = slice_of(line.data + size, line.size - size);
    }
    if (piece.size > 0) add_line(column, text_slice(&piece));
    text_deinit(&piece);
}

static void wrap(struct column *column, struct slice text, size_t width)
{
    while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\n')) text.size--;
    while (text.size > 0) {
        const uint8_t *newline = memchr(text.data, '\n', text.size);
        size_t size = newline == NULL ? text.size : (size_t)(newline - text.data);
        wrap_line(column, slice_of(text.data, size), width);
        size_t step = size + (newline != NULL);
        text = slice_of(text.data + step, text.size - step);
    }
}

static void add_cell(struct text *out, struct column *column, size_t *at, size_t width)
{
    size_t size = 0;
    if (*at < column->lines.size) {
        const uint8_t *start = column->lines.data + *at;
        size = (size_t)((const uint8_t *)memchr(start, '\n', column->lines.size - *at) - start);
        *at += size + 1;
        while (size > 0 && start[size - 1] == ' ') size--;
        text_add(out, slice_of(start, size));
    }
    for (; size < width; size++) text_add_char(out, ' ');
}

// How wide the columns may be, and how wide their widest lines made them.
struct widths {
    size_t left, right;
    size_t widest_left, widest_right;
};

static void add_row(struct text *out, const char *left, const char *right, const struct widths *widths)
{
    struct column a = {0}, b = {0};
    wrap(&a, slice_str(left), widths->left);
    wrap(&b, slice_str(right), widths->right);
    size_t at_a = 0, at_b = 0;
    int rows = a.count > b.count ? a.count : b.count;
    for (int i = 0; i < rows; i++) {
        add_cell(out, &a, &at_a, widths->widest_left);
        text_add_str(out, "  ");
        add_cell(out, &b, &at_b, widths->widest_right);
        text_add_char(out, '\n');
    }
    text_deinit(&a.lines);
    text_deinit(&b.lines);
}

static void widen(size_t *width, const struct column *column)
{
    size_t start = 0;
    for (size_t i = 0; i < column->lines.size; i++) {
        if (column->lines.data[i] != '\n') continue;
        size_t end = i;
        while (end > start && column->lines.data[end - 1] == ' ') end--;
        if (end - start > *width) *width = end - start;
        start = i + 1;
    }
}

static void measure_row(const char *left, const char *right, struct widths *widths)
{
    struct column a = {0}, b = {0};
    wrap(&a, slice_str(left), widths->left);
    wrap(&b, slice_str(right), widths->right);
    widen(&widths->widest_left, &a);
    widen(&widths->widest_right, &b);
    text_deinit(&a.lines);
    text_deinit(&b.lines);
}

static void left_text(struct text *out, const struct jopt_option *option)
{
    text_clear(out);
    text_printf(out, "%s--%s", option->kind == JOPT_REQUIRED ? "* " : "", option->name);
    const char *type = option->kind == JOPT_INT || option->kind == JOPT_OPTIONAL_INT     ? "Integer"
                       : option->kind == JOPT_LONG || option->kind == JOPT_OPTIONAL_LONG ? "Long"
                       : option->kind == JOPT_ELECTION                                   ? "[PREFERRED,UNCLEAN]"
                                                                                         : "String";
    if (option->kind == JOPT_FLAG) return;
    bool optional = takes_optional(option->kind);
    text_printf(out, " %c%s%s%s%c", optional ? '[' : '<', type, option->argument == NULL ? "" : ": ",
                option->argument == NULL ? "" : option->argument, optional ? ']' : '>');
}

static void right_text(struct text *out, const struct jopt_option *option)
{
    text_clear(out);
    text_add_str(out, option->description);
    if (option->fallback != NULL) text_printf(out, " (default: %s)", option->fallback);
}

void jopt_help(const struct jopt_option *options, int option_count, struct text *out)
{
    struct widths widths = {0};
    const char *header = "Option";
    struct text left = {0}, right = {0};
    for (int i = 0; i < option_count; i++) {
        left_text(&left, &options[i]);
        right_text(&right, &options[i]);
        if (options[i].kind == JOPT_REQUIRED) header = "Option (* = required)";
        if (left.size > widths.left) widths.left = left.size;
        if (right.size > widths.right) widths.right = right.size;
    }
    if (widths.left > (TOTAL_WIDTH - GAP) / 2) widths.left = (TOTAL_WIDTH - GAP) / 2;
    if (widths.right > TOTAL_WIDTH - widths.left - GAP) widths.right = TOTAL_WIDTH - widths.left - GAP;
    widths.widest_left = strlen(header);
    widths.widest_right = strlen("Description");
    for (int i = 0; i < option_count; i++) {
        left_text(&left, &options[i]);
        right_text(&right, &options[i]);
        measure_row(text_cstr(&left), text_cstr(&right), &widths);
    }
    add_row(out, header, "Description", &widths);
    add_row(out, header[6] == '\0' ? "------" : "---------------------", "-----------", &widths);
    for (int i = 0; i < option_count; i++) {
        left_text(&left, &options[i]);
        right_text(&right, &options[i]);
        add_row(out, text_cstr(&left), text_cstr(&right), &widths);
    }
    text_deinit(&left);
    text_deinit(&right);
}
