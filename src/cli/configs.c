// SPDX-License-Identifier: Apache-2.0
// kafka-configs.sh (kafka-cli 2): which entities are meant and which options go together.
#include "cli/configs_int.h"
#include "cli/options_configs.h"
#include "cli/usage.h"

#include <stdlib.h>

static const char about[] =
    "This tool helps to manipulate and describe entity config for a topic, client, user, broker, ip, "
    "client-metrics or group";
static const char illegal_argument[] = "java.lang.IllegalArgumentException";

bool configs_fail_plain(struct configs_run *run, const char *text)
{
    run->is_plain = true;
    run->thrown = cli_thrown((struct cli_error){illegal_argument, text});
    return false;
}

bool configs_fail_call(struct configs_run *run, struct cli_error error)
{
    run->is_plain = false;
    if (strcmp(error.class_name, "org.apache.kafka.common.errors.TimeoutException") == 0) {
        // The tool gives up before the client does.
        run->thrown = cli_thrown((struct cli_error){"java.util.concurrent.TimeoutException", NULL});
        return false;
    }
    run->thrown = cli_thrown(error);
    cli_wrap(&run->thrown, "java.util.concurrent.ExecutionException", NULL);
    return false;
}

static bool has(const struct configs_run *run, int option)
{
    return jopt_has(&run->options, option);
}

static bool value(struct configs_run *run, int option, const char **out)
{
    return jopt_value(&run->options, option, out) || configs_fail_plain(run, run->options.problem);
}

bool configs_has_type(const struct configs_run *run, const char *type)
{
    for (int i = 0; i < run->type_count; i++) {
        if (strcmp(run->types[i], type) == 0) return true;
    }
    return false;
}

// ---- entities --------------------------------------------------------------------------------------------------

struct flag {
    int option;
    const char *type;
};

static const struct flag named_flags[] = {
    {CONFIGS_TOPIC, "topics"},
    {CONFIGS_CLIENT, "clients"},
    {CONFIGS_USER, "users"},
    {CONFIGS_BROKER, "brokers"},
    {CONFIGS_BROKER_LOGGER, "broker-loggers"},
    {CONFIGS_IP, "ips"},
    {CONFIGS_CLIENT_METRICS, "client-metrics"},
    {CONFIGS_GROUP, "groups"},
};
static const struct flag default_flags[] = {
    {CONFIGS_CLIENT_DEFAULTS, "clients"},
    {CONFIGS_USER_DEFAULTS, "users"},
    {CONFIGS_BROKER_DEFAULTS, "brokers"},
    {CONFIGS_IP_DEFAULTS, "ips"},
};

static void add_type(struct configs_run *run, const char *type)
{
    if (run->type_count < CONFIGS_ENTITIES_MAX) run->types[run->type_count++] = type;
}

static void add_name(struct configs_run *run, const char *name)
{
    if (run->name_count < CONFIGS_ENTITIES_MAX) run->names[run->name_count++] = name;
}

static void find_types(struct configs_run *run)
{
    for (int i = 0; i < jopt_count(&run->options, CONFIGS_ENTITY_TYPE); i++) {
        add_type(run, jopt_at(&run->options, CONFIGS_ENTITY_TYPE, i));
    }
    for (size_t i = 0; i < COUNT_OF(named_flags); i++) {
        if (has(run, named_flags[i].option)) add_type(run, named_flags[i].type);
    }
    for (size_t i = 0; i < COUNT_OF(default_flags); i++) {
        if (has(run, default_flags[i].option)) add_type(run, default_flags[i].type);
    }
}

// --entity-name and --entity-default in the order they were given, then the short forms.
static bool find_names(struct configs_run *run)
{
    int next = 0;
    for (int i = 0; i < run->options.order_count; i++) {
        if (run->options.order[i] == CONFIGS_ENTITY_DEFAULT) add_name(run, "");
        if (run->options.order[i] != CONFIGS_ENTITY_NAME) continue;
        add_name(run, jopt_at(&run->options, CONFIGS_ENTITY_NAME, next++));
    }
    for (size_t i = 0; i < COUNT_OF(named_flags); i++) {
        const char *name;
        if (!has(run, named_flags[i].option)) continue;
        if (!value(run, named_flags[i].option, &name)) return false;
        add_name(run, name);
    }
    for (size_t i = 0; i < COUNT_OF(default_flags); i++) {
        if (has(run, default_flags[i].option)) add_name(run, "");
    }
    return true;
}

static const char *joined_types(struct configs_run *run)
{
    const char *text = "";
    for (int i = 0; i < run->type_count; i++) {
        text = arena_printf(&run->cli->arena, "%s%s%s", text, i > 0 ? "," : "", run->types[i]);
    }
    return text;
}

