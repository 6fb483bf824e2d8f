// SPDX-License-Identifier: Apache-2.0
// Whether a regular expression is one that consumers may subscribe by: RE2's syntax with its Perl operators, as RE2/J
// reads it. Only the syntax is walked through; nothing is matched. What is wrong is said in RE2/J's words.
#include "cli/consumer_groups_int.h"

static const char bad_class[] = "invalid character class range";
static const char bad_escape[] = "invalid escape sequence";
static const char bad_perl[] = "invalid or unsupported Perl syntax";
static const char bad_repeat[] = "invalid repeat count";
static const char no_paren[] = "missing closing )";
static const char no_bracket[] = "missing closing ]";

enum { REPEAT_MAX = 1000, NAMES_MAX = 256 };

struct walker {
    struct slice text;
    size_t at;
    const char *problem; // the first one
    int depth;           // open parentheses
    bool has_operand;    // something a repetition can apply to
    bool was_repeat;     // the last thing was a repetition
    struct slice names[NAMES_MAX];
    int name_count;
};

static bool fail(struct walker *w, const char *problem)
{
    w->problem = problem;
    return false;
}

static bool more(const struct walker *w)
{
    return w->at < w->text.size;
}

static char peek(const struct walker *w)
{
    return more(w) ? (char)w->text.data[w->at] : '\0';
}

static bool looks_at(const struct walker *w, const char *what)
{
    size_t size = strlen(what);
    return w->text.size - w->at >= size && memcmp(w->text.data + w->at, what, size) == 0;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// One character, which may be of several bytes.
static uint32_t pop(struct walker *w)
{
    uint32_t lead = w->text.data[w->at++];
    int extra = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (extra == 0) return lead;
    uint32_t point = lead & (0x3fU >> extra);
    for (; extra > 0 && more(w); extra--) point = point << 6 | (w->text.data[w->at++] & 0x3fU);
    return point;
}

// ---- escapes and classes ---------------------------------------------------------------------------------------

static bool hex_escape(struct walker *w, uint32_t *out)
{
    *out = 0;
    if (peek(w) == '{') {
        size_t start = ++w->at;
        for (; more(w) && peek(w) != '}'; w->at++) {
            int digit = hex_digit(peek(w));
            if (digit < 0) return fail(w, bad_escape);
            *out = *out * 16 + (uint32_t)digit;
            if (*out > 0x10ffff) return fail(w, bad_escape);
        }
        if (!more(w) || w->at == start) return fail(w, bad_escape);
        w->at++;
        return true;
    }
    for (int i = 0; i < 2; i++) {
        int digit = more(w) ? hex_digit(peek(w)) : -1;
        if (digit < 0) return fail(w, bad_escape);
        *out = *out * 16 + (uint32_t)digit;
        w->at++;
    }
    return true;
}

// At a backslash.
static bool escape(struct walker *w, uint32_t *out)
{
    w->at++;
    if (!more(w)) return fail(w, "trailing backslash at end of expression");
    char c = peek(w);
    if (!is_alnum(c)) {
        *out = pop(w);
        return true;
    }
    w->at++;
    bool is_octal = peek(w) >= '0' && peek(w) <= '7';
    if (c == '0' || (c >= '1' && c <= '7' && is_octal)) { // a digit alone would refer back
        *out = (uint32_t)(c - '0');
        for (int i = 0; i < 2 && peek(w) >= '0' && peek(w) <= '7'; i++, w->at++) {
            *out = *out * 8 + (uint32_t)(peek(w) - '0');
        }
        return true;
    }
    if (c == 'x') return hex_escape(w, out);
    static const char letters[] = "afnrtv", codes[] = "\a\f\n\r\t\v";
    const char *found = strchr(letters, c);
    if (found == NULL) return fail(w, bad_escape);
    *out = (uint32_t)codes[found - letters];
    return true;
}

// General categories and scripts, as RE2/J has them.
// clang-format off
static const char *const unicode_names[] = {
    "Any", "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl",
    "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs", "Arabic",
    "Armenian", "Avestan", "Balinese", "Bamum", "Batak", "Bengali", "Bopomofo", "Brahmi", "Braille", "Buginese",
    "Buhid", "Canadian_Aboriginal", "Carian", "Chakma", "Cham", "Cherokee", "Common", "Coptic", "Cuneiform",
    "Cypriot", "Cyrillic", "Deseret", "Devanagari", "Egyptian_Hieroglyphs", "Ethiopic", "Georgian", "Glagolitic",
    "Gothic", "Greek", "Gujarati", "Gurmukhi", "Han", "Hangul", "Hanunoo", "Hebrew", "Hiragana", "Imperial_Aramaic",
    "Inherited", "Inscriptional_Pahlavi", "Inscriptional_Parthian", "Javanese", "Kaithi", "Kannada", "Katakana",
    "Kayah_Li", "Kharoshthi", "Khmer", "Lao", "Latin", "Lepcha", "Limbu", "Linear_B", "Lisu", "Lycian", "Lydian",
    "Malayalam", "Mandaic", "Meetei_Mayek", "Meroitic_Cursive", "Meroitic_Hieroglyphs", "Miao", "Mongolian",
    "Myanmar", "New_Tai_Lue", "Nko", "Ogham", "Ol_Chiki", "Old_Italic", "Old_Persian", "Old_South_Arabian",
    "Old_Turkic", "Oriya", "Osmanya", "Phags_Pa", "Phoenician", "Rejang", "Runic", "Samaritan", "Saurashtra",
    "Sharada", "Shavian", "Sinhala", "Sora_Sompeng", "Sundanese", "Syloti_Nagri", "Syriac", "Tagalog", "Tagbanwa",
    "Tai_Le", "Tai_Tham", "Tai_Viet", "Takri", "Tamil", "Telugu", "Thaana", "Thai", "Tibetan", "Tifinagh", "Ugaritic",
    "Vai", "Yi"};
// clang-format on

static bool is_unicode_name(struct slice name)
{
    for (size_t i = 0; i < COUNT_OF(unicode_names); i++) {
        if (slice_eq_str(name, unicode_names[i])) return true;
    }
    return false;
}

// "\p{Greek}", "\PL". *is_there: there is one here.
static bool unicode_class(struct walker *w, bool *is_there)
{
    *is_there = looks_at(w, "\\p") || looks_at(w, "\\P");
    if (!*is_there) return true;
    w->at += 2;
    if (!more(w)) return fail(w, bad_class);
    struct slice name;
    if (peek(w) == '{') {
        const uint8_t *end = memchr(w->text.data + w->at, '}', w->text.size - w->at);
        if (end == NULL) return fail(w, bad_class);
        name = slice_of(w->text.data + w->at + 1, (size_t)(end - w->text.data) - w->at - 1);
        w->at = (size_t)(end - w->text.data) + 1;
    } else {
        size_t start = w->at;
        (void)pop(w);
        name = slice_of(w->text.data + start, w->at - start);
    }
    if (name.size > 0 && name.data[0] == '^') name = slice_of(name.data + 1, name.size - 1);
    return is_unicode_name(name) || fail(w, bad_class);
}

static bool perl_class(struct walker *w)
{
    if (!looks_at(w, "\\") || w->at + 1 >= w->text.size) return false;
    if (strchr("dswDSW", w->text.data[w->at + 1]) == NULL) return false;
    w->at += 2;
    return true;
}

// "[:alpha:]" inside brackets. *is_there as above.
static bool named_class(struct walker *w, bool *is_there)
{
    static const char *const names[] = {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph",
                                        "lower", "print", "punct", "space", "upper", "word",  "xdigit"};
    *is_there = false;
    if (!looks_at(w, "[:")) return true;
    const uint8_t *end = memmem(w->text.data + w->at + 2, w->text.size - w->at - 2, ":]", 2);
    if (end == NULL) return true;
    struct slice name = slice_of(w->text.data + w->at + 2, (size_t)(end - w->text.data) - w->at - 2);
    if (name.size > 0 && name.data[0] == '^') name = slice_of(name.data + 1, name.size - 1);
    *is_there = true;
    w->at = (size_t)(end - w->text.data) + 2;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (slice_eq_str(name, names[i])) return true;
    }
    return fail(w, bad_class);
}

