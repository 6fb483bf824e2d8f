// SPDX-License-Identifier: Apache-2.0
// Order of checks as in Kafka's DynamicBrokerConfig: names, listener prefixes, types, level; then the node as a whole.
#include "config/alter.h"

#include "config/config_int.h"

// ---- lists -----------------------------------------------------------------------------------------------------

// As Java splits at commas: empty parts at the end vanish, but for an empty text, which is one part.
static size_t split(struct slice text, struct arena *arena, struct slice **out)
{
    size_t count = 1;
    for (size_t i = 0; i < text.size; i++) count += text.data[i] == ',';
    struct slice *parts = ARENA_ARRAY(arena, struct slice, count);
    count = 0;
    for (size_t at = 0; at <= text.size; at++) {
        size_t end = at;
        while (end < text.size && text.data[end] != ',') end++;
        parts[count++] = slice_of(text.data + at, end - at);
        at = end;
    }
    while (count > 0 && parts[count - 1].size == 0 && text.size > 0) count--;
    *out = parts;
    return count;
}

static bool contains(const struct slice *parts, size_t count, struct slice wanted, size_t *at)
{
    for (*at = 0; *at < count; (*at)++)
        if (slice_eq(parts[*at], wanted)) return true;
    return false;
}

struct slice config_list_changed(const struct config_key *key, struct slice old, struct slice operand,
                                 enum config_operation operation, struct arena *arena)
{
    struct slice *had = NULL;
    struct slice *named = NULL;
    if (slice_is_null(old)) old = slice_str(key->value);
    size_t had_count = split(old, arena, &had);
    size_t named_count = split(operand, arena, &named);
    struct slice *parts = ARENA_ARRAY(arena, struct slice, had_count + named_count);
    size_t count = 0;
    for (size_t i = 0; i < had_count; i++)
        if (had[i].size > 0) parts[count++] = had[i];
    size_t size = 0;
    for (size_t i = 0; i < named_count; i++) {
        size_t at = 0;
        bool is_there = contains(parts, count, named[i], &at);
        if (operation == CONFIG_APPEND && !is_there) {
            parts[count++] = named[i];
        } else if (operation == CONFIG_SUBTRACT && is_there) {
            memmove(&parts[at], &parts[at + 1], (count - at - 1) * sizeof(*parts));
            count--;
        }
    }
    for (size_t i = 0; i < count; i++) size += parts[i].size + 1;
    uint8_t *text = arena_alloc(arena, size + 1);
    size = 0;
    for (size_t i = 0; i < count; i++) {
        if (i > 0) text[size++] = ',';
        if (parts[i].size > 0) memcpy(text + size, parts[i].data, parts[i].size);
        size += parts[i].size;
    }
    return slice_of(text, size);
}

// ---- brokers ---------------------------------------------------------------------------------------------------

struct judged {
    const struct config *config;
    const struct config_dynamic *dynamic; // may be NULL
    struct config_pair *pairs;            // each name once
    size_t count;
    struct arena *arena;
    const char **why;
};

static void set(struct judged *j, struct slice name, struct slice value)
{
    size_t at = 0;
    while (at < j->count && !slice_eq(j->pairs[at].name, name)) at++;
    if (slice_is_null(value)) {
        if (at == j->count) return;
        memmove(&j->pairs[at], &j->pairs[at + 1], (j->count - at - 1) * sizeof(*j->pairs));
        j->count--;
        return;
    }
    j->pairs[at] = (struct config_pair){name, value};
    if (at == j->count) j->count++;
}

static enum err change(struct judged *j, const struct config_change *c)
{
    const struct config_key *key = config_key_find(CONFIG_BROKER, c->name);
    switch (c->operation) {
    case CONFIG_SET: set(j, c->name, c->value); return OK;
    case CONFIG_DELETE: set(j, c->name, SLICE_NULL); return OK;
    case CONFIG_APPEND:
    case CONFIG_SUBTRACT:
        if (key == NULL) {
            *j->why = arena_printf(j->arena, "Unknown config name: %.*s", SLICE_FMT(c->name));
            return ERR_INVALID_CONFIG;
        }
        if (key->type != CONFIG_LIST) {
            *j->why = arena_printf(j->arena, "Config value %s is not allowed for config key: %s",
                                   c->operation == CONFIG_APPEND ? "append" : "subtract", key->name);
            return ERR_INVALID_CONFIG;
        }
        set(j, c->name,
            config_list_changed(key, config_pairs_find((struct config_pairs){j->pairs, j->count}, key->name), c->value,
                                (enum config_operation)c->operation, j->arena));
        return OK;
    default: *j->why = arena_printf(j->arena, "Unknown operations type %d", c->operation); return ERR_INVALID_REQUEST;
    }
}

enum name_problem { NAME_NOT_DYNAMIC, NAME_WITHOUT_LISTENER, NAME_OF_ONE_BROKER };

static bool starts_with(struct slice text, const char *prefix)
{
    return text.size >= strlen(prefix) && memcmp(text.data, prefix, strlen(prefix)) == 0;
}

