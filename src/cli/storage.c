// SPDX-License-Identifier: Apache-2.0
// kafka-storage.sh (kafka-cli 14): info, format, version-mapping, feature-dependencies, random-uuid; and
// recover, which is ours and therefore in none of Kafka's help texts.
#include "cli/argparse.h"
#include "cli/features.h"
#include "cli/storage_help.h"
#include "cli/storage_recover.h"
#include "cli/storage_scram.h"

#include <errno.h>
#include <stdlib.h>

enum { FEATURES_MAX = 32, SCRAM_VERSION_MIN = 11 }; // 3.5-IV2

// ---- the node's configuration ----------------------------------------------------------------------------------

static bool load_config(struct cli *cli, const char *path, const struct config **out)
{
    struct config_sources sources = {0};
    if (cli_read_file(cli, path, &sources.file) != OK) {
        return cli_uncaught(cli, "java.nio.file.NoSuchFileException", path), false;
    }
    struct config_report report = {0};
    if (config_build(&sources, &cli->arena, out, &report) == OK) return true;
    return cli_uncaught(cli, "org.apache.kafka.common.config.ConfigException", report.error), false;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

// log.dirs and metadata.log.dir, each once, sorted.
static int directories(struct cli *cli, const struct config *config, const char ***out)
{
    struct config_list dirs = config_log_dirs(config);
    const char **list = ARENA_ARRAY(&cli->arena, const char *, dirs.count + 1);
    int count = 0;
    for (size_t i = 0; i <= dirs.count; i++) {
        const char *dir = i < dirs.count ? dirs.items[i] : config_metadata_log_dir(config);
        bool is_new = dir != NULL;
        for (int j = 0; j < count; j++) is_new = is_new && strcmp(list[j], dir) != 0;
        if (is_new) list[count++] = dir;
    }
    qsort(list, (size_t)count, sizeof(*list), by_text);
    *out = list;
    return count;
}

// ---- info ------------------------------------------------------------------------------------------------------

struct found_metadata {
    struct props props;
    bool is_there;
};

static struct slice pair_name(const struct config_pair *pair)
{
    return pair->name;
}

static int by_name(const void *a, const void *b)
{
    return slice_cmp(pair_name(a), pair_name(b));
}

static bool differs(const struct props *a, const struct props *b, const char *name)
{
    return !slice_eq(props_get(a, name), props_get(b, name));
}

// Looks at one directory; false: `problems` has what is wrong.
static bool inspect(struct cli *cli, const char *dir, struct text *problems, bool *is_dir, struct found_metadata *first)
{
    struct file_stat stat;
    *is_dir = false;
    enum err e = fs_stat(cli->host->fs, dir, &stat);
    if (e != OK || stat.kind != FILE_DIRECTORY) {
        text_printf(problems, "  %s %s\n", dir, e == OK ? "is not a directory" : "does not exist");
        return false;
    }
    *is_dir = true;
    const char *path = arena_printf(&cli->arena, "%s/meta.properties", dir);
    if (fs_stat(cli->host->fs, path, &stat) != OK) {
        text_printf(problems, "  %s is not formatted.\n", dir);
        return false;
    }
    struct props props = {0};
    e = props_load(&props, cli, path);
    if (e == OK && slice_is_null(props_get(&props, "cluster.id"))) e = ERR_CORRUPT;
    if (e != OK) {
        text_printf(problems, "  Error loading %s: %s\n", path, err_text(e));
        return false;
    }
    if (!first->is_there) {
        *first = (struct found_metadata){.props = props, .is_there = true};
    } else if (differs(&first->props, &props, "cluster.id")) {
        text_add_str(problems, "  Mismatched cluster IDs between storage directories.\n");
    } else if (differs(&first->props, &props, "node.id")) {
        text_add_str(problems, "  Mismatched node IDs between storage directories.\n");
    }
    return true;
}

static void print_metadata(struct cli *cli, struct props *props)
{
    qsort(props->items, props->count, sizeof(*props->items), by_name);
    cli_out(cli, "Found metadata: {");
    for (size_t i = 0; i < props->count; i++) {
        cli_out(cli, "%s%.*s=%.*s", i > 0 ? ", " : "", SLICE_FMT(props->items[i].name),
                SLICE_FMT(props->items[i].value));
    }
    cli_out(cli, "}\n\n");
}

static int info(struct cli *cli, const struct argparse *args)
{
    const struct config *config;
    if (!load_config(cli, argparse_value(args, 0), &config)) return 1;
    const char **dirs;
    int count = directories(cli, config, &dirs), found = 0, problem_count = 0;
    struct text problems = {0}, list = {0};
    struct found_metadata first = {0};
    for (int i = 0; i < count; i++) {
        bool is_dir;
        (void)inspect(cli, dirs[i], &problems, &is_dir, &first);
        if (is_dir) text_printf(&list, "  %s\n", dirs[i]);
        found += is_dir;
    }
    for (size_t i = 0; i < problems.size; i++) problem_count += problems.data[i] == '\n';
    if (found > 0) cli_out(cli, "Found log director%s:\n%s\n", found == 1 ? "y" : "ies", text_cstr(&list));
    if (first.is_there) print_metadata(cli, &first.props);
    if (problem_count > 0) cli_out(cli, "Found problem%s:\n%s\n", problem_count == 1 ? "" : "s", text_cstr(&problems));
    text_deinit(&problems);
    text_deinit(&list);
    return problem_count > 0;
}

// ---- format ----------------------------------------------------------------------------------------------------

enum {
    FORMAT_CONFIG,
    FORMAT_CLUSTER_ID,
    FORMAT_ADD_SCRAM,
    FORMAT_IGNORE_FORMATTED,
    FORMAT_RELEASE_VERSION,
    FORMAT_FEATURE,
    FORMAT_STANDALONE,
    FORMAT_NO_INITIAL_CONTROLLERS,
    FORMAT_INITIAL_CONTROLLERS,
    FORMAT_OPTIONS,
};

static const struct argparse_option format_options[FORMAT_OPTIONS] = {
    [FORMAT_CONFIG] = {"config", 'c', true, true, 0},
    [FORMAT_CLUSTER_ID] = {"cluster-id", 't', true, true, 0},
    [FORMAT_ADD_SCRAM] = {"add-scram", 'S', true, false, 0},
    [FORMAT_IGNORE_FORMATTED] = {"ignore-formatted", 'g', false, false, 0},
    [FORMAT_RELEASE_VERSION] = {"release-version", 'r', true, false, 0},
    [FORMAT_FEATURE] = {"feature", 'f', true, false, 0},
    [FORMAT_STANDALONE] = {"standalone", 's', false, false, 1},
    [FORMAT_NO_INITIAL_CONTROLLERS] = {"no-initial-controllers", 'N', false, false, 1},
    [FORMAT_INITIAL_CONTROLLERS] = {"initial-controllers", 'I', true, false, 1},
};

struct formatting {
    struct cli *cli;
    const struct argparse *args;
    const struct config *config;
    struct cli_format format;
    const struct metadata_version *version;
    int16_t levels[FEATURE_COUNT];
    struct cli_format_feature features[FEATURE_COUNT];
    struct cli_format_voter *voters;
};

// One line on standard error. False.
static bool terse(struct formatting *f, const char *text)
{
    cli_err(f->cli, "%s\n", text);
    return false;
}

static bool parse_level(struct cli *cli, const char *word, const char **name, int *level)
{
    const char *equals = strchr(word, '=');
    if (equals == NULL) return false;
    *name = arena_str(&cli->arena, slice_of(word, (size_t)(equals - word)));
    char *end;
    errno = 0;
    long value = strtol(equals + 1, &end, 10);
    if (equals[1] == '\0' || *end != '\0' || errno != 0 || value > INT16_MAX || value < INT16_MIN) return false;
    *level = (int)value;
    return true;
}

static bool unsupported_feature(struct formatting *f, const char *name)
{
    const char *sorted[FEATURE_COUNT];
    memcpy(sorted, feature_names, sizeof(sorted));
    qsort(sorted, FEATURE_COUNT, sizeof(*sorted), by_text);
    struct text list = {0};
    for (int i = 0; i < FEATURE_COUNT; i++) text_printf(&list, "%s%s", i > 0 ? ", " : "", sorted[i]);
    const char *text =
        arena_printf(&f->cli->arena, "Unsupported feature: %s. Supported features are: %s", name, text_cstr(&list));
    text_deinit(&list);
    return terse(f, text);
}

static bool choose_versions(struct formatting *f)
{
    const char *release = argparse_value(f->args, FORMAT_RELEASE_VERSION);
    f->version = metadata_version_of_level(METADATA_VERSION_LATEST);
    if (release != NULL) {
        f->version = metadata_version_of_text(release);
        if (f->version == NULL || f->version->level > METADATA_VERSION_LATEST) {
            return terse(f, metadata_version_unknown(f->cli, release, false));
        }
    }
    int given[FEATURE_COUNT];
    for (int i = 0; i < FEATURE_COUNT; i++) given[i] = -1;
    for (int i = 0; i < f->args->given[FORMAT_FEATURE]; i++) {
        const char *word = f->args->values[FORMAT_FEATURE][i], *name;
        int level;
        if (!parse_level(f->cli, word, &name, &level)) {
            const char *why = strchr(word, '=') == NULL ? "equals sign not found" : "unable to parse level";
            const char *text = arena_printf(&f->cli->arena, "Can't parse feature=level string %s: %s.", word, why);
            return cli_uncaught(f->cli, "java.lang.RuntimeException", text), false;
        }
        enum feature feature = feature_find(name);
        if (strcmp(name, "metadata.version") == 0) {
            if (release != NULL) {
                return terse(f, "Use --release-version instead of --feature metadata.version=X to avoid ambiguity.");
            }
            f->version = metadata_version_of_level(level);
            if (f->version == NULL) return terse(f, arena_printf(&f->cli->arena, "Unknown metadata.version %d", level));
        } else if (feature == FEATURE_COUNT) {
            return unsupported_feature(f, name);
        } else {
            given[feature] = level;
        }
    }
    if (f->version->level > METADATA_VERSION_LATEST) {
        return terse(f, arena_printf(&f->cli->arena, "metadata.version %s is not yet stable.", f->version->name));
    }
    for (int i = 0; i < FEATURE_COUNT; i++) {
        f->levels[i] = given[i] >= 0 ? (int16_t)given[i] : f->version->defaults[i];
        if (f->levels[i] <= feature_levels_max[i]) continue;
        const char *text =
            arena_printf(&f->cli->arena, "No feature:%s with feature level %d", feature_names[i], f->levels[i]);
        return cli_uncaught(f->cli, "java.lang.IllegalArgumentException", text), false;
    }
    return true;
}

static bool bad_voter(struct formatting *f, const char *text)
{
    return cli_uncaught(f->cli, "java.lang.IllegalArgumentException", text), false;
}

// "id@host:port:directory", with Java's complaints.
static bool parse_voter(struct formatting *f, struct slice text, struct cli_format_voter *out)
{
    char *word = arena_str(&f->cli->arena, text);
    char *at = strchr(word, '@'), *end;
    if (at == NULL) return bad_voter(f, "No @ found in dynamic voter string.");
    if (at == word) return bad_voter(f, "Invalid @ at beginning of dynamic voter string.");
    long id = strtol(word, &end, 10);
    if (end != at || id > INT32_MAX) return bad_voter(f, "Failed to parse node id in dynamic voter string.");
    if (id < 0) {
        return bad_voter(f, arena_printf(&f->cli->arena, "Invalid negative node id %ld in dynamic voter string.", id));
    }
    char *host = at + 1, *colon;
    if (*host == '\0') return bad_voter(f, "No hostname found after node id.");
    if (*host == '[') {
        char *bracket = strchr(++host, ']');
        if (bracket == NULL) return bad_voter(f, "Hostname began with left bracket, but no right bracket was found.");
        *bracket = '\0';
        colon = bracket + 1;
        if (*colon != ':') return bad_voter(f, "Port section must start with a colon.");
    } else {
        colon = strchr(host, ':');
        if (colon == NULL) return bad_voter(f, "No colon following hostname could be found.");
        *colon = '\0';
    }
    char *directory = strchr(colon + 1, ':');
    if (directory == NULL) return bad_voter(f, "No colon following port could be found.");
    long port = strtol(colon + 1, &end, 10);
    if (end != directory || end == colon + 1) return bad_voter(f, "Failed to parse port in dynamic voter string.");
    if (port < 0 || port > 65535) {
        return bad_voter(f, arena_printf(&f->cli->arena, "Invalid port %ld in dynamic voter string.", port));
    }
    if (uuid_parse(slice_str(directory + 1), &out->directory_id) != OK) {
        return bad_voter(f, "Failed to parse directory ID in dynamic voter string.");
    }
    out->id = (int32_t)id;
    out->host = slice_str(host);
    out->port = (uint16_t)port;
    return true;
}

static bool parse_voters(struct formatting *f, const char *list)
{
    struct slice rest = slice_str(list);
    f->voters = ARENA_ARRAY(&f->cli->arena, struct cli_format_voter, rest.size + 1);
    while (rest.size > 0) {
        const uint8_t *comma = memchr(rest.data, ',', rest.size);
        size_t size = comma == NULL ? rest.size : (size_t)(comma - rest.data);
        if (size > 0 && !parse_voter(f, slice_of(rest.data, size), &f->voters[f->format.voter_count++])) return false;
        size_t step = size + (comma != NULL);
        rest = slice_of(rest.data + step, rest.size - step);
    }
    f->format.voters = f->voters;
    return true;
}

static const struct config_listener *controller_listener(const struct config *config)
{
    struct config_listeners listeners = config_get_listeners(config);
    for (size_t i = 0; i < listeners.count; i++) {
        if (listeners.items[i].is_controller) return &listeners.items[i];
    }
    return NULL;
}

static bool choose_voters(struct formatting *f)
{
    const struct argparse *args = f->args;
    const struct config_listener *listener = controller_listener(f->config);
    bool has_static = config_quorum_voters(f->config).count > 0;
    const char *initial = argparse_value(args, FORMAT_INITIAL_CONTROLLERS);
    if (listener != NULL) f->format.controller_listener = slice_str(listener->name);
    if (has_static && (args->given[FORMAT_STANDALONE] > 0 || initial != NULL)) {
        return terse(f, "You cannot specify controller.quorum.voters and format the node with --initial-controllers or "
                        "--standalone. If you want to use dynamic quorum, please remove controller.quorum.voters and "
                        "specify controller.quorum.bootstrap.servers instead.");
    }
    if (initial != NULL) return parse_voters(f, initial);
    if (args->given[FORMAT_STANDALONE] > 0) {
        if (listener == NULL) return terse(f, "You can only use --standalone on a controller.");
        f->voters = ARENA_NEW(&f->cli->arena, struct cli_format_voter);
        *f->voters = (struct cli_format_voter){.id = config_node_id(f->config), .port = (uint16_t)listener->port};
        const char *host = listener->advertised_host != NULL ? listener->advertised_host : listener->host;
        f->voters->host = slice_str(host == NULL || *host == '\0' || strcmp(host, "0.0.0.0") == 0 ? "localhost" : host);
        f->format.voters = f->voters;
        f->format.voter_count = 1;
        f->format.is_standalone = true;
        return true;
    }
    if (config_is_controller(f->config) && !has_static && args->given[FORMAT_NO_INITIAL_CONTROLLERS] == 0) {
        return terse(f, "Because controller.quorum.voters is not set on this controller, you must specify one of the "
                        "following: --standalone, --initial-controllers, or --no-initial-controllers.");
    }
    return true;
}

// Directories that were formatted for somebody else are not touched, nor are those beside them.
static bool check_owner(struct formatting *f)
{
    struct cli *cli = f->cli;
    for (int i = 0; i < f->format.dir_count; i++) {
        struct props props = {0};
        const char *path = arena_printf(&cli->arena, "%s/meta.properties", f->format.dirs[i]);
        if (props_load(&props, cli, path) != OK) continue;
        struct slice cluster = props_get(&props, "cluster.id");
        const char *node = props_string(cli, &props, "node.id", NULL), *text = NULL;
        if (!slice_is_null(cluster) && !slice_eq(cluster, f->format.cluster_id)) {
            text = arena_printf(&cli->arena, "Invalid cluster.id in: %s. Expected %.*s, but read %.*s", path,
                                SLICE_FMT(f->format.cluster_id), SLICE_FMT(cluster));
        } else if (node != NULL && strtol(node, NULL, 10) != f->format.node_id) {
            text =
                arena_printf(&cli->arena,
                             "Stored node id %s doesn't match previous node id %d in %s. If you moved your data, make "
                             "sure your configured node id matches. If you intend to create a new node, you should "
                             "remove all data in your data directories.",
                             node, f->format.node_id, path);
        }
        if (text != NULL) return cli_uncaught(cli, "java.lang.RuntimeException", text), false;
    }
    return true;
}

// SCRAM credentials of --add-scram; `shown` gets them behind the features. False: told why not.
static bool add_credentials(struct formatting *f, struct text *shown)
{
    int count = f->args->given[FORMAT_ADD_SCRAM];
    struct slice *values = ARENA_ARRAY(&f->cli->arena, struct slice, count + 1);
    if (count > 0 && f->version->level < SCRAM_VERSION_MIN) {
        return terse(f, arena_printf(&f->cli->arena, "SCRAM is only supported in metadata.version %s or later.",
                                     metadata_version_of_level(SCRAM_VERSION_MIN)->name));
    }
    for (int i = 0; i < count; i++) {
        text_add_str(shown, ", ApiMessageAndVersion(");
        const char *problem = storage_scram(f->cli, f->args->values[FORMAT_ADD_SCRAM][i], &values[i], shown);
        if (problem != NULL) return terse(f, problem);
        text_add_str(shown, " at version 0)");
    }
    f->format.records = values;
    f->format.record_count = count;
    return true;
}

// Chooses what the bootstrap metadata holds; `line` says it as Java prints it.
static void choose_features(struct formatting *f, const char *credentials, struct text *line)
{
    static const char entry[] = "ApiMessageAndVersion(FeatureLevelRecord(name='%s', featureLevel=%d) at version 0)";
    static const enum feature by_feature_name[] = {FEATURE_ELR, FEATURE_GROUP, FEATURE_SHARE, FEATURE_STREAMS,
                                                   FEATURE_TRANSACTION};
    struct text list = {0};
    text_printf(&list, entry, "metadata.version", f->version->level);
    for (size_t i = 0; i < COUNT_OF(by_feature_name); i++) {
        enum feature feature = by_feature_name[i];
        if (f->levels[feature] == 0) continue;
        text_add_str(&list, ", ");
        text_printf(&list, entry, feature_names[feature], f->levels[feature]);
        f->features[f->format.feature_count++] =
            (struct cli_format_feature){.name = feature_names[feature], .level = f->levels[feature]};
    }
    f->format.features = f->features;
    text_printf(line,
                "Bootstrap metadata: BootstrapMetadata(records=[%s%s], metadataVersionLevel=%d, source=format "
                "command)\n",
                text_cstr(&list), credentials, f->version->level);
    text_deinit(&list);
}

static int format(struct cli *cli, const struct argparse *args)
{
    struct formatting f = {.cli = cli, .args = args};
    if (!load_config(cli, argparse_value(args, FORMAT_CONFIG), &f.config)) return 1;
    if (!choose_versions(&f) || !choose_voters(&f)) return 1;
    const char **dirs;
    f.format.dir_count = directories(cli, f.config, &dirs);
    f.format.dirs = dirs;
    f.format.cluster_id = slice_str(argparse_value(args, FORMAT_CLUSTER_ID));
    f.format.node_id = config_node_id(f.config);
    f.format.metadata_dir = config_metadata_log_dir(f.config);
    f.format.metadata_version = f.version->level;
    f.format.metadata_version_name = f.version->name;
    f.format.ignores_formatted = args->given[FORMAT_IGNORE_FORMATTED] > 0;
    if (!check_owner(&f)) return 1;
    struct text bootstrap = {0}, report = {0}, problem = {0}, credentials = {0};
    bool ok = add_credentials(&f, &credentials);
    choose_features(&f, text_cstr(&credentials), &bootstrap);
    enum err e = ok ? cli->host->format(cli->host, &f.format, &report, &problem) : OK;
    bool has_formatted = strncmp(text_cstr(&report), "Formatting", 10) == 0;
    if (has_formatted) cli_out_bytes(cli, text_slice(&bootstrap));
    cli_out_bytes(cli, text_slice(&report));
    if (e != OK) cli_err(cli, "%s\n", problem.size > 0 ? text_cstr(&problem) : err_text(e));
    text_deinit(&bootstrap);
    text_deinit(&report);
    text_deinit(&problem);
    text_deinit(&credentials);
    return !ok || e != OK;
}

// ---- version-mapping, feature-dependencies, random-uuid --------------------------------------------------------

static int version_mapping(struct cli *cli, const struct argparse *args)
{
    return features_print_mapping(cli, argparse_value(args, 0)) ? 0 : 1;
}

// False: said why not.
static bool print_dependencies(struct cli *cli, const char *word)
{
    const char *name, *equals = strchr(word, '=');
    int level;
    if (equals == NULL) {
        cli_err(cli, "Invalid feature format: %s. Expected format: 'feature=version' (e.g. 'group.version=1')\n", word);
        return false;
    }
    if (!parse_level(cli, word, &name, &level)) {
        cli_err(cli, "Invalid version format: %s for feature %.*s\n", equals + 1, (int)(equals - word), word);
        return false;
    }
    switch (features_print_dependencies(cli, name, level)) {
    case FEATURES_PRINTED: return true;
    case FEATURES_UNKNOWN_VERSION: cli_err(cli, "Unknown metadata.version %d\n", level); break;
    case FEATURES_UNKNOWN: cli_err(cli, "Unknown feature: %s\n", name); break;
    case FEATURES_UNKNOWN_LEVEL: cli_err(cli, "Feature level %d is not supported for feature %s\n", level, name); break;
    }
    return false;
}

static int feature_dependencies(struct cli *cli, const struct argparse *args)
{
    for (int i = 0; i < args->given[0]; i++) {
        if (!print_dependencies(cli, args->values[0][i])) return 1;
    }
    return 0;
}

static int random_uuid(struct cli *cli, const struct argparse *args)
{
    (void)args;
    struct uuid id;
    char text[UUID_TEXT_SIZE + 1];
    do { // version 4, and never one whose text looks like an option
        env_random(cli->host->env, id.bytes, sizeof(id.bytes));
        id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x40);
        id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
        uuid_format(id, text);
    } while (text[0] == '-' || uuid_is_reserved(id));
    cli_out(cli, "%s\n", text);
    return 0;
}

