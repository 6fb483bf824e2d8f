// SPDX-License-Identifier: Apache-2.0
// Java's regular expressions through PCRE2, whose dialect is the nearest to java.util.regex there is in a library
// (possessive quantifiers, look-around, \Q..\E, named groups and character classes agree).
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>

#include "cli/cli_int.h"

struct regex {
    pcre2_code *code;
    pcre2_match_data *match;
};

static struct regex *compile(struct slice pattern, uint32_t options, struct text *problem)
{
    int number;
    PCRE2_SIZE at;
    pcre2_code *code = pcre2_compile(pattern.data, pattern.size, options, &number, &at, NULL);
    if (code == NULL) {
        char text[256];
        (void)pcre2_get_error_message(number, (PCRE2_UCHAR *)text, sizeof(text));
        if (number == PCRE2_ERROR_MISSING_CLOSING_PARENTHESIS) (void)snprintf(text, sizeof(text), "Unclosed group");
        text_printf(problem, "%s near index %zu\n%.*s", text, at, SLICE_FMT(pattern));
        return NULL;
    }
    struct regex *regex = MEM_NEW(struct regex);
    regex->code = code;
    regex->match = pcre2_match_data_create_from_pattern(code, NULL);
    return regex;
}

struct regex *regex_new(struct slice pattern, struct text *problem)
{
    return compile(pattern, PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED, problem);
}

struct regex *regex_new_search(struct slice pattern, struct text *problem)
{
    return compile(pattern, 0, problem); // bytes: lines need not be UTF-8
}

bool regex_find(const struct regex *regex, struct slice text, size_t from, size_t *start, size_t *end)
{
    if (pcre2_match(regex->code, text.data, text.size, from, 0, regex->match, NULL) <= 0) return false;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(regex->match);
    *start = ends[0];
    *end = ends[1];
    return true;
}

bool regex_matches(const struct regex *regex, struct slice text)
{
    return pcre2_match(regex->code, text.data, text.size, 0, 0, regex->match, NULL) > 0;
}

void regex_free(struct regex *regex)
{
    if (regex == NULL) return;
    pcre2_match_data_free(regex->match);
    pcre2_code_free(regex->code);
    mem_free(regex);
}

// Of the raw text: blanks trimmed, "," becomes "|", blanks inside dropped, quotes at the ends stripped.
struct slice include_list_pattern(struct cli *cli, struct slice raw)
{
    char *out = arena_alloc(&cli->arena, raw.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < raw.size; i++) {
        char c = (char)raw.data[i];
        if (c != ' ') out[size++] = c == ',' ? '|' : c;
    }
    size_t start = 0;
    while (start < size && (out[start] == '"' || out[start] == '\'')) start++;
    while (size > start && (out[size - 1] == '"' || out[size - 1] == '\'')) size--;
    return slice_of(out + start, size - start);
}
