// SPDX-License-Identifier: Apache-2.0
// kafka-features.sh (kafka-cli 16): the cluster's feature levels, and what goes with a release.
#include "cli/argparse.h"
#include "cli/features.h"
#include "cli/features_help.h"
#include "cli/java_order.h"
#include "proto/api_versions.h"
#include "proto/apis.h"
#include "proto/update_features.h"

#include <errno.h>
#include <stdlib.h>

enum { UPDATES_MAX = 64 };
enum { UPGRADE = 1, SAFE_DOWNGRADE = 2, UNSAFE_DOWNGRADE = 3 }; // UpdateFeatures' upgradeType

enum { MAIN_SERVER, MAIN_CONTROLLER, MAIN_CONFIG, MAIN_OPTIONS };
static const struct argparse_option main_options[MAIN_OPTIONS] = {
    [MAIN_SERVER] = {"bootstrap-server", 0, ARGPARSE_TEXT, false, 1},
    [MAIN_CONTROLLER] = {"bootstrap-controller", 0, ARGPARSE_TEXT, false, 1},
    [MAIN_CONFIG] = {"command-config", 0, ARGPARSE_TEXT, false, 0},
};

// Of upgrade, downgrade and disable; disable has no --metadata and no --release-version.
enum { CHANGE_FEATURE, CHANGE_DRY_RUN, CHANGE_UNSAFE, CHANGE_METADATA, CHANGE_RELEASE, CHANGE_OPTIONS };
static const struct argparse_option change_options[CHANGE_OPTIONS] = {
    [CHANGE_FEATURE] = {"feature", 0, ARGPARSE_TEXT, false, 0},
    [CHANGE_DRY_RUN] = {"dry-run", 0, ARGPARSE_FLAG, false, 0},
    [CHANGE_UNSAFE] = {"unsafe", 0, ARGPARSE_FLAG, false, 0},
    [CHANGE_METADATA] = {"metadata", 0, ARGPARSE_TEXT, false, 0},
    [CHANGE_RELEASE] = {"release-version", 0, ARGPARSE_TEXT, false, 0},
};
static const struct argparse_option upgrade_options[CHANGE_OPTIONS] = {
    [CHANGE_FEATURE] = {"feature", 0, ARGPARSE_TEXT, false, 0},
    [CHANGE_DRY_RUN] = {"dry-run", 0, ARGPARSE_FLAG, false, 0},
    [CHANGE_UNSAFE] = {"", 0, ARGPARSE_FLAG, false, 0}, // not there
    [CHANGE_METADATA] = {"metadata", 0, ARGPARSE_TEXT, false, 0},
    [CHANGE_RELEASE] = {"release-version", 0, ARGPARSE_TEXT, false, 0},
};
static const struct argparse_option node_option[] = {{"node-id", 0, ARGPARSE_INTEGER, false, 0}};
static const struct argparse_option release_option[] = {{"release-version", 0, ARGPARSE_TEXT, false, 0}};
static const struct argparse_option feature_option[] = {{"feature", 0, ARGPARSE_TEXT, true, 0}};

struct feature_update {
    const char *name;
    int level;
};

struct features_run {
    struct cli *cli;
    const struct argparse *args;
    const char *command;
    bool asks_controller;
    struct client *client;
    struct feature_update updates[UPDATES_MAX];
    int update_count;
    int upgrade_type;
};

static bool fail(struct features_run *run, const char *text)
{
    cli_err(run->cli, "%s\n", text);
    return false;
}

// What ExecutionException.getMessage() says.
static bool fail_call(struct features_run *run, struct cli_error error)
{
    return fail(run, arena_printf(&run->cli->arena, "%s: %s", error.class_name, error.text));
}

// ---- describe --------------------------------------------------------------------------------------------------

static const char *level_text(struct cli *cli, struct slice feature, int level)
{
    if (!slice_eq_str(feature, "metadata.version")) return arena_printf(&cli->arena, "%d", level);
    const struct metadata_version *version = metadata_version_of_level(level);
    return version != NULL ? version->name : arena_printf(&cli->arena, "UNKNOWN [%d]", level);
}

static int by_feature(const void *a, const void *b)
{
    const struct api_versions_response_supported_feature_key *x = a, *y = b;
    return slice_cmp(x->name, y->name);
}

