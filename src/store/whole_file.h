// SPDX-License-Identifier: Apache-2.0
// Small files that are there whole or not at all.
#ifndef ODRADEK_STORE_WHOLE_FILE_H
#define ODRADEK_STORE_WHOLE_FILE_H

#include "env/env.h"

// blocking. Writes `dir`/`name` through `dir`/`name``suffix`: synced, renamed, the directory synced. `mode` 0 = as
// created.
MUST_CHECK enum err whole_file_store(struct fs *fs, const char *dir, const char *name, const char *suffix,
                                     struct slice bytes, unsigned mode);

#endif
