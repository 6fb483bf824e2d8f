// SPDX-License-Identifier: Apache-2.0
// kafka-configs.sh --describe.
#include "cli/admin_groups.h"
#include "cli/configs_int.h"
#include "cli/java_text.h"
#include "cli/options_configs.h"

#include <stdlib.h>

struct kind {
    const char *type;
    enum config_resource resource;
    int8_t source; // of what is set on the entity itself
};

static const struct kind kinds[] = {
    {"topics", CONFIG_TOPIC, 1},
    {"brokers", CONFIG_BROKER, 2},
    {"broker-loggers", CONFIG_BROKER_LOGGER, -1},
    {"client-metrics", CONFIG_CLIENT_METRICS, 7},
    {"groups", CONFIG_GROUP, 8},
};
enum { SOURCE_DYNAMIC_DEFAULT_BROKER = 3 };

static const struct kind *find_kind(const char *type)
{
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(kinds[i].type, type) == 0) return &kinds[i];
    }
    return NULL;
}

bool configs_resource(const char *type, enum config_resource *out)
{
    const struct kind *kind = find_kind(type);
    if (kind != NULL) *out = kind->resource;
    return kind != NULL;
}

// "topics" without its last letter.
static int singular(const char *type)
{
    return (int)strlen(type) - 1;
}

// ---- names -----------------------------------------------------------------------------------------------------

enum { TOPIC_NAME_MAX = 249 };