static int recover(struct cli *cli, const struct argparse *args)
{
    const struct config *config;
    return load_config(cli, argparse_value(args, 0), &config) ? storage_recover(cli, config) : 1;
}

// ---- the tool --------------------------------------------------------------------------------------------------

static const struct argparse_option config_option[] = {{"config", 'c', true, true, 0}};
static const struct argparse_option release_option[] = {{"release-version", 'r', true, false, 0}};
static const struct argparse_option feature_option[] = {{"feature", 'f', true, true, 0}};

static const struct {
    const char *name;
    const char *help;
    const struct argparse_option *options;
    int option_count;
    int (*run)(struct cli *cli, const struct argparse *args);
} commands[] = {
    {"info", info_help, config_option, 1, info},
    {"format", format_help, format_options, FORMAT_OPTIONS, format},
    {"version-mapping", version_mapping_help, release_option, 1, version_mapping},
    {"feature-dependencies", feature_dependencies_help, feature_option, 1, feature_dependencies},
    {"random-uuid", random_uuid_help, NULL, 0, random_uuid},
    {"recover", recover_help, config_option, 1, recover},
};

int tool_storage(struct cli *cli, int argc, char **argv)
{
    struct argparse *args = ARENA_NEW(&cli->arena, struct argparse);
    *args = (struct argparse){.cli = cli, .program = "kafka-storage", .help = storage_help};
    if (argc < 2) return argparse_error(args, "too few arguments");
    int code;
    if (argv[1][0] == '-') { // --help or a mistake
        return argparse_parse(args, argc, argv, &code) ? argparse_error(args, "too few arguments") : code;
    }
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (strcmp(argv[1], commands[i].name) != 0) continue;
        args->help = commands[i].help;
        args->options = commands[i].options;
        args->option_count = commands[i].option_count;
        return argparse_parse(args, argc - 1, argv + 1, &code) ? commands[i].run(cli, args) : code;
    }
    return argparse_error(args, arena_printf(&cli->arena,
                                             "invalid choice: '%s' (choose from 'info', 'format', "
                                             "'version-mapping', 'feature-dependencies', 'random-uuid')",
                                             argv[1]));
}
