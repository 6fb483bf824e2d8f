// SPDX-License-Identifier: Apache-2.0
// leader-epoch-checkpoint (kafka-internals A7), text: "0", number of entries, then "<epoch> <start offset>" per line,
// both strictly increasing. A missing or empty file is an empty history; a malformed one takes the directory offline.
#include <inttypes.h>

#include "store/store_int.h"

void epochs_deinit(struct epochs *epochs)
{
    mem_free(epochs->entries);
    *epochs = (struct epochs){0};
}

static void push(struct epochs *epochs, int32_t epoch, int64_t start)
{
    if (epochs->count == epochs->capacity) {
        epochs->capacity = epochs->capacity == 0 ? 1 : epochs->capacity * 2;
        epochs->entries = mem_realloc(epochs->entries, epochs->capacity * sizeof(*epochs->entries));
    }
    epochs->entries[epochs->count++] = (struct epoch_entry){.epoch = epoch, .start = start};
}

// One non-negative decimal up to INT64_MAX and the byte behind it.
static bool number(struct slice *in, char behind, int64_t *out)
{
    int64_t value = 0;
    size_t i = 0;
    for (; i < in->size && in->data[i] >= '0' && in->data[i] <= '9'; i++) {
        if (__builtin_mul_overflow(value, 10, &value)) return false;
        if (__builtin_add_overflow(value, in->data[i] - '0', &value)) return false;
    }
    if (i == 0) return false;
    if (i < in->size) {
        if (in->data[i] != (uint8_t)behind) return false;
        i++;
    } else if (behind != '\n') {
        return false; // only the last line may lack its end
    }
    *in = slice_of(in->data + i, in->size - i);
    *out = value;
    return true;
}

enum err epochs_parse(struct slice text, struct epochs *out)
{
    struct epochs epochs = {0};
    int64_t version;
    int64_t count = 0;
    if (text.size > 0) {
        if (!number(&text, '\n', &version) || version != 0) goto fail;
        if (text.size > 0 && !number(&text, '\n', &count)) goto fail;
        for (int64_t i = 0; text.size > 0; i++) {
            int64_t epoch;
            int64_t start;
            if (i == count) goto fail;
            if (!number(&text, ' ', &epoch) || epoch > INT32_MAX || !number(&text, '\n', &start)) goto fail;
            const struct epoch_entry *last = epochs.count > 0 ? &epochs.entries[epochs.count - 1] : NULL;
            if (last != NULL && (epoch <= last->epoch || start <= last->start)) goto fail;
            push(&epochs, (int32_t)epoch, start);
        }
        if ((int64_t)epochs.count != count) goto fail;
    }
    *out = epochs;
    return OK;
fail:
    epochs_deinit(&epochs);
    return ERR_CORRUPT;
}

void epochs_format(const struct epochs *epochs, struct text *out)
{
    text_printf(out, "0\n%zu\n", epochs->count);
    for (size_t i = 0; i < epochs->count; i++) {
        text_printf(out, "%" PRId32 " %" PRId64 "\n", epochs->entries[i].epoch, epochs->entries[i].start);
    }
}

enum err epochs_store(struct fs *fs, const char *dir_path, const struct epochs *epochs)
{
    struct text text = {0};
    epochs_format(epochs, &text);
    char *path = path_printf("%s/leader-epoch-checkpoint", dir_path);
    enum err e = file_replace(fs, dir_path, path, text_slice(&text));
    mem_free(path);
    text_deinit(&text);
    return e;
}

bool epochs_assign(struct epochs *epochs, int32_t epoch, int64_t start)
{
    if (epoch < 0 || start < 0) return false;
    if (epochs->count > 0) {
        const struct epoch_entry *last = &epochs->entries[epochs->count - 1];
        if (epoch == last->epoch && start >= last->start) return false; // every append says it again
    }
    while (epochs->count > 0) {
        const struct epoch_entry *last = &epochs->entries[epochs->count - 1];
        if (last->epoch < epoch && last->start < start) break;
        epochs->count--;
    }
    push(epochs, epoch, start);
    return true;
}

bool epochs_truncate_end(struct epochs *epochs, int64_t end)
{
    size_t before = epochs->count;
    while (epochs->count > 0 && epochs->entries[epochs->count - 1].start >= end) epochs->count--;
    return epochs->count != before;
}

bool epochs_truncate_start(struct epochs *epochs, int64_t start)
{
    // The entry that covers `start` is kept and begins there; those before it go.
    size_t covering = 0;
    while (covering + 1 < epochs->count && epochs->entries[covering + 1].start <= start) covering++;
    if (epochs->count == 0 || epochs->entries[covering].start >= start) return false;
    memmove(epochs->entries, epochs->entries + covering, (epochs->count - covering) * sizeof(*epochs->entries));
    epochs->count -= covering;
    epochs->entries[0].start = start;
    return true;
}

int32_t epochs_latest(const struct epochs *epochs)
{
    return epochs->count == 0 ? -1 : epochs->entries[epochs->count - 1].epoch;
}

int32_t epochs_of(const struct epochs *epochs, int64_t offset)
{
    int32_t found = -1;
    for (size_t i = 0; i < epochs->count && epochs->entries[i].start <= offset; i++) found = epochs->entries[i].epoch;
    return found;
}

void epochs_end_offset(const struct epochs *epochs, int32_t epoch, int64_t log_end, int32_t *found, int64_t *end)
{
    *found = -1;
    *end = -1;
    if (epoch < 0 || epochs->count == 0 || epoch > epochs_latest(epochs)) return;
    if (epoch == epochs_latest(epochs)) {
        *found = epoch;
        *end = log_end;
        return;
    }
    size_t higher = 0; // the first entry above the epoch
    while (epochs->entries[higher].epoch <= epoch) higher++;
    *found = higher == 0 ? epoch : epochs->entries[higher - 1].epoch;
    *end = epochs->entries[higher].start;
}