static bool class_char(struct walker *w, uint32_t *out)
{
    if (!more(w)) return fail(w, no_bracket);
    if (peek(w) == '\\') return escape(w, out);
    *out = pop(w);
    return true;
}

static bool class_range(struct walker *w)
{
    uint32_t low, high;
    if (!class_char(w, &low)) return false;
    if (peek(w) != '-') return true;
    w->at++;
    if (peek(w) == ']') {
        w->at--; // a hyphen at the end is itself
        return true;
    }
    if (!class_char(w, &high)) return false;
    return high >= low || fail(w, bad_class);
}

// At "[".
static bool bracket(struct walker *w)
{
    w->at++;
    if (peek(w) == '^') w->at++;
    for (bool first = true; !more(w) || peek(w) != ']' || first; first = false) {
        bool is_there;
        if (!named_class(w, &is_there)) return false;
        if (is_there) continue;
        if (!unicode_class(w, &is_there)) return false;
        if (is_there || perl_class(w)) continue;
        if (!class_range(w)) return false;
    }
    w->at++;
    return true;
}

// ---- groups and repetitions ------------------------------------------------------------------------------------

static bool named_group(struct walker *w, size_t prefix)
{
    const uint8_t *end = memchr(w->text.data + w->at, '>', w->text.size - w->at);
    if (end == NULL) return fail(w, "invalid named capture");
    struct slice name = slice_of(w->text.data + w->at + prefix, (size_t)(end - w->text.data) - w->at - prefix);
    bool is_word = name.size > 0;
    for (size_t i = 0; i < name.size; i++) is_word = is_word && (is_alnum((char)name.data[i]) || name.data[i] == '_');
    if (!is_word) return fail(w, "invalid named capture");
    for (int i = 0; i < w->name_count; i++) {
        if (slice_eq(w->names[i], name)) return fail(w, "duplicate capture group name");
    }
    if (w->name_count < NAMES_MAX) w->names[w->name_count++] = name;
    w->at = (size_t)(end - w->text.data) + 1;
    w->depth++;
    w->has_operand = false;
    return true;
}

