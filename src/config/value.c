// SPDX-License-Identifier: Apache-2.0
// Texts to values and back, with the words of Kafka's ConfigDef when a text is refused.
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/config_int.h"

struct slice config_trim(struct slice text)
{
    while (text.size > 0 && text.data[0] <= ' ') text = slice_of(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] <= ' ') text.size--;
    return text;
}

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool config_equal_any_case(struct slice a, const char *b)
{
    if (a.size != strlen(b)) return false;
    for (size_t i = 0; i < a.size; i++)
        if (lower(a.data[i]) != lower((uint8_t)b[i])) return false;
    return true;
}

struct config_list config_split(struct slice text, struct arena *arena)
{
    text = config_trim(text);
    if (text.size == 0) return (struct config_list){0};
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++) count += text.data[i] == ',';
    const char **items = ARENA_ARRAY(arena, const char *, count);
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        size_t end = at;
        while (end < text.size && text.data[end] != ',') end++;
        items[i] = arena_str(arena, config_trim(slice_of(text.data + at, end - at)));
        at = end + 1;
    }
    return (struct config_list){.items = items, .count = count};
}

// ---- refusals --------------------------------------------------------------------------------------------------

static enum err refuse(const struct config_key *key, struct slice value, struct arena *arena, const char **why,
                       const char *reason)
{
    *why = arena_printf(arena, "Invalid value %.*s for configuration %s: %s", SLICE_FMT(value), key->name, reason);
    return ERR_INVALID;
}

// ---- numbers ---------------------------------------------------------------------------------------------------

// As Java's parseLong: an optional sign, decimal digits, nothing else.
static bool read_integer(struct slice text, int64_t min, int64_t max, int64_t *out)
{
    bool is_negative = text.size > 0 && text.data[0] == '-';
    size_t at = is_negative || (text.size > 0 && text.data[0] == '+') ? 1 : 0;
    if (at == text.size) return false;
    int64_t value = 0; // kept negative: the range is wider there
    for (; at < text.size; at++) {
        if (text.data[at] < '0' || text.data[at] > '9') return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, text.data[at] - '0', &value))
            return false;
    }
    if (!is_negative && value == INT64_MIN) return false;
    value = is_negative ? value : -value;
    if (value < min || value > max) return false;
    *out = value;
    return true;
}

