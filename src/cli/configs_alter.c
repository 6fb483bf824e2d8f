// SPDX-License-Identifier: Apache-2.0
// kafka-configs.sh --alter.
#include "cli/configs_int.h"
#include "cli/java_order.h"
#include "cli/options_configs.h"

#include <stdlib.h>

// What --add-config and --delete-config say.
struct changes {
    struct props added;
    struct slice *deleted;
    int32_t deleted_count;
};

// ---- parsing ---------------------------------------------------------------------------------------------------

static struct slice trimmed(struct slice text)
{
    while (text.size > 0 && text.data[0] <= ' ') text = slice_of(text.data + 1, text.size - 1);
    while (text.size > 0 && text.data[text.size - 1] <= ' ') text.size--;
    return text;
}

// Not inside brackets: from `at` on the next bracket is one that opens, or there is none.
static bool is_outside(struct slice text, size_t at)
{
    for (; at < text.size; at++) {
        if (text.data[at] == ']') return false;
        if (text.data[at] == '[') return true;
    }
    return true;
}

// The size of the piece of `text` that starts at `from` and ends at a `separator` outside brackets.
static size_t piece_size(struct slice text, size_t from, char separator)
{
    for (size_t i = from; i < text.size; i++) {
        if (text.data[i] == (uint8_t)separator && is_outside(text, i + 1)) return i - from;
    }
    return text.size - from;
}

static struct slice without_brackets(struct cli *cli, struct slice text)
{
    char *out = arena_alloc(&cli->arena, text.size + 1);
    size_t size = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] != '[' && text.data[i] != ']') out[size++] = (char)text.data[i];
    }
    return trimmed(slice_of(out, size));
}

bool configs_parse_added(struct cli *cli, struct slice text, struct props *out)
{
    struct slice rest = text;
    while (rest.size > 0 && rest.data[rest.size - 1] == ',') rest.size--; // Java's split drops empty ends
    for (size_t at = 0; at <= rest.size;) {
        size_t size = piece_size(rest, at, ',');
        struct slice pair = slice_of(rest.data + at, size);
        size_t name_size = piece_size(pair, 0, '=');
        if (name_size == pair.size) return false;
        struct slice name = slice_of(pair.data, name_size);
        struct slice value = slice_of(pair.data + name_size + 1, pair.size - name_size - 1);
        if (piece_size(value, 0, '=') != value.size) return false;
        props_put(out, cli, trimmed(name), without_brackets(cli, value));
        at += size + 1;
    }
    return true;
}

bool configs_parse_scram(struct slice text, struct slice *iterations, struct slice *password)
{
    static const char with[] = "iterations=", word[] = "password=";
    *iterations = SLICE_NULL;
    if (text.size > sizeof(with) - 1 && memcmp(text.data, with, sizeof(with) - 1) == 0) {
        size_t at = sizeof(with) - 1, start = at;
        if (text.data[at] == '-') at++;
        while (at < text.size && text.data[at] >= '0' && text.data[at] <= '9') at++;
        if (at == text.size || text.data[at] != ',') return false;
        *iterations = slice_of(text.data + start, at - start);
        text = slice_of(text.data + at + 1, text.size - at - 1);
    }
    if (text.size < sizeof(word) - 1 || memcmp(text.data, word, sizeof(word) - 1) != 0) return false;
    *password = slice_of(text.data + sizeof(word) - 1, text.size - (sizeof(word) - 1));
    return true;
}

static struct slice pair_name(const void *item)
{
    return ((const struct config_pair *)item)->name;
}

static bool is_key(struct slice name)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = (char)name.data[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
                    c == '_' || c == '-' || c == '$';
        if (!fits) return false;
    }
    return true;
}

static bool parse_added(struct configs_run *run, struct changes *changes)
{
    struct cli *cli = run->cli;
    const char *file, *text;
    if (!jopt_value(&run->options, CONFIGS_ADD_CONFIG_FILE, &file) ||
        !jopt_value(&run->options, CONFIGS_ADD_CONFIG, &text)) {
        return configs_fail_plain(run, run->options.problem);
    }
    if (file != NULL && props_load(&changes->added, cli, file) != OK) {
        run->thrown = cli_thrown((struct cli_error){"java.nio.file.NoSuchFileException", file});
        return false;
    }
    if (text != NULL && !configs_parse_added(cli, slice_str(text), &changes->added)) {
        return configs_fail_plain(run,
                                  "requirement failed: Invalid entity config: all configs to be added must be in the "
                                  "format \"key=val\" or  \"key=[val1,val2]\" to group values which contain commas.");
    }
    java_hash_order(changes->added.items, changes->added.count, sizeof(*changes->added.items), 16, pair_name);
    for (size_t i = 0; i < changes->added.count; i++) {
        struct slice name = changes->added.items[i].name;
        if (is_key(name)) continue;
        return configs_fail_plain(
            run, arena_printf(&cli->arena, "Invalid character found for config key: %.*s", SLICE_FMT(name)));
    }
    return true;
}

