// SPDX-License-Identifier: Apache-2.0
// Finding messages and APIs, and what is known about them without an instance.
#include "wire/wire.h"

#include "proto/apis.h"
#include "wire/table.h"

const char *wire_name(const struct wire_message *message)
{
    return message->name;
}

int wire_version_min(const struct wire_message *message)
{
    return message->version_min;
}

int wire_version_max(const struct wire_message *message)
{
    return message->version_max;
}

size_t wire_struct_size(const struct wire_message *message)
{
    return message->type->size;
}

bool wire_is_flexible(const struct wire_message *message, int version)
{
    return version >= message->flexible_min;
}

int wire_key(const struct wire_message *message)
{
    return message->key;
}

const struct wire_message *wire_find(struct slice name)
{
    size_t low = 0;
    size_t high = wire_message_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(name, slice_str(wire_messages[middle]->name));
        if (order == 0) return wire_messages[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct wire_message *wire_at(size_t index)
{
    return index < wire_message_count ? wire_messages[index] : NULL;
}

void wire_init(const struct wire_message *message, void *out)
{
    memcpy(out, message->type->defaults, message->type->size);
}

const struct wire_api *wire_api_at(size_t index)
{
    return index < wire_api_count ? &wire_apis[index] : NULL;
}

const struct wire_api *wire_api_find(int key)
{
    // Kafka numbers its APIs from 0 without gaps, so this is one probe; the walk back is for a gap to come.
    if (key < 0 || wire_api_count == 0) return NULL;
    size_t at = (size_t)key < wire_api_count ? (size_t)key : wire_api_count - 1;
    while (at > 0 && wire_apis[at].key > key) at--;
    return wire_apis[at].key == key ? &wire_apis[at] : NULL;
}

const struct wire_api *wire_api_by_name(struct slice name)
{
    for (size_t i = 0; i < wire_api_count; i++) {
        if (slice_eq_str(name, wire_apis[i].name)) return &wire_apis[i];
    }
    return NULL;
}

int wire_request_header_version(const struct wire_api *api, int version)
{
    return version >= api->flexible_min ? 2 : 1;
}

int wire_response_header_version(const struct wire_api *api, int version)
{
    if (api->key == API_API_VERSIONS) return 0;
    return version >= api->flexible_min ? 1 : 0;
}
