// SPDX-License-Identifier: Apache-2.0
// Java's .properties format, as java.util.Properties.load reads it:
//
//   text     = natural lines, ended by LF, CR or CR LF
//   line     = blanks, then nothing | ("#" | "!") comment | key separator value
//   blank    = space, tab or form feed; leading ones of every natural line are skipped
//   a line that ends in an odd number of backslashes goes on in the next one, without its leading blanks
//   key      = up to the first "=", ":" or blank with no backslash before it
//   separator= blanks, at most one "=" or ":", blanks
//   escapes  = \t \n \r \f, \uXXXX (a UTF-16 unit), and \c is c for every other c
//
// Kafka reads the bytes as Latin-1; people write UTF-8. So UTF-8 it is, and a byte that is none counts as Latin-1.
#include "base/utf8.h"
#include "config/config.h"

struct scan {
    const uint8_t *at;
    const uint8_t *end;
    int line;         // of `at`, from 1
    uint8_t *logical; // the logical line, escapes still in it
    size_t size;
    int logical_line;
};

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\f';
}

static bool is_newline(uint8_t c)
{
    return c == '\n' || c == '\r';
}

// At a newline: goes behind it, CR LF being one.
static void skip_newline(struct scan *scan)
{
    uint8_t c = *scan->at++;
    if (c == '\r' && scan->at < scan->end && *scan->at == '\n') scan->at++;
    scan->line++;
}

// Gathers the next logical line that is neither empty nor a comment; false at the end.
static bool next_line(struct scan *scan)
{
    bool is_start = true; // of a natural line
    bool is_continued = false;
    bool has_backslash = false; // an odd number before `at`
    scan->size = 0;
    while (scan->at < scan->end) {
        uint8_t c = *scan->at;
        if (is_start && is_blank(c)) {
            scan->at++;
            continue;
        }
        if (is_start && is_newline(c) && !is_continued) {
            skip_newline(scan);
            continue;
        }
        is_start = false;
        is_continued = false;
        if (scan->size == 0 && (c == '#' || c == '!')) {
            while (scan->at < scan->end && !is_newline(*scan->at)) scan->at++;
            is_start = true;
            continue;
        }
        if (!is_newline(c)) {
            if (scan->size == 0) scan->logical_line = scan->line;
            scan->logical[scan->size++] = c;
            has_backslash = c == '\\' && !has_backslash;
            scan->at++;
            continue;
        }
        skip_newline(scan);
        if (scan->size > 0 && !has_backslash) return true;
        if (has_backslash) scan->size--;
        is_continued = has_backslash;
        has_backslash = false;
        is_start = true;
    }
    if (has_backslash) scan->size--; // a backslash that ends the text
    return scan->size > 0;
}

static bool read_hex4(const uint8_t *at, const uint8_t *end, uint32_t *unit)
{
    if (end - at < 4) return false;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t c = at[i];
        uint32_t digit = c >= '0' && c <= '9'                 ? (uint32_t)(c - '0')
                         : (c | 32) >= 'a' && (c | 32) <= 'f' ? (uint32_t)((c | 32) - 'a' + 10)
                                                              : 16;
        if (digit == 16) return false;
        value = value << 4 | digit;
    }
    *unit = value;
    return true;
}

// Behind "\u". Two units that are a surrogate pair make one code point.
static const uint8_t *read_unicode(const uint8_t *at, const uint8_t *end, uint32_t *code_point)
{
    uint32_t low = 0;
    if (!read_hex4(at, end, code_point)) return NULL;
    at += 4;
    bool is_high = *code_point >= 0xd800 && *code_point < 0xdc00;
    if (is_high && end - at >= 6 && at[0] == '\\' && at[1] == 'u' && read_hex4(at + 2, end, &low) && low >= 0xdc00 &&
        low < 0xe000) {
        *code_point = 0x10000 + ((*code_point - 0xd800) << 10) + (low - 0xdc00);
        at += 6;
    }
    return at;
}

// Takes the escapes out; false for a malformed \uXXXX.
static bool unescape(const uint8_t *at, const uint8_t *end, struct arena *arena, struct slice *out)
{
    uint8_t *text = arena_alloc(arena, (size_t)(end - at) * 2 + UTF8_SIZE_MAX); // Latin-1 doubles at most
    size_t size = 0;
    while (at < end) {
        if (*at != '\\') {
            const uint8_t *from = at;
            uint32_t code_point = utf8_next(&at, end);
            if (code_point == 0xfffd && at == from + 1) code_point = *from; // no UTF-8: Latin-1
            size += utf8_put(text + size, code_point);
            continue;
        }
        if (++at == end) break;
        uint32_t code_point = *at;
        switch (*at++) {
        case 't': text[size++] = '\t'; break;
        case 'n': text[size++] = '\n'; break;
        case 'r': text[size++] = '\r'; break;
        case 'f': text[size++] = '\f'; break;
        case 'u':
            at = read_unicode(at, end, &code_point);
            if (at == NULL) return false;
            size += utf8_put(text + size, code_point);
            break;
        default:
            at--; // itself, by the next round; a backslash comes here too and must not start an escape
            if (*at == '\\') text[size++] = *at++;
            break;
        }
    }
    *out = slice_of(text, size);
    return true;
}

static bool split_line(const uint8_t *line, size_t size, struct arena *arena, struct config_pair *out)
{
    size_t key_size = 0;
    bool has_backslash = false;
    while (key_size < size) {
        uint8_t c = line[key_size];
        if (!has_backslash && (c == '=' || c == ':' || is_blank(c))) break;
        has_backslash = c == '\\' && !has_backslash;
        key_size++;
    }
    size_t value_at = key_size;
    bool has_separator = false;
    for (; value_at < size; value_at++) {
        uint8_t c = line[value_at];
        bool is_separator = (c == '=' || c == ':') && !has_separator;
        if (!is_separator && !is_blank(c)) break;
        has_separator = has_separator || is_separator;
    }
    return unescape(line, line + key_size, arena, &out->name) &&
           unescape(line + value_at, line + size, arena, &out->value);
}

enum err properties_parse(struct slice text, struct arena *arena, struct config_pairs *out, int *line)
{
    if (text.size == 0) {
        *out = (struct config_pairs){0};
        return OK;
    }
    struct scan scan = {
        .at = text.data, .end = text.data + text.size, .line = 1, .logical = arena_alloc(arena, text.size + 1)};
    struct config_pair *pairs = NULL;
    size_t count = 0;
    size_t capacity = 0;
    while (next_line(&scan)) {
        if (count == capacity) {
            capacity = capacity == 0 ? 32 : capacity * 2;
            struct config_pair *more = ARENA_ARRAY(arena, struct config_pair, capacity);
            if (count > 0) memcpy(more, pairs, count * sizeof(*pairs));
            pairs = more;
        }
        if (!split_line(scan.logical, scan.size, arena, &pairs[count])) {
            *line = scan.logical_line;
            return ERR_INVALID;
        }
        count++;
    }
    *out = (struct config_pairs){.items = pairs, .count = count};
    return OK;
}