static void print_features(struct cli *cli, const struct api_versions_response *answer)
{
    int32_t count = answer->supported_features.count;
    struct api_versions_response_supported_feature_key *sorted =
        ARENA_ARRAY(&cli->arena, struct api_versions_response_supported_feature_key, count + 1);
    if (count > 0) {
        memcpy(sorted, answer->supported_features.items, (size_t)count * sizeof(*sorted));
        qsort(sorted, (size_t)count, sizeof(*sorted), by_feature);
    }
    const char *epoch = "-";
    if (answer->finalized_features_epoch >= 0) {
        epoch = arena_printf(&cli->arena, "%lld", (long long)answer->finalized_features_epoch);
    }
    for (int32_t i = 0; i < count; i++) {
        int level = 0;
        for (int32_t k = 0; k < answer->finalized_features.count; k++) {
            if (slice_eq(answer->finalized_features.items[k].name, sorted[i].name)) {
                level = answer->finalized_features.items[k].max_version_level;
            }
        }
        cli_out(cli,
                "Feature: %-40s  SupportedMinVersion: %-15s  SupportedMaxVersion: %-15s  FinalizedVersionLevel: %-15s  "
                "Epoch: %s\n",
                arena_str(&cli->arena, sorted[i].name), level_text(cli, sorted[i].name, sorted[i].min_version),
                level_text(cli, sorted[i].name, sorted[i].max_version), level_text(cli, sorted[i].name, level), epoch);
    }
}

static bool describe(struct features_run *run)
{
    struct api_versions_request request = api_versions_request_init();
    request.client_software_name = SLICE("odradek");
    request.client_software_version = SLICE(KAFKA_VERSION);
    struct client_call call = {.api_key = API_API_VERSIONS, .node_id = CLIENT_ANY, .request = &request};
    if (run->args->given[0] > 0) call.node_id = (int)argparse_number(run->args, 0, CLIENT_ANY);
    struct cli_error error;
    if (!cli_call(run->cli, run->client, &call, "describeFeatures", &error)) return fail_call(run, error);
    const struct api_versions_response *answer = call.response;
    bool ok = answer->error_code == OK;
    if (ok) print_features(run->cli, answer);
    enum err e = (enum err)answer->error_code;
    client_call_deinit(&call);
    return ok || fail_call(run, cli_error_of(run->cli, e, SLICE_NULL));
}

// ---- upgrade, downgrade, disable -------------------------------------------------------------------------------

static bool add_update(struct features_run *run, const char *name, int level)
{
    struct arena *arena = &run->cli->arena;
    if (level < 1 && run->upgrade_type == UPGRADE) {
        return fail(run, arena_printf(arena,
                                      "The upgradeType flag should be set to SAFE_DOWNGRADE or UNSAFE_DOWNGRADE when "
                                      "the provided maxVersionLevel:%d is < 1.",
                                      level));
    }
    if (level < 0) return fail(run, "Cannot specify a negative version level.");
    for (int i = 0; i < run->update_count; i++) {
        if (strcmp(run->updates[i].name, name) != 0) continue;
        return fail(run, arena_printf(arena, "Feature %s was specified more than once.", name));
    }
    if (run->update_count == UPDATES_MAX) return fail(run, "Too many features at once.");
    run->updates[run->update_count++] = (struct feature_update){.name = name, .level = level};
    return true;
}

static bool parse_level(struct features_run *run, const char *word, const char **name, int *level)
{
    struct arena *arena = &run->cli->arena;
    const char *equals = strchr(word, '=');
    if (equals == NULL) {
        return fail(run, arena_printf(arena, "Can't parse feature=level string %s: equals sign not found.", word));
    }
    *name = arena_str(arena, cli_trimmed(slice_of(word, (size_t)(equals - word))));
    const char *text = arena_str(arena, cli_trimmed(slice_str(equals + 1)));
    int64_t value;
    if (!cli_parse_long(slice_str(text), &value) || value > INT16_MAX || value < INT16_MIN) {
        return fail(run, arena_printf(arena, "Can't parse feature=level string %s: unable to parse %s as a short.",
                                      word, text));
    }
    *level = (int)value;
    return true;
}

static bool choose_release(struct features_run *run, const char *release)
{
    const struct metadata_version *version = metadata_version_of_text(release);
    if (version == NULL) return fail(run, metadata_version_unknown(run->cli, release, true));
    if (!add_update(run, "metadata.version", version->level)) return false;
    for (int i = 0; i < FEATURE_COUNT; i++) {
        if (run->upgrade_type == UPGRADE && version->defaults[i] == 0) continue;
        if (!add_update(run, feature_names[i], version->defaults[i])) return false;
    }
    return true;
}

