// SPDX-License-Identifier: Apache-2.0
// Checks of groups' and client-metrics subscriptions' settings, with Kafka's words (GroupConfig, ClientMetricsConfigs).
#include "config/alter.h"
#include "config/config_int.h"

struct lookup {
    const struct config *config;
    const struct config_dynamic *dynamic;
    struct config_pairs settings;
    struct arena *arena;
};

// The broker's value of group.<part>, dynamic before static.
static int64_t broker_number(const struct lookup *l, const char *name)
{
    const struct config_key *key = config_key_find(CONFIG_BROKER, slice_str(name));
    ASSERT(key != NULL);
    int64_t number = 0;
    if (l->dynamic != NULL) {
        struct slice text = config_pairs_find(l->dynamic->broker, name);
        if (slice_is_null(text)) text = config_pairs_find(l->dynamic->cluster, name);
        if (!slice_is_null(text) && config_key_integer(key, text, &number)) return number;
    }
    return config_get_long(l->config, name);
}

static int64_t group_number(const struct lookup *l, const char *name)
{
    int64_t number = 0;
    struct slice text = config_pairs_find(l->settings, name);
    if (!slice_is_null(text) && config_key_integer(config_key_find(CONFIG_GROUP, slice_str(name)), text, &number))
        return number;
    return broker_number(l, arena_printf(l->arena, "group.%s", name));
}

// Kafka bounds each by two keys of the broker; NULL = that side has none.
static const struct bound {
    const char *name;
    const char *least;
    const char *most;
} bounds[] = {
    {"consumer.heartbeat.interval.ms", "group.consumer.min.heartbeat.interval.ms",
     "group.consumer.max.heartbeat.interval.ms"},
    {"consumer.session.timeout.ms", "group.consumer.min.session.timeout.ms", "group.consumer.max.session.timeout.ms"},
    {"consumer.assignment.interval.ms", "group.consumer.min.assignment.interval.ms",
     "group.consumer.max.assignment.interval.ms"},
    {"share.heartbeat.interval.ms", "group.share.min.heartbeat.interval.ms", "group.share.max.heartbeat.interval.ms"},
    {"share.session.timeout.ms", "group.share.min.session.timeout.ms", "group.share.max.session.timeout.ms"},
    {"share.assignment.interval.ms", "group.share.min.assignment.interval.ms",
     "group.share.max.assignment.interval.ms"},
    {"share.record.lock.duration.ms", "group.share.min.record.lock.duration.ms",
     "group.share.max.record.lock.duration.ms"},
    {"share.delivery.count.limit", "group.share.min.delivery.count.limit", "group.share.max.delivery.count.limit"},
    {"share.partition.max.record.locks", "group.share.min.partition.max.record.locks",
     "group.share.max.partition.max.record.locks"},
    {"streams.heartbeat.interval.ms", "group.streams.min.heartbeat.interval.ms",
     "group.streams.max.heartbeat.interval.ms"},
    {"streams.session.timeout.ms", "group.streams.min.session.timeout.ms", "group.streams.max.session.timeout.ms"},
    {"streams.assignment.interval.ms", "group.streams.min.assignment.interval.ms",
     "group.streams.max.assignment.interval.ms"},
    {"streams.num.standby.replicas", NULL, "group.streams.max.standby.replicas"},
};

static const char *check_bounds(const struct lookup *l)
{
    for (size_t i = 0; i < COUNT_OF(bounds); i++) {
        const struct bound *b = &bounds[i];
        int64_t value = group_number(l, b->name);
        if (b->least != NULL && value < broker_number(l, b->least))
            return arena_printf(l->arena, "%s must be greater than or equal to %s", b->name, b->least);
        if (value > broker_number(l, b->most))
            return arena_printf(l->arena, "%s must be less than or equal to %s", b->name, b->most);
    }
    static const char *const kinds[] = {"consumer", "share", "streams"};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const char *session = arena_printf(l->arena, "%s.session.timeout.ms", kinds[i]);
        const char *heartbeat = arena_printf(l->arena, "%s.heartbeat.interval.ms", kinds[i]);
        if (group_number(l, session) <= group_number(l, heartbeat))
            return arena_printf(l->arena, "%s must be greater than %s", session, heartbeat);
    }
    return NULL;
}

