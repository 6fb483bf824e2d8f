// SPDX-License-Identifier: Apache-2.0
// From sources to a configuration: file, environment, overrides, in this order, the later wins; then every value is
// read by its row of the table, then the checks across keys.
#include "base/text.h"
#include "config/config_int.h"

struct builder {
    struct arena *arena;
    struct config *config;
    struct config_report *report;
    struct config_pair *given; // grows in the arena
    size_t given_capacity;
    const char **warnings;
    size_t warning_capacity;
};

static void warn(struct builder *b, const char *text)
{
    struct config_report *report = b->report;
    if (report->warning_count == b->warning_capacity) {
        b->warning_capacity = b->warning_capacity == 0 ? 16 : b->warning_capacity * 2;
        const char **more = ARENA_ARRAY(b->arena, const char *, b->warning_capacity);
        if (report->warning_count > 0) memcpy(more, b->warnings, report->warning_count * sizeof(*more));
        b->warnings = more;
        report->warnings = more;
    }
    b->warnings[report->warning_count++] = text;
}

// ---- gathering -------------------------------------------------------------------------------------------------

static struct config_pair *find_given(struct builder *b, struct slice name)
{
    for (size_t i = 0; i < b->config->given.count; i++)
        if (slice_eq(b->given[i].name, name)) return &b->given[i];
    return NULL;
}

// Name and value must live as long as the arena.
static void give(struct builder *b, struct slice name, struct slice value)
{
    struct config_pairs *given = &b->config->given;
    value = slice_str(arena_str(b->arena, config_trim(value)));
    struct config_pair *pair = find_given(b, name);
    if (pair != NULL) {
        pair->value = value;
        return;
    }
    if (given->count == b->given_capacity) {
        b->given_capacity = b->given_capacity == 0 ? 32 : b->given_capacity * 2;
        struct config_pair *more = ARENA_ARRAY(b->arena, struct config_pair, b->given_capacity);
        if (given->count > 0) memcpy(more, b->given, given->count * sizeof(*more));
        b->given = more;
        given->items = more;
    }
    b->given[given->count++] = (struct config_pair){.name = slice_str(arena_str(b->arena, name)), .value = value};
}

static enum err fail(struct builder *b, const char *why)
{
    b->report->error = why;
    return ERR_INVALID;
}

static enum err take_file(struct builder *b, struct slice file)
{
    struct config_pairs pairs;
    int line = 0;
    if (properties_parse(file, b->arena, &pairs, &line) != OK)
        return fail(b, arena_printf(b->arena, "Malformed \\uxxxx encoding in line %d of the properties file", line));
    enum { PAIRS_MAX = 10000 }; // find_given is linear
    if (pairs.count > PAIRS_MAX)
        return fail(b, arena_printf(b->arena, "The properties file has %zu settings; more than %d cannot be meant",
                                    pairs.count, PAIRS_MAX));
    for (size_t i = 0; i < pairs.count; i++) give(b, pairs.items[i].name, pairs.items[i].value);
    return OK;
}

// What Apache Kafka's start scripts and image read themselves.
static bool is_script_variable(const char *name)
{
    static const char *const prefixes[] = {"KAFKA_HEAP_OPTS", "KAFKA_OPTS", "KAFKA_LOG4J",      "KAFKA_JMX_",
                                           "KAFKA_JVM_",      "KAFKA_GC_",  "KAFKA_TOOLS_",     "KAFKA_VERSION",
                                           "KAFKA_DEBUG",     "KAFKA_HOME", "KAFKA_CLUSTER_ID", "KAFKA_URL"};
    for (size_t i = 0; i < COUNT_OF(prefixes); i++)
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0) return true;
    return false;
}

// KAFKA_FOO_BAR -> foo.bar, __ -> _, ___ -> -
static struct slice environment_key(const char *name, size_t size, struct arena *arena)
{
    uint8_t *key = arena_alloc(arena, size + 1);
    size_t key_size = 0;
    for (size_t at = strlen("KAFKA_"); at < size;) {
        size_t run = 0;
        while (at + run < size && name[at + run] == '_') run++;
        if (run == 0) {
            uint8_t c = (uint8_t)name[at++];
            key[key_size++] = c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
            continue;
        }
        size_t taken = run > 3 ? 3 : run;
        key[key_size++] = (uint8_t) " ._-"[taken];
        at += taken;
    }
    return slice_of(key, key_size);
}

static void take_environment(struct builder *b, const char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        const char *entry = *environment;
        const char *equals = strchr(entry, '=');
        if (equals == NULL || strncmp(entry, "KAFKA_", 6) != 0 || equals == entry + 6 || is_script_variable(entry))
            continue;
        give(b, environment_key(entry, (size_t)(equals - entry), b->arena), slice_str(equals + 1));
    }
}