// Listener settings that may stand in the cluster's default.
static bool is_cluster_listener_key(const struct config_key *base)
{
    return base != NULL &&
           (strcmp(base->name, "max.connections") == 0 || strcmp(base->name, "max.connection.creation.rate") == 0 ||
            strcmp(base->name, "num.network.threads") == 0);
}

static bool has_problem(struct slice name, enum name_problem problem)
{
    const struct config_key *key = config_key_find(CONFIG_BROKER, name);
    switch (problem) {
    case NAME_NOT_DYNAMIC: return key != NULL && !key->is_plugin && key->scope == CONFIG_READ_ONLY;
    case NAME_WITHOUT_LISTENER: return key != NULL && key->scope == CONFIG_PER_BROKER && starts_with(name, "ssl.");
    case NAME_OF_ONE_BROKER:
        if (key != NULL) return key->scope == CONFIG_PER_BROKER;
        return starts_with(name, "listener.name.") && !is_cluster_listener_key(config_listener_key(name));
    }
    return false;
}

static enum err check_names(struct judged *j, enum name_problem problem, const char *text)
{
    const char *names = "";
    for (size_t i = 0; i < j->count; i++)
        if (has_problem(j->pairs[i].name, problem))
            names =
                arena_printf(j->arena, "%s%s%.*s", names, names[0] == '\0' ? "" : ", ", SLICE_FMT(j->pairs[i].name));
    if (names[0] == '\0') return OK;
    *j->why = arena_printf(j->arena, "%s: [%s]", text, names);
    return ERR_INVALID_REQUEST;
}

static enum err check_values(struct judged *j)
{
    for (size_t i = 0; i < j->count; i++) {
        const struct config_key *key = config_key_find(CONFIG_BROKER, j->pairs[i].name);
        if (key == NULL) key = config_listener_key(j->pairs[i].name);
        if (key == NULL) continue; // a plug-in's
        if (config_key_check(key, j->pairs[i].value, j->arena, j->why) != OK) return ERR_INVALID_REQUEST;
        // There are no Java classes here, so only the default's name can be known.
        if (key->type == CONFIG_CLASS && (key->value == NULL || !slice_eq_str(j->pairs[i].value, key->value))) {
            *j->why = arena_printf(j->arena, "Invalid value %.*s for configuration %s: Class %.*s could not be found.",
                                   SLICE_FMT(j->pairs[i].value), key->name, SLICE_FMT(j->pairs[i].value));
            return ERR_INVALID_REQUEST;
        }
    }
    return OK;
}

// "host:cap,host:cap"; the words are those of Java's substring and parseInt.
static enum err check_connection_overrides(struct judged *j, struct slice text)
{
    struct config_list list = config_split(text, j->arena);
    for (size_t i = 0; i < list.count; i++) {
        const char *colon = strrchr(list.items[i], ':');
        int64_t cap = 0;
        if (colon == NULL) {
            *j->why = arena_printf(j->arena,
                                   "Error parsing configuration property 'max.connections.per.ip.overrides': begin 0, "
                                   "end -1, length %zu",
                                   strlen(list.items[i]));
            return ERR_INVALID_REQUEST;
        }
        struct slice number = config_trim(slice_str(colon + 1));
        if (!config_key_integer(config_key_find(CONFIG_BROKER, SLICE("max.connections.per.ip")), number, &cap)) {
            *j->why = arena_printf(j->arena, "For input string: \"%.*s\"", SLICE_FMT(number));
            return ERR_INVALID_REQUEST;
        }
    }
    return OK;
}

static struct slice judged_find(const struct judged *j, const char *name)
{
    return config_pairs_find((struct config_pairs){j->pairs, j->count}, name);
}

// Kafka starts and stops threads with these, by at most a factor of two at a time. Here they change nothing, but a
// script that relies on the refusal gets it.
static enum err check_threads(struct judged *j)
{
    static const char *const keys[] = {"num.io.threads", "num.network.threads", "num.replica.fetchers",
                                       "num.recovery.threads.per.data.dir", "background.threads"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct config_key *key = config_key_find(CONFIG_BROKER, slice_str(keys[i]));
        int64_t wanted = 0;
        if (slice_is_null(judged_find(j, keys[i])) || !config_key_integer(key, judged_find(j, keys[i]), &wanted))
            continue;
        int64_t now = config_get_long(j->config, keys[i]);
        if (j->dynamic != NULL) {
            struct slice set_now = config_pairs_find(j->dynamic->broker, keys[i]);
            if (slice_is_null(set_now)) set_now = config_pairs_find(j->dynamic->cluster, keys[i]);
            if (!slice_is_null(set_now) && !config_key_integer(key, set_now, &now)) continue;
        }
        const char *rule = wanted < now / 2   ? "value should be at least half the current value"
                           : wanted > now * 2 ? "value should not be greater than double the current value"
                                              : NULL;
        if (rule == NULL) continue;
        *j->why = arena_printf(j->arena,
                               "Invalid value org.apache.kafka.common.config.ConfigException: Dynamic thread count "
                               "update validation failed for %s=%lld, %s %lld for configuration Invalid dynamic "
                               "configuration",
                               keys[i], (long long)wanted, rule, (long long)now);
        return ERR_INVALID_REQUEST;
    }
    return OK;
}