// As Java's parseDouble without hexadecimal: digits, a point, an exponent, perhaps a suffix d or f; NaN and Infinity.
static bool read_double(struct slice text, struct arena *arena, double *out)
{
    char *copy = arena_str(arena, text);
    const char *digits = copy + (copy[0] == '-' || copy[0] == '+');
    if (strcmp(digits, "NaN") == 0 || strcmp(digits, "Infinity") == 0) {
        *out = digits[0] == 'N' ? (double)NAN : copy[0] == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    if (strspn(digits, "0123456789.eE+-dDfF") != strlen(digits)) return false;
    char *end = NULL;
    double value = strtod(copy, &end);
    if (end == copy) return false;
    if (*end != '\0' && strchr("dDfF", *end) != NULL) end++;
    if (*end != '\0') return false;
    *out = value;
    return true;
}

static const char *type_name(enum config_type type)
{
    static const char *const names[] = {
        [CONFIG_BOOLEAN] = "BOOLEAN", [CONFIG_STRING] = "STRING", [CONFIG_INT] = "INT",
        [CONFIG_SHORT] = "SHORT",     [CONFIG_LONG] = "LONG",     [CONFIG_DOUBLE] = "DOUBLE",
        [CONFIG_LIST] = "LIST",       [CONFIG_CLASS] = "CLASS",   [CONFIG_PASSWORD] = "PASSWORD",
    };
    return names[type];
}

static enum err read_number(const struct config_key *key, struct slice text, struct arena *arena, struct value *out,
                            const char **why)
{
    bool is_read = false;
    if (key->type == CONFIG_DOUBLE)
        is_read = read_double(text, arena, &out->real);
    else if (key->type == CONFIG_SHORT)
        is_read = read_integer(text, INT16_MIN, INT16_MAX, &out->integer);
    else if (key->type == CONFIG_INT)
        is_read = read_integer(text, INT32_MIN, INT32_MAX, &out->integer);
    else
        is_read = read_integer(text, INT64_MIN, INT64_MAX, &out->integer);
    if (!is_read)
        return refuse(key, text, arena, why, arena_printf(arena, "Not a number of type %s", type_name(key->type)));

    text = slice_str(config_value_show(key, out, arena)); // what was read is what is out of range: "2" is 2.0
    double number = key->type == CONFIG_DOUBLE ? out->real : (double)out->integer;
    if (key->rule == CONFIG_RANGE && number < key->min)
        return refuse(key, text, arena, why, arena_printf(arena, "Value must be at least %.15g", key->min));
    if (key->rule == CONFIG_RANGE && number > key->max)
        return refuse(key, text, arena, why, arena_printf(arena, "Value must be no more than %.15g", key->max));
    if (key->rule == CONFIG_GZIP_LEVEL && out->integer != -1 && (out->integer < 1 || out->integer > 9))
        return refuse(key, text, arena, why, "Value must be between 1 and 9 or equal to -1");
    return OK;
}

// ---- strings and lists -----------------------------------------------------------------------------------------

// `choices` as "a, b, c".
static bool is_choice(struct slice text, const char *choices, bool any_case)
{
    for (const char *at = choices;; at += 2) {
        size_t size = strcspn(at, ",");
        if (text.size == size) {
            size_t i = 0;
            while (i < size && (any_case ? lower(text.data[i]) == lower((uint8_t)at[i]) : text.data[i] == at[i])) i++;
            if (i == size) return true;
        }
        at += size;
        if (*at == '\0') return false;
    }
}

// by_duration:PnDTnHnMn.nS, not negative.
static bool is_duration(struct slice text)
{
    static const char prefix[] = "by_duration:P";
    size_t at = sizeof(prefix) - 1;
    if (text.size <= at || memcmp(text.data, prefix, at) != 0) return false;
    const char *units = "DTHMS"; // in this order, each once
    bool has_part = false;
    while (at < text.size) {
        size_t digits = at;
        while (at < text.size && ((text.data[at] >= '0' && text.data[at] <= '9') || text.data[at] == '.')) at++;
        if (at == text.size) return false;
        bool is_t = text.data[at] == 'T';
        const char *unit = strchr(units, text.data[at]);
        if (unit == NULL || text.data[at] == '\0' || is_t != (digits == at)) return false;
        if (!is_t && text.data[at] != 'D' && strchr(units, 'T') != NULL) return false; // hours come behind the T
        has_part = has_part || !is_t;
        units = unit + 1;
        at++;
    }
    return has_part && text.data[text.size - 1] != 'T';
}

static enum err check_string(const struct config_key *key, struct slice text, struct arena *arena, const char **why)
{
    if (key->is_non_empty && text.size == 0) return refuse(key, text, arena, why, "String must be non-empty");
    if (key->rule == CONFIG_ONE_OF && !is_choice(text, key->choices, false))
        return refuse(key, text, arena, why, arena_printf(arena, "String must be one of: %s", key->choices));
    if (key->rule == CONFIG_ONE_OF_ANY_CASE && !is_choice(text, key->choices, true))
        return refuse(key, text, arena, why,
                      arena_printf(arena, "String must be one of (case insensitive): %s", key->choices));
    if (key->rule == CONFIG_OFFSET_RESET && !slice_eq_str(text, "earliest") && !slice_eq_str(text, "latest") &&
        !is_duration(text))
        return refuse(key, text, arena, why,
                      arena_printf(arena,
                                   "Invalid value `%.*s` for configuration %s. The value must be either 'earliest', "
                                   "'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
                                   SLICE_FMT(text), key->name));
    return OK;
}

static bool is_throttled(const char *item)
{
    size_t digits = strspn(item, "0123456789");
    if (digits == 0 || item[digits] != ':') return false;
    size_t more = strspn(item + digits + 1, "0123456789");
    return more > 0 && item[digits + 1 + more] == '\0';
}

static const char *join(struct config_list list, const char *separator, struct arena *arena)
{
    size_t size = 1;
    for (size_t i = 0; i < list.count; i++) size += strlen(list.items[i]) + strlen(separator);
    char *text = arena_alloc(arena, size);
    char *at = text;
    for (size_t i = 0; i < list.count; i++) at = stpcpy(stpcpy(at, i == 0 ? "" : separator), list.items[i]);
    *at = '\0';
    return text;
}

enum { DUPLICATES_ITEMS_MAX = 1000 }; // the search is quadratic, and values come from the network too

// Duplicates are tolerated, as Kafka does: the first of each stays.
static struct config_list without_duplicates(struct config_list list, struct arena *arena)
{
    if (list.count > DUPLICATES_ITEMS_MAX) return list;
    const char **items = ARENA_ARRAY(arena, const char *, list.count);
    size_t count = 0;
    for (size_t i = 0; i < list.count; i++) {
        size_t j = 0;
        while (j < count && strcmp(items[j], list.items[i]) != 0) j++;
        if (j == count) items[count++] = list.items[i];
    }
    return (struct config_list){.items = items, .count = count};
}

static enum err check_list(const struct config_key *key, struct value *value, struct arena *arena, const char **why)
{
    struct config_list list = value->list;
    if (key->is_non_empty && list.count == 0) {
        const char *valid = key->choices == NULL ? "any non-empty value" : arena_printf(arena, "[%s]", key->choices);
        *why = arena_printf(arena, "Configuration '%s' must not be empty. Valid values include: %s", key->name, valid);
        return ERR_INVALID;
    }
    bool is_checked = key->rule == CONFIG_LIST_OF || key->rule == CONFIG_LIST_ITEMS;
    for (size_t i = 0; i < list.count && is_checked; i++) {
        if (list.items[i][0] == '\0') {
            *why = arena_printf(arena, "Configuration '%s' values must not be empty.", key->name);
            return ERR_INVALID;
        }
        if (key->rule == CONFIG_LIST_OF && !is_choice(slice_str(list.items[i]), key->choices, false))
            return refuse(key, slice_str(list.items[i]), arena, why,
                          arena_printf(arena, "String must be one of: %s", key->choices));
    }
    if (key->rule == CONFIG_THROTTLED && !(list.count == 1 && strcmp(list.items[0], "*") == 0))
        for (size_t i = 0; i < list.count; i++)
            if (!is_throttled(list.items[i]))
                return refuse(key, slice_str(arena_printf(arena, "[%s]", join(list, ", ", arena))), arena, why,
                              arena_printf(arena,
                                           "%s must be the literal '*' or a list of replicas in the following format: "
                                           "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
                                           key->name));
    if (is_checked) value->list = without_duplicates(list, arena);
    return OK;
}

// ---- reading and showing ---------------------------------------------------------------------------------------

static enum err read_boolean(const struct config_key *key, struct slice text, struct arena *arena, struct value *out,
                             const char **why)
{
    bool is_true = config_equal_any_case(text, "true");
    if (!is_true && !config_equal_any_case(text, "false"))
        return refuse(key, text, arena, why, "Expected value to be either true or false");
    out->integer = is_true;
    return OK;
}

enum err config_value_read(const struct config_key *key, struct slice text, struct arena *arena, struct value *out,
                           const char **why)
{
    struct value value = {0};
    enum err err = OK;
    if (text.data == NULL) {
        value.is_null = true;
        if (key->value != NULL && key->rule == CONFIG_RANGE) // as ConfigDef.Range says it
            err = refuse(key, SLICE("null"), arena, why, "Value must be non-null");
        if (err == OK) *out = value;
        return err;
    }
    text = config_trim(text);
    value.text = arena_str(arena, text);
    switch (key->type) {
    case CONFIG_BOOLEAN: err = read_boolean(key, text, arena, &value, why); break;
    case CONFIG_INT:
    case CONFIG_SHORT:
    case CONFIG_LONG:
    case CONFIG_DOUBLE: err = read_number(key, text, arena, &value, why); break;
    case CONFIG_LIST:
        value.list = config_split(text, arena);
        err = check_list(key, &value, arena, why);
        break;
    case CONFIG_STRING: err = check_string(key, text, arena, why); break;
    case CONFIG_UNKNOWN:
    case CONFIG_CLASS:
    case CONFIG_PASSWORD: break;
    }
    if (err == OK) *out = value;
    return err;
}

enum err config_key_check(const struct config_key *key, struct slice value, struct arena *arena, const char **why)
{
    struct value ignored;
    return config_value_read(key, value, arena, &ignored, why);
}

bool config_key_integer(const struct config_key *key, struct slice text, int64_t *out)
{
    ASSERT(key->type == CONFIG_BOOLEAN || key->type == CONFIG_INT || key->type == CONFIG_SHORT ||
           key->type == CONFIG_LONG);
    struct arena arena = {0};
    struct value value;
    const char *why = NULL;
    bool is_read = config_value_read(key, text, &arena, &value, &why) == OK && !value.is_null;
    if (is_read) *out = value.integer;
    arena_deinit(&arena);
    return is_read;
}

bool config_key_real(const struct config_key *key, struct slice text, double *out)
{
    ASSERT(key->type == CONFIG_DOUBLE);
    struct arena arena = {0};
    struct value value;
    const char *why = NULL;
    bool is_read = config_value_read(key, text, &arena, &value, &why) == OK && !value.is_null;
    if (is_read) *out = value.real;
    arena_deinit(&arena);
    return is_read;
}

// Double.toString: the shortest digits that read back the same, plain from 1e-3 to 1e7, else 1.5E10.
static const char *show_double(double value, struct arena *arena)
{
    if (isnan(value)) return "NaN";
    if (isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    char text[40];
    int digits = 1;
    do snprintf(text, sizeof(text), "%.*e", digits - 1, value);
    while (strtod(text, NULL) != value && digits++ < 17);
    double size = fabs(value);
    if (size == 0 || (size >= 1e-3 && size < 1e7)) {
        int exponent = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
        int decimals = digits - 1 - exponent;
        return arena_printf(arena, "%.*f", decimals > 0 ? decimals : 1, value);
    }
    char *mark = strchr(text, 'e');
    int exponent = (int)strtol(mark + 1, NULL, 10);
    *mark = '\0';
    return arena_printf(arena, "%s%sE%d", text, strchr(text, '.') == NULL ? ".0" : "", exponent);
}

const char *config_value_show(const struct config_key *key, const struct value *value, struct arena *arena)
{
    if (value->is_null) return NULL;
    switch (key->type) {
    case CONFIG_BOOLEAN: return value->integer != 0 ? "true" : "false";
    case CONFIG_INT:
    case CONFIG_SHORT:
    case CONFIG_LONG: return arena_printf(arena, "%lld", (long long)value->integer);
    case CONFIG_DOUBLE: return show_double(value->real, arena);
    case CONFIG_LIST: return join(value->list, ",", arena);
    case CONFIG_UNKNOWN:
    case CONFIG_STRING:
    case CONFIG_CLASS:
    case CONFIG_PASSWORD: return value->text;
    }
    return value->text;
}
