// SPDX-License-Identifier: Apache-2.0
#include "base/err.h"

#include <stddef.h>

struct entry {
    enum err code;
    bool retriable;
    const char *name;
    const char *class;
    const char *text;
};

static const struct entry entries[] = {
#define E(code, name, class, retriable, text) {ERR_##name, retriable, #name, #class, text},
#include "base/err.def"
#undef E
    {ERR_IO, false, "IO", "KafkaStorageException", "input/output error"},
    {ERR_CORRUPT, false, "CORRUPT", "CorruptRecordException", "corrupt data"},
    {ERR_NO_SPACE, false, "NO_SPACE", "KafkaStorageException", "no space left on device"},
    {ERR_NOT_FOUND, false, "NOT_FOUND", "ApiException", "not found"},
    {ERR_EXISTS, false, "EXISTS", "ApiException", "already exists"},
    {ERR_AGAIN, true, "AGAIN", "ApiException", "would block"},
    {ERR_TRUNCATED, false, "TRUNCATED", "ApiException", "input ends too early"},
    {ERR_TOO_LARGE, false, "TOO_LARGE", "ApiException", "too large"},
    {ERR_INVALID, false, "INVALID", "ApiException", "invalid value"},
    {ERR_CLOSED, true, "CLOSED", "ApiException", "closed"},
    {ERR_BUSY, true, "BUSY", "ApiException", "in use"},
    {ERR_READ_ONLY, false, "READ_ONLY", "KafkaStorageException", "read-only file system"},
};

static const struct entry *find(enum err code)
{
    for (size_t i = 0; i < COUNT_OF(entries); i++)
        if (entries[i].code == code) return &entries[i];
    return &entries[0];
}

const char *err_name(enum err code)
{
    return find(code)->name;
}

const char *err_text(enum err code)
{
    return find(code)->text;
}

const char *err_class(enum err code)
{
    return find(code)->class;
}

bool err_is_retriable(enum err code)
{
    return find(code)->retriable;
}

int16_t err_to_wire(enum err code)
{
    if (code > ERR_IO) return (int16_t)code;
    if (code == ERR_IO || code == ERR_NO_SPACE || code == ERR_READ_ONLY) return ERR_KAFKA_STORAGE_ERROR;
    if (code == ERR_CORRUPT) return ERR_CORRUPT_MESSAGE;
    return ERR_UNKNOWN_SERVER_ERROR;
}