static void overlay(struct config *to, struct config_pairs layer, struct arena *arena)
{
    const struct config_key *keys = NULL;
    config_keys_range(CONFIG_BROKER, &keys);
    for (size_t i = 0; i < layer.count; i++) {
        const struct config_key *key = config_key_find(CONFIG_BROKER, layer.items[i].name);
        struct value value;
        const char *why = NULL;
        if (key != NULL && config_value_read(key, layer.items[i].value, arena, &value, &why) == OK)
            to->values[key - keys] = value;
    }
}

// The node with these values in their layer, checked across keys as at its start.
static enum err check_together(struct judged *j, bool is_broker)
{
    const struct config_key *keys = NULL;
    size_t key_count = config_keys_range(CONFIG_BROKER, &keys);
    struct config merged = *j->config;
    merged.values = ARENA_ARRAY(j->arena, struct value, key_count);
    memcpy(merged.values, j->config->values, key_count * sizeof(*merged.values));
    struct config_pairs own = {j->pairs, j->count};
    struct config_dynamic none = {0};
    const struct config_dynamic *dynamic = j->dynamic == NULL ? &none : j->dynamic;
    overlay(&merged, is_broker ? dynamic->cluster : own, j->arena);
    overlay(&merged, is_broker ? own : dynamic->broker, j->arena);
    const char *why = NULL;
    if (config_check_all(&merged, j->arena, &why) != OK) {
        *j->why = arena_printf(j->arena, "requirement failed: %s", why);
        return ERR_INVALID_REQUEST;
    }
    struct slice overrides = judged_find(j, "max.connections.per.ip.overrides");
    enum err e = slice_is_null(overrides) ? OK : check_connection_overrides(j, overrides);
    return e == OK ? check_threads(j) : e;
}

// Whether the controller's listener would still be there, and every cordoned directory exists.
static enum err check_places(struct judged *j)
{
    struct slice cordoned = judged_find(j, "cordoned.log.dirs");
    struct config_list wanted = config_split(cordoned, j->arena);
    for (size_t i = 0; i < wanted.count; i++) {
        struct config_list dirs = config_log_dirs(j->config);
        bool is_known = strcmp(wanted.items[i], "*") == 0;
        for (size_t k = 0; k < dirs.count; k++) is_known = is_known || strcmp(dirs.items[k], wanted.items[i]) == 0;
        if (is_known) continue;
        *j->why = arena_printf(j->arena,
                               "requirement failed: All entries in cordoned.log.dirs must be present in log.dirs or "
                               "log.dir. Missing entries : %s",
                               wanted.items[i]);
        return ERR_INVALID_REQUEST;
    }
    struct slice listeners = judged_find(j, "listeners");
    if (slice_is_null(listeners) || !config_is_controller(j->config)) return OK;
    struct config_list names = config_get_list(j->config, "controller.listener.names");
    struct config_list given = config_split(listeners, j->arena);
    for (size_t i = 0; i < given.count; i++)
        for (size_t k = 0; k < names.count; k++)
            if (starts_with(slice_str(given.items[i]), arena_printf(j->arena, "%s://", names.items[k]))) return OK;
    *j->why = "requirement failed: controller.listener.names must contain at least one value appearing in the "
              "'listeners' configuration when running the KRaft controller role";
    return ERR_INVALID_REQUEST;
}

enum err config_check_broker_changes(const struct config *config, const struct config_dynamic *dynamic, bool is_broker,
                                     struct config_pairs current, const struct config_change *changes, size_t count,
                                     struct arena *arena, const char **why)
{
    struct judged j = {.config = config, .dynamic = dynamic, .arena = arena, .why = why};
    j.pairs = ARENA_ARRAY(arena, struct config_pair, current.count + count);
    for (size_t i = 0; i < current.count; i++) { // what could not be set today is left out of account
        struct slice name = current.items[i].name;
        if (!has_problem(name, NAME_NOT_DYNAMIC) && !has_problem(name, NAME_WITHOUT_LISTENER) &&
            (is_broker || !has_problem(name, NAME_OF_ONE_BROKER)))
            set(&j, name, current.items[i].value);
    }
    enum err e = OK;
    for (size_t i = 0; i < count && e == OK; i++) e = change(&j, &changes[i]);
    if (e == OK) e = check_names(&j, NAME_NOT_DYNAMIC, "Cannot update these configs dynamically");
    if (e == OK)
        e = check_names(&j, NAME_WITHOUT_LISTENER,
                        "These security configs can be dynamically updated only per-listener using the listener "
                        "prefix");
    if (e == OK) e = check_values(&j);
    if (e == OK && !is_broker)
        e = check_names(&j, NAME_OF_ONE_BROKER,
                        "Cannot update these configs at default cluster level, broker id must be specified");
    if (e == OK) e = check_together(&j, is_broker);
    if (e == OK) e = check_places(&j);
    return e;
}