static enum err take_overrides(struct builder *b, const char *const *overrides, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(overrides[i], '=');
        if (equals == NULL || equals == overrides[i])
            return fail(b, arena_printf(b->arena, "Invalid command line property: %s: write key=value", overrides[i]));
        give(b, slice_of(overrides[i], (size_t)(equals - overrides[i])), slice_str(equals + 1));
    }
    return OK;
}

static void give_default(struct builder *b, const char *name, const char *value)
{
    if (find_given(b, slice_str(name)) == NULL) give(b, slice_str(name), slice_str(value));
}

// No file and nobody said what this node is: broker and controller in one, all by itself.
static void give_defaults(struct builder *b, const struct config_sources *sources)
{
    b->config->is_default = config_trim(sources->file).size == 0 && find_given(b, SLICE("process.roles")) == NULL;
    if (b->config->is_default) {
        give_default(b, "process.roles", "broker,controller");
        if (find_given(b, SLICE("broker.id")) == NULL) give_default(b, "node.id", "1");
        give_default(b, "controller.listener.names", "CONTROLLER");
        give_default(b, "listeners", "PLAINTEXT://:9092,CONTROLLER://:9093");
        give_default(b, "offsets.topic.replication.factor", "1");
        give_default(b, "transaction.state.log.replication.factor", "1");
        give_default(b, "transaction.state.log.min.isr", "1");
        give_default(b, "share.coordinator.state.topic.replication.factor", "1");
        give_default(b, "share.coordinator.state.topic.min.isr", "1");
    }
    if (sources->default_log_dir != NULL && find_given(b, SLICE("log.dir")) == NULL)
        give_default(b, "log.dirs", sources->default_log_dir);
    // KafkaConfig.populateSynonyms: either name gives both
    struct config_pair *node_id = find_given(b, SLICE("node.id"));
    struct config_pair *broker_id = find_given(b, SLICE("broker.id"));
    if (node_id != NULL && broker_id == NULL) give(b, SLICE("broker.id"), node_id->value);
    if (node_id == NULL && broker_id != NULL) give(b, SLICE("node.id"), broker_id->value);
}

// ---- names -----------------------------------------------------------------------------------------------------

static bool starts_with(struct slice name, const char *prefix)
{
    size_t size = strlen(prefix);
    return name.size >= size && memcmp(name.data, prefix, size) == 0;
}

// Kafka 4.0 took these out; users' files still have them.
static bool is_removed(struct slice name)
{
    static const char *const names[] = {
        "broker.id.generation.enable",
        "reserved.broker.max.id",
        "inter.broker.protocol.version",
        "log.message.format.version",
        "log.message.downconversion.enable",
        "log.message.timestamp.difference.max.ms",
        "offsets.commit.required.acks",
        "control.plane.listener.name",
        "controlled.shutdown.max.retries",
        "controlled.shutdown.retry.backoff.ms",
        "leader.imbalance.per.broker.percentage",
        "delegation.token.master.key",
        "auto.include.jmx.reporter",
        "eligible.leader.replicas.enable",
        "group.share.max.groups",
    };
    if (starts_with(name, "zookeeper.") || starts_with(name, "password.encoder.")) return true;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (slice_eq_str(name, names[i])) return true;
    return false;
}

// listener.name.<listener>.[<mechanism>.]<key>: the key, NULL when it is none.
const struct config_key *config_listener_key(struct slice name)
{
    if (!starts_with(name, "listener.name.")) return NULL;
    size_t at = strlen("listener.name.");
    for (int dots = 0; dots < 2; dots++) {
        while (at < name.size && name.data[at] != '.') at++;
        if (at >= name.size) return NULL;
        at++;
        const struct config_key *key = config_key_find(CONFIG_BROKER, slice_of(name.data + at, name.size - at));
        if (key != NULL) return key;
    }
    return NULL;
}

// A broker key, or else the topic setting that was probably meant.
static const char *nearest_of(struct slice name)
{
    const char *nearest = config_key_nearest(CONFIG_BROKER, name);
    return nearest != NULL ? nearest : config_key_nearest(CONFIG_TOPIC, name);
}

