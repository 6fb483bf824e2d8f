// SPDX-License-Identifier: Apache-2.0
#include "cli/line_reader.h"

#include <ctype.h>

static bool is_true(struct slice text)
{
    while (text.size > 0 && isspace(text.data[0])) text = slice_of(text.data + 1, text.size - 1);
    while (text.size > 0 && isspace(text.data[text.size - 1])) text.size--;
    return text.size == 4 && tolower(text.data[0]) == 't' && tolower(text.data[1]) == 'r' &&
           tolower(text.data[2]) == 'u' && tolower(text.data[3]) == 'e';
}

static struct slice property(const struct props *props, const char *name, struct slice fallback)
{
    struct slice value = props_get(props, name);
    return slice_is_null(value) ? fallback : value;
}

static bool differ(struct slice a, const char *a_name, struct slice b, const char *b_name, struct text *problem)
{
    if (slice_is_null(a) || !slice_eq(a, b)) return true;
    text_printf(problem, "%s and %s may not be equal", a_name, b_name);
    return false;
}

bool line_reader_init(struct line_reader *reader, const struct props *props, struct text *problem)
{
    *reader = (struct line_reader){0};
    reader->parse_key = is_true(props_get(props, "parse.key"));
    reader->parse_headers = is_true(props_get(props, "parse.headers"));
    reader->ignore_error = is_true(props_get(props, "ignore.error"));
    struct slice key = reader->key_separator = property(props, "key.separator", SLICE("\t"));
    struct slice delimiter = reader->headers_delimiter = property(props, "headers.delimiter", SLICE("\t"));
    struct slice separator = reader->headers_separator = property(props, "headers.separator", SLICE(","));
    struct slice pair = reader->headers_key_separator = property(props, "headers.key.separator", SLICE(":"));
    struct slice marker = reader->null_marker = props_get(props, "null.marker");
    reader->separator = regex_new_search(separator, problem);
    return reader->separator != NULL &&
           differ(delimiter, "headers.delimiter", separator, "headers.separator", problem) &&
           differ(delimiter, "headers.delimiter", pair, "headers.key.separator", problem) &&
           differ(separator, "headers.separator", pair, "headers.key.separator", problem) &&
           differ(marker, "null.marker", key, "key.separator", problem) &&
           differ(marker, "null.marker", separator, "headers.separator", problem) &&
           differ(marker, "null.marker", delimiter, "headers.delimiter", problem) &&
           differ(marker, "null.marker", pair, "headers.key.separator", problem);
}

void line_reader_deinit(struct line_reader *reader)
{
    regex_free(reader->separator);
}

static const uint8_t *find(struct slice text, struct slice what)
{
    if (what.size == 0) return text.data;
    return text.size < what.size ? NULL : memmem(text.data, text.size, what.data, what.size);
}

static struct slice behind(struct slice text, const uint8_t *at, size_t skip)
{
    size_t gone = (size_t)(at - text.data) + skip;
    return slice_of(text.data + gone, text.size - gone);
}

static bool is_marker(const struct line_reader *reader, struct slice text)
{
    return !slice_is_null(reader->null_marker) && slice_eq(text, reader->null_marker);
}

// Cuts `part` off the front of `rest`. *found: the separator was there (else, with ignore.error, nothing is cut).
static bool cut(struct line_reader *reader, struct slice line, struct slice *rest, struct slice separator,
                const char *name, struct slice *part, bool *found, struct text *problem)
{
    const uint8_t *at = find(*rest, separator);
    *found = at != NULL;
    if (at == NULL) {
        if (reader->ignore_error) return true;
        text_printf(problem, "No %s found on line number %lld: '%.*s'", name, (long long)reader->line_number,
                    SLICE_FMT(line));
        return false;
    }
    *part = slice_of(rest->data, (size_t)(at - rest->data));
    *rest = behind(*rest, at, separator.size);
    return true;
}

static bool add_header(struct line_reader *reader, struct slice pair, struct producer_record *out, struct text *problem)
{
    const uint8_t *at = find(pair, reader->headers_key_separator);
    struct record_header header = {.key = pair, .value = SLICE_NULL};
    if (at == NULL && !reader->ignore_error) {
        text_printf(problem, "No header key separator found in pair '%.*s' on line number %lld", SLICE_FMT(pair),
                    (long long)reader->line_number);
        return false;
    }
    if (at != NULL) {
        header.key = slice_of(pair.data, (size_t)(at - pair.data));
        if (is_marker(reader, header.key)) {
            text_printf(problem, "Header keys should not be equal to the null marker '%.*s' as they can't be null",
                        SLICE_FMT(reader->null_marker));
            return false;
        }
        header.value = behind(pair, at, reader->headers_key_separator.size);
        if (is_marker(reader, header.value)) header.value = SLICE_NULL;
    }
    if (out->header_count == READER_HEADERS_MAX) {
        text_printf(problem, "More than %d headers on line number %lld", READER_HEADERS_MAX,
                    (long long)reader->line_number);
        return false;
    }
    reader->headers[out->header_count++] = header;
    return true;
}

// As Java's Pattern.split: empty pairs at the end are not pairs.
static bool split_headers(struct line_reader *reader, struct slice headers, struct producer_record *out,
                          struct text *problem)
{
    size_t from = 0, start, end, empty = 0;
    bool more = true;
    while (more) {
        more = headers.size > 0 && regex_find(reader->separator, headers, from, &start, &end) && end > start;
        struct slice pair = slice_of(headers.data + from, (more ? start : headers.size) - from);
        if (pair.size == 0 && (from > 0 || more)) {
            empty++;
        } else {
            for (; empty > 0; empty--) {
                if (!add_header(reader, SLICE(""), out, problem)) return false;
            }
            if (!add_header(reader, pair, out, problem)) return false;
        }
        if (more) from = end;
    }
    return true;
}

bool line_reader_parse(struct line_reader *reader, struct slice line, struct producer_record *out, struct text *problem)
{
    reader->line_number++;
    struct slice rest = line, headers = SLICE_NULL, key = SLICE_NULL;
    bool has_headers = false, has_key = false;
    if (reader->parse_headers &&
        !cut(reader, line, &rest, reader->headers_delimiter, "headers delimiter", &headers, &has_headers, problem)) {
        return false;
    }
    if (reader->parse_key &&
        !cut(reader, line, &rest, reader->key_separator, "key separator", &key, &has_key, problem)) {
        return false;
    }
    out->key = has_key && !is_marker(reader, key) ? key : SLICE_NULL;
    out->value = is_marker(reader, rest) ? SLICE_NULL : rest;
    out->headers = reader->headers;
    out->header_count = 0;
    return !has_headers || is_marker(reader, headers) || split_headers(reader, headers, out, problem);
}