static void parse_deleted(struct configs_run *run, struct changes *changes)
{
    const struct jopt *options = &run->options;
    size_t most = 0;
    for (int i = 0; i < jopt_count(options, CONFIGS_DELETE_CONFIG); i++) {
        most += strlen(jopt_at(options, CONFIGS_DELETE_CONFIG, i)) + 1;
    }
    changes->deleted = ARENA_ARRAY(&run->cli->arena, struct slice, most + 1);
    for (int i = 0; i < jopt_count(options, CONFIGS_DELETE_CONFIG); i++) {
        struct slice rest = slice_str(jopt_at(options, CONFIGS_DELETE_CONFIG, i));
        while (rest.size > 0) {
            const uint8_t *comma = memchr(rest.data, ',', rest.size);
            size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
            if (size > 0) changes->deleted[changes->deleted_count++] = trimmed(slice_of(rest.data, size));
            size_t step = size + (comma != NULL);
            rest = slice_of(rest.data + step, rest.size - step);
        }
    }
}

// ---- resources -------------------------------------------------------------------------------------------------

static bool has_config(const struct admin_config *configs, int32_t count, struct slice name)
{
    for (int32_t i = 0; i < count; i++) {
        if (slice_eq(configs[i].name, name)) return true;
    }
    return false;
}

static const char *add_word(struct cli *cli, const char *list, const char *separator, struct slice word)
{
    return arena_printf(&cli->arena, "%s%s%.*s", list, *list == '\0' ? "" : separator, SLICE_FMT(word));
}

static bool check_loggers(struct configs_run *run, const struct changes *changes)
{
    struct admin_config *known;
    int32_t count;
    if (!configs_get(run, run->types[0], run->names[0], false, false, &known, &count)) return false;
    const char *unknown = "";
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        if (has_config(known, count, changes->deleted[i])) continue;
        unknown = add_word(run->cli, unknown, ",", changes->deleted[i]);
    }
    for (size_t i = 0; i < changes->added.count; i++) {
        if (has_config(known, count, changes->added.items[i].name)) continue;
        unknown = add_word(run->cli, unknown, ",", changes->added.items[i].name);
    }
    if (*unknown == '\0') return true;
    return configs_fail_plain(run, arena_printf(&run->cli->arena, "Invalid broker logger(s): %s", unknown));
}

static bool alter_resource(struct configs_run *run, enum config_resource resource, const struct changes *changes)
{
    struct cli *cli = run->cli;
    const char *name = run->names[0];
    if (resource == CONFIG_BROKER && *name != '\0' && !configs_check_broker(run, name, run->types[0])) return false;
    if (resource == CONFIG_BROKER_LOGGER && !check_loggers(run, changes)) return false;
    size_t most = (size_t)changes->deleted_count + changes->added.count + 1;
    struct admin_change *items = ARENA_ARRAY(&cli->arena, struct admin_change, most);
    int32_t count = 0;
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        items[count++] = (struct admin_change){changes->deleted[i], SLICE(""), ADMIN_DELETE};
    }
    for (size_t i = 0; i < changes->added.count; i++) {
        items[count++] = (struct admin_change){changes->added.items[i].name, changes->added.items[i].value, ADMIN_SET};
    }
    struct cli_error error;
    if (admin_alter_configs(cli, run->client, resource, slice_str(name), items, count, &error)) return true;
    if (strcmp(error.class_name, "org.apache.kafka.common.errors.UnsupportedVersionException") != 0) {
        return configs_fail_call(run, error);
    }
    return configs_fail_plain(run,
                              "The INCREMENTAL_ALTER_CONFIGS API is not supported by the cluster. The API is supported "
                              "starting from version 2.3.0. You may want to use an older version of this tool to "
                              "interact with your cluster, or upgrade your brokers to version 2.3.0 or newer to avoid "
                              "this error.");
}

// ---- quotas and credentials ------------------------------------------------------------------------------------

static bool is_client_quota(struct slice name)
{
    return slice_eq_str(name, "producer_byte_rate") || slice_eq_str(name, "consumer_byte_rate") ||
           slice_eq_str(name, "request_percentage") || slice_eq_str(name, "controller_mutation_rate");
}

// Names that a user or client cannot have, "a, b"; with `scram_too` credentials count as such.
static const char *unknown_added(struct configs_run *run, const struct changes *changes, bool scram_too)
{
    const char *list = "";
    for (int pass = 0; pass < 2; pass++) { // credentials behind the others
        for (size_t i = 0; i < changes->added.count; i++) {
            struct slice name = changes->added.items[i].name;
            bool is_scram = admin_scram_find(name) != 0;
            if (is_client_quota(name) || is_scram != (pass == 1) || (is_scram && !scram_too)) continue;
            list = add_word(run->cli, list, ", ", name);
        }
    }
    return list;
}

