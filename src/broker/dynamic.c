// SPDX-License-Identifier: Apache-2.0
#include "broker/dynamic.h"

#include <stdio.h>

#include "broker/broker_int.h"
#include "broker/cleaner.h"
#include "broker/move_replica.h"
#include "meta/image.h"

// The dynamic text under exactly this name, null when there is none.
static struct slice set_at_run_time(const struct shard *shard, const char *name)
{
    if (shard->image == NULL) return SLICE_NULL; // the node is starting
    char id[16];
    int size = snprintf(id, sizeof(id), "%d", shard->broker->node_id);
    struct slice value = image_config(shard->image, IMAGE_RESOURCE_BROKER, slice_of(id, (size_t)size), name);
    if (!slice_is_null(value)) return value;
    return image_config(shard->image, IMAGE_RESOURCE_BROKER, SLICE(""), name);
}

static bool read_integer(const char *key, struct slice text, int64_t *out)
{
    const struct config_key *row = config_key_find(CONFIG_BROKER, slice_str(key));
    ASSERT(row != NULL);
    return !slice_is_null(text) && config_key_integer(row, text, out);
}

int64_t dynamic_int(const struct shard *shard, const char *key)
{
    int64_t value = 0;
    if (read_integer(key, set_at_run_time(shard, key), &value)) return value;
    return config_get_long(shard->broker->config, key);
}

double dynamic_double(const struct shard *shard, const char *key)
{
    double value;
    const struct config_key *row = config_key_find(CONFIG_BROKER, slice_str(key));
    struct slice text = set_at_run_time(shard, key);
    ASSERT(row != NULL);
    if (!slice_is_null(text) && config_key_real(row, text, &value)) return value;
    return config_get_double(shard->broker->config, key);
}

bool dynamic_bool(const struct shard *shard, const char *key)
{
    int64_t value = 0;
    if (read_integer(key, set_at_run_time(shard, key), &value)) return value != 0;
    return config_get_bool(shard->broker->config, key);
}

struct slice dynamic_text(const struct shard *shard, const char *key)
{
    struct slice text = set_at_run_time(shard, key);
    if (!slice_is_null(text)) return text;
    const struct config_key *row = config_key_find(CONFIG_BROKER, slice_str(key));
    ASSERT(row != NULL);
    text = slice_str(config_get_given(shard->broker->config, key));
    return slice_is_null(text) ? slice_str(row->value) : text;
}

bool dynamic_listener_int(const struct shard *shard, const char *listener, const char *key, int64_t *out)
{
    char name[256];
    int size = snprintf(name, sizeof(name), "listener.name.%s.%s", listener, key);
    if (size < 0 || (size_t)size >= sizeof(name)) return false;
    for (char *at = name; *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z') *at = (char)(*at + 32); // prefixes are in lower case, listeners are not
    if (read_integer(key, set_at_run_time(shard, name), out)) return true;
    return read_integer(key, slice_str(config_get_given(shard->broker->config, name)), out);
}

void dynamic_refresh(struct shard *shard)
{
    int64_t slow_ms = dynamic_int(shard, "odradek.slow.request.ms");
    cleaner_refresh(shard);
    moves_refresh(shard);
    shard->slow_request_ns = slow_ms < 0 || slow_ms > INT64_MAX / 1000000 ? -1 : slow_ms * 1000000;
    shard->verifies_transactions = dynamic_bool(shard, "transaction.partition.verification.enable");
}
