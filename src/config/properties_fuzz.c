// SPDX-License-Identifier: Apache-2.0
// Any bytes are either pairs of valid UTF-8 or refused with a line number; what was parsed builds a config or an error
// text, never both.
#include "base/utf8.h"
#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena);
    struct config_pairs pairs = {0};
    int line = 0;
    if (properties_parse(slice_of(data, size), &arena, &pairs, &line) == OK) {
        for (size_t i = 0; i < pairs.count; i++)
            ASSERT(utf8_is_valid(pairs.items[i].name) && utf8_is_valid(pairs.items[i].value));
    } else {
        ASSERT(line >= 1 && (size_t)line <= size + 1);
    }
    if (pairs.count > 4) { // the search for near names is slow under instrumentation
        arena_deinit(&arena);
        return 0;
    }
    const struct config *config = NULL;
    struct config_report report = {0};
    enum err err = config_build(&(struct config_sources){.file = slice_of(data, size)}, &arena, &config, &report);
    ASSERT((err == OK) == (config != NULL) && (err == OK) == (report.error == NULL));
    arena_deinit(&arena);
    return 0;
}
