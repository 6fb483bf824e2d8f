// SPDX-License-Identifier: Apache-2.0
// Topic values: the override, else what the broker's keys say, dynamic values before static ones.
#include "config/topic.h"

#include "config/config_int.h"

struct lookup {
    const struct config *config;
    const struct config_dynamic *dynamic; // may be NULL
    struct config_pairs overrides;
    struct arena *arena;
};

static bool read_text(const struct config_key *key, struct slice text, struct arena *arena, struct value *out)
{
    const char *why = NULL;
    return text.data != NULL && config_value_read(key, text, arena, out, &why) == OK;
}

// One broker key, not its chain.
static struct value broker_value(const struct lookup *lookup, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_BROKER, slice_str(name));
    ASSERT(key != NULL);
    struct value value;
    if (lookup->dynamic != NULL) {
        if (read_text(key, config_pairs_find(lookup->dynamic->broker, name), lookup->arena, &value)) return value;
        if (read_text(key, config_pairs_find(lookup->dynamic->cluster, name), lookup->arena, &value)) return value;
    }
    return *config_value(lookup->config, name);
}

static int64_t unit_ms(const char *name)
{
    size_t size = strlen(name);
    if (size > 6 && strcmp(name + size - 6, ".hours") == 0) return 3600000;
    if (size > 8 && strcmp(name + size - 8, ".minutes") == 0) return 60000;
    return 1;
}

static struct value topic_value(const struct lookup *lookup, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_TOPIC, slice_str(name));
    ASSERT(key != NULL);
    struct value value = {.is_null = true};
    if (read_text(key, config_pairs_find(lookup->overrides, name), lookup->arena, &value)) return value;
    const char *synonym = config_topic_synonym(name);
    if (synonym == NULL) {
        read_text(key, slice_str(key->value), lookup->arena, &value);
        return value;
    }
    const char *chain[CONFIG_CHAIN_MAX];
    int count = config_chain(synonym, chain);
    for (int i = 0; i < count; i++) {
        value = broker_value(lookup, chain[i]);
        if (value.is_null) continue;
        value.integer *= unit_ms(chain[i]);
        return value;
    }
    return value;
}

static int64_t number(const struct lookup *lookup, const char *name)
{
    struct value value = topic_value(lookup, name);
    ASSERT(!value.is_null);
    return value.integer;
}

static bool flag(const struct lookup *lookup, const char *name)
{
    return number(lookup, name) != 0;
}

static enum topic_compression compression(const char *text)
{
    static const char *const names[] = {"uncompressed", "gzip", "snappy", "lz4", "zstd"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(text, names[i]) == 0) return (enum topic_compression)i;
    return TOPIC_COMPRESSION_PRODUCER;
}

static bool has_policy(const struct lookup *lookup, const char *policy)
{
    struct value value = topic_value(lookup, "cleanup.policy");
    for (size_t i = 0; i < value.list.count; i++)
        if (strcmp(value.list.items[i], policy) == 0) return true;
    return false;
}

static void resolve_retention(const struct lookup *lookup, struct topic_config *out)
{
    out->retention_ms = number(lookup, "retention.ms");
    if (out->retention_ms < 0) out->retention_ms = -1;
    out->retention_bytes = number(lookup, "retention.bytes");
    if (out->retention_bytes < 0) out->retention_bytes = -1;
    out->local_retention_ms = number(lookup, "local.retention.ms");
    if (out->local_retention_ms == -2) out->local_retention_ms = out->retention_ms;
    out->local_retention_bytes = number(lookup, "local.retention.bytes");
    if (out->local_retention_bytes == -2) out->local_retention_bytes = out->retention_bytes;
    out->cleanup_delete = has_policy(lookup, "delete");
    out->cleanup_compact = has_policy(lookup, "compact");
    out->delete_retention_ms = number(lookup, "delete.retention.ms");
    out->min_compaction_lag_ms = number(lookup, "min.compaction.lag.ms");
    out->max_compaction_lag_ms = number(lookup, "max.compaction.lag.ms");
    out->min_cleanable_dirty_ratio = topic_value(lookup, "min.cleanable.dirty.ratio").real;
    out->file_delete_delay_ms = number(lookup, "file.delete.delay.ms");
    out->remote_storage_enable = flag(lookup, "remote.storage.enable");
    out->remote_copy_disable = flag(lookup, "remote.log.copy.disable");
    out->remote_delete_on_disable = flag(lookup, "remote.log.delete.on.disable");
}