static void warn_unknown(struct builder *b, struct slice name, bool may_search)
{
    const struct config_key *of_topic = config_key_find(CONFIG_TOPIC, name);
    const char *for_all = of_topic != NULL ? config_topic_synonym(of_topic->name) : NULL;
    const char *nearest = may_search && for_all == NULL ? nearest_of(name) : NULL;
    if (for_all != NULL)
        warn(b, arena_printf(b->arena, "config %.*s is a topic's; did you mean %s, for all topics?", SLICE_FMT(name),
                             for_all));
    else if (nearest != NULL)
        warn(b, arena_printf(b->arena, "unknown config %.*s; did you mean %s?", SLICE_FMT(name), nearest));
    else
        warn(b, arena_printf(b->arena, "unknown config %.*s is ignored", SLICE_FMT(name)));
}

static enum err check_names(struct builder *b)
{
    enum { NEAREST_MAX = 20 }; // the search takes a while, and so many are no slips
    int unknown_count = 0;
    struct text unhonoured = {0};
    enum err err = OK;
    for (size_t i = 0; i < b->config->given.count && err == OK; i++) {
        struct slice name = b->given[i].name;
        const struct config_key *key = config_key_find(CONFIG_BROKER, name);
        const struct config_key *base = key != NULL ? key : config_listener_key(name);
        if (base != NULL) {
            const char *why = NULL;
            if (key == NULL && config_key_check(base, b->given[i].value, b->arena, &why) != OK) err = fail(b, why);
            if (!base->is_honoured)
                text_printf(&unhonoured, "%s%.*s", unhonoured.size == 0 ? "" : ", ", SLICE_FMT(name));
            continue;
        }
        if (is_removed(name)) {
            warn(b, arena_printf(b->arena, "config %.*s was removed in Kafka 4.0 and is ignored", SLICE_FMT(name)));
            continue;
        }
        warn_unknown(b, name, unknown_count++ < NEAREST_MAX);
    }
    if (unhonoured.size > 0)
        warn(b, arena_printf(b->arena, "accepted, but without effect in this build: %s", text_cstr(&unhonoured)));
    text_deinit(&unhonoured);
    return err;
}

// ---- values ----------------------------------------------------------------------------------------------------

static enum err read_values(struct builder *b)
{
    const struct config_key *keys = NULL;
    size_t count = config_keys_range(CONFIG_BROKER, &keys);
    b->config->values = ARENA_ARRAY(b->arena, struct value, count);
    for (size_t i = 0; i < count; i++) {
        const char *why = NULL;
        struct config_pair *given = find_given(b, slice_str(keys[i].name));
        if (given == NULL && keys[i].is_required)
            return fail(b, arena_printf(b->arena, "Missing required configuration \"%s\" which has no default value.",
                                        keys[i].name));
        if (given == NULL && keys[i].value == NULL) {
            b->config->values[i] = (struct value){.is_null = true};
            continue;
        }
        struct slice text = given == NULL ? slice_str(keys[i].value) : given->value;
        if (config_value_read(&keys[i], text, b->arena, &b->config->values[i], &why) != OK) return fail(b, why);
    }
    const struct value *dirs = config_value(b->config, "log.dirs");
    b->config->log_dirs = dirs->is_null ? config_value(b->config, "log.dir")->list : dirs->list;
    return OK;
}

enum err config_build(const struct config_sources *sources, struct arena *arena, const struct config **out,
                      struct config_report *report)
{
    *report = (struct config_report){0};
    struct builder b = {.arena = arena, .config = ARENA_NEW(arena, struct config), .report = report};
    enum err err = take_file(&b, sources->file);
    if (err != OK) return err;
    take_environment(&b, sources->environment);
    err = take_overrides(&b, sources->overrides, sources->override_count);
    if (err != OK) return err;
    give_defaults(&b, sources);
    err = check_names(&b);
    if (err != OK) return err;
    err = read_values(&b);
    if (err != OK) return err;
    const char *why = NULL;
    err = config_read_voters(b.config, arena, &why);
    if (err == OK) err = config_read_listeners(b.config, arena, &why);
    if (err == OK) err = config_check_all(b.config, arena, &why);
    if (err != OK) return fail(&b, why);
    *out = b.config;
    return OK;
}

// ---- getters ---------------------------------------------------------------------------------------------------

struct slice config_pairs_find(struct config_pairs pairs, const char *name)
{
    struct slice wanted = slice_str(name);
    for (size_t i = pairs.count; i > 0; i--)
        if (slice_eq(pairs.items[i - 1].name, wanted)) return pairs.items[i - 1].value;
    return SLICE_NULL;
}

static const struct value *value_of_type(const struct config *config, const char *name, unsigned types)
{
    const struct config_key *key = config_key_find(CONFIG_BROKER, slice_str(name));
    ASSERT(key != NULL && (types & 1u << key->type) != 0);
    return config_value(config, name);
}