static const char *unknown_deleted(struct configs_run *run, const struct changes *changes, bool scram_too)
{
    const char *list = "";
    for (int pass = 0; pass < 2; pass++) {
        for (int32_t i = 0; i < changes->deleted_count; i++) {
            bool is_scram = admin_scram_find(changes->deleted[i]) != 0;
            if (is_client_quota(changes->deleted[i]) || is_scram != (pass == 1) || (is_scram && !scram_too)) continue;
            list = add_word(run->cli, list, ", ", changes->deleted[i]);
        }
    }
    return list;
}

static bool check_names(struct configs_run *run, const struct changes *changes, bool is_client)
{
    const char *kinds = is_client ? "quota" : "quota and SCRAM credential";
    const char *type = is_client ? "clients" : "users";
    const char *unknown = unknown_added(run, changes, is_client);
    const char *format = "Only %s configs can be %s for '%s' using --bootstrap-server. Unexpected config names: %s(%s)";
    if (*unknown != '\0') {
        return configs_fail_plain(run, arena_printf(&run->cli->arena, format, kinds, "added", type, "Set", unknown));
    }
    unknown = unknown_deleted(run, changes, is_client);
    if (*unknown == '\0') return true;
    return configs_fail_plain(run,
                              arena_printf(&run->cli->arena, format, kinds, "deleted", type, "ArrayBuffer", unknown));
}

// Double.parseDouble.
static bool parse_double(struct cli *cli, struct slice text, double *out)
{
    char *word = arena_str(&cli->arena, trimmed(text));
    size_t size = strlen(word);
    if (size > 1 && strchr("dDfF", word[size - 1]) != NULL) word[size - 1] = '\0';
    const char *start = word + (*word == '-' || *word == '+');
    bool is_word = strcmp(start, "NaN") == 0 || strcmp(start, "Infinity") == 0;
    if (!is_word && !((*start >= '0' && *start <= '9') || *start == '.')) return false;
    char *end;
    *out = strtod(word, &end);
    return end != word && *end == '\0';
}

static bool alter_quotas(struct configs_run *run, const struct changes *changes)
{
    struct cli *cli = run->cli;
    struct admin_quota *old;
    int32_t old_count;
    if (run->type_count != run->name_count) {
        return configs_fail_plain(run, "Exactly one entity name must be specified for every entity type");
    }
    if (!configs_get_quotas(run, &old, &old_count)) return false;
    const char *unset = "";
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        bool is_set = false;
        for (int32_t v = 0; old_count > 0 && v < old[0].value_count; v++) {
            is_set = is_set || slice_eq(old[0].values[v].key, changes->deleted[i]);
        }
        if (!is_set) unset = add_word(cli, unset, ",", changes->deleted[i]);
    }
    if (*unset != '\0') return configs_fail_plain(run, arena_printf(&cli->arena, "Invalid config(s): %s", unset));
    struct admin_quota quota = {0};
    for (int i = 0; i < run->type_count && i < ADMIN_QUOTA_PARTS; i++) {
        const char *type = run->types[i];
        struct admin_quota_part *part = &quota.parts[quota.part_count++];
        part->type = strcmp(type, "users") == 0 ? "user" : strcmp(type, "clients") == 0 ? "client-id" : "ip";
        if (*run->names[i] != '\0') part->name = slice_str(run->names[i]);
    }
    size_t most = (size_t)changes->deleted_count + changes->added.count + 1;
    quota.values = ARENA_ARRAY(&cli->arena, struct admin_quota_value, most);
    for (size_t i = 0; i < changes->added.count; i++) {
        const struct config_pair *pair = &changes->added.items[i];
        struct admin_quota_value *value = &quota.values[quota.value_count++];
        value->key = pair->name;
        if (parse_double(cli, pair->value, &value->value)) continue;
        return configs_fail_plain(run,
                                  arena_printf(&cli->arena, "Cannot parse quota configuration value for %.*s: %.*s",
                                               SLICE_FMT(pair->name), SLICE_FMT(pair->value)));
    }
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        quota.values[quota.value_count++] = (struct admin_quota_value){.key = changes->deleted[i], .is_removed = true};
    }
    struct cli_error error;
    return admin_alter_quota(cli, run->client, &quota, &error) || configs_fail_call(run, error);
}

enum { SCRAM_ITERATIONS = 4096 }; // the default and the least