void topic_config_resolve(const struct config *config, const struct config_dynamic *dynamic,
                          struct config_pairs overrides, struct topic_config *out)
{
    struct arena arena;
    arena_init(&arena);
    struct lookup lookup = {.config = config, .dynamic = dynamic, .overrides = overrides, .arena = &arena};
    *out = (struct topic_config){0};
    struct value internal = topic_value(&lookup, "internal.segment.bytes"); // Kafka's own back door for tests
    out->segment_bytes = (int)(internal.is_null ? number(&lookup, "segment.bytes") : internal.integer);
    out->segment_ms = number(&lookup, "segment.ms");
    out->segment_jitter_ms = number(&lookup, "segment.jitter.ms");
    out->segment_index_bytes = (int)number(&lookup, "segment.index.bytes");
    out->index_interval_bytes = (int)number(&lookup, "index.interval.bytes");
    out->flush_messages = number(&lookup, "flush.messages");
    out->flush_ms = number(&lookup, "flush.ms");
    out->max_message_bytes = (int)number(&lookup, "max.message.bytes");
    out->compression = compression(topic_value(&lookup, "compression.type").text);
    out->gzip_level = (int)number(&lookup, "compression.gzip.level");
    out->lz4_level = (int)number(&lookup, "compression.lz4.level");
    out->zstd_level = (int)number(&lookup, "compression.zstd.level");
    bool is_append_time = strcmp(topic_value(&lookup, "message.timestamp.type").text, "LogAppendTime") == 0;
    out->timestamp_type = is_append_time ? TOPIC_TIMESTAMP_LOG_APPEND : TOPIC_TIMESTAMP_CREATE;
    out->timestamp_before_max_ms = number(&lookup, "message.timestamp.before.max.ms");
    out->timestamp_after_max_ms = number(&lookup, "message.timestamp.after.max.ms");
    out->min_insync_replicas = (int)number(&lookup, "min.insync.replicas");
    out->preallocate = flag(&lookup, "preallocate");
    out->unclean_leader_election = flag(&lookup, "unclean.leader.election.enable");
    bool is_page_cache = strcmp(topic_value(&lookup, "odradek.durability").text, "page-cache") == 0;
    out->durability = is_page_cache ? DURABILITY_PAGE_CACHE : DURABILITY_COMMIT;
    resolve_retention(&lookup, out);
    arena_deinit(&arena);
}

// ---- checking overrides ----------------------------------------------------------------------------------------

static const char *check_local(const char *name, int64_t local, const char *total_name, int64_t total,
                               struct arena *arena)
{
    if (local == -2 || total < 0) return NULL;
    if (local == -1)
        return arena_printf(arena,
                            "Invalid value -1 for configuration %s: Value must not be -1 as %s value is set as %lld.",
                            name, total_name, (long long)total);
    if (local > total)
        return arena_printf(
            arena, "Invalid value %lld for configuration %s: Value must not be more than %s property value: %lld",
            (long long)local, name, total_name, (long long)total);
    return NULL;
}

static const char *check_remote(const struct lookup *lookup)
{
    if (!flag(lookup, "remote.storage.enable")) return NULL;
    if (!config_get_bool(lookup->config, "remote.log.storage.system.enable"))
        return "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log "
               "storage.";
    if (has_policy(lookup, "compact"))
        return "Remote log storage only supports topics with cleanup.policy=delete or cleanup.policy being an empty "
               "list.";
    int64_t local_ms = number(lookup, "local.retention.ms");
    int64_t total_ms = number(lookup, "retention.ms");
    int64_t local_bytes = number(lookup, "local.retention.bytes");
    int64_t total_bytes = number(lookup, "retention.bytes");
    const char *why = check_local("local.retention.ms", local_ms, "retention.ms", total_ms, lookup->arena);
    if (why == NULL)
        why = check_local("local.retention.bytes", local_bytes, "retention.bytes", total_bytes, lookup->arena);
    if (why != NULL || !flag(lookup, "remote.log.copy.disable")) return why;
    if (local_ms != -2 && local_ms != total_ms)
        return "When `remote.log.copy.disable` is set to true, the `local.retention.ms` and `retention.ms` must be set "
               "to "
               "the identical value because there will be no more logs copied to the remote storage.";
    if (local_bytes != -2 && local_bytes != total_bytes)
        return "When `remote.log.copy.disable` is set to true, the `local.retention.bytes` and `retention.bytes` must "
               "be "
               "set to the identical value because there will be no more logs copied to the remote storage.";
    return NULL;
}

enum err topic_config_check(const struct config *config, const struct config_dynamic *dynamic,
                            struct config_pairs overrides, struct arena *arena, const char **why)
{
    for (size_t i = 0; i < overrides.count; i++) // names first, as Kafka does
        if (config_key_find(CONFIG_TOPIC, overrides.items[i].name) == NULL) {
            *why = arena_printf(arena, "Unknown topic config name: %.*s", SLICE_FMT(overrides.items[i].name));
            return ERR_INVALID_CONFIG;
        }
    for (size_t i = 0; i < overrides.count; i++) {
        const struct config_key *key = config_key_find(CONFIG_TOPIC, overrides.items[i].name);
        if (overrides.items[i].value.data == NULL) continue; // taken away, not set
        if (config_key_check(key, overrides.items[i].value, arena, why) != OK) return ERR_INVALID_CONFIG;
    }
    struct lookup lookup = {.config = config, .dynamic = dynamic, .overrides = overrides, .arena = arena};
    int64_t min_lag_ms = number(&lookup, "min.compaction.lag.ms");
    int64_t max_lag_ms = number(&lookup, "max.compaction.lag.ms");
    if (min_lag_ms > max_lag_ms) {
        *why = arena_printf(arena,
                            "conflict topic config setting min.compaction.lag.ms (%lld) > max.compaction.lag.ms (%lld)",
                            (long long)min_lag_ms, (long long)max_lag_ms);
        return ERR_INVALID_CONFIG;
    }
    const char *text = check_remote(&lookup);
    if (text == NULL) return OK;
    *why = text;
    return ERR_INVALID_CONFIG;
}
