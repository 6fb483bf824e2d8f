// SPDX-License-Identifier: Apache-2.0
// DescribeConfigs as Kafka's ConfigHelper and DynamicBrokerConfig answer it. Synonyms are gathered layer by layer
// (dynamic of the broker, dynamic of the cluster, static, default), in each layer name by name along the chain; what
// comes before the entry's own name is dropped, so log.retention.hours alone does not show at log.retention.ms.
#include "config/describe.h"

#include "config/config_int.h"

enum { SYNONYMS_MAX = 4 * CONFIG_CHAIN_MAX + 1 };

struct describe {
    const struct config *config; // NULL for the cluster's defaults
    struct config_dynamic dynamic;
    const struct slice *names;
    size_t name_count;
    struct arena *arena;
    struct config_entry *entries;
    size_t count;
    size_t capacity;
};

static bool is_wanted(const struct describe *d, const char *name)
{
    if (d->name_count == 0) return true; // Kafka takes an empty list of keys as all
    for (size_t i = 0; i < d->name_count; i++)
        if (slice_eq_str(d->names[i], name)) return true;
    return false;
}

static void add_entry(struct describe *d, const struct config_entry *entry)
{
    if (d->count == d->capacity) {
        d->capacity = d->capacity == 0 ? 64 : d->capacity * 2;
        struct config_entry *more = ARENA_ARRAY(d->arena, struct config_entry, d->capacity);
        if (d->count > 0) memcpy(more, d->entries, d->count * sizeof(*more));
        d->entries = more;
    }
    d->entries[d->count++] = *entry;
}

struct synonyms {
    struct config_synonym items[SYNONYMS_MAX];
    size_t count;
};

static void add_synonym(struct synonyms *to, const char *name, const char *value, enum config_source source,
                        bool is_sensitive)
{
    ASSERT(to->count < SYNONYMS_MAX);
    to->items[to->count++] =
        (struct config_synonym){.name = name, .value = is_sensitive ? NULL : value, .source = source};
}

static void add_layer(const struct describe *d, struct synonyms *to, struct config_pairs layer,
                      const char *const *chain, int chain_count, enum config_source source, bool is_sensitive)
{
    for (int i = 0; i < chain_count; i++) {
        struct slice value = config_pairs_find(layer, chain[i]);
        if (value.data != NULL) add_synonym(to, chain[i], arena_str(d->arena, value), source, is_sensitive);
    }
}

// Of the broker key `name`, its own name's first appearance in front.
static void gather(const struct describe *d, const char *name, bool is_sensitive, struct synonyms *out)
{
    struct synonyms all = {.count = 0};
    const char *chain[CONFIG_CHAIN_MAX];
    int chain_count = config_chain(name, chain);
    const struct config_key *base = config_listener_key(slice_str(name));
    if (base != NULL) chain[chain_count++] = base->name;
    add_layer(d, &all, d->dynamic.broker, chain, chain_count, CONFIG_SOURCE_DYNAMIC_BROKER, is_sensitive);
    add_layer(d, &all, d->dynamic.cluster, chain, chain_count, CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER, is_sensitive);
    if (d->config != NULL) add_layer(d, &all, d->config->given, chain, chain_count, CONFIG_SOURCE_STATIC, is_sensitive);
    for (int i = 0; i < chain_count && d->config != NULL; i++) {
        const struct config_key *key = config_key_find(CONFIG_BROKER, slice_str(chain[i]));
        // Kafka's server.properties does not know the throttled rates, so they have no default there.
        bool is_dynamic_only = key != NULL && key->is_internal && key->scope == CONFIG_CLUSTER_WIDE;
        if (key != NULL && key->value != NULL && !key->is_plugin && !is_dynamic_only)
            add_synonym(&all, chain[i], key->value, CONFIG_SOURCE_DEFAULT, is_sensitive);
    }
    size_t from = 0;
    while (from < all.count && strcmp(all.items[from].name, name) != 0) from++;
    for (size_t i = from; i < all.count; i++) out->items[out->count++] = all.items[i];
}

static void set_synonyms(const struct describe *d, struct config_entry *entry, const struct synonyms *synonyms)
{
    struct config_synonym *items = ARENA_ARRAY(d->arena, struct config_synonym, synonyms->count);
    memcpy(items, synonyms->items, synonyms->count * sizeof(*items));
    entry->synonyms = items;
    entry->synonym_count = synonyms->count;
    entry->source = synonyms->count == 0 ? CONFIG_SOURCE_DEFAULT : items[0].source;
}

// The text as the key's type prints it; the text itself when it does not read.
static const char *show(const struct describe *d, const struct config_key *key, struct slice text)
{
    struct value value;
    const char *why = NULL;
    if (text.data == NULL) return NULL;
    if (config_value_read(key, text, d->arena, &value, &why) != OK) return arena_str(d->arena, text);
    return config_value_show(key, &value, d->arena);
}

// ---- topics ----------------------------------------------------------------------------------------------------