static bool parse_credential(struct configs_run *run, const struct config_pair *pair, struct admin_scram_change *out)
{
    struct arena *arena = &run->cli->arena;
    struct slice iterations;
    *out = (struct admin_scram_change){.mechanism = admin_scram_find(pair->name), .iterations = SCRAM_ITERATIONS};
    if (!configs_parse_scram(pair->value, &iterations, &out->password)) {
        const char *name = out->mechanism == ADMIN_SCRAM_SHA_256 ? "SCRAM_SHA_256" : "SCRAM_SHA_512";
        return configs_fail_plain(
            run, arena_printf(arena, "Invalid credential property %s=%.*s", name, SLICE_FMT(pair->value)));
    }
    if (!slice_is_null(iterations) && !slice_eq_str(iterations, "-1")) {
        int64_t number;
        if (!cli_parse_long(iterations, &number) || number > INT32_MAX || number < INT32_MIN) {
            return configs_fail_plain(run, arena_printf(arena, "For input string: \"%.*s\"", SLICE_FMT(iterations)));
        }
        out->iterations = (int32_t)number;
    }
    if (out->iterations >= SCRAM_ITERATIONS) return true;
    return configs_fail_plain(run, arena_printf(arena, "Iterations %d is less than the minimum %d required for %.*s",
                                                out->iterations, SCRAM_ITERATIONS, SLICE_FMT(pair->name)));
}

static bool alter_credentials(struct configs_run *run, const struct changes *changes)
{
    struct cli *cli = run->cli;
    size_t most = (size_t)changes->deleted_count + changes->added.count + 1;
    struct admin_scram_change *items = ARENA_ARRAY(&cli->arena, struct admin_scram_change, most);
    int32_t count = 0;
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        items[count++] =
            (struct admin_scram_change){.mechanism = admin_scram_find(changes->deleted[i]), .is_removed = true};
    }
    for (size_t i = 0; i < changes->added.count; i++) {
        if (!parse_credential(run, &changes->added.items[i], &items[count++])) return false;
    }
    struct cli_error error;
    return admin_alter_scram(cli, run->client, slice_str(run->names[0]), items, count, &error) ||
           configs_fail_call(run, error);
}

static bool alter_user_or_client(struct configs_run *run, const struct changes *changes)
{
    bool is_client = strcmp(run->types[0], "clients") == 0 || run->type_count == 2;
    if (!check_names(run, changes, is_client)) return false;
    bool has_quota = false, has_scram = false, has_default = false;
    for (size_t i = 0; i < changes->added.count; i++) {
        has_quota = has_quota || is_client_quota(changes->added.items[i].name);
        has_scram = has_scram || admin_scram_find(changes->added.items[i].name) != 0;
    }
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        has_quota = has_quota || is_client_quota(changes->deleted[i]);
        has_scram = has_scram || admin_scram_find(changes->deleted[i]) != 0;
    }
    for (int i = 0; i < run->name_count; i++) has_default = has_default || *run->names[i] == '\0';
    if (has_scram && has_default) {
        return configs_fail_plain(run, "The use of --entity-default or --user-defaults is not allowed with User SCRAM "
                                       "Credentials using --bootstrap-server.");
    }
    if (has_scram && has_quota) {
        return configs_fail_plain(run,
                                  "Cannot alter both quota and SCRAM credential configs simultaneously for 'users' "
                                  "using --bootstrap-server.");
    }
    return has_quota ? alter_quotas(run, changes) : alter_credentials(run, changes);
}

static bool alter_ip(struct configs_run *run, const struct changes *changes)
{
    const char *unknown = "";
    for (size_t i = 0; i < changes->added.count; i++) {
        struct slice name = changes->added.items[i].name;
        if (!slice_eq_str(name, "connection_creation_rate")) unknown = add_word(run->cli, unknown, ",", name);
    }
    for (int32_t i = 0; i < changes->deleted_count; i++) {
        struct slice name = changes->deleted[i];
        if (!slice_eq_str(name, "connection_creation_rate")) unknown = add_word(run->cli, unknown, ",", name);
    }
    if (*unknown == '\0') return alter_quotas(run, changes);
    return configs_fail_plain(run, arena_printf(&run->cli->arena,
                                                "Only connection quota configs can be added for 'ips' using "
                                                "--bootstrap-server. Unexpected config names: %s",
                                                unknown));
}

bool configs_alter(struct configs_run *run)
{
    struct changes changes = {0};
    if (!parse_added(run, &changes)) return false;
    parse_deleted(run, &changes);
    const char *type = run->types[0], *name = run->names[0];
    enum config_resource resource;
    bool ok;
    if (configs_resource(type, &resource))
        ok = alter_resource(run, resource, &changes);
    else
        ok = strcmp(type, "ips") == 0 ? alter_ip(run, &changes) : alter_user_or_client(run, &changes);
    if (!ok) return false;
    if (*name != '\0')
        cli_out(run->cli, "Completed updating config for %.*s %s.\n", (int)strlen(type) - 1, type, name);
    else
        cli_out(run->cli, "Completed updating default config for %s in the cluster.\n", type);
    return true;
}