static bool choose_updates(struct features_run *run)
{
    const struct argparse *args = run->args;
    const char *metadata = argparse_value(args, CHANGE_METADATA), *release = argparse_value(args, CHANGE_RELEASE);
    if (release != NULL && (metadata != NULL || args->given[CHANGE_FEATURE] > 0)) {
        return fail(run, "Can not specify `release-version` with other feature flags.");
    }
    if (release != NULL) return choose_release(run, release);
    if (metadata != NULL) {
        cli_out(run->cli, " `metadata` flag is deprecated and may be removed in a future release.\n");
        const struct metadata_version *version = metadata_version_of_text(metadata);
        if (version == NULL) return fail(run, metadata_version_unknown(run->cli, metadata, true));
        if (!add_update(run, "metadata.version", version->level)) return false;
    }
    for (int i = 0; i < args->given[CHANGE_FEATURE]; i++) {
        const char *name;
        int level;
        if (!parse_level(run, args->values[CHANGE_FEATURE][i], &name, &level)) return false;
        if (!add_update(run, name, level)) return false;
    }
    return true;
}

static int by_update_name(const void *a, const void *b)
{
    const struct feature_update *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static struct slice update_name(const void *item)
{
    return slice_str(((const struct feature_update *)item)->name);
}

// The error of one feature, or of all; NULL: done.
static const char *update_problem(struct features_run *run, const struct update_features_response *answer,
                                  const char *name)
{
    struct cli *cli = run->cli;
    if (answer->error_code != OK) return cli_error_of(cli, (enum err)answer->error_code, answer->error_message).text;
    for (int32_t i = 0; i < answer->results.count; i++) {
        const struct update_features_response_updatable_feature_result *result = &answer->results.items[i];
        if (result->error_code == OK || !slice_eq_str(result->feature, name)) continue;
        return cli_error_of(cli, (enum err)result->error_code, result->error_message).text;
    }
    return NULL;
}

static void print_update(struct features_run *run, const struct feature_update *update, const char *problem)
{
    bool is_dry = run->args->given[CHANGE_DRY_RUN] > 0, disables = strcmp(run->command, "disable") == 0;
    const char *name = update->name;
    if (problem == NULL && disables)
        cli_out(run->cli, "%s %s disabled.\n", name, is_dry ? "can be" : "was");
    else if (problem == NULL)
        cli_out(run->cli, "%s %s %sd to %d.\n", name, is_dry ? "can be" : "was", run->command, update->level);
    else if (disables)
        cli_out(run->cli, "%s not disable %s. %s\n", is_dry ? "Can" : "Could", name, problem);
    else
        cli_out(run->cli, "%s not %s %s to %d. %s\n", is_dry ? "Can" : "Could", run->command, name, update->level,
                problem);
}

static bool send_updates(struct features_run *run)
{
    struct cli *cli = run->cli;
    int count = run->update_count;
    if (count == 0) {
        return fail(run, arena_printf(&cli->arena, "You must specify at least one feature to %s", run->command));
    }
    java_hash_order(run->updates, (size_t)count, sizeof(*run->updates), 16, update_name); // the first error is told
    struct update_features_request request = update_features_request_init();
    request.validate_only = run->args->given[CHANGE_DRY_RUN] > 0;
    request.feature_updates.items = ARENA_ARRAY(&cli->arena, struct update_features_request_feature_update_key, count);
    request.feature_updates.count = count;
    for (int i = 0; i < count; i++) {
        struct update_features_request_feature_update_key *next = &request.feature_updates.items[i];
        if (*run->updates[i].name == '\0') return fail(run, "Provided feature can not be empty.");
        next->feature = slice_str(run->updates[i].name);
        next->max_version_level = (int16_t)run->updates[i].level;
        next->upgrade_type = (int8_t)run->upgrade_type;
        next->allow_downgrade = false;
    }
    struct client_call call = {.api_key = API_UPDATE_FEATURES, .node_id = CLIENT_CONTROLLER, .request = &request};
    if (run->asks_controller) call.node_id = CLIENT_ANY;
    call.version_min = 1; // version 0 knows no dry run
    struct cli_error error;
    bool is_answered = cli_call(cli, run->client, &call, "updateFeatures", &error);
    int failed = 0;
    qsort(run->updates, (size_t)count, sizeof(*run->updates), by_update_name);
    for (int i = 0; i < count; i++) {
        const char *problem = is_answered ? update_problem(run, call.response, run->updates[i].name) : error.text;
        failed += problem != NULL;
        print_update(run, &run->updates[i], problem);
    }
    if (is_answered) client_call_deinit(&call);
    if (failed == 0) return true;
    return fail(run, arena_printf(&cli->arena, "%d out of %d operation(s) failed.", failed, count));
}

static bool upgrade(struct features_run *run)
{
    run->upgrade_type = UPGRADE;
    return choose_updates(run) && send_updates(run);
}

static bool downgrade(struct features_run *run)
{
    run->upgrade_type = run->args->given[CHANGE_UNSAFE] > 0 ? UNSAFE_DOWNGRADE : SAFE_DOWNGRADE;
    return choose_updates(run) && send_updates(run);
}

static bool disable(struct features_run *run)
{
    run->upgrade_type = run->args->given[CHANGE_UNSAFE] > 0 ? UNSAFE_DOWNGRADE : SAFE_DOWNGRADE;
    for (int i = 0; i < run->args->given[CHANGE_FEATURE]; i++) {
        if (!add_update(run, run->args->values[CHANGE_FEATURE][i], 0)) return false;
    }
    return send_updates(run);
}

// ---- version-mapping, feature-dependencies ---------------------------------------------------------------------

static bool version_mapping(struct features_run *run)
{
    return features_print_mapping(run->cli, argparse_value(run->args, 0));
}

static bool print_dependencies(struct features_run *run, const char *word)
{
    struct arena *arena = &run->cli->arena;
    const char *name;
    int level;
    if (!parse_level(run, word, &name, &level)) return false;
    switch (features_print_dependencies(run->cli, name, level)) {
    case FEATURES_PRINTED: return true;
    case FEATURES_UNKNOWN_VERSION: return fail(run, arena_printf(arena, "Unknown metadata.version %d", level));
    case FEATURES_UNKNOWN: return fail(run, arena_printf(arena, "Unknown feature: %s", name));
    case FEATURES_UNKNOWN_LEVEL:
        return fail(run, arena_printf(arena, "No feature:%s with feature level %d", name, level));
    }
    return false;
}

static bool dependencies(struct features_run *run)
{
    for (int i = 0; i < run->args->given[0]; i++) {
        if (!print_dependencies(run, run->args->values[0][i])) return false;
    }
    return true;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static const struct {
    const char *name;
    const char *help;
    const struct argparse_option *options;
    int option_count;
    bool asks_cluster;
    bool (*run)(struct features_run *run);
} commands[] = {
    {"describe", describe_help, node_option, 1, true, describe},
    {"upgrade", upgrade_help, upgrade_options, CHANGE_OPTIONS, true, upgrade},
    {"downgrade", downgrade_help, change_options, CHANGE_OPTIONS, true, downgrade},
    {"disable", disable_help, change_options, CHANGE_METADATA, true, disable},
    {"version-mapping", version_mapping_help, release_option, 1, false, version_mapping},
    {"feature-dependencies", feature_dependencies_help, feature_option, 1, false, dependencies},
};

static bool connect(struct features_run *run, const struct argparse *args)
{
    const char *bootstrap = argparse_value(args, MAIN_SERVER);
    run->asks_controller = bootstrap == NULL;
    if (bootstrap == NULL) bootstrap = argparse_value(args, MAIN_CONTROLLER);
    if (bootstrap == NULL) {
        (void)argparse_error(args, "You must specify either --bootstrap-controller or --bootstrap-server.");
        return false;
    }
    struct cli_thrown thrown;
    if (cli_connect(run->cli, argparse_value(args, MAIN_CONFIG), bootstrap, &run->client, &thrown)) return true;
    return fail(run, cli_thrown_text(run->cli, &thrown));
}

int tool_features(struct cli *cli, int argc, char **argv)
{
    struct argparse *args = ARENA_NEW(&cli->arena, struct argparse), *own = ARENA_NEW(&cli->arena, struct argparse);
    *args = (struct argparse){.cli = cli, .program = "kafka-features", .help = features_help, .errors_are_bare = true};
    args->options = main_options;
    args->option_count = MAIN_OPTIONS;
    args->has_commands = true;
    int code;
    if (!argparse_parse(args, argc, argv, &code)) return code;
    const char *word = argv[args->command_at];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(word, commands[i].name) != 0) continue;
        *own = (struct argparse){.cli = cli, .program = args->program, .errors_are_bare = true};
        own->help = commands[i].help;
        own->options = commands[i].options;
        own->option_count = commands[i].option_count;
        if (!argparse_parse(own, argc - args->command_at, argv + args->command_at, &code)) return code;
        struct features_run *run = ARENA_NEW(&cli->arena, struct features_run);
        run->cli = cli;
        run->args = own;
        run->command = word;
        bool ok = (!commands[i].asks_cluster || connect(run, args)) && commands[i].run(run);
        if (run->client != NULL) client_free(run->client);
        return ok ? 0 : 1;
    }
    return argparse_error(args, arena_printf(&cli->arena,
                                             "invalid choice: '%s' (choose from 'describe', 'upgrade', 'downgrade', "
                                             "'disable', 'version-mapping', 'feature-dependencies')",
                                             word));
}