// What a topic without the override gets: the broker's resolved value, not the broker entry's own.
static const char *inherited(const struct describe *d, const struct config_key *key,
                             const struct topic_config *resolved)
{
    struct slice name = slice_str(key->name);
    if (slice_eq_str(name, "retention.ms")) return arena_printf(d->arena, "%lld", (long long)resolved->retention_ms);
    if (slice_eq_str(name, "segment.ms")) return arena_printf(d->arena, "%lld", (long long)resolved->segment_ms);
    if (slice_eq_str(name, "segment.jitter.ms"))
        return arena_printf(d->arena, "%lld", (long long)resolved->segment_jitter_ms);
    if (slice_eq_str(name, "flush.ms")) return arena_printf(d->arena, "%lld", (long long)resolved->flush_ms);
    const char *synonym = config_topic_synonym(key->name);
    if (synonym == NULL) return show(d, key, slice_str(key->value));
    struct slice text = config_pairs_find(d->dynamic.broker, synonym);
    if (text.data == NULL) text = config_pairs_find(d->dynamic.cluster, synonym);
    if (text.data != NULL) return show(d, key, text);
    return config_value_show(config_key_find(CONFIG_BROKER, slice_str(synonym)), config_value(d->config, synonym),
                             d->arena);
}

// Not described unless given: Kafka's internal keys, and ours, which its tools would print between Kafka's.
static bool is_hidden(const struct config_key *key)
{
    return key->is_internal || key->is_ours;
}

void config_describe_topic(const struct config *config, const struct config_dynamic *dynamic,
                           struct config_pairs overrides, const struct slice *names, size_t name_count,
                           struct arena *arena, struct config_entries *out)
{
    struct describe d = {.config = config, .names = names, .name_count = name_count, .arena = arena};
    if (dynamic != NULL) d.dynamic = *dynamic;
    struct topic_config resolved;
    topic_config_resolve(config, dynamic, (struct config_pairs){0}, &resolved);
    for (const struct config_key *key = NULL; (key = config_key_next(CONFIG_TOPIC, key)) != NULL;) {
        struct slice own = config_pairs_find(overrides, key->name);
        if ((is_hidden(key) && own.data == NULL) || !is_wanted(&d, key->name)) continue;
        struct config_entry entry = {
            .name = key->name, .type = key->type, .is_sensitive = key->type == CONFIG_PASSWORD};
        struct synonyms synonyms = {.count = 0};
        entry.value = own.data != NULL ? show(&d, key, own) : inherited(&d, key, &resolved);
        if (own.data != NULL) add_synonym(&synonyms, key->name, entry.value, CONFIG_SOURCE_TOPIC, entry.is_sensitive);
        const char *synonym = config_topic_synonym(key->name);
        if (synonym != NULL) gather(&d, synonym, entry.is_sensitive, &synonyms);
        if (entry.is_sensitive) entry.value = NULL;
        set_synonyms(&d, &entry, &synonyms);
        add_entry(&d, &entry);
    }
    *out = (struct config_entries){.items = d.entries, .count = d.count};
}

// ---- brokers ---------------------------------------------------------------------------------------------------

static struct slice effective_text(const struct describe *d, const char *name)
{
    struct slice text = config_pairs_find(d->dynamic.broker, name);
    if (text.data == NULL) text = config_pairs_find(d->dynamic.cluster, name);
    if (text.data == NULL && d->config != NULL) text = config_pairs_find(d->config->given, name);
    return text;
}

// `key` NULL: not in the table itself; a listener's own value has the type of its base, anything else is a plug-in's,
// of unknown type and so maybe a secret.
static void describe_name(struct describe *d, const char *name, const struct config_key *key)
{
    if (!is_wanted(d, name)) return;
    const struct config_key *base = key != NULL ? key : config_listener_key(slice_str(name));
    struct config_entry entry = {
        .name = name,
        .type = base == NULL ? CONFIG_UNKNOWN : base->type,
        .is_read_only = key == NULL || key->scope == CONFIG_READ_ONLY,
        .is_sensitive = base == NULL || base->type == CONFIG_PASSWORD,
    };
    if (!entry.is_sensitive) {
        struct slice text = effective_text(d, name);
        if (text.data == NULL && key != NULL) text = slice_str(key->value);
        entry.value = show(d, base, text);
    }
    struct synonyms synonyms = {.count = 0};
    gather(d, name, entry.is_sensitive, &synonyms);
    set_synonyms(d, &entry, &synonyms);
    add_entry(d, &entry);
}

static bool has_entry(const struct describe *d, const char *name)
{
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->entries[i].name, name) == 0) return true;
    return false;
}

static void describe_others(struct describe *d, struct config_pairs layer)
{
    for (size_t i = 0; i < layer.count; i++) {
        const struct config_key *key = config_key_find(CONFIG_BROKER, layer.items[i].name);
        if (key != NULL && !is_hidden(key)) continue;
        const char *name = arena_str(d->arena, layer.items[i].name);
        if (!has_entry(d, name)) describe_name(d, name, key != NULL && key->is_plugin ? NULL : key);
    }
}

