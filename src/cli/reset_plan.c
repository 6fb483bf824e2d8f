// SPDX-License-Identifier: Apache-2.0
// See reset_plan.h.
#include "cli/reset_plan.h"

// ---- dates -----------------------------------------------------------------------------------------------------

struct cursor {
    const char *at;
    bool has_failed;
};

static int64_t number(struct cursor *c)
{
    if (*c->at < '0' || *c->at > '9') c->has_failed = true;
    int64_t value = 0;
    for (; *c->at >= '0' && *c->at <= '9'; c->at++) {
        if (value < INT64_C(100000000)) value = value * 10 + (*c->at - '0');
    }
    return value;
}

static void expect(struct cursor *c, char what)
{
    if (*c->at == what)
        c->at++;
    else
        c->has_failed = true;
}

static int64_t two_digits(struct cursor *c)
{
    if (c->at[0] < '0' || c->at[0] > '9' || c->at[1] < '0' || c->at[1] > '9') {
        c->has_failed = true;
        return 0;
    }
    int64_t value = (c->at[0] - '0') * 10 + (c->at[1] - '0');
    c->at += 2;
    return value;
}

// "Z", "+02", "+02:00"; in minutes. What is behind is nobody's concern, as with Java.
static int64_t zone(struct cursor *c)
{
    if (*c->at == 'Z') {
        c->at++;
        return 0;
    }
    int64_t sign = *c->at == '-' ? -1 : 1;
    if (*c->at != '-' && *c->at != '+') c->has_failed = true;
    if (c->has_failed) return 0;
    c->at++;
    int64_t hours = two_digits(c), minutes = 0;
    struct cursor more = {.at = c->at};
    expect(&more, ':');
    if (!more.has_failed) minutes = two_digits(&more);
    if (more.has_failed) minutes = 0;
    if (hours > 23 || minutes > 59) c->has_failed = true;
    return sign * (hours * 60 + minutes);
}

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

// Days since 1970-01-01 of a date of the Gregorian calendar.
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool fail_parse(struct cli_error *error, const char *text)
{
    *error = (struct cli_error){"java.text.ParseException", text};
    return false;
}

bool reset_parse_datetime(struct arena *arena, const char *text, int64_t *out_ms, struct cli_error *error)
{
    static const int8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *t = strchr(text, 'T');
    if (t == NULL || t[1] == '\0') {
        return fail_parse(error, "Error parsing timestamp. It does not contain a 'T' according to ISO8601 format");
    }
    bool has_zone = strpbrk(t + 1, "+-Z") != NULL;
    const char *full = has_zone ? text : arena_printf(arena, "%sZ", text);
    struct cursor c = {.at = full};
    int64_t year = number(&c);
    expect(&c, '-');
    int64_t month = number(&c);
    expect(&c, '-');
    int64_t day = number(&c);
    expect(&c, 'T');
    int64_t hour = number(&c);
    expect(&c, ':');
    int64_t minute = number(&c);
    expect(&c, ':');
    int64_t second = number(&c);
    expect(&c, '.');
    int64_t ms = number(&c);
    int64_t zone_minutes = zone(&c);
    bool is_date = !c.has_failed && year >= 1 && month >= 1 && month <= 12 && day >= 1;
    if (is_date) is_date = day <= lengths[month - 1] + (month == 2 && is_leap(year));
    if (!is_date || hour > 23 || minute > 59 || second > 59 || ms > 999) {
        return fail_parse(error, arena_printf(arena, "Unparseable date: \"%s\"", full));
    }
    int64_t minutes = (days_of(year, month, day) * 24 + hour) * 60 + minute - zone_minutes;
    *out_ms = (minutes * 60 + second) * 1000 + ms;
    return true;
}

// ---- durations -------------------------------------------------------------------------------------------------

// A signed whole number and the letter behind it; `unit` is upper case. False: none here.
static bool amount(struct slice text, size_t *at, char unit, int64_t *out)
{
    size_t i = *at;
    bool is_negative = i < text.size && text.data[i] == '-';
    if (i < text.size && (text.data[i] == '-' || text.data[i] == '+')) i++;
    size_t start = i;
    int64_t value = 0;
    for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        if (value < INT64_C(1000000000000)) value = value * 10 + (text.data[i] - '0');
    }
    if (i == start || i >= text.size || (text.data[i] & 0xdf) != unit) return false;
    *at = i + 1;
    *out = is_negative ? -value : value;
    return true;
}

// "n.nS", in milliseconds.
static bool seconds(struct slice text, size_t *at, int64_t *out)
{
    if (amount(text, at, 'S', out)) {
        *out *= 1000;
        return true;
    }
    size_t i = *at;
    bool is_negative = i < text.size && text.data[i] == '-';
    if (i < text.size && (text.data[i] == '-' || text.data[i] == '+')) i++;
    size_t start = i;
    int64_t whole = 0, part = 0, scale = 100;
    for (; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++) {
        if (whole < INT64_C(1000000000000)) whole = whole * 10 + (text.data[i] - '0');
    }
    if (i == start || i >= text.size || (text.data[i] != '.' && text.data[i] != ',')) return false;
    size_t digits = 0;
    for (i++; i < text.size && text.data[i] >= '0' && text.data[i] <= '9'; i++, digits++, scale /= 10) {
        part += (text.data[i] - '0') * scale;
    }
    if (digits > 9 || i >= text.size || (text.data[i] & 0xdf) != 'S') return false;
    *at = i + 1;
    *out = is_negative ? -(whole * 1000 + part) : whole * 1000 + part;
    return true;
}

