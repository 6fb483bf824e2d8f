// SPDX-License-Identifier: Apache-2.0
// The four offset checkpoints of a log directory (kafka-internals A1), text:
//   line 1   "0"            version
//   line 2   number of entries
//   then     "<topic> <partition> <offset>" per line, single spaces, '\n' behind every line
// 0 bytes, or no second line, is no entries. Anything else malformed takes the directory offline.
#include <inttypes.h>

#include "store/store_int.h"

enum { CHECKPOINT_BYTES_MAX = 256 * 1024 * 1024 };

// The next line without its end; false at the end of the text.
static bool next_line(struct slice *rest, struct slice *line)
{
    if (rest->size == 0) return false;
    const uint8_t *end = memchr(rest->data, '\n', rest->size);
    size_t size = end == NULL ? rest->size : (size_t)(end - rest->data);
    *line = slice_of(rest->data, size);
    size_t taken = end == NULL ? size : size + 1;
    *rest = slice_of(rest->data + taken, rest->size - taken);
    if (line->size > 0 && line->data[line->size - 1] == '\r') line->size--;
    return true;
}

// Decimal, optional minus; false on anything else or overflow.
static bool parse_i64(struct slice s, int64_t *out)
{
    bool is_negative = s.size > 0 && s.data[0] == '-';
    size_t i = is_negative ? 1 : 0;
    if (i == s.size) return false;
    int64_t value = 0;
    for (; i < s.size; i++) {
        if (s.data[i] < '0' || s.data[i] > '9') return false;
        int digit = s.data[i] - '0';
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_sub_overflow(value, digit, &value)) return false; // counted downwards: INT64_MIN fits
    }
    if (!is_negative && value == INT64_MIN) return false;
    *out = is_negative ? value : -value;
    return true;
}

static bool parse_entry(struct slice line, struct checkpoint_entry *out)
{
    const uint8_t *first = memchr(line.data, ' ', line.size);
    if (first == NULL || first == line.data) return false;
    struct slice topic = slice_of(line.data, (size_t)(first - line.data));
    struct slice rest = slice_of(first + 1, line.size - topic.size - 1);
    const uint8_t *second = memchr(rest.data, ' ', rest.size);
    if (second == NULL) return false;
    struct slice number = slice_of(rest.data, (size_t)(second - rest.data));
    int64_t partition;
    int64_t offset;
    if (!parse_i64(number, &partition) || partition < 0 || partition > INT32_MAX) return false;
    if (!parse_i64(slice_of(second + 1, rest.size - number.size - 1), &offset)) return false;
    *out = (struct checkpoint_entry){.topic = topic, .partition = (int32_t)partition, .offset = offset};
    return true;
}

static enum err parse(struct slice text, struct arena *arena, struct checkpoint_entry **entries, size_t *count)
{
    struct slice line;
    int64_t value;
    *entries = NULL;
    *count = 0;
    if (!next_line(&text, &line)) return OK;
    if (!parse_i64(line, &value) || value != 0) return ERR_CORRUPT;
    if (!next_line(&text, &line)) return OK;
    // An entry is at least "t 0 0\n" long: a larger count lies.
    if (!parse_i64(line, &value) || value < 0 || (uint64_t)value > text.size / 5) return ERR_CORRUPT;
    struct checkpoint_entry *list = ARENA_ARRAY(arena, struct checkpoint_entry, value);
    size_t n = 0;
    while (next_line(&text, &line)) {
        if (n == (size_t)value || !parse_entry(line, &list[n])) return ERR_CORRUPT;
        list[n].topic = arena_copy(arena, list[n].topic);
        n++;
    }
    if (n != (size_t)value) return ERR_CORRUPT;
    *entries = list;
    *count = n;
    return OK;
}

enum err checkpoint_load(struct fs *fs, const char *path, struct arena *arena, struct checkpoint_entry **entries,
                         size_t *count)
{
    struct text text = {0};
    enum err e = file_load(fs, path, CHECKPOINT_BYTES_MAX, &text);
    if (e == ERR_NOT_FOUND) e = OK;
    if (e == ERR_TOO_LARGE) e = ERR_CORRUPT;
    if (e == OK) e = parse(text_slice(&text), arena, entries, count);
    text_deinit(&text);
    return e;
}

enum err checkpoint_store(struct fs *fs, const char *path, const struct checkpoint_entry *entries, size_t count)
{
    struct text text = {0};
    text_printf(&text, "0\n%zu\n", count);
    for (size_t i = 0; i < count; i++) {
        text_printf(&text, "%.*s %" PRId32 " %" PRId64 "\n", SLICE_FMT(entries[i].topic), entries[i].partition,
                    entries[i].offset);
    }
    const char *slash = strrchr(path, '/');
    char *dir = slash == NULL ? path_printf(".") : path_printf("%.*s", (int)(slash - path), path);
    enum err e = file_replace(fs, dir, path, text_slice(&text));
    mem_free(dir);
    text_deinit(&text);
    return e;
}