void config_describe_broker(const struct config *config, const struct config_dynamic *dynamic,
                            const struct slice *names, size_t name_count, struct arena *arena,
                            struct config_entries *out)
{
    struct describe d = {.config = config, .names = names, .name_count = name_count, .arena = arena};
    if (dynamic != NULL) d.dynamic = *dynamic;
    for (const struct config_key *key = NULL; (key = config_key_next(CONFIG_BROKER, key)) != NULL;)
        if (!is_hidden(key)) describe_name(&d, key->name, key);
    describe_others(&d, d.dynamic.broker);
    describe_others(&d, d.dynamic.cluster);
    describe_others(&d, config->given);
    *out = (struct config_entries){.items = d.entries, .count = d.count};
}

void config_describe_cluster(const struct config_dynamic *dynamic, const struct slice *names, size_t name_count,
                             struct arena *arena, struct config_entries *out)
{
    struct describe d = {.names = names, .name_count = name_count, .arena = arena};
    if (dynamic != NULL) d.dynamic.cluster = dynamic->cluster; // a broker's own values do not show here
    for (size_t i = 0; i < d.dynamic.cluster.count; i++) {
        struct slice name = d.dynamic.cluster.items[i].name;
        const char *text = arena_str(arena, name);
        if (!has_entry(&d, text)) describe_name(&d, text, config_key_find(CONFIG_BROKER, name));
    }
    *out = (struct config_entries){.items = d.entries, .count = d.count};
}

// ---- groups and client metrics -----------------------------------------------------------------------------------

void config_describe_group(const struct config *config, const struct config_dynamic *dynamic,
                           struct config_pairs overrides, const struct slice *names, size_t name_count,
                           struct arena *arena, struct config_entries *out)
{
    struct describe d = {.config = config, .names = names, .name_count = name_count, .arena = arena};
    if (dynamic != NULL) d.dynamic = *dynamic;
    for (const struct config_key *key = NULL; (key = config_key_next(CONFIG_GROUP, key)) != NULL;) {
        if (!is_wanted(&d, key->name)) continue;
        struct config_entry entry = {.name = key->name, .type = key->type};
        struct synonyms synonyms = {.count = 0};
        struct slice own = config_pairs_find(overrides, key->name);
        const char *broker_name = arena_printf(arena, "group.%s", key->name);
        const struct config_key *broker_key = config_key_find(CONFIG_BROKER, slice_str(broker_name));
        if (own.data != NULL) {
            entry.value = show(&d, key, own);
            add_synonym(&synonyms, key->name, entry.value, CONFIG_SOURCE_GROUP, false);
        }
        if (broker_key != NULL)
            gather(&d, broker_name, false, &synonyms);
        else
            add_synonym(&synonyms, key->name, key->value, CONFIG_SOURCE_DEFAULT, false);
        if (own.data == NULL) entry.value = show(&d, key, slice_str(synonyms.items[0].value));
        set_synonyms(&d, &entry, &synonyms);
        add_entry(&d, &entry);
    }
    *out = (struct config_entries){.items = d.entries, .count = d.count};
}

void config_describe_client_metrics(struct config_pairs overrides, const struct slice *names, size_t name_count,
                                    struct arena *arena, struct config_entries *out)
{
    struct describe d = {.names = names, .name_count = name_count, .arena = arena};
    for (const struct config_key *key = NULL; (key = config_key_next(CONFIG_CLIENT_METRICS, key)) != NULL;) {
        if (!is_wanted(&d, key->name)) continue;
        struct slice own = config_pairs_find(overrides, key->name);
        struct config_entry entry = {.name = key->name,
                                     .type = key->type,
                                     .value = show(&d, key, own.data != NULL ? own : slice_str(key->value))};
        struct synonyms synonyms = {.count = 0};
        if (own.data != NULL) add_synonym(&synonyms, key->name, entry.value, CONFIG_SOURCE_CLIENT_METRICS, false);
        set_synonyms(&d, &entry, &synonyms);
        add_entry(&d, &entry);
    }
    *out = (struct config_entries){.items = d.entries, .count = d.count};
}

// ---- documentation -----------------------------------------------------------------------------------------------

static const struct document {
    enum config_resource resource;
    const char *name;
    const char *text;
} documents[] = {
#define D(resource_, name_, text_) {.resource = CONFIG_##resource_, .name = name_, .text = text_},
#include "config/docs.def"
#undef D
};

const char *config_documentation(enum config_resource resource, const char *name)
{
    size_t low = 0;
    size_t high = COUNT_OF(documents);
    while (low < high) {
        size_t middle = (low + high) / 2;
        const struct document *d = &documents[middle];
        int order = d->resource != resource ? (d->resource < resource ? -1 : 1) : strcmp(d->name, name);
        if (order == 0) return d->text;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return config_key_find(resource, slice_str(name)) == NULL ? NULL : "";
}