// At "(?".
static bool perl_group(struct walker *w)
{
    if (looks_at(w, "(?P<")) return named_group(w, 4);
    if (looks_at(w, "(?<") && !looks_at(w, "(?<=") && !looks_at(w, "(?<!")) return named_group(w, 3);
    w->at += 2;
    bool is_negative = false, has_flag = false;
    while (more(w)) {
        char c = peek(w);
        w->at++;
        if (strchr("imsU", c) != NULL) {
            has_flag = true;
        } else if (c == '-' && !is_negative) {
            is_negative = true;
            has_flag = false;
        } else if ((c == ':' || c == ')') && (!is_negative || has_flag)) {
            if (c == ')') return true; // from here on
            w->depth++;
            w->has_operand = false;
            return true;
        } else {
            break;
        }
    }
    return fail(w, bad_perl);
}

static bool repeat(struct walker *w, bool *is_repeat)
{
    *is_repeat = true;
    if (peek(w) == '?') w->at++; // not greedy
    if (w->was_repeat) return fail(w, "invalid nested repetition operator");
    return w->has_operand || fail(w, "missing argument to repetition operator");
}

// -1: no number here. Kept small.
static int64_t count_of(struct walker *w)
{
    size_t start = w->at;
    int64_t value = 0;
    for (; peek(w) >= '0' && peek(w) <= '9'; w->at++) {
        if (value < 100000) value = value * 10 + (peek(w) - '0');
    }
    bool has_leading_zero = w->at - start > 1 && w->text.data[start] == '0';
    return w->at == start || has_leading_zero ? -1 : value;
}

// At "{": "{2}", "{2,}", "{2,5}", else the brace is itself.
static bool counted(struct walker *w, bool *is_repeat)
{
    size_t start = w->at++;
    int64_t least = count_of(w), most = least;
    bool is_form = least >= 0;
    if (is_form && peek(w) == ',') {
        w->at++;
        most = -1;
        if (peek(w) != '}') {
            most = count_of(w);
            is_form = most >= 0;
        }
    }
    if (!is_form || peek(w) != '}') {
        w->at = start + 1;
        w->has_operand = true;
        return true;
    }
    w->at++;
    if (least > REPEAT_MAX || most > REPEAT_MAX || (most >= 0 && least > most)) return fail(w, bad_repeat);
    return repeat(w, is_repeat);
}

// At a backslash outside brackets.
static bool outer_escape(struct walker *w)
{
    bool is_there;
    w->has_operand = true;
    if (looks_at(w, "\\C")) return fail(w, bad_escape);
    if (looks_at(w, "\\Q")) {
        const uint8_t *end = memmem(w->text.data + w->at, w->text.size - w->at, "\\E", 2);
        w->at = end == NULL ? w->text.size : (size_t)(end - w->text.data) + 2;
        return true;
    }
    if (looks_at(w, "\\A") || looks_at(w, "\\b") || looks_at(w, "\\B") || looks_at(w, "\\z")) {
        w->at += 2;
        return true;
    }
    if (!unicode_class(w, &is_there)) return false;
    if (is_there || perl_class(w)) return true;
    uint32_t point;
    return escape(w, &point);
}

static bool step(struct walker *w, bool *is_repeat)
{
    switch (peek(w)) {
    case '(':
        if (looks_at(w, "(?")) return perl_group(w);
        w->at++;
        w->depth++;
        w->has_operand = false;
        return true;
    case '|':
        w->at++;
        w->has_operand = false;
        return true;
    case ')':
        if (w->depth == 0) return fail(w, "regexp/syntax: internal error"); // so it is called
        w->at++;
        w->depth--;
        w->has_operand = true;
        return true;
    case '[': w->has_operand = true; return bracket(w);
    case '*':
    case '+':
    case '?': w->at++; return repeat(w, is_repeat);
    case '{': return counted(w, is_repeat);
    case '\\': return outer_escape(w);
    default:
        (void)pop(w);
        w->has_operand = true;
        return true;
    }
}

const char *re2_problem(struct arena *arena, struct slice pattern)
{
    struct walker *w = ARENA_NEW(arena, struct walker);
    w->text = pattern;
    while (more(w)) {
        bool is_repeat = false;
        if (!step(w, &is_repeat)) return w->problem;
        w->was_repeat = is_repeat;
    }
    return w->depth > 0 ? no_paren : NULL;
}