bool configs_check_topic(struct configs_run *run, const char *name)
{
    struct arena *arena = &run->cli->arena;
    const char *why = NULL;
    size_t size = strlen(name);
    if (size == 0)
        why = "the empty string is not allowed";
    else if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        why = arena_printf(arena, "'%s' is not allowed", name);
    else if (cli_length(slice_str(name)) > TOPIC_NAME_MAX)
        why = arena_printf(arena, "the length of '%s' is longer than the max allowed length %d", name, TOPIC_NAME_MAX);
    for (size_t i = 0; why == NULL && i < size; i++) {
        char c = name[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '_' || c == '-';
        if (fits) continue;
        why = arena_printf(
            arena, "'%s' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'", name);
    }
    return why == NULL || configs_fail_plain(run, arena_printf(arena, "Topic name is invalid: %s", why));
}

bool configs_check_broker(struct configs_run *run, const char *name, const char *type)
{
    int64_t number;
    if (cli_parse_long(slice_str(name), &number) && number <= INT32_MAX && number >= INT32_MIN) return true;
    return configs_fail_plain(run, arena_printf(&run->cli->arena,
                                                "The entity name for %s must be a valid integer broker id, found: %s",
                                                type, name));
}

// ---- one resource ----------------------------------------------------------------------------------------------

static int by_name(const void *a, const void *b)
{
    return slice_cmp(((const struct admin_config *)a)->name, ((const struct admin_config *)b)->name);
}

bool configs_get(struct configs_run *run, const char *type, const char *name, bool with_synonyms, bool all,
                 struct admin_config **out, int32_t *count)
{
    const struct kind *kind = find_kind(type);
    int8_t source = kind->source;
    if (kind->resource == CONFIG_TOPIC && *name != '\0' && !configs_check_topic(run, name)) return false;
    if (kind->resource == CONFIG_BROKER && *name == '\0') source = SOURCE_DYNAMIC_DEFAULT_BROKER;
    bool is_broker = kind->resource == CONFIG_BROKER || kind->resource == CONFIG_BROKER_LOGGER;
    if (is_broker && *name != '\0' && !configs_check_broker(run, name, type)) return false;
    struct cli_error error;
    if (!admin_describe_configs(run->cli, run->client, kind->resource, slice_str(name), with_synonyms, out, count,
                                &error)) {
        return configs_fail_call(run, error);
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < *count; i++) {
        if (all || source < 0 || (*out)[i].source == source) (*out)[kept++] = (*out)[i];
    }
    *count = kept;
    if (kept > 1) qsort(*out, (size_t)kept, sizeof(**out), by_name);
    return true;
}

static struct slice or_null(struct slice text)
{
    return slice_is_null(text) ? SLICE("null") : text;
}

static bool print_resource(struct configs_run *run, const char *type, const char *name, bool all)
{
    struct cli *cli = run->cli;
    if (*name == '\0')
        cli_out(cli, "Default configs for %s in the cluster are:\n", type);
    else
        cli_out(cli, "%s configs for %.*s %s are:\n", all ? "All" : "Dynamic", singular(type), type, name);
    struct admin_config *configs;
    int32_t count;
    if (!configs_get(run, type, name, true, all, &configs, &count)) return false;
    for (int32_t i = 0; i < count; i++) {
        const struct admin_config *config = &configs[i];
        cli_out(cli, "  %.*s=%.*s sensitive=%s synonyms={", SLICE_FMT(config->name), SLICE_FMT(or_null(config->value)),
                config->is_sensitive ? "true" : "false");
        for (int32_t s = 0; s < config->synonym_count; s++) {
            const struct admin_synonym *synonym = &config->synonyms[s];
            cli_out(cli, "%s%s:%.*s=%.*s", s > 0 ? ", " : "", admin_config_source(synonym->source),
                    SLICE_FMT(synonym->name), SLICE_FMT(or_null(synonym->value)));
        }
        cli_out(cli, "}\n");
    }
    return true;
}

// ---- which resources -------------------------------------------------------------------------------------------

struct names {
    struct slice *items;
    int32_t count;
};

static bool list_groups(struct configs_run *run, struct names *out)
{
    struct admin_listing *groups;
    int32_t group_count, resource_count = 0;
    struct slice *resources = NULL;
    struct cli_error error;
    if (!admin_list_groups(run->cli, run->client, NULL, 0, NULL, 0, &groups, &group_count, &run->thrown)) {
        run->is_plain = false;
        cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
        return false;
    }
    if (!admin_list_resources(run->cli, run->client, CONFIG_GROUP, &resources, &resource_count, &error)) {
        const char *class_name = strrchr(error.class_name, '.');
        bool is_old = strcmp(class_name, ".UnsupportedVersionException") == 0 ||
                      strcmp(class_name, ".ClusterAuthorizationException") == 0;
        if (!is_old) return configs_fail_call(run, error);
        resource_count = 0;
    }
    out->items = ARENA_ARRAY(&run->cli->arena, struct slice, group_count + resource_count + 1);
    out->count = 0;
    for (int32_t i = 0; i < group_count; i++) out->items[out->count++] = groups[i].id;
    for (int32_t i = 0; i < resource_count; i++) {
        bool is_there = false;
        for (int32_t k = 0; k < out->count && !is_there; k++) is_there = slice_eq(out->items[k], resources[i]);
        if (!is_there) out->items[out->count++] = resources[i];
    }
    return true;
}

static bool list_brokers(struct configs_run *run, struct names *out)
{
    int32_t *ids;
    struct cli_error error;
    if (!admin_list_brokers(run->cli, run->client, &ids, &out->count, &error)) return configs_fail_call(run, error);
    out->items = ARENA_ARRAY(&run->cli->arena, struct slice, out->count + 1);
    for (int32_t i = 0; i < out->count; i++) {
        out->items[i] = slice_str(arena_printf(&run->cli->arena, "%d", ids[i]));
    }
    return true;
}

static bool list_names(struct configs_run *run, const struct kind *kind, struct names *out)
{
    struct cli_error error;
    bool ok = true;
    switch (kind->resource) {
    case CONFIG_TOPIC:
        if (run->uses_controller) {
            error.class_name = "org.apache.kafka.common.errors.UnsupportedEndpointTypeException";
            error.text = "This Admin API is not yet supported when communicating directly with the controller quorum.";
            ok = false;
        } else {
            ok = admin_list_topics(run->cli, run->client, true, &out->items, &out->count, &error);
        }
        break;
    case CONFIG_BROKER:
    case CONFIG_BROKER_LOGGER: return list_brokers(run, out);
    case CONFIG_CLIENT_METRICS:
        ok = admin_list_resources(run->cli, run->client, CONFIG_CLIENT_METRICS, &out->items, &out->count, &error);
        break;
    case CONFIG_GROUP: return list_groups(run, out);
    case CONFIG_QUOTA: break;
    }
    return ok || configs_fail_call(run, error);
}

// A named entity without --all must be one the cluster knows; *is_known is false after that was told.
static bool look_for(struct configs_run *run, const struct kind *kind, const char *name, bool *is_known)
{
    struct names names = {0};
    *is_known = true;
    if (kind->resource == CONFIG_TOPIC && !configs_check_topic(run, name)) return false;
    if (!list_names(run, kind, &names)) return false;
    bool found = *name == '\0' && (kind->resource == CONFIG_BROKER || kind->resource == CONFIG_BROKER_LOGGER);
    for (int32_t i = 0; i < names.count && !found; i++) found = slice_eq_str(names.items[i], name);
    if (found) return true;
    cli_out(run->cli, "The %.*s '%s' doesn't exist and doesn't have dynamic config.\n", singular(kind->type),
            kind->type, name);
    *is_known = false;
    return true;
}

static bool describe_resources(struct configs_run *run, const struct kind *kind)
{
    bool all = jopt_has(&run->options, CONFIGS_ALL);
    if (run->name_count > 0) {
        bool is_known = true;
        if (!all && !look_for(run, kind, run->names[0], &is_known)) return false;
        return !is_known || print_resource(run, kind->type, run->names[0], all);
    }
    struct names names = {0};
    if (!list_names(run, kind, &names)) return false;
    for (int32_t i = 0; i < names.count; i++) {
        if (!print_resource(run, kind->type, arena_str(&run->cli->arena, names.items[i]), all)) return false;
    }
    bool is_broker = kind->resource == CONFIG_BROKER || kind->resource == CONFIG_BROKER_LOGGER;
    return !is_broker || print_resource(run, kind->type, "", all);
}

// ---- quotas and credentials ------------------------------------------------------------------------------------

bool configs_get_quotas(struct configs_run *run, struct admin_quota **out, int32_t *count)
{
    struct admin_quota_part parts[ADMIN_QUOTA_PARTS] = {0};
    int part_count = 0;
    if (run->name_count > run->type_count) {
        return configs_fail_plain(run, "More entity names specified than entity types");
    }
    for (int i = 0; i < run->type_count && part_count < ADMIN_QUOTA_PARTS; i++) {
        struct admin_quota_part *part = &parts[part_count++];
        const char *type = run->types[i];
        part->type = strcmp(type, "users") == 0 ? "user" : strcmp(type, "clients") == 0 ? "client-id" : "ip";
        part->is_any = i >= run->name_count;
        if (!part->is_any && *run->names[i] != '\0') part->name = slice_str(run->names[i]);
    }
    struct cli_error error;
    return admin_describe_quotas(run->cli, run->client, parts, part_count, out, count, &error) ||
           configs_fail_call(run, error);
}

static void print_quota(struct cli *cli, const struct admin_quota *quota)
{
    static const char *const types[] = {"user", "client-id", "ip"};
    static const char *const shown[] = {"user-principal", "client-id", "ip"};
    const char *separator = "";
    cli_out(cli, "Quota configs for ");
    for (size_t t = 0; t < COUNT_OF(types); t++) {
        for (int i = 0; i < quota->part_count; i++) {
            const struct admin_quota_part *part = &quota->parts[i];
            if (strcmp(part->type, types[t]) != 0) continue;
            if (slice_is_null(part->name))
                cli_out(cli, "%sthe default %s", separator, shown[t]);
            else
                cli_out(cli, "%s%s '%.*s'", separator, shown[t], SLICE_FMT(part->name));
            separator = ", ";
        }
    }
    cli_out(cli, " are ");
    for (int32_t i = 0; i < quota->value_count; i++) {
        cli_out(cli, "%s%.*s=", i > 0 ? ", " : "", SLICE_FMT(quota->values[i].key));
        struct text text = {0};
        java_double(&text, quota->values[i].value);
        cli_out_bytes(cli, text_slice(&text));
        text_deinit(&text);
    }
    cli_out(cli, "\n");
}

static bool describe_quotas(struct configs_run *run)
{
    struct admin_quota *quotas;
    int32_t count;
    if (!configs_get_quotas(run, &quotas, &count)) return false;
    for (int32_t i = 0; i < count; i++) print_quota(run->cli, &quotas[i]);
    return true;
}

static bool describe_credentials(struct configs_run *run)
{
    struct cli *cli = run->cli;
    struct slice names[CONFIGS_ENTITIES_MAX];
    for (int i = 0; i < run->name_count; i++) {
        if (*run->names[i] == '\0') return true; // the default user has none
        names[i] = slice_str(run->names[i]);
    }
    struct admin_scram_user *users;
    int32_t count;
    struct cli_error error;
    if (!admin_describe_scram(cli, run->client, names, run->name_count, &users, &count, &error)) {
        return configs_fail_call(run, error);
    }
    for (int32_t i = 0; i < count; i++) {
        if (users[i].has_failed) {
            cli_out(cli,
                    "Error retrieving SCRAM credential configs for user-principal '%.*s': ExecutionException: %s: %s\n",
                    SLICE_FMT(users[i].name), users[i].error.class_name, users[i].error.text);
            continue;
        }
        cli_out(cli, "SCRAM credential configs for user-principal '%.*s' are ", SLICE_FMT(users[i].name));
        for (int32_t c = 0; c < users[i].credential_count; c++) {
            cli_out(cli, "%s%s=iterations=%d", c > 0 ? ", " : "", admin_scram_name(users[i].credentials[c].mechanism),
                    users[i].credentials[c].iterations);
        }
        cli_out(cli, "\n");
    }
    return true;
}

bool configs_describe(struct configs_run *run)
{
    const struct kind *kind = find_kind(run->types[0]);
    if (kind != NULL) return describe_resources(run, kind);
    if (!describe_quotas(run)) return false;
    return strcmp(run->types[0], "ips") == 0 || configs_has_type(run, "clients") || describe_credentials(run);
}