const struct value *config_value(const struct config *config, const char *name)
{
    const struct config_key *keys = NULL;
    config_keys_range(CONFIG_BROKER, &keys);
    const struct config_key *key = config_key_find(CONFIG_BROKER, slice_str(name));
    ASSERT(key != NULL);
    return &config->values[key - keys];
}

int config_get_int(const struct config *config, const char *name)
{
    const struct value *value = value_of_type(config, name, 1u << CONFIG_INT | 1u << CONFIG_SHORT);
    ASSERT(!value->is_null);
    return (int)value->integer;
}

int64_t config_get_long(const struct config *config, const char *name)
{
    const struct value *value = value_of_type(config, name, 1u << CONFIG_INT | 1u << CONFIG_SHORT | 1u << CONFIG_LONG);
    ASSERT(!value->is_null);
    return value->integer;
}

bool config_get_bool(const struct config *config, const char *name)
{
    return value_of_type(config, name, 1u << CONFIG_BOOLEAN)->integer != 0;
}

double config_get_double(const struct config *config, const char *name)
{
    return value_of_type(config, name, 1u << CONFIG_DOUBLE)->real;
}

const char *config_get_string(const struct config *config, const char *name)
{
    return value_of_type(config, name, 1u << CONFIG_STRING | 1u << CONFIG_CLASS | 1u << CONFIG_PASSWORD)->text;
}

struct config_list config_get_list(const struct config *config, const char *name)
{
    return value_of_type(config, name, 1u << CONFIG_LIST)->list;
}

bool config_is_null(const struct config *config, const char *name)
{
    return config_value(config, name)->is_null;
}

bool config_is_given(const struct config *config, const char *name)
{
    return config_get_given(config, name) != NULL;
}

const char *config_get_given(const struct config *config, const char *name)
{
    return (const char *)config_pairs_find(config->given, name).data; // the arena's texts end in NUL
}

// ---- what several keys say together ----------------------------------------------------------------------------

static int64_t hours_ms(int64_t hours)
{
    return hours * 3600000;
}

int64_t config_retention_ms(const struct config *config)
{
    int64_t ms = 0;
    if (!config_is_null(config, "log.retention.ms"))
        ms = config_get_long(config, "log.retention.ms");
    else if (!config_is_null(config, "log.retention.minutes"))
        ms = config_get_long(config, "log.retention.minutes") * 60000;
    else
        ms = hours_ms(config_get_long(config, "log.retention.hours"));
    return ms < 0 ? -1 : ms;
}

int64_t config_roll_ms(const struct config *config)
{
    if (!config_is_null(config, "log.roll.ms")) return config_get_long(config, "log.roll.ms");
    return hours_ms(config_get_long(config, "log.roll.hours"));
}

int64_t config_roll_jitter_ms(const struct config *config)
{
    if (!config_is_null(config, "log.roll.jitter.ms")) return config_get_long(config, "log.roll.jitter.ms");
    return hours_ms(config_get_long(config, "log.roll.jitter.hours"));
}

int64_t config_flush_ms(const struct config *config)
{
    if (!config_is_null(config, "log.flush.interval.ms")) return config_get_long(config, "log.flush.interval.ms");
    return config_get_long(config, "log.flush.scheduler.interval.ms");
}

int config_node_id(const struct config *config)
{
    return config_get_int(config, "node.id"); // give_defaults has copied broker.id
}

static bool has_role(const struct config *config, const char *role)
{
    struct config_list roles = config_get_list(config, "process.roles");
    for (size_t i = 0; i < roles.count; i++)
        if (strcmp(roles.items[i], role) == 0) return true;
    return false;
}

bool config_is_broker(const struct config *config)
{
    return has_role(config, "broker");
}

bool config_is_controller(const struct config *config)
{
    return has_role(config, "controller");
}

struct config_list config_log_dirs(const struct config *config)
{
    return config->log_dirs;
}

const char *config_metadata_log_dir(const struct config *config)
{
    const char *dir = config_get_string(config, "metadata.log.dir");
    return dir != NULL ? dir : config->log_dirs.items[0];
}

int config_shards(const struct config *config, int cores)
{
    int shards = config_get_int(config, "odradek.shards");
    if (shards > 0) return shards;
    if (cores <= 4) return 1;
    return cores / 2 < 64 ? cores / 2 : 64;
}

struct config_listeners config_get_listeners(const struct config *config)
{
    return config->listeners;
}

const char *config_inter_broker_listener(const struct config *config)
{
    return config->inter_broker_listener;
}

struct config_voters config_quorum_voters(const struct config *config)
{
    return config->voters;
}

struct config_voters config_bootstrap_servers(const struct config *config)
{
    return config->bootstrap;
}