bool reset_parse_duration(struct slice text, int64_t *out_ms)
{
    size_t at = 0;
    bool is_negative = text.size > 0 && text.data[0] == '-';
    if (text.size > 0 && (text.data[0] == '-' || text.data[0] == '+')) at++;
    if (at >= text.size || (text.data[at] & 0xdf) != 'P') return false;
    at++;
    int64_t total = 0, part;
    bool has_part = amount(text, &at, 'D', &part);
    if (has_part) total = part * 86400000;
    if (at < text.size) {
        if ((text.data[at] & 0xdf) != 'T') return false;
        at++;
        if (at == text.size) return false;
        if (amount(text, &at, 'H', &part)) total += part * 3600000;
        if (amount(text, &at, 'M', &part)) total += part * 60000;
        if (seconds(text, &at, &part)) total += part;
        if (at != text.size) return false;
        has_part = true;
    }
    if (!has_part) return false;
    *out_ms = is_negative ? -total : total;
    return true;
}

// ---- CSV -------------------------------------------------------------------------------------------------------

enum { CELLS_MAX = 4, QUOTE_FROM = 24 };

// The next cell, quotes and doubled quotes undone. False at the end of the line.
static bool next_cell(struct arena *arena, struct slice line, size_t *at, struct slice *out)
{
    if (*at > line.size) return false;
    size_t i = *at;
    while (i < line.size && line.data[i] == ' ') i++;
    if (i >= line.size || line.data[i] != '"') {
        i = *at;
        const uint8_t *comma = i < line.size ? memchr(line.data + i, ',', line.size - i) : NULL;
        size_t size = comma == NULL ? line.size - i : (size_t)(comma - line.data) - i;
        *out = slice_of(line.data + i, size);
        *at = i + size + 1;
        return true;
    }
    char *copy = arena_alloc(arena, line.size + 1);
    size_t size = 0;
    for (i++; i < line.size; i++) {
        if (line.data[i] == '"') {
            if (i + 1 >= line.size || line.data[i + 1] != '"') break;
            i++;
        }
        copy[size++] = (char)line.data[i];
    }
    while (i < line.size && line.data[i] != ',') i++;
    *out = slice_of(copy, size);
    *at = i + 1;
    return true;
}

static bool fail_csv(struct cli_error *error, const char *class_name, const char *text)
{
    *error = (struct cli_error){class_name, text};
    return false;
}

static bool cell_number(struct arena *arena, struct slice cell, const char *type, int64_t *out, struct cli_error *error)
{
    while (cell.size > 0 && cell.data[0] == ' ') cell = slice_of(cell.data + 1, cell.size - 1);
    while (cell.size > 0 && (cell.data[cell.size - 1] == ' ' || cell.data[cell.size - 1] == '\r')) cell.size--;
    bool is_int = strcmp(type, "int") == 0;
    *out = 0;
    if (cell.size == 0) return true; // Jackson takes nothing for 0
    if (cli_parse_long(cell, out) && (!is_int || (*out <= INT32_MAX && *out >= INT32_MIN))) return true;
    return fail_csv(error, "com.fasterxml.jackson.databind.exc.InvalidFormatException",
                    arena_printf(arena,
                                 "Cannot deserialize value of type `%s` from String \"%.*s\": not a valid `%s` value",
                                 type, SLICE_FMT(cell), type));
}

bool reset_parse_line(struct arena *arena, struct slice line, bool with_group, struct reset_line *out,
                      struct cli_error *error)
{
    struct slice cells[CELLS_MAX] = {0};
    size_t at = 0, most = with_group ? 4 : 3, count = 0;
    if (line.size > 0 && line.data[line.size - 1] == '\r') line.size--;
    struct slice cell, extra = SLICE_NULL;
    while (next_cell(arena, line, &at, &cell)) {
        if (count == most) {
            extra = cell;
            break;
        }
        cells[count++] = cell;
    }
    const struct slice *first = with_group ? cells + 1 : cells;
    int64_t partition;
    *out = (struct reset_line){.group = with_group ? cells[0] : SLICE_NULL, .key.topic = first[0]};
    if (!cell_number(arena, first[1], "int", &partition, error) ||
        !cell_number(arena, first[2], "long", &out->offset, error)) {
        return false;
    }
    out->key.partition = (int32_t)partition;
    if (slice_is_null(extra)) return true;
    return fail_csv(error, "com.fasterxml.jackson.dataformat.csv.CsvReadException",
                    arena_printf(arena, "Too many entries: expected at most %zu (value #%zu (%zu chars) \"%.*s\")",
                                 most, count, cli_length(extra), SLICE_FMT(extra)));
}

void reset_add_cell(struct text *out, struct slice cell)
{
    bool quotes = cell.size > QUOTE_FROM;
    for (size_t i = 0; i < cell.size && !quotes; i++) quotes = cell.data[i] <= ',';
    if (quotes) text_add_char(out, '"');
    for (size_t i = 0; i < cell.size; i++) {
        if (cell.data[i] == '"') text_add_char(out, '"');
        text_add_char(out, (char)cell.data[i]);
    }
    if (quotes) text_add_char(out, '"');
}