enum err config_check_group(const struct config *config, const struct config_dynamic *dynamic,
                            struct config_pairs settings, struct arena *arena, const char **why)
{
    for (size_t i = 0; i < settings.count; i++)
        if (config_key_find(CONFIG_GROUP, settings.items[i].name) == NULL) {
            *why = arena_printf(arena, "Unknown group config name: %.*s", SLICE_FMT(settings.items[i].name));
            return ERR_INVALID_CONFIG;
        }
    for (size_t i = 0; i < settings.count; i++) {
        const struct config_key *key = config_key_find(CONFIG_GROUP, settings.items[i].name);
        if (config_key_check(key, settings.items[i].value, arena, why) != OK) return ERR_INVALID_CONFIG;
    }
    struct lookup l = {config, dynamic, settings, arena};
    const char *text = check_bounds(&l);
    if (text == NULL) return OK;
    *why = text;
    return ERR_INVALID_CONFIG;
}

// ---- client metrics (KIP-714) ------------------------------------------------------------------------------------

// Kafka compiles the pattern; what Java's regular expressions refuse most often is brackets that do not close.
static bool is_pattern(const char *text)
{
    int round = 0;
    bool in_class = false;
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\') {
            if (*++at == '\0') return false;
        } else if (in_class) {
            in_class = *at != ']' || at[-1] == '[';
        } else if (*at == '[') {
            in_class = true;
        } else if (*at == '(') {
            round++;
        } else if (*at == ')' && round-- == 0) {
            return false;
        } else if (strchr("*+?", *at) != NULL && at == text) {
            return false; // nothing to repeat
        }
    }
    return !in_class && round == 0;
}

static bool is_selector(const char *text, struct arena *arena)
{
    static const char *const names[] = {"client_instance_id",    "client_id",
                                        "client_software_name",  "client_software_version",
                                        "client_source_address", "client_source_port"};
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals[1] == '\0' || strchr(equals + 1, '=') != NULL) return false;
    struct slice name = config_trim(slice_of(text, (size_t)(equals - text)));
    bool is_known = false;
    for (size_t i = 0; i < COUNT_OF(names); i++) is_known = is_known || slice_eq_str(name, names[i]);
    return is_known && is_pattern(arena_str(arena, config_trim(slice_str(equals + 1))));
}

enum err config_check_client_metrics(struct slice name, struct config_pairs settings, struct arena *arena,
                                     const char **why)
{
    if (name.size == 0) {
        *why = "Subscription name can't be empty";
        return ERR_INVALID_REQUEST;
    }
    for (size_t i = 0; i < settings.count; i++)
        if (config_key_find(CONFIG_CLIENT_METRICS, settings.items[i].name) == NULL) {
            *why = arena_printf(arena, "Unknown client metrics configuration: %.*s", SLICE_FMT(settings.items[i].name));
            return ERR_INVALID_REQUEST;
        }
    for (size_t i = 0; i < settings.count; i++) {
        const struct config_key *key = config_key_find(CONFIG_CLIENT_METRICS, settings.items[i].name);
        if (config_key_check(key, settings.items[i].value, arena, why) != OK) return ERR_INVALID_CONFIG;
    }
    struct slice interval = config_pairs_find(settings, "interval.ms");
    int64_t interval_ms = 0;
    if (!slice_is_null(interval) &&
        config_key_integer(config_key_find(CONFIG_CLIENT_METRICS, SLICE("interval.ms")), interval, &interval_ms) &&
        (interval_ms < 100 || interval_ms > 3600000)) {
        *why =
            arena_printf(arena, "Invalid value %lld for interval.ms, interval must be between 100 and 3600000 (1 hour)",
                         (long long)interval_ms);
        return ERR_INVALID_REQUEST;
    }
    struct config_list match = config_split(config_pairs_find(settings, "match"), arena);
    for (size_t i = 0; i < match.count; i++)
        if (!is_selector(match.items[i], arena)) {
            *why = arena_printf(arena, "Illegal client matching pattern: %s", match.items[i]);
            return ERR_INVALID_CONFIG;
        }
    return OK;
}