// ---- checks ----------------------------------------------------------------------------------------------------

static bool check_types(struct configs_run *run)
{
    struct arena *arena = &run->cli->arena;
    static const char *const known[] = {"topics", "clients",        "users",  "brokers",
                                        "ips",    "client-metrics", "groups", "broker-loggers"};
    const char *doubled = NULL;
    for (int i = 0; i < run->type_count; i++) {
        for (int j = 0; j < i; j++) {
            if (strcmp(run->types[i], run->types[j]) != 0) continue;
            doubled = doubled == NULL ? run->types[i] : arena_printf(arena, "%s,%s", doubled, run->types[i]);
            break;
        }
    }
    if (doubled != NULL) {
        return configs_fail_plain(run, arena_printf(arena, "Duplicate entity type(s) specified: %s", doubled));
    }
    if (!has(run, CONFIGS_BOOTSTRAP_SERVER) && !has(run, CONFIGS_BOOTSTRAP_CONTROLLER)) {
        return configs_fail_plain(run, "Either --bootstrap-server or --bootstrap-controller must be specified.");
    }
    for (int i = 0; i < run->type_count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < COUNT_OF(known); k++) is_known = is_known || strcmp(run->types[i], known[k]) == 0;
        if (is_known) continue;
        return configs_fail_plain(
            run,
            arena_printf(arena,
                         "Invalid entity type %s, the entity type must be one of topics, clients, users, brokers, ips, "
                         "client-metrics, groups, broker-loggers with a --bootstrap-server or --bootstrap-controller "
                         "argument",
                         run->types[i]));
    }
    if (run->type_count == 0) return configs_fail_plain(run, "At least one entity type must be specified");
    bool is_pair = run->type_count == 2 && configs_has_type(run, "users") && configs_has_type(run, "clients");
    if (run->type_count > 1 && !is_pair) {
        return configs_fail_plain(run, "Only 'users' and 'clients' entity types may be specified together");
    }
    if (!has(run, CONFIGS_ENTITY_NAME) && !has(run, CONFIGS_ENTITY_TYPE) && !has(run, CONFIGS_ENTITY_DEFAULT)) {
        return true;
    }
    bool has_flag = false;
    for (size_t i = 0; i < COUNT_OF(named_flags); i++) has_flag = has_flag || has(run, named_flags[i].option);
    for (size_t i = 0; i < COUNT_OF(default_flags); i++) has_flag = has_flag || has(run, default_flags[i].option);
    return !has_flag || configs_fail_plain(run, "--entity-{type,name,default} should not be used in conjunction with "
                                                "specific entity flags");
}

static bool has_name(const struct configs_run *run, bool is_default)
{
    for (int i = 0; i < run->name_count; i++) {
        if ((*run->names[i] == '\0') == is_default) return true;
    }
    return false;
}

static bool is_int(const char *text)
{
    int64_t number;
    return cli_parse_long(slice_str(text), &number) && number <= INT32_MAX && number >= INT32_MIN;
}

// Broker ids are numbers, ips are addresses or names that can be resolved.
static bool check_name_forms(struct configs_run *run)
{
    static const int brokers[] = {CONFIGS_ENTITY_NAME, CONFIGS_BROKER, CONFIGS_BROKER_LOGGER};
    static const int ips[] = {CONFIGS_ENTITY_NAME, CONFIGS_IP};
    bool is_broker = configs_has_type(run, "brokers") || configs_has_type(run, "broker-loggers");
    const char *name;
    for (size_t i = 0; is_broker && has_name(run, false) && i < COUNT_OF(brokers); i++) {
        if (!has(run, brokers[i])) continue;
        if (!value(run, brokers[i], &name)) return false;
        if (is_int(name)) continue;
        return configs_fail_plain(run,
                                  arena_printf(&run->cli->arena,
                                               "The entity name for %s must be a valid integer broker id, but it is: "
                                               "%s",
                                               run->types[0], name));
    }
    for (size_t i = 0; configs_has_type(run, "ips") && has_name(run, false) && i < COUNT_OF(ips); i++) {
        if (!has(run, ips[i])) continue;
        if (!value(run, ips[i], &name)) return false;
        if (run->cli->host->resolves == NULL || run->cli->host->resolves(run->cli->host, name)) continue;
        return configs_fail_plain(run,
                                  arena_printf(&run->cli->arena,
                                               "The entity name for %s must be a valid IP or resolvable host, but it "
                                               "is: %s",
                                               run->types[0], name));
    }
    return true;
}

// Users, clients, brokers and ips have defaults.
static bool has_defaults(const struct configs_run *run)
{
    return configs_has_type(run, "users") || configs_has_type(run, "clients") || configs_has_type(run, "brokers") ||
           configs_has_type(run, "ips");
}

static bool check_action(struct configs_run *run)
{
    struct arena *arena = &run->cli->arena;
    if (has(run, CONFIGS_DESCRIBE)) {
        if (!has_defaults(run) && has(run, CONFIGS_ENTITY_DEFAULT)) {
            return configs_fail_plain(
                run,
                arena_printf(arena, "--entity-default must not be specified with --describe of %s", joined_types(run)));
        }
        if (configs_has_type(run, "broker-loggers") && !has_name(run, false)) {
            return configs_fail_plain(
                run, arena_printf(arena, "An entity name must be specified with --describe of %s", joined_types(run)));
        }
        return true;
    }
    if (has_defaults(run)) {
        if (run->name_count == 0) {
            return configs_fail_plain(run, "An entity-name or default entity must be specified with --alter of users, "
                                           "clients, brokers or ips");
        }
    } else if (!has_name(run, false)) {
        return configs_fail_plain(
            run, arena_printf(arena, "An entity name must be specified with --alter of %s", joined_types(run)));
    }
    if (has(run, CONFIGS_ADD_CONFIG) && has(run, CONFIGS_ADD_CONFIG_FILE)) {
        return configs_fail_plain(run, "Only one of --add-config or --add-config-file must be specified");
    }
    if (!has(run, CONFIGS_ADD_CONFIG) && !has(run, CONFIGS_ADD_CONFIG_FILE) && !has(run, CONFIGS_DELETE_CONFIG)) {
        return configs_fail_plain(run, "At least one of --add-config, --add-config-file, or --delete-config must be "
                                       "specified with --alter");
    }
    return true;
}

static bool check(struct configs_run *run)
{
    find_types(run);
    if (!check_types(run) || !find_names(run)) return false;
    if (has(run, CONFIGS_BOOTSTRAP_SERVER) && has(run, CONFIGS_BOOTSTRAP_CONTROLLER)) {
        return configs_fail_plain(run, "Only one of --bootstrap-server or --bootstrap-controller can be specified");
    }
    return check_name_forms(run) && check_action(run);
}

// ---- the tool --------------------------------------------------------------------------------------------------

static bool act(struct configs_run *run)
{
    const char *config, *bootstrap;
    run->uses_controller = has(run, CONFIGS_BOOTSTRAP_CONTROLLER);
    run->cli->at_controllers = run->uses_controller;
    int option = run->uses_controller ? CONFIGS_BOOTSTRAP_CONTROLLER : CONFIGS_BOOTSTRAP_SERVER;
    if (!value(run, CONFIGS_COMMAND_CONFIG, &config) || !value(run, option, &bootstrap)) return false;
    run->cli->api_timeout_ms = has(run, CONFIGS_ALTER) ? 60000 : 30000; // how long the tool waits for an answer
    if (!cli_connect(run->cli, config, bootstrap, &run->client, &run->thrown)) return false;
    if (has(run, CONFIGS_DESCRIBE)) return configs_describe(run);
    if (run->type_count != run->name_count) {
        return configs_fail_plain(run, "An entity name must be specified for every entity type");
    }
    return configs_alter(run);
}

static int show_failure(const struct configs_run *run, int argc, char **argv)
{
    struct cli *cli = run->cli;
    if (run->is_plain) {
        cli_err(cli, "%s\n", cli_thrown_text(cli, &run->thrown));
        return 1;
    }
    cli_err(cli, "Error while executing config command with args '");
    for (int i = 1; i < argc; i++) cli_err(cli, "%s%s", i > 1 ? " " : "", argv[i]);
    cli_err(cli, "'\n");
    cli_print_thrown(cli, &run->thrown);
    return 1;
}

int tool_configs(struct cli *cli, int argc, char **argv)
{
    static const int not_describe[] = {CONFIGS_ALTER, CONFIGS_ADD_CONFIG, CONFIGS_DELETE_CONFIG, -1};
    struct configs_run run = {.cli = cli};
    struct jopt *options = &run.options;
    if (!jopt_parse(options, configs_options, CONFIGS_OPTIONS, &cli->arena, argc, argv)) {
        cli_err(cli, "%s\n", options->problem);
        return 1;
    }
    int code;
    if (!usage_begin(cli, options, argc, about, &code)) return code;
    if (has(&run, CONFIGS_ALTER) == has(&run, CONFIGS_DESCRIBE)) {
        return cli_usage(cli, options, "Command must include exactly one action: --describe, --alter");
    }
    if (!usage_exclude(cli, options, CONFIGS_DESCRIBE, not_describe)) return 1;
    bool ok = check(&run) && act(&run);
    if (run.client != NULL) client_free(run.client);
    return ok ? 0 : show_failure(&run, argc, argv);
}
